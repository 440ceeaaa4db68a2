//! The mail job notes that it takes a mail on, and how that went.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute, clean};
use crate::view::View;
use chrono::TimeDelta;
use domain::Refusal;
use domain::party::MailState;
use kernel::{MailId, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Mail;
use store::records::Keyed;

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum MailStep {
    /// Claimed by one sender: for five minutes no other sender tries the mail.
    Claimed,
    /// The server has accepted it. Its body may hold a one-time link and is not kept.
    Sent,
    /// The server has not accepted it: later, after a growing pause.
    Failed(String),
    /// The server will never accept it, or it cannot be written: given up until the operator says otherwise.
    GivenUp(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordMail {
    pub mail_id: MailId,
    pub step: MailStep,
}

/// After this number of tries, some five days, the mail is given up and shown to the operator.
pub const MOST_TRIES: i64 = 32;

/// Minutes until the next try: 1, 4, 9 … and six hours at most.
fn pause_minutes(tries: i64) -> i64 {
    tries.saturating_mul(tries).clamp(1, 360)
}

impl Execute for RecordMail {
    const NAME: &'static str = "record_mail";
    const AUDITED: bool = false;

    type Decision = Mail;

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<Mail> {
        let mail = Mail::load(view.conn(), self.mail_id)?;
        // A claim needs a mail that waits and is due. A failure counts only while the mail waits: another sender may have sent it
        // since.
        let waiting = mail.state == MailState::Queued;
        let possible = match self.step {
            MailStep::Claimed => waiting && mail.next_try_at <= view.now(),
            MailStep::Sent => true,
            MailStep::Failed(_) | MailStep::GivenUp(_) => waiting,
        };
        if !possible {
            return Err(Refusal::StateConflict { state: mail.state.to_string() }.into());
        }
        Ok(mail)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut mail: Mail) -> Applied<Done> {
        let in_minutes =
            |count| batch.now.checked_add_signed(TimeDelta::try_minutes(count).unwrap_or_default()).unwrap_or(batch.now);
        match &self.step {
            MailStep::Claimed => {
                mail.next_try_at = in_minutes(5);
                mail.tries = mail.tries.saturating_add(1);
            }
            MailStep::Sent => {
                mail.state = MailState::Sent;
                mail.sent_at = Some(batch.now);
                mail.body = String::new();
                mail.error = String::new();
            }
            MailStep::Failed(error) => {
                mail.next_try_at = in_minutes(pause_minutes(mail.tries));
                mail.error = clean(error, 300);
                if mail.tries >= MOST_TRIES {
                    mail.state = MailState::Failed;
                }
            }
            MailStep::GivenUp(error) => {
                mail.error = clean(error, 300);
                mail.state = MailState::Failed;
            }
        }
        batch.update(&mail)?;
        Ok(Done::new(RecordId(0), json!({})))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_a_long_outage_is_waited_for() {
        let pauses: Vec<i64> = (1..=MOST_TRIES).map(pause_minutes).collect();
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]), "{pauses:?}");
        let days = pauses.iter().sum::<i64>() / (24 * 60);
        assert!((4..=6).contains(&days), "given up after {days} days");
    }
}
