//! Calls that cross ties: two halves from exchanges of different makes are one call, whichever comes first.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(missing_docs)]

#[path = "ties/late.rs"]
mod late;
#[path = "ties/many.rs"]
mod many;
#[path = "ties/records.rs"]
mod records;
#[path = "live/tables.rs"]
mod tables;

use std::sync::Arc;

use adapters::Ends;
use adapters::leg::{End, EndKind, Event, KeyKind, Leg, LegId, Moment, Origin, Position};
use calls::assemble::{Assembly, Hold};
use calls::journey::{Direction, OfferEnd};
use calls::line::CallLine;
use calls::tie::{Ties, wanted};
use calls::verdict::Outcome;
use calls::{Calls, Site, Told};
use directory::Directory;
use records::{Cucm, Row, at, directory};

/// The lines of all calls, by the order in which they began.
fn fold(legs: &[Leg]) -> Vec<CallLine> {
    fold_at(legs, &directory())
}

fn fold_at(legs: &[Leg], directory: &Directory) -> Vec<CallLine> {
    let ends = [Ends::Marker { settle_s: 10 }, Ends::Marker { settle_s: 180 }];
    let mut calls = Calls::new(Site::new(directory), &ends, false).whole();
    for leg in legs {
        calls.push(leg.clone());
    }
    let mut lines = Vec::new();
    calls.finish(|told| {
        let Told::Call(line) = told else { panic!("kept whole") };
        lines.push(*line);
    });
    lines
}

/// Folded forwards, backwards and twice, the lines are the same.
fn check(legs: &[Leg]) -> Vec<CallLine> {
    let lines = fold(legs);
    let backwards: Vec<Leg> = legs.iter().rev().cloned().collect();
    assert_eq!(lines, fold(&backwards), "backwards");
    let twice: Vec<Leg> = legs.iter().chain(&backwards).cloned().collect();
    assert_eq!(lines, fold(&twice), "twice");
    lines
}

/// The one call that these legs are.
fn one(legs: &[Leg]) -> CallLine {
    let mut lines = check(legs);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.remove(0)
}

fn legs(rows: &[Row], records: &[Cucm]) -> Vec<Leg> {
    let directory = directory();
    let mut legs: Vec<Leg> = rows.iter().flat_map(|r| r.legs(&directory)).collect();
    legs.extend(records.iter().flat_map(|r| r.legs(&directory)));
    legs
}

/// A caller from outside came to `tower`, who sent them to 41 at `lamp`, whose clock is so many seconds ahead.
fn answered(ahead_s: i64) -> Vec<Leg> {
    legs(
        &[Row::over_to_lamp(1, (100, Some(108), 160))],
        &[Cucm::from_tower(7, (100 + ahead_s, Some(108 + ahead_s), 160 + ahead_s))],
    )
}

#[test]
fn both_halves_are_one_call_whatever_their_clocks() {
    for ahead_s in [0, 1, 40, -40, 100, -100] {
        let line = one(&answered(ahead_s));
        assert_eq!((line.direction, line.outcome), (Direction::Inbound, Outcome::Answered), "{ahead_s}");
        assert_eq!(line.caller.as_deref(), Some("+442079460018"));
        assert_eq!(line.did.as_deref(), Some("+351210000123"));
        assert_eq!((line.pbx.as_str(), line.trunk.as_deref()), ("tower", Some("seabed")));
        assert_eq!(line.pbxes, ["lamp", "tower"]);
        assert_eq!(line.answered_by, ["41"]);
        assert_eq!(line.offers.len(), 1, "{:#?}", line.offers);
        assert_eq!((line.offers[0].kind, line.offers[0].person.as_deref()), ("person", Some("lena")));
        assert_eq!(line.group.as_deref(), Some("keepers"));
        // Printed by the clock of the near exchange; where both agree as far as one can tell, as recorded.
        let as_recorded_s = if ahead_s == 1 { 1 } else { 0 };
        assert_eq!(line.started_at, at(100));
        assert_eq!(line.answered_at, Some(at(108 + as_recorded_s)), "{ahead_s}");
        assert_eq!(line.ended_at, at(160 + as_recorded_s));
        assert_eq!(line.talk_time_s.map(|t| t.ms), Some(52_000));
        // The name is that of the half with the outside trunk.
        let near = fold(&answered(ahead_s)[..1]);
        assert_eq!(line.call_id, near[0].call_id);
    }
}

#[test]
fn what_nobody_answered_behind_a_tie_is_missed_once() {
    for ahead_s in [0, 40, -40] {
        let line = one(&legs(
            &[Row::over_to_lamp(1, (100, None, 130))],
            &[Cucm::from_tower(7, (100 + ahead_s, None, 130 + ahead_s))],
        ));
        assert_eq!((line.outcome, line.missed), (Outcome::Abandoned, true));
        assert_eq!(line.offers.len(), 1);
        assert_eq!((line.offers[0].target.as_deref(), line.offers[0].end), (Some("41"), OfferEnd::CallerLeft));
        assert_eq!(line.owner.as_deref(), Some("person:lena"));
        assert!(line.follow_up.is_some());
    }
}

#[test]
fn without_a_tie_in_the_site_file_two_halves_are_two_calls() {
    let text = include_str!("ties/site.toml");
    let without: String = text
        .split("[[tie]]")
        .enumerate()
        .map(|(number, part)| match number {
            0 => part.to_owned(),
            _ => part.split_once("\n\n").map(|(_, rest)| rest.to_owned()).unwrap_or_default(),
        })
        .collect();
    let directory = Directory::from_toml(&without).unwrap();
    assert!(directory.ties().is_empty());
    let lines = fold_at(&answered(0), &directory);
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|l| l.direction == Direction::Inbound));
}

#[test]
fn an_arrival_alone_is_never_inbound_from_outside() {
    let line = one(&legs(&[], &[Cucm::from_tower(7, (100, None, 130))]));
    assert_eq!((line.direction, line.missed), (Direction::Internal, false));
    assert!(line.follow_up.is_none() && line.caller_extension.is_none() && line.did.is_none());
    assert!(line.evidence.iter().any(|e| e.starts_with("other half not seen")), "{:?}", line.evidence);
    // One of ours, by the directory of the exchange where they are.
    let colleague = Cucm { calling: "8123", ..Cucm::from_tower(7, (100, Some(105), 130)) };
    let line = one(&legs(&[], &[colleague]));
    assert_eq!((line.direction, line.caller_person.as_deref()), (Direction::Internal, Some("marta")));
}

#[test]
fn who_left_alone_reached_somebody_whom_nobody_tells() {
    let line = one(&legs(&[Row::over_to_lamp(1, (100, Some(108), 160))], &[]));
    assert_eq!((line.direction, line.outcome, line.missed), (Direction::Inbound, Outcome::Overflowed, false));
    assert_eq!(line.rule, "left_by_a_tie_answer_not_told");
    assert!(line.evidence.iter().any(|e| e.starts_with("other half not seen")), "{:?}", line.evidence);
    assert!(line.answered_at.is_none() && line.answered_by.is_empty());
    assert_eq!(line.offers[0].person.as_deref(), Some("lena"));
    // That nobody answered, the near exchange tells by itself.
    let line = one(&legs(&[Row::over_to_lamp(1, (100, None, 130))], &[]));
    assert!(line.missed);
}

#[test]
fn who_left_to_a_silent_exchange_overflowed() {
    let mut row = Row::over_to_lamp(1, (100, Some(108), 160));
    row.far = "PJSIP/mill";
    row.application.1 = "PJSIP/66@mill";
    let line = one(&legs(&[row.clone()], &[]));
    assert_eq!((line.outcome, line.missed), (Outcome::Overflowed, false));
    assert!(line.evidence.iter().any(|e| e.starts_with("other PBX silent")), "{:?}", line.evidence);
    // Somebody of ours spoke first, and passed the caller on: not lost.
    let mut spoke = row.clone();
    spoke.far = "PJSIP/8123";
    spoke.context = "deck";
    spoke.dst = "8123";
    spoke.rung = 90;
    spoke.sequence = 1;
    spoke.at = (50, Some(55), 100);
    row.dst = "66";
    let line = one(&legs(&[spoke, row.clone()], &[]));
    assert_eq!(line.outcome, Outcome::Overflowed);
    assert_eq!(line.answered_by, ["8123"]);
    // A colleague who calls there was answered.
    let mut colleague = row;
    (colleague.channel, colleague.src, colleague.dst, colleague.context) = ("PJSIP/8123", "8123", "66", "to-shore");
    let line = one(&legs(&[colleague], &[]));
    assert_eq!((line.direction, line.outcome), (Direction::Internal, Outcome::Answered));
}

#[test]
fn a_call_that_crosses_back_is_one() {
    for ahead_s in [0, 40, -40] {
        // To 41 at `lamp`, who forwards to 8124 at `tower`.
        let mut back = Row::over_to_lamp(5, (110, Some(115), 160));
        (back.src, back.dst, back.context) = ("+442079460018", "8124", "deck");
        (back.channel, back.far, back.application.1) = ("PJSIP/lamp", "PJSIP/8124", "PJSIP/8124,30");
        let mut forwarded = Cucm::from_tower(7, (100 + ahead_s, Some(115 + ahead_s), 160 + ahead_s));
        forwarded.reached = "98124";
        forwarded.devices.1 = "tower-sip";
        let out = Row::over_to_lamp(1, (100, Some(115), 160));
        let alone = fold(&legs(std::slice::from_ref(&out), &[]));
        let line = one(&legs(&[out, back], &[forwarded]));
        assert_eq!(line.call_id, alone[0].call_id);
        assert_eq!((line.direction, line.outcome), (Direction::Inbound, Outcome::Answered), "{ahead_s}: {line:#?}");
        assert_eq!(line.answered_by, ["8124"]);
        assert_eq!(line.pbx, "tower");
        assert_eq!(line.records.len(), 1);
        assert_eq!(line.talk_time_s.map(|t| t.ms), Some(45_000));
        assert_eq!(line.answered_at, Some(at(115)));
        assert_eq!(line.trunk.as_deref(), Some("seabed"));
    }
}

#[test]
fn a_colleague_who_calls_over_the_tie_calls_inside() {
    let mut row = Row::over_to_lamp(1, (100, Some(108), 160));
    (row.channel, row.src, row.dst, row.context) = ("PJSIP/8123", "8123", "741", "to-shore");
    let far = Cucm { calling: "8123", ..Cucm::from_tower(7, (140, Some(148), 200)) };
    let line = one(&legs(&[row], &[far]));
    assert_eq!((line.direction, line.outcome), (Direction::Internal, Outcome::Answered));
    assert_eq!((line.caller_person.as_deref(), line.dialed.as_deref()), (Some("marta"), Some("741")));
    assert_eq!(line.answered_by, ["41"]);
}

#[test]
fn out_over_the_trunk_of_another_exchange_is_outbound_and_named_by_it() {
    let mut out = Row::over_to_lamp(1, (100, Some(110), 160));
    (out.src, out.dst, out.context) = ("41", "0210000999", "to-shore");
    (out.channel, out.far, out.application.1) = ("PJSIP/lamp", "PJSIP/seabed", "PJSIP/0210000999@seabed");
    let mut dialed = Cucm::from_tower(7, (140, Some(150), 200));
    (dialed.calling, dialed.dialed, dialed.reached) = ("41", "90210000999", "90210000999");
    dialed.devices = ("SEP000000000041", "tower-sip");
    let near = fold(&legs(&[out.clone()], &[]));
    let line = one(&legs(&[out], &[dialed]));
    assert_eq!((line.direction, line.outcome), (Direction::Outbound, Outcome::Answered));
    assert_eq!(line.caller_person.as_deref(), Some("lena"));
    assert_eq!(line.answered_by, ["+351210000999"]);
    assert_eq!(line.trunk.as_deref(), Some("seabed"));
    assert_eq!(line.call_id, near[0].call_id);
}

#[test]
fn a_queue_of_one_exchange_rings_a_telephone_of_another() {
    let mut first = Row::over_to_lamp(1, (100, None, 115));
    (first.context, first.dst, first.application) = ("waiting", "870", ("Queue", "870,,,,60"));
    (first.far, first.rung) = ("PJSIP/8123", 50);
    let mut second = first.clone();
    (second.far, second.rung, second.sequence) = ("PJSIP/lamp", 51, 11);
    second.at = (115, Some(120), 180);
    second.disposition = "ANSWERED";
    let far = Cucm::from_tower(7, (155, Some(160), 220));
    let line = one(&legs(&[first, second], &[far]));
    assert_eq!((line.outcome, line.queue.as_deref()), (Outcome::Answered, Some("870")));
    assert_eq!(line.answered_by, ["41"]);
    let targets: Vec<_> = line.offers.iter().map(|o| (o.target.as_deref(), o.queue.as_deref())).collect();
    assert_eq!(targets, [(Some("8123"), Some("870")), (Some("41"), Some("870"))]);
    assert_eq!(line.visits.len(), 1);
    assert_eq!(line.answered_at, Some(at(120)));
}

#[test]
fn a_hunt_group_behind_the_tie_is_visited_by_the_caller() {
    // A menu first, so that the near record begins long before the caller left.
    let mut near = Row::over_to_lamp(1, (60, Some(60), 150));
    near.application.1 = "PJSIP/440@lamp";
    let mut far = Cucm::from_tower(7, (140, Some(150), 190));
    (far.dialed, far.pilot) = ("440", "440");
    let line = one(&legs(&[near], &[far]));
    assert_eq!((line.direction, line.outcome), (Direction::Inbound, Outcome::Answered));
    assert_eq!((line.started_at, line.ended_at), (at(60), at(150)));
    assert_eq!((line.answered_at, line.answered_by.as_slice()), (Some(at(110)), ["41".into()].as_slice()));
    assert!(
        line.visits.iter().any(|v| v.queue == "440" && v.group.as_deref() == Some("keepers")),
        "{:#?}",
        line.visits
    );
}

/// Somebody at `tower` took the call from outside, asked 41 over the tie, and joined the caller to them.
fn asked_over_the_tie(ahead_s: i64) -> Vec<Leg> {
    let mut talk = Row::over_to_lamp(1, (100, Some(105), 150));
    (talk.far, talk.dst, talk.context) = ("PJSIP/8123", "8123", "deck");
    let mut asked = Row::over_to_lamp(1, (120, Some(125), 150));
    (asked.own, asked.rung, asked.sequence) = (3, 4, 11);
    (asked.channel, asked.src, asked.dst, asked.context) = ("PJSIP/8123", "8123", "741", "to-shore");
    let mut joined = Row::over_to_lamp(1, (150, Some(150), 200));
    (joined.rung, joined.sequence, joined.dst, joined.context) = (4, 12, "8123", "deck");
    let connected = (120 + ahead_s, Some(125 + ahead_s), 200 + ahead_s);
    let far = Cucm { calling: "8123", ..Cucm::from_tower(7, connected) };
    legs(&[talk, asked, joined], &[far])
}

#[test]
fn a_caller_is_passed_on_over_the_tie_after_asking() {
    for ahead_s in [0, 40, -40] {
        let line = one(&asked_over_the_tie(ahead_s));
        assert_eq!((line.direction, line.outcome), (Direction::Inbound, Outcome::Answered));
        assert_eq!(line.answered_by, ["8123", "41"], "{ahead_s}");
        assert_eq!(line.talk_time_s.map(|t| t.ms), Some((45 - 30 + 50) * 1000));
        let moves: Vec<_> =
            line.transfers.iter().map(|t| (t.kind.as_str(), t.by.as_deref(), t.to.as_deref())).collect();
        assert_eq!(moves, [("attended", Some("8123"), Some("41"))]);
        assert!(line.offers.iter().all(|o| o.kind == "person"), "{:#?}", line.offers);
    }
}

#[test]
fn a_caller_who_is_passed_on_over_the_tie_and_meets_nobody_is_lost() {
    for ahead_s in [0, 40, -40] {
        let mut talk = Row::over_to_lamp(1, (100, Some(105), 150));
        (talk.far, talk.dst, talk.context) = ("PJSIP/8123", "8123", "deck");
        let mut passed = Row::over_to_lamp(1, (150, None, 180));
        (passed.rung, passed.sequence, passed.dst, passed.context) = (5, 11, "741", "to-shore");
        let far = Cucm::from_tower(7, (150 + ahead_s, None, 180 + ahead_s));
        let line = one(&legs(&[talk, passed], &[far]));
        assert_eq!((line.outcome, line.missed), (Outcome::LostInTransfer, true), "{ahead_s}");
        assert_eq!(line.owner.as_deref(), Some("person:lena"));
        let offers: Vec<_> = line.offers.iter().map(|o| (o.target.as_deref(), o.end)).collect();
        assert_eq!(offers, [(Some("8123"), OfferEnd::Answered), (Some("41"), OfferEnd::CallerLeft)]);
    }
}

#[test]
fn a_second_try_over_the_tie_is_the_one_that_arrived() {
    let mut first = Row::over_to_lamp(1, (100, None, 101));
    first.disposition = "CONGESTION";
    let mut second = Row::over_to_lamp(1, (104, Some(110), 160));
    (second.rung, second.sequence) = (9, 12);
    let line = one(&legs(&[first, second], &[Cucm::from_tower(7, (144, Some(150), 200))]));
    assert_eq!((line.outcome, line.answered_at), (Outcome::Answered, Some(at(110))));
    assert_eq!(line.answered_by, ["41"]);
}

#[test]
fn a_shared_key_joins_whatever_numbers_and_clocks_say() {
    let ours = |call: u32, userfield: &str| {
        let mut row = Row::over_to_lamp(call, (100, Some(110), 160));
        (row.far, row.application.1, row.userfield) = ("PJSIP/buoy", "PJSIP/51@buoy", userfield.to_owned());
        row
    };
    let theirs = |call: u32, start: i64, userfield: &str| {
        let mut row = Row::over_to_lamp(call, (start, Some(start + 10), start + 60));
        (row.pbx, row.src, row.dst, row.context) = ("buoy", "anonymous", "51", "deck");
        (row.channel, row.far, row.application.1, row.userfield) =
            ("PJSIP/tower", "PJSIP/51", "PJSIP/51,20", userfield.to_owned());
        row
    };
    let line = one(&legs(&[ours(1, "one"), theirs(1, 5_000, "one")], &[]));
    assert_eq!((line.outcome, line.answered_by.as_slice()), (Outcome::Answered, ["51".into()].as_slice()));
    assert_eq!(line.answered_at, Some(at(110)));
    // Another key, and everything else the same: two calls.
    let mut other = theirs(1, 100, "two");
    other.src = "+442079460018";
    assert_eq!(check(&legs(&[ours(1, "one"), other.clone()], &[])).len(), 2);
    // Only one has a key: numbers and moments decide.
    other.userfield = String::new();
    one(&legs(&[ours(1, "one"), other], &[]));
}

#[test]
fn of_two_versions_of_a_record_only_one_crosses() {
    let near = Row::over_to_lamp(1, (100, Some(108), 160));
    let whole = Cucm { calling: "+442079460099", ..Cucm::from_tower(7, (100, Some(108), 160)) };
    let mut all = legs(&[near], &[whole]);
    // The same record, cut: it has the caller of the near one, and no end.
    let mut cut = all[1].clone();
    (cut.from.number, cut.ended_at) = ("+442079460018".into(), None);
    assert_eq!(check(&[all[0].clone(), cut.clone()]).len(), 1);
    all.push(cut);
    assert_eq!(check(&all).len(), 2);
}

#[test]
fn an_exchange_that_tells_moments_only_has_nobody_outside_at_a_tie() {
    let directory = directory();
    let origin = Arc::new(Origin { tenant: "lighthouse".into(), pbx: "tower".into(), adapter: "asterisk_cel" });
    let event = |number: u128, event: Event, seconds: i64, from: End| {
        let mut leg = Leg::new(&origin, Position::default());
        (leg.leg_id, leg.order, leg.event) = (LegId(number), 1, Some(event));
        (leg.started_at, leg.ended_at, leg.from) = (Some(at(seconds)), Some(at(seconds)), from);
        leg.link(KeyKind::Id, "1.1");
        leg
    };
    let trunk = |name: &str| End {
        kind: EndKind::Outside,
        number: "+442079460018".into(),
        channel: "PJSIP/x-00000001".into(),
        trunk: name.into(),
        ..End::default()
    };
    for (name, direction) in [("to-lamp", Direction::Internal), ("seabed", Direction::Inbound)] {
        let legs = [
            event(1, Event::Started, 100, trunk(name)),
            event(2, Event::HungUp, 130, trunk(name)),
            event(3, Event::Ended, 130, trunk(name)),
        ];
        let lines = fold_at(&legs, &directory);
        assert_eq!((lines.len(), lines[0].direction), (1, direction), "{name}");
        assert_eq!(lines[0].missed, direction == Direction::Inbound);
    }
}

/// Three plain calls, from which the difference of the clocks is known.
fn plain(ahead_s: i64) -> (Vec<Row>, Vec<Cucm>) {
    (0..3i64)
        .map(|number| {
            let call = u32::try_from(number).unwrap();
            let (start, length) = (1000 + 700 * number, 30 + 7 * number);
            let at = (start, Some(start + 5), start + length);
            let far = (start + ahead_s, Some(start + 5 + ahead_s), start + length + ahead_s);
            let src = ["+442079460021", "+442079460022", "+442079460023"][call as usize];
            let calling = ["+442079460021", "+442079460022", "+442079460023"][call as usize];
            let near = Row { src, ..Row::over_to_lamp(100 + 2 * call, at) };
            (near, Cucm { calling, ..Cucm::from_tower(100 + call, far) })
        })
        .unzip()
}

#[test]
fn two_calls_at_once_of_one_caller_are_told_apart() {
    for ahead_s in [40, -40, 500, -500] {
        let (mut rows, mut records) = plain(ahead_s);
        // The second begins five seconds after the first, and both are about as long.
        for (call, start) in [(1, 100), (5, 105)] {
            rows.push(Row::over_to_lamp(call, (start, Some(start + 8), start + 60)));
            let start = start + ahead_s;
            records.push(Cucm::from_tower(call, (start, Some(start + 8), start + 61)));
        }
        let lines = check(&legs(&rows, &records));
        assert_eq!(lines.len(), 5, "{ahead_s}");
        for line in &lines {
            assert_eq!((line.outcome, line.pbxes.len()), (Outcome::Answered, 2));
        }
        let both: Vec<Moment> = lines.iter().take(2).filter_map(|l| l.answered_at).collect();
        assert_eq!(both, [at(108), at(113)]);
    }
}

#[test]
fn a_clock_that_is_told_is_believed() {
    let text = include_str!("ties/site.toml").replace("id = \"lamp\"\n", "id = \"lamp\"\nclock_offset_s = 3600\n");
    let directory = Directory::from_toml(&text).unwrap();
    let lines = fold_at(&answered(3600), &directory);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].answered_at, Some(at(108)));
    assert_eq!(fold_at(&answered(0), &directory).len(), 2);
}

#[test]
fn other_callers_and_other_digits_do_not_fit() {
    let near = Row::over_to_lamp(1, (100, Some(108), 160));
    let far = Cucm::from_tower(7, (100, Some(108), 160));
    let other_caller = Cucm { calling: "+442079460099", ..far.clone() };
    let other_digits = Cucm { dialed: "42", reached: "42", ..far.clone() };
    let long_after = Cucm::from_tower(7, (400, Some(408), 460));
    for record in [other_caller, other_digits, long_after] {
        assert_eq!(check(&legs(std::slice::from_ref(&near), &[record])).len(), 2);
    }
    let withheld = Cucm { calling: "anonymous", ..far };
    let near = Row { src: "anonymous", ..near };
    assert_eq!(check(&legs(&[near], &[withheld])).len(), 1);
}

/// As long as a fold holds calls where formats say when one ends.
const HOLD: Hold = Hold { marked_ms: 60_000, among_us_ms: 3_600_000, idle_ms: 3_600_000, by_log_time: false };

#[test]
fn a_half_waits_for_the_other_and_a_nearer_one_takes_its_place() {
    let directory = directory();
    let (rows, records) = plain(40);
    let mut assembly = Assembly::new(HOLD).with_ties(&directory);
    for leg in legs(&rows, &records) {
        assembly.push(leg, at(4000));
    }
    assert_eq!(assembly.open_calls(), 3);
    let first = Row::over_to_lamp(1, (4000, None, 4030)).legs(&directory).remove(0);
    let near = assembly.push(first.clone(), at(4030)).slot;
    assert!(!assembly.is_marked(near), "the other half may come");
    // Two seconds off: it fits as long as there is no nearer one.
    let other = Cucm::from_tower(8, (4042, None, 4075)).legs(&directory).remove(0);
    let pushed = assembly.push(other.clone(), at(4076));
    assert_eq!((pushed.slot, assembly.open_calls()), (near, 4));
    assert!(assembly.is_marked(near));
    assert_eq!(assembly.legs(near).count(), 2);
    let told_apart = assembly.parts(near);
    assert_eq!(told_apart.len(), 2);
    let nearer = Cucm::from_tower(9, (4040, None, 4070)).legs(&directory).remove(0);
    let pushed = assembly.push(nearer.clone(), at(4076));
    assert_eq!(pushed.slot, near);
    assert_eq!(pushed.changed.as_slice(), [told_apart[1]], "the other is a call again");
    assert_eq!(assembly.open_calls(), 5);
    assert!(assembly.legs(near).any(|l| l.leg_id == nearer.leg_id));
    assert!(!assembly.legs(near).any(|l| l.leg_id == other.leg_id));
    // The pair is over by what its legs say, and the arrival alone is held for its other half.
    let quiet = assembly.quiet(at(4076 + 61));
    assert!(quiet.contains(&near) && !quiet.contains(&told_apart[1]), "{quiet:?}");
    assert_eq!(assembly.take(near).len(), 2);
    assert_eq!(assembly.root(told_apart[1]), told_apart[1]);
    assert!(assembly.quiet(at(4076 + 3601)).contains(&told_apart[1]));
}

#[test]
fn a_half_that_comes_first_becomes_part_of_the_call_and_its_name_leads_there() {
    let directory = directory();
    for ahead_s in [0, 40] {
        let [near, far] = <[Leg; 2]>::try_from(answered(ahead_s)).unwrap();
        let mut calls = Calls::new(Site::new(&directory), &[Ends::Marker { settle_s: 10 }], false);
        calls.advance(at(300));
        let slot = calls.push(far);
        let early = calls.now(slot, 0).unwrap();
        assert!(!early.line.is_final && early.line.direction == Direction::Internal);
        calls.advance(at(3900));
        calls.drain(|told| panic!("closed without its other half: {}", told.json()));
        let slot = calls.push(near);
        let call = calls.now(slot, 0).unwrap();
        assert_eq!((call.line.direction, call.line.is_final), (Direction::Inbound, true));
        let merged = calls.merged();
        assert_eq!(merged.len(), 1);
        assert_eq!(merged[0].call_id, early.line.call_id);
        assert_eq!(merged[0].merged_into.as_ref(), Some(&call.line.call_id));
        let mut told = 0;
        calls.finish(|_| told += 1);
        assert_eq!((told, calls.merged().len()), (1, 0));
    }
}

#[test]
fn a_half_that_comes_after_its_call_was_taken_out_waits_for_it() {
    let directory = directory();
    let [near, far] = <[Leg; 2]>::try_from(answered(40)).unwrap();
    let mut assembly = Assembly::new(HOLD).with_ties(&directory);
    let slot = assembly.push(near.clone(), at(200)).slot;
    assert!(assembly.late_keys(slot).is_empty());
    assembly.take(slot);
    let slot = assembly.push(far, at(9000)).slot;
    assert_eq!(assembly.late_keys(slot).len(), 1);
    // Another call of the same caller, which fits less well, is not taken for it.
    let other = Row::over_to_lamp(21, (103, Some(108), 140)).legs(&directory).remove(0);
    let other = assembly.push(other, at(9000)).slot;
    assert_eq!(assembly.parts(other).len(), 1);
    // The stored legs of the closed call come again.
    let slot = assembly.push(near, at(9001)).slot;
    assert_eq!((assembly.parts(slot).len(), assembly.late_keys(slot).len()), (2, 0));
}

#[test]
fn where_the_other_half_can_be() {
    let directory = directory();
    let ties = Ties::of(&directory).unwrap();
    let [near, far] = <[Leg; 2]>::try_from(answered(40)).unwrap();
    let from_near = &wanted(&near, &ties)[0];
    assert_eq!((from_near.pbx.as_str(), from_near.trunk.as_str(), from_near.leaves), ("lamp", "to-tower", false));
    assert!(from_near.from <= far.started_at.unwrap() && far.started_at.unwrap() <= from_near.to);
    let from_far = &wanted(&far, &ties)[0];
    assert_eq!((from_far.pbx.as_str(), from_far.trunk.as_str(), from_far.leaves), ("tower", "to-lamp", true));
    assert!(from_far.from <= near.started_at.unwrap() && near.started_at.unwrap() <= from_far.to);
    let mut silent = Row::over_to_lamp(1, (100, None, 130));
    silent.far = "PJSIP/mill";
    let mut inside = silent.clone();
    inside.far = "PJSIP/8123";
    for row in [silent, inside] {
        assert!(wanted(&row.legs(&directory)[0], &ties).is_empty());
    }
    assert!(Ties::of(&Directory::without_site_file("main")).is_none());
}
