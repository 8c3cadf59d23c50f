//! The real host, as a plugin in WebAssembly sees it: our words to the contract's and back.

use std::panic;
use std::sync::Once;

use crate::bindings::ringback::plugin::{actions, calls, directory, env, state, types};
use crate::cx::{Level, Person};
use crate::event::{About, Call, Delivery, Event, FollowUp, Limit, Missed, Offer, Pairs, Party, Timer};
use crate::plugin::{Failure, Plugin, Refusal};
use crate::time::Time;

/// What the exported function does.
pub fn handle(events: Vec<types::Event>, plugin: &impl Plugin) -> Vec<types::Handled> {
    log_panics();
    let events: Vec<Event> = events.into_iter().map(event).collect();
    let answers = crate::plugin::handle(plugin, &events).into_iter();
    let handled = answers.map(|answer| match answer {
        Ok(()) => types::Handled::Done,
        Err(Failure::Later(after_s)) => types::Handled::Later(after_s),
        Err(Failure::Failed(why)) => types::Handled::Failed(why),
    });
    handled.collect()
}

/// A panic ends the instance, and the host only sees a trap: the text and the place go to the log before.
fn log_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| panic::set_hook(Box::new(|info| env::log(env::Level::Error, &info.to_string()))));
}

pub(crate) fn settings() -> String {
    env::settings()
}

pub(crate) fn log(level: Level, text: &str) {
    let level = match level {
        Level::Debug => env::Level::Debug,
        Level::Info => env::Level::Info,
        Level::Warn => env::Level::Warn,
        Level::Error => env::Level::Error,
    };
    env::log(level, text);
}

pub(crate) fn offers(cause: u32) -> Vec<Offer> {
    let offer = |offer: types::Offer| Offer {
        target: offer.target,
        person: offer.person,
        group: offer.group,
        rang_at: offer.rang_at.map(time),
        ended_at: offer.ended_at.map(time),
        end: offer.end.into(),
        reason: offer.reason.map(Into::into),
    };
    calls::offers(cause).into_iter().map(offer).collect()
}

pub(crate) fn raw(cause: u32) -> Vec<Pairs> {
    calls::raw(cause).into_iter().map(pairs).collect()
}

pub(crate) fn state_get(key: &str) -> Option<Vec<u8>> {
    state::get(key)
}

pub(crate) fn state_keys(prefix: &str, after: Option<&str>, max: u32) -> Vec<String> {
    state::keys(prefix, after, max)
}

pub(crate) fn state_put(cause: u32, key: &str, value: &[u8]) -> Result<(), Refusal> {
    state::put(cause, key, value).map_err(refusal)
}

pub(crate) fn state_delete(cause: u32, key: &str) {
    state::delete(cause, key);
}

pub(crate) fn get_person(cause: u32, id: &str) -> Result<Person, Refusal> {
    let person = directory::get_person(cause, id).map_err(refusal)?;
    Ok(Person {
        id: person.id,
        name: person.name,
        extensions: person.extensions,
        groups: person.groups,
        head: person.head,
        presence: person.presence.into(),
        facts: pairs(person.facts),
    })
}

pub(crate) fn members(cause: u32, group: &str) -> Result<Vec<String>, Refusal> {
    directory::members(cause, group).map_err(refusal)
}

pub(crate) fn is_open(cause: u32, who: &str, at: Time) -> Result<bool, Refusal> {
    directory::is_open(cause, who, moment(at)).map_err(refusal)
}

pub(crate) fn next_open(cause: u32, who: &str, at: Time) -> Result<Time, Refusal> {
    directory::next_open(cause, who, moment(at)).map(time).map_err(refusal)
}

pub(crate) fn call_back(cause: u32, follow_up: &str, with: &[(&str, &str)]) -> Result<String, Refusal> {
    actions::call_back(cause, follow_up, &options(with)).map_err(refusal)
}

pub(crate) fn email(
    cause: u32,
    to: &[String],
    template: &str,
    data: &str,
    with: &[(&str, &str)],
) -> Result<String, Refusal> {
    actions::email(cause, to, template, data, &options(with)).map_err(refusal)
}

pub(crate) fn message(cause: u32, to: &[String], text: &str, with: &[(&str, &str)]) -> Result<String, Refusal> {
    actions::message(cause, to, text, &options(with)).map_err(refusal)
}

pub(crate) fn webhook(cause: u32, destination: &str, json: &str, with: &[(&str, &str)]) -> Result<String, Refusal> {
    actions::webhook(cause, destination, json, &options(with)).map_err(refusal)
}

pub(crate) fn tag(cause: u32, id: &str, tag: &str) -> Result<String, Refusal> {
    actions::tag(cause, id, tag).map_err(refusal)
}

pub(crate) fn settle(cause: u32, follow_up: &str, note: &str) -> Result<String, Refusal> {
    actions::settle(cause, follow_up, note).map_err(refusal)
}

pub(crate) fn set_timer(cause: u32, name: &str, at: Time, payload: &str) -> Result<String, Refusal> {
    actions::set_timer(cause, name, moment(at), payload).map_err(refusal)
}

pub(crate) fn cancel(cause: u32, key: &str) -> Result<(), Refusal> {
    actions::cancel(cause, key).map_err(refusal)
}

fn refusal(refusal: types::Refusal) -> Refusal {
    match refusal {
        types::Refusal::NotGranted(text) => Refusal::NotGranted(text),
        types::Refusal::Invalid(text) => Refusal::Invalid(text),
        types::Refusal::OverLimit(after_s) => Refusal::OverLimit { after_s },
        types::Refusal::NotFound => Refusal::NotFound,
    }
}

fn options(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn time(ms: u64) -> Time {
    Time(i64::try_from(ms).unwrap_or(i64::MAX))
}

fn moment(time: Time) -> u64 {
    u64::try_from(time.0).unwrap_or(0)
}

fn pairs(pairs: types::Pairs) -> Pairs {
    pairs.into_iter().collect()
}

fn event(event: types::Event) -> Event {
    let about = match event.about {
        types::About::Call(told) => About::Call(Box::new(call(told))),
        types::About::Missed(told) => {
            About::Missed(Box::new(Missed { call: call(told.call), follow_up: follow_up(told.follow_up) }))
        }
        types::About::FollowUp(told) => About::FollowUp(Box::new(follow_up(told))),
        types::About::Limit(told) => About::Limit(Limit {
            name: told.name,
            subject: told.subject,
            since: time(told.since),
            until: time(told.until),
            value: told.value,
            threshold: told.threshold,
            raised: told.raised,
        }),
        types::About::Timer(told) => {
            About::Timer(Timer { name: told.name, due_at: time(told.due_at), payload: told.payload })
        }
        types::About::Delivery(told) => About::Delivery(Delivery {
            action: told.action,
            kind: told.kind,
            status: told.status.into(),
            detail: told.detail,
            call: told.call,
        }),
        types::About::Json(told) => About::Json(told),
    };
    Event {
        id: event.id,
        kind: event.kind.into(),
        at: time(event.at),
        now: time(event.now),
        tenant: event.tenant,
        about,
        offers: Vec::new(),
    }
}

fn call(call: types::Call) -> Call {
    Call {
        id: call.id,
        direction: call.direction.into(),
        outcome: call.outcome.into(),
        missed: call.missed,
        short: call.short,
        out_of_hours: call.out_of_hours,
        reason: call.reason.map(Into::into),
        caller: Party {
            number: call.caller.number,
            extension: call.caller.extension,
            person: call.caller.person,
            name: call.caller.name,
        },
        did: call.did,
        trunk: call.trunk,
        entry: call.entry.map(Into::into),
        queue: call.queue,
        group: call.group,
        owner: call.owner,
        answered_by: call.answered_by,
        started_at: time(call.started_at),
        answered_at: call.answered_at.map(time),
        ended_at: time(call.ended_at),
        wait_time_s: call.wait_time_s,
        talk_time_s: call.talk_time_s,
        facts: pairs(call.facts),
    }
}

fn follow_up(told: types::FollowUp) -> FollowUp {
    FollowUp {
        id: told.id,
        status: told.status.into(),
        customer_calls: told.customer_calls,
        our_attempts: told.our_attempts,
        first_at: time(told.first_at),
        last_at: time(told.last_at),
        due_at: told.due_at.map(time),
        owner: told.owner,
        facts: pairs(told.facts),
    }
}
