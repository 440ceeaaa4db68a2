//! The process's own work: it ends days, imports files of the bank's channel, continues long work, sends mails, and signs the
//! log.

pub mod bank_channel;
pub mod confirm_lists;
pub mod end_of_day;
pub mod import_files;
pub mod send_mail;
pub mod share_allowances;
pub mod share_payments;
pub mod sign_checkpoint;
pub mod troubles;

use crate::commands::{Actor, Command, Outcome};
use crate::http::error::Fault;
use crate::writer::Writer;

/// Submits a command of the platform's own under a key that names this very step: two processes that both try do it once.
pub(crate) fn submit(writer: &Writer, key: String, command: impl Into<Command>) -> Result<Outcome, Fault> {
    writer.submit_blocking(Actor::SYSTEM, key.clone(), command.into()).map_err(|error| match Fault::from(error) {
        Fault::Refused(domain::Refusal::KeyReused) => Fault::KeyTaken(key),
        fault => fault,
    })
}
