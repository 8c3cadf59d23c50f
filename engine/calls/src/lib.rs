//! Legs to calls, calls to verdicts, verdicts to follow-ups: everything that decides what happened to a caller.
//!
//! Pure: no clock, no I/O, no async. `LIFECYCLE.md` walks through one call.

pub mod assemble;
pub mod call;
pub mod channels;
pub mod measure;


