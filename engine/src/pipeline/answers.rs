//! What the store has answered, told to the machine that asked.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use store::Lasted;

use super::held::{Retracting, State};
use super::questions::{Question, Since};
use super::storing::{self, Answer};
use super::{Pipeline, now};
use crate::source::Source;

impl<S: Source> Pipeline<'_, S> {
    /// One answer of the store. What comes for a partition that is ours no more is dropped.
    pub(super) fn take(&mut self, answer: Answer) -> Result<()> {
        let Some(held) = self.held.get_mut(&answer.partition).filter(|held| Arc::ptr_eq(&held.lease, &answer.lease))
        else {
            return Ok(());
        };
        let named = || format!("partition {} of {}", answer.partition, self.source.topic());
        match (&mut held.state, answer.what) {
            (_, storing::What::Failed(error)) => return Err(error).with_context(named),
            (State::Opening(opening), what) => {
                if let Some(mut machine) = opening
                    .take(&what, self.tenants, self.settings.limits, self.settings.rules)
                    .map_err(|stop| anyhow!("{}: {stop}", named()))?
                {
                    if !self.settings.rules.names_batches {
                        machine.conclude_above(now());
                    }
                    let since = Since { clock: machine.register_clock(), horizon_ms: self.settings.horizon_ms };
                    held.read_since = since.clock.plus_ms(-since.horizon_ms);
                    let question = Question::of(&self.store, answer.partition, &held.lease, &self.sender);
                    let topic = self.source.topic().to_owned();
                    let known_from = self.settings.known_from(machine.epoch());
                    let (epoch, high) = (machine.epoch(), machine.high());
                    self.runtime.spawn(question.stored(topic, known_from, epoch, high, since));
                    held.retracting = if known_from == 0 { Retracting::Done } else { Retracting::NotYet };
                    held.state = State::Open(Box::new(machine));
                }
            }
            (State::Open(machine), what) => match what {
                storing::What::Known(stored) => {
                    for (tenant, known) in stored {
                        machine.known(&tenant, known);
                    }
                }
                storing::What::Header(mark) => {
                    machine.stored_header(
                        &mark.tenant,
                        &mark.pbx,
                        &mark.adapter,
                        &mark.source,
                        &mark.value,
                        &mark.subject,
                    );
                }
                storing::What::Mark(mark) => {
                    machine.stored_mark(&mark.tenant, &mark.pbx, &mark.adapter, &mark.value, mark.place.logged_at);
                }
                storing::What::Legs(legs) => {
                    for (leg, place) in legs {
                        machine.stored_leg(leg, place.logged_at, place.position);
                    }
                }
                storing::What::Restored => {
                    machine.restored();
                    let from = machine.read_from();
                    self.source.read_from(answer.partition, from)?;
                    self.progress.restored(answer.partition, from);
                }
                storing::What::Stored(number) => machine.stored(number),
                storing::What::Asked(Some(legs)) => machine.answer(legs),
                storing::What::Asked(None) => machine.not_answered(),
                storing::What::Recounted(windows) => machine.recounted(windows),
                storing::What::Lasted(tenant, follow_ups) => {
                    for Lasted { customer, opened_at, closed_at } in follow_ups {
                        machine.stored_follow_up(&tenant, &customer.as_str().into(), opened_at, closed_at);
                    }
                }
                storing::What::KnownSince(moment) => machine.known_since(moment),
                storing::What::Keys(keys) => {
                    held.is_asking_left = false;
                    machine.answer_left(keys);
                }
                storing::What::KnownAgain(known) => machine.look_again(known),
                storing::What::Retracted => held.retracting = Retracting::Done,
                storing::What::Ledger(..) | storing::What::Failed(_) => {}
            },
        }
        Ok(())
    }
}
