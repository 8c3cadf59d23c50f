//! Plugins as they are: components that are built, loaded and run. Most of them are hostile: each stops with a text that says what to do,
//! and the host and its neighbors go on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;
mod guest;
mod handling;
mod hostile;
mod kept;
mod loading;
mod reloading;
