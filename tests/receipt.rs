//! Receipts and labels on paper, judged from outside: by other programs that read PDF.
#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

#[path = "receipt/label.rs"]
mod label;
#[path = "receipt/page.rs"]
mod page;
#[path = "receipt/programs.rs"]
mod programs;
#[path = "receipt/sample.rs"]
mod sample;
