//! Paper and objects that an office keeps because they could not be handed back (RD 203/2021 arts. 39.5 and 53).

use chrono::{Months, NaiveDate};
use utoipa::ToSchema;

use super::code_list::code_list;

code_list! {
    /// What became of something that was kept.
    #[schema(example = "returned")]
    CustodyOutcome {
        /// Handed to somebody.
        Returned = "returned",
        /// Destroyed, after nobody came for it in time.
        Destroyed = "destroyed",
    }
}

/// Something that is kept, or was.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct CustodyItem {
    /// Its number in the entry, from 1.
    #[schema(example = 1, minimum = 1)]
    pub number: i64,
    /// What it is.
    #[schema(example = "Sobre cerrado", max_length = 240)]
    pub what: String,
    /// Where it is kept.
    #[schema(example = "Armario 3, caja 12", max_length = 160)]
    pub place: String,
    /// Since which local date.
    #[schema(example = "2026-03-02", format = Date)]
    pub since: NaiveDate,
    /// Until which local date it must be kept: six months at least.
    #[schema(example = "2026-09-02", format = Date)]
    pub until: NaiveDate,
    /// What became of it; absent while it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end: Option<CustodyEnd>,
}

/// What became of it. Who said so stands in the event.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct CustodyEnd {
    /// What.
    pub outcome: CustodyOutcome,
    /// On which local date.
    #[schema(example = "2026-04-01", format = Date)]
    pub on: NaiveDate,
    /// To whom it was handed; absent where it was to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ana García López, 00000000T", max_length = 160, nullable = false)]
    pub to: Option<String>,
}

/// Until when something must be kept at least that is kept since that day: six months (RD 203/2021 art. 53).
#[must_use]
pub fn shortest(since: NaiveDate) -> NaiveDate {
    since.checked_add_months(Months::new(6)).unwrap_or(NaiveDate::MAX)
}

/// The first day until which something of these is still to be kept.
#[must_use]
pub fn until(items: &[CustodyItem]) -> Option<NaiveDate> {
    items.iter().filter(|item| item.end.is_none()).map(|item| item.until).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_months_end_on_the_last_day_that_there_is() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(shortest(day("2026-03-02")), day("2026-09-02"));
        assert_eq!(shortest(day("2026-08-31")), day("2027-02-28"));
    }
}
