//! Each figure of the dashboard is the number of the calls that its link leads to, and what is counted again here from the lines that
//! `ringback calls` makes of the same records, without a database.

use std::collections::BTreeMap;
use std::process::Stdio;

use chrono::{DateTime, Datelike, Timelike};
use serde_json::Value;

use crate::process::web::{ask, cookie};
use crate::process::{Running, all_cases, folder, ringback, run, site, text, write};

/// A figure as the page has it: what it is, the number, and the question that its link asks.
#[derive(Debug, PartialEq)]
struct Figure {
    part: &'static str,
    number: String,
    query: String,
}

/// What stands between two texts, each time.
fn between<'a>(page: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    page.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

fn query(address: &str) -> String {
    address.strip_prefix("/calls?").unwrap_or_else(|| panic!("{address} leads to no calls")).replace("&amp;", "&")
}

/// Every figure with a link: tiles, rows of tables, bars of the hours, slots of the week.
fn figures(page: &str) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |part, number: &str, address: &str| {
        figures.push(Figure { part, number: number.to_owned(), query: query(address) });
    };
    for tile in between(page, "<a class=\"tile", "</a>") {
        let address = between(tile, "href=\"", "\"").next().expect("a link");
        add("tile", between(tile, "<strong>", "</strong>").next().expect("a number"), address);
    }
    for row in between(page, "<tr><td><a href=\"", "</tr>") {
        let address = row.split('"').next().expect("a link");
        let mut numbers = between(row, "<td class=\"n", "</td>").filter_map(|cell| cell.split('>').nth(1));
        add("row", numbers.next().expect("a number"), address);
        if let Some(missed) = numbers.next() {
            add("row, missed", missed, &format!("{address}&amp;missed=true"));
        }
    }
    for link in between(page, "<a href=\"/calls?", "</title>") {
        let (address, rest) = link.split_once("\" aria-label=\"").unwrap_or_default();
        let Some(told) = rest.split('"').next().filter(|told| !told.is_empty()) else { continue };
        let address = format!("/calls?{address}");
        let (_, numbers) = told.rsplit_once(": ").unwrap_or_else(|| panic!("{told}"));
        match numbers.split_once('/') {
            Some((missed, all)) => {
                add("slot", all, &address);
                add("slot, missed", missed, &format!("{address}&amp;missed=true"));
            }
            None => add("bar", numbers, &address),
        }
    }
    figures
}

/// A call's line and a column of the page: what the column shows.
fn shown(line: &Value, column: &str, zone: chrono_tz::Tz) -> Option<String> {
    let word = |value: &Value| match value {
        Value::Null => None,
        Value::String(word) => Some(word.clone()),
        other => Some(other.to_string()),
    };
    let at = || DateTime::parse_from_rfc3339(text(&line["started_at"])).expect("a moment").with_timezone(&zone);
    match column {
        "hour" => Some(at().hour().to_string()),
        "weekday" => Some(at().weekday().number_from_monday().to_string()),
        "follow_up" => word(&line["follow_up"]["status"]),
        "owner_group" => {
            let owner = line["owner"].as_str().and_then(|owner| owner.split_once(':'));
            let offers = line["offers"].as_array().expect("offers");
            let of_owner = match owner {
                Some(("group", id)) => Some(id.to_owned()),
                Some((_, id)) => offers.iter().find(|o| o["person"] == id).and_then(|o| word(&o["group"])),
                None => None,
            };
            of_owner.or_else(|| word(&line["group"]))
        }
        column => word(&line[column]),
    }
}

/// Whether a line is in the list that a question asks for.
fn is_in(line: &Value, query: &str, zone: chrono_tz::Tz) -> bool {
    let mut conditions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').expect("a condition");
        conditions.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    conditions.iter().all(|(key, values)| match key.split_once('.') {
        _ if key == "period" => values == &["all"],
        Some((column, "empty")) => values == &[shown(line, column, zone).is_none().to_string()],
        Some(_) => panic!("a condition that is not counted again here: {query}"),
        None => values.contains(&shown(line, key, zone).unwrap_or_default()),
    })
}

fn mean(of: impl Iterator<Item = f64> + Clone) -> f64 {
    of.clone().sum::<f64>() / of.count() as f64
}

#[test]
fn each_figure_of_the_dashboard_is_its_list_and_a_recount() {
    let folder = folder();
    let records = write(folder.path(), "records.csv", all_cases("cdr-full.csv"));
    let data = folder.path().join("data");
    let mut command = ringback(["demo", "--data"]);
    command.arg(&data).arg("--site").arg(site()).arg("--records").arg(&records).stderr(Stdio::null());
    let running = Running::start(&mut command);
    let ready = running.ready();
    let host = text(&ready["portal"]).strip_prefix("http://").expect("http").to_owned();
    let cookie = cookie(&host, text(&ready["login"]), text(&ready["password"]));
    let lines =
        run(ringback(["calls", "--json", "--site"]).arg(site()).args(["--pbx", "asterisk_cdr"]).arg(&records)).lines();
    let site = std::fs::read_to_string(site()).expect("a site file");
    let zone: chrono_tz::Tz =
        between(&site, "zone = \"", "\"").next().and_then(|zone| zone.parse().ok()).expect("a zone");

    let page = ask(&host, "GET", "/dashboard?period=all", &[("Cookie", &cookie), ("Accept-Language", "en")], "").body;
    let figures = figures(&page);
    let (counts, measured): (Vec<&Figure>, Vec<&Figure>) =
        figures.iter().partition(|figure| figure.number.parse::<usize>().is_ok());
    for part in ["tile", "row", "row, missed", "slot", "slot, missed", "bar"] {
        assert!(counts.iter().any(|figure| figure.part == part), "no {part}: {page}");
    }
    for figure in &counts {
        let number: usize = figure.number.parse().expect("a number");
        let path = format!("/api/v1/total?{}", figure.query);
        let total = ask(&host, "GET", &path, &[("Cookie", &cookie)], "").json();
        assert_eq!(total["total"], number, "{figure:?}");
        assert_eq!(lines.iter().filter(|line| is_in(line, &figure.query, zone)).count(), number, "{figure:?}");
    }

    // Shares and means, by the formulas of the page of measures, over the lists that they lead to.
    let of = |query: &str| lines.iter().filter(|line| is_in(line, query, zone)).collect::<Vec<_>>();
    let [rate, level, asa] = &measured[..] else { panic!("{measured:?}") };
    let came_in = of(&rate.query);
    let answered = came_in.iter().filter(|line| line["outcome"] == "answered").count();
    let closed = came_in.iter().filter(|line| line["out_of_hours"] == true && line["answered"] == "unanswered").count();
    let share = |part: usize, whole: usize| format!("{:.1}", 100.0 * part as f64 / whole as f64);
    let plain = |shown: &str| shown.trim_end_matches(['%', '\u{a0}', '\u{202f}', ' ']).to_owned();
    let same = |shown: &str, expected: &str| plain(shown).parse::<f64>().ok() == expected.parse::<f64>().ok();
    assert!(same(&rate.number, &share(answered, came_in.len() - closed)), "{rate:?}");
    let in_queue = of(&level.query);
    let is_soon = |line: &&&Value| line["outcome"] == "answered" && line["queue_wait_time_s"].as_f64() <= Some(20.0);
    let short = in_queue.iter().filter(|line| line["outcome"] == "abandoned" && line["short"] == true).count();
    assert!(same(&level.number, &share(in_queue.iter().filter(is_soon).count(), in_queue.len() - short)), "{level:?}");
    let waits = of(&asa.query).into_iter().filter_map(|line| line["queue_wait_time_s"].as_f64());
    let seconds = mean(waits).round() as u64;
    assert_eq!(asa.number, format!("{}:{:02}", seconds / 60, seconds % 60));
}
