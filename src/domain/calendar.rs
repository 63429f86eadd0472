//! The calendar of non-working days of an entity.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;

use super::Micros;
use super::code_list::code_list;

code_list! {
    /// Who set a holiday.
    #[schema(example = "national")]
    HolidayScope {
        /// The State, for all of Spain.
        National = "national",
        /// The autonomous community.
        Regional = "regional",
        /// The municipality.
        Local = "local",
    }
}

/// One non-working day of an entity's calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// The day.
    pub date: NaiveDate,
    /// Who set it.
    pub scope: HolidayScope,
    /// What it is called.
    pub name: String,
}

/// The non-working days of an entity: Saturdays, Sundays, and the holidays it published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    holidays: BTreeMap<NaiveDate, Holiday>,
    published: BTreeSet<i32>,
}

impl Calendar {
    /// The calendar with these holidays.
    pub fn new(holidays: impl IntoIterator<Item = Holiday>) -> Self {
        let mut calendar = Self::default();
        for holiday in holidays {
            if holiday.scope == HolidayScope::National {
                calendar.published.insert(holiday.date.year());
            }
            calendar.holidays.insert(holiday.date, holiday);
        }
        calendar
    }

    /// Whether that day is neither Saturday, Sunday nor a published holiday (Ley 39/2015 art. 30.2).
    #[must_use]
    pub fn is_working(&self, date: NaiveDate) -> bool {
        !matches!(date.weekday(), Weekday::Sat | Weekday::Sun) && !self.holidays.contains_key(&date)
    }

    /// When a presentation counts, by law: the same instant on a working day, else 00:00:00 of the
    /// next working day (Ley 39/2015 art. 31.2.b).
    #[must_use]
    pub fn effective_at(&self, presented_at: Micros, zone: Tz) -> Micros {
        let presented_on = presented_at.local_date(zone);
        if self.is_working(presented_on) {
            return presented_at;
        }
        presented_on
            .iter_days()
            .skip(1)
            .find(|date| self.is_working(*date))
            .map_or(presented_at, |date| Micros::start_of_day(date, zone))
    }
}
