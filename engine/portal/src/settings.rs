//! `[portal]` of `engine.toml`.

use serde::{Deserialize, Serialize};

/// Where the portal is, and what it allows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalSettings {
    /// Where it listens; port 0 takes a free one. Empty: there is no portal.
    pub listen: String,
    /// Its address as people have it, where something that speaks TLS stands before it: `https://calls.example.com`.
    pub public_url: String,
    /// Hours that a sign-in lasts at most.
    pub sign_in_hours_max: u32,
    /// Minutes without a page after which a sign-in ends.
    pub idle_minutes_max: u32,
    /// Failed sign-ins in a quarter of an hour, of a login and of an address, after which more are refused.
    pub failures_max: u32,
    /// Requests that are answered at once; more are told to come again.
    pub requests_at_once_max: u32,
    /// Pages that are told at once of what is new.
    pub live_pages_max: u32,
    /// Requests of one sign-in or token in a minute.
    pub requests_per_minute_max: u32,
    /// Kilobytes of a form.
    pub form_kb_max: u32,
    /// Rows that are kept of what weeks of calls add up to, of a hundred bytes or two each; 0: none.
    pub kept_rows_max: u32,
}

impl Default for PortalSettings {
    fn default() -> PortalSettings {
        PortalSettings {
            listen: String::new(),
            public_url: String::new(),
            sign_in_hours_max: 12,
            idle_minutes_max: 120,
            failures_max: 10,
            requests_at_once_max: 64,
            live_pages_max: 500,
            requests_per_minute_max: 600,
            form_kb_max: 64,
            kept_rows_max: 500_000,
        }
    }
}

impl PortalSettings {
    /// Browsers get to it over TLS, so that cookies go nowhere else.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}
