//! Limits: sequences of figures, and what is told of them.

use calls::window::Kept;
use calls::window::WindowEvent;
use calls::{Contribution, Windows};
use directory::Directory;

use crate::made::{at, directory_with, missed};

/// `missed` of the tenant above 2 in five minutes, cleared at `clear_at`.
fn five_minutes(clear_at: u32) -> Directory {
    limit(&format!("scope = \"tenant\"\nwindow_s = 300\nabove = 2\nclear_at = {clear_at}"))
}

fn limit(more: &str) -> Directory {
    directory_with("Europe/Berlin", &format!("[[limit]]\nname = \"misses\"\nmeasure = \"missed\"\n{more}\n"))
}

/// What is told, shortly: `+` crossed, `-` cleared, with the window and its value.
fn told(windows: &mut Windows, clock: i64, watermark: i64) -> Vec<String> {
    windows.advance(at(clock), Some(at(watermark)), |_| {});
    let events = windows.events();
    let told = events.iter().filter_map(|event| {
        let (sign, event) = match event {
            WindowEvent::LimitCrossed(event) => ('+', event),
            WindowEvent::LimitCleared(event) => ('-', event),
            WindowEvent::WindowClosed { .. } => return None,
        };
        assert_eq!(event.at, at(clock));
        let value = event.value.map_or("none".to_owned(), |value| (value.0 / 1000).to_string());
        let opened_s = (event.opened_at.0 - at(0).0) / 1000;
        Some(format!("{sign}{} {opened_s} {value}", event.scope_id))
    });
    told.collect()
}

struct Run {
    windows: Windows,
    directory: Directory,
}

impl Run {
    fn new(directory: Directory) -> Run {
        Run { windows: Windows::new(Kept::default(), &directory).unwrap(), directory }
    }

    /// So many misses in the five minutes that begin there.
    fn add(&mut self, opened_s: i64, count: i64) {
        for second in opened_s..opened_s + count {
            self.windows.add(&Contribution::of(&missed(second), &self.directory));
        }
    }

    fn take_away(&mut self, opened_s: i64, count: i64) {
        for second in opened_s..opened_s + count {
            self.windows.take_away(&Contribution::of(&missed(second), &self.directory));
        }
    }

    fn check(&mut self, clock: i64, watermark: i64, expected: &[&str]) {
        assert_eq!(told(&mut self.windows, clock, watermark), expected, "at {clock}");
    }
}

#[test]
fn a_rise_is_told_once_and_a_fall_when_a_window_is_over() {
    let mut run = Run::new(five_minutes(2));
    run.add(0, 2);
    run.check(10, -60, &[]);
    run.add(10, 1);
    run.check(20, -60, &["+lighthouse 0 3"]);
    run.add(20, 5);
    run.check(30, -60, &[]);
    // The next window has begun, and holds nothing yet: that is no fall.
    run.check(310, 250, &[]);
    run.add(300, 3);
    run.check(330, 270, &[]);
    run.check(660, 600, &[]);
    // One with two misses is over: at or below.
    run.add(600, 2);
    run.check(950, 890, &[]);
    run.check(960, 900, &["-lighthouse 600 2"]);
    run.add(900, 3);
    run.check(970, 910, &["+lighthouse 900 3"]);
    // Nothing at all is a fall too.
    run.check(2000, 1500, &["-lighthouse 1200 none"]);
}

#[test]
fn between_the_two_values_nothing_is_told() {
    let mut run = Run::new(five_minutes(1));
    run.add(0, 3);
    run.check(10, -60, &["+lighthouse 0 3"]);
    run.add(300, 2);
    run.check(700, 600, &[]);
    run.add(600, 3);
    run.check(1000, 900, &[]);
    run.add(900, 1);
    run.check(1300, 1200, &["-lighthouse 900 1"]);
    run.add(1200, 2);
    run.check(1310, 1210, &[]);
    run.add(1210, 1);
    run.check(1320, 1210, &["+lighthouse 1200 3"]);
}

#[test]
fn a_revised_window_is_cleared_and_not_told_again() {
    let mut run = Run::new(five_minutes(2));
    run.add(0, 3);
    run.check(10, -60, &["+lighthouse 0 3"]);
    run.take_away(0, 1);
    run.check(20, -60, &["-lighthouse 0 2"]);
    run.add(0, 1);
    run.check(30, -60, &[]);
    run.add(300, 3);
    run.check(310, 0, &["+lighthouse 300 3"]);
}

#[test]
fn a_late_rise_is_told_for_an_hour() {
    let mut run = Run::new(five_minutes(2));
    run.check(3900, 3840, &[]);
    run.add(300, 3);
    run.check(4200, 4140, &["+lighthouse 300 3", "-lighthouse 600 none"]);
    let mut run = Run::new(five_minutes(2));
    run.add(300, 3);
    run.check(4201, 4140, &[]);
}

#[test]
fn each_person_has_their_own_limit() {
    let mut run = Run::new(limit("scope = \"person\"\nwindow_s = 300\nabove = 1"));
    run.add(0, 2);
    run.check(10, -60, &["+rosa 0 2", "+timo 0 2"]);
    let mut run = Run::new(limit("scope = \"person\"\nid = \"timo\"\nwindow_s = 300\nabove = 1"));
    run.add(0, 2);
    run.check(10, -60, &["+timo 0 2"]);
    let mut run = Run::new(limit("scope = \"group\"\nid = \"pilots\"\nwindow_s = 300\nabove = 1"));
    run.add(0, 2);
    run.check(10, -60, &[]);
}

#[test]
fn a_sliding_hour_sees_what_the_hour_on_the_clock_divides() {
    let misses = |run: &mut Run| {
        run.add(3300, 2);
        run.check(3500, 3400, &[]);
        run.add(3600, 1);
    };
    let mut run = Run::new(limit("scope = \"tenant\"\nwindow_s = 3600\nabove = 2"));
    misses(&mut run);
    run.check(3700, 3600, &[]);
    let mut run = Run::new(limit("scope = \"tenant\"\nwindow_s = 3600\nsliding = true\nabove = 2"));
    misses(&mut run);
    // The hours that end at 3900 s hold all three; those that end later have not ended to begin with.
    run.check(3700, 3600, &["+lighthouse 300 3"]);
    // The last one with three of them begins at 3300 s.
    run.check(6960, 6900, &[]);
    run.check(7300, 7200, &["-lighthouse 3600 1"]);
}

#[test]
fn a_day_s_window_is_closed_and_told() {
    let mut run = Run::new(five_minutes(2));
    run.add(0, 1);
    run.windows.advance(at(200_000), Some(at(190_000)), |_| {});
    let closed: Vec<(u32, i64)> = run
        .windows
        .events()
        .iter()
        .filter_map(|event| match event {
            WindowEvent::WindowClosed { size_s, opened_at, ended_at, .. } => {
                assert_eq!(ended_at.ms_since(*opened_at), i64::from(*size_s) * 1000);
                Some((*size_s, opened_at.0))
            }
            _ => None,
        })
        .collect();
    assert_eq!(closed, [(300, at(0).0), (3600, at(0).0), (86_400, at(-3600).0)]);
    run.windows.advance(at(200_001), Some(at(190_001)), |_| {});
    assert_eq!(run.windows.events(), []);
}

#[test]
fn a_measure_that_is_not_counted_is_an_error_with_its_line() {
    let directory = limit("scope = \"person\"\nwindow_s = 300\nabove = 1");
    assert!(Windows::new(Kept::default(), &directory).is_ok());
    let text = "[[limit]]\nname = \"a\"\nmeasure = \"sl6\"\nscope = \"person\"\nwindow_s = 300\nabove = 1\n";
    let error = Windows::new(Kept::default(), &directory_with("Europe/Berlin", text)).unwrap_err().to_string();
    assert!(
        error.contains("limit a: measure = \"sl6\" is not understood; of a person there are tried, answered, missed"),
        "{error}"
    );
    assert!(error.starts_with("line "), "{error}");
}
