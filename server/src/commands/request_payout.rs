//! A company takes money out: a hold on its cash, paid only to its verified account.

use super::{Actor, Ask, Done, Execute, currency, second_person};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::chart::{self, AccountKey, currency_asset};
use domain::party::PartyStatus;
use domain::settlement_instruction::InstructionState;
use kernel::PayoutId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{BankAccount, Payout};
use utoipa::ToSchema;

/// What the number of a payout begins with at the bank.
pub const PAYOUT_PREFIX: &str = "KPAY";

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RequestPayout {
    pub currency: String,
    pub amount_minor: i64,
}

impl RequestPayout {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(BankAccount, AccountKey)> {
        let party = batch.party(actor.party_id)?;
        if party.status != PartyStatus::Active {
            return Err(Refusal::CompanyNotActive.into());
        }
        let known = currency(&self.currency)?;
        if self.amount_minor <= 0 {
            return Err(Refusal::AmountInvalid { field: "amount".to_owned() }.into());
        }
        let found = store::parties::find_verified_account(batch.conn, party.id, known.code())?;
        let account = found.ok_or_else(|| Refusal::BankAccountMissing { currency: self.currency.clone() })?;
        let key = AccountKey::cash(party.id, currency_asset(known));
        let (_, available_minor) = batch.balance(key)?;
        if self.amount_minor > available_minor {
            return Err(Refusal::InsufficientCash { available_minor }.into());
        }
        Ok((account, key))
    }
}

impl Execute for RequestPayout {
    const NAME: &'static str = "request_payout";
    const STEP_UP: bool = true;

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        self.decide(batch, actor)?;
        second_person::weigh(batch, actor, &[(&self.currency, self.amount_minor)], actor.party_id)
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (account, key) = self.decide(batch, actor)?;
        let (hold_number, _) = batch.post(&chart::payout_request(Some(actor.party_id), key.asset, self.amount_minor))?;
        let id: PayoutId = batch.next_id();
        let payout = Payout {
            id,
            party_id: Some(actor.party_id),
            bank_line_id: None,
            currency: self.currency.clone(),
            amount_minor: self.amount_minor,
            iban: account.iban,
            bic: account.bic,
            holder: account.holder,
            state: InstructionState::Authorised,
            hold_number: hold_number.into(),
            end_to_end: format!("{PAYOUT_PREFIX}{id}"),
            file_id: None,
            created_at: batch.now,
            expected_date: None,
            bank_status: String::new(),
            reason_code: String::new(),
            note: String::new(),
            custody_id: store::custody::FIRST,
        };
        batch.insert(&payout)?;
        Ok(Done::new(actor.party_id, json!({ "payout_id": id, "end_to_end": payout.end_to_end })))
    }
}
