//! The citizens' service: attentions; services with their agendas, and appointments.
pub mod agenda;
mod agenda_change;
pub mod appointments;
pub mod attention;
pub mod first_free;
mod places;
pub mod services;
