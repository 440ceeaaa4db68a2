//! The next acts of the companies: mostly sensible, often not.

use super::arithmetic::written;
use super::model::{CURRENCIES, Company, Model, asset_of};
use super::rules::Target;
use chrono::{Days, NaiveDate};
use formats::camt::{Entry, EntryDetail, Statement};
use formats::invoice::{InvoiceFile, Preceding, Totals};
use kernel::{BankLineId, CustodyId, RecordId};
use server::commands::bank::assign_suspense::AssignSuspense;
use server::commands::bank::cancel_payout::CancelPayout;
use server::commands::bank::create_payment_file::CreatePaymentFile;
use server::commands::bank::import_statement::ImportStatement;
use server::commands::bank::record_receipt::RecordReceipt;
use server::commands::bank::request_payout::RequestPayout;
use server::commands::bank::resolve_line::ResolveLine;
use server::commands::bank::return_suspense::ReturnSuspense;
use server::commands::bank::take_back_line::TakeBackLine;
use server::commands::cases::decide_review::DecideReview;
use server::commands::confirmations::confirm_invoice::{self, ConfirmInvoice};
use server::commands::days::close_day::CloseDay;
use server::commands::days::set_holiday::SetHoliday;
use server::commands::days::set_issue_terms::SetIssueTerms;
use server::commands::invoices::dispute_invoice::DisputeInvoice;
use server::commands::invoices::register_invoice::RegisterInvoice;
use server::commands::invoices::settle_dispute::SettleDispute;
use server::commands::invoices::submit_invoice::SubmitInvoice;
use server::commands::invoices::withdraw_invoice::WithdrawInvoice;
use server::commands::kit::decide_approval::DecideApproval;
use server::commands::market::buy_fractions::BuyFractions;
use server::commands::market::create_offer::CreateOffer;
use server::commands::market::set_buyer_limit::SetBuyerLimit;
use server::commands::market::withdraw_offer::WithdrawOffer;
use server::commands::parties::decide_company::DecideCompany;
use server::commands::parties::set_approval_limit::SetApprovalLimit;
use server::commands::{Actor, Command};
use server::dice::Dice;
use server::hash::sha256_hex;
use store::Conn;
use store::records::Keyed;

/// An act that an actor wants.
pub type Move = (Actor, Command);

pub struct Players<'a> {
    pub dice: &'a mut Dice,
    pub model: &'a Model,
    /// Numbers new records, so that each differs from the others.
    pub serial: &'a mut i64,
    /// Only to show a buyer the words that it signs.
    pub conn: &'a mut Conn,
}

const RATES: &[&str] = &["5", "5.25", "12.5", "0.000001", "50", "7.123456", "1"];
const BAD_RATES: &[&str] = &["0", "50.000001", "3.1234567", "much", "-1"];
const COUNTS: &[&str] = &["ACT/360", "ACT/365F", "30E/360"];

impl Players<'_> {
    pub fn chance(&mut self, percent: i64) -> bool {
        self.dice.roll(100) < percent
    }

    fn of<'b, T>(&mut self, list: &'b [T]) -> Option<&'b T> {
        self.dice.pick(list)
    }

    fn word(&mut self, list: &[&'static str]) -> &'static str {
        self.dice.pick(list).copied().unwrap_or_default()
    }

    fn next(&mut self) -> i64 {
        *self.serial += 1;
        *self.serial
    }

    /// An amount of any size up to `most`, small ones as likely as large ones.
    fn amount(&mut self, most: i64) -> i64 {
        let digits = self.dice.roll(14);
        let bound = 10_i64.pow(u32::try_from(digits).unwrap_or(0)).min(most).max(1);
        1 + self.dice.roll(bound)
    }

    /// An amount that no form should let through.
    fn edge(&mut self) -> i64 {
        let list = [0, -1, 1, i64::MAX, i64::MIN, i64::MAX - 1];
        self.of(&list).copied().unwrap_or(0)
    }

    pub fn company(&mut self, wanted: impl Fn(&Company) -> bool) -> Option<Company> {
        let list: Vec<&Company> = self.model.companies.values().filter(|company| wanted(company)).collect();
        self.of(&list).map(|company| (*company).clone())
    }

    fn operator(&mut self) -> Actor {
        let found = self.company(|company| company.is("operator"));
        found.map_or(Actor::SYSTEM, |company| if self.chance(85) { company.maker() } else { company.checker() })
    }

    /// Mostly this company's person, sometimes another company's.
    pub fn person(&mut self, company: i64) -> Actor {
        let stranger = self.chance(3);
        let found = self.company(|known| stranger || known.id == company);
        found.map_or(Actor::SYSTEM, |company| company.maker())
    }

    pub fn pick_id<T>(&mut self, list: &std::collections::BTreeMap<i64, T>, wanted: impl Fn(&T) -> bool) -> Option<i64> {
        let anything = self.chance(6);
        // The newest are where things happen.
        let ids: Vec<i64> = list.iter().rev().filter(|(_, one)| anything || wanted(one)).map(|(id, _)| *id).take(40).collect();
        self.of(&ids).copied()
    }

    fn day(&mut self, from: i64, to: i64) -> NaiveDate {
        let days = from + self.dice.roll(to - from + 1);
        let (size, today) = (Days::new(days.unsigned_abs()), self.model.today);
        if days < 0 { today - size } else { today + size }
    }

    /// The next act. The dice may ask for an act that no company can do yet; then they are thrown again.
    pub fn invent(&mut self) -> Move {
        for _ in 0..50 {
            let found = match self.dice.roll(1_000) {
                0..350 => self.buy(),
                350..354 => self.cancel(),
                354..362 => self.resolve(),
                362..370 => self.take_back(),
                370..440 => self.register(),
                440..510 => self.submit(),
                510..580 => self.confirm(),
                580..587 => self.dispute(),
                587..590 => self.settle_dispute(),
                590..598 => self.withdraw_invoice(),
                598..668 => self.offer(),
                668..680 => self.withdraw_offer(),
                680..770 => self.decide(),
                770..800 => self.pay_out(),
                800..812 => self.payment_file(),
                812..885 => self.statement(),
                885..897 => self.receipt(),
                897..904 => self.suspense(),
                904..907 => self.resolve(),
                907..910 => self.take_back(),
                910..930 => self.buyer_limit(),
                930..940 => self.approval_limit(),
                940..966 => Some(self.close_day()),
                966..972 => self.holiday(),
                972..977 => self.terms(),
                977..985 => self.decide_company(),
                985..991 => self.review(),
                991..997 => self.programme(),
                _ => self.stray(),
            };
            if let Some(found) = found {
                return found;
            }
        }
        self.close_day()
    }

    fn buy(&mut self) -> Option<Move> {
        let offer_id = self.pick_id(&self.model.offers, |offer| offer.state == "open")?;
        let offer = self.model.offers[&offer_id].clone();
        let (left, ticket) = (i64::try_from(offer.left).ok()?, i64::try_from(offer.minimum_ticket).ok()?);
        let units_minor = match self.dice.roll(12) {
            0 => left,
            1 => left - ticket,
            2 => left - 1,
            3 => left + 1,
            4 => ticket - 1,
            5 => self.edge(),
            6 | 7 => ticket + self.dice.roll((left - ticket).max(1)),
            _ => ticket + self.dice.roll((left / 10).max(1)),
        };
        let quote = self.model.quote(offer_id, i128::from(units_minor)).map_or(0, |quote| quote.price);
        let off = if self.chance(4) { self.dice.roll(3) - 1 } else { 0 };
        let price_minor = i64::try_from(quote).unwrap_or(0).saturating_add(off);
        let desk = self.company(|company| company.is("financier"))?;
        let actor = self.person(desk.id);
        Some((actor, BuyFractions { offer_id: offer_id.into(), units_minor, price_minor }.into()))
    }

    fn register(&mut self) -> Option<Move> {
        let supplier = self.company(|company| company.is("supplier"))?;
        let buyer = self.company(|company| company.is("buyer"))?;
        let number = self.next();
        let currency = if self.chance(2) { "USD" } else { self.word(&CURRENCIES) };
        let payable = match self.dice.roll(40) {
            0 => 10_000_000_000_000,
            1 => 10_000_000_000_001,
            2 => 0,
            3 => 1,
            _ => i128::from(100_000 + self.amount(1_000_000_000)),
        };
        let mut payable = written(currency, payable);
        if self.chance(1) {
            payable.push_str(if currency == "JPY" { ".5" } else { "5" });
        }
        let newest = if self.chance(3) { 2 } else { 0 };
        let mut file = InvoiceFile {
            number: if self.chance(5) { format!("inv {}", number / 2) } else { format!("INV-{number}") },
            type_code: if self.chance(2) { "325" } else { "380" }.to_owned(),
            issue_date: Some(self.day(-20, newest)),
            due_date: if self.chance(8) { None } else { Some(self.day(10, 60)) },
            currency: currency.to_owned(),
            totals: Totals { tax_inclusive: payable.parse().ok(), payable: payable.parse().ok(), ..Totals::default() },
            ..InvoiceFile::default()
        };
        let seller = if self.chance(2) { self.company(|_| true)?.tax_id } else { supplier.tax_id.clone() };
        (file.seller.tax_id, file.seller.name) = (seller, supplier.name.clone());
        file.buyer.tax_id = if self.chance(2) { "NOBODY".to_owned() } else { buyer.tax_id };
        match self.dice.roll(20) {
            0 | 1 => self.imitate(supplier.id, &mut file),
            2 => self.credit(supplier.id, &mut file),
            _ => {}
        }
        let content = format!("<invoice {number} of {}>", supplier.name).into_bytes();
        let sha256 = sha256_hex(&content);
        let command = RegisterInvoice {
            file_name: format!("{number}.xml"),
            sha256,
            content,
            parsed: Box::new(file),
            ..RegisterInvoice::default()
        };
        Some((supplier.maker(), command.into()))
    }

    /// Something of an older invoice once more: its number, its number in other letters, its day and total, all of it.
    fn imitate(&mut self, supplier: i64, file: &mut InvoiceFile) {
        let Some(id) = self.pick_id(&self.model.invoices, |old| old.supplier == supplier) else { return };
        let old = self.model.invoices[&id].clone();
        let kind = self.dice.roll(5);
        if kind < 2 || kind == 4 {
            file.number = old.number.clone();
        }
        if kind == 1 {
            file.number = old.number.replace('I', "l").replace('1', "I");
        }
        if kind >= 3 {
            let payable = written(&old.currency, old.payable).parse().ok();
            (file.totals.payable, file.totals.tax_inclusive) = (payable, payable);
            (file.issue_date, file.currency) = (Some(old.issued), old.currency);
            file.buyer.tax_id = self.model.companies[&old.buyer].tax_id.clone();
        }
    }

    /// A credit note on an older invoice, for a part of it, all of it or more.
    fn credit(&mut self, supplier: i64, file: &mut InvoiceFile) {
        let Some(id) = self.pick_id(&self.model.invoices, |old| old.supplier == supplier) else { return };
        let old = self.model.invoices[&id].clone();
        let owed = old.payable - old.credited;
        let amount = match self.dice.roll(5) {
            0 => owed,
            1 => owed + 1,
            _ => owed / 3,
        };
        let amount = written(&old.currency, amount).parse().ok();
        (file.totals.payable, file.totals.tax_inclusive) = (amount, amount);
        file.type_code = "381".to_owned();
        file.currency = old.currency;
        file.buyer.tax_id = self.model.companies[&old.buyer].tax_id.clone();
        let issue_date = if self.chance(50) { Some(if self.chance(90) { old.issued } else { self.day(-40, 0) }) } else { None };
        file.preceding = if self.chance(10) { vec![] } else { vec![Preceding { number: old.number, issue_date }] };
    }

    fn review(&mut self) -> Option<Move> {
        let review_id = self.pick_id(&self.model.reviews, |review| review.state == "open")?;
        let reason = if self.chance(5) { " " } else { "compared with the order" }.to_owned();
        let clear = self.chance(60);
        Some((self.operator(), DecideReview { review_id: review_id.into(), clear, reason }.into()))
    }

    fn submit(&mut self) -> Option<Move> {
        let invoice_id = self.pick_id(&self.model.invoices, |invoice| ["draft", "expired"].contains(&invoice.state))?;
        let actor = self.person(self.model.invoices[&invoice_id].supplier);
        let due_date = if self.chance(60) { Some(self.day(14, 50)) } else { None };
        Some((actor, SubmitInvoice { invoice_id: invoice_id.into(), due_date }.into()))
    }

    fn withdraw_invoice(&mut self) -> Option<Move> {
        let invoice_id = self.pick_id(&self.model.invoices, |invoice| invoice.state != "paid")?;
        let actor = self.person(self.model.invoices[&invoice_id].supplier);
        Some((actor, WithdrawInvoice { invoice_id: invoice_id.into() }.into()))
    }

    fn dispute(&mut self) -> Option<Move> {
        let invoice_id = self.pick_id(&self.model.invoices, |invoice| invoice.state == "presented")?;
        let actor = self.person(self.model.invoices[&invoice_id].buyer);
        let reason = if self.chance(10) { " " } else { "two boxes are missing" }.to_owned();
        let dispute = DisputeInvoice { invoice_id: invoice_id.into(), reason, clarification: String::new() };
        Some((actor, dispute.into()))
    }

    fn settle_dispute(&mut self) -> Option<Move> {
        let invoice_id = self.pick_id(&self.model.invoices, |invoice| ["disputed", "presented"].contains(&invoice.state))?;
        let actor = self.person(self.model.invoices[&invoice_id].buyer);
        Some((actor, SettleDispute { invoice_id: invoice_id.into(), text: String::new() }.into()))
    }

    fn confirm(&mut self) -> Option<Move> {
        let invoice_id = self.pick_id(&self.model.invoices, |invoice| ["presented", "disputed"].contains(&invoice.state))?;
        let invoice = self.model.invoices[&invoice_id].clone();
        let payable = i64::try_from(invoice.payable).ok()?;
        let amount_minor = match self.dice.roll(20) {
            0 => payable + 1,
            1 => self.edge(),
            2 => 1,
            3..6 => 1 + self.dice.roll(payable),
            _ => payable,
        };
        let due_date = match (invoice.due, self.dice.roll(10)) {
            (Some(due), 0..7) => due,
            (_, 7) => self.model.today,
            // The end of a year, a leap day, a holiday: wherever the calendar hurts.
            (_, 8) => self.model.holidays.keys().next().map_or(self.model.today, |(_, day)| *day),
            (_, 9) => self.day_of_programme(),
            _ => self.day(1, 40),
        };
        let row = store::Invoice::load(self.conn, invoice_id.into()).ok()?;
        let words = confirm_invoice::words(self.conn, &row, amount_minor, due_date).ok()?;
        let words_hash = if self.chance(2) { "stale".to_owned() } else { words.hash };
        let reason = if self.chance(60) { "as delivered" } else { "" }.to_owned();
        let version = domain::undertaking::CURRENT.to_owned();
        let terms = match self.dice.roll(10) {
            0 => "platform".to_owned(),
            1..5 => self.model.terms_name(&invoice, due_date),
            _ => String::new(),
        };
        let actor = self.person(invoice.buyer);
        let command = ConfirmInvoice {
            invoice_id: invoice_id.into(),
            amount_minor,
            due_date,
            version,
            words_hash,
            reason,
            withheld_minor: 0,
            retained_minor: 0,
            deducted_minor: 0,
            terms,
        };
        Some((actor, command.into()))
    }

    fn offer(&mut self) -> Option<Move> {
        let receivable_id = self.pick_id(&self.model.receivables, |one| ["issued", "active"].contains(&one.state))?;
        let receivable = self.model.receivables[&receivable_id].clone();
        let free = self.model.free(("holding", receivable.supplier, receivable_id));
        let kept = if self.chance(10) { 0 } else { receivable.face - receivable.sellable };
        let free = i64::try_from((free - kept).max(0)).ok()?;
        let units_minor = match self.dice.roll(12) {
            0 => free + 1,
            1 => self.edge(),
            2..6 => 1 + self.dice.roll(free.max(1)),
            _ => free,
        };
        let least = i64::try_from(receivable.terms.minimum_ticket).ok()?.min(units_minor);
        let minimum_ticket_minor = match self.dice.roll(12) {
            0 => least.saturating_sub(1),
            1 => units_minor.saturating_add(1),
            2 => units_minor,
            _ => least,
        };
        let command = CreateOffer {
            receivable_id: receivable_id.into(),
            units_minor,
            rate: if self.chance(6) { self.word(BAD_RATES) } else { self.word(RATES) }.to_owned(),
            method: if self.chance(2) { "haggle" } else { self.word(&["discount", "yield"]) }.to_owned(),
            day_count: if self.chance(2) { "ACT/ACT" } else { self.word(COUNTS) }.to_owned(),
            minimum_ticket_minor,
            close_date: if self.chance(50) { receivable.payment_date - Days::new(1) } else { self.day(-1, 20) },
        };
        let actor = self.person(receivable.supplier);
        Some((actor, command.into()))
    }

    fn withdraw_offer(&mut self) -> Option<Move> {
        let offer_id = self.pick_id(&self.model.offers, |offer| offer.state == "open")?;
        let actor = self.person(self.model.offers[&offer_id].supplier);
        Some((actor, WithdrawOffer { offer_id: offer_id.into() }.into()))
    }

    fn decide(&mut self) -> Option<Move> {
        let approval_id = self.pick_id(&self.model.approvals, |approval| approval.state == "pending")?;
        let approval = &self.model.approvals[&approval_id];
        let party = if self.chance(3) { self.company(|_| true)?.id } else { approval.party };
        let company = self.model.companies.get(&party)?;
        // Most of the time the person of the two who did not ask.
        let second = if approval.maker == company.maker { company.checker() } else { company.maker() };
        let actor = if self.chance(5) { Actor::person(party.into(), approval.maker.into()) } else { second };
        let body = approval.command.input();
        let body_hash = if self.chance(3) { sha256_hex(b"something else") } else { sha256_hex(body.as_bytes()) };
        let approve = self.chance(88);
        let reason = if self.chance(50) { "looked at it" } else { "" }.to_owned();
        let decision = DecideApproval { approval_id: approval_id.into(), body_hash, approve, reason, file: None };
        Some((actor, decision.into()))
    }

    fn pay_out(&mut self) -> Option<Move> {
        let company = self.company(|company| !company.is("operator"))?;
        let currency = self.word(&CURRENCIES);
        let free = i64::try_from(self.model.free(("cash", company.id, asset_of(currency)))).ok()?;
        let amount_minor = match self.dice.roll(8) {
            0 => free + 1,
            1 => self.edge(),
            2 => free,
            _ => 1 + self.dice.roll((free / 4).max(1)),
        };
        Some((company.maker(), RequestPayout { currency: currency.to_owned(), amount_minor }.into()))
    }

    /// Mostly who asked for it, and mostly in time.
    fn cancel(&mut self) -> Option<Move> {
        let payout_id = self.pick_id(&self.model.payouts, |payout| payout.state == "authorised")?;
        let actor = match self.model.payouts[&payout_id].party {
            Some(party) if !self.chance(5) => self.person(party),
            _ => self.operator(),
        };
        Some((actor, CancelPayout { payout_id: payout_id.into() }.into()))
    }

    fn payment_file(&mut self) -> Option<Move> {
        let currency = if self.chance(3) { "XXX" } else { self.word(&CURRENCIES) }.to_owned();
        // Now and then a person has looked at a part of the list only, or at a list that has changed.
        let newest = self.model.payouts.keys().next_back().copied().unwrap_or(0);
        let through = if self.chance(10) { newest - self.dice.roll(200) } else { newest };
        let seen = if self.chance(5) { through - self.dice.roll(200) } else { through };
        let (_, list_hash) = self.model.payment_list(&currency, seen);
        // Mostly the current account, sometimes the other one, and once in a while one that carries another currency.
        let other = self.chance(if currency == "EUR" { 40 } else { 5 });
        let account_id = other.then(|| self.second()).flatten();
        let account_id = account_id.map(CustodyId);
        Some((self.operator(), CreatePaymentFile { currency, through: through.into(), list_hash, account_id }.into()))
    }

    /// The platform's second account.
    fn second(&self) -> Option<i64> {
        self.model.custody.keys().copied().find(|id| *id > 0)
    }

    /// Money that moves between the platform's accounts: a transfer on its way arrives, or a new one leaves or comes.
    fn transfer(&mut self, account: i64, detail: &mut EntryDetail) -> bool {
        let open = |line: &&super::model::Line| {
            line.kind == "own_transfer" && line.state == "matched" && line.twin.is_none() && line.other == Some(account)
        };
        let begun = self.model.lines.values().find(open).map(|line| (line.amount, line.incoming, line.custody));
        let known = begun.filter(|_| self.chance(85));
        let other = known.map_or_else(|| self.model.custody.keys().copied().find(|id| *id != account), |(.., from)| Some(from));
        let iban = other.and_then(|id| self.model.custody.get(&id)).cloned().unwrap_or_default();
        let credit = known.map_or_else(|| self.chance(50), |(_, incoming, _)| !incoming);
        detail.amount_minor = match known {
            Some((amount, ..)) => i64::try_from(amount).unwrap_or(1),
            None => self.amount(100_000),
        };
        // Not every bank says whose the other account is.
        let iban = if self.chance(12) { String::new() } else { iban };
        if credit {
            detail.debtor_iban = iban;
        } else {
            detail.debtor_iban.clear();
            detail.creditor_iban = iban;
        }
        credit
    }

    fn reference(&mut self, currency: &str) -> Option<(String, i64)> {
        // A payment for a receivable is for the amount that is still owed of it, a part, or a little too much.
        if self.chance(45) {
            // Few pay before they must.
            let early = self.chance(12);
            let soon = self.model.today + Days::new(2);
            let id = self.pick_id(&self.model.receivables, |one| {
                one.currency == currency && one.state != "redeemed" && (early || one.payment_date <= soon)
            })?;
            let receivable = &self.model.receivables[&id];
            let owed = i64::try_from(receivable.confirmed - receivable.paid).ok()?.max(1);
            let amount = match self.dice.roll(6) {
                0 => 1 + self.dice.roll(owed),
                1 => owed / 2 + 1,
                2 => owed + self.amount(10_000),
                _ => owed,
            };
            return Some((receivable.reference.clone(), amount));
        }
        let owes = |company: &Company, bills: &std::collections::BTreeMap<(i64, String), Vec<(i128, i128)>>| {
            bills.iter().any(|((buyer, _), list)| *buyer == company.id && list.iter().any(|(amount, paid)| paid < amount))
        };
        let bills = &self.model.bills;
        let company = self.company(|company| company.is("financier") || company.is("supplier") || owes(company, bills))?;
        let most = if self.chance(70) { 2_000_000_000 } else { 100_000 };
        Some((company.reference, 50_000 + self.dice.roll(most)))
    }

    /// A day's bookings at the bank: money for companies and receivables, money that the platform cannot place, payouts, and the
    /// same booking again.
    fn statement(&mut self) -> Option<Move> {
        let currency = self.word(&CURRENCIES);
        let serial = self.next();
        let account = if currency == "EUR" && self.chance(45) { self.second()? } else { 0 };
        let mut entries = Vec::new();
        for index in 0..=self.dice.roll(3) {
            let sent = |payout: &super::model::Payout| payout.state == "sent" && payout.currency == currency;
            let waiting = self.model.payouts.iter().find(|(_, payout)| sent(payout)).map(|(id, _)| *id);
            let out = if self.chance(35) { waiting } else { None };
            let mut detail = EntryDetail { debtor_iban: "DE75512108001245126199".to_owned(), ..EntryDetail::default() };
            let mut credit = out.is_none() && !self.chance(3);
            let mut series = "B";
            let recalled = if self.chance(8) { self.recalled(currency, account) } else { None };
            if let Some(amount) = recalled {
                (credit, detail.amount_minor) = (false, amount);
                detail.debtor_iban.clear();
            } else if currency == "EUR" && out.is_none() && self.chance(20) {
                credit = self.transfer(account, &mut detail);
                series = "T";
            } else if let Some(payout) = out.and_then(|id| self.model.payouts.get(&id)) {
                detail.amount_minor = i64::try_from(payout.amount).ok()?;
                detail.end_to_end.clone_from(&payout.end_to_end);
            } else if self.chance(85) {
                let known = if self.chance(25) { self.recorded(currency, account) } else { None };
                let (reference, amount) = known.or_else(|| self.reference(currency))?;
                detail.amount_minor = amount;
                match self.dice.roll(8) {
                    0 => detail.remittance = format!("our invoice {reference} of last month"),
                    1 => detail.reference = reference.to_lowercase(),
                    _ => detail.reference = reference,
                }
            } else {
                detail.amount_minor = self.amount(10_000_000);
                detail.remittance = "thank you".to_owned();
                if self.chance(20) {
                    detail.debtor_iban.clear();
                }
            }
            // The model knows one payer: a reference that another payer uses again is a question to people (`domain::booking`).
            let bank_reference = match self.dice.roll(10) {
                0 => String::new(),
                1 => format!("{series}{}-0", serial - self.dice.roll(4)),
                _ => format!("{series}{serial}-{index}"),
            };
            let newest = if self.chance(10) { 20 } else { 0 };
            entries.push(Entry {
                currency: currency.to_owned(),
                amount_minor: detail.amount_minor,
                credit,
                booked: !self.chance(3),
                reversal: recalled.is_some() || self.chance(2),
                booking_date: self.model.today,
                value_date: self.day(-2, newest),
                bank_reference,
                details: vec![detail],
            });
        }
        entries.extend(self.announced(currency));
        let name = if self.chance(4) { serial - 1 } else { serial };
        let iban =
            if self.chance(2) { "DE02120300000000202051".to_owned() } else { self.model.custody.get(&account).cloned()? };
        let content = format!("statement {serial}").into_bytes();
        let statement = Statement {
            notification: self.chance(30),
            message_id: format!("M{name}"),
            statement_id: format!("S{name}"),
            iban,
            currency: currency.to_owned(),
            opening_minor: None,
            closing_minor: None,
            from_date: None,
            to_date: None,
            entries,
        };
        let command = ImportStatement {
            name: format!("{serial}.xml"),
            sha256: sha256_hex(&content),
            check: String::new(),
            content,
            statements: vec![statement],
            ..ImportStatement::default()
        };
        Some((Actor::BANK, command.into()))
    }

    /// Money that people have recorded before the bank brings it.
    fn recorded(&mut self, currency: &str, account: i64) -> Option<(String, i64)> {
        let id = self.pick_id(&self.model.lines, |line| {
            let open = line.kind == "recorded" && line.state == "matched" && line.twin.is_none();
            open && line.currency == currency && line.custody == account
        })?;
        let line = &self.model.lines[&id];
        let reference = match line.target? {
            Target::Company(party) => self.model.companies[&party].reference.clone(),
            Target::Receivable(id) => self.model.receivables[&id].reference.clone(),
        };
        Some((reference, i64::try_from(line.amount).ok()?))
    }

    /// Money that the bank takes back: often a receipt that people had recorded before, or money that was spent meanwhile.
    fn recalled(&mut self, currency: &str, account: i64) -> Option<i64> {
        let model = self.model;
        let brought = |line: &super::model::Line| {
            let there = ["matched", "placed", "suspense", "confirmed"].contains(&line.state) && line.kind != "own_transfer";
            there && line.incoming && line.currency == currency && line.custody == account
        };
        let spent = |line: &super::model::Line| match line.target {
            Some(Target::Company(party)) => model.free(("cash", party, asset_of(currency))) < line.amount,
            Some(Target::Receivable(_)) => true,
            None => false,
        };
        let wanted = self.dice.roll(3);
        let id = self.pick_id(&model.lines, |line| {
            brought(line)
                && match wanted {
                    0 => line.state == "confirmed",
                    1 => spent(line),
                    _ => true,
                }
        })?;
        i64::try_from(model.lines[&id].amount).ok()
    }

    /// Often the bank brings a line that it has announced before.
    fn announced(&mut self, currency: &str) -> Option<Entry> {
        let waits = |line: &&super::model::Line| line.kind == "announced" && line.state != "skipped" && line.currency == currency;
        let line = self.model.lines.values().find(waits).filter(|_| self.dice.roll(2) == 0)?;
        let amount_minor = i64::try_from(line.amount).ok()?;
        let (bank_reference, _, credit, _, end_to_end, reference) = line.booking.clone();
        let remittance = line.references.get(1..).unwrap_or_default().join(" ");
        let debtor_iban = line.iban.clone();
        let detail = EntryDetail { amount_minor, end_to_end, reference, remittance, debtor_iban, ..EntryDetail::default() };
        Some(Entry {
            currency: currency.to_owned(),
            amount_minor,
            credit,
            booked: true,
            reversal: false,
            booking_date: line.booking_day,
            value_date: line.value_date,
            bank_reference,
            details: vec![detail],
        })
    }

    fn receipt(&mut self) -> Option<Move> {
        let currency = self.word(&CURRENCIES);
        let (reference, mut amount_minor) = self.reference(currency)?;
        if self.chance(10) {
            amount_minor = self.edge();
        }
        let newest = if self.chance(5) { 1 } else { 0 };
        let command = RecordReceipt {
            currency: currency.to_owned(),
            amount_minor,
            value_date: self.day(-10, newest),
            reference: if self.chance(5) { "RF00NOBODY".to_owned() } else { reference },
            bank_reference: String::new(),
            other_than: BankLineId(if self.chance(50) { i64::MAX } else { 0 }),
            account_id: if self.chance(30) { self.second().map(CustodyId) } else { None },
            reason: if self.chance(5) { "" } else { "seen at the bank" }.to_owned(),
        };
        Some((self.operator(), command.into()))
    }

    fn suspense(&mut self) -> Option<Move> {
        let line_id = self.pick_id(&self.model.lines, |line| line.state == "suspense")?;
        let currency = self.model.lines[&line_id].currency.clone();
        let reason = if self.chance(4) { "" } else { "the payer called" }.to_owned();
        let command: Command = if self.chance(40) {
            ReturnSuspense { line_id: line_id.into(), reason }.into()
        } else {
            let (reference, _) = self.reference(&currency)?;
            let whole = i64::try_from(self.model.lines[&line_id].amount).ok()?;
            let amount_minor = match self.dice.roll(10) {
                0 => Some(self.edge()),
                1 => Some(whole.saturating_add(self.dice.roll(2))),
                2..6 => Some(1 + self.dice.roll(whole.max(1))),
                _ => None,
            };
            AssignSuspense { line_id: line_id.into(), reference, reason, amount_minor }.into()
        };
        Some((self.operator(), command))
    }

    /// An act on a bank line that waits for people.
    fn resolve(&mut self) -> Option<Move> {
        let recalled = self.chance(40);
        let wanted = |line: &super::model::Line| !Model::acts(line).is_empty() && (!recalled || line.kind == "reversal");
        let line_id = self.pick_id(&self.model.lines, wanted)?;
        let line = self.model.lines[&line_id].clone();
        let acts = Model::acts(&line);
        let act = match self.dice.roll(100) {
            0..5 => "write_off",
            5..60 if line.kind == "reversal" && line.state == "attention" => "reverse",
            _ => self.dice.pick(acts).copied().unwrap_or("explain"),
        };
        let other_id = if act == "link" {
            self.pick_id(&self.model.payouts, |payout| payout.state == "sent")
        } else {
            self.pick_id(&self.model.lines, |other| match act {
                "settle_claim" => other.state == "suspense" && other.amount <= line.claim,
                "same" => ["recorded", "own_transfer"].contains(&other.kind) && other.amount == line.amount,
                "transfer" => other.incoming && other.amount == line.amount && other.custody != line.custody,
                "reverse" => {
                    let there = ["matched", "placed", "suspense", "confirmed"].contains(&other.state);
                    there && other.amount == line.amount && other.incoming
                }
                _ => other.amount == line.amount && other.incoming,
            })
        };
        let value_date = if self.chance(50) { Some(self.day(-3, 1)) } else { None };
        let reason = if self.chance(4) { "" } else { "the bank said so" }.to_owned();
        let (line_id, other_id) = (line_id.into(), other_id.map(RecordId));
        Some((
            self.operator(),
            ResolveLine { line_id, act: act.to_owned(), other_id, value_date, claim_minor: None, reason }.into(),
        ))
    }

    /// Takes back a placement, a receipt or a decision of two people.
    fn take_back(&mut self) -> Option<Move> {
        let reverse = self.chance(40);
        let wanted = |line: &super::model::Line| Model::way_back(line).is_some_and(|way| !reverse || way == "reverse");
        let line_id = self.pick_id(&self.model.lines, wanted)?;
        let reason = if self.chance(4) { "" } else { "it was another one's" }.to_owned();
        Some((self.operator(), TakeBackLine { line_id: line_id.into(), claim_minor: None, reason }.into()))
    }

    fn buyer_limit(&mut self) -> Option<Move> {
        let desk = self.company(|company| company.is("financier"))?;
        let buyer = self.company(|company| company.is("buyer"))?;
        let buyer_id = if self.chance(3) { desk.id } else { buyer.id };
        let limit_minor = if self.chance(15) { self.edge() } else { 1_000_000 + self.amount(100_000_000_000) };
        let currency = if self.chance(3) { "EURO" } else { self.word(&CURRENCIES) }.to_owned();
        Some((desk.maker(), SetBuyerLimit { buyer_id: buyer_id.into(), currency, limit_minor }.into()))
    }

    fn approval_limit(&mut self) -> Option<Move> {
        let company = self.company(|company| !company.is("operator"))?;
        let limit_minor = if self.chance(15) { self.edge() } else { self.amount(100_000_000_000) };
        let currency = self.word(&CURRENCIES).to_owned();
        let day_minor = self.chance(60).then(|| if self.chance(10) { self.edge() } else { limit_minor.saturating_mul(2) });
        let day_minor = (!self.chance(20)).then_some(day_minor);
        Some((company.maker(), SetApprovalLimit { currency, limit_minor, day_minor }.into()))
    }

    fn close_day(&mut self) -> Move {
        let date = if self.chance(5) { self.day(-2, 2) } else { self.model.today };
        (Actor::SYSTEM, CloseDay { date }.into())
    }

    fn holiday(&mut self) -> Option<Move> {
        let day = self.day(-1, 60);
        let currency = self.word(&CURRENCIES).to_owned();
        let business = self.chance(30);
        Some((self.operator(), SetHoliday { currency, day, business }.into()))
    }

    fn terms(&mut self) -> Option<Move> {
        let reserve_bps = self.of(&[0, 1, 500, 1_000, 5_000, 5_001]).copied()?;
        let command = SetIssueTerms {
            currency: self.word(&CURRENCIES).to_owned(),
            reserve_bps,
            settlement_fee_bps: self.of(&[0, 5, 50]).copied()?,
            purchase_fee_bps: self.of(&[0, 10, 500]).copied()?,
            minimum_fee_minor: self.of(&[0, 1, 100]).copied()?,
            minimum_ticket_minor: self.of(&[1, 1_000, 100_000]).copied()?,
            late_rate: self.word(&["0", "8", "12.75", "36", "37"]).to_owned(),
            late_day_count: self.word(COUNTS).to_owned(),
            grace_days: self.of(&[0, 1, 3, 10]).copied()?,
            notice_credit_minor: self.of(&[None, Some(0), Some(500_000)]).copied()?,
            tolerated_overdue_days: self.of(&[None, Some(0), Some(4), Some(30), Some(366)]).copied()?,
        };
        Some((self.operator(), command.into()))
    }

    fn decide_company(&mut self) -> Option<Move> {
        // Suspended companies are let in again soon, or the market would die out.
        let suspended = self.company(|company| !company.active);
        let party_id = match suspended {
            Some(company) if self.chance(85) => company.id,
            _ if self.chance(75) => return None,
            _ => self.company(|_| true)?.id,
        };
        let status = if self.model.companies[&party_id].active { "suspended" } else { "active" };
        let status = if self.chance(5) { "nonsense" } else { status }.to_owned();
        let decision = DecideCompany { party_id: party_id.into(), status, reason: "file reviewed".to_owned() };
        Some((self.operator(), decision.into()))
    }

    /// Ids that never were.
    fn stray(&mut self) -> Option<Move> {
        let nobody = 900_000_000 + self.dice.roll(9);
        let company = self.company(|_| true)?;
        let command: Command = match self.dice.roll(5) {
            0 => BuyFractions { offer_id: nobody.into(), units_minor: 1, price_minor: 1 }.into(),
            1 => WithdrawOffer { offer_id: nobody.into() }.into(),
            2 => SubmitInvoice { invoice_id: nobody.into(), due_date: None }.into(),
            3 => ReturnSuspense { line_id: nobody.into(), reason: "why not".to_owned() }.into(),
            _ => DecideCompany { party_id: nobody.into(), status: "active".to_owned(), reason: "why not".to_owned() }.into(),
        };
        Some((company.maker(), command))
    }
}
