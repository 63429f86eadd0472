//! The one room that asks other machines: responders, lists of revoked certificates, issuers, the time stamping authority.
//!
//! The walk of a verdict that needs an answer: [`Judge`] lets the signature room judge with what [`known`] keeps; what
//! is missing [`client`] fetches, from [`hosts`] that the administrator listed and no others; then it is judged again.
//! Documents are streamed to the scanner that [`clamd`] speaks to.
//! Lists that the administrator keeps at hand are in [`folder`]; [`tsa`] asks for timestamps, [`witness`] for cosignatures,
//! [`time`] how far the clock is off.

pub mod clamd;
pub mod client;
mod folder;
pub mod hosts;
mod judge;
mod known;
pub mod time;
pub mod tsa;
pub mod turns;
pub mod witness;

pub use judge::{Attachments, Inquiry, Judge, JudgeError, StartError};
