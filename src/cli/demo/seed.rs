//! The history of a town: entries and attentions that add up to the figures a town hall published.
//!
//! # Why
//! A town hall published its figures of March to August 2018, 2019 and 2020: attentions by phone, `WhatsApp` and
//! e-mail, entries in its registry, and how many of those came through its electronic office. Only the sums are known,
//! so the records are made up, and spread over the days with a fixed seed: the same files, byte for byte, each time.
//! The people are nobody's: their numbers lie where none was ever given out.

use std::io::Write;

use chrono::{Datelike, NaiveDate, TimeZone, Weekday};
use chrono_tz::Europe::Madrid;

use super::chance::Chance;
use super::people::{self, Person};

/// The figures of one year, as published: phone, `WhatsApp` and e-mail attentions, all entries, electronic entries.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    /// The year; its window goes from 1 March to 31 August.
    pub year: i32,
    /// Attentions by phone.
    pub phone: u64,
    /// Attentions by `WhatsApp`.
    pub whatsapp: u64,
    /// Attentions by e-mail.
    pub email: u64,
    /// All entries.
    pub entries: u64,
    /// Entries through the electronic office.
    pub electronic: u64,
}

/// What the town hall published for its citizens' service and its registry.
pub const PUBLISHED: [Published; 3] = [
    Published { year: 2018, phone: 4095, whatsapp: 261, email: 566, entries: 9344, electronic: 1076 },
    Published { year: 2019, phone: 3812, whatsapp: 245, email: 473, entries: 8833, electronic: 2676 },
    Published { year: 2020, phone: 10_220, whatsapp: 1385, email: 2935, entries: 8085, electronic: 4115 },
];

/// The units that entries and attentions are for: code and name. The first is the entity of the embedded default.
pub const UNITS: [(&str, &str); 6] = [
    ("L01000000", "Ayuntamiento de ejemplo"),
    ("LA9900001", "Servicio de Atención a la Ciudadanía"),
    ("LA9900002", "Urbanismo y Vivienda"),
    ("LA9900003", "Gestión Tributaria"),
    ("LA9900004", "Estadística y Padrón"),
    ("LA9900005", "Servicios Sociales"),
];

/// Subjects of entries: what, for which unit, and how many of ten are of companies and associations.
const SUBJECTS: [(&str, usize, u64); 16] = [
    ("Solicitud de licencia de obra menor", 2, 3),
    ("Declaración responsable de apertura de actividad", 2, 7),
    ("Solicitud de cédula urbanística", 2, 5),
    ("Comunicación de fin de obra", 2, 6),
    ("Denuncia por ruidos", 0, 1),
    ("Alta en el padrón municipal de habitantes", 4, 0),
    ("Cambio de domicilio en el padrón", 4, 0),
    ("Solicitud de certificado de empadronamiento", 4, 0),
    ("Bonificación del impuesto sobre vehículos", 3, 1),
    ("Fraccionamiento de deuda tributaria", 3, 3),
    ("Recurso de reposición contra liquidación", 3, 4),
    ("Domiciliación de recibos", 3, 2),
    ("Solicitud de ayuda de emergencia social", 5, 0),
    ("Solicitud del servicio de ayuda a domicilio", 5, 0),
    ("Factura", 0, 10),
    ("Ocupación de la vía pública con terraza", 0, 8),
];

/// Topics of attentions, and the unit that knows.
const TOPICS: [(&str, usize); 8] = [
    ("Cita previa", 1),
    ("Volante de empadronamiento", 4),
    ("Información general", 1),
    ("Recibos y domiciliaciones", 3),
    ("Estado de un expediente", 2),
    ("Ayudas sociales", 5),
    ("Incidencia en la vía pública", 1),
    ("Sede electrónica y certificado digital", 1),
];

/// What the days of a channel are like.
#[derive(Clone, Copy)]
struct Rhythm {
    /// From the first hour to before the last.
    hours: (u64, u64),
    /// How much comes on a Saturday or Sunday, where a working day has ten.
    weekend: u64,
    /// And on a working day of the confinement of 2020.
    confined: u64,
}

const COUNTER: Rhythm = Rhythm { hours: (9, 14), weekend: 0, confined: 1 };
const EOFFICE: Rhythm = Rhythm { hours: (7, 23), weekend: 2, confined: 14 };
const TELEPHONE: Rhythm = Rhythm { hours: (9, 14), weekend: 0, confined: 28 };
const WRITTEN: Rhythm = Rhythm { hours: (8, 21), weekend: 1, confined: 24 };

/// Writes the entries: the file that `ventanilla import entries` takes.
///
/// # Errors
/// When `writer` does.
pub fn entries_csv(writer: impl Write) -> csv::Result<()> {
    let mut file = csv::Writer::from_writer(writer);
    file.write_record([
        "book",
        "year",
        "number",
        "registered_at",
        "channel",
        "subject",
        "destination_unit",
        "party_id_type",
        "party_id",
        "party_name",
    ])?;
    let mut chance = Chance::new(20_182_019);
    for published in PUBLISHED {
        let year = published.year;
        let counter = published.entries - published.electronic;
        let mut moments = moments(year, published.electronic, EOFFICE, "electronic", &mut chance);
        moments.extend(self::moments(year, counter, COUNTER, "in_person", &mut chance));
        moments.sort_unstable();
        // Numbered as they came, from the first.
        for ((at, channel), number) in moments.into_iter().zip(1_u32..) {
            let (subject, unit, companies) = *chance.one(&SUBJECTS);
            // Obliged to go electronic, companies are met more often there (art. 14.2 Ley 39/2015).
            let often = if channel == "electronic" { companies.max(4) } else { companies };
            let Person { id_type, id, name } =
                if chance.below(10) < often { people::company(&mut chance) } else { people::neighbour(&mut chance) };
            let (year, number, at) = (year.to_string(), number.to_string(), written(at));
            file.write_record(["entrada", &year, &number, &at, channel, subject, UNITS[unit].0, id_type, &id, &name])?;
        }
    }
    Ok(file.flush()?)
}

/// Writes the attentions: the file that `ventanilla import attentions` takes. Its counts add up to what was published.
///
/// # Errors
/// When `writer` does.
pub fn attentions_csv(writer: impl Write) -> csv::Result<()> {
    let mut file = csv::Writer::from_writer(writer);
    file.write_record(["at", "channel", "unit", "topic", "count"])?;
    let mut chance = Chance::new(20_200_831);
    for Published { year, phone, whatsapp, email, .. } in PUBLISHED {
        for (channel, total, rhythm) in
            [("phone", phone, TELEPHONE), ("whatsapp", whatsapp, WRITTEN), ("email", email, WRITTEN)]
        {
            for (date, mut left) in spread(year, total, rhythm, &mut chance) {
                while left > 0 {
                    let count = (1 + chance.below(6)).min(left);
                    left -= count;
                    let (topic, unit) = *chance.one(&TOPICS);
                    let at = written((date, second_of_day(rhythm, &mut chance)));
                    file.write_record([&at, channel, UNITS[unit].0, topic, &count.to_string()])?;
                }
            }
        }
    }
    Ok(file.flush()?)
}

/// A local day, and a second of it.
type Moment = (NaiveDate, u32);

/// So many moments of a channel, spread over its days.
fn moments(
    year: i32,
    total: u64,
    rhythm: Rhythm,
    channel: &'static str,
    chance: &mut Chance,
) -> Vec<(Moment, &'static str)> {
    let days = spread(year, total, rhythm, chance);
    let each = days.into_iter().flat_map(|(date, count)| (0..count).map(move |_| date));
    each.map(|date| ((date, second_of_day(rhythm, chance)), channel)).collect()
}

/// How many fall on each day from 1 March to 31 August, so that the sum is exactly `total`.
fn spread(year: i32, total: u64, rhythm: Rhythm, chance: &mut Chance) -> Vec<(NaiveDate, u64)> {
    let first = NaiveDate::from_ymd_opt(year, 3, 1).unwrap_or_default();
    let days: Vec<(NaiveDate, u64)> = first
        .iter_days()
        .take_while(|date| date.month() < 9)
        .map(|date| (date, weight(date, rhythm) * (80 + chance.below(41))))
        .collect();
    let all: u64 = days.iter().map(|(_, weight)| weight).sum();
    let (mut passed, mut given) = (0, 0);
    days.into_iter()
        .map(|(date, weight)| {
            passed += weight;
            let count = total * passed / all - given;
            given += count;
            (date, count)
        })
        .collect()
}

fn weight(date: NaiveDate, rhythm: Rhythm) -> u64 {
    let holiday = matches!((date.month(), date.day()), (5, 1) | (8, 15));
    // Real Decreto 463/2020: from Monday, 16 March; offices opened again by appointment on 25 May.
    let confined = date.year() == 2020 && ((3, 16)..(5, 25)).contains(&(date.month(), date.day()));
    match date.weekday() {
        Weekday::Sat | Weekday::Sun => rhythm.weekend,
        _ if holiday => rhythm.weekend,
        _ if confined => rhythm.confined,
        _ => 10,
    }
}

fn second_of_day(rhythm: Rhythm, chance: &mut Chance) -> u32 {
    let (first, last) = rhythm.hours;
    u32::try_from(first * 3600 + chance.below((last - first) * 3600)).unwrap_or_default()
}

/// RFC 3339 in the official time of the peninsula. Clocks change at night, when nothing happens here.
fn written((date, second): Moment) -> String {
    let time = chrono::NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap_or_default();
    let local = Madrid.from_local_datetime(&date.and_time(time)).earliest();
    local.map(|at| at.to_rfc3339()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::{IdType, Micros, identifier};

    fn rows(write: fn(&mut Vec<u8>) -> csv::Result<()>) -> Vec<csv::StringRecord> {
        let mut bytes = Vec::new();
        write(&mut bytes).unwrap();
        csv::Reader::from_reader(bytes.as_slice()).records().map(Result::unwrap).collect()
    }

    fn day_in_window(at: &str) -> i32 {
        let date = Micros::parse(at).unwrap().local_date(Madrid);
        assert!((3..=8).contains(&date.month()), "{at}");
        // The same day in the Canaries, so that the figures are the same there.
        assert_eq!(Micros::parse(at).unwrap().local_date(chrono_tz::Atlantic::Canary), date);
        date.year()
    }

    #[test]
    fn entries_add_up_to_what_was_published() {
        let rows = rows(|bytes| entries_csv(bytes));
        assert_eq!(rows.len(), 26_262);
        let mut counts: BTreeMap<(i32, &str), u64> = BTreeMap::new();
        for row in &rows {
            *counts.entry((day_in_window(&row[3]), &row[4])).or_default() += 1;
        }
        for published in PUBLISHED {
            assert_eq!(counts[&(published.year, "electronic")], published.electronic);
            assert_eq!(counts[&(published.year, "in_person")], published.entries - published.electronic);
        }
        assert_eq!(counts.len(), 6);
    }

    #[test]
    fn attentions_add_up_to_what_was_published() {
        let rows = rows(|bytes| attentions_csv(bytes));
        let mut counts: BTreeMap<(i32, &str), u64> = BTreeMap::new();
        for row in &rows {
            *counts.entry((day_in_window(&row[0]), &row[1])).or_default() += row[4].parse::<u64>().unwrap();
        }
        for Published { year, phone, whatsapp, email, .. } in PUBLISHED {
            let counted = ["phone", "whatsapp", "email"].map(|channel| counts[&(year, channel)]);
            assert_eq!(counted, [phone, whatsapp, email]);
        }
        assert_eq!(counts.values().sum::<u64>(), 23_992);
    }

    #[test]
    fn numbers_begin_at_1_and_grow_with_time() {
        let mut last = (0, 0, Micros(0));
        for row in rows(|bytes| entries_csv(bytes)) {
            let (year, number): (i32, u32) = (row[1].parse().unwrap(), row[2].parse().unwrap());
            let at = Micros::parse(&row[3]).unwrap();
            assert!(if year == last.0 { number == last.1 + 1 && at >= last.2 } else { number == 1 }, "{row:?}");
            last = (year, number, at);
        }
    }

    #[test]
    fn every_identifier_holds() {
        for row in rows(|bytes| entries_csv(bytes)) {
            let id_type: IdType = row[7].parse().unwrap();
            assert_eq!(identifier::normalise(id_type, &row[8]).as_deref(), Ok(&row[8]), "{row:?}");
        }
    }

    #[test]
    fn the_files_are_the_same_each_time() {
        assert_eq!(rows(|bytes| entries_csv(bytes)), rows(|bytes| entries_csv(bytes)));
        assert_eq!(rows(|bytes| attentions_csv(bytes)), rows(|bytes| attentions_csv(bytes)));
    }
}
