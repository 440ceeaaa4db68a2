//! The invoices that the rows of a table may point at, each kind in one statement however many rows there are.

use crate::Invoice;
use crate::query::{self, Bind};
use crate::records::Record;
use crate::{Conn, Result};
use chrono::NaiveDate;

/// A seller's invoices with one of these looks, or whose stem is one of them.
pub fn list_by_look(conn: &mut Conn, seller_tax_key: &str, looks: &[String]) -> Result<Vec<Invoice>> {
    let (look, list) = query::among_texts(conn, "look_key", looks);
    let (stem, _) = query::among_texts(conn, "stem_key", looks);
    let condition = format!(
        "id IN (SELECT id FROM invoices WHERE seller_tax_key = ? AND {look} UNION SELECT id FROM invoices WHERE seller_tax_key = ? AND {stem})"
    );
    Invoice::list_where(conn, &condition, &[seller_tax_key.into(), list.clone(), seller_tax_key.into(), list])
}

/// The live invoices to these buyers, of these days and totals; of each at most so many as are compared with one invoice.
pub fn list_by_total(conn: &mut Conn, wanted: &[(i64, NaiveDate, i64)], most: i64) -> Result<Vec<Invoice>> {
    let live = "state NOT IN ('withdrawn', 'rejected')";
    let (sql, binds) = match conn {
        Conn::Sqlite(_) => {
            let wanted: Vec<_> = wanted.iter().map(|(buyer, day, total)| serde_json::json!([buyer, day, total])).collect();
            let list = "(SELECT json_extract(value, '$[0]') AS b, json_extract(value, '$[1]') AS d, json_extract(value, '$[2]') AS t FROM json_each(?)) w";
            let sql = format!(
                "SELECT a.* FROM {list} CROSS JOIN invoices a WHERE a.buyer_id = w.b AND a.issue_date = w.d AND a.total_minor = w.t AND a.{live}"
            );
            (sql, vec![serde_json::Value::from(wanted).to_string().into()])
        }
        Conn::Postgres(_) => {
            let inner = format!(
                "SELECT * FROM invoices WHERE buyer_id = w.b AND issue_date = w.d AND total_minor = w.t AND {live} LIMIT ?"
            );
            let list = "(SELECT b, CAST(d AS DATE) AS d, t FROM UNNEST(?, ?, ?) AS u (b, d, t)) w";
            let sql = format!("SELECT a.* FROM {list} CROSS JOIN LATERAL ({inner}) a");
            let days = wanted.iter().map(|(_, day, _)| day.to_string()).collect();
            let (buyers, totals) = wanted.iter().map(|(buyer, _, total)| (*buyer, *total)).unzip();
            (sql, vec![Bind::Ints(buyers), Bind::Texts(days), Bind::Ints(totals), most.into()])
        }
    };
    query::list(conn, &sql, &binds)
}
