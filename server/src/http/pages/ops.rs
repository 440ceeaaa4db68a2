//! The operator: bank accounts, payouts, books, days, terms, mails.

use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes, typed_date};
use super::home::traded_currencies;
use super::listing::{Listing, plain_table};
use super::org::masked;
use super::receivables::bps;
use super::{Answer, Check, SignedIn, again, asking, check_page, navigation, receipt, submit_or_again};
use crate::commands::Execute;
use crate::commands::days::close_day::{Closable, CloseDay};
use crate::commands::days::set_holiday::SetHoliday;
use crate::commands::days::set_issue_terms::SetIssueTerms;
use crate::commands::messages::retry_mail::RetryMail;
use crate::commands::parties::decide_bank_account::DecideBankAccount;
use crate::jobs::end_of_day;
use crate::view::{Reader, View};
use domain::Refusal;
use domain::bank_line::announced_limit;
use domain::chart::{AccountKind, currency_asset};
use domain::day_count::DayCount;
use domain::party::{MailState, Role};
use kernel::{BankAccountId, MailId, PartyId};
use store::lists::{self, PayoutLine};
use store::programmes::OpenFees;
use store::records::Keyed;
use store::{IssueTermsRow, Mail, Party};
use web::{Block, Field, Form, Page, Row, TotalRow, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops", ops);
    routes.get("/ops/bank-accounts", bank_accounts);
    routes.post("/ops/bank-accounts/{id}", bank_account_decide);
    routes.get("/ops/payouts", payouts);
    routes.get("/ops/trial-balance", trial_balance);
    routes.get("/ops/day", day);
    routes.get("/ops/day/check", day_check);
    routes.post("/ops/day", day_post);
    routes.get("/ops/calendars", calendars);
    routes.post("/ops/calendars", calendars_post);
    routes.get("/ops/terms", terms);
    routes.post("/ops/terms", terms_post);
    routes.get("/ops/mails", mails);
    routes.post("/ops/mails", mails_retry);
}

async fn ops(who: Who<OperatorViewer>) -> Answer {
    let person = who.person()?.clone();
    let language = who.language();
    let tasks = who.read_waiting(move |conn, waiting| Ok(navigation::tasks(conn, &person, language, waiting)?)).await?;
    let rooms = [
        ("ops-invoices", "/ops/invoices"),
        ("ops-receivables", "/ops/receivables"),
        ("ops-offers", "/ops/offers"),
        ("ops-purchases", "/ops/purchases"),
        ("ops-due", "/ops/due"),
        ("companies-title", "/ops/companies"),
        ("ops-bank-accounts", "/ops/bank-accounts"),
        ("reviews-title", "/ops/reviews"),
        ("programmes-all", "/ops/programmes"),
        ("programmes-queue", "/ops/programmes/versions"),
        ("bank-files-title", "/ops/bank-files"),
        ("bank-lines-title", "/ops/bank-lines"),
        ("statements-title", "/ops/statements"),
        ("reconciliation-title", "/ops/reconciliation"),
        ("custody-title", "/ops/custody-accounts"),
        ("manual-receipt-title", "/ops/receipts"),
        ("ops-payouts", "/ops/payouts"),
        ("statuses-title", "/ops/bank-statuses"),
        ("trial-title", "/ops/trial-balance"),
        ("day-title", "/ops/day"),
        ("calendars-title", "/ops/calendars"),
        ("terms-title", "/ops/terms"),
        ("mails-title", "/ops/mails"),
        ("audit-title", "/audit"),
    ];
    let rows = rooms
        .iter()
        .map(|(key, href)| vec![Value::link(language.t(key), *href), Value::text(language.t(&format!("{key}-hint")))]);
    let page = Page::new(who.t("nav-ops")).with(Block::Tasks(tasks, who.t("home-nothing"))).table(plain_table(
        language,
        "ops-rooms",
        &[("col-what", false), ("col-purpose", false)],
        rows.collect(),
        "list-no-match",
    ));
    who.app.page(&who.viewer, page).await
}

async fn bank_accounts_page(who: &Who<impl SignedIn>) -> Result<Page, Fault> {
    let language = who.language();
    let rows = who
        .read(|conn| {
            let accounts = store::parties::list_proposed_accounts(conn)?;
            let ids: Vec<PartyId> = accounts.iter().map(|account| account.party_id).collect();
            let parties = Party::list_ids(conn, &ids)?;
            Ok(accounts
                .into_iter()
                .map(|account| {
                    let name = parties
                        .iter()
                        .find(|party| party.id == account.party_id)
                        .map(|party| party.name.clone())
                        .unwrap_or_default();
                    (account, name)
                })
                .collect::<Vec<_>>())
        })
        .await?;
    let table = rows.iter().map(|(account, name)| {
        vec![
            Value::text(name.clone()),
            Value::text(account.currency.clone()),
            Value::code(account.iban.clone()),
            Value::text(account.holder.clone()),
        ]
    });
    let heads = [("col-company", false), ("col-currency", false), ("field-iban", false), ("field-holder", false)];
    let mut page = Page::new(who.t("ops-bank-accounts"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(who.t("ops-bank-accounts-lead")))
        .table(plain_table(language, "ops-bank-accounts", &heads, table.collect(), "ops-bank-accounts-empty"));
    if who.person()?.has_role(Role::Maker) {
        for (account, name) in &rows {
            let arguments = [("company", name.clone()), ("iban", masked(&account.iban))];
            page = page
                .form(
                    Form::new(format!("/ops/bank-accounts/{}", account.id), language.fill("ops-bank-verify", &arguments), vec![])
                        .hidden("verified", "true")
                        .secondary(),
                )
                .form(
                    Form::new(
                        format!("/ops/bank-accounts/{}", account.id),
                        language.fill("ops-bank-decline", &arguments),
                        vec![],
                    )
                    .hidden("verified", "false")
                    .secondary(),
                );
        }
    }
    Ok(page)
}

async fn bank_accounts(who: Who<OperatorViewer>) -> Answer {
    let page = bank_accounts_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

async fn bank_account_decide(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let page = bank_accounts_page(&who).await?;
    submit_or_again(
        &who,
        &posted,
        DecideBankAccount { account_id: BankAccountId(id.0), verified: posted.get("verified") == "true" },
        page,
        "",
    )
    .await
}

async fn payouts(who: Who<OperatorViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-when", false, ""),
        ("col-company", false, "party"),
        ("field-holder", false, "holder"),
        ("field-iban", false, ""),
        ("col-amount", true, "amount_minor"),
        ("field-reference", false, ""),
        ("col-state", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[],
        states: &["authorised", "sent", "accepted", "pending", "unknown", "settled", "rejected", "returned"],
        heads,
        default: ("id", true),
        summed: "amount_minor",
    };
    let wanted = listing.query();
    let order = wanted.order;
    let (page, totals, files, currencies) = who
        .read(move |conn| {
            let files = store::bank::list_newest_payment_files(conn, 10)?;
            Ok((PayoutLine::page(conn, &wanted)?, PayoutLine::totals(conn, &wanted)?, files, traded_currencies(conn)?))
        })
        .await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::moment(language, row.created_at),
            Value::text(row.party.clone()),
            Value::text(row.holder.clone()),
            Value::code(masked(&row.iban)),
            Value::money(&row.currency, row.amount_minor),
            Value::link(row.end_to_end.clone(), format!("/ops/payouts/{}", row.id)),
            super::payouts::payout_state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "party" => row.party.clone(),
            "holder" => row.holder.clone(),
            "amount_minor" => row.amount_minor.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let file_rows = files.iter().map(|file| {
        vec![
            Value::link(format!("KONTOR-{}", file.id), format!("/ops/payment-files/{}", file.id)),
            Value::link(format!("KONTOR-{}.xml", file.id), format!("/documents/{}", file.document)),
            Value::number(file.payments),
            Value::money(&file.currency, file.total_minor),
            Value::moment(language, file.created_at),
        ]
    });
    let heads = [
        ("receipt-to-payment-file", false),
        ("field-document", false),
        ("payouts-count", true),
        ("col-amount", true),
        ("col-when", false),
    ];
    let mut shown = Page::new(language.t("ops-payouts")).trail(who.t("nav-ops"), "/ops");
    if who.person()?.has_role(Role::Maker) {
        let options = currencies.iter().map(|currency| (currency.code().to_owned(), currency.code().to_owned())).collect();
        let field = Field::new("currency", who.t("col-currency"), "select").options(options);
        shown = shown.form(asking("/ops/payouts/check", who.t("page-to-check"), vec![field]));
    }
    shown = shown.table(plain_table(language, "payouts-files", &heads, file_rows.collect(), "payouts-no-files"));
    let mut table =
        listing.table(language.t("ops-payouts"), rows.collect(), &totals, last, page.more, language.t("cash-no-payouts"));
    let (turned_down, by_bank) = (language.t("state-rejected"), language.t("state-payout-rejected"));
    for choice in table.filters.iter_mut().filter(|choice| choice.label == turned_down) {
        choice.label.clone_from(&by_bank);
    }
    listing.send(&who, shown, table).await
}

async fn trial_balance(who: Who<OperatorViewer>) -> Answer {
    let language = who.language();
    let (currencies, lines, unbalanced) = who
        .read(|conn| Ok((traded_currencies(conn)?, lists::trial_balance(conn)?, store::verify::unbalanced_asset(conn)?)))
        .await?;
    let mut page = Page::new(who.t("trial-title")).trail(who.t("nav-ops"), "/ops");
    page.push(match &unbalanced {
        None => Block::Notice(web::Tone::Done, who.t("trial-balanced")),
        Some(asset) => Block::Notice(web::Tone::Attention, language.fill("trial-unbalanced", &[("asset", asset.clone())])),
    });
    let heads = [("trial-account", false), ("trial-accounts", true), ("trial-debit", true), ("trial-credit", true)];
    let of = |asset: i64, code: &str| {
        let mine = lines.iter().filter(move |line| line.asset_id == asset);
        let mut rows: Vec<Vec<Value>> = Vec::new();
        let (mut debit, mut credit) = (0_i64, 0_i64);
        for line in mine {
            let on_debit = AccountKind::parse(&line.kind).is_some_and(store::journal::grows_on_debit);
            let money = |shown: bool| match (shown, code) {
                (false, _) => Value::text(""),
                (true, "") => Value::number(line.sum_minor),
                (true, code) => Value::money(code, line.sum_minor),
            };
            if on_debit {
                debit = debit.saturating_add(line.sum_minor);
            } else {
                credit = credit.saturating_add(line.sum_minor);
            }
            rows.push(vec![
                Value::text(language.t(&format!("account-{}", line.kind))),
                Value::number(line.accounts),
                money(on_debit),
                money(!on_debit),
            ]);
        }
        let mut table = plain_table(language, "trial-title", &heads, rows, "trial-empty");
        table.caption = if code.is_empty() { language.t("trial-units") } else { code.to_owned() };
        let sum = |minor| if code.is_empty() { web::texts::grouped(minor) } else { language.money(code, minor) };
        table.totals = vec![TotalRow { label: language.t("field-total"), sums: vec![(2, sum(debit)), (3, sum(credit))] }];
        table
    };
    for currency in currencies {
        page = page.table(of(currency_asset(currency).0, currency.code()));
    }
    page = page.table(of(0, ""));
    who.app.page(&who.viewer, page).await
}

async fn day_page(who: &Who<impl SignedIn>) -> Result<Page, Fault> {
    let language = who.language();
    let heads = who.read(|conn| Ok(store::records::load_heads(conn)?)).await?;
    let date = heads.business_date;
    let mut page = Page::new(who.t("day-title"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(who.t("day-lead")))
        .with(Block::Facts(vec![(who.t("page-business-date"), Value::date(language, date))]));
    if who.person()?.has_role(Role::Maker) {
        page = page.form(asking("/ops/day/check", who.t("page-to-check"), vec![]).hidden("date", date.to_string()));
    }
    Ok(page)
}

async fn day(who: Who<OperatorViewer>) -> Answer {
    let page = day_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

/// The end of the day that is asked for, and the fees that are open then, if it can be ended.
async fn ending(who: &Who<OperatorMaker>, typed: &str) -> Result<(chrono::NaiveDate, Closable, Vec<OpenFees>), Fault> {
    let date = typed_date(typed, "date")?;
    let (app, actor, now) = (who.app.clone(), who.actor()?, who.app.clock.now());
    who.read(move |conn| {
        let mut view = Reader::open(conn, now)?;
        end_of_day::check(&app, view.today(), date)?;
        let closable = CloseDay { date }.decide(&mut view, &actor)?;
        Ok((date, closable, store::programmes::list_open_fees(view.conn(), date)?))
    })
    .await
}

async fn day_check(who: Who<OperatorMaker>, params: Params) -> Answer {
    let (date, closable, fees) = match ending(&who, params.get("date")).await {
        Ok(ending) => ending,
        Err(fault) => {
            let page = day_page(&who).await?;
            return again(&who, page, &Posted::default(), fault, "").await;
        }
    };
    let language = who.language();
    let next = date.succ_opt().unwrap_or(date);
    let submit = language.fill("day-submit", &[("date", language.date(date))]);
    let mut facts = vec![
        (who.t("page-business-date"), Value::date(language, date)),
        (who.t("field-business-date"), Value::date(language, next)),
        (who.t("field-offers-expired"), Value::number(closable.ended())),
        (who.t("field-matured"), Value::number(closable.matured())),
    ];
    let mut owed: std::collections::BTreeMap<&str, i64> = std::collections::BTreeMap::new();
    for one in &fees {
        let sum = owed.entry(&one.currency).or_default();
        *sum = sum.saturating_add(one.open_minor);
    }
    facts.extend(owed.into_iter().map(|(currency, minor)| (who.t("day-fees"), Value::money(currency, minor))));
    let check = Check {
        title: submit.clone(),
        lead: who.t("day-check-lead"),
        facts,
        form: Form::new("/ops/day", submit, vec![]).hidden("date", date.to_string()),
        back: "/ops/day".to_owned(),
    };
    let trail = [(who.t("nav-ops"), "/ops".to_owned()), (who.t("day-title"), "/ops/day".to_owned())];
    who.app.page(&who.viewer, check_page(&who, &trail, check)).await
}

/// Ends a day for a caller on a page or of the API. A day that was ended with the same key has its receipt.
pub async fn end(who: &Who<OperatorMaker>, key: &str, command: CloseDay) -> Result<crate::commands::Outcome, Fault> {
    let today = who.read(|conn| Ok(store::records::load_heads(conn)?.business_date)).await?;
    match end_of_day::check(&who.app, today, command.date) {
        Err(refusal @ Refusal::DayNotReached { .. }) => Err(refusal.into()),
        _ => who.submit(key, command).await,
    }
}

async fn day_post(who: Who<OperatorMaker>, posted: Posted) -> Answer {
    let page = day_page(&who).await?;
    let ended = match posted.date("date") {
        Ok(date) => end(&who, &end_of_day::key_of(date), CloseDay { date }).await,
        Err(fault) => Err(fault),
    };
    match ended {
        Ok(outcome) => Ok(receipt(&outcome)),
        Err(fault) => again(&who, page, &posted, fault, "").await,
    }
}

async fn calendars_page(who: &Who<impl SignedIn>) -> Result<Page, Fault> {
    let language = who.language();
    let (rows, currencies) = who.read(|conn| Ok((store::days::list_holidays(conn)?, traded_currencies(conn)?))).await?;
    let table = rows.iter().map(|row| {
        vec![
            Value::date(language, row.day),
            Value::text(row.currency.clone()),
            Value::text(language.t(if row.business { "calendar-open" } else { "calendar-closed" })),
        ]
    });
    let heads = [("col-day", false), ("col-currency", false), ("calendar-kind", false)];
    let mut page = Page::new(who.t("calendars-title"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(who.t("calendars-lead")))
        .table(plain_table(language, "calendars-title", &heads, table.collect(), "calendars-empty"));
    if who.person()?.has_role(Role::Maker) {
        let options = currencies.iter().map(|currency| (currency.code().to_owned(), currency.code().to_owned())).collect();
        let kinds = vec![("false".to_owned(), who.t("calendar-closed")), ("true".to_owned(), who.t("calendar-open"))];
        let fields = vec![
            Field::new("currency", who.t("col-currency"), "select").options(options),
            Field::new("day", who.t("col-day"), "date"),
            Field::new("business", who.t("calendar-kind"), "select").options(kinds),
        ];
        page = page.form(Form::new("/ops/calendars", who.t("calendars-submit"), fields));
    }
    Ok(page)
}

async fn calendars(who: Who<OperatorViewer>) -> Answer {
    let page = calendars_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

async fn calendars_post(who: Who<OperatorMaker>, posted: Posted) -> Answer {
    let page = calendars_page(&who).await?;
    let day = posted.date("day");
    match day {
        Ok(day) => {
            submit_or_again(
                &who,
                &posted,
                SetHoliday { currency: posted.get("currency").to_owned(), day, business: posted.get("business") == "true" },
                page,
                "",
            )
            .await
        }
        Err(fault) => again(&who, page, &posted, fault, "").await,
    }
}

/// The largest announced credit that is booked before its statement.
pub fn announced_minor(row: &IssueTermsRow) -> i64 {
    let known = domain::Currency::parse(&row.currency);
    known.map_or(0, |known| announced_limit(known, row.notice_credit_minor))
}

async fn terms_page(who: &Who<impl SignedIn>, chosen: &str) -> Result<Page, Fault> {
    let language = who.language();
    let rows = who.read(|conn| Ok(store::days::list_issue_terms(conn)?)).await?;
    let table = rows.iter().map(|row| {
        vec![
            Value::link(row.currency.clone(), format!("/ops/terms?currency={}", row.currency)),
            bps(language, row.reserve_bps),
            bps(language, row.settlement_fee_bps),
            bps(language, row.purchase_fee_bps),
            Value::money(&row.currency, row.minimum_fee_minor),
            Value::money(&row.currency, row.minimum_ticket_minor),
            Value::text(format!("{} % {}", row.late_rate, row.late_day_count)),
            Value::number(row.grace_days),
            Value::number(row.tolerated_overdue_days.unwrap_or(0)),
            Value::money(&row.currency, announced_minor(row)),
        ]
    });
    let heads = [
        ("col-currency", false),
        ("terms-reserve", false),
        ("terms-settlement-fee", false),
        ("terms-purchase-fee", false),
        ("terms-minimum-fee", true),
        ("field-minimum-ticket", true),
        ("terms-late-rate", false),
        ("terms-grace", true),
        ("field-tolerated-overdue-days", true),
        ("field-notice-credit-minor", true),
    ];
    let mut page = Page::new(who.t("terms-title"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(who.t("terms-lead")))
        .table(plain_table(language, "terms-title", &heads, table.collect(), "list-no-match"));
    let row = rows.iter().find(|row| row.currency == chosen).or_else(|| rows.first());
    if let Some(row) = row.filter(|_| who.person().is_ok_and(|person| person.has_role(Role::Maker))) {
        let decimal = |minor| domain::Currency::parse(&row.currency).map(|known| known.decimal(minor)).unwrap_or_default();
        let counts = DayCount::ALL.iter().map(|count| (count.to_string(), count.to_string())).collect();
        let fields = vec![
            Field::new("reserve_bps", who.t("terms-reserve"), "text")
                .value(row.reserve_bps.to_string())
                .hint(who.t("terms-bps-hint")),
            Field::new("settlement_fee_bps", who.t("terms-settlement-fee"), "text").value(row.settlement_fee_bps.to_string()),
            Field::new("purchase_fee_bps", who.t("terms-purchase-fee"), "text").value(row.purchase_fee_bps.to_string()),
            Field::new("minimum_fee", who.t("terms-minimum-fee"), "amount").value(decimal(row.minimum_fee_minor)),
            Field::new("minimum_ticket", who.t("field-minimum-ticket"), "amount").value(decimal(row.minimum_ticket_minor)),
            Field::new("late_rate", who.t("terms-late-rate"), "text").value(row.late_rate.clone()),
            Field::new("late_day_count", who.t("field-day-count"), "select").options(counts).value(row.late_day_count.name()),
            Field::new("grace_days", who.t("terms-grace"), "text").value(row.grace_days.to_string()),
            Field::new("tolerated_overdue_days", who.t("field-tolerated-overdue-days"), "text")
                .value(row.tolerated_overdue_days.unwrap_or(0).to_string())
                .hint(who.t("terms-tolerated-hint")),
            Field::new("notice_credit_minor", who.t("field-notice-credit-minor"), "amount")
                .value(decimal(announced_minor(row)))
                .hint(who.t("terms-notice-credit-hint")),
        ];
        let heading = language.fill("terms-change", &[("currency", row.currency.clone())]);
        page = page
            .with(Block::Heading(heading))
            .form(Form::new("/ops/terms", who.t("terms-submit"), fields).hidden("currency", row.currency.clone()));
    }
    Ok(page)
}

async fn terms(who: Who<OperatorViewer>, params: Params) -> Answer {
    let page = terms_page(&who, params.get("currency")).await?;
    who.app.page(&who.viewer, page).await
}

async fn terms_post(who: Who<OperatorMaker>, posted: Posted) -> Answer {
    let currency = posted.get("currency").to_owned();
    let page = terms_page(&who, &currency).await?;
    let read = || -> Result<SetIssueTerms, Fault> {
        Ok(SetIssueTerms {
            currency: currency.clone(),
            reserve_bps: posted.number("reserve_bps")?,
            settlement_fee_bps: posted.number("settlement_fee_bps")?,
            purchase_fee_bps: posted.number("purchase_fee_bps")?,
            minimum_fee_minor: posted.amount("minimum_fee", &currency)?,
            minimum_ticket_minor: posted.amount("minimum_ticket", &currency)?,
            late_rate: posted.get("late_rate").trim().to_owned(),
            late_day_count: posted.get("late_day_count").to_owned(),
            grace_days: posted.number("grace_days")?,
            tolerated_overdue_days: Some(posted.number("tolerated_overdue_days")?),
            notice_credit_minor: Some(posted.amount("notice_credit_minor", &currency)?),
        })
    };
    match read() {
        Ok(command) => submit_or_again(&who, &posted, command, page, &currency).await,
        Err(fault) => again(&who, page, &posted, fault, &currency).await,
    }
}

async fn mails_page(who: &Who<impl SignedIn>) -> Result<Page, Fault> {
    let language = who.language();
    let rows = who.read(|conn| Ok(store::messages::list_unsent_mails(conn)?)).await?;
    let table = rows.iter().map(|mail| {
        vec![
            Value::text(mail.address.clone()),
            Value::number(mail.tries),
            Value::moment(language, mail.next_try_at),
            Value::state(language, mail.state.name()),
            Value::text(mail.error.clone()),
        ]
    });
    let heads =
        [("mailbox-to", false), ("mails-tries", true), ("mails-next", false), ("col-state", false), ("mails-error", false)];
    let mut page = Page::new(who.t("mails-title"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Paragraph(who.t("mails-lead")))
        .table(plain_table(language, "mails-title", &heads, table.collect(), "mails-empty"));
    if who.person()?.has_role(Role::Maker) {
        let given_up: Vec<&Mail> = rows.iter().filter(|mail| mail.state == MailState::Failed).collect();
        if given_up.len() > 1 {
            page = page.form(Form::new("/ops/mails", who.t("mails-retry-all"), vec![]));
        }
        // The newest few one by one; with more than these something else is wrong, and all are tried together.
        for mail in given_up.iter().take(20) {
            let label = language.fill("mails-retry", &[("address", mail.address.clone()), ("id", mail.id.to_string())]);
            page = page.form(Form::new("/ops/mails", label, vec![]).hidden("mail_id", mail.id.to_string()).secondary());
        }
    }
    Ok(page)
}

async fn mails(who: Who<OperatorViewer>) -> Answer {
    let page = mails_page(&who).await?;
    who.app.page(&who.viewer, page).await
}

async fn mails_retry(who: Who<OperatorMaker>, posted: Posted) -> Answer {
    let page = mails_page(&who).await?;
    let mail_id = if posted.get("mail_id").is_empty() { None } else { Some(MailId(posted.number("mail_id")?)) };
    submit_or_again(&who, &posted, RetryMail { mail_id }, page, "").await
}
