//! Reading the members of an object while collecting every error.
//!
//! # Why
//! A form that answers one error at a time is sent five times. So nothing here returns early: what
//! cannot be read is noted with its pointer and given as `None`, and reading goes on. Whoever puts the
//! pieces together sees from [`Errors`] whether all of them are there.

use std::ops::RangeInclusive;
use std::str::FromStr;

use super::FieldError;
use super::json::{self, Node};
use crate::domain::text;

/// So many errors are told; a hostile text could have a hundred thousand.
const MOST: usize = 100;
/// A key longer than this is cut where an error names it.
const KEY_SHOWN: usize = 80;

/// The errors found so far, in the order they were found.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<FieldError>);

impl Errors {
    /// Notes one; from the hundredth on they are not kept.
    pub(crate) fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.0.len() < MOST {
            self.0.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        }
    }

    /// Notes the error of a result, if it is one.
    pub(crate) fn keep<T>(&mut self, pointer: impl Into<String>, result: Result<T, impl ToString>) -> Option<T> {
        result.map_err(|error| self.add(pointer, error.to_string())).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_list(self) -> Vec<FieldError> {
        self.0
    }
}

/// The pointer to a member or item of what `parent` points to (RFC 6901 §3).
pub(crate) fn step(parent: &str, key: &str) -> String {
    let shown: String = key.chars().take(KEY_SHOWN).collect();
    format!("{parent}/{}", shown.replace('~', "~0").replace('/', "~1"))
}

/// The tree of a JSON text, or the first thing that is wrong with it.
pub(crate) fn tree(bytes: &[u8]) -> Result<Node, Vec<FieldError>> {
    json::parse(bytes).map_err(|error| {
        let detail = error.to_string();
        vec![FieldError { pointer: error.pointer, detail }]
    })
}

/// A JSON object whose keys are known.
pub(crate) struct Object<'t> {
    at: String,
    members: &'t [(String, Node)],
}

impl<'t> Object<'t> {
    /// Takes an object that has none but these keys.
    pub(crate) fn open(node: &'t Node, at: &str, keys: &[&[&str]], errors: &mut Errors) -> Option<Self> {
        let Node::Object(members) = node else {
            errors.add(at, format!("must be an object, not {}", node.kind()));
            return None;
        };
        for (key, _) in members {
            if !keys.iter().any(|keys| keys.contains(&key.as_str())) {
                errors.add(step(at, key), "unknown key");
            }
        }
        Some(Self { at: at.to_owned(), members })
    }

    /// The pointer to one of its members.
    pub(crate) fn at(&self, key: &str) -> String {
        step(&self.at, key)
    }

    /// A member, if it is there and not null: both mean that nothing was said.
    pub(crate) fn get(&self, key: &str) -> Option<&'t Node> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, node)| node).filter(|node| **node != Node::Null)
    }

    /// Whether a member is there at all, were it null.
    pub(crate) fn states(&self, key: &str) -> bool {
        self.members.iter().any(|(name, _)| name == key)
    }

    /// Whether it has no member.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A member that must be there.
    pub(crate) fn required(&self, key: &str, errors: &mut Errors) -> Option<&'t Node> {
        let member = self.get(key);
        if member.is_none() {
            errors.add(self.at(key), "is required");
        }
        member
    }

    /// A string as it was written, unchecked.
    pub(crate) fn raw(&self, key: &str, errors: &mut Errors) -> Option<&'t str> {
        match self.get(key)? {
            Node::String(text) => Some(text),
            other => {
                errors.add(self.at(key), format!("must be a string, not {}", other.kind()));
                None
            }
        }
    }

    /// A text of at most `limit` characters. A blank one says nothing: forms send `""` for what was not filled in.
    pub(crate) fn text(&self, key: &str, limit: usize, errors: &mut Errors) -> Option<String> {
        let text = self.raw(key, errors).filter(|text| !text.trim().is_empty())?;
        errors.keep(self.at(key), text::check(text, limit))?;
        Some(text.to_owned())
    }

    /// A text that must be there and not be blank.
    pub(crate) fn required_text(&self, key: &str, limit: usize, errors: &mut Errors) -> Option<String> {
        self.required(key, errors)?;
        let text = self.raw(key, errors)?;
        errors.keep(self.at(key), text::check(text, limit))?;
        Some(text.to_owned())
    }

    /// A text of at most `limit` characters that some parser takes.
    pub(crate) fn parsed<T, E: ToString>(
        &self,
        key: &str,
        limit: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
        errors: &mut Errors,
    ) -> Option<T> {
        let text = self.text(key, limit, errors)?;
        errors.keep(self.at(key), parse(&text))
    }

    /// A name of a closed list.
    pub(crate) fn name<T: FromStr<Err: ToString>>(&self, key: &str, errors: &mut Errors) -> Option<T> {
        let name = self.raw(key, errors)?;
        errors.keep(self.at(key), name.parse())
    }

    /// A name of a closed list that must be there.
    pub(crate) fn required_name<T: FromStr<Err: ToString>>(&self, key: &str, errors: &mut Errors) -> Option<T> {
        self.required(key, errors)?;
        self.name(key, errors)
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self, key: &str, errors: &mut Errors) -> Option<bool> {
        match self.get(key)? {
            Node::Bool(value) => Some(*value),
            other => {
                errors.add(self.at(key), format!("must be true or false, not {}", other.kind()));
                None
            }
        }
    }

    /// A whole number within a range, written in digits: `1e3` is nobody's count.
    pub(crate) fn whole_number(&self, key: &str, range: RangeInclusive<i64>, errors: &mut Errors) -> Option<i64> {
        match self.get(key)? {
            Node::Number(digits) if digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => {
                let number = digits.parse().ok().filter(|number| range.contains(number));
                if number.is_none() {
                    errors.add(self.at(key), format!("must be from {} to {}", range.start(), range.end()));
                }
                number
            }
            Node::Number(_) => {
                errors.add(self.at(key), "must be a whole number, written in digits");
                None
            }
            other => {
                errors.add(self.at(key), format!("must be a whole number, not {}", other.kind()));
                None
            }
        }
    }

    /// The items of a list that must be there and have at most `limit`, each with its pointer. Items
    /// past the limit are not looked at.
    pub(crate) fn items(&self, key: &str, limit: usize, errors: &mut Errors) -> Option<Vec<(String, &'t Node)>> {
        match self.required(key, errors)? {
            Node::Array(items) => {
                let at = self.at(key);
                if items.len() > limit {
                    errors.add(at.as_str(), format!("has {} items; at most {limit} are taken", items.len()));
                }
                let pointed = items.iter().take(limit).enumerate();
                Some(pointed.map(|(index, item)| (step(&at, &index.to_string()), item)).collect())
            }
            other => {
                errors.add(self.at(key), format!("must be an array, not {}", other.kind()));
                None
            }
        }
    }
}
