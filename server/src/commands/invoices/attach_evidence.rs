//! The supplier puts an order, a delivery note or a contract beside an invoice; its hash stands in the audit record.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute, clean};
use crate::file_reader::CheckedFile;
use crate::view::View;
use domain::Refusal;
use domain::invoice::{EvidenceKind, decide_evidence};
use domain::party::Capacity;
use kernel::{EvidenceId, InvoiceId};
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
    /// The bytes, which the caller has checked before it asked the writer.
    #[serde(skip)]
    pub file: CheckedFile,
}

/// The invoice, and what the file is beside it.
pub struct Attachable {
    invoice: Invoice,
    file: Place,
}

enum Place {
    /// The same file beside the same invoice changes nothing.
    Known(EvidenceId),
    New(EvidenceKind, &'static str),
}

impl Execute for AttachEvidence {
    const NAME: &'static str = "attach_evidence";

    type Decision = Attachable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Attachable> {
        view.acting_party(actor, Capacity::Supplier)?;
        let found = Invoice::find(view.conn(), self.invoice_id)?.filter(|row| row.supplier_id == actor.party_id);
        let invoice = found.ok_or(Refusal::NotFound)?;
        let present = invoices::list_evidence(view.conn(), invoice.id)?;
        if let Some(known) = present.iter().find(|row| row.document == self.sha256) {
            return Ok(Attachable { invoice, file: Place::Known(known.id) });
        }
        let kind = decide_evidence(invoice.state, &self.kind, present.len())?;
        let looked_at = self.file.media_type().filter(|_| self.file.sha256() == self.sha256);
        let media_type = looked_at.ok_or(Refusal::EvidenceKindUnknown)?;
        Ok(Attachable { invoice, file: Place::New(kind, media_type) })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Attachable) -> Applied<Done> {
        let Attachable { invoice, file } = decision;
        let told = |id: EvidenceId| json!({ "evidence_id": id, "invoice_id": invoice.id, "sha256": self.sha256 });
        let (kind, media_type) = match file {
            Place::Known(id) => return Ok(Done::new(invoice.id, told(id))),
            Place::New(kind, media_type) => (kind, media_type),
        };
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
        Ok(Done::new(invoice.id, told(row.id)))
    }
}
