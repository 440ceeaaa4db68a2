//! A bank's file that one operator has sent waits for another operator, who sees the present preview and agrees to exactly that.

use super::super::error::Fault;
use super::super::rights::{Checker, SignedIn, Who};
use super::bank_files::{Checked, check, check_blocks, load_command};
use crate::commands::Command;
use crate::commands::bank::file::{check_of, digest, is_import};
use crate::commands::kit::decide_approval::DecideApproval;
use domain::Refusal;
use domain::party::ApprovalState;
use kernel::{ApprovalId, BankFileId, PartyId};
use store::people::Waiting;
use store::records::Keyed;
use store::{Approval, BankFile, Conn};
use web::{Block, Language, Page, Tone};

/// Binds the command to the effect of its file, which must still equal the preview that the person saw. A key that was sent
/// before keeps its first meaning.
pub fn bind(
    conn: &mut Conn,
    (party_id, key): (PartyId, &str),
    mut command: Command,
    shown: Option<&str>,
) -> Result<Command, Fault> {
    let earlier = store::log::find_record_by_key(conn, party_id, key)?.filter(|row| is_import(&row.command));
    let found = match earlier {
        Some(row) => check_of(&row.input),
        None => digest(conn, &command)?,
    };
    if shown.is_some_and(|shown| shown != found) {
        return Err(Refusal::CheckChanged.into());
    }
    match &mut command {
        Command::ImportStatement(import) => import.check = found,
        Command::ImportStatus(import) => import.check = found,
        _ => {}
    }
    Ok(command)
}

/// The request about a kept file that waits, and the check that it is bound to.
pub fn open(conn: &mut Conn, file_id: BankFileId) -> Result<Option<(ApprovalId, String)>, Fault> {
    let open = store::people::find_waiting(conn, Waiting::About(file_id.into()))?;
    Ok(open.map(|open| (open.id, check_of(&open.body))))
}

/// The view of the second person.
pub struct Shown {
    pub blocks: Vec<Block>,
    /// The file would now have another effect: no person can agree to the old request.
    pub changed: bool,
}

/// The present effect of a request about a bank's file; the file was read before.
pub fn shown(conn: &mut Conn, language: Language, body: &str, read: &Command) -> Result<Shown, Fault> {
    let checked: Checked = match check(conn, read) {
        Ok(checked) => checked,
        // Another file has brought its statements.
        Err(Fault::Refused(refusal)) => {
            return Ok(Shown { blocks: vec![Block::Notice(Tone::Stopped, language.refusal(&refusal, ""))], changed: true });
        }
        Err(fault) => return Err(fault),
    };
    let changed = checked.digest() != check_of(body);
    let (tone, said) = if changed { (Tone::Stopped, "bank-file-changed") } else { (Tone::Attention, "bank-file-agree") };
    let mut blocks = vec![Block::Notice(tone, language.t(said))];
    blocks.extend(check_blocks(language, Page::new(String::new()), &checked).blocks);
    Ok(Shown { blocks, changed })
}

/// The decision with the file that it is about, read before the writer has it. Other requests are about no file.
pub async fn with_file(who: &Who<Checker>, mut decision: DecideApproval) -> Result<DecideApproval, Fault> {
    let Some((asked, command)) = read_asked(who, decision.approval_id).await?.filter(|_| decision.approve) else {
        return Ok(decision);
    };
    who.app
        .read(move |conn| {
            // A long file is compared here only; the writer compares a short one once more.
            if digest(conn, &command)? != check_of(&asked.body) {
                return Err(Refusal::CheckChanged.into());
            }
            decision.file = Some(Box::new(command));
            Ok(decision)
        })
        .await
}

/// The waiting request of the reader's company about a bank's file, and the file, read in the child process. None for any other
/// request.
pub async fn read_asked<R: SignedIn>(who: &Who<R>, approval_id: ApprovalId) -> Result<Option<(Approval, Command)>, Fault> {
    let party_id = who.party_id()?;
    let asked = who
        .app
        .read(move |conn| {
            let asked = Approval::find(conn, approval_id)?
                .filter(|row| row.party_id == party_id && row.state == ApprovalState::Pending && is_import(&row.command));
            let Some(asked) = asked else { return Ok(None) };
            let file = BankFile::find(conn, BankFileId(asked.subject_id.0))?.ok_or(Refusal::NotFound)?;
            Ok(Some((asked, file)))
        })
        .await?;
    let Some((asked, file)) = asked else { return Ok(None) };
    let command = load_command(who, &file).await?;
    Ok(Some((asked, command)))
}
