//! Sealing a PDF: PAdES baseline B-B, and B-T with a timestamp (EN 319 142-1 § 6, ISO 32000-2 § 12.8).
//!
//! ```no_run
//! # use openssl::{pkey::{PKey, Private}, x509::X509};
//! # use ventanilla::signature::{Prepared, SealDetails, add_timestamp, room_for, signature_value};
//! # fn ask(_stamped: &[u8]) -> Option<Vec<u8>> { None }
//! # fn sealed(pdf: &[u8], key: &PKey<Private>, certificate: &X509, chain: &[X509]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
//! let details = SealDetails { name: "Ayuntamiento de Ejemplo", reason: "Recibo", at: 1_780_315_200_000_000 };
//! let prepared = Prepared::new(pdf, details, room_for(certificate, chain)?)?;
//! let mut signature = prepared.sign(key, certificate, chain)?;
//! if let Some(token) = ask(&signature_value(&signature)?) {
//!     signature = add_timestamp(&signature, &token)?;
//! }
//! Ok(prepared.finish(&signature)?)
//! # }
//! ```
//!
//! # Why
//! Three steps, since the authority that stamps is asked over the network and this room knows none: what is to be
//! signed is laid out with room left for the signature, which is put in when all of it is there. The seal is an update
//! appended to the file: what was printed, and a signature that it may carry already, stay as they are.

use std::collections::HashSet;
use std::ops::Range;

use chrono::DateTime;
use openssl::error::ErrorStack;
use openssl::pkey::{HasPrivate, PKeyRef};
use openssl::x509::{X509, X509Ref};

use super::{field, name};
use crate::signature::pdf::{
    Budget, Dictionary, Object, Pdf, PdfError, Reference, Update, write_dictionary, write_object, write_text,
};
use crate::signature::seal::{Profile, SealError, seal_parts};

/// The page tree of no real document is deeper, or has so many branches before its first page.
const MAX_NODES: usize = 1024;
/// A signature for which this room would not be enough is none of ours.
const MAX_ROOM: usize = 1 << 20;

/// Why a PDF could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum PdfSealError {
    /// It cannot be read, is encrypted, or has a form that no update can be appended to.
    #[error("the PDF cannot be sealed")]
    Pdf(#[from] PdfError),
    /// The signature needs more room than was left for it; prepare again with more.
    #[error("the signature has {size} bytes and there is room for {room}")]
    Room {
        /// Bytes of the signature.
        size: usize,
        /// Bytes that were left for it.
        room: usize,
    },
}

/// What a seal says of itself, for whoever opens the PDF.
#[derive(Debug, Clone, Copy)]
pub struct SealDetails<'a> {
    /// Whose it is.
    pub name: &'a str,
    /// What for.
    pub reason: &'a str,
    /// When, in microseconds since 1970 UTC; written in whole seconds.
    pub at: i64,
}

/// Bytes to leave for a signature by this certificate with this chain inside, and a timestamp with its own chain.
///
/// # Errors
/// OpenSSL's, when it cannot write a certificate.
pub fn room_for(certificate: &X509Ref, chain: &[X509]) -> Result<usize, ErrorStack> {
    /// Attributes, names, and a signature value of up to 16,384 bits.
    const REST: usize = 6 << 10;
    /// Tokens of public authorities have 4 to 8 kB.
    const TOKEN: usize = 16 << 10;
    let mut room = certificate.to_der()?.len() + REST + TOKEN;
    for authority in chain {
        room += authority.to_der()?.len();
    }
    Ok(room)
}

/// A PDF with an empty signature in it.
#[derive(Debug)]
pub struct Prepared {
    bytes: Vec<u8>,
    /// Where the value of `/Contents` is, its brackets included.
    contents: Range<usize>,
}

impl Prepared {
    /// Appends a signature field, not to be seen, whose value is laid out but for the signature itself: at most `room`
    /// bytes ([`room_for`]).
    ///
    /// # Errors
    /// [`PdfSealError::Pdf`] when the file cannot be read or updated.
    pub fn new(file: &[u8], details: SealDetails<'_>, room: usize) -> Result<Self, PdfSealError> {
        let budget = Budget::of_file(file.len());
        let pdf = Pdf::open(file, &budget)?;
        let structure = Structure::read(&pdf)?;
        let mut update = Update::new(&pdf)?;
        let (value, widget) = (update.number(), update.number());

        let (before_range, before_contents, after) = value_of(details);
        let room = room.min(MAX_ROOM);
        let start = update.end() + format!("{} {} obj\n", value.number, value.generation).len();
        let range = start + before_range.len();
        let contents = range + RANGE + before_contents.len();
        let contents = contents..contents + 2 * room + 2;
        let zeros = format!("<{}>", "0".repeat(2 * room));
        let body = [before_range.as_bytes(), &[b' '; RANGE], before_contents.as_bytes(), zeros.as_bytes(), &after];
        update.put(value, &body.concat());

        update.put(widget, &structure.widget(value, details.name));
        structure.put_page(&mut update, widget)?;
        structure.put_form(&mut update, widget)?;
        let mut bytes = update.finish()?;
        let numbers = format!("[0 {} {} {}]", contents.start, contents.end, bytes.len() - contents.end);
        // Four numbers of a file in memory have at most RANGE digits together.
        bytes[range..range + numbers.len()].copy_from_slice(numbers.as_bytes());
        Ok(Self { bytes, contents })
    }

    /// What is signed: all before the signature, and all after it.
    #[must_use]
    pub fn signed_parts(&self) -> [&[u8]; 2] {
        [&self.bytes[..self.contents.start], &self.bytes[self.contents.end..]]
    }

    /// The signature (DER) for [`Prepared::finish`]: PAdES baseline B-B, with the certificate and its chain inside. Have
    /// its value stamped ([`signature_value`](crate::signature::signature_value),
    /// [`add_timestamp`](crate::signature::add_timestamp)) and it is B-T.
    ///
    /// # Errors
    /// [`SealError`] when key or certificate cannot be used.
    pub fn sign<K: HasPrivate>(
        &self,
        key: &PKeyRef<K>,
        certificate: &X509Ref,
        chain: &[X509],
    ) -> Result<Vec<u8>, SealError> {
        seal_parts(&self.signed_parts(), key, certificate, chain, Profile::Pades)
    }

    /// The sealed file.
    ///
    /// # Errors
    /// [`PdfSealError::Room`] when the signature is too large.
    pub fn finish(mut self, signature: &[u8]) -> Result<Vec<u8>, PdfSealError> {
        let room = self.contents.len() / 2 - 1;
        if signature.len() > room {
            return Err(PdfSealError::Room { size: signature.len(), room });
        }
        let digits = hex::encode(signature);
        let start = self.contents.start + 1;
        self.bytes[start..start + digits.len()].copy_from_slice(digits.as_bytes());
        Ok(self.bytes)
    }
}

/// Room for `/ByteRange`: three numbers of twenty digits, and what stands between them.
const RANGE: usize = 68;

/// The signature's dictionary, around `/ByteRange` and `/Contents`.
fn value_of(details: SealDetails<'_>) -> (String, &'static str, Vec<u8>) {
    let before = "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange ".to_owned();
    let at = DateTime::from_timestamp_micros(details.at).unwrap_or_default();
    let mut after = format!(" /M (D:{}Z) /Name ", at.format("%Y%m%d%H%M%S")).into_bytes();
    after.extend(write_text(details.name));
    after.extend_from_slice(b" /Reason ");
    after.extend(write_text(details.reason));
    after.extend_from_slice(b" >>");
    (before, " /Contents ", after)
}

/// What of a document a seal has to know, and changes.
struct Structure<'p> {
    root: Reference,
    catalog: Dictionary<'p>,
    page: Reference,
    page_dictionary: Dictionary<'p>,
    annotations: Vec<Object<'p>>,
    /// The form: where it is, if it is an object of its own, and what it says.
    form: Option<(Option<Reference>, Dictionary<'p>)>,
    fields: Vec<Object<'p>>,
    names: HashSet<String>,
}

impl<'p> Structure<'p> {
    fn read(pdf: &'p Pdf<'_>) -> Result<Self, PdfError> {
        let Some(Object::Reference(root)) = pdf.trailer().get(b"Root") else {
            return Err(PdfError::Structure("the PDF has no document catalog"));
        };
        let catalog = pdf.catalog()?;
        let (page, page_dictionary) = first_page(pdf, &catalog)?;
        let annotations = pdf.array(page_dictionary.get(b"Annots"))?;
        let of_form = catalog.get(b"AcroForm");
        let form = pdf.dictionary(of_form)?.map(|form| {
            let place = match of_form {
                Some(Object::Reference(place)) => Some(*place),
                _ => None,
            };
            (place, form)
        });
        let fields = match &form {
            Some((_, form)) if form.get(b"XFA").is_some() => {
                return Err(PdfError::Structure("the PDF has an XFA form"));
            }
            Some((_, form)) => pdf.array(form.get(b"Fields"))?,
            None => Vec::new(),
        };
        let names =
            field::fields(pdf)?.iter().map(|field| name::likeness(&field::join(b"", &field.dictionary))).collect();
        Ok(Self { root: *root, catalog, page, page_dictionary, annotations, form, fields, names })
    }

    /// The field and its widget in one: of no size, on the first page, to be printed and not to be changed, as PDF/A
    /// asks of every annotation (ISO 19005-3 § 6.3.2); for PDF/UA it lies beside what is seen (ISO 14289-1 § 7.18.1).
    fn widget(&self, value: Reference, name: &str) -> Vec<u8> {
        const PRINT_LOCKED: u32 = 4 | 128;
        let numbered = |number: usize| if number == 0 { "Sello".to_owned() } else { format!("Sello{}", number + 1) };
        let taken = |name: &str| self.names.contains(&name::likeness(name.as_bytes()));
        // One more than there are names: one of them is free.
        let free = (0..=self.names.len()).map(numbered).find(|name| !taken(name));
        let mut out = b"<< /Type /Annot /Subtype /Widget /FT /Sig /Rect [0 0 0 0]".to_vec();
        out.extend(format!(" /F {PRINT_LOCKED} /P {} /V {}", shown(self.page), shown(value)).into_bytes());
        out.extend_from_slice(b" /T ");
        out.extend(write_text(&free.unwrap_or_default()));
        out.extend_from_slice(b" /TU ");
        out.extend(write_text(&format!("Sello electrónico de {name}")));
        out.extend_from_slice(b" >>");
        out
    }

    fn put_page(&self, update: &mut Update<'_, '_>, widget: Reference) -> Result<(), PdfError> {
        let list = list(&self.annotations, widget);
        let mut changed: Vec<(&[u8], &[u8])> = vec![(b"Annots", &list)];
        // PDF/UA: annotations are walked in the order of the tree (ISO 14289-1 § 7.18.3).
        if self.page_dictionary.get(b"Tabs").is_none() && self.catalog.get(b"StructTreeRoot").is_some() {
            changed.push((b"Tabs", b"/S"));
        }
        put(update, self.page, &self.page_dictionary, &changed)
    }

    fn put_form(&self, update: &mut Update<'_, '_>, widget: Reference) -> Result<(), PdfError> {
        let fields = list(&self.fields, widget);
        // Bit 1: there are signatures; bit 2: only ever append to this file (§ 12.7.3, table 225).
        let changed: [(&[u8], &[u8]); 2] = [(b"Fields", &fields), (b"SigFlags", b"3")];
        let nothing = Dictionary::default();
        let form = self.form.as_ref().map_or(&nothing, |(_, form)| form);
        if let Some((Some(place), _)) = &self.form {
            return put(update, *place, form, &changed);
        }
        let place = update.number();
        put(update, place, form, &changed)?;
        put(update, self.root, &self.catalog, &[(b"AcroForm", shown(place).as_bytes())])
    }
}

fn put(
    update: &mut Update<'_, '_>,
    place: Reference,
    dictionary: &Dictionary<'_>,
    changed: &[(&[u8], &[u8])],
) -> Result<(), PdfError> {
    if dictionary.ambiguous().is_some() {
        return Err(PdfError::Structure("a dictionary has a key with two values"));
    }
    let mut out = Vec::new();
    write_dictionary(dictionary, changed, &mut out);
    update.put(place, &out);
    Ok(())
}

/// A list with one more reference.
fn list(members: &[Object<'_>], more: Reference) -> Vec<u8> {
    let mut out = b"[".to_vec();
    for member in members {
        write_object(member, &mut out);
        out.push(b' ');
    }
    out.extend(shown(more).into_bytes());
    out.push(b']');
    out
}

fn shown(reference: Reference) -> String {
    format!("{} {} R", reference.number, reference.generation)
}

/// The first page (§ 7.7.3), which must be an object of its own.
fn first_page<'p>(pdf: &'p Pdf<'_>, catalog: &Dictionary<'p>) -> Result<(Reference, Dictionary<'p>), PdfError> {
    let mut open: Vec<Object<'p>> = catalog.get(b"Pages").cloned().into_iter().collect();
    for _ in 0..MAX_NODES {
        let Some(node) = open.pop() else { break };
        let Object::Reference(place) = node else { continue };
        let Some(dictionary) = pdf.dictionary(Some(&node))? else { continue };
        if dictionary.get(b"Kids").is_none() {
            return Ok((place, dictionary));
        }
        let kids = pdf.array(dictionary.get(b"Kids"))?;
        open.extend(kids.into_iter().take(MAX_NODES).rev());
    }
    Err(PdfError::Structure("the PDF has no first page"))
}
