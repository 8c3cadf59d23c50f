//! A view: which calls, in which order, by what, with which columns. It is parsed from the query of a URL and printed as one, so that
//! whatever a page shows has an address, and a figure leads to the calls that it counts. Pure.
//!
//! The keys of a query: `period`, or `from` and `to`; a column's name with a value (several: one of them), or with `.not`, `.all`,
//! `.empty`, `.min`, `.max`, `.contains`; `search`, `sort` (`-` before it: descending), `by`, `columns`, `limit`; and `cursor`, where
//! the next page begins. Columns and what may be done with them are in `sql/calls/columns.list`.

use std::sync::LazyLock;

use adapters::leg::Moment;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::StoreError;
use crate::period::{Edge, PRESETS, Period, Preset};

/// Rows of a page at most.
pub const LIMIT_MAX: u16 = 1_000;
/// Rows of a page where nobody asks for another number.
pub const LIMIT_DEFAULT: u16 = 50;
/// Bytes of a query at most.
pub const QUERY_BYTES_MAX: usize = 16_384;
/// Values in all conditions of a view at most.
pub const VALUES_MAX: usize = 500;

/// The columns that are shown where nobody asks for others.
const COLUMNS_DEFAULT: &str = "started_at,direction,caller,caller_name,did,called,queue,answered,outcome,reason,wait_time_s,talk_time_s,follow_up";

/// What a column's values are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// One of these words.
    Word(Vec<&'static str>),
    /// true or false.
    Flag,
    /// A whole number, within these.
    Count(i64, i64),
    /// Seconds to the millisecond.
    Seconds,
    /// A moment.
    Moment,
    /// Several texts.
    List,
    /// Several people's ids.
    People,
    /// What became of the follow-up that the call is in.
    State(Vec<&'static str>),
    /// It is shown, and nothing else.
    Shown,
}

/// A column of a view.
#[derive(Debug)]
pub struct Column {
    /// As in a URL and in a row.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    pub(crate) sql: &'static str,
    place: usize,
    allows: &'static str,
}

impl PartialEq for Column {
    fn eq(&self, other: &Column) -> bool {
        self.place == other.place
    }
}

impl Eq for Column {}

impl Column {
    /// A condition on it is possible.
    #[must_use]
    pub fn is_filter(&self) -> bool {
        self.allows.contains('f')
    }

    /// A view can be in its order.
    #[must_use]
    pub fn is_sort(&self) -> bool {
        self.allows.contains('s')
    }

    /// A view can be grouped by it.
    #[must_use]
    pub fn is_group(&self) -> bool {
        self.allows.contains('g')
    }

    /// It can be shown.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.allows.contains('c')
    }

    /// A call has several values of it, and counts in several groups.
    #[must_use]
    pub fn is_several(&self) -> bool {
        matches!(self.kind, Kind::List | Kind::People)
    }
}

/// Every column, in the order of the list.
pub static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let list = include_str!("../../../sql/calls/columns.list");
    let lines = list.lines().filter(|line| !line.starts_with('#')).enumerate();
    lines.filter_map(|(place, line)| column(place, line)).collect()
});

fn column(place: usize, line: &'static str) -> Option<Column> {
    let mut parts = line.split(" | ").map(str::trim);
    let (name, kind, sql, allows) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let mut words = kind.split_whitespace();
    let kind = match words.next()? {
        "text" => Kind::Text,
        "word" => Kind::Word(words.collect()),
        "flag" => Kind::Flag,
        "count" => {
            let mut bound = |default| words.next().and_then(|word| word.parse().ok()).unwrap_or(default);
            Kind::Count(bound(i64::MIN), bound(i64::MAX))
        }
        "seconds" => Kind::Seconds,
        "moment" => Kind::Moment,
        "list" => Kind::List,
        "people" => Kind::People,
        "state" => Kind::State(words.collect()),
        "shown" => Kind::Shown,
        _ => return None,
    };
    Some(Column { name, kind, sql, place, allows })
}

/// The column of this name.
#[must_use]
pub fn column_named(name: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.name == name)
}

/// What is asked of a column.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Test {
    /// It is one of these; of several values, one is.
    Is(Vec<String>),
    /// It is none of these.
    IsNot(Vec<String>),
    /// Of its several values, these are all among them.
    All(Vec<String>),
    /// It has no value, or has one.
    Empty(bool),
    /// It is no less than this.
    Min(String),
    /// It is no more than this.
    Max(String),
    /// This is in it, in capitals or not.
    Contains(String),
}

/// The words of tests after a column's name.
const TESTS: &[&str] = &["", "not", "all", "empty", "min", "max", "contains"];

impl Test {
    fn word(&self) -> &'static str {
        match self {
            Test::Is(_) => "",
            Test::IsNot(_) => "not",
            Test::All(_) => "all",
            Test::Empty(_) => "empty",
            Test::Min(_) => "min",
            Test::Max(_) => "max",
            Test::Contains(_) => "contains",
        }
    }

    fn values(&self) -> Vec<&str> {
        match self {
            Test::Is(values) | Test::IsNot(values) | Test::All(values) => values.iter().map(String::as_str).collect(),
            Test::Empty(true) => vec!["true"],
            Test::Empty(false) => vec!["false"],
            Test::Min(value) | Test::Max(value) | Test::Contains(value) => vec![value],
        }
    }
}

/// One condition of a view: all of them hold for each of its calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// Of what.
    pub column: &'static Column,
    /// What is asked of it.
    pub test: Test,
}

/// In which order the calls are; of equal ones the latest first, and those without a value last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sort {
    /// By what.
    pub column: &'static Column,
    /// The highest first.
    pub descending: bool,
}

/// Which calls, in which order, by what, with which columns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// When they began.
    pub period: Period,
    /// What holds for each of them, in the order of columns.
    conditions: Vec<Condition>,
    /// A number or a name, or a part of one.
    pub search: Option<String>,
    /// In which order.
    pub sort: Sort,
    /// Grouped by what.
    pub by: Option<&'static Column>,
    /// What is shown of each.
    pub columns: Vec<&'static Column>,
    /// Rows of a page.
    pub limit: u16,
}

/// A key or value of a query that was not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ViewError {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What would have worked.
    pub expected: String,
}

impl std::fmt::Display for ViewError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}: expected {}", self.key, self.value, self.expected)
    }
}

impl std::error::Error for ViewError {}

impl From<ViewError> for StoreError {
    fn from(error: ViewError) -> StoreError {
        StoreError::plain(error.to_string())
    }
}

impl Default for View {
    /// All calls of today, the latest first.
    fn default() -> View {
        View {
            period: Period::Preset(Preset::Today),
            conditions: Vec::new(),
            search: None,
            sort: Sort { column: started_at(), descending: true },
            by: None,
            columns: COLUMNS_DEFAULT.split(',').filter_map(column_named).collect(),
            limit: LIMIT_DEFAULT,
        }
    }
}

fn started_at() -> &'static Column {
    // The list is compiled in: a test says that the column is there, and that the first one can stand for none.
    column_named("started_at").unwrap_or(&COLUMNS[0])
}

impl View {
    /// All calls of a period, the latest first.
    #[must_use]
    pub fn of(period: Period) -> View {
        View { period, ..View::default() }
    }

    /// Of the query of a URL, without its `?`.
    ///
    /// # Errors
    /// The key that was not understood, and what would have worked.
    pub fn parse(query: &str) -> Result<View, ViewError> {
        Asked::parse(query).and_then(|asked| match asked.cursor {
            None => Ok(asked.view),
            Some(_) => Err(wrong("cursor", "", "no cursor: a view has none, a page of it has")),
        })
    }

    /// As the query of a URL: the same view is the same text.
    #[must_use]
    pub fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.period.pairs());
        for Condition { column, test } in &self.conditions {
            let key = match test.word() {
                "" => column.name.to_owned(),
                word => format!("{}.{word}", column.name),
            };
            query.extend_pairs(test.values().into_iter().map(|value| (key.as_str(), value)));
        }
        let standard = View::default();
        if let Some(text) = &self.search {
            query.append_pair("search", text);
        }
        if self.sort != standard.sort {
            let sign = if self.sort.descending { "-" } else { "" };
            query.append_pair("sort", &format!("{sign}{}", self.sort.column.name));
        }
        if let Some(by) = self.by {
            query.append_pair("by", by.name);
        }
        if self.columns != standard.columns {
            let names: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
            query.append_pair("columns", &names.join(","));
        }
        if self.limit != standard.limit {
            query.append_pair("limit", &self.limit.to_string());
        }
        query.finish()
    }

    /// What holds for each call, in the order of columns.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The same with one condition more; a condition of the same kind on this column gives way to it.
    ///
    /// # Errors
    /// A column that has no such condition, or a value that it cannot have, and what would have worked.
    pub fn with(mut self, name: &str, test: Test) -> Result<View, ViewError> {
        let column = filter_named(name)?;
        let test = checked(column, test)?;
        self.conditions.retain(|c| !(c.column == column && c.test.word() == test.word()));
        self.conditions.push(Condition { column, test });
        self.settle()
    }

    /// The same where this column is this value: what a click on a cell asks for.
    ///
    /// # Errors
    /// As [`View::with`].
    pub fn with_value(self, name: &str, value: &str) -> Result<View, ViewError> {
        self.with(name, Test::Is(vec![value.to_owned()]))
    }

    /// The same, grouped by this column.
    ///
    /// # Errors
    /// A column by which nothing is grouped, and what would have worked.
    pub fn grouped_by(mut self, name: &str) -> Result<View, ViewError> {
        self.by = Some(named("by", name, Column::is_group)?);
        Ok(self)
    }

    /// The calls of one row of the grouped view: `value` as the row has it, `None` where the calls have none.
    ///
    /// # Errors
    /// As [`View::with`].
    pub fn of_group(&self, value: Option<&str>) -> Result<View, ViewError> {
        let Some(by) = self.by else { return Ok(self.clone()) };
        let one = View { by: None, ..self.clone() };
        let value = match value {
            None => return one.with(by.name, Test::Empty(true)),
            Some(value) => value.to_owned(),
        };
        if !by.is_several() {
            return one.with(by.name, Test::Is(vec![value]));
        }
        let mut all = vec![value];
        let others = self.conditions.iter().filter(|c| c.column == by);
        all.extend(
            others.filter_map(|c| if let Test::All(values) = &c.test { Some(values) } else { None }).flatten().cloned(),
        );
        one.with(by.name, Test::All(all))
    }

    /// One text for one view, and one order of conditions.
    fn settle(mut self) -> Result<View, ViewError> {
        self.conditions.sort_by(|a, b| (a.column.place, &a.test).cmp(&(b.column.place, &b.test)));
        let values: usize = self.conditions.iter().map(|c| c.test.values().len()).sum();
        if values > VALUES_MAX {
            return Err(wrong("", "", format!("at most {VALUES_MAX} values in all conditions, not {values}")));
        }
        Ok(self)
    }

    /// What a cursor of this view is known by: the number of rows of a page may change from one to the next, and what is shown.
    fn fingerprint(&self) -> u64 {
        let standard = View::default();
        let alike = View { limit: standard.limit, columns: standard.columns, ..self.clone() };
        xxhash_rust::xxh3::xxh3_64(alike.query().as_bytes())
    }
}

/// A view and where its page begins, as the query of a URL asks for them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The view.
    pub view: View,
    /// After what the page begins; `None`: the first one.
    pub cursor: Option<Cursor>,
}

impl Asked {
    /// Of the query of a URL, without its `?`.
    ///
    /// # Errors
    /// The key that was not understood, and what would have worked.
    pub fn parse(query: &str) -> Result<Asked, ViewError> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(wrong("", "", format!("a query of at most {QUERY_BYTES_MAX} bytes, not {}", query.len())));
        }
        let (mut view, mut cursor, mut seen) = (View::default(), None, Vec::new());
        let (mut preset, mut from, mut to) = (None, None, None);
        let mut conditions: Vec<(&'static Column, &'static str, Vec<String>)> = Vec::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let (key, value) = (key.as_ref(), value.as_ref());
            let is_setting = SETTINGS.contains(&key);
            if is_setting && seen.contains(&key.to_owned()) {
                return Err(wrong(key, value, "this key once"));
            }
            seen.push(key.to_owned());
            match key {
                "period" => preset = Some(preset_named(value)?),
                "from" => from = Some(edge(key, value)?),
                "to" => to = Some(edge(key, value)?),
                "search" => view.search = Some(value.trim().to_owned()).filter(|text| !text.is_empty()),
                "sort" => view.sort = sort(value)?,
                "by" => view.by = Some(named(key, value, Column::is_group)?),
                "columns" => {
                    let names = value.split(',').filter(|name| !name.is_empty());
                    view.columns = names.map(|name| named(key, name, Column::is_shown)).collect::<Result<_, _>>()?;
                    if view.columns.is_empty() || view.columns.len() > COLUMNS.len() {
                        return Err(wrong(key, value, "the names of some columns, with commas between them"));
                    }
                }
                "limit" => view.limit = limit(value)?,
                "cursor" => cursor = Some(value.to_owned()).filter(|text| !text.is_empty()),
                _ => {
                    let (name, test) = key.split_once('.').unwrap_or((key, ""));
                    let column = filter_named(name).map_err(|_| wrong(key, value, expected_keys()))?;
                    let Some(test) = TESTS.iter().find(|word| **word == test) else {
                        return Err(wrong(key, value, format!("after {name}. one of {}", TESTS[1..].join(", "))));
                    };
                    match conditions.iter_mut().find(|(c, t, _)| *c == column && t == test) {
                        Some((.., values)) => values.push(value.to_owned()),
                        None => conditions.push((column, test, vec![value.to_owned()])),
                    }
                }
            }
        }
        view.period = match (preset, from, to) {
            (Some(preset), None, None) => Period::Preset(preset),
            (Some(_), ..) => return Err(wrong("period", "", "either period, or from and to")),
            (None, None, None) => view.period,
            (None, from, to) => Period::Free { from, to },
        };
        for (column, test, values) in conditions {
            let test = test_of(column, test, values)?;
            view.conditions.push(Condition { column, test: checked(column, test)? });
        }
        let view = view.settle()?;
        let cursor = cursor.map(|text| Cursor::parse(&text, &view)).transpose()?;
        Ok(Asked { view, cursor })
    }
}

/// Keys that stand once, and are no column.
const SETTINGS: &[&str] = &["period", "from", "to", "search", "sort", "by", "columns", "limit", "cursor"];

fn wrong(key: &str, value: &str, expected: impl Into<String>) -> ViewError {
    // What somebody typed comes back shortened: it may be anything.
    let value: String = value.chars().take(100).collect();
    ViewError { key: key.chars().take(100).collect(), value, expected: expected.into() }
}

fn expected_keys() -> String {
    let columns: Vec<&str> = COLUMNS.iter().filter(|column| column.is_filter()).map(|column| column.name).collect();
    format!("one of {}, or a column: {}", SETTINGS.join(", "), columns.join(", "))
}

fn named(key: &str, name: &str, allows: fn(&Column) -> bool) -> Result<&'static Column, ViewError> {
    column_named(name).filter(|column| allows(column)).ok_or_else(|| {
        let names: Vec<&str> = COLUMNS.iter().filter(|column| allows(column)).map(|column| column.name).collect();
        wrong(key, name, format!("one of {}", names.join(", ")))
    })
}

fn filter_named(name: &str) -> Result<&'static Column, ViewError> {
    named(name, name, Column::is_filter).map_err(|error| ViewError { value: String::new(), ..error })
}

fn preset_named(value: &str) -> Result<Preset, ViewError> {
    let words: Vec<&str> = PRESETS.iter().map(|(_, word)| *word).collect();
    let found = PRESETS.iter().find(|(_, word)| *word == value).map(|(preset, _)| *preset);
    found.ok_or_else(|| wrong("period", value, format!("one of {}, or from and to", words.join(", "))))
}

fn edge(key: &str, value: &str) -> Result<Edge, ViewError> {
    Edge::parse(value).ok_or_else(|| {
        wrong(
            key,
            value,
            "a day, 2026-11-27, or a moment with its offset, 2026-11-27T09:30:00+02:00 (+ is %2B in a URL)",
        )
    })
}

fn sort(value: &str) -> Result<Sort, ViewError> {
    let (name, descending) = value.strip_prefix('-').map_or((value, false), |name| (name, true));
    Ok(Sort { column: named("sort", name, Column::is_sort)?, descending })
}

fn limit(value: &str) -> Result<u16, ViewError> {
    let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| wrong("limit", value, format!("a number from 1 to {LIMIT_MAX}")))
}

fn test_of(column: &Column, word: &str, values: Vec<String>) -> Result<Test, ViewError> {
    match word {
        "" => return Ok(Test::Is(values)),
        "not" => return Ok(Test::IsNot(values)),
        "all" => return Ok(Test::All(values)),
        _ => {}
    }
    let key = format!("{}.{word}", column.name);
    let mut values = values.into_iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(wrong(&key, "", "this key once")) };
    Ok(match word {
        "empty" => match value.as_str() {
            "true" => Test::Empty(true),
            "false" => Test::Empty(false),
            _ => return Err(wrong(&key, &value, "true or false")),
        },
        "min" => Test::Min(value),
        "max" => Test::Max(value),
        _ => Test::Contains(value),
    })
}

/// The test with each value as it is printed; which tests a column has.
fn checked(column: &'static Column, test: Test) -> Result<Test, ViewError> {
    let one = |value: String| checked_value(column, &value);
    let each = |values: Vec<String>| {
        let mut values = values.into_iter().map(one).collect::<Result<Vec<String>, _>>()?;
        values.sort_unstable();
        values.dedup();
        Ok(values)
    };
    let key = format!("{}.{}", column.name, test.word());
    let refused = |expected: &str| Err(wrong(&key, "", format!("another condition: {} {expected}", column.name)));
    let is_range = matches!(column.kind, Kind::Count(..) | Kind::Seconds | Kind::Moment);
    match test {
        Test::Is(values) => Ok(Test::Is(each(values)?)),
        Test::IsNot(values) => Ok(Test::IsNot(each(values)?)),
        Test::All(values) if column.is_several() => Ok(Test::All(each(values)?)),
        Test::All(_) => refused("has one value and not several"),
        Test::Empty(empty) => Ok(Test::Empty(empty)),
        Test::Min(value) if is_range => Ok(Test::Min(one(value)?)),
        Test::Max(value) if is_range => Ok(Test::Max(one(value)?)),
        Test::Min(_) | Test::Max(_) => refused("has no range"),
        Test::Contains(value) if matches!(column.kind, Kind::Text | Kind::List | Kind::People) => {
            if value.is_empty() {
                return Err(wrong(&key, &value, "some text"));
            }
            Ok(Test::Contains(value))
        }
        Test::Contains(_) => refused("is no text"),
    }
}

fn checked_value(column: &Column, value: &str) -> Result<String, ViewError> {
    let wrong = |expected: String| Err(wrong(column.name, value, expected));
    match &column.kind {
        Kind::Text | Kind::List | Kind::People | Kind::Shown => Ok(value.to_owned()),
        Kind::Word(words) | Kind::State(words) if words.contains(&value) => Ok(value.to_owned()),
        Kind::Word(words) | Kind::State(words) => wrong(format!("one of {}", words.join(", "))),
        Kind::Flag if ["true", "false"].contains(&value) => Ok(value.to_owned()),
        Kind::Flag => wrong("true or false".to_owned()),
        Kind::Count(min, max) => match value.parse::<i64>() {
            Ok(number) if (*min..=*max).contains(&number) => Ok(number.to_string()),
            _ if *max == i64::MAX => wrong("a whole number".to_owned()),
            _ => wrong(format!("a whole number from {min} to {max}")),
        },
        Kind::Seconds => match milliseconds(value) {
            Some(ms) => Ok(seconds_text(ms)),
            None => wrong("seconds, with up to three decimals".to_owned()),
        },
        Kind::Moment => match Edge::parse(value) {
            Some(edge @ Edge::At(_)) => Ok(edge.to_string()),
            _ => wrong("a moment with its offset, 2026-11-27T09:30:00+02:00".to_owned()),
        },
    }
}

/// Seconds with up to three decimals, in milliseconds.
pub(crate) fn milliseconds(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || part.len() > 3 || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let part: i64 = format!("{part:0<3}").parse().ok()?;
    Some(sign * (whole.parse::<i64>().ok()? * 1000 + part))
}

fn seconds_text(ms: i64) -> String {
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    let text = format!("{sign}{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A moment as a condition has it.
pub(crate) fn moment_of(text: &str) -> Option<Moment> {
    match Edge::parse(text) {
        Some(Edge::At(moment)) => Some(moment),
        _ => None,
    }
}

/// After which call the next page begins. It names the call and what it is sorted by, so that rows that come or go meanwhile shift nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor {
    fingerprint: u64,
    /// When that call began.
    pub(crate) at: Moment,
    /// That call.
    pub(crate) call_id: String,
    /// What it is sorted by, as the table tells it; `None` where it has no value.
    pub(crate) key: Option<String>,
}

impl Cursor {
    pub(crate) fn after(view: &View, at: Moment, call_id: &str, key: Option<String>) -> Cursor {
        Cursor { fingerprint: view.fingerprint(), at, call_id: call_id.to_owned(), key }
    }

    fn parse(text: &str, view: &View) -> Result<Cursor, ViewError> {
        let wrong = |expected: &str| wrong("cursor", text, expected);
        let bytes =
            BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong("the cursor that came with the page before"))?;
        let (fingerprint, at, call_id, key): (u64, i64, String, Option<String>) =
            serde_json::from_slice(&bytes).map_err(|_| wrong("the cursor that came with the page before"))?;
        let is_key = key.as_deref().is_none_or(|key| is_text(view.sort.column) || key.parse::<i64>().is_ok());
        if fingerprint != view.fingerprint() || !is_key {
            return Err(wrong("a cursor of this very view: without one it begins anew"));
        }
        Ok(Cursor { fingerprint, at: Moment(at), call_id, key })
    }
}

/// Its values are compared as text.
pub(crate) fn is_text(column: &Column) -> bool {
    matches!(column.kind, Kind::Text | Kind::Word(_))
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = (self.fingerprint, self.at.0, &self.call_id, &self.key);
        let text = serde_json::to_string(&parts).map_err(|_| std::fmt::Error)?;
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(text))
    }
}

#[cfg(test)]
#[path = "view/tests.rs"]
mod tests;
