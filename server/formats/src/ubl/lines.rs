//! Lines, allowances, charges and the VAT breakdown of a UBL document.

use super::party::{identifier, is_vat};
use super::read_period;
use crate::invoice::{Adjustment, Identifier, Line, TaxCategory, TaxGroup};
use crate::xml::Places;
use crate::{FormatFault, xml};
use roxmltree::Node;

fn read_category(node: Node<'_, '_>) -> Result<TaxCategory, FormatFault> {
    let reason = xml::one(node, "TaxExemptionReasonCode")?;
    Ok(TaxCategory {
        code: xml::one(node, "ID")?.map(xml::own_text),
        is_vat: is_vat(node),
        rate: xml::only_decimal(node, &["Percent"])?,
        has_exemption_reason: reason.is_some() || xml::child(node, "TaxExemptionReason").is_some(),
    })
}

pub fn read_breakdown(root: Node<'_, '_>, places: &Places<'_>) -> Result<Vec<TaxGroup>, FormatFault> {
    let subtotals = xml::children(root, "TaxTotal").flat_map(|total| xml::children(total, "TaxSubtotal"));
    subtotals
        .map(|node| {
            Ok(TaxGroup {
                taxable: xml::only_decimal(node, &["TaxableAmount"])?,
                tax: xml::only_decimal(node, &["TaxAmount"])?,
                category: xml::one(node, "TaxCategory")?.map(read_category).transpose()?.unwrap_or_default(),
                file_line: places.line(node),
            })
        })
        .collect()
}

/// The allowances and charges directly under a node. One that does not say which it is counts as an allowance: it lowers.
pub fn read_adjustments(node: Node<'_, '_>, places: &Places<'_>) -> Result<Vec<Adjustment>, FormatFault> {
    xml::children(node, "AllowanceCharge")
        .map(|node| {
            Ok(Adjustment {
                is_charge: xml::one(node, "ChargeIndicator")?.map(xml::truth).transpose()?.unwrap_or(false),
                amount: xml::only_decimal(node, &["Amount"])?,
                base: xml::only_decimal(node, &["BaseAmount"])?,
                has_reason: xml::child(node, "AllowanceChargeReason").is_some()
                    || xml::child(node, "AllowanceChargeReasonCode").is_some(),
                category: xml::children(node, "TaxCategory").next().map(read_category).transpose()?,
                file_line: places.line(node),
            })
        })
        .collect()
}

pub fn read_lines(root: Node<'_, '_>, credit: bool, places: &Places<'_>) -> Result<Vec<Line>, FormatFault> {
    let (element, quantity) = if credit { ("CreditNoteLine", "CreditedQuantity") } else { ("InvoiceLine", "InvoicedQuantity") };
    xml::children(root, element).map(|node| read_line(node, quantity, places)).collect()
}

fn read_line(node: Node<'_, '_>, quantity: &str, places: &Places<'_>) -> Result<Line, FormatFault> {
    let quantity = xml::one(node, quantity)?;
    let item = xml::one(node, "Item")?;
    let price = xml::one(node, "Price")?;
    let inside = |path: &[&str]| item.map_or_else(|| Ok(String::new()), |item| xml::only_text(item, path));
    let priced = |path: &[&str]| price.map_or(Ok(None), |price| xml::only_decimal(price, path));
    let listed = |name: &'static str| item.into_iter().flat_map(move |item| xml::children(item, name));
    Ok(Line {
        id: xml::only_text(node, &["ID"])?,
        file_line: places.line(node),
        quantity: quantity.map(xml::decimal).transpose()?,
        has_unit: quantity.is_some_and(|quantity| quantity.has_attribute("unitCode")),
        net: xml::only_decimal(node, &["LineExtensionAmount"])?,
        item: inside(&["Name"])?,
        price: priced(&["PriceAmount"])?,
        gross_price: priced(&["AllowanceCharge", "BaseAmount"])?,
        period: xml::children(node, "InvoicePeriod").next().map(read_period).transpose()?,
        categories: listed("ClassifiedTaxCategory").map(read_category).collect::<Result<_, _>>()?,
        adjustments: read_adjustments(node, places)?,
        standard_id: item.and_then(|item| xml::at(item, &["StandardItemIdentification", "ID"])).map(identifier),
        classifications: listed("CommodityClassification")
            .filter_map(|found| xml::child(found, "ItemClassificationCode"))
            .map(|code| Identifier { scheme: code.attribute("listID").map(str::to_owned), value: xml::own_text(code) })
            .collect(),
        attributes_complete: listed("AdditionalItemProperty")
            .all(|found| xml::child(found, "Name").is_some() && xml::child(found, "Value").is_some()),
    })
}
