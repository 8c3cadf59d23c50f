//! One mail for one recipient, its name, and its bytes. Pure.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use sha2::{Digest, Sha256};

use super::templates::{Rendered, one_line};
use crate::recipients::Recipient;

/// One mail for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    to: Recipient,
    rendered: Rendered,
    message_id: String,
    at_ms: i64,
}

impl Mail {
    /// A mail of an action, dated at a moment (UTC, milliseconds). Its name is a function of the action's key, the
    /// address and the sender's domain: the same on every try.
    #[must_use]
    pub fn new(action_key: &str, to: Recipient, rendered: Rendered, from_domain: &str, at_ms: i64) -> Mail {
        let key = digest(action_key);
        let recipient = digest(&to.address.to_lowercase());
        let message_id = format!("<{}.{}@{from_domain}>", &key[..32], &recipient[..16]);
        Mail { to, rendered, message_id, at_ms }
    }

    /// The name under which the mail arrives once: its Message-ID, with its angle brackets.
    #[must_use]
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// Whom it is for.
    #[must_use]
    pub fn to(&self) -> &Recipient {
        &self.to
    }

    /// Its words.
    #[must_use]
    pub fn rendered(&self) -> &Rendered {
        &self.rendered
    }

    /// The mail with its headers, as the server is to take it, and its address.
    pub(crate) fn bytes(&self, from: &Mailbox) -> Result<(Address, Vec<u8>), String> {
        let address: Address =
            self.to.address.parse().map_err(|error| format!("{} is no address: {error}", self.to.address))?;
        let name = self.to.name.as_deref().map(one_line).filter(|name| !name.is_empty());
        let dated = u64::try_from(self.at_ms).unwrap_or_default();
        let builder = Message::builder()
            .date(UNIX_EPOCH + Duration::from_millis(dated))
            .from(from.clone())
            .to(Mailbox::new(name, address.clone()))
            .subject(one_line(&self.rendered.subject))
            .message_id(Some(self.message_id.clone()))
            .header(AutoSubmitted);
        let message = match &self.rendered.html {
            Some(html) => {
                builder.multipart(MultiPart::alternative_plain_html(self.rendered.text.clone(), html.clone()))
            }
            None => builder.singlepart(SinglePart::plain(self.rendered.text.clone())),
        };
        Ok((address, message.map_err(|error| format!("the mail cannot be written: {error}"))?.formatted()))
    }
}

/// RFC 3834: no automatic answers to this, please.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// SHA-256 in hexadecimal digits.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use directory::Language;

    fn mail(address: &str, name: &str, subject: &str) -> Mail {
        let to = Recipient {
            address: address.to_owned(),
            name: Some(name.to_owned()),
            language: Language::En,
            zone: chrono_tz::Tz::UTC,
        };
        let rendered = Rendered {
            subject: subject.to_owned(),
            text: "Привіт\n".to_owned(),
            html: Some("<p>Привіт</p>".to_owned()),
        };
        Mail::new("email:0123", to, rendered, "example.com", 1_795_428_000_000)
    }

    fn headers(mail: &Mail) -> Vec<String> {
        let (_, bytes) = mail.bytes(&"Ringback <calls@example.com>".parse().unwrap()).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        text.split("\r\n\r\n").next().unwrap().split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn the_same_mail_has_the_same_name_and_the_same_headers() {
        let headers = headers(&mail("ann@example.com", "Ann Poe", "Missed call"));
        let boundary = headers.iter().position(|line| line.starts_with("Content-Type: multipart/alternative")).unwrap();
        assert_eq!(
            headers[..boundary],
            [
                "Date: Mon, 23 Nov 2026 10:00:00 +0000",
                "From: Ringback <calls@example.com>",
                "To: \"Ann Poe\" <ann@example.com>",
                "Subject: Missed call",
                "Message-ID: <abb553af49030f8eb97794d13311ebda.71d4f55f72fa128d@example.com>",
                "Auto-Submitted: auto-generated",
                "MIME-Version: 1.0",
            ]
        );
        assert_eq!(mail("ANN@example.com", "x", "y").message_id(), mail("ann@example.com", "z", "w").message_id());
        assert_ne!(mail("bob@example.com", "x", "y").message_id(), mail("ann@example.com", "x", "y").message_id());
    }

    #[test]
    fn no_text_begins_another_header() {
        for evil in [
            "a\r\nBcc: x@example.com",
            "a\nBcc: x@example.com",
            "a\r\n\r\nBcc: x@example.com",
            "a\u{2028}Bcc: x@example.com",
            "a\u{85}Bcc: y",
            "дзвінок\r\nBcc: x@example.com",
        ] {
            for mail in [mail("ann@example.com", "Ann", evil), mail("ann@example.com", evil, "Missed call")] {
                let headers = headers(&mail);
                let begun =
                    |name: &str| headers.iter().filter(|line| line.to_ascii_lowercase().starts_with(name)).count();
                assert_eq!([begun("bcc"), begun("subject:"), begun("to:")], [0, 1, 1], "{headers:#?}");
            }
        }
        let turned = one_line("1234\u{202e}gnp.exe \t\u{0}  end");
        assert_eq!(turned, "1234gnp.exe end");
        assert_eq!(one_line(&"x".repeat(1000)).chars().count(), super::super::SUBJECT_CHARS_MAX + 1);
        let refused = mail("ann@example.com\r\nBcc: x@example.com", "Ann", "a");
        assert!(refused.bytes(&"calls@example.com".parse().unwrap()).is_err());
    }

    #[test]
    fn the_mail_is_ascii_with_a_text_and_its_html() {
        let (_, bytes) =
            mail("ann@example.com", "Ганна", "Дзвінок").bytes(&"calls@example.com".parse().unwrap()).unwrap();
        assert!(bytes.is_ascii());
        let text = String::from_utf8(bytes).unwrap();
        let places = [
            "multipart/alternative",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Type: text/html; charset=utf-8",
        ];
        let found: Vec<usize> = places.iter().map(|place| text.find(place).unwrap()).collect();
        assert!(found.is_sorted(), "{text}");
        assert!(text.lines().all(|line| line.len() <= 998), "{text}");
    }
}
