//! Money that belongs to nobody here goes back to the account it came from. Two operators.

use super::{Actor, Ask, Done, Execute, assign_suspense::waiting_line, currency, one_request, required_prose};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::bank_account::BankAccountNumber;
use domain::bank_line::LineState;
use domain::chart::{self, currency_asset};
use domain::party::Capacity;
use domain::settlement_instruction::InstructionState;
use kernel::{BankLineId, PayoutId};
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

impl Execute for ReturnSuspense {
    const NAME: &'static str = "return_suspense";
    const STEP_UP: bool = true;

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        batch.acting_party(actor, Capacity::Operator)?;
        required_prose(&self.reason, "reason", 500)?;
        let line = waiting_line(batch, self.line_id)?;
        one_request(batch, actor, line.id)?;
        payer_account(&line)?;
        Ok(Some(Ask { amount_minor: Some(line.amount_minor), currency: line.currency, subject: line.id.into() }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.acting_party(actor, Capacity::Operator)?;
        let mut line = waiting_line(batch, self.line_id)?;
        let account = payer_account(&line)?;
        let asset = currency_asset(currency(&line.currency)?);
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
