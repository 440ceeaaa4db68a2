//! The page behind a one-time link: one invoice beside its document, the possible answers, and the receipt. There is no session:
//! the address is the first factor and the code the second. Looking at the page uses nothing up, so a mail scanner may do it.

use super::super::answers::{Stored, read_stored};
use super::super::denials::Said;
use super::super::error::Fault;
use super::super::prove;
use super::super::rights::{Anyone, Who};
use super::super::routes::{Params, Posted, Routes, Sender, Token, typed_amount, typed_date};
use super::super::shares::Owner;
use super::payables::{calendar_notice, confirmation_fields, deduction_facts};
use super::programmes::applied_terms;
use super::{Answer, again, asking, check_page, document, evidence, invoices, thread};
use crate::auth;
use crate::commands::confirmations::answer_by_link::AnswerByLink;
use crate::commands::confirmations::confirm_invoice::{Words, words};
use crate::commands::confirmations::links;
use crate::commands::confirmations::request_code::RequestCode;
use crate::commands::invoices::intake;
use crate::commands::programmes::terms::{Subject, standing_for_buyer};
use crate::commands::{Actor, Outcome};
use crate::file_reader::Shown;
use crate::view::Reader;
use chrono::NaiveDate;
use domain::Refusal;
use domain::invoice::owed_minor;
use domain::link::{Channel, LinkAct, acts_in};
use domain::undertaking;
use kernel::{ConfirmationLinkId, InvoiceId, PartyId};
use store::lists::InvoiceLine;
use store::records::Keyed;
use store::{BuyerContact, ConfirmationLink, Conn, Evidence, Invoice, User};
use web::{Block, Field, Form, Language, Page, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/confirm/{token}", page);
    routes.post("/confirm/{token}", answer);
    routes.get("/confirm/{token}/check", check);
    routes.post("/confirm/{token}/code", new_code);
    routes.get("/confirmation-documents/{token}", file);
}

struct Loaded {
    link: ConfirmationLink,
    contact: BuyerContact,
    person: User,
    row: InvoiceLine,
    invoice: Invoice,
    thread: thread::Thread,
    evidence: Vec<Evidence>,
    token: String,
    /// For whom its file is held in memory.
    owner: Owner,
}

/// The hash of the token inside, if the link is ours. Whatever is wrong with a link, the answer is the same.
fn token_hash(who: &Who<Anyone>, sender: &Sender, token: &str) -> Result<String, Fault> {
    prove::may_look_at_link(&who.app, sender)?;
    let plain = auth::open_link(&who.app.config.secret, token).ok_or(Refusal::LinkInvalid)?;
    Ok(crate::hash::sha256_hex(plain.as_bytes()))
}

async fn load(who: &Who<Anyone>, sender: &Sender, token: &Token) -> Result<Loaded, Fault> {
    let (hash, now, token) = (token_hash(who, sender, &token.0)?, who.app.clock.now(), token.0.clone());
    let owner = sender.owner();
    who.read(move |conn| {
        let (link, contact) = links::find_open(conn, &hash, now)?.ok_or(Refusal::LinkInvalid)?;
        let row = InvoiceLine::find(conn, link.invoice_id.0)?.ok_or(Refusal::LinkInvalid)?;
        let invoice = Invoice::load(conn, link.invoice_id)?;
        let person = User::load(conn, contact.user_id)?;
        let (thread, evidence) = (thread::load(conn, &row)?, store::invoices::list_evidence(conn, InvoiceId(row.id))?);
        Ok(Loaded { link, contact, person, row, invoice, thread, evidence, token, owner })
    })
    .await
}

/// The invoice's facts, with nothing that leads further than this invoice.
fn facts(language: Language, loaded: &Loaded) -> Vec<(String, Value)> {
    let mut facts = invoices::invoice_facts(language, &loaded.row);
    for (_, value) in &mut facts {
        value.href.clear();
    }
    facts.insert(0, (language.t("col-number"), Value::text(loaded.row.number.clone())));
    facts
}

fn link_page(who: &Who<Anyone>, loaded: &Loaded, opened: &Shown, specimen: Option<&Words>) -> Page {
    let (language, row, here) = (who.language(), &loaded.row, format!("/confirm/{}/check", loaded.token));
    let mut shown = vec![Block::Heading(who.t("document-fields")), Block::Facts(facts(language, loaded))];
    let place = |row: &Evidence| format!("/confirmation-documents/{}?evidence={}", loaded.token, row.id);
    shown.extend(evidence::table_at(language, &loaded.evidence, place));
    shown.extend(thread::said(language, &loaded.thread));
    let acts = acts_in(loaded.invoice.state);
    if ["386", "500"].contains(&row.type_code.as_str()) {
        shown.push(Block::Notice(Tone::Attention, who.t("payable-prepayment")));
    }
    if acts.contains(&LinkAct::Confirm) {
        shown.push(Block::Heading(who.t("payable-confirm")));
        if let Some(words) = specimen {
            shown.push(Block::Paragraph(who.t("link-specimen")));
            shown.push(Block::Words(in_language(language, words)));
        }
        shown.push(Block::Form(Box::new(
            asking(here.clone(), who.t("payable-to-check"), confirmation_fields(language, row)).hidden("act", "confirm"),
        )));
    }
    let others =
        acts.iter().filter(|act| **act != LinkAct::Confirm).map(|act| (act.name().to_owned(), act_label(language, act.name())));
    let asked = vec![
        Field::new("act", who.t("link-act"), "select").options(others.collect()),
        thread::reason_field(language),
        Field::new("text", who.t("payable-query-text"), "area"),
    ];
    shown.push(Block::Heading(who.t("link-otherwise")));
    shown.push(Block::Form(Box::new(asking(here, who.t("page-to-check"), asked).secondary())));
    let document = document::blocks_from(language, opened, format!("/confirmation-documents/{}", loaded.token));
    let until = language.moment(loaded.link.expires_at);
    Page::new(language.fill("link-title", &[("number", row.number.clone()), ("supplier", row.supplier.clone())]))
        .with(Block::Paragraph(
            language
                .fill("link-greeting", &[("name", loaded.person.name.clone()), ("company", row.buyer.clone()), ("until", until)]),
        ))
        .with(Block::Beside(shown, document))
}

fn act_label(language: Language, act: &str) -> String {
    language.t(&format!("link-act-{act}"))
}

fn in_language(language: Language, words: &Words) -> String {
    if language == Language::Chinese { words.chinese.clone() } else { words.english.clone() }
}

async fn words_of(who: &Who<Anyone>, loaded: &Loaded, amount_minor: i64, due_date: NaiveDate) -> Result<Words, Fault> {
    let invoice = loaded.invoice.clone();
    who.read(move |conn: &mut Conn| Ok(words(conn, &invoice, amount_minor, due_date)?)).await
}

/// The page with the words that confirming all of it would sign.
async fn whole_page(who: &Who<Anyone>, loaded: &Loaded) -> Result<Page, Fault> {
    let owed = owed_minor(loaded.row.payable_minor, loaded.row.credited_minor);
    let words = match loaded.row.due_date {
        Some(due) => Some(words_of(who, loaded, owed, due).await?),
        None => None,
    };
    let opened =
        who.app.open_stored(PartyId(loaded.row.buyer_id), loaded.owner, &loaded.row.document, loaded.row.number.clone()).await?;
    Ok(link_page(who, loaded, &opened, words.as_ref()))
}

async fn page(who: Who<Anyone>, sender: Sender, token: Token) -> Answer {
    let loaded = load(&who, &sender, &token).await?;
    let page = whole_page(&who, &loaded).await?;
    who.app.page(&who.viewer, page).await
}

/// The choice on the page, from its form or from the check page's hidden fields.
fn wish(loaded: &Loaded, get: &dyn Fn(&str) -> String) -> Result<AnswerByLink, Fault> {
    let currency = &loaded.row.currency;
    let optional = |name: &str| {
        let typed = get(name);
        if typed.trim().is_empty() { Ok(0) } else { typed_amount(&typed, name, currency) }
    };
    let mut answer = AnswerByLink {
        link_id: loaded.link.id,
        answer: get("act"),
        clarification: get("clarification"),
        ..AnswerByLink::default()
    };
    if answer.answer == LinkAct::Confirm.name() {
        answer.amount_minor = typed_amount(&get("amount"), "amount", currency)?;
        answer.due_date = Some(typed_date(&get("due_date"), "due_date")?);
        answer.withheld_minor = optional("withheld")?;
        answer.retained_minor = optional("retained")?;
        answer.deducted_minor = optional("deducted")?;
        get("reason").trim().clone_into(&mut answer.text);
    } else {
        get("text").trim().clone_into(&mut answer.text);
    }
    Ok(answer)
}

/// The words that an answer would sign, where it promises something.
async fn promised(who: &Who<Anyone>, loaded: &Loaded, answer: &AnswerByLink) -> Result<Option<Words>, Fault> {
    match answer.due_date {
        Some(due_date) => words_of(who, loaded, answer.amount_minor, due_date).await.map(Some),
        None => Ok(None),
    }
}

/// The page before an answer that the command would take with the right code.
async fn allowed_page(who: &Who<Anyone>, loaded: &Loaded, mut answer: AnswerByLink) -> Result<Page, Fault> {
    let words = promised(who, loaded, &answer).await?;
    answer.token_hash.clone_from(&loaded.link.token_hash);
    if let Some(words) = &words {
        undertaking::CURRENT.clone_into(&mut answer.version);
        answer.words_hash.clone_from(&words.hash);
    }
    let actor = Actor::person(loaded.contact.party_id, loaded.contact.user_id);
    let (wanted, now) = (answer.clone(), who.app.clock.now());
    who.read(move |conn| Ok(wanted.try_out(&mut Reader::open(conn, now)?, &actor)?)).await?;
    answer_page(who, loaded, &answer, words).await
}

/// The page of an answer as it was sent, with the words as they are now.
async fn sent_page(who: &Who<Anyone>, loaded: &Loaded, answer: &AnswerByLink) -> Result<Page, Fault> {
    let words = promised(who, loaded, answer).await?;
    answer_page(who, loaded, answer, words).await
}

/// All of it once more, with the exact words where something is promised, and the field for the code.
async fn answer_page(who: &Who<Anyone>, loaded: &Loaded, answer: &AnswerByLink, words: Option<Words>) -> Result<Page, Fault> {
    let (language, row) = (who.language(), &loaded.row);
    let mut facts = vec![
        (who.t("link-act"), Value::text(act_label(language, &answer.answer))),
        (who.t("col-number"), Value::text(row.number.clone())),
        (who.t("col-supplier"), Value::text(row.supplier.clone())),
        (who.t("col-payable"), Value::money(&row.currency, row.payable_minor)),
    ];
    let code = Field::new("code", who.t("field-code"), "code").hint(who.t(&format!("link-code-{}", loaded.contact.channel)));
    let mut form = Form::new(
        format!("/confirm/{}", loaded.token),
        act_label(language, &answer.answer),
        vec![code.autocomplete("one-time-code")],
    )
    .hidden("act", answer.answer.clone());
    let decimal = |minor: i64| domain::Currency::parse(&row.currency).map(|known| known.decimal(minor)).unwrap_or_default();
    let mut promised = Vec::new();
    if let (Some(due_date), Some(words)) = (answer.due_date, words) {
        facts.extend(deduction_facts(
            language,
            &row.currency,
            [answer.withheld_minor, answer.retained_minor, answer.deducted_minor],
        ));
        facts.push((who.t("col-confirmed"), Value::money(&row.currency, answer.amount_minor)));
        facts.push((who.t("col-due"), Value::date(language, due_date)));
        let invoice = loaded.invoice.clone();
        let (standing, calendar) = who
            .read(move |conn: &mut Conn| {
                let today = store::records::load_heads(conn)?.business_date;
                let calendar = crate::commands::receivables::settlement::calendar(conn, &invoice.currency)?;
                Ok((standing_for_buyer(conn, &Subject::of(&invoice, Some(due_date)), today)?, calendar))
            })
            .await?;
        facts.push((who.t("payable-pay-on"), Value::date(language, calendar.following(due_date))));
        // A contact who confirms by link can open no other page.
        let plain = |(label, value): (String, Value)| (label, Value { href: String::new(), ..value });
        facts.extend(applied_terms(language, standing.as_ref(), answer.amount_minor).into_iter().map(plain));
        promised.extend(calendar_notice(language, &calendar, &row.currency, due_date));
        promised.extend([
            Block::Notice(Tone::Attention, who.t("payable-irrevocable")),
            Block::Words(in_language(language, &words)),
            Block::Facts(vec![
                (who.t("field-version"), Value::code(undertaking::CURRENT)),
                (who.t("field-words-hash"), Value::code(words.hash.clone())),
            ]),
        ]);
        form = form
            .hidden("amount", decimal(answer.amount_minor))
            .hidden("due_date", due_date.to_string())
            .hidden("withheld", decimal(answer.withheld_minor))
            .hidden("retained", decimal(answer.retained_minor))
            .hidden("deducted", decimal(answer.deducted_minor))
            .hidden("reason", answer.text.clone())
            .hidden("version", undertaking::CURRENT)
            .hidden("words_hash", words.hash);
    } else {
        form = form.hidden("clarification", answer.clarification.clone()).hidden("text", answer.text.clone());
    }
    if !answer.text.is_empty() {
        facts.push((who.t("field-reason"), Value::text(answer.text.clone())));
    }
    let again = code_form(who, loaded, &form);
    let check = super::Check {
        title: who.t("link-check-title"),
        lead: who.t(if answer.due_date.is_some() { "link-check-confirm" } else { "link-check-lead" }),
        facts,
        form,
        back: format!("/confirm/{}", loaded.token),
    };
    let mut page = check_page(who, &[], check);
    // The promise stands before the button.
    let at = page.blocks.iter().position(|block| matches!(block, Block::Form(_))).unwrap_or(page.blocks.len());
    page.blocks.splice(at..at, promised);
    Ok(match again {
        Some(again) => page.form(again),
        None => page,
    })
}

/// Asks for a new code where codes are mailed; it brings back what was chosen.
fn code_form(who: &Who<Anyone>, loaded: &Loaded, form: &Form) -> Option<Form> {
    let chosen = form.fields.iter().filter(|field| field.name != "code").cloned().collect();
    let again = Form::new(format!("/confirm/{}/code", loaded.token), who.t("link-code-again"), chosen).secondary();
    (loaded.contact.channel == Channel::Email).then_some(again)
}

/// Mails a new code and shows the same page again.
async fn new_code(who: Who<Anyone>, sender: Sender, token: Token, posted: Posted) -> Answer {
    let loaded = load(&who, &sender, &token).await?;
    let answer = wish(&loaded, &|name| posted.get(name).to_owned())?;
    let mut page = allowed_page(&who, &loaded, answer).await?;
    prove::may_mail_code(&who.app, loaded.link.id)?;
    let actor = Actor::person(loaded.contact.party_id, loaded.contact.user_id);
    let token_hash = loaded.link.token_hash.clone();
    let command = RequestCode { link_id: loaded.link.id, token_hash, code: crate::hash::random_code() };
    who.app.submit(actor, posted.key(), command).await?;
    page.blocks.insert(0, Block::Notice(Tone::Waiting, who.t("link-code-mailed")));
    who.app.page(&who.viewer, page).await
}

async fn check(who: Who<Anyone>, sender: Sender, token: Token, params: Params) -> Answer {
    let loaded = load(&who, &sender, &token).await?;
    let page = match wish(&loaded, &|name| params.get(name).to_owned()) {
        Ok(answer) => allowed_page(&who, &loaded, answer).await,
        Err(fault) => Err(fault),
    };
    match page {
        Ok(page) => who.app.page(&who.viewer, page).await,
        Err(fault) => {
            let page = whole_page(&who, &loaded).await?;
            again(&who, page, &Posted { fields: params.fields.clone() }, fault, &loaded.row.currency).await
        }
    }
}

/// The company's person whose link this was, whatever has become of it: a form that is sent twice gets its receipt twice.
async fn actor_of(who: &Who<Anyone>, hash: String) -> Result<(ConfirmationLinkId, Actor), Fault> {
    let find = move |conn: &mut Conn| {
        let link = store::confirmations::find_link_by_token(conn, &hash)?.ok_or(Refusal::LinkInvalid)?;
        let contact = BuyerContact::load(conn, link.contact_id)?;
        Ok((link.id, Actor::person(contact.party_id, contact.user_id)))
    };
    who.read(find).await
}

async fn answer(who: Who<Anyone>, sender: Sender, token: Token, posted: Posted) -> Answer {
    let hash = token_hash(&who, &sender, &token.0)?;
    let (link_id, actor) = actor_of(&who, hash.clone()).await?;
    let loaded = load(&who, &sender, &token).await;
    let mut command = match &loaded {
        Ok(loaded) => wish(loaded, &|name| posted.get(name).to_owned())?,
        // A form that was sent before has its receipt; any other finds no link.
        Err(Fault::Refused(Refusal::LinkInvalid)) => return repeated(&who, &actor, &posted).await,
        Err(fault) => return Err(fault.clone()),
    };
    command.link_id = link_id;
    command.token_hash = hash;
    posted.get("code").clone_into(&mut command.code);
    command.code_digest = code_digest(&who, &posted);
    posted.get("version").clone_into(&mut command.version);
    posted.get("words_hash").clone_into(&mut command.words_hash);
    let loaded = loaded?;
    let outcome = match who.app.submit(actor, key_of(&who, &posted), command.clone()).await {
        Ok(outcome) => outcome,
        Err(Fault::Refused(Refusal::LinkInvalid)) => return Err(Refusal::LinkInvalid.into()),
        Err(fault) => {
            let page = sent_page(&who, &loaded, &command).await?;
            return again(&who, page, &Posted::default(), fault, &loaded.row.currency).await;
        }
    };
    if outcome.text("factor") == "wrong" {
        let left: i64 = outcome.number("left");
        if left == 0 {
            return Err(Refusal::LinkInvalid.into());
        }
        let mut page = sent_page(&who, &loaded, &command).await?;
        page.errors.push(("code".to_owned(), who.language().fill("link-code-wrong", &[("left", left.to_string())])));
        let mut shown = who.app.page_with(&who.viewer, page, actix_web::http::StatusCode::UNPROCESSABLE_ENTITY).await?;
        shown.extensions_mut().insert(Said("link_code_wrong".to_owned()));
        return Ok(shown);
    }
    receipt(&who, &outcome, &loaded.row.number, &loaded.row.currency, &command.answer).await
}

fn code_digest(who: &Who<Anyone>, posted: &Posted) -> String {
    crate::auth::keyed_digest(&who.app.config.secret, "link-code", posted.get("code"))
}

/// A form that is sent twice with one code does one thing; with another code it is another try.
fn key_of(who: &Who<Anyone>, posted: &Posted) -> String {
    crate::commands::own_key("link", &[&posted.key(), &code_digest(who, posted)])
}

/// The receipt of what this very form has done before; otherwise the link is as good as none.
async fn repeated(who: &Who<Anyone>, actor: &Actor, posted: &Posted) -> Answer {
    let (party_id, user_id, key) = (actor.party_id, actor.user_id, key_of(who, posted));
    let found = who
        .read(move |conn| {
            let known = store::log::find_record_by_key(conn, party_id, &key)?;
            let known =
                known.filter(|row| row.user_id == user_id && row.command == "answer_by_link").ok_or(Refusal::LinkInvalid)?;
            let outcome = Outcome::stored(&known.outcome, known.seq);
            let invoice = Invoice::load(conn, InvoiceId(known.subject_id.0))?;
            Ok((outcome, invoice))
        })
        .await?;
    let (outcome, invoice) = found;
    if outcome.text("factor") == "wrong" {
        return Err(Refusal::LinkInvalid.into());
    }
    receipt(who, &outcome, &invoice.number, &invoice.currency, posted.get("act")).await
}

async fn receipt(who: &Who<Anyone>, outcome: &Outcome, number: &str, currency: &str, act: &str) -> Answer {
    let language = who.language();
    let mut facts = vec![
        (who.t("receipt-reference"), Value::code(format!("K-{}", outcome.seq))),
        (who.t("link-act"), Value::text(act_label(language, act))),
        (who.t("col-number"), Value::text(number)),
    ];
    if !currency.is_empty() && act == LinkAct::Confirm.name() {
        facts.push((who.t("field-reference"), Value::code(outcome.text("reference"))));
        facts.push((who.t("field-evidence-hash"), Value::code(outcome.text("evidence_hash"))));
    }
    facts.push((who.t("undertaking-signed"), Value::text(outcome.text("person"))));
    facts.push((who.t("link-factor"), Value::text(outcome.text("factor"))));
    let held = outcome.body.get("review").is_some();
    let (tone, said) = if held { (Tone::Waiting, "link-held") } else { (Tone::Done, "link-done") };
    let page = Page::new(language.fill("link-receipt-title", &[("number", number.to_owned())]))
        .with(Block::Notice(tone, who.t(said)))
        .with(Block::Facts(facts))
        .with(Block::Paragraph(who.t("link-receipt-lead")));
    who.app.page(&who.viewer, page).await
}

/// The invoice's own file, always as a download.
/// The invoice's file, or one of those that its supplier has put beside it.
async fn file(who: Who<Anyone>, sender: Sender, token: Token, params: Params) -> Answer {
    let loaded = load(&who, &sender, &token).await?;
    let (wanted, owner) = (params.get("evidence"), loaded.owner);
    if !wanted.is_empty() {
        let beside = loaded.evidence.into_iter().find(|row| row.id.to_string() == wanted).ok_or(Refusal::NotFound)?;
        let Stored { content, share } = read_stored(&who.app, owner, &beside.document).await?;
        let name = format!("evidence-{wanted}.{}", document::extension(intake::media_type(&content)));
        return Ok(Stored::carried_by(share, document::download(&name, content)));
    }
    let Stored { mut content, share } = read_stored(&who.app, owner, &loaded.row.document).await?;
    let media = intake::media_type(&content);
    if media == "text/csv" {
        content = document::own_rows(&who, PartyId(loaded.row.buyer_id), content, vec![loaded.row.number])
            .await?
            .ok_or(Refusal::NotFound)?
            .into_bytes();
    }
    let name = format!("invoice-{}.{}", loaded.row.id, document::extension(media));
    Ok(Stored::carried_by(share, document::download(&name, content)))
}
