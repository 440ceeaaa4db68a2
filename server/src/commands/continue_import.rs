//! Takes up the next piece of a long bank file. The platform's own job submits it until nothing is left; it may stop and
//! go on at any piece, on any process.

use super::bank_line::Incoming;
use super::{Actor, Done, Execute, import_statement};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::bank_line::BankFileState;
use kernel::BankFileId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{BankFile, StoreError};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ContinueImport {
    pub file_id: BankFileId,
    /// The lines that were taken up before, as the caller saw it: another process may have gone on meanwhile.
    pub lines_done: i64,
    /// The next piece of the kept file, as the caller has read it.
    #[serde(skip)]
    pub lines: Vec<Incoming>,
}

impl Execute for ContinueImport {
    const NAME: &'static str = "continue_import";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        // Its lines are not looked at by a second person any more: no request hands them in.
        if *actor != Actor::BANK {
            return Err(Refusal::NotPermitted.into());
        }
        let mut file = BankFile::load(batch.conn, self.file_id)?;
        let mut body = json!({});
        if file.state == BankFileState::Importing && file.lines_done == self.lines_done {
            if self.lines.is_empty() {
                return Err(StoreError::Corrupt(format!("bank file {} is shorter than it was", file.id)).into());
            }
            let statements = store::bank::list_statements_of_file(batch.conn, file.id)?;
            let counts = import_statement::go_on(batch, &mut file, &statements, &self.lines)?;
            counts.tell(&mut body);
        }
        if let Some(map) = body.as_object_mut() {
            map.insert("file_id".to_owned(), json!(file.id));
            map.insert("lines".to_owned(), file.lines.into());
            map.insert("lines_done".to_owned(), file.lines_done.into());
        }
        Ok(Done::new(file.id, body))
    }
}
