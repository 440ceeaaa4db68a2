//! The outbox: notices become mails, mails go to the server, each until it is accepted.

use crate::clock::Clock;
use crate::commands::Actor;
use crate::commands::messages::queue_mails::{NoticeMails, QueueMails, QueuedMail};
use crate::commands::messages::record_mail::{MailStep, RecordMail};
use crate::config::Config;
use crate::hash::random_token;
use crate::http::error::Fault;
use crate::writer::{WriteError, Writer};
use kernel::{AddressChangeId, NoticeId, PartyId, UserId};
use lettre::message::{Mailbox, Message, header::ContentType};
use lettre::{SmtpTransport, Transport};
use serde_json::Value;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use store::records::Keyed;
use store::{AddressChange, Conn, Mail, Notice, Pool, User, confirmations};
use web::Language;

/// A notice's stored arguments as texts; amounts in the words of people, under their name without `_minor`.
#[must_use]
pub fn arguments_of(stored: &Value, language: Language) -> Vec<(String, String)> {
    let Some(map) = stored.as_object() else { return Vec::new() };
    let currency = map.get("currency").and_then(Value::as_str).unwrap_or("").to_owned();
    map.iter()
        .map(|(name, value)| match (value, name.strip_suffix("_minor")) {
            (Value::Number(number), Some(plain)) => (plain.to_owned(), language.money(&currency, number.as_i64().unwrap_or(0))),
            (Value::String(text), _) => (name.clone(), text.clone()),
            (other, _) => (name.clone(), other.to_string()),
        })
        .collect()
}

/// Notices that one round turns into mails.
const AT_ONCE: i64 = 200;

/// Turns waiting notices into mails, and says how many it took up.
pub fn queue(writer: &Writer, pool: &Pool, config: &Config) -> Result<usize, Fault> {
    let mut conn = pool.get().map_err(|error| Fault::Failed(error.to_string()))?;
    let notices = store::messages::list_unmailed(&mut conn, AT_ONCE)?;
    let count = notices.len();
    if count == 0 {
        return Ok(0);
    }
    let mut people = People::default();
    let mut becoming = Vec::with_capacity(count);
    for notice in notices {
        let users = people.of(&mut conn, &notice)?;
        let stored: Value = serde_json::from_str(&notice.arguments).unwrap_or_default();
        let other = second_address(&mut conn, &notice)?;
        let link = signed(config, &notice);
        let drafts = users
            .iter()
            .map(|user| {
                let language = Language::parse(user.language.name());
                let arguments = arguments_of(&stored, language);
                let borrowed: Vec<(&str, String)> =
                    arguments.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                let (subject, body) = web::mail::render(language, &notice.kind, &borrowed, &config.base_url, &link);
                let address = other.clone().unwrap_or_else(|| user.email.clone());
                Draft { mail: QueuedMail { address, subject, body }, language, link: link.clone() }
            })
            .collect();
        let apart = APART.contains(&notice.kind.as_str());
        becoming.push(Drafts { notice_id: notice.id, apart, drafts });
    }
    let becoming = join(becoming, &config.base_url);
    drop(conn);
    let command = |notices| (Actor::SYSTEM, random_token(), QueueMails { notices }.into());
    let replies = writer.submit_all(vec![command(becoming.clone())]);
    if replies.contains(&Err(WriteError::Failed)) {
        // A notice that cannot be written does not hold the others' mail back.
        writer.submit_all(becoming.into_iter().map(|one| command(vec![one])).collect());
    }
    Ok(count)
}

/// The most single mails that one person gets at once; more become one mail.
const MOST_APART: usize = 10;
/// Notices whose mail is a key, or is about the account: never beside others.
const APART: &[&str] = &[
    "invitation",
    "password_reset",
    "password_changed",
    "confirmation_link",
    "confirmation_code",
    "account_locked",
    "totp_added",
    "totp_removed",
    "address_confirm",
    "address_asked",
    "address_changed",
    "address_corrected",
];

/// A mail for one person, and where it leads.
struct Draft {
    mail: QueuedMail,
    language: Language,
    link: String,
}

struct Drafts {
    notice_id: NoticeId,
    apart: bool,
    drafts: Vec<Draft>,
}

/// No person gets hundreds of mails at once: too many for one address become one mail, in the place of the first.
fn join(becoming: Vec<Drafts>, base_url: &str) -> Vec<NoticeMails> {
    let mut together: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for draft in becoming.iter().filter(|one| !one.apart).flat_map(|one| &one.drafts) {
        let line = (draft.mail.subject.clone(), draft.link.clone());
        together.entry(draft.mail.address.clone()).or_default().push(line);
    }
    together.retain(|_, lines| lines.len() > MOST_APART);
    let mut joined = std::collections::HashSet::new();
    let one = |notice: Drafts| {
        let mut mails = Vec::new();
        for draft in notice.drafts {
            match together.get(&draft.mail.address).filter(|_| !notice.apart) {
                None => mails.push(draft.mail),
                Some(lines) if joined.insert(draft.mail.address.clone()) => {
                    let (subject, body) = web::mail::render_joined(draft.language, lines, base_url);
                    mails.push(QueuedMail { address: draft.mail.address, subject, body });
                }
                Some(_) => {}
            }
        }
        NoticeMails { notice_id: notice.notice_id, mails }
    };
    becoming.into_iter().map(one).collect()
}

/// The people whom notices concern, read once for each company and person.
#[derive(Default)]
struct People {
    known: HashMap<(PartyId, Option<UserId>), Vec<User>>,
}

impl People {
    fn of(&mut self, conn: &mut Conn, notice: &Notice) -> Result<&[User], Fault> {
        match self.known.entry((notice.party_id, notice.user_id)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(match notice.user_id {
                Some(id) => User::find(conn, id)?.into_iter().collect(),
                None => store::people::list_active_users(conn, notice.party_id)?,
            })),
        }
    }
}

/// The address of a mail that does not go to the person's own. A code goes to the contact's other address, never to the one that
/// gets the link. A mail about a change of address goes to the new address or to the old one.
fn second_address(conn: &mut Conn, notice: &Notice) -> Result<Option<String>, Fault> {
    if ["address_confirm", "address_changed"].contains(&notice.kind.as_str()) {
        let stored: Value = serde_json::from_str(&notice.arguments).unwrap_or_default();
        let id = stored.get("change_id").and_then(Value::as_i64).unwrap_or(0);
        let change = AddressChange::load(conn, AddressChangeId(id))?;
        return Ok(Some(if notice.kind == "address_confirm" { change.new_email } else { change.old_email }));
    }
    if notice.kind != "confirmation_code" {
        return Ok(None);
    }
    let contact = confirmations::find_mailed_contact(conn, notice.user_id.unwrap_or(UserId(0)))?;
    contact.map(|contact| Some(contact.second)).ok_or_else(|| Fault::Failed(format!("notice {} has no address", notice.id)))
}

/// The path that a mail leads to; a one-time link is signed on its way out.
fn signed(config: &Config, notice: &Notice) -> String {
    match notice.link.strip_prefix("/confirm/") {
        Some(token) => format!("/confirm/{}", crate::auth::sign_link(&config.secret, token)),
        None => notice.link.clone(),
    }
}

/// The address that a mail's stable Message-ID ends with.
fn host_of(config: &Config) -> String {
    let host = config.base_url.split("://").nth(1).unwrap_or("kontor").split([':', '/']).next().unwrap_or("kontor");
    if host.is_empty() { "kontor".to_owned() } else { host.to_owned() }
}

fn message(mail: &Mail, config: &Config) -> Result<Message, String> {
    let from: Mailbox = config.mail_from.parse().map_err(|error| format!("sender: {error}"))?;
    let to: Mailbox = mail.address.parse().map_err(|error| format!("recipient: {error}"))?;
    Message::builder()
        .from(from)
        .to(to)
        .subject(mail.subject.clone())
        // The same mail always has the same id, so that a receiver can separate a second copy from a second mail.
        .message_id(Some(format!("<kontor-{}@{}>", mail.id, host_of(config))))
        .header(ContentType::TEXT_PLAIN)
        .body(mail.body.clone())
        .map_err(|error| error.to_string())
}

/// Why a mail has not gone out.
enum Trouble {
    /// The server does not answer, or not in time: other mails need not be tried now.
    ServerAway(String),
    /// Not now: the server says so, or broke off.
    Later(String),
    /// Never, as it stands.
    Never(String),
}

/// The server's no to our own sign-in is no verdict on the mail.
const SIGN_IN_TROUBLE: &[&str] = &["530", "534", "535", "538"];

fn deliver(transport: &SmtpTransport, mail: &Mail, config: &Config) -> Result<(), Trouble> {
    let message = message(mail, config).map_err(Trouble::Never)?;
    transport.send(&message).map(|_| ()).map_err(|error| {
        let text = error.to_string();
        let code = error.status().map(|code| code.to_string()).unwrap_or_default();
        if error.is_permanent() && !SIGN_IN_TROUBLE.contains(&code.as_str()) {
            Trouble::Never(text)
        } else if error.is_permanent() || error.is_transient() || error.is_response() {
            Trouble::Later(text)
        } else {
            Trouble::ServerAway(text)
        }
    })
}

/// Sends the due mails. The job claims a mail first, so that two processes do not send it at once. It sends a mail again with the
/// same Message-ID if the server did not confirm the outcome.
pub fn send(writer: &Writer, pool: &Pool, config: &Config, clock: &Clock) -> Result<usize, Fault> {
    let Some(url) = &config.smtp_url else { return Ok(0) };
    let builder = SmtpTransport::from_url(url).map_err(|error| Fault::Failed(format!("SMTP_URL: {error}")))?;
    let transport = builder.timeout(Some(config.smtp_timeout)).build();
    let mut conn = pool.get().map_err(|error| Fault::Failed(error.to_string()))?;
    let due = store::messages::list_due_mails(&mut conn, clock.now(), AT_ONCE)?;
    drop(conn);
    let record = |mail_id, step| writer.submit_blocking(Actor::SYSTEM, random_token(), RecordMail { mail_id, step }.into());
    let mut sent = 0_usize;
    for mail in due {
        if record(mail.id, MailStep::Claimed).is_err() {
            continue;
        }
        let outcome = deliver(&transport, &mail, config);
        let step = match &outcome {
            Ok(()) => MailStep::Sent,
            Err(Trouble::Later(error) | Trouble::ServerAway(error)) => MailStep::Failed(error.clone()),
            Err(Trouble::Never(error)) => MailStep::GivenUp(error.clone()),
        };
        if let MailStep::Failed(error) | MailStep::GivenUp(error) = &step {
            tracing::warn!(mail = mail.id.0, error, "mail not accepted");
        }
        // A record that fails leaves the claim, and the mail is tried again when that has run out.
        let _ = record(mail.id, step);
        match outcome {
            Ok(()) => sent = sent.saturating_add(1),
            Err(Trouble::ServerAway(_)) => break,
            Err(_) => {}
        }
    }
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(id: i64, kind: &str, addresses: &[&str]) -> Drafts {
        let draft = |address: &&str| Draft {
            mail: QueuedMail { address: (*address).to_owned(), subject: format!("notice {id}"), body: "body".to_owned() },
            language: Language::English,
            link: format!("/payables/{id}"),
        };
        Drafts { notice_id: NoticeId(id), apart: APART.contains(&kind), drafts: addresses.iter().map(draft).collect() }
    }

    #[test]
    fn what_is_too_much_for_one_address_is_one_mail_and_keys_stay_apart() {
        let mut waiting: Vec<Drafts> = (0..200).map(|id| notice(id, "message_written", &["a@x", "b@x"])).collect();
        waiting.extend((200..203).map(|id| notice(id, "message_written", &["c@x"])));
        waiting.push(notice(203, "password_reset", &["a@x"]));
        let joined = join(waiting, "https://k");
        assert_eq!(joined.len(), 204, "every notice is done with");
        let mails = |address: &str| -> Vec<QueuedMail> {
            let all = joined.iter().flat_map(|notice| &notice.mails);
            all.filter(|mail| mail.address == address).cloned().collect()
        };
        let (a, b, c) = (mails("a@x"), mails("b@x"), mails("c@x"));
        assert_eq!((a.len(), b.len(), c.len()), (2, 1, 3));
        assert_eq!(a[0].subject, "200 notices from Kontor");
        assert!(a[0].body.contains("notice 0\nhttps://k/payables/0") && a[0].body.contains("notice 199"), "{}", a[0].body);
        assert_eq!(a[1].subject, "notice 203");
    }
}
