//! The boundaries of single rules, where CEN's artefacts 1.3.16 have a verdict of their own.

use super::{check, rounded};
use crate::collection::folder;
use crate::invoice::InvoiceFile;
use rust_decimal::Decimal;

fn input(name: &str) -> Option<String> {
    Some(std::fs::read_to_string(format!("{}/reports/inputs/{name}", folder()?)).unwrap())
}

fn broken(text: &str) -> Vec<&'static str> {
    let file: InvoiceFile = crate::read::read_xml(text.as_bytes()).unwrap();
    check(&file).into_iter().map(|found| found.rule).collect()
}

/// Exactly one unit beside the rate: CEN takes it for CII and refuses it for UBL.
#[test]
fn the_tax_may_be_one_unit_off_in_cii_only() {
    let Some(cii) = input("c1_skonto_first.xml") else { return };
    let rules = |tax: &str, total: &str| broken(&cii.replace("1190.00", "TOTAL").replace("190.00", tax).replace("TOTAL", total));
    assert_eq!(rules("190.00", "1190.00"), Vec::<&str>::new());
    // BR-S-09 is strict in both syntaxes.
    assert_eq!(rules("191.00", "1191.00"), ["BR-S-09"]);
    assert_eq!(rules("191.01", "1191.01"), ["BR-CO-17", "BR-S-09"]);
    assert_eq!(rules("190.99", "1190.99"), Vec::<&str>::new());
    let ubl = input("c5_18_2026.xml").unwrap();
    let tax = ubl.split("<cbc:TaxAmount currencyID=\"EUR\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let total = ubl.split("<cbc:PayableAmount currencyID=\"EUR\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let one_more = |text: &str| (text.parse::<Decimal>().unwrap() + Decimal::ONE).to_string();
    assert_eq!(broken(&ubl), Vec::<&str>::new());
    let wrong = ubl
        .replace(&format!(">{total}<"), &format!(">{}<", one_more(&total)))
        .replace(&format!(">{tax}<"), &format!(">{}<", one_more(&tax)));
    assert_eq!(broken(&wrong), ["BR-CO-17", "BR-S-09"]);
}

/// Where rates count CII is exact to the cent, since CEN's test is.
#[test]
fn the_base_of_a_rate_is_exact_in_cii() {
    let Some(cii) = input("c1_skonto_first.xml") else { return };
    let rules = broken(&cii.replace("<ram:BasisAmount>1000.00</ram:BasisAmount>", "<ram:BasisAmount>1000.01</ram:BasisAmount>"));
    assert_eq!(rules, ["BR-S-08"]);
}

/// An allowance without the scheme VAT lowers the base of its category all the same.
#[test]
fn an_allowance_counts_by_its_category_alone() {
    let Some(plain) = input("c5_18_2026.xml") else { return };
    let net = plain.split("<cbc:LineExtensionAmount currencyID=\"EUR\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let less = (net.parse::<Decimal>().unwrap() - Decimal::TEN).to_string();
    let amount = |name: &str, value: &str| format!("<cbc:{name} currencyID=\"EUR\">{value}</cbc:{name}>");
    let category = |element: &str, scheme: &str, reason: &str| {
        format!("<cac:{element}><cbc:ID>G</cbc:ID><cbc:Percent>0</cbc:Percent>{reason}{scheme}</cac:{element}>")
    };
    let vat = "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>";
    let begin = plain.find("<cac:TaxTotal>").unwrap();
    let allowance = |scheme: &str| {
        format!(
            "<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator><cbc:AllowanceChargeReason>x</cbc:AllowanceChargeReason>{}{}</cac:AllowanceCharge>",
            amount("Amount", "10.00"),
            category("TaxCategory", scheme, "")
        )
    };
    let document = |scheme: &str, base: &str| {
        let reason = "<cbc:TaxExemptionReason>export</cbc:TaxExemptionReason>";
        let taxes = format!(
            "<cac:TaxTotal>{}<cac:TaxSubtotal>{}{}{}</cac:TaxSubtotal></cac:TaxTotal>",
            amount("TaxAmount", "0"),
            amount("TaxableAmount", base),
            amount("TaxAmount", "0"),
            category("TaxCategory", vat, reason)
        );
        let totals = format!(
            "<cac:LegalMonetaryTotal>{}{}{}{}{}</cac:LegalMonetaryTotal>",
            amount("LineExtensionAmount", &net),
            amount("TaxExclusiveAmount", &less),
            amount("TaxInclusiveAmount", &less),
            amount("AllowanceTotalAmount", "10.00"),
            amount("PayableAmount", &less)
        );
        let lines = &plain[plain.find("<cac:InvoiceLine>").unwrap()..];
        let lines =
            lines.replace("<cbc:ID>S</cbc:ID><cbc:Percent>19</cbc:Percent>", "<cbc:ID>G</cbc:ID><cbc:Percent>0</cbc:Percent>");
        format!("{}{}{taxes}{totals}{lines}", &plain[..begin], allowance(scheme))
    };
    let other = "<cac:TaxScheme><cbc:ID>GST</cbc:ID></cac:TaxScheme>";
    for scheme in ["", other] {
        let found = broken(&document(scheme, &less));
        assert!(!found.contains(&"BR-G-08"), "{scheme}: {found:?}");
        assert!(broken(&document(scheme, &net)).contains(&"BR-G-08"), "{scheme}");
    }
    assert!(!broken(&document(vat, &less)).contains(&"BR-G-08"));
}

/// A currency of three decimals is held to every rule that can be asked.
#[test]
fn a_currency_of_three_decimals_is_held_to_the_rules() {
    let Some(cii) = input("c1_skonto_first.xml") else { return };
    let text = cii
        .replace("EUR", "KWD")
        .replace("1190.00", "TOTAL")
        .replace("1000.00", "1000.125")
        .replace("190.00", "190.024")
        .replace("TOTAL", "1190.149");
    assert_eq!(broken(&text), Vec::<&str>::new());
    assert_eq!(broken(&text.replace("1190.149</ram:DuePayable", "1190.150</ram:DuePayable")), ["BR-CO-16"]);
    assert!(broken(&text.replace("<ram:LineID>1</ram:LineID>", "")).contains(&"BR-21"));
    let fine = broken(&text.replace("1190.149</ram:DuePayable", "1190.1490</ram:DuePayable"));
    assert_eq!(fine, ["BR-DEC-18"], "four decimals are too many");
    assert!(broken(&text.replace("KWD", "EUR")).iter().filter(|rule| rule.starts_with("BR-DEC")).count() > 3);
    assert_eq!(rounded("1.0005".parse().unwrap(), 3), Some("1.001".parse().unwrap()));
}
