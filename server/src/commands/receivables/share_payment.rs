//! Shares a payment out among many holders, one piece at a time. The platform's own job submits it until nothing is left. The job
//! may stop and go on at any piece, on any process.

use crate::batch::{Batch, Step};
use crate::commands::receivables::settlement;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::allocation::{Division, Running};
use domain::receivable::DistributionState;
use domain::waterfall::{Holder, Plan, ShareRule, Shares};
use kernel::{DistributionId, PartyId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Distribution, Receivable, StoreError, distributions};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SharePayment {
    pub distribution_id: DistributionId,
    /// The last company that has its share, as the caller saw it: another process may have gone on meanwhile.
    pub last_party: PartyId,
    /// How the payment is divided, with the first piece.
    #[serde(default)]
    pub plan: Option<StoredPlan>,
}

/// A waterfall's plan as it is kept: each division as amount, what was due, odd remainder and odd id.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct StoredPlan {
    accrued: [i64; 4],
    face: [i64; 4],
    interest: [i64; 4],
    fee_minor: i64,
    reserve_minor: i64,
    surplus_minor: i64,
    /// Where part payments are shared on all that has been paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    running: Option<StoredShares>,
}

/// Running shares as they are kept: amount, before, total, and the last quotient's whole, divisor and id.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct StoredShares {
    face: [i64; 6],
    interest: [i64; 6],
    /// The transfer after which they are counted.
    since: i64,
}

fn four(division: &Division) -> [i64; 4] {
    [division.amount, division.total, division.odd_remainder, division.odd_id]
}

fn division([amount, total, odd_remainder, odd_id]: [i64; 4]) -> Division {
    Division { amount, total, odd_remainder, odd_id }
}

fn six(shares: &Running) -> [i64; 6] {
    [shares.amount, shares.before, shares.total, shares.whole, shares.divisor, shares.id]
}

fn running([amount, before, total, whole, divisor, id]: [i64; 6]) -> Shares {
    Shares::Running(Running { amount, before, total, whole, divisor, id })
}

impl StoredPlan {
    #[must_use]
    pub fn new(plan: &Plan, since: i64) -> Self {
        let kept = |shares: &Shares| match shares {
            Shares::Once(division) => four(division),
            Shares::Running(_) => [shares.amount(), shares.due(), 0, 0],
        };
        let running = match (&plan.face, &plan.interest) {
            (Shares::Running(face), Shares::Running(interest)) => {
                Some(StoredShares { face: six(face), interest: six(interest), since })
            }
            _ => None,
        };
        Self {
            accrued: four(&plan.accrued),
            face: kept(&plan.face),
            interest: kept(&plan.interest),
            fee_minor: plan.fee_minor,
            reserve_minor: plan.reserve_minor,
            surplus_minor: plan.surplus_minor,
            running,
        }
    }

    fn since(&self) -> i64 {
        self.running.map_or(0, |shares| shares.since)
    }
}

impl From<&StoredPlan> for Plan {
    fn from(stored: &StoredPlan) -> Self {
        let (face, interest) = match stored.running {
            Some(shares) => (running(shares.face), running(shares.interest)),
            None => (Shares::Once(division(stored.face)), Shares::Once(division(stored.interest))),
        };
        Self {
            accrued: division(stored.accrued),
            face,
            interest,
            fee_minor: stored.fee_minor,
            reserve_minor: stored.reserve_minor,
            surplus_minor: stored.surplus_minor,
        }
    }
}

/// A payment with its next piece; none where it is done, or another process has gone on meanwhile.
pub struct Shareable {
    payment: Distribution,
    piece: Option<Piece>,
}

struct Piece {
    receivable: Receivable,
    stored: StoredPlan,
    holders: Vec<Holder>,
}

impl SharePayment {
    /// The plan: the stored one, or, with the first piece, the caller's, once it fits the books.
    fn plan(&self, view: &mut dyn View, payment: &Distribution, receivable: &Receivable) -> Result<StoredPlan, StoreError> {
        let corrupt = || settlement::corrupt("plan of payment", payment.id);
        if payment.state == DistributionState::Running {
            return serde_json::from_str(&payment.plan).map_err(|_| corrupt());
        }
        let stored = self.plan.ok_or_else(corrupt)?;
        let plan = Plan::from(&stored);
        let parts = [plan.face.amount(), plan.interest.amount(), plan.fee_minor, plan.reserve_minor, plan.surplus_minor];
        let sum = parts.iter().try_fold(0_i64, |sum, part| if *part < 0 { None } else { sum.checked_add(*part) });
        let issued = domain::chart::AccountKey::issued(receivable.id.into());
        let (outstanding_minor, _) = view.balance(issued)?;
        let same_rule = stored.running.is_some() == (settlement::rule_of(receivable)? == ShareRule::Running);
        if sum != Some(payment.payment_minor) || plan.face.due() != outstanding_minor || !same_rule {
            return Err(corrupt());
        }
        Ok(stored)
    }
}

impl Execute for SharePayment {
    const NAME: &'static str = "share_payment";

    type Decision = Shareable;

    fn decide(&self, view: &mut dyn View, _actor: &Actor) -> Step<Shareable> {
        let payment = Distribution::find(view.conn(), self.distribution_id)?.ok_or(Refusal::NotFound)?;
        if payment.state == DistributionState::Done || payment.last_party != self.last_party {
            return Ok(Shareable { payment, piece: None });
        }
        let receivable = Receivable::load(view.conn(), payment.receivable_id)?;
        let stored = self.plan(view, &payment, &receivable)?;
        let positions = distributions::list_positions(view.conn(), receivable.id, payment.last_party, settlement::PIECE)?;
        let holders = positions.iter().map(|position| settlement::holder_of(position, stored.since())).collect();
        Ok(Shareable { payment, piece: Some(Piece { receivable, stored, holders }) })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Shareable) -> Applied<Done> {
        let Shareable { mut payment, piece } = decision;
        let Some(Piece { mut receivable, stored, holders }) = piece else {
            let done = payment.state == DistributionState::Done;
            let body = json!({ "distribution_id": payment.id, "last_party": payment.last_party, "done": done });
            return Ok(Done::new(payment.receivable_id, body));
        };
        let (plan, since) = (Plan::from(&stored), stored.since());
        if payment.state != DistributionState::Running {
            let kept = serde_json::to_string(&stored);
            payment.plan = kept.map_err(|_| settlement::corrupt("plan of payment", payment.id))?;
            payment.due_minor = plan.due_minor();
            payment.state = DistributionState::Running;
            settlement::begin(batch, &mut receivable, payment.value_date)?;
        }
        let paid_minor = settlement::pay_holders(batch, &receivable, &plan, since, &holders)?;
        payment.shared_minor = payment.shared_minor.saturating_add(paid_minor);
        let last = i64::try_from(holders.len()).unwrap_or(0) < settlement::PIECE;
        if let Some(holder) = holders.last() {
            payment.last_party = holder.party;
        }
        if last {
            if payment.shared_minor != payment.due_minor {
                return Err(settlement::corrupt("shares of payment", payment.id).into());
            }
            payment.state = DistributionState::Done;
            settlement::finish(batch, receivable, &plan, &settlement::Payment::from(&payment))?;
        }
        batch.update(&payment)?;
        let body = json!({ "distribution_id": payment.id, "last_party": payment.last_party, "done": last });
        Ok(Done::new(payment.receivable_id, body))
    }
}
