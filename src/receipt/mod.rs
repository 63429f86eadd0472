//! What was committed, as proof for whoever submitted: a receipt, on paper too, and the entity's seal over it.

mod barcode;
pub mod check;
pub mod json;
pub mod label;
mod paper;
pub mod pdf;
pub mod seal;

pub use paper::PaperError;
