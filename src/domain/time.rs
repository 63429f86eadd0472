//! Instants, and the local days they fall on.
//!
//! # Why
//! An instant is a number of microseconds in a type of its own: native timestamps do not come back
//! equal from both databases, and a bare `i64` could be seconds. The zone is always given by the
//! caller, since the Canaries live an hour behind and one deployment may serve both
//! (Ley 39/2015 art. 31.2: the official time of the electronic office).

use std::ops::Range;

use chrono::{
    DateTime, Days, Duration, MappedLocalTime, NaiveDate, NaiveTime, SecondsFormat, TimeZone, Utc,
};
use chrono_tz::Tz;

/// An instant: microseconds since 1970-01-01T00:00:00Z. A BIGINT in the database.
///
/// Text and dates are made for the years 1 to 9998 only, which is more than RFC 3339 can write in any
/// zone; a value outside is shown as the nearest end of that range.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    sqlx::Type,
)]
#[sqlx(transparent)]
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
        self.utc()
            .with_timezone(&zone)
            .to_rfc3339_opts(SecondsFormat::AutoSi, false)
    }

    /// Reads RFC 3339, any offset. Digits after the sixth are cut.
    ///
    /// # Errors
    /// [`NotRfc3339`] for anything else, a time without offset included: whose midnight it is must be said.
    pub fn parse(text: &str) -> Result<Self, NotRfc3339> {
        DateTime::parse_from_rfc3339(text)
            .map(|instant| Self(instant.timestamp_micros()))
            .map_err(|_| NotRfc3339)
    }

    /// The calendar day it falls on in that zone.
    #[must_use]
    pub fn local_date(self, zone: Tz) -> NaiveDate {
        self.utc().with_timezone(&zone).date_naive()
    }

    /// The first instant of that calendar day in that zone.
    ///
    /// Where clocks jump over midnight the day begins when the jump ends; where midnight comes twice,
    /// at the first one; a day the zone skipped altogether is empty and begins with the next.
    #[must_use]
    pub fn start_of_day(date: NaiveDate, zone: Tz) -> Self {
        let midnight = date.and_time(NaiveTime::MIN);
        let instant = match zone.from_local_datetime(&midnight) {
            MappedLocalTime::Single(instant) | MappedLocalTime::Ambiguous(instant, _) => {
                instant.timestamp_micros()
            }
            MappedLocalTime::None => {
                // Inside the gap: of all seconds near it, the first whose local time has passed midnight.
                let near = midnight.and_utc();
                let (mut before, mut after) =
                    (near - Duration::hours(36), near + Duration::hours(36));
                while after - before > Duration::seconds(1) {
                    let middle = before + Duration::seconds((after - before).num_seconds() / 2);
                    if middle.with_timezone(&zone).naive_local() < midnight {
                        before = middle
                    } else {
                        after = middle
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
        DateTime::from_timestamp_micros(self.0.clamp(Self::FIRST, Self::LAST))
            .unwrap_or(DateTime::UNIX_EPOCH)
    }
}
