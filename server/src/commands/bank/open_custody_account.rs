//! Two operators say that the platform has another account at a bank.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, currency, optional, required};
use crate::view::View;
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
    /// The holder of the account, as payers must write it; the operator's own name when left out.
    #[serde(default)]
    pub holder: String,
    /// The one currency that it carries; left out: every currency.
    #[serde(default)]
    pub currency: String,
}

impl Execute for OpenCustodyAccount {
    const NAME: &'static str = "open_custody_account";
    const STEP_UP: bool = true;

    /// The account as it is kept, without its id.
    type Decision = CustodyAccount;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<CustodyAccount> {
        let operator = view.acting_party(actor, Capacity::Operator)?;
        let account = BankAccountNumber::of(&operator.country, &self.iban, &self.bic)?;
        let iban = account.to_string();
        // A statement may call the account by its number alone.
        for known in store::custody::list(view.conn())? {
            if known.iban == iban || known.number() == account.number() {
                return Err(Refusal::CustodyAccountKnown { account: known.iban }.into());
            }
        }
        // No company's payout account may be an account of the platform.
        if store::parties::has_account(view.conn(), &iban)? {
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
            opened_on: view.today(),
            closing_on: None,
            closed_on: None,
            proposed_by: actor.user_id,
            agreed_by: actor.approver_id.unwrap_or(UserId(0)),
        })
    }

    fn asks(&self, _view: &mut dyn View, actor: &Actor, row: &CustodyAccount) -> Step<Asks> {
        Ok(Asks::Always(Ask { amount_minor: None, currency: row.currency.clone(), subject: actor.party_id.into() }))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut row: CustodyAccount) -> Applied<Done> {
        row.id = batch.next_id();
        batch.insert(&row)?;
        Ok(Done::new(row.id, json!({ "account_id": row.id, "iban": row.iban })))
    }
}
