//! A company's data: the checks that registration and correction share, and the comparison of old and new data.

use crate::commands::invoices::known;
use crate::commands::people::invite_user;
use crate::commands::{Step, optional, required};
use crate::view::View;
use domain::Refusal;
use domain::company::{self, Named};
use kernel::PartyId;
use serde::{Deserialize, Serialize};
use store::{CompanyVersion, Party, StoreError};
use utoipa::ToSchema;

/// The data of a company that two operators correct together, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CompanyData {
    pub name: String,
    /// ISO 3166-1, two letters.
    pub country: String,
    /// VAT number, 统一社会信用代码 or the like, as it stands on invoices.
    pub tax_id: String,
    #[serde(default)]
    pub registration_id: String,
    /// The mail address at which the company is contacted; it is not a sign-in.
    #[serde(default)]
    pub contact_email: String,
    /// Global Location Number, thirteen digits.
    #[serde(default)]
    pub gln: String,
    /// Scheme of the electronic address (CEF EAS), such as 0088 or 9930.
    #[serde(default)]
    pub endpoint_scheme: String,
    #[serde(default)]
    pub endpoint_id: String,
    #[serde(default)]
    pub street: String,
    #[serde(default)]
    pub building: String,
    #[serde(default)]
    pub postcode: String,
    #[serde(default)]
    pub town: String,
    /// ISO 3166-1 of the postal address.
    #[serde(default)]
    pub address_country: String,
}

impl CompanyData {
    /// Names and values in the order of forms and pages.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &str); 13] {
        [
            ("name", &self.name),
            ("country", &self.country),
            ("tax_id", &self.tax_id),
            ("registration_id", &self.registration_id),
            ("contact_email", &self.contact_email),
            ("gln", &self.gln),
            ("endpoint_scheme", &self.endpoint_scheme),
            ("endpoint_id", &self.endpoint_id),
            ("street", &self.street),
            ("building", &self.building),
            ("postcode", &self.postcode),
            ("town", &self.town),
            ("address_country", &self.address_country),
        ]
    }

    /// The same from what a form sends.
    #[must_use]
    pub fn from_fields(field: impl Fn(&str) -> String) -> Self {
        Self {
            name: field("name"),
            country: field("country"),
            tax_id: field("tax_id"),
            registration_id: field("registration_id"),
            contact_email: field("contact_email"),
            gln: field("gln"),
            endpoint_scheme: field("endpoint_scheme"),
            endpoint_id: field("endpoint_id"),
            street: field("street"),
            building: field("building"),
            postcode: field("postcode"),
            town: field("town"),
            address_country: field("address_country"),
        }
    }

    #[must_use]
    pub fn of(party: &Party) -> Self {
        Self {
            name: party.name.clone(),
            country: party.country.clone(),
            tax_id: party.tax_id.clone(),
            registration_id: party.registration_id.clone(),
            contact_email: party.contact_email.clone(),
            gln: party.gln.clone(),
            endpoint_scheme: party.endpoint_scheme.clone(),
            endpoint_id: party.endpoint_id.clone(),
            street: party.street.clone(),
            building: party.building.clone(),
            postcode: party.postcode.clone(),
            town: party.town.clone(),
            address_country: party.address_country.clone(),
        }
    }

    #[must_use]
    pub fn of_version(row: &CompanyVersion) -> Self {
        Self {
            name: row.name.clone(),
            country: row.country.clone(),
            tax_id: row.tax_id.clone(),
            registration_id: row.registration_id.clone(),
            contact_email: row.contact_email.clone(),
            gln: row.gln.clone(),
            endpoint_scheme: row.endpoint_scheme.clone(),
            endpoint_id: row.endpoint_id.clone(),
            street: row.street.clone(),
            building: row.building.clone(),
            postcode: row.postcode.clone(),
            town: row.town.clone(),
            address_country: row.address_country.clone(),
        }
    }

    /// Puts the data into the company's record.
    pub fn put_into(&self, party: &mut Party) {
        party.name.clone_from(&self.name);
        party.country.clone_from(&self.country);
        party.tax_id.clone_from(&self.tax_id);
        party.registration_id.clone_from(&self.registration_id);
        party.contact_email.clone_from(&self.contact_email);
        party.gln.clone_from(&self.gln);
        party.endpoint_scheme.clone_from(&self.endpoint_scheme);
        party.endpoint_id.clone_from(&self.endpoint_id);
        party.street.clone_from(&self.street);
        party.building.clone_from(&self.building);
        party.postcode.clone_from(&self.postcode);
        party.town.clone_from(&self.town);
        party.address_country.clone_from(&self.address_country);
    }

    /// The names of the fields that differ from `other`.
    #[must_use]
    pub fn changed_from(&self, other: &Self) -> Vec<&'static str> {
        let (before, after) = (other.named(), self.named());
        let (before, after): (&Named<'_>, &Named<'_>) = (&before, &after);
        company::changed(before, after)
    }

    /// The data in their stored form, each field checked by itself, with the tax key. [`check_free`] checks whether another
    /// company has them.
    pub(crate) fn checked(&self) -> Result<(Self, String), Refusal> {
        let invalid = |field: &str| Refusal::FieldInvalid { field: field.to_owned() };
        let name = required(&self.name, "name", 200)?;
        let country = checked_country(&required(&self.country, "country", 2)?, "country")?;
        let tax_id = required(&self.tax_id, "tax_id", 40)?;
        let tax_key = domain::tax_id::key(&country, &tax_id);
        if tax_key.len() < 4 {
            return Err(invalid("tax_id"));
        }
        let contact_email = match self.contact_email.trim() {
            "" => String::new(),
            typed => invite_user::possible_email(typed, "contact_email")?,
        };
        let gln = match self.gln.trim() {
            "" => String::new(),
            typed => company::gln(typed).ok_or_else(|| invalid("gln"))?,
        };
        let (endpoint_scheme, endpoint_id) = self.checked_endpoint()?;
        let address_country = match self.address_country.trim() {
            "" => String::new(),
            typed => checked_country(typed, "address_country")?,
        };
        let data = Self {
            name,
            country,
            tax_id,
            registration_id: optional(&self.registration_id, "registration_id", 60)?,
            contact_email,
            gln,
            endpoint_scheme,
            endpoint_id,
            street: optional(&self.street, "street", 70)?,
            building: optional(&self.building, "building", 16)?,
            postcode: optional(&self.postcode, "postcode", 16)?,
            town: optional(&self.town, "town", 35)?,
            address_country,
        };
        // An address that a payment can name has at least its town and country (pain.001).
        let parts = [&data.street, &data.building, &data.postcode, &data.town, &data.address_country];
        if parts.iter().any(|part| !part.is_empty()) {
            required(&data.town, "town", 35)?;
            required(&data.address_country, "address_country", 2)?;
        }
        Ok((data, tax_key))
    }

    /// Scheme and id stand together or not at all.
    fn checked_endpoint(&self) -> Result<(String, String), Refusal> {
        let invalid = |field: &str| Refusal::FieldInvalid { field: field.to_owned() };
        let (scheme, id) = (self.endpoint_scheme.trim(), optional(&self.endpoint_id, "endpoint_id", 100)?);
        if scheme.is_empty() && id.is_empty() {
            return Ok((String::new(), String::new()));
        }
        let scheme = required(scheme, "endpoint_scheme", 4)?.to_ascii_uppercase();
        if !formats::rules::codes::is_known("endpoint", &scheme) {
            return Err(invalid("endpoint_scheme"));
        }
        let id = required(&id, "endpoint_id", 100)?;
        Ok((scheme.clone(), company::endpoint_id(&scheme, &id).ok_or_else(|| invalid("endpoint_id"))?))
    }
}

/// A country of ISO 3166-1 in capital letters.
fn checked_country(typed: &str, field: &str) -> Result<String, Refusal> {
    let country = typed.trim().to_ascii_uppercase();
    if country.len() == 2 && formats::rules::codes::is_known("country", &country) {
        return Ok(country);
    }
    Err(Refusal::FieldInvalid { field: field.to_owned() })
}

/// Refuses a tax id, GLN or electronic address that another company than `own` (0 for a new one) has.
pub(crate) fn check_free(view: &mut dyn View, data: &CompanyData, tax_key: &str, own: PartyId) -> Step<()> {
    if known::is_taken(view.conn(), tax_key, own)? {
        return Err(Refusal::TaxIdTaken.into());
    }
    for (field, value) in [("gln", &data.gln), ("endpoint_id", &data.endpoint_id)] {
        if !value.is_empty() && store::parties::has_identifier(view.conn(), own, value)? {
            return Err(Refusal::IdentifierTaken { field: field.to_owned() }.into());
        }
    }
    Ok(())
}

/// The series under which a new company's invoices are compared: its tax key (empty), unless a corrected company still has that
/// series.
pub(crate) fn new_series(view: &mut dyn View, tax_key: &str, id: PartyId) -> Result<String, StoreError> {
    let taken = store::parties::has_series(view.conn(), id, tax_key)?;
    Ok(if taken { format!("{tax_key}/{id}") } else { String::new() })
}
