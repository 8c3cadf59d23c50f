//! The API, with the keys of the pages: the same questions, asked as the same viewer. Whoever has a bearer token asks; a browser that
//! signed in may read it too.

pub(crate) mod calls;
pub(crate) mod follow_ups;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::asking::Fault;

/// Why there is no answer (RFC 9457).
pub(crate) fn problem(status: StatusCode, fault: &Fault) -> Response {
    let detail = match fault {
        Fault::SignIn => "a bearer token is needed: `ringback user token` makes one".to_owned(),
        Fault::Forbidden(_) => "this token may not do that".to_owned(),
        Fault::NotFound => "there is no such thing, or none that you may see".to_owned(),
        Fault::Wrong(what) | Fault::Conflict(what) => what.clone(),
        Fault::TooMany => "too many requests in this minute".to_owned(),
        Fault::Busy => "too many requests at once: try again".to_owned(),
        Fault::Broken(_) => "something went wrong here, and was written to the log".to_owned(),
    };
    let title = status.canonical_reason().unwrap_or("error");
    let body = Json(json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail}));
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// An answer.
pub(crate) fn answer(body: Value) -> Response {
    Json(body).into_response()
}
