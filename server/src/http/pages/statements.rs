//! The bank's statements, whether they follow one another, and whether books and bank agree.

use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::bank_files::{continuity_text, statement_facts};
use super::listing::{Listing, plain_table};
use super::{Answer, Check, SignedIn, again, asking, check_page, submit_or_again};
use crate::commands::bank::explain_statement::ExplainStatement;
use domain::Refusal;
use domain::party::Role;
use kernel::StatementId;
use store::Statement;
use store::lists::StatementLine;
use store::reconciliation::{self, Comparison};
use store::records::Keyed;
use web::{Block, Field, Form, Language, Page, Row, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/statements", statements);
    routes.get("/ops/statements/{id}", statement);
    routes.get("/ops/statements/{id}/explain", explain_check);
    routes.post("/ops/statements/{id}/explain", explain);
    routes.get("/ops/reconciliation", reconciliation_page);
}

async fn statements(who: Who<OperatorViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("statement-id", false, "id"),
        ("custody-account", false, ""),
        ("statement-to", false, "to_date"),
        ("statement-opening", true, ""),
        ("statement-closing", true, ""),
        ("bank-file-lines", true, ""),
        ("statement-continuity", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[],
        states: &["gap", "overlap", "follows", "first", "explained", "none"],
        heads,
        default: ("id", true),
        summed: "",
    };
    let wanted = listing.query();
    let order = wanted.order;
    let page = who.read(move |conn| Ok(StatementLine::page(conn, &wanted)?)).await?;
    let balance = |row: &StatementLine, minor: Option<i64>| {
        minor.map_or_else(|| Value::text("–"), |minor| Value::money(&row.currency, minor))
    };
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.statement.clone(), format!("/ops/statements/{}", row.id)),
            Value::code(row.iban.clone()),
            Value::date(language, row.to_date),
            balance(row, row.opening_minor),
            balance(row, row.closing_minor),
            Value::number(row.lines),
            Value::state(language, &row.state),
        ],
    });
    let last =
        page.rows.last().map(|row| (if order == "to_date" { row.to_date.to_string() } else { row.id.to_string() }, row.id));
    let table =
        listing.table(language.t("statements-title"), rows.collect(), &[], last, page.more, language.t("statements-empty"));
    listing.send(&who, Page::new(language.t("statements-title")).trail(who.t("nav-ops"), "/ops"), table).await
}

async fn statement_page(who: &Who<impl SignedIn>, id: i64) -> Result<(Page, String), Fault> {
    let language = who.language();
    let (row, compared) = who
        .read(move |conn| {
            let row = Statement::find(conn, StatementId(id))?.ok_or(Refusal::NotFound)?;
            let compared = reconciliation::compare(conn, (row.custody_id, &row.currency), Some(&row))?;
            Ok((row, compared))
        })
        .await?;
    let mut page = Page::new(language.fill("bank-statement-title", &[("statement", row.statement.clone())]))
        .trail(who.t("nav-ops"), "/ops")
        .trail(who.t("statements-title"), "/ops/statements")
        .with(Block::Facts(statement_facts(language, &row)));
    let open = row.continuity.is_broken();
    if open {
        page = page.with(Block::Notice(Tone::Attention, continuity_text(language, &row)));
    }
    let mut links = vec![(who.t("statement-lines"), format!("/ops/bank-lines?subject={id}"))];
    links.extend(row.file_id.map(|file| (who.t("statement-file"), format!("/ops/bank-files/{file}"))));
    page = page.with(Block::Links(links));
    if open && who.person()?.has_role(Role::Maker) {
        let reason = Field::new("reason", who.t("field-reason"), "area");
        page = page
            .with(Block::Heading(who.t("statement-explain")))
            .with(Block::Paragraph(who.t("statement-explain-hint")))
            .form(asking(format!("/ops/statements/{id}/explain"), who.t("page-to-check"), vec![reason]));
    }
    if let Some(compared) = compared {
        page = page.with(Block::Heading(who.t("reconciliation-title")));
        page = comparison_blocks(language, page, (&compared, &row.iban));
    }
    Ok((page, row.currency))
}

async fn statement(who: Who<OperatorViewer>, id: Id) -> Answer {
    let (page, _) = statement_page(&who, id.0).await?;
    who.app.page(&who.viewer, page).await
}

async fn explain_check(who: Who<OperatorMaker>, id: Id, params: Params) -> Answer {
    let id = id.0;
    let command = ExplainStatement { statement_id: StatementId(id), reason: params.get("reason").to_owned() };
    if let Err(fault) = who.try_out(&command.into()).await {
        let (page, currency) = statement_page(&who, id).await?;
        return again(&who, page, &Posted { fields: params.fields }, fault, &currency).await;
    }
    let row = who.read(move |conn| Ok(Statement::load(conn, StatementId(id))?)).await?;
    let language = who.language();
    let mut facts = statement_facts(language, &row);
    facts.push((who.t("field-reason"), Value::text(params.get("reason"))));
    let here = format!("/ops/statements/{id}");
    let check = Check {
        title: who.t("statement-explain"),
        lead: who.t("statement-explain-lead"),
        facts,
        form: Form::new(format!("{here}/explain"), who.t("statement-explain-submit"), vec![])
            .hidden("reason", params.get("reason")),
        back: here.clone(),
    };
    let trail = [
        (who.t("statements-title"), "/ops/statements".to_owned()),
        (language.fill("bank-statement-title", &[("statement", row.statement)]), here),
    ];
    let page = check_page(&who, &trail, check);
    who.app.page(&who.viewer, page).await
}

async fn explain(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (page, currency) = statement_page(&who, id.0).await?;
    let command = ExplainStatement { statement_id: StatementId(id.0), reason: posted.get("reason").to_owned() };
    submit_or_again(&who, &posted, command, page, &currency).await
}

/// Bank and books, and where the difference comes from: each part with the lines that make it up.
pub fn comparison_blocks(language: Language, page: Page, (compared, account): (&Comparison, &str)) -> Page {
    let money = |minor: i64| Value::money(&compared.currency, minor);
    let link = |key: &str, href: &str| Value::link(language.t(key), href);
    let mut rows = vec![
        vec![Value::text(language.t("reconciliation-books")), money(compared.ledger_minor)],
        vec![
            Value::link(
                language.fill(
                    "reconciliation-bank",
                    &[("date", compared.to_date.map_or_else(String::new, |day| language.date(day)))],
                ),
                format!("/ops/statements/{}", compared.statement_id),
            ),
            money(compared.closing_minor),
        ],
        vec![Value::text(language.t("reconciliation-difference")), money(compared.difference_minor())],
    ];
    let parts = [
        ("reconciliation-attention", "/ops/bank-lines?state=attention", compared.attention_minor),
        ("reconciliation-recorded", "/ops/bank-lines?state=matched", compared.recorded_minor),
        ("reconciliation-later", "/ops/statements", compared.later_minor),
        ("reconciliation-explained", "/ops/bank-lines?state=explained", compared.explained_minor),
        ("reconciliation-transit", "/ops/bank-lines?state=matched", compared.transit_minor),
    ];
    rows.extend(parts.iter().filter(|(_, _, minor)| *minor != 0).map(|(key, href, minor)| vec![link(key, href), money(*minor)]));
    if compared.unexplained_minor() != 0 {
        rows.push(vec![Value::text(language.t("reconciliation-rest")), money(compared.unexplained_minor())]);
    }
    let heads = [("col-what", false), ("col-amount", true)];
    let mut table = plain_table(language, "reconciliation-title", &heads, rows, "statements-empty");
    table.caption = format!("{} · {account}", compared.currency);
    let notice = match (compared.difference_minor(), compared.unexplained_minor()) {
        (0, _) => Block::Notice(Tone::Done, language.t("reconciliation-equal")),
        (_, 0) => Block::Notice(Tone::Waiting, language.t("reconciliation-known")),
        _ => Block::Notice(Tone::Attention, language.t("reconciliation-unknown")),
    };
    page.with(notice).table(table)
}

async fn reconciliation_page(who: Who<OperatorViewer>) -> Answer {
    let language = who.language();
    let (compared, accounts) = who.read(|conn| Ok((reconciliation::compare_all(conn)?, store::custody::list(conn)?))).await?;
    let mut page = Page::new(who.t("reconciliation-title"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(who.t("reconciliation-lead")));
    if compared.is_empty() {
        page = page.with(Block::Notice(Tone::Waiting, who.t("reconciliation-none")));
    }
    for one in &compared {
        let account = accounts.iter().find(|row| row.id == one.custody_id).map_or("", |row| row.iban.as_str());
        page = comparison_blocks(language, page, (one, account));
    }
    let links = accounts.iter().map(|row| {
        let name = language.fill("custody-account-title", &[("iban", row.iban.clone())]);
        (name, format!("/ops/custody-accounts/{}", row.id))
    });
    page = page.with(Block::Links(links.collect()));
    who.app.page(&who.viewer, page).await
}
