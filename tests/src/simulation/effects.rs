//! What a command that succeeded must have changed. New ids are learned from its outcome, never amounts.

use super::arithmetic::{self, divide, interest, share_up};
use super::model::{Approval, Invoice, Limit, Line, Model, Offer, Payout, Receivable, Terms, asset_of};
use super::rules::{Target, fingerprint};
use chrono::{Days, NaiveDate};
use formats::camt::{Entry, EntryDetail};
use serde_json::{Value, json};
use server::commands::confirm_invoice::ConfirmInvoice;
use server::commands::import_statement::ImportStatement;
use server::commands::{Actor, Command, Outcome};
use std::collections::BTreeMap;

/// Ids that no outcome tells, read from the database.
pub trait Ids {
    /// The junior asset of a receivable.
    fn reserve_asset(&mut self, receivable: i64) -> i64;
    /// The lines of a statement, in order.
    fn lines(&mut self, statement: i64) -> Vec<i64>;
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

fn minor(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

impl Model {
    /// Books an outcome: of a request that waits, or of what was done.
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
            seq: outcome.seq,
            awaits_approval: outcome.awaits_approval,
            body: outcome.body.clone(),
        };
        self.keys.insert((actor.party_id, key.to_owned()), known);
        if let Some(id) = outcome.awaits_approval {
            let approval = Approval { party: actor.party_id, maker: actor.user_id, command: command.clone(), state: "pending" };
            self.approvals.insert(id, approval);
            self.touched.approvals.insert(id);
            return Ok(());
        }
        self.apply(actor, command, &outcome.body, ids)
    }

    fn apply(&mut self, actor: &Actor, command: &Command, body: &Value, ids: &mut impl Ids) -> Result<(), String> {
        let id = |name: &str| body[name].as_i64().unwrap_or(0);
        let what = command.name();
        match command {
            Command::BuyFractions(buy) => {
                let units = i128::from(buy.units_minor);
                let quote = self.quote(buy.offer_id, units).map_err(str::to_owned)?;
                let offer = self.offers.get_mut(&buy.offer_id).ok_or("no offer")?;
                offer.left -= units;
                if offer.left == 0 {
                    offer.state = "settled";
                }
                let (receivable_id, supplier, left) = (offer.receivable, offer.supplier, offer.left);
                let receivable = self.receivables.get_mut(&receivable_id).ok_or("no receivable")?;
                let (asset, limit_key) =
                    (asset_of(&receivable.currency), (actor.party_id, receivable.buyer, receivable.currency.clone()));
                agree(what, body, "price_minor", minor(quote.price))?;
                agree(what, body, "left_minor", minor(left))?;
                self.transfer(("cash", actor.party_id, asset), ("cash", supplier, asset), quote.price);
                self.transfer(("cash", supplier, asset), ("fees", 0, asset), quote.fee);
                self.transfer(("holding", supplier, receivable_id), ("holding", actor.party_id, receivable_id), units);
                self.change(("holding", supplier, receivable_id), 0, -units);
                let limit = self.limits.get_mut(&limit_key).ok_or("no limit")?;
                limit.used += units;
                self.touched.limits.insert(limit.id);
                self.touched.offers.insert(buy.offer_id);
            }
            Command::CreateOffer(create) => {
                let units = i128::from(create.units_minor);
                let receivable = self.receivables.get_mut(&create.receivable_id).ok_or("no receivable")?;
                if receivable.state == "issued" {
                    receivable.state = "active";
                }
                let invoice_id = receivable.invoice;
                let invoice = self.invoices.get_mut(&invoice_id).ok_or("no invoice")?;
                if ["confirmed", "partially_confirmed"].contains(&invoice.state) {
                    invoice.state = "assigned";
                }
                let offer = Offer {
                    receivable: create.receivable_id,
                    supplier: actor.party_id,
                    units,
                    left: units,
                    rate: arithmetic::rate(&create.rate).ok_or("no rate")?,
                    method: create.method.clone(),
                    day_count: create.day_count.clone(),
                    minimum_ticket: i128::from(create.minimum_ticket_minor),
                    close: create.close_date,
                    state: "open",
                };
                self.offers.insert(id("offer_id"), offer);
                self.change(("holding", actor.party_id, create.receivable_id), 0, units);
                self.touched.offers.insert(id("offer_id"));
                self.touched.receivables.insert(create.receivable_id);
                self.touched.invoices.insert(invoice_id);
            }
            Command::WithdrawOffer(withdraw) => {
                agree(what, body, "left_minor", minor(self.offers[&withdraw.offer_id].left))?;
                self.end_offer(withdraw.offer_id, "withdrawn");
            }
            Command::RegisterInvoice(register) => {
                let file = &register.parsed;
                let buyer = self.companies.values().find(|company| company.tax_id == file.buyer.tax_id);
                let invoice = Invoice {
                    supplier: actor.party_id,
                    buyer: buyer.map_or(0, |company| company.id),
                    currency: file.currency.clone(),
                    payable: self.read_amount(&file.currency, file.totals.payable).unwrap_or(0),
                    due: file.due_date,
                    identity: self.identity(actor, register),
                    state: "draft",
                    confirmed: 0,
                    answer_by: None,
                };
                self.invoices.insert(id("invoice_id"), invoice);
                self.touched.invoices.insert(id("invoice_id"));
            }
            Command::SubmitInvoice(submit) => {
                let invoice = self.invoices.get_mut(&submit.invoice_id).ok_or("no invoice")?;
                invoice.due = invoice.due.or(submit.due_date);
                self.present(submit.invoice_id);
            }
            Command::WithdrawInvoice(withdraw) => self.move_invoice(withdraw.invoice_id, "withdrawn"),
            Command::DisputeInvoice(dispute) => self.move_invoice(dispute.invoice_id, "disputed"),
            Command::SettleDispute(settle) => self.present(settle.invoice_id),
            Command::ConfirmInvoice(confirm) => self.issue(confirm, body, ids)?,
            Command::SetBuyerLimit(set) => {
                let limit = self.limits.entry((actor.party_id, set.buyer_id, set.currency.clone())).or_default();
                limit.limit = i128::from(set.limit_minor);
                limit.id = id("limit_id");
                self.touched.limits.insert(limit.id);
            }
            Command::SetApprovalLimit(set) => {
                self.approval_limits.insert((actor.party_id, set.currency.clone()), i128::from(set.limit_minor));
            }
            Command::RequestPayout(request) => {
                let amount = i128::from(request.amount_minor);
                self.change(("cash", actor.party_id, asset_of(&request.currency)), 0, amount);
                let end_to_end = body["end_to_end"].as_str().unwrap_or("").to_owned();
                let currency = request.currency.clone();
                let payout = Payout { party: Some(actor.party_id), currency, amount, state: "authorised", end_to_end };
                self.payouts.insert(id("payout_id"), payout);
                self.touched.payouts.insert(id("payout_id"));
            }
            Command::CreatePaymentFile(file) => {
                let (mut count, mut total) = (0, 0);
                for (id, payout) in &mut self.payouts {
                    if payout.state == "authorised" && payout.currency == file.currency {
                        payout.state = "sent";
                        self.touched.payouts.insert(*id);
                        (count, total) = (count + 1, total + payout.amount);
                    }
                }
                agree(what, body, "payments", count)?;
                agree(what, body, "total_minor", minor(total))?;
            }
            Command::ImportStatement(file) => self.import(file, body, ids)?,
            Command::RecordReceipt(receipt) => {
                let amount = i128::from(receipt.amount_minor);
                let target = self.target(&receipt.reference, &receipt.currency).ok_or("no target")?;
                self.receive(target, &receipt.currency, amount, receipt.value_date);
            }
            Command::AssignSuspense(assign) => {
                let target = self.may_assign(assign.line_id, &assign.reference).map_err(str::to_owned)?;
                let line = self.lines.get_mut(&assign.line_id).ok_or("no line")?;
                line.state = "placed";
                let (amount, currency, value_date) = (line.amount, line.currency.clone(), line.value_date);
                self.touched.lines.insert(assign.line_id);
                self.place(("suspense", 0, asset_of(&currency)), target, &currency, amount, value_date);
            }
            Command::ReturnSuspense(back) => {
                let line = self.lines.get_mut(&back.line_id).ok_or("no line")?;
                line.state = "returned";
                let (amount, currency) = (line.amount, line.currency.clone());
                self.touched.lines.insert(back.line_id);
                self.change(("suspense", 0, asset_of(&currency)), 0, amount);
                let payout_id = id("payout_id");
                let end_to_end = format!("KRET{payout_id}");
                self.payouts.insert(payout_id, Payout { party: None, currency, amount, state: "authorised", end_to_end });
                self.touched.payouts.insert(payout_id);
            }
            Command::CloseDay(_) => self.end_day(what, body)?,
            Command::DecideApproval(decision) => {
                let approval = self.approvals.get_mut(&decision.approval_id).ok_or("no approval")?;
                approval.state = if decision.approve { "approved" } else { "rejected" };
                self.touched.approvals.insert(decision.approval_id);
                if decision.approve {
                    let (maker, command) = (Actor::person(approval.party, approval.maker), approval.command.clone());
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
                };
                self.terms.insert(set.currency.clone(), terms);
            }
            Command::DecideCompany(decision) => {
                let company = self.companies.get_mut(&decision.party_id).ok_or("no company")?;
                company.active = decision.status == "active";
            }
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

    fn move_invoice(&mut self, id: i64, state: &'static str) {
        if let Some(invoice) = self.invoices.get_mut(&id) {
            invoice.state = state;
            self.touched.invoices.insert(id);
        }
    }

    fn end_offer(&mut self, id: i64, state: &'static str) {
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
        let invoice = self.invoices.get_mut(&confirm.invoice_id).ok_or("no invoice")?;
        let state = if confirmed < invoice.payable { "partially_confirmed" } else { "confirmed" };
        (invoice.confirmed, invoice.due) = (confirmed, Some(confirm.due_date));
        let (supplier, buyer, currency) = (invoice.supplier, invoice.buyer, invoice.currency.clone());
        self.move_invoice(confirm.invoice_id, state);
        let terms = self.terms.get(&currency).ok_or("no terms")?.clone();
        let reserve = share_up(confirmed, terms.reserve_bps);
        let fee = share_up(confirmed, terms.settlement_bps).min(reserve);
        let payment_date = self.following(&currency, confirm.due_date);
        let reserve_asset = ids.reserve_asset(receivable_id);
        let receivable = Receivable {
            reserve_asset,
            invoice: confirm.invoice_id,
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
        };
        self.transfer(("issued", 0, receivable_id), ("holding", supplier, receivable_id), receivable.face);
        self.transfer(("issued", 0, reserve_asset), ("holding", supplier, reserve_asset), reserve);
        self.receivables.insert(receivable_id, receivable);
        self.touched.receivables.insert(receivable_id);
        Ok(())
    }

    fn receive(&mut self, target: Target, currency: &str, amount: i128, value_date: NaiveDate) {
        *self.at_bank.entry(asset_of(currency)).or_default() += amount;
        self.place(("custody", 0, asset_of(currency)), target, currency, amount, value_date);
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
        let mut holders: BTreeMap<i64, (i128, i128)> = units.into_iter().map(|(party, units)| (party, (units, 0))).collect();
        for ((_, party), (due, paid)) in self.late.range((id, i64::MIN)..=(id, i64::MAX)) {
            if due > paid {
                holders.entry(*party).or_default().1 = due - paid;
            }
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
        let fee_due = receivable.fee - receivable.fee_paid;
        let (face, interest) = (take(faces.iter().sum()), take(claims.iter().sum()));
        let (fee, reserve) = (take(fee_due), take(reserve_left - fee_due));
        let collection = ("collection", id, asset);
        let shares = divide(face, &faces).into_iter().zip(divide(interest, &claims));
        for (party, (face, interest)) in holders.keys().copied().zip(shares) {
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

    fn import(&mut self, file: &ImportStatement, body: &Value, ids: &mut impl Ids) -> Result<(), String> {
        self.files.insert(file.sha256.clone());
        let statement_id = body["statement_id"].as_i64().unwrap_or(0);
        let mut counts = [0_i64; 4];
        let [statement] = file.statements.as_slice() else { return Err("the simulation sends one statement a file".to_owned()) };
        self.statements.insert((statement.message_id.clone(), statement.statement_id.clone()));
        let details = statement.entries.iter().flat_map(|entry| entry.details.iter().map(move |detail| (entry, detail)));
        for ((entry, detail), line_id) in details.zip(ids.lines(statement_id)) {
            self.import_line(statement_id, line_id, (entry, detail), &mut counts);
        }
        for (name, count) in ["matched", "suspense", "payouts", "skipped"].iter().zip(counts) {
            agree("import_statement", body, name, count)?;
        }
        Ok(())
    }

    fn import_line(&mut self, statement: i64, line_id: i64, (entry, detail): (&Entry, &EntryDetail), counts: &mut [i64; 4]) {
        const MATCHED: usize = 0;
        const SUSPENSE: usize = 1;
        const PAYOUTS: usize = 2;
        const SKIPPED: usize = 3;
        let amount = i128::from(detail.amount_minor);
        let booking = (entry.bank_reference.clone(), entry.credit, amount, detail.end_to_end.clone(), detail.reference.clone());
        let elsewhere = self.bookings.get(&booking).is_some_and(|statements| statements.iter().any(|id| *id != statement));
        if !entry.booked || (elsewhere && !entry.bank_reference.is_empty()) {
            counts[SKIPPED] += 1;
            return;
        }
        self.bookings.entry(booking).or_default().insert(statement);
        if entry.reversal && !entry.credit {
            counts[SKIPPED] += 1;
            return;
        }
        let asset = asset_of(&entry.currency);
        if !entry.credit {
            let fits = |payout: &&mut Payout| {
                payout.end_to_end == detail.end_to_end
                    && payout.state == "sent"
                    && payout.amount == amount
                    && payout.currency == entry.currency
            };
            let Some((id, payout)) = self.payouts.iter_mut().map(|(id, payout)| (*id, payout)).find(|(_, payout)| fits(payout))
            else {
                counts[SKIPPED] += 1;
                return;
            };
            payout.state = "settled";
            self.touched.payouts.insert(id);
            let from = payout.party.map_or(("suspense", 0, asset), |party| ("cash", party, asset));
            self.change(from, 0, -amount);
            self.transfer(from, ("custody", 0, asset), amount);
            *self.at_bank.entry(asset).or_default() -= amount;
            counts[PAYOUTS] += 1;
            return;
        }
        let words = std::iter::once(detail.reference.as_str()).chain(detail.remittance.split_whitespace());
        // A credit that takes one of our own debits back names no payout here: nobody guesses whose it is.
        let target = words.into_iter().find_map(|word| self.target(word, &entry.currency)).filter(|_| !entry.reversal);
        match target {
            Some(target) => {
                counts[MATCHED] += 1;
                self.receive(target, &entry.currency, amount, entry.value_date);
            }
            None => {
                counts[SUSPENSE] += 1;
                *self.at_bank.entry(asset).or_default() += amount;
                self.transfer(("custody", 0, asset), ("suspense", 0, asset), amount);
                let (currency, iban) = (entry.currency.clone(), detail.debtor_iban.clone());
                self.lines.insert(line_id, Line { currency, amount, value_date: entry.value_date, iban, state: "suspense" });
                self.touched.lines.insert(line_id);
            }
        }
    }

    fn end_day(&mut self, what: &str, body: &Value) -> Result<(), String> {
        let next = self.today + Days::new(1);
        let ended: Vec<i64> =
            self.offers.iter().filter(|(_, offer)| offer.state == "open" && offer.close < next).map(|(id, _)| *id).collect();
        agree(what, body, "offers_expired", i64::try_from(ended.len()).unwrap_or(0))?;
        for id in ended {
            self.end_offer(id, "expired");
        }
        let (mut matured, mut overdue) = (0, 0);
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
