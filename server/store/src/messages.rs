//! What people are told: notices, and the mails made of them.

use crate::table::table;
use chrono::NaiveDateTime;
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
