//! A company's money: balances, statement by the journal's links, and taking money out.

use super::super::error::Fault;
use super::super::rights::{Maker, Member, Who};
use super::super::routes::{Id, Params, Posted, Routes, encode, typed_amount, typed_date};
use super::home::{cash_accounts, owed_notice, owed_to_platform, pay_to_all, pay_to_facts};
use super::listing::{csv_file, plain_table};
use super::{Answer, Check, SignedIn, again, asking, check_page, submit_or_again};
use crate::commands::Trial;
use crate::commands::bank::cancel_payout::CancelPayout;
use crate::commands::bank::request_payout::RequestPayout;
use domain::chart::{Booking, currency_asset};
use domain::party::Role;
use domain::settlement_instruction::InstructionState;
use domain::{Currency, Refusal};
use kernel::{PartyId, PayoutId, ReceivableId};
use std::collections::HashMap;
use store::Payout;
use store::journal::{self, StatementLine};
use store::lists::{self, BalanceLine, ListQuery, PayoutLine};
use store::records::Keyed;
use store::statement::About;
use web::{Block, Column, Field, Form, Language, Page, Row, Table, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/cash", cash);
    routes.get("/cash/statement", statement);
    routes.get("/cash/payouts", payout_check);
    routes.post("/cash/payouts", payout);
    routes.get("/cash/payouts/{id}/cancel", cancel_check);
    routes.post("/cash/payouts/{id}/cancel", cancel);
}

async fn cash_page(who: &Who<impl SignedIn>) -> Result<Page, Fault> {
    let (party_id, language) = (who.party_id()?, who.language());
    let (balances, payouts, places, owed) = who
        .read(move |conn| {
            let found = cash_accounts(conn, party_id)?;
            let own = ListQuery::newest(50).with("party_id = ?", vec![party_id.into()]);
            let owed = owed_to_platform(conn, party_id)?;
            Ok((found, PayoutLine::page(conn, &own)?.rows, pay_to_all(conn)?, owed))
        })
        .await?;
    let rows = balances.iter().map(|(currency, line)| {
        let (balance, held) = line.as_ref().map_or((0, 0), |line| (line.balance, line.held));
        let code = currency.code();
        vec![
            Value::link(code, format!("/cash/statement?currency={code}")),
            Value::money(code, balance),
            Value::money(code, held),
            Value::money(code, balance.saturating_sub(held)),
        ]
    });
    let heads = [("col-currency", false), ("cash-balance", true), ("cash-held", true), ("cash-available", true)];
    let mut facts = pay_to_facts(language, &places);
    facts.push((who.t("field-reference"), Value::code(who.person()?.party.reference.clone())));
    let mut page = Page::new(who.t("cash-title"));
    page.blocks.extend(owed_notice(language, &owed));
    let mut page = page
        .table(plain_table(language, "cash-balances", &heads, rows.collect(), "list-no-match"))
        .with(Block::Heading(who.t("cash-in")))
        .with(Block::Paragraph(who.t("cash-in-lead")))
        .with(Block::Facts(facts));
    let rows = payouts.iter().map(|row| {
        vec![
            Value::moment(language, row.created_at),
            Value::money(&row.currency, row.amount_minor),
            Value::code(super::org::masked(&row.iban)),
            Value::code(row.end_to_end.clone()),
            super::payouts::payout_state(language, &row.state),
            Value::text(super::payouts::bank_words(language, row)),
        ]
    });
    let heads = [
        ("col-when", false),
        ("col-amount", true),
        ("field-iban", false),
        ("field-reference", false),
        ("col-state", false),
        ("payout-bank-status", false),
    ];
    page = page.table(plain_table(language, "cash-payouts", &heads, rows.collect(), "cash-no-payouts"));
    page = page.with(Block::Links(vec![(who.t("proof-title"), "/position-proof".to_owned())]));
    if who.person()?.has_role(Role::Maker) {
        // The company can cancel a payout that is in no payment file yet.
        for row in payouts.iter().filter(|row| row.state == InstructionState::Authorised.name()) {
            let label = language.fill("cash-cancel", &[("reference", row.end_to_end.clone())]);
            page = page.form(asking(format!("/cash/payouts/{}/cancel", row.id), label, vec![]).secondary());
        }
        // The currency with the most money to pay out comes first.
        let richest =
            balances.iter().max_by_key(|(_, line)| line.as_ref().map_or(0, |line| line.balance.saturating_sub(line.held)));
        let richest = richest.map_or("", |(currency, _)| currency.code()).to_owned();
        let options = balances.iter().map(|(currency, _)| (currency.code().to_owned(), currency.code().to_owned())).collect();
        let fields = vec![
            Field::new("currency", who.t("col-currency"), "select").options(options).value(richest),
            Field::new("amount", who.t("col-amount"), "amount"),
        ];
        let mut form = Form::new("/cash/payouts", who.t("cash-out-to-check"), fields);
        form.get = true;
        page = page.with(Block::Heading(who.t("cash-out"))).with(Block::Paragraph(who.t("cash-out-lead"))).form(form);
    }
    Ok(page)
}

async fn cash(who: Who<Member>) -> Answer {
    let page = cash_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

/// The preview of a payout: the amount, the account, and the remaining money.
async fn payout_facts(who: &Who<Maker>, params: &Params) -> Result<(Vec<(String, Value)>, Trial), Fault> {
    let (party_id, currency) = (who.party_id()?, params.get("currency").to_owned());
    let amount_minor = typed_amount(params.get("amount"), "amount", &currency)?;
    let trial = who.try_out(&RequestPayout { currency: currency.clone(), amount_minor }.into()).await?;
    let asset = Currency::parse(&currency).map(currency_asset);
    let (account, available_minor) = who
        .read(move |conn| {
            let found = store::parties::find_verified_account(conn, party_id, &currency)?;
            let account = found.ok_or(Refusal::BankAccountMissing { currency })?;
            let lines = asset.map(|asset| lists::balances(conn, asset.0, Some(party_id.0))).transpose()?.unwrap_or_default();
            Ok((account, lines.first().map_or(0, |line| line.balance.saturating_sub(line.held))))
        })
        .await?;
    let money = |minor| Value::money(&account.currency, minor);
    let facts = vec![
        (who.t("col-amount"), money(amount_minor)),
        (who.t("field-holder"), Value::text(account.holder.clone())),
        (who.t("field-iban"), Value::code(super::org::masked(&account.iban))),
        (who.t("cash-available"), money(available_minor)),
        (who.t("market-cash-after"), money(available_minor.saturating_sub(amount_minor))),
    ];
    Ok((facts, trial))
}

async fn payout_check(who: Who<Maker>, params: Params) -> Answer {
    let (facts, trial) = match payout_facts(&who, &params).await {
        Ok(found) => found,
        Err(fault) => {
            let (page, currency) = (cash_page(&who).await?, params.get("currency").to_owned());
            return again(&who, page, &Posted { fields: params.fields }, fault, &currency).await;
        }
    };
    let check = Check {
        title: who.t("cash-out-check"),
        lead: who.t("cash-out-check-lead"),
        facts,
        form: Form::new("/cash/payouts", who.t("cash-out-submit"), vec![])
            .hidden("currency", params.get("currency"))
            .hidden("amount", params.get("amount")),
        back: "/cash".to_owned(),
    };
    let mut page = check_page(&who, &[(who.t("cash-title"), "/cash".to_owned())], check);
    if trial.second_person {
        page.blocks.insert(1, Block::Paragraph(who.t("check-second-person")));
    }
    who.app.page(&who.viewer, page).await
}

async fn payout(who: Who<Maker>, posted: Posted) -> Answer {
    let page = cash_page(&who).await?;
    let currency = posted.get("currency").to_owned();
    match posted.amount("amount", &currency) {
        Ok(amount_minor) => {
            submit_or_again(&who, &posted, RequestPayout { currency: currency.clone(), amount_minor }, page, &currency).await
        }
        Err(fault) => again(&who, page, &posted, fault, &currency).await,
    }
}

/// The page before a payout is cancelled: its data, and that its money is released.
pub(super) fn cancel_page<R: super::super::rights::Right>(
    who: &Who<R>,
    row: &Payout,
    (action, trail): (String, (String, String)),
) -> Result<Page, Fault> {
    if row.state != InstructionState::Authorised {
        return Err(Refusal::StateConflict { state: row.state.to_string() }.into());
    }
    let label = who.language().fill("cash-cancel", &[("reference", row.end_to_end.clone())]);
    let own = row.party_id.is_some();
    let check = Check {
        title: label.clone(),
        lead: who.t(if own { "cash-cancel-lead" } else { "cash-cancel-return-lead" }),
        facts: vec![
            (who.t("col-amount"), Value::money(&row.currency, row.amount_minor)),
            (who.t("field-holder"), Value::text(row.holder.clone())),
            (who.t("field-iban"), Value::code(super::org::masked(&row.iban))),
            (who.t("field-end-to-end"), Value::code(row.end_to_end.clone())),
            (who.t("col-when"), Value::moment(who.language(), row.created_at)),
            (who.t("col-state"), super::payouts::payout_state(who.language(), row.state.name())),
        ],
        form: Form::new(action, label, vec![]),
        back: trail.1.clone(),
    };
    Ok(check_page(who, &[trail], check))
}

async fn cancel_check(who: Who<Maker>, id: Id, params: Params) -> Answer {
    let party_id = who.party_id()?;
    let row = who.read(move |conn| Ok(Payout::find(conn, PayoutId(id.0))?.filter(|row| row.party_id == Some(party_id)))).await?;
    let row = row.ok_or(Refusal::NotFound)?;
    let (action, trail) = (format!("/cash/payouts/{}/cancel", row.id), (who.t("cash-title"), "/cash".to_owned()));
    let tried = who.try_out(&CancelPayout { payout_id: row.id }.into()).await;
    match tried.and_then(|_| cancel_page(&who, &row, (action, trail))) {
        Ok(page) => who.app.page(&who.viewer, page).await,
        Err(fault) => again(&who, cash_page(&who).await?, &Posted { fields: params.fields }, fault, "").await,
    }
}

async fn cancel(who: Who<Maker>, id: Id, posted: Posted) -> Answer {
    let page = cash_page(&who).await?;
    submit_or_again(&who, &posted, CancelPayout { payout_id: PayoutId(id.0) }, page, "").await
}

const PAGE_LINES: i64 = 50;
const CSV_LINES: i64 = 100_000;

/// Data read beside the lines of a statement.
#[derive(Debug, Default)]
struct Read {
    party_id: PartyId,
    about: HashMap<i64, About>,
}

/// The rows of a statement as a table: newest first, with the balance after each.
fn statement_table(language: Language, code: &str, lines: &[StatementLine], read: &Read) -> Table {
    let heads = [
        ("col-day", false),
        ("col-value-date", false),
        ("col-what", false),
        ("col-invoice", false),
        ("col-counterparty", false),
        ("statement-out", true),
        ("statement-in", true),
        ("cash-balance", true),
        ("cash-held", true),
        ("receipt-reference", false),
    ];
    let rows = lines.iter().map(|line| {
        let booking = Booking::of(line.code)
            .map_or_else(String::new, |booking| language.t(&format!("booking-{}", booking.name().replace('_', "-"))));
        let moves = matches!(line.kind, 1 | 3);
        let amount = |shown: bool| if shown && moves { Value::money(code, line.amount) } else { Value::text("") };
        let about = read.about.get(&line.number).cloned().unwrap_or_default();
        let invoice = match about.receivable_id {
            ReceivableId(0) => Value::text(""),
            // The buyer knows it as a payable; everybody else whose cash it moved has the receivable.
            _ if about.buyer_id == read.party_id => Value::link(about.invoice, format!("/payables/{}", about.invoice_id)),
            id => Value::link(about.invoice, format!("/receivables/{id}")),
        };
        let number = format!("T-{}", line.number);
        let reference = if about.reference.is_empty() { number } else { format!("{number} · {}", about.reference) };
        Row {
            cells: vec![
                Value::date(language, line.business_date),
                Value::date(language, line.value_date),
                Value::text(booking),
                invoice,
                Value::text(about.counterparty),
                amount(line.debited),
                amount(!line.debited),
                Value::money(code, line.balance_after),
                Value::money(code, line.held_after),
                Value::code(reference),
            ],
        }
    });
    Table {
        caption: language.fill("statement-caption", &[("currency", code.to_owned())]),
        columns: heads
            .iter()
            .map(|(key, numeric)| if *numeric { Column::numeric(language.t(key)) } else { Column::new(language.t(key)) })
            .collect(),
        rows: rows.collect(),
        empty: language.t("statement-empty"),
        next_label: language.t("list-next"),
        first_label: language.t("list-first"),
        csv_label: language.t("list-csv"),
        ..Table::default()
    }
}

async fn statement(who: Who<Member>, params: Params) -> Answer {
    let (party_id, language) = (who.party_id()?, who.language());
    let known = match params.get("currency") {
        "" => Currency::EUR,
        code => Currency::parse(code).ok_or(Refusal::NotFound)?,
    };
    let csv = params.get("format") == "csv";
    let from: Option<i64> = params.get("from").parse().ok();
    let (as_of, wrong) = match params.get("as_of") {
        "" => (None, None),
        typed => match typed_date(typed, "as_of") {
            Ok(date) => (Some(date), None),
            Err(fault) => (None, Some(fault)),
        },
    };
    let (account, lines, then, read) = who
        .read(move |conn| {
            let Some(account) = lists::balances(conn, currency_asset(known).0, Some(party_id.0))?.into_iter().next() else {
                return Ok((None, Vec::new(), None, Read::default()));
            };
            let size = if csv { CSV_LINES } else { PAGE_LINES.saturating_add(1) };
            let start = match from {
                // A position in another company's journal is no leg of this account: start from the nearest leg of its own.
                Some(number) => journal::leg_as_of(conn, account.id, account.last_transfer, number)?.map_or(0, |leg| leg.number),
                None => account.last_transfer,
            };
            let lines = journal::statement_page(conn, account.id, start, size)?;
            let then = match as_of {
                Some(date) => {
                    let newest = store::records::load_heads(conn)?.last_transfer;
                    let bound = journal::last_transfer_on(conn, newest, date)?;
                    Some((
                        date,
                        journal::leg_as_of(conn, account.id, account.last_transfer, bound)?.map_or(0, |leg| leg.balance_after),
                    ))
                }
                None => None,
            };
            let about = store::statement::list_about(conn, account.id, &lines)?;
            Ok((Some(account), lines, then, Read { party_id, about }))
        })
        .await?;
    let code = known.code();
    if csv {
        return Ok(csv_file(&format!("statement-{code}"), statement_table(language, code, &lines, &read).to_csv()));
    }
    let most = usize::try_from(PAGE_LINES).unwrap_or(50);
    let next = lines.get(most).map(|line| format!("/cash/statement?currency={code}&from={}", line.number));
    let mut table = statement_table(language, code, lines.get(..most).unwrap_or(&lines), &read);
    table.next_href = next.unwrap_or_default();
    table.first_href = if from.is_some() { format!("/cash/statement?currency={code}") } else { String::new() };
    table.csv_href = format!("/cash/statement?currency={}&format=csv", encode(code));
    let balance = account.as_ref().map_or(0, |line: &BalanceLine| line.balance);
    let mut facts = vec![(who.t("cash-balance"), Value::money(code, balance))];
    if let Some((date, minor)) = then {
        facts.push((language.fill("statement-as-of", &[("date", language.date(date))]), Value::money(code, minor)));
    }
    let field =
        Field::new("as_of", who.t("statement-as-of-field"), "date").value(as_of.map(|date| date.to_string()).unwrap_or_default());
    let mut form =
        Form::new("/cash/statement", who.t("statement-as-of-submit"), vec![field]).hidden("currency", code).secondary();
    form.get = true;
    let page = Page::new(language.fill("statement-title", &[("currency", code.to_owned())]))
        .trail(who.t("cash-title"), "/cash")
        .with(Block::Facts(facts))
        .table(table)
        .form(form);
    match wrong {
        Some(fault) => again(&who, page, &Posted { fields: params.fields }, fault, code).await,
        None => who.app.page(&who.viewer, page).await,
    }
}
