//! A message to a person, which waits in the portal. Pure: whoever has the office puts it there.

use directory::Directory;
use serde::{Deserialize, Serialize};

use crate::attempt::{Attempted, Status};
use crate::recipients::{self, Unreached};

/// The rest of a longer text is cut off, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4000;

/// What an action of the kind `message` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageBody {
    /// Whom it is for: `person:ID`, `group:ID`, `head:person:ID`, `head:group:ID`.
    pub to: Vec<String>,
    /// What it says; line breaks stay.
    pub text: String,
    /// Nothing is known here yet.
    #[serde(default)]
    pub options: std::collections::BTreeMap<String, String>,
}

/// A message of one person, to be put into the office. (`tenant`, `person`, `action_key`) names it: the same put twice
/// is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// The company.
    pub tenant: String,
    /// Whose it is, an id of the directory.
    pub person: String,
    /// What it says.
    pub text: String,
    /// When it was left: UTC, milliseconds.
    pub at: i64,
    /// The action that left it.
    pub action_key: String,
}

/// The messages that an action leaves, one for each person, and who was named in vain.
#[must_use]
pub fn messages(
    action_key: &str,
    body: &MessageBody,
    directory: &Directory,
    at: i64,
) -> (Vec<NewMessage>, Vec<Unreached>) {
    let (people, unreached) = recipients::people(&body.to, directory);
    let text = readable(&body.text);
    let message = |person| NewMessage {
        tenant: directory.tenant().to_owned(),
        person,
        text: text.clone(),
        at,
        action_key: action_key.to_owned(),
    };
    (people.into_iter().map(message).collect(), unreached)
}

/// What became of the action when its messages are in the office.
#[must_use]
pub fn attempted(left: &[NewMessage], unreached: &[Unreached]) -> Attempted {
    let people = left.iter().map(|m| m.person.as_str());
    let told = (!left.is_empty()).then(|| format!("left for {}", people.collect::<Vec<_>>().join(", ")));
    let detail = told.into_iter().chain(unreached.iter().map(ToString::to_string)).collect::<Vec<_>>().join("; ");
    let status = if left.is_empty() { Status::Failed } else { Status::Done };
    Attempted { status, detail: if detail.is_empty() { "it names nobody".to_owned() } else { detail }, call: None }
}

/// Without control characters, and not too long.
fn readable(text: &str) -> String {
    let mut readable: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    if readable.len() > MESSAGE_BYTES_MAX {
        let end = (0..=MESSAGE_BYTES_MAX).rev().find(|at| readable.is_char_boundary(*at)).unwrap_or(0);
        readable.truncate(end);
        readable.push('…');
    }
    readable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_person_gets_one() {
        let site = "tenant = \"acme\"\n[[site]]\nid = \"a\"\n[[pbx]]\nid = \"b\"\n[[group]]\nid = \"sales\"\n\
            [[person]]\nid = \"ann\"\nname = \"Ann\"\ngroup = \"sales\"\n[[person]]\nid = \"bob\"\nname = \"Bob\"\ngroup = \"sales\"\n";
        let directory = Directory::from_toml(site).unwrap();
        let json = r#"{"to":["person:ann","group:sales","person:zoe"],"text":"Call\r\nback\u0007","options":{}}"#;
        let body: MessageBody = serde_json::from_str(json).unwrap();
        let (left, unreached) = messages("message:1", &body, &directory, 7);
        let message = |person: &str| NewMessage {
            tenant: "acme".to_owned(),
            person: person.to_owned(),
            text: "Call\nback".to_owned(),
            at: 7,
            action_key: "message:1".to_owned(),
        };
        assert_eq!(left, [message("ann"), message("bob")]);
        let done = attempted(&left, &unreached);
        let detail = "left for ann, bob; person:zoe: site.toml has no [[person]] id = \"zoe\"".to_owned();
        assert_eq!(done, Attempted { status: Status::Done, detail, call: None });
        assert_eq!(attempted(&[], &unreached).status, Status::Failed);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let cut = readable(&"є".repeat(MESSAGE_BYTES_MAX));
        assert_eq!(cut.len(), MESSAGE_BYTES_MAX + '…'.len_utf8());
    }
}
