//! Attentions and entries by channel, year beside year, and how they changed.
//!
//! # Why
//! "Electronic" means two things in a town hall's figures, so there are two names. `electronic_attentions` are
//! conversations by telephone, `WhatsApp` and e-mail; the electronic *share* is of entries, over all channels together.
//! Obliged persons must submit electronically (art. 14 Ley 39/2015), so a rising share may only mean more companies: the
//! share of natural persons stands apart.

use chrono::Datelike;
use serde::Serialize;
use utoipa::ToSchema;

use super::exact::{Decimal, Increase, Ratio, Share};
use super::window::{Window, text_of};
use crate::domain::{AttentionChannel, Channel};
use crate::store::{self, Store, Tx};

/// The report.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChannelsReport {
    /// The first day of each year's window.
    #[schema(example = "03-01", pattern = "^[0-9]{2}-[0-9]{2}$")]
    pub from: String,
    /// Its last day, inclusive.
    #[schema(example = "08-31", pattern = "^[0-9]{2}-[0-9]{2}$")]
    pub to: String,
    /// The figures of each year, in the order of the years.
    pub years: Vec<YearFigures>,
    /// How each later year stands to each earlier one.
    pub changes: Vec<Change>,
}

/// The figures of one year's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct YearFigures {
    /// The year.
    #[schema(example = 2018)]
    pub year: i32,
    /// Conversations of the citizens' service; those withdrawn are not counted.
    pub attentions: Attentions,
    /// Conversations by telephone, `WhatsApp` and e-mail together.
    #[schema(example = 4922)]
    pub electronic_attentions: i64,
    /// Entries of incoming books; annulled ones are not counted.
    pub entries: Entries,
    /// Those of natural persons alone.
    pub natural_entries: NaturalEntries,
    /// Electronic entries over all entries, to six decimals, rounded half away from zero; null where there are no
    /// entries.
    #[schema(value_type = Option<f64>, example = 0.115_154)]
    pub electronic_share: Option<Decimal>,
    /// The same in whole percent, rounded from the exact value.
    #[schema(value_type = Option<i64>, example = 12)]
    pub electronic_share_percent: Option<Decimal>,
    /// The same of the entries of natural persons alone; null where there are none.
    #[schema(value_type = Option<f64>, example = 0.101_234)]
    pub electronic_share_natural: Option<Decimal>,
    /// The same in whole percent.
    #[schema(value_type = Option<i64>, example = 10)]
    pub electronic_share_natural_percent: Option<Decimal>,
}

/// Conversations by channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attentions {
    /// Calls that were answered.
    #[schema(example = 4095)]
    pub phone: i64,
    /// Conversations by `WhatsApp`.
    #[schema(example = 261)]
    pub whatsapp: i64,
    /// Conversations by e-mail.
    #[schema(example = 566)]
    pub email: i64,
    /// Persons at the desk.
    #[schema(example = 0)]
    pub in_person: i64,
}

/// Entries by channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Entries {
    /// By all channels.
    #[schema(example = 9344)]
    pub total: i64,
    /// Presented by the interested party through the e-office or the API.
    #[schema(example = 1076)]
    pub electronic: i64,
    /// Brought to the counter.
    #[schema(example = 8268)]
    pub in_person: i64,
    /// Sent by post.
    #[schema(example = 0)]
    pub postal: i64,
    /// Arrived from another registry.
    #[schema(example = 0)]
    pub exchange: i64,
    /// Those among all of them that the counter dated back by more than a day.
    #[schema(example = 0)]
    pub backdated: i64,
}

/// Entries whose interested parties are natural persons and nobody else, among those of a year.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct NaturalEntries {
    /// By all channels.
    #[schema(example = 8120)]
    pub total: i64,
    /// Those that were presented electronically.
    #[schema(example = 822)]
    pub electronic: i64,
}

/// How a later year stands to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// The earlier year.
    #[schema(example = 2018)]
    pub from: i32,
    /// The later year.
    #[schema(example = 2019)]
    pub to: i32,
    /// Calls.
    pub phone: Variation,
    /// `WhatsApp`.
    pub whatsapp: Variation,
    /// E-mail.
    pub email: Variation,
    /// The desk.
    pub in_person: Variation,
    /// Telephone, `WhatsApp` and e-mail together.
    pub electronic_attentions: Variation,
    /// Entries by all channels.
    pub entries_total: Variation,
    /// Electronic entries.
    pub entries_electronic: Variation,
    /// By how many percentage points the electronic share rose (or fell), to one decimal; null where one of the years
    /// has no entries.
    #[schema(value_type = Option<f64>, example = 18.8)]
    pub share_points: Option<Decimal>,
}

/// A count against an earlier one: how many times it is, and how much it grew. Both null over nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Variation {
    /// The later count divided by the earlier, to six decimals: 2.681007 is 268.1 % *of* it.
    #[schema(value_type = Option<f64>, example = 0.930_891)]
    pub ratio: Option<Ratio>,
    /// What was added or lost, in percent of the earlier count, to one decimal: +168.1.
    #[schema(value_type = Option<f64>, example = -6.9)]
    pub increase_percent: Option<Increase>,
}

impl Variation {
    /// How `later` stands to `earlier`.
    #[must_use]
    pub fn of(later: i64, earlier: i64) -> Self {
        let ratio = Ratio::new(later, earlier);
        Self { ratio, increase_percent: ratio.map(Ratio::increase) }
    }
}

impl YearFigures {
    /// The figures that these counts make.
    #[must_use]
    pub fn of(year: i32, attentions: Attentions, entries: Entries, natural_entries: NaturalEntries) -> Self {
        let share = Share::new(entries.electronic, entries.total);
        let natural = Share::new(natural_entries.electronic, natural_entries.total);
        Self {
            year,
            attentions,
            electronic_attentions: attentions.phone + attentions.whatsapp + attentions.email,
            entries,
            natural_entries,
            electronic_share: share.map(Share::six_decimals),
            electronic_share_percent: share.map(Share::percent),
            electronic_share_natural: natural.map(Share::six_decimals),
            electronic_share_natural_percent: natural.map(Share::percent),
        }
    }

    fn share(&self) -> Option<Share> {
        Share::new(self.entries.electronic, self.entries.total)
    }
}

impl Change {
    /// How `later` stands to `earlier`.
    #[must_use]
    pub fn of(earlier: &YearFigures, later: &YearFigures) -> Self {
        let variation = |of: fn(&YearFigures) -> i64| Variation::of(of(later), of(earlier));
        Self {
            from: earlier.year,
            to: later.year,
            phone: variation(|figures| figures.attentions.phone),
            whatsapp: variation(|figures| figures.attentions.whatsapp),
            email: variation(|figures| figures.attentions.email),
            in_person: variation(|figures| figures.attentions.in_person),
            electronic_attentions: variation(|figures| figures.electronic_attentions),
            entries_total: variation(|figures| figures.entries.total),
            entries_electronic: variation(|figures| figures.entries.electronic),
            share_points: later.share().zip(earlier.share()).map(|(later, earlier)| later.points_above(earlier)),
        }
    }
}

impl ChannelsReport {
    /// The report over the figures of some years, which stand in their order.
    #[must_use]
    pub fn of(window: &Window, years: Vec<YearFigures>) -> Self {
        let pairs = years.iter().enumerate().flat_map(|(place, later)| years[..place].iter().map(move |e| (e, later)));
        let mut changes: Vec<Change> = pairs.map(|(earlier, later)| Change::of(earlier, later)).collect();
        changes.sort_by_key(|change| (change.from, change.to));
        Self { from: window.from().to_string(), to: window.to().to_string(), years, changes }
    }

    /// Counts and compares; all years on one state of the database.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count(store: &Store, entity: i64, window: &Window) -> store::Result<Self> {
        let mut tx = store.read().await?;
        let mut years = Vec::new();
        for (from, to) in window.days() {
            let (year, from, to) = (from.year(), text_of(from), text_of(to));
            let (entries, natural) = entries(&mut tx, entity, &from, &to).await?;
            let attentions = attentions(&mut tx, entity, &from, &to).await?;
            years.push(YearFigures::of(year, attentions, entries, natural));
        }
        Ok(Self::of(window, years))
    }
}

async fn entries(tx: &mut Tx, entity: i64, from: &str, to: &str) -> store::Result<(Entries, NaturalEntries)> {
    let (mut entries, mut of_natural) = (Entries::default(), NaturalEntries::default());
    for (channel, total, natural) in store::figures::entry_totals(tx, entity, from, to).await? {
        entries.total += total;
        of_natural.total += natural;
        match channel {
            Channel::Electronic => (entries.electronic, of_natural.electronic) = (total, natural),
            Channel::InPerson => entries.in_person = total,
            Channel::Postal => entries.postal = total,
            Channel::Exchange => entries.exchange = total,
        }
    }
    entries.backdated = store::figures::backdated(tx, entity, from, to).await?;
    Ok((entries, of_natural))
}

async fn attentions(tx: &mut Tx, entity: i64, from: &str, to: &str) -> store::Result<Attentions> {
    let mut attentions = Attentions::default();
    for (channel, total) in store::figures::attention_totals(tx, entity, from, to).await? {
        match channel {
            AttentionChannel::Phone => attentions.phone = total,
            AttentionChannel::Whatsapp => attentions.whatsapp = total,
            AttentionChannel::Email => attentions.email = total,
            AttentionChannel::InPerson => attentions.in_person = total,
        }
    }
    Ok(attentions)
}

/// The figures that a town hall published for March to August of 2018, 2019 and 2020; what tests compare with.
#[cfg(test)]
pub(crate) fn published() -> ChannelsReport {
    let year = |year, [phone, whatsapp, email]: [i64; 3], [total, electronic]: [i64; 2]| {
        YearFigures::of(
            year,
            Attentions { phone, whatsapp, email, in_person: 0 },
            Entries { total, electronic, in_person: total - electronic, ..Entries::default() },
            // It was not told whose they were.
            NaturalEntries::default(),
        )
    };
    let years = vec![
        year(2018, [4095, 261, 566], [9344, 1076]),
        year(2019, [3812, 245, 473], [8833, 2676]),
        year(2020, [10_220, 1385, 2935], [8085, 4115]),
    ];
    let window = Window::parse("03-01", "08-31", "2018,2019,2020").expect("the window is written right");
    ChannelsReport::of(&window, years)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_published_figures_come_out() {
        let report = serde_json::to_value(published()).unwrap();
        let percents: Vec<_> = (0..3).map(|year| &report["years"][year]["electronic_share_percent"]).collect();
        assert_eq!(percents, [&json!(12), &json!(30), &json!(51)]);
        let sums: Vec<_> = (0..3).map(|year| &report["years"][year]["electronic_attentions"]).collect();
        assert_eq!(sums, [&json!(4922), &json!(4530), &json!(14_540)]);
        assert_eq!(
            report["years"][0],
            json!({"year": 2018,
                "attentions": {"phone": 4095, "whatsapp": 261, "email": 566, "in_person": 0}, "electronic_attentions": 4922,
                "entries": {"total": 9344, "electronic": 1076, "in_person": 8268, "postal": 0, "exchange": 0, "backdated": 0},
                "natural_entries": {"total": 0, "electronic": 0},
                "electronic_share": 0.115_154, "electronic_share_percent": 12,
                "electronic_share_natural": null, "electronic_share_natural_percent": null})
        );
    }

    #[test]
    fn every_earlier_year_is_compared_with_every_later_one() {
        let report = serde_json::to_value(published()).unwrap();
        let pairs: Vec<_> = published().changes.iter().map(|change| (change.from, change.to)).collect();
        assert_eq!(pairs, [(2018, 2019), (2018, 2020), (2019, 2020)]);
        assert_eq!(report["changes"][0]["phone"], json!({"ratio": 0.930_891, "increase_percent": -6.9}));
        assert_eq!(report["changes"][2]["phone"], json!({"ratio": 2.681_007, "increase_percent": 168.1}));
        assert_eq!(report["changes"][0]["in_person"], json!({"ratio": null, "increase_percent": null}));
        assert_eq!(report["changes"][0]["share_points"], json!(18.8));
    }

    #[test]
    fn a_year_without_entries_has_no_share() {
        let window = Window::parse("03-01", "08-31", "2016,2018").unwrap();
        let empty = YearFigures::of(2016, Attentions::default(), Entries::default(), NaturalEntries::default());
        let report = ChannelsReport::of(&window, vec![empty, published().years[0]]);
        let report = serde_json::to_value(report).unwrap();
        assert_eq!(report["years"][0]["electronic_share"], json!(null));
        assert_eq!(report["years"][0]["electronic_share_percent"], json!(null));
        assert_eq!(report["changes"][0]["share_points"], json!(null));
        assert_eq!(report["changes"][0]["entries_total"], json!({"ratio": null, "increase_percent": null}));
    }
}
