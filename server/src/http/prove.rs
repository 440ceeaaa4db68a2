//! The only check of a password or a code: limits for the sender, the person and the session, the lock, the hash.
//!
//! Invariants: a try is charged before anything is looked at, so concurrent tries count as well. A check that did not happen is
//! not charged. Nothing here waits for a write before it answers, except the end of a session.

use super::Shared;
use super::error::Fault;
use super::routes::Sender;
use crate::allowance::Allowance;
use crate::auth::passwords::{self, Owner};
use crate::auth::{self, Person};
use crate::commands::Actor;
use crate::commands::people::record_sign_in_failure::{LOCK_SECONDS, MOST_TRIES, RecordSignInFailure};
use crate::commands::people::revoke_sessions::RevokeSessions;
use crate::config::SESSION_MINUTES;
use crate::hash::random_token;
use crate::hashing::Verdict;
use domain::Refusal;
use domain::party::{SessionKind, UserStatus};
use kernel::{ConfirmationLinkId, SessionId, UserId};
use store::records::Keyed;
use store::{Party, User};

const QUARTER: i64 = 15 * 60;
const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// Sign-ins of one sender: 60 wrong ones, or 300 right ones, in a quarter of an hour.
pub const SENDER: Allowance = Allowance { kind: "sign-in-sender", most: 600, seconds: QUARTER };
/// Units that a try takes, and units that a right try gets back.
const TRY: i64 = 10;
const RIGHT_BACK: i64 = 8;
/// Right passwords of one person, at sign-in and in its sessions.
pub const SIGN_INS: Allowance = Allowance { kind: "sign-in-person", most: 100, seconds: QUARTER };
/// Wrong passwords and codes of one person at the sign-in, including tries that still run. Strangers can use these up, so they
/// stop no session.
pub const TRIES: Allowance = Allowance { kind: "tries-person", most: MOST_TRIES, seconds: LOCK_SECONDS };
/// Wrong codes of one person in a day: a person who tries slowly gets no more than these.
pub const CODES: Allowance = Allowance { kind: "codes-person", most: 20, seconds: DAY };
/// Wrong passwords and codes of one session, which ends with the last.
pub const SESSION: Allowance = Allowance { kind: "tries-session", most: MOST_TRIES, seconds: SESSION_MINUTES * 60 };
/// A lock is recorded once, and so is the end of a session.
const ONCE: Allowance = Allowance { kind: "tries-end", most: 1, seconds: LOCK_SECONDS };
/// Mails to one person about locks.
const LOCK_MAILS: Allowance = Allowance { kind: "lock-mails", most: 1, seconds: HOUR };
/// Requests of one sender for a link to a new password, and links mailed to one person.
pub const RESETS_SENDER: Allowance = Allowance { kind: "reset-sender", most: 10, seconds: QUARTER };
const RESETS_HOUR: Allowance = Allowance { kind: "reset-hour", most: 3, seconds: HOUR };
/// Links that one person has mailed to addresses that are not theirs yet.
const ADDRESSES_DAY: Allowance = Allowance { kind: "address-day", most: 5, seconds: DAY };
const RESETS_DAY: Allowance = Allowance { kind: "reset-day", most: 10, seconds: DAY };
/// Links of any kind that one sender looks at, and passwords set by one link.
const LINKS: Allowance = Allowance { kind: "links-sender", most: 60, seconds: QUARTER };
const LINK_PASSWORDS: Allowance = Allowance { kind: "passwords-link", most: 10, seconds: QUARTER };

/// Codes mailed for one link.
const LINK_CODES: Allowance = Allowance { kind: "codes-link", most: 3, seconds: HOUR };

/// Units that a try has taken from a person's allowances. They come back unless the try ends as wrong.
struct Turn<'a> {
    app: &'a Shared,
    user_id: UserId,
    taken: Vec<(&'static Allowance, String)>,
}

impl<'a> Turn<'a> {
    /// One of the person's tries, unless the last are in flight or were wrong.
    fn begin(app: &'a Shared, user_id: UserId) -> Result<Self, Fault> {
        let turn = Self { app, user_id, taken: Vec::new() };
        turn.also(&TRIES, user_id.to_string())
    }

    fn also(mut self, of: &'static Allowance, name: String) -> Result<Self, Fault> {
        self.app.allowances.take(of, &name, 1)?;
        self.taken.push((of, name));
        Ok(self)
    }

    /// The try was right: its units for wrong tries come back, its unit for right ones stays.
    fn right(mut self) {
        self.taken.retain(|(of, _)| **of != SIGN_INS);
    }

    /// The try was wrong: its units stay, except its unit for right tries. The last wrong try locks the person.
    fn wrong(mut self) {
        self.taken.retain(|(of, _)| **of == SIGN_INS);
        tracing::warn!(user = self.user_id.0, "wrong password or code");
        let name = self.user_id.to_string();
        let last = self.app.allowances.left(&TRIES, &name) == 0;
        if last && self.app.allowances.take(&ONCE, &name, 1).is_ok() {
            let tell = self.app.allowances.take(&LOCK_MAILS, &name, 1).is_ok();
            let (app, user_id) = (self.app.clone(), self.user_id);
            actix_web::rt::spawn(async move {
                let done = app.submit(Actor::DOOR, random_token(), RecordSignInFailure { user_id, tell }).await;
                if let Err(fault) = done {
                    tracing::error!(user = user_id.0, ?fault, "the lock is kept in memory only");
                }
            });
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        for (of, name) in self.taken.drain(..) {
            self.app.allowances.give_back(of, &name, 1);
        }
    }
}

fn is_locked(app: &Shared, user: &User) -> bool {
    locked_for(app, user).is_some()
}

/// Seconds until the person's lock ends.
fn locked_for(app: &Shared, user: &User) -> Option<i64> {
    let until = user.locked_until?;
    Some(until.signed_duration_since(app.clock.now()).num_seconds().saturating_add(1)).filter(|_| until > app.clock.now())
}

/// The person's row as it is now, not as the session remembers it.
async fn load_active(app: &Shared, user_id: UserId) -> Result<User, Fault> {
    let user = app.read(move |conn| Ok(User::load(conn, user_id)?)).await?;
    if user.status == UserStatus::Active { Ok(user) } else { Err(Fault::SignInNeeded) }
}

/// The same at the door, where a lock holds.
async fn load_unlocked(app: &Shared, user_id: UserId) -> Result<User, Fault> {
    let user = load_active(app, user_id).await?;
    locked_for(app, &user).map_or(Ok(user), |seconds| Err(Fault::TooMany { seconds }))
}

/// The row for a try of a session. A lock holds for one that still waits for its code, and for no other.
async fn load_inside(app: &Shared, person: &Person) -> Result<User, Fault> {
    let id = person.user.id;
    if is_pending(person) { load_unlocked(app, id).await } else { load_active(app, id).await }
}

/// Whether the sign-in of this session still waits for the code.
fn is_pending(person: &Person) -> bool {
    person.session.kind == SessionKind::Pending
}

/// The user whose password this is. An unknown, disabled or locked user gets the same answer as a wrong password. Each case takes
/// the same work: one query, one hash, no write.
pub async fn credentials(app: &Shared, sender: &Sender, email: &str, typed: &str) -> Result<User, Fault> {
    let name = sender.name();
    app.allowances.take(&SENDER, &name, TRY)?;
    let (found, verdict, turn) = match compare(app, email, typed).await {
        Ok(compared) => compared,
        Err(fault) => {
            app.allowances.give_back(&SENDER, &name, TRY);
            return Err(fault);
        }
    };
    match (found, turn, verdict) {
        (Some(user), Some(turn), Verdict::Right) => {
            turn.right();
            app.allowances.give_back(&SENDER, &name, RIGHT_BACK);
            // Only a person who knows the password learns that it has expired; a link by mail sets another.
            if user.password_expires_at.is_some_and(|until| until <= app.clock.now()) {
                return Err(Refusal::PasswordExpired.into());
            }
            Ok(user)
        }
        (_, turn, _) => {
            match turn {
                Some(turn) => turn.wrong(),
                None => tracing::warn!("wrong password for nobody, or for somebody who is locked or disabled"),
            }
            Err(Refusal::SignInFailed.into())
        }
    }
}

/// The user with this address, the verdict on the password, and the person's turn where there is one.
async fn compare<'a>(app: &'a Shared, email: &str, typed: &str) -> Result<(Option<User>, Verdict, Option<Turn<'a>>), Fault> {
    let email = domain::names::mail_address(email);
    let found = app.read(move |conn| Ok(store::people::find_user_by_email(conn, &email)?)).await?;
    let open = found.as_ref().filter(|user| user.status == UserStatus::Active && !is_locked(app, user));
    let turn = match open {
        Some(user) => Turn::begin(app, user.id).ok(),
        None => None,
    };
    let turn = match (turn, open) {
        (Some(turn), Some(user)) => Some(turn.also(&SIGN_INS, user.id.to_string())?),
        _ => None,
    };
    let stored = open.filter(|_| turn.is_some()).map_or("", |user| user.password_hash.as_str());
    let verdict = app.hashing.verify(typed, stored).await?;
    Ok((found, verdict, turn))
}

/// Checks the password of a person who is signed in.
pub async fn password(app: &Shared, person: &Person, typed: &str) -> Result<(), Fault> {
    let id = person.user.id;
    let turn = session_turn(app, person).await?.also(&SIGN_INS, id.to_string())?;
    let user = load_inside(app, person).await?;
    match app.hashing.verify(typed, &user.password_hash).await? {
        Verdict::Right => {
            turn.right();
            Ok(())
        }
        Verdict::Wrong => {
            turn.wrong();
            end_if_spent(app, person).await;
            Err(Refusal::PasswordWrong.into())
        }
    }
}

/// The time step of a right code of a person with a session, even one that still waits for the code. The caller keeps the step,
/// so that the code is not accepted again.
pub async fn code(app: &Shared, person: &Person, typed: &str) -> Result<i64, Fault> {
    let turn = session_turn(app, person).await?.also(&CODES, person.user.id.to_string())?;
    let user = load_inside(app, person).await?;
    finish_code(app, person, &user, typed, turn).await
}

/// The same for one act: the writer checks whether the code was used before, in the commit that uses it up.
pub async fn code_for_act(app: &Shared, person: &Person, typed: &str) -> Result<i64, Fault> {
    let turn = session_turn(app, person).await?.also(&CODES, person.user.id.to_string())?;
    let user = User { totp_last_step: 0, ..load_inside(app, person).await? };
    finish_code(app, person, &user, typed, turn).await
}

async fn finish_code(app: &Shared, person: &Person, user: &User, typed: &str, turn: Turn<'_>) -> Result<i64, Fault> {
    let step = step_of(app, user, typed, turn);
    if step.is_none() {
        end_if_spent(app, person).await;
    }
    step.ok_or_else(|| Refusal::TotpWrong.into())
}

/// The same at a sign-in without a session: the password has just been right.
pub async fn code_at_sign_in(app: &Shared, user_id: UserId, typed: &str) -> Result<i64, Fault> {
    let turn =
        Turn::begin(app, user_id).and_then(|turn| turn.also(&CODES, user_id.to_string())).map_err(|_| Refusal::SignInFailed)?;
    let user = load_unlocked(app, user_id).await?;
    step_of(app, &user, typed, turn).ok_or_else(|| Refusal::TotpWrong.into())
}

fn step_of(app: &Shared, user: &User, typed: &str, turn: Turn<'_>) -> Option<i64> {
    let plain: String = typed.chars().filter(char::is_ascii_digit).collect();
    let step = auth::totp_step(&user.totp_secret, &plain, app.clock.now(), user.totp_last_step);
    if step.is_some() {
        turn.right()
    } else {
        turn.wrong()
    }
    step
}

/// Takes a try of a session; a session without tries left is over. Wrong tries also count at the sign-in. Tries that strangers
/// spent there refuse only a session that still waits for its code.
async fn session_turn<'a>(app: &'a Shared, person: &Person) -> Result<Turn<'a>, Fault> {
    let user_id = person.user.id;
    let turn = match Turn::begin(app, user_id) {
        Err(_) if !is_pending(person) => Turn { app, user_id, taken: Vec::new() },
        begun => begun?,
    };
    turn.also(&SESSION, person.session.id.to_string())
}

/// Ends a session whose tries are spent.
async fn end_if_spent(app: &Shared, person: &Person) {
    let session_id = person.session.id;
    if app.allowances.left(&SESSION, &session_id.to_string()) > 0
        || app.allowances.take(&ONCE, &format!("session {session_id}"), 1).is_err()
    {
        return;
    }
    let command = RevokeSessions { session_id: Some(session_id), keep_session: SessionId(0) };
    if let Err(fault) = app.submit(person.actor(), random_token(), command).await {
        tracing::error!(
            user = person.user.id.0,
            ?fault,
            "a session with too many wrong tries was not ended; it takes no more of them"
        );
    }
}

/// The person is signed in whole, or has a new password: earlier wrong tries no longer count.
pub fn forget_tries(app: &Shared, user_id: UserId) {
    let name = user_id.to_string();
    for of in [&TRIES, &ONCE] {
        let used = of.most.saturating_sub(app.allowances.left(of, &name));
        app.allowances.give_back(of, &name, used);
    }
}

/// After a new password earlier wrong codes no longer count either: their sender no longer knows the password.
pub fn forget_all(app: &Shared, user_id: UserId) {
    forget_tries(app, user_id);
    let name = user_id.to_string();
    let used = CODES.most.saturating_sub(app.allowances.left(&CODES, &name));
    app.allowances.give_back(&CODES, &name, used);
}

/// The hash of a new password that the rules allow.
pub async fn new_password(app: &Shared, user: &User, name: &str, typed: &str) -> Result<String, Fault> {
    let party_id = user.party_id;
    let company = app.read(move |conn| Ok(Party::load(conn, party_id)?.name)).await?;
    passwords::check(typed, &Owner { email: user.email.clone(), name: name.to_owned(), company })?;
    Ok(app.hashing.hash(typed).await?)
}

/// Whether this sender may ask for one more link to a new password.
pub fn may_ask_reset(app: &Shared, sender: &Sender) -> Result<(), Fault> {
    Ok(app.allowances.take(&RESETS_SENDER, &sender.name(), 1)?)
}

/// Whether this person may get one more such mail, from any asker.
#[must_use]
pub fn may_mail_reset(app: &Shared, user_id: UserId) -> bool {
    let name = user_id.to_string();
    let taken = app.allowances.take(&RESETS_HOUR, &name, 1).is_ok();
    taken && app.allowances.take(&RESETS_DAY, &name, 1).is_ok()
}

/// Whether this person may have one more link mailed to a new address.
pub fn may_mail_address(app: &Shared, user_id: UserId) -> Result<(), Fault> {
    Ok(app.allowances.take(&ADDRESSES_DAY, &user_id.to_string(), 1)?)
}

/// Whether this sender may look at one more link.
pub fn may_look_at_link(app: &Shared, sender: &Sender) -> Result<(), Fault> {
    Ok(app.allowances.take(&LINKS, &sender.name(), 1)?)
}

/// Whether one more code may be mailed for this one-time link.
pub fn may_mail_code(app: &Shared, link_id: ConfirmationLinkId) -> Result<(), Fault> {
    Ok(app.allowances.take(&LINK_CODES, &link_id.to_string(), 1)?)
}

/// Whether one more password may be set by this link: each costs a hash.
pub fn may_set_password(app: &Shared, token_hash: &str) -> Result<(), Fault> {
    Ok(app.allowances.take(&LINK_PASSWORDS, token_hash, 1)?)
}
