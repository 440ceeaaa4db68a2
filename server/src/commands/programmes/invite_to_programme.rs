//! A buyer asks suppliers of the platform to take part in its programme, several at once.

use crate::batch::{Batch, Step};
use crate::commands::programmes::terms as programmes;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::names;
use domain::party::Capacity;
use domain::programme::{MemberState, ProgrammeState};
use domain::tax_id::{self, Register};
use kernel::{PartyId, ProgrammeId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::{Conn, Party, Programme, ProgrammeMember, ProgrammeVersion, StoreError};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InviteToProgramme {
    pub programme_id: ProgrammeId,
    /// Tax ids in any dress, or registered names, whatever their case and spaces; one supplier each.
    pub suppliers: Vec<String>,
}

/// Suppliers that one request invites.
pub const MOST: usize = 200;

/// The suppliers that trade here, as lines name them.
struct Suppliers {
    all: Vec<(String, Party)>,
    by_tax_id: Register<usize>,
}

impl Suppliers {
    fn load(conn: &mut Conn, buyer_id: PartyId) -> Result<Self, StoreError> {
        let found = store::parties::list_active_with(conn, Capacity::Supplier)?;
        let sells = |party: &Party| party.id != buyer_id && party.capacities.has(Capacity::Supplier);
        let all: Vec<(String, Party)> =
            found.into_iter().filter(sells).map(|party| (names::folded(&party.name), party)).collect();
        let keyed = |(place, (_, party)): (usize, &(String, Party))| (tax_id::key(&party.country, &party.tax_key), place);
        let by_tax_id = all.iter().enumerate().map(keyed).collect();
        Ok(Self { all, by_tax_id })
    }

    /// The one that this tax id or name means.
    fn find(&self, typed: &str) -> Option<&Party> {
        let of_id = self.by_tax_id.find(typed).and_then(|place| self.all.get(*place)).map(|(_, party)| party);
        let name = names::folded(typed);
        let of_name = self.all.iter().filter(|(known, _)| *known == name).map(|(_, party)| party);
        let mut found = of_id.into_iter().chain(of_name.filter(|party| of_id.is_none_or(|known| known.id != party.id)));
        let first = found.next();
        first.filter(|_| found.next().is_none())
    }
}

/// The suppliers that these lines name, each once; a line that names none, or more than one, is refused.
pub fn invitees(conn: &mut Conn, buyer_id: PartyId, lines: &[String]) -> Step<Vec<Party>> {
    let suppliers = Suppliers::load(conn, buyer_id)?;
    let mut found: Vec<Party> = Vec::new();
    for (index, typed) in lines.iter().enumerate() {
        let typed = typed.trim();
        if typed.is_empty() {
            continue;
        }
        let unknown = || Refusal::InviteeUnknown { line: index.saturating_add(1), named: crate::commands::clean(typed, 60) };
        let party = suppliers.find(typed).ok_or_else(unknown)?;
        if !found.iter().any(|known| known.id == party.id) {
            found.push(party.clone());
        }
    }
    if found.is_empty() {
        return Err(Refusal::FieldMissing { field: "suppliers".to_owned() }.into());
    }
    if found.len() > MOST {
        return Err(Refusal::TooManyChosen { most: MOST }.into());
    }
    Ok(found)
}

/// The invited suppliers, and the programme.
pub struct Invitation {
    programme: Programme,
    version: ProgrammeVersion,
    buyer: Arc<Party>,
    invited: Vec<PartyId>,
    /// Suppliers that were named and are in it or invited already.
    known: usize,
}

impl Execute for InviteToProgramme {
    const NAME: &'static str = "invite_to_programme";

    type Decision = Invitation;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Invitation> {
        let programme = programmes::own(view, actor, self.programme_id)?;
        if programme.state != ProgrammeState::Open {
            return Err(Refusal::StateConflict { state: format!("programme_{}", programme.state) }.into());
        }
        let today = view.today();
        let version = store::programmes::find_current(view.conn(), programme.id, today)?;
        let version =
            version.ok_or_else(|| crate::commands::receivables::settlement::corrupt("terms of programme", programme.id))?;
        let buyer = view.party(programme.buyer_id)?;
        let (mut invited, mut known) = (Vec::new(), 0_usize);
        for supplier in invitees(view.conn(), buyer.id, &self.suppliers)? {
            if store::programmes::find_live_membership(view.conn(), programme.id, supplier.id)?.is_some() {
                known = known.saturating_add(1);
            } else {
                invited.push(supplier.id);
            }
        }
        Ok(Invitation { programme, version, buyer, invited, known })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Invitation) -> Applied<Done> {
        let Invitation { programme, version, buyer, invited, known } = decision;
        let mut asked = Vec::with_capacity(invited.len());
        for supplier_id in invited {
            let member = ProgrammeMember {
                id: batch.next_id(),
                programme_id: programme.id,
                buyer_id: buyer.id,
                currency: programme.currency.clone(),
                supplier_id,
                state: MemberState::Invited,
                version: 0,
                asked_version: version.version,
                reason: String::new(),
                invited_by: actor.user_id,
                answered_by: None,
                invited_at: batch.now,
                answered_at: None,
                ended_at: None,
            };
            batch.insert(&member)?;
            let arguments = json!({ "buyer": buyer.name, "name": programme.name });
            batch.notify(supplier_id, "programme_invited", &arguments, format!("/memberships/{}", member.id));
            asked.push(member.id);
        }
        let count = asked.len();
        let body = json!({ "programme_id": programme.id, "invited": count, "known_before": known, "member_ids": asked });
        Ok(Done::new(programme.id, body))
    }
}
