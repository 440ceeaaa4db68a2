//! The operator approves terms that a buyer proposed, or rejects them, with a reason. Approving takes two people, rejecting one.

use crate::batch::{Batch, Step};
use crate::commands::programmes::terms as programmes;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, one_request, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::party::Capacity;
use domain::programme::{ProgrammeEvent, ProgrammeState, VersionState, begins, next_state};
use kernel::ProgrammeVersionId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Programme, ProgrammeVersion};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DecideProgramme {
    /// The version that was looked at.
    pub version_id: ProgrammeVersionId,
    pub approve: bool,
    pub reason: String,
}

/// Terms about which the operator may decide.
pub struct Decidable {
    programme: Programme,
    version: ProgrammeVersion,
    /// The programme's state then.
    state: ProgrammeState,
    reason: String,
}

impl Execute for DecideProgramme {
    const NAME: &'static str = "decide_programme";

    type Decision = Decidable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Decidable> {
        view.acting_party(actor, Capacity::Operator)?;
        let version = ProgrammeVersion::find(view.conn(), self.version_id)?.ok_or(Refusal::NotFound)?;
        let reason = required_prose(&self.reason, "reason", 500)?;
        if version.state != VersionState::Proposed {
            return Err(Refusal::StateConflict { state: format!("version_{}", version.state) }.into());
        }
        let programme = Programme::load(view.conn(), version.programme_id)?;
        let event = if self.approve { ProgrammeEvent::Approve } else { ProgrammeEvent::Reject };
        let state = next_state(programme.state, event)?;
        Ok(Decidable { programme, version, state, reason })
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Decidable) -> Step<Asks> {
        if !self.approve {
            return Ok(Asks::Nobody);
        }
        let programme = decision.programme.id;
        one_request(view.conn(), actor, programme)?;
        Ok(Asks::Always(Ask { amount_minor: None, currency: String::new(), subject: programme.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Decidable) -> Applied<Done> {
        let Decidable { mut programme, mut version, state, reason } = decision;
        let verdict = if self.approve { VersionState::Approved } else { VersionState::Rejected };
        if self.approve {
            version.begins_on = begins(version.begins_on, batch.today());
        }
        version.state = verdict;
        version.reason = reason;
        version.decided_by = Some(actor.user_id);
        version.decided_at = Some(batch.now);
        batch.update(&version)?;
        if programme.state != state {
            programme.state = state;
            if state == ProgrammeState::Rejected {
                programme.reason.clone_from(&version.reason);
            }
            batch.update(&programme)?;
        }
        if self.approve && version.begins_on == batch.today() {
            programmes::ask_members(batch, &programme, version.version)?;
        }
        let arguments = json!({ "name": programme.name, "version": version.version.to_string(), "status": format!("version_{}", version.state), "reason": version.reason });
        batch.notify(programme.buyer_id, "programme_decided", &arguments, format!("/programmes/{}", programme.id));
        let body = json!({
            "programme_id": programme.id, "version_id": version.id, "terms_version": version.version, "status": format!("version_{}", version.state),
            "begins_on": version.begins_on,
        });
        Ok(Done::new(programme.id, body))
    }
}
