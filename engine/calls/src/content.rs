//! A hash of a conclusion: two that are equal say the same. The same on every machine, for one version of the program.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

/// Of one conclusion.
#[must_use]
pub fn of(conclusion: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    conclusion.hash(&mut hasher);
    hasher.finish()
}
