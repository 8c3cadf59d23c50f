//! Legs to calls, calls to verdicts, verdicts to follow-ups: everything that decides what happened to a caller.
//!
//! Pure: no clock, no I/O, no async. `LIFECYCLE.md` walks through one call.

pub mod assemble;
pub mod call;
pub mod channels;
pub mod fold;
pub mod follow_up;
pub mod held;
pub mod journey;
pub mod line;
pub mod paths;
pub mod queue_log;
pub mod settings;
pub mod site;
pub mod tie;
mod untimed;
pub mod verdict;

pub use call::Call;
pub use fold::Calls;
pub use held::Told;
pub use line::CallLine;
pub use site::Site;
