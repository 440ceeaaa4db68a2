//! Two operators send money that belongs to no company here back to the account it came from.

use crate::batch::{Batch, Step};
use crate::commands::bank::assign_suspense::waiting_line;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, currency, one_request, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::bank_account::BankAccountNumber;
use domain::bank_line::LineState;
use domain::chart::{self, currency_asset};
use domain::party::Capacity;
use domain::settlement_instruction::InstructionState;
use kernel::{BankLineId, PayoutId};
use ledger::AssetId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{BankLine, Payout};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReturnSuspense {
    pub line_id: BankLineId,
    pub reason: String,
}

/// The account that the money came from, where a payment back would arrive.
fn payer_account(line: &BankLine) -> Result<BankAccountNumber, Refusal> {
    let account = BankAccountNumber::parse(&line.counterparty_iban).ok_or(Refusal::PayerAccountUnknown)?;
    if account.is_qr_iban() { Err(Refusal::QrIban) } else { Ok(account) }
}

/// Money that may go back, and where to.
pub struct Returnable {
    line: BankLine,
    account: BankAccountNumber,
    asset: AssetId,
}

impl Execute for ReturnSuspense {
    const NAME: &'static str = "return_suspense";
    const STEP_UP: bool = true;

    type Decision = Returnable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Returnable> {
        view.acting_party(actor, Capacity::Operator)?;
        required_prose(&self.reason, "reason", 500)?;
        let line = waiting_line(view.conn(), self.line_id)?;
        // An existing request is reported before a fault of the account.
        if actor.approver_id.is_none() {
            one_request(view.conn(), actor, line.id)?;
        }
        let account = payer_account(&line)?;
        let asset = currency_asset(currency(&line.currency)?);
        Ok(Returnable { line, account, asset })
    }

    fn asks(&self, _view: &mut dyn View, _actor: &Actor, decision: &Returnable) -> Step<Asks> {
        let line = &decision.line;
        let amount_minor = Some(line.amount_minor);
        Ok(Asks::Always(Ask { amount_minor, currency: line.currency.clone(), subject: line.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Returnable) -> Applied<Done> {
        let Returnable { mut line, account, asset } = decision;
        let (hold_number, _) = batch.post(&chart::payout_request(None, asset, line.amount_minor))?;
        let id: PayoutId = batch.next_id();
        let holder =
            if line.counterparty.is_empty() { "Unknown".to_owned() } else { domain::names::as_holder(&line.counterparty) };
        let payout = Payout {
            id,
            party_id: None,
            bank_line_id: Some(line.id),
            currency: line.currency.clone(),
            amount_minor: line.amount_minor,
            iban: account.to_string(),
            bic: String::new(),
            holder,
            state: InstructionState::Authorised,
            hold_number: hold_number.into(),
            end_to_end: format!("KRET{id}"),
            file_id: None,
            created_at: batch.now,
            expected_date: None,
            bank_status: String::new(),
            reason_code: String::new(),
            note: String::new(),
            custody_id: store::custody::FIRST,
        };
        batch.insert(&payout)?;
        line.state = LineState::Returned;
        line.note.clone_from(&self.reason);
        batch.update(&line)?;
        Ok(Done::new(line.id, json!({ "line_id": line.id, "payout_id": id })))
    }
}
