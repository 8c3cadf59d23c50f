//! All calls, as a view: filters, groups, order, columns and period are its address.

use std::time::Instant;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use store::period::{PRESETS, Period};
use store::view::{Asked, COLUMNS, Column, Condition, Sort, Test, View};

use super::{changed, frame, named, names, reader, show};
use crate::asking::{Asking, Fault};

/// A filter that is on, and the view without it.
#[derive(Serialize)]
struct Chip {
    column: &'static str,
    test: &'static str,
    values: Vec<String>,
    without: String,
}

/// One cell, and what a click on it leaves or takes away.
#[derive(Serialize)]
struct Cell {
    column: &'static str,
    kind: &'static str,
    value: Value,
    only: Option<String>,
    not: Option<String>,
}

#[derive(Serialize)]
struct Line {
    call_id: String,
    state: Option<String>,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Heading {
    column: &'static str,
    is_numeric: bool,
    sort: Option<String>,
    /// `ascending`, `descending` or `none`.
    order: &'static str,
    by: Option<String>,
    without: Option<String>,
}

#[derive(Serialize)]
struct GroupLine {
    value: Option<String>,
    calls: u64,
    missed: u64,
    answered: u64,
    address: String,
}

#[derive(Serialize)]
struct Told {
    query: String,
    views: Vec<Value>,
    is_saved: bool,
    people: Vec<Value>,
    /// What a form that changes one condition sends beside it.
    kept: Vec<(String, String)>,
    chips: Vec<Chip>,
    presets: Vec<(&'static str, String, bool)>,
    from: Option<String>,
    to: Option<String>,
    headings: Vec<Heading>,
    lines: Vec<Line>,
    groups: Option<Vec<GroupLine>>,
    by: Option<&'static str>,
    is_cut: bool,
    ungrouped: String,
    group_columns: Vec<(&'static str, String)>,
    more_columns: Vec<(&'static str, String)>,
    total: u64,
    next: Option<String>,
    names: Map<String, Value>,
    took_ms: u64,
}

/// `/calls`
///
/// # Errors
/// A key that is not understood; as of the store.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let began = Instant::now();
    let asked = Asked::parse(&without_nobody(&asking.query)).map_err(|error| Fault::Wrong(error.to_string()))?;
    let view = asked.view;
    let reader = reader(&asking)?;
    let broken = |error: store::StoreError| Fault::of_store(&error);
    let named = named(&asking, view.search.as_deref())?;
    let mut views = super::views::found(&asking).await?;
    for saved in &mut views {
        let is_shown = saved["query"] == view.query();
        saved["is_shown"] = is_shown.into();
    }
    let mut told = Told {
        query: view.query(),
        is_saved: views.iter().any(|saved| saved["is_shown"] == true),
        views,
        people: super::people(&asking, chosen(&view))?,
        kept: kept(&view, "tried"),
        chips: chips(&view),
        presets: presets(&view),
        from: None,
        to: None,
        headings: headings(&view),
        lines: Vec::new(),
        groups: None,
        by: view.by.map(|column| column.name),
        is_cut: false,
        ungrouped: address(&changed(&view, |view| view.by = None)),
        group_columns: columns_by(&view, Column::is_group, |view, name| view.grouped_by(name)),
        more_columns: more_columns(&view),
        total: 0,
        next: None,
        names: names(&asking)?,
        took_ms: 0,
    };
    if let Period::Free { .. } = view.period {
        for (key, value) in view.period.pairs() {
            let place = if key == "from" { &mut told.from } else { &mut told.to };
            *place = Some(value);
        }
    }
    match view.by {
        Some(_) => {
            let grouped = reader.grouped(&view, &named).await.map_err(broken)?;
            told.total = grouped.total.calls;
            told.is_cut = grouped.is_cut;
            let line = |group: store::Group| GroupLine {
                address: address(&group.view),
                value: group.value,
                calls: group.calls,
                missed: group.missed,
                answered: group.answered,
            };
            told.groups = Some(grouped.rows.into_iter().map(line).collect());
        }
        None => {
            let shown = with_id(&view);
            let page = reader.page(&shown, &named, asked.cursor.as_ref()).await.map_err(broken)?;
            told.total = reader.total(&view, &named).await.map_err(broken)?.calls;
            told.lines = page.rows.iter().map(|row| line(row, &view)).collect();
            let query = view.query();
            let and = if query.is_empty() { "" } else { "&" };
            told.next = page.next.map(|cursor| format!("/calls?{query}{and}cursor={cursor}"));
        }
    }
    told.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let frame = frame(&asking, "calls-title", "calls")?;
    Ok(show(&asking.portal, "pages/calls", &frame, told)?.into_response())
}

/// `/calls.csv`: the view's rows, as many as a page may have.
///
/// # Errors
/// As of the page.
pub(crate) async fn csv(asking: Asking) -> Result<Response, Fault> {
    let asked = Asked::parse(&asking.query).map_err(|error| Fault::Wrong(error.to_string()))?;
    let view = changed(&asked.view, |view| view.limit = store::view::LIMIT_MAX);
    let reader = reader(&asking)?;
    let named = named(&asking, view.search.as_deref())?;
    let page = reader.page(&view, &named, asked.cursor.as_ref()).await.map_err(|error| Fault::of_store(&error))?;
    let mut text = String::from("\u{feff}");
    let names: Vec<&str> = view.columns.iter().map(|column| column.name).collect();
    text.push_str(&names.join(","));
    text.push_str("\r\n");
    for row in &page.rows {
        let cells = names.iter().map(|name| csv_cell(row.get(*name).unwrap_or(&Value::Null)));
        text.push_str(&cells.collect::<Vec<_>>().join(","));
        text.push_str("\r\n");
    }
    let head = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"calls.csv\""),
    ];
    let next = page.next.map(|cursor| [("x-next-cursor", cursor.to_string())]);
    Ok((
        head,
        next.map_or_else(axum::http::HeaderMap::new, |next| next.into_iter().filter_map(header_of).collect()),
        text,
    )
        .into_response())
}

fn header_of((name, value): (&'static str, String)) -> Option<(axum::http::HeaderName, axum::http::HeaderValue)> {
    Some((axum::http::HeaderName::from_static(name), value.parse().ok()?))
}

/// As RFC 4180 has it; a text that a spreadsheet would take for a formula has a quotation mark before it (OWASP: CSV injection), but
/// for what is a number with a sign: telephone numbers stay what they are.
fn csv_cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let is_number = text.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let text = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
        true => format!("'{text}"),
        false => text,
    };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// A form where nobody was chosen asks for everybody, and not for calls of nobody.
fn without_nobody(query: &str) -> String {
    let is_nobody = |pair: &&str| *pair != "tried=";
    query.split('&').filter(is_nobody).collect::<Vec<_>>().join("&")
}

/// Whom the view is of, where it is of one.
fn chosen(view: &View) -> Option<&str> {
    view.conditions().iter().find_map(|condition| match &condition.test {
        Test::Is(values) if condition.column.name == "tried" => values.first().map(String::as_str),
        _ => None,
    })
}

/// The keys of a view's query but for this one.
fn kept(view: &View, but: &str) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(view.query().as_bytes()).into_owned().collect::<Vec<_>>();
    pairs.into_iter().filter(|(key, _)| key != but).collect()
}

fn address(view: &View) -> String {
    format!("/calls?{}", view.query())
}

/// The rows have their id and their follow-up's state, whatever is shown.
fn with_id(view: &View) -> View {
    let mut shown = view.clone();
    for name in ["call_id", "follow_up"] {
        if let Some(column) = store::view::column_named(name).filter(|column| !shown.columns.contains(column)) {
            shown.columns.push(column);
        }
    }
    shown
}

fn line(row: &Map<String, Value>, view: &View) -> Line {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    Line {
        call_id: text(row.get("call_id")).unwrap_or_default(),
        state: text(row.get("follow_up").and_then(|owed| owed.get("status"))),
        cells: view.columns.iter().map(|column| cell(row, column, view)).collect(),
    }
}

fn cell(row: &Map<String, Value>, column: &'static Column, view: &View) -> Cell {
    let value = row.get(column.name).cloned().unwrap_or_default();
    let value = if column.name == "follow_up" { value.get("status").cloned().unwrap_or_default() } else { value };
    let text = match &value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    // A click on a moment or a length would leave one call.
    let may = column.is_filter() && !matches!(kind(column), "moment" | "seconds");
    let narrowed = |test: fn(Vec<String>) -> Test| {
        let text = text.clone().filter(|_| may)?;
        view.clone().with(column.name, test(vec![text])).ok().map(|view| address(&view))
    };
    Cell { column: column.name, kind: kind(column), value, only: narrowed(Test::Is), not: narrowed(Test::IsNot) }
}

/// How a column is shown.
fn kind(column: &Column) -> &'static str {
    use store::view::Kind;
    match column.kind {
        Kind::Moment => "moment",
        Kind::Seconds => "seconds",
        Kind::Word(_) | Kind::State(_) => "word",
        Kind::Flag => "flag",
        Kind::Count(..) => "number",
        Kind::List | Kind::People => "list",
        Kind::Text | Kind::Shown => "text",
    }
}

fn chips(view: &View) -> Vec<Chip> {
    let chip = |(at, condition): (usize, &Condition)| {
        let (test, values) = match &condition.test {
            Test::Is(values) => ("is", values.clone()),
            Test::IsNot(values) => ("not", values.clone()),
            Test::All(values) => ("all", values.clone()),
            Test::Empty(true) => ("empty", Vec::new()),
            Test::Empty(false) => ("told", Vec::new()),
            Test::Min(value) => ("min", vec![value.clone()]),
            Test::Max(value) => ("max", vec![value.clone()]),
            Test::Contains(value) => ("contains", vec![value.clone()]),
        };
        let others = view.conditions().iter().enumerate().filter(|(other, _)| *other != at);
        let without = changed(&View::of(view.period), |without| {
            (without.search, without.sort, without.by) = (view.search.clone(), view.sort, view.by);
            (without.columns, without.limit) = (view.columns.clone(), view.limit);
        });
        let without = others
            .map(|(_, condition)| condition)
            .try_fold(without, |view, condition| view.with(condition.column.name, condition.test.clone()));
        let without = without.map_or_else(|_| "/calls".to_owned(), |view| address(&view));
        Chip { column: condition.column.name, test, values, without }
    };
    view.conditions().iter().enumerate().map(chip).collect()
}

fn presets(view: &View) -> Vec<(&'static str, String, bool)> {
    let preset = |(preset, word): &(store::period::Preset, &'static str)| {
        let period = Period::Preset(*preset);
        (*word, address(&changed(view, |view| view.period = period)), view.period == period)
    };
    PRESETS.iter().map(preset).collect()
}

fn headings(view: &View) -> Vec<Heading> {
    let heading = |column: &&'static Column| {
        let is_sorted = view.sort.column == *column;
        let descending = if is_sorted { !view.sort.descending } else { true };
        let sorted = changed(view, |view| view.sort = Sort { column, descending });
        let mut fewer = view.clone();
        fewer.columns.retain(|other| other != column);
        Heading {
            column: column.name,
            is_numeric: matches!(kind(column), "seconds" | "number"),
            sort: column.is_sort().then(|| address(&sorted)),
            order: match (is_sorted, view.sort.descending) {
                (false, _) => "none",
                (true, true) => "descending",
                (true, false) => "ascending",
            },
            by: column
                .is_group()
                .then(|| view.clone().grouped_by(column.name).ok().map(|view| address(&view)))
                .flatten(),
            without: (!fewer.columns.is_empty()).then(|| address(&fewer)),
        }
    };
    view.columns.iter().map(heading).collect()
}

fn columns_by(
    view: &View,
    may: fn(&Column) -> bool,
    with: fn(View, &str) -> Result<View, store::view::ViewError>,
) -> Vec<(&'static str, String)> {
    let entry = |column: &'static Column| Some((column.name, address(&with(view.clone(), column.name).ok()?)));
    COLUMNS.iter().filter(|column| may(column)).filter_map(entry).collect()
}

fn more_columns(view: &View) -> Vec<(&'static str, String)> {
    let hidden = COLUMNS.iter().filter(|column| column.is_shown() && !view.columns.contains(column));
    let with = |column: &'static Column| {
        let mut more = view.clone();
        more.columns.push(column);
        (column.name, address(&more))
    };
    hidden.map(with).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_the_view_but_for_what_it_changes() {
        assert_eq!(without_nobody("period=all&tried=&outcome=busy"), "period=all&outcome=busy");
        assert_eq!(without_nobody("tried=ann"), "tried=ann");
        let view = View::parse("period=all&tried=ann&outcome=busy").unwrap();
        assert_eq!(chosen(&view), Some("ann"));
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(kept(&view, "tried"), [pair("period", "all"), pair("outcome", "busy")]);
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        let cell = |text: &str| csv_cell(&Value::String(text.to_owned()));
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("@x,\"y\""), "\"'@x,\"\"y\"\"\"");
        assert_eq!(cell("+441632960357"), "+441632960357");
        assert_eq!(cell("-cmd"), "'-cmd");
        assert_eq!(csv_cell(&Value::Null), "");
    }
}
