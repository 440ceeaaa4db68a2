//! Two operators take back where two people placed money, or a receipt that they recorded: the reversing entry. What has been shared out or
//! spent meanwhile stays with who has it and is a claim.

use super::bank_line::sibling;
use super::{Actor, Ask, Done, Execute, currency, one_request, required_prose};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::chart::{self, AccountKey, currency_asset};
use domain::party::Capacity;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{BankLine, Receivable, StoreError};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TakeBackLine {
    pub line_id: i64,
    pub reason: String,
}

/// What taking a line back means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    /// The bank has brought the money: it waits in suspense again.
    Placement,
    /// No file has brought it: it was never there.
    Receipt,
    /// It had paid a claim, which is open again.
    ClaimPayment,
}

/// Whether a line can be taken back, and how.
pub(crate) fn way_back(line: &BankLine) -> Option<Back> {
    if line.direction != "in" || line.payout_id.is_some() {
        return None;
    }
    let has_place = line.party_id.is_some() || line.receivable_id.is_some();
    match (line.state.as_str(), line.kind.as_str()) {
        ("placed", "claim_payment") => Some(Back::ClaimPayment),
        ("matched", "recorded") if line.twin_id.is_none() => has_place.then_some(Back::Receipt),
        ("placed" | "matched", _) => has_place.then_some(Back::Placement),
        _ => None,
    }
}

impl TakeBackLine {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(BankLine, Back)> {
        batch.acting_party(actor, Capacity::Operator)?;
        required_prose(&self.reason, "reason", 500)?;
        let line = BankLine::find(batch.conn, self.line_id)?.ok_or(Refusal::NotFound)?;
        let back = way_back(&line).ok_or_else(|| Refusal::StateConflict { state: line.state.clone() })?;
        if back == Back::Receipt {
            let held = batch.balance(AccountKey::custody(currency_asset(currency(&line.currency)?)))?.0;
            if held < line.amount_minor {
                return Err(Refusal::InsufficientCash { available_minor: held }.into());
            }
        }
        Ok((line, back))
    }
}

impl Execute for TakeBackLine {
    const NAME: &'static str = "take_back_line";
    const STEP_UP: bool = true;

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let (line, _) = self.decide(batch, actor)?;
        one_request(batch, actor, line.id)?;
        Ok(Some(Ask { amount_minor: Some(line.amount_minor), currency: line.currency, subject: line.id }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (mut line, back) = self.decide(batch, actor)?;
        let missing = match back {
            Back::Placement | Back::Receipt => self.reverse(batch, &mut line, back)?,
            Back::ClaimPayment => reopen_claim(batch, &mut line)?,
        };
        line.note.clone_from(&self.reason);
        batch.update(&line)?;
        let body = json!({ "line_id": line.id, "state": line.state, "claim_minor": missing, "currency": line.currency });
        Ok(Done::new(line.id, body))
    }
}

impl TakeBackLine {
    /// Out of where the money is, as far as it is still there; the rest is a claim. Answers the claim.
    fn reverse(&self, batch: &mut Batch<'_>, line: &mut BankLine, back: Back) -> Step<i64> {
        let known = currency(&line.currency)?;
        let asset = currency_asset(known);
        let amount = line.amount_minor;
        // A surplus that went to a company still names the receivable that it came from.
        let (from, debtor, there) = match (line.party_id, line.receivable_id) {
            (Some(party), _) => {
                let cash = AccountKey::cash(party, asset);
                (cash, party, batch.balance(cash)?.1.clamp(0, amount))
            }
            (None, Some(id)) => (AccountKey::collection(id, asset), Receivable::load(batch.conn, id)?.buyer_id, 0),
            (None, None) => return Err(StoreError::Corrupt(format!("place of bank line {}", line.id)).into()),
        };
        let missing = amount.saturating_sub(there);
        let arguments = json!({ "amount": known.format(amount), "currency": line.currency, "claim": known.format(missing) });
        batch.notify(debtor, "placement_reversed", &arguments, "/home".to_owned());
        if back == Back::Receipt {
            batch.post(&chart::receipt_reversed(from, debtor, asset, (there, missing)))?;
            line.claim_minor = missing;
            line.party_id = Some(debtor);
            if missing > 0 { "claimed" } else { "reversed" }.clone_into(&mut line.state);
            return Ok(missing);
        }
        batch.post(&chart::placement_reversed(from, debtor, asset, (there, missing)))?;
        if missing > 0 {
            let receivable_id = line.receivable_id.filter(|_| line.party_id.is_none());
            let claim = BankLine {
                statement_id: 0,
                direction: "out".to_owned(),
                amount_minor: missing,
                booking_date: batch.today(),
                value_date: batch.today(),
                bank_reference: String::new(),
                end_to_end: String::new(),
                state: "claimed".to_owned(),
                kind: "placement_reversed".to_owned(),
                claim_minor: missing,
                party_id: Some(debtor),
                receivable_id,
                twin_id: Some(line.id),
                note: self.reason.clone(),
                ..sibling(batch, line)
            };
            batch.insert(&claim)?;
        }
        line.party_id = None;
        if line.kind != "surplus" {
            line.receivable_id = None;
        }
        "suspense".clone_into(&mut line.state);
        Ok(missing)
    }
}

/// The claim that the money had paid is owed again.
fn reopen_claim(batch: &mut Batch<'_>, line: &mut BankLine) -> Step<i64> {
    let asset = currency_asset(currency(&line.currency)?);
    let corrupt = || StoreError::Corrupt(format!("claim of bank line {}", line.id));
    let mut claim = BankLine::load(batch.conn, line.twin_id.ok_or_else(corrupt)?)?;
    let debtor = line.party_id.unwrap_or(0);
    batch.post(&chart::placement_reversed(AccountKey::suspense(asset), debtor, asset, (0, line.amount_minor)))?;
    claim.claim_minor = claim.claim_minor.saturating_add(line.amount_minor);
    "claimed".clone_into(&mut claim.state);
    batch.update(&claim)?;
    (line.party_id, line.twin_id) = (None, None);
    line.kind.clear();
    "suspense".clone_into(&mut line.state);
    Ok(0)
}
