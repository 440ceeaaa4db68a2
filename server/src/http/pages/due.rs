//! The debts of buyers: by buyer and currency, soon, now and overdue. A late debt includes its late interest up to the business
//! date.

use super::super::rights::{OperatorViewer, Who};
use super::super::routes::{Params, Routes};
use super::Answer;
use super::listing::{Head, Listing, Narrow, narrowed};
use super::ops_lists::{BUYER, Filters, days_late};
use crate::commands::receivables::settlement;
use chrono::{Datelike, NaiveDate};
use domain::party::Capacity;
use domain::receivable::ReceivableState;
use kernel::PartyId;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use store::lists::{BuyerDueLine, ListQuery, Total};
use store::{Bind, Conn, StoreError};
use web::{Block, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/due", due);
}

/// Where a line stands in an order: amount or day, name, and id.
type Place = (i64, String, i64);

fn place_of(value: &Bind, id: i64) -> Place {
    match value {
        Bind::Int(number) => (*number, String::new(), id),
        Bind::Date(day) => (i64::from(day.num_days_from_ce()), String::new(), id),
        Bind::Text(text) => (0, text.clone(), id),
        _ => (0, String::new(), id),
    }
}

fn order_value(row: &BuyerDueLine, order: &str) -> Bind {
    match order {
        "buyer" => Bind::Text(row.buyer.clone()),
        "oldest_date" => Bind::Date(row.oldest_date),
        "coming_minor" => Bind::Int(row.coming_minor),
        "due_minor" => Bind::Int(row.due_minor),
        "overdue_minor" => Bind::Int(row.overdue_minor),
        _ => Bind::Int(row.id),
    }
}

/// A page of the list, and the totals of the whole list. The database sums confirmed amounts that are not paid. For a receivable
/// that is late or partly paid, the ledger knows the amount owed. So those lines are corrected before they are sorted.
pub fn lines(
    conn: &mut Conn,
    wanted: &ListQuery,
    today: NaiveDate,
) -> Result<(store::query::Page<BuyerDueLine>, Vec<Total>), StoreError> {
    let all = ListQuery { order: "id", descending: false, after: None, size: usize::MAX, ..wanted.clone() };
    let mut rows = BuyerDueLine::page(conn, &all)?.rows;
    let buyers: Vec<PartyId> = rows.iter().map(|row| PartyId(row.buyer_id)).collect();
    let late = store::receivables::list_late_receivables(conn, &buyers)?;
    let owed = settlement::owed_of(conn, &late, today)?;
    // By buyer and currency: overdue, and due.
    let mut more: HashMap<(PartyId, &str), (i64, i64)> = HashMap::new();
    for row in &late {
        let owed_minor = owed.get(&row.id).copied().unwrap_or(0);
        let more_minor = owed_minor.saturating_sub(row.confirmed_minor.saturating_sub(row.paid_minor));
        let (overdue, due) = more.entry((row.buyer_id, row.currency.as_str())).or_default();
        let sum = if row.state == ReceivableState::Overdue { overdue } else { due };
        *sum = sum.saturating_add(more_minor);
    }
    let mut totals: BTreeMap<String, Total> = BTreeMap::new();
    for row in &mut rows {
        if let Some((overdue, due)) = more.get(&(PartyId(row.buyer_id), row.currency.as_str())) {
            row.overdue_minor = row.overdue_minor.saturating_add(*overdue);
            row.due_minor = row.due_minor.saturating_add(*due);
        }
        let none = Total { currency: row.currency.clone(), count: 0, sum_minor: 0 };
        let total = totals.entry(row.currency.clone()).or_insert(none);
        total.count = total.count.saturating_add(1);
        total.sum_minor = total.sum_minor.saturating_add(row.overdue_minor);
    }
    let way = |order: Ordering| if wanted.descending { order.reverse() } else { order };
    let place = |row: &BuyerDueLine| place_of(&order_value(row, wanted.order), row.id);
    rows.sort_by(|one, other| way(place(one).cmp(&place(other))));
    if let Some((value, id)) = &wanted.after {
        let last = place_of(value, *id);
        rows.retain(|row| way(place(row).cmp(&last)) == Ordering::Greater);
    }
    Ok((store::query::Page::cut(rows, wanted.size), totals.into_values().collect()))
}

/// The debts of each buyer in each currency: soon, due now, and overdue, with how late the oldest is.
async fn due(who: Who<OperatorViewer>, params: Params) -> Answer {
    const NAMES: &[(Narrow, Capacity)] = &[BUYER];
    let language = who.language();
    let heads: &'static [Head] = &[
        ("col-buyer", false, "buyer"),
        ("col-receivables", true, ""),
        ("due-oldest", false, "oldest_date"),
        ("col-days-late", true, ""),
        ("due-coming", true, "coming_minor"),
        ("due-now", true, "due_minor"),
        ("due-late", true, "overdue_minor"),
        ("col-state", false, ""),
    ];
    let states = &["overdue", "matured", "active"];
    let listing = Listing {
        params: &params,
        language,
        groups: &[],
        states,
        heads,
        default: ("overdue_minor", true),
        summed: "overdue_minor",
    };
    let wanted = narrowed(&params, listing.query(), &NAMES.iter().map(|(narrow, _)| *narrow).collect::<Vec<_>>());
    let order = wanted.order;
    let (page, totals, filters, today) = who
        .read(move |conn| {
            let today = store::records::load_heads(conn)?.business_date;
            let filters = Filters::load(conn, NAMES)?;
            let (page, totals) = lines(conn, &wanted, today)?;
            Ok((page, totals, filters, today))
        })
        .await?;
    let rows = page.rows.iter().map(|row| {
        let late = days_late(row.oldest_date, today);
        let list = |due: &str| format!("/ops/receivables?buyer={}&currency={}&{due}", row.buyer_id, row.currency);
        Row {
            cells: vec![
                Value::link(row.buyer.clone(), list("state=open")),
                Value::number(row.receivables),
                Value::date(language, row.oldest_date),
                if late > 0 { Value::number(late) } else { Value::text("–") },
                Value::money(&row.currency, row.coming_minor),
                Value::money(&row.currency, row.due_minor),
                Value {
                    href: if row.overdue_minor > 0 { list("due=late") } else { String::new() },
                    ..Value::money(&row.currency, row.overdue_minor)
                },
                Value::state(language, &row.state),
            ],
        }
    });
    let last = page.rows.last().map(|row| {
        let value = match order_value(row, order) {
            Bind::Date(day) => day.to_string(),
            Bind::Int(number) => number.to_string(),
            Bind::Text(text) => text,
            _ => String::new(),
        };
        (value, row.id)
    });
    let title = language.t("ops-due");
    let mut table = listing.table(title.clone(), rows.collect(), &totals, last, page.more, language.t("ops-due-empty"));
    table.filters.extend(filters.chips(&listing));
    let shown = Page::new(title)
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(who.t("ops-due-lead")))
        .form(filters.form(language, &params));
    listing.send(&who, shown, table).await
}
