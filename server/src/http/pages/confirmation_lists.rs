//! Confirms many payables with one decision. A person chooses them in the inbox or gives them as a table, and checks them on a
//! page of their own. The list shows the result for each.

use super::super::error::{Fault, RowFault};
use super::super::rights::{BuyerMaker, BuyerViewer, Who};
use super::super::routes::{Id, MOST_FIELDS, Params, Posted, Routes, parse_fields};
use super::super::upload::{Uploaded, UploadedFile};
use super::listing::{Head, Listing, MOST_FAULTS_SHOWN, faults_file, plain_table};
use super::payables::{payables_listing, payables_page};
use super::programmes::standing_sentence;
use super::{Answer, SignedIn, again, receipt};
use crate::commands::Outcome;
use crate::commands::confirmations::confirm_invoice::words;
use crate::commands::confirmations::confirm_list::ConfirmList;
use crate::commands::confirmations::draft_confirmation_list::{DraftConfirmationList, DraftItem};
use crate::commands::programmes::terms::{Places, Subject};
use domain::confirmation_list::MOST_ITEMS;
use domain::invoice::owed_minor;
use domain::party::Role;
use domain::undertaking;
use domain::{Currency, Refusal};
use formats::csv::ConfirmationRow;
use kernel::{ConfirmationListId, InvoiceId, PartyId};
use serde_json::Value as Json;
use std::collections::{HashMap, HashSet};
use store::lists::{ConfirmationItemLine, ConfirmationListLine, InvoiceLine, ListQuery, Total};
use store::records::Keyed;
use store::{Conn, Invoice, Party, confirmations};
use web::{Block, Field, Form, Language, Page, Row, Table, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.post("/payables/choose", choose);
    routes.get("/payables/file", file);
    routes.post("/payables/file", file_post);
    routes.get("/payables/lists", lists);
    routes.get("/payables/lists/{id}", list);
    routes.post("/payables/lists/{id}/confirm", confirm);
}

/// Payables that wait for the buyer's answer.
const OPEN: &str = "state IN ('presented', 'disputed')";

/// The lines of a selection: each payable with all that is owed, on the day that the invoice says.
fn whole(rows: &[InvoiceLine]) -> Vec<DraftItem> {
    let item = |row: &InvoiceLine| DraftItem {
        invoice_id: InvoiceId(row.id),
        amount_minor: owed_minor(row.payable_minor, row.credited_minor),
        due_date: row.due_date,
        reason: String::new(),
    };
    rows.iter().map(item).collect()
}

/// The selection in the inbox: boxes, the whole page, or everything that matches its filter.
async fn chosen(who: &Who<BuyerMaker>, posted: &Posted, params: &Params) -> Result<Vec<DraftItem>, Fault> {
    let ids: Result<Vec<InvoiceId>, Fault> = match posted.get("scope") {
        "all" => Ok(Vec::new()),
        "page" => posted.get("shown").split(',').filter(|id| !id.is_empty()).map(number).collect(),
        _ => posted.fields.iter().filter(|(name, _)| name == "chosen").map(|(_, id)| number(id)).collect(),
    };
    let (ids, party_id) = (ids?, who.party_id()?);
    let size = MOST_ITEMS.saturating_add(1);
    let mut wanted = ListQuery { order: "due_or_issue", descending: false, size, ..ListQuery::newest(1) };
    if posted.get("scope") == "all" {
        wanted.conditions = payables_listing(params, who.language()).query().conditions;
        wanted = wanted.with(OPEN, vec![]);
    }
    wanted = wanted.with("buyer_id = ?", vec![party_id.into()]);
    let everything = posted.get("scope") == "all";
    let rows = who
        .read(move |conn| {
            if !everything {
                let (among, list) = store::query::among(conn, "id", &ids);
                wanted = wanted.with(&among, vec![list]);
            }
            Ok(InvoiceLine::page(conn, &wanted)?.rows)
        })
        .await?;
    Ok(whole(&rows))
}

fn number(id: &str) -> Result<InvoiceId, Fault> {
    id.parse().map_err(|_| Refusal::FieldInvalid { field: "chosen".to_owned() }.into())
}

async fn choose(who: Who<BuyerMaker>, posted: Posted) -> Answer {
    let params = Params { fields: parse_fields(posted.get("query"), MOST_FIELDS)?, path: "/payables".to_owned() };
    let drafted = match chosen(&who, &posted, &params).await {
        Ok(items) => who.submit(&posted.key(), DraftConfirmationList { items }).await,
        Err(fault) => Err(fault),
    };
    match drafted {
        Ok(outcome) => {
            Ok(super::super::see_other(&format!("/payables/lists/{}", outcome.number::<ConfirmationListId>("list_id"))))
        }
        Err(fault) => {
            let (mut page, table) = payables_page(&who, &params).await?;
            page.push(Block::Table(Box::new(table)));
            again(&who, page, &posted, fault, "").await
        }
    }
}

fn file_page<R: SignedIn>(who: &Who<R>) -> Page {
    let field = Field::new("files", who.t("confirmation-file"), "file")
        .hint(who.language().fill("confirmation-file-hint", &[("most", MOST_ITEMS.to_string())]));
    Page::new(who.t("confirmation-file-title"))
        .trail(who.t("payables-title"), "/payables")
        .with(Block::Paragraph(who.t("confirmation-file-lead")))
        .with(Block::Words("invoice_number,supplier_tax_id,amount,due_date,reason".to_owned()))
        .form(Form::new("/payables/file", who.t("confirmation-file-submit"), vec![field]))
}

async fn file(who: Who<BuyerMaker>) -> Answer {
    let page = file_page(&who);
    who.app.page(&who.viewer, page).await
}

/// A table's rows as lines of a list. One wrong row, and nothing of it is taken.
pub async fn read_table(who: &Who<BuyerMaker>, content: Vec<u8>) -> Result<Vec<DraftItem>, Fault> {
    let party_id = who.party_id()?;
    let rows = who.app.reader.confirmations(party_id, content).await?.map_err(Fault::cells)?;
    who.read(move |conn| check_rows(conn, party_id, rows)).await
}

fn check_rows(conn: &mut Conn, party_id: PartyId, rows: Vec<ConfirmationRow>) -> Result<Vec<DraftItem>, Fault> {
    if rows.len() > MOST_ITEMS {
        return Err(Refusal::TooManyChosen { most: MOST_ITEMS }.into());
    }
    let known = payables_by_number(conn, party_id)?;
    let today = store::records::load_heads(conn)?.business_date;
    let (mut terms, mut taken) = (HashMap::new(), HashSet::new());
    let (mut items, mut faults) = (Vec::new(), Vec::new());
    for row in rows {
        let key = (number_of(&row.supplier_tax_id), domain::identity::normalise_number(&row.invoice_number));
        let refused = |column, refusal, currency: &str| RowFault::Refused {
            line: row.line,
            column,
            refusal,
            currency: currency.to_owned(),
        };
        let invoice = match known.get(&key).map(Vec::as_slice) {
            Some([only]) => only,
            // The same number in two years: only a person can say which is meant.
            Some([_, ..]) => {
                faults.push(refused("invoice_number", Refusal::DuplicateInvoice { number: row.invoice_number.clone() }, ""));
                continue;
            }
            _ => {
                faults.push(refused("invoice_number", Refusal::NotFound, ""));
                continue;
            }
        };
        if !taken.insert(invoice.id) {
            faults.push(refused("invoice_number", Refusal::DuplicateInvoice { number: row.invoice_number.clone() }, ""));
            continue;
        }
        let Some(amount_minor) = minor_of(&row, &invoice.currency) else {
            faults.push(refused("amount", Refusal::AmountInvalid { field: "amount".to_owned() }, &invoice.currency));
            continue;
        };
        if !terms.contains_key(&invoice.currency) {
            terms.insert(
                invoice.currency.clone(),
                crate::commands::confirmations::confirm_invoice::issue_terms(conn, &invoice.currency)?.1,
            );
        }
        let item = DraftItem { invoice_id: invoice.id, amount_minor, due_date: Some(row.due_date), reason: row.reason.clone() };
        let checked = terms
            .get(&invoice.currency)
            .map(|terms| crate::commands::confirmations::draft_confirmation_list::check(invoice, &item, terms, today));
        match checked {
            Some(Err(refusal)) => faults.push(refused(column_of(&refusal), refusal, &invoice.currency)),
            _ => items.push(item),
        }
    }
    if faults.is_empty() { Ok(items) } else { Err(Fault::rows(faults)) }
}

fn minor_of(row: &ConfirmationRow, currency: &str) -> Option<i64> {
    Currency::parse(currency)?.parse_decimal(&row.amount.to_string()).ok()
}

/// The column that a rule's no is about.
fn column_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::AmountInvalid { .. } | Refusal::ConfirmedTooMuch { .. } | Refusal::PayableNotPositive => "amount",
        Refusal::DueDateTooClose { .. } | Refusal::DueDateTooFar { .. } | Refusal::FieldMissing { .. } => "due_date",
        Refusal::ReasonMissing | Refusal::FieldInvalid { .. } => "reason",
        _ => "invoice_number",
    }
}

/// A tax id without its country's prefix: a buyer's table may leave it out.
fn number_of(tax_id: &str) -> String {
    domain::tax_id::bare(&domain::tax_id::key("", tax_id)).to_owned()
}

/// Invoices that were presented to a buyer and are not settled, by supplier's tax id and number.
fn payables_by_number(conn: &mut Conn, party_id: PartyId) -> Result<HashMap<(String, String), Vec<Invoice>>, Fault> {
    let rows = store::invoices::list_unsettled_invoices(conn, party_id)?;
    let mut suppliers: Vec<PartyId> = rows.iter().map(|row| row.supplier_id).collect();
    suppliers.sort_unstable();
    suppliers.dedup();
    // By the tax id that the supplier has now, also where it was another when the invoice came.
    let suppliers = Party::list_ids(conn, &suppliers)?;
    let numbers: HashMap<PartyId, String> = suppliers.iter().map(|party| (party.id, number_of(&party.tax_key))).collect();
    let mut found: HashMap<(String, String), Vec<Invoice>> = HashMap::new();
    for row in rows {
        let number = numbers.get(&row.supplier_id).cloned().unwrap_or_default();
        found.entry((number, domain::identity::normalise_number(&row.number))).or_default().push(row);
    }
    Ok(found)
}

async fn file_post(who: Who<BuyerMaker>, uploaded: Uploaded) -> Answer {
    let posted = uploaded.posted;
    let drafted = async {
        let items = read_table(&who, only_file(uploaded.files)?.content).await?;
        who.submit(&posted.key(), DraftConfirmationList { items }).await
    };
    let drafted = drafted.await;
    after_table(&who, &posted, drafted, file_page(&who)).await
}

/// The one file that a form has brought.
pub fn only_file(files: Vec<UploadedFile>) -> Result<UploadedFile, Fault> {
    match files.into_iter().next() {
        None => Err(Refusal::FieldMissing { field: "files".to_owned() }.into()),
        Some(file) if file.too_large => Err(Refusal::FileTooLarge.into()),
        Some(file) => Ok(file),
    }
}

/// The list that a table has become, or its form again with what is wrong.
pub async fn after_table(who: &Who<BuyerMaker>, posted: &Posted, drafted: Result<Outcome, Fault>, form: Page) -> Answer {
    match drafted {
        Ok(outcome) => {
            Ok(super::super::see_other(&format!("/payables/lists/{}", outcome.number::<ConfirmationListId>("list_id"))))
        }
        Err(Fault::Unreadable(fault)) => wrong_rows(who, form, &[RowFault::Cell(fault)]).await,
        Err(Fault::Rows(rows)) => wrong_rows(who, form, &rows).await,
        Err(fault) => again(who, form, posted, fault, "").await,
    }
}

/// The form again, with every row that is wrong.
async fn wrong_rows(who: &Who<BuyerMaker>, mut page: Page, rows: &[RowFault]) -> Answer {
    let language = who.language();
    let count = rows.iter().map(RowFault::count).fold(0_usize, usize::saturating_add);
    page.errors.push(("files".to_owned(), language.fill("confirmation-file-wrong", &[("count", count.to_string())])));
    let line = |row: &RowFault| (Tone::Attention, String::new(), row.sentence(language), String::new());
    page.push(Block::Results(rows.iter().take(MOST_FAULTS_SHOWN).map(line).collect()));
    if rows.len() > MOST_FAULTS_SHOWN {
        let places = [("most", MOST_FAULTS_SHOWN.to_string())];
        let rest = rows.last().filter(|row| row.count() > 1);
        let said = if rest.is_some() { "faults-shown-cut" } else { "faults-shown" };
        page.push(Block::Paragraph(language.fill(said, &places)));
        if let Some(rest) = rest {
            page.push(Block::Paragraph(rest.sentence(language)));
        }
        page.push(faults_file(language, "table", rows.iter().map(|row| row.cells(language))));
    }
    who.app.page_with(&who.viewer, page, actix_web::http::StatusCode::UNPROCESSABLE_ENTITY).await
}

async fn lists(who: Who<BuyerViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-list", false, "id"),
        ("col-when", false, ""),
        ("col-count", true, "count"),
        ("col-confirmed", true, "confirmed"),
        ("col-maker", false, "signer"),
        ("col-checker", false, "approver"),
        ("col-state", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[],
        states: &["draft", "running", "done"],
        heads,
        default: ("id", true),
        summed: "",
    };
    let wanted = listing.query().with("party_id = ?", vec![who.party_id()?.into()]);
    let order = wanted.order;
    let page = who.read(move |conn| Ok(ConfirmationListLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(title_of(language, ConfirmationListId(row.id)), format!("/payables/lists/{}", row.id)),
            Value::moment(language, row.created_at),
            Value::number(row.count),
            Value::number(row.confirmed),
            Value::text(row.signer.clone()),
            Value::text(row.approver.clone()),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "count" => row.count.to_string(),
            "confirmed" => row.confirmed.to_string(),
            "signer" => row.signer.clone(),
            "approver" => row.approver.clone(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let table = listing.table(language.t("lists-title"), rows.collect(), &[], last, page.more, language.t("lists-empty"));
    listing.send(&who, Page::new(language.t("lists-title")).trail(language.t("payables-title"), "/payables"), table).await
}

fn title_of(language: Language, id: ConfirmationListId) -> String {
    language.fill("list-title", &[("id", id.to_string())])
}

/// A refusal that was kept with a line, in words.
#[must_use]
pub fn told(language: Language, kept: &str, currency: &str) -> String {
    let Ok(map) = serde_json::from_str::<HashMap<String, String>>(kept) else { return String::new() };
    let code = map.get("code").cloned().unwrap_or_default();
    let arguments = map.iter().filter(|(name, _)| *name != "code").map(|(name, value)| (name.as_str(), value.clone())).collect();
    language.refusal_told(&code, arguments, currency, None)
}

/// The payables that a list confirms or has confirmed, and those that it leaves out: sums by currency. The list's own page shows
/// them, and so does the request to the person who is asked to agree.
pub fn facts(conn: &mut Conn, language: Language, id: ConfirmationListId) -> Result<Vec<Block>, Fault> {
    let of = |condition: &str| {
        ListQuery { size: 100, ..ListQuery::newest(100) }.with("list_id = ?", vec![id.into()]).with(condition, vec![])
    };
    let included = ConfirmationItemLine::totals(conn, &of("state NOT IN ('excluded', 'refused', 'withdrawn', 'lapsed')"))?;
    let excluded = ConfirmationItemLine::page(conn, &of("state = 'excluded'"))?;
    let left_out = ConfirmationItemLine::totals(conn, &of("state = 'excluded'"))?;
    let refused = ConfirmationItemLine::totals(conn, &of("state = 'refused'"))?;
    let count = |totals: &[Total]| totals.iter().fold(0_i64, |sum, total| sum.saturating_add(total.count));
    let mut shown = vec![(language.t("list-count"), Value::number(count(&included)))];
    for total in &included {
        let label = language.fill("list-sum", &[("count", total.count.to_string()), ("currency", total.currency.clone())]);
        shown.push((label, Value::money(&total.currency, total.sum_minor)));
    }
    shown.push((language.t("list-excluded"), Value::number(count(&left_out))));
    if count(&refused) > 0 {
        shown.push((language.t("list-refused"), Value::number(count(&refused))));
    }
    let mut blocks = vec![Block::Facts(shown)];
    for total in &included {
        if let Some(last) = confirmations::find_last_due(conn, id, &total.currency)? {
            let calendar = crate::commands::receivables::settlement::calendar(conn, &total.currency)?;
            blocks.extend(super::payables::calendar_notice(language, &calendar, &total.currency, last));
        }
    }
    if !excluded.rows.is_empty() {
        let rows = excluded.rows.iter().map(|row| {
            vec![
                item_link(row),
                Value::text(row.supplier.clone()),
                Value::money(&row.currency, row.amount_minor),
                Value::text(told(language, &row.refusal, &row.currency)),
            ]
        });
        let heads = &[("col-number", false), ("col-supplier", false), ("col-amount", true), ("col-why", false)];
        blocks.push(Block::Table(Box::new(plain_table(language, "list-excluded-title", heads, rows.collect(), "list-no-match"))));
        if excluded.more {
            blocks.push(Block::Paragraph(language.t("list-excluded-more")));
        }
    }
    Ok(blocks)
}

/// Where a line leads: to its invoice, to what was approved in advance, or nowhere as long as it is neither.
fn item_link(item: &ConfirmationItemLine) -> Value {
    match (item.invoice_id, item.state.as_str()) {
        (0, "approved" | "withdrawn" | "lapsed") => Value::link(item.number.clone(), format!("/payables/approved/{}", item.id)),
        (0, _) => Value::text(item.number.clone()),
        (invoice, _) => Value::link(item.number.clone(), format!("/payables/{invoice}")),
    }
}

/// The words that the first line would sign, as a specimen of all.
fn specimen(conn: &mut Conn, language: Language, id: ConfirmationListId) -> Result<Option<String>, Fault> {
    if let Some(row) = confirmations::find_first_payable(conn, id)? {
        return Ok(Some(if language == Language::Chinese { row.words_zh } else { row.words_en }));
    }
    let wanted = ListQuery { order: "id", descending: false, ..ListQuery::newest(1) };
    let wanted = wanted.with("list_id = ? AND state <> 'excluded'", vec![id.into()]);
    let first = ConfirmationItemLine::page(conn, &wanted)?.rows.into_iter().next();
    let Some((row, due)) = first.and_then(|row| row.due_date.map(|due| (row, due))) else { return Ok(None) };
    let invoice = Invoice::load(conn, InvoiceId(row.invoice_id))?;
    let words = words(conn, &invoice, row.amount_minor, due)?;
    Ok(Some(if language == Language::Chinese { words.chinese } else { words.english }))
}

const ITEM_HEADS: &[Head] = &[
    ("col-number", false, "number"),
    ("col-supplier", false, "supplier"),
    ("col-due", false, ""),
    ("col-payable", true, "payable_minor"),
    ("col-amount", true, "amount_minor"),
    ("terms-that-apply", false, ""),
    ("col-state", false, ""),
    ("col-why", false, ""),
];

/// The lines of a list as an address asks for them.
fn items_listing(params: &Params, language: Language) -> Listing<'_> {
    let states = &["waiting", "excluded", "confirmed", "refused", "approved", "used", "withdrawn", "lapsed"];
    Listing { params, language, groups: &[], states, heads: ITEM_HEADS, default: ("id", false), summed: "amount_minor" }
}

/// The terms that each line would have today: a programme's, or the platform's and why. A decided line keeps its own.
fn terms_of(conn: &mut Conn, language: Language, items: &[ConfirmationItemLine]) -> Result<Vec<String>, Fault> {
    let today = store::records::load_heads(conn)?.business_date;
    let mut places = Places::default();
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        if !["waiting", "approved"].contains(&item.state.as_str()) {
            found.push("–".to_owned());
            continue;
        }
        let subject = Subject {
            supplier_id: PartyId(item.supplier_id),
            buyer_id: PartyId(item.buyer_id),
            currency: &item.currency,
            issue_date: item.issue_date,
            due_date: item.due_date,
        };
        let standing = places.standing(conn, &subject, today)?;
        found.push(standing.map_or_else(|| language.t("terms-of-platform"), |standing| standing_sentence(language, &standing).1));
    }
    Ok(found)
}

async fn list_page<R: SignedIn>(who: &Who<R>, id: ConfirmationListId, params: &Params) -> Result<(Page, Table), Fault> {
    let (language, party_id) = (who.language(), who.party_id()?);
    let listing = items_listing(params, language);
    let wanted = listing.query().with("list_id = ?", vec![id.into()]);
    let order = wanted.order;
    let (row, meaning, words, items, totals, terms) = who
        .read(move |conn| {
            let found = ConfirmationListLine::find(conn, id.0)?.filter(|row| PartyId(row.party_id) == party_id);
            let row = found.ok_or(Refusal::NotFound)?;
            let words = if row.state == "draft" { specimen(conn, language, id)? } else { None };
            let (items, totals) = (ConfirmationItemLine::page(conn, &wanted)?, ConfirmationItemLine::totals(conn, &wanted)?);
            let terms = terms_of(conn, language, &items.rows)?;
            Ok((row, facts(conn, language, id)?, words, items, totals, terms))
        })
        .await?;
    let mut page = Page::new(title_of(language, id))
        .trail(who.t("payables-title"), "/payables")
        .trail(who.t("lists-title"), "/payables/lists");
    let mut about = vec![(who.t("col-state"), Value::state(language, &row.state))];
    if !row.signer.is_empty() {
        about.push((who.t("col-maker"), Value::text(row.signer.clone())));
    }
    if !row.approver.is_empty() {
        about.push((who.t("col-checker"), Value::text(row.approver.clone())));
    }
    about.push((who.t("field-version"), Value::code(row.version.clone())));
    about.push((who.t("field-list-hash"), Value::code(row.list_hash.clone())));
    page.push(Block::Facts(about));
    page.blocks.extend(meaning);
    if row.state == "draft" && row.count > 0 {
        let key = if row.version == undertaking::ADVANCE { "approved-irrevocable" } else { "list-irrevocable" };
        page.push(Block::Notice(Tone::Attention, language.fill(key, &[("count", row.count.to_string())])));
        if let Some(words) = words {
            page.push(Block::Paragraph(who.t("list-specimen")));
            page.push(Block::Words(words));
        }
        if who.person()?.has_role(Role::Maker) {
            let form = Form::new(format!("/payables/lists/{id}/confirm"), who.t("list-confirm"), vec![]);
            page = page.form(form.hidden("list_hash", row.list_hash.clone()));
        }
    }
    page.push(Block::Heading(who.t("list-items")));
    let rows = items.rows.iter().zip(terms).map(|(item, terms)| Row {
        cells: vec![
            item_link(item),
            Value::text(item.supplier.clone()),
            item.due_date.map_or_else(|| Value::text("–"), |due| Value::date(language, due)),
            Value::money(&item.currency, item.payable_minor),
            Value::money(&item.currency, item.amount_minor),
            Value::text(terms),
            Value::state(language, &item.state),
            Value::text(if item.refusal.is_empty() {
                item.reason.clone()
            } else {
                told(language, &item.refusal, &item.currency)
            }),
        ],
    });
    let last = items.rows.last().map(|item| {
        let value = match order {
            "number" => item.number.clone(),
            "supplier" => item.supplier.clone(),
            "payable_minor" => item.payable_minor.to_string(),
            "amount_minor" => item.amount_minor.to_string(),
            _ => item.id.to_string(),
        };
        (value, item.id)
    });
    let table = listing.table(who.t("list-items"), rows.collect(), &totals, last, items.more, who.t("list-no-match"));
    Ok((page, table))
}

async fn list(who: Who<BuyerViewer>, id: Id, params: Params) -> Answer {
    let (page, table) = list_page(&who, ConfirmationListId(id.0), &params).await?;
    items_listing(&params, who.language()).send(&who, page, table).await
}

async fn confirm(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let command = ConfirmList { list_id: ConfirmationListId(id.0), list_hash: posted.get("list_hash").to_owned() };
    match who.submit(&posted.key(), command).await {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => {
            let params = Params { fields: Vec::new(), path: format!("/payables/lists/{}", id.0) };
            let (mut page, table) = list_page(&who, ConfirmationListId(id.0), &params).await?;
            page.push(Block::Table(Box::new(table)));
            again(&who, page, &posted, fault, "").await
        }
    }
}

/// A list with its lines, as the API returns it.
pub fn list_json(conn: &mut Conn, party_id: PartyId, id: ConfirmationListId) -> Result<Json, Fault> {
    let found = ConfirmationListLine::find(conn, id.0)?.filter(|row| PartyId(row.party_id) == party_id);
    let row = found.ok_or(Refusal::NotFound)?;
    let wanted =
        ListQuery { order: "id", descending: false, ..ListQuery::newest(MOST_ITEMS) }.with("list_id = ?", vec![id.into()]);
    let items = ConfirmationItemLine::page(conn, &wanted)?.rows;
    let item = |item: &ConfirmationItemLine| {
        serde_json::json!({
            "id": item.id, "invoice_id": (item.invoice_id > 0).then_some(item.invoice_id), "number": item.number, "currency": item.currency, "amount_minor": item.amount_minor, "due_date": item.due_date,
            "reason": item.reason, "state": item.state, "refusal": serde_json::from_str::<Json>(&item.refusal).unwrap_or(Json::Null),
        })
    };
    Ok(serde_json::json!({
        "list_id": row.id, "list_hash": row.list_hash, "version": row.version, "state": row.state, "count": row.count, "confirmed": row.confirmed,
        "items": items.iter().map(item).collect::<Vec<_>>(),
    }))
}
