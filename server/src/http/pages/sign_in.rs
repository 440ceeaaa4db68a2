//! Coming in: password, second factor, invitation, forgotten password, and going out.

use super::super::error::Fault;
use super::super::prove;
use super::super::rights::{Anyone, SESSION_COOKIE, Who};
use super::super::routes::{Params, Posted, Routes, Sender, Token, host_cookie};
use super::super::{local_path, see_other};
use super::{Answer, again};
use crate::auth;
use crate::commands::people::accept_invitation::AcceptInvitation;
use crate::commands::people::request_password_reset::RequestPasswordReset;
use crate::commands::people::reset_password::ResetPassword;
use crate::commands::people::revoke_sessions::RevokeSessions;
use crate::commands::people::sign_in::SignIn;
use crate::commands::{Actor, Outcome, own_key};
use crate::config::{SESSION_MINUTES, TOKEN_MINUTES};
use crate::hash::{random_token, sha256_hex};
use crate::http::Shared;
use actix_web::http::header::{HeaderName, HeaderValue};
use domain::Refusal;
use domain::party::{SessionKind, SignInLinkKind, UserStatus};
use kernel::SessionId;
use store::User;
use store::records::Keyed;
use web::{Block, Field, Form, Page, Tone};

pub fn add_routes(routes: &mut Routes) {
    routes.get("/", root);
    routes.get("/login", login);
    routes.post("/login", login_post);
    routes.get("/login/verify", verify);
    routes.post("/login/verify", verify_post);
    routes.post("/logout", logout);
    routes.get("/password/reset", reset);
    routes.post("/password/reset", reset_post);
    routes.get("/password/reset/{token}", choose);
    routes.post("/password/reset/{token}", choose_post);
    routes.get("/invitations/{token}", invitation);
    routes.post("/invitations/{token}", invitation_post);
}

async fn root(who: Who<Anyone>) -> Answer {
    let inside = who.maybe_person().is_some_and(|person| person.session.kind != SessionKind::Pending);
    Ok(see_other(if inside { "/home" } else { "/login" }))
}

fn login_page(who: &Who<Anyone>, next: &str) -> Page {
    let fields = vec![
        Field::new("email", who.t("field-email"), "email").autocomplete("username"),
        Field::new("password", who.t("field-password"), "password").autocomplete("current-password"),
    ];
    Page::new(who.t("login-title"))
        .form(Form::new("/login", who.t("login-submit"), fields).hidden("next", next))
        .with(Block::Paragraph(who.t("login-forgotten")))
        .with(Block::Links(vec![(who.t("reset-title"), "/password/reset".to_owned())]))
}

async fn login(who: Who<Anyone>, params: Params) -> Answer {
    let mut page = login_page(&who, params.get("next"));
    if who.viewer.ended {
        page.blocks.insert(0, Block::Notice(Tone::Waiting, who.t("login-ended")));
    }
    who.app.page(&who.viewer, page).await
}

/// Begins a session and returns its token and the outcome.
pub async fn begin(
    app: &Shared,
    user: &User,
    kind: SessionKind,
    agent: &str,
    totp_step: i64,
    replaces: SessionId,
    token: String,
) -> Result<(String, Outcome), Fault> {
    let life_minutes = match kind {
        SessionKind::Pending => 10,
        SessionKind::Api => TOKEN_MINUTES,
        SessionKind::Page => SESSION_MINUTES,
    };
    let command = SignIn {
        token_hash: sha256_hex(token.as_bytes()),
        csrf: random_token(),
        kind,
        agent: agent.to_owned(),
        life_minutes,
        totp_step,
        replaces,
    };
    let outcome = app.submit(Actor::person(user.party_id, user.id), random_token(), command).await?;
    if kind != SessionKind::Pending {
        prove::forget_tries(app, user.id);
    }
    Ok((token, outcome))
}

async fn login_post(who: Who<Anyone>, sender: Sender, posted: Posted) -> Answer {
    let user = match prove::credentials(&who.app, &sender, posted.get("email"), posted.get("password")).await {
        Ok(user) => user,
        Err(fault) => return again(&who, login_page(&who, posted.get("next")), &posted, fault, "").await,
    };
    let next = local_path(posted.get("next"));
    let second = !user.totp_secret.is_empty();
    let kind = if second { SessionKind::Pending } else { SessionKind::Page };
    let (token, _) = begin(&who.app, &user, kind, &sender.agent, 0, SessionId(0), random_token()).await?;
    let place = if second { format!("/login/verify?next={}", super::super::routes::encode(next)) } else { landing(next) };
    with_session(&place, token)
}

fn landing(next: &str) -> String {
    if next == "/" { "/home".to_owned() } else { next.to_owned() }
}

fn with_session(place: &str, token: String) -> Answer {
    let mut response = see_other(place);
    response.add_cookie(&host_cookie(SESSION_COOKIE, token, None)).map_err(|error| Fault::Failed(error.to_string()))?;
    Ok(response)
}

fn verify_page(who: &Who<Anyone>, next: &str) -> Page {
    let field = Field::new("code", who.t("field-code"), "code").hint(who.t("verify-hint")).autocomplete("one-time-code");
    Page::new(who.t("verify-title")).form(Form::new("/login/verify", who.t("verify-submit"), vec![field]).hidden("next", next))
}

async fn verify(who: Who<Anyone>, params: Params) -> Answer {
    let page = verify_page(&who, params.get("next"));
    who.app.page(&who.viewer, page).await
}

async fn verify_post(who: Who<Anyone>, sender: Sender, posted: Posted) -> Answer {
    let pending = who.maybe_person().filter(|person| person.session.kind == SessionKind::Pending);
    let Some(person) = pending else { return Ok(see_other("/login")) };
    match prove::code(&who.app, person, posted.get("code")).await {
        Ok(step) => {
            let (token, _) =
                begin(&who.app, &person.user, SessionKind::Page, &sender.agent, step, person.session.id, random_token()).await?;
            with_session(&landing(local_path(posted.get("next"))), token)
        }
        // Locked, or wrong too often: the same as at the password.
        Err(Fault::TooMany { .. }) => {
            again(&who, verify_page(&who, posted.get("next")), &posted, Refusal::SignInFailed.into(), "").await
        }
        Err(fault) => again(&who, verify_page(&who, posted.get("next")), &posted, fault, "").await,
    }
}

async fn logout(who: Who<Anyone>, _posted: Posted) -> Answer {
    if let Some(person) = who.maybe_person() {
        let command = RevokeSessions { session_id: Some(person.session.id), keep_session: SessionId(0) };
        who.app.submit(person.actor(), random_token(), command).await?;
    }
    let mut response = see_other("/login");
    let everything = HeaderValue::from_static("\"cache\", \"cookies\", \"storage\"");
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), everything);
    response
        .add_removal_cookie(&host_cookie(SESSION_COOKIE, String::new(), None))
        .map_err(|error| Fault::Failed(error.to_string()))?;
    Ok(response)
}

fn reset_page(who: &Who<Anyone>) -> Page {
    let field = Field::new("email", who.t("field-email"), "email").autocomplete("username");
    Page::new(who.t("reset-title")).with(Block::Paragraph(who.t("reset-lead"))).form(Form::new(
        "/password/reset",
        who.t("reset-submit"),
        vec![field],
    ))
}

async fn reset(who: Who<Anyone>) -> Answer {
    let page = reset_page(&who);
    who.app.page(&who.viewer, page).await
}

/// The same answer whether or not anybody has the address; the mail goes out in the background.
async fn reset_post(who: Who<Anyone>, sender: Sender, posted: Posted) -> Answer {
    prove::may_ask_reset(&who.app, &sender)?;
    let (app, email) = (who.app.clone(), domain::names::mail_address(posted.get("email")));
    actix_web::rt::spawn(async move {
        let found = app.read(move |conn| Ok(store::people::find_user_by_email(conn, &email)?)).await;
        if let Ok(Some(user)) = found
            && user.status == UserStatus::Active
            && prove::may_mail_reset(&app, user.id)
        {
            let command = RequestPasswordReset { user_id: user.id, token: random_token() };
            let _ = app.submit(Actor::DOOR, random_token(), command).await;
        }
    });
    let page = Page::new(who.t("reset-title")).with(Block::Notice(Tone::Waiting, who.t("reset-sent")));
    who.app.page(&who.viewer, page).await
}

/// The user of an open link, or "not found".
async fn link_user(app: &Shared, sender: &Sender, kind: SignInLinkKind, token: &str) -> Result<User, Fault> {
    prove::may_look_at_link(app, sender)?;
    let (hash, now) = (sha256_hex(token.as_bytes()), app.clock.now());
    app.read(move |conn| {
        let link = store::people::find_link(conn, kind, &hash)?;
        let open = link.filter(|link| link.used_at.is_none() && link.expires_at > now).ok_or(Refusal::LinkInvalid)?;
        Ok(User::load(conn, open.user_id)?)
    })
    .await
}

fn password_fields(who: &Who<Anyone>) -> Vec<Field> {
    vec![
        Field::new("password", who.t("field-new-password"), "password").hint(who.t("password-hint")).autocomplete("new-password"),
    ]
}

/// The hash of the password that a person has chosen by a link.
async fn hashed(app: &Shared, token: &Token, user: &User, name: &str, typed: &str) -> Result<String, Fault> {
    prove::may_set_password(app, &sha256_hex(token.0.as_bytes()))?;
    prove::new_password(app, user, name, typed).await
}

/// Binds a link's key to the password that was chosen with it.
fn password_digest(who: &Who<Anyone>, posted: &Posted) -> String {
    auth::keyed_digest(&who.app.config.secret, "password", posted.get("password"))
}

fn choose_page(who: &Who<Anyone>, token: &str) -> Page {
    Page::new(who.t("choose-title")).form(Form::new(
        format!("/password/reset/{token}"),
        who.t("choose-submit"),
        password_fields(who),
    ))
}

async fn choose(who: Who<Anyone>, sender: Sender, token: Token) -> Answer {
    link_user(&who.app, &sender, SignInLinkKind::Reset, &token.0).await?;
    let page = choose_page(&who, &token.0);
    who.app.page(&who.viewer, page).await
}

async fn choose_post(who: Who<Anyone>, sender: Sender, token: Token, posted: Posted) -> Answer {
    let user = link_user(&who.app, &sender, SignInLinkKind::Reset, &token.0).await?;
    let password_hash = match hashed(&who.app, &token, &user, &user.name, posted.get("password")).await {
        Ok(hash) => hash,
        Err(fault) => return again(&who, choose_page(&who, &token.0), &posted, fault, "").await,
    };
    let (token_hash, password_digest) = (sha256_hex(token.0.as_bytes()), password_digest(&who, &posted));
    let key = own_key("reset", &[&token_hash]);
    who.app.submit(Actor::DOOR, key, ResetPassword { token_hash, password_hash, password_digest }).await?;
    prove::forget_all(&who.app, user.id);
    Ok(see_other("/login"))
}

fn invitation_page(who: &Who<Anyone>, user: &User, token: &str) -> Page {
    let mut fields = vec![Field::new("name", who.t("field-name"), "text").value(user.name.clone()).autocomplete("name")];
    fields.extend(password_fields(who));
    let languages = vec![("en".to_owned(), "English".to_owned()), ("zh".to_owned(), "简体中文".to_owned())];
    fields.push(Field::new("language", who.t("field-language"), "select").options(languages).value(who.language().code()));
    Page::new(who.t("invitation-title"))
        .with(Block::Paragraph(who.language().fill("invitation-lead", &[("email", user.email.clone())])))
        .form(Form::new(format!("/invitations/{token}"), who.t("invitation-submit"), fields))
}

async fn invitation(who: Who<Anyone>, sender: Sender, token: Token) -> Answer {
    let user = link_user(&who.app, &sender, SignInLinkKind::Invitation, &token.0).await?;
    let page = invitation_page(&who, &user, &token.0);
    who.app.page(&who.viewer, page).await
}

async fn invitation_post(who: Who<Anyone>, sender: Sender, token: Token, posted: Posted) -> Answer {
    let user = link_user(&who.app, &sender, SignInLinkKind::Invitation, &token.0).await?;
    let accepted = async {
        let password_hash = hashed(&who.app, &token, &user, posted.get("name"), posted.get("password")).await?;
        let (name, language) = (posted.get("name").to_owned(), posted.get("language").to_owned());
        let (token_hash, password_digest) = (sha256_hex(token.0.as_bytes()), password_digest(&who, &posted));
        let key = own_key("invitation", &[&token_hash]);
        let command = AcceptInvitation { token_hash, password_hash, password_digest, name, language };
        who.app.submit(Actor::DOOR, key, command).await
    };
    match accepted.await {
        Ok(_) => Ok(see_other("/login?next=%2Faccount%2Fsecurity")),
        Err(fault) => again(&who, invitation_page(&who, &user, &token.0), &posted, fault, "").await,
    }
}
