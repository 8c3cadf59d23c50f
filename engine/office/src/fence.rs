//! Who writes for a partition of the log: a process that was replaced must not write, however late it wakes.

use crate::sqlite::{Tx, args, sql};
use crate::{Error, Office, Result};

/// An owner of a partition; a later one is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Of the reading of the log.
    pub epoch: u8,
    /// Where the versions of its conclusions begin.
    pub versions: u64,
}

impl Office {
    /// Says who writes for a partition from now on; said again it changes nothing.
    ///
    /// # Errors
    /// [`Error::Replaced`] if a later owner is there.
    pub fn take_over(&self, topic: &str, partition: u32, owner: Owner) -> Result<()> {
        self.database.write(|tx| check(tx, topic, partition, owner))
    }
}

/// Lets no earlier owner through, and remembers a later one.
pub(crate) fn check(tx: &Tx<'_>, topic: &str, partition: u32, owner: Owner) -> Result<()> {
    let known = tx.one(sql!("fence"), args![topic, i64::from(partition)], |row| {
        let epoch = u8::try_from(row.get::<i64>(0)?).unwrap_or(u8::MAX);
        Ok(Owner { epoch, versions: row.get::<i64>(1)?.cast_unsigned() })
    })?;
    match known {
        Some(by) if by > owner => Err(Error::Replaced { topic: topic.to_owned(), partition, owner, by }),
        Some(by) if by == owner => Ok(()),
        _ => {
            let args = args![topic, i64::from(partition), i64::from(owner.epoch), owner.versions.cast_signed()];
            tx.run(sql!("fence_set"), args)?;
            Ok(())
        }
    }
}
