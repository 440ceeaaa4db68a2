//! The VAT categories (UNTDID 5305): ten rules for each of them, and the rules that only some of them have.

use super::totals::{cents, expected_tax, near};
use crate::invoice::{InvoiceFile, Syntax, TaxCategory, TaxGroup};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// The rate that a category asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rate {
    Positive,
    NotNegative,
    Zero,
    None,
}

/// The parties that must be, or must not be, identified for tax.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identified {
    /// The seller by any tax registration, or its representative.
    Seller,
    /// The seller by VAT identifier, or its representative.
    SellerForVat,
    /// The seller as above by any registration; the buyer by VAT or legal identifier.
    SellerAndBuyer,
    /// Both by VAT identifier.
    BothForVat,
    /// No party has a VAT identifier.
    Nobody,
}

struct Category {
    code: &'static str,
    /// The codes of the ten common rules, in their order.
    rules: [&'static str; 10],
    rate: Rate,
    identified: Identified,
    /// A reason for the exemption must stand in the breakdown; otherwise it must not.
    is_exempt: bool,
}

macro_rules! category {
    ($code:literal, $name:literal, $rate:ident, $identified:ident, $exempt:literal) => {
        Category {
            code: $code,
            rules: [
                concat!("BR-", $name, "-01"),
                concat!("BR-", $name, "-02"),
                concat!("BR-", $name, "-03"),
                concat!("BR-", $name, "-04"),
                concat!("BR-", $name, "-05"),
                concat!("BR-", $name, "-06"),
                concat!("BR-", $name, "-07"),
                concat!("BR-", $name, "-08"),
                concat!("BR-", $name, "-09"),
                concat!("BR-", $name, "-10"),
            ],
            rate: Rate::$rate,
            identified: Identified::$identified,
            is_exempt: $exempt,
        }
    };
}

const CATEGORIES: &[Category] = &[
    category!("S", "S", Positive, Seller, false),
    category!("Z", "Z", Zero, Seller, false),
    category!("E", "E", Zero, Seller, true),
    category!("AE", "AE", Zero, SellerAndBuyer, true),
    category!("K", "IC", Zero, BothForVat, true),
    category!("G", "G", Zero, SellerForVat, true),
    category!("O", "O", None, Nobody, true),
    category!("L", "AF", NotNegative, Seller, false),
    category!("M", "AG", NotNegative, Seller, false),
];

/// The rules that only some categories have.
const SPECIAL: &[&str] = &["BR-IC-11", "BR-IC-12", "BR-O-11", "BR-O-12", "BR-O-13", "BR-O-14", "BR-B-01", "BR-B-02"];

pub(super) fn all() -> impl Iterator<Item = &'static str> {
    CATEGORIES.iter().flat_map(|category| category.rules).chain(SPECIAL.iter().copied())
}

/// Where a category stands: its rate, amount and line in the file.
struct Use<'a> {
    category: &'a TaxCategory,
    amount: Decimal,
    file_line: u32,
}

/// The uses of VAT categories in one invoice.
struct Uses<'a> {
    lines: Vec<Use<'a>>,
    allowances: Vec<Use<'a>>,
    charges: Vec<Use<'a>>,
}

impl<'a> Uses<'a> {
    fn of(file: &'a InvoiceFile) -> Self {
        let adjusted = |charge: bool| {
            let mine = file.adjustments.iter().filter(move |found| found.is_charge == charge);
            mine.filter_map(|found| {
                Some(Use {
                    category: found.category.as_ref()?,
                    amount: found.amount.unwrap_or_default(),
                    file_line: found.file_line,
                })
            })
            .collect()
        };
        let lines = file.lines.iter().flat_map(|line| {
            line.categories.iter().map(|category| Use {
                category,
                amount: line.net.unwrap_or_default(),
                file_line: line.file_line,
            })
        });
        Self { lines: lines.collect(), allowances: adjusted(false), charges: adjusted(true) }
    }

    fn kinds(&self) -> [&[Use<'a>]; 3] {
        [&self.lines, &self.allowances, &self.charges]
    }
}

fn is_of(category: &TaxCategory, code: &str) -> bool {
    category.is_vat && category.code.as_deref() == Some(code)
}

/// Every rule of this file that an invoice breaks, with its line.
pub(super) fn broken(file: &InvoiceFile) -> Vec<(&'static str, u32)> {
    let uses = Uses::of(file);
    let mut found: Vec<(&'static str, u32)> = CATEGORIES.iter().flat_map(|category| category.broken(file, &uses)).collect();
    found.extend(special(file, &uses));
    found
}

impl Category {
    fn broken(&self, file: &InvoiceFile, uses: &Uses<'_>) -> Vec<(&'static str, u32)> {
        let [presence, line_party, allowance_party, charge_party, line_rate, allowance_rate, charge_rate, base, tax, reason] =
            self.rules;
        let groups: Vec<&TaxGroup> = file.breakdown.iter().filter(|group| is_of(&group.category, self.code)).collect();
        let mut found = Vec::new();
        if !self.stands_in_breakdown(file.syntax, groups.len(), uses) {
            found.push((presence, 0));
        }
        let party_rules = [line_party, allowance_party, charge_party];
        let rate_rules = [line_rate, allowance_rate, charge_rate];
        for ((used, party), rate) in uses.kinds().into_iter().zip(party_rules).zip(rate_rules) {
            let mut mine = used.iter().filter(|used| is_of(used.category, self.code));
            if let Some(first) = mine.clone().next().filter(|_| !self.parties_identified(file)) {
                found.push((party, first.file_line));
            }
            if let Some(wrong) = mine.find(|used| !self.rate_fits(used.category.rate)) {
                found.push((rate, wrong.file_line));
            }
        }
        let bases = if groups.is_empty() { BTreeMap::new() } else { self.bases(uses) };
        for group in groups {
            let checks = [
                (base, self.base_sums(file, group, &bases) == Some(true)),
                (tax, self.tax_fits(file, group) == Some(true)),
                (reason, group.category.has_exemption_reason == self.is_exempt),
            ];
            for (rule, holds) in checks {
                if !holds && !found.iter().any(|(known, _)| *known == rule) {
                    found.push((rule, group.file_line));
                }
            }
        }
        found
    }

    /// A taxed category has a group for each rate; any other has exactly one.
    fn stands_in_breakdown(&self, syntax: Syntax, groups: usize, uses: &Uses<'_>) -> bool {
        let used = uses.kinds().into_iter().flatten().any(|used| is_of(used.category, self.code));
        match self.rate {
            Rate::Positive | Rate::NotNegative => used == (groups > 0) || (!used && syntax == Syntax::Cii),
            Rate::Zero | Rate::None => groups == usize::from(used) || (groups == 1 && syntax != Syntax::Cii),
        }
    }

    fn parties_identified(&self, file: &InvoiceFile) -> bool {
        let represented = file.tax_representative.as_ref().is_some_and(|party| party.has_vat_id);
        let (seller, buyer) = (&file.seller, &file.buyer);
        match self.identified {
            Identified::Seller => seller.has_tax_registration || represented,
            Identified::SellerForVat => seller.has_vat_id || represented,
            Identified::SellerAndBuyer => {
                (seller.has_tax_registration || represented) && (buyer.has_vat_id || buyer.has_legal_id)
            }
            Identified::BothForVat => (seller.has_vat_id || represented) && buyer.has_vat_id,
            Identified::Nobody => !seller.has_vat_id && !represented && !buyer.has_vat_id,
        }
    }

    fn rate_fits(&self, rate: Option<Decimal>) -> bool {
        match (self.rate, rate) {
            (Rate::Positive, Some(rate)) => rate > Decimal::ZERO,
            (Rate::NotNegative, Some(rate)) => rate >= Decimal::ZERO,
            (Rate::Zero, Some(rate)) => rate.is_zero(),
            (Rate::None, rate) => rate.is_none(),
            (_, None) => false,
        }
    }

    /// Whether the amounts of each rate are a group of their own.
    fn by_rate(&self) -> bool {
        matches!(self.rate, Rate::Positive | Rate::NotNegative)
    }

    /// The sums of lines, allowances and charges of the category, for each rate where rates count. They are added up once for all
    /// groups. CEN's artefacts look at the category alone here, whatever tax scheme stands beside it.
    fn bases(&self, uses: &Uses<'_>) -> BTreeMap<Option<Decimal>, [Option<Decimal>; 3]> {
        let mut bases: BTreeMap<Option<Decimal>, [Option<Decimal>; 3]> = BTreeMap::new();
        for (place, kind) in uses.kinds().into_iter().enumerate() {
            for used in kind.iter().filter(|used| used.category.code.as_deref() == Some(self.code)) {
                let rate = used.category.rate.filter(|_| self.by_rate());
                let sums = bases.entry(rate).or_insert([Some(Decimal::ZERO); 3]);
                if let Some(sum) = sums.get_mut(place) {
                    *sum = sum.and_then(|sum| sum.checked_add(used.amount));
                }
            }
        }
        bases
    }

    /// The taxable amount is the sum of lines and charges of the category (and rate), less the allowances.
    fn base_sums(
        &self,
        file: &InvoiceFile,
        group: &TaxGroup,
        bases: &BTreeMap<Option<Decimal>, [Option<Decimal>; 3]>,
    ) -> Option<bool> {
        let by_rate = self.by_rate();
        if by_rate && group.category.rate.is_none() {
            return Some(true);
        }
        let found = bases.get(&group.category.rate.filter(|_| by_rate));
        let is_cii = file.syntax == Syntax::Cii;
        if self.rate == Rate::Positive && found.is_none() && !is_cii {
            return Some(false);
        }
        let [lines, allowances, charges] =
            found.copied().unwrap_or([Some(Decimal::ZERO); 3]).map(|sum| sum.and_then(|sum| cents(file, sum)));
        let expected = lines?.checked_add(charges?)?.checked_sub(allowances?)?;
        // CII is exact where rates count, UBL where they do not; amounts that are not subject to VAT are exact in both.
        let exact = by_rate == is_cii || self.rate == Rate::None;
        if exact { Some(group.taxable? == expected) } else { near(group.taxable?, expected) }
    }

    fn tax_fits(&self, file: &InvoiceFile, group: &TaxGroup) -> Option<bool> {
        match self.rate {
            // CEN's artefacts leave these to BR-CO-17 in CII.
            Rate::NotNegative if file.syntax == Syntax::Cii => Some(true),
            Rate::Zero | Rate::None => Some(group.tax?.is_zero()),
            Rate::Positive | Rate::NotNegative => {
                near(group.tax?.abs(), expected_tax(file, group.taxable?, group.category.rate?)?)
            }
        }
    }
}

fn special(file: &InvoiceFile, uses: &Uses<'_>) -> Vec<(&'static str, u32)> {
    let mut found = Vec::new();
    let mut note = |broken: bool, rule: &'static str| {
        if broken {
            found.push((rule, 0));
        }
    };
    let grouped = |code: &str| file.breakdown.iter().any(|group| is_of(&group.category, code));
    if grouped("K") {
        let dated = file.has_delivery_date || file.period.is_some();
        note(!dated, "BR-IC-11");
        note(file.delivery_country.as_ref().is_none_or(|country| country.len() < 2), "BR-IC-12");
    }
    if grouped("O") {
        let other = |category: &TaxCategory| category.is_vat && category.code.as_deref() != Some("O");
        let any_other = |kind: &[Use<'_>]| kind.iter().any(|used| other(used.category));
        note(file.breakdown.iter().any(|group| other(&group.category)), "BR-O-11");
        note(any_other(&uses.lines), "BR-O-12");
        note(any_other(&uses.allowances), "BR-O-13");
        note(any_other(&uses.charges), "BR-O-14");
    }
    let used = |code: &str| grouped(code) || uses.kinds().into_iter().flatten().any(|used| is_of(used.category, code));
    if used("B") {
        let countries = [file.seller.country.as_ref(), file.buyer.country.as_ref(), file.delivery_country.as_ref()];
        note(countries.into_iter().flatten().any(|country| country != "IT"), "BR-B-01");
        note(used("S"), "BR-B-02");
    }
    found
}
