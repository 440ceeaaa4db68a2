//! The operator brings a company onto the register and invites its first administrator and its first checker: a company
//! cannot appoint its own second person.

use crate::batch::{Batch, Step};
use crate::commands::parties::company_data::{CompanyData, check_free, new_series};
use crate::commands::people::invite_user;
use crate::commands::people::invite_user::Invited;
use crate::commands::{Actor, Applied, Done, Execute, required};
use crate::view::View;
use domain::Refusal;
use domain::party::{Capacities, Capacity, Language, PartyStatus, Role, Roles, read_names};
use kernel::PartyId;
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
    /// The person who agrees to the administrator's requests; not the same person. All four fields may stay empty for a company
    /// that is only a buyer: its contact confirms by one-time link.
    #[serde(default)]
    pub checker_email: String,
    #[serde(default)]
    pub checker_name: String,
}

impl InviteCompany {
    /// A company that only pays, and rarely: it has no sign-in, and a contact confirms by one-time link.
    fn is_rare_buyer(&self, capacities: &Capacities) -> bool {
        let people = [&self.administrator_email, &self.administrator_name, &self.checker_email, &self.checker_name];
        capacities.iter().eq([Capacity::Buyer]) && people.iter().all(|typed| typed.trim().is_empty())
    }

    /// The administrator and the checker: two people.
    fn people(&self, view: &mut dyn View) -> Step<Vec<Invited>> {
        let email = invite_user::free_email(view, &self.administrator_email, "administrator_email")?;
        let person = required(&self.administrator_name, "administrator_name", 100)?;
        let checker_email = invite_user::free_email(view, &self.checker_email, "checker_email")?;
        let checker = required(&self.checker_name, "checker_name", 100)?;
        if checker_email == email || domain::names::is_same(&checker, &person) {
            return Err(Refusal::TwoPeopleNeeded { field: "checker_email".to_owned() }.into());
        }
        let first =
            Invited { email, name: person, roles: Roles::from_iter([Role::Administrator, Role::Maker]), invited_by: None };
        let second = Invited { email: checker_email, name: checker, roles: Roles::from_iter([Role::Checker]), invited_by: None };
        Ok(vec![first, second])
    }
}

/// A company that may come onto the register.
pub struct Joining {
    data: CompanyData,
    tax_key: String,
    capacities: Capacities,
    language: Language,
    people: Vec<Invited>,
}

impl Execute for InviteCompany {
    const NAME: &'static str = "invite_company";

    type Decision = Joining;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Joining> {
        view.acting_party(actor, Capacity::Operator)?;
        let given = CompanyData {
            name: self.name.clone(),
            country: self.country.clone(),
            tax_id: self.tax_id.clone(),
            registration_id: self.registration_id.clone(),
            ..CompanyData::default()
        };
        let (data, tax_key) = given.checked()?;
        if !["", "en", "zh"].contains(&self.language.as_str()) {
            return Err(Refusal::FieldInvalid { field: "language".to_owned() }.into());
        }
        let language = Language::parse(&self.language).unwrap_or(Language::English);
        let capacities: Capacities = read_names(&self.capacities, "capacities")?;
        if capacities.has(Capacity::Operator) {
            return Err(Refusal::FieldInvalid { field: "capacities".to_owned() }.into());
        }
        let people = if self.is_rare_buyer(&capacities) { Vec::new() } else { self.people(view)? };
        check_free(view, &data, &tax_key, PartyId(0))?;
        Ok(Joining { data, tax_key, capacities, language, people })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Joining) -> Applied<Done> {
        let Joining { data, tax_key, capacities, language, people } = decision;
        let id: PartyId = batch.next_id();
        let mut party = Party {
            id,
            series_key: new_series(batch, &tax_key, id)?,
            tax_key,
            capacities,
            status: PartyStatus::Applied,
            language,
            reference: domain::creditor_reference::create(&format!("C{id}")).unwrap_or_default(),
            created_at: batch.now,
            ..Party::default()
        };
        data.put_into(&mut party);
        batch.insert(&party)?;
        let mut body = json!({ "party_id": id, "reference": party.reference });
        for (name, invited) in ["user_id", "checker_id"].into_iter().zip(people) {
            let user_id = invite_user::insert_invited(batch, &party, invited)?;
            if let Some(map) = body.as_object_mut() {
                map.insert(name.to_owned(), json!(user_id));
            }
        }
        Ok(Done::new(id, body))
    }
}
