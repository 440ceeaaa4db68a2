//! Companies: their data, bank accounts, and the limits within which their people act alone.

use crate::query;
use crate::records::Record;
use crate::table::table;
use crate::{Conn, Result};
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use domain::party::BankAccountStatus;
use domain::party::Capacities;
use domain::party::Capacity;
use domain::party::Language;
use domain::party::PartyStatus;
use kernel::BankAccountId;
use kernel::CompanyVersionId;
use kernel::PartyId;
use kernel::SoloActsId;
use kernel::UserId;

table! {
    #[derive(Default)]
    parties: Party (id) by PartyId, marked without [overdue_since] later [contact_email, gln, endpoint_scheme, endpoint_id, street, building, postcode, town, address_country, series_key] {
        id: PartyId => BigInt,
        name: String => Text,
        country: String => Text,
        tax_id: String => Text,
        tax_key: String => Text,
        registration_id: String => Text,
        capacities: Capacities => Text,
        status: PartyStatus => Text,
        language: Language => Text,
        reference: String => Text,
        created_at: NaiveDateTime => Timestamp,
        /// Since when a payment of the company has been overdue for longer than the platform tolerates: its debts are not offered
        /// or bought.
        overdue_since: Option<NaiveDate> => Nullable<Date>,
        contact_email: String => Text,
        gln: String => Text,
        /// Electronic address: scheme of the EAS list, and the id within it.
        endpoint_scheme: String => Text,
        endpoint_id: String => Text,
        street: String => Text,
        building: String => Text,
        postcode: String => Text,
        town: String => Text,
        address_country: String => Text,
        /// Empty where the invoices are compared under the tax key.
        series_key: String => Text,
    }
}

table! {
    /// A company's data before a correction, with their period, the person who corrected them, and the reason.
    company_versions: CompanyVersion (id), marked {
        id: CompanyVersionId => BigInt,
        party_id: PartyId => BigInt,
        name: String => Text,
        country: String => Text,
        tax_id: String => Text,
        registration_id: String => Text,
        contact_email: String => Text,
        gln: String => Text,
        endpoint_scheme: String => Text,
        endpoint_id: String => Text,
        street: String => Text,
        building: String => Text,
        postcode: String => Text,
        town: String => Text,
        address_country: String => Text,
        since: NaiveDateTime => Timestamp,
        until: NaiveDateTime => Timestamp,
        asked_by: UserId => BigInt,
        agreed_by: Option<UserId> => Nullable<BigInt>,
        reason: String => Text,
    }
}

table! {
    bank_accounts: BankAccount (id) by BankAccountId, marked {
        id: BankAccountId => BigInt,
        party_id: PartyId => BigInt,
        currency: String => Text,
        iban: String => Text,
        bic: String => Text,
        holder: String => Text,
        status: BankAccountStatus => Text,
        created_at: NaiveDateTime => Timestamp,
    }
}

table! {
    approval_limits: ApprovalLimit (party_id, currency), marked {
        party_id: PartyId => BigInt,
        currency: String => Text,
        limit_minor: i64 => BigInt,
        day_minor: Option<i64> => Nullable<BigInt>,
    }
}

table! {
    solo_acts: SoloActs (id) by SoloActsId, marked {
        id: SoloActsId => BigInt,
        party_id: PartyId => BigInt,
        currency: String => Text,
        day: NaiveDate => Date,
        sum_minor: i64 => BigInt,
    }
}

impl Party {
    /// The key under which its invoices are compared with each other. A corrected tax id does not separate old ones from new
    /// ones.
    #[must_use]
    pub fn series(&self) -> &str {
        if self.series_key.is_empty() { &self.tax_key } else { &self.series_key }
    }
}

/// How many companies a list to choose from shows at most.
const CHOICES: i64 = 1_000;

/// Matches companies of this capacity, alone or among others.
fn also(capacity: Capacity) -> String {
    format!("%{}%", capacity.name())
}

/// The company that a creditor reference names.
pub fn find_by_reference(conn: &mut Conn, reference: &str) -> Result<Option<Party>> {
    Ok(parties::table.filter(parties::reference.eq(reference)).first(conn).optional()?)
}

/// A company of this very name.
pub fn find_by_name(conn: &mut Conn, name: &str) -> Result<Option<Party>> {
    Ok(parties::table.filter(parties::name.eq(name)).first(conn).optional()?)
}

/// The operator's company.
pub fn find_operator(conn: &mut Conn) -> Result<Option<Party>> {
    let operators = parties::table.filter(parties::capacities.like(also(Capacity::Operator)));
    Ok(operators.order(parties::id).first(conn).optional()?)
}

/// The companies under these tax keys, in one statement however many they are.
pub fn list_by_tax_keys(conn: &mut Conn, keys: &[String]) -> Result<Vec<Party>> {
    let (condition, list) = query::among_texts(conn, "tax_key", keys);
    Party::list_where(conn, &format!("{condition} ORDER BY id"), &[list])
}

/// All companies, oldest first.
pub fn list_all(conn: &mut Conn) -> Result<Vec<Party>> {
    Ok(parties::table.order(parties::id).load(conn)?)
}

/// Companies that may act, oldest first.
pub fn list_active(conn: &mut Conn) -> Result<Vec<Party>> {
    Ok(parties::table.filter(parties::status.eq(PartyStatus::Active)).order(parties::id).load(conn)?)
}

/// Companies of a capacity, alone or among others, oldest first.
pub fn list_with(conn: &mut Conn, capacity: Capacity) -> Result<Vec<Party>> {
    Ok(parties::table.filter(parties::capacities.like(also(capacity))).order(parties::id).load(conn)?)
}

/// Those of them that may act.
pub fn list_active_with(conn: &mut Conn, capacity: Capacity) -> Result<Vec<Party>> {
    let active = parties::table.filter(parties::capacities.like(also(capacity))).filter(parties::status.eq(PartyStatus::Active));
    Ok(active.order(parties::id).load(conn)?)
}

/// Companies to choose from, by name: all, or those of a capacity.
pub fn list_choices(conn: &mut Conn, capacity: Option<Capacity>) -> Result<Vec<Party>> {
    let mut choices = parties::table.order((parties::name, parties::id)).limit(CHOICES).into_boxed();
    if let Some(capacity) = capacity {
        choices = choices.filter(parties::capacities.like(also(capacity)));
    }
    Ok(choices.load(conn)?)
}

/// Buyers that may act, to choose from, by name.
pub fn list_buyer_choices(conn: &mut Conn) -> Result<Vec<Party>> {
    let buyers = parties::table.filter(parties::capacities.like(also(Capacity::Buyer)));
    Ok(buyers.filter(parties::status.eq(PartyStatus::Active)).order(parties::name).limit(CHOICES).load(conn)?)
}

/// Companies that are stopped as buyers, oldest first.
pub fn list_stopped(conn: &mut Conn) -> Result<Vec<Party>> {
    Ok(parties::table.filter(parties::overdue_since.is_not_null()).order(parties::id).load(conn)?)
}

/// Whether another company than `own` has this GLN or electronic address.
pub fn has_identifier(conn: &mut Conn, own: PartyId, value: &str) -> Result<bool> {
    let same = parties::gln.eq(value).or(parties::endpoint_id.eq(value));
    let others = parties::table.filter(parties::id.ne(own)).filter(same);
    Ok(others.select(parties::id).first::<PartyId>(conn).optional()?.is_some())
}

/// Whether the invoices of another company than `own` are compared under this key.
pub fn has_series(conn: &mut Conn, own: PartyId, series_key: &str) -> Result<bool> {
    let others = parties::table.filter(parties::series_key.eq(series_key)).filter(parties::id.ne(own));
    Ok(others.select(parties::id).first::<PartyId>(conn).optional()?.is_some())
}

/// The data of a company from before its last correction.
pub fn find_last_version(conn: &mut Conn, party: PartyId) -> Result<Option<CompanyVersion>> {
    let versions = company_versions::table.filter(company_versions::party_id.eq(party));
    Ok(versions.order(company_versions::id.desc()).first(conn).optional()?)
}

/// Its data from before each of the latest corrections, newest first.
pub fn list_versions(conn: &mut Conn, party: PartyId) -> Result<Vec<CompanyVersion>> {
    let versions = company_versions::table.filter(company_versions::party_id.eq(party));
    Ok(versions.order(company_versions::id.desc()).limit(200).load(conn)?)
}

/// The account to which a company is paid out in a currency.
pub fn find_verified_account(conn: &mut Conn, party: PartyId, currency: &str) -> Result<Option<BankAccount>> {
    Ok(list_accounts_in(conn, party, currency, BankAccountStatus::Verified)?.into_iter().next())
}

/// Accounts of a company in a currency with this status.
pub fn list_accounts_in(conn: &mut Conn, party: PartyId, currency: &str, status: BankAccountStatus) -> Result<Vec<BankAccount>> {
    let own = bank_accounts::table.filter(bank_accounts::party_id.eq(party)).filter(bank_accounts::currency.eq(currency));
    Ok(own.filter(bank_accounts::status.eq(status)).load(conn)?)
}

/// All accounts that a company ever proposed, newest first.
pub fn list_accounts(conn: &mut Conn, party: PartyId) -> Result<Vec<BankAccount>> {
    Ok(bank_accounts::table.filter(bank_accounts::party_id.eq(party)).order(bank_accounts::id.desc()).load(conn)?)
}

/// The accounts to which a company is paid out, oldest first.
pub fn list_verified_accounts(conn: &mut Conn, party: PartyId) -> Result<Vec<BankAccount>> {
    let own = bank_accounts::table.filter(bank_accounts::party_id.eq(party));
    Ok(own.filter(bank_accounts::status.eq(BankAccountStatus::Verified)).order(bank_accounts::id).load(conn)?)
}

/// Accounts that wait for a decision, oldest first.
pub fn list_proposed_accounts(conn: &mut Conn) -> Result<Vec<BankAccount>> {
    let proposed = bank_accounts::table.filter(bank_accounts::status.eq(BankAccountStatus::Proposed));
    Ok(proposed.order(bank_accounts::id).limit(200).load(conn)?)
}

/// The first companies that are paid out to this IBAN.
pub fn list_payees(conn: &mut Conn, iban: &str) -> Result<Vec<BankAccount>> {
    let verified = bank_accounts::status.eq(BankAccountStatus::Verified);
    let payees = bank_accounts::table.filter(bank_accounts::iban.eq(iban)).filter(verified);
    Ok(payees.order(bank_accounts::id).limit(10).load(conn)?)
}

/// The first accounts of other companies with this IBAN that are proposed or verified.
pub fn list_accounts_of_others(conn: &mut Conn, own: PartyId, iban: &str) -> Result<Vec<BankAccount>> {
    let status = bank_accounts::status;
    let live = status.eq(BankAccountStatus::Proposed).or(status.eq(BankAccountStatus::Verified));
    let others = bank_accounts::table.filter(bank_accounts::iban.eq(iban)).filter(bank_accounts::party_id.ne(own));
    Ok(others.filter(live).order(bank_accounts::id).limit(5).load(conn)?)
}

/// Whether a company has proposed this IBAN, or is paid out to it.
pub fn has_account(conn: &mut Conn, iban: &str) -> Result<bool> {
    let status = bank_accounts::status;
    let live = status.eq(BankAccountStatus::Proposed).or(status.eq(BankAccountStatus::Verified));
    let found = bank_accounts::table.filter(bank_accounts::iban.eq(iban)).filter(live);
    Ok(found.select(bank_accounts::id).first::<BankAccountId>(conn).optional()?.is_some())
}

/// The amount above which the people of a company ask a second person, in a currency.
pub fn find_approval_limit(conn: &mut Conn, party: PartyId, currency: &str) -> Result<Option<ApprovalLimit>> {
    let own = approval_limits::table.filter(approval_limits::party_id.eq(party));
    Ok(own.filter(approval_limits::currency.eq(currency)).first(conn).optional()?)
}

/// The same of these companies in every currency, in one statement however many they are.
pub fn list_approval_limits(conn: &mut Conn, parties: &[PartyId]) -> Result<Vec<ApprovalLimit>> {
    let (condition, list) = query::among(conn, "party_id", parties);
    ApprovalLimit::list_where(conn, &format!("{condition} ORDER BY party_id, currency"), &[list])
}

/// Sums that the people of a company did alone, of the last such day in each currency.
pub fn list_solo_acts(conn: &mut Conn, party: PartyId) -> Result<Vec<SoloActs>> {
    Ok(solo_acts::table.filter(solo_acts::party_id.eq(party)).load(conn)?)
}

/// Those of this day.
pub fn list_solo_acts_on(conn: &mut Conn, party: PartyId, day: NaiveDate) -> Result<Vec<SoloActs>> {
    Ok(solo_acts::table.filter(solo_acts::party_id.eq(party)).filter(solo_acts::day.eq(day)).load(conn)?)
}
