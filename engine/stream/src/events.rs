//! What of the conclusions of one step the outside is told.

use adapters::leg::{Moment, Text};
use calls::event::Event;
use calls::line::Word;
use calls::telling::Telling;

use crate::conclusions::Conclusions;

/// An event, with what it is known by where names have changed since it was told first.
#[derive(Clone, Debug, PartialEq)]
pub struct Tellable {
    /// The event.
    pub event: Event,
    /// The follow-up that it is about, as it is called now.
    pub follow_up: Option<Text>,
    /// The call that is told of once, under whichever name.
    pub call: Option<Text>,
    /// What is told of the follow-up once.
    pub once: Option<String>,
}

/// The events of these conclusions, of the kinds that somebody hears. `now` is the engine's time.
pub fn events(conclusions: &Conclusions, now: Moment, is_heard: impl Fn(&str) -> bool) -> Vec<Tellable> {
    let at = conclusions.clock;
    let mut events = Vec::new();
    for call in conclusions.calls.iter().filter(|call| call.told.0.is_final) {
        let line = &*call.told.0;
        let (telling, id) = (Telling { tenant: &line.tenant, at, now }, Some(line.call_id.clone()));
        let of_call =
            |event: Event, follow_up: Option<Text>, call: Option<Text>| Tellable { event, follow_up, call, once: None };
        if is_heard("call-revised") && conclusions.revised.contains(&line.call_id) {
            events.push(of_call(telling.call_revised(line, call.content), None, None));
        }
        if is_heard("call-ended") {
            events.push(of_call(telling.call_ended(line), None, id.clone()));
        }
        let owed = conclusions.follow_ups.iter().filter(|_| line.missed && is_heard("call-missed"));
        if let Some(owed) = owed.map(|owed| &owed.told.0).find(|owed| owed.calls.contains(&line.call_id)) {
            events.push(of_call(telling.call_missed(line, owed), Some(owed.line.id.clone()), id));
        }
    }
    for owed in conclusions.follow_ups.iter().map(|owed| &*owed.told.0) {
        let (kind, once) = match owed.line.status.word() {
            "open" => ("follow-up-opened", ""),
            "dealing" => continue,
            status => ("follow-up-settled", status),
        };
        if is_heard(kind) {
            events.push(of_follow_up(kind, owed, once.to_owned(), at, now));
        }
    }
    for owed in conclusions.due.iter().filter(|_| is_heard("follow-up-due")) {
        let due_at = owed.line.due_at.map(|at| at.0.to_string()).unwrap_or_default();
        events.push(of_follow_up("follow-up-due", owed, due_at, at, now));
    }
    for told in conclusions.events.iter().filter(|told| is_heard(told.kind())) {
        let event = Telling { tenant: told.tenant(), at, now }.window(told);
        events.extend(event.map(|event| Tellable { event, follow_up: None, call: None, once: None }));
    }
    events
}

fn of_follow_up(
    kind: &'static str,
    owed: &calls::customers::FollowUp,
    once: String,
    at: Moment,
    now: Moment,
) -> Tellable {
    let event = Telling { tenant: &owed.tenant, at, now }.follow_up(kind, owed);
    Tellable { event, follow_up: Some(owed.line.id.clone()), call: None, once: Some(once) }
}
