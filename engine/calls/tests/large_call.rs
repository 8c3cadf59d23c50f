//! A call of thousands of legs (a caller who waits in a queue that rings everybody, all day) is folded like any other.

#![allow(clippy::unwrap_used, clippy::panic)] // A test that cannot go on has nothing to give back.

use adapters::reader::Reader;
use adapters::{Legs, Settings};
use calls::{Calls, Site, Told};
use directory::Directory;

const ROUNDS: u32 = 2_500;

/// Both halves of each round: the queue's leg to a joint, and the joint's leg to a telephone. Nobody answers, or everybody's mailbox does.
fn records(disposition: &str) -> String {
    (0..ROUNDS)
        .map(|round| {
            let minute = format!("{:02}:{:02}", round / 60 % 24, round % 60);
            let (from, to) = (format!("2026-11-22 {minute}:00"), format!("2026-11-22 {minute}:30"));
            let answer = if disposition == "ANSWERED" { from.as_str() } else { "" };
            let joint = format!("Local/105@members-{round:08x}");
            let times = format!(r#""{from}","{answer}","{to}","30","30","{disposition}","3""#);
            format!(
                r#""","4477009","501","queues","","PJSIP/line-00000001","{joint};1","Queue","501,t,,,60",{times},"1795382336.1","","","1795382336.1","{}"
"","4477009","105","members","","{joint};2","PJSIP/105-{round:08x}","Dial","PJSIP/105,30",{times},"1795382336.{}","","","1795382336.1","{}"
"#,
                round * 2,
                round + 2,
                round * 2 + 1
            )
        })
        .collect()
}

fn check(disposition: &str) {
    let directory = Directory::without_site_file("main");
    let settings = Settings::without_site_file("main", "main", "asterisk_cdr");
    let adapter = adapters::pbx::named("asterisk_cdr").unwrap();
    let mut legs = Legs::default();
    let mut reader = Reader::new(adapter, &settings, b"", 1);
    reader.push(records(disposition).as_bytes(), None, &mut legs);
    assert!(legs.rejects.is_empty(), "{:?}", legs.rejects.first());
    let mut calls = Calls::new(Site::new(&directory), &[adapter.about().ends], false);
    for leg in legs.legs.iter().rev().chain(&legs.legs).cloned() {
        calls.push(leg);
    }
    let mut records = Vec::new();
    calls.whole().finish(|told| {
        let Told::Call(line) = told else { panic!("every call is given as it is") };
        records.push(line.records.len());
    });
    assert_eq!(records, [ROUNDS as usize * 2]);
}

#[test]
fn nobody_answers() {
    check("NO ANSWER");
}

#[test]
fn every_round_is_answered() {
    check("ANSWERED");
}
