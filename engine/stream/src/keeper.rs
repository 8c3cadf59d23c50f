//! Keeps one partition's register: what it should say, what is known to be committed, and what may be sent because of it.

use adapters::leg::Moment;

use crate::register::{PENDING_MAX, Pending, Register};
use crate::rules::Rules;
use crate::stop::Stop;

/// What became of a commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CommitOutcome {
    /// It is stored.
    Stored,
    /// It is certain that it was not stored, and why.
    Refused(String),
    /// It may be stored, now or later.
    Unknown(String),
}

/// The register of one partition, and the commit that is out.
#[derive(Debug)]
pub struct Keeper {
    rules: Rules,
    /// What is known to be committed.
    committed: Register,
    /// What it should be.
    wanted: Register,
    out: Option<Register>,
    /// After a refusal: until the assignment was shown again.
    held: bool,
}

impl Keeper {
    /// For a register that was read, or that nobody has written yet.
    #[must_use]
    pub fn new(register: Register, rules: Rules) -> Keeper {
        Keeper { rules, committed: register.clone(), wanted: register, out: None, held: false }
    }

    /// What is known to be committed.
    #[must_use]
    pub fn committed(&self) -> &Register {
        &self.committed
    }

    /// What the register should say.
    #[must_use]
    pub fn wanted(&self) -> &Register {
        &self.wanted
    }

    /// True if one more batch may be intended.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.wanted.pending.len() < PENDING_MAX
    }

    /// A batch is sealed: it is to be committed as pending. One without records only has its time.
    pub fn intend(&mut self, batch: Option<Pending>, clock: Moment) {
        self.wanted.pending.extend(batch);
        self.wanted.clock = self.wanted.clock.max(clock);
    }

    /// Its owner's conclusions have versions above this one.
    pub fn begin_above(&mut self, versions: u64) {
        self.wanted.versions = self.wanted.versions.max(versions);
    }

    /// True if a batch up to here may be sent: its intent, its time and where the versions of its conclusions begin are known to be
    /// committed.
    #[must_use]
    pub fn may_send(&self, first: u64, next: u64, clock: Moment) -> bool {
        if self.committed.versions < self.wanted.versions && self.rules.commits_its_versions_first {
            return false;
        }
        if first == next {
            return self.committed.clock >= clock || !self.rules.commits_the_clock_first;
        }
        // Its time is committed with it.
        let is_intended = self.committed.pending.iter().any(|p| (p.first, p.next) == (first, next));
        is_intended || self.committed.high >= next || !self.rules.sends_only_what_is_committed
    }

    /// Everything below this position is stored; its last record has this hash.
    pub fn stored_below(&mut self, high: u64, last_record: u64) {
        self.wanted.high = high;
        self.wanted.last_record = last_record;
        self.wanted.pending.retain(|p| p.next > high);
    }

    /// The commit that should be sent now, if none is out. What only confirms waits for the next intent, unless `all`.
    pub fn commit(&mut self, all: bool) -> Option<Register> {
        let mut wanted = self.wanted.clone();
        if !self.rules.names_batches {
            wanted.pending.clear();
        }
        let has_new_intent = wanted.pending.iter().any(|p| !self.committed.pending.contains(p));
        let is_later = wanted.clock > self.committed.clock || wanted.versions > self.committed.versions;
        let is_wanted = has_new_intent || is_later || all && wanted != self.committed;
        let may = self.out.is_none() && (!self.held || !self.rules.waits_for_the_assignment);
        if !may || !is_wanted {
            return None;
        }
        self.out = Some(wanted.clone());
        Some(wanted)
    }

    /// A commit is out.
    #[must_use]
    pub fn is_committing(&self) -> bool {
        self.out.is_some()
    }

    /// Everything that the register should say is committed.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.out.is_none() && self.committed == self.wanted
    }

    /// What became of the commit that was out.
    ///
    /// # Errors
    /// If nobody knows.
    pub fn answered(&mut self, outcome: CommitOutcome) -> Result<(), Stop> {
        let Some(sent) = self.out.take() else { return Ok(()) };
        match outcome {
            CommitOutcome::Stored => self.committed = sent,
            CommitOutcome::Refused(_) => self.held = true,
            CommitOutcome::Unknown(why) if self.rules.stops_on_unknown_commit => return Err(Stop::CommitUnknown(why)),
            CommitOutcome::Unknown(_) => {}
        }
        Ok(())
    }

    /// The source has shown that the partition is still ours.
    pub fn still_assigned(&mut self) {
        self.held = false;
    }
}
