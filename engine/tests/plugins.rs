//! What an author of plugins does, with the real binary and the real toolchains; and what each shipped plugin has.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod plugin_build;
mod plugin_folders;
mod plugin_wasm;
