//! The changes that a successful command must have made. The model learns new ids from its outcome, never amounts.

use super::arithmetic::{self, divide, interest, share_up};
use super::model::{Approval, Held, Invoice, Limit, Line, Model, Offer, Payout, Receivable, Reversed, Review, Terms, asset_of};
use super::rules::{Target, fingerprint, plain_number};
use chrono::{Days, NaiveDate};
use formats::camt::{Entry, EntryDetail};
use kernel::ApprovalId;
use serde_json::{Value, json};
use server::commands::bank::import_statement::ImportStatement;
use server::commands::bank::resolve_line::ResolveLine;
use server::commands::confirmations::confirm_invoice::ConfirmInvoice;
use server::commands::{Actor, Command, Outcome};
use std::collections::BTreeMap;

/// Ids that no outcome names, read from the database.
pub trait Ids {
    /// The junior asset of a receivable.
    fn reserve_asset(&mut self, receivable: i64) -> i64;
    /// The lines of a statement, in order.
    fn lines(&mut self, statement: i64) -> Vec<i64>;
    /// The claims that taking a line back has made.
    fn claims(&mut self, line: i64) -> Vec<i64>;
}

/// A body that says something else than the model does.
fn agree(what: &str, body: &Value, name: &str, expected: impl Into<Value>) -> Result<(), String> {
    let expected = expected.into();
    if body[name] == expected {
        Ok(())
    } else {
        Err(format!("{what} answers {name} = {}, the model says {expected}", body[name]))
    }
}

/// Pays `amount` more, divided on all that has been paid so far. Returns the part of each.
fn pay_parts(parts: &mut BTreeMap<i64, (i128, i128)>, amount: i128) -> BTreeMap<i64, i128> {
    let wholes: Vec<i128> = parts.values().map(|(whole, _)| *whole).collect();
    let paid: i128 = parts.values().map(|(whole, left)| whole - left).sum();
    let has = arithmetic::running(paid + amount, &wholes);
    let pay = |((party, (whole, left)), has): ((&i64, &mut (i128, i128)), i128)| {
        let share = has - (*whole - *left);
        *left -= share;
        (*party, share)
    };
    parts.iter_mut().zip(has).map(pay).collect()
}

fn minor(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// The entry that a line is a part of, beside its equals in the statement.
#[derive(Clone, Copy)]
struct Whole {
    amount: i128,
    all: i128,
    again: bool,
    named: bool,
}

impl Whole {
    fn of(statement: &formats::camt::Statement, index: usize) -> Self {
        let own = &statement.entries[index];
        let key = |one: &Entry| (one.bank_reference.clone(), one.currency.clone(), one.credit, one.booking_date);
        let equals = |one: &&Entry| one.booked && key(one) == key(own);
        let all = statement.entries.iter().filter(equals).map(|one| i128::from(one.amount_minor)).sum();
        let again = statement.entries[..index].iter().filter(equals).any(|one| one.amount_minor == own.amount_minor);
        let named = own.details.iter().any(|detail| !detail.end_to_end.is_empty());
        Self { amount: i128::from(own.amount_minor), all, again, named }
    }
}

/// The result of a search for an entry in other statements.
#[derive(PartialEq)]
enum Told {
    New,
    Known,
    Awaited(Vec<i64>),
    Unclear,
}

impl Model {
    /// Books an outcome: of a request that waits, or of an act that was done.
    pub fn book(
        &mut self,
        (actor, key, command): (&Actor, &str, &Command),
        asks: bool,
        outcome: &Outcome,
        ids: &mut impl Ids,
    ) -> Result<(), String> {
        if asks != outcome.awaits_approval.is_some() {
            return Err(format!("a second person is{} asked, the model says otherwise", if asks { " not" } else { "" }));
        }
        let known = super::model::Known {
            fingerprint: fingerprint(actor, command),
            seq: outcome.seq.0,
            awaits_approval: outcome.awaits_approval.map(|id| id.0),
            body: outcome.body.clone(),
        };
        self.keys.insert((actor.party_id.0, key.to_owned()), known);
        if let Some(ApprovalId(id)) = outcome.awaits_approval {
            self.end_same(actor.party_id.0, command);
            let holds = match command {
                Command::BuyFractions(buy) => {
                    let units = i128::from(buy.units_minor);
                    let price = self.quote(buy.offer_id.0, units).map_err(str::to_owned)?.price;
                    let held = Held { units, price };
                    self.hold((actor.party_id.0, buy.offer_id.0), Held { units: -units, price: -price });
                    Some(held)
                }
                _ => None,
            };
            let approval =
                Approval { party: actor.party_id.0, maker: actor.user_id.0, command: command.clone(), state: "pending", holds };
            self.approvals.insert(id, approval);
            self.touched.approvals.insert(id);
            return Ok(());
        }
        self.count_alone(actor, command, &outcome.body)?;
        self.apply(actor, command, &outcome.body, ids)
    }

    /// Of some kinds of requests one is enough in each currency. A new one, or the same act without a request, ends it.
    fn end_same(&mut self, party: i64, command: &Command) {
        let kind = |command: &Command| match command {
            Command::SetApprovalLimit(limit) => Some(("limit", limit.currency.clone())),
            Command::CreatePaymentFile(file) => Some(("file", file.currency.clone())),
            Command::SetBuyerLimit(limit) => Some(("room", format!("{} {}", limit.buyer_id, limit.currency))),
            _ => None,
        };
        let Some(wanted) = kind(command) else { return };
        self.end_requests(|approval| approval.party == party && kind(&approval.command).as_ref() == Some(&wanted));
    }

    fn end_requests(&mut self, which: impl Fn(&Approval) -> bool) {
        let ended = |approval: &Approval| approval.state == "pending" && which(approval);
        let ids: Vec<i64> = self.approvals.iter().filter(|(_, approval)| ended(approval)).map(|(id, _)| *id).collect();
        for id in ids {
            self.end_request(id, "ended");
        }
    }

    /// Ends one request, and frees what it holds.
    fn end_request(&mut self, id: i64, state: &'static str) {
        let Some(approval) = self.approvals.get_mut(&id) else { return };
        approval.state = state;
        let (party, holds) = (approval.party, approval.holds.take());
        let offer = match &approval.command {
            Command::BuyFractions(buy) => buy.offer_id.0,
            _ => 0,
        };
        self.touched.approvals.insert(id);
        if let Some(held) = holds {
            self.hold((party, offer), held);
        }
    }

    /// Gives back what a purchase held, or takes it where it is negative.
    fn hold(&mut self, (party, offer_id): (i64, i64), freed: Held) {
        let Some(offer) = self.offers.get_mut(&offer_id) else { return };
        offer.left += freed.units;
        offer.reserved -= freed.units;
        let receivable = &self.receivables[&offer.receivable];
        let limit_key = (party, receivable.buyer, receivable.currency.clone());
        let asset = asset_of(&receivable.currency);
        if let Some(limit) = self.limits.get_mut(&limit_key) {
            limit.used -= freed.units;
            self.touched.limits.insert(limit.id);
        }
        self.change(("cash", party, asset), 0, -freed.price);
        self.touched.offers.insert(offer_id);
    }

    /// Acts without a second person add up, where the company bounds the day.
    fn count_alone(&mut self, actor: &Actor, command: &Command, body: &Value) -> Result<(), String> {
        let (currency, amount) = match command {
            Command::BuyFractions(buy) => {
                let receivable = self.offers.get(&buy.offer_id.0).ok_or("no offer")?.receivable;
                (self.receivables[&receivable].currency.clone(), body["price_minor"].as_i64().ok_or("no price")?)
            }
            Command::CreateOffer(offer) => (self.receivables[&offer.receivable_id.0].currency.clone(), offer.units_minor),
            Command::ConfirmInvoice(confirm) => (self.invoices[&confirm.invoice_id.0].currency.clone(), confirm.amount_minor),
            Command::RequestPayout(payout) => (payout.currency.clone(), payout.amount_minor),
            _ => return Ok(()),
        };
        let limit = self.approval_limits.get(&(actor.party_id.0, currency.clone()));
        if limit.is_some_and(|(_, a_day)| a_day.is_some()) {
            let done = self.alone.entry((actor.party_id.0, currency)).or_insert((self.today, 0));
            let before = if done.0 == self.today { done.1 } else { 0 };
            *done = (self.today, before + i128::from(amount));
        }
        Ok(())
    }

    fn apply(&mut self, actor: &Actor, command: &Command, body: &Value, ids: &mut impl Ids) -> Result<(), String> {
        let id = |name: &str| body[name].as_i64().unwrap_or(0);
        let what = command.name();
        match command {
            Command::BuyFractions(buy) => {
                let units = i128::from(buy.units_minor);
                let quote = self.quote(buy.offer_id.0, units).map_err(str::to_owned)?;
                let offer = self.offers.get_mut(&buy.offer_id.0).ok_or("no offer")?;
                offer.left -= units;
                if offer.left == 0 && offer.reserved == 0 {
                    offer.state = "settled";
                }
                let (receivable_id, supplier, left) = (offer.receivable, offer.supplier, offer.left);
                let receivable = self.receivables.get_mut(&receivable_id).ok_or("no receivable")?;
                let (asset, limit_key) =
                    (asset_of(&receivable.currency), (actor.party_id.0, receivable.buyer, receivable.currency.clone()));
                agree(what, body, "price_minor", minor(quote.price))?;
                agree(what, body, "left_minor", minor(left))?;
                let (buyer, currency, buyer_bears) = (receivable.buyer, receivable.currency.clone(), receivable.buyer_bears);
                self.transfer(("cash", actor.party_id.0, asset), ("cash", supplier, asset), quote.price);
                if buyer_bears {
                    self.bill(buyer, &currency, quote.fee);
                } else {
                    self.transfer(("cash", supplier, asset), ("fees", 0, asset), quote.fee);
                }
                self.transfer(("holding", supplier, receivable_id), ("holding", actor.party_id.0, receivable_id), units);
                self.change(("holding", supplier, receivable_id), 0, -units);
                let limit = self.limits.get_mut(&limit_key).ok_or("no limit")?;
                limit.used += units;
                self.touched.limits.insert(limit.id);
                self.touched.offers.insert(buy.offer_id.0);
            }
            Command::CreateOffer(create) => {
                let units = i128::from(create.units_minor);
                let receivable = self.receivables.get_mut(&create.receivable_id.0).ok_or("no receivable")?;
                if receivable.state == "issued" {
                    receivable.state = "active";
                }
                let invoice_id = receivable.invoice;
                let invoice = self.invoices.get_mut(&invoice_id).ok_or("no invoice")?;
                if ["confirmed", "partially_confirmed"].contains(&invoice.state) {
                    invoice.state = "assigned";
                }
                let offer = Offer {
                    receivable: create.receivable_id.0,
                    supplier: actor.party_id.0,
                    units,
                    left: units,
                    reserved: 0,
                    rate: arithmetic::rate(&create.rate).ok_or("no rate")?,
                    method: create.method.clone(),
                    day_count: create.day_count.clone(),
                    minimum_ticket: i128::from(create.minimum_ticket_minor),
                    close: create.close_date,
                    state: "open",
                };
                self.offers.insert(id("offer_id"), offer);
                self.change(("holding", actor.party_id.0, create.receivable_id.0), 0, units);
                self.touched.offers.insert(id("offer_id"));
                self.touched.receivables.insert(create.receivable_id.0);
                self.touched.invoices.insert(invoice_id);
            }
            Command::WithdrawOffer(withdraw) => {
                let offer = &self.offers[&withdraw.offer_id.0];
                agree(what, body, "left_minor", minor(offer.left + offer.reserved))?;
                self.end_offer(withdraw.offer_id.0, "withdrawn");
            }
            Command::RegisterInvoice(register) if register.parsed.type_code == "381" => {
                let file = &register.parsed;
                let amount = self.read_amount(&file.currency, file.totals.payable).unwrap_or(0);
                let buyer =
                    self.companies.values().find(|company| company.tax_id == file.buyer.tax_id).map_or(0, |company| company.id);
                let first = file.preceding.first().ok_or("no invoice")?;
                let named = self.named(actor.party_id.0, first, (buyer, &file.currency)).map_err(|no| no.to_owned())?;
                let issued = file.issue_date.unwrap_or(self.today);
                self.credits.insert((actor.party_id.0, plain_number(&file.number), issued, file.currency.clone(), amount));
                let invoice = self.invoices.get_mut(&named).ok_or("no invoice")?;
                let late = !["draft", "presented", "disputed", "expired"].contains(&invoice.state);
                agree(what, body, "late", late)?;
                if late {
                    let review = body["reviews"][0].as_i64().ok_or("no review of a late credit note")?;
                    self.reviews.insert(review, Review { invoice: named, other: None, state: "open" });
                } else {
                    invoice.credited += amount;
                    let all = invoice.credited == invoice.payable;
                    // The owed amount is less than the one that a person was asked to confirm.
                    self.end_requests(|one| matches!(&one.command, Command::ConfirmInvoice(it) if it.invoice_id.0 == named));
                    if all {
                        self.move_invoice(named, "withdrawn");
                        self.end_reviews(named);
                    }
                }
                self.show_reviews(named);
            }
            Command::RegisterInvoice(register) => {
                let file = &register.parsed;
                let buyer = self.companies.values().find(|company| company.tax_id == file.buyer.tax_id);
                let invoice = Invoice {
                    supplier: actor.party_id.0,
                    buyer: buyer.map_or(0, |company| company.id),
                    currency: file.currency.clone(),
                    payable: self.read_amount(&file.currency, file.totals.payable).unwrap_or(0),
                    due: file.due_date,
                    number: file.number.clone(),
                    issued: file.issue_date.unwrap_or(self.today),
                    review: "",
                    credited: 0,
                    state: "draft",
                    confirmed: 0,
                    answer_by: None,
                };
                let found = self.looks_like(&invoice);
                let opened: Vec<i64> = body["reviews"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
                if opened.len() != found.len() {
                    return Err(format!("{what} opened {} reviews, the model finds {found:?}", opened.len()));
                }
                let invoice_id = id("invoice_id");
                self.invoices.insert(invoice_id, invoice);
                for (review, other) in opened.into_iter().zip(found) {
                    self.reviews.insert(review, Review { invoice: invoice_id, other: Some(other), state: "open" });
                }
                self.show_reviews(invoice_id);
            }
            Command::SubmitInvoice(submit) => {
                let invoice = self.invoices.get_mut(&submit.invoice_id.0).ok_or("no invoice")?;
                invoice.due = invoice.due.or(submit.due_date);
                self.present(submit.invoice_id.0);
            }
            Command::WithdrawInvoice(withdraw) => {
                self.move_invoice(withdraw.invoice_id.0, "withdrawn");
                self.end_reviews(withdraw.invoice_id.0);
            }
            Command::DecideReview(decision) => {
                let review = self.reviews.get_mut(&decision.review_id.0).ok_or("no review")?;
                review.state = if decision.clear { "cleared" } else { "refused" };
                let invoice_id = review.invoice;
                self.show_reviews(invoice_id);
                if !decision.clear && ["draft", "presented", "disputed", "expired"].contains(&self.invoices[&invoice_id].state) {
                    self.move_invoice(invoice_id, "rejected");
                    self.end_reviews(invoice_id);
                }
            }
            Command::DisputeInvoice(dispute) => {
                self.move_invoice(dispute.invoice_id.0, "disputed");
            }
            Command::SettleDispute(settle) => self.present(settle.invoice_id.0),
            Command::ConfirmInvoice(confirm) => self.issue(confirm, body, ids)?,
            Command::SetBuyerLimit(set) => {
                self.end_same(actor.party_id.0, command);
                let limit = self.limits.entry((actor.party_id.0, set.buyer_id.0, set.currency.clone())).or_default();
                limit.limit = i128::from(set.limit_minor);
                limit.id = id("limit_id");
                self.touched.limits.insert(limit.id);
            }
            Command::SetApprovalLimit(set) => {
                let limits = (i128::from(set.limit_minor), self.day_of(actor.party_id.0, set));
                self.end_same(actor.party_id.0, command);
                self.approval_limits.insert((actor.party_id.0, set.currency.clone()), limits);
            }
            Command::RequestPayout(request) => {
                let amount = i128::from(request.amount_minor);
                self.change(("cash", actor.party_id.0, asset_of(&request.currency)), 0, amount);
                let end_to_end = body["end_to_end"].as_str().unwrap_or("").to_owned();
                let currency = request.currency.clone();
                let company = self.companies.get(&actor.party_id.0).ok_or("no company")?;
                let payee = (company.iban.clone(), company.name.clone());
                let party = Some(actor.party_id.0);
                let payout =
                    Payout { party, currency, amount, state: "authorised", end_to_end, payee, drawn: 0, custody: 0, line: None };
                self.payouts.insert(id("payout_id"), payout);
                self.touched.payouts.insert(id("payout_id"));
            }
            Command::CancelPayout(cancel) => self.cancel(cancel.payout_id.0)?,
            Command::CreatePaymentFile(file) => {
                let (mut count, mut total) = (0, 0);
                for id in self.payment_list(&file.currency, file.through.0).0 {
                    let payout = self.payouts.get_mut(&id).ok_or("no payout")?;
                    payout.state = "sent";
                    payout.drawn = file.account_id.map_or(0, |id| id.0);
                    payout.custody = payout.drawn;
                    self.touched.payouts.insert(id);
                    (count, total) = (count + 1, total + payout.amount);
                }
                agree(what, body, "payments", count)?;
                agree(what, body, "total_minor", minor(total))?;
            }
            Command::ImportStatement(file) => self.import(file, body, ids)?,
            Command::RecordReceipt(receipt) => {
                let amount = i128::from(receipt.amount_minor);
                let target = self.target(&receipt.reference, &receipt.currency).ok_or("no target")?;
                let custody = receipt.account_id.map_or(0, |id| id.0);
                self.receive(custody, target, &receipt.currency, amount, receipt.value_date);
                let line = Line {
                    currency: receipt.currency.clone(),
                    amount,
                    value_date: receipt.value_date,
                    booking_day: self.today,
                    iban: String::new(),
                    state: "matched",
                    kind: "recorded",
                    incoming: true,
                    statement: 0,
                    notification: false,
                    booking: (String::new(), String::new(), true, 0, String::new(), String::new()),
                    words: String::new(),
                    occurrence: 1,
                    references: Vec::new(),
                    end_to_end: String::new(),
                    target: Some(target),
                    twin: None,
                    claim: 0,
                    debtor: 0,
                    acted: "",
                    linked: None,
                    written: 0,
                    reversed: None,
                    custody,
                    other: None,
                };
                self.keep_line(id("line_id"), line);
            }
            Command::AssignSuspense(assign) => {
                let (target, amount) = self.may_assign(assign).map_err(str::to_owned)?;
                self.part_line(assign.line_id.0, id("line_id"), amount)?;
                let line = self.lines.get_mut(&id("line_id")).ok_or("no line")?;
                line.state = "placed";
                line.target = Some(target);
                let (currency, value_date) = (line.currency.clone(), line.value_date);
                self.touched.lines.insert(id("line_id"));
                self.place(("suspense", 0, asset_of(&currency)), target, &currency, amount, value_date);
            }
            Command::ReturnSuspense(back) => {
                let line = self.lines.get_mut(&back.line_id.0).ok_or("no line")?;
                line.state = "returned";
                let (amount, currency) = (line.amount, line.currency.clone());
                // No payer of the simulation has a name.
                let payee = (line.iban.clone(), "Unknown".to_owned());
                self.touched.lines.insert(back.line_id.0);
                self.change(("suspense", 0, asset_of(&currency)), 0, amount);
                let payout_id = id("payout_id");
                let end_to_end = format!("KRET{payout_id}");
                let line = Some(back.line_id.0);
                let payout =
                    Payout { party: None, currency, amount, state: "authorised", end_to_end, payee, drawn: 0, custody: 0, line };
                self.payouts.insert(payout_id, payout);
                self.touched.payouts.insert(payout_id);
            }
            Command::ResolveLine(resolve) => self.resolve(resolve)?,
            Command::TakeBackLine(back) => self.take_back(back.line_id.0, ids)?,
            Command::CloseDay(_) => self.end_day(what, body)?,
            Command::DecideApproval(decision) => {
                let approval = self.approvals.get(&decision.approval_id.0).ok_or("no approval")?;
                let (maker, command) = (Actor::person(approval.party.into(), approval.maker.into()), approval.command.clone());
                self.end_request(decision.approval_id.0, if decision.approve { "approved" } else { "rejected" });
                if decision.approve {
                    self.apply(&maker, &command, body, ids)?;
                }
            }
            Command::SetHoliday(set) => {
                self.holidays.insert((set.currency.clone(), set.day), set.business);
            }
            Command::SetIssueTerms(set) => {
                let terms = Terms {
                    reserve_bps: set.reserve_bps.into(),
                    settlement_bps: set.settlement_fee_bps.into(),
                    purchase_bps: set.purchase_fee_bps.into(),
                    minimum_fee: set.minimum_fee_minor.into(),
                    minimum_ticket: set.minimum_ticket_minor.into(),
                    late: arithmetic::rate(&set.late_rate).ok_or("no rate")?,
                    late_count: set.late_day_count.clone(),
                    grace_days: set.grace_days,
                    announced: set.notice_credit_minor.map_or(self.terms[&set.currency].announced, i128::from),
                    tolerated: set.tolerated_overdue_days.unwrap_or(self.terms[&set.currency].tolerated),
                };
                self.terms.insert(set.currency.clone(), terms);
            }
            Command::DecideCompany(decision) => {
                let company = self.companies.get_mut(&decision.party_id.0).ok_or("no company")?;
                company.active = decision.status == "active";
                if !company.active {
                    let stopped = decision.party_id.0;
                    let of_it = |offer: &super::model::Offer| {
                        offer.supplier == stopped || self.receivables[&offer.receivable].buyer == stopped
                    };
                    let open = self.offers.iter().filter(|(_, offer)| offer.state == "open" && of_it(offer));
                    for id in open.map(|(id, _)| *id).collect::<Vec<_>>() {
                        self.end_offer(id, "expired");
                    }
                    let admits = |command: &Command| matches!(command, Command::DecideCompany(one) if one.party_id.0 == stopped);
                    self.end_requests(|approval| approval.party == stopped || admits(&approval.command));
                }
            }
            Command::ChangeProgramme(_)
            | Command::InviteToProgramme(_)
            | Command::AnswerProgrammeInvitation(_)
            | Command::EndMembership(_) => self.apply_programme(actor, command, body)?,
            other => return Err(format!("the simulation does not send {}", other.name())),
        }
        Ok(())
    }

    /// It waits for an answer for ten days, and never past the day before it is due.
    fn present(&mut self, id: i64) {
        let last = self.today + Days::new(10);
        if let Some(invoice) = self.invoices.get_mut(&id) {
            let before_due = invoice.due.map_or(last, |due| due - Days::new(1));
            invoice.answer_by = Some(last.min(before_due).max(self.today));
        }
        self.move_invoice(id, "presented");
    }

    /// The review state that an invoice shows.
    fn show_reviews(&mut self, id: i64) {
        let of = |state: &str| self.reviews.values().any(|review| review.invoice == id && review.state == state);
        let shown = if of("open") { "open" } else { ["", "cleared"][usize::from(of("cleared"))] };
        if let Some(invoice) = self.invoices.get_mut(&id) {
            invoice.review = shown;
            self.touched.invoices.insert(id);
        }
    }

    /// An invoice is gone: neither its own reviews nor those that point at it stay open.
    fn end_reviews(&mut self, id: i64) {
        let mut freed = Vec::new();
        for review in self
            .reviews
            .values_mut()
            .filter(|review| review.state == "open" && (review.invoice == id || review.other == Some(id)))
        {
            review.state = "released";
            freed.push(review.invoice);
        }
        freed.into_iter().for_each(|invoice| self.show_reviews(invoice));
    }

    fn move_invoice(&mut self, id: i64, state: &'static str) {
        if let Some(invoice) = self.invoices.get_mut(&id) {
            invoice.state = state;
            self.touched.invoices.insert(id);
        }
        if ["disputed", "withdrawn", "rejected", "expired"].contains(&state) {
            for (at, request) in &mut self.approvals {
                let of_it = matches!(&request.command, Command::ConfirmInvoice(confirm) if confirm.invoice_id.0 == id);
                if of_it && request.state == "pending" {
                    request.state = "ended";
                    self.touched.approvals.insert(*at);
                }
            }
        }
    }

    fn end_offer(&mut self, id: i64, state: &'static str) {
        self.end_requests(|approval| matches!(&approval.command, Command::BuyFractions(buy) if buy.offer_id.0 == id));
        if let Some(offer) = self.offers.get_mut(&id) {
            offer.state = state;
            let (holding, left) = (("holding", offer.supplier, offer.receivable), offer.left);
            self.change(holding, 0, -left);
            self.touched.offers.insert(id);
        }
    }

    fn issue(&mut self, confirm: &ConfirmInvoice, body: &Value, ids: &mut impl Ids) -> Result<(), String> {
        let receivable_id = body["receivable_id"].as_i64().unwrap_or(0);
        let confirmed = i128::from(confirm.amount_minor);
        let invoice = self.invoices.get_mut(&confirm.invoice_id.0).ok_or("no invoice")?;
        let state = if confirmed < invoice.payable - invoice.credited { "partially_confirmed" } else { "confirmed" };
        (invoice.confirmed, invoice.due) = (confirmed, Some(confirm.due_date));
        let (supplier, buyer, currency) = (invoice.supplier, invoice.buyer, invoice.currency.clone());
        self.move_invoice(confirm.invoice_id.0, state);
        let platform = self.terms.get(&currency).ok_or("no terms")?.clone();
        let under = self.under(&self.invoices[&confirm.invoice_id.0], confirm.due_date);
        let under = under.map(|(id, programme)| (id, programme.clone()));
        let terms = under.as_ref().map_or_else(|| platform.clone(), |(_, programme)| self.issue_terms(programme, &platform));
        let reserve = share_up(confirmed, terms.reserve_bps);
        let fee = share_up(confirmed, terms.settlement_bps).min(reserve);
        let payment_date = self.following(&currency, confirm.due_date);
        let reserve_asset = ids.reserve_asset(receivable_id);
        let receivable = Receivable {
            reserve_asset,
            invoice: confirm.invoice_id.0,
            supplier,
            buyer,
            currency,
            confirmed,
            face: confirmed - reserve,
            reserve,
            fee,
            fee_paid: 0,
            terms,
            payment_date,
            interest_from: payment_date,
            state: "issued",
            paid: 0,
            reference: body["reference"].as_str().unwrap_or("").to_owned(),
            redeemed: 0,
            programme: under.as_ref().map(|(id, _)| *id),
            sellable: under.as_ref().map_or(confirmed - reserve, |(_, programme)| {
                (confirmed * i128::from(programme.terms.advance_bps) / 10_000).min(confirmed - reserve)
            }),
            buyer_bears: under.as_ref().is_some_and(|(_, programme)| programme.terms.fee_bearer == "buyer"),
        };
        self.transfer(("issued", 0, receivable_id), ("holding", supplier, receivable_id), receivable.face);
        self.transfer(("issued", 0, reserve_asset), ("holding", supplier, reserve_asset), reserve);
        self.receivables.insert(receivable_id, receivable);
        self.touched.receivables.insert(receivable_id);
        Ok(())
    }

    fn receive(&mut self, custody: i64, target: Target, currency: &str, amount: i128, value_date: NaiveDate) {
        *self.at_bank.entry((custody, asset_of(currency))).or_default() += amount;
        self.place(("custody", custody, asset_of(currency)), target, currency, amount, value_date);
    }

    /// Money finds its company or its receivable.
    fn place(&mut self, from: super::model::Account, target: Target, currency: &str, amount: i128, value_date: NaiveDate) {
        let asset = asset_of(currency);
        match target {
            Target::Company(party) => self.transfer(from, ("cash", party, asset), amount),
            Target::Receivable(id) => {
                self.transfer(from, ("collection", id, asset), amount);
                self.redeem(id, amount, value_date);
            }
        }
    }

    /// Face to the holders, then late interest, then the platform's fee, then the reserve; the rest to suspense.
    fn redeem(&mut self, id: i64, payment: i128, value_date: NaiveDate) {
        let open: Vec<i64> =
            self.offers.iter().filter(|(_, offer)| offer.receivable == id && offer.state == "open").map(|(id, _)| *id).collect();
        for offer in open {
            self.end_offer(offer, "expired");
        }
        let mut receivable = self.receivables[&id].clone();
        if ["issued", "active"].contains(&receivable.state) {
            self.bill_settlement(id);
        }
        let asset = asset_of(&receivable.currency);
        let units: BTreeMap<i64, i128> = self.holders(id).into_iter().collect();
        let outstanding: i128 = units.values().sum();
        let grace_ends = receivable.payment_date + Days::new(receivable.terms.grace_days.unsigned_abs());
        if value_date > grace_ends && value_date > receivable.interest_from {
            let terms = &receivable.terms;
            let due = interest(outstanding, terms.late, &terms.late_count, receivable.interest_from, value_date);
            receivable.interest_from = value_date;
            let weights: Vec<i128> = units.values().copied().collect();
            for (party, share) in units.keys().zip(divide(due, &weights)) {
                self.late.entry((id, *party)).or_default().0 += share;
            }
        }
        let claims: BTreeMap<i64, i128> = self
            .late
            .range((id, i64::MIN)..=(id, i64::MAX))
            .filter(|(_, (due, paid))| due > paid)
            .map(|((_, party), (due, paid))| (*party, due - paid))
            .collect();
        // The count of parts goes on while only payments move units, and begins anew after any other move.
        let mut parts = self.parts.remove(&id).unwrap_or_default();
        for (known, now) in parts.iter_mut().zip([&units, &claims]) {
            let left = |known: &BTreeMap<i64, (i128, i128)>| -> BTreeMap<i64, i128> {
                known.iter().filter(|(_, (_, left))| *left > 0).map(|(party, (_, left))| (*party, *left)).collect()
            };
            if left(known) != *now {
                *known = now.iter().map(|(party, units)| (*party, (*units, *units))).collect();
            }
        }
        let mut holders: BTreeMap<i64, (i128, i128)> = units.into_iter().map(|(party, units)| (party, (units, 0))).collect();
        for (party, due) in claims {
            holders.entry(party).or_default().1 = due;
        }
        let mut left = payment;
        let mut take = |due: i128| {
            let part = left.min(due);
            left -= part;
            part
        };
        let (faces, claims): (Vec<i128>, Vec<i128>) = holders.values().copied().unzip();
        let junior = ("holding", receivable.supplier, receivable.reserve_asset);
        let reserve_left = self.amounts(junior).balance;
        let fee_due = self.of_sold(id, receivable.fee) - receivable.fee_paid;
        let (face, interest) = (take(faces.iter().sum()), take(claims.iter().sum()));
        let (fee, reserve) = (take(fee_due), take(reserve_left - fee_due));
        let collection = ("collection", id, asset);
        let [faces_paid, interest_paid] = [(0, face), (1, interest)].map(|(which, amount)| pay_parts(&mut parts[which], amount));
        self.parts.insert(id, parts);
        for party in holders.keys().copied() {
            let paid = |shares: &BTreeMap<i64, i128>| shares.get(&party).copied().unwrap_or(0);
            let (face, interest) = (paid(&faces_paid), paid(&interest_paid));
            self.transfer(collection, ("cash", party, asset), face + interest);
            self.transfer(("holding", party, id), ("issued", 0, id), face);
            if interest > 0 {
                self.late.entry((id, party)).or_default().1 += interest;
            }
            // The supplier's own units never used any of its limits.
            let limit = self.limits.get_mut(&(party, receivable.buyer, receivable.currency.clone()));
            if let Some(limit) = limit.filter(|_| party != receivable.supplier) {
                limit.used -= face;
                self.touched.limits.insert(limit.id);
            }
        }
        self.transfer(collection, ("fees", 0, asset), fee);
        self.transfer(collection, ("cash", receivable.supplier, asset), reserve);
        self.transfer(junior, ("issued", 0, receivable.reserve_asset), fee + reserve);
        self.transfer(collection, ("suspense", 0, asset), left);
        receivable.fee_paid += fee;
        receivable.paid += payment - left;
        receivable.redeemed += face;
        let all = face == outstanding && interest == claims.iter().sum::<i128>() && fee + reserve == reserve_left;
        let ended = receivable.state == "redeemed";
        receivable.state = match (receivable.state, all) {
            ("redeemed", _) | (_, true) => "redeemed",
            ("overdue", false) => "overdue",
            _ => "part_redeemed",
        };
        if !ended {
            let before = self.invoices[&receivable.invoice].state;
            let after = if all {
                "paid"
            } else if before == "overdue" {
                "overdue"
            } else {
                "part_paid"
            };
            self.move_invoice(receivable.invoice, after);
        }
        self.touched.receivables.insert(id);
        self.receivables.insert(id, receivable);
    }

    fn keep_line(&mut self, id: i64, line: Line) {
        self.lines.insert(id, line);
        self.touched.lines.insert(id);
    }

    fn import(&mut self, file: &ImportStatement, body: &Value, ids: &mut impl Ids) -> Result<(), String> {
        self.files.insert(file.sha256.clone());
        let statement_id = body["statement_id"].as_i64().unwrap_or(0);
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        let [statement] = file.statements.as_slice() else { return Err("the simulation sends one statement a file".to_owned()) };
        self.statements.insert((statement.message_id.clone(), statement.statement_id.clone()));
        let own = self.custody.iter().find(|(_, iban)| **iban == statement.iban);
        let custody = own.map(|(id, _)| *id).ok_or("no account")?;
        let details = statement.entries.iter().flat_map(|entry| entry.details.iter().map(move |detail| (entry, detail)));
        let wholes: Vec<Whole> = (0..statement.entries.len()).map(|index| Whole::of(statement, index)).collect();
        let wholes = statement.entries.iter().zip(wholes).flat_map(|(entry, whole)| entry.details.iter().map(move |_| whole));
        for (((entry, detail), line_id), whole) in details.zip(ids.lines(statement_id)).zip(wholes) {
            let fate = self.import_line((statement_id, line_id, statement.notification, custody), (entry, detail), whole);
            *counts.entry(fate).or_default() += 1;
        }
        for name in ["matched", "confirmed", "suspense", "payouts", "returned", "skipped", "attention"] {
            agree("import_statement", body, name, counts.get(name).copied().unwrap_or(0))?;
        }
        Ok(())
    }

    /// Keeps a line of a file, books it, and returns its state.
    fn import_line(
        &mut self,
        (statement, id, notification, custody): (i64, i64, bool, i64),
        (entry, detail): (&Entry, &EntryDetail),
        whole: Whole,
    ) -> &'static str {
        let amount = i128::from(detail.amount_minor);
        let booking = (
            entry.bank_reference.clone(),
            entry.currency.clone(),
            entry.credit,
            amount,
            detail.end_to_end.clone(),
            detail.reference.clone(),
        );
        let payer = if entry.credit { detail.debtor_iban.as_str() } else { detail.creditor_iban.as_str() };
        let words = format!("{booking:?} {} {} {payer} {}", entry.booking_date, entry.value_date, detail.remittance);
        let words = words.replacen(&format!("{:?}", entry.bank_reference), "", 1);
        let mut line = Line {
            currency: entry.currency.clone(),
            amount,
            value_date: entry.value_date,
            booking_day: entry.booking_date,
            iban: payer.to_owned(),
            state: "attention",
            kind: "",
            incoming: entry.credit,
            statement,
            notification,
            booking,
            words,
            occurrence: 1,
            references: std::iter::once(detail.reference.as_str())
                .chain(detail.remittance.split_whitespace())
                .map(str::to_owned)
                .collect(),
            end_to_end: detail.end_to_end.clone(),
            target: None,
            twin: None,
            claim: 0,
            debtor: 0,
            acted: "",
            linked: None,
            written: 0,
            reversed: None,
            custody,
            other: None,
        };
        let equals = |one: &&Line| one.statement == statement && one.words == line.words && one.kind != "pending";
        line.occurrence = if entry.booked { self.lines.values().filter(equals).count() + 1 } else { 1 };
        let waited = self.find_announced(&line).filter(|_| entry.booked);
        let told = if entry.booked && waited.is_none() { self.told(&line, whole) } else { Told::New };
        let fate = self.decide_line((entry.booked, entry.reversal), id, &mut line, &told);
        let awaited = match told {
            Told::Awaited(lines) if fate != "skipped" && line.kind != "possible_repeat" => lines,
            _ => waited.into_iter().collect(),
        };
        for line in awaited {
            self.close_announced(line, id);
        }
        self.keep_line(id, line);
        fate
    }

    /// The announced line that this line of a statement brings.
    fn find_announced(&self, line: &Line) -> Option<i64> {
        let waits = |other: &Line| {
            other.kind == "announced"
                && other.custody == line.custody
                && other.statement != line.statement
                && other.state != "skipped"
                && !line.notification
        };
        let named =
            self.lines.iter().filter(|(_, other)| waits(other) && !line.booking.0.is_empty() && other.booking == line.booking);
        let said = self.lines.iter().filter(|(_, other)| {
            let unnamed = line.booking.0.is_empty() || other.booking.0.is_empty();
            waits(other) && unnamed && other.words == line.words && other.occurrence == line.occurrence
        });
        named.map(|(id, _)| *id).min().or_else(|| said.map(|(id, _)| *id).min())
    }

    fn close_announced(&mut self, waited: i64, by: i64) {
        self.end_requests(|approval| match &approval.command {
            Command::ResolveLine(resolve) => resolve.line_id.0 == waited,
            Command::TakeBackLine(back) => back.line_id.0 == waited,
            _ => false,
        });
        if let Some(line) = self.lines.get_mut(&waited) {
            (line.state, line.kind, line.twin) = ("skipped", "by_statement", Some(by));
            self.touched.lines.insert(waited);
        }
    }

    /// Whether another statement has brought the same booking, by the bank's reference or by all else that it says.
    fn is_known(&self, line: &Line) -> bool {
        self.lines
            .values()
            .filter(|other| other.statement > 0 && other.statement != line.statement && other.state != "skipped")
            .filter(|other| other.custody == line.custody)
            .filter(|other| line.notification || other.kind != "announced")
            .any(|other| {
                let unnamed = line.booking.0.is_empty() || other.booking.0.is_empty();
                (!line.booking.0.is_empty() && other.booking == line.booking)
                    || (unnamed && other.words == line.words && other.occurrence == line.occurrence)
            })
    }

    /// The result of a search for the whole entry in the other statements, by the bank's reference.
    fn told(&self, line: &Line, whole: Whole) -> Told {
        let same = |other: &Line| {
            other.statement > 0
                && other.statement != line.statement
                && other.custody == line.custody
                && !line.booking.0.is_empty()
                && other.booking.0 == line.booking.0
                && (&other.currency, other.incoming) == (&line.currency, line.incoming)
                && (other.booking_day == line.booking_day || other.value_date == line.value_date)
                && other.kind != "pending"
        };
        let mut groups: BTreeMap<i64, (i128, Vec<(i64, bool)>)> = BTreeMap::new();
        for (id, other) in self.lines.iter().filter(|(_, other)| same(other)) {
            let group = groups.entry(other.statement).or_default();
            group.0 += other.amount;
            let announced = other.kind == "announced" && !(line.notification && line.incoming);
            let unnamed = (other.state, other.kind) == ("attention", "unknown_debit") && whole.named;
            if other.state != "skipped" {
                group.1.push((*id, announced || unnamed));
            }
        }
        groups.retain(|_, (_, open)| !open.is_empty());
        let equal: Vec<_> =
            groups.values().filter(|(sum, _)| *sum == whole.all || (*sum == whole.amount && !whole.again)).collect();
        let all = |waits: bool| move |(_, open): &&&(i128, Vec<(i64, bool)>)| open.iter().all(|one| one.1 == waits);
        if equal.iter().any(|group| all(false)(&group)) {
            return Told::Known;
        }
        let waiting: Vec<i64> = equal.iter().filter(all(true)).flat_map(|(_, open)| open.iter().map(|one| one.0)).collect();
        match equal.iter().all(|group| all(true)(&group)) {
            true if !equal.is_empty() => Told::Awaited(waiting),
            _ if groups.is_empty() => Told::New,
            _ => Told::Unclear,
        }
    }

    fn decide_line(&mut self, (booked, reversal): (bool, bool), id: i64, line: &mut Line, told: &Told) -> &'static str {
        if !booked || self.is_known(line) || *told == Told::Known {
            (line.state, line.kind) = ("skipped", if booked { "duplicate" } else { "pending" });
            return "skipped";
        }
        let twice = self.lines.values().filter(|one| one.statement == line.statement && one.kind != "pending").any(|one| {
            if line.booking.0.is_empty() {
                one.booking.0.is_empty() && one.words == line.words
            } else {
                one.booking == line.booking
            }
        });
        if twice || *told == Told::Unclear {
            line.kind = "possible_repeat";
            return "attention";
        }
        let target = line.references.iter().find_map(|word| self.target(word, &line.currency));
        if line.incoming && !reversal {
            let near = self.lines.iter().filter(|(_, one)| {
                let days = one.value_date.signed_duration_since(line.value_date).num_days().abs();
                one.kind == "recorded"
                    && one.twin.is_none()
                    && one.state == "matched"
                    && days <= 7
                    && (&one.currency, one.amount) == (&line.currency, line.amount)
            });
            let certain = |one: &Line| target.is_some() && one.target == target && one.custody == line.custody;
            let best = near.map(|(id, one)| (!certain(one), *id)).min();
            if let Some((other, receipt)) = best {
                line.twin = Some(receipt);
                if other {
                    line.kind = "possibly_recorded";
                    return "attention";
                }
                self.confirm(id, line, receipt);
                return "confirmed";
            }
        }
        if line.incoming
            && !reversal
            && target.is_none()
            && line.iban.is_empty()
            && let Some(begun) = self.begun(line, None)
        {
            (line.kind, line.twin) = ("possible_transfer", Some(begun));
            return "attention";
        }
        if line.notification && line.incoming && line.amount > self.terms[&line.currency].announced {
            line.kind = "announced";
            return "attention";
        }
        if let Some(Target::Receivable(id)) = target.filter(|_| line.incoming && !reversal) {
            let row = &self.receivables[&id];
            let least = row.terms.minimum_ticket.min(row.confirmed - row.paid);
            let for_sale = ["issued", "active"].contains(&row.state) && self.amounts(("holding", row.supplier, id)).balance > 0;
            if for_sale && self.today < row.payment_date && line.amount < least {
                line.kind = "small_part";
                return "attention";
            }
        }
        if line.value_date > self.today || !self.is_near(&line.currency, line.booking_day, line.value_date) {
            line.kind = "value_date";
            return "attention";
        }
        if reversal && !line.incoming {
            line.kind = "reversal";
            return "attention";
        }
        // A credit that takes one of our own debits back names no payout here: the platform does not guess the payout.
        if !reversal && !self.covers(line) {
            line.kind = "no_cover";
            return "attention";
        }
        self.book_line(id, line, (target.filter(|_| !reversal), reversal))
    }

    /// The second line of a transfer between the platform's accounts: the first has booked it.
    fn join(&mut self, id: i64, line: &mut Line, first: i64) {
        if let Some(other) = self.lines.get_mut(&first) {
            (other.kind, other.state, other.twin, other.other) = ("own_transfer", "matched", Some(id), Some(line.custody));
            (line.kind, line.state, line.twin, line.other) = ("own_transfer", "matched", Some(first), Some(other.custody));
        }
        let sign = if line.incoming { 1 } else { -1 };
        *self.at_bank.entry((line.custody, asset_of(&line.currency))).or_default() += sign * line.amount;
        self.touched.lines.insert(first);
    }

    /// Money that moves between the platform's accounts.
    fn book_transfer(&mut self, id: i64, line: &mut Line, other: i64) {
        if let Some(first) = self.begun(line, Some(other)) {
            self.join(id, line, first);
            return;
        }
        let (asset, amount) = (asset_of(&line.currency), line.amount);
        let (from, to, sign) = if line.incoming { (other, line.custody, 1) } else { (line.custody, other, -1) };
        self.transfer(("custody", to, asset), ("custody", from, asset), amount);
        *self.at_bank.entry((line.custody, asset)).or_default() += sign * amount;
        (line.kind, line.state, line.other) = ("own_transfer", "matched", Some(other));
    }

    fn confirm(&mut self, id: i64, line: &mut Line, receipt: i64) {
        if let Some(recorded) = self.lines.get_mut(&receipt) {
            recorded.twin = Some(id);
            (line.state, line.kind, line.twin, line.target) = ("confirmed", "confirms", Some(receipt), recorded.target);
        }
    }

    /// Books a line against which there is no objection.
    fn book_line(&mut self, id: i64, line: &mut Line, (target, reversal): (Option<Target>, bool)) -> &'static str {
        let (asset, amount) = (asset_of(&line.currency), line.amount);
        if let Some(other) = self.own_account(line).filter(|_| !reversal) {
            self.book_transfer(id, line, other);
            return "matched";
        }
        (line.state, line.target) = ("matched", target);
        if line.incoming {
            if let Some(target) = target {
                self.receive(line.custody, target, &line.currency, amount, line.value_date);
                return "matched";
            }
            line.state = "suspense";
            *self.at_bank.entry((line.custody, asset)).or_default() += amount;
            self.transfer(("custody", line.custody, asset), ("suspense", 0, asset), amount);
            return "suspense";
        }
        let own = self.payouts.iter().find(|(_, payout)| {
            payout.end_to_end == line.end_to_end && payout.amount == amount && payout.currency == line.currency
        });
        let debited = |one: &Line| !one.incoming && one.state == "matched" && one.end_to_end == line.end_to_end;
        match own.map(|(id, payout)| (*id, payout.state)) {
            Some((id, "sent")) => {
                self.settle_payout(id, line.custody);
                "payouts"
            }
            found => {
                let twice = found.is_some() && self.lines.values().any(debited);
                (line.state, line.kind) = ("attention", if twice { "double_debit" } else { "unknown_debit" });
                "attention"
            }
        }
    }

    /// The money of a payout that is in no file yet is free again, or waits again.
    fn cancel(&mut self, id: i64) -> Result<(), String> {
        let payout = self.payouts.get_mut(&id).ok_or("no payout")?;
        payout.state = "cancelled";
        let (party, line, amount, asset) = (payout.party, payout.line, payout.amount, asset_of(&payout.currency));
        self.touched.payouts.insert(id);
        self.change(party.map_or(("suspense", 0, asset), |party| ("cash", party, asset)), 0, -amount);
        if let Some(line) = line {
            self.lines.get_mut(&line).ok_or("no line")?.state = "suspense";
            self.touched.lines.insert(line);
        }
        self.count_rare(if party.is_some() { "cancelled" } else { "return cancelled" });
        Ok(())
    }

    /// A part of the money of a line becomes a line of its own; the rest keeps the line's number and waits.
    fn part_line(&mut self, whole: i64, part: i64, amount: i128) -> Result<(), String> {
        let rest = self.lines.get_mut(&whole).ok_or("no line")?;
        if amount == rest.amount {
            return if part == whole { Ok(()) } else { Err("all of a line is no part of it".to_owned()) };
        }
        rest.amount -= amount;
        rest.booking.3 -= amount;
        let mut own = Line { amount, twin: None, acted: "", linked: None, words: String::new(), ..rest.clone() };
        own.booking.3 = amount;
        self.touched.lines.insert(whole);
        self.count_rare("part");
        if self.lines.insert(part, own).is_some() {
            return Err("a part took the number of another line".to_owned());
        }
        Ok(())
    }

    fn settle_payout(&mut self, id: i64, custody: i64) {
        let Some(payout) = self.payouts.get_mut(&id) else { return };
        (payout.state, payout.custody) = ("settled", custody);
        let (party, amount, asset) = (payout.party, payout.amount, asset_of(&payout.currency));
        self.touched.payouts.insert(id);
        let from = party.map_or(("suspense", 0, asset), |party| ("cash", party, asset));
        self.change(from, 0, -amount);
        self.transfer(from, ("custody", custody, asset), amount);
        *self.at_bank.entry((custody, asset)).or_default() -= amount;
    }

    /// Carries out the decision of two people about a line.
    fn resolve(&mut self, resolve: &ResolveLine) -> Result<(), String> {
        let mut line = self.lines.get(&resolve.line_id.0).cloned().ok_or("no line")?;
        let (asset, amount) = (asset_of(&line.currency), line.amount);
        let custody = ("custody", line.custody, asset);
        let other = resolve.other_id.map_or(0, |id| id.0);
        let mut gone = 0;
        line.acted = ["accept", "same", "link", "reverse", "expense", "claim", "settle_claim", "write_off", "explain"]
            .into_iter()
            .find(|act| *act == resolve.act)
            .unwrap_or("");
        match resolve.act.as_str() {
            "accept" => {
                let today = self.today;
                line.value_date = resolve.value_date.unwrap_or(line.booking_day.min(today));
                line.kind = "";
                let target = line.references.iter().find_map(|word| self.target(word, &line.currency));
                self.book_line(resolve.line_id.0, &mut line, (target, false));
            }
            "same" if line.kind == "possible_transfer" => self.join(resolve.line_id.0, &mut line, other),
            "transfer" => {
                if self.lines.get(&other).is_some_and(|credit| credit.state == "suspense") {
                    self.transfer(("suspense", 0, asset), custody, amount);
                }
                self.join(resolve.line_id.0, &mut line, other);
            }
            "same" => self.confirm(resolve.line_id.0, &mut line, other),
            "link" => {
                self.settle_payout(other, line.custody);
                (line.state, line.linked) = ("matched", Some(other));
            }
            "reverse" => {
                let named = other;
                let other = self.booked_by(named);
                self.count_rare(if named == other { "reversed" } else { "confirmed, reversed" });
                let receipt = self.lines.get(&other).cloned().ok_or("no receipt")?;
                let (there, debtor, from) = match (receipt.state, receipt.target) {
                    ("suspense", _) => (amount, 0, ("suspense", 0, asset)),
                    (_, Some(Target::Receivable(id))) => (0, self.receivables[&id].buyer, custody),
                    (_, Some(Target::Company(party))) => {
                        let cash = ("cash", party, asset);
                        (self.free(cash).clamp(0, amount), party, cash)
                    }
                    _ => return Err("a receipt without a place".to_owned()),
                };
                self.transfer(from, custody, there);
                self.transfer(("claim", debtor, asset), custody, amount - there);
                (line.claim, line.debtor, line.twin) = (amount - there, debtor, Some(other));
                line.state = if line.claim > 0 { "claimed" } else { "reversed" };
                let (state, twin) = (receipt.state, receipt.twin);
                line.reversed = Some(Reversed { receipt: other, state, twin, missing: line.claim });
                gone = amount;
                if let Some(receipt) = self.lines.get_mut(&other) {
                    (receipt.state, receipt.twin) = ("reversed", Some(resolve.line_id.0));
                    self.touched.lines.insert(other);
                }
            }
            "expense" => {
                self.transfer(("expense", 0, asset), custody, amount);
                line.state = "expensed";
                gone = amount;
            }
            "claim" => {
                self.transfer(("claim", 0, asset), custody, amount);
                (line.state, line.claim) = ("claimed", amount);
                gone = amount;
            }
            "settle_claim" => {
                let paying = self.lines.get_mut(&other).ok_or("no payment")?;
                (paying.state, paying.kind, paying.twin) = ("placed", "claim_payment", Some(resolve.line_id.0));
                let paid = paying.amount;
                self.touched.lines.insert(other);
                self.transfer(("suspense", 0, asset), ("claim", line.debtor, asset), paid);
                line.claim -= paid;
                if line.claim == 0 {
                    line.state = "reversed";
                }
            }
            "write_off" => {
                self.transfer(("expense", 0, asset), ("claim", line.debtor, asset), line.claim);
                (line.state, line.written, line.claim) = ("expensed", line.claim, 0);
            }
            _ => line.state = "explained",
        }
        *self.at_bank.entry((line.custody, asset)).or_default() -= gone;
        self.keep_line(resolve.line_id.0, line);
        Ok(())
    }

    /// Undoes the act of two people on a line.
    fn take_back(&mut self, id: i64, ids: &mut impl Ids) -> Result<(), String> {
        let mut line = self.lines.get(&id).cloned().ok_or("no line")?;
        let (asset, amount) = (asset_of(&line.currency), line.amount);
        let (custody, suspense, expense) = (("custody", line.custody, asset), ("suspense", 0, asset), ("expense", 0, asset));
        let way = Self::way_back(&line).ok_or("no way back")?;
        let mut come = 0;
        match way {
            "placement" | "receipt" => {
                let (from, debtor, there) = match line.target {
                    Some(Target::Company(party)) => {
                        let cash = ("cash", party, asset);
                        (cash, party, self.free(cash).clamp(0, amount))
                    }
                    Some(Target::Receivable(receivable)) => (suspense, self.receivables[&receivable].buyer, 0),
                    None => return Err("a line without a place".to_owned()),
                };
                let (to, missing) = (if way == "receipt" { custody } else { suspense }, amount - there);
                self.transfer(from, to, there);
                self.transfer(("claim", debtor, asset), to, missing);
                if way == "receipt" {
                    come = -amount;
                    (line.claim, line.debtor) = (missing, debtor);
                    line.state = if missing > 0 { "claimed" } else { "reversed" };
                } else {
                    (line.state, line.target) = ("suspense", None);
                    if missing > 0 {
                        let new = ids.claims(id).into_iter().find(|one| !self.lines.contains_key(one)).ok_or("no claim")?;
                        let claim = Line {
                            amount: missing,
                            incoming: false,
                            statement: 0,
                            state: "claimed",
                            kind: "placement_reversed",
                            claim: missing,
                            debtor,
                            twin: Some(id),
                            end_to_end: String::new(),
                            references: Vec::new(),
                            acted: "",
                            ..line.clone()
                        };
                        self.keep_line(new, claim);
                    }
                }
            }
            "claim_payment" => {
                let owed = line.twin.ok_or("no claim")?;
                let claim = self.lines.get_mut(&owed).ok_or("no claim")?;
                claim.claim += amount;
                claim.state = "claimed";
                let debtor = claim.debtor;
                self.touched.lines.insert(owed);
                self.transfer(("claim", debtor, asset), suspense, amount);
                (line.state, line.kind, line.twin) = ("suspense", "", None);
            }
            "accept" => {
                self.transfer(suspense, custody, amount);
                come = -amount;
                (line.state, line.kind, line.target) = ("attention", "possible_repeat", None);
            }
            "same" => {
                let receipt = line.twin.ok_or("no receipt")?;
                self.lines.get_mut(&receipt).ok_or("no receipt")?.twin = None;
                (line.state, line.kind, line.target) = ("attention", "possibly_recorded", None);
            }
            "link" => {
                let linked = line.linked.take().ok_or("no payout")?;
                let payout = self.payouts.get_mut(&linked).ok_or("no payout")?;
                (payout.state, payout.custody) = ("sent", payout.drawn);
                let from = payout.party.map_or(suspense, |party| ("cash", party, asset));
                self.touched.payouts.insert(linked);
                self.transfer(custody, from, amount);
                self.change(from, 0, amount);
                come = amount;
                line.state = "attention";
            }
            "reverse" => {
                let was = line.reversed.take().ok_or("no receipt")?;
                let receipt = self.lines.get_mut(&was.receipt).ok_or("no receipt")?;
                (receipt.state, receipt.twin) = (was.state, was.twin);
                self.touched.lines.insert(was.receipt);
                let to = if line.debtor > 0 { ("cash", line.debtor, asset) } else { suspense };
                self.transfer(custody, to, amount - was.missing);
                self.transfer(custody, ("claim", line.debtor, asset), was.missing);
                come = amount;
                (line.state, line.claim, line.debtor, line.twin) = ("attention", 0, 0, None);
                self.count_rare(if was.missing > 0 { "claim restored" } else { "restored" });
            }
            "expense" => {
                self.transfer(custody, expense, amount);
                come = amount;
                line.state = "attention";
            }
            "claim" => {
                self.transfer(custody, ("claim", 0, asset), amount);
                come = amount;
                (line.state, line.claim) = ("attention", 0);
            }
            "write_off" => {
                self.transfer(("claim", line.debtor, asset), expense, line.written);
                (line.state, line.claim) = ("claimed", line.written);
            }
            _ => line.state = "attention",
        }
        *self.at_bank.entry((line.custody, asset)).or_default() += come;
        self.keep_line(id, line);
        Ok(())
    }

    fn end_day(&mut self, what: &str, body: &Value) -> Result<(), String> {
        let next = self.today + Days::new(1);
        self.end_requests(|approval| matches!(approval.command, Command::BuyFractions(_)));
        let collected = self.collect_fees();
        agree(what, body, "fees_collected", collected)?;
        let ended: Vec<i64> =
            self.offers.iter().filter(|(_, offer)| offer.state == "open" && offer.close < next).map(|(id, _)| *id).collect();
        agree(what, body, "offers_expired", i64::try_from(ended.len()).unwrap_or(0))?;
        for id in ended {
            self.end_offer(id, "expired");
        }
        let (mut matured, mut overdue) = (0, 0);
        let due = |one: &Receivable| one.payment_date <= next && ["issued", "active"].contains(&one.state);
        let due: Vec<i64> = self.receivables.iter().filter(|(_, one)| due(one)).map(|(id, _)| *id).collect();
        due.into_iter().for_each(|id| self.bill_settlement(id));
        for (id, receivable) in &mut self.receivables {
            if receivable.payment_date > next {
                continue;
            }
            if ["issued", "active"].contains(&receivable.state) {
                receivable.state = "matured";
                matured += 1;
                self.touched.receivables.insert(*id);
            }
            let grace_ends = receivable.payment_date + Days::new(receivable.terms.grace_days.unsigned_abs());
            if next > grace_ends && ["matured", "part_redeemed"].contains(&receivable.state) {
                receivable.state = "overdue";
                overdue += 1;
                self.touched.receivables.insert(*id);
                if let Some(invoice) = self.invoices.get_mut(&receivable.invoice) {
                    invoice.state = "overdue";
                    self.touched.invoices.insert(receivable.invoice);
                }
            }
        }
        agree(what, body, "matured", matured)?;
        agree(what, body, "overdue", overdue)?;
        let late = |invoice: &Invoice| invoice.state == "presented" && invoice.answer_by.is_some_and(|day| day < next);
        let unanswered: Vec<i64> = self.invoices.iter().filter(|(_, invoice)| late(invoice)).map(|(id, _)| *id).collect();
        agree(what, body, "unanswered", i64::try_from(unanswered.len()).unwrap_or(0))?;
        for id in unanswered {
            self.move_invoice(id, "expired");
        }
        agree(what, body, "business_date", json!(next))?;
        self.today = next;
        Ok(())
    }

    /// The limit with this id.
    #[must_use]
    pub fn limit(&self, id: i64) -> Option<Limit> {
        self.limits.values().find(|limit| limit.id == id).copied()
    }
}
