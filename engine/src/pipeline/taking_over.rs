//! Taking a partition over: the ledger, then what is stored, then the log.

use adapters::leg::Moment;
use store::FactsBuilder;
use stream::machine::Limits;
use stream::{Assigned, PartitionMachine, Rules, Stop, Tenants};

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

    /// With the ledger there is a machine.
    pub(crate) fn take<'d>(
        &self,
        what: &What,
        tenants: &'d Tenants,
        limits: Limits,
        rules: Rules,
    ) -> Result<Option<PartitionMachine<'d, FactsBuilder>>, Stop> {
        let What::Ledger(ledger) = *what else { return Ok(None) };
        let Partition { number, partitions, register, first, next } = &self.partition;
        let assigned = Assigned {
            partition: *number,
            partitions: *partitions,
            register: register.as_deref(),
            first: *first,
            next: *next,
            settings: self.settings,
        };
        PartitionMachine::assigned(&assigned, ledger, tenants, limits, rules).map(Some)
    }
}

/// Facts that reached the log before this moment are not read back.
pub(crate) fn since(machine: &PartitionMachine<'_, FactsBuilder>, horizon_ms: i64) -> Moment {
    machine.register_clock().plus_ms(-horizon_ms)
}
