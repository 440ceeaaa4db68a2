//! The operator collects payouts into a pain.001 file for the bank. The file holds exactly the list that one person has looked at
//! and another has agreed to.

use crate::batch::{Batch, Step};
use crate::commands::bank::custody;
use crate::commands::bank::payee_address::PayeeAddresses;
use crate::commands::bank::payout;
use crate::commands::kit::second_person;
use crate::commands::receivables::settlement;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, currency};
use crate::view::View;
use chrono::NaiveDate;
use domain::bank_account::BankAccountNumber;
use domain::party::Capacity;
use domain::settlement_instruction::InstructionEvent;
use domain::{Currency, Refusal};
use formats::FormatFault;
use formats::pain::{CreditTransfer, PaymentFileFacts, PostalAddress};
use kernel::{CustodyId, PaymentFileId, PayoutId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{BankLine, Conn, CustodyAccount, Document, PaymentFile, Payout, StoreError};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CreatePaymentFile {
    pub currency: String,
    /// The newest payout on the list; what was asked for since goes with the next file.
    pub through: PayoutId,
    /// SHA-256 over payee, address, account and amount of every payout on the list that was looked at.
    pub list_hash: String,
    /// The platform's account that the file draws on; the current one of the currency when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<CustodyId>,
}

/// The prefix of the message and payment ids of our files; the file's number follows.
pub const FILE_PREFIX: &str = "KONTOR-";

/// Payments of one file.
const MOST_PAYMENTS: i64 = 10_000;

/// The next payouts of this currency, up to the payout `through`.
pub fn payment_list(conn: &mut Conn, known: Currency, through: PayoutId) -> Result<Vec<Payout>, StoreError> {
    store::bank::list_payouts_to_send(conn, known.code(), through, MOST_PAYMENTS)
}

/// The list as one digest: who gets how much on which account, and where the payee is, if that is known.
#[must_use]
pub fn list_hash(payouts: &[Payout], addresses: &PayeeAddresses) -> String {
    let line = |row: &Payout| {
        let (reference, amount_minor) = (&row.end_to_end, row.amount_minor);
        let told = match addresses.find(row) {
            None => json!([reference, amount_minor, row.currency, row.iban, row.bic, row.holder]),
            Some(PostalAddress { street, building, postcode, town, country }) => {
                let address = [street, building, postcode, town, country];
                json!([reference, amount_minor, row.currency, row.iban, row.bic, row.holder, address])
            }
        };
        told.to_string()
    };
    crate::hash::sha256_hex(payouts.iter().map(line).collect::<Vec<_>>().join("\n").as_bytes())
}

/// The payments of a file, their accounts, and the account that pays.
pub struct Sendable {
    known: Currency,
    payouts: Vec<Payout>,
    total_minor: i64,
    addresses: PayeeAddresses,
    own: CustodyAccount,
    execution_date: NaiveDate,
    /// The statement of the day of execution is there on the business day after it.
    expected_date: NaiveDate,
}

impl Sendable {
    /// The file's text.
    fn written(&self, view: &mut dyn View, id: PaymentFileId) -> Step<String> {
        let account = |text: &str| {
            let known = BankAccountNumber::parse(text);
            known.ok_or_else(|| Refusal::FieldInvalid { field: "iban".to_owned() })
        };
        let mut texts = Vec::with_capacity(self.payouts.len());
        for payout in &self.payouts {
            texts.push(text_of(view.conn(), &self.own.holder, payout)?);
        }
        let transfer = |(payout, remittance): (&Payout, String)| {
            Ok::<_, Refusal>(CreditTransfer {
                end_to_end: payout.end_to_end.clone(),
                amount_minor: payout.amount_minor,
                creditor_name: payout.holder.clone(),
                creditor_account: account(&payout.iban)?,
                creditor_bic: payout.bic.clone(),
                creditor_address: self.addresses.find(payout).cloned(),
                remittance,
            })
        };
        let file = formats::pain::write(&PaymentFileFacts {
            message_id: format!("{FILE_PREFIX}{id}"),
            created_at: view.now(),
            execution_date: self.execution_date,
            debtor_name: self.own.holder.clone(),
            debtor_account: account(&self.own.iban)?,
            currency: self.known,
            transfers: self.payouts.iter().zip(texts).map(transfer).collect::<Result<_, _>>()?,
        });
        Ok(file.map_err(|fault| match fault {
            FormatFault::NotWritable { element } => Refusal::FieldInvalid { field: element },
            other => Refusal::FieldInvalid { field: other.code().to_owned() },
        })?)
    }
}

/// The text that the payee reads: whose payout it is, or which payment comes back.
fn text_of(conn: &mut Conn, operator: &str, payout: &Payout) -> Result<String, StoreError> {
    let Some(line_id) = payout.bank_line_id else { return Ok(format!("{operator} {}", payout.end_to_end)) };
    let line = BankLine::load(conn, line_id)?;
    let said = [&line.reference, &line.remittance, &line.end_to_end].into_iter().find(|text| !text.is_empty());
    Ok(format!("Return {}", said.map_or("", String::as_str)).trim_end().to_owned())
}

fn total_of(payouts: &[Payout]) -> Result<i64, Refusal> {
    let total = payouts.iter().try_fold(0_i64, |sum, payout| sum.checked_add(payout.amount_minor));
    total.ok_or_else(|| Refusal::AmountInvalid { field: "total".to_owned() })
}

impl Execute for CreatePaymentFile {
    const NAME: &'static str = "create_payment_file";
    const STEP_UP: bool = true;

    type Decision = Sendable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Sendable> {
        view.acting_party(actor, Capacity::Operator)?;
        let known = currency(&self.currency)?;
        let payouts = payment_list(view.conn(), known, self.through)?;
        if payouts.is_empty() {
            return Err(Refusal::NothingToPay.into());
        }
        let addresses = PayeeAddresses::load(view.conn(), &payouts)?;
        if list_hash(&payouts, &addresses) != self.list_hash {
            return Err(Refusal::PaymentListChanged.into());
        }
        let own = custody::paying(view.conn(), self.account_id, known.code())?;
        let available_minor = store::custody::available_minor(view.conn(), own.id, known)?;
        let total_minor = total_of(&payouts)?;
        if total_minor > available_minor {
            let currency = known.code().to_owned();
            return Err(Refusal::CustodyShort { account: own.iban, currency, available_minor }.into());
        }
        let calendar = settlement::calendar(view.conn(), known.code())?;
        let execution_date = calendar.following(view.today());
        let expected_date = calendar.add_business_days(execution_date, 1);
        let sendable = Sendable { known, payouts, total_minor, addresses, own, execution_date, expected_date };
        if actor.approver_id.is_some() {
            // Whether the file can be written does not depend on its number.
            sendable.written(view, PaymentFileId(0))?;
        }
        Ok(sendable)
    }

    /// Money leaves: a second person must agree to every file, for any amount.
    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Sendable) -> Step<Asks> {
        let ask = second_person::ask(view.conn(), actor)?;
        let (amount_minor, currency) = (Some(decision.total_minor), decision.known.code().to_owned());
        Ok(Asks::Always(Ask { amount_minor, currency, ..ask }))
    }

    fn before_request(&self, batch: &mut Batch<'_>, actor: &Actor, _ask: &mut Ask, decision: &Sendable) -> Applied<()> {
        Ok(second_person::end_same(batch, actor, (Self::NAME, decision.known.code()), "asked_again")?)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Sendable) -> Applied<Done> {
        let id: PaymentFileId = batch.next_id();
        let content = decision.written(batch, id)?;
        let Sendable { known, mut payouts, total_minor, own, expected_date, .. } = decision;
        let document = Document {
            sha256: crate::hash::sha256_hex(content.as_bytes()),
            party_id: actor.party_id,
            name: format!("{FILE_PREFIX}{id}.xml"),
            media_type: "application/xml".to_owned(),
            content: content.into_bytes(),
            created_at: batch.now,
        };
        batch.insert(&document)?;
        let payments = i64::try_from(payouts.len()).unwrap_or(i64::MAX);
        let created_at = batch.now;
        let currency = known.code().to_owned();
        let custody_id = own.id;
        batch.insert(&PaymentFile {
            id,
            currency,
            payments,
            total_minor,
            document: document.sha256.clone(),
            created_at,
            custody_id,
        })?;
        for one in &mut payouts {
            payout::advance(one, InstructionEvent::Send)?;
            one.file_id = Some(id);
            one.custody_id = own.id;
            one.expected_date = Some(expected_date);
            batch.update(one)?;
        }
        let body = json!({ "file_id": id, "currency": known.code(), "payments": payments, "total_minor": total_minor, "document": document.sha256, "account_id": own.id });
        Ok(Done::new(id, body))
    }
}
