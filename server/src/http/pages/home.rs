//! Home: what must be done first, then what there is; and the notices.

use super::super::rights::{Member, Who};
use super::super::routes::{Params, Routes};
use super::listing::Listing;
use super::{Answer, navigation};
use domain::chart::currency_asset;
use domain::party::Capacity;
use store::lists::{self, HoldingLine, ListQuery, NoticeLine, ReceivableLine};
use web::{Block, Figure, Page, Row, Task, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/home", home);
    routes.get("/notifications", notifications);
}

/// The currencies in which the platform trades, as terms exist for them.
pub fn traded_currencies(conn: &mut store::Conn) -> Result<Vec<domain::Currency>, store::StoreError> {
    let rows = <store::IssueTermsRow as store::records::Record>::list_where(conn, "currency <> '' ORDER BY currency", &[])?;
    Ok(rows.iter().filter_map(|row| domain::Currency::parse(&row.currency)).collect())
}

async fn home(who: Who<Member>) -> Answer {
    let person = who.person()?.clone();
    let language = who.language();
    let (tasks, figures, notices) = who
        .app
        .read(move |conn| {
            let tasks = navigation::waiting(conn, &person)?;
            let mut figures = Vec::new();
            let heads = store::records::load_heads(conn)?;
            let as_of = language.fill("home-as-of", &[("date", language.date(heads.business_date))]);
            let mut add = |label: &str, currency: &str, minor: i64, href: &str| {
                figures.push(Figure { label: language.t(label), value: language.money(currency, minor), note: as_of.clone(), href: href.to_owned() });
            };
            for currency in traded_currencies(conn)? {
                let code = currency.code();
                if !person.has_capacity(Capacity::Operator) {
                    for line in lists::balances(conn, currency_asset(currency).0, Some(person.party.id))? {
                        add("home-cash", code, line.balance.saturating_sub(line.held), "/cash");
                    }
                }
            }
            if person.has_capacity(Capacity::Financier) {
                for total in HoldingLine::totals(conn, &ListQuery::newest(1).with("owner_id = ?", vec![person.party.id.into()]))? {
                    add("home-holdings", &total.currency, total.sum_minor, "/portfolio");
                }
            }
            if person.has_capacity(Capacity::Supplier) {
                let open = ListQuery::newest(1).with("supplier_id = ? AND state IN ('issued', 'active')", vec![person.party.id.into()]);
                for total in ReceivableLine::totals(conn, &open)? {
                    add("home-receivables", &total.currency, total.sum_minor, "/receivables");
                }
            }
            if person.has_capacity(Capacity::Buyer) {
                let due = ListQuery::newest(1).with("buyer_id = ? AND state IN ('presented', 'confirmed', 'partially_confirmed', 'assigned', 'part_paid', 'overdue')", vec![person.party.id.into()]);
                for total in lists::InvoiceLine::totals(conn, &due)? {
                    add("home-payables", &total.currency, total.sum_minor, "/payables");
                }
            }
            let mine = ListQuery::newest(8).with("party_id = ? AND user_id IN (0, ?)", vec![person.party.id.into(), person.user.id.into()]);
            Ok((tasks, figures, NoticeLine::page(conn, &mine)?.rows))
        })
        .await?;
    let person = who.person()?;
    let mut page = Page::new(language.fill("home-title", &[("name", person.user.name.clone())]));
    if person.party.status != "active" {
        page.push(Block::Notice(web::Tone::Attention, language.t("home-not-active")));
    }
    page.push(Block::Heading(language.t("home-todo")));
    let tasks = tasks.into_iter().map(|(key, href, count)| Task { text: language.t(key), href: href.to_owned(), count });
    page.push(Block::Tasks(tasks.collect(), language.t("home-nothing")));
    if !figures.is_empty() {
        page.push(Block::Heading(language.t("home-have")));
        page.push(Block::Figures(figures));
    }
    page.push(Block::Timeline(language.t("home-latest"), notices.iter().map(|notice| notice_event(language, notice)).collect()));
    who.app.page(&who.viewer, page).await
}

fn notice_sentence(language: web::Language, notice: &NoticeLine) -> String {
    let stored: serde_json::Value = serde_json::from_str(&notice.arguments).unwrap_or_default();
    let arguments = crate::jobs::send_mail::arguments_of(&stored, language);
    let borrowed: Vec<(&str, String)> = arguments.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    web::mail::notice(language, &notice.kind, &borrowed)
}

fn notice_event(language: web::Language, notice: &NoticeLine) -> web::Event {
    web::Event {
        title: notice_sentence(language, notice),
        when: language.moment(notice.at),
        machine: notice.at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        ..web::Event::default()
    }
}

async fn notifications(who: Who<Member>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[("col-when", false, ""), ("col-what", false, "")];
    let listing = Listing { params: &params, language, states: &[], heads, default: ("id", true) };
    let person = who.person()?;
    let wanted = listing.query().with("party_id = ? AND user_id IN (0, ?)", vec![person.party.id.into(), person.user.id.into()]);
    let page = who.app.read(move |conn| Ok(NoticeLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|notice| Row {
        cells: vec![Value::moment(language, notice.at), Value::link(notice_sentence(language, notice), notice.link.clone())],
    });
    let last = page.rows.last().map(|row| (row.id.to_string(), row.id));
    let table =
        listing.table(language.t("notifications-title"), rows.collect(), &[], last, page.more, language.t("notifications-empty"));
    listing.send(&who, Page::new(language.t("notifications-title")), table).await
}
