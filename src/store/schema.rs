//! Whether a database has the schema that the registry makes, and nothing besides: what a restored one is asked first.
//!
//! # Why
//! A trigger, a view or a default value is a program that runs with the registry's rights, and no check of the rows sees
//! it. So the migrations that the database says it ran are run again into an empty schema, and whatever differs is named.

use std::collections::BTreeSet;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::{Error, Result, migrations};

/// Things that differ and are named; of more only the number is told.
const NAMED: usize = 50;

/// The migrations that a database says it ran.
const APPLIED: &str = "SELECT version FROM _sqlx_migrations ORDER BY version";

/// What is in one and not in the other, in words.
fn differences(found: &BTreeSet<String>, made: &BTreeSet<String>) -> Vec<String> {
    let more = found.difference(made).map(|one| format!("{one} is none of the registry's"));
    let less = made.difference(found).map(|one| format!("{one} is missing"));
    let mut named: Vec<String> = more.chain(less).collect();
    let rest = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    if rest > 0 {
        named.push(format!("and {rest} more"));
    }
    named
}

/// How the schema of an SQLite file differs from what its migrations make.
///
/// # Errors
/// When the file cannot be read, or names migrations that are not known.
pub async fn compare_sqlite(connection: &mut SqliteConnection) -> Result<Vec<String>> {
    let versions: Vec<i64> = sqlx::query_scalar(APPLIED).fetch_all(&mut *connection).await?;
    let mut fresh = SqliteConnection::connect("sqlite::memory:").await?;
    migrations::run_again(migrations::SQLITE, &versions, &mut fresh).await?;
    let made = sqlite(&mut fresh).await?;
    fresh.close().await?;
    Ok(differences(&sqlite(connection).await?, &made))
}

/// All that an SQLite schema holds, but for what SQLite keeps for itself.
async fn sqlite(connection: &mut SqliteConnection) -> Result<BTreeSet<String>> {
    const ALL: &str = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema
        WHERE NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4', 'sqlite_sequence'))";
    let rows: Vec<(String, String, String, String)> = sqlx::query_as(ALL).fetch_all(connection).await?;
    let words = |sql: String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(rows.into_iter().map(|(kind, name, table, sql)| format!("{kind} {name} ({table}): {}", words(sql))).collect())
}

/// What a PostgreSQL database held before something was restored into it.
#[derive(Debug)]
pub struct Postgres {
    /// In the schema in use.
    inside: BTreeSet<String>,
    /// In the rest of the database.
    outside: BTreeSet<String>,
    /// The statements that take all of it away.
    drops: BTreeSet<String>,
    /// See [`RECORD`].
    record: i64,
}

impl Postgres {
    /// Looks at a database.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn of(connection: &mut PgConnection) -> Result<Self> {
        Ok(Self {
            inside: lines(connection, INSIDE).await?,
            outside: lines(connection, OUTSIDE).await?,
            drops: lines(connection, DROPS).await?,
            record: sqlx::query_scalar(RECORD).fetch_one(connection).await?,
        })
    }
}

async fn lines(connection: &mut PgConnection, statement: &'static str) -> Result<BTreeSet<String>> {
    let lines: Vec<String> = sqlx::query_scalar(statement).fetch_all(connection).await?;
    Ok(lines.into_iter().collect())
}

/// What a PostgreSQL database holds that ran certain migrations.
#[derive(Debug)]
pub struct Made {
    versions: Vec<i64>,
    inside: BTreeSet<String>,
}

impl Made {
    /// Runs these migrations in a schema that is gone afterwards. Its name is random: nobody can have taken it before.
    ///
    /// # Errors
    /// When one of them is not known, or the role may not make a schema; or the database does not answer.
    pub async fn by(connection: &mut PgConnection, mut versions: Vec<i64>) -> Result<Self> {
        versions.sort_unstable();
        let mut random = [0; 16];
        openssl::rand::rand_bytes(&mut random).map_err(|_| Error::Bug("no random numbers"))?;
        let name = format!("ventanilla_{}", hex::encode(random));
        let mut tx = connection.begin().await?;
        let schema = AssertSqlSafe(format!("CREATE SCHEMA {name}; SET LOCAL search_path = {name}"));
        sqlx::raw_sql(schema).execute(&mut *tx).await?;
        migrations::run_again(migrations::POSTGRES, &versions, &mut *tx).await?;
        let inside = lines(&mut tx, INSIDE).await?;
        tx.rollback().await?;
        Ok(Self { versions, inside })
    }

    fn tables(&self) -> BTreeSet<String> {
        self.inside.iter().filter_map(|line| table_of(line)).collect()
    }
}

/// How a PostgreSQL database, which was `before`, differs from what the migrations `made`. What others keep there, and
/// kept before, is not of interest.
///
/// # Errors
/// When the database does not answer, or its list of migrations cannot be read.
pub async fn compare_postgres(connection: &mut PgConnection, before: &Postgres, made: &Made) -> Result<Vec<String>> {
    let now = Postgres::of(connection).await?;
    let versions: Vec<i64> = sqlx::query_scalar(APPLIED).fetch_all(&mut *connection).await?;
    let ours = made.tables();
    // Somebody else's table, if it was there; on ours nothing is excused.
    let excused = |line: &String| before.inside.contains(line) && table_of(line).is_none_or(|of| !ours.contains(&of));
    let found = now.inside.iter().filter(|line| made.inside.contains(*line) || !excused(line)).cloned().collect();
    let mut wrong = differences(&found, &made.inside);
    wrong.extend(now.outside.difference(&before.outside).map(|one| format!("{one} is none of the registry's")));
    if versions != made.versions {
        wrong.push("the list of its migrations is not the one in the file".to_owned());
    }
    Ok(wrong)
}

/// Whether something was restored into a PostgreSQL database since it was `before`.
///
/// # Errors
/// When it does not answer.
pub async fn was_restored(connection: &mut PgConnection, before: &Postgres) -> Result<bool> {
    Ok(sqlx::query_scalar::<_, i64>(RECORD).fetch_one(connection).await? != before.record)
}

/// The table that a line of [`INSIDE`] is about, if any.
fn table_of(line: &str) -> Option<String> {
    let (_, of) = line.split_once(" of ")?;
    Some(of.split(':').next()?.to_owned())
}

/// Takes away what was restored into a database that held no entries; what others kept there before stays.
///
/// # Errors
/// When the database refuses: then something of it is left.
pub async fn empty_again(connection: &mut PgConnection, before: &Postgres, made: &Made) -> Result<()> {
    let now = lines(connection, DROPS).await?;
    let ours: Vec<String> = made.tables().iter().map(|table| format!("DROP TABLE IF EXISTS {table} ")).collect();
    let is_ours = |drop: &str| ours.iter().any(|ours| drop.starts_with(ours.as_str()));
    let mut drops: Vec<&String> = now.iter().filter(|drop| !before.drops.contains(*drop) || is_ours(drop)).collect();
    // Those would be run by the others.
    drops.sort_by_key(|drop| !drop.starts_with("DROP EVENT TRIGGER"));
    let mut tx = connection.begin().await?;
    for statement in drops {
        sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The number of the table that lists the migrations: another one after each restoring, which makes it again.
const RECORD: &str = "SELECT coalesce(CAST(CAST(to_regclass('_sqlx_migrations') AS oid) AS bigint), 0)";

/// A line for each thing in the schema in use, as `kind name of table: definition`. Names of that schema are not
/// qualified, so that two schemas can be compared.
const INSIDE: &str = "
WITH here AS (SELECT current_schema()::regnamespace AS schema),
rel AS (SELECT c.* FROM pg_class c, here WHERE c.relnamespace = here.schema)
SELECT 'table or view of ' || oid::regclass || ': ' || relkind::text || relpersistence::text
    || ' row security ' || relrowsecurity || relforcerowsecurity || ' ' || coalesce(array_to_string(reloptions, ','), '')
    || CASE WHEN relkind IN ('v', 'm') THEN ' ' || pg_get_viewdef(oid, true) ELSE '' END
    FROM rel WHERE relkind NOT IN ('i', 'I', 't')
UNION ALL
SELECT 'column ' || attname || ' of ' || rel.oid::regclass || ': ' || format_type(atttypid, atttypmod)
    || CASE WHEN attnotnull THEN ' not null' ELSE '' END || ' ' || attidentity::text || attgenerated::text
    || ' ' || coalesce(pg_get_expr(adbin, adrelid), '')
    FROM rel JOIN pg_attribute ON attrelid = rel.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE relkind NOT IN ('i', 'I', 't', 'S')
UNION ALL
SELECT 'constraint ' || conname || ' of ' || rel.oid::regclass || ': ' || pg_get_constraintdef(c.oid, true)
    FROM rel JOIN pg_constraint c ON conrelid = rel.oid WHERE contype <> 'n'
UNION ALL
SELECT 'index ' || indexrelid::regclass || ' of ' || rel.oid::regclass || ': ' || pg_get_indexdef(indexrelid, 0, true)
    || CASE WHEN indisvalid THEN '' ELSE ' invalid' END
    FROM rel JOIN pg_index ON indrelid = rel.oid WHERE relkind <> 't'
UNION ALL
SELECT 'trigger ' || tgname || ' of ' || rel.oid::regclass || ': ' || tgenabled::text || ' ' || pg_get_triggerdef(t.oid, true)
    FROM rel JOIN pg_trigger t ON tgrelid = rel.oid WHERE NOT tgisinternal OR tgenabled <> 'O'
UNION ALL
SELECT 'rule ' || rulename || ' of ' || rel.oid::regclass || ': ' || ev_enabled::text || ' ' || pg_get_ruledef(r.oid, true)
    FROM rel JOIN pg_rewrite r ON ev_class = rel.oid
UNION ALL
SELECT 'policy ' || polname || ' of ' || rel.oid::regclass FROM rel JOIN pg_policy ON polrelid = rel.oid
UNION ALL
SELECT 'inheritance of ' || inhrelid::regclass || ': from ' || inhparent::regclass FROM rel JOIN pg_inherits ON inhrelid = rel.oid
UNION ALL
SELECT 'function ' || p.oid::regprocedure FROM pg_proc p, here WHERE pronamespace = here.schema
UNION ALL
SELECT 'type ' || t.oid::regtype FROM pg_type t, here WHERE typnamespace = here.schema AND typtype IN ('d', 'e', 'r', 'm')
UNION ALL
SELECT 'operator ' || o.oid::regoperator FROM pg_operator o, here WHERE oprnamespace = here.schema";

/// A line for each thing that a dump may bring and that is in no schema, or in another one.
const OUTSIDE: &str = "
WITH other AS (SELECT oid, nspname FROM pg_namespace WHERE nspname <> current_schema()
    AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema')
SELECT 'schema ' || nspname FROM other
UNION ALL
SELECT 'relation ' || nspname || '.' || relname FROM pg_class JOIN other ON other.oid = relnamespace
UNION ALL
SELECT 'function ' || nspname || '.' || proname || ' ' || md5(prosrc) FROM pg_proc JOIN other ON other.oid = pronamespace
UNION ALL
SELECT 'function pg_catalog.' || proname FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND oid >= 16384
UNION ALL
SELECT 'extension ' || extname FROM pg_extension
UNION ALL
SELECT 'event trigger ' || evtname FROM pg_event_trigger
UNION ALL
SELECT 'language ' || lanname FROM pg_language
UNION ALL
SELECT 'publication ' || pubname FROM pg_publication
UNION ALL
SELECT 'cast ' || castsource::regtype || ' to ' || casttarget::regtype FROM pg_cast WHERE oid >= 16384
UNION ALL
SELECT 'large object ' || oid FROM pg_largeobject_metadata";

/// A statement for each thing that a dump may bring, which takes it away with all that depends on it.
const DROPS: &str = "
WITH ours AS (SELECT oid, nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema')
SELECT 'DROP EVENT TRIGGER IF EXISTS ' || quote_ident(evtname) || ' CASCADE' FROM pg_event_trigger
UNION ALL
SELECT 'DROP ' || CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
    WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END || ' IF EXISTS ' || pg_class.oid::regclass || ' CASCADE'
    FROM pg_class JOIN ours ON ours.oid = relnamespace WHERE relkind NOT IN ('i', 'I', 't')
UNION ALL
SELECT 'DROP ROUTINE IF EXISTS ' || pg_proc.oid::regprocedure || ' CASCADE' FROM pg_proc JOIN ours ON ours.oid = pronamespace
    WHERE NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
UNION ALL
SELECT 'DROP TYPE IF EXISTS ' || pg_type.oid::regtype || ' CASCADE' FROM pg_type JOIN ours ON ours.oid = typnamespace
    WHERE typtype IN ('d', 'e', 'r')
UNION ALL
SELECT 'DROP EXTENSION IF EXISTS ' || quote_ident(extname) || ' CASCADE' FROM pg_extension
UNION ALL
SELECT 'DROP PUBLICATION IF EXISTS ' || quote_ident(pubname) || ' CASCADE' FROM pg_publication
UNION ALL
SELECT 'DROP LANGUAGE IF EXISTS ' || quote_ident(lanname) || ' CASCADE' FROM pg_language WHERE oid >= 16384
    AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_language.oid AND deptype = 'e')
UNION ALL
SELECT 'DROP CAST IF EXISTS (' || castsource::regtype || ' AS ' || casttarget::regtype || ') CASCADE' FROM pg_cast
    WHERE oid >= 16384 AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_cast.oid AND deptype = 'e')
UNION ALL
SELECT 'DROP OPERATOR IF EXISTS ' || pg_operator.oid::regoperator || ' CASCADE' FROM pg_operator JOIN ours ON ours.oid = oprnamespace
    WHERE NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_operator.oid AND deptype = 'e')
UNION ALL
SELECT 'SELECT lo_unlink(' || oid || ') FROM pg_largeobject_metadata WHERE oid = ' || oid FROM pg_largeobject_metadata
UNION ALL
SELECT 'DROP SCHEMA IF EXISTS ' || quote_ident(nspname) || ' CASCADE' FROM ours WHERE nspname <> current_schema()";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_migrations_make_is_known_again_whatever_was_applied() {
        for last in [1, i64::MAX] {
            let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
            migrations::run(migrations::SQLITE, &mut db).await.unwrap();
            let all: Vec<i64> = sqlx::query_scalar(APPLIED).fetch_all(&mut db).await.unwrap();
            let versions: Vec<i64> = all.into_iter().filter(|version| *version <= last).collect();
            let mut some = SqliteConnection::connect("sqlite::memory:").await.unwrap();
            migrations::run_again(migrations::SQLITE, &versions, &mut some).await.unwrap();
            sqlx::raw_sql("ANALYZE").execute(&mut some).await.unwrap();
            assert_eq!(compare_sqlite(&mut some).await.unwrap(), Vec::<String>::new());
            sqlx::raw_sql("CREATE VIEW seen AS SELECT 1").execute(&mut some).await.unwrap();
            let wrong = compare_sqlite(&mut some).await.unwrap();
            assert!(wrong[0].starts_with("view seen (seen)"), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_version_that_is_not_known_is_an_error() {
        let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        migrations::run(migrations::SQLITE, &mut db).await.unwrap();
        sqlx::raw_sql("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1").execute(&mut db).await.unwrap();
        let error = compare_sqlite(&mut db).await.unwrap_err();
        assert!(matches!(error, crate::store::Error::Migrate(_)), "{error}");
    }
}
