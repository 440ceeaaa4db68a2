//! The supplier puts an order, a delivery note or a contract beside an invoice; its hash stands in the audit record.

use super::{Actor, Done, Execute, clean};
use crate::batch::{Batch, Step};
use crate::file_reader::CheckedFile;
use domain::Refusal;
use domain::invoice::decide_evidence;
use domain::party::Capacity;
use kernel::InvoiceId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Evidence, Invoice, invoices};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AttachEvidence {
    pub invoice_id: InvoiceId,
    /// "order", "delivery", "contract" or "other".
    pub kind: String,
    pub file_name: String,
    pub sha256: String,
    /// The bytes, which were looked at before the writer was asked.
    #[serde(skip)]
    pub file: CheckedFile,
}

impl Execute for AttachEvidence {
    const NAME: &'static str = "attach_evidence";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.acting_party(actor, Capacity::Supplier)?;
        let found = Invoice::find(batch.conn, self.invoice_id)?.filter(|row| row.supplier_id == actor.party_id);
        let invoice = found.ok_or(Refusal::NotFound)?;
        let present = invoices::list_evidence(batch.conn, invoice.id)?;
        if let Some(known) = present.iter().find(|row| row.document == self.sha256) {
            // The same file beside the same invoice changes nothing.
            return Ok(Done::new(
                invoice.id,
                json!({ "evidence_id": known.id, "invoice_id": invoice.id, "sha256": self.sha256 }),
            ));
        }
        let kind = decide_evidence(invoice.state, &self.kind, present.len())?;
        let looked_at = self.file.media_type().filter(|_| self.file.sha256() == self.sha256);
        let media_type = looked_at.ok_or(Refusal::EvidenceKindUnknown)?;
        batch.keep_document(actor.party_id, &self.file_name, media_type, &self.sha256, self.file.content())?;
        let row = Evidence {
            id: batch.next_id(),
            invoice_id: invoice.id,
            kind,
            name: clean(&self.file_name, 120),
            document: self.sha256.clone(),
            created_at: batch.now,
        };
        batch.insert(&row)?;
        Ok(Done::new(invoice.id, json!({ "evidence_id": row.id, "invoice_id": invoice.id, "sha256": row.document })))
    }
}
