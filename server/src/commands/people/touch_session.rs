//! Notes that a session is in use, at most once a minute, so that an idle one can end.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
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

    type Decision = Session;

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<Session> {
        Ok(Session::load(view.conn(), self.session_id)?)
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut session: Session) -> Applied<Done> {
        session.seen_at = session.seen_at.max(batch.now);
        batch.update(&session)?;
        Ok(Done::new(RecordId(0), json!({})))
    }
}
