//! The rules of exactly once, each with the harm that it prevents. The tests take them away one at a time, and must find the harm.

/// Which rules hold. In production all of them: [`Rules::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// A register names the batches that may be on their way: the intents. Where brokers do not keep registers it cannot, and a batch
    /// that was stored after the last commit is stored again.
    pub names_batches: bool,
    /// R1: a batch is sent only when its intent is known to be committed. Else a crash leaves rows that nobody knows of, and the
    /// next owner stores them again in a batch with other borders.
    pub sends_only_what_is_committed: bool,
    /// R2: a commit whose outcome is not known ends the process. Else it may arrive after a later one, and undo it.
    pub stops_on_unknown_commit: bool,
    /// R3: a register that is behind the tables is refused. Else one that was reset reads everything again.
    pub compares_with_the_ledger: bool,
    /// R4: a batch that may be stored already is counted before it is sent again. Else a token that the server has forgotten
    /// doubles it.
    pub counts_before_sending_again: bool,
    /// R5: after a refused commit no other is sent before the assignment was shown again. Else an owner of yesterday overwrites
    /// the register of today's.
    pub waits_for_the_assignment: bool,
    /// R6: a register of a newer format is left alone.
    pub refuses_newer_formats: bool,
    /// A pending batch is formed again with its own borders. Else its token names other rows, and these are dropped or doubled.
    pub keeps_borders: bool,
    /// The register's position moves over a batch only when all before it are stored too.
    pub moves_over_stored_only: bool,
    /// What time alone concludes is told only when the register has that time. Else a successor takes it back.
    pub commits_the_clock_first: bool,
    /// An owner concludes only when the register says above which version. Else what a predecessor sent and what lands late counts more.
    pub commits_its_versions_first: bool,
    /// After an assign everything is concluded again and compared with what is stored. Else what a crash cut off stays as it is.
    pub compares_conclusions: bool,
}

impl Rules {
    /// As it must be for exactly once.
    pub const ALL: Rules = Rules {
        names_batches: true,
        sends_only_what_is_committed: true,
        stops_on_unknown_commit: true,
        compares_with_the_ledger: true,
        counts_before_sending_again: true,
        waits_for_the_assignment: true,
        refuses_newer_formats: true,
        keeps_borders: true,
        moves_over_stored_only: true,
        commits_the_clock_first: true,
        commits_its_versions_first: true,
        compares_conclusions: true,
    };

    /// Once or more, with brokers that keep nothing beside an offset, or take it from anybody: nothing is named before it is sent, and
    /// what the tables have beyond the offset is stored again. The offset still moves over stored batches only.
    pub const AT_LEAST_ONCE: Rules = Rules {
        names_batches: false,
        sends_only_what_is_committed: false,
        compares_with_the_ledger: false,
        ..Rules::ALL
    };
}
