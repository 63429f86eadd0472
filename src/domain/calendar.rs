//! The calendar of non-working days of an entity, and when a presentation counts.
//!
//! # Why
//! Submissions are taken on every day of the year, at every hour (Ley 39/2015 art. 31.2.a): a calendar
//! that was not published in time must never stop one. But a date that was computed from a calendar that nobody had
//! published yet would be wrong for good, so [`Calendar::effective_at`] gives none where the answer depends on a year
//! that is not complete: the entry waits for it, and says so. Fixed holidays are not built in: what counts is what
//! the entity published (art. 30.7).

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

/// What one scope says of one year: each load puts it whole in the place of what it said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeYear {
    /// The year.
    pub year: i32,
    /// Who set these holidays.
    pub scope: HolidayScope,
    /// The days and what each is called; there may be none.
    pub days: BTreeMap<NaiveDate, String>,
}

impl ScopeYear {
    /// What these holidays say, scope by scope and year by year. A day that one scope names twice has both names.
    #[must_use]
    pub fn group(holidays: &[Holiday]) -> Vec<Self> {
        let mut parts: BTreeMap<(i32, HolidayScope), BTreeMap<NaiveDate, String>> = BTreeMap::new();
        for Holiday { date, scope, name } in holidays {
            let days = parts.entry((date.year(), *scope)).or_default();
            match days.get_mut(date) {
                None => drop(days.insert(*date, name.clone())),
                Some(known) if known.split("; ").any(|known| known == name) => {}
                Some(known) => *known = format!("{known}; {name}"),
            }
        }
        parts.into_iter().map(|((year, scope), days)| Self { year, scope, days }).collect()
    }
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
    published: BTreeMap<i32, BTreeSet<HolidayScope>>,
    /// Without these a year is not complete. The national ones always belong to it.
    required: BTreeSet<HolidayScope>,
    /// See [`Calendar::version`].
    version: i64,
}

impl Calendar {
    /// The calendar with these holidays; of each year, the scopes that it names are published.
    pub fn new(holidays: impl IntoIterator<Item = Holiday>) -> Self {
        let mut calendar = Self::default();
        for holiday in holidays {
            calendar.published.entry(holiday.date.year()).or_default().insert(holiday.scope);
            calendar.holidays.entry(holiday.date).or_default().push(holiday);
        }
        calendar
    }

    /// The same with its version, and with scopes of years that are published although they have no holiday.
    #[must_use]
    pub fn published_as(mut self, version: i64, parts: impl IntoIterator<Item = (i32, HolidayScope)>) -> Self {
        self.version = version;
        for (year, scope) in parts {
            self.published.entry(year).or_default().insert(scope);
        }
        self
    }

    /// The same, where a year is complete only with these scopes, too.
    #[must_use]
    pub fn requiring(mut self, scopes: impl IntoIterator<Item = HolidayScope>) -> Self {
        self.required.extend(scopes);
        self
    }

    /// Which of the entity's calendars it is: each load makes the next one, from 1; 0 before the first.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The years for which anything is published, in order.
    pub fn published_years(&self) -> impl Iterator<Item = i32> + '_ {
        self.published.keys().copied()
    }

    /// Whether this scope's holidays of that year are published.
    #[must_use]
    pub fn is_published(&self, year: i32, scope: HolidayScope) -> bool {
        self.published.get(&year).is_some_and(|scopes| scopes.contains(&scope))
    }

    /// The scopes that a year still needs to be complete: the national holidays, since no year is without one, and what
    /// the entity requires.
    pub fn missing(&self, year: i32) -> impl Iterator<Item = HolidayScope> + '_ {
        let needed = |scope: &HolidayScope| *scope == HolidayScope::National || self.required.contains(scope);
        HolidayScope::ALL.iter().copied().filter(needed).filter(move |scope| !self.is_published(year, *scope))
    }

    /// Whether all holidays of that year that are needed are published.
    #[must_use]
    pub fn is_complete(&self, year: i32) -> bool {
        self.missing(year).next().is_none()
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

    /// The first working day from that day on.
    #[must_use]
    pub fn working_from(&self, date: NaiveDate) -> Option<NaiveDate> {
        date.iter_days().find(|date| self.is_working(*date))
    }

    /// When a presentation counts, by law: the same instant on a working day, else 00:00:00 of the
    /// next working day in that zone (Ley 39/2015 art. 31.2.b). Saturdays, Sundays and the published
    /// holidays are non-working; `None` while nobody can tell whether a day that matters is working, since its year is
    /// not complete.
    #[must_use]
    pub fn effective_at(&self, presented_at: Micros, zone: Tz) -> Option<Micros> {
        let presented_on = presented_at.local_date(zone);
        let date = self.working_from(presented_on)?;
        if !self.is_complete(date.year()) {
            return None;
        }
        Some(if date == presented_on { presented_at } else { Micros::start_of_day(date, zone) })
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
    fn a_presentation_counts_from(#[case] presented: &str, #[case] effective: &str) {
        let counts = calendar().effective_at(at(presented), Madrid);
        assert_eq!(counts.map(|at| at.rfc3339(Madrid)).as_deref(), Some(effective));
    }

    /// At 00:30 on Monday in Madrid it is still Sunday in the Canaries.
    #[test]
    fn the_canaries_live_an_hour_behind() {
        let presented = at("2026-03-09T00:30:00+01:00");
        let in_the_canaries =
            |presented| calendar().effective_at(presented, Canary).map(|at| at.rfc3339(Canary)).unwrap_or_default();
        assert_eq!(calendar().effective_at(presented, Madrid), Some(presented));
        assert_eq!(in_the_canaries(presented), "2026-03-09T00:00:00+00:00");
        assert_eq!(in_the_canaries(at("2026-07-06T00:30:00+02:00")), "2026-07-06T00:00:00+01:00");
    }

    #[rstest]
    #[case::a_plain_day_of_a_year_without_calendar("2028-03-01T10:00:00+01:00")]
    #[case::its_weekends("2028-03-04T10:00:00+01:00")]
    #[case::new_years_day("2028-01-01T00:00:00+01:00")]
    #[case::the_year_before("2024-06-03T10:00:00+02:00")]
    fn nobody_can_tell_when_it_counts(#[case] presented: &str) {
        assert_eq!(calendar().effective_at(at(presented), Madrid), None);
    }

    /// 31 December 2022 was a Saturday, 31 December 2024 a Tuesday.
    #[test]
    fn the_last_day_of_the_last_year_counts_where_it_is_a_working_day() {
        let only = |day: &str| {
            let national = HolidayScope::National;
            Calendar::new([Holiday { date: day.parse().unwrap(), scope: national, name: "Epifanía".into() }])
        };
        let of_2022 = only("2022-01-06");
        assert_eq!(of_2022.effective_at(at("2022-12-31T10:00:00+01:00"), Madrid), None);
        assert!(of_2022.effective_at(at("2022-12-30T23:59:59+01:00"), Madrid).is_some());
        let of_2024 = only("2024-01-06");
        assert!(of_2024.effective_at(at("2024-12-31T23:59:59+01:00"), Madrid).is_some());
        assert_eq!(of_2024.effective_at(at("2025-01-01T00:00:00+01:00"), Madrid), None);
        assert_eq!(Calendar::default().effective_at(at("2026-03-04T10:00:00+01:00"), Madrid), None);
    }

    #[test]
    fn a_year_is_complete_with_the_scopes_that_the_entity_requires() {
        use HolidayScope::{Local, National, Regional};
        assert!(calendar().is_complete(2026) && calendar().is_complete(2027) && !calendar().is_complete(2028));
        let strict = calendar().requiring([Regional, Local]);
        assert!(strict.is_complete(2026));
        assert_eq!(strict.missing(2027).collect::<Vec<_>>(), [Regional, Local]);
        assert_eq!(strict.effective_at(at("2027-03-03T10:00:00+01:00"), Madrid), None);
        let none_there = strict.published_as(4, [(2027, Regional), (2027, Local)]);
        assert!(none_there.is_complete(2027) && none_there.version() == 4);
        assert_eq!(Calendar::default().missing(2026).collect::<Vec<_>>(), [National]);
    }

    #[test]
    fn a_file_of_local_feasts_completes_no_year() {
        let file = b"date,scope,name\n2026-08-20,local,Feria\n";
        let calendar = Calendar::new(Holiday::read_csv(file).unwrap());
        assert!(!calendar.is_complete(2026));
        assert!(!calendar.is_working(NaiveDate::from_ymd_opt(2026, 8, 20).unwrap()));
    }

    #[test]
    fn a_file_says_something_of_each_scope_and_year_that_it_names() {
        let file = b"date,scope,name\n2026-01-06,national,Reyes\n2026-01-06,local,Feria\n2026-01-06,local,Feria\n\
                     2026-01-06,local,Romer\xC3\xADa\n2027-01-01,national,A\xC3\xB1o Nuevo\n";
        let parts = ScopeYear::group(&Holiday::read_csv(file).unwrap());
        let told: Vec<_> = parts.iter().map(|part| (part.year, part.scope.as_str(), part.days.len())).collect();
        assert_eq!(told, [(2026, "national", 1), (2026, "local", 1), (2027, "national", 1)]);
        assert_eq!(parts[1].days.values().collect::<Vec<_>>(), ["Feria; Romería"]);
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
