//! The evidence beside an invoice: its files, for supplier, buyer and operator, and the form by which the supplier adds one.

use super::super::error::Fault;
use super::super::rights::{SupplierMaker, Who};
use super::super::routes::{Id, Routes};
use super::super::upload::{Uploaded, UploadedFile};
use super::listing::plain_table;
use super::{Answer, SignedIn, again, invoices, receipt};
use crate::commands::Outcome;
use crate::commands::invoices::attach_evidence::AttachEvidence;
use crate::config::LARGEST_FILE;
use domain::Refusal;
use domain::invoice::EvidenceKind;
use kernel::InvoiceId;
use store::Evidence;
use web::{Block, Field, Form, Language, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.post("/invoices/{id}/evidence", attach_post);
}

#[must_use]
pub fn table(language: Language, rows: &[Evidence]) -> Option<Block> {
    table_at(language, rows, |row| format!("/documents/{}", row.document))
}

/// The same with addresses of their own.
#[must_use]
pub fn table_at(language: Language, rows: &[Evidence], address: impl Fn(&Evidence) -> String) -> Option<Block> {
    if rows.is_empty() {
        return None;
    }
    let cells = rows.iter().map(|row| {
        vec![
            Value::text(language.t(&format!("evidence-{}", row.kind))),
            Value::link(row.name.clone(), address(row)),
            Value::code(row.document.chars().take(16).collect::<String>()),
            Value::moment(language, row.created_at),
        ]
    });
    let heads = [("evidence-kind", false), ("evidence-file", false), ("evidence-hash", false), ("col-when", false)];
    Some(Block::Table(Box::new(plain_table(language, "evidence-title", &heads, cells.collect(), "list-no-match"))))
}

#[must_use]
pub fn form(language: Language, invoice_id: InvoiceId) -> Block {
    let kinds = EvidenceKind::ALL.iter().map(|kind| (kind.name().to_owned(), language.t(&format!("evidence-{}", kind.name()))));
    let limit = [("megabytes", (LARGEST_FILE / 1024 / 1024).to_string())];
    let fields = vec![
        Field::new("kind", language.t("evidence-kind"), "select").options(kinds.collect()),
        Field::new("files", language.t("evidence-file"), "files").hint(language.fill("evidence-limits", &limit)),
    ];
    let form = Form::new(format!("/invoices/{invoice_id}/evidence"), language.t("evidence-attach"), fields).secondary();
    Block::Form(Box::new(form))
}

/// One file beside an invoice.
pub async fn attach<R: SignedIn>(
    who: &Who<R>,
    key: &str,
    invoice_id: InvoiceId,
    kind: &str,
    file: UploadedFile,
) -> Result<Outcome, Fault> {
    if file.too_large {
        return Err(Refusal::FileTooLarge.into());
    }
    // The kind of the file is detected here, not in the writer.
    let file_name = file.name;
    let file = who.app.reader.evidence(who.party_id()?, file.content).await?;
    let command = AttachEvidence { invoice_id, kind: kind.to_owned(), file_name, sha256: file.sha256().to_owned(), file };
    who.submit(key, command).await
}

async fn attach_post(who: Who<SupplierMaker>, id: Id, uploaded: Uploaded) -> Answer {
    let (key, kind) = (uploaded.posted.key(), uploaded.posted.get("kind").to_owned());
    let mut last = Err(Fault::Refused(Refusal::FieldMissing { field: "files".to_owned() }));
    for (index, file) in uploaded.files.into_iter().enumerate() {
        let key = if index == 0 { key.clone() } else { format!("{key}-{index}") };
        last = attach(&who, &key, InvoiceId(id.0), &kind, file).await;
        if last.is_err() {
            break;
        }
    }
    match last {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => {
            let (page, currency) = invoices::page_of(&who, InvoiceId(id.0)).await?;
            again(&who, page, &uploaded.posted, fault, &currency).await
        }
    }
}
