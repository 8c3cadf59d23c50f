//! The stream of one partition, as a machine: records, ticks and answers in; commits, inserts and questions out.
//!
//! Pure: no clock, no I/O, no chance. The simulator of the tests and `ringback run` drive the same code.

pub mod assigned;
pub mod comparing;
pub mod conclusions;
pub mod events;
pub mod facts;
pub mod keeper;
mod limits;
pub mod machine;
pub mod record;
pub mod redo;
pub mod register;
pub mod rules;
pub mod stop;
pub mod tenant;
pub mod version;

pub use assigned::{Assigned, Ledger};
pub use conclusions::{Conclusions, Versioned};
pub use facts::{Facts, Mark, Place};
pub use machine::{Insert, Limits, PartitionMachine};
pub use record::LogRecord;
pub use register::Register;
pub use rules::Rules;
pub use stop::Stop;
pub use tenant::Tenants;
