//! The operator's side of programmes: terms that wait for a decision, and all programmes.

use super::super::error::Fault;
use super::super::rights::{OperatorMaker, OperatorViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::listing::Listing;
use super::programmes::{Loaded, load_programme, programme_blocks, programme_facts, send_list, terms_facts};
use super::{Answer, SignedIn, again, submit_or_again};
use crate::commands::programmes::decide_programme::DecideProgramme;
use domain::Refusal;
use domain::party::Role;
use domain::programme::VersionState;
use kernel::{ProgrammeId, ProgrammeVersionId};
use store::ProgrammeVersion;
use store::lists::ProgrammeVersionLine;
use store::records::Keyed;
use web::{Block, Field, Form, Page, Row, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/ops/programmes", all);
    routes.get("/ops/programmes/versions", queue);
    routes.get("/ops/programmes/versions/{id}", version);
    routes.post("/ops/programmes/versions/{id}", decide);
    routes.get("/ops/programmes/{id}", one);
}

async fn all(who: Who<OperatorViewer>, params: Params) -> Answer {
    let page = Page::new(who.t("programmes-all"))
        .trail(who.t("nav-ops"), "/ops")
        .with(Block::Links(vec![(who.t("programmes-queue"), "/ops/programmes/versions".to_owned())]));
    send_list(&who, &params, page, ("id > ?", vec![0_i64.into()]), "/ops/programmes/").await
}

async fn one(who: Who<OperatorViewer>, id: Id) -> Answer {
    let language = who.language();
    let loaded = who.read(move |conn| load_programme(conn, ProgrammeId(id.0), |_| true)).await?;
    let mut page = Page::new(language.fill("programme-title", &[("name", loaded.row.name.clone())]))
        .trail(who.t("nav-ops"), "/ops")
        .trail(who.t("programmes-all"), "/ops/programmes");
    page.blocks.extend(programme_blocks(language, &loaded));
    if loaded.row.proposed_id > 0 {
        let href = format!("/ops/programmes/versions/{}", loaded.row.proposed_id);
        page.push(Block::Links(vec![(who.t("programme-decide"), href)]));
    }
    who.app.page(&who.viewer, page).await
}

async fn queue(who: Who<OperatorViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("programme-name", false, "name"),
        ("col-buyer", false, "buyer"),
        ("col-currency", false, "currency"),
        ("programme-version", true, ""),
        ("field-begins-on", false, ""),
        ("col-when", false, ""),
        ("col-state", false, ""),
    ];
    let states = &["version_proposed", "version_approved", "version_rejected"];
    let listing = Listing { params: &params, language, groups: &[], states, heads, default: ("id", true), summed: "" };
    let wanted = listing.query();
    let order = wanted.order;
    let (page, totals) = who
        .read(move |conn| Ok((ProgrammeVersionLine::page(conn, &wanted)?, ProgrammeVersionLine::totals(conn, &wanted)?)))
        .await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.name.clone(), format!("/ops/programmes/versions/{}", row.id)),
            Value::text(row.buyer.clone()),
            Value::text(row.currency.clone()),
            Value::number(row.version),
            Value::date(language, row.begins_on),
            Value::moment(language, row.proposed_at),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "name" => row.name.clone(),
            "buyer" => row.buyer.clone(),
            "currency" => row.currency.clone(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let empty = language.t("programmes-queue-empty");
    let table = listing.table(language.t("programmes-queue"), rows.collect(), &totals, last, page.more, empty);
    let shown = Page::new(language.t("programmes-queue")).trail(who.t("nav-ops"), "/ops");
    listing.send(&who, shown, table).await
}

async fn load(who: &Who<impl SignedIn>, id: ProgrammeVersionId) -> Result<(ProgrammeVersion, Loaded), Fault> {
    who.read(move |conn| {
        let version = ProgrammeVersion::find(conn, id)?.ok_or(Refusal::NotFound)?;
        let loaded = load_programme(conn, version.programme_id, |_| true)?;
        Ok((version, loaded))
    })
    .await
}

fn version_page(who: &Who<impl SignedIn>, (version, loaded): &(ProgrammeVersion, Loaded)) -> Result<Page, Fault> {
    let (language, row) = (who.language(), &loaded.row);
    let places = [("name", row.name.clone()), ("version", version.version.to_string())];
    let mut facts = vec![(who.t("col-state"), Value::state(language, &format!("version_{}", version.state)))];
    facts.extend(terms_facts(language, &row.currency, version));
    if !version.reason.is_empty() {
        facts.push((who.t("field-reason"), Value::text(version.reason.clone())));
    }
    let mut page = Page::new(language.fill("programme-version-title", &places))
        .trail(who.t("nav-ops"), "/ops")
        .trail(who.t("programmes-queue"), "/ops/programmes/versions")
        .with(Block::Facts(facts))
        .with(Block::Heading(who.t("programme-beside")))
        .with(Block::Facts(programme_facts(language, row)));
    // Terms that hold already stand beside those that would follow them.
    let before = loaded.versions.iter().find(|other| other.state == VersionState::Approved && other.id != version.id);
    if let Some(before) = before.filter(|_| version.state == VersionState::Proposed) {
        page =
            page.with(Block::Heading(who.t("request-before"))).with(Block::Facts(terms_facts(language, &row.currency, before)));
    }
    page.push(Block::Links(vec![(row.name.clone(), format!("/ops/programmes/{}", row.id))]));
    if version.state == VersionState::Proposed && who.person()?.has_role(Role::Maker) {
        let here = format!("/ops/programmes/versions/{}", version.id);
        let options = ["approve", "reject"].map(|answer| (answer.to_owned(), who.t(&format!("programme-{answer}"))));
        let fields = vec![
            Field::new("decision", who.t("field-decision"), "select").options(options.to_vec()),
            Field::new("reason", who.t("field-reason"), "area"),
        ];
        page = page
            .with(Block::Heading(who.t("programme-decide")))
            .with(Block::Paragraph(who.t("programme-decide-lead")))
            .form(Form::new(here, who.t("programme-decide-submit"), fields));
    }
    Ok(page)
}

async fn version(who: Who<OperatorViewer>, id: Id) -> Answer {
    let loaded = load(&who, ProgrammeVersionId(id.0)).await?;
    let page = version_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

async fn decide(who: Who<OperatorMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, ProgrammeVersionId(id.0)).await?;
    let page = version_page(&who, &loaded)?;
    let approve = match posted.get("decision") {
        "approve" => true,
        "reject" => false,
        _ => return again(&who, page, &posted, Refusal::FieldInvalid { field: "decision".to_owned() }.into(), "").await,
    };
    let reason = posted.get("reason").to_owned();
    submit_or_again(&who, &posted, DecideProgramme { version_id: ProgrammeVersionId(id.0), approve, reason }, page, "").await
}
