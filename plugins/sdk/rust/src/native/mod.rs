//! A host in memory, for tests: it answers and refuses as the real one does, and keeps what was asked for.

pub(crate) mod manifest;
pub(crate) mod masking;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic;

use serde::Deserialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use crate::cx::{Level, Person};
use crate::event::{Event, Offer, Pairs};
use crate::plugin::{Answer, Plugin, Refusal};
use crate::time::Time;
use manifest::{Granted, Grants, Limits};

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// One call into a plugin.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) events: Vec<Event>,
    pub(crate) settings: String,
    pub(crate) granted: Granted,
    pub(crate) limits: Limits,
    pub(crate) directory: Known,
    pub(crate) state: BTreeMap<String, Vec<u8>>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) refused: Vec<String>,
    pub(crate) log: Vec<String>,
}

/// An action that was asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) cause: u32,
    pub(crate) key: String,
    pub(crate) kind: &'static str,
    pub(crate) body: Value,
}

/// `directory.json` of a fixture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Known {
    people: Vec<Person>,
    groups: BTreeMap<String, Vec<String>>,
    open: BTreeMap<String, bool>,
    next_open: BTreeMap<String, Time>,
    default_open: bool,
}

impl Default for Known {
    fn default() -> Known {
        let (groups, open, next_open) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Known { people: Vec::new(), groups, open, next_open, default_open: true }
    }
}

/// The plugin did what ends it in the real host: a limit, or a function that cannot refuse.
struct Stopped(String);

/// Calls into the plugin; `Err` says why it was stopped.
pub(crate) fn run<P: Plugin>(running: Running) -> (Running, Result<Vec<Answer>, String>) {
    let masked: Vec<Event> = running.events.iter().map(|event| masking::heard(event, &running.granted)).collect();
    RUNNING.set(Some(running));
    let answers = panic::catch_unwind(|| crate::plugin::handle(&P::default(), &masked));
    let running = RUNNING.take();
    let answers = match answers {
        Ok(answers) => Ok(answers),
        Err(payload) => match payload.downcast::<Stopped>() {
            Ok(stopped) => Err(stopped.0),
            // The plugin itself panicked: its message is on the screen.
            Err(payload) => panic::resume_unwind(payload),
        },
    };
    let Some(running) = running else { unreachable!("what was set a few lines above") };
    (running, answers)
}

/// What happens within the call that is being made now.
fn with<T>(act: impl FnOnce(&mut Running) -> Result<T, Stopped>) -> T {
    let told = RUNNING.with_borrow_mut(|running| match running {
        Some(running) => act(running),
        None => Err(Stopped("powers are there only while an event is handled".to_owned())),
    });
    told.unwrap_or_else(|stopped| panic::resume_unwind(Box::new(stopped)))
}

impl Running {
    fn event(&self, cause: u32) -> Result<&Event, String> {
        let found = usize::try_from(cause).ok().and_then(|cause| self.events.get(cause));
        found.ok_or_else(|| format!("cause {cause} is no event of this batch of {}", self.events.len()))
    }

    fn refuse<T>(&mut self, refusal: Refusal) -> Result<T, Refusal> {
        self.refused.push(refusal.to_string());
        Err(refusal)
    }

    fn known<T>(&mut self, cause: u32, answer: impl FnOnce(&Known) -> Option<T>) -> Result<T, Refusal> {
        if let Err(text) = self.event(cause) {
            return self.refuse(Refusal::Invalid(text));
        }
        if let Err(text) = self.granted.flag("directory", |grants| grants.directory) {
            return self.refuse(Refusal::NotGranted(text));
        }
        // That somebody is not there is an answer, and no mistake of the plugin.
        answer(&self.directory).ok_or(Refusal::NotFound)
    }

    /// Queues an action; what is granted already and comes again by the same key is queued once.
    fn ask(&mut self, asked: Asked) -> Result<Result<String, Refusal>, Stopped> {
        let key = asked.key.clone();
        let earlier = self.asked.iter().position(|earlier| earlier.cause == asked.cause && earlier.key == key);
        match earlier {
            Some(at) if asked.kind == "timer" => {
                self.asked.remove(at);
            }
            Some(_) => return Ok(Ok(key)),
            None => {}
        }
        let of_event = || self.asked.iter().filter(|other| other.cause == asked.cause);
        let actions_max = self.limits.actions_max;
        if of_event().count() >= actions_max {
            return Err(Stopped(format!("more than {actions_max} actions: raise actions_max under [limits]")));
        }
        let bytes: usize = of_event().chain([&asked]).map(|other| other.body.to_string().len()).sum();
        if bytes > self.limits.output_kb * 1024 {
            return Err(Stopped(format!("actions of {bytes} bytes: raise output_kb under [limits]")));
        }
        self.asked.push(asked);
        Ok(Ok(key))
    }
}

pub(crate) fn settings() -> String {
    with(|running| Ok(running.settings.clone()))
}

pub(crate) fn log(level: Level, text: &str) {
    with(|running| {
        running.log.push(format!("{level:?}: {text}"));
        Ok(())
    });
}

pub(crate) fn offers(cause: u32) -> Vec<Offer> {
    with(|running| {
        let offers = running.event(cause).map(|event| event.offers.clone()).map_err(Stopped)?;
        Ok(offers.into_iter().map(|offer| masking::offer(offer, &running.granted)).collect())
    })
}

pub(crate) fn raw(cause: u32) -> Vec<Pairs> {
    with(|running| {
        running.event(cause).map_err(Stopped)?;
        // A fixture has no records.
        running.granted.flag("raw", |grants| grants.raw).map(|()| Vec::new()).map_err(Stopped)
    })
}

pub(crate) fn state_get(key: &str) -> Option<Vec<u8>> {
    with(|running| Ok(running.state.get(key).cloned()))
}

pub(crate) fn state_keys(prefix: &str, after: Option<&str>, max: u32) -> Vec<String> {
    with(|running| {
        let keys = running.state.keys().filter(|key| key.starts_with(prefix));
        let keys = keys.filter(|key| after.is_none_or(|after| key.as_str() > after));
        Ok(keys.take(usize::try_from(max).unwrap_or(usize::MAX)).cloned().collect())
    })
}

pub(crate) fn state_put(cause: u32, key: &str, value: &[u8]) -> Result<(), Refusal> {
    with(|running| {
        if let Err(text) = running.event(cause) {
            return Ok(running.refuse(Refusal::Invalid(text)));
        }
        running.state.insert(key.to_owned(), value.to_owned());
        let bytes: usize = running.state.iter().map(|(key, value)| key.len() + value.len()).sum();
        if bytes > running.limits.state_kb * 1024 {
            return Err(Stopped(format!("a state of {bytes} bytes: raise state_kb under [limits]")));
        }
        Ok(Ok(()))
    })
}

pub(crate) fn state_delete(cause: u32, key: &str) {
    with(|running| {
        running.event(cause).map_err(Stopped)?;
        running.state.remove(key);
        Ok(())
    });
}

pub(crate) fn get_person(cause: u32, id: &str) -> Result<Person, Refusal> {
    with(|running| Ok(running.known(cause, |known| known.people.iter().find(|person| person.id == id).cloned())))
}

pub(crate) fn members(cause: u32, group: &str) -> Result<Vec<String>, Refusal> {
    with(|running| Ok(running.known(cause, |known| known.groups.get(group).cloned())))
}

pub(crate) fn is_open(cause: u32, who: &str, _at: Time) -> Result<bool, Refusal> {
    with(|running| Ok(running.known(cause, |known| Some(known.open.get(who).copied().unwrap_or(known.default_open)))))
}

pub(crate) fn next_open(cause: u32, who: &str, at: Time) -> Result<Time, Refusal> {
    with(|running| {
        Ok(running.known(cause, |known| {
            let is_open = known.open.get(who).copied().unwrap_or(known.default_open);
            known.next_open.get(who).copied().or(is_open.then_some(at))
        }))
    })
}

pub(crate) fn call_back(cause: u32, follow_up: &str, options: &[(&str, &str)]) -> Result<String, Refusal> {
    let body = json!({ "follow_up": follow_up, "options": pairs(options) });
    let subject = Subject::Itself(&[follow_up]);
    ask(cause, "call_back", subject, options, body, |granted| granted.flag("call_back", |grants| grants.call_back))
}

pub(crate) fn email(
    cause: u32,
    to: &[String],
    template: &str,
    data: &str,
    options: &[(&str, &str)],
) -> Result<String, Refusal> {
    let body = json!({ "to": to, "template": template, "data": read(data), "options": pairs(options) });
    let mut subject = vec![template];
    subject.extend(sorted(to));
    ask(cause, "email", Subject::OfEvent(&subject), options, body, |granted| {
        recipients(granted, "email", to, |grants| &grants.email)
    })
}

pub(crate) fn message(cause: u32, to: &[String], text: &str, options: &[(&str, &str)]) -> Result<String, Refusal> {
    let body = json!({ "to": to, "text": text, "options": pairs(options) });
    let mut subject = sorted(to);
    subject.push(text);
    ask(cause, "message", Subject::OfEvent(&subject), options, body, |granted| {
        recipients(granted, "message", to, |grants| &grants.message)
    })
}

pub(crate) fn webhook(cause: u32, destination: &str, json: &str, options: &[(&str, &str)]) -> Result<String, Refusal> {
    let body = json!({ "destination": destination, "json": read(json), "options": pairs(options) });
    let subject = Subject::OfEvent(&[destination, json]);
    ask(cause, "webhook", subject, options, body, |granted| granted.destination(destination))
}

pub(crate) fn tag(cause: u32, id: &str, tag: &str) -> Result<String, Refusal> {
    let body = json!({ "id": id, "tag": tag });
    ask(cause, "tag", Subject::OfEvent(&[id, tag]), &[], body, |granted| granted.flag("tag", |grants| grants.tag))
}

pub(crate) fn settle(cause: u32, follow_up: &str, note: &str) -> Result<String, Refusal> {
    let body = json!({ "follow_up": follow_up, "note": note });
    let subject = Subject::Itself(&[follow_up]);
    ask(cause, "settle", subject, &[], body, |granted| granted.flag("settle", |grants| grants.settle))
}

pub(crate) fn set_timer(cause: u32, name: &str, at: Time, payload: &str) -> Result<String, Refusal> {
    let body = json!({ "name": name, "at": at, "payload": payload });
    ask(cause, "timer", Subject::Timer(name), &[], body, |granted| granted.flag("timers", |grants| grants.timers))
}

pub(crate) fn cancel(cause: u32, key: &str) -> Result<(), Refusal> {
    with(|running| {
        if let Err(text) = running.event(cause) {
            return Ok(running.refuse(Refusal::Invalid(text)));
        }
        // It may have been asked for before this event too, so the host hears of it in any case.
        running.asked.retain(|asked| asked.cause != cause || asked.key != key);
        let asked = Asked { cause, key: key.to_owned(), kind: "cancel", body: json!({ "key": key }) };
        Ok(running.ask(asked)?.map(drop))
    })
}

/// What an action is about, which is what makes it the same when it is asked for again.
enum Subject<'a> {
    /// A follow-up, whichever event asks.
    Itself(&'a [&'a str]),
    /// Of this event only.
    OfEvent(&'a [&'a str]),
    /// The plugin's name for a timer.
    Timer(&'a str),
}

fn ask(
    cause: u32,
    kind: &'static str,
    subject: Subject<'_>,
    options: &[(&str, &str)],
    body: Value,
    granted: impl FnOnce(&Granted) -> Result<(), String>,
) -> Result<String, Refusal> {
    with(|running| {
        let event = match running.event(cause) {
            Ok(event) => event,
            Err(text) => return Ok(running.refuse(Refusal::Invalid(text))),
        };
        if let Err(text) = granted(&running.granted) {
            let is_grant = text.starts_with("not granted");
            return Ok(running.refuse(if is_grant { Refusal::NotGranted(text) } else { Refusal::Invalid(text) }));
        }
        let attempt = options.iter().rev().find(|(name, _)| *name == "attempt").map_or("1", |(_, value)| value);
        let mut parts = vec![event.tenant.as_str(), kind];
        match subject {
            Subject::Timer(name) => parts.extend([running.granted.plugin.as_str(), name]),
            Subject::Itself(subject) => parts.extend(subject.iter().chain([&attempt])),
            Subject::OfEvent(subject) => parts.extend([event.id.as_str()].iter().chain(subject).chain([&attempt])),
        }
        let key = key(kind, &parts);
        running.ask(Asked { cause, key, kind, body })
    })
}

/// Each part with its length before it, so that no two lists of parts are the same bytes: as the real host makes keys.
fn key(kind: &str, parts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(part.as_bytes());
    }
    format!("{kind}:{:032x}", xxh3_128(&bytes))
}

fn recipients(granted: &Granted, name: &str, to: &[String], of: fn(&Grants) -> &Vec<String>) -> Result<(), String> {
    if to.is_empty() {
        return Err(format!("{name} to nobody: name at least one recipient"));
    }
    to.iter().try_for_each(|to| granted.recipient(name, to, of))
}

fn sorted(to: &[String]) -> Vec<&str> {
    let mut to: Vec<&str> = to.iter().map(String::as_str).collect();
    to.sort_unstable();
    to.dedup();
    to
}

fn pairs(options: &[(&str, &str)]) -> Pairs {
    options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What this SDK wrote as JSON itself.
fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or(Value::Null)
}
