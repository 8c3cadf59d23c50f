//! Whole paths to a journey: for every PBX that writes one record per path (a CDR, an SMDR line, a segment).

use adapters::Leg;
use adapters::leg::{Answerer, Disposition, End, EndKind, LegId, Moment, MoveKind, Side, Stage, Text};
use smallvec::SmallVec;

use crate::journey::{Direction, Journey, Offer, OfferEnd, Stay, StayEnd, Talk, Transfer};

/// The journey that these legs tell; `legs` are sorted by [`crate::assemble::sort`] and tell paths only.
/// `None` if no leg has a moment, or if all only record or listen: then nothing can be said of a call.
#[must_use]
pub fn journey(legs: &[&Leg]) -> Option<Journey> {
    let first = caller_leg(legs)?;
    let mut journey = Journey {
        caller: first.from.clone(),
        started_at: began(first)?,
        grain_ms: i64::from(legs.iter().map(|l| l.grain_ms).max().unwrap_or(1)),
        ..Journey::default()
    };
    let paths = Paths::of(legs, first);
    if let Some(tells_more) = first_reaching(&paths, first) {
        journey.caller = tells_more.from.clone();
    }
    // What other calls tell of whom the caller met in a room says nothing of when the caller came or went.
    let own = paths.own.iter().filter(|l| l.order != u64::MAX || first.order == u64::MAX);
    journey.started_at = own.clone().filter_map(|l| began(l)).min().unwrap_or(journey.started_at);
    journey.ended_at = own
        .clone()
        .filter_map(|l| l.ended_at)
        .chain(first.ended_at)
        .max()
        .unwrap_or(journey.started_at)
        .max(journey.started_at);
    read_caller(&mut journey, &paths, first);
    journey.own_call = first.stage == Stage::OwnCall;
    journey.offers = offers(&paths, &journey);
    journey.talks = talks(&paths, &journey);
    journey.ended_at = journey.talks.iter().map(|t| t.to).chain([journey.ended_at]).max().unwrap_or(journey.ended_at);
    journey.direction = direction(&paths, &journey, first);
    journey.stays = stays(&paths, &journey);
    journey.transfers = transfers(&paths, &journey);
    read_end(&mut journey, &paths);
    settle_offers(&mut journey);
    Some(journey)
}

/// The call's legs by what they are to its caller.
/// A call has a few legs as a rule, and thousands at times: what is looked up is a short list in order, not a map.
struct Paths<'l> {
    /// The caller's own, in order.
    own: Few<&'l Leg>,
    /// Others' on the caller's behalf: the inner side of a joint, a consultation, a recall.
    others: Few<&'l Leg>,
    /// The inner legs behind joints, by joint.
    behind: Few<&'l Leg>,
    /// When each channel called, and when it was rung; by channel, the first time first.
    called_at: Few<(&'l str, Moment)>,
    rung_at: Few<(&'l str, Moment)>,
    /// Joints that were taken away, each with the caller's leg that went on: looked for once, since every leg asks.
    optimized: Vec<(&'l Leg, &'l Leg)>,
}

type Few<T> = SmallVec<[T; 8]>;

/// When the channel first did, in a list by channel.
fn first_of(channel: &str, times: &[(&str, Moment)]) -> Option<Moment> {
    let at = times.partition_point(|(known, _)| *known < channel);
    times.get(at).filter(|(known, _)| *known == channel).map(|(_, at)| *at)
}

impl<'l> Paths<'l> {
    fn of(legs: &[&'l Leg], first: &'l Leg) -> Paths<'l> {
        let mut paths = Paths {
            own: Few::new(),
            others: Few::new(),
            behind: Few::new(),
            called_at: Few::new(),
            rung_at: Few::new(),
            optimized: Vec::new(),
        };
        for leg in legs.iter().filter(|l| l.stage != Stage::Recording) {
            let mine = if first.from.channel.is_empty() {
                leg.from == first.from
            } else {
                leg.from.channel == first.from.channel
            };
            if mine {
                paths.own.push(leg);
            } else {
                paths.others.push(leg);
            }
            let at = began(leg).unwrap_or_default();
            if leg.from.kind == EndKind::Joint {
                paths.behind.push(leg);
            }
            if !leg.from.channel.is_empty() && leg.order != u64::MAX {
                paths.called_at.push((&leg.from.channel, at));
            }
            if let Some(to) = leg.to.as_ref().filter(|t| !t.channel.is_empty() && leg.order != u64::MAX) {
                paths.rung_at.push((&to.channel, at));
            }
        }
        paths.behind.sort_by_key(|leg| leg.from.channel.as_str());
        paths.called_at.sort_unstable();
        paths.rung_at.sort_unstable();
        let went_on = |l: &&Leg| l.up_before && l.to.as_ref().is_some_and(|t| t.kind != EndKind::Joint);
        let real: Few<&Leg> = paths.own.iter().copied().filter(went_on).collect();
        if !real.is_empty() {
            paths.optimized = paths.own.iter().filter_map(|joint| Some((*joint, replacement(&real, joint)?))).collect();
        }
        paths
    }

    /// A channel that called before it was rung was not rung at all: somebody took a call out of a parking place, or picked it up.
    fn came_by_itself(&self, channel: &str) -> bool {
        match (first_of(channel, &self.called_at), first_of(channel, &self.rung_at)) {
            (Some(called), Some(rung)) => called <= rung,
            _ => false,
        }
    }

    /// The inner legs behind the joint of this channel, in order.
    fn behind(&self, joint: &str) -> &[&'l Leg] {
        let from = self.behind.partition_point(|leg| leg.from.channel.as_str() < joint);
        let rest = self.behind.get(from..).unwrap_or_default();
        rest.get(..rest.partition_point(|leg| leg.from.channel == joint)).unwrap_or_default()
    }

    /// The legs that really reach somebody at the far end of `leg`: itself, or those behind its joint.
    fn reaching<'s>(&'s self, leg: &'s Leg) -> Few<&'s Leg> {
        match &leg.to {
            Some(to) if to.kind == EndKind::Joint => {
                let mut reached: Few<&Leg> = Few::new();
                for inner in self.behind(&to.channel) {
                    match &inner.to {
                        Some(far) if far.kind == EndKind::Joint && far.channel != to.channel => {
                            let real = |l: &&&Leg| l.to.as_ref().is_some_and(|t| t.kind != EndKind::Joint);
                            reached.extend(self.behind(&far.channel).iter().filter(real).copied());
                        }
                        Some(_) => reached.push(*inner),
                        None => {}
                    }
                }
                reached
            }
            Some(_) => Few::from_slice(&[leg]),
            None => Few::new(),
        }
    }
}

/// The caller's first leg: of the earliest, one that comes from outside or from a telephone rather than from the middle of the PBX.
fn caller_leg<'l>(legs: &[&'l Leg]) -> Option<&'l Leg> {
    let real = |l: &&&Leg| l.from.kind != EndKind::Joint && l.stage != Stage::Recording && began(l).is_some();
    let own = |l: &&&Leg| l.order != u64::MAX;
    legs.iter()
        .find(|l| real(l) && own(l))
        .or_else(|| legs.iter().find(real))
        .or_else(|| legs.iter().find(|l| l.stage != Stage::Recording && began(l).is_some()))
        .copied()
}

/// Of the caller's legs that begin at once, one that reaches somebody says better what the caller is than a step of the dialplan,
/// where nobody listed the telephones.
fn first_reaching<'l>(paths: &Paths<'l>, first: &Leg) -> Option<&'l Leg> {
    let told = |l: &&&Leg| l.to.is_some() && l.started_at == first.started_at && l.from.kind != first.from.kind;
    paths.own.iter().find(told).copied().filter(|_| first.to.is_none())
}

fn began(leg: &Leg) -> Option<Moment> {
    leg.started_at.or(leg.rang_at).or(leg.answered_at).or(leg.ended_at)
}

/// What any of the caller's legs says of the caller, the earliest first.
fn read_caller(journey: &mut Journey, paths: &Paths<'_>, first: &Leg) {
    for leg in &paths.own {
        for (known, told) in [
            (&mut journey.caller.number, &leg.from.number),
            (&mut journey.caller.name, &leg.from.name),
            (&mut journey.caller.trunk, &leg.from.trunk),
            (&mut journey.did, &leg.did),
            (&mut journey.recording, &leg.recording),
        ] {
            if known.is_empty() && !told.is_empty() {
                known.clone_from(told);
            }
        }
        journey.message_left = journey.message_left.max(leg.message_left);
    }
    journey.dialed = first.dialed.clone();
}

/// Everybody who was tried: by the caller's legs, behind joints, and by people who consulted for the caller.
fn offers(paths: &Paths<'_>, journey: &Journey) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    // The offer to each channel, by channel.
    let mut by_channel: Few<(&str, usize)> = Few::new();
    for leg in paths.own.iter().chain(&paths.others) {
        if matches!(leg.stage, Stage::Conference | Stage::ParkRetrieve | Stage::Recording) || leg.order == u64::MAX {
            continue;
        }
        let Some(told) = &leg.to else {
            if leg.stage == Stage::OwnCall && leg.from.kind == EndKind::Person {
                offers.push(offer(leg, leg.from.clone(), Text::default()));
            }
            continue;
        };
        let (to, channel) = match told.kind {
            EndKind::Person | EndKind::Outside => (told.clone(), told.channel.as_str()),
            // A joint behind which nothing could be rung stands for the telephone it is named after.
            EndKind::Joint
                if paths.reaching(leg).is_empty()
                    && !paths.behind_told(told)
                    && !told.number.is_empty()
                    && optimized_into(paths, leg).is_none() =>
            {
                (End { kind: EndKind::Person, channel: Text::default(), ..told.clone() }, "")
            }
            _ => continue,
        };
        if !channel.is_empty() && (journey.caller.channel == channel || paths.came_by_itself(channel)) {
            continue;
        }
        let consulted = leg.from.kind == EndKind::Person && leg.from.channel != journey.caller.channel;
        let by = if consulted { leg.from.number.clone() } else { Text::default() };
        let mut new = offer(leg, to, by);
        new.queue = queue_of(paths, leg);
        if let Some(joint) = paths.taken_away_for(leg) {
            // It rang behind the joint.
            new.tried_at = new.tried_at.min(began(joint).unwrap_or(new.tried_at));
            new.rang_at = new.rang_at.min(joint.rang_at.or(joint.started_at)).or(joint.started_at);
        }
        if let Some((fork, at)) = forked(paths, journey, leg) {
            new.tried_at = at;
            new.rang_at = new.rang_at.map(|_| at);
            new.timed_out = fork.timed_out;
        }
        if channel.is_empty() {
            offers.push(new);
            continue;
        }
        match by_channel.binary_search_by_key(&channel, |(known, _)| known) {
            Ok(at) => join_offer(&mut offers[by_channel[at].1], new),
            Err(at) => {
                by_channel.insert(at, (channel, offers.len()));
                offers.push(new);
            }
        }
    }
    refused_without_device(paths, &mut offers);
    // Somebody who really rang in a consultation is not told again by the caller's leg that lost the channel.
    let rang: Vec<Text> =
        offers.iter().filter(|o| o.rang_at.is_some() && !o.by.is_empty()).map(|o| o.to.number.clone()).collect();
    offers.retain(|o| {
        !(o.disposition == Disposition::NotRegistered && o.to.channel.is_empty() && rang.contains(&o.to.number))
    });
    offers.sort_by(|a, b| {
        (a.tried_at, a.to.channel.as_str(), a.to.number.as_str()).cmp(&(
            b.tried_at,
            b.to.channel.as_str(),
            b.to.number.as_str(),
        ))
    });
    offers
}

/// The caller's first record can begin with the caller, before its telephone was rung; the other forks of the same ringing
/// begin with the ringing, and tell how long it took: one of them, and when it began.
fn forked<'p>(paths: &Paths<'p>, journey: &Journey, leg: &Leg) -> Option<(&'p Leg, Moment)> {
    let (started, ended) = (leg.started_at?, leg.ended_at?);
    if started > journey.started_at || !matches!(leg.stage, Stage::HuntGroup | Stage::Queue) {
        return None;
    }
    let fork = |o: &&&Leg| {
        o.leg_id != leg.leg_id
            && o.stage == leg.stage
            && o.argument == leg.argument
            && o.dialed == leg.dialed
            && o.to.as_ref().is_some_and(|t| !t.channel.is_empty())
    };
    let forks = paths.own.iter().filter(fork).filter_map(|o| Some((*o, o.started_at?)));
    let (fork, at) = forks.min_by_key(|(fork, at)| (*at, fork.leg_id))?;
    (at.ms_since(started) > i64::from(leg.grain_ms) && at < ended).then_some((fork, at))
}

impl Paths<'_> {
    /// The joint that was taken away, so that the caller went on with this leg.
    fn taken_away_for(&self, leg: &Leg) -> Option<&Leg> {
        self.optimized.iter().find(|(_, real)| real.leg_id == leg.leg_id).map(|(joint, _)| *joint)
    }

    /// Legs behind this joint exist, so they tell what happened there.
    fn behind_told(&self, joint: &End) -> bool {
        self.behind(&joint.channel).iter().any(|l| l.to.is_some())
    }
}

fn offer(leg: &Leg, to: End, by: Text) -> Offer {
    let tried_at = began(leg).unwrap_or_default();
    let ended_at = leg.ended_at.unwrap_or(tried_at).max(tried_at);
    let answered = leg.disposition == Disposition::Answered && leg.answerer != Answerer::Machine;
    Offer {
        to,
        tried_at,
        rang_at: leg.rang_at,
        answered_at: if answered { leg.answered_at } else { None },
        ended_at: if answered { leg.answered_at.unwrap_or(ended_at) } else { ended_at },
        end: match leg.disposition {
            Disposition::Answered if answered => OfferEnd::Answered,
            Disposition::Busy => OfferEnd::Busy,
            Disposition::Declined => OfferEnd::Declined,
            Disposition::AnsweredElsewhere => OfferEnd::AnsweredElsewhere,
            Disposition::Canceled => OfferEnd::CallerLeft,
            Disposition::NotRegistered => OfferEnd::NotRegistered,
            Disposition::DoNotDisturb => OfferEnd::DoNotDisturb,
            Disposition::Congestion | Disposition::Failed => OfferEnd::Failed,
            _ => OfferEnd::NoAnswer,
        },
        queue: leg.queue.clone(),
        by,
        leg: leg.leg_id,
        disposition: leg.disposition,
        timed_out: leg.timed_out,
    }
}

/// Two legs that tell one ringing: it was tried at the first, and answered if either says so.
fn join_offer(known: &mut Offer, new: Offer) {
    if new.end == OfferEnd::Answered && known.end != OfferEnd::Answered {
        known.end = OfferEnd::Answered;
        known.disposition = Disposition::Answered;
        known.answered_at = new.answered_at;
        known.ended_at = new.ended_at;
        known.leg = new.leg;
    }
    if known.end == OfferEnd::Answered && new.answered_at < known.answered_at && new.answered_at.is_some() {
        known.answered_at = new.answered_at;
    }
    known.tried_at = known.tried_at.min(new.tried_at);
    known.rang_at = match (known.rang_at, new.rang_at) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    if known.queue.is_empty() {
        known.queue = new.queue;
    }
}

/// The queue or hunt group of the caller's leg that led here.
fn queue_of(paths: &Paths<'_>, leg: &Leg) -> Text {
    if leg.from.kind != EndKind::Joint {
        return leg.queue.clone();
    }
    paths
        .own
        .iter()
        .find(|l| l.to.as_ref().is_some_and(|t| t.channel == leg.from.channel))
        .map_or_else(|| leg.queue.clone(), |l| l.queue.clone())
}

/// A caller who was told "busy" at an extension that no device was tried for met do-not-disturb there.
fn refused_without_device(paths: &Paths<'_>, offers: &mut Vec<Offer>) {
    for leg in &paths.own {
        let busy = leg.cause == Some(17) && leg.to.is_none() && matches!(leg.stage, Stage::Extension | Stage::Forward);
        if !busy || offers.iter().any(|o| o.to.number == leg.dialed) || leg.dialed.is_empty() {
            continue;
        }
        let tried_here = paths.own.iter().any(|l| l.dialed == leg.dialed && l.stage == leg.stage && l.to.is_some());
        if tried_here {
            continue;
        }
        let to = End { kind: EndKind::Person, number: leg.dialed.clone(), ..End::default() };
        let mut new = offer(leg, to, Text::default());
        new.end = OfferEnd::DoNotDisturb;
        new.disposition = Disposition::DoNotDisturb;
        new.rang_at = None;
        new.answered_at = None;
        new.ended_at = new.tried_at;
        offers.push(new);
    }
}

/// The caller's time with people.
fn talks(paths: &Paths<'_>, journey: &Journey) -> Vec<Talk> {
    let mut talks = Vec::new();
    for leg in &paths.own {
        if leg.disposition != Disposition::Answered
            || leg.answerer == Answerer::Machine
            || matches!(leg.stage, Stage::ParkRetrieve | Stage::Recording)
        {
            continue;
        }
        for reached in paths.reaching(leg) {
            let Some(with) = reached.to.as_ref().filter(|t| matches!(t.kind, EndKind::Person | EndKind::Outside))
            else {
                continue;
            };
            if reached.disposition != Disposition::Answered
                || reached.answerer == Answerer::Machine
                || with.channel == journey.caller.channel && !with.channel.is_empty()
            {
                continue;
            }
            // A room joins everybody who is in it; we count our people, and whoever an outside caller came for.
            if leg.stage == Stage::Conference
                && with.kind == EndKind::Outside
                && journey.caller.kind == EndKind::Outside
            {
                continue;
            }
            let Some(talk) = talk(paths, leg, reached, with) else { continue };
            talks.push(talk);
        }
    }
    talks.extend(handed_on(paths, journey, &talks));
    talks.sort_by_key(|a| (a.from, a.to, a.leg));
    talks.dedup_by(|b, a| a.leg == b.leg);
    talks
}

/// A caller of ours who passed the far end on: their call goes on with the far end, at whose channel others' legs begin.
/// In a conference they are still together.
fn handed_on(paths: &Paths<'_>, journey: &Journey, talks: &[Talk]) -> Vec<Talk> {
    if journey.caller.kind == EndKind::Outside {
        return Vec::new();
    }
    let far_end = |leg: &Leg| {
        let began = leg.answered_at?;
        talks.iter().find(|t| {
            !t.with.channel.is_empty()
                && t.with.channel == leg.from.channel
                && began.ms_since(t.to) >= -journey.grain_ms
        })
    };
    let has_room = paths.own.iter().any(|l| l.stage == Stage::Conference);
    let answered = |leg: &&&Leg| {
        !(has_room && leg.stage == Stage::Conference)
            && leg.disposition == Disposition::Answered
            && leg.answerer != Answerer::Machine
            && !leg.up_before
            && leg.to.is_some()
    };
    let others = paths.others.iter().filter(answered);
    others
        .filter_map(|leg| {
            let talk = far_end(leg)?;
            let (from, to) = (leg.answered_at?, leg.ended_at?);
            Some(Talk { with: talk.with.clone(), from, to: to.max(from), exact: true, leg: leg.leg_id, hold_ms: 0 })
        })
        .collect()
}

fn talk(paths: &Paths<'_>, leg: &Leg, reached: &Leg, with: &End) -> Option<Talk> {
    let to = leg.ended_at.or(reached.ended_at)?;
    let outer = leg.answered_at.or(leg.started_at)?;
    let inner = reached.answered_at.unwrap_or(outer);
    let mut from = outer.max(inner).min(to);
    let up_before = leg.up_before && (std::ptr::eq(leg, reached) || reached.up_before);
    let mut exact = !up_before || leg.stage == Stage::Conference;
    if up_before && leg.stage != Stage::Conference {
        if paths.came_by_itself(&with.channel) || had_answered(paths, leg, with) {
            exact = true;
        } else if let Some(at) = forks_lost_at(paths, leg) {
            from = at.max(from).min(to);
            exact = true;
        }
    }
    let mut to = to;
    if let Some(at) = rang_until(paths, leg, with) {
        // A record of the ringing is finer than the minute of the answer.
        to = at.plus_ms(to.ms_since(from));
        from = at;
    }
    let hold_ms = leg.hold_ms.unwrap_or(0) + consulted_ms(paths, with, from, to);
    Some(Talk { with: with.clone(), from, to, exact, leg: leg.leg_id, hold_ms: hold_ms.clamp(0, to.ms_since(from)) })
}

/// The far channel had been answered before: in a consultation that was handed over to this caller, or behind a joint
/// that the PBX took away once both sides had answered.
fn had_answered(paths: &Paths<'_>, leg: &Leg, with: &End) -> bool {
    let handed_over = !with.channel.is_empty()
        && paths.others.iter().any(|o| {
            o.disposition == Disposition::Answered
                && o.to.as_ref().is_some_and(|t| t.channel == with.channel)
                && o.started_at <= leg.started_at
                && matches!(o.from.kind, EndKind::Person | EndKind::Joint)
        });
    handed_over || paths.taken_away_for(leg).is_some()
}

/// A joint that was taken away once both sides had answered: the caller's leg to it ends in the second
/// in which the caller's leg to the real far end begins.
fn optimized_into<'p>(paths: &'p Paths<'_>, joint: &Leg) -> Option<&'p Leg> {
    paths.optimized.iter().find(|(known, _)| known.leg_id == joint.leg_id).map(|(_, real)| *real)
}

fn replacement<'l>(real: &[&'l Leg], joint: &Leg) -> Option<&'l Leg> {
    let to = joint.to.as_ref().filter(|t| t.kind == EndKind::Joint && joint.disposition == Disposition::Answered)?;
    let ended = joint.ended_at?;
    real.iter().copied().find(|l| {
        l.leg_id != joint.leg_id
            && l.up_before
            && l.argument == joint.argument
            && l.started_at
                .is_some_and(|s| s.ms_since(ended).abs() <= i64::from(l.grain_ms) && Some(s) > joint.started_at)
            && l.to.as_ref().is_some_and(|t| t.kind != EndKind::Joint && t.channel != to.channel)
    })
}

/// When the same ringing, told by a record of its own, ended; as far as the answer's moment is no finer.
fn rang_until(paths: &Paths<'_>, leg: &Leg, with: &End) -> Option<Moment> {
    let answered = leg.answered_at?;
    let ringing = paths.own.iter().find(|o| {
        o.leg_id != leg.leg_id
            && !with.channel.is_empty()
            && o.disposition != Disposition::Answered
            && o.rang_at.is_some()
            && o.to.as_ref().is_some_and(|t| t.channel == with.channel)
    })?;
    let ended = ringing.ended_at?;
    (leg.grain_ms > 1000 && answered.ms_since(ended).abs() <= i64::from(leg.grain_ms)).then_some(ended)
}

/// Where the record prints the PBX's answer instead of the person's, the forks that lost tell: they all stopped ringing when one won.
/// Their records may begin later than the winner's, which in a queue begins when the caller came; once one has won, none begins.
fn forks_lost_at(paths: &Paths<'_>, won: &Leg) -> Option<Moment> {
    let (started, ended) = (won.started_at?, won.ended_at?);
    let slack = i64::from(won.grain_ms).max(1000);
    paths
        .own
        .iter()
        .filter(|l| {
            l.leg_id != won.leg_id
                && l.stage == won.stage
                && l.dialed == won.dialed
                && l.queue == won.queue
                && l.to.is_some()
                && matches!(
                    l.disposition,
                    Disposition::NoAnswer | Disposition::AnsweredElsewhere | Disposition::Canceled
                )
                && l.started_at.is_some_and(|s| s >= started.plus_ms(-slack))
        })
        .filter_map(|l| l.ended_at)
        .filter(|e| *e > started && *e <= ended)
        .max()
}

/// While a person asked somebody else, the caller waited.
fn consulted_ms(paths: &Paths<'_>, with: &End, from: Moment, to: Moment) -> i64 {
    let mut spans: Vec<(Moment, Moment)> = paths
        .others
        .iter()
        .filter(|l| {
            l.from.kind == EndKind::Person
                && (!with.number.is_empty() && l.from.number == with.number
                    || !with.device.is_empty() && l.from.device == with.device)
                && l.from.channel != with.channel
                && l.to.is_some()
                && l.stage != Stage::Conference
                && l.order != u64::MAX
        })
        .filter_map(|l| Some((l.started_at?.max(from), l.ended_at?.min(to))))
        .filter(|(a, b)| b > a)
        .collect();
    spans.sort_unstable();
    let mut total = 0;
    let mut covered = from;
    for (a, b) in spans {
        if b > covered {
            total += b.ms_since(a.max(covered));
            covered = b;
        }
    }
    total
}

fn direction(paths: &Paths<'_>, journey: &Journey, first: &Leg) -> Direction {
    if journey.own_call {
        return Direction::Outbound;
    }
    if journey.caller.kind == EndKind::Outside {
        return Direction::Inbound;
    }
    // Whom the caller dialed decides, not whom somebody else of the call asked later.
    let outside = paths.own.iter().any(|l| {
        l.stage != Stage::Conference
            && (l.stage == Stage::Outbound
                || l.to.as_ref().is_some_and(|t| t.kind == EndKind::Outside)
                || paths.reaching(l).iter().any(|r| r.to.as_ref().is_some_and(|t| t.kind == EndKind::Outside)))
    });
    if outside || first.stage == Stage::Outbound { Direction::Outbound } else { Direction::Internal }
}

/// The places that the caller was in. Rows of one queue or group that follow one another are one stay.
fn stays(paths: &Paths<'_>, journey: &Journey) -> Vec<Stay> {
    let mut stays: Vec<Stay> = Vec::new();
    for leg in &paths.own {
        let (Some(from), Some(to)) = (began(leg), leg.ended_at.or_else(|| began(leg))) else { continue };
        if matches!(leg.stage, Stage::Unknown | Stage::Inside | Stage::Number | Stage::Recording | Stage::OwnCall) {
            continue;
        }
        let joins = matches!(leg.stage, Stage::Queue | Stage::HuntGroup);
        let talk = journey.talks.iter().find(|t| t.leg == leg.leg_id);
        let to = talk.map_or(to, |t| t.from).max(from);
        let end = if talk.is_some() { Some(StayEnd::Answered) } else { left_how(leg) };
        // A room with people in it is their talk, not a stay with a machine.
        let stage = leg.stage;
        match stays
            .iter_mut()
            .rev()
            .find(|s| joins && s.stage == stage && s.place == leg.place && from.ms_since(s.to) <= 15_000)
        {
            Some(stay) => {
                stay.from = stay.from.min(from);
                stay.to = stay.to.max(to);
                stay.end = end.or(stay.end);
            }
            None => stays.push(Stay { stage, place: leg.place.clone(), from, to, end, leg: leg.leg_id }),
        }
    }
    stays.sort_by_key(|a| (a.from, a.to, a.leg));
    stays
}

/// How a stay without a far end ended, where its record says it.
fn left_how(leg: &Leg) -> Option<StayEnd> {
    if leg.to.is_some() || leg.stage != Stage::Queue {
        return None;
    }
    match leg.disposition {
        Disposition::Congestion => Some(StayEnd::NotJoined),
        Disposition::NotRegistered => Some(StayEnd::Emptied),
        Disposition::NoAnswer if leg.timed_out == Some(true) => Some(StayEnd::TimedOut),
        Disposition::Canceled => Some(StayEnd::Abandoned),
        Disposition::MovedOn => Some(StayEnd::MovedOn),
        _ => None,
    }
}

/// Moves that the records tell, or that what follows a talk shows.
fn transfers(paths: &Paths<'_>, journey: &Journey) -> Vec<Transfer> {
    let mut transfers: Vec<Transfer> = Vec::new();
    for leg in paths.own.iter().chain(&paths.others) {
        if let (Some(moved), Some(at)) = (&leg.moved, began(leg)) {
            let to = leg.to.as_ref().map_or_else(|| leg.place.clone(), |t| t.number.clone());
            transfers.push(Transfer { kind: moved.kind, by: moved.by.clone(), to, at });
        }
    }
    if transfers.is_empty() {
        transfers = shown_transfers(paths, journey);
    }
    transfers.sort_by(|a, b| (a.at, a.kind, a.to.as_str()).cmp(&(b.at, b.kind, b.to.as_str())));
    transfers.dedup();
    transfers
}

/// Moves that two legs one after the other show. Of one talk there is one: what follows it, the dialplan did.
fn shown_transfers(paths: &Paths<'_>, journey: &Journey) -> Vec<Transfer> {
    let mut transfers: Vec<Transfer> = Vec::new();
    let mut moved_from: Vec<LegId> = Vec::new();
    for leg in &paths.own {
        let Some(from) = began(leg) else { continue };
        let Some(before) =
            journey.talks.iter().filter(|t| t.to <= from.plus_ms(1000) && t.leg != leg.leg_id).max_by_key(|t| t.to)
        else {
            continue;
        };
        let kind = match leg.stage {
            Stage::Park => MoveKind::Park,
            Stage::Menu
            | Stage::Announcement
            | Stage::Unknown
            | Stage::AfterQueue
            | Stage::Conference
            | Stage::Final => continue,
            _ if leg.to.as_ref().is_some_and(|t| had_answered(paths, leg, t) || had_asked(paths, &before.with, t)) => {
                MoveKind::Attended
            }
            _ if leg.to.is_none() && leg.cause.is_some() => continue,
            _ => MoveKind::Blind,
        };
        let far = leg.to.as_ref();
        let came_by_itself = far
            .is_some_and(|t| t.kind != EndKind::Joint && paths.came_by_itself(&t.channel) && leg.stage != Stage::Park);
        // Who were left of a conference are together as they were, and so are those between whom a joint was taken away.
        if came_by_itself
            || paths.own.iter().any(|l| l.leg_id == before.leg && l.stage == Stage::Conference)
            || paths.taken_away_for(leg).is_some()
            || moved_from.contains(&before.leg)
        {
            continue;
        }
        let to = match far {
            Some(far) if leg.queue.is_empty() => far.number.clone(),
            Some(_) => leg.queue.clone(),
            // `lot:place` is where; other arguments are only for how long.
            None if kind == MoveKind::Park && leg.argument.contains(':') => leg.place.clone(),
            None => leg.dialed.clone(),
        };
        // A caller whom the PBX gives back to the same person was not passed on by that.
        if to == before.with.number && kind != MoveKind::Park {
            continue;
        }
        moved_from.push(before.leg);
        transfers.push(Transfer { kind, by: before.with.number.clone(), to, at: from });
    }
    // The caller was joined to telephones that still rang for a consultation.
    if let Some(last) = journey.last_talk().filter(|t| !moved_from.contains(&t.leg))
        && let Some(asked) = journey.offers.iter().find(|o| is_asked_by(o, last, journey.grain_ms))
    {
        let step = paths.own.iter().find(|l| {
            l.to.is_none()
                && l.started_at >= Some(last.to)
                && matches!(l.stage, Stage::Extension | Stage::HuntGroup | Stage::Queue | Stage::Forward)
        });
        let to = step.map_or_else(|| asked.to.number.clone(), |s| s.dialed.clone());
        transfers.push(Transfer { kind: MoveKind::Attended, by: last.with.number.clone(), to, at: last.to });
    }
    transfers
}

/// This person had asked there before the caller came.
fn had_asked(paths: &Paths<'_>, person: &End, far: &End) -> bool {
    !far.channel.is_empty()
        && paths.others.iter().any(|o| {
            o.from.kind == EndKind::Person
                && o.from.number == person.number
                && o.to.as_ref().is_some_and(|t| t.channel == far.channel)
        })
}

/// A consultation that still rang when its person let the caller go, and that the caller's legs are joined with.
fn is_asked_by(offer: &Offer, talk: &Talk, slack: i64) -> bool {
    !offer.by.is_empty()
        && offer.by == talk.with.number
        && offer.end != OfferEnd::Answered
        && offer.rang_at.is_some()
        && offer.ended_at.ms_since(talk.to).abs() <= slack
}

/// How the call ended, and whether the caller was passed on after the last talk.
fn read_end(journey: &mut Journey, paths: &Paths<'_>) {
    let last = paths.own.iter().max_by_key(|l| (l.ended_at, l.started_at, l.order, l.to.is_none(), l.leg_id));
    journey.taken_by_machine = paths.own.iter().any(|l| l.answerer == Answerer::Machine || l.up_before);
    let Some(last) = last else { return };
    // The step that the dialplan came to after everything else: a row without far end that is the last to begin.
    let step =
        paths.own.iter().filter(|l| l.to.is_none()).max_by_key(|l| (l.started_at, l.ended_at, l.order, l.leg_id));
    let steps_last =
        step.is_some_and(|s| paths.own.iter().all(|l| l.leg_id == s.leg_id || l.started_at <= s.started_at));
    if steps_last {
        journey.cause = step.and_then(|s| s.cause);
        journey.refused = step.filter(|s| s.disposition != Disposition::Answered).map(|s| s.disposition);
    }
    journey.cause = journey.cause.or(last.cause);
    journey.ended_by = paths.own.iter().filter(|l| l.ended_at == last.ended_at).find_map(|l| l.ended_by);
    journey.caller_left = caller_left(paths, journey, last, step.filter(|_| steps_last).copied());
    // Whether a menu put the caller out is not told by a row of it.
    let is_told = step.is_none_or(|s| !matches!(s.stage, Stage::Menu | Stage::QueueExit));
    if journey.ended_by.is_none() && journey.talks.is_empty() && is_told {
        // The PBX put out who did not leave.
        journey.ended_by = journey.caller_left.map(|left| if left { Side::Caller } else { Side::Network });
    }
    journey.passed_on = passed_on(paths, journey);
}

/// The caller left first if the PBX was still trying when the call ended: it went to no further step.
fn caller_left(paths: &Paths<'_>, journey: &Journey, last: &Leg, step: Option<&Leg>) -> Option<bool> {
    if let Some(side) = journey.ended_by {
        return Some(side == Side::Caller);
    }
    if paths.own.iter().any(|l| l.disposition == Disposition::Canceled && l.ended_at == last.ended_at) {
        return Some(true);
    }
    if let Some(step) = step {
        // In a menu, a queue or an announcement, the caller who is gone either left or was put out: both are the caller's leaving,
        // unless the step says that the PBX hung up.
        return match step.stage {
            Stage::Menu | Stage::Queue | Stage::QueueExit => Some(step.timed_out != Some(true)),
            _ if step.cause.is_some() || step.disposition == Disposition::NotRegistered => Some(false),
            _ => None,
        };
    }
    let ringing = |l: &&&Leg| l.to.is_some() && l.ended_at == last.ended_at && l.disposition == Disposition::NoAnswer;
    let rang_out = paths
        .own
        .iter()
        .filter(ringing)
        .map(|l| forked(paths, journey, l).map_or(l.timed_out, |(fork, _)| fork.timed_out));
    rang_out.fold(None, |known, timed_out| match (known, timed_out) {
        (Some(false), _) | (_, Some(true)) => Some(false),
        _ => Some(true),
    })
}

/// After the last talk somebody was tried, or the caller was queued or parked, and nobody spoke with them again.
fn passed_on(paths: &Paths<'_>, journey: &Journey) -> bool {
    let Some(talk) = journey.last_talk() else { return false };
    let slack = journey.grain_ms;
    let after = |at: Option<Moment>| at.is_some_and(|at| at.ms_since(talk.to) >= -slack);
    let own = paths.own.iter().any(|l| {
        l.leg_id != talk.leg
            && after(l.started_at)
            && l.stage != Stage::Conference
            && (l.to.is_some() && l.ended_at >= Some(talk.to)
                || matches!(l.stage, Stage::Queue | Stage::Park | Stage::Mailbox)
                || l.cause == Some(17) && matches!(l.stage, Stage::Extension | Stage::HuntGroup | Stage::Forward))
    });
    let asked = journey.offers.iter().any(|o| is_asked_by(o, talk, slack));
    (own || asked)
        && !paths
            .own
            .iter()
            .any(|l| l.leg_id == talk.leg && l.moved.is_none() && l.ended_at > Some(talk.to.plus_ms(slack)))
}

/// What one offer's end was, in the light of the others.
fn settle_offers(journey: &mut Journey) {
    let slack = journey.grain_ms.max(1000);
    let talks = &journey.talks;
    let (ended_at, left) = (journey.ended_at, journey.caller_left);
    for offer in &mut journey.offers {
        if let Some(talk) = talks.iter().find(|t| !t.with.channel.is_empty() && t.with.channel == offer.to.channel)
            && offer.end == OfferEnd::Answered
            && (talk.exact || offer.answered_at.is_none())
            && offer.by.is_empty()
        {
            offer.answered_at = Some(talk.from);
            offer.ended_at = talk.from;
        }
        if offer.end != OfferEnd::NoAnswer || offer.timed_out == Some(true) {
            continue;
        }
        let won = talks.iter().any(|t| offer.ended_at.ms_since(t.from).abs() <= slack)
            || talks.iter().filter(|t| !t.exact).any(|t| {
                offer.tried_at.ms_since(t.from).abs() <= slack && offer.ended_at >= t.from && offer.ended_at <= t.to
            });
        if won {
            offer.end = OfferEnd::AnsweredElsewhere;
        } else if left == Some(true) && ended_at.ms_since(offer.ended_at).abs() <= slack {
            offer.end = OfferEnd::CallerLeft;
        }
    }
}
