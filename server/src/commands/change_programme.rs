//! A buyer suspends its programme, opens it again or closes it for good, with a reason; two of its people agree. What was issued under it
//! keeps its terms.

use super::{Actor, Ask, Done, Execute, end_membership, one_request, programmes, required_prose, second_person};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::programme::{MemberEvent, ProgrammeEvent, ProgrammeState, VersionState, next_state};
use kernel::ProgrammeId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Programme;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChangeProgramme {
    pub programme_id: ProgrammeId,
    /// `suspend`, `reopen` or `close`.
    pub change: String,
    pub reason: String,
}

impl ChangeProgramme {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(Programme, ProgrammeState, String)> {
        let programme = programmes::own(batch, actor, self.programme_id)?;
        let event = ProgrammeEvent::parse(&self.change)
            .filter(|event| !matches!(event, ProgrammeEvent::Approve | ProgrammeEvent::Reject));
        let event = event.ok_or_else(|| Refusal::FieldInvalid { field: "change".to_owned() })?;
        let reason = required_prose(&self.reason, "reason", 500)?;
        let state = next_state(programme.state, event)?;
        Ok((programme, state, reason))
    }
}

impl Execute for ChangeProgramme {
    const NAME: &'static str = "change_programme";

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let (programme, ..) = self.decide(batch, actor)?;
        one_request(batch, actor, programme.id)?;
        let ask = second_person::ask(batch, actor)?;
        Ok(Some(Ask { subject: programme.id.into(), ..ask }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (mut programme, state, reason) = self.decide(batch, actor)?;
        programme.state = state;
        programme.reason = if state == ProgrammeState::Open { String::new() } else { reason.clone() };
        batch.update(&programme)?;
        for member in store::programmes::list_live_members(batch.conn, programme.id)? {
            let arguments =
                json!({ "name": programme.name, "status": format!("programme_{}", programme.state), "reason": reason });
            batch.notify(member.supplier_id, "programme_changed", &arguments, format!("/memberships/{}", member.id));
            if state == ProgrammeState::Closed {
                end_membership::end(batch, member, MemberEvent::Remove, &reason)?;
            }
        }
        if state == ProgrammeState::Closed {
            // Nobody decides about terms of a programme that is over.
            if let Some(mut version) = store::programmes::find_proposed_version(batch.conn, programme.id)? {
                version.state = VersionState::Rejected;
                version.reason.clone_from(&reason);
                batch.update(&version)?;
            }
        }
        Ok(Done::new(programme.id, json!({ "programme_id": programme.id, "status": format!("programme_{}", programme.state) })))
    }
}
