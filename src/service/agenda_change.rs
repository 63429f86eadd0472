//! Putting an agenda in the place of another: which bookings no longer fit is decided and written with the change.

use std::collections::HashMap;

use super::agenda::Agenda;
use super::places::{Book, row_of};
use super::services::{By, ServiceError, Services};
use crate::domain::{AppointmentStatus, BookedBy, Micros};
use crate::registry::caller::Entity;
use crate::store::service::appointments::{self, AppointmentRow};
use crate::store::service::services::{self, ServiceRow};
use crate::store::service::slots::{self, SlotRow};

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
        let minutes = book.service.slot_minutes;
        let mut fitting: HashMap<Micros, (i64, i64)> = HashMap::new();
        let mut broken = Vec::new();
        for appointment in appointments::standing(&mut tx, entity.id, code, now).await? {
            let slot = agenda.slot_at(appointment.start_at, &book.calendar, minutes, entity.zone);
            let (all, public) = fitting.entry(appointment.start_at).or_default();
            let by_public = i64::from(appointment.booked_by == BookedBy::Public);
            // One that began already is not sent away.
            let fits = appointment.start_at <= now
                || slot.is_some_and(|slot| {
                    slot.end == appointment.end_at
                        && *all < slot.places.public + slot.places.staff
                        && (by_public == 0 || *public < slot.places.public)
                });
            if fits {
                *all += 1;
                *public += by_public;
            } else {
                broken.push(appointment);
            }
        }
        for appointment in &mut broken {
            if let Some(seat) = slots::leave(&mut tx, entity.id, appointment.id).await? {
                slots::give_back(&mut tx, entity.id, code, &seat).await?;
            }
            let (from, to) = ([AppointmentStatus::Booked], AppointmentStatus::Broken);
            appointments::set_status(&mut tx, entity.id, appointment.id, &from, to, (now, None)).await?;
            (appointment.status, appointment.changed_at) = (to, now);
        }
        for row in slots::between(&mut tx, entity.id, code, now, Micros(i64::MAX)).await? {
            let slot = agenda.slot_at(row.start_at, &book.calendar, minutes, entity.zone);
            let row = slot.map_or(SlotRow { public_places: 0, capacity: 0, ..row }, |slot| row_of(&slot));
            slots::put(&mut tx, entity.id, code, &row).await?;
        }
        let text = serde_json::to_string(&agenda).map_err(|_| crate::store::Error::Bug("agenda"))?;
        services::put_agenda(&mut tx, entity.id, code, &text, now, &name).await?;
        let mut told = Vec::with_capacity(broken.len());
        for appointment in broken {
            let nearest = book.nearest(&mut tx, appointment.start_at, &By::Public).await?;
            told.push(Broken { appointment, nearest });
        }
        let service = services::by_code(&mut tx, entity.id, code).await?.ok_or(ServiceError::NotFound)?;
        if dry_run {
            return Ok((book.service, agenda, told));
        }
        tx.commit().await?;
        Ok((service, agenda, told))
    }
}
