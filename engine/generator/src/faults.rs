//! What goes wrong between an exchange and its reader: records that come late, twice, or broken.

use fastrand::Rng;

/// Shares of records, in one of a hundred thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Come seconds to ninety minutes late, nine in ten of them within ten minutes.
    pub late: u32,
    /// Come twice.
    pub doubled: u32,
    /// Are followed by a broken one, which tells nothing: what really happened stays whole.
    pub malformed: u32,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Faults = Faults { late: 0, doubled: 0, malformed: 0 };
    /// One in a hundred late, one in a thousand doubled, one in ten thousand malformed.
    pub const USUAL: Faults = Faults { late: 1_000, doubled: 100, malformed: 10 };

    /// How much later this record comes, in milliseconds.
    pub(crate) fn delay_ms(&self, rng: &mut Rng) -> i64 {
        if !happens(self.late, rng) {
            return 0;
        }
        if rng.u8(0..10) < 9 { rng.i64(2_000..600_000) } else { rng.i64(600_000..LATE_MAX_MS) }
    }

    pub(crate) fn doubles(&self, rng: &mut Rng) -> bool {
        happens(self.doubled, rng)
    }

    /// A broken copy of this record: its first bytes, without its end.
    pub(crate) fn malformed(&self, bytes: &[u8], rng: &mut Rng) -> Option<Vec<u8>> {
        if !happens(self.malformed, rng) {
            return None;
        }
        let cut = rng.usize(1..=(bytes.len() / 3).max(1));
        let mut broken = bytes.get(..cut)?.to_vec();
        broken.push(b'\n');
        Some(broken)
    }
}

const LATE_MAX_MS: i64 = 5_400_000;

fn happens(share: u32, rng: &mut Rng) -> bool {
    share > 0 && rng.u32(0..100_000) < share
}
