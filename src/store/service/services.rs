//! Services, each with its agenda.

use crate::domain::{AppointmentMode, Micros};
use crate::store::{Result, Tx, row, sql};

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct ServiceRow {
    pub code: String,
    pub name: String,
    pub department: String,
    pub prefix: String,
    pub appointment: AppointmentMode,
    pub registry: bool,
    pub slot_minutes: i64,
    pub day_limit: Option<i64>,
    pub notice_minutes: i64,
    pub horizon_days: i64,
    pub active_per_person: i64,
    pub cancel_until_minutes: i64,
    pub bring: Option<String>,
    pub quick: bool,
    pub active: bool,
    pub agenda: String,
    pub agenda_version: i64,
    pub changed_at: Micros,
    pub changed_by: String,
}
row! { ServiceRow: code, name, department, prefix, appointment, registry, slot_minutes, day_limit, notice_minutes,
horizon_days, active_per_person, cancel_until_minutes, bring, quick, active, agenda, agenda_version, changed_at, changed_by }

/// A service by its code.
///
/// # Errors
/// When the database does not answer.
pub async fn by_code(tx: &mut Tx, entity: i64, code: &str) -> Result<Option<ServiceRow>> {
    Ok(sql!(tx, fetch_optional, "SELECT * FROM services WHERE entity_id = $1 AND code = $2", entity, code)?)
}

/// All services after this code, by code.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, entity: i64, after: &str, limit: i64) -> Result<Vec<ServiceRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT * FROM services WHERE entity_id = $1 AND code > $2 ORDER BY code LIMIT $3",
        entity,
        after,
        limit
    )?)
}

/// A service by its code, with its row locked to the end of the transaction: whoever takes a place, gives one back or
/// changes the agenda holds this first, so that nothing of it changes in between and nobody waits in a circle.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(tx: &mut Tx, entity: i64, code: &str) -> Result<Option<ServiceRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "UPDATE services SET agenda_version = agenda_version WHERE entity_id = $1 AND code = $2 RETURNING *",
        entity,
        code
    )?)
}

/// Makes a service, or changes all of it but its agenda.
///
/// # Errors
/// When the database does not answer.
pub async fn put(tx: &mut Tx, entity: i64, row: &ServiceRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO services (entity_id, code, name, department, prefix, appointment, registry, slot_minutes, day_limit,
            notice_minutes, horizon_days, active_per_person, cancel_until_minutes, bring, quick, active, agenda,
            agenda_version, changed_at, changed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
         ON CONFLICT (entity_id, code) DO UPDATE SET name = excluded.name, department = excluded.department,
            prefix = excluded.prefix, appointment = excluded.appointment, registry = excluded.registry,
            slot_minutes = excluded.slot_minutes, day_limit = excluded.day_limit, notice_minutes = excluded.notice_minutes,
            horizon_days = excluded.horizon_days, active_per_person = excluded.active_per_person,
            cancel_until_minutes = excluded.cancel_until_minutes, bring = excluded.bring, quick = excluded.quick,
            active = excluded.active, changed_at = excluded.changed_at, changed_by = excluded.changed_by",
        entity,
        row.code.as_str(),
        row.name.as_str(),
        row.department.as_str(),
        row.prefix.as_str(),
        row.appointment,
        row.registry,
        row.slot_minutes,
        row.day_limit,
        row.notice_minutes,
        row.horizon_days,
        row.active_per_person,
        row.cancel_until_minutes,
        row.bring.as_deref(),
        row.quick,
        row.active,
        row.agenda.as_str(),
        row.agenda_version,
        row.changed_at,
        row.changed_by.as_str()
    )?;
    Ok(())
}

/// Puts an agenda in the place of a service's, with the next version. Under [`lock`] only.
///
/// # Errors
/// When the database does not answer.
pub async fn put_agenda(tx: &mut Tx, entity: i64, code: &str, agenda: &str, at: Micros, by: &str) -> Result<()> {
    sql!(
        tx,
        execute,
        "UPDATE services SET agenda = $3, agenda_version = agenda_version + 1, changed_at = $4, changed_by = $5
         WHERE entity_id = $1 AND code = $2",
        entity,
        code,
        agenda,
        at,
        by
    )?;
    Ok(())
}
