//! Shared by the commands about programmes: the terms under which an invoice is confirmed, new versions that begin, and fees that
//! buyers bear.

use crate::batch::{Batch, Step};
use crate::commands::receivables::settlement;
use crate::commands::{Actor, Applied};
use crate::view::View;
use chrono::NaiveDate;
use domain::chart::{self, AccountKey, currency_asset};
use domain::party::Capacity;
use domain::pricing::{Bearer, SettlementFee};
use domain::programme::{
    EligibilityFacts, FeeKind, House, MemberState, ProgrammeState, ProgrammeTerms, Rule, are_related, eligible,
};
use domain::receivable::{FeeRule, ReceivableState};
use domain::{Currency, Refusal};
use kernel::{FeeBillId, PartyId, ProgrammeId, PurchaseId};
use serde_json::json;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use store::records::Keyed;
use store::{Conn, FeeBill, Invoice, Party, Programme, ProgrammeMember, ProgrammeVersion, StoreError, programmes};

/// The subject of the question: an invoice, or a payable whose invoice has not come yet.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub supplier_id: PartyId,
    pub buyer_id: PartyId,
    pub currency: &'a str,
    pub issue_date: NaiveDate,
    pub due_date: Option<NaiveDate>,
}

impl<'a> Subject<'a> {
    /// The invoice as it would be confirmed for this day.
    #[must_use]
    pub fn of(invoice: &'a Invoice, due_date: Option<NaiveDate>) -> Self {
        Self {
            supplier_id: invoice.supplier_id,
            buyer_id: invoice.buyer_id,
            currency: &invoice.currency,
            issue_date: invoice.issue_date,
            due_date,
        }
    }
}

/// How an invoice stands to a programme.
#[derive(Clone, Debug)]
pub struct Standing {
    pub programme: Programme,
    /// The version that the supplier has accepted, or is asked to accept.
    pub version: ProgrammeVersion,
    pub terms: ProgrammeTerms,
    pub verdict: Result<(), Rule>,
}

/// The place of a supplier's invoices to a buyer in a currency, for any dates.
#[derive(Clone, Debug)]
pub struct Place {
    programme: Programme,
    version: ProgrammeVersion,
    terms: ProgrammeTerms,
    member: Option<MemberState>,
    related: bool,
}

impl Place {
    fn of(
        conn: &mut Conn,
        (supplier_id, buyer_id): (PartyId, PartyId),
        (programme, version): (Programme, ProgrammeVersion),
        member: Option<MemberState>,
    ) -> Result<Self, StoreError> {
        fn house(party: &Party) -> House<'_> {
            House { id: party.id, registration_id: &party.registration_id, tax_id: &party.tax_id }
        }
        let (buyer, supplier) = (Party::load(conn, buyer_id)?, Party::load(conn, supplier_id)?);
        let related = are_related(&house(&buyer), &house(&supplier));
        Ok(Self { terms: version.terms(), programme, version, member, related })
    }

    /// The buyer's programme that the supplier has joined or is invited to. A supplier does not see a programme that it was never
    /// invited to.
    fn find(conn: &mut Conn, subject: &Subject<'_>) -> Result<Option<Self>, StoreError> {
        let members = programmes::list_live_memberships(conn, subject.supplier_id, subject.buyer_id)?;
        let nearest = |member: &ProgrammeMember| (member.currency != subject.currency, member.state != MemberState::Joined);
        let Some(member) = members.into_iter().min_by_key(nearest) else { return Ok(None) };
        let number = if member.state == MemberState::Joined { member.version } else { member.asked_version };
        let version = programmes::load_version(conn, member.programme_id, number)?;
        let programme = Programme::load(conn, member.programme_id)?;
        Self::of(conn, (subject.supplier_id, subject.buyer_id), (programme, version), Some(member.state)).map(Some)
    }

    /// The same for the buyer, who also sees when a supplier is in none of its programmes.
    fn find_for_buyer(conn: &mut Conn, subject: &Subject<'_>, today: NaiveDate) -> Result<Option<Self>, StoreError> {
        if let Some(found) = Self::find(conn, subject)? {
            return Ok(Some(found));
        }
        let found = programmes::find_open_programme(conn, subject.buyer_id, subject.currency)?;
        let Some(programme) = found else { return Ok(None) };
        let Some(version) = programmes::find_current(conn, programme.id, today)? else { return Ok(None) };
        Self::of(conn, (subject.supplier_id, subject.buyer_id), (programme, version), None).map(Some)
    }

    fn judge(&self, subject: &Subject<'_>, today: NaiveDate) -> Standing {
        let verdict = eligible(&EligibilityFacts {
            programme: self.programme.state,
            programme_currency: &self.programme.currency,
            member: self.member,
            terms: &self.terms,
            begins_on: self.version.begins_on,
            currency: subject.currency,
            issue_date: subject.issue_date,
            due_date: subject.due_date,
            related: self.related,
            today,
        });
        Standing { programme: self.programme.clone(), version: self.version.clone(), terms: self.terms, verdict }
    }
}

/// The places of a buyer's suppliers, each looked for once however many payables are asked about.
#[derive(Debug, Default)]
pub struct Places {
    known: HashMap<(PartyId, String), Option<Place>>,
}

impl Places {
    /// How a payable of the buyer stands today.
    pub fn standing(&mut self, conn: &mut Conn, subject: &Subject<'_>, today: NaiveDate) -> Result<Option<Standing>, StoreError> {
        let key = (subject.supplier_id, subject.currency.to_owned());
        let place = match self.known.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(Place::find_for_buyer(conn, subject, today)?),
        };
        Ok(place.as_ref().map(|place| place.judge(subject, today)))
    }
}

/// How it stands to the programme that the supplier is in, or is asked into; none if there is none.
pub fn standing(conn: &mut Conn, subject: &Subject<'_>, today: NaiveDate) -> Result<Option<Standing>, StoreError> {
    Ok(Place::find(conn, subject)?.map(|place| place.judge(subject, today)))
}

/// The same for the buyer, who also sees when a supplier is in none of its programmes.
pub fn standing_for_buyer(conn: &mut Conn, subject: &Subject<'_>, today: NaiveDate) -> Result<Option<Standing>, StoreError> {
    Ok(Place::find_for_buyer(conn, subject, today)?.map(|place| place.judge(subject, today)))
}

/// The programme under which it is confirmed today, if it is eligible under one.
pub fn under(conn: &mut Conn, subject: &Subject<'_>, today: NaiveDate) -> Result<Option<Standing>, StoreError> {
    Ok(standing(conn, subject, today)?.filter(|found| found.verdict.is_ok()))
}

/// The name of the terms that a confirmation would put into force: programme and version, or the platform's.
#[must_use]
pub fn terms_name(standing: Option<&Standing>) -> String {
    let under = standing.filter(|found| found.verdict.is_ok());
    under.map_or_else(|| "platform".to_owned(), |under| format!("{}/{}", under.programme.id, under.version.version))
}

/// A programme of the acting buyer; another company's is one that does not exist.
pub(crate) fn own(view: &mut dyn View, actor: &Actor, id: ProgrammeId) -> Step<Programme> {
    let buyer = view.acting_party(actor, Capacity::Buyer)?;
    Ok(Programme::find(view.conn(), id)?.filter(|row| row.buyer_id == buyer.id).ok_or(Refusal::NotFound)?)
}

/// Asks all members of a programme to accept the version that now applies. A company that was only invited is asked to join under
/// this version.
pub(crate) fn ask_members(batch: &mut Batch<'_>, programme: &Programme, version: i64) -> Applied<()> {
    for mut member in programmes::list_members_before(batch.conn, programme.id, version)? {
        member.asked_version = version;
        batch.update(&member)?;
        let arguments = json!({ "name": programme.name, "version": version.to_string() });
        batch.notify(member.supplier_id, "programme_version", &arguments, format!("/memberships/{}", member.id));
    }
    Ok(())
}

/// Versions that begin on the next business date.
pub fn begin_versions(batch: &mut Batch<'_>, next: NaiveDate) -> Applied<usize> {
    let beginning = programmes::list_beginning_versions(batch.conn, next)?;
    let count = beginning.len();
    for version in beginning {
        let programme = Programme::load(batch.conn, version.programme_id)?;
        let current = programmes::find_current(batch.conn, programme.id, next)?;
        let lives = [ProgrammeState::Open, ProgrammeState::Suspended].contains(&programme.state);
        if lives && current.is_some_and(|current| current.id == version.id) {
            ask_members(batch, &programme, version.version)?;
        }
    }
    Ok(count)
}

/// A fee that the buyer of a receivable bears.
#[must_use]
pub fn bill(
    receivable: &store::Receivable,
    (id, purchase_id): (FeeBillId, Option<PurchaseId>),
    amount_minor: i64,
    today: NaiveDate,
) -> FeeBill {
    FeeBill {
        id,
        buyer_id: receivable.buyer_id,
        receivable_id: receivable.id,
        purchase_id,
        currency: receivable.currency.clone(),
        kind: if purchase_id.is_some() { FeeKind::Purchase } else { FeeKind::Settlement },
        amount_minor,
        paid_minor: 0,
        arose_on: today,
    }
}

/// The bearer of a receivable's settlement fee, and the fee where all of the face is sold.
pub fn settlement_fee(conn: &mut Conn, receivable: &store::Receivable) -> Result<(Bearer, SettlementFee), StoreError> {
    match receivable.programme_id.filter(|_| receivable.bearer() == Bearer::Buyer) {
        None => Ok((Bearer::Supplier, receivable.settlement_fee())),
        Some(programme) => {
            let terms = programmes::load_version(conn, programme, receivable.programme_version)?.terms();
            Ok((Bearer::Buyer, terms.billed_settlement(receivable.confirmed_minor, receivable.face_minor)))
        }
    }
}

/// The settlement fee of a receivable as it stands, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettlementFeeNow {
    pub bearer: Bearer,
    pub minor: i64,
    /// More can be sold: it is the most that the fee can come to.
    pub at_most: bool,
}

/// The settlement fee that is due on the sold part, or its maximum while more can be sold.
pub fn settlement_fee_now(conn: &mut Conn, receivable: &store::Receivable) -> Result<SettlementFeeNow, StoreError> {
    let (bearer, fee) = settlement_fee(conn, receivable)?;
    let sold_minor = receivable.sold_minor(conn)?;
    let sellable_minor = receivable.face_minor.saturating_sub(receivable.kept_minor());
    let (on_minor, at_most) = match receivable.state {
        ReceivableState::Cancelled => return Ok(SettlementFeeNow { bearer, minor: 0, at_most: false }),
        ReceivableState::Issued | ReceivableState::Active => (sellable_minor, sold_minor < sellable_minor),
        _ => (sold_minor, false),
    };
    let rule = receivable.fee_rule()?;
    let minor = rule.due(fee, on_minor).ok_or_else(|| settlement::corrupt("settlement fee of", receivable.id))?;
    Ok(SettlementFeeNow { bearer, minor, at_most: at_most && rule == FeeRule::OfSold && minor > 0 })
}

/// Nothing more of a receivable can be sold: a buyer that bears its settlement fee is billed for what was.
pub(crate) fn bill_settlement(batch: &mut Batch<'_>, receivable: &store::Receivable) -> Applied<()> {
    let (bearer, fee) = settlement_fee(batch.conn, receivable)?;
    if bearer == Bearer::Supplier || receivable.fee_rule()? == FeeRule::Whole {
        return Ok(());
    }
    let sold_minor = receivable.sold_minor(batch.conn)?;
    let billed_minor =
        FeeRule::OfSold.due(fee, sold_minor).ok_or_else(|| settlement::corrupt("settlement fee of", receivable.id))?;
    if billed_minor > 0 {
        let asset = currency_asset(settlement::currency_of(receivable)?);
        batch.post(&chart::fee_billed(receivable.buyer_id, asset, billed_minor))?;
        let row = bill(receivable, (batch.next_id(), None), billed_minor, batch.today());
        batch.insert(&row)?;
    }
    Ok(())
}

/// The last bill that `paid_minor` reaches, and the total that is then paid of that bill.
fn reach(bills: &[FeeBill], paid_minor: i64) -> Option<(FeeBillId, i64)> {
    let mut left = paid_minor;
    let mut last = None;
    for bill in bills {
        if left <= 0 {
            break;
        }
        let part = left.min(bill.amount_minor.saturating_sub(bill.paid_minor));
        left = left.saturating_sub(part);
        last = Some((bill.id, bill.paid_minor.saturating_add(part)));
    }
    last
}

/// At the end of a day every buyer pays its fees from its cash, oldest first, as far as the cash goes. It gets a notice of new
/// fees.
pub fn collect_fees(batch: &mut Batch<'_>, day: NaiveDate) -> Applied<usize> {
    let mut collected = 0_usize;
    for owed in programmes::list_open_fees(batch.conn, day)? {
        let known = Currency::parse(&owed.currency).ok_or_else(|| settlement::corrupt("currency of fees of", owed.buyer_id))?;
        let asset = currency_asset(known);
        let (_, free_minor) = batch.balance(AccountKey::cash(owed.buyer_id, asset))?;
        let paid_minor = free_minor.min(owed.open_minor).max(0);
        if paid_minor > 0 {
            batch.post(&chart::fee_paid(owed.buyer_id, asset, paid_minor))?;
            let bills = programmes::list_open_bills(batch.conn, owed.buyer_id, &owed.currency)?;
            let reached = reach(&bills, paid_minor).ok_or_else(|| settlement::corrupt("fees of", owed.buyer_id))?;
            programmes::pay_bills(batch.conn, (owed.buyer_id, &owed.currency), reached)?;
            collected = collected.saturating_add(1);
        }
        if owed.new_minor > 0 {
            let open_minor = owed.open_minor.saturating_sub(paid_minor);
            let arguments = json!({
                "new_minor": owed.new_minor, "paid_minor": paid_minor, "open_minor": open_minor, "currency": owed.currency,
            });
            batch.notify(owed.buyer_id, "fees_billed", &arguments, "/fees".to_owned());
        }
    }
    Ok(collected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::ReceivableId;

    #[test]
    fn what_is_paid_reaches_the_oldest_bills_first() {
        let bill = |id, amount_minor, paid_minor| FeeBill {
            id: FeeBillId(id),
            buyer_id: PartyId(1),
            receivable_id: ReceivableId(2),
            purchase_id: None,
            currency: "EUR".to_owned(),
            kind: FeeKind::Settlement,
            amount_minor,
            paid_minor,
            arose_on: NaiveDate::default(),
        };
        let bills = [bill(1, 100, 40), bill(2, 50, 0), bill(3, 7, 0)];
        for (paid, reached) in
            [(0, None), (1, Some((1, 41))), (60, Some((1, 100))), (61, Some((2, 1))), (110, Some((2, 50))), (117, Some((3, 7)))]
        {
            assert_eq!(reach(&bills, paid).map(|(bill, minor)| (bill.0, minor)), reached, "{paid}");
        }
    }
}
