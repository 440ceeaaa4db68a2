//! Whose word a bank's file is: the bank's own, where it came by the bank's channel, or that of two operators who have both looked at
//! what it would do.

use super::keep_bank_file::{KeepBankFile, find_waiting, keep};
use super::{Actor, Ask, Command};
use crate::bank_check;
use crate::batch::{Batch, Step, Stop};
use crate::http::error::Fault;
use domain::Refusal;
use domain::party::Capacity;
use kernel::PartyId;
use store::people::Waiting;
use store::{BankFile, StoreError};

/// The operator's company, whose file it is: the person acts for it, or the bank's channel delivers to it.
pub(crate) fn owner(batch: &mut Batch<'_>, actor: &Actor) -> Step<PartyId> {
    if *actor != Actor::BANK {
        batch.acting_party(actor, Capacity::Operator)?;
        return Ok(actor.party_id);
    }
    let operator = store::parties::find_operator(batch.conn)?;
    Ok(operator.ok_or(Refusal::NotFound)?.id)
}

/// A file that a person sends waits for a second operator, with what it was shown to do; the bank's own does not. Asking again with
/// another check ends the request before it.
pub(crate) fn ask(
    batch: &mut Batch<'_>,
    actor: &Actor,
    file: &KeepBankFile,
    (check, sum): (&str, Option<(String, i64)>),
) -> Step<Option<Ask>> {
    if *actor == Actor::BANK {
        return Ok(None);
    }
    owner(batch, actor)?;
    // Before anything is kept: a request that nobody could agree to leaves no trace.
    super::second_person::require(batch, actor, domain::four_eyes::Matter::Ordinary)?;
    let waiting = find_waiting(batch, &file.sha256)?;
    if let Some(open) = &waiting {
        let asked = store::people::find_waiting(batch.conn, Waiting::About(open.id.into()))?;
        if let Some(asked) = asked.filter(|asked| check_of(&asked.body) == check) {
            return Err(Refusal::RequestPending { approval_id: asked.id }.into());
        }
    }
    let kept = match waiting {
        Some(kept) => kept,
        None => keep(batch, actor, file)?,
    };
    super::second_person::end_requests(batch, Waiting::About(kept.id.into()), "check_changed")?;
    let (currency, minor) = sum.unzip();
    Ok(Some(Ask { amount_minor: minor, currency: currency.unwrap_or_default(), subject: kept.id.into() }))
}

/// What a stored request says that the file would do.
#[must_use]
pub fn check_of(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    body.get("check").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

/// Whether a command takes up a bank's file.
#[must_use]
pub fn is_import(command: &str) -> bool {
    ["import_statement", "import_status"].contains(&command)
}

/// The stored request with the file as the caller has read it: exactly the file that was asked about.
pub(crate) fn complete(asked: Command, read: Option<&Command>) -> Result<Command, Refusal> {
    match (asked, read) {
        (Command::ImportStatement(mut asked), Some(Command::ImportStatement(read))) if asked.sha256 == read.sha256 => {
            asked.statements.clone_from(&read.statements);
            asked.members.clone_from(&read.members);
            Ok(asked.into())
        }
        (Command::ImportStatus(mut asked), Some(Command::ImportStatus(read))) if asked.sha256 == read.sha256 => {
            asked.reports.clone_from(&read.reports);
            asked.members.clone_from(&read.members);
            Ok(asked.into())
        }
        (Command::ImportStatement(_) | Command::ImportStatus(_), _) => Err(Refusal::CheckChanged),
        (other, _) => Ok(other),
    }
}

/// The file to take up: the one that waits, or a new one from the bank. What two people agreed to is there already.
pub(crate) fn take(batch: &mut Batch<'_>, actor: &Actor, file: &KeepBankFile) -> Step<BankFile> {
    match find_waiting(batch, &file.sha256)? {
        Some(kept) => Ok(kept),
        None if *actor == Actor::BANK => keep(batch, actor, file),
        None => Err(Refusal::CheckChanged.into()),
    }
}

/// The bank itself has brought what people were still asking each other about.
pub(crate) fn end_asked(batch: &mut Batch<'_>, actor: &Actor, file: &BankFile) -> Step<()> {
    if *actor != Actor::BANK {
        return Ok(());
    }
    super::second_person::end_requests(batch, Waiting::About(file.id.into()), "by_bank")
}

/// Two people have agreed to what they were shown: if it would be something else by now, nothing happens.
pub(crate) fn still_the_same(actor: &Actor, shown: &str, now: impl FnOnce() -> Result<String, Fault>) -> Step<()> {
    if *actor == Actor::BANK {
        return Ok(());
    }
    match now() {
        Ok(digest) if digest == shown => Ok(()),
        Ok(_) => Err(Refusal::CheckChanged.into()),
        Err(Fault::Refused(refusal)) => Err(refusal.into()),
        Err(fault) => Err(Stop::Failed(StoreError::Corrupt(fault.to_string()))),
    }
}

/// What a command would do with its file, as a digest.
pub fn digest(conn: &mut store::Conn, command: &Command) -> Result<String, Fault> {
    match command {
        Command::ImportStatement(read) => Ok(bank_check::file(conn, read)?.digest),
        Command::ImportStatus(read) => Ok(bank_check::reports(conn, read)?.digest),
        _ => Err(Refusal::NotFound.into()),
    }
}
