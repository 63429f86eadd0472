//! Agendas: when a service takes how many people, and the slots that follow from that.
//!
//! # Why
//! Slots are made in local time and kept as instants. A window of a rule begins and ends at the instants of its local
//! times, and slots of equal length follow each other in between: where the clock is put back at night the window has an
//! hour more of them, where it is put forward an hour less, and none is there twice.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{Datelike, Days, Duration, MappedLocalTime, NaiveDate, NaiveTime, TimeZone, Timelike};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{Calendar, Micros};
use crate::registry::submission::FieldError;
use crate::registry::submission::fields::{Errors, Object, step, tree};
use crate::registry::submission::json::Node;

/// Rules, closed days and extra openings that one agenda may have, of each.
const MOST: usize = 500;
/// Places that one slot may have for either.
const PLACES: i64 = 200;

/// How many people a slot takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Places {
    /// Bookings by the public.
    #[schema(example = 2, minimum = 0, maximum = 200)]
    pub public: i64,
    /// Bookings that only staff can make besides.
    #[schema(example = 1, minimum = 0, maximum = 200)]
    pub staff: i64,
}

/// Hours of some weekdays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rule {
    /// From 1, Monday, to 7, Sunday.
    #[schema(example = json!([1, 2, 3, 4, 5]))]
    pub weekdays: BTreeSet<u8>,
    /// From when, local time.
    #[schema(example = "09:00", value_type = String)]
    #[serde(with = "hours")]
    pub from: NaiveTime,
    /// Until when, local time.
    #[schema(example = "14:00", value_type = String)]
    #[serde(with = "hours")]
    pub to: NaiveTime,
    /// The first day; any where it is null.
    #[schema(example = "2026-12-01")]
    pub valid_from: Option<NaiveDate>,
    /// The last day; any where it is null.
    #[schema(example = json!(null))]
    pub valid_to: Option<NaiveDate>,
    /// How many people each slot takes.
    pub places: Places,
}

/// A day on which the rules do not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Closed {
    /// The day.
    #[schema(example = "2026-12-24")]
    pub date: NaiveDate,
    /// Why.
    #[schema(example = "Cierre local")]
    pub reason: Option<String>,
}

/// An opening besides the rules, whatever the calendar says of its day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Extra {
    /// The day.
    #[schema(example = "2026-12-12")]
    pub date: NaiveDate,
    /// From when, local time.
    #[schema(example = "09:00", value_type = String)]
    #[serde(with = "hours")]
    pub from: NaiveTime,
    /// Until when, local time.
    #[schema(example = "11:00", value_type = String)]
    #[serde(with = "hours")]
    pub to: NaiveTime,
    /// How many people each slot takes.
    pub places: Places,
}

/// When a service takes how many people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Agenda {
    /// The hours of the week; none close it.
    pub rules: Vec<Rule>,
    /// Days on which the rules do not hold.
    #[serde(default)]
    pub closed: Vec<Closed>,
    /// Openings besides the rules.
    #[serde(default)]
    pub extra: Vec<Extra>,
}

/// One slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// When it begins.
    pub start: Micros,
    /// When it ends.
    pub end: Micros,
    /// Its local date.
    pub date: NaiveDate,
    /// Places.
    pub places: Places,
}

/// Local times as `09:00`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
mod hours {
    use chrono::{NaiveTime, Timelike};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &NaiveTime, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&format_args!("{:02}:{:02}", time.hour(), time.minute()))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<NaiveTime, D::Error> {
        let text = String::deserialize(input)?;
        NaiveTime::parse_from_str(&text, "%H:%M").map_err(serde::de::Error::custom)
    }
}

/// The instant of a local time; where it comes twice the first, where it does not come the one at which clocks go on.
fn instant(date: NaiveDate, time: NaiveTime, zone: Tz) -> Micros {
    let mut local = date.and_time(time);
    for _ in 0..=24 * 4 {
        match zone.from_local_datetime(&local) {
            MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => return Micros(at.timestamp_micros()),
            // Gaps begin and end at quarters of an hour.
            MappedLocalTime::None => {
                local += Duration::minutes(i64::from(15 - local.minute() % 15));
            }
        }
    }
    Micros::start_of_day(date, zone)
}

impl Agenda {
    /// Reads an agenda for slots of so many minutes.
    ///
    /// # Errors
    /// Everything that is wrong, with its pointer; rules that overlap are.
    pub fn parse(bytes: &[u8], slot_minutes: i64) -> Result<Self, Vec<FieldError>> {
        let (tree, mut errors) = (tree(bytes)?, Errors::default());
        let agenda = Self::read(&tree, slot_minutes, &mut errors);
        agenda.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
    }

    fn read(tree: &Node, slot_minutes: i64, errors: &mut Errors) -> Option<Self> {
        let object = Object::open(tree, "", &[&["rules", "closed", "extra"]], errors)?;
        let rules = object.items("rules", MOST, errors)?;
        let rules: Vec<Option<Rule>> = rules.iter().map(|(at, node)| rule(node, at, slot_minutes, errors)).collect();
        let some = |key: &str, errors: &mut Errors| {
            object.get(key).and_then(|_| object.items(key, MOST, errors)).unwrap_or_default()
        };
        let listed = some("closed", errors);
        let closed: Vec<Option<Closed>> = listed.iter().map(|(at, node)| closed_day(node, at, errors)).collect();
        let listed = some("extra", errors);
        let extra: Vec<Option<Extra>> =
            listed.iter().map(|(at, node)| opening(node, at, slot_minutes, errors)).collect();
        let agenda = Self {
            rules: rules.into_iter().collect::<Option<_>>()?,
            closed: closed.into_iter().collect::<Option<_>>()?,
            extra: extra.into_iter().collect::<Option<_>>()?,
        };
        agenda.check_overlaps(errors);
        Some(agenda)
    }

    fn check_overlaps(&self, errors: &mut Errors) {
        for (place, rule) in self.rules.iter().enumerate() {
            if let Some(other) = self.rules[..place].iter().position(|other| other.overlaps(rule)) {
                errors.add(format!("/rules/{place}"), format!("overlaps rule {other}"));
            }
        }
        for (place, extra) in self.extra.iter().enumerate() {
            let meets = |from: NaiveTime, to: NaiveTime| from < extra.to && extra.from < to;
            let same = |other: &Extra| other.date == extra.date && meets(other.from, other.to);
            let mut said = String::new();
            if let Some(other) = self.extra[..place].iter().position(same) {
                let _ = write!(said, "overlaps extra opening {other}");
            } else if !self.is_closed(extra.date)
                && let Some(rule) =
                    self.rules.iter().position(|rule| rule.is_on(extra.date) && meets(rule.from, rule.to))
            {
                let _ = write!(said, "overlaps rule {rule}");
            }
            if !said.is_empty() {
                errors.add(format!("/extra/{place}"), said);
            }
        }
    }

    fn is_closed(&self, date: NaiveDate) -> bool {
        self.closed.iter().any(|closed| closed.date == date)
    }

    /// The slots of a day, in order.
    #[must_use]
    pub fn slots(&self, date: NaiveDate, calendar: &Calendar, slot_minutes: i64, zone: Tz) -> Vec<Slot> {
        let ruled = calendar.is_working(date) && !self.is_closed(date);
        let rules = self.rules.iter().filter(|rule| ruled && rule.is_on(date));
        let windows = rules.map(|rule| (rule.from, rule.to, rule.places));
        let extra = self.extra.iter().filter(|extra| extra.date == date);
        let windows = windows.chain(extra.map(|extra| (extra.from, extra.to, extra.places)));
        let long = slot_minutes * 60_000_000;
        let mut slots = Vec::new();
        for (from, to, places) in windows {
            let end = instant(date, to, zone).0;
            let mut start = instant(date, from, zone).0;
            while long > 0 && start + long <= end {
                slots.push(Slot { start: Micros(start), end: Micros(start + long), date, places });
                start += long;
            }
        }
        slots.sort_by_key(|slot| slot.start);
        slots.dedup_by_key(|slot| slot.start);
        slots
    }

    /// The slot that begins at this instant.
    #[must_use]
    pub fn slot_at(&self, start: Micros, calendar: &Calendar, slot_minutes: i64, zone: Tz) -> Option<Slot> {
        let slots = self.slots(start.local_date(zone), calendar, slot_minutes, zone);
        slots.into_iter().find(|slot| slot.start == start)
    }
}

impl Rule {
    fn is_on(&self, date: NaiveDate) -> bool {
        u8::try_from(date.weekday().number_from_monday()).is_ok_and(|day| self.weekdays.contains(&day))
            && self.valid_from.is_none_or(|from| from <= date)
            && self.valid_to.is_none_or(|to| date <= to)
    }

    /// Whether there is a day on which both hold at one time.
    fn overlaps(&self, other: &Self) -> bool {
        if self.from >= other.to || other.from >= self.to {
            return false;
        }
        let first = self.valid_from.unwrap_or(NaiveDate::MIN).max(other.valid_from.unwrap_or(NaiveDate::MIN));
        let last = self.valid_to.unwrap_or(NaiveDate::MAX).min(other.valid_to.unwrap_or(NaiveDate::MAX));
        if first > last {
            return false;
        }
        let days = (0..7).map_while(|days| first.checked_add_days(Days::new(days))).take_while(|day| *day <= last);
        days.into_iter().any(|day| {
            u8::try_from(day.weekday().number_from_monday())
                .is_ok_and(|day| self.weekdays.contains(&day) && other.weekdays.contains(&day))
        })
    }
}

fn rule(node: &Node, at: &str, slot_minutes: i64, errors: &mut Errors) -> Option<Rule> {
    let object = Object::open(node, at, &[&["weekdays", "from", "to", "valid_from", "valid_to", "places"]], errors)?;
    let weekdays = object.items("weekdays", 7, errors).and_then(|items| {
        let mut days = BTreeSet::new();
        for (at, item) in &items {
            let day = match item {
                Node::Number(digits) => digits.parse().ok().filter(|day| (1..=7).contains(day)),
                _ => None,
            };
            match day {
                Some(day) if days.insert(day) => {}
                Some(_) => errors.add(at.as_str(), "is given twice"),
                None => errors.add(at.as_str(), "must be a day from 1, Monday, to 7, Sunday"),
            }
        }
        if items.is_empty() {
            errors.add(object.at("weekdays"), "must name a day");
        }
        (!days.is_empty()).then_some(days)
    });
    let hours = window(&object, slot_minutes, errors);
    let valid_from = object.parsed("valid_from", 10, date, errors);
    let valid_to = object.parsed("valid_to", 10, date, errors);
    if let (Some(from), Some(to)) = (valid_from, valid_to)
        && to < from
    {
        errors.add(object.at("valid_to"), "must not be before valid_from");
    }
    let places = places(&object, errors);
    let (from, to) = hours?;
    Some(Rule { weekdays: weekdays?, from, to, valid_from, valid_to, places: places? })
}

fn closed_day(node: &Node, at: &str, errors: &mut Errors) -> Option<Closed> {
    let object = Object::open(node, at, &[&["date", "reason"]], errors)?;
    let reason = object.text("reason", 240, errors);
    object.required("date", errors)?;
    Some(Closed { date: object.parsed("date", 10, date, errors)?, reason })
}

fn opening(node: &Node, at: &str, slot_minutes: i64, errors: &mut Errors) -> Option<Extra> {
    let object = Object::open(node, at, &[&["date", "from", "to", "places"]], errors)?;
    object.required("date", errors);
    let day = object.parsed("date", 10, date, errors);
    let hours = window(&object, slot_minutes, errors);
    let places = places(&object, errors);
    let (from, to) = hours?;
    Some(Extra { date: day?, from, to, places: places? })
}

fn window(object: &Object<'_>, slot_minutes: i64, errors: &mut Errors) -> Option<(NaiveTime, NaiveTime)> {
    let mut hour = |key: &str| {
        object.required(key, errors)?;
        object.parsed(key, 5, time, errors)
    };
    let (from, to) = (hour("from"), hour("to"));
    let (from, to) = (from?, to?);
    if to - from < Duration::minutes(slot_minutes) {
        errors.add(object.at("to"), format!("must be {slot_minutes} minutes, one slot, after from, or more"));
        return None;
    }
    Some((from, to))
}

fn places(object: &Object<'_>, errors: &mut Errors) -> Option<Places> {
    let node = object.required("places", errors)?;
    let at = object.at("places");
    let places = Object::open(node, &at, &[&["public", "staff"]], errors)?;
    let public = places.whole_number("public", 0..=PLACES, errors).unwrap_or(0);
    let staff = places.whole_number("staff", 0..=PLACES, errors).unwrap_or(0);
    if errors.is_empty() && public + staff == 0 {
        errors.add(step(&at, "public"), "there must be a place");
    }
    Some(Places { public, staff })
}

fn date(text: &str) -> Result<NaiveDate, &'static str> {
    let day = Some(text).filter(|text| text.len() == 10).and_then(|text| text.parse().ok());
    day.ok_or("must be a day of the calendar, as 2026-12-01")
}

fn time(text: &str) -> Result<NaiveTime, &'static str> {
    let time = Some(text).filter(|text| text.len() == 5).and_then(|text| NaiveTime::parse_from_str(text, "%H:%M").ok());
    time.ok_or("must be a time of the day, as 09:00")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Atlantic::Canary;
    use chrono_tz::Europe::Madrid;
    use rstest::rstest;

    fn night() -> Agenda {
        let body = br#"{"rules": [], "extra": [
            {"date": "2026-10-25", "from": "00:00", "to": "06:00", "places": {"public": 1, "staff": 0}},
            {"date": "2027-03-28", "from": "00:00", "to": "06:00", "places": {"public": 1, "staff": 0}}]}"#;
        Agenda::parse(body, 30).unwrap()
    }

    #[rstest]
    #[case::an_hour_more("2026-10-25", Madrid, 14)]
    #[case::an_hour_less("2027-03-28", Madrid, 10)]
    #[case::an_hour_more_in_the_canaries("2026-10-25", Canary, 14)]
    #[case::an_hour_less_in_the_canaries("2027-03-28", Canary, 10)]
    fn a_night_in_which_the_clock_changes_has_the_slots_of_its_hours(
        #[case] date: &str,
        #[case] zone: Tz,
        #[case] count: usize,
    ) {
        let slots = night().slots(date.parse().unwrap(), &Calendar::default(), 30, zone);
        assert_eq!(slots.len(), count);
        assert!(slots.windows(2).all(|pair| pair[0].end == pair[1].start), "one after the other, none twice");
        let local: Vec<String> = slots.iter().map(|slot| slot.start.rfc3339(zone)).collect();
        assert!(local[0].contains("T00:00:00") && local[count - 1].contains("T05:30:00"), "{local:?}");
    }

    #[rstest]
    #[case(r#"{"rules": [RULE, RULE]}"#, "/rules/1")]
    #[case(r#"{"rules": [RULE], "extra": [{"date": "2026-12-01", "from": "13:00", "to": "15:00", "places": {"public": 1}}]}"#, "/extra/0")]
    #[case(
        r#"{"rules": [{"weekdays": [8], "from": "09:00", "to": "14:00", "places": {"public": 1}}]}"#,
        "/rules/0/weekdays/0"
    )]
    #[case(r#"{"rules": [{"weekdays": [1], "from": "09:00", "to": "09:10", "places": {"public": 1}}]}"#, "/rules/0/to")]
    #[case(
        r#"{"rules": [{"weekdays": [1], "from": "9:00", "to": "14:00", "places": {"public": 1}}]}"#,
        "/rules/0/from"
    )]
    #[case(r#"{"rules": [], "closed": [{"date": "2026-02-30"}]}"#, "/closed/0/date")]
    #[case(r#"{"rules": [{"weekdays": [1], "from": "09:00", "to": "14:00", "places": {}}]}"#, "/rules/0/places/public")]
    fn what_is_wrong_is_pointed_at(#[case] body: &str, #[case] pointer: &str) {
        let rule = r#"{"weekdays": [2], "from": "09:00", "to": "14:00", "places": {"public": 1}}"#;
        let errors = Agenda::parse(body.replace("RULE", rule).as_bytes(), 15).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), [pointer], "{errors:?}");
    }

    #[test]
    fn rules_that_never_meet_on_one_day_do_not_overlap() {
        let body = br#"{"rules": [
            {"weekdays": [1], "from": "09:00", "to": "14:00", "valid_to": "2026-12-01", "places": {"public": 1}},
            {"weekdays": [1], "from": "09:00", "to": "14:00", "valid_from": "2026-12-01", "places": {"public": 1}}]}"#;
        assert!(Agenda::parse(body, 15).is_ok(), "the day that they share is a Tuesday");
    }

    #[test]
    fn rules_hold_on_working_days_only_and_what_is_kept_is_what_was_said() {
        let body =
            br#"{"rules": [{"weekdays": [2, 6], "from": "09:00", "to": "10:00", "places": {"public": 2, "staff": 1}}],
            "closed": [{"date": "2026-12-15", "reason": "Cierre"}]}"#;
        let agenda = Agenda::parse(body, 15).unwrap();
        let count = |date: &str| agenda.slots(date.parse().unwrap(), &Calendar::default(), 15, Madrid).len();
        assert_eq!([count("2026-12-01"), count("2026-12-05"), count("2026-12-15")], [4, 0, 0]);
        let kept: Agenda = serde_json::from_str(&serde_json::to_string(&agenda).unwrap()).unwrap();
        assert_eq!(kept, agenda);
    }
}
