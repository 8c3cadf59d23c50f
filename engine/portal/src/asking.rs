//! From a request to an answer: who asks, whether they may, what they sent; and the headers that every answer has.

use std::net::SocketAddr;
use std::sync::Arc;

use adapters::leg::Moment;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use directory::Directory;

use crate::routes::{ROUTES, Route, Who};
use crate::viewer::Viewer;
use crate::words::Language;
use crate::{Portal, assets, pages, secret, sign_in};

/// A request, when it is known who asks.
pub struct Asking {
    pub(crate) portal: Arc<Portal>,
    /// `None`: nobody signed in.
    pub(crate) viewer: Option<Viewer>,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) path: String,
    pub(crate) query: String,
    /// What a form or a JSON object of texts sent.
    pub(crate) form: Vec<(String, String)>,
    pub(crate) language: Language,
    /// The address that the request came from.
    pub(crate) address: String,
    /// Of the browser, as it says.
    pub(crate) agent: String,
    /// The secret of the sign-in, where there is one.
    pub(crate) secret: Option<String>,
    /// The moment of the request.
    pub(crate) now: Moment,
}

impl Asking {
    /// Who asks.
    ///
    /// # Errors
    /// Nobody signed in: [`Who`] lets nobody come so far.
    pub(crate) fn viewer(&self) -> Result<&Viewer, Fault> {
        self.viewer.as_ref().ok_or(Fault::SignIn)
    }

    /// The company of whoever asks.
    ///
    /// # Errors
    /// There is none of that name any more.
    pub(crate) fn directory(&self) -> Result<Arc<Directory>, Fault> {
        let tenant = self.viewer()?.tenant();
        let found = self.portal.parts.directories.get(tenant).cloned();
        found.ok_or_else(|| Fault::Broken(format!("no company is called {tenant}")))
    }

    /// A part of the address.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// A field of the form.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A key of the query.
    pub(crate) fn key(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Fault {
    /// Nobody signed in.
    SignIn,
    /// They may not.
    Forbidden(&'static str),
    /// There is no such thing, or none that they may see.
    NotFound,
    /// What was asked cannot be: what, where, and what would have worked.
    Wrong(String),
    /// Somebody else was first.
    Conflict(String),
    /// Too often.
    TooMany,
    /// Too many at once.
    Busy,
    /// Something of ours: it is logged, and not shown.
    Broken(String),
}

impl Fault {
    /// What the office says no to.
    pub(crate) fn of_office(error: office::Error) -> Fault {
        match error {
            office::Error::NotFound { .. } => Fault::NotFound,
            office::Error::Invalid { what } => Fault::Wrong(what),
            office::Error::Forbidden { .. } => Fault::Forbidden("forbidden-role"),
            error @ office::Error::Overtaken { .. } => Fault::Conflict(error.to_string()),
            office::Error::Busy { .. } => Fault::Busy,
            error => Fault::Broken(error.to_string()),
        }
    }

    /// What the store says no to.
    pub(crate) fn of_store(error: &(dyn std::error::Error + 'static)) -> Fault {
        let mut said = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            said = format!("{said}: {error}");
            source = error.source();
        }
        Fault::Broken(said)
    }

    /// The status that says so.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Fault::SignIn => StatusCode::UNAUTHORIZED,
            Fault::Forbidden(_) => StatusCode::FORBIDDEN,
            Fault::NotFound => StatusCode::NOT_FOUND,
            Fault::Wrong(_) => StatusCode::BAD_REQUEST,
            Fault::Conflict(_) => StatusCode::CONFLICT,
            Fault::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Fault::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The addresses of the portal.
pub(crate) fn router(portal: Arc<Portal>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let filter = if route.method == Method::POST { MethodFilter::POST } else { MethodFilter::GET };
        let answer = move |state: State<Arc<Portal>>,
                           from: ConnectInfo<SocketAddr>,
                           params: RawPathParams,
                           request: Request| async move {
            guarded(answer(route, state.0, from.0, &params, request).await)
        };
        router = router.route(route.path, on(filter, answer));
    }
    let assets = |request: Request| async move { guarded(assets::answer(request.uri().path())) };
    let nothing = |state: State<Arc<Portal>>, request: Request| async move {
        let language = language(request.headers(), None);
        let is_api = request.uri().path().starts_with("/api/");
        guarded(refuse(&state.0, &Fault::NotFound, language, is_api, ""))
    };
    router.route("/assets/{hash}/{name}", axum::routing::get(assets)).fallback(nothing).with_state(portal)
}

async fn answer(
    route: &'static Route,
    portal: Arc<Portal>,
    from: SocketAddr,
    params: &RawPathParams,
    request: Request,
) -> Response {
    let browser = language(request.headers(), None);
    let path = request.uri().path().to_owned();
    let is_api = path.starts_with("/api/");
    // A stream of events waits for most of its life: it has turns of its own.
    let turn = if path == "/live" { Ok(None) } else { portal.turns.try_acquire().map(Some) };
    let Ok(_turn) = turn else { return refuse(&portal, &Fault::Busy, browser, is_api, "") };
    let now = (portal.parts.now)();
    let address = address(from, request.headers(), &portal.parts.settings.public_url);
    let (head, body) = request.into_parts();
    let signed = match sign_in::who(&portal, &head.headers, is_api, now).await {
        Ok(signed) => signed,
        Err(fault) => return refuse(&portal, &fault, browser, is_api, ""),
    };
    let language = language(&head.headers, signed.viewer.as_ref().and_then(|viewer| viewer.language));
    let mut asking = Asking {
        viewer: signed.viewer,
        params: params.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        form: Vec::new(),
        language,
        agent: text_of(&head.headers, header::USER_AGENT).chars().take(AGENT_CHARS_MAX).collect(),
        secret: signed.secret,
        portal: Arc::clone(&portal),
        address,
        path,
        now,
    };
    let next = next_of(&asking, &head.method);
    match answered(route, &mut asking, &head.headers, body).await {
        Ok(()) => match (route.answer)(asking).await {
            Ok(response) => response,
            Err(fault) => refuse(&portal, &fault, language, is_api, &next),
        },
        Err(fault) => refuse(&portal, &fault, language, is_api, &next),
    }
}

/// Characters of what a browser says of itself that are kept.
const AGENT_CHARS_MAX: usize = 200;

/// Whether it may be answered; what was sent is read for whoever may.
async fn answered(route: &Route, asking: &mut Asking, headers: &HeaderMap, body: Body) -> Result<(), Fault> {
    let viewer = asking.viewer.as_ref();
    let asker = viewer.map_or(asking.address.as_str(), |viewer| viewer.login.as_str());
    if !asking.portal.rates.may(asker, asking.now) {
        return Err(Fault::TooMany);
    }
    let (role, may_act) = (viewer.map(|viewer| viewer.role), viewer.is_some_and(|viewer| viewer.may_act));
    if !route.who.allows(role, may_act) {
        return Err(match (role, route.who) {
            (None, _) => Fault::SignIn,
            (_, Who::Actor) => Fault::Forbidden("forbidden-act"),
            _ => Fault::Forbidden("forbidden-role"),
        });
    }
    if route.method == Method::POST {
        let kb_max = asking.portal.parts.settings.form_kb_max as usize;
        let bytes = to_bytes(body, kb_max * 1024)
            .await
            .map_err(|_| Fault::Wrong(format!("a form has at most {kb_max} kB: `form_kb_max` under [portal]")))?;
        asking.form = form(headers, &bytes)?;
        may_send(asking, headers)?;
    }
    Ok(())
}

/// A form, or a JSON object whose values are texts.
fn form(headers: &HeaderMap, bytes: &[u8]) -> Result<Vec<(String, String)>, Fault> {
    let kind = text_of(headers, header::CONTENT_TYPE);
    if kind.starts_with("application/json") {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes)
            .map_err(|error| Fault::Wrong(format!("the body is no JSON object: {error}")))?;
        let text = |(key, value): (String, serde_json::Value)| match value {
            serde_json::Value::String(text) => Ok((key, text)),
            serde_json::Value::Number(number) => Ok((key, number.to_string())),
            other => Err(Fault::Wrong(format!("{key}: expected a text, not {other}"))),
        };
        return object.into_iter().map(text).collect();
    }
    Ok(form_urlencoded::parse(bytes).into_owned().collect())
}

/// A form comes from a page of ours: browsers say where it came from, and it carries what only our pages have. Who came with a token
/// was sent by no other page.
fn may_send(asking: &Asking, headers: &HeaderMap) -> Result<(), Fault> {
    let expected = match &asking.viewer {
        Some(Viewer { csrf: None, .. }) => return Ok(()),
        Some(Viewer { csrf: Some(csrf), .. }) => Some(csrf.as_str()),
        None => None,
    };
    let site = text_of(headers, "sec-fetch-site");
    let origin = text_of(headers, header::ORIGIN);
    let host = text_of(headers, header::HOST);
    let is_of_origin = origin.split_once("://").is_some_and(|(_, of)| of == host)
        || origin == asking.portal.parts.settings.public_url.trim_end_matches('/') && !origin.is_empty();
    let is_ours = match (site, origin) {
        ("same-origin", _) => true,
        ("", "") => expected.is_some(),
        ("", _) => is_of_origin,
        _ => false,
    };
    let has_it = expected.is_none_or(|csrf| secret::is_same(csrf, asking.field("csrf").unwrap_or_default()));
    if is_ours && has_it { Ok(()) } else { Err(Fault::Forbidden("forbidden-form")) }
}

/// Where a browser is sent after signing in: the page that it asked for.
fn next_of(asking: &Asking, method: &Method) -> String {
    match (method == Method::GET, asking.query.is_empty()) {
        (true, true) => asking.path.clone(),
        (true, false) => format!("{}?{}", asking.path, asking.query),
        (false, _) => String::new(),
    }
}

/// An answer that says why there is none.
pub(crate) fn refuse(portal: &Portal, fault: &Fault, language: Language, is_api: bool, next: &str) -> Response {
    let status = fault.status();
    if let Fault::Broken(what) = fault {
        (portal.parts.say)(&format!("portal: {what}"));
    }
    if is_api {
        return crate::api::problem(status, fault);
    }
    if matches!(fault, Fault::SignIn) {
        return sign_in::ask_to(next);
    }
    (status, pages::broken(portal, fault, language)).into_response()
}

/// Nothing of ours is put into another's page, loads anything from elsewhere, or is kept by what stands between.
fn guarded(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
        form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A header's text; empty where there is none.
pub(crate) fn text_of(headers: &HeaderMap, name: impl header::AsHeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What they said, else the browser's.
fn language(headers: &HeaderMap, told: Option<Language>) -> Language {
    told.or_else(|| Language::accepted(text_of(headers, header::ACCEPT_LANGUAGE))).unwrap_or_default()
}

/// The address that a request came from; where something stands before the portal, the last one that it names (RFC 7239 calls it a
/// proxy): it adds its own peer at the end, and what stands before that could be anybody's words.
fn address(from: SocketAddr, headers: &HeaderMap, public_url: &str) -> String {
    let forwarded = text_of(headers, "x-forwarded-for").rsplit(',').next().unwrap_or_default().trim();
    match !public_url.is_empty() && from.ip().is_loopback() && forwarded.parse::<std::net::IpAddr>().is_ok() {
        true => forwarded.to_owned(),
        false => from.ip().to_string(),
    }
}
