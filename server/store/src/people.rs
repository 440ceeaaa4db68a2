//! People: accounts, sessions, mailed links, and requests that wait for a second person.

use crate::table::table;
use chrono::NaiveDateTime;
use domain::party::AddressChangeState;
use domain::party::ApprovalState;
use domain::party::Language;
use domain::party::Roles;
use domain::party::SessionKind;
use domain::party::SignInLinkKind;
use domain::party::Theme;
use domain::party::UserStatus;
use kernel::AddressChangeId;
use kernel::ApprovalId;
use kernel::PartyId;
use kernel::RecordId;
use kernel::SessionId;
use kernel::SignInLinkId;
use kernel::UserId;

table! {
    users: User (id) by UserId, marked without [totp_last_step, failed_count, locked_until, invited_by, roles_by] {
        id: UserId => BigInt,
        party_id: PartyId => BigInt,
        email: String => Text,
        name: String => Text,
        roles: Roles => Text,
        status: UserStatus => Text,
        language: Language => Text,
        theme: Theme => Text,
        password_hash: String => Text,
        totp_secret: String => Text,
        totp_last_step: i64 => BigInt,
        failed_count: i64 => BigInt,
        locked_until: Option<NaiveDateTime> => Nullable<Timestamp>,
        created_at: NaiveDateTime => Timestamp,
        /// Who brought the person in. None for those whom the operator or the founding brought in.
        invited_by: Option<UserId> => Nullable<BigInt>,
        /// Who last gave the person roles, or enabled it again.
        roles_by: Option<UserId> => Nullable<BigInt>,
        /// Until when an initial password opens anything; it must be changed at the first sign-in.
        password_expires_at: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

table! {
    /// A change of a person's mail address: by a link that went to the new one, or by two people.
    address_changes: AddressChange (id) by AddressChangeId, marked {
        id: AddressChangeId => BigInt,
        party_id: PartyId => BigInt,
        user_id: UserId => BigInt,
        old_email: String => Text,
        new_email: String => Text,
        /// Empty where two people changed it.
        token_hash: String => Text,
        /// `open`, `done` or `ended`.
        state: AddressChangeState => Text,
        asked_by: UserId => BigInt,
        agreed_by: Option<UserId> => Nullable<BigInt>,
        reason: String => Text,
        asked_at: NaiveDateTime => Timestamp,
        expires_at: NaiveDateTime => Timestamp,
        ended_at: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

table! {
    sessions: Session (id) by SessionId {
        id: SessionId => BigInt,
        user_id: UserId => BigInt,
        kind: SessionKind => Text,
        token_hash: String => Text,
        csrf: String => Text,
        agent: String => Text,
        created_at: NaiveDateTime => Timestamp,
        seen_at: NaiveDateTime => Timestamp,
        expires_at: NaiveDateTime => Timestamp,
        revoked_at: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// When the code of the second factor was given that this session rests on.
        code_at: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

table! {
    links: Link (id) by SignInLinkId {
        id: SignInLinkId => BigInt,
        kind: SignInLinkKind => Text,
        token_hash: String => Text,
        user_id: UserId => BigInt,
        expires_at: NaiveDateTime => Timestamp,
        used_at: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

table! {
    approvals: Approval (id) by ApprovalId, marked {
        id: ApprovalId => BigInt,
        party_id: PartyId => BigInt,
        command: String => Text,
        body: String => Text,
        body_hash: String => Text,
        amount_minor: Option<i64> => Nullable<BigInt>,
        currency: String => Text,
        subject_id: RecordId => BigInt,
        maker_id: UserId => BigInt,
        checker_id: Option<UserId> => Nullable<BigInt>,
        state: ApprovalState => Text,
        reason: String => Text,
        created_at: NaiveDateTime => Timestamp,
        decided_at: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// How the maker had proven who they are, as evidence says it.
        made_with: String => Text,
    }
}
