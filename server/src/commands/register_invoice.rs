//! A supplier's uploaded file becomes a draft invoice; a person submits it afterwards.

use super::{Actor, Done, Execute, confirm_invoice, currency, optional, required};
use crate::batch::{Batch, Step};
use chrono::Datelike;
use domain::money::AmountFault;
use domain::{Currency, Refusal};
use domain::identity::normalise_number;
use domain::invoice::{InvoiceState, IntakeFacts, decide_intake};
use domain::party::{Capacity, Names, normalise_tax_id};
use formats::invoice::{Amount, InvoiceFile};
use formats::read::{Container, container};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Record;
use store::{Invoice, Party};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RegisterInvoice {
    pub file_name: String,
    pub sha256: String,
    #[serde(skip)]
    pub content: Vec<u8>,
    #[serde(skip)]
    pub parsed: Box<InvoiceFile>,
}

/// The company that a file's party means: by tax id, else by registration id.
fn find_company(batch: &mut Batch<'_>, tax_id: &str, legal_id: &str) -> Step<Option<Party>> {
    for id in [tax_id, legal_id] {
        let key = normalise_tax_id(id);
        if key.len() >= 4
            && let Some(party) = Party::find_where(batch.conn, "tax_key = ?", &[key.into()])?
        {
            return Ok(Some(party));
        }
    }
    Ok(None)
}

fn media_type(content: &[u8]) -> &'static str {
    match container(content) {
        Some(Container::Pdf) => "application/pdf",
        Some(Container::Ofd) => "application/ofd",
        Some(Container::Zip) => "application/zip",
        None if content.iter().find(|mark| mark.is_ascii_graphic()) == Some(&b'<') => "application/xml",
        None => "text/csv",
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

impl Execute for RegisterInvoice {
    const NAME: &'static str = "register_invoice";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let supplier = batch.acting_party(actor, Capacity::Supplier)?;
        let file = &self.parsed;
        let known = currency(&file.currency)?;
        // Without terms for its currency a receivable could never be issued: better to say so now.
        confirm_invoice::issue_terms(batch.conn, known.code())?;
        let number = required(&file.number, "number", 64)?;
        let issue_date = file.issue_date.ok_or_else(|| Refusal::FieldMissing { field: "issue_date".to_owned() })?;
        let payable_minor = minor(known, file.totals.payable, "payable")?;
        let total_minor = match file.totals.tax_inclusive {
            None => payable_minor,
            total => minor(known, total, "total")?,
        };
        let buyer = find_company(batch, &file.buyer.tax_id, &file.buyer.legal_id)?;
        let buyer = buyer.filter(|party| Names::parse(&party.capacities).has(Capacity::Buyer.name()));
        let seller = find_company(batch, &file.seller.tax_id, &file.seller.legal_id)?;
        decide_intake(&IntakeFacts {
            type_code: file.document_type(),
            seller_tax_id: seller.as_ref().map_or("", |party| &party.tax_key),
            company_tax_id: &supplier.tax_key,
            buyer_known: buyer.is_some(),
            buyer_is_supplier: buyer.as_ref().is_some_and(|party| party.id == supplier.id),
            payable_minor,
            issue_date,
            today: batch.today(),
            assigned_elsewhere: file.assigned_elsewhere(),
        })?;
        let buyer = buyer.ok_or(Refusal::BuyerUnknown)?;
        let number_key = normalise_number(&number);
        if number_key.is_empty() {
            return Err(Refusal::FieldMissing { field: "ID".to_owned() }.into());
        }
        let year = i64::from(issue_date.year());
        let binds = [supplier.tax_key.as_str().into(), number_key.as_str().into(), year.into()];
        let condition = "seller_tax_key = ? AND number_key = ? AND year = ? AND state <> 'withdrawn'";
        if Invoice::find_where(batch.conn, condition, &binds)?.is_some() {
            return Err(Refusal::DuplicateInvoice { number }.into());
        }
        batch.keep_document(actor.party_id, &self.file_name, media_type(&self.content), &self.sha256, &self.content)?;
        let invoice = Invoice {
            id: batch.next_id(),
            supplier_id: supplier.id,
            buyer_id: buyer.id,
            number,
            number_key,
            year,
            seller_tax_key: supplier.tax_key,
            type_code: file.document_type().to_owned(),
            issue_date,
            due_date: file.due_date,
            currency: file.currency.clone(),
            total_minor,
            payable_minor,
            confirmed_minor: 0,
            order_reference: optional(&file.order_reference.chars().take(100).collect::<String>(), "order_reference", 100).unwrap_or_default(),
            state: InvoiceState::Draft.name().to_owned(),
            reason: String::new(),
            document: self.sha256.clone(),
            created_at: batch.now,
        };
        batch.insert(&invoice)?;
        Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id, "number": invoice.number })))
    }
}
