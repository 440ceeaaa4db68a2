//! Mail against a failing server: BAR.md R15. Every mail goes out once the server lets it, under the same Message-ID at
//! every try; what is refused for good is shown and can be tried again; two processes do not send the same mail.

use crate::survival::{spawn, wait_ready};
use domain::party::MailState;
use e2e::smtp::{Mood, Received, Smtp};
use e2e::world::{World, config, set_up};
use e2e::{Database, databases};
use kernel::{NoticeId, PartyId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use store::records::Record;
use store::{Conn, Mail, Notice};

const DAY: &str = "2026-11-23";
/// The operator's people; each notice to the company is a mail to both.
const PEOPLE: usize = 2;

/// Something to tell the operator's people.
fn announce(conn: &mut Conn, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let notice = Notice {
            id: NoticeId(900_000 + number),
            party_id: PartyId(10_000),
            user_id: None,
            // Of a kind that is never joined with others into one mail.
            kind: "password_changed".to_owned(),
            arguments: "{}".to_owned(),
            link: "/home".to_owned(),
            at: "2026-11-23T08:00:00".parse().unwrap(),
            mailed: false,
        };
        notice.insert(conn).unwrap();
    }
}

fn mails(conn: &mut Conn) -> Vec<Mail> {
    Mail::list_where(conn, "id > 0 ORDER BY id", &[]).unwrap()
}

/// Waits until all mails, so many of them, are as wished.
fn wait_for(conn: &mut Conn, count: usize, wish: &str, as_wished: impl Fn(&Mail) -> bool) -> Vec<Mail> {
    let started = Instant::now();
    loop {
        let now = mails(conn);
        if now.len() == count && now.iter().all(&as_wished) {
            return now;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "not {wish}: {now:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn ids(received: &[Received]) -> BTreeSet<String> {
    received.iter().map(|mail| mail.message_id.clone()).collect()
}

#[test]
fn every_mail_goes_out_once_the_server_lets_it() {
    for database in Database::both() {
        // Nobody listens there yet.
        let port = databases::free_port();
        let world = World::start_with(database, DAY, &["EUR"], |config| {
            config.smtp_url = Some(Smtp::url(port));
            config.smtp_timeout = Duration::from_secs(1);
        });
        let mut conn = world.conn();
        announce(&mut conn, 0..2);
        let count = 2 * PEOPLE;
        let refused = wait_for(&mut conn, count, "tried once", |mail| mail.tries == 1 && !mail.error.is_empty());
        assert!(refused.iter().all(|mail| mail.state == MailState::Queued), "{refused:#?}");

        // 4xx: later, after a growing pause; before that is over nothing is tried.
        let smtp = Smtp::listen(port, Mood::Later);
        std::thread::sleep(Duration::from_secs(1));
        assert!(mails(&mut conn).iter().all(|mail| mail.tries == 1), "the pause is kept");
        world.clock.shift_seconds(61);
        let later = wait_for(&mut conn, count, "tried twice", |mail| mail.tries == 2 && mail.error.contains("451"));
        let now = world.clock.now();
        assert!(
            later.iter().all(|mail| (180..=240).contains(&(mail.next_try_at - now).num_seconds())),
            "four minutes: {later:#?}"
        );

        // It takes the message and says nothing; it takes it and breaks off. Nobody knows whether it was accepted.
        for (mood, tries, seconds) in [(Mood::Hang, 3, 4 * 60 + 1), (Mood::HalfReply, 4, 9 * 60 + 1)] {
            smtp.set(mood);
            world.clock.shift_seconds(seconds);
            let tried = wait_for(&mut conn, count, "tried again", |mail| {
                mail.tries == tries && mail.next_try_at > world.clock.now() + Duration::from_secs(360)
            });
            assert!(tried.iter().all(|mail| mail.state == MailState::Queued && !mail.body.is_empty()), "{mood:?}");
        }
        let unsure = smtp.received();
        assert_eq!((unsure.len(), ids(&unsure).len()), (2 * count, count), "the same Message-ID at each try");

        // In the end each is accepted, once.
        smtp.set(Mood::Accept);
        world.clock.shift_seconds(16 * 60 + 1);
        let sent = wait_for(&mut conn, count, "sent", |mail| mail.state == MailState::Sent);
        assert!(sent.iter().all(|mail| mail.body.is_empty() && mail.error.is_empty() && mail.sent_at.is_some()));
        let accepted: Vec<Received> = smtp.received().into_iter().filter(|mail| mail.acknowledged).collect();
        assert_eq!((accepted.len(), ids(&accepted)), (count, ids(&unsure)), "each once, under its own id");
        let mut expected: Vec<&str> = sent.iter().map(|mail| mail.address.as_str()).collect();
        let mut reached: Vec<&str> = accepted.iter().map(|mail| mail.to.as_str()).collect();
        expected.sort_unstable();
        reached.sort_unstable();
        assert_eq!(reached, expected);

        refused_for_good(&world, &smtp, count);
    }
}

/// 5xx: given up at once, shown with the server's words, and tried again when the operator says so.
fn refused_for_good(world: &World, smtp: &Smtp, before: usize) {
    let mut conn = world.conn();
    smtp.set(Mood::Never);
    announce(&mut conn, 10..12);
    let count = before + 2 * PEOPLE;
    wait_for(&mut conn, count, "given up", |mail| {
        mail.state == MailState::Sent || (mail.state == MailState::Failed && mail.tries == 1)
    });
    let operator = world.signed_in("operator@x.example");
    assert!(operator.open("/home").text().contains("Mails that could not be sent"));
    let page = operator.open("/ops/mails");
    assert!(page.text().contains("550") && page.text().contains("nobody of that name"), "{}", page.text());
    world.clock.shift_seconds(24 * 3600);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(
        mails(&mut conn).iter().filter(|mail| mail.state == MailState::Failed).count(),
        2 * PEOPLE,
        "nobody tries it by itself"
    );
    smtp.set(Mood::Accept);
    let api = world.api("operator@x.example");
    let one = mails(&mut conn).into_iter().find(|mail| mail.state == MailState::Failed).unwrap();
    let retried = api.api("retry-mail", "retry-this-one", &serde_json::json!({ "mail_id": one.id }));
    assert_eq!(retried.status, 200, "{}", retried.body);
    let again = api.api("retry-mail", "retry-it-again", &serde_json::json!({ "mail_id": one.id }));
    assert_eq!(again.json()["code"], "state_conflict", "it is queued or sent already");
    let operator = world.signed_in("operator@x.example");
    let all = operator.fill("/ops/mails", "/ops/mails", &[]);
    assert!(all.text().contains("Mail tried again"), "{}", all.text());
    wait_for(&mut conn, count, "sent after all", |mail| mail.state == MailState::Sent);
    let accepted: Vec<Received> = smtp.received().into_iter().filter(|mail| mail.acknowledged).collect();
    assert_eq!((accepted.len(), ids(&accepted).len()), (count, count));
}

#[test]
fn two_processes_do_not_send_the_same_mail() {
    for database in Database::both() {
        let smtp = Smtp::listen(0, Mood::Accept);
        set_up(&database, DAY.parse().unwrap(), &e2e::world::clock());
        let mut wanted = config(&database, "http://kontor.test");
        wanted.smtp_url = Some(Smtp::url(smtp.port));
        let servers: Vec<_> = (0..2).map(|_| server::serve::start(wanted.clone(), e2e::world::clock()).unwrap()).collect();
        let mut conn = store::connect(&database.url).unwrap();
        announce(&mut conn, 0..40);
        let count = 40 * PEOPLE;
        wait_for(&mut conn, count, "sent", |mail| mail.state == MailState::Sent);
        std::thread::sleep(Duration::from_millis(500));
        let received = smtp.received();
        assert_eq!((received.len(), ids(&received).len()), (count, count), "{}: each mail once", database.kind);
        for running in servers {
            running.stop().unwrap();
        }
    }
}

/// Killed before the server has spoken, between handing the message over and hearing the answer, and between hearing and
/// noting it: the mail is sent again by whoever comes next, under the same id, once more and no oftener.
#[test]
fn a_crash_costs_at_most_one_extra_copy() {
    for (mood, copies) in [(Mood::Mute, 1), (Mood::Hang, 2), (Mood::Hold, 2)] {
        for database in Database::both() {
            crash(&database, mood, copies);
        }
    }
}

fn crash(database: &Database, mood: Mood, copies_of_the_claimed: usize) {
    let smtp = Smtp::listen(0, mood);
    set_up(database, DAY.parse().unwrap(), &e2e::world::clock());
    let mut conn = store::connect(&database.url).unwrap();
    announce(&mut conn, 0..2);
    let port = databases::free_port();
    let mut child = spawn(database, port, &[("SMTP_URL", &Smtp::url(smtp.port))]);
    let _ = wait_ready(port);
    let started = Instant::now();
    while if mood == Mood::Mute { smtp.connections() == 0 } else { smtp.received().is_empty() } {
        assert!(started.elapsed() < Duration::from_secs(30), "the child turns to the server: {mood:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    // While this transaction is open the child cannot note what it hears.
    let mut lock = store::connect(&database.url).unwrap();
    store::connection::begin_batch(&mut lock).unwrap();
    if mood == Mood::Hold {
        smtp.set(Mood::Accept);
        std::thread::sleep(Duration::from_millis(500));
    }
    child.signal("-KILL");
    child.wait();
    store::connection::roll_back_batch(&mut lock).unwrap();
    let claimed = mails(&mut conn).into_iter().find(|mail| mail.tries == 1).unwrap().id;
    smtp.set(Mood::Accept);
    let mut wanted = config(database, "http://kontor.test");
    wanted.smtp_url = Some(Smtp::url(smtp.port));
    let clock = e2e::world::clock();
    let running = server::serve::start(wanted, clock.clone()).unwrap();
    let count = 2 * PEOPLE;
    let rest =
        wait_for(&mut conn, count, "sent, but for the claimed one", |mail| mail.state == MailState::Sent || mail.id == claimed);
    let held = rest.iter().find(|mail| mail.id == claimed).unwrap();
    assert_eq!((held.state.name(), held.tries), ("queued", 1), "the dead process's claim is respected");
    clock.shift_seconds(5 * 60 + 1);
    wait_for(&mut conn, count, "sent", |mail| mail.state == MailState::Sent);
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    for mail in smtp.received() {
        *copies.entry(mail.message_id).or_default() += 1;
    }
    let mut numbers: Vec<usize> = copies.into_values().collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 1, 1, copies_of_the_claimed], "{mood:?} {}", database.kind);
    running.stop().unwrap();
}
