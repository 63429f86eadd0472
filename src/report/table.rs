//! The figures as a table for people, in Spanish, with the sentences they make at its foot.

use std::fmt::Write;

use super::channels::{Change, ChannelsReport, Variation, YearFigures};
use super::exact::Decimal;
use super::sentences::{date, grouped, sentences};

/// What stands where there is nothing to divide by.
const NOT_DETERMINED: &str = "n/d";
/// So many years are compared each with each; of more, each with the next.
const EACH_WITH_EACH: usize = 3;

/// The place of the line of entries dated back: after those by channel.
const BACKDATED: usize = 11;

type Cell = fn(&YearFigures) -> String;
type Compared = fn(&Change) -> String;

const ROWS: [(&str, Cell, Compared); 12] = [
    ("Atenciones por teléfono", |year| grouped(year.attentions.phone), |change| increase(change.phone)),
    ("Atenciones por WhatsApp", |year| grouped(year.attentions.whatsapp), |change| increase(change.whatsapp)),
    ("Atenciones por correo electrónico", |year| grouped(year.attentions.email), |change| increase(change.email)),
    (
        "Atenciones por medios electrónicos",
        |year| grouped(year.electronic_attentions),
        |change| increase(change.electronic_attentions),
    ),
    ("Atenciones presenciales", |year| grouped(year.attentions.in_person), |change| increase(change.in_person)),
    ("Asientos de entrada", |year| grouped(year.entries.total), |change| increase(change.entries_total)),
    (
        "  por la sede electrónica",
        |year| grouped(year.entries.electronic),
        |change| increase(change.entries_electronic),
    ),
    ("  en ventanilla", |year| grouped(year.entries.in_person), |_| String::new()),
    ("  por correo postal", |year| grouped(year.entries.postal), |_| String::new()),
    ("  de otro registro", |year| grouped(year.entries.exchange), |_| String::new()),
    (
        "Proporción electrónica de los asientos",
        |year| percent(year.electronic_share_percent),
        |change| change.share_points.map_or(NOT_DETERMINED.into(), |points| format!("{} puntos", signed(points))),
    ),
    (
        "  sobre 1, con seis decimales",
        |year| year.electronic_share.map_or(NOT_DETERMINED.into(), comma),
        |_| String::new(),
    ),
];

fn increase(variation: Variation) -> String {
    match variation.increase_percent {
        Some(increase) => format!("{} %", signed(increase.percent())),
        None => NOT_DETERMINED.into(),
    }
}

fn percent(share: Option<Decimal>) -> String {
    share.map_or(NOT_DETERMINED.into(), |share| format!("{share} %"))
}

fn signed(decimal: Decimal) -> String {
    decimal.show(true, ',')
}

fn comma(decimal: Decimal) -> String {
    decimal.show(false, ',')
}

/// The table, and the sentences below it.
#[must_use]
pub fn write(report: &ChannelsReport) -> String {
    let neighbours: Vec<_> = report.years.windows(2).map(|pair| (pair[0].year, pair[1].year)).collect();
    let all = report.years.len() <= EACH_WITH_EACH;
    let compared = |change: &&Change| all || neighbours.contains(&(change.from, change.to));
    let compared: Vec<&Change> = report.changes.iter().filter(compared).collect();
    let mut lines = vec![heading(report, &compared)];
    lines.extend(ROWS.iter().map(|(name, cell, change)| {
        let cells = report.years.iter().map(cell).chain(compared.iter().map(|pair| change(pair)));
        std::iter::once((*name).to_owned()).chain(cells).collect()
    }));
    let blank = || compared.iter().map(|_| String::new());
    // Lines that nobody misses where there are none, as in what a body published before it told them apart.
    if report.years.iter().any(|year| year.entries.backdated > 0) {
        let cells = report.years.iter().map(|year| grouped(year.entries.backdated));
        let name = "  con fecha de presentación anterior en más de un día".to_owned();
        lines.insert(BACKDATED, std::iter::once(name).chain(cells).chain(blank()).collect());
    }
    if report.years.iter().any(|year| year.natural_entries.total > 0) {
        let cells = report.years.iter().map(|year| percent(year.electronic_share_natural_percent));
        let name = "  solo de personas físicas".to_owned();
        lines.push(std::iter::once(name).chain(cells).chain(blank()).collect());
    }
    let mut text = laid_out(&lines);
    for sentence in sentences(report) {
        let _ = write!(text, "\n{}", sentence.es);
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn heading(report: &ChannelsReport, compared: &[&Change]) -> Vec<String> {
    let window = format!("Del {} al {}", date(&report.from), date(&report.to));
    let years = report.years.iter().map(|year| year.year.to_string());
    let pairs = compared.iter().map(|change| format!("{} s/ {}", change.to, change.from));
    std::iter::once(window).chain(years).chain(pairs).collect()
}

/// The lines with their columns under each other: the first to the left, the others to the right.
fn laid_out(lines: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..lines.first().map_or(0, Vec::len)).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut written = String::new();
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(written, "{cell:<width$}"),
                _ => write!(written, "  {cell:>width$}"),
            };
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::channels::{Attentions, Entries, NaturalEntries, published};
    use crate::report::window::Window;

    #[test]
    fn the_published_table_with_its_sentences() {
        insta::assert_snapshot!(write(&published()));
    }

    #[test]
    fn over_nothing_stands_n_d() {
        let window = Window::parse("03-01", "08-31", "2016,2018").unwrap();
        let empty = YearFigures::of(2016, Attentions::default(), Entries::default(), NaturalEntries::default());
        let text = write(&ChannelsReport::of(&window, vec![empty, published().years[0]]));
        let share = text.lines().find(|line| line.starts_with("Proporción")).unwrap();
        assert_eq!(share.split_whitespace().skip(5).collect::<Vec<_>>(), ["n/d", "12", "%", "n/d"]);
    }

    #[test]
    fn of_many_years_each_is_compared_with_the_next() {
        let window = Window::parse("03-01", "08-31", "2016,2017,2018,2019").unwrap();
        let years = (2016..).zip([published().years[0]; 4]).map(|(year, figures)| YearFigures { year, ..figures });
        let text = write(&ChannelsReport::of(&window, years.collect()));
        let heading = text.lines().next().unwrap();
        assert!(heading.ends_with("2017 s/ 2016  2018 s/ 2017  2019 s/ 2018"), "{heading}");
    }
}
