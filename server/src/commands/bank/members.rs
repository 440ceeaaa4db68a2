//! Imports each member of a zip of bank files, or refuses it by its own name.

use crate::batch::Batch;
use crate::commands::bank::import_statement::{ImportStatement, refusal_beside};
use crate::commands::bank::import_status::{ImportStatus, content_digest};
use crate::commands::clean;
use crate::file_reader::FileFault;
use domain::Refusal;
use formats::camt::Statement as CamtStatement;
use formats::pain002::StatusReport as Report;
use kernel::{BankFileId, PartyId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use store::{Conn, Statement, StoreError};
use web::Language;

/// A member that is not imported, with the reason: a file fault's code or a refusal's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedMember {
    pub name: String,
    pub code: String,
    pub arguments: Vec<(String, String)>,
}

impl RefusedMember {
    fn unreadable(name: &str, fault: &FileFault) -> Self {
        Self { name: name.to_owned(), code: fault.code.clone(), arguments: fault.arguments.clone() }
    }

    fn refused(name: &str, refusal: &Refusal) -> Self {
        let arguments = refusal.arguments().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { name: name.to_owned(), code: refusal.code().to_owned(), arguments }
    }

    /// The same in a sentence.
    #[must_use]
    pub fn sentence(&self, language: Language) -> String {
        let arguments: Vec<(&str, String)> = self.arguments.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        if Refusal::ALL.iter().any(|(code, _)| *code == self.code) {
            language.refusal_told(&self.code, arguments, "", None)
        } else {
            language.file_fault(&self.code, &arguments)
        }
    }
}

/// The statements of a file that are imported, and the members that are refused.
#[derive(Clone, Debug, Default)]
pub struct Admitted {
    pub statements: Vec<CamtStatement>,
    pub refused: Vec<RefusedMember>,
}

/// Previews which part of the file would be imported now. A plain file is imported as a whole or not at all. A zip is refused if
/// none of its members can be imported.
pub fn admit(conn: &mut Conn, read: &ImportStatement) -> Result<Result<Admitted, Refusal>, StoreError> {
    if read.members.is_empty() {
        let refusal = refusal_beside(conn, &read.statements, &[])?;
        return Ok(refusal.map_or_else(|| Ok(Admitted { statements: read.statements.clone(), refused: Vec::new() }), Err));
    }
    let (mut admitted, mut first) = (Admitted::default(), None);
    let mut left = read.statements.as_slice();
    for member in &read.members {
        let (own, behind) = left.split_at(member.count.min(left.len()));
        left = behind;
        if let Some(fault) = &member.fault {
            admitted.refused.push(RefusedMember::unreadable(&member.name, fault));
            continue;
        }
        match refusal_beside(conn, own, &admitted.statements)? {
            Some(refusal) => {
                admitted.refused.push(RefusedMember::refused(&member.name, &refusal));
                first.get_or_insert(refusal);
            }
            None => admitted.statements.extend_from_slice(own),
        }
    }
    let nothing = admitted.statements.is_empty();
    Ok(first.filter(|_| nothing).map_or(Ok(admitted), Err))
}

/// The reports of a file that are imported, and the members that are refused.
#[derive(Clone, Debug, Default)]
pub struct AdmittedReports {
    pub reports: Vec<Report>,
    pub refused: Vec<RefusedMember>,
}

/// Previews which reports would be imported now: the new ones. Banks reuse their ids, so a repeat is recognised by its whole
/// content.
pub fn admit_reports(conn: &mut Conn, read: &ImportStatus) -> Result<Result<AdmittedReports, Refusal>, StoreError> {
    let mut seen = BTreeSet::new();
    let mut is_repeat = |conn: &mut Conn, report: &Report| {
        let content = content_digest(report);
        let known = store::bank::has_status_report(conn, &report.message_id, &content)?;
        Ok::<_, StoreError>(!seen.insert(content) || known)
    };
    let mut admitted = AdmittedReports::default();
    if read.members.is_empty() {
        for report in &read.reports {
            if is_repeat(conn, report)? {
                return Ok(Err(Refusal::StatementRepeated));
            }
        }
        admitted.reports.clone_from(&read.reports);
        return Ok(Ok(admitted));
    }
    let mut left = read.reports.as_slice();
    for member in &read.members {
        let (own, behind) = left.split_at(member.count.min(left.len()));
        left = behind;
        if let Some(fault) = &member.fault {
            admitted.refused.push(RefusedMember::unreadable(&member.name, fault));
        }
        for report in own {
            if is_repeat(conn, report)? {
                admitted.refused.push(RefusedMember::refused(&member.name, &Refusal::StatementRepeated));
            } else {
                admitted.reports.push(report.clone());
            }
        }
    }
    let nothing = admitted.reports.is_empty();
    Ok(if nothing { Err(Refusal::StatementRepeated) } else { Ok(admitted) })
}

/// The most members of one zip that operators get a notice about, one for each.
const MOST_TOLD: usize = 20;

/// Notifies the operator's company of the members of a zip that were refused.
pub(crate) fn tell_refused(batch: &mut Batch<'_>, operator: PartyId, (file, id): (&str, BankFileId), refused: &[RefusedMember]) {
    for member in refused.iter().take(MOST_TOLD) {
        let arguments = json!({ "file": clean(file, 120), "name": clean(&member.name, 120) });
        batch.notify(operator, "bank_member_refused", &arguments, format!("/ops/bank-files/{id}"));
    }
}

/// The statements of a zip that were imported with its first piece; the kept statements show which.
#[must_use]
pub fn taken_up(kept: &[Statement], read: Vec<CamtStatement>) -> Vec<CamtStatement> {
    let mut next = kept.iter().peekable();
    let is = |row: &Statement, one: &CamtStatement| {
        let days = one.to_date.is_none() || one.to_date == row.to_date;
        days && (&row.iban, &row.message, &row.statement) == (&one.iban, &one.message_id, &one.statement_id)
    };
    read.into_iter().filter(|one| next.next_if(|row| is(row, one)).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_zip_goes_on_with_what_was_taken_up() {
        let read = |id: &str, day: &str| CamtStatement {
            iban: "DE89".to_owned(),
            message_id: id.to_owned(),
            statement_id: id.to_owned(),
            to_date: day.parse().ok(),
            ..CamtStatement::default()
        };
        let kept = |one: &CamtStatement| crate::commands::bank::import_statement::described(one, chrono::NaiveDate::default());
        let all =
            [read("A", "2026-11-23"), read("B", "2026-11-23"), read("A", "2026-11-24"), read("C", ""), read("B", "2026-11-23")];
        // A was here before, and the second B is the first.
        let rows = [kept(&all[1]), kept(&all[2]), kept(&all[3])];
        assert_eq!(taken_up(&rows, all.to_vec()), [all[1].clone(), all[2].clone(), all[3].clone()]);
    }
}
