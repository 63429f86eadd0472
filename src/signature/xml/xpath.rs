//! XPath 1.0 as signatures use it: the expression read into a tree (W3C 1999 § 2 and 3).
//!
//! Left out, each with a clear refusal: variables, arithmetic, the namespace axis, and the functions that no filter of
//! nodes needs. [`super::xpath_run`] evaluates what is read here.

use super::xpath_run::READ_A_STEP;

/// The name of a namespace that is longer was not chosen by a person, and is not compared.
const MAX_NAMESPACE: usize = 4_096;
/// A longer expression than this was not written by a person.
const MAX_LENGTH: usize = 4_096;
/// Brackets and functions inside each other.
const MAX_DEPTH: usize = 24;
/// Operators in one expression: each is a level of its tree, and evaluated on the stack.
const MAX_OPERATORS: usize = 200;

/// Why an expression is not evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XPathError {
    /// It is no XPath, or uses a part of it that is not supported.
    #[error("the XPath expression is not supported: {0}")]
    Unsupported(String),
    /// It would take too long.
    #[error("the XPath expression takes too many steps")]
    TooMuch,
}

pub(super) type Result<T> = std::result::Result<T, XPathError>;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// Either.
    Or(Box<Self>, Box<Self>),
    /// Both.
    And(Box<Self>, Box<Self>),
    /// A comparison.
    Compare(Comparison, Box<Self>, Box<Self>),
    /// The nodes of both.
    Union(Box<Self>, Box<Self>),
    /// A path from the root, from the context, or from another expression's nodes.
    Path(Start, Vec<Step>),
    /// Text in quotes.
    Literal(String),
    /// A number.
    Number(f64),
    /// A function and its arguments.
    Call(String, Vec<Self>),
}

/// Where a path begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// At the document.
    Root,
    /// At the context node.
    Context,
    /// At the nodes of an expression that pass the predicates.
    Nodes(Box<Expression>, Vec<Expression>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The direction.
    pub axis: Axis,
    /// Which nodes are meant.
    pub test: Test,
    /// What else they must be.
    pub predicates: Vec<Expression>,
}

/// Directions, by the recommendation's names (§ 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    Child,
    Descendant,
    DescendantOrSelf,
    Parent,
    Ancestor,
    AncestorOrSelf,
    FollowingSibling,
    PrecedingSibling,
    Following,
    Preceding,
    Attribute,
    Itself,
}

/// Node tests (§ 2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// `node()`
    Node,
    /// `text()`
    Text,
    /// `comment()`
    Comment,
    /// `processing-instruction()`
    Instruction,
    /// A name: namespace and local name, each none for "any".
    Name(Option<String>, Option<String>),
}

impl Test {
    /// What comparing a name with it costs beyond a step: names can be long.
    pub(super) fn cost(&self) -> u64 {
        let Self::Name(namespace, local) = self else { return 0 };
        let length = [namespace, local].into_iter().flatten().map(String::len).sum::<usize>();
        (length / READ_A_STEP) as u64
    }
}

impl Expression {
    /// Reads an expression; `resolve` gives the namespace of a prefix where the expression stands.
    ///
    /// # Errors
    /// [`XPathError::Unsupported`] with the place that was not understood.
    pub fn read(text: &str, resolve: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut parser = Parser { rest: text, resolve, depth: 0, operators: 0 };
        if text.len() > MAX_LENGTH {
            return parser.refuse();
        }
        let expression = parser.or()?;
        if parser.peek().is_empty() { Ok(expression) } else { parser.refuse() }
    }

    /// The names N of `not(ancestor-or-self::N)`, which nearly every signature with an XPath transform says: the
    /// subtrees of elements so named are left out, and no node needs to be asked.
    #[must_use]
    pub fn excluded_subtrees(&self) -> Option<&Test> {
        let Self::Call(name, arguments) = self else { return None };
        let [Self::Path(Start::Context, steps)] = arguments.as_slice() else { return None };
        let [Step { axis: Axis::AncestorOrSelf, test: test @ Test::Name(..), predicates }] = steps.as_slice() else {
            return None;
        };
        (name == "not" && predicates.is_empty()).then_some(test)
    }
}

struct Parser<'p> {
    rest: &'p str,
    resolve: &'p dyn Fn(&str) -> Option<String>,
    depth: usize,
    operators: usize,
}

impl<'p> Parser<'p> {
    fn peek(&mut self) -> &'p str {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest
    }

    fn take(&mut self, token: &str) -> bool {
        let after = self.peek().strip_prefix(token);
        if let Some(rest) = after {
            self.rest = rest;
        }
        after.is_some()
    }

    /// Takes a word that is an operator only where one may stand, and only whole.
    fn take_word(&mut self, word: &str) -> bool {
        let whole = self.peek().strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_name_char));
        whole && self.take(word)
    }

    fn expect(&mut self, token: &str) -> Result<()> {
        if self.take(token) { Ok(()) } else { self.refuse() }
    }

    fn refuse<T>(&mut self) -> Result<T> {
        let rest: String = self.peek().chars().take(40).collect();
        Err(XPathError::Unsupported(if rest.is_empty() {
            "it ends too early".to_owned()
        } else {
            format!("at {rest}")
        }))
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_DEPTH {
            return self.refuse();
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    fn count_operator(&mut self) -> Result<()> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS { self.refuse() } else { Ok(()) }
    }

    fn or(&mut self) -> Result<Expression> {
        let mut left = self.and()?;
        while self.take_word("or") {
            self.count_operator()?;
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression> {
        let mut left = self.compared()?;
        while self.take_word("and") {
            self.count_operator()?;
            left = Expression::And(Box::new(left), Box::new(self.compared()?));
        }
        Ok(left)
    }

    fn compared(&mut self) -> Result<Expression> {
        use Comparison as C;
        const OPERATORS: [(&str, Comparison); 6] = [
            ("!=", C::Unequal),
            ("<=", C::LessOrEqual),
            (">=", C::GreaterOrEqual),
            ("=", C::Equal),
            ("<", C::Less),
            (">", C::Greater),
        ];
        let mut left = self.union()?;
        while let Some(&(_, comparison)) = OPERATORS.iter().find(|(sign, _)| self.take(sign)) {
            self.count_operator()?;
            left = Expression::Compare(comparison, Box::new(left), Box::new(self.union()?));
        }
        Ok(left)
    }

    fn union(&mut self) -> Result<Expression> {
        let mut left = self.path()?;
        while self.take("|") {
            self.count_operator()?;
            left = Expression::Union(Box::new(left), Box::new(self.path()?));
        }
        Ok(left)
    }

    fn path(&mut self) -> Result<Expression> {
        let rest = self.peek();
        if rest.starts_with("//") {
            return Ok(Expression::Path(Start::Root, self.more_steps(Vec::new())?));
        }
        if self.take("/") {
            let steps =
                if self.at_step() { vec![self.step()?] } else { return Ok(Expression::Path(Start::Root, Vec::new())) };
            return Ok(Expression::Path(Start::Root, self.more_steps(steps)?));
        }
        if self.at_primary() {
            let primary = self.primary()?;
            let predicates = self.predicates()?;
            let steps = self.more_steps(Vec::new())?;
            if predicates.is_empty() && steps.is_empty() {
                return Ok(primary);
            }
            return Ok(Expression::Path(Start::Nodes(Box::new(primary), predicates), steps));
        }
        let steps = vec![self.step()?];
        Ok(Expression::Path(Start::Context, self.more_steps(steps)?))
    }

    fn more_steps(&mut self, mut steps: Vec<Step>) -> Result<Vec<Step>> {
        loop {
            if self.take("//") {
                steps.push(Step { axis: Axis::DescendantOrSelf, test: Test::Node, predicates: Vec::new() });
            } else if !self.take("/") {
                return Ok(steps);
            }
            steps.push(self.step()?);
        }
    }

    fn at_step(&mut self) -> bool {
        self.peek().starts_with(|c: char| c == '@' || c == '.' || c == '*' || is_name_start(c))
    }

    /// Whether no step but a value or a function begins here.
    fn at_primary(&mut self) -> bool {
        let rest = self.peek();
        if rest.starts_with(['(', '"', '\'']) || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return true;
        }
        let name = name_at(rest);
        let called = rest[name.len()..].trim_start().starts_with('(');
        !name.is_empty() && called && !matches!(name, "node" | "text" | "comment" | "processing-instruction")
    }

    fn primary(&mut self) -> Result<Expression> {
        if self.take("(") {
            let inner = self.deeper(Self::or)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let rest = self.peek();
        if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
            let Some((literal, after)) = rest[1..].split_once(quote) else { return self.refuse() };
            self.rest = after;
            return Ok(Expression::Literal(literal.to_owned()));
        }
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        if digits > 0 {
            let Ok(number) = rest[..digits].parse() else { return self.refuse() };
            self.rest = &rest[digits..];
            return Ok(Expression::Number(number));
        }
        let name = name_at(rest);
        self.rest = &rest[name.len()..];
        self.expect("(")?;
        let mut arguments = Vec::new();
        if !self.take(")") {
            loop {
                arguments.push(self.deeper(Self::or)?);
                if self.take(")") {
                    break;
                }
                self.expect(",")?;
            }
        }
        if super::xpath_run::takes(name, arguments.len()) {
            Ok(Expression::Call(name.to_owned(), arguments))
        } else {
            Err(XPathError::Unsupported(format!("the function {name}")))
        }
    }

    fn predicates(&mut self) -> Result<Vec<Expression>> {
        let mut predicates = Vec::new();
        while self.take("[") {
            predicates.push(self.deeper(Self::or)?);
            self.expect("]")?;
        }
        Ok(predicates)
    }

    fn step(&mut self) -> Result<Step> {
        for (short, axis) in [("..", Axis::Parent), (".", Axis::Itself)] {
            if self.take(short) {
                return Ok(Step { axis, test: Test::Node, predicates: Vec::new() });
            }
        }
        let axis = self.axis()?;
        let test = self.test()?;
        Ok(Step { axis, test, predicates: self.predicates()? })
    }

    fn axis(&mut self) -> Result<Axis> {
        if self.take("@") {
            return Ok(Axis::Attribute);
        }
        let rest = self.peek();
        let name = name_at(rest);
        let Some(after) = rest[name.len()..].trim_start().strip_prefix("::") else { return Ok(Axis::Child) };
        let axis = match name {
            "child" => Axis::Child,
            "descendant" => Axis::Descendant,
            "descendant-or-self" => Axis::DescendantOrSelf,
            "parent" => Axis::Parent,
            "ancestor" => Axis::Ancestor,
            "ancestor-or-self" => Axis::AncestorOrSelf,
            "following-sibling" => Axis::FollowingSibling,
            "preceding-sibling" => Axis::PrecedingSibling,
            "following" => Axis::Following,
            "preceding" => Axis::Preceding,
            "attribute" => Axis::Attribute,
            "self" => Axis::Itself,
            _ => return self.refuse(),
        };
        self.rest = after;
        Ok(axis)
    }

    fn test(&mut self) -> Result<Test> {
        if self.take("*") {
            return Ok(Test::Name(None, None));
        }
        let rest = self.peek();
        let name = name_at(rest);
        if name.is_empty() {
            return self.refuse();
        }
        self.rest = &rest[name.len()..];
        if self.take("(") {
            self.expect(")")?;
            return match name {
                "node" => Ok(Test::Node),
                "text" => Ok(Test::Text),
                "comment" => Ok(Test::Comment),
                "processing-instruction" => Ok(Test::Instruction),
                _ => self.refuse(),
            };
        }
        let Some(after) = self.rest.strip_prefix(':') else {
            // A name without a prefix has no namespace, whatever the default is (§ 2.3).
            return Ok(Test::Name(Some(String::new()), Some(name.to_owned())));
        };
        let Some(namespace) = (self.resolve)(name).filter(|namespace| namespace.len() <= MAX_NAMESPACE) else {
            return Err(XPathError::Unsupported(format!("the prefix {name} is not declared")));
        };
        if let Some(after) = after.strip_prefix('*') {
            self.rest = after;
            return Ok(Test::Name(Some(namespace), None));
        }
        let local = name_at(after);
        if local.is_empty() {
            return self.refuse();
        }
        self.rest = &after[local.len()..];
        Ok(Test::Name(Some(namespace), Some(local.to_owned())))
    }
}

/// The name without colons that begins here; empty when none does.
fn name_at(text: &str) -> &str {
    if !text.starts_with(is_name_start) {
        return "";
    }
    &text[..text.find(|c| !is_name_char(c)).unwrap_or(text.len())]
}

fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_name_char(c: char) -> bool {
    is_name_start(c) || c.is_alphanumeric() || matches!(c, '-' | '.' | '\u{B7}')
}
