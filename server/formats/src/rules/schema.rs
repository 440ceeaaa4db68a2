//! The schemas of the two syntaxes: each element in its place, as often as it may be there, with a value of its kind. No amount
//! that is read depends on them, so a break is only a warning. `schema.txt` holds the order of the elements.

use crate::invoice::Syntax;
use crate::xml;
use crate::xml::Places;
use roxmltree::Node;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// An element stands where the schema has none, one is missing, a value is not of its kind; for UBL and for CII.
pub(super) const ALL: &[&str] =
    &["UBL-XSD-PLACE", "UBL-XSD-LACK", "UBL-XSD-VALUE", "CII-XSD-PLACE", "CII-XSD-LACK", "CII-XSD-VALUE"];

/// An element of a type, in its order.
struct Element {
    name: &'static str,
    /// Empty where it holds a value and no elements.
    kind: &'static str,
    needed: bool,
    many: bool,
}

/// Documents (with a slash) and types by their names.
static TYPES: LazyLock<BTreeMap<&str, Vec<Element>>> = LazyLock::new(|| {
    let mut types: BTreeMap<&str, Vec<Element>> = BTreeMap::new();
    let mut current = "";
    for line in include_str!("schema.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        if !line.starts_with(' ') {
            current = words.next().unwrap_or("");
        }
        types.entry(current).or_default().extend(words.map(element));
    }
    types
});

fn element(word: &'static str) -> Element {
    let plain = word.trim_end_matches(['?', '*', '+']);
    let (name, kind) = plain.split_once(':').unwrap_or((plain, ""));
    Element { name, kind, needed: !word.ends_with(['?', '*']), many: word.ends_with(['*', '+']) }
}

/// The first element that breaks each of the three, with its line.
pub(crate) fn findings(root: Node<'_, '_>, syntax: Syntax, places: &Places<'_>) -> Vec<(&'static str, u32)> {
    let (space, [place, lack, value]) = match syntax {
        Syntax::Cii => ("CII-", ["CII-XSD-PLACE", "CII-XSD-LACK", "CII-XSD-VALUE"]),
        _ => ("UBL-", ["UBL-XSD-PLACE", "UBL-XSD-LACK", "UBL-XSD-VALUE"]),
    };
    let mut found: BTreeMap<&'static str, u32> = BTreeMap::new();
    let mut note = |rule: &'static str, node: Node<'_, '_>| {
        let line = found.entry(rule).or_insert_with(|| places.line(node));
        *line = places.line(node).min(*line);
    };
    let mut left = vec![(root, format!("/{}", root.tag_name().name()))];
    while let Some((node, kind)) = left.pop() {
        let Some(elements) = TYPES.get(kind.as_str()) else { continue };
        if node.attributes().any(|attribute| attribute.namespace().is_none()) {
            note(place, node);
        }
        let (mut at, mut seen) = (0_usize, 0_usize);
        for child in node.children().filter(Node::is_element) {
            let rest = elements.get(at..).unwrap_or(&[]);
            let Some(step) = rest.iter().position(|element| element.name == child.tag_name().name()) else {
                note(place, child);
                continue;
            };
            if step > 0 {
                let passed = rest.get(..step).unwrap_or(&[]);
                let skip = usize::from(seen > 0);
                if passed.iter().skip(skip).any(|element| element.needed) {
                    note(lack, node);
                }
                (at, seen) = (at.saturating_add(step), 0);
            }
            seen = seen.saturating_add(1);
            let Some(element) = elements.get(at) else { continue };
            if seen > 1 && !element.many {
                note(place, child);
            }
            if element.kind.is_empty() {
                if element.name != "UBLExtensions" && !has_its_kind(child, syntax) {
                    note(value, child);
                }
            } else {
                left.push((child, format!("{space}{}", element.kind)));
            }
        }
        if elements.iter().skip(at).skip(usize::from(seen > 0)).any(|element| element.needed) {
            note(lack, node);
        }
    }
    found.into_iter().collect()
}

/// Attributes that values may have.
const ATTRIBUTES: &[&str] = &[
    "currencyID",
    "currencyCodeListVersionID",
    "unitCode",
    "unitCodeListID",
    "unitCodeListAgencyID",
    "unitCodeListAgencyName",
    "unitCodeListVersionID",
    "schemeID",
    "schemeName",
    "schemeAgencyID",
    "schemeAgencyName",
    "schemeVersionID",
    "schemeDataURI",
    "schemeURI",
    "listID",
    "listAgencyID",
    "listAgencyName",
    "listName",
    "listVersionID",
    "listURI",
    "listSchemeURI",
    "name",
    "languageID",
    "languageLocaleID",
    "format",
    "mimeCode",
    "encodingCode",
    "characterSetCode",
    "uri",
    "filename",
];

/// Whether a value has the form of its kind, and only attributes that values may have. The element's name shows the kind.
fn has_its_kind(node: Node<'_, '_>, syntax: Syntax) -> bool {
    let (name, is_ubl) = (node.tag_name().name(), syntax != Syntax::Cii);
    let mut attributes = node.attributes().filter(|attribute| attribute.namespace().is_none());
    if !attributes.all(|attribute| ATTRIBUTES.contains(&attribute.name())) {
        return false;
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&["Amount", "Quantity", "Percent", "Numeric"]) {
        let currency = !is_ubl || !name.ends_with("Amount") || node.has_attribute("currencyID");
        return currency && is_decimal(&xml::own_text(node));
    }
    match name {
        _ if is_ubl && name.ends_with("Indicator") => xml::truth(node).is_ok(),
        _ if is_ubl && name.ends_with("Date") => is_date(&xml::own_text(node)),
        _ => true,
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.bytes().any(|mark| mark.is_ascii_digit())
        && digits.bytes().all(|mark| mark.is_ascii_digit() || mark == b'.')
        && digits.matches('.').count() <= 1
}

/// `2026-11-30`, with a time zone or without.
fn is_date(text: &str) -> bool {
    let rest = text.get(10..).unwrap_or("");
    let zone = rest.is_empty() || rest == "Z" || (rest.len() == 6 && rest.starts_with(['+', '-']));
    zone && text.get(..10).is_some_and(|day| day.parse::<chrono::NaiveDate>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::folder;

    fn found(text: &str) -> Vec<&'static str> {
        let file = crate::read::read_xml(text.as_bytes()).unwrap();
        file.syntax_findings.into_iter().map(|(rule, _)| rule).filter(|rule| rule.contains("-XSD-")).collect()
    }

    #[test]
    fn the_orders_are_read_whole() {
        assert!(TYPES.len() > 150 && TYPES.values().all(|elements| !elements.is_empty()), "{}", TYPES.len());
        let kinds = TYPES.iter().flat_map(|(name, elements)| elements.iter().map(move |element| (name, element.kind)));
        for (name, kind) in kinds.filter(|(_, kind)| !kind.is_empty()) {
            let space = if name.contains("CII") || name.contains("Cross") { "CII-" } else { "UBL-" };
            assert!(TYPES.contains_key(format!("{space}{kind}").as_str()), "{name} {kind}");
        }
    }

    #[test]
    fn what_the_schema_refuses_is_told() {
        let Some(data) = folder() else { return };
        let input = |name: &str| std::fs::read_to_string(format!("{data}/reports/inputs/{name}")).unwrap();
        let (ubl, cii) = (input("c5_18_2026.xml"), input("c1_skonto_first.xml"));
        assert_eq!((found(&ubl), found(&cii)), (vec![], vec![]));
        let moved = ubl.replacen("<cbc:IssueDate>", "<cbc:BuyerReference>x</cbc:BuyerReference><cbc:IssueDate>", 1);
        assert_eq!(found(&moved), ["UBL-XSD-LACK", "UBL-XSD-PLACE"]);
        for (text, rule) in [
            (ubl.replacen("<cbc:IssueDate>", "<cbc:Colour>x</cbc:Colour><cbc:IssueDate>", 1), "UBL-XSD-PLACE"),
            (ubl.replacen("<cac:Party>", "<cac:Party kind=\"x\">", 1), "UBL-XSD-PLACE"),
            (ubl.replacen("<cbc:IssueDate>", "<cbc:IssueDate kind=\"x\">", 1), "UBL-XSD-VALUE"),
            (ubl.replacen("<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>", "", 1), "UBL-XSD-LACK"),
            (
                cii.replacen("<ram:LineID>1</ram:LineID>", "<ram:LineID>1</ram:LineID><ram:LineID2>1</ram:LineID2>", 1),
                "CII-XSD-PLACE",
            ),
            (cii.replacen("<ram:ApplicableHeaderTradeDelivery/>", "", 1), "CII-XSD-LACK"),
        ] {
            let rules = found(&text);
            assert!(if rule.is_empty() { rules.is_empty() } else { rules.contains(&rule) }, "{rule}: {rules:?}");
        }
    }
}
