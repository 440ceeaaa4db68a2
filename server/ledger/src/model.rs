//! The values of the ledger: accounts, holds and the journal's rows.

use crate::chain::Chain;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetId(pub i64);

/// Position of a transfer in the journal: 1, 2, 3 … without gaps. Zero means "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TransferNumber(pub i64);

/// The caller's booking code of a transfer. The ledger does not interpret it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub i16);

/// The side on which an account's balance grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    Debit,
    Credit,
}

/// How low an account's balance may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Floor {
    /// Balance less open holds must stay at zero or above.
    Zero,
    /// No lower bound.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub asset: AssetId,
    pub side: Side,
    pub floor: Floor,
    /// In the asset's units, counted in the direction of `side`.
    pub balance: i64,
    /// Sum of the amounts that open holds still earmark, in the asset's units; never negative.
    pub held: i64,
    pub chain: Chain,
}

impl Account {
    #[must_use]
    pub fn new(id: AccountId, asset: AssetId, side: Side, floor: Floor) -> Self {
        Self { id, asset, side, floor, balance: 0, held: 0, chain: Chain::default() }
    }

    /// The amount that the account can still spend: a hold counts as spent.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.balance.saturating_sub(self.held)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    Open,
    /// Nothing is left of it because all of it was posted.
    Posted,
    Voided,
    Expired,
}

/// Units of one account that are earmarked. It is named by the transfer that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub number: TransferNumber,
    pub account: AccountId,
    /// The amount that it still earmarks.
    pub remaining: i64,
    /// From this instant on (caller's ticks) it can no longer be posted.
    pub expires_at: Option<i64>,
    pub state: HoldState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Post,
    Hold,
    PostHold,
    VoidHold,
    ExpireHold,
}

/// One side of a journal row: the account, its balance after the row, and the links to its earlier legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    pub account: AccountId,
    pub balance_after: i64,
    pub held_after: i64,
    /// The account's leg before this one.
    pub previous: TransferNumber,
    /// An older leg, chosen so that any leg is reached in O(log n) steps.
    pub jump: TransferNumber,
}

/// One row of the journal. Making, voiding and expiring a hold touch one account and move nothing: they
/// have no credit leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub number: TransferNumber,
    pub kind: Kind,
    pub code: Code,
    pub asset: AssetId,
    pub amount: i64,
    pub debit: Leg,
    pub credit: Option<Leg>,
    pub hold: Option<TransferNumber>,
}
