//! The platform's accounts at banks. Euros stay on the account of the founding. Yuan have an account of their own, which is
//! replaced once.

use super::super::files::DemoEntry;
use super::{Built, World, demo_iban};
use crate::commands::bank::choose_custody_account::ChooseCustodyAccount;
use crate::commands::bank::close_custody_account::CloseCustodyAccount;
use crate::commands::bank::open_custody_account::OpenCustodyAccount;
use domain::Currency;
use domain::custody::CustodyState;
use kernel::CustodyId;

/// Days before the end on which the account for yuan is replaced, and on which the old one is closed.
const REPLACED_DAYS: u32 = 12;
const CLOSED_DAYS: u32 = 9;

/// Account numbers of the two accounts for yuan.
const FIRST_YUAN: i64 = 9_001;
const SECOND_YUAN: i64 = 9_002;

impl World {
    /// Opens an account for yuan at this bank and makes it the current one; its number.
    fn open_for_yuan(&mut self, account: i64, bank: &str) -> Result<CustodyId, super::DemoError> {
        let operator = self.operator.clone();
        let opened = OpenCustodyAccount {
            iban: demo_iban(account),
            bank: bank.to_owned(),
            currency: "CNY".to_owned(),
            ..OpenCustodyAccount::default()
        };
        let account_id = self.run_agreed(&operator, opened)?.number("account_id");
        self.run_agreed(&operator, ChooseCustodyAccount { account_id, currency: "CNY".to_owned() })?;
        self.yuan_iban = demo_iban(account);
        Ok(account_id)
    }

    pub(super) fn open_yuan_account(&mut self) -> Built {
        self.open_for_yuan(FIRST_YUAN, "Bank am Hafen").map(|_| ())
    }

    /// The old account for yuan closes, and what is on it moves to the new one: a debit there, a credit here.
    pub(super) fn change_accounts(&mut self, days_left: u32) -> Built {
        let operator = self.operator.clone();
        let old_iban = demo_iban(FIRST_YUAN);
        let Some(old) = store::custody::find_reported(&mut self.conn, &old_iban)? else { return Ok(()) };
        let reason = "Another bank offers better hours".to_owned();
        if days_left == REPLACED_DAYS {
            let amount_minor = self.at_bank.get("CNY").copied().unwrap_or(0);
            let between = |credit: bool, iban: &str| DemoEntry {
                amount_minor,
                credit,
                name: "Kontor Operating Company".to_owned(),
                iban: iban.to_owned(),
                remittance: "Change of account".to_owned(),
                ..DemoEntry::default()
            };
            let (debit, credit) = (between(false, &demo_iban(SECOND_YUAN)), between(true, &old_iban));
            self.open_for_yuan(SECOND_YUAN, "Stadtbank")?;
            if amount_minor > 0 {
                // The old account's last statement, then the new one's first.
                self.yuan_iban.clone_from(&old_iban);
                self.bank(Currency::CNY, vec![debit])?;
                self.yuan_iban = demo_iban(SECOND_YUAN);
                self.bank(Currency::CNY, vec![credit])?;
            }
            self.run_agreed(&operator, CloseCustodyAccount { account_id: old.id, to: "closing".to_owned(), reason })?;
        } else if days_left == CLOSED_DAYS && old.state == CustodyState::Closing {
            self.run_agreed(&operator, CloseCustodyAccount { account_id: old.id, to: "closed".to_owned(), reason })?;
        }
        Ok(())
    }
}
