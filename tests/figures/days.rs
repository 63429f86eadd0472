//! Days begin and end by the official time of the entity, in summer and winter, on the peninsula and in the Canaries.

use rstest::rstest;

use crate::place::{Engine, Place};

const HEADING: &str =
    "book,year,number,registered_at,channel,subject,destination_unit,party_id_type,party_id,party_name";

/// The first and the last second of some days, and the seconds before and after them.
const INSTANTS: [&str; 10] = [
    "2019-02-28T23:59:59+01:00",
    "2019-03-01T00:00:00+01:00",
    // Clocks go forward in the night before this day.
    "2019-03-30T23:59:59+01:00",
    "2019-03-31T00:00:00+01:00",
    "2019-03-31T23:59:59+02:00",
    "2019-04-01T00:00:00+02:00",
    // And back in the night before this one.
    "2019-10-27T00:00:00+02:00",
    "2019-10-27T02:30:00+02:00",
    "2019-10-27T02:30:00+01:00",
    "2019-10-27T23:59:59+01:00",
];

#[rstest]
#[case::first_of_march("Europe/Madrid", "03-01", "03-01", 1)]
#[case::the_day_that_has_23_hours("Europe/Madrid", "03-31", "03-31", 2)]
#[case::the_day_that_has_25_hours("Europe/Madrid", "10-27", "10-27", 4)]
#[case::all_of_march("Europe/Madrid", "03-01", "03-31", 4)]
#[case::the_last_of_february("Europe/Madrid", "02-29", "02-29", 1)]
// An hour earlier by the clock: what begins a day on the peninsula is still the day before.
#[case::first_of_march_in_the_canaries("Atlantic/Canary", "03-01", "03-01", 0)]
#[case::the_last_of_february_in_the_canaries("Atlantic/Canary", "02-29", "02-29", 2)]
#[case::the_day_that_has_23_hours_in_the_canaries("Atlantic/Canary", "03-31", "03-31", 2)]
#[case::the_day_that_has_25_hours_in_the_canaries("Atlantic/Canary", "10-27", "10-27", 3)]
#[tokio::test]
async fn a_day_is_the_day_of_the_official_time(
    #[case] zone: &str,
    #[case] from: &str,
    #[case] to: &str,
    #[case] count: i64,
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Place::with(engine, zone, "[reports]\npublic = true").await;
    let rows =
        INSTANTS.iter().zip(1..).map(|(at, number)| format!("entrada,2019,{number},{at},postal,a,,nif,00000000T,Ana"));
    let file = std::iter::once(HEADING.to_owned()).chain(rows).collect::<Vec<_>>().join("\n");
    assert_eq!(place.history("days.csv", file).await.written, 10);
    let talks = INSTANTS.map(|at| format!("{at},phone,L01000000,a,3")).join("\n");
    let talks = place.file("talks.csv", format!("at,channel,unit,topic,count\n{talks}"));
    place.import_attentions(&talks, false).await;

    let report = place.get(&format!("/reports/channels?from={from}&to={to}&years=2019"), "").await.json();
    let year = &report["years"][0];
    assert_eq!(
        (year["entries"]["postal"].as_i64(), year["attentions"]["phone"].as_i64()),
        (Some(count), Some(3 * count))
    );
    assert_eq!(place.differences().await, []);
}
