//! Money that waited in suspense finds its place: a company's cash or a receivable. Two operators.

use super::bank_line::sibling;
use super::{Actor, Ask, Done, Execute, one_request, settlement};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::bank_line::{LineKind, LineState};
use domain::chart::{self, currency_asset};
use domain::party::Capacity;
use kernel::{BankLineId, Blank, PartyId, ReceivableId, RecordId};
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

/// Where a structured reference leads.
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
pub(crate) fn waiting_line(batch: &mut Batch<'_>, id: BankLineId) -> Step<BankLine> {
    let line = BankLine::find(batch.conn, id)?.ok_or(Refusal::NotFound)?;
    if line.state == LineState::Suspense { Ok(line) } else { Err(Refusal::LineSettled.into()) }
}

impl AssignSuspense {
    /// The line, where its money goes, and how much of it.
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(BankLine, Target, i64)> {
        batch.acting_party(actor, Capacity::Operator)?;
        let line = waiting_line(batch, self.line_id)?;
        let amount_minor = self.amount_minor.unwrap_or(line.amount_minor);
        if !(1..=line.amount_minor).contains(&amount_minor) {
            return Err(Refusal::AmountInvalid { field: "amount".to_owned() }.into());
        }
        let target = find_target(batch.conn, &self.reference, &line.currency)?.ok_or(Refusal::ReferenceUnknown)?;
        Ok((line, target, amount_minor))
    }
}

impl Execute for AssignSuspense {
    const NAME: &'static str = "assign_suspense";
    const STEP_UP: bool = true;

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        super::required_prose(&self.reason, "reason", 500)?;
        let (line, _, amount_minor) = self.decide(batch, actor)?;
        one_request(batch, actor, line.id)?;
        Ok(Some(Ask { amount_minor: Some(amount_minor), currency: line.currency, subject: line.id.into() }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (mut line, target, amount) = self.decide(batch, actor)?;
        if amount < line.amount_minor {
            // The waiting line keeps its number and what is left; the placed part is a line of its own.
            let mut rest = line.clone();
            rest.amount_minor = rest.amount_minor.saturating_sub(amount);
            batch.update(&rest)?;
            line = BankLine { amount_minor: amount, ..sibling(batch, &line) };
        }
        let asset = currency_asset(super::currency(&line.currency)?);
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
        // What helped to find the place is done with.
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
