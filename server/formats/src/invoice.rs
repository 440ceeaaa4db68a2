//! One neutral invoice, filled by every reader. Names and numbers (BT, BG) are those of the semantic model of EN 16931-1.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The syntax that an invoice was written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Syntax {
    #[default]
    UblInvoice,
    UblCreditNote,
    /// UN/CEFACT Cross Industry Invoice D16B, alone or inside a PDF.
    Cii,
    /// The Chinese electronic invoice of 2019.
    Fapiao,
    /// A row of Kontor's own CSV template.
    Csv,
}

/// An amount as the file says it; the decimals that were written are kept.
pub type Amount = Option<Decimal>;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identifier {
    /// The list or agency that the value is of; none where the file does not say.
    pub scheme: Option<String>,
    pub value: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Party {
    /// BT-27, BT-44, BT-59, BT-62: the registered name, or where there is none the trading name.
    pub name: String,
    /// The name came from the place where the standard wants the registered one.
    pub has_legal_name: bool,
    /// BT-28: the name under which the party trades, where the syntax has a place of its own for it.
    pub trade_name: String,
    /// BT-31, BT-48: VAT identifier, or where there is none the other tax registration.
    pub tax_id: String,
    /// BT-31, BT-48, BT-63 only.
    pub vat_id: String,
    /// The element of the VAT identifier is there, even if it is empty.
    pub has_vat_id: bool,
    /// Any tax registration is there, BT-32 included.
    pub has_tax_registration: bool,
    /// BT-29, BT-46, BT-60: private and global identifiers.
    pub identifiers: Vec<Identifier>,
    /// BT-30, BT-47, BT-61
    pub legal_id: String,
    pub has_legal_id: bool,
    /// BT-34, BT-49: electronic address.
    pub endpoint: Option<Identifier>,
    /// BG-5, BG-8, BG-12: there is an address; its country (BT-40, BT-55, BT-69) may be empty.
    pub country: Option<String>,
}

/// BG-16 with BG-17 and BG-18.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Payment {
    /// BT-81, UNTDID 4461
    pub means_code: String,
    /// BG-17: an account is named, even if it is left empty.
    pub has_account: bool,
    /// BT-84
    pub accounts: Vec<String>,
    /// BT-83
    pub reference: String,
    /// BT-87
    pub card_number: Option<String>,
}

/// BG-14 or BG-26.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Period {
    pub start: Option<NaiveDate>,
    pub end: Option<NaiveDate>,
    /// BT-8 stands inside the period in UBL.
    pub tax_point_code: String,
}

/// A VAT category with its rate: of a line (BG-30), of an allowance or charge, or of a group of the breakdown (BG-23).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaxCategory {
    /// UNTDID 5305; none where the element is missing.
    pub code: Option<String>,
    /// The tax is VAT, and not some other one that the syntax could carry.
    pub is_vat: bool,
    pub rate: Option<Decimal>,
    /// BT-120 or BT-121
    pub has_exemption_reason: bool,
}

/// An allowance or a charge of the document (BG-20, BG-21) or of a line (BG-27, BG-28).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adjustment {
    pub is_charge: bool,
    pub amount: Amount,
    pub base: Amount,
    /// As a text or as a code.
    pub has_reason: bool,
    pub category: Option<TaxCategory>,
    /// Where it stands in the file.
    pub file_line: u32,
}

/// BG-23
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaxGroup {
    pub taxable: Amount,
    pub tax: Amount,
    pub category: TaxCategory,
    /// Where it stands in the file.
    pub file_line: u32,
}

/// BG-25
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// BT-126
    pub id: String,
    /// Where it stands in the file.
    pub file_line: u32,
    pub quantity: Option<Decimal>,
    /// BT-130 is there.
    pub has_unit: bool,
    /// BT-131
    pub net: Amount,
    /// BT-153
    pub item: String,
    /// BT-146
    pub price: Amount,
    /// BT-148
    pub gross_price: Amount,
    pub period: Option<Period>,
    pub categories: Vec<TaxCategory>,
    pub adjustments: Vec<Adjustment>,
    /// BT-157, with its scheme where it has one
    pub standard_id: Option<Identifier>,
    /// BT-158, with its list where it has one
    pub classifications: Vec<Identifier>,
    /// BG-32 is complete: each attribute has a name and a value.
    pub attributes_complete: bool,
}

/// BG-22; the amounts are in the document's currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// The group is there.
    pub present: bool,
    /// BT-106
    pub line: Amount,
    /// BT-107
    pub allowance: Amount,
    /// BT-108
    pub charge: Amount,
    /// BT-109
    pub tax_exclusive: Amount,
    /// BT-110
    pub tax: Amount,
    /// How often a total of tax in the document's currency stands in the file.
    pub tax_count: usize,
    /// BT-111
    pub tax_in_tax_currency: Amount,
    /// BT-112
    pub tax_inclusive: Amount,
    /// BT-113
    pub prepaid: Amount,
    /// BT-114
    pub rounding: Amount,
    /// BT-115: the owed amount
    pub payable: Amount,
}

/// BG-24
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// BT-122
    pub id: String,
    /// BT-125: the file lies inside the invoice.
    pub is_embedded: bool,
}

/// A value of a code list, as the file uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodedValue {
    /// The rule that wants it to be of its list.
    pub rule: &'static str,
    /// The list that it should be of.
    pub list: &'static str,
    pub value: String,
    /// Where it first stands in the file.
    pub file_line: u32,
}

/// BG-3: an earlier invoice that this document names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preceding {
    /// BT-25
    pub number: String,
    /// BT-26
    pub issue_date: Option<NaiveDate>,
}

/// A part of the owed amount, with a day of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Instalment {
    pub due_date: Option<NaiveDate>,
    pub amount: Amount,
}

/// The data that Kontor reads of an invoice. A text that is not in the file is empty; the rules say what is missing. Data that
/// only the rules need stays in the process that reads the file, and does not cross to the other process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InvoiceFile {
    pub syntax: Syntax,
    /// BT-24: the specification that the file claims to follow
    pub specification: String,
    /// BT-1
    pub number: String,
    /// BT-3, UNTDID 1001
    pub type_code: String,
    /// BT-2
    pub issue_date: Option<NaiveDate>,
    /// BT-9: the day on which the whole net amount is due; of instalments the last.
    pub due_date: Option<NaiveDate>,
    /// More than one, or none: a single due date is no instalment.
    pub instalments: Vec<Instalment>,
    /// BT-20
    pub payment_terms: String,
    /// BT-5
    pub currency: String,
    /// BT-6
    pub tax_currency: String,
    /// BT-7 is there.
    pub has_tax_point_date: bool,
    /// BT-8 is there.
    pub has_tax_point_code: bool,
    /// BT-22
    pub notes: Vec<String>,
    /// The first text of the file that speaks of an assignment, wherever it stands.
    pub assignment: String,
    /// BT-13
    pub order_reference: String,
    /// BG-3
    pub preceding: Vec<Preceding>,
    pub seller: Party,
    pub buyer: Party,
    /// BG-10: a party other than the seller is to be paid.
    pub payee: Option<Party>,
    /// BG-11
    pub tax_representative: Option<Party>,
    /// BG-15: a place of delivery with an address; its country may be empty.
    pub delivery_country: Option<String>,
    /// BT-72
    pub has_delivery_date: bool,
    pub period: Option<Period>,
    pub payments: Vec<Payment>,
    /// BT-83 of a file that does not give it with each means of payment.
    pub reference_without_means: String,
    #[serde(skip)]
    pub adjustments: Vec<Adjustment>,
    pub totals: Totals,
    #[serde(skip)]
    pub breakdown: Vec<TaxGroup>,
    #[serde(skip)]
    pub lines: Vec<Line>,
    #[serde(skip)]
    pub attachments: Vec<Attachment>,
    /// The values of code lists, each once.
    #[serde(skip)]
    pub codes: Vec<CodedValue>,
    /// Rules of the syntax itself that the file breaks, found while it was read: rule and line.
    #[serde(skip)]
    pub syntax_findings: Vec<(&'static str, u32)>,
}

/// The most entries of each list, and the most characters of each text, that people look at once the rules have passed.
const MOST_TAKEN: usize = 100;
const LONGEST_TAKEN: usize = 1_000;

fn cut(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_TAKEN) {
        text.truncate(end);
    }
}

impl Party {
    fn cut(&mut self) {
        self.identifiers.truncate(MOST_TAKEN);
        for text in [&mut self.name, &mut self.trade_name, &mut self.tax_id, &mut self.vat_id, &mut self.legal_id] {
            cut(text);
        }
        for id in self.identifiers.iter_mut().chain(&mut self.endpoint) {
            cut(&mut id.value);
            id.scheme.iter_mut().for_each(cut);
        }
        self.country.iter_mut().for_each(cut);
    }
}

impl InvoiceFile {
    /// The part of the invoice that Kontor takes from a file that keeps the rules. Its texts are cut to a bound, after they were
    /// searched for an assignment.
    #[must_use]
    pub fn taken(mut self) -> Self {
        self.notes.truncate(MOST_TAKEN);
        self.preceding.truncate(MOST_TAKEN);
        self.instalments.truncate(MOST_TAKEN);
        self.payments.truncate(MOST_TAKEN);
        let others = [self.payee.as_mut(), self.tax_representative.as_mut()].into_iter().flatten();
        [&mut self.seller, &mut self.buyer].into_iter().chain(others).for_each(Party::cut);
        for payment in &mut self.payments {
            payment.accounts.truncate(MOST_TAKEN);
            payment.accounts.iter_mut().chain(&mut payment.card_number).for_each(cut);
            [&mut payment.means_code, &mut payment.reference].into_iter().for_each(cut);
        }
        let texts = [
            &mut self.specification,
            &mut self.number,
            &mut self.type_code,
            &mut self.payment_terms,
            &mut self.currency,
            &mut self.tax_currency,
            &mut self.order_reference,
            &mut self.reference_without_means,
            &mut self.assignment,
        ];
        let named = self.preceding.iter_mut().map(|named| &mut named.number);
        texts.into_iter().chain(&mut self.notes).chain(named).chain(&mut self.delivery_country).for_each(cut);
        self.period.iter_mut().for_each(|period| cut(&mut period.tax_point_code));
        Self {
            adjustments: Vec::new(),
            breakdown: Vec::new(),
            lines: Vec::new(),
            attachments: Vec::new(),
            codes: Vec::new(),
            syntax_findings: Vec::new(),
            ..self
        }
    }

    /// Whether the rules of EN 16931 are meant for it.
    #[must_use]
    pub fn is_european(&self) -> bool {
        matches!(self.syntax, Syntax::UblInvoice | Syntax::UblCreditNote | Syntax::Cii)
    }

    /// BT-3. Where the file has none, its syntax decides: a credit note's root says so itself.
    #[must_use]
    pub fn document_type(&self) -> &str {
        match (self.type_code.as_str(), self.syntax) {
            ("", Syntax::UblCreditNote) => "381",
            ("", _) => "380",
            (stated, _) => stated,
        }
    }

    /// BT-59, or an empty text where the seller is paid.
    #[must_use]
    pub fn payee_name(&self) -> &str {
        self.payee.as_ref().map_or("", |payee| &payee.name)
    }

    /// The first account named for payment.
    #[must_use]
    pub fn iban(&self) -> &str {
        self.payments.iter().flat_map(|payment| &payment.accounts).find(|account| !account.is_empty()).map_or("", String::as_str)
    }

    /// BT-83: the reference that the payer is to quote.
    #[must_use]
    pub fn payment_reference(&self) -> &str {
        let references = self.payments.iter().map(|payment| payment.reference.as_str());
        references.chain([self.reference_without_means.as_str()]).find(|reference| !reference.is_empty()).unwrap_or("")
    }

    /// Attachments that lie inside the file.
    #[must_use]
    pub fn embedded_count(&self) -> usize {
        self.attachments.iter().filter(|attachment| attachment.is_embedded).count()
    }

    /// Another party is to be paid, or a text speaks of an assignment: the claim may already be sold elsewhere.
    #[must_use]
    pub fn assigned_elsewhere(&self) -> bool {
        let same = |one: &str, other: &str| domain::identity::plain_key(one) == domain::identity::plain_key(other);
        let payee = self.payee_name();
        let other_payee = !payee.is_empty() && !same(payee, &self.seller.name) && !same(payee, &self.seller.trade_name);
        other_payee || !self.assignment.is_empty()
    }

    /// The earlier invoices that it names, each once. A number that stands there again with a day, or without one, is the same.
    #[must_use]
    pub fn named_invoices(&self) -> Vec<Preceding> {
        let key = |named: &Preceding| domain::identity::normalise_number(&named.number);
        let mut found: Vec<Preceding> = Vec::new();
        // Those with a day come first, so that one without finds its day.
        let (dated, bare): (Vec<&Preceding>, Vec<&Preceding>) =
            self.preceding.iter().partition(|named| named.issue_date.is_some());
        for named in dated.into_iter().chain(bare) {
            let same = |known: &Preceding| {
                key(known) == key(named) && (named.issue_date.is_none() || known.issue_date == named.issue_date)
            };
            if !found.iter().any(same) {
                found.push(named.clone());
            }
        }
        found
    }

    /// Takes the due date and the instalments from the days on which the net amount, or a part of it, is due.
    pub(crate) fn set_due(&mut self, stated: Option<NaiveDate>, mut parts: Vec<Instalment>) {
        parts.retain(|part| part.due_date.is_some());
        parts.dedup();
        let last = parts.iter().filter_map(|part| part.due_date).max();
        self.due_date = stated.max(last);
        let days: std::collections::BTreeSet<_> = parts.iter().filter_map(|part| part.due_date).chain(stated).collect();
        self.instalments = if days.len() > 1 { parts } else { Vec::new() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_bounded_and_still_speaks_of_an_assignment() {
        let long = "x".repeat(5_000);
        let notes = vec![long.clone(); 300];
        let seller = Party { name: long.clone(), tax_id: "DE1".into(), ..Party::default() };
        let lines = vec![Line::default(); 7];
        let file = InvoiceFile {
            number: "7".into(),
            notes,
            seller,
            lines,
            preceding: vec![Preceding { number: long.clone(), issue_date: None }; 300],
            assignment: format!("{long} Diese Forderung ist abgetreten."),
            ..InvoiceFile::default()
        };
        assert!(file.assigned_elsewhere());
        let taken = file.clone().taken();
        assert!(taken.assigned_elsewhere());
        assert_eq!((taken.number.as_str(), taken.seller.tax_id.as_str()), ("7", "DE1"));
        assert!(taken.lines.is_empty() && taken.notes.len() == MOST_TAKEN && taken.preceding.len() == MOST_TAKEN);
        assert!(taken.notes.iter().chain([&taken.seller.name]).all(|text| text.len() <= LONGEST_TAKEN));
        assert!(taken.assignment.len() <= LONGEST_TAKEN && taken.preceding[0].number.len() <= LONGEST_TAKEN);
        let silent = InvoiceFile { assignment: String::new(), ..file };
        assert!(!silent.clone().assigned_elsewhere() && !silent.taken().assigned_elsewhere());
    }

    #[test]
    fn a_payee_or_a_note_says_that_it_was_assigned() {
        let seller = Party { name: "Mill".to_owned(), ..Party::default() };
        let plain = InvoiceFile { seller: seller.clone(), ..InvoiceFile::default() };
        assert!(!plain.assigned_elsewhere());
        assert!(!InvoiceFile { payee: Some(seller), ..plain.clone() }.assigned_elsewhere());
        let payee = Party { name: "Bank".to_owned(), ..Party::default() };
        assert!(InvoiceFile { payee: Some(payee), ..plain.clone() }.assigned_elsewhere());
        assert!(InvoiceFile { assignment: "#ACC#see letter".to_owned(), ..plain }.assigned_elsewhere());
    }
    #[test]
    fn an_invoice_that_is_named_twice_is_one() {
        let named = |number: &str, day: &str| Preceding { number: number.into(), issue_date: day.parse().ok() };
        let file = |preceding: Vec<Preceding>| InvoiceFile { preceding, ..InvoiceFile::default() }.named_invoices();
        let (old, new) = (named("A-1", "2025-11-21"), named("A-1", "2026-11-21"));
        assert_eq!(file(vec![named("A-1", ""), named("a-1", "")]), [named("A-1", "")]);
        assert_eq!(file(vec![named("A-1", ""), old.clone()]), std::slice::from_ref(&old));
        assert_eq!(file(vec![old.clone(), new.clone()]), [old.clone(), new]);
        assert_eq!(file(vec![old.clone(), named("A-2", "")]), [old, named("A-2", "")]);
    }
}
