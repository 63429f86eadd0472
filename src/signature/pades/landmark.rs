//! The objects of a document that others point to without owning them: pages, annotations, fields, structure elements.
//!
//! # Why
//! A destination names its page and an annotation its parent; whoever compares all that a bookmark leads to compares
//! the whole document, and finds there the annotations that were allowed to change. Landmarks are where such a walk
//! turns back: each is compared in its own role.

use std::collections::HashSet;

use crate::signature::pdf::{Dictionary, Object, Pdf, PdfError};

use super::field;

/// Numbers of objects, by what they are.
#[derive(Debug, Default)]
pub struct Landmarks {
    /// Pages, the nodes of their tree, and the catalog.
    pub pages: HashSet<u32>,
    /// Fields and their widgets.
    pub fields: HashSet<u32>,
    annotations: HashSet<u32>,
    structure: HashSet<u32>,
}

impl Landmarks {
    /// Finds them.
    ///
    /// # Errors
    /// [`PdfError`] when the document cannot be read.
    pub fn of(pdf: &Pdf<'_>) -> Result<Self, PdfError> {
        let mut found = Self::default();
        found.pages.extend(number(pdf.trailer().get(b"Root")));
        let catalog = pdf.catalog()?;
        found.fields.extend(field::fields(pdf)?.iter().filter_map(|field| field.number));
        let mut open: Vec<u32> = number(catalog.get(b"Pages")).into_iter().collect();
        while let Some(at) = open.pop() {
            let Object::Dictionary(page) = pdf.get(at)?.object else { continue };
            if !found.pages.insert(at) {
                continue;
            }
            open.extend(numbers(&pdf.array(page.get(b"Kids"))?));
            found.annotations.extend(numbers(&pdf.array(page.get(b"Annots"))?));
        }
        let mut open: Vec<u32> = number(catalog.get(b"StructTreeRoot")).into_iter().collect();
        while let Some(at) = open.pop() {
            if !found.structure.insert(at) {
                continue;
            }
            match pdf.get(at)?.object {
                Object::Dictionary(element) => open.extend(children(&element)),
                Object::Array(members) => open.extend(numbers(&members)),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Whether it is any of them.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        [&self.pages, &self.fields, &self.annotations, &self.structure].iter().any(|known| known.contains(&number))
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

fn number(object: Option<&Object<'_>>) -> Option<u32> {
    match object {
        Some(Object::Reference(reference)) => Some(reference.number),
        _ => None,
    }
}

fn numbers(members: &[Object<'_>]) -> Vec<u32> {
    members.iter().filter_map(|member| number(Some(member))).collect()
}
