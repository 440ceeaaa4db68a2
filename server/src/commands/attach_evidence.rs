//! The supplier puts an order, a delivery note or a contract beside an invoice; its hash stands in the audit record.

use super::{Actor, Done, Execute, clean, settlement};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::invoice::{InvoiceState, decide_evidence};
use domain::party::Capacity;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::{Keyed, Record};
use store::{Evidence, Invoice};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AttachEvidence {
    pub invoice_id: i64,
    /// "order", "delivery", "contract" or "other".
    pub kind: String,
    pub file_name: String,
    pub sha256: String,
    #[serde(skip)]
    pub content: Vec<u8>,
}

/// What the file is by its first bytes; anything else is no evidence that a person could look at.
fn media_type(content: &[u8]) -> Option<&'static str> {
    let head = content.get(..1_024).unwrap_or(content);
    if head.windows(5).any(|window| window == b"%PDF-") {
        Some("application/pdf")
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if head.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if formats::read::is_plain_document(content) {
        Some("application/xml")
    } else {
        None
    }
}

impl Execute for AttachEvidence {
    const NAME: &'static str = "attach_evidence";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        batch.acting_party(actor, Capacity::Supplier)?;
        let found = Invoice::find(batch.conn, self.invoice_id)?.filter(|row| row.supplier_id == actor.party_id);
        let invoice = found.ok_or(Refusal::NotFound)?;
        let state = InvoiceState::parse(&invoice.state).ok_or_else(|| settlement::corrupt("state of invoice", invoice.id))?;
        let present = Evidence::list_where(batch.conn, "invoice_id = ?", &[invoice.id.into()])?;
        if let Some(known) = present.iter().find(|row| row.document == self.sha256) {
            // The same file beside the same invoice changes nothing.
            return Ok(Done::new(invoice.id, json!({ "evidence_id": known.id, "invoice_id": invoice.id, "sha256": self.sha256 })));
        }
        let kind = decide_evidence(state, &self.kind, present.len())?;
        let media_type = media_type(&self.content).ok_or(Refusal::EvidenceKindUnknown)?;
        batch.keep_document(actor.party_id, &self.file_name, media_type, &self.sha256, &self.content)?;
        let row = Evidence {
            id: batch.next_id(),
            invoice_id: invoice.id,
            kind: kind.name().to_owned(),
            name: clean(&self.file_name, 120),
            document: self.sha256.clone(),
            created_at: batch.now,
        };
        batch.insert(&row)?;
        Ok(Done::new(invoice.id, json!({ "evidence_id": row.id, "invoice_id": invoice.id, "sha256": row.document })))
    }
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn evidence_is_told_by_its_content() {
        assert_eq!(media_type(b"%PDF-1.7 "), Some("application/pdf"));
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(media_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        for order in [&b"  <Order/>"[..], b"<?xml version='1.0'?><o:Order xmlns:o='urn:o'><script/></o:Order>", b"\xFF\xFE<\0a\0/\0>\0"] {
            assert_eq!(media_type(order), Some("application/xml"), "{order:?}");
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
            assert_eq!(media_type(strange), None, "{}", String::from_utf8_lossy(strange));
        }
    }
}
