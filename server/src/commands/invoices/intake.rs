//! Turns a file into an invoice or a credit note: first all checks that may refuse, then all writes.

use crate::batch::{Batch, Step, Stop};
use crate::commands::cases::reviews::{self, Finding};
use crate::commands::confirmations::draft_confirmation_list::{hash_of, stored};
use crate::commands::confirmations::links;
use crate::commands::invoices::known::{Known, Loaded};
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, clean, currency, required};
use crate::view::View;
use chrono::NaiveDate;
use domain::confirmation_list::ItemState;
use domain::identity::{ReviewRule, look_key, normalise_number, number_key, stem_key};
use domain::invoice::{
    CreditState, Credited, DocumentKind, IntakeFacts, InvoiceEvent, InvoiceState, NotMeant, decide_credit, decide_intake,
    document_kind, is_factored, is_self_billed, next_state, owed_minor,
};
use domain::money::AmountFault;
use domain::named_party::{self, NamedParty};
use domain::party::Capacity;
use domain::review::ReviewState;
use domain::{Currency, Refusal};
use formats::invoice::{Amount, InvoiceFile, Party as FileParty, Preceding, Syntax};
use formats::{archive::is_zip, pdf::is_pdf};
use kernel::{Blank, CreditNoteId, InvoiceId, PartyId, RecordId, ReviewId};
use serde_json::{Value, json};
use store::people::Waiting;
use store::records::Keyed;
use store::{ConfirmationList, CreditNote, Invoice, Party, StoreError, confirmations};

/// The document in a file, with nothing written yet: ids and times are still to be filled in.
#[derive(Debug)]
pub enum Examined {
    /// The invoice, and what its file says that a person must look at.
    Invoice(Box<Invoice>, Vec<Finding>),
    /// The credit note and the one invoice that it names.
    Credit(Box<CreditNote>, Box<CreditedInvoice>),
    /// The credit note and the several invoices that it names.
    Together(Box<CreditNote>, Vec<Invoice>),
}

/// The invoice that a credit note names, as it was, and its state afterwards.
#[derive(Debug)]
pub struct CreditedInvoice {
    invoice: Invoice,
    outcome: Credited,
    /// Its state after the credit note.
    next: InvoiceState,
    /// The credited amount, as people read it.
    amount: String,
}

impl Examined {
    /// Claims that only one row of a table may make: an invoice's identity, or the invoices that a credit note is for.
    #[must_use]
    pub fn claims(&self) -> Vec<String> {
        match self {
            Self::Invoice(row, _) => {
                vec![format!("{} {} {} {}", row.number_key, row.issue_date, row.currency, row.payable_minor)]
            }
            Self::Credit(_, credited) => vec![format!("credit {}", credited.invoice.id)],
            Self::Together(_, invoices) => invoices.iter().map(|invoice| format!("credit {}", invoice.id)).collect(),
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

/// The file's format, as people mean it by "the same invoice in another format". The first bytes show it because the file has
/// already been read. Among archives only an OFD document is one invoice.
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

/// The company that a file's party means by its tax id or its registration.
fn find_by_tax_id(known: &mut impl Known, party: &FileParty) -> Result<Option<Party>, StoreError> {
    for id in [&party.tax_id, &party.legal_id] {
        let key = domain::tax_id::key(party.country.as_deref().unwrap_or(""), id);
        if key.len() >= 4
            && let Some(found) = known.company(&key)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The company that a file's party means, and whether the file states another tax id than it has.
struct Found {
    party: Option<Party>,
    has_other_tax_id: bool,
}

/// The companies of a file.
struct Parties {
    seller: Option<Party>,
    buyer: Option<Party>,
    /// The file states another tax id than one of them has.
    other_tax_id: bool,
}

/// Finds both companies. A credit note cannot wait for a person as a draft does, so a company with another tax id is not found.
fn find_parties(known: &mut impl Known, supplier: &Party, file: &InvoiceFile, credit: bool) -> Result<Parties, Stop> {
    let (seller, buyer) = (find_seller(known, &file.seller, supplier)?, find_buyer(known, &file.buyer)?);
    let other_tax_id = seller.has_other_tax_id || buyer.has_other_tax_id;
    let sure = |found: Found| found.party.filter(|_| !(credit && found.has_other_tax_id));
    Ok(Parties { seller: sure(seller), buyer: sure(buyer), other_tax_id })
}

/// By tax id, else by what else the file says of it, if exactly one vetted company fits.
fn find_buyer(known: &mut impl Known, party: &FileParty) -> Result<Found, Stop> {
    let is_buyer = |found: &Party| found.capacities.has(Capacity::Buyer);
    if let Some(found) = find_by_tax_id(known, party)? {
        return Ok(Found { party: Some(found).filter(is_buyer), has_other_tax_id: false });
    }
    let named = named_party(party);
    let vetted = known.vetted()?.into_iter().filter(is_buyer);
    let fits = vetted.filter_map(|found| Some((named_party::fit(&named, &company(&found))?, found))).collect();
    let name = || crate::commands::clean(&party.name, 60);
    let only = named_party::only_fit(fits).map_err(|_| Refusal::BuyerSeveral { name: name() })?;
    let party = only.map(|(_, found)| found);
    let has_other_tax_id = party.as_ref().is_some_and(|found| named_party::has_other_tax_id(&named, &company(found)));
    Ok(Found { party, has_other_tax_id })
}

/// The seller is the company that brings the file: by tax id, else by what else the file says of it.
fn find_seller(known: &mut impl Known, party: &FileParty, supplier: &Party) -> Result<Found, StoreError> {
    if let Some(found) = find_by_tax_id(known, party)? {
        return Ok(Found { party: Some(found), has_other_tax_id: false });
    }
    let named = named_party(party);
    let fits = named_party::fit(&named, &company(supplier)).is_some();
    let has_other_tax_id = fits && named_party::has_other_tax_id(&named, &company(supplier));
    Ok(Found { party: fits.then(|| supplier.clone()), has_other_tax_id })
}

fn named_party(party: &FileParty) -> NamedParty<'_> {
    let ids = party.identifiers.iter().chain(&party.endpoint).map(|id| id.value.as_str());
    NamedParty {
        tax_id: &party.tax_id,
        identifiers: ids.chain([party.legal_id.as_str()]).collect(),
        names: [&party.name, &party.trade_name],
        country: party.country.as_deref().unwrap_or(""),
    }
}

fn company(party: &Party) -> named_party::Company<'_> {
    named_party::Company {
        tax_key: &party.tax_key,
        registration_id: &party.registration_id,
        name: &party.name,
        country: &party.country,
        identifiers: [&party.gln, &party.endpoint_id],
    }
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

/// Checks a file without writing anything. `supplier` brings it, `today` is the business date.
pub fn examine(known: &mut impl Known, supplier: &Party, today: NaiveDate, source: &Source<'_>) -> Result<Examined, Stop> {
    let file = source.file;
    let unit = currency(&file.currency)?;
    known.check_terms(unit.code())?;
    let number = required(&file.number, "number", 64)?;
    if normalise_number(&number).is_empty() {
        return Err(Refusal::FieldMissing { field: "number".to_owned() }.into());
    }
    let issue_date = file.issue_date.ok_or_else(|| Refusal::FieldMissing { field: "issue_date".to_owned() })?;
    let payable_minor = minor(unit, file.totals.payable, "payable")?;
    let total_minor = match file.totals.tax_inclusive {
        None => payable_minor,
        total => minor(unit, total, "total")?,
    };
    let kind = document_kind(file.document_type())?;
    let credit = kind == DocumentKind::Credit;
    let Parties { seller, buyer, other_tax_id } = find_parties(known, supplier, file, credit)?;
    decide_intake(&IntakeFacts {
        seller_tax_id: seller.as_ref().map_or("", |party| &party.tax_key),
        seller_in_file: if file.seller.tax_id.is_empty() { &file.seller.legal_id } else { &file.seller.tax_id },
        company_tax_id: &supplier.tax_key,
        buyer_known: buyer.is_some(),
        buyer_is_supplier: buyer.as_ref().is_some_and(|party| party.id == supplier.id),
        // A credit note may give back money that was already settled, so its total counts.
        payable_minor: if credit { total_minor } else { payable_minor },
        issue_date,
        today,
    })?;
    let buyer = buyer.ok_or(Refusal::BuyerUnknown)?;
    let number_key = number_key(&number, is_self_billed(file.document_type()).then_some(buyer.id));
    if credit {
        return examine_credit(known, supplier, &buyer, source, (number, number_key, total_minor));
    }
    let mut said = said_by_itself(file, kind, other_tax_id);
    let replaced = match kind {
        DocumentKind::Replacement => replaced(known, supplier, (buyer.id, unit.code()), file, &mut said)?,
        _ => Preceding::default(),
    };
    let invoice = Invoice {
        id: InvoiceId(0),
        supplier_id: supplier.id,
        buyer_id: buyer.id,
        look_key: look_key(&number),
        stem_key: stem_key(&number),
        number,
        number_key,
        seller_tax_key: supplier.series().to_owned(),
        type_code: file.document_type().to_owned(),
        issue_date,
        due_date: file.due_date,
        currency: unit.code().to_owned(),
        total_minor,
        payable_minor,
        confirmed_minor: 0,
        order_reference: clean(&file.order_reference, 100),
        state: InvoiceState::Draft,
        reason: String::new(),
        document: source.sha256.to_owned(),
        created_at: chrono::NaiveDateTime::default(),
        format: source.format.to_owned(),
        prepaid_minor: minor_or_zero(unit, file.totals.prepaid, "prepaid")?,
        rounding_minor: minor_or_zero(unit, file.totals.rounding, "rounding")?,
        credited_minor: 0,
        replaces: replaced.number,
        review: Blank::NONE,
        warnings: source.warnings.to_owned(),
        replaces_issued: replaced.issue_date,
    };
    if known.is_here(&invoice)? {
        return Err(Refusal::DuplicateInvoice { number: invoice.number }.into());
    }
    Ok(Examined::Invoice(Box::new(invoice), said))
}

/// The same of a file that comes alone: its invoice is compared with what is here.
pub fn examine_alone(view: &mut dyn View, supplier: &Party, source: &Source<'_>) -> Step<Examined> {
    let today = view.today();
    Ok(match examine(view.conn(), supplier, today, source)? {
        Examined::Invoice(mut invoice, said) => {
            // It will be numbered after all that is here.
            invoice.id = InvoiceId(i64::MAX);
            let findings = compare(view.conn(), &mut invoice, said)?;
            Examined::Invoice(invoice, findings)
        }
        credit => credit,
    })
}

/// All that a person must look at, beside what the file itself says.
fn compare(known: &mut impl Known, invoice: &mut Invoice, said: Vec<Finding>) -> Result<Vec<Finding>, StoreError> {
    let mut findings = reviews::findings(known, invoice)?;
    said.into_iter().for_each(|finding| reviews::join(&mut findings, finding));
    if !findings.is_empty() {
        invoice.review = ReviewState::Open.into();
    }
    Ok(findings)
}

/// Facts in the file itself that a person must look at.
fn said_by_itself(file: &InvoiceFile, kind: DocumentKind, other_tax_id: bool) -> Vec<Finding> {
    let assigned = is_factored(file.document_type()) || file.assigned_elsewhere();
    let rules = [
        (ReviewRule::Assigned, assigned),
        (ReviewRule::Instalments, !file.instalments.is_empty()),
        (ReviewRule::OtherTaxId, other_tax_id),
        (ReviewRule::ReplacesUnknown, kind == DocumentKind::Replacement && file.preceding.is_empty()),
    ];
    let rules: Vec<ReviewRule> = rules.into_iter().filter(|(_, holds)| *holds).map(|(rule, _)| rule).collect();
    if rules.is_empty() { Vec::new() } else { vec![Finding { rules, other_id: None, credit_id: None }] }
}

/// The one invoice that a replacement names. Of several it takes the place of none by itself: a person sees each that is here.
fn replaced(
    known: &mut impl Known,
    supplier: &Party,
    (buyer_id, currency): (PartyId, &str),
    file: &InvoiceFile,
    said: &mut Vec<Finding>,
) -> Result<Preceding, Stop> {
    let named = file.named_invoices();
    match named.as_slice() {
        [] => return Ok(Preceding::default()),
        [one] => return Ok(Preceding { number: required(&one.number, "preceding", 64)?, issue_date: one.issue_date }),
        _ => {}
    }
    let mut here = 0_usize;
    for one in named.iter().take(MOST_NAMED) {
        let wanted = (one.number.as_str(), one.issue_date);
        if let Ok(found) = reviews::find_meant(known, (supplier.series(), InvoiceId(i64::MAX)), wanted, (buyer_id, currency))? {
            here = here.saturating_add(1);
            let rules = vec![ReviewRule::ReplacesSeveral];
            reviews::join(said, Finding { rules, other_id: Some(found.id), credit_id: None });
        }
    }
    if here < named.len() {
        reviews::join(said, Finding { rules: vec![ReviewRule::ReplacesUnknown], other_id: None, credit_id: None });
    }
    Ok(Preceding::default())
}

/// More invoices than these are not looked up for one document.
const MOST_NAMED: usize = 20;

fn examine_credit(
    known: &mut impl Known,
    supplier: &Party,
    buyer: &Party,
    source: &Source<'_>,
    (number, number_key, amount_minor): (String, String, i64),
) -> Result<Examined, Stop> {
    let file = source.file;
    let invoices = credited(known, supplier, buyer, file)?;
    let Some(first) = invoices.first() else { return Err(Refusal::FieldMissing { field: "preceding".to_owned() }.into()) };
    let issue_date = file.issue_date.unwrap_or(first.issue_date);
    let mut credit = CreditNote {
        id: CreditNoteId(0),
        supplier_id: supplier.id,
        invoice_id: first.id,
        number,
        number_key,
        type_code: file.document_type().to_owned(),
        issue_date,
        currency: file.currency.clone(),
        amount_minor,
        state: Blank::NONE,
        document: source.sha256.to_owned(),
        created_at: chrono::NaiveDateTime::default(),
    };
    if known.has_credit(&credit)? {
        return Err(Refusal::DuplicateInvoice { number: credit.number }.into());
    }
    let invoice = match <[Invoice; 1]>::try_from(invoices) {
        Ok([only]) => only,
        Err(several) => {
            // The file does not say how much of each is credited.
            credit.state = CreditState::Together.into();
            return Ok(Examined::Together(Box::new(credit), several));
        }
    };
    let owed = owed_minor(invoice.payable_minor, invoice.credited_minor);
    let outcome = decide_credit(invoice.state, owed, amount_minor)?;
    let (state, next) = match outcome {
        Credited::Late => (CreditState::Late, invoice.state),
        Credited::Reduced => (CreditState::Applied, invoice.state),
        Credited::Extinguished => (CreditState::Applied, next_state(invoice.state, InvoiceEvent::Withdraw)?),
    };
    credit.state = state.into();
    let amount = currency(&credit.currency)?.format(amount_minor);
    Ok(Examined::Credit(Box::new(credit), Box::new(CreditedInvoice { invoice, outcome, next, amount })))
}

/// The invoices that a credit note names, all of them here: same seller, buyer and currency.
fn credited(known: &mut impl Known, supplier: &Party, buyer: &Party, file: &InvoiceFile) -> Result<Vec<Invoice>, Stop> {
    let named = file.named_invoices();
    if named.len() > MOST_NAMED {
        return Err(Refusal::FieldInvalid { field: "preceding".to_owned() }.into());
    }
    let mut found: Vec<Invoice> = Vec::with_capacity(named.len());
    for one in named {
        let number = required(&one.number, "preceding", 64)?;
        let wanted = (number.as_str(), one.issue_date);
        let meant = reviews::find_meant(known, (supplier.series(), InvoiceId(i64::MAX)), wanted, (buyer.id, &file.currency))?;
        let invoice = match (meant, one.issue_date) {
            (Ok(row), _) if row.buyer_id == buyer.id && row.currency == file.currency => row,
            (Err(NotMeant::Several), _) => return Err(Refusal::NamedInvoiceSeveral { number }.into()),
            (Err(NotMeant::OtherDate), Some(issue_date)) => return Err(Refusal::NamedInvoiceDate { number, issue_date }.into()),
            _ => return Err(Refusal::NamedInvoiceUnknown { number }.into()),
        };
        if !found.iter().any(|known| known.id == invoice.id) {
            found.push(invoice);
        }
    }
    Ok(found)
}

/// Writes what was examined; the document is kept already. Answers the record's id and what the caller learns.
pub fn admit(batch: &mut Batch<'_>, examined: Examined) -> Applied<(RecordId, Value)> {
    match examined {
        Examined::Invoice(invoice, findings) => admit_invoice(batch, *invoice, &findings),
        Examined::Credit(credit, credited) => admit_credit(batch, *credit, *credited),
        Examined::Together(credit, invoices) => admit_together(batch, *credit, &invoices),
    }
}

fn admit_invoice(batch: &mut Batch<'_>, mut invoice: Invoice, findings: &[Finding]) -> Applied<(RecordId, Value)> {
    (invoice.id, invoice.created_at) = (batch.next_id(), batch.now);
    batch.insert(&invoice)?;
    let opened = if findings.is_empty() { Vec::new() } else { reviews::hold(batch, &invoice, findings)? };
    Ok((invoice.id.into(), admitted(&invoice, &opened)))
}

fn admitted(invoice: &Invoice, opened: &[ReviewId]) -> Value {
    json!({
        "invoice_id": invoice.id, "number": invoice.number, "review": invoice.review, "warnings": invoice.warnings, "reviews": opened,
    })
}

/// Invoices of one table, each compared with what is here and with the rows above it; nothing of them is written yet.
#[derive(Debug)]
pub struct Compared {
    rows: Vec<Invoice>,
    held: Vec<(InvoiceId, Vec<Finding>)>,
}

impl Compared {
    /// Compares the invoices in their order of numbers. People cannot check more than `most` reviews: then the table is refused.
    pub fn new(view: &dyn View, known: &mut Loaded, examined: Vec<(Box<Invoice>, Vec<Finding>)>, most: usize) -> Step<Self> {
        let (mut rows, mut held, mut reviews) = (Vec::with_capacity(examined.len()), Vec::new(), 0_usize);
        let mut last = view.heads().next_id;
        for (mut invoice, said) in examined {
            last = last.saturating_add(1);
            (invoice.id, invoice.created_at) = (InvoiceId(last), view.now());
            let findings = compare(known, &mut invoice, said)?;
            reviews = reviews.saturating_add(findings.len());
            if reviews > most {
                return Err(Refusal::TableNeedsPeople { most }.into());
            }
            if !findings.is_empty() {
                held.push((invoice.id, findings));
            }
            known.add((*invoice).clone());
            rows.push(*invoice);
        }
        Ok(Self { rows, held })
    }

    /// Writes all of them in one go and answers each row's id and what the caller learns, in their order.
    pub fn admit(self, batch: &mut Batch<'_>, supplier: &Party) -> Applied<Vec<(InvoiceId, Value)>> {
        for row in &self.rows {
            let id: InvoiceId = batch.next_id();
            if id != row.id {
                return Err(StoreError::Corrupt(format!("invoice {} was compared as {}", id, row.id)).into());
            }
        }
        batch.insert_all(&self.rows)?;
        let opened = reviews::hold_rows(batch, supplier, &self.held)?;
        Ok(self.rows.iter().map(|row| (row.id, admitted(row, opened.get(&row.id).map_or(&[], Vec::as_slice)))).collect())
    }
}

fn admit_credit(batch: &mut Batch<'_>, mut credit: CreditNote, credited: CreditedInvoice) -> Applied<(RecordId, Value)> {
    let CreditedInvoice { mut invoice, outcome, next, amount } = credited;
    (credit.id, credit.created_at) = (batch.next_id(), batch.now);
    batch.insert(&credit)?;
    let (state, mut opened) = (invoice.state, Vec::new());
    match outcome {
        Credited::Late => {
            let finding = Finding { rules: vec![ReviewRule::CreditedLate], other_id: None, credit_id: Some(credit.id) };
            opened = reviews::hold(batch, &invoice, &[finding])?;
            reviews::refresh(batch, &mut invoice)?;
        }
        Credited::Reduced | Credited::Extinguished => {
            invoice.credited_minor = invoice.credited_minor.saturating_add(credit.amount_minor);
            if outcome == Credited::Extinguished {
                invoice.state = next;
                invoice.reason.clone_from(&credit.number);
            }
            batch.update(&invoice)?;
            end_answers(batch, &invoice)?;
            if outcome == Credited::Extinguished {
                reviews::release(batch, invoice.id)?;
            }
        }
    }
    let arguments = json!({ "number": invoice.number, "credit": credit.number, "currency": credit.currency, "amount": amount });
    let kind = if outcome == Credited::Late { "credited_late" } else { "invoice_credited" };
    if state != InvoiceState::Draft {
        batch.notify(invoice.buyer_id, kind, &arguments, format!("/payables/{}", invoice.id));
    }
    let body = json!({
        "credit_note_id": credit.id, "invoice_id": invoice.id, "number": credit.number, "credited_invoice": invoice.number,
        "currency": credit.currency, "amount_minor": credit.amount_minor, "late": outcome == Credited::Late, "reviews": opened,
    });
    Ok((credit.id.into(), body))
}

/// A credit note over several invoices lowers none of them by itself: each is held until a person has looked.
fn admit_together(batch: &mut Batch<'_>, mut credit: CreditNote, invoices: &[Invoice]) -> Applied<(RecordId, Value)> {
    (credit.id, credit.created_at) = (batch.next_id(), batch.now);
    batch.insert(&credit)?;
    let (mut opened, mut numbers) = (Vec::new(), Vec::new());
    for invoice in invoices {
        let finding = Finding { rules: vec![ReviewRule::CreditedTogether], other_id: None, credit_id: Some(credit.id) };
        opened.extend(reviews::hold(batch, invoice, &[finding])?);
        numbers.push(invoice.number.clone());
        reviews::refresh(batch, &mut invoice.clone())?;
        end_answers(batch, invoice)?;
    }
    let body = json!({
        "credit_note_id": credit.id, "invoice_id": credit.invoice_id, "number": credit.number, "credited_invoice": numbers.join(", "),
        "currency": credit.currency, "amount_minor": credit.amount_minor, "late": false, "together": true, "reviews": opened,
    });
    Ok((credit.id.into(), body))
}

/// The buyer owes less than a waiting request asks it to confirm. This ends the requests and one-time links of this invoice. It
/// also removes the invoice's lines from drafted lists, which changes their hash.
fn end_answers(batch: &mut Batch<'_>, invoice: &Invoice) -> Applied<()> {
    let why = "credited";
    links::end(batch, invoice.id, why)?;
    second_person::end_requests(batch, Waiting::ForAbout("confirm_invoice", invoice.id.into()), why)?;
    for mut item in confirmations::list_drafted_items(batch.conn, invoice.id)? {
        item.state = ItemState::Excluded;
        item.refusal = stored(&Refusal::StateConflict { state: why.to_owned() });
        batch.update(&item)?;
        let Some(mut list) = ConfirmationList::find(batch.conn, item.list_id)? else { continue };
        let rows = confirmations::list_items(batch.conn, list.id)?;
        let rows: Vec<_> = rows.into_iter().map(|row| if row.id == item.id { item.clone() } else { row }).collect();
        list.list_hash = hash_of(&rows);
        batch.update(&list)?;
        second_person::end_requests(batch, Waiting::ForAbout("confirm_list", list.id.into()), why)?;
    }
    Ok(())
}

/// Keeps the file that invoices were read from.
pub fn keep(batch: &mut Batch<'_>, actor: &Actor, file_name: &str, sha256: &str, content: &[u8]) -> Applied<()> {
    Ok(batch.keep_document(actor.party_id, file_name, media_type(content), sha256, content)?)
}
