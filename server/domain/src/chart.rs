//! The chart of accounts and the posting recipe of every event. docs/ACCOUNTING.md prints the same recipes,
//! and a test holds the two together.

use crate::pricing::Bearer;
use kernel::{CustodyId, PartyId, ReceivableId, RecordId, named};
use ledger::{AssetId, Code, Floor, Side, TransferNumber};

named! {
    AccountKind {
        Custody => "custody", Cash => "cash", Collection => "collection", Suspense => "suspense",
        Fees => "fees", Expense => "expense", Claim => "claim", Issued => "issued", Holding => "holding",
    }
}

impl AccountKind {
    /// The debit side has money at the bank, the platform's costs, its claims on others, and the contra of issued units. The
    /// credit side has all that is owed to others.
    #[must_use]
    pub fn side(self) -> Side {
        match self {
            Self::Custody | Self::Expense | Self::Claim | Self::Issued => Side::Debit,
            Self::Cash | Self::Collection | Self::Suspense | Self::Fees | Self::Holding => Side::Credit,
        }
    }

    /// No account of this chart may go below zero.
    #[must_use]
    pub fn floor(self) -> Floor {
        Floor::Zero
    }
}

/// An account by its kind, its owner and its asset. The owner is a company, a receivable for `collection`, or an account at the
/// bank for `custody`; 0 for the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey {
    pub kind: AccountKind,
    pub owner: RecordId,
    pub asset: AssetId,
}

impl AccountKey {
    /// Money on one of the platform's accounts at banks, by the account's number; 0 is the account of the founding.
    #[must_use]
    pub fn custody(account: CustodyId, asset: AssetId) -> Self {
        Self { kind: AccountKind::Custody, owner: account.into(), asset }
    }
    #[must_use]
    pub fn cash(party: PartyId, asset: AssetId) -> Self {
        Self { kind: AccountKind::Cash, owner: party.into(), asset }
    }
    #[must_use]
    pub fn collection(receivable: ReceivableId, asset: AssetId) -> Self {
        Self { kind: AccountKind::Collection, owner: receivable.into(), asset }
    }
    #[must_use]
    pub fn suspense(asset: AssetId) -> Self {
        Self { kind: AccountKind::Suspense, owner: RecordId(0), asset }
    }
    #[must_use]
    pub fn fees(asset: AssetId) -> Self {
        Self { kind: AccountKind::Fees, owner: RecordId(0), asset }
    }
    #[must_use]
    pub fn expense(asset: AssetId) -> Self {
        Self { kind: AccountKind::Expense, owner: RecordId(0), asset }
    }
    /// A company's debt to the platform. Owner 0 stands for a debtor outside the platform, such as the bank.
    #[must_use]
    pub fn claim(debtor: PartyId, asset: AssetId) -> Self {
        Self { kind: AccountKind::Claim, owner: debtor.into(), asset }
    }
    #[must_use]
    pub fn issued(asset: AssetId) -> Self {
        Self { kind: AccountKind::Issued, owner: RecordId(0), asset }
    }
    #[must_use]
    pub fn holding(party: PartyId, asset: AssetId) -> Self {
        Self { kind: AccountKind::Holding, owner: party.into(), asset }
    }
}

/// The asset of a currency: its ISO 4217 number, so that every database gives it the same id.
#[must_use]
pub fn currency_asset(currency: crate::Currency) -> AssetId {
    let number = iso_currency::Currency::from_code(currency.code()).map_or(0, |known| known.numeric());
    AssetId(i64::from(number))
}

/// The currency of an asset, if it is one.
#[must_use]
pub fn asset_currency(asset: AssetId) -> Option<crate::Currency> {
    let known = iso_currency::Currency::from_numeric(u16::try_from(asset.0).ok()?)?;
    crate::Currency::parse(known.code())
}

macro_rules! codes {
    ($($name:ident = $value:literal => $text:literal,)+) => {
        /// The kind under which a transfer is booked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Booking { $($name),+ }
        impl Booking {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
            #[must_use]
            pub fn code(self) -> Code { Code(match self { $(Self::$name => $value),+ }) }
            /// The name in statements and in the API.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $(Self::$name => $text),+ } }
            #[must_use]
            pub fn of(code: i16) -> Option<Self> { match code { $($value => Some(Self::$name),)+ _ => None } }
        }
    };
}

codes! {
    Deposit = 10 => "deposit",
    Collection = 11 => "collection",
    Unmatched = 12 => "unmatched_receipt",
    SuspenseToCash = 13 => "suspense_to_cash",
    SuspenseToCollection = 14 => "suspense_to_collection",
    BankCharge = 15 => "bank_charge",
    ReceiptReversed = 16 => "receipt_reversed",
    ClaimMade = 17 => "claim_made",
    ClaimSettled = 18 => "claim_settled",
    ClaimWrittenOff = 19 => "claim_written_off",
    Issue = 20 => "issue",
    IssueReserve = 21 => "issue_reserve",
    Offer = 30 => "offer",
    OfferEnd = 31 => "offer_end",
    PurchasePrice = 32 => "purchase_price",
    PurchaseFee = 33 => "purchase_fee",
    PurchaseUnits = 34 => "purchase_units",
    FeeBilled = 35 => "fee_billed",
    FeePaid = 36 => "fee_paid",
    PurchaseHold = 37 => "purchase_request",
    PurchaseHoldEnd = 38 => "purchase_request_end",
    RedeemFace = 40 => "redeem_face",
    RedeemUnits = 41 => "redeem_units",
    LateInterest = 42 => "late_interest",
    SettlementFee = 43 => "settlement_fee",
    ReserveReturn = 44 => "reserve_return",
    RedeemReserve = 45 => "redeem_reserve",
    Surplus = 46 => "surplus",
    PayoutHold = 50 => "payout_request",
    PayoutDone = 51 => "payout",
    PayoutFailed = 52 => "payout_failed",
    SuspenseReturnHold = 53 => "suspense_return_request",
    PayoutReturn = 54 => "payout_return",
    PlacementReversed = 55 => "placement_reversed",
    PayoutUnlinked = 56 => "payout_unlinked",
    ChargeReversed = 57 => "charge_reversed",
    ClaimReversed = 58 => "claim_reversed",
    WriteOffReversed = 59 => "write_off_reversed",
    OwnTransfer = 60 => "own_transfer",
    ReceiptRestored = 61 => "receipt_restored",
}

/// One line of a recipe, by account key; the writer finds the accounts and opens the missing ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posting {
    Move { debit: AccountKey, credit: AccountKey, amount: i64, booking: Booking },
    Hold { account: AccountKey, amount: i64, expires_at: Option<i64>, booking: Booking },
    PostHold { hold: TransferNumber, credit: AccountKey, amount: i64, booking: Booking },
    VoidHold { hold: TransferNumber, booking: Booking },
}

fn line(debit: AccountKey, credit: AccountKey, amount: i64, booking: Booking) -> Option<Posting> {
    (amount > 0).then_some(Posting::Move { debit, credit, amount, booking })
}

/// A company's money has arrived at the bank.
#[must_use]
pub fn deposit(bank: CustodyId, party: PartyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    line(AccountKey::custody(bank, currency), AccountKey::cash(party, currency), amount, Booking::Deposit).into_iter().collect()
}

/// The buyer's money for one receivable has arrived at the bank.
#[must_use]
pub fn collection(bank: CustodyId, receivable: ReceivableId, currency: AssetId, amount: i64) -> Vec<Posting> {
    let (debit, credit) = (AccountKey::custody(bank, currency), AccountKey::collection(receivable, currency));
    line(debit, credit, amount, Booking::Collection).into_iter().collect()
}

/// Money has arrived that the platform cannot place yet.
#[must_use]
pub fn unmatched(bank: CustodyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    line(AccountKey::custody(bank, currency), AccountKey::suspense(currency), amount, Booking::Unmatched).into_iter().collect()
}

/// Money that waited in suspense has found its place.
#[must_use]
pub fn suspense_to_cash(party: PartyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    let (debit, credit) = (AccountKey::suspense(currency), AccountKey::cash(party, currency));
    line(debit, credit, amount, Booking::SuspenseToCash).into_iter().collect()
}

/// The same, for a receivable.
#[must_use]
pub fn suspense_to_collection(receivable: ReceivableId, currency: AssetId, amount: i64) -> Vec<Posting> {
    let (debit, credit) = (AccountKey::suspense(currency), AccountKey::collection(receivable, currency));
    line(debit, credit, amount, Booking::SuspenseToCollection).into_iter().collect()
}

/// The bank has taken money for itself: the platform's own cost.
#[must_use]
pub fn bank_charge(bank: CustodyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    line(AccountKey::expense(currency), AccountKey::custody(bank, currency), amount, Booking::BankCharge).into_iter().collect()
}

/// Money has left the account and must come back. `debtor` owes it, or a debtor outside the platform where no company does.
#[must_use]
pub fn claim_made(bank: CustodyId, debtor: PartyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    line(AccountKey::claim(debtor, currency), AccountKey::custody(bank, currency), amount, Booking::ClaimMade)
        .into_iter()
        .collect()
}

/// The bank has taken a receipt back. The money leaves the account that it is on, as far as it is still there; the rest is a
/// claim.
#[must_use]
pub fn receipt_reversed(
    bank: CustodyId,
    from: AccountKey,
    debtor: PartyId,
    currency: AssetId,
    (there, missing): (i64, i64),
) -> Vec<Posting> {
    let back = line(from, AccountKey::custody(bank, currency), there, Booking::ReceiptReversed);
    back.into_iter().chain(claim_made(bank, debtor, currency, missing)).collect()
}

/// Money moves between two of the platform's own accounts at banks.
#[must_use]
pub fn own_transfer((from, to): (CustodyId, CustodyId), currency: AssetId, amount: i64) -> Vec<Posting> {
    let (debit, credit) = (AccountKey::custody(to, currency), AccountKey::custody(from, currency));
    line(debit, credit, amount, Booking::OwnTransfer).into_iter().collect()
}

/// The debit of money that has already reached another of the platform's accounts and waited there in suspense.
#[must_use]
pub fn own_transfer_from_suspense(from: CustodyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    let (debit, credit) = (AccountKey::suspense(currency), AccountKey::custody(from, currency));
    line(debit, credit, amount, Booking::OwnTransfer).into_iter().collect()
}

/// Money was placed wrongly. It goes back into suspense from the account that it is on, as far as it is still there; the rest is
/// a claim.
#[must_use]
pub fn placement_reversed(from: AccountKey, debtor: PartyId, currency: AssetId, (there, missing): (i64, i64)) -> Vec<Posting> {
    let suspense = AccountKey::suspense(currency);
    let back = line(from, suspense, there, Booking::PlacementReversed);
    back.into_iter().chain(line(AccountKey::claim(debtor, currency), suspense, missing, Booking::PlacementReversed)).collect()
}

/// Money that waited in suspense pays a claim.
#[must_use]
pub fn claim_settled(debtor: PartyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    let (debit, credit) = (AccountKey::suspense(currency), AccountKey::claim(debtor, currency));
    line(debit, credit, amount, Booking::ClaimSettled).into_iter().collect()
}

/// The platform writes off a claim that its debtor will not pay, as its own cost.
#[must_use]
pub fn claim_written_off(debtor: PartyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    let (debit, credit) = (AccountKey::expense(currency), AccountKey::claim(debtor, currency));
    line(debit, credit, amount, Booking::ClaimWrittenOff).into_iter().collect()
}

/// A debit was no charge of the bank after all. It waits again, and the money counts as present until people know where it went.
#[must_use]
pub fn charge_reversed(bank: CustodyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    line(AccountKey::custody(bank, currency), AccountKey::expense(currency), amount, Booking::ChargeReversed)
        .into_iter()
        .collect()
}

/// A debit is no claim after all: it waits again.
#[must_use]
pub fn claim_reversed(bank: CustodyId, debtor: PartyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    let (debit, credit) = (AccountKey::custody(bank, currency), AccountKey::claim(debtor, currency));
    line(debit, credit, amount, Booking::ClaimReversed).into_iter().collect()
}

/// The bank did not take back this receipt but another one. The money returns to the account that it was on, and the claim ends.
#[must_use]
pub fn receipt_restored(
    bank: CustodyId,
    to: AccountKey,
    debtor: PartyId,
    currency: AssetId,
    (there, missing): (i64, i64),
) -> Vec<Posting> {
    let back = line(AccountKey::custody(bank, currency), to, there, Booking::ReceiptRestored);
    back.into_iter().chain(claim_reversed(bank, debtor, currency, missing)).collect()
}

/// A claim that was written off is owed again.
#[must_use]
pub fn write_off_reversed(debtor: PartyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    let (debit, credit) = (AccountKey::claim(debtor, currency), AccountKey::expense(currency));
    line(debit, credit, amount, Booking::WriteOffReversed).into_iter().collect()
}

/// The account from which a payout takes its money, and to which it returns: a company's cash, or suspense where no company owns
/// the money.
#[must_use]
pub fn payout_source(party: Option<PartyId>, currency: AssetId) -> AccountKey {
    party.map_or_else(|| AccountKey::suspense(currency), |party| AccountKey::cash(party, currency))
}

/// Money is earmarked for the bank to pay out.
#[must_use]
pub fn payout_request(party: Option<PartyId>, currency: AssetId, amount: i64) -> Vec<Posting> {
    let booking = if party.is_some() { Booking::PayoutHold } else { Booking::SuspenseReturnHold };
    vec![Posting::Hold { account: payout_source(party, currency), amount, expires_at: None, booking }]
}

/// The bank's statement shows that a payout has left.
#[must_use]
pub fn payout(bank: CustodyId, hold: TransferNumber, currency: AssetId, amount: i64) -> Vec<Posting> {
    vec![Posting::PostHold { hold, credit: AccountKey::custody(bank, currency), amount, booking: Booking::PayoutDone }]
}

/// A debit did not belong to this payout. The money is back on its account, and earmarked again for the payout that is still with
/// the bank.
#[must_use]
pub fn payout_unlinked(bank: CustodyId, party: Option<PartyId>, currency: AssetId, amount: i64) -> Vec<Posting> {
    let (debit, credit) = (AccountKey::custody(bank, currency), payout_source(party, currency));
    let back = line(debit, credit, amount, Booking::PayoutUnlinked);
    back.into_iter().chain(payout_request(party, currency, amount)).collect()
}

/// The bank has rejected a payout: nothing has left, and the money is free again.
#[must_use]
pub fn payout_failed(hold: TransferNumber) -> Vec<Posting> {
    vec![Posting::VoidHold { hold, booking: Booking::PayoutFailed }]
}

/// A payout that had left comes back: the reversing entry.
#[must_use]
pub fn payout_return(bank: CustodyId, party: Option<PartyId>, currency: AssetId, amount: i64) -> Vec<Posting> {
    let (debit, credit) = (AccountKey::custody(bank, currency), payout_source(party, currency));
    line(debit, credit, amount, Booking::PayoutReturn).into_iter().collect()
}

/// The supplier puts units on the market.
#[must_use]
pub fn offer(supplier: PartyId, senior: AssetId, units: i64) -> Vec<Posting> {
    vec![Posting::Hold {
        account: AccountKey::holding(supplier, senior),
        amount: units,
        expires_at: None,
        booking: Booking::Offer,
    }]
}

/// An offer ends: its unsold units are free again.
#[must_use]
pub fn offer_end(hold: TransferNumber) -> Vec<Posting> {
    vec![Posting::VoidHold { hold, booking: Booking::OfferEnd }]
}

/// Units come into being on the supplier's holding: the fractions, and the reserve as the junior asset.
#[must_use]
pub fn issue(supplier: PartyId, senior: AssetId, face: i64, junior: AssetId, reserve: i64) -> Vec<Posting> {
    let units = |asset, amount, booking| line(AccountKey::issued(asset), AccountKey::holding(supplier, asset), amount, booking);
    [units(senior, face, Booking::Issue), units(junior, reserve, Booking::IssueReserve)].into_iter().flatten().collect()
}

/// A fee that the buyer bears: the platform has earned it, and the buyer owes it.
#[must_use]
pub fn fee_billed(buyer: PartyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    line(AccountKey::claim(buyer, currency), AccountKey::fees(currency), amount, Booking::FeeBilled).into_iter().collect()
}

/// Billed fees are paid out of the buyer's cash.
#[must_use]
pub fn fee_paid(buyer: PartyId, currency: AssetId, amount: i64) -> Vec<Posting> {
    line(AccountKey::cash(buyer, currency), AccountKey::claim(buyer, currency), amount, Booking::FeePaid).into_iter().collect()
}

/// The price of a purchase that waits for a second person is earmarked.
#[must_use]
pub fn purchase_request(financier: PartyId, currency: AssetId, price: i64) -> Vec<Posting> {
    let account = AccountKey::cash(financier, currency);
    vec![Posting::Hold { account, amount: price, expires_at: None, booking: Booking::PurchaseHold }]
}

/// Such a purchase is decided, or its day has ended: the cash is free again.
#[must_use]
pub fn purchase_request_end(hold: TransferNumber) -> Vec<Posting> {
    vec![Posting::VoidHold { hold, booking: Booking::PurchaseHoldEnd }]
}

/// The parties to a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties {
    pub supplier: PartyId,
    pub financier: PartyId,
    pub buyer: PartyId,
}

/// Delivery against payment: cash to the supplier, fee to the platform from the party that bears it, fractions to the financier.
#[must_use]
pub fn purchase(
    parties: Parties,
    currency: AssetId,
    (offer_hold, senior): (TransferNumber, AssetId),
    quote: &crate::pricing::Quote,
) -> Vec<Posting> {
    let Parties { supplier, financier, buyer } = parties;
    let cash = |party| AccountKey::cash(party, currency);
    let mut set = Vec::with_capacity(3);
    set.extend(line(cash(financier), cash(supplier), quote.price_minor, Booking::PurchasePrice));
    match quote.fee_bearer {
        Bearer::Supplier => set.extend(line(cash(supplier), AccountKey::fees(currency), quote.fee_minor, Booking::PurchaseFee)),
        Bearer::Buyer => set.extend(fee_billed(buyer, currency, quote.fee_minor)),
    }
    set.push(Posting::PostHold {
        hold: offer_hold,
        credit: AccountKey::holding(financier, senior),
        amount: quote.face_minor,
        booking: Booking::PurchaseUnits,
    });
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    const BANK: CustodyId = CustodyId(9);
    const SUPPLIER: PartyId = PartyId(1);
    const FINANCIER: PartyId = PartyId(2);
    const BUYER: PartyId = PartyId(3);
    const PARTIES: Parties = Parties { supplier: SUPPLIER, financier: FINANCIER, buyer: BUYER };

    #[test]
    fn codes_are_unique_and_read_back() {
        for booking in Booking::ALL {
            assert_eq!(Booking::of(booking.code().0), Some(*booking));
        }
        assert_eq!(currency_asset(crate::Currency::EUR), AssetId(978));
        assert_eq!(asset_currency(AssetId(978)), Some(crate::Currency::EUR));
        assert_eq!((asset_currency(AssetId(10_000)), asset_currency(AssetId(-1))), (None, None));
    }

    /// Prints postings as the document's rows do.
    fn rows(event: &str, postings: &[Posting]) -> Vec<String> {
        let asset = |id: AssetId| match id.0 {
            978 => "currency",
            51 => "senior",
            _ => "junior",
        };
        let owner = |key: &AccountKey| match (key.kind, key.owner) {
            (AccountKind::Custody, RecordId(8)) => "other",
            (AccountKind::Custody, _) => "account",
            (_, RecordId(0)) => "0",
            (AccountKind::Collection, _) => "receivable",
            (_, RecordId(1)) => "supplier",
            (_, RecordId(2)) => "financier",
            (_, RecordId(3)) => "buyer",
            (_, other) => panic!("company {other} has no part in these recipes"),
        };
        let name = |key: &AccountKey| format!("{}:{}", key.kind.name(), owner(key));
        let row = |posting: &Posting| match posting {
            Posting::Move { debit, credit, booking, .. } => {
                format!("| {event} | {} | {} | {} | {} |", name(debit), name(credit), asset(debit.asset), booking.name())
            }
            Posting::PostHold { credit, booking, .. } => {
                format!("| {event} | hold | {} | {} | {} |", name(credit), asset(credit.asset), booking.name())
            }
            Posting::Hold { account, booking, .. } => {
                format!("| {event} | {} | hold | {} | {} |", name(account), asset(account.asset), booking.name())
            }
            Posting::VoidHold { booking, .. } => format!("| {event} | hold | released | as held | {} |", booking.name()),
        };
        postings.iter().map(row).collect()
    }

    #[test]
    fn accounting_document_and_recipes_say_the_same() {
        let currency = AssetId(978);
        let (senior, junior) = (AssetId(51), AssetId(52));
        let quote = crate::pricing::Quote {
            face_minor: 10,
            price_minor: 9,
            discount_minor: 1,
            fee_minor: 1,
            fee_bearer: Bearer::Supplier,
            settlement_fee_minor: 0,
            supplier_net_minor: 8,
            tenor_days: 1,
            financier_rate: crate::pricing::Percent::ZERO,
            supplier_rate: crate::pricing::Percent::ZERO,
        };
        let holder = crate::waterfall::Holder {
            party: FINANCIER,
            units_minor: 10,
            interest_due_minor: 1,
            units_whole_minor: 10,
            interest_whole_minor: 1,
        };
        let place = crate::waterfall::Place { receivable: ReceivableId(50), supplier: SUPPLIER, currency, senior, junior };
        let facts = crate::waterfall::WaterfallFacts {
            rule: crate::waterfall::ShareRule::Running,
            payment_minor: 20,
            accrued_minor: 0,
            settlement_fee_due_minor: 1,
            reserve_units_minor: 5,
        };
        let plan = crate::waterfall::plan(&facts, &[holder]).unwrap();
        let mut redemption = Vec::new();
        crate::waterfall::pay_holder(&mut redemption, &place, holder.party, &plan.share(&holder).unwrap());
        redemption.extend(plan.closing(&place));
        let mut expected = rows("deposit", &deposit(BANK, FINANCIER, currency, 1));
        expected.extend(rows("collection", &collection(BANK, ReceivableId(50), currency, 1)));
        expected.extend(rows("unmatched", &unmatched(BANK, currency, 1)));
        expected.extend(rows("place suspense", &suspense_to_cash(FINANCIER, currency, 1)));
        expected.extend(rows("place suspense", &suspense_to_collection(ReceivableId(50), currency, 1)));
        expected.extend(rows("bank charge", &bank_charge(BANK, currency, 1)));
        expected.extend(rows(
            "receipt reversed",
            &receipt_reversed(BANK, AccountKey::cash(FINANCIER, currency), FINANCIER, currency, (1, 1)),
        ));
        expected.extend(rows(
            "receipt restored",
            &receipt_restored(BANK, AccountKey::cash(FINANCIER, currency), FINANCIER, currency, (1, 1)),
        ));
        expected.extend(rows("own transfer", &own_transfer((BANK, CustodyId(8)), currency, 1)));
        expected.extend(rows("own transfer that waited", &own_transfer_from_suspense(BANK, currency, 1)));
        expected.extend(rows(
            "placement reversed",
            &placement_reversed(AccountKey::cash(FINANCIER, currency), FINANCIER, currency, (1, 1)),
        ));
        expected.extend(rows("claim settled", &claim_settled(FINANCIER, currency, 1)));
        expected.extend(rows("claim written off", &claim_written_off(FINANCIER, currency, 1)));
        expected.extend(rows("bank charge taken back", &charge_reversed(BANK, currency, 1)));
        expected.extend(rows("claim taken back", &claim_reversed(BANK, PartyId(0), currency, 1)));
        expected.extend(rows("write-off taken back", &write_off_reversed(FINANCIER, currency, 1)));
        expected.extend(rows("issue", &issue(SUPPLIER, senior, 10, junior, 5)));
        expected.extend(rows("offer", &offer(SUPPLIER, senior, 10)));
        expected.extend(rows("offer end", &offer_end(TransferNumber(1))));
        expected.extend(rows("purchase request", &purchase_request(FINANCIER, currency, 1)));
        expected.extend(rows("purchase request ends", &purchase_request_end(TransferNumber(1))));
        expected.extend(rows("purchase", &purchase(PARTIES, currency, (TransferNumber(1), senior), &quote)));
        let billed = crate::pricing::Quote { fee_bearer: Bearer::Buyer, ..quote };
        let billed = purchase(PARTIES, currency, (TransferNumber(1), senior), &billed);
        expected.extend(rows("purchase, the buyer bears the fee", &billed));
        expected.extend(rows("settlement fee of a buyer", &fee_billed(BUYER, currency, 1)));
        expected.extend(rows("fees collected", &fee_paid(BUYER, currency, 1)));
        expected.extend(rows("redemption", &redemption));
        expected.extend(rows("payout request", &payout_request(Some(SUPPLIER), currency, 1)));
        expected.extend(rows("payout", &payout(BANK, TransferNumber(1), currency, 1)));
        expected.extend(rows("payout rejected", &payout_failed(TransferNumber(1))));
        expected.extend(rows("payout returned", &payout_return(BANK, Some(SUPPLIER), currency, 1)));
        expected.extend(rows("payout unlinked", &payout_unlinked(BANK, Some(SUPPLIER), currency, 1)));
        expected.extend(rows("return of a receipt", &payout_request(None, currency, 1)));
        expected.extend(rows("return of a receipt came back", &payout_return(BANK, None, currency, 1)));
        let shown: Vec<&str> = expected.iter().filter_map(|row| row.trim_end_matches(" |").rsplit(' ').next()).collect();
        let missing: Vec<&str> = Booking::ALL.iter().map(|booking| booking.name()).filter(|name| !shown.contains(name)).collect();
        assert!(missing.is_empty(), "no recipe books {missing:?}");
        let document = include_str!("../../../docs/ACCOUNTING.md");
        let printed: Vec<String> =
            document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Event")).map(str::to_owned).collect();
        assert_eq!(printed, expected);
    }
}
