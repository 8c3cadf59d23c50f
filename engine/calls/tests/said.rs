//! What people say of follow-ups: each state by a small table, and random calls and words in any order against the whole set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(missing_docs)]

use std::collections::BTreeMap;

use adapters::leg::{Moment, Text};
use adapters::{Mark, MarkKind};
use calls::customers::{Customers, FollowUp, follow_ups};
use calls::follow_up::{Contact, Customer, Limits};
use calls::journey::Direction;
use calls::line::Word;
use calls::live::Before;
use calls::said::{Said, named};
use directory::NotReturnable;

const LIMITS: Limits = Limits { talk_min_ms: 10_000, expires_after_ms: 604_800_000, deal_lapses_ms: 1_800_000 };
const NUMBER: &str = "+12025550147";

/// A follow-up in one line: status, who settled it or deals with it, why, when it closed, calls, attempts, priority.
fn line(f: &FollowUp) -> String {
    let who = f.line.settled_by.as_deref().or(f.dealt_by.as_deref()).unwrap_or("-");
    let closed = f.closed_at.map_or_else(|| "-".to_owned(), |at| (at.0 / 1000).to_string());
    let why = f.why.as_deref().unwrap_or("-");
    format!(
        "{} {who} {why} {closed} {} {} {}",
        f.line.status.word(),
        f.calls.join("+"),
        f.line.our_attempts,
        f.priority
    )
}

fn at(seconds: i64) -> Moment {
    Moment(seconds * 1000)
}

/// Missed at this second, for twenty seconds.
fn missed(second: i64) -> Contact {
    Contact { owed: true, ..call(&format!("m{second}"), Direction::Inbound, second, 20, false) }
}

/// We called at this second, and talked for so long.
fn ours(second: i64, talk_s: i64) -> Contact {
    let id = format!("o{second}");
    let names = [named(&format!("native-{id}"))].into();
    Contact { names, talked: Some("ann".into()), ..call(&id, Direction::Outbound, second, talk_s, talk_s > 0) }
}

/// They called at this second, and somebody talked with them.
fn theirs(second: i64, talk_s: i64) -> Contact {
    Contact { talked: Some("201".into()), ..call(&format!("t{second}"), Direction::Inbound, second, talk_s, true) }
}

fn call(id: &str, direction: Direction, second: i64, lasts_s: i64, is_talk: bool) -> Contact {
    Contact {
        started_at: at(second),
        call_id: id.into(),
        ended_at: at(second + lasts_s),
        direction,
        owed: false,
        talks: if is_talk { [(at(second), at(second + lasts_s))].into_iter().collect() } else { Default::default() },
        talked: None,
        owner: Some("person:ann".into()),
        due_at: Some(at(second + 900)),
        not_returnable: None,
        names: Box::default(),
    }
}

/// `claim 100 of 0 by ann`, in short.
fn mark(kind: MarkKind, second: i64, of: i64) -> Mark {
    Mark {
        kind,
        id: format!("{kind:?}{second}of{of}").into(),
        at: at(second),
        follow_up: Some("a name that it had".into()),
        customer: Some(NUMBER.into()),
        opened_at: Some(at(of)),
        by: Some("person:ann".into()),
        why: Some("called from my mobile".into()),
        status: None,
        action: None,
        call: None,
        detail: None,
    }
}

fn claim(second: i64, of: i64) -> Mark {
    mark(MarkKind::Claim, second, of)
}

fn settlement(second: i64, of: i64) -> Mark {
    mark(MarkKind::Settlement, second, of)
}

fn reopening(second: i64, of: i64, call: Option<&str>) -> Mark {
    Mark { call: call.map(Text::from), ..mark(MarkKind::Reopening, second, of) }
}

fn dialed(second: i64, of: i64, call: Option<&str>) -> Mark {
    Mark {
        action: Some("call_back:00ff".into()),
        status: Some("failed".into()),
        call: call.map(Text::from),
        ..mark(MarkKind::Delivery, second, of)
    }
}

fn told(contacts: &[Contact], marks: &[Mark], now: Moment) -> Vec<FollowUp> {
    let said: Vec<Said> = marks.iter().filter_map(|m| Some(Said::of(m)?.1)).collect();
    follow_ups(
        &Customer { tenant: "acme", number: NUMBER, contacts, said: &said, ended: &[], lasted: None },
        LIMITS,
        now,
    )
}

fn check(contacts: &[Contact], marks: &[Mark], now_s: i64, expected: &[&str]) {
    let found: Vec<String> = told(contacts, marks, at(now_s)).iter().map(line).collect();
    assert_eq!(found, expected, "{contacts:#?}\n{marks:#?}");
    let (mut turned, mut twice) = (contacts.to_vec(), marks.to_vec());
    turned.reverse();
    twice.extend(marks.iter().rev().cloned());
    let found: Vec<String> = told(&turned, &twice, at(now_s)).iter().map(line).collect();
    assert_eq!(found, expected, "in another order, each mark twice");
}

const WEEK_S: i64 = 604_800;

#[test]
fn the_calls_alone_tell_five_states() {
    check(&[missed(0)], &[], 100, &["open - - - m0 0 2"]);
    check(&[missed(0), missed(60)], &[], 100, &["open - - - m0+m60 0 24"]);
    check(&[missed(0), ours(60, 30)], &[], 100, &["returned_by_us ann - 60 m0 1 2"]);
    check(&[missed(0), ours(60, 9)], &[], 100, &["open - - - m0 1 2"]);
    check(&[missed(0), theirs(60, 5)], &[], 100, &["reached_us 201 - 60 m0 0 2"]);
    check(&[missed(0)], &[], WEEK_S, &["expired - - 604800 m0 0 2"]);
    check(&[missed(0), missed(WEEK_S)], &[], WEEK_S, &["expired - - 604800 m0 0 2", "open - - - m604800 0 2"]);
    let asked_not_to = Contact { not_returnable: Some(NotReturnable::DoNotCall), ..missed(0) };
    check(std::slice::from_ref(&asked_not_to), &[], 100, &["not_returnable - do_not_call - m0 0 2"]);
    check(
        std::slice::from_ref(&asked_not_to),
        &[claim(50, 0)],
        WEEK_S,
        &["not_returnable - do_not_call 604800 m0 0 2"],
    );
    check(&[asked_not_to, theirs(60, 5)], &[], 100, &["reached_us 201 - 60 m0 0 2"]);
    let fax = Contact { not_returnable: Some(NotReturnable::Fax), ..missed(0) };
    assert_eq!(told(&[fax], &[], at(100))[0].line.due_at, None);
}

#[test]
fn a_claim_holds_for_half_an_hour() {
    check(&[missed(0)], &[claim(100, 0)], 100, &["dealing ann - - m0 0 2"]);
    check(&[missed(0)], &[claim(100, 0)], 1899, &["dealing ann - - m0 0 2"]);
    check(&[missed(0)], &[claim(100, 0)], 1900, &["open - - - m0 0 2"]);
    let again = Mark { by: Some("person:bob".into()), ..claim(1000, 0) };
    check(&[missed(0)], &[claim(100, 0), again], 2700, &["dealing bob - - m0 0 2"]);
    let released = Mark { status: Some("released".into()), ..claim(200, 0) };
    check(&[missed(0)], &[claim(100, 0), released], 300, &["open - - - m0 0 2"]);
    // It ends with what is claimed, and the next follow-up is nobody's.
    check(
        &[missed(0), ours(200, 30), missed(300)],
        &[claim(100, 0)],
        400,
        &["returned_by_us ann - 200 m0 1 2", "open - - - m300 0 2"],
    );
    // The office's clock is behind that of the exchange.
    check(&[missed(100)], &[claim(50, 100)], 200, &["dealing ann - - m100 0 2"]);
}

#[test]
fn a_person_settles_by_hand() {
    check(&[missed(0)], &[settlement(100, 0)], 200, &["settled_by_hand ann called from my mobile 100 m0 0 2"]);
    let by_plugin = Mark { by: Some("plugin:crm".into()), why: None, ..settlement(100, 0) };
    check(&[missed(0)], &[by_plugin], 200, &["settled_by_hand plugin:crm - 100 m0 0 2"]);
    // What comes after is another one, and what came before is of the first.
    check(
        &[missed(0), missed(50), missed(100)],
        &[settlement(100, 0)],
        200,
        &["settled_by_hand ann called from my mobile 100 m0+m50 0 24", "open - - - m100 0 2"],
    );
    // Whatever settled it first did.
    check(&[missed(0), ours(60, 30)], &[settlement(100, 0)], 200, &["returned_by_us ann - 60 m0 1 2"]);
    check(
        &[missed(0), ours(160, 30)],
        &[settlement(100, 0)],
        200,
        &["settled_by_hand ann called from my mobile 100 m0 0 2"],
    );
    // An earlier call that comes late renames the follow-up, and it stays settled.
    check(
        &[missed(0), missed(-60)],
        &[settlement(100, 0)],
        200,
        &["settled_by_hand ann called from my mobile 100 m-60+m0 0 24"],
    );
    // A call that came after what was said is not settled by it.
    check(&[missed(300)], &[settlement(100, 0)], 400, &["open - - - m300 0 2"]);
    check(&[missed(0)], &[settlement(WEEK_S + 1, 0)], WEEK_S + 2, &["expired - - 604800 m0 0 2"]);
}

#[test]
fn it_is_reopened_where_a_mailbox_answered() {
    let calls = [missed(0), ours(60, 30)];
    let open = ["open - - - m0 1 2"];
    check(&calls, &[reopening(200, 0, Some("o60"))], 300, &open);
    check(&calls, &[reopening(200, 0, Some("native-o60"))], 300, &open);
    check(&calls, &[reopening(200, 0, None)], 300, &open);
    // Said before anything had settled it, it takes nothing back.
    check(&calls, &[reopening(50, 0, None)], 300, &["returned_by_us ann - 60 m0 1 2"]);
    // Calls that had opened a follow-up of their own since are part of it again.
    let calls = [missed(0), ours(60, 30), missed(100)];
    check(&calls, &[reopening(200, 0, None)], 300, &["open - - - m0+m100 1 24"]);
    let calls = [missed(0), ours(60, 30), ours(250, 40)];
    check(&calls, &[reopening(200, 0, None)], 300, &["returned_by_us ann - 250 m0 2 2"]);
    let both = [reopening(200, 0, None), reopening(290, 0, None)];
    check(&calls, &both, 300, &["open - - - m0 2 2"]);
    check(&[missed(0)], &[settlement(100, 0), reopening(150, 0, None)], 300, &["open - - - m0 0 2"]);
    check(
        &[missed(0)],
        &[settlement(100, 0), reopening(150, 0, None), settlement(160, 0)],
        300,
        &["settled_by_hand ann called from my mobile 160 m0 0 2"],
    );
    // It is about one follow-up, and the next one stays as it is.
    let calls = [missed(0), ours(60, 30), missed(100), theirs(120, 10)];
    check(&calls, &[reopening(110, 0, None)], 300, &["reached_us 201 - 120 m0+m100 1 24"]);
    check(&calls, &[reopening(200, 100, None)], 300, &["returned_by_us ann - 60 m0 1 2", "open - - - m100 0 2"]);
}

#[test]
fn a_dial_without_a_record_is_an_attempt() {
    check(&[missed(0)], &[dialed(50, 0, Some("rb-1"))], 100, &["open - - - m0 1 2"]);
    // What became of it is told twice.
    let twice = [dialed(50, 0, Some("rb-1")), dialed(55, 0, Some("rb-1")), dialed(60, 0, Some("rb-2"))];
    check(&[missed(0)], &twice, 100, &["open - - - m0 2 2"]);
    // Nobody dialed the customer: the employee did not answer.
    check(&[missed(0)], &[dialed(50, 0, None)], 100, &["open - - - m0 0 2"]);
    // Its record came too.
    check(&[missed(0), ours(45, 0)], &[dialed(50, 0, Some("native-o45"))], 100, &["open - - - m0 1 2"]);
    let mail = Mark { action: Some("email:00ff".into()), ..dialed(50, 0, Some("rb-1")) };
    check(&[missed(0)], &[mail], 100, &["open - - - m0 0 2"]);
}

#[test]
fn what_is_said_of_a_withheld_number_is_found_by_name() {
    let contacts = [missed(0), missed(100)];
    let of = |said: &[Said]| {
        follow_ups(
            &Customer { tenant: "acme", number: "", contacts: &contacts, said, ended: &[], lasted: None },
            LIMITS,
            at(0),
        )
    };
    let names: Vec<Text> = of(&[]).into_iter().map(|f| f.line.id).collect();
    let by_name = |mark: Mark| Said::of(&Mark { customer: None, follow_up: Some(names[1].clone()), ..mark }).unwrap();
    let (customer, settled) = by_name(settlement(150, 100));
    assert_eq!(customer, "");
    let lines = |said: &[Said]| of(said).iter().map(line).collect::<Vec<_>>();
    let withheld = |call: &str, at: &str| format!("not_returnable - withheld {at} {call} 0 2");
    assert_eq!(
        lines(std::slice::from_ref(&settled)),
        [withheld("m0", "0"), "settled_by_hand ann called from my mobile 150 m100 0 2".to_owned(),]
    );
    let (_, reopened) = by_name(reopening(160, 100, None));
    assert_eq!(lines(&[reopened, settled]), [withheld("m0", "0"), withheld("m100", "100")]);
}

#[test]
fn a_priority_grows_with_calls_and_waits_and_has_a_limit() {
    let many: Vec<Contact> = (0..9).map(|n| missed(n * 100)).collect();
    assert_eq!(told(&many, &[], at(1000))[0].priority, 60 + 18);
    let long = Contact { ended_at: at(4000), ..missed(0) };
    assert_eq!(told(std::slice::from_ref(&long), &[], at(5000))[0].priority, 40);
    let all: Vec<Contact> = many.into_iter().chain([Contact { call_id: "long".into(), ..long }]).collect();
    assert_eq!(told(&all, &[], at(5000))[0].priority, 100);
}

#[test]
fn each_follow_up_knows_where_the_one_before_it_ended() {
    let told = told(&[missed(0), ours(60, 30), missed(60), missed(100)], &[settlement(80, 60)], at(200));
    let spans: Vec<_> = told.iter().map(|f| (f.after, f.opened_at, f.last_at, f.closed_at)).collect();
    assert_eq!(
        spans,
        [
            (None, at(0), at(0), Some(at(60))),
            (Some(Moment(59_999)), at(60), at(60), Some(at(60))),
            (Some(at(60)), at(100), at(100), None),
        ]
    );
}

/// xorshift64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

enum Came {
    Call(Contact),
    Said(Mark),
}

/// Calls and words of a few hours and days, some of them twice, in a random order.
fn history(random: &mut Random) -> Vec<Came> {
    let mut came = Vec::new();
    let mut calls = BTreeMap::new();
    let span_s = if random.below(2) == 0 { 7200 } else { 2 * WEEK_S };
    for _ in 0..1 + random.below(12) {
        let second = random.below(span_s);
        let call = match random.below(4) {
            0 => ours(second, random.below(30)),
            1 => theirs(second, 1 + random.below(40)),
            _ => missed(second),
        };
        calls.insert(call.call_id.clone(), call);
    }
    let begins: Vec<i64> = calls.values().map(|c| c.started_at.0 / 1000).collect();
    for _ in 0..random.below(8) {
        let of = begins[usize::try_from(random.below(begins.len() as i64)).unwrap()];
        let second = of + random.below(1 + span_s / 4) - 60;
        let id = calls.keys().nth(usize::try_from(random.below(calls.len() as i64)).unwrap()).unwrap().to_string();
        came.push(Came::Said(match random.below(7) {
            0 => claim(second, of),
            1 => Mark { status: Some("released".into()), ..claim(second, of) },
            2 | 3 => settlement(second, of),
            4 => reopening(second, of, None),
            5 => reopening(second, of, Some(&id)),
            // What became of a dial is told when its call is over.
            _ => dialed(of + random.below(100), of, Some(&format!("native-o{of}"))),
        }));
    }
    came.extend(calls.into_values().map(Came::Call));
    for number in (1..came.len()).rev() {
        came.swap(number, usize::try_from(random.below(number as i64 + 1)).unwrap());
    }
    came
}

/// What is told on the way, however often it was asked for and whatever came twice, comes to what the whole set says.
#[test]
fn any_order_comes_to_what_the_whole_set_says() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 1..20_000 {
        let mut random = Random(seed * 0x9e37_79b9);
        let came = history(&mut random);
        let ends_s = random.below(3) * WEEK_S + 7200;
        let mut customers = Customers::new("acme".into(), LIMITS);
        let mut tables: BTreeMap<Text, FollowUp> = BTreeMap::new();
        let mut due: Vec<Text> = Vec::new();
        let (mut clock, mut twice) = (at(0), Vec::new());
        let take = |came: &Came, customers: &mut Customers, clock: Moment| match came {
            Came::Call(contact) => customers.add(&NUMBER.into(), contact.clone(), false, clock),
            Came::Said(mark) => {
                let (customer, said) = Said::of(mark).unwrap();
                customers.say(&customer, said, clock);
            }
        };
        for one in &came {
            take(one, &mut customers, clock);
            if random.below(4) == 0 {
                twice.push(one);
            }
            // Less than what is remembered, all in all.
            clock = clock.plus_ms(random.below(1000) * 100).min(at(ends_s));
            if random.below(2) == 0 {
                conclude(&mut customers, clock, &mut tables, &mut due);
            }
        }
        twice.iter().for_each(|one| take(one, &mut customers, clock));
        // From change to change, as nothing else happens.
        while let Some(next) = customers.next_due().filter(|next| *next <= at(ends_s)) {
            clock = clock.max(next);
            conclude(&mut customers, clock, &mut tables, &mut due);
        }
        conclude(&mut customers, at(ends_s), &mut tables, &mut due);

        let contacts: Vec<Contact> =
            came.iter().filter_map(|c| if let Came::Call(c) = c { Some(c.clone()) } else { None }).collect();
        let said: Vec<Said> =
            came.iter().filter_map(|c| if let Came::Said(m) = c { Some(Said::of(m)?.1) } else { None }).collect();
        let of =
            Customer { tenant: "acme", number: NUMBER, contacts: &contacts, said: &said, ended: &[], lasted: None };
        let expected = follow_ups(&of, LIMITS, at(ends_s));
        // Before the first one there was none for as long as anything is remembered.
        let with_after =
            |f: &FollowUp| FollowUp { after: f.after.or(Some(f.opened_at.plus_ms(-8 * 86_400_000))), ..f.clone() };
        let mut by_name: Vec<FollowUp> = expected.iter().map(with_after).collect();
        by_name.sort_by_key(|f| f.line.id.clone());
        assert_eq!(tables.into_values().collect::<Vec<_>>(), by_name, "seed {seed}");
        let owed = contacts.iter().filter(|c| c.owed).count();
        assert_eq!(expected.iter().map(|f| f.calls.len()).sum::<usize>(), owed, "seed {seed}: each miss is in one");
        for f in &expected {
            *seen.entry(f.line.status.word()).or_default() += 1;
            let is_due = f.line.status.word() == "open" && f.line.due_at.is_some_and(|due| due <= at(ends_s));
            assert!(!is_due || due.contains(&f.line.id), "seed {seed}: {} is due and was not told", f.line.id);
        }
        let once: std::collections::BTreeSet<&Text> = due.iter().collect();
        assert_eq!(once.len(), due.len(), "seed {seed}: told as due twice");
    }
    println!("{seen:?}");
    for state in ["open", "dealing", "returned_by_us", "reached_us", "settled_by_hand", "expired"] {
        assert!(seen.get(state).is_some_and(|n| *n > 100), "{state} was not seen: {seen:?}");
    }
}

fn conclude(customers: &mut Customers, clock: Moment, tables: &mut BTreeMap<Text, FollowUp>, due: &mut Vec<Text>) {
    customers.conclude(clock, &mut |f, before| {
        let id = f.line.id.clone();
        let stood = tables.get(&id).map_or(Before::Nowhere, |told| Before::Began(told.opened_at));
        // What was told so long ago that it is forgotten is said to be unknown; nothing else is said than what is so.
        assert!(before == stood || before == Before::Unknown, "{before:?} and not {stood:?}: {}", line(&f));
        if f.merged_into.is_some() {
            tables.remove(&id)
        } else {
            tables.insert(id, f)
        };
    });
    for f in customers.take_due(clock) {
        assert_eq!(f.line.status.word(), "open");
        assert!(f.line.due_at.is_some_and(|at| at <= clock));
        due.push(f.line.id);
    }
}

/// Whoever keeps the order of time takes a follow-up away from where it stood: what is remembered says where, and what is not says so.
#[test]
fn where_a_follow_up_stood_is_told_with_it() {
    let number: Text = NUMBER.into();
    let mut customers = Customers::new("acme".into(), LIMITS);
    let told = |customers: &mut Customers, clock: Moment| {
        let mut told = Vec::new();
        customers.conclude(clock, &mut |f, before| {
            let is_gone = f.merged_into.is_some();
            told.push((f.opening_call.to_string(), f.calls_at.clone(), is_gone, before));
        });
        told
    };
    let (one, later) = ("m100".to_owned(), at(1000));
    customers.add(&number, missed(100), false, later);
    customers.add(&number, missed(300), false, later);
    assert_eq!(told(&mut customers, later), [(one.clone(), vec![at(100), at(300)], false, Before::Nowhere)]);
    // A late leg begins earlier: the call, and so what it opened, has moved.
    customers.remove(&number, &"m100".into());
    customers.add(&number, Contact { started_at: at(90), ..missed(100) }, true, later);
    assert_eq!(told(&mut customers, later), [(one.clone(), vec![at(90), at(300)], false, Before::Began(at(100)))]);
    // Of the two, only the second moved: where both stand it stays.
    customers.remove(&number, &"m300".into());
    customers.add(&number, Contact { started_at: at(310), ..missed(300) }, true, later);
    assert_eq!(told(&mut customers, later), [(one.clone(), vec![at(90), at(310)], false, Before::Began(at(90)))]);
    // An earlier miss gives it another name.
    customers.add(&number, missed(50), false, later);
    let renamed = ("m50".to_owned(), vec![at(50), at(90), at(310)], false, Before::Nowhere);
    assert_eq!(
        told(&mut customers, later),
        [(one.clone(), vec![at(90), at(310)], true, Before::Began(at(90))), renamed]
    );
    // It expires and is forgotten. One of its calls is seen again, so it is remembered longer than what was told.
    let expired = at(50).plus_ms(LIMITS.expires_after_ms);
    assert_eq!(told(&mut customers, expired).len(), 1);
    assert!(customers.saw_again(&number, &"m50".into(), expired.plus_ms(8 * 86_400_000)));
    let forgotten = expired.plus_ms(9 * 86_400_000);
    assert_eq!(told(&mut customers, forgotten), []);
    customers.remove(&number, &"m100".into());
    let again = told(&mut customers, forgotten);
    assert_eq!(
        again.iter().map(|(call, .., before)| (call.as_str(), *before)).collect::<Vec<_>>(),
        [("m50", Before::Unknown)]
    );
    // A call that was read back from the store may have opened something before anybody here knew of it.
    let other: Text = "+12025550199".into();
    customers.add(&other, missed(2_000_000), true, forgotten);
    let [(call, .., before)] = &told(&mut customers, forgotten)[..] else { panic!("one") };
    assert_eq!((call.as_str(), *before), ("m2000000", Before::Unknown));
}
