//! Pages of the demo world only: its mailbox and its movable clock. Elsewhere they do not exist.

use super::super::error::Fault;
use super::super::rights::{Anyone, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::super::see_other;
use super::listing::plain_table;
use super::{Answer, again};
use crate::jobs::end_of_day;
use domain::Refusal;
use kernel::MailId;
use store::Mail;
use store::records::Keyed;
use web::{Block, Field, Form, Page, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/demo/mailbox", mailbox);
    routes.get("/demo/mailbox/{id}", mail);
    routes.get("/demo/clock", clock);
    routes.post("/demo/clock", clock_post);
}

fn only_demo(who: &Who<Anyone>) -> Result<(), Fault> {
    if who.app.config.demo { Ok(()) } else { Err(Refusal::NotFound.into()) }
}

/// Mails of one page.
const SHOWN: i64 = 100;

async fn mailbox(who: Who<Anyone>, params: Params) -> Answer {
    only_demo(&who)?;
    let before = params.get("before").parse().unwrap_or(MailId(i64::MAX));
    let mails = who.read(move |conn| Ok(store::messages::list_mails_before(conn, before, SHOWN)?)).await?;
    let full = i64::try_from(mails.len()) == Ok(SHOWN);
    let older = mails.last().filter(|_| full).map(|mail| format!("/demo/mailbox?before={}", mail.id));
    let rows = mails.iter().map(|mail| {
        vec![
            Value::text(mail.address.clone()),
            Value::link(mail.subject.clone(), format!("/demo/mailbox/{}", mail.id)),
            Value::state(who.language(), mail.state.name()),
        ]
    });
    let heads = [("mailbox-to", false), ("mailbox-subject", false), ("col-state", false)];
    let mut page = Page::new(who.t("nav-mailbox")).with(Block::Paragraph(who.t("mailbox-lead"))).table(plain_table(
        who.language(),
        "nav-mailbox",
        &heads,
        rows.collect(),
        "mailbox-empty",
    ));
    if let Some(older) = older {
        page.push(Block::Links(vec![(who.t("mailbox-older"), older)]));
    }
    who.app.page(&who.viewer, page).await
}

async fn mail(who: Who<Anyone>, id: Id) -> Answer {
    only_demo(&who)?;
    let mail = who.read(move |conn| Ok(Mail::find(conn, MailId(id.0))?.ok_or(Refusal::NotFound)?)).await?;
    let link =
        mail.body.split_whitespace().find_map(|word| word.strip_prefix(who.app.config.base_url.as_str())).map(str::to_owned);
    let mut page = Page::new(who.language().fill("mailbox-mail", &[("subject", mail.subject)]))
        .trail(who.t("nav-mailbox"), "/demo/mailbox")
        .with(Block::Words(mail.body));
    if let Some(link) = link {
        page = page.with(Block::Links(vec![(who.t("page-open"), link)]));
    }
    who.app.page(&who.viewer, page).await
}

async fn clock_page(who: &Who<Anyone>) -> Result<Page, Fault> {
    let heads = who.read(|conn| Ok(store::records::load_heads(conn)?)).await?;
    let options = [1, 7, 30, 60].map(|days| (days.to_string(), who.language().fill("clock-days", &[("days", days.to_string())])));
    let field = Field::new("days", who.t("clock-move"), "select").options(options.to_vec());
    Ok(Page::new(who.t("nav-clock"))
        .with(Block::Paragraph(who.t("clock-lead")))
        .with(Block::Facts(vec![(who.t("page-business-date"), Value::date(who.language(), heads.business_date))]))
        .form(Form::new("/demo/clock", who.t("clock-submit"), vec![field])))
}

async fn clock(who: Who<Anyone>) -> Answer {
    only_demo(&who)?;
    let page = clock_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

async fn clock_post(who: Who<Anyone>, posted: Posted) -> Answer {
    only_demo(&who)?;
    let days = match posted.number("days") {
        Ok(days) => days.clamp(1, 90),
        Err(fault) => return again(&who, clock_page(&who).await?, &posted, fault, "").await,
    };
    let app = who.app.clone();
    let moved = actix_web::web::block(move || end_of_day::advance(&app, days)).await;
    moved.map_err(|error| Fault::Failed(error.to_string()))??;
    Ok(see_other("/demo/clock"))
}
