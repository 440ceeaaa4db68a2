//! Messages to people: notices, and the mails made of them.

use crate::table::table;
use crate::{Conn, Result};
use chrono::NaiveDateTime;
use diesel::dsl::not;
use diesel::prelude::*;
use domain::party::MailState;
use kernel::MailId;
use kernel::NoticeId;
use kernel::PartyId;
use kernel::UserId;

table! {
    notices: Notice (id) by NoticeId {
        id: NoticeId => BigInt,
        party_id: PartyId => BigInt,
        user_id: Option<UserId> => Nullable<BigInt>,
        kind: String => Text,
        arguments: String => Text,
        link: String => Text,
        at: NaiveDateTime => Timestamp,
        mailed: bool => Bool,
    }
}

table! {
    mails: Mail (id) by MailId {
        id: MailId => BigInt,
        notice_id: NoticeId => BigInt,
        address: String => Text,
        subject: String => Text,
        body: String => Text,
        state: MailState => Text,
        tries: i64 => BigInt,
        next_try_at: NaiveDateTime => Timestamp,
        sent_at: Option<NaiveDateTime> => Nullable<Timestamp>,
        error: String => Text,
    }
}

/// At most `most` notices of which no mail was made yet, oldest first.
pub fn list_unmailed(conn: &mut Conn, most: i64) -> Result<Vec<Notice>> {
    Ok(notices::table.filter(not(notices::mailed)).order(notices::id).limit(most).load(conn)?)
}

/// The notice with which a person was invited.
pub fn find_invitation(conn: &mut Conn, user: UserId) -> Result<Option<Notice>> {
    Ok(notices::table.filter(notices::user_id.eq(user)).filter(notices::kind.eq("invitation")).first(conn).optional()?)
}

/// At most `most` mails to send by now, oldest first.
pub fn list_due_mails(conn: &mut Conn, now: NaiveDateTime, most: i64) -> Result<Vec<Mail>> {
    let due = mails::table.filter(mails::state.eq(MailState::Queued)).filter(mails::next_try_at.le(now));
    Ok(due.order(mails::id).limit(most).load(conn)?)
}

/// Mails that were given up, oldest first.
pub fn list_failed_mails(conn: &mut Conn) -> Result<Vec<Mail>> {
    Ok(mails::table.filter(mails::state.eq(MailState::Failed)).order(mails::id).load(conn)?)
}

/// The newest mails that wait or were given up.
pub fn list_unsent_mails(conn: &mut Conn) -> Result<Vec<Mail>> {
    let unsent = mails::state.eq(MailState::Queued).or(mails::state.eq(MailState::Failed));
    Ok(mails::table.filter(unsent).order(mails::id.desc()).limit(200).load(conn)?)
}

/// At most `most` mails from before this one, newest first.
pub fn list_mails_before(conn: &mut Conn, before: MailId, most: i64) -> Result<Vec<Mail>> {
    Ok(mails::table.filter(mails::id.lt(before)).order(mails::id.desc()).limit(most).load(conn)?)
}
