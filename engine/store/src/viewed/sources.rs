//! What each exchange told, what of it was not understood, and which verdicts are not final yet. Records are nobody's: only who sees
//! everything sees them.

use super::{JsonRow, Reader};
use crate::StoreError;
use crate::question::Value;

/// Rows at most: exchanges with their adapters, or rejects.
const SHOWN_MAX: i64 = 1_000;

/// One exchange through one adapter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// The exchange.
    pub pbx: String,
    /// The adapter.
    pub adapter: String,
    /// When its last record reached the log.
    pub last_at: adapters::leg::Moment,
    /// Legs that reached the log in the 60 minutes before the moment of the question.
    pub legs_last_hour: u64,
    /// In 24 hours.
    pub legs_last_day: u64,
    /// In seven days.
    pub legs_last_week: u64,
    /// Records, or parts of one, that were not understood in seven days.
    pub rejects_last_week: u64,
}

/// Calls of one exchange whose verdicts can still turn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Early {
    /// The exchange.
    pub pbx: String,
    /// Calls.
    pub calls: u64,
    /// When the oldest of them began.
    pub oldest_at: adapters::leg::Moment,
}

impl Reader<'_> {
    /// Every exchange and adapter that ever told anything.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn sources(&self) -> Result<Vec<Source>, StoreError> {
        type Found = (String, String, i64, u64, u64, u64, u64);
        let question = self.question("the sources", include_str!("../../../../sql/dashboards/sources.sql"))?;
        let question = question.with("now", Value::Number(self.now.0)).with("limit", Value::Number(SHOWN_MAX));
        let rows: Vec<Found> = question.rows(self.store).await?;
        let source =
            |(pbx, adapter, last_at, legs_last_hour, legs_last_day, legs_last_week, rejects_last_week)| Source {
                pbx,
                adapter,
                last_at: adapters::leg::Moment(last_at),
                legs_last_hour,
                legs_last_day,
                legs_last_week,
                rejects_last_week,
            };
        Ok(rows.into_iter().map(source).collect())
    }

    /// What was not understood, the latest first: with its bytes, in base64, and the reason.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn rejects(&self, limit: u16) -> Result<Vec<JsonRow>, StoreError> {
        let question = self.question("the rejects", include_str!("../../../../sql/dashboards/rejects.sql"))?;
        let limit = i64::from(limit).clamp(1, SHOWN_MAX);
        question.with("limit", Value::Number(limit)).json(self.store).await
    }

    /// Calls whose verdicts are not final, by exchange.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn early(&self) -> Result<Vec<Early>, StoreError> {
        let question = self.question("the early verdicts", include_str!("../../../../sql/dashboards/early.sql"))?;
        let rows: Vec<(String, u64, i64)> = question.with("limit", Value::Number(SHOWN_MAX)).rows(self.store).await?;
        let early = |(pbx, calls, oldest_at)| Early { pbx, calls, oldest_at: adapters::leg::Moment(oldest_at) };
        Ok(rows.into_iter().map(early).collect())
    }
}
