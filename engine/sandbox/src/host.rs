//! What plugins may call. Each function checks the cause and the grant, and then only reads or queues: nothing happens here.

use std::sync::Arc;

use ::calls::event::Event;

use crate::action::{self, Action, Asked};
use crate::contract::{Refusal, actions, calls as contract_calls, directory, env, offer, state, types};
use crate::cpu::Meter;
use crate::grants::{Granted, recipient_entry};
use crate::handling::{Fault, Level};
use crate::limits::Limits;
use crate::mask;
use crate::memory::Memory;
use crate::turn::Turn;
use crate::world::Unavailable;

/// How long a line of a plugin's log may be; the rest of it is cut.
const LOG_LINE_BYTES_MAX: usize = 4_096;

/// How long a key of the state may be.
const STATE_KEY_BYTES_MAX: usize = 512;

/// The last moment that everything around us can print: the end of the year 9999, in milliseconds since 1970 UTC.
const MOMENT_MAX: u64 = 253_402_300_799_999;

/// How long the name of a timer may be.
const TIMER_NAME_BYTES_MAX: usize = 200;

/// What holds for a plugin whatever it is called for.
pub(crate) struct Rules {
    pub(crate) plugin: String,
    pub(crate) settings: String,
    pub(crate) granted: Granted,
    pub(crate) limits: Limits,
    pub(crate) log_lines_max: usize,
}

/// What belongs to one instance: it is the data of its store.
pub(crate) struct Host {
    pub(crate) rules: Arc<Rules>,
    pub(crate) memory: Memory,
    /// `None` while nothing is handled.
    pub(crate) turn: Option<Turn>,
    pub(crate) meter: Meter,
}

type Answer<T> = wasmtime::Result<Result<T, Refusal>>;

impl Host {
    fn turn(&mut self) -> wasmtime::Result<&mut Turn> {
        self.turn.as_mut().ok_or_else(|| wasmtime::Error::msg("called while it starts, when there is no event yet"))
    }

    /// Ends the call: the plugin does not go on.
    fn stop(&mut self, kind: Fault, why: String) -> wasmtime::Error {
        let error = wasmtime::Error::msg(why.clone());
        if let Some(turn) = &mut self.turn {
            turn.stopped = Some((kind, why));
        }
        error
    }

    fn answered<T>(&mut self, answer: Result<T, Unavailable>) -> wasmtime::Result<T> {
        answer.map_err(|Unavailable(why)| self.stop(Fault::Host, why))
    }

    /// Asks about the event of a cause, in a function that cannot refuse.
    fn about<T>(
        &mut self,
        cause: u32,
        ask: impl FnOnce(&Turn, &Event) -> Result<T, Unavailable>,
    ) -> wasmtime::Result<T> {
        let turn = self.turn()?;
        match turn.event(cause).map(|event| ask(turn, event)) {
            Ok(answer) => self.answered(answer),
            Err(why) => {
                let why = format!("{why}: causes are indexes of the events that `handle` was given");
                Err(self.stop(Fault::Cause, why))
            }
        }
    }

    fn refuse<T>(&mut self, cause: u32, refusal: Refusal) -> Answer<T> {
        let turn = self.turn()?;
        let text = match &refusal {
            Refusal::NotGranted(text) | Refusal::Invalid(text) => Some(text.clone()),
            Refusal::OverLimit(_) | Refusal::NotFound => None,
        };
        turn.refused.extend(text.map(|text| (cause, text)));
        Ok(Err(refusal))
    }

    /// Queues an action, if what is asked for makes sense and is granted.
    fn ask(
        &mut self,
        cause: u32,
        bytes: usize,
        content: &str,
        action: impl FnOnce(&Granted) -> Result<Action, Refusal>,
    ) -> Answer<String> {
        let rules = Arc::clone(&self.rules);
        let turn = self.turn()?;
        let asked = match turn.event(cause) {
            Err(why) => Err(Refusal::Invalid(why)),
            Ok(event) => action(&rules.granted).map(|action| {
                let key = action.key(&rules.plugin, event, content);
                Asked { key, action }
            }),
        };
        let asked = match asked {
            Ok(asked) => asked,
            Err(refusal) => return self.refuse(cause, refusal),
        };
        let key = asked.key.clone();
        let (count, all) = turn.ask(cause, asked, bytes);
        let limits = &rules.limits;
        let place = format!("under [limits] in plugins/{}/plugin.toml", rules.plugin);
        if count > limits.actions_max {
            let max = limits.actions_max;
            let why =
                format!("one event asked for more than {max} actions: ask for fewer, or raise actions_max {place}");
            return Err(self.stop(Fault::Output, why));
        }
        if all > limits.output_bytes() {
            let max = limits.output_kb;
            let why =
                format!("the actions of one event are larger than {max} KiB: ask for less, or raise output_kb {place}");
            return Err(self.stop(Fault::Output, why));
        }
        Ok(Ok(key))
    }

    /// Asks who is who, if that is granted.
    fn look_up<T>(
        &mut self,
        cause: u32,
        ask: impl FnOnce(&Turn, &Event) -> Result<Option<T>, Unavailable>,
    ) -> Answer<T> {
        let rules = Arc::clone(&self.rules);
        if let Err(why) = rules.granted.flag("directory", |g| g.directory) {
            return self.refuse(cause, Refusal::NotGranted(why));
        }
        let turn = self.turn()?;
        let answer = match turn.event(cause) {
            Err(why) => return self.refuse(cause, Refusal::Invalid(why)),
            Ok(event) => ask(turn, event),
        };
        match self.answered(answer)? {
            Some(found) => Ok(Ok(found)),
            None => self.refuse(cause, Refusal::NotFound),
        }
    }

    fn sees_numbers(&self) -> bool {
        self.rules.granted.flag("numbers", |g| g.numbers).is_ok()
    }
}

impl env::Host for Host {
    fn settings(&mut self) -> wasmtime::Result<String> {
        Ok(self.rules.settings.clone())
    }

    fn log(&mut self, level: env::Level, mut message: String) -> wasmtime::Result<()> {
        let max = self.rules.log_lines_max;
        // A plugin that starts may log; nobody listens yet.
        let Some(turn) = &mut self.turn else { return Ok(()) };
        if turn.log.len() >= max {
            turn.log_left_out += 1;
            return Ok(());
        }
        cut(&mut message, LOG_LINE_BYTES_MAX);
        let level = match level {
            env::Level::Debug => Level::Debug,
            env::Level::Info => Level::Info,
            env::Level::Warn => Level::Warn,
            env::Level::Error => Level::Error,
        };
        turn.log.push((level, message));
        Ok(())
    }
}

impl types::Host for Host {}

impl contract_calls::Host for Host {
    fn offers(&mut self, cause: u32) -> wasmtime::Result<Vec<types::Offer>> {
        let mut offers = self.about(cause, |turn, event| turn.world.offers(event))?;
        if !self.sees_numbers() {
            mask::offers(&mut offers);
        }
        Ok(offers.into_iter().map(offer).collect())
    }

    fn raw(&mut self, cause: u32) -> wasmtime::Result<Vec<types::PairsResult>> {
        if let Err(why) = self.rules.granted.flag("raw", |g| g.raw) {
            return Err(self.stop(Fault::NotGranted, why));
        }
        let mut records = self.about(cause, |turn, event| turn.world.raw(event))?;
        if !self.sees_numbers() {
            records.iter_mut().for_each(mask::pairs);
        }
        Ok(records.into_iter().map(|columns| columns.into_iter().collect()).collect())
    }
}

impl state::Host for Host {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        let answer = self.turn()?.get(&key);
        self.answered(answer)
    }

    fn keys(&mut self, prefix: String, after: Option<String>, max: u32) -> wasmtime::Result<Vec<String>> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let answer = self.turn()?.keys(&prefix, after.as_deref(), max);
        self.answered(answer)
    }

    fn put(&mut self, cause: u32, key: String, value: Vec<u8>) -> Answer<()> {
        if let Err(why) = self.turn()?.event(cause) {
            return self.refuse(cause, Refusal::Invalid(why));
        }
        if key.is_empty() || key.len() > STATE_KEY_BYTES_MAX {
            let why = format!("a key of the state has 1 to {STATE_KEY_BYTES_MAX} bytes, this one has {}", key.len());
            return self.refuse(cause, Refusal::Invalid(why));
        }
        let answer = self.turn()?.put(cause, key, Some(value));
        let all = self.answered(answer)?;
        if all > self.rules.limits.state_bytes() {
            let Limits { state_kb, .. } = self.rules.limits;
            let why = format!(
                "its state is larger than {state_kb} KiB: delete what is settled, or raise state_kb under [limits] in \
                 plugins/{}/plugin.toml",
                self.rules.plugin
            );
            return Err(self.stop(Fault::State, why));
        }
        Ok(Ok(()))
    }

    fn delete(&mut self, cause: u32, key: String) -> wasmtime::Result<()> {
        self.about(cause, |_, _| Ok(()))?;
        let answer = self.turn()?.put(cause, key, None);
        self.answered(answer).map(|_| ())
    }
}

impl directory::Host for Host {
    fn get_person(&mut self, cause: u32, id: String) -> Answer<directory::Person> {
        let found = self.look_up(cause, |turn, event| turn.world.get_person(event, &id))?;
        Ok(found.map(|person| directory::Person {
            id: person.id,
            name: person.name,
            extensions: person.extensions,
            groups: person.groups,
            head: person.head,
            presence: person.presence,
            facts: person.facts.into_iter().collect(),
        }))
    }

    fn members(&mut self, cause: u32, group: String) -> Answer<Vec<String>> {
        self.look_up(cause, |turn, event| turn.world.members(event, &group))
    }

    fn is_open(&mut self, cause: u32, who: String, at: u64) -> Answer<bool> {
        match moment(at) {
            Ok(at) => self.look_up(cause, |turn, event| turn.world.is_open(event, &who, at)),
            Err(refusal) => self.refuse(cause, refusal),
        }
    }

    fn next_open(&mut self, cause: u32, who: String, at: u64) -> Answer<u64> {
        let found = match moment(at) {
            Ok(at) => self.look_up(cause, |turn, event| turn.world.next_open(event, &who, at))?,
            Err(refusal) => return self.refuse(cause, refusal),
        };
        Ok(found.map(|at| u64::try_from(at).unwrap_or(0)))
    }
}

type Options = Vec<(String, String)>;

impl actions::Host for Host {
    fn call_back(&mut self, cause: u32, follow_up: String, options: Options) -> Answer<String> {
        let bytes = follow_up.len() + length(&options);
        self.ask(cause, bytes, "", |granted| {
            flag(granted, "call_back", |g| g.call_back)?;
            named("follow-up", &follow_up)?;
            Ok(Action::CallBack { follow_up, options: action::pairs(options) })
        })
    }

    fn email(
        &mut self,
        cause: u32,
        to: Vec<String>,
        template: String,
        data: String,
        options: Options,
    ) -> Answer<String> {
        let bytes = texts(&to) + template.len() + data.len() + length(&options);
        self.ask(cause, bytes, "", |granted| {
            recipients(granted, "email", &to, |g| &g.email)?;
            named("template", &template)?;
            let data = json("data", &data)?;
            Ok(Action::Email { to, template, data, options: action::pairs(options) })
        })
    }

    fn message(&mut self, cause: u32, to: Vec<String>, text: String, options: Options) -> Answer<String> {
        let bytes = texts(&to) + text.len() + length(&options);
        self.ask(cause, bytes, "", |granted| {
            recipients(granted, "message", &to, |g| &g.message)?;
            named("text", &text)?;
            Ok(Action::Message { to, text, options: action::pairs(options) })
        })
    }

    fn webhook(&mut self, cause: u32, destination: String, body: String, options: Options) -> Answer<String> {
        let bytes = destination.len() + body.len() + length(&options);
        let content = body.clone();
        self.ask(cause, bytes, &content, |granted| {
            named("destination", &destination)?;
            granted.destination(&destination).map_err(Refusal::NotGranted)?;
            let json = json("json", &body)?;
            Ok(Action::Webhook { destination, json, options: action::pairs(options) })
        })
    }

    fn tag(&mut self, cause: u32, id: String, tag: String) -> Answer<String> {
        let bytes = id.len() + tag.len();
        self.ask(cause, bytes, "", |granted| {
            flag(granted, "tag", |g| g.tag)?;
            named("id", &id)?;
            named("tag", &tag)?;
            Ok(Action::Tag { id, tag })
        })
    }

    fn settle(&mut self, cause: u32, follow_up: String, note: String) -> Answer<String> {
        let bytes = follow_up.len() + note.len();
        self.ask(cause, bytes, "", |granted| {
            flag(granted, "settle", |g| g.settle)?;
            named("follow-up", &follow_up)?;
            Ok(Action::Settle { follow_up, note })
        })
    }

    fn set_timer(&mut self, cause: u32, name: String, at: u64, payload: String) -> Answer<String> {
        let bytes = name.len() + payload.len();
        self.ask(cause, bytes, "", |granted| {
            flag(granted, "timers", |g| g.timers)?;
            named("name", &name)?;
            if name.len() > TIMER_NAME_BYTES_MAX {
                let why = format!(
                    "the name of a timer has at most {TIMER_NAME_BYTES_MAX} bytes, this one has {}",
                    name.len()
                );
                return Err(Refusal::Invalid(why));
            }
            Ok(Action::Timer { name, at: moment(at)?, payload })
        })
    }

    fn cancel(&mut self, cause: u32, key: String) -> Answer<()> {
        let bytes = key.len();
        let answer = self.ask(cause, bytes, "", |_| {
            named("key", &key)?;
            Ok(Action::Cancel { key })
        })?;
        Ok(answer.map(|_| ()))
    }
}

fn flag(granted: &Granted, name: &str, of: fn(&crate::grants::Grants) -> bool) -> Result<(), Refusal> {
    granted.flag(name, of).map_err(Refusal::NotGranted)
}

fn recipients(
    granted: &Granted,
    name: &str,
    to: &[String],
    of: fn(&crate::grants::Grants) -> &Vec<String>,
) -> Result<(), Refusal> {
    if to.is_empty() {
        return Err(Refusal::Invalid(format!("{name} to nobody: list at least one recipient")));
    }
    for recipient in to {
        if recipient_entry(recipient).is_none() {
            let expected = "write person:ID, head:ID, group:ID or an address";
            return Err(Refusal::Invalid(format!("`{recipient}` is no recipient: {expected}")));
        }
        granted.recipient(name, recipient, of).map_err(Refusal::NotGranted)?;
    }
    Ok(())
}

fn named(what: &str, text: &str) -> Result<(), Refusal> {
    if text.is_empty() { Err(Refusal::Invalid(format!("{what} is empty"))) } else { Ok(()) }
}

fn json(what: &str, text: &str) -> Result<serde_json::Value, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::Invalid(format!("{what} is no JSON: {error}")))
}

fn texts(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
}

fn length(options: &Options) -> usize {
    options.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// A moment that calendars can reckon with.
fn moment(at: u64) -> Result<i64, Refusal> {
    let wrong = || Refusal::Invalid(format!("at = {at} is after the year 9999: moments are milliseconds since 1970"));
    i64::try_from(at).ok().filter(|_| at <= MOMENT_MAX).ok_or_else(wrong)
}

/// Cuts a text at a letter's end.
pub(crate) fn cut(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push('…');
    }
}
