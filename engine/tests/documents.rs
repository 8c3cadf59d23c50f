//! What keeps documents and names true: paths exist, rules and words are those of the code, no file grows too long,
//! and nothing of one company stands in a source. Reads files, needs no database, and names file and line of what is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A source that is longer has more than one reason to be read.
const SOURCE_LINES_MAX: usize = 900;

/// What the top of the tree holds beside files whose names begin with a dot; `target` is cargo's and not in the repository.
const TOP: [&str; 11] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "adapters",
    "benches",
    "deploy",
    "engine",
    "plugins",
    "sql",
    "target",
];

/// Names of files that a reader has or gets, and the repository has not.
const READERS_OWN: [&str; 4] = ["engine.toml", "site.toml", "Master.csv", "queue_log"];

/// Names of files that say nothing of what is in them.
const EMPTY_NAMES: [&str; 7] = ["common", "helper", "helpers", "misc", "shared", "util", "utils"];

#[test]
fn every_path_that_a_document_names_exists() {
    let tree = tree();
    let mut wrong = String::new();
    // Results of benches name the machine on which they came out.
    for document in tree.iter().filter(|path| path.ends_with(".md") && !path.starts_with("benches/")) {
        let text = read(document);
        for (number, path) in paths_in(&text) {
            let is_own = READERS_OWN.iter().any(|own| path == *own);
            if !is_own && !tree.iter().any(|known| names(&path, known)) {
                let _ = writeln!(wrong, "{document}:{number}: `{path}` does not exist");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Where a document says "`name` in `path`" of a test, the test is there.
#[test]
fn every_test_that_a_document_names_exists() {
    let mut wrong = String::new();
    let mut found = 0;
    for document in tree().iter().filter(|path| path.ends_with(".md")) {
        for (number, line) in (1..).zip(read(document).lines()) {
            let parts: Vec<&str> = line.split('`').collect();
            for window in parts.windows(3).skip(1).step_by(2).filter(|window| window[1] == " in ") {
                let (name, path) = (window[0], window[2]);
                if !path.ends_with(".rs") || name.contains(['/', ' ']) {
                    continue;
                }
                found += 1;
                if !root().join(path).exists() || !read(path).contains(&format!("fn {name}(")) {
                    let _ = writeln!(wrong, "{document}:{number}: `{name}` is not in `{path}`");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(found > 5, "ARCHITECTURE.md names its tests");
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut wrong = String::new();
    for document in tree().iter().filter(|path| path.ends_with(".md")) {
        let folder = root().join(document).parent().unwrap().to_owned();
        for (number, line) in (1..).zip(read(document).lines()) {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let path = target.split('#').next().unwrap_or_default();
                if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                    let _ = writeln!(wrong, "{document}:{number}: ({target}) leads nowhere");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_line_of_prose_is_one_sentence() {
    let mut wrong = String::new();
    for document in tree().iter().filter(|path| path.ends_with(".md")) {
        let mut in_code = false;
        for (number, line) in (1..).zip(read(document).lines()) {
            in_code ^= line.starts_with("```");
            let numbered = |c: char| c.is_ascii_digit() || ['#', ' '].contains(&c);
            let told = line.trim_start_matches(numbered).trim_start_matches(". ");
            let begins_another = |rest: &str| rest.starts_with(|c: char| c.is_uppercase() || c == '`');
            if !in_code && !line.starts_with('|') && without_spans(told).split(". ").skip(1).any(begins_another) {
                let _ = writeln!(wrong, "{document}:{number}: more than one sentence: {line}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_rule_is_in_the_life_of_a_call_and_every_rule_there_is_decided() {
    let verdict = read("engine/calls/src/verdict.rs");
    let literals = strings(&verdict);
    let is_rule = |text: &&String| text.contains('_') && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let decided: BTreeSet<&str> = literals.iter().filter(is_rule).map(String::as_str).collect();
    let lifecycle = read("engine/calls/LIFECYCLE.md");
    let table = table(&lifecycle, "| rule |");
    let told: BTreeSet<&str> = table.iter().map(|row| bare(&row[0])).collect();
    assert!(decided.len() > 10, "too few rules were found in verdict.rs: {decided:?}");
    let missing: Vec<_> = decided.difference(&told).collect();
    assert!(missing.is_empty(), "rules of verdict.rs that LIFECYCLE.md does not explain: {missing:?}");
    let gone: Vec<_> = told.difference(&decided).collect();
    assert!(gone.is_empty(), "rules of LIFECYCLE.md that verdict.rs does not decide: {gone:?}");
}

#[test]
fn each_rule_has_the_outcome_that_it_decides() {
    let verdict = read("engine/calls/src/verdict.rs");
    let lifecycle = read("engine/calls/LIFECYCLE.md");
    let table = table(&lifecycle, "| rule |");
    let told: BTreeMap<&str, &str> = table.iter().map(|row| (bare(&row[0]), bare(&row[1]))).collect();
    let mut compared = 0;
    for rest in verdict.split("Outcome::").skip(1) {
        let (variant, rest) = rest.split_at(rest.find(|c: char| !c.is_alphanumeric()).unwrap());
        let Some(rule) = rest.strip_prefix(',').and_then(|r| r.trim_start().strip_prefix('"')) else { continue };
        let rule = rule.split('"').next().unwrap();
        compared += 1;
        assert_eq!(told.get(rule).copied(), Some(snake(variant).as_str()), "the outcome of `{rule}` in LIFECYCLE.md");
    }
    assert!(compared > 10, "too few rules with their outcome were found in verdict.rs");
}

#[test]
fn every_outcome_and_reason_is_explained() {
    let line = read("engine/calls/src/line.rs");
    let lifecycle = read("engine/calls/LIFECYCLE.md");
    for of in ["Outcome", "Reason", "OfferEnd", "crate::journey::StayEnd"] {
        let (_, list) = line.split_once(&format!("words!({of},")).expect("the words are in line.rs");
        let words = strings(list.split(");").next().unwrap());
        assert!(!words.is_empty(), "no word of {of} was found");
        for word in words {
            assert!(lifecycle.contains(&format!("`{word}`")), "LIFECYCLE.md does not explain the {of} `{word}`");
        }
    }
}

#[test]
fn retired_words_name_nothing() {
    let glossary = read("engine/GLOSSARY.md");
    let retired: Vec<String> = table(&glossary, "| retired |").iter().map(|row| bare(&row[0]).to_owned()).collect();
    assert!(retired.len() > 20, "the list of retired words in GLOSSARY.md was not found");
    let mut wrong = String::new();
    for path in sources().filter(|path| !path.starts_with("adapters/src/pbx/")) {
        for (number, line) in (1..).zip(without_comments_and_strings(&read(&path)).lines()) {
            for name in line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|name| !name.is_empty()) {
                let name = format!("_{}_", snake(name));
                for word in retired.iter().filter(|word| name.contains(&format!("_{word}_"))) {
                    let _ = writeln!(wrong, "{path}:{number}: `{word}` is retired: GLOSSARY.md has the word instead");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_source_is_too_long() {
    let long: Vec<String> = tree()
        .iter()
        .filter(|path| [".rs", ".py", ".sql"].iter().any(|end| path.ends_with(end)))
        .map(|path| (path, read(path).lines().count()))
        .filter(|(_, lines)| *lines > SOURCE_LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines, at most {SOURCE_LINES_MAX}"))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn a_file_is_named_after_what_is_in_it() {
    let is_empty = |path: &&String| path.split(['/', '.']).any(|part| EMPTY_NAMES.contains(&part));
    let found: Vec<String> = tree().iter().filter(is_empty).cloned().collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_top_holds_only_what_belongs_there() {
    let found: Vec<String> = entries(root())
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()))
        .collect();
    assert!(found.is_empty(), "at the top of the tree, and not in the list of this test: {found:?}");
}

/// Whom of ours each crate may know, and which crate alone knows a foreign thing.
#[test]
fn crates_know_each_other_in_one_direction() {
    let ours = [
        ("adapters/Cargo.toml", &[][..]),
        ("engine/directory/Cargo.toml", &[]),
        ("engine/calls/Cargo.toml", &["adapters", "directory"]),
        ("engine/stream/Cargo.toml", &["adapters", "calls", "directory"]),
        ("engine/store/Cargo.toml", &["adapters", "calls", "stream"]),
        ("engine/generator/Cargo.toml", &["adapters", "directory"]),
        ("engine/office/Cargo.toml", &[]),
        ("engine/sandbox/Cargo.toml", &["calls", "directory"]),
        ("engine/runner/Cargo.toml", &["calls", "directory", "office", "sandbox"]),
        ("engine/deliver/Cargo.toml", &["adapters", "calls", "directory", "office"]),
        ("benches/Cargo.toml", &["adapters", "calls", "directory", "generator", "sandbox", "store", "stream"]),
        (
            "engine/Cargo.toml",
            &[
                "adapters",
                "calls",
                "deliver",
                "directory",
                "generator",
                "office",
                "runner",
                "sandbox",
                "store",
                "stream",
            ],
        ),
    ];
    let foreign = [
        ("clickhouse", "engine/store/Cargo.toml"),
        ("libloading", "engine/Cargo.toml"),
        ("rdkafka", "engine/Cargo.toml"),
        ("axum", "engine/Cargo.toml"),
        ("clap", "engine/Cargo.toml"),
        ("rlibphonenumber", "engine/directory/Cargo.toml"),
        ("rusqlite", "engine/office/Cargo.toml"),
        ("wasmtime", "engine/sandbox/Cargo.toml"),
        ("lettre", "engine/deliver/Cargo.toml"),
        ("reqwest", "engine/deliver/Cargo.toml"),
        ("handlebars", "engine/deliver/Cargo.toml"),
    ];
    for (manifest, known) in ours {
        let names = dependencies(manifest);
        for name in [
            "adapters",
            "calls",
            "deliver",
            "directory",
            "engine",
            "generator",
            "office",
            "runner",
            "sandbox",
            "store",
            "stream",
        ] {
            assert!(!names.contains(name) || known.contains(&name), "{manifest}: `{name}` is in the wrong direction");
        }
        // A bench has a consumer as people write it, beside ours.
        for (name, only) in foreign.into_iter().filter(|_| manifest != "benches/Cargo.toml") {
            assert!(!names.contains(name) || manifest == only, "{manifest}: only {only} knows `{name}`");
        }
    }
}

/// The company of the corpus: only names that are no ordinary words (with a hyphen, of people, of devices) can be looked for.
#[test]
fn nothing_of_one_company_is_in_a_source() {
    let described: serde_json::Value = serde_json::from_str(&read("engine/calls/tests/corpus/pbx.json")).unwrap();
    let list = |key: &str| described[key].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut names: BTreeSet<String> = BTreeSet::new();
    names.extend(list("trunks").iter().map(|trunk| text(&trunk["name"])));
    names.extend(described["contexts"].as_object().unwrap().keys().filter(|name| name.contains('-')).cloned());
    names.extend(list("extensions").iter().map(|person| text(&person["name"])));
    names.extend(list("extensions").iter().map(|person| text(&person["mobile"])));
    names.extend(list("numbers").iter().map(|number| text(&number["did"]).replace('+', "")));
    names.remove("");
    assert!(names.len() > 30, "too few names were found: {names:?}");
    let mut wrong = String::new();
    for path in sources() {
        for (number, line) in (1..).zip(read(&path).lines()) {
            for name in names.iter().filter(|name| holds_word(line, name)) {
                let _ = writeln!(wrong, "{path}:{number}: `{name}` is a name of one company");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What a crate is built from, without what its tests need.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = read(manifest);
    let (_, rest) = text.split_once("[dependencies]\n").expect("a crate has dependencies");
    let list = rest.lines().take_while(|line| !line.starts_with('['));
    let name = |line: &str| line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned();
    list.map(name).filter(|name| !name.is_empty() && !name.starts_with('#')).collect()
}

/// Paths in backticks, and in the commands that a reader copies, each with its line.
fn paths_in(text: &str) -> Vec<(usize, String)> {
    let ends = [".rs", ".md", ".toml", ".sql", ".py", ".json", ".csv", ".txt", ".lock"];
    let tops = [
        "adapters/",
        "engine/",
        "sql/",
        "benches/",
        "plugins/",
        "deploy/",
        ".ci/",
        ".cargo/",
        ".clippy",
        "src/",
        "tests/",
    ];
    let is_path = |word: &str| {
        let plain = !word.contains(['<', '>', '$', '{', '(', ':', '|', '"', '=']) && !word.starts_with(['/', '-']);
        plain && word != "." && (tops.iter().any(|t| word.starts_with(t)) || ends.iter().any(|e| word.ends_with(e)))
    };
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with("```") {
            in_code = !in_code;
            continue;
        }
        let words: Vec<&str> = if in_code {
            line.split([' ', '(', ')']).filter(|word| tops.iter().any(|top| word.starts_with(top))).collect()
        } else {
            spans(line).collect()
        };
        let words = words.into_iter().map(|word| word.trim_end_matches('/')).filter(|word| !word.is_empty());
        found.extend(words.filter(|word| is_path(word)).map(|word| (number, word.to_owned())));
    }
    found
}

/// True if `known` is this path, ends with it, or is in this folder; `*` stands for any one name.
fn names(path: &str, known: &str) -> bool {
    let wanted: Vec<&str> = path.split('/').collect();
    let known: Vec<&str> = known.split('/').collect();
    let fits = |part: &str, wanted: &str| match wanted.split_once('*') {
        Some((before, after)) => {
            part.len() >= before.len() + after.len() && part.starts_with(before) && part.ends_with(after)
        }
        None => part == wanted,
    };
    known.windows(wanted.len()).any(|window| window.iter().zip(&wanted).all(|(part, wanted)| fits(part, wanted)))
}

/// What stands between backticks.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn without_spans(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// The rows of the table whose first line begins so, cell by cell.
fn table(text: &str, head: &str) -> Vec<Vec<String>> {
    let rows = text.lines().skip_while(|line| !line.starts_with(head)).skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn bare(cell: &str) -> &str {
    cell.trim_matches('`')
}

/// `LostInTransfer` and `lost_in_transfer` are one name.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        before = c;
    }
    snake
}

/// The contents of the string literals of a source.
fn strings(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in source.lines().map(|line| line.split("//").next().unwrap_or_default()) {
        found.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    found
}

/// A source's names alone: comments and the text between quotes are blank, lines stay lines.
fn without_comments_and_strings(source: &str) -> String {
    let mut bare = String::with_capacity(source.len());
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => {
                chars.by_ref().find(|c| *c == '\n');
                bare.push('\n');
            }
            '"' => {
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => drop(chars.next()),
                        '\n' => bare.push('\n'),
                        _ => {}
                    }
                }
            }
            // A quote as a character begins no text.
            '\'' if chars.peek() == Some(&'"') => drop(chars.next()),
            c => bare.push(c),
        }
    }
    bare
}

/// The name stands there as a whole word; a hyphen is part of a word, since names have hyphens.
fn holds_word(line: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        // What follows a channel's device after a hyphen is one call's: `NAME-00000015` is a use of the name.
        let after =
            after.strip_prefix('-').map_or(after, |rest| rest.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

/// Rust sources of the product: adapters and engine, without their tests.
fn sources() -> impl Iterator<Item = String> {
    let is_source =
        |path: &String| path.ends_with(".rs") && (path.starts_with("adapters/src/") || path.contains("/src/"));
    tree()
        .into_iter()
        .filter(move |path| is_source(path) && (path.starts_with("adapters/") || path.starts_with("engine/")))
}

/// Every file of the repository by its path from the top, folders after what is in them left out.
fn tree() -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![root().to_owned()];
    while let Some(folder) = todo.pop() {
        for path in entries(&folder) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let ours =
                [".ci", ".cargo", ".config", ".clippy.toml", ".rustfmt.toml", ".gitignore"].contains(&name.as_str());
            if !ours && (name.starts_with('.') || ["target", "node_modules", "__pycache__"].contains(&name.as_str())) {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            } else {
                found.push(path.strip_prefix(root()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
