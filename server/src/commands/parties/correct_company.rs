//! Two operators correct a company's data, after the company has asked for it. The old data stay as history; issued receivables
//! keep the old name.

use crate::batch::{Batch, Step};
use crate::commands::parties::company_data::{CompanyData, check_free};
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::party::Capacity;
use kernel::PartyId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::people::Waiting;
use store::records::Keyed;
use store::{CompanyVersion, Party, StoreError};
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CorrectCompany {
    pub party_id: PartyId,
    #[serde(flatten)]
    pub data: CompanyData,
    /// How the operator knows that this is right.
    pub reason: String,
}

/// The company as it is, and its data and tax key as they will be.
pub struct Correction {
    party: Party,
    data: CompanyData,
    tax_key: String,
    reason: String,
    changed: Vec<&'static str>,
}

/// The record of the data that end now.
fn version(batch: &mut Batch<'_>, actor: &Actor, party: &Party, reason: String) -> Result<CompanyVersion, StoreError> {
    let last = store::parties::find_last_version(batch.conn, party.id)?;
    let before = CompanyData::of(party);
    Ok(CompanyVersion {
        id: batch.next_id(),
        party_id: party.id,
        name: before.name,
        country: before.country,
        tax_id: before.tax_id,
        registration_id: before.registration_id,
        contact_email: before.contact_email,
        gln: before.gln,
        endpoint_scheme: before.endpoint_scheme,
        endpoint_id: before.endpoint_id,
        street: before.street,
        building: before.building,
        postcode: before.postcode,
        town: before.town,
        address_country: before.address_country,
        since: last.map_or(party.created_at, |row| row.until),
        until: batch.now,
        asked_by: actor.user_id,
        agreed_by: actor.approver_id,
        reason,
    })
}

impl Execute for CorrectCompany {
    const NAME: &'static str = "correct_company";
    const STEP_UP: bool = true;

    type Decision = Correction;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Correction> {
        view.acting_party(actor, Capacity::Operator)?;
        let party = Party::find(view.conn(), self.party_id)?.ok_or(Refusal::NotFound)?;
        let (data, tax_key) = self.data.checked()?;
        let reason = required_prose(&self.reason, "reason", 500)?;
        let changed = data.changed_from(&CompanyData::of(&party));
        if changed.is_empty() {
            return Err(Refusal::NothingChanged.into());
        }
        check_free(view, &data, &tax_key, party.id)?;
        Ok(Correction { party, data, tax_key, reason, changed })
    }

    fn asks(&self, view: &mut dyn View, _actor: &Actor, decision: &Correction) -> Step<Asks> {
        let subject = decision.party.id.into();
        // All data are in one request: a second one would bring back what the first has corrected.
        if let Some(open) = store::people::find_waiting(view.conn(), Waiting::ForAbout(Self::NAME, subject))? {
            return Err(Refusal::RequestPending { approval_id: open.id }.into());
        }
        Ok(Asks::Always(Ask { amount_minor: None, currency: String::new(), subject }))
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Correction) -> Applied<Done> {
        let Correction { mut party, data, tax_key, reason, changed } = decision;
        let before = version(batch, actor, &party, reason)?;
        batch.insert(&before)?;
        if tax_key != party.tax_key && party.series_key.is_empty() {
            // Its invoices of before stay comparable with those that come.
            party.series_key.clone_from(&party.tax_key);
        }
        party.tax_key = tax_key;
        data.put_into(&mut party);
        batch.update(&party)?;
        let arguments = json!({ "company": party.name, "before": before.name });
        batch.notify(party.id, "company_corrected", &arguments, "/org/history".to_owned());
        let body = json!({ "party_id": party.id, "version_id": before.id, "changed": changed.join(",") });
        Ok(Done::new(party.id, body))
    }
}
