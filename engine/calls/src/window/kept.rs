//! What is kept in memory, for which scope, for how long and how many: one table. What goes is a row already; a change to it is counted
//! again from the calls.

use directory::Scope;

use super::Size;

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;

/// How long windows of one scope and size are kept after their end, by the watermark, and how many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// In seconds. Five minutes of queues have to be kept for more than an hour, since the sliding hours are their sums.
    pub keep_s: i64,
    /// At most so many, of all ids together: then the oldest go. Those of the newest moment stay.
    pub windows_max: usize,
}

/// For each scope and size.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// A window is told early at most once in so many seconds of the log's clock.
    pub early_every_s: i64,
    /// In the order of [`Scope::ALL`] and [`Size::ALL`].
    table: [[Keep; 3]; 7],
}

impl Kept {
    /// Of this scope and size.
    #[must_use]
    pub fn of(&self, scope: Scope, size: Size) -> Keep {
        self.table[scope as usize][size as usize]
    }

    /// The same with another limit.
    #[must_use]
    pub fn with(mut self, scope: Scope, size: Size, keep: Keep) -> Kept {
        self.table[scope as usize][size as usize] = keep;
        self
    }
}

impl Default for Kept {
    /// Five minutes for a day, hours for a week and a day (as long as a call can change), days for five weeks.
    /// A window takes about 300 bytes, so that all limits together are some 130 MB; a company of a thousand people comes near those of people.
    fn default() -> Self {
        let of = |five_minutes, hours, days| {
            [(26 * HOUR_S, five_minutes), (8 * DAY_S, hours), (35 * DAY_S, days)]
                .map(|(keep_s, windows_max)| Keep { keep_s, windows_max })
        };
        Kept {
            early_every_s: 10,
            table: [
                of(400, 400, 100),           // tenant
                of(8_000, 8_000, 2_000),     // site
                of(40_000, 30_000, 20_000),  // did
                of(20_000, 20_000, 10_000),  // group
                of(20_000, 20_000, 10_000),  // queue
                of(20_000, 20_000, 10_000),  // hunt_group
                of(100_000, 60_000, 30_000), // person
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_scopes_and_sizes() {
        for (place, scope) in Scope::ALL.into_iter().enumerate() {
            assert_eq!(scope as usize, place);
        }
        for (place, size) in Size::ALL.into_iter().enumerate() {
            assert_eq!(size as usize, place);
        }
        let keep = Keep { keep_s: 1, windows_max: 2 };
        let kept = Kept::default().with(Scope::Queue, Size::Hour, keep);
        assert_eq!(kept.of(Scope::Queue, Size::Hour), keep);
        assert_eq!(kept.of(Scope::Queue, Size::Day), Kept::default().of(Scope::Queue, Size::Day));
    }
}
