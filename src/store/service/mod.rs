//! The citizens' service: services with their agendas, slots and seats, appointments.

pub mod appointments;
pub mod services;
pub mod slots;
