//! The public log: checkpoints, the key, and proofs, as text under /log and as JSON in the API. Hashes are salted, so none of
//! this reveals what was recorded.

use super::error::Fault;
use super::pages::Answer;
use super::rights::{Anyone, Who};
use super::routes::{Id, Params, Routes};
use actix_web::HttpResponse;
use domain::Refusal;
use proof::Hash;
use proof::digest::hex;
use proof::note::base64;
use serde_json::json;
use store::{CheckpointRow, Conn, log};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/log/checkpoint", checkpoint);
    routes.get("/log/checkpoints/{id}", checkpoint_at);
    routes.get("/log/key", key);
    routes.get("/log/inclusion", inclusion);
    routes.get("/log/consistency", consistency);
    routes.get("/api/v1/log/checkpoint", api_checkpoint);
    routes.get("/api/v1/log/checkpoints", api_checkpoints);
    routes.get("/api/v1/log/inclusion", api_inclusion);
    routes.get("/api/v1/log/consistency", api_consistency);
}

/// The query fields of the API's routes here, for its document: name and meaning.
#[must_use]
pub fn query_of(path: &str) -> &'static [(&'static str, &'static str)] {
    match path {
        "/api/v1/log/checkpoints" => &[("before", "only checkpoints of fewer records than this")],
        "/api/v1/log/inclusion" => {
            &[("record", "number of the audit record, 1 or more"), ("size", "size of a checkpoint; the newest when left out")]
        }
        "/api/v1/log/consistency" => {
            &[("old", "the smaller size"), ("new", "the larger size; the newest checkpoint's when left out")]
        }
        _ => &[],
    }
}

fn text(body: String) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(body)
}

fn newest(conn: &mut Conn) -> Result<CheckpointRow, Fault> {
    log::newest_checkpoint(conn)?.ok_or_else(|| Refusal::NotFound.into())
}

fn at(conn: &mut Conn, size: i64) -> Result<CheckpointRow, Fault> {
    log::find_checkpoint(conn, size)?.ok_or_else(|| Refusal::NotFound.into())
}

async fn checkpoint(who: Who<Anyone>) -> Answer {
    Ok(text(who.app.read(newest).await?.note))
}

async fn checkpoint_at(who: Who<Anyone>, size: Id) -> Answer {
    Ok(text(who.app.read(move |conn| at(conn, size.0)).await?.note))
}

async fn key(who: Who<Anyone>) -> Answer {
    Ok(text(format!("{}\n", who.app.signer.verifier().to_text())))
}

/// A number of the query; none when it is left out.
fn number(params: &Params, name: &str) -> Result<Option<u64>, Fault> {
    let given = params.get(name);
    if given.is_empty() {
        return Ok(None);
    }
    given.parse().map(Some).map_err(|_| Refusal::FieldInvalid { field: name.to_owned() }.into())
}

fn needed(params: &Params, name: &str) -> Result<u64, Fault> {
    number(params, name)?.filter(|number| *number > 0).ok_or_else(|| Refusal::FieldInvalid { field: name.to_owned() }.into())
}

struct Inclusion {
    /// From zero.
    index: u64,
    leaf: Hash,
    path: Vec<Hash>,
    checkpoint: CheckpointRow,
}

async fn load_inclusion(who: &Who<Anyone>, params: &Params) -> Result<Inclusion, Fault> {
    let (record, size) = (needed(params, "record")?, number(params, "size")?);
    who.app
        .read(move |conn| {
            let checkpoint = match size {
                Some(size) => at(conn, i64::try_from(size).unwrap_or(i64::MAX))?,
                None => newest(conn)?,
            };
            let size = u64::try_from(checkpoint.size).unwrap_or(0);
            let seq = i64::try_from(record).ok().filter(|_| record <= size).ok_or(Refusal::NotFound)?;
            let leaf = log::list_leaves(conn, seq, seq)?.into_iter().next().ok_or(Refusal::NotFound)?;
            let index = record - 1;
            Ok(Inclusion { index, leaf, path: log::inclusion(conn, index, size)?, checkpoint })
        })
        .await
}

/// The proof in the form of C2SP's tlog-proof.
async fn inclusion(who: Who<Anyone>, params: Params) -> Answer {
    let found = load_inclusion(&who, &params).await?;
    let path: String = found.path.iter().map(|hash| format!("{}\n", base64(hash))).collect();
    Ok(text(format!("c2sp.org/tlog-proof@v1\nindex {}\n{path}\n{}", found.index, found.checkpoint.note)))
}

async fn api_inclusion(who: Who<Anyone>, params: Params) -> Answer {
    let found = load_inclusion(&who, &params).await?;
    let hashes: Vec<String> = found.path.iter().map(|hash| hex(hash)).collect();
    let body = json!({
        "index": found.index, "size": found.checkpoint.size, "leaf_hash": hex(&found.leaf), "hashes": hashes, "checkpoint": found.checkpoint.note,
    });
    Ok(HttpResponse::Ok().json(body))
}

async fn load_consistency(who: &Who<Anyone>, params: &Params) -> Result<(u64, u64, Vec<Hash>), Fault> {
    let (old, new) = (needed(params, "old")?, number(params, "new")?);
    who.app
        .read(move |conn| {
            let size = u64::try_from(newest(conn)?.size).unwrap_or(0);
            let new = new.unwrap_or(size);
            if old > new || new > size {
                return Err(Refusal::NotFound.into());
            }
            Ok((old, new, log::consistency(conn, old, new)?))
        })
        .await
}

/// The proof's hashes, one a line.
async fn consistency(who: Who<Anyone>, params: Params) -> Answer {
    let (.., path) = load_consistency(&who, &params).await?;
    Ok(text(path.iter().map(|hash| format!("{}\n", base64(hash))).collect()))
}

async fn api_consistency(who: Who<Anyone>, params: Params) -> Answer {
    let (old, new, path) = load_consistency(&who, &params).await?;
    let hashes: Vec<String> = path.iter().map(|hash| hex(hash)).collect();
    Ok(HttpResponse::Ok().json(json!({ "old": old, "new": new, "hashes": hashes })))
}

fn checkpoint_json(row: &CheckpointRow) -> serde_json::Value {
    json!({ "size": row.size, "business_date": row.business_date, "signed_at": row.signed_at, "note": row.note })
}

async fn api_checkpoint(who: Who<Anyone>) -> Answer {
    let row = who.app.read(newest).await?;
    let mut body = checkpoint_json(&row);
    if let Some(map) = body.as_object_mut() {
        map.insert("key".to_owned(), who.app.signer.verifier().to_text().into());
    }
    Ok(HttpResponse::Ok().json(body))
}

/// Checkpoints in one answer.
const MOST: usize = 100;

/// Newest first.
async fn api_checkpoints(who: Who<Anyone>, params: Params) -> Answer {
    let before = number(&params, "before")?.and_then(|size| i64::try_from(size).ok()).unwrap_or(i64::MAX);
    let rows = who.app.read(move |conn| Ok(log::list_checkpoints_before(conn, before, MOST)?)).await?;
    let next = rows.last().filter(|_| rows.len() == MOST).map(|row| row.size);
    Ok(HttpResponse::Ok().json(json!({ "items": rows.iter().map(checkpoint_json).collect::<Vec<_>>(), "next_before": next })))
}
