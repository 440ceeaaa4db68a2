//! The operator has checked a company's bank account with the bank, or turns it down.

use super::{Actor, Ask, Done, Execute, payout, second_person};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::party::{BankAccountStatus, Capacity};
use kernel::BankAccountId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::{Keyed, Record};
use store::{BankAccount, Payout};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DecideBankAccount {
    pub account_id: BankAccountId,
    pub verified: bool,
}

impl DecideBankAccount {
    fn load(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<BankAccount> {
        batch.acting_party(actor, Capacity::Operator)?;
        let account = BankAccount::find(batch.conn, self.account_id)?.ok_or(Refusal::NotFound)?;
        if account.status != BankAccountStatus::Proposed {
            return Err(Refusal::StateConflict { state: account.status.to_string() }.into());
        }
        Ok(account)
    }
}

impl Execute for DecideBankAccount {
    const NAME: &'static str = "decide_bank_account";
    const STEP_UP: bool = true;

    /// All money of a company goes to this account: two operators must agree.
    fn ask_second_person(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Option<Ask>> {
        let account = self.load(batch, actor)?;
        Ok(self.verified.then_some(Ask { amount_minor: None, currency: account.currency, subject: account.party_id.into() }))
    }

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let mut account = self.load(batch, actor)?;
        if self.verified {
            let binds = [account.party_id.into(), account.currency.as_str().into()];
            let condition = "party_id = ? AND currency = ? AND status = 'verified'";
            for mut old in BankAccount::list_where(batch.conn, condition, &binds)? {
                old.status = BankAccountStatus::Replaced;
                batch.update(&old)?;
            }
            // Whoever waits to agree to a payout has seen the account before.
            let condition = "command = 'request_payout' AND party_id = ? AND currency = ?";
            second_person::end_requests(batch, condition, &binds, "account_changed")?;
            // Money that has not left yet does not go to an account that was given up.
            let condition = "party_id = ? AND currency = ? AND state = 'authorised' ORDER BY id";
            for mut waiting in Payout::list_where(batch.conn, condition, &binds)? {
                let meant = (&waiting.iban, &waiting.bic, &waiting.holder);
                if meant != (&account.iban, &account.bic, &account.holder) {
                    payout::cancel(batch, &mut waiting, "payout_cancelled")?;
                }
            }
        }
        account.status = if self.verified { BankAccountStatus::Verified } else { BankAccountStatus::Declined };
        batch.update(&account)?;
        let kind = if self.verified { "bank_account_verified" } else { "bank_account_declined" };
        batch.notify(account.party_id, kind, &json!({ "currency": account.currency }), "/org/bank-accounts".to_owned());
        Ok(Done::new(account.party_id, json!({ "account_id": account.id })))
    }
}
