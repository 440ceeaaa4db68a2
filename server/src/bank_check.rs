//! Preview of a bank's file before anything is booked; the check page and the API show it.

use crate::commands::bank::assign_suspense::Target;
use crate::commands::bank::import_statement::{ImportStatement, account_of, described, join_on, refusal_of};
use crate::commands::bank::import_status::{ImportStatus, effect, find_file};
use crate::commands::bank::line::{Facts, Fate, decide, find_awaited, incoming};
use crate::commands::bank::members::{RefusedMember, admit, admit_reports};
use crate::hash::sha256_hex;
use crate::http::error::Fault;
use domain::bank_line::{Direction, LineKind};
use domain::settlement_instruction::{InstructionEvent, InstructionState, StatusLineState, event_of_status, is_silent_status};
use formats::camt::Statement as CamtStatement;
use formats::pain002::{Scope, StatusReport};
use kernel::{BankLineId, Blank, PaymentFileId, PayoutId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{BankLine, Conn, Payout, Statement};

/// The number of lines and the sum of their amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub count: i64,
    pub minor: i64,
}

impl Sum {
    fn add(&mut self, minor: i64) {
        self.count = self.count.saturating_add(1);
        self.minor = self.minor.saturating_add(minor);
    }
}

/// One statement of the file.
#[derive(Clone, Debug)]
pub struct StatementCheck {
    /// As it would be kept, and how it follows the one before it.
    pub row: Statement,
    /// By direction and currency, of what is booked.
    pub totals: BTreeMap<(Direction, String), Sum>,
    /// By fate, reason and currency, in the order of their words.
    pub fates: BTreeMap<(&'static str, &'static str, String), Sum>,
    pub lines: Vec<LineCheck>,
}

#[derive(Clone, Debug)]
pub struct LineCheck {
    pub line: BankLine,
    pub fate: &'static str,
    pub why: Blank<LineKind>,
    /// The other line about the same money.
    pub twin: Option<BankLineId>,
}

/// The whole file, and a digest of all that was found: another digest means that something has changed.
#[derive(Clone, Debug)]
pub struct FileCheck {
    pub statements: Vec<StatementCheck>,
    /// Members of a zip that are not imported.
    pub refused: Vec<RefusedMember>,
    pub digest: String,
}

/// Previews a file as the import would treat it, with the members of a zip that would be imported.
pub fn file(conn: &mut Conn, read: &ImportStatement) -> Result<FileCheck, Fault> {
    let admitted = admit(conn, read)??;
    let mut check = statements(conn, &admitted.statements)?;
    if !admitted.refused.is_empty() {
        let words: Vec<String> = admitted.refused.iter().map(|member| format!("{} {}", member.name, member.code)).collect();
        check.digest = sha256_hex(format!("{}\n{}", check.digest, words.join("\n")).as_bytes());
        check.refused = admitted.refused;
    }
    Ok(check)
}

/// Previews every line of the file as the import would treat it.
pub fn statements(conn: &mut Conn, read: &[CamtStatement]) -> Result<FileCheck, Fault> {
    let heads = store::records::load_heads(conn)?;
    if let Some(refusal) = refusal_of(conn, read)? {
        return Err(refusal.into());
    }
    let mut found = Vec::with_capacity(read.len());
    for statement in read {
        let mut row = described(statement, heads.business_date);
        row.custody_id = account_of(conn, statement)?.map_or(store::custody::FIRST, |account| account.id);
        join_on(conn, &mut row)?;
        found.push(StatementCheck { row, totals: BTreeMap::new(), fates: BTreeMap::new(), lines: Vec::new() });
    }
    let mut facts = Facts::load(conn, heads.business_date)?;
    // Whether a booking that an earlier statement has brought had the bank's reference there.
    let mut earlier: HashMap<(String, i64), bool> = HashMap::new();
    let (mut running, mut words) = (0, String::new());
    let mut own = Vec::new();
    for mut one in incoming(read) {
        one.line.custody_id = found.get(one.statement).map_or(store::custody::FIRST, |statement| statement.row.custody_id);
        if one.statement != running {
            running = one.statement;
            earlier.extend(own.drain(..));
        }
        let place = (one.line.fingerprint.clone(), one.line.occurrence);
        let mut fate = decide(conn, &facts, &one)?;
        let named = !one.line.bank_reference.is_empty();
        if one.booked && earlier.get(&place).is_some_and(|before| !before || !named) {
            fate = Fate::Skip(LineKind::Duplicate, None);
        }
        facts.use_up(&one.line, &fate);
        let awaited: Vec<BankLineId> = find_awaited(conn, &facts, &one, &fate)?.into_iter().map(|line| line.id).collect();
        facts.entries.close(awaited.iter().copied());
        facts.entries.see(&one, &fate);
        let Some(statement) = found.get_mut(one.statement) else { continue };
        if one.booked {
            let key = (one.line.direction, one.line.currency.clone());
            statement.totals.entry(key).or_default().add(one.line.amount_minor);
            own.push((place, named));
        }
        words.push_str(&format!("{}\n", goes_to(&fate)));
        for piece in fate.pieces(&one.line) {
            // This statement closes the lines that waited for it.
            let twin =
                piece.twin.or_else(|| awaited.first().copied().filter(|_| !["attention", "skipped"].contains(&piece.name)));
            let key = (piece.name, piece.why.name(), piece.line.currency.clone());
            let number = twin.map(|twin| twin.0);
            words.push_str(&format!("{} {} {number:?} {}\n", key.0, key.1, piece.line.amount_minor));
            statement.fates.entry(key).or_default().add(piece.line.amount_minor);
            statement.lines.push(LineCheck { line: piece.line, fate: piece.name, why: piece.why, twin });
        }
    }
    for statement in &found {
        words.push_str(&format!("{} {}\n", statement.row.continuity, statement.row.gap_minor));
    }
    Ok(FileCheck { statements: found, refused: Vec::new(), digest: sha256_hex(words.as_bytes()) })
}

/// The company, receivable or payout that a line's money goes to, as a word of the digest. A waiting request names its digest, so
/// these words never change.
fn goes_to(fate: &Fate) -> String {
    let paid = |payout: &Payout| format!("payout {} of {:?}", payout.id, payout.party_id.map(|party| party.0));
    match fate {
        Fate::Place(Target::Company(id)) => format!("Company({id})"),
        Fate::Place(Target::Receivable(id)) => format!("Receivable({id})"),
        Fate::GiveBack(payout, _) | Fate::ReturnFirst(payout) => paid(payout),
        Fate::Settle(payouts, rest) => {
            format!("{} and {rest}", payouts.iter().map(paid).collect::<Vec<_>>().join(" "))
        }
        Fate::Split(parts) => parts.iter().map(|part| goes_to(&part.fate)).collect::<Vec<_>>().join(" "),
        Fate::Suspense(_, note) => note.clone(),
        Fate::Transfer(account) => format!("custody account {account}"),
        Fate::Arrive(line) => format!("bank line {line}"),
        Fate::Skip(..) | Fate::Wait(..) | Fate::Confirm(_) | Fate::ReturnUnknown(_) => String::new(),
    }
}

/// One report on payments.
#[derive(Clone, Debug)]
pub struct ReportCheck {
    /// The message that it answers.
    pub original: String,
    pub rows: Vec<StatusCheck>,
}

/// All reports of a file, and a digest of all that was found.
#[derive(Clone, Debug)]
pub struct ReportsCheck {
    pub reports: Vec<ReportCheck>,
    /// Members of a zip that are not imported.
    pub refused: Vec<RefusedMember>,
    pub digest: String,
}

/// Previews a file of reports as the import would treat it, one after the other: a rejection in one also holds for the next.
pub fn reports(conn: &mut Conn, read: &ImportStatus) -> Result<ReportsCheck, Fault> {
    let admitted = admit_reports(conn, read)??;
    let mut rejected = BTreeSet::new();
    let mut found = Vec::with_capacity(admitted.reports.len());
    for report in &admitted.reports {
        let rows = statuses(conn, report, &mut rejected)?;
        found.push(ReportCheck { original: report.original_message_id.clone(), rows });
    }
    let mut words: Vec<String> = found.iter().map(|report| digest_of(&report.rows)).collect();
    words.extend(admitted.refused.iter().map(|member| format!("{} {}", member.name, member.code)));
    let digest = match words.as_slice() {
        [one] => one.clone(),
        several => sha256_hex(several.join("\n").as_bytes()),
    };
    Ok(ReportsCheck { reports: found, refused: admitted.refused, digest })
}

/// A digest of what the statuses of a report would do.
fn digest_of(rows: &[StatusCheck]) -> String {
    let words: Vec<String> =
        rows.iter().map(|row| format!("{} {} {} {:?}", row.about, row.code, row.effect, row.frees)).collect();
    sha256_hex(words.join("\n").as_bytes())
}

/// One status of a report and what it would do.
#[derive(Clone, Debug)]
pub struct StatusCheck {
    pub about: String,
    pub code: String,
    pub reason: String,
    pub effect: StatusLineState,
    /// The released sum by currency and amount: of one payout, or of all payouts of a file that can still be rejected.
    pub frees: Option<(String, i64)>,
}

/// Previews the effect of each status in the bank's report. A status of a whole file or block appears as one row. Payouts that
/// earlier reports reject count as rejected here, and this report's rejections join them.
fn statuses(conn: &mut Conn, report: &StatusReport, rejected: &mut BTreeSet<PayoutId>) -> Result<Vec<StatusCheck>, Fault> {
    let by_then = |mut row: Payout| {
        if rejected.contains(&row.id) {
            row.state = InstructionState::Rejected;
        }
        row
    };
    let file = find_file(conn, &report.original_message_id)?;
    let payouts: Vec<Payout> = match file {
        Some(file) => store::bank::list_payouts_of_file(conn, file)?.into_iter().map(by_then).collect(),
        None => Vec::new(),
    };
    let (mut found, mut own) = (Vec::with_capacity(report.statuses.len()), Vec::new());
    for status in &report.statuses {
        let (about, effect, freed) = match &status.scope {
            Scope::Transaction(end_to_end) => {
                // A report about another file says nothing of this one's transfers.
                let row = payouts.iter().find(|row| row.end_to_end == *end_to_end);
                let effect = row.map_or(StatusLineState::Unknown, |row| effect(row, &status.code));
                (end_to_end.clone(), effect, freed(&status.code, row))
            }
            Scope::Payment(id) => (id.clone(), whole(file, &status.code), freed(&status.code, &payouts)),
            Scope::Message => (report.original_message_id.clone(), whole(file, &status.code), freed(&status.code, &payouts)),
        };
        own.extend(freed.iter().map(|row| row.id));
        found.push(StatusCheck {
            about,
            code: status.code.clone(),
            reason: status.reason.clone(),
            effect,
            frees: sum_of(&freed),
        });
    }
    rejected.extend(own);
    Ok(found)
}

/// Those of these payouts that a status frees.
fn freed<'a>(code: &str, payouts: impl IntoIterator<Item = &'a Payout>) -> Vec<&'a Payout> {
    payouts.into_iter().filter(|row| effect(row, code) == StatusLineState::Rejected).collect()
}

/// The sum of the payouts; those of one file are in one currency.
fn sum_of(payouts: &[&Payout]) -> Option<(String, i64)> {
    let first = payouts.first()?;
    Some((first.currency.clone(), payouts.iter().fold(0, |sum: i64, row| sum.saturating_add(row.amount_minor))))
}

/// The effect of a status of a whole file or block.
fn whole(file: Option<PaymentFileId>, code: &str) -> StatusLineState {
    match event_of_status(code) {
        _ if file.is_none() => StatusLineState::Unknown,
        Some(InstructionEvent::Reject) => StatusLineState::Rejected,
        None if !is_silent_status(code) => StatusLineState::CodeUnknown,
        _ => StatusLineState::Noted,
    }
}
