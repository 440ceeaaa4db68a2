//! The data that an examination needs from the platform. A single file queries them one by one. A table loads all of them at
//! once, so that twenty thousand rows cost a handful of statements.

use crate::batch::Step;
use crate::commands::cases::reviews::MOST_COMPARED;
use crate::commands::confirmations::confirm_invoice::issue_terms;
use chrono::NaiveDate;
use domain::Refusal;
use domain::identity::{joined_number, look_key, normalise_number, stem_key};
use domain::invoice::{InvoiceState, is_self_billed};
use domain::tax_id;
use formats::csv::CsvInvoice;
use kernel::{InvoiceId, PartyId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use store::{Conn, CreditNote, Invoice, Party, StoreError, neighbours};

pub trait Known {
    /// Without terms for its currency a receivable could never be issued.
    fn check_terms(&mut self, currency: &str) -> Step<()>;
    /// The company whose tax id has this key (`domain::tax_id::key`).
    fn company(&mut self, tax_key: &str) -> Result<Option<Party>, StoreError>;
    /// The companies that may act, for a file that names one without its tax id.
    fn vetted(&mut self) -> Result<Vec<Party>, StoreError>;
    /// The same invoice is here and has not ended.
    fn is_here(&mut self, invoice: &Invoice) -> Result<bool, StoreError>;
    fn has_credit(&mut self, credit: &CreditNote) -> Result<bool, StoreError>;
    /// This seller's live invoices of that number that came before `before`.
    fn numbered(&mut self, seller_tax_key: &str, number: &str, before: InvoiceId) -> Result<Vec<Invoice>, StoreError>;
    /// The live invoices that a new one is compared with.
    fn compared(&mut self, invoice: &Invoice, file: &str) -> Result<Vec<Invoice>, StoreError>;
    /// Invoices of this number that are gone although they were credited, and the live ones that replace it.
    fn cancelled(&mut self, invoice: &Invoice) -> Result<Vec<InvoiceId>, StoreError>;
}

const GONE: [InvoiceState; 2] = [InvoiceState::Withdrawn, InvoiceState::Rejected];

/// The one company of this key: registered under it, or under another dress of it before dresses were known as one.
pub fn find_by_tax_key(conn: &mut Conn, key: &str) -> Result<Option<Party>, StoreError> {
    let found = store::parties::list_by_tax_keys(conn, &tax_id::dresses(key))?;
    Ok(only_of(key, found.iter()).cloned())
}

/// Whether another company than `own` (0 for one that is new) is registered under this key, in whatever dress.
pub fn is_taken(conn: &mut Conn, key: &str, own: PartyId) -> Result<bool, StoreError> {
    let found = store::parties::list_by_tax_keys(conn, &tax_id::dresses(key))?;
    Ok(found.iter().any(|party| party.id != own && tax_id::is_of(key, &party.country, &party.tax_key)))
}

fn only_of<'a>(key: &str, found: impl Iterator<Item = &'a Party> + Clone) -> Option<&'a Party> {
    let mut same = found.clone().filter(|party| tax_id::is_of(key, &party.country, &party.tax_key));
    let exact = found.clone().find(|party| party.tax_key == key);
    exact.or_else(|| same.next().filter(|_| same.next().is_none()))
}

/// The two have one number of one series. Keys of before joined all digits, so the numbers themselves are compared.
fn same_number(one: &Invoice, other: &Invoice) -> bool {
    let of_buyers = [one, other].iter().any(|row| is_self_billed(&row.type_code));
    let same_series = !of_buyers || one.buyer_id == other.buyer_id;
    one.number_key == other.number_key || (same_series && normalise_number(&one.number) == normalise_number(&other.number))
}

/// Whether `replacing` says that it takes the place of this invoice: the number, and the day where it states one.
fn replaces(replacing: &Invoice, invoice: &Invoice) -> bool {
    normalise_number(&replacing.replaces) == normalise_number(&invoice.number)
        && replacing.replaces_issued.is_none_or(|day| day == invoice.issue_date)
}

impl Known for Conn {
    fn check_terms(&mut self, currency: &str) -> Step<()> {
        issue_terms(self, currency).map(|_| ())
    }

    fn company(&mut self, tax_key: &str) -> Result<Option<Party>, StoreError> {
        find_by_tax_key(self, tax_key)
    }

    fn vetted(&mut self) -> Result<Vec<Party>, StoreError> {
        store::parties::list_active(self)
    }

    fn is_here(&mut self, invoice: &Invoice) -> Result<bool, StoreError> {
        Ok(neighbours::list_same_claims(self, invoice)?.iter().any(|row| same_number(row, invoice)))
    }

    fn has_credit(&mut self, credit: &CreditNote) -> Result<bool, StoreError> {
        let same = |row: &CreditNote| row.number_key == credit.number_key || normalise_number(&row.number) == credit.number_key;
        Ok(neighbours::list_same_credits(self, credit)?.iter().any(same))
    }

    fn numbered(&mut self, seller_tax_key: &str, number: &str, before: InvoiceId) -> Result<Vec<Invoice>, StoreError> {
        let mut rows = neighbours::list_live_of_look(self, seller_tax_key, &look_key(number), before)?;
        let wanted = normalise_number(number);
        rows.retain(|row| normalise_number(&row.number) == wanted);
        Ok(rows)
    }

    fn compared(&mut self, invoice: &Invoice, file: &str) -> Result<Vec<Invoice>, StoreError> {
        neighbours::list_compared(self, invoice, file, i64::try_from(MOST_COMPARED).unwrap_or(i64::MAX))
    }

    fn cancelled(&mut self, invoice: &Invoice) -> Result<Vec<InvoiceId>, StoreError> {
        let gone = neighbours::list_gone_credited(self, invoice)?;
        let mut ids: Vec<InvoiceId> = gone.iter().filter(|row| same_number(row, invoice)).map(|row| row.id).collect();
        let replacing = neighbours::list_live_replacements(self, &invoice.seller_tax_key, invoice.id)?;
        ids.extend(replacing.iter().filter(|row| replaces(row, invoice)).map(|row| row.id));
        Ok(ids)
    }
}

/// Everything that the rows of one supplier's table may point at, loaded at once; rows that are taken are added to it.
#[derive(Debug, Default)]
pub struct Loaded {
    currencies: HashSet<String>,
    companies: HashMap<String, Party>,
    seller: String,
    invoices: BTreeMap<InvoiceId, Invoice>,
    by_look: HashMap<String, BTreeSet<InvoiceId>>,
    by_stem: HashMap<String, BTreeSet<InvoiceId>>,
    by_total: HashMap<(PartyId, NaiveDate, i64), BTreeSet<InvoiceId>>,
    /// The live invoices of this seller that replace another one, by the number that they name.
    replacing: HashMap<String, BTreeSet<InvoiceId>>,
    credits: HashSet<(String, NaiveDate, String, i64)>,
}

impl Loaded {
    pub fn load(conn: &mut Conn, supplier: &Party, rows: &[CsvInvoice]) -> Result<Self, StoreError> {
        let mut loaded = Self { seller: supplier.series().to_owned(), ..Self::default() };
        let terms = store::days::list_issue_terms(conn)?;
        loaded.currencies = terms.into_iter().map(|row| row.currency).collect();
        let files = || rows.iter().map(|row| &row.invoice);
        let ids = files()
            .flat_map(|file| [&file.seller, &file.buyer])
            .flat_map(|party| [&party.tax_id, &party.legal_id].map(|id| (party.country.as_deref().unwrap_or(""), id.as_str())));
        let ids: BTreeSet<(&str, &str)> = ids.collect();
        let keys: BTreeSet<String> = ids.into_iter().map(|(country, id)| tax_id::key(country, id)).collect();
        let keys: BTreeSet<String> = keys.iter().flat_map(|key| tax_id::dresses(key)).collect();
        let companies = store::parties::list_by_tax_keys(conn, &keys.into_iter().collect::<Vec<_>>())?;
        loaded.companies = companies.into_iter().map(|party| (party.tax_key.clone(), party)).collect();
        let mut looks = BTreeSet::new();
        for file in files() {
            looks.extend([look_key(&file.number), stem_key(&file.number)]);
            looks.extend(file.preceding.iter().map(|named| look_key(&named.number)));
        }
        let looks: Vec<String> = looks.into_iter().filter(|look| !look.is_empty()).collect();
        for invoice in neighbours::list_by_look(conn, &loaded.seller, &looks)? {
            loaded.add(invoice);
        }
        let totals: BTreeSet<(PartyId, NaiveDate, i64)> = files().filter_map(|file| loaded.total_of(file)).collect();
        let wanted: Vec<(PartyId, NaiveDate, i64)> = totals.into_iter().collect();
        for invoice in neighbours::list_by_total(conn, &wanted, i64::try_from(MOST_COMPARED).unwrap_or(i64::MAX))? {
            loaded.add(invoice);
        }
        for invoice in neighbours::list_replacements(conn, &loaded.seller)? {
            loaded.add(invoice);
        }
        let numbers: BTreeSet<String> =
            files().flat_map(|file| [normalise_number(&file.number), joined_number(&file.number)]).collect();
        let credits = neighbours::list_credits_by_number(conn, supplier.id, &numbers.into_iter().collect::<Vec<_>>())?;
        loaded.credits = credits.iter().flat_map(|row| [credit_key(row), numbered_key(row)]).collect();
        Ok(loaded)
    }

    /// Buyer, day and total of a row, as far as they are known before the row is examined.
    fn total_of(&self, file: &formats::invoice::InvoiceFile) -> Option<(PartyId, NaiveDate, i64)> {
        let country = file.buyer.country.as_deref().unwrap_or("");
        let buyer =
            [&file.buyer.tax_id, &file.buyer.legal_id].into_iter().find_map(|id| self.of_key(&tax_id::key(country, id)))?;
        let currency = domain::Currency::parse(&file.currency)?;
        let total = file.totals.tax_inclusive.or(file.totals.payable)?;
        Some((buyer.id, file.issue_date?, currency.parse_decimal(&total.to_string()).ok()?))
    }

    fn of_key(&self, key: &str) -> Option<&Party> {
        let dresses = tax_id::dresses(key);
        only_of(key, dresses.iter().filter_map(|dress| self.companies.get(dress)))
    }

    /// From now on other rows are compared with this one too.
    pub fn add(&mut self, invoice: Invoice) {
        let id = invoice.id;
        self.by_total.entry((invoice.buyer_id, invoice.issue_date, invoice.total_minor)).or_default().insert(id);
        // The numbers of other sellers are none of this one's.
        if invoice.seller_tax_key == self.seller {
            self.by_look.entry(invoice.look_key.clone()).or_default().insert(id);
            self.by_stem.entry(invoice.stem_key.clone()).or_default().insert(id);
            if !invoice.replaces.is_empty() && !GONE.contains(&invoice.state) {
                self.replacing.entry(normalise_number(&invoice.replaces)).or_default().insert(id);
            }
        }
        self.invoices.insert(id, invoice);
    }

    /// The invoices of a number.
    fn of_number<'a>(&'a self, number: &str) -> impl Iterator<Item = &'a Invoice> {
        let wanted = normalise_number(number);
        self.of_look(&look_key(number)).filter(move |row| normalise_number(&row.number) == wanted)
    }

    fn of_look<'a>(&'a self, look: &str) -> impl Iterator<Item = &'a Invoice> + use<'a> {
        self.by_look.get(look).into_iter().flatten().filter_map(|id| self.invoices.get(id))
    }
}

fn credit_key(credit: &CreditNote) -> (String, NaiveDate, String, i64) {
    (credit.number_key.clone(), credit.issue_date, credit.currency.clone(), credit.amount_minor)
}

/// The same by the number itself: an older record has another key.
fn numbered_key(credit: &CreditNote) -> (String, NaiveDate, String, i64) {
    (normalise_number(&credit.number), credit.issue_date, credit.currency.clone(), credit.amount_minor)
}

impl Known for Loaded {
    fn check_terms(&mut self, currency: &str) -> Step<()> {
        let known = self.currencies.contains(currency);
        if known { Ok(()) } else { Err(Refusal::CurrencyUnknown { currency: currency.to_owned() }.into()) }
    }

    fn company(&mut self, tax_key: &str) -> Result<Option<Party>, StoreError> {
        Ok(self.of_key(tax_key).cloned())
    }

    /// Every row of a table has tax ids. The sender gets a fault for a row whose tax id matches no company.
    fn vetted(&mut self) -> Result<Vec<Party>, StoreError> {
        Ok(Vec::new())
    }

    fn is_here(&mut self, invoice: &Invoice) -> Result<bool, StoreError> {
        let same = |row: &Invoice| {
            row.issue_date == invoice.issue_date
                && row.currency == invoice.currency
                && row.payable_minor == invoice.payable_minor
                && ![InvoiceState::Withdrawn, InvoiceState::Paid].contains(&row.state)
        };
        Ok(self.of_look(&invoice.look_key).any(|row| same(row) && same_number(row, invoice)))
    }

    fn has_credit(&mut self, credit: &CreditNote) -> Result<bool, StoreError> {
        Ok(self.credits.contains(&credit_key(credit)))
    }

    fn numbered(&mut self, _seller_tax_key: &str, number: &str, before: InvoiceId) -> Result<Vec<Invoice>, StoreError> {
        let live = self.of_number(number).filter(|row| row.id < before && !GONE.contains(&row.state));
        Ok(live.cloned().collect())
    }

    fn compared(&mut self, invoice: &Invoice, _file: &str) -> Result<Vec<Invoice>, StoreError> {
        let total = (invoice.buyer_id, invoice.issue_date, invoice.total_minor);
        let sets = [
            self.by_look.get(&invoice.look_key),
            self.by_look.get(&invoice.stem_key),
            self.by_stem.get(&invoice.look_key),
            self.by_total.get(&total),
        ];
        let mut found: BTreeSet<InvoiceId> = BTreeSet::new();
        for set in sets.into_iter().flatten() {
            let live =
                |id: &&InvoiceId| self.invoices.get(id).is_some_and(|row| row.id != invoice.id && !GONE.contains(&row.state));
            // The lowest of each are enough: no more of all are compared.
            found.extend(set.iter().filter(live).take(MOST_COMPARED));
        }
        Ok(found.into_iter().take(MOST_COMPARED).filter_map(|id| self.invoices.get(&id).cloned()).collect())
    }

    fn cancelled(&mut self, invoice: &Invoice) -> Result<Vec<InvoiceId>, StoreError> {
        let credited = |row: &&Invoice| row.id < invoice.id && GONE.contains(&row.state) && row.credited_minor > 0;
        let gone = self.of_look(&invoice.look_key).filter(credited).filter(|row| same_number(row, invoice));
        let mut ids: Vec<InvoiceId> = gone.map(|row| row.id).collect();
        let replacing = self.replacing.get(&normalise_number(&invoice.number)).into_iter().flatten();
        let earlier = replacing.filter(|id| **id < invoice.id).filter_map(|id| self.invoices.get(id));
        ids.extend(earlier.filter(|row| replaces(row, invoice)).map(|row| row.id));
        Ok(ids)
    }
}
