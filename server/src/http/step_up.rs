//! Asks for a fresh code before money leaves or goes elsewhere: the page that shows the act once more, and the check of the
//! answer. Every command of a signed-in person passes here on its way to the writer.

use super::error::Fault;
use super::pages::{org, receipts, request};
use super::routes::Posted;
use super::{App, Shared, Viewer};
use crate::auth::{self, Person};
use crate::commands::kit::step_up::{ActCode, Bound, bound, digest, factors};
use crate::commands::{Command, Proof};
use actix_web::{HttpMessage, HttpRequest};
use domain::Refusal;
use kernel::{PartyId, SessionId, UserId};
use serde_json::{Value as Json, json};
use std::sync::{Arc, OnceLock};
use web::{Block, Field, Form, Language, Page, Tone, Value};

/// The header with which a program gives its code.
pub const CODE_HEADER: &str = "kontor-code";
const CODE: &str = "_code";
const CHALLENGE: &str = "_challenge";

/// The proof of its act that a request brings.
#[derive(Clone, Debug, Default)]
pub struct Brought {
    code: String,
    /// The challenge that the page had shown. A program sends act and code in one request, which binds them.
    challenge: Option<String>,
    /// The form that was sent, so that it can be sent again with a code.
    fields: Vec<(String, String)>,
    path: String,
}

#[derive(Clone)]
struct Slot(Arc<OnceLock<Brought>>);

fn slot(request: &HttpRequest) -> Arc<OnceLock<Brought>> {
    let known = request.extensions().get::<Slot>().cloned();
    let slot = known.unwrap_or_else(|| Slot(Arc::default()));
    request.extensions_mut().insert(slot.clone());
    slot.0
}

/// Where the request's proof stands or, once its form has been read, will stand.
pub(super) fn brought(request: &HttpRequest, is_api: bool) -> Arc<OnceLock<Brought>> {
    let slot = slot(request);
    if is_api {
        let code = request.headers().get(CODE_HEADER).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        let _ = slot.set(Brought { code, ..Brought::default() });
    }
    slot
}

/// Notes what a form brings.
pub(super) fn bring(request: &HttpRequest, posted: &Posted) {
    let (code, challenge) = (posted.get(CODE).to_owned(), Some(posted.get(CHALLENGE).to_owned()));
    let own = |name: &str| [CODE, CHALLENGE, "_csrf", "_key"].contains(&name);
    let fields = posted.fields.iter().filter(|(name, _)| !own(name)).cloned().collect();
    let _ = slot(request).set(Brought { code, challenge, fields, path: request.path().to_owned() });
}

/// Checks how this person proves their identity for this command. A person without a second factor needs no code.
pub(super) async fn prove(app: &Shared, person: &Person, command: &Command, sent: Option<&Brought>) -> Result<Proof, Fault> {
    let proof = |code: Option<ActCode>| {
        let at = code.as_ref().map(|_| app.clock.now());
        Proof { made_with: factors(person.session.code_at, at), agreed_with: String::new(), code }
    };
    if !command.step_up() || person.user.totp_secret.is_empty() {
        return Ok(proof(None));
    }
    let (actor, asked) = (person.actor(), command.clone());
    let found = app.read(move |conn| Ok(bound(conn, &actor, &asked)?)).await?;
    let Some(found) = found.filter(|found| found.needed) else { return Ok(proof(None)) };
    let sent = sent.cloned().unwrap_or_default();
    let digest = digest(command, &found);
    match check_brought(app, person, &digest, &sent).await {
        Ok(step) => Ok(proof(Some(ActCode { step, digest }))),
        Err(Fault::Refused(refusal)) => {
            if refusal != Refusal::StepUpNeeded {
                tracing::warn!(user = person.user.id.0, command = command.name(), code = refusal.code(), "denied");
            }
            let whose = (person.user.id, person.session.id);
            let asked = Asked { refusal, command: command.clone(), bound: found, digest, sent, whose, party_id: person.party.id };
            Err(Fault::StepUp(Box::new(asked)))
        }
        Err(other) => Err(other),
    }
}

/// The time step of a code that was given for the shown act. The writer checks in the commit whether the code was used before. So
/// a retry of a request under its key gets the first answer.
async fn check_brought(app: &Shared, person: &Person, digest: &str, sent: &Brought) -> Result<i64, Fault> {
    if sent.code.trim().is_empty() {
        return Err(Refusal::StepUpNeeded.into());
    }
    let now = app.clock.now();
    if let Some(challenge) = &sent.challenge {
        auth::check_challenge(&app.config.secret, (person.user.id, person.session.id), digest, challenge, now)?;
    }
    super::prove::code_for_act(app, person, &sent.code).await
}

/// A wanted code for one act, and why the one that was sent is not valid.
#[derive(Clone, Debug)]
pub struct Asked {
    pub refusal: Refusal,
    command: Command,
    bound: Bound,
    digest: String,
    sent: Brought,
    whose: (UserId, SessionId),
    party_id: PartyId,
}

impl Asked {
    fn amounts(&self) -> Vec<String> {
        self.bound.amounts.iter().map(|(currency, minor)| Value::money(currency, *minor).text).collect()
    }

    fn masked(&self) -> String {
        // As it was typed, it may have spaces.
        let plain: String = self.bound.account.split_whitespace().collect();
        if plain.is_empty() { String::new() } else { org::masked(&plain) }
    }

    /// For programs: the header, and what the code would be for.
    #[must_use]
    pub fn needs(&self) -> Json {
        let amounts = self.bound.amounts.iter().map(|(currency, minor)| json!({ "currency": currency, "amount_minor": minor }));
        json!({
            "header": "Kontor-Code", "command": self.bound.command, "amounts": amounts.collect::<Vec<_>>(),
            "payee": self.bound.payee, "account": self.masked(),
        })
    }

    /// The act that the code allows, in one line: act, amounts, payee and masked account.
    fn sentence(&self, language: Language) -> String {
        let mut parts = vec![language.request(&self.bound.command)];
        parts.extend(self.amounts());
        parts.extend([self.bound.payee.clone(), self.masked()].into_iter().filter(|part| !part.is_empty()));
        language.fill("step-up-sentence", &[("act", parts.join(" · "))])
    }

    /// The page that shows once more what will happen, with a field for the code. The form that was sent goes along, hidden.
    pub(super) async fn page(&self, app: &Arc<App>, viewer: &Viewer) -> Result<Page, Fault> {
        let language = viewer.language;
        let (command, party_id) = (self.command.clone(), self.party_id);
        let (body, meaning) = app
            .read(move |conn| {
                let acted = match &command {
                    Command::DecideApproval(decision) => {
                        let found = <store::Approval as store::records::Keyed>::find(conn, decision.approval_id)?;
                        let found = found.filter(|row| row.party_id == party_id);
                        found.and_then(|row| Command::read(&row.command, &row.body))
                    }
                    _ => None,
                };
                let acted = acted.unwrap_or(command);
                let mut body: Json = serde_json::from_str(&acted.input()).unwrap_or_default();
                receipts::name_account(conn, acted.name(), &mut body)?;
                Ok((body, request::meaning(conn, language, party_id, &acted)?))
            })
            .await?;
        let currency = self.bound.amounts.first().map_or("", |(currency, _)| currency.as_str());
        let mut page = Page::new(language.fill("step-up-title", &[("act", language.request(&self.bound.command))]));
        page.push(Block::Facts(receipts::facts_of(language, &body, currency)));
        page.blocks.extend(meaning);
        page.push(Block::Notice(Tone::Attention, self.sentence(language)));
        let code = Field::new(CODE, language.t("field-code"), "code").hint(language.t("step-up-hint"));
        let mut form = Form::new(self.sent.path.clone(), language.t("step-up-submit"), vec![code.autocomplete("one-time-code")]);
        for (name, value) in &self.sent.fields {
            form = form.hidden(name, value.clone());
        }
        let challenge = auth::sign_challenge(&app.config.secret, self.whose, &self.digest, app.clock.now());
        page = page.form(form.hidden(CHALLENGE, challenge)).with(Block::Paragraph(language.t("step-up-why")));
        if self.refusal != Refusal::StepUpNeeded {
            page.errors.push((CODE.to_owned(), language.refusal(&self.refusal, "")));
        }
        Ok(page)
    }
}
