//! Units, offices and books.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::params::Params;
use super::problem::{Problem, ReadProblems, Result};
use crate::app::App;
use crate::domain::{BookKind, text};
use crate::registry::caller::Caller;
use crate::store;

/// A unit of any body.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unit {
    /// DIR3 code.
    #[schema(example = "L01000000")]
    code: String,
    /// Name.
    #[schema(example = "Ayuntamiento de ejemplo")]
    name: String,
    /// Whether it is of this entity; entries to others are exchanged.
    #[schema(example = true)]
    own: bool,
}

/// A page of units.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnitPage {
    /// The units, by code.
    items: Vec<Unit>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(example = "L01000000")]
    next_cursor: Option<String>,
}

/// Which units are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UnitFilters {
    /// The beginning of a code, or a part of a name.
    #[param(example = "ayuntamiento")]
    q: Option<String>,
    /// How many, at most 500.
    #[param(minimum = 1, maximum = 500, example = 50)]
    limit: Option<i64>,
    /// Where the page before this one ended: its `next_cursor`.
    #[param(example = "L01000000")]
    cursor: Option<String>,
}

/// Finds units.
#[utoipa::path(
    get, path = "/units", tag = "catalogue", operation_id = "units", summary = "Units",
    description = "The units that entries can go to, of this entity and of others.",
    params(UnitFilters),
    responses((status = 200, description = "The units", body = UnitPage), ReadProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn units(
    State(app): State<App>,
    caller: Caller,
    Params(filters): Params<UnitFilters>,
) -> Result<Json<UnitPage>> {
    let limit = filters.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::parameter("limit", "must be from 1 to 500"));
    }
    let asked = filters.q.unwrap_or_default();
    let cursor = filters.cursor.unwrap_or_default();
    if [&asked, &cursor].into_iter().any(|text| text.contains('\0')) {
        return Err(Problem::parameter("q", "must not have a NUL character"));
    }
    let mut tx = app.store().read().await?;
    let code = asked.to_uppercase();
    let mut rows =
        store::catalogue::units(&mut tx, caller.entity.id, &code, &text::fold(&asked), &cursor, limit + 1).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|rows| rows > limit);
    if more {
        rows.pop();
    }
    let next_cursor = rows.last().filter(|_| more).map(|last| last.code.clone());
    let items = rows.into_iter().map(|row| Unit { code: row.code, name: row.name, own: row.own }).collect();
    Ok(Json(UnitPage { items, next_cursor }))
}

/// An office.
#[derive(Debug, Serialize, ToSchema)]
pub struct Office {
    /// DIR3 code.
    #[schema(example = "O01000000")]
    code: String,
    /// Name.
    #[schema(example = "Oficina de asistencia en materia de registros")]
    name: String,
}

/// The offices of the entity.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfficeList {
    /// All of them, by code.
    items: Vec<Office>,
    /// Always null: they are one page.
    next_cursor: Option<String>,
}

/// Lists the offices.
#[utoipa::path(
    get, path = "/offices", tag = "catalogue", operation_id = "offices", summary = "Offices",
    description = "The offices where entries are made.",
    responses((status = 200, description = "The offices", body = OfficeList), ReadProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn offices(State(app): State<App>, caller: Caller) -> Result<Json<OfficeList>> {
    let mut tx = app.store().read().await?;
    let rows = store::catalogue::offices(&mut tx, caller.entity.id).await?;
    let items = rows.into_iter().map(|row| Office { code: row.code, name: row.name }).collect();
    Ok(Json(OfficeList { items, next_cursor: None }))
}

/// A book.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookView {
    /// Its code.
    #[schema(example = "entrada")]
    code: String,
    /// Its name.
    #[schema(example = "Registro de entrada")]
    name: String,
    /// Incoming or outgoing.
    kind: BookKind,
    /// What stands between year and number in the code of an entry.
    #[schema(example = "E")]
    prefix: String,
}

/// The books of the entity.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookList {
    /// All of them, by code.
    items: Vec<BookView>,
    /// Always null: they are one page.
    next_cursor: Option<String>,
}

/// Lists the books.
#[utoipa::path(
    get, path = "/books", tag = "catalogue", operation_id = "books", summary = "Books",
    description = "The books of the entity.",
    responses((status = 200, description = "The books", body = BookList), ReadProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn books(State(app): State<App>, caller: Caller) -> Result<Json<BookList>> {
    let mut tx = app.store().read().await?;
    let rows = store::catalogue::books(&mut tx, caller.entity.id).await?;
    let items = rows
        .into_iter()
        .map(|row| BookView { code: row.code, name: row.name, kind: row.kind, prefix: row.prefix })
        .collect();
    Ok(Json(BookList { items, next_cursor: None }))
}
