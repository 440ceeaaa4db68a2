//! Where a Cross Industry Invoice uses code lists.

use crate::invoice::CodedValue;
use crate::xml::{self, CodePlace, Places};
use roxmltree::{Node, NodeId};
use std::collections::HashMap;

const PLACES: &[CodePlace] = &[
    CodePlace { rule: "BR-CL-03", list: "currency", parent: "", element: "TaxTotalAmount", attribute: "currencyID" },
    CodePlace { rule: "BR-CL-04", list: "currency", parent: "", element: "InvoiceCurrencyCode", attribute: "" },
    CodePlace { rule: "BR-CL-05", list: "currency", parent: "", element: "TaxCurrencyCode", attribute: "" },
    CodePlace { rule: "BR-CL-06", list: "tax-point-cii", parent: "", element: "DueDateTypeCode", attribute: "" },
    CodePlace { rule: "BR-CL-07", list: "reference", parent: "", element: "ReferenceTypeCode", attribute: "" },
    CodePlace { rule: "BR-CL-08", list: "subject", parent: "", element: "SubjectCode", attribute: "" },
    CodePlace { rule: "BR-CL-13", list: "item-class", parent: "", element: "ClassCode", attribute: "listID" },
    CodePlace { rule: "BR-CL-14", list: "country", parent: "", element: "CountryID", attribute: "" },
    CodePlace { rule: "BR-CL-15", list: "country", parent: "OriginTradeCountry", element: "ID", attribute: "" },
    CodePlace {
        rule: "BR-CL-16",
        list: "means",
        parent: "SpecifiedTradeSettlementPaymentMeans",
        element: "TypeCode",
        attribute: "",
    },
    CodePlace { rule: "BR-CL-17", list: "vat-category", parent: "CategoryTradeTax", element: "CategoryCode", attribute: "" },
    CodePlace { rule: "BR-CL-18", list: "vat-category", parent: "ApplicableTradeTax", element: "CategoryCode", attribute: "" },
    CodePlace { rule: "BR-CL-21", list: "scheme", parent: "SpecifiedTradeProduct", element: "GlobalID", attribute: "schemeID" },
    CodePlace { rule: "BR-CL-22", list: "exemption", parent: "", element: "ExemptionReasonCode", attribute: "" },
    CodePlace { rule: "BR-CL-23", list: "unit", parent: "", element: "BasisQuantity", attribute: "unitCode" },
    CodePlace { rule: "BR-CL-23", list: "unit", parent: "", element: "BilledQuantity", attribute: "unitCode" },
    CodePlace { rule: "BR-CL-24", list: "mime", parent: "", element: "AttachmentBinaryObject", attribute: "mimeCode" },
    CodePlace {
        rule: "BR-CL-25",
        list: "endpoint",
        parent: "URIUniversalCommunication",
        element: "URIID",
        attribute: "schemeID",
    },
    CodePlace { rule: "BR-CL-26", list: "scheme", parent: "ShipToTradeParty", element: "GlobalID", attribute: "schemeID" },
];

/// Every value of a code list that the document uses, each once.
pub fn used(root: Node<'_, '_>, places: &Places<'_>) -> Vec<CodedValue> {
    // The answer for a parent is looked up once, however many children ask.
    let mut charges: HashMap<NodeId, bool> = HashMap::new();
    xml::codes(root, places, PLACES, |node| {
        let parent = node.parent().map_or("", |above| above.tag_name().name());
        let scheme = || node.attribute("schemeID").map(str::to_owned);
        match (parent, node.tag_name().name()) {
            ("ExchangedDocument", "TypeCode") => {
                let code = xml::own_text(node);
                let list = if is_credit_type(&code) { "credit-type" } else { "invoice-type" };
                Some(("BR-CL-01", list, code))
            }
            ("SpecifiedTaxRegistration" | "ShipToTradeParty", _) => None,
            (_, "ID") => scheme().map(|scheme| ("BR-CL-11", "scheme", scheme)),
            ("SpecifiedTradeProduct", "GlobalID") => None,
            (_, "GlobalID") => scheme().map(|scheme| ("BR-CL-10", "scheme", scheme)),
            ("SpecifiedTradeAllowanceCharge", "ReasonCode") => {
                let is_charge =
                    |above| xml::at(above, &["ChargeIndicator", "Indicator"]).is_some_and(|flag| xml::own_text(flag) == "true");
                let charge = node.parent().is_some_and(|above| *charges.entry(above.id()).or_insert_with(|| is_charge(above)));
                let (rule, list) = if charge { ("BR-CL-20", "charge") } else { ("BR-CL-19", "allowance") };
                Some((rule, list, xml::own_text(node)))
            }
            _ => None,
        }
    })
}

/// Codes of UNTDID 1001 that only credit notes have.
fn is_credit_type(code: &str) -> bool {
    ["81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532"].contains(&code)
}
