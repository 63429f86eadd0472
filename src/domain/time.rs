//! Instants, and the local days they fall on.
//!
//! # Why
//! An instant is a number of microseconds in a type of its own: native timestamps do not come back
//! equal from both databases, and a bare `i64` could be seconds. The zone is always given by the
//! caller, since the Canaries live an hour behind and one deployment may serve both
//! (Ley 39/2015 art. 31.2: the official time of the electronic office).

use std::ops::Range;

use chrono::{DateTime, Days, Duration, MappedLocalTime, NaiveDate, NaiveTime, SecondsFormat, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

/// An instant: microseconds since 1970-01-01T00:00:00Z. A BIGINT in the database.
///
/// Text and dates are made for the years 1 to 9998 only, which is more than RFC 3339 can write in any
/// zone; a value outside is shown as the nearest end of that range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

/// Not an instant as RFC 3339 writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a date and time with its offset, as 2026-03-01T09:30:00+01:00 (RFC 3339)")]
pub struct NotRfc3339;

impl Micros {
    /// 0001-01-01T00:00:00Z.
    const FIRST: i64 = -62_135_596_800_000_000;
    /// 9998-12-31T23:59:59.999999Z.
    const LAST: i64 = 253_370_764_799_999_999;

    /// RFC 3339 in that zone, with its offset.
    ///
    /// The fraction has no digits, three or six: the fewest that lose nothing. What is written here
    /// and read by [`Micros::parse`] is the same instant to the microsecond.
    #[must_use]
    pub fn rfc3339(self, zone: Tz) -> String {
        self.utc().with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, false)
    }

    /// Reads RFC 3339, any offset. Digits after the sixth are cut.
    ///
    /// # Errors
    /// [`NotRfc3339`] for anything else, a time without offset included: whose midnight it is must be said.
    pub fn parse(text: &str) -> Result<Self, NotRfc3339> {
        DateTime::parse_from_rfc3339(text).map(|instant| Self(instant.timestamp_micros())).map_err(|_| NotRfc3339)
    }

    /// The calendar day it falls on in that zone.
    #[must_use]
    pub fn local_date(self, zone: Tz) -> NaiveDate {
        self.utc().with_timezone(&zone).date_naive()
    }

    /// The hour of the day it falls in in that zone, from 0.
    #[must_use]
    pub fn local_hour(self, zone: Tz) -> u32 {
        self.utc().with_timezone(&zone).hour()
    }

    /// The first instant of that calendar day in that zone.
    ///
    /// Where clocks jump over midnight the day begins when the jump ends; where midnight comes twice,
    /// at the first one; a day the zone skipped altogether is empty and begins with the next.
    #[must_use]
    pub fn start_of_day(date: NaiveDate, zone: Tz) -> Self {
        let midnight = date.and_time(NaiveTime::MIN);
        let instant = match zone.from_local_datetime(&midnight) {
            MappedLocalTime::Single(instant) | MappedLocalTime::Ambiguous(instant, _) => instant.timestamp_micros(),
            MappedLocalTime::None => {
                // Inside the gap: of all seconds near it, the first whose local time has passed midnight.
                let near = midnight.and_utc();
                let (mut before, mut after) = (near - Duration::hours(36), near + Duration::hours(36));
                while after - before > Duration::seconds(1) {
                    let middle = before + Duration::seconds((after - before).num_seconds() / 2);
                    if middle.with_timezone(&zone).naive_local() < midnight {
                        before = middle;
                    } else {
                        after = middle;
                    }
                }
                after.timestamp_micros()
            }
        };
        Self(instant)
    }

    /// Local dates, both inclusive, as a half-open range of instants. Empty when `to` is before `from`.
    #[must_use]
    pub fn day_range(from: NaiveDate, to: NaiveDate, zone: Tz) -> Range<Self> {
        let after = to.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
        Self::start_of_day(from, zone)..Self::start_of_day(after, zone)
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.clamp(Self::FIRST, Self::LAST)).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// The months in Spanish, from January.
pub const MONTHS: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::America::Sao_Paulo;
    use chrono_tz::Atlantic::Canary;
    use chrono_tz::Europe::Madrid;
    use chrono_tz::Pacific::Apia;
    use rstest::rstest;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[rstest]
    #[case(0, "1970-01-01T01:00:00+01:00")]
    #[case(1_772_616_896_789_012, "2026-03-04T10:34:56.789012+01:00")]
    #[case(1_772_616_896_789_000, "2026-03-04T10:34:56.789+01:00")]
    #[case(1_772_616_896_000_000, "2026-03-04T10:34:56+01:00")]
    #[case(-1, "1970-01-01T00:59:59.999999+01:00")]
    fn written_and_read_again_it_is_the_same_instant(#[case] micros: i64, #[case] text: &str) {
        assert_eq!(Micros(micros).rfc3339(Madrid), text);
        assert_eq!(Micros::parse(text), Ok(Micros(micros)));
    }

    /// Both halves of the hour that comes twice are told apart by their offset.
    #[test]
    fn the_hour_that_comes_twice() {
        let first = Micros::parse("2026-10-25T02:30:00+02:00").unwrap();
        let second = Micros::parse("2026-10-25T02:30:00+01:00").unwrap();
        assert_eq!(second.0 - first.0, 3_600_000_000);
        assert_eq!(first.rfc3339(Madrid), "2026-10-25T02:30:00+02:00");
        assert_eq!(second.rfc3339(Madrid), "2026-10-25T02:30:00+01:00");
    }

    #[rstest]
    #[case("2026-03-04T10:34:56Z")]
    #[case("2026-03-04t10:34:56z")]
    #[case("2026-03-04T10:34:56.123456789-03:30")]
    #[case("2016-12-31T23:59:60Z")]
    fn rfc_3339_is_read(#[case] text: &str) {
        assert!(Micros::parse(text).is_ok());
    }

    #[rstest]
    #[case("2026-03-04T10:34:56")]
    #[case("2026-03-04")]
    #[case("2026-02-30T10:00:00Z")]
    #[case("2026-03-04T25:00:00Z")]
    #[case("12026-03-04T10:34:56Z")]
    #[case("04/03/2026 10:34")]
    #[case("")]
    #[case("2026-03-04T10:34:56+99:00")]
    fn nothing_else_is(#[case] text: &str) {
        assert_eq!(Micros::parse(text), Err(NotRfc3339));
    }

    #[test]
    fn instants_out_of_reach_are_shown_as_the_nearest() {
        assert_eq!(Micros(i64::MIN).rfc3339(chrono_tz::UTC), "0001-01-01T00:00:00+00:00");
        assert_eq!(Micros(i64::MAX).rfc3339(chrono_tz::UTC), "9998-12-31T23:59:59.999999+00:00");
    }

    #[test]
    fn midnight_in_madrid_is_eleven_in_the_canaries() {
        let instant = Micros::parse("2026-07-01T00:00:00+02:00").unwrap();
        assert_eq!(instant.local_date(Madrid), day("2026-07-01"));
        assert_eq!(instant.local_date(Canary), day("2026-06-30"));
    }

    #[rstest]
    #[case::winter("2026-01-15", Madrid, "2026-01-15T00:00:00+01:00")]
    #[case::summer("2026-07-15", Madrid, "2026-07-15T00:00:00+02:00")]
    #[case::the_canaries("2026-07-15", Canary, "2026-07-15T00:00:00+01:00")]
    #[case::clocks_go_forward("2026-03-29", Madrid, "2026-03-29T00:00:00+01:00")]
    #[case::clocks_go_back("2026-10-25", Madrid, "2026-10-25T00:00:00+02:00")]
    // In the Canaries the clocks change an hour earlier by name: midnight becomes one o'clock there at 1:00.
    #[case::clocks_go_back_in_the_canaries("2026-10-25", Canary, "2026-10-25T00:00:00+01:00")]
    #[case::midnight_skipped("2018-11-04", Sao_Paulo, "2018-11-04T01:00:00-02:00")]
    #[case::midnight_twice("2018-02-18", Sao_Paulo, "2018-02-18T00:00:00-03:00")]
    #[case::a_day_skipped("2011-12-30", Apia, "2011-12-31T00:00:00+14:00")]
    fn the_day_begins(#[case] date: &str, #[case] zone: Tz, #[case] begins: &str) {
        assert_eq!(Micros::start_of_day(day(date), zone).rfc3339(zone), begins);
    }

    #[rstest]
    #[case("2026-03-29", 23)]
    #[case("2026-10-25", 25)]
    #[case("2026-06-01", 24)]
    fn days_have_the_hours_they_have(#[case] date: &str, #[case] hours: i64) {
        let range = Micros::day_range(day(date), day(date), Madrid);
        assert_eq!(range.end.0 - range.start.0, hours * 3_600_000_000);
        assert_eq!(range.start.local_date(Madrid), day(date));
        assert_eq!(Micros(range.end.0 - 1).local_date(Madrid), day(date));
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_empty() {
        assert!(Micros::day_range(day("2026-03-02"), day("2026-03-01"), Madrid).is_empty());
    }

    #[test]
    fn the_last_day_there_is_does_not_panic() {
        let range = Micros::day_range(NaiveDate::MIN, NaiveDate::MAX, Madrid);
        assert!(range.start < range.end);
    }
}
