//! The CDR rows of the corpus with the moments at which the PBX wrote them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

/// A row, and when the PBX wrote it, in microseconds since 1970.
pub struct Written {
    pub at_us: i64,
    pub line: String,
}

/// Every run of the corpus, by name, its rows in the order of writing. `engine/calls/tests/corpus/written.py` made the file.
pub fn runs() -> BTreeMap<String, Vec<Written>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("calls/tests/corpus/written.tsv.gz");
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).expect("the corpus")).read_to_string(&mut text).expect("text");
    let mut runs: BTreeMap<String, Vec<Written>> = BTreeMap::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, '\t');
        let mut part = || parts.next().expect("run, moment, row");
        let (run, at, row) = (part(), part(), part());
        let written = Written { at_us: at.parse().expect("a moment"), line: row.to_owned() };
        runs.entry(run.to_owned()).or_default().push(written);
    }
    runs
}
