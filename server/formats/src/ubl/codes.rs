//! Where a UBL document uses code lists.

use crate::invoice::CodedValue;
use crate::xml::{self, CodePlace, Places};
use roxmltree::{Node, NodeId};
use std::collections::HashMap;

const PLACES: &[CodePlace] = &[
    CodePlace { rule: "BR-CL-01", list: "invoice-type", parent: "", element: "InvoiceTypeCode", attribute: "" },
    CodePlace { rule: "BR-CL-01", list: "credit-type", parent: "", element: "CreditNoteTypeCode", attribute: "" },
    CodePlace { rule: "BR-CL-04", list: "currency", parent: "", element: "DocumentCurrencyCode", attribute: "" },
    CodePlace { rule: "BR-CL-05", list: "currency", parent: "", element: "TaxCurrencyCode", attribute: "" },
    CodePlace { rule: "BR-CL-06", list: "tax-point-ubl", parent: "InvoicePeriod", element: "DescriptionCode", attribute: "" },
    CodePlace { rule: "BR-CL-10", list: "scheme", parent: "PartyIdentification", element: "ID", attribute: "schemeID" },
    CodePlace { rule: "BR-CL-11", list: "scheme", parent: "PartyLegalEntity", element: "CompanyID", attribute: "schemeID" },
    CodePlace { rule: "BR-CL-13", list: "item-class", parent: "", element: "ItemClassificationCode", attribute: "listID" },
    CodePlace { rule: "BR-CL-14", list: "country", parent: "Country", element: "IdentificationCode", attribute: "" },
    CodePlace { rule: "BR-CL-15", list: "country", parent: "OriginCountry", element: "IdentificationCode", attribute: "" },
    CodePlace { rule: "BR-CL-16", list: "means", parent: "PaymentMeans", element: "PaymentMeansCode", attribute: "" },
    CodePlace { rule: "BR-CL-17", list: "vat-category", parent: "TaxCategory", element: "ID", attribute: "" },
    CodePlace { rule: "BR-CL-18", list: "vat-category", parent: "ClassifiedTaxCategory", element: "ID", attribute: "" },
    CodePlace { rule: "BR-CL-21", list: "scheme", parent: "StandardItemIdentification", element: "ID", attribute: "schemeID" },
    CodePlace { rule: "BR-CL-22", list: "exemption", parent: "", element: "TaxExemptionReasonCode", attribute: "" },
    CodePlace { rule: "BR-CL-23", list: "unit", parent: "", element: "InvoicedQuantity", attribute: "unitCode" },
    CodePlace { rule: "BR-CL-23", list: "unit", parent: "", element: "CreditedQuantity", attribute: "unitCode" },
    CodePlace { rule: "BR-CL-23", list: "unit", parent: "", element: "BaseQuantity", attribute: "unitCode" },
    CodePlace { rule: "BR-CL-24", list: "mime", parent: "", element: "EmbeddedDocumentBinaryObject", attribute: "mimeCode" },
    CodePlace { rule: "BR-CL-25", list: "endpoint", parent: "", element: "EndpointID", attribute: "schemeID" },
    CodePlace { rule: "BR-CL-26", list: "scheme", parent: "DeliveryLocation", element: "ID", attribute: "schemeID" },
];

/// Every value of a code list that the document uses, each once.
pub fn used(root: Node<'_, '_>, places: &Places<'_>) -> Vec<CodedValue> {
    // The answer for a parent is looked up once, however many children ask.
    let (mut charges, mut objects): (HashMap<NodeId, bool>, HashMap<NodeId, bool>) = Default::default();
    xml::codes(root, places, PLACES, |node| match node.tag_name().name() {
        "AllowanceChargeReasonCode" => {
            let is_charge = |above| xml::child(above, "ChargeIndicator").is_some_and(|flag| xml::own_text(flag) == "true");
            let charge = node.parent().is_some_and(|above| *charges.entry(above.id()).or_insert_with(|| is_charge(above)));
            let (rule, list) = if charge { ("BR-CL-20", "charge") } else { ("BR-CL-19", "allowance") };
            Some((rule, list, xml::own_text(node)))
        }
        "ID" if node.has_attribute("schemeID") => {
            let references = node.parent().filter(|above| above.tag_name().name().ends_with("DocumentReference"))?;
            let object = *objects.entry(references.id()).or_insert_with(|| xml::text(references, &["DocumentTypeCode"]) == "130");
            object.then(|| ("BR-CL-07", "reference", node.attribute("schemeID").unwrap_or_default().to_owned()))
        }
        name if name.ends_with("Amount") => node.attribute("currencyID").map(|code| ("BR-CL-03", "currency", code.to_owned())),
        "Note" if node.parent() == Some(root) => subject(&xml::own_text(node)).map(|code| ("BR-CL-08", "subject", code)),
        _ => None,
    })
    .into_iter()
    // A creditor identifier for direct debit stands among the party's identifiers.
    .filter(|found| !(found.rule == "BR-CL-10" && found.value == "SEPA"))
    .collect()
}

/// The subject code that UBL writes in front of a note: `#AAI#…`.
fn subject(note: &str) -> Option<String> {
    let (_, rest) = note.split_once('#')?;
    let (code, _) = rest.split_once('#')?;
    (code.chars().count() == 3).then(|| code.to_owned())
}
