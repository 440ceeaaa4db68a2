//! Imports the bank's answer to a payment file. Rejected payouts are released; the others show their progress. A report from the
//! bank's own channel needs no agreement; one that a person sends waits for a second operator.

use crate::bank_check;
use crate::batch::{Batch, Step};
use crate::commands::bank::file::{self as bank_file, Place};
use crate::commands::bank::keep_bank_file::KeepBankFile;
use crate::commands::bank::members::{AdmittedReports, admit_reports, tell_refused};
use crate::commands::bank::payout;
use crate::commands::{Actor, Applied, Ask, Asks, Done, Execute, clean};
use crate::file_reader::BankMember;
use crate::view::View;
use domain::Refusal;
use domain::bank_line::{BankFileKind, BankFileState};
use domain::settlement_instruction::{InstructionEvent, InstructionState, StatusLineState, event_of_status, is_silent_status};
use formats::pain002::{Scope, Status, StatusReport as Report};
use kernel::{PaymentFileId, PayoutId, StatusReportId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use store::records::Keyed;
use store::{Conn, PaymentFile, Payout, StatusLine, StatusReport, StoreError};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportStatus {
    pub name: String,
    pub sha256: String,
    /// The preview of the report as a digest: two people agree to exactly that effect. Empty for the bank's own report.
    #[serde(default)]
    pub check: String,
    #[serde(skip)]
    pub content: Vec<u8>,
    /// The file as read; a zip may hold several reports.
    #[serde(skip)]
    pub reports: Vec<Report>,
    /// The members of a zip in which the reports stand.
    #[serde(skip)]
    pub members: Vec<BankMember>,
}

#[derive(Default)]
struct Counts {
    rejected: u32,
    noted: u32,
    conflict: u32,
    /// Rejected once more.
    repeated: u32,
    unknown: u32,
    code_unknown: u32,
}

/// The transfers that a report names.
#[derive(Default)]
struct Spoken {
    of: BTreeSet<PayoutId>,
    of_all: bool,
}

/// The admitted part of the file, and where the file is stored.
pub struct Importable {
    admitted: AdmittedReports,
    place: Place,
}

impl Execute for ImportStatus {
    const NAME: &'static str = "import_status";

    type Decision = Importable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Importable> {
        let place = Place::find(view, actor, &self.sha256)?;
        if store::bank::find_status_report_by_hash(view.conn(), &self.sha256)?.is_some() {
            return Err(Refusal::StatementRepeated.into());
        }
        let admitted = admit_reports(view.conn(), self)??;
        if actor.approver_id.is_some() {
            let now = bank_check::reports(view.conn(), self).map(|check| check.digest);
            bank_file::still_the_same(&self.check, now)?;
            place.check_kept()?;
        }
        Ok(Importable { admitted, place })
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Importable) -> Step<Asks> {
        bank_file::asks(view, actor, &decision.place, (&self.check, None))
    }

    fn before_request(&self, batch: &mut Batch<'_>, actor: &Actor, ask: &mut Ask, decision: &Importable) -> Applied<()> {
        bank_file::keep_for_request(batch, actor, (&decision.place, &self.kept()), ask)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Importable) -> Applied<Done> {
        let Importable { admitted: AdmittedReports { reports, refused }, place } = decision;
        let mut file = place.keep(batch, actor, &self.kept())?;
        bank_file::end_asked(batch, actor, &file)?;
        file.state = BankFileState::Imported;
        batch.update(&file)?;
        let (mut first, mut counts) = (None, Counts::default());
        for (index, report) in reports.iter().enumerate() {
            let id = self.keep_report(batch, actor, (index, report))?;
            apply_report(batch, report, id, &mut counts)?;
            first.get_or_insert(id);
        }
        let first = first.unwrap_or(StatusReportId(0));
        let Counts { rejected, noted, conflict, repeated, unknown, code_unknown } = counts;
        let mut body = json!({
            "report_id": first, "rejected": rejected, "noted": noted, "conflict": conflict, "already_rejected": repeated, "unknown": unknown,
            "code_unknown": code_unknown,
        });
        tell_refused(batch, place.owner, (&self.name, file.id), &refused);
        if let Some(map) = body.as_object_mut().filter(|_| !refused.is_empty()) {
            map.insert("refused".to_owned(), json!(refused));
        }
        Ok(Done::new(first, body))
    }
}

impl ImportStatus {
    fn kept(&self) -> KeepBankFile {
        KeepBankFile {
            name: self.name.clone(),
            sha256: self.sha256.clone(),
            kind: BankFileKind::Status,
            content: self.content.clone(),
        }
    }

    fn keep_report(&self, batch: &mut Batch<'_>, actor: &Actor, (index, report): (usize, &Report)) -> Applied<StatusReportId> {
        let id = batch.next_id();
        batch.insert(&StatusReport {
            id,
            // The file's hash marks its first report, so that the same file is known again.
            sha256: if index == 0 { self.sha256.clone() } else { format!("{}#{index}", self.sha256) },
            message: report.message_id.clone(),
            original_message: report.original_message_id.clone(),
            imported_at: batch.now,
            imported_by: actor.user_id,
            content: Some(content_digest(report)),
        })?;
        Ok(id)
    }
}

/// The whole content of a report, in any notation of its file.
#[must_use]
pub fn content_digest(report: &Report) -> String {
    let Report { message_id, original_message_id, created, statuses } = report;
    crate::hash::sha256_hex(json!([message_id, original_message_id, created, statuses]).to_string().as_bytes())
}

/// A status of one transfer goes before the status of its block, and that before the status of the file.
fn apply_report(batch: &mut Batch<'_>, report: &Report, report_id: StatusReportId, counts: &mut Counts) -> Applied<()> {
    let rank = |status: &Status| match status.scope {
        Scope::Transaction(_) => 0,
        Scope::Payment(_) => 1,
        Scope::Message => 2,
    };
    let mut statuses: Vec<&Status> = report.statuses.iter().collect();
    statuses.sort_by_key(|status| rank(status));
    let file = find_file(batch.conn, &report.original_message_id)?;
    let mut spoken = Spoken::default();
    for status in statuses {
        match &status.scope {
            Scope::Transaction(end_to_end) => {
                let found = store::bank::find_payout_by_end_to_end(batch.conn, end_to_end)?;
                // A report about another file says nothing of this one's transfers.
                match found.filter(|payout| payout.file_id.is_some() && payout.file_id == file) {
                    Some(found) => {
                        spoken.of.insert(found.id);
                        apply_to(batch, report_id, status, found, counts)?;
                    }
                    None => note_unknown(batch, report_id, status, end_to_end, counts)?,
                }
            }
            Scope::Payment(id) => apply_to_rest(batch, report, (report_id, file), status, id, (&mut spoken, counts))?,
            Scope::Message => {
                let id = &report.original_message_id;
                apply_to_rest(batch, report, (report_id, file), status, id, (&mut spoken, counts))?;
            }
        }
    }
    Ok(())
}

/// Our files have one block, which has the file's own id. A status of the file or of the block applies to all its transfers that
/// have no status of their own.
fn apply_to_rest(
    batch: &mut Batch<'_>,
    report: &Report,
    (report_id, file): (StatusReportId, Option<PaymentFileId>),
    status: &Status,
    id: &str,
    (spoken, counts): (&mut Spoken, &mut Counts),
) -> Applied<()> {
    let Some(file) = file.filter(|_| id == report.original_message_id) else {
        return note_unknown(batch, report_id, status, id, counts);
    };
    if is_silent_status(&status.code) {
        // "Received" or "partly": the transfers speak for themselves.
        return Ok(());
    }
    if event_of_status(&status.code).is_none() {
        let row = line(batch, report_id, status, id, (None, StatusLineState::CodeUnknown));
        counts.code_unknown = counts.code_unknown.saturating_add(1);
        return Ok(batch.insert(&row)?);
    }
    // A report may repeat a status; the transfers are updated once.
    if std::mem::replace(&mut spoken.of_all, true) {
        return Ok(());
    }
    for found in store::bank::list_payouts_of_file(batch.conn, file)? {
        if spoken.of.insert(found.id) {
            apply_to(batch, report_id, status, found, counts)?;
        }
    }
    Ok(())
}

/// The payment file that a message id names, as [`crate::commands::create_payment_file`] made it.
pub fn find_file(conn: &mut Conn, message_id: &str) -> Result<Option<PaymentFileId>, StoreError> {
    let Some(id) = message_id
        .strip_prefix(crate::commands::bank::create_payment_file::FILE_PREFIX)
        .and_then(|number| number.parse::<PaymentFileId>().ok())
    else {
        return Ok(None);
    };
    Ok(PaymentFile::find(conn, id)?.map(|file| file.id))
}

/// The effect of a status on a payout. `rejected` and `noted` are recorded. `already_rejected` adds nothing, `conflict`
/// contradicts the payout's state, and `code_unknown` is a code that the platform does not know.
#[must_use]
pub fn effect(found: &Payout, code: &str) -> StatusLineState {
    let rejected = found.state == InstructionState::Rejected;
    match event_of_status(code) {
        Some(InstructionEvent::Reject) if rejected => StatusLineState::AlreadyRejected,
        Some(event) if !payout::can(found, event) => StatusLineState::Conflict,
        Some(InstructionEvent::Reject) => StatusLineState::Rejected,
        None if !is_silent_status(code) => StatusLineState::CodeUnknown,
        _ => StatusLineState::Noted,
    }
}

fn apply_to(
    batch: &mut Batch<'_>,
    report_id: StatusReportId,
    status: &Status,
    mut found: Payout,
    counts: &mut Counts,
) -> Applied<()> {
    let state = effect(&found, &status.code);
    let event = event_of_status(&status.code);
    let count = match state {
        StatusLineState::AlreadyRejected => &mut counts.repeated,
        StatusLineState::Conflict => &mut counts.conflict,
        StatusLineState::Rejected => &mut counts.rejected,
        StatusLineState::CodeUnknown => &mut counts.code_unknown,
        StatusLineState::Noted => &mut counts.noted,
        StatusLineState::Unknown => &mut counts.unknown,
    };
    *count = count.saturating_add(1);
    let row = line(batch, report_id, status, &found.end_to_end, (Some(found.id), state));
    if matches!(state, StatusLineState::Rejected | StatusLineState::Noted) {
        found.bank_status = clean(&status.code, 4);
        match event {
            Some(InstructionEvent::Reject) => payout::fail(batch, &mut found, &status.reason, &status.note)?,
            Some(event) => {
                payout::advance(&mut found, event)?;
                batch.update(&found)?;
            }
            None => batch.update(&found)?,
        }
    }
    Ok(batch.insert(&row)?)
}

fn note_unknown(batch: &mut Batch<'_>, report_id: StatusReportId, status: &Status, id: &str, counts: &mut Counts) -> Applied<()> {
    counts.unknown = counts.unknown.saturating_add(1);
    let row = line(batch, report_id, status, id, (None, StatusLineState::Unknown));
    Ok(batch.insert(&row)?)
}

fn line(
    batch: &mut Batch<'_>,
    report_id: StatusReportId,
    status: &Status,
    original_id: &str,
    (payout_id, state): (Option<PayoutId>, StatusLineState),
) -> StatusLine {
    StatusLine {
        id: batch.next_id(),
        report_id,
        original_id: clean(original_id, 35),
        payout_id,
        status: clean(&status.code, 4),
        reason_code: clean(&status.reason, 35),
        note: clean(&status.note, 500),
        state,
    }
}
