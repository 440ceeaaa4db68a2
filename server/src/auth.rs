//! Proves who a person is: passwords, one-time codes, sessions, API tokens. `http/prove.rs` checks them.

pub mod passwords;

use crate::clock::Clock;
use chrono::NaiveDateTime;
use domain::Refusal;
use domain::party::{SessionKind, UserStatus};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use kernel::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use store::records::Keyed;
use store::{Conn, Party, Session, StoreError, User};
use web::Language;

/// The signed-in person and the person's company.
#[derive(Clone, Debug)]
pub struct Person {
    pub user: User,
    pub party: Party,
    pub session: Session,
}

impl Person {
    #[must_use]
    pub fn has_role(&self, role: domain::party::Role) -> bool {
        self.user.roles.has(role)
    }
    #[must_use]
    pub fn has_capacity(&self, capacity: domain::party::Capacity) -> bool {
        self.party.capacities.has(capacity)
    }
    #[must_use]
    pub fn language(&self) -> Language {
        Language::parse(self.user.language.name())
    }
    #[must_use]
    pub fn actor(&self) -> crate::commands::Actor {
        crate::commands::Actor::person(self.party.id, self.user.id)
    }
}

/// A password's hash, made in the calling thread: for `setup` and the demo. The server hashes in its own queue (`hashing.rs`).
pub fn hash_password(password: &str) -> Result<String, StoreError> {
    let hashed = crate::hashing::Memory::default().hash(password);
    hashed.map_err(|fault| StoreError::Corrupt(format!("password hash: {fault:?}")))
}

/// Seconds of one time step (RFC 6238).
const STEP_SECONDS: i64 = 30;

fn totp(secret: &str) -> Option<totp_rs::Totp> {
    let bytes = totp_rs::Secret::try_from_base32(secret).ok()?;
    totp_rs::Builder::new().with_secret(bytes).build().ok()
}

/// The time step of a right code, now or one step to either side. RFC 6238 (5.2) recommends this for clocks that differ. The
/// server accepts a step once.
#[must_use]
pub fn totp_step(secret: &str, code: &str, now: NaiveDateTime, last_step: i64) -> Option<i64> {
    let generator = totp(secret)?;
    let current = now.and_utc().timestamp() / STEP_SECONDS;
    [current, current.saturating_sub(1), current.saturating_add(1)].into_iter().find(|step| {
        let seconds = u64::try_from(step.saturating_mul(STEP_SECONDS)).unwrap_or(0);
        *step > last_step && crate::hash::same_secret(&generator.generate(seconds).to_string(), code)
    })
}

/// A new secret, Base32.
#[must_use]
pub fn new_totp_secret() -> String {
    let mut bytes = [0_u8; 20];
    let filled = getrandom::fill(&mut bytes);
    assert!(filled.is_ok(), "the operating system gives no randomness");
    totp_rs::Secret::new(Box::new(bytes)).to_base32()
}

/// The code at a moment; for the demo, which shows it instead of a phone.
#[must_use]
pub fn totp_code(secret: &str, now: NaiveDateTime) -> String {
    let seconds = u64::try_from(now.and_utc().timestamp()).unwrap_or(0);
    totp(secret).map(|generator| generator.generate(seconds).to_string()).unwrap_or_default()
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    /// The session's token, whose hash finds the session.
    sid: String,
    exp: i64,
    nbf: i64,
    purpose: String,
}

const ISSUER: &str = "kontor";
const AUDIENCE: &str = "kontor-api";

/// A bearer token for the API: one algorithm, short-lived, bound to a session that can be revoked.
pub fn issue_token(
    secret: &str,
    user_id: UserId,
    session_token: &str,
    now: NaiveDateTime,
    minutes: i64,
) -> Result<String, StoreError> {
    let moment = now.and_utc().timestamp();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: user_id.to_string(),
        sid: session_token.to_owned(),
        exp: moment.saturating_add(minutes.saturating_mul(60)),
        nbf: moment,
        purpose: "api".to_owned(),
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map_err(|error| StoreError::Corrupt(format!("token: {error}")))
}

/// Signs what the server hands out together with its purpose, so that no signature serves another purpose.
fn signature(secret: &str, what: &str, given: &str) -> Option<String> {
    let message = format!("{what} {given}");
    let signed = jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret.as_bytes()), Algorithm::HS256);
    signed.ok()?.get(..32).map(str::to_owned)
}

/// A digest of a password or a short code that is of no use without the server's secret.
#[must_use]
pub fn keyed_digest(secret: &str, what: &str, given: &str) -> String {
    signature(secret, what, given).unwrap_or_default()
}

const LINK: &str = "confirmation-link";

/// The token of a one-time link with its signature, so that a row which an attacker inserts into the database opens nothing.
#[must_use]
pub fn sign_link(secret: &str, token: &str) -> String {
    format!("{token}.{}", signature(secret, LINK, token).unwrap_or_default())
}

/// The token inside, if we have signed it.
#[must_use]
pub fn open_link<'a>(secret: &str, signed: &'a str) -> Option<&'a str> {
    let (token, given) = signed.split_once('.')?;
    let wanted = signature(secret, LINK, token)?;
    crate::hash::same_secret(&wanted, given).then_some(token)
}

/// Seconds within which a secret that was shown for the second factor may be taken into use.
const TOTP_OFFER_SECONDS: i64 = 15 * 60;

/// A secret as it is shown to one person at one moment, so that the browser cannot send back another one.
#[must_use]
pub fn sign_totp_secret(key: &str, user_id: UserId, totp_secret: &str, now: NaiveDateTime) -> String {
    let moment = now.and_utc().timestamp();
    let signed = signature(key, "totp-secret", &format!("{user_id} {totp_secret} {moment}")).unwrap_or_default();
    format!("{totp_secret}.{moment}.{signed}")
}

/// The secret inside, if it was shown to this person a short time ago.
#[must_use]
pub fn open_totp_secret<'a>(key: &str, user_id: UserId, signed: &'a str, now: NaiveDateTime) -> Option<&'a str> {
    let (totp_secret, rest) = signed.split_once('.')?;
    let (moment, given) = rest.split_once('.')?;
    let wanted = signature(key, "totp-secret", &format!("{user_id} {totp_secret} {moment}"))?;
    let age = now.and_utc().timestamp().checked_sub(moment.parse().ok()?)?;
    let fits = crate::hash::same_secret(&wanted, given) && (0..=TOTP_OFFER_SECONDS).contains(&age);
    fits.then_some(totp_secret)
}

/// Seconds in which a person may confirm a shown act by a code.
const STEP_UP_SECONDS: i64 = 5 * 60;

/// The challenge for one session: the digest of the act, the moment, and a signature over both, the user and the session.
#[must_use]
pub fn sign_challenge(key: &str, (user_id, session_id): (UserId, SessionId), digest: &str, now: NaiveDateTime) -> String {
    let moment = now.and_utc().timestamp();
    let signed = signature(key, "step-up", &format!("{user_id} {session_id} {digest} {moment}")).unwrap_or_default();
    format!("{digest}.{moment}.{signed}")
}

/// Whether this session was shown this challenge for this act a short time ago.
pub fn check_challenge(
    key: &str,
    (user_id, session_id): (UserId, SessionId),
    digest: &str,
    challenge: &str,
    now: NaiveDateTime,
) -> Result<(), Refusal> {
    let parts: Vec<&str> = challenge.split('.').collect();
    let [shown, moment, given] = parts.as_slice() else { return Err(Refusal::StepUpMismatch) };
    let wanted = signature(key, "step-up", &format!("{user_id} {session_id} {shown} {moment}")).unwrap_or_default();
    let moment: i64 = moment.parse().map_err(|_| Refusal::StepUpMismatch)?;
    if !crate::hash::same_secret(&wanted, given) || *shown != digest {
        return Err(Refusal::StepUpMismatch);
    }
    let age = now.and_utc().timestamp().checked_sub(moment).unwrap_or(i64::MAX);
    if (0..=STEP_UP_SECONDS).contains(&age) { Ok(()) } else { Err(Refusal::StepUpStale) }
}

/// The session token inside a valid bearer token, and the user it names.
#[must_use]
pub fn read_token(secret: &str, token: &str, now: NaiveDateTime) -> Option<(String, UserId)> {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    // The server's own clock may be moved in the demo: the times are compared with it below.
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.leeway = 0;
    let key = DecodingKey::from_secret(secret.as_bytes());
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &rules).ok()?.claims;
    let moment = now.and_utc().timestamp();
    let fits = claims.exp > moment && claims.nbf <= moment && claims.purpose == "api";
    Some((claims.sid, claims.sub.parse().ok()?)).filter(|_| fits)
}

/// Signed-in people, remembered for less than a second so that a revoked session is dead at once everywhere.
#[derive(Debug, Default)]
pub struct SessionCache {
    known: Mutex<HashMap<String, Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    since: Instant,
    person: Person,
    /// A request is already checking whether the session still holds.
    renewing: bool,
}

const REMEMBERED: Duration = Duration::from_millis(800);
/// From this age on the first request checks the session again; the others keep the remembered answer meanwhile.
const RENEWED: Duration = Duration::from_millis(500);

impl SessionCache {
    #[must_use]
    pub fn get(&self, token_hash: &str) -> Option<Person> {
        let mut known = self.known.lock().ok()?;
        let found = known.get_mut(token_hash).filter(|found| found.since.elapsed() < REMEMBERED)?;
        if found.since.elapsed() > RENEWED && !std::mem::replace(&mut found.renewing, true) {
            return None;
        }
        Some(found.person.clone())
    }

    pub fn put(&self, token_hash: &str, person: Person) {
        if let Ok(mut known) = self.known.lock() {
            if known.len() > 10_000 {
                known.retain(|_, found| found.since.elapsed() < REMEMBERED);
            }
            known.insert(token_hash.to_owned(), Remembered { since: Instant::now(), person, renewing: false });
        }
    }

    /// Forgets everything; called after a command that ends sessions or changes people.
    pub fn clear(&self) {
        if let Ok(mut known) = self.known.lock() {
            known.clear();
        }
    }
}

/// The person behind a session's token, if the session lives.
pub fn find_person(conn: &mut Conn, token_hash: &str, clock: &Clock) -> Result<Option<Person>, StoreError> {
    let Some(session) = store::people::find_session_by_token(conn, token_hash)? else { return Ok(None) };
    let now = clock.now();
    let idle = now.signed_duration_since(session.seen_at).num_minutes() >= crate::config::IDLE_MINUTES;
    if session.revoked_at.is_some() || session.expires_at <= now || idle {
        return Ok(None);
    }
    let user = User::load(conn, session.user_id)?;
    if user.status != UserStatus::Active {
        return Ok(None);
    }
    // A factor that was added elsewhere does not prove this session: it must begin anew, with a code.
    if !user.totp_secret.is_empty() && session.code_at.is_none() && session.kind != SessionKind::Pending {
        return Ok(None);
    }
    let party = Party::load(conn, user.party_id)?;
    Ok(Some(Person { user, party, session }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_only_with_its_own_signature() {
        let signed = sign_link("one secret", "abc");
        assert_eq!((open_link("one secret", &signed), signed.len()), (Some("abc"), 36));
        assert_eq!(open_link("another secret", &signed), None);
        assert_eq!(open_link("one secret", &signed.replace("abc", "abd")), None);
        assert_eq!(open_link("one secret", "abc."), None);
        assert_eq!(open_link("one secret", "abc"), None);
    }

    #[test]
    fn a_totp_secret_is_taken_only_from_whom_it_was_shown_to_and_soon() {
        let now: NaiveDateTime = "2026-11-22T10:00:00".parse().unwrap();
        let at = |seconds: i64| now + chrono::TimeDelta::seconds(seconds);
        let signed = sign_totp_secret("key", UserId(7), "JBSWY3DP", now);
        assert_eq!(open_totp_secret("key", UserId(7), &signed, at(0)), Some("JBSWY3DP"));
        assert_eq!(open_totp_secret("key", UserId(7), &signed, at(900)), Some("JBSWY3DP"));
        assert_eq!(open_totp_secret("key", UserId(7), &signed, at(901)), None, "too late");
        assert_eq!(open_totp_secret("key", UserId(7), &signed, at(-1)), None, "from the future");
        assert_eq!(open_totp_secret("key", UserId(8), &signed, at(0)), None, "somebody else's");
        assert_eq!(open_totp_secret("other", UserId(7), &signed, at(0)), None, "another server's");
        assert_eq!(open_totp_secret("key", UserId(7), &signed.replacen("JB", "AA", 1), at(0)), None, "another secret");
        let later = signed.replacen(&now.and_utc().timestamp().to_string(), &at(800).and_utc().timestamp().to_string(), 1);
        assert_eq!(open_totp_secret("key", UserId(7), &later, at(1_000)), None, "another moment");
        for strange in ["", "AAAA", "AAAA.1", "AAAA.x.y", "..", &signed.replace('.', "")] {
            assert_eq!(open_totp_secret("key", UserId(7), strange, now), None, "{strange}");
        }
    }

    #[test]
    fn a_challenge_holds_for_one_act_of_one_session_for_five_minutes() {
        let now: NaiveDateTime = "2026-11-22T10:00:00".parse().unwrap();
        let at = |seconds: i64| now + chrono::TimeDelta::seconds(seconds);
        let own = (UserId(7), SessionId(70));
        let shown = sign_challenge("key", own, "ab", now);
        let check = |key: &str, whose, digest: &str, seconds| check_challenge(key, whose, digest, &shown, at(seconds));
        assert_eq!(check("key", own, "ab", 0), Ok(()));
        assert_eq!(check("key", own, "ab", 300), Ok(()));
        assert_eq!(check("key", own, "ab", 301), Err(Refusal::StepUpStale));
        assert_eq!(check("key", own, "ab", -1), Err(Refusal::StepUpStale), "from the future");
        for (key, whose, digest) in
            [("other", own, "ab"), ("key", (UserId(8), own.1), "ab"), ("key", (own.0, SessionId(71)), "ab"), ("key", own, "ac")]
        {
            assert_eq!(check(key, whose, digest, 0), Err(Refusal::StepUpMismatch), "{key} {whose:?} {digest}");
        }
        let later = shown.replacen(&now.and_utc().timestamp().to_string(), &at(290).and_utc().timestamp().to_string(), 1);
        for strange in ["", "ab", "ab.1", "ab.x.y", "..", "ab.1.2.3", later.as_str(), &shown.replace("ab.", "ac.")] {
            assert_eq!(check_challenge("key", own, "ab", strange, at(400)), Err(Refusal::StepUpMismatch), "{strange}");
        }
    }

    #[test]
    fn a_code_is_accepted_once() {
        let secret = new_totp_secret();
        let now: NaiveDateTime = "2026-11-22T10:00:00".parse().unwrap();
        let code = totp_code(&secret, now);
        let step = totp_step(&secret, &code, now, 0).unwrap();
        assert_eq!(totp_step(&secret, &code, now, step), None);
        assert_eq!(totp_step(&secret, "000000x", now, 0), None);
    }

    /// ASVS 9.1.1, 9.1.2, 9.2.1, 9.2.2: signature, algorithm, time and purpose.
    #[test]
    fn tokens_hold_only_in_their_time_with_their_key_and_purpose() {
        let now: NaiveDateTime = "2026-11-22T10:00:00".parse().unwrap();
        let later = now + chrono::TimeDelta::minutes(16);
        let token = issue_token("secret-one", UserId(7), "session", now, 15).unwrap();
        assert_eq!(read_token("secret-one", &token, now), Some(("session".into(), UserId(7))));
        assert_eq!(read_token("secret-one", &token, later), None);
        assert_eq!(read_token("secret-one", &token, now - chrono::TimeDelta::minutes(1)), None);
        assert_eq!(read_token("secret-two", &token, now), None);
        let (head, rest) = token.split_once('.').unwrap();
        let (body, _) = rest.split_once('.').unwrap();
        // {"alg":"none","typ":"JWT"}
        let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
        assert_eq!(read_token("secret-one", &none, now), None);
        assert_eq!(read_token("secret-one", &format!("{head}.{body}.AAAA"), now), None);
    }
}
