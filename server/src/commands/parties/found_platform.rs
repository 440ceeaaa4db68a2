//! The platform comes into being: its operator, its first people, and the terms of each currency. Runs once.

use crate::batch::{Batch, Step};
use crate::commands::people::invite_user::free_email;
use crate::commands::{Actor, Applied, Done, Execute, required};
use crate::view::View;
use chrono::NaiveDate;
use domain::custody::CustodyState;
use domain::party::{Capacities, Capacity, Language, PartyStatus, Roles, Theme, UserStatus};
use domain::{DayCount, Refusal};
use kernel::{PartyId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{ApprovalLimit, CustodyAccount, IssueTermsRow, Party, User};

/// One of the operator's first people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FirstPerson {
    pub name: String,
    pub email: String,
    pub roles: String,
    pub language: String,
    #[serde(skip)]
    pub password_hash: String,
    /// The password was made for the person: it must be changed at the first sign-in.
    #[serde(default)]
    pub initial: bool,
}

/// How long an initial password opens anything.
fn initial_life() -> chrono::TimeDelta {
    chrono::TimeDelta::try_hours(72).unwrap_or_default()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoundPlatform {
    pub operator_name: String,
    pub country: String,
    pub custody_iban: String,
    pub business_date: NaiveDate,
    pub currencies: Vec<String>,
    pub people: Vec<FirstPerson>,
}

/// The operator's name as it is kept, and what was read of its first people, in their order.
pub struct Founding {
    name: String,
    people: Vec<(Roles, Language)>,
}

impl Execute for FoundPlatform {
    const NAME: &'static str = "found_platform";

    type Decision = Founding;

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<Founding> {
        if view.is_founded() {
            return Err(Refusal::StateConflict { state: "active".to_owned() }.into());
        }
        let name = required(&self.operator_name, "operator_name", 200)?;
        if !formats::rules::codes::is_known("country", &self.country) {
            return Err(Refusal::FieldInvalid { field: "country".to_owned() }.into());
        }
        let mut people = Vec::with_capacity(self.people.len());
        for person in &self.people {
            required(&person.name, "name", 100)?;
            free_email(view, &person.email, "email")?;
            people.push(person.read()?);
        }
        Ok(Founding { name, people })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Founding) -> Applied<Done> {
        let Founding { name, people } = decision;
        batch.found(self.business_date, &self.custody_iban);
        batch.insert(&first_account(&name, &self.custody_iban, self.business_date))?;
        let id: PartyId = batch.next_id();
        batch.insert(&Party {
            id,
            name,
            country: self.country.clone(),
            tax_id: "OPERATOR".to_owned(),
            tax_key: "OPERATOR".to_owned(),
            registration_id: String::new(),
            capacities: Capacities::from_iter([Capacity::Operator]),
            status: PartyStatus::Active,
            language: Language::English,
            reference: domain::creditor_reference::create(&format!("C{id}")).unwrap_or_default(),
            created_at: batch.now,
            ..Party::default()
        })?;
        for (person, read) in self.people.iter().zip(people) {
            let user = person.to_user(batch, id, read);
            batch.insert(&user)?;
        }
        for code in &self.currencies {
            batch.insert(&default_terms(code))?;
            batch.insert(&ApprovalLimit { party_id: id, currency: code.clone(), limit_minor: 0, day_minor: None })?;
        }
        Ok(Done::new(id, json!({ "party_id": id, "business_date": self.business_date })))
    }
}

impl FirstPerson {
    fn read(&self) -> Result<(Roles, Language), Refusal> {
        let invalid = |field: &str| Refusal::FieldInvalid { field: field.to_owned() };
        let roles = Roles::of(&self.roles).map_err(|_| invalid("roles"))?;
        Ok((roles, Language::parse(&self.language).ok_or_else(|| invalid("language"))?))
    }

    fn to_user(&self, batch: &mut Batch<'_>, party_id: PartyId, (roles, language): (Roles, Language)) -> User {
        User {
            id: batch.next_id(),
            party_id,
            email: domain::names::mail_address(&self.email),
            name: self.name.clone(),
            roles,
            status: UserStatus::Active,
            language,
            theme: Theme::System,
            password_hash: self.password_hash.clone(),
            totp_secret: String::new(),
            totp_last_step: 0,
            failed_count: 0,
            locked_until: None,
            created_at: batch.now,
            invited_by: None,
            roles_by: None,
            password_expires_at: self.initial.then(|| batch.now.checked_add_signed(initial_life()).unwrap_or(batch.now)),
        }
    }
}

/// The account of the founding carries every currency.
fn first_account(holder: &str, iban: &str, opened_on: NaiveDate) -> CustodyAccount {
    CustodyAccount {
        id: store::custody::FIRST,
        iban: iban.to_owned(),
        bic: String::new(),
        bank: String::new(),
        holder: domain::names::as_holder(holder),
        currency: String::new(),
        state: CustodyState::Open,
        reason: String::new(),
        opened_on,
        closing_on: None,
        closed_on: None,
        proposed_by: UserId(0),
        agreed_by: UserId(0),
    }
}

/// Initial terms: reserve 10 %, settlement fee 0.05 %, purchase fee 0.10 %, late interest 8 % ACT/360 after three days of grace.
/// The operator changes them with a second person.
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
        late_day_count: DayCount::Actual360,
        grace_days: 3,
        notice_credit_minor: None,
        tolerated_overdue_days: None,
    }
}
