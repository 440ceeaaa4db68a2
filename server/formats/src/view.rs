//! A UBL, CII or OFD invoice as people read it: the parties, lines, taxes, totals and notes of the file, word for word. A page
//! sets them beside the fields that Kontor took from the file.

mod cii;
mod label;
mod ofd;
mod row;

use crate::fault::shown;
use crate::{FormatFault, encoding, xml};
pub use row::{RowView, read as read_row, rows_of};
use roxmltree::Node;
use serde::{Deserialize, Serialize};

/// More lines than this stand only in the file itself.
pub const MOST_LINES: usize = 200;

/// Longer texts than this are cut: people do not read them beside a form.
const MOST_MARKS: usize = 500;

/// The text of the file there, as far as a person reads it. Invisible characters, and those that turn the direction of writing,
/// are marked. The file itself keeps them.
fn words(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    let end = text.char_indices().nth(MOST_MARKS).map(|(end, _)| end);
    let marked = |mark: char| if domain::text::is_hidden(mark) && !mark.is_whitespace() { '\u{FFFD}' } else { mark };
    let mut shown: String = text.get(..end.unwrap_or(text.len())).unwrap_or("").chars().map(marked).collect();
    if end.is_some() {
        shown.push('…');
    }
    shown
}

/// An amount of the file: its own decimal and the currency that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    pub currency: String,
    pub number: String,
}

/// A labelled text: the name of the label in the texts, and the text of the file.
pub type Entry = (&'static str, String);

/// BG-4 or BG-7: a party with its identifiers and its address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyView {
    pub name: String,
    #[serde(deserialize_with = "label::labelled")]
    pub entries: Vec<Entry>,
}

/// BG-25
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineView {
    pub id: String,
    pub name: String,
    pub description: String,
    /// Number and unit code (UN/ECE Recommendation 20).
    pub quantity: String,
    pub unit: String,
    pub price: Figure,
    pub net: Figure,
}

/// BG-23
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxView {
    pub category: String,
    pub percent: String,
    pub taxable: Figure,
    pub tax: Figure,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentView {
    #[serde(deserialize_with = "label::labelled")]
    pub head: Vec<Entry>,
    pub seller: PartyView,
    pub buyer: PartyView,
    pub lines: Vec<LineView>,
    /// How many lines the file has beyond those shown.
    pub more_lines: usize,
    pub taxes: Vec<TaxView>,
    /// BG-22, in the order of the file's own arithmetic.
    #[serde(deserialize_with = "label::labelled")]
    pub totals: Vec<(&'static str, Figure)>,
    pub notes: Vec<String>,
}

/// The amounts of the totals, with the names of their labels.
const TOTALS: &[(&str, &str)] = &[
    ("LineExtensionAmount", "lines"),
    ("AllowanceTotalAmount", "allowances"),
    ("ChargeTotalAmount", "charges"),
    ("TaxExclusiveAmount", "tax-exclusive"),
    ("TaxInclusiveAmount", "tax-inclusive"),
    ("PrepaidAmount", "prepaid"),
    ("PayableRoundingAmount", "rounding"),
    ("PayableAmount", "payable"),
];

impl Figure {
    fn cut(&mut self) {
        self.currency = words(&self.currency);
        self.number = words(&self.number);
    }
}

impl DocumentView {
    /// No text and no list is longer than a person reads.
    fn cut(mut self) -> Self {
        self.taxes.truncate(MOST_LINES);
        for line in &mut self.lines {
            for text in [&mut line.id, &mut line.quantity, &mut line.unit] {
                *text = words(&*text);
            }
            line.price.cut();
            line.net.cut();
        }
        for tax in &mut self.taxes {
            for text in [&mut tax.category, &mut tax.percent] {
                *text = words(&*text);
            }
            tax.taxable.cut();
            tax.tax.cut();
        }
        self.totals.iter_mut().for_each(|(_, figure)| figure.cut());
        self
    }
}

/// Reads a UBL invoice or credit note, a CII invoice, or the data of an OFD document, for display. Nothing is checked or computed
/// here.
pub fn read(bytes: &[u8]) -> Result<DocumentView, FormatFault> {
    read_uncut(bytes).map(DocumentView::cut)
}

fn read_uncut(bytes: &[u8]) -> Result<DocumentView, FormatFault> {
    let text = encoding::decode_xml(bytes)?;
    let document = xml::parse(&text, xml::INVOICE_NODES)?;
    let root = document.root_element();
    let (line_name, quantity_name) = match root.tag_name().name() {
        "Invoice" => ("InvoiceLine", "InvoicedQuantity"),
        "CreditNote" => ("CreditNoteLine", "CreditedQuantity"),
        cii::ROOT => return Ok(cii::read(root)),
        _ if crate::ofd::is_mine(root) => return Ok(ofd::read(root)),
        name => return Err(FormatFault::WrongKind { element: shown(name) }),
    };
    let currency = xml::text(root, &["DocumentCurrencyCode"]);
    let figure = |node: Node<'_, '_>, path: &[&str]| {
        xml::at(node, path).map(|found| Figure {
            currency: words(found.attribute("currencyID").unwrap_or(&currency)),
            number: xml::own_text(found),
        })
    };
    let totals = xml::child(root, "LegalMonetaryTotal");
    let mut shown: Vec<(&'static str, Figure)> =
        TOTALS.iter().filter_map(|(element, label)| Some((*label, figure(totals?, &[element])?))).collect();
    if let Some(tax) = figure(root, &["TaxTotal", "TaxAmount"]) {
        let before = shown.iter().position(|(label, _)| *label == "tax-inclusive").unwrap_or(shown.len());
        shown.insert(before, ("tax", tax));
    }
    let line = |node: Node<'_, '_>| LineView {
        id: xml::text(node, &["ID"]),
        name: words(xml::text(node, &["Item", "Name"])),
        description: words(xml::text(node, &["Item", "Description"])),
        quantity: xml::text(node, &[quantity_name]),
        unit: xml::child(node, quantity_name).and_then(|found| found.attribute("unitCode")).unwrap_or("").to_owned(),
        price: figure(node, &["Price", "PriceAmount"]).unwrap_or_default(),
        net: figure(node, &["LineExtensionAmount"]).unwrap_or_default(),
    };
    let tax = |node: Node<'_, '_>| TaxView {
        category: xml::text(node, &["TaxCategory", "ID"]),
        percent: xml::text(node, &["TaxCategory", "Percent"]),
        taxable: figure(node, &["TaxableAmount"]).unwrap_or_default(),
        tax: figure(node, &["TaxAmount"]).unwrap_or_default(),
    };
    let taxes = xml::child(root, "TaxTotal").map(|total| xml::children(total, "TaxSubtotal").take(MOST_LINES).map(tax).collect());
    Ok(DocumentView {
        head: present(&[
            ("number", xml::text(root, &["ID"])),
            ("issued", xml::text(root, &["IssueDate"])),
            ("due", xml::text(root, &["DueDate"])),
            ("order", xml::text(root, &["OrderReference", "ID"])),
            ("contract", xml::text(root, &["ContractDocumentReference", "ID"])),
            ("buyer-reference", xml::text(root, &["BuyerReference"])),
            ("delivered", xml::text(root, &["Delivery", "ActualDeliveryDate"])),
            ("terms", xml::texts(root, "PaymentTerms", "Note")),
        ]),
        seller: party(root, "AccountingSupplierParty"),
        buyer: party(root, "AccountingCustomerParty"),
        lines: xml::children(root, line_name).take(MOST_LINES).map(line).collect(),
        more_lines: xml::children(root, line_name).count().saturating_sub(MOST_LINES),
        taxes: taxes.unwrap_or_default(),
        totals: shown,
        notes: xml::children(root, "Note")
            .take(MOST_LINES)
            .map(xml::own_text)
            .filter(|note| !note.is_empty())
            .map(words)
            .collect(),
    })
}

fn present(entries: &[Entry]) -> Vec<Entry> {
    entries.iter().filter(|(_, text)| !text.is_empty()).map(|(label, text)| (*label, words(text.clone()))).collect()
}

fn party(root: Node<'_, '_>, role: &str) -> PartyView {
    let Some(party) = xml::at(root, &[role, "Party"]) else { return PartyView::default() };
    let legal = xml::text(party, &["PartyLegalEntity", "RegistrationName"]);
    let trade = xml::text(party, &["PartyName", "Name"]);
    let address: Vec<String> = [
        &["PostalAddress", "StreetName"][..],
        &["PostalAddress", "AdditionalStreetName"],
        &["PostalAddress", "PostalZone"],
        &["PostalAddress", "CityName"],
        &["PostalAddress", "Country", "IdentificationCode"],
    ]
    .iter()
    .map(|path| xml::text(party, path))
    .filter(|part| !part.is_empty())
    .collect();
    PartyView {
        name: words(if legal.is_empty() { trade } else { legal }),
        entries: present(&[
            ("tax-id", xml::text(party, &["PartyTaxScheme", "CompanyID"])),
            ("legal-id", xml::text(party, &["PartyLegalEntity", "CompanyID"])),
            ("address", address.join(", ")),
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"><ID>7</ID><IssueDate>2026-11-02</IssueDate>
        <Note>Thank &amp; you</Note><DocumentCurrencyCode>EUR</DocumentCurrencyCode>
        <AccountingSupplierParty><Party><PartyName><Name>Trade</Name></PartyName><PostalAddress><StreetName>Kai 1</StreetName><CityName>Hamburg</CityName>
        <Country><IdentificationCode>DE</IdentificationCode></Country></PostalAddress><PartyTaxScheme><CompanyID>DE1</CompanyID></PartyTaxScheme>
        <PartyLegalEntity><RegistrationName>Legal GmbH</RegistrationName></PartyLegalEntity></Party></AccountingSupplierParty>
        <TaxTotal><TaxAmount currencyID="EUR">19.00</TaxAmount><TaxSubtotal><TaxableAmount currencyID="EUR">100.00</TaxableAmount>
        <TaxAmount currencyID="EUR">19.00</TaxAmount><TaxCategory><ID>S</ID><Percent>19</Percent></TaxCategory></TaxSubtotal></TaxTotal>
        <LegalMonetaryTotal><LineExtensionAmount>100.00</LineExtensionAmount><TaxInclusiveAmount>119.00</TaxInclusiveAmount>
        <PayableAmount currencyID="EUR">119.00</PayableAmount></LegalMonetaryTotal>
        <InvoiceLine><ID>1</ID><InvoicedQuantity unitCode="C62">4</InvoicedQuantity><LineExtensionAmount currencyID="EUR">100.00</LineExtensionAmount>
        <Item><Description>Steel</Description><Name>Shaft</Name></Item><Price><PriceAmount currencyID="EUR">25.0000</PriceAmount></Price></InvoiceLine></Invoice>"#;

    #[test]
    fn a_file_is_shown_word_for_word() {
        let view = read(FILE.as_bytes()).unwrap();
        let euro = |number: &str| Figure { currency: "EUR".into(), number: number.into() };
        assert_eq!(view.head, [("number", "7".to_owned()), ("issued", "2026-11-02".to_owned())]);
        assert_eq!(view.seller.name, "Legal GmbH");
        assert_eq!(view.seller.entries, [("tax-id", "DE1".to_owned()), ("address", "Kai 1, Hamburg, DE".to_owned())]);
        assert_eq!(view.buyer, PartyView::default());
        let line = &view.lines[0];
        assert_eq!((line.name.as_str(), line.description.as_str()), ("Shaft", "Steel"));
        assert_eq!((line.quantity.as_str(), line.unit.as_str()), ("4", "C62"));
        assert_eq!((&line.price, &line.net), (&euro("25.0000"), &euro("100.00")));
        assert_eq!(
            view.taxes[0],
            TaxView { category: "S".into(), percent: "19".into(), taxable: euro("100.00"), tax: euro("19.00") }
        );
        let labels: Vec<&str> = view.totals.iter().map(|(label, _)| *label).collect();
        assert_eq!(labels, ["lines", "tax", "tax-inclusive", "payable"]);
        assert_eq!(view.notes, ["Thank & you"]);
    }

    /// Shown values and computed ones come from the same places of a real file.
    #[test]
    fn real_files_show_what_was_read_from_them() {
        let root =
            std::env::var("KONTOR_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
        let mut files = Vec::new();
        for kind in ["cen-ubl-examples", "cen-cii-examples"] {
            let Ok(folder) = std::fs::read_dir(format!("{root}/data/einvoice/{kind}")) else {
                println!("left out: shared data is absent");
                return;
            };
            files.extend(folder.map(|entry| entry.unwrap().path()));
        }
        let mut seen = [0, 0];
        for path in files {
            let content = std::fs::read(&path).unwrap();
            let of_ubl = crate::ubl::parse(&content);
            let kind = usize::from(of_ubl.is_err());
            let Ok(invoice) = of_ubl.or_else(|_| crate::cii::parse(&content)) else { continue };
            let view = read(&content).unwrap();
            assert_eq!(view.head[0], ("number", invoice.number.clone()));
            assert_eq!(
                (view.seller.name.as_str(), view.buyer.name.as_str()),
                (invoice.seller.name.as_str(), invoice.buyer.name.as_str())
            );
            let owed = &view.totals.last().unwrap().1;
            assert_eq!((owed.currency.clone(), owed.number.parse().ok()), (invoice.currency.clone(), invoice.totals.payable));
            assert_eq!(view.lines.len() + view.more_lines, invoice.lines.len());
            seen[kind] += 1;
        }
        assert!(seen[0] > 5 && seen[1] > 5, "{seen:?}");
    }

    /// Hybrid PDF and OFD documents: the file inside is shown as it was read.
    #[test]
    fn real_containers_show_what_lies_inside() {
        let root =
            std::env::var("KONTOR_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
        let mut seen = std::collections::BTreeMap::new();
        for kind in ["mustang", "zugferd-corpus-other", "zugferd-corpus-triples", "mutants-pdf", "china-ofd"] {
            let Ok(folder) = std::fs::read_dir(format!("{root}/data/einvoice/{kind}")) else {
                println!("left out: shared data is absent");
                return;
            };
            for path in folder.map(|entry| entry.unwrap().path()) {
                let content = std::fs::read(&path).unwrap();
                if crate::read::container(&content).is_none() {
                    continue;
                }
                let Ok(members) = crate::read::unpack(&content, &crate::limits::Limits::default()) else { continue };
                let inside = members.first().unwrap();
                let Ok(invoice) = crate::read::read_xml(&inside.content) else { continue };
                assert!(inside.name.to_lowercase().ends_with(".xml"), "{}", inside.name);
                let view = read(&inside.content).unwrap();
                assert_eq!(view.head[0], ("number", invoice.number.clone()), "{}", path.display());
                assert_eq!(
                    (view.seller.name.as_str(), view.buyer.name.as_str()),
                    (invoice.seller.name.as_str(), invoice.buyer.name.as_str())
                );
                let owed = &view.totals.last().unwrap().1;
                assert_eq!((owed.currency.clone(), owed.number.parse().ok()), (invoice.currency.clone(), invoice.totals.payable));
                assert_eq!(view.lines.len() + view.more_lines, invoice.lines.len());
                *seen.entry(kind).or_insert(0) += 1;
            }
        }
        assert!(seen.len() == 5 && seen.values().sum::<i32>() > 12, "{seen:?}");
    }

    #[test]
    fn long_files_are_cut_and_strange_ones_refused() {
        let line = "<InvoiceLine><ID>1</ID></InvoiceLine>";
        let long = format!("<Invoice>{}</Invoice>", line.repeat(MOST_LINES + 3));
        let view = read(long.as_bytes()).unwrap();
        assert_eq!((view.lines.len(), view.more_lines), (MOST_LINES, 3));
        assert!(read(b"<Order/>").is_err());
        assert!(read(b"<!DOCTYPE x><Invoice/>").is_err());
    }
}
