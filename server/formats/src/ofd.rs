//! The Chinese electronic invoice of 2019. It is an OFD document (GB/T 33190, a zip of XML files) that carries the tax
//! authority's data as one XML file. The reader reads only that file; the tax authority itself checks the seal.

use crate::archive::{self, Member};
use crate::invoice::{InvoiceFile, Line, Party, Syntax, Totals};
use crate::limits::Limits;
use crate::xml::Places;
use crate::{FormatFault, encoding, xml};
use chrono::NaiveDate;
use roxmltree::Node;

const NAMESPACE: &str = "http://www.edrm.org.cn/schema/e-invoice/2019";

#[must_use]
pub fn is_ofd(bytes: &[u8]) -> bool {
    archive::is_zip(bytes) && archive::names(bytes).iter().any(|name| name == "OFD.xml")
}

/// The one file of invoice data in an OFD document.
pub fn embedded_invoice(bytes: &[u8], limits: &Limits) -> Result<Member, FormatFault> {
    let is_data = |member: &Member| {
        let wanted = member.name.to_lowercase().ends_with(".xml")
            && member.content.windows(NAMESPACE.len()).any(|part| part == NAMESPACE.as_bytes());
        wanted && holds_invoice(&member.content)
    };
    let mut data = archive::unpack(bytes, limits)?.into_iter().filter(is_data);
    match (data.next(), data.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(FormatFault::OfdWithoutInvoice),
        (Some(one), Some(other)) => Err(FormatFault::PdfTwoInvoices { names: format!("{}, {}", one.name, other.name) }),
    }
}

fn holds_invoice(content: &[u8]) -> bool {
    let text = encoding::decode_xml(content);
    text.is_ok_and(|text| xml::parse(&text, xml::INVOICE_NODES).is_ok_and(|document| is_mine(document.root_element())))
}

/// Whether an element is the root of the invoice data. The document's tags have the same names, but refer to places on the page.
pub(crate) fn is_mine(root: Node<'_, '_>) -> bool {
    let number = xml::child(root, "InvoiceNo");
    root.tag_name().name() == "eInvoice"
        && number.is_some_and(|found| found.tag_name().namespace() == Some(NAMESPACE) && !xml::own_text(found).is_empty())
}

/// Reads the data. Code and number together name the invoice.
pub(crate) fn read(root: Node<'_, '_>) -> Result<InvoiceFile, FormatFault> {
    if !is_mine(root) {
        return Err(FormatFault::WrongKind { element: xml::name(root) });
    }
    let text = |name: &str| xml::only_text(root, &[name]);
    let party = |role: &str| -> Result<Party, FormatFault> {
        let name = xml::only_text(root, &[role, &format!("{role}Name")])?;
        let tax_id = xml::only_text(root, &[role, &format!("{role}TaxID")])?;
        Ok(Party { has_legal_name: !name.is_empty(), has_tax_registration: !tax_id.is_empty(), name, tax_id, ..Party::default() })
    };
    let amount = |name: &str| xml::only_decimal(root, &[name]);
    let total = amount("TaxInclusiveTotalAmount")?;
    let note = text("Note")?;
    let places = Places::of(root);
    let lines = xml::only(root, &["GoodsInfos"])?;
    Ok(InvoiceFile {
        syntax: Syntax::Fapiao,
        number: format!("{}{}", text("InvoiceCode")?, text("InvoiceNo")?),
        issue_date: Some(issue_date(root)?),
        currency: "CNY".to_owned(),
        assignment: crate::assigned::found(root),
        notes: if note.is_empty() { Vec::new() } else { vec![note] },
        seller: party("Seller")?,
        buyer: party("Buyer")?,
        totals: Totals {
            present: true,
            tax_exclusive: amount("TaxExclusiveTotalAmount")?,
            tax: amount("TaxTotalAmount")?,
            tax_inclusive: total,
            payable: total,
            ..Totals::default()
        },
        lines: lines
            .into_iter()
            .flat_map(|lines| xml::children(lines, "GoodsInfo"))
            .map(|node| read_line(node, &places))
            .collect::<Result<_, _>>()?,
        ..InvoiceFile::default()
    })
}

fn read_line(node: Node<'_, '_>, places: &Places<'_>) -> Result<Line, FormatFault> {
    let net = xml::only_decimal(node, &["Amount"])?;
    Ok(Line { item: xml::only_text(node, &["Item"])?, net, file_line: places.line(node), ..Line::default() })
}

/// Written as `2020年08月05日`, by some as `2020-08-05` or `20200805`.
fn issue_date(root: Node<'_, '_>) -> Result<NaiveDate, FormatFault> {
    let written = xml::only_text(root, &["IssueDate"])?;
    let forms = ["%Y年%m月%d日", "%Y-%m-%d", "%Y%m%d"];
    let day = forms.iter().find_map(|form| NaiveDate::parse_from_str(&written, form).ok());
    day.ok_or_else(|| xml::invalid(root, &["IssueDate"], &written))
}
