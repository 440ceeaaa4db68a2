//! One door for every file: its content decides its kind, never its name.

use crate::archive::{self, Member};
use crate::csv::{self, CsvInvoice, Faults, Payable};
use crate::invoice::InvoiceFile;
use crate::limits::Limits;
use crate::{FormatFault, cii, encoding, ofd, pdf, ubl, xml};
use roxmltree::Node;
use serde::{Deserialize, Serialize};

/// The kind of a file, and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// One invoice; its syntax says which kind it was.
    Invoice(Box<InvoiceFile>),
    /// A PDF with one invoice inside.
    Hybrid(Box<InvoiceFile>),
    /// A zip; each file in it is read on its own.
    Archive(Vec<Member>),
    /// Kontor's own table of invoices.
    Invoices(Vec<CsvInvoice>),
    /// A buyer's table of payables.
    Payables(Vec<Payable>),
    /// A table with faults: nothing of it is taken.
    FaultyTable(Faults),
}

/// A file that holds other files, and is therefore opened where time and memory are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Container {
    Pdf,
    Ofd,
    Zip,
}

#[must_use]
pub fn container(bytes: &[u8]) -> Option<Container> {
    if archive::is_zip(bytes) {
        Some(if ofd::is_ofd(bytes) { Container::Ofd } else { Container::Zip })
    } else if pdf::is_pdf(bytes) {
        Some(Container::Pdf)
    } else {
        None
    }
}

/// The content of a container: the one invoice of a PDF or OFD document, or all files of a zip.
pub fn unpack(bytes: &[u8], limits: &Limits) -> Result<Vec<Member>, FormatFault> {
    match container(bytes) {
        Some(Container::Zip) => archive::members(bytes, limits),
        Some(Container::Ofd) => ofd::embedded_invoice(bytes, limits).map(|found| vec![found]),
        Some(Container::Pdf) => pdf::embedded_invoice(bytes, limits).map(|found| vec![found]),
        None => Err(FormatFault::UnknownKind),
    }
}

/// Reads any file, containers included.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Read, FormatFault> {
    let Some(kind) = container(bytes) else { return read_plain(bytes) };
    let members = unpack(bytes, limits)?;
    let invoice = || members.first().ok_or(FormatFault::UnknownKind).and_then(|member| read_xml(&member.content));
    match kind {
        Container::Zip => Ok(Read::Archive(members)),
        Container::Ofd => invoice().map(Box::new).map(Read::Invoice),
        Container::Pdf => invoice().map(Box::new).map(Read::Hybrid),
    }
}

/// How PNG, JPEG, GIF and TIFF files begin.
const PICTURES: [&[u8]; 5] = [b"\x89PNG", b"\xFF\xD8\xFF", b"GIF8", b"II*\0", b"MM\0*"];

/// Reads a file that holds no other: XML or a table.
pub fn read_plain(bytes: &[u8]) -> Result<Read, FormatFault> {
    if bytes.is_empty() {
        return Err(FormatFault::EmptyFile);
    }
    if looks_like_xml(bytes) {
        return read_xml(bytes).map(Box::new).map(Read::Invoice);
    }
    // A picture is no text in a wrong encoding.
    if PICTURES.iter().any(|magic| bytes.starts_with(magic)) {
        return Err(FormatFault::UnknownKind);
    }
    match csv::read(bytes)? {
        csv::Table::Invoices(rows) => Ok(Read::Invoices(rows)),
        csv::Table::Payables(rows) => Ok(Read::Payables(rows)),
        csv::Table::Faulty(faults) => Ok(Read::FaultyTable(faults)),
    }
}

/// Reads an XML invoice of any syntax.
pub fn read_xml(bytes: &[u8]) -> Result<InvoiceFile, FormatFault> {
    let text = encoding::decode_xml(bytes)?;
    let document = xml::parse(&text, xml::INVOICE_NODES)?;
    let root = document.root_element();
    if cii::is_mine(root) {
        cii::read(root)
    } else if ofd::is_mine(root) {
        ofd::read(root)
    } else {
        ubl::read(root)
    }
}

/// Namespaces that a browser draws or runs: HTML, pictures, formulas, style sheets and interfaces.
const RUN_BY_BROWSERS: &[&str] = &[
    "http://www.w3.org/1999/xhtml",
    "http://www.w3.org/2000/svg",
    "http://www.w3.org/1998/Math/MathML",
    "http://www.w3.org/1999/XSL/Transform",
    "http://www.mozilla.org/keymaster/gatekeeper/there.is.only.xul",
];

/// Whether this is one well-formed XML document that holds data only. It has no HTML under any name, and no script or style sheet
/// that a browser would run.
#[must_use]
pub fn is_plain_document(bytes: &[u8]) -> bool {
    const ROOTS: &[&str] = &["html", "head", "body", "script", "svg", "math", "stylesheet", "transform", "window"];
    let Ok(text) = encoding::decode_xml(bytes) else { return false };
    let Ok(document) = xml::parse(text.trim_start(), xml::INVOICE_NODES) else { return false };
    let named = document.root_element().tag_name().name().to_ascii_lowercase();
    let run = document.descendants().any(|node| {
        node.pi().is_some_and(|instruction| instruction.target.eq_ignore_ascii_case("xml-stylesheet"))
            || node.tag_name().namespace().is_some_and(|space| RUN_BY_BROWSERS.contains(&space))
    });
    !run && !ROOTS.contains(&named.as_str())
}

pub(crate) fn is_invoice_root(root: Node<'_, '_>) -> bool {
    cii::is_mine(root) || ubl::is_mine(root)
}

/// The first mark that is not white space opens an element, in whichever width.
fn looks_like_xml(bytes: &[u8]) -> bool {
    let marks = [0xEF, 0xBB, 0xBF, 0xFE, 0xFF, 0x00, b' ', b'\t', b'\r', b'\n'];
    bytes.iter().take(200).find(|mark| !marks.contains(mark)) == Some(&b'<')
}

#[cfg(test)]
mod tests {
    use super::is_plain_document;

    #[test]
    fn a_plain_document_holds_data_only() {
        for order in
            [&b"  <Order/>"[..], b"<?xml version='1.0'?><o:Order xmlns:o='urn:o'><script/></o:Order>", b"\xFF\xFE<\0a\0/\0>\0"]
        {
            assert!(is_plain_document(order), "{order:?}");
        }
        for strange in [
            &b"MZ\x90"[..],
            b"#!/bin/sh",
            b"",
            b"PK\x03\x04",
            b"<html><script>alert(1)</script></html>",
            b"<HTML/>",
            b"<!DOCTYPE html><html/>",
            b"<script>alert(1)</script>",
            b"<p>text</p><script>alert(1)</script>",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"<x:anything xmlns:x='http://www.w3.org/1999/xhtml'/>",
            b"<a><h:script xmlns:h='http://www.w3.org/1999/xhtml'>alert(1)</h:script></a>",
            b"<?xml-stylesheet type='text/xsl' href='x'?><a/>",
            b"<xsl:stylesheet xmlns:xsl='http://www.w3.org/1999/XSL/Transform'/>",
            b"<Order>",
            b"<",
        ] {
            assert!(!is_plain_document(strange), "{}", String::from_utf8_lossy(strange));
        }
        let attributes: String = (0..60_000).map(|index| format!("z{index}='' ")).collect();
        assert!(!is_plain_document(format!("<a {attributes}/>").as_bytes()));
    }
}
