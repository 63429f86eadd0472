//! What the figures say in words, Spanish and English.
//!
//! # Why
//! A town hall wrote such sentences by hand and erred four times; each is a rule here. A number comes from the cell
//! that the table shows, never typed again (14,450 for 14,540). A ratio says "268 % *of*" and an increase "+168.1 %",
//! never one for the other. "More than triple the years before" stands only where it holds against *each* of them
//! (3.21 times 2019, but 2.95 times 2018). And nothing is "N times more": it is N times *as many*.

use super::channels::{ChannelsReport, YearFigures};
use super::exact::Ratio;
use crate::domain::time::MONTHS;

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// In Spanish, as it is published.
    pub es: String,
    /// In English.
    pub en: String,
}

/// What is told of the last year against those before it: how it is called, and its cell.
struct Told {
    es: &'static str,
    en: &'static str,
    cell: fn(&YearFigures) -> i64,
}

const TOLD: [Told; 6] = [
    Told {
        es: "las atenciones por medios electrónicos (teléfono, WhatsApp y correo)",
        en: "attentions by electronic means (telephone, WhatsApp and e-mail)",
        cell: |year| year.electronic_attentions,
    },
    Told { es: "las atenciones por teléfono", en: "attentions by telephone", cell: |year| year.attentions.phone },
    Told { es: "las atenciones por WhatsApp", en: "attentions by WhatsApp", cell: |year| year.attentions.whatsapp },
    Told {
        es: "las atenciones por correo electrónico",
        en: "attentions by e-mail",
        cell: |year| year.attentions.email,
    },
    Told { es: "los asientos de entrada", en: "entries", cell: |year| year.entries.total },
    Told {
        es: "los asientos por la sede electrónica",
        en: "entries through the electronic office",
        cell: |year| year.entries.electronic,
    },
];

/// The names of whole multiples, the largest first.
const MULTIPLES: [(i64, &str, &str); 4] = [
    (5, "más del quíntuple", "more than five times"),
    (4, "más del cuádruple", "more than four times"),
    (3, "más del triple", "more than three times"),
    (2, "más del doble", "more than twice"),
];

/// The sentences that a report makes; the last year is told against each before it.
#[must_use]
pub fn sentences(report: &ChannelsReport) -> Vec<Sentence> {
    let Some((last, before)) = report.years.split_last() else { return Vec::new() };
    let mut sentences: Vec<Sentence> = TOLD.iter().filter_map(|told| against(told, last, before)).collect();
    sentences.extend(shares(report));
    sentences
}

/// How one count of the last year stands to each year before.
fn against(told: &Told, last: &YearFigures, before: &[YearFigures]) -> Option<Sentence> {
    let later = (told.cell)(last);
    let bases: Vec<(i32, i64, Ratio)> = before
        .iter()
        .filter_map(|year| Ratio::new(later, (told.cell)(year)).map(|ratio| (year.year, (told.cell)(year), ratio)))
        .collect();
    if bases.is_empty() {
        return None;
    }
    let spanish = bases.iter().map(|(year, base, ratio)| {
        let (part, grown) = (ratio.percent_of().show(false, ','), ratio.increase().percent().show(true, ','));
        format!("el {part} % de {year} ({}), {grown} %", grouped(*base))
    });
    let english = bases.iter().map(|(year, base, ratio)| {
        let (part, grown) = (ratio.percent_of(), ratio.increase().percent().show(true, '.'));
        format!("{part} % of {year} ({}), {grown} %", grouped_en(*base))
    });
    let (es, en) = multiple(&bases, before.len());
    Some(Sentence {
        es: format!("En {}, {} fueron {}: {}{es}.", last.year, told.es, grouped(later), join(spanish)),
        en: format!("In {}, {} were {}: {}{en}.", last.year, told.en, grouped_en(later), join(english)),
    })
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}

/// The largest whole multiple that is passed against every year before; nothing where one of them has no base.
fn multiple(bases: &[(i32, i64, Ratio)], years: usize) -> (String, String) {
    let holds = |times: i64| bases.len() == years && bases.iter().all(|(_, _, ratio)| ratio.is_more_than(times));
    match MULTIPLES.into_iter().find(|(times, _, _)| holds(*times)) {
        None => (String::new(), String::new()),
        Some((_, es, en)) if years == 1 => (format!("; {es} de ese año"), format!("; {en} as many as that year")),
        Some((_, es, en)) => {
            (format!("; {es} de cada uno de esos años"), format!("; {en} as many as in each of those years"))
        }
    }
}

/// The electronic share of each year.
fn shares(report: &ChannelsReport) -> Option<Sentence> {
    let with_entries: Vec<_> =
        report.years.iter().filter_map(|year| year.electronic_share_percent.map(|percent| (year, percent))).collect();
    let part = |of: &str, group: fn(i64) -> String| {
        let parts = with_entries.iter().map(|(year, percent)| {
            let (electronic, total) = (group(year.entries.electronic), group(year.entries.total));
            format!("{percent} % en {} ({electronic} {of} {total})", year.year)
        });
        parts.collect::<Vec<_>>().join(", ")
    };
    (!with_entries.is_empty()).then(|| Sentence {
        es: format!("Por la sede electrónica llegaron, de todos los asientos de entrada: {}.", part("de", grouped)),
        en: format!(
            "Of all entries there came through the electronic office: {}.",
            part("of", grouped_en).replace(" % en ", " % in ")
        ),
    })
}

/// A count as Spanish writes it: a point between thousands.
#[must_use]
pub fn grouped(count: i64) -> String {
    with_mark(count, '.')
}

/// A count as English writes it.
fn grouped_en(count: i64) -> String {
    with_mark(count, ',')
}

/// A count with that mark between thousands.
#[must_use]
pub fn with_mark(count: i64, mark: char) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut text = String::from(if count < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

/// `03-01` as Spanish says it.
#[must_use]
pub fn date(month_day: &str) -> String {
    let parts = month_day.split_once('-').and_then(|(month, day)| {
        let month: usize = month.parse().ok()?;
        let day: u32 = day.parse().ok()?;
        Some((MONTHS.get(month.checked_sub(1)?)?, day))
    });
    match parts {
        // The last day of February, whichever it is in each year.
        Some((month, 29)) if *month == "febrero" => "último día de febrero".into(),
        Some((month, day)) => format!("{day} de {month}"),
        None => month_day.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::channels::{Attentions, Entries, NaturalEntries, published};
    use crate::report::window::Window;

    fn of_published(beginning: &str) -> Sentence {
        let found = sentences(&published()).into_iter().find(|sentence| sentence.es.contains(beginning));
        found.unwrap()
    }

    #[test]
    fn the_sum_is_the_cell_of_the_table() {
        let sentence = of_published("medios electrónicos");
        assert!(sentence.es.contains("14.540") && sentence.en.contains("14,540"), "{sentence:?}");
        assert!(!sentence.es.contains("14.450"), "{sentence:?}");
    }

    #[test]
    fn a_percentage_of_is_not_a_percentage_more() {
        let sentence = of_published("por teléfono");
        assert_eq!(
            sentence.es,
            "En 2020, las atenciones por teléfono fueron 10.220: el 249,6 % de 2018 (4.095), +149,6 %; \
             el 268,1 % de 2019 (3.812), +168,1 %; más del doble de cada uno de esos años."
        );
        assert_eq!(
            sentence.en,
            "In 2020, attentions by telephone were 10,220: 249.6 % of 2018 (4,095), +149.6 %; \
             268.1 % of 2019 (3,812), +168.1 %; more than twice as many as in each of those years."
        );
    }

    #[test]
    fn more_than_triple_must_hold_against_each_year() {
        // 3.21 times 2019, but 2.95 times 2018.
        let sentence = of_published("medios electrónicos");
        assert!(sentence.es.contains("más del doble de cada uno"), "{sentence:?}");
        assert!(!sentence.es.contains("triple"), "{sentence:?}");
        // 5.31 and 5.65 times.
        assert!(of_published("WhatsApp fueron").es.contains("más del quíntuple de cada uno"));
    }

    #[test]
    fn nothing_is_so_many_times_more() {
        for sentence in sentences(&published()) {
            assert!(!sentence.es.contains("veces más") && !sentence.en.contains("times more"), "{sentence:?}");
        }
    }

    #[test]
    fn what_shrank_is_said_with_its_sign() {
        assert!(of_published("los asientos de entrada fueron").es.contains("el 86,5 % de 2018 (9.344), -13,5 %"));
    }

    #[test]
    fn the_share_is_of_entries_and_names_both_counts() {
        let sentence = of_published("llegaron");
        assert!(
            sentence.es.ends_with(
                "12 % en 2018 (1.076 de 9.344), 30 % en 2019 (2.676 de 8.833), 51 % en 2020 (4.115 de 8.085)."
            )
        );
        assert!(sentence.en.ends_with("51 % in 2020 (4,115 of 8,085)."), "{sentence:?}");
    }

    #[test]
    fn over_nothing_nothing_is_said() {
        let window = Window::parse("03-01", "08-31", "2016,2018").unwrap();
        let empty = YearFigures::of(2016, Attentions::default(), Entries::default(), NaturalEntries::default());
        let report = ChannelsReport::of(&window, vec![empty, published().years[0]]);
        let said: Vec<_> = sentences(&report).into_iter().map(|sentence| sentence.es).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        // A multiple of each year cannot be said where one of them is empty.
        let window = Window::parse("03-01", "08-31", "2016,2018,2020").unwrap();
        let report = ChannelsReport::of(&window, vec![empty, published().years[0], published().years[2]]);
        assert!(sentences(&report).iter().all(|sentence| !sentence.es.contains("más del")), "{report:?}");
    }

    #[test]
    fn counts_are_grouped_the_reader_s_way() {
        assert_eq!(
            [0, 7, 999, 1000, 26_262, -1_234_567].map(grouped),
            ["0", "7", "999", "1.000", "26.262", "-1.234.567"]
        );
        assert_eq!(date("03-01"), "1 de marzo");
        assert_eq!(date("02-29"), "último día de febrero");
    }
}
