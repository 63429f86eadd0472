//! What changed in the logical structure (ISO 32000-2 § 14.7): a new signature adds an element for its widget, and changes
//! none. An element for something else would have it read aloud, or copied, as other words; one that stands for nothing
//! may stand there, and say nothing. What the element of a widget says besides is told as what a signature shows.

use crate::signature::pdf::{Dictionary, Object, Pdf, PdfError};

use super::change::{Blame, CONTENT, GUIDE, Role, Walk};

type Result<T> = std::result::Result<T, PdfError>;

/// How deep the elements may be that come with a signature.
const MAX_DEPTH: usize = 8;

impl<'p> Walk<'p, '_> {
    /// The root of the structure; where there was none, one that holds nothing but widgets may come.
    pub(super) fn structure_root(&mut self, old: Option<&Object<'p>>, new: Option<&Object<'p>>) -> Result<()> {
        match (old, new) {
            (Some(Object::Reference(old)), Some(Object::Reference(new)))
                if old == new && self.landmarks.structure.contains(&old.number) =>
            {
                self.push(old.number, &Role::Structure);
            }
            (None, Some(new)) => {
                let root = self.new.dictionary(Some(new))?.unwrap_or_default();
                for key in [&b"K"[..], b"ParentTree", b"IDTree"] {
                    if let Some(value) = root.get(key)
                        && !self.may_come(key, value, 0)?
                    {
                        self.content("a logical structure was added");
                    }
                }
            }
            _ => self.pair(old, new, &CONTENT, b"/StructTreeRoot")?,
        }
        Ok(())
    }

    /// A node of the structure, or of the trees that lead to one by number or name.
    pub(super) fn structure(&mut self, old: &Object<'p>, new: &Object<'p>) -> Result<()> {
        let (Object::Dictionary(before), Object::Dictionary(after)) = (old, new) else {
            return self.grown(b"K", old, new);
        };
        for key in self.keys(before, after) {
            let (old, new) = (before.get(key), after.get(key));
            match (key, old, new) {
                (b"ParentTreeNextKey" | b"Limits", ..) => {}
                (b"K" | b"Kids" | b"Nums" | b"Names" | b"ParentTree" | b"IDTree", None, Some(new)) => {
                    if !self.may_come(key, new, 0)? {
                        self.content("an element was added to the logical structure");
                    }
                }
                (b"K" | b"Kids" | b"Nums" | b"Names", Some(old), Some(new)) => self.grown(key, old, new)?,
                (b"ParentTree" | b"IDTree", Some(Object::Reference(before)), Some(Object::Reference(after)))
                    if before == after =>
                {
                    self.push_structure(before.number);
                }
                (b"ParentTree" | b"IDTree", Some(Object::Dictionary(_)), Some(Object::Dictionary(_))) => {
                    let (Some(old), Some(new)) = (old, new) else { continue };
                    self.structure(old, new)?;
                }
                _ => self.pair(old, new, &GUIDE, key)?,
            }
        }
        Ok(())
    }

    fn push_structure(&mut self, number: u32) {
        let known = self.landmarks.structure.contains(&number);
        self.push(number, if known { &Role::Structure } else { &GUIDE });
    }

    /// A list, or one thing in place of a list, to which things were added and from which none was taken.
    fn grown(&mut self, key: &[u8], old: &Object<'p>, new: &Object<'p>) -> Result<()> {
        self.stays(Some(old), Some(new));
        let (before, after) = (members(self.old, old)?, members(self.new, new)?);
        let mut rest = after.iter();
        let mut added = Vec::new();
        for member in &before {
            loop {
                match rest.next() {
                    Some(other) if other == member => break,
                    Some(other) => added.push(other),
                    None => {
                        self.content("the logical structure was changed");
                        return Ok(());
                    }
                }
            }
            match member {
                Object::Reference(reference) => self.push_structure(reference.number),
                direct => self.same(direct, direct, &GUIDE, key)?,
            }
        }
        for member in added.into_iter().chain(rest) {
            if !self.member_may_come(key, member, 0)? {
                self.content("an element was added to the logical structure");
            }
        }
        Ok(())
    }

    /// Whether a list, or a tree, that was not there comes with a widget ([`Self::member_may_come`]).
    fn may_come(&mut self, key: &[u8], object: &Object<'p>, depth: usize) -> Result<bool> {
        match (key, self.new.resolve(object)?) {
            (b"K", _) => self.are_for_widgets(Some(object), depth),
            (b"Kids" | b"Nums" | b"Names", Object::Array(members)) => {
                for member in &members {
                    if !self.member_may_come(key, member, depth)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (b"ParentTree" | b"IDTree", Object::Dictionary(node)) => self.node_may_come(&node, depth),
            _ => Ok(false),
        }
    }

    /// Whether a new member of a list comes with a widget: an element for it, or, in the tree that leads from widgets to
    /// elements by number, one that was there. A list of elements there would be for the content of a page (§ 14.7.5.4).
    fn member_may_come(&mut self, key: &[u8], member: &Object<'p>, depth: usize) -> Result<bool> {
        match (key, member, self.new.resolve(member)?) {
            (b"Nums", Object::Integer(_), _) | (b"Names", Object::Text(_), _) => Ok(true),
            (b"Nums", Object::Reference(to), Object::Dictionary(element))
                if self.landmarks.structure.contains(&to.number) =>
            {
                Ok(element.get(b"S").is_some())
            }
            (b"K", ..) | (b"Nums" | b"Names", _, Object::Dictionary(_)) => self.are_for_widgets(Some(member), depth),
            (b"Kids", _, Object::Dictionary(node)) => self.node_may_come(&node, depth),
            _ => Ok(false),
        }
    }

    fn node_may_come(&mut self, node: &Dictionary<'p>, depth: usize) -> Result<bool> {
        for (key, value) in node.iter().filter(|(key, _)| *key != b"Limits") {
            let is_list = [&b"Kids"[..], b"Nums", b"Names"].contains(&key);
            if depth > MAX_DEPTH || !is_list || !self.may_come(key, value, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether elements, or the one in place of a list, lead to nothing but annotations, and say nothing of their own but
    /// where they do.
    fn are_for_widgets(&mut self, elements: Option<&Object<'p>>, depth: usize) -> Result<bool> {
        let Some(elements) = elements else { return Ok(true) };
        if depth > MAX_DEPTH {
            return Ok(false);
        }
        for member in members(self.new, elements)? {
            let Object::Dictionary(element) = self.new.resolve(&member)? else { return Ok(false) };
            let known = matches!(&member, Object::Reference(to) if self.landmarks.structure.contains(&to.number));
            if known || says_something(&element) || is_stream(self.new, &member)? {
                return Ok(false);
            }
            if element.name(b"Type") == Some(b"OBJR") {
                if !self.is_to_annotation(&element) {
                    return Ok(false);
                }
                continue;
            }
            if !self.are_for_widgets(element.get(b"K"), depth + 1)? {
                return Ok(false);
            }
            if has_words(self.new, &element)? {
                if !self.leads_to_annotation(element.get(b"K"), depth + 1)? {
                    return Ok(false);
                }
                self.blame(&Blame::Shown((*b"an element of the structure").into()), "");
            }
        }
        Ok(true)
    }

    /// Whether a reference to an object is to a field that came, or to an annotation that was there.
    fn is_to_annotation(&self, reference: &Dictionary<'p>) -> bool {
        matches!(reference.get(b"Obj"), Some(Object::Reference(to)) if self.added.contains(&to.number)
            || self.landmarks.fields.contains(&to.number)
            || self.landmarks.annotations.contains(&to.number))
    }

    /// Whether elements, all of which are sound, lead to any annotation.
    fn leads_to_annotation(&self, elements: Option<&Object<'p>>, depth: usize) -> Result<bool> {
        let Some(elements) = elements.filter(|_| depth <= MAX_DEPTH) else { return Ok(false) };
        for member in members(self.new, elements)? {
            let Object::Dictionary(element) = self.new.resolve(&member)? else { continue };
            if element.name(b"Type") == Some(b"OBJR") || self.leads_to_annotation(element.get(b"K"), depth + 1)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether it is something else than an element or a reference to an object, or brings a text to be read in place of what
/// it stands for (§ 14.9), or content.
fn says_something(element: &Dictionary<'_>) -> bool {
    let words = [&b"ActualText"[..], b"E", b"MCID", b"Stm", b"AF"];
    let is_one = element.get(b"S").is_some() || element.name(b"Type") == Some(b"OBJR");
    !is_one || words.iter().any(|key| element.get(key).is_some())
}

/// Whether an element has entries that are read, or may be: alternate descriptions, titles, sounds, and attributes with a
/// text (§ 14.7.2, table 355, and § 14.9).
fn has_words(pdf: &Pdf<'_>, element: &Dictionary<'_>) -> Result<bool> {
    const WORDLESS: [&[u8]; 8] = [b"Type", b"S", b"P", b"ID", b"Pg", b"K", b"R", b"NS"];
    for (key, value) in element.iter().filter(|(key, _)| !WORDLESS.contains(key)) {
        let is_plain = match (key, pdf.resolve(value)?) {
            (_, Object::Null) | (b"A" | b"C", Object::Name(_)) => true,
            (b"A", Object::Dictionary(attributes)) => attributes.iter().all(|(_, value)| {
                matches!(value, Object::Name(_) | Object::Integer(_) | Object::Real(_) | Object::Boolean(_))
            }),
            _ => false,
        };
        if !is_plain {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_stream(pdf: &Pdf<'_>, object: &Object<'_>) -> Result<bool> {
    match object {
        Object::Reference(to) => Ok(pdf.get(to.number)?.stream.is_some()),
        _ => Ok(false),
    }
}

/// The members of a list, or the one thing that stands in place of a list.
fn members<'p>(pdf: &'p Pdf<'_>, object: &Object<'p>) -> Result<Vec<Object<'p>>> {
    match pdf.resolve(object)? {
        Object::Array(members) => Ok(members),
        _ => Ok(vec![object.clone()]),
    }
}
