//! UBL 2.1 invoices and credit notes (OASIS, ISO/IEC 19845), as Peppol BIS Billing 3 and the other EN 16931 users write them.

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
use roxmltree::Node;

const INVOICE: &str = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2";
const CREDIT_NOTE: &str = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2";
const AGGREGATE: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
const BASIC: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";

/// Reads an invoice or a credit note.
pub fn parse(bytes: &[u8]) -> Result<InvoiceFile, FormatFault> {
    let text = encoding::decode_xml(bytes)?;
    let document = xml::parse(&text, xml::INVOICE_NODES)?;
    read(document.root_element())
}

/// Whether an element is the root of a document that this reader takes.
pub(crate) fn is_mine(root: Node<'_, '_>) -> bool {
    syntax_of(root).is_some()
}

fn syntax_of(root: Node<'_, '_>) -> Option<Syntax> {
    match (root.tag_name().name(), root.tag_name().namespace()) {
        ("Invoice", Some(INVOICE)) => Some(Syntax::UblInvoice),
        ("CreditNote", Some(CREDIT_NOTE)) => Some(Syntax::UblCreditNote),
        _ => None,
    }
}

/// Reads the elements under the root of an invoice or a credit note. A missing element stays empty: the rules name it.
pub(crate) fn read(root: Node<'_, '_>) -> Result<InvoiceFile, FormatFault> {
    let syntax = syntax_of(root).ok_or_else(|| FormatFault::WrongKind { element: xml::name(root) })?;
    xml::check_elements(root, &[AGGREGATE, BASIC], "UBLExtensions")?;
    let credit = syntax == Syntax::UblCreditNote;
    let places = Places::of(root);
    let currency = xml::only_text(root, &["DocumentCurrencyCode"])?;
    let tax_currency = xml::only_text(root, &["TaxCurrencyCode"])?;
    check_currencies(root, &currency)?;
    let period = xml::children(root, "InvoicePeriod").next().map(read_period).transpose()?;
    let mut file = InvoiceFile {
        syntax,
        specification: xml::only_text(root, &["CustomizationID"])?,
        number: xml::only_text(root, &["ID"])?,
        type_code: xml::only_text(root, &[if credit { "CreditNoteTypeCode" } else { "InvoiceTypeCode" }])?,
        issue_date: xml::date(root, &["IssueDate"])?,
        payment_terms: xml::texts(root, "PaymentTerms", "Note"),
        has_tax_point_date: xml::date(root, &["TaxPointDate"])?.is_some(),
        has_tax_point_code: period.as_ref().is_some_and(|period| !period.tax_point_code.is_empty()),
        notes: xml::children(root, "Note").map(xml::own_text).collect(),
        order_reference: xml::only_text(root, &["OrderReference", "ID"])?,
        preceding: xml::children(root, "BillingReference").map(read_preceding).collect::<Result<_, _>>()?,
        assignment: assigned::found(root),
        seller: party::read_role(root, "AccountingSupplierParty")?,
        buyer: party::read_role(root, "AccountingCustomerParty")?,
        payee: xml::one(root, "PayeeParty")?.map(party::read_party).transpose()?,
        tax_representative: xml::one(root, "TaxRepresentativeParty")?.map(party::read_party).transpose()?,
        delivery_country: xml::at(root, &["Delivery", "DeliveryLocation", "Address"])
            .map(|address| xml::text(address, &["Country", "IdentificationCode"])),
        has_delivery_date: !xml::text(root, &["Delivery", "ActualDeliveryDate"]).is_empty(),
        period,
        payments: xml::children(root, "PaymentMeans").map(read_payment).collect::<Result<_, _>>()?,
        reference_without_means: String::new(),
        adjustments: lines::read_adjustments(root, &places)?,
        totals: read_totals(root, &currency, &tax_currency)?,
        breakdown: lines::read_breakdown(root, &places)?,
        lines: lines::read_lines(root, credit, &places)?,
        attachments: xml::children(root, "AdditionalDocumentReference").map(read_attachment).collect(),
        syntax_findings: [syntax::findings(root), schema::findings(root, syntax, &places)].concat(),
        codes: codes::used(root, &places),
        currency,
        tax_currency,
        ..InvoiceFile::default()
    };
    read_due(root, &mut file)?;
    Ok(file)
}

/// BT-9 where an invoice has it, else the date of the payment means, where older UBL and credit notes put it. Several days of
/// means or terms are instalments. The day of a discount is none of them.
fn read_due(root: Node<'_, '_>, file: &mut InvoiceFile) -> Result<(), FormatFault> {
    let stated = xml::date(root, &["DueDate"])?;
    let mut parts = Vec::new();
    for payment in xml::children(root, "PaymentMeans") {
        parts.push(Instalment { due_date: xml::date(payment, &["PaymentDueDate"])?, amount: None });
    }
    // Where the invoice states its due date, the one day of its means says nothing more; several are the days of parts.
    let days: std::collections::BTreeSet<_> = parts.iter().filter_map(|part: &Instalment| part.due_date).collect();
    if stated.is_some() && days.len() < 2 {
        parts.clear();
    }
    for terms in xml::children(root, "PaymentTerms").filter(|terms| !is_discount(*terms)) {
        let instalment = xml::date(terms, &["InstallmentDueDate"])?;
        let due_date = instalment.or(xml::date(terms, &["PaymentDueDate"])?);
        parts.push(Instalment { due_date, amount: xml::only_decimal(terms, &["Amount"])? });
    }
    file.set_due(stated, parts);
    Ok(())
}

/// Terms under which less is paid, or more after a delay.
fn is_discount(terms: Node<'_, '_>) -> bool {
    let some = |name: &str| xml::child(terms, name).is_some_and(|found| xml::decimal(found).is_ok_and(|value| !value.is_zero()));
    ["SettlementDiscountPercent", "SettlementDiscountAmount", "PenaltySurchargePercent", "PenaltyAmount"].into_iter().any(some)
}

fn read_preceding(reference: Node<'_, '_>) -> Result<Preceding, FormatFault> {
    let number = xml::text(reference, &["InvoiceDocumentReference", "ID"]);
    Ok(Preceding { number, issue_date: xml::date(reference, &["InvoiceDocumentReference", "IssueDate"])? })
}

/// One currency throughout; only totals of tax may have another one as well.
fn check_currencies(root: Node<'_, '_>, currency: &str) -> Result<(), FormatFault> {
    if currency.is_empty() {
        return Ok(());
    }
    for node in root.descendants().filter(|node| node.is_element() && node.tag_name().name().ends_with("Amount")) {
        let Some(found) = node.attribute("currencyID").filter(|found| *found != currency) else { continue };
        if !node.ancestors().any(|above| above.tag_name().name() == "TaxTotal") {
            return Err(FormatFault::CurrencyMixed { element: xml::name(node), line: xml::line(node), text: shown(found) });
        }
    }
    Ok(())
}

pub(super) fn read_period(node: Node<'_, '_>) -> Result<Period, FormatFault> {
    Ok(Period {
        start: xml::date(node, &["StartDate"])?,
        end: xml::date(node, &["EndDate"])?,
        tax_point_code: xml::text(node, &["DescriptionCode"]),
    })
}

fn read_payment(node: Node<'_, '_>) -> Result<Payment, FormatFault> {
    let account = xml::only(node, &["PayeeFinancialAccount", "ID"])?.map(xml::own_text);
    Ok(Payment {
        means_code: xml::only_text(node, &["PaymentMeansCode"])?,
        has_account: xml::only(node, &["PayeeFinancialAccount"])?.is_some(),
        accounts: account.into_iter().collect(),
        reference: xml::text(node, &["PaymentID"]),
        card_number: xml::at(node, &["CardAccount", "PrimaryAccountNumberID"]).map(xml::own_text),
    })
}

/// The totals. Of several totals of tax, the one in the document's currency counts, and how many there are is kept.
fn read_totals(root: Node<'_, '_>, currency: &str, tax_currency: &str) -> Result<Totals, FormatFault> {
    let mut totals = Totals::default();
    for node in xml::children(root, "TaxTotal") {
        let Some(amount) = xml::one(node, "TaxAmount")? else { continue };
        let value = xml::decimal(amount)?;
        let named = amount.attribute("currencyID").unwrap_or_default();
        if named == currency || currency.is_empty() {
            totals.tax = totals.tax.or(Some(value));
            totals.tax_count = totals.tax_count.saturating_add(1);
        }
        if named == tax_currency {
            totals.tax_in_tax_currency = totals.tax_in_tax_currency.or(Some(value));
        }
    }
    let Some(node) = xml::one(root, "LegalMonetaryTotal")? else { return Ok(totals) };
    let amount = |name: &str| -> Result<Amount, FormatFault> { xml::only_decimal(node, &[name]) };
    totals.present = true;
    totals.line = amount("LineExtensionAmount")?;
    totals.allowance = amount("AllowanceTotalAmount")?;
    totals.charge = amount("ChargeTotalAmount")?;
    totals.tax_exclusive = amount("TaxExclusiveAmount")?;
    totals.tax_inclusive = amount("TaxInclusiveAmount")?;
    totals.prepaid = amount("PrepaidAmount")?;
    totals.rounding = amount("PayableRoundingAmount")?;
    totals.payable = amount("PayableAmount")?;
    Ok(totals)
}

fn read_attachment(node: Node<'_, '_>) -> Attachment {
    let file = xml::at(node, &["Attachment", "EmbeddedDocumentBinaryObject"]);
    Attachment { id: xml::text(node, &["ID"]), is_embedded: file.is_some() }
}
