//! The mail job turns notices into mails, one for each person concerned.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::party::MailState;
use kernel::{NoticeId, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use store::bulk::BulkUpdate;
use store::records::{Keyed, Record};
use store::{Mail, Notice};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct QueuedMail {
    pub address: String,
    pub subject: String,
    pub body: String,
}

/// The mails that one notice becomes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NoticeMails {
    pub notice_id: NoticeId,
    pub mails: Vec<QueuedMail>,
}

/// Notices of which each becomes its mails, in sets: purchases wait while this is written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct QueueMails {
    pub notices: Vec<NoticeMails>,
}

impl Execute for QueueMails {
    const NAME: &'static str = "queue_mails";
    const AUDITED: bool = false;

    /// The notices that wait still.
    type Decision = HashMap<NoticeId, Notice>;

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<HashMap<NoticeId, Notice>> {
        let ids: Vec<NoticeId> = self.notices.iter().map(|one| one.notice_id).collect();
        let found = Notice::list_ids(view.conn(), &ids)?.into_iter();
        // Another process may have been faster.
        Ok(found.filter(|notice| !notice.mailed).map(|notice| (notice.id, notice)).collect())
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut waiting: HashMap<NoticeId, Notice>) -> Applied<Done> {
        let mut rows = Vec::new();
        for NoticeMails { notice_id, mails } in &self.notices {
            let Some(notice) = waiting.get_mut(notice_id) else { continue };
            rows.extend(mails.iter().map(|mail| queued(batch, *notice_id, mail)));
            notice.mailed = true;
            forget_token(notice);
        }
        batch.wrote = true;
        Mail::insert_all(&rows, batch.conn)?;
        Notice::update_all(&waiting.values().collect::<Vec<_>>(), batch.conn)?;
        Ok(Done::new(RecordId(0), json!({})))
    }
}

fn queued(batch: &mut Batch<'_>, notice_id: NoticeId, mail: &QueuedMail) -> Mail {
    Mail {
        id: batch.next_id(),
        notice_id,
        address: mail.address.clone(),
        subject: mail.subject.clone(),
        body: mail.body.clone(),
        state: MailState::Queued,
        tries: 0,
        next_try_at: batch.now,
        sent_at: None,
        error: String::new(),
    }
}

/// The token has gone into the mail; in the notice it would only be a key left lying about.
fn forget_token(notice: &mut Notice) {
    if ["invitation", "password_reset", "confirmation_link", "confirmation_code", "address_confirm"]
        .contains(&notice.kind.as_str())
    {
        let mut arguments: serde_json::Value = serde_json::from_str(&notice.arguments).unwrap_or_default();
        if let Some(map) = arguments.as_object_mut() {
            map.remove("token");
            map.remove("code");
        }
        notice.arguments = arguments.to_string();
        "/login".clone_into(&mut notice.link);
    }
}
