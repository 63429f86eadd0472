//! The title of a document, where readers show it above the pages in place of the file's name (ISO 32000-2 § 12.2,
//! `/DisplayDocTitle`): then it is read like the rest, though it stands among what says nothing.

use crate::signature::pdf::{Dictionary, Object, Pdf, PdfError};
use crate::signature::xml::{encoding, read};

use super::change::{Blame, Walk};
use super::name;

type Result<T> = std::result::Result<T, PdfError>;

/// Longer metadata, in bytes, are compared as they are: real ones have some kilobytes.
const MAX_METADATA: usize = 1 << 20;

/// A title as it is written in both of its places.
#[derive(PartialEq)]
struct Title {
    /// `/Title` of the document information (§ 14.3.3).
    information: Option<Vec<u8>>,
    metadata: Metadata,
}

/// What the metadata (§ 14.3.2) say of it.
#[derive(PartialEq)]
enum Metadata {
    /// All texts under that name.
    Texts(Vec<String>),
    /// The whole, where it cannot be read.
    Whole(Vec<u8>),
}

impl<'p> Walk<'p, '_> {
    /// Whether the title that readers show is the one that was signed.
    pub(super) fn title(&mut self, old: &Dictionary<'p>, new: &Dictionary<'p>) -> Result<()> {
        // Whether it is shown cannot have changed: that is compared as content.
        let preferences = self.old.lenient_dictionary(old.get(b"ViewerPreferences"))?.unwrap_or_default();
        let shows = preferences.get(b"DisplayDocTitle").map(|shows| self.old.resolve(shows)).transpose()?;
        if shows == Some(Object::Boolean(true)) && title_of(self.old, old)? != title_of(self.new, new)? {
            self.blame(&Blame::Shown((*b"the document's title").into()), "");
        }
        Ok(())
    }
}

fn title_of(pdf: &Pdf<'_>, catalog: &Dictionary<'_>) -> Result<Title> {
    let information = pdf.lenient_dictionary(pdf.trailer().get(b"Info"))?.unwrap_or_default();
    let information = match information.get(b"Title").map(|title| pdf.resolve(title)).transpose()? {
        // Encrypted, the same title is written in many ways.
        Some(Object::Text(title)) if pdf.is_encrypted() => Some(title.raw.to_vec()),
        Some(Object::Text(title)) => Some(name::text(&title.bytes())),
        _ => None,
    };
    let metadata = match catalog.get(b"Metadata") {
        Some(Object::Reference(to)) => metadata_of(pdf, to.number)?,
        _ => Metadata::Texts(Vec::new()),
    };
    Ok(Title { information, metadata })
}

fn metadata_of(pdf: &Pdf<'_>, number: u32) -> Result<Metadata> {
    let raw = pdf.get(number)?.stream.unwrap_or_default();
    let Ok(bytes) = pdf.stream(number) else { return Ok(Metadata::Whole(raw.to_vec())) };
    Ok(titles_in(&bytes).map_or_else(|| Metadata::Whole(bytes), Metadata::Texts))
}

/// The titles in metadata; none where these are too long, cannot be read, or have one as an attribute.
fn titles_in(bytes: &[u8]) -> Option<Vec<String>> {
    let text = encoding::decode(bytes).ok().filter(|text| text.len() <= MAX_METADATA)?;
    if memchr::memmem::find(text.as_bytes(), b":title=").is_some() {
        return None;
    }
    let document = read(&text).ok()?;
    let titles = (1..document.len()).filter(|&node| document.local_name(node) == "title");
    Some(titles.map(|node| document.text(node).trim().to_owned()).collect())
}
