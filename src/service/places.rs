//! Which places of a service are free, and taking one.

use std::collections::{BTreeSet, HashMap};

use chrono::{Days, NaiveDate};

use super::agenda::{Agenda, Slot};
use super::services::{By, Refusal, ServiceError};
use crate::domain::{AppointmentMode, Calendar, Micros};
use crate::registry::calendar;
use crate::registry::caller::Entity;
use crate::store::service::services::ServiceRow;
use crate::store::service::slots::{self, SeatRow, Sitter, SlotRow};
use crate::store::{self, Store, Tx};

/// Starts that are offered with a refusal.
const OFFERED: usize = 3;

/// A service as its slots follow from it: settings, agenda, calendar, now.
#[derive(Debug)]
pub struct Book<'a> {
    pub entity: &'a Entity,
    pub service: ServiceRow,
    pub agenda: Agenda,
    pub calendar: Calendar,
    /// By the registry's clock, which slots go by.
    pub now: Micros,
    /// By the database's clock, which holds go by.
    pub held_at: Micros,
}

/// Slots with what is free of each, and the days whose limit is reached.
#[derive(Debug, Default)]
pub struct Free {
    pub slots: Vec<(Slot, i64)>,
    pub full_days: BTreeSet<NaiveDate>,
}

impl<'a> Book<'a> {
    pub async fn open(tx: &mut Tx, entity: &'a Entity, service: ServiceRow, now: Micros) -> store::Result<Self> {
        let agenda = serde_json::from_str(&service.agenda).map_err(|_| store::Error::Corrupt("agenda"))?;
        let calendar = calendar::load(tx, entity.id).await?;
        let held_at = slots::now(tx, now).await?;
        Ok(Self { entity, service, agenda, calendar, now, held_at })
    }

    pub fn today(&self) -> NaiveDate {
        self.now.local_date(self.entity.zone)
    }

    pub fn last_day(&self) -> NaiveDate {
        let ahead = Days::new(u64::try_from(self.service.horizon_days).unwrap_or_default());
        self.today().checked_add_days(ahead).unwrap_or(NaiveDate::MAX)
    }

    fn takes_bookings(&self) -> bool {
        self.service.active && self.service.appointment != AppointmentMode::None
    }

    /// Whether a slot is neither too soon nor too far ahead. Staff need give no notice.
    fn is_bookable(&self, slot: &Slot, by: &By) -> bool {
        let notice = if *by == By::Public { self.service.notice_minutes * 60_000_000 } else { 0 };
        slot.start.0 >= self.now.0 + notice && slot.date <= self.last_day()
    }

    /// The slot that begins then, if it can be booked.
    pub async fn slot(&self, tx: &mut Tx, start: Micros, by: &By, held: bool) -> store::Result<Result<Slot, Refusal>> {
        let (entity, code) = (self.entity.id, self.service.code.as_str());
        let slot = self.agenda.slot_at(start, &self.calendar, self.service.slot_minutes, self.entity.zone);
        match slot.filter(|_| self.takes_bookings()) {
            // Who held the place in time has it, though the notice runs out meanwhile.
            Some(slot) if self.is_bookable(&slot, by) || held && slot.start > self.now => Ok(Ok(slot)),
            Some(_) => Ok(Err(Refusal::OutsideAgenda)),
            None => {
                // A slot with a row was in the agenda when somebody took a place of it.
                let known = !slots::between(tx, entity, code, start, Micros(start.0 + 1)).await?.is_empty();
                let was = (held || known) && start > self.now;
                Ok(Err(if was { Refusal::AgendaChanged } else { Refusal::OutsideAgenda }))
            }
        }
    }

    /// What is free on these days for whoever asks; slots with nothing free are left out.
    pub async fn free(&self, tx: &mut Tx, from: NaiveDate, to: NaiveDate, by: &By) -> store::Result<Free> {
        let (entity, code, zone) = (self.entity.id, self.service.code.as_str(), self.entity.zone);
        let (from, to) = (from.max(self.today()), to.min(self.last_day()));
        if from > to || !self.takes_bookings() {
            return Ok(Free::default());
        }
        let range = Micros::day_range(from, to, zone);
        let rows = slots::between(tx, entity, code, range.start, range.end).await?;
        let mut rows: HashMap<Micros, SlotRow> = rows.into_iter().map(|row| (row.start_at, row)).collect();
        let days = slots::days(tx, entity, code, &from.to_string(), &to.to_string()).await?;
        let mut days: HashMap<String, i64> = days.into_iter().collect();
        for seat in slots::expired(tx, entity, code, self.held_at).await? {
            if let Some(row) = rows.get_mut(&seat.start_at) {
                row.taken -= 1;
                row.public_taken -= i64::from(seat.public);
                *days.entry(row.local_date.clone()).or_default() -= 1;
            }
        }
        let limit = self.service.day_limit.unwrap_or(i64::MAX);
        let mut free = Free::default();
        for date in from.iter_days().take_while(|date| *date <= to) {
            let slots = self.agenda.slots(date, &self.calendar, self.service.slot_minutes, zone);
            if !slots.is_empty() && days.get(&date.to_string()).is_some_and(|taken| *taken >= limit) {
                free.full_days.insert(date);
                continue;
            }
            for slot in slots.into_iter().filter(|slot| self.is_bookable(slot, by)) {
                let (taken, public_taken) = rows.get(&slot.start).map_or((0, 0), |row| (row.taken, row.public_taken));
                let all = slot.places.public + slot.places.staff - taken;
                let places = if *by == By::Public { all.min(slot.places.public - public_taken) } else { all };
                if places > 0 {
                    free.slots.push((slot, places));
                }
            }
        }
        Ok(free)
    }

    /// The free starts that are nearest to this instant.
    pub async fn nearest(&self, tx: &mut Tx, start: Micros, by: &By) -> store::Result<Vec<Micros>> {
        let free = self.free(tx, self.today(), self.last_day(), by).await?;
        let mut starts: Vec<Micros> = free.slots.into_iter().map(|(slot, _)| slot.start).collect();
        starts.sort_by_key(|other| other.0.abs_diff(start.0));
        starts.truncate(OFFERED);
        starts.sort_unstable();
        Ok(starts)
    }

    /// A refusal, with what is free instead. What was tried is undone first: then the lock is free for others, and a place
    /// that was given back to be exchanged for another is its holder's again.
    pub async fn refuse(&self, tx: Tx, store: &Store, why: Refusal, start: Micros, by: &By) -> ServiceError {
        drop(tx);
        let nearest = async { self.nearest(&mut store.read().await?, start, by).await };
        match nearest.await {
            Ok(nearest) => ServiceError::Refused(why, nearest),
            Err(error) => error.into(),
        }
    }

    /// Gives back the places of holds that expired.
    pub async fn end_expired(&self, tx: &mut Tx) -> store::Result<()> {
        let (entity, code) = (self.entity.id, self.service.code.as_str());
        for seat in slots::end_expired(tx, entity, code, self.held_at).await? {
            slots::give_back(tx, entity, code, &seat).await?;
        }
        Ok(())
    }

    /// Gives back the place of a hold; none where it does not stand for this slot.
    pub async fn end_hold(&self, tx: &mut Tx, hold: uuid::Uuid, start: Micros) -> store::Result<Option<SeatRow>> {
        let (entity, code) = (self.entity.id, self.service.code.as_str());
        let seat = slots::end_hold(tx, entity, code, hold).await?.filter(|seat| seat.start_at == start);
        if let Some(seat) = &seat {
            slots::give_back(tx, entity, code, seat).await?;
        }
        Ok(seat)
    }

    /// Takes a place of a slot and of its day for somebody: always slot, day, seat, in that order.
    pub async fn take(
        &self,
        tx: &mut Tx,
        slot: &Slot,
        public: bool,
        sitter: Sitter<'_>,
    ) -> store::Result<Result<(), Refusal>> {
        let (entity, code) = (self.entity.id, self.service.code.as_str());
        let date = slot.date.to_string();
        slots::put(tx, entity, code, &row_of(slot)).await?;
        if !slots::take(tx, entity, code, slot.start, public).await? {
            return Ok(Err(Refusal::SlotTaken));
        }
        if !slots::take_day(tx, entity, code, &date, self.service.day_limit.unwrap_or(i64::MAX)).await? {
            return Ok(Err(Refusal::DayFull));
        }
        let seats = slots::seats(tx, entity, code, slot.start).await?;
        let seat = (1..=row_of(slot).capacity).find(|seat| !seats.contains(seat)).unwrap_or(1);
        slots::sit(tx, entity, code, (slot.start, seat, public), sitter).await?;
        Ok(Ok(()))
    }
}

/// A slot as its row has it.
pub fn row_of(slot: &Slot) -> SlotRow {
    SlotRow {
        start_at: slot.start,
        end_at: slot.end,
        local_date: slot.date.to_string(),
        public_places: slot.places.public,
        capacity: slot.places.public + slot.places.staff,
        public_taken: 0,
        taken: 0,
    }
}
