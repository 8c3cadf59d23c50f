//! Another reading of the log, from its beginning, where the settings are not those that its facts were read with.
//!
//! What has to be true after `kill -9` at any moment: the tables hold the facts of one reading, each once; every conclusion is one of
//! that reading. Four steps, of which each is done again until nothing of it is left to do:
//!
//! 1. The register is replaced by one of the next epoch that begins at 0. This decides, once: before it the old reading goes on, after
//!    it nobody can go on with it. The machine takes no offence at tables of an older epoch, and stops at those of a newer one.
//! 2. What companies concluded that these settings do not know is told gone: nothing of the new reading will say it.
//! 3. The facts of older epochs are deleted, before the first one of the new epoch is stored: the fold is of what is stored. Step 2
//!    finds the companies by these facts, and comes before. Tokens have the epoch in them: the same records are stored again.
//! 4. The log is read. A conclusion of the new epoch has a higher version than any of an older one, and what is stored of an older one
//!    is not taken for stored (`has_whole_epochs` of the pipeline's settings), so that each is written. When everything is, what is left
//!    of older epochs is told gone, with the lowest version of the epoch: should it be concluded later, that counts.
//!
//! Steps 2 and 3 are done at each start before anything is read, step 4 at the end of each reading: a crash in between is a start more.
//! An insert of the reading before cannot land later, since the database ends with the process; one of another machine may outlive
//! it: its rows are of an older epoch, no view shows them, and the next start deletes them.

use anyhow::{Context, Result};
use store::Store;
use stream::{Register, Tenants};

use super::{PARTITION, Spool};
use crate::pipeline::{failpoint, say};

/// Sees to it that the log is read with these settings: see the steps above.
///
/// # Errors
/// If the register cannot be read or written, or the database refuses.
pub(crate) async fn begin(spool: &Spool, store: &Store, tenants: &Tenants, settings: u32) -> Result<()> {
    // Nothing was read yet: the machine begins a register of its own.
    let Some(mut register) = spool.register.read()? else { return Ok(()) };
    if register.settings != settings {
        let epoch = register.epoch.checked_add(1).context(
            "the settings of this folder were changed 255 times, and no more can be told apart; read the records into another folder \
             with `ringback demo --data`",
        )?;
        register = Register::new(epoch, 0, settings, 1);
        spool.register.write(&register.text())?;
        failpoint::reach("epoch_begun");
        say(&format!("the settings have changed: {} records are read again", spool.log.records()));
    }
    let topic = spool.topic();
    for tenant in store.tenants_of(&topic, PARTITION, 0..register.epoch.into()).await? {
        if tenants.get(&tenant).is_none() {
            store.retract_before(&tenant, register.epoch).await?;
        }
    }
    failpoint::reach("epoch_retracted");
    for table in store::TABLES_OF_FACTS {
        store.delete_before(table, &topic, register.epoch).await?;
        failpoint::reach("epoch_deleted");
    }
    Ok(())
}
