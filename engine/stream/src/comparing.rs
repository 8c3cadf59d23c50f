//! After an assign: everything is concluded again from the stored facts, and only what is not stored so already is written.

use std::collections::BTreeMap;

use adapters::leg::Text;
use calls::live::{Before, Conclusion};
use calls::window::WindowKey;
use rustc_hash::FxHashMap;

/// A conclusion that is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Which.
    pub key: Key,
    /// Its version.
    pub version: u64,
    /// A hash of what it says.
    pub content: u64,
    /// Its verdict was final.
    pub is_final: bool,
    /// It is no call, or no follow-up, any more.
    pub is_gone: bool,
}

/// What a conclusion is of.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Key {
    /// A call.
    Call(Text),
    /// A follow-up.
    FollowUp(Text),
    /// A window.
    Window(WindowKey),
}

impl Key {
    /// What this conclusion is of.
    #[must_use]
    pub fn of(conclusion: &Conclusion) -> Key {
        match conclusion {
            Conclusion::Call { line, .. } => Key::Call(line.call_id.clone()),
            Conclusion::Gone { call_id, .. } => Key::Call(call_id.clone()),
            Conclusion::FollowUp { told, .. } => Key::FollowUp(told.line.id.clone()),
            Conclusion::Window(told) => Key::Window(told.key.clone()),
        }
    }
}

/// True if it says that there is none any more.
fn is_gone(conclusion: &Conclusion) -> bool {
    match conclusion {
        Conclusion::Call { .. } => false,
        Conclusion::Gone { .. } => true,
        Conclusion::FollowUp { told, .. } => told.merged_into.is_some(),
        // One that says nothing is stored, or is not, and says the same.
        Conclusion::Window(told) => told.content() == 0,
    }
}

/// What is stored of one company, and what was concluded again so far.
#[derive(Default)]
pub(crate) struct Comparing {
    known: FxHashMap<Key, Known>,
    /// What is concluded now, with its content where it is a window's.
    again: FxHashMap<Key, u64>,
    /// The latest conclusion of each that is not stored so.
    differing: BTreeMap<Key, Conclusion>,
}

impl Comparing {
    pub(crate) fn know(&mut self, known: Known) {
        self.known.insert(known.key.clone(), known);
    }

    /// Looks at a conclusion that was drawn again.
    pub(crate) fn saw(&mut self, mut conclusion: Conclusion) {
        let key = Key::of(&conclusion);
        if let Conclusion::Call { line, revises, .. } = &mut conclusion {
            *revises = line.is_final && self.known.get(&key).is_some_and(|known| known.is_final && !known.is_gone);
        }
        // What is stored may be an earlier owner's, who told it to begin at another moment.
        match &mut conclusion {
            Conclusion::Call { before, .. } | Conclusion::Gone { before, .. } | Conclusion::FollowUp { before, .. } => {
                *before = Before::Unknown;
            }
            Conclusion::Window(_) => {}
        }
        let is_gone = is_gone(&conclusion);
        let (content, is_final) = match &conclusion {
            Conclusion::Call { line, content, .. } => (*content, line.is_final),
            Conclusion::Gone { .. } => (0, true),
            Conclusion::FollowUp { told, .. } => (calls::content::of(&**told), true),
            Conclusion::Window(told) => (told.content(), told.is_final),
        };
        let stored = self.known.get(&key);
        let is_stored = match stored {
            // A verdict that was final when the log seemed to have ended stays so as long as it says the same.
            Some(stored) => {
                stored.is_gone == is_gone && (is_gone || stored.content == content && (stored.is_final || !is_final))
            }
            None => is_gone,
        };
        self.told(&conclusion);
        if is_stored {
            self.differing.remove(&key);
        } else {
            self.differing.insert(key, conclusion);
        }
    }

    /// What has to be written; and what is stored and nothing concludes any more: it had another name when it was stored, and the
    /// row that says so was lost.
    pub(crate) fn end(&mut self) -> (Vec<Conclusion>, Vec<Key>) {
        let mut known = std::mem::take(&mut self.known);
        let differing = std::mem::take(&mut self.differing);
        known.retain(|key, _| !differing.contains_key(key));
        (differing.into_values().collect(), self.left(known.into_values()))
    }

    /// A conclusion was drawn: there is one of this, or none any more.
    pub(crate) fn told(&mut self, conclusion: &Conclusion) {
        let key = Key::of(conclusion);
        if is_gone(conclusion) {
            self.again.remove(&key);
        } else {
            let content = if let Conclusion::Window(told) = conclusion { told.content() } else { 0 };
            self.again.insert(key, content);
        }
    }

    /// Windows that are stored otherwise than they were told last: with measures of an earlier owner that this one has not told.
    pub(crate) fn mixed<'k>(&self, known: impl IntoIterator<Item = &'k Known>) -> Vec<WindowKey> {
        let mixed = known.into_iter().filter(|k| !k.is_gone).filter_map(|k| match &k.key {
            Key::Window(key) if self.again.get(&k.key).is_some_and(|told| *told != k.content) => Some(key.clone()),
            _ => None,
        });
        mixed.collect()
    }

    /// What of this is stored, and was not concluded since the assign.
    pub(crate) fn left(&self, known: impl IntoIterator<Item = Known>) -> Vec<Key> {
        let left = known.into_iter().filter(|k| !k.is_gone && !self.again.contains_key(&k.key)).map(|k| k.key);
        let mut left: Vec<Key> = left.collect();
        left.sort_unstable();
        left
    }
}
