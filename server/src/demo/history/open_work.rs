//! Open work for a visitor of the demo: one of every kind of item that waits for a person.

use super::super::DemoError;
use super::super::files::{DemoEntry, camt054};
use super::{Built, CUSTODY_IBAN, Company, World, demo_iban, incoming};
use crate::commands::Actor;
use crate::commands::bank::request_payout::RequestPayout;
use crate::commands::confirmations::confirm_list::ConfirmList;
use crate::commands::confirmations::draft_confirmation_list::{DraftConfirmationList, DraftItem};
use crate::commands::confirmations::draft_payables::{DraftPayables, PayableRow};
use crate::commands::confirmations::record_contact::RecordContact;
use crate::commands::invoices::explain_invoice::ExplainInvoice;
use crate::commands::invoices::submit_invoice::SubmitInvoice;
use crate::commands::parties::decide_bank_account::DecideBankAccount;
use crate::commands::parties::decide_company::DecideCompany;
use crate::commands::parties::invite_company::InviteCompany;
use crate::commands::parties::propose_bank_account::ProposeBankAccount;
use crate::commands::parties::set_approval_limit::SetApprovalLimit;
use crate::commands::people::request_address::RequestAddress;
use crate::commands::programmes::answer_programme_invitation::AnswerProgrammeInvitation;
use crate::commands::programmes::decide_programme::DecideProgramme;
use crate::commands::programmes::invite_to_programme::InviteToProgramme;
use crate::commands::programmes::propose_programme::ProposeProgramme;
use crate::demo::files::own_statement;
use crate::hash::{random_token, sha256_hex};
use crate::http::pages::bank_request;
use chrono::{Days, NaiveDate};
use domain::Currency;
use kernel::{PartyId, UserId};
use store::Invoice;
use store::records::Keyed;

impl World {
    /// A file of the bank has not come: the next one opens with more than the last one closed with.
    pub(super) fn lose_a_file(&mut self) -> Built {
        let Some(desk) = self.financiers.iter().find(|desk| desk.currency.code() == "CNY").cloned() else { return Ok(()) };
        let balance = self.at_bank.entry("CNY").or_default();
        *balance = balance.saturating_add(3_000_000);
        self.bank(desk.currency, vec![incoming(&desk, 8_800_000, &desk.reference)])
    }

    /// One operator has sent a notification by hand; the other has not agreed to it yet.
    fn send_a_notice(&mut self, today: NaiveDate) -> Built {
        let Some(desk) = self.financiers.first().cloned() else { return Ok(()) };
        let number = format!("{}N{:05}", desk.currency.code(), self.statements);
        let entries = [incoming(&desk, 25_000_000, &desk.reference)];
        let file = camt054(CUSTODY_IBAN, desk.currency, today, &number, &entries).into_bytes();
        let fault = |fault: crate::http::error::Fault| DemoError::Other(format!("{fault:?}"));
        let read = own_statement(&format!("{number}.xml"), file).map_err(|fault| DemoError::Other(format!("{fault:?}")))?;
        let operator = self.operator.clone();
        let command = bank_request::bind(&mut self.conn, (operator.id, &number), read.into(), None).map_err(fault)?;
        self.run(operator.maker(), command)?;
        Ok(())
    }

    /// The open work of every role.
    pub(super) fn leave_open_work(&mut self) -> Built {
        let today = self.today()?;
        for (supplier_at, buyer_at) in [(0_usize, 0_usize), (0, 1), (1, 0), (2, 0), (8, 2), (9, 3)] {
            let (Some(supplier), Some(buyer)) = (self.suppliers.get(supplier_at).cloned(), self.buyers.get(buyer_at).cloned())
            else {
                continue;
            };
            let invoice_id = self.register(&supplier, &buyer, today)?;
            self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
            let fresh = self.register(&supplier, &buyer, today)?;
            if supplier_at == 1 {
                self.run(supplier.maker(), SubmitInvoice { invoice_id: fresh, due_date: None })?;
                let invoice = Invoice::load(&mut self.conn, fresh)?;
                let command = self.confirmation(&invoice, invoice.payable_minor, invoice.due_date.unwrap_or(today), "")?;
                self.run_agreed(&buyer, command)?;
            }
        }
        // This person has asked for the link to a new mail address.
        let reader = store::people::find_user_by_email(&mut self.conn, "buyer1.viewer@kontor.example")?;
        if let Some(reader) = reader {
            let asked = RequestAddress { email: "vera.adler@kontor.example".to_owned(), step: 0, token: random_token() };
            self.run(Actor::person(reader.party_id, reader.id), asked)?;
        }
        // A confirmation that waits for the second person.
        if let (Some(supplier), Some(buyer)) = (self.suppliers.first().cloned(), self.buyers.first().cloned()) {
            let invoice_id = self.register_amount(&supplier, &buyer, today, 5_430_000, 45)?;
            self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
            let invoice = Invoice::load(&mut self.conn, invoice_id)?;
            let command = self.confirmation(&invoice, invoice.payable_minor, invoice.due_date.unwrap_or(today), "")?;
            self.run(buyer.maker(), command)?;
            let stranger = DemoEntry {
                name: "Unbekannte Zahlstelle".to_owned(),
                iban: demo_iban(77),
                remittance: "Rechnung 4711".to_owned(),
                amount_minor: 123_456,
                credit: true,
                ..DemoEntry::default()
            };
            // And what the bank has taken for itself.
            let charge = DemoEntry {
                name: "Kontoführung".to_owned(),
                remittance: "Entgelte November".to_owned(),
                amount_minor: 1_850,
                ..DemoEntry::default()
            };
            self.bank(Currency::EUR, vec![stranger, charge])?;
        }
        self.list_payables(today)?;
        self.rare_buyer(today)?;
        self.approve_in_advance(today)?;
        self.propose_another(today)?;
        self.lose_a_file()?;
        self.send_a_notice(today)?;
        self.offer_what_is_issued(today)?;
        // One receivable is confirmed and not offered yet; in each currency another is on the market.
        for (supplier_at, buyer_at, net_minor) in [(0_usize, 0_usize, 2_250_000), (1, 0, 3_120_000), (9, 3, 18_600_000)] {
            let pair = (self.suppliers.get(supplier_at).cloned(), self.buyers.get(buyer_at).cloned());
            let (Some(supplier), Some(buyer)) = pair else { continue };
            let receivable = self.confirmed(&supplier, &buyer, today, net_minor, 40)?;
            if supplier_at > 0 {
                let close_date = today.checked_add_days(Days::new(10)).unwrap_or(today);
                self.offer_whole(&supplier, &receivable, close_date)?;
            }
        }
        // Money that waits for a second person on both sides of the market.
        for company in [self.suppliers.first().cloned(), self.financiers.first().cloned()].into_iter().flatten() {
            let asset = domain::chart::currency_asset(company.currency).0;
            let line = store::lists::balances(&mut self.conn, asset, Some(company.id.0))?.into_iter().next();
            let currency = company.currency.code().to_owned();
            if line.is_some_and(|line| line.balance.saturating_sub(line.held) > 500_000) {
                let limit =
                    SetApprovalLimit { currency: currency.clone(), limit_minor: 200_000, day_minor: Some(Some(1_000_000)) };
                self.run(company.maker(), limit)?;
                self.run(company.maker(), RequestPayout { currency, amount_minor: 250_000 })?;
            }
        }
        // A copy of an invoice with a suffix, of the same day and total, waits for a person who compares the two.
        if let (Some(supplier), Some(buyer)) = (self.suppliers.first().cloned(), self.buyers.first().cloned()) {
            let original = self.register_amount(&supplier, &buyer, today, 1_870_000, 40)?;
            self.run(supplier.maker(), SubmitInvoice { invoice_id: original, due_date: None })?;
            let number = format!("{}-{:04}-A", today.format("%Y"), self.invoices);
            let again = self.numbered_file(&supplier, &buyer, today, &number, (1_870_000, 40))?;
            let invoice_id = self.run(supplier.maker(), again)?.number("invoice_id");
            let statement = "The second delivery of the same order".to_owned();
            self.run(supplier.maker(), ExplainInvoice { invoice_id, statement })?;
        }
        // One supplier wants money and a new account; one company has applied.
        if let Some(supplier) = self.suppliers.get(2).cloned() {
            let holder = supplier.name.clone();
            let proposed = ProposeBankAccount { currency: "EUR".to_owned(), iban: demo_iban(4_711), bic: String::new(), holder };
            let account_id = self.run_agreed(&supplier, proposed)?.number("account_id");
            // One operator has verified it; the other has not looked yet.
            let operator = self.operator.clone();
            self.run(operator.maker(), DecideBankAccount { account_id, verified: true })?;
        }
        for supplier in self.suppliers.clone() {
            let asset = domain::chart::currency_asset(supplier.currency).0;
            let line = store::lists::balances(&mut self.conn, asset, Some(supplier.id.0))?.into_iter().next();
            if line.is_some_and(|line| line.balance.saturating_sub(line.held) > 200_000) {
                self.run(
                    supplier.maker(),
                    RequestPayout { currency: supplier.currency.code().to_owned(), amount_minor: 100_000 },
                )?;
            }
        }
        let operator = self.operator.clone();
        let applied = InviteCompany {
            name: "Lotsen Anlagenbau GmbH".to_owned(),
            country: "DE".to_owned(),
            tax_id: "DE299999993".to_owned(),
            registration_id: "HRB 4711".to_owned(),
            capacities: "supplier".to_owned(),
            language: "en".to_owned(),
            administrator_email: "lotsen@kontor.example".to_owned(),
            administrator_name: "Lena Lotse".to_owned(),
            checker_email: "lotsen.checker@kontor.example".to_owned(),
            checker_name: "Leif Sund".to_owned(),
        };
        self.run(operator.maker(), applied)?;
        Ok(())
    }

    /// Two payables that the first buyer approved before their invoices came; one of them has come.
    pub(super) fn approve_in_advance(&mut self, today: NaiveDate) -> Built {
        let (Some(supplier), Some(buyer)) = (self.suppliers.get(5).cloned(), self.buyers.first().cloned()) else { return Ok(()) };
        let came = self.numbered_file(&supplier, &buyer, today, "ADV-1", (921_000, 45))?;
        let payable = came.parsed.totals.payable.and_then(|payable| supplier.currency.parse_decimal(&payable.to_string()).ok());
        let payable_minor = payable.ok_or_else(|| DemoError::Other("an invoice without an amount".to_owned()))?;
        let row = |number: &str, payable_minor: i64| PayableRow {
            supplier_id: supplier.id,
            number: number.to_owned(),
            issue_date: today,
            due_date: today.checked_add_days(Days::new(45)).unwrap_or(today),
            currency: supplier.currency.code().to_owned(),
            payable_minor,
            order_reference: String::new(),
            payment_reference: format!("5100-{number}"),
        };
        let rows = vec![row("ADV-1", payable_minor), row("ADV-2", 734_500)];
        let content = format!("demo payables of {today}").into_bytes();
        let file = DraftPayables { file_name: "payables.csv".to_owned(), sha256: sha256_hex(&content), content, rows };
        let drafted = self.run(buyer.maker(), file)?;
        let list_hash = drafted.text("list_hash");
        self.run_agreed(&buyer, ConfirmList { list_id: drafted.number("list_id"), list_hash })?;
        let invoice_id = self.run(supplier.maker(), came)?.number("invoice_id");
        self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
        Ok(())
    }

    /// A programme that two of the buyer's people and two operators have agreed on. Suppliers have joined it, and one has not
    /// answered yet.
    pub(super) fn open_programme(
        &mut self,
        buyer_at: usize,
        terms: ProposeProgramme,
        (joined, asked): (&[usize], usize),
    ) -> Built {
        let (Some(buyer), operator) = (self.buyers.get(buyer_at).cloned(), self.operator.clone()) else { return Ok(()) };
        let proposed = self.run_agreed(&buyer, terms)?;
        let (programme_id, version_id) = (proposed.number("programme_id"), proposed.number("version_id"));
        let reason = "Terms as discussed".to_owned();
        self.run_agreed(&operator, DecideProgramme { version_id, approve: true, reason })?;
        let all: Vec<Company> = joined.iter().chain([&asked]).filter_map(|at| self.suppliers.get(*at).cloned()).collect();
        let suppliers = all.iter().map(|supplier| supplier.tax_id.clone()).collect();
        self.run(buyer.maker(), InviteToProgramme { programme_id, suppliers })?;
        for supplier in joined.iter().filter_map(|at| self.suppliers.get(*at).cloned()) {
            let member = store::programmes::find_live_membership(&mut self.conn, programme_id, supplier.id)?;
            let Some(member) = member else { continue };
            let answer = AnswerProgrammeInvitation {
                member_id: member.id,
                terms_version: member.asked_version,
                join: true,
                reason: String::new(),
            };
            self.run(supplier.maker(), answer)?;
        }
        Ok(())
    }

    /// One programme in each currency, from the first day on: in one the buyer bears the fees, in the other the suppliers do.
    pub(super) fn open_programmes(&mut self, start: NaiveDate) -> Built {
        let euro = programme_terms("Hansewerk Lieferanten", "EUR", "buyer", start);
        self.open_programme(0, euro, (&[0, 2, 3, 5], 1))?;
        let yuan = ProposeProgramme {
            advance_bps: 9_000,
            reserve_bps: 500,
            minimum_fee_minor: 1_000,
            minimum_ticket_minor: 1_000_000,
            recourse: "supplier".to_owned(),
            ..programme_terms("江海供应链融资计划", "CNY", "supplier", start)
        };
        self.open_programme(2, yuan, (&[8, 9, 10], 11))
    }

    /// Terms that wait for the operator.
    pub(super) fn propose_another(&mut self, today: NaiveDate) -> Built {
        let Some(buyer) = self.buyers.get(1).cloned() else { return Ok(()) };
        self.run_agreed(&buyer, programme_terms("Nordlicht Lieferanten", "EUR", "supplier", today))?;
        Ok(())
    }

    /// Buyers pay in what they still owe of fees.
    pub(super) fn pay_fees(&mut self) -> Built {
        let today = self.today()?;
        for owed in store::programmes::list_open_fees(&mut self.conn, today)? {
            let Some(buyer) = self.company(owed.buyer_id) else { continue };
            self.bank(buyer.currency, vec![incoming(&buyer, owed.open_minor, &buyer.reference)])?;
        }
        Ok(())
    }

    /// A company without a sign-in: its contact has got a link to one invoice.
    pub(super) fn rare_buyer(&mut self, today: NaiveDate) -> Built {
        let (Some(supplier), operator) = (self.suppliers.get(4).cloned(), self.operator.clone()) else { return Ok(()) };
        let (name, tax_id) = ("Nordwerft Reederei GmbH".to_owned(), "DE288888888".to_owned());
        let invited = InviteCompany {
            name: name.clone(),
            country: "DE".to_owned(),
            tax_id: tax_id.clone(),
            capacities: "buyer".to_owned(),
            language: "en".to_owned(),
            ..InviteCompany::default()
        };
        let id: PartyId = self.run(operator.maker(), invited)?.number("party_id");
        let (status, reason) = ("active".to_owned(), "Register extract seen".to_owned());
        self.run_agreed(&operator, DecideCompany { party_id: id, status, reason })?;
        let contact = RecordContact {
            party_id: id,
            name: "Rieke Reeder".to_owned(),
            email: "nordwerft@kontor.example".to_owned(),
            channel: "telephone".to_owned(),
            second: "+49 40 7654321".to_owned(),
            source: "Number in the register extract; the managing director named her".to_owned(),
            currency: "EUR".to_owned(),
            limit_minor: 5_000_000,
            link_hours: 168,
        };
        self.run_agreed(&operator, contact)?;
        let (reference, iban) = (String::new(), String::new());
        let buyer = Company { id, name, tax_id, currency: Currency::EUR, reference, iban, maker: UserId(0), checker: UserId(0) };
        let file = self.numbered_file(&supplier, &buyer, today, "NW-2041", (1_310_000, 45))?;
        let invoice_id = self.run(supplier.maker(), file)?.number("invoice_id");
        self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
        Ok(())
    }

    /// The first buyer's lists: one that is agreed to, one that waits for the second person, one that is a draft.
    pub(super) fn list_payables(&mut self, today: NaiveDate) -> Built {
        let (Some(supplier), Some(buyer)) = (self.suppliers.get(3).cloned(), self.buyers.first().cloned()) else { return Ok(()) };
        // Of sums of their own: two of the same sum on one day would be held for a review.
        for (step, more_minor) in [("agreed", 0_i64), ("asked", 25_000), ("draft", 60_000)] {
            let mut items = Vec::new();
            for net_minor in [310_000_i64, 470_000, 1_120_000] {
                let net_minor = net_minor.saturating_add(more_minor);
                let invoice_id = self.register_amount(&supplier, &buyer, today, net_minor, 40)?;
                self.run(supplier.maker(), SubmitInvoice { invoice_id, due_date: None })?;
                let amount_minor = Invoice::load(&mut self.conn, invoice_id)?.payable_minor;
                items.push(DraftItem { invoice_id, amount_minor, due_date: None, reason: String::new() });
            }
            let drafted = self.run(buyer.maker(), DraftConfirmationList { items })?;
            let command = ConfirmList { list_id: drafted.number("list_id"), list_hash: drafted.text("list_hash") };
            match step {
                "agreed" => drop(self.run_agreed(&buyer, command)?),
                "asked" => drop(self.run(buyer.maker(), command)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Terms of a programme as they are usual here.
pub(super) fn programme_terms(name: &str, currency: &str, bearer: &str, begins_on: NaiveDate) -> ProposeProgramme {
    ProposeProgramme {
        programme_id: None,
        name: name.to_owned(),
        currency: currency.to_owned(),
        least_tenor_days: 15,
        most_tenor_days: 120,
        most_age_days: 60,
        advance_bps: 8_500,
        reserve_bps: 1_000,
        settlement_fee_bps: 5,
        purchase_fee_bps: 10,
        minimum_fee_minor: 100,
        minimum_ticket_minor: 100_000,
        fee_bearer: bearer.to_owned(),
        grace_days: 5,
        recourse: "none".to_owned(),
        begins_on,
    }
}
