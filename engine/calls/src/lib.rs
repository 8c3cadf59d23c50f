//! Legs to calls, calls to verdicts, verdicts to follow-ups: everything that decides what happened to a caller.
//!
//! Pure: no clock, no I/O, no async. `LIFECYCLE.md` walks through one call.

pub mod assemble;
pub mod call;
pub mod channels;
pub mod content;
pub mod counting;
pub mod customers;
pub mod endings;
pub mod event;
pub mod fold;
pub mod follow_up;
pub mod guess;
pub mod held;
pub mod journey;
pub mod line;
pub mod live;
pub mod measure;
pub mod paths;
pub mod queue_log;
pub mod remembered;
pub mod said;
pub mod settings;
pub mod site;
pub mod telling;

pub mod tie;
mod untimed;
pub mod verdict;
pub mod watermark;
pub mod window;

pub use call::Call;
pub use event::Event;
pub use fold::Calls;
pub use held::Told;
pub use line::CallLine;
pub use live::Live;
pub use site::Site;
pub use watermark::Watermarks;
pub use window::{Contribution, Windows};
