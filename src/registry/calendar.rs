//! The entity's calendar of non-working days, as it is published.
//!
//! # Why
//! National, regional and local holidays come from three official journals at three times of the year, so each scope of
//! each year is loaded by itself and replaces only what the same scope said before. Every load is a version that stays
//! readable: an entry names the one by which its legal date was computed.

pub mod request;

use serde_json::json;

use super::Registry;
use super::act::{Action, Actor, record_act};
use super::caller::Entity;
use super::older::calendar_sha256;
use crate::domain::calendar::{Holiday, HolidayScope, ScopeYear};
use crate::domain::{Calendar, Micros, Sha256};
use crate::store::calendar::{DayRow, LoadRow, PartRow};
use crate::store::{self, Tx};

/// Who loads holidays, and from where.
#[derive(Debug, Clone)]
pub struct Loader {
    /// Who: a user of the system, or a token by its name.
    pub by: String,
    /// When.
    pub at: Micros,
    /// The name of the file, where there is one.
    pub source: Option<String>,
}

/// What became of one scope and year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The year.
    pub year: i32,
    /// The scope.
    pub scope: HolidayScope,
    /// How many days it names now.
    pub days: usize,
    /// How many it named before; `None` when nothing was published of it.
    pub before: Option<i64>,
}

/// A load of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastLoad {
    /// Which version of the calendar it made.
    pub version: i64,
    /// Who, when and from where.
    pub load: LoadRow,
    /// What it said: year, scope, how many days.
    pub parts: Vec<PartRow>,
}

/// The calendar that an entity published.
///
/// # Errors
/// When the database does not answer, or was altered.
pub async fn load(tx: &mut Tx, entity: i64) -> store::Result<Calendar> {
    let newest = store::calendar::newest(tx, entity).await?;
    load_version(tx, entity, newest).await
}

/// The calendar as it was in that version.
///
/// # Errors
/// When the database does not answer, or was altered.
pub async fn load_version(tx: &mut Tx, entity: i64, version: i64) -> store::Result<Calendar> {
    let corrupt = || store::Error::Corrupt("holiday");
    let days = store::calendar::days(tx, entity, version).await?.into_iter().map(|row| {
        Ok(Holiday {
            date: row.date.parse().map_err(|_| corrupt())?,
            scope: row.scope.parse().map_err(|_| corrupt())?,
            name: row.name,
        })
    });
    let days = days.collect::<store::Result<Vec<_>>>()?;
    let parts = store::calendar::parts(tx, entity, version)
        .await?
        .into_iter()
        .map(|row| Ok((i32::try_from(row.year).map_err(|_| corrupt())?, row.scope.parse().map_err(|_| corrupt())?)));
    let parts = parts.collect::<store::Result<Vec<_>>>()?;
    Ok(Calendar::new(days).published_as(version, parts))
}

/// Puts what is said of each scope and year in the place of what was said before. Gives the new version and what became
/// of each part.
///
/// # Errors
/// When the database does not answer.
pub async fn publish(
    tx: &mut Tx,
    entity: i64,
    parts: &[ScopeYear],
    loader: &Loader,
) -> store::Result<(i64, Vec<Replaced>)> {
    // Versions count on without gaps, whoever loads at once.
    store::book::lock(tx, entity).await?;
    let newest = store::calendar::newest(tx, entity).await?;
    let before = store::calendar::parts(tx, entity, newest).await?;
    let version = newest + 1;
    let load = LoadRow { version, loaded_at: loader.at, loaded_by: loader.by.clone(), source: loader.source.clone() };
    let mut rows = (Vec::new(), Vec::new());
    let mut replaced = Vec::new();
    for ScopeYear { year, scope, days } in parts {
        let (name, number) = (scope.to_string(), i64::from(*year));
        let was = before.iter().find(|part| part.year == number && part.scope == name);
        replaced.push(Replaced { year: *year, scope: *scope, days: days.len(), before: was.map(|part| part.days) });
        rows.1.extend(days.iter().map(|(date, title)| DayRow {
            year: number,
            scope: name.clone(),
            date: date.to_string(),
            name: title.clone(),
        }));
        rows.0.push(PartRow { version, year: number, scope: name, days: 0 });
    }
    store::calendar::insert(tx, entity, &load, &rows.0, &rows.1).await?;
    Ok((version, replaced))
}

/// The hash over what one load says, as the act of its publication has it.
///
/// # Errors
/// When the database does not answer.
pub async fn said_by(tx: &mut Tx, entity: i64, version: i64) -> store::Result<Sha256> {
    let parts = store::calendar::parts_of(tx, entity, version).await?;
    let days = store::calendar::days_of(tx, entity, version).await?;
    calendar_sha256(parts, days.into_iter().map(|day| (day.date, day.scope, day.name)).collect())
}

impl Registry {
    /// Publishes scopes and years as [`publish`] does, with a record of the act. Entries that waited for them get their
    /// legal dates soon after.
    ///
    /// # Errors
    /// When the database does not answer; then nothing is published.
    pub async fn publish_calendar(
        &self,
        entity: &Entity,
        parts: &[ScopeYear],
        by: &Actor,
        source: Option<String>,
    ) -> store::Result<(i64, Vec<Replaced>)> {
        let mut tx = self.store.begin().await?;
        let loader = Loader { by: by.name.clone(), at: self.clock.now(), source };
        let (version, replaced) = publish(&mut tx, entity.id, parts, &loader).await?;
        let named: Vec<String> = replaced.iter().map(|part| format!("{} {}", part.year, part.scope)).collect();
        let days: usize = replaced.iter().map(|part| part.days).sum();
        let sha256 = said_by(&mut tx, entity.id, version).await?;
        let detail = json!({"version": version, "holidays": days, "file": loader.source, "sha256": sha256});
        let act = (Action::CalendarPublished, named.join(", "));
        record_act(&mut tx, &self.clock, entity, by, (act.0, &act.1), &detail).await?;
        tx.commit().await?;
        self.forget_catalogue();
        Ok((version, replaced))
    }
}

/// All loads, the newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn history(tx: &mut Tx, entity: i64) -> store::Result<Vec<PastLoad>> {
    let mut parts = store::calendar::all_parts(tx, entity).await?;
    let loads = store::calendar::loads(tx, entity).await?;
    let past = loads.into_iter().map(|load| {
        let own = parts.iter().position(|part| part.version == load.version).unwrap_or(parts.len());
        PastLoad { version: load.version, load, parts: parts.split_off(own) }
    });
    Ok(past.collect())
}
