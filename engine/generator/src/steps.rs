//! How one call goes, by dice: who rings, who answers, who leaves. A person speaks with one caller at a time.

use fastrand::Rng;

use crate::company::{Company, Entry, PersonAt};
use crate::script::{ParkEnd, Ring, RingEnd, Round, Span, Step, WaitEnd};

/// Shares in hundredths.
const ANSWERS: u8 = 74;
const LEAVES_RINGING: u8 = 14;
const LEAVES_MENU: u8 = 9;
const LEAVES_QUEUE_PER_ROUND: u8 = 14;
const AGENT_ANSWERS_PER_ROUND: u8 = 70;
const PASSED_ON: u8 = 14;
const PARKED: u8 = 3;
const CROSSES: u8 = 5;
const CROSSES_BACK: u8 = 25;

const RING_S: i64 = 25;
const MEMBER_RING_S: i64 = 12;
const ROUND_MS: i64 = 15_000;
const QUEUE_LIMIT_S: i64 = 90;
const TALK_MIN_S: i64 = 15;
const TALK_MAX_S: i64 = 420;

/// A call on its way: its steps so far, and the moment it has come to.
pub(crate) struct Dice<'a> {
    pub(crate) rng: &'a mut Rng,
    pub(crate) company: &'a Company,
    /// Until when each person speaks.
    pub(crate) busy_until: &'a mut [i64],
    pub(crate) pbx: usize,
    pub(crate) now: i64,
    pub(crate) steps: Vec<Step>,
    pub(crate) ended_by_caller: bool,
}

impl Dice<'_> {
    /// An inbound call goes where its number leads.
    pub(crate) fn inbound(&mut self, entry: Entry, is_open: bool, may_move: bool) {
        let exchange = &self.company.exchanges[self.pbx];
        if !is_open && exchange.turns_away {
            let span = self.span(6_000, 14_000);
            self.ended_by_caller = self.chance(30);
            self.steps.push(Step::Closed { span });
            return;
        }
        if may_move && self.chance(CROSSES) && self.cross() {
            return;
        }
        let entry = if let Entry::Menu = entry {
            let left = self.chance(LEAVES_MENU);
            let span = self.span(2_000, 16_000);
            self.steps.push(Step::Menu { span, left });
            if left {
                self.ended_by_caller = true;
                return;
            }
            self.chosen()
        } else {
            entry
        };
        let spoke = match entry {
            Entry::Person(person) => self.ring_person(person),
            Entry::HuntGroup(group) => self.ring_hunt_group(group),
            Entry::Queue(queue) => self.wait(queue),
            Entry::Menu => None,
        };
        if let Some(person) = spoke.filter(|_| may_move) {
            self.after_talk(person);
        }
    }

    /// What a caller chose in the menu.
    fn chosen(&mut self) -> Entry {
        let exchange = &self.company.exchanges[self.pbx];
        let choices = exchange.queues.len() + exchange.hunt_groups.len();
        let choice = self.rng.usize(0..=choices);
        if choice < exchange.queues.len() {
            Entry::Queue(choice)
        } else if choice < choices {
            Entry::HuntGroup(choice - exchange.queues.len())
        } else {
            Entry::Person(exchange.people[self.rng.usize(0..exchange.people.len())])
        }
    }

    /// A person of ours rings one telephone, inside.
    pub(crate) fn internal(&mut self, to: PersonAt) {
        let ring = self.ring(vec![to], None, RING_S, None);
        self.steps.push(Step::Ring(ring));
    }

    /// A person of ours rings a telephone outside. True if it was answered.
    pub(crate) fn outside(&mut self, answers: u8) -> bool {
        let from = self.now;
        if self.chance(answers) {
            self.now += self.rng.i64(3_000..18_000);
            let answered = self.now;
            self.now += self.rng.i64(TALK_MIN_S * 1000..TALK_MAX_S * 1000);
            self.ended_by_caller = self.chance(50);
            self.steps.push(Step::Outside {
                span: Span { from, until: answered },
                answered: Some(answered),
                busy: false,
            });
            return true;
        }
        let busy = self.chance(25);
        let span = if busy { self.span(300, 900) } else { self.span(12_000, 28_000) };
        self.ended_by_caller = !busy;
        self.steps.push(Step::Outside { span, answered: None, busy });
        false
    }

    /// One telephone rings; behind it may be a mailbox. Who spoke, if anybody.
    fn ring_person(&mut self, person: PersonAt) -> Option<PersonAt> {
        let ring = self.ring(vec![person], None, RING_S, None);
        let end = ring.end;
        self.steps.push(Step::Ring(ring));
        match end {
            RingEnd::Answered { by, .. } => Some(by),
            RingEnd::NoAnswer | RingEnd::Busy if self.company.people[person].mailbox => {
                let span = self.span(5_000, 30_000);
                self.ended_by_caller = true;
                self.steps.push(Step::Mailbox { person, span });
                None
            }
            _ => None,
        }
    }

    fn ring_hunt_group(&mut self, group: usize) -> Option<PersonAt> {
        let team = &self.company.exchanges[self.pbx].hunt_groups[group];
        if !team.in_order {
            let ring = self.ring(team.members.clone(), Some(group), RING_S, None);
            let end = ring.end;
            self.steps.push(Step::Ring(ring));
            return if let RingEnd::Answered { by, .. } = end { Some(by) } else { None };
        }
        for member in &team.members {
            let ring = self.ring(vec![*member], Some(group), MEMBER_RING_S, None);
            let end = ring.end;
            self.steps.push(Step::Ring(ring));
            match end {
                RingEnd::Answered { by, .. } => return Some(by),
                RingEnd::CallerLeft => return None,
                RingEnd::NoAnswer | RingEnd::Busy => {}
            }
        }
        None
    }

    /// Telephones ring together until somebody answers, the caller leaves, or the limit comes.
    fn ring(
        &mut self,
        people: Vec<PersonAt>,
        hunt_group: Option<usize>,
        limit_s: i64,
        passed_by: Option<PersonAt>,
    ) -> Ring {
        let from = self.now;
        let free: Vec<PersonAt> = people.iter().copied().filter(|p| self.busy_until[*p] <= from).collect();
        let span = |until: i64| Span { from, until };
        if free.is_empty() {
            self.now += 200;
            self.ended_by_caller = false;
            return Ring { hunt_group, people, limit_s, passed_by, span: span(self.now), end: RingEnd::Busy };
        }
        let dice = self.rng.u8(0..100);
        if dice < ANSWERS {
            self.now += self.rng.i64(2_000..(limit_s - 1) * 1000);
            let answered = self.now;
            let by = free[self.rng.usize(0..free.len())];
            let until = self.talk(by);
            return Ring {
                hunt_group,
                people: free,
                limit_s,
                passed_by,
                span: span(answered),
                end: RingEnd::Answered { by, until },
            };
        }
        if dice < ANSWERS + LEAVES_RINGING {
            self.now += self.rng.i64(1_200..(limit_s - 2) * 1000);
            self.ended_by_caller = true;
            return Ring {
                hunt_group,
                people: free,
                limit_s,
                passed_by,
                span: span(self.now),
                end: RingEnd::CallerLeft,
            };
        }
        self.now += limit_s * 1000 + 20;
        self.ended_by_caller = false;
        Ring { hunt_group, people: free, limit_s, passed_by, span: span(self.now), end: RingEnd::NoAnswer }
    }

    /// Rounds of a queue.
    fn wait(&mut self, queue: usize) -> Option<PersonAt> {
        let from = self.now;
        let limit = from + QUEUE_LIMIT_S * 1000;
        let mut rounds: Vec<Round> = Vec::new();
        let members = &self.company.exchanges[self.pbx].queues[queue].members;
        let end = loop {
            let free: Vec<PersonAt> = members.iter().copied().filter(|p| self.busy_until[*p] <= self.now).collect();
            if free.is_empty() {
                // Whoever has heard no telephone ring may leave at any time; the others wait for the next round.
                self.now += self.rng.i64(1_000..6_000);
                if rounds.is_empty() && self.chance(15) && self.now < limit {
                    self.ended_by_caller = true;
                    break WaitEnd::CallerLeft;
                }
            } else {
                let round_from = self.now;
                let until = (round_from + ROUND_MS).min(limit);
                let dice = self.rng.u8(0..100);
                let answers = dice < AGENT_ANSWERS_PER_ROUND;
                let leaves = !answers && dice < AGENT_ANSWERS_PER_ROUND + LEAVES_QUEUE_PER_ROUND;
                if (answers || leaves) && until - round_from > 3_000 {
                    self.now += self.rng.i64(1_500..until - round_from);
                    rounds.push(Round { span: Span { from: round_from, until: self.now }, people: free.clone() });
                    if answers {
                        let by = free[self.rng.usize(0..free.len())];
                        break WaitEnd::Answered { by, until: self.talk(by) };
                    }
                    self.ended_by_caller = true;
                    break WaitEnd::CallerLeft;
                }
                self.now = until;
                rounds.push(Round { span: Span { from: round_from, until }, people: free });
                if until < limit {
                    self.now += 1_000;
                }
            }
            if self.now >= limit {
                self.now = limit;
                self.ended_by_caller = false;
                break WaitEnd::TimedOut;
            }
        };
        let span = Span { from, until: self.now };
        self.steps.push(Step::Wait { queue, limit_s: QUEUE_LIMIT_S, rounds, span, end });
        if let WaitEnd::Answered { by, .. } = end { Some(by) } else { None }
    }

    /// Somebody who spoke may pass the caller on.
    fn after_talk(&mut self, by: PersonAt) {
        if self.chance(PARKED) && self.company.exchanges[self.pbx].parking.is_some() {
            self.park(by);
        } else if self.chance(PASSED_ON) {
            let Some(to) = self.colleague(by) else { return };
            if self.busy_until[to] <= self.now && self.chance(35) {
                self.attended(by, to);
            } else {
                let ring = self.ring(vec![to], None, RING_S, Some(by));
                self.steps.push(Step::Ring(ring));
            }
        }
    }

    fn attended(&mut self, by: PersonAt, to: PersonAt) {
        let dialed = self.now;
        let answered = dialed + self.rng.i64(2_000..9_000);
        let joined = answered + self.rng.i64(3_000..12_000);
        self.now = joined;
        let until = self.talk(to);
        self.busy_until[by] = joined;
        self.steps.push(Step::Attended { by, to, dialed, answered, joined, until });
    }

    fn park(&mut self, by: PersonAt) {
        let span = self.span(4_000, 40_000);
        let retrieved = self.colleague(by).filter(|p| self.busy_until[*p] <= self.now && self.rng.u8(0..100) < 75);
        let end = if let Some(by) = retrieved {
            ParkEnd::Retrieved { by, until: self.talk(by) }
        } else {
            self.ended_by_caller = true;
            ParkEnd::CallerLeft
        };
        self.steps.push(Step::Park { span, end });
    }

    /// To a person of another exchange, over a tie, if there is one. True if it went.
    fn cross(&mut self) -> bool {
        let Some(pbx) = self.company.exchanges[self.pbx].ties.keys().next().copied() else { return false };
        let people = &self.company.exchanges[pbx].people;
        let to = people[self.rng.usize(0..people.len())];
        let ring = self.ring(vec![to], None, RING_S, None);
        let mut back = None;
        if let RingEnd::Answered { by, .. } = ring.end
            && self.chance(CROSSES_BACK)
            && self.company.exchanges[pbx].ties.contains_key(&self.pbx)
        {
            let people = &self.company.exchanges[self.pbx].people;
            let home = people[self.rng.usize(0..people.len())];
            back = Some(self.ring(vec![home], None, RING_S, Some(by)));
        }
        self.steps.push(Step::Cross { pbx, ring, back });
        true
    }

    fn colleague(&mut self, of: PersonAt) -> Option<PersonAt> {
        let people = &self.company.exchanges[self.pbx].people;
        let to = people[self.rng.usize(0..people.len())];
        (to != of).then_some(to)
    }

    /// Speaks from now on; the moment at which that ends.
    fn talk(&mut self, person: PersonAt) -> i64 {
        // Short talks are more frequent than long ones.
        let most = self.rng.i64(TALK_MIN_S + 5..=TALK_MAX_S);
        self.now += self.rng.i64(TALK_MIN_S * 1000..most * 1000);
        self.ended_by_caller = self.chance(50);
        self.busy_until[person] = self.now;
        self.now
    }

    fn span(&mut self, least_ms: i64, most_ms: i64) -> Span {
        let from = self.now;
        self.now += self.rng.i64(least_ms..most_ms);
        Span { from, until: self.now }
    }

    fn chance(&mut self, hundredths: u8) -> bool {
        self.rng.u8(0..100) < hundredths
    }
}
