//! What was concluded before, to be compared with what is concluded now: keys, versions, contents.

use std::collections::HashMap;

use adapters::leg::Moment;
use clickhouse::Row;
use serde::Deserialize;

use crate::{Store, StoreError, without_places};

/// A stored conclusion.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Concluded {
    /// See [`crate::version`].
    pub version: u64,
    /// A hash of what is concluded.
    pub content: u64,
    /// Nothing that was still to come could turn it.
    pub is_final: bool,
}

/// A stored call.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ConcludedCall {
    /// Its last conclusion.
    pub concluded: Concluded,
    /// What its legs are found by (see [`calls::assemble::stored_keys`]).
    pub keys: Vec<u64>,
}

/// Which measure of which window.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct WindowKey {
    /// Of what kind of thing.
    pub scope: String,
    /// Of which.
    pub scope_id: String,
    /// How long the window is, in seconds.
    pub size_s: u32,
    /// When it begins.
    pub opened_at: Moment,
    /// What was measured.
    pub measure: String,
}

/// The conclusions of one company that count now.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Conclusions {
    /// Calls that began since, by call id.
    pub calls: HashMap<String, ConcludedCall>,
    /// Follow-ups that were opened since, by follow-up id.
    pub follow_ups: HashMap<String, Concluded>,
    /// Measures of windows that began since.
    pub windows: HashMap<WindowKey, Concluded>,
    /// The highest version that was ever given, also before.
    pub version_max: u64,
}

impl Store {
    /// Reads a company's conclusions of what began since this moment; those that were merged into others are left out.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn conclusions(&self, tenant: &str, since: Moment) -> Result<Conclusions, StoreError> {
        let failed = |e| StoreError::new("reading conclusions", e);
        let asked = |statement: &str| {
            self.client.query(&without_places(statement)).param("tenant", tenant).param("since", since.0)
        };
        let mut found = Conclusions::default();
        let mut rows =
            asked(include_str!("../../../sql/store/concluded_calls.sql")).fetch::<CallFound>().map_err(failed)?;
        while let Some(call) = rows.next().await.map_err(failed)? {
            let CallFound { call_id, version, content, keys, is_final } = call;
            found.calls.insert(call_id, ConcludedCall { concluded: Concluded { version, content, is_final }, keys });
        }
        type FollowUp = (String, u64, u64);
        let rows = asked(include_str!("../../../sql/store/concluded_follow_ups.sql")).fetch_all::<FollowUp>();
        for (id, version, content) in rows.await.map_err(failed)? {
            found.follow_ups.insert(id, Concluded { version, content, is_final: true });
        }
        type Window = (String, String, u32, i64, String, u64, u64);
        let mut rows =
            asked(include_str!("../../../sql/store/concluded_windows.sql")).fetch::<Window>().map_err(failed)?;
        while let Some((scope, scope_id, size_s, opened_at, measure, version, content)) =
            rows.next().await.map_err(failed)?
        {
            let key = WindowKey { scope, scope_id, size_s, opened_at: Moment(opened_at), measure };
            found.windows.insert(key, Concluded { version, content, is_final: true });
        }
        let query = self.client.query(&without_places(include_str!("../../../sql/store/version_max.sql")));
        found.version_max = query.param("tenant", tenant).fetch_one().await.map_err(failed)?;
        Ok(found)
    }

    /// What the legs of these calls are found by, each with its company, in the same order.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn keys_of_calls<T: AsRef<str>>(&self, calls: &[(T, T)]) -> Result<Vec<Vec<u64>>, StoreError> {
        let failed = |e| StoreError::new("reading the keys of calls", e);
        let mut keys = Vec::with_capacity(calls.len());
        for (tenant, call_id) in calls {
            let query = self.client.query(&without_places(include_str!("../../../sql/store/keys_of_call.sql")));
            let query = query.param("tenant", tenant.as_ref()).param("call_id", call_id.as_ref());
            let found: Option<Vec<u64>> = query.fetch_optional().await.map_err(failed)?;
            keys.push(found.unwrap_or_default());
        }
        Ok(keys)
    }
}

#[derive(Row, Deserialize)]
struct CallFound {
    call_id: String,
    version: u64,
    content: u64,
    keys: Vec<u64>,
    is_final: bool,
}
