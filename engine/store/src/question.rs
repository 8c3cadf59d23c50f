//! One question to the database: a statement of `sql/`, a scope, and values. There is no question without a scope.
//!
//! What stands in a statement between per cent signs is replaced: by what a scope says (`%calls in scope%`), or by a fragment of the lists
//! that lie beside the statement. Values come as parameters alone.

use std::collections::HashMap;
use std::sync::LazyLock;

use adapters::leg::Moment;
use clickhouse::query::Query;
use clickhouse::{RowOwned, RowRead};
use serde_json::{Map, Value as Json};

use crate::period::Span;
use crate::places::QUARTER_MS;
use crate::scope::{Of, Scope, ScopeValue};
use crate::view::{Column, Condition, Cursor, Kind, Sort, Test, is_text, milliseconds, moment_of};
use crate::weeks::{Key, Range};
use crate::{Store, StoreError, without_places};

/// How long a question may take, in seconds.
const QUESTION_TIME_MAX_S: &str = "30";
/// What a question may hold in memory, in bytes.
const QUESTION_MEMORY_MAX_BYTES: &str = "4000000000";

/// Fragments by name, as `sql/calls/conditions.list` has them.
static FRAGMENTS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = include_str!("../../../sql/calls/conditions.list").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(" | ")).map(|(name, sql)| (name.trim(), sql.trim())).collect()
});

/// The fragment of this name. A test asks for each that can be asked for; one that is not there lets no row through.
pub(crate) fn fragment(name: &str) -> &'static str {
    FRAGMENTS.get(name).copied().unwrap_or("false")
}

/// What stands in a statement, a scope or a condition that looks at follow-ups, in place of which of them the question concerns.
const OWED: &str = "%owed asked%";

/// A statement with everything that it needs.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    what: &'static str,
    sql: String,
    values: Vec<(String, Value)>,
    /// Which follow-ups it concerns.
    owed: String,
}

/// A value of a parameter.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    Text(String),
    Texts(Vec<String>),
    Number(i64),
    Numbers(Vec<i64>),
}

impl Question {
    /// `what` says in an error what was asked. A statement that does not ask for the scope is refused.
    pub(crate) fn of(what: &'static str, statement: &str, scope: &Scope) -> Result<Question, StoreError> {
        if !Of::ALL.iter().any(|of| statement.contains(of.place_holder())) {
            return Err(StoreError::plain(format!("{what}: the statement asks for no scope")));
        }
        let mut sql = statement.to_owned();
        // What narrows follow-ups and deliveries asks for the calls in scope in its turn, and that for nothing.
        for of in [Of::Deliveries, Of::FollowUps, Of::Windows, Of::Facts, Of::Calls] {
            sql = sql.replace(of.place_holder(), scope.narrowing(of));
        }
        let values = scope.parameters().into_iter().map(|(name, value)| {
            let value = match value {
                ScopeValue::Text(text) => Value::Text(text),
                ScopeValue::Texts(texts) => Value::Texts(texts),
                ScopeValue::Numbers(numbers) => Value::Numbers(numbers),
            };
            (name.to_owned(), value)
        });
        Ok(Question { what, sql, values: values.collect(), owed: fragment("owed_any").to_owned() })
    }

    /// Puts a fragment of our own in place of `%name%`.
    pub(crate) fn put(mut self, name: &str, sql: &str) -> Question {
        self.sql = self.sql.replace(&format!("%{name}%"), sql);
        self
    }

    /// Says by the name of a fragment which follow-ups it concerns; of a question that says nothing, any may be of it.
    pub(crate) fn owed(mut self, name: &str) -> Question {
        self.owed = fragment(name).to_owned();
        self
    }

    /// Puts the conditions of a view in. Of follow-ups it concerns those that have calls in the view's period.
    pub(crate) fn narrowed(self, conditions: Where) -> Question {
        let Where { sql, values, from, to, ranges } = conditions;
        let mut question = self.put("where", &sql).with_all(values);
        let mut all = Vec::new();
        for one_of in [&[(from, to)][..], &ranges] {
            let mut any = Vec::new();
            for (from, to) in one_of {
                let mut both = Vec::new();
                for (name, edge) in [("owed_since", from), ("owed_until", to)] {
                    let Some(Moment(edge)) = edge else { continue };
                    let parameter = format!("{name}_{}", question.values.len());
                    both.push(fragment(name).replace("%p%", &parameter));
                    question = question.with(parameter, Value::Number(*edge));
                }
                any.push(if both.is_empty() { fragment("owed_any").to_owned() } else { both.join(" AND ") });
            }
            let any: Vec<String> = any.into_iter().map(|both| format!("({both})")).collect();
            all.extend((!any.is_empty()).then(|| format!("({})", any.join(" OR "))));
        }
        question.owed = all.join(" AND ");
        question
    }

    /// Gives a parameter its value.
    pub(crate) fn with(mut self, name: impl Into<String>, value: Value) -> Question {
        self.values.push((name.into(), value));
        self
    }

    /// Gives all of these their values.
    pub(crate) fn with_all(mut self, values: Vec<(String, Value)>) -> Question {
        self.values.extend(values);
        self
    }

    /// What answers to it are kept by: the same statement with the same values is the same number.
    pub(crate) fn key(&self) -> Key {
        xxhash_rust::xxh3::xxh3_128(format!("{}\0{:?}", self.sql, self.values).as_bytes())
    }

    /// It depends on what is owed, and not on calls alone.
    pub(crate) fn is_of_follow_ups(&self) -> bool {
        self.sql.contains("follow_ups")
    }

    fn query(&self, store: &Store) -> Result<Query, StoreError> {
        let sql = self.sql.replace(OWED, &self.owed);
        // What is left between per cent signs was forgotten: nothing is asked then.
        if let Some(left) = sql.split('%').nth(1).filter(|_| sql.matches('%').count() > 1) {
            return Err(StoreError::plain(format!("{}: nothing was put in place of %{left}%", self.what)));
        }
        let mut query = store.client.query(&without_places(&sql));
        query = query
            .with_setting("max_execution_time", QUESTION_TIME_MAX_S)
            .with_setting("max_memory_usage", QUESTION_MEMORY_MAX_BYTES)
            // Skip indexes are used with FINAL as the server has it: since 25.6 it does, and looks at all versions of what they find.
            // Before that a newer version that an index leaves out would let an older one stand.
            // All versions of a call or follow-up at one place are in one table partition: the place says which.
            .with_setting("do_not_merge_across_partitions_select_final", "1")
            // Rows are chosen by their key before their other columns are read: with FINAL the server does that for conditions on the
            // key alone, which is the same in all versions of a row.
            .with_setting("optimize_move_to_prewhere_if_final", "1")
            .with_setting("date_time_output_format", "iso")
            .with_setting("output_format_json_quote_64bit_integers", "0")
            .with_setting("output_format_json_quote_decimals", "0");
        for (name, value) in &self.values {
            query = match value {
                Value::Text(text) => query.param(name, text),
                Value::Texts(texts) => query.param(name, texts),
                Value::Number(number) => query.param(name, number),
                Value::Numbers(numbers) => query.param(name, numbers),
            };
        }
        Ok(query)
    }

    /// All rows of the answer, as values of these types.
    pub(crate) async fn rows<T: RowOwned + RowRead>(&self, store: &Store) -> Result<Vec<T>, StoreError> {
        self.query(store)?.fetch_all().await.map_err(|e| StoreError::new(self.what, e))
    }

    /// The only row of the answer.
    pub(crate) async fn row<T: RowOwned + RowRead>(&self, store: &Store) -> Result<T, StoreError> {
        self.query(store)?.fetch_one().await.map_err(|e| StoreError::new(self.what, e))
    }

    /// All rows of the answer by the names of their columns: moments in RFC 3339, lengths in decimal seconds.
    pub(crate) async fn json(&self, store: &Store) -> Result<Vec<Map<String, Json>>, StoreError> {
        let mut cursor = self.query(store)?.fetch_bytes("JSONEachRow").map_err(|e| StoreError::new(self.what, e))?;
        let bytes = cursor.collect().await.map_err(|e| StoreError::new(self.what, e))?;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines
            .map(serde_json::from_slice)
            .collect::<Result<_, _>>()
            .map_err(|_| StoreError::plain(format!("{}: the answer is no JSON", self.what)))
    }
}

/// Conditions as SQL, with the values of their parameters.
#[derive(Clone)]
pub(crate) struct Where {
    pub(crate) sql: String,
    pub(crate) values: Vec<(String, Value)>,
    /// No call of it began before this.
    from: Option<Moment>,
    /// Each began before this.
    to: Option<Moment>,
    /// Each began in one of these, if there are any.
    ranges: Vec<(Option<Moment>, Option<Moment>)>,
}

impl Where {
    /// Everything.
    pub(crate) fn all() -> Where {
        Where { sql: "true".to_owned(), values: Vec::new(), from: None, to: None, ranges: Vec::new() }
    }

    fn and(&mut self, fragment: &str, it: &str, value: Option<Value>) {
        let name = format!("p{}", self.values.len());
        let sql = fragment.replace("%it%", it).replace("%p%", &name);
        self.sql = format!("{} AND ({sql})", self.sql);
        self.values.extend(value.map(|value| (name, value)));
    }

    pub(crate) fn since(&mut self, moment: Moment) {
        self.from = self.from.max(Some(moment));
        self.and(fragment("since"), "", Some(Value::Number(moment.0)));
    }

    pub(crate) fn until(&mut self, moment: Moment) {
        self.to = Some(self.to.map_or(moment, |to| to.min(moment)));
        self.and(fragment("until"), "", Some(Value::Number(moment.0)));
    }

    /// Begun within this span.
    pub(crate) fn within(&mut self, span: Span) {
        if let Some(from) = span.from {
            self.since(from);
        }
        if let Some(to) = span.to {
            self.until(to);
        }
    }

    /// In one of these ranges, whose numbers are quarters of an hour; everywhere if there is none.
    pub(crate) fn in_ranges(&mut self, ranges: &[Range]) {
        let at = |quarter: Option<i64>| quarter.map(|quarter| Moment(quarter * QUARTER_MS));
        self.ranges = ranges.iter().map(|(from, to)| (at(*from), at(*to))).collect();
        let mut one_of = Vec::new();
        for (from, to) in ranges {
            let mut both = Vec::new();
            for (edge, name) in [(from, "from_quarter"), (to, "to_quarter")] {
                let Some(quarter) = edge else { continue };
                let parameter = format!("p{}", self.values.len());
                both.push(fragment(name).replace("%p%", &parameter));
                self.values.push((parameter, Value::Number(*quarter)));
            }
            if both.is_empty() {
                return;
            }
            one_of.push(format!("({})", both.join(" AND ")));
        }
        if !one_of.is_empty() {
            self.sql = format!("{} AND ({})", self.sql, one_of.join(" OR "));
        }
    }

    /// What a search finds: a number however it is written, or a part of a name; people whose ids are `named`.
    pub(crate) fn search(&mut self, text: &str, named: &[String]) {
        let name = format!("p{}", self.values.len());
        let text = number_in(text).unwrap_or_else(|| text.to_owned());
        self.and(&looked_for("search", &text), "", Some(Value::Text(text)));
        self.values.push((format!("{name}_people"), Value::Texts(named.to_vec())));
    }

    pub(crate) fn condition(&mut self, condition: &Condition) {
        let Condition { column, test } = condition;
        let family = family(column);
        let named = |test: &str| fragment(&format!("{test}_{family}"));
        match test {
            Test::Is(values) => self.and(named("is"), column.sql, Some(values_of(column, values))),
            Test::IsNot(values) => self.and(named("is_not"), column.sql, Some(values_of(column, values))),
            Test::All(values) => self.and(fragment("all_list"), column.sql, Some(values_of(column, values))),
            Test::Empty(is_empty) => {
                let test = if *is_empty { "empty" } else { "not_empty" };
                let sql = if ["list", "state"].contains(&family) { named(test) } else { fragment(test) };
                self.and(sql, column.sql, None);
            }
            Test::Min(value) => self.and(named("min"), column.sql, Some(Value::Number(number(column, value)))),
            Test::Max(value) => self.and(named("max"), column.sql, Some(Value::Number(number(column, value)))),
            Test::Contains(text) => {
                let fragment = looked_for(&format!("contains_{family}"), text);
                self.and(&fragment, column.sql, Some(Value::Text(text.clone())));
            }
        }
    }

    /// What comes after a cursor in this order.
    pub(crate) fn after(&mut self, cursor: &Cursor, sort: Sort) {
        let by_time = sort.column.name == "started_at";
        let fragment = fragment(match (by_time, sort.descending, &cursor.key) {
            (true, true, _) => "after_latest",
            (true, false, _) => "after_oldest",
            (false, _, None) => "after_null",
            (false, true, _) => "after_descending",
            (false, false, _) => "after_ascending",
        });
        let key = sort_key(sort.column);
        let kind = if is_text(sort.column) { "String" } else { "Int64" };
        self.and(&fragment.replace("%type%", kind), &key, None);
        self.values.push(("cursor_at".to_owned(), Value::Number(cursor.at.0)));
        self.values.push(("cursor_id".to_owned(), Value::Text(cursor.call_id.clone())));
        if let (false, Some(key)) = (by_time, &cursor.key) {
            let value =
                if kind == "String" { Value::Text(key.clone()) } else { Value::Number(key.parse().unwrap_or(0)) };
            self.values.push(("cursor_key".to_owned(), value));
        }
    }
}

/// The fragment of this name, which looks for this text, in capitals or not.
fn looked_for(name: &str, text: &str) -> String {
    let function = match text {
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => "position_of_digits",
        ascii if ascii.is_ascii() => "position_of_ascii",
        _ => "position_of_any",
    };
    fragment(name).replace("%position%", fragment(function))
}

/// By what a view is sorted, as a value that can be compared and put into a cursor.
pub(crate) fn sort_key(column: &Column) -> String {
    fragment(&format!("sort_{}", family(column))).replace("%it%", column.sql)
}

/// How a view is sorted.
pub(crate) fn order(sort: Sort) -> String {
    let name = match (sort.column.name == "started_at", sort.descending) {
        (true, true) => "latest",
        (true, false) => "oldest",
        (false, true) => "descending",
        (false, false) => "ascending",
    };
    fragment(name).replace("%it%", &sort_key(sort.column))
}

fn family(column: &Column) -> &'static str {
    match column.kind {
        Kind::Text | Kind::Word(_) => "text",
        Kind::Flag => "flag",
        Kind::Count(..) => "count",
        Kind::Seconds => "seconds",
        Kind::Moment => "moment",
        Kind::List | Kind::People => "list",
        Kind::State(_) => "state",
        Kind::Shown => "shown",
    }
}

fn values_of(column: &Column, values: &[String]) -> Value {
    match column.kind {
        Kind::Flag | Kind::Count(..) | Kind::Seconds | Kind::Moment => {
            Value::Numbers(values.iter().map(|value| number(column, value)).collect())
        }
        _ => Value::Texts(values.to_vec()),
    }
}

/// A value that was checked when the view was made.
fn number(column: &Column, value: &str) -> i64 {
    match column.kind {
        Kind::Flag => i64::from(value == "true"),
        Kind::Seconds => milliseconds(value).unwrap_or_default(),
        Kind::Moment => moment_of(value).unwrap_or_default().0,
        _ => value.parse().unwrap_or_default(),
    }
}

/// The digits of a number that somebody typed, without what only says how it is dialed from where; `None` if it is no number.
fn number_in(text: &str) -> Option<String> {
    let is_of_number = |c: char| c.is_ascii_digit() || "+ ()-./".contains(c);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    (text.chars().all(is_of_number) && !digits.is_empty()).then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{COLUMNS, View};

    #[test]
    fn a_statement_without_a_scope_is_no_question() {
        let scope = Scope::everything("acme");
        assert!(Question::of("calls", "SELECT * FROM calls", &scope).is_err());
        assert!(Question::of("calls", "SELECT * FROM calls WHERE %calls in scope%", &scope).is_ok());
    }

    /// Each statement of the folders of views asks for a scope as often as it reads what a scope narrows.
    #[test]
    fn every_statement_of_views_is_narrowed() {
        let mut read = 0;
        for folder in ["calls", "dashboards"] {
            let path = format!("{}/../../sql/{folder}", env!("CARGO_MANIFEST_DIR"));
            for file in std::fs::read_dir(path).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_none_or(|end| end != "sql") || path.ends_with("work_after.sql") {
                    continue;
                }
                read += 1;
                let sql = std::fs::read_to_string(&path).unwrap();
                assert!(Question::of("a test", &sql, &Scope::everything("acme")).is_ok(), "{}", path.display());
                let asked = sql.matches("%calls in scope%").count();
                assert_eq!(sql.matches("FROM calls_by_time").count(), asked, "{}", path.display());
                let owed = sql.matches("FROM follow_ups_by_time").count();
                assert!(sql.matches(OWED).count() >= owed, "{}", path.display());
                assert_eq!(sql.matches("INSERT").count() + sql.matches("DELETE").count(), 0, "{}", path.display());
            }
        }
        assert!(read > 20);
    }

    /// Every condition that a view can have, and every order, has its fragment; no value of it is in the text.
    #[test]
    fn every_condition_has_its_words() {
        let tests = |value: &str| {
            let value = value.to_owned();
            let some = || vec![value.clone()];
            [
                Test::Is(some()),
                Test::IsNot(some()),
                Test::All(some()),
                Test::Empty(true),
                Test::Empty(false),
                Test::Min(value.clone()),
                Test::Max(value.clone()),
                Test::Contains(value.clone()),
            ]
        };
        let mut made = 0;
        for column in COLUMNS.iter().filter(|column| column.is_filter()) {
            let value = match &column.kind {
                Kind::Word(words) | Kind::State(words) => words[0],
                Kind::Flag => "true",
                Kind::Count(..) | Kind::Seconds => "1",
                Kind::Moment => "2026-11-27T09:30:00Z",
                _ => "'zebra",
            };
            for test in tests(value) {
                let Ok(view) = View::default().with(column.name, test) else { continue };
                let mut conditions = Where::all();
                view.conditions().iter().for_each(|condition| conditions.condition(condition));
                assert!(!conditions.sql.contains("(false)"), "{} {:?}", column.name, view.conditions());
                let sql = conditions.sql.replace(OWED, fragment("owed_any"));
                assert!(!sql.contains("zebra") && !sql.contains('%'), "{sql}");
                made += 1;
            }
        }
        assert!(made > 200, "{made}");
        for column in COLUMNS.iter().filter(|column| column.is_sort()) {
            assert!(!sort_key(column).contains("false"), "{}", column.name);
        }
    }

    #[test]
    fn a_number_is_found_however_it_is_written() {
        for (typed, digits) in [
            ("+38 (044) 123-45-67", Some("380441234567")),
            ("044 123 45 67", Some("441234567")),
            ("Ann", None),
            ("+", None),
            ("10b", None),
        ] {
            assert_eq!(number_in(typed).as_deref(), digits, "{typed}");
        }
    }
}
