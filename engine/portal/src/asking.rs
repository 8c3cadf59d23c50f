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

use crate::api::document;
use crate::routes::{ROUTES, Route, Who};
use crate::viewer::Viewer;
use crate::words::Language;
use crate::{Portal, assets, pages, secret, sign_in};

/// A request, when it is known who asks.
#[derive(Clone)]
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

    /// All values of a field of the form, without those that are empty.
    pub(crate) fn fields(&self, name: &str) -> Vec<String> {
        let of = self.form.iter().filter(|(key, value)| key == name && !value.trim().is_empty());
        of.map(|(_, value)| value.trim().to_owned()).collect()
    }

    /// A field of the form that is more than blanks.
    pub(crate) fn told(&self, name: &str) -> Option<String> {
        self.field(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A box of the form that is ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.field(name).is_some_and(|value| matches!(value, "true" | "on" | "1"))
    }

    /// A number of the form or, where there is none, of the query.
    ///
    /// # Errors
    /// It is not there, or is no number.
    pub(crate) fn number(&self, name: &str) -> Result<i64, Fault> {
        let text = self.field(name).map(str::to_owned).or_else(|| self.key(name)).unwrap_or_default();
        text.parse().map_err(|_| Fault::Wrong(format!("{name}={text}: expected a number")))
    }

    /// How many rows are asked for, where nobody says so `default`.
    ///
    /// # Errors
    /// It is no number, or too large.
    pub(crate) fn limit(&self, default: u16) -> Result<u16, Fault> {
        let Some(text) = self.key("limit") else { return Ok(default) };
        text.parse().ok().filter(|limit| (1..=store::view::LIMIT_MAX).contains(limit)).ok_or_else(|| {
            Fault::Wrong(format!("limit={text}: expected a number from 1 to {}", store::view::LIMIT_MAX))
        })
    }

    /// Where a form leads when it is done: the page that it stood on if it says so, else this one.
    pub(crate) fn back(&self, default: &str) -> Response {
        sign_in::to(self.field("back").and_then(sign_in::local).unwrap_or(default))
    }

    /// Only the keys that this page knows.
    ///
    /// # Errors
    /// The first key that it does not know, and those that it does.
    pub(crate) fn knows(&self, keys: &[&str]) -> Result<(), Fault> {
        let mut asked = form_urlencoded::parse(self.query.as_bytes());
        match asked.find(|(key, _)| !keys.contains(&key.as_ref())) {
            None => Ok(()),
            Some((key, _)) if keys.is_empty() => Err(Fault::Wrong(format!("{key}: there is nothing to ask for here"))),
            Some((key, _)) => Err(Fault::Wrong(format!("{key}: expected one of {}", keys.join(", ")))),
        }
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
    /// Somebody else was first, or it is not so any more.
    Conflict(String),
    /// Somebody else deals with it.
    Taken {
        /// Who, as people call them.
        by: String,
        /// Since when.
        since: Moment,
    },
    /// Somebody changed it meanwhile.
    Overtaken {
        /// Who.
        by: String,
        /// When.
        at: Moment,
    },
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
            office::Error::Overtaken { by, at } => Fault::Overtaken { by, at: Moment(at) },
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
            Fault::Conflict(_) | Fault::Taken { .. } | Fault::Overtaken { .. } => StatusCode::CONFLICT,
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
        let filter = match route.method {
            Method::POST => MethodFilter::POST,
            Method::PUT => MethodFilter::PUT,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
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
        guarded(refuse(&state.0, &Fault::NotFound, language, is_api, "", None))
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
    let Ok(_turn) = turn else { return refuse(&portal, &Fault::Busy, browser, is_api, "", None) };
    let now = (portal.parts.now)();
    let address = address(from, request.headers(), &portal.parts.settings.public_url);
    let (head, body) = request.into_parts();
    let signed = match sign_in::who(&portal, &head.headers, is_api, now).await {
        Ok(signed) => signed,
        Err(fault) => return refuse(&portal, &fault, browser, is_api, "", None),
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
    // Without its form: a page that says why there is none needs no more than who asked for what.
    let kept = asking.clone();
    let response = match answered(route, &mut asking, &head.headers, body).await {
        Ok(()) => (route.answer)(asking).await,
        Err(fault) => Err(fault),
    };
    response.unwrap_or_else(|fault| refuse(&portal, &fault, language, is_api, &next, Some(&kept)))
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
    let (role, powers) = (viewer.map(|viewer| viewer.role), viewer.map(|viewer| viewer.powers).unwrap_or_default());
    if !route.who.allows(role, powers) {
        return Err(match (role, route.who) {
            (None, _) => Fault::SignIn,
            (_, Who::Actor | Who::Writer | Who::Viewer) => Fault::Forbidden("forbidden-act"),
            _ => Fault::Forbidden("forbidden-role"),
        });
    }
    if route.method != Method::GET {
        let kb_max = asking.portal.parts.settings.form_kb_max as usize;
        let bytes = to_bytes(body, kb_max * 1024)
            .await
            .map_err(|_| Fault::Wrong(format!("a form has at most {kb_max} kB: `form_kb_max` under [portal]")))?;
        asking.form = form(headers, &bytes)?;
        may_send(asking, headers)?;
    }
    if let Some(operation) = document::operation(route) {
        document::check(operation, asking)?;
    }
    Ok(())
}

/// A value of a JSON object as a form has it.
fn text_in(key: &str, value: serde_json::Value) -> Result<String, Fault> {
    match value {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        serde_json::Value::Bool(is) => Ok(is.to_string()),
        _ => Err(Fault::Wrong(format!("{key}: expected a text, a number, true, false, or a list of these"))),
    }
}

/// A form, or a JSON object of texts, numbers, flags and lists of them.
fn form(headers: &HeaderMap, bytes: &[u8]) -> Result<Vec<(String, String)>, Fault> {
    let kind = text_of(headers, header::CONTENT_TYPE);
    if kind.starts_with("application/json") {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes)
            .map_err(|error| Fault::Wrong(format!("the body is no JSON object: {error}")))?;
        let mut fields = Vec::new();
        for (key, value) in object {
            match value {
                serde_json::Value::Null => {}
                serde_json::Value::Array(values) => {
                    for value in values {
                        fields.push((key.clone(), text_in(&key, value)?));
                    }
                }
                value => fields.push((key.clone(), text_in(&key, value)?)),
            }
        }
        return Ok(fields);
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
pub(crate) fn refuse(
    portal: &Portal,
    fault: &Fault,
    language: Language,
    is_api: bool,
    next: &str,
    asking: Option<&Asking>,
) -> Response {
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
    (status, pages::broken(portal, fault, language, asking)).into_response()
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
