//! How much of a partition is held and done at once.

use calls::live;

/// How much is done at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A batch is sealed when it has so many legs.
    pub legs_per_batch_max: usize,
    /// A batch is sealed when it has so many bytes.
    pub bytes_per_batch_max: usize,
    /// A batch is sealed when it is so old, in milliseconds.
    pub batch_age_ms: i64,
    /// No more is read while so many bytes are on their way.
    pub bytes_in_flight_max: usize,
    /// What time alone brings about is concluded no more often than this, in milliseconds of the wall clock.
    pub conclude_every_ms: i64,
    /// The same while many records come.
    pub conclude_many_every_ms: i64,
    /// What is only confirmed is committed after so long at the latest, in milliseconds.
    pub commit_age_ms: i64,
    /// Of the calls.
    pub live: live::Limits,
    /// Lines name the file of each record.
    pub names_files: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            legs_per_batch_max: 200_000,
            bytes_per_batch_max: 64 << 20,
            batch_age_ms: 1000,
            bytes_in_flight_max: 256 << 20,
            conclude_every_ms: 100,
            conclude_many_every_ms: 500,
            commit_age_ms: 5000,
            live: live::Limits::default(),
            names_files: false,
        }
    }
}
