//! The chained journal: loading accounts and holds into a book, flushing a batch's changes, and reading statements and balances
//! "as of" by the links.

use crate::bulk::all_touched;
use crate::query::{self, Bind};
use crate::records::Record;
use crate::table::table;
use crate::{AuditRecord, Conn, Result, StoreError};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, SmallInt};
use domain::chart::{AccountKey, AccountKind, Booking};
use kernel::{PartyId, RecordId};
use ledger::{Account, AccountId, AssetId, Chain, Changes, Hold, HoldState, Kind, Leg, Side, TransferNumber};
use std::collections::HashMap;

table! {
    ledger_accounts: AccountRow (id) {
        id: i64 => BigInt,
        kind: AccountKind => Text,
        owner_id: RecordId => BigInt,
        asset_id: i64 => BigInt,
        balance: i64 => BigInt,
        held: i64 => BigInt,
        ceiling: Option<i64> => Nullable<BigInt>,
        last_transfer: i64 => BigInt,
        chain: Vec<u8> => Binary,
    }
}

table! {
    holds: HoldRow (number) {
        number: i64 => BigInt,
        account_id: i64 => BigInt,
        remaining: i64 => BigInt,
        expires_at: Option<i64> => Nullable<BigInt>,
        state: String => Text,
    }
}

table! {
    transfers: TransferRow (number) {
        number: i64 => BigInt,
        kind: i16 => SmallInt,
        code: i16 => SmallInt,
        asset_id: i64 => BigInt,
        amount: i64 => BigInt,
        debit_account: i64 => BigInt,
        debit_balance: i64 => BigInt,
        debit_held: i64 => BigInt,
        debit_previous: i64 => BigInt,
        debit_jump: i64 => BigInt,
        credit_account: Option<i64> => Nullable<BigInt>,
        credit_balance: Option<i64> => Nullable<BigInt>,
        credit_held: Option<i64> => Nullable<BigInt>,
        credit_previous: Option<i64> => Nullable<BigInt>,
        credit_jump: Option<i64> => Nullable<BigInt>,
        hold: Option<i64> => Nullable<BigInt>,
        command: i64 => BigInt,
        value_date: NaiveDate => Date,
        business_date: NaiveDate => Date,
        booked_at: NaiveDateTime => Timestamp,
    }
}

/// The facts that the journal notes about every transfer of a command.
#[derive(Clone, Copy, Debug)]
pub struct BookingFacts {
    /// The audit record that the transfers belong to.
    pub command: i64,
    pub value_date: NaiveDate,
    pub business_date: NaiveDate,
    pub booked_at: NaiveDateTime,
}

/// A new account's identity, which the ledger itself does not know.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub id: AccountId,
    pub key: AccountKey,
    /// For `issued`: the most that may ever be issued.
    pub ceiling: Option<i64>,
}

/// The account's identity in its row.
pub fn key_of(row: &AccountRow) -> Result<AccountKey> {
    let kind = row.kind;
    Ok(AccountKey { kind, owner: row.owner_id, asset: AssetId(row.asset_id) })
}

/// A stored account as the ledger sees it.
pub fn account_of(row: &AccountRow) -> Result<Account> {
    let key = key_of(row)?;
    let chain = Chain::from_bytes(&row.chain).map_err(|_| StoreError::Corrupt(format!("chain of account {}", row.id)))?;
    let mut account = Account::new(AccountId(row.id), key.asset, key.kind.side(), key.kind.floor());
    (account.balance, account.held, account.chain) = (row.balance, row.held, chain);
    Ok(account)
}

/// The stored accounts among `keys`, in one statement with one value however many they are.
pub fn list_accounts(conn: &mut Conn, keys: &[AccountKey]) -> Result<Vec<AccountRow>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (list, binds) = match conn {
        Conn::Sqlite(_) => {
            let wanted: Vec<serde_json::Value> =
                keys.iter().map(|key| serde_json::json!({ "s": key.asset.0, "k": key.kind.name(), "o": key.owner })).collect();
            let list = "(SELECT json_extract(value, '$.s') AS s, json_extract(value, '$.k') AS k, json_extract(value, '$.o') AS o \
                        FROM json_each(?)) w";
            (list, vec![serde_json::Value::from(wanted).to_string().into()])
        }
        Conn::Postgres(_) => {
            let assets = keys.iter().map(|key| key.asset.0).collect();
            let kinds = keys.iter().map(|key| key.kind.name().to_owned()).collect();
            let owners = keys.iter().map(|key| key.owner.0).collect();
            ("UNNEST(?, ?, ?) AS w (s, k, o)", vec![Bind::Ints(assets), Bind::Texts(kinds), Bind::Ints(owners)])
        }
    };
    let sql = query::look_up(conn, list, "ledger_accounts a", "a.asset_id = w.s AND a.kind = w.k AND a.owner_id = w.o");
    query::list(conn, &sql, &binds)
}

/// The stored accounts with these ids, in one statement with one value however many they are.
pub fn list_accounts_by_id(conn: &mut Conn, ids: &[i64]) -> Result<Vec<AccountRow>> {
    let (condition, list) = query::among_numbers(conn, "id", ids);
    query::list(conn, &format!("SELECT * FROM ledger_accounts WHERE {condition}"), &[list])
}

/// All stored accounts, by asset, kind and owner.
pub fn list_all_accounts(conn: &mut Conn) -> Result<Vec<AccountRow>> {
    let order = (ledger_accounts::asset_id, ledger_accounts::kind, ledger_accounts::owner_id);
    Ok(ledger_accounts::table.filter(ledger_accounts::id.gt(0)).order(order).load(conn)?)
}

/// Companies that hold units of an asset, by their ids.
pub fn list_holders(conn: &mut Conn, asset: AssetId) -> Result<Vec<PartyId>> {
    let holdings = ledger_accounts::table
        .filter(ledger_accounts::asset_id.eq(asset.0))
        .filter(ledger_accounts::kind.eq(AccountKind::Holding))
        .filter(ledger_accounts::balance.gt(0));
    let owners: Vec<RecordId> = holdings.order(ledger_accounts::owner_id).select(ledger_accounts::owner_id).load(conn)?;
    Ok(owners.into_iter().map(|owner| PartyId(owner.0)).collect())
}

/// At most `most` transfers after this number, in the order of the journal.
pub fn list_transfers_after(conn: &mut Conn, number: i64, most: i64) -> Result<Vec<TransferRow>> {
    Ok(transfers::table.filter(transfers::number.gt(number)).order(transfers::number).limit(most).load(conn)?)
}

/// The transfers that belong to an audit record, in the order of the journal.
pub fn list_transfers_of(conn: &mut Conn, record: &AuditRecord) -> Result<Vec<TransferRow>> {
    let span = transfers::number.between(record.first_transfer, record.last_transfer);
    Ok(transfers::table.filter(transfers::number.gt(0)).filter(span).order(transfers::number).load(conn)?)
}

/// Those of them that are of one kind of booking.
pub fn list_booked(conn: &mut Conn, record: &AuditRecord, booking: Booking) -> Result<Vec<TransferRow>> {
    let span = transfers::number.between(record.first_transfer, record.last_transfer);
    let booked = transfers::table.filter(span).filter(transfers::code.eq(booking.code().0));
    Ok(booked.order(transfers::number).load(conn)?)
}

fn hold_state_name(state: HoldState) -> &'static str {
    match state {
        HoldState::Open => "open",
        HoldState::Posted => "posted",
        HoldState::Voided => "voided",
        HoldState::Expired => "expired",
    }
}

#[derive(diesel::QueryableByName)]
#[diesel(table_name = holds)]
struct StoredHold {
    number: i64,
    account_id: i64,
    remaining: i64,
    expires_at: Option<i64>,
    state: String,
}

pub fn list_holds(conn: &mut Conn, numbers: &[i64]) -> Result<Vec<Hold>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let (condition, list) = query::among_numbers(conn, "number", numbers);
    let mut found = Vec::with_capacity(numbers.len());
    for row in query::list::<StoredHold>(conn, &format!("SELECT * FROM holds WHERE {condition}"), &[list])? {
        let state = [HoldState::Open, HoldState::Posted, HoldState::Voided, HoldState::Expired]
            .into_iter()
            .find(|state| hold_state_name(*state) == row.state)
            .ok_or_else(|| StoreError::Corrupt(format!("state of hold {}", row.number)))?;
        let (number, account) = (TransferNumber(row.number), AccountId(row.account_id));
        found.push(Hold { number, account, remaining: row.remaining, expires_at: row.expires_at, state });
    }
    Ok(found)
}

/// The stored number of a transfer's kind.
#[must_use]
pub fn kind_number(kind: Kind) -> i16 {
    match kind {
        Kind::Post => 1,
        Kind::Hold => 2,
        Kind::PostHold => 3,
        Kind::VoidHold => 4,
        Kind::ExpireHold => 5,
    }
}

/// Writes a batch's ledger changes: new accounts, transfers, balances, holds. The number of statements does
/// not depend on the number of rows on PostgreSQL; on SQLite each is prepared once.
pub fn flush(conn: &mut Conn, changes: &Changes, facts: &[BookingFacts], new: &[NewAccount]) -> Result<()> {
    let new: HashMap<AccountId, &NewAccount> = new.iter().map(|account| (account.id, account)).collect();
    let (opened, changed): (Vec<&Account>, Vec<&Account>) =
        changes.accounts.iter().partition(|account| new.contains_key(&account.id));
    // A new account is written once, as it is at the batch's end.
    let opened: Vec<AccountRow> =
        opened.iter().filter_map(|account| new.get(&account.id).map(|new| row_of_new(new, account))).collect();
    all_touched(opened.len(), new.len(), "new ledger_accounts")?;
    Record::insert_all(&opened, conn)?;
    insert_transfers(conn, changes, facts)?;
    update_accounts(conn, &changed)?;
    save_holds(conn, changes)
}

fn row_of_new(new: &NewAccount, account: &Account) -> AccountRow {
    AccountRow {
        id: new.id.0,
        kind: new.key.kind,
        owner_id: new.key.owner,
        asset_id: new.key.asset.0,
        balance: account.balance,
        held: account.held,
        ceiling: new.ceiling,
        last_transfer: account.chain.last().0,
        chain: account.chain.to_bytes(),
    }
}

fn row_of(transfer: &ledger::Transfer, facts: &BookingFacts) -> TransferRow {
    let credit = |part: fn(&Leg) -> i64| transfer.credit.as_ref().map(part);
    TransferRow {
        number: transfer.number.0,
        kind: kind_number(transfer.kind),
        code: transfer.code.0,
        asset_id: transfer.asset.0,
        amount: transfer.amount,
        debit_account: transfer.debit.account.0,
        debit_balance: transfer.debit.balance_after,
        debit_held: transfer.debit.held_after,
        debit_previous: transfer.debit.previous.0,
        debit_jump: transfer.debit.jump.0,
        credit_account: credit(|leg| leg.account.0),
        credit_balance: credit(|leg| leg.balance_after),
        credit_held: credit(|leg| leg.held_after),
        credit_previous: credit(|leg| leg.previous.0),
        credit_jump: credit(|leg| leg.jump.0),
        hold: transfer.hold.map(|number| number.0),
        command: facts.command,
        value_date: facts.value_date,
        business_date: facts.business_date,
        booked_at: facts.booked_at,
    }
}

fn insert_transfers(conn: &mut Conn, changes: &Changes, facts: &[BookingFacts]) -> Result<()> {
    let rows: Vec<TransferRow> = changes.transfers.iter().zip(facts).map(|(transfer, facts)| row_of(transfer, facts)).collect();
    if rows.len() != changes.transfers.len() {
        return Err(StoreError::Corrupt("a transfer without its booking facts".to_owned()));
    }
    Record::insert_all(&rows, conn)
}

fn update_accounts(conn: &mut Conn, accounts: &[&Account]) -> Result<()> {
    const SQLITE: &str = "UPDATE ledger_accounts SET balance = ?, held = ?, last_transfer = ?, chain = ? WHERE id = ?";
    const POSTGRES: &str = "UPDATE ledger_accounts a SET balance = u.balance, held = u.held, last_transfer = u.last, chain = u.chain \
                            FROM UNNEST(?, ?, ?, ?, ?) AS u (id, balance, held, last, chain) WHERE a.id = u.id";
    if accounts.is_empty() {
        return Ok(());
    }
    let mut touched = 0_usize;
    if matches!(conn, Conn::Sqlite(_)) {
        for account in accounts {
            let (last, chain) = (account.chain.last().0, Bind::Blob(account.chain.to_bytes()));
            let binds = [account.balance.into(), account.held.into(), last.into(), chain, account.id.0.into()];
            touched = touched.saturating_add(query::execute(conn, SQLITE, &binds)?);
        }
    } else {
        let column = |part: fn(&Account) -> i64| Bind::Ints(accounts.iter().map(|account| part(account)).collect());
        let binds = [
            column(|account| account.id.0),
            column(|account| account.balance),
            column(|account| account.held),
            column(|account| account.chain.last().0),
            Bind::Blobs(accounts.iter().map(|account| account.chain.to_bytes()).collect()),
        ];
        touched = query::execute(conn, POSTGRES, &binds)?;
    }
    all_touched(touched, accounts.len(), "ledger_accounts")
}

fn save_holds(conn: &mut Conn, changes: &Changes) -> Result<()> {
    const SQLITE: &str = "INSERT INTO holds (number, account_id, remaining, expires_at, state) VALUES (?, ?, ?, NULLIF(?, 0), ?) \
                          ON CONFLICT (number) DO UPDATE SET remaining = excluded.remaining, state = excluded.state";
    const POSTGRES: &str = "INSERT INTO holds (number, account_id, remaining, expires_at, state) SELECT * FROM UNNEST(?, ?, ?, ?, ?) \
                            ON CONFLICT (number) DO UPDATE SET remaining = excluded.remaining, state = excluded.state";
    let holds = &changes.holds;
    if holds.is_empty() {
        return Ok(());
    }
    if matches!(conn, Conn::Sqlite(_)) {
        for hold in holds {
            let (number, account, state) = (hold.number.0, hold.account.0, hold_state_name(hold.state));
            let expires_at = hold.expires_at.unwrap_or(0);
            query::execute(
                conn,
                SQLITE,
                &[number.into(), account.into(), hold.remaining.into(), expires_at.into(), state.into()],
            )?;
        }
        return Ok(());
    }
    let column = |part: fn(&Hold) -> i64| Bind::Ints(holds.iter().map(part).collect());
    let binds = [
        column(|hold| hold.number.0),
        column(|hold| hold.account.0),
        column(|hold| hold.remaining),
        Bind::MaybeInts(holds.iter().map(|hold| hold.expires_at).collect()),
        Bind::Texts(holds.iter().map(|hold| hold_state_name(hold.state).to_owned()).collect()),
    ];
    query::execute(conn, POSTGRES, &binds)?;
    Ok(())
}

/// One leg of an account as a statement shows it, newest first.
#[derive(Clone, Debug, diesel::QueryableByName)]
pub struct StatementLine {
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    #[diesel(sql_type = SmallInt)]
    pub kind: i16,
    #[diesel(sql_type = SmallInt)]
    pub code: i16,
    #[diesel(sql_type = BigInt)]
    pub amount: i64,
    /// Whether the account was debited.
    #[diesel(sql_type = diesel::sql_types::Bool)]
    pub debited: bool,
    #[diesel(sql_type = BigInt)]
    pub balance_after: i64,
    #[diesel(sql_type = BigInt)]
    pub held_after: i64,
    #[diesel(sql_type = BigInt)]
    pub previous: i64,
    #[diesel(sql_type = BigInt)]
    pub jump: i64,
    #[diesel(sql_type = BigInt)]
    pub command: i64,
    #[diesel(sql_type = BigInt)]
    pub subject_id: RecordId,
    #[diesel(sql_type = diesel::sql_types::Date)]
    pub value_date: NaiveDate,
    #[diesel(sql_type = diesel::sql_types::Date)]
    pub business_date: NaiveDate,
    #[diesel(sql_type = diesel::sql_types::Timestamp)]
    pub booked_at: NaiveDateTime,
}

const LEG_COLUMNS: &str = "t.number, t.kind, t.code, t.amount, \
     CASE WHEN t.debit_account = w.account THEN t.debit_balance ELSE t.credit_balance END AS balance_after, \
     CASE WHEN t.debit_account = w.account THEN t.debit_held ELSE t.credit_held END AS held_after, \
     CASE WHEN t.debit_account = w.account THEN t.debit_previous ELSE t.credit_previous END AS previous, \
     CASE WHEN t.debit_account = w.account THEN t.debit_jump ELSE t.credit_jump END AS jump, \
     t.debit_account = w.account AS debited, t.command, t.value_date, t.business_date, t.booked_at";

/// `size` legs of an account back from leg number `from` (inclusive), in one recursive query along the links. The query follows
/// the links (SQLite keeps the order of a CROSS JOIN). Ordered by number, SQLite would read the whole journal.
pub fn statement_page(conn: &mut Conn, account: i64, from: i64, size: i64) -> Result<Vec<StatementLine>> {
    query::list(conn, &statement_sql(), &[account.into(), from.into(), size.into()])
}

/// See [`statement_page`]; a test asks the database for its plan.
#[must_use]
pub fn statement_sql() -> String {
    format!(
        "WITH RECURSIVE w (account, at, left_over) AS (\
           SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT) \
           UNION ALL \
           SELECT w.account, CASE WHEN t.debit_account = w.account THEN t.debit_previous ELSE t.credit_previous END, w.left_over - 1 \
           FROM w CROSS JOIN transfers t WHERE t.number = w.at AND w.left_over > 1) \
         SELECT {LEG_COLUMNS}, COALESCE(a.subject_id, 0) AS subject_id FROM w CROSS JOIN transfers t \
         LEFT JOIN audit a ON a.seq = t.command WHERE t.number = w.at ORDER BY w.left_over DESC"
    )
}

/// The account's newest leg at or before transfer `bound`, found in O(log n) look-ups by the jump links.
pub fn leg_as_of(conn: &mut Conn, account: i64, newest: i64, bound: i64) -> Result<Option<StatementLine>> {
    let sql = format!(
        "SELECT {LEG_COLUMNS}, CAST(0 AS BIGINT) AS subject_id FROM (SELECT CAST(? AS BIGINT) AS account) w \
         JOIN transfers t ON t.number = ?"
    );
    let mut at = newest;
    while at > 0 {
        let leg: StatementLine = query::find(conn, &sql, &[account.into(), at.into()])?
            .ok_or_else(|| StoreError::Corrupt(format!("transfer {at} is missing")))?;
        if leg.number <= bound {
            return Ok(Some(leg));
        }
        at = if leg.jump > bound { leg.jump } else { leg.previous };
    }
    Ok(None)
}

/// The last transfer booked on or before `date`, or zero; business dates never go back along the journal.
pub fn last_transfer_on(conn: &mut Conn, last: i64, date: NaiveDate) -> Result<i64> {
    let (mut low, mut high) = (0_i64, last);
    while low < high {
        let middle = low.saturating_add(high).saturating_add(1) / 2;
        let sql = "SELECT number AS value FROM transfers WHERE number = ? AND business_date <= ?";
        if query::int(conn, sql, &[middle.into(), date.into()])?.is_some() {
            low = middle;
        } else {
            high = middle.saturating_sub(1);
        }
    }
    Ok(low)
}

/// The side on which an account of this kind grows, for showing plus and minus.
#[must_use]
pub fn grows_on_debit(kind: AccountKind) -> bool {
    kind.side() == Side::Debit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(diesel::QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }

    #[test]
    fn a_statement_follows_the_links_and_never_reads_the_journal() {
        let path = std::env::temp_dir().join(format!("kontor-plan-{}.sqlite", std::process::id()));
        let mut conn = crate::connect(&path.display().to_string()).unwrap();
        crate::migrate(&mut conn).unwrap();
        let sql = format!("EXPLAIN QUERY PLAN {}", statement_sql());
        let plan: Vec<Step> = query::list(&mut conn, &sql, &[1.into(), 1.into(), 50.into()]).unwrap();
        let steps: Vec<&str> = plan.iter().map(|step| step.detail.as_str()).collect();
        assert_eq!(steps.iter().filter(|step| step.starts_with("SEARCH t ")).count(), 2, "{steps:?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN t")), "{steps:?}");
        drop(conn);
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", path.display()));
        }
    }
}
