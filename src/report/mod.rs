//! Reports: counts from the store → figures, exact → JSON, CSV, a table, sentences.
//!
//! # Why
//! The figures are made once, in [`channels`] and [`entries`], and every form shows those same cells. A sentence that was written by
//! hand beside its table once said 14,450 where the table said 14,540; here each number of a sentence is a cell.

pub mod cell;
pub mod channels;
pub mod csv;
pub mod entries;
pub mod exact;
pub mod sentences;
pub mod table;
pub mod window;
