//! The effects of a payment for a receivable: late interest, the waterfall, redemption, states and notices. Every command through
//! which such money can arrive uses it.

use crate::batch::Batch;
use crate::commands::Applied;
use crate::view::View;
use chrono::{Days, NaiveDate};
use domain::Currency;
use domain::bank_line::{Direction, LineKind, LineState};
use domain::calendar::Calendar;
use domain::chart::{AccountKey, currency_asset};
use domain::invoice::InvoiceEvent;
use domain::offering::OfferState;
use domain::pricing;
use domain::receivable::{DistributionState, ReceivableEvent, ReceivableState, next_state};
use domain::waterfall::{self, Holder, Place, Plan, ShareRule, WaterfallFacts};
use kernel::{BankLineId, PartyId, ReceivableId};
use ledger::AssetId;
use serde_json::json;
use std::collections::HashMap;
use store::bulk::BulkUpdate;
use store::distributions::{Base, Counting};
use store::records::Keyed;
use store::{
    BankLine, BuyerLimit, Conn, Distribution, Invoice, LateClaim, Receivable, StoreError, distributions, journal, market,
};

pub fn corrupt(what: &str, id: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{what} {id}"))
}

/// The currency's calendar with the operator's own days.
pub fn calendar(conn: &mut Conn, currency: &str) -> Result<Calendar, StoreError> {
    let days = store::days::list_holidays_of(conn, currency)?;
    Ok(Calendar::of(currency).with(days.into_iter().map(|row| (row.day, row.business))))
}

/// The last day on which payment is not yet overdue.
pub fn last_day_of_grace(receivable: &Receivable) -> NaiveDate {
    let grace = u64::try_from(receivable.grace_days).unwrap_or(0);
    receivable.payment_date.checked_add_days(Days::new(grace)).unwrap_or(receivable.payment_date)
}

pub fn notify_deposit(batch: &mut Batch<'_>, party: PartyId, currency: &str, amount_minor: i64) {
    let amount = Currency::parse(currency).map_or_else(|| amount_minor.to_string(), |known| known.format(amount_minor));
    batch.notify(party, "deposit_received", &json!({ "amount": amount, "currency": currency }), "/cash".to_owned());
}

/// Companies that hold fractions of the receivable now.
pub fn holder_parties(batch: &mut Batch<'_>, receivable: ReceivableId) -> Result<Vec<PartyId>, StoreError> {
    batch.flush()?;
    journal::list_holders(batch.conn, receivable.into())
}

/// Holders that are paid in one commit with the payment itself. With more holders the payment is shared out piece by piece, and
/// other work goes on in between.
const AT_ONCE: i64 = 1_000;
/// Holders of a piece: a purchase that arrives meanwhile waits for one piece.
pub const PIECE: i64 = 300;

/// Money for a receivable, and its sender: the excess goes back there.
#[derive(Clone, Debug)]
pub struct Payment {
    pub amount_minor: i64,
    pub value_date: NaiveDate,
    pub payer: String,
    pub payer_iban: String,
}

impl From<&BankLine> for Payment {
    fn from(line: &BankLine) -> Self {
        let (payer, payer_iban) = (line.counterparty.clone(), line.counterparty_iban.clone());
        Self { amount_minor: line.amount_minor, value_date: line.value_date, payer, payer_iban }
    }
}

impl From<&Distribution> for Payment {
    fn from(row: &Distribution) -> Self {
        let (payer, payer_iban) = (row.payer.clone(), row.payer_iban.clone());
        Self { amount_minor: row.payment_minor, value_date: row.value_date, payer, payer_iban }
    }
}

/// Money for the receivable has arrived on its collection account. Shares it out at once, unless the holders are many or an
/// earlier payment is still being shared out. Then a job pays the holders piece by piece.
pub fn settle(batch: &mut Batch<'_>, receivable_id: ReceivableId, payment: &Payment) -> Applied<()> {
    // Units on offer are held; who pays early redeems them too, so open offers end first.
    for offer in market::list_open_offers_of_receivable(batch.conn, receivable_id)? {
        crate::commands::market::withdraw_offer::end_offer(batch, offer, OfferState::Expired)?;
    }
    batch.flush()?;
    let positions = distributions::list_positions(batch.conn, receivable_id, PartyId(0), AT_ONCE.saturating_add(1))?;
    let many = i64::try_from(positions.len()).unwrap_or(i64::MAX) > AT_ONCE;
    if many || distributions::is_open(batch.conn, receivable_id)? {
        let waiting = Distribution {
            id: batch.next_id(),
            receivable_id,
            payment_minor: payment.amount_minor,
            value_date: payment.value_date,
            payer: payment.payer.clone(),
            payer_iban: payment.payer_iban.clone(),
            state: DistributionState::Waiting,
            plan: String::new(),
            due_minor: 0,
            shared_minor: 0,
            last_party: PartyId(0),
            created_at: batch.now,
        };
        return Ok(batch.insert(&waiting)?);
    }
    let mut receivable = Receivable::load(batch.conn, receivable_id)?;
    let since = since(&receivable, &positions, batch.heads.last_transfer)?;
    let holders: Vec<Holder> = positions.iter().map(|position| holder_of(position, since)).collect();
    let plan = plan(batch.conn, &receivable, payment.amount_minor, payment.value_date, &holders)?;
    begin(batch, &mut receivable, payment.value_date)?;
    pay_holders(batch, &receivable, &plan, since, &holders)?;
    finish(batch, receivable, &plan, payment)
}

pub fn rule_of(receivable: &Receivable) -> Result<ShareRule, StoreError> {
    ShareRule::of_terms(&receivable.terms).ok_or_else(|| corrupt("share rule of", receivable.id))
}

/// The transfer after which the parts of this payment are counted. It is the earlier one, as long as units have only been
/// redeemed since then.
pub fn since(receivable: &Receivable, positions: &[distributions::Position], last_transfer: i64) -> Result<i64, StoreError> {
    Ok(match rule_of(receivable)? {
        ShareRule::ByPayment => 0,
        ShareRule::Running => distributions::counted_since(positions).unwrap_or(last_transfer),
    })
}

#[must_use]
pub fn holder_of(position: &distributions::Position, since: i64) -> Holder {
    let counted = since > 0 && position.base_since == since;
    Holder {
        party: position.party,
        units_minor: position.units_minor,
        interest_due_minor: position.interest_due_minor,
        units_whole_minor: if counted { position.base_units_minor } else { position.units_minor },
        interest_whole_minor: position.interest_whole_minor,
    }
}

/// How a payment is shared out over all holders. Reads only; while a payment waits, nothing else moves their units.
pub fn plan(
    conn: &mut Conn,
    receivable: &Receivable,
    payment_minor: i64,
    value_date: NaiveDate,
    holders: &[Holder],
) -> Result<Plan, StoreError> {
    let units = holders
        .iter()
        .try_fold(0_i64, |sum, holder| sum.checked_add(holder.units_minor))
        .ok_or_else(|| corrupt("units of", receivable.id))?;
    let facts = WaterfallFacts {
        rule: rule_of(receivable)?,
        payment_minor,
        accrued_minor: accrued(receivable, units, value_date)?,
        settlement_fee_due_minor: settlement_fee_due(conn, receivable)?,
        reserve_units_minor: reserve_units(conn, receivable)?,
    };
    waterfall::plan(&facts, holders).ok_or_else(|| corrupt("waterfall of", receivable.id))
}

/// The unpaid part of the settlement fee that the supplier bears. Nothing more is sold once a payment has come.
fn settlement_fee_due(conn: &mut Conn, receivable: &Receivable) -> Result<i64, StoreError> {
    let due = receivable.fee_rule()?.due(receivable.settlement_fee(), receivable.sold_minor(conn)?);
    let due = due.and_then(|due| due.checked_sub(receivable.settlement_fee_paid_minor));
    due.ok_or_else(|| corrupt("settlement fee of", receivable.id))
}

/// Units of the junior asset that the supplier still has.
fn reserve_units(conn: &mut Conn, receivable: &Receivable) -> Result<i64, StoreError> {
    let key = AccountKey::holding(receivable.supplier_id, receivable.reserve_asset.into());
    Ok(journal::list_accounts(conn, &[key])?.first().map_or(0, |account| account.balance))
}

/// Late interest on what is outstanding since it was last counted.
fn accrued(receivable: &Receivable, units_minor: i64, value_date: NaiveDate) -> Result<i64, StoreError> {
    let from = receivable.interest_from;
    if value_date <= last_day_of_grace(receivable) || value_date <= from {
        return Ok(0);
    }
    let rate = receivable.late_rate.parse().map_err(|_| corrupt("late rate of", receivable.id))?;
    let day_count = receivable.late_day_count;
    Ok(pricing::interest(units_minor, rate, day_count, from, value_date).unwrap_or(0))
}

/// Unpaid late interest, counted up to this day.
pub fn late_interest(conn: &mut Conn, receivable: &Receivable, today: NaiveDate) -> Result<i64, StoreError> {
    let outstanding = journal::list_accounts(conn, &[AccountKey::issued(receivable.id.into())])?;
    let running = accrued(receivable, outstanding.first().map_or(0, |account| account.balance), today)?;
    let counted = distributions::list_late_open(conn, &[receivable.id])?.remove(&receivable.id).unwrap_or(0);
    Ok(running.saturating_add(counted))
}

/// The amount that a buyer still owes of a receivable, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// Face that has not come back to its holders.
    pub face_minor: i64,
    /// The reserve with the settlement fee in it. Late interest is taken from it first, and the buyer owes it all the same.
    pub reserve_minor: i64,
    pub late_minor: i64,
    /// The amount paid.
    pub paid_minor: i64,
}

impl Owed {
    #[must_use]
    pub fn total_minor(&self) -> i64 {
        self.face_minor.saturating_add(self.reserve_minor).saturating_add(self.late_minor)
    }

    /// Whether something is owed although something was paid.
    #[must_use]
    pub fn is_remainder(&self) -> bool {
        self.paid_minor > 0 && self.total_minor() > 0
    }
}

/// The buyer's debt today, from the ledger: so it is right for any use of the payments.
pub fn owed(conn: &mut Conn, receivable: &Receivable, today: NaiveDate) -> Result<Owed, StoreError> {
    let issued = |conn: &mut Conn, asset: AssetId| -> Result<i64, StoreError> {
        Ok(journal::list_accounts(conn, &[AccountKey::issued(asset)])?.first().map_or(0, |row| row.balance))
    };
    Ok(Owed {
        face_minor: issued(conn, receivable.id.into())?,
        reserve_minor: issued(conn, receivable.reserve_asset.into())?,
        late_minor: late_interest(conn, receivable, today)?,
        paid_minor: receivable.paid_minor,
    })
}

/// The debts of these receivables today, for a page of a list.
pub fn list_owed(conn: &mut Conn, receivables: &[ReceivableId]) -> Result<HashMap<ReceivableId, i64>, StoreError> {
    let today = store::records::load_heads(conn)?.business_date;
    let rows = Receivable::list_ids(conn, receivables)?;
    owed_of(conn, &rows, today)
}

/// The same of loaded rows, in a few statements however many they are.
pub fn owed_of(conn: &mut Conn, rows: &[Receivable], today: NaiveDate) -> Result<HashMap<ReceivableId, i64>, StoreError> {
    let mut owed_minor = HashMap::new();
    let mut from_ledger = Vec::new();
    for row in rows {
        match row.state {
            ReceivableState::Redeemed | ReceivableState::Cancelled => {
                owed_minor.insert(row.id, 0);
            }
            // Until it is late it owes what it has confirmed.
            _ if row.payment_date >= today && row.interest_from <= row.payment_date => {
                owed_minor.insert(row.id, row.confirmed_minor.saturating_sub(row.paid_minor));
            }
            _ => from_ledger.push(row),
        }
    }
    let assets = from_ledger.iter().flat_map(|row| [AssetId::from(row.id), AssetId::from(row.reserve_asset)]);
    let keys: Vec<AccountKey> = assets.map(AccountKey::issued).collect();
    let rows = journal::list_accounts(conn, &keys)?;
    let issued: HashMap<AssetId, i64> = rows.into_iter().map(|account| (AssetId(account.asset_id), account.balance)).collect();
    let ids: Vec<ReceivableId> = from_ledger.iter().map(|row| row.id).collect();
    let counted = distributions::list_late_open(conn, &ids)?;
    let issued_of = |asset: AssetId| issued.get(&asset).copied().unwrap_or(0);
    for row in from_ledger {
        let face_minor = issued_of(row.id.into());
        let counted_minor = counted.get(&row.id).copied().unwrap_or(0);
        let owed = Owed {
            face_minor,
            reserve_minor: issued_of(row.reserve_asset.into()),
            late_minor: accrued(row, face_minor, today)?.saturating_add(counted_minor),
            paid_minor: row.paid_minor,
        };
        owed_minor.insert(row.id, owed.total_minor());
    }
    Ok(owed_minor)
}

/// Late interest is counted up to the value date.
pub fn begin(batch: &mut Batch<'_>, receivable: &mut Receivable, value_date: NaiveDate) -> Applied<()> {
    if value_date > last_day_of_grace(receivable) && value_date > receivable.interest_from {
        receivable.interest_from = value_date;
        batch.update(receivable)?;
    }
    Ok(())
}

/// The currency that the receivable was issued in.
pub(crate) fn currency_of(receivable: &Receivable) -> Result<Currency, StoreError> {
    Currency::parse(&receivable.currency).ok_or_else(|| corrupt("currency of", receivable.id))
}

fn place_of(receivable: &Receivable) -> Result<Place, StoreError> {
    Ok(Place {
        receivable: receivable.id,
        supplier: receivable.supplier_id,
        currency: currency_asset(currency_of(receivable)?),
        senior: receivable.id.into(),
        junior: receivable.reserve_asset.into(),
    })
}

/// Pays some of the holders their parts of a plan, updates late claims and limits, and notifies the holders. Returns the sum paid
/// to them.
pub fn pay_holders(batch: &mut Batch<'_>, receivable: &Receivable, plan: &Plan, since: i64, holders: &[Holder]) -> Applied<i64> {
    // A payment of everything leaves no parts to remember, unless there are some already.
    let keeps_bases = since > 0 && (plan.face.amount() < plan.face.due() || receivable.paid_minor > 0);
    let counting = match (rule_of(receivable)?, plan.accrued.amount > 0) {
        (ShareRule::ByPayment, _) => Counting::ByPayment,
        (ShareRule::Running, false) => Counting::Running,
        (ShareRule::Running, true) => Counting::Anew,
    };
    let mut bases = Vec::new();
    let place = place_of(receivable)?;
    let known = currency_of(receivable)?;
    let mut postings = Vec::with_capacity(holders.len().saturating_mul(3));
    let mut claims = Vec::new();
    let mut redeemed = HashMap::new();
    let mut paid_minor = 0_i64;
    for holder in holders {
        let share = plan.share(holder).ok_or_else(|| corrupt("share in", receivable.id))?;
        waterfall::pay_holder(&mut postings, &place, holder.party, &share);
        let counted_anew = counting == Counting::Anew && holder.interest_whole_minor > 0;
        if share.accrued_minor > 0 || share.interest_minor > 0 || counted_anew {
            claims.push(LateClaim {
                receivable_id: receivable.id,
                party_id: holder.party,
                due_minor: share.accrued_minor,
                paid_minor: share.interest_minor,
                settled_minor: None,
            });
        }
        if keeps_bases && holder.units_whole_minor > 0 {
            let left_minor = holder.units_minor.saturating_sub(share.face_minor);
            let redeemed_minor = holder.units_whole_minor.saturating_sub(left_minor);
            bases.push(Base { party: holder.party, units_minor: holder.units_whole_minor, redeemed_minor });
        }
        // The supplier's own units were never bought, so they used none of its limits.
        if holder.party != receivable.supplier_id {
            redeemed.insert(holder.party, share.face_minor);
        }
        let received = share.face_minor.saturating_add(share.interest_minor);
        paid_minor = paid_minor.saturating_add(received);
        if received > 0 {
            let arguments =
                json!({ "amount": known.format(received), "currency": receivable.currency, "reference": receivable.reference });
            batch.notify(holder.party, "redemption_received", &arguments, format!("/receivables/{}", receivable.id));
        }
    }
    if !postings.is_empty() {
        batch.post(&postings)?;
    }
    batch.wrote = true;
    for claim in distributions::add_to_late_claims(batch.conn, receivable.id, claims, counting)? {
        batch.mark(&claim);
    }
    distributions::save_bases(batch.conn, receivable.id, since, &bases)?;
    free_limits(batch, receivable, &redeemed)?;
    Ok(paid_minor)
}

/// Redeemed fractions no longer count against the holders' limits for the buyer.
fn free_limits(batch: &mut Batch<'_>, receivable: &Receivable, redeemed: &HashMap<PartyId, i64>) -> Result<(), StoreError> {
    let parties: Vec<PartyId> = redeemed.keys().copied().collect();
    let mut limits = market::list_used_limits(batch.conn, &parties, receivable.buyer_id, &receivable.currency)?;
    for limit in &mut limits {
        let face = redeemed.get(&limit.financier_id).copied().unwrap_or(0);
        limit.used_minor = limit.used_minor.saturating_sub(face).max(0);
    }
    BuyerLimit::update_all(&limits.iter().collect::<Vec<_>>(), batch.conn)
}

/// The overpaid amount as a separate line in suspense: it is placed or sent back like any other money without a place.
fn surplus_line(id: BankLineId, receivable: &Receivable, amount_minor: i64, payment: &Payment, today: NaiveDate) -> BankLine {
    BankLine {
        id,
        currency: receivable.currency.clone(),
        direction: Direction::In,
        amount_minor,
        booking_date: today,
        value_date: payment.value_date,
        reference: receivable.reference.clone(),
        counterparty: payment.payer.clone(),
        counterparty_iban: payment.payer_iban.clone(),
        state: LineState::Suspense,
        receivable_id: Some(receivable.id),
        kind: LineKind::Surplus.into(),
        occurrence: 1,
        ..BankLine::default()
    }
}

/// When all holders are paid: fee, reserve, surplus, and the states.
pub fn finish(batch: &mut Batch<'_>, mut receivable: Receivable, plan: &Plan, payment: &Payment) -> Applied<()> {
    let reserve_units_minor = reserve_units(batch.conn, &receivable)?;
    let closing = plan.closing(&place_of(&receivable)?);
    if !closing.is_empty() {
        batch.post(&closing)?;
    }
    if plan.reserve_minor > 0 {
        let amount = currency_of(&receivable)?.format(plan.reserve_minor);
        let arguments = json!({ "amount": amount, "currency": receivable.currency, "reference": receivable.reference });
        batch.notify(receivable.supplier_id, "reserve_returned", &arguments, format!("/receivables/{}", receivable.id));
    }
    if plan.surplus_minor > 0 {
        let waiting = surplus_line(batch.next_id(), &receivable, plan.surplus_minor, payment, batch.today());
        batch.insert(&waiting)?;
    }
    receivable.settlement_fee_paid_minor = receivable.settlement_fee_paid_minor.saturating_add(plan.fee_minor);
    receivable.paid_minor = receivable.paid_minor.saturating_add(payment.amount_minor.saturating_sub(plan.surplus_minor));
    let all_paid = plan.pays_all(reserve_units_minor);
    let state = receivable.state;
    let event = if all_paid { ReceivableEvent::RedeemAll } else { ReceivableEvent::RedeemPart };
    if matches!(state, ReceivableState::Issued | ReceivableState::Active) {
        crate::commands::programmes::terms::bill_settlement(batch, &receivable)?;
    }
    // Money that comes after the end is all surplus: nothing moves.
    if let Ok(next) = next_state(state, event) {
        receivable.state = next;
        let mut invoice = Invoice::load(batch.conn, receivable.invoice_id)?;
        let before = invoice.state;
        let event = if all_paid { InvoiceEvent::PayAll } else { InvoiceEvent::PayPart };
        if let Ok(after) = domain::invoice::next_state(before, event) {
            invoice.state = after;
            batch.update(&invoice)?;
        }
    }
    batch.update(&receivable)?;
    let today = batch.today();
    if receivable.payment_date < today {
        crate::commands::parties::standing::refresh(batch, Some(receivable.buyer_id), today)?;
    }
    Ok(())
}
