//! Moments of channels to a journey: for a PBX that writes events (Asterisk's CEL). Who talked with whom is read from the bridges.

use std::collections::{BTreeMap, BTreeSet};

use adapters::Leg;
use adapters::adapter::EXTENSION_DIGITS_MAX;
use adapters::leg::{Disposition, End, EndKind, Event, LegId, Moment, MoveKind, Side, Stage, Text};

use crate::journey::{Direction, Journey, Offer, OfferEnd, Stay, StayEnd, Talk, Transfer};

/// A device that says "busy" sooner than this never rang, in milliseconds.
const RANG_AT_LEAST_MS: i64 = 700;

/// The journey that these events tell; `None` if they do not tell how the caller's channel began and ended.
#[must_use]
pub fn journey(legs: &[&Leg]) -> Option<Journey> {
    let mut channels = channels(legs);
    sent_outside(&mut channels);
    let caller = caller(&channels)?;
    let started_at = caller.started?;
    let ended_at = caller.ended?;
    let sweep = Sweep { channels: &channels, caller };
    let mut journey = Journey {
        caller: caller.end.clone(),
        started_at,
        ended_at: ended_at.max(started_at),
        grain_ms: 1,
        exact: true,
        own_call: caller.was_rung,
        taken_by_machine: caller.answered.is_some(),
        ..Journey::default()
    };
    journey.dialed = caller.dialed.clone();
    if caller.end.kind == EndKind::Outside {
        journey.did = caller.did.clone();
    }
    journey.talks = sweep.talks();
    journey.offers = sweep.offers(&journey);
    journey.direction = direction(&journey, caller);
    journey.stays = sweep.stays(&journey);
    journey.transfers = transfers(&channels, caller);
    for transfer in journey.transfers.iter_mut().filter(|t| t.to.is_empty() && t.kind == MoveKind::Attended) {
        // Whoever was rung last before the move, since somebody spoke with the caller.
        let spoken = journey.talks.first().map_or(journey.started_at, |t| t.from);
        let since = |o: &&Offer| o.tried_at >= spoken && o.tried_at <= transfer.at && o.to.number != transfer.by;
        transfer.to = journey.offers.iter().rev().find(since).map(|o| o.to.number.clone()).unwrap_or_default();
    }
    sweep.read_end(&mut journey);
    Some(journey)
}

/// One channel's life.
#[derive(Default)]
struct Channel {
    name: Text,
    end: End,
    order: u64,
    leg: LegId,
    started: Option<Moment>,
    answered: Option<Moment>,
    ended: Option<Moment>,
    /// What was dialed when it came into being.
    dialed: Text,
    did: Text,
    was_rung: bool,
    rung_for_us: bool,
    cause: Option<u16>,
    ended_by: Text,
    dial_status: Text,
    last_stage: Stage,
    last_place: Text,
    last_dialed: Text,
    runs: Vec<Run>,
    bridges: Vec<Member>,
    holds: Vec<(Moment, Moment)>,
    parked: Vec<(Moment, Moment, Text)>,
    unparked_by: Vec<(Moment, Text)>,
    /// (when, kind, to what, the other channel).
    moves: Vec<(Moment, Event, Text, Text)>,
    stages: Vec<(Moment, Stage, Text, Text)>,
    prompts: Vec<Moment>,
}

/// An application on a channel.
struct Run {
    from: Moment,
    to: Moment,
    application: Text,
    arguments: Text,
    stage: Stage,
    place: Text,
    dialed: Text,
    leg: LegId,
}

/// A channel in a bridge.
#[derive(Clone)]
struct Member {
    bridge: Text,
    from: Moment,
    to: Moment,
    /// Told by the other channel's name, as before 12.
    is_old: bool,
    /// A person of ours who was there, as the caller's own events say.
    peers: Vec<End>,
    leg: LegId,
}

fn channels(legs: &[&Leg]) -> Vec<Channel> {
    let mut events: BTreeMap<(&str, &str), Vec<&Leg>> = BTreeMap::new();
    for leg in legs.iter().filter(|l| l.event.is_some() && !l.from.channel.is_empty()) {
        // The halves of a joint are two channels, told apart by their unique ids.
        events.entry((leg.from.channel.as_str(), leg.native_id.as_str())).or_default().push(leg);
    }
    let mut channels: Vec<Channel> = events.into_values().map(|events| channel(&events)).collect();
    channels.sort_by_key(|a| (a.started, a.order, a.leg));
    // A channel that was rung begins after the one that called, without a place in the dialplan of its own.
    // The application that rang it says so, but not where the columns of applications are left out.
    for channel in channels.iter_mut().skip(1).filter(|c| c.end.kind != EndKind::Joint) {
        let is_placeless = channel.runs.is_empty() && (channel.dialed == "s" || channel.dialed.is_empty());
        channel.was_rung |= is_placeless && channel.stages.len() <= 2 && channel.did.is_empty();
    }
    mirror_old_bridges(&mut channels);
    channels
}

/// Before 12 only one of two channels in a bridge tells it, with the other's name: the other was there as long.
/// Where that column is left out, it is whoever answered last before.
fn mirror_old_bridges(channels: &mut [Channel]) {
    let mut found: Vec<(usize, usize, usize)> = Vec::new();
    for (at, channel) in channels.iter().enumerate() {
        for (index, member) in channel.bridges.iter().enumerate().filter(|(_, m)| m.is_old) {
            let peer = member.bridge.strip_suffix(";1").or_else(|| member.bridge.strip_suffix(";2"));
            let peer = peer.unwrap_or(&member.bridge);
            let others = || channels.iter().enumerate().filter(|(i, _)| *i != at);
            let told = others().any(|(_, c)| c.bridges.iter().any(|m| m.bridge == member.bridge));
            let other = if peer.is_empty() {
                let answered = others().filter(|(_, c)| c.was_rung && c.answered.is_some_and(|a| a <= member.from));
                answered.max_by_key(|(_, c)| c.answered)
            } else {
                others().find(|(_, c)| c.name == peer)
            };
            if let Some((other, _)) = other.filter(|_| !told) {
                found.push((at, index, other));
            }
        }
    }
    for (at, index, other) in found {
        let Some(member) = channels.get(at).and_then(|c| c.bridges.get(index)).cloned() else { continue };
        if let Some(channel) = channels.get_mut(other) {
            channel.bridges.push(Member { peers: Vec::new(), ..member });
        }
    }
}

/// Events of one channel, whose order in one millisecond is that of a channel's life.
fn channel(events: &[&Leg]) -> Channel {
    let mut channel = Channel::default();
    let mut events: Vec<&Leg> = events.to_vec();
    events.sort_by_key(|l| (l.started_at, rank(l.event), l.leg_id));
    let end_of_life = events
        .iter()
        .filter(|l| matches!(l.event, Some(Event::HungUp | Event::Ended)))
        .filter_map(|l| l.started_at)
        .min();
    let last = events.iter().filter_map(|l| l.started_at).max().unwrap_or_default();
    let close = end_of_life.unwrap_or(last);
    if let Some(first) = events.first() {
        channel.name = first.from.channel.clone();
        channel.order = first.order;
        channel.leg = first.leg_id;
        channel.end = first.from.clone();
        channel.last_stage = first.stage;
    }
    channel.ended = end_of_life;
    let mut hold: Option<Moment> = None;
    for leg in events {
        let Some(at) = leg.started_at else { continue };
        if channel.end.number.is_empty() {
            channel.end.number = leg.from.number.clone();
        }
        if channel.end.kind == EndKind::Person && channel.end.name.is_empty() {
            channel.end.name = leg.from.name.clone();
        }
        if channel.did.is_empty() && !leg.did.is_empty() {
            channel.did = leg.did.clone();
        }
        if channel.stages.last().is_none_or(|(_, s, p, d)| (s, p, d) != (&leg.stage, &leg.place, &leg.dialed)) {
            channel.stages.push((at, leg.stage, leg.place.clone(), leg.dialed.clone()));
        }
        let application = if leg.event == Some(Event::HungUp) {
            leg.extra.iter().find(|(name, _)| *name == "appname").map(|(_, v)| v.clone()).unwrap_or_default()
        } else {
            leg.detail.clone()
        };
        match leg.event {
            Some(Event::Started) => {
                channel.started = Some(channel.started.map_or(at, |s| s.min(at)));
                channel.dialed = leg.dialed.clone();
                channel.end.number =
                    if leg.from.number.is_empty() { channel.end.number.clone() } else { leg.from.number.clone() };
            }
            Some(Event::Answered) => {
                channel.answered = Some(channel.answered.map_or(at, |a| a.min(at)));
                channel.was_rung |= is_outgoing(&application);
                channel.rung_for_us |= application == "AppDial2";
            }
            Some(Event::AppStarted) => channel.runs.push(Run {
                from: at,
                to: close,
                application: leg.detail.clone(),
                arguments: leg.argument.clone(),
                stage: leg.stage,
                place: leg.place.clone(),
                dialed: leg.dialed.clone(),
                leg: leg.leg_id,
            }),
            Some(Event::AppEnded) => {
                if let Some(run) = channel.runs.iter_mut().rev().find(|r| r.application == leg.detail && r.to == close)
                {
                    run.to = at;
                }
            }
            Some(Event::BridgeEntered) => channel.bridges.push(Member {
                bridge: if leg.detail.is_empty() { leg.argument.clone() } else { leg.detail.clone() },
                from: at,
                to: close.max(at),
                is_old: leg.detail.is_empty(),
                peers: leg.to.iter().cloned().collect(),
                leg: leg.leg_id,
            }),
            Some(Event::BridgeLeft) => {
                let bridge = if leg.detail.is_empty() { &leg.argument } else { &leg.detail };
                if let Some(member) = channel.bridges.iter_mut().rev().find(|m| m.bridge == *bridge) {
                    member.to = at;
                    member.peers.extend(leg.to.clone());
                }
            }
            Some(Event::StreamStarted) if leg.detail == "hold" => hold = hold.or(Some(at)),
            Some(Event::StreamStarted) => channel.prompts.push(at),
            Some(Event::StreamEnded) if leg.detail == "hold" => {
                if let Some(from) = hold.take() {
                    channel.holds.push((from, at));
                }
            }
            Some(Event::Parked) => channel.parked.push((at, close, leg.detail.clone())),
            Some(Event::Unparked) => {
                if let Some(parked) = channel.parked.last_mut() {
                    parked.1 = at;
                }
                channel.unparked_by.push((at, leg.argument.clone()));
            }
            Some(Event::HungUp) => {
                channel.cause = leg.cause;
                channel.ended_by = leg.detail.clone();
                channel.dial_status = leg.argument.clone();
                channel.was_rung |= is_outgoing(&application);
                channel.rung_for_us |= application == "AppDial2";
                (channel.last_stage, channel.last_place, channel.last_dialed) =
                    (leg.stage, leg.place.clone(), leg.dialed.clone());
            }
            Some(kind @ (Event::BlindTransfer | Event::AttendedTransfer | Event::Forward | Event::Pickup)) => {
                channel.moves.push((at, kind, leg.detail.clone(), leg.argument.clone()));
            }
            _ => {}
        }
    }
    if let Some(from) = hold {
        channel.holds.push((from, close));
    }
    channel
}

fn rank(event: Option<Event>) -> u8 {
    match event {
        Some(Event::Started) => 0,
        Some(Event::HungUp) => 3,
        Some(Event::Ended) => 4,
        Some(Event::CallEnded) => 5,
        Some(Event::AppEnded | Event::BridgeLeft | Event::StreamEnded) => 1,
        _ => 2,
    }
}

/// Applications of a channel that the PBX made in order to ring somebody.
fn is_outgoing(application: &str) -> bool {
    matches!(application, "AppDial" | "AppDial2" | "AppQueue")
}

/// The first channel that came into being from outside or from a telephone.
fn caller(channels: &[Channel]) -> Option<&Channel> {
    let first = |rung: bool| {
        channels
            .iter()
            .filter(|c| c.started.is_some() && c.end.kind != EndKind::Joint && (rung || !c.was_rung))
            .min_by_key(|c| (c.started, c.order))
    };
    match (first(false), first(true)) {
        // A call that the PBX was told to place begins with a telephone that it rang.
        (Some(own), Some(any)) if any.rung_for_us && any.order < own.order => Some(any),
        (Some(own), _) => Some(own),
        (None, any) => any,
    }
}

/// A channel that was made in order to send a long number to it is a line, even where nobody listed the lines.
fn sent_outside(channels: &mut [Channel]) {
    let sent: Vec<Option<Text>> = channels
        .iter()
        .map(|c| number_dialed(channels, c).filter(|_| c.was_rung && c.end.kind == EndKind::Person))
        .collect();
    for (channel, number) in channels.iter_mut().zip(sent) {
        let digits = number.as_deref().map_or("", |n| n.strip_prefix('+').unwrap_or(n));
        if digits.len() > EXTENSION_DIGITS_MAX && digits.bytes().all(|b| b.is_ascii_digit()) {
            channel.end.kind = EndKind::Outside;
        }
    }
}

/// What was dialed to reach a channel: the destination of the Dial that made it.
fn number_dialed(channels: &[Channel], channel: &Channel) -> Option<Text> {
    let started = channel.started?;
    let run = channels
        .iter()
        .flat_map(|c| &c.runs)
        .filter(|r| r.application == "Dial" && r.from <= started && r.to >= started)
        .filter(|r| destinations(&r.arguments).any(|d| is_line_of(d, &channel.end.device)))
        .max_by_key(|r| r.from)?;
    destinations(&run.arguments).find(|d| is_line_of(d, &channel.end.device)).and_then(number_in).map(Text::from)
}

struct Sweep<'c> {
    channels: &'c [Channel],
    caller: &'c Channel,
}

impl Sweep<'_> {
    /// The caller's time with people: bridges, also over joints, cut at every moment at which somebody comes or goes.
    fn talks(&self) -> Vec<Talk> {
        let mut cuts: BTreeSet<Moment> = BTreeSet::new();
        for channel in self.channels {
            for member in &channel.bridges {
                cuts.extend([member.from, member.to]);
            }
        }
        let cuts: Vec<Moment> = cuts.into_iter().collect();
        let mut talks: Vec<Talk> = Vec::new();
        for pair in cuts.windows(2) {
            let [from, to] = pair else { continue };
            for (with, leg) in self.together(*from, *to) {
                match talks.iter_mut().find(|t| t.with.channel == with.channel && t.to == *from) {
                    Some(talk) => talk.to = *to,
                    None => talks.push(Talk { with, from: *from, to: *to, exact: true, leg, hold_ms: 0 }),
                }
            }
        }
        talks.extend(self.met_strangers(&talks));
        for talk in &mut talks {
            talk.hold_ms = self.away_ms(talk);
        }
        // Two channels that were in one bridge for no time at all were only passing each other.
        talks.retain(|t| t.to.ms_since(t.from) > 0);
        talks.sort_by(|a, b| (a.from, a.to, a.with.channel.as_str()).cmp(&(b.from, b.to, b.with.channel.as_str())));
        talks
    }

    /// Who is connected with the caller during one span, over bridges and joints.
    fn together(&self, from: Moment, to: Moment) -> Vec<(End, LegId)> {
        let inside = |m: &&Member| m.from <= from && m.to >= to;
        let mut reached: Vec<&str> = Vec::new();
        let mut todo: Vec<&str> = self.caller.bridges.iter().filter(inside).map(|m| m.bridge.as_str()).collect();
        let mut found: Vec<(End, LegId)> = Vec::new();
        while let Some(bridge) = todo.pop() {
            if reached.contains(&bridge) {
                continue;
            }
            reached.push(bridge);
            for channel in self.channels.iter().filter(|c| !std::ptr::eq(*c, self.caller)) {
                let Some(member) = channel.bridges.iter().find(|m| inside(m) && m.bridge == bridge) else { continue };
                if channel.end.kind == EndKind::Joint {
                    // Through to the other half, and whatever bridge it is in.
                    let halves = self.channels.iter().filter(|c| c.name == channel.name);
                    todo.extend(halves.flat_map(|c| c.bridges.iter()).filter(inside).map(|m| m.bridge.as_str()));
                } else if !found.iter().any(|(e, _)| e.channel == channel.name) {
                    found.push((self.named(channel), member.leg));
                }
            }
        }
        found
    }

    fn named(&self, channel: &Channel) -> End {
        let mut end = channel.end.clone();
        if end.kind == EndKind::Outside {
            end.number = number_dialed(self.channels, channel).unwrap_or(end.number);
        }
        end
    }

    /// People in a conference room who are a call of their own: the caller's own events name them.
    fn met_strangers(&self, talks: &[Talk]) -> Vec<Talk> {
        let mut met: Vec<Talk> = Vec::new();
        for member in &self.caller.bridges {
            for peer in &member.peers {
                let known = self.channels.iter().any(|c| c.name == peer.channel);
                if known || met.iter().chain(talks).any(|t| t.with.channel == peer.channel) {
                    continue;
                }
                met.push(Talk {
                    with: peer.clone(),
                    from: member.from,
                    to: member.to,
                    exact: false,
                    leg: member.leg,
                    hold_ms: 0,
                });
            }
        }
        met
    }

    /// Music on hold for the caller while in one bridge with somebody.
    fn away_ms(&self, talk: &Talk) -> i64 {
        self.caller.holds.iter().map(|(from, to)| (*to).min(talk.to).ms_since((*from).max(talk.from)).max(0)).sum()
    }

    /// Each channel that was rung, and each device for which no channel could be made.
    fn offers(&self, journey: &Journey) -> Vec<Offer> {
        let mut offers = Vec::new();
        for channel in self.channels.iter().filter(|c| c.was_rung) {
            let (Some(tried_at), kind) = (channel.started, channel.end.kind) else { continue };
            let asked = std::ptr::eq(channel, self.caller);
            if !matches!(kind, EndKind::Person | EndKind::Outside) || asked && !channel.rung_for_us {
                continue;
            }
            let answered_at = channel.answered;
            let ended_at = answered_at.or(channel.ended).unwrap_or(journey.ended_at);
            let end = self.offer_end(channel, tried_at, ended_at, journey);
            let rang = answered_at.is_some() || rang(channel.cause, ended_at.ms_since(tried_at), end);
            offers.push(Offer {
                to: self.named(channel),
                tried_at,
                rang_at: rang.then_some(tried_at),
                answered_at,
                ended_at,
                end,
                queue: self.queue_at(tried_at),
                by: self.consulting(channel).unwrap_or_default(),
                leg: channel.leg,
                disposition: Disposition::Unknown,
                timed_out: None,
            });
        }
        self.unreached(&mut offers);
        offers.sort_by(|a, b| {
            (a.tried_at, a.to.channel.as_str(), a.to.number.as_str()).cmp(&(
                b.tried_at,
                b.to.channel.as_str(),
                b.to.number.as_str(),
            ))
        });
        offers
    }

    fn offer_end(&self, channel: &Channel, tried_at: Moment, ended_at: Moment, journey: &Journey) -> OfferEnd {
        if channel.answered.is_some() {
            return OfferEnd::Answered;
        }
        let by_device = !channel.ended_by.is_empty() && channel.ended_by.starts_with(channel.name.as_str());
        match channel.cause {
            Some(17) => OfferEnd::Busy,
            Some(21) => OfferEnd::Declined,
            Some(26) => OfferEnd::AnsweredElsewhere,
            Some(20) if by_device => OfferEnd::NotRegistered,
            Some(1..=3 | 22 | 27 | 28 | 34 | 38 | 41 | 42 | 47) if by_device => OfferEnd::Failed,
            _ => {
                let won = journey.talks.iter().any(|t| ended_at.ms_since(t.from).abs() <= 1000 && tried_at < t.from);
                if won {
                    OfferEnd::AnsweredElsewhere
                } else if self.caller.ended.is_some_and(|e| e.ms_since(ended_at).abs() <= 300) && self.caller_hung_up()
                {
                    OfferEnd::CallerLeft
                } else {
                    OfferEnd::NoAnswer
                }
            }
        }
    }

    /// A Dial during which no channel came into being reached no device.
    fn unreached(&self, offers: &mut Vec<Offer>) {
        for channel in self.channels.iter().filter(|c| !c.was_rung) {
            for run in channel.runs.iter().filter(|r| r.application == "Dial") {
                let made = self.channels.iter().any(|c| {
                    c.was_rung && c.started.is_some_and(|s| s >= run.from && s <= run.to)
                        || c.end.kind == EndKind::Joint && c.started.is_some_and(|s| s >= run.from && s <= run.to)
                });
                // The channel took the place of another whose phones ring already: then somebody was passed on while they rang.
                let taken_over = offers.iter().any(|o| {
                    o.tried_at <= run.to
                        && o.ended_at >= run.from
                        && o.rang_at.is_some()
                        && destinations(&run.arguments)
                            .any(|d| d.ends_with(o.to.number.as_str()) && !o.to.number.is_empty())
                });
                if made || taken_over {
                    continue;
                }
                for destination in destinations(&run.arguments).filter(|d| number_in(d).is_none()) {
                    let number: Text = destination.split_once('/').map_or(destination, |(_, peer)| peer).into();
                    offers.push(Offer {
                        to: End { kind: EndKind::Person, number, device: destination.into(), ..End::default() },
                        tried_at: run.from,
                        rang_at: None,
                        answered_at: None,
                        ended_at: run.to,
                        end: OfferEnd::NotRegistered,
                        queue: Text::default(),
                        by: Text::default(),
                        leg: run.leg,
                        disposition: Disposition::NotRegistered,
                        timed_out: None,
                    });
                }
            }
        }
        let caller = self.caller;
        let busy = caller.cause == Some(17)
            && matches!(caller.last_stage, Stage::Extension | Stage::Forward)
            && !caller.last_dialed.is_empty();
        let told = offers.iter().any(|o| o.to.number == caller.last_dialed);
        let dialed_there = caller.runs.iter().any(|r| r.application == "Dial" && r.dialed == caller.last_dialed);
        if let (true, false, false, Some(at)) = (busy, told, dialed_there, caller.ended) {
            offers.push(Offer {
                to: End { kind: EndKind::Person, number: caller.last_dialed.clone(), ..End::default() },
                tried_at: at,
                rang_at: None,
                answered_at: None,
                ended_at: at,
                end: OfferEnd::DoNotDisturb,
                queue: Text::default(),
                by: Text::default(),
                leg: caller.leg,
                disposition: Disposition::DoNotDisturb,
                timed_out: None,
            });
        }
    }

    /// The queue or hunt group that the caller was in at this moment.
    fn queue_at(&self, at: Moment) -> Text {
        let run = self.caller.runs.iter().filter(|r| r.from <= at && r.to >= at).max_by_key(|r| r.from);
        match run {
            Some(run) if run.application == "Queue" => first_argument(&run.arguments).into(),
            Some(run) if run.stage == Stage::HuntGroup => run.dialed.clone(),
            _ => Text::default(),
        }
    }

    /// The person on whose consultation this channel was rung.
    fn consulting(&self, channel: &Channel) -> Option<Text> {
        let started = channel.started?;
        self.channels
            .iter()
            .filter(|c| !std::ptr::eq(*c, self.caller) && c.end.kind == EndKind::Person && !c.was_rung)
            .find(|c| c.runs.iter().any(|r| r.application == "Dial" && r.from <= started && r.to >= started))
            .map(|c| c.end.number.clone())
    }

    fn stays(&self, journey: &Journey) -> Vec<Stay> {
        let caller = self.caller;
        let mut stays = Vec::new();
        for run in &caller.runs {
            let (stage, place) = match run.application.as_str() {
                "Queue" => (Stage::Queue, Text::from(first_argument(&run.arguments))),
                "VoiceMail" => {
                    (Stage::Mailbox, first_argument(&run.arguments).split('@').next().unwrap_or_default().into())
                }
                "ConfBridge" | "MeetMe" => (Stage::Conference, run.dialed.clone()),
                "Park" | "ParkedCall" => (Stage::Park, Text::default()),
                _ => (run.stage, if run.stage == Stage::HuntGroup { run.dialed.clone() } else { run.place.clone() }),
            };
            let talk = journey.talks.iter().filter(|t| t.from >= run.from && t.from <= run.to).map(|t| t.from).min();
            let end = match stage {
                Stage::Queue | Stage::HuntGroup if talk.is_some() => Some(StayEnd::Answered),
                Stage::Queue | Stage::HuntGroup
                    if caller.ended.is_some_and(|e| e.ms_since(run.to).abs() <= 50) && self.caller_hung_up() =>
                {
                    Some(StayEnd::Abandoned)
                }
                _ => None,
            };
            push_stay(&mut stays, Stay { stage, place, from: run.from, to: talk.unwrap_or(run.to), end, leg: run.leg });
        }
        for (from, to, place) in &caller.parked {
            stays.push(Stay {
                stage: Stage::Park,
                place: place.clone(),
                from: *from,
                to: *to,
                end: None,
                leg: caller.leg,
            });
        }
        // Places without an application that is logged (a menu that waits, an announcement) are told by the context alone.
        let mut spans = caller.stages.iter().peekable();
        while let Some((from, stage, place, dialed)) = spans.next() {
            let to = spans.peek().map_or(journey.ended_at, |(at, ..)| *at);
            if matches!(
                stage,
                Stage::Menu | Stage::Final | Stage::Closed | Stage::Announcement | Stage::AfterQueue | Stage::QueueExit
            ) && !stays.iter().any(|s| s.stage == *stage && s.from <= to && s.to >= *from)
            {
                stays.push(Stay { stage: *stage, place: place.clone(), from: *from, to, end: None, leg: caller.leg });
            } else if *stage == Stage::HuntGroup && !stays.iter().any(|s| s.stage == *stage) {
                stays.push(Stay { stage: *stage, place: dialed.clone(), from: *from, to, end: None, leg: caller.leg });
            }
        }
        stays.sort_by_key(|a| (a.from, a.to, a.leg, a.stage));
        stays
    }

    fn caller_hung_up(&self) -> bool {
        let caller = self.caller;
        // A refusal names the caller's channel too: the PBX sent the code through it.
        let refused = caller.answered.is_none()
            && caller.dial_status != "CANCEL"
            && matches!(caller.cause, Some(1..=3 | 17..=22 | 26..=28 | 34 | 38 | 41 | 42 | 47));
        !caller.ended_by.is_empty() && caller.ended_by.starts_with(caller.name.as_str()) && !refused
    }

    fn read_end(&self, journey: &mut Journey) {
        let caller = self.caller;
        journey.cause = caller.cause;
        let hung_up = self.caller_hung_up();
        journey.caller_left = Some(hung_up);
        journey.ended_by = if hung_up {
            Some(Side::Caller)
        } else if caller.ended_by.is_empty()
            || caller.ended_by.starts_with("dialplan")
            || caller.ended_by.starts_with(caller.name.as_str())
        {
            Some(Side::Network)
        } else {
            Some(Side::Callee)
        };
        journey.refused = match (caller.answered.is_none(), caller.cause) {
            (true, Some(17)) => Some(Disposition::Busy),
            (true, Some(34 | 38 | 41 | 42 | 47)) => Some(Disposition::Congestion),
            (true, Some(1..=3 | 22 | 26..=28)) => Some(Disposition::Failed),
            _ => None,
        };
        journey.message_left = None;
        let Some(talk) = journey.last_talk() else { return };
        let end = talk.to;
        journey.passed_on = journey.offers.iter().any(|o| {
            o.end != OfferEnd::Answered
                && o.ended_at >= end
                && o.tried_at <= caller.ended.unwrap_or(o.tried_at)
                && (o.tried_at >= end || o.ended_at.ms_since(end) > 200)
        }) || journey
            .stays
            .iter()
            .any(|s| matches!(s.stage, Stage::Queue | Stage::Park | Stage::Mailbox) && s.to.ms_since(end) > 200)
            || self.channels.iter().flat_map(|c| &c.moves).any(|(at, kind, ..)| {
                matches!(kind, Event::BlindTransfer | Event::AttendedTransfer)
                    && at.ms_since(end).abs() <= 500
                    && journey.ended_at.ms_since(end) > 200
            })
            || caller.runs.iter().any(|r| r.from >= end && r.application == "Dial");
    }
}

fn push_stay(stays: &mut Vec<Stay>, stay: Stay) {
    if matches!(stay.stage, Stage::Unknown | Stage::Inside | Stage::Number | Stage::OwnCall) {
        return;
    }
    // A hunt group that rings one after the other is one stay.
    let joins = stay.stage == Stage::HuntGroup;
    match stays.iter_mut().rev().find(|s| joins && s.stage == stay.stage && s.place == stay.place) {
        Some(known) => {
            known.to = known.to.max(stay.to);
            known.end = stay.end.or(known.end);
        }
        None => stays.push(stay),
    }
}

/// A device that refused at once never rang.
fn rang(cause: Option<u16>, length_ms: i64, end: OfferEnd) -> bool {
    match end {
        OfferEnd::Busy => length_ms >= RANG_AT_LEAST_MS,
        OfferEnd::NotRegistered | OfferEnd::DoNotDisturb => false,
        OfferEnd::Failed => length_ms >= RANG_AT_LEAST_MS,
        _ => !matches!(cause, Some(1..=3)) || length_ms >= RANG_AT_LEAST_MS,
    }
}

fn direction(journey: &Journey, caller: &Channel) -> Direction {
    if journey.own_call {
        return Direction::Outbound;
    }
    if caller.end.kind == EndKind::Outside {
        return Direction::Inbound;
    }
    let outside = journey.offers.iter().any(|o| o.to.kind == EndKind::Outside && o.by.is_empty())
        || caller.stages.iter().any(|(_, s, ..)| *s == Stage::Outbound);
    if outside { Direction::Outbound } else { Direction::Internal }
}

fn transfers(channels: &[Channel], caller: &Channel) -> Vec<Transfer> {
    let mut transfers = Vec::new();
    for channel in channels {
        for (at, kind, detail, other) in &channel.moves {
            let to_channel =
                |name: &str| channels.iter().find(|c| c.name == name).map(|c| c.end.number.clone()).unwrap_or_default();
            let (kind, to) = match kind {
                Event::BlindTransfer => (MoveKind::Blind, detail.clone()),
                // The channel that stays is not told where the telephones still rang: then what the consultation had dialed.
                Event::AttendedTransfer => match to_channel(other) {
                    to if to.is_empty() => {
                        let consultation = channels.iter().find(|c| c.name == *detail && c.name != channel.name);
                        let dialed = consultation.map(|c| c.dialed.clone()).filter(|dialed| dialed != "s");
                        (MoveKind::Attended, dialed.unwrap_or_default())
                    }
                    to => (MoveKind::Attended, to),
                },
                Event::Pickup => (MoveKind::Pickup, to_channel(detail)),
                _ => (MoveKind::Forward, detail.clone()),
            };
            transfers.push(Transfer { kind, by: channel.end.number.clone(), to, at: *at });
        }
    }
    for (at, _, place) in &caller.parked {
        // Who parks transfers to the number of the parking places, which says more than the name of the lot.
        let sent = transfers.iter().find(|t: &&Transfer| t.at.ms_since(*at).abs() <= 500);
        let (by, number) = sent.map(|t| (t.by.clone(), t.to.clone())).unwrap_or_default();
        let to = if number.is_empty() { place.clone() } else { number };
        transfers.retain(|t| t.at.ms_since(*at).abs() > 500);
        transfers.push(Transfer { kind: MoveKind::Park, by, to, at: *at });
    }
    transfers.sort_by(|a, b| (a.at, a.kind, a.to.as_str()).cmp(&(b.at, b.kind, b.to.as_str())));
    transfers
}

fn destinations(arguments: &str) -> impl Iterator<Item = &str> {
    first_argument(arguments).split('&').filter(|d| !d.is_empty())
}

/// Before 1.6, bars part the arguments.
fn first_argument(arguments: &str) -> &str {
    arguments.split([',', '|']).next().unwrap_or_default()
}

fn is_line_of(destination: &str, device: &str) -> bool {
    let Some((_, line)) = device.split_once('/') else { return false };
    let Some((_, rest)) = destination.split_once('/') else { return false };
    rest == line
        || rest.rsplit_once('@').is_some_and(|(_, l)| l == line)
        || rest.split_once('/').is_some_and(|(l, _)| l == line || is_line_group(l))
}

/// A group of lines, of which the PBX takes a free one.
fn is_line_group(line: &str) -> bool {
    let digits = line.strip_prefix(['g', 'G', 'r', 'R', 'i']).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn number_in(destination: &str) -> Option<&str> {
    let (_, rest) = destination.split_once('/')?;
    if destination.starts_with("Local/") {
        return None;
    }
    rest.split_once('@').map(|(number, _)| number).or_else(|| rest.split_once('/').map(|(_, number)| number))
}
