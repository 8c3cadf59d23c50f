//! One call detail record as the path that it tells: what ended it, where it led, and who was called before.
//!
//! Most records are one leg. A forwarded call is one record whatever the number of its hops: the parties who are named before the last
//! are legs of their own, and so is the way to a mailbox or into a queue.

use smallvec::SmallVec;

use crate::adapter::{EXTENSION_DIGITS_MAX, Legs, Record, Settings};
use crate::leg::{Answerer, Disposition, End, EndKind, Leg, Moment, Move, MoveKind, Side, Stage, Text};

use super::codes::{self, feature, reason, usage};
use super::ends::{self, Party};
use super::{C, Row, link, name};

/// What tells a record apart from others of its call, where it has no id of its own.
const DISTINCT: [C; 6] = [C::Node, C::Call, C::OrigLeg, C::DestLeg, C::Origination, C::Disconnect];

/// One record to its legs.
pub(super) fn parse(row: &Row<'_>, record: Record<'_>, settings: &Settings, out: &mut Legs) {
    let mut leg = Leg::new(&settings.origin, record.position);
    let is_connected = is_connected(row);
    if let Err(reason) = read_times(&mut leg, row, record, is_connected, out) {
        return out.reject(record, reason);
    }
    leg.order = order(row);
    leg.from = ends::end(row, Party::Calling, settings);
    leg.dialed = row.number(C::OriginalCalled);
    read_end(&mut leg, row, is_connected);
    for (label, column) in [
        ("comment", C::Comment),
        ("outpulsedCalledPartyNumber", C::Outpulsed),
        ("authCodeDescription", C::AuthCode),
        ("clientMatterCode", C::MatterCode),
    ] {
        if !row.is_empty(column) {
            leg.extra.push((label, row.text(column)));
        }
    }
    let mut legs = Parts { row, record, out, part: 0 };
    if is_recording(row) {
        return recording(leg, row, is_connected, &mut legs);
    }
    if is_conference(row, settings) {
        return conference(leg, row, settings, &mut legs);
    }
    link(&mut leg, row, &[C::OrigLeg, C::DestLeg]);
    leg.ends_call = !is_split(row);
    if row.number(C::FinalCalled).is_empty() && leg.dialed.is_empty() {
        // Lifted and put down again, or lifted to take over another call, which the other record tells.
        leg.stage = Stage::Inside;
        return legs.push(leg);
    }
    read_did(&mut leg, settings);
    led_on(leg, row, is_connected, settings, &mut legs);
}

/// The legs of one record, in the order in which they began.
struct Parts<'p, 'a> {
    row: &'p Row<'a>,
    record: Record<'p>,
    out: &'p mut Legs,
    part: u8,
}

impl Parts<'_, '_> {
    fn push(&mut self, mut leg: Leg) {
        leg.order = leg.order.saturating_add(u64::from(self.part.min(3)));
        name(&mut leg, self.row, self.record, &DISTINCT, self.part);
        self.part += 1;
        self.out.legs.push(leg);
    }
}

/// Whether the two ends were connected. `None`: the file has no column that tells it.
/// A connected duration of 0 is a real short answer; a connect time of 0 is none; one that cannot be read tells nothing.
fn is_connected(row: &Row<'_>) -> Option<bool> {
    if let (true, Ok(connect)) = (row.told(C::Connect), row.moment(C::Connect)) {
        return Some(connect.is_some());
    }
    let (orig, dest) = (codes::cause(row.code(C::OrigCause)), codes::cause(row.code(C::DestCause)));
    // Who was called hangs up only what was answered (`docs: Short Calls`: less than a second is a duration of 0).
    let called_hung_up = dest == Some(16) && orig.is_none();
    if row.told(C::Duration) {
        return Some(row.code(C::Duration) > 0 || called_hung_up);
    }
    // `docs: Abandoned Calls`: a call that the caller gave up has the cause 0, so one that was cleared as usual had been answered.
    let cleared = [orig, dest].contains(&Some(16));
    let preempted = codes::PREEMPTED.iter().any(|c| [orig, dest].contains(&Some(*c)));
    // A hunt pilot is told when a member answered; taking over a ringing call is answering it, all other features move calls that are up.
    let is_answered = cleared
        || preempted
        || !row.is_empty(C::HuntPilot)
        || row.code(C::JoinedFor) == feature::PICKUP
        || is_split(row) && row.code(C::OrigEndedFor) != feature::PICKUP
        || row.code(C::OrigMobileLength) > 0
        || row.code(C::DestMobileLength) > 0;
    is_answered.then_some(true)
}

/// A feature ended the record, and the call goes on. `docs: Conference Calls, Immediate Divert`: some have no cause, and the feature at both ends.
fn is_split(row: &Row<'_>) -> bool {
    let (orig, dest) = (row.code(C::OrigCause), row.code(C::DestCause));
    let ended_for = row.code(C::OrigEndedFor);
    let is_moved = ended_for == row.code(C::DestEndedFor) && feature::MOVING.contains(&ended_for);
    codes::is_split(orig) || codes::is_split(dest) || orig == 0 && dest == 0 && is_moved
}

/// Start, answer and end. A start that cannot be read is a reject; of the others only the field is.
/// An export without any time has the log's, to the minute; read by hand it has none, only how long the two were connected.
fn read_times(
    leg: &mut Leg,
    row: &Row<'_>,
    record: Record<'_>,
    is_connected: Option<bool>,
    out: &mut Legs,
) -> Result<(), String> {
    leg.grain_ms = 1000;
    leg.started_at = row.moment(C::Origination)?;
    let mut read = |column: C| {
        row.moment(column).unwrap_or_else(|reason| {
            out.reject(record, reason);
            None
        })
    };
    let connect = read(C::Connect);
    leg.ended_at = read(C::Disconnect);
    let mobile_s = || row.integer(C::OrigMobileLength).max(row.integer(C::DestMobileLength)).filter(|s| *s > 0);
    let duration_s = if row.told(C::Duration) { row.integer(C::Duration) } else { mobile_s() };
    let duration_ms = duration_s.filter(|s| (0..=i64::from(u32::MAX)).contains(s)).map(|s| s * 1000);
    leg.ended_at = leg.ended_at.or_else(|| Some(connect?.plus_ms(duration_ms?)));
    if leg.started_at.is_none() && connect.is_none() && leg.ended_at.is_none() {
        leg.ended_at = record.logged_at;
        leg.length_ms = duration_ms.filter(|_| record.logged_at.is_none());
        leg.grain_ms = if record.logged_at.is_some() { 60_000 } else { 1000 };
    }
    let answered = connect.or_else(|| Some(leg.ended_at?.plus_ms(-duration_ms?)));
    leg.answered_at = answered.filter(|_| is_connected == Some(true));
    leg.started_at = leg.started_at.or(leg.answered_at).or(leg.ended_at);
    Ok(())
}

/// Identifiers of ends are given in order, so the later path has the later one; of two with the same, the one that a feature joined came second.
/// The last two bits tell the legs of one record apart.
fn order(row: &Row<'_>) -> u64 {
    let identifier = |column: C| row.integer(column).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let latest = identifier(C::OrigLeg).max(identifier(C::DestLeg)).min(u64::MAX >> 8);
    latest * 8 + if row.code(C::JoinedFor) == 0 { 0 } else { 4 }
}

/// How the path ended and who ended it: a cause stands on the side that cleared. A split is no end.
fn read_end(leg: &mut Leg, row: &Row<'_>, is_connected: Option<bool>) {
    let (orig, dest) = (row.code(C::OrigCause), row.code(C::DestCause));
    let is_split = is_split(row);
    if !is_split {
        leg.cause = codes::cause(dest).or(codes::cause(orig));
    }
    leg.disposition = match is_connected {
        Some(true) => Disposition::Answered,
        _ if is_split => Disposition::MovedOn,
        Some(false) => codes::unanswered(orig, dest),
        None => match codes::unanswered(orig, dest) {
            Disposition::Canceled => Disposition::Unknown,
            told => told,
        },
    };
    if leg.disposition == Disposition::NoAnswer && leg.cause != Some(16) {
        leg.timed_out = Some(true);
    }
    leg.ended_by = match (codes::cause(orig), codes::cause(dest)) {
        _ if is_split => None,
        _ if [orig, dest].contains(&codes::CONFERENCE_FULL) => Some(Side::Network),
        (Some(16), None) => Some(Side::Caller),
        (None, None) => (is_connected == Some(false)).then_some(Side::Caller),
        _ if leg.disposition == Disposition::Canceled => Some(Side::Caller),
        (Some(16), Some(16)) => None,
        (_, Some(16)) if is_connected == Some(true) => Some(Side::Callee),
        (_, Some(21)) if leg.disposition == Disposition::Declined => Some(Side::Callee),
        _ => Some(Side::Network),
    };
}

/// `docs: Call Recording, Call Monitoring, Agent Greeting Calls`: the telephone's own bridge calls the recorder, a supervisor listens,
/// or an announcement is played into a call.
fn is_recording(row: &Row<'_>) -> bool {
    let for_it =
        |column: C| matches!(row.code(column), feature::RECORDING | feature::MONITORING | feature::AGENT_GREETING);
    let because =
        |column: C| matches!(row.code(column), reason::RECORDING | reason::MONITORING | reason::AGENT_GREETING);
    // An export without the features' columns: whoever goes into the bridge of a call that is named by one of its ends listens to it.
    const FEATURES: [C; 4] = [C::JoinedFor, C::FirstRedirectFor, C::LastRedirectFor, C::LastReason];
    let listens = || {
        ends::is_bridge(&row.text(C::FinalCalled))
            && !row.identifier(C::DestConversation).is_empty()
            && !FEATURES.into_iter().any(|c| row.told(c))
    };
    let calling = row.bytes(C::Calling);
    [C::JoinedFor, C::FirstRedirectFor, C::LastRedirectFor].into_iter().any(for_it)
        || because(C::FirstReason)
        || because(C::LastReason)
        || calling == b"BIB"
        || ends::is_bridge(&row.text(C::Calling)) && !row.identifier(C::OrigConversation).is_empty()
        || listens()
}

/// No call of its own. It joins the call whose end it heard; one that was never connected heard nothing, and joins none.
fn recording(mut leg: Leg, row: &Row<'_>, is_connected: Option<bool>, legs: &mut Parts<'_, '_>) {
    if is_connected == Some(false) {
        link(&mut leg, row, &[C::OrigLeg, C::DestLeg]);
    } else {
        link(&mut leg, row, &[C::OrigLeg, C::DestLeg, C::OrigConversation, C::DestConversation]);
    }
    leg.stage = Stage::Recording;
    let heard = row.identifier(C::OrigConversation);
    leg.from.channel = if heard.is_empty() { row.identifier(C::DestConversation) } else { heard };
    leg.to = Some(End {
        kind: EndKind::Machine,
        number: row.number(C::FinalCalled),
        device: row.text(C::DestDevice),
        channel: row.identifier(C::DestLeg),
        ..End::default()
    });
    legs.push(leg);
}

/// `docs: Conference Calls`: all paths lead into the bridge, whoever called whom.
fn is_conference(row: &Row<'_>, settings: &Settings) -> bool {
    ends::is_bridge(&row.text(C::FinalCalled))
        || settings.places.get(&row.text(C::FinalCalled)) == Some(&Stage::Conference)
        || ends::machine(&row.text(C::DestDevice)) == Some(Stage::Conference)
        || row.integer(C::Usage) == Some(usage::CONFERENCE)
        || row.code(C::LastReason) == reason::BARGE
}

/// In a conference are people: its controller, where the record tells one who is not this party, or somebody who is not told.
/// A conference that somebody made out of their calls is one with them; a room that everybody dials into joins nobody's calls.
fn conference(mut leg: Leg, row: &Row<'_>, settings: &Settings, legs: &mut Parts<'_, '_>) {
    let is_room = [C::JoinedFor, C::FirstRedirectFor, C::LastRedirectFor]
        .into_iter()
        .any(|c| matches!(row.code(c), feature::MEET_ME | feature::MEET_ME_INTERCEPT));
    let is_made = [C::JoinedFor, C::LastRedirectFor]
        .into_iter()
        .any(|c| matches!(row.code(c), feature::CONFERENCE | feature::BARGE));
    if is_made && !is_room {
        link(&mut leg, row, &[C::OrigLeg, C::DestLeg, C::DestConversation]);
    } else {
        link(&mut leg, row, &[C::OrigLeg, C::DestLeg]);
    }
    if ends::is_bridge(&leg.dialed) {
        leg.dialed = Text::default();
    }
    read_did(&mut leg, settings);
    if !matches!(leg.disposition, Disposition::Answered | Disposition::MovedOn | Disposition::Unknown) {
        // The conference was full, or the bridge never picked up.
        leg.stage = if leg.from.kind == EndKind::Person { Stage::Inside } else { Stage::Number };
        return legs.push(leg);
    }
    leg.stage = Stage::Conference;
    leg.place = row.number(C::FinalCalled);
    let comment = row.text(C::Comment);
    let controller = controller(&comment, "ConfControllerDn");
    let device = self::controller(&comment, "ConfControllerDeviceName");
    let is_self = controller == leg.from.number || !device.is_empty() && device == leg.from.device;
    let mut others = End { kind: EndKind::Person, channel: row.identifier(C::DestLeg), ..End::default() };
    if !is_self {
        others.number = controller;
        others.device = device;
    }
    leg.to = Some(others);
    legs.push(leg);
}

/// `ConfControllerDn=1000;ConfControllerDeviceName=SEP0003`: where a call was in several conferences, the last counts.
fn controller(comment: &str, key: &str) -> Text {
    comment
        .split(';')
        .filter_map(|part| part.trim().split_once('='))
        .filter(|(k, _)| *k == key)
        .map(|(_, v)| v)
        .next_back()
        .unwrap_or_default()
        .into()
}

/// The number of ours that was dialed, as far as it is one: what the file has is what translation patterns made of it.
fn read_did(leg: &mut Leg, settings: &Settings) {
    let digits = leg.dialed.strip_prefix('+').unwrap_or(&leg.dialed);
    let is_number = digits.len() > EXTENSION_DIGITS_MAX && digits.bytes().all(|b| b.is_ascii_digit());
    let is_ours = if settings.dids.is_empty() { is_number } else { settings.dids.contains(digits) };
    if leg.from.kind == EndKind::Outside && is_ours {
        leg.did = leg.dialed.clone();
    }
}

/// A path to somebody or something, with whom was called before.
fn led_on(mut leg: Leg, row: &Row<'_>, is_connected: Option<bool>, settings: &Settings, legs: &mut Parts<'_, '_>) {
    let mut to = ends::end(row, Party::Called, settings);
    if is_written_backwards(row) {
        std::mem::swap(&mut leg.from, &mut to);
        leg.dialed = Text::default();
        leg.did = Text::default();
        leg.ended_by = match leg.ended_by {
            Some(Side::Caller) => Some(Side::Callee),
            Some(Side::Callee) => Some(Side::Caller),
            other => other,
        };
    }
    let place = place(row, &to, is_connected, settings);
    let moved = moved(row, &to);
    let hops = hops(row, &leg, settings);
    leg.queue = queue(row, place.as_ref());
    let waits = !leg.queue.is_empty() && row.code(C::WasQueued) == 1;
    // Past a party who was rung in vain, or out of a queue, nothing tells when the next telephone began to ring.
    let first_rang = !waits && hops.iter().all(|hop: &Leg| hop.rang_at.is_none() && hop.to.is_some());
    let is_straight = hops.is_empty() && !waits;
    let only_hop = hops.len() == 1;
    for mut hop in hops {
        // Behind one party a machine picks up at once: the moment is that at which the party was given up.
        if only_hop && place.is_some() && hop.ended_at.is_none() {
            hop.ended_at = leg.answered_at;
        }
        legs.push(hop);
    }
    leg.moved = moved;
    match place {
        Some((stage @ (Stage::Queue | Stage::HuntGroup), place)) => {
            leg.stage = stage;
            leg.place = place;
            enter_queue(&mut leg, row, legs);
            legs.push(leg);
        }
        Some((stage, place)) => reach_machine(leg, stage, place, is_straight, legs),
        None => reach_end(leg, to, first_rang, row, legs),
    }
}

/// `docs: Call Park, Replaces Calls`: whoever fetches a parked call, or is put in the place of another, can be written as the calling party;
/// the identifier of the party who was there is the older one.
fn is_written_backwards(row: &Row<'_>) -> bool {
    let fetched = row.code(C::LastReason) == reason::PARK_PICKUP
        || row.code(C::FirstReason) == reason::PARK_PICKUP
        || matches!(row.code(C::JoinedFor), feature::PARK | feature::DIRECTED_PARK) && row.code(C::LastReason) == 0;
    let joined = matches!(row.code(C::JoinedFor), feature::TRANSFER | feature::REPLACES);
    let (orig, dest) = (row.integer(C::OrigLeg), row.integer(C::DestLeg));
    (fetched || joined) && dest.is_some_and(|d| d > 0) && orig > dest
}

/// The machine or group that the path led to, with its name; `None` if it led to somebody.
fn place(row: &Row<'_>, to: &End, is_connected: Option<bool>, settings: &Settings) -> Option<(Stage, Text)> {
    let number = row.number(C::FinalCalled);
    let is_answered = is_connected == Some(true);
    let usage_is = |wanted: i64| row.integer(C::Usage) == Some(wanted);
    let parks = |column: C| matches!(row.code(column), feature::PARK | feature::DIRECTED_PARK);
    let group = if row.code(C::WasQueued) == 1 { Stage::Queue } else { Stage::HuntGroup };
    match settings.places.get(&number) {
        // A member answered under the group's number.
        Some(Stage::Queue | Stage::HuntGroup) if is_answered => return None,
        Some(Stage::HuntGroup) => return Some((group, number)),
        Some(stage) => return Some((*stage, number)),
        None => {}
    }
    let is_queue = row.code(C::WasQueued) == 1 && number == row.number(C::OriginalCalled);
    if (usage_is(usage::HUNT_PILOT) || is_queue) && !is_answered {
        return Some((group, number));
    }
    // `docs: Immediate Divert`: it leads to the voice-messaging system, whatever the number is.
    let is_diverted = row.code(C::LastReason) == reason::IMMEDIATE_DIVERT
        || row.code(C::LastRedirectFor) == feature::IMMEDIATE_DIVERT;
    if usage_is(usage::MAILBOX_PORT) || is_diverted {
        return Some((Stage::Mailbox, number));
    }
    let is_parked = row.code(C::LastReason) == reason::PARK
        || usage_is(usage::PARK)
            && parks(C::LastRedirectFor)
            && row.code(C::LastReason) == 0
            && row.is_empty(C::DestDevice);
    if is_parked {
        return Some((Stage::Park, number));
    }
    if ends::is_answering_port(&number) {
        return Some((Stage::Menu, number));
    }
    if to.kind == EndKind::Person { None } else { Some((ends::machine(&to.device)?, number)) }
}

/// The hunt group or queue of this path.
fn queue(row: &Row<'_>, place: Option<&(Stage, Text)>) -> Text {
    let pilot = row.text(C::HuntPilot);
    match place {
        _ if !pilot.is_empty() => pilot,
        Some((Stage::Queue | Stage::HuntGroup, place)) => place.clone(),
        _ => Text::default(),
    }
}

/// How the caller came here, if by a redirect. Of a parked call the last redirect is the parking place or whoever fetched it.
fn moved(row: &Row<'_>, to: &End) -> Option<Move> {
    let kind = match row.code(C::LastReason) {
        0 if row.code(C::JoinedFor) == feature::PICKUP => MoveKind::Pickup,
        reason::IMMEDIATE_DIVERT if is_diverted_after_answer(row) => MoveKind::Blind,
        reason => codes::move_kind(reason)?,
    };
    let by = match kind {
        MoveKind::Pickup => to.number.clone(),
        MoveKind::Park if row.code(C::LastReason) != reason::PARK => Text::default(),
        _ => row.text(C::LastRedirect),
    };
    Some(Move { kind, by })
}

/// Who diverted the call had answered it, which another record tells.
fn is_diverted_after_answer(row: &Row<'_>) -> bool {
    row.code(C::JoinedFor) == feature::IMMEDIATE_DIVERT
}

/// Whom the caller was led past: the party dialed, and the last that sent the call on. Those between are not in the record.
fn hops(row: &Row<'_>, leg: &Leg, settings: &Settings) -> SmallVec<[Leg; 2]> {
    let mut hops = SmallVec::new();
    let (dialed, last, reached) =
        (row.number(C::OriginalCalled), row.text(C::LastRedirect), row.number(C::FinalCalled));
    let (mut why_first, why_last) = (row.code(C::FirstReason), row.code(C::LastReason));
    if why_first == 0 && last == dialed {
        why_first = why_last;
    }
    let was_queued =
        row.code(C::WasQueued) == 1 && row.is_empty(C::HuntPilot) && row.integer(C::Usage) != Some(usage::HUNT_PILOT);
    let parties = [(&dialed, why_first, true), (&last, why_last, last != dialed)];
    for (number, why, is_other) in parties {
        if !is_other || number.is_empty() || *number == reached || *number == row.text(C::HuntPilot) {
            continue;
        }
        // The ringing that a pickup took away has a record of its own, unless it was made like a forward or ended in this record.
        let is_told = why == reason::PICKUP
            && row.code(C::OrigEndedFor) != feature::PICKUP
            && row.code(C::LastRedirectFor) != feature::FORWARD;
        if is_told || why == reason::IMMEDIATE_DIVERT && is_diverted_after_answer(row) {
            continue;
        }
        let is_first = hops.is_empty();
        let gave_up = (was_queued && is_first).then_some(Disposition::NoAnswer);
        let Some(disposition) = gave_up.or(codes::left_behind(why)) else { continue };
        let mut hop = Leg {
            disposition,
            answered_at: None,
            ended_at: None,
            length_ms: None,
            cause: None,
            ended_by: None,
            timed_out: (disposition == Disposition::NoAnswer).then_some(true),
            ends_call: false,
            extra: SmallVec::new(),
            ..leg.clone()
        };
        let group = match settings.places.get(number) {
            Some(Stage::Queue) => Some(Stage::Queue),
            Some(Stage::HuntGroup) if was_queued => Some(Stage::Queue),
            Some(Stage::HuntGroup) => Some(Stage::HuntGroup),
            _ if was_queued && is_first || reason::OF_QUEUE.contains(&why) => Some(Stage::Queue),
            _ => None,
        };
        if let Some(stage) = group {
            hop.stage = stage;
            hop.place = number.clone();
            hop.queue = number.clone();
            hop.ended_at = row.integer(C::QueueWait).filter(|_| was_queued).and_then(|s| hop_end(leg, s));
        } else {
            hop.stage = if hop.from.kind == EndKind::Person { Stage::Inside } else { Stage::Extension };
            hop.to = Some(ends::forwarder(number.clone()));
            let rang =
                matches!(disposition, Disposition::NoAnswer | Disposition::AnsweredElsewhere | Disposition::Declined);
            // When the second began to ring is not told.
            hop.rang_at = leg.started_at.filter(|_| rang && is_first);
        }
        hops.push(hop);
    }
    hops
}

/// A queue that gave the caller up: the wait is told, and the caller came to it first.
fn hop_end(leg: &Leg, waited_s: i64) -> Option<Moment> {
    let end = leg.started_at?.plus_ms(waited_s.clamp(0, i64::from(u32::MAX)) * 1000);
    Some(leg.ended_at.map_or(end, |e| end.min(e)))
}

/// `docs: Native Call Queuing`: the wait ends with the answer, or with the call. Before it the group's telephones rang, or an announcement played.
fn enter_queue(leg: &mut Leg, row: &Row<'_>, legs: &mut Parts<'_, '_>) {
    if row.code(C::WasQueued) != 1 {
        return;
    }
    leg.stage = Stage::Queue;
    leg.place = leg.queue.clone();
    let (Some(waited_s), Some(until), Some(from)) =
        (row.integer(C::QueueWait).filter(|s| *s > 0), leg.answered_at.or(leg.ended_at), leg.started_at)
    else {
        return;
    };
    let queued_at = until.plus_ms(-waited_s.min(i64::from(u32::MAX)) * 1000);
    if queued_at <= from {
        return;
    }
    legs.push(Leg {
        stage: Stage::HuntGroup,
        to: None,
        rang_at: None,
        answered_at: None,
        ended_at: Some(queued_at),
        disposition: Disposition::MovedOn,
        answerer: Answerer::Unknown,
        cause: None,
        ended_by: None,
        timed_out: None,
        moved: None,
        ends_call: false,
        extra: SmallVec::new(),
        ..leg.clone()
    });
    leg.started_at = Some(queued_at);
}

/// A mailbox, a menu, an announcement, a parking place: the caller is there from the moment at which it picked up.
fn reach_machine(mut leg: Leg, stage: Stage, place: Text, is_first: bool, legs: &mut Parts<'_, '_>) {
    leg.queue = Text::default();
    if leg.disposition == Disposition::Answered || stage == Stage::Park {
        let way = Leg {
            stage: Stage::Number,
            answered_at: None,
            ended_at: leg.answered_at,
            disposition: Disposition::MovedOn,
            cause: None,
            ended_by: None,
            moved: None,
            ends_call: false,
            extra: SmallVec::new(),
            ..leg.clone()
        };
        if is_first && leg.answered_at > leg.started_at && leg.answered_at.is_some() {
            legs.push(way);
        }
        leg.stage = stage;
        leg.place = place;
        leg.started_at = leg.answered_at.or(leg.started_at);
        leg.answerer = Answerer::Machine;
        // What a machine ends, the PBX ends.
        leg.ended_by = leg.ended_by.map(|side| if side == Side::Callee { Side::Network } else { side });
    } else {
        leg.stage = Stage::Number;
        leg.moved = None;
    }
    legs.push(leg);
}

/// Somebody of ours or outside.
fn reach_end(mut leg: Leg, to: End, is_first: bool, row: &Row<'_>, legs: &mut Parts<'_, '_>) {
    let (from_us, to_us) = (leg.from.kind == EndKind::Person, to.kind == EndKind::Person);
    if leg.cause == Some(27) && to_us && leg.disposition == Disposition::Failed {
        leg.disposition = Disposition::NotRegistered;
    }
    leg.stage = match (from_us, to_us) {
        _ if !leg.queue.is_empty() && to_us => Stage::HuntGroup,
        (true, true) => Stage::Inside,
        (false, true) => Stage::Extension,
        (true, false) => Stage::Outbound,
        (false, false) => Stage::Forward,
    };
    if leg.stage == Stage::HuntGroup {
        leg.place = leg.queue.clone();
    }
    if is_nothing_reached(&leg, from_us, to_us) {
        leg.stage = match (from_us, to_us) {
            (true, false) => Stage::Outbound,
            (true, true) => Stage::Inside,
            _ => Stage::Number,
        };
        leg.place = Text::default();
        return legs.push(leg);
    }
    let rang = matches!(
        leg.disposition,
        Disposition::Answered
            | Disposition::NoAnswer
            | Disposition::Canceled
            | Disposition::Declined
            | Disposition::MovedOn
    );
    if to_us && rang && is_first {
        leg.rang_at = leg.started_at;
    }
    if leg.disposition == Disposition::Answered && to_us {
        leg.answerer = Answerer::Person;
    }
    if leg.stage == Stage::HuntGroup {
        enter_queue(&mut leg, row, legs);
    }
    leg.to = Some(to);
    legs.push(leg);
}

/// A fault before any device was tried. Of a way out, the causes that say so speak for themselves.
fn is_nothing_reached(leg: &Leg, from_us: bool, to_us: bool) -> bool {
    const SPEAKING: [u16; 12] = [1, 2, 3, 22, 26, 27, 28, 34, 38, 41, 42, 47];
    let is_fault = matches!(leg.disposition, Disposition::Failed | Disposition::Congestion);
    let cause = leg.cause.unwrap_or(0);
    is_fault && if from_us && !to_us { !SPEAKING.contains(&cause) } else { cause != 31 }
}
