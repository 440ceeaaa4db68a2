//! The papers behind an offer, for a financier that may buy it: undertaking, invoice, evidence, messages. The audit records each
//! access.

use super::super::error::Fault;
use super::super::rights::{FinancierViewer, Right, SignedIn, Who};
use super::super::routes::{Id, Routes};
use super::invoices::{credit_table, invoice_facts, warning_table};
use super::{Answer, evidence, thread};
use crate::commands::market::inspect_offer::InspectOffer;
use domain::Refusal;
use domain::party::Capacity;
use kernel::{InvoiceId, OfferId, PartyId, ReceivableId};
use store::lists::{InvoiceLine, OfferLine};
use store::records::Keyed;
use store::{Conn, Receivable, invoices, market};
use web::{Block, Page, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/market/{id}/papers", papers);
}

/// The open offer by which a financier may look at what belongs to an invoice; its own it sees anyway.
pub fn offer_of_invoice(conn: &mut Conn, person: &crate::auth::Person, invoice: InvoiceId) -> Result<Option<OfferId>, Fault> {
    if !person.has_capacity(Capacity::Financier) {
        return Ok(None);
    }
    Ok(market::find_open_offer_of_invoice(conn, person.party.id, invoice)?)
}

/// The same for a stored file: the invoice's own, evidence, or a credit note.
pub fn offer_of_file(conn: &mut Conn, person: &crate::auth::Person, sha256: &str) -> Result<Option<OfferId>, Fault> {
    if !person.has_capacity(Capacity::Financier) {
        return Ok(None);
    }
    Ok(market::find_open_offer_of_file(conn, person.party.id, sha256)?)
}

/// Records that this person looks at a paper of an offer. Without the record nothing is shown.
pub async fn record<R: Right + SignedIn>(who: &Who<R>, offer_id: OfferId, paper: &str) -> Result<(), Fault> {
    let user = who.person()?.user.id;
    let today = who.app.read(|conn| Ok(store::records::load_heads(conn)?.business_date)).await?;
    let look = InspectOffer { offer_id, paper: paper.to_owned() };
    let key = look.key(user, today);
    who.submit(&key, look).await.map(|_| ())
}

async fn papers(who: Who<FinancierViewer>, id: Id) -> Answer {
    let party_id = who.party_id()?;
    record(&who, OfferId(id.0), "papers").await?;
    let language = who.language();
    let (offer, row, credits, files, said) = who
        .read(move |conn| {
            let offer = OfferLine::find(conn, id.0)?
                .filter(|row| PartyId(row.supplier_id) != party_id && row.state == "open")
                .ok_or(Refusal::NotFound)?;
            let receivable = Receivable::load(conn, ReceivableId(offer.receivable_id))?;
            let row = InvoiceLine::find(conn, receivable.invoice_id.0)?.ok_or(Refusal::NotFound)?;
            let credits = invoices::list_credit_notes(conn, InvoiceId(row.id))?;
            let files = invoices::list_evidence(conn, InvoiceId(row.id))?;
            let said = thread::load(conn, &row)?;
            Ok((offer, row, credits, files, said))
        })
        .await?;
    let mut page = Page::new(language.fill("papers-title", &[("number", row.number.clone())]))
        .trail(who.t("market-title"), "/market")
        .trail(offer.buyer.clone(), format!("/market/{}", offer.id))
        .with(Block::Notice(web::Tone::Waiting, who.t("papers-recorded")));
    let mut facts = invoice_facts(language, &row);
    facts.push((
        who.t("field-document"),
        Value::link(row.document.chars().take(16).collect::<String>(), format!("/documents/{}", row.document)),
    ));
    page =
        page.with(Block::Facts(facts)).with(Block::Links(vec![(who.t("undertaking-link"), format!("/undertakings/{}", row.id))]));
    page.blocks.extend(credit_table(language, &credits));
    page.blocks.extend(warning_table(language, &row.warnings));
    let none = || Block::Paragraph(who.t("papers-no-evidence"));
    page.blocks.push(evidence::table(language, &files).unwrap_or_else(none));
    let none = || Block::Paragraph(who.t("papers-nothing-said"));
    page.blocks.push(thread::said(language, &said).unwrap_or_else(none));
    who.app.page(&who.viewer, page).await
}
