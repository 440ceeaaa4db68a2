//! From a file to an invoice or a credit note: first everything that can say no, then everything that is written.

use super::draft_confirmation_list::{hash_of, stored};
use super::known::{Known, Loaded};
use super::reviews::{self, Finding};
use super::{Actor, clean, currency, links, required, second_person};
use crate::batch::{Batch, Step, Stop};
use chrono::NaiveDate;
use domain::identity::{ReviewRule, look_key, normalise_number, stem_key};
use domain::invoice::{
    Credited, DocumentKind, IntakeFacts, InvoiceEvent, InvoiceState, decide_credit, decide_intake, document_kind, next_state,
    owed_minor,
};
use domain::money::AmountFault;
use domain::party::{Capacity, Names};
use domain::{Currency, Refusal};
use formats::invoice::{Amount, InvoiceFile, Syntax};
use formats::{archive::is_zip, pdf::is_pdf};
use serde_json::{Value, json};
use store::records::{Keyed, Record};
use store::{ConfirmationItem, ConfirmationList, CreditNote, Invoice, Party, StoreError};

/// What a file turned out to be, with nothing written yet: ids and times are still to be filled in.
#[derive(Debug)]
pub enum Examined {
    /// The invoice, and whether it says itself that somebody else is to be paid.
    Invoice(Box<Invoice>, bool),
    /// The credit note and the invoice that it names.
    Credit(Box<CreditNote>, Box<Invoice>),
}

impl Examined {
    /// What only one row of a table may claim: an invoice's identity, or the invoice that a credit note is for.
    #[must_use]
    pub fn claims(&self) -> String {
        match self {
            Self::Invoice(row, _) => {
                format!("{} {} {} {}", row.number_key, row.issue_date, row.currency, row.payable_minor)
            }
            Self::Credit(_, invoice) => format!("credit {}", invoice.id),
        }
    }
}

/// A file as it came.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub file: &'a InvoiceFile,
    pub sha256: &'a str,
    pub format: &'static str,
    /// Rules that it breaks without being wrong.
    pub warnings: &'a str,
}

/// The format of an invoice that is a row among others: its file says nothing about it alone.
pub const TABLE: &str = "csv";

/// The kind of file: what people mean by "the same invoice in another format". The first bytes say it, since the file was read: of
/// the archives only an OFD document is one invoice.
#[must_use]
pub fn format_of(content: &[u8], syntax: Syntax) -> &'static str {
    match syntax {
        _ if is_pdf(content) => "pdf",
        _ if is_zip(content) => "ofd",
        Syntax::Csv => TABLE,
        Syntax::Cii => "cii",
        _ => "ubl",
    }
}

#[must_use]
pub fn media_type(content: &[u8]) -> &'static str {
    match content.iter().find(|mark| mark.is_ascii_graphic()) {
        _ if is_pdf(content) => "application/pdf",
        _ if is_zip(content) => "application/ofd",
        Some(b'<') => "application/xml",
        _ => "text/csv",
    }
}

/// The company that a file's party means: by tax id, else by registration id.
fn find_company(known: &mut impl Known, party: &formats::invoice::Party) -> Result<Option<Party>, StoreError> {
    for id in [&party.tax_id, &party.legal_id] {
        let key = domain::tax_id::key(party.country.as_deref().unwrap_or(""), id);
        if key.len() >= 4
            && let Some(party) = known.company(&key)?
        {
            return Ok(Some(party));
        }
    }
    Ok(None)
}

/// An amount of the file in minor units.
fn minor(currency: Currency, amount: Amount, field: &str) -> Result<i64, Refusal> {
    let amount = amount.ok_or_else(|| Refusal::FieldMissing { field: field.to_owned() })?;
    currency.parse_decimal(&amount.to_string()).map_err(|fault| match fault {
        AmountFault::TooLarge => Refusal::AmountTooLarge,
        _ => Refusal::AmountInvalid { field: field.to_owned() },
    })
}

/// An amount that need not be there.
fn minor_or_zero(currency: Currency, amount: Amount, field: &str) -> Result<i64, Refusal> {
    if amount.is_none() { Ok(0) } else { minor(currency, amount, field) }
}

/// What can be asked of a file without writing anything. `supplier` brings it, `today` is the business date.
pub fn examine(known: &mut impl Known, supplier: &Party, today: NaiveDate, source: &Source<'_>) -> Result<Examined, Stop> {
    let file = source.file;
    let unit = currency(&file.currency)?;
    known.check_terms(unit.code())?;
    let number = required(&file.number, "number", 64)?;
    let number_key = normalise_number(&number);
    if number_key.is_empty() {
        return Err(Refusal::FieldMissing { field: "number".to_owned() }.into());
    }
    let issue_date = file.issue_date.ok_or_else(|| Refusal::FieldMissing { field: "issue_date".to_owned() })?;
    let payable_minor = minor(unit, file.totals.payable, "payable")?;
    let total_minor = match file.totals.tax_inclusive {
        None => payable_minor,
        total => minor(unit, total, "total")?,
    };
    let kind = document_kind(file.document_type())?;
    let buyer = find_company(known, &file.buyer)?;
    let buyer = buyer.filter(|party| Names::parse(&party.capacities).has(Capacity::Buyer.name()));
    let seller = find_company(known, &file.seller)?;
    let credit = kind == DocumentKind::Credit;
    decide_intake(&IntakeFacts {
        seller_tax_id: seller.as_ref().map_or("", |party| &party.tax_key),
        seller_in_file: if file.seller.tax_id.is_empty() { &file.seller.legal_id } else { &file.seller.tax_id },
        company_tax_id: &supplier.tax_key,
        buyer_known: buyer.is_some(),
        buyer_is_supplier: buyer.as_ref().is_some_and(|party| party.id == supplier.id),
        // What a credit note gives back may have been settled already; its total counts.
        payable_minor: if credit { total_minor } else { payable_minor },
        issue_date,
        today,
    })?;
    let buyer = buyer.ok_or(Refusal::BuyerUnknown)?;
    let named = match kind {
        DocumentKind::Credit | DocumentKind::Replacement => only_named(file)?,
        _ => String::new(),
    };
    if credit {
        return examine_credit(known, supplier, &buyer, source, (number, number_key, total_minor, named));
    }
    let invoice = Invoice {
        id: 0,
        supplier_id: supplier.id,
        buyer_id: buyer.id,
        look_key: look_key(&number),
        stem_key: stem_key(&number),
        number,
        number_key,
        seller_tax_key: supplier.tax_key.clone(),
        type_code: file.document_type().to_owned(),
        issue_date,
        due_date: file.due_date,
        currency: unit.code().to_owned(),
        total_minor,
        payable_minor,
        confirmed_minor: 0,
        order_reference: clean(&file.order_reference, 100),
        state: InvoiceState::Draft.name().to_owned(),
        reason: String::new(),
        document: source.sha256.to_owned(),
        created_at: chrono::NaiveDateTime::default(),
        format: source.format.to_owned(),
        prepaid_minor: minor_or_zero(unit, file.totals.prepaid, "prepaid")?,
        rounding_minor: minor_or_zero(unit, file.totals.rounding, "rounding")?,
        credited_minor: 0,
        replaces: named,
        review: String::new(),
        warnings: source.warnings.to_owned(),
    };
    if known.is_here(&invoice)? {
        return Err(Refusal::DuplicateInvoice { number: invoice.number }.into());
    }
    let assigned = kind == DocumentKind::Factored || file.assigned_elsewhere();
    Ok(Examined::Invoice(Box::new(invoice), assigned))
}

/// The one invoice that a credit note or a replacement names.
fn only_named(file: &InvoiceFile) -> Result<String, Refusal> {
    let field = || "preceding".to_owned();
    match file.preceding.as_slice() {
        [] => Err(Refusal::FieldMissing { field: field() }),
        [one] => required(one, "preceding", 64),
        _ => Err(Refusal::FieldInvalid { field: field() }),
    }
}

fn examine_credit(
    known: &mut impl Known,
    supplier: &Party,
    buyer: &Party,
    source: &Source<'_>,
    (number, number_key, amount_minor, named): (String, String, i64, String),
) -> Result<Examined, Stop> {
    let file = source.file;
    let found = known.named(&supplier.tax_key, &named, i64::MAX)?;
    let invoice = found.filter(|row| row.buyer_id == buyer.id && row.currency == file.currency);
    let invoice = invoice.ok_or(Refusal::NamedInvoiceUnknown { number: named })?;
    let state = state_of(&invoice)?;
    let issue_date = file.issue_date.unwrap_or(invoice.issue_date);
    let mut credit = CreditNote {
        id: 0,
        supplier_id: supplier.id,
        invoice_id: invoice.id,
        number,
        number_key,
        type_code: file.document_type().to_owned(),
        issue_date,
        currency: file.currency.clone(),
        amount_minor,
        state: String::new(),
        document: source.sha256.to_owned(),
        created_at: chrono::NaiveDateTime::default(),
    };
    if known.has_credit(&credit)? {
        return Err(Refusal::DuplicateInvoice { number: credit.number }.into());
    }
    let outcome = decide_credit(state, owed_minor(invoice.payable_minor, invoice.credited_minor), amount_minor)?;
    if outcome == Credited::Late { "late" } else { "applied" }.clone_into(&mut credit.state);
    Ok(Examined::Credit(Box::new(credit), Box::new(invoice)))
}

fn state_of(invoice: &Invoice) -> Result<InvoiceState, StoreError> {
    InvoiceState::parse(&invoice.state).ok_or_else(|| super::settlement::corrupt("state of invoice", invoice.id))
}

/// Writes what was examined; the document is kept already. Answers the record's id and what the caller learns.
pub fn admit(batch: &mut Batch<'_>, examined: Examined) -> Step<(i64, Value)> {
    match examined {
        Examined::Invoice(invoice, assigned) => admit_invoice(batch, *invoice, assigned),
        Examined::Credit(credit, invoice) => admit_credit(batch, *credit, *invoice),
    }
}

fn admit_invoice(batch: &mut Batch<'_>, mut invoice: Invoice, assigned: bool) -> Step<(i64, Value)> {
    (invoice.id, invoice.created_at) = (batch.next_id(), batch.now);
    let mut findings = reviews::findings(&mut *batch.conn, &invoice)?;
    findings.extend(assigned.then(says_assigned));
    if !findings.is_empty() {
        "open".clone_into(&mut invoice.review);
    }
    batch.insert(&invoice)?;
    let opened = if findings.is_empty() { Vec::new() } else { reviews::hold(batch, &invoice, &findings)? };
    Ok((invoice.id, admitted(&invoice, &opened)))
}

fn says_assigned() -> Finding {
    Finding { rules: vec![ReviewRule::Assigned], other_id: None, credit_id: None }
}

fn admitted(invoice: &Invoice, opened: &[i64]) -> Value {
    json!({
        "invoice_id": invoice.id, "number": invoice.number, "review": invoice.review, "warnings": invoice.warnings, "reviews": opened,
    })
}

/// Invoices of one table, each compared with what is here and with the rows above it; nothing of them is written yet.
#[derive(Debug)]
pub struct Compared {
    rows: Vec<Invoice>,
    held: Vec<(i64, Vec<Finding>)>,
}

impl Compared {
    /// Compares them in their order, as they would be numbered. More than `most` reviews nobody looks through: then none is taken.
    pub fn new(batch: &Batch<'_>, known: &mut Loaded, examined: Vec<(Box<Invoice>, bool)>, most: usize) -> Step<Self> {
        let (mut rows, mut held, mut reviews) = (Vec::with_capacity(examined.len()), Vec::new(), 0_usize);
        let mut last = batch.heads.next_id;
        for (mut invoice, assigned) in examined {
            last = last.saturating_add(1);
            (invoice.id, invoice.created_at) = (last, batch.now);
            let mut findings = reviews::findings(known, &invoice)?;
            findings.extend(assigned.then(says_assigned));
            reviews = reviews.saturating_add(findings.len());
            if reviews > most {
                return Err(Refusal::TableNeedsPeople { most }.into());
            }
            if !findings.is_empty() {
                "open".clone_into(&mut invoice.review);
                held.push((invoice.id, findings));
            }
            known.add((*invoice).clone());
            rows.push(*invoice);
        }
        Ok(Self { rows, held })
    }

    /// Writes all of them in one go and answers each row's id and what the caller learns, in their order.
    pub fn admit(self, batch: &mut Batch<'_>, supplier: &Party) -> Step<Vec<(i64, Value)>> {
        for row in &self.rows {
            let id = batch.next_id();
            if id != row.id {
                return Err(StoreError::Corrupt(format!("invoice {} was compared as {}", id, row.id)).into());
            }
        }
        batch.insert_all(&self.rows)?;
        let opened = reviews::hold_rows(batch, supplier, &self.held)?;
        Ok(self.rows.iter().map(|row| (row.id, admitted(row, opened.get(&row.id).map_or(&[], Vec::as_slice)))).collect())
    }
}

fn admit_credit(batch: &mut Batch<'_>, mut credit: CreditNote, mut invoice: Invoice) -> Step<(i64, Value)> {
    (credit.id, credit.created_at) = (batch.next_id(), batch.now);
    batch.insert(&credit)?;
    let state = state_of(&invoice)?;
    let owed = owed_minor(invoice.payable_minor, invoice.credited_minor);
    let outcome = decide_credit(state, owed, credit.amount_minor)?;
    let mut opened = Vec::new();
    match outcome {
        Credited::Late => {
            let finding = Finding { rules: vec![ReviewRule::CreditedLate], other_id: None, credit_id: Some(credit.id) };
            opened = reviews::hold(batch, &invoice, &[finding])?;
            reviews::refresh(batch, &mut invoice)?;
        }
        Credited::Reduced | Credited::Extinguished => {
            invoice.credited_minor = invoice.credited_minor.saturating_add(credit.amount_minor);
            if outcome == Credited::Extinguished {
                next_state(state, InvoiceEvent::Withdraw)?.name().clone_into(&mut invoice.state);
                invoice.reason.clone_from(&credit.number);
            }
            batch.update(&invoice)?;
            end_answers(batch, &invoice)?;
            if outcome == Credited::Extinguished {
                reviews::release(batch, invoice.id)?;
            }
        }
    }
    let amount = currency(&credit.currency)?.format(credit.amount_minor);
    let arguments = json!({ "number": invoice.number, "credit": credit.number, "currency": credit.currency, "amount": amount });
    let kind = if outcome == Credited::Late { "credited_late" } else { "invoice_credited" };
    if state != InvoiceState::Draft {
        batch.notify(invoice.buyer_id, kind, &arguments, format!("/payables/{}", invoice.id));
    }
    let body = json!({
        "credit_note_id": credit.id, "invoice_id": invoice.id, "number": credit.number, "credited_invoice": invoice.number,
        "currency": credit.currency, "amount_minor": credit.amount_minor, "late": outcome == Credited::Late, "reviews": opened,
    });
    Ok((credit.id, body))
}

/// Less is owed than what somebody was asked to confirm: ends the requests and one-time links of this invoice, and takes its lines out of
/// drafted lists, whose hash changes with them.
fn end_answers(batch: &mut Batch<'_>, invoice: &Invoice) -> Step<()> {
    let why = "credited";
    links::end(batch, invoice.id, why)?;
    second_person::end_requests(batch, "command = 'confirm_invoice' AND subject_id = ?", &[invoice.id.into()], why)?;
    for mut item in store::confirmation_lists::list_drafted(batch.conn, invoice.id)? {
        "excluded".clone_into(&mut item.state);
        item.refusal = stored(&Refusal::StateConflict { state: why.to_owned() });
        batch.update(&item)?;
        let Some(mut list) = ConfirmationList::find(batch.conn, item.list_id)? else { continue };
        let rows = ConfirmationItem::list_where(batch.conn, "list_id = ? ORDER BY id", &[list.id.into()])?;
        let rows: Vec<_> = rows.into_iter().map(|row| if row.id == item.id { item.clone() } else { row }).collect();
        list.list_hash = hash_of(&rows);
        batch.update(&list)?;
        second_person::end_requests(batch, "command = 'confirm_list' AND subject_id = ?", &[list.id.into()], why)?;
    }
    Ok(())
}

/// Keeps the file that invoices were read from.
pub fn keep(batch: &mut Batch<'_>, actor: &Actor, file_name: &str, sha256: &str, content: &[u8]) -> Step<()> {
    batch.keep_document(actor.party_id, file_name, media_type(content), sha256, content)
}
