//! A second person agrees to a request, which then happens at once, or turns it down.

use crate::batch::{Batch, Step};
use crate::commands::bank::close_custody_account::said_of;
use crate::commands::bank::file as bank_file;
use crate::commands::kit::second_person;
use crate::commands::market::purchase_hold;
use crate::commands::{Actor, Applied, Command, Decided, Done, Execute, Proof, prose};
use crate::view::View;
use domain::Refusal;
use domain::party::{self, ApprovalState};
use kernel::ApprovalId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Approval, StoreError};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DecideApproval {
    pub approval_id: ApprovalId,
    /// SHA-256 of the request as it was shown: another content refuses.
    pub body_hash: String,
    pub approve: bool,
    #[serde(default)]
    pub reason: String,
    /// Where the request is about a bank's file: the command with the file, as the caller has read it.
    #[serde(skip)]
    pub file: Option<Box<Command>>,
}

/// The outcome of a request.
pub struct Verdict {
    approval: Approval,
    reason: String,
    /// The command, its asker and the decision about it; nothing where the request is turned down.
    agreed: Option<Agreed>,
}

struct Agreed {
    command: Command,
    maker: Actor,
    decided: Decided,
}

impl Execute for DecideApproval {
    const NAME: &'static str = "decide_approval";
    const STEP_UP: bool = true;

    type Decision = Verdict;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Verdict> {
        let found = Approval::find(view.conn(), self.approval_id)?.filter(|row| row.party_id == actor.party_id);
        let approval = found.ok_or(Refusal::NotFound)?;
        let stored_hash = crate::hash::sha256_hex(approval.body.as_bytes());
        party::decide_approval(approval.maker_id, actor.user_id, &stored_hash, &self.body_hash, approval.state)?;
        let reason = prose(&self.reason, "reason", 500)?;
        if !self.approve && reason.is_empty() {
            return Err(Refusal::ReasonMissing.into());
        }
        let command = Command::read(&approval.command, &approval.body)
            .ok_or_else(|| StoreError::Corrupt(format!("request of approval {}", approval.id)))?;
        if !self.approve {
            return Ok(Verdict { approval, reason, agreed: None });
        }
        let proof = Proof { made_with: approval.made_with.clone(), agreed_with: actor.proof.made_with.clone(), code: None };
        let maker = Actor { party_id: approval.party_id, user_id: approval.maker_id, approver_id: Some(actor.user_id), proof };
        second_person::check_asker(view.conn(), &maker, &approval.command)?;
        let matter = command.matter(view.conn(), &maker)?;
        second_person::check_agreement(view.conn(), &maker, actor, matter)?;
        let command = bank_file::complete(command, self.file.as_deref())?;
        let decided = command.decide_request(view, &maker, approval.id)?;
        Ok(Verdict { approval, reason, agreed: Some(Agreed { command, maker, decided }) })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, verdict: Verdict) -> Applied<Done> {
        let Verdict { mut approval, reason, agreed } = verdict;
        let mut body = json!({ "command": approval.command, "approved": self.approve, "approval_id": approval.id });
        let mut subject = approval.subject_id;
        match agreed {
            Some(Agreed { command, maker, decided }) => {
                let done = command.apply(batch, &maker, decided)?;
                subject = done.subject;
                if let (Some(target), Some(inner)) = (body.as_object_mut(), done.body.as_object()) {
                    target.extend(inner.clone());
                }
            }
            None => purchase_hold::end(batch, approval.id)?,
        }
        approval.state = if self.approve { ApprovalState::Approved } else { ApprovalState::Rejected };
        approval.checker_id = Some(actor.user_id);
        approval.reason = reason;
        approval.decided_at = Some(batch.now);
        batch.update(&approval)?;
        let kind = if self.approve { "approval_given" } else { "approval_rejected" };
        let arguments = json!({ "command": said_of(&approval.command, &approval.body), "reason": approval.reason });
        batch.notify_user((approval.party_id, approval.maker_id), kind, &arguments, format!("/approvals/{}", approval.id));
        Ok(Done::new(subject, body))
    }
}
