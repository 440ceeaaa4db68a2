//! The operator has mails tried again that were given up.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::party::{Capacity, MailState};
use kernel::MailId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Mail;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RetryMail {
    /// One mail; none means all that were given up.
    #[serde(default)]
    pub mail_id: Option<MailId>,
}

impl Execute for RetryMail {
    const NAME: &'static str = "retry_mail";

    /// The mails that are tried again.
    type Decision = Vec<Mail>;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Vec<Mail>> {
        view.acting_party(actor, Capacity::Operator)?;
        let Some(id) = self.mail_id else { return Ok(store::messages::list_failed_mails(view.conn())?) };
        let mail = Mail::find(view.conn(), id)?.ok_or(Refusal::NotFound)?;
        if mail.state != MailState::Failed {
            return Err(Refusal::StateConflict { state: mail.state.to_string() }.into());
        }
        Ok(vec![mail])
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, given_up: Vec<Mail>) -> Applied<Done> {
        let count = given_up.len();
        for mut mail in given_up {
            mail.state = MailState::Queued;
            mail.tries = 0;
            mail.next_try_at = batch.now;
            batch.update(&mail)?;
        }
        Ok(Done::new(self.mail_id.unwrap_or(MailId(0)), json!({ "mails": count })))
    }
}
