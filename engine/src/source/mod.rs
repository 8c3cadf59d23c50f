//! Where records come from: each gives them with their position.

mod clocks;
mod followed;
pub(crate) mod spool;
mod trickle;

pub(crate) use clocks::Clocks;
pub(crate) use followed::Followed;
pub(crate) use trickle::Trickle;
