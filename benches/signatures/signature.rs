//! The registry's own reader of XML, which its library does not show.
#![allow(unused_imports, clippy::pedantic, reason = "its tests come along without what runs them")]

#[path = "../../src/signature/meter.rs"]
pub mod meter;
#[path = "../../src/signature/xml/mod.rs"]
pub mod xml;
