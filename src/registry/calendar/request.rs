//! What an administrator says of one scope and year, and its shape in the OpenAPI document.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::calendar::{HolidayScope, ScopeYear};
use crate::registry::submission::FieldError;
use crate::registry::submission::fields::{Errors, Object, tree};
use crate::registry::submission::json::Node;

/// Years that a calendar is published for.
pub const YEARS: RangeInclusive<i32> = 1900..=2999;
/// No year has more days.
const DAYS: usize = 366;
/// The longest name of a holiday.
const NAME: usize = 160;

/// The holidays of one scope and year, all of them: what was published of it before does not count any more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct CalendarRequest {
    /// Each day once; none where there are no holidays.
    #[schema(max_items = 366)]
    holidays: Vec<HolidayRequest>,
    /// Where they are published, such as the number in the official journal.
    #[schema(example = "BOE-A-2025-21667", max_length = 160)]
    source: Option<String>,
}

/// A holiday.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct HolidayRequest {
    /// The day, of the year in the address.
    #[schema(example = "2026-01-06", format = Date)]
    date: String,
    /// What it is called.
    #[schema(example = "Epifanía del Señor", min_length = 1, max_length = 160)]
    name: String,
}

/// Reads the body: the days of that scope and year, and where they are published.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn parse(bytes: &[u8], year: i32, scope: HolidayScope) -> Result<(ScopeYear, Option<String>), Vec<FieldError>> {
    let (tree, mut errors) = (tree(bytes)?, Errors::default());
    let read = read(&tree, year, &mut errors);
    let read = read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())?;
    Ok((ScopeYear { year, scope, days: read.0 }, read.1))
}

type Said = (BTreeMap<NaiveDate, String>, Option<String>);

fn read(tree: &Node, year: i32, errors: &mut Errors) -> Option<Said> {
    let object = Object::open(tree, "", &[&["holidays", "source"]], errors)?;
    let source = object.text("source", NAME, errors);
    let mut days = BTreeMap::new();
    for (at, node) in object.items("holidays", DAYS, errors)? {
        let Some(holiday) = Object::open(node, &at, &[&["date", "name"]], errors) else { continue };
        holiday.required("date", errors);
        let date = holiday.parsed("date", 10, |text| day(text, year), errors);
        let name = holiday.required_text("name", NAME, errors);
        if let (Some(date), Some(name)) = (date, name)
            && days.insert(date, name.trim().to_owned()).is_some()
        {
            errors.add(holiday.at("date"), "is there twice");
        }
    }
    Some((days, source))
}

fn day(text: &str, year: i32) -> Result<NaiveDate, String> {
    // Ten characters, or dates like 2026-1-6 would pass.
    let date = Some(text).filter(|text| text.len() == 10);
    let date = date.and_then(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok());
    let date = date.ok_or("must be a day of the calendar, as 2026-01-06")?;
    if date.year() == year { Ok(date) } else { Err(format!("must be a day of {year}")) }
}
