//! The receipt on paper: what art. 16.3 Ley 39/2015 asks of it, to be read, printed and kept (PDF/A-3a, PDF/UA-1).
//!
//! The walk: [`view`] reads the JSON receipt, [`content`] says it in the order in which a person looks for it, in the
//! words of [`words`]; the pages are made by [`super::paper`].
//!
//! # Why
//! The JSON receipt is the proof and this is how it looks: it is made from those bytes alone, carries them inside as
//! `receipt.json`, and is the same bytes whenever it is made. No clock is asked, and no row of today.

mod content;
mod view;
mod words;

use super::paper::face::{Colour, Faces};
use super::paper::paint::{About, Attachment, paint};

use super::paper::PaperError;

/// The name of the attached JSON receipt.
pub const ATTACHMENT: &str = "receipt.json";

/// How papers of an entity look.
#[derive(Debug, Clone)]
pub struct Look {
    /// Its name, at the head of the first page.
    pub name: String,
    /// Its colour, red, green and blue: for headings and the bar above. It is darkened where white paper asks for it.
    pub colour: [u8; 3],
}

impl Look {
    fn colour(&self) -> Colour {
        let [red, green, blue] = self.colour;
        Colour(red, green, blue)
    }
}

/// Renders a receipt as PDF, not sealed yet. `verify_url` is the address where its code is looked up, code included: it
/// becomes a QR code, and a line of text. The same arguments give the same bytes.
///
/// # Errors
/// [`PaperError`] when the bytes are no receipt of this program, or the address is too long for a QR code (some 2,300
/// bytes).
pub fn render(receipt_json: &[u8], verify_url: &str, look: &Look) -> Result<Vec<u8>, PaperError> {
    let receipt = view::read(receipt_json)?;
    let faces = Faces::load()?;
    let sheets = content::write(&receipt, verify_url, look, &faces)?;
    let title = format!("{} {}", words::title(receipt.entry.kind), receipt.entry.code);
    let about = About {
        title: &title,
        subject: &receipt.entry.subject,
        author: &look.name,
        id: &receipt.csv,
        at: receipt.entry.registered_at,
        archived: true,
    };
    let attachment = Attachment {
        name: ATTACHMENT,
        media_type: "application/json",
        description: "El recibo en JSON, con los mismos datos que este documento",
        bytes: receipt_json,
    };
    paint(sheets, &faces, about, Some(attachment))
}
