//! Ventanilla: an electronic registry for Spanish public bodies.

pub mod after;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod http;
pub mod receipt;
pub mod registry;
pub mod signature;
pub mod store;
