//! The demo: a town's registry in a fresh folder, with a history, some citizens and a clerk.

pub mod citizen;
pub mod client;
pub mod story;
