//! A bank's file is kept as it came, so that people can look at what it would do before anything is booked.

use crate::batch::{Batch, Step};
use crate::commands::bank::file::Place;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::bank_line::{BankFileKind, BankFileState};
use kernel::PartyId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{BankFile, Conn};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeepBankFile {
    pub name: String,
    pub sha256: String,
    pub kind: BankFileKind,
    #[serde(skip)]
    pub content: Vec<u8>,
}

impl Execute for KeepBankFile {
    const NAME: &'static str = "keep_bank_file";

    type Decision = Place;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Place> {
        Place::find(view, actor, &self.sha256)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, place: Place) -> Applied<Done> {
        let file = place.keep(batch, actor, self)?;
        Ok(Done::new(file.id, json!({ "file_id": file.id, "sha256": file.sha256 })))
    }
}

/// The kept file with this content, if it is not imported yet; an imported one is refused.
pub(crate) fn find_waiting(conn: &mut Conn, sha256: &str) -> Step<Option<BankFile>> {
    let found = store::bank::find_file_by_hash(conn, sha256)?;
    match found {
        Some(file) if file.state != BankFileState::Kept => Err(Refusal::StatementRepeated.into()),
        found => Ok(found),
    }
}

/// Keeps a file that is not here yet, as a document of its owner.
pub(crate) fn keep(batch: &mut Batch<'_>, actor: &Actor, owner: PartyId, file: &KeepBankFile) -> Applied<BankFile> {
    let kind = if formats::archive::is_zip(&file.content) { "application/zip" } else { "application/xml" };
    batch.keep_document(owner, &file.name, kind, &file.sha256, &file.content)?;
    let row = BankFile {
        id: batch.next_id(),
        sha256: file.sha256.clone(),
        name: file.name.clone(),
        kind: file.kind,
        state: BankFileState::Kept,
        lines: 0,
        lines_done: 0,
        kept_at: batch.now,
        kept_by: actor.user_id,
    };
    batch.insert(&row)?;
    Ok(row)
}
