//! A supplier's table becomes draft invoices and credit notes, all of its rows or none; the same table again changes nothing.

use crate::batch::{Batch, Step, Stop};
use crate::commands::invoices::intake::{self, Compared, Examined, Source, admit, examine};
use crate::commands::invoices::known::Loaded;
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use chrono::NaiveDate;
use domain::Refusal;
use domain::party::Capacity;
use formats::csv::CsvInvoice;
use kernel::RecordId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::{Party, StoreError};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RegisterTable {
    pub file_name: String,
    pub sha256: String,
    #[serde(skip)]
    pub content: Vec<u8>,
    #[serde(skip)]
    pub rows: Vec<CsvInvoice>,
}

/// The line of a row and why it cannot be taken.
pub type RowFault = (u32, Refusal);

/// Credit notes and reviews of one table, which are written one by one and looked at by people.
const MOST_BY_HAND: usize = 2_000;

/// The column that a refusal of a row is about.
#[must_use]
pub fn column_of(refusal: &Refusal) -> &'static str {
    match refusal.code() {
        "buyer_unknown" | "buyer_several" | "buyer_is_supplier" => "buyer_tax_id",
        "not_the_supplier" => "seller_tax_id",
        "duplicate_invoice" => "number",
        "document_not_financeable" => "type_code",
        "currency_unknown" => "currency",
        "payable_not_positive" | "amount_too_large" => "payable",
        "credit_too_large" => "total",
        "named_invoice_unknown" | "named_invoice_several" => "preceding",
        "named_invoice_date" => "preceding_date",
        "date_invalid" => "issue_date",
        _ => {
            let named = refusal.arguments().into_iter().find(|(name, _)| *name == "field").map(|(_, value)| value);
            let known = |name: &&&str| named.as_deref() == Some(**name);
            ["number", "issue_date", "payable", "total", "prepaid", "preceding"].iter().find(known).copied().unwrap_or("")
        }
    }
}

/// All rows, each examined beside what is here and beside the rows above it, or all that is wrong with them. Nothing is written.
pub fn examine_all(
    known: &mut Loaded,
    supplier: &Party,
    today: NaiveDate,
    sha256: &str,
    rows: &[CsvInvoice],
) -> Result<Result<Vec<Examined>, Vec<RowFault>>, StoreError> {
    let (mut good, mut faults): (Vec<Examined>, Vec<RowFault>) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut seen = std::collections::HashSet::new();
    for row in rows {
        let source = Source { file: &row.invoice, sha256, format: intake::TABLE, warnings: "" };
        match examine(known, supplier, today, &source) {
            Ok(examined) if claims_all(&mut seen, &examined) => good.push(examined),
            Ok(_) => faults.push((row.line, Refusal::DuplicateInvoice { number: row.invoice.number.clone() })),
            Err(Stop::Refused(refusal)) => faults.push((row.line, refusal)),
            Err(Stop::Failed(error)) => return Err(error),
        }
    }
    Ok(if faults.is_empty() { Ok(good) } else { Err(faults) })
}

/// Whether no row above has claimed any of it.
fn claims_all(seen: &mut std::collections::HashSet<String>, examined: &Examined) -> bool {
    let claims = examined.claims();
    let free = claims.iter().all(|claim| !seen.contains(claim));
    seen.extend(claims);
    free
}

/// The outcome for a table.
pub enum Taking {
    /// It was loaded before, as this record first.
    Known(RecordId),
    New(Takable),
}

/// A table of which every row may be taken.
pub struct Takable {
    supplier: Arc<Party>,
    invoices: Compared,
    credits: Vec<Examined>,
    /// Of each row, whether it is a credit note.
    is_credit: Vec<bool>,
}

impl Execute for RegisterTable {
    const NAME: &'static str = "register_table";

    type Decision = Taking;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Taking> {
        let supplier = view.acting_party(actor, Capacity::Supplier)?;
        if let Some(known) = store::invoices::find_registered(view.conn(), supplier.id, &self.sha256)? {
            return Ok(Taking::Known(known));
        }
        let today = view.today();
        let mut known = Loaded::load(view.conn(), &supplier, &self.rows)?;
        let examined = examine_all(&mut known, &supplier, today, &self.sha256, &self.rows)?;
        // The sender has already asked for all faults of the table. A fault that is found here comes from a change since then.
        let examined = examined.map_err(|faults| faults.into_iter().next().map_or(Refusal::NotFound, |(_, refusal)| refusal))?;
        let (mut invoices, mut credits, mut is_credit) = (Vec::new(), Vec::new(), Vec::with_capacity(examined.len()));
        for one in examined {
            is_credit.push(!matches!(one, Examined::Invoice(..)));
            match one {
                Examined::Invoice(row, said) => invoices.push((row, said)),
                credit => credits.push(credit),
            }
        }
        let left = MOST_BY_HAND.checked_sub(credits.len()).ok_or(Refusal::TableNeedsPeople { most: MOST_BY_HAND })?;
        let invoices = Compared::new(view, &mut known, invoices, left)?;
        Ok(Taking::New(Takable { supplier, invoices, credits, is_credit }))
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Taking) -> Applied<Done> {
        let Takable { supplier, invoices, credits, is_credit } = match decision {
            Taking::Known(known) => return Ok(Done::new(known, json!({ "loaded_before": true, "rows": [] }))),
            Taking::New(takable) => takable,
        };
        intake::keep(batch, actor, &self.file_name, &self.sha256, &self.content)?;
        let mut invoices = invoices.admit(batch, &supplier)?.into_iter().map(|(id, body)| (RecordId::from(id), body));
        let mut credits = credits.into_iter();
        let (mut rows, mut subject) = (Vec::with_capacity(self.rows.len()), RecordId(0));
        for (row, is_credit) in self.rows.iter().zip(is_credit) {
            let taken = if is_credit { credits.next().map(|one| admit(batch, one)).transpose()? } else { invoices.next() };
            let Some((id, mut body)) = taken else { continue };
            subject = if subject == RecordId(0) { id } else { subject };
            if let Some(map) = body.as_object_mut() {
                map.insert("line".to_owned(), json!(row.line));
            }
            rows.push(body);
        }
        Ok(Done::new(subject, json!({ "loaded_before": false, "rows": rows })))
    }
}
