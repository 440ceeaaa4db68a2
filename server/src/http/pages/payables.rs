//! The buyer's payables: confirm all or less with the exact undertaking, or dispute.

use super::super::error::Fault;
use super::super::rights::{BuyerMaker, BuyerViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes, typed_amount};
use super::invoices::{STATES, content_of, credit_table, expected_of, history, invoice_facts, order_value, warning_table};
use super::listing::{Group, Listing};
use super::{Answer, SignedIn, again, document, evidence, receipt, receipts};
use crate::commands::confirm_invoice::{ConfirmInvoice, words};
use crate::commands::dispute_invoice::DisputeInvoice;
use chrono::NaiveDate;
use domain::Refusal;
use domain::invoice::is_shown_to_buyer;
use domain::invoice::owed_minor;
use domain::party::Role;
use domain::receivable::ConfirmationFacts;
use domain::undertaking;
use store::lists::{AuditLine, InvoiceLine};
use store::records::{Keyed, Record};
use store::{Confirmation, CreditNote, Evidence, Invoice, Receivable};
use web::{Block, Field, Form, Language, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/payables", payables);
    routes.get("/payables/{id}", payable);
    routes.get("/payables/{id}/check", check);
    routes.post("/payables/{id}/confirm", confirm);
    routes.post("/payables/{id}/dispute", dispute);
}

/// What the company will have to pay, unless it disputes it.
pub const OPEN: Group =
    ("open", "state IN ('presented', 'confirmed', 'partially_confirmed', 'assigned', 'part_paid', 'overdue')");

async fn payables(who: Who<BuyerViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-number", false, "number"),
        ("col-supplier", false, "supplier"),
        ("col-issued", false, "issue_date"),
        ("col-due", false, "due_or_issue"),
        ("col-payable", true, "payable_minor"),
        ("col-state", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[OPEN],
        states: STATES.get(1..).unwrap_or(&[]),
        heads,
        default: ("due_or_issue", false),
        summed: "payable_minor",
    };
    let wanted =
        listing.query().with("buyer_id = ? AND state NOT IN ('draft', 'withdrawn', 'rejected')", vec![who.party_id()?.into()]);
    let order = wanted.order;
    let (page, totals) =
        who.app.read(move |conn| Ok((InvoiceLine::page(conn, &wanted)?, InvoiceLine::totals(conn, &wanted)?))).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.number.clone(), format!("/payables/{}", row.id)),
            Value::text(row.supplier.clone()),
            Value::date(language, row.issue_date),
            row.due_date.map_or_else(|| Value::text("–"), |due| Value::date(language, due)),
            Value::money(&row.currency, row.payable_minor),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| (order_value(row, order), row.id));
    let table =
        listing.table(language.t("payables-title"), rows.collect(), &totals, last, page.more, language.t("payables-empty"));
    listing.send(&who, Page::new(language.t("payables-title")), table).await
}

struct Loaded {
    row: InvoiceLine,
    events: Vec<AuditLine>,
    content: Vec<u8>,
    confirmation: Option<Confirmation>,
    receivable: Option<Receivable>,
    credits: Vec<CreditNote>,
    evidence: Vec<Evidence>,
    custody: super::home::Custody,
    today: NaiveDate,
}

async fn load(who: &Who<impl SignedIn>, id: i64) -> Result<Loaded, Fault> {
    let party_id = who.party_id()?;
    who.app
        .read(move |conn| {
            let found = InvoiceLine::find(conn, id)?.filter(|row| row.buyer_id == party_id && is_shown_to_buyer(&row.state));
            let row = found.ok_or(Refusal::NotFound)?;
            let events = history(conn, &row)?;
            let content = content_of(conn, &row)?;
            let confirmation = Confirmation::find_where(conn, "invoice_id = ?", &[id.into()])?;
            let receivable = Receivable::find_where(conn, "invoice_id = ?", &[id.into()])?;
            let today = store::records::load_heads(conn)?.business_date;
            let credits = CreditNote::list_where(conn, "invoice_id = ? ORDER BY id", &[id.into()])?;
            let evidence = evidence::list(conn, id)?;
            let custody = super::home::custody(conn)?;
            Ok(Loaded { row, events, content, confirmation, receivable, credits, evidence, custody, today })
        })
        .await
}

fn payable_page(who: &Who<impl SignedIn>, loaded: &Loaded) -> Result<Page, Fault> {
    let (language, person, row) = (who.language(), who.person()?, &loaded.row);
    let mut fields = vec![Block::Heading(who.t("document-fields")), Block::Facts(invoice_facts(language, row))];
    fields.extend(credit_table(language, &loaded.credits));
    fields.extend(warning_table(language, &row.warnings));
    fields.extend(evidence::table(language, &loaded.evidence));
    let open = ["presented", "disputed"].contains(&row.state.as_str());
    if row.review == "open" {
        fields.push(Block::Notice(web::Tone::Waiting, who.t("payable-held")));
    } else if open && person.has_role(Role::Maker) {
        let due = row.due_date.map(|due| due.to_string()).unwrap_or_default();
        let owed = owed_minor(row.payable_minor, row.credited_minor);
        let decimal = domain::Currency::parse(&row.currency).map(|known| known.decimal(owed)).unwrap_or_default();
        if ["386", "500"].contains(&row.type_code.as_str()) {
            fields.push(Block::Notice(web::Tone::Attention, who.t("payable-prepayment")));
        }
        let asked = vec![
            Field::new("amount", language.fill("payable-amount", &[("currency", row.currency.clone())]), "amount")
                .value(decimal)
                .hint(who.t("payable-amount-hint")),
            Field::new("due_date", who.t("col-due"), "date").value(due),
            Field::new("withheld", who.t("payable-withheld"), "amount").hint(who.t("payable-deductions-hint")).optional(),
            Field::new("retained", who.t("payable-retained"), "amount").optional(),
            Field::new("deducted", who.t("payable-deducted"), "amount").optional(),
            Field::new("reason", who.t("field-reason"), "area").hint(who.t("payable-reason-hint")).optional(),
        ];
        let mut form = Form::new(format!("/payables/{}/check", row.id), who.t("payable-to-check"), asked);
        form.get = true;
        fields.extend([Block::Heading(who.t("payable-confirm")), Block::Form(Box::new(form))]);
        if row.state == "presented" {
            let reason = Field::new("reason", who.t("payable-dispute-reason"), "area");
            let form =
                Form::new(format!("/payables/{}/dispute", row.id), who.t("payable-dispute-submit"), vec![reason]).secondary();
            fields.extend([Block::Heading(who.t("payable-dispute")), Block::Form(Box::new(form))]);
        }
    }
    let mut page = Page::new(language.fill("invoice-title", &[("number", row.number.clone())]))
        .trail(who.t("payables-title"), "/payables")
        .with(Block::Beside(fields, document::blocks(language, &loaded.content, &row.document)));
    if let Some(confirmation) = &loaded.confirmation {
        let text = if language == web::Language::Chinese { &confirmation.words_zh } else { &confirmation.words_en };
        page = page.with(Block::Heading(who.t("payable-signed"))).with(Block::Words(text.clone())).with(Block::Facts(vec![
            (who.t("field-version"), Value::code(confirmation.version.clone())),
            (who.t("field-words-hash"), Value::code(confirmation.words_hash.clone())),
            (who.t("col-when"), Value::moment(language, confirmation.signed_at)),
        ]));
        let stated = [confirmation.withheld_minor, confirmation.retained_minor, confirmation.deducted_minor];
        let facts = deduction_facts(language, &row.currency, stated);
        if !facts.is_empty() {
            page = page.with(Block::Facts(facts));
        }
    }
    if let Some(receivable) = loaded.receivable.as_ref().filter(|row| row.state != "redeemed") {
        let outstanding = receivable.confirmed_minor.saturating_sub(receivable.paid_minor).max(0);
        page = page.with(Block::Heading(who.t("payable-pay"))).with(Block::Paragraph(who.t("payable-pay-lead"))).with(
            Block::Facts(vec![
                (who.t("payable-outstanding"), Value::money(&receivable.currency, outstanding)),
                (who.t("payable-pay-on"), Value::date(language, receivable.payment_date)),
                (who.t("pay-holder"), Value::text(loaded.custody.holder.clone())),
                (who.t("field-iban"), Value::code(loaded.custody.iban.clone())),
                (who.t("field-reference"), Value::code(receivable.reference.clone())),
            ]),
        );
    }
    let mut events = expected_of(language, row);
    events.extend(receipts::timeline(language, &loaded.events, person.party.id, false));
    Ok(page.with(Block::Timeline(who.t("timeline-title"), events)))
}

async fn payable(who: Who<BuyerViewer>, id: Id) -> Answer {
    let loaded = load(&who, id.0).await?;
    let page = payable_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

/// The deductions that a buyer stated, those that are something.
fn deduction_facts(language: Language, currency: &str, minor: [i64; 3]) -> Vec<(String, Value)> {
    let keys = ["payable-withheld", "payable-retained", "payable-deducted"];
    let stated = keys.into_iter().zip(minor).filter(|(_, minor)| *minor > 0);
    stated.map(|(key, minor)| (language.t(key), Value::money(currency, minor.saturating_neg()))).collect()
}

/// What a buyer wants to confirm.
struct Wish {
    amount_minor: i64,
    due_date: NaiveDate,
    /// Withheld, retained, deducted.
    deductions_minor: [i64; 3],
    reason: String,
}

/// The page that shows exactly what will be signed, before it is.
async fn check_page(who: &Who<BuyerMaker>, row: &InvoiceLine, wish: &Wish) -> Result<Page, Fault> {
    let language = who.language();
    let id = row.id;
    let (amount_minor, due_date, reason) = (wish.amount_minor, wish.due_date, wish.reason.as_str());
    let words = who
        .app
        .read(move |conn| {
            let invoice = Invoice::load(conn, id)?;
            Ok(words(conn, &invoice, amount_minor, due_date)?)
        })
        .await?;
    let mut facts = vec![
        (who.t("col-number"), Value::text(row.number.clone())),
        (who.t("col-supplier"), Value::text(row.supplier.clone())),
        (who.t("col-payable"), Value::money(&row.currency, row.payable_minor)),
    ];
    if row.credited_minor > 0 {
        facts.push((who.t("invoice-credited"), Value::money(&row.currency, row.credited_minor.saturating_neg())));
    }
    facts.extend(deduction_facts(language, &row.currency, wish.deductions_minor));
    facts.extend([
        (who.t("col-confirmed"), Value::money(&row.currency, amount_minor)),
        (who.t("col-due"), Value::date(language, due_date)),
    ]);
    if !reason.is_empty() {
        facts.push((who.t("field-reason"), Value::text(reason)));
    }
    let shown = if language == web::Language::Chinese { &words.chinese } else { &words.english };
    let [withheld, retained, deducted] = wish.deductions_minor.map(|minor| minor.to_string());
    let form = Form::new(format!("/payables/{id}/confirm"), who.t("payable-confirm-submit"), vec![])
        .hidden("withheld_minor", withheld)
        .hidden("retained_minor", retained)
        .hidden("deducted_minor", deducted)
        .hidden("amount_minor", amount_minor.to_string())
        .hidden("due_date", due_date.to_string())
        .hidden("reason", reason)
        .hidden("version", undertaking::CURRENT)
        .hidden("words_hash", words.hash.clone());
    Ok(Page::new(who.t("payable-check-title"))
        .trail(who.t("payables-title"), "/payables")
        .trail(row.number.clone(), format!("/payables/{id}"))
        .with(Block::Facts(facts))
        .with(Block::Notice(web::Tone::Attention, who.t("payable-irrevocable")))
        .with(Block::Words(shown.clone()))
        .with(Block::Facts(vec![
            (who.t("field-version"), Value::code(undertaking::CURRENT)),
            (who.t("field-words-hash"), Value::code(words.hash)),
        ]))
        .form(form)
        .with(Block::Paragraph(who.t("payable-change")))
        .with(Block::Links(vec![(who.t("payable-back"), format!("/payables/{id}"))])))
}

async fn check(who: Who<BuyerMaker>, id: Id, params: Params) -> Answer {
    let loaded = load(&who, id.0).await?;
    let row = &loaded.row;
    let read = || -> Result<Wish, Fault> {
        let optional = |name: &str| {
            if params.get(name).trim().is_empty() { Ok(0) } else { typed_amount(params.get(name), name, &row.currency) }
        };
        let wish = Wish {
            amount_minor: typed_amount(params.get("amount"), "amount", &row.currency)?,
            due_date: super::super::routes::typed_date(params.get("due_date"), "due_date")?,
            deductions_minor: [optional("withheld")?, optional("retained")?, optional("deducted")?],
            reason: params.get("reason").trim().to_owned(),
        };
        domain::receivable::decide_confirmation(&ConfirmationFacts {
            amount_minor: wish.amount_minor,
            payable_minor: owed_minor(row.payable_minor, row.credited_minor),
            reason: &wish.reason,
            deductions_minor: wish.deductions_minor,
            due_date: wish.due_date,
            invoice_due_date: row.due_date,
            today: loaded.today,
        })?;
        Ok(wish)
    };
    match read() {
        Ok(wish) => {
            let page = check_page(&who, row, &wish).await?;
            who.app.page(&who.viewer, page).await
        }
        Err(fault) => {
            again(&who, payable_page(&who, &loaded)?, &Posted { fields: params.fields.clone() }, fault, &row.currency).await
        }
    }
}

async fn confirm(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, id.0).await?;
    let read = || -> Result<ConfirmInvoice, Fault> {
        Ok(ConfirmInvoice {
            invoice_id: id.0,
            amount_minor: posted.number("amount_minor")?,
            due_date: posted.date("due_date")?,
            version: posted.get("version").to_owned(),
            words_hash: posted.get("words_hash").to_owned(),
            reason: posted.get("reason").to_owned(),
            withheld_minor: posted.number("withheld_minor")?,
            retained_minor: posted.number("retained_minor")?,
            deducted_minor: posted.number("deducted_minor")?,
        })
    };
    let command = match read() {
        Ok(command) => command,
        Err(fault) => return again(&who, payable_page(&who, &loaded)?, &posted, fault, &loaded.row.currency).await,
    };
    let wish = Wish {
        amount_minor: command.amount_minor,
        due_date: command.due_date,
        deductions_minor: [command.withheld_minor, command.retained_minor, command.deducted_minor],
        reason: command.reason.clone(),
    };
    match who.submit(&posted.key(), command).await {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => {
            let page = check_page(&who, &loaded.row, &wish).await?;
            again(&who, page, &Posted::default(), fault, &loaded.row.currency).await
        }
    }
}

async fn dispute(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, id.0).await?;
    match who.submit(&posted.key(), DisputeInvoice { invoice_id: id.0, reason: posted.get("reason").to_owned() }).await {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, payable_page(&who, &loaded)?, &posted, fault, &loaded.row.currency).await,
    }
}
