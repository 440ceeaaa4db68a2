//! Which command must succeed, which must be refused and with what code: a second version of the rules.

use super::arithmetic::{self, price, share_up};
use super::model::{Approval, CURRENCIES, Company, Held, Line, Model, Receivable, asset_of};
use chrono::{Days, NaiveDate};
use formats::invoice::Preceding;
use server::commands::bank::assign_suspense::AssignSuspense;
use server::commands::bank::create_payment_file::CreatePaymentFile;
use server::commands::bank::import_statement::ImportStatement;
use server::commands::bank::record_receipt::RecordReceipt;
use server::commands::bank::request_payout::RequestPayout;
use server::commands::bank::resolve_line::ResolveLine;
use server::commands::bank::take_back_line::TakeBackLine;
use server::commands::cases::decide_review::DecideReview;
use server::commands::confirmations::confirm_invoice::ConfirmInvoice;
use server::commands::days::set_holiday::SetHoliday;
use server::commands::days::set_issue_terms::SetIssueTerms;
use server::commands::invoices::register_invoice::RegisterInvoice;
use server::commands::kit::decide_approval::DecideApproval;
use server::commands::market::buy_fractions::BuyFractions;
use server::commands::market::create_offer::CreateOffer;
use server::commands::parties::set_approval_limit::SetApprovalLimit;
use server::commands::{Actor, Command};
use server::hash::sha256_hex;

/// The code of a refusal.
pub type No = &'static str;

/// The required result of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    Done,
    /// A second person is asked.
    Asks,
    Refused(No),
    /// The key did this before.
    Repeated,
}

/// Where a payment leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Company(i64),
    Receivable(i64),
}

/// The cost of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub price: i128,
    pub fee: i128,
}

/// The identity of an input: command, person and content.
#[must_use]
pub fn fingerprint(actor: &Actor, command: &Command) -> String {
    format!("{} {} {}", command.name(), actor.user_id, command.input())
}

/// The number as it is compared: capitals and digits, leading zeros dropped.
#[must_use]
pub fn plain_number(number: &str) -> String {
    number
        .chars()
        .filter(|mark| mark.is_ascii_alphanumeric())
        .collect::<String>()
        .to_uppercase()
        .trim_start_matches('0')
        .to_owned()
}

/// The number as a hurried eye sees it.
fn glance(number: &str) -> String {
    plain_number(number).replace('O', "0").replace(['I', 'L'], "1")
}

/// The number without a letter behind its last digit, as on a second copy.
fn without_letter(number: &str) -> Option<String> {
    let number = plain_number(number);
    let rest = number.strip_suffix(|mark: char| mark.is_ascii_uppercase())?;
    rest.ends_with(|mark: char| mark.is_ascii_digit()).then(|| glance(rest))
}

fn require(holds: bool, otherwise: No) -> Result<(), No> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn known_currency(code: &str) -> Result<(), No> {
    require(CURRENCIES.contains(&code), "currency_unknown")
}

impl Model {
    #[must_use]
    pub fn expect(&self, actor: &Actor, key: &str, command: &Command) -> Expected {
        if let Some(known) = self.keys.get(&(actor.party_id.0, key.to_owned())) {
            let same = known.fingerprint == fingerprint(actor, command);
            return if same { Expected::Repeated } else { Expected::Refused("idempotency_key_reused") };
        }
        let decided = self.asks(actor, command).and_then(|asks| {
            if asks {
                return Ok(Expected::Asks);
            }
            self.may(actor, command).map(|()| Expected::Done)
        });
        decided.unwrap_or_else(Expected::Refused)
    }

    pub fn acting(&self, actor: &Actor, capacity: &str) -> Result<&Company, No> {
        let company = self.companies.get(&actor.party_id.0).ok_or("not_found")?;
        require(company.active, "company_not_active")?;
        require(company.is(capacity), "capacity_missing")?;
        Ok(company)
    }

    fn above_limit(&self, actor: &Actor, currency: &str, amount: i64) -> bool {
        i128::from(amount) > self.room(actor, currency)
    }

    /// The amount that the actor may still do alone today.
    fn room(&self, actor: &Actor, currency: &str) -> i128 {
        let Some((at_once, a_day)) = self.approval_limits.get(&(actor.party_id.0, currency.to_owned())).copied() else {
            return 0;
        };
        let done = self.alone.get(&(actor.party_id.0, currency.to_owned())).filter(|(day, _)| *day == self.today);
        let left = a_day.map_or(at_once, |most| most - done.map_or(0, |(_, sum)| *sum));
        at_once.min(left).max(0)
    }

    /// The limit of the day that will hold: the requested one, or else the present one.
    pub fn day_of(&self, party: i64, limit: &SetApprovalLimit) -> Option<i128> {
        let known = || self.approval_limits.get(&(party, limit.currency.clone())).and_then(|(_, a_day)| *a_day);
        limit.day_minor.map_or_else(known, |said| said.map(i128::from))
    }

    fn may_limit(&self, actor: &Actor, limit: &SetApprovalLimit) -> Result<(), No> {
        let (at_once, most) = (i128::from(limit.limit_minor), i128::from(domain::money::MOST_BOOKED_MINOR));
        known_currency(&limit.currency)?;
        require((0..=most).contains(&at_once), "amount_invalid")?;
        require(self.day_of(actor.party_id.0, limit).is_none_or(|day| (at_once..=most).contains(&day)), "amount_invalid")
    }

    /// Whether a second person must agree, or why the request is refused at once.
    fn asks(&self, actor: &Actor, command: &Command) -> Result<bool, No> {
        let asks = self.takes_two(actor, command)?;
        if asks {
            self.somebody_else_checks(actor)?;
        }
        Ok(asks)
    }

    fn takes_two(&self, actor: &Actor, command: &Command) -> Result<bool, No> {
        match command {
            Command::BuyFractions(buy) => {
                self.acting(actor, "financier")?;
                let offer = self.offers.get(&buy.offer_id.0).ok_or("not_found")?;
                let currency = &self.receivables[&offer.receivable].currency;
                Ok(self.may_buy(actor, buy)?.price > self.room(actor, currency))
            }
            Command::CreateOffer(offer) => {
                let currency = self.may_offer(actor, offer)?.currency.clone();
                Ok(self.above_limit(actor, &currency, offer.units_minor))
            }
            Command::ConfirmInvoice(confirm) => {
                self.may_confirm(actor, confirm)?;
                let currency = &self.invoices[&confirm.invoice_id.0].currency;
                Ok(self.above_limit(actor, currency, confirm.amount_minor))
            }
            Command::RequestPayout(payout) => {
                self.may_pay_out(actor, payout)?;
                Ok(self.above_limit(actor, &payout.currency, payout.amount_minor))
            }
            Command::RecordReceipt(receipt) => self.may_record(actor, receipt).map(|_| true),
            Command::AssignSuspense(assign) => {
                require(!assign.reason.trim().is_empty(), "field_missing")?;
                self.acting(actor, "operator")?;
                self.may_assign(assign)?;
                self.may_ask_about(assign.line_id.0).map(|()| true)
            }
            Command::ReturnSuspense(back) => {
                self.acting(actor, "operator")?;
                require(!back.reason.trim().is_empty(), "field_missing")?;
                self.waiting_line(back.line_id.0)?;
                self.may_ask_about(back.line_id.0)?;
                self.may_return(back.line_id.0).map(|()| true)
            }
            Command::ResolveLine(resolve) => {
                self.may_resolve(actor, resolve)?;
                self.may_ask_about(resolve.line_id.0)?;
                let other = resolve.other_id.map_or(0, |id| id.0);
                match resolve.act.as_str() {
                    "same" | "settle_claim" => self.may_ask_about(other)?,
                    "reverse" => self.may_ask_about(self.booked_by(other))?,
                    _ => {}
                }
                Ok(true)
            }
            Command::TakeBackLine(back) => {
                self.may_take_back(actor, back)?;
                self.may_ask_about(back.line_id.0)?;
                let line = &self.lines[&back.line_id.0];
                if ["same", "claim_payment", "reverse"].contains(&Self::way_back(line).unwrap_or("")) {
                    self.may_ask_about(line.twin.unwrap_or(0))?;
                }
                Ok(true)
            }
            Command::CreatePaymentFile(file) => self.may_send(actor, file).map(|()| true),
            Command::SetIssueTerms(terms) => self.may_set_terms(actor, terms).map(|()| true),
            Command::SetHoliday(holiday) => self.may_set_holiday(actor, holiday).map(|()| true),
            Command::DecideReview(decision) => {
                let invoice = self.may_review(actor, decision)?;
                Ok(decision.clear || self.receivables.values().any(|receivable| receivable.invoice == invoice))
            }
            Command::SetApprovalLimit(limit) => {
                self.may_limit(actor, limit)?;
                let known = self.approval_limits.get(&(actor.party_id.0, limit.currency.clone())).copied();
                let (at_once, a_day) = known.unwrap_or((0, None));
                let longer = match (self.day_of(actor.party_id.0, limit), a_day) {
                    (_, None) => false,
                    (None, Some(_)) => true,
                    (Some(now), Some(before)) => now > before,
                };
                if i128::from(limit.limit_minor) <= at_once && (limit.limit_minor == 0 || !longer) {
                    return Ok(false);
                }
                Ok(true)
            }
            Command::SetBuyerLimit(limit) => {
                self.may(actor, command)?;
                let known = self.limits.get(&(actor.party_id.0, limit.buyer_id.0, limit.currency.clone()));
                let raises = i128::from(limit.limit_minor) > known.map_or(0, |known| known.limit);
                // A house of one person raises it as far as it may act alone.
                let alone = || i128::from(limit.limit_minor) <= self.room(actor, &limit.currency);
                Ok(raises && !(self.somebody_else_checks(actor).is_err() && alone()))
            }
            Command::DecideCompany(decision) => self.may(actor, command).map(|()| decision.status == "active"),
            Command::ChangeProgramme(change) => {
                self.may_change_programme(actor, change)?;
                self.may_ask_about_programme(change.programme_id.0).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// A person is never its own second person, and each company here has one checker.
    fn somebody_else_checks(&self, actor: &Actor) -> Result<(), No> {
        require(self.companies[&actor.party_id.0].checker != actor.user_id.0, "second_person_missing")
    }

    /// Whether the command may happen now, whichever person agreed to it.
    pub fn may(&self, actor: &Actor, command: &Command) -> Result<(), No> {
        match command {
            Command::BuyFractions(buy) => self.may_buy(actor, buy).map(|_| ()),
            Command::CreateOffer(offer) => self.may_offer(actor, offer).map(|_| ()),
            Command::WithdrawOffer(withdraw) => {
                self.acting(actor, "supplier")?;
                let offer = self.offers.get(&withdraw.offer_id.0).filter(|offer| offer.supplier == actor.party_id.0);
                require(offer.ok_or("not_found")?.state == "open", "offer_closed")
            }
            Command::RegisterInvoice(register) => self.may_register(actor, register),
            Command::SubmitInvoice(submit) => {
                self.acting(actor, "supplier")?;
                let invoice = self.invoices.get(&submit.invoice_id.0).filter(|invoice| invoice.supplier == actor.party_id.0);
                let invoice = invoice.ok_or("not_found")?;
                require(invoice.review != "open", "under_review")?;
                require(["draft", "expired"].contains(&invoice.state), "state_conflict")?;
                require(invoice.issued <= self.today, "issued_later")?;
                if let Some(due) = invoice.due.or(submit.due_date) {
                    require(due >= self.today + Days::new(15), "due_date_too_close")?;
                    require(!self.is_too_far(due), "due_date_too_far")?;
                }
                require(self.companies[&invoice.buyer].active, "buyer_unknown")
            }
            Command::WithdrawInvoice(withdraw) => {
                self.acting(actor, "supplier")?;
                let invoice = self.invoices.get(&withdraw.invoice_id.0).filter(|invoice| invoice.supplier == actor.party_id.0);
                require(
                    ["draft", "presented", "disputed", "rejected", "expired"].contains(&invoice.ok_or("not_found")?.state),
                    "state_conflict",
                )
            }
            Command::DisputeInvoice(dispute) => {
                self.acting(actor, "buyer")?;
                let theirs = |invoice: &&super::model::Invoice| invoice.buyer == actor.party_id.0 && invoice.answer_by.is_some();
                let invoice = self.invoices.get(&dispute.invoice_id.0).filter(theirs).ok_or("not_found")?;
                require(!dispute.reason.trim().is_empty(), "reason_missing")?;
                require(invoice.state == "presented", "state_conflict")
            }
            Command::SettleDispute(settle) => {
                self.acting(actor, "buyer")?;
                let theirs = |invoice: &&super::model::Invoice| invoice.buyer == actor.party_id.0 && invoice.answer_by.is_some();
                let invoice = self.invoices.get(&settle.invoice_id.0).filter(theirs).ok_or("not_found")?;
                require(invoice.state == "disputed", "state_conflict")
            }
            Command::ConfirmInvoice(confirm) => {
                self.may_confirm(actor, confirm)?;
                let invoice = &self.invoices[&confirm.invoice_id.0];
                let platform = self.terms.get(&invoice.currency).ok_or("currency_unknown")?;
                let under = self.under(invoice, confirm.due_date);
                let reserve_bps = under.map_or(platform.reserve_bps, |(_, programme)| programme.terms.reserve_bps.into());
                let amount = i128::from(confirm.amount_minor);
                require(amount > share_up(amount, reserve_bps), "payable_not_positive")
            }
            Command::SetBuyerLimit(limit) => {
                self.acting(actor, "financier")?;
                known_currency(&limit.currency)?;
                let buyer = self.companies.get(&limit.buyer_id.0).filter(|company| company.is("buyer"));
                buyer.ok_or("not_found")?;
                require((0..=domain::money::MOST_BOOKED_MINOR).contains(&limit.limit_minor), "amount_invalid")
            }
            Command::SetApprovalLimit(limit) => self.may_limit(actor, limit),
            Command::RequestPayout(payout) => self.may_pay_out(actor, payout),
            Command::CancelPayout(cancel) => self.may_cancel(actor, cancel.payout_id.0),
            Command::CreatePaymentFile(file) => self.may_send(actor, file),
            Command::ImportStatement(file) => self.may_import(file),
            Command::RecordReceipt(receipt) => self.may_record(actor, receipt).map(|_| ()),
            Command::AssignSuspense(assign) => {
                self.acting(actor, "operator")?;
                self.may_assign(assign).map(|_| ())
            }
            Command::ReturnSuspense(back) => {
                self.acting(actor, "operator")?;
                self.may_return(back.line_id.0)
            }
            Command::ResolveLine(resolve) => self.may_resolve(actor, resolve),
            Command::TakeBackLine(back) => self.may_take_back(actor, back),
            Command::CloseDay(close) => {
                require(close.date >= self.today, "day_in_past")?;
                require(close.date <= self.today, "day_not_reached")
            }
            Command::DecideApproval(decision) => self.may_decide(actor, decision),
            Command::SetHoliday(holiday) => self.may_set_holiday(actor, holiday),
            Command::SetIssueTerms(terms) => self.may_set_terms(actor, terms),
            Command::DecideReview(decision) => self.may_review(actor, decision).map(|_| ()),
            Command::DecideCompany(decision) => {
                self.acting(actor, "operator")?;
                let company = self.companies.get(&decision.party_id.0).filter(|company| company.id != actor.party_id.0);
                let company = company.ok_or("not_found")?;
                require(!decision.reason.trim().is_empty(), "field_missing")?;
                require(["active", "suspended"].contains(&decision.status.as_str()), "field_invalid")?;
                require(company.active != (decision.status == "active"), "state_conflict")
            }
            Command::ChangeProgramme(change) => self.may_change_programme(actor, change).map(|_| ()),
            Command::InviteToProgramme(invite) => self.may_invite(actor, invite),
            Command::AnswerProgrammeInvitation(answer) => self.may_answer(actor, answer),
            Command::EndMembership(end) => self.may_end_membership(actor, end).map(|_| ()),
            other => unreachable!("the simulation does not send {}", other.name()),
        }
    }

    fn is_too_far(&self, day: NaiveDate) -> bool {
        day > self.today + Days::new(730)
    }

    /// The price of some units of an offer today, or why there is none.
    pub fn quote(&self, offer_id: i64, units: i128) -> Result<Quote, No> {
        let offer = &self.offers[&offer_id];
        let receivable = &self.receivables[&offer.receivable];
        require(receivable.payment_date > self.today, "receivable_matured")?;
        let dates = (self.today, receivable.payment_date);
        let price = price(units, offer.rate, &offer.method, &offer.day_count, dates);
        require(price > 0, "price_not_positive")?;
        let terms = &receivable.terms;
        let fee = arithmetic::nearest(price * terms.purchase_bps, 10_000).max(terms.minimum_fee.min(price / 100));
        require(receivable.buyer_bears || price > fee, "price_not_positive")?;
        Ok(Quote { price, fee })
    }

    pub fn may_buy(&self, actor: &Actor, buy: &BuyFractions) -> Result<Quote, No> {
        self.may_buy_with(actor, buy, Held::default())
    }

    /// The same, where `held` is held for it already.
    fn may_buy_with(&self, actor: &Actor, buy: &BuyFractions, held: Held) -> Result<Quote, No> {
        self.acting(actor, "financier")?;
        let offer = self.offers.get(&buy.offer_id.0).ok_or("not_found")?;
        let receivable = &self.receivables[&offer.receivable];
        let units = i128::from(buy.units_minor);
        require(offer.state != "settled", "sold_out")?;
        require(offer.state == "open" && self.today <= offer.close, "offer_closed")?;
        require(offer.supplier != actor.party_id.0, "own_offer")?;
        require(receivable.buyer != actor.party_id.0, "own_debt")?;
        require(!self.is_held(receivable.invoice), "under_review")?;
        self.may_be_traded(receivable.buyer)?;
        require(units > 0, "amount_invalid")?;
        let left = offer.left + held.units;
        require(units <= left, "sold_out")?;
        require(units >= offer.minimum_ticket || units == left, "below_minimum_ticket")?;
        require(left == units || left - units >= offer.minimum_ticket, "remainder_too_small")?;
        let quote = self.quote(buy.offer_id.0, units)?;
        require(quote.price == i128::from(buy.price_minor), "price_changed")?;
        let limit =
            self.limits.get(&(actor.party_id.0, receivable.buyer, receivable.currency.clone())).copied().unwrap_or_default();
        require(units <= limit.limit - limit.used + held.units, "buyer_limit_exceeded")?;
        let cash = held.price + self.free(("cash", actor.party_id.0, asset_of(&receivable.currency)));
        require(quote.price <= cash, "insufficient_cash")?;
        Ok(quote)
    }

    /// The debt of a stopped buyer, or of one with an overdue payment, cannot be traded.
    fn may_be_traded(&self, buyer: i64) -> Result<(), No> {
        require(self.companies[&buyer].active, "buyer_stopped")?;
        let overdue = self.receivables.values().any(|one| {
            let tolerated = self.terms[&one.currency].tolerated + one.terms.grace_days;
            one.buyer == buyer
                && ["matured", "part_redeemed", "overdue"].contains(&one.state)
                && one.paid < one.confirmed
                && self.today > one.payment_date + Days::new(tolerated.unsigned_abs())
        });
        require(!overdue, "buyer_overdue")
    }

    fn may_offer(&self, actor: &Actor, offer: &CreateOffer) -> Result<&Receivable, No> {
        self.acting(actor, "supplier")?;
        let found = self.receivables.get(&offer.receivable_id.0).filter(|receivable| receivable.supplier == actor.party_id.0);
        let receivable = found.ok_or("not_found")?;
        require(["issued", "active"].contains(&receivable.state), "state_conflict")?;
        let rate = arithmetic::rate(&offer.rate).ok_or("field_invalid")?;
        require(["discount", "yield"].contains(&offer.method.as_str()), "field_invalid")?;
        arithmetic::days(&offer.day_count, self.today, self.today).ok_or("field_invalid")?;
        require(!self.is_held(receivable.invoice), "under_review")?;
        self.may_be_traded(receivable.buyer)?;
        require(receivable.payment_date > self.today, "receivable_matured")?;
        let (units, ticket) = (i128::from(offer.units_minor), i128::from(offer.minimum_ticket_minor));
        require(units > 0, "amount_invalid")?;
        let free = self.free(("holding", actor.party_id.0, offer.receivable_id.0));
        require(units <= free, "not_enough_units")?;
        require(units <= free - (receivable.face - receivable.sellable), "above_advance")?;
        require(rate.millionths > 0 && rate.millionths <= 50_000_000 && rate.digits <= 6, "rate_out_of_range")?;
        let holding = self.amounts(("holding", actor.party_id.0, offer.receivable_id.0));
        let all = holding.balance - (receivable.face - receivable.sellable);
        require(units >= receivable.terms.minimum_ticket || units == all, "below_minimum_ticket")?;
        require(ticket >= receivable.terms.minimum_ticket.min(units) && ticket <= units, "minimum_ticket_invalid")?;
        require(offer.close_date >= self.today && offer.close_date < receivable.payment_date, "close_date_invalid")?;
        Ok(receivable)
    }

    fn may_register(&self, actor: &Actor, register: &RegisterInvoice) -> Result<(), No> {
        let supplier = self.acting(actor, "supplier")?;
        let file = &register.parsed;
        require(self.terms.contains_key(&file.currency), "currency_unknown")?;
        require(!file.number.trim().is_empty(), "field_missing")?;
        let payable = self.read_amount(&file.currency, file.totals.payable).ok_or("amount_invalid")?;
        require(["380", "381"].contains(&file.type_code.as_str()), "document_not_financeable")?;
        require(file.seller.tax_id == supplier.tax_id, "not_the_supplier")?;
        require(payable > 0, "payable_not_positive")?;
        require(payable <= 10_000_000_000_000, "amount_too_large")?;
        require(file.issue_date.is_some_and(|day| day <= self.today + Days::new(1)), "date_invalid")?;
        let buyer = self.companies.values().find(|company| company.tax_id == file.buyer.tax_id && company.is("buyer"));
        let buyer = buyer.ok_or("buyer_unknown")?;
        require(buyer.id != supplier.id, "buyer_is_supplier")?;
        let issued = file.issue_date.unwrap_or(self.today);
        if file.type_code == "381" {
            let named = file.preceding.first().ok_or("field_missing")?;
            let named = &self.invoices[&self.named(supplier.id, named, (buyer.id, &file.currency))?];
            require((named.buyer, &named.currency) == (buyer.id, &file.currency), "named_invoice_unknown")?;
            let credit = (supplier.id, plain_number(&file.number), issued, file.currency.clone(), payable);
            require(!self.credits.contains(&credit), "duplicate_invoice")?;
            let open = ["draft", "presented", "disputed", "expired"].contains(&named.state);
            return require(!open || payable <= named.payable - named.credited, "credit_too_large");
        }
        let twice = self.invoices.values().any(|old| {
            old.supplier == supplier.id
                && plain_number(&old.number) == plain_number(&file.number)
                && (old.issued, &old.currency, old.payable) == (issued, &file.currency, payable)
                && !["withdrawn", "paid"].contains(&old.state)
        });
        require(!twice, "duplicate_invoice")
    }

    /// The live invoice that a credit note means: it has the stated number and day. Where there are several, it is the only one
    /// of its buyer and currency.
    pub fn named(&self, supplier: i64, named: &Preceding, (buyer, currency): (i64, &str)) -> Result<i64, No> {
        let theirs = |invoice: &super::model::Invoice| {
            invoice.supplier == supplier
                && plain_number(&invoice.number) == plain_number(&named.number)
                && !["withdrawn", "rejected"].contains(&invoice.state)
        };
        let numbered: Vec<_> = self.invoices.iter().filter(|(_, invoice)| theirs(invoice)).collect();
        require(!numbered.is_empty(), "named_invoice_unknown")?;
        let of_day: Vec<_> =
            numbered.into_iter().filter(|(_, invoice)| named.issue_date.is_none_or(|day| day == invoice.issued)).collect();
        require(!of_day.is_empty(), "named_invoice_date")?;
        if let [(id, _)] = of_day.as_slice() {
            return Ok(**id);
        }
        let mut fitting = of_day.iter().filter(|(_, invoice)| (invoice.buyer, invoice.currency.as_str()) == (buyer, currency));
        match (fitting.next(), fitting.next()) {
            (Some((id, _)), None) => Ok(**id),
            _ => Err("named_invoice_several"),
        }
    }

    /// A review of the invoice is open, or has refused it.
    fn is_held(&self, invoice: i64) -> bool {
        self.reviews.values().any(|review| review.invoice == invoice && ["open", "refused"].contains(&review.state))
    }

    /// The live invoices that a new one looks like, oldest first. From the same seller they have the same number or one that
    /// looks like it. One more is the oldest that has only the total, the day and the buyer in common with it.
    #[must_use]
    pub fn looks_like(&self, new: &super::model::Invoice) -> Vec<i64> {
        let live = |old: &super::model::Invoice| !["withdrawn", "rejected"].contains(&old.state);
        let numbered = |old: &super::model::Invoice| {
            let copies = |copy: &str, first: &str| without_letter(copy).is_some_and(|rest| rest == glance(first));
            live(old)
                && old.supplier == new.supplier
                && (glance(&old.number) == glance(&new.number)
                    || copies(&new.number, &old.number)
                    || copies(&old.number, &new.number))
        };
        let total_only = |old: &super::model::Invoice| {
            let same = (old.buyer, old.issued, &old.currency, old.payable) == (new.buyer, new.issued, &new.currency, new.payable);
            live(old) && same && !numbered(old)
        };
        // An invoice that was taken back with credit notes on it comes back with them.
        let credited = |old: &super::model::Invoice| {
            ["withdrawn", "rejected"].contains(&old.state)
                && old.credited > 0
                && old.supplier == new.supplier
                && plain_number(&old.number) == plain_number(&new.number)
        };
        let ids = |wanted: &dyn Fn(&super::model::Invoice) -> bool| -> Vec<i64> {
            self.invoices.iter().filter(|(_, old)| wanted(old)).map(|(id, _)| *id).collect()
        };
        let mut alike = ids(&numbered);
        alike.extend(ids(&total_only).into_iter().min());
        alike.sort_unstable();
        [alike, ids(&credited)].concat()
    }

    /// The invoice of the review.
    fn may_review(&self, actor: &Actor, decision: &DecideReview) -> Result<i64, No> {
        self.acting(actor, "operator")?;
        let review = self.reviews.get(&decision.review_id.0).ok_or("not_found")?;
        require(review.state == "open", "review_already_decided")?;
        require(!decision.reason.trim().is_empty(), "reason_missing")?;
        Ok(review.invoice)
    }

    /// An amount of a file: the euro's two decimals, the yen's none.
    #[must_use]
    pub fn read_amount<T: ToString>(&self, currency: &str, amount: Option<T>) -> Option<i128> {
        let text = amount?.to_string();
        let text = text.as_str();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = if currency == "JPY" { 0 } else { 2 };
        if fraction.len() > digits {
            return None;
        }
        format!("{whole}{fraction:0<digits$}").parse().ok()
    }

    fn may_confirm(&self, actor: &Actor, confirm: &ConfirmInvoice) -> Result<(), No> {
        self.acting(actor, "buyer")?;
        let theirs = |invoice: &&super::model::Invoice| invoice.buyer == actor.party_id.0 && invoice.answer_by.is_some();
        let invoice = self.invoices.get(&confirm.invoice_id.0).filter(theirs).ok_or("not_found")?;
        let amount = i128::from(confirm.amount_minor);
        require(amount > 0, "amount_invalid")?;
        let owed = invoice.payable - invoice.credited;
        require(amount <= owed, "confirmed_too_much")?;
        require(confirm.due_date > self.today, "due_date_too_close")?;
        require(!self.is_too_far(confirm.due_date), "due_date_too_far")?;
        let later = invoice.due.is_some_and(|said| confirm.due_date > said);
        require(!(amount < owed || later) || !confirm.reason.trim().is_empty(), "reason_missing")?;
        require(invoice.review != "open", "under_review")?;
        require(invoice.state == "presented", "state_conflict")?;
        require(confirm.words_hash.len() == 64, "undertaking_changed")?;
        require(confirm.terms.is_empty() || confirm.terms == self.terms_name(invoice, confirm.due_date), "terms_changed")
    }

    fn may_pay_out(&self, actor: &Actor, payout: &RequestPayout) -> Result<(), No> {
        let company = self.companies.get(&actor.party_id.0).ok_or("not_found")?;
        require(company.active, "company_not_active")?;
        known_currency(&payout.currency)?;
        require(payout.amount_minor > 0, "amount_invalid")?;
        require(self.verified_accounts.contains(&(company.id, payout.currency.clone())), "bank_account_missing")?;
        let cash = self.free(("cash", company.id, asset_of(&payout.currency)));
        require(i128::from(payout.amount_minor) <= cash, "insufficient_cash")
    }

    fn may_send(&self, actor: &Actor, file: &CreatePaymentFile) -> Result<(), No> {
        self.acting(actor, "operator")?;
        known_currency(&file.currency)?;
        let (list, hash) = self.payment_list(&file.currency, file.through.0);
        require(!list.is_empty(), "nothing_to_pay")?;
        require(hash == file.list_hash, "payment_list_changed")?;
        let account = self.custody_of(file.account_id.map(|id| id.0), &file.currency)?;
        let total: i128 = list.iter().map(|id| self.payouts[id].amount).sum();
        require(total <= self.available(account, &file.currency), "custody_short")
    }

    /// The platform's account that a command means: the second one carries EUR only.
    fn custody_of(&self, account: Option<i64>, currency: &str) -> Result<i64, No> {
        let account = account.unwrap_or(0);
        require(account == 0 || currency == "EUR", "custody_currency_other")?;
        Ok(account)
    }

    /// The bank's own channel brings it.
    fn may_import(&self, file: &ImportStatement) -> Result<(), No> {
        require(!self.files.contains(&file.sha256), "statement_repeated")?;
        for statement in &file.statements {
            require(self.custody.values().any(|iban| *iban == statement.iban), "statement_account_unknown")?;
            let name = (statement.message_id.clone(), statement.statement_id.clone());
            require(!self.statements.contains(&name), "statement_repeated")?;
        }
        let account = |iban: &str| self.custody.iter().find(|(_, known)| known.as_str() == iban).map_or(0, |(id, _)| *id);
        let account = file.statements.first().map_or(0, |statement| account(&statement.iban));
        let entries = || file.statements.iter().flat_map(|statement| &statement.entries).filter(|entry| entry.credit);
        let fits = CURRENCIES.iter().all(|currency| {
            let incoming: i128 =
                entries().filter(|entry| entry.currency == *currency).map(|entry| i128::from(entry.amount_minor)).sum();
            self.amounts(("custody", account, asset_of(currency))).balance + incoming <= i128::from(i64::MAX)
        });
        require(fits, "amount_too_large")
    }

    /// The company or receivable that a structured reference names.
    #[must_use]
    pub fn target(&self, reference: &str, currency: &str) -> Option<Target> {
        let plain: String = reference.chars().filter(|mark| !mark.is_whitespace()).collect::<String>().to_uppercase();
        if let Some((id, receivable)) = self.receivables.iter().find(|(_, receivable)| receivable.reference == plain) {
            return (receivable.currency == currency).then_some(Target::Receivable(*id));
        }
        let named = |company: &&Company| !company.reference.is_empty() && company.reference == plain;
        self.companies.values().find(named).map(|company| Target::Company(company.id))
    }

    pub fn may_record(&self, actor: &Actor, receipt: &RecordReceipt) -> Result<Target, No> {
        self.acting(actor, "operator")?;
        known_currency(&receipt.currency)?;
        require(!receipt.reason.trim().is_empty(), "field_missing")?;
        require(receipt.amount_minor > 0, "amount_invalid")?;
        require(receipt.amount_minor <= 1_000_000_000_000_000, "amount_too_large")?;
        let window = self.today - Days::new(366)..=self.today;
        require(window.contains(&receipt.value_date), "date_invalid")?;
        let target = self.target(&receipt.reference, &receipt.currency).ok_or("reference_unknown")?;
        let known = self.lines.iter().any(|(id, line)| {
            let days = line.value_date.signed_duration_since(receipt.value_date).num_days().abs();
            line.statement > 0
                && line.incoming
                && *id > receipt.other_than.0
                && line.twin.is_none()
                && days <= 7
                && line.amount == i128::from(receipt.amount_minor)
                && line.currency == receipt.currency
                && ["matched", "placed", "suspense", "attention"].contains(&line.state)
        });
        require(!known, "receipt_known")?;
        self.custody_of(receipt.account_id.map(|id| id.0), &receipt.currency)?;
        Ok(target)
    }

    /// One request about a line at a time.
    fn may_ask_about(&self, line_id: i64) -> Result<(), No> {
        let about = |command: &Command| match command {
            Command::AssignSuspense(assign) => assign.line_id.0,
            Command::ReturnSuspense(back) => back.line_id.0,
            Command::ResolveLine(resolve) => resolve.line_id.0,
            Command::TakeBackLine(back) => back.line_id.0,
            _ => 0,
        };
        let open = self.approvals.values().any(|one| one.state == "pending" && about(&one.command) == line_id);
        require(!open, "request_pending")
    }

    /// The acts that a line allows.
    #[must_use]
    pub fn acts(line: &Line) -> &'static [&'static str] {
        match (line.state, line.kind) {
            ("attention", "possible_repeat" | "value_date" | "small_part" | "announced" | "no_cover") => &["accept", "explain"],
            ("attention", "possibly_recorded" | "possible_transfer") => &["same", "accept", "explain"],
            ("attention", "reversal") => &["reverse", "claim", "expense", "explain"],
            ("attention", "unknown_debit") => &["link", "transfer", "claim", "expense", "explain"],
            ("attention", "double_debit") => &["claim", "expense", "explain"],
            ("claimed", _) => &["settle_claim", "write_off"],
            _ => &[],
        }
    }

    /// How a line can be taken back.
    #[must_use]
    pub fn way_back(line: &Line) -> Option<&'static str> {
        match (line.incoming, line.state) {
            (true, "placed") if line.kind == "claim_payment" => Some("claim_payment"),
            (true, "matched") if line.kind == "recorded" && line.twin.is_none() => line.target.map(|_| "receipt"),
            (true, "placed" | "matched") => line.target.map(|_| "placement"),
            (true, "suspense") if line.acted == "accept" => Some("accept"),
            (false, "matched") if line.acted == "link" => Some("link"),
            (_, "confirmed") if line.acted == "same" => Some("same"),
            (_, "expensed") => ["expense", "write_off"].into_iter().find(|act| *act == line.acted),
            (false, "reversed" | "claimed") if line.reversed.is_some() => {
                line.reversed.filter(|one| one.missing == line.claim).map(|_| "reverse")
            }
            (false, "claimed") if line.claim == line.amount && line.debtor == 0 => Some("claim"),
            (_, "explained") => Some("explain"),
            _ => None,
        }
    }

    /// The line that has booked the money of another one: the receipt by hand that a bank's line confirms.
    pub fn booked_by(&self, id: i64) -> i64 {
        let confirms = self.lines.get(&id).filter(|line| line.state == "confirmed");
        confirms.and_then(|line| line.twin).unwrap_or(id)
    }

    fn may_take_back(&self, actor: &Actor, back: &TakeBackLine) -> Result<(), No> {
        self.acting(actor, "operator")?;
        require(!back.reason.trim().is_empty(), "field_missing")?;
        let line = self.lines.get(&back.line_id.0).ok_or("not_found")?;
        match Self::way_back(line).ok_or("state_conflict")? {
            "receipt" | "accept" => {
                let custody = self.amounts(("custody", line.custody, asset_of(&line.currency))).balance;
                require(custody >= line.amount, "insufficient_cash")
            }
            "link" => {
                let linked = line.linked.and_then(|id| self.payouts.get(&id));
                require(linked.is_some_and(|payout| payout.state == "settled"), "state_conflict")
            }
            "same" => {
                let receipt = line.twin.and_then(|id| self.lines.get(&id));
                let open =
                    |receipt: &Line| (receipt.kind, receipt.state, receipt.twin) == ("recorded", "matched", Some(back.line_id.0));
                require(receipt.is_some_and(open), "state_conflict")
            }
            _ => Ok(()),
        }
    }

    fn may_resolve(&self, actor: &Actor, resolve: &ResolveLine) -> Result<(), No> {
        self.acting(actor, "operator")?;
        require(!resolve.reason.trim().is_empty(), "field_missing")?;
        let line = self.lines.get(&resolve.line_id.0).ok_or("not_found")?;
        require(!Self::acts(line).is_empty(), "line_already_settled")?;
        require(Self::acts(line).contains(&resolve.act.as_str()), "field_invalid")?;
        let other = || {
            let id = resolve.other_id.ok_or("field_missing")?.0;
            self.lines.get(&id).map(|other| (id, other)).ok_or("field_invalid")
        };
        let same =
            |id: i64, other: &Line| (&other.currency, other.amount) == (&line.currency, line.amount) && id != resolve.line_id.0;
        let left = || {
            let custody = self.amounts(("custody", line.custody, asset_of(&line.currency))).balance;
            require(custody >= line.amount, "insufficient_cash")
        };
        let begun = |id: i64, other: &Line| {
            let open = other.kind == "own_transfer" && other.twin.is_none() && other.state == "matched";
            let fits = open && other.other == Some(line.custody) && other.incoming != line.incoming;
            require(fits && same(id, other), "not_same_money")
        };
        match resolve.act.as_str() {
            "same" if line.kind == "possible_transfer" => {
                let (id, other) = other()?;
                begun(id, other)
            }
            "same" => {
                let (id, other) = other()?;
                let open = other.kind == "recorded" && other.twin.is_none() && other.state == "matched";
                require(open && same(id, other) && other.custody == line.custody, "not_same_money")
            }
            "transfer" => {
                let (id, other) = other()?;
                if other.state != "suspense" {
                    return begun(id, other);
                }
                let fits = other.incoming && other.statement > 0 && other.custody != line.custody;
                require(fits && same(id, other), "not_same_money")?;
                left()
            }
            "link" => {
                let id = resolve.other_id.ok_or("field_missing")?.0;
                let payout = self.payouts.get(&id).ok_or("field_invalid")?;
                require((&payout.currency, payout.amount) == (&line.currency, line.amount), "not_same_money")?;
                require(payout.state == "sent", "state_conflict")?;
                left()
            }
            "reverse" => {
                let id = self.booked_by(other()?.0);
                let other = &self.lines[&id];
                let receipt = other.incoming && !["claim_payment", "own_transfer"].contains(&other.kind);
                require(same(id, other) && receipt, "not_same_money")?;
                require(["matched", "placed", "suspense"].contains(&other.state), "state_conflict")?;
                left()
            }
            "settle_claim" => {
                let (id, other) = other()?;
                require(other.state == "suspense", "line_already_settled")?;
                require(other.currency == line.currency && other.amount <= line.claim, "not_same_money")?;
                require(!self.is_money_of_claim(line, id), "not_same_money")
            }
            "accept" => {
                let value_date = resolve.value_date.unwrap_or(line.booking_day.min(self.today));
                let window = self.today - Days::new(366)..=self.today;
                require(window.contains(&value_date), "date_invalid")?;
                require(self.covers(line), "insufficient_cash")
            }
            "expense" | "claim" => left(),
            _ => Ok(()),
        }
    }

    /// A claim arose out of the line itself, or out of another part of its payment.
    fn is_money_of_claim(&self, claim: &Line, paying: i64) -> bool {
        let payment = |line: &Line| (line.statement, line.occurrence, line.booking.clone(), line.words.clone());
        let (origin, paying_line) = (claim.twin.and_then(|id| self.lines.get(&id)), &self.lines[&paying]);
        let part = |origin: &Line| origin.statement > 0 && payment(origin) == payment(paying_line);
        claim.twin == Some(paying) || origin.is_some_and(part)
    }

    fn waiting_line(&self, id: i64) -> Result<&Line, No> {
        let line = self.lines.get(&id).ok_or("not_found")?;
        require(line.state == "suspense", "line_already_settled")?;
        Ok(line)
    }

    /// Where the money goes, and how much of it.
    pub fn may_assign(&self, assign: &AssignSuspense) -> Result<(Target, i128), No> {
        let line = self.waiting_line(assign.line_id.0)?;
        let amount = assign.amount_minor.map_or(line.amount, i128::from);
        require((1..=line.amount).contains(&amount), "amount_invalid")?;
        let target = self.target(&assign.reference, &line.currency).ok_or("reference_unknown")?;
        Ok((target, amount))
    }

    /// The person who asked for a payout takes it back, until it is in a file.
    fn may_cancel(&self, actor: &Actor, payout_id: i64) -> Result<(), No> {
        let payout = self.payouts.get(&payout_id).ok_or("not_found")?;
        let own = match payout.party {
            Some(party) => party == actor.party_id.0,
            None => self.acting(actor, "operator").is_ok(),
        };
        require(own, "not_found")?;
        require(payout.state == "authorised", "state_conflict")
    }

    fn may_return(&self, line_id: i64) -> Result<(), No> {
        let line = self.waiting_line(line_id)?;
        require(!line.iban.is_empty(), "payer_account_unknown")
    }

    fn may_decide(&self, actor: &Actor, decision: &DecideApproval) -> Result<(), No> {
        let theirs = |approval: &&Approval| approval.party == actor.party_id.0;
        let approval = self.approvals.get(&decision.approval_id.0).filter(theirs).ok_or("not_found")?;
        require(approval.state == "pending", "approval_already_decided")?;
        require(approval.maker != actor.user_id.0, "same_person")?;
        let hash = sha256_hex(approval.command.input().as_bytes());
        require(hash == decision.body_hash, "approval_content_changed")?;
        if decision.approve {
            let maker = Actor::person(approval.party.into(), approval.maker.into());
            return match (&approval.command, approval.holds) {
                (Command::BuyFractions(buy), Some(held)) => self.may_buy_with(&maker, buy, held).map(|_| ()),
                (command, _) => self.may(&maker, command),
            };
        }
        require(!decision.reason.trim().is_empty(), "reason_missing")
    }

    fn may_set_holiday(&self, actor: &Actor, holiday: &SetHoliday) -> Result<(), No> {
        self.acting(actor, "operator")?;
        known_currency(&holiday.currency)?;
        require(!self.is_too_far(holiday.day), "date_invalid")?;
        require(holiday.day > self.today, "day_in_past")
    }

    fn may_set_terms(&self, actor: &Actor, terms: &SetIssueTerms) -> Result<(), No> {
        self.acting(actor, "operator")?;
        known_currency(&terms.currency)?;
        let fits = (0..=5_000).contains(&terms.reserve_bps)
            && (0..=terms.reserve_bps).contains(&terms.settlement_fee_bps)
            && (0..=500).contains(&terms.purchase_fee_bps)
            && (0..=1_000_000).contains(&terms.minimum_fee_minor)
            && (1..=1_000_000_000).contains(&terms.minimum_ticket_minor)
            && (0..=60).contains(&terms.grace_days)
            && terms.tolerated_overdue_days.is_none_or(|days| (0..=365).contains(&days));
        require(fits, "field_invalid")?;
        let rate = arithmetic::rate(&terms.late_rate).ok_or("field_invalid")?;
        require((0..=36_000_000).contains(&rate.millionths), "field_invalid")?;
        arithmetic::days(&terms.late_day_count, self.today, self.today).map(|_| ()).ok_or("field_invalid")
    }
}
