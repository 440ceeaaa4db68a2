//! The invoices and credit notes that a new one is compared with. The new ones come from one file, or from all rows of a table in
//! one statement a kind.

use crate::fixed::{NO_TEXT, fixed};
use crate::invoices::{credit_notes, invoices};
use crate::query::{self, Bind};
use crate::records::Record;
use crate::{Conn, Result};
use crate::{CreditNote, Invoice};
use chrono::NaiveDate;
use diesel::prelude::*;
use domain::identity::joined_number;
use domain::invoice::InvoiceState;
use kernel::{InvoiceId, PartyId};

/// The seller's invoices of the same day, currency and amount that may have the same number, and have not run their course.
pub fn list_same_claims(conn: &mut Conn, invoice: &Invoice) -> Result<Vec<Invoice>> {
    // The same number has the same look, which has an index.
    let number = invoices::look_key.eq(&invoice.look_key).or(invoices::number_key.eq(&invoice.number_key));
    let same = invoices::table
        .filter(invoices::seller_tax_key.eq(&invoice.seller_tax_key))
        .filter(number)
        .filter(invoices::issue_date.eq(invoice.issue_date))
        .filter(invoices::currency.eq(&invoice.currency))
        .filter(invoices::payable_minor.eq(invoice.payable_minor))
        // The index of the keys of numbers holds only such invoices.
        .filter(invoices::state.ne(fixed(InvoiceState::Withdrawn)))
        .filter(invoices::state.ne(fixed(InvoiceState::Paid)));
    Ok(same.load(conn)?)
}

/// The supplier's credit notes of the same day, currency and amount that may have the same number. Older keys joined all digits.
pub fn list_same_credits(conn: &mut Conn, credit: &CreditNote) -> Result<Vec<CreditNote>> {
    let joined = credit_notes::number_key.eq(joined_number(&credit.number));
    let same = credit_notes::table
        .filter(credit_notes::supplier_id.eq(credit.supplier_id))
        .filter(credit_notes::number_key.eq(&credit.number_key).or(joined))
        .filter(credit_notes::issue_date.eq(credit.issue_date))
        .filter(credit_notes::currency.eq(&credit.currency))
        .filter(credit_notes::amount_minor.eq(credit.amount_minor));
    Ok(same.load(conn)?)
}

/// A seller's live invoices whose numbers have this look and that came before `before`, by day.
pub fn list_live_of_look(conn: &mut Conn, seller_tax_key: &str, look: &str, before: InvoiceId) -> Result<Vec<Invoice>> {
    let live = invoices::table
        .filter(invoices::seller_tax_key.eq(seller_tax_key))
        .filter(invoices::look_key.eq(look))
        .filter(invoices::id.lt(before))
        .filter(invoices::state.ne(InvoiceState::Withdrawn))
        .filter(invoices::state.ne(InvoiceState::Rejected));
    Ok(live.order((invoices::issue_date, invoices::id)).load(conn)?)
}

/// At most `most` live invoices that resemble this one or came in the same file, oldest first. Each kind has its index.
pub fn list_compared(conn: &mut Conn, invoice: &Invoice, file: &str, most: i64) -> Result<Vec<Invoice>> {
    let condition = "id <> ? AND state NOT IN ('withdrawn', 'rejected') AND id IN (\
        SELECT id FROM invoices WHERE seller_tax_key = ? AND look_key = ? \
        UNION SELECT id FROM invoices WHERE seller_tax_key = ? AND look_key = ? \
        UNION SELECT id FROM invoices WHERE seller_tax_key = ? AND stem_key = ? \
        UNION SELECT id FROM invoices WHERE buyer_id = ? AND issue_date = ? AND total_minor = ? \
        UNION SELECT id FROM invoices WHERE document = ?) ORDER BY id LIMIT ?";
    let (seller, look) = (invoice.seller_tax_key.as_str(), invoice.look_key.as_str());
    let binds = [
        invoice.id.into(),
        seller.into(),
        look.into(),
        seller.into(),
        invoice.stem_key.as_str().into(),
        seller.into(),
        look.into(),
        invoice.buyer_id.into(),
        invoice.issue_date.into(),
        invoice.total_minor.into(),
        file.into(),
        most.into(),
    ];
    Invoice::list_where(conn, condition, &binds)
}

/// The seller's earlier invoices of the same look that are gone although they were credited, oldest first.
pub fn list_gone_credited(conn: &mut Conn, invoice: &Invoice) -> Result<Vec<Invoice>> {
    let gone = invoices::state.eq(fixed(InvoiceState::Withdrawn)).or(invoices::state.eq(fixed(InvoiceState::Rejected)));
    let credited = invoices::table
        .filter(invoices::seller_tax_key.eq(&invoice.seller_tax_key))
        .filter(invoices::look_key.eq(&invoice.look_key))
        .filter(invoices::id.lt(invoice.id))
        .filter(gone)
        .filter(invoices::credited_minor.gt(0_i64));
    Ok(credited.order(invoices::id).load(conn)?)
}

/// A seller's invoices that say that they take the place of another one.
pub fn list_replacements(conn: &mut Conn, seller_tax_key: &str) -> Result<Vec<Invoice>> {
    let replacing = invoices::table.filter(invoices::seller_tax_key.eq(seller_tax_key)).filter(invoices::replaces.ne(NO_TEXT));
    Ok(replacing.load(conn)?)
}

/// Those of them that are live and came before `before`, oldest first.
pub fn list_live_replacements(conn: &mut Conn, seller_tax_key: &str, before: InvoiceId) -> Result<Vec<Invoice>> {
    let live = invoices::table
        .filter(invoices::seller_tax_key.eq(seller_tax_key))
        .filter(invoices::replaces.ne(NO_TEXT))
        .filter(invoices::id.lt(before))
        .filter(invoices::state.ne(InvoiceState::Withdrawn))
        .filter(invoices::state.ne(InvoiceState::Rejected));
    Ok(live.order(invoices::id).load(conn)?)
}

/// A supplier's credit notes with one of these keys of numbers.
pub fn list_credits_by_number(conn: &mut Conn, supplier: PartyId, numbers: &[String]) -> Result<Vec<CreditNote>> {
    let (condition, list) = query::among_texts(conn, "number_key", numbers);
    CreditNote::list_where(conn, &format!("supplier_id = ? AND {condition}"), &[supplier.into(), list])
}

/// A seller's invoices with one of these looks, or whose stem is one of them.
pub fn list_by_look(conn: &mut Conn, seller_tax_key: &str, looks: &[String]) -> Result<Vec<Invoice>> {
    let (look, list) = query::among_texts(conn, "look_key", looks);
    let (stem, _) = query::among_texts(conn, "stem_key", looks);
    let condition = format!(
        "id IN (SELECT id FROM invoices WHERE seller_tax_key = ? AND {look} UNION SELECT id FROM invoices WHERE seller_tax_key = ? AND {stem})"
    );
    Invoice::list_where(conn, &condition, &[seller_tax_key.into(), list.clone(), seller_tax_key.into(), list])
}

/// The live invoices to these buyers, of these days and totals. Of each at most `most`, the number that is compared with one
/// invoice.
pub fn list_by_total(conn: &mut Conn, wanted: &[(PartyId, NaiveDate, i64)], most: i64) -> Result<Vec<Invoice>> {
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
            let (buyers, totals) = wanted.iter().map(|(buyer, _, total)| (buyer.0, *total)).unzip();
            (sql, vec![Bind::Ints(buyers), Bind::Texts(days), Bind::Ints(totals), most.into()])
        }
    };
    query::list(conn, &sql, &binds)
}
