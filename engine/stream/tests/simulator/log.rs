//! A log of real records: scenarios of the corpus, mixed, some records late and some twice, each with the log's time; and in between
//! what people said of the follow-ups that they open.

use std::collections::BTreeMap;
use std::path::Path;

use adapters::leg::{Moment, Position, Text};
use adapters::line;
use adapters::reader::Reader;
use adapters::{Leg, Legs, pbx};
use calls::customers::FollowUp;
use calls::live::{self, Conclusion, Live};
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
        self.say(random, &mut log);
        log
    }

    /// Puts in between what people say of half of the follow-ups, some of it twice, and anywhere.
    fn say(&self, random: &mut Random, log: &mut Vec<Logged>) {
        let told = self.follow_ups(log, Moment(0));
        let mut names = 0;
        for follow_up in told.values().filter(|_| random.one_in(2)).collect::<Vec<_>>() {
            for _ in 0..1 + random.below(3) {
                names += 1;
                let bytes = said(follow_up, random, names).into_bytes();
                for _ in 0..1 + u64::from(random.one_in(5)) {
                    let index = random.below(log.len() as u64) as usize;
                    let logged_at = log[index].logged_at;
                    log.insert(index, Logged { logged_at, tenant: "main", adapter: "ringback", bytes: bytes.clone() });
                }
            }
        }
    }

    /// What the whole log says in the end is owed, at this moment: told by one fold that nothing disturbs.
    pub fn follow_ups(&self, log: &[Logged], clock: Moment) -> BTreeMap<Text, FollowUp> {
        let mut live = Live::new(Site::new(self.directory()), false, live::Limits::default());
        for (record, offset) in log.iter().zip(0..).filter(|(record, _)| record.tenant == "main") {
            let out = parse(self.directory(), record.adapter, &record.bytes, stream::tenant::position(offset, offset));
            out.legs.into_iter().for_each(|leg| live.push(leg, Moment(0), offset));
            out.marks.iter().for_each(|mark| live.mark(mark, Moment(0)));
        }
        let mut told = BTreeMap::new();
        let mut take = |conclusion| {
            let Conclusion::FollowUp { told: follow_up, .. } = conclusion else { return };
            let id = follow_up.line.id.clone();
            if follow_up.merged_into.is_some() {
                told.remove(&id)
            } else {
                told.insert(id, *follow_up)
            };
        };
        live.end(&mut take);
        live.advance(clock);
        live.conclude(true, &mut take);
        told
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

/// A record of the office about this follow-up.
fn said(of: &FollowUp, random: &mut Random, name: u64) -> String {
    let at = of.opened_at.plus_ms(random.below(3 * 3_600_000) as i64);
    let kind = ["claim", "settlement", "settlement", "reopening", "delivery", "tag"][random.below(6) as usize];
    let mut record = serde_json::json!({
        "v": 1, "kind": kind, "id": format!("said-{name}"), "at": line::moment(at).as_str(), "tenant": "main",
        "follow_up": of.line.id.as_str(), "customer": of.customer.as_deref(), "opened_at": line::moment(of.opened_at).as_str(),
        "by": "person:ann", "why": "as somebody said", "action": "call_back:00ff", "status": "done",
    });
    let call = if random.one_in(2) { of.line.settled_by_call.as_deref() } else { Some("nobody's") };
    if random.one_in(2) {
        record["call"] = call.into();
    }
    record.to_string()
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
