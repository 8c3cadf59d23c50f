//! The tables, one statement a file, applied in order and remembered with their text: twice does no harm.

use crate::sqlite::{Database, args, sql};
use crate::{Error, Result};

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sql/office/schema/", $name, ".sql")))),+]
    };
}

/// The files of `sql/office/schema`, in order; a test compares them with the folder.
pub(crate) static FILES: &[(&str, &str)] = files![
    "0001_counters",
    "0002_fences",
    "0003_events",
    "0004_events_by_id",
    "0005_events_by_call",
    "0006_follow_ups",
    "0007_follow_ups_by_customer",
    "0008_follow_up_ids",
    "0009_call_names",
    "0010_call_names_by_root",
    "0011_customers",
    "0012_plugins",
    "0013_positions",
    "0014_outcomes",
    "0015_outcomes_by_status",
    "0016_plugin_state",
    "0017_actions",
    "0018_actions_by_status",
    "0019_actions_by_follow_up",
    "0020_timers",
    "0021_timers_by_moment",
    "0022_claims",
    "0023_attempts",
    "0024_attempts_by_moment",
    "0025_outbox",
    "0026_outbox_by_sent",
    "0027_messages",
    "0028_messages_once",
    "0029_messages_by_person",
    "0030_tags",
    "0031_logins",
    "0032_sign_ins",
    "0033_sign_ins_by_login",
    "0034_sign_in_failures",
    "0035_sign_in_failures_by_whom",
    "0036_tokens",
    "0037_tokens_by_login",
    "0038_changes",
    "0039_changes_by_tenant",
    "0040_logins_by_tenant",
    "0041_logins_by_person",
    "0042_sign_ins_by_end",
    "0043_sign_in_failures_by_moment",
    "0044_saved_views",
    "0045_saved_views_by_login",
    "0046_saved_views_by_sharing",
    "0047_claims_by_end",
    "0048_plugin_loads",
    "0049_actions_by_asker",
];

/// Applies what is not applied yet, all of it or nothing.
pub(crate) fn apply(database: &Database) -> Result<()> {
    apply_files(database, FILES)
}

fn apply_files(database: &Database, files: &[(&str, &str)]) -> Result<()> {
    database.write(|tx| {
        let table = sql!("schema_table");
        tx.apply(table.name, table.text)?;
        let applied: Vec<(String, String)> =
            tx.all(sql!("schema_applied"), args![], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if let Some((name, _)) = applied.iter().find(|(name, _)| !files.iter().any(|(known, _)| known == name)) {
            return Err(Error::Newer { name: name.clone() });
        }
        for (name, text) in files {
            match applied.iter().find(|(known, _)| known == name) {
                Some((_, known)) if known == text => {}
                Some(_) => return Err(Error::Changed { name: (*name).to_owned() }),
                None => {
                    tx.apply(name, text)?;
                    tx.run(sql!("schema_add"), args![*name, *text])?;
                }
            }
        }
        Ok(())
    })
}
