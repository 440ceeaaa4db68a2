//! The book of one batch: accounts and holds in memory, and the one function that changes them.

use crate::model::{Account, AccountId, Code, Floor, Hold, HoldState, Kind, Leg, Side, Transfer, TransferNumber};
use std::collections::{BTreeSet, HashMap};

/// One wish. A linked set of them is applied whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Moves `amount` from the credit side of `debit` to the credit side of `credit`.
    Post { debit: AccountId, credit: AccountId, amount: i64, code: Code },
    /// Earmarks `amount` of a credit-side account until it is posted, voided or expires.
    Hold { account: AccountId, amount: i64, expires_at: Option<i64>, code: Code },
    /// Posts part or all of a hold to `credit`; the rest stays earmarked.
    PostHold { hold: TransferNumber, credit: AccountId, amount: i64, code: Code },
    /// Frees what is left of a hold.
    VoidHold { hold: TransferNumber, code: Code },
    /// Frees what is left of a hold whose time has run out.
    ExpireHold { hold: TransferNumber, code: Code },
}

/// Why accounting says no. Where several apply, the one listed first is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// The linked set has no entry.
    EmptySet,
    /// The amount is zero or negative.
    AmountNotPositive,
    /// The hold is not in the book.
    HoldUnknown,
    /// The hold was posted in full, voided or expired before.
    HoldClosed,
    /// The hold's time has run out: it can only be expired.
    HoldExpired,
    /// The hold has not run out yet, or never does.
    HoldNotExpired,
    /// More is posted than the hold still earmarks.
    ExceedsHold,
    /// The account to debit, or to hold on, is not in the book.
    DebitAccountUnknown,
    /// The account to credit is not in the book.
    CreditAccountUnknown,
    /// Both legs name one account.
    SameAccount,
    /// The two accounts are of different assets.
    AssetMismatch,
    /// Only accounts on the credit side can be held on.
    HoldOnDebitSide,
    /// The account would have less than zero, or less than its holds.
    InsufficientFunds,
    /// A balance would no longer fit into 64 bits.
    Overflow,
}

/// A refused linked set: which entry, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub index: usize,
    pub verdict: Verdict,
    /// The account that could not carry the entry, where one account is to blame.
    pub account: Option<AccountId>,
}

/// The changes of a batch, to be stored.
#[derive(Debug, Default)]
pub struct Changes {
    pub transfers: Vec<Transfer>,
    /// Every account with a new balance, hold or leg, by id.
    pub accounts: Vec<Account>,
    /// Every hold that is new or changed, by number.
    pub holds: Vec<Hold>,
}

#[derive(Debug, Default)]
pub struct Book {
    accounts: HashMap<AccountId, Account>,
    holds: HashMap<TransferNumber, Hold>,
    last: TransferNumber,
    transfers: Vec<Transfer>,
    dirty_accounts: BTreeSet<AccountId>,
    dirty_holds: BTreeSet<TransferNumber>,
}

/// A change that the book takes back when it refuses a later entry of the set.
enum Undo {
    Account(Account),
    Hold(Hold),
    NewHold(TransferNumber),
}

impl Book {
    /// A book whose next transfer follows `last`.
    #[must_use]
    pub fn after(last: TransferNumber) -> Self {
        Self { last, ..Self::default() }
    }

    /// Number of the newest transfer.
    #[must_use]
    pub fn last(&self) -> TransferNumber {
        self.last
    }

    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    #[must_use]
    pub fn hold(&self, number: TransferNumber) -> Option<&Hold> {
        self.holds.get(&number)
    }

    /// Loads a stored account. An account that the batch already has stays as it is.
    pub fn load_account(&mut self, account: Account) {
        self.accounts.entry(account.id).or_insert(account);
    }

    /// Opens a new account, to be stored with the batch.
    pub fn open_account(&mut self, account: Account) {
        self.dirty_accounts.insert(account.id);
        self.accounts.entry(account.id).or_insert(account);
    }

    /// Loads a stored hold. A hold that the batch already has stays as it is.
    pub fn load_hold(&mut self, hold: Hold) {
        self.holds.entry(hold.number).or_insert(hold);
    }

    /// Returns the changes since the last call and starts a new list. The accounts stay loaded.
    pub fn take_changes(&mut self) -> Changes {
        let accounts = std::mem::take(&mut self.dirty_accounts);
        let holds = std::mem::take(&mut self.dirty_holds);
        Changes {
            transfers: std::mem::take(&mut self.transfers),
            accounts: accounts.iter().filter_map(|id| self.accounts.get(id).cloned()).collect(),
            holds: holds.iter().filter_map(|number| self.holds.get(number).cloned()).collect(),
        }
    }

    /// Applies a linked set, whole or not at all, and returns the transfers it made in order.
    ///
    /// `now` is in the caller's ticks, the same that `expires_at` is given in.
    pub fn apply(&mut self, entries: &[Entry], now: i64) -> Result<&[Transfer], Rejection> {
        if entries.is_empty() {
            return Err(Rejection { index: 0, verdict: Verdict::EmptySet, account: None });
        }
        let before = self.transfers.len();
        let last_before = self.last;
        let mut undo = Vec::with_capacity(entries.len().saturating_mul(2));
        for (index, entry) in entries.iter().enumerate() {
            if let Err((verdict, account)) = self.apply_one(entry, now, &mut undo) {
                self.roll_back(undo, before, last_before);
                return Err(Rejection { index, verdict, account });
            }
        }
        for change in &undo {
            match change {
                Undo::Account(account) => {
                    self.dirty_accounts.insert(account.id);
                }
                Undo::Hold(hold) => {
                    self.dirty_holds.insert(hold.number);
                }
                Undo::NewHold(number) => {
                    self.dirty_holds.insert(*number);
                }
            }
        }
        Ok(self.transfers.get(before..).unwrap_or_default())
    }

    fn roll_back(&mut self, undo: Vec<Undo>, transfers: usize, last: TransferNumber) {
        for change in undo.into_iter().rev() {
            match change {
                Undo::Account(account) => {
                    self.accounts.insert(account.id, account);
                }
                Undo::Hold(hold) => {
                    self.holds.insert(hold.number, hold);
                }
                Undo::NewHold(number) => {
                    self.holds.remove(&number);
                }
            }
        }
        self.transfers.truncate(transfers);
        self.last = last;
    }

    fn apply_one(&mut self, entry: &Entry, now: i64, undo: &mut Vec<Undo>) -> Result<(), (Verdict, Option<AccountId>)> {
        let no = |verdict| (verdict, None);
        match *entry {
            Entry::Post { debit, credit, amount, code } => {
                positive(amount)?;
                self.check_pair(debit, credit)?;
                let row = Row { kind: Kind::Post, code, amount, hold: None };
                self.move_units(debit, credit, row, 0, undo)
            }
            Entry::Hold { account, amount, expires_at, code } => {
                positive(amount)?;
                let holder = self.accounts.get(&account).ok_or(no(Verdict::DebitAccountUnknown))?;
                if holder.side == Side::Debit {
                    return Err((Verdict::HoldOnDebitSide, Some(account)));
                }
                let held = holder.held.checked_add(amount).ok_or((Verdict::Overflow, Some(account)))?;
                if holder.floor == Floor::Zero && holder.balance < held {
                    return Err((Verdict::InsufficientFunds, Some(account)));
                }
                // Checks end here; effects follow.
                let row = Row { kind: Kind::Hold, code, amount, hold: None };
                let number = self.touch_one(account, held, row, undo)?;
                undo.push(Undo::NewHold(number));
                let state = HoldState::Open;
                self.holds.insert(number, Hold { number, account, remaining: amount, expires_at, state });
                Ok(())
            }
            Entry::PostHold { hold, credit, amount, code } => {
                positive(amount)?;
                let found = self.open_hold(hold)?;
                if found.expires_at.is_some_and(|end| end <= now) {
                    return Err(no(Verdict::HoldExpired));
                }
                let left = found.remaining.checked_sub(amount).ok_or(no(Verdict::ExceedsHold))?;
                if left < 0 {
                    return Err(no(Verdict::ExceedsHold));
                }
                let debit = found.account;
                self.check_pair(debit, credit)?;
                let row = Row { kind: Kind::PostHold, code, amount, hold: Some(hold) };
                self.move_units(debit, credit, row, amount, undo)?;
                let state = if left == 0 { HoldState::Posted } else { HoldState::Open };
                self.change_hold(hold, left, state, undo);
                Ok(())
            }
            Entry::VoidHold { hold, code } => {
                self.open_hold(hold)?;
                self.release(hold, Kind::VoidHold, HoldState::Voided, code, undo)
            }
            Entry::ExpireHold { hold, code } => {
                let found = self.open_hold(hold)?;
                if found.expires_at.is_none_or(|end| end > now) {
                    return Err(no(Verdict::HoldNotExpired));
                }
                self.release(hold, Kind::ExpireHold, HoldState::Expired, code, undo)
            }
        }
    }

    fn open_hold(&self, number: TransferNumber) -> Result<Hold, (Verdict, Option<AccountId>)> {
        let hold = self.holds.get(&number).ok_or((Verdict::HoldUnknown, None))?;
        if hold.state != HoldState::Open {
            return Err((Verdict::HoldClosed, None));
        }
        Ok(hold.clone())
    }

    fn check_pair(&self, debit: AccountId, credit: AccountId) -> Result<(), (Verdict, Option<AccountId>)> {
        let from = self.accounts.get(&debit).ok_or((Verdict::DebitAccountUnknown, None))?;
        let to = self.accounts.get(&credit).ok_or((Verdict::CreditAccountUnknown, None))?;
        if debit == credit {
            return Err((Verdict::SameAccount, Some(debit)));
        }
        if from.asset != to.asset {
            return Err((Verdict::AssetMismatch, None));
        }
        Ok(())
    }

    /// Debits one account and credits the other; `freed` units of the debited account's holds go with it.
    fn move_units(
        &mut self,
        debit: AccountId,
        credit: AccountId,
        row: Row,
        freed: i64,
        undo: &mut Vec<Undo>,
    ) -> Result<(), (Verdict, Option<AccountId>)> {
        let from = self.accounts.get(&debit).ok_or((Verdict::DebitAccountUnknown, None))?;
        let to = self.accounts.get(&credit).ok_or((Verdict::CreditAccountUnknown, None))?;
        let from_held = from.held.saturating_sub(freed);
        let from_after = moved(from, Side::Debit, row.amount, from_held)?;
        let to_after = moved(to, Side::Credit, row.amount, to.held)?;
        let number = self.next_number().ok_or((Verdict::Overflow, None))?;
        // Checks end here; effects follow.
        let asset = from.asset;
        undo.push(Undo::Account(from.clone()));
        undo.push(Undo::Account(to.clone()));
        self.last = number;
        let debit = self.write_leg(debit, number, from_after, from_held);
        let to_held = self.accounts.get(&credit).map_or(0, |account| account.held);
        let credit = self.write_leg(credit, number, to_after, to_held);
        self.push_row(number, asset, row, debit, credit);
        Ok(())
    }

    /// Writes a row that only changes what is held on one account.
    fn touch_one(
        &mut self,
        account: AccountId,
        held_after: i64,
        row: Row,
        undo: &mut Vec<Undo>,
    ) -> Result<TransferNumber, (Verdict, Option<AccountId>)> {
        let found = self.accounts.get(&account).ok_or((Verdict::DebitAccountUnknown, None))?;
        let number = self.next_number().ok_or((Verdict::Overflow, None))?;
        let (asset, balance) = (found.asset, found.balance);
        undo.push(Undo::Account(found.clone()));
        self.last = number;
        let leg = self.write_leg(account, number, balance, held_after);
        self.push_row(number, asset, row, leg, None);
        Ok(number)
    }

    fn release(
        &mut self,
        number: TransferNumber,
        kind: Kind,
        state: HoldState,
        code: Code,
        undo: &mut Vec<Undo>,
    ) -> Result<(), (Verdict, Option<AccountId>)> {
        let hold = self.open_hold(number)?;
        let held = self.accounts.get(&hold.account).map_or(0, |account| account.held);
        let row = Row { kind, code, amount: hold.remaining, hold: Some(number) };
        self.touch_one(hold.account, held.saturating_sub(hold.remaining), row, undo)?;
        self.change_hold(number, 0, state, undo);
        Ok(())
    }

    fn change_hold(&mut self, number: TransferNumber, remaining: i64, state: HoldState, undo: &mut Vec<Undo>) {
        if let Some(hold) = self.holds.get_mut(&number) {
            undo.push(Undo::Hold(hold.clone()));
            hold.remaining = remaining;
            hold.state = state;
        }
    }

    fn next_number(&self) -> Option<TransferNumber> {
        self.last.0.checked_add(1).map(TransferNumber)
    }

    fn write_leg(&mut self, id: AccountId, number: TransferNumber, balance_after: i64, held_after: i64) -> Option<Leg> {
        let account = self.accounts.get_mut(&id)?;
        account.balance = balance_after;
        account.held = held_after;
        let (previous, jump) = account.chain.push(number);
        Some(Leg { account: id, balance_after, held_after, previous, jump })
    }

    fn push_row(&mut self, number: TransferNumber, asset: crate::AssetId, row: Row, debit: Option<Leg>, credit: Option<Leg>) {
        if let Some(debit) = debit {
            let Row { kind, code, amount, hold } = row;
            self.transfers.push(Transfer { number, kind, code, asset, amount, debit, credit, hold });
        }
    }
}

/// The part of a journal row that does not depend on the accounts.
struct Row {
    kind: Kind,
    code: Code,
    amount: i64,
    hold: Option<TransferNumber>,
}

fn positive(amount: i64) -> Result<(), (Verdict, Option<AccountId>)> {
    if amount <= 0 { Err((Verdict::AmountNotPositive, None)) } else { Ok(()) }
}

/// The balance after an entry of `amount` on `entry_side`, or why it cannot be.
fn moved(account: &Account, entry_side: Side, amount: i64, held_after: i64) -> Result<i64, (Verdict, Option<AccountId>)> {
    let grows = account.side == entry_side;
    let after = if grows { account.balance.checked_add(amount) } else { account.balance.checked_sub(amount) };
    let after = after.ok_or((Verdict::Overflow, Some(account.id)))?;
    if !grows && account.floor == Floor::Zero && after < held_after {
        return Err((Verdict::InsufficientFunds, Some(account.id)));
    }
    Ok(after)
}

#[cfg(test)]
mod tests;
