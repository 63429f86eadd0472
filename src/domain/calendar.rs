//! The calendar of non-working days of an entity, and when a presentation counts.
//!
//! # Why
//! Submissions are taken on every day of the year, at every hour (Ley 39/2015 art. 31.2.a): a calendar
//! that was not published in time must never stop one. So [`Calendar::effective_at`] cannot fail. In a
//! year without published holidays only Saturdays and Sundays are non-working; [`Calendar::covers`]
//! tells that the answer leans on such a year, so that readiness and reports can say so until somebody
//! publishes it. Fixed holidays are not built in: what counts is what the entity published (art. 30.7).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;

use super::Micros;
use super::code_list::code_list;
use super::sheet::{Form, Sheet, SheetError, exactly};

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

/// A line of a holidays file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {detail}")]
pub struct BadHoliday {
    /// From 1, the heading included.
    pub line: u64,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl Holiday {
    /// Reads a table of `date,scope,name` with that heading: `2026-01-06,national,Epifanía del Señor`.
    /// Lines that say the same day twice are harmless.
    ///
    /// # Errors
    /// Every bad line; nothing of a file with one should be kept.
    pub fn read_csv(file: &[u8]) -> Result<Vec<Self>, Vec<BadHoliday>> {
        Self::read_table(file).map(|(_, holidays)| holidays)
    }

    /// The same, with how the table is written.
    ///
    /// # Errors
    /// As [`Holiday::read_csv`].
    pub fn read_table(file: &[u8]) -> Result<(Form, Vec<Self>), Vec<BadHoliday>> {
        let whole = |error: SheetError| vec![BadHoliday { line: 1, detail: error.to_string() }];
        let mut sheet = Sheet::open(Cursor::new(file), &exactly(&["date", "scope", "name"])).map_err(whole)?;
        let (mut holidays, mut bad) = (Vec::new(), Vec::new());
        while let Some((line, cells)) = sheet.next_row().map_err(whole)? {
            match cells.and_then(|cells| Self::from_cells(&cells)) {
                Ok(holiday) => holidays.push(holiday),
                Err(detail) => bad.push(BadHoliday { line, detail }),
            }
        }
        if bad.is_empty() { Ok((sheet.form(), holidays)) } else { Err(bad) }
    }

    fn from_cells(cells: &[&str]) -> Result<Self, String> {
        let [date, scope, name] = cells else { return Err("must have three cells: date, scope, name".to_owned()) };
        let (date, scope, name) = (date.trim(), scope.trim(), name.trim());
        // Ten characters, or years like +12026 and dates like 2026-1-6 would pass.
        let date = Some(date)
            .filter(|date| date.len() == 10)
            .and_then(|date| NaiveDate::parse_from_str(date, "%Y-%m-%d").ok())
            .ok_or("the date must be a day of the calendar, as 2026-01-06")?;
        let scope = scope.parse().map_err(|error| format!("the scope {error}"))?;
        if name.is_empty() {
            return Err("the name must not be blank".to_owned());
        }
        Ok(Self { date, scope, name: name.to_owned() })
    }
}

/// The non-working days of an entity: Saturdays, Sundays, and the holidays it published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    holidays: BTreeMap<NaiveDate, Vec<Holiday>>,
    published: BTreeSet<i32>,
}

impl Calendar {
    /// The calendar with these holidays.
    ///
    /// A year is published once it has a national holiday: no year is without one, and a file of local
    /// feasts alone is not a year's calendar.
    pub fn new(holidays: impl IntoIterator<Item = Holiday>) -> Self {
        let mut calendar = Self::default();
        for holiday in holidays {
            if holiday.scope == HolidayScope::National {
                calendar.published.insert(holiday.date.year());
            }
            calendar.holidays.entry(holiday.date).or_default().push(holiday);
        }
        calendar
    }

    /// The years whose holidays are published, in order.
    pub fn published_years(&self) -> impl Iterator<Item = i32> + '_ {
        self.published.iter().copied()
    }

    /// The holidays of that year, in order; one day may be several.
    pub fn holidays(&self, year: i32) -> impl Iterator<Item = &Holiday> + '_ {
        let first = NaiveDate::from_yo_opt(year, 1).unwrap_or(NaiveDate::MAX);
        let next = NaiveDate::from_yo_opt(year.saturating_add(1), 1).unwrap_or(NaiveDate::MAX);
        self.holidays.range(first..next).flat_map(|(_, holidays)| holidays)
    }

    /// Whether that day is neither Saturday, Sunday nor a published holiday (Ley 39/2015 art. 30.2).
    #[must_use]
    pub fn is_working(&self, date: NaiveDate) -> bool {
        !matches!(date.weekday(), Weekday::Sat | Weekday::Sun) && !self.holidays.contains_key(&date)
    }

    /// The working days among these local dates, both inclusive: what a rate a working day divides by.
    #[must_use]
    pub fn working_days(&self, from: NaiveDate, to: NaiveDate) -> usize {
        from.iter_days().take_while(|date| *date <= to).filter(|date| self.is_working(*date)).count()
    }

    /// When a presentation counts, by law: the same instant on a working day, else 00:00:00 of the
    /// next working day in that zone (Ley 39/2015 art. 31.2.b). Saturdays, Sundays and the published
    /// holidays are non-working; in a year that is not published, Saturdays and Sundays only.
    #[must_use]
    pub fn effective_at(&self, presented_at: Micros, zone: Tz) -> Micros {
        self.working_day_from(presented_at.local_date(zone)).map_or(presented_at, |date| {
            if date == presented_at.local_date(zone) { presented_at } else { Micros::start_of_day(date, zone) }
        })
    }

    /// Whether every day [`Calendar::effective_at`] looks at for that presentation lies in a published
    /// year. Where not, the answer may change when the year is published.
    #[must_use]
    pub fn covers(&self, presented_at: Micros, zone: Tz) -> bool {
        let presented_on = presented_at.local_date(zone);
        let counts_on = self.working_day_from(presented_on).unwrap_or(presented_on);
        (presented_on.year()..=counts_on.year()).all(|year| self.published.contains(&year))
    }

    /// That day or the next working one; none only where the calendar of dates itself ends.
    fn working_day_from(&self, date: NaiveDate) -> Option<NaiveDate> {
        date.iter_days().find(|date| self.is_working(*date))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Atlantic::Canary;
    use chrono_tz::Europe::Madrid;
    use rstest::rstest;

    const HOLIDAYS: &str = "date,scope,name
2025-12-25,national,Natividad del Señor
2026-01-01,national,Año Nuevo
2026-01-06,national,Epifanía del Señor
2026-02-28,regional,Día de Andalucía
2026-04-02,national,Jueves Santo
2026-04-03,national,Viernes Santo
2026-08-20,local,\"Feria, primer día\"
2026-12-08,national,Inmaculada Concepción
2026-12-25,national,Natividad del Señor
2027-01-01,national,Año Nuevo
2027-01-06,national,Epifanía del Señor
";

    fn calendar() -> Calendar {
        Calendar::new(Holiday::read_csv(HOLIDAYS.as_bytes()).unwrap())
    }

    fn at(text: &str) -> Micros {
        Micros::parse(text).unwrap()
    }

    #[rstest]
    #[case::a_working_day("2026-03-04T12:34:56.789012+01:00", "2026-03-04T12:34:56.789012+01:00")]
    #[case::its_last_microsecond("2026-03-06T23:59:59.999999+01:00", "2026-03-06T23:59:59.999999+01:00")]
    #[case::a_saturday("2026-03-07T00:00:00+01:00", "2026-03-09T00:00:00+01:00")]
    #[case::a_sunday("2026-03-08T10:00:00+01:00", "2026-03-09T00:00:00+01:00")]
    #[case::a_local_holiday("2026-08-20T10:00:00+02:00", "2026-08-21T00:00:00+02:00")]
    #[case::holidays_and_a_weekend_in_a_row("2026-04-02T09:00:00+02:00", "2026-04-06T00:00:00+02:00")]
    #[case::new_years_night("2026-01-01T00:00:01+01:00", "2026-01-02T00:00:00+01:00")]
    #[case::over_the_year_end("2026-12-25T10:00:00+01:00", "2026-12-28T00:00:00+01:00")]
    #[case::the_last_evening_of_the_year("2026-12-31T23:59:59+01:00", "2026-12-31T23:59:59+01:00")]
    #[case::into_the_new_year("2027-01-01T10:00:00+01:00", "2027-01-04T00:00:00+01:00")]
    #[case::clocks_go_forward_on_a_sunday("2026-03-29T03:30:00+02:00", "2026-03-30T00:00:00+02:00")]
    #[case::clocks_go_back_on_a_sunday("2026-10-25T02:30:00+01:00", "2026-10-26T00:00:00+01:00")]
    #[case::a_year_nobody_published("2030-01-01T00:10:00+01:00", "2030-01-01T00:10:00+01:00")]
    #[case::its_weekends("2030-01-05T00:10:00+01:00", "2030-01-07T00:00:00+01:00")]
    fn a_presentation_counts_from(#[case] presented: &str, #[case] effective: &str) {
        assert_eq!(calendar().effective_at(at(presented), Madrid).rfc3339(Madrid), effective);
    }

    /// At 00:30 on Monday in Madrid it is still Sunday in the Canaries.
    #[test]
    fn the_canaries_live_an_hour_behind() {
        let presented = at("2026-03-09T00:30:00+01:00");
        assert_eq!(calendar().effective_at(presented, Madrid), presented);
        assert_eq!(calendar().effective_at(presented, Canary).rfc3339(Canary), "2026-03-09T00:00:00+00:00");
        let presented = at("2026-07-06T00:30:00+02:00");
        assert_eq!(calendar().effective_at(presented, Canary).rfc3339(Canary), "2026-07-06T00:00:00+01:00");
    }

    #[test]
    fn a_missing_year_is_told_and_stops_nobody() {
        let calendar = calendar();
        assert_eq!(calendar.published_years().collect::<Vec<_>>(), [2025, 2026, 2027]);
        assert!(calendar.covers(at("2026-12-31T10:00:00+01:00"), Madrid));
        assert!(calendar.covers(at("2027-12-31T10:00:00+01:00"), Madrid));
        assert!(!calendar.covers(at("2028-01-01T10:00:00+01:00"), Madrid));
        // 31 December 2022 was a Saturday: the answer lies in the next year.
        let only_2022 = Calendar::new([Holiday {
            date: NaiveDate::from_ymd_opt(2022, 1, 6).unwrap(),
            scope: HolidayScope::National,
            name: "Epifanía".into(),
        }]);
        assert!(!only_2022.covers(at("2022-12-31T10:00:00+01:00"), Madrid));
        assert!(!Calendar::default().covers(at("2026-03-04T10:00:00+01:00"), Madrid));
    }

    #[test]
    fn a_file_of_local_feasts_publishes_no_year() {
        let file = b"date,scope,name\n2026-08-20,local,Feria\n";
        let calendar = Calendar::new(Holiday::read_csv(file).unwrap());
        assert_eq!(calendar.published_years().count(), 0);
        assert!(!calendar.is_working(NaiveDate::from_ymd_opt(2026, 8, 20).unwrap()));
    }

    #[test]
    fn the_holidays_of_a_year_are_listed() {
        assert_eq!(calendar().holidays(2026).count(), 8);
        assert_eq!(calendar().holidays(2026).nth(6).unwrap().name, "Inmaculada Concepción");
        assert_eq!(calendar().holidays(i32::MAX).count(), 0);
    }

    #[test]
    fn working_days_are_counted() {
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        assert_eq!(calendar().working_days(day(1, 1), day(1, 11)), 5);
        assert_eq!(calendar().working_days(day(1, 11), day(1, 1)), 0);
    }

    #[test]
    fn every_bad_line_is_named() {
        let file = b"date,scope,name\n2026-02-30,national,x\n2026-01-06,state,y\n2026-1-6,local,z\n2026-05-01,national\n2026-05-01,national,\n2026-05-01,local,Espa\xEF\xBF\xBDa\n";
        let lines = Holiday::read_csv(file).unwrap_err();
        assert_eq!(lines.iter().map(|bad| bad.line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
        assert_eq!(lines[1].to_string(), "line 3: the scope must be one of national, regional, local");
        assert_eq!(Holiday::read_csv(b"").unwrap_err()[0].line, 1);
        assert_eq!(Holiday::read_csv(b"fecha;nombre\n").unwrap_err()[0].line, 1);
        let file = b"date,scope,name\n2026-01-06,national,Epifan\xA1a\n";
        let [bad] = &Holiday::read_csv(file).unwrap_err()[..] else { panic!("one cause for the whole file") };
        assert!(bad.detail.contains("line 2 has the byte 0xA1"), "{bad}");
    }

    #[test]
    fn a_byte_order_mark_is_no_obstacle() {
        let file = b"\xEF\xBB\xBFdate,scope,name\r\n2026-01-06,national,Epifan\xC3\xADa\r\n";
        assert_eq!(Holiday::read_csv(file).unwrap()[0].name, "Epifanía");
    }
}
