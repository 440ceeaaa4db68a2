//! The companies that are stopped as buyers, made again from the payments that have not come.

use super::{Finding, finding};
use crate::{Conn, Result, records, standing};
use domain::standing::overdue_since;

pub(super) fn check(conn: &mut Conn) -> Result<Option<Finding>> {
    let today = records::load_heads(conn)?.business_date;
    let mut unpaid = standing::list_unpaid(conn, None, today)?;
    for party in crate::parties::list_stopped(conn)? {
        let payments = unpaid.remove(&party.id).unwrap_or_default();
        if party.overdue_since != overdue_since(&payments, today) {
            return Ok(finding(format!("parties {}", party.id), "it is stopped as a buyer, and its payments do not say so"));
        }
    }
    let missed = unpaid.into_iter().find(|(_, payments)| overdue_since(payments, today).is_some());
    Ok(missed.and_then(|(id, _)| finding(format!("parties {id}"), "its payments are overdue and it is not stopped as a buyer")))
}
