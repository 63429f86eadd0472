//! When the first slot of a service is free: what people wait for an appointment.

use super::places::Book;
use super::services::{By, ServiceError, Services};
use crate::domain::{AppointmentMode, Micros};
use crate::registry::caller::Entity;
use crate::store::service::services::{self, ServiceRow};
use crate::store::{self, Tx};

/// Services that are looked at together.
const PAGE: i64 = 500;

/// The first slot of a service that the public can book now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstFree {
    /// The code of the service.
    pub service: String,
    /// When it begins; none where nothing is free as far ahead as can be booked.
    pub at: Option<Micros>,
    /// Whether that is farther than `appointments.far_days`.
    pub is_far: bool,
}

impl Services {
    /// Days to the first free slot above which it is far; 0 where none is.
    #[must_use]
    pub fn far_from(mut self, days: u32) -> Self {
        self.far_days = i64::from(days);
        self
    }

    /// The first free slot of each service that gives appointments: it is offered, and its agenda is not closed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn first_free(&self, entity: &Entity) -> store::Result<Vec<FirstFree>> {
        let mut tx = self.store.read().await?;
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let rows = services::list(&mut tx, entity.id, &after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(found) };
            after.clone_from(&last.code);
            for row in rows {
                found.extend(self.first_free_of(&mut tx, entity, row).await?);
            }
        }
    }

    /// That of one service; none where it gives no appointments.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the database's.
    pub async fn first_free_at(&self, entity: &Entity, code: &str) -> Result<Option<FirstFree>, ServiceError> {
        let mut tx = self.store.read().await?;
        let row = services::by_code(&mut tx, entity.id, code).await?.ok_or(ServiceError::NotFound)?;
        Ok(self.first_free_of(&mut tx, entity, row).await?)
    }

    async fn first_free_of(&self, tx: &mut Tx, entity: &Entity, row: ServiceRow) -> store::Result<Option<FirstFree>> {
        if !row.active || row.appointment == AppointmentMode::None {
            return Ok(None);
        }
        let service = row.code.clone();
        let book = Book::open(tx, entity, row, self.clock.now()).await?;
        if book.agenda.rules.is_empty() && book.agenda.extra.is_empty() {
            return Ok(None);
        }
        let (today, last) = (book.today(), book.last_day());
        let free = book.free(tx, today, last, &By::Public).await?;
        let first = free.slots.into_iter().map(|(slot, _)| slot).min_by_key(|slot| slot.start);
        let is_far = self.far_days > 0 && first.is_none_or(|slot| (slot.date - today).num_days() > self.far_days);
        Ok(Some(FirstFree { service, at: first.map(|slot| slot.start), is_far }))
    }
}
