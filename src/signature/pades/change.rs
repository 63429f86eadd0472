//! What changed in a document after a revision was signed.
//!
//! # Why
//! An update may redefine any object, and nothing in the file says what for. So both documents, as signed and as it is,
//! are walked side by side from the catalog, each object in the role in which a reader comes upon it: a page's content
//! must be the same, a list of annotations may have grown, an empty field may have got a value. What differs where the
//! role does not explain it is a change of content. An object with several roles must pass in all of them. What no walk
//! reaches no reader sees. Sources for the roles: ISO 32000-2 § 12.8.2.2.2, EN 319 142-1 § 5.4 and 5.5.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use crate::signature::pdf::{Dictionary, Indirect, Object, Pdf, PdfError};

use super::form::does_something;
use super::landmark::Landmarks;

type Result<T> = std::result::Result<T, PdfError>;

/// What changed, by kind.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Another signature, or an empty field for one.
    pub signatures: bool,
    /// Fields for signatures that were there, empty, and were signed.
    pub signed: Vec<Vec<u8>>,
    /// Fields whose value or appearance changed.
    pub filled: BTreeSet<Vec<u8>>,
    /// A new signature that shows something on a page: the field that does, the first that was found.
    pub shown: Option<String>,
    /// Annotations added, changed or removed.
    pub annotations: bool,
    /// Anything else: the first that was found.
    pub content: Option<String>,
}

/// What a difference means in the place where it is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Blame {
    Content,
    Filled(Rc<[u8]>),
    Annotations,
    /// It is what validation data and new signatures bring along.
    Nothing,
}

/// The role in which a reader comes upon an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// It and all behind it must be the same. `drawn`: on the way to what is shown, where only pages are landmarks.
    Same { blame: Blame, drawn: bool },
    /// A node of the form; what it has from those above it: a name, a kind, and whether they got another value.
    Field { parent: Rc<[u8]>, of_signature: bool, refilled: bool },
    /// A page, or a node of their tree.
    Page,
    /// A node of the logical structure, where new signatures leave a mark.
    Structure,
}

pub(super) const CONTENT: Role = Role::Same { blame: Blame::Content, drawn: true };
pub(super) const GUIDE: Role = Role::Same { blame: Blame::Content, drawn: false };

/// Finds what changed from `old` to `new`.
///
/// # Errors
/// [`PdfError`] when either cannot be read: then nothing can be said, and anything may have changed.
pub fn between(old: &Pdf<'_>, new: &Pdf<'_>) -> Result<Changes> {
    let landmarks = Landmarks::of(old)?;
    let mut walk =
        Walk { old, new, landmarks, open: Vec::new(), seen: HashSet::new(), at: 0, changes: Changes::default() };
    walk.pair(old.trailer().get(b"Encrypt"), new.trailer().get(b"Encrypt"), &CONTENT, "/Encrypt");
    walk.catalog()?;
    while let Some((number, role)) = walk.open.pop() {
        walk.visit(number, &role)?;
    }
    Ok(walk.changes)
}

pub(super) struct Walk<'p, 'a> {
    pub(super) old: &'p Pdf<'a>,
    pub(super) new: &'p Pdf<'a>,
    landmarks: Landmarks,
    open: Vec<(u32, Role)>,
    seen: HashSet<(u32, Role)>,
    /// The object that is being compared, for messages.
    at: u32,
    pub(super) changes: Changes,
}

/// The keys of both dictionaries, each once.
pub(super) fn keys<'d>(old: &'d Dictionary<'_>, new: &'d Dictionary<'_>) -> Vec<&'d [u8]> {
    let mut keys: Vec<_> = old.iter().chain(new.iter()).map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

pub(super) fn references(members: &[Object<'_>]) -> BTreeSet<u32> {
    let number = |member: &Object<'_>| if let Object::Reference(to) = member { Some(to.number) } else { None };
    members.iter().filter_map(number).collect()
}

impl<'p> Walk<'p, '_> {
    fn blame(&mut self, blame: &Blame, what: &str) {
        match blame {
            Blame::Content if self.changes.content.is_some() => {}
            Blame::Content => self.changes.content = Some(format!("{what} (object {})", self.at)),
            Blame::Filled(name) => {
                self.changes.filled.insert(name.to_vec());
            }
            Blame::Annotations => self.changes.annotations = true,
            Blame::Nothing => {}
        }
    }

    pub(super) fn content(&mut self, what: &str) {
        self.blame(&Blame::Content, what);
    }

    pub(super) fn push(&mut self, number: u32, role: &Role) {
        if self.seen.insert((number, role.clone())) {
            self.open.push((number, role.clone()));
        }
    }

    /// Compares the values of a key in a role; a value that is there on one side only differs.
    pub(super) fn pair(&mut self, old: Option<&Object<'_>>, new: Option<&Object<'_>>, role: &Role, key: &str) {
        match (old, new) {
            (None, None) => {}
            (Some(old), Some(new)) => self.same(old, new, role, key),
            _ => self.differ(role, key),
        }
    }

    fn differ(&mut self, role: &Role, key: &str) {
        match role {
            Role::Same { blame, .. } => self.blame(&blame.clone(), &format!("{key} was changed")),
            _ => self.content(&format!("{key} was changed")),
        }
    }

    fn same(&mut self, old: &Object<'_>, new: &Object<'_>, role: &Role, key: &str) {
        match (old, new) {
            (Object::Reference(old), Object::Reference(new)) if old == new => {
                let landmark = match role {
                    Role::Same { drawn: true, .. } => self.landmarks.pages.contains(&old.number),
                    Role::Same { drawn: false, .. } => self.landmarks.contains(old.number),
                    _ => false,
                };
                // A landmark is compared in its own role, wherever else it is named.
                if !landmark {
                    self.push(old.number, role);
                }
            }
            (Object::Array(old), Object::Array(new)) if old.len() == new.len() => {
                old.iter().zip(new).for_each(|(old, new)| self.same(old, new, role, key));
            }
            (Object::Dictionary(old), Object::Dictionary(new)) => self.same_entries(old, new, role),
            (old, new) if old == new => {}
            _ => self.differ(role, key),
        }
    }

    fn same_entries(&mut self, old: &Dictionary<'_>, new: &Dictionary<'_>, role: &Role) {
        for key in keys(old, new) {
            self.pair(old.get(key), new.get(key), role, &String::from_utf8_lossy(key));
        }
    }

    fn visit(&mut self, number: u32, role: &Role) -> Result<()> {
        self.at = number;
        let (old, new) = (self.old.get(number)?, self.new.get(number)?);
        match (role, &old.object, &new.object) {
            (Role::Field { .. }, Object::Dictionary(old), Object::Dictionary(new)) => self.field(old, new, role),
            (Role::Page, Object::Dictionary(old), Object::Dictionary(new)) => self.page(old, new),
            (Role::Structure, ..) => self.structure(&old.object, &new.object),
            _ => {
                self.whole(&old, &new, role);
                Ok(())
            }
        }
    }

    fn whole(&mut self, old: &Indirect<'_>, new: &Indirect<'_>, role: &Role) {
        self.same(&old.object, &new.object, role, "an object");
        let same_place = |old: &[u8], new: &[u8]| std::ptr::eq(old, new);
        match (old.stream, new.stream) {
            (None, None) => {}
            (Some(old), Some(new)) if same_place(old, new) || old == new => {}
            _ => self.differ(role, "a stream"),
        }
    }

    fn catalog(&mut self) -> Result<()> {
        let (old, new) = (self.old.catalog()?, self.new.catalog()?);
        for key in keys(&old, &new) {
            let (before, after) = (old.get(key), new.get(key));
            let name = String::from_utf8_lossy(key);
            match key {
                b"AcroForm" => self.form(before, after)?,
                b"Pages" => self.pair(before, after, &Role::Page, "/Pages"),
                // What validation data and the signing itself bring along, and private data that no reader shows.
                b"DSS" | b"Extensions" | b"Version" | b"Metadata" | b"PieceInfo" => {}
                b"Perms" | b"StructTreeRoot" if before.is_none() => {}
                b"StructTreeRoot" => self.pair(before, after, &Role::Structure, "/StructTreeRoot"),
                b"Outlines" | b"Names" | b"Dests" | b"OpenAction" | b"AA" | b"Threads" => {
                    self.pair(before, after, &GUIDE, &name);
                }
                _ => self.pair(before, after, &CONTENT, &name),
            }
        }
        Ok(())
    }

    /// A page, or a node of the pages' tree (§ 7.7.3).
    fn page(&mut self, old: &Dictionary<'p>, new: &Dictionary<'p>) -> Result<()> {
        for key in keys(old, new) {
            let (before, after) = (old.get(key), new.get(key));
            match key {
                b"Kids" => {
                    let (before, after) = (self.old.array(before)?, self.new.array(after)?);
                    let all_references = references(&before).len() == before.len();
                    if before != after || !all_references {
                        self.content("pages were added, removed or moved");
                    }
                    for number in references(&before) {
                        self.push(number, &Role::Page);
                    }
                }
                b"Annots" => {
                    let (before, after) = (self.old.array(before)?, self.new.array(after)?);
                    self.annotations(&before, &after)?;
                }
                b"PieceInfo" | b"LastModified" => {}
                b"Tabs" if before.is_none() => {}
                _ => self.pair(before, after, &CONTENT, &String::from_utf8_lossy(key)),
            }
        }
        Ok(())
    }

    fn annotations(&mut self, old: &[Object<'p>], new: &[Object<'p>]) -> Result<()> {
        let (before, after) = (references(old), references(new));
        let direct = |list: &'_ [Object<'p>]| -> Vec<Object<'p>> {
            list.iter().filter(|member| !matches!(member, Object::Reference(_))).cloned().collect()
        };
        let (direct_before, direct_after) = (direct(old), direct(new));
        self.changes.annotations |= !before.is_subset(&after) || !direct_after.starts_with(&direct_before);
        for number in before.intersection(&after) {
            // A field's widget is compared as a field.
            if !self.landmarks.fields.contains(number) {
                self.push(*number, &Role::Same { blame: Blame::Annotations, drawn: false });
            }
        }
        for member in &direct_before {
            self.same(member, member, &Role::Same { blame: Blame::Annotations, drawn: false }, "an annotation");
        }
        let added = after.difference(&before).map(|number| self.new.get(*number).map(|added| added.object));
        let added: Vec<Object<'p>> = added.collect::<Result<_>>()?;
        for member in added.iter().chain(direct_after.iter().skip(direct_before.len())) {
            let Object::Dictionary(annotation) = member else {
                self.changes.annotations = true;
                continue;
            };
            match annotation.name(b"Subtype") {
                Some(b"Widget") if self.shows_signature(annotation)? => {
                    if self.changes.shown.is_none() && self.is_visible(annotation)? {
                        let name = annotation.get(b"T").and_then(|name| match name {
                            Object::Text(name) => Some(String::from_utf8_lossy(&name.bytes()).into_owned()),
                            _ => None,
                        });
                        self.changes.shown = Some(name.unwrap_or_default());
                    }
                }
                Some(b"Widget") => self.content("a form field was added to a page"),
                _ => self.changes.annotations = true,
            }
        }
        Ok(())
    }

    /// Whether a widget draws anything: it has an area, and is not hidden (§ 12.5.3, table 167, and § 12.7.5.5).
    fn is_visible(&self, widget: &Dictionary<'_>) -> Result<bool> {
        const HIDDEN: i64 = 2;
        if widget.integer(b"F").is_some_and(|flags| flags & HIDDEN != 0) {
            return Ok(false);
        }
        let sides = self.new.array(widget.get(b"Rect"))?;
        let equal =
            |one: usize, other: usize| matches!((sides.get(one), sides.get(other)), (Some(a), Some(b)) if a == b);
        Ok(!(equal(0, 2) || equal(1, 3)))
    }

    fn shows_signature(&self, widget: &Dictionary<'_>) -> Result<bool> {
        if does_something(widget) {
            return Ok(false);
        }
        if let Some(kind) = widget.name(b"FT") {
            return Ok(kind == b"Sig");
        }
        let Some(Object::Reference(parent)) = widget.get(b"Parent") else { return Ok(false) };
        self.is_signature_field(parent.number)
    }

    /// The logical structure (§ 14.7): a new signature adds elements, and changes none.
    fn structure(&mut self, old: &Object<'p>, new: &Object<'p>) -> Result<()> {
        let (Object::Dictionary(before), Object::Dictionary(after)) = (old, new) else {
            return self.grown(old, new);
        };
        for key in keys(before, after) {
            let (old, new) = (before.get(key), after.get(key));
            match (key, old, new) {
                (b"ParentTreeNextKey" | b"Limits", ..) | (b"K" | b"Kids" | b"Nums" | b"Names", None, Some(_)) => {}
                (b"K" | b"Kids" | b"Nums" | b"Names", Some(old), Some(new)) => self.grown(old, new)?,
                (b"ParentTree" | b"IDTree", Some(_), Some(_)) => {
                    self.pair(old, new, &Role::Structure, "a structure tree");
                }
                _ => self.pair(old, new, &GUIDE, &String::from_utf8_lossy(key)),
            }
        }
        Ok(())
    }

    /// A list, or one thing in place of a list, to which things were added and from which none was taken.
    fn grown(&mut self, old: &Object<'p>, new: &Object<'p>) -> Result<()> {
        let (before, after) = (members(self.old, old)?, members(self.new, new)?);
        let mut rest = after.iter();
        for member in &before {
            if !rest.any(|other| other == member) {
                self.content("the logical structure was changed");
                return Ok(());
            }
            if let Object::Reference(reference) = member {
                self.push(reference.number, &Role::Structure);
            }
        }
        Ok(())
    }
}

/// The members of a list, or the one thing that stands in place of a list.
fn members<'p>(pdf: &'p Pdf<'_>, object: &Object<'p>) -> Result<Vec<Object<'p>>> {
    match pdf.resolve(object)? {
        Object::Array(members) => Ok(members),
        _ => Ok(vec![object.clone()]),
    }
}
