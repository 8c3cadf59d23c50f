//! CPU time instead of wall time, since others use the machine too; and rounds in turn, so that what disturbs one disturbs all.

use std::fs;

/// Nanoseconds of CPU that this thread has used.
#[must_use]
pub fn thread_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock writes into what it is given. The text under `/proc` is behind by up to a tick of the scheduler.
    let told = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert!(told == 0, "Linux tells a thread's CPU time");
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Something that is measured: its name, and one round of it.
pub struct Subject<'s> {
    /// As the table prints it.
    pub name: &'s str,
    /// Does the work once and gives what it made, so that no compiler leaves it out.
    pub round: Box<dyn FnMut() -> u64 + 's>,
}

/// Runs all subjects in turn, this often, and gives the median CPU nanoseconds of a round for each.
pub fn in_turn(rounds: u64, subjects: &mut [Subject<'_>]) -> Vec<f64> {
    let mut took: Vec<Vec<u64>> = vec![Vec::new(); subjects.len()];
    for _ in 0..rounds.max(1) {
        for (subject, took) in subjects.iter_mut().zip(&mut took) {
            let before = thread_ns();
            std::hint::black_box((subject.round)());
            took.push(thread_ns() - before);
        }
    }
    took.into_iter().map(median).collect()
}

/// The middle one.
#[must_use]
pub fn median(mut values: Vec<u64>) -> f64 {
    values.sort_unstable();
    values.get(values.len() / 2).map_or(f64::NAN, |v| *v as f64)
}

/// `2-core-amd-epyc`: the machine whose figures these are.
#[must_use]
pub fn machine() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, model)| model.trim()))
        .unwrap_or("unknown");
    let words: Vec<String> =
        model.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores}-core-{}", words.join("-"))
}
