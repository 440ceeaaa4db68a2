//! A platform with an operator and its two people, served on a port of its own.

use crate::client::{Answer, Client};
use crate::databases::Database;
use chrono::NaiveDate;
use kernel::{ApprovalId, BankFileId};
use server::clock::Clock;
use server::commands::kit::decide_approval::DecideApproval;
use server::commands::{Actor, Outcome};
use server::config::Config;
use server::serve::{self, Running};
use server::setup::{self, FirstUser, Setup};
use store::records::{Keyed, Record};
use store::{Approval, BankFile, User};

pub const PASSWORD: &str = "the-quay-at-nine";
pub const CUSTODY_IBAN: &str = server::demo::history::CUSTODY_IBAN;

/// The beginning of every world and every fixture: a Wednesday on which banks work in all of them. The real day plays no part,
/// and none in child processes. All of them serve the demo, whose days only a test ends. Only the times of files, of log lines
/// and of the browser itself are real.
const BEGINNING: &str = "2026-11-25T09:00:00";

/// By this variable a child knows when the test collection began.
const BEGAN: &str = "KONTOR_TESTS_BEGAN";

/// How long this machine is up, in hundredths of a second: all processes agree on it, and nothing that fakes a date changes it.
fn uptime_centis() -> i64 {
    let text = std::fs::read_to_string("/proc/uptime").expect("Linux");
    let (seconds, centis) = text.split_whitespace().next().and_then(|up| up.split_once('.')).expect("a time");
    seconds.parse::<i64>().expect("seconds") * 100 + centis.parse::<i64>().expect("hundredths")
}

fn began_centis() -> i64 {
    static AT: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    let told = || std::env::var(BEGAN).ok().and_then(|text| text.parse().ok());
    *AT.get_or_init(|| told().unwrap_or_else(uptime_centis))
}

/// The variable with which a child's clock reads what ours reads.
#[must_use]
pub fn clock_for_child() -> (&'static str, String) {
    (BEGAN, began_centis().to_string())
}

/// A clock that began on the named day, and that all clocks of this process and of its children agree with.
#[must_use]
pub fn clock() -> Clock {
    let beginning: chrono::NaiveDateTime = BEGINNING.parse().expect("a moment");
    let since = uptime_centis() - began_centis();
    Clock::running_from(beginning + chrono::TimeDelta::milliseconds(since * 10))
}

pub struct World {
    pub database: Database,
    pub clock: Clock,
    running: Option<Running>,
    pub base: String,
}

/// The settings of a test's server.
#[must_use]
pub fn config(database: &Database, base: &str) -> Config {
    Config {
        database_url: database.url.clone(),
        listen: "127.0.0.1:0".to_owned(),
        data: database.folder.clone(),
        smtp_url: None,
        smtp_timeout: std::time::Duration::from_secs(2),
        mail_from: "Kontor <kontor@localhost>".to_owned(),
        base_url: base.to_owned(),
        secret: "a secret of at least thirty-two characters".to_owned(),
        second_factor: server::config::SecondFactor::Optional,
        demo: true,
        metrics_listen: None,
        trusted_proxies: Vec::new(),
        file_reader: file_reader(),
        limits: server::limits::Limits::wide(),
        checkpoints: server::config::CheckpointConfig::default(),
        bank: None,
    }
}

/// The child that opens containers, which cargo builds beside the tests.
#[must_use]
pub fn file_reader() -> std::path::PathBuf {
    let test = std::env::current_exe().expect("a program");
    test.ancestors().nth(2).expect("a folder").join("file_reader")
}

/// The operator on an empty database, at this business date, trading in EUR and CNY.
pub fn set_up(database: &Database, date: NaiveDate, clock: &Clock) {
    set_up_in(database, date, clock, (&["EUR", "CNY"], OPERATORS));
}

/// Name, address and roles of the operator's two people. Only one can ask, and only the other can agree.
const OPERATORS: &[(&str, &str, &str)] =
    &[("Olga", "operator@x.example", "administrator,maker"), ("Otto", "operator2@x.example", "checker")];

type Founders<'a> = &'a [(&'a str, &'a str, &'a str)];

fn set_up_in(database: &Database, date: NaiveDate, clock: &Clock, (currencies, people): (&[&str], Founders<'_>)) {
    let mut conn = store::connect(&database.url).expect("a database");
    store::migrate(&mut conn).expect("migrations");
    let user = |name: &str, email: &str, roles: &str| FirstUser {
        name: name.to_owned(),
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        roles: roles.to_owned(),
        language: "en".to_owned(),
        initial: false,
    };
    let wanted = Setup {
        operator_name: "Operator".to_owned(),
        country: "DE".to_owned(),
        custody_iban: CUSTODY_IBAN.to_owned(),
        business_date: date,
        currencies: currencies.iter().map(|code| (*code).to_owned()).collect(),
        users: people.iter().map(|(name, email, roles)| user(name, email, roles)).collect(),
    };
    drop(conn);
    setup::run(&database.url, &wanted, clock).expect("a platform");
}

impl World {
    #[must_use]
    pub fn start(database: Database, date: &str) -> Self {
        Self::start_with(database, date, &["EUR", "CNY"], |_| {})
    }

    /// With these people of the operator: name, address, roles.
    #[must_use]
    pub fn founded(database: Database, date: &str, people: Founders<'_>) -> Self {
        Self::start_in(database, date, (&["EUR", "CNY"], people), |_| {})
    }

    /// With these currencies, and settings of the test's own.
    #[must_use]
    pub fn start_with(database: Database, date: &str, currencies: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(database, date, (currencies, OPERATORS), change)
    }

    fn start_in(database: Database, date: &str, founding: (&[&str], Founders<'_>), change: impl FnOnce(&mut Config)) -> Self {
        let clock = clock();
        set_up_in(&database, date.parse().expect("a date"), &clock, founding);
        let mut wanted = config(&database, "http://kontor.test");
        change(&mut wanted);
        let running = serve::start(wanted, clock.clone()).expect("a server");
        let base = format!("http://127.0.0.1:{}", running.port);
        Self { database, clock, running: Some(running), base }
    }

    /// A server on the demo's own history.
    #[must_use]
    pub fn demo(database: Database, days: u32) -> Self {
        Self::demo_with(database, days, |_| {})
    }

    /// The same with settings of the test's own.
    #[must_use]
    pub fn demo_with(database: Database, days: u32, change: impl FnOnce(&mut Config)) -> Self {
        let clock = clock();
        server::demo::history::build(&database.url, days, &clock).expect("a demo world");
        let mut wanted = config(&database, "http://kontor.test");
        change(&mut wanted);
        let running = serve::start(wanted, clock.clone()).expect("a server");
        let base = format!("http://127.0.0.1:{}", running.port);
        Self { database, clock, running: Some(running), base }
    }

    /// The inside of the running server, for tests of things that no request can reach.
    #[must_use]
    pub fn app(&self) -> &server::http::Shared {
        &self.running.as_ref().expect("a running server").app
    }

    /// Signs the log as it is, and returns the checkpoint.
    pub fn signed(&self) -> store::CheckpointRow {
        self.clock.shift_seconds(61);
        server::jobs::sign_checkpoint::run(self.app()).expect("a checkpoint");
        store::log::newest_checkpoint(&mut self.conn()).expect("a query").expect("a checkpoint")
    }

    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.base)
    }

    #[must_use]
    pub fn signed_in(&self, email: &str) -> Client {
        let client = self.client();
        let home = client.sign_in(email, PASSWORD);
        assert!(home.status == 200 && home.body.contains("/logout"), "{email}: {} {}", home.status, home.text());
        client
    }

    #[must_use]
    pub fn api(&self, email: &str) -> Client {
        let client = self.client();
        client.api_sign_in(email, PASSWORD);
        client
    }

    #[must_use]
    pub fn conn(&self) -> store::Conn {
        store::connect(&self.database.url).expect("a connection")
    }

    /// Everything in the database fits together.
    pub fn verify(&self) {
        let (_, finding) = store::verify::verify(&mut self.conn()).expect("a verification");
        assert_eq!(finding, None, "{}", self.database.kind);
    }

    /// The other operator agrees to the newest bank file that waits; returns the outcome. It agrees to the present effect of the
    /// file. A test of the check or of the agreement itself uses HTTP.
    pub fn agree_to_file(&self) -> Option<Outcome> {
        let condition = "state = 'pending' AND command IN ('import_statement', 'import_status') ORDER BY id DESC LIMIT 1";
        let asked = Approval::find_where(&mut self.conn(), condition, &[]).expect("a query")?;
        Some(self.agree_to(asked))
    }

    fn agree_to(&self, asked: Approval) -> Outcome {
        let mut conn = self.conn();
        let binds = [asked.party_id.into(), asked.maker_id.into()];
        let other = "party_id = ? AND id <> ? AND roles LIKE '%checker%' AND status = 'active' ORDER BY id LIMIT 1";
        let checker = User::find_where(&mut conn, other, &binds).expect("a query").expect("a second operator");
        let file = BankFile::load(&mut conn, BankFileId(asked.subject_id.0)).expect("a file");
        let content = store::records::find_document(&mut conn, &file.sha256).expect("a query").expect("a kept file").content;
        let read = server::http::pages::bank_files::read_bank_file_blocking(&self.app().reader, file.name, content);
        let read = read.expect("a readable file");
        let decision = DecideApproval {
            approval_id: asked.id,
            body_hash: asked.body_hash,
            approve: true,
            reason: String::new(),
            file: Some(Box::new(read)),
        };
        let (actor, key) = (Actor::person(checker.party_id, checker.id), format!("agree-to-file-{}", asked.id));
        self.app().writer.submit_blocking(actor, key, decision.into()).expect("an agreement")
    }

    /// The answer to a bank file that one operator sends to the API, once the other has agreed; a refusal stays what it was.
    pub fn agreed(&self, asked: Answer) -> Answer {
        let Some(id) = asked.json()["awaits_approval"].as_i64() else { return asked };
        let done = self.agree_to(Approval::load(&mut self.conn(), ApprovalId(id)).expect("a request"));
        let body = serde_json::json!({ "reference": done.seq, "result": done.body }).to_string();
        Answer { status: 200, body, ..asked }
    }

    /// A bank file through one operator's page, and the other's agreement; the receipt, or the page that says why not.
    pub fn import(&self, operator: &Client, name: &str, file: Vec<u8>) -> Answer {
        let answer = operator.upload_and_confirm("/ops/bank-files", &[(name, file)]);
        if answer.status != 200 {
            return answer;
        }
        self.agree_to_file().map_or(answer, |done| operator.open(&format!("/receipts/{}", done.seq)))
    }

    /// Ends days until the business date is this one.
    pub fn move_to(&self, date: &str) {
        let wanted: NaiveDate = date.parse().expect("a date");
        let app = &self.running.as_ref().expect("a running server").app;
        server::jobs::end_of_day::catch_up(app, wanted).expect("days end");
    }

    /// The newest mail to an address.
    #[must_use]
    pub fn mail(&self, address: &str) -> store::Mail {
        for _ in 0..100 {
            let found = <store::Mail as store::records::Record>::find_where(
                &mut self.conn(),
                "address = ? ORDER BY id DESC LIMIT 1",
                &[address.into()],
            );
            if let Some(mail) = found.expect("a query") {
                return mail;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("no mail to {address}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().expect("an orderly end");
        }
    }
}
