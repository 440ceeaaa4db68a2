//! Money as the bank reports it, line by line: lines that wait for a place or a person, and receipts without a file.

use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes, typed_amount, typed_date};
use super::custody_accounts::carried;
use super::home::traded_currencies;
use super::listing::Listing;
use super::{Answer, Check, SignedIn, again, asking, bank_decisions, check_page, submit_or_again};
use crate::commands::Execute;
use crate::commands::bank::assign_suspense::{AssignSuspense, Target, find_target};
use crate::commands::bank::record_receipt::{RecordReceipt, list_known};
use crate::commands::bank::resolve_line::{self, ResolveLine};
use crate::commands::bank::return_suspense::ReturnSuspense;
use crate::commands::bank::take_back_line::{self, Plan, TakeBackLine};
use crate::view::Reader;
use domain::Refusal;
use domain::bank_line::{Act, Back};
use domain::custody::CustodyState;
use domain::party::Role;
use kernel::{BankLineId, RecordId};
use store::lists::{self, BankLineRow};
use store::people::Waiting;
use store::records::Keyed;
use store::{BankLine, Conn, Party};
use web::{Block, Field, Form, Language, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/bank-lines", bank_lines);
    routes.get("/ops/bank-lines/{id}", bank_line);
    routes.get("/ops/bank-lines/{id}/assign", bank_line_assign_check);
    routes.post("/ops/bank-lines/{id}/assign", bank_line_assign);
    routes.get("/ops/bank-lines/{id}/return", bank_line_return_check);
    routes.post("/ops/bank-lines/{id}/return", bank_line_return);
    routes.get("/ops/bank-lines/{id}/resolve", bank_line_resolve_check);
    routes.post("/ops/bank-lines/{id}/resolve", bank_line_resolve);
    routes.get("/ops/bank-lines/{id}/take-back", bank_line_take_back_check);
    routes.post("/ops/bank-lines/{id}/take-back", bank_line_take_back);
    routes.get("/ops/receipts", manual_receipt);
    routes.get("/ops/receipts/check", manual_receipt_check);
    routes.post("/ops/receipts", manual_receipt_post);
}

async fn bank_lines(who: Who<OperatorViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-value-date", false, "value_date"),
        ("col-direction", false, "direction"),
        ("col-amount", true, "amount_minor"),
        ("col-counterparty", false, "counterparty"),
        ("field-reference", false, ""),
        ("col-state", false, ""),
        ("col-details", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[],
        states: &[
            "suspense",
            "attention",
            "claimed",
            "matched",
            "confirmed",
            "placed",
            "returned",
            "reversed",
            "expensed",
            "explained",
            "skipped",
        ],
        heads,
        default: ("id", true),
        summed: "amount_minor",
    };
    let mut wanted = listing.query();
    if let Ok(statement) = params.get("subject").parse::<i64>() {
        wanted = wanted.with("statement_id = ?", vec![statement.into()]);
    }
    let order = wanted.order;
    let (page, totals) =
        who.read(move |conn| Ok((BankLineRow::page(conn, &wanted)?, BankLineRow::totals(conn, &wanted)?))).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::date(language, row.value_date),
            Value::text(language.t(&format!("direction-{}", row.direction))),
            Value::money(&row.currency, row.amount_minor),
            Value::text(row.counterparty.clone()),
            Value::code(if row.reference.is_empty() { row.end_to_end.clone() } else { row.reference.clone() }),
            Value::state(language, &row.state),
            Value::link(language.fill("bank-line-open", &[("id", row.id.to_string())]), format!("/ops/bank-lines/{}", row.id)),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "value_date" => row.value_date.to_string(),
            "direction" => row.direction.clone(),
            "amount_minor" => row.amount_minor.to_string(),
            "counterparty" => row.counterparty.clone(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let table =
        listing.table(language.t("bank-lines-title"), rows.collect(), &totals, last, page.more, language.t("bank-lines-empty"));
    listing.send(&who, Page::new(language.t("bank-lines-title")).trail(who.t("nav-ops"), "/ops"), table).await
}

/// Why a line waits, or what is special about it.
pub fn kind_text(language: Language, kind: &str) -> String {
    let key = format!("line-note-{}", kind.replace('_', "-"));
    if language.has(&key) { language.t(&key) } else { kind.to_owned() }
}

fn load_line(conn: &mut Conn, id: i64) -> Result<BankLineRow, Fault> {
    Ok(BankLineRow::find(conn, id)?.ok_or(Refusal::NotFound)?)
}

async fn bank_line_page(who: &Who<impl SignedIn>, id: i64) -> Result<(Page, String), Fault> {
    let language = who.language();
    let (row, open, back, acts, fitting) = who
        .read(move |conn| {
            let row = load_line(conn, id)?;
            let open = store::people::find_waiting(conn, Waiting::About(RecordId(id)))?;
            let line = BankLine::load(conn, BankLineId(id))?;
            let back = take_back_line::find_way_back(conn, &line)?;
            let acts = resolve_line::possible(line.state, line.kind);
            Ok((row, open, back, acts, bank_decisions::suggestions(conn, language, &line)?))
        })
        .await?;
    let mut facts = vec![
        (who.t("col-state"), Value::state(language, &row.state)),
        (who.t("col-amount"), Value::money(&row.currency, row.amount_minor)),
        (who.t("col-direction"), Value::text(language.t(&format!("direction-{}", row.direction)))),
        (who.t("line-booking-date"), Value::date(language, row.booking_date)),
        (who.t("col-value-date"), Value::date(language, row.value_date)),
        (who.t("col-counterparty"), Value::text(row.counterparty.clone())),
        (who.t("field-iban"), Value::code(row.counterparty_iban.clone())),
        (who.t("field-reference"), Value::code(row.reference.clone())),
        (who.t("field-bank-reference"), Value::code(row.bank_reference.clone())),
        (who.t("field-remittance"), Value::text(row.remittance.clone())),
    ];
    if !row.kind.is_empty() {
        facts.push((who.t("line-kind"), Value::text(kind_text(language, &row.kind))));
    }
    facts.push((who.t("field-note"), Value::text(row.note.clone())));
    if !row.party.is_empty() {
        facts.push((who.t("col-company"), Value::text(row.party.clone())));
    }
    if row.claim_minor > 0 {
        facts.push((who.t("field-claim-minor"), Value::money(&row.currency, row.claim_minor)));
    }
    let mut links = Vec::new();
    let named = |key: &str, id: i64| language.fill(key, &[("id", id.to_string())]);
    if row.twin_id > 0 {
        links.push((named("line-twin-open", row.twin_id), format!("/ops/bank-lines/{}", row.twin_id)));
    }
    if row.payout_id > 0 {
        links.push((named("line-payout-open", row.payout_id), format!("/ops/payouts/{}", row.payout_id)));
    }
    if row.receivable_id > 0 {
        links.push((who.t("receipt-to-receivable"), format!("/receivables/{}", row.receivable_id)));
    }
    if row.statement_id > 0 {
        links.push((who.t("line-statement-open"), format!("/ops/statements/{}", row.statement_id)));
    }
    let mut page = Page::new(language.fill("bank-line-open", &[("id", id.to_string())]))
        .trail(who.t("bank-lines-title"), "/ops/bank-lines")
        .with(Block::Facts(facts))
        .with(Block::Links(links));
    if let Some(open) = open {
        page = page
            .with(Block::Notice(web::Tone::Waiting, who.t("line-request-open")))
            .with(Block::Links(vec![(who.t("line-request-link"), format!("/approvals/{}", open.id))]));
    } else if who.person()?.has_role(Role::Maker) {
        page = line_forms(who, page, (&row, acts, fitting));
        if let Some(back) = back {
            let reason = Field::new("reason", who.t("field-reason"), "area");
            let form = asking(format!("/ops/bank-lines/{id}/take-back"), who.t("page-to-check"), vec![reason]);
            page = page
                .with(Block::Heading(who.t("bank-line-take-back")))
                .with(Block::Paragraph(who.t(&take_back_key(back))))
                .form(form.secondary());
        }
    }
    Ok((page, row.currency))
}

/// The acts that are possible for the line now, each under its own heading.
fn line_forms(who: &Who<impl SignedIn>, mut page: Page, (row, acts, fitting): (&BankLineRow, &[Act], Vec<Block>)) -> Page {
    let id = row.id;
    let reason = || Field::new("reason", who.t("field-reason"), "area");
    if row.state == "suspense" {
        // The first reference that the line itself suggests; a person looks at it.
        let suggested = row.note.split(' ').next().filter(|_| ["suggested", "several_references"].contains(&row.kind.as_str()));
        let reference = Field::new("reference", who.t("field-reference"), "text")
            .hint(who.t("bank-line-reference-hint"))
            .value(suggested.unwrap_or_default().to_owned());
        let part = Field::new("amount", who.t("bank-line-part"), "amount").hint(who.t("bank-line-part-hint")).optional();
        return page
            .with(Block::Heading(who.t("bank-line-assign")))
            .form(asking(format!("/ops/bank-lines/{id}/assign"), who.t("page-to-check"), vec![reference, part, reason()]))
            .with(Block::Heading(who.t("bank-line-return")))
            .form(asking(format!("/ops/bank-lines/{id}/return"), who.t("page-to-check"), vec![reason()]).secondary());
    }
    if acts.is_empty() {
        return page;
    }
    let options = acts.iter().map(|act| (act.name().to_owned(), who.t(&act_key(*act, ""))));
    let mut fields = vec![Field::new("act", who.t("field-act"), "select").options(options.collect())];
    let others: Vec<String> = acts.iter().filter(|act| act.names_another()).map(|act| who.t(&act_key(*act, "-other"))).collect();
    if !others.is_empty() {
        // The form leaves the field empty: the person who decides looks at the other record first.
        fields.push(Field::new("other_id", who.t("field-other-id"), "text").hint(others.join(" ")).optional());
    }
    if acts.contains(&Act::Accept) {
        let hint = who.t("line-value-date-hint");
        fields.push(Field::new("value_date", who.t("col-value-date"), "date").hint(hint).optional());
    }
    fields.push(reason());
    page = page.with(Block::Heading(who.t("line-resolve")));
    for act in acts {
        page = page.with(Block::Paragraph(who.t(&act_key(*act, "-lead"))));
    }
    page.blocks.extend(fitting);
    page.form(asking(format!("/ops/bank-lines/{id}/resolve"), who.t("page-to-check"), fields))
}

fn act_key(act: Act, suffix: &str) -> String {
    format!("line-act-{}{suffix}", act.name().replace('_', "-"))
}

/// The request that a form of the line's page has asked for.
fn resolution(id: i64, get: impl Fn(&str) -> String) -> Result<(Act, ResolveLine), Fault> {
    let act = Act::parse(&get("act")).ok_or_else(|| Refusal::FieldInvalid { field: "act".to_owned() })?;
    let other = get("other_id").trim().to_owned();
    let number = if act == Act::Link { bank_decisions::linked_number(&other) } else { &other };
    let other_id = match number.parse::<RecordId>() {
        _ if !act.names_another() => None,
        Ok(other) => Some(other),
        Err(_) if other.is_empty() => return Err(Refusal::FieldMissing { field: "other_id".to_owned() }.into()),
        Err(_) => return Err(Refusal::FieldInvalid { field: "other_id".to_owned() }.into()),
    };
    let day = get("value_date");
    let value_date = if act == Act::Accept && !day.trim().is_empty() { Some(typed_date(&day, "value_date")?) } else { None };
    let reason = get("reason").trim().to_owned();
    let claim_minor = get("claim_minor").parse().ok();
    let wanted = ResolveLine { line_id: BankLineId(id), act: act.name().to_owned(), other_id, value_date, claim_minor, reason };
    Ok((act, wanted))
}

async fn bank_line_resolve_check(who: Who<OperatorMaker>, id: Id, params: Params) -> Answer {
    let (id, language) = (id.0, who.language());
    let checked = async {
        let (act, mut wanted) = resolution(id, |name| params.get(name).to_owned())?;
        // The claim is what this page shows, whatever its address says.
        wanted.claim_minor = None;
        let (read, actor, now) = (wanted.clone(), who.actor()?, who.app.clock.now());
        let (decided, sides) = who
            .read(move |conn| {
                let decided = read.decide(&mut Reader::open(conn, now)?, &actor)?;
                Ok((decided, bank_decisions::sides(conn, language, &read)?))
            })
            .await?;
        wanted.claim_minor = decided.claim_minor();
        who.try_out(&wanted.clone().into()).await?;
        let mut facts = Vec::new();
        facts.extend(decided.value_date().map(|day| (who.t("col-value-date"), Value::date(language, day))));
        facts.push((who.t("field-reason"), Value::text(wanted.reason.clone())));
        let here = format!("/ops/bank-lines/{id}");
        let other = wanted.other_id.map_or_else(String::new, |other| other.to_string());
        let day = wanted.value_date.map_or_else(String::new, |day| day.to_string());
        let check = Check {
            title: who.t(&act_key(act, "")),
            lead: who.t(&act_key(act, "-lead")),
            facts,
            form: Form::new(format!("{here}/resolve"), who.t("line-resolve-submit"), vec![])
                .hidden("act", act.name())
                .hidden("other_id", other)
                .hidden("value_date", day)
                .hidden("claim_minor", wanted.claim_minor.map_or_else(String::new, |minor| minor.to_string()))
                .hidden("reason", wanted.reason),
            back: here.clone(),
        };
        let trail = [
            (who.t("bank-lines-title"), "/ops/bank-lines".to_owned()),
            (language.fill("bank-line-open", &[("id", id.to_string())]), here),
        ];
        let mut page = check_page(&who, &trail, check);
        // Both records come before what is asked of them.
        page.blocks.splice(1..1, sides);
        Ok::<_, Fault>(page)
    };
    let checked = checked.await;
    bank_line_checked(&who, id, params, checked).await
}

async fn bank_line_resolve(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (page, currency) = bank_line_page(&who, id.0).await?;
    match resolution(id.0, |name| posted.get(name).to_owned()) {
        Ok((_, command)) => submit_or_again(&who, &posted, command, page, &currency).await,
        Err(fault) => again(&who, page, &posted, fault, &currency).await,
    }
}

async fn bank_line(who: Who<OperatorViewer>, id: Id) -> Answer {
    let (page, _) = bank_line_page(&who, id.0).await?;
    who.app.page(&who.viewer, page).await
}

/// The facts of a bank line, and the act that the check page offers for it.
fn bank_line_check(who: &Who<OperatorMaker>, row: BankLineRow, act: &str, params: &Params, more: Vec<(String, Value)>) -> Page {
    let mut facts = vec![
        (who.t("col-amount"), Value::money(&row.currency, row.amount_minor)),
        (who.t("col-counterparty"), Value::text(row.counterparty)),
        (who.t("field-iban"), Value::code(row.counterparty_iban)),
        (who.t("col-value-date"), Value::date(who.language(), row.value_date)),
    ];
    facts.extend(more);
    facts.push((who.t("field-reason"), Value::text(params.get("reason"))));
    let here = format!("/ops/bank-lines/{}", row.id);
    let check = Check {
        title: who.t(&format!("bank-line-{act}")),
        lead: who.t(&format!("bank-line-{act}-lead")),
        facts,
        form: Form::new(format!("{here}/{act}"), who.t(&format!("bank-line-{act}-submit")), vec![])
            .hidden("reference", params.get("reference"))
            .hidden("amount", params.get("amount"))
            .hidden("reason", params.get("reason")),
        back: here.clone(),
    };
    let trail = [
        (who.t("bank-lines-title"), "/ops/bank-lines".to_owned()),
        (who.language().fill("bank-line-open", &[("id", row.id.to_string())]), here),
    ];
    check_page(who, &trail, check)
}

/// The company or receivable that a reference names.
async fn payee(who: &Who<OperatorMaker>, reference: &str, currency: &str) -> Result<Vec<(String, Value)>, Fault> {
    let (typed, currency) = (reference.to_owned(), currency.to_owned());
    let name = who
        .read(move |conn| {
            let target = find_target(conn, &typed, &currency)?.ok_or(Refusal::ReferenceUnknown)?;
            place(conn, target)
        })
        .await?;
    let shown = domain::creditor_reference::validate(reference).unwrap_or_default();
    Ok(vec![(who.t("field-reference"), Value::code(shown)), (who.t("col-payee"), name)])
}

async fn bank_line_checked(who: &Who<OperatorMaker>, id: i64, params: Params, checked: Result<Page, Fault>) -> Answer {
    match checked {
        Ok(page) => who.app.page(&who.viewer, page).await,
        Err(fault) => {
            let (page, currency) = bank_line_page(who, id).await?;
            again(who, page, &Posted { fields: params.fields }, fault, &currency).await
        }
    }
}

async fn bank_line_assign_check(who: Who<OperatorMaker>, id: Id, params: Params) -> Answer {
    let checked = async {
        let row = who.read(move |conn| load_line(conn, id.0)).await?;
        let command = assignment(id.0, &row.currency, |name| params.get(name).to_owned())?;
        who.try_out(&command.clone().into()).await?;
        let mut facts = payee(&who, &command.reference, &row.currency).await?;
        if let Some(part) = command.amount_minor {
            facts.push((who.t("bank-line-part"), Value::money(&row.currency, part)));
        }
        Ok::<_, Fault>(bank_line_check(&who, row, "assign", &params, facts))
    };
    let checked = checked.await;
    bank_line_checked(&who, id.0, params, checked).await
}

/// The placement that a form asks for: of a part of the money, or of all of it.
fn assignment(id: i64, currency: &str, get: impl Fn(&str) -> String) -> Result<AssignSuspense, Fault> {
    let part = get("amount");
    let amount_minor = if part.trim().is_empty() { None } else { Some(typed_amount(&part, "amount", currency)?) };
    Ok(AssignSuspense { line_id: BankLineId(id), reference: get("reference"), reason: get("reason"), amount_minor })
}

async fn bank_line_return_check(who: Who<OperatorMaker>, id: Id, params: Params) -> Answer {
    let checked = async {
        let command = ReturnSuspense { line_id: BankLineId(id.0), reason: params.get("reason").to_owned() };
        who.try_out(&command.into()).await?;
        let row = who.read(move |conn| load_line(conn, id.0)).await?;
        Ok::<_, Fault>(bank_line_check(&who, row, "return", &params, Vec::new()))
    };
    let checked = checked.await;
    bank_line_checked(&who, id.0, params, checked).await
}

async fn bank_line_assign(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (page, currency) = bank_line_page(&who, id.0).await?;
    match assignment(id.0, &currency, |name| posted.get(name).to_owned()) {
        Ok(command) => submit_or_again(&who, &posted, command, page, &currency).await,
        Err(fault) => again(&who, page, &posted, fault, &currency).await,
    }
}

/// The effect of taking a line back, in words.
fn take_back_key(back: Back) -> String {
    format!("take-back-{}", back.name().replace('_', "-"))
}

/// The company or receivable that money is for.
fn place(conn: &mut Conn, target: Target) -> Result<Value, Fault> {
    match target {
        Target::Company(id) => Ok(Value::link(Party::load(conn, id)?.name, format!("/ops/companies/{id}"))),
        Target::Receivable(id) => {
            let row = lists::ReceivableLine::find(conn, id.0)?.ok_or(Refusal::NotFound)?;
            Ok(Value::link(format!("{} · {}", row.number, row.buyer), format!("/receivables/{id}")))
        }
    }
}

/// The place that a line's money is in now.
pub(super) fn placed_with(conn: &mut Conn, line: &BankLine) -> Result<Option<Value>, Fault> {
    let target = line.party_id.map(Target::Company).or_else(|| line.receivable_id.map(Target::Receivable));
    target.map(|target| place(conn, target)).transpose()
}

/// The state that a reversed receipt gets back, and the money that goes back to it.
fn restored_facts(
    conn: &mut Conn,
    language: Language,
    (plan, receipt): (&Plan, &BankLine),
) -> Result<Vec<(String, Value)>, Fault> {
    let money = |minor| Value::money(&receipt.currency, minor);
    let mut facts = vec![(language.t("take-back-receipt-then"), Value::state(language, receipt.state.name()))];
    if let Some(place) = placed_with(conn, receipt)? {
        facts.push((language.t("take-back-placed-with"), place));
    }
    facts.push((language.t("take-back-restored"), money(plan.there_minor)));
    if plan.line.claim_minor > 0 {
        facts.push((language.t("take-back-claim-ends"), money(plan.line.claim_minor)));
        let debtor = Party::load(conn, plan.debtor)?;
        facts.push((language.t("take-back-debtor"), Value::text(debtor.name)));
    }
    Ok(facts)
}

/// Payouts of one debit that are named on a page.
const MOST_NAMED: usize = 20;

/// The line as it is now, and as it will be once it is taken back: for the check page, and for the second person.
pub(super) fn take_back_facts(conn: &mut Conn, language: Language, plan: &Plan) -> Result<Vec<(String, Value)>, Fault> {
    let Plan { line, back, .. } = plan;
    let money = |minor| Value::money(&line.currency, minor);
    let mut facts = vec![(language.t("take-back-now"), Value::state(language, line.state.name()))];
    let moved = matches!(back, Back::Placement | Back::Receipt);
    if let Some(place) = placed_with(conn, line)?.filter(|_| moved) {
        facts.push((language.t("take-back-placed-with"), place));
    }
    for row in plan.payouts.iter().take(MOST_NAMED) {
        let named = format!("{} · {}", row.end_to_end, row.holder);
        facts.push((language.t("take-back-payout"), Value::link(named, format!("/ops/payouts/{}", row.id))));
    }
    if plan.payouts.len() > MOST_NAMED {
        facts.push((language.t("take-back-payouts"), Value::text(plan.payouts.len().to_string())));
    }
    if let Some(other) = &plan.other {
        let named = language.fill("bank-line-open", &[("id", other.id.to_string())]);
        facts.push((language.t("take-back-other"), Value::link(named, format!("/ops/bank-lines/{}", other.id))));
        if *back == Back::Reverse {
            facts.extend(restored_facts(conn, language, (plan, other))?);
        }
    }
    if moved {
        facts.push((language.t("take-back-there"), money(plan.there_minor)));
    }
    if plan.missing_minor > 0 {
        facts.push((language.t("take-back-missing"), money(plan.missing_minor)));
        let debtor = Party::load(conn, plan.debtor)?;
        facts.push((language.t("take-back-debtor"), Value::text(debtor.name)));
    }
    if *back == Back::WriteOff {
        facts.push((language.t("take-back-owed"), money(plan.there_minor)));
    }
    if let Some(rest) = &plan.rest {
        facts.push((language.t("take-back-rest"), money(rest.amount_minor)));
    }
    facts.push((language.t("take-back-then"), Value::state(language, plan.state_after().name())));
    facts.push((language.t("take-back-means"), Value::text(language.t(&take_back_key(*back)))));
    Ok(facts)
}

async fn bank_line_take_back_check(who: Who<OperatorMaker>, id: Id, params: Params) -> Answer {
    let (id, language) = (id.0, who.language());
    let checked = async {
        let (row, more, back, missing_minor) = who
            .read(move |conn| {
                let row = load_line(conn, id)?;
                let line = BankLine::load(conn, BankLineId(id))?;
                let plan = take_back_line::plan(conn, line)?;
                Ok((row, take_back_facts(conn, language, &plan)?, plan.back, plan.missing_minor))
            })
            .await?;
        let (line_id, reason) = (BankLineId(id), params.get("reason").trim().to_owned());
        let command = TakeBackLine { line_id, claim_minor: Some(missing_minor), reason: reason.clone() };
        who.try_out(&command.into()).await?;
        let mut facts = vec![
            (who.t("col-amount"), Value::money(&row.currency, row.amount_minor)),
            (who.t("col-direction"), Value::text(language.t(&format!("direction-{}", row.direction)))),
            (who.t("col-counterparty"), Value::text(row.counterparty)),
            (who.t("line-booking-date"), Value::date(language, row.booking_date)),
        ];
        let means = who.t("take-back-means");
        facts.extend(more.into_iter().filter(|(label, _)| *label != means));
        facts.push((who.t("field-reason"), Value::text(reason.clone())));
        let here = format!("/ops/bank-lines/{id}");
        let check = Check {
            title: who.t("bank-line-take-back"),
            lead: who.t(&take_back_key(back)),
            facts,
            form: Form::new(format!("{here}/take-back"), who.t("bank-line-take-back-submit"), vec![])
                .hidden("claim_minor", missing_minor.to_string())
                .hidden("reason", reason),
            back: here.clone(),
        };
        let trail = [
            (who.t("bank-lines-title"), "/ops/bank-lines".to_owned()),
            (language.fill("bank-line-open", &[("id", id.to_string())]), here),
        ];
        Ok::<_, Fault>(check_page(&who, &trail, check))
    };
    let checked = checked.await;
    bank_line_checked(&who, id, params, checked).await
}

async fn bank_line_take_back(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (page, currency) = bank_line_page(&who, id.0).await?;
    let claim_minor = posted.get("claim_minor").parse().ok();
    let command = TakeBackLine { line_id: BankLineId(id.0), claim_minor, reason: posted.get("reason").to_owned() };
    submit_or_again(&who, &posted, command, page, &currency).await
}

async fn bank_line_return(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (page, currency) = bank_line_page(&who, id.0).await?;
    submit_or_again(
        &who,
        &posted,
        ReturnSuspense { line_id: BankLineId(id.0), reason: posted.get("reason").to_owned() },
        page,
        &currency,
    )
    .await
}

async fn manual_receipt_page(who: &Who<OperatorMaker>) -> Result<Page, Fault> {
    let (currencies, accounts) = who.read(|conn| Ok((traded_currencies(conn)?, store::custody::list(conn)?))).await?;
    let options = currencies.iter().map(|currency| (currency.code().to_owned(), currency.code().to_owned())).collect();
    let mut standing = vec![(String::new(), who.t("payouts-current-account"))];
    let taking = accounts.iter().filter(|row| row.state != CustodyState::Closed);
    standing.extend(taking.map(|row| (row.id.to_string(), format!("{} · {}", row.iban, carried(who.language(), row)))));
    let fields = vec![
        Field::new("currency", who.t("col-currency"), "select").options(options),
        Field::new("amount", who.t("col-amount"), "amount"),
        Field::new("value_date", who.t("col-value-date"), "date"),
        Field::new("reference", who.t("field-reference"), "text").hint(who.t("bank-line-reference-hint")),
        Field::new("bank_reference", who.t("field-bank-reference"), "text")
            .hint(who.t("manual-receipt-bank-reference"))
            .optional(),
        Field::new("account_id", who.t("custody-account"), "select")
            .options(standing)
            .hint(who.t("manual-receipt-account-hint"))
            .optional(),
        Field::new("reason", who.t("field-reason"), "area"),
    ];
    Ok(Page::new(who.t("manual-receipt-title"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(who.t("manual-receipt-lead")))
        .form(asking("/ops/receipts/check", who.t("page-to-check"), fields)))
}

/// The receipt as the form gives it.
fn typed_receipt(posted: &Posted) -> Result<RecordReceipt, Fault> {
    let currency = posted.get("currency").to_owned();
    Ok(RecordReceipt {
        amount_minor: posted.amount("amount", &currency)?,
        value_date: posted.date("value_date")?,
        reference: posted.get("reference").to_owned(),
        bank_reference: posted.get("bank_reference").trim().to_owned(),
        other_than: posted.get("other_than").parse().unwrap_or(BankLineId(0)),
        account_id: posted.get("account_id").trim().parse().ok(),
        reason: posted.get("reason").to_owned(),
        currency,
    })
}

/// The receipt that the button records, the facts about it, and the lines that could be this very money.
async fn receipt_facts(
    who: &Who<OperatorMaker>,
    typed: &Posted,
) -> Result<(RecordReceipt, Vec<(String, Value)>, Vec<BankLine>), Fault> {
    let mut receipt = typed_receipt(typed)?;
    let read = receipt.clone();
    let known = who.read(move |conn| {
        let RecordReceipt { currency, amount_minor, value_date, .. } = &read;
        Ok(list_known(conn, currency, *amount_minor, *value_date, BankLineId(0))?)
    });
    let known = known.await?;
    // The person who goes on has seen these lines; for a line that comes later, the page asks again.
    receipt.other_than = known.first().map_or(BankLineId(0), |line| line.id);
    who.try_out(&receipt.clone().into()).await?;
    let (account, currency) = (receipt.account_id, receipt.currency.clone());
    let own = who.read(move |conn| Ok(crate::commands::bank::custody::receiving(conn, account, &currency)?)).await?;
    let mut facts = vec![
        (who.t("col-amount"), Value::money(&receipt.currency, receipt.amount_minor)),
        (who.t("col-value-date"), Value::date(who.language(), receipt.value_date)),
    ];
    facts.extend(payee(who, &receipt.reference, &receipt.currency).await?);
    facts.push((who.t("field-reason"), Value::text(receipt.reason.clone())));
    facts.push((who.t("custody-account"), Value::code(own.iban)));
    Ok((receipt, facts, known))
}

async fn manual_receipt_check(who: Who<OperatorMaker>, params: Params) -> Answer {
    let (language, typed) = (who.language(), Posted { fields: params.fields });
    let (receipt, facts, known) = match receipt_facts(&who, &typed).await {
        Ok(checked) => checked,
        Err(fault) => {
            let page = manual_receipt_page(&who).await?;
            return again(&who, page, &typed, fault, typed.get("currency")).await;
        }
    };
    let mut form = Form::new("/ops/receipts", who.t("manual-receipt-submit"), vec![]);
    for name in ["currency", "amount", "value_date", "reference", "bank_reference", "account_id", "reason"] {
        form = form.hidden(name, typed.get(name));
    }
    form = form.hidden("other_than", receipt.other_than.to_string());
    let check = Check {
        title: who.t("manual-receipt-check"),
        lead: who.t("manual-receipt-check-lead"),
        facts,
        form,
        back: "/ops/receipts".to_owned(),
    };
    let mut page = check_page(&who, &[(who.t("manual-receipt-title"), "/ops/receipts".to_owned())], check);
    if !known.is_empty() {
        let links = known.iter().map(|line| {
            let name = language.fill("bank-line-open", &[("id", line.id.to_string())]);
            (name, format!("/ops/bank-lines/{}", line.id))
        });
        let seen = [Block::Notice(web::Tone::Attention, who.t("manual-receipt-known")), Block::Links(links.collect())];
        page.blocks.splice(0..0, seen);
    }
    who.app.page(&who.viewer, page).await
}

async fn manual_receipt(who: Who<OperatorMaker>) -> Answer {
    let page = manual_receipt_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

async fn manual_receipt_post(who: Who<OperatorMaker>, posted: Posted) -> Answer {
    let page = manual_receipt_page(&who).await?;
    let currency = posted.get("currency");
    match typed_receipt(&posted) {
        Ok(command) => submit_or_again(&who, &posted, command, page, currency).await,
        Err(fault) => again(&who, page, &posted, fault, currency).await,
    }
}
