//! The checkpoint job stores what it has signed. The checkpoint at an end of day also goes out by mail.

use crate::batch::{Batch, Step};
use crate::commands::messages::queue_mails::QueuedMail;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use chrono::NaiveDate;
use domain::party::MailState;
use kernel::{NoticeId, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{CheckpointRow, Mail};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordCheckpoint {
    /// Audit records in the log.
    pub size: i64,
    pub business_date: NaiveDate,
    pub note: String,
    pub mails: Vec<QueuedMail>,
}

/// Whether there is something left to store.
pub enum Signed {
    New,
    /// Another process was faster.
    Known,
}

impl Execute for RecordCheckpoint {
    const NAME: &'static str = "record_checkpoint";
    /// A record of it would make the log grow, and so the next checkpoint due.
    const AUDITED: bool = false;

    type Decision = Signed;

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<Signed> {
        let known = store::log::find_checkpoint(view.conn(), self.size)?;
        Ok(if known.is_some() { Signed::Known } else { Signed::New })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, signed: Signed) -> Applied<Done> {
        if matches!(signed, Signed::Known) {
            return Ok(Done::new(RecordId(0), json!({})));
        }
        let Self { size, business_date, note, .. } = self.clone();
        batch.insert(&CheckpointRow { size, business_date, signed_at: batch.now, note })?;
        for mail in &self.mails {
            let row = Mail {
                id: batch.next_id(),
                notice_id: NoticeId(0),
                address: mail.address.clone(),
                subject: mail.subject.clone(),
                body: mail.body.clone(),
                state: MailState::Queued,
                tries: 0,
                next_try_at: batch.now,
                sent_at: None,
                error: String::new(),
            };
            batch.insert(&row)?;
        }
        Ok(Done::new(RecordId(0), json!({})))
    }
}
