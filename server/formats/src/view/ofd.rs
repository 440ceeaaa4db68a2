//! The data of a Chinese e-fapiao (OFD, 2019) as people read it.

use super::{DocumentView, Figure, LineView, MOST_LINES, PartyView, TaxView, present, words};
use crate::xml;
use roxmltree::Node;

/// The amounts of the totals, with the names of their labels. The owed amount comes last.
const TOTALS: &[(&str, &str)] =
    &[("TaxExclusiveTotalAmount", "tax-exclusive"), ("TaxTotalAmount", "tax"), ("TaxInclusiveTotalAmount", "tax-inclusive")];

pub(super) fn read(root: Node<'_, '_>) -> DocumentView {
    let text = |node: Node<'_, '_>, name: &str| xml::text(node, &[name]);
    let figure = |number: String| Figure { currency: "CNY".to_owned(), number };
    let party = |role: &str| {
        let of = |part: &str| xml::text(root, &[role, &format!("{role}{part}")]);
        PartyView {
            name: words(of("Name")),
            entries: present(&[("tax-id", of("TaxID")), ("address", of("AddrTel")), ("account", of("FinancialAccount"))]),
        }
    };
    let goods: Vec<Node<'_, '_>> =
        xml::child(root, "GoodsInfos").into_iter().flat_map(|found| xml::children(found, "GoodsInfo")).collect();
    let line = |(index, node): (usize, &Node<'_, '_>)| LineView {
        id: index.saturating_add(1).to_string(),
        name: words(text(*node, "Item")),
        description: words(text(*node, "Specification")),
        quantity: words(text(*node, "Quantity")),
        unit: words(text(*node, "MeasurementDimension")),
        price: figure(text(*node, "Price")),
        net: figure(text(*node, "Amount")),
    };
    let tax = |node: &Node<'_, '_>| TaxView {
        category: String::new(),
        percent: text(*node, "TaxScheme").trim_end_matches('%').to_owned(),
        taxable: figure(text(*node, "Amount")),
        tax: figure(text(*node, "TaxAmount")),
    };
    let note = text(root, "Note");
    DocumentView {
        head: present(&[
            ("number", format!("{}{}", text(root, "InvoiceCode"), text(root, "InvoiceNo"))),
            ("issued", text(root, "IssueDate")),
            ("check-code", text(root, "InvoiceCheckCode")),
        ]),
        seller: party("Seller"),
        buyer: party("Buyer"),
        lines: goods.iter().enumerate().take(MOST_LINES).map(line).collect(),
        more_lines: goods.len().saturating_sub(MOST_LINES),
        // The file gives the tax line by line.
        taxes: goods.iter().take(MOST_LINES).map(tax).collect(),
        totals: TOTALS
            .iter()
            .filter_map(|(element, label)| Some((*label, figure(xml::own_text(xml::child(root, element)?)))))
            .collect(),
        notes: vec![words(note)].into_iter().filter(|note| !note.is_empty()).collect(),
    }
}
