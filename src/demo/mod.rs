//! The demo: a town's registry on one machine, in one command.

pub mod chance;
pub mod citizen;
pub mod client;
pub mod people;
pub mod seed;
pub mod story;
