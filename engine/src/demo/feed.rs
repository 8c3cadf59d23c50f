//! The company's records in their order, as its exchanges write them: made again from the seed at each start.

use std::collections::{BTreeMap, VecDeque};

use adapters::leg::Moment;
use anyhow::{Context, Result, anyhow, bail};
use generator::{Generator, Row};

use super::kept::Kept;

/// A record on its way to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fed {
    /// The number of its source in the log.
    pub(crate) source: u32,
    /// When its exchange wrote it.
    pub(crate) at: Moment,
    /// Its bytes, without the end of its line.
    pub(crate) bytes: Vec<u8>,
}

/// Gives them one by one.
pub(crate) struct Feed {
    generator: Generator,
    /// The number of the source of each exchange, until its first record has come; then without its header.
    sources: BTreeMap<String, Source>,
    waiting: VecDeque<Fed>,
}

struct Source {
    number: u32,
    is_headed: bool,
}

impl Feed {
    /// From the beginning. `sources`: the exchanges, each with the number of its source in the log.
    ///
    /// # Errors
    /// If there can be no such company.
    pub(crate) fn of(kept: &Kept, sources: &[(String, u32)]) -> Result<Feed> {
        let generator =
            Generator::new(kept.seed, kept.shape().plan(kept.first_day())).map_err(|error| anyhow!(error.0))?;
        let source = |(pbx, number): &(String, u32)| (pbx.clone(), Source { number: *number, is_headed: false });
        Ok(Feed { generator, sources: sources.iter().map(source).collect(), waiting: VecDeque::new() })
    }

    /// Passes over so many records, which are in the log already; gives the last one.
    ///
    /// # Errors
    /// If there are not so many.
    pub(crate) fn skip(&mut self, count: u64) -> Result<Option<Fed>> {
        let mut last = None;
        for _ in 0..count {
            last = Some(self.pop()?);
        }
        Ok(last)
    }

    /// The records that were written up to this moment, at most so many.
    ///
    /// # Errors
    /// If there are no more at all.
    pub(crate) fn due(&mut self, until: Moment, most: usize) -> Result<Vec<Fed>> {
        let mut due = Vec::new();
        while due.len() < most && self.peek()?.at <= until {
            due.push(self.pop()?);
        }
        Ok(due)
    }

    fn peek(&mut self) -> Result<&Fed> {
        if self.waiting.is_empty() {
            let row = self.generator.next().context("the company has no more days")?;
            // Nobody looks at what really happened: it would only grow.
            self.generator.take_truth();
            self.take(&row)?;
        }
        self.waiting.front().context("a record of nothing")
    }

    fn pop(&mut self) -> Result<Fed> {
        self.peek()?;
        self.waiting.pop_front().context("a record of nothing")
    }

    /// Column names stand before the first record of an exchange.
    fn take(&mut self, row: &Row) -> Result<()> {
        let Some(source) = self.sources.get_mut(row.pbx.as_str()) else { bail!("no source for PBX `{}`", row.pbx) };
        let fed = |bytes: &[u8]| Fed { source: source.number, at: row.at, bytes: line(bytes).to_vec() };
        if !std::mem::replace(&mut source.is_headed, true) {
            let header = self.generator.header(&row.pbx).unwrap_or_default();
            self.waiting.extend(header.split_inclusive(|byte| *byte == b'\n').map(fed));
        }
        self.waiting.push_back(fed(&row.bytes));
        Ok(())
    }
}

fn line(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_795_800_000_000);

    fn feed(folder: &std::path::Path) -> Feed {
        let kept = Kept::of(folder, 3, "UTC", NOW).unwrap();
        Feed::of(&kept, &[("main".to_owned(), 1), ("ridge".to_owned(), 2)]).unwrap()
    }

    #[test]
    fn what_is_skipped_and_what_follows_is_what_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let whole = feed(folder.path()).due(NOW, 5_000).unwrap();
        assert_eq!(whole.len(), 5_000);
        assert!(whole.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let first_of = |source: u32| whole.iter().find(|fed| fed.source == source).unwrap();
        assert!(first_of(2).bytes.starts_with(b"\"cdrRecordType\""), "names stand before the first record");
        assert!(first_of(1).bytes.starts_with(b"\"\"\""), "{:?}", String::from_utf8_lossy(&first_of(1).bytes));
        assert!(whole.iter().all(|fed| !fed.bytes.ends_with(b"\n")));
        for count in [0, 1, 2, 3, 4_000] {
            let mut again = feed(folder.path());
            let last = again.skip(count).unwrap();
            let count = usize::try_from(count).unwrap();
            assert_eq!(last.as_ref(), count.checked_sub(1).map(|at| &whole[at]));
            assert_eq!(again.due(NOW, 500).unwrap(), whole[count..count + 500]);
        }
    }

    #[test]
    fn nothing_is_due_before_its_moment() {
        let folder = tempfile::tempdir().unwrap();
        let mut feed = feed(folder.path());
        let noon = Moment(feed.due(NOW, 1).unwrap()[0].at.0 / 86_400_000 * 86_400_000 + 12 * 3_600_000);
        let morning = feed.due(noon, usize::MAX).unwrap();
        assert!(!morning.is_empty() && morning.iter().all(|fed| fed.at <= noon));
        assert!(feed.due(noon, usize::MAX).unwrap().is_empty());
        assert!(feed.due(noon.plus_ms(3_600_000), usize::MAX).unwrap().iter().all(|fed| fed.at > noon));
    }
}
