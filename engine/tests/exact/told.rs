//! What is asked of the tables: legs by place, key and trunk, the last header of a source, conclusions and what hides them.

use adapters::Leg;
use adapters::leg::{End, Moment};
use calls::assemble::stored_keys;
use calls::measure::Thousandths;
use calls::window::{WindowKey, WindowNow};
use store::scope::{Groups, Scope, Whose};
use store::{
    CallRow, Concluded, FactsBuilder, FollowUpRow, LegsOf, MarksOf, MergedRow, Place, Reader, Source, Stood, WindowRow,
};
use stream::Facts;

use super::corpus::read;
use super::{NOON, Tables, about, batch, leg, place, wait};

fn ids(legs: &[(Leg, Place)]) -> Vec<u64> {
    legs.iter().map(|(leg, _)| leg.position.record).collect()
}

#[test]
fn legs_are_found_by_place_by_key_and_by_trunk() {
    let tables = Tables::made();
    let mut facts = FactsBuilder::default();
    for position in (0..40u64).rev() {
        let mut leg = leg(position);
        match position {
            11 => leg.started_at = None,
            12 => leg.from = End { trunk: "to-the-shop".into(), ..End::default() },
            13 => leg.to = Some(End { trunk: "to-the-shop".into(), ..End::default() }),
            14 => leg.link_keys.clear(),
            _ => {}
        }
        facts.leg(&leg, place(position));
    }
    tables.insert(&facts.seal(&about(0, 40)));
    // A later reading of the log: everything of the earlier one is before it.
    let mut facts = FactsBuilder::default();
    facts.leg(&leg(100), Place { epoch: 2, ..place(0) });
    tables.insert(&facts.seal(&store::Batch { epoch: 2, ..about(0, 1) }));

    let stored = |epoch, before, since: Moment, tenant: Option<&str>| {
        let tenant = tenant.map(str::to_owned);
        let of = LegsOf::Stored { topic: "calls".into(), partition: 3, epoch, before, since, tenant };
        ids(&read(&tables, &of))
    };
    assert_eq!(stored(1, 30, place(26).logged_at, None), [26, 27, 28, 29]);
    assert_eq!(stored(1, 30, place(25).logged_at, None), [24, 25, 26, 27, 28, 29], "24 and 25 are of one call");
    assert_eq!(stored(1, 30, place(25).logged_at, Some("acme")), [24, 25, 26, 27, 28, 29]);
    assert_eq!(stored(1, 30, NOON, Some("other")), [0; 0]);
    assert_eq!(stored(2, 0, place(38).logged_at, None), [38, 39]);
    assert_eq!(stored(2, 1, NOON, None).last(), Some(&100));

    let keyed = |keys: Vec<u64>, from_s: i64, to_s: i64| {
        let (from, to) = (NOON.plus_ms(from_s * 1000), NOON.plus_ms(to_s * 1000));
        ids(&read(&tables, &LegsOf::Keys { tenant: "acme".into(), keys, from, to }))
    };
    let key = |position| stored_keys(&leg(position)).next().expect("a key");
    assert_eq!(keyed(vec![key(10), key(20)], 0, 40), [10, 11, 20, 21]);
    assert_eq!(keyed(vec![key(10), key(20)], 20, 20), [11, 20], "a leg that tells no moment may be of any time");
    // A leg without a key is found by itself.
    let mut alone = leg(14);
    alone.link_keys.clear();
    assert_eq!(keyed(stored_keys(&alone).collect(), 0, 40), [14]);

    let (tenant, pbx, trunk) = ("acme".to_owned(), "main".to_owned(), "to-the-shop".to_owned());
    let (from, to) = (NOON.plus_ms(12_000), NOON.plus_ms(13_000));
    assert_eq!(ids(&read(&tables, &LegsOf::Between { tenant, pbx, trunk, from, to })), [12, 13]);
}

#[test]
fn a_record_that_was_sent_twice_is_two_rows_and_one_leg() {
    let tables = Tables::made();
    let mut facts = FactsBuilder::default();
    for position in [1, 9] {
        facts.leg(&leg(1), place(position));
    }
    tables.insert(&facts.seal(&about(0, 10)));
    tables.ask("OPTIMIZE TABLE legs FINAL");
    assert_eq!(tables.ask("SELECT position FROM legs ORDER BY position"), "1\n9");
    assert_eq!(tables.ask("SELECT position FROM legs_now"), "1");
}

/// A demo whose settings were changed and changed back.
#[test]
fn rows_of_no_batch_that_come_again_count_again() {
    let tables = Tables::made();
    for detail in ["a", "b", "a"] {
        let mut facts = FactsBuilder::default();
        facts.leg(&Leg { detail: detail.into(), ..leg(1) }, place(1));
        wait(tables.store.write_rows(&facts.seal_rows("spool"))).expect("written");
        assert_eq!(tables.ask("SELECT detail FROM legs_now"), detail);
    }
}

#[test]
fn the_last_header_of_a_source_is_given() {
    let tables = Tables::made();
    tables.insert(&batch(0, 40));
    let last = |before| wait(tables.store.last_marks("calls", 3, 1, before, "header")).expect("asked");
    let marks = last(30);
    assert_eq!(marks.len(), 1);
    assert_eq!((marks[0].value.as_slice(), marks[0].source.as_slice()), (&b"columns of 20"[..], &b"pbx.csv"[..]));
    assert_eq!((marks[0].place.position, marks[0].place.logged_at), (20, place(20).logged_at));
    assert_eq!(last(0), []);
    assert_eq!(tables.count("marks_now"), 4);
}

/// What the engine's own records told is read back in the order of the log, and deliveries are seen once each.
#[test]
fn what_was_said_is_read_back_and_deliveries_are_a_view() {
    let tables = Tables::made();
    tables.insert(&batch(0, 10));
    let record = |kind: &str, id: &str, more: &str| {
        format!(
            r#"{{"v":1,"kind":"{kind}","id":"{id}","at":"2026-11-23T14:00:00.250+02:00","tenant":"acme","by":"plugin:call_back"{more}}}"#
        )
    };
    let delivery = record(
        "delivery",
        "d1",
        r#","follow_up":"f1","customer":"+442079460123","action":"call_back:00ff","status":"failed","call":"rb-00ff-a","detail":"busy""#,
    );
    let told = [
        (11, "claim", "f1", record("claim", "c1", r#","follow_up":"f1""#)),
        (12, "delivery", "f1", delivery.clone()),
        (15, "delivery", "f1", delivery),
        (16, "delivery", "", record("delivery", "d2", r#","action":"email:ee","status":"done""#)),
    ];
    let mut facts = FactsBuilder::default();
    for (position, kind, subject, value) in &told {
        let (tenant, adapter, source) = ("acme", stream::tenant::OURS, &b"office"[..]);
        let mark = stream::Mark { tenant, pbx: "", adapter, source, kind, subject, value: value.as_bytes() };
        facts.mark(mark, place(*position));
    }
    tables.insert(&facts.seal(&about(10, 20)));
    let read = |before, since| {
        let of = MarksOf { topic: "calls", partition: 3, epoch: 1, before, since, adapter: stream::tenant::OURS };
        wait(tables.store.marks(&of)).expect("asked")
    };
    let all = read(20, NOON);
    assert_eq!(all.iter().map(|mark| mark.place.position).collect::<Vec<_>>(), [11, 12, 15, 16]);
    let first = &all[0];
    assert_eq!((first.kind.as_str(), first.subject.as_str(), first.pbx.as_str()), ("claim", "f1", ""));
    assert_eq!((first.value.as_slice(), first.place.logged_at), (told[0].3.as_bytes(), place(11).logged_at));
    assert_eq!(read(15, place(12).logged_at).len(), 1);
    let seen = tables.ask(
        "SELECT action_key, kind, status, at, asked_by, follow_up_id, customer, call_id, detail FROM deliveries_now ORDER BY action_key",
    );
    let at = "2026-11-23 12:00:00.250";
    let expected = format!(
        "call_back:00ff\tcall_back\tfailed\t{at}\tplugin:call_back\tf1\t+442079460123\trb-00ff-a\tbusy\n\
         email:ee\temail\tdone\t{at}\tplugin:call_back\t\\N\t\\N\t\\N\t\\N"
    );
    assert_eq!(seen, expected);
    assert_eq!(tables.count("deliveries"), 3);
}

/// The lines of two calls with one customer, the first of which was missed.
fn lines() -> Vec<calls::CallLine> {
    let directory = directory::Directory::without_site_file("main");
    let mut calls = calls::Calls::new(calls::Site::new(&directory), &[adapters::Ends::EachRecord], false);
    for position in [0, 60] {
        let mut leg = leg(position);
        leg.origin =
            std::sync::Arc::new(adapters::leg::Origin { tenant: directory.tenant().into(), ..(*leg.origin).clone() });
        leg.from = End { kind: adapters::leg::EndKind::Outside, number: "0441234567".into(), ..End::default() };
        leg.to = Some(End { kind: adapters::leg::EndKind::Person, number: "101".into(), ..End::default() });
        (leg.rang_at, leg.ended_at) = (leg.started_at, leg.started_at.map(|at| at.plus_ms(9000)));
        leg.disposition = adapters::leg::Disposition::NoAnswer;
        calls.push(leg);
    }
    let mut lines = Vec::new();
    calls.whole().finish(|told| {
        if let calls::Told::Call(line) = told {
            lines.push(*line);
        }
    });
    lines
}

/// Who sees everything, an hour after noon.
fn reader<'s>(tables: &'s Tables, scope: Scope) -> Reader<'s> {
    Reader { store: &tables.store, scope, zone: chrono_tz::UTC, now: NOON.plus_ms(3_600_000), soon_ms: 20_000 }
}

#[test]
fn the_sources_and_what_was_not_understood_are_shown_to_who_sees_everything() {
    let tables = Tables::made();
    tables.insert(&batch(0, 40));
    let all = reader(&tables, Scope::everything("acme"));
    let source = Source {
        pbx: "main".into(),
        adapter: "asterisk_cdr".into(),
        last_at: place(39).logged_at,
        legs_last_hour: 80,
        legs_last_day: 80,
        legs_last_week: 80,
        rejects_last_week: 4,
    };
    assert_eq!(wait(all.sources()).expect("asked"), [source]);
    let rejects = wait(all.rejects(3)).expect("asked");
    assert_eq!(rejects.len(), 3);
    let last = &rejects[0];
    assert_eq!((&last["bytes_base64"], &last["reason"]), (&"/z8=".into(), &"not understood".into()));
    assert_eq!(last["logged_at"], "2026-01-02T12:00:00.030Z");
    let whose = Whose::Groups(Groups { groups: vec!["sales".into()], people: vec![], queues: vec![] });
    for scope in [Scope { tenant: "acme".into(), whose }, Scope::everything("another")] {
        let other = reader(&tables, scope);
        assert_eq!(wait(other.sources()).expect("asked"), []);
        assert!(wait(other.rejects(3)).expect("asked").is_empty());
    }
}

#[test]
fn a_call_is_shown_with_its_legs_and_what_was_done_for_it() {
    let tables = Tables::made();
    tables.insert(&batch(0, 100));
    let line = lines().into_iter().min_by_key(|line| line.started_at).expect("a call");
    let (id, tenant) = (line.call_id.to_string(), "acme");
    let line = calls::CallLine { tenant: tenant.into(), follow_up: None, ..line };
    let keys = stored_keys(&leg(0)).collect();
    let stood = Stood::UNKNOWN;
    let row = CallRow { line: Box::new(line), customer: None, keys, version: 10, content: 1, decided_at: NOON, stood };
    wait(tables.store.write_calls(&[row])).expect("written");
    let value = format!(
        r#"{{"v":1,"kind":"delivery","id":"d1","at":"2026-01-02T12:30:00Z","tenant":"acme","by":"plugin:x","action":"email:ee","status":"done","call":"{id}"}}"#
    );
    let mut facts = FactsBuilder::default();
    let (adapter, source) = (stream::tenant::OURS, &b"office"[..]);
    let (kind, subject, value) = ("delivery", "", value.as_bytes());
    facts.mark(stream::Mark { tenant, pbx: "", adapter, source, kind, subject, value }, place(100));
    tables.insert(&facts.seal(&about(100, 101)));
    let call = wait(reader(&tables, Scope::everything(tenant)).call(&id)).expect("asked").expect("the call");
    // Two records share the link key, and each told two legs.
    let mut records: Vec<_> = call.legs.iter().map(|leg| leg["record"].as_u64()).collect();
    records.sort_unstable();
    assert_eq!(records, [Some(0), Some(0), Some(1), Some(1)]);
    assert_eq!(call.deliveries.iter().map(|done| &done["delivery_id"]).collect::<Vec<_>>(), ["d1"]);
    assert_eq!(wait(reader(&tables, Scope::everything("another")).call(&id)).expect("asked"), None);
}

#[test]
fn conclusions_are_compared_and_hidden() {
    let tables = Tables::made();
    let store = &tables.store;
    let mut lines = lines();
    lines.sort_by_key(|line| line.started_at);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let tenant = lines[0].tenant.to_string();
    let told = lines[0].follow_up.clone().expect("a missed call is owed something");
    lines.iter_mut().for_each(|line| line.follow_up = None);
    let ids: Vec<String> = lines.iter().map(|line| line.call_id.to_string()).collect();
    let rows: Vec<CallRow> = (10..)
        .zip(lines)
        .map(|(version, line)| CallRow {
            line: Box::new(line),
            customer: None,
            keys: vec![version, 5],
            version,
            content: version + 1,
            decided_at: NOON,
            stood: Stood::UNKNOWN,
        })
        .collect();
    wait(store.write_calls(&rows)).expect("written");
    let follow_up = calls::customers::FollowUp {
        tenant: tenant.as_str().into(),
        customer: Some("+380441234567".into()),
        opening_call: ids[0].as_str().into(),
        opened_at: NOON,
        last_at: NOON,
        closed_at: None,
        after: None,
        priority: 44,
        why: None,
        dealt_by: Some("ann".into()),
        dealt_until: None,
        calls: ids.iter().map(|id| id.as_str().into()).collect(),
        calls_at: vec![NOON, NOON.plus_ms(60_000)],
        line: told.clone(),
        merged_into: None,
    };
    let row = FollowUpRow { follow_up, version: 12, content: 3, stood: Stood::UNKNOWN };
    wait(store.write_follow_ups(&[row])).expect("written");
    let key = WindowKey { scope: "tenant".into(), scope_id: "".into(), size_s: 300, opened_at: NOON };
    let values = vec![("missed", Thousandths(2000)), ("offered", Thousandths(3000))];
    let window = WindowNow { tenant: tenant.as_str().into(), key: key.clone(), is_final: false, values };
    let content = window.content();
    wait(store.write_windows(&[WindowRow { window: window.clone(), version: 13 }])).expect("written");

    let shown = "SELECT last_at = opened_at, closed_at, priority, why, dealt_by, dealt_until FROM follow_ups_now";
    assert_eq!(tables.ask(shown), "1\t\\N\t44\t\\N\tann\t\\N");
    // A follow-up stands with each of its calls, though they were written without it.
    let shown = tables.ask("SELECT call_id, follow_up.id FROM calls_now ORDER BY started_at");
    assert_eq!(shown, format!("{}\t{1}\n{2}\t{1}", ids[0], told.id, ids[1]));
    let windows = || tables.ask("SELECT scope, measure, value FROM windows_now ORDER BY measure");
    assert_eq!(windows(), "tenant\tmissed\t2\ntenant\toffered\t3");
    let found = |since| wait(store.conclusions(&tenant, since)).expect("asked");
    let all = found(NOON);
    assert_eq!(all.version_max, 13);
    assert_eq!(all.calls.len(), 2);
    let first = all.calls[&ids[0]];
    assert_eq!((first.version, first.content, first.is_gone), (10, 11, false));
    assert_eq!(all.follow_ups[told.id.as_str()], Concluded { version: 12, content: 3, is_final: true, is_gone: false });
    assert_eq!(all.windows[&key], Concluded { version: 13, content, is_final: false, is_gone: false });
    // One measure is none any more; then nothing is left of the window.
    let revised = |value, version| {
        let values = vec![("missed", Thousandths(0)), ("offered", value)];
        let window = WindowNow { is_final: true, values, ..window.clone() };
        wait(store.write_windows(&[WindowRow { window: window.clone(), version }])).expect("written");
        (window.content(), wait(store.conclusions(&tenant, NOON)).expect("asked").windows[&key])
    };
    let (content, stored) = revised(Thousandths(3000), 14);
    assert_eq!(stored, Concluded { version: 14, content, is_final: true, is_gone: false });
    let (_, stored) = revised(Thousandths(0), 15);
    assert_eq!(stored, Concluded { version: 15, content: 0, is_final: false, is_gone: true });
    let later = found(NOON.plus_ms(1));
    assert_eq!((later.calls.len(), later.follow_ups.len(), later.windows.len(), later.version_max), (1, 0, 0, 15));
    let asked = [ids[1].as_str(), "never", ids[0].as_str()].map(|id| (tenant.as_str(), id));
    assert_eq!(wait(store.keys_of_calls(&asked)).expect("asked"), [vec![11, 5], vec![], vec![10, 5]]);

    // A call that turned out to be part of another: no view shows it, nor an earlier verdict of it.
    let gone = |id: &str, version| {
        let (tenant, id, merged_into) = (tenant.clone(), id.to_owned(), ids[1].clone());
        let decided_at = NOON.plus_ms(100_000);
        MergedRow { tenant, id, merged_into, version, decided_at, stood: Stood::UNKNOWN }
    };
    wait(store.write_merged(&[gone(&ids[0], 20)])).expect("written");
    wait(store.write_merged_follow_ups(&[gone(&told.id, 21)])).expect("written");
    for view in ["calls_now", "verdicts_now"] {
        assert_eq!(tables.ask(&format!("SELECT call_id FROM {view}")), ids[1], "{view}");
    }
    assert_eq!(tables.count("follow_ups_now"), 0);
    assert_eq!(tables.ask("SELECT follow_up.id FROM calls_now"), "\\N");
    let all = found(NOON);
    assert!(all.calls[&ids[0]].is_gone && !all.calls[&ids[1]].is_gone && all.follow_ups[told.id.as_str()].is_gone);
    assert_eq!(all.version_max, 21);
    // Late news of the old name, of a lower version, brings nothing back.
    wait(store.write_calls(&rows)).expect("written");
    assert_eq!(tables.ask("SELECT call_id FROM calls_now"), ids[1]);
}

/// What an owner of the log left who died between the places and the calls, or whose insert landed after another had taken over.
#[test]
fn what_the_dead_left_in_the_order_of_time_is_mended() {
    let tables = Tables::made();
    let store = &tables.store;
    let mut lines = lines();
    lines.iter_mut().for_each(|line| line.follow_up = None);
    let known_nowhere = Stood { began_at: None, is_asked: false };
    let row = |line: &calls::CallLine, days: i64, version: u64| CallRow {
        line: Box::new(calls::CallLine { started_at: line.started_at.plus_ms(-days * 86_400_000), ..line.clone() }),
        customer: None,
        keys: Vec::new(),
        version,
        content: version,
        decided_at: NOON,
        stood: known_nowhere,
    };
    let [first, second] = lines.as_slice() else { panic!("two calls") };
    // One that another moved since, though the owner of now has not told it; one that the owner of now moved itself; each landed late.
    wait(store.write_calls(&[row(first, 0, 10), row(second, 0, 30)])).expect("written");
    wait(store.write_calls(&[row(first, 2, 5), row(second, 3, 6)])).expect("landed late");
    // One that was put into the order of time, and whose owner died before it was among the calls; one that the owner of now is writing.
    for (id, version) in [("left", 7), ("coming", 31)] {
        tables.ask(&format!(
            "INSERT INTO calls_by_time (tenant, quarter, call_id, version) VALUES ('{}', 1890000, '{id}', {version})",
            first.tenant
        ));
    }
    let standing =
        || tables.ask("SELECT call_id, version FROM calls_by_time FINAL WHERE NOT is_gone ORDER BY version, call_id");
    let (first, second) = (first.call_id.as_str(), second.call_id.as_str());
    let before = format!("{first}\t5\n{second}\t6\nleft\t7\n{first}\t10\n{second}\t30\ncoming\t31");
    assert_eq!(standing(), before);
    wait(store.mend_places("another", 1, 20)).expect("mended");
    assert_eq!(standing(), before);
    for _ in 0..2 {
        wait(store.mend_places("main", 1, 20)).expect("mended");
        assert_eq!(standing(), format!("{first}\t10\n{second}\t30\ncoming\t31"));
    }
}

const DAY_MS: i64 = 86_400_000;
const NOWHERE: Stood = Stood { began_at: None, is_asked: false };

fn days(days: i64) -> Moment {
    NOON.plus_ms(days * DAY_MS)
}

fn known(days_ago: i64) -> Stood {
    Stood { began_at: Some(days(days_ago)), is_asked: false }
}

/// One call that is owed, at this moment.
fn owed(id: &str, opened_at: Moment, version: u64, stood: Stood) -> FollowUpRow {
    let told = lines().into_iter().find_map(|line| line.follow_up).expect("a missed call is owed something");
    let follow_up = calls::customers::FollowUp {
        tenant: "acme".into(),
        customer: Some("+380441234567".into()),
        opening_call: "c".into(),
        opened_at,
        last_at: opened_at,
        closed_at: None,
        after: None,
        priority: 0,
        why: None,
        dealt_by: None,
        dealt_until: None,
        calls: vec!["c".into()],
        calls_at: vec![opened_at],
        line: calls::line::FollowUpLine { id: id.into(), ..told },
        merged_into: None,
    };
    FollowUpRow { follow_up, version, content: version, stood }
}

fn no_more(id: &str, version: u64, stood: Stood) -> MergedRow {
    let (tenant, id, merged_into) = ("acme".to_owned(), id.to_owned(), "another".to_owned());
    MergedRow { tenant, id, merged_into, version, decided_at: NOON, stood }
}

/// Where follow-ups stand in the order of time: each with its version and the days since noon.
fn standing(tables: &Tables) -> String {
    tables.ask(&format!(
        "SELECT follow_up_id, version, toInt64(intDiv(toUnixTimestamp64Milli(opened_at) - {}, {DAY_MS})) \
         FROM follow_ups_by_time FINAL WHERE NOT is_gone ORDER BY follow_up_id, version",
        NOON.0
    ))
}

/// A follow-up is told, moves, is none, and is one again: whatever lands when, it stands at one place, and after the last one nowhere else.
#[test]
fn a_follow_up_stands_at_one_place_whatever_lands_when() {
    let tables = Tables::made();
    let store = &tables.store;
    let land = |id: &str, version: u64, is_asked: bool| {
        let stood = |of: Stood| if is_asked { Stood::UNKNOWN } else { of };
        match version {
            1 => wait(store.write_follow_ups(&[owed(id, days(0), 1, stood(NOWHERE))])),
            2 => wait(store.write_follow_ups(&[owed(id, days(-2), 2, stood(known(0)))])),
            3 => wait(store.write_merged_follow_ups(&[no_more(id, 3, stood(known(-2)))])),
            _ => wait(store.write_follow_ups(&[owed(id, days(3), 4, stood(NOWHERE))])),
        }
        .expect("written");
    };
    let at = |version: u64| [(1, "0"), (2, "-2"), (4, "3")].into_iter().find(|(of, _)| *of == version);
    let mut orders: Vec<Vec<u64>> = vec![vec![]];
    for version in 1..=4 {
        orders = orders
            .iter()
            .flat_map(|order| (0..=order.len()).map(|place| [&order[..place], &[version], &order[place..]].concat()))
            .collect();
    }
    assert_eq!(orders.len(), 24);
    let mut expected = Vec::new();
    for (number, order) in orders.iter().enumerate() {
        // Whoever tells it knows where it stood, and steps land in any order.
        let id = format!("known-{number:02}");
        order.iter().for_each(|version| land(&id, *version, false));
        expected.push(format!("{id}\t4\t3"));
        // Nobody knows, and the table is asked: what is shown is at any time what was told last of all that has landed.
        let id = format!("asked-{number:02}");
        for (landed, version) in order.iter().enumerate() {
            land(&id, *version, true);
            let last = order[..=landed].iter().max().copied().unwrap_or_default();
            let shown: Vec<String> =
                standing(&tables).lines().filter(|line| line.starts_with(&id)).map(str::to_owned).collect();
            let stands: Vec<String> = at(last).into_iter().map(|(of, day)| format!("{id}\t{of}\t{day}")).collect();
            assert_eq!(shown, stands, "{order:?} up to {version}");
        }
        expected.push(format!("{id}\t4\t3"));
    }
    expected.sort();
    assert_eq!(standing(&tables), expected.join("\n"));
    // Both in one step, and the same again.
    for _ in 0..2 {
        let rows = [owed("zz", days(5), 8, NOWHERE), owed("zz", days(6), 9, known(5))];
        wait(store.write_follow_ups(&rows)).expect("written");
    }
    assert!(standing(&tables).ends_with("zz\t9\t6") && !standing(&tables).contains("zz\t8"), "{}", standing(&tables));
}

/// What an owner of the log left of follow-ups who died between the two tables, or whose insert landed after another had taken over.
#[test]
fn follow_ups_that_the_dead_left_are_mended() {
    let tables = Tables::made();
    let store = &tables.store;
    let write = |row: FollowUpRow| wait(store.write_follow_ups(&[row])).expect("written");
    // Told by who took over, and after that the insert of the one before landed.
    write(owed("late", days(0), 10, NOWHERE));
    write(owed("late", days(-9), 5, NOWHERE));
    // None any more, and landed after that.
    wait(store.write_merged_follow_ups(&[no_more("merged", 11, NOWHERE)])).expect("written");
    write(owed("merged", days(-1), 6, NOWHERE));
    // Taken away from where it stands, by one who died before saying where it stands now.
    write(owed("taken", days(-3), 7, NOWHERE));
    // It stands in the other table alone.
    write(owed("lost", days(-4), 8, NOWHERE));
    for (id, day, version) in [("taken", -3, 12), ("lost", -4, 8)] {
        tables.ask(&format!(
            "INSERT INTO follow_ups_by_time (tenant, quarter, follow_up_id, version, is_gone) VALUES ('acme', {}, '{id}', {version}, true)",
            days(day).0.div_euclid(900_000)
        ));
    }
    // One that the owner of now has moved, and one that nobody touched for long.
    write(owed("moved", days(-5), 9, NOWHERE));
    write(owed("moved", days(-6), 30, known(-5)));
    write(owed("old", days(-7), 2, NOWHERE));
    let before = "late\t5\t-9\nlate\t10\t0\nmerged\t6\t-1\nmoved\t30\t-6\nold\t2\t-7";
    assert_eq!(standing(&tables), before);
    wait(store.mend_places("another", 3, 20)).expect("mended");
    assert_eq!(standing(&tables), before);
    for _ in 0..2 {
        wait(store.mend_places("acme", 3, 20)).expect("mended");
        assert_eq!(standing(&tables), "late\t10\t0\nlost\t20\t-4\nmoved\t30\t-6\nold\t2\t-7\ntaken\t20\t-3");
    }
}

/// A database of an earlier version, which found follow-ups by their calls: what it kept for that goes.
#[test]
fn a_database_that_found_follow_ups_by_their_calls_is_migrated() {
    let tables = Tables::made();
    let later = "0040_follow_ups_by_call_no_more.sql";
    tables.ask(&format!("ALTER TABLE schema_migrations DELETE WHERE name = '{later}' SETTINGS mutations_sync = 1"));
    for name in ["0036_follow_ups_by_call", "0037_follow_ups_by_call_told", "0039_follow_ups_by_call_before"] {
        tables.ask(&format!("INSERT INTO schema_migrations VALUES ('{name}.sql', 5)"));
    }
    tables.ask("CREATE TABLE follow_ups_by_call (tenant String, call_id String, follow_up_id String) ENGINE = ReplacingMergeTree ORDER BY call_id");
    tables.ask(
        "CREATE MATERIALIZED VIEW follow_ups_by_call_told TO follow_ups_by_call AS \
         SELECT tenant, arrayJoin(calls) AS call_id, follow_up_id FROM follow_ups",
    );
    assert_eq!(wait(tables.store.migrate()).expect("migrated"), [later]);
    assert_eq!(wait(tables.store.check_schema()).expect("asked"), [""; 0]);
    assert_eq!(tables.ask("SELECT count() FROM system.tables WHERE name LIKE 'follow_ups_by_call%'"), "0");
    wait(tables.store.write_follow_ups(&[owed("f", NOON, 1, NOWHERE)])).expect("written");
    assert_eq!(tables.count("follow_ups_now"), 1);
}
