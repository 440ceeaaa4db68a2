//! A holder's position proof: what it is, and the file of any day.

use super::super::error::Fault;
use super::super::rights::{Member, Who};
use super::super::routes::{Params, Routes, typed_date};
use super::Answer;
use super::listing::plain_table;
use actix_web::HttpResponse;
use domain::Refusal;
use store::log;
use web::{Block, Page, Value};

/// Days on the page; the file of any older one has an address of the same kind.
const MOST_DAYS: i64 = 60;

pub fn add_routes(routes: &mut Routes) {
    routes.get("/position-proof", position_proof);
    routes.get("/position-proof/file", file);
    routes.get("/api/v1/position-proof", file);
}

async fn position_proof(who: Who<Member>) -> Answer {
    let (party_id, language) = (who.party_id()?, who.language());
    let days = who
        .read(move |conn| {
            let days = store::sums::list_signed_days(conn, MOST_DAYS)?;
            let holds = |day| Ok((store::sums::held_anything(conn, &day, party_id)?, day));
            days.into_iter().map(holds).collect::<Result<Vec<_>, Fault>>()
        })
        .await?;
    let rows = days.iter().map(|(holds, day)| {
        let file = if *holds {
            Value::link(language.t("proof-download"), format!("/position-proof/file?day={}", day.day))
        } else {
            Value::text(language.t("proof-nothing"))
        };
        vec![Value::date(language, day.day), Value::code(format!("K-{}", day.audit_seq)), file]
    });
    let heads = [("col-day", false), ("receipt-reference", false), ("proof-file", false)];
    let table = plain_table(language, "proof-days", &heads, rows.collect(), "proof-none-yet");
    let facts = vec![
        (who.t("proof-owner"), Value::code(party_id.to_string())),
        (who.t("proof-key"), Value::code(who.app.signer.verifier().to_text())),
    ];
    let page = Page::new(who.t("proof-title"))
        .with(Block::Paragraph(who.t("proof-lead")))
        .with(Block::Facts(facts))
        .table(table)
        .with(Block::Heading(who.t("proof-check")))
        .with(Block::Paragraph(who.t("proof-check-lead")))
        .with(Block::Links(vec![(who.t("proof-checkpoint"), "/log/checkpoint".to_owned())]));
    who.app.page(&who.viewer, page).await
}

/// The proof of a day, or of the newest one.
async fn file(who: Who<Member>, params: Params) -> Answer {
    let party_id = who.party_id()?;
    let day = if params.get("day").is_empty() { None } else { Some(typed_date(params.get("day"), "day")?) };
    let proof = who.read(move |conn| log::position(conn, party_id, day)?.ok_or(Fault::Refused(Refusal::ProofNotReady))).await?;
    if proof.1.assets.is_empty() {
        return Err(Refusal::NothingToProve.into());
    }
    let name = format!("position-{party_id}-{}.kontor-proof", proof.0);
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{name}\"")))
        .body(proof.1.to_text()))
}
