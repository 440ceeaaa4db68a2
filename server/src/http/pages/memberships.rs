//! The programmes that a supplier is in or asked into: their terms, joining under exactly the version that was read, and leaving.

use super::super::error::Fault;
use super::super::rights::{SupplierSigner, SupplierViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::listing::{Group, Listing};
use super::programmes::terms_facts;
use super::{Answer, Check, SignedIn, again, asking, check_page, receipts, submit_or_again};
use crate::commands::programmes::answer_programme_invitation::AnswerProgrammeInvitation;
use crate::commands::programmes::end_membership::EndMembership;
use domain::Refusal;
use domain::party::Role;
use kernel::{MemberId, PartyId, ProgrammeId};
use store::lists::{AuditLine, ListQuery, MemberLine};
use store::{ProgrammeVersion, programmes};
use web::{Block, Field, Form, Page, Row, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/memberships", memberships);
    routes.get("/memberships/{id}", membership);
    routes.get("/memberships/{id}/join", join_check);
    routes.post("/memberships/{id}/answer", answer);
    routes.post("/memberships/{id}/leave", leave);
}

/// A membership's states, as lists filter by them.
pub const STATES: &[&str] = &["member_invited", "member_joined", "member_declined", "member_left", "member_removed"];

/// Memberships that wait for the supplier's answer: an invitation, or new terms.
const TO_ANSWER: Group = ("to_answer", "asked_version > 0 AND state IN ('member_invited', 'member_joined')");

async fn memberships(who: Who<SupplierViewer>, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("programme-name", false, "name"),
        ("col-buyer", false, "buyer"),
        ("col-currency", false, "currency"),
        ("programme-version", true, ""),
        ("col-confirmed", true, "confirmed_minor"),
        ("programme-state", false, ""),
        ("col-state", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[TO_ANSWER],
        states: STATES,
        heads,
        default: ("id", true),
        summed: "confirmed_minor",
    };
    let wanted = listing.query().with("supplier_id = ?", vec![who.party_id()?.into()]);
    let order = wanted.order;
    let (page, totals) = who.read(move |conn| Ok((MemberLine::page(conn, &wanted)?, MemberLine::totals(conn, &wanted)?))).await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.name.clone(), format!("/memberships/{}", row.id)),
            Value::text(row.buyer.clone()),
            Value::text(row.currency.clone()),
            if row.version == 0 { Value::text("–") } else { Value::number(row.version) },
            Value::money(&row.currency, row.confirmed_minor),
            Value::state(language, &row.programme_state),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "name" => row.name.clone(),
            "buyer" => row.buyer.clone(),
            "currency" => row.currency.clone(),
            "confirmed_minor" => row.confirmed_minor.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let empty = language.t("memberships-empty");
    let table = listing.table(language.t("memberships-title"), rows.collect(), &totals, last, page.more, empty);
    let shown = Page::new(language.t("memberships-title")).with(Block::Paragraph(language.t("memberships-lead")));
    listing.send(&who, shown, table).await
}

struct Loaded {
    row: MemberLine,
    /// The version that holds for this supplier.
    accepted: Option<ProgrammeVersion>,
    /// The version that waits for its answer.
    asked: Option<ProgrammeVersion>,
    events: Vec<AuditLine>,
}

async fn load(who: &Who<impl SignedIn>, id: MemberId) -> Result<Loaded, Fault> {
    let party_id = who.party_id()?;
    who.read(move |conn| {
        let found = MemberLine::find(conn, id.0)?.filter(|row| PartyId(row.supplier_id) == party_id);
        let row = found.ok_or(Refusal::NotFound)?;
        let mut version = |number: i64| match number {
            0 => Ok(None),
            number => programmes::load_version(conn, ProgrammeId(row.programme_id), number).map(Some),
        };
        let (accepted, asked) = (version(row.version)?, version(row.asked_version)?);
        let events = AuditLine::page(conn, &ListQuery::newest(100).with("subject_id = ?", vec![id.into()]))?.rows;
        Ok(Loaded { row, accepted, asked, events })
    })
    .await
}

fn membership_page(who: &Who<impl SignedIn>, loaded: &Loaded) -> Result<Page, Fault> {
    let (language, person, row) = (who.language(), who.person()?, &loaded.row);
    let mut facts = vec![
        (who.t("col-state"), Value::state(language, &row.state)),
        (who.t("col-buyer"), Value::text(row.buyer.clone())),
        (who.t("col-currency"), Value::text(row.currency.clone())),
        (who.t("programme-state"), Value::state(language, &row.programme_state)),
        (who.t("programme-invited-at"), Value::moment(language, row.invited_at)),
        (who.t("col-confirmed"), Value::money(&row.currency, row.confirmed_minor)),
    ];
    if !row.reason.is_empty() {
        facts.push((who.t("field-reason"), Value::text(row.reason.clone())));
    }
    let mut page = Page::new(language.fill("programme-title", &[("name", row.name.clone())]))
        .trail(who.t("memberships-title"), "/memberships")
        .with(Block::Facts(facts));
    if let Some(version) = &loaded.accepted {
        page = page.with(Block::Heading(who.t("membership-accepted"))).with(Block::Facts(terms_facts(
            language,
            &row.currency,
            version,
        )));
    }
    let lives = ["member_invited", "member_joined"].contains(&row.state.as_str());
    if let Some(version) = loaded.asked.as_ref().filter(|_| lives) {
        let key = if loaded.accepted.is_some() { "membership-new-terms" } else { "membership-asked" };
        page = page
            .with(Block::Heading(who.t("membership-offered")))
            .with(Block::Notice(Tone::Waiting, who.t(key)))
            .with(Block::Facts(terms_facts(language, &row.currency, version)));
    }
    let signs = person.has_role(Role::Maker) || person.has_role(Role::Administrator);
    if signs && lives {
        if let Some(version) = &loaded.asked {
            if row.programme_state == "programme_open" {
                let form = asking(format!("/memberships/{}/join", row.id), who.t("membership-to-check"), vec![]);
                page = page.form(form.hidden("terms_version", version.version.to_string()));
            }
            let reason = Field::new("reason", who.t("field-reason"), "text").optional();
            let form = Form::new(format!("/memberships/{}/answer", row.id), who.t("membership-decline"), vec![reason]);
            let form = form.hidden("join", "false").hidden("terms_version", version.version.to_string());
            page = page.form(form.secondary());
        }
        if row.state == "member_joined" {
            let reason = Field::new("reason", who.t("field-reason"), "text").optional();
            let form = Form::new(format!("/memberships/{}/leave", row.id), who.t("membership-leave"), vec![reason]).secondary();
            page = page
                .with(Block::Heading(who.t("membership-leave-title")))
                .with(Block::Paragraph(who.t("membership-leave-lead")))
                .form(form);
        }
    }
    let events = receipts::timeline(language, &loaded.events, person.party.id, false);
    Ok(page.with(Block::Timeline(who.t("timeline-title"), events)))
}

async fn membership(who: Who<SupplierViewer>, id: Id) -> Answer {
    let loaded = load(&who, MemberId(id.0)).await?;
    let page = membership_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

/// All terms that joining accepts, shown before the supplier accepts them.
async fn join_check(who: Who<SupplierSigner>, id: Id) -> Answer {
    let loaded = load(&who, MemberId(id.0)).await?;
    let row = &loaded.row;
    let terms_version = loaded.asked.as_ref().map_or(0, |version| version.version);
    let command = AnswerProgrammeInvitation { member_id: MemberId(id.0), terms_version, join: true, reason: String::new() };
    let tried = who.try_out(&command.into()).await;
    let version = match tried.and_then(|_| loaded.asked.as_ref().ok_or_else(|| Refusal::ProgrammeChanged.into())) {
        Ok(version) => version,
        Err(fault) => {
            let page = membership_page(&who, &loaded)?;
            return again(&who, page, &Posted::default(), fault, "").await;
        }
    };
    let language = who.language();
    let mut facts = vec![
        (who.t("col-buyer"), Value::text(row.buyer.clone())),
        (who.t("programme-name"), Value::text(row.name.clone())),
        (who.t("col-currency"), Value::text(row.currency.clone())),
    ];
    facts.extend(terms_facts(language, &row.currency, version));
    let places = [("name", row.name.clone()), ("version", version.version.to_string())];
    let check = Check {
        title: language.fill("membership-check", &places),
        lead: who.t("membership-check-lead"),
        facts,
        form: Form::new(format!("/memberships/{}/answer", row.id), language.fill("membership-join", &places), vec![])
            .hidden("join", "true")
            .hidden("terms_version", version.version.to_string()),
        back: format!("/memberships/{}", row.id),
    };
    let trail = [(who.t("memberships-title"), "/memberships".to_owned()), (row.name.clone(), format!("/memberships/{}", row.id))];
    who.app.page(&who.viewer, check_page(&who, &trail, check)).await
}

async fn answer(who: Who<SupplierSigner>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, MemberId(id.0)).await?;
    let page = membership_page(&who, &loaded)?;
    let read = || -> Result<(i64, bool), Fault> {
        let join = match posted.get("join") {
            "true" => true,
            "false" => false,
            _ => return Err(Refusal::FieldInvalid { field: "join".to_owned() }.into()),
        };
        Ok((posted.number("terms_version")?, join))
    };
    match read() {
        Ok((terms_version, join)) => {
            let reason = posted.get("reason").to_owned();
            let command = AnswerProgrammeInvitation { member_id: MemberId(id.0), terms_version, join, reason };
            submit_or_again(&who, &posted, command, page, "").await
        }
        Err(fault) => again(&who, page, &posted, fault, "").await,
    }
}

async fn leave(who: Who<SupplierSigner>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, MemberId(id.0)).await?;
    let page = membership_page(&who, &loaded)?;
    submit_or_again(&who, &posted, EndMembership { member_id: MemberId(id.0), reason: posted.get("reason").to_owned() }, page, "")
        .await
}
