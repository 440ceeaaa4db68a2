//! The left rail: what each person can reach, with counts where something waits.

use crate::auth::Person;
use crate::commands::Command;
use crate::commands::kit::second_person::Seconds;
use chrono::NaiveDate;
use domain::party::{Capacity, Role};
use kernel::ApprovalId;
use std::fmt::Display;
use store::lists::{
    ApprovalLine, Asked, BankLineRow, FeeBillLine, InvoiceLine, ListQuery, OfferLine, PayoutLine, ReceivableLine, ReviewLine,
    Total,
};
use store::{Conn, StoreError, lists};
use web::{Language, NavEntry, Task};

/// Work that waits for the operator: text, address, table, condition.
const OPERATIONS: &[(&str, &str, &str, &str)] = &[
    ("task-companies", "/ops/companies?state=applied", "parties", "status = 'applied'"),
    ("task-bank-accounts", "/ops/bank-accounts", "bank_accounts", "status = 'proposed'"),
    ("task-programmes", "/ops/programmes/versions?state=version_proposed", "programme_versions", "state = 'proposed'"),
    ("task-reviews", "/ops/reviews?state=review-open", "reviews", "state = 'open'"),
    ("task-suspense", "/ops/bank-lines?state=suspense", "bank_lines", "state = 'suspense'"),
    ("task-attention", "/ops/bank-lines?state=attention", "bank_lines", "state = 'attention'"),
    ("task-claims", "/ops/bank-lines?state=claimed", "bank_lines", "state = 'claimed'"),
    ("task-statements", "/ops/statements?state=gap", "statements", "continuity = 'gap'"),
    ("task-overlaps", "/ops/statements?state=overlap", "statements", "continuity = 'overlap'"),
    ("task-bank-files", "/ops/bank-files", "bank_files", "state = 'kept'"),
    ("task-payouts", "/ops/payouts?state=authorised", "payouts", "state = 'authorised'"),
    ("task-silent-payouts", "/ops/payouts?state=unknown", "payouts", "state = 'unknown'"),
    ("task-late-payments", "/ops/receivables?due=late", "receivables", "state = 'overdue'"),
    ("task-mails", "/ops/mails", "mails", "state = 'failed'"),
];

/// Work that waits for a person under one address, with its sum where that is known.
#[derive(Clone, Debug)]
pub struct Waiting {
    key: &'static str,
    href: &'static str,
    totals: Vec<Total>,
}

impl Waiting {
    fn count(&self) -> i64 {
        self.totals.iter().fold(0, |sum, total| sum.saturating_add(total.count))
    }
}

fn listed(ids: &[impl Display]) -> String {
    ids.iter().fold("0".to_owned(), |list, id| format!("{list}, {id}"))
}

/// Requests that this checker could agree to.
fn approvals_to_decide(conn: &mut Conn, person: &Person) -> Result<Asked, StoreError> {
    let (party_id, reader) = (person.party.id, person.user.id);
    let seconds = Seconds::load(conn, party_id)?;
    let mut apart: Vec<ApprovalId> = Vec::new();
    // The change itself also decides who may agree to a change of a person.
    for row in store::people::list_waiting_changes(conn, party_id)? {
        let obstacle = Command::read(&row.command, &row.body).map(|change| seconds.obstacle(conn, row.maker_id, reader, &change));
        if !matches!(obstacle, Some(Ok(None))) {
            apart.push(row.id);
        }
    }
    let puppets = seconds.puppets_of(reader);
    let condition = format!(
        "party_id = ? AND state = 'pending' AND maker_id <> ? AND id NOT IN ({}) AND (command IN ('change_user', 'correct_address') OR maker_id NOT IN ({}))",
        listed(&apart),
        listed(&puppets)
    );
    Ok(lists::asked("approvals", &condition, &[party_id.into(), reader.into()]))
}

/// Work that waits for this person, by address. The same numbers lead the home page.
fn waiting(conn: &mut Conn, person: &Person) -> Result<Vec<Waiting>, StoreError> {
    let id = person.party.id;
    let (mut places, mut wanted) = (Vec::new(), Vec::new());
    let mut add = |key, href, what: Asked| {
        places.push((key, href));
        wanted.push(what);
    };
    if person.has_role(Role::Checker) {
        add("task-approvals", "/approvals", approvals_to_decide(conn, person)?);
    }
    let mine = |condition: &str, more: &str| ListQuery::newest(1).with(condition, vec![id.into()]).with(more, vec![]);
    if person.has_capacity(Capacity::Supplier) {
        let own = |more: &str| mine("supplier_id = ?", more);
        add("task-drafts", "/invoices?state=to_submit", InvoiceLine::asked(&own(super::invoices::TO_SUBMIT.1)));
        add("task-disputed", "/invoices?state=disputed", InvoiceLine::asked(&own("state = 'disputed'")));
        let asked = "supplier_id = ? AND asked_version > 0 AND state IN ('invited', 'joined')";
        add("task-memberships", "/memberships?state=to_answer", lists::asked("programme_members", asked, &[id.into()]));
        add("task-held", "/invoices?state=held", InvoiceLine::asked(&own("review = 'open'")));
        add("task-fundable", "/receivables?state=issued", ReceivableLine::asked(&own("state = 'issued'")));
    }
    if person.has_capacity(Capacity::Buyer) {
        let own = |more: &str| mine("buyer_id = ?", more);
        add("task-payables", "/payables?state=presented", InvoiceLine::asked(&own("state = 'presented'")));
        add("task-assignments", "/assignments?state=given", lists::kept("assignments", id));
        add("task-running-out", "/payables?state=running_out", InvoiceLine::asked(&own(super::payables::RUNNING_OUT.1)));
        let owed = lists::asked("fee_bills", "buyer_id = ? AND paid_minor < amount_minor", &[id.into()]);
        add("task-fees", "/fees?state=fee_open", owed);
        add("task-overdue", "/payables?state=overdue", InvoiceLine::asked(&own("state = 'overdue'")));
    }
    if person.has_capacity(Capacity::Financier) {
        add("task-market", "/market", OfferLine::asked(&mine("supplier_id <> ?", "state = 'open'")));
    }
    if person.has_capacity(Capacity::Operator) {
        for (key, href, table, condition) in OPERATIONS {
            add(key, href, lists::asked(table, condition, &[]));
        }
    }
    let answers = lists::answers(conn, &wanted)?;
    let found = places.into_iter().zip(answers).map(|((key, href), totals)| Waiting { key, href, totals });
    Ok(found.filter(|one| one.count() > 0).collect())
}

/// The same for the home page: with how much it is, and by when where a day matters.
pub fn tasks(conn: &mut Conn, person: &Person, language: Language, waiting: &[Waiting]) -> Result<Vec<Task>, StoreError> {
    let own = person.party.id;
    let mine = |condition: &str| ListQuery::newest(1).with(condition, vec![own.into()]);
    let all = |condition: &str| ListQuery::newest(1).with(condition, vec![]);
    let mut found = Vec::new();
    for waiting in waiting {
        let (key, count) = (waiting.key, waiting.count());
        // Entries that were only counted are read again for their sums.
        let sums = match key {
            "task-approvals" => {
                ApprovalLine::totals(conn, &mine("party_id = ?").with("state = 'pending' AND amount_minor > 0", vec![]))?
            }
            "task-fees" => FeeBillLine::totals(conn, &mine("buyer_id = ?").with("state = 'fee_open'", vec![]))?,
            "task-reviews" => ReviewLine::totals(conn, &all("state = 'open'"))?,
            "task-suspense" => BankLineRow::totals(conn, &all("state = 'suspense'"))?,
            "task-attention" => BankLineRow::totals(conn, &all("state = 'attention'"))?,
            // Late interest is owed, too.
            "task-overdue" => {
                let today = store::records::load_heads(conn)?.business_date;
                super::due::lines(conn, &mine("buyer_id = ?"), today)?.1.into_iter().filter(|sum| sum.sum_minor > 0).collect()
            }
            "task-payouts" => PayoutLine::totals(conn, &all("state = 'authorised'"))?,
            _ => waiting.totals.clone(),
        };
        let sums: Vec<_> = sums.iter().filter(|sum| !sum.currency.is_empty()).collect();
        let mut note: Vec<String> = sums.iter().map(|sum| language.money(&sum.currency, sum.sum_minor)).collect();
        if let Some(state) = [("task-payables", "presented"), ("task-overdue", "overdue")].iter().find(|(known, _)| *known == key)
        {
            let first = ListQuery { order: "due_or_issue", descending: false, ..mine("buyer_id = ?") };
            // Open payables have an index by due date of their own.
            let first = first.with(super::payables::OPEN.1, vec![]);
            let first = InvoiceLine::page(conn, &first.with("state = ? AND due_date IS NOT NULL", vec![state.1.into()]))?;
            let due = first.rows.first().and_then(|row| row.due_date);
            note.extend(due.map(|due| language.fill("task-earliest", &[("date", language.date(due))])));
        }
        if key == "task-fees" {
            // Where to pay them, too.
            let mut ibans: Vec<String> = Vec::new();
            for sum in &sums {
                let found = store::custody::find_current(conn, &sum.currency)?.map(|row| row.iban);
                ibans.extend(found.filter(|iban| !ibans.contains(iban)));
            }
            let iban = ibans.join(&language.t("list-separator"));
            let places = [("reference", person.party.reference.clone()), ("iban", iban)];
            note.push(language.fill("task-fees-pay", &places));
        }
        let separator = language.t("list-separator");
        found.push(Task { text: language.t(key), note: note.join(&separator), href: waiting.href.to_owned(), count });
    }
    Ok(found)
}

/// The data of the shell around each page of a person.
#[derive(Debug)]
pub struct Rail {
    pub business_date: NaiveDate,
    pub waiting: Vec<Waiting>,
}

impl Rail {
    pub fn load(conn: &mut Conn, person: &Person) -> Result<Self, StoreError> {
        Ok(Self { business_date: store::records::load_heads(conn)?.business_date, waiting: waiting(conn, person)? })
    }

    /// The entries that this person can reach; the one that the page belongs to is marked.
    #[must_use]
    pub fn entries(&self, person: &Person, language: Language, path: &str) -> Vec<NavEntry> {
        let mut wanted: Vec<(&str, &str)> = vec![("nav-home", "/home")];
        if person.has_capacity(Capacity::Supplier) {
            wanted.extend([
                ("nav-invoices", "/invoices"),
                ("nav-receivables", "/receivables"),
                ("nav-memberships", "/memberships"),
            ]);
        }
        if person.has_capacity(Capacity::Buyer) {
            wanted.extend([("nav-payables", "/payables"), ("nav-programmes", "/programmes"), ("nav-fees", "/fees")]);
        }
        if person.has_capacity(Capacity::Financier) {
            wanted.extend([("nav-market", "/market"), ("nav-portfolio", "/portfolio"), ("nav-exposure", "/exposure")]);
        }
        if person.has_capacity(Capacity::Operator) {
            wanted.extend([
                ("nav-ops", "/ops"),
                ("nav-ops-invoices", "/ops/invoices"),
                ("nav-ops-receivables", "/ops/receivables"),
                ("nav-ops-offers", "/ops/offers"),
                ("nav-ops-purchases", "/ops/purchases"),
                ("nav-ops-due", "/ops/due"),
                ("nav-audit", "/audit"),
            ]);
        } else {
            wanted.push(("nav-cash", "/cash"));
        }
        wanted.extend([("nav-approvals", "/approvals"), ("nav-org", "/org")]);
        let here = path.split('?').next().unwrap_or(path);
        let leads_here = |href: &str| here == href || here.starts_with(&format!("{href}/"));
        // A page belongs to the nearest entry above it.
        let nearest = wanted.iter().map(|(_, href)| *href).filter(|href| leads_here(href)).max_by_key(|href| href.len());
        let entry = |(key, href): (&str, &str)| {
            let current = nearest == Some(href);
            let count = self.waiting.iter().filter(|one| one.href.split('?').next() == Some(href)).map(Waiting::count).sum();
            NavEntry { label: language.t(key), href: href.to_owned(), current, count }
        };
        wanted.iter().copied().map(entry).collect()
    }
}
