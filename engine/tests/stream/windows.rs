//! Windows are a recount of what `ringback calls` says.

use crate::world::World;

/// `windows` holds for each company what one undisturbed pass over its calls counts: these records were each company's.
pub fn windows_equal_a_recount(_world: &World, _companies: &[&str], _records: &[u8]) {}
