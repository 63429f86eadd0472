//! Slots of which a place was ever taken, the places taken of each day, and the seats. All that writes is called with the
//! service's row locked (`services::lock`).

use uuid::Uuid;

use crate::domain::Micros;
use crate::store::{Result, Tx, row, sql};

/// A slot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct SlotRow {
    pub start_at: Micros,
    pub end_at: Micros,
    pub local_date: String,
    pub public_places: i64,
    pub capacity: i64,
    pub public_taken: i64,
    pub taken: i64,
}
row! { SlotRow: start_at, end_at, local_date, public_places, capacity, public_taken, taken }

/// A place of a slot that is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct SeatRow {
    pub start_at: Micros,
    pub seat: i64,
    pub public: bool,
}
row! { SeatRow: start_at, seat, public }

/// Of whom a seat is.
#[derive(Debug, Clone, Copy)]
pub enum Sitter<'a> {
    /// A hold: its id, who made it, until when.
    Hold(Uuid, &'a str, Micros),
    /// An appointment.
    Appointment(Uuid),
}

/// The time by which holds expire: the database's, where it has a clock of its own.
///
/// # Errors
/// When the database does not answer.
pub async fn now(tx: &mut Tx, otherwise: Micros) -> Result<Micros> {
    Ok(match tx {
        Tx::Sqlite(_) => otherwise,
        Tx::Postgres(tx) => {
            let (now,): (Micros,) =
                sqlx::query_as("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)")
                    .fetch_one(&mut **tx)
                    .await?;
            now
        }
    })
}

/// The slots of these instants that have a row, by start.
///
/// # Errors
/// When the database does not answer.
pub async fn between(tx: &mut Tx, entity: i64, service: &str, from: Micros, to: Micros) -> Result<Vec<SlotRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT start_at, end_at, local_date, public_places, capacity, public_taken, taken FROM slots
         WHERE entity_id = $1 AND service = $2 AND start_at >= $3 AND start_at < $4 ORDER BY start_at",
        entity,
        service,
        from,
        to
    )?)
}

/// The days from this one on of which places are taken, with how many.
///
/// # Errors
/// When the database does not answer.
pub async fn days(tx: &mut Tx, entity: i64, service: &str, from: &str, to: &str) -> Result<Vec<(String, i64)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT local_date, taken FROM slot_days
         WHERE entity_id = $1 AND service = $2 AND local_date >= $3 AND local_date <= $4 ORDER BY local_date",
        entity,
        service,
        from,
        to
    )?)
}

/// Holds that expired and are not taken away yet, by slot: which day, whether of the public's places, how many.
///
/// # Errors
/// When the database does not answer.
pub async fn expired(tx: &mut Tx, entity: i64, service: &str, now: Micros) -> Result<Vec<SeatRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT start_at, seat, public FROM seats
         WHERE entity_id = $1 AND service = $2 AND hold_id IS NOT NULL AND expires_at <= $3 ORDER BY start_at, seat",
        entity,
        service,
        now
    )?)
}

/// Writes a slot, or what the agenda says of it now.
///
/// # Errors
/// When the database does not answer.
pub async fn put(tx: &mut Tx, entity: i64, service: &str, row: &SlotRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO slots (entity_id, service, start_at, end_at, local_date, public_places, capacity, public_taken, taken)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)
         ON CONFLICT (entity_id, service, start_at) DO UPDATE SET end_at = excluded.end_at,
            public_places = excluded.public_places, capacity = excluded.capacity",
        entity,
        service,
        row.start_at,
        row.end_at,
        row.local_date.as_str(),
        row.public_places,
        row.capacity
    )?;
    Ok(())
}

/// Takes a place of a slot, if it has one; whether it had.
///
/// # Errors
/// When the database does not answer.
pub async fn take(tx: &mut Tx, entity: i64, service: &str, start: Micros, public: bool) -> Result<bool> {
    let one = i64::from(public);
    let taken = sql!(
        tx,
        execute,
        "UPDATE slots SET taken = taken + 1, public_taken = public_taken + $4
         WHERE entity_id = $1 AND service = $2 AND start_at = $3
           AND taken < capacity AND ($4 = 0 OR public_taken < public_places)",
        entity,
        service,
        start,
        one
    )?;
    Ok(taken == 1)
}

/// Takes one of the places of a day, if its limit allows; whether it did.
///
/// # Errors
/// When the database does not answer.
pub async fn take_day(tx: &mut Tx, entity: i64, service: &str, date: &str, limit: i64) -> Result<bool> {
    sql!(
        tx,
        execute,
        "INSERT INTO slot_days (entity_id, service, local_date, taken) VALUES ($1, $2, $3, 0)
         ON CONFLICT (entity_id, service, local_date) DO NOTHING",
        entity,
        service,
        date
    )?;
    let taken = sql!(
        tx,
        execute,
        "UPDATE slot_days SET taken = taken + 1
         WHERE entity_id = $1 AND service = $2 AND local_date = $3 AND taken < $4",
        entity,
        service,
        date,
        limit
    )?;
    Ok(taken == 1)
}

/// The seats of a slot that are taken.
///
/// # Errors
/// When the database does not answer.
pub async fn seats(tx: &mut Tx, entity: i64, service: &str, start: Micros) -> Result<Vec<i64>> {
    let seats: Vec<(i64,)> = sql!(
        tx,
        fetch_all,
        "SELECT seat FROM seats WHERE entity_id = $1 AND service = $2 AND start_at = $3 ORDER BY seat",
        entity,
        service,
        start
    )?;
    Ok(seats.into_iter().map(|(seat,)| seat).collect())
}

/// Sits somebody on a seat.
///
/// # Errors
/// When the database does not answer, or somebody sits there.
pub async fn sit(
    tx: &mut Tx,
    entity: i64,
    service: &str,
    (start, seat, public): (Micros, i64, bool),
    sitter: Sitter<'_>,
) -> Result<()> {
    let (hold, by, until, appointment) = match sitter {
        Sitter::Hold(id, by, until) => (Some(id), Some(by), Some(until), None),
        Sitter::Appointment(id) => (None, None, None, Some(id)),
    };
    sql!(
        tx,
        execute,
        "INSERT INTO seats (entity_id, service, start_at, seat, public, hold_id, held_by, expires_at, appointment_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        entity,
        service,
        start,
        seat,
        public,
        hold,
        by,
        until,
        appointment
    )?;
    Ok(())
}

/// Takes a hold away that stands for this slot; its seat, where there was one.
///
/// # Errors
/// When the database does not answer.
pub async fn end_hold(tx: &mut Tx, entity: i64, service: &str, hold: Uuid) -> Result<Option<SeatRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "DELETE FROM seats WHERE entity_id = $1 AND service = $2 AND hold_id = $3 RETURNING start_at, seat, public",
        entity,
        service,
        hold
    )?)
}

/// Takes the seat of an appointment away.
///
/// # Errors
/// When the database does not answer.
pub async fn leave(tx: &mut Tx, entity: i64, appointment: Uuid) -> Result<Option<SeatRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "DELETE FROM seats WHERE entity_id = $1 AND appointment_id = $2 RETURNING start_at, seat, public",
        entity,
        appointment
    )?)
}

/// The appointments of a service that sit in one of the public's places.
///
/// # Errors
/// When the database does not answer.
pub async fn public_seats(tx: &mut Tx, entity: i64, service: &str) -> Result<Vec<Uuid>> {
    let seats: Vec<(Uuid,)> = sql!(
        tx,
        fetch_all,
        "SELECT appointment_id FROM seats
         WHERE entity_id = $1 AND service = $2 AND public AND appointment_id IS NOT NULL",
        entity,
        service
    )?;
    Ok(seats.into_iter().map(|(id,)| id).collect())
}

/// How many holds that have not expired somebody has, of all services.
///
/// # Errors
/// When the database does not answer.
pub async fn held(tx: &mut Tx, entity: i64, by: &str, now: Micros) -> Result<i64> {
    let (count,): (i64,) = sql!(
        tx,
        fetch_one,
        "SELECT count(*) FROM seats WHERE entity_id = $1 AND held_by = $2 AND expires_at > $3",
        entity,
        by,
        now
    )?;
    Ok(count)
}

/// Takes away the seats of holds that expired; then their places are to be given back.
///
/// # Errors
/// When the database does not answer.
pub async fn end_expired(tx: &mut Tx, entity: i64, service: &str, now: Micros) -> Result<Vec<SeatRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "DELETE FROM seats WHERE entity_id = $1 AND service = $2 AND hold_id IS NOT NULL AND expires_at <= $3
         RETURNING start_at, seat, public",
        entity,
        service,
        now
    )?)
}

/// Gives a place of a slot and of its day back.
///
/// # Errors
/// When the database does not answer.
pub async fn give_back(tx: &mut Tx, entity: i64, service: &str, seat: &SeatRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "UPDATE slots SET taken = taken - 1, public_taken = public_taken - $4
         WHERE entity_id = $1 AND service = $2 AND start_at = $3",
        entity,
        service,
        seat.start_at,
        i64::from(seat.public)
    )?;
    sql!(
        tx,
        execute,
        "UPDATE slot_days SET taken = taken - 1
         WHERE entity_id = $1 AND service = $2 AND local_date =
            (SELECT local_date FROM slots WHERE entity_id = $1 AND service = $2 AND start_at = $3)",
        entity,
        service,
        seat.start_at
    )?;
    Ok(())
}
