//! Pays the many holders of a receivable, piece by piece, so that other work goes on between the pieces.

use crate::commands::own_key;
use crate::commands::receivables::settlement;
use crate::commands::receivables::share_payment::{SharePayment, StoredPlan};
use crate::http::error::Fault;
use crate::writer::Writer;
use domain::receivable::DistributionState;
use kernel::PartyId;
use store::records::Keyed;
use store::{Conn, Distribution, Pool, Receivable, distributions};

/// Rows of one read while all holders are looked at for the plan.
const PAGE: i64 = 10_000;

/// Goes on with every payment that is not shared out yet and returns how many pieces were done.
pub fn go_on(writer: &Writer, pool: &Pool, stop: impl Fn() -> bool) -> Result<u32, Fault> {
    let mut conn = pool.get().map_err(|error| Fault::Failed(error.to_string()))?;
    let (mut pieces, mut stopped) = (0_u32, None);
    for payment in distributions::list_open(&mut conn)? {
        let (mut last_party, mut done) = (payment.last_party, false);
        let mut plan = if payment.state == DistributionState::Waiting { Some(make_plan(&mut conn, &payment)?) } else { None };
        while !done && !stop() {
            let command = SharePayment { distribution_id: payment.id, last_party, plan: plan.take() };
            // The key says which piece: two processes that both try do it once.
            let key = own_key("share-payment", &[&payment.id, &last_party]);
            let outcome = match super::submit(writer, key, command) {
                Err(Fault::KeyTaken(key)) => {
                    // Another process may have come first; the next round starts from where it got to. Other payments go on.
                    let now = Distribution::load(&mut conn, payment.id)?;
                    if now.last_party == last_party && now.state != DistributionState::Done {
                        stopped = Some(key);
                    }
                    break;
                }
                reply => reply?,
            };
            last_party = outcome.number("last_party");
            done = outcome.body.get("done").and_then(serde_json::Value::as_bool).unwrap_or(false);
            pieces = pieces.saturating_add(1);
        }
    }
    stopped.map_or(Ok(pieces), |key| Err(Fault::KeyTaken(key)))
}

/// Reads all holders outside the writer: until the payment is shared out no other command can move their units.
fn make_plan(conn: &mut Conn, payment: &Distribution) -> Result<StoredPlan, Fault> {
    let receivable = Receivable::load(conn, payment.receivable_id)?;
    let mut positions = Vec::new();
    let mut after = PartyId(0);
    loop {
        let page = distributions::list_positions(conn, receivable.id, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.party;
        positions.extend(page);
    }
    let since = settlement::since(&receivable, &positions, store::records::load_heads(conn)?.last_transfer)?;
    let holders: Vec<_> = positions.iter().map(|position| settlement::holder_of(position, since)).collect();
    let plan = settlement::plan(conn, &receivable, payment.payment_minor, payment.value_date, &holders)?;
    Ok(StoredPlan::new(&plan, since))
}
