//! The mail job turns notices into mails, one for each person concerned.

use super::{Actor, Done, Execute};
use crate::batch::{Batch, Step};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Mail, Notice};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct QueuedMail {
    pub address: String,
    pub subject: String,
    pub body: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct QueueMails {
    pub notice_id: i64,
    pub mails: Vec<QueuedMail>,
}

impl Execute for QueueMails {
    const NAME: &'static str = "queue_mails";
    const AUDITED: bool = false;

    fn execute(&self, batch: &mut Batch<'_>, _actor: &Actor) -> Step<Done> {
        let mut notice = Notice::load(batch.conn, self.notice_id)?;
        if notice.mailed {
            // Another process was faster.
            return Ok(Done::new(0, json!({})));
        }
        for mail in &self.mails {
            let row = Mail {
                id: batch.next_id(),
                notice_id: notice.id,
                address: mail.address.clone(),
                subject: mail.subject.clone(),
                body: mail.body.clone(),
                state: "queued".to_owned(),
                tries: 0,
                next_try_at: batch.now,
                sent_at: None,
                error: String::new(),
            };
            batch.insert(&row)?;
        }
        notice.mailed = true;
        if ["invitation", "password_reset", "confirmation_link", "confirmation_code"].contains(&notice.kind.as_str()) {
            // The token has gone into the mail; here it would only be a key left lying about.
            let mut arguments: serde_json::Value = serde_json::from_str(&notice.arguments).unwrap_or_default();
            if let Some(map) = arguments.as_object_mut() {
                map.remove("token");
                map.remove("code");
            }
            notice.arguments = arguments.to_string();
            notice.link = "/login".to_owned();
        }
        batch.update(&notice)?;
        Ok(Done::new(0, json!({})))
    }
}
