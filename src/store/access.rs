//! The access log: who looked at what, and who did something privileged. Only added to.

use uuid::Uuid;

use super::bulk::insert_rows;
use super::columns::column;
use super::listing::WantedParty;
use super::{Result, Tx, row, sql};
use crate::domain::{Country, Micros, Sha256};

/// What a leaf of the access log is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LeafKind {
    /// Somebody looked.
    #[default]
    Look,
    /// Somebody did something privileged.
    Act,
}

impl LeafKind {
    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Act => "act",
        }
    }
}

column!(LeafKind, String, &'static str = |kind| kind.as_str(), &'r str = |name| match name {
    "look" => Ok(Self::Look),
    "act" => Ok(Self::Act),
    _ => Err(format!("{name} is no kind of the access log").into()),
});

/// One look, or one privileged act.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct AccessRow {
    pub id: Uuid,
    pub at: Micros,
    pub who: String,
    pub role: String,
    pub action: String,
    pub entry_id: Option<Uuid>,
    pub detail: Option<String>,
    pub kind: LeafKind,
    pub subject: Option<String>,
    pub filter: Option<String>,
    pub position: i64,
    pub salt: Sha256,
    pub commitment: Sha256,
}
row! { AccessRow: id, at, who, role, action, entry_id, detail, kind, subject, filter, position, salt, commitment }

/// Writes looks.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, entity: i64, rows: &[AccessRow]) -> Result<()> {
    insert_rows!(
        tx,
        "INSERT INTO access_log (id, entity_id, at, who, role, action, entry_id, detail, kind, subject, filter, position, salt, commitment) VALUES",
        "",
        rows,
        |row| [
            row.id,
            entity,
            row.at,
            row.who.as_str(),
            row.role.as_str(),
            row.action.as_str(),
            row.entry_id,
            row.detail.as_deref(),
            row.kind.as_str(),
            row.subject.as_deref(),
            row.filter.as_deref(),
            row.position,
            row.salt,
            row.commitment
        ]
    );
    Ok(())
}

/// Which looks are asked for. Whatever is `None` does not narrow them.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each is named for what it narrows")]
pub struct Wanted {
    pub kind: LeafKind,
    pub action: Option<String>,
    pub subject: Option<String>,
    pub entry: Option<Uuid>,
    pub party: Option<WantedParty>,
    pub who: Option<String>,
    pub from: Option<Micros>,
    pub to: Option<Micros>,
    /// Only those before this one, in time and id.
    pub before: Option<(Micros, Uuid)>,
}

/// The looks wanted, the newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, entity: i64, wanted: &Wanted, limit: i64) -> Result<Vec<AccessRow>> {
    let (before_at, before_id) = wanted.before.unwrap_or((Micros(i64::MAX), Uuid::max()));
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, at, who, role, action, entry_id, detail, kind, subject, filter, position, salt, commitment
         FROM access_log WHERE entity_id = $1 AND kind = $11 AND at >= $2 AND at < $3 AND (at, id) < ($4, $5)
           AND (CAST($6 AS TEXT) IS NULL OR who = $6)
           AND (NOT $7 OR entry_id = $8)
           AND (CAST($12 AS TEXT) IS NULL OR action = $12)
           AND (CAST($13 AS TEXT) IS NULL OR subject = $13)
           AND (CAST($9 AS TEXT) IS NULL OR entry_id IN (
               SELECT entry_id FROM parties WHERE entity_id = $1 AND id IN ($9, $14)
                 AND (CAST($15 AS TEXT) IS NULL OR id_country = $15
                   OR ($15 = 'ES' AND id_type IN ('nif', 'nie', 'cif', 'dir3')))))
         ORDER BY at DESC, id DESC LIMIT $10",
        entity,
        wanted.from.unwrap_or(Micros(0)),
        wanted.to.unwrap_or(Micros(i64::MAX)),
        before_at,
        before_id,
        wanted.who.as_deref(),
        wanted.entry.is_some(),
        wanted.entry.unwrap_or_default(),
        wanted.party.as_ref().map(|party| party.id.as_str()),
        limit,
        wanted.kind.as_str(),
        wanted.action.as_deref(),
        wanted.subject.as_deref(),
        wanted.party.as_ref().map(|party| party.id.to_uppercase()),
        wanted.party.as_ref().and_then(|party| party.country.as_ref()).map(Country::as_str)
    )?)
}

/// Whom acts of these two kinds were done to, and what else they say, the oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn acts(tx: &mut Tx, entity: i64, actions: [&str; 2]) -> Result<Vec<(Option<String>, Option<String>)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT subject, detail FROM access_log WHERE entity_id = $1 AND kind = 'act' AND action IN ($2, $3)
         ORDER BY at, id",
        entity,
        actions[0],
        actions[1]
    )?)
}

/// The last act of one of these kinds, and what it was done to.
///
/// # Errors
/// When the database does not answer.
pub async fn last_act(tx: &mut Tx, entity: i64, actions: [&str; 3]) -> Result<Option<(String, Option<String>)>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT action, subject FROM access_log WHERE entity_id = $1 AND kind = 'act' AND action IN ($2, $3, $4)
         ORDER BY position DESC LIMIT 1",
        entity,
        actions[0],
        actions[1],
        actions[2]
    )?)
}

/// The rows with these positions, both included, in order.
///
/// # Errors
/// When the database does not answer.
pub async fn stretch(tx: &mut Tx, entity: i64, first: i64, last: i64) -> Result<Vec<AccessRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, at, who, role, action, entry_id, detail, kind, subject, filter, position, salt, commitment
         FROM access_log WHERE entity_id = $1 AND position BETWEEN $2 AND $3 ORDER BY position",
        entity,
        first,
        last
    )?)
}

/// The positions of rows after this one: the head does not know them.
///
/// # Errors
/// When the database does not answer.
pub async fn beyond(tx: &mut Tx, entity: i64, position: i64) -> Result<Vec<i64>> {
    let rows: Vec<(i64,)> = sql!(
        tx,
        fetch_all,
        "SELECT position FROM access_log WHERE entity_id = $1 AND position > $2 ORDER BY position LIMIT 100",
        entity,
        position
    )?;
    Ok(rows.into_iter().map(|(position,)| position).collect())
}
