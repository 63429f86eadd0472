//! Putting an agenda in the place of another, and following the calendar: which bookings no longer fit is decided and written
//! with the change.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::agenda::Agenda;
use super::places::{Book, row_of};
use super::services::{By, ServiceError, Services};
use crate::domain::{AppointmentStatus, Micros};
use crate::registry::caller::Entity;
use crate::store::service::appointments::{self, AppointmentRow};
use crate::store::service::services::{self, ServiceRow};
use crate::store::service::slots::{self, SlotRow};
use crate::store::{self, Tx};

/// Services whose bookings are looked at together.
const PAGE: i64 = 100;

/// A booking that no longer fits, and the free starts that are nearest to it.
#[derive(Debug, Clone)]
pub struct Broken {
    /// The booking.
    pub appointment: AppointmentRow,
    /// What can be offered instead.
    pub nearest: Vec<Micros>,
}

impl Services {
    /// Puts an agenda in the place of a service's; with the bookings that no longer fit, which become broken. A dry run
    /// changes nothing.
    ///
    /// # Errors
    /// [`ServiceError`]; then nothing changes.
    pub async fn put_agenda(
        &self,
        entity: &Entity,
        by: &By,
        code: &str,
        body: &[u8],
        (seen, dry_run): (Option<&[i64]>, bool),
    ) -> Result<(ServiceRow, Agenda, Vec<Broken>), ServiceError> {
        let name = by.name().ok_or(ServiceError::NotFound)?.to_owned();
        let mut tx = self.store.begin().await?;
        let service = services::lock(&mut tx, entity.id, code).await?.ok_or(ServiceError::NotFound)?;
        if by.is_of_other(&service.department) {
            return Err(ServiceError::NotFound);
        }
        if seen.is_some_and(|seen| !seen.contains(&service.agenda_version)) {
            return Err(ServiceError::Changed);
        }
        let agenda = Agenda::parse(body, service.slot_minutes).map_err(ServiceError::Invalid)?;
        let now = self.clock.now();
        let mut book = Book::open(&mut tx, entity, service, now).await?;
        book.end_expired(&mut tx).await?;
        book.agenda = agenda.clone();
        let broken = break_unfitting(&mut tx, &book).await?;
        let text = serde_json::to_string(&agenda).map_err(|_| store::Error::Bug("agenda"))?;
        services::put_agenda(&mut tx, entity.id, code, &text, now, &name).await?;
        let service = services::by_code(&mut tx, entity.id, code).await?.ok_or(ServiceError::NotFound)?;
        let before = std::mem::replace(&mut book.service, service.clone());
        if dry_run {
            drop(tx);
        } else {
            tx.commit().await?;
        }
        // What is free is looked up when nobody waits for this any more. After a dry run the old places count as taken.
        let mut tx = self.store.read().await?;
        let mut told = Vec::with_capacity(broken.len());
        for appointment in broken {
            let nearest = book.nearest(&mut tx, appointment.start_at, &By::Public).await?;
            told.push(Broken { appointment, nearest });
        }
        Ok((if dry_run { before } else { service }, agenda, told))
    }

    /// Breaks the bookings of all services that fit no longer since the calendar changed, and gives how many.
    ///
    /// # Errors
    /// When the database does not answer; then those of some services may be broken already.
    pub async fn follow_calendar(&self, entity: &Entity) -> store::Result<u64> {
        let (mut after, mut broken) = (String::new(), 0);
        loop {
            let page = services::list(&mut self.store.read().await?, entity.id, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(broken) };
            after.clone_from(&last.code);
            for service in page {
                let mut tx = self.store.begin().await?;
                let Some(service) = services::lock(&mut tx, entity.id, &service.code).await? else { continue };
                let book = Book::open(&mut tx, entity, service, self.clock.now()).await?;
                book.end_expired(&mut tx).await?;
                let found = break_unfitting(&mut tx, &book).await?;
                if !found.is_empty() {
                    tx.commit().await?;
                    broken += found.len() as u64;
                }
            }
        }
    }
}

/// Breaks the bookings that the agenda and the calendar of a book have no place for, and makes its slots as they say. Under
/// the service's lock only.
async fn break_unfitting(tx: &mut Tx, book: &Book<'_>) -> store::Result<Vec<AppointmentRow>> {
    let (entity, code, now) = (book.entity.id, book.service.code.as_str(), book.now);
    let slot_at = |start| book.agenda.slot_at(start, &book.calendar, book.service.slot_minutes, book.entity.zone);
    // Who moved what somebody else had booked sits where it was moved to.
    let public: HashSet<Uuid> = slots::public_seats(tx, entity, code).await?.into_iter().collect();
    let mut fitting: HashMap<Micros, (i64, i64)> = HashMap::new();
    let mut broken = Vec::new();
    for appointment in appointments::standing(tx, entity, code, now).await? {
        let slot = slot_at(appointment.start_at);
        let (all, of_public) = fitting.entry(appointment.start_at).or_default();
        let is_public = i64::from(public.contains(&appointment.id));
        // One that began already is not sent away.
        let fits = appointment.start_at <= now
            || slot.is_some_and(|slot| {
                slot.end == appointment.end_at
                    && *all < slot.places.public + slot.places.staff
                    && (is_public == 0 || *of_public < slot.places.public)
            });
        if fits {
            *all += 1;
            *of_public += is_public;
        } else {
            broken.push(appointment);
        }
    }
    for appointment in &mut broken {
        if let Some(seat) = slots::leave(tx, entity, appointment.id).await? {
            slots::give_back(tx, entity, code, &seat).await?;
        }
        let (from, to) = ([AppointmentStatus::Booked], AppointmentStatus::Broken);
        appointments::set_status(tx, entity, appointment.id, &from, to, (now, None)).await?;
        (appointment.status, appointment.changed_at) = (to, now);
    }
    for row in slots::between(tx, entity, code, now, Micros(i64::MAX)).await? {
        let row = slot_at(row.start_at).map_or(SlotRow { public_places: 0, capacity: 0, ..row }, |slot| row_of(&slot));
        slots::put(tx, entity, code, &row).await?;
    }
    Ok(broken)
}
