//! Imports the next piece of a long bank file. The platform's own job submits it until nothing is left. The job may stop and go
//! on at any piece, on any process.

use crate::batch::{Batch, Step};
use crate::commands::bank::import_statement;
use crate::commands::bank::line::Incoming;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::bank_line::BankFileState;
use kernel::BankFileId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{BankFile, Statement, StoreError};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ContinueImport {
    pub file_id: BankFileId,
    /// The number of lines imported before, as the caller saw it: another process may have gone on meanwhile.
    pub lines_done: i64,
    /// The next piece of the kept file, as the caller has read it.
    #[serde(skip)]
    pub lines: Vec<Incoming>,
}

/// The file, and its statements where the piece is the next one; none where another process has already imported it.
pub struct Next {
    file: BankFile,
    statements: Option<Vec<Statement>>,
}

impl Execute for ContinueImport {
    const NAME: &'static str = "continue_import";

    type Decision = Next;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Next> {
        // Its lines are not looked at by a second person any more: no request hands them in.
        if *actor != Actor::BANK {
            return Err(Refusal::NotPermitted.into());
        }
        let file = BankFile::load(view.conn(), self.file_id)?;
        if file.state != BankFileState::Importing || file.lines_done != self.lines_done {
            return Ok(Next { file, statements: None });
        }
        if self.lines.is_empty() {
            return Err(StoreError::Corrupt(format!("bank file {} is shorter than it was", file.id)).into());
        }
        let statements = Some(store::bank::list_statements_of_file(view.conn(), file.id)?);
        Ok(Next { file, statements })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, next: Next) -> Applied<Done> {
        let Next { mut file, statements } = next;
        let mut body = json!({});
        if let Some(statements) = statements {
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
