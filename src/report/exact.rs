//! Shares, ratios and increases of counts, exact until they are written.
//!
//! # Why
//! A town hall once published "268 % more" for calls that were 268 % *of* the year before: a ratio and an increase are
//! different types here, and nothing turns one into the other by accident. Each keeps its two whole numbers, so what
//! is written is rounded once, from the exact value, half away from zero; no floating point takes part in it.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A number with a fixed count of decimals, already rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// The number in units of its last decimal.
    pub units: i128,
    /// How many decimals.
    pub places: u32,
}

impl Decimal {
    /// `numerator / denominator`, rounded half away from zero; the denominator is above zero.
    fn of(numerator: i128, denominator: i128, places: u32) -> Self {
        let numerator = numerator * 10_i128.pow(places);
        let half_up = (2 * numerator.abs() + denominator) / (2 * denominator);
        Self { units: half_up * numerator.signum(), places }
    }

    /// As it is written where people read it: a sign if `signed`, and the mark between whole and part that is given.
    #[must_use]
    pub fn show(self, signed: bool, mark: char) -> String {
        let power = 10_u128.pow(self.places);
        let (whole, part) = (self.units.unsigned_abs() / power, self.units.unsigned_abs() % power);
        let sign = match self.units.signum() {
            -1 => "-",
            1 if signed => "+",
            _ => "",
        };
        match self.places {
            0 => format!("{sign}{whole}"),
            places => format!("{sign}{whole}{mark}{part:0places$}", places = places as usize),
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.show(false, '.'))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Written digit by digit: what stands in the answer is what was rounded, not the nearest binary fraction.
        RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// Counts beyond this are no counts; below it no product here leaves 128 bits.
const MOST: i64 = 1_000_000_000_000_000;

fn count(count: i64) -> i128 {
    count.clamp(-MOST, MOST).into()
}

/// A part of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    part: i128,
    whole: i128,
}

impl Share {
    /// The share of `part` in `whole`; `None` when the whole is nothing.
    #[must_use]
    pub fn new(part: i64, whole: i64) -> Option<Self> {
        (whole > 0).then(|| Self { part: count(part), whole: count(whole) })
    }

    /// Between 0 and 1, to six decimals.
    #[must_use]
    pub fn six_decimals(self) -> Decimal {
        Decimal::of(self.part, self.whole, 6)
    }

    /// A whole percent, from the exact value and not from the six decimals.
    #[must_use]
    pub fn percent(self) -> Decimal {
        Decimal::of(100 * self.part, self.whole, 0)
    }

    /// How many percentage points it lies above an earlier share, to one decimal.
    #[must_use]
    pub fn points_above(self, earlier: Self) -> Decimal {
        let difference = self.part * earlier.whole - earlier.part * self.whole;
        // Three products of 10^15 and less: 10^33 at most.
        Decimal::of(100 * difference, self.whole * earlier.whole, 1)
    }
}

/// How many times an earlier count a later one is: 2.68 times, 268 % *of* it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    later: i128,
    earlier: i128,
}

impl Ratio {
    /// `later` over `earlier`; `None` over nothing.
    #[must_use]
    pub fn new(later: i64, earlier: i64) -> Option<Self> {
        (earlier > 0).then(|| Self { later: count(later), earlier: count(earlier) })
    }

    /// To so many decimals.
    #[must_use]
    pub fn decimal(self, places: u32) -> Decimal {
        Decimal::of(self.later, self.earlier, places)
    }

    /// The same as a percentage *of* the earlier count, to one decimal.
    #[must_use]
    pub fn percent_of(self) -> Decimal {
        Decimal::of(100 * self.later, self.earlier, 1)
    }

    /// Whether the later count is more than so many times the earlier.
    #[must_use]
    pub fn is_more_than(self, times: i64) -> bool {
        self.later > i128::from(times) * self.earlier
    }

    /// How much was added or lost.
    #[must_use]
    pub fn increase(self) -> Increase {
        Increase { change: self.later - self.earlier, earlier: self.earlier }
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.decimal(6).serialize(serializer)
    }
}

/// How much a count grew or shrank against an earlier one: +168.1 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Increase {
    change: i128,
    earlier: i128,
}

impl Increase {
    /// As a percentage of the earlier count, to one decimal; below zero where it shrank.
    #[must_use]
    pub fn percent(self) -> Decimal {
        Decimal::of(100 * self.change, self.earlier, 1)
    }
}

impl Serialize for Increase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.percent().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(1, 8, 0, "0")] // 0.125
    #[case(1, 8, 2, "0.13")] // half, away from zero
    #[case(-1, 8, 2, "-0.13")]
    #[case(3, 8, 2, "0.38")]
    #[case(1, 3, 6, "0.333333")]
    #[case(2, 3, 6, "0.666667")]
    #[case(-1, 1000, 1, "0.0")] // no minus before nothing
    #[case(1, 2, 0, "1")]
    #[case(-1, 2, 0, "-1")]
    #[case(7, 1, 6, "7.000000")]
    fn rounding_is_half_away_from_zero(
        #[case] numerator: i128,
        #[case] denominator: i128,
        #[case] places: u32,
        #[case] text: &str,
    ) {
        assert_eq!(Decimal::of(numerator, denominator, places).to_string(), text);
    }

    #[rstest]
    #[case(1076, 9344, "0.115154", "12")]
    #[case(2676, 8833, "0.302955", "30")]
    #[case(4115, 8085, "0.508967", "51")]
    #[case(0, 5, "0.000000", "0")]
    #[case(5, 5, "1.000000", "100")]
    #[case(1, 200, "0.005000", "1")] // 0.5 %
    // Exactly 49.49999…: rounding the six decimals first would make 50 of it.
    #[case(49_499_999, 100_000_000, "0.495000", "49")]
    fn a_percent_is_rounded_from_the_exact_share(
        #[case] part: i64,
        #[case] whole: i64,
        #[case] six: &str,
        #[case] percent: &str,
    ) {
        let share = Share::new(part, whole).unwrap();
        assert_eq!((share.six_decimals().to_string().as_str(), share.percent().to_string().as_str()), (six, percent));
    }

    #[test]
    fn a_ratio_is_not_an_increase() {
        let calls = Ratio::new(10_220, 3_812).unwrap();
        assert_eq!(calls.percent_of().to_string(), "268.1");
        assert_eq!(calls.increase().percent().to_string(), "168.1");
        assert_eq!(serde_json::to_string(&Ratio::new(3_812, 4_095)).unwrap(), "0.930891");
        assert_eq!(serde_json::to_string(&Ratio::new(3_812, 4_095).map(Ratio::increase)).unwrap(), "-6.9");
    }

    #[test]
    fn over_nothing_there_is_neither_share_nor_ratio() {
        assert_eq!((Share::new(0, 0), Ratio::new(3, 0), Ratio::new(0, 0)), (None, None, None));
        assert_eq!(Ratio::new(0, 3).unwrap().increase().percent().to_string(), "-100.0");
    }

    #[test]
    fn more_than_triple_is_not_triple() {
        assert!(!Ratio::new(30, 10).unwrap().is_more_than(3));
        assert!(Ratio::new(31, 10).unwrap().is_more_than(3));
    }

    #[test]
    fn points_are_the_difference_of_the_exact_shares() {
        let (earlier, later) = (Share::new(1076, 9344).unwrap(), Share::new(2676, 8833).unwrap());
        assert_eq!(later.points_above(earlier).to_string(), "18.8");
        assert_eq!(earlier.points_above(later).to_string(), "-18.8");
    }

    #[test]
    fn counts_that_are_none_break_nothing() {
        let share = Share::new(i64::MAX, i64::MAX).unwrap();
        assert_eq!(share.points_above(Share::new(i64::MIN, i64::MAX).unwrap()).to_string(), "200.0");
        assert!(!Ratio::new(i64::MIN, 1).unwrap().is_more_than(1));
    }

    #[rstest]
    #[case(1681, 1, true, ',', "+168,1")]
    #[case(-69, 1, true, ',', "-6,9")]
    #[case(0, 1, true, ',', "0,0")]
    #[case(5, 0, false, '.', "5")]
    fn decimals_are_shown_the_reader_s_way(
        #[case] units: i128,
        #[case] places: u32,
        #[case] signed: bool,
        #[case] mark: char,
        #[case] text: &str,
    ) {
        assert_eq!(Decimal { units, places }.show(signed, mark), text);
    }
}
