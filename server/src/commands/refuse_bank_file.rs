//! A file on the bank's channel could not be taken up: the operators are told, and the audit keeps why.

use super::{Actor, Done, Execute, clean, reviews};
use crate::batch::{Batch, Step};
use domain::Refusal;
use kernel::RecordId;
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

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        if *actor != Actor::BANK {
            return Err(Refusal::NotPermitted.into());
        }
        let arguments = json!({ "name": clean(&self.name, 120), "reason": clean(&self.reason, 300) });
        reviews::notify_operator(batch, "bank_file_refused", &arguments, "/ops/bank-files".to_owned())?;
        Ok(Done::new(RecordId(0), json!({ "name": self.name, "code": self.code })))
    }
}
