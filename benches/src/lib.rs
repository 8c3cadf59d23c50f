//! What the benches share: records in any number from the tests' own samples, CPU time, child processes, and tables.
//!
//! Every figure is a ratio of things measured in turn in one run, or CPU time: the machine may be shared.

// A bench that cannot go on has nothing to give back.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

/// The allocator of `ringback`, so that what is measured here is what runs there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod arguments;
pub mod child;
pub mod cpu;
pub mod database;
pub mod records;
pub mod table;
