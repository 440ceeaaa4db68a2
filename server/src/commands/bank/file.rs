//! Decides who vouches for a bank file. A file from the bank's channel has the bank's own signature. For any other file two
//! operators vouch, and both look at the preview of its effect.

use crate::bank_check;
use crate::batch::{Batch, Step, Stop};
use crate::commands::bank::keep_bank_file::{KeepBankFile, find_waiting, keep};
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Ask, Asks, Command};
use crate::http::error::Fault;
use crate::view::View;
use domain::Refusal;
use domain::four_eyes::Matter;
use domain::party::Capacity;
use kernel::{PartyId, RecordId};
use store::people::Waiting;
use store::{BankFile, StoreError};

/// The operator's company, whose file it is: the person acts for it, or the bank's channel delivers to it.
pub(crate) fn owner(view: &mut dyn View, actor: &Actor) -> Step<PartyId> {
    if *actor != Actor::BANK {
        view.acting_party(actor, Capacity::Operator)?;
        return Ok(actor.party_id);
    }
    let operator = store::parties::find_operator(view.conn())?;
    Ok(operator.ok_or(Refusal::NotFound)?.id)
}

/// The owner of a bank's file, and the file itself if it was kept before.
pub struct Place {
    pub(crate) owner: PartyId,
    waiting: Option<BankFile>,
}

impl Place {
    /// Refuses a file that was already imported.
    pub(crate) fn find(view: &mut dyn View, actor: &Actor, sha256: &str) -> Step<Self> {
        let owner = owner(view, actor)?;
        Ok(Self { owner, waiting: find_waiting(view.conn(), sha256)? })
    }

    /// Checks that the file on which two people agreed is still kept.
    pub(crate) fn check_kept(&self) -> Result<(), Refusal> {
        if self.waiting.is_some() { Ok(()) } else { Err(Refusal::CheckChanged) }
    }

    /// Returns the file that was kept before, or keeps this one.
    pub(crate) fn keep(&self, batch: &mut Batch<'_>, actor: &Actor, file: &KeepBankFile) -> Applied<BankFile> {
        match &self.waiting {
            Some(kept) => Ok(kept.clone()),
            None => keep(batch, actor, self.owner, file),
        }
    }
}

/// A file that a person sends waits, with its preview, for a second operator; the bank's own file does not.
pub(crate) fn asks(view: &mut dyn View, actor: &Actor, place: &Place, (check, sum): (&str, Option<(String, i64)>)) -> Step<Asks> {
    if *actor == Actor::BANK {
        return Ok(Asks::Nobody);
    }
    second_person::require(view.conn(), actor, Matter::Ordinary)?;
    if let Some(open) = &place.waiting {
        let asked = store::people::find_waiting(view.conn(), Waiting::About(open.id.into()))?;
        if let Some(asked) = asked.filter(|asked| check_of(&asked.body) == check) {
            return Err(Refusal::RequestPending { approval_id: asked.id }.into());
        }
    }
    let (currency, amount_minor) = sum.unzip();
    // A file that is not kept yet gets its id when it is kept: before the request is written.
    let subject = place.waiting.as_ref().map_or(RecordId(0), |kept| kept.id.into());
    Ok(Asks::Always(Ask { amount_minor, currency: currency.unwrap_or_default(), subject }))
}

/// Keeps the file that the request is about. Asking again with another check ends the request before it.
pub(crate) fn keep_for_request(
    batch: &mut Batch<'_>,
    actor: &Actor,
    (place, file): (&Place, &KeepBankFile),
    ask: &mut Ask,
) -> Applied<()> {
    let kept = place.keep(batch, actor, file)?;
    second_person::end_requests(batch, Waiting::About(kept.id.into()), "check_changed")?;
    ask.subject = kept.id.into();
    Ok(())
}

/// The digest of the preview that a stored request names.
#[must_use]
pub fn check_of(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    body.get("check").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

/// Whether a command imports a bank's file.
#[must_use]
pub fn is_import(command: &str) -> bool {
    ["import_statement", "import_status"].contains(&command)
}

/// The stored request with the file as the caller has read it: exactly the file of the request.
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

/// The bank itself has brought a file about which people were still asking each other.
pub(crate) fn end_asked(batch: &mut Batch<'_>, actor: &Actor, file: &BankFile) -> Applied<()> {
    if *actor != Actor::BANK {
        return Ok(());
    }
    Ok(second_person::end_requests(batch, Waiting::About(file.id.into()), "by_bank")?)
}

/// Two people have agreed to a preview: if the effect differs by now, nothing happens.
pub(crate) fn still_the_same(shown: &str, now: Result<String, Fault>) -> Step<()> {
    match now {
        Ok(digest) if digest == shown => Ok(()),
        Ok(_) => Err(Refusal::CheckChanged.into()),
        Err(Fault::Refused(refusal)) => Err(refusal.into()),
        Err(fault) => Err(Stop::Failed(StoreError::Corrupt(fault.to_string()))),
    }
}

/// The effect of a command on its file, as a digest.
pub fn digest(conn: &mut store::Conn, command: &Command) -> Result<String, Fault> {
    match command {
        Command::ImportStatement(read) => Ok(bank_check::file(conn, read)?.digest),
        Command::ImportStatus(read) => Ok(bank_check::reports(conn, read)?.digest),
        _ => Err(Refusal::NotFound.into()),
    }
}
