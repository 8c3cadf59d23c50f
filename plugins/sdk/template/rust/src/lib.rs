//! Tells whoever owes the return of a missed call that the caller waited long.

use ringback_plugin::{Answer, Cx, Missed, Plugin, export};
use serde::Deserialize;

#[derive(Default)]
struct MyPlugin;

#[derive(Deserialize)]
struct Settings {
    long_wait_s: u32,
}

impl Plugin for MyPlugin {
    fn call_missed(&self, cx: &Cx, missed: &Missed) -> Answer {
        let settings: Settings = cx.settings()?;
        let waited_s = missed.call.wait_time_s.unwrap_or(0);
        if let Some(owner) = missed.follow_up.owner.clone().filter(|_| waited_s >= settings.long_wait_s) {
            cx.message(&[owner], &format!("A caller waited {waited_s} s and met nobody"), &[])?;
        }
        Ok(())
    }
}

export!(MyPlugin);

#[test]
fn fixtures() {
    ringback_plugin::fixtures::run::<MyPlugin>();
}
