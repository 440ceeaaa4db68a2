//! Two operators take back a placement of money, a receipt that two operators recorded, or an act on a waiting line, by a
//! reversing entry. Money that was shared out or spent meanwhile stays with its owner and becomes a claim.

use crate::batch::{Batch, Step};
use crate::commands::bank::line::sibling;
use crate::commands::bank::payout;
use crate::commands::bank::resolve_line::{Before, as_shown};
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, currency, one_request, required_prose};
use crate::view::View;
use domain::bank_line::{ACTS_OF_A_CLAIM, Act, Attention, Back, Decided, Direction, LineKind, LineState, way_back};
use domain::chart::{self, AccountKey, Booking, currency_asset};
use domain::party::Capacity;
use domain::settlement_instruction::InstructionEvent;
use domain::{Currency, Refusal};
use kernel::{BankLineId, Blank, HoldNumber, PartyId, StatementId};
use ledger::AssetId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{AuditRecord, BankLine, Conn, Payout, Receivable, StoreError, TransferRow, journal};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TakeBackLine {
    pub line_id: BankLineId,
    /// The claim, in minor units, that was shown. If the sum differs by now, `check_changed` refuses; left out, any sum is
    /// accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_minor: Option<i64>,
    pub reason: String,
}

/// The effect of taking a line back. The check page shows it, and the command does it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub line: BankLine,
    currency: Currency,
    pub back: Back,
    /// The account that the money leaves or goes back to, and the company that owes the missing part; 0 means no company of the
    /// platform.
    from: AccountKey,
    pub debtor: PartyId,
    /// Of its money: the part that is still in its place, and the missing part. Of a reversed receipt: the part that goes back.
    pub there_minor: i64,
    pub missing_minor: i64,
    /// The payouts that are with the bank again.
    pub payouts: Vec<Payout>,
    /// The rest that the link had left over: it is a part of the line again.
    pub rest: Option<BankLine>,
    /// The receipt that was taken for the same money, the claim that was paid, or the reversed receipt as it will be again.
    pub other: Option<BankLine>,
}

/// The decision of two people about a line, and the transfers that it booked.
struct Decision {
    act: Act,
    record: AuditRecord,
    /// The earlier state of a reversed receipt.
    receipt: Option<Before>,
}

/// Decisions about a line that are looked at.
const MOST_DECISIONS: i64 = 50;

/// The newest decisions about a line, the last one first.
fn list_decisions(conn: &mut Conn, line_id: BankLineId) -> Result<Vec<Decision>, StoreError> {
    let records = store::log::list_decisions(conn, line_id.into(), MOST_DECISIONS)?;
    let read = |record: AuditRecord| {
        let outcome: serde_json::Value = serde_json::from_str(&record.outcome).unwrap_or_default();
        let said = |name: &str| outcome.pointer(&format!("/body/{name}"));
        let own = said("command").and_then(|name| name.as_str()) == Some("resolve_line");
        let act = said("act").and_then(|act| act.as_str()).and_then(Act::parse).filter(|_| own)?;
        let receipt = said("receipt").and_then(|receipt| Before::deserialize(receipt).ok());
        Some(Decision { act, record, receipt })
    };
    Ok(records.into_iter().filter_map(read).collect())
}

fn sum_of(transfers: &[TransferRow]) -> i64 {
    transfers.iter().fold(0, |sum: i64, transfer| sum.saturating_add(transfer.amount))
}

/// The free amount of an account.
pub(super) fn free_of(conn: &mut Conn, key: AccountKey) -> Result<i64, StoreError> {
    let rows = journal::list_accounts(conn, &[key])?;
    Ok(rows.first().map_or(0, |row| row.balance.saturating_sub(row.held)))
}

/// How a line can be taken back, if it can.
pub fn find_way_back(conn: &mut Conn, line: &BankLine) -> Result<Option<Back>, StoreError> {
    Ok(find_back(conn, line)?.map(|(back, _)| back))
}

/// The way back, and the decision that it undoes.
fn find_back(conn: &mut Conn, line: &BankLine) -> Result<Option<(Back, Option<Decision>)>, StoreError> {
    let decisions = list_decisions(conn, line.id)?;
    let act = decisions.first().map(|last| last.act);
    let origin = decisions.iter().position(|one| !ACTS_OF_A_CLAIM.contains(&one.act));
    let reverse = origin.and_then(|at| decisions.get(at)).filter(|one| one.act == Act::Reverse);
    // Of a reversed receipt only what was not there any more is claimed.
    let claimed_minor = match reverse {
        Some(one) => sum_of(&journal::list_booked(conn, &one.record, Booking::ClaimMade)?),
        None => line.amount_minor,
    };
    let decided = Decided {
        incoming: line.direction == Direction::In,
        state: line.state,
        kind: line.kind,
        has_place: line.party_id.is_some() || line.receivable_id.is_some(),
        is_payout: line.payout_id.is_some(),
        has_twin: line.twin_id.is_some(),
        whole_claim: line.claim_minor == claimed_minor,
        act,
        origin: origin.and_then(|at| decisions.get(at)).map(|one| one.act),
    };
    let back = way_back(&decided);
    let at = origin.filter(|_| back == Some(Back::Reverse)).unwrap_or(0);
    Ok(back.map(|back| (back, decisions.into_iter().nth(at))))
}

/// The effect of taking this line back now, or the reason why it cannot be taken back.
pub fn plan(conn: &mut Conn, line: BankLine) -> Step<Plan> {
    let conflict = |state: &str| Refusal::StateConflict { state: state.to_owned() };
    let corrupt = |what: &str| StoreError::Corrupt(format!("{what} of bank line {}", line.id));
    let Some((back, decision)) = find_back(conn, &line)? else { return Err(conflict(line.state.name()).into()) };
    let known = currency(&line.currency)?;
    let asset = currency_asset(known);
    let amount_minor = line.amount_minor;
    let (mut payouts, mut rest, mut other) = (Vec::new(), None, None);
    // Money that is in no company's hands is all there.
    let (mut from, mut debtor, mut there_minor) = (AccountKey::custody(line.custody_id, asset), PartyId(0), amount_minor);
    match back {
        Back::Placement | Back::Receipt => {
            (from, debtor, there_minor) = place(conn, &line, asset)?;
            if back == Back::Receipt {
                has_left(conn, &line, asset)?;
            }
        }
        Back::Accept => {
            has_left(conn, &line, asset)?;
            from = AccountKey::suspense(asset);
        }
        Back::ClaimPayment => {
            let claim = BankLine::load(conn, line.twin_id.ok_or_else(|| corrupt("claim"))?)?;
            debtor = line.party_id.unwrap_or(PartyId(0));
            other = Some(claim);
        }
        Back::Link => {
            let decision = decision.ok_or_else(|| corrupt("link"))?;
            for transfer in journal::list_booked(conn, &decision.record, Booking::PayoutDone)? {
                let found = store::bank::find_payout_by_hold(conn, HoldNumber(transfer.hold.unwrap_or(0)))?;
                let found = found.ok_or_else(|| corrupt("payout"))?;
                payout::check(&found, InstructionEvent::Unlink)?;
                payouts.push(found);
            }
            rest = store::bank::find_rest_of_debit(conn, &line)?;
            if let Some(left) = rest.as_ref().filter(|left| left.state != LineState::Attention) {
                return Err(conflict(left.state.name()).into());
            }
        }
        Back::Same => {
            let receipt = BankLine::load(conn, line.twin_id.ok_or_else(|| corrupt("receipt"))?)?;
            let open = receipt.kind == LineKind::Recorded && receipt.state == LineState::Matched;
            if !open || receipt.twin_id != Some(line.id) {
                return Err(conflict(receipt.state.name()).into());
            }
            other = Some(receipt);
        }
        Back::WriteOff => {
            let decision = decision.ok_or_else(|| corrupt("write-off"))?;
            debtor = line.party_id.unwrap_or(PartyId(0));
            there_minor = sum_of(&journal::list_booked(conn, &decision.record, Booking::ClaimWrittenOff)?);
        }
        Back::Reverse => {
            let mut receipt = BankLine::load(conn, line.twin_id.ok_or_else(|| corrupt("receipt"))?)?;
            let before = decision.and_then(|decision| decision.receipt).filter(|before| before.line_id == receipt.id);
            let held = receipt.state == LineState::Reversed && receipt.twin_id == Some(line.id);
            let before = before.filter(|_| held).ok_or_else(|| conflict(receipt.state.name()))?;
            (receipt.state, receipt.twin_id) = (before.state, before.twin_id);
            debtor = line.party_id.unwrap_or(PartyId(0));
            // A payment for a receivable was shared out, so nothing of it was there.
            from = if debtor > PartyId(0) { AccountKey::cash(debtor, asset) } else { AccountKey::suspense(asset) };
            there_minor = amount_minor.saturating_sub(line.claim_minor);
            other = Some(receipt);
        }
        Back::Expense | Back::Claim | Back::Explain => {}
    }
    let missing_minor = if matches!(back, Back::WriteOff | Back::Reverse) { 0 } else { amount_minor.saturating_sub(there_minor) };
    Ok(Plan { line, currency: known, back, from, debtor, there_minor, missing_minor, payouts, rest, other })
}

/// The account from which a placed line's money comes, the debtor of the rest, and the amount still there.
fn place(conn: &mut Conn, line: &BankLine, asset: AssetId) -> Step<(AccountKey, PartyId, i64)> {
    // A surplus that went to a company still names the receivable that it came from.
    Ok(match (line.party_id, line.receivable_id) {
        (Some(party), _) => {
            let cash = AccountKey::cash(party, asset);
            (cash, party, free_of(conn, cash)?.clamp(0, line.amount_minor))
        }
        (None, Some(id)) => (AccountKey::collection(id, asset), Receivable::load(conn, id)?.buyer_id, 0),
        (None, None) => return Err(StoreError::Corrupt(format!("place of bank line {}", line.id)).into()),
    })
}

/// The books of the account must hold the amount that is taken out of them.
fn has_left(conn: &mut Conn, line: &BankLine, asset: AssetId) -> Step<()> {
    let available_minor = free_of(conn, AccountKey::custody(line.custody_id, asset))?;
    if available_minor < line.amount_minor {
        return Err(Refusal::InsufficientCash { available_minor }.into());
    }
    Ok(())
}

impl Plan {
    /// The line's state afterwards.
    #[must_use]
    pub fn state_after(&self) -> LineState {
        match self.back {
            Back::Placement | Back::ClaimPayment => LineState::Suspense,
            Back::Receipt if self.missing_minor == 0 => LineState::Reversed,
            Back::Receipt | Back::WriteOff => LineState::Claimed,
            Back::Accept | Back::Same | Back::Link | Back::Reverse | Back::Expense | Back::Claim | Back::Explain => {
                LineState::Attention
            }
        }
    }
}

impl Execute for TakeBackLine {
    const NAME: &'static str = "take_back_line";
    const STEP_UP: bool = true;

    type Decision = Plan;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Plan> {
        view.acting_party(actor, Capacity::Operator)?;
        required_prose(&self.reason, "reason", 500)?;
        let line = BankLine::find(view.conn(), self.line_id)?.ok_or(Refusal::NotFound)?;
        let plan = plan(view.conn(), line)?;
        as_shown(self.claim_minor, plan.missing_minor)?;
        let account = AccountKey::custody(plan.line.custody_id, currency_asset(plan.currency));
        let held = view.balance(account)?.0;
        // Money that comes back into custody must fit beside the present balance.
        held.checked_add(plan.line.amount_minor).ok_or(Refusal::AmountTooLarge)?;
        Ok(plan)
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, plan: &Plan) -> Step<Asks> {
        let Plan { line, rest, other, .. } = plan;
        for row in [Some(line), rest.as_ref(), other.as_ref()].into_iter().flatten() {
            one_request(view.conn(), actor, row.id)?;
        }
        let amount_minor = Some(line.amount_minor);
        Ok(Asks::Always(Ask { amount_minor, currency: line.currency.clone(), subject: line.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, plan: Plan) -> Applied<Done> {
        let (back, state, missing_minor) = (plan.back, plan.state_after(), plan.missing_minor);
        let mut line = self.carry_out(batch, plan)?;
        line.state = state;
        line.note.clone_from(&self.reason);
        batch.update(&line)?;
        let body = json!({
            "line_id": line.id, "back": back.name(), "state": line.state, "claim_minor": line.claim_minor.max(missing_minor),
            "currency": line.currency,
        });
        Ok(Done::new(line.id, body))
    }
}

impl TakeBackLine {
    /// Books it, changes the other records, and answers the line as it is then.
    fn carry_out(&self, batch: &mut Batch<'_>, plan: Plan) -> Applied<BankLine> {
        let asset = currency_asset(plan.currency);
        let amount_minor = plan.line.amount_minor;
        match plan.back {
            Back::Placement | Back::Receipt => self.reverse(batch, plan, asset),
            Back::ClaimPayment => reopen_claim(batch, plan, asset),
            Back::Accept => {
                batch.post(&chart::receipt_reversed(plan.line.custody_id, plan.from, PartyId(0), asset, (amount_minor, 0)))?;
                Ok(waits_again(plan.line, Some(Attention::Repeat)))
            }
            Back::Same => {
                if let Some(mut receipt) = plan.other {
                    receipt.twin_id = None;
                    batch.update(&receipt)?;
                }
                Ok(waits_again(plan.line, Some(Attention::Recorded)))
            }
            Back::Link => {
                for mut one in plan.payouts {
                    payout::unlink(batch, &mut one, plan.line.custody_id)?;
                }
                let mut line = plan.line;
                if let Some(mut rest) = plan.rest {
                    line.amount_minor = line.amount_minor.saturating_add(rest.amount_minor);
                    rest.amount_minor = 0;
                    rest.state = LineState::Skipped;
                    rest.kind = LineKind::Zero.into();
                    batch.update(&rest)?;
                }
                Ok(waits_again(line, None))
            }
            Back::Expense => {
                batch.post(&chart::charge_reversed(plan.line.custody_id, asset, amount_minor))?;
                Ok(waits_again(plan.line, None))
            }
            Back::Claim => {
                batch.post(&chart::claim_reversed(plan.line.custody_id, plan.debtor, asset, amount_minor))?;
                Ok(waits_again(plan.line, None))
            }
            Back::WriteOff => {
                batch.post(&chart::write_off_reversed(plan.debtor, asset, plan.there_minor))?;
                let mut line = plan.line;
                line.claim_minor = plan.there_minor;
                Ok(line)
            }
            Back::Reverse => restore(batch, plan, asset),
            Back::Explain => Ok(waits_again(plan.line, None)),
        }
    }

    /// Out of where the money is, as far as it is still there; the rest is a claim.
    fn reverse(&self, batch: &mut Batch<'_>, plan: Plan, asset: AssetId) -> Applied<BankLine> {
        let Plan { mut line, currency: known, back, from, debtor, there_minor, missing_minor, .. } = plan;
        let arguments = json!({
            "amount": known.format(line.amount_minor), "currency": line.currency, "claim": known.format(missing_minor),
        });
        batch.notify(debtor, "placement_reversed", &arguments, "/home".to_owned());
        if back == Back::Receipt {
            batch.post(&chart::receipt_reversed(line.custody_id, from, debtor, asset, (there_minor, missing_minor)))?;
            line.claim_minor = missing_minor;
            line.party_id = Some(debtor);
            return Ok(line);
        }
        batch.post(&chart::placement_reversed(from, debtor, asset, (there_minor, missing_minor)))?;
        if missing_minor > 0 {
            let receivable_id = line.receivable_id.filter(|_| line.party_id.is_none());
            let claim = BankLine {
                statement_id: StatementId(0),
                direction: Direction::Out,
                amount_minor: missing_minor,
                booking_date: batch.today(),
                value_date: batch.today(),
                bank_reference: String::new(),
                end_to_end: String::new(),
                state: LineState::Claimed,
                kind: LineKind::PlacementReversed.into(),
                claim_minor: missing_minor,
                party_id: Some(debtor),
                receivable_id,
                twin_id: Some(line.id),
                note: self.reason.clone(),
                ..sibling(batch, &line)
            };
            batch.insert(&claim)?;
        }
        line.party_id = None;
        if line.kind != LineKind::Surplus {
            line.receivable_id = None;
        }
        Ok(line)
    }
}

/// The line waits for people again, as it did before they decided.
fn waits_again(mut line: BankLine, attention: Option<Attention>) -> BankLine {
    if let Some(attention) = attention {
        line.kind = attention.kind().into();
    }
    (line.party_id, line.receivable_id, line.payout_id) = (None, None, None);
    line.claim_minor = 0;
    line
}

/// The receipt is where it was before it was reversed, and nothing of it is claimed any more.
fn restore(batch: &mut Batch<'_>, plan: Plan, asset: AssetId) -> Applied<BankLine> {
    let Plan { mut line, currency: known, from, debtor, there_minor, other, .. } = plan;
    let receipt = other.ok_or_else(|| StoreError::Corrupt(format!("receipt of bank line {}", line.id)))?;
    batch.post(&chart::receipt_restored(line.custody_id, from, debtor, asset, (there_minor, line.claim_minor)))?;
    if debtor > PartyId(0) {
        let arguments = json!({
            "amount": known.format(there_minor), "currency": line.currency, "claim": known.format(line.claim_minor),
        });
        batch.notify(debtor, "receipt_restored", &arguments, "/home".to_owned());
    }
    batch.update(&receipt)?;
    line.twin_id = None;
    Ok(waits_again(line, None))
}

/// The claim that the money had paid is owed again.
fn reopen_claim(batch: &mut Batch<'_>, plan: Plan, asset: AssetId) -> Applied<BankLine> {
    let Plan { mut line, debtor, other, .. } = plan;
    let mut claim = other.ok_or_else(|| StoreError::Corrupt(format!("claim of bank line {}", line.id)))?;
    batch.post(&chart::placement_reversed(AccountKey::suspense(asset), debtor, asset, (0, line.amount_minor)))?;
    claim.claim_minor = claim.claim_minor.saturating_add(line.amount_minor);
    claim.state = LineState::Claimed;
    batch.update(&claim)?;
    (line.party_id, line.twin_id) = (None, None);
    line.kind = Blank::NONE;
    Ok(line)
}
