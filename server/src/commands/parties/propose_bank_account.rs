//! A company names the account to which its money shall go; the operator must verify it first.

use crate::batch::{Batch, Step};
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Asks, Done, Execute, required};
use crate::view::View;
use domain::Refusal;
use domain::bank_account::{BankAccountNumber, normalise_bic};
use domain::party::{BankAccountStatus, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::BankAccount;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProposeBankAccount {
    pub currency: String,
    /// ISO 13616; where the company's country has none, the account's number.
    pub iban: String,
    /// BIC, or the code of the bank in its country's clearing system (12 digits of CNAPS).
    #[serde(default)]
    pub bic: String,
    pub holder: String,
}

/// Currency, account, BIC and holder, as they are kept.
pub struct Proposal {
    currency: domain::Currency,
    iban: String,
    bic: String,
    holder: String,
}

impl Execute for ProposeBankAccount {
    const NAME: &'static str = "propose_bank_account";
    const ASKERS: &'static [Role] = &[Role::Administrator];
    const STEP_UP: bool = true;

    type Decision = Proposal;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Proposal> {
        let currency = crate::commands::traded(view, &self.currency)?;
        let party = view.party(actor.party_id)?;
        let account = BankAccountNumber::of(&party.country, &self.iban, &self.bic)?;
        let iban = account.to_string();
        // No company may be paid to the platform's own accounts.
        if store::custody::find_reported(view.conn(), &iban)?.is_some() {
            return Err(Refusal::FieldInvalid { field: "iban".to_owned() }.into());
        }
        let holder = required(&self.holder, "holder", 70)?;
        // A name without a character that a payment file allows comes out empty. One such name can make the bank refuse the whole
        // file.
        if !formats::pain::is_writable(&holder) {
            return Err(Refusal::FieldInvalid { field: "holder".to_owned() }.into());
        }
        // A number that is no IBAN has its bank in itself.
        let bic = match account {
            BankAccountNumber::Iban(_) if !self.bic.trim().is_empty() => {
                normalise_bic(&self.bic).ok_or_else(|| Refusal::FieldInvalid { field: "bic".to_owned() })?
            }
            _ => String::new(),
        };
        Ok(Proposal { currency, iban, bic, holder })
    }

    /// All of the company's money goes there: its own second person looks before the operator does.
    fn asks(&self, view: &mut dyn View, actor: &Actor, _decision: &Proposal) -> Step<Asks> {
        second_person::ask(view.conn(), actor).map(Asks::Always)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Proposal) -> Applied<Done> {
        let Proposal { currency, iban, bic, holder } = decision;
        let (party_id, proposed) = (actor.party_id, BankAccountStatus::Proposed);
        for mut old in store::parties::list_accounts_in(batch.conn, party_id, currency.code(), proposed)? {
            old.status = BankAccountStatus::Replaced;
            batch.update(&old)?;
        }
        let row = BankAccount {
            id: batch.next_id(),
            party_id,
            currency: currency.code().to_owned(),
            iban,
            bic,
            holder,
            status: proposed,
            created_at: batch.now,
        };
        batch.insert(&row)?;
        // The people of the company learn of it too: a change of account is how money is stolen.
        let last_digits: String = row.iban.chars().skip(row.iban.len().saturating_sub(4)).collect();
        let arguments = json!({ "currency": row.currency, "last_digits": last_digits });
        batch.notify(party_id, "bank_account_proposed", &arguments, "/org/bank-accounts".to_owned());
        Ok(Done::new(party_id, json!({ "account_id": row.id })))
    }
}
