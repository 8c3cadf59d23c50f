//! Signing in by password, and who a cookie or a token belongs to.

use adapters::leg::Moment;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::asking::{Asking, Fault, text_of};
use crate::viewer::{Powers, Role, Viewer, scope};
use crate::words::Language;
use crate::{Portal, pages, password, secret};

/// Who a request comes from.
#[derive(Default)]
pub(crate) struct Signed {
    pub(crate) viewer: Option<Viewer>,
    pub(crate) secret: Option<String>,
}

/// The cookie of a sign-in; its name keeps other hosts from setting it where it goes over TLS alone.
fn cookie_name(is_secure: bool) -> &'static str {
    if is_secure { "__Host-ringback" } else { "ringback" }
}

/// Of what a browser holds.
const SECRET_BYTES: usize = 32;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Who asks: by the cookie of a sign-in, or of the API by a bearer token (RFC 6750, section 2.1). Who brings neither is nobody, who brings
/// a token that is none is refused.
pub(crate) async fn who(portal: &Portal, headers: &HeaderMap, is_api: bool, now: Moment) -> Result<Signed, Fault> {
    let bearer = text_of(headers, header::AUTHORIZATION).strip_prefix("Bearer ").map(str::trim);
    if let Some(token) = bearer.filter(|_| is_api) {
        let hash = secret::hash(token);
        let found = portal.ask(move |office| office.token_of(&hash, now.0)).await?;
        let Some((token, login)) = found else { return Err(Fault::SignIn) };
        let powers = Powers::of_scopes(&token.scopes, portal.parts.acts);
        return Ok(Signed { viewer: viewer(portal, &login, powers, None), secret: None });
    }
    let Some(held) = cookie(headers, cookie_name(portal.parts.settings.is_secure())) else {
        return Ok(Signed::default());
    };
    let hash = secret::hash(&held);
    let idle_max_ms = i64::from(portal.parts.settings.idle_minutes_max) * MINUTE_MS;
    let Some(sign_in) = portal.ask(move |office| office.sign_in_of(&hash, now.0, idle_max_ms)).await? else {
        return Ok(Signed::default());
    };
    let csrf = secret::csrf(&held);
    let powers = Powers::of_sign_in(portal.parts.acts);
    Ok(Signed { viewer: viewer(portal, &sign_in.login, powers, Some(csrf)), secret: Some(held) })
}

/// A login of a company that is gone, or of a role that this version does not know, sees nothing.
fn viewer(portal: &Portal, login: &office::Login, powers: Powers, csrf: Option<String>) -> Option<Viewer> {
    let directory = portal.parts.directories.get(&login.tenant)?;
    let role = Role::of_word(&login.role)?;
    Some(Viewer {
        login: login.login.clone(),
        role,
        person: login.person.clone(),
        language: login.language.as_deref().and_then(Language::of_code),
        scope: scope(role, login.person.as_deref(), &login.groups, directory),
        powers,
        csrf,
    })
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut each = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    each.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value.to_owned())
}

/// `GET /sign-in`
///
/// # Errors
/// None.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    if asking.viewer.is_some() {
        return Ok(to("/missed"));
    }
    let next = asking.key("next").unwrap_or_default();
    form(&asking, StatusCode::OK, None, &next)
}

fn form(asking: &Asking, status: StatusCode, wrong: Option<&str>, next: &str) -> Result<Response, Fault> {
    let frame = pages::frame_of_nobody(&asking.portal, asking.language, "sign-in-title", asking.now);
    // A link may name the login.
    let login = asking.field("login").map(str::to_owned).or_else(|| asking.key("login")).unwrap_or_default();
    let told = json!({"wrong": wrong, "next": next, "login": login});
    Ok((status, pages::show(&asking.portal, "pages/sign_in", &frame, told)?).into_response())
}

/// `POST /sign-in`
///
/// # Errors
/// As of the office.
pub(crate) async fn sign_in(asking: Asking) -> Result<Response, Fault> {
    let login = asking.field("login").unwrap_or_default().trim().to_lowercase();
    let typed = asking.field("password").unwrap_or_default().to_owned();
    let next = asking.field("next").unwrap_or_default().to_owned();
    let settings = &asking.portal.parts.settings;
    let (name, address, now) = (login.clone(), asking.address.clone(), asking.now.0);
    let failures_max = i64::from(settings.failures_max);
    let may = asking.portal.ask(move |office| office.may_sign_in(&name, &address, failures_max, now)).await?;
    if !may {
        return form(&asking, StatusCode::TOO_MANY_REQUESTS, Some("wrong-often"), &next);
    }
    let name = login.clone();
    let found = asking.portal.ask(move |office| office.login(&name)).await?.filter(|login| !login.is_disabled);
    let login_version = found.as_ref().map_or(0, |login| login.version);
    let kept = found.and_then(|login| login.password_hash);
    // Hashing takes tens of milliseconds: on a thread that may.
    let checked = tokio::task::spawn_blocking(move || password::is_right(&typed, kept.as_deref())).await;
    if !checked.unwrap_or(false) {
        return form(&asking, StatusCode::UNAUTHORIZED, Some("wrong-password"), &next);
    }
    let held = secret::new(SECRET_BYTES).map_err(Fault::Broken)?;
    let hours = i64::from(settings.sign_in_hours_max);
    let new = office::NewSignIn {
        secret_hash: secret::hash(&held),
        login,
        login_version,
        now,
        ends_at: now + hours * HOUR_MS,
        agent: asking.agent.clone(),
        address: asking.address.clone(),
        tried_at: now,
    };
    if !asking.portal.ask(move |office| office.sign_in(&new)).await? {
        return form(&asking, StatusCode::UNAUTHORIZED, Some("wrong-password"), &next);
    }
    let mut response = to(local(&next).unwrap_or("/missed"));
    set_cookie(&asking.portal, &mut response, &held, hours * 3600);
    Ok(response)
}

fn set_cookie(portal: &Portal, response: &mut Response, value: &str, age_s: i64) {
    let is_secure = portal.parts.settings.is_secure();
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age_s}{secure}", cookie_name(is_secure));
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// `POST /sign-out`
///
/// # Errors
/// As of the office.
pub(crate) async fn sign_out(asking: Asking) -> Result<Response, Fault> {
    if let Some(held) = &asking.secret {
        let hash = secret::hash(held);
        asking.portal.ask(move |office| office.sign_out(&hash)).await?;
    }
    let mut response = to("/sign-in");
    set_cookie(&asking.portal, &mut response, "", 0);
    Ok(response)
}

/// `POST /language`
///
/// # Errors
/// There are no words in it.
pub(crate) async fn language(asking: Asking) -> Result<Response, Fault> {
    let code = asking.field("language").unwrap_or_default();
    let known = Language::of_code(code);
    let language = known.ok_or_else(|| Fault::Wrong(format!("language={code}: expected en or uk")))?;
    let login = asking.viewer()?.login.clone();
    asking.portal.ask(move |office| office.login_language(&login, language.code())).await?;
    Ok(asking.back("/missed"))
}

/// Whoever is nobody signs in first, and comes back.
pub(crate) fn ask_to(next: &str) -> Response {
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    to(&if next.is_empty() { "/sign-in".to_owned() } else { format!("/sign-in?next={next}") })
}

/// An address that somebody sent, if it is one of ours: no other, and nothing that a browser would take for one.
pub(crate) fn local(address: &str) -> Option<&str> {
    let is_ours = address.starts_with('/') && !address.starts_with("//") && !address.contains(['\\', '\n', '\r']);
    Some(address).filter(|_| is_ours)
}

/// Another page is asked for, with GET whatever this one was.
pub(crate) fn to(address: &str) -> Response {
    match HeaderValue::from_str(address) {
        Ok(address) => (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response(),
        Err(_) => (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/"))]).into_response(),
    }
}
