//! The platform could not import a file from the bank's channel: the operators get a notice, and the audit keeps the reason.

use crate::batch::{Batch, Step};
use crate::commands::bank::file as bank_file;
use crate::commands::{Actor, Applied, Done, Execute, clean};
use crate::view::View;
use domain::Refusal;
use kernel::{PartyId, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RefuseBankFile {
    pub name: String,
    /// Of what was read of it; empty where nothing was.
    pub sha256: String,
    /// A stable code: a refusal's, a file fault's, or the channel's own.
    pub code: String,
    /// The same in a sentence.
    pub reason: String,
}

impl Execute for RefuseBankFile {
    const NAME: &'static str = "refuse_bank_file";

    /// The operator's company.
    type Decision = PartyId;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<PartyId> {
        if *actor != Actor::BANK {
            return Err(Refusal::NotPermitted.into());
        }
        bank_file::owner(view, actor)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, operator: PartyId) -> Applied<Done> {
        let arguments = json!({ "name": clean(&self.name, 120), "reason": clean(&self.reason, 300) });
        batch.notify(operator, "bank_file_refused", &arguments, "/ops/bank-files".to_owned());
        Ok(Done::new(RecordId(0), json!({ "name": self.name, "code": self.code })))
    }
}
