//! Keeps how buyers stand in step with their payments. The rule is `domain::standing`.

use crate::batch::Batch;
use crate::commands::Applied;
use chrono::NaiveDate;
use domain::standing::{BuyerStanding, overdue_since};
use kernel::PartyId;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use store::records::Keyed;
use store::{Conn, Party, StoreError};

/// How a company stands as a buyer.
#[must_use]
pub fn of(party: &Party) -> BuyerStanding {
    BuyerStanding { trades: party.status == domain::party::PartyStatus::Active, overdue_since: party.overdue_since }
}

/// The same by its number, for pages.
pub fn load(conn: &mut Conn, buyer: PartyId) -> Result<BuyerStanding, StoreError> {
    Ok(of(&Party::load(conn, buyer)?))
}

/// The same of several, for lists.
pub fn list(conn: &mut Conn, buyers: &[PartyId]) -> Result<HashMap<PartyId, BuyerStanding>, StoreError> {
    let parties = Party::list_ids(conn, buyers)?;
    Ok(parties.iter().map(|party| (party.id, of(party))).collect())
}

/// Checks the payments of one buyer, or of all: after a payment, after a change of terms, and at the end of a day. Returns the
/// number of buyers that are newly stopped.
pub(crate) fn refresh(batch: &mut Batch<'_>, buyer: Option<PartyId>, today: NaiveDate) -> Applied<usize> {
    let unpaid = store::standing::list_unpaid(batch.conn, buyer, today)?;
    let mut parties = match buyer {
        Some(id) => Party::find(batch.conn, id)?.into_iter().collect(),
        None => store::parties::list_stopped(batch.conn)?,
    };
    let known: BTreeSet<PartyId> = parties.iter().map(|party| party.id).collect();
    let others: Vec<PartyId> = unpaid.keys().copied().filter(|id| !known.contains(id)).collect();
    parties.extend(Party::list_ids(batch.conn, &others)?);
    parties.sort_unstable_by_key(|party| party.id);
    let mut stopped = 0_usize;
    for mut party in parties {
        let since = unpaid.get(&party.id).and_then(|payments| overdue_since(payments, today));
        let before = std::mem::replace(&mut party.overdue_since, since);
        if before == since {
            continue;
        }
        batch.update(&party)?;
        if before.is_some() != since.is_some() {
            stopped = stopped.saturating_add(usize::from(since.is_some()));
            tell(batch, &party)?;
        }
    }
    Ok(stopped)
}

/// Notifies the buyer, and each supplier that has the buyer's receivables on offer.
fn tell(batch: &mut Batch<'_>, buyer: &Party) -> Result<(), StoreError> {
    let stopped = buyer.overdue_since.is_some();
    let arguments = json!({ "buyer": buyer.name });
    let (own, theirs) = if stopped { ("buyer_stopped", "offers_halted") } else { ("buyer_resumed", "offers_resumed") };
    batch.notify(buyer.id, own, &arguments, "/payables".to_owned());
    let offers = store::market::list_open_offers_of_buyer(batch.conn, buyer.id)?;
    let suppliers: BTreeSet<PartyId> = offers.iter().map(|offer| offer.supplier_id).collect();
    for supplier in suppliers {
        batch.notify(supplier, theirs, &arguments, "/receivables".to_owned());
    }
    Ok(())
}
