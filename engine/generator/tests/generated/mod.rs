//! A run of the generator, read as the engine reads it.

use std::collections::BTreeMap;

use adapters::leg::Leg;
use adapters::reader::Reader;
use adapters::{Ends, Legs, Reject, pbx};
use calls::{Calls, Site};
use directory::Directory;
use generator::{Generator, PbxChoice, Plan, Row, Truth};
use serde_json::Value;

pub struct Run {
    pub site: String,
    pub rows: Vec<Row>,
    pub truth: Vec<Truth>,
    pub headers: BTreeMap<String, Vec<u8>>,
}

pub fn choices(names: &[&str]) -> Vec<PbxChoice> {
    let adapter = |name: &str| generator::names().find(|n| *n == name).expect("a format of this name");
    names
        .iter()
        .map(|name| {
            let (name, id) = name.split_once('@').unwrap_or((name, "main"));
            PbxChoice { adapter: adapter(name), id: id.to_owned() }
        })
        .collect()
}

pub fn run(seed: u64, plan: Plan) -> Run {
    let ids: Vec<String> = plan.pbxes.iter().map(|p| p.id.clone()).collect();
    let mut generator = Generator::new(seed, plan).unwrap_or_else(|e| panic!("{e}"));
    let headers = ids.into_iter().filter_map(|id| Some((id.clone(), generator.header(&id)?.to_vec()))).collect();
    let mut rows = Vec::new();
    let mut truth = Vec::new();
    while let Some(row) = generator.next() {
        rows.push(row);
        truth.extend(generator.take_truth());
    }
    truth.extend(generator.take_truth());
    Run { site: generator.site_toml().to_owned(), rows, truth, headers }
}

impl Run {
    pub fn directory(&self) -> Directory {
        Directory::from_toml(&self.site).unwrap_or_else(|e| panic!("{e}"))
    }

    /// The legs of every exchange, and what was not understood.
    pub fn legs(&self) -> (Vec<Leg>, Vec<Reject>, Vec<Ends>) {
        let directory = self.directory();
        let mut files: BTreeMap<(&str, &'static str), Vec<u8>> = BTreeMap::new();
        for row in &self.rows {
            let file = files
                .entry((row.pbx.as_str(), row.adapter))
                .or_insert_with(|| self.headers.get(row.pbx.as_str()).cloned().unwrap_or_default());
            file.extend_from_slice(&row.bytes);
        }
        let mut out = Legs::default();
        let mut ends = Vec::new();
        for (((pbx_id, adapter), bytes), file) in files.iter().zip(1..) {
            let adapter = pbx::named(adapter).unwrap();
            let settings = calls::settings::settings(&directory, pbx_id, adapter.about().name);
            let mut reader = Reader::new(adapter, &settings, pbx_id.as_bytes(), file);
            reader.push(bytes, None, &mut out);
            reader.finish(None, &mut out);
            ends.push(adapter.about().ends);
        }
        (out.legs, out.rejects, ends)
    }

    /// The lines of all calls.
    pub fn calls(&self) -> Vec<Value> {
        let directory = self.directory();
        let (legs, rejects, ends) = self.legs();
        assert!(rejects.is_empty(), "{:?}", rejects.first());
        let mut calls = Calls::new(Site::new(&directory), &ends, false);
        for leg in legs {
            calls.push(leg);
        }
        let mut lines = Vec::new();
        calls.finish(|told| lines.push(serde_json::from_str(&told.json()).unwrap()));
        lines
    }
}
