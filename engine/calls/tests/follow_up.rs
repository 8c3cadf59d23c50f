//! Follow-ups of one customer: calls that no recorded PBX of the corpus shows, and random ones against the sentence that defines what settles them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(missing_docs)]

use adapters::leg::Moment;
use calls::follow_up::{self, Contact, Customer, Episode, Limits};
use calls::journey::Direction;
use calls::line::FollowUpStatus;

const USUAL: Limits = Limits { talk_min_ms: 10_000, expires_after_ms: 604_800_000, deal_lapses_ms: 1_800_000 };

fn episodes(tenant: &str, number: &str, contacts: &[Contact], limits: Limits, now: Moment) -> Vec<Episode> {
    follow_up::episodes(&Customer { tenant, number, contacts, said: &[], ended: &[], lasted: None }, limits, now)
}

#[test]
fn a_second_talk_of_one_call_that_lasts_beyond_the_miss_settles_it() {
    // Ten minutes with one person, then two with another; meanwhile the same customer's second line was missed.
    let talking = contact("talking", Direction::Inbound, (0, 720), &[(0, 600), (600, 720)]);
    let missed = missed((660, 670));
    let line = &episodes("acme", "+12025550147", &[missed, talking], USUAL, at(1000))[0].line;
    assert_eq!(line.status, FollowUpStatus::ReachedUs);
    assert_eq!(line.settled_by_call.as_deref(), Some("talking"));
    assert_eq!(line.time_to_return_s.map(|s| s.ms), Some(0));
}

#[test]
fn a_talk_that_ended_before_the_miss_settles_nothing() {
    let before = contact("before", Direction::Inbound, (0, 100), &[(0, 100)]);
    let short = contact("short", Direction::Outbound, (300, 309), &[(300, 309)]);
    let line = &episodes("acme", "+12025550147", &[missed((200, 220)), before, short], USUAL, at(1000))[0].line;
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
        not_returnable: None,
        names: Box::default(),
    }
}

fn at(seconds: i64) -> Moment {
    Moment(seconds * 1000)
}

const LIMITS: Limits = Limits { talk_min_ms: 10, expires_after_ms: 500, deal_lapses_ms: 100 };

/// The first talk after the miss began: ours to them, long enough; or theirs with a person, also one that had begun before and went on.
fn settles(contacts: &[Contact], opening: &Contact) -> Option<(Moment, String)> {
    let mut all: Vec<(Moment, String)> = Vec::new();
    for call in contacts.iter().filter(|c| c.call_id != opening.call_id) {
        for (from, to) in &call.talks {
            let counts = match call.direction {
                Direction::Outbound => *from >= opening.started_at && to.ms_since(*from) >= LIMITS.talk_min_ms,
                Direction::Inbound => *to > opening.started_at && !call.owed,
                Direction::Internal => false,
            };
            if counts {
                all.push(((*from).max(opening.started_at), call.call_id.to_string()));
            }
        }
    }
    all.into_iter().min().filter(|(at, _)| *at <= opening.started_at.plus_ms(LIMITS.expires_after_ms))
}

fn random_contact(random: &mut u64, number: usize) -> Contact {
    let mut below = |limit: u64| {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        i64::try_from(*random % limit).unwrap()
    };
    let started_at = Moment(below(1500));
    let owed = below(2) == 0;
    let direction = if owed || below(2) == 0 { Direction::Inbound } else { Direction::Outbound };
    let from = started_at.plus_ms(below(10));
    let to = from.plus_ms(below(30));
    let talks = if owed || below(4) == 0 { Vec::new() } else { vec![(from, to)] };
    Contact {
        started_at,
        call_id: format!("{:02}-{number}", below(100)).into(),
        ended_at: to,
        direction,
        owed,
        talks: talks.into(),
        talked: None,
        owner: None,
        due_at: None,
        not_returnable: None,
        names: Box::default(),
    }
}

#[test]
fn each_miss_is_settled_by_the_first_talk_that_counts() {
    let mut random = 0x9e37_79b9_7f4a_7c15;
    for round in 0..2_000 {
        let contacts: Vec<Contact> = (0..1 + round % 40).map(|number| random_contact(&mut random, number)).collect();
        let found = episodes("main", "+4420", &contacts, LIMITS, Moment(10_000));
        let owed = contacts.iter().filter(|c| c.owed).count();
        assert_eq!(found.iter().map(|e| e.missed.len()).sum::<usize>(), owed, "each miss is in one follow-up");
        for episode in &found {
            let opening = contacts.iter().find(|c| c.call_id == episode.missed[0]).unwrap();
            let settled = settles(&contacts, opening);
            assert_eq!(
                episode.line.settled_by_call.as_deref(),
                settled.as_ref().map(|(_, call)| call.as_str()),
                "round {round}: {opening:?} of {contacts:#?}"
            );
            assert_eq!(episode.line.status == FollowUpStatus::Expired, settled.is_none());
        }
    }
}

/// Whoever reads back only the calls since a moment, and when the follow-up ended that was opened before it and lasted beyond it, finds the
/// same ones from then on.
#[test]
fn what_is_read_back_since_a_moment_is_the_same_from_then_on() {
    let (mut random, mut lasting) = (0x9e37_79b9_7f4a_7c15, 0);
    for round in 0..2_000 {
        let contacts: Vec<Contact> = (0..1 + round % 40).map(|number| random_contact(&mut random, number)).collect();
        let since = Moment(700);
        let is_across = |c: &Contact| c.started_at < since && c.ended_at >= since;
        let contacts: Vec<Contact> = contacts.into_iter().filter(|c| !is_across(c)).collect();
        let all = episodes("main", "+4420", &contacts, LIMITS, Moment(10_000));
        let read: Vec<Contact> = contacts.iter().filter(|c| c.started_at >= since).cloned().collect();
        let before = all.iter().rfind(|e| e.opened_at < since);
        let lasted = before.and_then(|e| e.closed_at).filter(|ended| *ended > since);
        lasting += usize::from(lasted.is_some());
        let of = Customer { tenant: "main", number: "+4420", contacts: &read, said: &[], ended: &[], lasted };
        // What ended before the moment is not known any more.
        let plain = |e: &Episode| Episode { after: None, ..e.clone() };
        let found: Vec<Episode> = follow_up::episodes(&of, LIMITS, Moment(10_000)).iter().map(plain).collect();
        let expected: Vec<Episode> = all.iter().filter(|e| e.opened_at >= since).map(plain).collect();
        assert_eq!(found, expected, "round {round}: {contacts:#?}");
    }
    assert!(lasting > 500, "{lasting}");
}

/// A customer who calls all day long costs no more a call than any other.
#[test]
fn a_customer_of_many_calls_is_folded_in_time() {
    let mut random = 1;
    let contacts: Vec<Contact> = (0..100_000).map(|number| random_contact(&mut random, number)).collect();
    let spread: Vec<Contact> = (0..)
        .zip(contacts)
        .map(|(number, c)| {
            let later = |at: Moment| at.plus_ms(number * 400);
            let talks = c.talks.iter().map(|(from, to)| (later(*from), later(*to))).collect();
            Contact { started_at: later(c.started_at), ended_at: later(c.ended_at), talks, ..c }
        })
        .collect();
    assert!(episodes("main", "+4420", &spread, LIMITS, Moment(i64::MAX)).len() > 10_000);
}
