//! The events of every day: invoices come, are confirmed, sold, bought, paid and paid out.

use super::super::DemoError;
use super::super::files::{DemoEntry, DemoInvoice, ubl};
use super::{Built, Company, World, incoming, refused};
use crate::commands::bank::create_payment_file::{self, CreatePaymentFile};
use crate::commands::bank::fail_payout::FailPayout;
use crate::commands::bank::payee_address::PayeeAddresses;
use crate::commands::bank::request_payout::RequestPayout;
use crate::commands::confirmations::confirm_invoice::{ConfirmInvoice, words};
use crate::commands::invoices::dispute_invoice::DisputeInvoice;
use crate::commands::invoices::register_invoice::RegisterInvoice;
use crate::commands::invoices::submit_invoice::SubmitInvoice;
use crate::commands::market::buy_fractions::{BuyFractions, price_terms};
use crate::commands::market::create_offer::CreateOffer;
use crate::commands::{Actor, Command};
use crate::hash::{random_token, sha256_hex};
use chrono::{Days, NaiveDate};
use domain::Currency;
use domain::offering::OfferState;
use domain::pricing::quote;
use domain::undertaking;
use kernel::{InvoiceId, PartyId, PayoutId};
use std::collections::HashMap;
use store::records::Keyed;
use store::{Invoice, Offer, Receivable, market, receivables};

/// Days before the end on which a supplier issues the invoice that is never paid.
pub(super) const FORGOTTEN_DAYS: u32 = 38;

pub(super) const ITEMS: &[&str] = &[
    "Bearings and shafts",
    "Castings",
    "Control units",
    "Packaging",
    "Tool sets",
    "Freight services",
    "精密零件",
    "电子元件",
    "模具加工",
];

impl World {
    pub(super) fn live_one_day(&mut self, days_left: u32) -> Built {
        let today = self.today()?;
        if days_left == FORGOTTEN_DAYS {
            self.forget_one(today)?;
        }
        self.change_accounts(days_left)?;
        self.pay_what_is_due(today)?;
        self.confirm_what_waits(today)?;
        self.offer_what_is_issued(today)?;
        self.buy_what_is_offered()?;
        // Before long history there is only so much to upload each day; weekends are quiet.
        let busy = chrono::Datelike::weekday(&today).num_days_from_monday() < 5;
        let count = if busy { self.dice.roll(3) } else { 0 };
        for _ in 0..count {
            self.upload(today, days_left)?;
        }
        if days_left.is_multiple_of(15) {
            self.pay_out(days_left)?;
        }
        if days_left % 10 == 7 {
            self.pay_fees()?;
        }
        Ok(())
    }

    /// An invoice of this amount that its buyer confirms at once.
    pub(super) fn confirmed(
        &mut self,
        supplier: &Company,
        buyer: &Company,
        today: NaiveDate,
        net_minor: i64,
        tenor_days: u64,
    ) -> Result<Receivable, DemoError> {
        let invoice_id = self.register_amount(supplier, buyer, today, net_minor, tenor_days)?;
        self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
        let invoice = Invoice::load(&mut self.conn, invoice_id)?;
        let command = self.confirmation(&invoice, invoice.payable_minor, invoice.due_date.unwrap_or(today), "")?;
        let receivable_id = self.run_agreed(buyer, command)?.number("receivable_id");
        Ok(Receivable::load(&mut self.conn, receivable_id)?)
    }

    /// All of a receivable on offer.
    pub(super) fn offer_whole(
        &mut self,
        supplier: &Company,
        receivable: &Receivable,
        close_date: NaiveDate,
    ) -> Result<Offer, DemoError> {
        let offer = CreateOffer {
            receivable_id: receivable.id,
            units_minor: receivable.face_minor.saturating_sub(receivable.kept_minor()),
            rate: "4.5".to_owned(),
            method: "discount".to_owned(),
            day_count: "ACT/360".to_owned(),
            minimum_ticket_minor: receivable.minimum_ticket_minor,
            close_date,
        };
        let offer_id = self.run_agreed(supplier, offer)?.number("offer_id");
        Ok(Offer::load(&mut self.conn, offer_id)?)
    }

    /// A receivable that is sold and that its buyer then forgets: it is overdue when the history ends.
    pub(super) fn forget_one(&mut self, today: NaiveDate) -> Built {
        let first = (self.suppliers.first().cloned(), self.buyers.first().cloned(), self.financiers.first().cloned());
        let (Some(supplier), Some(buyer), Some(desk)) = first else { return Ok(()) };
        let receivable = self.confirmed(&supplier, &buyer, today, 1_840_000, 25)?;
        self.forgotten = receivable.id;
        let offer = self.offer_whole(&supplier, &receivable, today)?;
        let priced = quote(offer.units_minor, &price_terms(&offer, &receivable)?, today)
            .map_err(|refusal| DemoError::Other(refusal.code().to_owned()))?;
        let purchase = BuyFractions { offer_id: offer.id, units_minor: offer.units_minor, price_minor: priced.price_minor };
        self.run_agreed(&desk, purchase)?;
        Ok(())
    }

    pub(super) fn upload(&mut self, today: NaiveDate, days_left: u32) -> Built {
        let suppliers = self.suppliers.clone();
        let Some(supplier) = self.dice.pick(&suppliers).cloned() else { return Ok(()) };
        let buyers: Vec<Company> = self.buyers.iter().filter(|buyer| buyer.currency == supplier.currency).cloned().collect();
        let Some(buyer) = self.dice.pick(&buyers).cloned() else { return Ok(()) };
        let invoice_id = self.register(&supplier, &buyer, today)?;
        // The last drafts stay drafts.
        if days_left > 1 {
            self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
        }
        Ok(())
    }

    pub(super) fn register(&mut self, supplier: &Company, buyer: &Company, today: NaiveDate) -> Result<InvoiceId, DemoError> {
        let scale = if supplier.currency.code() == "EUR" { 1 } else { 6 };
        let net_minor = self.dice.roll(7_000_000).saturating_add(400_000).saturating_mul(scale);
        let tenor_days = u64::try_from(self.dice.roll(50).saturating_add(25)).unwrap_or(30);
        self.register_amount(supplier, buyer, today, net_minor, tenor_days)
    }

    pub(super) fn register_amount(
        &mut self,
        supplier: &Company,
        buyer: &Company,
        today: NaiveDate,
        net_minor: i64,
        tenor_days: u64,
    ) -> Result<InvoiceId, DemoError> {
        let command = self.invoice_file(supplier, buyer, today, net_minor, tenor_days)?;
        Ok(self.run(supplier.maker(), command)?.number("invoice_id"))
    }

    pub(super) fn invoice_file(
        &mut self,
        supplier: &Company,
        buyer: &Company,
        today: NaiveDate,
        net_minor: i64,
        tenor_days: u64,
    ) -> Result<RegisterInvoice, DemoError> {
        self.invoices = self.invoices.saturating_add(1);
        let number = format!("{}-{:04}", today.format("%Y"), self.invoices);
        self.numbered_file(supplier, buyer, today, &number, (net_minor, tenor_days))
    }

    pub(super) fn numbered_file(
        &mut self,
        supplier: &Company,
        buyer: &Company,
        today: NaiveDate,
        number: &str,
        (net_minor, tenor_days): (i64, u64),
    ) -> Result<RegisterInvoice, DemoError> {
        let item = self.dice.pick(ITEMS).copied().unwrap_or("Goods");
        let order = format!("PO-{}", self.dice.roll(90_000).saturating_add(10_000));
        let file = ubl(&DemoInvoice {
            number,
            issue_date: today,
            due_date: today.checked_add_days(Days::new(tenor_days)).unwrap_or(today),
            currency: supplier.currency,
            net_minor,
            seller: (&supplier.name, &supplier.tax_id),
            buyer: (&buyer.name, &buyer.tax_id),
            order: &order,
            item,
        });
        let content = file.into_bytes();
        let parsed = formats::ubl::parse(&content).map_err(|fault| DemoError::Other(fault.to_string()))?;
        let (file_name, sha256) = (format!("{number}.xml"), sha256_hex(&content));
        Ok(RegisterInvoice { file_name, sha256, content, parsed: Box::new(parsed), ..RegisterInvoice::default() })
    }

    /// Runs commands of one person in whole batches; all must succeed. Returns what they made, invoices' ids.
    pub(super) fn run_all(
        &self,
        actor: &Actor,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<Vec<InvoiceId>, DemoError> {
        let list: Vec<_> = commands.into_iter().map(|command| (actor.clone(), random_token(), command)).collect();
        let name = list.first().map_or("nothing", |(.., command)| command.name());
        let replies = self.writer.submit_all(list);
        replies.into_iter().map(|reply| Ok(reply.map_err(|error| refused(name, &error))?.number("invoice_id"))).collect()
    }

    pub(super) fn company(&self, id: PartyId) -> Option<Company> {
        self.buyers.iter().chain(&self.suppliers).chain(&self.financiers).find(|company| company.id == id).cloned()
    }

    pub(super) fn confirm_what_waits(&mut self, today: NaiveDate) -> Built {
        for invoice in store::invoices::list_presented_invoices(&mut self.conn)? {
            let (Some(buyer), Some(due_date)) = (self.company(invoice.buyer_id), invoice.due_date) else { continue };
            match self.dice.roll(10) {
                0 => continue,
                1 if invoice.issue_date < today => {
                    let reason = "Quantity on the delivery note differs".to_owned();
                    self.run(buyer.maker(), DisputeInvoice { invoice_id: invoice.id, reason, clarification: "QTY".to_owned() })?;
                }
                roll => {
                    let less = roll == 2;
                    let amount_minor = if less { invoice.payable_minor.saturating_mul(95) / 100 } else { invoice.payable_minor };
                    let command =
                        self.confirmation(&invoice, amount_minor, due_date, if less { "Short delivery, 5 %" } else { "" })?;
                    self.run_agreed(&buyer, command)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn confirmation(
        &mut self,
        invoice: &Invoice,
        amount_minor: i64,
        due_date: NaiveDate,
        reason: &str,
    ) -> Result<ConfirmInvoice, DemoError> {
        let words = words(&mut self.conn, invoice, amount_minor, due_date)?;
        let version = undertaking::CURRENT.to_owned();
        Ok(ConfirmInvoice {
            invoice_id: invoice.id,
            amount_minor,
            due_date,
            version,
            words_hash: words.hash,
            reason: reason.to_owned(),
            withheld_minor: 0,
            retained_minor: 0,
            deducted_minor: 0,
            terms: String::new(),
        })
    }

    pub(super) fn offer_what_is_issued(&mut self, today: NaiveDate) -> Built {
        for row in receivables::list_issued_receivables(&mut self.conn)? {
            let Some(supplier) = self.company(row.supplier_id) else { continue };
            let last = row.payment_date.pred_opt().unwrap_or(today);
            let close_date = today.checked_add_days(Days::new(10)).unwrap_or(today).min(last);
            if self.dice.roll(5) == 0 || close_date <= today {
                continue;
            }
            let kept = if self.dice.roll(4) == 0 { row.face_minor / 3 } else { 0 };
            let units_minor = row.face_minor.saturating_sub(kept.max(row.kept_minor()));
            let rate = format!("{}.{}", self.dice.roll(4).saturating_add(3), self.dice.roll(4).saturating_mul(25));
            let rate = rate.parse::<rust_decimal::Decimal>().map_or_else(|_| "5".to_owned(), |rate| rate.normalize().to_string());
            let command = CreateOffer {
                receivable_id: row.id,
                units_minor,
                rate,
                method: if self.dice.roll(2) == 0 { "discount" } else { "yield" }.to_owned(),
                day_count: if row.currency == "EUR" { "ACT/360" } else { "ACT/365F" }.to_owned(),
                minimum_ticket_minor: row.minimum_ticket_minor.min(units_minor),
                close_date,
            };
            self.run_agreed(&supplier, command)?;
        }
        Ok(())
    }

    pub(super) fn buy_what_is_offered(&mut self) -> Built {
        let today = self.today()?;
        for offer in market::list_open_offers(&mut self.conn)? {
            let receivable = Receivable::load(&mut self.conn, offer.receivable_id)?;
            let desks: Vec<Company> =
                self.financiers.iter().filter(|desk| desk.currency.code() == receivable.currency).cloned().collect();
            for _ in 0..self.dice.roll(3) {
                let offer = Offer::load(&mut self.conn, offer.id)?;
                let Some(desk) = self.dice.pick(&desks).cloned() else { continue };
                if offer.state != OfferState::Open {
                    break;
                }
                let half = offer.left_minor / 2;
                let rest = offer.left_minor.saturating_sub(half);
                let split = half >= offer.minimum_ticket_minor && rest >= offer.minimum_ticket_minor && self.dice.roll(3) > 0;
                let units_minor = if split { half } else { offer.left_minor };
                let Ok(priced) = price_terms(&offer, &receivable).map_err(DemoError::Store).and_then(|terms| {
                    quote(units_minor, &terms, today).map_err(|refusal| DemoError::Other(refusal.code().to_owned()))
                }) else {
                    continue;
                };
                let command = BuyFractions { offer_id: offer.id, units_minor, price_minor: priced.price_minor };
                // Out of cash or over a limit is a lawful answer here.
                let _ = self.run_agreed(&desk, command);
            }
        }
        Ok(())
    }

    pub(super) fn pay_what_is_due(&mut self, today: NaiveDate) -> Built {
        let mut incoming_by_currency: HashMap<&'static str, Vec<DemoEntry>> = HashMap::new();
        let due = receivables::list_due_receivables(&mut self.conn, today)?;
        let forgotten = self.forgotten;
        for row in due.into_iter().filter(|row| row.id != forgotten) {
            let Some(buyer) = self.company(row.buyer_id) else { continue };
            let open = row.confirmed_minor.saturating_sub(row.paid_minor).max(1);
            let amount = match self.dice.roll(12) {
                // Some buyers forget for a while, some pay in two parts, some pay too much.
                0..=2 => continue,
                3 => (open / 2).max(1),
                4 => open.saturating_add(1_000),
                _ => open,
            };
            let code = if row.currency == "EUR" { "EUR" } else { "CNY" };
            incoming_by_currency.entry(code).or_default().push(incoming(&buyer, amount, &row.reference));
        }
        for currency in [Currency::EUR, Currency::CNY] {
            let entries = incoming_by_currency.remove(currency.code()).unwrap_or_default();
            self.bank(currency, entries)?;
        }
        Ok(())
    }

    /// Suppliers take money out, the operator makes the file, the bank pays it; once it rejects one, and once it is silent.
    pub(super) fn pay_out(&mut self, days_left: u32) -> Built {
        for supplier in self.suppliers.clone() {
            let asset = domain::chart::currency_asset(supplier.currency).0;
            let line = store::lists::balances(&mut self.conn, asset, Some(supplier.id.0))?.into_iter().next();
            let free = line.map_or(0, |line| line.balance.saturating_sub(line.held));
            if free > 1_000_000 {
                let command = RequestPayout { currency: supplier.currency.code().to_owned(), amount_minor: free / 2 };
                self.run_agreed(&supplier, command)?;
            }
        }
        let operator = self.operator.clone();
        for currency in [Currency::EUR, Currency::CNY] {
            let mut waiting = create_payment_file::payment_list(&mut self.conn, currency, PayoutId(i64::MAX))?;
            if waiting.is_empty() {
                continue;
            }
            let addresses = PayeeAddresses::load(&mut self.conn, &waiting)?;
            let through = waiting.last().map_or(PayoutId(0), |row| row.id);
            let list_hash = create_payment_file::list_hash(&waiting, &addresses);
            self.run_agreed(
                &operator,
                CreatePaymentFile { currency: currency.code().to_owned(), through, list_hash, account_id: None },
            )?;
            let unpaid = if currency == Currency::EUR && matches!(days_left, 15 | 30) { waiting.pop() } else { None };
            if let Some(rejected) = unpaid.filter(|_| days_left == 30) {
                let note = "The bank's portal, today".to_owned();
                self.run_agreed(&operator, FailPayout { payout_id: rejected.id, reason_code: "AC04".to_owned(), note })?;
            }
            let entries = waiting.into_iter().map(|payout| DemoEntry {
                amount_minor: payout.amount_minor,
                credit: false,
                end_to_end: payout.end_to_end,
                name: payout.holder,
                iban: payout.iban,
                ..DemoEntry::default()
            });
            self.bank(currency, entries.collect())?;
        }
        Ok(())
    }
}
