//! The parties of a Cross Industry Invoice.

use crate::invoice::{Identifier, Party};
use crate::{FormatFault, xml};
use roxmltree::Node;

/// The party in one of the document's roles.
pub fn read_role(above: Node<'_, '_>, role: &str) -> Result<Option<Party>, FormatFault> {
    xml::one(above, role)?.map(read_party).transpose()
}

fn read_party(node: Node<'_, '_>) -> Result<Party, FormatFault> {
    let name = xml::only_text(node, &["Name"])?;
    let legal_id = xml::only(node, &["SpecifiedLegalOrganization", "ID"])?;
    let registrations: Vec<Node<'_, '_>> =
        xml::children(node, "SpecifiedTaxRegistration").filter_map(|found| xml::child(found, "ID")).collect();
    let of_scheme =
        |scheme: &str| registrations.iter().find(|id| id.attribute("schemeID") == Some(scheme)).copied().map(xml::own_text);
    let vat_id = of_scheme("VA");
    let any_id = registrations.first().copied().map(xml::own_text).unwrap_or_default();
    Ok(Party {
        has_legal_name: !name.is_empty(),
        trade_name: name.clone(),
        name,
        tax_id: vat_id.clone().filter(|id| !id.is_empty()).unwrap_or(any_id),
        has_vat_id: vat_id.is_some(),
        vat_id: vat_id.unwrap_or_default(),
        has_tax_registration: registrations.iter().any(|id| matches!(id.attribute("schemeID"), Some("VA" | "FC"))),
        identifiers: xml::children(node, "ID").chain(xml::children(node, "GlobalID")).map(identifier).collect(),
        has_legal_id: legal_id.is_some(),
        legal_id: legal_id.map(xml::own_text).unwrap_or_default(),
        endpoint: xml::only(node, &["URIUniversalCommunication", "URIID"])?.map(identifier),
        country: xml::one(node, "PostalTradeAddress")?.map(|address| xml::text(address, &["CountryID"])),
    })
}

pub fn identifier(node: Node<'_, '_>) -> Identifier {
    Identifier { scheme: node.attribute("schemeID").map(str::to_owned), value: xml::own_text(node) }
}
