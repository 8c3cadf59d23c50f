//! Writes plugins for Ringback in Rust.
//!
//! A plugin hears events and asks for actions; it has no sockets, no files, no clock and no chance of its own.
//! Its handler may run more than once for one event.
//! What it put into the state and what it asked for happen once; variables are a cache and may vanish.
//!
//! ```
//! use ringback_plugin::{Answer, Cx, Missed, Plugin, export};
//!
//! #[derive(Default)]
//! struct CallBack;
//!
//! impl Plugin for CallBack {
//!     fn call_missed(&self, cx: &Cx, missed: &Missed) -> Answer {
//!         cx.call_back(&missed.follow_up.id, &[])?;
//!         Ok(())
//!     }
//! }
//!
//! export!(CallBack);
//! ```
//!
//! Compiled for WebAssembly, that is a component whose only imports are `ringback:plugin`.
//! On any other target the same crate is a host in memory: one line in a test runs every folder of `fixtures/`,
//! ```no_run
//! # #[derive(Default)] struct CallBack;
//! # impl ringback_plugin::Plugin for CallBack {}
//! ringback_plugin::fixtures::run::<CallBack>();
//! ```

mod cx;
mod event;
mod plugin;
mod time;
mod words;

#[cfg(not(target_arch = "wasm32"))]
pub mod fixtures;
#[cfg(not(target_arch = "wasm32"))]
#[path = "native/mod.rs"]
mod host;

/// What `wit-bindgen rust plugins/sdk/wit/v1 --world plugin --pub-export-macro --default-bindings-module ringback_plugin::bindings`
/// of version 0.61.1 wrote, as it is: generated once, so that a plugin's first build needs neither the generator nor its parsers.
/// Its first line has the hash of the contract that it is of; a test compares it.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
#[allow(missing_docs, clippy::all, clippy::panic, clippy::unwrap_used)]
#[rustfmt::skip]
#[path = "bindings.generated"]
pub mod bindings;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
#[path = "wasm.rs"]
pub mod host;

pub use cx::{Cx, Directory, Level, Person, State};
pub use event::{About, Call, Delivery, Event, FollowUp, Limit, Missed, Offer, Pairs, Party, Timer};
pub use plugin::{Answer, Failure, Plugin, Refusal};
pub use time::Time;
pub use words::{DeliveryStatus, Direction, Entry, FollowUpStatus, Kind, OfferEnd, Outcome, Presence, Reason};

/// Makes a type that is a [`Plugin`] the plugin of this crate; on targets other than WebAssembly only fixtures run it.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        // Where nothing is exported, the compiler would find that nobody makes one.
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() -> $plugin = <$plugin as Default>::default;

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;

            impl $crate::bindings::exports::ringback::plugin::handler::Guest for Exported {
                fn handle(
                    events: Vec<$crate::bindings::exports::ringback::plugin::handler::Event>,
                ) -> Vec<$crate::bindings::exports::ringback::plugin::handler::Handled> {
                    $crate::host::handle(events, &<$plugin as Default>::default())
                }
            }

    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
    };
}
