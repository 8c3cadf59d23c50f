//! One call into a plugin: what it is about, and what was asked for and changed during it. It is kept only if all of it ends as done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use calls::event::Event;

use crate::action::{Action, Asked};
use crate::handling::{Fault, Level};
use crate::world::{Unavailable, World};

/// How many keys are listed at most at once.
const KEYS_MAX: usize = 1_000;

/// Changes of state that are not stored yet: those of earlier events of one `handle`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    pub(crate) changes: BTreeMap<String, Option<Vec<u8>>>,
    /// Bytes of all keys and values with these changes; asked for at the first change.
    bytes: Option<usize>,
}

/// One call into a plugin.
pub(crate) struct Turn {
    pub(crate) events: Arc<[Event]>,
    /// Index in `events` of the one that the plugin calls 0.
    pub(crate) first: usize,
    /// How many the plugin was given.
    pub(crate) count: usize,
    pub(crate) world: Arc<dyn World>,
    pub(crate) earlier: Overlay,
    /// The last value of each key and the event that gave it.
    pub(crate) changes: BTreeMap<String, (u32, Option<Vec<u8>>)>,
    bytes: Option<usize>,
    pub(crate) asked: Vec<(u32, Asked)>,
    /// Of each event: how many actions, how many bytes of them.
    used: Vec<(u32, usize)>,
    pub(crate) refused: Vec<(u32, String)>,
    pub(crate) log: Vec<(Level, String)>,
    pub(crate) log_left_out: u64,
    /// Why a function of ours stopped the plugin.
    pub(crate) stopped: Option<(Fault, String)>,
}

impl Turn {
    pub(crate) fn new(
        events: &Arc<[Event]>,
        first: usize,
        count: usize,
        world: &Arc<dyn World>,
        earlier: Overlay,
    ) -> Turn {
        Turn {
            events: Arc::clone(events),
            first,
            count,
            world: Arc::clone(world),
            bytes: earlier.bytes,
            earlier,
            changes: BTreeMap::new(),
            asked: Vec::new(),
            used: vec![(0, 0); count],
            refused: Vec::new(),
            log: Vec::new(),
            log_left_out: 0,
            stopped: None,
        }
    }

    /// The event of a cause.
    pub(crate) fn event(&self, cause: u32) -> Result<&Event, String> {
        let index = usize::try_from(cause).unwrap_or(usize::MAX);
        let event = (index < self.count).then(|| self.events.get(self.first + index)).flatten();
        event.ok_or_else(|| format!("cause {cause} is no event of this batch of {}", self.count))
    }

    /// Queues what is asked for. What the same event asked for already is queued once; a timer has its last moment,
    /// and what is canceled again is not asked for.
    pub(crate) fn ask(&mut self, cause: u32, asked: Asked, bytes: usize) -> (u32, usize) {
        let before = self.asked.iter().position(|(of, other)| {
            *of == cause && other.key == asked.key && !matches!(other.action, Action::Cancel { .. })
        });
        match (before, &asked.action) {
            (Some(at), Action::Timer { .. }) => {
                self.asked.remove(at);
                self.asked.push((cause, asked));
            }
            (Some(at), Action::Cancel { .. }) => {
                self.asked.remove(at);
                self.asked.push((cause, asked));
            }
            (Some(_), _) => {}
            (None, _) => self.asked.push((cause, asked)),
        }
        let index = usize::try_from(cause).unwrap_or(usize::MAX);
        let Some((actions, all)) = self.used.get_mut(index) else { return (0, 0) };
        *actions += 1;
        *all = all.saturating_add(bytes);
        (*actions, *all)
    }

    /// What stands under a key, with all changes.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        if let Some((_, value)) = self.changes.get(key) {
            return Ok(value.clone());
        }
        match self.earlier.changes.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.world.state_get(key),
        }
    }

    /// Changes a key, and gives the bytes of all keys and values afterwards.
    pub(crate) fn put(&mut self, cause: u32, key: String, value: Option<Vec<u8>>) -> Result<usize, Unavailable> {
        let before = self.get(&key)?;
        let all = match self.bytes {
            Some(all) => all,
            None => self.world.state_bytes()?,
        };
        let of = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, |value| key.len() + value.len());
        let after = all.saturating_sub(of(&before)).saturating_add(of(&value));
        self.bytes = Some(after);
        self.changes.insert(key, (cause, value));
        Ok(after)
    }

    /// Keys that begin so, after this one, with all changes.
    pub(crate) fn keys(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<String>, Unavailable> {
        let max = max.min(KEYS_MAX);
        if max == 0 {
            return Ok(Vec::new());
        }
        let mut found = BTreeSet::new();
        let mut from = after.map(str::to_owned);
        // Beyond the last key of a full page nothing is known, so nothing of ours beyond it is listed either.
        let until = loop {
            let page = self.world.state_keys(prefix, from.as_deref(), max)?;
            let is_full = page.len() >= max;
            let last = page.last().cloned();
            found.extend(page.into_iter().filter(|key| self.changed(key) != Some(false)));
            if !is_full {
                break None;
            }
            if found.len() >= max {
                break last;
            }
            from = last;
        };
        let ours = self.changes.keys().chain(self.earlier.changes.keys());
        found.extend(
            ours.filter(|key| key.starts_with(prefix))
                .filter(|key| after.is_none_or(|after| key.as_str() > after))
                .filter(|key| until.as_ref().is_none_or(|until| *key <= until))
                .filter(|key| self.changed(key) == Some(true))
                .cloned(),
        );
        Ok(found.into_iter().take(max).collect())
    }

    /// Whether a changed key is there now; `None`: it was not changed.
    fn changed(&self, key: &str) -> Option<bool> {
        let own = self.changes.get(key).map(|(_, value)| value.is_some());
        own.or_else(|| self.earlier.changes.get(key).map(Option::is_some))
    }

    /// What is seen by the events after those of this turn, if its changes count.
    pub(crate) fn into_overlay(mut self, counts: bool) -> Overlay {
        if counts {
            self.earlier.changes.extend(self.changes.into_iter().map(|(key, (_, value))| (key, value)));
            self.earlier.bytes = self.bytes;
        }
        self.earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory_world::DirectoryWorld;
    use directory::Directory;

    fn turn(stored: &[&str]) -> Turn {
        let directory = Arc::new(Directory::without_site_file("main"));
        let state = stored.iter().map(|key| ((*key).to_owned(), b"v".to_vec())).collect();
        let world: Arc<dyn World> = Arc::new(DirectoryWorld::new(directory).with_state(state));
        Turn::new(&Vec::new().into(), 0, 1, &world, Overlay::default())
    }

    #[test]
    fn keys_are_those_that_are_stored_with_what_changed() {
        let mut turn = turn(&["a1", "a2", "a3", "a5", "b1"]);
        turn.put(0, "a2".into(), None).unwrap();
        turn.put(0, "a4".into(), Some(b"w".to_vec())).unwrap();
        let earlier = [("a3".to_owned(), None), ("a6".to_owned(), Some(b"w".to_vec()))];
        turn.earlier.changes.extend(earlier);
        let keys = |after, max| turn.keys("a", after, max).unwrap().join(" ");
        assert_eq!(keys(None, 10), "a1 a4 a5 a6");
        assert_eq!(keys(Some("a4"), 10), "a5 a6");
        // Page by page the same comes out.
        for max in 1..5 {
            let mut all = Vec::new();
            while let page = turn.keys("a", all.last().map(String::as_str), max).unwrap()
                && !page.is_empty()
            {
                assert!(page.len() <= max);
                all.extend(page);
            }
            assert_eq!(all.join(" "), "a1 a4 a5 a6", "{max} at once");
        }
    }

    #[test]
    fn bytes_follow_every_change() {
        let mut turn = turn(&["a1", "a2"]);
        let mut put = |key: &str, value: Option<&[u8]>| turn.put(0, key.into(), value.map(<[u8]>::to_vec)).unwrap();
        assert_eq!(put("a1", Some(b"four")), 6 + 3);
        assert_eq!(put("a1", None), 3);
        assert_eq!(put("new", Some(b"")), 3 + 3);
        assert_eq!(put("gone", None), 3 + 3);
    }
}
