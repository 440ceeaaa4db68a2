//! Imports long bank files, piece by piece, so that other work goes on between the pieces.

use crate::commands::bank::continue_import::ContinueImport;
use crate::commands::bank::import_statement::PIECE;
use crate::commands::bank::line::incoming;
use crate::commands::bank::members::taken_up;
use crate::commands::own_key;
use crate::file_reader::{BankFileRead, FileReader};
use crate::http::error::Fault;
use crate::writer::Writer;
use store::records::Keyed;
use store::{BankFile, Pool, StoreError};

/// Continues every file that is not fully imported and returns the number of finished pieces.
pub fn go_on(writer: &Writer, pool: &Pool, reader: &FileReader, stop: impl Fn() -> bool) -> Result<u32, Fault> {
    let mut conn = pool.get().map_err(|error| Fault::Failed(error.to_string()))?;
    let (mut pieces, mut stopped) = (0_u32, None);
    for mut file in store::bank::list_importing_files(&mut conn)? {
        let kept = store::records::find_document(&mut conn, &file.sha256)?;
        let kept = kept.ok_or_else(|| StoreError::Corrupt(format!("document of bank file {}", file.id)))?;
        let BankFileRead::Statements(mut statements, members) = reader.bank_file_blocking(kept.content)? else {
            return Err(StoreError::Corrupt(format!("kind of bank file {}", file.id)).into());
        };
        if !members.is_empty() {
            let kept = store::bank::list_statements_of_file(&mut conn, file.id)?;
            statements = taken_up(&kept, statements);
        }
        let lines = incoming(&statements);
        while file.lines_done < file.lines && !stop() {
            let done = usize::try_from(file.lines_done).unwrap_or(usize::MAX);
            let next = lines.iter().skip(done).take(PIECE).cloned().collect();
            let command = ContinueImport { file_id: file.id, lines_done: file.lines_done, lines: next };
            // The key says which piece: two processes that both try do it once.
            let key = own_key("continue-import", &[&file.id, &file.lines_done]);
            let outcome = match super::submit(writer, key, command) {
                Err(Fault::KeyTaken(key)) => {
                    // Another process may have come first; other files go on.
                    if BankFile::load(&mut conn, file.id)?.lines_done == file.lines_done {
                        stopped = Some(key);
                    }
                    break;
                }
                reply => reply?,
            };
            file.lines_done = outcome.number("lines_done");
            pieces = pieces.saturating_add(1);
        }
    }
    stopped.map_or(Ok(pieces), |key| Err(Fault::KeyTaken(key)))
}
