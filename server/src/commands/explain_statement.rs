//! A statement does not follow the one before it, and two operators know why.

use super::{Actor, Ask, Done, Execute, one_request, required_prose};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::bank_line::Continuity;
use domain::party::Capacity;
use kernel::StatementId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Statement;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExplainStatement {
    pub statement_id: StatementId,
    pub reason: String,
}

impl ExplainStatement {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Statement> {
        batch.acting_party(actor, Capacity::Operator)?;
        required_prose(&self.reason, "reason", 500)?;
        let row = Statement::find(batch.conn, self.statement_id)?.ok_or(Refusal::NotFound)?;
        if row.continuity.is_broken() {
            Ok(row)
        } else {
            Err(Refusal::StateConflict { state: row.continuity.to_string() }.into())
        }
    }
}

impl Execute for ExplainStatement {
    const NAME: &'static str = "explain_statement";

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let row = self.decide(batch, actor)?;
        one_request(batch, actor, row.id)?;
        Ok(Some(Ask { amount_minor: Some(row.gap_minor.saturating_abs()), currency: row.currency, subject: row.id.into() }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let mut row = self.decide(batch, actor)?;
        row.continuity = Continuity::Explained;
        row.reason.clone_from(&self.reason);
        batch.update(&row)?;
        Ok(Done::new(row.id, json!({ "statement_id": row.id })))
    }
}
