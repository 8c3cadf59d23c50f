//! `[webhook.NAME]` of the settings: where what is posted goes, and the secret that signs it.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::secret::SecretError;

/// `[webhook.NAME]`. Paths that are not absolute begin in the folder of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookSettings {
    /// Where it is posted: https.
    pub url: String,
    /// The file with the secret that signs, `whsec_` and base64; several lines sign side by side, while secrets change.
    pub secret_file: PathBuf,
    /// The address may be of this machine or of the company's own network, and `url` plain http.
    pub allow_private: bool,
    /// Seconds until it is answered.
    pub timeout_s: NonZeroU32,
    /// The certificates of the authorities that sign for the receiver, instead of those that the machine trusts; empty:
    /// those of the machine.
    pub ca_file: PathBuf,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        WebhookSettings {
            url: String::new(),
            secret_file: PathBuf::new(),
            allow_private: false,
            timeout_s: NonZeroU32::new(20).unwrap_or(NonZeroU32::MIN),
            ca_file: PathBuf::new(),
        }
    }
}

/// What is wrong with a `[webhook.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebhookError {
    /// A value that means nothing here.
    Value {
        /// The webhook.
        name: String,
        /// Its key.
        key: &'static str,
        /// What is wrong, and what would have worked.
        sentence: String,
    },
    /// The secret cannot be read.
    Secret {
        /// The webhook.
        name: String,
        /// Why.
        error: SecretError,
    },
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebhookError::Value { name, key, sentence } => write!(f, "`{key}` under [webhook.{name}] {sentence}"),
            WebhookError::Secret { name, error } => write!(f, "`secret_file` under [webhook.{name}]: {error}"),
        }
    }
}

impl std::error::Error for WebhookError {}
