//! What settles a follow-up, of calls that no recorded PBX of the corpus shows.

#![allow(clippy::unwrap_used)]

use adapters::leg::Moment;
use calls::follow_up::{Contact, Limits, episodes};
use calls::journey::Direction;
use calls::line::FollowUpStatus;

const LIMITS: Limits = Limits { talk_min_ms: 10_000, expires_after_ms: 604_800_000 };

#[test]
fn a_second_talk_of_one_call_that_lasts_beyond_the_miss_settles_it() {
    // Ten minutes with one person, then two with another; meanwhile the same customer's second line was missed.
    let talking = contact("talking", Direction::Inbound, (0, 720), &[(0, 600), (600, 720)]);
    let missed = missed((660, 670));
    let line = &episodes("acme", "+12025550147", &[missed, talking], LIMITS, at(1000))[0].line;
    assert_eq!(line.status, FollowUpStatus::ReachedUs);
    assert_eq!(line.settled_by_call.as_deref(), Some("talking"));
    assert_eq!(line.time_to_return_s.map(|s| s.ms), Some(0));
}

#[test]
fn a_talk_that_ended_before_the_miss_settles_nothing() {
    let before = contact("before", Direction::Inbound, (0, 100), &[(0, 100)]);
    let short = contact("short", Direction::Outbound, (300, 309), &[(300, 309)]);
    let line = &episodes("acme", "+12025550147", &[missed((200, 220)), before, short], LIMITS, at(1000))[0].line;
    assert_eq!((line.status, line.our_attempts), (FollowUpStatus::Open, 1));
}

fn missed(span: (i64, i64)) -> Contact {
    Contact { owed: true, ..contact("missed", Direction::Inbound, span, &[]) }
}

fn contact(id: &str, direction: Direction, span: (i64, i64), talks: &[(i64, i64)]) -> Contact {
    Contact {
        started_at: at(span.0),
        call_id: id.into(),
        ended_at: at(span.1),
        direction,
        owed: false,
        talks: talks.iter().map(|(from, to)| (at(*from), at(*to))).collect(),
        talked: None,
        owner: None,
        due_at: None,
    }
}

fn at(seconds: i64) -> Moment {
    Moment(seconds * 1000)
}
