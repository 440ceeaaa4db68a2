//! A fresh code for one act (step-up): the data that it is bound to, and its use. The commit of the act uses the code up, so that
//! it counts once.

use crate::batch::{Batch, Step};
use crate::commands::bank::create_payment_file::payment_list;
use crate::commands::{Actor, Applied, Command};
use crate::view::View;
use chrono::NaiveDateTime;
use domain::Refusal;
use domain::confirmation_list::sums;
use kernel::{ApprovalId, BankLineId, CustodyId, UserId};
use store::confirmations::list_amounts;
use store::records::Keyed;
use store::{Approval, BankAccount, BankLine, ConfirmationList, Conn, CustodyAccount, Invoice, Party, StoreError, User};

/// The factors with which the people of an act have proven who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The maker's factors, as evidence says them; empty where no session stands behind the act.
    pub made_with: String,
    /// The same of the second person.
    pub agreed_with: String,
    /// The code that was given for this act.
    pub code: Option<ActCode>,
}

impl Proof {
    pub const NONE: Self = Self { made_with: String::new(), agreed_with: String::new(), code: None };

    /// How those who signed a list and agreed to it had, for whatever is confirmed by it later.
    #[must_use]
    pub fn of_list(list: &ConfirmationList) -> Self {
        Self { made_with: list.signed_with.clone(), agreed_with: list.approved_with.clone(), code: None }
    }
}

/// A right code for one act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActCode {
    /// Its time step (RFC 6238), which is used up by the act.
    pub step: i64,
    /// The digest of what it is bound to.
    pub digest: String,
}

/// The factors of a session and of the code for the act, as evidence says them.
#[must_use]
pub fn factors(session_code_at: Option<NaiveDateTime>, act_code_at: Option<NaiveDateTime>) -> String {
    let moment = |at: NaiveDateTime| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut text = match session_code_at {
        Some(at) => format!("password+totp, code at {}", moment(at)),
        None => "password".to_owned(),
    };
    if let Some(at) = act_code_at {
        text.push_str(&format!(", code for this act at {}", moment(at)));
    }
    text
}

/// Facts that a person reads above the code, and to which the code is bound beside the command's input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// Whether it may not happen without a code. A confirmation below the company's limit may.
    pub needed: bool,
    /// The command that takes effect; where a person agrees to a request, this is the request's command.
    pub command: String,
    /// Currency and minor units.
    pub amounts: Vec<(String, i64)>,
    /// The person or company concerned: who gets the money, or whose roles change.
    pub payee: String,
    /// The account that the money goes to, whole.
    pub account: String,
}

/// The digest of the exact input and of the facts around it, such as the account that is verified now.
#[must_use]
pub fn digest(command: &Command, bound: &Bound) -> String {
    let amounts: Vec<String> = bound.amounts.iter().map(|(currency, minor)| format!("{currency} {minor}")).collect();
    let lines = [command.name(), &command.input(), &bound.command, &amounts.join(","), &bound.payee, &bound.account];
    let text: Vec<String> = lines.iter().map(|line| format!("{} {line}", line.len())).collect();
    crate::hash::sha256_hex(text.join("\n").as_bytes())
}

/// The facts to which a code for this command of this actor is bound now; nothing where the command needs no code.
pub fn bound(conn: &mut Conn, actor: &Actor, command: &Command) -> Result<Option<Bound>, StoreError> {
    if !command.step_up() {
        return Ok(None);
    }
    let mut found = facts(conn, actor, command)?;
    if found.command.is_empty() {
        command.name().clone_into(&mut found.command);
    }
    Ok(Some(found))
}

fn facts(conn: &mut Conn, actor: &Actor, command: &Command) -> Result<Bound, StoreError> {
    let about = |payee: &str| Bound { needed: true, payee: payee.to_owned(), ..Bound::default() };
    let amount = |currency: &str, minor: i64| vec![(currency.to_owned(), minor)];
    Ok(match command {
        Command::RequestPayout(payout) => {
            let found = store::parties::find_verified_account(conn, actor.party_id, &payout.currency)?;
            let amounts = amount(&payout.currency, payout.amount_minor);
            Bound { amounts, ..found.map_or_else(|| about(""), |row| to_account(&row.holder, &row.iban)) }
        }
        Command::ProposeBankAccount(proposed) => to_account(&proposed.holder, &proposed.iban),
        Command::OpenCustodyAccount(opened) => to_account(&opened.holder, &opened.iban),
        Command::ChooseCustodyAccount(chosen) => own_account(conn, chosen.account_id)?,
        Command::CloseCustodyAccount(closed) => own_account(conn, closed.account_id)?,
        Command::DecideBankAccount(decision) => {
            BankAccount::find(conn, decision.account_id)?.map_or_else(|| about(""), |row| to_account(&row.holder, &row.iban))
        }
        Command::CreatePaymentFile(file) => match domain::Currency::parse(&file.currency) {
            Some(known) => {
                let payouts = payment_list(conn, known, file.through)?;
                let total_minor = payouts.iter().fold(0_i64, |sum, row| sum.saturating_add(row.amount_minor));
                Bound { amounts: amount(known.code(), total_minor), ..about("") }
            }
            None => about(""),
        },
        Command::ConfirmInvoice(confirm) => match Invoice::find(conn, confirm.invoice_id)? {
            Some(invoice) => {
                let supplier = Party::load(conn, invoice.supplier_id)?.name;
                above_limit(conn, actor, amount(&invoice.currency, confirm.amount_minor), supplier)?
            }
            None => about(""),
        },
        Command::ConfirmList(confirm) => {
            let own = ConfirmationList::find(conn, confirm.list_id)?.is_some_and(|list| list.party_id == actor.party_id);
            let lines = if own { list_amounts(conn, confirm.list_id)? } else { Vec::new() };
            let amounts = sums(lines.iter().map(|row| (row.currency.as_str(), row.amount_minor)));
            above_limit(conn, actor, amounts.into_iter().collect(), String::new())?
        }
        Command::SetApprovalLimit(limit) => Bound { amounts: amount(&limit.currency, limit.limit_minor), ..about("") },
        Command::InviteUser(invite) => about(&invite.email),
        Command::AppointChecker(appoint) => about(&appoint.email),
        Command::ChangeUser(change) => about(&person(conn, actor, change.user_id)?),
        Command::CorrectAddress(correct) => about(&correct.email),
        Command::CorrectAdministratorAddress(correct) => about(&correct.email),
        Command::CorrectCompany(correct) => about(&correct.data.name),
        Command::ResetFactor(reset) => about(&person(conn, actor, reset.user_id)?),
        Command::EndSessions(end) => about(&person(conn, actor, end.user_id)?),
        Command::SetBuyerLimit(limit) => {
            let buyer = Party::find(conn, limit.buyer_id)?.map(|party| party.name).unwrap_or_default();
            Bound { amounts: amount(&limit.currency, limit.limit_minor), ..about(&buyer) }
        }
        Command::RecordContact(contact) => about(&contact.email),
        Command::RecordReceipt(receipt) => {
            Bound { amounts: amount(&receipt.currency, receipt.amount_minor), ..about(&receipt.reference) }
        }
        Command::AssignSuspense(assign) => Bound { payee: assign.reference.clone(), ..line(conn, assign.line_id)? },
        Command::ReturnSuspense(back) => line(conn, back.line_id)?,
        Command::TakeBackLine(back) => line(conn, back.line_id)?,
        Command::ResolveLine(resolve) => line(conn, resolve.line_id)?,
        Command::DecideApproval(decision) => return request(conn, actor, decision.approval_id, decision.approve),
        _ => about(""),
    })
}

fn to_account(holder: &str, account: &str) -> Bound {
    Bound { needed: true, payee: holder.to_owned(), account: account.to_owned(), ..Bound::default() }
}

/// One of the platform's accounts at banks.
fn own_account(conn: &mut Conn, id: CustodyId) -> Result<Bound, StoreError> {
    let found = CustodyAccount::find(conn, id)?;
    Ok(found.map_or_else(|| to_account("", ""), |row| to_account(&row.holder, &row.iban)))
}

/// A colleague by name and address.
fn person(conn: &mut Conn, actor: &Actor, id: UserId) -> Result<String, StoreError> {
    let found = User::find(conn, id)?.filter(|user| user.party_id == actor.party_id);
    Ok(found.map(|user| format!("{} <{}>", user.name, user.email)).unwrap_or_default())
}

/// A bank line: its amount, and the account that it came from.
fn line(conn: &mut Conn, id: BankLineId) -> Result<Bound, StoreError> {
    let Some(row) = BankLine::find(conn, id)? else { return Ok(Bound { needed: true, ..Bound::default() }) };
    Ok(Bound { amounts: vec![(row.currency, row.amount_minor)], ..to_account(&row.counterparty, &row.counterparty_iban) })
}

/// A confirmation: a code is needed where an amount is above one person's limit. A company without a limit always needs one.
fn above_limit(conn: &mut Conn, actor: &Actor, amounts: Vec<(String, i64)>, payee: String) -> Result<Bound, StoreError> {
    let mut needed = false;
    for (currency, minor) in &amounts {
        let limit = store::parties::find_approval_limit(conn, actor.party_id, currency)?;
        needed = needed || limit.is_none_or(|limit| *minor > limit.limit_minor);
    }
    Ok(Bound { needed, amounts, payee, ..Bound::default() })
}

/// To agree to a request is as good as to make it: the code is bound to the same facts. To turn a request down needs no code.
fn request(conn: &mut Conn, actor: &Actor, approval_id: ApprovalId, agrees: bool) -> Result<Bound, StoreError> {
    let found = Approval::find(conn, approval_id)?.filter(|row| row.party_id == actor.party_id);
    let Some(row) = found else { return Ok(Bound { needed: agrees, ..Bound::default() }) };
    let maker = Actor::person(row.party_id, row.maker_id);
    let inner = match Command::read(&row.command, &row.body) {
        Some(command) => bound(conn, &maker, &command)?.unwrap_or_default(),
        None => Bound::default(),
    };
    let amounts = match row.amount_minor {
        Some(minor) if inner.amounts.is_empty() => vec![(row.currency, minor)],
        _ => inner.amounts,
    };
    Ok(Bound { needed: agrees, command: row.command, amounts, ..inner })
}

/// Checks before the command that its code is fresh, and that the act for which it was given is still the same. A lock of
/// sign-ins stops no session.
pub(crate) fn check(view: &mut dyn View, actor: &Actor, command: &Command) -> Step<()> {
    let Some(code) = &actor.proof.code else { return Ok(()) };
    let user = User::load(view.conn(), actor.user_id)?;
    if user.totp_secret.is_empty() || code.step <= user.totp_last_step {
        return Err(Refusal::TotpWrong.into());
    }
    let now = bound(view.conn(), actor, command)?.unwrap_or_default();
    if digest(command, &now) == code.digest { Ok(()) } else { Err(Refusal::StepUpMismatch.into()) }
}

/// After the command, in the same commit: the code counts for nothing else.
pub(crate) fn use_up(batch: &mut Batch<'_>, actor: &Actor) -> Applied<()> {
    let Some(code) = &actor.proof.code else { return Ok(()) };
    let mut user = User::load(batch.conn, actor.user_id)?;
    user.totp_last_step = code.step;
    user.failed_count = 0;
    Ok(batch.update(&user)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bank::request_payout::RequestPayout;

    #[test]
    fn the_digest_follows_every_fact() {
        let payout = |amount_minor| Command::from(RequestPayout { currency: "EUR".to_owned(), amount_minor });
        let plain = Bound { needed: true, command: "request_payout".to_owned(), ..to_account("Ann", "DE1") };
        let wanted = digest(&payout(5), &plain);
        assert_eq!(wanted, digest(&payout(5), &plain.clone()));
        for (command, other) in [
            (payout(6), plain.clone()),
            (payout(5), Bound { account: "DE2".to_owned(), ..plain.clone() }),
            (payout(5), Bound { payee: "Ann\nDE1".to_owned(), ..plain.clone() }),
            (payout(5), Bound { amounts: vec![("EUR".to_owned(), 5)], ..plain.clone() }),
            (payout(5), Bound { command: "decide_approval".to_owned(), ..plain.clone() }),
        ] {
            assert_ne!(digest(&command, &other), wanted, "{other:?}");
        }
    }

    #[test]
    fn evidence_names_the_session_and_the_act() {
        let at = |text: &str| Some(text.parse::<NaiveDateTime>().unwrap());
        assert_eq!(factors(None, None), "password");
        assert_eq!(factors(at("2026-11-29T21:00:00"), None), "password+totp, code at 2026-11-29T21:00:00Z");
        let both = factors(at("2026-11-29T21:00:00"), at("2026-11-29T21:40:30"));
        assert!(both.ends_with(", code for this act at 2026-11-29T21:40:30Z"), "{both}");
    }
}
