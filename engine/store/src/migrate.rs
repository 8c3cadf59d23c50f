//! The schema, one statement a file, applied in order and remembered with a hash: twice does no harm.

use clickhouse::Client;

use crate::{StoreError, without_places};

macro_rules! files {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("../../../sql/schema/", $name)))),+] };
}

/// The files of `sql/schema`, in order; a test compares them with the folder.
pub static MIGRATIONS: &[(&str, &str)] = files![
    "0001_legs.sql",
    "0002_marks.sql",
    "0003_rejects.sql",
    "0004_batches.sql",
    "0005_ledger.sql",
    "0006_ledger_of_legs.sql",
    "0007_ledger_of_marks.sql",
    "0008_ledger_of_rejects.sql",
    "0010_calls.sql",
    "0011_offers.sql",
    "0012_visits.sql",
    "0013_verdicts.sql",
    "0014_follow_ups.sql",
    "0015_windows.sql",
    "0020_legs_now.sql",
    "0021_marks_now.sql",
    "0022_rejects_now.sql",
    "0023_follow_ups_now.sql",
    "0024_offers_now.sql",
    "0025_visits_now.sql",
    "0026_verdicts_now.sql",
    "0027_calls_now.sql",
    "0028_windows_now.sql",
    "0029_follow_ups_more.sql",
    "0030_follow_ups_now_more.sql",
    "0031_deliveries.sql",
    "0032_deliveries_now.sql",
    "0033_calls_by_time.sql",
    "0034_call_places.sql",
    "0035_call_places_of_calls.sql",
    "0038_calls_by_time_before.sql",
    "0040_follow_ups_by_call_no_more.sql",
    "0041_follow_ups_calls_at.sql",
    "0042_follow_ups_by_time.sql",
    "0043_follow_ups_by_time_told.sql",
    "0044_follow_ups_by_time_before.sql",
    "0045_follow_ups_now_calls_at.sql",
];

/// Files of earlier versions that are none any more: what they made, a later one of the list takes away.
const FORMER: [&str; 3] =
    ["0036_follow_ups_by_call.sql", "0037_follow_ups_by_call_told.sql", "0039_follow_ups_by_call_before.sql"];

pub(crate) async fn run(client: &Client, database: &str) -> Result<Vec<&'static str>, StoreError> {
    // Quoted here: the client escapes a parameter as a string, in which a backtick is not what it is in a name.
    let quoted = format!("`{}`", database.replace('\\', "\\\\").replace('`', "\\`"));
    let create = include_str!("../../../sql/store/database.sql").replace("{database:Identifier}", &quoted);
    execute(&client.clone().with_database("default"), database, &create).await?;
    execute(client, "schema_migrations", include_str!("../../../sql/store/applied.sql")).await?;
    let applied = applied(client).await?;
    if let Some(name) = unknown(&applied) {
        return Err(StoreError::plain(of_newer_version(name)));
    }
    let mut done = Vec::new();
    for (name, statement) in MIGRATIONS {
        let hash = xxhash_rust::xxh3::xxh3_64(statement.as_bytes());
        match state(&applied, name, statement) {
            State::Applied => continue,
            State::Changed => {
                return Err(StoreError::plain(format!(
                    "{name} was changed after it was applied: write a new file for the change"
                )));
            }
            State::Missing | State::Older => {}
        }
        execute(client, name, statement).await?;
        let add =
            client.query(include_str!("../../../sql/store/applied_add.sql")).param("name", name).param("hash", hash);
        add.execute().await.map_err(|e| StoreError::new(*name, e))?;
        done.push(*name);
    }
    Ok(done)
}

/// What of the folder a database lacks, in sentences.
pub(crate) async fn check(client: &Client, database: &str) -> Result<Vec<String>, StoreError> {
    let exists = client.query(&without_places(include_str!("../../../sql/store/applied_exists.sql")));
    let exists: u64 = exists.fetch_one().await.map_err(|e| StoreError::new("schema_migrations", e))?;
    if exists == 0 {
        return Ok(vec![format!("the database {database} has no tables of ours: run `ringback migrate`")]);
    }
    let applied = applied(client).await?;
    if let Some(name) = unknown(&applied) {
        return Ok(vec![of_newer_version(name)]);
    }
    let finding = |(name, statement): &(&str, &str)| match state(&applied, name, statement) {
        State::Applied => None,
        State::Missing => Some(format!("{name} is not applied: run `ringback migrate`")),
        State::Older => Some(format!("{name} is applied as an earlier version had it: run `ringback migrate`")),
        State::Changed => Some(format!("{name} is not the one that was applied: run the version that applied it")),
    };
    Ok(MIGRATIONS.iter().filter_map(finding).collect())
}

/// What was applied of a file.
enum State {
    Applied,
    Missing,
    /// A view of an earlier version: it is made anew.
    Older,
    /// A table is not.
    Changed,
}

fn state(applied: &[(String, u64)], name: &str, statement: &str) -> State {
    let hash = xxhash_rust::xxh3::xxh3_64(statement.as_bytes());
    match applied.iter().find(|(known, _)| known == name) {
        None => State::Missing,
        Some((_, known)) if *known == hash => State::Applied,
        Some(_) if statement.contains("CREATE OR REPLACE VIEW") => State::Older,
        Some(_) => State::Changed,
    }
}

async fn applied(client: &Client) -> Result<Vec<(String, u64)>, StoreError> {
    let query = client.query(include_str!("../../../sql/store/applied_list.sql"));
    query.fetch_all().await.map_err(|e| StoreError::new("schema_migrations", e))
}

/// A file that was applied, and that this version does not have.
fn unknown(applied: &[(String, u64)]) -> Option<&str> {
    let is_known = |name: &str| MIGRATIONS.iter().any(|(known, _)| *known == name) || FORMER.contains(&name);
    applied.iter().map(|(name, _)| name.as_str()).find(|name| !is_known(name))
}

fn of_newer_version(name: &str) -> String {
    format!("the database has {name}, which this version does not know: it is of a newer version; run that one")
}

async fn execute(client: &Client, name: &str, statement: &str) -> Result<(), StoreError> {
    client.query(&without_places(statement)).execute().await.map_err(|e| StoreError::new(name, e))
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sql/schema");
        let mut found: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        let listed: Vec<&str> = MIGRATIONS.iter().map(|(n, _)| *n).collect();
        assert_eq!(listed, found);
    }

    /// What is kept of a week is told by the parts of both tables, so a week is the same table partition in both.
    #[test]
    fn calls_and_follow_ups_stand_in_the_same_weeks() {
        let told = |name: &str| -> Vec<&str> {
            let (_, sql) = MIGRATIONS.iter().find(|(known, _)| *known == name).unwrap();
            sql.lines().filter(|line| line.starts_with("PARTITION BY ") || line.starts_with("SETTINGS ")).collect()
        };
        let of_calls = told("0033_calls_by_time.sql");
        assert_eq!(of_calls.len(), 2, "{of_calls:?}");
        assert_eq!(told("0042_follow_ups_by_time.sql"), of_calls);
    }
}
