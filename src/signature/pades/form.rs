//! What changed in a form: which values were filled in, which fields signed, and what may not change with either
//! (ISO 32000-2 § 12.7, EN 319 142-1 § 5.4 and 5.5).

use std::rc::Rc;

use crate::signature::pdf::{Dictionary, Object, PdfError};

use super::change::{Blame, CONTENT, GUIDE, Role, Walk, keys, references};
use super::field;

type Result<T> = std::result::Result<T, PdfError>;

impl<'p> Walk<'p, '_> {
    /// The interactive form (§ 12.7.3).
    pub(super) fn form(&mut self, old: Option<&Object<'p>>, new: Option<&Object<'p>>) -> Result<()> {
        let (before, after) = (self.old.dictionary(old)?, self.new.dictionary(new)?);
        let before = before.unwrap_or_default();
        let Some(after) = after else {
            self.content("the form was removed");
            return Ok(());
        };
        for key in keys(&before, &after) {
            let (old, new) = (before.get(key), after.get(key));
            match key {
                b"Fields" => {
                    let (old, new) = (self.old.array(old)?, self.new.array(new)?);
                    let root = Role::Field { parent: Rc::from(&b""[..]), of_signature: false, refilled: false };
                    self.fields(&old, &new, &root, true)?;
                }
                b"SigFlags" | b"NeedAppearances" => {}
                b"DR" => {
                    let (old, new) = (self.old.dictionary(old)?, self.new.dictionary(new)?);
                    self.resources(&old.unwrap_or_default(), &new.unwrap_or_default())?;
                }
                b"DA" if old.is_none() => {}
                b"CO" => self.pair(old, new, &GUIDE, "the order of calculation"),
                _ => self.pair(old, new, &CONTENT, &String::from_utf8_lossy(key)),
            }
        }
        Ok(())
    }

    /// Default resources: new names may come, old ones stay what they are.
    fn resources(&mut self, old: &Dictionary<'p>, new: &Dictionary<'p>) -> Result<()> {
        for (kind, before) in old.iter() {
            let after = new.get(kind);
            match (self.old.resolve(before)?, after.map(|after| self.new.resolve(after)).transpose()?) {
                (Object::Dictionary(before), Some(Object::Dictionary(after))) => {
                    for (name, resource) in before.iter() {
                        self.pair(Some(resource), after.get(name), &CONTENT, "a resource of the form");
                    }
                }
                _ => self.pair(Some(before), after, &CONTENT, "a resource of the form"),
            }
        }
        Ok(())
    }

    fn fields(&mut self, old: &[Object<'_>], new: &[Object<'_>], role: &Role, may_grow: bool) -> Result<()> {
        let (before, after) = (references(old), references(new));
        let direct = before.len() != old.len() || after.len() != new.len();
        if direct && old != new {
            self.content("fields that are no objects of their own were changed");
        }
        if !before.is_subset(&after) {
            self.content("a form field was removed");
        }
        for number in before.intersection(&after) {
            self.push(*number, role);
        }
        for number in after.difference(&before) {
            if may_grow && self.is_signature_field(*number)? {
                self.changes.signatures |= !self.holds_timestamp(*number)?;
            } else {
                self.content("a form field was added");
            }
        }
        Ok(())
    }

    pub(super) fn is_signature_field(&self, number: u32) -> Result<bool> {
        let Object::Dictionary(dictionary) = self.new.get(number)?.object else { return Ok(false) };
        Ok(dictionary.name(b"FT") == Some(b"Sig") && !does_something(&dictionary))
    }

    fn holds_timestamp(&self, number: u32) -> Result<bool> {
        let Object::Dictionary(dictionary) = self.new.get(number)?.object else { return Ok(false) };
        Ok(self.new.lenient_dictionary(dictionary.get(b"V"))?.is_some_and(|signature| field::is_timestamp(&signature)))
    }

    /// A field that was there (§ 12.7.4), its widget merged into it or not.
    ///
    /// An appearance may change with a value only: one that changes alone shows another text for the same value.
    pub(super) fn field(&mut self, old: &Dictionary<'p>, new: &Dictionary<'p>, role: &Role) -> Result<()> {
        let Role::Field { parent, of_signature, refilled } = role else { return Ok(()) };
        let name: Rc<[u8]> = field::join(parent, old).into();
        let is_signature = old.name(b"FT").map_or(*of_signature, |kind| kind == b"Sig");
        let value = |dictionary: &Dictionary<'p>| !matches!(dictionary.get(b"V"), None | Some(Object::Null));
        let signing = is_signature && !value(old) && value(new);
        if signing {
            let timestamp =
                self.new.lenient_dictionary(new.get(b"V"))?.is_some_and(|value| field::is_timestamp(&value));
            self.changes.signatures |= !timestamp;
            self.changes.signed.push(name.to_vec());
        }
        let refilled = *refilled || (!is_signature && old.get(b"V") != new.get(b"V"));
        let filled = Blame::Filled(Rc::clone(&name));
        let (of_value, of_look) = match (is_signature, value(old)) {
            (true, true) => (Blame::Content, Blame::Content),
            (true, false) => (Blame::Nothing, Blame::Nothing),
            (false, _) => (filled.clone(), if refilled { filled } else { Blame::Content }),
        };
        let [of_value, of_look] = [of_value, of_look].map(|blame| Role::Same { blame, drawn: true });
        for key in keys(old, new) {
            let (before, after) = (old.get(key), new.get(key));
            let text = String::from_utf8_lossy(key);
            match key {
                b"Kids" => {
                    let (before, after) = (self.old.array(before)?, self.new.array(after)?);
                    let role = Role::Field { parent: Rc::clone(&name), of_signature: is_signature, refilled };
                    self.fields(&before, &after, &role, false)?;
                }
                b"V" if signing => {}
                b"V" | b"RV" | b"I" | b"M" => self.pair(before, after, &of_value, &text),
                b"AP" | b"AS" => self.pair(before, after, &of_look, &text),
                b"MK" | b"DA" if is_signature => self.pair(before, after, &of_look, &text),
                b"P" | b"StructParent" if before.is_none() => {}
                // Signers set "read only" and "locked": they take from a reader what he may do, and show nothing new.
                b"Ff" => self.flags(before, after, 1),
                b"F" => self.flags(before, after, 4 | 64 | 128 | 512),
                b"Parent" | b"A" | b"AA" => self.pair(before, after, &GUIDE, &text),
                _ => self.pair(before, after, &CONTENT, &text),
            }
        }
        Ok(())
    }

    fn flags(&mut self, old: Option<&Object<'_>>, new: Option<&Object<'_>>, may_be_set: i64) {
        let (before, after) = match (old, new) {
            (None, Some(Object::Integer(new))) => (0, *new),
            (Some(Object::Integer(old)), Some(Object::Integer(new))) => (*old, *new),
            _ => return self.pair(old, new, &CONTENT, "the flags of a field"),
        };
        if before | may_be_set != after | may_be_set || before & !after != 0 {
            self.content("the flags of a field were changed");
        }
    }
}

/// Whether a field or its widget runs a script, or does something else by itself: no signature needs that.
pub(super) fn does_something(field: &Dictionary<'_>) -> bool {
    field.get(b"A").is_some() || field.get(b"AA").is_some()
}
