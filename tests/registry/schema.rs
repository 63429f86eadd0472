//! The two engines hold the same: the same tables, columns and keys, and nothing may be missing in one that must be there
//! in the other.

use std::collections::BTreeMap;

use ventanilla::store::Tx;

use crate::harness::site::Engine;
use crate::harness::town::Town;

/// The full text is each engine's own.
const ENGINES_OWN: &str = "entry_text";

/// Each column as `table.column`, and whether it may be null.
async fn columns(town: &Town) -> BTreeMap<String, bool> {
    let rows: Vec<(String, bool)> = match &mut town.app.store().read().await.unwrap() {
        Tx::Sqlite(tx) => sqlx::query_as(
            "SELECT t.name || '.' || c.name, c.\"notnull\" = 0 AND c.pk = 0
             FROM sqlite_master t JOIN pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE 'entry_text%' AND t.name NOT LIKE '\\_%' ESCAPE '\\'",
        )
        .fetch_all(&mut **tx)
        .await
        .unwrap(),
        Tx::Postgres(tx) => sqlx::query_as(
            "SELECT table_name || '.' || column_name, is_nullable = 'YES' FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> $1 AND table_name NOT LIKE '\\_%'",
        )
        .bind(ENGINES_OWN)
        .fetch_all(&mut **tx)
        .await
        .unwrap(),
    };
    rows.into_iter().collect()
}

/// Each index and key by what it is over, and whether it is unique.
async fn keys(town: &Town) -> BTreeMap<String, bool> {
    let rows: Vec<(String, bool)> = match &mut town.app.store().read().await.unwrap() {
        Tx::Sqlite(tx) => sqlx::query_as(
            "SELECT t.name || ' (' || (SELECT group_concat(name, ', ') FROM pragma_index_info(i.name) ORDER BY seqno) || ')', max(i.\"unique\") = 1
             FROM sqlite_master t JOIN pragma_index_list(t.name) i
             WHERE t.type = 'table' AND t.name NOT LIKE 'entry_text%' AND t.name NOT LIKE '\\_%' ESCAPE '\\' GROUP BY 1",
        )
        .fetch_all(&mut **tx)
        .await
        .unwrap(),
        Tx::Postgres(tx) => sqlx::query_as(
            "SELECT t.relname || ' (' || (SELECT string_agg(a.attname, ', ' ORDER BY k.place)
                 FROM unnest(i.indkey::int[]) WITH ORDINALITY k (attnum, place)
                 JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum) || ')', bool_or(i.indisunique)
             FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
             WHERE n.nspname = 'public' AND t.relname <> $1 AND t.relname NOT LIKE '\\_%' GROUP BY 1",
        )
        .bind(ENGINES_OWN)
        .fetch_all(&mut **tx)
        .await
        .unwrap(),
    };
    rows.into_iter().collect()
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_keys_and_each_table_says_whose_it_is() {
    let (sqlite, postgres) = (Town::on(Engine::Sqlite).await, Town::on(Engine::Postgres).await);
    let (ours, theirs) = (columns(&sqlite).await, columns(&postgres).await);
    assert!(ours.len() > 100, "the look at the schema sees it: {}", ours.len());
    assert_eq!(ours, theirs);
    let (our_keys, their_keys) = (keys(&sqlite).await, keys(&postgres).await);
    assert!(our_keys.len() > 20, "the look at the keys sees them: {}", our_keys.len());
    assert_eq!(our_keys, their_keys);
    let tables: std::collections::BTreeSet<&str> = theirs.keys().map(|name| name.split_once('.').unwrap().0).collect();
    // Verdicts belong to an entry, and have no life without it.
    for table in tables.into_iter().filter(|table| !["entities", "verdicts"].contains(table)) {
        assert!(theirs.contains_key(&format!("{table}.entity_id")), "{table} has no entity_id");
    }
}
