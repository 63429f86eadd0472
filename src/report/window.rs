//! The days of each year that a report looks at.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};

/// So many years are compared at most: 1,225 pairs.
const MOST_YEARS: usize = 50;

/// A day of any year, as `08-31`; `02-29` is the last day of February in every year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthDay {
    month: u32,
    day: u32,
}

/// Which parameter of a report is wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {detail}")]
pub struct WindowError {
    /// `from`, `to` or `years`.
    pub parameter: &'static str,
    /// What would be right.
    pub detail: String,
}

/// Not a day of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be month and day of a day there is, as 03-01 or 08-31")]
pub struct NotMonthDay;

impl FromStr for MonthDay {
    type Err = NotMonthDay;

    fn from_str(text: &str) -> Result<Self, NotMonthDay> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let (month, day) = text.split_once('-').filter(|_| text.len() == 5).ok_or(NotMonthDay)?;
        let (month, day) = (digits(month).ok_or(NotMonthDay)?, digits(day).ok_or(NotMonthDay)?);
        // A leap year has every day there is.
        NaiveDate::from_ymd_opt(2000, month, day).map(|_| Self { month, day }).ok_or(NotMonthDay)
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

impl MonthDay {
    /// That day in a year.
    #[must_use]
    pub fn in_year(self, year: i32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, self.month, self.day)
            .or_else(|| NaiveDate::from_ymd_opt(year, self.month, self.day - 1))
            .unwrap_or_default()
    }

    /// The month, from 1.
    #[must_use]
    pub fn month(self) -> u32 {
        self.month
    }

    /// The day of the month.
    #[must_use]
    pub fn day(self) -> u32 {
        self.day
    }
}

/// The same days of several years, both ends inclusive; the years in their order, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    from: MonthDay,
    to: MonthDay,
    years: Vec<i32>,
}

impl Window {
    /// Reads what a request or a command line says; nothing said is an error, too.
    ///
    /// # Errors
    /// [`WindowError`] names the first parameter that is wrong.
    pub fn parse(from: &str, to: &str, years: &str) -> Result<Self, WindowError> {
        let day = |parameter, text: &str| {
            text.parse::<MonthDay>().map_err(|error| WindowError { parameter, detail: error.to_string() })
        };
        let (from, to) = (day("from", from)?, day("to", to)?);
        if to < from {
            return Err(WindowError { parameter: "to", detail: format!("must not be before from, {from}") });
        }
        let wrong = |detail: String| WindowError { parameter: "years", detail };
        let mut list: Vec<i32> = Vec::new();
        for text in years.split(',') {
            let year = text
                .parse()
                .ok()
                .filter(|year| text.len() == 4 && (1900..=2999).contains(year))
                .ok_or_else(|| wrong("must be years of four digits between commas, as 2018,2019,2020".into()))?;
            if list.contains(&year) {
                return Err(wrong(format!("has {year} twice")));
            }
            if list.len() == MOST_YEARS {
                return Err(wrong(format!("has more than {MOST_YEARS}")));
            }
            list.push(year);
        }
        list.sort_unstable();
        Ok(Self { from, to, years: list })
    }

    /// Its first day.
    #[must_use]
    pub fn from(&self) -> MonthDay {
        self.from
    }

    /// Its last day.
    #[must_use]
    pub fn to(&self) -> MonthDay {
        self.to
    }

    /// Its first and last day in each year, in the order of the years.
    pub fn days(&self) -> impl Iterator<Item = (NaiveDate, NaiveDate)> {
        self.years.iter().map(|year| (self.from.in_year(*year), self.to.in_year(*year)))
    }
}

/// A local date as the counters have it.
#[must_use]
pub fn text_of(date: NaiveDate) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn days(from: &str, to: &str, years: &str) -> Vec<String> {
        let window = Window::parse(from, to, years).unwrap();
        window.days().map(|(from, to)| format!("{from} {to}")).collect()
    }

    #[test]
    fn the_29th_of_february_is_the_last_day_of_february() {
        assert_eq!(days("01-01", "02-29", "2019,2020"), ["2019-01-01 2019-02-28", "2020-01-01 2020-02-29"]);
        assert_eq!(days("02-29", "03-01", "2019,2020"), ["2019-02-28 2019-03-01", "2020-02-29 2020-03-01"]);
        assert_eq!(days("02-29", "02-29", "1900"), ["1900-02-28 1900-02-28"]);
        // The 28th stays the 28th.
        assert_eq!(days("02-28", "02-28", "2020"), ["2020-02-28 2020-02-28"]);
    }

    #[test]
    fn years_come_in_their_order() {
        assert_eq!(days("03-01", "03-01", "2020,2018"), ["2018-03-01 2018-03-01", "2020-03-01 2020-03-01"]);
    }

    #[rstest]
    #[case("03-01", "02-28", "2018", "to")]
    #[case("02-29", "02-28", "2018", "to")]
    #[case("3-1", "08-31", "2018", "from")]
    #[case("00-01", "08-31", "2018", "from")]
    #[case("02-30", "08-31", "2018", "from")]
    #[case("04-31", "08-31", "2018", "from")]
    #[case("13-01", "08-31", "2018", "from")]
    #[case("+3-01", "08-31", "2018", "from")]
    #[case("03-01", "2018-08-31", "2018", "to")]
    #[case("03-01", "08-3\u{661}", "2018", "to")]
    #[case("", "08-31", "2018", "from")]
    #[case("03-01", "", "2018", "to")]
    #[case("03-01", "08-31", "", "years")]
    #[case("03-01", "08-31", "2018,", "years")]
    #[case("03-01", "08-31", "2018,2018", "years")]
    #[case("03-01", "08-31", "2018, 2019", "years")]
    #[case("03-01", "08-31", "18", "years")]
    #[case("03-01", "08-31", "+201", "years")]
    #[case("03-01", "08-31", "02018", "years")]
    #[case("03-01", "08-31", "0000", "years")]
    #[case("03-01", "08-31", "-2018", "years")]
    #[case("03-01", "08-31", "99999999999", "years")]
    fn what_is_wrong_is_named(#[case] from: &str, #[case] to: &str, #[case] years: &str, #[case] parameter: &str) {
        assert_eq!(Window::parse(from, to, years).unwrap_err().parameter, parameter);
    }

    #[test]
    fn fifty_years_are_taken_and_no_more() {
        let years = |count: usize| (1950..).take(count).map(|year| year.to_string()).collect::<Vec<_>>().join(",");
        assert!(Window::parse("01-01", "12-31", &years(50)).is_ok());
        assert!(Window::parse("01-01", "12-31", &years(51)).unwrap_err().detail.contains("50"));
    }
}
