//! One page, one file: what it asks, and what its template is told. What all pages have is here.

pub(crate) mod access;
pub(crate) mod acts;
pub(crate) mod call;
pub(crate) mod calls;
pub(crate) mod changes;
pub(crate) mod customer;
pub(crate) mod dashboard;
pub(crate) mod directory;
pub(crate) mod me;
pub(crate) mod measures;
pub(crate) mod messages;
pub(crate) mod missed;
pub(crate) mod owed;
pub(crate) mod own;
pub(crate) mod plugins;
pub(crate) mod site_file;
pub(crate) mod sources;
pub(crate) mod views;

use adapters::leg::Moment;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::Reader;
use store::scope::Whose;
use store::view::View;

use crate::asking::{Asking, Fault};
use crate::words::{Language, Told};
use crate::{Portal, assets};

/// The states of a follow-up, in the order of the legend.
pub(crate) const STATES: [&str; 7] =
    ["open", "dealing", "returned_by_us", "reached_us", "settled_by_hand", "not_returnable", "expired"];

/// What the frame of every page is told.
#[derive(Serialize)]
pub(crate) struct Frame {
    title: String,
    /// Which entry of the menu it is.
    active: &'static str,
    /// The page's own address: what is live is asked for there again.
    address: String,
    language: &'static str,
    zone: &'static str,
    /// The moment of the page.
    now: String,
    /// `None`: nobody signed in.
    login: Option<String>,
    is_administrator: bool,
    may_act: bool,
    /// They may take a follow-up over from somebody else.
    may_take_over: bool,
    csrf: String,
    search: String,
    /// It is asked for again when something is new.
    is_live: bool,
    style: &'static str,
    icon: &'static str,
    htmx: &'static str,
    sse: &'static str,
    keys: &'static str,
}

/// The frame of a page of somebody who signed in.
///
/// # Errors
/// Their company is gone.
pub(crate) fn frame(asking: &Asking, title: &str, active: &'static str) -> Result<Frame, Fault> {
    let viewer = asking.viewer()?;
    let zone = asking.directory()?.zone();
    let query = if asking.query.is_empty() { String::new() } else { format!("?{}", asking.query) };
    Ok(Frame {
        title: title_of(&asking.portal, asking.language, title),
        active,
        address: format!("{}{query}", asking.path),
        zone: zone.name(),
        now: rfc3339(asking.now),
        login: Some(viewer.login.clone()),
        is_administrator: viewer.is_administrator(),
        may_act: viewer.powers.act,
        may_take_over: viewer.may_take_over(),
        csrf: viewer.csrf.clone().unwrap_or_default(),
        search: asking.key("search").unwrap_or_default(),
        is_live: true,
        ..frame_of_nobody(&asking.portal, asking.language, title, asking.now)
    })
}

/// The frame of a page before anybody signed in.
pub(crate) fn frame_of_nobody(portal: &Portal, language: Language, title: &str, now: Moment) -> Frame {
    Frame {
        title: title_of(portal, language, title),
        active: "",
        address: String::new(),
        language: language.code(),
        zone: "UTC",
        now: rfc3339(now),
        login: None,
        is_administrator: false,
        may_act: false,
        may_take_over: false,
        csrf: String::new(),
        search: String::new(),
        is_live: false,
        style: assets::address("style.css"),
        icon: assets::address("icon.svg"),
        htmx: assets::address("htmx.js"),
        sse: assets::address("hx-sse.js"),
        keys: assets::address("keys.js"),
    }
}

/// A title is a message of ours, or what somebody or something is called.
fn title_of(portal: &Portal, language: Language, title: &str) -> String {
    portal.words.say(language, title, &[]).unwrap_or_else(|| title.to_owned())
}

/// A message.
pub(crate) fn said(asking: &Asking, name: &str, told: &[(&str, Told)]) -> String {
    asking.portal.words.say(asking.language, name, told).unwrap_or_else(|| name.to_owned())
}

/// A page.
///
/// # Errors
/// What its template lacks.
pub(crate) fn show(
    portal: &Portal,
    template: &str,
    frame: &Frame,
    told: impl Serialize,
) -> Result<Html<String>, Fault> {
    let broken = |error: &dyn std::fmt::Display| Fault::Broken(format!("{template}: {error}"));
    let mut data = serde_json::to_value(told).map_err(|error| broken(&error))?;
    let page = serde_json::to_value(frame).map_err(|error| broken(&error))?;
    if let Some(data) = data.as_object_mut() {
        data.insert("page".to_owned(), page);
        // The legend of colors stands on several pages.
        data.entry("states").or_insert_with(|| json!(STATES));
    }
    portal.templates.page(template, &data).map(Html).map_err(|error| broken(&error))
}

/// The page that says why there is none. Never the words of an error of ours.
pub(crate) fn broken(portal: &Portal, fault: &Fault, language: Language, asking: Option<&Asking>) -> Response {
    let (name, detail) = match fault {
        Fault::SignIn => ("fault-sign-in", String::new()),
        Fault::Forbidden(why) => (*why, String::new()),
        Fault::NotFound => ("fault-not-found", String::new()),
        Fault::Wrong(what) => ("fault-wrong", what.clone()),
        Fault::Conflict(what) => ("fault-conflict", what.clone()),
        Fault::Taken { .. } => ("fault-taken", String::new()),
        Fault::Overtaken { .. } => ("fault-overtaken", String::new()),
        Fault::TooMany => ("fault-too-many", String::new()),
        Fault::Busy => ("fault-busy", String::new()),
        Fault::Broken(_) => ("fault-broken", String::new()),
    };
    let (who, since) = match fault {
        Fault::Taken { by, since: at } | Fault::Overtaken { by, at } => (Some(by), Some(rfc3339(*at))),
        _ => (None, None),
    };
    let own = asking.filter(|asking| asking.viewer.is_some()).and_then(|asking| frame(asking, name, "").ok());
    let mut frame = own.unwrap_or_else(|| frame_of_nobody(portal, language, name, (portal.parts.now)()));
    frame.is_live = false;
    let told = json!({"name": name, "detail": detail, "who": who, "since": since});
    match show(portal, "pages/broken", &frame, told) {
        Ok(page) => page.into_response(),
        Err(_) => "Something went wrong here, and was written to the log.\n".into_response(),
    }
}

/// What is new, as it comes.
///
/// # Errors
/// Too many pages listen.
pub(crate) async fn live(asking: Asking) -> Result<Response, Fault> {
    asking.portal.live.answer()
}

/// Asks the store as this viewer.
///
/// # Errors
/// Their company is gone.
pub(crate) fn reader(asking: &Asking) -> Result<Reader<'_>, Fault> {
    let directory = asking.directory()?;
    Ok(Reader {
        store: &asking.portal.parts.store,
        scope: asking.viewer()?.scope.clone(),
        zone: directory.zone(),
        now: asking.now,
        soon_ms: directory.service_level_ms(),
    })
}

/// The ids of people whose names have this in them, in capitals or not: what a search by name finds.
pub(crate) fn named(asking: &Asking, search: Option<&str>) -> Result<Vec<String>, Fault> {
    const NAMED_MAX: usize = 100;
    let Some(text) = search.map(str::to_lowercase).filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    let directory = asking.directory()?;
    let is_named = |person: &&::directory::Person| person.name.to_lowercase().contains(&text);
    Ok(directory.people().iter().filter(is_named).take(NAMED_MAX).map(|person| person.id.clone()).collect())
}

/// A moment as records and pages write it.
pub(crate) fn rfc3339(at: Moment) -> String {
    adapters::line::moment(at).to_string()
}

/// What a measure's value is, as messages call it.
pub(crate) fn unit_word(unit: ::calls::measure::Unit) -> &'static str {
    match unit {
        ::calls::measure::Unit::Count => "count",
        ::calls::measure::Unit::Seconds => "seconds",
        ::calls::measure::Unit::Percent => "percent",
    }
}

/// The view, but for this.
pub(crate) fn changed(view: &View, change: impl FnOnce(&mut View)) -> View {
    let mut view = view.clone();
    change(&mut view);
    view
}

/// Whether the viewer may see what is this person's.
pub(crate) fn may_see(asking: &Asking, id: &str) -> Result<bool, Fault> {
    let directory = asking.directory()?;
    Ok(match &asking.viewer()?.scope.whose {
        Whose::Everything => directory.person(id).is_some(),
        Whose::Groups(groups) => groups.people.iter().any(|known| known == id),
        Whose::Person(person) => person.id == id,
    })
}

/// The people whom the viewer may look at, with the one who is chosen: nobody has to choose where there is one.
pub(crate) fn people(asking: &Asking, chosen: Option<&str>) -> Result<Vec<Value>, Fault> {
    let directory = asking.directory()?;
    let mut people = Vec::new();
    for person in directory.people() {
        if may_see(asking, &person.id)? {
            people.push(json!({"id": person.id, "name": person.name, "is_shown": Some(person.id.as_str()) == chosen}));
        }
    }
    Ok(people)
}

/// What somebody who did something is called: a person by their name, a login or a plugin by its own.
pub(crate) fn called<'n>(names: &'n Map<String, Value>, by: &'n str) -> &'n str {
    let own = || by.strip_prefix("login:").or_else(|| by.strip_prefix("plugin:")).unwrap_or(by);
    names.get(by).and_then(Value::as_str).unwrap_or_else(own)
}

/// Names of people and groups by their ids, as far as pages show them.
pub(crate) fn names(asking: &Asking) -> Result<Map<String, Value>, Fault> {
    let directory = asking.directory()?;
    let people = directory.people().iter().map(|person| (format!("person:{}", person.id), person.name.clone().into()));
    let groups = directory.groups().iter().map(|group| (format!("group:{}", group.id), group.name.clone().into()));
    Ok(people.chain(groups).collect())
}

/// Bytes of a record that a row has, also as text where they are text.
pub(crate) fn readable(row: &mut Map<String, Value>) {
    let bytes = row.get("bytes_base64").and_then(Value::as_str).and_then(|text| BASE64_STANDARD.decode(text).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    row.insert("text".to_owned(), text.map_or(Value::Null, Value::String));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_text_where_they_are_text() {
        let text = |bytes: &str| {
            let mut row = Map::from_iter([("bytes_base64".to_owned(), json!(bytes))]);
            readable(&mut row);
            row["text"].clone()
        };
        assert_eq!([text("YSxi"), text("/w==")], [json!("a,b"), Value::Null]);
    }
}
