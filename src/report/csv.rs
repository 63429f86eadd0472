//! The figures as CSV: an indicator a line, a year a column.
//!
//! # Why
//! So the town hall's own table was laid out, and its seven indicators come first, under its names; what it did not
//! publish follows. Changes are left to whoever reads the file: they follow from the cells.

use super::channels::{ChannelsReport, YearFigures};

type Cell = fn(&YearFigures) -> String;

const INDICATORS: [(&str, Cell); 17] = [
    ("phone_attentions", |year| year.attentions.phone.to_string()),
    ("whatsapp_attentions", |year| year.attentions.whatsapp.to_string()),
    ("email_attentions", |year| year.attentions.email.to_string()),
    ("entries_total", |year| year.entries.total.to_string()),
    ("entries_electronic", |year| year.entries.electronic.to_string()),
    ("electronic_attentions_sum", |year| year.electronic_attentions.to_string()),
    ("electronic_share_percent", |year| empty_or(year.electronic_share_percent)),
    ("electronic_share", |year| empty_or(year.electronic_share)),
    ("in_person_attentions", |year| year.attentions.in_person.to_string()),
    ("entries_in_person", |year| year.entries.in_person.to_string()),
    ("entries_postal", |year| year.entries.postal.to_string()),
    ("entries_exchange", |year| year.entries.exchange.to_string()),
    ("entries_backdated", |year| year.entries.backdated.to_string()),
    ("entries_natural", |year| year.natural_entries.total.to_string()),
    ("entries_natural_electronic", |year| year.natural_entries.electronic.to_string()),
    ("electronic_share_natural", |year| empty_or(year.electronic_share_natural)),
    ("electronic_share_natural_percent", |year| empty_or(year.electronic_share_natural_percent)),
];

fn empty_or(value: Option<super::exact::Decimal>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The whole file, heading first.
#[must_use]
pub fn write(report: &ChannelsReport) -> String {
    let line = |name: &str, cells: &mut dyn Iterator<Item = String>| {
        // Names and numbers only: nothing here needs quotation marks.
        std::iter::once(name.to_owned()).chain(cells).collect::<Vec<_>>().join(",") + "\n"
    };
    let heading = line("indicator", &mut report.years.iter().map(|year| year.year.to_string()));
    let rows = INDICATORS.iter().map(|(name, cell)| line(name, &mut report.years.iter().map(cell)));
    std::iter::once(heading).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::channels::published;

    #[test]
    fn the_published_table_comes_first_and_whole() {
        let table = "indicator,2018,2019,2020\nphone_attentions,4095,3812,10220\nwhatsapp_attentions,261,245,1385\n\
            email_attentions,566,473,2935\nentries_total,9344,8833,8085\nentries_electronic,1076,2676,4115\n\
            electronic_attentions_sum,4922,4530,14540\nelectronic_share_percent,12,30,51\n";
        let file = write(&published());
        assert_eq!(&file[..table.len()], table);
        assert!(file[table.len()..].starts_with("electronic_share,0.115154,0.302955,0.508967\n"), "{file}");
    }
}
