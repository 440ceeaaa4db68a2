//! Rules of the UBL binding itself (CEN/TS 16931-3-2): how often an element may stand, and how amounts and files are written.

use crate::xml;
use roxmltree::Node;

/// The broken rules, each with its place.
pub fn findings(root: Node<'_, '_>) -> Vec<(&'static str, u32)> {
    let mut found = Vec::new();
    let mut note = |broken: bool, rule: &'static str, node: Node<'_, '_>| {
        if broken && !found.iter().any(|(known, _)| *known == rule) {
            found.push((rule, xml::line(node)));
        }
    };
    let differ = |values: Vec<String>| values.iter().any(|value| Some(value) != values.first());
    let means =
        |name: &str| xml::children(root, "PaymentMeans").filter_map(|node| xml::child(node, name)).map(xml::own_text).collect();
    note(differ(means("PaymentMeansCode")), "UBL-SR-47", root);
    note(differ(means("PaymentID")), "UBL-SR-44", root);
    for line in root.children().filter(|node| ["InvoiceLine", "CreditNoteLine"].contains(&node.tag_name().name())) {
        let categories = xml::child(line, "Item").map_or(0, |item| xml::children(item, "ClassifiedTaxCategory").count());
        note(categories != 1, "UBL-SR-48", line);
    }
    for role in ["AccountingSupplierParty", "AccountingCustomerParty"] {
        let schemes: Vec<Node<'_, '_>> =
            xml::at(root, &[role, "Party"]).into_iter().flat_map(|party| xml::children(party, "PartyTaxScheme")).collect();
        note(role == "AccountingSupplierParty" && schemes.len() > 2, "UBL-SR-42", root);
        for scheme in schemes {
            let complete = xml::child(scheme, "CompanyID").is_some() && xml::at(scheme, &["TaxScheme", "ID"]).is_some();
            note(!complete, "UBL-SR-53", scheme);
        }
    }
    for node in root.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        if name.ends_with("BinaryObject") {
            note(!node.has_attribute("mimeCode"), "UBL-DT-06", node);
            note(!node.has_attribute("filename"), "UBL-DT-07", node);
        } else if name.ends_with("Amount") && !name.ends_with("PriceAmount") && !inside_price(node) {
            let decimals = xml::own_text(node).split_once('.').map_or(0, |(_, decimals)| decimals.len());
            note(decimals > 2, "UBL-DT-01", node);
        }
    }
    found
}

fn inside_price(node: Node<'_, '_>) -> bool {
    let mut above = node.ancestors().skip(1);
    above.next().is_some_and(|parent| parent.tag_name().name() == "AllowanceCharge")
        && above.next().is_some_and(|parent| parent.tag_name().name() == "Price")
}
