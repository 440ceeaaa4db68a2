//! Ninety days of trade, played through the real commands on a movable clock.

mod accounts;
mod cast;
mod days;
mod markets;
mod open_work;

use self::cast::{BUYERS, FINANCIERS, SUPPLIERS};
use super::files::{DemoEntry, camt053, own_statement};
use super::{DemoError, PASSWORD};
use crate::clock::Clock;
use crate::commands::kit::decide_approval::DecideApproval;
use crate::commands::{Actor, Command, Outcome};
use crate::dice::Dice;
use crate::hash::random_token;
use crate::jobs::{confirm_lists, end_of_day};
use crate::setup::{self, FirstUser, Setup};
use crate::writer::{WriteError, Writer};
use chrono::{Days, NaiveDate};
use domain::Currency;
use kernel::{PartyId, ReceivableId, UserId};
pub use markets::{Lot, build_big_customer, build_market};
use std::collections::HashMap;
use store::Conn;
use store::records::Keyed;

/// The platform's account at its bank: a documented example IBAN.
pub const CUSTODY_IBAN: &str = "DE89370400440532013000";

/// Name, country, tax id, currency.
type Card = (&'static str, &'static str, &'static str, &'static str);

#[derive(Clone, Debug)]
struct Company {
    id: PartyId,
    name: String,
    tax_id: String,
    currency: Currency,
    reference: String,
    iban: String,
    maker: UserId,
    checker: UserId,
}

impl Company {
    fn maker(&self) -> Actor {
        Actor::person(self.id, self.maker)
    }
    fn checker(&self) -> Actor {
        Actor::person(self.id, self.checker)
    }
}

struct World {
    writer: Writer,
    conn: Conn,
    clock: Clock,
    dice: Dice,
    operator: Company,
    buyers: Vec<Company>,
    suppliers: Vec<Company>,
    financiers: Vec<Company>,
    /// The current custody account at the bank, by currency.
    at_bank: HashMap<&'static str, i64>,
    /// The account on which CNY is received and paid out.
    yuan_iban: String,
    statements: u32,
    invoices: u32,
    /// The receivable that its buyer has forgotten to pay.
    forgotten: ReceivableId,
}

type Built = Result<(), DemoError>;

/// Builds the world on an empty database and says who can sign in.
pub fn build(database_url: &str, days: u32, clock: &Clock) -> Result<Vec<(&'static str, String)>, DemoError> {
    build_world(database_url, (days, true), clock)
}

/// The same without programmes and on one custody account, where what follows is traded under the platform's own terms.
fn build_world(
    database_url: &str,
    (days, programmes): (u32, bool),
    clock: &Clock,
) -> Result<Vec<(&'static str, String)>, DemoError> {
    let mut conn = store::connect(database_url)?;
    store::migrate(&mut conn)?;
    if setup::is_set_up(&mut conn)? {
        return Err(DemoError::Other("the demo wants an empty database".to_owned()));
    }
    let end = clock.now();
    let start = end.date().checked_sub_days(Days::new(u64::from(days))).unwrap_or_else(|| end.date());
    clock.set(start.and_hms_opt(8, 0, 0).unwrap_or(end));
    let user = |name: &str, email: &str, roles: &str| FirstUser {
        name: name.to_owned(),
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        roles: roles.to_owned(),
        language: "en".to_owned(),
        initial: false,
    };
    let wanted = Setup {
        operator_name: "Kontor Operating Company".to_owned(),
        country: "DE".to_owned(),
        custody_iban: CUSTODY_IBAN.to_owned(),
        business_date: start,
        currencies: vec!["EUR".to_owned(), "CNY".to_owned()],
        users: vec![
            user("Olga Petersen", "operator@kontor.example", "administrator,maker"),
            user("Otto Claasen", "operator2@kontor.example", "maker,checker"),
        ],
    };
    setup::run(database_url, &wanted, clock)?;
    let (writer, thread) = Writer::start(database_url, clock.clone())?;
    let operator = Company {
        id: PartyId(10_000),
        name: wanted.operator_name,
        tax_id: String::new(),
        currency: Currency::EUR,
        reference: String::new(),
        iban: CUSTODY_IBAN.to_owned(),
        maker: UserId(10_001),
        checker: UserId(10_002),
    };
    let mut world = World {
        writer,
        conn,
        clock: clock.clone(),
        dice: Dice(7),
        operator,
        buyers: Vec::new(),
        suppliers: Vec::new(),
        financiers: Vec::new(),
        at_bank: HashMap::new(),
        yuan_iban: CUSTODY_IBAN.to_owned(),
        statements: 0,
        invoices: 0,
        forgotten: ReceivableId(0),
    };
    // A market to measure needs one account.
    if programmes {
        world.open_yuan_account()?;
    }
    world.onboard()?;
    // The demo's buyers forget some payments, and its market goes on.
    for currency in &wanted.currencies {
        world.change_terms(currency, |terms| terms.tolerated_overdue_days = Some(30))?;
    }
    if programmes {
        world.open_programmes(start)?;
    }
    for day in 0..days {
        world.live_one_day(days.saturating_sub(day))?;
        let date = start.checked_add_days(Days::new(u64::from(day))).unwrap_or(start);
        let ended = world.writer.submit_blocking(
            Actor::SYSTEM,
            end_of_day::key_of(date),
            crate::commands::days::close_day::CloseDay { date }.into(),
        );
        ended.map_err(|error| refused("close_day", &error))?;
        world.clock.shift_seconds(86_400);
    }
    world.leave_open_work()?;
    let pool = store::open_pool(database_url, 1)?;
    confirm_lists::go_on(&world.writer, &pool, || false).map_err(|fault| DemoError::Other(fault.to_string()))?;
    clock.set(end);
    let World { writer, conn, .. } = world;
    drop((writer, conn));
    thread.join().map_err(|_| DemoError::Other("the writer panicked".to_owned()))?;
    Ok(sign_ins())
}

fn sign_ins() -> Vec<(&'static str, String)> {
    let at = |name: &str| format!("{name}@kontor.example");
    vec![
        ("operator, maker", at("operator")),
        ("operator, checker", at("operator2")),
        ("supplier, maker (EUR)", at("supplier1")),
        ("supplier, checker", at("supplier1.checker")),
        ("supplier, viewer", at("supplier1.viewer")),
        ("supplier, maker (CNY)", at("supplier9")),
        ("buyer, maker (EUR)", at("buyer1")),
        ("buyer, checker", at("buyer1.checker")),
        ("buyer, maker (CNY)", at("buyer3")),
        ("financier, maker (EUR)", at("financier1")),
        ("financier, checker", at("financier1.checker")),
        ("financier, maker (CNY)", at("financier4")),
    ]
}

fn refused(command: &'static str, error: &WriteError) -> DemoError {
    DemoError::Refused { command, reason: format!("{error:?}") }
}

/// A valid German IBAN for a number (ISO 13616 check digits over a fixed bank code).
fn demo_iban(number: i64) -> String {
    let account = format!("{:010}", number.rem_euclid(10_000_000_000));
    let body = format!("37040044{account}131400");
    let rest =
        body.bytes().fold(0_u32, |rest, digit| (rest.wrapping_mul(10).wrapping_add(u32::from(digit.wrapping_sub(b'0')))) % 97);
    format!("DE{:02}37040044{account}", 98_u32.wrapping_sub(rest))
}

impl World {
    /// The demo's EUR companies as they stand in a database.
    fn reopen(database_url: &str, writer: Writer, clock: &Clock) -> Result<Self, DemoError> {
        let mut conn = store::connect(database_url)?;
        let mut read = |kind: &str, cards: &[Card]| -> Result<Vec<Company>, DemoError> {
            let mut found = Vec::new();
            for (name, _, tax_id, code) in cards.iter().filter(|card| card.3 == "EUR") {
                let party = store::parties::find_by_name(&mut conn, name)?;
                let Some(party) = party else { continue };
                let users = store::people::list_users(&mut conn, party.id)?;
                let id = |at: usize| users.get(at).map_or(UserId(0), |user| user.id);
                let currency = Currency::parse(code).ok_or_else(|| DemoError::Other(kind.to_owned()))?;
                found.push(Company {
                    id: party.id,
                    name: party.name,
                    tax_id: (*tax_id).to_owned(),
                    currency,
                    reference: party.reference,
                    iban: demo_iban(party.id.0),
                    maker: id(0),
                    checker: id(1),
                });
            }
            Ok(found)
        };
        let (buyers, suppliers, financiers) =
            (read("buyer", BUYERS)?, read("supplier", SUPPLIERS)?, read("financier", FINANCIERS)?);
        let operator = Company {
            id: PartyId(10_000),
            name: String::new(),
            tax_id: String::new(),
            currency: Currency::EUR,
            reference: String::new(),
            iban: CUSTODY_IBAN.to_owned(),
            maker: UserId(10_001),
            checker: UserId(10_002),
        };
        let (dice, at_bank) = (Dice(11), HashMap::new());
        Ok(Self {
            writer,
            conn,
            clock: clock.clone(),
            dice,
            operator,
            buyers,
            suppliers,
            financiers,
            at_bank,
            yuan_iban: CUSTODY_IBAN.to_owned(),
            statements: 90_000,
            invoices: 90_000,
            forgotten: ReceivableId(0),
        })
    }

    fn run(&self, actor: Actor, command: impl Into<Command>) -> Result<Outcome, DemoError> {
        let command = command.into();
        let name = command.name();
        self.writer.submit_blocking(actor, random_token(), command).map_err(|error| refused(name, &error))
    }

    /// Runs a request and, if it waits for a second person, lets that person agree.
    fn run_agreed(&mut self, company: &Company, command: impl Into<Command>) -> Result<Outcome, DemoError> {
        let outcome = self.run(company.maker(), command)?;
        let Some(approval_id) = outcome.awaits_approval else { return Ok(outcome) };
        let approval = store::Approval::load(&mut self.conn, approval_id)?;
        let decision =
            DecideApproval { approval_id, body_hash: approval.body_hash, approve: true, reason: String::new(), file: None };
        self.run(company.checker(), decision)
    }

    fn today(&mut self) -> Result<NaiveDate, DemoError> {
        Ok(store::records::load_heads(&mut self.conn)?.business_date)
    }

    /// The bank reports a day's bookings.
    fn bank(&mut self, currency: Currency, entries: Vec<DemoEntry>) -> Built {
        if entries.is_empty() {
            return Ok(());
        }
        self.statements = self.statements.saturating_add(1);
        let date = self.today()?;
        let code = if currency.code() == "EUR" { "EUR" } else { "CNY" };
        let opening = *self.at_bank.get(code).unwrap_or(&0);
        let moved =
            entries.iter().map(|entry| if entry.credit { entry.amount_minor } else { entry.amount_minor.saturating_neg() });
        self.at_bank.insert(code, moved.fold(opening, i64::saturating_add));
        let number = format!("{code}{:05}", self.statements);
        let iban = if code == "EUR" { CUSTODY_IBAN } else { self.yuan_iban.as_str() };
        let file = camt053(iban, currency, date, &number, opening, &entries);
        let command =
            own_statement(&format!("{number}.xml"), file.into_bytes()).map_err(|fault| DemoError::Other(format!("{fault:?}")))?;
        self.run(Actor::BANK, command)?;
        Ok(())
    }
}

fn incoming(payer: &Company, amount_minor: i64, reference: &str) -> DemoEntry {
    DemoEntry {
        amount_minor,
        credit: true,
        reference: reference.to_owned(),
        name: payer.name.clone(),
        iban: payer.iban.clone(),
        ..DemoEntry::default()
    }
}
