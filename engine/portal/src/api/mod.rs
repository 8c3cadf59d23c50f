//! The API, with the keys of the pages: the same questions, asked as the same viewer. Whoever has a bearer token asks; a browser that
//! signed in may read it too.

pub(crate) mod access;
pub(crate) mod calls;
pub(crate) mod document;
pub(crate) mod follow_ups;
mod operations;
pub(crate) mod shown;
pub(crate) mod views;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::asking::Fault;
use crate::pages::rfc3339;

/// Why there is no answer (RFC 9457).
pub(crate) fn problem(status: StatusCode, fault: &Fault) -> Response {
    let detail = match fault {
        Fault::SignIn => "a bearer token is needed: `ringback user token` makes one".to_owned(),
        Fault::Forbidden(_) => "this token may not do that".to_owned(),
        Fault::NotFound => "there is no such thing, or none that you may see".to_owned(),
        Fault::Wrong(what) | Fault::Conflict(what) => what.clone(),
        Fault::Taken { by, since } => format!("{by} deals with it since {}", rfc3339(*since)),
        Fault::Overtaken { by, at } => format!("changed by {by} at {}: look at it again", rfc3339(*at)),
        Fault::TooMany => "too many requests in this minute".to_owned(),
        Fault::Busy => "too many requests at once: try again".to_owned(),
        Fault::Broken(_) => "something went wrong here, and was written to the log".to_owned(),
    };
    let title = status.canonical_reason().unwrap_or("error");
    let mut body = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
    if let Fault::Taken { by, since } = fault {
        body["holder"] = by.as_str().into();
        body["since"] = rfc3339(*since).into();
    }
    if let Fault::Overtaken { by, at } = fault {
        body["changed_by"] = by.as_str().into();
        body["changed_at"] = rfc3339(*at).into();
    }
    let mut response = (status, Json(body)).into_response();
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
