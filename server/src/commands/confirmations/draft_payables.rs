//! A buyer lists payables whose invoices have not come yet. A payable that cannot be approved stays on the list as excluded, with
//! the reason. The list promises nothing before it is decided (`confirm_list`).

use crate::batch::{Batch, Step};
use crate::commands::confirmations::advance;
use crate::commands::confirmations::confirm_invoice::issue_terms;
use crate::commands::confirmations::draft_confirmation_list::stored;
use crate::commands::programmes::terms::{Places, Subject};
use crate::commands::{Actor, Applied, Done, Execute, optional, required};
use crate::view::View;
use chrono::NaiveDate;
use domain::confirmation_list::{ApprovedState, ListState, MOST_ITEMS, text};
use domain::identity::normalise_number;
use domain::invoice::{MOST_PAYABLE_MINOR, check_due_date};
use domain::party::{Capacity, PartyStatus};
use domain::receivable::{IssueTerms, decide_issue};
use domain::undertaking::{self, UndertakingTerms};
use domain::{Currency, Refusal};
use kernel::{ConfirmationListId, PartyId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use store::records::Keyed;
use store::{ApprovedPayable, ConfirmationList, Conn, Party};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DraftPayables {
    pub file_name: String,
    /// SHA-256 of the buyer's file; the words that are signed name it.
    pub sha256: String,
    #[serde(skip)]
    pub content: Vec<u8>,
    pub rows: Vec<PayableRow>,
}

/// The payment that the buyer plans for an invoice that it expects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PayableRow {
    pub supplier_id: PartyId,
    pub number: String,
    pub issue_date: NaiveDate,
    pub due_date: NaiveDate,
    pub currency: String,
    pub payable_minor: i64,
    pub order_reference: String,
    pub payment_reference: String,
}

impl DraftPayables {
    /// The suppliers that the rows name, each of which may send invoices.
    fn suppliers(&self, conn: &mut Conn, actor: &Actor) -> Step<HashMap<PartyId, Party>> {
        let ids: BTreeSet<PartyId> = self.rows.iter().map(|row| row.supplier_id).collect();
        let found = Party::list_ids(conn, &ids.iter().copied().collect::<Vec<_>>())?;
        let sells = |party: &Party| {
            party.id != actor.party_id && party.status == PartyStatus::Active && party.capacities.has(Capacity::Supplier)
        };
        let known: HashMap<PartyId, Party> = found.into_iter().filter(sells).map(|party| (party.id, party)).collect();
        if known.len() == ids.len() { Ok(known) } else { Err(Refusal::SupplierUnknown.into()) }
    }

    fn terms(&self, view: &mut dyn View) -> Step<BTreeMap<String, IssueTerms>> {
        let mut terms = BTreeMap::new();
        for row in &self.rows {
            if !terms.contains_key(&row.currency) {
                crate::commands::traded(view, &row.currency)?;
                terms.insert(row.currency.clone(), issue_terms(view.conn(), &row.currency)?.1);
            }
        }
        Ok(terms)
    }
}

/// The words that approving this row would sign, in both languages.
fn words((buyer, supplier): (&str, &str), row: &PayableRow, file: &str) -> Step<[String; 2]> {
    let known = Currency::parse(&row.currency).ok_or_else(|| Refusal::CurrencyUnknown { currency: row.currency.clone() })?;
    let amount = format!("{} {}", row.currency, known.format(row.payable_minor));
    let (due, issued) = (row.due_date.to_string(), row.issue_date.to_string());
    let terms = UndertakingTerms {
        buyer,
        supplier,
        invoice_number: &row.number,
        amount: &amount,
        due_date: &due,
        document_hash: file,
        issue_date: &issued,
    };
    Ok(["en", "zh"].map(|language| undertaking::text(undertaking::ADVANCE, language, &terms).unwrap_or_default()))
}

/// The decision about one row.
pub struct Line {
    number: String,
    order_reference: String,
    payment_reference: String,
    /// The words that approving it would sign, in both languages.
    words: [String; 2],
    /// Whether it can be approved.
    checked: Result<(), Refusal>,
}

impl Execute for DraftPayables {
    const NAME: &'static str = "draft_payables";

    /// Of each row, in their order.
    type Decision = Vec<Line>;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Vec<Line>> {
        let buyer = view.acting_party(actor, Capacity::Buyer)?;
        if self.rows.is_empty() {
            return Err(Refusal::NothingChosen.into());
        }
        if self.rows.len() > MOST_ITEMS {
            return Err(Refusal::TooManyChosen { most: MOST_ITEMS }.into());
        }
        let suppliers = self.suppliers(view.conn(), actor)?;
        let terms = self.terms(view)?;
        let presented = advance::presented_states(view.conn(), buyer.id)?;
        let mut known: HashSet<advance::Key> = advance::approved_keys(view.conn(), buyer.id)?;
        let today = view.today();
        let (mut lines, mut places) = (Vec::with_capacity(self.rows.len()), Places::default());
        for row in &self.rows {
            let supplier = suppliers.get(&row.supplier_id).ok_or(Refusal::SupplierUnknown)?;
            let terms = terms.get(&row.currency).ok_or(Refusal::NotFound)?;
            if !(1..=MOST_PAYABLE_MINOR).contains(&row.payable_minor) {
                return Err(Refusal::AmountInvalid { field: "payable".to_owned() }.into());
            }
            let number = required(&row.number, "invoice_number", 100)?;
            let words = words((&buyer.name, &supplier.name), row, &self.sha256)?;
            let order_reference = optional(&row.order_reference, "order_reference", 100)?;
            let payment_reference = optional(&row.payment_reference, "payment_reference", 100)?;
            let subject = Subject {
                supplier_id: supplier.id,
                buyer_id: buyer.id,
                currency: &row.currency,
                issue_date: row.issue_date,
                due_date: Some(row.due_date),
            };
            // Under the terms that would hold today; when the invoice comes they are looked at again.
            let under = places.standing(view.conn(), &subject, today)?.filter(|found| found.verdict.is_ok());
            let terms = under.map_or_else(|| terms.clone(), |under| under.terms.issue_terms(terms));
            let mut checked =
                check_due_date(row.due_date, today).and_then(|()| decide_issue(row.payable_minor, &terms).map(|_| ()));
            let number_key = normalise_number(&number);
            let key: advance::Key = (supplier.id, number_key.clone(), row.issue_date, row.currency.clone(), row.payable_minor);
            if let Some(state) = presented.get(&(supplier.id, number_key)) {
                checked = Err(Refusal::StateConflict { state: state.to_string() });
            } else if checked.is_ok() && !known.insert(key) {
                checked = Err(Refusal::DuplicateInvoice { number: number.clone() });
            }
            lines.push(Line { number, order_reference, payment_reference, words, checked });
        }
        Ok(lines)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, lines: Vec<Line>) -> Applied<Done> {
        let list_id: ConfirmationListId = batch.next_id();
        let mut rows = Vec::with_capacity(lines.len());
        for (row, line) in self.rows.iter().zip(lines) {
            let [words_en, words_zh] = line.words;
            let (state, refusal) = match &line.checked {
                Ok(()) => (ApprovedState::Waiting, String::new()),
                Err(refusal) => (ApprovedState::Excluded, stored(refusal)),
            };
            rows.push(ApprovedPayable {
                id: batch.next_id(),
                list_id,
                buyer_id: actor.party_id,
                supplier_id: row.supplier_id,
                number_key: normalise_number(&line.number),
                number: line.number,
                issue_date: row.issue_date,
                due_date: row.due_date,
                currency: row.currency.clone(),
                payable_minor: row.payable_minor,
                order_reference: line.order_reference,
                payment_reference: line.payment_reference,
                words_hash: crate::hash::sha256_hex(words_en.as_bytes()),
                words_en,
                words_zh,
                state,
                refusal,
                invoice_id: None,
            });
        }
        let lines: Vec<_> = rows
            .iter()
            .filter(|row| row.state != ApprovedState::Excluded)
            .map(|row| (row.id.into(), row.payable_minor, Some(row.due_date), row.words_hash.as_str()))
            .collect();
        let (count, list_hash) = (lines.len(), crate::hash::sha256_hex(text(&lines).as_bytes()));
        batch.keep_document(actor.party_id, &self.file_name, "text/csv", &self.sha256, &self.content)?;
        batch.insert(&ConfirmationList {
            id: list_id,
            party_id: actor.party_id,
            version: undertaking::ADVANCE.to_owned(),
            list_hash: list_hash.clone(),
            state: ListState::Draft,
            signer_id: None,
            approver_id: None,
            created_at: batch.now,
            decided_at: None,
            done_at: None,
            signed_with: String::new(),
            approved_with: String::new(),
        })?;
        batch.insert_all(&rows)?;
        let body = json!({
            "list_id": list_id, "list_hash": list_hash, "version": undertaking::ADVANCE,
            "count": count, "excluded": rows.len().saturating_sub(count),
        });
        Ok(Done::new(list_id, body))
    }
}
