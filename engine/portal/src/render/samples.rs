//! Every page with the values of its samples, in every language: whatever a template needs is there, and what it writes is what browsers,
//! and people who do not see it, can work with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{TEMPLATES, Templates};
use crate::words::{Language, Words};

/// Bytes of a page.
const PAGE_BYTES_MAX: usize = 100_000;

/// Elements without an end.
const VOID: [&str; 6] = ["meta", "link", "input", "br", "img", "hr"];

/// Elements of which none is within another of the same kind.
const NOT_WITHIN_ITSELF: [&str; 5] = ["a", "form", "button", "label", "select"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// What the frame of a page is told.
fn frame(language: Language, is_signed_in: bool) -> Value {
    json!({
        "title": "A <title>", "active": "calls", "address": "/calls?a=\"b\"&c=d", "language": language.code(), "zone": "Europe/Kyiv",
        "now": "2026-11-27T12:00:00Z", "login": is_signed_in.then_some("ann"), "is_administrator": true, "may_act": true,
        "may_take_over": true, "csrf": "abc", "search": "\"", "is_live": is_signed_in, "style": "/assets/0/style.css",
        "icon": "/assets/0/icon.svg", "htmx": "/assets/0/htmx.js", "sse": "/assets/0/hx-sse.js", "keys": "/assets/0/keys.js",
    })
}

#[test]
fn every_page_has_samples_and_is_well_formed_in_every_language() {
    let templates = Templates::new(Arc::new(Words::new().unwrap())).unwrap();
    let pages: BTreeSet<&str> = TEMPLATES.iter().filter_map(|(name, _)| name.strip_prefix("pages/")).collect();
    let folders: Vec<PathBuf> = entries(&folder());
    let names: BTreeSet<&str> = folders.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert_eq!(names, pages, "each page has a folder of samples");
    let mut found = String::new();
    for sample in folders.iter().flat_map(|folder| entries(folder)) {
        let page = sample.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap();
        for (language, code, _) in Language::ALL {
            let mut data: Value = serde_json::from_str(&std::fs::read_to_string(&sample).unwrap()).unwrap();
            data["page"] = frame(language, page != "sign_in");
            data["states"] = json!(crate::pages::STATES);
            let of = format!("{} in {code}", sample.display());
            match templates.page(&format!("pages/{page}"), &data) {
                Ok(html) => wrong(&html).iter().for_each(|wrong| found.push_str(&format!("{of}: {wrong}\n"))),
                Err(error) => found.push_str(&format!("{of}: {error}\n")),
            }
        }
    }
    assert!(found.is_empty(), "{found}");
}

#[test]
fn what_is_wrong_with_a_page_is_found() {
    for (html, expected) in [
        ("<p>a", "p is not ended"),
        ("<p>a</b></p>", "</b> ends p"),
        ("<a href=\"/\"><a href=\"/\">x</a></a>", "a within a"),
        ("<input name=\"x\">", "nobody says what input x is"),
        ("<label>x <input name=\"x\"></label><p style=\"color: red\">", "style"),
        ("<button onclick=\"x()\">x</button>", "onclick"),
        ("<script>x()</script>", "a script in the page"),
        ("<p id=\"a\"></p><p id=\"a\"></p>", "a is the id of two"),
        ("<p class=a></p>", "without quotation marks"),
        ("<img src=\"/x\">", "img without alt"),
        ("<button></button>", "button without words"),
    ] {
        let found = wrong(html);
        assert!(found.iter().any(|found| found.contains(expected)), "{html}: {found:?}");
    }
    assert_eq!(wrong("<label for=\"x\">x</label><input id=\"x\" name=\"x\"><br><p>a &lt; b</p>"), Vec::<String>::new());
}

/// Every message that a template names is there, also where no sample comes by; names that data end are looked up by the samples.
#[test]
fn every_message_that_a_template_names_is_there() {
    let words = Words::new().unwrap();
    for (template, text) in TEMPLATES {
        for rest in text.split("{{t \"").skip(1) {
            let (name, after) = rest.split_once('"').unwrap();
            if !after.starts_with("}}") {
                continue;
            }
            for (language, code, _) in Language::ALL {
                assert!(words.say(language, name, &[]).is_some(), "{template}: {name} is not in {code}.ftl");
            }
        }
    }
}

/// An element that has begun.
struct Open {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
}

/// What a strict reader has against a page.
fn wrong(html: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if html.len() > PAGE_BYTES_MAX {
        wrong.push(format!("{} bytes, at most {PAGE_BYTES_MAX}", html.len()));
    }
    let (mut open, mut ids, mut labels, mut fields) =
        (Vec::<Open>::new(), BTreeSet::new(), BTreeSet::new(), Vec::new());
    let mut rest = html.trim_start().strip_prefix("<!doctype html>").unwrap_or(html);
    while let Some(at) = rest.find('<') {
        let (text, from) = rest.split_at(at);
        open.iter_mut().for_each(|element| element.text.push_str(text));
        let Some(end) = tag_end(from) else {
            wrong.push(format!("a tag without an end: {from:.40}"));
            break;
        };
        let tag = &from[1..end];
        rest = &from[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            match open.pop() {
                Some(element) if element.name == name.trim() => wrong.extend(without_words(&element)),
                Some(element) => wrong.push(format!("</{name}> ends {}", element.name)),
                None => wrong.push(format!("</{name}> ends nothing")),
            }
            continue;
        }
        let (name, attributes) = attributes(tag.trim_end_matches('/'), &mut wrong);
        for attribute in attributes.keys().filter(|key| *key == "style" || key.starts_with("on")) {
            wrong.push(format!("<{tag}>: {attribute} is not run: the page's policy forbids it"));
        }
        match name.as_str() {
            "script" if !attributes.contains_key("src") => wrong.push("a script in the page".to_owned()),
            "style" => wrong.push("a style sheet in the page".to_owned()),
            "img" if !attributes.contains_key("alt") => wrong.push("img without alt".to_owned()),
            _ => {}
        }
        if let Some(id) = attributes.get("id").filter(|id| !ids.insert((*id).clone())) {
            wrong.push(format!("{id} is the id of two"));
        }
        if NOT_WITHIN_ITSELF.contains(&name.as_str()) && open.iter().any(|element| element.name == name) {
            wrong.push(format!("{name} within {name}"));
        }
        labels.extend(attributes.get("for").cloned().filter(|_| name == "label"));
        let is_shown = attributes.get("type").is_none_or(|kind| kind != "hidden");
        if matches!(name.as_str(), "input" | "select" | "textarea") && is_shown {
            let is_named = attributes.contains_key("aria-label") || open.iter().any(|element| element.name == "label");
            fields.push((name.clone(), attributes.clone(), is_named));
        }
        if !VOID.contains(&name.as_str()) && !tag.ends_with('/') {
            open.push(Open { name, attributes, text: String::new() });
        }
    }
    wrong.extend(open.iter().map(|element| format!("{} is not ended", element.name)));
    for (name, attributes, is_named) in fields {
        let is_named = is_named || attributes.get("id").is_some_and(|id| labels.contains(id));
        if !is_named {
            wrong.push(format!("nobody says what {name} {} is", attributes.get("name").map_or("", String::as_str)));
        }
    }
    wrong
}

/// A link or a button says what it does.
fn without_words(element: &Open) -> Option<String> {
    let is_silent = element.text.trim().is_empty() && !element.attributes.contains_key("aria-label");
    (matches!(element.name.as_str(), "a" | "button" | "summary" | "h1" | "h2" | "option") && is_silent)
        .then(|| format!("{} without words", element.name))
}

/// Where a tag ends: at the first angle that is in no quotation marks.
fn tag_end(from: &str) -> Option<usize> {
    let mut within = None;
    for (at, c) in from.char_indices() {
        match within {
            None if c == '>' => return Some(at),
            None if matches!(c, '"' | '\'') => within = Some(c),
            Some(quote) if c == quote => within = None,
            _ => {}
        }
    }
    None
}

fn attributes(tag: &str, wrong: &mut Vec<String>) -> (String, BTreeMap<String, String>) {
    let (name, mut rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    let mut attributes = BTreeMap::new();
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let value = match after.strip_prefix('=') {
            None => {
                rest = after;
                String::new()
            }
            Some(after) => match after.chars().next().filter(|quote| matches!(quote, '"' | '\'')) {
                Some(quote) => {
                    let (value, left) = after[1..].split_once(quote).unwrap_or((&after[1..], ""));
                    rest = left;
                    value.to_owned()
                }
                None => {
                    wrong.push(format!("<{tag}>: {key} without quotation marks"));
                    break;
                }
            },
        };
        if attributes.insert(key.to_owned(), value).is_some() {
            wrong.push(format!("<{tag}>: {key} twice"));
        }
    }
    (name.to_owned(), attributes)
}
