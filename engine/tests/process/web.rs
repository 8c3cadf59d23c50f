//! A portal as a browser asks it: requests, and what came back.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// An answer: its status, its head, its body.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// What each form of the page sends to show that it is ours.
    pub fn csrf(&self) -> &str {
        let value = self.body.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        value.unwrap_or_else(|| panic!("no form: {}", self.body))
    }
}

/// Asks `host` (`127.0.0.1:PORT`); what is sent is a form, where the headers do not say it otherwise.
pub fn ask(host: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(host).expect("the portal");
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (key, value) in headers {
        head.push_str(&format!("{key}: {value}\r\n"));
    }
    if method != "GET" {
        if !headers.iter().any(|(key, _)| *key == "Content-Type") {
            head.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
        }
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    write!(stream, "{head}\r\n{body}").expect("asked");
    let mut bytes = Vec::new();
    if path == "/live" {
        // It goes on for ever: its head says enough.
        let mut some = [0; 4096];
        let read = stream.read(&mut some).expect("answered");
        bytes.extend_from_slice(&some[..read]);
    } else {
        stream.read_to_end(&mut bytes).expect("answered");
    }
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// A text as it stands in an address or a form.
pub fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

pub fn sign_in(host: &str, login: &str, password: &str) -> Answer {
    let origin = format!("http://{host}");
    ask(host, "POST", "/sign-in", &[("Origin", &origin)], &format!("login={login}&password={password}"))
}

/// The cookie of somebody who signed in.
pub fn cookie(host: &str, login: &str, password: &str) -> String {
    let answer = sign_in(host, login, password);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/missed")), "{}", answer.body);
    answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned()
}
