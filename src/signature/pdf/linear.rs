//! Files that can be read from the front (linearized, ISO 32000-2 annex F): which readers do only as long as the file
//! has the length that its first object says.
//!
//! # Why
//! Bytes that are appended switch that off, or on: a reader then begins with another cross-reference section. Whoever
//! prepares a document can have the two say different things.

use super::lexer::{Lexer, is_space};
use super::object::Object;
use super::{Pdf, PdfError, Result};

/// How far readers look for the first object.
const HEAD: usize = 2048;

/// Whether a document that was signed is read from the same section when the file has this length.
///
/// # Errors
/// [`PdfError::Structure`] where that is not certain.
pub(super) fn check(signed: &Pdf<'_>, length: usize) -> Result<()> {
    let bytes = signed.bytes;
    if length == bytes.len() {
        return Ok(());
    }
    let doubt = Err(PdfError::Structure("the file is read in another way when it has another length (linearization)"));
    let Some((dictionary, end)) = first_object(bytes) else {
        let head = &bytes[..bytes.len().min(HEAD)];
        return if memchr::memmem::find(head, b"Linearized").is_some() { doubt } else { Ok(()) };
    };
    let own = usize::try_from(dictionary.integer(b"L").unwrap_or(-1)).unwrap_or(usize::MAX);
    let is_sound = dictionary.ambiguous().is_none()
        && (own < bytes.len() || own == bytes.len() && signed.sections[signed.newest].start == end);
    if is_sound { Ok(()) } else { doubt }
}

/// The parameters of linearization and where the next thing begins; none where the first object is something else.
fn first_object(bytes: &[u8]) -> Option<(super::Dictionary<'_>, usize)> {
    let mut lexer = Lexer::new(bytes, 0);
    lexer.object_header().ok()?;
    let Object::Dictionary(dictionary) = lexer.object().ok()? else { return None };
    dictionary.get(b"Linearized")?;
    lexer.expect("endobj").ok()?;
    let blanks = bytes[lexer.at..].iter().take_while(|&&byte| is_space(byte)).count();
    Some((dictionary, lexer.at + blanks))
}
