//! What one call adds to the windows around its beginning, and takes away again when it is revised.
//!
//! On calls: tenant, site, DID, group. On visits: queue and hunt group. On offers: each person who was tried, once a call.
//! Only inbound calls from outside count; of the others, those that a person placed to the outside are that person's alone.

use adapters::leg::{Moment, Text};
use directory::{Directory, Scope};
use smallvec::SmallVec;

use super::on;
use crate::journey::{Direction, OfferEnd};
use crate::line::{Answered, CallLine, NOT_TOLD, OfferLine, Seconds, VisitLine};
use crate::measure::{On, PLACES_MAX, Part};
use crate::verdict::{Outcome, Reason};

/// What one call adds: a function of its line and the directory alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// The call's beginning: everything of it belongs to the windows around this moment.
    pub started_at: Moment,
    /// (place in the window, value), for one scope after the other.
    parts: SmallVec<[(u8, i32); 24]>,
    scopes: SmallVec<[Added; 8]>,
}

/// Whose windows a span of the parts goes to.
#[derive(Clone, Debug, PartialEq)]
struct Added {
    scope: Scope,
    id: Text,
    from: u32,
    length: u8,
}

impl Contribution {
    /// What the call adds; nothing if it is part of another one, among us, or of an unknown moment.
    #[must_use]
    pub fn of(line: &CallLine, directory: &Directory) -> Contribution {
        let mut contribution =
            Contribution { started_at: line.started_at, parts: SmallVec::new(), scopes: SmallVec::new() };
        if line.merged_into.is_none() && line.started_at != NOT_TOLD {
            match line.direction {
                Direction::Inbound => contribution.inbound(line, directory),
                Direction::Outbound => contribution.outbound(line, directory),
                Direction::Internal => {}
            }
        }
        contribution
    }

    /// True if no window is changed by it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// Whose windows it changes, and by what: (place in the window, value).
    pub(super) fn added(&self) -> impl Iterator<Item = (Scope, &Text, &[(u8, i32)])> {
        self.scopes.iter().map(|added| {
            let from = added.from as usize;
            let parts = self.parts.get(from..from + usize::from(added.length)).unwrap_or_default();
            (added.scope, &added.id, parts)
        })
    }

    fn inbound(&mut self, line: &CallLine, directory: &Directory) {
        let soon_ms = directory.service_level_ms();
        let tried = tried(line, directory.is_guessed());
        let mut call = of_call(line, soon_ms);
        call.add(Part::RingNoAnswer, tried.iter().map(|t| t.rang_out.len() as i64).sum());
        let span = self.keep(&call);
        let of_call = [
            (Scope::Tenant, Some(line.tenant.clone())),
            (Scope::Site, line.site.clone()),
            (Scope::Did, line.did.clone()),
            (Scope::Group, line.owner_group().map(Text::from)),
        ];
        for (scope, id) in of_call {
            if let Some(id) = id {
                self.give(scope, id, span);
            }
        }
        let mut visited: SmallVec<[(Scope, &Text, Counted); 2]> = SmallVec::new();
        for visit in &line.visits {
            let scope = if visit.kind == "queue" { Scope::Queue } else { Scope::HuntGroup };
            let at = visited.iter().position(|(s, id, _)| (*s, *id) == (scope, &visit.queue));
            let at = at.unwrap_or_else(|| {
                visited.push((scope, &visit.queue, Counted::new(On::Visits)));
                visited.len() - 1
            });
            of_visit(&mut visited[at].2, visit, line, soon_ms);
        }
        for offer in tried.iter().flat_map(|t| &t.rang_out) {
            let place = offer.queue.as_ref().and_then(|queue| visited.iter().position(|(_, id, _)| *id == queue));
            if let Some(at) = place {
                visited[at].2.add(Part::RingNoAnswer, 1);
            }
        }
        for (scope, id, counted) in &visited {
            let span = self.keep(counted);
            self.give(*scope, (*id).clone(), span);
        }
        for person in tried.iter().filter(|t| t.is_known) {
            let span = self.keep(&of_person(person, line));
            self.give(Scope::Person, person.id.clone(), span);
        }
    }

    /// What a person placed is in their own figures and in no other.
    fn outbound(&mut self, line: &CallLine, directory: &Directory) {
        let guessed = line.caller_extension.as_ref().filter(|_| directory.is_guessed());
        let Some(person) = line.caller_person.as_ref().or(guessed) else { return };
        let mut counted = Counted::new(On::Offers);
        counted.add(Part::Outbound, 1);
        counted.add(Part::OutboundAnswered, i64::from(line.outcome == Outcome::Answered));
        counted.add_time(Part::OutboundTalkMs, line.talk_time_s);
        let span = self.keep(&counted);
        self.give(Scope::Person, person.clone(), span);
    }

    fn keep(&mut self, counted: &Counted) -> (u32, u8) {
        let from = self.parts.len();
        let told = counted.values.iter().zip(0..).filter(|(value, _)| **value != 0);
        self.parts.extend(told.map(|(value, place)| (place, *value)));
        (from as u32, (self.parts.len() - from) as u8)
    }

    fn give(&mut self, scope: Scope, id: Text, (from, length): (u32, u8)) {
        debug_assert!(self.parts.get(from as usize..).is_some_and(|parts| {
            parts.iter().take(usize::from(length)).all(|(place, _)| usize::from(*place) < on(scope).parts().len())
        }));
        self.scopes.push(Added { scope, id, from, length });
    }
}

/// Parts of one scope while they are counted.
struct Counted {
    on: On,
    values: [i32; PLACES_MAX],
}

impl Counted {
    fn new(on: On) -> Counted {
        Counted { on, values: [0; PLACES_MAX] }
    }

    /// Of one call no part is larger than 24 days in milliseconds: what is, is a wrong date.
    fn add(&mut self, part: Part, value: i64) {
        if let Some(sum) = self.on.place(part).and_then(|place| self.values.get_mut(place)) {
            *sum = sum.saturating_add(value.clamp(0, i64::from(i32::MAX)) as i32);
        }
    }

    fn add_time(&mut self, part: Part, time: Option<Seconds>) {
        self.add(part, time.map_or(0, |t| t.ms));
    }

    /// The parts of the service level, of one that was answered or abandoned after waiting `waited_ms`.
    fn add_level(&mut self, answered: bool, short: bool, waited_ms: i64, soon_ms: i64) {
        let soon = waited_ms <= soon_ms;
        if answered {
            self.add(Part::LevelAnswered, 1);
            self.add(Part::AnsweredWaitMs, waited_ms);
            self.add(Part::AnsweredWithin, i64::from(soon));
        } else {
            self.add(Part::LevelAbandoned, 1);
            self.add(if soon { Part::AbandonedWithin } else { Part::AbandonedAfter }, 1);
            self.add(Part::LevelShort, i64::from(short));
        }
    }
}

fn of_call(line: &CallLine, soon_ms: i64) -> Counted {
    let mut counted = Counted::new(On::Calls);
    counted.add(Part::Offered, 1);
    counted.add(outcome(line.outcome), 1);
    counted.add(Part::Missed, i64::from(line.missed));
    let reason_known = line.missed && line.reason.is_some_and(|r| r != Reason::Unknown);
    counted.add(Part::ReasonKnown, i64::from(reason_known));
    counted.add(Part::AbandonedShort, i64::from(line.short));
    counted.add(Part::UnansweredOutOfHours, i64::from(line.out_of_hours && line.answered == Answered::Unanswered));
    counted.add(Part::Waits, i64::from(line.wait_time_s.is_some()));
    counted.add_time(Part::WaitMs, line.wait_time_s);
    if let Some(waited) = line.queue_wait_time_s
        && matches!(line.outcome, Outcome::Answered | Outcome::Abandoned)
    {
        counted.add_level(line.outcome == Outcome::Answered, line.short, waited.ms, soon_ms);
    }
    counted.add_time(Part::TalkMs, line.talk_time_s);
    counted.add_time(Part::HoldMs, line.hold_time_s);
    if let Some(talk) = line.talk_time_s
        && line.outcome == Outcome::Answered
    {
        counted.add(Part::Handled, 1);
        // Where hold is not told apart, the talk contains it.
        counted.add(Part::HandledMs, talk.ms + line.hold_time_s.map_or(0, |hold| hold.ms));
    }
    counted
}

fn of_visit(counted: &mut Counted, visit: &VisitLine, line: &CallLine, soon_ms: i64) {
    counted.add(Part::Offered, 1);
    let end = match visit.end.as_deref() {
        Some("answered") => Part::Answered,
        Some("abandoned") => Part::Abandoned,
        Some("timed_out") => Part::TimedOut,
        Some("left_by_key") => Part::LeftByKey,
        Some("emptied") => Part::Emptied,
        Some("not_joined") => Part::NotJoined,
        _ => Part::MovedOn,
    };
    counted.add(end, 1);
    let short = line.short && end == Part::Abandoned;
    counted.add(Part::AbandonedShort, i64::from(short));
    // Where the moment of the answer is only a bound, so is the end of the stay that it ended.
    let is_told = visit.left_at != NOT_TOLD && (end != Part::Answered || line.wait_time_s.is_some());
    if is_told {
        let waited_ms = visit.left_at.ms_since(visit.entered_at).max(0);
        counted.add(Part::Waits, 1);
        counted.add(Part::WaitMs, waited_ms);
        if matches!(end, Part::Answered | Part::Abandoned) {
            counted.add_level(end == Part::Answered, short, waited_ms, soon_ms);
        }
    }
}

fn of_person(person: &Tried<'_>, line: &CallLine) -> Counted {
    let mut counted = Counted::new(On::Offers);
    counted.add(Part::Tried, 1);
    counted.add(person.end, 1);
    counted.add(Part::RingNoAnswer, person.rang_out.len() as i64);
    if let (true, Some(talk)) = (person.spoke_alone, line.talk_time_s) {
        counted.add(Part::Talks, 1);
        counted.add(Part::TalkMs, talk.ms);
    }
    counted
}

/// One person whom the call was offered to.
struct Tried<'l> {
    id: &'l Text,
    /// False for an extension that is nobody's.
    is_known: bool,
    /// answered, missed, answered elsewhere or excepted.
    end: Part,
    /// Offers that rang to their end while somebody else, or a later round, got the call.
    rang_out: SmallVec<[&'l OfferLine; 2]>,
    spoke_alone: bool,
}

/// Each person once, in the order of their ids, so that offers in any order of equal moments give the same.
fn tried(line: &CallLine, guessed: bool) -> SmallVec<[Tried<'_>; 4]> {
    let mut offers: SmallVec<[(&Text, usize, &OfferLine); 8]> = SmallVec::new();
    for (at, offer) in line.offers.iter().enumerate().filter(|(_, o)| o.kind == "person") {
        if let Some(id) = offer.person.as_ref().or(offer.target.as_ref()) {
            offers.push((id, at, offer));
        }
    }
    offers.sort_unstable_by_key(|(id, at, _)| (*id, *at));
    let last_answered = line.offers.iter().rposition(|o| o.end == OfferEnd::Answered);
    let only_speaker = line.answered_by.first().filter(|_| line.answered_by.len() == 1);
    let people = offers.chunk_by(|a, b| a.0 == b.0);
    people
        .filter_map(|own| {
            let (id, _, first) = own.first()?;
            let is_known = first.person.is_some() || guessed;
            let answered = |o: &&OfferLine| o.end == OfferEnd::Answered;
            let all = || own.iter().map(|(.., offer)| *offer);
            let end = if all().any(|o| o.person_missed) {
                Part::Missed
            } else if all().any(|o| answered(&o)) {
                Part::Answered
            } else if line.outcome == Outcome::Answered
                || all().any(|o| o.end == OfferEnd::AnsweredElsewhere)
                || own.last().is_some_and(|(_, at, _)| last_answered > Some(*at))
                // Of a call that counts as missed, whoever did not miss it was tried before somebody spoke.
                || is_known && line.missed && line.answered == Answered::Answered
            {
                Part::AnsweredElsewhere
            } else {
                Part::Excepted
            };
            let is_got = matches!(end, Part::Answered | Part::AnsweredElsewhere);
            let rang_out = all().filter(|o| is_got && o.end == OfferEnd::NoAnswer && o.rang_at.is_some()).collect();
            let spoke_alone =
                only_speaker.is_some() && all().any(|o| answered(&o) && o.target.as_ref() == only_speaker);
            Some(Tried { id, is_known, end, rang_out, spoke_alone })
        })
        .collect()
}

fn outcome(outcome: Outcome) -> Part {
    match outcome {
        Outcome::Answered => Part::Answered,
        Outcome::LostInTransfer => Part::LostInTransfer,
        Outcome::Overflowed => Part::Overflowed,
        Outcome::Voicemail => Part::Voicemail,
        Outcome::Served => Part::Served,
        Outcome::Failed => Part::Failed,
        Outcome::Closed => Part::Closed,
        Outcome::Blocked => Part::Blocked,
        Outcome::Abandoned => Part::Abandoned,
        Outcome::Busy => Part::Busy,
        Outcome::Declined => Part::Declined,
        Outcome::NoAnswer => Part::NoAnswer,
    }
}
