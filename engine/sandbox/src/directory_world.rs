//! A world of the site file, with the plugin's state in memory: for backtests, and for whoever asks the directory as plugins do.
//! Nothing here knows who is at their telephone: presence is `unknown`.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use calls::event::{Event, Pairs};
use directory::{Directory, Group};

use crate::handling::Handling;
use crate::world::{Person, Unavailable, World};

/// Answers from a directory, and keeps state in memory.
pub struct DirectoryWorld {
    directory: Arc<Directory>,
    state: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl DirectoryWorld {
    /// Of this directory, without any state.
    #[must_use]
    pub fn new(directory: Arc<Directory>) -> DirectoryWorld {
        DirectoryWorld { directory, state: Mutex::default() }
    }

    /// The same with this state.
    #[must_use]
    pub fn with_state(self, state: BTreeMap<String, Vec<u8>>) -> DirectoryWorld {
        DirectoryWorld { state: Mutex::new(state), ..self }
    }

    /// Keeps what an event changed.
    pub fn apply(&self, handling: &Handling) {
        let mut state = self.state();
        for (key, value) in &handling.state {
            match value {
                Some(value) => state.insert(key.clone(), value.clone()),
                None => state.remove(key),
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group and the site whose hours hold for `site:ID`, `group:ID`, `person:ID`; `None`: there is no such.
    fn hours_of<'w>(&'w self, event: &Event, who: &'w str) -> Option<(Option<&'w str>, Option<&'w str>)> {
        let (kind, id) = who.split_once(':')?;
        match kind {
            "site" => self.directory.site(id).map(|site| (None, Some(site.id.as_str()))),
            "group" => {
                let group = self.directory.group(id)?;
                let member = self.directory.people().iter().find(|person| person.group.as_deref() == Some(id));
                Some((Some(group.id.as_str()), self.site_of(member, event)))
            }
            "person" => {
                let person = self.directory.person(id)?;
                Some((person.group.as_deref(), self.site_of(Some(person), event)))
            }
            _ => None,
        }
    }

    /// Where somebody's telephone stands, else the first site.
    fn site_of(&self, person: Option<&directory::Person>, event: &Event) -> Option<&str> {
        let extensions = person.map(|person| person.extensions.as_slice()).unwrap_or_default();
        let held = extensions.iter().find(|extension| extension.span.holds(moment(event)));
        let pbx = held.or(extensions.first()).and_then(|extension| self.directory.pbx(&extension.pbx));
        Some(pbx.unwrap_or_else(|| self.directory.first_pbx()).site.as_str())
    }

    /// The first head of this group, or of one above it, who is somebody else.
    fn head_of(&self, group: Option<&str>, person: &str) -> Option<String> {
        let mut above = group.and_then(|group| self.directory.group(group));
        while let Some(Group { heads, parent, .. }) = above {
            if let Some(head) = heads.iter().find(|head| *head != person) {
                return Some(head.clone());
            }
            above = parent.as_deref().and_then(|parent| self.directory.group(parent));
        }
        None
    }
}

impl World for DirectoryWorld {
    /// What the PBX wrote is not kept here.
    fn raw(&self, _event: &Event) -> Result<Vec<Pairs>, Unavailable> {
        Ok(Vec::new())
    }

    fn get_person(&self, event: &Event, id: &str) -> Result<Option<Person>, Unavailable> {
        Ok(self.directory.person(id).map(|person| {
            let held = person.extensions.iter().filter(|extension| extension.span.holds(moment(event)));
            Person {
                id: person.id.clone(),
                name: person.name.clone(),
                extensions: held.map(|extension| extension.number.clone()).collect(),
                groups: person.group.iter().chain(&person.groups).cloned().collect(),
                head: self.head_of(person.group.as_deref(), &person.id),
                presence: "unknown".to_owned(),
                facts: Pairs::new(),
            }
        }))
    }

    /// Those who had a telephone then, or never had one.
    fn members(&self, event: &Event, group: &str) -> Result<Option<Vec<String>>, Unavailable> {
        let is_in = |person: &&directory::Person| person.group.iter().chain(&person.groups).any(|of| of == group);
        let is_there = |person: &&directory::Person| {
            person.extensions.is_empty() || person.extensions.iter().any(|e| e.span.holds(moment(event)))
        };
        let people = || self.directory.people().iter().filter(is_in).filter(is_there);
        Ok(self.directory.group(group).map(|_| people().map(|person| person.id.clone()).collect()))
    }

    fn is_open(&self, event: &Event, who: &str, at: i64) -> Result<Option<bool>, Unavailable> {
        let of = self.hours_of(event, who);
        Ok(of.map(|(group, site)| self.directory.group_open_at(group, site, at).unwrap_or(true)))
    }

    fn next_open(&self, event: &Event, who: &str, at: i64) -> Result<Option<i64>, Unavailable> {
        let Some((group, site)) = self.hours_of(event, who) else { return Ok(None) };
        // Nobody told hours: it is always open.
        let has_hours = self.directory.group_open_at(group, site, at).is_some();
        Ok(if has_hours { self.directory.next_opening(group, site, at) } else { Some(at) })
    }

    fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        Ok(self.state().get(key).cloned())
    }

    fn state_keys(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<String>, Unavailable> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let state = self.state();
        let keys = state.range::<str, _>((from, Bound::Unbounded)).map(|(key, _)| key);
        Ok(keys.take_while(|key| key.starts_with(prefix)).take(max).cloned().collect())
    }

    fn state_bytes(&self) -> Result<usize, Unavailable> {
        Ok(self.state().iter().map(|(key, value)| key.len() + value.len()).sum())
    }
}

fn moment(event: &Event) -> i64 {
    i64::try_from(event.at.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use calls::event::{About, Time};

    const SITE: &str = r#"
        [[site]]
        id = "pier"
        zone = "Europe/Berlin"
        hours = { mon = ["09:00-17:00"] }
        [[site]]
        id = "mill"
        [[pbx]]
        id = "bell"
        site = "pier"
        [[pbx]]
        id = "horn"
        site = "mill"
        [[group]]
        id = "company"
        heads = ["ida"]
        [[group]]
        id = "sales"
        parent = "company"
        heads = ["bob"]
        [[group]]
        id = "night"
        hours = { tue = ["20:00-24:00"] }
        [[person]]
        id = "ann"
        name = "Ann"
        group = "sales"
        groups = ["night"]
        extensions = [{ number = "201", pbx = "bell", until = "2026-01-01" }, { number = "301", pbx = "horn", from = "2026-01-01" }]
        [[person]]
        id = "bob"
        name = "Bob"
        group = "sales"
        extensions = [{ number = "202", pbx = "bell" }]
        [[person]]
        id = "ida"
        name = "Ida"
        group = "company"
        extensions = [{ number = "203", pbx = "bell", from = "2026-06-01" }]
    "#;

    fn ms(text: &str) -> i64 {
        let time: Time = serde_json::from_value(text.into()).unwrap();
        i64::try_from(time.0).unwrap()
    }

    fn event(at: &str) -> Event {
        let at = Time(ms(at).unsigned_abs());
        let about = About::Json("{}".into());
        Event {
            id: "e".into(),
            kind: "window-closed".into(),
            at,
            now: at,
            tenant: "acme".into(),
            about,
            offers: vec![],
        }
    }

    fn world() -> DirectoryWorld {
        DirectoryWorld::new(Arc::new(Directory::from_toml(SITE).unwrap()))
    }

    #[test]
    fn people_are_as_they_were_then() {
        let world = world();
        let person = |id: &str, at: &str| world.get_person(&event(at), id).unwrap().unwrap();
        let ann = Person {
            id: "ann".into(),
            name: "Ann".into(),
            extensions: vec!["201".into()],
            groups: vec!["sales".into(), "night".into()],
            head: Some("bob".into()),
            presence: "unknown".into(),
            facts: Pairs::new(),
        };
        assert_eq!(person("ann", "2025-11-24T10:00:00.000Z"), ann);
        assert_eq!(person("ann", "2026-11-24T10:00:00.000Z"), Person { extensions: vec!["301".into()], ..ann });
        assert_eq!(person("bob", "2026-11-24T10:00:00.000Z").head.as_deref(), Some("ida"), "nobody leads himself");
        assert_eq!(person("ida", "2026-11-24T10:00:00.000Z").head, None);
        assert_eq!(world.get_person(&event("2026-11-24T10:00:00.000Z"), "zoe").unwrap(), None);
        let members = |group: &str, at: &str| world.members(&event(at), group).unwrap();
        assert_eq!(members("sales", "2026-11-24T10:00:00.000Z"), Some(vec!["ann".into(), "bob".into()]));
        assert_eq!(members("company", "2026-01-24T10:00:00.000Z"), Some(Vec::new()), "Ida came later");
        assert_eq!(members("stock", "2026-11-24T10:00:00.000Z"), None);
    }

    #[test]
    fn hours_are_those_of_the_group_else_of_the_site() {
        let world = world();
        for (who, at, open, next) in [
            ("site:pier", "2026-11-23T10:00:00.000Z", Some(true), Some("2026-11-23T10:00:00.000Z")),
            ("site:pier", "2026-11-23T17:00:00.000Z", Some(false), Some("2026-11-30T08:00:00.000Z")),
            ("site:mill", "2026-11-22T17:00:00.000Z", Some(true), Some("2026-11-22T17:00:00.000Z")),
            ("group:night", "2026-11-23T10:00:00.000Z", Some(false), Some("2026-11-24T19:00:00.000Z")),
            ("group:sales", "2026-11-22T10:00:00.000Z", Some(true), Some("2026-11-22T10:00:00.000Z")),
            ("person:bob", "2026-11-22T10:00:00.000Z", Some(false), Some("2026-11-23T08:00:00.000Z")),
            ("person:ann", "2026-11-22T10:00:00.000Z", Some(true), Some("2026-11-22T10:00:00.000Z")),
            ("person:zoe", "2026-11-22T10:00:00.000Z", None, None),
            ("queue:600", "2026-11-22T10:00:00.000Z", None, None),
        ] {
            assert_eq!(world.is_open(&event(at), who, ms(at)).unwrap(), open, "{who} {at}");
            assert_eq!(world.next_open(&event(at), who, ms(at)).unwrap(), next.map(ms), "{who} {at}");
        }
    }
}
