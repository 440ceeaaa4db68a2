//! A confirmation as evidence: the signed words, the signers, their factors, the time, and one digest over all of it. To read,
//! print, keep.

use super::super::error::Fault;
use super::super::rights::{Member, SignedIn, Who};
use super::super::routes::{Id, Routes};
use super::{Answer, papers};
use crate::auth::Person;
use actix_web::HttpResponse;
use domain::Refusal;
use domain::chart::AccountKey;
use domain::party::Capacity;
use kernel::{InvoiceId, OfferId, PartyId};
use ledger::AssetId;
use store::lists::InvoiceLine;
use store::{Confirmation, ConfirmationEvidence, confirmations};
use web::{Block, Language, Page, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/undertakings/{id}", undertaking);
    routes.get("/evidence/{id}", file);
}

struct Loaded {
    /// The open offer that lets a financier without another right see it.
    offer: Option<OfferId>,
    row: InvoiceLine,
    confirmation: Confirmation,
    evidence: ConfirmationEvidence,
}

/// The evidence for an invoice, for its supplier and buyer, past and present holders, and the operator. Other financiers get it
/// while the invoice is on offer, and the audit then records the access.
async fn load<R: SignedIn>(who: &Who<R>, id: InvoiceId) -> Result<Loaded, Fault> {
    let person = who.person()?.clone();
    let loaded = read(who, person, id).await?;
    if let Some(offer) = loaded.offer {
        papers::record(who, offer, "undertaking").await?;
    }
    Ok(loaded)
}

async fn read<R: SignedIn>(who: &Who<R>, person: Person, id: InvoiceId) -> Result<Loaded, Fault> {
    who.read(move |conn| {
        let row = InvoiceLine::find(conn, id.0)?.ok_or(Refusal::NotFound)?;
        let party = person.party.id;
        let holding = AccountKey::holding(party, AssetId(row.receivable_id));
        let concerned = PartyId(row.supplier_id) == party
            || PartyId(row.buyer_id) == party
            || person.has_capacity(Capacity::Operator)
            || !store::journal::list_accounts(conn, &[holding])?.is_empty();
        let evidence = confirmations::find_confirmation_evidence(conn, id)?;
        let offer = if concerned { None } else { papers::offer_of_invoice(conn, &person, id)? };
        let evidence = evidence.filter(|_| concerned || offer.is_some()).ok_or(Refusal::NotFound)?;
        let confirmation = confirmations::find_confirmation(conn, id)?.ok_or(Refusal::NotFound)?;
        Ok(Loaded { offer, row, confirmation, evidence })
    })
    .await
}

/// The evidence alone, for a caller who may see it.
pub async fn find<R: SignedIn>(who: &Who<R>, id: InvoiceId) -> Result<ConfirmationEvidence, Fault> {
    Ok(load(who, id).await?.evidence)
}

async fn undertaking(who: Who<Member>, id: Id) -> Answer {
    let language = who.language();
    let Loaded { row, confirmation, evidence, .. } = load(&who, InvoiceId(id.0)).await?;
    let of = |name: &str| evidence.text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").to_owned();
    let mut facts = vec![
        (who.t("col-number"), Value::text(row.number.clone())),
        (who.t("col-supplier"), Value::text(row.supplier.clone())),
        (who.t("col-buyer"), Value::text(row.buyer.clone())),
        (who.t("col-confirmed"), Value::money(&row.currency, confirmation.amount_minor)),
        (who.t("col-due"), Value::date(language, confirmation.due_date)),
        (who.t("undertaking-signed"), Value::text(of("signed="))),
    ];
    if let Ok(asked) = chrono::NaiveDateTime::parse_from_str(&of("asked-at="), "%Y-%m-%dT%H:%M:%SZ") {
        facts.push((who.t("undertaking-asked"), Value::moment(language, asked)));
    }
    if confirmation.approver_id.is_some() {
        facts.push((who.t("undertaking-approved"), Value::text(of("approved="))));
    }
    facts.push((who.t("undertaking-binding"), Value::moment(language, confirmation.signed_at)));
    facts.push((who.t("field-version"), Value::code(confirmation.version.clone())));
    facts.push((who.t("field-document"), Value::code(row.document.clone())));
    facts.push((who.t("field-evidence-hash"), Value::code(evidence.hash.clone())));
    let words = if language == Language::Chinese { confirmation.words_zh } else { confirmation.words_en };
    let page = Page::new(language.fill("undertaking-title", &[("number", row.number)]))
        .with(Block::Words(words))
        .with(Block::Facts(facts))
        .with(Block::Heading(who.t("undertaking-check")))
        .with(Block::Paragraph(who.t("undertaking-check-lead")))
        .with(Block::Links(vec![(who.t("undertaking-download"), format!("/evidence/{}", id.0))]));
    who.app.page(&who.viewer, page).await
}

/// The text whose digest is the evidence's: `sha256sum` of this file gives what the receipt says.
async fn file(who: Who<Member>, id: Id) -> Answer {
    let evidence = load(&who, InvoiceId(id.0)).await?.evidence;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"confirmation-{}.txt\"", id.0)))
        .body(evidence.text))
}
