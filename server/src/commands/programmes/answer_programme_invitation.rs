//! A supplier joins a programme under exactly the version that it has read, accepts a new one, or declines.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute, prose};
use crate::view::View;
use domain::Refusal;
use domain::party::{Capacity, Role};
use domain::programme::{MemberEvent, MemberState, ProgrammeState, next_membership};
use kernel::MemberId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::records::Keyed;
use store::{Party, Programme, ProgrammeMember, programmes};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AnswerProgrammeInvitation {
    pub member_id: MemberId,
    /// The version that was read: another one that waits for the answer by now refuses.
    pub terms_version: i64,
    pub join: bool,
    #[serde(default)]
    pub reason: String,
}

/// An answer that the rules allow.
pub struct Answerable {
    supplier: Arc<Party>,
    member: ProgrammeMember,
    programme: Programme,
    reason: String,
    next: MemberState,
}

impl Execute for AnswerProgrammeInvitation {
    const NAME: &'static str = "answer_programme_invitation";
    const ASKERS: &'static [Role] = &[Role::Maker, Role::Administrator];

    type Decision = Answerable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Answerable> {
        let supplier = view.acting_party(actor, Capacity::Supplier)?;
        let found = ProgrammeMember::find(view.conn(), self.member_id)?.filter(|row| row.supplier_id == supplier.id);
        let member = found.ok_or(Refusal::NotFound)?;
        let programme = Programme::load(view.conn(), member.programme_id)?;
        let reason = prose(&self.reason, "reason", 500)?;
        let event = if self.join { MemberEvent::Join } else { MemberEvent::Decline };
        let next = next_membership(member.state, event)?;
        if member.asked_version == 0 || member.asked_version != self.terms_version {
            return Err(Refusal::ProgrammeChanged.into());
        }
        if self.join && programme.state != ProgrammeState::Open {
            return Err(Refusal::StateConflict { state: format!("programme_{}", programme.state) }.into());
        }
        if self.join && member.state == MemberState::Invited {
            let joined = programmes::find_joined_membership(view.conn(), supplier.id, member.buyer_id, &member.currency)?;
            if let Some(other) = joined {
                let other = Programme::load(view.conn(), other.programme_id)?;
                return Err(Refusal::OtherProgramme { name: other.name }.into());
            }
        }
        Ok(Answerable { supplier, member, programme, reason, next })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Answerable) -> Applied<Done> {
        let Answerable { supplier, mut member, programme, reason, next } = decision;
        if self.join {
            member.version = self.terms_version;
        }
        member.state = next;
        member.asked_version = 0;
        member.reason = reason;
        member.answered_by = Some(actor.user_id);
        member.answered_at = Some(batch.now);
        if next == MemberState::Declined {
            member.ended_at = Some(batch.now);
        }
        batch.update(&member)?;
        let answer = if self.join { "member_joined" } else { "member_declined" };
        let arguments = json!({
            "supplier": supplier.name, "name": programme.name, "version": self.terms_version.to_string(), "status": answer, "reason": member.reason,
        });
        batch.notify(programme.buyer_id, "programme_answered", &arguments, format!("/programmes/{}", programme.id));
        let body = json!({ "member_id": member.id, "programme_id": programme.id, "terms_version": self.terms_version, "status": answer });
        Ok(Done::new(member.id, body))
    }
}
