//! Imports a bank's account statement. It matches money to companies and receivables and settles payouts; money without a match
//! waits. The first piece of the file is imported at once, a longer file piece by piece. A file from the bank's own channel needs
//! no agreement; one that a person sends waits for a second operator.

use crate::bank_check;
use crate::batch::{Batch, Step};
use crate::commands::bank::file::{self as bank_file, Place};
use crate::commands::bank::keep_bank_file::KeepBankFile;
use crate::commands::bank::line::{Counts, Facts, Incoming, incoming, take_up};
use crate::commands::bank::members::{Admitted, admit, tell_refused};
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, clean};
use crate::file_reader::BankMember;
use crate::view::View;
use chrono::Days;
use domain::bank_line::{BankFileKind, BankFileState, Continuity};
use domain::chart::{AccountKey, currency_asset};
use domain::{Currency, Refusal};
use formats::camt::Statement as CamtStatement;
use kernel::{StatementId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use store::bank::{self, StatementName};
use store::{BankFile, Conn, CustodyAccount, Statement, StoreError};

/// Lines in one batch: of any kind, they hold the writer for less than a second.
pub const PIECE: usize = 250;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportStatement {
    pub name: String,
    pub sha256: String,
    /// The preview of the file as a digest: two people agree to exactly that effect. Empty for the bank's own file.
    #[serde(default)]
    pub check: String,
    #[serde(skip)]
    pub content: Vec<u8>,
    /// The file as read; a file may hold several statements.
    #[serde(skip)]
    pub statements: Vec<CamtStatement>,
    /// The members of a zip in which the statements stand.
    #[serde(skip)]
    pub members: Vec<BankMember>,
}

/// The admitted part of the file, and where the file is stored.
pub struct Importable {
    admitted: Admitted,
    place: Place,
}

impl Execute for ImportStatement {
    const NAME: &'static str = "import_statement";

    type Decision = Importable;

    /// The file is new, of the platform's own accounts, and fits beside what is there.
    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Importable> {
        let place = Place::find(view, actor, &self.sha256)?;
        if bank::has_statement_of_hash(view.conn(), &self.sha256)? {
            return Err(Refusal::StatementRepeated.into());
        }
        let admitted = admit(view.conn(), self)??;
        check_room(view, &admitted.statements)?;
        if actor.approver_id.is_some() {
            if count_lines(&admitted.statements) <= PIECE {
                let now = bank_check::file(view.conn(), self).map(|check| check.digest);
                bank_file::still_the_same(&self.check, now)?;
            }
            place.check_kept()?;
        }
        Ok(Importable { admitted, place })
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Importable) -> Step<Asks> {
        bank_file::asks(view, actor, &decision.place, (&self.check, credits(&decision.admitted.statements)))
    }

    fn before_request(&self, batch: &mut Batch<'_>, actor: &Actor, ask: &mut Ask, decision: &Importable) -> Applied<()> {
        bank_file::keep_for_request(batch, actor, (&decision.place, &self.kept()), ask)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Importable) -> Applied<Done> {
        let Importable { admitted: Admitted { statements: read, refused }, place } = decision;
        let lines = incoming(&read);
        let mut file = place.keep(batch, actor, &self.kept())?;
        bank_file::end_asked(batch, actor, &file)?;
        file.lines = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        let mut statements = Vec::with_capacity(read.len());
        for (index, statement) in read.iter().enumerate() {
            statements.push(keep_statement(batch, actor, (&file, index), statement)?);
        }
        let counts = go_on(batch, &mut file, &statements, lines.get(..PIECE.min(lines.len())).unwrap_or_default())?;
        let first = statements.first().map_or(StatementId(0), |row| row.id);
        let breaks = statements.iter().filter(|row| row.continuity.is_broken()).count();
        let mut body = json!({
            "statement_id": first, "file_id": file.id, "lines": file.lines, "lines_done": file.lines_done, "breaks": breaks,
        });
        counts.tell(&mut body);
        tell_refused(batch, place.owner, (&self.name, file.id), &refused);
        if let Some(map) = body.as_object_mut().filter(|_| !refused.is_empty()) {
            map.insert("refused".to_owned(), json!(refused));
        }
        Ok(Done::new(first, body))
    }
}

impl ImportStatement {
    fn kept(&self) -> KeepBankFile {
        KeepBankFile {
            name: self.name.clone(),
            sha256: self.sha256.clone(),
            kind: BankFileKind::Statement,
            content: self.content.clone(),
        }
    }
}

/// How many lines [`incoming`] makes of them.
fn count_lines(statements: &[CamtStatement]) -> usize {
    statements.iter().flat_map(|statement| &statement.entries).map(|entry| entry.details.len()).sum()
}

/// The bank's credits, where all of them are in one currency.
fn credits(statements: &[CamtStatement]) -> Option<(String, i64)> {
    let entries = statements.iter().flat_map(|statement| &statement.entries);
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in entries.filter(|entry| entry.booked && entry.credit) {
        let sum = sums.entry(&entry.currency).or_default();
        *sum = sum.saturating_add(entry.amount_minor);
    }
    let (code, minor) = sums.pop_first()?;
    sums.is_empty().then(|| (code.to_owned(), minor))
}

/// Leaves time for days that the operator ends late. A statement that lies further ahead of the business date is refused.
const DAYS_AHEAD: u64 = 7;

/// The platform's account that a statement is of, where it takes statements.
pub fn account_of(conn: &mut Conn, statement: &CamtStatement) -> Result<Option<CustodyAccount>, StoreError> {
    let found = store::custody::find_reported(conn, &statement.iban)?;
    Ok(found.filter(|row| row.state.takes_statements()))
}

/// The reason why a file cannot be imported. It names another account, has a currency that the account does not carry, or repeats
/// statements.
pub fn refusal_of(conn: &mut Conn, statements: &[CamtStatement]) -> Result<Option<Refusal>, StoreError> {
    refusal_beside(conn, statements, &[])
}

/// The same for a part of a file, beside those of its statements that are imported before.
pub(crate) fn refusal_beside(
    conn: &mut Conn,
    statements: &[CamtStatement],
    before: &[CamtStatement],
) -> Result<Option<Refusal>, StoreError> {
    let today = store::records::load_heads(conn)?.business_date;
    let last = today.checked_add_days(Days::new(DAYS_AHEAD));
    let name = |statement: &CamtStatement| {
        (statement.message_id.clone(), statement.statement_id.clone(), described(statement, today).to_date)
    };
    let mut names: BTreeSet<_> = before.iter().map(name).collect();
    for statement in statements {
        let entries = statement.entries.iter().map(|entry| entry.booking_date);
        if let Some(day) = entries.chain(statement.to_date).find(|day| last.is_some_and(|last| *day > last)) {
            return Ok(Some(Refusal::StatementInFuture { day }));
        }
        let to_date = described(statement, today).to_date;
        if !names.insert(name(statement)) {
            return Ok(Some(Refusal::StatementRepeated));
        }
        let Some(account) = account_of(conn, statement)? else {
            return Ok(Some(Refusal::StatementAccountUnknown { account: clean(&statement.iban, 60) }));
        };
        if !statement.currency.is_empty() && !account.carries(&statement.currency) {
            let currency = clean(&statement.currency, 10);
            return Ok(Some(Refusal::CustodyCurrencyOther { account: account.iban, currency }));
        }
        let same = StatementName {
            iban: &statement.iban,
            message: &statement.message_id,
            statement: &statement.statement_id,
            to_date: to_date.unwrap_or(today),
        };
        if bank::has_statement(conn, same)? {
            return Ok(Some(Refusal::StatementRepeated));
        }
    }
    Ok(None)
}

/// Incoming money must fit beside the bank's present balance.
fn check_room(view: &mut dyn View, statements: &[CamtStatement]) -> Step<()> {
    let mut held = BTreeMap::new();
    for statement in statements {
        let account = account_of(view.conn(), statement)?.map_or(store::custody::FIRST, |row| row.id);
        for entry in statement.entries.iter().filter(|entry| entry.credit) {
            let Some(currency) = Currency::parse(&entry.currency) else { continue };
            let key = AccountKey::custody(account, currency_asset(currency));
            let before = match held.get(&key) {
                Some(sum) => *sum,
                None => view.balance(key)?.0,
            };
            let sum = entry.details.iter().try_fold(before, |sum: i64, detail| sum.checked_add(detail.amount_minor));
            held.insert(key, sum.ok_or(Refusal::AmountTooLarge)?);
        }
    }
    Ok(())
}

fn keep_statement(
    batch: &mut Batch<'_>,
    actor: &Actor,
    (file, index): (&BankFile, usize),
    statement: &CamtStatement,
) -> Applied<Statement> {
    let mut row = described(statement, batch.today());
    row.custody_id = account_of(batch.conn, statement)?.map_or(store::custody::FIRST, |account| account.id);
    row.id = batch.next_id();
    // The file's hash marks its first statement, so that the same file is known again.
    row.sha256 = if index == 0 { file.sha256.clone() } else { format!("{}#{index}", file.sha256) };
    row.imported_at = batch.now;
    row.imported_by = actor.user_id;
    row.file_id = Some(file.id);
    join_on(batch.conn, &mut row)?;
    batch.insert(&row)?;
    if let Some(mut next) = find_next(batch.conn, &row)? {
        join_on(batch.conn, &mut next)?;
        batch.update(&next)?;
    }
    Ok(row)
}

/// A statement as it would be kept, without what only keeping it gives.
#[must_use]
pub fn described(statement: &CamtStatement, today: chrono::NaiveDate) -> Statement {
    let booked = || statement.entries.iter().filter(|entry| entry.booked).map(|entry| entry.booking_date);
    Statement {
        id: StatementId(0),
        sha256: String::new(),
        message: statement.message_id.clone(),
        statement: statement.statement_id.clone(),
        iban: statement.iban.clone(),
        currency: statement.currency.clone(),
        opening_minor: statement.opening_minor,
        closing_minor: statement.closing_minor,
        imported_at: chrono::NaiveDateTime::default(),
        imported_by: UserId(0),
        file_id: None,
        from_date: statement.from_date.or_else(|| booked().min()).or(statement.to_date),
        // Its place among the others; a statement that says no day at all is today's.
        to_date: Some(statement.to_date.or_else(|| booked().max()).unwrap_or(today)),
        continuity: Continuity::None,
        gap_minor: 0,
        reason: String::new(),
        custody_id: store::custody::FIRST,
    }
}

/// Compares the opening balance with the closing balance before it. Notifications, and statements within the day, have none.
pub fn join_on(conn: &mut Conn, row: &mut Statement) -> Result<(), StoreError> {
    let (Some(opening), Some(to_date)) = (row.opening_minor, row.to_date) else { return Ok(()) };
    let before = bank::find_statement_before(conn, row, to_date)?;
    let closing = before.as_ref().and_then(|before| before.closing_minor);
    row.gap_minor = closing.map_or(0, |closing| opening.saturating_sub(closing));
    let overlaps = before.and_then(|before| before.to_date).zip(row.from_date).is_some_and(|(last, first)| first <= last);
    row.continuity = match (closing, row.gap_minor) {
        (None, _) => Continuity::First,
        (_, 0) => Continuity::Follows,
        _ if overlaps => Continuity::Overlap,
        _ => Continuity::Gap,
    };
    Ok(())
}

/// The statement after this one, where it has to be compared again: a file that was missing has come.
fn find_next(conn: &mut Conn, row: &Statement) -> Result<Option<Statement>, StoreError> {
    let Some(to_date) = row.to_date.filter(|_| row.closing_minor.is_some()) else { return Ok(None) };
    let next = bank::find_statement_after(conn, row, to_date)?;
    Ok(next.filter(|next| next.continuity != Continuity::Explained))
}

/// Imports some lines of the file and moves its position on.
pub(crate) fn go_on(batch: &mut Batch<'_>, file: &mut BankFile, statements: &[Statement], lines: &[Incoming]) -> Applied<Counts> {
    let mut counts = Counts::default();
    let mut facts = Facts::load(batch.conn, batch.today())?;
    for one in lines {
        let corrupt = || StoreError::Corrupt(format!("statements of bank file {}", file.id));
        let statement = statements.get(one.statement).ok_or_else(corrupt)?;
        take_up(batch, &mut facts, one, statement, &mut counts)?;
    }
    file.lines_done = file.lines_done.saturating_add(i64::try_from(lines.len()).unwrap_or(0));
    file.state = if file.lines_done >= file.lines { BankFileState::Imported } else { BankFileState::Importing };
    batch.update(file)?;
    Ok(counts)
}
