//! A PBX's bytes to our words: one adapter per format, each a file in `pbx/`.
//!
//! Pure: nothing here opens a file or a socket, reads a clock, or waits.
//! Nothing here fails either: what is not understood becomes a [`reject::Reject`] with its reason, and the next record is read.

pub mod adapter;
mod asterisk;
pub mod clock;
pub mod control;
pub mod fields;
pub mod framing;
pub mod leg;
pub mod line;
pub mod mark;
pub mod pbx;
pub mod reader;
pub mod recognize;
pub mod reject;
mod zoned;

pub use adapter::{About, Adapter, Ends, Header, Legs, Provenance, Record, Settings, Tells};
pub use leg::{Leg, Moment};
pub use mark::{Mark, MarkKind};
pub use reject::Reject;
