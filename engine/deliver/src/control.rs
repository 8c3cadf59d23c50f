//! Not here yet.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// Not here yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ControlSettings {}

/// Not here yet.
pub struct Control {}

impl Control {
    /// Not here yet.
    ///
    /// # Errors
    /// None.
    pub fn new(_: &str, _: &ControlSettings, _: &Path) -> Result<Control, String> {
        Ok(Control {})
    }
}
