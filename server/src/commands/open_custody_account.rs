//! Two operators say that the platform has another account at a bank.

use super::{Actor, Ask, Done, Execute, currency, optional, required};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::bank_account::{BankAccountNumber, normalise_bic};
use domain::custody::CustodyState;
use domain::party::Capacity;
use kernel::{CustodyId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::CustodyAccount;
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct OpenCustodyAccount {
    /// ISO 13616; where the operator's country has none, the account's number.
    pub iban: String,
    /// BIC, or the code of the bank in its country's clearing system.
    #[serde(default)]
    pub bic: String,
    /// The bank's name.
    pub bank: String,
    /// Who holds the account, as payers must write it; the operator's own name when left out.
    #[serde(default)]
    pub holder: String,
    /// The one currency that it carries; left out: every currency.
    #[serde(default)]
    pub currency: String,
}

impl OpenCustodyAccount {
    fn decide(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<CustodyAccount> {
        let operator = batch.acting_party(actor, Capacity::Operator)?;
        let account = BankAccountNumber::of(&operator.country, &self.iban, &self.bic)?;
        let iban = account.to_string();
        // A statement may call the account by its number alone.
        for known in store::custody::list(batch.conn)? {
            if known.iban == iban || known.number() == account.number() {
                return Err(Refusal::CustodyAccountKnown { account: known.iban }.into());
            }
        }
        // Nobody is paid out to the platform itself.
        if store::parties::has_account(batch.conn, &iban)? {
            return Err(Refusal::FieldInvalid { field: "iban".to_owned() }.into());
        }
        let bic = match account {
            BankAccountNumber::Iban(_) if !self.bic.trim().is_empty() => {
                normalise_bic(&self.bic).ok_or_else(|| Refusal::FieldInvalid { field: "bic".to_owned() })?
            }
            _ => String::new(),
        };
        let code = match self.currency.trim() {
            "" => String::new(),
            code => currency(code)?.code().to_owned(),
        };
        let holder = optional(&self.holder, "holder", 70)?;
        let holder = if holder.is_empty() { domain::names::as_holder(&operator.name) } else { holder };
        if !formats::pain::is_writable(&holder) {
            return Err(Refusal::FieldInvalid { field: "holder".to_owned() }.into());
        }
        Ok(CustodyAccount {
            id: CustodyId(0),
            iban,
            bic,
            bank: required(&self.bank, "bank", 70)?,
            holder,
            currency: code,
            state: CustodyState::Open,
            reason: String::new(),
            opened_on: batch.today(),
            closing_on: None,
            closed_on: None,
            proposed_by: actor.user_id,
            agreed_by: actor.approver_id.unwrap_or(UserId(0)),
        })
    }
}

impl Execute for OpenCustodyAccount {
    const NAME: &'static str = "open_custody_account";
    const STEP_UP: bool = true;

    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let row = self.decide(batch, actor)?;
        Ok(Some(Ask { amount_minor: None, currency: row.currency, subject: actor.party_id.into() }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let mut row = self.decide(batch, actor)?;
        row.id = batch.next_id();
        batch.insert(&row)?;
        Ok(Done::new(row.id, json!({ "account_id": row.id, "iban": row.iban })))
    }
}
