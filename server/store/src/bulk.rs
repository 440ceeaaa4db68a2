//! Changing many rows at once. PostgreSQL runs one prepared statement over arrays. SQLite runs one prepared statement row by row,
//! since a round trip costs nothing there.

use crate::query::{self, Bind};
use crate::records::Keyed;
use crate::{ApprovedPayable, BuyerLimit, Notice, Offer, Receivable, SoloActs};
use crate::{Conn, Result, StoreError};

/// A record of which a command changes the same few columns in many rows.
pub trait BulkUpdate: Keyed {
    /// The statement on PostgreSQL; its first array holds the ids.
    const STATEMENT: &'static str;
    /// The statement on SQLite for one row; its last value is the id. It is prepared once, like the other statement. Diesel's own
    /// update of a whole record is never prepared once.
    const SQLITE: &'static str;
    fn columns(rows: &[&Self]) -> Vec<Bind>;

    fn update_all(rows: &[&Self], conn: &mut Conn) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut touched = 0_usize;
        if matches!(conn, Conn::Sqlite(_)) {
            for row in rows {
                let mut binds: Vec<Bind> = Self::columns(&[*row]).into_iter().flat_map(Bind::into_single).collect();
                binds.rotate_left(1);
                touched = touched.saturating_add(query::execute(conn, Self::SQLITE, &binds)?);
            }
        } else {
            touched = query::execute(conn, Self::STATEMENT, &Self::columns(rows))?;
        }
        all_touched(touched, rows.len(), Self::TABLE)
    }
}

/// If a row that should change is not there, the store is wrong and the program must not go on writing to it.
pub(crate) fn all_touched(touched: usize, wanted: usize, table: &str) -> Result<()> {
    if touched == wanted { Ok(()) } else { Err(StoreError::Corrupt(format!("{touched} of {wanted} rows found in {table}"))) }
}

impl BulkUpdate for Offer {
    const STATEMENT: &'static str = "UPDATE offers o SET left_minor = u.left_minor, state = u.state, reserved_minor = u.reserved_minor \
                                     FROM UNNEST(?, ?, ?, ?) AS u (id, left_minor, state, reserved_minor) WHERE o.id = u.id";
    const SQLITE: &'static str = "UPDATE offers SET left_minor = ?, state = ?, reserved_minor = ? WHERE id = ?";

    fn columns(rows: &[&Self]) -> Vec<Bind> {
        vec![
            Bind::ids(rows.iter().map(|row| row.id)),
            Bind::Ints(rows.iter().map(|row| row.left_minor).collect()),
            Bind::names(rows.iter().map(|row| row.state)),
            Bind::Ints(rows.iter().map(|row| row.reserved_minor).collect()),
        ]
    }
}

impl BulkUpdate for Receivable {
    const STATEMENT: &'static str =
        "UPDATE receivables r SET state = u.state FROM UNNEST(?, ?) AS u (id, state) WHERE r.id = u.id";
    const SQLITE: &'static str = "UPDATE receivables SET state = ? WHERE id = ?";

    fn columns(rows: &[&Self]) -> Vec<Bind> {
        vec![Bind::ids(rows.iter().map(|row| row.id)), Bind::names(rows.iter().map(|row| row.state))]
    }
}

impl BulkUpdate for BuyerLimit {
    const STATEMENT: &'static str =
        "UPDATE buyer_limits b SET used_minor = u.used_minor FROM UNNEST(?, ?) AS u (id, used_minor) WHERE b.id = u.id";
    const SQLITE: &'static str = "UPDATE buyer_limits SET used_minor = ? WHERE id = ?";

    fn columns(rows: &[&Self]) -> Vec<Bind> {
        vec![Bind::ids(rows.iter().map(|row| row.id)), Bind::Ints(rows.iter().map(|row| row.used_minor).collect())]
    }
}

impl BulkUpdate for SoloActs {
    const STATEMENT: &'static str = "UPDATE solo_acts s SET day = CAST(u.day AS DATE), sum_minor = u.sum_minor \
                                     FROM UNNEST(?, ?, ?) AS u (id, day, sum_minor) WHERE s.id = u.id";
    const SQLITE: &'static str = "UPDATE solo_acts SET day = ?, sum_minor = ? WHERE id = ?";

    fn columns(rows: &[&Self]) -> Vec<Bind> {
        vec![
            Bind::ids(rows.iter().map(|row| row.id)),
            Bind::Texts(rows.iter().map(|row| row.day.to_string()).collect()),
            Bind::Ints(rows.iter().map(|row| row.sum_minor).collect()),
        ]
    }
}

impl BulkUpdate for ApprovedPayable {
    const STATEMENT: &'static str = "UPDATE approved_payables a SET state = u.state, refusal = u.refusal \
                                     FROM UNNEST(?, ?, ?) AS u (id, state, refusal) WHERE a.id = u.id";
    const SQLITE: &'static str = "UPDATE approved_payables SET state = ?, refusal = ? WHERE id = ?";

    /// The results of many lines at once. The program writes the invoice that uses a line together with that line alone.
    fn columns(rows: &[&Self]) -> Vec<Bind> {
        vec![
            Bind::ids(rows.iter().map(|row| row.id)),
            Bind::names(rows.iter().map(|row| row.state)),
            Bind::Texts(rows.iter().map(|row| row.refusal.clone()).collect()),
        ]
    }
}

impl BulkUpdate for Notice {
    const STATEMENT: &'static str = "UPDATE notices n SET arguments = u.arguments, link = u.link, mailed = TRUE \
                                     FROM UNNEST(?, ?, ?) AS u (id, arguments, link) WHERE n.id = u.id";
    const SQLITE: &'static str = "UPDATE notices SET arguments = ?, link = ?, mailed = TRUE WHERE id = ?";

    /// Nothing else of a notice ever changes, and `mailed` only to true.
    fn columns(rows: &[&Self]) -> Vec<Bind> {
        vec![
            Bind::ids(rows.iter().map(|row| row.id)),
            Bind::Texts(rows.iter().map(|row| row.arguments.clone()).collect()),
            Bind::Texts(rows.iter().map(|row| row.link.clone()).collect()),
        ]
    }
}
