//! A row of an older system's register: what it says, and what is wrong with it.
//!
//! # Why
//! History is not ours to refuse. What would break the book is bad: a number that cannot be, a day outside its year, a
//! channel nobody knows. A check letter that does not hold is not: the older system took it, the entry exists, and its
//! party is found under the identifier as it was given. Such rows are counted and said. An older system has the name
//! of a party in one column, and nobody can split it into name and surnames without guessing: it stands whole, as a
//! company's does.

use chrono::Datelike;
use chrono_tz::Tz;

use crate::domain::exchange::{check_identifier, check_office, check_unit};
use crate::domain::identifier::{self, IdError};
use crate::domain::{Channel, Country, EntryCode, Exchange, IdType, Micros, Origin, text};
use crate::registry::entry::Entry;
use crate::store::catalogue::BookRow;

/// The columns, in the order in which they are read here.
pub const COLUMNS: [&str; 10] = [
    "book",
    "year",
    "number",
    "registered_at",
    "channel",
    "subject",
    "destination_unit",
    "party_id_type",
    "party_id",
    "party_name",
];

/// Those that may be there, after them.
pub const OPTIONAL: [&str; 7] = [
    "subject_code",
    "origin_unit",
    "origin_office",
    "origin_number",
    "origin_registered_at",
    "exchange_id",
    "party_id_country",
];

/// Numbers of older systems are below this one. A code has 20 characters at most: of a book whose numbers go on from the last
/// that fits nothing more could be registered in that year.
const LAST: i64 = 1_000_000_000;

/// What an entry is, but for its number. Two rows with one number must have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub registered_at: Micros,
    pub channel: Channel,
    pub subject: String,
    pub destination_unit: Option<String>,
    pub id_type: IdType,
    pub id: String,
    /// The country that gave the identifier, as [`crate::domain::Person::id_country`].
    pub id_country: Option<Country>,
    pub name: String,
    pub subject_code: Option<String>,
    /// How it stood in the register that sent it.
    pub origin: Option<Box<Origin>>,
    pub exchange: Option<Box<Exchange>>,
}

/// A row that can be an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldEntry {
    /// The place of its book among the entity's.
    pub book: usize,
    pub year: i64,
    pub number: i64,
    pub code: String,
    pub content: Content,
    /// Whether the check characters of the identifier hold.
    pub check_holds: bool,
}

/// What rows are read against.
#[derive(Debug, Clone)]
pub struct Reading {
    pub books: Vec<BookRow>,
    pub zone: Tz,
    pub now: Micros,
}

impl Reading {
    /// Reads the cells of a row, in the order of [`COLUMNS`] and [`OPTIONAL`].
    ///
    /// # Errors
    /// All that is wrong with it, in one line.
    pub fn read(&self, cells: &[&str]) -> Result<OldEntry, String> {
        let mut wrong = Wrong(Vec::new());
        let [book, year, number, registered_at, channel, subject, unit, id_type, id, name, optional @ ..] = cells
        else {
            return Err("has too few cells".into());
        };
        let book = wrong.keep("book", self.book(book.trim()));
        let year: Option<i64> = wrong.keep("year", whole(year, "must be a year of four digits"));
        let number: Option<i64> = wrong.keep("number", whole(number, "must be a whole number from 1"));
        let registered_at = wrong.keep("registered_at", super::past(registered_at.trim(), self.now));
        let channel = wrong.keep("channel", channel.trim().parse::<Channel>());
        wrong.keep("subject", text::check(subject, 240));
        let unit = Some(unit.trim()).filter(|unit| !unit.is_empty());
        if let Some(unit) = unit {
            wrong.keep("destination_unit", text::check(unit, 21));
        }
        let id_type = wrong.keep("party_id_type", id_type.trim().parse::<IdType>());
        let id = id_type.and_then(|id_type| wrong.keep("party_id", read_id(id_type, id)));
        wrong.keep("party_name", text::check(name, 80));
        let id_country = country(id_type, optional, &mut wrong);
        let (subject_code, origin, exchange) = self.optional(optional, &mut wrong);
        let code = match (book, year, number) {
            (_, _, Some(LAST..)) => {
                wrong.add("number", format!("must be below {LAST}: live numbering goes on above it"));
                None
            }
            (Some(book), Some(year), Some(number)) => {
                wrong.keep("number", EntryCode::new(year, &self.books[book].prefix, number))
            }
            _ => None,
        };
        if let (Some(year), Some(at)) = (year, registered_at) {
            let local = at.local_date(self.zone);
            if i64::from(local.year()) != year {
                wrong.add("year", format!("must be that of registered_at, {local} in {}", self.zone.name()));
            }
        }
        let read = || {
            let (id, check_holds) = id?;
            let content = Content {
                registered_at: registered_at?,
                channel: channel?,
                subject: (*subject).to_owned(),
                destination_unit: unit.map(str::to_owned),
                id_type: id_type?,
                id,
                id_country,
                name: (*name).to_owned(),
                subject_code,
                origin,
                exchange,
            };
            Some(OldEntry { book: book?, year: year?, number: number?, code: code?.to_string(), content, check_holds })
        };
        match read() {
            Some(entry) if wrong.0.is_empty() => Ok(entry),
            _ => Err(wrong.0.join("; ")),
        }
    }

    /// What the columns that may be there say.
    fn optional(
        &self,
        cells: &[&str],
        wrong: &mut Wrong,
    ) -> (Option<String>, Option<Box<Origin>>, Option<Box<Exchange>>) {
        let said = |place: usize| cells.get(place).map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
        let short = |text: &str, limit| text::check(text, limit).map(|()| text.to_owned());
        let subject_code = said(0).and_then(|cell| wrong.keep(OPTIONAL[0], short(cell, 16)));
        let origin = Origin {
            unit: said(1).and_then(|cell| wrong.keep(OPTIONAL[1], check_unit(cell))),
            office: said(2).and_then(|cell| wrong.keep(OPTIONAL[2], check_office(cell))),
            number: said(3).and_then(|cell| wrong.keep(OPTIONAL[3], short(cell, 20))),
            registered_at: said(4).and_then(|cell| {
                wrong.keep(OPTIONAL[4], super::past(cell, self.now))?;
                Some(cell.to_owned())
            }),
            ..Origin::default()
        };
        let id = said(5).and_then(|cell| wrong.keep(OPTIONAL[5], check_identifier(cell)));
        let exchange = id.map(|id| Box::new(Exchange { id: Some(id), ..Exchange::default() }));
        (subject_code, (origin != Origin::default()).then(|| Box::new(origin)), exchange)
    }

    fn book(&self, code: &str) -> Result<usize, String> {
        self.books.iter().position(|book| book.code == code).ok_or_else(|| {
            let codes: Vec<&str> = self.books.iter().map(|book| book.code.as_str()).collect();
            format!("must be one of {}", codes.join(", "))
        })
    }
}

struct Wrong(Vec<String>);

impl Wrong {
    fn add(&mut self, column: &str, detail: impl std::fmt::Display) {
        self.0.push(format!("{column} {detail}"));
    }

    fn keep<T, E: std::fmt::Display>(&mut self, column: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|detail| self.add(column, detail)).ok()
    }
}

/// A whole number without sign.
fn whole(text: &str, otherwise: &'static str) -> Result<i64, &'static str> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(otherwise)
}

/// The identifier in the form it is found by, and whether its check characters hold.
fn read_id(id_type: IdType, written: &str) -> Result<(String, bool), String> {
    text::check(written, identifier::LENGTH).map_err(|error| error.to_string())?;
    match identifier::normalise(id_type, written) {
        Ok(id) => Ok((id, true)),
        Err(IdError::CheckCharacter(_)) => Ok((identifier::compact(written), false)),
        Err(error) => Err(error.to_string()),
    }
}

/// The country to keep beside the identifier; none where nobody stated one, or the type tells it.
fn country(id_type: Option<IdType>, optional: &[&str], wrong: &mut Wrong) -> Option<Country> {
    let cell = optional.get(6).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())?;
    let stated: Country = wrong.keep(OPTIONAL[6], cell.parse())?;
    wrong.keep(OPTIONAL[6], id_type?.country(Some(stated)))?
}

impl Content {
    /// What an imported entry was when it was imported; `None` when its record is not one of an import.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        let party = entry.interested_parties.first()?;
        Some(Self {
            registered_at: Micros::parse(&entry.registered_at).ok()?,
            channel: entry.channel,
            subject: entry.subject.clone(),
            destination_unit: entry.destination_unit.clone(),
            id_type: party.id_type,
            id: party.id.clone(),
            id_country: party.id_country,
            name: party.company_name.clone()?,
            subject_code: entry.subject_code.clone(),
            origin: entry.origin.clone().map(Box::new),
            exchange: entry.exchange.clone().map(Box::new),
        })
    }

    /// A short hash, to tell two rows of one number apart.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hash = openssl::sha::Sha256::new();
        let unit = self.destination_unit.as_deref().unwrap_or_default();
        hash.update(&self.registered_at.0.to_be_bytes());
        for text in [self.channel.as_str(), &self.subject, unit, self.id_type.as_str(), &self.id, &self.name] {
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        let origin = self.origin.as_deref();
        let more = [
            self.subject_code.as_deref(),
            origin.and_then(|origin| origin.unit.as_deref()),
            origin.and_then(|origin| origin.office.as_deref()),
            origin.and_then(|origin| origin.number.as_deref()),
            origin.and_then(|origin| origin.registered_at.as_deref()),
            self.exchange.as_deref().and_then(|exchange| exchange.id.as_deref()),
            self.id_country.as_ref().map(Country::as_str),
        ];
        for text in more.map(Option::unwrap_or_default) {
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        let digest = hash.finish();
        digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BookKind;
    use rstest::rstest;

    const GOOD: [&str; 10] = [
        "entrada",
        "2018",
        "1",
        "2018-03-01T09:30:00+01:00",
        "in_person",
        "Licencia de obra",
        "L01000000",
        "nif",
        "12.345.678-z",
        "GARCÍA LÓPEZ, ANA",
    ];

    fn reading() -> Reading {
        let book =
            BookRow { code: "entrada".into(), kind: BookKind::Incoming, name: "Entrada".into(), prefix: "E".into() };
        let now = Micros::parse("2026-01-01T00:00:00Z").unwrap();
        Reading { books: vec![book], zone: chrono_tz::Europe::Madrid, now }
    }

    fn with(column: &str, cell: &str) -> Result<OldEntry, String> {
        let mut cells = GOOD;
        cells[COLUMNS.iter().position(|name| *name == column).unwrap()] = cell;
        reading().read(&cells)
    }

    #[test]
    fn a_row_is_read() {
        let entry = reading().read(&GOOD).unwrap();
        assert_eq!((entry.year, entry.number, entry.code.as_str()), (2018, 1, "2018-E-000001"));
        assert_eq!((entry.content.id.as_str(), entry.check_holds), ("12345678Z", true));
        assert_eq!(with("destination_unit", "").unwrap().content.destination_unit, None);
    }

    #[test]
    fn what_another_register_said_may_be_there() {
        let with = |more: [&str; 6]| reading().read(&[&GOOD[..], &more].concat());
        let plain = reading().read(&GOOD).unwrap();
        assert_eq!(with([""; 6]).unwrap(), plain);
        assert_eq!(reading().read(&[&GOOD[..], &[""; 7]].concat()).unwrap(), plain);
        let sent =
            ["OBRA", "L01290075", "O00002741", "REGAGE18e1", "2018-02-28T09:00:00+01:00", "O00002741_18_00000001"];
        let content = with(sent).unwrap().content;
        let origin = content.origin.clone().unwrap();
        assert_eq!(content.subject_code.as_deref(), Some("OBRA"));
        assert_eq!(origin.unit.as_deref(), Some("L01290075"));
        assert_eq!(origin.registered_at.as_deref(), Some("2018-02-28T09:00:00+01:00"));
        assert_eq!(content.exchange.clone().unwrap().id.as_deref(), Some("O00002741_18_00000001"));
        assert_ne!(content.digest(), plain.content.digest());
        let wrong = ["CODE TOO LONG TO BE ONE", "L-1", "O1", &"9".repeat(21), "2027-01-01T00:00:00Z", "1"];
        let error = with(wrong).unwrap_err();
        for column in &OPTIONAL[..6] {
            assert!(error.contains(column), "{column}: {error}");
        }
    }

    #[rstest]
    #[case::of_portugal("passport", "AB123456", "pt", Ok(Some("PT")))]
    #[case::of_nobody_knows_where("passport", "AB123456", " ", Ok(None))]
    #[case::told_by_its_type("nif", "12345678Z", "ES", Ok(None))]
    #[case::no_country("other", "AB123456", "ZZ", Err("party_id_country must be an ISO 3166-1 code"))]
    #[case::not_given_there("nif", "12345678Z", "PT", Err("party_id_country must be ES or absent"))]
    fn the_country_of_an_identifier_may_be_there(
        #[case] id_type: &str,
        #[case] id: &str,
        #[case] country: &str,
        #[case] expected: Result<Option<&str>, &str>,
    ) {
        let mut cells = GOOD;
        (cells[7], cells[8]) = (id_type, id);
        let read = reading().read(&[&cells[..], &["", "", "", "", "", "", country]].concat());
        match (read, expected) {
            (Ok(entry), Ok(expected)) => {
                assert_eq!(entry.content.id_country.as_ref().map(Country::as_str), expected);
                let plain = reading().read(&cells).unwrap().content;
                assert_eq!(entry.content.digest() == plain.digest(), expected.is_none());
            }
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
            (read, expected) => panic!("{read:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_wrong_check_letter_loses_no_history() {
        let entry = with("party_id", " 12345678-a").unwrap();
        assert_eq!((entry.content.id.as_str(), entry.check_holds), ("12345678A", false));
    }

    #[rstest]
    #[case("book", "salidas", "book must be one of entrada")]
    #[case("year", "18", "year must be that of registered_at")]
    #[case("year", "2019", "year must be that of registered_at, 2018-03-01 in Europe/Madrid")]
    #[case("year", "", "year must be a year")]
    #[case("number", "0", "number the number must be at least 1")]
    #[case("number", "-1", "number must be a whole number")]
    #[case("number", "1.0", "number must be a whole number")]
    #[case("number", "1000000000", "number must be below 1000000000")]
    #[case("number", "9999999999999", "number must be below 1000000000")]
    #[case("number", "99999999999999999999", "number must be a whole number")]
    #[case("registered_at", "2018-03-01 09:30", "registered_at must be a date and time with its offset")]
    #[case("registered_at", "2027-03-01T09:30:00Z", "registered_at must not be in the future")]
    #[case("registered_at", "1618-03-01T09:30:00Z", "registered_at must not be before the year 1900")]
    #[case("channel", "fax", "channel must be one of electronic, in_person, postal, exchange")]
    #[case("subject", " ", "subject must not be blank")]
    #[case("destination_unit", "0123456789012345678901", "destination_unit has 22 characters")]
    #[case("party_id_type", "dni", "party_id_type must be one of nif")]
    #[case("party_id", "1234", "party_id must be eight digits")]
    #[case("party_id", "B58378431", "its id_type is cif")]
    #[case("party_id", "", "party_id must not be blank")]
    #[case("party_name", "a\u{1}", "party_name has the character U+0001")]
    fn what_is_wrong_is_said_by_column(#[case] column: &str, #[case] cell: &str, #[case] wrong: &str) {
        let error = with(column, cell).unwrap_err();
        assert!(error.contains(wrong), "{error}");
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let mut cells = GOOD;
        (cells[4], cells[5], cells[7]) = ("fax", "", "dni");
        let error = reading().read(&cells).unwrap_err();
        assert_eq!(error.matches(';').count(), 2, "{error}");
    }

    /// New Year's Eve in Madrid is a day later than in the Canaries.
    #[test]
    fn the_year_is_that_of_the_local_date() {
        let at = "2018-12-31T23:30:00Z";
        assert!(with("registered_at", at).unwrap_err().contains("2019-01-01 in Europe/Madrid"));
        let canary = Reading { zone: chrono_tz::Atlantic::Canary, ..reading() };
        let mut cells = GOOD;
        cells[3] = at;
        assert!(canary.read(&cells).is_ok());
    }

    #[test]
    fn a_digest_tells_where_one_cell_ends() {
        let content = reading().read(&GOOD).unwrap().content;
        let moved = Content {
            subject: format!("{}L", content.subject),
            destination_unit: Some("01000000".into()),
            ..content.clone()
        };
        assert_ne!(content.digest(), moved.digest());
        assert_eq!(content.digest(), content.clone().digest());
    }
}
