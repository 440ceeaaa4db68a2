//! The parties of a UBL document.

use crate::invoice::{Identifier, Party};
use crate::{FormatFault, xml};
use roxmltree::Node;

/// The party in one of the document's roles.
pub fn read_role(root: Node<'_, '_>, role: &str) -> Result<Party, FormatFault> {
    xml::only(root, &[role, "Party"])?.map_or_else(|| Ok(Party::default()), read_party)
}

pub fn read_party(node: Node<'_, '_>) -> Result<Party, FormatFault> {
    let legal = xml::children(node, "PartyLegalEntity").next();
    let legal_name = legal.map(|legal| xml::text(legal, &["RegistrationName"])).unwrap_or_default();
    let trade_name = xml::text(node, &["PartyName", "Name"]);
    let legal_id = legal.and_then(|legal| xml::child(legal, "CompanyID"));
    let registrations: Vec<(bool, String)> = xml::children(node, "PartyTaxScheme")
        .filter_map(|scheme| Some((is_vat(scheme), xml::own_text(xml::child(scheme, "CompanyID")?))))
        .collect();
    let vat_id = registrations.iter().find(|(vat, _)| *vat).map(|(_, id)| id.clone());
    let any_id = registrations.first().map(|(_, id)| id.clone()).unwrap_or_default();
    Ok(Party {
        has_legal_name: !legal_name.is_empty(),
        name: if legal_name.is_empty() { trade_name.clone() } else { legal_name },
        trade_name,
        tax_id: vat_id.clone().filter(|id| !id.is_empty()).unwrap_or(any_id),
        has_vat_id: vat_id.is_some(),
        vat_id: vat_id.unwrap_or_default(),
        has_tax_registration: !registrations.is_empty(),
        identifiers: xml::children(node, "PartyIdentification")
            .filter_map(|found| xml::child(found, "ID"))
            .map(identifier)
            .collect(),
        has_legal_id: legal_id.is_some(),
        legal_id: legal_id.map(xml::own_text).unwrap_or_default(),
        endpoint: xml::one(node, "EndpointID")?.map(identifier),
        country: xml::one(node, "PostalAddress")?.map(|address| xml::text(address, &["Country", "IdentificationCode"])),
    })
}

/// Whether the scheme that a node names is VAT.
pub fn is_vat(node: Node<'_, '_>) -> bool {
    xml::text(node, &["TaxScheme", "ID"]).eq_ignore_ascii_case("VAT")
}

pub fn identifier(node: Node<'_, '_>) -> Identifier {
    Identifier { scheme: node.attribute("schemeID").map(str::to_owned), value: xml::own_text(node) }
}
