//! XPath 1.0 evaluated, with all that is looked at or built counted against an allowance.
//!
//! # Why
//! A node costs a step. Texts are as long as their sender likes, and every element that holds another holds its text: a
//! text that is looked through costs by its length, one that is built costs more, and both before it is done. So memory
//! and time grow with the allowance, and that with the document.

use std::borrow::Cow;

use super::xpath::{Axis, Comparison, Expression, Result, Start, Step, Test, XPathError};
use super::{Document, Kind, NodeId};
use crate::signature::meter::Meter;

/// So many bytes of text are looked through at the cost of a node.
pub(super) const READ_A_STEP: usize = 64;
/// So many bytes of text are built at the cost of a node.
const BUILT_A_STEP: usize = 4;
/// Nodes found in one step of a path are put in order, and doubled ones left out, at the latest when they are so many.
const MAX_UNORDERED: usize = 65_536;

/// A node, or an attribute of it, or its namespaces. In document order, which puts both before what an element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// The node.
    pub node: NodeId,
    /// Which part of it.
    pub part: Part,
}

/// What of a node is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The node.
    Whole,
    /// A namespace node of the element: one stands for all, since nothing supported tells them apart.
    Namespace,
    /// The attribute at this place.
    Attribute(u32),
}

impl Item {
    /// The node itself.
    #[must_use]
    pub fn node(node: NodeId) -> Self {
        Self { node, part: Part::Whole }
    }
}

/// What an expression amounts to.
enum Value<'v> {
    Nodes(Vec<Item>),
    Truth(bool),
    Number(f64),
    Text(Cow<'v, str>),
}

/// Whether a function is known and takes so many arguments.
pub(super) fn takes(function: &str, arguments: usize) -> bool {
    match function {
        "last" | "position" | "true" | "false" | "here" => arguments == 0,
        "count" | "id" | "not" | "boolean" => arguments == 1,
        "local-name" | "namespace-uri" | "name" | "string" | "number" | "normalize-space" | "string-length" => {
            arguments <= 1
        }
        "starts-with" | "contains" | "substring-before" | "substring-after" => arguments == 2,
        "concat" => (2..=16).contains(&arguments),
        _ => false,
    }
}

/// Evaluations over one document.
pub struct Run<'r, 'a> {
    /// The document.
    pub document: &'r Document<'a>,
    /// The element that holds the expression (XMLDSig § 6.6.3), when it is in this document.
    pub here: Option<NodeId>,
    /// How many nodes may still be looked at.
    pub allowance: &'r Meter,
}

struct Context {
    item: Item,
    position: usize,
    size: usize,
}

impl Run<'_, '_> {
    /// The nodes that an expression leads to from the document.
    ///
    /// # Errors
    /// [`XPathError`], also when it leads to no nodes but to a value.
    pub fn nodes(&self, expression: &Expression) -> Result<Vec<Item>> {
        match self.value(expression, &Context { item: Item::node(0), position: 1, size: 1 })? {
            Value::Nodes(items) => Ok(items),
            _ => Err(XPathError::Unsupported("it leads to no nodes".to_owned())),
        }
    }

    /// Whether an expression is true of a node.
    ///
    /// # Errors
    /// [`XPathError`].
    pub fn holds(&self, expression: &Expression, item: Item) -> Result<bool> {
        Ok(truth(&self.value(expression, &Context { item, position: 1, size: 1 })?))
    }

    /// Whether a node is an element of those that [`Expression::excluded_subtrees`] names.
    ///
    /// # Errors
    /// [`XPathError::TooMuch`].
    pub fn is_excluded(&self, test: &Test, node: NodeId) -> Result<bool> {
        self.charge(1 + test.cost())?;
        Ok(self.passes(test, Item::node(node)))
    }

    fn passes(&self, test: &Test, item: Item) -> bool {
        let named = |namespace: &str, local: &str, test: &(Option<&str>, Option<&str>)| {
            test.0.is_none_or(|wanted| wanted == namespace) && test.1.is_none_or(|wanted| wanted == local)
        };
        match (test, self.document.kind(item.node), item.part) {
            (Test::Node, ..)
            | (Test::Text, Kind::Text(_), Part::Whole)
            | (Test::Comment, Kind::Comment(_), Part::Whole)
            | (Test::Instruction, Kind::Instruction(..), Part::Whole) => true,
            (Test::Name(namespace, local), Kind::Element(element), part) => {
                let test = (namespace.as_deref(), local.as_deref());
                match part {
                    Part::Whole => named(self.document.namespace(element), element.local, &test),
                    Part::Namespace => false,
                    Part::Attribute(at) => {
                        let attribute = &self.document.attributes[at as usize];
                        named(&self.document.namespaces[attribute.namespace as usize], attribute.local, &test)
                    }
                }
            }
            _ => false,
        }
    }

    fn charge(&self, work: u64) -> Result<()> {
        self.allowance.take(work).then_some(()).ok_or(XPathError::TooMuch)
    }

    /// Takes what looking through so many bytes costs.
    fn charge_reading(&self, bytes: usize) -> Result<()> {
        self.charge(bytes.div_ceil(READ_A_STEP) as u64)
    }

    /// Takes what a text of so many bytes costs that is not there yet.
    fn charge_building(&self, bytes: usize) -> Result<()> {
        self.charge(bytes.div_ceil(BUILT_A_STEP) as u64)
    }

    fn value<'e>(&'e self, expression: &'e Expression, context: &Context) -> Result<Value<'e>> {
        self.charge(1)?;
        Ok(match expression {
            Expression::Or(left, right) => {
                Value::Truth(truth(&self.value(left, context)?) || truth(&self.value(right, context)?))
            }
            Expression::And(left, right) => {
                Value::Truth(truth(&self.value(left, context)?) && truth(&self.value(right, context)?))
            }
            Expression::Compare(comparison, left, right) => {
                let (left, right) = (self.value(left, context)?, self.value(right, context)?);
                Value::Truth(self.compare(*comparison, left, right)?)
            }
            Expression::Union(left, right) => match (self.value(left, context)?, self.value(right, context)?) {
                (Value::Nodes(mut left), Value::Nodes(right)) => {
                    left.extend(right);
                    Value::Nodes(in_order(left))
                }
                _ => return Err(XPathError::Unsupported("a union of what are no nodes".to_owned())),
            },
            Expression::Path(start, steps) => Value::Nodes(self.path(start, steps, context)?),
            Expression::Literal(text) => Value::Text(Cow::Borrowed(text)),
            Expression::Number(number) => Value::Number(*number),
            Expression::Call(name, arguments) => self.call(name, arguments, context)?,
        })
    }

    fn path(&self, start: &Start, steps: &[Step], context: &Context) -> Result<Vec<Item>> {
        let mut items = match start {
            Start::Root => vec![Item::node(0)],
            Start::Context => vec![context.item],
            Start::Nodes(expression, predicates) => match self.value(expression, context)? {
                Value::Nodes(items) => self.filter(items, predicates)?,
                _ => return Err(XPathError::Unsupported("a path from what are no nodes".to_owned())),
            },
        };
        for step in steps {
            let mut next = Vec::new();
            let mut most = MAX_UNORDERED;
            for item in items {
                let mut found = self.along(step.axis, item)?;
                self.charge(found.len() as u64 * step.test.cost())?;
                found.retain(|&item| self.passes(&step.test, item));
                next.extend(self.filter(found, &step.predicates)?);
                if next.len() > most {
                    next = in_order(next);
                    most = MAX_UNORDERED.max(2 * next.len());
                }
            }
            items = in_order(next);
        }
        Ok(items)
    }

    /// The nodes in a direction, nearest first.
    fn along(&self, axis: Axis, item: Item) -> Result<Vec<Item>> {
        let document = self.document;
        let node = item.node;
        let whole = item.part == Part::Whole;
        let nodes = |nodes: &mut dyn Iterator<Item = NodeId>| -> Vec<Item> { nodes.map(Item::node).collect() };
        let (from, end) = (node + 1, document.end(node));
        let ancestors = || document.ancestors_or_self(node).skip(1);
        let siblings = || document.children(document.parent(node));
        let found = match axis {
            Axis::Child if whole => nodes(&mut document.children(node)),
            Axis::Descendant if whole => nodes(&mut (from..end)),
            Axis::DescendantOrSelf if whole => nodes(&mut (node..end)),
            Axis::Itself | Axis::DescendantOrSelf => vec![item],
            Axis::Parent if whole => nodes(&mut ancestors().take(1)),
            Axis::Parent => vec![Item::node(node)],
            Axis::Ancestor if whole => nodes(&mut ancestors()),
            Axis::Ancestor => nodes(&mut document.ancestors_or_self(node)),
            Axis::AncestorOrSelf if whole => nodes(&mut document.ancestors_or_self(node)),
            Axis::AncestorOrSelf => [vec![item], nodes(&mut document.ancestors_or_self(node))].concat(),
            Axis::Attribute => match document.element(node) {
                Some(element) if whole => {
                    let attribute = |(at, _)| Item { node, part: Part::Attribute(at) };
                    document.attributes_of(element).map(attribute).collect()
                }
                _ => Vec::new(),
            },
            Axis::FollowingSibling if whole && node != 0 => nodes(&mut document.siblings_after(node)),
            Axis::PrecedingSibling if whole && node != 0 => {
                let mut found = nodes(&mut siblings().take_while(|&other| other < node));
                found.reverse();
                found
            }
            Axis::Following => nodes(&mut ((if whole { end } else { from })..document.len())),
            Axis::Preceding => nodes(&mut (1..node).rev().filter(|&other| !document.contains(other, node))),
            _ => Vec::new(),
        };
        let passed_by = if axis == Axis::Preceding { u64::from(node) } else { 0 };
        self.charge(found.len() as u64 + 1 + passed_by)?;
        Ok(found)
    }

    fn filter(&self, mut items: Vec<Item>, predicates: &[Expression]) -> Result<Vec<Item>> {
        for predicate in predicates {
            let size = items.len();
            let mut kept = Vec::with_capacity(size);
            for (at, item) in items.into_iter().enumerate() {
                let context = Context { item, position: at + 1, size };
                let passes = match self.value(predicate, &context)? {
                    #[expect(clippy::cast_precision_loss, reason = "a document has fewer nodes than 2^53")]
                    #[expect(clippy::float_cmp, reason = "XPath compares positions as numbers")]
                    Value::Number(number) => number == context.position as f64,
                    other => truth(&other),
                };
                if passes {
                    kept.push(item);
                }
            }
            items = kept;
        }
        Ok(items)
    }

    fn call<'e>(&'e self, name: &str, arguments: &'e [Expression], context: &Context) -> Result<Value<'e>> {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.value(argument, context)?);
        }
        if values.is_empty() && !matches!(name, "last" | "position" | "true" | "false" | "here") {
            values.push(Value::Nodes(vec![context.item]));
        }
        match name {
            "last" | "position" | "true" | "false" | "here" | "not" | "boolean" | "count" | "id" | "local-name"
            | "namespace-uri" | "name" => self.call_of_nodes(name, values, context),
            _ => {
                let texts = values.into_iter().map(|value| self.text(value)).collect::<Result<Vec<_>>>()?;
                self.call_of_texts(name, texts)
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a document has fewer nodes than 2^53")]
    fn call_of_nodes<'e>(&'e self, name: &str, values: Vec<Value<'e>>, context: &Context) -> Result<Value<'e>> {
        let no_nodes = || XPathError::Unsupported(format!("{name}() of what are no nodes"));
        let first = values.into_iter().next();
        Ok(match name {
            "last" => Value::Number(context.size as f64),
            "position" => Value::Number(context.position as f64),
            "true" => Value::Truth(true),
            "false" => Value::Truth(false),
            "here" => match self.here {
                Some(node) => Value::Nodes(vec![Item::node(node)]),
                None => return Err(XPathError::Unsupported("here() in another document".to_owned())),
            },
            "not" => Value::Truth(!first.is_some_and(|value| truth(&value))),
            "boolean" => Value::Truth(first.is_some_and(|value| truth(&value))),
            "count" => match first {
                Some(Value::Nodes(items)) => Value::Number(items.len() as f64),
                _ => return Err(no_nodes()),
            },
            "id" => {
                let text = first.map_or(Ok(Cow::Borrowed("")), |value| self.text(value))?;
                let ids = text.split_ascii_whitespace().take(16);
                // A doubled identifier leads to no node here, as it leads to none in a reference.
                Value::Nodes(in_order(ids.filter_map(|id| self.document.by_id(id).ok()).map(Item::node).collect()))
            }
            _ => match first {
                Some(Value::Nodes(items)) => {
                    Value::Text(items.first().map_or(Ok(Cow::Borrowed("")), |&item| self.name(name, item))?)
                }
                _ => return Err(no_nodes()),
            },
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "a document has fewer characters than 2^53")]
    fn call_of_texts<'e>(&self, name: &str, texts: Vec<Cow<'e, str>>) -> Result<Value<'e>> {
        let length = texts.iter().map(|text| text.len()).sum();
        self.charge_reading(length)?;
        if name == "concat" {
            self.charge_building(length)?;
            return Ok(Value::Text(texts.concat().into()));
        }
        let mut texts = texts.into_iter();
        let first = texts.next().unwrap_or_default();
        let second = texts.next().unwrap_or_default();
        let part = |part: Option<&str>| {
            let part = part.unwrap_or_default();
            self.charge_building(part.len())?;
            Ok(Value::Text(part.to_owned().into()))
        };
        match name {
            "number" => Ok(Value::Number(number(&first))),
            "normalize-space" => {
                self.charge_building(first.len())?;
                Ok(Value::Text(normalize(&first).into()))
            }
            "string-length" => Ok(Value::Number(first.chars().count() as f64)),
            "starts-with" => Ok(Value::Truth(first.starts_with(&*second))),
            "contains" => Ok(Value::Truth(first.contains(&*second))),
            "substring-before" => part(first.split_once(&*second).map(|(before, _)| before)),
            "substring-after" => part(first.split_once(&*second).map(|(_, after)| after)),
            _ => Ok(Value::Text(first)),
        }
    }

    fn name(&self, function: &str, item: Item) -> Result<Cow<'_, str>> {
        let document = self.document;
        let (prefix, namespace, local) = match (document.kind(item.node), item.part) {
            (Kind::Element(element), Part::Whole) => (element.prefix, element.namespace, element.local),
            (Kind::Element(_), Part::Attribute(at)) => {
                let attribute = &document.attributes[at as usize];
                (attribute.prefix, attribute.namespace, attribute.local)
            }
            (Kind::Instruction(target, _), _) => (0, 0, *target),
            _ => return Ok(Cow::Borrowed("")),
        };
        Ok(match (function, &*document.prefixes[prefix as usize]) {
            ("namespace-uri", _) => Cow::Borrowed(&*document.namespaces[namespace as usize]),
            ("local-name", _) | (_, "") => Cow::Borrowed(local),
            (_, prefix) => {
                self.charge_building(prefix.len() + local.len())?;
                Cow::Owned(format!("{prefix}:{local}"))
            }
        })
    }

    fn text<'e>(&'e self, value: Value<'e>) -> Result<Cow<'e, str>> {
        Ok(match value {
            Value::Nodes(items) => match items.first() {
                Some(&item) => self.string_value(item)?,
                None => Cow::Borrowed(""),
            },
            Value::Truth(truth) => Cow::Borrowed(if truth { "true" } else { "false" }),
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::Text(text) => text,
        })
    }

    fn string_value(&self, item: Item) -> Result<Cow<'_, str>> {
        let document = self.document;
        let nodes = item.node..document.end(item.node);
        self.charge(nodes.len() as u64)?;
        let text = match (item.part, document.kind(item.node)) {
            (Part::Attribute(at), _) => &*document.attributes[at as usize].value,
            (Part::Namespace, _) => "",
            (_, Kind::Comment(text) | Kind::Instruction(_, text)) => &**text,
            _ => {
                let texts = nodes.filter_map(|node| match document.kind(node) {
                    Kind::Text(text) => Some(text.len()),
                    _ => None,
                });
                self.charge_building(texts.sum())?;
                return Ok(document.text(item.node));
            }
        };
        self.charge_reading(text.len())?;
        Ok(Cow::Borrowed(text))
    }

    /// § 3.4: nodes are equal to something when one of them is.
    fn compare(&self, comparison: Comparison, left: Value<'_>, right: Value<'_>) -> Result<bool> {
        let equality = matches!(comparison, Comparison::Equal | Comparison::Unequal);
        if equality && (matches!(left, Value::Truth(_)) || matches!(right, Value::Truth(_))) {
            return Ok((truth(&left) == truth(&right)) == (comparison == Comparison::Equal));
        }
        let numeric = !equality || matches!(left, Value::Number(_)) || matches!(right, Value::Number(_));
        let (left, right) = (self.alternatives(left)?, self.alternatives(right)?);
        if numeric {
            let numbers = |texts: &[Cow<'_, str>]| -> Vec<f64> { texts.iter().map(|text| number(text)).collect() };
            let (left, right) = (numbers(&left), numbers(&right));
            return self.any_pair(&left, &right, |_, _| 0, |&one, &other| compared(comparison, one, other));
        }
        let equal = comparison == Comparison::Equal;
        let looked_at = |one: &Cow<'_, str>, other: &Cow<'_, str>| if one.len() == other.len() { one.len() } else { 0 };
        self.any_pair(&left, &right, looked_at, |one, other| (one == other) == equal)
    }

    /// Whether something holds of one of the pairs; `looked_at` tells how many bytes that takes.
    fn any_pair<T>(
        &self,
        left: &[T],
        right: &[T],
        looked_at: impl Fn(&T, &T) -> usize,
        holds: impl Fn(&T, &T) -> bool,
    ) -> Result<bool> {
        for one in left {
            for other in right {
                self.charge(1)?;
                self.charge_reading(looked_at(one, other))?;
                if holds(one, other) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn alternatives<'e>(&'e self, value: Value<'e>) -> Result<Vec<Cow<'e, str>>> {
        let texts: Vec<Cow<'e, str>> = match value {
            Value::Nodes(items) => items.into_iter().map(|item| self.string_value(item)).collect::<Result<Vec<_>>>()?,
            Value::Truth(truth) => vec![Cow::Borrowed(if truth { "1" } else { "0" })],
            Value::Number(number) => vec![Cow::Owned(number.to_string())],
            Value::Text(text) => vec![text],
        };
        self.charge_reading(texts.iter().map(|text| text.len()).sum())?;
        Ok(texts)
    }
}

/// White space at the ends is left out, and is one space elsewhere (§ 4.2).
fn normalize(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for word in text.split_ascii_whitespace() {
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.push_str(word);
    }
    normal
}

fn truth(value: &Value<'_>) -> bool {
    match value {
        Value::Nodes(items) => !items.is_empty(),
        Value::Truth(truth) => *truth,
        Value::Number(number) => *number != 0.0 && !number.is_nan(),
        Value::Text(text) => !text.is_empty(),
    }
}

fn number(text: &str) -> f64 {
    text.trim().parse().unwrap_or(f64::NAN)
}

#[expect(clippy::float_cmp, reason = "XPath compares so")]
fn compared(comparison: Comparison, one: f64, other: f64) -> bool {
    match comparison {
        Comparison::Equal => one == other,
        Comparison::Unequal => one != other,
        Comparison::Less => one < other,
        Comparison::LessOrEqual => one <= other,
        Comparison::Greater => one > other,
        Comparison::GreaterOrEqual => one >= other,
    }
}

fn in_order(mut items: Vec<Item>) -> Vec<Item> {
    if !items.is_sorted() {
        items.sort_unstable();
    }
    items.dedup();
    items
}

#[cfg(test)]
#[path = "xpath_tests.rs"]
mod tests;
