//! Importing lists of units and offices: those that the Common Directory (DIR3) publishes, and plain ones.
//!
//! # Why
//! The public lists have their own column names (`C_ID_UD_ORGANICA`), a first row and a first column with nothing in them,
//! and call four columns `C_DNM_UD_ORGANICA`: the unit's name is the first of them after its code. Their dates have years
//! of two digits without a rule for the century, so such a date is kept as it stands. They hold what is in force and say
//! nothing of what is no more: `complete` takes a list for the whole of its levels, and what it does not name for extinct.
//! A row over one that says the same changes nothing, so a list can be brought again every month; a list is taken whole
//! or not at all.

use std::cell::Cell;
use std::collections::hash_map::Entry as Place;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use chrono::NaiveDate;

use super::sheet::Sheet;
use super::{CHUNK, ImportError, Stage, Watch};
use crate::app::App;
use crate::domain::sheet::{Places, exactly};
use crate::domain::unit::{self, check_code, check_own_code};
use crate::domain::{Micros, Sha256, UnitState, text};
use crate::registry::act::{Action, Actor, record_act};
use crate::registry::catalogue::change::{Change, write as write_rows};
use crate::store::directory::{Kind, ListedRow};
use crate::store::{self, Tx};

/// What is read of a row, by the names of a plain list.
const COLUMNS: [&str; 10] =
    ["code", "name", "own", "state", "level", "superior", "root", "created_on", "extinct_on", "successors"];

/// Where the public lists have the same: of units, and of offices.
const UNITS: [&[&str]; 10] = [
    &["c_id_ud_organica"],
    &["c_dnm_ud_organica"],
    &[],
    &["c_id_estado"],
    &["c_id_nivel_admon"],
    &["c_id_dep_ud_superior"],
    &["c_id_dep_ud_principal"],
    &["d_vig_alta_oficial"],
    &["d_extincion", "d_vig_baja_oficial"],
    &[],
];
const OFFICES: [&[&str]; 10] = [
    &["c_id_oficina"],
    &["c_dnm_oficina"],
    &[],
    &["c_id_estado"],
    &["c_id_nivel_admon"],
    &["c_id_unidad_responsable", "c_id_dep_ud_organica", "c_id_ud_organica"],
    &["c_id_dep_ud_principal"],
    &["d_vig_alta_oficial", "d_alta"],
    &["d_extincion", "d_vig_baja_oficial"],
    &[],
];

/// What is brought, and how.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// What a plain list holds; the public ones say it themselves.
    pub kind: Kind,
    /// What its rows do not say to be another body's is the entity's own.
    pub own: bool,
    /// The list is the whole of each level of administration that it names: what it leaves out is extinct.
    pub complete: bool,
    /// Bad rows are left out instead of keeping nothing.
    pub skip_bad: bool,
    /// Who brings it.
    pub by: &'w Actor,
}

/// How an import ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// So many rows are bad, so nothing was kept.
    Refused {
        /// How many.
        bad: u64,
    },
    /// What is good is in the catalogue.
    Done(Summary),
}

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Whether it held offices.
    pub offices: bool,
    /// Units or offices that were not there.
    pub new: u64,
    /// Those that are something else now.
    pub changed: u64,
    /// Of these, those with another name.
    pub renamed: u64,
    /// Of these, those that entries can go to no more.
    pub ended: u64,
    /// Rows that say what is there.
    pub same: u64,
    /// Bad rows, left out because that was asked for.
    pub bad: u64,
    /// Of those that are in the catalogue now by this list, how many are the entity's own.
    pub own: u64,
    /// Whether the list says of any row whose it is: by the column `own`, by the root of a unit, by an office's unit.
    pub says_whose: bool,
    /// The hash of the file.
    pub file: Option<Sha256>,
}

/// Imports a list of units or offices.
///
/// # Errors
/// [`ImportError`]; bad rows are no error but [`Outcome::Refused`].
pub async fn import(app: &App, path: &Path, wanted: Wanted<'_>, watch: &mut dyn Watch) -> Result<Outcome, ImportError> {
    let (bad, hash) = check(path, watch)?;
    if bad > 0 && !wanted.skip_bad {
        return Ok(Outcome::Refused { bad });
    }
    let mut summary = write(app, path, wanted, hash, watch).await?;
    summary.bad = bad;
    Ok(Outcome::Done(summary))
}

/// Which list it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Plain,
    Units,
    Offices,
}

fn open(path: &Path) -> Result<(Sheet, Layout), ImportError> {
    let layout = Cell::new(Layout::Plain);
    let choose = |names: &[String]| {
        let has = |name: &str| names.iter().any(|one| one == name);
        let (found, aliases) = match () {
            () if has("c_id_oficina") => (Layout::Offices, &OFFICES),
            () if has("c_id_ud_organica") => (Layout::Units, &UNITS),
            () => {
                layout.set(Layout::Plain);
                return plain(names);
            }
        };
        layout.set(found);
        public(names, aliases)
    };
    let sheet = Sheet::open_with(path, &choose)?;
    Ok((sheet, layout.get()))
}

/// `code` and `name`, and any of the others.
fn plain(names: &[String]) -> Result<Places, String> {
    let there: Vec<&str> = COLUMNS
        .into_iter()
        .filter(|column| matches!(*column, "code" | "name") || names.iter().any(|name| name == column))
        .collect();
    let known = |name: &&String| name.is_empty() || COLUMNS.contains(&name.as_str());
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let columns = COLUMNS[2..].join(", ");
        return Err(format!(
            "no column {unknown} is known: a list has code and name, and may have {columns}; the public lists of DIR3 \
             have C_ID_UD_ORGANICA or C_ID_OFICINA"
        ));
    }
    let places = exactly(&there)(names)?;
    let place = |column: &str| there.iter().position(|name| *name == column).and_then(|at| places[at]);
    Ok(COLUMNS.iter().map(|column| place(column)).collect())
}

/// Where a public list has them; what else it has is not needed.
fn public(names: &[String], aliases: &[&[&str]; 10]) -> Result<Places, String> {
    let code = names.iter().position(|name| aliases[0].contains(&name.as_str()));
    let mut places = Vec::with_capacity(aliases.len());
    for (column, aliases) in aliases.iter().enumerate() {
        let found = names.iter().enumerate().filter(|(_, name)| aliases.contains(&name.as_str()));
        // Several columns have the heading of the name: the first after the code is the unit's own.
        let place = found.map(|(place, _)| place).find(|place| column != 1 || Some(*place) > code);
        if column < 2 && place.is_none() {
            return Err(format!("the column {} is missing", aliases[0].to_uppercase()));
        }
        places.push(place);
    }
    Ok(places)
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    code: String,
    name: String,
    own: Option<bool>,
    state: UnitState,
    level: Option<String>,
    superior: Option<String>,
    root: Option<String>,
    created_on: Option<String>,
    extinct_on: Option<String>,
    /// None where the list does not say.
    successors: Option<String>,
}

/// Reads the cells of a row; all that is wrong with it, in one line.
fn read(cells: &[&str], layout: Layout) -> Result<Listed, String> {
    let [code, name, own, state, level, superior, root, created_on, extinct_on, successors] = cells else {
        return Err("has too few cells".into());
    };
    let mut wrong = Vec::new();
    let mut keep = |column: &str, detail: String| wrong.push(format!("{column} {detail}"));
    let check = if layout == Layout::Plain { check_own_code } else { check_code };
    let filled = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    let code = code.trim();
    if let Err(detail) = check(code) {
        keep("code", detail);
    }
    if let Err(detail) = text::check(name, unit::NAME) {
        keep("name", detail.to_string());
    }
    let own = match own.trim().to_lowercase().as_str() {
        "" => None,
        "true" | "sí" | "si" | "s" | "1" => Some(true),
        "false" | "no" | "n" | "0" => Some(false),
        _ => {
            keep("own", "must be true or false".into());
            None
        }
    };
    let state = match state.trim() {
        "" => UnitState::InForce,
        state => UnitState::read(state).unwrap_or_else(|detail| {
            keep("state", detail);
            UnitState::InForce
        }),
    };
    let level = filled(level);
    if level.as_ref().is_some_and(|level| !matches!(level.as_str(), "1" | "2" | "3" | "4" | "5" | "6")) {
        keep("level", "must be from 1 to 6".into());
    }
    let mut above = |column: &str, text: &str| {
        let text = filled(text)?;
        check_own_code(&text).map_err(|detail| keep(column, detail)).ok().map(|()| text)
    };
    let (superior, root) = (above("superior", superior), above("root", root));
    let mut day = |column: &str, text: &str| match date(text.trim()) {
        Ok(date) => date,
        Err(detail) => {
            keep(column, detail.into());
            None
        }
    };
    let (created_on, extinct_on) = (day("created_on", created_on), day("extinct_on", extinct_on));
    let successors = filled(successors);
    for successor in successors.iter().flat_map(|codes| codes.split_ascii_whitespace()) {
        if let Err(detail) = check_own_code(successor) {
            keep("successors", format!("{successor:?} {detail}"));
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("; "));
    }
    let name = name.trim().to_owned();
    Ok(Listed { code: code.to_owned(), name, own, state, level, superior, root, created_on, extinct_on, successors })
}

/// A date in the forms of the lists: with a year of four digits it becomes ISO's; one of two digits stays as it is, since
/// nothing says of which century it is.
fn date(text: &str) -> Result<Option<String>, &'static str> {
    const WRONG: &str = "must be a date, as 2012-03-01 or 01/03/2012";
    if text.is_empty() {
        return Ok(None);
    }
    // A spreadsheet may have added the hour.
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let four = [(10, "%Y-%m-%d"), (10, "%d/%m/%Y")]
        .into_iter()
        .find_map(|(length, form)| NaiveDate::parse_from_str(day, form).ok().filter(|_| day.len() == length));
    if let Some(date) = four {
        return Ok(Some(date.to_string()));
    }
    match NaiveDate::parse_from_str(day, "%d/%m/%y") {
        Ok(_) if day.len() == 8 => Ok(Some(day.to_owned())),
        _ => Err(WRONG),
    }
}

type Read = (u64, Result<Listed, String>);

/// The next rows of the file; none at its end.
fn chunk(sheet: &mut Sheet, layout: Layout) -> Result<Vec<Read>, ImportError> {
    let mut rows = Vec::with_capacity(CHUNK);
    while rows.len() < CHUNK
        && let Some((line, cells)) = sheet.next_row()?
    {
        rows.push((line, cells.and_then(|cells| read(&cells, layout))));
    }
    Ok(rows)
}

/// What stands in a file more than once.
#[derive(Default)]
struct Seen(HashMap<String, (u64, u64)>);

impl Seen {
    /// Whether the row is the first of its code; false for one that says the same again.
    fn is_first(&mut self, line: u64, row: &Listed) -> Result<bool, String> {
        let mut hash = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(&format!("{row:?}"), &mut hash);
        let digest = std::hash::Hasher::finish(&hash);
        match self.0.entry(row.code.clone()) {
            Place::Vacant(place) => {
                place.insert((line, digest));
                Ok(true)
            }
            Place::Occupied(place) if place.get().1 == digest => Ok(false),
            Place::Occupied(place) => Err(format!("{} stands on line {} with other content", row.code, place.get().0)),
        }
    }
}

/// Reads the whole file and names every bad row; nothing is written. How many there are, and the file's hash.
fn check(path: &Path, watch: &mut dyn Watch) -> Result<(u64, Sha256), ImportError> {
    let (mut sheet, layout) = open(path)?;
    watch.written(sheet.form());
    let (mut seen, mut bad) = (Seen::default(), 0);
    loop {
        let rows = chunk(&mut sheet, layout)?;
        if rows.is_empty() {
            return Ok((bad, sheet.sha256()));
        }
        for (line, read) in rows {
            if let Err(wrong) = read.and_then(|row| seen.is_first(line, &row)) {
                bad += 1;
                watch.bad(line, &wrong);
            }
        }
        watch.reached(Stage::Checking, sheet.bytes());
    }
}

/// Reads the file again and writes it, in one transaction.
async fn write(
    app: &App,
    path: &Path,
    wanted: Wanted<'_>,
    hash: Sha256,
    watch: &mut dyn Watch,
) -> Result<Summary, ImportError> {
    let (mut sheet, layout) = open(path)?;
    let kind = match layout {
        Layout::Plain => wanted.kind,
        Layout::Units => Kind::Unit,
        Layout::Offices => Kind::Office,
    };
    let mut summary = Summary { offices: kind == Kind::Office, file: Some(hash), ..Summary::default() };
    let mut tx = app.store().begin().await?;
    let own: HashSet<String> = store::directory::own_codes(&mut tx, app.entity.id, Kind::Unit)
        .await?
        .into_iter()
        .map(|(code, _)| code)
        .collect();
    let (at, by) = (app.clock().now(), wanted.by.name.as_str());
    let over = Over { entity: &app.entity.code, kind, all_own: wanted.own, own, at, by };
    let (mut seen, mut levels) = (Seen::default(), BTreeMap::<String, HashSet<String>>::new());
    loop {
        let rows = chunk(&mut sheet, layout)?;
        if rows.is_empty() {
            break;
        }
        let mut listed = Vec::with_capacity(rows.len());
        for (line, read) in rows {
            let Ok(row) = read else { continue };
            match seen.is_first(line, &row) {
                Ok(true) => listed.push(row),
                Ok(false) => summary.same += 1,
                Err(_) => {}
            }
        }
        if wanted.complete {
            for row in &listed {
                let level = row.level.clone().filter(|_| row.state.receives());
                level.map(|level| levels.entry(level).or_default().insert(row.code.clone()));
            }
        }
        over.write(&mut tx, app.entity.id, listed, &mut summary).await?;
        watch.reached(Stage::Writing, sheet.bytes());
    }
    if sheet.sha256() != hash {
        return Err(ImportError::Changed(path.to_owned()));
    }
    for (level, named) in levels {
        let there = store::directory::codes_of_level(&mut tx, app.entity.id, kind, &level).await?;
        let gone: Vec<String> = there.into_iter().map(|(code,)| code).filter(|code| !named.contains(code)).collect();
        over.end(&mut tx, app.entity.id, &gone, &mut summary).await?;
    }
    let detail = serde_json::json!({
        "file_sha256": hash, "complete": wanted.complete, "new": summary.new, "changed": summary.changed,
        "renamed": summary.renamed, "ended": summary.ended,
        // What its rows say since when they have been as they are.
        "at": over.at.rfc3339(app.entity.zone),
    });
    let act = (Action::CatalogueImported, if summary.offices { "offices" } else { "units" });
    record_act(&mut tx, app.clock(), &app.entity, wanted.by, act, &detail).await?;
    tx.commit().await.map_err(|error| if error.leaves_doubt() { ImportError::Doubt(error) } else { error.into() })?;
    app.registry.forget_catalogue();
    Ok(summary)
}

/// How rows go over what is there.
struct Over<'o> {
    entity: &'o str,
    kind: Kind,
    /// What a row does not say to be another's is the entity's.
    all_own: bool,
    /// The entity's units.
    own: HashSet<String>,
    at: Micros,
    by: &'o str,
}

impl Over<'_> {
    async fn write(&self, tx: &mut Tx, entity: i64, listed: Vec<Listed>, summary: &mut Summary) -> store::Result<()> {
        let codes: Vec<&str> = listed.iter().map(|row| row.code.as_str()).collect();
        let before = store::directory::those(tx, entity, self.kind, &codes).await?;
        let known: HashMap<&str, &ListedRow> = before.iter().map(|row| (row.code.as_str(), row)).collect();
        let row = |row: &Listed| self.row(row, known.get(row.code.as_str()).copied());
        let rows: Vec<ListedRow> = listed.iter().map(row).collect();
        summary.own += rows.iter().filter(|row| row.own).count() as u64;
        let says = |row: &Listed| row.own.is_some() || self.by_place(row).is_some();
        summary.says_whose |= listed.iter().any(says);
        summary.count(&write_rows(tx, entity, self.kind, &before, rows).await?);
        Ok(())
    }

    /// Whose it is, by what it stands under; none where the list does not say that.
    fn by_place(&self, listed: &Listed) -> Option<bool> {
        match self.kind {
            Kind::Unit => listed.root.as_deref().map(|root| root == self.entity),
            Kind::Office => listed.superior.as_deref().map(|unit| unit == self.entity || self.own.contains(unit)),
        }
    }

    fn row(&self, listed: &Listed, before: Option<&ListedRow>) -> ListedRow {
        let Listed { code, name, own, state, level, superior, root, created_on, extinct_on, successors } =
            listed.clone();
        // A list of others' does not take away what an administrator said.
        let said = own.or(self.by_place(listed).filter(|own| *own)).or(self.all_own.then_some(true));
        let own = said.or(before.map(|row| row.own)).unwrap_or_default();
        let is_entity = self.kind == Kind::Unit && code == self.entity;
        ListedRow {
            own: own || is_entity,
            // The registry of a body cannot outlive it: whoever reads of its end sets up the successor's.
            state: if is_entity { UnitState::InForce } else { state },
            successors: successors.unwrap_or_else(|| before.map(|row| row.successors.clone()).unwrap_or_default()),
            code,
            name,
            level,
            superior,
            root,
            created_on,
            extinct_on,
            valid_from: self.at,
            changed_by: self.by.to_owned(),
        }
    }

    /// Ends those that a complete list does not name. When that was, it does not say.
    async fn end(&self, tx: &mut Tx, entity: i64, gone: &[String], summary: &mut Summary) -> store::Result<()> {
        for codes in gone.chunks(CHUNK) {
            let codes: Vec<&str> = codes.iter().map(String::as_str).filter(|code| *code != self.entity).collect();
            let before = store::directory::those(tx, entity, self.kind, &codes).await?;
            let ended = |row: &ListedRow| ListedRow {
                state: UnitState::Extinct,
                valid_from: self.at,
                changed_by: self.by.to_owned(),
                ..row.clone()
            };
            let rows = before.iter().map(ended).collect();
            summary.count(&write_rows(tx, entity, self.kind, &before, rows).await?);
        }
        Ok(())
    }
}

impl Summary {
    fn count(&mut self, changes: &[Option<Change>]) {
        for change in changes {
            match change {
                None => self.same += 1,
                Some(Change::New) => self.new += 1,
                Some(Change::Changed { renamed, ended }) => {
                    self.changed += 1;
                    self.renamed += u64::from(*renamed);
                    self.ended += u64::from(*ended);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("", None)]
    #[case("2012-03-01", Some("2012-03-01"))]
    #[case("01/03/2012", Some("2012-03-01"))]
    #[case("2012-03-01 00:00:00", Some("2012-03-01"))]
    #[case("01/03/12", Some("01/03/12"))]
    fn dates_are_read_and_no_century_is_invented(#[case] text: &str, #[case] read: Option<&str>) {
        assert_eq!(date(text).unwrap().as_deref(), read);
    }

    #[rstest]
    #[case("2012-02-30")]
    #[case("1/3/2012")]
    #[case("31/02/12")]
    #[case("03/2012")]
    #[case("marzo")]
    fn what_is_no_date_is_bad(#[case] text: &str) {
        assert!(date(text).is_err());
    }

    #[test]
    fn the_name_of_a_unit_is_the_first_after_its_code() {
        let names =
            ["", "c_dnm_ud_organica", "c_id_ud_organica", "c_dnm_ud_organica", "c_id_estado", "c_dnm_ud_organica"];
        let places = public(&names.map(str::to_owned), &UNITS).unwrap();
        assert_eq!(places[..4], [Some(2), Some(3), None, Some(4)]);
        assert!(public(&["c_id_ud_organica".to_owned()], &UNITS).unwrap_err().contains("C_DNM_UD_ORGANICA"));
    }

    #[test]
    fn all_that_is_wrong_with_a_row_is_said() {
        let cells = ["L01", " ", "maybe", "X", "9", "?", "!", "ayer", "", "a b"];
        let wrong = read(&cells, Layout::Units).unwrap_err();
        for column in ["code", "name", "own", "state", "level", "superior", "root", "created_on", "successors"] {
            assert!(wrong.contains(column), "{column}: {wrong}");
        }
    }
}
