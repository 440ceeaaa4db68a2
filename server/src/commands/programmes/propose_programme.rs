//! A buyer proposes a programme, or new terms for one that it has. Two of its people agree, then the operator decides.

use crate::batch::{Batch, Step};
use crate::commands::kit::second_person;
use crate::commands::programmes::terms as programmes;
use crate::commands::{Actor, Applied, Asks, Done, Execute, one_request, required, traded};
use crate::view::View;
use chrono::{Days, NaiveDate};
use domain::Refusal;
use domain::party::Capacity;
use domain::pricing::Bearer;
use domain::programme::{ProgrammeState, ProgrammeTerms, Recourse, VersionState, decide_terms};
use kernel::ProgrammeId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::{Party, Programme, ProgrammeVersion};
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ProposeProgramme {
    /// The programme whose terms are to change; none for a new one.
    #[serde(default)]
    pub programme_id: Option<ProgrammeId>,
    /// Of a new programme; a programme keeps its name and currency.
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub currency: String,
    /// Days from the confirmation to the due date.
    pub least_tenor_days: i64,
    pub most_tenor_days: i64,
    /// Days since the invoice was issued.
    pub most_age_days: i64,
    /// The largest share of the confirmed amount that the supplier may sell, basis points.
    pub advance_bps: i64,
    pub reserve_bps: i64,
    pub settlement_fee_bps: i64,
    pub purchase_fee_bps: i64,
    pub minimum_fee_minor: i64,
    pub minimum_ticket_minor: i64,
    /// `supplier` or `buyer`.
    pub fee_bearer: String,
    pub grace_days: i64,
    /// `none` or `supplier`.
    pub recourse: String,
    pub begins_on: NaiveDate,
}

/// How far ahead terms may begin.
const MOST_DAYS_AHEAD: u64 = 730;

/// Terms that may be proposed.
pub struct Proposable {
    buyer: Arc<Party>,
    /// The programme that gets new terms; a new one has a name and a currency.
    programme: Option<Programme>,
    name: String,
    currency: String,
    terms: ProgrammeTerms,
    /// The number of its newest version until now.
    newest: i64,
}

impl ProposeProgramme {
    /// The terms, if they can be proposed.
    pub fn terms(&self) -> Result<ProgrammeTerms, Refusal> {
        let field = |name: &str| Refusal::FieldInvalid { field: name.to_owned() };
        let terms = ProgrammeTerms {
            least_tenor_days: self.least_tenor_days,
            most_tenor_days: self.most_tenor_days,
            most_age_days: self.most_age_days,
            advance_bps: self.advance_bps,
            reserve_bps: self.reserve_bps,
            settlement_fee_bps: self.settlement_fee_bps,
            purchase_fee_bps: self.purchase_fee_bps,
            minimum_fee_minor: self.minimum_fee_minor,
            minimum_ticket_minor: self.minimum_ticket_minor,
            fee_bearer: Bearer::parse(&self.fee_bearer).ok_or_else(|| field("fee_bearer"))?,
            grace_days: self.grace_days,
            recourse: Recourse::parse(&self.recourse).ok_or_else(|| field("recourse"))?,
        };
        decide_terms(&terms)?;
        Ok(terms)
    }

    /// Whether its day can still be chosen. Who agrees later is not bound by it.
    fn check_begin(&self, today: NaiveDate) -> Result<(), Refusal> {
        let last = today.checked_add_days(Days::new(MOST_DAYS_AHEAD)).unwrap_or(today);
        if self.begins_on < today || self.begins_on > last {
            return Err(Refusal::DateInvalid { field: "begins_on".to_owned() });
        }
        Ok(())
    }
}

impl Execute for ProposeProgramme {
    const NAME: &'static str = "propose_programme";

    type Decision = Proposable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Proposable> {
        let buyer = view.acting_party(actor, Capacity::Buyer)?;
        let programme = match self.programme_id {
            Some(id) => Some(programmes::own(view, actor, id)?),
            None => None,
        };
        let (name, currency) = match &programme {
            Some(known) => {
                let fits = |typed: &str, kept: &str| typed.is_empty() || typed == kept;
                let changed =
                    [("name", fits(self.name.trim(), &known.name)), ("currency", fits(&self.currency, &known.currency))];
                if let Some((field, _)) = changed.iter().find(|(_, fits)| !fits) {
                    return Err(Refusal::FieldInvalid { field: (*field).to_owned() }.into());
                }
                let lives = [ProgrammeState::Open, ProgrammeState::Suspended].contains(&known.state);
                if !lives {
                    return Err(Refusal::StateConflict { state: format!("programme_{}", known.state) }.into());
                }
                if store::programmes::find_proposed_version(view.conn(), known.id)?.is_some() {
                    return Err(Refusal::StateConflict { state: "version_proposed".to_owned() }.into());
                }
                (known.name.clone(), known.currency.clone())
            }
            None => (required(&self.name, "name", 100)?, traded(view, &self.currency)?.code().to_owned()),
        };
        let terms = self.terms()?;
        if actor.approver_id.is_none() {
            self.check_begin(view.today())?;
        }
        let newest = match &programme {
            Some(known) => store::programmes::find_newest_version(view.conn(), known.id)?.map_or(0, |row| row.version),
            None => 0,
        };
        Ok(Proposable { buyer, programme, name, currency, terms, newest })
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Proposable) -> Step<Asks> {
        let mut ask = second_person::ask(view.conn(), actor)?;
        ask.currency.clone_from(&decision.currency);
        if let Some(programme) = &decision.programme {
            one_request(view.conn(), actor, programme.id)?;
            ask.subject = programme.id.into();
        }
        Ok(Asks::Always(ask))
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Proposable) -> Applied<Done> {
        let Proposable { buyer, programme, name, currency, terms, newest } = decision;
        let programme = match programme {
            Some(known) => known,
            None => {
                let new = Programme {
                    id: batch.next_id(),
                    buyer_id: buyer.id,
                    currency,
                    name,
                    state: ProgrammeState::Proposed,
                    reason: String::new(),
                    created_at: batch.now,
                };
                batch.insert(&new)?;
                new
            }
        };
        let version = ProgrammeVersion {
            id: batch.next_id(),
            programme_id: programme.id,
            version: newest.saturating_add(1),
            least_tenor_days: terms.least_tenor_days,
            most_tenor_days: terms.most_tenor_days,
            most_age_days: terms.most_age_days,
            advance_bps: terms.advance_bps,
            reserve_bps: terms.reserve_bps,
            settlement_fee_bps: terms.settlement_fee_bps,
            purchase_fee_bps: terms.purchase_fee_bps,
            minimum_fee_minor: terms.minimum_fee_minor,
            minimum_ticket_minor: terms.minimum_ticket_minor,
            fee_bearer: terms.fee_bearer,
            grace_days: terms.grace_days,
            recourse: terms.recourse,
            begins_on: self.begins_on,
            state: VersionState::Proposed,
            reason: String::new(),
            proposed_by: actor.user_id,
            agreed_by: actor.approver_id.unwrap_or(actor.user_id),
            proposed_at: batch.now,
            decided_by: None,
            decided_at: None,
        };
        batch.insert(&version)?;
        for operator in store::parties::list_with(batch.conn, Capacity::Operator)? {
            let arguments = json!({ "buyer": buyer.name, "name": programme.name });
            batch.notify(operator.id, "programme_proposed", &arguments, format!("/ops/programmes/versions/{}", version.id));
        }
        let body = json!({
            "programme_id": programme.id, "version_id": version.id, "terms_version": version.version, "currency": programme.currency,
        });
        Ok(Done::new(programme.id, body))
    }
}
