//! A plugin for tests: the name of a timer says what it does, the payload with what. A missed call has it work as plugins do.

wit_bindgen::generate!({ path: "../../../../plugins/sdk/wit/v1", world: "plugin" });

use std::cell::Cell;

use exports::ringback::plugin::handler::{Event, Guest, Handled};
use ringback::plugin::types::{About, Missed, Refusal, Timer};
use ringback::plugin::{actions, calls, directory, env, state};

struct Plugin;

export!(Plugin);

thread_local! {
    /// How many events this instance has seen: a variable that a restart forgets.
    static SEEN: Cell<u32> = const { Cell::new(0) };
}

impl Guest for Plugin {
    fn handle(events: Vec<Event>) -> Vec<Handled> {
        std::panic::set_hook(Box::new(|panic| env::log(env::Level::Error, &panic.to_string())));
        let mut answers = Vec::new();
        for (cause, event) in (0..).zip(&events) {
            SEEN.set(SEEN.get() + 1);
            match &event.about {
                About::Timer(timer) if timer.name == "no_answer" => {}
                About::Timer(timer) if timer.name == "two_answers" => answers.extend([Handled::Done, Handled::Done]),
                About::Timer(timer) => answers.push(ended(timer_due(cause, event, timer))),
                About::Missed(missed) => answers.push(ended(call_missed(cause, missed))),
                About::Json(text) if text == "tell" => answers.push(Handled::Failed(format!("{event:?}"))),
                _ => answers.push(Handled::Done),
            }
        }
        answers
    }
}

fn ended(result: Result<Handled, Refusal>) -> Handled {
    match result {
        Ok(handled) => handled,
        Err(Refusal::NotGranted(text) | Refusal::Invalid(text)) => Handled::Failed(text),
        Err(Refusal::OverLimit(_)) => Handled::Failed("over limit".into()),
        Err(Refusal::NotFound) => Handled::Failed("not found".into()),
    }
}

/// What the plugins of the benches do too: some of the fields are read, one action is asked for.
fn call_missed(cause: u32, missed: &Missed) -> Result<Handled, Refusal> {
    let Some(number) = &missed.call.caller.number else { return Ok(Handled::Done) };
    let hash = number
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    if missed.call.short || missed.follow_up.status != "open" {
        return Ok(Handled::Done);
    }
    if hash % 4 == 0 {
        let to = missed.call.owner.clone().unwrap_or_else(|| "group:sales".into());
        actions::message(cause, &[to], &format!("{number} called in vain"), &[])?;
    } else {
        actions::call_back(cause, &missed.follow_up.id, &[("attempt".into(), "1".into())])?;
    }
    Ok(Handled::Done)
}

fn timer_due(cause: u32, event: &Event, timer: &Timer) -> Result<Handled, Refusal> {
    let payload = timer.payload.as_str();
    match timer.name.as_str() {
        "done" => {}
        "later" => return Ok(Handled::Later(payload.parse().unwrap_or(60))),
        "failed" => return Ok(Handled::Failed(payload.into())),
        "settings" => return Ok(Handled::Failed(env::settings())),
        "seen" => return Ok(Handled::Failed(SEEN.get().to_string())),
        "loop" => loop {
            std::hint::black_box(cause);
        },
        "memory" => {
            let mut kept = Vec::new();
            loop {
                kept.push(std::hint::black_box(vec![1_u8; 65_536]));
            }
        }
        "hold" => std::mem::forget(vec![1_u8; payload.parse().unwrap_or(0)]),
        "recursion" => return Ok(Handled::Later(deeper(cause))),
        "panic" => panic!("{payload}"),
        "many_actions" => {
            for number in 0..payload.parse().unwrap_or(1_000) {
                actions::tag(cause, &event.id, &format!("tag{number}"))?;
            }
        }
        "large_action" => {
            actions::message(cause, &["person:ann".into()], &"x".repeat(payload.parse().unwrap_or(0)), &[])?;
        }
        "large_state" => {
            for number in 0..10_000 {
                state::put(cause, &format!("key{number}"), &[0; 1_024])?;
            }
        }
        "large_log" => env::log(env::Level::Info, &"x".repeat(payload.parse().unwrap_or(0))),
        "many_logs" => {
            for number in 0..payload.parse().unwrap_or(0) {
                env::log(env::Level::Debug, &format!("line {number}"));
            }
        }
        "wrong_cause" => return wrong_cause(payload).map(|()| Handled::Done),
        "raw" => return Ok(Handled::Failed(format!("{:?}", calls::raw(cause)))),
        "offers" => return Ok(Handled::Failed(format!("{:?}", calls::offers(cause)))),
        "person" => return Ok(Handled::Failed(format!("{:?}", directory::get_person(cause, payload)?))),
        "members" => return Ok(Handled::Failed(directory::members(cause, payload)?.join(" "))),
        "open" => return Ok(Handled::Failed(directory::is_open(cause, payload, event.at)?.to_string())),
        "next_open" => return Ok(Handled::Failed(directory::next_open(cause, payload, event.at)?.to_string())),
        "at_the_end_of_time" => match payload {
            "open" => return Ok(Handled::Failed(directory::is_open(cause, "site:pier", u64::MAX)?.to_string())),
            "next_open" => return Ok(Handled::Failed(directory::next_open(cause, "site:pier", u64::MAX)?.to_string())),
            _ => drop(actions::set_timer(cause, "never", u64::MAX, "")?),
        },
        "keys" => return Ok(Handled::Failed(state::keys(payload, None, 100).join(" "))),
        "get" => return Ok(Handled::Failed(text(payload))),
        "put" => {
            let (key, value) = payload.split_once('=').unwrap_or((payload, ""));
            state::put(cause, key, value.as_bytes())?;
        }
        "put_and_fail" => {
            state::put(cause, payload, b"never")?;
            actions::tag(cause, &event.id, "never")?;
            return Ok(Handled::Failed("on purpose".into()));
        }
        "delete" => state::delete(cause, payload),
        "count" => {
            let count: u32 = text(payload).parse().unwrap_or(0) + 1;
            state::put(cause, payload, count.to_string().as_bytes())?;
        }
        // What it comes to depends on the order of the events.
        "chain" => {
            let chained = text(payload).bytes().chain(event.id.bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            state::put(cause, payload, format!("{chained:016x}").as_bytes())?;
            actions::message(cause, &["person:ann".into()], &format!("{chained:016x}"), &[])?;
        }
        "ask" => return ask(cause, event, payload).map(|()| Handled::Done),
        other => return Ok(Handled::Failed(format!("nobody told what {other} means"))),
    }
    Ok(Handled::Done)
}

/// One of everything, each by its word.
fn ask(cause: u32, event: &Event, words: &str) -> Result<(), Refusal> {
    for word in words.split_whitespace() {
        match word {
            "call_back" => actions::call_back(cause, "f1", &[]).map(drop)?,
            "second_attempt" => actions::call_back(cause, "f1", &[("attempt".into(), "2".into())]).map(drop)?,
            "message" => actions::message(cause, &["person:ann".into()], "hello", &[]).map(drop)?,
            "webhook" => actions::webhook(cause, "crm", "{\"a\":1}", &[]).map(drop)?,
            "no_json" => actions::webhook(cause, "crm", "{", &[]).map(drop)?,
            "tag" => actions::tag(cause, &event.id, "vip").map(drop)?,
            "settle" => actions::settle(cause, "f1", "spoke").map(drop)?,
            "timer" => actions::set_timer(cause, "again", event.at + 1_000, "p").map(drop)?,
            "timer_later" => actions::set_timer(cause, "again", event.at + 2_000, "q").map(drop)?,
            "cancel_timer" => {
                let key = actions::set_timer(cause, "again", event.at, "")?;
                actions::cancel(cause, &key)?;
            }
            "nobody" => actions::email(cause, &[], "missed", "{}", &[]).map(drop)?,
            // What is refused is forgotten: the next word is asked for all the same.
            "ignored" => drop(actions::settle(cause, "f1", "")),
            to => {
                actions::email(cause, &[to.into()], "missed", "{\"n\":1}", &[("lang".into(), "de".into())]).map(drop)?
            }
        }
    }
    Ok(())
}

fn wrong_cause(function: &str) -> Result<(), Refusal> {
    const NONE: u32 = 7;
    match function {
        "put" => state::put(NONE, "key", b"value"),
        "delete" => Ok(state::delete(NONE, "key")),
        "offers" => Ok(drop(calls::offers(NONE))),
        "get_person" => directory::get_person(NONE, "ann").map(drop),
        "cancel" => actions::cancel(NONE, "key"),
        _ => actions::call_back(NONE, "f1", &[]).map(drop),
    }
}

fn text(key: &str) -> String {
    state::get(key).map(|value| String::from_utf8_lossy(&value).into_owned()).unwrap_or_default()
}

#[inline(never)]
#[allow(unconditional_recursion)]
fn deeper(depth: u32) -> u32 {
    let here = std::hint::black_box([depth; 64]);
    std::hint::black_box(deeper(here[0] + 1)) + here[1]
}
