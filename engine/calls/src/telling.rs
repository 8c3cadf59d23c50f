//! From conclusions to what the outside is told: the records of [`crate::event`].
//!
//! Values in, values out: which of them is told when is for whoever draws the conclusions to say.

use adapters::leg::{Moment, Text};

use crate::call::hex;
use crate::customers::FollowUp;
use crate::event::{self, About, Event, Offer, Pairs, Party, Time};
use crate::journey::Direction;
use crate::line::{CallLine, NOT_TOLD, OfferLine, Seconds, Word};
use crate::measure::Thousandths;
use crate::window::WindowEvent;

/// When and to whom something is told.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'t> {
    /// The company.
    pub tenant: &'t str,
    /// The log's clock.
    pub at: Moment,
    /// The engine's time.
    pub now: Moment,
}

impl Telling<'_> {
    /// A call whose verdict is final: `call-ended`.
    #[must_use]
    pub fn call_ended(&self, line: &CallLine) -> Event {
        let about = About::Call(Box::new(call(line)));
        self.event("call-ended", &[&line.call_id], about, offers(line))
    }

    /// A late record changed a verdict that was final: `call-revised`. `content` names what it says now.
    #[must_use]
    pub fn call_revised(&self, line: &CallLine, content: u64) -> Event {
        let about = About::Call(Box::new(call(line)));
        self.event("call-revised", &[&line.call_id, &content.to_string()], about, offers(line))
    }

    /// A call that nobody answered, with what is owed for it: `call-missed`.
    #[must_use]
    pub fn call_missed(&self, line: &CallLine, owed: &FollowUp) -> Event {
        let about = About::Missed(Box::new(event::Missed { call: call(line), follow_up: follow_up(owed) }));
        self.event("call-missed", &[&line.call_id], about, offers(line))
    }

    /// Something happened to what is owed: `follow-up-opened`, `follow-up-due`, `follow-up-settled`.
    #[must_use]
    pub fn follow_up(&self, kind: &'static str, owed: &FollowUp) -> Event {
        let about = About::FollowUp(Box::new(follow_up(owed)));
        self.event(kind, &[&owed.line.id, owed.line.status.word()], about, Vec::new())
    }

    /// What happened to a limit or a window. `None` where a figure is not told, which no limit is crossed by.
    #[must_use]
    pub fn window(&self, told: &WindowEvent) -> Option<Event> {
        let about = match told {
            WindowEvent::LimitCrossed(limit) | WindowEvent::LimitCleared(limit) => About::Limit(event::Limit {
                name: limit.limit.to_string(),
                subject: format!("{}:{}", limit.scope, limit.scope_id),
                since: time(limit.opened_at),
                until: time(limit.opened_at.plus_ms(i64::from(limit.size_s) * 1000)),
                value: limit.value.map_or(0.0, in_units),
                threshold: in_units(limit.above),
                raised: matches!(told, WindowEvent::LimitCrossed(_)),
            }),
            WindowEvent::WindowClosed { .. } => About::Json(serde_json::to_string(told).ok()?),
        };
        Some(Event {
            id: told.id().to_string(),
            kind: told.kind().to_owned(),
            at: time(told.at()),
            now: time(self.now),
            tenant: self.tenant.to_owned(),
            about,
            offers: Vec::new(),
        })
    }

    fn event(&self, kind: &'static str, subject: &[&str], about: About, offers: Vec<Offer>) -> Event {
        Event {
            id: name(self.tenant, kind, subject).to_string(),
            kind: kind.to_owned(),
            at: time(self.at),
            now: time(self.now),
            tenant: self.tenant.to_owned(),
            about,
            offers,
        }
    }
}

/// The customer of a call with the outside: who called in, or whom we called.
#[must_use]
pub fn customer(line: &CallLine) -> Option<&Text> {
    match line.direction {
        Direction::Inbound => line.caller.as_ref(),
        Direction::Outbound => line.dialed.as_ref(),
        Direction::Internal => None,
    }
}

/// A call, as plugins see it.
#[must_use]
pub fn call(line: &CallLine) -> event::Call {
    let mut facts = Pairs::new();
    let mut fact = |key: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            facts.insert(key.to_owned(), value.to_owned());
        }
    };
    fact("site", line.site.as_deref());
    fact("pbx", Some(&line.pbx));
    fact("rule", Some(line.rule));
    fact("dialed", line.dialed.as_deref());
    fact("first_target", line.first_target.as_deref());
    fact("menu_path", Some(&line.menu_path.join("/")));
    fact("answered_by_kind", line.answered_by_kind.as_deref());
    fact("ended_by", line.ended_by.map(|side| side.word()));
    fact("cause", line.cause.map(|cause| cause.to_string()).as_deref());
    fact("voicemail_left", line.voicemail_left.map(|left| if left { "true" } else { "false" }));
    fact("recording_url", line.recording_url.as_deref());
    let number = line.caller.as_ref().or(line.caller_raw.as_ref());
    event::Call {
        id: line.call_id.to_string(),
        direction: line.direction.word().to_owned(),
        outcome: line.outcome.word().to_owned(),
        missed: line.missed,
        short: line.short,
        out_of_hours: line.out_of_hours,
        reason: line.reason.map(|reason| reason.word().to_owned()),
        caller: Party {
            number: owned(number),
            extension: owned(line.caller_extension.as_ref()),
            person: owned(line.caller_person.as_ref()),
            name: owned(line.caller_name.as_ref()),
        },
        did: owned(line.did.as_ref()),
        trunk: owned(line.trunk.as_ref()),
        entry: owned(line.entry.as_ref()),
        queue: owned(line.queue.as_ref()),
        group: owned(line.group.as_ref()),
        owner: owned(line.owner.as_ref()),
        answered_by: line.answered_by.iter().map(ToString::to_string).collect(),
        started_at: time(line.started_at),
        answered_at: line.answered_at.map(time),
        ended_at: time(line.ended_at),
        wait_time_s: line.wait_time_s.map(whole),
        talk_time_s: line.talk_time_s.map(whole),
        facts,
    }
}

/// Who was rung, in order.
#[must_use]
pub fn offers(line: &CallLine) -> Vec<Offer> {
    let offer = |offer: &OfferLine| Offer {
        target: owned(offer.target.as_ref()).unwrap_or_default(),
        person: owned(offer.person.as_ref()),
        group: owned(offer.group.as_ref()),
        rang_at: offer.rang_at.map(time),
        ended_at: Some(time(offer.ended_at)),
        end: offer.end.word().to_owned(),
        reason: offer.reason.map(|reason| reason.word().to_owned()),
    };
    line.offers.iter().map(offer).collect()
}

/// What is owed, as plugins see it.
#[must_use]
pub fn follow_up(owed: &FollowUp) -> event::FollowUp {
    let mut facts = Pairs::new();
    if let Some(customer) = &owed.customer {
        facts.insert("customer".to_owned(), customer.to_string());
    }
    facts.insert("priority".to_owned(), owed.priority.to_string());
    facts.insert("opening_call".to_owned(), owed.opening_call.to_string());
    if let Some(by) = &owed.line.settled_by {
        facts.insert("settled_by".to_owned(), by.to_string());
    }
    if let Some(call) = &owed.line.settled_by_call {
        facts.insert("settled_by_call".to_owned(), call.to_string());
    }
    event::FollowUp {
        id: owed.line.id.to_string(),
        status: owed.line.status.word().to_owned(),
        customer_calls: owed.line.customer_calls,
        our_attempts: owed.line.our_attempts,
        first_at: time(owed.opened_at),
        last_at: time(owed.last_at),
        due_at: owed.line.due_at.map(time),
        owner: owned(owed.line.owner.as_ref()),
        facts,
    }
}

/// An event's name: a hash of whose it is, its kind, and what it is of.
#[must_use]
pub fn name(tenant: &str, kind: &str, subject: &[&str]) -> Text {
    let mut name: Vec<u8> = Vec::with_capacity(128);
    for part in [tenant, kind].iter().chain(subject) {
        name.extend_from_slice(&(part.len() as u64).to_le_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    hex(xxhash_rust::xxh3::xxh3_128(&name))
}

/// A moment; 1970 where none is told.
fn time(moment: Moment) -> Time {
    if moment == NOT_TOLD { Time(0) } else { Time(u64::try_from(moment.0).unwrap_or(0)) }
}

fn owned(text: Option<&Text>) -> Option<String> {
    text.map(ToString::to_string)
}

fn whole(seconds: Seconds) -> u32 {
    u32::try_from(seconds.ms.max(0) / 1000).unwrap_or(u32::MAX)
}

fn in_units(value: Thousandths) -> f64 {
    value.0 as f64 / 1000.0
}
