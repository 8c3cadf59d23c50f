//! Whose records this process has read up to now: who is not told, nobody is dialed of.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What was said of a partition counts no more after this: the process may have been frozen, or waits for something.
const GOES_STALE_AFTER: Duration = Duration::from_secs(2);

/// What is known of the partitions that this process has.
#[derive(Default)]
pub(crate) struct Freshness(Mutex<BTreeMap<u32, Partition>>);

struct Partition {
    tenants: Vec<String>,
    is_caught_up: bool,
    at: Instant,
}

impl Freshness {
    /// A partition is ours, with the records of these companies, and has been read up to now or has not.
    pub(crate) fn set(&self, partition: u32, tenants: Vec<String>, is_caught_up: bool) {
        let known = Partition { tenants, is_caught_up, at: Instant::now() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, known);
    }

    /// It is another's.
    pub(crate) fn revoked(&self, partition: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&partition);
    }

    /// The companies whose partitions are ours.
    pub(crate) fn tenants(&self) -> Vec<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tenants: Vec<String> = known.values().flat_map(|partition| partition.tenants.iter().cloned()).collect();
        tenants.sort_unstable();
        tenants.dedup();
        tenants
    }

    /// Where this company's records are.
    pub(crate) fn partition_of(&self, tenant: &str) -> Option<u32> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(_, partition)| partition.tenants.iter().any(|own| own == tenant)).map(|(number, _)| *number)
    }

    /// Every partition with records of this company is ours, was looked at just now, and says so.
    fn all_of(&self, tenant: &str, says: impl Fn(&Partition) -> bool) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut of = known.values().filter(|partition| partition.tenants.iter().any(|own| own == tenant)).peekable();
        of.peek().is_some() && of.all(|partition| partition.at.elapsed() < GOES_STALE_AFTER && says(partition))
    }
}

impl deliver::driver::Known for Freshness {
    fn is_fresh(&self, tenant: &str) -> bool {
        self.all_of(tenant, |partition| partition.is_caught_up)
    }

    fn is_ours(&self, tenant: &str) -> bool {
        self.all_of(tenant, |_| true)
    }
}

#[cfg(test)]
mod tests {
    use deliver::driver::Known;

    use super::*;

    #[test]
    fn a_company_is_fresh_while_its_partition_is_ours_and_read() {
        let freshness = Freshness::default();
        let check = |is_ours: bool, is_fresh: bool| {
            assert_eq!((freshness.is_ours("acme"), freshness.is_fresh("acme")), (is_ours, is_fresh));
        };
        check(false, false);
        freshness.set(3, vec!["acme".to_owned(), "bolt".to_owned()], false);
        check(true, false);
        freshness.set(3, vec!["acme".to_owned(), "bolt".to_owned()], true);
        check(true, true);
        assert_eq!((freshness.partition_of("bolt"), freshness.partition_of("cord")), (Some(3), None));
        freshness.set(4, vec!["acme".to_owned()], false);
        check(true, false);
        freshness.revoked(3);
        freshness.revoked(4);
        check(false, false);
        assert!(freshness.tenants().is_empty());
    }
}
