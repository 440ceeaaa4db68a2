//! The companies of the simulation, brought onto an empty database by the real commands.

use super::arithmetic;
use super::model::{CURRENCIES, Company, Limit, Model, Terms};
use super::programmes::{self, Member, Programme};
use crate::world::CUSTODY_IBAN;
use chrono::NaiveDate;
use server::clock::Clock;
use server::commands::bank::open_custody_account::OpenCustodyAccount;
use server::commands::kit::decide_approval::DecideApproval;
use server::commands::market::set_buyer_limit::SetBuyerLimit;
use server::commands::parties::decide_bank_account::DecideBankAccount;
use server::commands::parties::decide_company::DecideCompany;
use server::commands::parties::invite_company::InviteCompany;
use server::commands::parties::propose_bank_account::ProposeBankAccount;
use server::commands::parties::set_approval_limit::SetApprovalLimit;
use server::commands::people::accept_invitation::AcceptInvitation;
use server::commands::programmes::answer_programme_invitation::AnswerProgrammeInvitation;
use server::commands::programmes::decide_programme::DecideProgramme;
use server::commands::programmes::invite_to_programme::InviteToProgramme;
use server::commands::programmes::propose_programme::ProposeProgramme;
use server::commands::{Actor, Command, Outcome};
use server::hash::sha256_hex;
use server::setup::{self, FirstUser, Setup};
use store::Conn;
use store::records::{Keyed, Record};

/// Capacities, whether a second person is asked for small amounts, and whether it has a bank account.
const CAST: &[(&[&str], bool, bool)] = &[
    (&["supplier"], false, true),
    (&["supplier"], false, true),
    (&["supplier"], true, true),
    (&["buyer"], false, false),
    (&["buyer"], false, false),
    (&["buyer"], true, false),
    (&["financier"], false, true),
    (&["financier"], false, true),
    (&["financier"], true, true),
    (&["supplier", "financier"], false, true),
    (&["supplier", "buyer"], false, true),
];

const OPERATOR: i64 = 10_000;
/// The platform's second account for EUR.
const SECOND_IBAN: &str = "NL91ABNA0417164300";
/// All companies bank here; no payout goes to the account of the platform itself.
const COMPANY_IBAN: &str = "DE02120300000000202051";

/// The amount that a careful company may do alone in a day.
const DAY_OF_THE_CAREFUL: i64 = 2_500_000;

pub trait Run {
    /// Runs one command of the set-up, which must succeed.
    fn run(&mut self, actor: Actor, command: Command) -> Result<Outcome, String>;
}

/// An operator and no people yet.
pub fn prepare(url: &str, conn: &mut Conn, date: NaiveDate, clock: &Clock) -> Result<(), String> {
    let wanted = Setup {
        operator_name: "Operator".to_owned(),
        country: "DE".to_owned(),
        custody_iban: CUSTODY_IBAN.to_owned(),
        business_date: date,
        currencies: CURRENCIES.map(str::to_owned).to_vec(),
        users: vec![first("olga@x.example", "administrator,maker"), first("otto@x.example", "checker")],
    };
    store::migrate(conn).and_then(|_| setup::run(url, &wanted, clock)).map_err(|error| error.to_string())
}

fn first(email: &str, roles: &str) -> FirstUser {
    FirstUser {
        name: "Operator".to_owned(),
        email: email.to_owned(),
        password: crate::world::PASSWORD.to_owned(),
        roles: roles.to_owned(),
        language: "en".to_owned(),
        initial: false,
    }
}

/// Asks as the maker, and lets the checker agree if a second person must.
fn agreed(runner: &mut impl Run, conn: &mut Conn, company: &Company, command: Command) -> Result<Outcome, String> {
    let asked = runner.run(company.maker(), command)?;
    let Some(approval_id) = asked.awaits_approval else { return Ok(asked) };
    let approval = store::Approval::load(conn, approval_id).map_err(|error| error.to_string())?;
    let decision =
        DecideApproval { approval_id, body_hash: approval.body_hash, approve: true, reason: String::new(), file: None };
    runner.run(company.checker(), decision.into())
}

/// Brings all companies on, and enters them in the model.
pub fn enter(runner: &mut impl Run, conn: &mut Conn, date: NaiveDate) -> Result<Model, String> {
    let mut model = Model { today: date, ..Model::default() };
    model.custody.insert(0, CUSTODY_IBAN.to_owned());
    let operator = Company {
        id: OPERATOR,
        name: "Operator".to_owned(),
        tax_id: "OPERATOR".to_owned(),
        reference: String::new(),
        iban: CUSTODY_IBAN.to_owned(),
        maker: OPERATOR + 1,
        checker: OPERATOR + 2,
        capacities: &["operator"],
        active: true,
    };
    let second = OpenCustodyAccount {
        iban: SECOND_IBAN.to_owned(),
        bank: "Second Bank".to_owned(),
        currency: "EUR".to_owned(),
        ..OpenCustodyAccount::default()
    };
    let second = agreed(runner, conn, &operator, second.into())?.number("account_id");
    model.custody.insert(second, SECOND_IBAN.to_owned());
    for (number, (capacities, careful, banked)) in CAST.iter().enumerate() {
        let company = enter_one(runner, conn, &operator, number, (capacities, *careful, *banked))?;
        for currency in CURRENCIES {
            let limit = if *careful { 1_000_000 } else { 1_000_000_000_000 };
            model
                .approval_limits
                .insert((company.id, currency.to_owned()), (limit, careful.then_some(DAY_OF_THE_CAREFUL.into())));
            if *banked {
                model.verified_accounts.insert((company.id, currency.to_owned()));
            }
        }
        model.companies.insert(company.id, company);
    }
    set_limits(runner, conn, &mut model)?;
    let ids: Vec<i64> = model.companies.keys().copied().collect();
    for (number, (buyer, currency, bearer, suppliers)) in programmes::CAST.iter().enumerate() {
        let of = |at: &usize| ids.get(*at).and_then(|id| model.companies.get(id)).cloned().ok_or("no such company");
        let suppliers = suppliers.iter().map(of).collect::<Result<Vec<Company>, _>>()?;
        let terms = programmes::terms(number, currency, bearer, date);
        let entered = open_programme(runner, conn, (&operator, &of(buyer)?), terms, &suppliers)?;
        model.members.extend(entered.2);
        model.programmes.insert(entered.0, entered.1);
    }
    for currency in CURRENCIES {
        model.approval_limits.insert((OPERATOR, currency.to_owned()), (0, None));
        // The terms with which a new platform starts: docs/OPERATING.md.
        let unit = if currency == "JPY" { 1 } else { 100 };
        let terms = Terms {
            reserve_bps: 1_000,
            settlement_bps: 5,
            purchase_bps: 10,
            minimum_fee: unit,
            minimum_ticket: unit * 1_000,
            late: arithmetic::rate("8").ok_or("no rate")?,
            late_count: "ACT/360".to_owned(),
            grace_days: 3,
            announced: unit * 100_000,
            tolerated: 0,
        };
        model.terms.insert(currency.to_owned(), terms);
    }
    model.companies.insert(OPERATOR, operator);
    Ok(model)
}

/// A person takes up an invitation: an invited person cannot agree to anything before that.
fn accept(runner: &mut impl Run, conn: &mut Conn, user_id: i64) -> Result<(), String> {
    let notice = store::Notice::find_where(conn, "user_id = ? AND kind = 'invitation'", &[user_id.into()]);
    let arguments = notice.map_err(|error| error.to_string())?.ok_or("no invitation")?.arguments;
    let arguments: serde_json::Value = serde_json::from_str(&arguments).map_err(|error| error.to_string())?;
    let token = arguments["token"].as_str().ok_or("no token")?;
    let accepted = AcceptInvitation {
        token_hash: sha256_hex(token.as_bytes()),
        password_hash: String::new(),
        password_digest: String::new(),
        name: "Person".to_owned(),
        language: "en".to_owned(),
    };
    runner.run(Actor::SYSTEM, accepted.into()).map(|_| ())
}

fn enter_one(
    runner: &mut impl Run,
    conn: &mut Conn,
    operator: &Company,
    number: usize,
    (capacities, careful, banked): (&'static [&'static str], bool, bool),
) -> Result<Company, String> {
    let (name, tax_id) = (format!("Company {number}"), format!("TAX{number:04}"));
    let invited = InviteCompany {
        name: name.clone(),
        country: "DE".to_owned(),
        tax_id: tax_id.clone(),
        registration_id: String::new(),
        capacities: capacities.join(","),
        language: "en".to_owned(),
        administrator_email: format!("maker{number}@x.example"),
        administrator_name: "Maker".to_owned(),
        checker_email: format!("checker{number}@x.example"),
        checker_name: "Checker".to_owned(),
    };
    let outcome = runner.run(operator.maker(), invited.into())?;
    let id: i64 = outcome.number("party_id");
    let company = Company {
        id,
        name: name.clone(),
        tax_id,
        reference: outcome.text("reference"),
        iban: COMPANY_IBAN.to_owned(),
        maker: outcome.number("user_id"),
        checker: outcome.number("checker_id"),
        capacities,
        active: true,
    };
    for person in [company.maker, company.checker] {
        accept(runner, conn, person)?;
    }
    let decision = DecideCompany { party_id: id.into(), status: "active".to_owned(), reason: "identity checked".to_owned() };
    agreed(runner, conn, operator, decision.into())?;
    for currency in CURRENCIES.map(str::to_owned) {
        let limit_minor = if careful { 1_000_000 } else { 1_000_000_000_000 };
        let limit =
            SetApprovalLimit { currency: currency.clone(), limit_minor, day_minor: Some(careful.then_some(DAY_OF_THE_CAREFUL)) };
        agreed(runner, conn, &company, limit.into())?;
        if !banked {
            continue;
        }
        let proposal = ProposeBankAccount { currency, iban: company.iban.clone(), bic: String::new(), holder: name.clone() };
        let account_id = agreed(runner, conn, &company, proposal.into())?.number("account_id");
        agreed(runner, conn, operator, DecideBankAccount { account_id, verified: true }.into())?;
    }
    Ok(company)
}

type Entered = (i64, Programme, Vec<(i64, Member)>);

/// A programme that all sides have agreed on, and its suppliers in it.
fn open_programme(
    runner: &mut impl Run,
    conn: &mut Conn,
    (operator, buyer): (&Company, &Company),
    terms: ProposeProgramme,
    suppliers: &[Company],
) -> Result<Entered, String> {
    let proposed = agreed(runner, conn, buyer, terms.clone().into())?;
    let (id, version_id) = (proposed.number::<i64>("programme_id"), proposed.number("version_id"));
    let decision = DecideProgramme { version_id, approve: true, reason: "as agreed".to_owned() };
    agreed(runner, conn, operator, decision.into())?;
    let named = suppliers.iter().map(|supplier| supplier.tax_id.clone()).collect();
    let invited = runner.run(buyer.maker(), InviteToProgramme { programme_id: id.into(), suppliers: named }.into())?;
    let ids = invited.body["member_ids"].as_array().cloned().unwrap_or_default();
    let mut members = Vec::new();
    for (member_id, supplier) in ids.iter().filter_map(serde_json::Value::as_i64).zip(suppliers) {
        let answer =
            AnswerProgrammeInvitation { member_id: member_id.into(), terms_version: 1, join: true, reason: String::new() };
        runner.run(supplier.maker(), answer.into())?;
        members.push((member_id, Member { programme: id, supplier: supplier.id, state: "joined" }));
    }
    Ok((id, Programme { buyer: buyer.id, currency: terms.currency.clone(), state: "open", terms }, members))
}

/// Every financier has room for every buyer, to begin with.
fn set_limits(runner: &mut impl Run, conn: &mut Conn, model: &mut Model) -> Result<(), String> {
    const ROOM: i64 = 500_000_000_000;
    let companies: Vec<Company> = model.companies.values().cloned().collect();
    for desk in companies.iter().filter(|company| company.is("financier")) {
        for buyer in companies.iter().filter(|company| company.is("buyer")) {
            for currency in CURRENCIES.map(str::to_owned) {
                let command = SetBuyerLimit { buyer_id: buyer.id.into(), currency: currency.clone(), limit_minor: ROOM };
                let id = agreed(runner, conn, desk, command.into())?.number("limit_id");
                model.limits.insert((desk.id, buyer.id, currency), Limit { id, limit: ROOM.into(), used: 0 });
            }
        }
    }
    Ok(())
}
