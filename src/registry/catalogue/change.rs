//! What an administrator changes in the catalogue: units, offices, books.
//!
//! # Why
//! Entries name codes for ever, so no code ever disappears: a unit that is no more stays with its state and successors,
//! and what each was called before stays with the time until which it was. A book's kind and prefix stand in the codes
//! of its entries, so they are given once; a book that was never used can be taken away and made anew.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::Registry;
use super::super::act::{Action, Actor, record_act};
use super::super::caller::Entity;
use super::super::submission::FieldError;
use super::super::submission::fields::{Errors, Object, tree};
use super::super::submission::json::Node;
use crate::domain::unit::{self, check_own_code};
use crate::domain::{BookKind, EntryCode, Micros, UnitState};
use crate::store::catalogue::BookRow;
use crate::store::directory::{Kind, ListedRow, VersionRow, Wanted};
use crate::store::{self, Tx};

/// Versions of one code that are told.
const VERSIONS: i64 = 500;
/// Successors of one unit.
const SUCCESSORS: usize = 50;
/// The longest code of a book, which stands in addresses.
const BOOK_CODE: usize = 30;

/// Why the catalogue was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// What was said of it is wrong. Correct it and ask again.
    #[error("{} fields are wrong", .0.len())]
    Invalid(Vec<FieldError>),
    /// There is none of that code.
    #[error("there is none of that code")]
    NotFound,
    /// It is in use, or what was asked would change what stands on entries.
    #[error("{0}")]
    Fixed(&'static str),
    /// The database did not answer. Nothing was changed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What is said of a unit or an office.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListedRequest {
    /// What it is called. May be left out where it is there already.
    #[schema(example = "Concejalía de Urbanismo", min_length = 1, max_length = 300)]
    pub name: Option<String>,
    /// Whether it is of this entity; entries to others are exchanged. A new one is not, unless its root is the entity.
    #[schema(example = true)]
    pub own: Option<bool>,
    /// Whether entries can go to it; a new one is in force.
    pub state: Option<UnitState>,
    /// Level of administration: 1 State, 2 autonomous communities, 3 local bodies, 4 universities, 5 other institutions,
    /// 6 justice.
    #[schema(example = "3", max_length = 2)]
    pub level: Option<String>,
    /// The unit above it; for an office, the unit that it belongs to.
    #[schema(example = "L01290080", max_length = 21)]
    pub superior: Option<String>,
    /// The unit at the top.
    #[schema(example = "L01290080", max_length = 21)]
    pub root: Option<String>,
    /// When it was made.
    #[schema(example = "2012-03-01", max_length = 10)]
    pub created_on: Option<String>,
    /// When it ceased to be.
    #[schema(example = "2026-06-30", max_length = 10)]
    pub extinct_on: Option<String>,
    /// Those that took its place.
    #[schema(example = json!(["L01290081"]))]
    pub successors: Option<Vec<String>>,
}

impl ListedRequest {
    /// Reads its JSON; what is null or left out stays as it is.
    ///
    /// # Errors
    /// Everything that is wrong, with its place.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<FieldError>> {
        const KEYS: &[&str] =
            &["name", "own", "state", "level", "superior", "root", "created_on", "extinct_on", "successors"];
        let (tree, mut errors) = (tree(bytes)?, Errors::default());
        let Some(object) = Object::open(&tree, "", &[KEYS], &mut errors) else { return Err(errors.into_list()) };
        let mut request = Self {
            name: object.text("name", unit::NAME, &mut errors),
            own: object.boolean("own", &mut errors),
            state: object.name("state", &mut errors),
            level: object.parsed("level", 2, level, &mut errors),
            superior: object.parsed("superior", unit::CODE, code, &mut errors),
            root: object.parsed("root", unit::CODE, code, &mut errors),
            created_on: object.parsed("created_on", 10, date, &mut errors),
            extinct_on: object.parsed("extinct_on", 10, date, &mut errors),
            successors: None,
        };
        if object.get("successors").is_some() {
            let items = object.items("successors", SUCCESSORS, &mut errors).unwrap_or_default();
            let mut codes = Vec::with_capacity(items.len());
            for (at, node) in items {
                match node {
                    Node::String(text) => codes.extend(errors.keep(at, code(text))),
                    other => errors.add(at, format!("must be a string, not {}", other.kind())),
                }
            }
            request.successors = Some(codes);
        }
        if errors.is_empty() { Ok(request) } else { Err(errors.into_list()) }
    }

    /// What it makes of what is there.
    fn over(self, code: &str, entity: &str, before: Option<&ListedRow>, at: Micros, by: &str) -> Option<ListedRow> {
        let before = before.cloned();
        let name = self.name.or_else(|| before.as_ref().map(|row| row.name.clone()))?;
        let kept = |said: Option<String>, field: fn(&ListedRow) -> &Option<String>| {
            said.or_else(|| before.as_ref().and_then(|row| field(row).clone()))
        };
        let root = kept(self.root, |row| &row.root);
        let own = self.own.or(before.as_ref().map(|row| row.own)).unwrap_or(root.as_deref() == Some(entity));
        let successors = match self.successors {
            Some(codes) => codes.join(" "),
            None => before.as_ref().map(|row| row.successors.clone()).unwrap_or_default(),
        };
        Some(ListedRow {
            code: code.to_owned(),
            name,
            own: own || code == entity,
            state: self.state.or(before.as_ref().map(|row| row.state)).unwrap_or(UnitState::InForce),
            level: kept(self.level, |row| &row.level),
            superior: kept(self.superior, |row| &row.superior),
            root,
            created_on: kept(self.created_on, |row| &row.created_on),
            extinct_on: kept(self.extinct_on, |row| &row.extinct_on),
            successors,
            valid_from: at,
            changed_by: by.to_owned(),
        })
    }
}

fn level(text: &str) -> Result<String, &'static str> {
    matches!(text, "1" | "2" | "3" | "4" | "5" | "6").then(|| text.to_owned()).ok_or("must be a level from 1 to 6")
}

fn code(text: &str) -> Result<String, String> {
    check_own_code(text).map(|()| text.to_owned())
}

fn date(text: &str) -> Result<String, &'static str> {
    let day = Some(text).filter(|text| text.len() == 10);
    let day = day.and_then(|text| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok());
    day.map(|_| text.to_owned()).ok_or("must be a day of the calendar, as 2026-01-06")
}

/// What is said of a book.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookRequest {
    /// Its name.
    #[schema(example = "Registro de entrada", min_length = 1, max_length = 80)]
    pub name: String,
    /// Incoming or outgoing. Given once.
    pub kind: BookKind,
    /// What stands between year and number in the code of an entry: no other book's. Given once.
    #[schema(example = "E", min_length = 1, max_length = 6)]
    pub prefix: String,
}

impl BookRequest {
    /// Reads its JSON.
    ///
    /// # Errors
    /// Everything that is wrong, with its place.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<FieldError>> {
        let (tree, mut errors) = (tree(bytes)?, Errors::default());
        let Some(object) = Object::open(&tree, "", &[&["name", "kind", "prefix"]], &mut errors) else {
            return Err(errors.into_list());
        };
        let name = object.required_text("name", 80, &mut errors);
        let kind = object.required_name("kind", &mut errors);
        let prefix = object.required_text("prefix", EntryCode::PREFIX_LENGTH, &mut errors);
        if let Some(prefix) = &prefix {
            errors.keep("/prefix", EntryCode::check_prefix(prefix));
        }
        match (name, kind, prefix) {
            (Some(name), Some(kind), Some(prefix)) if errors.is_empty() => Ok(Self { name, kind, prefix }),
            _ => Err(errors.into_list()),
        }
    }
}

/// A unit, an office or a book with what it was before.
#[derive(Debug, Clone)]
pub struct Told<T> {
    /// What it is.
    pub now: T,
    /// What it was, the newest first.
    pub before: Vec<VersionRow>,
}

impl Registry {
    /// Units or offices that match.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn listed(&self, entity: i64, kind: Kind, wanted: &Wanted, limit: i64) -> store::Result<Vec<ListedRow>> {
        store::directory::list(&mut self.store.read().await?, entity, kind, wanted, limit).await
    }

    /// A unit or an office with its history.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`].
    pub async fn told(&self, entity: i64, kind: Kind, code: &str) -> Result<Told<ListedRow>, CatalogueError> {
        let mut tx = self.store.read().await?;
        let now = store::directory::one(&mut tx, entity, kind, code).await?.ok_or(CatalogueError::NotFound)?;
        let before = store::directory::versions(&mut tx, entity, kind.as_str(), code, VERSIONS).await?;
        Ok(Told { now, before })
    }

    /// Makes a unit or an office, or changes one; whether it was new. What stays the same leaves no version.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub async fn put_listed(
        &self,
        of: &Entity,
        kind: Kind,
        code: &str,
        said: ListedRequest,
        by: &Actor,
    ) -> Result<(bool, ListedRow), CatalogueError> {
        let invalid = |pointer: &str, detail: String| {
            CatalogueError::Invalid(vec![FieldError { pointer: pointer.into(), detail }])
        };
        check_own_code(code).map_err(|wrong| invalid("", format!("the code {code:?} {wrong}")))?;
        let (entity, entity_code) = (of.id, of.code.as_str());
        let mut tx = self.store.begin().await?;
        let before = store::directory::one(&mut tx, entity, kind, code).await?;
        let row = said.over(code, entity_code, before.as_ref(), self.clock.now(), &by.name);
        let row = row.ok_or_else(|| invalid("/name", "is required: there is none of this code yet".into()))?;
        if code == entity_code && !row.state.receives() {
            return Err(CatalogueError::Fixed("this is the entity itself: its registry cannot outlive it"));
        }
        if row.successors().any(|successor| successor == code) {
            return Err(invalid("/successors", "must not name the unit itself".into()));
        }
        for (place, successor) in row.successors().enumerate() {
            if store::directory::one(&mut tx, entity, kind, successor).await?.is_none() {
                return Err(invalid(
                    &format!("/successors/{place}"),
                    format!("there is none of the code {successor:?}"),
                ));
            }
        }
        let changes = write(&mut tx, entity, kind, before.as_slice(), vec![row.clone()]).await?;
        if changes.iter().any(Option::is_some) {
            let action = match kind {
                Kind::Unit => Action::UnitChanged,
                Kind::Office => Action::OfficeChanged,
            };
            let detail = json!({ "before": before.as_ref().map(told), "now": told(&row) });
            record_act(&mut tx, &self.clock, of, by, (action, code), &detail).await?;
        }
        tx.commit().await?;
        self.forget_catalogue();
        Ok((before.is_none(), row))
    }

    /// A book with its history.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`].
    pub async fn book_told(&self, entity: i64, code: &str) -> Result<Told<BookRow>, CatalogueError> {
        let mut tx = self.store.read().await?;
        let books = store::catalogue::books(&mut tx, entity).await?;
        let now = books.into_iter().find(|book| book.code == code).ok_or(CatalogueError::NotFound)?;
        let before = store::directory::versions(&mut tx, entity, "book", code, VERSIONS).await?;
        Ok(Told { now, before })
    }

    /// Makes a book, or gives one another name; whether it was new.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub async fn put_book(
        &self,
        of: &Entity,
        code: &str,
        said: BookRequest,
        by: &Actor,
    ) -> Result<(bool, BookRow), CatalogueError> {
        let invalid = |pointer: &str, detail: String| {
            CatalogueError::Invalid(vec![FieldError { pointer: pointer.into(), detail }])
        };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=BOOK_CODE).contains(&code.len()) || !code.bytes().all(plain) || code.starts_with('-') {
            let wrong = format!("the code {code:?} must have 1 to {BOOK_CODE} small letters, digits or hyphens");
            return Err(invalid("", wrong));
        }
        let entity = of.id;
        let book = BookRow { code: code.to_owned(), kind: said.kind, name: said.name, prefix: said.prefix };
        let mut tx = self.store.begin().await?;
        // The lock of the entity's books: two that are made at once cannot get one prefix.
        store::book::lock(&mut tx, entity).await?;
        let books = store::catalogue::books(&mut tx, entity).await?;
        if let Some(other) = books.iter().find(|other| other.prefix == book.prefix && other.code != book.code) {
            return Err(invalid("/prefix", format!("is that of the book {:?}", other.code)));
        }
        let before = books.iter().find(|known| known.code == book.code);
        if before == Some(&book) {
            return Ok((false, book));
        }
        let now = self.clock.now();
        if before.is_some() {
            store::catalogue::keep_book_version(&mut tx, entity, code, now).await?;
        }
        if !store::catalogue::put_book(&mut tx, entity, &book, now, &by.name).await? {
            return Err(CatalogueError::Fixed(
                "kind and prefix of a book are given once: they stand in the codes of its entries. A book without \
                 entries can be deleted and made anew",
            ));
        }
        let detail = json!({
            "before": before.map(|book| &book.name),
            "name": book.name,
            "kind": book.kind,
            "prefix": book.prefix,
        });
        record_act(&mut tx, &self.clock, of, by, (Action::BookChanged, code), &detail).await?;
        tx.commit().await?;
        self.forget_catalogue();
        Ok((before.is_none(), book))
    }

    /// Takes away a book that was never used.
    ///
    /// # Errors
    /// [`CatalogueError::NotFound`], or [`CatalogueError::Fixed`] for one that was.
    pub async fn delete_book(&self, of: &Entity, code: &str, by: &Actor) -> Result<(), CatalogueError> {
        let entity = of.id;
        let mut tx = self.store.begin().await?;
        store::book::lock(&mut tx, entity).await?;
        let books = store::catalogue::books(&mut tx, entity).await?;
        if !books.iter().any(|book| book.code == code) {
            return Err(CatalogueError::NotFound);
        }
        if code == super::super::submit::DEFAULT_BOOK {
            return Err(CatalogueError::Fixed("submissions go into this book"));
        }
        if !store::catalogue::delete_book(&mut tx, entity, code).await? {
            return Err(CatalogueError::Fixed("the book has entries, and stays for ever"));
        }
        record_act(&mut tx, &self.clock, of, by, (Action::BookDeleted, code), &()).await?;
        tx.commit().await?;
        self.forget_catalogue();
        Ok(())
    }
}

/// What an act says of a unit or an office.
#[must_use]
pub fn told(row: &ListedRow) -> serde_json::Value {
    json!({
        "name": row.name,
        "own": row.own,
        "state": row.state,
        "level": row.level,
        "superior": row.superior,
        "root": row.root,
        "created_on": row.created_on,
        "extinct_on": row.extinct_on,
        "successors": row.successors,
    })
}

/// Writes rows of one kind over those that were there, whose versions are kept; how many were new, and how many changed.
/// Those that say the same are left as they are.
///
/// # Errors
/// When the database does not answer.
pub async fn write(
    tx: &mut Tx,
    entity: i64,
    kind: Kind,
    before: &[ListedRow],
    rows: Vec<ListedRow>,
) -> store::Result<Vec<Option<Change>>> {
    let known: std::collections::HashMap<&str, &ListedRow> =
        before.iter().map(|row| (row.code.as_str(), row)).collect();
    let (mut written, mut versions) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut changes = Vec::with_capacity(rows.len());
    for mut row in rows {
        let change = match known.get(row.code.as_str()) {
            Some(before) if before.says_the_same(&row) => None,
            Some(before) => {
                row.valid_from = Micros(row.valid_from.0.max(before.valid_from.0 + 1));
                versions.push(VersionRow { row: (*before).clone(), valid_to: row.valid_from });
                let renamed = before.name != row.name;
                let ended = before.state.receives() && !row.state.receives();
                Some(Change::Changed { renamed, ended })
            }
            None => Some(Change::New),
        };
        if change.is_some() {
            written.push(row);
        }
        changes.push(change);
    }
    store::directory::keep_versions(tx, entity, kind, &versions).await?;
    store::directory::put(tx, entity, kind, &written).await?;
    Ok(changes)
}

/// What a row did to the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was none of its code.
    New,
    /// It was something else.
    Changed {
        /// It had another name.
        renamed: bool,
        /// Entries could go to it, and no more.
        ended: bool,
    },
}
