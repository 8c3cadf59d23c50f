//! The memory of one instance: the sum over all of its memories, as wasmtime's own limits hold for each of them alone.

use wasmtime::ResourceLimiter;

/// How many entries a table of functions may have.
const TABLE_ENTRIES_MAX: usize = 20_000;

/// What an instance has, and may have.
pub(crate) struct Memory {
    pub(crate) bytes: usize,
    bytes_max: usize,
    /// It wanted more and did not get it.
    pub(crate) was_refused: bool,
}

impl Memory {
    pub(crate) fn new(bytes_max: usize) -> Memory {
        Memory { bytes: 0, bytes_max, was_refused: false }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let after = self.bytes.saturating_add(desired.saturating_sub(current));
        if after > self.bytes_max {
            self.was_refused = true;
            return Ok(false);
        }
        self.bytes = after;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= TABLE_ENTRIES_MAX;
        self.was_refused |= !fits;
        Ok(fits)
    }
}
