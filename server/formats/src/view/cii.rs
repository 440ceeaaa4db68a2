//! A CII invoice (UN/CEFACT D16B) as people read it.

use super::{DocumentView, Figure, LineView, MOST_LINES, PartyView, TaxView, present, words};
use crate::xml;
use roxmltree::Node;

/// The amounts of the totals, with the names of their labels, in the order of the file's own arithmetic.
const TOTALS: &[(&str, &str)] = &[
    ("LineTotalAmount", "lines"),
    ("AllowanceTotalAmount", "allowances"),
    ("ChargeTotalAmount", "charges"),
    ("TaxBasisTotalAmount", "tax-exclusive"),
    ("TaxTotalAmount", "tax"),
    ("GrandTotalAmount", "tax-inclusive"),
    ("TotalPrepaidAmount", "prepaid"),
    ("RoundingAmount", "rounding"),
    ("DuePayableAmount", "payable"),
];

const TERMS: &str = "SpecifiedTradePaymentTerms";

pub(super) const ROOT: &str = "CrossIndustryInvoice";

pub(super) fn read(root: Node<'_, '_>) -> DocumentView {
    let trade = |path: &[&str]| xml::at(root, &[&["SupplyChainTradeTransaction"], path].concat());
    let (agreement, settlement) = (trade(&["ApplicableHeaderTradeAgreement"]), trade(&["ApplicableHeaderTradeSettlement"]));
    let text = |node: Option<Node<'_, '_>>, path: &[&str]| node.map(|node| xml::text(node, path)).unwrap_or_default();
    let currency = text(settlement, &["InvoiceCurrencyCode"]);
    let figure = |node: Node<'_, '_>, path: &[&str]| {
        xml::at(node, path).map(|found| Figure {
            currency: words(found.attribute("currencyID").unwrap_or(&currency)),
            number: xml::own_text(found),
        })
    };
    let totals = settlement.and_then(|node| xml::child(node, "SpecifiedTradeSettlementHeaderMonetarySummation"));
    let line = |node: Node<'_, '_>| {
        let quantity = xml::at(node, &["SpecifiedLineTradeDelivery", "BilledQuantity"]);
        LineView {
            id: xml::text(node, &["AssociatedDocumentLineDocument", "LineID"]),
            name: words(xml::text(node, &["SpecifiedTradeProduct", "Name"])),
            description: words(xml::text(node, &["SpecifiedTradeProduct", "Description"])),
            quantity: quantity.map(xml::own_text).unwrap_or_default(),
            unit: quantity.and_then(|found| found.attribute("unitCode")).unwrap_or("").to_owned(),
            price: figure(node, &["SpecifiedLineTradeAgreement", "NetPriceProductTradePrice", "ChargeAmount"])
                .unwrap_or_default(),
            net: figure(
                node,
                &["SpecifiedLineTradeSettlement", "SpecifiedTradeSettlementLineMonetarySummation", "LineTotalAmount"],
            )
            .unwrap_or_default(),
        }
    };
    let tax = |node: Node<'_, '_>| TaxView {
        category: xml::text(node, &["CategoryCode"]),
        percent: xml::text(node, &["RateApplicablePercent"]),
        taxable: figure(node, &["BasisAmount"]).unwrap_or_default(),
        tax: figure(node, &["CalculatedAmount"]).unwrap_or_default(),
    };
    let lines = || trade(&[]).into_iter().flat_map(|node| xml::children(node, "IncludedSupplyChainTradeLineItem"));
    let document = xml::child(root, "ExchangedDocument");
    let notes = document.into_iter().flat_map(|node| xml::children(node, "IncludedNote"));
    // The first of several terms may be those of a discount: all days are shown.
    let terms = settlement.into_iter().flat_map(|node| xml::children(node, TERMS));
    let due: Vec<String> =
        terms.map(|node| day(xml::text(node, &["DueDateDateTime", "DateTimeString"]))).filter(|day| !day.is_empty()).collect();
    DocumentView {
        head: present(&[
            ("number", text(document, &["ID"])),
            ("issued", day(text(document, &["IssueDateTime", "DateTimeString"]))),
            ("due", due.join(" | ")),
            ("order", text(agreement, &["BuyerOrderReferencedDocument", "IssuerAssignedID"])),
            ("contract", text(agreement, &["ContractReferencedDocument", "IssuerAssignedID"])),
            ("buyer-reference", text(agreement, &["BuyerReference"])),
            ("terms", settlement.map(|node| xml::texts(node, TERMS, "Description")).unwrap_or_default()),
        ]),
        seller: party(agreement, "SellerTradeParty"),
        buyer: party(agreement, "BuyerTradeParty"),
        lines: lines().take(MOST_LINES).map(line).collect(),
        more_lines: lines().count().saturating_sub(MOST_LINES),
        taxes: settlement
            .into_iter()
            .flat_map(|node| xml::children(node, "ApplicableTradeTax"))
            .take(MOST_LINES)
            .map(tax)
            .collect(),
        totals: TOTALS.iter().filter_map(|(element, label)| Some((*label, figure(totals?, &[element])?))).collect(),
        notes: notes
            .take(MOST_LINES)
            .map(|note| xml::text(note, &["Content"]))
            .filter(|note| !note.is_empty())
            .map(words)
            .collect(),
    }
}

/// `20261102` (format 102) as people and the page write it; anything else as it is.
fn day(text: String) -> String {
    match (text.get(..4), text.get(4..6), text.get(6..8)) {
        (Some(year), Some(month), Some(day)) if text.len() == 8 => format!("{year}-{month}-{day}"),
        _ => text,
    }
}

fn party(agreement: Option<Node<'_, '_>>, role: &str) -> PartyView {
    let Some(party) = agreement.and_then(|node| xml::child(node, role)) else { return PartyView::default() };
    let address: Vec<String> = ["LineOne", "LineTwo", "PostcodeCode", "CityName", "CountryID"]
        .iter()
        .map(|part| xml::text(party, &["PostalTradeAddress", part]))
        .filter(|part| !part.is_empty())
        .collect();
    PartyView {
        name: words(xml::text(party, &["Name"])),
        entries: present(&[
            ("tax-id", xml::text(party, &["SpecifiedTaxRegistration", "ID"])),
            ("legal-id", xml::text(party, &["SpecifiedLegalOrganization", "ID"])),
            ("address", address.join(", ")),
        ]),
    }
}
