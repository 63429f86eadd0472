//! What changed in a document after a revision was signed.
//!
//! # Why
//! An update may redefine any object, and nothing in the file says what for. So both documents, as signed and as it is,
//! are walked side by side from the catalog, each object in the role in which a reader comes upon it: a page's content
//! must be the same, a list of annotations may have grown, an empty field may have got a value. What differs where the
//! role does not explain it is a change of content. A role other than "the same" needs an object that is what its role
//! says ([`super::landmark`]), and no such role lets a stream differ. An object with several roles must pass in all of
//! them. What no walk reaches no reader sees. Values are compared by what they mean ([`super::meaning`]): under whatever
//! number, written at once or by reference. Sources for the roles: ISO 32000-2 § 12.8.2.2.2, EN 319 142-1 § 5.4 and 5.5;
//! for their gaps: "Shadow Attacks" (NDSS 2021) and the difference policy of pyHanko.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use crate::signature::pdf::{Dictionary, Indirect, Object, Pdf, PdfError, Reference};

use super::landmark::Landmarks;
use super::meaning::{is_silent, same_value};

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
    /// What came with a signature and is shown, or read to whoever does not see the page, and was not before: the field
    /// that is, or what else, the first that was found.
    pub shown: Option<String>,
    /// Annotations added, changed or removed.
    pub annotations: bool,
    /// Anything else: the first that was found.
    pub content: Option<String>,
}

impl Changes {
    /// Whether nothing but signatures came, which show nothing.
    #[must_use]
    pub fn are_signatures_only(&self) -> bool {
        self.content.is_none() && self.filled.is_empty() && self.shown.is_none() && !self.annotations
    }

    /// Adds those of another revision.
    pub fn add(&mut self, other: Self) {
        self.signatures |= other.signatures;
        self.annotations |= other.annotations;
        self.filled.extend(other.filled);
        self.signed.extend(other.signed.into_iter().filter(|name| !self.signed.contains(name)).collect::<Vec<_>>());
        self.shown = self.shown.take().or(other.shown);
        self.content = self.content.take().or(other.content);
    }
}

/// What a difference means in the place where it is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Blame {
    Content,
    Filled(Rc<[u8]>),
    /// It is what this field, or something else of this name, shows or says since it was signed.
    Shown(Rc<[u8]>),
    Annotations,
    /// It is what validation data and new signatures bring along.
    Nothing,
}

/// How a field came to its value between the two revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Filling {
    /// It has the one it had, or none.
    None,
    /// It has another.
    Value,
    /// It was empty and holds a signature now.
    Signing,
    /// It held a signature already.
    Signed,
}

/// What a field is for (§ 12.7.5), as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Signature,
    /// A button that can be pressed, and has no value to be filled in (§ 12.7.5.2.2).
    Push,
    Other,
}

/// The role in which a reader comes upon an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// It and all behind it must be the same. `drawn`: on the way to what is shown, where only pages are landmarks.
    Same { blame: Blame, drawn: bool },
    /// A node of the form; what it has from those above it: a name, a kind, and how they came to their value.
    Field { parent: Rc<[u8]>, kind: Kind, filling: Filling },
    /// A page, or a node of their tree.
    Page,
    /// A node of the logical structure, where new signatures leave a mark.
    Structure,
}

pub(super) const CONTENT: Role = Role::Same { blame: Blame::Content, drawn: true };
pub(super) const GUIDE: Role = Role::Same { blame: Blame::Content, drawn: false };
pub(super) const ANNOTATION: Role = Role::Same { blame: Blame::Annotations, drawn: false };

/// Finds what changed from `old` to `new`.
///
/// # Errors
/// [`PdfError`] when either cannot be read: then nothing can be said, and anything may have changed.
pub fn between(old: &Pdf<'_>, new: &Pdf<'_>) -> Result<Changes> {
    let mut walk = Walk {
        old,
        new,
        landmarks: Landmarks::of(old, new)?,
        is_encrypted: old.is_encrypted() || new.is_encrypted(),
        open: Vec::new(),
        seen: HashSet::new(),
        at: 0,
        added: HashSet::new(),
        placed: Vec::new(),
        can_show: None,
        changes: Changes::default(),
    };
    walk.trailer()?;
    walk.catalog()?;
    while let Some((number, role)) = walk.open.pop() {
        walk.visit(number, &role)?;
    }
    walk.judge_placed()?;
    Ok(walk.changes)
}

/// The numbers of an object before and after; they differ where the same was written again.
type Numbers = (u32, u32);

pub(super) struct Walk<'p, 'a> {
    pub(super) old: &'p Pdf<'a>,
    pub(super) new: &'p Pdf<'a>,
    pub(super) landmarks: Landmarks,
    /// Strings and streams are encrypted, each with its object's number: none is the same under another.
    is_encrypted: bool,
    open: Vec<(Numbers, Role)>,
    seen: HashSet<(Numbers, Role)>,
    /// The object that is being compared, for messages.
    at: u32,
    /// Fields for signatures, and their widgets, that were added to the form.
    pub(super) added: HashSet<u32>,
    /// Widgets that were added to a page.
    pub(super) placed: Vec<Object<'p>>,
    /// Whether the document has actions that can show what is hidden: asked once.
    pub(super) can_show: Option<bool>,
    pub(super) changes: Changes,
}

/// The numbers of the objects that a list refers to.
pub(super) fn references(members: &[Object<'_>]) -> BTreeSet<u32> {
    let number = |member: &Object<'_>| if let Object::Reference(to) = member { Some(to.number) } else { None };
    members.iter().filter_map(number).collect()
}

impl<'p> Walk<'p, '_> {
    pub(super) fn blame(&mut self, blame: &Blame, what: &str) {
        match blame {
            Blame::Content if self.changes.content.is_some() => {}
            Blame::Content => self.changes.content = Some(format!("{what} (object {})", self.at)),
            Blame::Filled(name) => {
                self.changes.filled.insert(name.to_vec());
            }
            Blame::Shown(name) => {
                let name = || String::from_utf8_lossy(name).into_owned();
                self.changes.shown.get_or_insert_with(name);
            }
            Blame::Annotations => self.changes.annotations = true,
            Blame::Nothing => {}
        }
    }

    pub(super) fn content(&mut self, what: &str) {
        self.blame(&Blame::Content, what);
    }

    /// Has an object compared that both documents have under this number.
    pub(super) fn push(&mut self, number: u32, role: &Role) {
        self.push_both((number, number), role);
    }

    fn push_both(&mut self, numbers: Numbers, role: &Role) {
        if self.seen.insert((numbers, role.clone())) {
            self.open.push((numbers, role.clone()));
        }
    }

    /// The keys of both dictionaries, each once. A key that an update writes twice is a change: readers do not agree on
    /// which of its values counts.
    pub(super) fn keys<'d>(&mut self, old: &'d Dictionary<'_>, new: &'d Dictionary<'_>) -> Vec<&'d [u8]> {
        if new.ambiguous().is_some() && old != new {
            self.content("a dictionary has a key with two values");
        }
        let mut keys: Vec<_> = old.iter().chain(new.iter()).map(|(key, _)| key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Compares the values of a key in a role; a value that is there on one side only differs, unless it is null
    /// (§ 7.3.7).
    pub(super) fn pair(
        &mut self,
        old: Option<&Object<'p>>,
        new: Option<&Object<'p>>,
        role: &Role,
        key: &[u8],
    ) -> Result<()> {
        let is_null = match (old, new) {
            (None, None) => true,
            (Some(old), Some(new)) => return self.same(old, new, role, key),
            (Some(old), None) => self.old.resolve(old)? == Object::Null,
            (None, Some(new)) => self.new.resolve(new)? == Object::Null,
        };
        if !is_null {
            self.differ(role, key);
        }
        Ok(())
    }

    /// Has an object noticed that took the place of another and is compared entry by entry: where a document is
    /// encrypted, a string is encrypted with the number of the object that it stands in, and says the same in no other.
    pub(super) fn stays(&mut self, old: Option<&Object<'p>>, new: Option<&Object<'p>>) {
        if let (true, Some(old), Some(new)) = (self.is_encrypted, old, new)
            && old != new
            && (matches!(old, Object::Reference(_)) || matches!(new, Object::Reference(_)))
        {
            self.content("an object of an encrypted document stands under another number");
        }
    }

    pub(super) fn differ(&mut self, role: &Role, key: &[u8]) {
        let blame = if let Role::Same { blame, .. } = role { blame.clone() } else { Blame::Content };
        self.blame(&blame, &format!("{} was changed", String::from_utf8_lossy(key)));
    }

    pub(super) fn same(&mut self, old: &Object<'p>, new: &Object<'p>, role: &Role, key: &[u8]) -> Result<()> {
        match (old, new) {
            (Object::Reference(old), Object::Reference(new)) => self.same_reference(*old, *new, role, key)?,
            (Object::Reference(reference), direct) => match self.written_out(self.old, *reference)? {
                Some(old) => self.same(&old, direct, role, key)?,
                None => self.differ(role, key),
            },
            (direct, Object::Reference(reference)) => match self.written_out(self.new, *reference)? {
                Some(new) => self.same(direct, &new, role, key)?,
                None => self.differ(role, key),
            },
            (Object::Array(old), Object::Array(new)) if old.len() == new.len() => {
                let destination = old.first() == new.first() && self.landmarks.is_destination(old);
                for (old, new) in old.iter().zip(new).skip(usize::from(destination)) {
                    self.same(old, new, role, key)?;
                }
            }
            (Object::Dictionary(old), Object::Dictionary(new)) => self.same_entries(old, new, role)?,
            (old, new) if same_value(old, new, key) => {}
            _ => self.differ(role, key),
        }
        Ok(())
    }

    fn same_reference(&mut self, old: Reference, new: Reference, role: &Role, key: &[u8]) -> Result<()> {
        if old == new {
            let drawn = !matches!(role, Role::Same { drawn: false, .. });
            // A landmark is compared in its own role.
            if !self.landmarks.turns_back(key, old.number, drawn) {
                self.push(old.number, role);
            }
        } else if self.is_another(old.number, new.number)
            || self.new.generations(new.number)? != Some([new.generation; 2])
        {
            self.differ(role, key);
        } else {
            self.push_both((old.number, new.number), role);
        }
        Ok(())
    }

    /// Whether an object under another number is another object, whatever it says.
    fn is_another(&self, old: u32, new: u32) -> bool {
        self.is_encrypted || self.landmarks.is_one_of_a_kind(old) || self.landmarks.is_one_of_a_kind(new)
    }

    /// What a reference stands for, where it could as well be written out in its place.
    fn written_out(&self, pdf: &'p Pdf<'_>, reference: Reference) -> Result<Option<Object<'p>>> {
        let found = pdf.get(reference.number)?;
        let stated = pdf.generations(reference.number)?;
        let plain = found.stream.is_none() && !matches!(found.object, Object::Reference(_));
        let sound = stated.is_none_or(|stated| stated == [reference.generation; 2]);
        let another = self.is_another(reference.number, reference.number);
        Ok((plain && sound && !another).then_some(found.object))
    }

    fn same_entries(&mut self, old: &Dictionary<'p>, new: &Dictionary<'p>, role: &Role) -> Result<()> {
        for key in self.keys(old, new) {
            self.pair(old.get(key), new.get(key), role, key)?;
        }
        Ok(())
    }

    fn visit(&mut self, numbers: Numbers, role: &Role) -> Result<()> {
        self.at = numbers.0;
        let (old, new) = (self.old.get(numbers.0)?, self.new.get(numbers.1)?);
        if numbers.0 == numbers.1
            && !self.old.shares(self.new, numbers.0)
            && self.old.generations(numbers.0)? != self.new.generations(numbers.1)?
        {
            self.content("an object of another generation stands in its place");
        }
        match (role, &old.object, &new.object) {
            (Role::Same { .. }, ..) => self.whole(&old, &new, role),
            // No role but that of content has streams.
            _ if old.stream.is_some() || new.stream.is_some() => self.whole(&old, &new, &CONTENT),
            (Role::Field { .. }, Object::Dictionary(old), Object::Dictionary(new)) => self.field(old, new, role),
            (Role::Page, Object::Dictionary(old), Object::Dictionary(new)) => self.page(old, new),
            (Role::Structure, ..) => self.structure(&old.object, &new.object),
            _ => self.whole(&old, &new, &CONTENT),
        }
    }

    fn whole(&mut self, old: &Indirect<'p>, new: &Indirect<'p>, role: &Role) -> Result<()> {
        let same_place = |old: &[u8], new: &[u8]| std::ptr::eq(old, new);
        match (old.stream, new.stream) {
            (None, None) => {}
            (Some(old), Some(new)) if same_place(old, new) || old == new => {}
            _ => self.differ(role, b"a stream"),
        }
        self.same(&old.object, &new.object, role, b"an object")
    }

    /// The trailer (§ 7.5.5): what is encrypted and how, and which object is the catalog.
    fn trailer(&mut self) -> Result<()> {
        let (old, new) = (self.old.trailer(), self.new.trailer());
        self.pair(old.get(b"Encrypt"), new.get(b"Encrypt"), &CONTENT, b"/Encrypt")?;
        if self.is_encrypted {
            self.stays(old.get(b"ID"), new.get(b"ID"));
            // Its first half is a part of the key.
            let first = |pdf: &'p Pdf<'_>| Ok(pdf.array(pdf.trailer().get(b"ID"))?.into_iter().next());
            let (old, new): (Option<Object<'p>>, Option<Object<'p>>) = (first(self.old)?, first(self.new)?);
            self.pair(old.as_ref(), new.as_ref(), &CONTENT, b"/ID")?;
        }
        self.stays(old.get(b"Root"), new.get(b"Root"));
        if let (Some(Object::Reference(old)), Some(Object::Reference(new))) = (old.get(b"Root"), new.get(b"Root")) {
            let moved = old != new && self.new.generations(new.number)? != Some([new.generation; 2]);
            if moved || self.old.generations(old.number)? != self.new.generations(new.number)? {
                self.content("another catalog stands in its place");
            }
        }
        Ok(())
    }

    /// The document catalog (§ 7.7.2).
    fn catalog(&mut self) -> Result<()> {
        let (old, new) = (self.old.catalog()?, self.new.catalog()?);
        for key in self.keys(&old, &new) {
            let (before, after) = (old.get(key), new.get(key));
            match key {
                b"AcroForm" => self.form(before, after)?,
                b"Pages" => self.pages(before, after)?,
                // What validation data and the signing itself bring along.
                b"DSS" | b"Extensions" => {}
                b"Version" if after.is_none_or(is_version) => {}
                b"Perms" if before.is_none() => self.permissions(after)?,
                b"StructTreeRoot" => self.structure_root(before, after)?,
                b"Names" => self.names(before, after)?,
                b"Outlines" | b"Dests" | b"OpenAction" | b"AA" | b"Threads" => {
                    self.pair(before, after, &GUIDE, key)?;
                }
                _ if is_silent(key, [before, after]) => {}
                _ => self.pair(before, after, &CONTENT, key)?,
            }
        }
        self.title(&old, &new)
    }

    /// What signers came to permit (§ 12.8.6): a certification, and no more.
    fn permissions(&mut self, new: Option<&Object<'p>>) -> Result<()> {
        let granted = self.new.dictionary(new)?.unwrap_or_default();
        if granted.iter().any(|(key, value)| key != b"DocMDP" || !matches!(value, Object::Reference(_))) {
            self.content("/Perms was changed");
        }
        Ok(())
    }

    /// What is found by a name (§ 7.7.4). Named appearances (`/AP`) show nothing by themselves, and come with comments.
    fn names(&mut self, old: Option<&Object<'p>>, new: Option<&Object<'p>>) -> Result<()> {
        self.stays(old, new);
        let (before, after) = (self.old.dictionary(old)?, self.new.dictionary(new)?);
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        for key in self.keys(&before, &after) {
            let role = if key == b"AP" { &ANNOTATION } else { &GUIDE };
            self.pair(before.get(key), after.get(key), role, key)?;
        }
        Ok(())
    }
}

/// Whether it names a version of PDF (§ 7.2.2).
fn is_version(object: &Object<'_>) -> bool {
    matches!(object, Object::Name(name) if matches!(&**name, [b'1', b'.', b'0'..=b'7'] | b"2.0"))
}
