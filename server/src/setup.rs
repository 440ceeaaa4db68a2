//! An empty database becomes a platform: the counters, the operator and its first people, the terms of each
//! currency. Runs once; a database that has an operator is left alone.

use crate::auth;
use crate::clock::Clock;
use chrono::NaiveDate;
use domain::party::{PartyStatus, UserStatus};
use store::records::Record;
use store::{ApprovalLimit, Conn, Heads, IssueTermsRow, Party, StoreError, User};

/// One of the operator's first people.
#[derive(Clone, Debug)]
pub struct FirstUser {
    pub name: String,
    pub email: String,
    pub password: String,
    pub roles: String,
    pub language: String,
}

#[derive(Clone, Debug)]
pub struct Setup {
    pub operator_name: String,
    pub country: String,
    pub custody_iban: String,
    pub business_date: NaiveDate,
    pub currencies: Vec<String>,
    pub users: Vec<FirstUser>,
}

/// The least id of a record; smaller numbers are currencies.
const FIRST_ID: i64 = 10_000;

/// Whether the database has been set up.
pub fn is_set_up(conn: &mut Conn) -> Result<bool, StoreError> {
    Ok(Heads::find_where(conn, "id = 1", &[])?.is_some())
}

/// Makes the operator and what it needs, in one transaction.
pub fn run(conn: &mut Conn, setup: &Setup, clock: &Clock) -> Result<(), StoreError> {
    let hashes: Vec<String> = setup.users.iter().map(|user| auth::hash_password(&user.password)).collect::<Result<_, _>>()?;
    store::connection::begin_batch(conn)?;
    match insert(conn, setup, &hashes, clock) {
        Ok(()) => store::connection::commit_batch(conn),
        Err(error) => {
            store::connection::roll_back_batch(conn)?;
            Err(error)
        }
    }
}

fn insert(conn: &mut Conn, setup: &Setup, hashes: &[String], clock: &Clock) -> Result<(), StoreError> {
    let now = clock.now();
    let id = FIRST_ID;
    let people = i64::try_from(setup.users.len()).unwrap_or(0);
    Heads {
        id: 1,
        next_id: id.saturating_add(people),
        last_transfer: 0,
        last_audit: 0,
        business_date: setup.business_date,
        custody_iban: setup.custody_iban.clone(),
        log_frontier: String::new(),
        log_secret: crate::hash::random_token(),
    }
    .insert(conn)?;
    Party {
        id,
        name: setup.operator_name.clone(),
        country: setup.country.clone(),
        tax_id: "OPERATOR".to_owned(),
        tax_key: "OPERATOR".to_owned(),
        registration_id: String::new(),
        capacities: "operator".to_owned(),
        status: PartyStatus::Active.name().to_owned(),
        language: "en".to_owned(),
        reference: domain::creditor_reference::create(&format!("C{id}")).unwrap_or_default(),
        created_at: now,
    }
    .insert(conn)?;
    for (index, (user, hash)) in setup.users.iter().zip(hashes).enumerate() {
        User {
            id: id.saturating_add(1).saturating_add(i64::try_from(index).unwrap_or(0)),
            party_id: id,
            email: user.email.to_lowercase(),
            name: user.name.clone(),
            roles: user.roles.clone(),
            status: UserStatus::Active.name().to_owned(),
            language: user.language.clone(),
            theme: "system".to_owned(),
            password_hash: hash.clone(),
            totp_secret: String::new(),
            totp_last_step: 0,
            failed_count: 0,
            locked_until: None,
            created_at: now,
        }
        .insert(conn)?;
    }
    for code in &setup.currencies {
        default_terms(code).insert(conn)?;
        ApprovalLimit { party_id: id, currency: code.clone(), limit_minor: 0 }.insert(conn)?;
    }
    Ok(())
}

/// Terms to start from: reserve 10 %, settlement fee 0.05 %, purchase fee 0.10 %, late interest 8 % ACT/360
/// after three days of grace. The operator changes them with a second person.
fn default_terms(currency: &str) -> IssueTermsRow {
    let unit = domain::Currency::parse(currency).map_or(100, |known| 10_i64.checked_pow(known.exponent()).unwrap_or(1));
    IssueTermsRow {
        currency: currency.to_owned(),
        reserve_bps: 1_000,
        settlement_fee_bps: 5,
        purchase_fee_bps: 10,
        minimum_fee_minor: unit,
        minimum_ticket_minor: unit.saturating_mul(1_000),
        late_rate: "8".to_owned(),
        late_day_count: "ACT/360".to_owned(),
        grace_days: 3,
    }
}
