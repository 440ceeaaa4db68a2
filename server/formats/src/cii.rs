//! UN/CEFACT Cross Industry Invoice D16B, as XRechnung, Factur-X and ZUGFeRD 2 write it.

mod codes;
mod lines;
mod party;
mod syntax;

use crate::assigned;
use crate::fault::shown;
use crate::invoice::{Amount, Attachment, Instalment, InvoiceFile, Payment, Period, Preceding, Syntax, Totals};
use crate::rules::schema;
use crate::xml::Places;
use crate::{FormatFault, encoding, xml};
use chrono::NaiveDate;
use roxmltree::Node;

const ROOT: &str = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100";
const NAMESPACES: &[&str] = &[
    ROOT,
    "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
];

/// Reads an invoice or a credit note: the type code says which.
pub fn parse(bytes: &[u8]) -> Result<InvoiceFile, FormatFault> {
    let text = encoding::decode_xml(bytes)?;
    let document = xml::parse(&text, xml::INVOICE_NODES)?;
    read(document.root_element())
}

/// Whether an element is the root of a document that this reader takes.
pub(crate) fn is_mine(root: Node<'_, '_>) -> bool {
    root.tag_name().name() == "CrossIndustryInvoice" && root.tag_name().namespace() == Some(ROOT)
}

/// The parts of a document that may be missing, each standing once.
struct Parts<'a, 'i> {
    document: Option<Node<'a, 'i>>,
    trade: Option<Node<'a, 'i>>,
    agreement: Option<Node<'a, 'i>>,
    delivery: Option<Node<'a, 'i>>,
    settlement: Option<Node<'a, 'i>>,
}

/// Reads the elements under the root. A missing element stays empty: the rules name it.
pub(crate) fn read(root: Node<'_, '_>) -> Result<InvoiceFile, FormatFault> {
    if !is_mine(root) {
        return Err(FormatFault::WrongKind { element: xml::name(root) });
    }
    xml::check_elements(root, NAMESPACES, "")?;
    let places = Places::of(root);
    let trade = xml::one(root, "SupplyChainTradeTransaction")?;
    let part = |name: &str| trade.map_or(Ok(None), |trade| xml::one(trade, name));
    let parts = Parts {
        document: xml::one(root, "ExchangedDocument")?,
        trade,
        agreement: part("ApplicableHeaderTradeAgreement")?,
        delivery: part("ApplicableHeaderTradeDelivery")?,
        settlement: part("ApplicableHeaderTradeSettlement")?,
    };
    let mut file = InvoiceFile {
        syntax: Syntax::Cii,
        specification: xml::text(root, &["ExchangedDocumentContext", "GuidelineSpecifiedDocumentContextParameter", "ID"]),
        syntax_findings: [syntax::findings(root), schema::findings(root, Syntax::Cii, &places)].concat(),
        codes: codes::used(root, &places),
        assignment: assigned::found(root),
        ..InvoiceFile::default()
    };
    read_document(&parts, &mut file)?;
    read_agreement(&parts, &mut file)?;
    read_delivery(&parts, &mut file)?;
    read_settlement(&parts, &places, &mut file)?;
    if let Some(trade) = parts.trade {
        let lines = xml::children(trade, "IncludedSupplyChainTradeLineItem");
        file.lines = lines.map(|node| lines::read_line(node, &places)).collect::<Result<_, _>>()?;
    }
    check_currencies(root, &file.currency)?;
    Ok(file)
}

fn read_document(parts: &Parts<'_, '_>, file: &mut InvoiceFile) -> Result<(), FormatFault> {
    let Some(document) = parts.document else { return Ok(()) };
    file.number = xml::only_text(document, &["ID"])?;
    file.type_code = xml::only_text(document, &["TypeCode"])?;
    file.issue_date = date(document, "IssueDateTime")?;
    file.notes = xml::children(document, "IncludedNote").map(note).collect();
    Ok(())
}

/// A note with its subject code in front, as UBL writes it.
fn note(node: Node<'_, '_>) -> String {
    let (subject, content) = (xml::text(node, &["SubjectCode"]), xml::text(node, &["Content"]));
    if subject.is_empty() { content } else { format!("#{subject}#{content}") }
}

fn read_agreement(parts: &Parts<'_, '_>, file: &mut InvoiceFile) -> Result<(), FormatFault> {
    let Some(agreement) = parts.agreement else { return Ok(()) };
    file.seller = party::read_role(agreement, "SellerTradeParty")?.unwrap_or_default();
    file.buyer = party::read_role(agreement, "BuyerTradeParty")?.unwrap_or_default();
    file.tax_representative = party::read_role(agreement, "SellerTaxRepresentativeTradeParty")?;
    file.order_reference = xml::only_text(agreement, &["BuyerOrderReferencedDocument", "IssuerAssignedID"])?;
    file.attachments = xml::children(agreement, "AdditionalReferencedDocument")
        .map(|node| Attachment {
            id: xml::text(node, &["IssuerAssignedID"]),
            is_embedded: xml::child(node, "AttachmentBinaryObject").is_some(),
        })
        .collect();
    Ok(())
}

fn read_delivery(parts: &Parts<'_, '_>, file: &mut InvoiceFile) -> Result<(), FormatFault> {
    let Some(delivery) = parts.delivery else { return Ok(()) };
    file.delivery_country =
        xml::only(delivery, &["ShipToTradeParty", "PostalTradeAddress"])?.map(|address| xml::text(address, &["CountryID"]));
    let event = xml::one(delivery, "ActualDeliverySupplyChainEvent")?;
    file.has_delivery_date = event.map_or(Ok(None), |event| date(event, "OccurrenceDateTime"))?.is_some();
    Ok(())
}

fn read_settlement(parts: &Parts<'_, '_>, places: &Places<'_>, file: &mut InvoiceFile) -> Result<(), FormatFault> {
    let Some(settlement) = parts.settlement else { return Ok(()) };
    file.currency = xml::only_text(settlement, &["InvoiceCurrencyCode"])?;
    file.tax_currency = xml::only_text(settlement, &["TaxCurrencyCode"])?;
    file.payee = party::read_role(settlement, "PayeeTradeParty")?;
    // It stands once in the file, however many means of payment there are.
    file.reference_without_means = xml::only_text(settlement, &["PaymentReference"])?;
    file.payments = xml::children(settlement, "SpecifiedTradeSettlementPaymentMeans").map(read_payment).collect();
    file.period = xml::one(settlement, "BillingSpecifiedPeriod")?.map(read_period).transpose()?;
    file.payment_terms = xml::texts(settlement, "SpecifiedTradePaymentTerms", "Description");
    let due = xml::children(settlement, "SpecifiedTradePaymentTerms").map(net_due).collect::<Result<_, _>>()?;
    file.set_due(None, due);
    let taxes = || xml::children(settlement, "ApplicableTradeTax");
    file.breakdown = taxes().map(|node| lines::read_group(node, places)).collect::<Result<_, _>>()?;
    file.has_tax_point_date = taxes().any(|tax| xml::child(tax, "TaxPointDate").is_some());
    file.has_tax_point_code = taxes().any(|tax| xml::child(tax, "DueDateTypeCode").is_some());
    file.adjustments = lines::read_adjustments(settlement, places)?;
    file.preceding = xml::children(settlement, "InvoiceReferencedDocument").map(read_preceding).collect::<Result<_, _>>()?;
    file.totals = read_totals(settlement, &file.currency, &file.tax_currency)?;
    Ok(())
}

fn read_preceding(node: Node<'_, '_>) -> Result<Preceding, FormatFault> {
    Ok(Preceding { number: xml::text(node, &["IssuerAssignedID"]), issue_date: date(node, "FormattedIssueDateTime")? })
}

/// When the net amount, or a part of it, is due by these terms. The day of a discount is no due date, unless the discount has a
/// time of its own that ends on another day.
fn net_due(terms: Node<'_, '_>) -> Result<Instalment, FormatFault> {
    let due_date = date(terms, "DueDateDateTime")?;
    let amount = xml::only_decimal(terms, &["PartialPaymentAmount"])?;
    let discounts: Vec<Node<'_, '_>> =
        xml::children(terms, "ApplicableTradePaymentDiscountTerms").filter(|discount| lowers(*discount)).collect();
    let mut ends = Vec::new();
    for discount in &discounts {
        ends.push(discount_ends(*discount)?);
    }
    let own_time = ends.iter().all(|end| end.is_some_and(|end| due_date.is_some_and(|due| due > end)));
    Ok(if own_time { Instalment { due_date, amount } } else { Instalment::default() })
}

/// A percentage or an amount of nothing is no discount.
fn lowers(discount: Node<'_, '_>) -> bool {
    let stated = |name: &str| xml::child(discount, name).and_then(|found| xml::decimal(found).ok());
    let (percent, amount) = (stated("CalculationPercent"), stated("ActualDiscountAmount"));
    (percent.is_none() && amount.is_none()) || [percent, amount].into_iter().flatten().any(|value| !value.is_zero())
}

/// The last day of a discount that says from when and for how many days it holds.
fn discount_ends(discount: Node<'_, '_>) -> Result<Option<NaiveDate>, FormatFault> {
    let Some(begins) = date(discount, "BasisDateTime")? else { return Ok(None) };
    let Some(measure) = xml::child(discount, "BasisPeriodMeasure") else { return Ok(None) };
    let days =
        measure.attribute("unitCode").is_none_or(|unit| unit == "DAY").then(|| xml::own_text(measure).parse().ok()).flatten();
    Ok(days.and_then(|days| begins.checked_add_days(chrono::Days::new(days))))
}

fn read_payment(node: Node<'_, '_>) -> Payment {
    let account = xml::child(node, "PayeePartyCreditorFinancialAccount");
    let number = account.and_then(|account| xml::child(account, "IBANID").or_else(|| xml::child(account, "ProprietaryID")));
    Payment {
        means_code: xml::text(node, &["TypeCode"]),
        has_account: account.is_some(),
        accounts: number.map(xml::own_text).into_iter().collect(),
        reference: String::new(),
        card_number: xml::at(node, &["ApplicableTradeSettlementFinancialCard", "ID"]).map(xml::own_text),
    }
}

fn read_totals(settlement: Node<'_, '_>, currency: &str, tax_currency: &str) -> Result<Totals, FormatFault> {
    let Some(node) = xml::one(settlement, "SpecifiedTradeSettlementHeaderMonetarySummation")? else {
        return Ok(Totals::default());
    };
    let amount = |name: &str| -> Result<Amount, FormatFault> { xml::only_decimal(node, &[name]) };
    let mut totals = Totals {
        present: true,
        line: amount("LineTotalAmount")?,
        allowance: amount("AllowanceTotalAmount")?,
        charge: amount("ChargeTotalAmount")?,
        tax_exclusive: amount("TaxBasisTotalAmount")?,
        tax_inclusive: amount("GrandTotalAmount")?,
        prepaid: amount("TotalPrepaidAmount")?,
        rounding: amount("RoundingAmount")?,
        payable: amount("DuePayableAmount")?,
        ..Totals::default()
    };
    for tax in xml::children(node, "TaxTotalAmount") {
        let value = xml::decimal(tax)?;
        let named = tax.attribute("currencyID").unwrap_or_default();
        if named == currency {
            totals.tax = totals.tax.or(Some(value));
            totals.tax_count = totals.tax_count.saturating_add(1);
        }
        if named == tax_currency {
            totals.tax_in_tax_currency = totals.tax_in_tax_currency.or(Some(value));
        }
    }
    Ok(totals)
}

/// One currency throughout; only totals of tax may have another one as well.
fn check_currencies(root: Node<'_, '_>, currency: &str) -> Result<(), FormatFault> {
    if currency.is_empty() {
        return Ok(());
    }
    for node in root.descendants().filter(|node| node.is_element() && node.tag_name().name().ends_with("Amount")) {
        let Some(found) = node.attribute("currencyID").filter(|found| *found != currency) else { continue };
        if node.tag_name().name() != "TaxTotalAmount" {
            return Err(FormatFault::CurrencyMixed { element: xml::name(node), line: xml::line(node), text: shown(found) });
        }
    }
    Ok(())
}

pub(super) fn read_period(node: Node<'_, '_>) -> Result<Period, FormatFault> {
    Ok(Period { start: date(node, "StartDateTime")?, end: date(node, "EndDateTime")?, tax_point_code: String::new() })
}

/// A date in the only form that the standard allows: 102, eight digits.
fn date(node: Node<'_, '_>, name: &str) -> Result<Option<NaiveDate>, FormatFault> {
    let Some(at) = xml::only(node, &[name, "DateTimeString"])? else { return Ok(None) };
    let text = xml::own_text(at);
    let eight = text.len() == 8 && text.bytes().all(|mark| mark.is_ascii_digit());
    let day = (eight && at.attribute("format") == Some("102")).then(|| NaiveDate::parse_from_str(&text, "%Y%m%d").ok()).flatten();
    day.map(Some).ok_or_else(|| FormatFault::Invalid { element: name.to_owned(), line: xml::line(at), text: shown(&text) })
}
