//! The next payment file for the bank: the list that one operator looks at and another agrees to.

use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::custody_accounts::carried;
use super::home::traded_currencies;
use super::listing::plain_table;
use super::{Answer, Check, again, asking, check_page, submit_or_again};
use crate::batch::Stop;
use crate::commands::bank::create_payment_file::{CreatePaymentFile, FILE_PREFIX, list_hash, payment_list};
use crate::commands::bank::payee_address::PayeeAddresses;
use domain::custody::CustodyState;
use domain::{Currency, Refusal};
use kernel::{CustodyId, PaymentFileId, PayoutId};
use store::records::Keyed;
use store::{Conn, CustodyAccount, PaymentFile, Payout};
use web::{Block, Field, Form, Language, Page, Value};

/// Payments that a check shows line by line; the digest covers all of them.
const SHOWN: usize = 200;

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/payouts/check", check);
    routes.post("/ops/payouts", make);
    routes.get("/ops/payment-files/{id}", file);
}

/// A finished payment file: the account that it draws on, the file itself, and the state of its payouts.
async fn file(who: Who<OperatorViewer>, id: Id) -> Answer {
    let language = who.language();
    let (row, own, payouts) = who
        .read(move |conn| {
            let row = PaymentFile::find(conn, PaymentFileId(id.0))?.ok_or(Refusal::NotFound)?;
            let own = CustodyAccount::find(conn, row.custody_id)?;
            let payouts = store::bank::list_payouts_of_file(conn, row.id)?;
            Ok((row, own, payouts))
        })
        .await?;
    let name = format!("{FILE_PREFIX}{}", row.id);
    let rows = payouts.iter().take(SHOWN).map(|row| {
        vec![
            Value::link(row.end_to_end.clone(), format!("/ops/payouts/{}", row.id)),
            Value::text(row.holder.clone()),
            Value::code(row.iban.clone()),
            Value::money(&row.currency, row.amount_minor),
            super::payouts::payout_state(language, row.state.name()),
        ]
    });
    let heads =
        [("field-reference", false), ("field-holder", false), ("field-iban", false), ("col-amount", true), ("col-state", false)];
    let facts = vec![
        (who.t("payouts-account"), Value::code(own.map_or_else(String::new, |own| own.iban))),
        (who.t("payouts-count"), Value::number(row.payments)),
        (who.t("field-total"), Value::money(&row.currency, row.total_minor)),
        (who.t("col-when"), Value::moment(language, row.created_at)),
        (who.t("field-document"), Value::link(format!("{name}.xml"), format!("/documents/{}", row.document))),
    ];
    let page = Page::new(language.fill("payment-file-title", &[("name", name)]))
        .trail(who.t("nav-ops"), "/ops")
        .trail(who.t("ops-payouts"), "/ops/payouts")
        .with(Block::Facts(facts))
        .table(plain_table(language, "payouts-check-table", &heads, rows.collect(), "list-no-match"));
    who.app.page(&who.viewer, page).await
}

async fn choice(who: &Who<OperatorMaker>) -> Result<Page, Fault> {
    let (currencies, accounts) = who.read(|conn| Ok((traded_currencies(conn)?, store::custody::list(conn)?))).await?;
    let options = currencies.iter().map(|currency| (currency.code().to_owned(), currency.code().to_owned())).collect();
    let field = Field::new("currency", who.t("col-currency"), "select").options(options);
    let mut paying = vec![(String::new(), who.t("payouts-current-account"))];
    let open = accounts.iter().filter(|row| row.state == CustodyState::Open);
    paying.extend(open.map(|row| (row.id.to_string(), format!("{} · {}", row.iban, carried(who.language(), row)))));
    let account = Field::new("account_id", who.t("payouts-account"), "select").options(paying);
    let account = account.hint(who.t("payouts-account-hint")).optional();
    Ok(Page::new(who.t("payouts-check"))
        .trail(who.t("nav-ops"), "/ops")
        .trail(who.t("ops-payouts"), "/ops/payouts")
        .form(asking("/ops/payouts/check", who.t("page-to-check"), vec![field, account])))
}

/// Count, sum, digest and lines of a list, for the person who writes the file and the person who agrees.
fn list_blocks(
    language: Language,
    known: Currency,
    (payouts, addresses): (&[Payout], &PayeeAddresses),
    own: &CustodyAccount,
) -> Vec<Block> {
    let total_minor = payouts.iter().fold(0_i64, |sum, row| sum.saturating_add(row.amount_minor));
    let count = i64::try_from(payouts.len()).unwrap_or(i64::MAX);
    let rows = payouts.iter().take(SHOWN).map(|row| {
        vec![
            Value::link(row.end_to_end.clone(), format!("/ops/payouts/{}", row.id)),
            Value::text(row.holder.clone()),
            Value::text(addresses.line(row)),
            Value::code(row.iban.clone()),
            Value::money(&row.currency, row.amount_minor),
        ]
    });
    let heads = [
        ("field-reference", false),
        ("field-holder", false),
        ("payouts-address", false),
        ("field-iban", false),
        ("col-amount", true),
    ];
    let mut blocks = vec![
        Block::Facts(vec![
            (language.t("payouts-account"), Value::code(own.iban.clone())),
            (language.t("payouts-count"), Value::number(count)),
            (language.t("field-total"), Value::money(known.code(), total_minor)),
            (language.t("field-list-hash"), Value::code(list_hash(payouts, addresses))),
        ]),
        Block::Table(Box::new(plain_table(language, "payouts-check-table", &heads, rows.collect(), "list-no-match"))),
    ];
    if payouts.len() > SHOWN {
        blocks.push(Block::Links(vec![(
            language.t("payouts-check-all"),
            format!("/ops/payouts?state=authorised&currency={}", known.code()),
        )]));
    }
    blocks
}

/// The content of a request for a payment file, as the list is now.
pub fn meaning(conn: &mut Conn, language: Language, asked: &CreatePaymentFile) -> Result<Vec<Block>, Fault> {
    let Some(known) = Currency::parse(&asked.currency) else { return Ok(Vec::new()) };
    let payouts = payment_list(conn, known, asked.through)?;
    let addresses = PayeeAddresses::load(conn, &payouts)?;
    if list_hash(&payouts, &addresses) != asked.list_hash {
        return Ok(vec![Block::Notice(web::Tone::Attention, language.t("refusal-payment-list-changed"))]);
    }
    match crate::commands::bank::custody::paying(conn, asked.account_id, known.code()) {
        Ok(own) => Ok(list_blocks(language, known, (&payouts, &addresses), &own)),
        // A list that can no longer be paid is refused with its own reason.
        Err(Stop::Refused(_)) => Ok(Vec::new()),
        Err(Stop::Failed(error)) => Err(error.into()),
    }
}

/// The content of the next payment file of a currency: the oldest payouts that its account covers.
struct Next {
    own: CustodyAccount,
    available_minor: i64,
    payouts: Vec<Payout>,
    addresses: PayeeAddresses,
    /// How many more wait.
    left: usize,
}

fn next_of(conn: &mut Conn, known: Currency, account: Option<CustodyId>) -> Result<Next, Fault> {
    let own = crate::commands::bank::custody::paying(conn, account, known.code())?;
    let available_minor = store::custody::available_minor(conn, own.id, known)?;
    let mut payouts = payment_list(conn, known, PayoutId(i64::MAX))?;
    // Where not even the first is covered, the command refuses it.
    let covered = store::custody::covered(&payouts, available_minor).max(1);
    let left = payouts.len().saturating_sub(covered);
    payouts.truncate(covered);
    let addresses = PayeeAddresses::load(conn, &payouts)?;
    Ok(Next { own, available_minor, payouts, addresses, left })
}

/// The content of the next payment file.
async fn check_of(who: &Who<OperatorMaker>, currency: &str, account: &str) -> Result<Page, Fault> {
    let known = Currency::parse(currency).ok_or_else(|| Refusal::CurrencyUnknown { currency: currency.to_owned() })?;
    let account = match account.trim() {
        "" => None,
        typed => Some(typed.parse().map_err(|_| Refusal::FieldInvalid { field: "account_id".to_owned() })?),
    };
    let Next { own, available_minor, payouts, addresses, left } = who.read(move |conn| next_of(conn, known, account)).await?;
    let through = payouts.last().map_or(PayoutId(0), |newest| newest.id);
    let list_hash = list_hash(&payouts, &addresses);
    let form = Form::new("/ops/payouts", who.t("payouts-submit"), vec![])
        .hidden("currency", known.code())
        .hidden("through", through.to_string())
        .hidden("account_id", own.id.to_string())
        .hidden("list_hash", list_hash.clone());
    let command = CreatePaymentFile { currency: known.code().to_owned(), through, list_hash, account_id: Some(own.id) };
    who.try_out(&command.into()).await?;
    let check = Check {
        title: who.t("payouts-check"),
        lead: who.t("payouts-check-lead"),
        facts: vec![(who.t("payouts-available"), Value::money(known.code(), available_minor))],
        form,
        back: "/ops/payouts".to_owned(),
    };
    let trail = [(who.t("nav-ops"), "/ops".to_owned()), (who.t("ops-payouts"), "/ops/payouts".to_owned())];
    let mut page = check_page(who, &trail, check);
    let mut blocks = list_blocks(who.language(), known, (&payouts, &addresses), &own);
    if left > 0 {
        let words = who.language().fill("payouts-left", &[("count", left.to_string())]);
        blocks.insert(0, Block::Notice(web::Tone::Attention, words));
    }
    page.blocks.splice(1..1, blocks);
    Ok(page)
}

async fn check(who: Who<OperatorMaker>, params: Params) -> Answer {
    match check_of(&who, params.get("currency"), params.get("account_id")).await {
        Ok(page) => who.app.page(&who.viewer, page).await,
        Err(fault) => {
            let page = choice(&who).await?;
            again(&who, page, &Posted { fields: params.fields }, fault, "").await
        }
    }
}

async fn make(who: Who<OperatorMaker>, posted: Posted) -> Answer {
    let currency = posted.get("currency").to_owned();
    let command = CreatePaymentFile {
        through: posted.get("through").parse().unwrap_or(PayoutId(0)),
        list_hash: posted.get("list_hash").to_owned(),
        currency: currency.clone(),
        account_id: posted.get("account_id").trim().parse().ok(),
    };
    // A list that has changed since is shown as it is now.
    let page = match check_of(&who, &currency, posted.get("account_id")).await {
        Ok(page) => page,
        Err(_) => choice(&who).await?,
    };
    submit_or_again(&who, &posted, command, page, &currency).await
}
