//! Where records come from: each gives them with their position.

pub(crate) mod spool;
