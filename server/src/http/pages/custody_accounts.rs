//! The platform's accounts at banks: the balance of each by the books and by the bank, the current one, and the acts of two
//! operators.

use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::home::traded_currencies;
use super::listing::plain_table;
use super::statements::comparison_blocks;
use super::{Answer, Check, SignedIn, again, asking, check_page, submit_or_again};
use crate::commands::bank::choose_custody_account::ChooseCustodyAccount;
use crate::commands::bank::close_custody_account::CloseCustodyAccount;
use crate::commands::bank::open_custody_account::OpenCustodyAccount;
use domain::custody::CustodyState;
use domain::party::Role;
use domain::{Currency, Refusal};
use kernel::CustodyId;
use store::people::Waiting;
use store::reconciliation::{self, Comparison};
use store::records::Keyed;
use store::{Conn, CustodyAccount};
use web::{Block, Field, Form, Language, Page, Value};

const LIST: &str = "/ops/custody-accounts";

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/custody-accounts", accounts);
    routes.post("/ops/custody-accounts", open);
    routes.get("/ops/custody-accounts/check", open_check);
    routes.get("/ops/custody-accounts/{id}", account);
    routes.get("/ops/custody-accounts/{id}/choose", choose_check);
    routes.post("/ops/custody-accounts/{id}/choose", choose);
    routes.get("/ops/custody-accounts/{id}/close", close_check);
    routes.post("/ops/custody-accounts/{id}/close", close);
}

/// An account with everything that is shown of it.
struct Shown {
    row: CustodyAccount,
    current_for: Vec<String>,
    balances: Vec<(Currency, i64)>,
    compared: Vec<Comparison>,
}

fn load(conn: &mut Conn, row: CustodyAccount) -> Result<Shown, Fault> {
    let current_for = store::custody::current_for(conn, row.id)?;
    let balances = store::custody::balances(conn, row.id)?;
    let compared = reconciliation::compare_account(conn, row.id)?;
    Ok(Shown { row, current_for, balances, compared })
}

/// The currency that an account carries, in words.
pub fn carried(language: Language, row: &CustodyAccount) -> String {
    if row.currency.is_empty() { language.t("custody-every-currency") } else { row.currency.clone() }
}

/// The bank's name; the account of the founding has none.
fn bank_of(language: Language, row: &CustodyAccount) -> Value {
    Value::text(if row.bank.is_empty() { language.t("custody-bank-not-given") } else { row.bank.clone() })
}

fn sums(language: Language, sums: &[(String, i64)]) -> Value {
    let texts: Vec<String> = sums.iter().map(|(currency, minor)| language.money(currency, *minor)).collect();
    Value::text(if texts.is_empty() { "–".to_owned() } else { texts.join(&language.t("list-separator")) })
}

fn differences(shown: &Shown) -> Vec<(String, i64)> {
    shown.compared.iter().map(|one| (one.currency.clone(), one.difference_minor())).collect()
}

fn by_books(shown: &Shown) -> Vec<(String, i64)> {
    shown.balances.iter().map(|(currency, minor)| (currency.code().to_owned(), *minor)).collect()
}

/// The last day of the newest statement.
fn last_statement(language: Language, shown: &Shown) -> Value {
    let newest = shown.compared.iter().max_by_key(|one| (one.to_date, one.statement_id));
    let day = newest.and_then(|one| Some((one.statement_id, one.to_date?)));
    day.map_or_else(|| Value::text("–"), |(id, day)| Value::link(language.date(day), format!("/ops/statements/{id}")))
}

/// The last day of the newest statement of which nothing is unexplained.
fn last_reconciled(language: Language, shown: &Shown) -> Value {
    let equal = shown.compared.iter().filter(|one| one.unexplained_minor() == 0);
    equal.filter_map(|one| one.to_date).max().map_or_else(|| Value::text("–"), |day| Value::date(language, day))
}

async fn list_page(who: &Who<impl SignedIn>) -> Result<Page, Fault> {
    let language = who.language();
    let (all, proposed) = who
        .read(|conn| {
            let mut all = Vec::new();
            for row in store::custody::list(conn)? {
                all.push(load(conn, row)?);
            }
            Ok((all, store::people::list_waiting(conn, Waiting::For("open_custody_account"))?))
        })
        .await?;
    let mut rows: Vec<Vec<Value>> = all
        .iter()
        .map(|shown| {
            vec![
                Value::link(shown.row.iban.clone(), format!("{LIST}/{}", shown.row.id)),
                bank_of(language, &shown.row),
                Value::text(carried(language, &shown.row)),
                Value::state(language, &format!("custody_{}", shown.row.state)),
                Value::text(shown.current_for.join(", ")),
                sums(language, &by_books(shown)),
                last_statement(language, shown),
                sums(language, &differences(shown)),
            ]
        })
        .collect();
    for asked in &proposed {
        let wanted: OpenCustodyAccount = serde_json::from_str(&asked.body).unwrap_or_default();
        let currency = if wanted.currency.is_empty() { language.t("custody-every-currency") } else { wanted.currency };
        let mut row = vec![
            Value::link(wanted.iban, format!("/approvals/{}", asked.id)),
            Value::text(wanted.bank),
            Value::text(currency),
            Value::state(language, "custody_proposed"),
        ];
        row.resize_with(8, || Value::text(""));
        rows.push(row);
    }
    let heads = [
        ("custody-account", false),
        ("custody-bank", false),
        ("col-currency", false),
        ("col-state", false),
        ("custody-current-for", false),
        ("custody-books", true),
        ("custody-last-statement", false),
        ("reconciliation-difference", true),
    ];
    let mut page = Page::new(who.t("custody-title"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(who.t("custody-lead")))
        .table(plain_table(language, "custody-title", &heads, rows, "list-no-match"))
        .with(Block::Links(vec![(who.t("reconciliation-title"), "/ops/reconciliation".to_owned())]));
    if who.person()?.has_role(Role::Maker) {
        let fields = vec![
            Field::new("iban", who.t("field-iban"), "text"),
            Field::new("bic", who.t("field-bic"), "text").optional(),
            Field::new("bank", who.t("custody-bank"), "text"),
            Field::new("holder", who.t("field-holder"), "text").hint(who.t("custody-holder-hint")).optional(),
            Field::new("currency", who.t("col-currency"), "text").hint(who.t("custody-currency-hint")).optional(),
        ];
        page = page.with(Block::Heading(who.t("custody-open"))).with(Block::Paragraph(who.t("custody-open-lead"))).form(asking(
            "/ops/custody-accounts/check",
            who.t("page-to-check"),
            fields,
        ));
    }
    Ok(page)
}

async fn accounts(who: Who<OperatorViewer>) -> Answer {
    let page = list_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

fn wanted(get: impl Fn(&str) -> String) -> OpenCustodyAccount {
    OpenCustodyAccount { iban: get("iban"), bic: get("bic"), bank: get("bank"), holder: get("holder"), currency: get("currency") }
}

/// The content of a request to open an account, as a second person reads it.
pub fn opening_facts(conn: &mut Conn, language: Language, wanted: &OpenCustodyAccount) -> Result<Vec<(String, Value)>, Fault> {
    let operator = store::parties::find_operator(conn)?;
    let holder = if wanted.holder.trim().is_empty() {
        operator.map(|party| party.name).unwrap_or_default()
    } else {
        wanted.holder.clone()
    };
    let currency = wanted.currency.trim();
    let currency = if currency.is_empty() { language.t("custody-every-currency") } else { currency.to_owned() };
    let mut facts = vec![
        (language.t("field-iban"), Value::code(wanted.iban.clone())),
        (language.t("custody-bank"), Value::text(wanted.bank.clone())),
        (language.t("field-holder"), Value::text(holder)),
        (language.t("col-currency"), Value::text(currency)),
    ];
    if !wanted.bic.trim().is_empty() {
        facts.push((language.t("field-bic"), Value::code(wanted.bic.clone())));
    }
    Ok(facts)
}

async fn open_check(who: Who<OperatorMaker>, params: Params) -> Answer {
    let language = who.language();
    let asked = wanted(|name| params.get(name).to_owned());
    let checked = async {
        who.try_out(&asked.clone().into()).await?;
        let read = asked.clone();
        who.read(move |conn| opening_facts(conn, language, &read)).await
    };
    let facts = match checked.await {
        Ok(facts) => facts,
        Err(fault) => {
            let page = list_page(&who).await?;
            return again(&who, page, &Posted { fields: params.fields }, fault, "").await;
        }
    };
    let mut form = Form::new(LIST, who.t("custody-open-submit"), vec![]);
    for (name, value) in
        [("iban", asked.iban), ("bic", asked.bic), ("bank", asked.bank), ("holder", asked.holder), ("currency", asked.currency)]
    {
        form = form.hidden(name, value);
    }
    let check = Check { title: who.t("custody-open"), lead: who.t("custody-open-check"), facts, form, back: LIST.to_owned() };
    let page = check_page(&who, &[(who.t("nav-ops"), "/ops".to_owned()), (who.t("custody-title"), LIST.to_owned())], check);
    who.app.page(&who.viewer, page).await
}

async fn open(who: Who<OperatorMaker>, posted: Posted) -> Answer {
    let page = list_page(&who).await?;
    let command = wanted(|name| posted.get(name).to_owned());
    submit_or_again(&who, &posted, command, page, "").await
}

/// The facts of an account that its pages show.
pub fn account_facts(language: Language, row: &CustodyAccount) -> Vec<(String, Value)> {
    let mut facts = vec![
        (language.t("field-iban"), Value::code(row.iban.clone())),
        (language.t("custody-bank"), bank_of(language, row)),
        (language.t("field-holder"), Value::text(row.holder.clone())),
        (language.t("col-currency"), Value::text(carried(language, row))),
        (language.t("col-state"), Value::state(language, &format!("custody_{}", row.state))),
        (language.t("custody-opened-on"), Value::date(language, row.opened_on)),
    ];
    if !row.bic.is_empty() {
        facts.push((language.t("field-bic"), Value::code(row.bic.clone())));
    }
    let days = [("custody-closing-on", row.closing_on), ("custody-closed-on", row.closed_on)];
    facts.extend(days.into_iter().filter_map(|(key, day)| Some((language.t(key), Value::date(language, day?)))));
    if !row.reason.is_empty() {
        facts.push((language.t("field-reason"), Value::text(row.reason.clone())));
    }
    facts
}

/// The facts for a second person before an account is left: its data, its balance, and that the act is final.
pub fn leaving_facts(conn: &mut Conn, language: Language, id: CustodyId) -> Result<Vec<(String, Value)>, Fault> {
    let Some(row) = CustodyAccount::find(conn, id)? else { return Ok(Vec::new()) };
    let mut facts = account_facts(language, &row);
    let key = if next_of(&row) == CustodyState::Closing { "custody-leave-lead" } else { "custody-close-lead" };
    let shown = load(conn, row)?;
    facts.push((language.t("custody-books"), sums(language, &by_books(&shown))));
    facts.push((language.t("take-back-means"), Value::text(language.t(key))));
    Ok(facts)
}

async fn account_page(who: &Who<impl SignedIn>, id: i64) -> Result<(Page, CustodyAccount), Fault> {
    let language = who.language();
    let (shown, currencies) = who
        .read(move |conn| {
            let row = CustodyAccount::find(conn, CustodyId(id))?.ok_or(Refusal::NotFound)?;
            Ok((load(conn, row)?, traded_currencies(conn)?))
        })
        .await?;
    let row = shown.row.clone();
    let mut facts = account_facts(language, &row);
    facts.extend([
        (who.t("custody-current-for"), Value::text(shown.current_for.join(", "))),
        (who.t("custody-books"), sums(language, &by_books(&shown))),
        (who.t("custody-last-statement"), last_statement(language, &shown)),
        (who.t("custody-last-reconciled"), last_reconciled(language, &shown)),
        (who.t("reconciliation-difference"), sums(language, &differences(&shown))),
    ]);
    let mut page = Page::new(language.fill("custody-account-title", &[("iban", row.iban.clone())]))
        .trail(who.t("nav-ops"), "/ops")
        .trail(who.t("custody-title"), LIST)
        .with(Block::Facts(facts));
    for one in &shown.compared {
        page = comparison_blocks(language, page, (one, &row.iban));
    }
    if who.person()?.has_role(Role::Maker) {
        let here = format!("{LIST}/{id}");
        let free = currencies.iter().map(Currency::code);
        let free: Vec<(String, String)> = free
            .filter(|code| row.carries(code) && !shown.current_for.iter().any(|current| current == code))
            .map(|code| (code.to_owned(), code.to_owned()))
            .collect();
        if row.state == CustodyState::Open && !free.is_empty() {
            let field = Field::new("currency", who.t("col-currency"), "select").options(free);
            page = page
                .with(Block::Heading(who.t("custody-choose")))
                .with(Block::Paragraph(who.t("custody-choose-lead")))
                .form(asking(format!("{here}/choose"), who.t("page-to-check"), vec![field]));
        }
        if row.state != CustodyState::Closed {
            let key = if row.state == CustodyState::Open { "custody-leave" } else { "custody-close" };
            let reason = Field::new("reason", who.t("field-reason"), "area");
            page = page
                .with(Block::Heading(who.t(key)))
                .with(Block::Paragraph(who.t(&format!("{key}-lead"))))
                .form(asking(format!("{here}/close"), who.t("page-to-check"), vec![reason]).secondary());
        }
    }
    Ok((page, row))
}

async fn account(who: Who<OperatorViewer>, id: Id) -> Answer {
    let (page, _) = account_page(&who, id.0).await?;
    who.app.page(&who.viewer, page).await
}

fn trail(who: &Who<OperatorMaker>, row: &CustodyAccount) -> [(String, String); 2] {
    [(who.t("custody-title"), LIST.to_owned()), (row.iban.clone(), format!("{LIST}/{}", row.id))]
}

async fn choose_check(who: Who<OperatorMaker>, id: Id, params: Params) -> Answer {
    let (page, row) = account_page(&who, id.0).await?;
    let currency = params.get("currency").to_owned();
    let command = ChooseCustodyAccount { account_id: row.id, currency: currency.clone() };
    if let Err(fault) = who.try_out(&command.into()).await {
        return again(&who, page, &Posted { fields: params.fields }, fault, "").await;
    }
    let wanted = currency.clone();
    let before = who.read(move |conn| Ok(store::custody::find_current(conn, &wanted)?)).await?;
    let here = format!("{LIST}/{}", row.id);
    let facts = vec![
        (who.t("col-currency"), Value::text(currency.clone())),
        (who.t("custody-account"), Value::code(row.iban.clone())),
        (who.t("custody-before"), Value::code(before.map_or_else(String::new, |before| before.iban))),
    ];
    let form = Form::new(format!("{here}/choose"), who.t("custody-choose-submit"), vec![]).hidden("currency", currency);
    let check = Check { title: who.t("custody-choose"), lead: who.t("custody-choose-check"), facts, form, back: here };
    let page = check_page(&who, &trail(&who, &row), check);
    who.app.page(&who.viewer, page).await
}

async fn choose(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (page, _) = account_page(&who, id.0).await?;
    let currency = posted.get("currency").to_owned();
    let command = ChooseCustodyAccount { account_id: CustodyId(id.0), currency: currency.clone() };
    submit_or_again(&who, &posted, command, page, &currency).await
}

/// The state that an account is left into next.
fn next_of(row: &CustodyAccount) -> CustodyState {
    match row.state {
        CustodyState::Open => CustodyState::Closing,
        CustodyState::Closing | CustodyState::Closed => CustodyState::Closed,
    }
}

async fn close_check(who: Who<OperatorMaker>, id: Id, params: Params) -> Answer {
    let (page, row) = account_page(&who, id.0).await?;
    let next = next_of(&row);
    let (to, reason) = (next.name().to_owned(), params.get("reason").to_owned());
    let command = CloseCustodyAccount { account_id: row.id, to, reason };
    if let Err(fault) = who.try_out(&command.into()).await {
        return again(&who, page, &Posted { fields: params.fields }, fault, "").await;
    }
    let here = format!("{LIST}/{}", row.id);
    let key = if next == CustodyState::Closing { "custody-leave" } else { "custody-close" };
    let mut facts = account_facts(who.language(), &CustodyAccount { reason: String::new(), ..row.clone() });
    let read = row.clone();
    let shown = who.read(move |conn| load(conn, read)).await?;
    facts.push((who.t("custody-books"), sums(who.language(), &by_books(&shown))));
    facts.push((who.t("field-reason"), Value::text(params.get("reason"))));
    let form = Form::new(format!("{here}/close"), who.t(&format!("{key}-submit")), vec![])
        .hidden("to", next.name())
        .hidden("reason", params.get("reason"));
    let check = Check { title: who.t(key), lead: who.t(&format!("{key}-lead")), facts, form, back: here };
    let page = check_page(&who, &trail(&who, &row), check);
    who.app.page(&who.viewer, page).await
}

async fn close(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let (page, row) = account_page(&who, id.0).await?;
    let (to, reason) = (posted.get("to").to_owned(), posted.get("reason").to_owned());
    let to = if to.is_empty() { next_of(&row).name().to_owned() } else { to };
    submit_or_again(&who, &posted, CloseCustodyAccount { account_id: CustodyId(id.0), to, reason }, page, "").await
}
