//! A supplier leaves a programme, or its buyer removes it with a reason. What was issued keeps its terms.

use super::{Actor, Done, Execute, prose};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::party::Capacity;
use domain::programme::{MemberEvent, next_membership};
use kernel::MemberId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Programme, ProgrammeMember};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EndMembership {
    pub member_id: MemberId,
    /// Needed from the buyer.
    #[serde(default)]
    pub reason: String,
}

pub(crate) fn end(batch: &mut Batch<'_>, mut member: ProgrammeMember, event: MemberEvent, reason: &str) -> Step<ProgrammeMember> {
    member.state = next_membership(member.state, event)?;
    reason.clone_into(&mut member.reason);
    member.asked_version = 0;
    member.ended_at = Some(batch.now);
    batch.update(&member)?;
    Ok(member)
}

impl Execute for EndMembership {
    const NAME: &'static str = "end_membership";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let found = ProgrammeMember::find(batch.conn, self.member_id)?;
        let concerned = |row: &ProgrammeMember| [row.buyer_id, row.supplier_id].contains(&actor.party_id);
        let member = found.filter(concerned).ok_or(Refusal::NotFound)?;
        let leaves = member.supplier_id == actor.party_id;
        let party = batch.acting_party(actor, if leaves { Capacity::Supplier } else { Capacity::Buyer })?;
        let reason = prose(&self.reason, "reason", 500)?;
        if !leaves && reason.is_empty() {
            return Err(Refusal::ReasonMissing.into());
        }
        let event = if leaves { MemberEvent::Leave } else { MemberEvent::Remove };
        let member = end(batch, member, event, &reason)?;
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
