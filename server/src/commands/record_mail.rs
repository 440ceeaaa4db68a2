//! The mail job notes that it takes a mail on, and how that went.

use super::{Actor, Done, Execute};
use crate::batch::{Batch, Step};
use chrono::TimeDelta;
use domain::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Mail;
use store::records::Keyed;

#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum MailStep {
    /// Taken on: for five minutes nobody else tries it.
    Claimed,
    /// The server has accepted it. Its body may hold a one-time link and is not kept.
    Sent,
    /// The server has not accepted it: later, after a growing pause.
    Failed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordMail {
    pub mail_id: i64,
    pub step: MailStep,
}

/// After so many tries a mail is given up and shown to the operator.
const MOST_TRIES: i64 = 12;

impl Execute for RecordMail {
    const NAME: &'static str = "record_mail";
    const AUDITED: bool = false;

    fn execute(&self, batch: &mut Batch<'_>, _actor: &Actor) -> Step<Done> {
        let mut mail = Mail::load(batch.conn, self.mail_id)?;
        let minutes = |count: i64| TimeDelta::try_minutes(count).unwrap_or_default();
        match self.step {
            MailStep::Claimed => {
                if mail.state != "queued" || mail.next_try_at > batch.now {
                    return Err(Refusal::StateConflict { state: mail.state }.into());
                }
                mail.next_try_at = batch.now.checked_add_signed(minutes(5)).unwrap_or(batch.now);
                mail.tries = mail.tries.saturating_add(1);
            }
            MailStep::Sent => {
                mail.state = "sent".to_owned();
                mail.sent_at = Some(batch.now);
                mail.body = String::new();
            }
            MailStep::Failed => {
                let pause = mail.tries.saturating_mul(mail.tries).clamp(1, 360);
                mail.next_try_at = batch.now.checked_add_signed(minutes(pause)).unwrap_or(batch.now);
                if mail.tries >= MOST_TRIES {
                    mail.state = "failed".to_owned();
                }
            }
        }
        batch.update(&mail)?;
        Ok(Done::new(0, json!({})))
    }
}
