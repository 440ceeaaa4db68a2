//! People: accounts, sessions, mailed links, and requests that wait for a second person.

use crate::fixed::fixed;
use crate::invoices::invoices;
use crate::market::purchase_holds;
use crate::table::table;
use crate::{Conn, Result};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use domain::offering::PurchaseHoldState;
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
use kernel::OfferId;
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
        /// The person who brought this one in. None for people whom the operator or the founding brought in.
        invited_by: Option<UserId> => Nullable<BigInt>,
        /// The person who last gave this one roles, or enabled it again.
        roles_by: Option<UserId> => Nullable<BigInt>,
        /// The moment until which an initial password opens anything; it must be changed at the first sign-in.
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
        /// When the person gave the code of the second factor on which this session rests.
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
        /// How the maker had proven who they are, in the words of the evidence.
        made_with: String => Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(users, invoices);
diesel::allow_tables_to_appear_in_same_query!(approvals, purchase_holds);

/// The person with this address.
pub fn find_user_by_email(conn: &mut Conn, email: &str) -> Result<Option<User>> {
    Ok(users::table.filter(users::email.eq(email)).first(conn).optional()?)
}

/// All people of a company, those who have left among them, oldest first.
pub fn list_users(conn: &mut Conn, party: PartyId) -> Result<Vec<User>> {
    Ok(users::table.filter(users::party_id.eq(party)).order(users::id).load(conn)?)
}

/// The first person of a company.
pub fn find_first_user(conn: &mut Conn, party: PartyId) -> Result<Option<User>> {
    Ok(users::table.filter(users::party_id.eq(party)).order(users::id).first(conn).optional()?)
}

/// People of a company who can sign in.
pub fn list_active_users(conn: &mut Conn, party: PartyId) -> Result<Vec<User>> {
    Ok(users::table.filter(users::party_id.eq(party)).filter(users::status.eq(UserStatus::Active)).load(conn)?)
}

/// Colleagues of a person who can sign in.
pub fn list_active_colleagues(conn: &mut Conn, user: &User) -> Result<Vec<User>> {
    let active = users::table.filter(users::party_id.eq(user.party_id)).filter(users::status.eq(UserStatus::Active));
    Ok(active.filter(users::id.ne(user.id)).load(conn)?)
}

/// People of a company who have a role, oldest first.
pub fn list_role_holders(conn: &mut Conn, party: PartyId) -> Result<Vec<User>> {
    let holders = users::table.filter(users::party_id.eq(party)).filter(users::roles.ne(Roles::default()));
    Ok(holders.order(users::id).load(conn)?)
}

/// The same by name.
pub fn list_role_holders_by_name(conn: &mut Conn, party: PartyId) -> Result<Vec<User>> {
    let holders = users::table.filter(users::party_id.eq(party)).filter(users::roles.ne(Roles::default()));
    Ok(holders.order((users::name, users::id)).load(conn)?)
}

/// The first people of all companies that sell to this buyer.
pub fn list_users_of_suppliers(conn: &mut Conn, buyer: PartyId) -> Result<Vec<User>> {
    let suppliers = invoices::table.filter(invoices::buyer_id.eq(buyer)).select(invoices::supplier_id);
    Ok(users::table.filter(users::party_id.eq_any(suppliers)).order(users::id).limit(500).load(conn)?)
}

/// The open change of a person's address that this link confirms.
pub fn find_address_change(conn: &mut Conn, user: UserId, token_hash: &str) -> Result<Option<AddressChange>> {
    let own = address_changes::table.filter(address_changes::token_hash.eq(token_hash)).filter(address_changes::user_id.eq(user));
    Ok(own.filter(address_changes::state.eq(AddressChangeState::Open)).first(conn).optional()?)
}

/// Changes of a person's address that are open, in time or not.
pub fn list_open_address_changes(conn: &mut Conn, user: UserId) -> Result<Vec<AddressChange>> {
    let own = address_changes::table.filter(address_changes::user_id.eq(user));
    Ok(own.filter(address_changes::state.eq(AddressChangeState::Open)).load(conn)?)
}

/// The change of a person's address that can still be confirmed.
pub fn find_open_address_change(conn: &mut Conn, user: UserId, now: NaiveDateTime) -> Result<Option<AddressChange>> {
    let own = address_changes::table.filter(address_changes::user_id.eq(user));
    let open = own.filter(address_changes::state.eq(AddressChangeState::Open));
    Ok(open.filter(address_changes::expires_at.gt(now)).first(conn).optional()?)
}

/// The session of this token, whether it lives or not.
pub fn find_session_by_token(conn: &mut Conn, token_hash: &str) -> Result<Option<Session>> {
    Ok(sessions::table.filter(sessions::token_hash.eq(token_hash)).first(conn).optional()?)
}

/// Sessions of a person that live, newest first.
pub fn list_live_sessions(conn: &mut Conn, user: UserId, now: NaiveDateTime) -> Result<Vec<Session>> {
    let own = sessions::table.filter(sessions::user_id.eq(user)).filter(sessions::revoked_at.is_null());
    Ok(own.filter(sessions::expires_at.gt(now)).order(sessions::id.desc()).load(conn)?)
}

/// Sessions of a person that were not ended, but for one.
pub fn list_other_sessions(conn: &mut Conn, user: UserId, keep: SessionId) -> Result<Vec<Session>> {
    let own = sessions::table.filter(sessions::user_id.eq(user)).filter(sessions::revoked_at.is_null());
    Ok(own.filter(sessions::id.ne(keep)).load(conn)?)
}

/// The mailed link of this kind and token, whether it is open or not.
pub fn find_link(conn: &mut Conn, kind: SignInLinkKind, token_hash: &str) -> Result<Option<Link>> {
    Ok(links::table.filter(links::token_hash.eq(token_hash)).filter(links::kind.eq(kind)).first(conn).optional()?)
}

/// Links of one kind that a person has not used.
pub fn list_unused_links(conn: &mut Conn, user: UserId, kind: SignInLinkKind) -> Result<Vec<Link>> {
    let own = links::table.filter(links::user_id.eq(user)).filter(links::kind.eq(kind));
    Ok(own.filter(links::used_at.is_null()).load(conn)?)
}

/// Chooses requests by command, by person or company, and by record.
#[derive(Clone, Copy, Debug)]
pub enum Waiting<'a> {
    One(ApprovalId),
    AskedBy(UserId),
    About(RecordId),
    /// Of one company about a record.
    OfAbout(PartyId, RecordId),
    /// For one command.
    For(&'a str),
    ForAbout(&'a str, RecordId),
    ForIn {
        command: &'a str,
        currency: &'a str,
    },
    /// For one command, of one company, in one currency.
    ForOfIn {
        command: &'a str,
        party: PartyId,
        currency: &'a str,
    },
    ForOfAboutIn {
        command: &'a str,
        party: PartyId,
        subject: RecordId,
        currency: &'a str,
    },
    /// All of a company, and those to let it trade.
    Company(PartyId),
    /// Purchases of an offer.
    Purchases(OfferId),
}

/// Requests that wait for their second person, oldest first.
pub fn list_waiting(conn: &mut Conn, wanted: Waiting<'_>) -> Result<Vec<Approval>> {
    use approvals::{command as asked_for, currency as asked_in, id, maker_id, party_id, state, subject_id};
    let pending = approvals::table.filter(state.eq(fixed(ApprovalState::Pending))).order(id).into_boxed();
    let found = match wanted {
        Waiting::One(one) => pending.filter(id.eq(one)),
        Waiting::AskedBy(maker) => pending.filter(maker_id.eq(maker)),
        Waiting::About(subject) => pending.filter(subject_id.eq(subject)),
        Waiting::OfAbout(party, subject) => pending.filter(party_id.eq(party)).filter(subject_id.eq(subject)),
        Waiting::For(command) => pending.filter(asked_for.eq(command)),
        Waiting::ForAbout(command, subject) => pending.filter(asked_for.eq(command)).filter(subject_id.eq(subject)),
        Waiting::ForIn { command, currency } => pending.filter(asked_for.eq(command)).filter(asked_in.eq(currency)),
        Waiting::ForOfIn { command, party, currency } => {
            pending.filter(asked_for.eq(command)).filter(party_id.eq(party)).filter(asked_in.eq(currency))
        }
        Waiting::ForOfAboutIn { command, party, subject, currency } => {
            let own = pending.filter(asked_for.eq(command)).filter(party_id.eq(party));
            own.filter(subject_id.eq(subject)).filter(asked_in.eq(currency))
        }
        Waiting::Company(party) => {
            let trading = asked_for.eq("decide_company").and(subject_id.eq(RecordId::from(party)));
            pending.filter(party_id.eq(party).or(trading))
        }
        Waiting::Purchases(offer) => {
            let held = purchase_holds::table.filter(purchase_holds::offer_id.eq(offer));
            let held = held.filter(purchase_holds::state.eq(fixed(PurchaseHoldState::Open))).select(purchase_holds::id);
            pending.filter(asked_for.eq("buy_fractions")).filter(id.eq_any(held))
        }
    };
    Ok(found.load(conn)?)
}

/// The oldest of them.
pub fn find_waiting(conn: &mut Conn, wanted: Waiting<'_>) -> Result<Option<Approval>> {
    Ok(list_waiting(conn, wanted)?.into_iter().next())
}

/// A company's requests to change a person, which wait for their second person.
pub fn list_waiting_changes(conn: &mut Conn, party: PartyId) -> Result<Vec<Approval>> {
    let changes = approvals::command.eq("change_user").or(approvals::command.eq("correct_address"));
    let own = approvals::table.filter(approvals::party_id.eq(party));
    Ok(own.filter(approvals::state.eq(fixed(ApprovalState::Pending))).filter(changes).load(conn)?)
}
