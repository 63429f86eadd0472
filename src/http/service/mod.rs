//! The citizens' service: services with their agendas, slots, appointments.

pub mod appointments;
pub mod calendar_file;
pub mod services;
pub mod slots;

use super::problem::{Kind, Problem};
use crate::service::services::{Refusal, ServiceError};

/// What a refusal is, and what to do about it.
fn told(refusal: Refusal) -> (Kind, &'static str) {
    match refusal {
        Refusal::SlotTaken => (Kind::SlotTaken, "all places of this slot are taken; take another"),
        Refusal::DayFull => (Kind::DayFull, "the day has as many appointments as it may; take another day"),
        Refusal::TooManyBookings => {
            (Kind::TooManyBookings, "this person has as many appointments as may stand; cancel one first")
        }
        Refusal::HoldExpired => (Kind::HoldExpired, "the hold does not stand any more; take a place again"),
        Refusal::AgendaChanged => (Kind::AgendaChanged, "the agenda changed and has this slot no more; take another"),
        Refusal::OutsideAgenda => (Kind::OutsideAgenda, "there is no such slot, or it is too soon or too far ahead"),
    }
}

/// A service's error as a problem, with times in the entity's zone.
#[must_use]
pub fn problem(error: ServiceError, zone: chrono_tz::Tz) -> Problem {
    match error {
        ServiceError::Invalid(errors) => Problem::invalid(errors),
        ServiceError::NotFound => Problem::not_found(),
        ServiceError::Changed => Problem::new(Kind::EntryChanged, "the agenda changed since; read it again"),
        ServiceError::WrongState(why) => Problem::new(Kind::WrongState, why),
        ServiceError::Refused(refusal, nearest) => {
            let (kind, detail) = told(refusal);
            let nearest = nearest.into_iter().map(|start| start.rfc3339(zone)).collect();
            Problem::new(kind, detail).with_nearest(nearest)
        }
        ServiceError::KeyReused => Problem::new(
            Kind::IdempotencyKeyReused,
            "this key was used with other content; send a fresh key for a new request",
        ),
        ServiceError::TooManyHolds => {
            Problem::new(Kind::TooManyRequests, "this address holds as many places as it may; book one, or wait")
        }
        ServiceError::Unknown => {
            Problem::new(Kind::OutcomeUnknown, "it may have been written or not; repeat with the same key, or look")
        }
        ServiceError::Random(error) => Problem::unavailable(&error),
        ServiceError::Store(error) => error.into(),
    }
}
