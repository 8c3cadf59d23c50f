//! Plugins that act, from outside: a record in at a real broker, a command out on an exchange's socket, a mail at a real SMTP server.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(missing_docs)]

#[path = "acting/backtest.rs"]
mod backtest;
#[path = "acting/calls.rs"]
mod calls;
#[path = "acting/exchange.rs"]
mod exchange;
#[path = "acting/installation.rs"]
mod installation;
#[path = "acting/kills.rs"]
mod kills;
#[path = "acting/latency.rs"]
mod latency;
#[path = "acting/mail.rs"]
mod mail;
#[path = "acting/pages.rs"]
mod pages;
#[path = "process/mod.rs"]
#[allow(dead_code)]
mod process;
#[path = "../deliver/tests/email/python.rs"]
mod python;
#[path = "stream/world.rs"]
#[allow(dead_code)]
mod world;
