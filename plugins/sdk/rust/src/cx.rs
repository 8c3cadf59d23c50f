//! The powers of a plugin while it handles one event: what it may read, what it may keep, what it may ask for.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::event::{Event, Offer, Pairs};
use crate::host;
use crate::plugin::{Failure, Refusal};
use crate::time::Time;
use crate::words::Presence;

/// One event being handled: everything is read as of its `at`, everything asked for has it as the cause.
#[derive(Debug)]
pub struct Cx<'a> {
    cause: u32,
    event: &'a Event,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the author.
    Debug,
    /// Usual.
    Info,
    /// Somebody should look.
    Warn,
    /// Something was not done.
    Error,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(cause: u32, event: &'a Event) -> Cx<'a> {
        Cx { cause, event }
    }

    /// The event itself.
    #[must_use]
    pub fn event(&self) -> &'a Event {
        self.event
    }

    /// The engine's time: the same however often this event is handled.
    #[must_use]
    pub fn now(&self) -> Time {
        self.event.now
    }

    /// The settings, with the manifest's defaults.
    ///
    /// # Errors
    /// If `T` does not fit what the manifest declares.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&host::settings())
            .map_err(|error| Failure::failed(format!("the settings do not fit the plugin's type: {error}")))
    }

    /// Writes a line into the plugin's log.
    pub fn log(&self, level: Level, text: &str) {
        host::log(level, text);
    }

    /// What the plugin keeps from one event to the next.
    #[must_use]
    pub fn state(&self) -> State {
        State { cause: self.cause }
    }

    /// People, groups and working hours; needs the grant `directory`.
    #[must_use]
    pub fn directory(&self) -> Directory {
        Directory { cause: self.cause }
    }

    /// Who was rung, in order.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer> {
        host::offers(self.cause)
    }

    /// The columns that the PBX itself wrote, record by record; needs the grant `raw`, without which the plugin is stopped.
    #[must_use]
    pub fn raw(&self) -> Vec<Pairs> {
        host::raw(self.cause)
    }

    /// Asks to connect the customer of a follow-up with whoever owes the return; answers with the action's key.
    ///
    /// Options: `attempt` ("1"; each attempt is another action), `not_before`, `group`, `ring_s`.
    ///
    /// # Errors
    /// If it is not granted.
    pub fn call_back(&self, follow_up: &str, options: &[(&str, &str)]) -> Result<String, Refusal> {
        host::call_back(self.cause, follow_up, options)
    }

    /// Asks for one e-mail to `person:ID`, `head:person:ID`, `head:group:ID`, `group:ID` or addresses; answers with the action's key.
    ///
    /// # Errors
    /// If a recipient is not granted, or `data` cannot be written as JSON.
    pub fn email(
        &self,
        to: &[String],
        template: &str,
        data: &impl Serialize,
        options: &[(&str, &str)],
    ) -> Result<String, Refusal> {
        host::email(self.cause, to, template, &json(data)?, options)
    }

    /// Asks for a message in the portal; answers with the action's key.
    ///
    /// # Errors
    /// If a recipient is not granted.
    pub fn message(&self, to: &[String], text: &str, options: &[(&str, &str)]) -> Result<String, Refusal> {
        host::message(self.cause, to, text, options)
    }

    /// Asks to post JSON to a destination of the settings; answers with the action's key.
    ///
    /// # Errors
    /// If the destination is not granted, or `body` cannot be written as JSON.
    pub fn webhook(
        &self,
        destination: &str,
        body: &impl Serialize,
        options: &[(&str, &str)],
    ) -> Result<String, Refusal> {
        host::webhook(self.cause, destination, &json(body)?, options)
    }

    /// Asks to tag a call or a follow-up; answers with the action's key.
    ///
    /// # Errors
    /// If it is not granted.
    pub fn tag(&self, id: &str, tag: &str) -> Result<String, Refusal> {
        host::tag(self.cause, id, tag)
    }

    /// Asks to settle a follow-up; answers with the action's key.
    ///
    /// # Errors
    /// If it is not granted.
    pub fn settle(&self, follow_up: &str, note: &str) -> Result<String, Refusal> {
        host::settle(self.cause, follow_up, note)
    }

    /// Asks for an event `timer-due` at a moment; another one of the same name takes its place. Answers with the timer's key.
    ///
    /// # Errors
    /// If timers are not granted.
    pub fn set_timer(&self, name: &str, at: Time, payload: &str) -> Result<String, Refusal> {
        host::set_timer(self.cause, name, at, payload)
    }

    /// Takes back what was asked for by this key, if it is not done yet.
    ///
    /// # Errors
    /// If the key is none of the plugin's.
    pub fn cancel(&self, key: &str) -> Result<(), Refusal> {
        host::cancel(self.cause, key)
    }
}

fn json(value: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(value).map_err(|error| Refusal::Invalid(error.to_string()))
}

/// What the plugin keeps for one company: durable, and kept only if the event is answered with `Ok`.
#[derive(Clone, Copy, Debug)]
pub struct State {
    cause: u32,
}

impl State {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        host::state_get(key)
    }

    /// The value of a key as JSON.
    ///
    /// # Errors
    /// If what is there is not a `T`.
    pub fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Failure> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let read = serde_json::from_slice(&value);
        read.map(Some).map_err(|error| Failure::failed(format!("the state `{key}` is not what is expected: {error}")))
    }

    /// At most `max` keys that begin with `prefix`, in order, after the key `after`.
    #[must_use]
    pub fn keys(&self, prefix: &str, after: Option<&str>, max: u32) -> Vec<String> {
        host::state_keys(prefix, after, max)
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// If the host refuses it.
    pub fn put(&self, key: &str, value: &[u8]) -> Result<(), Refusal> {
        host::state_put(self.cause, key, value)
    }

    /// Sets the value of a key to JSON.
    ///
    /// # Errors
    /// If the host refuses it, or `value` cannot be written as JSON.
    pub fn put_json(&self, key: &str, value: &impl Serialize) -> Result<(), Refusal> {
        self.put(key, json(value)?.as_bytes())
    }

    /// Takes a key away, if it is there.
    pub fn delete(&self, key: &str) {
        host::state_delete(self.cause, key);
    }
}

/// A person in the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// For people.
    pub name: String,
    /// Theirs, the first one first.
    pub extensions: Vec<String>,
    /// Ids of their groups.
    pub groups: Vec<String>,
    /// Id of whom they report to.
    pub head: Option<String>,
    /// What they are doing.
    #[serde(default = "unknown")]
    pub presence: Presence,
    /// What else is known.
    pub facts: Pairs,
}

fn unknown() -> Presence {
    Presence::Unknown
}

/// People, groups and working hours, as of the event's `at`.
#[derive(Clone, Copy, Debug)]
pub struct Directory {
    cause: u32,
}

impl Directory {
    /// A person by id.
    ///
    /// # Errors
    /// If there is none, or the directory is not granted.
    pub fn person(&self, id: &str) -> Result<Person, Refusal> {
        host::get_person(self.cause, id)
    }

    /// Ids of a group's people.
    ///
    /// # Errors
    /// If there is no such group, or the directory is not granted.
    pub fn members(&self, group: &str) -> Result<Vec<String>, Refusal> {
        host::members(self.cause, group)
    }

    /// True within the working hours of `site:ID`, `group:ID` or `person:ID`.
    ///
    /// # Errors
    /// If there is no such thing, or the directory is not granted.
    pub fn is_open(&self, who: &str, at: Time) -> Result<bool, Refusal> {
        host::is_open(self.cause, who, at)
    }

    /// The next moment from `at` on that is within them.
    ///
    /// # Errors
    /// If there is none, or the directory is not granted.
    pub fn next_open(&self, who: &str, at: Time) -> Result<Time, Refusal> {
        host::next_open(self.cause, who, at)
    }
}
