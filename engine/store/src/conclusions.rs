//! What was concluded before, to be compared with what is concluded now: keys, versions, contents.

use std::collections::HashMap;

use adapters::leg::Moment;
use calls::window::WindowKey;
use clickhouse::Row;
use serde::Deserialize;

use crate::{Store, StoreError, without_places};

/// A stored conclusion.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Concluded {
    /// See [`crate::version`].
    pub version: u64,
    /// A hash of what is concluded.
    pub content: u64,
    /// Nothing can turn it any more but what comes late.
    pub is_final: bool,
    /// Its name is none any more.
    pub is_gone: bool,
}

/// The conclusions of one company that count now.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Conclusions {
    /// Calls that began since, by call id.
    pub calls: HashMap<String, Concluded>,
    /// Follow-ups that were opened since, by follow-up id.
    pub follow_ups: HashMap<String, Concluded>,
    /// Windows that began since, as [`calls::window::WindowNow::content`] has them; one that says nothing is gone.
    pub windows: HashMap<WindowKey, Concluded>,
    /// The highest version that was ever given, also before.
    pub version_max: u64,
}

/// A follow-up that lasted beyond a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lasted {
    /// Their number.
    pub customer: String,
    /// When it was opened.
    pub opened_at: Moment,
    /// When it was settled or expired; `None`: not by what is stored.
    pub closed_at: Option<Moment>,
}

impl Store {
    /// A company's follow-ups that were opened before a moment, at most so many milliseconds, and lasted beyond it, as they were told with
    /// this version or a higher one. Of those who withheld their number there are none: each call of theirs is one of its own.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn follow_ups_across(
        &self,
        tenant: &str,
        since: Moment,
        ms: i64,
        lowest: u64,
    ) -> Result<Vec<Lasted>, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/follow_ups_across.sql")));
        let query = query.param("tenant", tenant).param("since", since.0).param("from", since.plus_ms(-ms).0);
        let query = query.param("lowest", lowest);
        let found: Vec<(String, i64, Option<i64>)> = query.fetch_all().await.map_err(failed)?;
        let lasted = |(customer, opened_at, closed_at): (String, i64, Option<i64>)| Lasted {
            customer,
            opened_at: Moment(opened_at),
            closed_at: closed_at.map(Moment),
        };
        Ok(found.into_iter().map(lasted).collect())
    }

    /// Reads a company's conclusions of what began since this moment, also those whose names went since.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn conclusions(&self, tenant: &str, since: Moment) -> Result<Conclusions, StoreError> {
        let asked = |statement: &str| {
            self.client.query(&without_places(statement)).param("tenant", tenant).param("since", since.0)
        };
        let mut found = Conclusions::default();
        type Named = (String, u64, u64, bool, bool);
        for (statement, named) in [
            (include_str!("../../../sql/store/concluded_calls.sql"), &mut found.calls),
            (include_str!("../../../sql/store/concluded_follow_ups.sql"), &mut found.follow_ups),
        ] {
            let mut rows = asked(statement).fetch::<Named>().map_err(failed)?;
            while let Some((id, version, content, is_final, is_gone)) = rows.next().await.map_err(failed)? {
                named.insert(id, Concluded { version, content, is_final, is_gone });
            }
        }
        type Window = (String, String, u32, i64, u64, u64, bool);
        let statement = include_str!("../../../sql/store/concluded_windows.sql");
        let mut rows = asked(statement).fetch::<Window>().map_err(failed)?;
        while let Some(row) = rows.next().await.map_err(failed)? {
            let (scope, scope_id, size_s, opened_at, version, content, is_final) = row;
            let (scope, scope_id) = (scope.as_str().into(), scope_id.as_str().into());
            let key = WindowKey { scope, scope_id, size_s, opened_at: Moment(opened_at) };
            found.windows.insert(key, Concluded { version, content, is_final, is_gone: content == 0 });
        }
        let query = self.client.query(&without_places(include_str!("../../../sql/store/version_max.sql")));
        found.version_max = query.param("tenant", tenant).fetch_one().await.map_err(failed)?;
        Ok(found)
    }

    /// What the legs of stored calls are found by, for each (company, call id) of these; none where no such call is stored.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn keys_of_calls<T: AsRef<str>>(&self, calls: &[(T, T)]) -> Result<Vec<Vec<u64>>, StoreError> {
        #[derive(Row, Deserialize)]
        struct Found {
            tenant: String,
            call_id: String,
            keys: Vec<u64>,
        }
        let mut known: HashMap<(String, String), Vec<u64>> = HashMap::new();
        for part in calls.chunks(KEYS_ASKED_MAX) {
            let (tenants, ids): (Vec<&str>, Vec<&str>) = part.iter().map(|(t, id)| (t.as_ref(), id.as_ref())).unzip();
            let query = self.client.query(&without_places(include_str!("../../../sql/store/keys_of_calls.sql")));
            let rows = query.param("tenants", tenants).param("ids", ids).fetch_all::<Found>().await.map_err(failed)?;
            known.extend(rows.into_iter().map(|row| ((row.tenant, row.call_id), row.keys)));
        }
        let keys = |(tenant, id): &(T, T)| known.get(&(tenant.as_ref().to_owned(), id.as_ref().to_owned())).cloned();
        Ok(calls.iter().map(|call| keys(call).unwrap_or_default()).collect())
    }
}

/// Calls in one question: a parameter stands in the URL, which has a limit.
const KEYS_ASKED_MAX: usize = 200;

fn failed(error: clickhouse::error::Error) -> StoreError {
    StoreError::new("reading conclusions", error)
}
