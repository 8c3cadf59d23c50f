//! What was concluded in one step, with the versions under which it is stored.

use adapters::leg::{Moment, Text};
use calls::CallLine;
use calls::customers::FollowUp;
use calls::live::{self, Before, Conclusion};
use calls::window::{WindowEvent, WindowNow};

use crate::comparing::Key;
use crate::version::Versions;

/// A conclusion with its version.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned<T> {
    /// What is concluded.
    pub told: T,
    /// Higher than that of everything concluded of the same thing before.
    pub version: u64,
    /// A hash of what it says.
    pub content: u64,
}

/// What was concluded, to be stored: on doubt again.
#[derive(Clone, Default, Debug)]
pub struct Conclusions {
    /// Calls as they are now, each with what its legs are found by, and where it stood before.
    pub calls: Vec<Versioned<(Box<CallLine>, live::Keys, Before)>>,
    /// Names that are none any more: the company, which, what it is part of now (empty: nothing), and where it stood before.
    pub gone: Vec<Versioned<(Text, Key, Text, Before)>>,
    /// Follow-ups as they are now, each with where it stood before.
    pub follow_ups: Vec<Versioned<(Box<FollowUp>, Before)>>,
    /// Windows as they are now.
    pub windows: Vec<Versioned<Box<WindowNow>>>,
    /// What happened to limits and windows: told again after a restart, under the same name.
    pub events: Vec<WindowEvent>,
    /// Those of the calls that were final before, and said something else.
    pub revised: Vec<Text>,
    /// Follow-ups that are open though they are due: told again after a restart.
    pub due: Vec<FollowUp>,
    /// Calls and follow-ups may stand in the order of time where this owner of the log never told them: by what an earlier one sent.
    pub may_stand_elsewhere: bool,
    /// The log's clock when they were drawn.
    pub clock: Moment,
}

impl Conclusions {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len()
            + self.gone.len()
            + self.follow_ups.len()
            + self.windows.len()
            + self.events.len()
            + self.due.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Conclusions of a fold beside the log, as a plugin's history is: with versions from this one on.
    pub fn collect(clock: Moment, told: Vec<(Text, Conclusion)>, version: &mut u64) -> Conclusions {
        let mut versions = Versions::above(*version);
        let mut all = Conclusions { clock, ..Conclusions::default() };
        for (tenant, told) in told {
            all.take(&tenant, told, &mut versions, 0);
        }
        *version = versions.last();
        all
    }

    /// Adds a conclusion, with the next version.
    pub(crate) fn take(&mut self, tenant: &Text, told: Conclusion, versions: &mut Versions, epoch: u8) {
        let version = versions.next(epoch, self.clock);
        match told {
            Conclusion::Call { line, content, keys, revises, before } => {
                self.revised.extend(revises.then(|| line.call_id.clone()));
                self.calls.push(Versioned { told: (line, keys, before), version, content });
            }
            Conclusion::Gone { call_id, merged_into, before } => {
                let told = (tenant.clone(), Key::Call(call_id), merged_into, before);
                self.gone.push(Versioned { told, version, content: 0 });
            }
            Conclusion::FollowUp { told, before } => match told.merged_into.clone() {
                Some(merged_into) => {
                    let told = (tenant.clone(), Key::FollowUp(told.line.id.clone()), merged_into, before);
                    self.gone.push(Versioned { told, version, content: 0 });
                }
                None => {
                    let content = calls::content::of(&*told);
                    self.follow_ups.push(Versioned { told: (told, before), version, content });
                }
            },
            Conclusion::Window(told) => {
                let content = told.content();
                self.windows.push(Versioned { told, version, content });
            }
        }
    }
}
