//! How much a plugin may use: what the engine allows at most, and what a manifest asks for within that.

use serde::{Deserialize, Serialize};

use crate::load_error::{LoadError, LoadErrorKind};

/// What the engine allows at most, `[sandbox]` in `engine.toml`. A manifest that asks for more is refused by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostLimits {
    /// Memory of one plugin: the sum over all memories of an instance, in MiB.
    pub memory_mb_max: u32,
    /// CPU for one event, in milliseconds.
    pub event_ms_max: u32,
    /// All keys and values of one plugin and tenant, in KiB.
    pub state_kb_max: u32,
    /// Actions that one event may ask for.
    pub actions_max: u32,
    /// All bytes of the actions of one event, in KiB.
    pub output_kb_max: u32,
    /// The component's file, in KiB.
    pub component_kb_max: u32,
    /// Live instances of all plugins and tenants together.
    pub instances_max: u32,
    /// Lines that one call into a plugin may log; the rest is counted.
    pub log_lines_max: u32,
}

impl Default for HostLimits {
    fn default() -> HostLimits {
        HostLimits {
            memory_mb_max: 64,
            event_ms_max: 1_000,
            state_kb_max: 16_384,
            actions_max: 200,
            output_kb_max: 1_024,
            component_kb_max: 32_768,
            instances_max: 64,
            log_lines_max: 100,
        }
    }
}

/// What a manifest asks for under `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The sum over all memories of an instance, in MiB.
    pub memory_mb: u32,
    /// CPU for one event, in milliseconds.
    pub event_ms: u32,
    /// All keys and values of one tenant, in KiB.
    pub state_kb: u32,
    /// Actions that one event may ask for.
    pub actions_max: u32,
    /// All bytes of the actions of one event, in KiB.
    pub output_kb: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { memory_mb: 32, event_ms: 50, state_kb: 1_024, actions_max: 20, output_kb: 64 }
    }
}

impl Limits {
    /// The sum over all memories of an instance, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        bytes(self.memory_mb, 1_048_576)
    }

    /// All keys and values of one tenant, in bytes.
    #[must_use]
    pub fn state_bytes(&self) -> usize {
        bytes(self.state_kb, 1_024)
    }

    /// All bytes of the actions of one event.
    #[must_use]
    pub fn output_bytes(&self) -> usize {
        bytes(self.output_kb, 1_024)
    }

    /// CPU for one event, in microseconds.
    #[must_use]
    pub fn event_us(&self) -> u64 {
        u64::from(self.event_ms) * 1_000
    }

    /// Within what the engine allows.
    pub(crate) fn check(&self, plugin: &str, host: &HostLimits) -> Result<(), LoadError> {
        for (name, asked, at_most, key) in [
            ("memory_mb", self.memory_mb, host.memory_mb_max, "memory_mb_max"),
            ("event_ms", self.event_ms, host.event_ms_max, "event_ms_max"),
            ("state_kb", self.state_kb, host.state_kb_max, "state_kb_max"),
            ("actions_max", self.actions_max, host.actions_max, "actions_max"),
            ("output_kb", self.output_kb, host.output_kb_max, "output_kb_max"),
        ] {
            if asked > at_most || asked == 0 {
                let text = format!(
                    "plugins/{plugin}/plugin.toml asks for {name} = {asked} under [limits], the engine allows 1 to {at_most}: \
                     change it there, or {key} under [sandbox] in engine.toml"
                );
                return Err(LoadError::new(LoadErrorKind::Limits, text));
            }
        }
        Ok(())
    }
}

pub(crate) fn bytes(units: u32, unit: usize) -> usize {
    usize::try_from(units).unwrap_or(usize::MAX).saturating_mul(unit)
}
