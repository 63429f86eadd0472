//! The steps that bring a schema up to date: those of both engines, and each engine's own. A new file in `migrations/` is
//! named here.

use std::borrow::Cow;

use sqlx::SqlStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

/// A file's name, and its text.
type Step = (&'static str, &'static str);

macro_rules! steps {
    ($folder:literal, $($name:literal)+) => {
        &[$(($name, include_str!(concat!("../../migrations/", $folder, $name, ".sql")))),+]
    };
}

const SHARED: &[Step] = steps!(
    "",
    "0001_registry"
    "0003_sweep"
    "0011_signed_forms"
    "0012_identity"
    "0013_claims"
    "0014_acts"
    "0015_key_owners"
    "0016_dates"
    "0018_catalogue"
    "0019_administration"
    "0020_exchange"
    "0021_corrections"
    "0022_incidents"
    "0023_custody"
    "0024_officials"
    "0025_clock_source"
    "0026_trusted_lists"
    "0028_imports"
    "0029_erasure"
    "0030_lists"
    "0034_used_signatures"
    "0037_slips"
    "0038_quarantine"
    "0039_services"
    "0047_attention_links"
    "0048_natural_persons"
);
/// SQLite's own.
pub(super) const SQLITE: &[Step] = steps!("sqlite/", "0002_full_text" "0031_full_text_in_order");
/// PostgreSQL's own.
pub(super) const POSTGRES: &[Step] = steps!("postgres/", "0002_full_text" "0031_full_text_in_order");

/// Runs the shared steps and the engine's `own`, in the order of their versions, under one lock.
///
/// # Errors
/// When a step fails, or one that was run before has another text now.
pub(super) async fn run<C: Migrate>(own: &[Step], connection: &mut C) -> Result<(), MigrateError> {
    let mut migrations: Vec<Migration> = SHARED.iter().chain(own).map(migration).collect::<Result<_, _>>()?;
    migrations.sort_by_key(|migration| migration.version);
    Migrator::with_migrations(migrations).run_direct(None, connection, false).await
}

/// Runs those of the steps that a database says it ran, into an empty schema, and no others.
///
/// # Errors
/// When there is no step of one of these versions, or one fails.
pub(super) async fn run_again<C: Migrate>(
    own: &[Step],
    versions: &[i64],
    connection: &mut C,
) -> Result<(), MigrateError> {
    let all: Vec<Migration> = SHARED.iter().chain(own).map(migration).collect::<Result<_, _>>()?;
    let mut again: Vec<Migration> = Vec::new();
    for version in versions {
        let step = all.iter().find(|step| step.version == *version);
        again.push(step.ok_or(MigrateError::VersionMissing(*version))?.clone());
    }
    again.sort_by_key(|migration| migration.version);
    Migrator::with_migrations(again).run_direct(None, connection, false).await
}

/// Of `0001_first_step`: version 1, `first step`.
fn migration(&(name, text): &Step) -> Result<Migration, MigrateError> {
    let (version, description) = name.split_once('_').unwrap_or((name, ""));
    let version = version.parse().map_err(|error| MigrateError::Source(Box::new(error)))?;
    let description = Cow::Owned(description.replace('_', " "));
    Ok(Migration::new(version, description, MigrationType::Simple, SqlStr::from_static(text), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that is not named would never be run.
    #[test]
    fn every_file_is_named_once() {
        for (folder, steps) in [("", SHARED), ("sqlite", SQLITE), ("postgres", POSTGRES)] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
            let mut files: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap())
                .filter(|file| file.file_type().unwrap().is_file())
                .map(|file| file.file_name().into_string().unwrap())
                .collect();
            files.sort();
            let named: Vec<String> = steps.iter().map(|(name, _)| format!("{name}.sql")).collect();
            assert_eq!(named, files);
        }
    }

    #[test]
    fn no_two_steps_have_one_version() {
        for own in [SQLITE, POSTGRES] {
            let versions: Vec<i64> = SHARED.iter().chain(own).map(|step| migration(step).unwrap().version).collect();
            let once: std::collections::BTreeSet<i64> = versions.iter().copied().collect();
            assert_eq!(once.len(), versions.len(), "{versions:?}");
        }
    }

    /// Databases that there are know the first step by this name and sum.
    #[test]
    fn a_step_is_known_again() {
        let first = migration(&SHARED[0]).unwrap();
        assert_eq!((first.version, first.description.as_ref()), (1, "registry"));
        assert_eq!(
            hex::encode(&first.checksum),
            "5563cd613a0bd485599642317489a9782b5c5ff30dbbab228aec95b2a267245a8d9c912a65db6820424d6ba5a0d5e8ce"
        );
    }
}
