//! Verdicts against the truth: a real PBX's records of scripted calls (`tests/corpus`, one folder a story), read in four ways.
//!
//! `RINGBACK_CORPUS=FOLDER` runs everything here on another corpus of that shape (a `pbx.json`, and runs with a `truth.json` or `.ndjson`);
//! the table is then printed and not compared with `argued.toml`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(missing_docs)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the corpus is files, and a script writes its site file; the crate itself touches neither"
)]

#[path = "verdicts/guessed.rs"]
mod guessed;
#[path = "verdicts/order.rs"]
mod order;
#[path = "verdicts/rename.rs"]
mod rename;
#[path = "verdicts/run.rs"]
mod run;
#[path = "verdicts/score.rs"]
mod score;

use std::collections::BTreeSet;

use chrono_tz::Tz;
use directory::Directory;
use rename::Renaming;
use run::{Run, SETS, Sources};
use score::Table;
use serde::Deserialize;

/// What the records of a set of sources mislead about, and why.
#[derive(Deserialize)]
struct Argued {
    argued: Vec<Argument>,
}

#[derive(Deserialize)]
struct Argument {
    sources: Vec<String>,
    fields: Vec<String>,
    because: String,
    /// `story call`.
    calls: Vec<String>,
}

#[test]
fn verdicts_agree_with_the_truth() {
    let root = run::root();
    let directory = run::directory(&run::pbx_json(&root));
    let runs = run::runs(&root);
    let mut wrong: BTreeSet<(String, String, String)> = BTreeSet::new();
    for (set, sources) in SETS {
        let mut table = Table::new();
        for run in &runs {
            let compared = scored(run, sources, &directory);
            for c in compared.iter().filter(|c| !c.right && !c.doubtful) {
                wrong.insert((set.to_owned(), c.field.to_owned(), format!("{} {}", run.name, c.call)));
            }
            score::add(&mut table, &compared);
        }
        score::print(set, &table);
    }
    if std::env::var_os("RINGBACK_CORPUS").is_some() {
        wrong.iter().for_each(|(set, field, call)| println!("{set} {field}: {call}"));
        return;
    }
    let argued: Argued = toml::from_str(include_str!("argued.toml")).unwrap();
    let mut expected = BTreeSet::new();
    for argument in &argued.argued {
        assert!(!argument.because.is_empty());
        for (set, field) in argument.sources.iter().flat_map(|s| argument.fields.iter().map(move |f| (s, f))) {
            expected.extend(argument.calls.iter().map(|call| (set.clone(), field.clone(), call.clone())));
        }
    }
    let new: Vec<_> = wrong.difference(&expected).collect();
    let gone: Vec<_> = expected.difference(&wrong).collect();
    assert!(new.is_empty(), "wrong, and not argued in argued.toml: {new:#?}");
    assert!(gone.is_empty(), "right now, take it out of argued.toml: {gone:#?}");
}

/// No rule knows this company: with every name, number inside and clock changed, the score is the same.
#[test]
fn another_company_scores_the_same() {
    let root = run::root();
    let json = run::pbx_json(&root);
    let pbx = serde_json::from_str(&json).unwrap();
    let renaming = Renaming::of(&pbx);
    let ours = run::directory(&json);
    let other_json = renaming.description(&pbx).to_string();
    assert_ne!(json, other_json);
    let theirs = run::directory(&other_json);
    for (set, sources) in SETS {
        let (mut before, mut after) = (Table::new(), Table::new());
        for run in run::runs(&root) {
            let other = renaming.run(&run);
            let one = scored(&run, sources, &ours);
            let two = scored(&other, sources, &theirs);
            for (a, b) in one.iter().zip(&two) {
                assert!(
                    a.field == b.field && a.right == b.right || a.field == "missed_is_real",
                    "{set}, {} {}: {} was {} and is {}",
                    run.name,
                    a.call,
                    a.field,
                    a.right,
                    b.right
                );
            }
            score::add(&mut before, &one);
            score::add(&mut after, &two);
        }
        assert_eq!(before, after, "{set}");
    }
}

/// A site file that is guessed from the records makes nothing wrong that is right without one, whatever the clock of the machine says;
/// neither that of a company, whose records are all there, nor that of a few calls.
#[test]
fn a_guessed_site_is_at_least_as_good_as_none() {
    let runs = run::runs(&run::root());
    let all: Vec<&Run> = runs.iter().collect();
    let none = Directory::without_site_file("main");
    let mut worse = BTreeSet::new();
    for (set, sources) in SETS {
        let mut plain = Table::new();
        let without: Vec<Vec<score::Compared>> = runs.iter().map(|run| scored(run, sources, &none)).collect();
        without.iter().for_each(|compared| score::add(&mut plain, compared));
        score::print(&format!("{set}, without a site file"), &plain);
        for machine in [None, Some(Tz::Europe__Madrid), Some(Tz::UTC), Some(Tz::Asia__Kolkata)] {
            let company = read(&guessed::guessed(&all, sources, machine).text);
            let (mut whole, mut single) = (Table::new(), Table::new());
            for (run, before) in runs.iter().zip(&without) {
                let few = read(&guessed::guessed(&[run], sources, machine).text);
                for (table, directory, of) in [(&mut whole, &company, "company"), (&mut single, &few, "run")] {
                    let after = scored(run, sources, directory);
                    worse.extend(
                        made_wrong(before, &after).map(|c| format!("{set}, {machine:?}, {of}: {} {c}", run.name)),
                    );
                    score::add(table, &after);
                }
            }
            score::print(&format!("{set}, guessed from the company, {machine:?}"), &whole);
            score::print(&format!("{set}, guessed from the run, {machine:?}"), &single);
        }
    }
    assert!(worse.is_empty(), "right without a site file: {worse:#?}");
}

fn read(text: &str) -> Directory {
    Directory::from_toml(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// What was right of a call and is not any more. A call that is missed wrongly is one more, and not one that was there.
fn made_wrong<'c>(before: &'c [score::Compared], after: &'c [score::Compared]) -> impl Iterator<Item = String> + 'c {
    after.iter().filter(|c| !c.right).filter_map(|c| {
        let was_right = match c.field {
            "missed_is_real" => !before.iter().any(|b| b.field == c.field && b.call == c.call && !b.right),
            _ => before.iter().any(|b| b.field == c.field && b.call == c.call && b.right),
        };
        was_right.then(|| format!("{}: {}", c.call, c.field))
    })
}

/// The same legs in any order, any number of times, with early verdicts asked for on the way, give the same bytes.
#[test]
fn order_and_duplication_change_nothing() {
    let root = run::root();
    let directory = run::directory(&run::pbx_json(&root));
    for (set, sources) in SETS {
        for run in run::runs(&root) {
            order::check(set, &run, sources, &directory);
        }
    }
}

/// The site file that the README names is what the script makes of the corpus's description.
#[test]
fn the_site_file_is_the_script_s() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    assert_eq!(run::site_file(&run::pbx_json(&corpus)), std::fs::read_to_string(corpus.join("site.toml")).unwrap());
}

#[test]
fn what_is_final_stays() {
    let root = run::root();
    let directory = run::directory(&run::pbx_json(&root));
    for (set, sources) in &SETS[..3] {
        for run in run::runs(&root) {
            order::check_final(set, &run, sources, &directory);
        }
    }
}

fn scored(run: &Run, sources: Sources, directory: &directory::Directory) -> Vec<score::Compared> {
    let calls = run.calls(sources, directory);
    let has = |adapter: &str| sources.iter().any(|(_, a)| *a == adapter);
    let has_cel = has("asterisk_cel");
    score::compare(&run.truth, &calls, has_cel, has_cel || sources[0].0 == "cdr-full.csv")
}
