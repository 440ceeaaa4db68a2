//! The operator has checked a company's bank account with the bank, or turns it down.

use crate::batch::{Batch, Step};
use crate::commands::bank::payout;
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::party::{BankAccountStatus, Capacity};
use kernel::BankAccountId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::BankAccount;
use store::people::Waiting;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DecideBankAccount {
    pub account_id: BankAccountId,
    pub verified: bool,
}

impl Execute for DecideBankAccount {
    const NAME: &'static str = "decide_bank_account";
    const STEP_UP: bool = true;

    type Decision = BankAccount;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<BankAccount> {
        view.acting_party(actor, Capacity::Operator)?;
        let account = BankAccount::find(view.conn(), self.account_id)?.ok_or(Refusal::NotFound)?;
        if account.status != BankAccountStatus::Proposed {
            return Err(Refusal::StateConflict { state: account.status.to_string() }.into());
        }
        Ok(account)
    }

    /// All money of a company goes to this account: two operators must agree.
    fn asks(&self, _view: &mut dyn View, _actor: &Actor, account: &BankAccount) -> Step<Asks> {
        if !self.verified {
            return Ok(Asks::Nobody);
        }
        let ask = Ask { amount_minor: None, currency: account.currency.clone(), subject: account.party_id.into() };
        Ok(Asks::Always(ask))
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, mut account: BankAccount) -> Applied<Done> {
        if self.verified {
            let (party, currency) = (account.party_id, account.currency.as_str());
            for mut old in store::parties::list_accounts_in(batch.conn, party, currency, BankAccountStatus::Verified)? {
                old.status = BankAccountStatus::Replaced;
                batch.update(&old)?;
            }
            // A request for a payout that waits for agreement showed the account before.
            let waiting = Waiting::ForOfIn { command: "request_payout", party, currency };
            second_person::end_requests(batch, waiting, "account_changed")?;
            // Money that has not left yet does not go to an account that was given up.
            for mut waiting in store::bank::list_payouts_to_send_of(batch.conn, account.party_id, &account.currency)? {
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
