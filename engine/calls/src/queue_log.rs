//! What a queue log adds to a journey that other records tell: exact moments of queues and agents. It never adds an offer.

use adapters::Leg;
use adapters::leg::{Disposition, End, EndKind, Event, Moment, Side, Stage, Text};

use crate::journey::{Direction, Journey, Offer, OfferEnd, Stay, StayEnd, Talk};

/// The log is written in whole seconds, some of them late, in milliseconds.
const SLACK_MS: i64 = 2_000;

/// Refines a journey by the queue log's lines of the same call, sorted.
pub fn refine(journey: &mut Journey, lines: &[&Leg]) {
    for line in lines {
        let (Some(event), Some(at)) = (line.event, line.started_at) else { continue };
        match event {
            Event::QueueEntered => enter(journey, line, at),
            Event::QueueConnected => connect(journey, line, at),
            Event::QueueRangOut | Event::QueueRingCanceled => stop_ringing(journey, line, at, event),
            Event::QueueAbandoned => leave(journey, line, at, StayEnd::Abandoned),
            Event::QueueTimedOut => leave(journey, line, at, StayEnd::TimedOut),
            Event::QueueLeftByKey => leave(journey, line, at, StayEnd::LeftByKey),
            Event::QueueEmptied => leave(journey, line, at, StayEnd::Emptied),
            Event::QueueNotJoined => leave(journey, line, at, StayEnd::NotJoined),
            Event::QueueCompleted if journey.ended_by.is_none() && journey.ended_at.ms_since(at).abs() <= SLACK_MS => {
                journey.ended_by = match line.detail.as_str() {
                    "agent" => Some(Side::Callee),
                    "caller" => Some(Side::Caller),
                    _ => None,
                };
            }
            _ => {}
        }
    }
}

fn stay<'j>(journey: &'j mut Journey, line: &Leg, at: Moment) -> Option<&'j mut Stay> {
    journey
        .stays
        .iter_mut()
        .filter(|s| {
            s.stage == Stage::Queue
                && s.place == line.queue
                && at.ms_since(s.from) >= -SLACK_MS
                && at.ms_since(s.to) <= SLACK_MS
        })
        .min_by_key(|s| at.ms_since(s.from).abs())
}

/// A stay that no other record tells (a queue that could be left without a row), or the moment at which a known one began.
fn enter(journey: &mut Journey, line: &Leg, at: Moment) {
    let exact = journey.exact;
    match stay(journey, line, at) {
        Some(stay) if !exact => stay.from = at.max(stay.from),
        Some(_) => {}
        None => {
            journey.stays.push(Stay {
                stage: Stage::Queue,
                place: line.queue.clone(),
                from: at,
                to: at,
                end: None,
                leg: line.leg_id,
            });
            journey.stays.sort_by_key(|a| (a.from, a.to, a.leg));
        }
    }
}

/// The agent took the caller: the record that prints the PBX's own answer is put right.
fn connect(journey: &mut Journey, line: &Leg, at: Moment) {
    if let Some(stay) = stay(journey, line, at) {
        stay.end = Some(StayEnd::Answered);
    }
    let Some(agent) = line.to.as_ref().map(|t| t.number.clone()) else { return };
    for talk in &mut journey.talks {
        let same = agent.is_empty() || talk.with.number == agent;
        if same && !talk.exact && at >= talk.from && at <= talk.to {
            talk.from = at;
            talk.exact = true;
            for offer in
                journey.offers.iter_mut().filter(|o| o.to.channel == talk.with.channel && !o.to.channel.is_empty())
            {
                offer.answered_at = Some(at);
                offer.ended_at = at;
            }
        }
    }
}

/// One agent's own ringing, where the CDR prints the round's.
fn stop_ringing(journey: &mut Journey, line: &Leg, at: Moment, event: Event) {
    let Some(agent) = line.to.as_ref().map(|t| t.number.clone()).filter(|n| !n.is_empty()) else { return };
    if journey.exact {
        return;
    }
    let offer = journey
        .offers
        .iter_mut()
        .filter(|o| o.to.number == agent && o.end != OfferEnd::Answered && at.ms_since(o.tried_at) >= -SLACK_MS)
        .min_by_key(|o| at.ms_since(o.ended_at).abs());
    let Some(offer) = offer.filter(|o| at.ms_since(o.ended_at).abs() <= SLACK_MS) else { return };
    if offer.rang_at.is_some() && line.length_ms.is_some_and(|l| l > 0) {
        offer.rang_at = line.length_ms.map(|l| at.plus_ms(-l)).filter(|r| *r >= offer.tried_at).or(offer.rang_at);
    }
    if event == Event::QueueRangOut && offer.end == OfferEnd::CallerLeft {
        offer.end = OfferEnd::NoAnswer;
    }
}

fn leave(journey: &mut Journey, line: &Leg, at: Moment, end: StayEnd) {
    if end == StayEnd::Abandoned {
        journey.caller_left = Some(true);
        journey.ended_by = journey.ended_by.or(Some(Side::Caller));
    }
    if let Some(stay) = stay(journey, line, at) {
        stay.end = Some(end);
        stay.to = stay.to.max(stay.from);
    }
}

/// The journey that a queue log tells by itself: from the moment the caller entered the queue. Nothing before it is known,
/// and whether the caller came from outside only by the number.
#[must_use]
pub fn journey(lines: &[&Leg]) -> Option<Journey> {
    let entered = lines
        .iter()
        .find(|l| l.event == Some(Event::QueueEntered))
        .or_else(|| lines.iter().find(|l| l.event.is_some()))?;
    let started_at = entered.started_at?;
    let number = entered.from.number.clone();
    let mut journey = Journey {
        caller: End { kind: EndKind::Outside, number, channel: entered.native_id.clone(), ..End::default() },
        direction: Direction::Inbound,
        started_at,
        ended_at: lines.iter().filter_map(|l| l.started_at).max()?,
        grain_ms: 1000,
        taken_by_machine: true,
        ..Journey::default()
    };
    journey.stays.push(Stay {
        stage: Stage::Queue,
        place: entered.queue.clone(),
        from: started_at,
        to: journey.ended_at,
        end: None,
        leg: entered.leg_id,
    });
    for line in lines {
        let (Some(event), Some(at)) = (line.event, line.started_at) else { continue };
        let Some(agent) = line.to.clone() else { continue };
        let length = line.length_ms.unwrap_or(0);
        match event {
            Event::QueueRangOut | Event::QueueRingCanceled => {
                let end = if event == Event::QueueRangOut { OfferEnd::NoAnswer } else { OfferEnd::CallerLeft };
                journey.offers.push(offer(line, agent, at.plus_ms(-length), at, end));
            }
            Event::QueueConnected => {
                let rang = line.argument.parse::<i64>().map_or(at, |s| at.plus_ms(-s.saturating_mul(1000)));
                let mut taken = offer(line, agent.clone(), rang, at, OfferEnd::Answered);
                taken.answered_at = Some(at);
                journey.offers.push(taken);
                let to = journey.ended_at;
                journey.talks.push(Talk { with: agent, from: at, to, exact: true, leg: line.leg_id, hold_ms: 0 });
                journey.stays.iter_mut().for_each(|s| s.to = at);
            }
            _ => {}
        }
    }
    Some(journey)
}

fn offer(line: &Leg, to: End, rang_at: Moment, ended_at: Moment, end: OfferEnd) -> Offer {
    Offer {
        to,
        tried_at: rang_at,
        rang_at: Some(rang_at),
        answered_at: None,
        ended_at,
        end,
        queue: line.queue.clone(),
        by: Text::default(),
        leg: line.leg_id,
        disposition: Disposition::Unknown,
        timed_out: None,
    }
}
