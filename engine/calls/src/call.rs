//! All legs of one call to its line: journey, verdict, and what the directory says of the people in it.

use adapters::Leg;
use adapters::leg::{EndKind, Event, KeyKind, LegId, Moment, Stage, Text};
use directory::NotReturnable;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::assemble;
use crate::channels;
use crate::journey::{Direction, Journey, Offer, OfferEnd, StayEnd};
use crate::line::{Answered, CallLine, OfferLine, RecordRef, Seconds, TransferLine, VisitLine, Word};
use crate::paths;
use crate::queue_log;
use crate::site::{Party, Site};
use crate::tie::compose::{Composed, OTHER_HALF_NOT_SEEN, compose};
use crate::tie::moments;
use crate::untimed;
use crate::verdict::{self, Evidence, Outcome, Reason, Verdict};

/// One call as it is known now.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is printed and stored.
    pub line: Box<CallLine>,
    /// The customer: the outside party's number, E.164 or as recorded; `None` if withheld or if there is none.
    pub customer: Option<Text>,
    /// The customer withheld the number.
    pub withheld: bool,
    /// The talks with the customer, for follow-ups: when each began and ended.
    pub talks: SmallVec<[(Moment, Moment); 1]>,
    /// When a call back is due, if one is owed.
    pub due_at: Option<Moment>,
    /// It is owed a follow-up.
    pub owed: bool,
    /// Why the customer is not called back, if they are not.
    pub not_returnable: Option<NotReturnable>,
}

/// Folds the legs of one call, in any order.
/// `None` if no leg tells a moment of a call (a queue log's line about an agent, a telephone that was lifted and put down again).
pub fn fold<'l>(
    legs: impl IntoIterator<Item = &'l Leg>,
    site: &mut Site<'_>,
    several_files: bool,
    is_final: bool,
) -> Option<Call> {
    let mut legs: SmallVec<[&Leg; 8]> = legs.into_iter().collect();
    assemble::sort(&mut legs);
    if untimed::is_untimed(&legs) {
        let legs = untimed::laid_out(&legs);
        let legs: SmallVec<[&Leg; 8]> = legs.iter().collect();
        let journey = paths::journey(&legs)?;
        let verdict = verdict::decide(&journey, 0);
        let setting = Setting::of(&legs, &journey);
        let call = describe(&legs, &journey, &verdict, &setting, site, several_files, is_final);
        return Some(untimed::without_moments(call, &legs));
    }
    if let Some(composed) = site.ties.as_mut().and_then(|ties| compose(&legs, ties)) {
        return fold_composed(&legs, composed, site, several_files, is_final);
    }
    let mut journey = journey(&legs)?;
    let mut setting = Setting::of(&legs, &journey);
    let at_ties = site.ties.as_ref().and_then(|ties| moments::read(&mut journey, &setting.pbx, ties));
    let mut verdict = verdict::decide(&journey, site.directory.short_abandon_ms());
    if let Some(at_ties) = at_ties {
        setting.came_from = at_ties.came_from;
        verdict.evidence.push(Evidence::Mark(OTHER_HALF_NOT_SEEN));
    }
    Some(describe(&legs, &journey, &verdict, &setting, site, several_files, is_final))
}

/// The same of a call over ties.
fn fold_composed(
    legs: &[&Leg],
    mut composed: Composed,
    site: &mut Site<'_>,
    several_files: bool,
    is_final: bool,
) -> Option<Call> {
    let read = |composed: &Composed| {
        let mut legs: Vec<&Leg> = composed.legs.iter().collect();
        assemble::sort(&mut legs);
        let is_line = |l: &&Leg| l.event.is_some_and(|e| e >= Event::QueueEntered);
        let (lines, paths): (Vec<&Leg>, Vec<&Leg>) = legs.into_iter().partition(is_line);
        let mut journey = paths::journey(&paths.into_iter().filter(|l| l.event.is_none()).collect::<Vec<_>>())?;
        queue_log::refine(&mut journey, &lines);
        journey.dialed = composed.dialed.clone();
        Some(journey)
    };
    let mut journey = read(&composed)?;
    if journey.direction == Direction::Inbound && !composed.left.is_empty() {
        composed.forget_answers();
        journey = read(&composed)?;
        let left = journey.offers.iter().filter(|o| composed.left.contains(&o.leg) && o.by.is_empty());
        let last =
            left.max_by_key(|o| (o.tried_at, o.leg)).filter(|o| journey.talks.iter().all(|t| t.from < o.ended_at));
        journey.left_by_tie = last.map(|o| o.leg);
    }
    let mut verdict = verdict::decide(&journey, site.directory.short_abandon_ms());
    verdict.evidence.extend(composed.marks.iter().map(|mark| Evidence::Mark(mark)));
    let setting = Setting {
        pbx: composed.pbx,
        call_id: hex(assemble::call_id(
            &legs.iter().copied().filter(|l| composed.named_by.contains(&l.leg_id)).collect::<Vec<_>>(),
        )),
        came_from: composed.came_from,
        pbx_of: composed.legs.iter().map(|l| (l.leg_id, l.origin.pbx.clone())).collect(),
    };
    Some(describe(legs, &journey, &verdict, &setting, site, several_files, is_final))
}

/// Where a call took place.
struct Setting {
    /// The exchange where the caller came in.
    pbx: Text,
    call_id: Text,
    /// The exchange from which the caller came over a tie, where its records do not tell the call.
    came_from: Option<Text>,
    /// By leg, where there are several exchanges.
    pbx_of: FxHashMap<LegId, Text>,
}

impl Setting {
    fn of(legs: &[&Leg], journey: &Journey) -> Setting {
        let first = legs.iter().copied().find(|l| l.from.channel == journey.caller.channel).or(legs.first().copied());
        Setting {
            pbx: first.map(|l| l.origin.pbx.clone()).unwrap_or_default(),
            call_id: hex(assemble::call_id(legs)),
            came_from: None,
            pbx_of: FxHashMap::default(),
        }
    }

    fn pbx_of(&self, leg: LegId) -> &Text {
        self.pbx_of.get(&leg).unwrap_or(&self.pbx)
    }
}

/// The name of the call that these legs are.
pub(crate) fn name<'l>(legs: impl Iterator<Item = &'l Leg>) -> Text {
    hex(assemble::call_id(&legs.collect::<SmallVec<[&Leg; 8]>>()))
}

/// The journey that all sources together tell. Events are finer than paths; a queue log refines either; alone, it tells its queue.
fn journey(legs: &[&Leg]) -> Option<Journey> {
    let is_queue = |l: &&Leg| l.event.is_some_and(|e| (Event::QueueEntered..=Event::QueueCompleted).contains(&e));
    let whole: SmallVec<[&Leg; 8]> = legs.iter().copied().filter(|l| l.event.is_none()).collect();
    let events: Vec<&Leg> = legs.iter().copied().filter(|l| l.event.is_some_and(|e| e < Event::QueueEntered)).collect();
    let lines: Vec<&Leg> = legs.iter().copied().filter(is_queue).collect();
    let by_paths = paths::journey(&whole);
    let by_events = if events.is_empty() { None } else { channels::journey(&events) };
    let by_events = by_events.filter(|j| by_paths.as_ref().is_none_or(|p| p.caller.channel == j.caller.channel));
    let mut journey = match (by_events, by_paths) {
        (Some(fine), Some(coarse)) => merge(fine, coarse),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => queue_log::journey(&lines)?,
    };
    queue_log::refine(&mut journey, &lines);
    Some(journey)
}

/// The finer journey, with what only the coarser one tells. No offer is added.
fn merge(mut fine: Journey, coarse: Journey) -> Journey {
    // Of a talk at least one event is there, unless events were lost: then the path that tells it is all that is known.
    if fine.talks.is_empty() && !coarse.talks.is_empty() {
        return coarse;
    }
    for (known, told) in [
        (&mut fine.did, coarse.did),
        (&mut fine.recording, coarse.recording),
        (&mut fine.caller.number, coarse.caller.number),
        (&mut fine.caller.name, coarse.caller.name),
        (&mut fine.caller.trunk, coarse.caller.trunk),
    ] {
        if known.is_empty() {
            *known = told;
        }
    }
    fine.message_left = fine.message_left.or(coarse.message_left);
    // Whom a telephone of ours had rung outside is in either source alone, where the other lost it.
    if (fine.direction, coarse.direction) == (Direction::Internal, Direction::Outbound) {
        fine.direction = Direction::Outbound;
    }
    // A mailbox or a closed message can be in the CDR's application alone.
    for stay in coarse.stays {
        if matches!(stay.stage, Stage::Mailbox | Stage::Closed | Stage::Final) && !fine.was_in(stay.stage) {
            fine.stays.push(stay);
        }
    }
    fine
}

fn describe<'l>(
    legs: &[&'l Leg],
    journey: &Journey,
    verdict: &Verdict,
    setting: &Setting,
    site: &mut Site<'_>,
    several_files: bool,
    is_final: bool,
) -> Call {
    let tenant = legs.first().map(|l| l.origin.tenant.clone()).unwrap_or_default();
    let pbx = setting.pbx.clone();
    let started_at = journey.started_at;
    let inbound = journey.direction == Direction::Inbound;
    let caller_raw = some(&journey.caller.number);
    let caller = if inbound { caller_raw.as_deref().and_then(|raw| site.e164(&pbx, raw)) } else { None };
    let caller_party = caller_party(journey, setting, site);
    let did = if inbound { site.e164(&pbx, &journey.did).or_else(|| some(&journey.did)) } else { None };
    let known_did = did.as_deref().and_then(|d| site.directory.did(d));
    let (did_group, did_site, did_entry) = known_did.map_or((None, None, None), |d| {
        (d.group.as_deref().map(Text::from), d.site.as_deref().map(Text::from), Some(d.entry.clone()))
    });
    let pbx_site = site.directory.pbx(&pbx).map(|p| Text::from(p.site.as_str()));

    let parties: Vec<Party> =
        journey.offers.iter().map(|o| site.party(setting.pbx_of(o.leg), &o.to, o.tried_at)).collect();
    let speakers: Vec<Party> =
        journey.talks.iter().map(|t| site.party(setting.pbx_of(t.leg), &t.with, t.from)).collect();
    let mut answered_by: Vec<Text> = Vec::new();
    for speaker in speakers.iter().filter(|s| !s.target.is_empty()) {
        if !answered_by.contains(&speaker.target) {
            answered_by.push(speaker.target.clone());
        }
    }

    let calendar =
        site.directory.group_open_at(did_group.as_deref(), did_site.as_deref().or(pbx_site.as_deref()), started_at.0);
    let out_of_hours = inbound && (verdict.closed_route || calendar == Some(false));
    let missed = inbound && is_missed(site, verdict, out_of_hours);
    let unanswered = verdict.answered_at.is_none();
    let reason = (inbound && (unanswered || verdict.outcome == Outcome::LostInTransfer))
        .then(|| verdict::reason(journey, verdict, out_of_hours));
    let offers = offer_lines(journey, &parties, missed, site.directory.is_guessed());
    let visits = visits(journey, site, setting);
    let tried = first_tried(journey, &parties, site, setting, None);
    let owner = if missed {
        let since = journey.last_talk().map(|t| t.to.plus_ms(-journey.grain_ms));
        first_tried(journey, &parties, site, setting, since)
            .and_then(|t| t.owner)
            .or_else(|| did_group.as_ref().map(|g| owner_group(g)))
    } else {
        None
    };

    let rang_at = journey.offers.iter().filter_map(|o| o.rang_at).min();
    let queued_at = journey.stays.iter().filter(|s| s.stage == Stage::Queue).map(|s| s.from).min();
    let sum = |stages: &[Stage]| Seconds {
        ms: journey.stays.iter().filter(|s| stages.contains(&s.stage)).map(|s| s.to.ms_since(s.from)).sum(),
    };
    let since = |from: Moment| Seconds { ms: verdict.waited_until.ms_since(from).max(0) };
    let known_answer = !verdict.answer_is_bound;
    let hold_ms: i64 = journey.talks.iter().map(|t| t.hold_ms).sum();
    let given_up = journey.offers.iter().filter(|o| o.rang_at.is_some()).map(|o| o.ended_at).max();

    let ids = |l: &&'l Leg| {
        let keys = l.link_keys.iter().filter(|k| k.kind == KeyKind::Id).map(|k| &k.value);
        keys.chain(std::iter::once(&l.native_id)).filter(|k| !k.is_empty())
    };
    let link_keys = each_once(legs.iter().flat_map(ids));
    let pbxes = each_once(legs.iter().map(|l| &l.origin.pbx));
    let mut records: Vec<RecordRef> =
        legs.iter().filter(|l| l.position.record > 0).map(|l| RecordRef::of(l, several_files)).collect();
    records.sort_unstable();
    records.dedup();

    let dialed = if inbound {
        did.clone().or_else(|| some(&journey.dialed))
    } else {
        site.e164(&pbx, &journey.dialed).or_else(|| some(&journey.dialed))
    };
    let customer = customer(journey, &caller, site, setting);
    let withheld = inbound && customer.is_none();
    let line = CallLine {
        call_id: setting.call_id.clone(),
        merged_into: None,
        tenant,
        site: did_site.or(pbx_site),
        pbxes,
        link_keys,
        direction: journey.direction,
        answered: if unanswered { Answered::Unanswered } else { Answered::Answered },
        outcome: verdict.outcome,
        missed,
        short: verdict.short,
        out_of_hours,
        reason,
        caller,
        caller_raw,
        caller_name: some(&journey.caller.name),
        caller_extension: if inbound { None } else { some(&caller_party.target) },
        caller_person: caller_party.person.clone(),
        did,
        dialed,
        trunk: some(&journey.caller.trunk).or_else(|| journey.offers.iter().find_map(|o| some(&o.to.trunk))),
        entry: did_entry.map(|e| entry_word(&e)).or_else(|| entry(journey)),
        menu_path: menu_path(journey),
        first_target: tried.as_ref().map(|t| t.target.clone()),
        queue: journey.stays.iter().rev().find(|s| s.stage == Stage::Queue).map(|s| s.place.clone()),
        group: tried.and_then(|t| t.group).or(did_group.clone()),
        owner,
        answered_by_kind: speakers.first().map(|s| if s.ours { "person".into() } else { "outside".into() }),
        answered_by,
        transfers: journey
            .transfers
            .iter()
            .map(|t| TransferLine {
                kind: adapters::line::word(t.kind).into(),
                by: some(&t.by),
                to: some(&t.to),
                at: t.at,
            })
            .collect(),
        started_at,
        queued_at,
        rang_at,
        answered_at: verdict.answered_at,
        ended_at: journey.ended_at,
        ended_by: journey.ended_by,
        cause: journey.cause,
        wait_time_s: known_answer.then(|| since(started_at)),
        queue_wait_time_s: queued_at.or(rang_at).filter(|_| known_answer).map(since),
        ring_time_s: rang_at.and_then(|rang| match verdict.answered_at {
            Some(_) if !known_answer => None,
            Some(answered) => Some(Seconds { ms: answered.ms_since(rang).max(0) }),
            None => given_up.map(|end| Seconds { ms: end.ms_since(rang).max(0) }),
        }),
        talk_time_s: Some(Seconds { ms: talked_ms(journey) }),
        hold_time_s: (journey.exact || hold_ms > 0 || unanswered).then_some(Seconds { ms: hold_ms }),
        park_time_s: Some(sum(&[Stage::Park])),
        machine_time_s: Some(sum(&[Stage::Menu, Stage::Announcement, Stage::Closed, Stage::Mailbox, Stage::Final])),
        duration_s: Seconds { ms: journey.ended_at.ms_since(started_at).max(0) },
        voicemail_left: journey.message_left,
        recording_url: some(&journey.recording),
        offers,
        rule: verdict.rule,
        evidence: verdict
            .evidence
            .iter()
            .map(|e| match e {
                Evidence::Leg(id) => hex(id.0),
                Evidence::Mark(mark) => Text::from(*mark),
            })
            .collect(),
        follow_up: None,
        records,
        revision: 1,
        is_final,
        visits,
        pbx,
    };
    let talks = journey
        .talks
        .iter()
        .filter(|t| !inbound || site.directory.is_guessed() || t.to > t.from)
        .map(|t| (t.from, t.to))
        .collect();
    let owed =
        missed || inbound && unanswered && out_of_hours && !verdict.short && site.directory.follow_up_out_of_hours();
    let due_at = if owed && out_of_hours {
        // The calendar that was closed is the one that opens.
        site.directory.next_opening(did_group.as_deref(), line.site.as_deref(), line.ended_at.0).map(Moment)
    } else {
        let (since, within) = (line.ended_at.0, site.directory.follow_up_due_ms());
        let due = || site.directory.after_working_time(did_group.as_deref(), line.site.as_deref(), since, within);
        owed.then(due).flatten().map(Moment)
    };
    let not_returnable = customer.as_deref().and_then(|number| site.directory.not_returnable(number));
    Call { line: Box::new(line), customer, withheld, talks, due_at, owed, not_returnable }
}

/// In order; copied last, since the legs of a call tell the same again and again.
fn each_once<'t>(texts: impl Iterator<Item = &'t Text>) -> Vec<Text> {
    let mut texts: SmallVec<[&Text; 16]> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    texts.into_iter().cloned().collect()
}

/// The caller's time with people: two who were there together count once.
fn talked_ms(journey: &Journey) -> i64 {
    let mut covered = Moment(i64::MIN);
    let mut total = 0;
    for talk in &journey.talks {
        total += talk.to.ms_since(talk.from.max(covered)).max(0);
        total -= if talk.from >= covered { talk.hold_ms } else { 0 };
        covered = covered.max(talk.to);
    }
    total.max(0)
}

/// Missed by the company: the exceptions are the site's switches.
fn is_missed(site: &Site<'_>, verdict: &Verdict, out_of_hours: bool) -> bool {
    let switches = site.directory.missed_switches();
    let lost = verdict.outcome == Outcome::LostInTransfer;
    (verdict.answered_at.is_none() || lost)
        && (verdict.outcome != Outcome::Served || switches.count_served)
        && (verdict.outcome != Outcome::Overflowed || switches.count_overflowed)
        && (!out_of_hours || switches.count_out_of_hours)
        && (!verdict.short || switches.count_short)
        && (verdict.outcome != Outcome::Failed || switches.count_failed)
        && (!matches!(verdict.rule, "caller_left_in_menu" | "put_out_of_menu") || switches.count_left_in_menu)
}

fn offer_lines(journey: &Journey, parties: &[Party], missed: bool, guessed: bool) -> Vec<OfferLine> {
    let mut lines: Vec<OfferLine> = Vec::with_capacity(journey.offers.len());
    // By target and queue, of which a call has few, however often they ring.
    let mut rounds: SmallVec<[((&str, &str), u32); 8]> = SmallVec::new();
    let mut missed_by: SmallVec<[&str; 8]> = SmallVec::new();
    let talked_until = journey.talks.iter().map(|t| t.to).max();
    for (offer, party) in journey.offers.iter().zip(parties) {
        let rung = (party.target.as_str(), offer.queue.as_str());
        let round = match rounds.iter_mut().find(|(known, _)| *known == rung) {
            Some((_, round)) => {
                *round += 1;
                *round
            }
            None => {
                rounds.push((rung, 1));
                1
            }
        };
        let answered_after = talked_until >= Some(offer.tried_at);
        let known = party.person.is_some() || guessed && party.ours;
        // The site's switches hold for the person as for the company.
        let counts = missed && known && !answered_after && offer.end != OfferEnd::Answered;
        let person_missed = counts && !missed_by.contains(&party.target.as_str());
        missed_by.extend(person_missed.then_some(party.target.as_str()));
        lines.push(OfferLine {
            target: some(&party.target),
            kind: if party.ours { "person" } else { "outside" },
            person: party.person.clone(),
            group: party.group.clone(),
            queue: some(&offer.queue),
            round,
            rang_at: offer.rang_at,
            ended_at: offer.ended_at,
            end: offer.end,
            reason: verdict::offer_reason(offer),
            person_missed,
        });
    }
    lines
}

/// Who called of ours; a caller from an exchange whose records do not tell the call is one of ours only by an extension there.
fn caller_party(journey: &Journey, setting: &Setting, site: &mut Site<'_>) -> Party {
    match &setting.came_from {
        _ if journey.direction == Direction::Inbound => Party::default(),
        None => site.party(&setting.pbx, &journey.caller, journey.started_at),
        Some(pbx) if site.directory.is_extension(pbx, &journey.caller.number) => {
            site.party(pbx, &journey.caller, journey.started_at)
        }
        Some(_) => Party::default(),
    }
}

fn visits(journey: &Journey, site: &Site<'_>, setting: &Setting) -> Vec<VisitLine> {
    let stays =
        journey.stays.iter().filter(|s| matches!(s.stage, Stage::Queue | Stage::HuntGroup) && !s.place.is_empty());
    stays
        .map(|stay| {
            let last = stay.to >= journey.ended_at.plus_ms(-journey.grain_ms);
            let end = stay.end.or(match (last, journey.caller_left) {
                (true, Some(true)) => Some(StayEnd::Abandoned),
                (false, _) if stay.stage == Stage::Queue => Some(StayEnd::TimedOut),
                _ => Some(StayEnd::MovedOn),
            });
            VisitLine {
                kind: if stay.stage == Stage::Queue { "queue" } else { "hunt_group" },
                queue: stay.place.clone(),
                group: site.group_of_place(setting.pbx_of(stay.leg), &stay.place),
                entered_at: stay.from,
                left_at: stay.to,
                end: end.map(|e| e.word().into()),
            }
        })
        .collect()
}

/// The first queue, group or person that was tried.
struct Tried {
    target: Text,
    group: Option<Text>,
    owner: Option<Text>,
}

fn owner_group(group: &str) -> Text {
    compact_str::format_compact!("group:{group}")
}

fn first_tried(
    journey: &Journey,
    parties: &[Party],
    site: &Site<'_>,
    setting: &Setting,
    since: Option<Moment>,
) -> Option<Tried> {
    let after = |at: Moment| since.is_none_or(|s| at >= s);
    // Whoever was asked while the caller waited, and rang on when the caller was let go, was tried since.
    let asked = |o: &Offer| since.is_some_and(|s| !o.by.is_empty() && o.end != OfferEnd::Answered && o.ended_at >= s);
    let place = journey
        .stays
        .iter()
        .filter(|s| matches!(s.stage, Stage::Queue | Stage::HuntGroup) && !s.place.is_empty() && after(s.from))
        .min_by_key(|s| s.from);
    let offer: Option<(&Offer, &Party)> = journey
        .offers
        .iter()
        .zip(parties)
        .filter(|(o, p)| (after(o.tried_at) || asked(o)) && !p.target.is_empty())
        .min_by_key(|(o, _)| o.tried_at);
    let Some((offer, party)) = offer.filter(|(o, _)| place.is_none_or(|p| p.from > o.tried_at)) else {
        return place.map(|place| {
            let group = site.group_of_place(setting.pbx_of(place.leg), &place.place);
            let owner = group.as_ref().map(|g| owner_group(g));
            Tried { target: place.place.clone(), group, owner }
        });
    };
    let group = if asked(offer) { asked_group(journey, offer, site, setting.pbx_of(offer.leg)) } else { None };
    group.or_else(|| {
        Some(Tried {
            target: party.target.clone(),
            group: party.group.clone(),
            owner: party.person.as_ref().map(|p| compact_str::format_compact!("person:{p}")),
        })
    })
}

/// The queue or hunt group that a person asked for the caller, where the move tells it.
fn asked_group(journey: &Journey, offer: &Offer, site: &Site<'_>, pbx: &str) -> Option<Tried> {
    let moved = journey.transfers.iter().rev().find(|t| t.by == offer.by)?;
    let group = site.group_of_place(pbx, &moved.to)?;
    let owner = owner_group(&group);
    Some(Tried { target: moved.to.clone(), group: Some(group), owner: Some(owner) })
}

/// The outside party, by number.
fn customer(journey: &Journey, caller: &Option<Text>, site: &mut Site<'_>, setting: &Setting) -> Option<Text> {
    match journey.direction {
        Direction::Inbound => caller.clone().or_else(|| {
            let raw = &journey.caller.number;
            (!directory::is_withheld(raw)).then(|| raw.clone())
        }),
        Direction::Outbound => {
            let talked = journey.talks.iter().map(|t| (&t.with, t.leg)).find(|(w, _)| w.kind == EndKind::Outside);
            let tried = journey.offers.iter().map(|o| (&o.to, o.leg)).find(|(t, _)| t.kind == EndKind::Outside);
            let far = talked.or(tried);
            let pbx = far.map_or(&setting.pbx, |(_, leg)| setting.pbx_of(leg));
            let raw =
                far.map(|(e, _)| e.number.clone()).filter(|n| !n.is_empty()).unwrap_or_else(|| journey.dialed.clone());
            site.e164(pbx, &raw).or_else(|| site.e164(&setting.pbx, &journey.dialed)).or(some(&raw))
        }
        Direction::Internal => None,
    }
}

fn menu_path(journey: &Journey) -> Vec<Text> {
    journey.stays.iter().filter(|s| s.stage == Stage::Menu).map(|s| s.place.clone()).collect()
}

/// What the DID led to, where only the records tell it.
fn entry(journey: &Journey) -> Option<Text> {
    let stay = journey.stays.iter().min_by_key(|s| s.from);
    let offer = journey.offers.first();
    let word = match (stay, offer) {
        (Some(stay), offer) if offer.is_none_or(|o| stay.from <= o.tried_at) => match stay.stage {
            Stage::Menu | Stage::Final => "menu",
            Stage::Queue | Stage::AfterQueue | Stage::QueueExit => "queue",
            Stage::HuntGroup => "hunt_group",
            Stage::Closed => "closed",
            Stage::Mailbox => "mailbox",
            Stage::Conference => "conference",
            Stage::Extension | Stage::Forward => "person",
            _ => return None,
        },
        (_, Some(_)) => "person",
        _ => "refused",
    };
    (journey.direction == Direction::Inbound).then(|| word.into())
}

fn entry_word(entry: &directory::Entry) -> Text {
    entry.kind_word().into()
}

fn some(text: &Text) -> Option<Text> {
    (!text.is_empty()).then(|| text.clone())
}

/// 32 hex digits.
#[must_use]
pub fn hex(id: u128) -> Text {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 32];
    for (byte, pair) in id.to_be_bytes().into_iter().zip(digits.chunks_exact_mut(2)) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    std::str::from_utf8(&digits).map(Text::from).unwrap_or_default()
}

/// True if the call's reason is known.
#[must_use]
pub fn has_reason(line: &CallLine) -> bool {
    line.reason.is_some_and(|r| r != Reason::Unknown)
}
