//! Money at the bank that no file reports: a receipt that two operators vouch for.

use crate::batch::{Batch, Step};
use crate::commands::bank::assign_suspense::{Target, find_target};
use crate::commands::bank::custody;
use crate::commands::receivables::settlement;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, optional, required_prose};
use crate::view::View;
use chrono::{Days, NaiveDate};
use domain::Refusal;
use domain::bank_line::{Direction, LineKind, LineState, SAME_MONEY_DAYS};
use domain::chart::{self, currency_asset};
use domain::party::Capacity;
use kernel::{BankLineId, CustodyId};
use ledger::AssetId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::bank::ReceiptFacts;
use store::{BankLine, Conn, StoreError};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordReceipt {
    pub currency: String,
    pub amount_minor: i64,
    pub value_date: NaiveDate,
    /// Structured creditor reference (ISO 11649) of the company or receivable.
    pub reference: String,
    /// The bank's own reference of the booking, where the operators know it.
    #[serde(default)]
    pub bank_reference: String,
    /// This is other money than bank line number so-and-so, and than all before it, which look the same.
    #[serde(default)]
    pub other_than: BankLineId,
    /// The platform's account on which the money stands; the current one of the currency when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<CustodyId>,
    /// The operators' observation at the bank.
    pub reason: String,
}

/// Lines that a bank file has brought and that could be this very money, newest first.
pub fn list_known(
    conn: &mut Conn,
    currency: &str,
    amount_minor: i64,
    value_date: NaiveDate,
    after: BankLineId,
) -> Result<Vec<BankLine>, StoreError> {
    let near = Days::new(SAME_MONEY_DAYS);
    let first = value_date.checked_sub_days(near).unwrap_or(value_date);
    let last = value_date.checked_add_days(near).unwrap_or(value_date);
    store::bank::list_receipts_like(conn, ReceiptFacts { currency, amount_minor, first, last, after })
}

/// Money that is not booked yet.
pub struct Receipt {
    target: Target,
    /// The account on which it stands.
    bank: CustodyId,
    asset: AssetId,
    bank_reference: String,
}

impl Execute for RecordReceipt {
    const NAME: &'static str = "record_receipt";
    const STEP_UP: bool = true;

    type Decision = Receipt;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Receipt> {
        view.acting_party(actor, Capacity::Operator)?;
        let asset = currency_asset(crate::commands::traded(view, &self.currency)?);
        required_prose(&self.reason, "reason", 500)?;
        if self.amount_minor <= 0 {
            return Err(Refusal::AmountInvalid { field: "amount".to_owned() }.into());
        }
        if self.amount_minor > domain::money::MOST_BOOKED_MINOR {
            return Err(Refusal::AmountTooLarge.into());
        }
        let earliest = view.today().checked_sub_days(chrono::Days::new(366)).unwrap_or(self.value_date);
        if self.value_date > view.today() || self.value_date < earliest {
            return Err(Refusal::DateInvalid { field: "value_date".to_owned() }.into());
        }
        let bank_reference = optional(&self.bank_reference, "bank_reference", 35)?;
        let target = find_target(view.conn(), &self.reference, &self.currency)?.ok_or(Refusal::ReferenceUnknown)?;
        let known = list_known(view.conn(), &self.currency, self.amount_minor, self.value_date, self.other_than)?;
        if let Some(line) = known.first() {
            return Err(Refusal::ReceiptKnown { line_id: line.id }.into());
        }
        let bank = custody::receiving(view.conn(), self.account_id, &self.currency)?.id;
        Ok(Receipt { target, bank, asset, bank_reference })
    }

    fn asks(&self, _view: &mut dyn View, _actor: &Actor, decision: &Receipt) -> Step<Asks> {
        let (amount_minor, subject) = (Some(self.amount_minor), decision.target.record());
        Ok(Asks::Always(Ask { amount_minor, currency: self.currency.clone(), subject }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Receipt) -> Applied<Done> {
        let Receipt { target, bank, asset, bank_reference } = decision;
        let mut line = BankLine {
            id: batch.next_id(),
            currency: self.currency.clone(),
            direction: Direction::In,
            amount_minor: self.amount_minor,
            booking_date: batch.today(),
            value_date: self.value_date,
            bank_reference,
            reference: self.reference.clone(),
            state: LineState::Matched,
            note: self.reason.clone(),
            kind: LineKind::Recorded.into(),
            occurrence: 1,
            custody_id: bank,
            ..BankLine::default()
        };
        batch.value_date = self.value_date;
        match target {
            Target::Company(party) => {
                batch.post(&chart::deposit(bank, party, asset, self.amount_minor))?;
                settlement::notify_deposit(batch, party, &self.currency, self.amount_minor);
                line.party_id = Some(party);
            }
            Target::Receivable(id) => {
                batch.post(&chart::collection(bank, id, asset, self.amount_minor))?;
                settlement::settle(batch, id, &settlement::Payment::from(&line))?;
                line.receivable_id = Some(id);
            }
        }
        batch.insert(&line)?;
        Ok(Done::new(line.id, json!({ "line_id": line.id })))
    }
}
