//! What was concluded in one step, as rows: on doubt written again, since versions decide.

use adapters::leg::Text;
use stream::comparing::Key;
use stream::{Conclusions, Versioned};

use crate::{CallRow, FollowUpRow, MergedRow, Stood, Store, StoreError, WindowRow};

/// The rows of one step.
pub struct ConclusionRows {
    /// Calls as they are now.
    pub calls: Vec<CallRow>,
    /// Follow-ups as they are now.
    pub follow_ups: Vec<FollowUpRow>,
    /// Windows as they are now.
    pub windows: Vec<WindowRow>,
    /// Names that are no calls any more.
    pub merged: Vec<MergedRow>,
    /// Names that are no follow-ups any more.
    pub merged_follow_ups: Vec<MergedRow>,
}

impl ConclusionRows {
    /// Of these conclusions.
    #[must_use]
    pub fn of(conclusions: Conclusions) -> ConclusionRows {
        let Conclusions { calls, gone, follow_ups, windows, clock, may_stand_elsewhere, .. } = conclusions;
        let decided_at = clock;
        let calls: Vec<CallRow> = calls
            .into_iter()
            .map(|Versioned { told: (line, keys, before), version, content }| CallRow {
                line,
                customer: None,
                keys: keys.to_vec(),
                version,
                content,
                decided_at,
                stood: Stood::of(before, may_stand_elsewhere),
            })
            .collect();
        let follow_ups: Vec<FollowUpRow> = follow_ups
            .into_iter()
            .map(|Versioned { told: (follow_up, before), version, content }| FollowUpRow {
                follow_up: *follow_up,
                version,
                content,
                stood: Stood::of(before, may_stand_elsewhere),
            })
            .collect();
        let windows: Vec<WindowRow> =
            windows.into_iter().map(|Versioned { told, version, .. }| WindowRow { window: *told, version }).collect();
        let (mut merged, mut merged_follow_ups) = (Vec::new(), Vec::new());
        for Versioned { told: (tenant, key, merged_into, before), version, .. } in gone {
            let row = |id: Text| MergedRow {
                tenant: tenant.to_string(),
                id: id.to_string(),
                merged_into: merged_into.to_string(),
                version,
                decided_at,
                stood: Stood::of(before, may_stand_elsewhere),
            };
            match key {
                Key::Call(id) => merged.push(row(id)),
                Key::FollowUp(id) => merged_follow_ups.push(row(id)),
                // A window in which nothing is left is told as one.
                Key::Window(_) => {}
            }
        }
        ConclusionRows { calls, follow_ups, windows, merged, merged_follow_ups }
    }
}

impl Store {
    /// Writes what was concluded in one step.
    ///
    /// # Errors
    /// The server's own words, with the table.
    pub async fn write_conclusions(&self, rows: &ConclusionRows) -> Result<(), StoreError> {
        self.write_follow_ups(&rows.follow_ups).await?;
        self.write_merged_follow_ups(&rows.merged_follow_ups).await?;
        self.write_merged(&rows.merged).await?;
        self.write_calls(&rows.calls).await?;
        self.write_windows(&rows.windows).await
    }
}
