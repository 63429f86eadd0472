//! XPath 1.0 evaluated, with every node that is looked at counted against an allowance.

use std::borrow::Cow;
use std::cell::Cell;

use super::xpath::{Axis, Comparison, Expression, Result, Start, Step, Test, XPathError};
use super::{Document, Kind, NodeId};

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
    pub allowance: &'r Cell<u64>,
}

struct Context {
    item: Item,
    position: usize,
    size: usize,
}

impl<'r> Run<'r, '_> {
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
        self.charge(1)?;
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
        self.allowance.set(self.allowance.get().checked_sub(work).ok_or(XPathError::TooMuch)?);
        Ok(())
    }

    fn value(&self, expression: &Expression, context: &Context) -> Result<Value<'r>> {
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
                Value::Truth(self.compare(*comparison, &left, &right)?)
            }
            Expression::Union(left, right) => match (self.value(left, context)?, self.value(right, context)?) {
                (Value::Nodes(mut left), Value::Nodes(right)) => {
                    left.extend(right);
                    Value::Nodes(in_order(left))
                }
                _ => return Err(XPathError::Unsupported("a union of what are no nodes".to_owned())),
            },
            Expression::Path(start, steps) => Value::Nodes(self.path(start, steps, context)?),
            Expression::Literal(text) => Value::Text(Cow::Owned(text.clone())),
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
            for item in items {
                let mut found = self.along(step.axis, item)?;
                found.retain(|&item| self.passes(&step.test, item));
                next.extend(self.filter(found, &step.predicates)?);
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

    #[expect(clippy::cast_precision_loss, reason = "a document has fewer nodes than 2^53")]
    fn call(&self, name: &str, arguments: &[Expression], context: &Context) -> Result<Value<'r>> {
        let no_nodes = || XPathError::Unsupported(format!("{name}() of what are no nodes"));
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.value(argument, context)?);
        }
        if values.is_empty() && !matches!(name, "last" | "position" | "true" | "false" | "here") {
            values.push(Value::Nodes(vec![context.item]));
        }
        let first = values.first();
        let text = |at: usize| values.get(at).map_or(Ok(Cow::Borrowed("")), |value| self.text(value));
        Ok(match name {
            "last" => Value::Number(context.size as f64),
            "position" => Value::Number(context.position as f64),
            "true" => Value::Truth(true),
            "false" => Value::Truth(false),
            "here" => match self.here {
                Some(node) => Value::Nodes(vec![Item::node(node)]),
                None => return Err(XPathError::Unsupported("here() in another document".to_owned())),
            },
            "not" => Value::Truth(!first.is_some_and(truth)),
            "boolean" => Value::Truth(first.is_some_and(truth)),
            "count" => match first {
                Some(Value::Nodes(items)) => Value::Number(items.len() as f64),
                _ => return Err(no_nodes()),
            },
            "id" => {
                let text = text(0)?;
                let ids = text.split_ascii_whitespace().take(16);
                // A doubled identifier leads to no node here, as it leads to none in a reference.
                Value::Nodes(in_order(ids.filter_map(|id| self.document.by_id(id).ok()).map(Item::node).collect()))
            }
            "local-name" | "namespace-uri" | "name" => match first {
                Some(Value::Nodes(items)) => {
                    Value::Text(Cow::Owned(items.first().map_or(String::new(), |&item| self.name(name, item))))
                }
                _ => return Err(no_nodes()),
            },
            "string" => Value::Text(text(0)?.into_owned().into()),
            "number" => Value::Number(number(&text(0)?)),
            "normalize-space" => Value::Text(text(0)?.split_ascii_whitespace().collect::<Vec<_>>().join(" ").into()),
            "string-length" => Value::Number(text(0)?.chars().count() as f64),
            "starts-with" => Value::Truth(text(0)?.starts_with(&*text(1)?)),
            "contains" => Value::Truth(text(0)?.contains(&*text(1)?)),
            "substring-before" => Value::Text(
                text(0)?.split_once(&*text(1)?).map_or(String::new(), |(before, _)| before.to_owned()).into(),
            ),
            "substring-after" => {
                Value::Text(text(0)?.split_once(&*text(1)?).map_or(String::new(), |(_, after)| after.to_owned()).into())
            }
            _ => {
                let mut joined = String::new();
                for value in &values {
                    joined.push_str(&self.text(value)?);
                }
                Value::Text(joined.into())
            }
        })
    }

    fn name(&self, function: &str, item: Item) -> String {
        let document = self.document;
        let (prefix, namespace, local) = match (document.kind(item.node), item.part) {
            (Kind::Element(element), Part::Whole) => (element.prefix, element.namespace, element.local),
            (Kind::Element(_), Part::Attribute(at)) => {
                let attribute = &document.attributes[at as usize];
                (attribute.prefix, attribute.namespace, attribute.local)
            }
            (Kind::Instruction(target, _), _) => (0, 0, *target),
            _ => return String::new(),
        };
        match (function, &*document.prefixes[prefix as usize]) {
            ("namespace-uri", _) => document.namespaces[namespace as usize].clone().into_owned(),
            ("local-name", _) | (_, "") => local.to_owned(),
            (_, prefix) => format!("{prefix}:{local}"),
        }
    }

    fn text<'v>(&self, value: &'v Value<'r>) -> Result<Cow<'v, str>>
    where
        'r: 'v,
    {
        Ok(match value {
            Value::Nodes(items) => match items.first() {
                Some(&item) => self.string_value(item)?,
                None => Cow::Borrowed(""),
            },
            Value::Truth(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::Text(text) => Cow::Borrowed(text),
        })
    }

    fn string_value(&self, item: Item) -> Result<Cow<'r, str>> {
        let document = self.document;
        self.charge(u64::from(document.end(item.node) - item.node))?;
        let text = match (item.part, document.kind(item.node)) {
            (Part::Attribute(at), _) => Cow::Borrowed(&*document.attributes[at as usize].value),
            (Part::Namespace, _) => Cow::Borrowed(""),
            (_, Kind::Comment(text) | Kind::Instruction(_, text)) => Cow::Borrowed(&**text),
            _ => document.text(item.node),
        };
        self.charge(text.len() as u64 / 64)?;
        Ok(text)
    }

    /// § 3.4: nodes are equal to something when one of them is.
    fn compare(&self, comparison: Comparison, left: &Value<'_>, right: &Value<'_>) -> Result<bool> {
        let equality = matches!(comparison, Comparison::Equal | Comparison::Unequal);
        if equality && (matches!(left, Value::Truth(_)) || matches!(right, Value::Truth(_))) {
            return Ok((truth(left) == truth(right)) == (comparison == Comparison::Equal));
        }
        let numeric = !equality || matches!(left, Value::Number(_)) || matches!(right, Value::Number(_));
        for one in self.alternatives(left)? {
            for other in self.alternatives(right)? {
                self.charge(1)?;
                let holds = if numeric {
                    compared(comparison, number(&one), number(&other))
                } else {
                    (one == other) == (comparison == Comparison::Equal)
                };
                if holds {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn alternatives(&self, value: &Value<'_>) -> Result<Vec<String>> {
        match value {
            Value::Nodes(items) => items.iter().map(|&item| self.string_value(item).map(Cow::into_owned)).collect(),
            Value::Truth(truth) => Ok(vec![if *truth { "1" } else { "0" }.to_owned()]),
            Value::Number(number) => Ok(vec![number.to_string()]),
            Value::Text(text) => Ok(vec![text.clone().into_owned()]),
        }
    }
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
