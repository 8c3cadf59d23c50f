//! Two hundred generated calls, most of them over the tie, in any order: which halves belong together is known.

use std::collections::{BTreeMap, BTreeSet};

use adapters::leg::{Leg, LegId};
use calls::assemble::{Assembly, Hold, Slot};
use calls::line::CallLine;
use directory::Directory;

use crate::records::{Cucm, Row, at, directory};
use crate::{fold, fold_at};

const CALLS: u32 = 200;
const ORDERS: u64 = 8;
const CALLERS: [&str; 6] =
    ["+442079460018", "+442079460021", "+442079460022", "+442079460023", "+442079460024", "anonymous"];

/// xorshift64*: the same numbers on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn seconds(&mut self, limit: u64) -> i64 {
        i64::try_from(self.below(limit)).unwrap()
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, usize::try_from(self.below(last as u64 + 1)).unwrap());
        }
    }
}

/// The legs of each call, by the clocks of exchanges of which one is so many seconds ahead.
pub fn calls(seed: u64, ahead_s: i64, directory: &Directory) -> Vec<Vec<Leg>> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut start = 0;
    (1..=CALLS)
        .map(|number| {
            // Some at once, but not of one caller and one number within the time by which starts differ.
            start += 8 + random.seconds(60);
            let src = CALLERS[usize::try_from(random.below(6)).unwrap()];
            let ring = 1 + random.seconds(25);
            let answer = (random.below(3) > 0).then_some(start + ring);
            let end = start + ring + answer.map_or(0, |_| 1 + random.seconds(90));
            // The far exchange hears of it up to a second later.
            let later = random.seconds(2);
            let by_far = |at: i64| at + ahead_s;
            let far_at = (by_far(start + later), answer.map(by_far), by_far(end));
            let (dialed, device) =
                if random.below(2) == 0 { ("41", "SEP000000000041") } else { ("42", "SEP000000000042") };
            let near = Row {
                src,
                application: ("Dial", if dialed == "41" { "PJSIP/41@lamp,30" } else { "PJSIP/42@lamp,30" }),
                ..Row::over_to_lamp(number * 4, (start, answer, end))
            };
            let far = Cucm {
                calling: src,
                dialed,
                reached: dialed,
                devices: ("tower-sip", device),
                ..Cucm::from_tower(number * 4, far_at)
            };
            let mut legs = Vec::new();
            match random.below(8) {
                // Inside one exchange.
                0 => legs.extend(Row { far: "PJSIP/8123", dst: "8123", context: "deck", ..near }.legs(directory)),
                // The caller was in a menu before.
                1 => {
                    let from = start - 30 - random.seconds(60);
                    legs.extend(Row { at: (from, Some(from), end), disposition: "ANSWERED", ..near }.legs(directory));
                    legs.extend(far.legs(directory));
                }
                // The other way.
                2 => {
                    let back = Row {
                        src: dialed,
                        dst: "8123",
                        context: "from-deck",
                        channel: "PJSIP/lamp",
                        far: "PJSIP/8123",
                        application: ("Dial", "PJSIP/8123,30"),
                        at: (start + later, answer, end),
                        ..near
                    };
                    let out = Cucm {
                        calling: dialed,
                        dialed: "98123",
                        reached: "98123",
                        devices: (device, "tower-sip"),
                        at: (by_far(start), answer.map(by_far), by_far(end)),
                        ..far
                    };
                    legs.extend(back.legs(directory));
                    legs.extend(out.legs(directory));
                }
                // Over and back.
                3 => {
                    let back = Row {
                        own: number * 4 + 2,
                        rung: number * 4 + 3,
                        call: number * 4 + 2,
                        sequence: number * 40 + 2,
                        dst: "8124",
                        context: "deck",
                        channel: "PJSIP/lamp",
                        far: "PJSIP/8124",
                        application: ("Dial", "PJSIP/8124,30"),
                        at: (start + later + 1, answer.map(|a| a.max(start + later + 1)), end.max(start + later + 1)),
                        ..near.clone()
                    };
                    let forwarded = Cucm { reached: "98124", devices: ("tower-sip", "tower-sip"), ..far };
                    legs.extend(near.legs(directory));
                    legs.extend(back.legs(directory));
                    legs.extend(forwarded.legs(directory));
                }
                _ => {
                    legs.extend(near.legs(directory));
                    legs.extend(far.legs(directory));
                }
            }
            legs
        })
        .collect()
}

fn sets(lines: &[CallLine]) -> BTreeSet<String> {
    lines.iter().map(|l| serde_json::to_string(l).unwrap()).collect()
}

#[test]
fn halves_find_each_other_in_any_order() {
    let directory = directory();
    for (seed, ahead_s) in [(1, 40), (2, -40), (3, 0), (4, 300)] {
        let calls = calls(seed, ahead_s, &directory);
        let legs: Vec<Leg> = calls.iter().flatten().cloned().collect();
        let lines = fold(&legs);
        assert_eq!(lines.len(), calls.len(), "seed {seed}");
        let crossed = calls.iter().filter(|legs| legs.len() > 1).count();
        assert_eq!(lines.iter().filter(|l| l.pbxes.len() > 1).count(), crossed, "seed {seed}");
        assert!(lines.iter().all(|l| !l.evidence.iter().any(|e| e.contains("other"))), "seed {seed}");
        let wanted = sets(&lines);
        for order in 1..=ORDERS {
            let mut random = Random(seed * 1000 + order);
            let mut some = legs.clone();
            some.extend(legs.iter().filter(|_| random.below(3) == 0).cloned());
            random.shuffle(&mut some);
            assert_eq!(wanted, sets(&fold(&some)), "seed {seed}, order {order}");
        }
    }
}

#[test]
fn what_is_lost_changes_no_other_call() {
    let directory = directory();
    let calls = calls(5, 40, &directory);
    let legs: Vec<Leg> = calls.iter().flatten().cloned().collect();
    let whole = fold(&legs);
    let mut random = Random(77);
    let lost: BTreeSet<LegId> = legs.iter().filter(|_| random.below(10) == 0).map(|l| l.leg_id).collect();
    let rest: Vec<Leg> = legs.iter().filter(|l| !lost.contains(&l.leg_id)).cloned().collect();
    let hurt = calls.iter().filter(|c| c.iter().any(|l| lost.contains(&l.leg_id))).count();
    let left = sets(&fold(&rest));
    // What is owed to a customer depends on the customer's other calls.
    let alone =
        |lines: Vec<CallLine>| sets(&lines.into_iter().map(|l| CallLine { follow_up: None, ..l }).collect::<Vec<_>>());
    assert_eq!(alone(whole).intersection(&alone(fold(&rest))).count(), calls.len() - hurt);
    let backwards: Vec<Leg> = rest.iter().rev().cloned().collect();
    assert_eq!(left, sets(&fold(&backwards)));
}

/// Few calls and no difference of clocks that is known: whatever is found, it is a function of the set.
#[test]
fn few_calls_in_any_order() {
    let directory = directory();
    for seed in 1..60 {
        let mut random = Random(seed * 7919);
        let (mut rows, mut records): (Vec<Row>, Vec<Cucm>) = (Vec::new(), Vec::new());
        let callers = &CALLERS[..2];
        for call in 1..=u32::try_from(2 + random.below(5)).unwrap() {
            let (start, length) = (random.seconds(150), 5 + random.seconds(20));
            let src = callers[usize::try_from(random.below(2)).unwrap()];
            if random.below(4) > 0 {
                rows.push(Row { src, ..Row::over_to_lamp(call * 4, (start, None, start + length)) });
            }
            if random.below(4) > 0 {
                let start = start + 40 + random.seconds(3);
                records.push(Cucm { calling: src, ..Cucm::from_tower(call * 4, (start, None, start + length)) });
            }
        }
        let legs = crate::legs(&rows, &records);
        let wanted = sets(&fold(&legs));
        for _ in 0..12 {
            let mut some = legs.clone();
            some.extend(legs.iter().filter(|_| random.below(3) == 0).cloned());
            random.shuffle(&mut some);
            assert_eq!(wanted, sets(&fold(&some)), "seed {seed}");
        }
        assert_eq!(wanted, sets(&fold_at(&legs, &directory)));
    }
}

/// Whoever keeps the calls by what each push tells has the same ones as whoever asks for all.
#[test]
fn a_push_tells_which_calls_have_other_legs() {
    let text = include_str!("site.toml").replace("id = \"lamp\"\n", "id = \"lamp\"\nclock_offset_s = 40\n");
    let directory = Directory::from_toml(&text).unwrap();
    for seed in 1..=6 {
        // Close together and of few callers, so that halves change their minds.
        let mut random = Random(seed * 104_729);
        let mut legs: Vec<Leg> = Vec::new();
        for call in 1..=40u32 {
            let start = random.seconds(120);
            let src = CALLERS[usize::try_from(random.below(2)).unwrap()];
            legs.extend(Row { src, ..Row::over_to_lamp(call * 4, (start, None, start + 20)) }.legs(&directory));
            let start = start + 38 + random.seconds(5);
            legs.extend(
                Cucm { calling: src, ..Cucm::from_tower(call * 4, (start, None, start + 22)) }.legs(&directory),
            );
        }
        random.shuffle(&mut legs);
        let hold = Hold { marked_ms: 1, among_us_ms: 1, idle_ms: 1, by_log_time: false };
        let mut assembly = Assembly::new(hold).with_ties(&directory);
        let mut kept: BTreeMap<Slot, BTreeSet<LegId>> = BTreeMap::new();
        let mut changes = 0;
        for leg in legs {
            let pushed = assembly.push(leg, at(200));
            for gone in pushed.absorbed.iter().chain(&pushed.tied) {
                kept.remove(gone);
            }
            changes += pushed.changed.len();
            for slot in pushed.changed.iter().chain([&pushed.slot]) {
                kept.insert(*slot, assembly.legs(*slot).map(|l| l.leg_id).collect());
            }
            let all: BTreeMap<Slot, BTreeSet<LegId>> =
                assembly.slots().map(|slot| (slot, assembly.legs(slot).map(|l| l.leg_id).collect())).collect();
            assert_eq!(kept, all, "seed {seed}");
        }
        assert!(changes > 0, "seed {seed}: no half ever found a better one");
    }
}

/// A caller who calls every second, so that each half is a candidate of the next: every leg is in one call, and it does not take for ever.
#[test]
fn a_caller_without_pause_is_read_in_time() {
    const LONG: u32 = 120;
    let text = include_str!("site.toml").replace("id = \"lamp\"\n", "id = \"lamp\"\nclock_offset_s = 40\n");
    let directory = Directory::from_toml(&text).unwrap();
    let hold = Hold { marked_ms: 1, among_us_ms: 1, idle_ms: 1, by_log_time: false };
    let mut assembly = Assembly::new(hold).with_ties(&directory);
    for call in 1..=LONG {
        let start = i64::from(call);
        for leg in Row::over_to_lamp(call * 4, (start, None, start + 20)).legs(&directory) {
            assembly.push(leg, at(start));
        }
    }
    for call in 1..=LONG {
        let start = i64::from(call) + 40;
        for leg in Cucm::from_tower(call * 4, (start, None, start + 20)).legs(&directory) {
            assembly.push(leg, at(start));
        }
    }
    let mut seen: BTreeSet<LegId> = BTreeSet::new();
    let mut crossed = 0;
    for slot in assembly.slots() {
        let legs: Vec<&Leg> = assembly.legs(slot).collect();
        crossed += usize::from(legs.len() == 2);
        assert!(legs.iter().all(|leg| seen.insert(leg.leg_id)));
    }
    assert_eq!(seen.len(), 2 * LONG as usize);
    assert!(crossed > LONG as usize * 9 / 10, "{crossed}");
}
