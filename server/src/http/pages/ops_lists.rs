//! The operator's view of the whole business: invoices, receivables, offers, purchases, and debts, of all companies.

use super::super::error::Fault;
use super::super::rights::{OperatorViewer, Who};
use super::super::routes::{Id, Params, Routes};
use super::invoices::{self, credit_table, history, invoice_facts, order_value, warning_table};
use super::listing::{Head, Listing, Narrow, narrowed, plain_table};
use super::market::offer_state;
use super::receivables::{bearer_value, fee_and_bearer};
use super::{Answer, asking, evidence, receipts, receivables};
use crate::commands::receivables::settlement;
use chrono::{Days, NaiveDate};
use domain::Refusal;
use domain::party::Capacity;
use domain::pricing::Bearer;
use kernel::{InvoiceId, OfferId, PartyId, PurchaseId, ReceivableId};
use store::lists::{InvoiceLine, ListQuery, OfferLine, PurchaseLine, ReceivableLine, ReviewLine};
use store::records::Keyed;
use store::{Conn, Offer, Party, Purchase, StoreError};
use web::{Block, Choice, Field, Form, Language, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/invoices", all_invoices);
    routes.get("/ops/invoices/{id}", invoice);
    routes.get("/ops/receivables", all_receivables);
    routes.get("/ops/offers", all_offers);
    routes.get("/ops/offers/{id}", offer);
    routes.get("/ops/purchases", all_purchases);
    routes.get("/ops/purchases/{id}", purchase);
}

/// Companies by which a list may be narrowed: the name in the address, the list's column, and their capacity.
const SUPPLIER: (Narrow, Capacity) = (("supplier", "supplier_id"), Capacity::Supplier);
pub(super) const BUYER: (Narrow, Capacity) = (("buyer", "buyer_id"), Capacity::Buyer);
const FINANCIER: (Narrow, Capacity) = (("financier", "financier_id"), Capacity::Financier);

/// Due within this number of days, as the address names it. A late receivable was not paid by the end of its grace.
pub const DUE: &[&str] = &["7", "30", "late"];

/// Open receivables of which the payment date is near, or past.
#[must_use]
pub fn due_within(wanted: ListQuery, due: &str, today: NaiveDate) -> ListQuery {
    let open = receivables::OPEN.1;
    match due {
        "late" => wanted.with("state = 'overdue'", vec![]),
        "7" | "30" => {
            let days = due.parse().unwrap_or(0);
            let last = today.checked_add_days(Days::new(days)).unwrap_or(today);
            wanted.with(open, vec![]).with("payment_date BETWEEN ? AND ?", vec![today.into(), last.into()])
        }
        _ => wanted,
    }
}

/// A form that narrows a list to companies, with what else is chosen; and a chip for each company that is.
pub(super) struct Filters {
    options: Vec<(Narrow, Vec<Party>)>,
}

impl Filters {
    pub(super) fn load(conn: &mut Conn, names: &[(Narrow, Capacity)]) -> Result<Self, Fault> {
        let mut options = Vec::new();
        for (narrow, capacity) in names {
            options.push((*narrow, store::parties::list_choices(conn, Some(*capacity))?));
        }
        Ok(Self { options })
    }

    pub(super) fn form(&self, language: Language, params: &Params) -> Form {
        let mut fields = Vec::new();
        for ((name, _), parties) in &self.options {
            let mut options = vec![(String::new(), language.t("list-all"))];
            options.extend(parties.iter().map(|party| (party.id.to_string(), party.name.clone())));
            let label = language.t(&format!("col-{name}"));
            fields.push(Field::new(name, label, "select").options(options).value(params.get(name)).optional());
        }
        let mut form = asking(params.path.clone(), language.t("list-narrow"), fields);
        for name in ["state", "currency", "due"] {
            if !params.get(name).is_empty() {
                form = form.hidden(name, params.get(name).to_owned());
            }
        }
        form
    }

    pub(super) fn chips(&self, listing: &Listing<'_>) -> Vec<Choice> {
        let chosen = self.options.iter().filter_map(|((name, _), parties)| {
            let id: i64 = listing.params.get(name).parse().ok()?;
            let known =
                parties.iter().find(|party| party.id == PartyId(id)).map_or_else(|| id.to_string(), |party| party.name.clone());
            let label = listing.language.fill("list-company", &[("name", known)]);
            Some(Choice { label, href: listing.href(&[(name, "")]), chosen: true })
        });
        chosen.collect()
    }
}

fn company(name: &str, id: i64) -> Value {
    Value::link(name, format!("/ops/companies/{id}"))
}

async fn all_invoices(who: Who<OperatorViewer>, params: Params) -> Answer {
    const NAMES: &[(Narrow, Capacity)] = &[SUPPLIER, BUYER];
    let language = who.language();
    let heads: &'static [Head] = &[
        ("col-number", false, "number"),
        ("col-supplier", false, "supplier"),
        ("col-buyer", false, "buyer"),
        ("col-issued", false, "issue_date"),
        ("col-due", false, "due_or_issue"),
        ("col-payable", true, "payable_minor"),
        ("col-state", false, ""),
    ];
    let states = invoices::STATES;
    let groups = &[invoices::HELD];
    let listing = Listing { params: &params, language, groups, states, heads, default: ("id", true), summed: "payable_minor" };
    let mut wanted = narrowed(&params, listing.query(), &NAMES.iter().map(|(narrow, _)| *narrow).collect::<Vec<_>>());
    if !params.get("buyer").is_empty() {
        // Running totals of a buyer count what was presented; this list has drafts, too.
        wanted = wanted.with("id > 0", vec![]);
    }
    let order = wanted.order;
    let (page, totals, filters) = who
        .read(move |conn| {
            let filters = Filters::load(conn, NAMES)?;
            Ok((InvoiceLine::page(conn, &wanted)?, InvoiceLine::totals(conn, &wanted)?, filters))
        })
        .await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.number.clone(), format!("/ops/invoices/{}", row.id)),
            company(&row.supplier, row.supplier_id),
            company(&row.buyer, row.buyer_id),
            Value::date(language, row.issue_date),
            row.due_date.map_or_else(|| Value::text("–"), |due| Value::date(language, due)),
            Value::money(&row.currency, row.payable_minor),
            Value::state(language, invoices::shown_state(row)),
        ],
    });
    let last = page.rows.last().map(|row| (order_value(row, order), row.id));
    let title = language.t("ops-invoices");
    let mut table = listing.table(title.clone(), rows.collect(), &totals, last, page.more, language.t("list-no-match"));
    table.filters.extend(filters.chips(&listing));
    let shown = Page::new(title).trail(who.t("nav-ops"), "/ops").form(filters.form(language, &params));
    listing.send(&who, shown, table).await
}

/// An invoice as its two sides see it together, to read.
async fn invoice(who: Who<OperatorViewer>, id: Id) -> Answer {
    let language = who.language();
    let (row, events, reviews, credits, beside) = who
        .read(move |conn| {
            let row = InvoiceLine::find(conn, id.0)?.ok_or(Refusal::NotFound)?;
            let events = history(conn, &row)?;
            let reviews = ReviewLine::page(conn, &ListQuery::newest(50).with("invoice_id = ?", vec![id.0.into()]))?.rows;
            let credits = store::invoices::list_credit_notes(conn, InvoiceId(id.0))?;
            Ok((row, events, reviews, credits, store::invoices::list_evidence(conn, InvoiceId(id.0))?))
        })
        .await?;
    let mut page = Page::new(language.fill("ops-invoice-title", &[("number", row.number.clone())]))
        .trail(who.t("nav-ops"), "/ops")
        .trail(who.t("ops-invoices"), "/ops/invoices")
        .with(Block::Facts(invoice_facts(language, &row)));
    page.blocks.extend(credit_table(language, &credits));
    page.blocks.extend(warning_table(language, &row.warnings));
    page.blocks.extend(evidence::table(language, &beside));
    let mut links = vec![
        (row.supplier.clone(), format!("/ops/companies/{}", row.supplier_id)),
        (row.buyer.clone(), format!("/ops/companies/{}", row.buyer_id)),
    ];
    if row.receivable_id > 0 {
        links.push((who.t("receipt-to-receivable"), format!("/receivables/{}", row.receivable_id)));
        links.push((who.t("undertaking-link"), format!("/undertakings/{}", row.id)));
    }
    for review in &reviews {
        links.push((language.fill("ops-review-link", &[("id", review.id.to_string())]), format!("/ops/reviews/{}", review.id)));
    }
    links.push((who.t("audit-title"), format!("/audit?subject={}", row.id)));
    let mut timeline = invoices::expected_of(language, &row);
    timeline.extend(receipts::timeline(language, &events, who.party_id()?, true));
    page = page.with(Block::Links(links)).with(Block::Timeline(who.t("timeline-title"), timeline));
    who.app.page(&who.viewer, page).await
}

/// Days since the payment date of what is still owed; 0 before it.
#[must_use]
pub fn days_late(payment_date: NaiveDate, today: NaiveDate) -> i64 {
    today.signed_duration_since(payment_date).num_days().max(0)
}

async fn all_receivables(who: Who<OperatorViewer>, params: Params) -> Answer {
    const NAMES: &[(Narrow, Capacity)] = &[SUPPLIER, BUYER];
    let language = who.language();
    let heads: &'static [Head] = &[
        ("col-number", false, "number"),
        ("col-supplier", false, "supplier"),
        ("col-buyer", false, "buyer"),
        ("col-payment-date", false, "payment_date"),
        ("col-days-late", true, ""),
        ("col-face", true, "face_minor"),
        ("col-sold", true, "sold_minor"),
        ("col-paid", true, ""),
        ("col-open", true, ""),
        ("col-state", false, ""),
    ];
    let states = receivables::STATES;
    let groups = &[receivables::OPEN];
    let listing = Listing { params: &params, language, groups, states, heads, default: ("id", true), summed: "face_minor" };
    let wanted = narrowed(&params, listing.query(), &NAMES.iter().map(|(narrow, _)| *narrow).collect::<Vec<_>>());
    let (order, chosen) = (wanted.order, params.get("due").to_owned());
    let (page, totals, owed, filters, today) = who
        .read(move |conn| {
            let today = store::records::load_heads(conn)?.business_date;
            let wanted = due_within(wanted, &chosen, today);
            let filters = Filters::load(conn, NAMES)?;
            let page = ReceivableLine::page(conn, &wanted)?;
            let owes = |row: &&ReceivableLine| !["redeemed", "cancelled"].contains(&row.state.as_str());
            let ids: Vec<ReceivableId> = page.rows.iter().filter(owes).map(|row| ReceivableId(row.id)).collect();
            let owed = settlement::list_owed(conn, &ids)?;
            Ok((page, ReceivableLine::totals(conn, &wanted)?, owed, filters, today))
        })
        .await?;
    let rows = page.rows.iter().map(|row| {
        let open_minor = owed.get(&ReceivableId(row.id)).copied().unwrap_or(0);
        let late = if open_minor > 0 { days_late(row.payment_date, today) } else { 0 };
        Row {
            cells: vec![
                Value::link(row.number.clone(), format!("/receivables/{}", row.id)),
                company(&row.supplier, row.supplier_id),
                company(&row.buyer, row.buyer_id),
                Value::date(language, row.payment_date),
                if late > 0 { Value::number(late) } else { Value::text("–") },
                Value::money(&row.currency, row.face_minor),
                Value::money(&row.currency, row.sold_minor),
                Value::money(&row.currency, row.paid_minor),
                Value::money(&row.currency, open_minor),
                Value::state(language, &row.state),
            ],
        }
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "number" => row.number.clone(),
            "supplier" => row.supplier.clone(),
            "buyer" => row.buyer.clone(),
            "payment_date" => row.payment_date.to_string(),
            "face_minor" => row.face_minor.to_string(),
            "sold_minor" => row.sold_minor.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let title = language.t("ops-receivables");
    let mut table = listing.table(title.clone(), rows.collect(), &totals, last, page.more, language.t("list-no-match"));
    table.filters.extend(DUE.iter().map(|due| {
        let chosen = params.get("due") == *due;
        let href = listing.href(&[("due", if chosen { "" } else { due })]);
        Choice { label: language.t(&format!("due-{due}")), href, chosen }
    }));
    table.filters.extend(filters.chips(&listing));
    let shown = Page::new(title).trail(who.t("nav-ops"), "/ops").form(filters.form(language, &params));
    listing.send(&who, shown, table).await
}

async fn all_offers(who: Who<OperatorViewer>, params: Params) -> Answer {
    const NAMES: &[(Narrow, Capacity)] = &[SUPPLIER, BUYER];
    let language = who.language();
    let heads: &'static [Head] = &[
        ("col-number", false, "number"),
        ("col-supplier", false, "supplier"),
        ("col-buyer", false, "buyer"),
        ("field-rate", true, ""),
        ("col-offered", true, "units_minor"),
        ("col-left", true, "left_minor"),
        ("col-close-date", false, "close_date"),
        ("col-payment-date", false, "payment_date"),
        ("col-state", false, ""),
    ];
    let states = &["open", "settled", "withdrawn", "expired"];
    let listing = Listing { params: &params, language, groups: &[], states, heads, default: ("id", true), summed: "left_minor" };
    let wanted = narrowed(&params, listing.query(), &NAMES.iter().map(|(narrow, _)| *narrow).collect::<Vec<_>>());
    let order = wanted.order;
    let (page, totals, filters, standings) = who
        .read(move |conn| {
            let page = OfferLine::page(conn, &wanted)?;
            let buyers: Vec<PartyId> = page.rows.iter().map(|row| PartyId(row.buyer_id)).collect();
            let standings = crate::commands::parties::standing::list(conn, &buyers)?;
            Ok((page, OfferLine::totals(conn, &wanted)?, Filters::load(conn, NAMES)?, standings))
        })
        .await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.number.clone(), format!("/ops/offers/{}", row.id)),
            company(&row.supplier, row.supplier_id),
            company(&row.buyer, row.buyer_id),
            Value::percent(&row.rate),
            Value::money(&row.currency, row.units_minor),
            Value::money(&row.currency, row.left_minor),
            Value::date(language, row.close_date),
            Value::date(language, row.payment_date),
            Value::state(language, offer_state(row, standings.get(&PartyId(row.buyer_id)).copied())),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "number" => row.number.clone(),
            "supplier" => row.supplier.clone(),
            "buyer" => row.buyer.clone(),
            "units_minor" => row.units_minor.to_string(),
            "left_minor" => row.left_minor.to_string(),
            "close_date" => row.close_date.to_string(),
            "payment_date" => row.payment_date.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let title = language.t("ops-offers");
    let mut table = listing.table(title.clone(), rows.collect(), &totals, last, page.more, language.t("list-no-match"));
    table.filters.extend(filters.chips(&listing));
    let shown = Page::new(title).trail(who.t("nav-ops"), "/ops").form(filters.form(language, &params));
    listing.send(&who, shown, table).await
}

/// One offer with everybody who bought of it.
async fn offer(who: Who<OperatorViewer>, id: Id) -> Answer {
    let language = who.language();
    let (row, purchases, standing) = who
        .read(move |conn| {
            Offer::find(conn, OfferId(id.0))?.ok_or(Refusal::NotFound)?;
            let row = OfferLine::find(conn, id.0)?.ok_or(Refusal::NotFound)?;
            let wanted = ListQuery::newest(200).with("offer_id = ?", vec![id.0.into()]);
            let standing = crate::commands::parties::standing::load(conn, PartyId(row.buyer_id))?;
            Ok((row, PurchaseLine::page(conn, &wanted)?.rows, standing))
        })
        .await?;
    let facts = vec![
        (who.t("col-state"), Value::state(language, offer_state(&row, Some(standing)))),
        (who.t("col-number"), Value::link(row.number.clone(), format!("/receivables/{}", row.receivable_id))),
        (who.t("col-supplier"), company(&row.supplier, row.supplier_id)),
        (who.t("col-buyer"), company(&row.buyer, row.buyer_id)),
        (who.t("col-offered"), Value::money(&row.currency, row.units_minor)),
        (who.t("col-left"), Value::money(&row.currency, row.left_minor)),
        (who.t("field-rate"), Value::percent(&row.rate)),
        (who.t("field-method"), Value::text(format!("{} · {}", language.t(&format!("method-{}", row.method)), row.day_count))),
        (who.t("field-minimum-ticket"), Value::money(&row.currency, row.minimum_ticket_minor)),
        (who.t("col-close-date"), Value::date(language, row.close_date)),
        (who.t("col-payment-date"), Value::date(language, row.payment_date)),
    ];
    let rows = purchases.iter().map(|purchase| {
        vec![
            Value::link(language.date(purchase.business_date), format!("/ops/purchases/{}", purchase.id)),
            company(&purchase.financier, purchase.financier_id),
            Value::money(&purchase.currency, purchase.units_minor),
            Value::money(&purchase.currency, purchase.price_minor),
            Value::money(&purchase.currency, purchase.fee_minor),
            bearer_value(language, &purchase.fee_bearer),
        ]
    });
    let heads = [
        ("col-day", false),
        ("col-financier", false),
        ("col-units", true),
        ("col-price", true),
        ("col-fee", true),
        ("field-fee-bearer", false),
    ];
    let page = Page::new(language.fill("ops-offer-title", &[("number", row.number.clone()), ("id", row.id.to_string())]))
        .trail(who.t("nav-ops"), "/ops")
        .trail(who.t("ops-offers"), "/ops/offers")
        .with(Block::Facts(facts))
        .table(plain_table(language, "receivable-purchases", &heads, rows.collect(), "receivable-no-purchases"))
        .with(Block::Links(vec![
            (who.t("receipt-to-receivable"), format!("/receivables/{}", row.receivable_id)),
            (who.t("audit-title"), format!("/audit?subject={}", row.receivable_id)),
        ]));
    who.app.page(&who.viewer, page).await
}

async fn all_purchases(who: Who<OperatorViewer>, params: Params) -> Answer {
    const NAMES: &[(Narrow, Capacity)] = &[FINANCIER, SUPPLIER, BUYER];
    let language = who.language();
    let heads: &'static [Head] = &[
        ("col-when", false, "id"),
        ("col-number", false, "number"),
        ("col-financier", false, "financier"),
        ("col-supplier", false, "supplier"),
        ("col-buyer", false, "buyer"),
        ("col-units", true, "units_minor"),
        ("col-price", true, "price_minor"),
        ("col-fee", true, "fee_minor"),
        ("field-fee-bearer", false, ""),
        ("col-annual-rate", true, ""),
        ("col-payment-date", false, "payment_date"),
    ];
    let listing =
        Listing { params: &params, language, groups: &[], states: &[], heads, default: ("id", true), summed: "units_minor" };
    let wanted = narrowed(&params, listing.query(), &NAMES.iter().map(|(narrow, _)| *narrow).collect::<Vec<_>>());
    let order = wanted.order;
    let (page, totals, filters) = who
        .read(move |conn| {
            let filters = Filters::load(conn, NAMES)?;
            Ok((PurchaseLine::page(conn, &wanted)?, PurchaseLine::totals(conn, &wanted)?, filters))
        })
        .await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::moment(language, row.bought_at),
            Value::link(row.number.clone(), format!("/ops/purchases/{}", row.id)),
            company(&row.financier, row.financier_id),
            company(&row.supplier, row.supplier_id),
            company(&row.buyer, row.buyer_id),
            Value::money(&row.currency, row.units_minor),
            Value::money(&row.currency, row.price_minor),
            Value::money(&row.currency, row.fee_minor),
            bearer_value(language, &row.fee_bearer),
            Value::percent(&row.financier_rate),
            Value::date(language, row.payment_date),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "number" => row.number.clone(),
            "financier" => row.financier.clone(),
            "supplier" => row.supplier.clone(),
            "buyer" => row.buyer.clone(),
            "units_minor" => row.units_minor.to_string(),
            "price_minor" => row.price_minor.to_string(),
            "fee_minor" => row.fee_minor.to_string(),
            "payment_date" => row.payment_date.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let title = language.t("ops-purchases");
    let mut table = listing.table(title.clone(), rows.collect(), &totals, last, page.more, language.t("list-no-match"));
    table.filters.extend(filters.chips(&listing));
    let shown = Page::new(title).trail(who.t("nav-ops"), "/ops").form(filters.form(language, &params));
    listing.send(&who, shown, table).await
}

async fn purchase(who: Who<OperatorViewer>, id: Id) -> Answer {
    let language = who.language();
    let row = who
        .read(move |conn| {
            Purchase::find(conn, PurchaseId(id.0))?.ok_or(Refusal::NotFound)?;
            Ok(PurchaseLine::find(conn, id.0)?.ok_or(Refusal::NotFound)?)
        })
        .await?;
    let money = |minor| Value::money(&row.currency, minor);
    let damaged = || StoreError::Corrupt(format!("fee bearer of purchase {}", row.id));
    let bearer = Bearer::parse(&row.fee_bearer).ok_or_else(damaged)?;
    let facts = vec![
        (who.t("col-when"), Value::moment(language, row.bought_at)),
        (who.t("page-business-date"), Value::date(language, row.business_date)),
        (who.t("col-number"), Value::link(row.number.clone(), format!("/receivables/{}", row.receivable_id))),
        (who.t("col-financier"), company(&row.financier, row.financier_id)),
        (who.t("col-supplier"), company(&row.supplier, row.supplier_id)),
        (who.t("col-buyer"), company(&row.buyer, row.buyer_id)),
        (who.t("col-units"), money(row.units_minor)),
        (who.t("col-price"), money(row.price_minor)),
        (who.t("col-fee"), fee_and_bearer(language, &row.currency, row.fee_minor, bearer)),
        (who.t("ops-rate-financier"), Value::percent(&row.financier_rate)),
        (who.t("ops-rate-supplier"), Value::percent(&row.supplier_rate)),
        (who.t("col-payment-date"), Value::date(language, row.payment_date)),
    ];
    let page = Page::new(language.fill("ops-purchase-title", &[("number", row.number.clone()), ("id", row.id.to_string())]))
        .trail(who.t("nav-ops"), "/ops")
        .trail(who.t("ops-purchases"), "/ops/purchases")
        .with(Block::Facts(facts))
        .with(Block::Links(vec![
            (language.fill("ops-to-offer", &[("id", row.offer_id.to_string())]), format!("/ops/offers/{}", row.offer_id)),
            (who.t("receipt-to-receivable"), format!("/receivables/{}", row.receivable_id)),
            (who.t("audit-title"), format!("/audit?subject={}", row.receivable_id)),
        ]));
    who.app.page(&who.viewer, page).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_late_from_the_day_after_the_payment_date() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let paid_on = day("2026-11-30");
        for (today, late) in [("2026-11-01", 0), ("2026-11-30", 0), ("2026-12-01", 1), ("2026-12-31", 31)] {
            assert_eq!(days_late(paid_on, day(today)), late, "{today}");
        }
    }

    #[test]
    fn what_is_due_soon_is_open_and_within_the_days() {
        let today = "2026-11-30".parse::<NaiveDate>().unwrap();
        let of = |due: &str| due_within(ListQuery::newest(1), due, today).conditions.len();
        assert_eq!([of("7"), of("30"), of("late"), of(""), of("9")], [2, 2, 1, 0, 0]);
    }
}
