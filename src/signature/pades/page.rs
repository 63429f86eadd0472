//! What changed on pages: what they show must be the same, while annotations may come, each of its kind
//! (ISO 32000-2 § 7.7.3 and 12.5).

use std::collections::HashMap;

use crate::signature::pdf::{Dictionary, Object, Pdf, PdfError, Reference};

use super::change::{ANNOTATION, Blame, CONTENT, GUIDE, Role, Walk, references};
use super::field;
use super::form::does_something;
use super::meaning::{is_silent, same_value};

type Result<T> = std::result::Result<T, PdfError>;

impl<'p> Walk<'p, '_> {
    /// The root of the pages' tree. Where there is a doubt about the tree all of it must be the same.
    pub(super) fn pages(&mut self, old: Option<&Object<'p>>, new: Option<&Object<'p>>) -> Result<()> {
        match (old, new) {
            (Some(Object::Reference(old)), Some(Object::Reference(new)))
                if old == new && self.landmarks.pages.contains(&old.number) =>
            {
                self.push(old.number, &Role::Page);
                Ok(())
            }
            _ => self.pair(old, new, &CONTENT, b"/Pages"),
        }
    }

    /// A page, or a node of the pages' tree (§ 7.7.3).
    pub(super) fn page(&mut self, old: &Dictionary<'p>, new: &Dictionary<'p>) -> Result<()> {
        let is_page = old.name(b"Type") == Some(b"Page");
        for key in self.keys(old, new) {
            let (before, after) = (old.get(key), new.get(key));
            match key {
                b"Kids" if !is_page => {
                    let (before, after) = (self.old.array(before)?, self.new.array(after)?);
                    if before != after {
                        self.content("pages were added, removed or moved");
                    }
                    for number in references(&before) {
                        self.push(number, &Role::Page);
                    }
                }
                b"Annots" if is_page => {
                    self.stays(before, after);
                    let (before, after) = (self.old.array(before)?, self.new.array(after)?);
                    self.annotations(&before, &after)?;
                }
                b"Tabs" if before.is_none() => {}
                b"AA" => self.pair(before, after, &GUIDE, key)?,
                _ if is_silent(key, [before, after]) => {}
                _ => self.pair(before, after, &CONTENT, key)?,
            }
        }
        Ok(())
    }

    /// A page's annotations: drawn in the order of their list, one over the other.
    fn annotations(&mut self, old: &[Object<'p>], new: &[Object<'p>]) -> Result<()> {
        let (old_places, new_places) = (Places::of(old), Places::of(new));
        let mut next = 0;
        let mut added = Vec::new();
        for member in old {
            self.known_annotation(member)?;
            if let Some(at) = new_places.find(member, next, self.new)? {
                added.extend_from_slice(&new[next..at]);
                next = at + 1;
            } else if new_places.find(member, 0, self.new)?.is_some() {
                self.content("annotations were put in another order");
            } else if self.is_widget(member)? {
                self.content("a form field was taken from its page");
            } else {
                self.changes.annotations = true;
            }
        }
        added.extend_from_slice(&new[next..]);
        for member in added {
            let Object::Dictionary(annotation) = self.new.resolve(&member)? else {
                self.changes.annotations = true;
                continue;
            };
            if old_places.find(&member, 0, self.old)?.is_some() {
                self.content("an annotation stands on its page twice");
            } else if annotation.name(b"Subtype") == Some(b"Widget") {
                self.placed.push(member);
            } else {
                self.changes.annotations = true;
            }
        }
        Ok(())
    }

    /// An annotation that was there: a field's widget is compared as a field, one that belongs to none as content.
    fn known_annotation(&mut self, member: &Object<'p>) -> Result<()> {
        let role = if self.is_widget(member)? { GUIDE } else { ANNOTATION };
        match member {
            Object::Reference(reference) if self.landmarks.fields.contains(&reference.number) => Ok(()),
            Object::Reference(reference) if self.landmarks.annotations.contains(&reference.number) => {
                self.push(reference.number, &role);
                Ok(())
            }
            Object::Reference(reference) => {
                self.push(reference.number, &CONTENT);
                Ok(())
            }
            direct => self.same(direct, direct, &role, b"an annotation"),
        }
    }

    fn is_widget(&self, member: &Object<'p>) -> Result<bool> {
        let known = matches!(member, Object::Reference(to) if self.landmarks.fields.contains(&to.number));
        Ok(known
            || matches!(self.old.resolve(member)?, Object::Dictionary(entries) if entries.name(b"Subtype") == Some(b"Widget")))
    }

    /// What widgets are that came to a page: that of a signature may, and what it shows is told. Known when the whole
    /// form has been compared.
    pub(super) fn judge_placed(&mut self) -> Result<()> {
        for member in std::mem::take(&mut self.placed) {
            let Object::Reference(reference) = &member else {
                self.content("a form field was added to a page");
                continue;
            };
            let found = self.new.get(reference.number)?;
            let Object::Dictionary(widget) = found.object else { continue };
            let of_signature = self.added.contains(&reference.number);
            if !of_signature || found.stream.is_some() || does_something(&widget) || widget.ambiguous().is_some() {
                self.content("a form field was added to a page");
            } else if self.is_visible(&widget)? {
                let mut name = field::join(b"", &widget);
                if name.is_empty()
                    && let Some(parent) = self.new.lenient_dictionary(widget.get(b"Parent"))?
                {
                    name = field::join(b"", &parent);
                }
                self.blame(&Blame::Shown(name.into()), "");
            }
        }
        Ok(())
    }

    /// Whether a widget draws anything: it has an area, and is not hidden (§ 12.5.3, table 167, and § 12.7.5.5).
    ///
    /// A reader that does not understand flags or rectangle may draw it all the same, so it is visible unless both are
    /// written as every reader reads them: flags that the standard knows, and four plain numbers, in their places. What
    /// is hidden is visible, too, where the document as it was signed has an action that shows it again.
    pub(super) fn is_visible(&mut self, widget: &Dictionary<'_>) -> Result<bool> {
        const HIDDEN: i64 = 2;
        let Some(Object::Array(sides)) = widget.get(b"Rect") else { return Ok(true) };
        let [left, bottom, right, top] = &sides[..] else { return Ok(true) };
        let is_plain = sides.iter().all(is_length);
        if is_plain && (same_value(left, right, b"Rect") || same_value(bottom, top, b"Rect")) {
            return Ok(false);
        }
        let is_hidden = matches!(widget.integer(b"F"), Some(flags @ 0..=0x3ff) if flags & HIDDEN != 0);
        Ok(!is_hidden || self.can_show()?)
    }

    /// Whether the document has an action that can show what is hidden: one that says so, or a script (§ 12.6.4.11 and
    /// 12.6.4.17).
    fn can_show(&mut self) -> Result<bool> {
        let is_such = |action: &Dictionary<'_>| {
            action.get(b"JS").is_some() || matches!(action.name(b"S"), Some(b"Hide" | b"JavaScript"))
        };
        match self.can_show {
            Some(known) => Ok(known),
            None => Ok(*self.can_show.insert(self.old.any(&is_such)?)),
        }
    }
}

/// Whether it is a number that a place on a page may have.
fn is_length(object: &Object<'_>) -> bool {
    const DIGITS: usize = 12;
    match object {
        Object::Integer(-999_999..=999_999) => true,
        Object::Real(raw) => {
            raw.len() <= DIGITS && raw.iter().position(|&byte| byte == b'.').is_some_and(|point| point <= 7)
        }
        _ => false,
    }
}

/// Where the members of a list stand, for lists of any length.
struct Places<'m, 'p> {
    members: &'m [Object<'p>],
    /// Those of each reference, ascending.
    references: HashMap<Reference, Vec<usize>>,
}

impl<'m, 'p> Places<'m, 'p> {
    fn of(members: &'m [Object<'p>]) -> Self {
        let mut references: HashMap<Reference, Vec<usize>> = HashMap::new();
        for (at, member) in members.iter().enumerate() {
            if let Object::Reference(reference) = member {
                references.entry(*reference).or_default().push(at);
            }
        }
        Self { members, references }
    }

    /// The first place of a member, from this one on; the search for a direct one is charged to the file's budget.
    fn find(&self, member: &Object<'p>, from: usize, pdf: &Pdf<'_>) -> Result<Option<usize>> {
        if let Object::Reference(reference) = member {
            let places = self.references.get(reference).map_or(&[][..], Vec::as_slice);
            return Ok(places.get(places.partition_point(|&at| at < from)).copied());
        }
        for (at, other) in self.members.iter().enumerate().skip(from) {
            pdf.charge(0)?;
            if other == member {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}
