//! Asterisk's REST interface: requests and answers as values, events of its websocket as JSON, and which of them is about one call back.
//!
//! docs.asterisk.org, *Asterisk REST Interface*; `ari.conf`, `http.conf`. Port 8088 below `/ari`, HTTP basic authentication.
//! A call back is placed into the dialplan, so that its records are those of a call that the manager interface placed.
//! Events come only to an application that has subscribed to the telephone's endpoint.
//! It fails in these ways: 401 for a wrong user, 403 for one who may only read, 400, 404 and 409 for a wrong value,
//! and 500 `Allocation failed` for a telephone that is not registered as for one that there is not.
//! An unknown extension is taken: the telephone rings, and the call ends when somebody takes it.

use serde_json::{Value, json};

use super::dialing::{Refusal, Seen, Side};
use super::{OWN_ACCOUNT, Order, Presence, Unwritable, dialable, name, own};

/// A longer answer is none of this interface.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// What is asked: one request over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// The path with its parameters, from `/ari` on.
    pub path: String,
    /// JSON; empty: none.
    pub body: String,
}

impl Request {
    fn new(method: &'static str, path: &str, parameters: &[(&str, &str)]) -> Request {
        let mut path = path.to_owned();
        for (index, (key, value)) in parameters.iter().enumerate() {
            path.push(if index == 0 { '?' } else { '&' });
            path.push_str(&format!("{key}={}", encoded(value)));
        }
        Request { method, path, body: String::new() }
    }

    /// Rings a telephone of ours, and has the dialplan dial the customer when it is taken.
    ///
    /// # Errors
    /// If a value of the order cannot be written: then nothing is sent.
    pub fn originate(order: &Order) -> Result<Request, Unwritable> {
        let (shown_name, shown_number) = &order.shown;
        if shown_name.contains(['"', '<', '>', '\\']) || shown_name.chars().any(char::is_control) {
            return Err(Unwritable { field: "name that the telephone shows" });
        }
        let shown = format!("\"{shown_name}\" <{}>", dialable("number that the telephone shows", shown_number)?);
        let mut request = Request::new(
            "POST",
            "/ari/channels",
            &[
                ("endpoint", name("device", &order.device)?),
                ("extension", dialable("customer's number", &order.dialed)?),
                ("context", name("context", &order.context)?),
                ("priority", "1"),
                ("callerId", &shown),
                ("timeout", &order.ring_s.to_string()),
                ("channelId", name("name of the call", &order.call)?),
            ],
        );
        let variables = json!({
            "RINGBACK_ACTION": name("action key", &order.action_key)?,
            "CHANNEL(accountcode)": OWN_ACCOUNT,
            "CDR(userfield)": format!("{}{}", own::OWN_USER_FIELD, order.call),
        });
        request.body = json!({ "variables": variables }).to_string();
        Ok(request)
    }

    /// Has the application hear of a telephone's calls.
    ///
    /// # Errors
    /// If the application or the device is no name.
    pub fn subscribe(application: &str, device: &str) -> Result<Request, Unwritable> {
        let path = format!("/ari/applications/{}/subscription", encoded(name("application", application)?));
        let source = format!("endpoint:{}", name("device", device)?);
        Ok(Request::new("POST", &path, &[("eventSource", &source)]))
    }

    /// Asks for the state of a device.
    ///
    /// # Errors
    /// If the device's name is none.
    pub fn device_state(device: &str) -> Result<Request, Unwritable> {
        Ok(Request::new("GET", &format!("/ari/deviceStates/{}", encoded(name("device", device)?)), &[]))
    }

    /// Asks for a sign of life.
    #[must_use]
    pub fn ping() -> Request {
        Request::new("GET", "/ari/asterisk/info", &[("only", "system")])
    }

    /// Ends a call that takes too long.
    ///
    /// # Errors
    /// If the call's name cannot be written.
    pub fn hang_up(call: &str) -> Result<Request, Unwritable> {
        Ok(Request::new("DELETE", &format!("/ari/channels/{}", encoded(name("name of the call", call)?)), &[]))
    }

    /// Where the websocket of an application is.
    ///
    /// # Errors
    /// If the application is no name.
    pub fn events(application: &str) -> Result<Request, Unwritable> {
        Ok(Request::new("GET", "/ari/events", &[("app", name("application", application)?)]))
    }

    /// The bytes of this request for a connection that is closed after the answer.
    ///
    /// # Errors
    /// If the host or the value of `Authorization` would end its line.
    pub fn bytes(&self, host: &str, authorization: &str) -> Result<Vec<u8>, Unwritable> {
        let host = super::writable("address", host)?;
        let authorization = super::writable("user or secret", authorization)?;
        let Request { method, path, body } = self;
        let length = body.len();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n{kind}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        Ok(format!("{head}{body}").into_bytes())
    }
}

/// Everything but letters, digits and `-_.~` as `%XX`.
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The code of HTTP.
    pub code: u16,
    /// JSON; null where there is none.
    pub body: Value,
}

impl Answer {
    /// Reads an answer whose connection was closed behind it; `None` where it is cut or none of HTTP.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Answer> {
        let head_end = memchr::memmem::find(bytes, b"\r\n\r\n")?;
        let head = std::str::from_utf8(bytes.get(..head_end)?).ok()?;
        let body = bytes.get(head_end + 4..)?;
        let mut lines = head.split("\r\n");
        let code = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(field, _)| field.eq_ignore_ascii_case("Content-Length"))
            .map_or(Ok(body.len()), |(_, value)| value.trim().parse::<usize>())
            .ok()?;
        let body = body.get(..length)?;
        Some(Answer { code, body: serde_json::from_slice(body).unwrap_or(Value::Null) })
    }

    /// What the PBX says in words.
    #[must_use]
    pub fn text(&self) -> String {
        let said = ["message", "error"].iter().find_map(|key| self.body.get(key).and_then(Value::as_str));
        said.map_or_else(|| format!("HTTP {}", self.code), |said| format!("HTTP {}: {said}", self.code))
    }

    /// What this answer to [`Request::originate`] shows.
    #[must_use]
    pub fn seen(&self) -> Seen {
        match self.code {
            200..=299 => Seen::Accepted,
            401 => Seen::Refused(Refusal::SignIn, self.text()),
            403 => Seen::Refused(Refusal::Grant, self.text()),
            400..=499 => Seen::Refused(Refusal::Value, self.text()),
            // `Allocation failed`: there is no such telephone, or it is not registered; no channel was made.
            _ => Seen::GaveUp { timed_out: false },
        }
    }

    /// The state in this answer to [`Request::device_state`]; `None` for an answer that is none.
    #[must_use]
    pub fn device_state(&self) -> Option<Presence> {
        let state = self.body.get("state").and_then(Value::as_str)?;
        (self.code == 200).then(|| Presence::of_device_state(state))
    }
}

/// Tells which events are about one call back, and what they show of it.
#[derive(Clone, Debug)]
pub struct Follower {
    call: String,
    customer: String,
}

impl Follower {
    /// Follows the call of this name.
    #[must_use]
    pub fn new(call: &str) -> Follower {
        Follower { call: call.to_owned(), customer: String::new() }
    }

    /// True if it may be about this call: events that only a customer's channel has are few, and are seen by whoever follows it.
    #[must_use]
    pub fn concerns(&self, event: &Value) -> bool {
        ["/channel/id", "/peer/id", "/caller/id"]
            .iter()
            .filter_map(|at| event.pointer(at).and_then(Value::as_str))
            .any(|id| id == self.call || !self.customer.is_empty() && id == self.customer)
    }

    /// What an event shows.
    pub fn see(&mut self, event: &Value) -> Option<Seen> {
        let at = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let is_ours = at("/channel/id") == self.call;
        match at("/type") {
            "ChannelCreated" if is_ours => Some(Seen::Made(Side::Ours)),
            "ChannelStateChange" if is_ours && at("/channel/state") == "Up" => Some(Seen::Answered(Side::Ours)),
            "Dial" if at("/caller/id") == self.call => match at("/dialstatus") {
                "" => {
                    at("/peer/id").clone_into(&mut self.customer);
                    Some(Seen::Rings(Side::Customer))
                }
                "RINGING" | "PROGRESS" | "PROCEEDING" => None,
                "ANSWER" => Some(Seen::Answered(Side::Customer)),
                word => Some(Seen::NotAnswered(Side::Customer, word.to_owned())),
            },
            "Dial" if at("/peer/id") == self.call => match at("/dialstatus") {
                "" | "RINGING" | "PROGRESS" | "PROCEEDING" => Some(Seen::Rings(Side::Ours)),
                "ANSWER" => Some(Seen::Answered(Side::Ours)),
                word => Some(Seen::NotAnswered(Side::Ours, word.to_owned())),
            },
            "ChannelDestroyed" if is_ours || !self.customer.is_empty() && at("/channel/id") == self.customer => {
                let code = |key: &str| event.get(key).and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
                let side = if is_ours { Side::Ours } else { Side::Customer };
                Some(Seen::Gone { side, cause: code("cause").unwrap_or(0), sip: code("tech_cause") })
            }
            _ => None,
        }
    }
}
