//! Closed calls that crossed a tie: what their legs are found by, and what was told of them.
//!
//! The legs of one half lead to no leg of the other, and which halves belonged together is a function of all that was known then.
//! So it is kept, as long as the halves themselves are.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::{Keys, Told};
use crate::tie::matching::TAKEN_OUT_MAX;

/// Some closed calls, the oldest first.
#[derive(Default)]
pub(super) struct OverTies {
    calls: VecDeque<Option<(Keys, Told)>>,
    /// The number of the first of them.
    first: u64,
    by_key: FxHashMap<u64, u64>,
}

impl OverTies {
    /// A call is closed.
    pub(super) fn close(&mut self, keys: Keys, told: Told) {
        let number = self.first + self.calls.len() as u64;
        self.by_key.extend(keys.iter().map(|key| (*key, number)));
        self.calls.push_back(Some((keys, told)));
        while self.calls.len() > TAKEN_OUT_MAX {
            let first = self.calls.pop_front().flatten();
            self.forget(first.iter().flat_map(|(keys, _)| keys), self.first);
            self.first += 1;
        }
    }

    fn forget<'k>(&mut self, keys: impl Iterator<Item = &'k u64>, number: u64) {
        for key in keys {
            if self.by_key.get(key) == Some(&number) {
                self.by_key.remove(key);
            }
        }
    }

    /// The number of the call that has this key.
    pub(super) fn number(&self, key: u64) -> Option<u64> {
        self.by_key.get(&key).copied()
    }

    /// All keys of the call that has this one.
    pub(super) fn keys(&self, key: u64) -> Option<&Keys> {
        let at = self.number(key)?.checked_sub(self.first)?;
        self.calls.get(usize::try_from(at).ok()?)?.as_ref().map(|(keys, _)| keys)
    }

    /// A call is open again: what was told of it.
    pub(super) fn take(&mut self, number: u64) -> Option<Told> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let (keys, told) = self.calls.get_mut(at)?.take()?;
        self.forget(keys.iter(), number);
        Some(told)
    }
}
