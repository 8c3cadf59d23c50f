//! Posts to one webhook: where it really connects to is checked, redirects are not followed, and an answer is read no
//! further than is shown.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, Response, StatusCode, Url, redirect, retry};

use super::address::is_public;
use super::settings::{WebhookError, WebhookSettings};
use super::sign::Signer;
use crate::attempt::{Attempted, Status};
use crate::secret::Secret;
use crate::tls::read_certificates;

/// A larger body is not posted.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// An answer is read up to here.
const ANSWER_BYTES_MAX: usize = 4 * 1024;
/// An answer is shown up to here.
const ANSWER_CHARS_MAX: usize = 200;
/// A receiver that asks for a longer pause is asked again after this one.
const RETRY_AFTER_S_MAX: u32 = 86_400;
/// How long a connection may take to stand, of all that the answer may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// One webhook.
#[derive(Debug)]
pub struct Webhook {
    name: String,
    url: Url,
    client: Client,
    signer: Signer,
    warning: Option<String>,
}

impl Webhook {
    /// The webhook of this name by its settings; files that are not absolute begin in `folder`.
    ///
    /// # Errors
    /// What is wrong with the settings, and what would have worked.
    pub fn new(name: &str, settings: &WebhookSettings, folder: &Path) -> Result<Webhook, WebhookError> {
        crate::install_tls();
        let value = |key: &'static str, sentence: String| WebhookError::Value { name: name.to_owned(), key, sentence };
        let url = read_url(settings).map_err(|sentence| value("url", sentence))?;
        if settings.secret_file.as_os_str().is_empty() {
            let sentence = "is missing: what is posted is signed with the secret in it; \
                `echo whsec_$(openssl rand -base64 32)` prints one";
            return Err(value("secret_file", sentence.to_owned()));
        }
        let secret = Secret::read(folder, &settings.secret_file)
            .map_err(|error| WebhookError::Secret { name: name.to_owned(), error })?;
        let path = folder.join(&settings.secret_file);
        let signer = Signer::read(secret.all())
            .map_err(|sentence| value("secret_file", format!("= {:?}: {sentence}", path.display())))?;
        let timeout = Duration::from_secs(settings.timeout_s.get().into());
        let mut builder = Client::builder()
            .user_agent(concat!("Ringback/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .connect_timeout(timeout.min(CONNECT_MAX))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            // A proxy would connect where we cannot look.
            .no_proxy()
            .referer(false)
            .https_only(!settings.allow_private)
            .dns_resolver(Arc::new(Checked { allow_private: settings.allow_private }));
        if !settings.ca_file.as_os_str().is_empty() {
            let told = |sentence: String| value("ca_file", sentence);
            let read = read_certificates(folder, &settings.ca_file).map_err(told)?;
            let certificates: Result<Vec<_>, _> = read.iter().map(|c| Certificate::from_der(c)).collect();
            let certificates = certificates.map_err(|error| told(format!("holds no certificates: {error}")))?;
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder.build().map_err(|error| value("url", format!("cannot be used: {}", told(&error))))?;
        Ok(Webhook { name: name.to_owned(), url, client, signer, warning: secret.warning().map(str::to_owned) })
    }

    /// What an administrator should hear of the settings.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Posts JSON as the action of this key, at a moment (UTC, milliseconds), which is signed with it.
    ///
    /// Done: answered with 2xx. Again: not reached, not answered in time, or answered with 408, 425, 429 or 5xx, after
    /// the pause that `Retry-After` asks for. Failed: anything else.
    pub async fn post(&self, action_key: &str, json: &serde_json::Value, at_ms: i64) -> Attempted {
        let body = json.to_string();
        if body.len() > BODY_BYTES_MAX {
            return failed(format!("{} bytes are to be posted, and at most {BODY_BYTES_MAX} are", body.len()));
        }
        let timestamp_s = at_ms.div_euclid(1000);
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", action_key)
            .header("webhook-timestamp", timestamp_s.to_string())
            .header("webhook-signature", self.signer.sign(action_key, timestamp_s, body.as_bytes()));
        match request.body(body).send().await {
            Ok(response) => self.answered(response, at_ms).await,
            Err(error) => self.not_answered(&error),
        }
    }

    async fn answered(&self, response: Response, at_ms: i64) -> Attempted {
        let code = response.status();
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let after_s = wait.and_then(|text| retry_after_s(text, at_ms));
        if code.is_success() {
            return Attempted {
                status: Status::Done,
                detail: format!("{} answered {}", self.name, code.as_u16()),
                call: None,
            };
        }
        let location = response.headers().get("location").and_then(|value| value.to_str().ok()).map(shown);
        let said = shown(&beginning(response).await);
        let detail = [format!("{} answered {}", self.name, code.as_u16()), said];
        let detail = detail.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        if is_again(code) {
            return Attempted { status: Status::Again { after_s }, detail, call: None };
        }
        if code.is_redirection() {
            let to = location.unwrap_or_else(|| "an address that it does not tell".to_owned());
            return failed(format!(
                "{detail}; redirects are not followed: it points to {to}, write that as `url` \
                under [webhook.{}] if it is right",
                self.name
            ));
        }
        failed(detail)
    }

    fn not_answered(&self, error: &reqwest::Error) -> Attempted {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            if let Some(private) = inner.downcast_ref::<Private>() {
                return failed(private.told(&self.name));
            }
            cause = inner.source();
        }
        let why = if error.is_timeout() {
            "did not answer in time".to_owned()
        } else {
            format!("was not reached: {}", told(error))
        };
        Attempted { status: Status::Again { after_s: None }, detail: format!("{} {why}", self.name), call: None }
    }
}

/// Checks what can be known of an address before its name is looked up.
fn read_url(settings: &WebhookSettings) -> Result<Url, String> {
    let text = &settings.url;
    let expected = "write it as \"https://crm.example.com/calls\"";
    let url = Url::parse(text).map_err(|error| format!("= {text:?} is no address ({error}): {expected}"))?;
    match url.scheme() {
        "https" => {}
        "http" if settings.allow_private => {}
        "http" => {
            return Err(format!(
                "= {text:?} would post in the open: write https, \
                or `allow_private = true` for a receiver in your own network"
            ));
        }
        _ => return Err(format!("= {text:?} is neither https nor http: {expected}")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        let why = "has a name or a password in it, which is a secret in the settings: \
            leave it out, the signature says who posts";
        return Err(why.to_owned());
    }
    let literal = url.host_str().map(|host| host.trim_matches(['[', ']'])).and_then(|host| host.parse::<IpAddr>().ok());
    match literal {
        Some(address) if !settings.allow_private && !is_public(address) => Err(format!(
            "= {text:?} is {address}, which is not of the internet at large: write `allow_private = true` if it is meant"
        )),
        _ => Ok(url),
    }
}

/// Looks a name up and gives only addresses that may be connected to: what is checked is what is used.
struct Checked {
    allow_private: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let private = found.iter().find(|address| !is_public(address.ip())).map(SocketAddr::ip);
            let usable: Vec<SocketAddr> =
                found.into_iter().filter(|address| allow_private || is_public(address.ip())).collect();
            match (usable.is_empty(), private) {
                (true, Some(address)) => {
                    Err(Box::new(Private { host: name.as_str().to_owned(), address }) as Box<dyn Error + Send + Sync>)
                }
                _ => Ok(Box::new(usable.into_iter()) as Addrs),
            }
        })
    }
}

/// A name that leads into a network that must not be reached.
#[derive(Debug)]
struct Private {
    host: String,
    address: IpAddr,
}

impl Private {
    fn told(&self, name: &str) -> String {
        format!("{self}: write `allow_private = true` under [webhook.{name}] if it is meant")
    }
}

impl fmt::Display for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, which is not of the internet at large", self.host, self.address)
    }
}

impl Error for Private {}

fn is_again(code: StatusCode) -> bool {
    code.is_server_error() || matches!(code.as_u16(), 408 | 425 | 429)
}

/// Seconds, or an HTTP date.
fn retry_after_s(text: &str, now_ms: i64) -> Option<u32> {
    let seconds = match text.trim().parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let at_ms = DateTime::parse_from_rfc2822(text.trim()).ok()?.timestamp_millis();
            u64::try_from((at_ms - now_ms).max(0) / 1000).ok()?
        }
    };
    Some(u32::try_from(seconds).unwrap_or(u32::MAX).min(RETRY_AFTER_S_MAX))
}

/// What an answer begins with.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - bytes.len())]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn shown(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(ANSWER_CHARS_MAX).collect()
}

/// An error with what is behind it, without the address, which the settings have.
fn told(error: &reqwest::Error) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = shown(&inner.to_string());
        if told.last() != Some(&text) {
            told.push(text);
        }
        cause = inner.source();
    }
    if told.is_empty() { "no reason is known".to_owned() } else { told.join(": ") }
}

fn failed(detail: String) -> Attempted {
    Attempted { status: Status::Failed, detail, call: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_in_seconds_or_as_a_date() {
        let now_ms = 1_795_428_000_000; // 2026-11-23T10:00:00Z
        for (text, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999", Some(RETRY_AFTER_S_MAX)),
            ("Mon, 23 Nov 2026 10:01:30 GMT", Some(90)),
            ("Mon, 23 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            assert_eq!(retry_after_s(text, now_ms), expected, "{text}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_meant_is_refused_at_the_start() {
        let refused = |url: &str, allow_private| {
            let settings = WebhookSettings { url: url.to_owned(), allow_private, ..WebhookSettings::default() };
            read_url(&settings).map(|url| url.to_string())
        };
        for (url, expected) in [
            ("http://crm.example.com/", "would post in the open"),
            ("ftp://crm.example.com/", "is neither https nor http"),
            ("crm.example.com", "is no address"),
            ("https://ann:word@crm.example.com/", "has a name or a password in it"),
            ("https://127.0.0.1/", "is 127.0.0.1, which is not of the internet at large"),
            ("https://2130706433/", "is 127.0.0.1, which"),
            ("https://0x7f.1/", "is 127.0.0.1, which"),
            ("https://[::1]/", "is ::1, which"),
            ("https://[::ffff:169.254.169.254]/", "which is not of the internet at large"),
        ] {
            let error = refused(url, false).unwrap_err();
            assert!(error.contains(expected) && !error.contains("word@"), "{url}: {error}");
        }
        assert_eq!(refused("https://crm.example.com/a", false).unwrap(), "https://crm.example.com/a");
        assert_eq!(refused("http://10.0.0.1/a", true).unwrap(), "http://10.0.0.1/a");
    }
}
