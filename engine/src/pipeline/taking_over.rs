//! Taking a partition over: the ledger, then what is stored, then the log.

use adapters::leg::Moment;
use store::FactsBuilder;
use stream::machine::Limits;
use stream::{Assigned, Ledger, PartitionMachine, Register, Rules, Stop, Tenants};

use super::storing::What;
use crate::source::Partition;

/// A partition that was assigned, until it is known how far the tables have it.
pub(crate) struct Opening {
    partition: Partition,
    settings: u32,
}

impl Opening {
    pub(crate) fn new(partition: Partition, settings: u32) -> Opening {
        Opening { partition, settings }
    }

    /// The position up to which all is stored, where the register does not keep the clock with it.
    pub(crate) fn high_without_clock(&self, rules: Rules) -> Option<u64> {
        let register = self.partition.register.as_deref().filter(|_| !rules.names_batches)?;
        Register::from_text(register).ok().map(|register| register.high)
    }

    /// With the ledger there is a machine.
    pub(crate) fn take<'d>(
        &self,
        what: &What,
        tenants: &'d Tenants,
        limits: Limits,
        rules: Rules,
    ) -> Result<Option<PartitionMachine<'d, FactsBuilder>>, Stop> {
        let What::Ledger(ledger, clock) = *what else { return Ok(None) };
        let Partition { number, partitions, register, first, next } = &self.partition;
        let clocked = register.as_deref().zip(clock).map(|(text, clock)| with_clock(text, ledger, clock));
        let assigned = Assigned {
            partition: *number,
            partitions: *partitions,
            register: clocked.as_deref().or(register.as_deref()),
            first: *first,
            next: *next,
            settings: self.settings,
        };
        PartitionMachine::assigned(&assigned, ledger, tenants, limits, rules).map(Some)
    }
}

/// The register as it would be if the brokers kept it. What it says of its clock may be ahead of its position.
fn with_clock(text: &[u8], ledger: Ledger, clock: Moment) -> Vec<u8> {
    match Register::from_text(text) {
        Ok(register) => Register { clock, epoch: register.epoch.max(ledger.epoch), ..register }.text().into_bytes(),
        Err(_) => text.to_vec(),
    }
}
