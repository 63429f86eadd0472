//! The room that is fuzzed, compiled here without the rest of the house, so that it is built in a minute.

extern crate self as ventanilla;

#[path = "../../src/domain/mod.rs"]
pub mod domain;
#[path = "../../src/signature/mod.rs"]
pub mod signature;
pub mod targets;
