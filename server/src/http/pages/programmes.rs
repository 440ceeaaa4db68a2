//! The buyer's programmes: list, one with its terms, versions, members and volumes; inviting, suspending and closing.

use super::super::error::Fault;
use super::super::rights::{BuyerMaker, BuyerViewer, Who};
use super::super::routes::{Id, Params, Posted, Routes};
use super::listing::{Listing, plain_table};
use super::receivables::bps;
use super::{Answer, Check, SignedIn, again, asking, check_page, submit_or_again};
use crate::commands::programmes::change_programme::ChangeProgramme;
use crate::commands::programmes::end_membership::EndMembership;
use crate::commands::programmes::invite_to_programme::{InviteToProgramme, MOST};
use crate::commands::programmes::propose_programme::ProposeProgramme;
use crate::commands::programmes::terms::Standing;
use domain::Refusal;
use domain::party::Role;
use domain::programme::{Rule, VersionState};
use kernel::{MemberId, PartyId, ProgrammeId, ProgrammeVersionId};
use store::lists::{ListQuery, MemberLine, ProgrammeLine};
use store::records::Keyed;
use store::{Conn, Programme, ProgrammeVersion};
use web::{Block, Field, Form, Language, Page, Row, Tone, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/programmes", programmes);
    routes.get("/programmes/{id}", programme);
    routes.post("/programmes/{id}/invite", invite);
    routes.get("/programmes/{id}/change", change_check);
    routes.post("/programmes/{id}/change", change);
    routes.get("/programmes/{id}/members", members);
    routes.get("/programmes/members/{id}", member);
    routes.post("/programmes/members/{id}/remove", remove);
}

type Facts = Vec<(String, Value)>;

pub const STATES: &[&str] =
    &["programme_proposed", "programme_open", "programme_suspended", "programme_closed", "programme_rejected"];

/// The terms of a version, for everybody who may read them.
#[must_use]
pub fn terms_facts(language: Language, currency: &str, version: &ProgrammeVersion) -> Facts {
    let days = |count: i64| Value::text(language.fill("clock-days", &[("days", count.to_string())]));
    vec![
        (language.t("programme-version"), Value::number(version.version)),
        (language.t("field-begins-on"), Value::date(language, version.begins_on)),
        (
            language.t("programme-tenor"),
            Value::text(language.fill(
                "programme-tenor-band",
                &[("least", version.least_tenor_days.to_string()), ("most", version.most_tenor_days.to_string())],
            )),
        ),
        (language.t("field-most-age-days"), days(version.most_age_days)),
        (language.t("field-advance-bps"), percent(version.advance_bps)),
        (language.t("terms-reserve"), percent(version.reserve_bps)),
        (language.t("terms-purchase-fee"), bps(language, version.purchase_fee_bps)),
        (language.t("terms-minimum-fee"), Value::money(currency, version.minimum_fee_minor)),
        (language.t("terms-settlement-fee"), bps(language, version.settlement_fee_bps)),
        (language.t("field-fee-bearer"), Value::text(language.t(&format!("bearer-{}", version.fee_bearer)))),
        (language.t("field-minimum-ticket"), Value::money(currency, version.minimum_ticket_minor)),
        (language.t("terms-grace"), days(version.grace_days)),
        (language.t("field-recourse"), Value::text(language.t(&format!("recourse-{}", version.recourse)))),
    ]
}

/// Basis points as percent, without a float.
fn percent(bps: i64) -> Value {
    let (whole, part) = (bps / 100, (bps % 100).abs());
    let text = if part == 0 { whole.to_string() } else { format!("{whole}.{part:02}").trim_end_matches('0').to_owned() };
    Value::percent(&text)
}

/// Why an invoice is not eligible, in words with the figures and what to do.
#[must_use]
pub fn rule_sentence(language: Language, programme: &str, rule: &Rule) -> String {
    let mut places: Vec<(&str, String)> = rule
        .arguments()
        .into_iter()
        .map(|(name, value)| match name {
            "state" => (name, language.t(&format!("state-programme-{value}"))),
            "begins_on" => (name, value.parse().map_or(value, |day| language.date(day))),
            _ => (name, value),
        })
        .collect();
    places.push(("name", programme.to_owned()));
    language.fill(&format!("eligibility-{}", rule.code().replace('_', "-")), &places)
}

/// How an invoice stands to a programme, as one sentence with its tone.
#[must_use]
pub fn standing_sentence(language: Language, standing: &Standing) -> (Tone, String) {
    let name = standing.programme.name.clone();
    match &standing.verdict {
        Ok(()) => {
            let places = [("name", name), ("version", standing.version.version.to_string())];
            (Tone::Done, language.fill("eligible-under", &places))
        }
        Err(rule) => (Tone::Waiting, rule_sentence(language, &name, rule)),
    }
}

/// The same as a block of a page.
#[must_use]
pub fn standing_block(language: Language, standing: Option<&Standing>) -> Option<Block> {
    standing.map(|standing| {
        let (tone, sentence) = standing_sentence(language, standing);
        Block::Notice(tone, sentence)
    })
}

/// The terms that a confirmation would put into force: the programme's where the invoice is eligible, and else the platform's.
#[must_use]
pub fn applied_terms(language: Language, standing: Option<&Standing>, amount_minor: i64) -> Facts {
    let label = language.t("terms-that-apply");
    let Some(standing) = standing.filter(|standing| standing.verdict.is_ok()) else {
        return vec![(label, Value::text(language.t("terms-of-platform")))];
    };
    let (programme, version) = (&standing.programme, &standing.version);
    let places = [("name", programme.name.clone()), ("version", version.version.to_string())];
    let mut facts = vec![
        (label, Value::link(language.fill("terms-of-programme", &places), format!("/programmes/{}", programme.id))),
        (language.t("field-advance-bps"), percent(version.advance_bps)),
        (language.t("terms-reserve"), percent(version.reserve_bps)),
        (language.t("field-fee-bearer"), Value::text(language.t(&format!("bearer-{}", version.fee_bearer)))),
        (language.t("terms-purchase-fee"), bps(language, version.purchase_fee_bps)),
        (language.t("terms-settlement-fee"), bps(language, version.settlement_fee_bps)),
        (language.t("field-recourse"), Value::text(language.t(&format!("recourse-{}", version.recourse)))),
    ];
    let billed_minor = standing.terms.billed_settlement(amount_minor, amount_minor).whole_minor;
    if billed_minor > 0 {
        facts.push((language.t("fee-settlement-billed"), Value::money(&programme.currency, billed_minor)));
    }
    facts
}

/// The terms of a version beside its programme, for the person who agrees to a decision about it.
pub fn version_facts(conn: &mut Conn, language: Language, version_id: ProgrammeVersionId) -> Result<Facts, Fault> {
    let Some(version) = ProgrammeVersion::find(conn, version_id)? else { return Ok(Vec::new()) };
    let mut facts = standing_facts(conn, language, version.programme_id)?;
    let currency = Programme::load(conn, version.programme_id)?.currency;
    facts.extend(terms_facts(language, &currency, &version));
    Ok(facts)
}

/// The present state of a programme, in a few facts.
pub fn standing_facts(conn: &mut Conn, language: Language, id: ProgrammeId) -> Result<Facts, Fault> {
    Ok(ProgrammeLine::find(conn, id.0)?.map_or_else(Vec::new, |row| programme_facts(language, &row)))
}

/// The terms that a proposal would replace.
pub fn meaning(conn: &mut Conn, language: Language, proposed: &ProposeProgramme) -> Result<Vec<Block>, Fault> {
    let Some(id) = proposed.programme_id else { return Ok(Vec::new()) };
    let today = store::records::load_heads(conn)?.business_date;
    let Some(programme) = Programme::find(conn, id)? else { return Ok(Vec::new()) };
    let Some(current) = store::programmes::find_current(conn, id, today)? else { return Ok(Vec::new()) };
    Ok(vec![Block::Heading(language.t("request-before")), Block::Facts(terms_facts(language, &programme.currency, &current))])
}

/// State, members and volumes of a programme.
#[must_use]
pub fn programme_facts(language: Language, row: &ProgrammeLine) -> Facts {
    let money = |minor| Value::money(&row.currency, minor);
    let mut facts = vec![
        (language.t("col-state"), Value::state(language, &row.state)),
        (language.t("col-buyer"), Value::text(row.buyer.clone())),
        (language.t("col-programme-name"), Value::text(row.name.clone())),
        (language.t("col-currency"), Value::text(row.currency.clone())),
        (language.t("programme-joined"), Value::number(row.joined)),
        (language.t("programme-invited"), Value::number(row.invited)),
        (language.t("programme-receivables"), Value::number(row.receivables)),
        (language.t("col-confirmed"), money(row.confirmed_minor)),
        (language.t("col-sold"), money(row.sold_minor)),
        (language.t("payable-outstanding"), money(row.outstanding_minor)),
    ];
    if !row.reason.is_empty() {
        facts.insert(1, (language.t("field-reason"), Value::text(row.reason.clone())));
    }
    facts
}

async fn programmes(who: Who<BuyerViewer>, params: Params) -> Answer {
    let language = who.language();
    let wanted = ("buyer_id = ?", vec![who.party_id()?.into()]);
    let mut page = Page::new(language.t("programmes-title")).with(Block::Paragraph(language.t("programmes-lead")));
    if who.person()?.has_role(Role::Maker) {
        page.push(Block::Action(language.t("programme-propose"), "/programmes/propose".to_owned()));
    }
    send_list(&who, &params, page, wanted, "/programmes/").await
}

/// Programmes as a list, for the buyer and for the operator.
pub async fn send_list<R: SignedIn>(
    who: &Who<R>,
    params: &Params,
    page: Page,
    (condition, binds): (&str, Vec<store::Bind>),
    href: &str,
) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-programme-name", false, "name"),
        ("col-buyer", false, "buyer"),
        ("programme-joined", true, ""),
        ("col-confirmed", true, "confirmed_minor"),
        ("col-sold", true, "sold_minor"),
        ("payable-outstanding", true, "outstanding_minor"),
        ("col-state", false, ""),
    ];
    let listing =
        Listing { params, language, groups: &[], states: STATES, heads, default: ("id", true), summed: "confirmed_minor" };
    let wanted = listing.query().with(condition, binds);
    let order = wanted.order;
    let (found, totals) =
        who.read(move |conn| Ok((ProgrammeLine::page(conn, &wanted)?, ProgrammeLine::totals(conn, &wanted)?))).await?;
    let rows = found.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.name.clone(), format!("{href}{}", row.id)),
            Value::text(row.buyer.clone()),
            Value::number(row.joined),
            Value::money(&row.currency, row.confirmed_minor),
            Value::money(&row.currency, row.sold_minor),
            Value::money(&row.currency, row.outstanding_minor),
            Value::state(language, &row.state),
        ],
    });
    let last = found.rows.last().map(|row| {
        let value = match order {
            "name" => row.name.clone(),
            "buyer" => row.buyer.clone(),
            "confirmed_minor" => row.confirmed_minor.to_string(),
            "sold_minor" => row.sold_minor.to_string(),
            "outstanding_minor" => row.outstanding_minor.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let empty = language.t("programmes-empty");
    let table = listing.table(language.t("programmes-title"), rows.collect(), &totals, last, found.more, empty);
    listing.send(who, page, table).await
}

/// A programme with everything that its page shows.
pub struct Loaded {
    pub row: ProgrammeLine,
    pub versions: Vec<ProgrammeVersion>,
    pub members: Vec<MemberLine>,
}

/// Members that the page of a programme shows; all of them have a list of their own.
const MOST_SHOWN: usize = 25;

pub fn load_programme(conn: &mut Conn, id: ProgrammeId, wanted: impl Fn(&ProgrammeLine) -> bool) -> Result<Loaded, Fault> {
    let row = ProgrammeLine::find(conn, id.0)?.filter(|row| wanted(row)).ok_or(Refusal::NotFound)?;
    let versions = store::programmes::list_versions(conn, id)?;
    let members = MemberLine::page(conn, &ListQuery::newest(MOST_SHOWN).with("programme_id = ?", vec![id.into()]))?.rows;
    Ok(Loaded { row, versions, members })
}

async fn load(who: &Who<impl SignedIn>, id: ProgrammeId) -> Result<Loaded, Fault> {
    let party_id = who.party_id()?;
    who.read(move |conn| load_programme(conn, id, |row| PartyId(row.buyer_id) == party_id)).await
}

/// Facts, terms and versions of a programme, for its buyer and the operator.
#[must_use]
pub fn programme_blocks(language: Language, loaded: &Loaded) -> Vec<Block> {
    let row = &loaded.row;
    let mut blocks = vec![Block::Facts(programme_facts(language, row))];
    let current = loaded.versions.iter().find(|version| version.state == VersionState::Approved);
    if let Some(version) = current.or_else(|| loaded.versions.first()) {
        blocks.push(Block::Heading(language.t("programme-terms")));
        blocks.push(Block::Facts(terms_facts(language, &row.currency, version)));
    }
    let versions = loaded.versions.iter().map(|version| {
        vec![
            Value::number(version.version),
            Value::date(language, version.begins_on),
            percent(version.advance_bps),
            percent(version.reserve_bps),
            Value::text(language.t(&format!("bearer-{}", version.fee_bearer))),
            Value::text(version.reason.clone()),
            Value::state(language, &format!("version_{}", version.state)),
        ]
    });
    let heads = [
        ("programme-version", true),
        ("field-begins-on", false),
        ("field-advance-bps", true),
        ("terms-reserve", true),
        ("field-fee-bearer", false),
        ("field-reason", false),
        ("col-state", false),
    ];
    blocks.push(Block::Table(Box::new(plain_table(language, "programme-versions", &heads, versions.collect(), "list-no-match"))));
    let members = loaded.members.iter().map(|member| {
        let version = if member.version == 0 { Value::text("–") } else { Value::number(member.version) };
        vec![
            Value::text(member.supplier.clone()),
            version,
            Value::money(&member.currency, member.confirmed_minor),
            Value::text(member.reason.clone()),
            Value::state(language, &member.state),
        ]
    });
    let heads = [
        ("col-supplier", false),
        ("programme-version", true),
        ("col-confirmed", true),
        ("field-reason", false),
        ("col-state", false),
    ];
    let table = plain_table(language, "programme-newest-members", &heads, members.collect(), "programme-no-members");
    blocks.push(Block::Table(Box::new(table)));
    blocks
}

fn programme_page(who: &Who<impl SignedIn>, loaded: &Loaded) -> Result<Page, Fault> {
    let (language, row) = (who.language(), &loaded.row);
    let mut page = Page::new(language.fill("programme-title", &[("name", row.name.clone())]))
        .trail(who.t("programmes-title"), "/programmes");
    if row.state == "programme_proposed" {
        page = page.with(Block::Notice(Tone::Waiting, who.t("programme-waits")));
    }
    page.blocks.extend(programme_blocks(language, loaded));
    let id = row.id;
    page.push(Block::Links(vec![(who.t("programme-all-members"), format!("/programmes/{id}/members"))]));
    if !who.person()?.has_role(Role::Maker) {
        return Ok(page);
    }
    let lives = ["programme_open", "programme_suspended"].contains(&row.state.as_str());
    if row.state == "programme_open" {
        let field = Field::new("suppliers", who.t("field-suppliers"), "area")
            .hint(language.fill("programme-invite-hint", &[("most", MOST.to_string())]));
        page = page.with(Block::Heading(who.t("programme-invite"))).form(Form::new(
            format!("/programmes/{id}/invite"),
            who.t("programme-invite-submit"),
            vec![field],
        ));
    }
    if lives {
        if row.proposed_id == 0 {
            page =
                page.with(Block::Links(vec![(who.t("programme-new-terms"), format!("/programmes/propose?programme_id={id}"))]));
        }
        let changes: &[&str] = if row.state == "programme_open" { &["suspend", "close"] } else { &["reopen", "close"] };
        let options = changes.iter().map(|change| ((*change).to_owned(), language.t(&format!("programme-change-{change}"))));
        let fields = vec![
            Field::new("change", who.t("field-change"), "select").options(options.collect()),
            Field::new("reason", who.t("field-reason"), "area"),
        ];
        page = page
            .with(Block::Heading(who.t("programme-change")))
            .form(asking(format!("/programmes/{id}/change"), who.t("page-to-check"), fields).secondary());
    }
    Ok(page)
}

async fn programme(who: Who<BuyerViewer>, id: Id) -> Answer {
    let loaded = load(&who, ProgrammeId(id.0)).await?;
    let page = programme_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

async fn invite(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, ProgrammeId(id.0)).await?;
    let page = programme_page(&who, &loaded)?;
    let suppliers = posted.get("suppliers").lines().map(str::to_owned).collect();
    submit_or_again(&who, &posted, InviteToProgramme { programme_id: ProgrammeId(id.0), suppliers }, page, "").await
}

async fn change_check(who: Who<BuyerMaker>, id: Id, params: Params) -> Answer {
    let loaded = load(&who, ProgrammeId(id.0)).await?;
    let (language, row) = (who.language(), &loaded.row);
    let (change, reason) = (params.get("change"), params.get("reason").trim());
    let command = ChangeProgramme { programme_id: ProgrammeId(id.0), change: change.to_owned(), reason: reason.to_owned() };
    if let Err(fault) = who.try_out(&command.into()).await {
        let typed = Posted { fields: params.fields.clone() };
        return again(&who, programme_page(&who, &loaded)?, &typed, fault, "").await;
    }
    let mut facts = programme_facts(language, row);
    facts.push((who.t("field-reason"), Value::text(reason)));
    let check = Check {
        title: language.t(&format!("programme-change-{change}")),
        lead: language.t(&format!("programme-change-{change}-lead")),
        facts,
        form: Form::new(format!("/programmes/{}/change", row.id), language.t(&format!("programme-change-{change}")), vec![])
            .hidden("change", change)
            .hidden("reason", reason),
        back: format!("/programmes/{}", row.id),
    };
    let trail = [(who.t("programmes-title"), "/programmes".to_owned()), (row.name.clone(), format!("/programmes/{}", row.id))];
    who.app.page(&who.viewer, check_page(&who, &trail, check)).await
}

async fn change(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load(&who, ProgrammeId(id.0)).await?;
    let page = programme_page(&who, &loaded)?;
    let command = ChangeProgramme {
        programme_id: ProgrammeId(id.0),
        change: posted.get("change").to_owned(),
        reason: posted.get("reason").to_owned(),
    };
    submit_or_again(&who, &posted, command, page, "").await
}

/// All that were ever invited to a programme, each with its page.
async fn members(who: Who<BuyerViewer>, id: Id, params: Params) -> Answer {
    let language = who.language();
    let heads = &[
        ("col-supplier", false, "supplier"),
        ("field-tax-id", false, "supplier_tax_id"),
        ("programme-version", true, ""),
        ("col-confirmed", true, "confirmed_minor"),
        ("programme-invited-at", false, ""),
        ("field-reason", false, ""),
        ("col-state", false, ""),
    ];
    let listing = Listing {
        params: &params,
        language,
        groups: &[],
        states: super::memberships::STATES,
        heads,
        default: ("id", true),
        summed: "confirmed_minor",
    };
    let party_id = who.party_id()?;
    let wanted = listing.query().with("programme_id = ?", vec![id.0.into()]);
    let order = wanted.order;
    let (name, page, totals) = who
        .read(move |conn| {
            let own =
                Programme::find(conn, ProgrammeId(id.0))?.filter(|row| row.buyer_id == party_id).ok_or(Refusal::NotFound)?;
            Ok((own.name, MemberLine::page(conn, &wanted)?, MemberLine::totals(conn, &wanted)?))
        })
        .await?;
    let rows = page.rows.iter().map(|row| Row {
        cells: vec![
            Value::link(row.supplier.clone(), format!("/programmes/members/{}", row.id)),
            Value::code(row.supplier_tax_id.clone()),
            if row.version == 0 { Value::text("–") } else { Value::number(row.version) },
            Value::money(&row.currency, row.confirmed_minor),
            Value::moment(language, row.invited_at),
            Value::text(row.reason.clone()),
            Value::state(language, &row.state),
        ],
    });
    let last = page.rows.last().map(|row| {
        let value = match order {
            "supplier" => row.supplier.clone(),
            "supplier_tax_id" => row.supplier_tax_id.clone(),
            "confirmed_minor" => row.confirmed_minor.to_string(),
            _ => row.id.to_string(),
        };
        (value, row.id)
    });
    let empty = language.t("programme-no-members");
    let table = listing.table(language.t("programme-members"), rows.collect(), &totals, last, page.more, empty);
    let title = language.fill("programme-members-title", &[("name", name.clone())]);
    let shown =
        Page::new(title).trail(language.t("programmes-title"), "/programmes").trail(name, format!("/programmes/{}", id.0));
    listing.send(&who, shown, table).await
}

/// One supplier's part in a programme of this buyer, with the terms that it has accepted.
async fn load_member(who: &Who<impl SignedIn>, id: MemberId) -> Result<(MemberLine, Option<ProgrammeVersion>), Fault> {
    let party_id = who.party_id()?;
    who.read(move |conn| {
        let found = MemberLine::find(conn, id.0)?.filter(|row| PartyId(row.buyer_id) == party_id);
        let row = found.ok_or(Refusal::NotFound)?;
        let number = if row.version > 0 { row.version } else { row.asked_version };
        let programme = ProgrammeId(row.programme_id);
        let version = if number > 0 { Some(store::programmes::load_version(conn, programme, number)?) } else { None };
        Ok((row, version))
    })
    .await
}

fn member_page(who: &Who<impl SignedIn>, (row, version): &(MemberLine, Option<ProgrammeVersion>)) -> Result<Page, Fault> {
    let language = who.language();
    let mut facts = vec![
        (who.t("col-state"), Value::state(language, &row.state)),
        (who.t("col-supplier"), Value::text(row.supplier.clone())),
        (who.t("field-tax-id"), Value::code(row.supplier_tax_id.clone())),
        (who.t("programme-invited-at"), Value::moment(language, row.invited_at)),
        (who.t("col-confirmed"), Value::money(&row.currency, row.confirmed_minor)),
    ];
    if !row.reason.is_empty() {
        facts.push((who.t("field-reason"), Value::text(row.reason.clone())));
    }
    let places = [("supplier", row.supplier.clone()), ("name", row.name.clone())];
    let mut page = Page::new(language.fill("programme-member-title", &places))
        .trail(who.t("programmes-title"), "/programmes")
        .trail(row.name.clone(), format!("/programmes/{}", row.programme_id))
        .trail(who.t("programme-members"), format!("/programmes/{}/members", row.programme_id))
        .with(Block::Facts(facts));
    if let Some(version) = version {
        let key = if row.version > 0 { "programme-accepted" } else { "programme-asked" };
        page = page.with(Block::Heading(who.t(key))).with(Block::Facts(terms_facts(language, &row.currency, version)));
    }
    let present = ["member_invited", "member_joined"].contains(&row.state.as_str());
    if present && who.person()?.has_role(Role::Maker) {
        let label = language.fill("programme-remove-submit", &[("name", row.supplier.clone())]);
        let reason = Field::new("reason", who.t("field-reason"), "area");
        page = page
            .with(Block::Heading(who.t("programme-remove")))
            .with(Block::Paragraph(who.t("programme-remove-lead")))
            .form(Form::new(format!("/programmes/members/{}/remove", row.id), label, vec![reason]).secondary());
    }
    Ok(page)
}

async fn member(who: Who<BuyerViewer>, id: Id) -> Answer {
    let loaded = load_member(&who, MemberId(id.0)).await?;
    let page = member_page(&who, &loaded)?;
    who.app.page(&who.viewer, page).await
}

async fn remove(who: Who<BuyerMaker>, id: Id, posted: Posted) -> Answer {
    let loaded = load_member(&who, MemberId(id.0)).await?;
    let page = member_page(&who, &loaded)?;
    submit_or_again(&who, &posted, EndMembership { member_id: MemberId(id.0), reason: posted.get("reason").to_owned() }, page, "")
        .await
}
