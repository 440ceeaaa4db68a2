//! The simulation's own book-keeping: all that the platform must know and hold, in plain maps and wide integers.

use super::arithmetic::{self, Rate};
use super::programmes::{Member, Programme};
use chrono::NaiveDate;
use serde_json::Value;
use server::commands::{Actor, Command};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
pub struct Company {
    pub id: i64,
    pub name: String,
    pub tax_id: String,
    /// The reference that it quotes on payments; empty for the operator.
    pub reference: String,
    pub iban: String,
    pub maker: i64,
    pub checker: i64,
    pub capacities: &'static [&'static str],
    pub active: bool,
}

impl Company {
    #[must_use]
    pub fn maker(&self) -> Actor {
        Actor::person(self.id.into(), self.maker.into())
    }
    #[must_use]
    pub fn checker(&self) -> Actor {
        Actor::person(self.id.into(), self.checker.into())
    }
    #[must_use]
    pub fn is(&self, capacity: &str) -> bool {
        self.capacities.contains(&capacity)
    }
}

/// Kind, owner and asset, as the ledger names them.
pub type Account = (&'static str, i64, i64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    pub balance: i128,
    pub held: i128,
}

#[derive(Clone, Debug)]
pub struct Invoice {
    pub supplier: i64,
    pub buyer: i64,
    pub currency: String,
    pub payable: i128,
    pub due: Option<NaiveDate>,
    /// The number as it was written.
    pub number: String,
    pub issued: NaiveDate,
    /// Whether a person must look at it: "", "open" or "cleared".
    pub review: &'static str,
    /// Credit notes that came before the confirmation.
    pub credited: i128,
    pub state: &'static str,
    pub confirmed: i128,
    /// The last day for the buyer's answer, once it was presented.
    pub answer_by: Option<NaiveDate>,
}

/// Why an invoice waits for a person: another one that looks like it, or a credit note that came too late.
#[derive(Clone, Debug)]
pub struct Review {
    pub invoice: i64,
    pub other: Option<i64>,
    pub state: &'static str,
}

#[derive(Clone, Debug)]
pub struct Terms {
    pub reserve_bps: i128,
    pub settlement_bps: i128,
    pub purchase_bps: i128,
    pub minimum_fee: i128,
    pub minimum_ticket: i128,
    pub late: Rate,
    pub late_count: String,
    pub grace_days: i64,
    /// The largest credit of a notification that is booked before its statement.
    pub announced: i128,
    /// Days overdue that the platform tolerates before it stops the buyer.
    pub tolerated: i64,
}

/// Of each company: the units that it had, and the rest of them.
pub type Parts = BTreeMap<i64, (i128, i128)>;

#[derive(Clone, Debug)]
pub struct Receivable {
    pub reserve_asset: i64,
    pub invoice: i64,
    pub supplier: i64,
    pub buyer: i64,
    pub currency: String,
    pub confirmed: i128,
    pub face: i128,
    pub reserve: i128,
    pub fee: i128,
    pub fee_paid: i128,
    pub terms: Terms,
    pub payment_date: NaiveDate,
    pub interest_from: NaiveDate,
    pub state: &'static str,
    pub paid: i128,
    pub reference: String,
    /// Face that came back to its holders.
    pub redeemed: i128,
    /// The programme that it was issued under, how much may be sold, and whether the buyer bears its fees.
    pub programme: Option<i64>,
    pub sellable: i128,
    pub buyer_bears: bool,
}

#[derive(Clone, Debug)]
pub struct Offer {
    pub receivable: i64,
    pub supplier: i64,
    pub units: i128,
    pub left: i128,
    /// Held for purchases that wait for a second person.
    pub reserved: i128,
    pub rate: Rate,
    pub method: String,
    pub day_count: String,
    pub minimum_ticket: i128,
    pub close: NaiveDate,
    pub state: &'static str,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Limit {
    pub id: i64,
    pub limit: i128,
    pub used: i128,
}

#[derive(Clone, Debug)]
pub struct Payout {
    pub party: Option<i64>,
    pub currency: String,
    pub amount: i128,
    pub state: &'static str,
    pub end_to_end: String,
    /// Account and holder.
    pub payee: (String, String),
    /// The platform's account that its file draws on.
    pub drawn: i64,
    /// The platform's account that it is on its way from, or has left.
    pub custody: i64,
    /// The line whose money goes back to its payer.
    pub line: Option<i64>,
}

/// A bank line, or a receipt that people recorded.
#[derive(Clone, Debug)]
pub struct Line {
    pub currency: String,
    pub amount: i128,
    pub value_date: NaiveDate,
    pub booking_day: NaiveDate,
    pub iban: String,
    pub state: &'static str,
    pub kind: &'static str,
    pub incoming: bool,
    /// 0 for a receipt that people recorded.
    pub statement: i64,
    /// It came in a notification.
    pub notification: bool,
    pub booking: Booking,
    pub words: String,
    pub occurrence: usize,
    /// References that it gives, in the order in which they are tried.
    pub references: Vec<String>,
    pub end_to_end: String,
    pub target: Option<super::rules::Target>,
    pub twin: Option<i64>,
    pub claim: i128,
    /// The company that owes the claim; 0 is no company here.
    pub debtor: i64,
    /// The last act of two people on it, the payout that they linked, and the part of its claim that they wrote off.
    pub acted: &'static str,
    pub linked: Option<i64>,
    pub written: i128,
    /// The receipt that they reversed, its state before, and the amount that was not there any more.
    pub reversed: Option<Reversed>,
    /// The platform's account that it stands on, and its other one where the money moves between the two.
    pub custody: i64,
    pub other: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub struct Reversed {
    pub receipt: i64,
    pub state: &'static str,
    pub twin: Option<i64>,
    pub missing: i128,
}

#[derive(Clone, Debug)]
pub struct Approval {
    pub party: i64,
    pub maker: i64,
    pub command: Command,
    pub state: &'static str,
    /// The hold of a purchase that waits.
    pub holds: Option<Held>,
}

/// Units of an offer and of a limit, and cash.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    pub units: i128,
    pub price: i128,
}

/// The act of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub fingerprint: String,
    pub seq: i64,
    pub awaits_approval: Option<i64>,
    pub body: Value,
}

/// A booking that a bank reported, as another file with the bank's reference would report it.
pub type Booking = (String, String, bool, i128, String, String);

/// The changes of the last commands, to be compared with the database.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    pub accounts: BTreeSet<Account>,
    pub invoices: BTreeSet<i64>,
    pub receivables: BTreeSet<i64>,
    pub offers: BTreeSet<i64>,
    pub limits: BTreeSet<i64>,
    pub payouts: BTreeSet<i64>,
    pub lines: BTreeSet<i64>,
    pub approvals: BTreeSet<i64>,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub today: NaiveDate,
    /// The platform's accounts at banks. The second one carries EUR only; the first one is current.
    pub custody: BTreeMap<i64, String>,
    pub companies: BTreeMap<i64, Company>,
    pub accounts: BTreeMap<Account, Amounts>,
    pub invoices: BTreeMap<i64, Invoice>,
    pub receivables: BTreeMap<i64, Receivable>,
    pub offers: BTreeMap<i64, Offer>,
    /// Of financier, buyer and currency.
    pub limits: BTreeMap<(i64, i64, String), Limit>,
    /// The amounts that may be done without a second person: at once, and in a day.
    pub approval_limits: BTreeMap<(i64, String), (i128, Option<i128>)>,
    /// The amount that a company did alone on the last such day, where it bounded the day then.
    pub alone: BTreeMap<(i64, String), (NaiveDate, i128)>,
    pub terms: BTreeMap<String, Terms>,
    pub holidays: BTreeMap<(String, NaiveDate), bool>,
    pub verified_accounts: BTreeSet<(i64, String)>,
    pub payouts: BTreeMap<i64, Payout>,
    pub lines: BTreeMap<i64, Line>,
    pub approvals: BTreeMap<i64, Approval>,
    /// Of receivable and company: due and paid.
    pub late: BTreeMap<(i64, i64), (i128, i128)>,
    /// Of each receivable: the units that each holder had and has left, and its late interest since that last grew.
    pub parts: BTreeMap<i64, [Parts; 2]>,
    pub reviews: BTreeMap<i64, Review>,
    pub programmes: BTreeMap<i64, Programme>,
    pub members: BTreeMap<i64, Member>,
    /// Fees that a buyer bears in a currency, oldest first: the amount and the paid part.
    pub bills: BTreeMap<(i64, String), Vec<(i128, i128)>>,
    /// Supplier, number as it is compared, day, currency, amount.
    pub credits: BTreeSet<(i64, String, NaiveDate, String, i128)>,
    pub keys: BTreeMap<(i64, String), Known>,
    pub files: BTreeSet<String>,
    pub statements: BTreeSet<(String, String)>,
    /// The amount that each account at a bank must hold in each asset, by the reports of its statements.
    pub at_bank: BTreeMap<(i64, i64), i128>,
    pub touched: Touched,
    /// How often something rare was done.
    pub rare: BTreeMap<&'static str, u64>,
}

/// ISO 4217 numbers of the two currencies of the simulation.
#[must_use]
pub fn asset_of(currency: &str) -> i64 {
    if currency == "JPY" { 392 } else { 978 }
}

pub const CURRENCIES: [&str; 2] = ["EUR", "JPY"];

impl Model {
    /// The payouts of a currency's next payment file up to a payout, and the digest of the list that two people see.
    #[must_use]
    pub fn payment_list(&self, currency: &str, through: i64) -> (Vec<i64>, String) {
        let waits = |payout: &Payout| payout.state == "authorised" && payout.currency == currency;
        let list: Vec<_> = self.payouts.range(..=through).filter(|(_, payout)| waits(payout)).collect();
        let line = |(_, payout): &(&i64, &Payout)| {
            let (account, holder) = &payout.payee;
            format!(r#"["{}",{},"{currency}","{account}","","{holder}"]"#, payout.end_to_end, payout.amount)
        };
        let lines: Vec<String> = list.iter().map(line).collect();
        (list.iter().map(|(id, _)| **id).collect(), server::hash::sha256_hex(lines.join("\n").as_bytes()))
    }

    #[must_use]
    pub fn amounts(&self, account: Account) -> Amounts {
        self.accounts.get(&account).copied().unwrap_or_default()
    }

    #[must_use]
    pub fn free(&self, account: Account) -> i128 {
        let amounts = self.amounts(account);
        amounts.balance - amounts.held
    }

    pub fn count_rare(&mut self, what: &'static str) {
        *self.rare.entry(what).or_default() += 1;
    }

    pub fn change(&mut self, account: Account, balance: i128, held: i128) {
        let amounts = self.accounts.entry(account).or_default();
        amounts.balance += balance;
        amounts.held += held;
        self.touched.accounts.insert(account);
    }

    /// Debits one account and credits the other. Custody, costs, claims and issued units grow on the debit side.
    pub fn transfer(&mut self, debit: Account, credit: Account, amount: i128) {
        if amount == 0 {
            return;
        }
        let sign = |account: Account| if matches!(account.0, "custody" | "expense" | "claim" | "issued") { 1 } else { -1 };
        self.change(debit, sign(debit) * amount, 0);
        self.change(credit, -sign(credit) * amount, 0);
    }

    /// The other account of the platform that a line names.
    #[must_use]
    pub fn own_account(&self, line: &Line) -> Option<i64> {
        let carries = |id: i64| id == 0 || line.currency == "EUR";
        let named = |(id, iban): &(&i64, &String)| **id != line.custody && **iban == line.iban && carries(**id);
        self.custody.iter().find(named).map(|(id, _)| *id)
    }

    /// The first line of a transfer between the platform's accounts of which this one is the second.
    #[must_use]
    pub fn begun(&self, line: &Line, from: Option<i64>) -> Option<i64> {
        let meets = |(_, one): &(&i64, &Line)| {
            one.kind == "own_transfer"
                && one.state == "matched"
                && one.twin.is_none()
                && one.other == Some(line.custody)
                && one.incoming != line.incoming
                && (&one.currency, one.amount) == (&line.currency, line.amount)
                && one.value_date.signed_duration_since(line.value_date).num_days().abs() <= 7
                && from.is_none_or(|from| one.custody == from)
        };
        self.lines.iter().find(meets).map(|(id, _)| *id)
    }

    /// Whether the account that the booking of a line draws on has as much.
    #[must_use]
    pub fn covers(&self, line: &Line) -> bool {
        let payout = self.payouts.values().find(|payout| payout.end_to_end == line.end_to_end);
        let paid = payout.is_some_and(|one| (&one.currency, one.amount, one.state) == (&line.currency, line.amount, "sent"));
        let drawn = match self.own_account(line) {
            Some(other) if self.begun(line, Some(other)).is_some() => None,
            Some(other) if line.incoming => Some(other),
            Some(_) => Some(line.custody),
            None => (paid && !line.incoming).then_some(line.custody),
        };
        drawn.is_none_or(|account| self.amounts(("custody", account, asset_of(&line.currency))).balance >= line.amount)
    }

    /// Money that the books have on an account and its bank does not show yet: transfers of which one line is missing.
    #[must_use]
    pub fn on_the_way(&self, account: i64, asset: i64, only_to: bool) -> i128 {
        let open = self.lines.values().filter(|one| {
            one.kind == "own_transfer" && one.state == "matched" && one.twin.is_none() && one.other == Some(account)
        });
        let own = open.filter(|one| asset_of(&one.currency) == asset && !(only_to && one.incoming));
        own.map(|one| if one.incoming { -one.amount } else { one.amount }).sum()
    }

    /// The amount that a new payment file may draw on an account.
    #[must_use]
    pub fn available(&self, account: i64, currency: &str) -> i128 {
        let asset = asset_of(currency);
        let in_file = |one: &&Payout| one.state == "sent" && one.custody == account && one.currency == currency;
        let files: i128 = self.payouts.values().filter(in_file).map(|one| one.amount).sum();
        let balance = self.amounts(("custody", account, asset)).balance;
        (balance - files - self.on_the_way(account, asset, true)).max(0)
    }

    /// Units by company, of one receivable.
    #[must_use]
    pub fn holders(&self, receivable: i64) -> Vec<(i64, i128)> {
        let range = ("holding", i64::MIN, i64::MIN)..=("holding", i64::MAX, i64::MAX);
        let held = self.accounts.range(range).filter(|((_, _, asset), amounts)| *asset == receivable && amounts.balance > 0);
        held.map(|((_, owner, _), amounts)| (*owner, amounts.balance)).collect()
    }

    #[must_use]
    pub fn following(&self, currency: &str, date: NaiveDate) -> NaiveDate {
        date.iter_days().find(|day| self.is_open(currency, *day)).unwrap_or(date)
    }

    fn is_open(&self, currency: &str, day: NaiveDate) -> bool {
        let said = self.holidays.get(&(currency.to_owned(), day)).copied();
        said.unwrap_or_else(|| arithmetic::is_business_day(currency, day))
    }

    /// Banks value within three business days before or after they book.
    #[must_use]
    pub fn is_near(&self, currency: &str, one: NaiveDate, other: NaiveDate) -> bool {
        let (first, last) = (one.min(other), one.max(other));
        let between = first.iter_days().skip(1).take_while(|day| *day < last);
        between.filter(|day| self.is_open(currency, *day)).count() < 3
    }
}
