//! Entries of incoming books between two dates, by month, office, unit, channel, hour or subject.
//!
//! # Why
//! A subject can be what one person wrote: whoever may not read entries sees those alone that several entries share, and
//! the others as one number. Each list adds up to the total that stands above it.

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use super::cell::plain;
use super::exact::{Decimal, Share};
use super::window::text_of;
use crate::domain::code_list::code_list;
use crate::domain::{Channel, Micros};
use crate::store::entry_figures::{self, GroupRow};
use crate::store::{self, Store};

/// Subjects listed at most.
const MOST_SUBJECTS: i64 = 100;
/// So many entries share a subject that is told to whoever may not read entries.
pub const SHARED_BY: i64 = 5;
/// Days between the two dates at most: fifty years.
const MOST_DAYS: i64 = 18_263;

code_list! {
    /// What entries are counted by.
    #[schema(example = "month")]
    Grouping {
        /// The local month in which they were registered.
        Month = "month",
        /// The office that registered them.
        Office = "office",
        /// The unit that they go to.
        Unit = "unit",
        /// The channel that they came by.
        Channel = "channel",
        /// The local hour of the day in which they were registered.
        Hour = "hour",
        /// Their subject.
        Subject = "subject",
    }
}

/// Two local dates, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    from: NaiveDate,
    to: NaiveDate,
}

impl Dates {
    /// The dates between which a report is asked for; otherwise which of the two is wrong, and why.
    ///
    /// # Errors
    /// For dates outside the years 1900 to 2999, an end before the beginning, or more than fifty years between.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Result<Self, (&'static str, &'static str)> {
        for (name, date) in [("from", from), ("to", to)] {
            if !(1900..=2999).contains(&date.year()) {
                return Err((name, "must be of the years 1900 to 2999"));
            }
        }
        match (to - from).num_days() {
            ..0 => Err(("to", "must not be before from")),
            MOST_DAYS.. => Err(("to", "must be within fifty years of from")),
            _ => Ok(Self { from, to }),
        }
    }

    /// The first, as `2026-03-01`.
    #[must_use]
    pub fn first(self) -> String {
        text_of(self.from)
    }

    /// The last.
    #[must_use]
    pub fn last(self) -> String {
        text_of(self.to)
    }

    /// From the first instant of the first to the last of the last.
    #[must_use]
    pub fn time(self, zone: Tz) -> std::ops::Range<Micros> {
        Micros::day_range(self.from, self.to, zone)
    }

    fn months(self) -> Vec<String> {
        let last = (self.to.year(), self.to.month());
        let mut month = (self.from.year(), self.from.month());
        let mut months = Vec::new();
        while month <= last {
            months.push(format!("{:04}-{:02}", month.0, month.1));
            month = if month.1 == 12 { (month.0 + 1, 1) } else { (month.0, month.1 + 1) };
        }
        months
    }
}

/// The report.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EntriesReport {
    /// What they are counted by.
    pub by: Grouping,
    /// The first date.
    #[schema(example = "2026-03-01", format = Date)]
    pub from: String,
    /// The last date, inclusive.
    #[schema(example = "2026-08-31", format = Date)]
    pub to: String,
    /// All entries of these dates.
    pub entries: Counts,
    /// Those that have something in common: months and hours in their order, with those that have none; others with most
    /// entries first.
    pub items: Vec<Group>,
    /// What no item counts: of subjects, those beyond the list; null where all are listed.
    pub others: Option<Counts>,
}

/// Entries by channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    /// By all channels.
    #[schema(example = 812)]
    pub total: i64,
    /// Presented by the interested party through the e-office or the API.
    #[schema(example = 410)]
    pub electronic: i64,
    /// Brought to the counter.
    #[schema(example = 390)]
    pub in_person: i64,
    /// Sent by post.
    #[schema(example = 8)]
    pub postal: i64,
    /// Arrived from another registry.
    #[schema(example = 4)]
    pub exchange: i64,
    /// Electronic entries over all of them, to six decimals; null where there are none.
    #[schema(value_type = Option<f64>, example = 0.504_926)]
    pub electronic_share: Option<Decimal>,
}

/// Entries that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Group {
    /// The month as 2026-03, the hour as 09, the channel, the code of the office or unit, or the subject; null where an entry
    /// says nothing of it.
    #[schema(example = "2026-03")]
    pub key: Option<String>,
    /// What an office or unit is called.
    #[schema(example = "Oficina de asistencia en materia de registros")]
    pub name: Option<String>,
    /// How many.
    #[serde(flatten)]
    pub counts: Counts,
}

impl Counts {
    fn of(row: &GroupRow) -> Self {
        let GroupRow { total, electronic, in_person, postal, exchange, of: _, name: _ } = *row;
        Self { total, electronic, in_person, postal, exchange, electronic_share: None }.with_share()
    }

    fn with_share(self) -> Self {
        Self { electronic_share: Share::new(self.electronic, self.total).map(Share::six_decimals), ..self }
    }

    fn add(&mut self, more: Self, sign: i64) {
        self.total += sign * more.total;
        self.electronic += sign * more.electronic;
        self.in_person += sign * more.in_person;
        self.postal += sign * more.postal;
        self.exchange += sign * more.exchange;
        *self = self.with_share();
    }

    fn sum<'c>(counts: impl IntoIterator<Item = &'c Self>) -> Self {
        let mut sum = Self::default();
        for more in counts {
            sum.add(*more, 1);
        }
        sum
    }

    /// Those of one channel alone.
    fn only(self, channel: Channel) -> Self {
        let mut only = Self::default();
        let (place, count) = match channel {
            Channel::Electronic => (&mut only.electronic, self.electronic),
            Channel::InPerson => (&mut only.in_person, self.in_person),
            Channel::Postal => (&mut only.postal, self.postal),
            Channel::Exchange => (&mut only.exchange, self.exchange),
        };
        *place = count;
        Self { total: count, ..only }.with_share()
    }
}

fn group(row: GroupRow) -> Group {
    let counts = Counts::of(&row);
    Group { key: row.of, name: row.name, counts }
}

impl EntriesReport {
    /// Counts; all of it on one state of the database. A subject is told if at least `fewest` entries have it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count(
        store: &Store,
        (entity, zone): (i64, Tz),
        by: Grouping,
        dates: Dates,
        fewest: i64,
    ) -> store::Result<Self> {
        let mut tx = store.read().await?;
        let time = dates.time(zone);
        let (first, last) = (dates.first(), dates.last());
        let months: Vec<Group> =
            entry_figures::by_month(&mut tx, entity, &first, &last).await?.into_iter().map(group).collect();
        let entries = Counts::sum(months.iter().map(|month| &month.counts));
        let items = match by {
            Grouping::Month => with_empty(dates.months(), &months),
            Grouping::Channel => Channel::ALL
                .iter()
                .map(|channel| Group {
                    key: Some(channel.as_str().to_owned()),
                    name: None,
                    counts: entries.only(*channel),
                })
                .collect(),
            Grouping::Office => {
                entry_figures::by_office(&mut tx, entity, &time).await?.into_iter().map(group).collect()
            }
            Grouping::Unit => entry_figures::by_unit(&mut tx, entity, &time).await?.into_iter().map(group).collect(),
            Grouping::Hour => {
                let hours = entry_figures::by_hour(&mut tx, entity, &time).await?;
                let hours: Vec<Group> = hours
                    .into_iter()
                    .map(|(begin, row)| Group {
                        key: Some(format!("{:02}", begin.local_hour(zone))),
                        name: None,
                        counts: Counts::of(&row),
                    })
                    .collect();
                with_empty((0..24).map(|hour| format!("{hour:02}")).collect(), &hours)
            }
            Grouping::Subject => {
                let limits = (fewest, MOST_SUBJECTS);
                entry_figures::by_subject(&mut tx, entity, &time, limits).await?.into_iter().map(group).collect()
            }
        };
        let mut others = entries;
        others.add(Counts::sum(items.iter().map(|item| &item.counts)), -1);
        let others = (others.total != 0).then_some(others);
        Ok(Self { by, from: first, to: last, entries, items, others })
    }

    /// As CSV: a group a line.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut lines = vec![format!("{},name,total,electronic,in_person,postal,exchange,electronic_share", self.by)];
        let line = |key: &str, name: &str, counts: &Counts| {
            let Counts { total, electronic, in_person, postal, exchange, electronic_share } = counts;
            let share = electronic_share.map(|share| share.to_string()).unwrap_or_default();
            let (key, name) = (quoted(key), quoted(name));
            format!("{key},{name},{total},{electronic},{in_person},{postal},{exchange},{share}")
        };
        for Group { key, name, counts } in &self.items {
            lines.push(line(key.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default(), counts));
        }
        if let Some(others) = &self.others {
            lines.push(line("", "others", others));
        }
        lines.push(line("", "total", &self.entries));
        lines.join("\n") + "\n"
    }
}

/// A cell in quotation marks where it needs them, that no spreadsheet takes for a formula.
fn quoted(text: &str) -> String {
    let text = plain(text);
    if text.contains([',', ';', '"', '\n', '\r', '\t', '|']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// A group for each key, in their order; those that share a key are one.
fn with_empty(keys: Vec<String>, groups: &[Group]) -> Vec<Group> {
    let counts = |key: &str| {
        Counts::sum(groups.iter().filter(|group| group.key.as_deref() == Some(key)).map(|group| &group.counts))
    };
    keys.into_iter().map(|key| Group { counts: counts(&key), key: Some(key), name: None }).collect()
}
