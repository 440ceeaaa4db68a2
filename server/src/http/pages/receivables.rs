//! Receivables: the supplier's list, one receivable for everybody concerned, and offering its fractions.

use super::super::error::Fault;
use super::super::rights::{Member, SupplierMaker, SupplierViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes, encode, typed_amount};
use super::invoices::history;
use super::listing::{Group, Listing, plain_table};
use super::market::{offer_state, stopped_notice};
use super::{Answer, Check, SignedIn, again, check_page, receipts, submit_once, submit_or_again};
use crate::commands::Trial;
use crate::commands::market::create_offer::{self, CreateOffer};
use crate::commands::market::withdraw_offer::WithdrawOffer;
use crate::commands::programmes::terms::SettlementFeeNow;
use crate::commands::receivables::settlement::{self, Owed};
use crate::view::Reader;
use domain::Refusal;
use domain::chart::{AccountKey, AccountKind};
use domain::day_count::DayCount;
use domain::party::{Capacity, Role};
use domain::pricing::{Bearer, Method, Quote};
use domain::standing::BuyerStanding;
use kernel::{OfferId, PartyId, ReceivableId, RecordId};
use ledger::AssetId;
use store::lists::{AuditLine, HoldingLine, InvoiceLine, ListQuery, OfferLine, PurchaseLine, ReceivableLine};
use store::records::Keyed;
use store::{AccountRow, Receivable};
use web::{Block, Event, Field, Form, Language, Page, Row, TotalRow, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/receivables", receivables);
    routes.get("/receivables/{id}", receivable);
    routes.get("/receivables/{id}/offer", offer_check);
    routes.post("/receivables/{id}/offer", offer);
    routes.get("/offers/{id}/withdraw", withdraw_check);
    routes.post("/offers/{id}/withdraw", withdraw);
}

pub const STATES: &[&str] = &["issued", "active", "matured", "part_redeemed", "overdue", "redeemed"];

/// Receivables that are not redeemed yet.
pub const OPEN: Group = ("open", "state NOT IN ('redeemed', 'cancelled')");

async fn receivables(who: Who<SupplierViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-number", false, "number"),
        ("col-buyer", false, "buyer"),
        ("col-payment-date", false, "payment_date"),
        ("col-face", true, "face_minor"),
        ("col-sold", true, "sold_minor"),
        ("col-reserve", true, "reserve_minor"),
        ("col-state", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[OPEN],
        states: STATES,
        heads,
        default: ("id", true),
        summed: "face_minor",
    };
    let wanted = listing.query().with("supplier_id = ?", vec![who.party_id()?.into()]);
    let order = wanted.order;
    let (page, totals) =
        who.read(move |conn| Ok((ReceivableLine::page(conn, &wanted)?, ReceivableLine::totals(conn, &wanted)?))).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.number.clone(), format!("/receivables/{}", row.id)),
            Value::text(row.buyer.clone()),
            Value::date(language, row.payment_date),
            Value::money(&row.currency, row.face_minor),
            Value::money(&row.currency, row.sold_minor),
            Value::money(&row.currency, row.reserve_minor),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "number" => row.number.clone(),
            "buyer" => row.buyer.clone(),
            "payment_date" => row.payment_date.to_string(),
            "face_minor" => row.face_minor.to_string(),
            "sold_minor" => row.sold_minor.to_string(),
            "reserve_minor" => row.reserve_minor.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let mut table =
        listing.table(language.t("receivables-title"), rows.collect(), &totals, last, page.more, language.t("receivables-empty"));
    table.empty_link.get_or_insert_with(|| (language.t("invoices-title"), "/invoices".to_owned()));
    listing.send(&who, Page::new(language.t("receivables-title")), table).await
}

struct Loaded {
    notice: Option<store::AssignmentNotice>,
    row: ReceivableLine,
    full: Receivable,
    holders: Vec<HoldingLine>,
    offers: Vec<OfferLine>,
    purchases: Vec<PurchaseLine>,
    events: Vec<AuditLine>,
    /// Units that the supplier can still offer.
    free_minor: i64,
    standing: BuyerStanding,
    settlement: SettlementFeeNow,
    /// The amount that the buyer still owes.
    owed: Owed,
    /// The name of the programme that it was issued under.
    programme: Option<String>,
    today: chrono::NaiveDate,
}

/// The receivable, if this company is its supplier, a holder, or the operator. Buyers see it as a payable.
async fn load(who: &Who<impl SignedIn>, id: i64) -> Result<Loaded, Fault> {
    let person = who.person()?.clone();
    who.read(move |conn| {
        let row = ReceivableLine::find(conn, id)?.ok_or(Refusal::NotFound)?;
        let full = Receivable::load(conn, ReceivableId(id))?;
        let party = person.party.id;
        let sees_all = PartyId(row.supplier_id) == party || person.has_capacity(Capacity::Operator);
        let all = |condition: &str| ListQuery::newest(200).with(condition, vec![id.into()]);
        // Other companies see what is theirs, and the receivable for as long as they hold a fraction or ever bought one.
        let own = |condition: &str, owner: &str| {
            if sees_all { all(condition) } else { all(condition).with(owner, vec![party.into()]) }
        };
        let holders = HoldingLine::page(conn, &own("id = ?", "owner_id = ?"))?.rows;
        let purchases = PurchaseLine::page(conn, &own("receivable_id = ?", "financier_id = ?"))?.rows;
        if !sees_all && holders.is_empty() && purchases.is_empty() {
            return Err(Refusal::NotFound.into());
        }
        let offers = OfferLine::page(conn, &all("receivable_id = ?"))?.rows;
        let invoice = InvoiceLine::find(conn, row.invoice_id)?.ok_or(Refusal::NotFound)?;
        let events = history(conn, &invoice)?;
        let key = AccountKey { kind: AccountKind::Holding, owner: RecordId(row.supplier_id), asset: AssetId(id) };
        let account: Option<AccountRow> = store::journal::list_accounts(conn, &[key])?.into_iter().next();
        let free_minor = account.map_or(0, |account| account.balance.saturating_sub(account.held));
        let programme = match full.programme_id {
            Some(id) => store::Programme::find(conn, id)?.map(|row| row.name),
            None => None,
        };
        let today = store::records::load_heads(conn)?.business_date;
        let owed = settlement::owed(conn, &full, today)?;
        let standing = crate::commands::parties::standing::load(conn, full.buyer_id)?;
        let settlement = crate::commands::programmes::terms::settlement_fee_now(conn, &full)?;
        let notice = store::AssignmentNotice::find(conn, ReceivableId(id))?;
        Ok(Loaded {
            notice,
            row,
            full,
            holders,
            offers,
            purchases,
            events,
            free_minor,
            standing,
            settlement,
            owed,
            programme,
            today,
        })
    })
    .await
}

/// Basis points, in the reader's words.
#[must_use]
pub fn bps(language: Language, bps: i64) -> Value {
    Value::text(language.fill("terms-bps", &[("bps", bps.to_string())]))
}

/// The facts of a programme that a company must know before it buys or sells the receivable; nothing where the platform's terms
/// hold.
#[must_use]
pub fn programme_facts(language: Language, full: &Receivable) -> Vec<(String, Value)> {
    if full.programme_id.is_none() {
        return Vec::new();
    }
    vec![
        (language.t("receivable-sellable"), Value::money(&full.currency, full.sellable_minor)),
        (language.t("field-fee-bearer"), Value::text(language.t(&format!("bearer-{}", full.fee_bearer)))),
        (language.t("field-recourse"), Value::text(language.t(&format!("recourse-{}", full.recourse)))),
    ]
}

/// The bearer of the purchase fees.
pub fn bearer_value(language: Language, bearer: &str) -> Value {
    Value::text(language.t(&format!("bearer-{bearer}")))
}

/// A fee in words or figures, and who bears it.
fn with_bearer(language: Language, amount: String, bearer: Bearer) -> Value {
    let places = [("amount", amount), ("bearer", language.t(&format!("bearer-{}", bearer.name())))];
    Value::text(language.fill("fee-and-bearer", &places))
}

/// A fee, and who bears it.
pub fn fee_and_bearer(language: Language, currency: &str, minor: i64, bearer: Bearer) -> Value {
    with_bearer(language, language.money(currency, minor), bearer)
}

fn settlement_fee(language: Language, currency: &str, fee: SettlementFeeNow) -> Value {
    let amount = language.money(currency, fee.minor);
    let amount = if fee.at_most { language.fill("fee-at-most", &[("amount", amount)]) } else { amount };
    with_bearer(language, amount, fee.bearer)
}

/// The amount that the buyer still owes, in its parts, for both sides. Nothing where the receivable was never late and is paid.
pub fn owed_facts(language: Language, currency: &str, owed: &Owed) -> Vec<(String, Value)> {
    if owed.total_minor() == 0 {
        return Vec::new();
    }
    let money = |minor| Value::money(currency, minor);
    let mut facts = vec![(language.t("owed-total"), money(owed.total_minor()))];
    if owed.late_minor > 0 {
        facts.push((language.t("receivable-late"), money(owed.late_minor)));
    }
    if owed.late_minor > 0 || owed.is_remainder() {
        facts.push((language.t("owed-face"), money(owed.face_minor)));
        facts.push((language.t("owed-reserve"), money(owed.reserve_minor)));
    }
    facts
}

fn terms_facts(language: Language, loaded: &Loaded) -> Vec<(String, Value)> {
    let (row, full) = (&loaded.row, &loaded.full);
    let money = |minor| Value::money(&row.currency, minor);
    let mut facts = vec![
        (language.t("col-state"), Value::state(language, &row.state)),
        (language.t("col-supplier"), Value::text(row.supplier.clone())),
        (language.t("col-buyer"), Value::text(row.buyer.clone())),
        (language.t("col-confirmed"), money(row.confirmed_minor)),
        (language.t("col-face"), money(row.face_minor)),
        (language.t("col-reserve"), money(row.reserve_minor)),
        (language.t("col-paid"), money(row.paid_minor)),
        (language.t("col-due"), Value::date(language, row.due_date)),
        (language.t("col-payment-date"), Value::date(language, row.payment_date)),
        (language.t("field-minimum-ticket"), money(full.minimum_ticket_minor)),
        (language.t("terms-purchase-fee"), with_bearer(language, bps(language, full.purchase_fee_bps).text, full.bearer())),
        (language.t("terms-settlement-fee"), settlement_fee(language, &row.currency, loaded.settlement)),
        (language.t("terms-late-rate"), Value::text(format!("{} % {}", full.late_rate, full.late_day_count))),
        (language.t("terms-grace"), Value::number(full.grace_days)),
        (language.t("field-reference"), Value::code(row.reference.clone())),
        (language.t("terms-hash"), Value::code(row.terms_hash.clone())),
        (
            language.t("field-document"),
            Value::link(row.document.chars().take(16).collect::<String>(), format!("/documents/{}", row.document)),
        ),
    ];
    facts.extend(programme_facts(language, full));
    if let Some(name) = &loaded.programme {
        let places = [("name", name.clone()), ("version", full.programme_version.to_string())];
        facts.push((language.t("terms-that-apply"), Value::text(language.fill("terms-of-programme", &places))));
    }
    facts.splice(7..7, owed_facts(language, &row.currency, &loaded.owed));
    facts
}

fn offer_form(who: &Who<impl SignedIn>, loaded: &Loaded) -> Form {
    let (language, row) = (who.language(), &loaded.row);
    let decimal = |minor| domain::Currency::parse(&row.currency).map(|known| known.decimal(minor)).unwrap_or_default();
    let offerable_minor = loaded.free_minor.saturating_sub(loaded.full.kept_minor()).max(0);
    let ticket = loaded.full.minimum_ticket_minor.min(offerable_minor);
    let close = loaded.today.checked_add_days(chrono::Days::new(14)).unwrap_or(loaded.today);
    let close = row.payment_date.pred_opt().map_or(close, |last| close.min(last));
    let methods = [Method::Discount, Method::Yield]
        .map(|method| (method.name().to_owned(), language.t(&format!("method-{}", method.name()))));
    let counts = DayCount::ALL.iter().map(|count| (count.to_string(), count.to_string())).collect();
    let fields = vec![
        Field::new("units", language.fill("offer-units", &[("currency", row.currency.clone())]), "amount")
            .value(decimal(offerable_minor))
            .hint(language.fill("offer-units-hint", &[("amount", language.money(&row.currency, offerable_minor))])),
        Field::new("rate", who.t("field-rate"), "amount").hint(who.t("offer-rate-hint")),
        Field::new("method", who.t("field-method"), "select").options(methods.to_vec()).value("discount"),
        Field::new("day_count", who.t("field-day-count"), "select").options(counts).value("ACT/360"),
        Field::new("minimum_ticket", language.fill("offer-ticket", &[("currency", row.currency.clone())]), "amount")
            .value(decimal(ticket)),
        Field::new("close_date", who.t("col-close-date"), "date").value(close.to_string()),
    ];
    let mut form = Form::new(format!("/receivables/{}/offer", row.id), who.t("offer-to-check"), fields);
    form.get = true;
    form
}

fn receivable_page(who: &Who<impl SignedIn>, loaded: &Loaded) -> Result<Page, Fault> {
    let (language, person, row) = (who.language(), who.person()?, &loaded.row);
    let own = PartyId(row.supplier_id) == person.party.id;
    let operator = person.has_capacity(Capacity::Operator);
    let mut page = Page::new(language.fill("receivable-title", &[("number", row.number.clone())]));
    page = if own {
        page.trail(who.t("receivables-title"), "/receivables")
    } else if operator {
        page
    } else {
        page.trail(who.t("portfolio-title"), "/portfolio")
    };
    let mut facts = terms_facts(language, loaded);
    if let Some(notice) = &loaded.notice {
        let state = if notice.acknowledged_at.is_some() { "acknowledged" } else { "given" };
        facts.push((who.t("assignment-notice"), Value::state(language, state)));
    }
    if loaded.owed.is_remainder() && row.paid_minor >= row.confirmed_minor {
        let amount = language.money(&row.currency, loaded.owed.total_minor());
        page = page.with(Block::Notice(web::Tone::Attention, language.fill("receivable-still-owed", &[("amount", amount)])));
    }
    let sells = ["issued", "active"].contains(&row.state.as_str());
    let stopped = stopped_notice(language, loaded.standing, ("receivable-stopped", "receivable-overdue")).filter(|_| sells);
    let tradable = stopped.is_none();
    if own || operator {
        page.blocks.extend(stopped);
    }
    page = page
        .with(Block::Facts(facts))
        .with(Block::Links(vec![(who.t("undertaking-link"), format!("/undertakings/{}", row.invoice_id))]));
    let rows = loaded.holders.iter().map(|holder| {
        vec![
            Value::text(holder.owner.clone()),
            Value::money(&row.currency, holder.units_minor),
            Value::money(&row.currency, holder.held_minor),
        ]
    });
    let heads = [("col-holder", false), ("col-units", true), ("col-held", true)];
    page = page.table(plain_table(language, "receivable-holders", &heads, rows.collect(), "receivable-no-holders"));
    if own || operator {
        let rows = loaded.offers.iter().map(|offer| {
            vec![
                Value::percent(&offer.rate),
                Value::text(format!("{} · {}", language.t(&format!("method-{}", offer.method)), offer.day_count)),
                Value::money(&row.currency, offer.units_minor),
                Value::money(&row.currency, offer.reserved_minor),
                Value::money(&row.currency, offer.left_minor),
                Value::date(language, offer.close_date),
                Value::state(language, offer_state(offer, Some(loaded.standing))),
            ]
        });
        let heads = [
            ("field-rate", true),
            ("field-method", false),
            ("col-offered", true),
            ("col-on-hold", true),
            ("col-left", true),
            ("col-close-date", false),
            ("col-state", false),
        ];
        page = page.table(plain_table(language, "receivable-offers", &heads, rows.collect(), "receivable-no-offers"));
    }
    let rows = loaded.purchases.iter().map(|purchase| {
        let rate = if own { &purchase.supplier_rate } else { &purchase.financier_rate };
        vec![
            Value::date(language, purchase.business_date),
            Value::text(purchase.financier.clone()),
            Value::money(&row.currency, purchase.units_minor),
            Value::money(&row.currency, purchase.price_minor),
            Value::money(&row.currency, purchase.fee_minor),
            bearer_value(language, &purchase.fee_bearer),
            Value::percent(rate),
        ]
    });
    let heads = [
        ("col-day", false),
        ("col-financier", false),
        ("col-units", true),
        ("col-price", true),
        ("col-fee", true),
        ("field-fee-bearer", false),
        ("col-annual-rate", true),
    ];
    page = page.table(plain_table(language, "receivable-purchases", &heads, rows.collect(), "receivable-no-purchases"));
    if own && person.has_role(Role::Maker) {
        for offer in loaded.offers.iter().filter(|offer| offer.state == "open") {
            let label = language.fill(
                "offer-withdraw",
                &[("amount", language.money(&row.currency, offer.left_minor)), ("rate", offer.rate.clone())],
            );
            page = page.with(Block::Links(vec![(label, format!("/offers/{}/withdraw", offer.id))]));
        }
        if row.held {
            page = page.with(Block::Notice(web::Tone::Attention, who.t("receivable-held")));
        } else if loaded.free_minor > loaded.full.kept_minor() && sells && tradable {
            page = page.with(Block::Heading(who.t("offer-title"))).form(offer_form(who, loaded));
        }
    }
    let mut events = expected(language, row);
    events.extend(receipts::timeline(language, &loaded.events, person.party.id, own || operator));
    Ok(page.with(Block::Timeline(who.t("timeline-title"), events)))
}

/// The events still to come, marked as expected.
fn expected(language: Language, row: &ReceivableLine) -> Vec<Event> {
    if row.state == "redeemed" {
        return Vec::new();
    }
    let event = Event {
        title: language.t("timeline-payment"),
        when: language.date(row.payment_date),
        machine: row.payment_date.to_string(),
        expected: true,
        actor: language.t("timeline-expected"),
        ..Event::default()
    };
    vec![event]
}

async fn receivable(who: Who<Member>, id: Id) -> Answer {
    let loaded = load(&who, id.0).await?;
    let page = receivable_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

fn wished(params: &Params, row: &ReceivableLine) -> Result<CreateOffer, Fault> {
    let rate = params.get("rate").trim().trim_end_matches('%').trim();
    let rate: rust_decimal::Decimal = rate.parse().map_err(|_| Refusal::RateOutOfRange)?;
    Ok(CreateOffer {
        receivable_id: ReceivableId(row.id),
        units_minor: typed_amount(params.get("units"), "units", &row.currency)?,
        rate: rate.normalize().to_string(),
        method: params.get("method").to_owned(),
        day_count: params.get("day_count").to_owned(),
        minimum_ticket_minor: typed_amount(params.get("minimum_ticket"), "minimum_ticket", &row.currency)?,
        close_date: super::super::routes::typed_date(params.get("close_date"), "close_date")?,
    })
}

/// The price of the whole offer, bought today, if this person can make the offer now.
async fn offer_quote(who: &Who<SupplierMaker>, wish: &CreateOffer) -> Result<(Quote, Trial), Fault> {
    let trial = who.try_out(&wish.clone().into()).await?;
    let (party_id, wish, now) = (who.party_id()?, wish.clone(), who.app.clock.now());
    let quote = who.read(move |conn| Ok(create_offer::quote(&mut Reader::open(conn, now)?, party_id, &wish)?)).await?;
    Ok((quote, trial))
}

/// The all-in price as the sum that it is, for both sides, with the rate and days that it comes from.
#[must_use]
pub fn quote_blocks(language: Language, currency: &str, quote: &Quote, for_supplier: bool) -> Vec<Block> {
    let money = |minor| Value::money(currency, minor);
    let line = |key: &str, minor| vec![Value::text(language.t(key)), money(minor)];
    let mut rows = vec![line("col-face", quote.face_minor), line("quote-discount", quote.discount_minor.saturating_neg())];
    let sum_minor = if for_supplier { quote.supplier_net_minor } else { quote.price_minor };
    // A fee that another company bears is stated below and is no part of the money that changes hands.
    if for_supplier && quote.fee_bearer == Bearer::Supplier {
        rows.push(line("col-fee", quote.fee_minor.saturating_neg()));
    }
    let heads = [("col-what", false), ("col-amount", true)];
    let mut table = plain_table(language, "quote-title", &heads, rows, "list-no-match");
    let label = language.t(if for_supplier { "quote-net" } else { "quote-pay" });
    table.totals = vec![TotalRow { label, sums: vec![(1, language.money(currency, sum_minor))] }];
    table.narrow = true;
    let rate = |rate: rust_decimal::Decimal| Value::percent(&rate.normalize().to_string());
    let annual = if for_supplier {
        (language.t("quote-cost-rate"), rate(quote.supplier_rate))
    } else {
        (language.t("quote-yield"), rate(quote.financier_rate))
    };
    let mut facts = vec![
        (language.t("col-price"), money(quote.price_minor)),
        (language.t("terms-purchase-fee"), fee_and_bearer(language, currency, quote.fee_minor, quote.fee_bearer)),
        annual,
        (language.t("quote-days"), Value::number(quote.tenor_days)),
    ];
    if for_supplier && quote.settlement_fee_minor > 0 {
        facts.insert(2, (language.t("quote-settlement-fee"), money(quote.settlement_fee_minor)));
    }
    vec![Block::Table(Box::new(table)), Block::Facts(facts)]
}

async fn offer_check(who: Who<SupplierMaker>, id: Id, params: Params) -> Answer {
    let loaded = load(&who, id.0).await?;
    let row = &loaded.row;
    let checked = match wished(&params, row) {
        Ok(wish) => offer_quote(&who, &wish).await.map(|(quote, trial)| (quote, trial, wish)),
        Err(fault) => Err(fault),
    };
    let (quote, trial, wish) = match checked {
        Ok(found) => found,
        Err(fault) => {
            return again(&who, receivable_page(&who, &loaded)?, &Posted { fields: params.fields.clone() }, fault, &row.currency)
                .await;
        }
    };
    let language = who.language();
    let facts = vec![
        (language.t("field-rate"), Value::percent(&wish.rate)),
        (language.t("field-day-count"), Value::text(wish.day_count.clone())),
        (language.t("field-minimum-ticket"), Value::money(&row.currency, wish.minimum_ticket_minor)),
        (language.t("col-close-date"), Value::date(language, wish.close_date)),
        (language.t("col-payment-date"), Value::date(language, row.payment_date)),
    ];
    let form = Form::new(format!("/receivables/{}/offer", row.id), who.t("offer-submit"), vec![])
        .hidden("units_minor", wish.units_minor.to_string())
        .hidden("rate", wish.rate)
        .hidden("method", wish.method)
        .hidden("day_count", wish.day_count)
        .hidden("minimum_ticket_minor", wish.minimum_ticket_minor.to_string())
        .hidden("close_date", wish.close_date.to_string());
    let mut page = Page::new(who.t("offer-check-title"))
        .trail(who.t("receivables-title"), "/receivables")
        .trail(row.number.clone(), format!("/receivables/{}", row.id))
        .with(Block::Paragraph(who.t("offer-check-lead")));
    if trial.second_person {
        page.push(Block::Paragraph(who.t("check-second-person")));
    }
    page.blocks.extend(quote_blocks(language, &row.currency, &quote, true));
    let page = page
        .with(Block::Facts(facts))
        .form(form)
        .with(Block::Paragraph(who.t("offer-change")))
        .with(Block::Links(vec![(who.t("payable-back"), format!("/receivables/{}?from={}", row.id, encode("check")))]));
    who.app.page(&who.viewer, page).await
}

async fn offer(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, id.0).await?;
    let read = || -> Result<CreateOffer, Fault> {
        Ok(CreateOffer {
            receivable_id: ReceivableId(id.0),
            units_minor: posted.number("units_minor")?,
            rate: posted.get("rate").to_owned(),
            method: posted.get("method").to_owned(),
            day_count: posted.get("day_count").to_owned(),
            minimum_ticket_minor: posted.number("minimum_ticket_minor")?,
            close_date: posted.date("close_date")?,
        })
    };
    let created = match read() {
        Ok(command) => submit_once(&who, &posted, command).await,
        Err(fault) => Err(fault),
    };
    match created {
        Ok(answer) => Ok(answer),
        Err(fault) => again(&who, receivable_page(&who, &loaded)?, &Posted::default(), fault, &loaded.row.currency).await,
    }
}

/// The supplier's own offer and how its buyer stands; anybody else's is one that does not exist.
async fn own_offer(who: &Who<SupplierMaker>, id: i64) -> Result<(OfferLine, BuyerStanding), Fault> {
    let party_id = who.party_id()?;
    who.read(move |conn| {
        let row = OfferLine::find(conn, id)?.filter(|row| PartyId(row.supplier_id) == party_id).ok_or(Refusal::NotFound)?;
        let standing = crate::commands::parties::standing::load(conn, PartyId(row.buyer_id))?;
        Ok((row, standing))
    })
    .await
}

fn withdraw_page(who: &Who<SupplierMaker>, (row, standing): &(OfferLine, BuyerStanding)) -> Page {
    let language = who.language();
    let back = format!("/receivables/{}", row.receivable_id);
    let facts = vec![
        (who.t("col-state"), Value::state(language, offer_state(row, Some(*standing)))),
        (who.t("col-number"), Value::text(row.number.clone())),
        (who.t("col-buyer"), Value::text(row.buyer.clone())),
        (who.t("col-offered"), Value::money(&row.currency, row.units_minor)),
        (who.t("col-on-hold"), Value::money(&row.currency, row.reserved_minor)),
        (who.t("col-left"), Value::money(&row.currency, row.left_minor)),
        (who.t("field-rate"), Value::percent(&row.rate)),
        (who.t("col-close-date"), Value::date(language, row.close_date)),
    ];
    let trail = [(who.t("receivables-title"), "/receivables".to_owned()), (row.number.clone(), back.clone())];
    let check = Check {
        title: who.t("offer-withdraw-check"),
        lead: who.t("offer-withdraw-lead"),
        facts,
        form: Form::new(format!("/offers/{}/withdraw", row.id), who.t("offer-withdraw-submit"), vec![]),
        back,
    };
    check_page(who, &trail, check)
}

async fn withdraw_check(who: Who<SupplierMaker>, id: Id) -> Answer {
    let found = own_offer(&who, id.0).await?;
    let (page, row) = (withdraw_page(&who, &found), &found.0);
    match who.try_out(&WithdrawOffer { offer_id: OfferId(id.0) }.into()).await {
        Ok(_) => who.app.page(&who.viewer, page).await,
        Err(fault) => again(&who, page, &Posted::default(), fault, &row.currency).await,
    }
}

async fn withdraw(who: Who<SupplierMaker>, id: Id, posted: Posted) -> Answer {
    let found = own_offer(&who, id.0).await?;
    submit_or_again(&who, &posted, WithdrawOffer { offer_id: OfferId(id.0) }, withdraw_page(&who, &found), &found.0.currency)
        .await
}
