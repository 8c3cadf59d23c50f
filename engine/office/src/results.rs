//! What came of a claim, for claims of things that are done once: a mail to one recipient.

use crate::sqlite::{args, sql};
use crate::{Office, Result};

impl Office {
    /// What was noted of a claim. `None`: nobody has it; `Some(None)`: whoever has it has noted nothing.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn claim_result(&self, kind: &str, key: &str) -> Result<Option<Option<String>>> {
        self.database.read(|tx| tx.one(sql!("claim_result"), args![kind, key], |row| row.get(0)))
    }

    /// Notes what came of a claim. False: it is not this holder's.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn note_result(&self, kind: &str, key: &str, holder: &str, result: &str) -> Result<bool> {
        self.database.write(|tx| Ok(tx.run(sql!("claim_result_set"), args![result, kind, key, holder])? == 1))
    }
}
