//! What each figure means: its formula, its unit, and what it is counted on.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{frame, show, unit_word};
use crate::asking::{Asking, Fault};

/// `/measures`
///
/// # Errors
/// None.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let measure = |measure: &calls::measure::Measure| json!({"name": measure.name, "unit": unit_word(measure.unit), "formula": measure.formula});
    let told: Vec<Value> = calls::measure::LIST.iter().copied().flatten().map(measure).collect();
    let mut frame = frame(&asking, "measures-title", "dashboard")?;
    frame.is_live = false;
    Ok(show(&asking.portal, "pages/measures", &frame, json!({"measures": told}))?.into_response())
}
