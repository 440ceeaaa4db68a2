//! A supplier leaves a programme, or its buyer removes it with a reason. What was issued keeps its terms.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute, prose};
use crate::view::View;
use domain::Refusal;
use domain::party::Capacity;
use domain::programme::{MemberEvent, MemberState, next_membership};
use kernel::MemberId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::records::Keyed;
use store::{Party, Programme, ProgrammeMember};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EndMembership {
    pub member_id: MemberId,
    /// Needed from the buyer.
    #[serde(default)]
    pub reason: String,
}

/// A membership that may end.
pub struct Ending {
    member: ProgrammeMember,
    state: MemberState,
    /// The company that ends it.
    party: Arc<Party>,
    leaves: bool,
    reason: String,
}

/// Ends a membership in the state that the rule gives it.
pub(crate) fn end(
    batch: &mut Batch<'_>,
    mut member: ProgrammeMember,
    state: MemberState,
    reason: &str,
) -> Applied<ProgrammeMember> {
    member.state = state;
    reason.clone_into(&mut member.reason);
    member.asked_version = 0;
    member.ended_at = Some(batch.now);
    batch.update(&member)?;
    Ok(member)
}

impl Execute for EndMembership {
    const NAME: &'static str = "end_membership";

    type Decision = Ending;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Ending> {
        let found = ProgrammeMember::find(view.conn(), self.member_id)?;
        let concerned = |row: &ProgrammeMember| [row.buyer_id, row.supplier_id].contains(&actor.party_id);
        let member = found.filter(concerned).ok_or(Refusal::NotFound)?;
        let leaves = member.supplier_id == actor.party_id;
        let party = view.acting_party(actor, if leaves { Capacity::Supplier } else { Capacity::Buyer })?;
        let reason = prose(&self.reason, "reason", 500)?;
        if !leaves && reason.is_empty() {
            return Err(Refusal::ReasonMissing.into());
        }
        let event = if leaves { MemberEvent::Leave } else { MemberEvent::Remove };
        let state = next_membership(member.state, event)?;
        Ok(Ending { member, state, party, leaves, reason })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Ending) -> Applied<Done> {
        let Ending { member, state, party, leaves, reason } = decision;
        let member = end(batch, member, state, &reason)?;
        let programme = Programme::load(batch.conn, member.programme_id)?;
        let arguments = json!({ "name": programme.name, "company": party.name, "reason": reason });
        if leaves {
            batch.notify(programme.buyer_id, "membership_left", &arguments, format!("/programmes/{}", programme.id));
        } else {
            batch.notify(member.supplier_id, "membership_removed", &arguments, format!("/memberships/{}", member.id));
        }
        let body = json!({ "member_id": member.id, "programme_id": programme.id, "status": format!("member_{}", member.state) });
        Ok(Done::new(member.id, body))
    }
}
