//! The operator collects what is to be paid out into a pain.001 file for the bank.

use super::{Actor, Done, Execute, currency, payout, settlement};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::party::Capacity;
use domain::settlement_instruction::InstructionEvent;
use formats::pain::{CreditTransfer, PaymentFileFacts};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Record;
use store::{Document, PaymentFile, Payout};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CreatePaymentFile {
    pub currency: String,
}

impl Execute for CreatePaymentFile {
    const NAME: &'static str = "create_payment_file";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let operator = batch.acting_party(actor, Capacity::Operator)?;
        let known = currency(&self.currency)?;
        let condition = "state = 'authorised' AND currency = ? ORDER BY id LIMIT 10000";
        let mut payouts = Payout::list_where(batch.conn, condition, &[known.code().into()])?;
        if payouts.is_empty() {
            return Err(Refusal::NothingToPay.into());
        }
        let total = payouts.iter().try_fold(0_i64, |sum, payout| sum.checked_add(payout.amount_minor));
        let total_minor = total.ok_or_else(|| Refusal::AmountInvalid { field: "total".to_owned() })?;
        let id = batch.next_id();
        let calendar = settlement::calendar(batch.conn, known.code())?;
        let execution_date = calendar.following(batch.today());
        // The statement of the day of execution is there on the business day after it.
        let expected_date = calendar.add_business_days(execution_date, 1);
        let transfers = payouts.iter().map(|payout| CreditTransfer {
            end_to_end: payout.end_to_end.clone(),
            amount_minor: payout.amount_minor,
            creditor_name: payout.holder.clone(),
            creditor_iban: payout.iban.clone(),
            creditor_bic: payout.bic.clone(),
        });
        let file = formats::pain::write(&PaymentFileFacts {
            message_id: format!("KONTOR-{id}"),
            created_at: batch.now,
            execution_date,
            debtor_name: operator.name,
            debtor_iban: batch.heads.custody_iban.clone(),
            currency: known,
            transfers: transfers.collect(),
        });
        let content = file.map_err(|fault| Refusal::FileUnreadable { detail: fault.to_string() })?;
        let document = Document {
            sha256: crate::hash::sha256_hex(content.as_bytes()),
            party_id: actor.party_id,
            name: format!("KONTOR-{id}.xml"),
            media_type: "application/xml".to_owned(),
            content: content.into_bytes(),
            created_at: batch.now,
        };
        batch.insert(&document)?;
        let payments = i64::try_from(payouts.len()).unwrap_or(i64::MAX);
        let created_at = batch.now;
        let currency = known.code().to_owned();
        batch.insert(&PaymentFile { id, currency, payments, total_minor, document: document.sha256.clone(), created_at })?;
        for one in &mut payouts {
            payout::advance(one, InstructionEvent::Send)?;
            one.file_id = Some(id);
            one.expected_date = Some(expected_date);
            batch.update(one)?;
        }
        let body = json!({ "file_id": id, "payments": payments, "total_minor": total_minor, "document": document.sha256 });
        Ok(Done::new(id, body))
    }
}
