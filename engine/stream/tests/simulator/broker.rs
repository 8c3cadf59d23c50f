//! The broker's side of a group with one partition: who has it, what is committed, and commits that arrive late.
//!
//! As Apache Kafka: a commit of an older generation is refused; one without a generation is taken while the group is empty.

/// A member's number; 0 is nobody.
pub type Member = usize;

#[derive(Clone)]
pub struct Committing {
    /// `None`: the client lost its generation after a refusal.
    pub generation: Option<u64>,
    pub text: Vec<u8>,
    pub id: u64,
}

#[derive(Default)]
pub struct Broker {
    pub generation: u64,
    /// Who has the partition in this generation.
    pub owner: Option<Member>,
    pub committed: Option<Vec<u8>>,
    /// It does not ask who commits, as some that speak Kafka's protocol.
    pub takes_all: bool,
}

impl Broker {
    /// A member has the partition from now on.
    pub fn assign(&mut self, member: Member) -> u64 {
        self.generation += 1;
        self.owner = Some(member);
        self.generation
    }

    /// Nobody is left.
    pub fn leave(&mut self) {
        self.generation += 1;
        self.owner = None;
    }

    /// True if it was stored.
    pub fn commit(&mut self, commit: &Committing) -> bool {
        let is_taken = match commit.generation {
            _ if self.takes_all => true,
            Some(generation) => generation == self.generation && self.owner.is_some(),
            None => self.owner.is_none(),
        };
        if is_taken {
            self.committed = Some(commit.text.clone());
        }
        is_taken
    }
}
