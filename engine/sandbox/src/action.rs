//! What plugins ask for, and the names by which each of it is done once.

use std::collections::BTreeMap;

use calls::event::{Event, Pairs, Time};
use serde_json::{Value, json};

/// Something that a plugin asks for; it happens only if its event ends as done.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The same is asked for again by the same key: whoever stores it, keeps the first.
    pub key: String,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A customer is called back.
    CallBack {
        /// What is owed.
        follow_up: String,
        /// `attempt`, `not_before`, `group`, `ring_s` and what is added later.
        options: Pairs,
    },
    /// An e-mail.
    Email {
        /// `person:ID`, `head:ID`, `group:ID`, addresses.
        to: Vec<String>,
        /// The template's name.
        template: String,
        /// What it is filled with.
        data: Value,
        /// How it is sent.
        options: Pairs,
    },
    /// A message in the portal.
    Message {
        /// `person:ID`, `head:ID`, `group:ID`.
        to: Vec<String>,
        /// What it says.
        text: String,
        /// How it is shown.
        options: Pairs,
    },
    /// A request to a web service that the settings name.
    Webhook {
        /// The name of `[webhook.NAME]`.
        destination: String,
        /// Its body.
        json: Value,
        /// How it is sent.
        options: Pairs,
    },
    /// A word on a call or a follow-up.
    Tag {
        /// Of the call or the follow-up.
        id: String,
        /// The word.
        tag: String,
    },
    /// A follow-up is done with.
    Settle {
        /// Which one.
        follow_up: String,
        /// Why, for people.
        note: String,
    },
    /// The plugin hears `timer-due` then; set again under the same name, the last one holds.
    Timer {
        /// The plugin's name for it.
        name: String,
        /// When, in milliseconds since 1970 UTC.
        at: i64,
        /// What it is given then.
        payload: String,
    },
    /// What was asked for before, and was not done yet, is not done. The key may be of another plugin: whoever applies it checks.
    Cancel {
        /// Of the action or the timer.
        key: String,
    },
}

impl Action {
    /// Its kind, as the office stores it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Action::CallBack { .. } => "call_back",
            Action::Email { .. } => "email",
            Action::Message { .. } => "message",
            Action::Webhook { .. } => "webhook",
            Action::Tag { .. } => "tag",
            Action::Settle { .. } => "settle",
            Action::Timer { .. } => "timer",
            Action::Cancel { .. } => "cancel",
        }
    }

    /// Its fields as JSON; the moment of a timer is RFC 3339 with milliseconds.
    #[must_use]
    pub fn body(&self) -> Value {
        match self {
            Action::CallBack { follow_up, options } => json!({ "follow_up": follow_up, "options": options }),
            Action::Email { to, template, data, options } => {
                json!({ "to": to, "template": template, "data": data, "options": options })
            }
            Action::Message { to, text, options } => json!({ "to": to, "text": text, "options": options }),
            Action::Webhook { destination, json, options } => {
                json!({ "destination": destination, "json": json, "options": options })
            }
            Action::Tag { id, tag } => json!({ "id": id, "tag": tag }),
            Action::Settle { follow_up, note } => json!({ "follow_up": follow_up, "note": note }),
            Action::Timer { name, at, payload } => {
                json!({ "name": name, "at": Time(at.unsigned_abs()), "payload": payload })
            }
            Action::Cancel { key } => json!({ "key": key }),
        }
    }

    /// The follow-up that it is about, where it names one.
    #[must_use]
    pub fn follow_up(&self) -> Option<&str> {
        match self {
            Action::CallBack { follow_up, .. } | Action::Settle { follow_up, .. } => Some(follow_up),
            _ => None,
        }
    }

    /// Its name. `content` is what a plugin gave as JSON, letter by letter.
    pub(crate) fn key(&self, plugin: &str, event: &Event, content: &str) -> String {
        let attempt = |options: &Pairs| options.get("attempt").cloned().unwrap_or_else(|| "1".to_owned());
        let sorted = |to: &[String]| {
            let mut to = to.to_vec();
            to.sort_unstable();
            to.dedup();
            to
        };
        let mut parts: Vec<String> = vec![event.tenant.clone(), self.kind().to_owned()];
        let attempt = match self {
            Action::CallBack { follow_up, options } => {
                parts.push(follow_up.clone());
                attempt(options)
            }
            Action::Email { to, template, options, .. } => {
                parts.extend([event.id.clone(), template.clone()]);
                parts.extend(sorted(to));
                attempt(options)
            }
            Action::Message { to, text, options } => {
                parts.push(event.id.clone());
                parts.extend(sorted(to));
                parts.push(text.clone());
                attempt(options)
            }
            Action::Webhook { destination, options, .. } => {
                parts.extend([event.id.clone(), destination.clone(), content.to_owned()]);
                attempt(options)
            }
            Action::Tag { id, tag } => {
                parts.extend([event.id.clone(), id.clone(), tag.clone()]);
                "1".to_owned()
            }
            Action::Settle { follow_up, .. } => {
                parts.push(follow_up.clone());
                "1".to_owned()
            }
            Action::Timer { name, .. } => return timer_key(&event.tenant, plugin, name),
            Action::Cancel { key } => return key.clone(),
        };
        parts.push(attempt);
        hash(self.kind(), &parts)
    }
}

/// The key of a plugin's timer: one for each name.
#[must_use]
pub fn timer_key(tenant: &str, plugin: &str, name: &str) -> String {
    hash("timer", &[tenant.to_owned(), "timer".to_owned(), plugin.to_owned(), name.to_owned()])
}

/// Of a plugin's options; a name that is given twice has its last value.
pub(crate) fn pairs(options: Vec<(String, String)>) -> Pairs {
    options.into_iter().collect::<BTreeMap<_, _>>()
}

/// Each part with its length before it, so that no two lists of parts are the same bytes.
fn hash(kind: &str, parts: &[String]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(part.as_bytes());
    }
    format!("{kind}:{:032x}", xxhash_rust::xxh3::xxh3_128(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use calls::event::{About, Timer};

    fn event(id: &str, tenant: &str) -> Event {
        let timer = Timer { name: "n".into(), due_at: Time(0), payload: String::new() };
        Event {
            id: id.into(),
            kind: "timer-due".into(),
            at: Time(0),
            now: Time(0),
            tenant: tenant.into(),
            about: About::Timer(timer),
            offers: Vec::new(),
        }
    }

    fn call_back(follow_up: &str, attempt: Option<&str>) -> Action {
        let options = attempt.map(|a| ("attempt".to_owned(), a.to_owned())).into_iter().collect();
        Action::CallBack { follow_up: follow_up.into(), options }
    }

    fn email(to: &[&str], data: Value) -> Action {
        let to = to.iter().map(|t| (*t).to_owned()).collect();
        Action::Email { to, template: "missed".into(), data, options: Pairs::new() }
    }

    /// Stored keys outlive a release: this one may never change.
    #[test]
    fn a_key_stays_what_it_was() {
        let key = call_back("f1", None).key("call_back", &event("e1", "acme"), "");
        assert_eq!(key, "call_back:74f3c26f8cbec5261d359855dfcbd831");
    }

    #[test]
    fn the_same_has_the_same_key() {
        let of = |action: &Action, id: &str, tenant: &str| action.key("p", &event(id, tenant), "{}");
        let first = of(&call_back("f1", None), "e1", "acme");
        // Whichever event asks: a customer is called back once for each attempt.
        assert_eq!(first, of(&call_back("f1", Some("1")), "e2", "acme"));
        assert_ne!(first, of(&call_back("f1", Some("2")), "e1", "acme"));
        assert_ne!(first, of(&call_back("f2", None), "e1", "acme"));
        assert_ne!(first, of(&call_back("f1", None), "e1", "other"));
        let mail = of(&email(&["person:a", "person:b"], json!({ "n": 1 })), "e1", "acme");
        assert_eq!(mail, of(&email(&["person:b", "person:a", "person:b"], json!({ "n": 2 })), "e1", "acme"));
        assert_ne!(mail, of(&email(&["person:b"], json!({ "n": 1 })), "e1", "acme"));
        assert_ne!(mail, of(&email(&["person:a", "person:b"], json!({ "n": 1 })), "e2", "acme"));
    }

    #[test]
    fn a_timer_is_named_by_plugin_and_name() {
        let timer = |at| Action::Timer { name: "again".into(), at, payload: String::new() };
        let key = timer(1).key("p", &event("e1", "acme"), "");
        assert_eq!(key, timer(2).key("p", &event("e2", "acme"), ""));
        assert_eq!(key, timer_key("acme", "p", "again"));
        assert_ne!(key, timer_key("acme", "q", "again"));
    }
}
