//! Shared by the commands that guard against financing twice. They find the invoices that point at each other, hold an invoice
//! until a person has looked, and show its reviews.

use crate::batch::Batch;
use crate::commands::Applied;
use crate::commands::invoices::known::Known;
use crate::view::View;
use chrono::NaiveDate;
use domain::identity::{Identity, ReviewRule, normalise_number, suspicions};
use domain::invoice::{InvoiceState, NotMeant, Numbered, decide_named, is_self_billed};
use domain::review::{self, ReviewState};
use kernel::{CreditNoteId, InvoiceId, PartyId, ReviewId};
use serde_json::json;
use std::collections::HashMap;
use store::records::Keyed;
use store::{Conn, Invoice, Party, Review, StoreError};

/// Why a person must look at an invoice, and what it points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rules: Vec<ReviewRule>,
    pub other_id: Option<InvoiceId>,
    pub credit_id: Option<CreditNoteId>,
}

/// More invoices than these are not compared with one: a person has seen enough.
pub const MOST_COMPARED: usize = 50;

/// An invoice as the rules see it, with its number as it is compared: the key of an older record joined all digits.
#[must_use]
pub fn identity<'a>(row: &'a Invoice, number_key: &'a str) -> Identity<'a> {
    Identity {
        seller: &row.seller_tax_key,
        buyer: row.buyer_id,
        number_key,
        look_key: &row.look_key,
        stem_key: &row.stem_key,
        issue_date: row.issue_date,
        currency: &row.currency,
        payable_minor: row.payable_minor,
        total_minor: row.total_minor,
        format: &row.format,
        file: if row.format == crate::commands::invoices::intake::TABLE { "" } else { &row.document },
        self_billed: is_self_billed(&row.type_code),
    }
}

/// The live invoices that this one points at, each with its rules. `named` is the one that it replaces.
fn pointed_at(known: &mut impl Known, invoice: &Invoice, named: Option<&Invoice>) -> Result<Vec<Finding>, StoreError> {
    let number = normalise_number(&invoice.number);
    let own = identity(invoice, &number);
    let mut found = Vec::new();
    for other in known.compared(invoice, own.file)? {
        let other_number = normalise_number(&other.number);
        let rules = match named.filter(|named| named.id == other.id) {
            // An invoice may resemble the one that it replaces.
            Some(_) if is_replaceable(other.state) => continue,
            Some(_) => vec![ReviewRule::ReplacesConfirmed],
            None => suspicions(&own, &identity(&other, &other_number), other.state == InvoiceState::Paid),
        };
        if !rules.is_empty() {
            found.push(Finding { rules, other_id: Some(other.id), credit_id: None });
        }
    }
    Ok(found)
}

/// Whether the buyer has not yet undertaken to pay it.
#[must_use]
pub fn is_replaceable(state: InvoiceState) -> bool {
    matches!(state, InvoiceState::Draft | InvoiceState::Presented | InvoiceState::Disputed | InvoiceState::Expired)
}

/// The invoice that a number and a day mean, to this buyer and in this currency where there are several.
pub fn find_meant(
    known: &mut impl Known,
    (seller_tax_key, before): (&str, InvoiceId),
    named: (&str, Option<NaiveDate>),
    (buyer_id, currency): (PartyId, &str),
) -> Result<Result<Invoice, NotMeant>, StoreError> {
    let rows = known.numbered(seller_tax_key, named.0, before)?;
    let fits = |row: &Invoice| row.buyer_id == buyer_id && row.currency == currency;
    let numbered: Vec<Numbered> =
        rows.iter().map(|row| Numbered { id: row.id, issue_date: row.issue_date, fits: fits(row) }).collect();
    Ok(decide_named(&numbered, named.1).and_then(|id| rows.into_iter().find(|row| row.id == id).ok_or(NotMeant::Unknown)))
}

/// The one that a replacement takes the place of; none where it says nothing of that.
pub fn find_replaced(known: &mut impl Known, invoice: &Invoice) -> Result<Option<Result<Invoice, NotMeant>>, StoreError> {
    if invoice.replaces.is_empty() {
        return Ok(None);
    }
    let (seller, named) = ((invoice.seller_tax_key.as_str(), invoice.id), (invoice.replaces.as_str(), invoice.replaces_issued));
    find_meant(known, seller, named, (invoice.buyer_id, &invoice.currency)).map(Some)
}

/// A fact about the invoice that a replacement names, which a person must know: the buyer has confirmed it, or no single invoice
/// matches.
fn about_replaced(named: Option<&Result<Invoice, NotMeant>>) -> Option<Finding> {
    match named? {
        Ok(other) if is_replaceable(other.state) => None,
        Ok(other) => Some(Finding { rules: vec![ReviewRule::ReplacesConfirmed], other_id: Some(other.id), credit_id: None }),
        Err(_) => Some(Finding { rules: vec![ReviewRule::ReplacesUnknown], other_id: None, credit_id: None }),
    }
}

/// Earlier cancellations of an invoice of this number: its credit notes and the invoice that replaced it. A supplier that
/// withdraws the invoice and sends it again undoes neither.
fn cancelled_before(known: &mut impl Known, invoice: &Invoice) -> Result<Vec<Finding>, StoreError> {
    let finding = |id| Finding { rules: vec![ReviewRule::CancelledBefore], other_id: Some(id), credit_id: None };
    Ok(known.cancelled(invoice)?.into_iter().map(finding).collect())
}

/// All findings that a person must look at before this invoice goes on. The invoice need not be stored yet; its id is higher than
/// all before.
pub fn findings(known: &mut impl Known, invoice: &Invoice) -> Result<Vec<Finding>, StoreError> {
    let named = find_replaced(known, invoice)?;
    let mut found = pointed_at(known, invoice, named.as_ref().and_then(|named| named.as_ref().ok()))?;
    let more = about_replaced(named.as_ref()).into_iter().chain(cancelled_before(known, invoice)?);
    for finding in more {
        // One review for two invoices, whatever they have in common.
        join(&mut found, finding);
    }
    // If several invoices have only sum and day in common with it, people look once: beside the oldest.
    let weak = |finding: &Finding| finding.rules == [ReviewRule::SameTotal];
    let oldest = found.iter().filter(|finding| weak(finding)).filter_map(|finding| finding.other_id).min();
    found.retain(|finding| !weak(finding) || finding.other_id == oldest);
    Ok(found)
}

/// Adds a finding to others: what is about the same other invoice, or about none, is one.
pub fn join(found: &mut Vec<Finding>, finding: Finding) {
    let same = |known: &Finding| known.other_id == finding.other_id && known.credit_id == finding.credit_id;
    match found.iter().position(same).and_then(|at| found.get_mut(at)) {
        Some(known) => {
            let fresh: Vec<ReviewRule> = finding.rules.into_iter().filter(|rule| !known.rules.contains(rule)).collect();
            known.rules.extend(fresh);
        }
        None => found.push(finding),
    }
}

/// The review that a finding asks for, not written yet.
fn open(batch: &mut Batch<'_>, invoice_id: InvoiceId, finding: &Finding) -> Review {
    let rules: Vec<&str> = finding.rules.iter().map(|rule| rule.name()).collect();
    Review {
        id: batch.next_id(),
        invoice_id,
        other_id: finding.other_id,
        credit_id: finding.credit_id,
        rules: rules.join(" "),
        state: ReviewState::Open,
        statement: String::new(),
        reason: String::new(),
        created_at: batch.now,
        decided_at: None,
    }
}

/// The same for the new invoices of one table: one notice to the operator and one to the supplier, for any number of invoices.
/// Returns the reviews of each invoice.
pub fn hold_rows(
    batch: &mut Batch<'_>,
    supplier: &Party,
    held: &[(InvoiceId, Vec<Finding>)],
) -> Applied<HashMap<InvoiceId, Vec<ReviewId>>> {
    let mut rows = Vec::new();
    let mut opened: HashMap<InvoiceId, Vec<ReviewId>> = HashMap::new();
    for (invoice_id, findings) in held {
        for finding in findings {
            let row = open(batch, *invoice_id, finding);
            opened.entry(*invoice_id).or_default().push(row.id);
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Ok(opened);
    }
    batch.insert_all(&rows)?;
    let arguments = json!({ "count": held.len().to_string(), "supplier": supplier.name });
    notify_operator(batch, "reviews_wanted", &arguments, "/ops/reviews?state=review-open".to_owned())?;
    batch.notify(supplier.id, "reviews_opened", &arguments, "/invoices?state=held".to_owned());
    Ok(opened)
}

/// Puts an invoice before a person: a review for each finding, a word to the operator and to the supplier. Answers the reviews.
pub fn hold(batch: &mut Batch<'_>, invoice: &Invoice, findings: &[Finding]) -> Applied<Vec<ReviewId>> {
    let mut opened = Vec::with_capacity(findings.len());
    for finding in findings {
        let row = open(batch, invoice.id, finding);
        batch.insert(&row)?;
        opened.push(row.id);
    }
    crate::commands::confirmations::links::end(batch, invoice.id, "under_review")?;
    let supplier = batch.party(invoice.supplier_id)?;
    let arguments = json!({ "number": invoice.number, "supplier": supplier.name });
    let first = opened.first().copied().unwrap_or(ReviewId(0));
    notify_operator(batch, "review_wanted", &arguments, format!("/ops/reviews/{first}"))?;
    batch.notify(invoice.supplier_id, "review_opened", &arguments, format!("/invoices/{}", invoice.id));
    Ok(opened)
}

/// Notifies the operator.
pub fn notify_operator(batch: &mut Batch<'_>, kind: &str, arguments: &serde_json::Value, link: String) -> Applied<()> {
    // A platform that was founded has one.
    let operator = store::parties::find_operator(batch.conn)?;
    let operator = operator.ok_or_else(|| StoreError::Corrupt("no company operates the platform".to_owned()))?;
    batch.notify(operator.id, kind, arguments, link);
    Ok(())
}

/// Updates what the invoice shows of its reviews, and whether its receivable is held.
pub fn refresh(batch: &mut Batch<'_>, invoice: &mut Invoice) -> Applied<()> {
    let rows = store::invoices::list_reviews(batch.conn, invoice.id)?;
    let states: Vec<ReviewState> = rows.iter().map(|row| row.state).collect();
    invoice.review = review::standing(&states);
    batch.update(invoice)?;
    let held = review::holds(&states);
    if let Some(mut receivable) = store::receivables::find_receivable_of_invoice(batch.conn, invoice.id)?
        && receivable.held != held
    {
        receivable.held = held;
        batch.update(&receivable)?;
    }
    Ok(())
}

/// An invoice that is gone needs no decision: this ends its own open reviews and those that point at it.
pub fn release(batch: &mut Batch<'_>, invoice_id: InvoiceId) -> Applied<()> {
    for mut row in store::invoices::list_open_reviews_around(batch.conn, invoice_id)? {
        row.state = ReviewState::Released;
        row.decided_at = Some(batch.now);
        batch.update(&row)?;
        let mut freed = Invoice::load(batch.conn, row.invoice_id)?;
        refresh(batch, &mut freed)?;
        if freed.id != invoice_id && freed.review != ReviewState::Open {
            let arguments = json!({ "number": freed.number });
            batch.notify(freed.supplier_id, "review_released", &arguments, format!("/invoices/{}", freed.id));
            crate::commands::confirmations::links::send_after_review(batch, &freed)?;
        }
    }
    Ok(())
}

/// Repeats the check before the invoice is used further. Returns the findings that came up since and that no person has looked
/// at.
pub fn look_again(conn: &mut Conn, invoice: &Invoice) -> Result<Vec<Finding>, StoreError> {
    let seen = store::invoices::list_reviews_around(conn, invoice.id)?;
    let known = |other: InvoiceId| seen.iter().any(|row| row.invoice_id == other || row.other_id == Some(other));
    let mut fresh = findings(conn, invoice)?;
    fresh.retain(|finding| finding.other_id.is_some_and(|other| !known(other)));
    Ok(fresh)
}

/// Holds an invoice of which something has come to light.
pub fn hold_again(batch: &mut Batch<'_>, invoice: &mut Invoice, fresh: &[Finding]) -> Applied<()> {
    hold(batch, invoice, fresh)?;
    refresh(batch, invoice)
}
