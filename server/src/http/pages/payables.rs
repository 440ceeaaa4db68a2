//! The buyer's payables: confirm all or less with the exact undertaking, or dispute.

use super::super::error::Fault;
use super::super::rights::{BuyerMaker, BuyerViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes, encode, typed_amount};
use super::super::shares::Owner;
use super::invoices::{STATES, credit_table, expected_of, history, invoice_facts, order_value, shown_state, warning_table};
use super::listing::{Group, Head, Listing, plain_table};
use super::programmes::{applied_terms, standing_block};
use super::receivables::owed_facts;
use super::thread::{self, Thread};
use super::{Answer, Check, SignedIn, again, document, evidence, receipt, receipts, submit_or_again};
use crate::commands::Trial;
use crate::commands::confirmations::advance;
use crate::commands::confirmations::confirm_invoice::{ConfirmInvoice, Words, words};
use crate::commands::invoices::answer_invoice::AnswerInvoice;
use crate::commands::invoices::dispute_invoice::DisputeInvoice;
use crate::commands::invoices::settle_dispute::SettleDispute;
use crate::commands::invoices::write_message::WriteMessage;
use crate::commands::programmes::terms::{self as programmes, Standing, Subject};
use crate::commands::receivables::settlement::{self, Owed};
use crate::file_reader::Shown;
use chrono::NaiveDate;
use domain::Refusal;
use domain::calendar::Calendar;
use domain::invoice::owed_minor;
use domain::party::Role;
use domain::receivable::ReceivableState;
use domain::undertaking;
use kernel::{InvoiceId, PartyId, ReceivableId};
use store::lists::{AuditLine, InvoiceLine};
use store::records::Keyed;
use store::{ApprovedPayable, AssignmentNotice, Confirmation, CreditNote, Evidence, Invoice, Receivable};
use web::{Block, Column, Field, Form, Language, Page, Row, Selection, Table, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/payables", payables);
    routes.get("/payables/{id}", payable);
    routes.get("/payables/{id}/check", check);
    routes.post("/payables/{id}/confirm", confirm);
    routes.post("/payables/{id}/dispute", dispute);
    routes.post("/payables/{id}/settle", settle);
    routes.post("/payables/{id}/in-process", in_process);
    routes.post("/payables/{id}/query", query);
    routes.get("/payables/{id}/reject", reject_check);
    routes.post("/payables/{id}/reject", reject);
    routes.post("/payables/{id}/message", message);
}

/// The fields of a confirmation; by default the whole amount owed, on the invoice's day.
pub fn confirmation_fields(language: Language, row: &InvoiceLine) -> Vec<Field> {
    let owed = owed_minor(row.payable_minor, row.credited_minor);
    let decimal = domain::Currency::parse(&row.currency).map(|known| known.decimal(owed)).unwrap_or_default();
    let due = row.due_date.map(|due| due.to_string()).unwrap_or_default();
    vec![
        Field::new("amount", language.fill("payable-amount", &[("currency", row.currency.clone())]), "amount")
            .value(decimal)
            .hint(language.t("payable-amount-hint")),
        Field::new("due_date", language.t("col-due"), "date").value(due),
        Field::new("withheld", language.t("payable-withheld"), "amount").hint(language.t("payable-deductions-hint")).optional(),
        Field::new("retained", language.t("payable-retained"), "amount").optional(),
        Field::new("deducted", language.t("payable-deducted"), "amount").optional(),
        Field::new("reason", language.t("field-reason"), "area").hint(language.t("payable-reason-hint")).optional(),
    ]
}

/// Payables that the company will have to pay, unless it disputes them.
pub const OPEN: Group =
    ("open", "state IN ('presented', 'confirmed', 'partially_confirmed', 'assigned', 'part_paid', 'overdue')");

const HEADS: &[Head] = &[
    ("col-number", false, "number"),
    ("col-supplier", false, "supplier"),
    ("col-issued", false, "issue_date"),
    ("col-due", false, "due_or_issue"),
    ("col-answer-by", false, ""),
    ("col-payable", true, "payable_minor"),
    ("col-open", true, ""),
    ("col-state", false, ""),
];

/// Payables that must be answered within a few days.
pub const RUNNING_OUT: Group =
    ("running_out", "state = 'presented' AND remind_on <= (SELECT business_date FROM heads WHERE heads.id = 1)");

/// The inbox as an address asks for it.
pub fn payables_listing(params: &Params, language: Language) -> Listing<'_> {
    Listing {
        params,
        language,
        groups: &[OPEN, RUNNING_OUT],
        states: STATES.get(1..).unwrap_or(&[]),
        heads: HEADS,
        default: ("due_or_issue", false),
        summed: "payable_minor",
    }
}

/// The inbox: for makers with a box before everything that waits for an answer.
pub async fn payables_page<R: SignedIn>(who: &Who<R>, params: &Params) -> Result<(Page, Table), Fault> {
    let language = who.language();
    let listing = payables_listing(params, language);
    let wanted = listing.query().with("buyer_id = ? AND presented", vec![who.party_id()?.into()]);
    let order = wanted.order;
    let (page, totals, owed) = who
        .read(move |conn| {
            let page = InvoiceLine::page(conn, &wanted)?;
            let owes = |row: &&InvoiceLine| row.receivable_id > 0 && row.state != "settled";
            let ids: Vec<ReceivableId> = page.rows.iter().filter(owes).map(|row| ReceivableId(row.receivable_id)).collect();
            let owed = settlement::list_owed(conn, &ids)?;
            Ok((page, InvoiceLine::totals(conn, &wanted)?, owed))
        })
        .await?;
    // An invoice under the platform's review cannot be answered now.
    let held = |row: &InvoiceLine| row.review == "open";
    let waits = |row: &InvoiceLine| ["presented", "disputed"].contains(&row.state.as_str()) && !held(row);
    let shown: Vec<String> = page.rows.iter().filter(|row| waits(row)).map(|row| row.id.to_string()).collect();
    let maker = who.person()?.has_role(Role::Maker);
    let choosing = maker && !shown.is_empty() && params.get("format") != "csv";
    let rows = page.rows.iter().map(|row| {
        let mut cells = vec![
            Value::link(row.number.clone(), format!("/payables/{}", row.id)),
            Value::text(row.supplier.clone()),
            Value::date(language, row.issue_date),
            row.due_date.map_or_else(|| Value::text("–"), |due| Value::date(language, due)),
            row.answer_by.map_or_else(|| Value::text("–"), |day| Value::date(language, day)),
            Value::money(&row.currency, row.payable_minor),
            owed.get(&ReceivableId(row.receivable_id))
                .map_or_else(|| Value::text("–"), |minor| Value::money(&row.currency, *minor)),
            Value::state(language, shown_state(row)),
        ];
        if choosing {
            let label = language.fill("payable-choose", &[("number", row.number.clone()), ("supplier", row.supplier.clone())]);
            cells.insert(0, if waits(row) { Value::choice(row.id, label) } else { Value::text("") });
        }
        Row { cells }
    });
    let last = page.rows.last().map(|row| (order_value(row, order), row.id));
    let mut table =
        listing.table(language.t("payables-title"), rows.collect(), &totals, last, page.more, language.t("payables-empty"));
    if choosing {
        table.columns.insert(0, Column::new(language.t("col-choose")));
        for (column, _) in table.totals.iter_mut().flat_map(|row| &mut row.sums) {
            *column = column.saturating_add(1);
        }
        let filter: Vec<String> =
            params.fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let form = Form::new("/payables/choose", "", vec![]).hidden("query", filter.join("&")).hidden("shown", shown.join(","));
        let buttons = ["chosen", "page", "all"].map(|scope| (scope.to_owned(), language.t(&format!("payables-check-{scope}"))));
        table.selection = Some(Selection { form, buttons: buttons.to_vec() });
    }
    let mut shown = Page::new(language.t("payables-title"));
    let mut links = vec![
        (language.t("lists-title"), "/payables/lists".to_owned()),
        (language.t("approved-title"), "/payables/approved".to_owned()),
        (language.t("assignments-title"), "/assignments".to_owned()),
    ];
    if maker {
        links.insert(0, (language.t("confirmation-file-title"), "/payables/file".to_owned()));
        links.insert(1, (language.t("approved-file-title"), "/payables/approved/file".to_owned()));
    }
    shown.push(Block::Links(links));
    Ok((shown, table))
}

async fn payables(who: Who<BuyerViewer>, params: Params) -> Answer {
    let (page, table) = payables_page(&who, &params).await?;
    payables_listing(&params, who.language()).send(&who, page, table).await
}

struct Loaded {
    row: InvoiceLine,
    events: Vec<AuditLine>,
    document: Shown,
    confirmation: Option<Confirmation>,
    receivable: Option<Receivable>,
    /// The part that is still owed.
    owed: Owed,
    thread: Thread,
    credits: Vec<CreditNote>,
    evidence: Vec<Evidence>,
    /// The account to which the receivable is paid now, and the account in the buyer's notice, where that is another one.
    places: Vec<super::home::PayTo>,
    told_iban: Option<String>,
    /// Payables approved in advance under its number, while it waits for an answer.
    approved: Vec<ApprovedPayable>,
    invoice: Invoice,
    /// How it stands to a programme of this buyer, while it waits for an answer.
    standing: Option<Standing>,
}

async fn load(who: &Who<impl SignedIn>, id: InvoiceId) -> Result<Loaded, Fault> {
    let party_id = who.party_id()?;
    let mut loaded = who
        .read(move |conn| {
            let found = InvoiceLine::find(conn, id.0)?.filter(|row| PartyId(row.buyer_id) == party_id && row.presented);
            let row = found.ok_or(Refusal::NotFound)?;
            let events = history(conn, &row)?;
            let confirmation = store::confirmations::find_confirmation(conn, id)?;
            let receivable = store::receivables::find_receivable_of_invoice(conn, id)?;
            let today = store::records::load_heads(conn)?.business_date;
            let thread = thread::load(conn, &row)?;
            let credits = store::invoices::list_credit_notes(conn, id)?;
            let evidence = store::invoices::list_evidence(conn, id)?;
            let places = super::home::pay_to(conn, std::slice::from_ref(&row.currency))?;
            let notice = match &receivable {
                Some(receivable) => AssignmentNotice::find(conn, receivable.id)?,
                None => None,
            };
            let told_iban = notice.map(|row| row.pay_to_iban).filter(|iban| places.iter().all(|place| place.iban != *iban));
            let invoice = Invoice::load(conn, id)?;
            let approved = if row.state == "presented" { advance::list_shown(conn, &invoice)? } else { Vec::new() };
            let waits = ["presented", "disputed"].contains(&row.state.as_str());
            let standing =
                if waits { programmes::standing_for_buyer(conn, &Subject::of(&invoice, row.due_date), today)? } else { None };
            let loaded = Loaded {
                row,
                events,
                document: Shown::Nothing,
                confirmation,
                owed: receivable.as_ref().map_or(Ok(Owed::default()), |row| settlement::owed(conn, row, today))?,
                receivable,
                thread,
                credits,
                evidence,
                places,
                told_iban,
                approved,
                invoice,
                standing,
            };
            Ok(loaded)
        })
        .await?;
    loaded.document =
        who.app.open_stored(party_id, Owner::Company(party_id), &loaded.row.document, loaded.row.number.clone()).await?;
    Ok(loaded)
}

fn payable_page(who: &Who<impl SignedIn>, loaded: &Loaded) -> Result<Page, Fault> {
    let (language, person, row) = (who.language(), who.person()?, &loaded.row);
    let mut facts = invoice_facts(language, row);
    facts.extend(row.answer_by.map(|day| (who.t("col-answer-by"), Value::date(language, day))));
    let mut fields = vec![Block::Heading(who.t("document-fields")), Block::Facts(facts)];
    fields.extend(credit_table(language, &loaded.credits));
    fields.extend(warning_table(language, &row.warnings));
    fields.extend(evidence::table(language, &loaded.evidence));
    for approved in &loaded.approved {
        fields.extend(super::approved::difference(language, approved, &loaded.invoice));
    }
    fields.extend(standing_block(language, loaded.standing.as_ref()));
    if row.review == "open" {
        fields.push(Block::Notice(web::Tone::Waiting, who.t("payable-held")));
    } else if row.state == "presented" && person.has_role(Role::Maker) {
        if ["386", "500"].contains(&row.type_code.as_str()) {
            fields.push(Block::Notice(web::Tone::Attention, who.t("payable-prepayment")));
        }
        let asked = confirmation_fields(language, row);
        let mut form = Form::new(format!("/payables/{}/check", row.id), who.t("payable-to-check"), asked);
        form.get = true;
        fields.extend([Block::Heading(who.t("payable-confirm")), Block::Form(Box::new(form))]);
        let reason = Field::new("reason", who.t("payable-dispute-reason"), "area");
        let asked = vec![thread::reason_field(language), reason];
        let form = Form::new(format!("/payables/{}/dispute", row.id), who.t("payable-dispute-submit"), asked).secondary();
        fields.extend([Block::Heading(who.t("payable-dispute")), Block::Form(Box::new(form))]);
        let text = || Field::new("text", who.t("payable-query-text"), "area");
        let asked = vec![thread::reason_field(language), text()];
        let form = Form::new(format!("/payables/{}/query", row.id), who.t("payable-query-submit"), asked).secondary();
        fields.extend([Block::Heading(who.t("payable-query")), Block::Form(Box::new(form))]);
        let form = Form::new(format!("/payables/{}/in-process", row.id), who.t("payable-in-process"), vec![]).secondary();
        fields.push(Block::Form(Box::new(form)));
    }
    if ["presented", "disputed"].contains(&row.state.as_str()) && person.has_role(Role::Maker) {
        let text = Field::new("text", who.t("payable-reject-text"), "area");
        let asked = vec![thread::reason_field(language), text];
        let form = super::asking(format!("/payables/{}/reject", row.id), who.t("payable-reject-check"), asked).secondary();
        fields.extend([Block::Heading(who.t("payable-reject")), Block::Form(Box::new(form))]);
    }
    if row.state == "disputed" && person.has_role(Role::Maker) {
        let text = Field::new("text", who.t("payable-settle-text"), "area").optional();
        let form = Form::new(format!("/payables/{}/settle", row.id), who.t("payable-settle-submit"), vec![text]);
        let lead = Block::Paragraph(who.t("payable-settle-lead"));
        fields.extend([Block::Heading(who.t("payable-settle")), lead, Block::Form(Box::new(form))]);
    }
    let mut page = Page::new(language.fill("invoice-title", &[("number", row.number.clone())]))
        .trail(who.t("payables-title"), "/payables")
        .with(Block::Beside(fields, document::blocks(language, &loaded.document, &row.document)));
    if let Some(confirmation) = &loaded.confirmation {
        let text = if language == web::Language::Chinese { &confirmation.words_zh } else { &confirmation.words_en };
        page = page.with(Block::Heading(who.t("payable-signed"))).with(Block::Words(text.clone())).with(Block::Facts(vec![
            (who.t("field-version"), Value::code(confirmation.version.clone())),
            (who.t("field-words-hash"), Value::code(confirmation.words_hash.clone())),
            (who.t("col-when"), Value::moment(language, confirmation.signed_at)),
        ]));
        page = page.with(Block::Links(vec![(who.t("undertaking-link"), format!("/undertakings/{}", row.id))]));
        let stated = [confirmation.withheld_minor, confirmation.retained_minor, confirmation.deducted_minor];
        let facts = deduction_facts(language, &row.currency, stated);
        if !facts.is_empty() {
            page = page.with(Block::Facts(facts));
        }
    }
    if let Some(receivable) = loaded.receivable.as_ref().filter(|row| row.state != ReceivableState::Redeemed) {
        let mut facts = owed_facts(language, &receivable.currency, &loaded.owed);
        facts.push((who.t("payable-pay-on"), Value::date(language, receivable.payment_date)));
        facts.extend(super::home::pay_to_facts(language, &loaded.places));
        facts.push((who.t("field-reference"), Value::code(receivable.reference.clone())));
        page = page.with(Block::Heading(who.t("payable-pay"))).with(Block::Paragraph(who.t("payable-pay-lead")));
        if let Some(iban) = &loaded.told_iban {
            let words = language.fill("pay-account-changed", &[("iban", iban.clone())]);
            page = page.with(Block::Notice(web::Tone::Attention, words));
        }
        if loaded.owed.is_remainder() && receivable.paid_minor >= receivable.confirmed_minor {
            let amount = language.money(&receivable.currency, loaded.owed.total_minor());
            page = page.with(Block::Notice(web::Tone::Attention, language.fill("payable-still-owed", &[("amount", amount)])));
        }
        page = page.with(Block::Facts(facts));
    }
    let writes_to = person.has_role(Role::Maker).then(|| format!("/payables/{}/message", row.id));
    page.blocks.extend(thread::blocks(language, row, &loaded.thread, writes_to));
    let mut events = expected_of(language, row);
    events.extend(receipts::timeline(language, &loaded.events, person.party.id, false));
    Ok(page.with(Block::Timeline(who.t("timeline-title"), events)))
}

async fn payable(who: Who<BuyerViewer>, id: Id) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    let page = payable_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

/// The deductions that a buyer stated, those that are something.
pub fn deduction_facts(language: Language, currency: &str, minor: [i64; 3]) -> Vec<(String, Value)> {
    let keys = ["payable-withheld", "payable-retained", "payable-deducted"];
    let stated = keys.into_iter().zip(minor).filter(|(_, minor)| *minor > 0);
    stated.map(|(key, minor)| (language.t(key), Value::money(currency, minor.saturating_neg()))).collect()
}

/// Says that the day of payment may turn out to be a holiday, where the currency's holidays are not published so far.
pub fn calendar_notice(language: Language, calendar: &Calendar, currency: &str, due_date: NaiveDate) -> Option<Block> {
    let until = calendar.known_until().filter(|_| calendar.is_beyond(calendar.following(due_date)))?;
    let places = [("currency", currency.to_owned()), ("year", until.to_string())];
    Some(Block::Notice(web::Tone::Waiting, language.fill("payable-calendar-ends", &places)))
}

/// A confirmation on its check page: the command behind the button, with its words, programme and calendar.
struct Asked {
    command: ConfirmInvoice,
    words: Words,
    standing: Option<Standing>,
    calendar: Calendar,
}

/// Fills in what the signer reads: the words and the terms.
async fn ask(who: &Who<BuyerMaker>, mut command: ConfirmInvoice) -> Result<Asked, Fault> {
    let (id, amount_minor, due_date) = (command.invoice_id, command.amount_minor, command.due_date);
    let (words, standing, calendar) = who
        .read(move |conn| {
            let invoice = Invoice::load(conn, id)?;
            let calendar = crate::commands::receivables::settlement::calendar(conn, &invoice.currency)?;
            let today = store::records::load_heads(conn)?.business_date;
            let standing = programmes::standing_for_buyer(conn, &Subject::of(&invoice, Some(due_date)), today)?;
            Ok((words(conn, &invoice, amount_minor, due_date)?, standing, calendar))
        })
        .await?;
    undertaking::CURRENT.clone_into(&mut command.version);
    command.words_hash.clone_from(&words.hash);
    command.terms = programmes::terms_name(standing.as_ref());
    Ok(Asked { command, words, standing, calendar })
}

/// The page that shows exactly what will be signed, before it is.
fn check_page(who: &Who<BuyerMaker>, row: &InvoiceLine, asked: Asked, second_person: bool) -> Page {
    let language = who.language();
    let Asked { command, words, standing, calendar } = asked;
    let (id, amount_minor, due_date, reason) = (command.invoice_id, command.amount_minor, command.due_date, command.reason);
    let deductions_minor = [command.withheld_minor, command.retained_minor, command.deducted_minor];
    let mut facts = vec![
        (who.t("col-number"), Value::text(row.number.clone())),
        (who.t("col-supplier"), Value::text(row.supplier.clone())),
        (who.t("col-payable"), Value::money(&row.currency, row.payable_minor)),
    ];
    if row.credited_minor > 0 {
        facts.push((who.t("invoice-credited"), Value::money(&row.currency, row.credited_minor.saturating_neg())));
    }
    facts.extend(deduction_facts(language, &row.currency, deductions_minor));
    facts.extend([
        (who.t("col-confirmed"), Value::money(&row.currency, amount_minor)),
        (who.t("col-due"), Value::date(language, due_date)),
        (who.t("payable-pay-on"), Value::date(language, calendar.following(due_date))),
    ]);
    if !reason.is_empty() {
        facts.push((who.t("field-reason"), Value::text(reason.clone())));
    }
    facts.extend(applied_terms(language, standing.as_ref(), amount_minor));
    let why = standing.as_ref().filter(|standing| standing.verdict.is_err());
    let shown = if language == web::Language::Chinese { &words.chinese } else { &words.english };
    let [withheld, retained, deducted] = deductions_minor.map(|minor| minor.to_string());
    let form = Form::new(format!("/payables/{id}/confirm"), who.t("payable-confirm-submit"), vec![])
        .hidden("withheld_minor", withheld)
        .hidden("retained_minor", retained)
        .hidden("deducted_minor", deducted)
        .hidden("amount_minor", amount_minor.to_string())
        .hidden("due_date", due_date.to_string())
        .hidden("reason", reason)
        .hidden("version", command.version.clone())
        .hidden("words_hash", command.words_hash.clone())
        .hidden("terms", command.terms);
    let mut page = Page::new(who.t("payable-check-title"))
        .trail(who.t("payables-title"), "/payables")
        .trail(row.number.clone(), format!("/payables/{id}"))
        .with(Block::Facts(facts));
    page.blocks.extend(standing_block(language, why));
    page.blocks.extend(calendar_notice(language, &calendar, &row.currency, due_date));
    page.push(Block::Notice(web::Tone::Attention, who.t("payable-irrevocable")));
    if second_person {
        page.push(Block::Paragraph(who.t("check-second-person")));
    }
    page.with(Block::Words(shown.clone()))
        .with(Block::Facts(vec![
            (who.t("field-version"), Value::code(command.version)),
            (who.t("field-words-hash"), Value::code(command.words_hash)),
        ]))
        .form(form)
        .with(Block::Paragraph(who.t("payable-change")))
        .with(Block::Links(vec![(who.t("payable-back"), format!("/payables/{id}"))]))
}

/// A confirmation as the buyer typed it. `ask` fills in words and terms.
fn wished(params: &Params, row: &InvoiceLine) -> Result<ConfirmInvoice, Fault> {
    let amount = |name: &str| typed_amount(params.get(name), name, &row.currency);
    let optional = |name: &str| if params.get(name).trim().is_empty() { Ok(0) } else { amount(name) };
    Ok(ConfirmInvoice {
        invoice_id: InvoiceId(row.id),
        amount_minor: amount("amount")?,
        due_date: super::super::routes::typed_date(params.get("due_date"), "due_date")?,
        version: String::new(),
        words_hash: String::new(),
        reason: params.get("reason").trim().to_owned(),
        withheld_minor: optional("withheld")?,
        retained_minor: optional("retained")?,
        deducted_minor: optional("deducted")?,
        terms: String::new(),
    })
}

/// A confirmation that this person can give now.
async fn allowed(who: &Who<BuyerMaker>, params: &Params, row: &InvoiceLine) -> Result<(Asked, Trial), Fault> {
    let asked = ask(who, wished(params, row)?).await?;
    let trial = who.try_out(&asked.command.clone().into()).await?;
    Ok((asked, trial))
}

async fn check(who: Who<BuyerMaker>, id: Id, params: Params) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    let row = &loaded.row;
    match allowed(&who, &params, row).await {
        Ok((asked, trial)) => who.app.page(&who.viewer, check_page(&who, row, asked, trial.second_person)).await,
        Err(fault) => {
            again(&who, payable_page(&who, &loaded)?, &Posted { fields: params.fields.clone() }, fault, &row.currency).await
        }
    }
}

async fn confirm(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    let read = || -> Result<ConfirmInvoice, Fault> {
        Ok(ConfirmInvoice {
            invoice_id: InvoiceId(id.0),
            amount_minor: posted.number("amount_minor")?,
            due_date: posted.date("due_date")?,
            version: posted.get("version").to_owned(),
            words_hash: posted.get("words_hash").to_owned(),
            reason: posted.get("reason").to_owned(),
            withheld_minor: posted.number("withheld_minor")?,
            retained_minor: posted.number("retained_minor")?,
            deducted_minor: posted.number("deducted_minor")?,
            terms: posted.get("terms").to_owned(),
        })
    };
    let command = match read() {
        Ok(command) => command,
        Err(fault) => return again(&who, payable_page(&who, &loaded)?, &posted, fault, &loaded.row.currency).await,
    };
    match who.submit(&posted.key(), command.clone()).await {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => {
            let now = load(&who, InvoiceId(id.0)).await?;
            let asked = ask(&who, command).await?;
            let tried = who.try_out(&asked.command.clone().into()).await;
            let mut page = check_page(&who, &now.row, asked, tried.is_ok_and(|trial| trial.second_person));
            if ["state_conflict", "undertaking_changed"].contains(&fault.code().as_str()) {
                page.blocks.insert(0, versions(who.language(), &now, &posted));
            }
            again(&who, page, &Posted::default(), fault, &loaded.row.currency).await
        }
    }
}

async fn dispute(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    match who
        .submit(
            &posted.key(),
            DisputeInvoice {
                invoice_id: InvoiceId(id.0),
                reason: posted.get("reason").to_owned(),
                clarification: posted.get("clarification").to_owned(),
            },
        )
        .await
    {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, payable_page(&who, &loaded)?, &posted, fault, &loaded.row.currency).await,
    }
}

async fn settle(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    match who.submit(&posted.key(), SettleDispute { invoice_id: InvoiceId(id.0), text: posted.get("text").to_owned() }).await {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, payable_page(&who, &loaded)?, &posted, fault, &loaded.row.currency).await,
    }
}

/// The outdated values that a page sent, beside the present ones.
fn versions(language: Language, now: &Loaded, sent: &Posted) -> Block {
    let row = &now.row;
    let confirmed = now.confirmation.as_ref();
    let amount = |minor: Option<i64>| minor.map_or_else(|| Value::text("–"), |minor| Value::money(&row.currency, minor));
    let day = |day: Option<NaiveDate>| day.map_or_else(|| Value::text("–"), |day| Value::date(language, day));
    let hash = confirmed.map(|known| known.words_hash.clone()).unwrap_or_default();
    let lines = vec![
        vec![Value::text(language.t("col-state")), Value::state(language, "presented"), Value::state(language, &row.state)],
        vec![
            Value::text(language.t("col-amount")),
            amount(sent.number("amount_minor").ok()),
            amount(Some(confirmed.map_or(row.payable_minor, |known| known.amount_minor))),
        ],
        vec![
            Value::text(language.t("col-due")),
            day(sent.date("due_date").ok()),
            day(confirmed.map(|known| known.due_date).or(row.due_date)),
        ],
        vec![Value::text(language.t("field-words-hash")), Value::code(sent.get("words_hash")), Value::code(hash)],
    ];
    let heads = &[("col-what", false), ("col-yours", false), ("col-now", false)];
    Block::Table(Box::new(plain_table(language, "payable-versions", heads, lines, "list-no-match")))
}

/// Submits an answer, or shows the payable again with what is wrong.
async fn answered(who: &Who<BuyerMaker>, id: InvoiceId, posted: &Posted, command: impl Into<crate::commands::Command>) -> Answer {
    let loaded = load(who, id).await?;
    submit_or_again(who, posted, command, payable_page(who, &loaded)?, &loaded.row.currency).await
}

fn answer_of(invoice_id: InvoiceId, code: &str, posted: &Posted) -> AnswerInvoice {
    let (clarification, text) = (posted.get("clarification").to_owned(), posted.get("text").to_owned());
    AnswerInvoice { invoice_id, answer: code.to_owned(), clarification, text }
}

async fn in_process(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    answered(&who, InvoiceId(id.0), &posted, answer_of(InvoiceId(id.0), "IP", &posted)).await
}

async fn query(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    answered(&who, InvoiceId(id.0), &posted, answer_of(InvoiceId(id.0), "UQ", &posted)).await
}

async fn reject(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    answered(&who, InvoiceId(id.0), &posted, answer_of(InvoiceId(id.0), "RE", &posted)).await
}

async fn message(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let invoice_id = InvoiceId(id.0);
    answered(&who, invoice_id, &posted, WriteMessage { invoice_id, text: posted.get("text").to_owned() }).await
}

/// Before a rejection, which ends the invoice.
async fn reject_check(who: Who<BuyerMaker>, id: Id, params: Params) -> Answer {
    let loaded = load(&who, InvoiceId(id.0)).await?;
    let row = &loaded.row;
    let (clarification, text) = (params.get("clarification"), params.get("text").trim());
    let rejection = AnswerInvoice {
        invoice_id: InvoiceId(id.0),
        answer: "RE".to_owned(),
        clarification: clarification.to_owned(),
        text: text.to_owned(),
    };
    if let Err(fault) = who.try_out(&rejection.into()).await {
        let typed = Posted { fields: params.fields.clone() };
        return again(&who, payable_page(&who, &loaded)?, &typed, fault, &row.currency).await;
    }
    let mut facts = invoice_facts(who.language(), row);
    facts.push((who.t("payable-reject-text"), Value::text(text)));
    let check = Check {
        title: who.language().fill("payable-reject-title", &[("number", row.number.clone())]),
        lead: who.t("payable-reject-lead"),
        facts,
        form: Form::new(format!("/payables/{}/reject", row.id), who.t("payable-reject-submit"), vec![])
            .hidden("clarification", clarification)
            .hidden("text", text),
        back: format!("/payables/{}", row.id),
    };
    let trail = [(who.t("payables-title"), "/payables".to_owned()), (row.number.clone(), format!("/payables/{}", row.id))];
    who.app.page(&who.viewer, super::check_page(&who, &trail, check)).await
}
