//! Style sheet, script, health, language and theme: routes that belong to no company.

use super::super::rights::{Anyone, LANGUAGE_COOKIE, THEME_COOKIE, Who};
use super::super::routes::{Posted, Routes, Token, host_cookie};
use super::super::{local_path, see_other};
use super::Answer;
use actix_web::HttpResponse;
use domain::Refusal;
use std::sync::atomic::Ordering;

pub fn add_routes(routes: &mut Routes) {
    routes.get("/assets/{token}", asset);
    routes.get("/healthz", healthz);
    routes.get("/readyz", readyz);
    routes.post("/language", language);
    routes.post("/theme", theme);
}

async fn asset(who: Who<Anyone>, name: Token) -> Answer {
    let path = format!("/assets/{}", name.0);
    if path == who.app.style_href {
        return Ok(HttpResponse::Ok().content_type("text/css; charset=utf-8").body(web::STYLES));
    }
    if path == who.app.script_href {
        return Ok(HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(web::SCRIPT));
    }
    Err(Refusal::NotFound.into())
}

/// The process lives.
async fn healthz(_who: Who<Anyone>) -> Answer {
    Ok(HttpResponse::Ok().content_type("text/plain").body("ok"))
}

/// The process can serve: the database answers and no end is near.
async fn readyz(who: Who<Anyone>) -> Answer {
    let ready = !who.app.draining.load(Ordering::Relaxed)
        && who.app.writer.health.is_well()
        && !who.app.troubles.is_stopped()
        && who.read(|conn| Ok(store::records::load_heads(conn)?)).await.is_ok();
    Ok(if ready {
        HttpResponse::Ok().content_type("text/plain").body("ready")
    } else {
        HttpResponse::ServiceUnavailable().body("not ready")
    })
}

const YEAR_MINUTES: i64 = 365 * 24 * 60;

async fn language(_who: Who<Anyone>, posted: Posted) -> Answer {
    let code = if posted.get("language") == "zh" { "zh" } else { "en" };
    let mut response = see_other(local_path(posted.get("back")));
    response
        .add_cookie(&host_cookie(LANGUAGE_COOKIE, code.to_owned(), Some(YEAR_MINUTES)))
        .map_err(|error| super::Fault::Failed(error.to_string()))?;
    Ok(response)
}

async fn theme(_who: Who<Anyone>, posted: Posted) -> Answer {
    let theme = ["light", "dark"].into_iter().find(|known| *known == posted.get("theme")).unwrap_or("system");
    let mut response = see_other(local_path(posted.get("back")));
    response
        .add_cookie(&host_cookie(THEME_COOKIE, theme.to_owned(), Some(YEAR_MINUTES)))
        .map_err(|error| super::Fault::Failed(error.to_string()))?;
    Ok(response)
}
