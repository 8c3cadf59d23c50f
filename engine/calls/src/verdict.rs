//! The verdict: one outcome of a partition, decided in a fixed order by the first rule that holds (`LIFECYCLE.md`).

use std::collections::BTreeMap;

use adapters::leg::{Disposition, EndKind, LegId, Moment, Side, Stage};

use crate::journey::{Direction, Journey, Offer, OfferEnd, StayEnd};

/// How a call ended for its caller. Every call has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A person spoke with the caller and had them last.
    Answered,
    /// A person spoke with the caller and passed them on, and after that nobody did.
    LostInTransfer,
    /// Passed to an outside number that nobody knows, or over a tie to a PBX that does not tell, answer unknown.
    Overflowed,
    /// It came to a mailbox.
    Voicemail,
    /// The caller heard to its end what the site marks as final.
    Served,
    /// Number, route or network fault before anything of ours was reached.
    Failed,
    /// Turned away by a closed route, nobody offered.
    Closed,
    /// No line, no place in the queue, nobody signed in, no device registered.
    Blocked,
    /// The caller left first.
    Abandoned,
    /// Every telephone tried was busy.
    Busy,
    /// All busy or declined, at least one declined.
    Declined,
    /// Everything else.
    NoAnswer,
}

/// Why a missed call was missed, as far as outcome and causes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Outside working hours, or by a closed route.
    OutOfHours,
    /// A number, route or network fault.
    Fault,
    /// No line or no place.
    Blocked,
    /// The caller hung up almost at once.
    ShortAbandon,
    /// The caller left in the menu.
    AbandonedInMenu,
    /// The caller left a queue by a key.
    LeftByKey,
    /// The device said that it was busy.
    Busy,
    /// Nobody was signed in.
    NobodySignedIn,
    /// No device is registered.
    NotRegistered,
    /// The caller waited, and no telephone rang.
    NobodyRung,
    /// Refused by the person.
    Declined,
    /// Do-not-disturb was on.
    DoNotDisturb,
    /// A telephone rang to the end.
    RangUnanswered,
    /// Lost after somebody had spoken with them.
    LostInTransfer,
    /// Not told.
    Unknown,
}

/// What is decided of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// The rule that decided, by its name in `LIFECYCLE.md`.
    pub rule: &'static str,
    /// The legs that it rests on, and marks of what is not told (`answered_at is a bound`).
    pub evidence: Vec<Evidence>,
    /// When a person answered first; the bound where the record does not tell it.
    pub answered_at: Option<Moment>,
    /// True if `answered_at` is only a bound.
    pub answer_is_bound: bool,
    /// When the waiting ended: the first answer, else when nothing could lead to a person any more, else the end.
    pub waited_until: Moment,
    /// The caller hung up by themselves, waiting less than the site's limit.
    pub short: bool,
    /// A route that the site marks as closed was taken.
    pub closed_route: bool,
}

/// What a verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// A leg.
    Leg(LegId),
    /// A sentence about what the records do not tell.
    Mark(&'static str),
}

/// The mark of an answer whose moment is not told.
const ANSWER_IS_BOUND: &str =
    "answered_at is a bound: the PBX had answered before, and the record does not tell when the person did";

/// The mark of a talk that a record does not separate from the ringing or queueing before it.
const TALK_IS_BOUND: &str = "talk_time_s is a bound: a record does not separate the talk from the ringing before it";

/// Decides. `short_abandon_ms` is the site's limit.
#[must_use]
pub fn decide(journey: &Journey, short_abandon_ms: i64) -> Verdict {
    let first_talk = journey.talks.iter().min_by_key(|t| (t.from, t.to));
    let answered_at = first_talk.map(|t| t.from);
    let waited_until = answered_at.unwrap_or_else(|| waited_until(journey));
    let (outcome, rule, legs) = outcome(journey);
    let mut evidence: Vec<Evidence> = legs.into_iter().map(Evidence::Leg).collect();
    let answer_is_bound = first_talk.is_some_and(|t| !t.exact);
    if answer_is_bound {
        evidence.push(Evidence::Mark(ANSWER_IS_BOUND));
    }
    if journey.talks.iter().any(|t| !t.exact) {
        evidence.push(Evidence::Mark(TALK_IS_BOUND));
    }
    evidence.dedup();
    let waited = waited_until.ms_since(journey.started_at);
    let hung_up = journey.caller_left == Some(true) && rule != "left_by_key" && rule != "put_out_of_menu";
    Verdict {
        outcome,
        rule,
        evidence,
        answered_at,
        answer_is_bound,
        waited_until,
        short: journey.talks.is_empty() && hung_up && waited < short_abandon_ms && outcome == Outcome::Abandoned,
        closed_route: journey.was_in(Stage::Closed),
    }
}

/// The last thing that could lead to a person ended when a mailbox or a closed message began; else the caller waited to the end.
fn waited_until(journey: &Journey) -> Moment {
    journey
        .stays
        .iter()
        .filter(|s| matches!(s.stage, Stage::Mailbox | Stage::Closed))
        .map(|s| s.from)
        .min()
        .filter(|at| !journey.offers.iter().any(|o| o.tried_at > *at))
        .unwrap_or(journey.ended_at)
}

fn outcome(journey: &Journey) -> (Outcome, &'static str, Vec<LegId>) {
    let rung: Vec<&Offer> = journey.offers.iter().collect();
    let legs_of = |offers: &[&Offer]| offers.iter().map(|o| o.leg).collect::<Vec<_>>();
    let stay = |stage: Stage| journey.stays.iter().filter(|s| s.stage == stage).map(|s| s.leg).collect::<Vec<_>>();

    // 3 where it is a tie: a PBX picks up there as well as a person, so an answer is no talk, and whoever passed the caller on did not lose them.
    if let Some(left) = journey.left_by_tie.filter(|_| journey.direction == Direction::Inbound) {
        return (Outcome::Overflowed, "left_by_a_tie_answer_not_told", vec![left]);
    }
    // 1 and 2: somebody spoke with the caller.
    if let Some(talk) = journey.last_talk() {
        if journey.direction == Direction::Outbound || !journey.passed_on {
            return (Outcome::Answered, "a_person_had_the_caller_last", vec![talk.leg]);
        }
        return (
            Outcome::LostInTransfer,
            "passed_on_and_met_nobody",
            std::iter::once(talk.leg).chain(legs_of(&rung)).collect(),
        );
    }
    // 3: the last that was tried is outside, and whether it was answered is not told.
    if let Some(last) = rung.last().filter(|o| o.to.kind == EndKind::Outside && journey.direction == Direction::Inbound)
        && last.disposition == Disposition::Unknown
        && last.end == OfferEnd::NoAnswer
        && !journey.exact
    {
        return (Outcome::Overflowed, "passed_outside_answer_not_told", vec![last.leg]);
    }
    // 4: a mailbox.
    if journey.was_in(Stage::Mailbox) {
        return (Outcome::Voicemail, "reached_a_mailbox", stay(Stage::Mailbox));
    }
    // 5: the end of self-service; who hung up before it is told to have left did not hear it to its end.
    if journey.was_in(Stage::Final) && journey.caller_left != Some(true) {
        return (Outcome::Served, "heard_to_its_end", stay(Stage::Final));
    }
    let nobody_tried = rung.is_empty();
    let reached_nothing = nobody_tried
        && !journey.stays.iter().any(|s| !matches!(s.stage, Stage::Number | Stage::Outbound | Stage::Announcement));
    let far_side = |o: &&Offer| o.end == OfferEnd::Failed;
    let all_failed = !nobody_tried && rung.iter().all(far_side) && journey.direction != Direction::Inbound;
    // 6: a fault before anything of ours; of an outbound call, before anything of theirs.
    let fault =
        matches!(journey.cause, Some(1 | 2 | 3 | 22 | 26 | 27 | 28)) || journey.refused == Some(Disposition::Failed);
    let nothing_told = journey.cause.is_none() && journey.refused.is_none();
    if (reached_nothing || all_failed) && fault || all_failed && nothing_told {
        return (Outcome::Failed, "fault_before_anything_was_reached", legs_of(&rung));
    }
    // 7: turned away.
    if journey.was_in(Stage::Closed) && nobody_tried {
        return (Outcome::Closed, "turned_away_by_a_closed_route", stay(Stage::Closed));
    }
    if let Some(found) = blocked(journey, &rung, reached_nothing, all_failed) {
        return found;
    }
    if let Some(found) = abandoned(journey, &rung) {
        return found;
    }
    // 10 to 12: everybody who was tried.
    let busy = |o: &&Offer| matches!(o.end, OfferEnd::Busy | OfferEnd::DoNotDisturb);
    let tried: Vec<&Offer> =
        rung.iter().copied().filter(|o| !matches!(o.end, OfferEnd::NotRegistered | OfferEnd::Failed)).collect();
    // A caller whom the PBX had taken, and whom it then put out as if the call were over, was not told "busy".
    let put_out = journey.taken_by_machine && journey.cause == Some(16);
    if !tried.is_empty() && tried.iter().all(busy) && !put_out
        || nobody_tried && (journey.cause == Some(17) || journey.refused == Some(Disposition::Busy))
    {
        return (Outcome::Busy, "everybody_tried_was_busy", legs_of(&rung));
    }
    let declined = tried.iter().any(|o| o.end == OfferEnd::Declined);
    if declined && tried.iter().all(|o| busy(o) || o.end == OfferEnd::Declined) {
        return (Outcome::Declined, "everybody_tried_was_busy_or_declined", legs_of(&rung));
    }
    (Outcome::NoAnswer, "nobody_answered", legs_of(&rung))
}

/// 8: no line, no place in the queue, nobody signed in, no device registered; and only these.
fn blocked(
    journey: &Journey,
    rung: &[&Offer],
    reached_nothing: bool,
    all_failed: bool,
) -> Option<(Outcome, &'static str, Vec<LegId>)> {
    let congestion =
        matches!(journey.cause, Some(34 | 38 | 41 | 42 | 47)) || journey.refused == Some(Disposition::Congestion);
    if (reached_nothing && rung.is_empty() || all_failed) && congestion {
        return Some((Outcome::Blocked, "no_line_or_resource", rung.iter().map(|o| o.leg).collect()));
    }
    if !rung.is_empty() && rung.iter().all(|o| o.end == OfferEnd::NotRegistered) && !journey.was_in(Stage::Queue) {
        return Some((Outcome::Blocked, "no_device_registered", rung.iter().map(|o| o.leg).collect()));
    }
    let not_joined = journey.stays.iter().find(|s| s.end == Some(StayEnd::NotJoined));
    if let Some(stay) = not_joined.filter(|_| rung.is_empty()) {
        return Some((Outcome::Blocked, "queue_not_joined", vec![stay.leg]));
    }
    // The dialplan came out of a queue that no record shows the caller in: they could not join it.
    let after = journey.stays.iter().find(|s| s.stage == Stage::AfterQueue)?;
    let waited = after.to.ms_since(journey.started_at);
    let in_queue_ms: i64 =
        journey.stays.iter().filter(|s| s.stage == Stage::Queue).map(|s| s.to.ms_since(s.from)).sum();
    let at_once =
        if journey.was_in(Stage::Queue) { in_queue_ms < 100 && journey.exact } else { waited < NOT_JOINED_WITHIN_MS };
    (rung.is_empty() && at_once).then(|| (Outcome::Blocked, "queue_not_joined", vec![after.leg]))
}

/// A queue that gives up has let the caller wait longer than this, in milliseconds; one that cannot be joined, shorter.
const NOT_JOINED_WITHIN_MS: i64 = 3_000;

/// 9: the caller left first, or left a queue by a key and met nobody, or was put out of the menu without a choice.
fn abandoned(journey: &Journey, rung: &[&Offer]) -> Option<(Outcome, &'static str, Vec<LegId>)> {
    let by_key = journey.stays.iter().find(|s| s.stage == Stage::QueueExit || s.end == Some(StayEnd::LeftByKey));
    if let Some(stay) = by_key {
        return Some((Outcome::Abandoned, "left_by_key", vec![stay.leg]));
    }
    let last_menu = journey.stays.iter().filter(|s| s.stage == Stage::Menu).max_by_key(|s| s.to);
    let went_on = |menu_to: Moment| journey.stays.iter().any(|s| s.stage != Stage::Menu && s.from >= menu_to);
    if let Some(menu) = last_menu.filter(|m| rung.is_empty() && !went_on(m.to)) {
        let rule = if journey.ended_by == Some(Side::Network) { "put_out_of_menu" } else { "caller_left_in_menu" };
        return Some((Outcome::Abandoned, rule, vec![menu.leg]));
    }
    (journey.caller_left == Some(true)).then(|| {
        let stay = journey.stays.last().map(|s| s.leg);
        (Outcome::Abandoned, "caller_left_first", rung.iter().map(|o| o.leg).chain(stay).collect())
    })
}

/// Why, of a call that nobody answered; by precedence (`LIFECYCLE.md`, *Reason*).
#[must_use]
pub fn reason(journey: &Journey, verdict: &Verdict, out_of_hours: bool) -> Reason {
    match verdict.outcome {
        _ if out_of_hours => Reason::OutOfHours,
        Outcome::Closed => Reason::OutOfHours,
        Outcome::LostInTransfer => Reason::LostInTransfer,
        Outcome::Failed => Reason::Fault,
        Outcome::Blocked if verdict.rule == "no_device_registered" => Reason::NotRegistered,
        Outcome::Blocked => Reason::Blocked,
        _ if verdict.short => Reason::ShortAbandon,
        _ if matches!(verdict.rule, "caller_left_in_menu" | "put_out_of_menu") => Reason::AbandonedInMenu,
        _ if verdict.rule == "left_by_key" => Reason::LeftByKey,
        _ => shared_reason(journey, verdict),
    }
}

/// The reason that all who were tried share; where they differ, that a telephone rang to the end, else the most frequent one.
fn shared_reason(journey: &Journey, verdict: &Verdict) -> Reason {
    let mut count: BTreeMap<Reason, usize> = BTreeMap::new();
    for reason in journey.offers.iter().filter_map(offer_reason) {
        *count.entry(reason).or_default() += 1;
    }
    let rang = count.contains_key(&Reason::RangUnanswered);
    // Of equal counts the first by precedence, which is the order of the reasons.
    let most = count.iter().max_by_key(|(reason, n)| (**n, std::cmp::Reverse(**reason))).map(|(reason, _)| *reason);
    match most {
        Some(_) if rang => Reason::RangUnanswered,
        Some(reason) => reason,
        None if verdict.outcome == Outcome::Busy => Reason::Busy,
        None if journey.was_in(Stage::Queue) => Reason::NobodyRung,
        None => Reason::Unknown,
    }
}

/// Of one offer: its own reason; `None` for one that was answered.
#[must_use]
pub fn offer_reason(offer: &Offer) -> Option<Reason> {
    Some(match offer.end {
        OfferEnd::Answered | OfferEnd::AnsweredElsewhere => return None,
        OfferEnd::NoAnswer | OfferEnd::CallerLeft if offer.rang_at.is_some() => Reason::RangUnanswered,
        OfferEnd::NoAnswer | OfferEnd::CallerLeft => Reason::Unknown,
        OfferEnd::Busy => Reason::Busy,
        OfferEnd::Declined => Reason::Declined,
        OfferEnd::NotRegistered => Reason::NotRegistered,
        OfferEnd::DoNotDisturb => Reason::DoNotDisturb,
        OfferEnd::Failed => Reason::Fault,
    })
}
