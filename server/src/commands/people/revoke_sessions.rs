//! A person ends one session, or all of them; it is dead at once.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use kernel::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Session;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RevokeSessions {
    /// One session of the own ones; none means all but `keep_session`.
    pub session_id: Option<SessionId>,
    #[serde(default)]
    pub keep_session: SessionId,
}

/// Ends every open session of a user but one.
pub(crate) fn end_sessions(batch: &mut Batch<'_>, user_id: UserId, keep: SessionId) -> Applied<usize> {
    let open = store::people::list_other_sessions(batch.conn, user_id, keep)?;
    let count = open.len();
    for mut session in open {
        session.revoked_at = Some(batch.now);
        batch.update(&session)?;
    }
    Ok(count)
}

impl Execute for RevokeSessions {
    const NAME: &'static str = "revoke_sessions";

    /// The one session, or none where all end.
    type Decision = Option<Session>;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Option<Session>> {
        let Some(id) = self.session_id else { return Ok(None) };
        let found = Session::find(view.conn(), id)?.filter(|session| session.user_id == actor.user_id);
        Ok(Some(found.ok_or(Refusal::NotFound)?))
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Option<Session>) -> Applied<Done> {
        let ended = match decision {
            None => end_sessions(batch, actor.user_id, self.keep_session)?,
            Some(mut session) => {
                session.revoked_at = session.revoked_at.or(Some(batch.now));
                batch.update(&session)?;
                1
            }
        };
        Ok(Done::new(actor.user_id, json!({ "ended": ended })))
    }
}
