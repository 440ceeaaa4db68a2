//! Payables that the buyer approves before their invoices come. The pages show its file as a list to decide, the approved
//! payables, and how an invoice differs from one.

use super::super::error::{Fault, RowFault};
use super::super::rights::{BuyerMaker, BuyerViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::super::upload::{Uploaded, UploadedFile};
use super::confirmation_lists::{after_table, only_file, told};
use super::listing::{Listing, plain_table};
use super::{Answer, SignedIn, submit_or_again};
use crate::commands::confirmations::advance::{approved_terms, invoice_terms};
use crate::commands::confirmations::draft_payables::{DraftPayables, PayableRow};
use crate::commands::confirmations::withdraw_approved::WithdrawApproved;
use domain::Refusal;
use domain::advance::{Difference, differences};
use domain::confirmation_list::MOST_ITEMS;
use domain::invoice::MOST_PAYABLE_MINOR;
use domain::party::{Capacity, PartyStatus, Role};
use domain::tax_id::{self, Register};
use formats::csv::Payable;
use kernel::{ApprovedPayableId, PartyId};
use store::lists::ApprovedLine;
use store::{ApprovedPayable, Conn, Invoice, Party};
use web::{Block, Field, Form, Language, Page, Row, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/payables/approved", list);
    routes.get("/payables/approved/file", file);
    routes.post("/payables/approved/file", file_post);
    routes.get("/payables/approved/{id}", entry);
    routes.post("/payables/approved/{id}/withdraw", withdraw);
}

fn file_page<R: SignedIn>(who: &Who<R>) -> Page {
    let field = Field::new("files", who.t("approved-file"), "file")
        .hint(who.language().fill("confirmation-file-hint", &[("most", MOST_ITEMS.to_string())]));
    Page::new(who.t("approved-file-title"))
        .trail(who.t("payables-title"), "/payables")
        .with(Block::Paragraph(who.t("approved-file-lead")))
        .with(Block::Words("supplier_tax_id,invoice_number,issue_date,due_date,currency,total,deducted,payable".to_owned()))
        .form(Form::new("/payables/approved/file", who.t("confirmation-file-submit"), vec![field]))
}

async fn file(who: Who<BuyerMaker>) -> Answer {
    let page = file_page(&who);
    who.app.page(&who.viewer, page).await
}

/// One row with its supplier, or the column and the reason why not.
fn row_of(row: &Payable, suppliers: &Register<PartyId>, traded: &[String]) -> Result<PayableRow, (&'static str, Refusal)> {
    let supplier_id = *suppliers.find(&row.supplier_tax_id).ok_or(("supplier_tax_id", Refusal::SupplierUnknown))?;
    let code = row.currency.code().to_owned();
    if !traded.contains(&code) {
        return Err(("currency", Refusal::CurrencyUnknown { currency: code }));
    }
    let invalid = || ("payable", Refusal::AmountInvalid { field: "payable".to_owned() });
    let payable_minor = row.currency.parse_decimal(&row.payable.to_string()).map_err(|_| invalid())?;
    if payable_minor <= 0 {
        return Err(("payable", Refusal::PayableNotPositive));
    }
    if payable_minor > MOST_PAYABLE_MINOR {
        return Err(("payable", Refusal::AmountTooLarge));
    }
    Ok(PayableRow {
        supplier_id,
        number: row.invoice_number.clone(),
        issue_date: row.issue_date,
        due_date: row.due_date,
        currency: code,
        payable_minor,
        order_reference: row.order_reference.clone(),
        payment_reference: row.payment_reference.clone(),
    })
}

/// A payables file's rows as the command takes them. One wrong row, and nothing of it is taken.
fn check_rows(conn: &mut Conn, party_id: PartyId, rows: &[Payable]) -> Result<Vec<PayableRow>, Fault> {
    let sells =
        |party: &Party| party.id != party_id && party.status == PartyStatus::Active && party.capacities.has(Capacity::Supplier);
    let suppliers = store::parties::list_with(conn, Capacity::Supplier)?;
    let keyed = |party: Party| (tax_id::key(&party.country, &party.tax_key), party.id);
    let suppliers: Register<PartyId> = suppliers.into_iter().filter(sells).map(keyed).collect();
    let traded: Vec<String> = store::days::list_issue_terms(conn)?.into_iter().map(|row| row.currency).collect();
    let (mut good, mut faults) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match row_of(row, &suppliers, &traded) {
            Ok(row) => good.push(row),
            Err((column, refusal)) => {
                let currency = row.currency.code().to_owned();
                faults.push(RowFault::Refused { line: row.line, column, refusal, currency });
            }
        }
    }
    if faults.is_empty() { Ok(good) } else { Err(Fault::rows(faults)) }
}

/// The buyer's file as the command that drafts its list.
pub async fn read(who: &Who<BuyerMaker>, file: UploadedFile) -> Result<DraftPayables, Fault> {
    let party_id = who.party_id()?;
    let (rows, content) = who.app.reader.payables(party_id, file.content).await?;
    let rows = rows.map_err(Fault::cells)?;
    who.read(move |conn| {
        let rows = check_rows(conn, party_id, &rows)?;
        let sha256 = crate::hash::sha256_hex(&content);
        Ok(DraftPayables { file_name: file.name, sha256, content, rows })
    })
    .await
}

async fn file_post(who: Who<BuyerMaker>, uploaded: Uploaded) -> Answer {
    let posted = uploaded.posted;
    let drafted = async {
        let draft = read(&who, only_file(uploaded.files)?).await?;
        who.submit(&posted.key(), draft).await
    };
    let drafted = drafted.await;
    after_table(&who, &posted, drafted, file_page(&who)).await
}

async fn list(who: Who<BuyerViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-number", false, "number"),
        ("col-supplier", false, "supplier"),
        ("col-issued", false, "issue_date"),
        ("col-due", false, "due_date"),
        ("col-payable", true, "payable_minor"),
        ("col-state", false, ""),
    ];
    let states = &["approved", "used", "withdrawn", "lapsed"];
    let listing =
        Listing { params: &params, language, groups: &[], states, heads, default: ("id", true), summed: "payable_minor" };
    let wanted = listing.query().with("buyer_id = ?", vec![who.party_id()?.into()]);
    let order = wanted.order;
    let (page, totals) =
        who.read(move |conn| Ok((ApprovedLine::page(conn, &wanted)?, ApprovedLine::totals(conn, &wanted)?))).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.number.clone(), format!("/payables/approved/{}", row.id)),
            Value::text(row.supplier.clone()),
            Value::date(language, row.issue_date),
            Value::date(language, row.due_date),
            Value::money(&row.currency, row.payable_minor),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "number" => row.number.clone(),
            "supplier" => row.supplier.clone(),
            "issue_date" => row.issue_date.to_string(),
            "due_date" => row.due_date.to_string(),
            "payable_minor" => row.payable_minor.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let table =
        listing.table(language.t("approved-title"), rows.collect(), &totals, last, page.more, language.t("approved-empty"));
    let shown = Page::new(language.t("approved-title"))
        .trail(language.t("payables-title"), "/payables")
        .with(Block::Paragraph(language.t("approved-lead")));
    listing.send(&who, shown, table).await
}

async fn load<R: SignedIn>(who: &Who<R>, id: ApprovedPayableId) -> Result<ApprovedLine, Fault> {
    let party_id = who.party_id()?;
    let find = move |conn: &mut Conn| {
        let found = ApprovedLine::find(conn, id.0)?.filter(|row| PartyId(row.buyer_id) == party_id);
        Ok(found.ok_or(Refusal::NotFound)?)
    };
    who.read(find).await
}

fn entry_page<R: SignedIn>(who: &Who<R>, row: &ApprovedLine) -> Result<Page, Fault> {
    let language = who.language();
    let words = if language == Language::Chinese { &row.words_zh } else { &row.words_en };
    let list = language.fill("list-title", &[("id", row.list_id.to_string())]);
    let mut facts = vec![
        (who.t("col-state"), Value::state(language, &row.state)),
        (who.t("col-supplier"), Value::text(row.supplier.clone())),
        (who.t("col-issued"), Value::date(language, row.issue_date)),
        (who.t("col-due"), Value::date(language, row.due_date)),
        (who.t("col-payable"), Value::money(&row.currency, row.payable_minor)),
        (who.t("col-list"), Value::link(list, format!("/payables/lists/{}", row.list_id))),
        (who.t("field-words-hash"), Value::code(row.words_hash.clone())),
    ];
    if !row.payment_reference.is_empty() {
        facts.push((who.t("approved-own-number"), Value::code(row.payment_reference.clone())));
    }
    if row.invoice_id > 0 {
        facts.push((who.t("approved-invoice"), Value::link(row.number.clone(), format!("/payables/{}", row.invoice_id))));
    }
    if !row.refusal.is_empty() {
        facts.push((who.t("field-reason"), Value::text(told(language, &row.refusal, &row.currency))));
    }
    let mut page = Page::new(language.fill("approved-page-title", &[("number", row.number.clone())]))
        .trail(who.t("payables-title"), "/payables")
        .trail(who.t("approved-title"), "/payables/approved")
        .with(Block::Words(words.clone()))
        .with(Block::Facts(facts));
    if row.state == "approved" && who.person()?.has_role(Role::Maker) {
        let form = Form::new(format!("/payables/approved/{}/withdraw", row.id), who.t("approved-withdraw"), vec![]).secondary();
        page = page.with(Block::Paragraph(who.t("approved-withdraw-lead"))).form(form);
    }
    Ok(page)
}

async fn entry(who: Who<BuyerViewer>, id: Id) -> Answer {
    let row = load(&who, ApprovedPayableId(id.0)).await?;
    let page = entry_page(&who, &row)?;
    who.app.page(&who.viewer, page).await
}

async fn withdraw(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let approved_id = ApprovedPayableId(id.0);
    let row = load(&who, approved_id).await?;
    submit_or_again(&who, &posted, WithdrawApproved { approved_id }, entry_page(&who, &row)?, &row.currency).await
}

/// The approved terms beside the invoice's, where they differ: then the invoice needs an answer of its own.
pub fn difference(language: Language, approved: &ApprovedPayable, invoice: &Invoice) -> Vec<Block> {
    let (before, now) = (approved_terms(approved), invoice_terms(invoice));
    let day = |day: Option<chrono::NaiveDate>| day.map_or_else(|| Value::text("–"), |day| Value::date(language, day));
    let lines: Vec<Vec<Value>> = differences(&before, &now)
        .into_iter()
        .map(|what| match what {
            Difference::IssueDate => {
                ("col-issued", Value::date(language, before.issue_date), Value::date(language, now.issue_date))
            }
            Difference::Currency => ("col-currency", Value::text(before.currency), Value::text(now.currency)),
            Difference::Amount => (
                "col-payable",
                Value::money(before.currency, before.payable_minor),
                Value::money(now.currency, now.payable_minor),
            ),
            Difference::DueDate => ("col-due", day(before.due_date), day(now.due_date)),
        })
        .map(|(key, one, two)| vec![Value::text(language.t(key)), one, two])
        .collect();
    // The same in everything, and yet it came to this page: the day is too close by now, or the approval came later.
    if lines.is_empty() {
        return vec![Block::Notice(Tone::Waiting, language.t("approved-late"))];
    }
    let heads = [("col-what", false), ("approved-before", false), ("approved-now", false)];
    vec![
        Block::Notice(Tone::Attention, language.t("approved-differs")),
        Block::Table(Box::new(plain_table(language, "approved-compared", &heads, lines, "list-no-match"))),
    ]
}
