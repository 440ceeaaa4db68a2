//! The buyer acknowledges a notice of assignment: it knows whom to pay.

use super::{Actor, Done, Execute};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::assignment::{NoticeFacts, text};
use domain::party::Capacity;
use kernel::ReceivableId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{AssignmentNotice, Invoice, Party, Receivable};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AcknowledgeAssignment {
    pub receivable_id: ReceivableId,
    /// SHA-256 of the notice that was read.
    pub hash: String,
}

/// Gives the buyer notice, once for a receivable.
pub fn give(batch: &mut Batch<'_>, receivable: &Receivable, invoice: &Invoice) -> Step<()> {
    if AssignmentNotice::find(batch.conn, receivable.id)?.is_some() {
        return Ok(());
    }
    let (buyer, supplier) = (Party::load(batch.conn, receivable.buyer_id)?, Party::load(batch.conn, receivable.supplier_id)?);
    let account = super::custody::current(batch.conn, &receivable.currency)?;
    let known = super::currency(&receivable.currency)?;
    let (text_en, text_zh) = text(&NoticeFacts {
        buyer: &buyer.name,
        supplier: &supplier.name,
        invoice_number: &invoice.number,
        amount: &format!("{} {}", receivable.currency, known.format(receivable.confirmed_minor)),
        payment_date: &receivable.payment_date.to_string(),
        pay_to: &account.holder,
        iban: &account.iban,
        reference: &receivable.reference,
    });
    let notice = AssignmentNotice {
        id: receivable.id,
        buyer_id: receivable.buyer_id,
        hash: crate::hash::sha256_hex(text_en.as_bytes()),
        text_en,
        text_zh,
        pay_to: account.holder,
        pay_to_iban: account.iban,
        given_at: batch.now,
        acknowledged_by: None,
        acknowledged_at: None,
    };
    batch.insert(&notice)?;
    let arguments = json!({ "number": invoice.number, "reference": receivable.reference });
    batch.notify(receivable.buyer_id, "assignment_notice", &arguments, format!("/assignments/{}", receivable.id));
    Ok(())
}

impl Execute for AcknowledgeAssignment {
    const NAME: &'static str = "acknowledge_assignment";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.acting_party(actor, Capacity::Buyer)?;
        let found = AssignmentNotice::find(batch.conn, self.receivable_id)?.filter(|row| row.buyer_id == actor.party_id);
        let mut notice = found.ok_or(Refusal::NotFound)?;
        if notice.acknowledged_at.is_some() {
            return Err(Refusal::StateConflict { state: "acknowledged".to_owned() }.into());
        }
        if notice.hash != self.hash {
            return Err(Refusal::FieldInvalid { field: "hash".to_owned() }.into());
        }
        notice.acknowledged_by = Some(actor.user_id);
        notice.acknowledged_at = Some(batch.now);
        batch.update(&notice)?;
        let receivable = Receivable::load(batch.conn, notice.id)?;
        let arguments = json!({ "reference": receivable.reference });
        batch.notify(receivable.supplier_id, "assignment_acknowledged", &arguments, format!("/receivables/{}", receivable.id));
        Ok(Done::new(receivable.id, json!({ "receivable_id": receivable.id, "invoice_id": receivable.invoice_id })))
    }
}
