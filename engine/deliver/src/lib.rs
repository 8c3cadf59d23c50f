//! Does what plugins and people asked for: calls back through a PBX, mails, sends webhooks, leaves messages.
//!
//! What may be done is decided by pure functions (`decide`); each kind of action has a file that does it.

pub mod attempt;
pub mod call_back;
pub mod control;
pub mod email;
pub mod http;
pub mod message;
pub mod recipients;
pub mod secret;
mod tls;

pub use tls::install_tls;
