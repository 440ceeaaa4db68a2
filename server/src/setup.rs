//! An empty database becomes a platform, by a command through the writer like everything else.

use crate::auth;
use crate::clock::Clock;
use crate::commands::Actor;
use crate::commands::parties::found_platform::{FirstPerson, FoundPlatform};
use crate::commands::people::reset_factor::ResetFactor;
use crate::writer::{WriteError, Writer};
use chrono::NaiveDate;
use domain::Refusal;
use store::{Conn, StoreError};
use web::Language;

/// One of the operator's first people.
#[derive(Clone, Debug)]
pub struct FirstUser {
    pub name: String,
    pub email: String,
    pub password: String,
    pub roles: String,
    pub language: String,
    /// The password was made for the person: it must be changed at the first sign-in, and ends after 72 hours.
    pub initial: bool,
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

/// Whether the database has been set up.
pub fn is_set_up(conn: &mut Conn) -> Result<bool, StoreError> {
    Ok(!store::records::load_heads(conn)?.custody_iban.is_empty())
}

/// Makes the operator and what it needs, on a database whose schema is up to date.
pub fn run(database_url: &str, setup: &Setup, clock: &Clock) -> Result<(), StoreError> {
    let people = setup.users.iter().map(first_person).collect::<Result<_, _>>()?;
    let command = FoundPlatform {
        operator_name: setup.operator_name.clone(),
        country: setup.country.clone(),
        custody_iban: setup.custody_iban.clone(),
        business_date: setup.business_date,
        currencies: setup.currencies.clone(),
        people,
    };
    let (writer, thread) = Writer::start(database_url, clock.clone())?;
    let reply = writer.submit_blocking(Actor::SYSTEM, crate::commands::own_key("found", &[&"platform"]), command.into());
    drop(writer);
    let ended = thread.join();
    match reply {
        Ok(_) if ended.is_ok() => Ok(()),
        Err(WriteError::Refused(refusal)) => {
            Err(StoreError::Connection(format!("the platform was not founded: {}", sentence(&refusal))))
        }
        other => Err(StoreError::Connection(format!("the platform was not founded: {other:?}"))),
    }
}

/// Takes a person's second factor off, as the platform itself; audited like everything else. The server may run on.
pub fn reset_factor(database_url: &str, email: &str, reason: &str, clock: &Clock) -> Result<(), StoreError> {
    let mut conn = store::connect(database_url)?;
    let found = store::people::find_user_by_email(&mut conn, &domain::names::mail_address(email))?;
    let user = found.ok_or_else(|| StoreError::Connection(format!("nobody has the address {email}")))?;
    drop(conn);
    let (writer, thread) = Writer::start(database_url, clock.clone())?;
    let command = ResetFactor { user_id: user.id, reason: reason.to_owned() };
    let reply = writer.submit_blocking(Actor::SYSTEM, crate::hash::random_token(), command.into());
    drop(writer);
    let ended = thread.join();
    match reply {
        Ok(_) if ended.is_ok() => Ok(()),
        Err(WriteError::Refused(refusal)) => Err(StoreError::Connection(sentence(&refusal))),
        other => Err(StoreError::Connection(format!("the second factor was not reset: {other:?}"))),
    }
}

/// A refusal as the command line prints it.
#[must_use]
pub fn sentence(refusal: &Refusal) -> String {
    Language::English.refusal(refusal, "")
}

fn first_person(user: &FirstUser) -> Result<FirstPerson, StoreError> {
    Ok(FirstPerson {
        name: user.name.clone(),
        email: user.email.clone(),
        roles: user.roles.clone(),
        language: user.language.clone(),
        password_hash: auth::hash_password(&user.password)?,
        initial: user.initial,
    })
}
