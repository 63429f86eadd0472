//! The entity's calendar of non-working days, as it is published.

use chrono::Datelike;

use crate::domain::Calendar;
use crate::domain::calendar::Holiday;
use crate::store::{self, Tx};

/// The calendar that an entity published.
///
/// # Errors
/// When the database does not answer, or was altered.
pub async fn load(tx: &mut Tx, entity: i64) -> store::Result<Calendar> {
    let corrupt = || store::Error::Corrupt("holiday");
    let holidays = store::catalogue::holidays(tx, entity)
        .await?
        .into_iter()
        .map(|(date, scope, name)| {
            Ok(Holiday {
                date: date.parse().map_err(|_| corrupt())?,
                scope: scope.parse().map_err(|_| corrupt())?,
                name,
            })
        })
        .collect::<store::Result<Vec<_>>>()?;
    Ok(Calendar::new(holidays))
}

/// Puts the years that a calendar file names in place of those published before.
///
/// # Errors
/// When the database does not answer.
pub async fn publish(tx: &mut Tx, entity: i64, holidays: &[Holiday]) -> store::Result<()> {
    let mut years: Vec<i32> = holidays.iter().map(|holiday| holiday.date.year()).collect();
    years.dedup();
    let rows: Vec<_> = holidays
        .iter()
        .map(|holiday| (holiday.date.to_string(), holiday.scope.to_string(), holiday.name.clone()))
        .collect();
    store::catalogue::replace_holidays(tx, entity, &years, &rows).await
}
