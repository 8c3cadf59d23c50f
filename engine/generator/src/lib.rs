//! A company's days of calls from a seed, as the records that its exchanges would write, with what really happened.
//!
//! Pure: the same seed and plan give the same bytes on every machine. Nothing here reads a clock, a file or chance.

mod company;
mod faults;
mod formats;
mod invent;
mod plan;
mod rows;
mod script;
pub mod shape;
pub mod single;
mod stamp;
mod steps;
mod truth;

use adapters::leg::{Moment, Text};
use directory::Directory;
use fastrand::Rng;

use company::Company;
use formats::Writer;
use plan::Planner;
use rows::{Rows, Written};

pub use faults::Faults;
pub use formats::names;
pub use plan::{Habits, PbxChoice, Plan, Silence};
pub use rows::Row;
pub use shape::Shape;
pub use truth::Truth;

/// Why nothing can be written: who can mend it, and how.
#[derive(Debug, PartialEq, Eq)]
pub struct GeneratorError(pub String);

impl std::fmt::Display for GeneratorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for GeneratorError {}

/// Gives the records of a plan one by one, in the order in which they were written.
pub struct Generator {
    company: Company,
    site: String,
    planner: Planner,
    writers: Vec<Writer>,
    faults: Faults,
    faults_rng: Rng,
    silent: Option<(usize, i64)>,
    ids: Vec<Text>,
    rows: Rows,
    made: u64,
    legs: u64,
    /// Every record before this moment is known.
    known_before_ms: i64,
    truths: Vec<Truth>,
    calls: u64,
}

const HOUR_MS: i64 = 3_600_000;

impl Generator {
    /// Everything that this plan says, from this seed.
    ///
    /// # Errors
    /// An adapter without a format here, a site file that is wrong or lacks what calls need.
    pub fn new(seed: u64, plan: Plan) -> Result<Generator, GeneratorError> {
        if plan.pbxes.is_empty() {
            return Err(GeneratorError("no PBX: name at least one, as in asterisk_cdr@main".to_owned()));
        }
        let mut rng = Rng::with_seed(seed);
        let site = plan.site.unwrap_or_else(|| invent::site_file(&mut rng, &plan.pbxes));
        let directory = Directory::from_toml(&site).map_err(|e| GeneratorError(format!("the site file: {e}")))?;
        let first_ms = plan.first_day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
        let company = Company::of(directory, &plan.pbxes, first_ms, plan.clock_ahead_ms)?;
        let writers = company.exchanges.iter().map(Writer::new).collect::<Result<Vec<_>, _>>()?;
        let silent = match plan.silent {
            Some(silence) => {
                let pbx = plan.pbxes.iter().position(|p| p.id == silence.pbx);
                let pbx = pbx.ok_or_else(|| GeneratorError(format!("no PBX `{}` to be silent", silence.pbx)))?;
                Some((pbx, silence.from_ms))
            }
            None => None,
        };
        let faults_rng = rng.fork();
        Ok(Generator {
            planner: Planner::new(rng, &company, first_ms, plan.habits),
            ids: company.exchanges.iter().map(|e| Text::from(e.id.as_str())).collect(),
            company,
            site,
            writers,
            faults: plan.faults,
            faults_rng,
            silent,
            rows: Rows::default(),
            made: 0,
            legs: plan.legs,
            known_before_ms: i64::MIN,
            truths: Vec::new(),
            calls: 0,
        })
    }

    /// The site file that explains the records.
    #[must_use]
    pub fn site_toml(&self) -> &str {
        &self.site
    }

    /// What happened in the calls of stories that are over since this was last asked, consultations included.
    pub fn take_truth(&mut self) -> Vec<Truth> {
        std::mem::take(&mut self.truths)
    }

    /// What each exchange writes first, where its format has a header; by the exchange's id.
    #[must_use]
    pub fn header(&self, pbx: &str) -> Option<&'static [u8]> {
        let at = self.ids.iter().position(|id| id == pbx)?;
        self.writers[at].header()
    }

    /// Makes the next call, and puts its records among the others.
    fn make_call(&mut self) {
        let (call, story) = self.planner.next(&self.company);
        // Calls begin in order but for the second in which a call is made, and a moment that a person needs to hang up.
        self.known_before_ms = self.planner.begun_ms();
        self.calls += 1;
        let mut written = Vec::new();
        let names = formats::write(&mut self.writers, &self.company, &call, &mut written);
        for row in written {
            self.send(row);
        }
        self.truths.extend(self.planner.told(&self.company, story, &call, names));
        if self.made >= self.legs {
            self.truths.extend(self.planner.finish());
            self.known_before_ms = i64::MAX;
        }
    }

    fn send(&mut self, mut row: Written) {
        self.made += 1;
        row.at_ms += self.faults.delay_ms(&mut self.faults_rng);
        if let Some((pbx, from_ms)) = self.silent
            && row.pbx == pbx
            && (from_ms..from_ms + HOUR_MS).contains(&row.at_ms)
        {
            row.at_ms += HOUR_MS;
        }
        if let Some(bytes) = self.faults.malformed(&row.bytes, &mut self.faults_rng) {
            self.rows.push(Written { pbx: row.pbx, at_ms: row.at_ms, bytes });
        }
        if self.faults.doubles(&mut self.faults_rng) {
            let later = row.at_ms + self.faults_rng.i64(0..60_000);
            self.rows.push(Written { pbx: row.pbx, at_ms: later, bytes: row.bytes.clone() });
        }
        self.rows.push(row);
    }
}

impl Iterator for Generator {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            if let Some(written) = self.rows.pop_before(self.known_before_ms) {
                let exchange = &self.company.exchanges[written.pbx];
                return Some(Row {
                    pbx: self.ids[written.pbx].clone(),
                    adapter: exchange.adapter,
                    at: Moment(written.at_ms),
                    bytes: written.bytes,
                });
            }
            if self.known_before_ms == i64::MAX || self.legs == 0 {
                return None;
            }
            self.make_call();
        }
    }
}
