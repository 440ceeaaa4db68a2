//! The records as they are against the marks that their commands have left in the audit.

use super::{Finding, finding};
use crate::marks::SECOND;
use crate::query;
use crate::records::{Keyed, MarkPage, Record};
use crate::{AuditRecord, CustodyAccount, Heads, LateClaim};
use crate::{Conn, Result};
use kernel::{AuditSeq, ReceivableId};
use std::collections::{HashMap, HashSet};

#[derive(diesel::QueryableByName)]
struct Paid {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    receivable: ReceivableId,
}

/// The last mark of every record, and the command that left it.
#[derive(Default)]
pub(super) struct Marks {
    last: HashMap<String, (String, i64)>,
    /// The audit has marks from its first record on: no command has written a row without one.
    whole: bool,
    /// Receivables with a mark on at least one of their late claims.
    claims: HashSet<i64>,
    /// The last transfer before late claims left marks. The first mark of a late claim ends that time, or the first mark of the
    /// second version, which came later.
    before_claims: Option<i64>,
    last_transfer: i64,
    /// Receivables that had been paid by then; read at the first question.
    paid_before: Option<HashSet<i64>>,
    /// The values from the founding and the ends of days: the custody account and the business date.
    custody: Option<String>,
    business_date: Option<String>,
}

impl Marks {
    pub(super) fn read(&mut self, record: &AuditRecord) {
        let outcome: serde_json::Value = serde_json::from_str(&record.outcome).unwrap_or_default();
        let said = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        if ["found_platform", "close_day"].contains(&record.command.as_str()) {
            self.business_date = outcome.pointer("/body/business_date").and_then(said).or(self.business_date.take());
        }
        if record.command == "found_platform" {
            let input: serde_json::Value = serde_json::from_str(&record.input).unwrap_or_default();
            self.custody = input.get("custody_iban").and_then(said);
        }
        let before = self.last_transfer;
        self.last_transfer = before.max(record.last_transfer);
        let Some(wrote) = outcome.get("wrote").and_then(serde_json::Value::as_object) else { return };
        self.whole |= record.seq == AuditSeq(1);
        for (name, digest) in wrote {
            let digest = digest.as_str().unwrap_or_default().to_owned();
            let claim: Option<i64> = name.strip_prefix("late_claims/").and_then(|key| key.split('/').next()?.parse().ok());
            if claim.is_some() || digest.starts_with(SECOND) {
                self.before_claims.get_or_insert(before);
            }
            self.claims.extend(claim);
            self.last.insert(name.clone(), (digest, record.seq.0));
        }
    }

    /// Whether the platform's own account and day are those of the audit: all payers pay to that account.
    pub(super) fn check_heads(&self, heads: &Heads) -> Option<Finding> {
        let differs = |known: &Option<String>, now: &str| known.as_ref().is_some_and(|known| known != now);
        if differs(&self.custody, &heads.custody_iban) {
            return finding("heads 1".to_owned(), "its custody account is not the one that the platform was founded with");
        }
        if differs(&self.business_date, &heads.business_date.to_string()) {
            return finding("heads 1".to_owned(), "its business date is not the one that the last end of day has led to");
        }
        None
    }

    /// Whether it is a late claim from before they left marks. By the journal, its receivable had been paid by then. Also, no
    /// claim of that receivable has a mark, or this claim is paid.
    fn is_older_claim(&mut self, conn: &mut Conn, name: &str) -> Result<bool> {
        let Some(key) = name.strip_prefix("late_claims/").and_then(|key| key.split_once('/')) else { return Ok(false) };
        let (Ok(receivable), Ok(party)) = (key.0.parse::<i64>(), key.1.parse::<i64>()) else { return Ok(false) };
        if self.paid_before.is_none() {
            // A claim is written when its receivable is paid.
            let paid = "SELECT DISTINCT d.owner_id AS receivable FROM transfers t JOIN ledger_accounts d ON d.id = t.debit_account \
                        WHERE d.kind = 'collection' AND t.number <= ?";
            let paid: Vec<Paid> = query::list(conn, paid, &[self.before_claims.unwrap_or(i64::MAX).into()])?;
            self.paid_before = Some(paid.into_iter().map(|paid| paid.receivable.0).collect());
        }
        if !self.paid_before.as_ref().is_some_and(|paid| paid.contains(&receivable)) {
            return Ok(false);
        }
        let known = [receivable.into(), party.into()];
        let claim = LateClaim::find_where(conn, "receivable_id = ? AND party_id = ?", &known)?;
        Ok(!self.claims.contains(&receivable) || claim.is_some_and(|claim| claim.due_minor == claim.paid_minor))
    }

    /// The first row that was changed or added, then the first that is gone.
    pub(super) fn compare(&mut self, conn: &mut Conn) -> Result<Option<Finding>> {
        for table in crate::records::marked() {
            let mut page = MarkPage::default();
            loop {
                let marks = (table.list)(conn, &mut page)?;
                if marks.is_empty() {
                    break;
                }
                for mark in marks {
                    match self.last.remove(&mark.name) {
                        Some((stored, _)) if mark.fits(&stored) => {}
                        Some((_, seq)) => {
                            return Ok(finding(
                                place(&mark.name),
                                format!("it is not what command {seq}, the last to write it, has left"),
                            ));
                        }
                        // A file that no record names does no harm, and files have left marks for a shorter time.
                        None if self.whole
                            && !mark.name.starts_with("documents/")
                            && !self.is_older_claim(conn, &mark.name)?
                            && !is_first_account(conn, &mark.name)? =>
                        {
                            return Ok(finding(place(&mark.name), "no command has written it"));
                        }
                        None => {}
                    }
                }
            }
        }
        let gone = self.last.iter().min_by_key(|(name, (_, seq))| (*seq, (*name).clone()));
        Ok(gone.and_then(|(name, (_, seq))| finding(place(name), format!("it is gone; command {seq} has left it here"))))
    }
}

/// Whether it is the account that the platform was founded with, as the upgrade has taken it over. No command has written it
/// since.
fn is_first_account(conn: &mut Conn, name: &str) -> Result<bool> {
    if name != "custody_accounts/0" {
        return Ok(false);
    }
    let heads = crate::records::load_heads(conn)?;
    let found = CustodyAccount::find(conn, crate::custody::FIRST)?;
    Ok(found.is_some_and(|row| {
        row.iban == heads.custody_iban && row.state == domain::custody::CustodyState::Open && row.currency.is_empty()
    }))
}

/// `payouts/4711` as findings name it: `payouts 4711`.
fn place(name: &str) -> String {
    name.replacen('/', " ", 1)
}
