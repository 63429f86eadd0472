//! The objects of a document that others point to without owning them: pages, annotations, fields, structure elements.
//!
//! # Why
//! A destination names its page and an annotation its parent; whoever compares all that a bookmark leads to compares
//! the whole document, and finds there the annotations that were allowed to change. Landmarks are where such a walk
//! turns back: each is compared in its own role. Two things keep that from being a hiding place. An object is a landmark
//! only where it is what the list that names it says: a content stream among the `/Kids` is no page, and where the pages
//! do not add up to `/Count`, none is taken for one. And the walk turns back only behind keys that point by their
//! meaning, such as `/Parent`: a page that is named as a font is compared as a font, too.

use std::collections::HashSet;

use crate::signature::pdf::{Dictionary, Object, Pdf, PdfError, inner_references};

use super::field;

type Result<T> = std::result::Result<T, PdfError>;

/// How deep the pages' tree may be; real ones have three or four levels.
const MAX_DEPTH: usize = 64;

/// Numbers of objects, by what they are.
#[derive(Debug, Default)]
pub struct Landmarks {
    catalog: Option<u32>,
    /// Pages, and the nodes of their tree: none where there is a doubt about one.
    pub pages: HashSet<u32>,
    /// Fields and their widgets.
    pub fields: HashSet<u32>,
    /// Annotations of pages.
    pub annotations: HashSet<u32>,
    /// Structure elements, references to content in them, and the nodes of their trees.
    pub structure: HashSet<u32>,
    /// Layers (optional content, § 8.11), and whatever else decides which of them is shown.
    layers: HashSet<u32>,
}

impl Landmarks {
    /// Finds them in the document as it was signed; layers in the document as it is, too.
    ///
    /// # Errors
    /// [`PdfError`] when a document cannot be read.
    pub fn of(old: &Pdf<'_>, new: &Pdf<'_>) -> Result<Self> {
        let mut found = Self { catalog: number(old.trailer().get(b"Root")), ..Self::default() };
        let catalog = old.catalog()?;
        for field in field::fields(old)? {
            if let Some(number) = field.number
                && old.get(number)?.stream.is_none()
                && is_field(&field.dictionary)
            {
                found.fields.insert(number);
            }
        }
        found.find_pages(old, catalog.get(b"Pages"))?;
        found.find_structure(old, catalog.get(b"StructTreeRoot"))?;
        found.find_layers(old, catalog.get(b"OCProperties"))?;
        found.find_layers(new, new.catalog()?.get(b"OCProperties"))?;
        Ok(found)
    }

    fn find_pages(&mut self, pdf: &Pdf<'_>, root: Option<&Object<'_>>) -> Result<()> {
        let Some(root) = number(root) else { return Ok(()) };
        let mut pages = HashSet::new();
        let mut annotations = HashSet::new();
        if leaves(pdf, root, 0, &mut pages, &mut annotations)?.is_none() {
            return Ok(());
        }
        for number in annotations {
            let annotation = pdf.get(number)?;
            let is_annotation = matches!(&annotation.object, Object::Dictionary(entries)
                if entries.name(b"Subtype").is_some() && entries.name(b"Type").is_none_or(|kind| kind == b"Annot"));
            if is_annotation && annotation.stream.is_none() {
                self.annotations.insert(number);
            }
        }
        self.pages = pages;
        Ok(())
    }

    fn find_structure(&mut self, pdf: &Pdf<'_>, root: Option<&Object<'_>>) -> Result<()> {
        let mut seen = HashSet::new();
        let mut open: Vec<u32> = number(root).into_iter().collect();
        while let Some(at) = open.pop() {
            if !seen.insert(at) {
                continue;
            }
            let found = pdf.get(at)?;
            if found.stream.is_some() || !is_structure(&found.object) {
                continue;
            }
            self.structure.insert(at);
            match &found.object {
                Object::Dictionary(element) => open.extend(children(element)),
                Object::Array(members) => open.extend(numbers(members)),
                _ => {}
            }
        }
        Ok(())
    }

    fn find_layers(&mut self, pdf: &Pdf<'_>, properties: Option<&Object<'_>>) -> Result<()> {
        const MOST: usize = 100_000;
        let mut seen = HashSet::new();
        let mut open: Vec<u32> = properties.map(inner_numbers).unwrap_or_default();
        while let Some(at) = open.pop() {
            if seen.insert(at) && !self.is_place(at) {
                open.extend(inner_numbers(&pdf.get(at)?.object));
            }
            if seen.len() > MOST {
                return Err(PdfError::Limit("layers"));
            }
        }
        self.layers.extend(seen);
        Ok(())
    }

    fn is_place(&self, number: u32) -> bool {
        self.catalog == Some(number)
            || [&self.pages, &self.fields, &self.annotations, &self.structure]
                .iter()
                .any(|known| known.contains(&number))
    }

    /// Whether it matters which object this is, and not only what it says: others may point to it.
    #[must_use]
    pub fn is_one_of_a_kind(&self, number: u32) -> bool {
        self.layers.contains(&number) || self.is_place(number)
    }

    /// Whether a walk that comes to an object by this key turns back there. `drawn`: on the way to what is shown, only
    /// pages are turned back from.
    #[must_use]
    pub fn turns_back(&self, key: &[u8], number: u32, drawn: bool) -> bool {
        let is_page = || self.pages.contains(&number);
        let is_annotation = || !drawn && (self.fields.contains(&number) || self.annotations.contains(&number));
        let is_element = || !drawn && self.structure.contains(&number);
        match key {
            b"Parent" => is_page() || self.catalog == Some(number) || is_annotation() || is_element(),
            b"P" => is_page() || is_element(),
            b"Pg" => is_page(),
            // What a signature's transform is applied to (table 253).
            b"Data" => self.catalog == Some(number),
            b"Popup" | b"IRT" | b"Obj" | b"CO" | b"Fields" | b"T" | b"AN" | b"TA" => is_annotation(),
            b"SE" | b"SD" | b"Ref" => is_element(),
            _ => false,
        }
    }

    /// Whether it refers to one of the pages.
    #[must_use]
    pub fn is_page(&self, object: Option<&Object<'_>>) -> bool {
        number(object).is_some_and(|number| self.pages.contains(&number))
    }

    /// Whether an array is a destination (§ 12.3.2.2) on one of the pages.
    #[must_use]
    pub fn is_destination(&self, members: &[Object<'_>]) -> bool {
        const FITS: [&[u8]; 8] = [b"XYZ", b"Fit", b"FitH", b"FitV", b"FitR", b"FitB", b"FitBH", b"FitBV"];
        let [Object::Reference(page), Object::Name(fit), ..] = members else { return false };
        self.pages.contains(&page.number) && FITS.contains(&&**fit)
    }
}

/// How many pages are at and below a node of the pages' tree; none where something there is neither a page nor a node,
/// is there twice, or does not add up.
fn leaves(
    pdf: &Pdf<'_>,
    at: u32,
    depth: usize,
    pages: &mut HashSet<u32>,
    annotations: &mut HashSet<u32>,
) -> Result<Option<i64>> {
    let node = pdf.get(at)?;
    let (Object::Dictionary(entries), None) = (&node.object, node.stream) else { return Ok(None) };
    if depth > MAX_DEPTH || !pages.insert(at) || entries.ambiguous().is_some() {
        return Ok(None);
    }
    match entries.name(b"Type") {
        Some(b"Page") if entries.get(b"Kids").is_none() => {
            annotations.extend(numbers(&pdf.array(entries.get(b"Annots"))?));
            Ok(Some(1))
        }
        Some(b"Pages") => {
            let kids = pdf.array(entries.get(b"Kids"))?;
            let mut sum: i64 = 0;
            for kid in &kids {
                let Object::Reference(kid) = kid else { return Ok(None) };
                let Some(below) = leaves(pdf, kid.number, depth + 1, pages, annotations)? else { return Ok(None) };
                sum = sum.saturating_add(below);
            }
            let count = entries.get(b"Count").map(|count| pdf.resolve(count)).transpose()?;
            Ok((count == Some(Object::Integer(sum))).then_some(sum))
        }
        _ => Ok(None),
    }
}

/// Whether a dictionary in a list of fields may be one (§ 12.7.4), or a widget of one.
fn is_field(entries: &Dictionary<'_>) -> bool {
    let marked = [&b"FT"[..], b"T", b"Kids"].iter().any(|key| entries.get(key).is_some());
    (marked || entries.name(b"Subtype") == Some(b"Widget"))
        && entries.get(b"Type").is_none_or(|kind| *kind == Object::Name(b"Annot"[..].into()))
        && entries.get(b"Subtype").is_none_or(|kind| *kind == Object::Name(b"Widget"[..].into()))
}

/// Whether an object in the structure's trees may be a part of them (§ 14.7).
fn is_structure(object: &Object<'_>) -> bool {
    match object {
        Object::Array(_) => true,
        Object::Dictionary(entries) => match entries.name(b"Type") {
            Some(kind) => [&b"StructTreeRoot"[..], b"StructElem", b"OBJR", b"MCR"].contains(&kind),
            None if entries.get(b"S").is_some() => entries.get(b"P").is_some(),
            None => [&b"Kids"[..], b"Nums", b"Names"].iter().any(|key| entries.get(key).is_some()),
        },
        _ => false,
    }
}

fn children(element: &Dictionary<'_>) -> Vec<u32> {
    let below = [&b"K"[..], b"Kids", b"Nums", b"ParentTree", b"IDTree", b"Names"];
    let mut found = Vec::new();
    for value in below.iter().filter_map(|key| element.get(key)) {
        match value {
            Object::Array(members) => found.extend(numbers(members)),
            one => found.extend(number(Some(one))),
        }
    }
    found
}

fn inner_numbers(object: &Object<'_>) -> Vec<u32> {
    inner_references(object).into_iter().map(|reference| reference.number).collect()
}

fn number(object: Option<&Object<'_>>) -> Option<u32> {
    match object {
        Some(Object::Reference(reference)) => Some(reference.number),
        _ => None,
    }
}

fn numbers(members: &[Object<'_>]) -> Vec<u32> {
    members.iter().filter_map(|member| number(Some(member))).collect()
}
