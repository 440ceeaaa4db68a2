//! Signs the log at every end of day, and at least every minute while it grows. The signed part has been committed before. It
//! leaves this machine as a file and by mail. So a history that is rolled back with the whole database is found, too.

use crate::commands::Actor;
use crate::commands::days::record_checkpoint::RecordCheckpoint;
use crate::commands::messages::queue_mails::QueuedMail;
use crate::config::CheckpointConfig;
use crate::hash::random_token;
use crate::http::App;
use crate::http::error::Fault;
use crate::writer::WriteError;
use std::path::Path;
use store::{CheckpointRow, Heads};
use web::Language;

/// Seconds since the last signature after which a log that has grown is signed again.
const EVERY_SECONDS: i64 = 60;

fn is_due(app: &App, heads: &Heads, newest: Option<&CheckpointRow>, every_seconds: i64) -> bool {
    let Some(newest) = newest else { return heads.last_audit > 0 };
    let age = app.clock.now().signed_duration_since(newest.signed_at).num_seconds();
    // A clock that was set back must not keep the log unsigned.
    let late = !(0..every_seconds).contains(&age);
    heads.last_audit > newest.size && (late || heads.business_date > newest.business_date)
}

/// Signs if it is time to, and puts the new and the newest checkpoint into the folder outside.
pub fn run(app: &App) -> Result<(), Fault> {
    sign(app, EVERY_SECONDS)
}

/// The same when the process ends: records since the last signature do not wait for the next start.
pub fn run_last(app: &App) -> Result<(), Fault> {
    sign(app, 0)
}

fn sign(app: &App, every_seconds: i64) -> Result<(), Fault> {
    let mut conn = app.pool.get().map_err(|error| Fault::Failed(error.to_string()))?;
    let (newest, heads) = (store::log::newest_checkpoint(&mut conn)?, store::records::load_heads(&mut conn)?);
    let mut leaving = Vec::new();
    if is_due(app, &heads, newest.as_ref(), every_seconds) {
        let size = u64::try_from(heads.last_audit).unwrap_or(0);
        let note = app.signer.checkpoint(size, &store::log::frontier_of(&heads)?.root());
        let day_ended = newest.is_none_or(|newest| heads.business_date > newest.business_date);
        let mails = if day_ended { mails(&app.config.checkpoints, &heads, &note) } else { Vec::new() };
        leaving.push((heads.last_audit, note.clone()));
        let command = RecordCheckpoint { size: heads.last_audit, business_date: heads.business_date, note, mails };
        match app.writer.submit_blocking(Actor::SYSTEM, random_token(), command.into()) {
            Ok(_) => {}
            Err(WriteError::Refused(refusal)) => return Err(refusal.into()),
            Err(other) => return Err(Fault::Failed(format!("checkpoint: {other:?}"))),
        }
    }
    let Some(folder) = &app.config.checkpoints.folder else { return Ok(()) };
    // Another process, or another thread of this one, may have signed a newer one meanwhile: both leave.
    leaving.extend(store::log::newest_checkpoint(&mut conn)?.map(|newest| (newest.size, newest.note)));
    for (size, note) in leaving {
        export(folder, size, &note).map_err(|error| Fault::Failed(format!("{}: {error}", folder.display())))?;
    }
    Ok(())
}

fn mails(config: &CheckpointConfig, heads: &Heads, note: &str) -> Vec<QueuedMail> {
    let language = Language::default();
    let subject = language.fill("mail-checkpoint-subject", &[("date", heads.business_date.to_string())]);
    let body = format!("{}\n\n{note}", language.t("mail-checkpoint-body"));
    config
        .mail
        .iter()
        .map(|address| QueuedMail { address: address.clone(), subject: subject.clone(), body: body.clone() })
        .collect()
}

/// One file a checkpoint, whole or not there at all.
fn export(folder: &Path, size: i64, note: &str) -> std::io::Result<()> {
    let path = folder.join(format!("{size:012}.checkpoint"));
    if path.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    let half = folder.join(format!(".{}-{:?}-{size:012}", std::process::id(), std::thread::current().id()));
    std::fs::write(&half, note)?;
    std::fs::File::open(&half)?.sync_all()?;
    std::fs::rename(half, path)
}
