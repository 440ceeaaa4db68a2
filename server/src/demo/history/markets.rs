//! Worlds for the benches: deep offers, and a customer with years of invoices.

use super::super::DemoError;
use super::{World, build_world, incoming};
use crate::clock::Clock;
use crate::commands::Command;
use crate::commands::days::set_issue_terms::SetIssueTerms;
use crate::commands::invoices::submit_invoice::SubmitInvoice;
use crate::commands::market::buy_fractions::price_terms;
use crate::commands::market::create_offer::CreateOffer;
use crate::commands::market::set_buyer_limit::SetBuyerLimit;
use crate::commands::parties::set_approval_limit::SetApprovalLimit;
use crate::writer::Writer;
use domain::Currency;
use domain::pricing::quote;
use kernel::{InvoiceId, OfferId};
use store::records::Keyed;
use store::{Invoice, Offer, Receivable};

/// The offer that the bench buys again and again.
#[derive(Clone, Debug)]
pub struct Lot {
    pub offer_id: OfferId,
    pub units_minor: i64,
    pub price_minor: i64,
}

impl World {
    /// Two operators change some of a currency's terms.
    pub(super) fn change_terms(&mut self, currency: &str, change: impl FnOnce(&mut SetIssueTerms)) -> Result<(), DemoError> {
        let row = store::days::find_issue_terms(&mut self.conn, currency)?;
        let row = row.ok_or_else(|| DemoError::Other("no terms".to_owned()))?;
        let mut terms = SetIssueTerms {
            currency: currency.to_owned(),
            reserve_bps: row.reserve_bps,
            settlement_fee_bps: row.settlement_fee_bps,
            purchase_fee_bps: row.purchase_fee_bps,
            minimum_fee_minor: row.minimum_fee_minor,
            minimum_ticket_minor: row.minimum_ticket_minor,
            late_rate: row.late_rate,
            late_day_count: row.late_day_count.to_string(),
            grace_days: row.grace_days,
            notice_credit_minor: None,
            tolerated_overdue_days: None,
        };
        change(&mut terms);
        let operator = self.operator.clone();
        self.run_agreed(&operator, terms)?;
        Ok(())
    }
}

/// A world with deep offers in EUR, and financiers with cash and room for all of them; bought by the cent, if that is wished.
pub fn build_market(database_url: &str, offers: usize, cents: bool, clock: &Clock) -> Result<Vec<Lot>, DemoError> {
    const NET_MINOR: i64 = 400_000_000_000;
    build_world(database_url, (1, false), clock)?;
    let (writer, thread) = Writer::start(database_url, clock.clone())?;
    let mut world = World::reopen(database_url, writer, clock)?;
    let today = world.today()?;
    let euro = Currency::EUR.code().to_owned();
    if cents {
        world.change_terms(&euro, |terms| {
            terms.minimum_fee_minor = 0;
            terms.minimum_ticket_minor = 1;
        })?;
    }
    let mut deposits = Vec::new();
    for desk in world.financiers.clone() {
        for buyer in world.buyers.clone() {
            world.run_agreed(
                &desk,
                SetBuyerLimit { buyer_id: buyer.id, currency: euro.clone(), limit_minor: 1_000_000_000_000_000 },
            )?;
        }
        world.run_agreed(
            &desk,
            SetApprovalLimit { currency: euro.clone(), limit_minor: 1_000_000_000_000_000, day_minor: Some(None) },
        )?;
        deposits.push(incoming(&desk, 25_000_000_000_000, &desk.reference));
    }
    world.bank(Currency::EUR, deposits)?;
    let mut lots = Vec::with_capacity(offers);
    for number in 0..offers {
        let at = number % world.suppliers.len().max(1);
        let (Some(supplier), Some(buyer)) = (world.suppliers.get(at).cloned(), world.buyers.first().cloned()) else { continue };
        // Equal totals on one day would have to be reviewed.
        let net_minor = NET_MINOR.saturating_add(i64::try_from(number).unwrap_or(0).saturating_mul(100));
        let invoice_id = world.register_amount(&supplier, &buyer, today, net_minor, 60)?;
        world.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
        let invoice = Invoice::load(&mut world.conn, invoice_id)?;
        let command = world.confirmation(&invoice, invoice.payable_minor, invoice.due_date.unwrap_or(today), "")?;
        let receivable_id = world.run_agreed(&buyer, command)?.number("receivable_id");
        let receivable = Receivable::load(&mut world.conn, receivable_id)?;
        let offer = CreateOffer {
            receivable_id,
            units_minor: receivable.face_minor,
            rate: "5".to_owned(),
            method: "discount".to_owned(),
            day_count: "ACT/360".to_owned(),
            minimum_ticket_minor: receivable.minimum_ticket_minor,
            close_date: today,
        };
        let offer_id = world.run_agreed(&supplier, offer)?.number("offer_id");
        let offer = Offer::load(&mut world.conn, offer_id)?;
        let units_minor = receivable.minimum_ticket_minor;
        let priced = quote(units_minor, &price_terms(&offer, &receivable)?, today)
            .map_err(|refusal| DemoError::Other(refusal.code().to_owned()))?;
        lots.push(Lot { offer_id, units_minor, price_minor: priced.price_minor });
    }
    drop(world);
    thread.join().map_err(|_| DemoError::Other("the writer panicked".to_owned()))?;
    Ok(lots)
}

/// The demo's world in which one supplier has sold this many invoices to one buyer. Of each four, one is a draft, one waits for
/// the buyer and two are confirmed. Most of the confirmed ones are on the market.
pub fn build_big_customer(database_url: &str, invoices: usize, clock: &Clock) -> Result<(), DemoError> {
    build_world(database_url, (5, false), clock)?;
    let (writer, thread) = Writer::start(database_url, clock.clone())?;
    let mut world = World::reopen(database_url, writer, clock)?;
    let today = world.today()?;
    let (Some(supplier), Some(buyer)) = (world.suppliers.first().cloned(), world.buyers.first().cloned()) else {
        return Err(DemoError::Other("nobody trades in EUR".to_owned()));
    };
    let mut made = 0;
    while made < invoices {
        let size = invoices.saturating_sub(made).min(400);
        // Equal totals on one day would have to be reviewed.
        let net_minor = |at: usize| 100_000_i64.saturating_add(i64::try_from(made.saturating_add(at)).unwrap_or(0));
        let files = (0..size).map(|at| world.invoice_file(&supplier, &buyer, today, net_minor(at), 60));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let ids = world.run_all(&supplier.maker(), files.into_iter().map(Command::from))?;
        let presented: Vec<InvoiceId> = ids.iter().enumerate().filter(|(at, _)| at % 4 > 0).map(|(_, id)| *id).collect();
        let submit = presented.iter().map(|id| SubmitInvoice { invoice_id: *id, due_date: None }.into());
        world.run_all(&supplier.maker(), submit)?;
        let mut confirmations = Vec::new();
        for id in presented.iter().enumerate().filter(|(at, _)| at % 3 > 0).map(|(_, id)| *id) {
            let invoice = Invoice::load(&mut world.conn, id)?;
            let command = world.confirmation(&invoice, invoice.payable_minor, invoice.due_date.unwrap_or(today), "")?;
            confirmations.push(command.into());
        }
        world.run_all(&buyer.maker(), confirmations)?;
        made = made.saturating_add(size);
    }
    world.offer_what_is_issued(today)?;
    drop(world);
    thread.join().map_err(|_| DemoError::Other("the writer panicked".to_owned()))
}
