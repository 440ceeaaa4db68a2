//! Two operators place money that waited in suspense: with a company's cash or a receivable.

use crate::batch::{Batch, Step};
use crate::commands::bank::line::sibling;
use crate::commands::receivables::settlement;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, currency, one_request, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::bank_line::{LineKind, LineState};
use domain::chart::{self, currency_asset};
use domain::party::Capacity;
use kernel::{BankLineId, Blank, PartyId, ReceivableId, RecordId};
use ledger::AssetId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{BankLine, Conn, StoreError};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AssignSuspense {
    pub line_id: BankLineId,
    /// The structured creditor reference (ISO 11649) of the company or receivable that the money is for.
    pub reference: String,
    /// Why this is the right place, for the audit.
    pub reason: String,
    /// A part of the money; all of it when left out. The rest stays in suspense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<i64>,
}

/// The target of a structured reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Company(PartyId),
    Receivable(ReceivableId),
}

impl Target {
    /// The record that the money is for.
    #[must_use]
    pub fn record(self) -> RecordId {
        match self {
            Self::Company(id) => id.into(),
            Self::Receivable(id) => id.into(),
        }
    }
}

/// The company or receivable with this reference.
pub(crate) fn find_target(conn: &mut Conn, reference: &str, currency: &str) -> Result<Option<Target>, StoreError> {
    let Some(normal) = domain::creditor_reference::validate(reference) else { return Ok(None) };
    if let Some(row) = store::receivables::find_receivable_by_reference(conn, &normal)? {
        return Ok((row.currency == currency).then_some(Target::Receivable(row.id)));
    }
    Ok(store::parties::find_by_reference(conn, &normal)?.map(|row| Target::Company(row.id)))
}

/// The bank line, if it still waits in suspense.
pub(crate) fn waiting_line(conn: &mut Conn, id: BankLineId) -> Step<BankLine> {
    let line = BankLine::find(conn, id)?.ok_or(Refusal::NotFound)?;
    if line.state == LineState::Suspense { Ok(line) } else { Err(Refusal::LineSettled.into()) }
}

/// Money that may leave suspense, and for where.
pub struct Assignable {
    line: BankLine,
    target: Target,
    /// How much of it.
    amount_minor: i64,
    asset: AssetId,
}

impl Execute for AssignSuspense {
    const NAME: &'static str = "assign_suspense";
    const STEP_UP: bool = true;

    type Decision = Assignable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Assignable> {
        required_prose(&self.reason, "reason", 500)?;
        view.acting_party(actor, Capacity::Operator)?;
        let line = waiting_line(view.conn(), self.line_id)?;
        let amount_minor = self.amount_minor.unwrap_or(line.amount_minor);
        if !(1..=line.amount_minor).contains(&amount_minor) {
            return Err(Refusal::AmountInvalid { field: "amount".to_owned() }.into());
        }
        let target = find_target(view.conn(), &self.reference, &line.currency)?.ok_or(Refusal::ReferenceUnknown)?;
        let asset = currency_asset(currency(&line.currency)?);
        Ok(Assignable { line, target, amount_minor, asset })
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Assignable) -> Step<Asks> {
        let line = &decision.line;
        one_request(view.conn(), actor, line.id)?;
        let amount_minor = Some(decision.amount_minor);
        Ok(Asks::Always(Ask { amount_minor, currency: line.currency.clone(), subject: line.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Assignable) -> Applied<Done> {
        let Assignable { mut line, target, amount_minor: amount, asset } = decision;
        if amount < line.amount_minor {
            // The waiting line keeps its number and what is left; the placed part is a line of its own.
            let mut rest = line.clone();
            rest.amount_minor = rest.amount_minor.saturating_sub(amount);
            batch.update(&rest)?;
            line = BankLine { amount_minor: amount, ..sibling(batch, &line) };
        }
        batch.value_date = line.value_date;
        match target {
            Target::Company(party) => {
                batch.post(&chart::suspense_to_cash(party, asset, amount))?;
                line.party_id = Some(party);
                settlement::notify_deposit(batch, party, &line.currency, amount);
            }
            Target::Receivable(id) => {
                batch.post(&chart::suspense_to_collection(id, asset, amount))?;
                line.receivable_id = Some(id);
                settlement::settle(batch, id, &settlement::Payment::from(&line))?;
            }
        }
        line.state = LineState::Placed;
        line.note.clone_from(&self.reason);
        // The hint that helped to find the place is no longer needed.
        if matches!(line.kind.get(), Some(LineKind::Suggested | LineKind::SeveralReferences)) {
            line.kind = Blank::NONE;
        }
        if line.id == self.line_id {
            batch.update(&line)?
        } else {
            batch.insert(&line)?
        }
        Ok(Done::new(self.line_id, json!({ "line_id": line.id })))
    }
}
