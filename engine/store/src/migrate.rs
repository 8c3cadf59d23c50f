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
];

pub(crate) async fn run(client: &Client, database: &str) -> Result<Vec<&'static str>, StoreError> {
    // Quoted here: the client escapes a parameter as a string, in which a backtick is not what it is in a name.
    let quoted = format!("`{}`", database.replace('\\', "\\\\").replace('`', "\\`"));
    let create = include_str!("../../../sql/store/database.sql").replace("{database:Identifier}", &quoted);
    execute(&client.clone().with_database("default"), database, &create).await?;
    execute(client, "schema_migrations", include_str!("../../../sql/store/applied.sql")).await?;
    let applied: Vec<(String, u64)> = client
        .query(include_str!("../../../sql/store/applied_list.sql"))
        .fetch_all()
        .await
        .map_err(|e| StoreError::new("schema_migrations", e))?;
    if let Some((name, _)) = applied.iter().find(|(name, _)| !MIGRATIONS.iter().any(|(n, _)| n == name)) {
        return Err(StoreError::plain(format!(
            "the database has {name}, which this version does not know: it is of a newer version; run that one"
        )));
    }
    let mut done = Vec::new();
    for (name, statement) in MIGRATIONS {
        let hash = xxhash_rust::xxh3::xxh3_64(statement.as_bytes());
        match applied.iter().find(|(n, _)| n == name) {
            Some((_, known)) if *known == hash => continue,
            // A view is made anew; a table is not.
            Some(_) if !statement.contains("CREATE OR REPLACE VIEW") => {
                return Err(StoreError::plain(format!(
                    "{name} was changed after it was applied: write a new file for the change"
                )));
            }
            _ => {}
        }
        execute(client, name, statement).await?;
        let add =
            client.query(include_str!("../../../sql/store/applied_add.sql")).param("name", name).param("hash", hash);
        add.execute().await.map_err(|e| StoreError::new(*name, e))?;
        done.push(*name);
    }
    Ok(done)
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
}
