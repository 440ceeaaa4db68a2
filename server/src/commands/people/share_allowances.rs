//! One process adds its counts against allowances to the sums of all processes. This is housekeeping and leaves no audit record.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use kernel::RecordId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::allowances::{self, AllowanceRow};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ShareAllowances {
    pub used: Vec<Used>,
}

/// The count of this process for one name since it last shared. Moments are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    pub kind: String,
    pub name: String,
    pub since: i64,
    pub ends: i64,
    /// Below zero where more was given back than taken.
    pub amount: i64,
}

impl Used {
    /// Its row, as of this second.
    #[must_use]
    pub fn row(&self, touched: i64) -> AllowanceRow {
        AllowanceRow {
            kind: self.kind.clone(),
            name: self.name.clone(),
            since: self.since,
            ends: self.ends,
            used: self.amount,
            touched,
        }
    }
}

/// Rows that one command removes after their windows have ended.
const MOST_REMOVED: i64 = 2_000;

impl Execute for ShareAllowances {
    const NAME: &'static str = "share_allowances";
    const AUDITED: bool = false;

    type Decision = ();

    fn decide(&self, _view: &mut dyn View, _actor: &Actor) -> Step<()> {
        Ok(())
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, (): ()) -> Applied<Done> {
        let touched = batch.now.and_utc().timestamp();
        allowances::remove_ended(batch.conn, touched, MOST_REMOVED)?;
        let open = self.used.iter().filter(|used| used.ends > touched);
        let rows: Vec<AllowanceRow> = open.map(|used| used.row(touched)).collect();
        allowances::add(batch.conn, &rows)?;
        Ok(Done::new(RecordId(0), json!({})))
    }
}
