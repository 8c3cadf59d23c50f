//! The action `webhook`: JSON posted to an address of the settings, signed by Standard Webhooks.
//!
//! It is sent at least once, with the action's key as `webhook-id`, so that the receiver can tell what it had already.

mod address;
mod post;
mod settings;
mod sign;

pub use address::is_public;
pub use post::Webhook;
pub use settings::{WebhookError, WebhookSettings};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What an action of the kind `webhook` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    /// The name of a `[webhook.NAME]` of the settings.
    pub destination: String,
    /// What is posted.
    pub json: serde_json::Value,
    /// Nothing is known here yet.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}
