//! An operator records the person who confirms for a rare buyer, and the second channel; another operator agrees. The supplier
//! has no say: a supplier that invents an invoice would also invent the person who confirms it.

use crate::batch::{Batch, Step};
use crate::commands::confirmations::end_contact;
use crate::commands::people::invite_user::free_email;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, required, required_prose, traded};
use crate::view::View;
use domain::Refusal;
use domain::link::{Channel, ContactState, MOST_HOURS};
use domain::money::MOST_BOOKED_MINOR;
use domain::party::{Capacity, Roles, Theme, UserStatus};
use kernel::{PartyId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{BuyerContact, Party, User};
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct RecordContact {
    /// The buyer.
    pub party_id: PartyId,
    pub name: String,
    /// Where links are mailed to.
    pub email: String,
    /// `telephone` or `email`: how the code comes.
    pub channel: String,
    /// The number to call back, or another address.
    pub second: String,
    /// How the operator knows that the company means this person, on a way that did not lead through the supplier.
    pub source: String,
    pub currency: String,
    /// The most that this person may confirm of one invoice, minor units.
    pub limit_minor: i64,
    /// Hours that a link lives.
    pub link_hours: i64,
}

/// The checked data that the record keeps.
pub struct Checked {
    party: Party,
    name: String,
    email: String,
    channel: Channel,
    second: String,
    source: String,
    /// The person from an earlier record, if it is the same address.
    known: Option<User>,
}

/// An international number: a plus and eight to fifteen digits (E.164).
fn telephone(typed: &str) -> Option<String> {
    let plain: String = typed.chars().filter(|mark| !" -()/.".contains(*mark)).collect();
    let digits = plain.strip_prefix('+')?;
    ((8..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())).then_some(plain)
}

/// The person on the register: every signature carries this name, and the person has no sign-in.
fn person(batch: &mut Batch<'_>, checked: &Checked) -> Step<UserId> {
    if let Some(mut known) = checked.known.clone() {
        known.status = UserStatus::Contact;
        known.name.clone_from(&checked.name);
        batch.update(&known)?;
        return Ok(known.id);
    }
    let user = User {
        id: batch.next_id(),
        party_id: checked.party.id,
        email: checked.email.clone(),
        name: checked.name.clone(),
        roles: Roles::default(),
        status: UserStatus::Contact,
        language: checked.party.language,
        theme: Theme::System,
        password_hash: String::new(),
        totp_secret: String::new(),
        totp_last_step: 0,
        failed_count: 0,
        locked_until: None,
        created_at: batch.now,
        invited_by: None,
        roles_by: None,
        password_expires_at: None,
    };
    batch.insert(&user)?;
    Ok(user.id)
}

impl Execute for RecordContact {
    const NAME: &'static str = "record_contact";
    const STEP_UP: bool = true;

    type Decision = Checked;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Checked> {
        view.acting_party(actor, Capacity::Operator)?;
        let buys = |party: &Party| party.capacities.has(Capacity::Buyer);
        let party = Party::find(view.conn(), self.party_id)?.filter(buys).ok_or(Refusal::NotFound)?;
        let name = required(&self.name, "name", 100)?;
        let wrong = |field: &str| Refusal::FieldInvalid { field: field.to_owned() };
        let channel = Channel::parse(&self.channel).ok_or_else(|| wrong("channel"))?;
        let typed = domain::names::mail_address(&self.email);
        let known = store::people::find_user_by_email(view.conn(), &typed)?;
        // A former contact of the same company has neither password nor role.
        let known = known.filter(|user| user.party_id == party.id && user.password_hash.is_empty() && user.roles.is_empty());
        let email = if known.is_some() { typed } else { free_email(view, &self.email, "email")? };
        let second = match channel {
            Channel::Telephone => telephone(&self.second).ok_or_else(|| wrong("second"))?,
            Channel::Email => free_email(view, &self.second, "second")?,
        };
        if second == email {
            return Err(wrong("second").into());
        }
        let source = required_prose(&self.source, "source", 500)?;
        traded(view, &self.currency)?;
        if !(1..=MOST_BOOKED_MINOR).contains(&self.limit_minor) {
            return Err(Refusal::AmountInvalid { field: "limit".to_owned() }.into());
        }
        if !(1..=MOST_HOURS).contains(&self.link_hours) {
            return Err(wrong("link_hours").into());
        }
        Ok(Checked { party, name, email, channel, second, source, known })
    }

    /// The recorded contact can bind the company: two operators must agree.
    fn asks(&self, view: &mut dyn View, actor: &Actor, checked: &Checked) -> Step<Asks> {
        crate::commands::one_request(view.conn(), actor, checked.party.id)?;
        let (amount_minor, subject) = (Some(self.limit_minor), checked.party.id.into());
        Ok(Asks::Always(Ask { amount_minor, currency: self.currency.clone(), subject }))
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, checked: Checked) -> Applied<Done> {
        if let Some(before) = store::confirmations::find_active_contact(batch.conn, checked.party.id)? {
            end_contact::end(batch, before)?;
        }
        let user_id = person(batch, &checked)?;
        let contact = BuyerContact {
            id: batch.next_id(),
            party_id: checked.party.id,
            user_id,
            channel: checked.channel,
            second: checked.second,
            source: checked.source,
            currency: self.currency.clone(),
            limit_minor: self.limit_minor,
            link_hours: self.link_hours,
            state: ContactState::Active,
            recorded_by: actor.user_id,
            agreed_by: actor.approver_id.unwrap_or(actor.user_id),
            recorded_at: batch.now,
            ended_at: None,
        };
        batch.insert(&contact)?;
        // The company itself gets a notice, if it has people who sign in.
        let arguments = json!({ "person": checked.name });
        batch.notify(contact.party_id, "contact_recorded", &arguments, "/org".to_owned());
        Ok(Done::new(
            contact.party_id,
            json!({ "party_id": contact.party_id, "contact_id": contact.id, "currency": contact.currency }),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::telephone;

    #[test]
    fn a_number_that_can_be_called_back_is_international() {
        assert_eq!(telephone("+49 (40) 123 45-67").as_deref(), Some("+49401234567"));
        for wrong in ["040 1234567", "+49", "+49 40 one", "", "+1234567890123456"] {
            assert_eq!(telephone(wrong), None, "{wrong}");
        }
    }
}
