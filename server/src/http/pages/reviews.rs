//! The queue of invoices that a person must look at: both sides beside each other, and the decision.

use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::listing::{Group, Listing, plain_table};
use super::{Answer, Check, SignedIn, again, asking, check_page, document, evidence, submit_or_again};
use crate::commands::cases::decide_review::DecideReview;
use crate::file_reader::Shown;
use domain::Refusal;
use domain::party::Role;
use kernel::{CreditNoteId, InvoiceId, ReviewId};
use store::lists::{InvoiceLine, ReviewLine};
use store::records::Keyed;
use store::{Conn, CreditNote, Evidence};
use web::{Block, Field, Form, Language, Page, Row, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/reviews", reviews);
    routes.get("/ops/reviews/{id}", review);
    routes.get("/ops/reviews/{id}/check", check);
    routes.post("/ops/reviews/{id}", decide);
}

/// The states of a review under names of their own: an open one is not what an open offer is.
const STATES: [Group; 4] = [
    ("review-open", "state = 'open'"),
    ("review-cleared", "state = 'cleared'"),
    ("review-refused", "state = 'refused'"),
    ("review-released", "state = 'released'"),
];

/// Why, in the reader's words: a sentence for each rule.
#[must_use]
pub fn reasons(language: Language, rules: &str, other: &str) -> Vec<String> {
    let place = [("number", other.to_owned())];
    rules.split_whitespace().map(|rule| language.fill(&format!("review-rule-{}", rule.replace('_', "-")), &place)).collect()
}

async fn reviews(who: Who<OperatorViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-number", false, "number"),
        ("col-supplier", false, "supplier"),
        ("col-buyer", false, "buyer"),
        ("col-payable", true, "payable_minor"),
        ("review-why", false, ""),
        ("col-when", false, "id"),
        ("col-state", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &STATES,
        states: &[],
        heads,
        default: ("id", true),
        summed: "payable_minor",
    };
    let wanted = listing.query();
    let order = wanted.order;
    let (page, totals) = who.read(move |conn| Ok((ReviewLine::page(conn, &wanted)?, ReviewLine::totals(conn, &wanted)?))).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.number.clone(), format!("/ops/reviews/{}", row.id)),
            Value::text(row.supplier.clone()),
            Value::text(row.buyer.clone()),
            Value::money(&row.currency, row.payable_minor),
            Value::text(reasons(language, &row.rules, &row.other_number).join(" ")),
            Value::moment(language, row.created_at),
            Value::state(language, &format!("review_{}", row.state)),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "number" => row.number.clone(),
            "supplier" => row.supplier.clone(),
            "buyer" => row.buyer.clone(),
            "payable_minor" => row.payable_minor.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let table = listing.table(language.t("reviews-title"), rows.collect(), &totals, last, page.more, language.t("reviews-empty"));
    let shown =
        Page::new(language.t("reviews-title")).trail(who.t("nav-ops"), "/ops").with(Block::Paragraph(who.t("reviews-lead")));
    listing.send(&who, shown, table).await
}

/// One side: the invoice and its file.
struct Side {
    row: InvoiceLine,
    document: Shown,
    evidence: Vec<Evidence>,
}

struct Loaded {
    row: ReviewLine,
    own: Side,
    other: Option<Side>,
    credit: Option<CreditNote>,
}

fn side(conn: &mut Conn, id: InvoiceId) -> Result<Side, Fault> {
    let row = InvoiceLine::find(conn, id.0)?.ok_or(Refusal::NotFound)?;
    let evidence = store::invoices::list_evidence(conn, id)?;
    Ok(Side { row, document: Shown::Nothing, evidence })
}

async fn load(who: &Who<impl SignedIn>, id: ReviewId) -> Result<Loaded, Fault> {
    let mut loaded = who
        .read(move |conn| {
            let row = ReviewLine::find(conn, id.0)?.ok_or(Refusal::NotFound)?;
            let own = side(conn, InvoiceId(row.invoice_id))?;
            let other = if row.other_id > 0 { Some(side(conn, InvoiceId(row.other_id))?) } else { None };
            let credit = if row.credit_id > 0 { Some(CreditNote::load(conn, CreditNoteId(row.credit_id))?) } else { None };
            Ok(Loaded { row, own, other, credit })
        })
        .await?;
    let owner = super::super::shares::Owner::Company(who.party_id()?);
    for side in std::iter::once(&mut loaded.own).chain(&mut loaded.other) {
        side.document = who.app.open_stored(who.party_id()?, owner, &side.row.document, side.row.number.clone()).await?;
    }
    Ok(loaded)
}

/// The fields of an invoice that the comparison sets beside each other.
fn fields(language: Language, row: &InvoiceLine) -> Vec<(&'static str, Value)> {
    let day = |day: Option<chrono::NaiveDate>| day.map_or_else(|| Value::text("–"), |day| Value::date(language, day));
    vec![
        ("col-number", Value::text(row.number.clone())),
        ("col-supplier", Value::text(row.supplier.clone())),
        ("col-buyer", Value::text(row.buyer.clone())),
        ("col-issued", day(Some(row.issue_date))),
        ("col-due", day(row.due_date)),
        ("col-currency", Value::text(row.currency.clone())),
        ("col-total", Value::money(&row.currency, row.total_minor)),
        ("invoice-prepaid", Value::money(&row.currency, row.prepaid_minor)),
        ("col-payable", Value::money(&row.currency, row.payable_minor)),
        ("field-type-code", Value::code(row.type_code.clone())),
        ("field-order-reference", Value::text(row.order_reference.clone())),
        ("invoice-format", Value::text(language.t(&format!("format-{}", row.format)))),
        ("col-state", Value::state(language, &row.state)),
        (
            "field-document",
            Value::link(row.document.chars().take(16).collect::<String>(), format!("/documents/{}", row.document)),
        ),
    ]
}

/// Both invoices field by field, with a word on each that differs.
fn comparison(language: Language, own: &InvoiceLine, other: &InvoiceLine) -> Block {
    let rows = fields(language, own).into_iter().zip(fields(language, other)).map(|((key, one), (_, two))| {
        let word = if (&one.text, &one.machine) == (&two.text, &two.machine) { "review-same" } else { "review-differs" };
        vec![Value::text(language.t(key)), one, two, Value::text(language.t(word))]
    });
    let heads = [("col-what", false), ("review-this", false), ("review-other", false), ("review-compared", false)];
    Block::Table(Box::new(plain_table(language, "review-fields", &heads, rows.collect(), "list-no-match")))
}

fn review_page(who: &Who<impl SignedIn>, loaded: &Loaded) -> Result<Page, Fault> {
    let (language, row) = (who.language(), &loaded.row);
    let mut facts = vec![
        (who.t("col-state"), Value::state(language, &format!("review_{}", row.state))),
        (who.t("col-supplier"), Value::text(row.supplier.clone())),
        (who.t("col-payable"), Value::money(&row.currency, row.payable_minor)),
        (who.t("col-when"), Value::moment(language, row.created_at)),
    ];
    if row.receivable_id > 0 {
        facts.push((
            who.t("review-receivable"),
            Value::link(row.receivable_id.to_string(), format!("/receivables/{}", row.receivable_id)),
        ));
    }
    if !row.statement.is_empty() {
        facts.push((who.t("review-statement"), Value::text(row.statement.clone())));
    }
    if !row.reason.is_empty() {
        facts.push((who.t("field-reason"), Value::text(row.reason.clone())));
    }
    let mut page = Page::new(language.fill("review-title", &[("number", row.number.clone())]))
        .trail(who.t("nav-ops"), "/ops")
        .trail(who.t("reviews-title"), "/ops/reviews");
    for reason in reasons(language, &row.rules, &row.other_number) {
        page = page.with(Block::Notice(Tone::Attention, reason));
    }
    page = page.with(Block::Facts(facts));
    if let Some(credit) = &loaded.credit {
        page = page.with(Block::Heading(who.t("credit-notes"))).with(Block::Facts(vec![
            (who.t("col-number"), Value::text(credit.number.clone())),
            (who.t("col-amount"), Value::money(&credit.currency, credit.amount_minor)),
            (who.t("col-issued"), Value::date(language, credit.issue_date)),
            (
                who.t("field-document"),
                Value::link(credit.document.chars().take(16).collect::<String>(), format!("/documents/{}", credit.document)),
            ),
        ]));
    }
    if row.state == "open" && who.person()?.has_role(Role::Maker) {
        let form = |clear: &str, key: &str| {
            let reason = Field::new("reason", who.t("field-reason"), "area").hint(who.t("review-reason-hint"));
            let mut form = asking(format!("/ops/reviews/{}/check", row.id), who.t(key), vec![reason]);
            form = form.hidden("clear", clear);
            form
        };
        page = page
            .with(Block::Heading(who.t("review-clear")))
            .form(form("yes", "page-to-check"))
            .with(Block::Heading(who.t("review-refuse")))
            .form(form("no", "page-to-check").secondary());
    }
    let blocks = |side: &Side| {
        let mut blocks: Vec<Block> = evidence::table(language, &side.evidence).into_iter().collect();
        blocks.extend(document::blocks(language, &side.document, &side.row.document));
        blocks
    };
    Ok(match &loaded.other {
        None => {
            let shown = fields(language, &loaded.own.row).into_iter().map(|(key, value)| (who.t(key), value)).collect();
            page.with(Block::Beside(vec![Block::Heading(who.t("document-fields")), Block::Facts(shown)], blocks(&loaded.own)))
        }
        Some(other) => {
            page.with(comparison(language, &loaded.own.row, &other.row)).with(Block::Beside(blocks(&loaded.own), blocks(other)))
        }
    })
}

async fn review(who: Who<OperatorViewer>, id: Id) -> Answer {
    let loaded = load(&who, ReviewId(id.0)).await?;
    let page = review_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

async fn check(who: Who<OperatorMaker>, id: Id, params: Params) -> Answer {
    let loaded = load(&who, ReviewId(id.0)).await?;
    let row = &loaded.row;
    let clear = params.get("clear") == "yes";
    let reason = params.get("reason").trim().to_owned();
    let command = DecideReview { review_id: ReviewId(id.0), clear, reason: reason.clone() };
    let trial = match who.try_out(&command.into()).await {
        Ok(trial) => trial,
        Err(fault) => {
            let posted = Posted { fields: params.fields };
            return again(&who, review_page(&who, &loaded)?, &posted, fault, &row.currency).await;
        }
    };
    let word = if clear { "clear" } else { "refuse" };
    let lead = if trial.second_person { format!("review-{word}-two") } else { format!("review-{word}-lead") };
    let here = format!("/ops/reviews/{}", row.id);
    let check = Check {
        title: who.t(&format!("review-{word}")),
        lead: who.t(&lead),
        facts: vec![
            (who.t("col-number"), Value::text(row.number.clone())),
            (who.t("col-supplier"), Value::text(row.supplier.clone())),
            (who.t("col-payable"), Value::money(&row.currency, row.payable_minor)),
            (who.t("review-why"), Value::text(reasons(who.language(), &row.rules, &row.other_number).join(" "))),
            (who.t("field-reason"), Value::text(reason.clone())),
        ],
        form: Form::new(here.clone(), who.t(&format!("review-{word}-submit")), vec![])
            .hidden("clear", if clear { "yes" } else { "no" })
            .hidden("reason", reason),
        back: here.clone(),
    };
    let trail = [
        (who.t("reviews-title"), "/ops/reviews".to_owned()),
        (who.language().fill("review-title", &[("number", row.number.clone())]), here),
    ];
    who.app.page(&who.viewer, check_page(&who, &trail, check)).await
}

async fn decide(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, ReviewId(id.0)).await?;
    let page = review_page(&who, &loaded)?;
    let command =
        DecideReview { review_id: ReviewId(id.0), clear: posted.get("clear") == "yes", reason: posted.get("reason").to_owned() };
    submit_or_again(&who, &posted, command, page, &loaded.row.currency).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::identity::ReviewRule;
    use domain::invoice::{DocumentKind, EvidenceKind};

    #[test]
    fn every_rule_and_kind_has_its_words_in_both_languages() {
        let rules = ReviewRule::ALL.iter().map(|rule| format!("review-rule-{}", rule.name()));
        let kinds = DocumentKind::ALL.iter().map(|kind| format!("kind-{}", kind.name()));
        let evidence = EvidenceKind::ALL.iter().map(|kind| format!("evidence-{}", kind.name()));
        let formats = ["ubl", "cii", "pdf", "ofd", "csv"].map(|format| format!("format-{format}"));
        let states = ["open", "cleared", "refused", "released"].map(|state| format!("state-review-{state}"));
        for key in rules.chain(kinds).chain(evidence).chain(formats).chain(states) {
            for language in Language::ALL {
                let words = language.fill(&key.replace('_', "-"), &[("number", "7".to_owned())]);
                assert!(!words.starts_with('['), "{}: {key}", language.code());
            }
        }
        assert_eq!(reasons(Language::English, "same_number assigned", "A-1").len(), 2);
    }
}
