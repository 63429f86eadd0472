//! Ventanilla: an electronic registry for Spanish public bodies.

pub mod domain;
pub mod registry;
pub mod signature;
