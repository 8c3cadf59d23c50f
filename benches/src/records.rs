//! Records in any number, made of the tests' own samples: each scenario of the corpus again and again,
//! with later times, new ids, new channels and other customers. What comes out is the stream that a PBX would have written:
//! distinct calls, overlapping, in the order in which their records were closed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use adapters::clock::{LocalTime, date_time};

/// What to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The file of each scenario: `cdr-full.csv` or `cel.csv`.
    pub file: String,
    /// How many records.
    pub records: u64,
    /// How many an hour: with the hold of closed calls, this decides how much is open at a time.
    pub records_an_hour: u64,
    /// How many different customers call; few call again and again, many are never called back.
    pub customers: u64,
    /// Records are written this much out of order, in seconds of their own time.
    pub shuffled_s: u64,
    /// Only scenarios whose name begins so.
    pub only: String,
}

/// When the first call begins: winter, so that printed times have one offset for five months.
const BEGINS_AT_MS: i64 = 1_793_491_200_000;

/// What changes from one call to the next.
#[derive(Clone, Debug)]
enum Piece {
    Text(Vec<u8>),
    /// A printed time, without its fraction.
    Time(i64),
    /// `seconds.counter`.
    UniqueId(i64, u64),
    /// The eight hex digits of a channel.
    Channel(u64),
    /// Ten digits of a customer's number, of which the last six are theirs.
    Customer(Vec<u8>, u64),
}

struct Row {
    pieces: Vec<Piece>,
    /// When it was written: its latest time.
    written_at: i64,
}

struct Scenario {
    rows: Vec<Row>,
    begins_at: i64,
    counters: (u64, u64),
    channels: (u64, u64),
}

/// Writes the planned records; gives how many bytes.
pub fn write(plan: &Plan, out: &mut (impl Write + ?Sized)) -> io::Result<u64> {
    let corpus = crate::arguments::repository().join("engine/calls/tests/corpus");
    let scenarios = scenarios(&corpus, plan);
    assert!(!scenarios.is_empty(), "{}: no scenario with a {}", corpus.display(), plan.file);
    let mut pending: BinaryHeap<Reverse<(i64, u64, Vec<u8>)>> = BinaryHeap::new();
    let (mut made, mut written, mut bytes) = (0, 0, 0);
    let (mut counter, mut channel) = (1_000_i64, 16_i64);
    let mut begins_at = BEGINS_AT_MS;
    for (call, scenario) in (0u64..).zip(scenarios.iter().cycle()) {
        if made >= plan.records {
            break;
        }
        let shift = Shift {
            // Whole seconds, so that a printed time and the second in a unique id stay one moment.
            ms: (begins_at - scenario.begins_at).div_euclid(1000) * 1000,
            counter: counter - scenario.counters.0.cast_signed(),
            channel: channel - scenario.channels.0.cast_signed(),
            call,
            customers: plan.customers.max(1),
        };
        for row in &scenario.rows {
            let jitter = hash(made) % (plan.shuffled_s * 1000).max(1);
            let at = row.written_at + shift.ms + i64::try_from(jitter).unwrap_or(0);
            pending.push(Reverse((at, made, shift.line(row))));
            made += 1;
        }
        counter += (scenario.counters.1 - scenario.counters.0 + 1).cast_signed();
        channel += (scenario.channels.1 - scenario.channels.0 + 1).cast_signed();
        begins_at =
            BEGINS_AT_MS + i64::try_from(made * 3_600_000 / plan.records_an_hour.max(1)).unwrap_or(i64::MAX / 2);
        while pending.peek().is_some_and(|Reverse((at, ..))| *at < begins_at) && written < plan.records {
            let Some(Reverse((.., line))) = pending.pop() else { break };
            out.write_all(&line)?;
            bytes += line.len() as u64;
            written += 1;
        }
    }
    while let Some(Reverse((.., line))) = pending.pop().filter(|_| written < plan.records) {
        out.write_all(&line)?;
        bytes += line.len() as u64;
        written += 1;
    }
    Ok(bytes)
}

/// Every scenario that has this file, in the order of their names.
fn scenarios(corpus: &Path, plan: &Plan) -> Vec<Scenario> {
    let mut folders: Vec<_> = fs::read_dir(corpus).into_iter().flatten().flatten().map(|e| e.path()).collect();
    folders.sort_unstable();
    folders
        .iter()
        .filter(|f| f.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&plan.only)))
        .filter_map(|folder| Some(scenario(&fs::read(folder.join(&plan.file)).ok()?)))
        .filter(|s| !s.rows.is_empty())
        .collect()
}

fn scenario(bytes: &[u8]) -> Scenario {
    let rows: Vec<Row> = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(row).collect();
    let pieces = || rows.iter().flat_map(|r| &r.pieces);
    let times = pieces().filter_map(|p| if let Piece::Time(ms) = p { Some(*ms) } else { None });
    let counters = || pieces().filter_map(|p| if let Piece::UniqueId(_, n) = p { Some(*n) } else { None });
    let channels = || pieces().filter_map(|p| if let Piece::Channel(n) = p { Some(*n) } else { None });
    Scenario {
        begins_at: times.min().unwrap_or(BEGINS_AT_MS),
        counters: (counters().min().unwrap_or(0), counters().max().unwrap_or(0)),
        channels: (channels().min().unwrap_or(0), channels().max().unwrap_or(0)),
        rows,
    }
}

fn row(line: &[u8]) -> Row {
    let mut pieces = Vec::new();
    let mut text = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let before = at.checked_sub(1).and_then(|i| line.get(i)).copied().unwrap_or(b' ');
        match piece(&line[at..], before) {
            Some((piece, length)) => {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(piece);
                at += length;
            }
            None => {
                text.push(line[at]);
                at += 1;
            }
        }
    }
    text.push(b'\n');
    pieces.push(Piece::Text(text));
    let times = pieces.iter().filter_map(|p| if let Piece::Time(ms) = p { Some(*ms) } else { None });
    Row { written_at: times.max().unwrap_or(BEGINS_AT_MS), pieces }
}

/// What stands here that changes from call to call, and its length.
fn piece(rest: &[u8], before: u8) -> Option<(Piece, usize)> {
    const TIME: usize = "2026-11-22 22:23:17".len();
    const CUSTOMERS: [&[u8]; 4] = [b"7700900", b"1632960", b"161496", b"113496"];
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if let Some(LocalTime(ms)) = rest.get(..TIME).and_then(date_time) {
        return Some((Piece::Time(ms), TIME));
    }
    if digits == 10 && !before.is_ascii_digit() && rest.get(10) == Some(&b'.') {
        let counter = rest[11..].iter().take_while(|b| b.is_ascii_digit()).count();
        let piece = Piece::UniqueId(number(&rest[..10]).cast_signed(), number(&rest[11..11 + counter]));
        return Some((piece, 11 + counter));
    }
    let hex = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    if before == b'-' && hex == 8 {
        let value = std::str::from_utf8(&rest[..8]).ok().and_then(|h| u64::from_str_radix(h, 16).ok())?;
        return Some((Piece::Channel(value), 8));
    }
    let is_customer = CUSTOMERS.iter().any(|prefix| rest.starts_with(prefix)) && digits == 10;
    is_customer.then(|| (Piece::Customer(rest[..4].to_vec(), number(&rest[..10])), 10))
}

struct Shift {
    ms: i64,
    counter: i64,
    channel: i64,
    call: u64,
    customers: u64,
}

impl Shift {
    fn line(&self, row: &Row) -> Vec<u8> {
        let mut line = Vec::with_capacity(512);
        for piece in &row.pieces {
            match piece {
                Piece::Text(text) => line.extend_from_slice(text),
                Piece::Time(ms) => line.extend_from_slice(printed(ms + self.ms).as_bytes()),
                Piece::UniqueId(seconds, counter) => {
                    let (seconds, counter) = (seconds + self.ms / 1000, counter.wrapping_add_signed(self.counter));
                    line.extend_from_slice(format!("{seconds}.{counter}").as_bytes());
                }
                Piece::Channel(number) => {
                    line.extend_from_slice(
                        format!("{:08x}", number.wrapping_add_signed(self.channel) & 0xffff_ffff).as_bytes(),
                    );
                }
                Piece::Customer(area, known) => {
                    // One customer within a call, whichever way the number is written; another in the next.
                    let customer = hash(known ^ (self.call << 20)) % self.customers;
                    line.extend_from_slice(area);
                    line.extend_from_slice(format!("{:06}", customer % 1_000_000).as_bytes());
                }
            }
        }
        line
    }
}

fn printed(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Howard Hinnant's `civil_from_days`, for years after 1970.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02}", second % 60)
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'))
}

/// `splitmix64`: the same records on every machine.
fn hash(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(plan: &Plan) -> String {
        let mut out = Vec::new();
        write(plan, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_are_printed_as_they_are_read() {
        for text in ["1970-01-01 00:00:00", "2026-11-01 23:59:59", "2028-02-29 12:00:00"] {
            assert_eq!(printed(date_time(text.as_bytes()).unwrap().0), text);
        }
    }

    #[test]
    fn records_are_as_many_as_planned_and_none_is_like_another() {
        let plan = Plan {
            file: "cdr-full.csv".to_owned(),
            records: 3_000,
            records_an_hour: 5_000,
            customers: 1_000,
            shuffled_s: 0,
            only: String::new(),
        };
        let text = made(&plan);
        let mut lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3_000);
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 3_000);
        assert_eq!(made(&plan), text);
    }
}
