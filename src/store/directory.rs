//! Units and offices of any body, as the Common Directory (DIR3) tells them, and what they were before.

use sqlx::QueryBuilder;

use super::bulk::insert_rows;
use super::{Result, Tx, on_engine, row, sql};
use crate::domain::{Micros, UnitState};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Where entries go.
    Unit,
    /// Where entries are made.
    Office,
}

impl Kind {
    /// Its name among the versions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Office => "office",
        }
    }
}

/// A unit or an office.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct ListedRow {
    pub code: String,
    pub name: String,
    pub own: bool,
    pub state: UnitState,
    pub level: Option<String>,
    pub superior: Option<String>,
    pub root: Option<String>,
    pub created_on: Option<String>,
    pub extinct_on: Option<String>,
    pub successors: String,
    pub valid_from: Micros,
    pub changed_by: String,
}
row! { ListedRow:
    code, name, own, state, level, superior, root, created_on, extinct_on, successors, valid_from, changed_by
}

impl ListedRow {
    /// The codes of those that took its place.
    pub fn successors(&self) -> impl Iterator<Item = &str> {
        self.successors.split_ascii_whitespace()
    }

    /// Whether another says the same of it, whenever it was said.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let timeless = |row: &Self| Self { valid_from: Micros(0), changed_by: String::new(), ..row.clone() };
        timeless(self) == timeless(other)
    }
}

/// What a unit, an office or a book was, until when.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct VersionRow {
    pub row: ListedRow,
    pub valid_to: Micros,
}
row! { VersionRow: valid_to; with row }

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The beginning of a code, in capitals.
    pub code: String,
    /// A part of a name, folded.
    pub name: String,
    /// Only the entity's own, or only others'.
    pub own: Option<bool>,
    /// Only in this state; otherwise those that receive entries.
    pub state: Option<UnitState>,
    /// After this code.
    pub after: String,
}

impl Wanted {
    /// Those whose code begins with this, or whose name holds it.
    #[must_use]
    pub fn of(asked: &str) -> Self {
        Self { code: asked.to_uppercase(), name: crate::domain::text::fold(asked), ..Self::default() }
    }
}

/// One statement for whichever table.
macro_rules! in_table {
    ($tx:expr, $kind:expr, $how:ident, $head:literal, $tail:literal $(, $arg:expr)* $(,)?) => {
        match $kind {
            Kind::Unit => sql!($tx, $how, concat!($head, "units", $tail) $(, $arg)*),
            Kind::Office => sql!($tx, $how, concat!($head, "offices", $tail) $(, $arg)*),
        }
    };
}

/// Text taken literally by `LIKE … ESCAPE '!'`.
fn escape(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// Those wanted, by code; at most `limit`.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, entity: i64, kind: Kind, wanted: &Wanted, limit: i64) -> Result<Vec<ListedRow>> {
    Ok(in_table!(
        tx,
        kind,
        fetch_all,
        "SELECT code, name, own, state, level, superior, root, created_on, extinct_on, successors, valid_from, changed_by
         FROM ",
        " WHERE entity_id = $1 AND code > $4 AND (code LIKE $2 ESCAPE '!' OR name_folded LIKE $3 ESCAPE '!')
         AND (own = $5 OR $6) AND (state = $7 OR ($7 = '' AND state IN ('in_force', 'transitional')))
         ORDER BY code LIMIT $8",
        entity,
        format!("{}%", escape(&wanted.code)),
        format!("%{}%", escape(&wanted.name)),
        wanted.after.as_str(),
        wanted.own.unwrap_or_default(),
        wanted.own.is_none(),
        wanted.state.map_or("", UnitState::as_str),
        limit
    )?)
}

/// All after this code, in whatever state, by code; at most `limit`.
///
/// # Errors
/// When the database does not answer.
pub async fn page(tx: &mut Tx, entity: i64, kind: Kind, after: &str, limit: i64) -> Result<Vec<ListedRow>> {
    Ok(in_table!(
        tx,
        kind,
        fetch_all,
        "SELECT code, name, own, state, level, superior, root, created_on, extinct_on, successors, valid_from, changed_by
         FROM ",
        " WHERE entity_id = $1 AND code > $2 ORDER BY code LIMIT $3",
        entity,
        after,
        limit
    )?)
}

/// One by its code, in whatever state.
///
/// # Errors
/// When the database does not answer.
pub async fn one(tx: &mut Tx, entity: i64, kind: Kind, code: &str) -> Result<Option<ListedRow>> {
    Ok(in_table!(
        tx,
        kind,
        fetch_optional,
        "SELECT code, name, own, state, level, superior, root, created_on, extinct_on, successors, valid_from, changed_by
         FROM ",
        " WHERE entity_id = $1 AND code = $2",
        entity,
        code
    )?)
}

/// The codes of the entity's own that receive entries, in order.
///
/// # Errors
/// When the database does not answer.
pub async fn own_codes(tx: &mut Tx, entity: i64, kind: Kind) -> Result<Vec<(String, String)>> {
    Ok(in_table!(
        tx,
        kind,
        fetch_all,
        "SELECT code, name FROM ",
        " WHERE entity_id = $1 AND own = TRUE AND state IN ('in_force', 'transitional') ORDER BY code",
        entity
    )?)
}

/// The codes of a level of administration that receive entries.
///
/// # Errors
/// When the database does not answer.
pub async fn codes_of_level(tx: &mut Tx, entity: i64, kind: Kind, level: &str) -> Result<Vec<(String,)>> {
    Ok(in_table!(
        tx,
        kind,
        fetch_all,
        "SELECT code FROM ",
        " WHERE entity_id = $1 AND level = $2 AND state IN ('in_force', 'transitional') ORDER BY code",
        entity,
        level
    )?)
}

/// Those of these codes that are there.
///
/// # Errors
/// When the database does not answer.
pub async fn those(tx: &mut Tx, entity: i64, kind: Kind, codes: &[&str]) -> Result<Vec<ListedRow>> {
    if codes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(on_engine!(tx, |conn: E| {
        let mut query = QueryBuilder::<E>::new(
            "SELECT code, name, own, state, level, superior, root, created_on, extinct_on, successors, valid_from, changed_by FROM ",
        );
        query.push(match kind {
            Kind::Unit => "units",
            Kind::Office => "offices",
        });
        query.push(" WHERE entity_id = ").push_bind(entity).push(" AND code IN (");
        let mut list = query.separated(", ");
        for code in codes {
            list.push_bind((*code).to_owned());
        }
        query.push(")");
        query.build_query_as().fetch_all(conn).await?
    }))
}

/// Writes rows in the place of those of their codes.
///
/// # Errors
/// When the database does not answer.
pub async fn put(tx: &mut Tx, entity: i64, kind: Kind, rows: &[ListedRow]) -> Result<()> {
    const TAIL: &str =
        "ON CONFLICT (entity_id, code) DO UPDATE SET name = excluded.name, name_folded = excluded.name_folded,
         own = excluded.own, state = excluded.state, level = excluded.level, superior = excluded.superior,
         root = excluded.root, created_on = excluded.created_on, extinct_on = excluded.extinct_on,
         successors = excluded.successors, valid_from = excluded.valid_from, changed_by = excluded.changed_by";
    let head = match kind {
        Kind::Unit => {
            "INSERT INTO units (entity_id, code, name, name_folded, own, state, level, superior, root, created_on, extinct_on,
             successors, valid_from, changed_by) VALUES"
        }
        Kind::Office => {
            "INSERT INTO offices (entity_id, code, name, name_folded, own, state, level, superior, root, created_on, extinct_on,
             successors, valid_from, changed_by) VALUES"
        }
    };
    insert_rows!(tx, head, TAIL, rows, |row| [
        entity,
        row.code.as_str(),
        row.name.as_str(),
        crate::domain::text::fold(&row.name),
        row.own,
        row.state,
        row.level.as_deref(),
        row.superior.as_deref(),
        row.root.as_deref(),
        row.created_on.as_deref(),
        row.extinct_on.as_deref(),
        row.successors.as_str(),
        row.valid_from,
        row.changed_by.as_str()
    ]);
    Ok(())
}

/// Keeps what these were, until when.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_versions(tx: &mut Tx, entity: i64, kind: Kind, versions: &[VersionRow]) -> Result<()> {
    insert_rows!(
        tx,
        "INSERT INTO catalogue_versions (entity_id, kind, code, valid_from, valid_to, name, own, state, level, superior, root,
         created_on, extinct_on, successors, changed_by) VALUES",
        "",
        versions,
        |version| [
            entity,
            kind.as_str(),
            version.row.code.as_str(),
            version.row.valid_from,
            version.valid_to,
            version.row.name.as_str(),
            version.row.own,
            version.row.state,
            version.row.level.as_deref(),
            version.row.superior.as_deref(),
            version.row.root.as_deref(),
            version.row.created_on.as_deref(),
            version.row.extinct_on.as_deref(),
            version.row.successors.as_str(),
            version.row.changed_by.as_str()
        ]
    );
    Ok(())
}

/// What one was before, the newest first; at most `limit`. The kind may be `book`, too.
///
/// # Errors
/// When the database does not answer.
pub async fn versions(tx: &mut Tx, entity: i64, kind: &str, code: &str, limit: i64) -> Result<Vec<VersionRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT code, name, own, state, level, superior, root, created_on, extinct_on, successors, valid_from, changed_by, valid_to
         FROM catalogue_versions WHERE entity_id = $1 AND kind = $2 AND code = $3 ORDER BY valid_to DESC LIMIT $4",
        entity,
        kind,
        code,
        limit
    )?)
}
