//! UBL 2.1 invoices (OASIS, ISO/IEC 19845), as Peppol BIS Billing 3 and the other EN 16931 users write them.

use crate::{FormatFault, xml};
use chrono::NaiveDate;
use roxmltree::Node;

const INVOICE: &str = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2";
const CREDIT_NOTE: &str = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UblParty {
    pub name: String,
    /// BT-31 or BT-48: VAT identifier.
    pub tax_id: String,
    /// BT-30 or BT-47: legal registration identifier.
    pub legal_id: String,
}

/// What Kontor reads of an invoice file. Amounts are the file's own decimals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UblInvoice {
    /// BT-1
    pub number: String,
    /// BT-3, UNTDID 1001
    pub type_code: String,
    /// BT-2
    pub issue_date: NaiveDate,
    /// BT-9, or the date of the payment means
    pub due_date: Option<NaiveDate>,
    /// BT-5
    pub currency: String,
    pub seller: UblParty,
    pub buyer: UblParty,
    /// BT-59, where somebody other than the seller is to be paid
    pub payee_name: String,
    /// BT-13
    pub order_reference: String,
    /// BT-22
    pub notes: Vec<String>,
    /// BT-106
    pub line_total: String,
    /// BT-112
    pub tax_inclusive: String,
    /// BT-113
    pub prepaid: String,
    /// BT-115: what is owed
    pub payable: String,
    pub line_count: usize,
}

impl UblInvoice {
    /// Somebody else is to be paid, or a note speaks of an assignment: already sold elsewhere?
    #[must_use]
    pub fn assigned_elsewhere(&self) -> bool {
        let other_payee = !self.payee_name.is_empty() && self.payee_name != self.seller.name;
        let spoken = self.notes.iter().any(|note| {
            let note = note.to_lowercase();
            note.starts_with("#acc#")
                || ["assigned to", "factoring", "abgetreten", "cédée", "应收账款转让"].iter().any(|word| note.contains(word))
        });
        other_payee || spoken
    }
}

/// Reads an invoice or a credit note.
pub fn parse(bytes: &[u8]) -> Result<UblInvoice, FormatFault> {
    let text = xml::decode(bytes)?;
    let document = xml::parse(&text)?;
    let root = document.root_element();
    let type_path: &[&str] = match (root.tag_name().name(), root.tag_name().namespace()) {
        ("Invoice", Some(INVOICE)) => &["InvoiceTypeCode"],
        ("CreditNote", Some(CREDIT_NOTE)) => &["CreditNoteTypeCode"],
        (name, _) => {
            return Err(FormatFault::WrongKind(format!("<{}> is no UBL 2.1 invoice", name.chars().take(40).collect::<String>())));
        }
    };
    let credit = root.tag_name().name() == "CreditNote";
    let type_code = xml::text(root, type_path);
    let type_code = match (type_code.is_empty(), credit) {
        (true, true) => "381".to_owned(),
        (true, false) => "380".to_owned(),
        (false, _) => type_code,
    };
    let issue_date = xml::date(root, &["IssueDate"])?.ok_or_else(|| missing(root, "IssueDate"))?;
    let due_date = match xml::date(root, &["DueDate"])? {
        Some(day) => Some(day),
        None => xml::date(root, &["PaymentMeans", "PaymentDueDate"])?,
    };
    let currency = xml::required(root, &["DocumentCurrencyCode"])?;
    let totals = xml::child(root, "LegalMonetaryTotal").ok_or_else(|| missing(root, "LegalMonetaryTotal"))?;
    if xml::children(totals, "PayableAmount").count() > 1 {
        return Err(FormatFault::Inconsistent("LegalMonetaryTotal has more than one PayableAmount".to_owned()));
    }
    let amount = |name: &str, needed: bool| read_amount(totals, name, &currency, needed);
    let payable = amount("PayableAmount", true)?;
    let tax_inclusive = amount("TaxInclusiveAmount", false)?;
    Ok(UblInvoice {
        number: xml::required(root, &["ID"])?,
        type_code,
        issue_date,
        due_date,
        seller: read_party(root, "AccountingSupplierParty")?,
        buyer: read_party(root, "AccountingCustomerParty")?,
        payee_name: xml::text(root, &["PayeeParty", "PartyName", "Name"]),
        order_reference: xml::text(root, &["OrderReference", "ID"]),
        notes: xml::children(root, "Note").map(xml::own_text).collect(),
        line_total: amount("LineExtensionAmount", false)?,
        tax_inclusive: if tax_inclusive.is_empty() { payable.clone() } else { tax_inclusive },
        prepaid: amount("PrepaidAmount", false)?,
        payable,
        line_count: xml::children(root, if credit { "CreditNoteLine" } else { "InvoiceLine" }).count(),
        currency,
    })
}

fn missing(node: Node<'_, '_>, element: &str) -> FormatFault {
    FormatFault::Missing { element: element.to_owned(), line: xml::line(node) }
}

/// A decimal in the document's currency.
fn read_amount(totals: Node<'_, '_>, name: &str, currency: &str, needed: bool) -> Result<String, FormatFault> {
    let Some(node) = xml::child(totals, name) else {
        return if needed { Err(missing(totals, name)) } else { Ok(String::new()) };
    };
    let text = xml::own_text(node);
    let plain = text.strip_prefix(['-', '+']).unwrap_or(&text);
    let digits = plain.bytes().filter(u8::is_ascii_digit).count();
    let points = plain.bytes().filter(|mark| *mark == b'.').count();
    if digits == 0 || points > 1 || digits.saturating_add(points) != plain.len() || plain.len() > 30 {
        return Err(xml::invalid(totals, &[name], &text));
    }
    if node.attribute("currencyID").is_some_and(|code| code != currency) {
        return Err(FormatFault::Inconsistent(format!("line {}: {name} is not in {currency}", xml::line(node))));
    }
    Ok(text)
}

fn read_party(root: Node<'_, '_>, role: &str) -> Result<UblParty, FormatFault> {
    let party = xml::at(root, &[role, "Party"]).ok_or_else(|| missing(root, role))?;
    let tax_scheme = xml::children(party, "PartyTaxScheme").find(|scheme| {
        let code = xml::text(*scheme, &["TaxScheme", "ID"]);
        code.eq_ignore_ascii_case("VAT") || code.is_empty()
    });
    let tax_scheme = tax_scheme.or_else(|| xml::child(party, "PartyTaxScheme"));
    let legal_name = xml::text(party, &["PartyLegalEntity", "RegistrationName"]);
    let trade_name = xml::text(party, &["PartyName", "Name"]);
    let name = if legal_name.is_empty() { trade_name } else { legal_name };
    if name.is_empty() {
        return Err(FormatFault::Missing {
            element: format!("{role}/Party/PartyLegalEntity/RegistrationName"),
            line: xml::line(party),
        });
    }
    Ok(UblParty {
        name,
        tax_id: tax_scheme.map(|scheme| xml::text(scheme, &["CompanyID"])).unwrap_or_default(),
        legal_id: xml::text(party, &["PartyLegalEntity", "CompanyID"]),
    })
}

#[cfg(test)]
pub(crate) mod tests;
