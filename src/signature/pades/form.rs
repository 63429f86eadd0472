//! What changed in a form: which values were filled in, which fields signed, and what may not change with either
//! (ISO 32000-2 § 12.7, EN 319 142-1 § 5.4 and 5.5).

use std::collections::HashSet;
use std::rc::Rc;

use crate::signature::pdf::{Dictionary, Object, Pdf, PdfError};

use super::appearance;
use super::change::{Blame, CONTENT, Filling, GUIDE, Kind, Role, Walk, references};
use super::field;
use super::meaning::is_silent;
use super::name;

type Result<T> = std::result::Result<T, PdfError>;

/// What programs that read a page aloud say of a field or a widget (§ 12.5.2, tables 166 and 226).
const WORDS: [&[u8]; 3] = [b"TU", b"Contents", b"RC"];

impl<'p> Walk<'p, '_> {
    /// The interactive form (§ 12.7.3).
    ///
    /// `/NeedAppearances` has readers draw values themselves instead of the appearances that were signed, and a field or
    /// an annotation without an appearance has it anyway ([`super::appearance`]): with what the form brings for it
    /// (`/DR`, `/DA`, `/Q`). So the first may not change, and the others not where they are used.
    pub(super) fn form(&mut self, old: Option<&Object<'p>>, new: Option<&Object<'p>>) -> Result<()> {
        self.stays(old, new);
        let (before, after) = (self.old.dictionary(old)?, self.new.dictionary(new)?);
        let before = before.unwrap_or_default();
        let Some(after) = after else {
            self.content("the form was removed");
            return Ok(());
        };
        let drawn_by_readers = truth(self.old, before.get(b"NeedAppearances"))? != Some(false)
            || appearance::is_missing(self.old, &self.landmarks)?;
        for key in self.keys(&before, &after) {
            let (old, new) = (before.get(key), after.get(key));
            match key {
                b"Fields" => {
                    let (old, new) = (self.old.array(old)?, self.new.array(new)?);
                    let root = Role::Field { parent: Rc::from(&b""[..]), kind: Kind::Other, filling: Filling::None };
                    self.fields(&old, &new, &root, true)?;
                }
                b"SigFlags" => {}
                b"NeedAppearances" => match (truth(self.old, old)?, truth(self.new, new)?) {
                    (Some(before), Some(after)) if before == after => {}
                    (None, None) => self.pair(old, new, &CONTENT, key)?,
                    _ => self.content("/NeedAppearances was changed"),
                },
                b"DR" if !drawn_by_readers => {
                    self.stays(old, new);
                    let (old, new) = (self.old.dictionary(old)?, self.new.dictionary(new)?);
                    self.resources(&old.unwrap_or_default(), &new.unwrap_or_default())?;
                }
                b"DA" | b"Q" if !drawn_by_readers && old.is_none() => {}
                b"CO" => self.pair(old, new, &GUIDE, key)?,
                _ if is_silent(key, [old, new]) => {}
                _ => self.pair(old, new, &CONTENT, key)?,
            }
        }
        Ok(())
    }

    /// Default resources: new names may come, old ones stay what they are.
    fn resources(&mut self, old: &Dictionary<'p>, new: &Dictionary<'p>) -> Result<()> {
        for kind in self.keys(old, new) {
            let (before, after) = (old.get(kind), new.get(kind));
            let Some(before) = before else { continue };
            match (self.old.resolve(before)?, after.map(|after| self.new.resolve(after)).transpose()?) {
                (Object::Dictionary(before), Some(Object::Dictionary(after))) => {
                    for name in self.keys(&before, &after) {
                        if before.get(name).is_some() {
                            self.pair(before.get(name), after.get(name), &CONTENT, b"a resource of the form")?;
                        }
                    }
                }
                _ => self.pair(Some(before), after, &CONTENT, b"a resource of the form")?,
            }
        }
        Ok(())
    }

    fn fields(&mut self, old: &[Object<'p>], new: &[Object<'p>], role: &Role, may_grow: bool) -> Result<()> {
        let (before, after) = (references(old), references(new));
        let direct = before.len() != old.len() || after.len() != new.len();
        if direct && old != new {
            self.content("fields that are no objects of their own were changed");
        }
        if !before.is_subset(&after) {
            self.content("a form field was removed");
        }
        for number in before.intersection(&after) {
            let known = self.landmarks.fields.contains(number);
            self.push(*number, if known { role } else { &CONTENT });
        }
        for member in old.iter().filter(|_| direct && old == new) {
            self.same(member, member, &CONTENT, b"a field")?;
        }
        let mut names = None;
        for number in after.difference(&before) {
            if !may_grow {
                self.content("a form field was added");
                continue;
            }
            let names = match &mut names {
                Some(names) => names,
                None => names.insert(self.names_of(&before)?),
            };
            self.new_field(*number, names)?;
        }
        Ok(())
    }

    /// The names of fields at the root of the form.
    fn names_of(&self, roots: &std::collections::BTreeSet<u32>) -> Result<HashSet<String>> {
        let mut names = HashSet::new();
        for number in roots {
            if let Object::Dictionary(entries) = self.old.get(*number)?.object {
                names.insert(name::likeness(&field::join(b"", &entries)));
            }
        }
        Ok(names)
    }

    /// A field that was added: one for a signature may be, which no other field shares its name with, as far as names can
    /// be read. Where it holds no
    /// signature it has nothing to show.
    fn new_field(&mut self, number: u32, names: &HashSet<String>) -> Result<()> {
        let found = self.new.get(number)?;
        let Object::Dictionary(entries) = &found.object else {
            self.content("a form field was added");
            return Ok(());
        };
        // Encrypted, the same name is written in many ways: none can be told to be new.
        let likeness = name::likeness(&field::join(b"", entries));
        // A point in it would make it the name of a field below another.
        let is_named_anew = !self.new.is_encrypted() && !names.contains(&likeness) && !likeness.contains('.');
        let is_signature = found.stream.is_none() && entries.name(b"FT") == Some(b"Sig") && !does_something(entries);
        let is_new = !self.landmarks.is_one_of_a_kind(number) || self.landmarks.fields.contains(&number);
        let kids = self.new.array(entries.get(b"Kids"))?;
        let mut all_new = true;
        for kid in &kids {
            let Object::Reference(kid) = kid else {
                all_new = false;
                continue;
            };
            all_new &= self.old.get(kid.number)?.object == Object::Null;
        }
        if !is_signature || !is_new || !all_new || entries.ambiguous().is_some() || !is_named_anew {
            self.content("a form field was added");
            return Ok(());
        }
        self.added.insert(number);
        self.added.extend(references(&kids));
        let value = self.new.lenient_dictionary(entries.get(b"V"))?;
        let timestamp = value.as_ref().is_some_and(field::is_timestamp);
        self.changes.signatures |= !timestamp;
        let is_signed = value.is_some_and(|value| is_signature_value(&value));
        let name: Rc<[u8]> = field::join(b"", entries).into();
        let mut says = !is_signed && !is_plain_name(&name);
        for widget in std::iter::once(&found.object).chain(&kids) {
            let Object::Dictionary(widget) = self.new.resolve(widget)? else { continue };
            if !is_signed && !matches!(widget.get(b"AP"), None | Some(Object::Null)) {
                self.content("a field that was not signed has got an appearance");
            }
            says |= WORDS.iter().any(|key| !matches!(widget.get(key), None | Some(Object::Null)));
        }
        if says {
            self.blame(&Blame::Shown(name), "");
        }
        Ok(())
    }

    /// A field that was there (§ 12.7.4), its widget merged into it or not.
    ///
    /// An appearance may change with a value only: one that changes alone shows another text for the same value, or, in
    /// a field for a signature, whatever its maker likes with nobody's name to it.
    pub(super) fn field(&mut self, old: &Dictionary<'p>, new: &Dictionary<'p>, role: &Role) -> Result<()> {
        let Role::Field { parent, kind, filling } = role else { return Ok(()) };
        let name: Rc<[u8]> = field::join(parent, old).into();
        let kind = self.kind(old, *kind)?;
        let is_signature = kind == Kind::Signature;
        let filling = self.filling(old, new, *filling, is_signature)?;
        if filling == Filling::Signing && has_value(self.new, new)? {
            let value = self.new.lenient_dictionary(new.get(b"V"))?;
            self.changes.signatures |= !value.is_some_and(|value| field::is_timestamp(&value));
            self.changes.signed.push(name.to_vec());
        }
        let filled = Blame::Filled(Rc::clone(&name));
        let (of_value, of_look) = match (is_signature, filling) {
            (true, Filling::Signing) if self.is_visible(new)? => (Blame::Nothing, Blame::Shown(Rc::clone(&name))),
            (true, Filling::Signing) => (Blame::Nothing, Blame::Nothing),
            (true, _) => (Blame::Content, Blame::Content),
            (false, _) if kind == Kind::Push => (Blame::Content, Blame::Content),
            (false, Filling::Value) => (filled.clone(), filled),
            (false, _) => (filled, Blame::Content),
        };
        let [of_value, of_look] = [of_value, of_look].map(|blame| Role::Same { blame, drawn: true });
        let signing = is_signature && filling == Filling::Signing;
        for key in self.keys(old, new) {
            let (before, after) = (old.get(key), new.get(key));
            match key {
                b"Kids" => {
                    let (before, after) = (self.old.array(before)?, self.new.array(after)?);
                    let role = Role::Field { parent: Rc::clone(&name), kind, filling };
                    self.fields(&before, &after, &role, false)?;
                }
                b"V" if signing => {}
                b"V" | b"RV" | b"I" | b"M" => self.pair(before, after, &of_value, key)?,
                b"AP" | b"AS" => self.pair(before, after, &of_look, key)?,
                b"MK" | b"DA" if is_signature => self.pair(before, after, &of_look, key)?,
                b"P" if before.is_none() && self.landmarks.is_page(after) => {}
                b"StructParent" if before.is_none() && matches!(after, Some(Object::Integer(_))) => {}
                // Signers set "read only" and "locked": they take from a reader what he may do, and show nothing new.
                b"Ff" => self.flags(before, after, 1)?,
                // A widget that is signed is printed, too.
                b"F" => self.flags(before, after, if signing { 4 | 64 | 128 | 512 } else { 64 | 128 | 512 })?,
                b"Parent" => {
                    let known =
                        matches!(before, Some(Object::Reference(to)) if self.landmarks.fields.contains(&to.number));
                    self.pair(before, after, if known { &GUIDE } else { &CONTENT }, key)?;
                }
                b"A" | b"AA" => self.pair(before, after, &GUIDE, key)?,
                _ => self.pair(before, after, &CONTENT, key)?,
            }
        }
        Ok(())
    }

    /// What a field is for; both what says so and its flags may stand above it.
    fn kind(&self, field: &Dictionary<'p>, above: Kind) -> Result<Kind> {
        const PUSH: i64 = 1 << 16;
        let flags = field.get(b"Ff").map(|flags| self.old.resolve(flags)).transpose()?;
        let is_push = matches!(flags, Some(Object::Integer(flags)) if flags & PUSH != 0);
        Ok(match field.name(b"FT") {
            Some(b"Sig") => Kind::Signature,
            Some(b"Btn") if is_push || flags.is_none() && above == Kind::Push => Kind::Push,
            Some(_) => Kind::Other,
            None if is_push && above == Kind::Other => Kind::Push,
            None => above,
        })
    }

    /// How a field came to its value; a widget has that of its field.
    fn filling(
        &self,
        old: &Dictionary<'p>,
        new: &Dictionary<'p>,
        above: Filling,
        is_signature: bool,
    ) -> Result<Filling> {
        Ok(match (has_value(self.old, old)?, has_value(self.new, new)?) {
            (true, _) if is_signature => Filling::Signed,
            _ if above != Filling::None => above,
            (false, true) if is_signature => match self.new.lenient_dictionary(new.get(b"V"))? {
                Some(value) if is_signature_value(&value) => Filling::Signing,
                _ => Filling::None,
            },
            _ if !is_signature && old.get(b"V") != new.get(b"V") => Filling::Value,
            _ => Filling::None,
        })
    }

    fn flags(&mut self, old: Option<&Object<'p>>, new: Option<&Object<'p>>, may_be_set: i64) -> Result<()> {
        let (before, after) = match (old, new) {
            (None, Some(Object::Integer(new))) => (0, *new),
            (Some(Object::Integer(old)), Some(Object::Integer(new))) => (*old, *new),
            _ => return self.pair(old, new, &CONTENT, b"the flags of a field"),
        };
        if before | may_be_set != after | may_be_set || before & !after != 0 {
            self.content("the flags of a field were changed");
        }
        Ok(())
    }
}

/// Whether a name is one as programs give it, without words of a sentence: where a field has nobody's signature, its name
/// is all that is read of it.
fn is_plain_name(name: &[u8]) -> bool {
    const LONGEST: usize = 64;
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-#[]:".contains(byte);
    name.len() <= LONGEST && name.iter().all(inner)
}

fn has_value(pdf: &Pdf<'_>, field: &Dictionary<'_>) -> Result<bool> {
    Ok(field.get(b"V").map(|value| pdf.resolve(value)).transpose()?.is_some_and(|value| value != Object::Null))
}

/// Whether the value of a field is a signature, as far as its dictionary shows (§ 12.8.1, table 255). Whether it is a
/// good one is judged for itself.
fn is_signature_value(value: &Dictionary<'_>) -> bool {
    let is_text = matches!(value.get(b"Contents"), Some(Object::Text(_)));
    is_text && value.get(b"ByteRange").is_some() && value.get(b"SubFilter").is_some()
}

/// What a key says that is true or false, false where there is none; none where it says something else.
fn truth(pdf: &Pdf<'_>, value: Option<&Object<'_>>) -> Result<Option<bool>> {
    Ok(match value.map(|value| pdf.resolve(value)).transpose()? {
        None | Some(Object::Null) => Some(false),
        Some(Object::Boolean(value)) => Some(value),
        Some(_) => None,
    })
}

/// Whether a field or its widget runs a script, or does something else by itself: no signature needs that.
pub(super) fn does_something(field: &Dictionary<'_>) -> bool {
    field.get(b"A").is_some() || field.get(b"AA").is_some()
}
