//! A call that is transferred after ten minutes and goes on for three hours, among fifty thousand others: what is let go on the way
//! is what is told if everything is kept to the end.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use adapters::leg::{Leg, Moment};
use adapters::reader::Reader;
use adapters::{Adapter, Legs, Settings, pbx};
use calls::{Calls, Site};
use directory::Directory;

/// Other calls of each PBX.
const OTHERS: i64 = 50_000;

/// They come over so many seconds.
const SPAN_S: i64 = 6 * 3600;

/// When the first call comes: 2026-03-30, 08:00 UTC.
const BEGIN_S: i64 = 1_774_857_600;

/// How much is read at once, as the shell does.
const CHUNK_BYTES: usize = 1 << 18;

/// The caller comes an hour in, is passed on after ten minutes and leaves three hours later.
const COMES_S: i64 = BEGIN_S + 3600;
const PASSED_S: i64 = COMES_S + 600;
const LEAVES_S: i64 = PASSED_S + 3 * 3600;

const CALLER: &str = "12025550100";

#[test]
fn cucm() {
    let columns = "globalCallID_callManagerId,globalCallID_callId,origLegCallIdentifier,destLegIdentifier,dateTimeOrigination,dateTimeConnect,\
        dateTimeDisconnect,duration,callingPartyNumber,originalCalledPartyNumber,finalCalledPartyNumber,lastRedirectDn,origCause_value,\
        destCause_value,origDeviceName,destDeviceName,origCallTerminationOnBehalfOf,destCallTerminationOnBehalfOf,joinOnBehalfOf";
    let row = |call: i64,
               ends: (i64, i64),
               span: (i64, i64),
               numbers: (&str, &str),
               last: &str,
               split: i64,
               joined: i64| {
        let (from, to) = span;
        let cause = if split > 0 { "393216,393216" } else { "16,0" };
        let device = |number: &str| if number.len() > 6 { "SIP-Trunk".to_owned() } else { format!("SEP{number}") };
        let (calling, called) = numbers;
        format!(
            "2,{call},{},{},{from},{from},{to},{},{calling},{called},{called},{last},{cause},{},{},{split},{split},{joined}",
            ends.0,
            ends.1,
            to - from,
            device(calling),
            device(called)
        )
    };
    let others = (0..OTHERS).map(|n| {
        let (from, to) = other(n);
        (
            to,
            row(
                1000 + n,
                (100_000 + 2 * n, 100_001 + 2 * n),
                (from, to),
                (&number(n), &extension(n)),
                &extension(n),
                0,
                0,
            ),
        )
    });
    let passed = [
        (PASSED_S, row(1, (11, 12), (COMES_S, PASSED_S), (CALLER, "2001"), "2001", 10, 0)),
        (PASSED_S, row(2, (13, 14), (PASSED_S - 20, PASSED_S), ("2001", "2002"), "2002", 10, 0)),
        (LEAVES_S, row(1, (11, 14), (PASSED_S, LEAVES_S), (CALLER, "2002"), "2001", 0, 10)),
    ];
    check("cisco_cucm", columns, others.chain(passed).collect(), &["2001", "2002"]);
}

#[test]
fn threecx_cdroutput() {
    let columns = "cdr_id,call_history_id,main_call_history_id,source_participant_id,source_entity_type,source_dn_number,source_dn_type,\
        source_participant_phone_number,source_participant_is_incoming,destination_participant_id,destination_entity_type,destination_dn_number,\
        destination_dn_type,creation_method,creation_forward_reason,termination_reason,termination_reason_details,cdr_started_at,cdr_answered_at,\
        cdr_ended_at";
    let row = |id: &str, call: &str, from: (&str, &str), to: (&str, &str), span: (i64, i64), how: (&str, &str)| {
        let (source, participant) = from;
        let end = |number: &str| if number.len() > 6 { "external_line,10001,provider" } else { "extension" };
        let source = match end(source) {
            "extension" => format!("extension,{source},extension,,false"),
            line => format!("{line},{source},true"),
        };
        format!(
            "{id},{call},{call},{participant},{source},{},extension,{},extension,{},none,{},none,{},{},{}",
            to.1,
            to.0,
            how.0,
            how.1,
            time(span.0),
            time(span.0),
            time(span.1)
        )
    };
    let others = (0..OTHERS).map(|n| {
        let (from, to) = other(n);
        let (id, ends) = (format!("r{n}"), (format!("s{n}"), format!("d{n}")));
        let how = ("call_init", "src_participant_terminated");
        (to, row(&id, &format!("h{n}"), (&number(n), &ends.0), (&extension(n), &ends.1), (from, to), how))
    });
    let passed = [
        (PASSED_S, row("a", "x", (CALLER, "p"), ("2001", "q"), (COMES_S, PASSED_S), ("call_init", "continued_in"))),
        (
            LEAVES_S,
            row(
                "b",
                "x",
                (CALLER, "p"),
                ("2002", "r"),
                (PASSED_S, LEAVES_S),
                ("transfer", "src_participant_terminated"),
            ),
        ),
    ];
    check("threecx", columns, others.chain(passed).collect(), &["2001", "2002"]);
}

#[test]
fn mitel_with_call_ids() {
    let line = |from: i64,
                to: i64,
                calling: &str,
                digits: &str,
                completion: &str,
                called: &str,
                ids: (&str, &str),
                ani: &str| {
        let length = to - from;
        let (start, answer) = (time(from), if calling.starts_with('T') { "0002" } else { "" });
        let duration = format!("{:04}:{:02}:{:02}", length / 3600, length / 60 % 60, length % 60);
        let day = format!("{}/{}", &start[5..7], &start[8..10]);
        let mut line = vec![b' '; 172];
        for (column, text) in [
            (2, day.as_str()),
            (8, &start[11..19]),
            (18, &duration),
            (29, calling),
            (37, answer),
            (42, digits),
            (63, "00000"),
            (68, completion),
            (70, called),
            (108, "001"),
            (114, ani),
            (135, "5550100"),
            (154, ids.0),
            (163, "A"),
            (165, ids.1),
        ] {
            line[column - 1..column - 1 + text.len()].copy_from_slice(text.as_bytes());
        }
        String::from_utf8(line).unwrap()
    };
    let others = (0..OTHERS).map(|n| {
        let (from, to) = other(n);
        let id = format!("{}001{:04}", char::from(b'B' + (n / 9000 % 20) as u8), n % 9000 + 1);
        (to, line(from, to, "T0102", "", "", &extension(n), (&id, ""), &number(n)))
    });
    let passed = [
        (PASSED_S, line(PASSED_S - 60, PASSED_S, "2001", "5550147", "A", "T0103", ("A0019999", "A0019998"), "")),
        (LEAVES_S, line(COMES_S, LEAVES_S, "T0102", "", "", "2001", ("A0019998", ""), CALLER)),
    ];
    check("mitel_smdr", "", others.chain(passed).collect(), &["2001"]);
}

#[test]
fn asterisk() {
    let columns = "accountcode,src,dst,dcontext,clid,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,disposition,amaflags,\
        userfield,uniqueid,linkedid,peeraccount,sequence";
    let row = |from: &str, channel: &str, dialed: &str, far: &str, span: (i64, i64), unique: &str, sequence: i64| {
        let (start, end, length) = (time(span.0), time(span.1), span.1 - span.0);
        format!(
            ",{from},{dialed},from-internal,,{channel},{far},Dial,,{},{},{},{length},{length},ANSWERED,3,,{unique},{unique},,{sequence}",
            &start[..19],
            &start[..19],
            &end[..19]
        )
    };
    let others = (0..OTHERS).map(|n| {
        let (from, to) = other(n);
        let channel = format!("PJSIP/trunk-a-{:08x}", 0x1000 + 2 * n);
        let far = format!("PJSIP/{}-{:08x}", extension(n), 0x1001 + 2 * n);
        (to, row(&number(n), &channel, &extension(n), &far, (from, to), &format!("{from}.{}", 10 + n), 2 * n))
    });
    let (line, first, asked, second) =
        ("PJSIP/trunk-a-00000001", "PJSIP/2001-00000002", "PJSIP/2001-00000003", "PJSIP/2002-00000004");
    let (unique, consulted) = (format!("{COMES_S}.1"), format!("{}.3", PASSED_S - 20));
    let passed = [
        (PASSED_S, row("2001", asked, "2002", second, (PASSED_S - 20, PASSED_S), &consulted, 900_001)),
        (LEAVES_S, row(CALLER, line, "2001", first, (COMES_S, PASSED_S), &unique, 900_002)),
        (LEAVES_S, row(CALLER, line, "2001", second, (PASSED_S, LEAVES_S), &unique, 900_003)),
    ];
    check("asterisk_cdr", columns, others.chain(passed).collect(), &["2001", "2002"]);
}

/// When the `n`th of the others comes and leaves.
fn other(n: i64) -> (i64, i64) {
    let from = BEGIN_S + n * SPAN_S / OTHERS;
    (from, from + 5 + n * 7 % 300)
}

fn number(n: i64) -> String {
    format!("1202{:07}", 5_600_000 + n)
}

fn extension(n: i64) -> String {
    format!("3{:03}", n % 997)
}

fn time(seconds: i64) -> String {
    let (days, of_day) = (seconds.div_euclid(86_400) - (BEGIN_S / 86_400), seconds.rem_euclid(86_400));
    format!("2026-03-{:02} {:02}:{:02}:{:02}.000 +0000", 30 + days, of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// Writes the lines as the PBX would, by the moment at which each is written, and reads them in two ways.
fn check(adapter: &'static str, columns: &str, mut lines: Vec<(i64, String)>, answered_by: &[&str]) {
    lines.sort_by_key(|(at, _)| *at);
    let mut text = if columns.is_empty() { String::new() } else { format!("{columns}\n") };
    for (_, line) in &lines {
        writeln!(text, "{line}").unwrap();
    }
    let adapter = pbx::named(adapter).unwrap();
    let steps = steps(adapter, text.as_bytes());
    let kept = fold(adapter, &steps, false);
    let mut drained = fold(adapter, &steps, true);
    assert_eq!(kept.len(), OTHERS as usize + 1);
    let passed =
        kept.iter().find(|line| line.contains(&format!("\"{CALLER}\"")) && line.contains("\"talk_time_s\":1")).unwrap();
    let passed: serde_json::Value = serde_json::from_str(passed).unwrap();
    assert_eq!(passed["answered_by"], serde_json::json!(answered_by), "{passed}");
    drained.sort();
    let differ: Vec<_> = drained.iter().filter(|line| kept.binary_search(line).is_err()).collect();
    assert!(differ.is_empty() && drained.len() == kept.len(), "{} and {}: {differ:#?}", kept.len(), drained.len());
}

/// What each read gives, with the log's clock after it.
fn steps(adapter: &'static dyn Adapter, bytes: &[u8]) -> Vec<(Vec<Leg>, Moment)> {
    let mut settings = Settings::without_site_file("main", "main", adapter.about().name);
    settings.options.insert("year".into(), "2026".into());
    let mut reader = Reader::new(adapter, &settings, b"hours", 1);
    let mut legs = Legs::default();
    let mut clock = Moment(i64::MIN);
    let mut steps = Vec::new();
    for chunk in bytes.chunks(CHUNK_BYTES) {
        reader.push(chunk, None, &mut legs);
        assert!(legs.rejects.is_empty(), "{:?}", legs.rejects.first());
        let read = std::mem::take(&mut legs.legs);
        clock = read.iter().filter_map(|l| l.ended_at).max().unwrap_or(clock).max(clock);
        steps.push((read, clock));
    }
    steps
}

fn fold(adapter: &'static dyn Adapter, steps: &[(Vec<Leg>, Moment)], drains: bool) -> Vec<String> {
    let directory = Directory::without_site_file("main");
    let mut calls = Calls::new(Site::new(&directory), &[adapter.about().ends], false);
    let mut printed = Vec::new();
    for (legs, clock) in steps {
        if drains {
            calls.advance(*clock);
        }
        for leg in legs {
            calls.push(leg.clone());
        }
        if drains {
            calls.drain(|told| printed.push(told.json()));
        }
    }
    assert!(!drains || printed.len() > OTHERS as usize / 4, "{} were let go on the way", printed.len());
    calls.finish(|told| printed.push(told.json()));
    printed.sort();
    printed
}
