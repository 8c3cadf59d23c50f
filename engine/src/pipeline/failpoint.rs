//! Places at which a test stops this process to kill it: `RINGBACK_FAILPOINT=NAME:N` stops for ever when NAME is reached the Nth time,
//! and says so on standard error.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The point and the number that the environment names; `None`: none.
static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
static REACHED: Mutex<Option<HashMap<&'static str, u64>>> = Mutex::new(None);

/// The process has come to this point.
pub(crate) fn reach(name: &'static str) {
    let wanted = WANTED.get_or_init(|| {
        let told = std::env::var("RINGBACK_FAILPOINT").ok()?;
        let (name, number) = told.split_once(':')?;
        Some((name.to_owned(), number.parse().ok()?))
    });
    let Some((wanted, number)) = wanted else { return };
    if wanted != name {
        return;
    }
    let mut reached = REACHED.lock().unwrap_or_else(PoisonError::into_inner);
    let count = reached.get_or_insert_default().entry(name).or_default();
    *count += 1;
    if count == number {
        let _ = writeln!(std::io::stderr().lock(), "failpoint {name}:{number}");
        loop {
            std::thread::park();
        }
    }
}
