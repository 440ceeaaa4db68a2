//! Hybrid invoices: Factur-X and ZUGFeRD put the invoice as an XML file into a PDF. The reader takes out only that file and never
//! reads the pages.

use crate::archive::Member;
use crate::limits::Limits;
use crate::{FormatFault, encoding, read, xml};
use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId};
use std::collections::{BTreeMap, BTreeSet};

/// The names under which the standards attach the invoice. Writers differ in case, and some use other names.
const NAMES: &[&str] = &["factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml"];

#[must_use]
pub fn is_pdf(bytes: &[u8]) -> bool {
    bytes.get(..1024.min(bytes.len())).is_some_and(|head| head.windows(5).any(|mark| mark == b"%PDF-"))
}

/// The one XML invoice that lies in a PDF, with the name under which it was attached. The file is hostile until shown otherwise:
/// run this where time and memory are limited.
pub fn embedded_invoice(bytes: &[u8], limits: &Limits) -> Result<Member, FormatFault> {
    let options = LoadOptions { max_decompressed_size: Some(limits.file_bytes), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(bytes, options).map_err(broken)?;
    if document.is_encrypted() || document.was_encrypted() {
        return Err(FormatFault::PdfEncrypted);
    }
    // A repaired file is not the file that the writer sealed.
    if document.xref_recovery.is_some() {
        return Err(FormatFault::PdfBroken);
    }
    if document.objects.len() > limits.objects {
        return Err(FormatFault::PdfTooMuch);
    }
    let mut invoices: Vec<Member> = Vec::new();
    let mut total = 0_usize;
    for (name, content) in attachments(&document, limits)? {
        total = total.saturating_add(content.len());
        if total > limits.total_bytes {
            return Err(FormatFault::PdfTooMuch);
        }
        let standard = NAMES.contains(&name.to_lowercase().as_str());
        match root_is_invoice(&content) {
            Ok(false) if !standard => {}
            // A file under the standard's name is meant as the invoice: its fault is reported.
            Err(fault) if standard => return Err(fault),
            Err(_) => {}
            Ok(_) if invoices.iter().any(|known| known.content == content) => {}
            Ok(_) => invoices.push(Member { name, content }),
        }
    }
    match invoices.len() {
        0 => Err(FormatFault::PdfWithoutInvoice),
        1 => invoices.pop().ok_or(FormatFault::PdfWithoutInvoice),
        _ => {
            let names: Vec<String> = invoices.iter().map(|found| crate::fault::shown(&found.name)).collect();
            Err(FormatFault::PdfTwoInvoices { names: names.join(", ") })
        }
    }
}

fn broken(error: lopdf::Error) -> FormatFault {
    match error {
        lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. }) => FormatFault::PdfTooMuch,
        lopdf::Error::Decryption(_) | lopdf::Error::InvalidPassword | lopdf::Error::UnsupportedSecurityHandler(_) => {
            FormatFault::PdfEncrypted
        }
        _ => FormatFault::PdfBroken,
    }
}

/// Whether an XML file is an invoice of a syntax that is embedded in PDF files, ZUGFeRD 1 included.
fn root_is_invoice(content: &[u8]) -> Result<bool, FormatFault> {
    let text = encoding::decode_xml(content)?;
    let document = xml::parse(&text, xml::INVOICE_NODES)?;
    let root = document.root_element();
    Ok(read::is_invoice_root(root) || root.tag_name().name() == "CrossIndustryDocument")
}

/// The attached XML files by name. A stream that two file specifications share counts once.
fn attachments(document: &Document, limits: &Limits) -> Result<Vec<(String, Vec<u8>)>, FormatFault> {
    let mut streams: BTreeMap<ObjectId, String> = BTreeMap::new();
    for specification in specifications(document) {
        let Some(embedded) = specification.get(b"EF").ok().and_then(|found| resolved(document, found)) else { continue };
        let stream = [&b"UF"[..], b"F"].iter().find_map(|key| embedded.get(key).ok()?.as_reference().ok());
        if let Some(stream) = stream {
            streams.insert(stream, file_name(specification));
        }
    }
    if streams.len() > limits.files {
        return Err(FormatFault::PdfTooMuch);
    }
    let mut found = Vec::new();
    for (id, name) in streams {
        let Ok(stream) = document.get_object(id).and_then(Object::as_stream) else { continue };
        let media = stream.dict.get(b"Subtype").and_then(Object::as_name).unwrap_or_default();
        let is_xml = name.to_lowercase().ends_with(".xml") || media.windows(3).any(|part| part.eq_ignore_ascii_case(b"xml"));
        if is_xml {
            found.push((name, stream.get_plain_content_with_limit(limits.file_bytes).map_err(broken)?));
        }
    }
    Ok(found)
}

/// The file specifications that the newest catalog reaches. A specification that an update has replaced is no part of the
/// document any more (ISO 32000-1, 7.5.6), though it still lies in the file.
fn specifications(document: &Document) -> Vec<&Dictionary> {
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    let mut left: Vec<&Object> = document.trailer.get(b"Root").into_iter().collect();
    while let Some(object) = left.pop() {
        match object {
            Object::Reference(id) if seen.insert(*id) => left.extend(document.objects.get(id)),
            Object::Array(items) => left.extend(items),
            Object::Dictionary(dictionary) => {
                found.extend(dictionary.has(b"EF").then_some(dictionary));
                left.extend(dictionary.iter().map(|(_, value)| value));
            }
            Object::Stream(stream) => left.extend(stream.dict.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    found
}

fn resolved<'a>(document: &'a Document, object: &'a Object) -> Option<&'a Dictionary> {
    document.dereference(object).ok().and_then(|(_, found)| found.as_dict().ok())
}

/// The name of an attachment as its file specification gives it: UTF-16 with a mark, or one byte a character.
fn file_name(specification: &Dictionary) -> String {
    let raw = [&b"UF"[..], b"F"].iter().find_map(|key| specification.get(key).and_then(Object::as_str).ok()).unwrap_or_default();
    match raw {
        [0xFE, 0xFF, rest @ ..] => encoding::decode(rest, encoding_rs::UTF_16BE).unwrap_or_default().into_owned(),
        other => other.iter().copied().map(char::from).collect(),
    }
}
