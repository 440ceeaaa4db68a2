//! A statement does not follow the one before it, and two operators know why.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, one_request, required_prose};
use crate::view::View;
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

impl Execute for ExplainStatement {
    const NAME: &'static str = "explain_statement";

    type Decision = Statement;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Statement> {
        view.acting_party(actor, Capacity::Operator)?;
        required_prose(&self.reason, "reason", 500)?;
        let row = Statement::find(view.conn(), self.statement_id)?.ok_or(Refusal::NotFound)?;
        if row.continuity.is_broken() {
            Ok(row)
        } else {
            Err(Refusal::StateConflict { state: row.continuity.to_string() }.into())
        }
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, row: &Statement) -> Step<Asks> {
        one_request(view.conn(), actor, row.id)?;
        let amount_minor = Some(row.gap_minor.saturating_abs());
        Ok(Asks::Always(Ask { amount_minor, currency: row.currency.clone(), subject: row.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut row: Statement) -> Applied<Done> {
        row.continuity = Continuity::Explained;
        row.reason.clone_from(&self.reason);
        batch.update(&row)?;
        Ok(Done::new(row.id, json!({ "statement_id": row.id })))
    }
}
