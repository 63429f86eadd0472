//! What an update leads to that nothing led to before.
//!
//! # Why
//! A signed file may hold objects that nothing refers to. No reader comes upon them, and so none stumbles over what is
//! missing or damaged behind them, until an update refers to one. Then readers look through the whole file by
//! themselves ([`super::rebuilt`]).

use std::collections::HashSet;

use super::object::{Reference, inner_references};
use super::{Dictionary, Object, Pdf, PdfError, Result, rebuilt};

/// Whether each object to which the newest trailer leads, and that of `signed` did not, can be read, and leads to none
/// that is not there.
///
/// # Errors
/// [`PdfError`] where one does not, or cannot be read.
pub(super) fn check(pdf: &Pdf<'_>, signed: &Pdf<'_>) -> Result<()> {
    let mut known = HashSet::new();
    visit(signed, |number, references| {
        known.insert(number);
        match references {
            Err(error @ PdfError::Limit(_)) => Err(error.clone()),
            _ => Ok(()),
        }
    })?;
    visit(pdf, |number, references| {
        if known.contains(&number) {
            return Ok(());
        }
        if rebuilt::has_older(pdf, signed, number)? {
            return Err(PdfError::Structure("an update leads to an object of which some readers find an older one"));
        }
        for reference in references.map_err(Clone::clone)? {
            if pdf.generations(reference.number)? != Some([reference.generation; 2]) {
                return Err(PdfError::Structure("an update leads to an object that refers to one that is not there"));
            }
        }
        Ok(())
    })
}

/// Whether any dictionary to which the trailer leads is like this. What cannot be read holds none.
///
/// # Errors
/// [`PdfError::Limit`] when the budget is used up.
pub(super) fn any(pdf: &Pdf<'_>, is: &dyn Fn(&Dictionary<'_>) -> bool) -> Result<bool> {
    let mut found = false;
    visit(pdf, |number, references| {
        match references {
            Err(error @ PdfError::Limit(_)) => return Err(error.clone()),
            Err(_) => {}
            Ok(_) => found = found || holds(&pdf.get(number)?.object, is),
        }
        Ok(())
    })?;
    Ok(found)
}

fn holds(object: &Object<'_>, is: &dyn Fn(&Dictionary<'_>) -> bool) -> bool {
    match object {
        Object::Array(members) => members.iter().any(|member| holds(member, is)),
        Object::Dictionary(entries) => is(entries) || entries.iter().any(|(_, value)| holds(value, is)),
        _ => false,
    }
}

/// Goes through all that the trailer leads to, each object once; `enter` is told of its references, or why it cannot be
/// read.
fn visit(
    pdf: &Pdf<'_>,
    mut enter: impl FnMut(u32, std::result::Result<&[Reference], &PdfError>) -> Result<()>,
) -> Result<()> {
    let numbers = |references: &[Reference]| references.iter().map(|reference| reference.number).collect::<Vec<_>>();
    let mut open: Vec<u32> = pdf.trailer().iter().flat_map(|(_, value)| numbers(&inner_references(value))).collect();
    let mut seen: HashSet<u32> = open.iter().copied().collect();
    while let Some(number) = open.pop() {
        let references = pdf.get(number).map(|found| inner_references(&found.object));
        enter(number, references.as_deref())?;
        open.extend(numbers(&references.unwrap_or_default()).into_iter().filter(|number| seen.insert(*number)));
    }
    Ok(())
}
