//! The office on real SQLite files, and where it matters with real processes.

#![allow(clippy::unwrap_used, clippy::panic)] // A test that cannot go on has nothing to give back.

mod claims;
mod dealing;
mod logins;
mod measure;
mod names;
mod people;
mod processes;
mod queue;
mod sql;
mod told;
mod views;

use office::{Event, FollowUpNow, NewAction, Office, Owner, Status, Told};

/// How long tests wait for each other's transactions.
const BUSY_MS: u64 = 60_000;

/// 2026-11-24T10:00:00Z.
const T0: i64 = 1_795_514_400_000;

/// An office in a folder that is gone with the first value.
fn office() -> (tempfile::TempDir, Office) {
    let folder = tempfile::tempdir().unwrap();
    let office = open(folder.path());
    (folder, office)
}

fn open(folder: &std::path::Path) -> Office {
    Office::open(&format!("sqlite:{}/office.db", folder.display()), BUSY_MS).unwrap()
}

fn told(events: Vec<Event>, follow_ups: Vec<FollowUpNow>) -> Told {
    Told {
        topic: "records".into(),
        owner: Owner { epoch: 1, versions: 1 },
        now: T0,
        events,
        follow_ups,
        ..Told::default()
    }
}

/// An event of company acme.
fn event(id: &str) -> Event {
    Event {
        tenant: "acme".into(),
        id: id.into(),
        kind: "call-ended".into(),
        at: T0,
        body: format!("{{\"id\":\"{id}\"}}"),
        call: Some(format!("call of {id}")),
        ..Event::default()
    }
}

/// A follow-up of company acme that is open since `T0`, as told first.
fn follow_up(id: &str, customer: &str) -> FollowUpNow {
    FollowUpNow {
        tenant: "acme".into(),
        id: id.into(),
        customer: Some(customer.into()),
        opened_at: T0,
        last_at: T0,
        status: "open".into(),
        customer_calls: 1,
        version: 1,
        ..FollowUpNow::default()
    }
}

fn call_back(key: &str, follow_up: Option<&str>) -> NewAction {
    NewAction {
        key: key.into(),
        kind: "call_back".into(),
        event_id: "e1".into(),
        follow_up: follow_up.map(str::to_owned),
        customer: Some("+442079460000".into()),
        body: "{}".into(),
        status: Status::Due,
        due_at: T0,
        ..NewAction::default()
    }
}
