//! Dates, times and numbers as people write them in each language.

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone, Timelike};
use chrono_tz::Tz;

use super::language::Language;
use crate::domain::Micros;
use crate::domain::time::MONTHS;

/// Days of the week, from Monday, and months.
struct Names {
    weekdays: [&'static str; 7],
    months: [&'static str; 12],
}

const SPANISH: Names =
    Names { weekdays: ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"], months: MONTHS };
const CATALAN: Names = Names {
    weekdays: ["dilluns", "dimarts", "dimecres", "dijous", "divendres", "dissabte", "diumenge"],
    months: [
        "gener", "febrer", "març", "abril", "maig", "juny", "juliol", "agost", "setembre", "octubre", "novembre",
        "desembre",
    ],
};
const BASQUE: Names = Names {
    weekdays: ["astelehena", "asteartea", "asteazkena", "osteguna", "ostirala", "larunbata", "igandea"],
    months: [
        "urtarril", "otsail", "martxo", "apiril", "maiatz", "ekain", "uztail", "abuztu", "irail", "urri", "azaro",
        "abendu",
    ],
};
const GALICIAN: Names = Names {
    weekdays: ["luns", "martes", "mércores", "xoves", "venres", "sábado", "domingo"],
    months: [
        "xaneiro", "febreiro", "marzo", "abril", "maio", "xuño", "xullo", "agosto", "setembro", "outubro", "novembro",
        "decembro",
    ],
};
const ENGLISH: Names = Names {
    weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
};

const fn names(language: Language) -> &'static Names {
    match language {
        Language::Spanish => &SPANISH,
        Language::Catalan => &CATALAN,
        Language::Basque => &BASQUE,
        Language::Galician => &GALICIAN,
        Language::English => &ENGLISH,
    }
}

/// The name of a month, from 0.
pub fn month(language: Language, month: usize) -> String {
    let name = names(language).months.get(month).copied().unwrap_or_default();
    // Dates have the bare stem, with an ending of their own.
    if language == Language::Basque { format!("{name}a") } else { name.to_owned() }
}

/// A day with its weekday, such as `martes, 1 de diciembre de 2026`.
pub fn day(language: Language, date: NaiveDate) -> String {
    let names = names(language);
    let weekday = names.weekdays[date.weekday().num_days_from_monday() as usize];
    let (day, month, year) = (date.day(), names.months[date.month0() as usize], date.year());
    match language {
        Language::Catalan => {
            let of = if month.starts_with(['a', 'o']) { "d’" } else { "de " };
            format!("{weekday}, {day} {of}{month} de {year}")
        }
        Language::Basque => format!("{year}ko {month}aren {day}a, {weekday}"),
        Language::English => format!("{weekday}, {day} {month} {year}"),
        Language::Spanish | Language::Galician => format!("{weekday}, {day} de {month} de {year}"),
    }
}

/// The same of a date in text form (`2026-12-01`); as it is where it is none.
pub fn day_of(language: Language, date: &str) -> String {
    date.parse().map_or_else(|_| date.to_owned(), |date| day(language, date))
}

/// Day and time to the second, such as `martes, 1 de diciembre de 2026, 09:30:15`.
pub fn moment(language: Language, at: Micros, zone: Tz) -> String {
    let (date, time) = local(at, zone);
    format!("{}, {time}", day(language, date))
}

/// Day and time to the minute.
pub fn moment_short(language: Language, at: Micros, zone: Tz) -> String {
    format!("{}, {}", day(language, local_time(at, zone).date_naive()), hour(at, zone))
}

/// Such as `09:30`.
pub fn hour(at: Micros, zone: Tz) -> String {
    let local = local_time(at, zone);
    format!("{:02}:{:02}", local.hour(), local.minute())
}

/// The date and `HH:MM:SS` in that zone.
fn local(at: Micros, zone: Tz) -> (NaiveDate, String) {
    let local = local_time(at, zone);
    (local.date_naive(), format!("{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second()))
}

fn local_time(at: Micros, zone: Tz) -> DateTime<Tz> {
    DateTime::from_timestamp_micros(at.0).unwrap_or_default().with_timezone(&zone)
}

/// An instant of the API (RFC 3339) as a moment in that zone; as it is where it is none.
pub fn moment_of(language: Language, at: &str, zone: Tz) -> String {
    Micros::parse(at).map_or_else(|_| at.to_owned(), |at| moment(language, at, zone))
}

/// By how many minutes a zone is ahead of UTC at an instant.
pub fn offset(at: Micros, zone: Tz) -> i32 {
    let local = zone.from_utc_datetime(&local_time(at, zone).naive_utc());
    local.offset().fix().local_minus_utc() / 60
}

/// What people call the official time of a zone.
pub fn zone_name(language: Language, zone: Tz) -> String {
    match zone {
        Tz::Europe__Madrid => language.say("zone-peninsula"),
        Tz::Atlantic__Canary => language.say("zone-canary"),
        other => other.name().to_owned(),
    }
}

/// A count with marks between thousands.
pub fn count(language: Language, count: i64) -> String {
    let mark = if language == Language::English { ',' } else { '.' };
    crate::report::sentences::with_mark(count, mark)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Language::Spanish, "2026-12-01", "martes, 1 de diciembre de 2026")]
    #[case(Language::Catalan, "2026-12-01", "dimarts, 1 de desembre de 2026")]
    #[case(Language::Catalan, "2026-08-15", "dissabte, 15 d’agost de 2026")]
    #[case(Language::Basque, "2026-12-01", "2026ko abenduaren 1a, asteartea")]
    #[case(Language::Basque, "2027-01-06", "2027ko urtarrilaren 6a, asteazkena")]
    #[case(Language::Galician, "2026-12-01", "martes, 1 de decembro de 2026")]
    #[case(Language::English, "2026-12-01", "Tuesday, 1 December 2026")]
    fn a_day_is_written_as_people_write_it(#[case] language: Language, #[case] date: &str, #[case] written: &str) {
        assert_eq!(day_of(language, date), written);
    }

    #[rstest]
    #[case(Tz::Europe__Madrid, "13:00:07", 60)]
    #[case(Tz::Atlantic__Canary, "12:00:07", 0)]
    fn a_moment_is_that_of_the_zone(#[case] zone: Tz, #[case] time: &str, #[case] minutes: i32) {
        let at = Micros::parse("2026-12-01T12:00:07Z").unwrap();
        assert_eq!(moment(Language::Spanish, at, zone), format!("martes, 1 de diciembre de 2026, {time}"));
        assert_eq!(offset(at, zone), minutes);
    }
}
