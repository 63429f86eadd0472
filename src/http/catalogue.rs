//! Units, offices and books: found by anybody with a role, changed by an administrator.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::require;
use super::json_body;
use super::params::{Params, PathParam};
use super::problem::{ChangeProblems, Kind as ProblemKind, Problem, ReadProblems, Result, WriteProblems};
use crate::app::App;
use crate::domain::{BookKind, Role, UnitState};
use crate::registry::caller::Caller;
use crate::registry::catalogue::change::{BookRequest, CatalogueError, ListedRequest, Told};
use crate::store::catalogue::BookRow;
use crate::store::directory::{Kind, ListedRow, VersionRow, Wanted};

/// A unit of any body, as the Common Directory (DIR3) tells it.
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
    /// What became of it: entries go to units in force or transitional.
    state: UnitState,
    /// Level of administration: 1 State, 2 autonomous communities, 3 local bodies, 4 universities, 5 other institutions,
    /// 6 justice; null where it is not known.
    #[schema(example = "3")]
    level: Option<String>,
    /// The unit above it; for an office, the unit that it belongs to.
    #[schema(example = "L01000000")]
    superior: Option<String>,
    /// The unit at the top.
    #[schema(example = "L01000000")]
    root: Option<String>,
    /// When it was made: a date, or as published where its century is not said (`01/03/12`).
    #[schema(example = "2012-03-01")]
    created_on: Option<String>,
    /// When it ceased to be, where that is known.
    #[schema(example = "2026-06-30")]
    extinct_on: Option<String>,
    /// The codes of those that took its place.
    #[schema(example = json!([]))]
    successors: Vec<String>,
    /// Since when the catalogue has it so; null: since it was set up.
    #[schema(example = "2026-03-02T09:30:00+01:00", format = DateTime)]
    since: Option<String>,
}

impl Unit {
    fn of(row: ListedRow, zone: Tz) -> Self {
        Self {
            successors: row.successors().map(str::to_owned).collect(),
            since: (row.valid_from.0 > 0).then(|| row.valid_from.rfc3339(zone)),
            code: row.code,
            name: row.name,
            own: row.own,
            state: row.state,
            level: row.level,
            superior: row.superior,
            root: row.root,
            created_on: row.created_on,
            extinct_on: row.extinct_on,
        }
    }
}

/// What a unit, an office or a book was.
#[derive(Debug, Serialize, ToSchema)]
pub struct Version {
    /// What it was.
    #[serde(flatten)]
    was: Unit,
    /// Until when.
    #[schema(example = "2026-03-02T09:30:00+01:00", format = DateTime)]
    until: String,
    /// Who had said so; empty for what was set up.
    #[schema(example = "admin-1")]
    said_by: String,
}

impl Version {
    fn of(version: VersionRow, zone: Tz) -> Self {
        let until = version.valid_to.rfc3339(zone);
        Self { said_by: version.row.changed_by.clone(), was: Unit::of(version.row, zone), until }
    }
}

/// A unit or an office with its history.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnitHistory {
    /// What it is.
    #[serde(flatten)]
    now: Unit,
    /// Who said so; empty for what was set up.
    #[schema(example = "admin-1")]
    said_by: String,
    /// What it was before, the newest first.
    versions: Vec<Version>,
}

impl UnitHistory {
    fn of(told: Told<ListedRow>, zone: Tz) -> Self {
        Self {
            said_by: told.now.changed_by.clone(),
            now: Unit::of(told.now, zone),
            versions: told.before.into_iter().map(|version| Version::of(version, zone)).collect(),
        }
    }
}

/// A page of units or offices.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnitPage {
    /// Those that match, by code.
    items: Vec<Unit>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(example = "L01000000")]
    next_cursor: Option<String>,
}

/// Which units or offices are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UnitFilters {
    /// The beginning of a code, or a part of a name.
    #[param(example = "ayuntamiento")]
    q: Option<String>,
    /// Only the entity's own, or only others'. Offices: the entity's own, unless this is false.
    #[param(example = true)]
    own: Option<bool>,
    /// Only in this state; without it, those that entries can go to.
    state: Option<UnitState>,
    /// How many, at most 500.
    #[param(minimum = 1, maximum = 500, example = 50)]
    limit: Option<i64>,
    /// Where the page before this one ended: its `next_cursor`.
    #[param(example = "L01000000")]
    cursor: Option<String>,
}

async fn page(app: &App, caller: &Caller, kind: Kind, filters: UnitFilters) -> Result<Json<UnitPage>> {
    let limit = filters.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::parameter("limit", "must be from 1 to 500"));
    }
    let asked = filters.q.unwrap_or_default();
    let after = filters.cursor.unwrap_or_default();
    if [&asked, &after].into_iter().any(|text| text.contains('\0')) {
        return Err(Problem::parameter("q", "must not have a NUL character"));
    }
    let own = filters.own.or((kind == Kind::Office).then_some(true));
    let wanted = Wanted { own, state: filters.state, after, ..Wanted::of(&asked) };
    let mut rows = app.registry.listed(caller.entity.id, kind, &wanted, limit + 1).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|rows| rows > limit);
    if more {
        rows.pop();
    }
    let next_cursor = rows.last().filter(|_| more).map(|last| last.code.clone());
    let items = rows.into_iter().map(|row| Unit::of(row, caller.entity.zone)).collect();
    Ok(Json(UnitPage { items, next_cursor }))
}

/// Finds units.
#[utoipa::path(
    get, path = "/units", tag = "catalogue", operation_id = "units", summary = "Units",
    description = "The units that entries can go to, of this entity and of others; with `state`, also those that are no more.",
    params(UnitFilters),
    responses((status = 200, description = "The units", body = UnitPage), ReadProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn units(
    State(app): State<App>,
    caller: Caller,
    Params(filters): Params<UnitFilters>,
) -> Result<Json<UnitPage>> {
    page(&app, &caller, Kind::Unit, filters).await
}

/// A unit with its history.
#[utoipa::path(
    get, path = "/units/{code}", tag = "catalogue", operation_id = "unit", summary = "A unit",
    description = "A unit in whatever state, and what it was before: names, states, whose it was.",
    params(("code" = String, Path, description = "Its code", example = "L01000000")),
    responses((status = 200, description = "The unit", body = UnitHistory), ReadProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn unit(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(code)): PathParam<String>,
) -> Result<Json<UnitHistory>> {
    history(&app, &caller, Kind::Unit, &code).await
}

async fn history(app: &App, caller: &Caller, kind: Kind, code: &str) -> Result<Json<UnitHistory>> {
    let told = app.registry.told(caller.entity.id, kind, code).await?;
    Ok(Json(UnitHistory::of(told, caller.entity.zone)))
}

/// Makes a unit, or changes one.
#[utoipa::path(
    put, path = "/units/{code}", tag = "administration", operation_id = "put_unit", summary = "Make or change a unit",
    description = "What is left out stays as it is; what it was is kept. A unit never disappears: one that is no more gets the state `extinct` and its `successors`, and no entry goes there any longer.",
    params(("code" = String, Path, description = "Its code: DIR3's, or the body's own below what DIR3 lists", example = "L01000000")),
    request_body(content = ListedRequest, content_type = "application/json", description = "What it is",
        example = json!({"name": "Ayuntamiento de ejemplo"})),
    responses((status = 200, description = "Changed", body = Unit), (status = 201, description = "Made", body = Unit), WriteProblems),
    security(("token" = []))
)]
pub async fn put_unit(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(code)): PathParam<String>,
    request: Request,
) -> Result<Response> {
    put(&app, &caller, Kind::Unit, &code, request).await
}

async fn put(app: &App, caller: &Caller, kind: Kind, code: &str, request: Request) -> Result<Response> {
    require(caller, &[Role::Admin])?;
    let body = json_body::read(app, caller, request).await?;
    let said = ListedRequest::parse(&body).map_err(Problem::invalid)?;
    let (new, row) = app.registry.put_listed(&caller.entity, kind, code, said, &caller.into()).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Unit::of(row, caller.entity.zone))).into_response())
}

/// Lists the offices.
#[utoipa::path(
    get, path = "/offices", tag = "catalogue", operation_id = "offices", summary = "Offices",
    description = "The offices where entries are made; with `own=false`, those of others.",
    params(UnitFilters),
    responses((status = 200, description = "The offices", body = UnitPage), ReadProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn offices(
    State(app): State<App>,
    caller: Caller,
    Params(filters): Params<UnitFilters>,
) -> Result<Json<UnitPage>> {
    page(&app, &caller, Kind::Office, filters).await
}

/// An office with its history.
#[utoipa::path(
    get, path = "/offices/{code}", tag = "catalogue", operation_id = "office", summary = "An office",
    description = "An office in whatever state, and what it was before.",
    params(("code" = String, Path, description = "Its code", example = "O01000000")),
    responses((status = 200, description = "The office", body = UnitHistory), ReadProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn office(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(code)): PathParam<String>,
) -> Result<Json<UnitHistory>> {
    history(&app, &caller, Kind::Office, &code).await
}

/// Makes an office, or changes one.
#[utoipa::path(
    put, path = "/offices/{code}", tag = "administration", operation_id = "put_office", summary = "Make or change an office",
    description = "As with units. Tokens of clerks are of one of the entity's own offices: say `own`.",
    params(("code" = String, Path, description = "Its DIR3 code", example = "O01000000")),
    request_body(content = ListedRequest, content_type = "application/json", description = "What it is",
        example = json!({"name": "Oficina de asistencia en materia de registros", "own": true})),
    responses((status = 200, description = "Changed", body = Unit), (status = 201, description = "Made", body = Unit), WriteProblems),
    security(("token" = []))
)]
pub async fn put_office(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(code)): PathParam<String>,
    request: Request,
) -> Result<Response> {
    put(&app, &caller, Kind::Office, &code, request).await
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

impl BookView {
    fn of(row: BookRow) -> Self {
        Self { code: row.code, name: row.name, kind: row.kind, prefix: row.prefix }
    }
}

/// What a book was called.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookVersion {
    /// Its name then.
    #[schema(example = "Registro de entrada")]
    name: String,
    /// Until when.
    #[schema(example = "2026-03-02T09:30:00+01:00", format = DateTime)]
    until: String,
    /// Who had said so; empty for what was set up.
    #[schema(example = "admin-1")]
    said_by: String,
}

/// A book with its history.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookHistory {
    /// What it is.
    #[serde(flatten)]
    now: BookView,
    /// What it was called before, the newest first.
    versions: Vec<BookVersion>,
}

/// The books of the entity.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookList {
    /// All of them, by code.
    items: Vec<BookView>,
    /// Always null: they are one page.
    #[schema(example = json!(null))]
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
    let settled = app.registry.settled(caller.entity.id).await?;
    let items = settled.books.iter().cloned().map(BookView::of).collect();
    Ok(Json(BookList { items, next_cursor: None }))
}

/// A book with its history.
#[utoipa::path(
    get, path = "/books/{book}", tag = "catalogue", operation_id = "book", summary = "A book",
    description = "A book, and what it was called before.",
    params(("book" = String, Path, description = "Its code", example = "entrada")),
    responses((status = 200, description = "The book", body = BookHistory), ReadProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn book(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(code)): PathParam<String>,
) -> Result<Json<BookHistory>> {
    let told = app.registry.book_told(caller.entity.id, &code).await?;
    let version = |version: VersionRow| BookVersion {
        name: version.row.name,
        until: version.valid_to.rfc3339(caller.entity.zone),
        said_by: version.row.changed_by,
    };
    let versions = told.before.into_iter().map(version).collect();
    Ok(Json(BookHistory { now: BookView::of(told.now), versions }))
}

/// Makes a book, or renames one.
#[utoipa::path(
    put, path = "/books/{book}", tag = "administration", operation_id = "put_book", summary = "Make or rename a book",
    description = "Kind and prefix are given once, since they stand in the codes of entries; the prefix is no other book's. The name may change, and what it was is kept.",
    params(("book" = String, Path, description = "Its code: small letters, digits, hyphens", example = "entrada")),
    request_body(content = BookRequest, content_type = "application/json", description = "The book",
        example = json!({"name": "Registro de entrada", "kind": "incoming", "prefix": "E"})),
    responses((status = 200, description = "Renamed, or as it was", body = BookView), (status = 201, description = "Made", body = BookView), WriteProblems),
    security(("token" = []))
)]
pub async fn put_book(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(code)): PathParam<String>,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Admin])?;
    let body = json_body::read(&app, &caller, request).await?;
    let said = BookRequest::parse(&body).map_err(Problem::invalid)?;
    let (new, book) = app.registry.put_book(&caller.entity, &code, said, &(&caller).into()).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(BookView::of(book))).into_response())
}

/// Takes a book away.
#[utoipa::path(
    delete, path = "/books/{book}", tag = "administration", operation_id = "delete_book", summary = "Take away a book that was never used",
    description = "Only a book without entries can be taken away, and not the one that submissions go into.",
    params(("book" = String, Path, description = "Its code", example = "quejas")),
    responses((status = 204, description = "Taken away"), ChangeProblems),
    security(("token" = []))
)]
pub async fn delete_book(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(code)): PathParam<String>,
) -> Result<StatusCode> {
    require(&caller, &[Role::Admin])?;
    app.registry.delete_book(&caller.entity, &code, &(&caller).into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<CatalogueError> for Problem {
    fn from(error: CatalogueError) -> Self {
        match error {
            CatalogueError::Invalid(errors) => Self::invalid(errors),
            CatalogueError::NotFound => Self::not_found(),
            CatalogueError::Fixed(why) => Self::new(ProblemKind::WrongState, why),
            CatalogueError::Store(error) => error.into(),
        }
    }
}
