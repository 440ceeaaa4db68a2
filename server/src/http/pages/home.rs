//! Home: what must be done first, then what there is; and the notices.

use super::super::rights::{Member, Who};
use super::super::routes::{Params, Routes};
use super::listing::Listing;
use super::{Answer, navigation, payables, receivables};
use crate::auth::Person;
use crate::jobs::troubles::Trouble;
use domain::Currency;
use domain::chart::{AccountKey, currency_asset};
use domain::party::{Capacity, PartyStatus};
use kernel::PartyId;
use ledger::AssetId;
use store::lists::{self, HoldingLine, ListQuery, NoticeLine, ReceivableLine};
use store::{AccountRow, Conn, StoreError};
use web::{Block, Figure, Language, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/home", home);
    routes.get("/notifications", notifications);
}

/// The notices of a person, and those for the whole company, newest first. The order is by company and id, not by id alone. With
/// ids alone, a planner may walk through all companies' notices to find a company's newest, however far back they are.
fn own_notices(wanted: ListQuery, person: &Person) -> ListQuery {
    let party = person.party.id;
    ListQuery { order: "party_id", descending: true, ..wanted }.with(
        "party_id BETWEEN ? AND ? AND (user_id IS NULL OR user_id = ?)",
        vec![party.into(), party.into(), person.user.id.into()],
    )
}

/// Where money for the platform's companies is paid to, and in which currencies.
pub struct PayTo {
    pub currencies: Vec<String>,
    pub holder: String,
    pub iban: String,
}

/// The current accounts of these currencies, each once.
pub fn pay_to(conn: &mut Conn, currencies: &[String]) -> Result<Vec<PayTo>, StoreError> {
    let mut found: Vec<PayTo> = Vec::new();
    for currency in currencies {
        let Some(row) = store::custody::find_current(conn, currency)? else { continue };
        match found.iter_mut().find(|known| known.iban == row.iban) {
            Some(known) => known.currencies.push(currency.clone()),
            None => found.push(PayTo { currencies: vec![currency.clone()], holder: row.holder, iban: row.iban }),
        }
    }
    Ok(found)
}

/// The same of all currencies in which the platform trades.
pub fn pay_to_all(conn: &mut Conn) -> Result<Vec<PayTo>, StoreError> {
    let codes: Vec<String> = traded_currencies(conn)?.iter().map(|known| known.code().to_owned()).collect();
    pay_to(conn, &codes)
}

/// Holder and account, by currency where there are several.
pub fn pay_to_facts(language: Language, places: &[PayTo]) -> Vec<(String, Value)> {
    if let [only] = places {
        return vec![
            (language.t("pay-holder"), Value::text(only.holder.clone())),
            (language.t("field-iban"), Value::code(only.iban.clone())),
        ];
    }
    let mut facts: Vec<(String, Value)> = Vec::new();
    let mut holder = "";
    for place in places {
        if place.holder != holder {
            facts.push((language.t("pay-holder"), Value::text(place.holder.clone())));
            holder = &place.holder;
        }
        let currencies = place.currencies.join(", ");
        facts.push((language.fill("pay-account-of", &[("currencies", currencies)]), Value::code(place.iban.clone())));
    }
    facts
}

/// The currencies in which the platform trades, as terms exist for them.
pub fn traded_currencies(conn: &mut store::Conn) -> Result<Vec<Currency>, store::StoreError> {
    let rows = store::days::list_issue_terms(conn)?;
    Ok(rows.iter().filter_map(|row| Currency::parse(&row.currency)).collect())
}

/// The same in the order for a form of a company in this country: the likeliest currency comes first. A person who leaves the box
/// alone then does not trade in another country's currency.
pub fn own_currencies(conn: &mut store::Conn, country: &str) -> Result<Vec<Currency>, store::StoreError> {
    let mut currencies = traded_currencies(conn)?;
    currencies.sort_by_key(|currency| (!currency.is_used_in(country), *currency != Currency::EUR));
    Ok(currencies)
}

/// One account in each currency in which the platform trades, where it has been opened.
fn accounts(conn: &mut Conn, key: impl Fn(AssetId) -> AccountKey) -> Result<Vec<(Currency, Option<AccountRow>)>, StoreError> {
    let currencies = traded_currencies(conn)?;
    let keys: Vec<AccountKey> = currencies.iter().map(|currency| key(currency_asset(*currency))).collect();
    let rows = store::journal::list_accounts(conn, &keys)?;
    let of = |currency: &Currency| rows.iter().find(|row| row.asset_id == currency_asset(*currency).0).cloned();
    Ok(currencies.iter().map(|currency| (*currency, of(currency))).collect())
}

/// A company's money in each of them.
pub fn cash_accounts(conn: &mut Conn, party: PartyId) -> Result<Vec<(Currency, Option<AccountRow>)>, StoreError> {
    accounts(conn, |asset| AccountKey::cash(party, asset))
}

/// The company's debt to the platform, if there is one: money that it had spent or shared out before it was taken back.
pub fn owed_to_platform(conn: &mut Conn, party: PartyId) -> Result<Vec<(Currency, i64)>, StoreError> {
    let found = accounts(conn, |asset| AccountKey::claim(party, asset))?;
    let owed = found.into_iter().filter_map(|(currency, account)| Some((currency, account?.balance)));
    Ok(owed.filter(|(_, minor)| *minor != 0).collect())
}

/// The same in words, for the company itself.
pub fn owed_notice(language: Language, owed: &[(Currency, i64)]) -> Option<Block> {
    if owed.is_empty() {
        return None;
    }
    let sums: Vec<String> = owed.iter().map(|(currency, minor)| language.money(currency.code(), *minor)).collect();
    let sums = ("amounts", sums.join(&language.t("list-separator")));
    Some(Block::Notice(web::Tone::Attention, language.fill("owed-to-platform-notice", &[sums])))
}

/// The company's assets and debts, each with the list whose total it is.
fn figures(conn: &mut Conn, person: &Person, language: Language, as_of: &str) -> Result<Vec<Figure>, StoreError> {
    let mut figures = Vec::new();
    let mut add = |label: &str, currency: &str, minor: i64, href: String| {
        let spoken = language.spoken_money(currency, minor).map(|spoken| format!("{spoken}{}", language.t("list-separator")));
        let note = format!("{}{as_of}", spoken.unwrap_or_default());
        figures.push(Figure { label: language.t(label), value: language.money(currency, minor), note, href });
    };
    let own = |condition: &str| ListQuery::newest(1).with(condition, vec![person.party.id.into()]);
    if person.has_capacity(Capacity::Operator) {
        for currency in traded_currencies(conn)? {
            let mut minor = 0_i64;
            for account in store::custody::list(conn)? {
                minor = minor.saturating_add(store::custody::balance_minor(conn, account.id, currency)?);
            }
            add("home-custody", currency.code(), minor, "/ops/custody-accounts".to_owned());
            if let Some(minor) = store::reconciliation::difference(conn, currency)? {
                add("home-bank-difference", currency.code(), minor, "/ops/reconciliation".to_owned());
            }
        }
    } else {
        for (currency, account) in cash_accounts(conn, person.party.id)? {
            let Some(account) = account else { continue };
            let free_minor = account.balance.saturating_sub(account.held);
            add("home-cash", currency.code(), free_minor, format!("/cash/statement?currency={}", currency.code()));
        }
        for (currency, minor) in owed_to_platform(conn, person.party.id)? {
            add("owed-to-platform", currency.code(), minor, "/cash".to_owned());
        }
    }
    if person.has_capacity(Capacity::Financier) {
        for total in HoldingLine::totals(conn, &own("owner_id = ?"))? {
            add("home-holdings", &total.currency, total.sum_minor, format!("/portfolio?currency={}", total.currency));
        }
    }
    if person.has_capacity(Capacity::Supplier) {
        let open = own("supplier_id = ?").with(receivables::OPEN.1, vec![]);
        for total in ReceivableLine::totals(conn, &open)? {
            add(
                "home-receivables",
                &total.currency,
                total.sum_minor,
                format!("/receivables?state=open&currency={}", total.currency),
            );
        }
    }
    if person.has_capacity(Capacity::Buyer) {
        let open = own("buyer_id = ?").with(payables::OPEN.1, vec![]);
        for total in lists::InvoiceLine::totals(conn, &open)? {
            add("home-payables", &total.currency, total.sum_minor, format!("/payables?state=open&currency={}", total.currency));
        }
    }
    Ok(figures)
}

async fn home(who: Who<Member>) -> Answer {
    let person = who.person()?.clone();
    let language = who.language();
    let as_of = language.fill("home-as-of", &[("date", language.moment(who.app.clock.now()))]);
    let (tasks, figures, notices) = who
        .read_waiting(move |conn, waiting| {
            let mine = own_notices(ListQuery::newest(8), &person);
            let tasks = navigation::tasks(conn, &person, language, waiting)?;
            Ok((tasks, figures(conn, &person, language, &as_of)?, NoticeLine::page(conn, &mine)?.rows))
        })
        .await?;
    let person = who.person()?;
    let mut page = Page::new(language.fill("home-title", &[("name", person.user.name.clone())]));
    let stopped = match person.party.status {
        PartyStatus::Active => None,
        PartyStatus::Suspended => Some("home-suspended"),
        PartyStatus::Declined => Some("home-declined"),
        PartyStatus::Applied => Some("home-not-active"),
    };
    page.blocks.extend(stopped.map(|key| Block::Notice(web::Tone::Attention, language.t(key))));
    if person.has_capacity(Capacity::Operator) {
        for trouble in who.app.troubles.lasting() {
            page.push(Block::Notice(web::Tone::Attention, trouble_sentence(language, &trouble)));
        }
    }
    page.push(Block::Heading(language.t("home-todo")));
    page.push(Block::Tasks(tasks, language.t("home-nothing")));
    if !figures.is_empty() {
        page.push(Block::Heading(language.t("home-have")));
        page.push(Block::Figures(figures));
    }
    let events = notices.iter().map(|notice| notice_event(language, notice)).collect();
    page.push(Block::Timeline(language.t("home-latest"), events));
    page.push(Block::Links(vec![(language.t("notifications-title"), "/notifications".to_owned())]));
    who.app.page(&who.viewer, page).await
}

fn trouble_sentence(language: Language, trouble: &Trouble) -> String {
    let job = ("job", trouble.job.to_owned());
    match &trouble.taken_key {
        Some(key) => language.fill("home-job-stopped", &[job, ("key", key.clone())]),
        None => language.fill("home-job-fails", &[job, ("rounds", trouble.rounds.to_string())]),
    }
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
        href: notice.link.clone(),
        ..web::Event::default()
    }
}

async fn notifications(who: Who<Member>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[("col-when", false, ""), ("col-what", false, "")];
    let listing = Listing { params: &params, language, groups: &[], states: &[], heads, default: ("party_id", true), summed: "" };
    let wanted = own_notices(listing.query(), who.person()?);
    let page = who.read(move |conn| Ok(NoticeLine::page(conn, &wanted)?)).await?;
    let rows = page.rows.iter().map(|notice| Row {
        cells: vec![Value::moment(language, notice.at), Value::link(notice_sentence(language, notice), notice.link.clone())],
    });
    let last = page.rows.last().map(|row| (row.party_id.to_string(), row.id));
    let table =
        listing.table(language.t("notifications-title"), rows.collect(), &[], last, page.more, language.t("notifications-empty"));
    listing.send(&who, Page::new(language.t("notifications-title")), table).await
}
