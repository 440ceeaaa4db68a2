//! The only place that picks HTTP status codes, for pages and for the API.

use super::step_up::Asked;
use super::{App, Viewer};
use crate::file_reader::FileFault;
use crate::writer::WriteError;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::Refusal;
use domain::refusal::Kind;
use formats::FormatFault;
use formats::csv::MOST_FAULTS;
use serde_json::json;
use std::sync::Arc;
use store::StoreError;
use web::{Block, Language, Page};

/// Why a request has no good answer.
#[derive(Debug, Clone)]
pub enum Fault {
    Refused(Refusal),
    /// A fresh code for one act is wanted, or the one that came is none.
    StepUp(Box<Asked>),
    /// A file that cannot be taken.
    Unreadable(FileFault),
    /// Rows of a table that are wrong: nothing of it was taken.
    Rows(Vec<RowFault>),
    /// A file of many invoices of which none was taken; the answer for each.
    NothingTaken(Vec<serde_json::Value>),
    /// No person is signed in.
    SignInNeeded,
    /// The form's token is missing or another session's, or the request comes from another site.
    Forged,
    /// The body is too large or not what the route takes.
    BadRequest(&'static str),
    Busy,
    /// The database takes no writes, or does not answer.
    Down,
    Unknown,
    /// Too many tries; the next is accepted after `seconds`.
    TooMany {
        seconds: i64,
    },
    /// Something else was done under the key of one of the platform's own jobs.
    KeyTaken(String),
    /// One of the bounds in `quotas.rs` is reached, for `seconds`.
    Limit {
        limit: &'static str,
        seconds: i64,
    },
    Failed(String),
}

/// The fault of one row of a table.
#[derive(Debug, Clone)]
pub enum RowFault {
    /// It cannot be read; the fault says where.
    Cell(FileFault),
    /// It can be read, and a rule says no.
    Refused { line: u32, column: &'static str, refusal: Refusal, currency: String },
}

impl RowFault {
    /// How many faults it stands for.
    #[must_use]
    pub fn count(&self) -> usize {
        if let Self::Cell(fault) = self { fault.count() } else { 1 }
    }

    #[must_use]
    pub fn sentence(&self, language: Language) -> String {
        match self {
            Self::Cell(fault) => fault.sentence(language),
            Self::Refused { line, column, refusal, currency } => {
                let said = language.refusal(refusal, currency);
                language.fill("row-refused", &[("line", line.to_string()), ("column", (*column).to_owned()), ("sentence", said)])
            }
        }
    }

    /// Line, column, code and sentence.
    #[must_use]
    pub fn cells(&self, language: Language) -> [String; 4] {
        let of = |fault: &FileFault, name: &str| {
            fault.arguments.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let (line, column, code) = match self {
            Self::Cell(fault) => (of(fault, "line"), of(fault, "column"), fault.code.clone()),
            Self::Refused { line, column, refusal, .. } => (line.to_string(), (*column).to_owned(), refusal.code().to_owned()),
        };
        [line, column, code, self.sentence(language)]
    }

    fn json(&self, language: Language) -> serde_json::Value {
        let (place, code) = match self {
            Self::Cell(fault) => (fault.arguments.clone(), fault.code.clone()),
            Self::Refused { line, column, refusal, .. } => {
                let place = vec![("line".to_owned(), line.to_string()), ("column".to_owned(), (*column).to_owned())];
                (place, refusal.code().to_owned())
            }
        };
        let of = |name: &str| place.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        json!({ "line": of("line").and_then(|line| line.parse::<u32>().ok()), "column": of("column"), "code": code, "title": self.sentence(language) })
    }
}

/// How long to wait, in words.
fn wait(language: Language, seconds: i64) -> String {
    let (key, count) =
        if seconds < 120 { ("wait-seconds", seconds) } else { ("wait-minutes", seconds.div_euclid(60).saturating_add(1)) };
    language.fill(key, &[("count", count.to_string())])
}

impl Fault {
    /// All that is wrong with the cells of a table.
    #[must_use]
    pub fn cells(faults: Vec<FileFault>) -> Self {
        Self::Rows(faults.into_iter().map(RowFault::Cell).collect())
    }

    /// All rows that are refused: the first `MOST_FAULTS` are listed, the others counted.
    #[must_use]
    pub fn rows(mut faults: Vec<RowFault>) -> Self {
        let more = faults.len().saturating_sub(MOST_FAULTS);
        faults.truncate(MOST_FAULTS);
        faults.extend(Some(more).filter(|more| *more > 0).map(|more| RowFault::Cell(FileFault::more(more))));
        Self::Rows(faults)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        if error.is_away() { Self::Down } else { Self::Failed(error.to_string()) }
    }
}
impl From<WriteError> for Fault {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => Self::Refused(refusal),
            WriteError::Busy => Self::Busy,
            WriteError::Down => Self::Down,
            WriteError::Unknown => Self::Unknown,
            WriteError::Failed => Self::Failed("the writer rolled back".to_owned()),
        }
    }
}
impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
impl From<FormatFault> for Fault {
    fn from(fault: FormatFault) -> Self {
        Self::Unreadable(fault.into())
    }
}
impl From<FileFault> for Fault {
    fn from(fault: FileFault) -> Self {
        Self::Unreadable(fault)
    }
}
impl From<crate::batch::Stop> for Fault {
    fn from(stop: crate::batch::Stop) -> Self {
        match stop {
            crate::batch::Stop::Refused(refusal) => Self::Refused(refusal),
            crate::batch::Stop::Failed(error) => error.into(),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.code())
    }
}

/// The status of a kind of refusal.
#[must_use]
pub fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Missing => StatusCode::NOT_FOUND,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::Unproven => StatusCode::UNAUTHORIZED,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl Fault {
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.code().to_owned(),
            Self::StepUp(asked) => asked.refusal.code().to_owned(),
            Self::Unreadable(_) => "file_unreadable".to_owned(),
            Self::Rows(_) => "rows_wrong".to_owned(),
            Self::NothingTaken(_) => "nothing_taken".to_owned(),
            Self::SignInNeeded => "sign_in_needed".to_owned(),
            Self::Forged => "forged_request".to_owned(),
            Self::BadRequest(what) => (*what).to_owned(),
            Self::Busy => "busy".to_owned(),
            Self::Down => "storage_down".to_owned(),
            Self::Unknown => "outcome_unknown".to_owned(),
            Self::TooMany { .. } => "too_many_requests".to_owned(),
            Self::KeyTaken(_) => "job_key_taken".to_owned(),
            Self::Limit { limit, .. } => format!("limit_{limit}"),
            Self::Failed(_) => "internal".to_owned(),
        }
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => status_of(refusal.kind()),
            Self::StepUp(asked) => status_of(asked.refusal.kind()),
            Self::Unreadable(_) | Self::Rows(_) | Self::NothingTaken(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::SignInNeeded => StatusCode::UNAUTHORIZED,
            Self::Forged => StatusCode::FORBIDDEN,
            Self::BadRequest("payload_too_large") => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BadRequest("address_too_long") => StatusCode::URI_TOO_LONG,
            Self::BadRequest("body_too_slow") => StatusCode::REQUEST_TIMEOUT,
            Self::BadRequest("unsupported_media_type" | "content_encoded") => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BadRequest("method_not_allowed") => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Busy | Self::Down | Self::Unknown => StatusCode::SERVICE_UNAVAILABLE,
            Self::KeyTaken(_) => StatusCode::CONFLICT,
            Self::TooMany { .. } | Self::Limit { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The sentence for people.
    #[must_use]
    pub fn sentence(&self, language: Language) -> String {
        match self {
            Self::Refused(refusal) => language.refusal(refusal, ""),
            Self::StepUp(asked) => language.refusal(&asked.refusal, ""),
            Self::Unreadable(fault) => fault.sentence(language),
            Self::Limit { limit, seconds } => {
                language.fill(&format!("fault-limit-{limit}"), &[("wait", wait(language, *seconds))])
            }
            Self::TooMany { seconds } => language.fill("fault-too-many-requests", &[("wait", wait(language, *seconds))]),
            other => language.t(&format!("fault-{}", other.code().replace('_', "-"))),
        }
    }

    /// The field that a refusal is about, if it names one.
    #[must_use]
    pub fn field(&self) -> String {
        let Self::Refused(refusal) = self else { return String::new() };
        refusal.field()
    }

    fn retry_after(&self) -> Option<String> {
        match self {
            Self::Busy | Self::Down | Self::Unknown => Some("1".to_owned()),
            Self::TooMany { seconds } | Self::Limit { seconds, .. } => Some(seconds.to_string()),
            _ => None,
        }
    }

    /// RFC 9457 problem document.
    #[must_use]
    pub fn problem(&self, language: Language, request_id: &str) -> HttpResponse {
        let mut body = json!({
            "type": format!("https://kontor.example/problems/{}", self.code()),
            "title": self.sentence(language),
            "status": self.status().as_u16(),
            "code": self.code(),
            "request_id": request_id,
        });
        if let (Self::Refused(refusal), Some(map)) = (self, body.as_object_mut()) {
            for (name, value) in refusal.arguments() {
                let number = value.parse::<i64>().ok().filter(|_| name.ends_with("_minor"));
                map.insert(name.to_owned(), number.map_or_else(|| json!(value), |number| json!(number)));
            }
        }
        if let (Self::StepUp(asked), Some(map)) = (self, body.as_object_mut()) {
            map.insert("needs".to_owned(), asked.needs());
        }
        if let (Self::Unreadable(fault), Some(map)) = (self, body.as_object_mut()) {
            let arguments = fault.arguments.iter().map(|(name, value)| (name.clone(), json!(value)));
            let place: serde_json::Map<String, serde_json::Value> = arguments.collect();
            map.insert("fault".to_owned(), json!({ "code": fault.code, "arguments": place }));
        }
        if let (Self::Rows(rows), Some(map)) = (self, body.as_object_mut()) {
            map.insert("rows".to_owned(), rows.iter().map(|row| row.json(language)).collect());
        }
        if let (Self::NothingTaken(items), Some(map)) = (self, body.as_object_mut()) {
            map.insert("items".to_owned(), items.as_slice().into());
        }
        let mut response = HttpResponse::build(self.status());
        if let Some(seconds) = self.retry_after() {
            response.insert_header(("Retry-After", seconds));
        }
        response.content_type("application/problem+json").body(body.to_string())
    }

    /// A whole page that says what went wrong and what to do.
    pub async fn page(&self, app: &Arc<App>, viewer: &Viewer) -> HttpResponse {
        if matches!(self, Self::SignInNeeded) {
            let next = super::routes::encode(&viewer.path);
            return super::see_other(&format!("/login?next={next}"));
        }
        // Where what is missing can be had, with a sentence that says what it is.
        if matches!(self, Self::Refused(Refusal::SecondFactorNeeded | Refusal::PasswordChangeNeeded)) {
            return super::see_other("/account/security");
        }
        if let Self::StepUp(asked) = self
            && let Ok(page) = asked.page(app, viewer).await
            && let Ok(sent) = app.page_with(viewer, page, self.status()).await
        {
            return sent;
        }
        let language = viewer.language;
        let page = Page::new(language.t(&format!("fault-title-{}", self.status().as_u16())))
            .with(Block::Paragraph(self.sentence(language)))
            .with(Block::Paragraph(language.fill("fault-request-id", &[("id", viewer.request_id.clone())])))
            .with(Block::Links(vec![(language.t("fault-home"), "/".to_owned())]));
        let sent = app.page_with(viewer, page, self.status()).await;
        let mut response = sent.unwrap_or_else(|_| HttpResponse::build(self.status()).body(self.sentence(language)));
        if let Some(seconds) = self.retry_after().and_then(|seconds| seconds.parse().ok()) {
            response.headers_mut().insert(actix_web::http::header::RETRY_AFTER, seconds);
        }
        response
    }
}

impl ResponseError for Fault {
    fn status_code(&self) -> StatusCode {
        self.status()
    }
    /// The middleware replaces this by a page or a problem document.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that a sentence about a file may want filled in.
    const PLACES: &[&str] = &[
        "megabytes",
        "encoding",
        "line",
        "column",
        "element",
        "text",
        "rule",
        "sentence",
        "names",
        "name",
        "most",
        "cells",
        "columns",
        "needed",
        "others",
        "mark",
        "issued",
        "earlier",
        "count",
        "statement",
        "message",
        "opening",
        "moved",
        "closing",
        "difference",
    ];

    #[test]
    fn every_fault_and_rule_of_a_file_has_a_sentence_in_both_languages() {
        let filled: Vec<(&str, String)> = PLACES.iter().map(|name| (*name, "7".to_owned())).collect();
        for language in Language::ALL {
            let faults = FormatFault::CODES.iter().map(|code| format!("fault-file-{}", code.replace('_', "-")));
            let rules = formats::rules::all().into_iter().map(|rule| format!("rule-{}", rule.to_lowercase()));
            let own = [FileFault::STOPPED, FileFault::MORE].map(|code| format!("fault-file-{}", code.replace('_', "-")));
            let more = std::iter::once("fault-file-rule-at".to_owned()).chain(own);
            for key in faults.chain(rules).chain(more) {
                let sentence = language.fill(&key, &filled);
                assert!(sentence.len() > 8 && !sentence.starts_with('['), "{}: {key}", language.code());
            }
        }
        assert!(formats::rules::all().len() > 200);
    }

    #[test]
    fn every_limit_says_which_it_is_and_when_it_ends() {
        for limit in ["writes", "own", "messages", "invitations", "notices", "bytes", "rows"] {
            for (seconds, shown) in [(1, "1 "), (119, "119 "), (3_600, "61 ")] {
                let fault = Fault::Limit { limit, seconds };
                for language in Language::ALL {
                    let said = fault.sentence(language);
                    assert!(said.contains(shown) && !said.contains('['), "{}: {said}", language.code());
                }
                assert_eq!((fault.status(), fault.retry_after()), (StatusCode::TOO_MANY_REQUESTS, Some(seconds.to_string())));
            }
        }
    }
}
