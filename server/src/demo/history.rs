//! Ninety days of trade, played through the real commands on a movable clock.

use super::files::{DemoEntry, DemoInvoice, camt053, ubl};
use super::{DemoError, PASSWORD};
use crate::clock::Clock;
use crate::commands::accept_invitation::AcceptInvitation;
use crate::commands::answer_programme_invitation::AnswerProgrammeInvitation;
use crate::commands::buy_fractions::{BuyFractions, price_terms};
use crate::commands::confirm_invoice::{ConfirmInvoice, words};
use crate::commands::confirm_list::ConfirmList;
use crate::commands::create_offer::CreateOffer;
use crate::commands::create_payment_file::{self, CreatePaymentFile};
use crate::commands::decide_approval::DecideApproval;
use crate::commands::decide_bank_account::DecideBankAccount;
use crate::commands::decide_company::DecideCompany;
use crate::commands::decide_programme::DecideProgramme;
use crate::commands::dispute_invoice::DisputeInvoice;
use crate::commands::draft_confirmation_list::{DraftConfirmationList, DraftItem};
use crate::commands::draft_payables::{DraftPayables, PayableRow};
use crate::commands::explain_invoice::ExplainInvoice;
use crate::commands::fail_payout::FailPayout;
use crate::commands::invite_company::InviteCompany;
use crate::commands::invite_to_programme::InviteToProgramme;
use crate::commands::invite_user::InviteUser;
use crate::commands::propose_bank_account::ProposeBankAccount;
use crate::commands::propose_programme::ProposeProgramme;
use crate::commands::record_contact::RecordContact;
use crate::commands::register_invoice::RegisterInvoice;
use crate::commands::request_payout::RequestPayout;
use crate::commands::set_approval_limit::SetApprovalLimit;
use crate::commands::set_buyer_limit::SetBuyerLimit;
use crate::commands::set_issue_terms::SetIssueTerms;
use crate::commands::submit_invoice::SubmitInvoice;
use crate::commands::{Actor, Command, Outcome};
use crate::dice::Dice;
use crate::hash::{random_token, sha256_hex};
use crate::http::pages::bank_files::read_statement;
use crate::jobs::{confirm_lists, end_of_day};
use crate::setup::{self, FirstUser, Setup};
use crate::writer::{WriteError, Writer};
use chrono::{Days, NaiveDate};
use domain::Currency;
use domain::pricing::quote;
use domain::undertaking;
use std::collections::HashMap;
use store::records::{Keyed, Record};
use store::{Conn, Invoice, IssueTermsRow, Offer, ProgrammeMember, Receivable};

/// The platform's account at its bank: a documented example IBAN.
pub const CUSTODY_IBAN: &str = "DE89370400440532013000";

/// Name, country, tax id, currency.
type Card = (&'static str, &'static str, &'static str, &'static str);

/// So many days before the end the invoice is issued that is never paid.
const FORGOTTEN_DAYS: u32 = 38;

const BUYERS: &[Card] = &[
    ("Hansewerk Maschinenbau AG", "DE", "DE811569869", "EUR"),
    ("Nordlicht Handel GmbH", "DE", "DE129274202", "EUR"),
    ("江海装备制造股份有限公司", "CN", "91310000MA1FL4XX06", "CNY"),
    ("东岭汽车工业有限公司", "CN", "91440300MA5EXX3J2G", "CNY"),
];

const SUPPLIERS: &[Card] = &[
    ("Elbe Feinmechanik GmbH", "DE", "DE136695976", "EUR"),
    ("Küstenguss KG", "DE", "DE200456129", "EUR"),
    ("Trave Elektronik GmbH", "DE", "DE201345870", "EUR"),
    ("Weser Verpackung OHG", "DE", "DE202987349", "EUR"),
    ("Förde Werkzeuge GmbH", "DE", "DE203456788", "EUR"),
    ("Deichland Logistik GmbH", "DE", "DE204567898", "EUR"),
    ("Speicher Textil GmbH", "DE", "DE205678901", "EUR"),
    ("Binnenhafen Chemie GmbH", "DE", "DE206789010", "EUR"),
    ("明川精密零件有限公司", "CN", "91320500MA1XX1234G", "CNY"),
    ("恒泰铸造有限公司", "CN", "91330200MA2XX2345C", "CNY"),
    ("信达电子科技有限公司", "CN", "91440100MA3XX34569", "CNY"),
    ("瑞丰包装材料有限公司", "CN", "91370200MA4XX4567B", "CNY"),
    ("安和物流有限公司", "CN", "91510100MA5XX56782", "CNY"),
    ("博远模具有限公司", "CN", "91330100MA6XX67894", "CNY"),
    ("新泽纺织有限公司", "CN", "91320100MA7XX78908", "CNY"),
];

const FINANCIERS: &[Card] = &[
    ("Altonaer Handelsbank AG", "DE", "DE301234565", "EUR"),
    ("Kogge Invoice Fund S.A.", "LU", "LU30123458", "EUR"),
    ("Backstein Factoring GmbH", "DE", "DE302345673", "EUR"),
    ("海通达商业保理有限公司", "CN", "91120116MA8XX8901X", "CNY"),
    ("汇融供应链金融有限公司", "CN", "91310115MA9XX90127", "CNY"),
    ("瀚洋资产管理有限公司", "CN", "91440300MA0XX0123X", "CNY"),
];

const ITEMS: &[&str] = &[
    "Bearings and shafts",
    "Castings",
    "Control units",
    "Packaging",
    "Tool sets",
    "Freight services",
    "精密零件",
    "电子元件",
    "模具加工",
];

#[derive(Clone, Debug)]
struct Company {
    id: i64,
    name: String,
    tax_id: String,
    currency: Currency,
    reference: String,
    iban: String,
    maker: i64,
    checker: i64,
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
    /// The custody account at the bank, by currency.
    at_bank: HashMap<&'static str, i64>,
    statements: u32,
    invoices: u32,
    /// The receivable that its buyer has forgotten to pay.
    forgotten: i64,
}

type Built = Result<(), DemoError>;

/// Builds the world on an empty database and says who can sign in.
pub fn build(database_url: &str, days: u32, clock: &Clock) -> Result<Vec<(&'static str, String)>, DemoError> {
    build_world(database_url, (days, true), clock)
}

/// The same without programmes, where what follows is traded under the platform's own terms.
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
        id: 10_000,
        name: wanted.operator_name,
        tax_id: String::new(),
        currency: Currency::EUR,
        reference: String::new(),
        iban: CUSTODY_IBAN.to_owned(),
        maker: 10_001,
        checker: 10_002,
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
        statements: 0,
        invoices: 0,
        forgotten: 0,
    };
    world.onboard()?;
    if programmes {
        world.open_programmes(start)?;
    }
    for day in 0..days {
        world.live_one_day(days.saturating_sub(day))?;
        let date = start.checked_add_days(Days::new(u64::from(day))).unwrap_or(start);
        let ended = world.writer.submit_blocking(
            Actor::SYSTEM,
            end_of_day::key_of(date),
            crate::commands::close_day::CloseDay { date }.into(),
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

/// What the bench buys again and again.
#[derive(Clone, Debug)]
pub struct Lot {
    pub offer_id: i64,
    pub units_minor: i64,
    pub price_minor: i64,
}

/// A world with deep offers in EUR, and financiers with cash and room for all of them; bought by the cent, if that is wished.
pub fn build_market(database_url: &str, offers: usize, cents: bool, clock: &Clock) -> Result<Vec<Lot>, DemoError> {
    const NET_MINOR: i64 = 400_000_000_000;
    build_world(database_url, (1, false), clock)?;
    let (writer, thread) = Writer::start(database_url, clock.clone())?;
    let mut world = World::reopen(database_url, writer, clock)?;
    let today = world.today()?;
    let euro = Currency::EUR.code().to_owned();
    if cents {
        let row = IssueTermsRow::find_where(&mut world.conn, "currency = ?", &[euro.as_str().into()])?;
        let row = row.ok_or_else(|| DemoError::Other("no terms".to_owned()))?;
        let operator = world.operator.clone();
        let terms = SetIssueTerms {
            currency: euro.clone(),
            reserve_bps: row.reserve_bps,
            settlement_fee_bps: row.settlement_fee_bps,
            purchase_fee_bps: row.purchase_fee_bps,
            minimum_fee_minor: 0,
            minimum_ticket_minor: 1,
            late_rate: row.late_rate,
            late_day_count: row.late_day_count,
            grace_days: row.grace_days,
        };
        world.run_agreed(&operator, terms)?;
    }
    let mut deposits = Vec::new();
    for desk in world.financiers.clone() {
        for buyer in world.buyers.clone() {
            world.run(
                desk.maker(),
                SetBuyerLimit { buyer_id: buyer.id, currency: euro.clone(), limit_minor: 1_000_000_000_000_000 },
            )?;
        }
        world.run_agreed(
            &desk,
            SetApprovalLimit { currency: euro.clone(), limit_minor: 1_000_000_000_000_000, day_minor: Some(None) },
        )?;
        deposits.push(incoming(&desk, 25_000_000_000_000, &desk.reference));
    }
    world.bank(Currency::EUR, deposits)?;
    let mut lots = Vec::with_capacity(offers);
    for number in 0..offers {
        let at = number % world.suppliers.len().max(1);
        let (Some(supplier), Some(buyer)) = (world.suppliers.get(at).cloned(), world.buyers.first().cloned()) else { continue };
        // Equal totals on one day would have to be reviewed.
        let net_minor = NET_MINOR.saturating_add(i64::try_from(number).unwrap_or(0).saturating_mul(100));
        let invoice_id = world.register_amount(&supplier, &buyer, today, net_minor, 60)?;
        world.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
        let invoice = Invoice::load(&mut world.conn, invoice_id)?;
        let command = world.confirmation(&invoice, invoice.payable_minor, invoice.due_date.unwrap_or(today), "")?;
        let receivable_id = world.run_agreed(&buyer, command)?.number("receivable_id");
        let receivable = Receivable::load(&mut world.conn, receivable_id)?;
        let offer = CreateOffer {
            receivable_id,
            units_minor: receivable.face_minor,
            rate: "5".to_owned(),
            method: "discount".to_owned(),
            day_count: "ACT/360".to_owned(),
            minimum_ticket_minor: receivable.minimum_ticket_minor,
            close_date: today,
        };
        let offer_id = world.run_agreed(&supplier, offer)?.number("offer_id");
        let offer = Offer::load(&mut world.conn, offer_id)?;
        let units_minor = receivable.minimum_ticket_minor;
        let priced = quote(units_minor, &price_terms(&offer, &receivable)?, today)
            .map_err(|refusal| DemoError::Other(refusal.code().to_owned()))?;
        lots.push(Lot { offer_id, units_minor, price_minor: priced.price_minor });
    }
    drop(world);
    thread.join().map_err(|_| DemoError::Other("the writer panicked".to_owned()))?;
    Ok(lots)
}

/// The demo's world in which one supplier has sold this many invoices to one buyer; of each four, one is a draft, one
/// waits for the buyer and two are confirmed, most of them on the market.
pub fn build_big_customer(database_url: &str, invoices: usize, clock: &Clock) -> Result<(), DemoError> {
    build_world(database_url, (5, false), clock)?;
    let (writer, thread) = Writer::start(database_url, clock.clone())?;
    let mut world = World::reopen(database_url, writer, clock)?;
    let today = world.today()?;
    let (Some(supplier), Some(buyer)) = (world.suppliers.first().cloned(), world.buyers.first().cloned()) else {
        return Err(DemoError::Other("nobody trades in EUR".to_owned()));
    };
    let mut made = 0;
    while made < invoices {
        let size = invoices.saturating_sub(made).min(400);
        // Equal totals on one day would have to be reviewed.
        let net_minor = |at: usize| 100_000_i64.saturating_add(i64::try_from(made.saturating_add(at)).unwrap_or(0));
        let files = (0..size).map(|at| world.invoice_file(&supplier, &buyer, today, net_minor(at), 60));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let ids = world.run_all(&supplier.maker(), files.into_iter().map(Command::from))?;
        let presented: Vec<i64> = ids.iter().enumerate().filter(|(at, _)| at % 4 > 0).map(|(_, id)| *id).collect();
        let submit = presented.iter().map(|id| SubmitInvoice { invoice_id: *id, due_date: None }.into());
        world.run_all(&supplier.maker(), submit)?;
        let mut confirmations = Vec::new();
        for id in presented.iter().enumerate().filter(|(at, _)| at % 3 > 0).map(|(_, id)| *id) {
            let invoice = Invoice::load(&mut world.conn, id)?;
            let command = world.confirmation(&invoice, invoice.payable_minor, invoice.due_date.unwrap_or(today), "")?;
            confirmations.push(command.into());
        }
        world.run_all(&buyer.maker(), confirmations)?;
        made = made.saturating_add(size);
    }
    world.offer_what_is_issued(today)?;
    drop(world);
    thread.join().map_err(|_| DemoError::Other("the writer panicked".to_owned()))
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
                let party = store::Party::find_where(&mut conn, "name = ?", &[(*name).into()])?;
                let Some(party) = party else { continue };
                let users = store::User::list_where(&mut conn, "party_id = ? ORDER BY id", &[party.id.into()])?;
                let id = |at: usize| users.get(at).map_or(0, |user| user.id);
                let currency = Currency::parse(code).ok_or_else(|| DemoError::Other(kind.to_owned()))?;
                found.push(Company {
                    id: party.id,
                    name: party.name,
                    tax_id: (*tax_id).to_owned(),
                    currency,
                    reference: party.reference,
                    iban: demo_iban(party.id),
                    maker: id(0),
                    checker: id(1),
                });
            }
            Ok(found)
        };
        let (buyers, suppliers, financiers) =
            (read("buyer", BUYERS)?, read("supplier", SUPPLIERS)?, read("financier", FINANCIERS)?);
        let operator = Company {
            id: 10_000,
            name: String::new(),
            tax_id: String::new(),
            currency: Currency::EUR,
            reference: String::new(),
            iban: CUSTODY_IBAN.to_owned(),
            maker: 10_001,
            checker: 10_002,
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
            statements: 90_000,
            invoices: 90_000,
            forgotten: 0,
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
        let decision = DecideApproval { approval_id, body_hash: approval.body_hash, approve: true, reason: String::new() };
        self.run(company.checker(), decision)
    }

    fn today(&mut self) -> Result<NaiveDate, DemoError> {
        Ok(store::records::load_heads(&mut self.conn)?.business_date)
    }

    fn onboard(&mut self) -> Built {
        let password_hash = crate::auth::hash_password(PASSWORD)?;
        for (kind, cards) in [("buyer", BUYERS), ("supplier", SUPPLIERS), ("financier", FINANCIERS)] {
            for (index, card) in cards.iter().enumerate() {
                let company = self.onboard_company(kind, index.saturating_add(1), card, &password_hash)?;
                match kind {
                    "buyer" => self.buyers.push(company),
                    "supplier" => self.suppliers.push(company),
                    _ => self.financiers.push(company),
                }
            }
        }
        for financier in self.financiers.clone() {
            for buyer in self.buyers.clone().iter().filter(|buyer| buyer.currency == financier.currency) {
                let limit_minor = if financier.currency.code() == "EUR" { 250_000_000 } else { 1_200_000_000 };
                self.run(
                    financier.maker(),
                    SetBuyerLimit { buyer_id: buyer.id, currency: financier.currency.code().to_owned(), limit_minor },
                )?;
            }
        }
        for currency in [Currency::EUR, Currency::CNY] {
            let amount_minor = if currency.code() == "EUR" { 180_000_000 } else { 900_000_000 };
            let payers = self.financiers.iter().filter(|financier| financier.currency == currency);
            let entries: Vec<DemoEntry> =
                payers.map(|financier| incoming(financier, amount_minor, &financier.reference)).collect();
            self.bank(currency, entries)?;
        }
        Ok(())
    }

    fn onboard_company(
        &mut self,
        kind: &'static str,
        number: usize,
        card: &Card,
        password_hash: &str,
    ) -> Result<Company, DemoError> {
        let (name, country, tax_id, code) = *card;
        let currency = Currency::parse(code).ok_or_else(|| DemoError::Other(code.to_owned()))?;
        let language = if country == "CN" { "zh" } else { "en" };
        let email = format!("{kind}{number}@kontor.example");
        let operator = self.operator.clone();
        let colleague = person_name(kind, number, true);
        let invited = InviteCompany {
            name: name.to_owned(),
            country: country.to_owned(),
            tax_id: tax_id.to_owned(),
            registration_id: String::new(),
            capacities: kind.to_owned(),
            language: language.to_owned(),
            administrator_email: email.clone(),
            administrator_name: person_name(kind, number, false).to_owned(),
            checker_email: format!("{kind}{number}.checker@kontor.example"),
            checker_name: colleague.to_owned(),
        };
        let outcome = self.run(operator.maker(), invited)?;
        let id = outcome.number("party_id");
        let (maker, checker) = (outcome.number("user_id"), outcome.number("checker_id"));
        self.accept(maker, person_name(kind, number, false), language, password_hash)?;
        self.accept(checker, colleague, language, password_hash)?;
        if number == 1 {
            let email = format!("{kind}{number}.viewer@kontor.example");
            let reader = InviteUser { email, name: "Vera Adler".to_owned(), roles: "viewer".to_owned() };
            let viewer = self.run(Actor::person(id, maker), reader)?.number("user_id");
            self.accept(viewer, "Vera Adler", language, password_hash)?;
        }
        self.run_agreed(
            &operator,
            DecideCompany { party_id: id, status: "active".to_owned(), reason: "File complete, identity checked".to_owned() },
        )?;
        let company = Company {
            id,
            name: name.to_owned(),
            tax_id: tax_id.to_owned(),
            currency,
            reference: outcome.text("reference"),
            iban: if code == "CNY" {
                format!("CNAPS/102100099996/{:019}", 200_000_109_000_000_i64.saturating_add(id))
            } else {
                demo_iban(id)
            },
            maker,
            checker,
        };
        let limit_minor = if code == "EUR" { 5_000_000 } else { 30_000_000 };
        self.run_agreed(
            &company,
            SetApprovalLimit { currency: code.to_owned(), limit_minor, day_minor: Some(Some(limit_minor.saturating_mul(40))) },
        )?;
        let holder: String = name.chars().take(70).collect();
        let bic = if code == "CNY" { "" } else { "COBADEFFXXX" }.to_owned();
        let proposed = ProposeBankAccount { currency: code.to_owned(), iban: company.iban.clone(), bic, holder };
        let account_id = self.run_agreed(&company, proposed)?.number("account_id");
        self.run_agreed(&operator, DecideBankAccount { account_id, verified: true })?;
        Ok(company)
    }

    /// Somebody follows the link in their invitation.
    fn accept(&mut self, user_id: i64, name: &str, language: &str, password_hash: &str) -> Built {
        let invitation = store::Notice::find_where(&mut self.conn, "user_id = ? AND kind = 'invitation'", &[user_id.into()])?;
        let arguments: serde_json::Value =
            serde_json::from_str(&invitation.map(|notice| notice.arguments).unwrap_or_default()).unwrap_or_default();
        let token = arguments.get("token").and_then(serde_json::Value::as_str).unwrap_or_default();
        let accepted = AcceptInvitation {
            token_hash: sha256_hex(token.as_bytes()),
            password_hash: password_hash.to_owned(),
            name: name.to_owned(),
            language: language.to_owned(),
        };
        self.run(Actor::SYSTEM, accepted)?;
        Ok(())
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
        let file = camt053(CUSTODY_IBAN, currency, date, &number, opening, &entries);
        let command =
            read_statement(format!("{number}.xml"), file.into_bytes()).map_err(|fault| DemoError::Other(format!("{fault:?}")))?;
        let operator = self.operator.clone();
        self.run(operator.maker(), command)?;
        Ok(())
    }

    /// A file of the bank has not come: the next one opens with more than the last one closed with.
    fn lose_a_file(&mut self) -> Built {
        let Some(desk) = self.financiers.iter().find(|desk| desk.currency.code() == "CNY").cloned() else { return Ok(()) };
        let balance = self.at_bank.entry("CNY").or_default();
        *balance = balance.saturating_add(3_000_000);
        self.bank(desk.currency, vec![incoming(&desk, 8_800_000, &desk.reference)])
    }

    fn live_one_day(&mut self, days_left: u32) -> Built {
        let today = self.today()?;
        if days_left == FORGOTTEN_DAYS {
            self.forget_one(today)?;
        }
        self.pay_what_is_due(today)?;
        self.confirm_what_waits(today)?;
        self.offer_what_is_issued(today)?;
        self.buy_what_is_offered()?;
        // Before long history there is only so much to upload each day; weekends are quiet.
        let busy = chrono::Datelike::weekday(&today).num_days_from_monday() < 5;
        let count = if busy { self.dice.roll(3) } else { 0 };
        for _ in 0..count {
            self.upload(today, days_left)?;
        }
        if days_left.is_multiple_of(15) {
            self.pay_out(days_left)?;
        }
        if days_left % 10 == 7 {
            self.pay_fees()?;
        }
        Ok(())
    }

    /// An invoice of this amount that its buyer confirms at once.
    fn confirmed(
        &mut self,
        supplier: &Company,
        buyer: &Company,
        today: NaiveDate,
        net_minor: i64,
        tenor_days: u64,
    ) -> Result<Receivable, DemoError> {
        let invoice_id = self.register_amount(supplier, buyer, today, net_minor, tenor_days)?;
        self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
        let invoice = Invoice::load(&mut self.conn, invoice_id)?;
        let command = self.confirmation(&invoice, invoice.payable_minor, invoice.due_date.unwrap_or(today), "")?;
        let receivable_id = self.run_agreed(buyer, command)?.number("receivable_id");
        Ok(Receivable::load(&mut self.conn, receivable_id)?)
    }

    /// All of a receivable on offer.
    fn offer_whole(&mut self, supplier: &Company, receivable: &Receivable, close_date: NaiveDate) -> Result<Offer, DemoError> {
        let offer = CreateOffer {
            receivable_id: receivable.id,
            units_minor: receivable.face_minor.saturating_sub(receivable.kept_minor()),
            rate: "4.5".to_owned(),
            method: "discount".to_owned(),
            day_count: "ACT/360".to_owned(),
            minimum_ticket_minor: receivable.minimum_ticket_minor,
            close_date,
        };
        let offer_id = self.run_agreed(supplier, offer)?.number("offer_id");
        Ok(Offer::load(&mut self.conn, offer_id)?)
    }

    /// A receivable that is sold and that its buyer then forgets: it is overdue when the history ends.
    fn forget_one(&mut self, today: NaiveDate) -> Built {
        let first = (self.suppliers.first().cloned(), self.buyers.first().cloned(), self.financiers.first().cloned());
        let (Some(supplier), Some(buyer), Some(desk)) = first else { return Ok(()) };
        let receivable = self.confirmed(&supplier, &buyer, today, 1_840_000, 25)?;
        self.forgotten = receivable.id;
        let offer = self.offer_whole(&supplier, &receivable, today)?;
        let priced = quote(offer.units_minor, &price_terms(&offer, &receivable)?, today)
            .map_err(|refusal| DemoError::Other(refusal.code().to_owned()))?;
        let purchase = BuyFractions { offer_id: offer.id, units_minor: offer.units_minor, price_minor: priced.price_minor };
        self.run_agreed(&desk, purchase)?;
        Ok(())
    }

    fn upload(&mut self, today: NaiveDate, days_left: u32) -> Built {
        let suppliers = self.suppliers.clone();
        let Some(supplier) = self.dice.pick(&suppliers).cloned() else { return Ok(()) };
        let buyers: Vec<Company> = self.buyers.iter().filter(|buyer| buyer.currency == supplier.currency).cloned().collect();
        let Some(buyer) = self.dice.pick(&buyers).cloned() else { return Ok(()) };
        let invoice_id = self.register(&supplier, &buyer, today)?;
        // The last drafts stay drafts.
        if days_left > 1 {
            self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
        }
        Ok(())
    }

    fn register(&mut self, supplier: &Company, buyer: &Company, today: NaiveDate) -> Result<i64, DemoError> {
        let scale = if supplier.currency.code() == "EUR" { 1 } else { 6 };
        let net_minor = self.dice.roll(7_000_000).saturating_add(400_000).saturating_mul(scale);
        let tenor_days = u64::try_from(self.dice.roll(50).saturating_add(25)).unwrap_or(30);
        self.register_amount(supplier, buyer, today, net_minor, tenor_days)
    }

    fn register_amount(
        &mut self,
        supplier: &Company,
        buyer: &Company,
        today: NaiveDate,
        net_minor: i64,
        tenor_days: u64,
    ) -> Result<i64, DemoError> {
        let command = self.invoice_file(supplier, buyer, today, net_minor, tenor_days)?;
        Ok(self.run(supplier.maker(), command)?.number("invoice_id"))
    }

    fn invoice_file(
        &mut self,
        supplier: &Company,
        buyer: &Company,
        today: NaiveDate,
        net_minor: i64,
        tenor_days: u64,
    ) -> Result<RegisterInvoice, DemoError> {
        self.invoices = self.invoices.saturating_add(1);
        let number = format!("{}-{:04}", today.format("%Y"), self.invoices);
        self.numbered_file(supplier, buyer, today, &number, (net_minor, tenor_days))
    }

    fn numbered_file(
        &mut self,
        supplier: &Company,
        buyer: &Company,
        today: NaiveDate,
        number: &str,
        (net_minor, tenor_days): (i64, u64),
    ) -> Result<RegisterInvoice, DemoError> {
        let item = self.dice.pick(ITEMS).copied().unwrap_or("Goods");
        let order = format!("PO-{}", self.dice.roll(90_000).saturating_add(10_000));
        let file = ubl(&DemoInvoice {
            number,
            issue_date: today,
            due_date: today.checked_add_days(Days::new(tenor_days)).unwrap_or(today),
            currency: supplier.currency,
            net_minor,
            seller: (&supplier.name, &supplier.tax_id),
            buyer: (&buyer.name, &buyer.tax_id),
            order: &order,
            item,
        });
        let content = file.into_bytes();
        let parsed = formats::ubl::parse(&content).map_err(|fault| DemoError::Other(fault.to_string()))?;
        let (file_name, sha256) = (format!("{number}.xml"), sha256_hex(&content));
        Ok(RegisterInvoice { file_name, sha256, content, parsed: Box::new(parsed), ..RegisterInvoice::default() })
    }

    /// Runs commands of one person in whole batches; all must succeed. Returns what they made, invoices' ids.
    fn run_all(&self, actor: &Actor, commands: impl IntoIterator<Item = Command>) -> Result<Vec<i64>, DemoError> {
        let list: Vec<_> = commands.into_iter().map(|command| (actor.clone(), random_token(), command)).collect();
        let name = list.first().map_or("nothing", |(.., command)| command.name());
        let replies = self.writer.submit_all(list);
        replies.into_iter().map(|reply| Ok(reply.map_err(|error| refused(name, &error))?.number("invoice_id"))).collect()
    }

    fn company(&self, id: i64) -> Option<Company> {
        self.buyers.iter().chain(&self.suppliers).chain(&self.financiers).find(|company| company.id == id).cloned()
    }

    fn confirm_what_waits(&mut self, today: NaiveDate) -> Built {
        for invoice in Invoice::list_where(&mut self.conn, "state = 'presented' ORDER BY id", &[])? {
            let (Some(buyer), Some(due_date)) = (self.company(invoice.buyer_id), invoice.due_date) else { continue };
            match self.dice.roll(10) {
                0 => continue,
                1 if invoice.issue_date < today => {
                    let reason = "Quantity on the delivery note differs".to_owned();
                    self.run(buyer.maker(), DisputeInvoice { invoice_id: invoice.id, reason, clarification: "QTY".to_owned() })?;
                }
                roll => {
                    let less = roll == 2;
                    let amount_minor = if less { invoice.payable_minor.saturating_mul(95) / 100 } else { invoice.payable_minor };
                    let command =
                        self.confirmation(&invoice, amount_minor, due_date, if less { "Short delivery, 5 %" } else { "" })?;
                    self.run_agreed(&buyer, command)?;
                }
            }
        }
        Ok(())
    }

    fn confirmation(
        &mut self,
        invoice: &Invoice,
        amount_minor: i64,
        due_date: NaiveDate,
        reason: &str,
    ) -> Result<ConfirmInvoice, DemoError> {
        let words = words(&mut self.conn, invoice, amount_minor, due_date)?;
        let version = undertaking::CURRENT.to_owned();
        Ok(ConfirmInvoice {
            invoice_id: invoice.id,
            amount_minor,
            due_date,
            version,
            words_hash: words.hash,
            reason: reason.to_owned(),
            withheld_minor: 0,
            retained_minor: 0,
            deducted_minor: 0,
            terms: String::new(),
        })
    }

    fn offer_what_is_issued(&mut self, today: NaiveDate) -> Built {
        for row in Receivable::list_where(&mut self.conn, "state = 'issued' ORDER BY id", &[])? {
            let Some(supplier) = self.company(row.supplier_id) else { continue };
            let last = row.payment_date.pred_opt().unwrap_or(today);
            let close_date = today.checked_add_days(Days::new(10)).unwrap_or(today).min(last);
            if self.dice.roll(5) == 0 || close_date <= today {
                continue;
            }
            let kept = if self.dice.roll(4) == 0 { row.face_minor / 3 } else { 0 };
            let units_minor = row.face_minor.saturating_sub(kept.max(row.kept_minor()));
            let rate = format!("{}.{}", self.dice.roll(4).saturating_add(3), self.dice.roll(4).saturating_mul(25));
            let rate = rate.parse::<rust_decimal::Decimal>().map_or_else(|_| "5".to_owned(), |rate| rate.normalize().to_string());
            let command = CreateOffer {
                receivable_id: row.id,
                units_minor,
                rate,
                method: if self.dice.roll(2) == 0 { "discount" } else { "yield" }.to_owned(),
                day_count: if row.currency == "EUR" { "ACT/360" } else { "ACT/365F" }.to_owned(),
                minimum_ticket_minor: row.minimum_ticket_minor.min(units_minor),
                close_date,
            };
            self.run_agreed(&supplier, command)?;
        }
        Ok(())
    }

    fn buy_what_is_offered(&mut self) -> Built {
        let today = self.today()?;
        for offer in Offer::list_where(&mut self.conn, "state = 'open' ORDER BY id", &[])? {
            let receivable = Receivable::load(&mut self.conn, offer.receivable_id)?;
            let desks: Vec<Company> =
                self.financiers.iter().filter(|desk| desk.currency.code() == receivable.currency).cloned().collect();
            for _ in 0..self.dice.roll(3) {
                let offer = Offer::load(&mut self.conn, offer.id)?;
                let Some(desk) = self.dice.pick(&desks).cloned() else { continue };
                if offer.state != "open" {
                    break;
                }
                let half = offer.left_minor / 2;
                let rest = offer.left_minor.saturating_sub(half);
                let split = half >= offer.minimum_ticket_minor && rest >= offer.minimum_ticket_minor && self.dice.roll(3) > 0;
                let units_minor = if split { half } else { offer.left_minor };
                let Ok(priced) = price_terms(&offer, &receivable).map_err(DemoError::Store).and_then(|terms| {
                    quote(units_minor, &terms, today).map_err(|refusal| DemoError::Other(refusal.code().to_owned()))
                }) else {
                    continue;
                };
                let command = BuyFractions { offer_id: offer.id, units_minor, price_minor: priced.price_minor };
                // Out of cash or over a limit is a lawful answer here.
                let _ = self.run_agreed(&desk, command);
            }
        }
        Ok(())
    }

    fn pay_what_is_due(&mut self, today: NaiveDate) -> Built {
        let mut incoming_by_currency: HashMap<&'static str, Vec<DemoEntry>> = HashMap::new();
        let due = Receivable::list_where(
            &mut self.conn,
            "payment_date <= ? AND state IN ('active', 'issued', 'matured', 'part_redeemed', 'overdue') ORDER BY id",
            &[today.into()],
        )?;
        let forgotten = self.forgotten;
        for row in due.into_iter().filter(|row| row.id != forgotten) {
            let Some(buyer) = self.company(row.buyer_id) else { continue };
            let open = row.confirmed_minor.saturating_sub(row.paid_minor).max(1);
            let amount = match self.dice.roll(12) {
                // Somebody forgets for a while; somebody pays in two parts; somebody pays too much.
                0..=2 => continue,
                3 => (open / 2).max(1),
                4 => open.saturating_add(1_000),
                _ => open,
            };
            let code = if row.currency == "EUR" { "EUR" } else { "CNY" };
            incoming_by_currency.entry(code).or_default().push(incoming(&buyer, amount, &row.reference));
        }
        for currency in [Currency::EUR, Currency::CNY] {
            let entries = incoming_by_currency.remove(currency.code()).unwrap_or_default();
            self.bank(currency, entries)?;
        }
        Ok(())
    }

    /// Suppliers take money out, the operator makes the file, the bank pays it; once it rejects one, and once it is silent.
    fn pay_out(&mut self, days_left: u32) -> Built {
        for supplier in self.suppliers.clone() {
            let asset = domain::chart::currency_asset(supplier.currency).0;
            let line = store::lists::balances(&mut self.conn, asset, Some(supplier.id))?.into_iter().next();
            let free = line.map_or(0, |line| line.balance.saturating_sub(line.held));
            if free > 1_000_000 {
                let command = RequestPayout { currency: supplier.currency.code().to_owned(), amount_minor: free / 2 };
                self.run_agreed(&supplier, command)?;
            }
        }
        let operator = self.operator.clone();
        for currency in [Currency::EUR, Currency::CNY] {
            let mut waiting = create_payment_file::payment_list(&mut self.conn, currency, i64::MAX)?;
            if waiting.is_empty() {
                continue;
            }
            let (through, list_hash) = (waiting.last().map_or(0, |row| row.id), create_payment_file::list_hash(&waiting));
            self.run_agreed(&operator, CreatePaymentFile { currency: currency.code().to_owned(), through, list_hash })?;
            let unpaid = if currency == Currency::EUR && matches!(days_left, 15 | 30) { waiting.pop() } else { None };
            if let Some(rejected) = unpaid.filter(|_| days_left == 30) {
                let note = "The bank's portal, today".to_owned();
                self.run_agreed(&operator, FailPayout { payout_id: rejected.id, reason_code: "AC04".to_owned(), note })?;
            }
            let entries = waiting.into_iter().map(|payout| DemoEntry {
                amount_minor: payout.amount_minor,
                credit: false,
                end_to_end: payout.end_to_end,
                name: payout.holder,
                iban: payout.iban,
                ..DemoEntry::default()
            });
            self.bank(currency, entries.collect())?;
        }
        Ok(())
    }

    /// What every role finds on its desk.
    fn leave_open_work(&mut self) -> Built {
        let today = self.today()?;
        for (supplier_at, buyer_at) in [(0_usize, 0_usize), (0, 1), (1, 0), (2, 0), (8, 2), (9, 3)] {
            let (Some(supplier), Some(buyer)) = (self.suppliers.get(supplier_at).cloned(), self.buyers.get(buyer_at).cloned())
            else {
                continue;
            };
            let invoice_id = self.register(&supplier, &buyer, today)?;
            self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
            let fresh = self.register(&supplier, &buyer, today)?;
            if supplier_at == 1 {
                self.run(supplier.maker(), SubmitInvoice { invoice_id: fresh, due_date: None })?;
                let invoice = Invoice::load(&mut self.conn, fresh)?;
                let command = self.confirmation(&invoice, invoice.payable_minor, invoice.due_date.unwrap_or(today), "")?;
                self.run_agreed(&buyer, command)?;
            }
        }
        // A confirmation that waits for the second person.
        if let (Some(supplier), Some(buyer)) = (self.suppliers.first().cloned(), self.buyers.first().cloned()) {
            let invoice_id = self.register_amount(&supplier, &buyer, today, 5_430_000, 45)?;
            self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
            let invoice = Invoice::load(&mut self.conn, invoice_id)?;
            let command = self.confirmation(&invoice, invoice.payable_minor, invoice.due_date.unwrap_or(today), "")?;
            self.run(buyer.maker(), command)?;
            let stranger = DemoEntry {
                name: "Unbekannte Zahlstelle".to_owned(),
                iban: demo_iban(77),
                remittance: "Rechnung 4711".to_owned(),
                amount_minor: 123_456,
                credit: true,
                ..DemoEntry::default()
            };
            // And what the bank has taken for itself.
            let charge = DemoEntry {
                name: "Kontoführung".to_owned(),
                remittance: "Entgelte November".to_owned(),
                amount_minor: 1_850,
                ..DemoEntry::default()
            };
            self.bank(Currency::EUR, vec![stranger, charge])?;
        }
        self.list_payables(today)?;
        self.rare_buyer(today)?;
        self.approve_in_advance(today)?;
        self.propose_another(today)?;
        self.lose_a_file()?;
        self.offer_what_is_issued(today)?;
        // One receivable is confirmed and not offered yet; in each currency another is on the market.
        for (supplier_at, buyer_at, net_minor) in [(0_usize, 0_usize, 2_250_000), (1, 0, 3_120_000), (9, 3, 18_600_000)] {
            let pair = (self.suppliers.get(supplier_at).cloned(), self.buyers.get(buyer_at).cloned());
            let (Some(supplier), Some(buyer)) = pair else { continue };
            let receivable = self.confirmed(&supplier, &buyer, today, net_minor, 40)?;
            if supplier_at > 0 {
                let close_date = today.checked_add_days(Days::new(10)).unwrap_or(today);
                self.offer_whole(&supplier, &receivable, close_date)?;
            }
        }
        // Money that waits for a second person on both sides of the market.
        for company in [self.suppliers.first().cloned(), self.financiers.first().cloned()].into_iter().flatten() {
            let asset = domain::chart::currency_asset(company.currency).0;
            let line = store::lists::balances(&mut self.conn, asset, Some(company.id))?.into_iter().next();
            let currency = company.currency.code().to_owned();
            if line.is_some_and(|line| line.balance.saturating_sub(line.held) > 500_000) {
                let limit =
                    SetApprovalLimit { currency: currency.clone(), limit_minor: 200_000, day_minor: Some(Some(1_000_000)) };
                self.run(company.maker(), limit)?;
                self.run(company.maker(), RequestPayout { currency, amount_minor: 250_000 })?;
            }
        }
        // A copy of an invoice with a suffix, of the very day and total, waits for somebody who compares the two.
        if let (Some(supplier), Some(buyer)) = (self.suppliers.first().cloned(), self.buyers.first().cloned()) {
            let original = self.register_amount(&supplier, &buyer, today, 1_870_000, 40)?;
            self.run(supplier.maker(), SubmitInvoice { invoice_id: original, due_date: None })?;
            let number = format!("{}-{:04}-A", today.format("%Y"), self.invoices);
            let again = self.numbered_file(&supplier, &buyer, today, &number, (1_870_000, 40))?;
            let invoice_id = self.run(supplier.maker(), again)?.number("invoice_id");
            let statement = "The second delivery of the same order".to_owned();
            self.run(supplier.maker(), ExplainInvoice { invoice_id, statement })?;
        }
        // One supplier wants money and a new account; one company has applied.
        if let Some(supplier) = self.suppliers.get(2).cloned() {
            let holder = supplier.name.clone();
            let proposed = ProposeBankAccount { currency: "EUR".to_owned(), iban: demo_iban(4_711), bic: String::new(), holder };
            let account_id = self.run_agreed(&supplier, proposed)?.number("account_id");
            // One operator has verified it; the other has not looked yet.
            let operator = self.operator.clone();
            self.run(operator.maker(), DecideBankAccount { account_id, verified: true })?;
        }
        for supplier in self.suppliers.clone() {
            let asset = domain::chart::currency_asset(supplier.currency).0;
            let line = store::lists::balances(&mut self.conn, asset, Some(supplier.id))?.into_iter().next();
            if line.is_some_and(|line| line.balance.saturating_sub(line.held) > 200_000) {
                self.run(
                    supplier.maker(),
                    RequestPayout { currency: supplier.currency.code().to_owned(), amount_minor: 100_000 },
                )?;
            }
        }
        let operator = self.operator.clone();
        let applied = InviteCompany {
            name: "Lotsen Anlagenbau GmbH".to_owned(),
            country: "DE".to_owned(),
            tax_id: "DE299999993".to_owned(),
            registration_id: "HRB 4711".to_owned(),
            capacities: "supplier".to_owned(),
            language: "en".to_owned(),
            administrator_email: "lotsen@kontor.example".to_owned(),
            administrator_name: "Lena Lotse".to_owned(),
            checker_email: "lotsen.checker@kontor.example".to_owned(),
            checker_name: "Leif Sund".to_owned(),
        };
        self.run(operator.maker(), applied)?;
        Ok(())
    }

    /// Two payables that the first buyer approved before their invoices came; one of them has come.
    fn approve_in_advance(&mut self, today: NaiveDate) -> Built {
        let (Some(supplier), Some(buyer)) = (self.suppliers.get(5).cloned(), self.buyers.first().cloned()) else { return Ok(()) };
        let came = self.numbered_file(&supplier, &buyer, today, "ADV-1", (921_000, 45))?;
        let payable = came.parsed.totals.payable.and_then(|payable| supplier.currency.parse_decimal(&payable.to_string()).ok());
        let payable_minor = payable.ok_or_else(|| DemoError::Other("an invoice without an amount".to_owned()))?;
        let row = |number: &str, payable_minor: i64| PayableRow {
            supplier_id: supplier.id,
            number: number.to_owned(),
            issue_date: today,
            due_date: today.checked_add_days(Days::new(45)).unwrap_or(today),
            currency: supplier.currency.code().to_owned(),
            payable_minor,
            order_reference: String::new(),
            payment_reference: format!("5100-{number}"),
        };
        let rows = vec![row("ADV-1", payable_minor), row("ADV-2", 734_500)];
        let content = format!("demo payables of {today}").into_bytes();
        let file = DraftPayables { file_name: "payables.csv".to_owned(), sha256: sha256_hex(&content), content, rows };
        let drafted = self.run(buyer.maker(), file)?;
        let list_hash = drafted.text("list_hash");
        self.run_agreed(&buyer, ConfirmList { list_id: drafted.number("list_id"), list_hash })?;
        let invoice_id = self.run(supplier.maker(), came)?.number("invoice_id");
        self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
        Ok(())
    }

    /// A programme that two of the buyer's people and two operators have agreed on, with suppliers that have joined it and one that has
    /// not answered yet.
    fn open_programme(&mut self, buyer_at: usize, terms: ProposeProgramme, (joined, asked): (&[usize], usize)) -> Built {
        let (Some(buyer), operator) = (self.buyers.get(buyer_at).cloned(), self.operator.clone()) else { return Ok(()) };
        let proposed = self.run_agreed(&buyer, terms)?;
        let (programme_id, version_id) = (proposed.number("programme_id"), proposed.number("version_id"));
        let reason = "Terms as discussed".to_owned();
        self.run_agreed(&operator, DecideProgramme { version_id, approve: true, reason })?;
        let all: Vec<Company> = joined.iter().chain([&asked]).filter_map(|at| self.suppliers.get(*at).cloned()).collect();
        let suppliers = all.iter().map(|supplier| supplier.tax_id.clone()).collect();
        self.run(buyer.maker(), InviteToProgramme { programme_id, suppliers })?;
        for supplier in joined.iter().filter_map(|at| self.suppliers.get(*at).cloned()) {
            let binds = [programme_id.into(), supplier.id.into()];
            let member = ProgrammeMember::find_where(&mut self.conn, "programme_id = ? AND supplier_id = ?", &binds)?;
            let Some(member) = member else { continue };
            let answer = AnswerProgrammeInvitation {
                member_id: member.id,
                terms_version: member.asked_version,
                join: true,
                reason: String::new(),
            };
            self.run(supplier.maker(), answer)?;
        }
        Ok(())
    }

    /// One programme in each currency, from the first day on: in one the buyer bears the fees, in the other the suppliers do.
    fn open_programmes(&mut self, start: NaiveDate) -> Built {
        let euro = programme_terms("Hansewerk Lieferanten", "EUR", "buyer", start);
        self.open_programme(0, euro, (&[0, 2, 3, 5], 1))?;
        let yuan = ProposeProgramme {
            advance_bps: 9_000,
            reserve_bps: 500,
            minimum_fee_minor: 1_000,
            minimum_ticket_minor: 1_000_000,
            recourse: "supplier".to_owned(),
            ..programme_terms("江海供应链融资计划", "CNY", "supplier", start)
        };
        self.open_programme(2, yuan, (&[8, 9, 10], 11))
    }

    /// Terms that wait for the operator.
    fn propose_another(&mut self, today: NaiveDate) -> Built {
        let Some(buyer) = self.buyers.get(1).cloned() else { return Ok(()) };
        self.run_agreed(&buyer, programme_terms("Nordlicht Lieferanten", "EUR", "supplier", today))?;
        Ok(())
    }

    /// Buyers pay in what they still owe of fees.
    fn pay_fees(&mut self) -> Built {
        let today = self.today()?;
        for owed in store::programmes::list_open_fees(&mut self.conn, today)? {
            let Some(buyer) = self.company(owed.buyer_id) else { continue };
            self.bank(buyer.currency, vec![incoming(&buyer, owed.open_minor, &buyer.reference)])?;
        }
        Ok(())
    }

    /// A company of which nobody signs in: its contact has got a link to one invoice.
    fn rare_buyer(&mut self, today: NaiveDate) -> Built {
        let (Some(supplier), operator) = (self.suppliers.get(4).cloned(), self.operator.clone()) else { return Ok(()) };
        let (name, tax_id) = ("Nordwerft Reederei GmbH".to_owned(), "DE288888888".to_owned());
        let invited = InviteCompany {
            name: name.clone(),
            country: "DE".to_owned(),
            tax_id: tax_id.clone(),
            capacities: "buyer".to_owned(),
            language: "en".to_owned(),
            ..InviteCompany::default()
        };
        let id = self.run(operator.maker(), invited)?.number("party_id");
        let (status, reason) = ("active".to_owned(), "Register extract seen".to_owned());
        self.run_agreed(&operator, DecideCompany { party_id: id, status, reason })?;
        let contact = RecordContact {
            party_id: id,
            name: "Rieke Reeder".to_owned(),
            email: "nordwerft@kontor.example".to_owned(),
            channel: "telephone".to_owned(),
            second: "+49 40 7654321".to_owned(),
            source: "Number in the register extract; the managing director named her".to_owned(),
            currency: "EUR".to_owned(),
            limit_minor: 5_000_000,
            link_hours: 168,
        };
        self.run_agreed(&operator, contact)?;
        let (reference, iban) = (String::new(), String::new());
        let buyer = Company { id, name, tax_id, currency: Currency::EUR, reference, iban, maker: 0, checker: 0 };
        let file = self.numbered_file(&supplier, &buyer, today, "NW-2041", (1_310_000, 45))?;
        let invoice_id = self.run(supplier.maker(), file)?.number("invoice_id");
        self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
        Ok(())
    }

    /// The first buyer's lists: one that is agreed to, one that waits for the second person, one that is a draft.
    fn list_payables(&mut self, today: NaiveDate) -> Built {
        let (Some(supplier), Some(buyer)) = (self.suppliers.get(3).cloned(), self.buyers.first().cloned()) else { return Ok(()) };
        // Of sums of their own: two of the same sum on one day would be held for a review.
        for (step, more_minor) in [("agreed", 0_i64), ("asked", 25_000), ("draft", 60_000)] {
            let mut items = Vec::new();
            for net_minor in [310_000_i64, 470_000, 1_120_000] {
                let net_minor = net_minor.saturating_add(more_minor);
                let invoice_id = self.register_amount(&supplier, &buyer, today, net_minor, 40)?;
                self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
                let amount_minor = Invoice::load(&mut self.conn, invoice_id)?.payable_minor;
                items.push(DraftItem { invoice_id, amount_minor, due_date: None, reason: String::new() });
            }
            let drafted = self.run(buyer.maker(), DraftConfirmationList { items })?;
            let command = ConfirmList { list_id: drafted.number("list_id"), list_hash: drafted.text("list_hash") };
            match step {
                "agreed" => drop(self.run_agreed(&buyer, command)?),
                "asked" => drop(self.run(buyer.maker(), command)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Terms of a programme as they are usual here.
fn programme_terms(name: &str, currency: &str, bearer: &str, begins_on: NaiveDate) -> ProposeProgramme {
    ProposeProgramme {
        programme_id: None,
        name: name.to_owned(),
        currency: currency.to_owned(),
        least_tenor_days: 15,
        most_tenor_days: 120,
        most_age_days: 60,
        advance_bps: 8_500,
        reserve_bps: 1_000,
        settlement_fee_bps: 5,
        purchase_fee_bps: 10,
        minimum_fee_minor: 100,
        minimum_ticket_minor: 100_000,
        fee_bearer: bearer.to_owned(),
        grace_days: 5,
        recourse: "none".to_owned(),
        begins_on,
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

fn person_name(kind: &str, number: usize, checker: bool) -> &'static str {
    const MAKERS: &[&str] = &[
        "Anna Brandt",
        "Jonas Krüger",
        "Mara Lindner",
        "Felix Otte",
        "Ida Sommer",
        "Paul Richter",
        "Nele Thomsen",
        "Lars Voss",
        "李明",
        "王芳",
        "张伟",
        "刘洋",
        "陈静",
        "杨磊",
        "赵敏",
    ];
    const CHECKERS: &[&str] = &[
        "Heike Wulf",
        "Martin Behrens",
        "Silke Jansen",
        "Uwe Ahrens",
        "Karin Peters",
        "Rolf Meier",
        "Britta Kühn",
        "Dirk Hansen",
        "周强",
        "吴娜",
        "徐丽",
        "孙浩",
        "马超",
        "朱琳",
        "胡军",
    ];
    let list = if checker { CHECKERS } else { MAKERS };
    let shift = match kind {
        "buyer" if number > 2 => 8,
        "financier" if number > 3 => 6,
        _ => 0,
    };
    list.get(number.saturating_add(shift).saturating_sub(1) % list.len()).copied().unwrap_or("Alex")
}
