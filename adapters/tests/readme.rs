//! `README.md` says of the adapters what the code says: its lists are made from [`pbx::ADAPTERS`].
//!
//! To accept what comes out now (then read it!): `cargo test -p adapters --test readme bless -- --ignored`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "the document is a file; the crate itself reads none")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use adapters::line::word;
use adapters::{Ends, Provenance, pbx};

/// Between these two lines of the document stands what is made from the code.
const BEGIN: &str = "<!-- made from the code: begin -->\n";
const END: &str = "<!-- made from the code: end -->\n";

#[test]
fn the_lists_are_those_of_the_code() {
    let text = readme();
    let (_, found, _) = parts(&text);
    assert_eq!(
        found,
        made(),
        "README.md differs from pbx::ADAPTERS: `cargo test -p adapters --test readme bless -- --ignored`, and read it"
    );
}

/// What an adapter can say of its format is explained, each by its name in the code.
#[test]
fn every_kind_of_end_and_everything_that_can_be_told_is_explained() {
    let text = readme();
    let (before, _, after) = parts(&text);
    let prose = format!("{before}{after}");
    for of in ["Ends", "Tells", "Provenance"] {
        for variant in variants(of) {
            assert!(prose.contains(&format!("`{variant}`")), "README.md does not explain {of}::{variant}");
        }
    }
}

/// Rewrites the lists.
#[test]
#[ignore = "writes a file: run it by name to accept what the code says now"]
fn bless() {
    let text = readme();
    let (before, _, after) = parts(&text);
    std::fs::write(path(), format!("{before}{BEGIN}{}{END}{after}", made())).unwrap();
}

/// The table, and below it what must be switched on at each PBX.
fn made() -> String {
    let mut text = String::from("| adapter | records of | versions | known from | a call ends | tells |\n");
    text.push_str("|---|---|---|---|---|---|\n");
    for about in pbx::ADAPTERS.iter().map(|a| a.about()) {
        let ends = match about.ends {
            Ends::EachRecord => "with each record".to_owned(),
            Ends::Marker { settle_s } => format!("{settle_s} s after its marker"),
            Ends::Silence { idle_s, .. } => format!("after {idle_s} s of silence"),
            Ends::Never => "by another source".to_owned(),
        };
        let known = match about.provenance {
            Provenance::RealPbx => "a real PBX",
            Provenance::RealRecords => "real records",
            Provenance::Documentation => "documentation",
        };
        let tells: Vec<String> = about.tells.iter().map(|t| word(t).replace('_', " ")).collect();
        let tells = if tells.is_empty() { "what its columns tell".to_owned() } else { tells.join(", ") };
        let cells = [about.title, about.versions, known, &ends, &tells].map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(text, "| `{}` | {} |", about.name, cells.join(" | "));
    }
    text.push_str("\nWhat must be switched on at the PBX, so that unanswered calls are recorded at all:\n\n");
    for about in pbx::ADAPTERS.iter().map(|a| a.about()) {
        let _ = writeln!(text, "- `{}`: {}.", about.name, about.needs);
    }
    let silent = pbx::ADAPTERS.iter().map(|a| a.about()).filter_map(|about| match about.ends {
        Ends::Silence { because, .. } => Some((about.name, because)),
        _ => None,
    });
    text.push_str("\nWhy silence is enough, where nothing else ends a call:\n\n");
    for (name, because) in silent {
        let _ = writeln!(text, "- `{name}`: {because}.");
    }
    text
}

/// Before, between and behind the two lines.
fn parts(text: &str) -> (&str, &str, &str) {
    let (before, rest) = text.split_once(BEGIN).expect("README.md has the line that begins what is made from the code");
    let (made, after) = rest.split_once(END).expect("README.md has the line that ends what is made from the code");
    (before, made, after)
}

/// The variants of an enum of the contract, from its source.
fn variants(of: &str) -> Vec<String> {
    let source = std::fs::read_to_string(root().join("src/adapter.rs")).unwrap();
    let (_, body) = source.split_once(&format!("pub enum {of} {{\n")).expect("the enum is in adapter.rs");
    let (body, _) = body.split_once("\n}").expect("it ends");
    let is_variant = |line: &&str| line.starts_with("    ") && line.as_bytes()[4].is_ascii_uppercase();
    let name = |line: &str| line.trim().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned();
    let found: Vec<String> = body.lines().filter(is_variant).map(name).collect();
    assert!(found.len() > 2, "too few variants of {of} were found: {found:?}");
    found
}

fn readme() -> String {
    std::fs::read_to_string(path()).unwrap()
}

fn path() -> PathBuf {
    root().join("README.md")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
