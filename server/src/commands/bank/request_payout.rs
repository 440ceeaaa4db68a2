//! A company takes money out: a hold on its cash, paid only to its verified account.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Asks, Done, Execute, currency};
use crate::view::View;
use domain::Refusal;
use domain::chart::{self, AccountKey, currency_asset};
use domain::party::PartyStatus;
use domain::settlement_instruction::InstructionState;
use kernel::PayoutId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{BankAccount, Payout};
use utoipa::ToSchema;

/// The prefix of a payout's number at the bank.
pub const PAYOUT_PREFIX: &str = "KPAY";

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RequestPayout {
    pub currency: String,
    pub amount_minor: i64,
}

/// Money that may leave, and where it goes.
pub struct Payable {
    account: BankAccount,
    from: AccountKey,
}

impl Execute for RequestPayout {
    const NAME: &'static str = "request_payout";
    const STEP_UP: bool = true;

    type Decision = Payable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Payable> {
        let party = view.party(actor.party_id)?;
        if party.status != PartyStatus::Active {
            return Err(Refusal::CompanyNotActive.into());
        }
        let known = currency(&self.currency)?;
        if self.amount_minor <= 0 {
            return Err(Refusal::AmountInvalid { field: "amount".to_owned() }.into());
        }
        let found = store::parties::find_verified_account(view.conn(), party.id, known.code())?;
        let account = found.ok_or_else(|| Refusal::BankAccountMissing { currency: self.currency.clone() })?;
        let from = AccountKey::cash(party.id, currency_asset(known));
        let (_, available_minor) = view.balance(from)?;
        if self.amount_minor > available_minor {
            return Err(Refusal::InsufficientCash { available_minor }.into());
        }
        Ok(Payable { account, from })
    }

    fn asks(&self, _view: &mut dyn View, actor: &Actor, _decision: &Payable) -> Step<Asks> {
        Ok(Asks::Above { amounts: vec![(self.currency.clone(), self.amount_minor)], subject: actor.party_id.into() })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Payable) -> Applied<Done> {
        let Payable { account, from } = decision;
        let (hold_number, _) = batch.post(&chart::payout_request(Some(actor.party_id), from.asset, self.amount_minor))?;
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
