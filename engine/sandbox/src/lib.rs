//! Runs plugins: components of our own world, which have nothing that was not granted.
//!
//! What they ask for is only queued and given back; nothing is stored and nothing is done here. Whatever a plugin does, it stops with a
//! text that says what to do, and the host and its neighbors go on. This crate alone knows wasmtime.

pub mod action;
pub mod breaker;
mod cache;
mod contract;
mod cpu;
mod directory_world;
mod engine;
pub mod fixture;
mod grants;
mod handling;
mod host;
mod limits;
mod load;
mod load_error;
mod manifest;
mod mask;
mod memory;
mod plugin;
mod reload;
mod ticker;
mod turn;
mod world;

pub use action::{Action, Asked};
pub use breaker::{Breaker, MayRun, Paused};
pub use directory_world::DirectoryWorld;
pub use engine::Sandbox;
pub use grants::Grants;
pub use handling::{Fault, Handled, Handling, Level};
pub use limits::{HostLimits, Limits};
pub use load_error::{LoadError, LoadErrorKind};
pub use manifest::{Hears, Language, Manifest, Setting, SettingType};
pub use plugin::Plugin;
pub use reload::{Reload, Reloaded};
pub use world::{Person, Unavailable, World};
