//! The operator appoints a company's checker after its own check of the person's identity. It serves a company that has no person
//! left who could agree to a new checker.

use crate::batch::{Batch, Step};
use crate::commands::people::invite_user::{Invited, free_email, insert_invited};
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, required, required_prose};
use crate::view::View;
use domain::Refusal;
use domain::party::{Capacity, Role, Roles};
use kernel::PartyId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Party;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AppointChecker {
    pub party_id: PartyId,
    pub email: String,
    pub name: String,
    /// How the operator knows that the company wants this person.
    pub reason: String,
}

impl Execute for AppointChecker {
    const NAME: &'static str = "appoint_checker";
    const STEP_UP: bool = true;

    /// The company, and whom it gets.
    type Decision = (Party, Invited);

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<(Party, Invited)> {
        view.acting_party(actor, Capacity::Operator)?;
        let found = Party::find(view.conn(), self.party_id)?.filter(|party| party.id != actor.party_id);
        let party = found.ok_or(Refusal::NotFound)?;
        required_prose(&self.reason, "reason", 500)?;
        let name = required(&self.name, "name", 100)?;
        let email = free_email(view, &self.email, "email")?;
        Ok((party, Invited { email, name, roles: Roles::from_iter([Role::Checker]), invited_by: None }))
    }

    fn asks(&self, _view: &mut dyn View, _actor: &Actor, (party, _): &(Party, Invited)) -> Step<Asks> {
        Ok(Asks::Always(Ask { amount_minor: None, currency: String::new(), subject: party.id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, (party, invited): (Party, Invited)) -> Applied<Done> {
        let arguments = json!({ "person": invited.name });
        let user_id = insert_invited(batch, &party, invited)?;
        batch.notify(party.id, "checker_appointed", &arguments, "/org/people".to_owned());
        Ok(Done::new(party.id, json!({ "party_id": party.id, "user_id": user_id })))
    }
}
