//! The commands from outside: the binary, its exit codes, what it says, and what it never does: panic, lose a byte, lose a call.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod bad_input;
mod browser;
mod check;
mod company;
mod demo;
mod figures;
mod follow;
mod portal_pages;
mod process;
mod shell;
mod user;
