//! Shared by the commands about payables that a buyer approves before their invoices come. They approve the lines of a list,
//! match an invoice to its approved payable, and confirm the invoice by it.

use crate::batch::{Batch, Step};
use crate::commands::confirmations::confirm_invoice::{ConfirmInvoice, Issue, Terms, Words};
use crate::commands::confirmations::draft_confirmation_list::stored;
use crate::commands::receivables::settlement;
use crate::commands::{Actor, Applied, Done, Proof};
use crate::view::View;
use chrono::{Days, NaiveDate};
use domain::Refusal;
use domain::advance::{AdvanceTerms, differences};
use domain::confirmation_list::ApprovedState;
use domain::identity::{joined_number, normalise_number};
use domain::invoice::{InvoiceEvent, InvoiceState, MINIMUM_REMAINING_DAYS, check_due_date, next_state, owed_minor};
use domain::party::Capacity;
use domain::receivable::{ConfirmationFacts, IssueSplit, decide_confirmation, decide_issue};
use domain::undertaking;
use kernel::PartyId;
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};
use store::confirmations::{self, PayableName};
use store::records::Keyed;
use store::{ApprovedPayable, ConfirmationList, Conn, Invoice, StoreError};

/// The key of an approved payable beside its buyer.
pub type Key = (PartyId, String, NaiveDate, String, i64);

#[must_use]
pub fn key_of(row: &ApprovedPayable) -> Key {
    (row.supplier_id, normalise_number(&row.number), row.issue_date, row.currency.clone(), row.payable_minor)
}

/// The payables that a buyer has approved and no invoice has used yet.
pub fn approved_keys(conn: &mut Conn, buyer_id: PartyId) -> Result<HashSet<Key>, StoreError> {
    let rows = confirmations::list_approved_payables(conn, buyer_id)?;
    Ok(rows.iter().map(key_of).collect())
}

/// The states of the invoices that were put before a buyer, by supplier and number.
pub fn presented_states(conn: &mut Conn, buyer_id: PartyId) -> Result<HashMap<(PartyId, String), InvoiceState>, StoreError> {
    let rows = store::invoices::list_standing_invoices(conn, buyer_id)?;
    Ok(rows.into_iter().map(|row| ((row.supplier_id, normalise_number(&row.number)), row.state)).collect())
}

/// Approves the lines of a decided list. An invoice that has come meanwhile is answered on its own page. A payable that another
/// list approved is not approved again.
pub fn approve(batch: &mut Batch<'_>, list: &ConfirmationList) -> Step<()> {
    let mut known = approved_keys(batch.conn, list.party_id)?;
    let presented = presented_states(batch.conn, list.party_id)?;
    let mut told: BTreeMap<PartyId, usize> = BTreeMap::new();
    let mut rows = confirmations::list_waiting_payables(batch.conn, list.id)?;
    for row in &mut rows {
        let came = presented.get(&(row.supplier_id, normalise_number(&row.number)));
        if let Some(state) = came {
            row.refusal = stored(&Refusal::StateConflict { state: state.to_string() });
        } else if !known.insert(key_of(row)) {
            row.refusal = stored(&Refusal::DuplicateInvoice { number: row.number.clone() });
        }
        row.state = if row.refusal.is_empty() { ApprovedState::Approved } else { ApprovedState::Refused };
        if row.state == ApprovedState::Approved {
            let count = told.entry(row.supplier_id).or_default();
            *count = count.saturating_add(1);
        }
    }
    batch.update_all(&rows)?;
    let buyer = batch.party(list.party_id)?;
    for (supplier, count) in told {
        let arguments = json!({ "buyer": buyer.name, "count": count.to_string() });
        batch.notify(supplier, "payables_approved", &arguments, "/invoices/upload".to_owned());
    }
    Ok(())
}

/// Ends approvals that no invoice can use any more; the buyer reads why on each of them.
fn lapse(batch: &mut Batch<'_>, mut rows: Vec<ApprovedPayable>, why: impl Fn(&ApprovedPayable) -> Refusal) -> Step<usize> {
    let mut told: BTreeMap<(PartyId, PartyId), usize> = BTreeMap::new();
    for row in &mut rows {
        row.refusal = stored(&why(row));
        row.state = ApprovedState::Lapsed;
        let count = told.entry((row.buyer_id, row.supplier_id)).or_default();
        *count = count.saturating_add(1);
    }
    batch.update_all(&rows)?;
    for ((buyer_id, supplier_id), count) in told {
        let (buyer, supplier) = (batch.party(buyer_id)?, batch.party(supplier_id)?);
        let arguments = json!({ "buyer": buyer.name, "supplier": supplier.name, "count": count.to_string() });
        batch.notify(buyer_id, "approvals_lapsed", &arguments, "/payables/approved?state=lapsed".to_owned());
        batch.notify(supplier_id, "approvals_lapsed_supplier", &arguments, "/invoices".to_owned());
    }
    Ok(rows.len())
}

/// Ends approvals that are too close to their day to confirm anything, as of the day that begins. Days only come closer.
pub fn lapse_days(batch: &mut Batch<'_>, next: NaiveDate) -> Step<usize> {
    let near = next.checked_add_days(Days::new(MINIMUM_REMAINING_DAYS)).unwrap_or(next);
    let mut rows = confirmations::list_payables_due_before(batch.conn, near)?;
    let refusal = |row: &ApprovedPayable| check_due_date(row.due_date, next).err();
    rows.retain(|row| matches!(refusal(row), Some(Refusal::DueDateTooClose { .. })));
    lapse(batch, rows, |row| refusal(row).unwrap_or(Refusal::NotFound))
}

/// Ends approvals under the number of an invoice that is confirmed now without them, or beside them.
pub fn lapse_confirmed(batch: &mut Batch<'_>, invoice: &Invoice) -> Step<()> {
    let mut rows = list_named(batch.conn, invoice)?;
    // The same number on another day over another amount may be another invoice yet to come.
    rows.retain(|row| row.issue_date == invoice.issue_date || row.payable_minor == invoice.payable_minor);
    lapse(batch, rows, |_| Refusal::StateConflict { state: invoice.state.to_string() }).map(|_| ())
}

/// The approved terms in the form in which they are compared.
#[must_use]
pub fn approved_terms(row: &ApprovedPayable) -> AdvanceTerms<'_> {
    let due_date = Some(row.due_date);
    AdvanceTerms { issue_date: row.issue_date, currency: &row.currency, payable_minor: row.payable_minor, due_date }
}

/// The invoice's terms in the form in which they are compared.
#[must_use]
pub fn invoice_terms(row: &Invoice) -> AdvanceTerms<'_> {
    AdvanceTerms {
        issue_date: row.issue_date,
        currency: &row.currency,
        payable_minor: owed_minor(row.payable_minor, row.credited_minor),
        due_date: row.due_date,
    }
}

/// The payables that this buyer has approved under the invoice's number and no invoice has used.
pub fn list_named(conn: &mut Conn, invoice: &Invoice) -> Result<Vec<ApprovedPayable>, StoreError> {
    Ok(list_shown(conn, invoice)?.into_iter().filter(|row| row.state == ApprovedState::Approved).collect())
}

/// As `list_named`, but includes lapsed approvals: the person who answers the invoice sees what the buyer had approved.
pub fn list_shown(conn: &mut Conn, invoice: &Invoice) -> Result<Vec<ApprovedPayable>, StoreError> {
    let number = normalise_number(&invoice.number);
    let name = PayableName {
        buyer: invoice.buyer_id,
        supplier: invoice.supplier_id,
        number_key: &number,
        // Older records have a key that joined all digits.
        old_key: &joined_number(&invoice.number),
    };
    let mut rows = confirmations::list_payables_named(conn, name)?;
    rows.retain(|row| normalise_number(&row.number) == number);
    Ok(rows)
}

/// The approval that confirms an invoice, and how it is issued then.
pub struct Fitting {
    row: ApprovedPayable,
    /// The invoice's state after it.
    state: InvoiceState,
    terms: Terms,
    split: IssueSplit,
}

/// The approval that confirms this invoice once it is presented: the invoice matches it exactly, and the rules still allow it.
pub fn find(view: &mut dyn View, invoice: &Invoice) -> Step<Option<Fitting>> {
    let named = list_named(view.conn(), invoice)?;
    let fits = |row: &ApprovedPayable| differences(&approved_terms(row), &invoice_terms(invoice)).is_empty();
    let Some(row) = named.into_iter().find(fits) else { return Ok(None) };
    let buyer = view.party(invoice.buyer_id)?;
    let terms = Terms::of(view, invoice, row.due_date)?;
    let decided = decide_confirmation(&ConfirmationFacts {
        amount_minor: row.payable_minor,
        payable_minor: owed_minor(invoice.payable_minor, invoice.credited_minor),
        reason: "",
        deductions_minor: [0; 3],
        due_date: row.due_date,
        invoice_due_date: invoice.due_date,
        today: view.today(),
    });
    let allowed = decided.is_ok() && buyer.capacities.has(Capacity::Buyer);
    let split = decide_issue(row.payable_minor, &terms.issued).ok().filter(|_| allowed);
    let state = next_state(InvoiceState::Presented, InvoiceEvent::Confirm)?;
    Ok(split.map(|split| Fitting { row, state, terms, split }))
}

/// Confirms an invoice that was just presented, under the words that were signed in advance and in the names of who signed them.
pub fn confirm(batch: &mut Batch<'_>, found: Fitting, invoice: Invoice) -> Applied<Done> {
    let Fitting { mut row, state, terms, split } = found;
    let list = ConfirmationList::load(batch.conn, row.list_id)?;
    let signer = list.signer_id.ok_or_else(|| settlement::corrupt("signer of list", list.id))?;
    let proof = Proof::of_list(&list);
    let actor = Actor { party_id: list.party_id, user_id: signer, approver_id: list.approver_id, proof };
    row.state = ApprovedState::Used;
    row.invoice_id = Some(invoice.id);
    batch.update(&row)?;
    let confirm = ConfirmInvoice {
        invoice_id: invoice.id,
        amount_minor: row.payable_minor,
        due_date: row.due_date,
        version: undertaking::ADVANCE.to_owned(),
        words_hash: row.words_hash.clone(),
        reason: String::new(),
        withheld_minor: 0,
        retained_minor: 0,
        deducted_minor: 0,
        terms: String::new(),
    };
    let words = Words { english: row.words_en, chinese: row.words_zh, hash: row.words_hash };
    let (arguments, page) = (json!({ "number": invoice.number }), format!("/payables/{}", invoice.id));
    let issue = Issue { state, words, reason: String::new(), terms, split };
    let mut done = confirm.carry_out(batch, &actor, invoice, issue)?;
    batch.notify(list.party_id, "approved_used", &arguments, page);
    if let Some(body) = done.body.as_object_mut() {
        body.insert("approved_id".to_owned(), json!(row.id));
        body.insert("list_id".to_owned(), json!(list.id));
    }
    Ok(done)
}
