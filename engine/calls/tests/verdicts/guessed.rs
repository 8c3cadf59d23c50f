//! The corpus with a site file that was guessed from its own records, beside none.

use adapters::Settings;
use adapters::leg::Leg;
use adapters::pbx;
use adapters::reader::Reader;
use calls::guess::{Guessed, Guesser, READ_IN};
use chrono_tz::Tz;

use crate::run::{Run, Sources};

/// What the records of these runs show, with the clock of such a machine.
pub fn guessed(runs: &[&Run], sources: Sources, machine: Option<Tz>) -> Guessed {
    let mut guesser = Guesser::default();
    for run in runs {
        for ((name, adapter), file) in sources.iter().zip(1..) {
            let Some((_, bytes)) = run.files.iter().find(|(n, _)| n == name) else { continue };
            let [told, in_utc, far] = READ_IN.map(|zone| legs(bytes, adapter, file, zone));
            assert_eq!((told.len(), told.len()), (in_utc.len(), far.len()), "{}", run.name);
            for ((told, in_utc), far) in told.iter().zip(&in_utc).zip(&far) {
                guesser.add(told);
                guesser.add_clock(told, in_utc, far);
            }
        }
    }
    guesser.site_file(machine)
}

fn legs(bytes: &[u8], adapter: &str, file: u32, zone: Option<Tz>) -> Vec<Leg> {
    let adapter = pbx::named(adapter).unwrap();
    let settings = Settings { zone, ..Settings::without_site_file("main", "main", adapter.about().name) };
    let mut out = adapters::Legs::default();
    let mut reader = Reader::new(adapter, &settings, b"file", file);
    reader.push(bytes, None, &mut out);
    reader.finish(None, &mut out);
    out.legs
}
