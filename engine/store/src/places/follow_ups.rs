//! Follow-ups in the order of time: where each stands no more.
//!
//! Where a follow-up stands is written by a view with the insert into `follow_ups` (`0043_follow_ups_by_time_told.sql`). Few are ever
//! opened at another moment than they were told to be, so what takes one away from its old place is an insert of its own, before that.

use super::{GONE_BYTES, NOWHERE, Wanted, decide, quarter_of};
use crate::block::Block;
use crate::rows::{FollowUpRow, MergedRow};
use crate::{Store, StoreError, without_places};

impl Store {
    /// Takes follow-ups away from where they stood before these conclusions. Gives those of them that are to be written: what is older
    /// than what is stored already would put one back at a place that it left.
    pub(crate) async fn leave_places<'r>(&self, rows: &'r [FollowUpRow]) -> Result<Vec<&'r FollowUpRow>, StoreError> {
        let wanted: Vec<Wanted<'_>> = rows
            .iter()
            .map(|row| Wanted {
                tenant: &row.follow_up.tenant,
                id: &row.follow_up.line.id,
                version: row.version,
                quarter: row.follow_up.merged_into.is_none().then(|| quarter_of(row.follow_up.opened_at)),
                stood: row.stood,
            })
            .collect();
        let written = self.leave(&wanted).await?;
        Ok(written.into_iter().filter_map(|of| rows.get(of)).collect())
    }

    /// The same for names that are no follow-ups any more.
    pub(crate) async fn leave_places_of_merged(&self, rows: &[MergedRow]) -> Result<Vec<MergedRow>, StoreError> {
        let wanted: Vec<Wanted<'_>> = rows.iter().map(Wanted::of_merged).collect();
        let written = self.leave(&wanted).await?;
        Ok(written.into_iter().filter_map(|of| rows.get(of)).cloned().collect())
    }

    /// The numbers of those that are to be written.
    async fn leave(&self, wanted: &[Wanted<'_>]) -> Result<Vec<usize>, StoreError> {
        let statement = include_str!("../../../../sql/store/follow_ups_known.sql");
        let mut known = self.known_of("asking where follow-ups stand", statement, wanted).await?;
        let marks = decide(wanted, &mut known);
        let mut written: Vec<usize> = marks.iter().map(|mark| mark.of).collect();
        written.dedup();
        // Where nothing ever stands nothing need be taken away.
        let left = marks.iter().filter(|mark| mark.is_gone && mark.quarter != NOWHERE);
        let gone: Vec<(&Wanted<'_>, i64)> =
            left.filter_map(|mark| Some((wanted.get(mark.of)?, mark.quarter))).collect();
        let mut block = Block::of(gone.len(), GONE_BYTES);
        block
            .column("tenant", &gone, |(one, _)| one.tenant)
            .column("quarter", &gone, |(_, quarter)| *quarter)
            .column("follow_up_id", &gone, |(one, _)| one.id)
            .column("version", &gone, |(one, _)| one.version)
            .column("is_gone", &gone, |_| true);
        self.insert("follow_ups_by_time", block).await?;
        Ok(written)
    }

    /// Of a company's follow-ups, as [`Store::mend_places`] of its calls: each stands where `follow_ups` says, and nowhere else.
    pub(super) async fn mend_places_of_follow_ups(
        &self,
        tenant: &str,
        since: u64,
        begun: u64,
    ) -> Result<(), StoreError> {
        let failed = |e| StoreError::new("mending the order of time", e);
        for statement in [
            include_str!("../../../../sql/store/follow_ups_left.sql"),
            include_str!("../../../../sql/store/follow_ups_lacking.sql"),
        ] {
            let query = self.client.query(&without_places(statement));
            let query = query.param("tenant", tenant).param("since", since).param("begun", begun);
            query.execute().await.map_err(failed)?;
        }
        Ok(())
    }
}
