//! A buyer proposes a programme, or new terms for an existing one. After the form a page shows the whole proposal, before a
//! second person is asked.

use super::super::error::Fault;
use super::super::rights::{BuyerMaker, Who};
use super::super::routes::{Params, Posted, Routes, typed_amount, typed_date};
use super::home::own_currencies;
use super::programmes::terms_facts;
use super::{Answer, Check, again, asking, check_page, submit_once};
use crate::commands::programmes::propose_programme::ProposeProgramme;
use domain::pricing::Bearer;
use domain::programme::{ProgrammeTerms, Recourse, VersionState};
use domain::{Currency, Refusal};
use kernel::{ProgrammeId, ProgrammeVersionId, UserId};
use store::records::Keyed;
use store::{Programme, ProgrammeVersion};
use web::{Block, Field, Form, Page, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/programmes/propose", propose);
    routes.get("/programmes/propose/check", propose_check);
    routes.post("/programmes/propose", propose_post);
}

/// The starting values of a proposal: a programme's newest terms, or the usual ones.
struct Start {
    programme: Option<(Programme, Option<ProgrammeVersion>)>,
    currencies: Vec<Currency>,
    today: chrono::NaiveDate,
}

async fn start(who: &Who<BuyerMaker>, typed: &str) -> Result<Start, Fault> {
    let (party_id, country) = (who.party_id()?, who.person()?.party.country.clone());
    let id = match typed.trim() {
        "" => None,
        typed => Some(typed.parse::<ProgrammeId>().map_err(|_| Fault::from(Refusal::NotFound))?),
    };
    who.read(move |conn| {
        let programme = match id {
            None => None,
            Some(id) => {
                let known = Programme::find(conn, id)?.filter(|row| row.buyer_id == party_id).ok_or(Refusal::NotFound)?;
                let version = store::programmes::find_newest_version(conn, id)?;
                Some((known, version))
            }
        };
        let today = store::records::load_heads(conn)?.business_date;
        Ok(Start { programme, currencies: own_currencies(conn, &country)?, today })
    })
    .await
}

fn propose_page(who: &Who<BuyerMaker>, start: &Start) -> Page {
    let language = who.language();
    let known = start.programme.as_ref();
    let version = known.and_then(|(_, version)| version.as_ref());
    let number = |name: &str, of: fn(&ProgrammeVersion) -> i64, usual: i64, hint: &str| {
        let label = who.t(&format!("field-{}", name.replace('_', "-")));
        let field = Field::new(name, label, "text").value(version.map_or(usual, of).to_string());
        if hint.is_empty() { field } else { field.hint(who.t(hint)) }
    };
    let amount = |name: &str, of: fn(&ProgrammeVersion) -> i64, usual: &str| {
        let label = who.t(&format!("field-{}", name.replace('_', "-")));
        let typed = known.zip(version).and_then(|((programme, _), version)| {
            Currency::parse(&programme.currency).map(|currency| currency.decimal(of(version)))
        });
        Field::new(name, label, "amount").value(typed.unwrap_or_else(|| usual.to_owned()))
    };
    let options = |names: &[&str], prefix: &str| {
        names.iter().map(|name| ((*name).to_owned(), language.t(&format!("{prefix}-{name}")))).collect::<Vec<_>>()
    };
    let mut fields = Vec::new();
    if known.is_none() {
        let codes = start.currencies.iter().map(|currency| (currency.code().to_owned(), currency.code().to_owned()));
        fields.push(Field::new("name", who.t("field-name"), "text").hint(who.t("programme-name-hint")));
        fields.push(Field::new("currency", who.t("col-currency"), "select").options(codes.collect()));
    }
    let bearer = version.map_or(Bearer::Supplier, |version| version.fee_bearer);
    let recourse = version.map_or(Recourse::Without, |version| version.recourse);
    fields.extend([
        number("least_tenor_days", |version| version.least_tenor_days, 15, "programme-tenor-hint"),
        number("most_tenor_days", |version| version.most_tenor_days, 180, ""),
        number("most_age_days", |version| version.most_age_days, 60, "programme-age-hint"),
        number("advance_bps", |version| version.advance_bps, 8_000, "programme-advance-hint"),
        number("reserve_bps", |version| version.reserve_bps, 1_000, "programme-reserve-hint"),
        number("purchase_fee_bps", |version| version.purchase_fee_bps, 10, "terms-bps-hint"),
        amount("minimum_fee_minor", |version| version.minimum_fee_minor, "1"),
        number("settlement_fee_bps", |version| version.settlement_fee_bps, 5, "programme-settlement-hint"),
        Field::new("fee_bearer", who.t("field-fee-bearer"), "select")
            .options(options(&["supplier", "buyer"], "bearer"))
            .value(bearer.name())
            .hint(who.t("programme-bearer-hint")),
        amount("minimum_ticket_minor", |version| version.minimum_ticket_minor, "1000"),
        number("grace_days", |version| version.grace_days, 3, "programme-grace-hint"),
        Field::new("recourse", who.t("field-recourse"), "select")
            .options(options(&["none", "supplier"], "recourse"))
            .value(recourse.name())
            .hint(who.t("programme-recourse-hint")),
        Field::new("begins_on", who.t("field-begins-on"), "date").value(start.today.to_string()),
    ]);
    let mut page = match known {
        None => Page::new(who.t("programme-propose")).trail(who.t("programmes-title"), "/programmes"),
        Some((programme, _)) => Page::new(language.fill("programme-propose-terms", &[("name", programme.name.clone())]))
            .trail(who.t("programmes-title"), "/programmes")
            .trail(programme.name.clone(), format!("/programmes/{}", programme.id)),
    };
    page = page.with(Block::Paragraph(who.t("programme-propose-lead")));
    let form = asking("/programmes/propose/check", who.t("page-to-check"), fields);
    page.form(match known {
        None => form,
        Some((programme, _)) => form.hidden("programme_id", programme.id.to_string()),
    })
}

async fn propose(who: Who<BuyerMaker>, params: Params) -> Answer {
    let start = start(&who, params.get("programme_id")).await?;
    let page = propose_page(&who, &start);
    who.app.page(&who.viewer, page).await
}

/// The typed form as the command.
fn proposed(params: &Params, start: &Start) -> Result<ProposeProgramme, Fault> {
    let posted = Posted { fields: params.fields.clone() };
    let known = start.programme.as_ref().map(|(programme, _)| programme);
    let currency = known.map_or_else(|| params.get("currency").to_owned(), |known| known.currency.clone());
    Ok(ProposeProgramme {
        programme_id: known.map(|known| known.id),
        name: known.map_or_else(|| params.get("name").trim().to_owned(), |known| known.name.clone()),
        least_tenor_days: posted.number("least_tenor_days")?,
        most_tenor_days: posted.number("most_tenor_days")?,
        most_age_days: posted.number("most_age_days")?,
        advance_bps: posted.number("advance_bps")?,
        reserve_bps: posted.number("reserve_bps")?,
        settlement_fee_bps: posted.number("settlement_fee_bps")?,
        purchase_fee_bps: posted.number("purchase_fee_bps")?,
        minimum_fee_minor: typed_amount(params.get("minimum_fee_minor"), "minimum_fee_minor", &currency)?,
        minimum_ticket_minor: typed_amount(params.get("minimum_ticket_minor"), "minimum_ticket_minor", &currency)?,
        fee_bearer: params.get("fee_bearer").to_owned(),
        grace_days: posted.number("grace_days")?,
        recourse: params.get("recourse").to_owned(),
        begins_on: typed_date(params.get("begins_on"), "begins_on")?,
        currency,
    })
}

/// A version as it would be kept, to be read before it is proposed.
fn drafted(command: &ProposeProgramme, terms: &ProgrammeTerms, version: i64) -> ProgrammeVersion {
    ProgrammeVersion {
        id: ProgrammeVersionId(0),
        programme_id: command.programme_id.unwrap_or(ProgrammeId(0)),
        version,
        least_tenor_days: command.least_tenor_days,
        most_tenor_days: command.most_tenor_days,
        most_age_days: command.most_age_days,
        advance_bps: command.advance_bps,
        reserve_bps: command.reserve_bps,
        settlement_fee_bps: command.settlement_fee_bps,
        purchase_fee_bps: command.purchase_fee_bps,
        minimum_fee_minor: command.minimum_fee_minor,
        minimum_ticket_minor: command.minimum_ticket_minor,
        fee_bearer: terms.fee_bearer,
        grace_days: command.grace_days,
        recourse: terms.recourse,
        begins_on: command.begins_on,
        state: VersionState::Proposed,
        reason: String::new(),
        proposed_by: UserId(0),
        agreed_by: UserId(0),
        proposed_at: chrono::NaiveDateTime::default(),
        decided_by: None,
        decided_at: None,
    }
}

async fn propose_check(who: Who<BuyerMaker>, params: Params) -> Answer {
    let start = start(&who, params.get("programme_id")).await?;
    let checked = async {
        let command = proposed(&params, &start)?;
        who.try_out(&command.clone().into()).await?;
        let terms = command.terms()?;
        Ok::<_, Fault>((command, terms))
    };
    let (command, terms) = match checked.await {
        Ok(checked) => checked,
        Err(fault) => {
            let currency = params.get("currency");
            let typed = Posted { fields: params.fields.clone() };
            return again(&who, propose_page(&who, &start), &typed, fault, currency).await;
        }
    };
    let language = who.language();
    let newest = start.programme.as_ref().and_then(|(_, version)| version.as_ref()).map_or(0, |version| version.version);
    let mut facts = vec![
        (who.t("field-name"), Value::text(command.name.clone())),
        (who.t("col-currency"), Value::text(command.currency.clone())),
    ];
    facts.extend(terms_facts(language, &command.currency, &drafted(&command, &terms, newest.saturating_add(1))));
    let mut form = Form::new("/programmes/propose", who.t("programme-propose-submit"), vec![]);
    let input = serde_json::to_value(&command).unwrap_or_default();
    for (name, value) in input.as_object().into_iter().flatten() {
        let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        form = form.hidden(name, if value.is_null() { String::new() } else { plain });
    }
    let check = Check {
        title: who.t("programme-propose-check"),
        lead: who.t("programme-propose-check-lead"),
        facts,
        form,
        back: "/programmes/propose".to_owned(),
    };
    let trail = [(who.t("programmes-title"), "/programmes".to_owned())];
    who.app.page(&who.viewer, check_page(&who, &trail, check)).await
}

async fn propose_post(who: Who<BuyerMaker>, posted: Posted) -> Answer {
    let typed = posted.get("programme_id");
    let start = start(&who, if typed.parse::<i64>().is_ok() { typed } else { "" }).await?;
    let read = || -> Result<ProposeProgramme, Fault> {
        let programme_id = if typed.is_empty() { None } else { Some(ProgrammeId(posted.number("programme_id")?)) };
        Ok(ProposeProgramme {
            programme_id,
            name: posted.get("name").to_owned(),
            currency: posted.get("currency").to_owned(),
            least_tenor_days: posted.number("least_tenor_days")?,
            most_tenor_days: posted.number("most_tenor_days")?,
            most_age_days: posted.number("most_age_days")?,
            advance_bps: posted.number("advance_bps")?,
            reserve_bps: posted.number("reserve_bps")?,
            settlement_fee_bps: posted.number("settlement_fee_bps")?,
            purchase_fee_bps: posted.number("purchase_fee_bps")?,
            minimum_fee_minor: posted.number("minimum_fee_minor")?,
            minimum_ticket_minor: posted.number("minimum_ticket_minor")?,
            fee_bearer: posted.get("fee_bearer").to_owned(),
            grace_days: posted.number("grace_days")?,
            recourse: posted.get("recourse").to_owned(),
            begins_on: posted.date("begins_on")?,
        })
    };
    let submitted = match read() {
        Ok(command) => submit_once(&who, &posted, command).await,
        Err(fault) => Err(fault),
    };
    match submitted {
        Ok(answer) => Ok(answer),
        Err(fault) => again(&who, propose_page(&who, &start), &Posted::default(), fault, posted.get("currency")).await,
    }
}
