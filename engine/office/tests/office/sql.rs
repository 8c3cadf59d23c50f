//! Every statement is in the subset that SQLite and PostgreSQL share, is used, and means something to SQLite.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sqlparser::ast::{DataType, Statement};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql/office")
}

/// Name and text of the `.sql` files of a folder, in the order of their names.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn statements() -> Vec<(String, String)> {
    files(&folder()).into_iter().chain(files(&folder().join("schema"))).collect()
}

/// What is wrong with a text, in words.
fn outside_the_subset(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let dialects: [(&str, &dyn Dialect); 2] = [("SQLite", &SQLiteDialect {}), ("PostgreSQL", &PostgreSqlDialect {})];
    for (name, dialect) in dialects {
        match Parser::parse_sql(dialect, text) {
            Err(e) => wrong.push(format!("{name}: {e}")),
            Ok(statements) if statements.len() != 1 => {
                wrong.push(format!("{} statements in one file", statements.len()));
            }
            Ok(statements) => wrong.extend(types_of(&statements[0])),
        }
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize().unwrap();
    let tokens: Vec<Token> = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Word(word) if word.quote_style.is_some() => wrong.push(format!("{token} is quoted")),
            Token::Word(word) => {
                let lower = word.value.to_lowercase();
                if lower != word.value {
                    wrong.push(format!("{token} is not in lower case"));
                }
                if FORBIDDEN.contains(&&*lower) {
                    wrong.push(format!("{token} is not in the subset"));
                }
                if tokens.get(at + 1) == Some(&Token::LParen) && is_function(&tokens, at, word.keyword) {
                    if !FUNCTIONS.contains(&&*lower) {
                        wrong.push(format!("the function {token} is not in the subset"));
                    }
                    if matches!(&*lower, "min" | "max" | "sum" | "count") && arguments(&tokens[at + 1..]) != 1 {
                        wrong.push(format!("{token} of several values is not in the subset"));
                    }
                }
            }
            Token::Placeholder(name) if !name.starts_with('$') => wrong.push(format!("{name}: write $1")),
            Token::SemiColon => wrong.push("a semicolon".to_owned()),
            Token::DoubleColon | Token::Arrow | Token::LongArrow | Token::LBracket => {
                wrong.push(format!("{token} is not in the subset"));
            }
            _ => {}
        }
    }
    wrong
}

const FUNCTIONS: [&str; 8] = ["count", "sum", "min", "max", "coalesce", "length", "substr", "cast"];

const FORBIDDEN: [&str; 24] = [
    "replace",
    "ignore",
    "rowid",
    "oid",
    "ctid",
    "autoincrement",
    "serial",
    "bigserial",
    "blob",
    "bytea",
    "pragma",
    "strict",
    "without",
    "glob",
    "match",
    "regexp",
    "ilike",
    "similar",
    "now",
    "current_timestamp",
    "indexed",
    "using",
    "lateral",
    "filter",
];

/// A word before a parenthesis that is no name of a table and no keyword that may stand there.
fn is_function(tokens: &[Token], at: usize, keyword: Keyword) -> bool {
    let before = at.checked_sub(1).map(|before| tokens[before].to_string().to_lowercase());
    let of_table = matches!(before.as_deref(), Some("into" | "table" | "on" | "events" | "index" | "exists"));
    let may_stand = [
        Keyword::IN,
        Keyword::VALUES,
        Keyword::KEY,
        Keyword::CONFLICT,
        Keyword::AND,
        Keyword::OR,
        Keyword::FROM,
        Keyword::WHERE,
        Keyword::EXISTS,
        Keyword::AS,
        Keyword::UNIQUE,
        Keyword::SELECT,
        Keyword::NOT,
        Keyword::ON,
    ];
    !of_table && !may_stand.contains(&keyword)
}

/// How many arguments follow, from the parenthesis on.
fn arguments(tokens: &[Token]) -> usize {
    let (mut depth, mut count) = (0, 1);
    for token in tokens {
        match token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 1 => break,
            Token::RParen => depth -= 1,
            Token::Comma if depth == 1 => count += 1,
            _ => {}
        }
    }
    count
}

fn types_of(statement: &Statement) -> Vec<String> {
    let Statement::CreateTable(table) = statement else { return Vec::new() };
    let other =
        table.columns.iter().filter(|column| !matches!(column.data_type, DataType::Text | DataType::BigInt(None)));
    other.map(|column| format!("{} is {}: text and bigint only", column.name, column.data_type)).collect()
}

#[test]
fn every_statement_is_in_the_subset() {
    for (name, text) in statements() {
        assert_eq!(outside_the_subset(&text), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn what_is_not_in_the_subset_is_found() {
    for text in [
        "select ifnull(a, 0) from t",
        "select max(a, b) from t",
        "insert or replace into t (a) values ($1)",
        "select rowid from t",
        "create table t (a blob)",
        "create table t (a integer primary key)",
        "select a from t where b = ?",
        "select a::bigint from t",
        "select \"a\" from t",
        "select a from t; select b from t",
        "pragma journal_mode",
        "select a from t where b glob 'x*'",
        "Select a from t",
    ] {
        assert_ne!(outside_the_subset(text), Vec::<String>::new(), "{text}");
    }
}

/// Arguments are given by their place, and SQLite numbers them by their first appearance.
#[test]
fn parameters_appear_in_order_and_every_statement_prepares() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    for (name, text) in files(&folder().join("schema")) {
        connection.execute_batch(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    for (name, text) in files(&folder()) {
        connection
            .prepare(&text)
            .map(drop)
            .or_else(|e| match name.as_str() {
                // The table of the schema itself is made when an office is opened.
                "schema_applied" | "schema_add" => Ok(()),
                _ => Err(e),
            })
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, &text).tokenize().unwrap();
        let mut last = 0;
        for token in &tokens {
            let Token::Placeholder(placeholder) = token else { continue };
            let number: usize = placeholder[1..].parse().unwrap();
            assert!(number <= last + 1, "{name}: {placeholder} appears before ${}", last + 1);
            last = last.max(number);
        }
    }
}

#[test]
fn every_file_is_used_and_every_used_one_is_there() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut used = BTreeSet::new();
    let mut listed = Vec::new();
    for entry in std::fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        used.extend(text.split("sql!(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        if path.ends_with("schema.rs") {
            let (_, list) = text.split_once("= files![").unwrap();
            let (list, _) = list.split_once("];").unwrap();
            listed.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    let names = |folder: &Path| -> Vec<String> { files(folder).into_iter().map(|(name, _)| name).collect() };
    assert_eq!(used.into_iter().collect::<Vec<_>>(), names(&folder()));
    assert_eq!(listed, names(&folder().join("schema")));
}

/// What is asked while calls go on finds its rows by an index; what grows without end is walked through by counts alone.
#[test]
fn no_statement_walks_through_what_grows() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    for (name, text) in files(&folder().join("schema")) {
        connection.execute_batch(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let mut walks = Vec::new();
    for (name, text) in files(&folder()).iter().filter(|(name, _)| !name.starts_with("schema_")) {
        let mut plan = connection.prepare(&format!("explain query plan {text}")).unwrap();
        let nothing = vec![rusqlite::types::Null; plan.parameter_count()];
        let steps = plan.query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3)).unwrap();
        let walk = |step: &String| step.starts_with("SCAN") && step != "SCAN old";
        walks.extend(steps.map(Result::unwrap).filter(walk).map(|step| format!("{name}: {step}")));
    }
    // Plugins and tenants are few; the counts of actions and timers are asked for now and then.
    assert_eq!(
        walks,
        [
            "count_actions: SCAN actions USING COVERING INDEX actions_by_status",
            "count_events: SCAN p",
            "count_retries: SCAN p USING COVERING INDEX sqlite_autoindex_plugins_1",
            "count_timers: SCAN timers USING COVERING INDEX timers_by_moment",
            "counter_tenants: SCAN counters USING COVERING INDEX sqlite_autoindex_counters_1",
            "plugins: SCAN plugins USING INDEX sqlite_autoindex_plugins_1",
        ]
    );
}
