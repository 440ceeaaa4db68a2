//! Of a zip of bank files each member is taken up, or refused by its own name.

use super::import_statement::{ImportStatement, refusal_beside};
use crate::file_reader::FileFault;
use domain::Refusal;
use formats::camt::Statement as CamtStatement;
use serde::{Deserialize, Serialize};
use store::{Conn, Statement, StoreError};
use web::Language;

/// A member that is not taken up, and why: a file fault's code or a refusal's.
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
        if Refusal::CODES.contains(&self.code.as_str()) {
            language.refusal_told(&self.code, arguments, "", None)
        } else {
            language.file_fault(&self.code, &arguments)
        }
    }
}

/// What of a file is taken up.
#[derive(Clone, Debug, Default)]
pub struct Admitted {
    pub statements: Vec<CamtStatement>,
    pub refused: Vec<RefusedMember>,
}

/// What of the file would be taken up now. A file that is no zip is taken up whole or not at all, and so is one of which no member can be.
pub fn admit(conn: &mut Conn, read: &ImportStatement) -> Result<Result<Admitted, Refusal>, StoreError> {
    if read.members.is_empty() {
        let refusal = refusal_beside(conn, &read.statements, &[])?;
        return Ok(refusal.map_or_else(|| Ok(Admitted { statements: read.statements.clone(), refused: Vec::new() }), Err));
    }
    let (mut admitted, mut first) = (Admitted::default(), None);
    let mut left = read.statements.as_slice();
    for member in &read.members {
        let (own, behind) = left.split_at(member.statements.min(left.len()));
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

/// Of all statements of a zip those that were taken up when its first piece was: the kept ones say which.
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
        let kept = |one: &CamtStatement| crate::commands::import_statement::described(one, chrono::NaiveDate::default());
        let all =
            [read("A", "2026-11-23"), read("B", "2026-11-23"), read("A", "2026-11-24"), read("C", ""), read("B", "2026-11-23")];
        // A was here before, and the second B is the first.
        let rows = [kept(&all[1]), kept(&all[2]), kept(&all[3])];
        assert_eq!(taken_up(&rows, all.to_vec()), [all[1].clone(), all[2].clone(), all[3].clone()]);
    }
}
