//! What whole paths tell that no recorded PBX of the corpus shows: recordings, a far end that is passed on, records without times.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use adapters::Leg;
use adapters::leg::{Disposition, End, EndKind, KeyKind, LegId, Moment, Origin, Position, Stage};
use calls::call::{self, Call};
use calls::journey::Direction;
use calls::site::Site;
use calls::verdict::Outcome;
use directory::Directory;

#[test]
fn what_only_records_is_no_call() {
    let mut recording = leg(1, ("10", "2001"), ("11", "2099"), Some((0, 60)));
    recording.stage = Stage::Recording;
    assert!(fold(&[recording]).is_none());
}

#[test]
fn a_caller_of_ours_who_passed_the_far_end_on_is_still_their_caller() {
    let first = leg(1, ("10", "2001"), ("11", "2025550147"), Some((0, 120)));
    let asked = leg(2, ("12", "2001"), ("13", "2002"), Some((100, 120)));
    let after = leg(3, ("11", "2025550147"), ("13", "2002"), Some((120, 480)));
    let call = fold(&[after, asked, first]).unwrap();
    assert_eq!(call.line.outcome, Outcome::Answered);
    assert_eq!(call.line.answered_by, ["2025550147"]);
    assert_eq!(call.line.talk_time_s.map(|s| s.ms), Some(480_000));
}

#[test]
fn one_talk_is_passed_on_once_however_many_ring() {
    let mut legs = vec![leg(1, ("10", "2025550147"), ("11", "2001"), Some((0, 60)))];
    for (order, channel, extension) in [(2, "12", "2002"), (3, "13", "2003"), (4, "14", "2002")] {
        let mut rung = leg(order, ("10", "2025550147"), (channel, extension), Some((60, 90)));
        rung.stage = Stage::Queue;
        rung.queue = "500".into();
        rung.disposition = Disposition::NoAnswer;
        rung.answered_at = None;
        legs.push(rung);
    }
    let call = fold(&legs).unwrap();
    assert_eq!(call.line.outcome, Outcome::LostInTransfer);
    let moves: Vec<_> = call.line.transfers.iter().map(|t| (t.by.as_deref(), t.to.as_deref())).collect();
    assert_eq!(moves, [(Some("2001"), Some("500"))]);
}

#[test]
fn who_was_asked_for_the_caller_and_rang_on_owns_the_miss() {
    let talk = leg(1, ("10", "2025550147"), ("11", "2001"), Some((0, 60)));
    let mut asked = leg(2, ("12", "2001"), ("13", "2002"), Some((50, 60)));
    asked.disposition = Disposition::NoAnswer;
    asked.answered_at = None;
    asked.rang_at = asked.started_at;
    let call = fold(&[talk, asked]).unwrap();
    assert_eq!(call.line.outcome, Outcome::LostInTransfer);
    let moves: Vec<_> = call.line.transfers.iter().map(|t| (t.by.as_deref(), t.to.as_deref())).collect();
    assert_eq!(moves, [(Some("2001"), Some("2002"))]);
}

#[test]
fn of_two_first_legs_the_one_that_reaches_somebody_says_who_called() {
    let mut step = leg(1, ("10", "2025550100"), ("", ""), Some((0, 0)));
    step.to = None;
    step.disposition = Disposition::Busy;
    let mut dial = leg(2, ("10", "2001"), ("11", "2025550147"), Some((0, 0)));
    dial.disposition = Disposition::Busy;
    let call = fold(&[step, dial]).unwrap();
    assert_eq!(call.line.direction, Direction::Outbound);
}

#[test]
fn without_times_what_needs_no_clock_is_told() {
    let mut legs = vec![
        leg(1, ("10", "2025550147"), ("11", "2001"), None),
        leg(2, ("12", "2001"), ("13", "2002"), None),
        leg(3, ("10", "2025550147"), ("13", "2002"), None),
    ];
    for (leg, seconds) in legs.iter_mut().zip([60, 10, 360]) {
        leg.length_ms = Some(seconds * 1000);
    }
    let call = fold(&legs).unwrap();
    let line = serde_json::to_value(&call.line).unwrap();
    assert_eq!(line["answered_by"], serde_json::json!(["2001", "2002"]));
    assert_eq!(line["talk_time_s"], 420);
    for untold in ["started_at", "ended_at", "answered_at", "wait_time_s", "queue_wait_time_s"] {
        assert!(line[untold].is_null(), "{untold}: {}", line[untold]);
    }
    assert!(!call.owed);
}

#[test]
fn without_times_a_recording_proves_the_answer() {
    let mut told = leg(1, ("10", "2025550147"), ("11", "2001"), None);
    told.disposition = Disposition::Unknown;
    let mut recording = leg(2, ("11", "2001"), ("12", "2099"), None);
    recording.stage = Stage::Recording;
    let call = fold(&[told.clone(), recording]).unwrap();
    assert_eq!((call.line.outcome, call.line.talk_time_s), (Outcome::Answered, None));
    assert_ne!(fold(&[told]).unwrap().line.outcome, Outcome::Answered);
}

/// An answered path between two channels with their numbers: a long number is outside. `span`: seconds from start, which is the answer, to end.
fn leg(order: u64, from: (&str, &str), to: (&str, &str), span: Option<(i64, i64)>) -> Leg {
    let origin = Arc::new(Origin { tenant: "acme".into(), pbx: "main".into(), adapter: "test" });
    let mut leg = Leg::new(&origin, Position { file: 1, record: order, byte: 0 });
    leg.leg_id = LegId(u128::from(order));
    leg.order = order;
    leg.link(KeyKind::Id, "call");
    leg.from = end(from);
    leg.to = Some(end(to));
    leg.stage = if leg.from.kind == EndKind::Person { Stage::Inside } else { Stage::Extension };
    leg.disposition = Disposition::Answered;
    leg.started_at = span.map(|(from, _)| Moment(from * 1000));
    leg.answered_at = leg.started_at;
    leg.ended_at = span.map(|(_, to)| Moment(to * 1000));
    leg
}

fn end((channel, number): (&str, &str)) -> End {
    let kind = if number.len() > 6 { EndKind::Outside } else { EndKind::Person };
    End { kind, number: number.into(), channel: channel.into(), ..End::default() }
}

fn fold(legs: &[Leg]) -> Option<Call> {
    let directory = Directory::without_site_file("main");
    call::fold(legs, &mut Site::new(&directory), false, true)
}
