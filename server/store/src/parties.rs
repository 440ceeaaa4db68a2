//! Companies: their data, bank accounts, and what their people may do alone.

use crate::table::table;
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use domain::party::BankAccountStatus;
use domain::party::Capacities;
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
        /// Since when a payment of the company has been overdue for longer than is let pass: what it owes is not offered or bought.
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
    /// What a company's data were before a correction, from when until when, and who corrected them why.
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
    /// Under which key its invoices are compared with each other: a corrected tax id does not part old ones from new ones.
    #[must_use]
    pub fn series(&self) -> &str {
        if self.series_key.is_empty() { &self.tax_key } else { &self.series_key }
    }
}
