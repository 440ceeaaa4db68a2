//! Notes that a session is in use, at most once a minute, so that an idle one can end.

use super::{Actor, Done, Execute};
use crate::batch::{Batch, Step};
use kernel::{RecordId, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Session;
use store::records::Keyed;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TouchSession {
    pub session_id: SessionId,
}

impl Execute for TouchSession {
    const NAME: &'static str = "touch_session";
    const AUDITED: bool = false;

    fn execute(&self, batch: &mut Batch<'_>, _actor: &Actor) -> Step<Done> {
        let mut session = Session::load(batch.conn, self.session_id)?;
        session.seen_at = session.seen_at.max(batch.now);
        batch.update(&session)?;
        Ok(Done::new(RecordId(0), json!({})))
    }
}
