//! The effect of a request, in facts that a second person can judge. They say who gets the money and where, at what price, and
//! what is so today.

use super::super::error::Fault;
use super::account::roles_text;
use super::companies;
use super::receivables::{bps, quote_blocks};
use crate::commands::Command;
use crate::commands::bank::take_back_line;
use crate::commands::days::set_holiday::SetHoliday;
use crate::commands::market::buy_fractions::{BuyFractions, fee_terms, price_terms};
use crate::commands::market::set_buyer_limit::SetBuyerLimit;
use crate::commands::programmes::terms::{Subject, standing_for_buyer};
use crate::commands::receivables::settlement;
use domain::chart::{AccountKey, currency_asset};
use domain::day_count::DayCount;
use domain::pricing::{Method, PriceTerms, quote};
use kernel::{BankLineId, CustodyId, PartyId, ReceivableId};
use store::lists::{InvoiceLine, OfferLine};
use store::records::Keyed;
use store::{
    BankAccount, BankLine, Conn, Invoice, IssueTermsRow, Party, Payout, PurchaseHold, Receivable, User, market, receivables,
};
use web::{Block, Language, Value};

type Facts = Vec<(String, Value)>;

/// The effect of a request of the company `party_id`, as of now.
pub fn meaning(conn: &mut Conn, language: Language, party_id: PartyId, command: &Command) -> Result<Vec<Block>, Fault> {
    let facts = match command {
        Command::BuyFractions(buy) => {
            let Some(row) = OfferLine::find(conn, buy.offer_id.0)? else { return Ok(Vec::new()) };
            let offer = store::Offer::load(conn, buy.offer_id)?;
            let receivable = Receivable::load(conn, ReceivableId(row.receivable_id))?;
            let mut blocks = vec![Block::Facts(traded(language, (&row.supplier, &row.buyer, &row.number), &receivable))];
            blocks.extend(priced(conn, language, &receivable, &price_terms(&offer, &receivable)?, (buy.units_minor, false))?);
            blocks.push(Block::Facts(after_purchase(conn, language, (party_id, buy), &receivable)?));
            if row.state == "open" {
                blocks.push(Block::Links(vec![(language.t("papers-link"), format!("/market/{}/papers", row.id))]));
            }
            blocks.push(Block::Paragraph(language.t("request-holds")));
            return Ok(blocks);
        }
        Command::CreateOffer(offer) => {
            let Some(receivable) = Receivable::find(conn, offer.receivable_id)? else { return Ok(Vec::new()) };
            let Some(row) = InvoiceLine::find(conn, receivable.invoice_id.0)? else { return Ok(Vec::new()) };
            let mut blocks = vec![Block::Facts(traded(language, (&row.supplier, &row.buyer, &row.number), &receivable))];
            let terms = (Method::parse(&offer.method), offer.rate.parse(), DayCount::parse(&offer.day_count));
            if let (Some(method), Ok(rate), Some(day_count)) = terms {
                let terms = PriceTerms {
                    method,
                    rate,
                    day_count,
                    due_date: receivable.payment_date,
                    fee: fee_terms(&receivable),
                    settlement: receivable.settlement_fee(),
                };
                blocks.extend(priced(conn, language, &receivable, &terms, (offer.units_minor, true))?);
            }
            return Ok(blocks);
        }
        Command::ConfirmInvoice(confirm) => {
            let Some(row) = InvoiceLine::find(conn, confirm.invoice_id.0)? else { return Ok(Vec::new()) };
            let invoice = Invoice::load(conn, confirm.invoice_id)?;
            let today = store::records::load_heads(conn)?.business_date;
            let standing = standing_for_buyer(conn, &Subject::of(&invoice, Some(confirm.due_date)), today)?;
            let mut facts = vec![
                (language.t("col-supplier"), Value::text(row.supplier)),
                (language.t("col-number"), Value::code(row.number)),
                (language.t("col-issued"), Value::date(language, row.issue_date)),
                (language.t("col-payable"), Value::money(&row.currency, row.payable_minor)),
            ];
            facts.extend(super::programmes::applied_terms(language, standing.as_ref(), confirm.amount_minor));
            let calendar = settlement::calendar(conn, &row.currency)?;
            facts.push((language.t("payable-pay-on"), Value::date(language, calendar.following(confirm.due_date))));
            let notice = super::payables::calendar_notice(language, &calendar, &row.currency, confirm.due_date);
            return Ok(std::iter::once(Block::Facts(facts)).chain(notice).collect());
        }
        Command::ConfirmList(confirm) => {
            let mut blocks = super::confirmation_lists::facts(conn, language, confirm.list_id)?;
            let list = store::ConfirmationList::load(conn, confirm.list_id)?;
            let key = if list.version == domain::undertaking::ADVANCE { "approved-agree" } else { "list-agree" };
            blocks.push(Block::Notice(web::Tone::Attention, language.t(key)));
            return Ok(blocks);
        }
        Command::CreatePaymentFile(file) => return super::payment_files::meaning(conn, language, file),
        Command::RequestPayout(payout) => {
            let account = store::parties::find_verified_account(conn, party_id, &payout.currency)?;
            account.map_or_else(Vec::new, |row| payee(language, &row.holder, &row.iban, &row.bic))
        }
        Command::DecideBankAccount(decision) => {
            let Some(account) = BankAccount::find(conn, decision.account_id)? else { return Ok(Vec::new()) };
            let company = companies::load(conn, account.party_id)?;
            let mut facts = payee(language, &account.holder, &account.iban, &account.bic);
            facts.extend(account_doubts(conn, language, &account, &company.party)?);
            facts.push((language.t("col-currency"), Value::text(account.currency)));
            facts.extend(companies::facts(language, &company));
            facts
        }
        Command::OpenCustodyAccount(opened) => super::custody_accounts::opening_facts(conn, language, opened)?,
        Command::ChooseCustodyAccount(chosen) => {
            let before = store::custody::find_current(conn, &chosen.currency)?;
            let mut facts = custody(conn, language, chosen.account_id)?;
            let before = before.map_or_else(String::new, |row| row.iban);
            facts.push((language.t("custody-before"), Value::code(before)));
            facts
        }
        Command::CloseCustodyAccount(closed) => super::custody_accounts::leaving_facts(conn, language, closed.account_id)?,
        Command::ProposeBankAccount(proposed) => payee(language, &proposed.holder, &proposed.iban, &proposed.bic),
        Command::DecideCompany(decision) => companies::facts(language, &companies::load(conn, decision.party_id)?),
        Command::RecordContact(contact) => super::contacts::asked(conn, language, contact)?,
        Command::AppointChecker(appoint) => companies::facts(language, &companies::load(conn, appoint.party_id)?),
        Command::FailPayout(failed) => Payout::find(conn, failed.payout_id)?.map_or_else(Vec::new, |row| {
            let mut facts = payee(language, &row.holder, &row.iban, &row.bic);
            facts.push((language.t("field-end-to-end"), Value::code(row.end_to_end)));
            facts.push((language.t("col-state"), super::payouts::payout_state(language, row.state.name())));
            facts
        }),
        Command::AssignSuspense(assign) => {
            let mut facts = bank_line(conn, language, assign.line_id)?;
            facts.push((language.t("request-goes-to"), Value::text(owner_of(conn, &assign.reference)?)));
            facts
        }
        Command::ReturnSuspense(back) => bank_line(conn, language, back.line_id)?,
        Command::TakeBackLine(back) => {
            let mut facts = bank_line(conn, language, back.line_id)?;
            // Once this or another act is done, there is no effect left to show.
            let plan = BankLine::find(conn, back.line_id)?.map(|line| take_back_line::plan(conn, line).map_err(Fault::from));
            match plan.transpose() {
                Ok(Some(plan)) => facts.extend(super::bank::take_back_facts(conn, language, &plan)?),
                Ok(None) | Err(Fault::Refused(_)) => {}
                Err(fault) => return Err(fault),
            }
            facts
        }
        Command::RecordReceipt(receipt) => {
            let own = crate::commands::bank::custody::receiving(conn, receipt.account_id, &receipt.currency);
            let mut facts = vec![(language.t("request-goes-to"), Value::text(owner_of(conn, &receipt.reference)?))];
            facts.extend(own.ok().map(|row| (language.t("custody-account"), Value::code(row.iban))));
            facts
        }
        Command::SetApprovalLimit(limit) => {
            let before = store::parties::find_approval_limit(conn, party_id, &limit.currency)?;
            let before_day = before.as_ref().and_then(|row| row.day_minor);
            let day = |minor: Option<i64>| match minor {
                Some(minor) => Value::money(&limit.currency, minor),
                None => Value::text(language.t("limits-no-day")),
            };
            vec![
                (language.t("limits-above"), Value::money(&limit.currency, limit.limit_minor)),
                (language.t("request-before"), Value::money(&limit.currency, before.as_ref().map_or(0, |row| row.limit_minor))),
                (language.t("limits-day"), day(limit.day_minor.unwrap_or(before_day))),
                (language.t("request-before"), day(before_day)),
            ]
        }
        Command::SetIssueTerms(terms) => {
            let before = store::days::find_issue_terms(conn, &terms.currency)?;
            before.map_or_else(Vec::new, |row| terms_before(language, &row))
        }
        Command::ProposeProgramme(proposed) => return super::programmes::meaning(conn, language, proposed),
        Command::DecideProgramme(decision) => super::programmes::version_facts(conn, language, decision.version_id)?,
        Command::ChangeProgramme(change) => super::programmes::standing_facts(conn, language, change.programme_id)?,
        Command::CorrectCompany(correct) => return super::corrections::meaning(conn, language, correct),
        Command::CorrectAddress(correct) => super::addresses::asked(conn, language, party_id, (correct.user_id, &correct.email))?,
        Command::CorrectAdministratorAddress(correct) => {
            super::addresses::asked(conn, language, party_id, (correct.user_id, &correct.email))?
        }
        Command::SetBuyerLimit(limit) => buyer_limit(conn, language, party_id, limit)?,
        Command::SetHoliday(holiday) => calendar_day(conn, language, holiday)?,
        Command::ResetFactor(reset) => {
            let found = User::find(conn, reset.user_id)?.filter(|user| user.party_id == party_id);
            found.map_or_else(Vec::new, |user| {
                vec![(language.t("col-person"), Value::text(user.name)), (language.t("field-email"), Value::text(user.email))]
            })
        }
        Command::ChangeUser(change) => {
            let found = User::find(conn, change.user_id)?.filter(|user| user.party_id == party_id);
            if let Some(user) = found {
                let behind = super::org::sponsor_facts(conn, language, &user)?;
                let mut facts = vec![
                    (language.t("col-person"), Value::text(user.name)),
                    (language.t("field-email"), Value::text(user.email)),
                    (language.t("request-before"), Value::text(roles_text(language, &user.roles))),
                ];
                facts.extend(behind);
                facts
            } else {
                Vec::new()
            }
        }
        // The subject of these stands in their own fields, or on a page of its own (`bank_request.rs`, `reviews.rs`).
        Command::DecideReview(_)
        | Command::ExplainStatement(_)
        | Command::ImportStatement(_)
        | Command::ImportStatus(_)
        | Command::InviteUser(_) => Vec::new(),
        Command::ResolveLine(wanted) => return super::bank_decisions::sides(conn, language, wanted),
        // No second person is asked about these.
        Command::AcceptInvitation(_)
        | Command::AcknowledgeAssignment(_)
        | Command::AnswerByLink(_)
        | Command::AnswerInvoice(_)
        | Command::AnswerProgrammeInvitation(_)
        | Command::AttachEvidence(_)
        | Command::CancelPayout(_)
        | Command::ChangePassword(_)
        | Command::CloseDay(_)
        | Command::ConfirmAddress(_)
        | Command::ContinueImport(_)
        | Command::DecideApproval(_)
        | Command::DisputeInvoice(_)
        | Command::DraftConfirmationList(_)
        | Command::DraftPayables(_)
        | Command::EndContact(_)
        | Command::EndMembership(_)
        | Command::EndSessions(_)
        | Command::EnrolTotp(_)
        | Command::ExplainInvoice(_)
        | Command::FoundPlatform(_)
        | Command::InspectOffer(_)
        | Command::InviteCompany(_)
        | Command::InviteToProgramme(_)
        | Command::KeepBankFile(_)
        | Command::QueueMails(_)
        | Command::RecordCheckpoint(_)
        | Command::RecordConfirmed(_)
        | Command::RecordMail(_)
        | Command::RecordSignInFailure(_)
        | Command::RefuseBankFile(_)
        | Command::RegisterInvoice(_)
        | Command::RegisterTable(_)
        | Command::RequestAddress(_)
        | Command::RequestCode(_)
        | Command::RequestPasswordReset(_)
        | Command::ResetPassword(_)
        | Command::RetryMail(_)
        | Command::RevokeLink(_)
        | Command::RevokeSessions(_)
        | Command::SendLink(_)
        | Command::SetPreferences(_)
        | Command::SettleDispute(_)
        | Command::ShareAllowances(_)
        | Command::SharePayment(_)
        | Command::SignIn(_)
        | Command::SubmitInvoice(_)
        | Command::TellCode(_)
        | Command::TouchSession(_)
        | Command::WithdrawApproved(_)
        | Command::WithdrawInvoice(_)
        | Command::WithdrawOffer(_)
        | Command::WithdrawRequest(_)
        | Command::WriteMessage(_) => Vec::new(),
    };
    Ok(if facts.is_empty() { Vec::new() } else { vec![Block::Facts(facts)] })
}

/// One of the platform's accounts at banks.
fn custody(conn: &mut Conn, language: Language, id: CustodyId) -> Result<Facts, Fault> {
    let found = store::CustodyAccount::find(conn, id)?;
    Ok(found.map_or_else(Vec::new, |row| super::custody_accounts::account_facts(language, &row)))
}

fn payee(language: Language, holder: &str, iban: &str, bic: &str) -> Facts {
    let mut facts = vec![
        (language.t("field-holder"), Value::text(holder)),
        // The whole of it: a second person compares it with the bank's letter.
        (language.t("field-iban"), Value::code(iban)),
    ];
    if !bic.is_empty() {
        facts.push((language.t("field-bic"), Value::code(bic)));
    }
    facts
}

/// Warnings that should make two operators ask once more: another holder's name, or an account that another company also has.
pub fn account_doubts(conn: &mut Conn, language: Language, account: &BankAccount, party: &Party) -> Result<Facts, Fault> {
    let mut facts = Vec::new();
    if !domain::names::is_holder(&account.holder, &party.name) {
        facts.push((
            language.t("account-doubt"),
            Value::text(language.fill("account-other-holder", &[("name", party.name.clone())])),
        ));
    }
    for other in store::parties::list_accounts_of_others(conn, account.party_id, &account.iban)? {
        let name = Party::find(conn, other.party_id)?.map(|owner| owner.name).unwrap_or_default();
        facts.push((language.t("account-doubt"), Value::text(language.fill("account-also-of", &[("name", name)]))));
    }
    Ok(facts)
}

fn traded(language: Language, (supplier, buyer, number): (&str, &str, &str), receivable: &Receivable) -> Facts {
    vec![
        (language.t("col-supplier"), Value::text(supplier)),
        (language.t("col-buyer"), Value::text(buyer)),
        (language.t("col-number"), Value::code(number)),
        (language.t("col-confirmed"), Value::money(&receivable.currency, receivable.confirmed_minor)),
        (language.t("col-payment-date"), Value::date(language, receivable.payment_date)),
    ]
}

/// The company's exposure to the buyer and its cash after a purchase, as its maker saw them. The request's own hold counts as
/// used already.
fn after_purchase(
    conn: &mut Conn,
    language: Language,
    (party_id, buy): (PartyId, &BuyFractions),
    receivable: &Receivable,
) -> Result<Facts, Fault> {
    let currency = receivable.currency.as_str();
    let limit = market::find_buyer_limit(conn, party_id, receivable.buyer_id, currency)?;
    let known = domain::Currency::parse(currency).ok_or_else(|| Fault::Failed("currency".to_owned()))?;
    let accounts = store::journal::list_accounts(conn, &[AccountKey::cash(party_id, currency_asset(known))])?;
    let cash_minor = accounts.first().map_or(0, |account| account.balance.saturating_sub(account.held));
    let same = |held: &PurchaseHold| (held.units_minor, held.price_minor) == (buy.units_minor, buy.price_minor);
    let held = market::list_open_purchase_holds(conn, buy.offer_id, party_id)?.iter().any(same);
    let (units_minor, price_minor) = if held { (0, 0) } else { (buy.units_minor, buy.price_minor) };
    let used_minor = limit.map_or(0, |limit| limit.used_minor);
    Ok(vec![
        (language.t("market-exposure-after"), Value::money(currency, used_minor.saturating_add(units_minor))),
        (language.t("market-cash-after"), Value::money(currency, cash_minor.saturating_sub(price_minor))),
    ])
}

/// The all-in price of `units_minor` today; empty when there is no price any more.
fn priced(
    conn: &mut Conn,
    language: Language,
    receivable: &Receivable,
    terms: &PriceTerms,
    (units_minor, for_supplier): (i64, bool),
) -> Result<Vec<Block>, Fault> {
    let today = store::records::load_heads(conn)?.business_date;
    Ok(quote(units_minor, terms, today)
        .map_or_else(|_| Vec::new(), |quote| quote_blocks(language, &receivable.currency, &quote, for_supplier)))
}

fn bank_line(conn: &mut Conn, language: Language, id: BankLineId) -> Result<Facts, Fault> {
    let Some(line) = BankLine::find(conn, id)? else { return Ok(Vec::new()) };
    Ok(vec![
        (language.t("col-amount"), Value::money(&line.currency, line.amount_minor)),
        (language.t("col-value-date"), Value::date(language, line.value_date)),
        (language.t("col-counterparty"), Value::text(line.counterparty)),
        (language.t("field-iban"), Value::code(line.counterparty_iban)),
        (language.t("field-remittance"), Value::text(line.remittance)),
    ])
}

/// A financier's limit for a buyer: what it is now, how much of it is used, and what it would be.
fn buyer_limit(conn: &mut Conn, language: Language, party_id: PartyId, limit: &SetBuyerLimit) -> Result<Facts, Fault> {
    let Some(buyer) = Party::find(conn, limit.buyer_id)? else { return Ok(Vec::new()) };
    let before = market::find_buyer_limit(conn, party_id, buyer.id, &limit.currency)?;
    let (limit_minor, used_minor) = before.map_or((0, 0), |row| (row.limit_minor, row.used_minor));
    Ok(vec![
        (language.t("col-buyer"), Value::text(buyer.name)),
        (language.t("exposure-limit"), Value::money(&limit.currency, limit.limit_minor)),
        (language.t("request-before"), Value::money(&limit.currency, limit_minor)),
        (language.t("exposure-used"), Value::money(&limit.currency, used_minor)),
    ])
}

/// A day of a currency's calendar: what it is now, what it would be, and how many receivables are due on it.
fn calendar_day(conn: &mut Conn, language: Language, holiday: &SetHoliday) -> Result<Facts, Fault> {
    let opens = settlement::calendar(conn, &holiday.currency)?.is_business_day(holiday.day);
    let kind = |business: bool| Value::text(language.t(if business { "calendar-open" } else { "calendar-closed" }));
    let due = receivables::count_payable_on(conn, &holiday.currency, holiday.day)?;
    Ok(vec![
        (language.t("calendar-kind"), kind(holiday.business)),
        (language.t("request-before"), kind(opens)),
        (language.t("calendar-due"), Value::number(due)),
    ])
}

/// The company, or a receivable's supplier and buyer, that a creditor reference names.
fn owner_of(conn: &mut Conn, reference: &str) -> Result<String, Fault> {
    let normal = domain::creditor_reference::validate(reference).unwrap_or_default();
    if let Some(row) = receivables::find_receivable_by_reference(conn, &normal)? {
        let invoice = InvoiceLine::find(conn, row.invoice_id.0)?;
        return Ok(invoice.map(|line| format!("{} · {} · {}", line.number, line.supplier, line.buyer)).unwrap_or_default());
    }
    Ok(store::parties::find_by_reference(conn, &normal)?.map(|party| party.name).unwrap_or_default())
}

fn terms_before(language: Language, row: &IssueTermsRow) -> Facts {
    let before = |key: &str| format!("{}: {}", language.t("request-before"), language.t(key));
    vec![
        (before("terms-reserve"), bps(language, row.reserve_bps)),
        (before("terms-settlement-fee"), bps(language, row.settlement_fee_bps)),
        (before("terms-purchase-fee"), bps(language, row.purchase_fee_bps)),
        (before("terms-minimum-fee"), Value::money(&row.currency, row.minimum_fee_minor)),
        (before("field-minimum-ticket"), Value::money(&row.currency, row.minimum_ticket_minor)),
        (before("terms-late-rate"), Value::text(format!("{} % {}", row.late_rate, row.late_day_count))),
        (before("terms-grace"), Value::number(row.grace_days)),
        (before("field-tolerated-overdue-days"), Value::number(row.tolerated_overdue_days.unwrap_or(0))),
        (before("field-notice-credit-minor"), Value::money(&row.currency, super::ops::announced_minor(row))),
    ]
}
