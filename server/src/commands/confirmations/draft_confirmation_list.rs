//! A buyer puts many payables on one list, to confirm them with one decision. A payable that cannot be confirmed stays on the
//! list as excluded, with the reason. The list promises nothing yet.

use crate::batch::{Batch, Step};
use crate::commands::confirmations::confirm_invoice::{issue_terms, words_between};
use crate::commands::{Actor, Applied, Done, Execute, prose};
use crate::view::View;
use chrono::NaiveDate;
use domain::Refusal;
use domain::confirmation_list::{ItemState, ListState, MOST_ITEMS, text};
use domain::invoice::{InvoiceEvent, InvoiceState, next_state, owed_minor};
use domain::party::Capacity;
use domain::receivable::{ConfirmationFacts, IssueTerms, decide_confirmation, decide_issue};
use domain::review::ReviewState;
use kernel::{ConfirmationListId, InvoiceId, PartyId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::records::Keyed;
use store::{AnswerClock, ConfirmationItem, ConfirmationList, Invoice, Party};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DraftConfirmationList {
    pub items: Vec<DraftItem>,
}

/// One payable of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DraftItem {
    pub invoice_id: InvoiceId,
    /// The amount that the buyer will pay, minor units of the invoice's currency.
    pub amount_minor: i64,
    /// The day on which it will be paid; the invoice's own when left out.
    #[serde(default)]
    pub due_date: Option<NaiveDate>,
    /// Needed when less is confirmed, or for later.
    #[serde(default)]
    pub reason: String,
}

/// Whether this could be confirmed as it is now, under these terms of its currency.
pub fn check(invoice: &Invoice, item: &DraftItem, terms: &IssueTerms, today: NaiveDate) -> Result<NaiveDate, Refusal> {
    let due_date = item.due_date.or(invoice.due_date).ok_or_else(|| Refusal::FieldMissing { field: "due_date".to_owned() })?;
    let less = decide_confirmation(&ConfirmationFacts {
        amount_minor: item.amount_minor,
        payable_minor: owed_minor(invoice.payable_minor, invoice.credited_minor),
        reason: &item.reason,
        // The buyer states deductions on the payable's own page.
        deductions_minor: [0; 3],
        due_date,
        invoice_due_date: invoice.due_date,
        today,
    })?;
    if invoice.review == ReviewState::Open {
        return Err(Refusal::UnderReview);
    }
    // A disputed payable has a history of its own: it is answered on its own page, not among many.
    if invoice.state != InvoiceState::Presented {
        return Err(Refusal::StateConflict { state: invoice.state.to_string() });
    }
    next_state(invoice.state, if less { InvoiceEvent::ConfirmLess } else { InvoiceEvent::Confirm })?;
    decide_issue(item.amount_minor, terms)?;
    prose(&item.reason, "reason", 500)?;
    Ok(due_date)
}

/// A refusal as a list keeps it: code and arguments, so that it can be said in either language.
#[must_use]
pub fn stored(refusal: &Refusal) -> String {
    let arguments = refusal.arguments().into_iter().map(|(name, value)| (name.to_owned(), value));
    let all: BTreeMap<String, String> = arguments.chain([("code".to_owned(), refusal.code().to_owned())]).collect();
    json!(all).to_string()
}

/// The decision about one item.
pub struct Line {
    due_date: Option<NaiveDate>,
    /// The hash of the words that confirming it would sign, or why it cannot be confirmed.
    words_hash: Result<String, Refusal>,
}

impl Execute for DraftConfirmationList {
    const NAME: &'static str = "draft_confirmation_list";

    /// Of each item, in their order.
    type Decision = Vec<Line>;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Vec<Line>> {
        let buyer = view.acting_party(actor, Capacity::Buyer)?;
        if self.items.is_empty() {
            return Err(Refusal::NothingChosen.into());
        }
        if self.items.len() > MOST_ITEMS {
            return Err(Refusal::TooManyChosen { most: MOST_ITEMS }.into());
        }
        let ids: Vec<InvoiceId> = self.items.iter().map(|item| item.invoice_id).collect();
        if ids.iter().collect::<BTreeSet<_>>().len() != ids.len() {
            return Err(Refusal::FieldInvalid { field: "items".to_owned() }.into());
        }
        let found = Invoice::list_ids(view.conn(), &ids)?;
        let presented: BTreeSet<InvoiceId> =
            AnswerClock::list_ids(view.conn(), &ids)?.into_iter().map(|clock| clock.id).collect();
        let own = |row: &Invoice| row.buyer_id == actor.party_id && presented.contains(&row.id);
        let invoices: HashMap<InvoiceId, Invoice> = found.into_iter().filter(own).map(|row| (row.id, row)).collect();
        if invoices.len() != ids.len() {
            return Err(Refusal::NotFound.into());
        }
        let suppliers: BTreeSet<PartyId> = invoices.values().map(|row| row.supplier_id).collect();
        let suppliers = Party::list_ids(view.conn(), &suppliers.into_iter().collect::<Vec<_>>())?;
        let names: HashMap<PartyId, String> = suppliers.into_iter().map(|party| (party.id, party.name)).collect();
        let mut terms: BTreeMap<String, IssueTerms> = BTreeMap::new();
        for invoice in invoices.values() {
            if !terms.contains_key(&invoice.currency) {
                terms.insert(invoice.currency.clone(), issue_terms(view.conn(), &invoice.currency)?.1);
            }
        }
        let today = view.today();
        let mut lines = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let invoice = invoices.get(&item.invoice_id).ok_or(Refusal::NotFound)?;
            let terms = terms.get(&invoice.currency).ok_or(Refusal::NotFound)?;
            let words_hash = match check(invoice, item, terms, today) {
                Ok(due) => {
                    let supplier = names.get(&invoice.supplier_id).map_or("", String::as_str);
                    Ok(words_between((&buyer.name, supplier), invoice, item.amount_minor, due)?.hash)
                }
                Err(refusal) => Err(refusal),
            };
            lines.push(Line { due_date: item.due_date.or(invoice.due_date), words_hash });
        }
        Ok(lines)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, lines: Vec<Line>) -> Applied<Done> {
        let list_id: ConfirmationListId = batch.next_id();
        let mut rows = Vec::with_capacity(lines.len());
        for (item, line) in self.items.iter().zip(lines) {
            let (state, refusal) = match &line.words_hash {
                Ok(_) => (ItemState::Waiting, String::new()),
                Err(refusal) => (ItemState::Excluded, stored(refusal)),
            };
            rows.push(ConfirmationItem {
                id: batch.next_id(),
                list_id,
                invoice_id: item.invoice_id,
                amount_minor: item.amount_minor,
                due_date: line.due_date,
                reason: crate::commands::clean(item.reason.trim(), 500),
                words_hash: line.words_hash.unwrap_or_default(),
                state,
                refusal,
            });
        }
        let list_hash = hash_of(&rows);
        let list = ConfirmationList {
            id: list_id,
            party_id: actor.party_id,
            version: domain::undertaking::CURRENT.to_owned(),
            list_hash: list_hash.clone(),
            state: ListState::Draft,
            signer_id: None,
            approver_id: None,
            created_at: batch.now,
            decided_at: None,
            done_at: None,
            signed_with: String::new(),
            approved_with: String::new(),
        };
        batch.insert(&list)?;
        batch.insert_all(&rows)?;
        let excluded = rows.iter().filter(|row| row.state == ItemState::Excluded).count();
        let body = json!({
            "list_id": list_id, "list_hash": list_hash, "version": list.version,
            "count": rows.len().saturating_sub(excluded), "excluded": excluded,
        });
        Ok(Done::new(list_id, body))
    }
}

/// The hash of what a list would confirm: every line that is not excluded, in its order.
#[must_use]
pub fn hash_of(rows: &[ConfirmationItem]) -> String {
    let lines = rows.iter().filter(|row| row.state != ItemState::Excluded);
    let lines: Vec<_> =
        lines.map(|row| (row.invoice_id.into(), row.amount_minor, row.due_date, row.words_hash.as_str())).collect();
    crate::hash::sha256_hex(text(&lines).as_bytes())
}
