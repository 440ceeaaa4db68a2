//! The operator brings a company onto the register and invites its first administrator and its first checker: a company
//! cannot appoint its own second person.

use super::invite_user::Invited;
use super::{Actor, Done, Execute, invite_user, known, required};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::party::{Capacity, PartyStatus, Role, normalise_names};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Party;
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct InviteCompany {
    pub name: String,
    /// ISO 3166-1, two letters.
    pub country: String,
    /// VAT number, 统一社会信用代码 or the like, as it stands on invoices.
    pub tax_id: String,
    #[serde(default)]
    pub registration_id: String,
    /// Comma-separated: supplier, buyer, financier.
    pub capacities: String,
    /// "en" or "zh".
    pub language: String,
    #[serde(default)]
    pub administrator_email: String,
    #[serde(default)]
    pub administrator_name: String,
    /// Who agrees to what the administrator asks for; not the same person. All four may stay empty for a company that is only a
    /// buyer: then it has a contact who confirms by one-time link.
    #[serde(default)]
    pub checker_email: String,
    #[serde(default)]
    pub checker_name: String,
}

impl InviteCompany {
    /// A company that only pays, and rarely: nobody of it signs in, and a contact confirms by one-time link.
    fn is_rare_buyer(&self, capacities: &str) -> bool {
        let people = [&self.administrator_email, &self.administrator_name, &self.checker_email, &self.checker_name];
        capacities == Capacity::Buyer.name() && people.iter().all(|typed| typed.trim().is_empty())
    }

    /// The administrator and the checker: two people.
    fn people(&self, batch: &mut Batch<'_>) -> Step<Vec<Invited>> {
        let email = invite_user::free_email(batch, &self.administrator_email, "administrator_email")?;
        let person = required(&self.administrator_name, "administrator_name", 100)?;
        let checker_email = invite_user::free_email(batch, &self.checker_email, "checker_email")?;
        let checker = required(&self.checker_name, "checker_name", 100)?;
        if checker_email == email || domain::names::is_same(&checker, &person) {
            return Err(Refusal::TwoPeopleNeeded { field: "checker_email".to_owned() }.into());
        }
        let first = Invited { email, name: person, roles: "administrator,maker".to_owned(), invited_by: None };
        let second = Invited { email: checker_email, name: checker, roles: Role::Checker.name().to_owned(), invited_by: None };
        Ok(vec![first, second])
    }
}

impl Execute for InviteCompany {
    const NAME: &'static str = "invite_company";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.acting_party(actor, Capacity::Operator)?;
        let name = required(&self.name, "name", 200)?;
        let country = required(&self.country, "country", 2)?.to_ascii_uppercase();
        if country.len() != 2 || !formats::rules::codes::is_known("country", &country) {
            return Err(Refusal::FieldInvalid { field: "country".to_owned() }.into());
        }
        if !["", "en", "zh"].contains(&self.language.as_str()) {
            return Err(Refusal::FieldInvalid { field: "language".to_owned() }.into());
        }
        let tax_id = required(&self.tax_id, "tax_id", 40)?;
        let tax_key = domain::tax_id::key(&country, &tax_id);
        if tax_key.len() < 4 {
            return Err(Refusal::FieldInvalid { field: "tax_id".to_owned() }.into());
        }
        let capable = [Capacity::Supplier.name(), Capacity::Buyer.name(), Capacity::Financier.name()];
        let capacities = normalise_names(&self.capacities, &capable, "capacities")?;
        let people = if self.is_rare_buyer(&capacities) { Vec::new() } else { self.people(batch)? };
        if known::is_taken(batch.conn, &tax_key)? {
            return Err(Refusal::TaxIdTaken.into());
        }
        let id = batch.next_id();
        let party = Party {
            id,
            name,
            country,
            tax_id,
            tax_key,
            registration_id: super::optional(&self.registration_id, "registration_id", 60)?,
            capacities,
            status: PartyStatus::Applied.name().to_owned(),
            language: if self.language == "zh" { "zh" } else { "en" }.to_owned(),
            reference: domain::creditor_reference::create(&format!("C{id}")).unwrap_or_default(),
            created_at: batch.now,
            overdue_since: None,
        };
        batch.insert(&party)?;
        let mut body = json!({ "party_id": id, "reference": party.reference });
        for (name, invited) in ["user_id", "checker_id"].into_iter().zip(people) {
            let user_id = invite_user::insert_invited(batch, &party, invited)?;
            if let Some(map) = body.as_object_mut() {
                map.insert(name.to_owned(), user_id.into());
            }
        }
        Ok(Done::new(id, body))
    }
}
