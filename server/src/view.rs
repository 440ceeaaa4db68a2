//! The data that a decision may read: the running batch, or a connection for reading. A view has no way to write.

use crate::batch::Step;
use crate::commands::Actor;
use chrono::{NaiveDate, NaiveDateTime};
use domain::Refusal;
use domain::chart::AccountKey;
use domain::party::{Capacity, PartyStatus, SoloLimit};
use domain::standing::BuyerStanding;
use kernel::{HoldNumber, OfferId, PartyId, ReceivableId};
use ledger::Account;
use std::sync::Arc;
use store::records::Keyed;
use store::{BuyerLimit, Conn, Heads, Offer, Party, Receivable, StoreError, journal};

/// The facts of a decision. The batch answers from what it keeps in memory, a reader from the database.
pub trait View {
    /// For questions that the store answers.
    fn conn(&mut self) -> &mut Conn;
    fn now(&self) -> NaiveDateTime;
    fn heads(&self) -> &Heads;
    fn find_party(&mut self, id: PartyId) -> Result<Option<Arc<Party>>, StoreError>;
    fn find_offer(&mut self, id: OfferId) -> Result<Option<Offer>, StoreError>;
    fn find_receivable(&mut self, id: ReceivableId) -> Result<Option<Receivable>, StoreError>;
    fn find_buyer_limit(&mut self, financier: PartyId, buyer: PartyId, currency: &str) -> Result<Option<BuyerLimit>, StoreError>;
    /// The balance and its free part, zero for an account that was never opened.
    fn balance(&mut self, key: AccountKey) -> Result<(i64, i64), StoreError>;
    /// The units that a hold still holds.
    fn hold_remaining(&mut self, hold: HoldNumber) -> Result<i64, StoreError>;
    /// The limit up to which one person of the company may act alone, if the company has set one.
    fn solo_limit(&mut self, party: PartyId, currency: &str) -> Result<Option<SoloLimit>, StoreError>;
    /// The amounts that people of the company have done alone in this currency today, in minor units.
    fn alone_minor(&mut self, party: PartyId, currency: &str) -> Result<i64, StoreError>;

    fn today(&self) -> NaiveDate {
        self.heads().business_date
    }

    /// Whether the platform exists; before that the database holds nothing but its counters.
    fn is_founded(&self) -> bool {
        !self.heads().custody_iban.is_empty()
    }

    fn party(&mut self, id: PartyId) -> Step<Arc<Party>> {
        Ok(self.find_party(id)?.ok_or(Refusal::NotFound)?)
    }

    /// How a company stands as a buyer.
    fn buyer_standing(&mut self, id: PartyId) -> Step<BuyerStanding> {
        let party = self.party(id)?;
        Ok(crate::commands::parties::standing::of(&party))
    }

    /// The actor's company, if it may trade and has the capacity.
    fn acting_party(&mut self, actor: &Actor, capacity: Capacity) -> Step<Arc<Party>> {
        let party = self.party(actor.party_id)?;
        if party.status != PartyStatus::Active {
            return Err(Refusal::CompanyNotActive.into());
        }
        if !party.capacities.has(capacity) {
            return Err(Refusal::CapacityMissing.into());
        }
        Ok(party)
    }

    /// The amount that one person may still do alone today, if the company allows anything alone.
    fn solo_room(&mut self, party: PartyId, currency: &str) -> Step<Option<i64>> {
        let Some(limit) = self.solo_limit(party, currency)? else { return Ok(None) };
        let alone_minor = if limit.day_minor.is_some() { self.alone_minor(party, currency)? } else { 0 };
        Ok(Some(limit.room_minor(alone_minor)))
    }
}

/// A view on a connection for reading: check pages, quotes and trial runs decide on it.
pub struct Reader<'a> {
    conn: &'a mut Conn,
    now: NaiveDateTime,
    heads: Heads,
}

impl<'a> Reader<'a> {
    pub fn open(conn: &'a mut Conn, now: NaiveDateTime) -> Result<Self, StoreError> {
        let heads = store::records::load_heads(conn)?;
        Ok(Self { conn, now, heads })
    }
}

impl View for Reader<'_> {
    fn conn(&mut self) -> &mut Conn {
        self.conn
    }
    fn now(&self) -> NaiveDateTime {
        self.now
    }
    fn heads(&self) -> &Heads {
        &self.heads
    }
    fn find_party(&mut self, id: PartyId) -> Result<Option<Arc<Party>>, StoreError> {
        Ok(Party::find(self.conn, id)?.map(Arc::new))
    }
    fn find_offer(&mut self, id: OfferId) -> Result<Option<Offer>, StoreError> {
        Offer::find(self.conn, id)
    }
    fn find_receivable(&mut self, id: ReceivableId) -> Result<Option<Receivable>, StoreError> {
        Receivable::find(self.conn, id)
    }
    fn find_buyer_limit(&mut self, financier: PartyId, buyer: PartyId, currency: &str) -> Result<Option<BuyerLimit>, StoreError> {
        store::market::find_buyer_limit(self.conn, financier, buyer, currency)
    }
    fn balance(&mut self, key: AccountKey) -> Result<(i64, i64), StoreError> {
        let rows = journal::list_accounts(self.conn, &[key])?;
        let account: Option<Account> = rows.first().map(journal::account_of).transpose()?;
        Ok(account.map_or((0, 0), |account| (account.balance, account.available())))
    }
    fn hold_remaining(&mut self, hold: HoldNumber) -> Result<i64, StoreError> {
        Ok(journal::list_holds(self.conn, &[hold.0])?.first().map_or(0, |hold| hold.remaining))
    }
    fn solo_limit(&mut self, party: PartyId, currency: &str) -> Result<Option<SoloLimit>, StoreError> {
        let found = store::parties::find_approval_limit(self.conn, party, currency)?;
        Ok(found.map(|row| SoloLimit { act_minor: row.limit_minor, day_minor: row.day_minor }))
    }
    fn alone_minor(&mut self, party: PartyId, currency: &str) -> Result<i64, StoreError> {
        let today = self.heads.business_date;
        let acts = store::parties::list_solo_acts(self.conn, party)?;
        let own = acts.into_iter().find(|acts| acts.currency == currency && acts.day == today);
        Ok(own.map_or(0, |acts| acts.sum_minor))
    }
}
