//! The buyer acknowledges a notice of assignment: it knows whom to pay.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::assignment::{NoticeFacts, text};
use domain::party::Capacity;
use kernel::ReceivableId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{AssignmentNotice, Conn, CustodyAccount, Invoice, Party, Receivable};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AcknowledgeAssignment {
    pub receivable_id: ReceivableId,
    /// SHA-256 of the notice that was read.
    pub hash: String,
}

/// The content of a notice of assignment.
pub struct DueNotice {
    text_en: String,
    text_zh: String,
    account: CustodyAccount,
}

/// The notice that the buyer still needs; one is given for a receivable.
pub fn decide_notice(conn: &mut Conn, receivable: &Receivable, invoice: &Invoice) -> Step<Option<DueNotice>> {
    if AssignmentNotice::find(conn, receivable.id)?.is_some() {
        return Ok(None);
    }
    let (buyer, supplier) = (Party::load(conn, receivable.buyer_id)?, Party::load(conn, receivable.supplier_id)?);
    let account = crate::commands::bank::custody::current(conn, &receivable.currency)?;
    let known = crate::commands::currency(&receivable.currency)?;
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
    Ok(Some(DueNotice { text_en, text_zh, account }))
}

/// Gives the buyer notice.
pub fn apply_notice(batch: &mut Batch<'_>, receivable: &Receivable, invoice: &Invoice, due: DueNotice) -> Applied<()> {
    let DueNotice { text_en, text_zh, account } = due;
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

    type Decision = AssignmentNotice;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<AssignmentNotice> {
        view.acting_party(actor, Capacity::Buyer)?;
        let found = AssignmentNotice::find(view.conn(), self.receivable_id)?.filter(|row| row.buyer_id == actor.party_id);
        let notice = found.ok_or(Refusal::NotFound)?;
        if notice.acknowledged_at.is_some() {
            return Err(Refusal::StateConflict { state: "acknowledged".to_owned() }.into());
        }
        if notice.hash != self.hash {
            return Err(Refusal::FieldInvalid { field: "hash".to_owned() }.into());
        }
        Ok(notice)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, mut notice: AssignmentNotice) -> Applied<Done> {
        notice.acknowledged_by = Some(actor.user_id);
        notice.acknowledged_at = Some(batch.now);
        batch.update(&notice)?;
        let receivable = Receivable::load(batch.conn, notice.id)?;
        let arguments = json!({ "reference": receivable.reference });
        batch.notify(receivable.supplier_id, "assignment_acknowledged", &arguments, format!("/receivables/{}", receivable.id));
        Ok(Done::new(receivable.id, json!({ "receivable_id": receivable.id, "invoice_id": receivable.invoice_id })))
    }
}
