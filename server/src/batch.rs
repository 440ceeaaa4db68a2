//! One running batch: the data that its commands have read, posted and changed so far, written in bulk at the end.

use crate::view::View;
use chrono::{NaiveDate, NaiveDateTime};
use domain::Refusal;
use domain::chart::{AccountKey, AccountKind, Posting};
use domain::party::SoloLimit;
use kernel::{AuditSeq, BuyerLimitId, HoldNumber, Id, OfferId, PartyId, ReceivableId, RecordId, SoloActsId, UserId};
use ledger::{Account, AccountId, Book, Entry, TransferNumber, Verdict};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use store::bulk::BulkUpdate;
use store::journal::{self, BookingFacts, NewAccount};
use store::log::LogWriter;
use store::records::{Keyed, Record};
use store::{
    AuditRecord, BuyerLimit, Conn, Document, FeeBill, Heads, Notice, Offer, Party, Purchase, Receivable, SoloActs, StoreError,
};

/// Why a command did not happen.
#[derive(Debug)]
pub enum Stop {
    Refused(Refusal),
    Failed(StoreError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

pub type Step<T> = Result<T, Stop>;

/// Records that hot commands read by the hundred: loaded once, changed in memory, written once.
#[derive(Debug)]
pub struct Cached<T: Keyed> {
    pub rows: HashMap<T::Id, T>,
    pub changed: BTreeSet<T::Id>,
}

impl<T: Keyed> Default for Cached<T> {
    fn default() -> Self {
        Self { rows: HashMap::new(), changed: BTreeSet::new() }
    }
}

impl<T: BulkUpdate + Clone> Cached<T> {
    pub fn prefetch(&mut self, conn: &mut Conn, ids: &[T::Id], id_of: impl Fn(&T) -> T::Id) -> Result<(), StoreError> {
        let missing: Vec<T::Id> = ids.iter().copied().filter(|id| !self.rows.contains_key(id)).collect();
        for row in T::list_ids(conn, &missing)? {
            self.rows.insert(id_of(&row), row);
        }
        Ok(())
    }

    fn flush(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        let changed = std::mem::take(&mut self.changed);
        let rows: Vec<&T> = changed.iter().filter_map(|id| self.rows.get(id)).collect();
        T::update_all(&rows, conn)
    }
}

/// Records that hot commands read. Only hot commands change them here. A command that works by SQL starts with an empty set and
/// leaves one, so the set always matches the database.
#[derive(Debug, Default)]
pub struct Records {
    pub parties: HashMap<PartyId, Arc<Party>>,
    pub offers: Cached<Offer>,
    pub receivables: Cached<Receivable>,
    pub buyer_limits: Cached<BuyerLimit>,
    /// Of (financier, buyer, currency).
    pub limit_ids: HashMap<(PartyId, PartyId, String), BuyerLimitId>,
    pub solo_limits: HashMap<(PartyId, String), SoloLimit>,
    /// Amounts that people of companies with a daily limit have done alone on the day.
    pub solo_acts: Cached<SoloActs>,
    /// Of (company, currency); of all currencies once the company is in `solo_parties`.
    pub solo_ids: HashMap<(PartyId, String), SoloActsId>,
    pub solo_parties: HashSet<PartyId>,
    /// Companies whose limits of both kinds are all loaded: a limit that is not loaded does not exist.
    pub limits_of: HashSet<PartyId>,
}

/// The writer's memory of the batch before. It is valid while no other writer has written since; the heads show that. Every
/// change to an account or a record kept here leaves an audit record.
#[derive(Debug, Default)]
pub struct Memory {
    heads: Option<Heads>,
    book: Book,
    accounts: HashMap<AccountKey, AccountId>,
    records: Records,
}

/// Accounts that are remembered; with more of them the next batch starts afresh.
const REMEMBERED: usize = 50_000;

pub struct Batch<'a> {
    pub conn: &'a mut Conn,
    pub now: NaiveDateTime,
    pub heads: Heads,
    heads_changed: bool,
    log: LogWriter,
    book: Book,
    accounts: HashMap<AccountKey, AccountId>,
    pub records: Records,
    new_accounts: Vec<NewAccount>,
    facts: Vec<BookingFacts>,
    /// Value date of what is posted next; the business date unless a bank says otherwise.
    pub value_date: NaiveDate,
    pub audit: Vec<AuditRecord>,
    notices: Vec<Notice>,
    pub purchases: Vec<Purchase>,
    /// Fees of purchases that buyers bear.
    pub fee_bills: Vec<FeeBill>,
    /// Transfers of the command that runs now: (first, last), zero when it posted nothing.
    posted: (i64, i64),
    /// The command that runs now has changed something: it may no longer refuse.
    pub wrote: bool,
    /// Digests of the records that the running command has written, by their names.
    marks: BTreeMap<String, String>,
}

impl<'a> Batch<'a> {
    pub fn open(conn: &'a mut Conn, now: NaiveDateTime, memory: Memory) -> Result<Self, StoreError> {
        let heads = store::records::load_heads(conn)?;
        let current = memory.heads.as_ref() == Some(&heads) && memory.accounts.len() <= REMEMBERED;
        let memory =
            if current { memory } else { Memory { book: Book::after(TransferNumber(heads.last_transfer)), ..Memory::default() } };
        Ok(Self {
            conn,
            now,
            book: memory.book,
            accounts: memory.accounts,
            records: memory.records,
            value_date: heads.business_date,
            log: LogWriter::open(&heads)?,
            heads,
            heads_changed: false,
            new_accounts: Vec::new(),
            facts: Vec::new(),
            audit: Vec::new(),
            notices: Vec::new(),
            purchases: Vec::new(),
            fee_bills: Vec::new(),
            posted: (0, 0),
            wrote: false,
            marks: BTreeMap::new(),
        })
    }

    /// The state from which the next batch may start, once this one is committed.
    #[must_use]
    pub fn into_memory(self) -> Memory {
        Memory { heads: Some(self.heads), book: self.book, accounts: self.accounts, records: self.records }
    }

    pub fn set_business_date(&mut self, date: NaiveDate) {
        self.heads.business_date = date;
        self.heads_changed = true;
        self.wrote = true;
    }

    pub fn found(&mut self, business_date: NaiveDate, custody_iban: &str) {
        self.heads.custody_iban = custody_iban.to_owned();
        self.set_business_date(business_date);
    }

    /// The next id; ids are one sequence for all kinds of records.
    pub fn next_id<I: Id>(&mut self) -> I {
        self.heads_changed = true;
        self.heads.next_id = self.heads.next_id.saturating_add(1);
        I::from(self.heads.next_id)
    }

    /// The sequence number that the running command's audit record will have.
    #[must_use]
    pub fn audit_seq(&self) -> AuditSeq {
        AuditSeq(self.heads.last_audit.saturating_add(1))
    }

    pub fn begin_command(&mut self) {
        self.posted = (0, 0);
        self.value_date = self.heads.business_date;
        self.wrote = false;
        self.marks.clear();
        self.log.begin_command();
    }

    /// Notes the record's present content for the audit. Code that writes a record without `insert` or `update` must call this.
    pub fn mark<T: Record>(&mut self, row: &T) {
        if let Some(mark) = row.mark() {
            let digest = mark.digest();
            self.marks.insert(mark.name, digest);
        }
    }

    pub fn take_marks(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.marks)
    }

    #[must_use]
    pub fn posted(&self) -> (i64, i64) {
        self.posted
    }

    pub fn append_audit(&mut self, record: AuditRecord) {
        self.heads_changed = true;
        self.heads.last_audit = record.seq.0;
        self.log.append(&record);
        self.audit.push(record);
    }

    /// Writes all pending changes, set by set, so that SQL can read them.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        let changes = self.book.take_changes();
        let facts = std::mem::take(&mut self.facts);
        let new = std::mem::take(&mut self.new_accounts);
        if !changes.accounts.is_empty() {
            journal::flush(self.conn, &changes, &facts, &new)?;
            self.heads.last_transfer = self.book.last().0;
            self.heads_changed = true;
        }
        self.records.offers.flush(self.conn)?;
        self.records.receivables.flush(self.conn)?;
        self.records.buyer_limits.flush(self.conn)?;
        self.records.solo_acts.flush(self.conn)?;
        store::holding_costs::add(self.conn, &self.purchases)?;
        Record::insert_all(&std::mem::take(&mut self.purchases), self.conn)?;
        Record::insert_all(&std::mem::take(&mut self.fee_bills), self.conn)?;
        Record::insert_all(&std::mem::take(&mut self.notices), self.conn)?;
        Record::insert_all(&std::mem::take(&mut self.audit), self.conn)?;
        self.log.flush(self.conn, &mut self.heads)?;
        if std::mem::take(&mut self.heads_changed) {
            store::records::save_heads(self.conn, &self.heads)?;
        }
        Ok(())
    }

    /// Writes out and forgets the records that hot commands keep in memory, around a command that works by SQL.
    pub fn settle_for_sql(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        self.records = Records::default();
        Ok(())
    }

    /// Loads the accounts that are not in the book yet, in one query for all of them.
    pub fn prefetch_accounts(&mut self, keys: &[AccountKey]) -> Result<(), StoreError> {
        let mut missing: Vec<AccountKey> = keys.iter().copied().filter(|key| !self.accounts.contains_key(key)).collect();
        missing.sort_unstable();
        missing.dedup();
        for row in journal::list_accounts(self.conn, &missing)? {
            self.accounts.insert(journal::key_of(&row)?, AccountId(row.id));
            self.book.load_account(journal::account_of(&row)?);
        }
        Ok(())
    }

    pub fn prefetch_holds(&mut self, holds: &[HoldNumber]) -> Result<(), StoreError> {
        let missing: Vec<i64> =
            holds.iter().filter(|number| self.book.hold((**number).into()).is_none()).map(|number| number.0).collect();
        for hold in journal::list_holds(self.conn, &missing)? {
            self.book.load_hold(hold);
        }
        Ok(())
    }

    /// Opens `issued` of an asset with the most that may ever be issued of it.
    pub fn open_issued(&mut self, key: AccountKey, ceiling: i64) {
        self.open_account(key, Some(ceiling));
    }

    fn open_account(&mut self, key: AccountKey, ceiling: Option<i64>) -> AccountId {
        let id = AccountId(self.next_id::<RecordId>().0);
        self.book.open_account(Account::new(id, key.asset, key.kind.side(), key.kind.floor()));
        self.accounts.insert(key, id);
        self.new_accounts.push(NewAccount { id, key, ceiling });
        id
    }

    fn account_id(&mut self, key: AccountKey) -> AccountId {
        match self.accounts.get(&key) {
            Some(id) => *id,
            None => self.open_account(key, None),
        }
    }

    /// Posts a recipe as one linked set and returns its first and last transfer number.
    pub fn post(&mut self, recipe: &[Posting]) -> Step<(TransferNumber, TransferNumber)> {
        let mut keys = Vec::with_capacity(recipe.len().saturating_mul(2));
        let mut holds: Vec<HoldNumber> = Vec::new();
        for posting in recipe {
            match posting {
                Posting::Move { debit, credit, .. } => keys.extend([*debit, *credit]),
                Posting::Hold { account, .. } => keys.push(*account),
                Posting::PostHold { hold, credit, .. } => {
                    keys.push(*credit);
                    holds.push((*hold).into());
                }
                Posting::VoidHold { hold, .. } => holds.push((*hold).into()),
            }
        }
        self.prefetch_accounts(&keys)?;
        self.prefetch_holds(&holds)?;
        self.prefetch_hold_accounts(&holds)?;
        let mut entries = Vec::with_capacity(recipe.len());
        for posting in recipe {
            entries.push(match *posting {
                Posting::Move { debit, credit, amount, booking } => {
                    Entry::Post { debit: self.account_id(debit), credit: self.account_id(credit), amount, code: booking.code() }
                }
                Posting::Hold { account, amount, expires_at, booking } => {
                    Entry::Hold { account: self.account_id(account), amount, expires_at, code: booking.code() }
                }
                Posting::PostHold { hold, credit, amount, booking } => {
                    Entry::PostHold { hold, credit: self.account_id(credit), amount, code: booking.code() }
                }
                Posting::VoidHold { hold, booking } => Entry::VoidHold { hold, code: booking.code() },
            });
        }
        let facts = BookingFacts {
            command: self.heads.last_audit.saturating_add(1),
            value_date: self.value_date,
            business_date: self.heads.business_date,
            booked_at: self.now,
        };
        let ticks = self.now.and_utc().timestamp();
        let applied = self.book.apply(&entries, ticks);
        let (first, last) = match applied {
            Ok(rows) => {
                self.facts.extend(rows.iter().map(|_| facts));
                let named: HashMap<AccountId, AccountKey> =
                    keys.iter().filter_map(|key| self.accounts.get(key).map(|id| (*id, *key))).collect();
                self.log.bind(rows, &facts, |id| named.get(&id).copied());
                let number = |row: Option<&ledger::Transfer>| row.map_or(TransferNumber(0), |row| row.number);
                (number(rows.first()), number(rows.last()))
            }
            Err(rejection) => return Err(self.explain(&rejection)),
        };
        self.wrote = true;
        self.posted = (if self.posted.0 == 0 { first.0 } else { self.posted.0 }, last.0);
        Ok((first, last))
    }

    /// A hold's own account must be in the book before the hold can be posted or freed.
    fn prefetch_hold_accounts(&mut self, holds: &[HoldNumber]) -> Result<(), StoreError> {
        let ids: Vec<i64> = holds
            .iter()
            .filter_map(|number| self.book.hold((*number).into()))
            .filter(|hold| self.book.account(hold.account).is_none())
            .map(|hold| hold.account.0)
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        for row in journal::list_accounts_by_id(self.conn, &ids)? {
            self.accounts.insert(journal::key_of(&row)?, AccountId(row.id));
            self.book.load_account(journal::account_of(&row)?);
        }
        Ok(())
    }

    /// Translates a rejection by the ledger into the rule that people know. Any other rejection means that a rule is missing: the
    /// program is wrong, not the request.
    fn explain(&self, rejection: &ledger::Rejection) -> Stop {
        let blamed = rejection.account.and_then(|id| self.book.account(id));
        let kind =
            rejection.account.and_then(|id| self.accounts.iter().find(|(_, known)| **known == id)).map(|(key, _)| key.kind);
        match (rejection.verdict, kind, blamed) {
            (Verdict::InsufficientFunds, Some(AccountKind::Cash), Some(account)) => {
                Refusal::InsufficientCash { available_minor: account.available() }.into()
            }
            (Verdict::InsufficientFunds, Some(AccountKind::Holding), Some(account)) => {
                Refusal::NotEnoughUnits { available_minor: account.available() }.into()
            }
            (verdict, ..) => StoreError::Corrupt(format!("accounting refused what the rules allowed: {verdict:?}")).into(),
        }
    }

    /// Notifies a company; the mail job turns the notice into one mail for each of its people.
    pub fn notify(&mut self, party_id: PartyId, kind: &str, arguments: &serde_json::Value, link: String) {
        let id = self.next_id();
        self.notices.push(Notice {
            id,
            party_id,
            user_id: None,
            kind: kind.to_owned(),
            arguments: arguments.to_string(),
            link,
            at: self.now,
            mailed: false,
        });
    }

    /// Notifies one person.
    pub fn notify_user(
        &mut self,
        (party_id, user_id): (PartyId, UserId),
        kind: &str,
        arguments: &serde_json::Value,
        link: String,
    ) {
        self.notify(party_id, kind, arguments, link);
        if let Some(notice) = self.notices.last_mut() {
            notice.user_id = Some(user_id);
        }
    }

    /// The amounts that the company's people have done alone in this currency, on the day of the last such act.
    pub fn solo_acts(&mut self, party_id: PartyId, currency: &str) -> Result<Option<&mut SoloActs>, StoreError> {
        if self.records.solo_parties.insert(party_id) {
            for row in store::parties::list_solo_acts(self.conn, party_id)? {
                self.keep_solo_acts(row);
            }
        }
        let id = self.records.solo_ids.get(&(party_id, currency.to_owned()));
        Ok(id.and_then(|id| self.records.solo_acts.rows.get_mut(id)))
    }

    pub fn keep_solo_acts(&mut self, row: SoloActs) {
        self.records.solo_ids.insert((row.party_id, row.currency.clone()), row.id);
        self.records.solo_acts.rows.insert(row.id, row);
    }

    /// Loads all limits of these companies: on their buyers, and above which they want a second person.
    pub fn prefetch_limits(&mut self, parties: &[PartyId]) -> Result<(), StoreError> {
        let missing: Vec<PartyId> = parties.iter().copied().filter(|id| !self.records.limits_of.contains(id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        for row in store::market::list_buyer_limits(self.conn, &missing)? {
            self.records.limit_ids.insert((row.financier_id, row.buyer_id, row.currency.clone()), row.id);
            self.records.buyer_limits.rows.insert(row.id, row);
        }
        for row in store::parties::list_approval_limits(self.conn, &missing)? {
            let limit = SoloLimit { act_minor: row.limit_minor, day_minor: row.day_minor };
            self.records.solo_limits.insert((row.party_id, row.currency), limit);
        }
        self.records.limits_of.extend(missing);
        Ok(())
    }

    /// Keeps an offer that a purchase has changed, to be written with the batch.
    pub fn change_offer(&mut self, offer: Offer) {
        self.wrote = true;
        self.records.offers.changed.insert(offer.id);
        self.records.offers.rows.insert(offer.id, offer);
    }

    /// The same for a receivable, whose change leaves a mark.
    pub fn change_receivable(&mut self, receivable: Receivable) {
        self.wrote = true;
        self.mark(&receivable);
        self.records.receivables.changed.insert(receivable.id);
        self.records.receivables.rows.insert(receivable.id, receivable);
    }

    /// The same for a limit on a buyer.
    pub fn change_limit(&mut self, limit: BuyerLimit) {
        self.wrote = true;
        let of = (limit.financier_id, limit.buyer_id, limit.currency.clone());
        self.records.limit_ids.insert(of, limit.id);
        self.records.buyer_limits.changed.insert(limit.id);
        self.records.buyer_limits.rows.insert(limit.id, limit);
    }

    /// Reads an offer and a company's limits anew when they are next asked for: they were changed by SQL.
    pub fn forget_offer(&mut self, offer: OfferId, financier: PartyId) {
        self.records.offers.rows.remove(&offer);
        self.records.limits_of.remove(&financier);
        self.records.buyer_limits.rows.retain(|_, limit| limit.financier_id != financier);
    }

    /// Keeps a file under its hash; one that is there already stays as it is.
    pub fn keep_document(&mut self, party_id: PartyId, name: &str, media_type: &str, sha256: &str, content: &[u8]) -> Step<()> {
        if store::records::has_document(self.conn, sha256)? {
            return Ok(());
        }
        self.insert(&Document {
            sha256: sha256.to_owned(),
            party_id,
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            content: content.to_owned(),
            created_at: self.now,
        })
    }

    /// Inserts a record of a command that works by SQL.
    pub fn insert<T: Record>(&mut self, row: &T) -> Step<()> {
        self.wrote = true;
        self.mark(row);
        Ok(row.insert(self.conn)?)
    }

    /// Inserts many records of one kind at once.
    pub fn insert_all<T: Record>(&mut self, rows: &[T]) -> Step<()> {
        self.wrote = true;
        rows.iter().for_each(|row| self.mark(row));
        Ok(T::insert_all(rows, self.conn)?)
    }

    /// Changes the columns of many records that change together.
    pub fn update_all<T: BulkUpdate>(&mut self, rows: &[T]) -> Step<()> {
        self.wrote = true;
        rows.iter().for_each(|row| self.mark(row));
        Ok(T::update_all(&rows.iter().collect::<Vec<_>>(), self.conn)?)
    }

    pub fn update<T: Keyed>(&mut self, row: &T) -> Step<()> {
        self.wrote = true;
        self.mark(row);
        Ok(row.update(self.conn)?)
    }
}

impl View for Batch<'_> {
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
        if let Some(known) = self.records.parties.get(&id) {
            return Ok(Some(known.clone()));
        }
        let found = Party::find(self.conn, id)?.map(Arc::new);
        self.records.parties.extend(found.clone().map(|party| (id, party)));
        Ok(found)
    }
    fn find_offer(&mut self, id: OfferId) -> Result<Option<Offer>, StoreError> {
        self.records.offers.prefetch(self.conn, &[id], |row| row.id)?;
        Ok(self.records.offers.rows.get(&id).cloned())
    }
    fn find_receivable(&mut self, id: ReceivableId) -> Result<Option<Receivable>, StoreError> {
        self.records.receivables.prefetch(self.conn, &[id], |row| row.id)?;
        Ok(self.records.receivables.rows.get(&id).cloned())
    }
    fn find_buyer_limit(&mut self, financier: PartyId, buyer: PartyId, currency: &str) -> Result<Option<BuyerLimit>, StoreError> {
        self.prefetch_limits(&[financier])?;
        let id = self.records.limit_ids.get(&(financier, buyer, currency.to_owned()));
        Ok(id.and_then(|id| self.records.buyer_limits.rows.get(id)).cloned())
    }
    fn balance(&mut self, key: AccountKey) -> Result<(i64, i64), StoreError> {
        self.prefetch_accounts(&[key])?;
        let account = self.accounts.get(&key).and_then(|id| self.book.account(*id));
        Ok(account.map_or((0, 0), |account| (account.balance, account.available())))
    }
    fn hold_remaining(&mut self, hold: HoldNumber) -> Result<i64, StoreError> {
        self.prefetch_holds(&[hold])?;
        Ok(self.book.hold(hold.into()).map_or(0, |hold| hold.remaining))
    }
    fn solo_limit(&mut self, party: PartyId, currency: &str) -> Result<Option<SoloLimit>, StoreError> {
        self.prefetch_limits(&[party])?;
        Ok(self.records.solo_limits.get(&(party, currency.to_owned())).copied())
    }
    fn alone_minor(&mut self, party: PartyId, currency: &str) -> Result<i64, StoreError> {
        let today = self.heads.business_date;
        let acts = self.solo_acts(party, currency)?;
        Ok(acts.filter(|acts| acts.day == today).map_or(0, |acts| acts.sum_minor))
    }
}
