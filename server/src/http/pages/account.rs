//! A person's own account: language and theme, password, second factor, sessions.

use super::super::error::Fault;
use super::super::rights::{Member, Who};
use super::super::routes::{Id, Posted, Routes};
use super::super::see_other;
use super::super::{gate, prove};
use super::{Answer, again, listing::plain_table};
use crate::auth;
use crate::commands::Outcome;
use crate::commands::people::change_password::ChangePassword;
use crate::commands::people::enrol_totp::EnrolTotp;
use crate::commands::people::revoke_sessions::RevokeSessions;
use crate::commands::people::set_preferences::SetPreferences;
use domain::Refusal;
use kernel::{AuditSeq, SessionId};
use store::User;
use store::records::Keyed;
use web::{Block, Field, Form, Page, Value};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/account", account);
    routes.post("/account", account_post);
    routes.get("/account/security", security);
    routes.post("/account/password", password);
    routes.post("/account/totp", totp);
    routes.post("/account/totp/remove", totp_remove);
    routes.post("/account/sessions/{id}/revoke", revoke);
    routes.post("/account/sessions/revoke-others", revoke_others);
}

fn account_page(who: &Who<Member>) -> Result<Page, Fault> {
    let person = who.person()?;
    let languages = vec![("en".to_owned(), "English".to_owned()), ("zh".to_owned(), "简体中文".to_owned())];
    let themes = ["system", "light", "dark"].map(|name| (name.to_owned(), who.t(&format!("theme-{name}"))));
    let fields = vec![
        Field::new("language", who.t("field-language"), "select").options(languages).value(person.user.language.name()),
        Field::new("theme", who.t("page-theme"), "select").options(themes.to_vec()).value(person.user.theme.name()),
    ];
    let facts = vec![
        (who.t("field-name"), Value::text(person.user.name.clone())),
        (who.t("field-email"), Value::text(person.user.email.clone())),
        (who.t("field-roles"), Value::text(roles_text(who.language(), &person.user.roles))),
    ];
    Ok(Page::new(who.t("account-title"))
        .with(Block::Facts(facts))
        .form(Form::new("/account", who.t("account-save"), fields))
        .with(Block::Links(vec![
            (who.t("security-title"), "/account/security".to_owned()),
            (who.t("address-title"), "/account/address".to_owned()),
        ])))
}

/// Role names in the reader's language: a set, or names between commas as a client sent them.
#[must_use]
pub fn roles_text(language: web::Language, roles: impl std::fmt::Display) -> String {
    let separator = if language == web::Language::Chinese { "、" } else { ", " };
    roles
        .to_string()
        .split(',')
        .filter(|role| !role.is_empty())
        .map(|role| language.t(&format!("role-{role}")))
        .collect::<Vec<_>>()
        .join(separator)
}

async fn account(who: Who<Member>) -> Answer {
    let page = account_page(&who)?;
    who.app.page(&who.viewer, page).await
}

/// Preferences that are as they were leave nothing in the log.
pub async fn set_preferences(who: &Who<Member>, key: &str, command: SetPreferences) -> Result<Outcome, Fault> {
    let (user_id, wanted) = (who.person()?.user.id, command.clone());
    let same = who.app.read(move |conn| {
        let user = User::load(conn, user_id)?;
        Ok(user.language.name() == wanted.language && user.theme.name() == wanted.theme)
    });
    if same.await? {
        return Ok(Outcome { seq: AuditSeq(0), repeated: true, awaits_approval: None, body: serde_json::json!({}) });
    }
    who.submit(key, command).await
}

async fn account_post(who: Who<Member>, posted: Posted) -> Answer {
    let command = SetPreferences { language: posted.get("language").to_owned(), theme: posted.get("theme").to_owned() };
    match set_preferences(&who, &posted.key(), command).await {
        Ok(_) => {
            let mut response = see_other("/account");
            for (name, field) in
                [(super::super::rights::LANGUAGE_COOKIE, "language"), (super::super::rights::THEME_COOKIE, "theme")]
            {
                let cookie = super::super::routes::host_cookie(name, posted.get(field).to_owned(), Some(365 * 24 * 60));
                response.add_cookie(&cookie).map_err(|error| Fault::Failed(error.to_string()))?;
            }
            Ok(response)
        }
        Err(fault) => again(&who, account_page(&who)?, &posted, fault, "").await,
    }
}

/// `shown` is the signed secret that the person has before their eyes already, if it is still good.
async fn security_page(who: &Who<Member>, shown: &str) -> Result<Page, Fault> {
    let person = who.person()?.clone();
    let (key, now) = (&who.app.config.secret, who.app.clock.now());
    let (secret, signed) = match auth::open_totp_secret(key, person.user.id, shown, now) {
        Some(known) => (known.to_owned(), shown.to_owned()),
        None => {
            let fresh = auth::new_totp_secret();
            let signed = auth::sign_totp_secret(key, person.user.id, &fresh, now);
            (fresh, signed)
        }
    };
    let language = who.language();
    let user_id = person.user.id;
    let sessions = who.read(move |conn| Ok(store::people::list_live_sessions(conn, user_id, now)?)).await?;
    let password = vec![
        Field::new("current", who.t("field-current-password"), "password").autocomplete("current-password"),
        Field::new("password", who.t("field-new-password"), "password").hint(who.t("password-hint")).autocomplete("new-password"),
    ];
    let wanted = gate::missing(who.app.config.second_factor, &person.user, &person.party);
    let wanted = wanted.map(|refusal| Block::Notice(web::Tone::Attention, language.refusal(&refusal, "")));
    let mut page = Page::new(who.t("security-title")).trail(who.t("account-title"), "/account");
    page.blocks.extend(wanted);
    page = page
        .with(Block::Heading(who.t("security-password")))
        .form(Form::new("/account/password", who.t("security-password-submit"), password))
        .with(Block::Heading(who.t("security-totp")));
    let code = Field::new("code", who.t("field-code"), "code").autocomplete("one-time-code");
    let current = Field::new("current", who.t("field-current-password"), "password").autocomplete("current-password");
    if person.user.totp_secret.is_empty() {
        let link =
            format!("otpauth://totp/Kontor:{}?secret={secret}&issuer=Kontor", super::super::routes::encode(&person.user.email));
        page = page
            .with(Block::Paragraph(who.t("security-totp-lead")))
            .with(Block::Facts(vec![
                (who.t("security-totp-secret"), Value::code(secret)),
                (who.t("security-totp-link"), Value::code(link)),
            ]))
            .form(Form::new("/account/totp", who.t("security-totp-submit"), vec![current, code]).hidden("secret", signed));
    } else {
        page = page
            .with(Block::Notice(web::Tone::Done, who.t("security-totp-on")))
            .form(Form::new("/account/totp/remove", who.t("security-totp-remove"), vec![current, code]).secondary());
    }
    let rows = sessions.iter().map(|session| {
        let here = session.id == person.session.id;
        let name = if here { who.t("security-this-session") } else { session.agent.chars().take(60).collect() };
        vec![Value::text(name), Value::moment(language, session.created_at), Value::moment(language, session.seen_at)]
    });
    let heads = [("col-session", false), ("col-since", false), ("col-seen", false)];
    page = page.table(plain_table(language, "security-sessions", &heads, rows.collect(), "list-no-match"));
    for session in sessions.iter().filter(|session| session.id != person.session.id).take(20) {
        let agent: String = session.agent.chars().take(40).collect();
        let label = language.fill("security-end-one", &[("agent", agent), ("when", language.moment(session.created_at))]);
        let fields = vec![current_password(who)];
        page = page.form(Form::new(format!("/account/sessions/{}/revoke", session.id), label, fields).secondary());
    }
    let fields = vec![current_password(who)];
    Ok(page.form(Form::new("/account/sessions/revoke-others", who.t("security-end-others"), fields).secondary()))
}

fn current_password(who: &Who<Member>) -> Field {
    Field::new("current", who.t("field-current-password"), "password").autocomplete("current-password")
}

async fn security(who: Who<Member>) -> Answer {
    let page = security_page(&who, "").await?;
    who.app.page(&who.viewer, page).await
}

async fn security_again(who: &Who<Member>, posted: &Posted, fault: Fault) -> Answer {
    let page = security_page(who, posted.get("secret")).await?;
    // A secret that is no longer good must not come back in the place of the fresh one.
    let mut typed = posted.clone();
    typed.fields.retain(|(name, _)| name != "secret");
    again(who, page, &typed, fault, "").await
}

async fn password(who: Who<Member>, posted: Posted) -> Answer {
    let person = who.person()?.clone();
    let must_change = person.user.password_expires_at.is_some();
    let changed = async {
        prove::password(&who.app, &person, posted.get("current")).await?;
        // The password printed at the set-up is no password of the person's own.
        if must_change && posted.get("current") == posted.get("password") {
            return Err(Refusal::PasswordBreached.into());
        }
        let password_hash = prove::new_password(&who.app, &person.user, &person.user.name, posted.get("password")).await?;
        let password_digest = auth::keyed_digest(&who.app.config.secret, "password", posted.get("password"));
        who.submit(&posted.key(), ChangePassword { password_hash, password_digest, keep_session: person.session.id }).await
    };
    match changed.await {
        Ok(outcome) => Ok(super::receipt(&outcome)),
        Err(fault) => security_again(&who, &posted, fault).await,
    }
}

async fn totp(who: Who<Member>, posted: Posted) -> Answer {
    let person = who.person()?.clone();
    let code: String = posted.get("code").chars().filter(char::is_ascii_digit).collect();
    let enrolled = async {
        prove::password(&who.app, &person, posted.get("current")).await?;
        let now = who.app.clock.now();
        let shown = auth::open_totp_secret(&who.app.config.secret, person.user.id, posted.get("secret"), now);
        let secret = shown.ok_or(Refusal::TotpSecretStale)?.to_owned();
        let step = auth::totp_step(&secret, &code, now, 0).ok_or(Refusal::TotpWrong)?;
        who.submit(&posted.key(), EnrolTotp { secret, enrolled: true, step, keep_session: person.session.id }).await
    };
    match enrolled.await {
        Ok(outcome) => Ok(super::receipt(&outcome)),
        Err(fault) => security_again(&who, &posted, fault).await,
    }
}

async fn totp_remove(who: Who<Member>, posted: Posted) -> Answer {
    let person = who.person()?.clone();
    let removed = async {
        prove::password(&who.app, &person, posted.get("current")).await?;
        let step = prove::code(&who.app, &person, posted.get("code")).await?;
        let keep_session = person.session.id;
        who.submit(&posted.key(), EnrolTotp { secret: String::new(), enrolled: false, step, keep_session }).await
    };
    match removed.await {
        Ok(outcome) => Ok(super::receipt(&outcome)),
        Err(fault) => security_again(&who, &posted, fault).await,
    }
}

async fn revoke(who: Who<Member>, id: Id, posted: Posted) -> Answer {
    end_sessions(&who, &posted, RevokeSessions { session_id: Some(SessionId(id.0)), keep_session: SessionId(0) }).await
}

async fn revoke_others(who: Who<Member>, posted: Posted) -> Answer {
    let keep_session = who.person()?.session.id;
    end_sessions(&who, &posted, RevokeSessions { session_id: None, keep_session }).await
}

/// To end a person's sessions, the caller must know the password: a session alone is not enough.
async fn end_sessions(who: &Who<Member>, posted: &Posted, command: RevokeSessions) -> Answer {
    let ended = async {
        prove::password(&who.app, who.person()?, posted.get("current")).await?;
        who.submit(&posted.key(), command).await
    };
    match ended.await {
        Ok(_) => Ok(see_other("/account/security")),
        Err(fault) => security_again(who, posted, fault).await,
    }
}
