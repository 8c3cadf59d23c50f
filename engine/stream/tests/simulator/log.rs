//! A log of real records: scenarios of the corpus, mixed, some records late and some twice, each with the log's time.

use std::collections::BTreeMap;
use std::path::Path;

use adapters::leg::{Moment, Position};
use adapters::reader::Reader;
use adapters::{Leg, Legs, pbx};
use calls::{CallLine, Calls, Site, Told};
use directory::Directory;

use super::random::Random;

/// One record as it stands in the log.
#[derive(Clone)]
pub struct Logged {
    pub logged_at: Moment,
    pub tenant: &'static str,
    pub adapter: &'static str,
    pub bytes: Vec<u8>,
}

/// The corpus: for each scenario the lines of its formats, with the moment that orders them.
pub struct Corpus {
    pub tenants: stream::Tenants,
    scenarios: Vec<Vec<(i64, &'static str, Vec<u8>)>>,
}

impl Corpus {
    pub fn read() -> Corpus {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../calls/tests/corpus");
        let directory = Directory::from_toml(&std::fs::read_to_string(root.join("site.toml")).unwrap()).unwrap();
        let mut folders: Vec<_> = std::fs::read_dir(&root).unwrap().map(|e| e.unwrap().path()).collect();
        folders.retain(|f| f.is_dir());
        folders.sort();
        let mut scenarios = Vec::new();
        for folder in folders {
            let mut lines = Vec::new();
            for (file, adapter) in [("cdr-full.csv", "asterisk_cdr"), ("cel.csv", "asterisk_cel")] {
                let bytes = std::fs::read(folder.join(file)).unwrap();
                for line in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
                    let legs = parse(&directory, adapter, line, Position::default());
                    let at = legs.legs.iter().filter_map(|l| l.ended_at.or(l.started_at)).max().unwrap_or_default();
                    lines.push((at.0, adapter, line.to_vec()));
                }
            }
            lines.sort_by_key(|(at, ..)| *at);
            scenarios.push(lines);
        }
        Corpus { tenants: stream::Tenants::of(directory).unwrap(), scenarios }
    }

    pub fn directory(&self) -> &Directory {
        self.tenants.get("main").unwrap()
    }

    /// At least so many records.
    pub fn log(&self, random: &mut Random, records: usize) -> Vec<Logged> {
        let mut waiting: Vec<_> = self.scenarios.iter().map(|lines| (lines, 0, random.below(3) > 0)).collect();
        random.shuffle(&mut waiting);
        let mut streams: Vec<_> = Vec::new();
        let mut total = 0;
        for (lines, at, with_cel) in waiting {
            if total < records {
                let chosen: Vec<_> =
                    lines.iter().filter(|(_, adapter, _)| with_cel || *adapter == "asterisk_cdr").collect();
                total += chosen.len();
                streams.push((chosen, at));
            }
        }
        let mut log: Vec<Logged> = Vec::new();
        let mut late: Vec<(usize, Logged)> = Vec::new();
        let mut clock = Moment(1_795_490_000_000);
        while !streams.is_empty() {
            let index = random.below(streams.len().min(4) as u64) as usize;
            let (lines, at) = &mut streams[index];
            let (_, adapter, bytes) = lines[*at];
            *at += 1;
            if *at == lines.len() {
                streams.remove(index);
            }
            clock = clock.plus_ms(match random.below(200) {
                0 => 3 * 3_600_000,
                1..5 => 600_000,
                n => n as i64 * 20,
            });
            let logged = Logged { logged_at: clock, tenant: "main", adapter, bytes: bytes.clone() };
            match random.below(100) {
                0..3 => late.push((log.len() + 5 + random.below(200) as usize, logged)),
                3 => {
                    late.push((log.len() + 1 + random.below(100) as usize, logged.clone()));
                    log.push(logged);
                }
                4 => log.extend([
                    Logged { bytes: b"\0\xff not a record".to_vec(), ..logged.clone() },
                    Logged { tenant: "nobody", ..logged.clone() },
                    logged,
                ]),
                _ => log.push(logged),
            }
            late.retain(|(at, record)| {
                let is_due = *at <= log.len();
                if is_due {
                    log.push(Logged { logged_at: clock, ..record.clone() });
                }
                !is_due
            });
        }
        log.extend(late.into_iter().map(|(_, record)| Logged { logged_at: clock, ..record }));
        log
    }

    /// What the whole log says in the end: calls by their name.
    pub fn truth(&self, log: &[Logged]) -> BTreeMap<String, CallLine> {
        let ends: Vec<_> = ["asterisk_cdr", "asterisk_cel"].map(|a| pbx::named(a).unwrap().about().ends).into();
        let mut calls = Calls::new(Site::new(self.directory()), &ends, false).whole();
        for leg in self.legs(log) {
            calls.push(leg);
        }
        let mut lines = BTreeMap::new();
        calls.finish(|told| {
            let Told::Call(line) = told else { panic!("a line was packed") };
            lines.insert(line.call_id.to_string(), *line);
        });
        lines
    }

    /// Every leg that the log tells.
    pub fn legs(&self, log: &[Logged]) -> Vec<Leg> {
        let mut legs = Vec::new();
        for (record, offset) in log.iter().zip(0..) {
            if record.tenant == "main" {
                let position = stream::tenant::position(offset, offset);
                legs.extend(parse(self.directory(), record.adapter, &record.bytes, position).legs);
            }
        }
        legs
    }
}

/// What one record tells.
pub fn parse(directory: &Directory, adapter: &'static str, line: &[u8], position: Position) -> Legs {
    let settings = calls::settings::settings(directory, "main", adapter);
    let mut out = Legs::default();
    let mut reader = Reader::new(pbx::named(adapter).unwrap(), &settings, b"log/0", 0);
    reader.record(line, position.byte.max(1), None, None, &mut out);
    for leg in &mut out.legs {
        leg.position = position;
    }
    out
}
