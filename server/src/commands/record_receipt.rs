//! Money at the bank that no file reports: a receipt that two operators vouch for.

use super::assign_suspense::{Target, find_target};
use super::{Actor, Ask, Done, Execute, currency, required, settlement};
use crate::batch::{Batch, Step};
use chrono::NaiveDate;
use domain::Refusal;
use domain::chart::{self, currency_asset};
use domain::party::Capacity;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::BankLine;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordReceipt {
    pub currency: String,
    pub amount_minor: i64,
    pub value_date: NaiveDate,
    /// Structured creditor reference (ISO 11649) of the company or receivable.
    pub reference: String,
    /// What the operators saw at the bank.
    pub reason: String,
}

impl RecordReceipt {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Target> {
        batch.acting_party(actor, Capacity::Operator)?;
        currency(&self.currency)?;
        required(&self.reason, "reason", 500)?;
        if self.amount_minor <= 0 {
            return Err(Refusal::AmountInvalid { field: "amount".to_owned() }.into());
        }
        if self.amount_minor > domain::money::MOST_BOOKED_MINOR {
            return Err(Refusal::AmountTooLarge.into());
        }
        let earliest = batch.today().checked_sub_days(chrono::Days::new(366)).unwrap_or(self.value_date);
        if self.value_date > batch.today() || self.value_date < earliest {
            return Err(Refusal::DateInvalid { field: "value_date".to_owned() }.into());
        }
        Ok(find_target(batch, &self.reference, &self.currency)?.ok_or(Refusal::ReferenceUnknown)?)
    }
}

impl Execute for RecordReceipt {
    const NAME: &'static str = "record_receipt";

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        self.decide(batch, actor)?;
        Ok(Some(Ask { amount_minor: Some(self.amount_minor), currency: self.currency.clone(), subject: 0 }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let target = self.decide(batch, actor)?;
        let asset = currency_asset(currency(&self.currency)?);
        let mut line = BankLine {
            id: batch.next_id(),
            statement_id: 0,
            currency: self.currency.clone(),
            direction: "in".to_owned(),
            amount_minor: self.amount_minor,
            booking_date: batch.today(),
            value_date: self.value_date,
            bank_reference: String::new(),
            reference: self.reference.clone(),
            end_to_end: String::new(),
            counterparty: String::new(),
            counterparty_iban: String::new(),
            remittance: String::new(),
            state: "matched".to_owned(),
            party_id: None,
            receivable_id: None,
            note: self.reason.clone(),
        };
        batch.value_date = self.value_date;
        match target {
            Target::Company(party) => {
                batch.post(&chart::deposit(party, asset, self.amount_minor))?;
                settlement::notify_deposit(batch, party, &self.currency, self.amount_minor);
                line.party_id = Some(party);
            }
            Target::Receivable(id) => {
                batch.post(&chart::collection(id, asset, self.amount_minor))?;
                settlement::settle(batch, id, &settlement::Payment::from(&line))?;
                line.receivable_id = Some(id);
            }
        }
        batch.insert(&line)?;
        Ok(Done::new(line.id, json!({ "line_id": line.id })))
    }
}
