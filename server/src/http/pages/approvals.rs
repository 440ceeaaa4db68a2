//! Requests that wait for a second person: the request as it was asked, and yes or no.

use super::super::error::Fault;
use super::super::rights::{Checker, Member, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::listing::Listing;
use super::{Answer, again, bank_request, receipt, request};
use crate::auth::Person;
use crate::batch::Stop;
use crate::commands::bank::close_custody_account::said_of;
use crate::commands::bank::file::{complete, is_import};
use crate::commands::confirmations::confirm_invoice::{Words, words};
use crate::commands::kit::decide_approval::DecideApproval;
use crate::commands::kit::second_person::Seconds;
use crate::commands::kit::withdraw_request::WithdrawRequest;
use crate::commands::{Actor, Command};
use crate::view::Reader;
use domain::Refusal;
use domain::party::Role;
use kernel::{ApprovalId, InvoiceId, PartyId, UserId};
use serde_json::Value as Json;
use store::lists::ApprovalLine;
use store::records::Keyed;
use store::{Conn, Invoice, User};
use web::{Block, Field, Form, Language, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/approvals", approvals);
    routes.get("/approvals/{id}", approval);
    routes.post("/approvals/{id}", decide);
    routes.post("/approvals/{id}/withdraw", withdraw);
}

async fn approvals(who: Who<Member>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-what", false, ""),
        ("col-about", false, ""),
        ("col-amount", true, "amount_minor"),
        ("col-maker", false, "maker"),
        ("col-when", false, ""),
        ("col-state", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[],
        states: &["pending", "approved", "rejected", "ended"],
        heads,
        default: ("id", true),
        summed: "",
    };
    let wanted = listing.query().with("party_id = ?", vec![who.party_id()?.into()]);
    let (party_id, reader) = (who.party_id()?, who.person()?.clone());
    let (page, others) = who
        .read(move |conn| {
            let page = ApprovalLine::page(conn, &wanted)?;
            let others = for_others(conn, &page.rows, party_id, &reader)?;
            Ok((page, others))
        })
        .await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(language.request(said_of(&row.command, &row.body)), format!("/approvals/{}", row.id)),
            Value::text(subject(row)),
            if row.amount_minor > 0 { Value::money(&row.currency, row.amount_minor) } else { Value::text("–") },
            Value::text(row.maker.clone()),
            Value::moment(language, row.created_at),
            if others.contains(&row.id) {
                Value::text(who.t("approval-for-another"))
            } else {
                Value::state(language, &row.state)
            },
        ],
    });
    let last = page.rows.last().map(|row| (row.id.to_string(), row.id));
    let mut table =
        listing.table(language.t("approvals-title"), rows.collect(), &[], last, page.more, language.t("approvals-empty"));
    table.empty_link.get_or_insert_with(|| (language.t("fault-home"), "/home".to_owned()));
    listing.send(&who, Page::new(language.t("approvals-title")), table).await
}

/// The requests that wait for another checker than the reader.
fn for_others(conn: &mut Conn, rows: &[ApprovalLine], party_id: PartyId, reader: &Person) -> Result<Vec<i64>, Fault> {
    let mut found = Vec::new();
    let pending = || rows.iter().filter(|row| row.state == "pending");
    if !reader.has_role(Role::Checker) || pending().next().is_none() {
        return Ok(found);
    }
    let seconds = Seconds::load(conn, party_id)?;
    for row in pending() {
        let Some(command) = Command::read(&row.command, &row.body) else { continue };
        let maker = UserId(row.maker_id);
        if maker == reader.user.id || seconds.obstacle(conn, maker, reader.user.id, &command)?.is_some() {
            found.push(row.id);
        }
    }
    Ok(found)
}

/// The subject of a request: the record that it names, or the name it gives for a person or thing that does not exist yet.
fn subject(row: &ApprovalLine) -> String {
    if !row.about.is_empty() {
        return row.about.clone();
    }
    let body: Json = serde_json::from_str(&row.body).unwrap_or_default();
    let said = |field: &&str| body.get(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let fields = if row.command == "open_custody_account" { &["iban"][..] } else { &["name", "holder", "email", "currency"] };
    fields.iter().find_map(said).unwrap_or_default()
}

struct Loaded {
    row: ApprovalLine,
    about: Option<String>,
    body: Json,
    /// The undertaking that an approval would sign, exactly as it would be kept.
    words: Option<Words>,
    /// The effect of the request as of now; left out of decided requests.
    meaning: Vec<Block>,
    /// The person who invited the asker, and the person who last gave the asker roles.
    behind: Vec<(String, Value)>,
    /// Why the reader cannot agree, as a text.
    obstacle: Option<&'static str>,
    /// Why the request can no longer happen, as things are now.
    refused: Option<Refusal>,
    /// The request would now have another effect than the one asked for: a bank's file, or a claim.
    changed: bool,
}

async fn load<R: super::SignedIn>(who: &Who<R>, id: ApprovalId) -> Result<Loaded, Fault> {
    let (party_id, language, reader) = (who.party_id()?, who.language(), who.actor()?.user_id);
    let now = who.app.clock.now();
    let read = bank_request::read_asked(who, id).await?.map(|(_, read)| read);
    who.read(move |conn| {
        let row = ApprovalLine::find(conn, id.0)?.filter(|row| PartyId(row.party_id) == party_id).ok_or(Refusal::NotFound)?;
        let mut body: Json = serde_json::from_str(&row.body).unwrap_or_default();
        let words = if row.command == "confirm_invoice" && row.state == "pending" { signed_words(conn, &body)? } else { None };
        let command = Command::read(&row.command, &row.body).filter(|_| row.state == "pending");
        let (mut meaning, mut changed) = match &command {
            Some(Command::ImportStatement(_) | Command::ImportStatus(_)) => {
                let read = read.as_ref().ok_or(Refusal::NotFound)?;
                let shown = bank_request::shown(conn, language, &row.body, read)?;
                (shown.blocks, shown.changed)
            }
            Some(command) => (request::meaning(conn, language, party_id, command)?, false),
            None => (Vec::new(), false),
        };
        let maker = User::load(conn, UserId(row.maker_id))?;
        let behind = super::org::sponsor_facts(conn, language, &maker)?;
        let obstacle = match &command {
            Some(command) => Seconds::load(conn, party_id)?.obstacle(conn, maker.id, reader, command)?,
            None => None,
        };
        let refused = match command.filter(|_| !changed) {
            Some(command) => {
                let asker = Actor { approver_id: Some(reader), ..Actor::person(party_id, maker.id) };
                refusal_of(&mut Reader::open(conn, now)?, &asker, ApprovalId(row.id), (command, read.as_ref()))?
            }
            None => None,
        };
        if refused == Some(Refusal::CheckChanged) {
            let said = if is_import(&row.command) { "bank-file-changed" } else { "request-changed" };
            meaning.insert(0, Block::Notice(web::Tone::Stopped, language.t(said)));
            changed = true;
        }
        let about = about(&row.command, &body);
        super::receipts::name_account(conn, &row.command, &mut body)?;
        Ok(Loaded { row, about, body, words, meaning, behind, obstacle, refused, changed })
    })
    .await
}

/// The refusal that the stored command would get now, decided for its asker; a bank's file goes with it as it was read.
fn refusal_of(
    view: &mut Reader<'_>,
    asker: &Actor,
    id: ApprovalId,
    (command, read): (Command, Option<&Command>),
) -> Result<Option<Refusal>, Fault> {
    let decided = complete(command, read).map_err(Stop::from).and_then(|command| command.decide_request(view, asker, id));
    match decided {
        Ok(_) => Ok(None),
        Err(Stop::Refused(refusal)) => Ok(Some(refusal)),
        Err(Stop::Failed(error)) => Err(error.into()),
    }
}

fn signed_words(conn: &mut Conn, body: &Json) -> Result<Option<Words>, Fault> {
    let number = |name: &str| body.get(name).and_then(Json::as_i64);
    let due = body.get("due_date").and_then(Json::as_str).and_then(|day| day.parse().ok());
    let (Some(id), Some(amount_minor), Some(due)) = (number("invoice_id"), number("amount_minor"), due) else { return Ok(None) };
    let Some(invoice) = Invoice::find(conn, InvoiceId(id))? else { return Ok(None) };
    Ok(Some(words(conn, &invoice, amount_minor, due)?))
}

/// Where the record that a request is about can be read before it is decided.
fn about(command: &str, body: &Json) -> Option<String> {
    let number = |name: &str| body.get(name).and_then(Json::as_i64);
    // A number of an account says only with its command which kind of account it is.
    match command {
        "create_payment_file" => return Some("/ops/payouts".to_owned()),
        "open_custody_account" => return Some("/ops/custody-accounts".to_owned()),
        "choose_custody_account" | "close_custody_account" => {
            return Some(format!("/ops/custody-accounts/{}", number("account_id")?));
        }
        "decide_bank_account" => return Some("/ops/bank-accounts".to_owned()),
        "decide_company" | "appoint_checker" | "correct_company" => {
            return Some(format!("/ops/companies/{}", number("party_id")?));
        }
        _ => {}
    }
    let pages = [
        ("review_id", "/ops/reviews/"),
        ("invoice_id", "/payables/"),
        ("list_id", "/payables/lists/"),
        ("receivable_id", "/receivables/"),
        ("offer_id", "/market/"),
        ("line_id", "/ops/bank-lines/"),
        ("payout_id", "/ops/payouts/"),
        ("statement_id", "/ops/statements/"),
    ];
    pages.iter().find_map(|(name, page)| Some(format!("{page}{}", number(name)?)))
}

fn approval_page<R: super::SignedIn>(who: &Who<R>, loaded: &Loaded) -> Result<Page, Fault> {
    let (language, person, row) = (who.language(), who.person()?, &loaded.row);
    let mut facts = vec![
        (who.t("col-state"), Value::state(language, &row.state)),
        (who.t("col-maker"), Value::text(row.maker.clone())),
        (who.t("col-when"), Value::moment(language, row.created_at)),
    ];
    facts.extend(loaded.behind.iter().cloned());
    if row.amount_minor > 0 {
        facts.push((who.t("col-amount"), Value::money(&row.currency, row.amount_minor)));
    }
    if !row.checker.is_empty() {
        facts.push((who.t("col-checker"), Value::text(row.checker.clone())));
    }
    if !row.reason.is_empty() {
        let ended = row.state == "ended";
        let why = if ended { who.t(&format!("approval-ended-{}", row.reason.replace('_', "-"))) } else { row.reason.clone() };
        facts.push((who.t("field-reason"), Value::text(why)));
    }
    let request = super::receipts::facts_of(language, &loaded.body, &row.currency);
    let what = language.request(said_of(&row.command, &row.body));
    let title = language.fill("approval-title", &[("what", what), ("id", row.id.to_string())]);
    let mut page = Page::new(title)
        .trail(who.t("approvals-title"), "/approvals")
        .with(Block::Facts(facts))
        .with(Block::Heading(who.t("approval-request")))
        .with(Block::Facts(request));
    if !loaded.meaning.is_empty() {
        page = page.with(Block::Heading(who.t("approval-meaning")));
        page.blocks.extend(loaded.meaning.iter().cloned());
    }
    if let Some(words) = &loaded.words {
        let text = if language == Language::Chinese { &words.chinese } else { &words.english };
        page = page.with(Block::Notice(web::Tone::Attention, who.t("payable-irrevocable"))).with(Block::Words(text.clone()));
    }
    let file = is_import(&row.command).then(|| format!("/ops/bank-files/{}", row.subject_id));
    if let Some(href) = file.or_else(|| loaded.about.clone()) {
        page = page.with(Block::Links(vec![(who.t("approval-about"), href)]));
    }
    let may = row.state == "pending" && person.has_role(Role::Checker);
    if may && UserId(row.maker_id) != person.user.id {
        let reason = Field::new("reason", who.t("field-reason"), "area");
        let form = |decision: &str, key: &str, fields: Vec<Field>| {
            Form::new(format!("/approvals/{}", row.id), who.t(key), fields)
                .hidden("decision", decision)
                .hidden("body_hash", row.body_hash.clone())
        };
        page = match (loaded.obstacle, &loaded.refused) {
            (Some(why), _) => page.with(Block::Notice(web::Tone::Waiting, who.t(why))),
            (None, _) if loaded.changed => page,
            (None, refused) => {
                let said = refused.as_ref().map(|refusal| language.refusal(refusal, &row.currency));
                // The effect shown above may have given this reason already.
                let said = said.filter(|said| !page.blocks.iter().any(|block| is_notice(block, said)));
                page.blocks.extend(said.map(|said| Block::Notice(web::Tone::Attention, said)));
                page.form(form("approve", "approval-approve", vec![]))
            }
        };
        page = page.form(form("reject", "approval-reject", vec![reason]).secondary());
    } else if row.state == "pending" {
        page = page.with(Block::Notice(web::Tone::Waiting, who.t("approval-waits")));
        if UserId(row.maker_id) == person.user.id {
            let act = format!("/approvals/{}/withdraw", row.id);
            page = page.form(Form::new(act, who.t("approval-withdraw"), vec![]).secondary());
        }
    }
    Ok(page)
}

fn is_notice(block: &Block, said: &str) -> bool {
    matches!(block, Block::Notice(_, text) if text == said)
}

async fn approval(who: Who<Member>, id: Id) -> Answer {
    let loaded = load(&who, ApprovalId(id.0)).await?;
    let page = approval_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

async fn withdraw(who: Who<Member>, id: Id, posted: Posted) -> Answer {
    match who.submit(&posted.key(), WithdrawRequest { approval_id: ApprovalId(id.0) }).await {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => {
            let loaded = load(&who, ApprovalId(id.0)).await?;
            again(&who, approval_page(&who, &loaded)?, &posted, fault, &loaded.row.currency).await
        }
    }
}

async fn decide(who: Who<Checker>, id: Id, posted: Posted) -> Answer {
    let decision = DecideApproval {
        approval_id: ApprovalId(id.0),
        body_hash: posted.get("body_hash").to_owned(),
        approve: posted.get("decision") == "approve",
        reason: posted.get("reason").to_owned(),
        file: None,
    };
    let outcome = match bank_request::with_file(&who, decision).await {
        Ok(command) => who.submit(&posted.key(), command).await,
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => {
            let mut loaded = load(&who, ApprovalId(id.0)).await?;
            // The page begins with it.
            loaded.refused = loaded.refused.filter(|refusal| !matches!(&fault, Fault::Refused(said) if said == refusal));
            again(&who, approval_page(&who, &loaded)?, &posted, fault, &loaded.row.currency).await
        }
    }
}
