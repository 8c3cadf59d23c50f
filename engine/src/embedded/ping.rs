//! Asking a database over HTTP whether it is there, and which one it is.

use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::Error;

/// How long one question may take.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(5);
/// Between two questions to one who does not answer yet.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// An answer is a word or two, or a page of somebody else's.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Waits until the database at `url` answers its ping.
pub(crate) async fn until_it_answers(url: &str, wait_max: Duration) -> Result<(), Error> {
    let started_at = Instant::now();
    loop {
        let why = match ask(url, "ping", "").await {
            Ok(answer) if answer.starts_with("Ok") => return Ok(()),
            Ok(answer) => format!("it answered `{}`", answer.trim()),
            Err(why) => why,
        };
        if started_at.elapsed() > wait_max {
            return Err(Error::NoAnswer { url: without_password(url), why });
        }
        sleep(ASK_AGAIN_AFTER).await;
    }
}

/// The version of the database at `url`.
pub(crate) async fn version(url: &str) -> Result<String, Error> {
    match ask(url, "", "SELECT version()").await {
        Ok(answer) => Ok(answer.trim().to_string()),
        Err(why) => Err(Error::NoAnswer { url: without_password(url), why }),
    }
}

/// Posts `statement` to a path of the database, with the name and password of its URL.
pub(crate) async fn ask(url: &str, path: &str, statement: &str) -> Result<String, String> {
    timeout(ANSWER_WAIT_MAX, ask_without_limit(url, path, statement))
        .await
        .unwrap_or_else(|_| Err(format!("no answer for {} s", ANSWER_WAIT_MAX.as_secs())))
}

async fn ask_without_limit(url: &str, path: &str, statement: &str) -> Result<String, String> {
    let uri: Uri = url.parse().map_err(|error| format!("this is no URL: {error}"))?;
    let host = uri.host().ok_or("the URL has no host")?;
    let port = uri.port_u16().unwrap_or(8123);
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);

    let target = match (path, uri.query()) {
        ("", Some(query)) => format!("/?{query}"),
        _ => format!("/{path}"),
    };
    let mut request = Request::post(target).header(header::HOST, format!("{host}:{port}"));
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if let Some((user_info, _)) = authority.rsplit_once('@') {
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let pair = format!("{}:{}", percent_decoded(user), percent_decoded(password));
        let basic = base64::engine::general_purpose::STANDARD.encode(pair);
        request = request.header(header::AUTHORIZATION, format!("Basic {basic}"));
    }
    let body = Full::new(Bytes::copy_from_slice(statement.as_bytes()));
    let request = request.body(body).map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    if status == StatusCode::OK { Ok(text) } else { Err(format!("it answered {status}: {}", text.trim())) }
}

/// A URL as it may be shown: without its password, and without its query, where one may be too.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_string() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user_info, host)) => {
            let user = user_info.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}{path}")
        }
        None => format!("{scheme}://{rest}"),
    }
}

/// `%40` as `@`. A plus stays one: it is no blank in this part of a URL.
fn percent_decoded(text: &str) -> String {
    let escaped = text.replace('+', "%2B").replace('=', "%3D").replace('&', "%26");
    form_urlencoded::parse(escaped.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let check = |url: &str, shown: &str| assert_eq!(without_password(url), shown);
        check("http://u:p@h:8123/?database=d&password=p", "http://u@h:8123/");
        check("http://h:8123", "http://h:8123");
        check("http://u:p@ss@h/x", "http://u@h/x");
        check("nonsense", "nonsense");
    }

    #[test]
    fn escapes_of_a_password_are_read() {
        assert_eq!(percent_decoded("a%40b+c=d&e"), "a@b+c=d&e");
        assert_eq!(percent_decoded(""), "");
    }
}
