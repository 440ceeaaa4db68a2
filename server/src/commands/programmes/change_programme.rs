//! A buyer suspends its programme, opens it again or closes it for good, with a reason. Two of its people agree. Receivables
//! issued under it keep their terms.

use crate::batch::{Batch, Step};
use crate::commands::kit::second_person;
use crate::commands::programmes::end_membership;
use crate::commands::programmes::terms as programmes;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, one_request, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::programme::{MemberEvent, MemberState, ProgrammeEvent, ProgrammeState, VersionState, next_membership, next_state};
use kernel::ProgrammeId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Programme, ProgrammeMember, ProgrammeVersion};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChangeProgramme {
    pub programme_id: ProgrammeId,
    /// `suspend`, `reopen` or `close`.
    pub change: String,
    pub reason: String,
}

/// A change that the rules allow.
pub struct Changeable {
    programme: Programme,
    state: ProgrammeState,
    reason: String,
    /// Everybody in it, with the state of a membership that ends.
    members: Vec<(ProgrammeMember, Option<MemberState>)>,
    /// Proposed terms that can no longer be decided once the programme is closed.
    proposed: Option<ProgrammeVersion>,
}

impl Execute for ChangeProgramme {
    const NAME: &'static str = "change_programme";

    type Decision = Changeable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Changeable> {
        let programme = programmes::own(view, actor, self.programme_id)?;
        let event = ProgrammeEvent::parse(&self.change)
            .filter(|event| !matches!(event, ProgrammeEvent::Approve | ProgrammeEvent::Reject));
        let event = event.ok_or_else(|| Refusal::FieldInvalid { field: "change".to_owned() })?;
        let reason = required_prose(&self.reason, "reason", 500)?;
        let state = next_state(programme.state, event)?;
        let closes = state == ProgrammeState::Closed;
        let mut members = Vec::new();
        for member in store::programmes::list_live_members(view.conn(), programme.id)? {
            let ended = if closes { Some(next_membership(member.state, MemberEvent::Remove)?) } else { None };
            members.push((member, ended));
        }
        let proposed = if closes { store::programmes::find_proposed_version(view.conn(), programme.id)? } else { None };
        Ok(Changeable { programme, state, reason, members, proposed })
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Changeable) -> Step<Asks> {
        let programme = decision.programme.id;
        one_request(view.conn(), actor, programme)?;
        let ask = second_person::ask(view.conn(), actor)?;
        Ok(Asks::Always(Ask { subject: programme.into(), ..ask }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Changeable) -> Applied<Done> {
        let Changeable { mut programme, state, reason, members, proposed } = decision;
        programme.state = state;
        programme.reason = if state == ProgrammeState::Open { String::new() } else { reason.clone() };
        batch.update(&programme)?;
        for (member, ended) in members {
            let arguments =
                json!({ "name": programme.name, "status": format!("programme_{}", programme.state), "reason": reason });
            batch.notify(member.supplier_id, "programme_changed", &arguments, format!("/memberships/{}", member.id));
            if let Some(ended) = ended {
                end_membership::end(batch, member, ended, &reason)?;
            }
        }
        if let Some(mut version) = proposed {
            version.state = VersionState::Rejected;
            version.reason.clone_from(&reason);
            batch.update(&version)?;
        }
        Ok(Done::new(programme.id, json!({ "programme_id": programme.id, "status": format!("programme_{}", programme.state) })))
    }
}
