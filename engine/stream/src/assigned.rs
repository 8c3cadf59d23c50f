//! A partition that became ours: what the source and the tables say of it, and whether they say the same (R3).

use crate::register::Register;
use crate::rules::Rules;
use crate::stop::Stop;

/// What the source says when a partition becomes ours.
#[derive(Clone, Debug)]
pub struct Assigned<'a> {
    /// Its number.
    pub partition: u32,
    /// How many the topic has.
    pub partitions: u32,
    /// The text that was committed last; `None` if nothing ever was.
    pub register: Option<&'a [u8]>,
    /// The first position that the log still has.
    pub first: u64,
    /// The position after its last record.
    pub next: u64,
    /// Of the settings that facts depend on, as they are now.
    pub settings: u32,
}

/// What the tables say of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ledger {
    /// The highest epoch that they have rows of.
    pub epoch: u8,
    /// The position after the last row of any table of facts, in that epoch; 0 if there is none.
    pub next: u64,
    /// The position after the last batch that says that it is stored, in that epoch; 0 if there is none.
    pub batches_next: u64,
}

/// Compares a register with the log and the tables (R3).
pub(crate) fn check(register: &Register, assigned: &Assigned<'_>, ledger: Ledger, rules: Rules) -> Result<(), Stop> {
    if register.partitions != assigned.partitions {
        return Err(Stop::Partitions { register: register.partitions, topic: assigned.partitions });
    }
    if register.high > assigned.next || register.next() > assigned.next {
        return Err(Stop::OtherLog { position: register.next() });
    }
    if register.high < assigned.first && register.last_record != 0 {
        return Err(Stop::Gone { from: register.high, first: assigned.first });
    }
    if !rules.compares_with_the_ledger {
        return Ok(());
    }
    let stored = ledger.next.max(ledger.batches_next);
    if ledger.epoch > register.epoch && stored > 0 {
        return Err(Stop::OtherEpoch { register: register.epoch, stored: ledger.epoch });
    }
    if ledger.epoch < register.epoch {
        return Ok(());
    }
    if stored > register.next() {
        return Err(Stop::RegisterBehind { register: register.next(), stored });
    }
    if register.last_record != 0 && ledger.batches_next < register.high {
        return Err(Stop::StoreBehind { register: register.high, stored: ledger.batches_next });
    }
    Ok(())
}
