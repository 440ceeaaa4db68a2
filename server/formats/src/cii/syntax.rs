//! Rules of the CII binding itself (CEN/TS 16931-3-3) that real files break: elements that have no place in an invoice.

use crate::xml;
use roxmltree::Node;

/// The broken rules, each with its line.
pub fn findings(root: Node<'_, '_>) -> Vec<(&'static str, u32)> {
    let mut found: Vec<(&'static str, u32)> = Vec::new();
    for node in root.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        let rule =
            if name.ends_with("ReferencedDocument") && name != "InvoiceReferencedDocument" && has(node, "FormattedIssueDateTime")
            {
                "CII-DT-027"
            } else if name.ends_with("Amount") && name != "TaxTotalAmount" && node.has_attribute("currencyID") {
                "CII-DT-031"
            } else if name == "SpecifiedTradeSettlementPaymentMeans" && transfer_without_account(node) {
                "CII-SR-470"
            } else {
                continue;
            };
        if !found.iter().any(|(known, _)| *known == rule) {
            found.push((rule, xml::line(node)));
        }
    }
    found
}

fn has(node: Node<'_, '_>, name: &str) -> bool {
    xml::child(node, name).is_some()
}

fn transfer_without_account(node: Node<'_, '_>) -> bool {
    let transfer = ["30", "58"].contains(&xml::text(node, &["TypeCode"]).as_str());
    let account = xml::child(node, "PayeePartyCreditorFinancialAccount");
    transfer && !account.is_some_and(|account| has(account, "IBANID") || has(account, "ProprietaryID"))
}
