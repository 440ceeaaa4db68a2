//! Lines, allowances, charges and the VAT breakdown of a Cross Industry Invoice.

use super::party::identifier;
use super::read_period;
use crate::invoice::{Adjustment, Identifier, Line, TaxCategory, TaxGroup};
use crate::xml::Places;
use crate::{FormatFault, xml};
use roxmltree::Node;

fn read_category(node: Node<'_, '_>) -> Result<TaxCategory, FormatFault> {
    Ok(TaxCategory {
        code: xml::one(node, "CategoryCode")?.map(xml::own_text),
        is_vat: xml::only_text(node, &["TypeCode"])?.eq_ignore_ascii_case("VAT"),
        rate: xml::only_decimal(node, &["RateApplicablePercent"])?,
        has_exemption_reason: xml::child(node, "ExemptionReason").is_some() || xml::child(node, "ExemptionReasonCode").is_some(),
    })
}

pub fn read_group(node: Node<'_, '_>, places: &Places<'_>) -> Result<TaxGroup, FormatFault> {
    Ok(TaxGroup {
        taxable: xml::only_decimal(node, &["BasisAmount"])?,
        tax: xml::only_decimal(node, &["CalculatedAmount"])?,
        category: read_category(node)?,
        file_line: places.line(node),
    })
}

/// The allowances and charges directly under a node. One that does not say which it is counts as an allowance: it lowers.
pub fn read_adjustments(node: Node<'_, '_>, places: &Places<'_>) -> Result<Vec<Adjustment>, FormatFault> {
    xml::children(node, "SpecifiedTradeAllowanceCharge")
        .map(|node| {
            let indicator = xml::only(node, &["ChargeIndicator", "Indicator"])?;
            Ok(Adjustment {
                is_charge: indicator.map(xml::truth).transpose()?.unwrap_or(false),
                amount: xml::only_decimal(node, &["ActualAmount"])?,
                base: xml::only_decimal(node, &["BasisAmount"])?,
                has_reason: xml::child(node, "Reason").is_some() || xml::child(node, "ReasonCode").is_some(),
                category: xml::children(node, "CategoryTradeTax").next().map(read_category).transpose()?,
                file_line: places.line(node),
            })
        })
        .collect()
}

pub fn read_line(node: Node<'_, '_>, places: &Places<'_>) -> Result<Line, FormatFault> {
    let product = xml::one(node, "SpecifiedTradeProduct")?;
    let settlement = xml::one(node, "SpecifiedLineTradeSettlement")?;
    let quantity = xml::only(node, &["SpecifiedLineTradeDelivery", "BilledQuantity"])?;
    let price = |name: &str| xml::only_decimal(node, &["SpecifiedLineTradeAgreement", name, "ChargeAmount"]);
    let listed = |name: &'static str| product.into_iter().flat_map(move |product| xml::children(product, name));
    let period = settlement.map_or(Ok(None), |settlement| xml::one(settlement, "BillingSpecifiedPeriod"))?;
    let categories = settlement.into_iter().flat_map(|settlement| xml::children(settlement, "ApplicableTradeTax"));
    Ok(Line {
        id: xml::only_text(node, &["AssociatedDocumentLineDocument", "LineID"])?,
        file_line: places.line(node),
        quantity: quantity.map(xml::decimal).transpose()?,
        has_unit: quantity.is_some_and(|quantity| quantity.has_attribute("unitCode")),
        net: settlement.map_or(Ok(None), |settlement| {
            xml::only_decimal(settlement, &["SpecifiedTradeSettlementLineMonetarySummation", "LineTotalAmount"])
        })?,
        item: product.map_or_else(|| Ok(String::new()), |product| xml::only_text(product, &["Name"]))?,
        price: price("NetPriceProductTradePrice")?,
        gross_price: price("GrossPriceProductTradePrice")?,
        period: period.map(read_period).transpose()?,
        categories: categories.map(read_category).collect::<Result<_, _>>()?,
        adjustments: settlement.map_or_else(|| Ok(Vec::new()), |settlement| read_adjustments(settlement, places))?,
        standard_id: product.and_then(|product| xml::child(product, "GlobalID")).map(identifier),
        classifications: listed("DesignatedProductClassification")
            .filter_map(|found| xml::child(found, "ClassCode"))
            .map(|code| Identifier { scheme: code.attribute("listID").map(str::to_owned), value: xml::own_text(code) })
            .collect(),
        attributes_complete: listed("ApplicableProductCharacteristic")
            .all(|found| xml::child(found, "Description").is_some() && xml::child(found, "Value").is_some()),
    })
}
