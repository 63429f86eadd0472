//! Papers: pages of text with what they mean, turned into PDF. What they say is the business of whoever fills them.
//!
//! [`face`] measures letters, [`sheet`] holds what stands where on which page and the tree of what it means, [`flow`]
//! fills page after page from top to bottom, [`paint`] hands it all to the PDF library.
//!
//! # Why
//! Two steps, first where everything stands and then the painting: only after the first it is known how many pages
//! there are, and "Página 1 de 3" stands on page one. Text is broken here and not by a layout library: a receipt is
//! columns of left-aligned paragraphs, and such a library costs more time to build than all the rest of the receipt.

pub mod face;
pub mod flow;
pub mod paint;
pub mod sheet;

/// Why a paper could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// The receipt is none that this program writes.
    #[error("the receipt cannot be read")]
    Receipt(#[from] serde_json::Error),
    /// The receipt has a form that this program does not know.
    #[error("receipts of the form {0} are not known here")]
    Version(String),
    /// A QR code or barcode cannot hold what it should say.
    #[error("{0} does not fit into a code")]
    Code(String),
    /// A typeface of the program itself cannot be read.
    #[error("a typeface cannot be read")]
    Face,
    /// The PDF library refused, or what it made breaks the standard that was asked for.
    #[error("the PDF could not be written: {0}")]
    Pdf(String),
}
