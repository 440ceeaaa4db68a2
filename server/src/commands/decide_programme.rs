//! The operator approves terms that a buyer proposed, or rejects them, with a reason. Approving takes two people, rejecting one.

use super::{Actor, Ask, Done, Execute, one_request, programmes, required_prose};
use crate::batch::{Batch, Step};
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

impl DecideProgramme {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<(Programme, ProgrammeVersion, ProgrammeState, String)> {
        batch.acting_party(actor, Capacity::Operator)?;
        let version = ProgrammeVersion::find(batch.conn, self.version_id)?.ok_or(Refusal::NotFound)?;
        let reason = required_prose(&self.reason, "reason", 500)?;
        if version.state != VersionState::Proposed {
            return Err(Refusal::StateConflict { state: format!("version_{}", version.state) }.into());
        }
        let programme = Programme::load(batch.conn, version.programme_id)?;
        let event = if self.approve { ProgrammeEvent::Approve } else { ProgrammeEvent::Reject };
        let state = next_state(programme.state, event)?;
        Ok((programme, version, state, reason))
    }
}

impl Execute for DecideProgramme {
    const NAME: &'static str = "decide_programme";

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let (programme, ..) = self.decide(batch, actor)?;
        if !self.approve {
            return Ok(None);
        }
        one_request(batch, actor, programme.id)?;
        Ok(Some(Ask { amount_minor: None, currency: String::new(), subject: programme.id.into() }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let (mut programme, mut version, state, reason) = self.decide(batch, actor)?;
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
