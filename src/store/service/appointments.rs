//! Appointments.

use uuid::Uuid;

use crate::domain::{AppointmentStatus, BookedBy, IdType, Micros};
use crate::store::statement::{Statement, run};
use crate::store::{Result, Tx, row, sql};

/// An appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct AppointmentRow {
    pub id: Uuid,
    pub service: String,
    pub code: String,
    pub department: String,
    pub start_at: Micros,
    pub end_at: Micros,
    pub local_date: String,
    pub status: AppointmentStatus,
    pub name: String,
    pub id_type: Option<IdType>,
    pub person_id: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub language: String,
    pub remarks: Option<String>,
    pub booked_by: BookedBy,
    pub booked_by_name: Option<String>,
    pub booked_at: Micros,
    pub changed_at: Micros,
    pub reason: Option<String>,
    pub version: i64,
}
row! { AppointmentRow: id, service, code, department, start_at, end_at, local_date, status, name, id_type, person_id,
phone, email, language, remarks, booked_by, booked_by_name, booked_at, changed_at, reason, version }

/// Writes an appointment.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, entity: i64, row: &AppointmentRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO appointments (id, entity_id, service, code, department, start_at, end_at, local_date, status, name,
            id_type, person_id, phone, email, language, remarks, booked_by, booked_by_name, booked_at, changed_at, reason,
            version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        row.id,
        entity,
        row.service.as_str(),
        row.code.as_str(),
        row.department.as_str(),
        row.start_at,
        row.end_at,
        row.local_date.as_str(),
        row.status,
        row.name.as_str(),
        row.id_type,
        row.person_id.as_deref(),
        row.phone.as_deref(),
        row.email.as_deref(),
        row.language.as_str(),
        row.remarks.as_deref(),
        row.booked_by,
        row.booked_by_name.as_deref(),
        row.booked_at,
        row.changed_at,
        row.reason.as_deref(),
        row.version
    )?;
    Ok(())
}

/// An appointment by its code.
///
/// # Errors
/// When the database does not answer.
pub async fn by_code(tx: &mut Tx, entity: i64, code: &str) -> Result<Option<AppointmentRow>> {
    Ok(sql!(tx, fetch_optional, "SELECT * FROM appointments WHERE entity_id = $1 AND code = $2", entity, code)?)
}

/// An appointment by its id.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(tx: &mut Tx, entity: i64, id: Uuid) -> Result<Option<AppointmentRow>> {
    Ok(sql!(tx, fetch_optional, "SELECT * FROM appointments WHERE entity_id = $1 AND id = $2", entity, id)?)
}

/// The appointments of a service that stand and end after this instant, in the order in which they were booked.
///
/// # Errors
/// When the database does not answer.
pub async fn standing(tx: &mut Tx, entity: i64, service: &str, after: Micros) -> Result<Vec<AppointmentRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT * FROM appointments WHERE entity_id = $1 AND service = $2 AND end_at > $3 AND status = 'booked'
         ORDER BY booked_at, id",
        entity,
        service,
        after
    )?)
}

/// Hands the appointments of a service that still stand, or wait for another time, to another unit.
///
/// # Errors
/// When the database does not answer.
pub async fn hand_over(tx: &mut Tx, entity: i64, service: &str, department: &str, after: Micros) -> Result<()> {
    sql!(
        tx,
        execute,
        "UPDATE appointments SET department = $3
         WHERE entity_id = $1 AND service = $2 AND end_at > $4 AND status IN ('booked', 'broken', 'checked_in')",
        entity,
        service,
        department,
        after
    )?;
    Ok(())
}

/// How many appointments of a service that stand one person has, known by id, phone or e-mail.
///
/// # Errors
/// When the database does not answer.
pub async fn of_person(
    tx: &mut Tx,
    entity: i64,
    service: &str,
    (id, phone, email): (Option<(IdType, &str)>, Option<&str>, Option<&str>),
    after: Micros,
) -> Result<i64> {
    let (count,): (i64,) = sql!(
        tx,
        fetch_one,
        "SELECT count(*) FROM appointments
         WHERE entity_id = $1 AND service = $2 AND status IN ('booked', 'checked_in') AND end_at > $6
           AND (person_id = $3 AND id_type = $7 OR phone = $4 OR email = $5)",
        entity,
        service,
        id.map(|(_, id)| id),
        phone,
        email,
        after,
        id.map(|(id_type, _)| id_type)
    )?;
    Ok(count)
}

/// Changes where an appointment stands, if it stands in one of these; whether it did.
///
/// # Errors
/// When the database does not answer.
pub async fn set_status(
    tx: &mut Tx,
    entity: i64,
    id: Uuid,
    from: &[AppointmentStatus],
    to: AppointmentStatus,
    (at, reason): (Micros, Option<&str>),
) -> Result<bool> {
    for status in from {
        let changed = sql!(
            tx,
            execute,
            "UPDATE appointments SET status = $4, changed_at = $5, reason = $6, version = version + 1
             WHERE entity_id = $1 AND id = $2 AND status = $3",
            entity,
            id,
            *status,
            to,
            at,
            reason
        )?;
        if changed == 1 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes that an appointment is at another time, and stands.
///
/// # Errors
/// When the database does not answer.
pub async fn set_time(tx: &mut Tx, entity: i64, row: &AppointmentRow, at: Micros) -> Result<()> {
    sql!(
        tx,
        execute,
        "UPDATE appointments SET start_at = $3, end_at = $4, local_date = $5, status = 'booked', changed_at = $6,
            version = version + 1
         WHERE entity_id = $1 AND id = $2",
        entity,
        row.id,
        row.start_at,
        row.end_at,
        row.local_date.as_str(),
        at
    )?;
    Ok(())
}

/// Which appointments are asked for. Whatever is `None` does not narrow them.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each is named for what it narrows")]
pub struct Wanted {
    pub service: Option<String>,
    pub department: Option<String>,
    pub date: Option<String>,
    pub status: Option<AppointmentStatus>,
    /// An id, phone or e-mail, as they are kept.
    pub person: Option<String>,
    /// Only those after this one, by date, start and id.
    pub after: Option<(String, Micros, Uuid)>,
}

/// The appointments wanted, by time.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, entity: i64, wanted: &Wanted, limit: i64) -> Result<Vec<AppointmentRow>> {
    let mut statement = Statement::default();
    statement.sql("SELECT * FROM appointments WHERE entity_id = ").int(entity);
    if let Some(service) = &wanted.service {
        statement.sql(" AND service = ").text(service.clone());
    }
    if let Some(department) = &wanted.department {
        statement.sql(" AND department = ").text(department.clone());
    }
    if let Some(date) = &wanted.date {
        statement.sql(" AND local_date = ").text(date.clone());
    }
    if let Some(status) = wanted.status {
        statement.sql(" AND status = ").text(status.as_str());
    }
    if let Some(person) = &wanted.person {
        statement.sql(" AND (person_id = ").text(person.clone()).sql(" OR phone = ").text(person.clone());
        statement.sql(" OR email = ").text(person.to_lowercase()).sql(")");
    }
    if let Some((date, start, id)) = &wanted.after {
        statement.sql(" AND (local_date, start_at, id) > (").text(date.clone()).sql(", ").int(start.0);
        statement.sql(", ").uuid(*id).sql(")");
    }
    statement.sql(" ORDER BY local_date, start_at, id LIMIT ").int(limit);
    Ok(run!(tx, statement))
}
