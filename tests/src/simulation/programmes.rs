//! Programmes in the simulation: a second version of their rules, their effects, and the acts that their companies try.

use super::arithmetic::{Rate, share_up};
use super::model::{Approval, Company, Invoice, Model, Terms, asset_of};
use super::moves::{Move, Players};
use super::rules::No;
use chrono::{Days, NaiveDate};
use serde_json::Value;
use server::commands::programmes::answer_programme_invitation::AnswerProgrammeInvitation;
use server::commands::programmes::change_programme::ChangeProgramme;
use server::commands::programmes::end_membership::EndMembership;
use server::commands::programmes::invite_to_programme::InviteToProgramme;
use server::commands::programmes::propose_programme::ProposeProgramme;
use server::commands::{Actor, Command};

/// A buyer's programme with its one version of terms.
#[derive(Clone, Debug)]
pub struct Programme {
    pub buyer: i64,
    pub currency: String,
    pub state: &'static str,
    pub terms: ProposeProgramme,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub programme: i64,
    pub supplier: i64,
    pub state: &'static str,
}

/// The programmes that the cast's buyers propose: by the place of the buyer and of the suppliers in the cast.
pub const CAST: &[(usize, &str, &str, &[usize])] =
    &[(3, "EUR", "buyer", &[0, 1, 9]), (4, "JPY", "supplier", &[1, 2]), (10, "EUR", "buyer", &[0]), (5, "JPY", "buyer", &[0, 9])];

#[must_use]
pub fn terms(number: usize, currency: &str, bearer: &str, begins_on: NaiveDate) -> ProposeProgramme {
    let unit = if currency == "JPY" { 1 } else { 100 };
    ProposeProgramme {
        programme_id: None,
        name: format!("Programme {number}"),
        currency: currency.to_owned(),
        least_tenor_days: 12,
        most_tenor_days: 40,
        most_age_days: 18,
        advance_bps: 8_000,
        reserve_bps: if bearer == "buyer" { 500 } else { 2_000 },
        settlement_fee_bps: 7,
        purchase_fee_bps: 13,
        minimum_fee_minor: unit,
        minimum_ticket_minor: unit * 500,
        fee_bearer: bearer.to_owned(),
        grace_days: 5,
        recourse: "none".to_owned(),
        begins_on,
    }
}

fn require(holds: bool, otherwise: No) -> Result<(), No> {
    if holds { Ok(()) } else { Err(otherwise) }
}

impl Model {
    /// The programme under which an invoice would be confirmed today for this day.
    #[must_use]
    pub fn under(&self, invoice: &Invoice, due: NaiveDate) -> Option<(i64, &Programme)> {
        let member = self.members.values().find(|member| {
            let programme = &self.programmes[&member.programme];
            member.supplier == invoice.supplier
                && member.state == "joined"
                && (programme.buyer, &programme.currency) == (invoice.buyer, &invoice.currency)
        })?;
        let programme = &self.programmes[&member.programme];
        let days = |later: NaiveDate, earlier: NaiveDate| later.signed_duration_since(earlier).num_days();
        let (tenor, age) = (days(due, self.today), days(self.today, invoice.issued));
        let band = programme.terms.least_tenor_days..=programme.terms.most_tenor_days;
        let fits = programme.state == "open" && band.contains(&tenor) && age <= programme.terms.most_age_days;
        fits.then_some((member.programme, programme))
    }

    /// The name that a check page would give to the terms that hold for it.
    #[must_use]
    pub fn terms_name(&self, invoice: &Invoice, due: NaiveDate) -> String {
        self.under(invoice, due).map_or_else(|| "platform".to_owned(), |(id, _)| format!("{id}/1"))
    }

    /// The terms that an invoice is issued under: the programme's, with the platform's late interest.
    #[must_use]
    pub fn issue_terms(&self, programme: &Programme, platform: &Terms) -> Terms {
        let terms = &programme.terms;
        let supplier_bears = terms.fee_bearer == "supplier";
        let late: Rate = platform.late;
        Terms {
            reserve_bps: terms.reserve_bps.into(),
            settlement_bps: if supplier_bears { terms.settlement_fee_bps.into() } else { 0 },
            purchase_bps: terms.purchase_fee_bps.into(),
            minimum_fee: terms.minimum_fee_minor.into(),
            minimum_ticket: terms.minimum_ticket_minor.into(),
            late,
            late_count: platform.late_count.clone(),
            grace_days: terms.grace_days,
            announced: platform.announced,
            tolerated: platform.tolerated,
        }
    }

    /// A fee that the buyer bears.
    pub fn bill(&mut self, buyer: i64, currency: &str, amount: i128) {
        if amount > 0 {
            let asset = asset_of(currency);
            self.transfer(("claim", buyer, asset), ("fees", 0, asset), amount);
            self.bills.entry((buyer, currency.to_owned())).or_default().push((amount, 0));
        }
    }

    /// A fee on the face, as far as that was sold.
    pub fn of_sold(&self, receivable: i64, fee: i128) -> i128 {
        let offers = self.offers.values().filter(|offer| offer.receivable == receivable);
        let sold: i128 = offers.map(|offer| offer.units - offer.left - offer.reserved).sum();
        super::arithmetic::nearest(fee * sold, self.receivables[&receivable].face)
    }

    /// The settlement fee that a buyer bears, once nothing more can be sold.
    pub fn bill_settlement(&mut self, id: i64) {
        let receivable = &self.receivables[&id];
        let Some(programme) = receivable.programme.filter(|_| receivable.buyer_bears).map(|id| self.programmes[&id].clone())
        else {
            return;
        };
        let whole = share_up(receivable.confirmed, programme.terms.settlement_fee_bps.into());
        let fee = self.of_sold(id, whole);
        self.bill(programme.buyer, &programme.currency, fee);
    }

    /// The end of a day takes the cash that is there for the fees, oldest fee first.
    pub fn collect_fees(&mut self) -> i64 {
        let mut collected = 0;
        for ((buyer, currency), bills) in self.bills.clone() {
            let asset = asset_of(&currency);
            let open: i128 = bills.iter().map(|(amount, paid)| amount - paid).sum();
            let mut left = self.free(("cash", buyer, asset)).min(open).max(0);
            if left == 0 {
                continue;
            }
            collected += 1;
            self.transfer(("cash", buyer, asset), ("claim", buyer, asset), left);
            for (amount, paid) in self.bills.get_mut(&(buyer, currency)).into_iter().flatten() {
                let part = left.min(*amount - *paid);
                *paid += part;
                left -= part;
            }
        }
        collected
    }

    pub fn may_change_programme(&self, actor: &Actor, change: &ChangeProgramme) -> Result<&'static str, No> {
        let programme = self.own_programme(actor, change.programme_id.0)?;
        require(["suspend", "reopen", "close"].contains(&change.change.as_str()), "field_invalid")?;
        require(!change.reason.trim().is_empty(), "field_missing")?;
        match (programme.state, change.change.as_str()) {
            ("open", "suspend") => Ok("suspended"),
            ("suspended", "reopen") => Ok("open"),
            ("open" | "suspended", "close") => Ok("closed"),
            _ => Err("state_conflict"),
        }
    }

    /// One request about a programme at a time.
    pub fn may_ask_about_programme(&self, id: i64) -> Result<(), No> {
        let about = |one: &Approval| matches!(&one.command, Command::ChangeProgramme(change) if change.programme_id.0 == id);
        require(!self.approvals.values().any(|one| one.state == "pending" && about(one)), "request_pending")
    }

    fn own_programme(&self, actor: &Actor, id: i64) -> Result<&Programme, No> {
        self.acting(actor, "buyer")?;
        self.programmes.get(&id).filter(|programme| programme.buyer == actor.party_id.0).ok_or("not_found")
    }

    pub fn may_invite(&self, actor: &Actor, invite: &InviteToProgramme) -> Result<(), No> {
        let programme = self.own_programme(actor, invite.programme_id.0)?;
        require(programme.state == "open", "state_conflict")?;
        for typed in &invite.suppliers {
            let named = |company: &&Company| company.tax_id == *typed && company.is("supplier") && company.active;
            let found = self.companies.values().find(named).ok_or("invitee_unknown")?;
            require(found.id != programme.buyer, "invitee_unknown")?;
        }
        Ok(())
    }

    pub fn may_answer(&self, actor: &Actor, answer: &AnswerProgrammeInvitation) -> Result<(), No> {
        self.acting(actor, "supplier")?;
        let theirs = |member: &&Member| member.supplier == actor.party_id.0;
        let member = self.members.get(&answer.member_id.0).filter(theirs).ok_or("not_found")?;
        require(["invited", "joined"].contains(&member.state), "state_conflict")?;
        require(member.state == "invited" && answer.terms_version == 1, "programme_changed")?;
        let programme = &self.programmes[&member.programme];
        require(!answer.join || programme.state == "open", "state_conflict")?;
        let other = |one: &Member| {
            let known = &self.programmes[&one.programme];
            one.supplier == member.supplier
                && one.state == "joined"
                && (known.buyer, &known.currency) == (programme.buyer, &programme.currency)
        };
        require(!answer.join || !self.members.values().any(other), "other_programme")
    }

    pub fn may_end_membership(&self, actor: &Actor, end: &EndMembership) -> Result<&'static str, No> {
        let found = self.members.get(&end.member_id.0).ok_or("not_found")?;
        let leaves = found.supplier == actor.party_id.0;
        require(leaves || self.programmes[&found.programme].buyer == actor.party_id.0, "not_found")?;
        self.acting(actor, if leaves { "supplier" } else { "buyer" })?;
        require(leaves || !end.reason.trim().is_empty(), "reason_missing")?;
        match (found.state, leaves) {
            ("joined", true) => Ok("left"),
            ("invited" | "joined", false) => Ok("removed"),
            _ => Err("state_conflict"),
        }
    }

    /// The changes of a successful command about a programme.
    pub fn apply_programme(&mut self, actor: &Actor, command: &Command, body: &Value) -> Result<(), String> {
        match command {
            Command::ChangeProgramme(change) => {
                let state = self.may_change_programme(actor, change).map_err(str::to_owned)?;
                if let Some(programme) = self.programmes.get_mut(&change.programme_id.0) {
                    programme.state = state;
                }
                let of_it = |member: &&mut Member| {
                    member.programme == change.programme_id.0 && ["invited", "joined"].contains(&member.state)
                };
                for member in self.members.values_mut().filter(of_it).filter(|_| state == "closed") {
                    member.state = "removed";
                }
            }
            Command::InviteToProgramme(invite) => {
                let ids: Vec<i64> = body["member_ids"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
                let mut new = Vec::new();
                for typed in &invite.suppliers {
                    let supplier =
                        self.companies.values().find(|company| company.tax_id == *typed).map_or(0, |company| company.id);
                    let known = self.members.values().any(|member| {
                        (member.programme, member.supplier) == (invite.programme_id.0, supplier)
                            && ["invited", "joined"].contains(&member.state)
                    });
                    if !known && !new.contains(&supplier) {
                        new.push(supplier);
                    }
                }
                if ids.len() != new.len() {
                    return Err(format!("{} suppliers were invited, the model says {}", ids.len(), new.len()));
                }
                for (id, supplier) in ids.into_iter().zip(new) {
                    self.members.insert(id, Member { programme: invite.programme_id.0, supplier, state: "invited" });
                }
            }
            Command::AnswerProgrammeInvitation(answer) => {
                let member = self.members.get_mut(&answer.member_id.0).ok_or("no member")?;
                member.state = if answer.join { "joined" } else { "declined" };
            }
            Command::EndMembership(end) => {
                let state = self.may_end_membership(actor, end).map_err(str::to_owned)?;
                self.members.get_mut(&end.member_id.0).ok_or("no member")?.state = state;
            }
            other => return Err(format!("{} is about no programme", other.name())),
        }
        Ok(())
    }
}

impl Players<'_> {
    /// A company changes a programme, or its part in one; mostly in a way that keeps the programme going.
    pub fn programme(&mut self) -> Option<Move> {
        match self.dice.roll(10) {
            0 | 1 => self.change_programme(),
            2 => self.leave_programme(),
            3..6 => self.invite_to_programme(),
            _ => self.answer_programme(),
        }
    }

    fn change_programme(&mut self) -> Option<Move> {
        let programme_id = self.pick_id(&self.model.programmes, |programme| programme.state != "closed")?;
        let programme = self.model.programmes[&programme_id].clone();
        let change = match (programme.state, self.dice.roll(20)) {
            (_, 0) => "close",
            (_, 1) => "forget",
            ("suspended", _) => "reopen",
            _ => "suspend",
        };
        let reason = if self.chance(5) { " " } else { "stock-taking" }.to_owned();
        let actor = self.person(programme.buyer);
        Some((actor, ChangeProgramme { programme_id: programme_id.into(), change: change.to_owned(), reason }.into()))
    }

    fn leave_programme(&mut self) -> Option<Move> {
        let member_id = self.pick_id(&self.model.members, |member| member.state == "joined")?;
        let member = self.model.members[&member_id].clone();
        let leaves = self.chance(50);
        let company = if leaves { member.supplier } else { self.model.programmes[&member.programme].buyer };
        let reason = if self.chance(20) { "" } else { "no more trade" }.to_owned();
        Some((self.person(company), EndMembership { member_id: member_id.into(), reason }.into()))
    }

    fn invite_to_programme(&mut self) -> Option<Move> {
        let programme_id = self.pick_id(&self.model.programmes, |programme| programme.state == "open")?;
        let buyer = self.model.programmes[&programme_id].buyer;
        let supplier = self.company(|company| company.is("supplier"))?;
        let suppliers = vec![if self.chance(4) { "NOBODY".to_owned() } else { supplier.tax_id }];
        Some((self.person(buyer), InviteToProgramme { programme_id: programme_id.into(), suppliers }.into()))
    }

    fn answer_programme(&mut self) -> Option<Move> {
        let member_id = self.pick_id(&self.model.members, |member| member.state == "invited")?;
        let supplier = self.model.members[&member_id].supplier;
        let join = self.chance(85);
        let terms_version = if self.chance(5) { 2 } else { 1 };
        let answer = AnswerProgrammeInvitation { member_id: member_id.into(), terms_version, join, reason: String::new() };
        Some((self.person(supplier), answer.into()))
    }

    /// A day on which a programme of this invoice would take it, now and then.
    pub fn day_of_programme(&mut self) -> NaiveDate {
        self.model.today + Days::new(12 + self.dice.roll(29).unsigned_abs())
    }
}
