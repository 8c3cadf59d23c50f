//! The register of one partition: what of its log is stored for certain, and which batches may be on their way.
//!
//! It stands in the metadata of an offset commit, or in a file beside a spool, as one line of text of at most 1.5 kB.
//! Whoever takes the partition over reads it and forms the pending batches again, record for record.

use adapters::leg::Moment;
use smallvec::SmallVec;

/// The newest format that this version writes and reads.
pub const FORMAT: u32 = 1;

/// Batches that may be on their way at once.
pub const PENDING_MAX: usize = 8;

/// The register's text is no longer than this, in bytes: brokers keep 4096.
pub const TEXT_BYTES_MAX: usize = 1536;

/// What is known of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Register {
    /// Which reading of the log this is: a higher one has read it anew.
    pub epoch: u8,
    /// Everything below this position is stored.
    pub high: u64,
    /// The log's clock, up to which conclusions were drawn.
    pub clock: Moment,
    /// Conclusions of its owner have versions above this one: it is above all that earlier owners gave (see [`crate::version`]).
    pub versions: u64,
    /// A hash of the record before `high`: another log of the same name is noticed by it. 0: there is none.
    pub last_record: u64,
    /// Of the settings that facts depend on.
    pub settings: u32,
    /// How many partitions the topic has: a tenant's records change their place with it.
    pub partitions: u32,
    /// Batches that may be stored or not, in the order of their positions.
    pub pending: SmallVec<[Pending; PENDING_MAX]>,
}

/// A batch that may be stored or not: the intent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Its first position.
    pub first: u64,
    /// The position after its last.
    pub next: u64,
    /// The shard that it was sent to.
    pub shard: u16,
    /// Its rows of `legs`.
    pub legs: u32,
    /// Its rows of `marks`.
    pub marks: u32,
    /// Its rows of `rejects`.
    pub rejects: u32,
}

/// Why a text is no register.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// It was committed by something else: nothing is in it.
    Empty,
    /// A later version of Ringback wrote it.
    NewerFormat(u32),
    /// It is none of ours, or damaged: what is wrong.
    Damaged(String),
}

impl Register {
    /// The register of a log of which nothing is stored, to be read from this position.
    #[must_use]
    pub fn new(epoch: u8, high: u64, settings: u32, partitions: u32) -> Register {
        let pending = SmallVec::new();
        Register { epoch, high, clock: Moment(0), versions: 0, last_record: 0, settings, partitions, pending }
    }

    /// The position after everything that may be stored.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.pending.last().map_or(self.high, |p| p.next)
    }

    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        let Register { epoch, high, clock, versions, last_record, settings, partitions, pending } = self;
        let mut text = format!(
            "ringback={FORMAT} epoch={epoch} high={high} clock={} versions={versions} last={last_record:016x} settings={settings:08x} partitions={partitions} pending=",
            clock.0
        );
        for (place, p) in pending.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            text.push_str(&format!("{comma}{}-{}/{}/{}/{}/{}", p.first, p.next, p.shard, p.legs, p.marks, p.rejects));
        }
        let sum = sum(&text);
        text.push_str(&format!(" sum={sum:08x}"));
        text
    }

    /// Reads the text.
    ///
    /// # Errors
    /// Why it is no register that this version understands.
    pub fn from_text(text: &[u8]) -> Result<Register, Unreadable> {
        let damaged = |what: &str| Unreadable::Damaged(what.to_owned());
        if text.is_empty() {
            return Err(Unreadable::Empty);
        }
        let text = std::str::from_utf8(text).map_err(|_| damaged("it is not text"))?;
        let (told, summed) = text.rsplit_once(" sum=").unwrap_or((text, ""));
        let is_whole = u32::from_str_radix(summed, 16).is_ok_and(|s| s == sum(told));
        let mut fields = told.split(' ').map(|field| field.split_once('=').unwrap_or((field, "")));
        let Some(("ringback", format)) = fields.next() else {
            return Err(damaged("it does not begin with `ringback=`"));
        };
        let format: u32 = format.parse().map_err(|_| damaged("its format is no number"))?;
        if format > FORMAT {
            return Err(Unreadable::NewerFormat(format));
        }
        if !is_whole {
            return Err(damaged("its sum is not that of its text"));
        }
        let mut value = |name: &str| match fields.next() {
            Some((key, value)) if key == name => Ok(value),
            _ => Err(Unreadable::Damaged(format!("`{name}` is missing"))),
        };
        let number = |name: &str, value: &str| {
            value.parse::<u64>().map_err(|_| Unreadable::Damaged(format!("`{name}` is no number: {value}")))
        };
        let hex = |name: &str, value: &str| {
            u64::from_str_radix(value, 16).map_err(|_| Unreadable::Damaged(format!("`{name}` is no hash: {value}")))
        };
        let small = |name: &str, value: u64| {
            u32::try_from(value).map_err(|_| Unreadable::Damaged(format!("`{name}` is too large: {value}")))
        };
        let epoch = number("epoch", value("epoch")?)?;
        let high = number("high", value("high")?)?;
        let clock = number("clock", value("clock")?)?;
        let versions = number("versions", value("versions")?)?;
        let last_record = hex("last", value("last")?)?;
        let settings = hex("settings", value("settings")?)?;
        let partitions = number("partitions", value("partitions")?)?;
        let told = value("pending")?;
        let mut pending = SmallVec::new();
        for batch in told.split(',').filter(|b| !b.is_empty()) {
            let numbers: Option<SmallVec<[u64; 6]>> = batch.split(['-', '/']).map(|n| n.parse().ok()).collect();
            let Some(&[first, next, shard, legs, marks, rejects]) = numbers.as_deref() else {
                return Err(Unreadable::Damaged(format!(
                    "a pending batch is not first-next/shard/legs/marks/rejects: {batch}"
                )));
            };
            pending.push(Pending {
                first,
                next,
                shard: u16::try_from(shard).map_err(|_| damaged("a shard is too large"))?,
                legs: small("legs", legs)?,
                marks: small("marks", marks)?,
                rejects: small("rejects", rejects)?,
            });
        }
        let register = Register {
            epoch: u8::try_from(epoch).map_err(|_| damaged("`epoch` is above 255"))?,
            high,
            clock: Moment(i64::try_from(clock).map_err(|_| damaged("`clock` is too large"))?),
            versions,
            last_record,
            settings: small("settings", settings)?,
            partitions: small("partitions", partitions)?,
            pending,
        };
        register.check().map_err(damaged)?;
        Ok(register)
    }

    /// Pending batches follow one another from `high` on.
    fn check(&self) -> Result<(), &'static str> {
        let mut at = self.high;
        for batch in &self.pending {
            if batch.first < at || batch.next <= batch.first {
                return Err("its pending batches do not follow one another");
            }
            at = batch.next;
        }
        if self.pending.len() > PENDING_MAX { Err("it has too many pending batches") } else { Ok(()) }
    }
}

/// What a text without its end is noticed by.
fn sum(text: &str) -> u32 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes()) as u32
}

/// A hash of a record's bytes, never 0.
#[must_use]
pub fn record_hash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Register {
        let pending = (0..PENDING_MAX as u64)
            .map(|n| Pending {
                first: u64::MAX / 2 + n * 1_000_000,
                next: u64::MAX / 2 + (n + 1) * 1_000_000,
                shard: u16::MAX,
                legs: u32::MAX,
                marks: u32::MAX,
                rejects: u32::MAX,
            })
            .collect();
        Register {
            epoch: 255,
            high: u64::MAX / 2,
            clock: Moment(1_796_000_000_000),
            versions: u64::MAX,
            last_record: u64::MAX,
            settings: u32::MAX,
            partitions: u32::MAX,
            pending,
        }
    }

    #[test]
    fn a_register_is_read_back_and_fits() {
        for register in [full(), Register::new(0, 0, 0, 1)] {
            let text = register.text();
            assert!(text.len() <= TEXT_BYTES_MAX, "{} bytes", text.len());
            assert_eq!(Register::from_text(text.as_bytes()), Ok(register));
        }
    }

    #[test]
    fn what_is_no_register_says_why() {
        let check = |text: &str, expected: Unreadable| assert_eq!(Register::from_text(text.as_bytes()), Err(expected));
        let damaged = |what: &str| Unreadable::Damaged(what.to_owned());
        let summed = |text: &str| format!("{text} sum={:08x}", sum(text));
        check("", Unreadable::Empty);
        check("hello", damaged("it does not begin with `ringback=`"));
        let text = full().text();
        let told = text.rsplit_once(" sum=").unwrap().0;
        check(&summed(&told.replace("ringback=1", "ringback=2")), Unreadable::NewerFormat(2));
        check("ringback=7 nobody knows", Unreadable::NewerFormat(7));
        check(&summed(&told.replace(" clock=", " klock=")), damaged("`clock` is missing"));
        check(&summed(&told.replace("epoch=255", "epoch=256")), damaged("`epoch` is above 255"));
        check(&summed(&told.replace("high=", "high=x")), damaged("`high` is no number: x9223372036854775807"));
        check(
            &summed("ringback=1 epoch=0 high=9 clock=0 versions=0 last=0 settings=0 partitions=1 pending=3-5/0/1/1/1"),
            damaged("its pending batches do not follow one another"),
        );
        for length in 1..text.len() {
            assert!(Register::from_text(&text.as_bytes()[..length]).is_err(), "cut at {length}");
        }
    }
}
