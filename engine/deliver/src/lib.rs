//! Does what plugins and people asked for: calls back through a PBX, mails, sends webhooks, leaves messages.
//!
//! What may be done is decided by pure functions (`decide`); each kind of action has a file that does it; `driver` takes what is due.

pub mod attempt;
pub mod call_back;
pub mod control;
pub mod decide;
pub mod doing;
pub mod driver;
pub mod email;
pub mod http;
pub mod known;
pub mod message;
pub mod recipients;
pub mod secret;
pub mod settings;
mod tls;

pub use doing::{Doing, Ways};
pub use driver::Driver;
pub use tls::install_tls;
