//! Calls that nobody made, of a company that does not exist.

use adapters::leg::{Moment, Text};
use calls::journey::{Direction, OfferEnd};
use calls::line::{Answered, CallLine, OfferLine, Seconds, VisitLine};
use calls::verdict::{Outcome, Reason};
use directory::Directory;

/// A Monday at 0:00 UTC.
const MONDAY: i64 = 1_794_787_200_000;

/// So many seconds later.
pub fn at(seconds: i64) -> Moment {
    Moment(MONDAY + seconds * 1000)
}

pub fn directory(zone: &str) -> Directory {
    directory_with(zone, "")
}

pub fn directory_with(zone: &str, more: &str) -> Directory {
    let people =
        ["rosa", "timo", "vera"].map(|id| format!("[[person]]\nid = \"{id}\"\nname = \"{id}\"\ngroup = \"crew\"\n"));
    let text = format!(
        "tenant = \"lighthouse\"\nservice_level_s = 20\n[[site]]\nid = \"quay\"\nzone = \"{zone}\"\n[[pbx]]\nid = \"bell\"\n\
         [[group]]\nid = \"crew\"\n[[group]]\nid = \"pilots\"\n[[queue]]\nid = \"870\"\n{}{more}",
        people.concat()
    );
    Directory::from_toml(&text).unwrap_or_else(|e| panic!("{e}"))
}

/// An answered call through a queue, so many seconds after the Monday began.
pub fn call(seconds: i64) -> CallLine {
    let started_at = at(seconds);
    CallLine {
        call_id: format!("{seconds:032x}").into(),
        merged_into: None,
        tenant: "lighthouse".into(),
        site: Some("quay".into()),
        pbx: "bell".into(),
        pbxes: vec!["bell".into()],
        link_keys: Vec::new(),
        direction: Direction::Inbound,
        answered: Answered::Answered,
        outcome: Outcome::Answered,
        missed: false,
        short: false,
        out_of_hours: false,
        reason: None,
        caller: Some("+351210000001".into()),
        caller_raw: None,
        caller_name: None,
        caller_extension: None,
        caller_person: None,
        did: Some("+351210000123".into()),
        dialed: None,
        trunk: None,
        entry: Some("queue".into()),
        menu_path: Vec::new(),
        first_target: Some("870".into()),
        queue: Some("870".into()),
        group: Some("crew".into()),
        owner: None,
        answered_by: vec!["31".into()],
        answered_by_kind: Some("person".into()),
        transfers: Vec::new(),
        started_at,
        queued_at: Some(started_at.plus_ms(2_000)),
        rang_at: Some(started_at.plus_ms(3_000)),
        answered_at: Some(started_at.plus_ms(9_000)),
        ended_at: started_at.plus_ms(69_000),
        ended_by: None,
        cause: None,
        wait_time_s: seconds_of(9_000),
        queue_wait_time_s: seconds_of(7_000),
        ring_time_s: seconds_of(6_000),
        talk_time_s: seconds_of(60_000),
        hold_time_s: seconds_of(4_500),
        park_time_s: seconds_of(0),
        machine_time_s: seconds_of(0),
        duration_s: Seconds { ms: 69_000 },
        voicemail_left: None,
        recording_url: None,
        offers: vec![offer("timo", "32", OfferEnd::NoAnswer, 1), offer("rosa", "31", OfferEnd::Answered, 1)],
        rule: "a_person_had_the_caller_last",
        evidence: Vec::new(),
        follow_up: None,
        records: Vec::new(),
        revision: 1,
        is_final: true,
        visits: vec![visit("queue", "870", started_at.plus_ms(2_000), 7_000, "answered")],
    }
}

/// One that nobody answered, missed by the company and by both who were rung.
pub fn missed(seconds: i64) -> CallLine {
    let line = call(seconds);
    let offers =
        ["rosa", "timo"].map(|person| OfferLine { person_missed: true, ..offer(person, "3", OfferEnd::NoAnswer, 1) });
    let visit = visit("queue", "870", line.started_at.plus_ms(2_000), 40_000, "timed_out");
    CallLine {
        answered: Answered::Unanswered,
        outcome: Outcome::NoAnswer,
        missed: true,
        reason: Some(Reason::RangUnanswered),
        owner: Some("group:crew".into()),
        answered_by: Vec::new(),
        answered_by_kind: None,
        answered_at: None,
        talk_time_s: seconds_of(0),
        hold_time_s: None,
        wait_time_s: seconds_of(42_000),
        queue_wait_time_s: seconds_of(40_000),
        offers: offers.into(),
        visits: vec![visit],
        ..line
    }
}

fn seconds_of(ms: i64) -> Option<Seconds> {
    Some(Seconds { ms })
}

fn offer(person: &str, target: &str, end: OfferEnd, round: u32) -> OfferLine {
    OfferLine {
        target: Some(target.into()),
        kind: "person",
        person: Some(person.into()),
        group: Some("crew".into()),
        queue: Some("870".into()),
        round,
        rang_at: Some(at(0)),
        ended_at: at(0),
        end,
        reason: None,
        person_missed: false,
    }
}

fn visit(kind: &'static str, queue: &str, entered_at: Moment, stayed_ms: i64, end: &str) -> VisitLine {
    VisitLine {
        kind,
        queue: queue.into(),
        group: None,
        entered_at,
        left_at: entered_at.plus_ms(stayed_ms),
        end: Some(end.into()),
    }
}

/// Numbers from a seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % limit as u64) as usize
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn maybe<T>(&mut self, value: T) -> Option<T> {
        (self.below(4) > 0).then_some(value)
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 0
    }

    fn length(&mut self) -> Option<Seconds> {
        let ms = self.below(60_000) as i64;
        self.maybe(Seconds { ms })
    }
}

const OUTCOMES: [Outcome; 12] = [
    Outcome::Answered,
    Outcome::LostInTransfer,
    Outcome::Overflowed,
    Outcome::Voicemail,
    Outcome::Served,
    Outcome::Failed,
    Outcome::Closed,
    Outcome::Blocked,
    Outcome::Abandoned,
    Outcome::Busy,
    Outcome::Declined,
    Outcome::NoAnswer,
];

/// Any call within two hours of the Monday, whether or not a PBX could tell it.
pub fn random_call(random: &mut Random) -> CallLine {
    let seconds = random.below(7_200) as i64;
    let line = CallLine { started_at: at(seconds).plus_ms(random.below(1000) as i64), ..call(seconds) };
    revised(&line, random)
}

/// The same call, told otherwise.
pub fn revised(line: &CallLine, random: &mut Random) -> CallLine {
    let outcome =
        if random.yes() { random.one(&OUTCOMES) } else { random.one(&[Outcome::Answered, Outcome::Abandoned]) };
    let spoke = matches!(outcome, Outcome::Answered | Outcome::LostInTransfer);
    let out_of_hours = random.below(4) == 0;
    let missed = outcome != Outcome::Answered && !out_of_hours && random.below(4) > 0;
    let ends =
        [OfferEnd::Answered, OfferEnd::NoAnswer, OfferEnd::AnsweredElsewhere, OfferEnd::CallerLeft, OfferEnd::Busy];
    let mut offers = Vec::new();
    for _ in 0..random.below(5) {
        let who = random.below(4);
        let (person, target) = [("rosa", "31"), ("timo", "32"), ("vera", "33"), ("", "39")][who];
        let end = random.one(&ends);
        offers.push(OfferLine {
            person: (!person.is_empty()).then(|| person.into()),
            kind: if random.below(8) == 0 { "outside" } else { "person" },
            queue: random_queue(random),
            rang_at: random.maybe(at(0)),
            group: Some(random.one(&[Text::from("crew"), Text::from("pilots")])),
            person_missed: missed && who < 3 && end != OfferEnd::Answered && random.yes(),
            ..offer("", target, end, 1)
        });
    }
    let visit_ends = ["answered", "abandoned", "timed_out", "left_by_key", "emptied", "not_joined", "moved_on"];
    let visits = (0..random.below(4)).map(|_| {
        let kind = random.one(&["queue", "hunt_group"]);
        let queue = random_queue(random).unwrap_or_else(|| "872".into());
        visit(kind, &queue, line.started_at, random.below(60_000) as i64, random.one(&visit_ends))
    });
    let visits = visits.collect();
    let speakers = if spoke {
        random.one(&[vec!["31".into()], vec!["32".into()], vec!["31".into(), "33".into()]])
    } else {
        vec![]
    };
    CallLine {
        merged_into: (random.below(20) == 0).then(|| "another".into()),
        direction: random.one(&[
            Direction::Inbound,
            Direction::Inbound,
            Direction::Inbound,
            Direction::Outbound,
            Direction::Internal,
        ]),
        caller_person: random.maybe("rosa".into()),
        answered: if spoke { Answered::Answered } else { Answered::Unanswered },
        outcome,
        missed,
        short: outcome == Outcome::Abandoned && random.yes(),
        out_of_hours,
        reason: (outcome != Outcome::Answered).then(|| random.one(&[Reason::Unknown, Reason::Busy])),
        did: random.one(&[None, Some("+351210000123".into()), Some("+351210000124".into())]),
        group: random.one(&[None, Some("crew".into()), Some("pilots".into())]),
        owner: missed.then(|| random.one(&["group:pilots".into(), "person:rosa".into(), "person:vera".into()])),
        answered_by: speakers,
        wait_time_s: random.length(),
        queue_wait_time_s: random.length(),
        talk_time_s: random.length(),
        hold_time_s: random.length(),
        offers,
        visits,
        ..line.clone()
    }
}

fn random_queue(random: &mut Random) -> Option<Text> {
    random.one(&[Some("870".into()), Some("871".into()), None])
}
