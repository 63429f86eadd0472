//! Expressions that signatures carry, and those that must not be believed or waited for.

use super::*;
use crate::signature::meter::{Deadline, Meter};
use crate::signature::xml::read;

const TEXT: &str =
    "<a xmlns:d='urn:d' Id='top'><d:Sig Id='s'><x/></d:Sig><b k='1'>one<c/></b><b k='2'>two</b><!--c--></a>";

fn parse(text: &str) -> Result<Expression> {
    Expression::read(text, &|prefix| (prefix == "d").then(|| "urn:d".to_owned()))
}

fn found(text: &str) -> Result<Vec<NodeId>> {
    let document = read(TEXT).unwrap();
    let allowance = Meter::new(10_000, Deadline::default());
    let run = Run { document: &document, here: document.by_id("s").ok(), allowance: &allowance };
    Ok(run.nodes(&parse(text)?)?.into_iter().map(|item| item.node).collect())
}

#[test]
fn expressions_lead_to_their_nodes() {
    // 0 root, 1 a, 2 d:Sig, 3 x, 4 b, 5 "one", 6 c, 7 b, 8 "two", 9 comment
    let cases: [(&str, &[NodeId]); 24] = [
        ("/", &[0]),
        ("/a", &[1]),
        ("/descendant::d:Sig", &[2]),
        ("//b", &[4, 7]),
        ("//b[2]", &[7]),
        ("//b[last()]", &[7]),
        ("//b[@k='1']/c", &[6]),
        ("/*/*[local-name()='Sig']", &[2]),
        ("//*[starts-with(local-name(),'Si') or local-name()='c']", &[2, 6]),
        ("id('s')", &[2]),
        ("id(\"s\")/parent::a", &[1]),
        ("here()/ancestor::*[1]", &[1]),
        ("//d:*", &[2]),
        ("//text()", &[5, 8]),
        ("//comment()", &[9]),
        ("//b[contains(., 'wo')]", &[7]),
        ("//b[not(c)]", &[7]),
        ("//c/preceding::d:Sig | //c/..", &[2, 4]),
        ("//x/following-sibling::b", &[]),
        ("//b[position() > 1 and true()]", &[7]),
        ("//*[count(*) >= 3]", &[1]),
        ("//*[namespace-uri()='urn:d']", &[2]),
        ("(//b)[1]", &[4]),
        ("//b[normalize-space(concat(@k, '  ', string())) = '2 two']", &[7]),
    ];
    for (expression, nodes) in cases {
        assert_eq!(found(expression).as_deref(), Ok(nodes), "{expression}");
    }
}

#[test]
fn attributes_have_their_elements_ancestors() {
    let document = read(TEXT).unwrap();
    let allowance = Meter::new(10_000, Deadline::default());
    let run = Run { document: &document, here: None, allowance: &allowance };
    let keep = parse("not(ancestor-or-self::d:Sig)").unwrap();
    let attribute = |node: NodeId| {
        let (at, _) = document.element(node).unwrap().attributes;
        Item { node, part: Part::Attribute(at) }
    };
    for (item, holds) in [
        (Item::node(1), true),
        (Item::node(2), false),
        (Item::node(3), false),
        (attribute(1), true),
        (attribute(2), false),
        (Item { node: 2, part: Part::Namespace }, false),
    ] {
        assert_eq!(run.holds(&keep, item), Ok(holds), "{item:?}");
    }
    assert_eq!(keep.excluded_subtrees(), Some(&Test::Name(Some("urn:d".to_owned()), Some("Sig".to_owned()))));
    assert_eq!(parse("not(ancestor::d:Sig)").unwrap().excluded_subtrees(), None);
}

#[test]
fn what_is_not_supported_is_refused() {
    for bad in [
        "",
        "//",
        "$x",
        "1 + 1",
        "document('file:///etc/passwd')",
        "unknown:x",
        "//b[",
        "'open",
        "namespace::*",
        "count()",
        "a b",
        "//*[.='x'",
        "string(1,2)",
    ] {
        assert!(matches!(found(bad), Err(XPathError::Unsupported(_))), "{bad}");
    }
    assert!(matches!(found(&"(".repeat(3_000)), Err(XPathError::Unsupported(_))));
    assert!(matches!(found(&"a".repeat(5_000)), Err(XPathError::Unsupported(_))));
    assert!(matches!(found("true()"), Err(XPathError::Unsupported(_))));
}

#[test]
fn an_expression_that_takes_too_long_is_stopped() {
    let bomb = "//*[//*[//*[//*[//*[//*[//*[//*]]]]]]]";
    assert_eq!(found(bomb), Err(XPathError::TooMuch));
}

/// Evaluates over a document whose root holds so much text in two pieces, and says what was spent.
fn spent_over(length: usize, expression: &str) -> Result<u64> {
    let half = "x".repeat(length / 2);
    let text = format!("<a long='{half}{half}'><b>{half}</b><c>{half}</c></a>");
    let document = read(&text).unwrap();
    let granted = 1_000_000;
    let allowance = Meter::new(granted, Deadline::default());
    let run = Run { document: &document, here: None, allowance: &allowance };
    run.holds(&parse(expression)?, Item::node(0))?;
    Ok(granted - allowance.left())
}

#[test]
fn texts_that_are_built_or_looked_through_are_counted_before() {
    let all = |count| format!("string-length(concat({})) > 0", vec!["/"; count].join(","));
    let nested = |count| format!("string-length(concat({})) > 0", vec![all(16); count].join(","));
    // Each text once, and once more joined.
    assert!(spent_over(40_000, &all(2)).unwrap() > 2 * 40_000 / 4);
    assert_eq!(spent_over(400_000, &nested(4)), Err(XPathError::TooMuch));
    for (expression, least) in [
        ("string(/) = string(/)", 2 * 40_000 / 4),
        ("/a/@long = /a/@long", 2 * 40_000 / 64),
        ("contains(/a/@long, 'y')", 40_000 / 64),
        ("substring-before(/a/@long, 'y') = ''", 40_000 / 64),
        ("substring-after(/a/@long, 'x') = ''", 40_000 / 4),
        ("normalize-space(/a/@long) = ''", 40_000 / 4),
        ("number(/a/@long) = 1", 40_000 / 64),
        ("/a/@long < /a/@long", 2 * 40_000 / 64),
        ("starts-with(/a/@long, /a/@long)", 2 * 40_000 / 64),
    ] {
        assert!(spent_over(40_000, expression).unwrap() > least, "{expression}");
    }
}

#[test]
fn names_as_long_as_their_sender_likes_are_counted_too() {
    let name = "n".repeat(4_000);
    let text = format!("<{name}>{}</{name}>", "<x/>".repeat(10));
    let document = read(&text).unwrap();
    let spent = |expression: &str| {
        let allowance = Meter::new(100_000, Deadline::default());
        let run = Run { document: &document, here: None, allowance: &allowance };
        run.holds(&parse(expression).unwrap(), Item::node(0)).unwrap();
        100_000 - allowance.left()
    };
    assert!(spent(&format!("//{name}")) > 10 * 4_000 / 64);
    assert!(spent("name(/*) = local-name(/*)") > 2 * 4_000 / 64);
    let long = "u".repeat(5_000);
    let read = Expression::read("//d:x", &|_| Some(long.clone()));
    assert!(matches!(read, Err(XPathError::Unsupported(_))));
}

#[test]
fn what_has_more_levels_than_the_stack_is_refused() {
    let long = |operator: &str, operands: usize| vec![if operator == "|" { "/" } else { "1" }; operands].join(operator);
    let evaluate = move || {
        for operator in ["|", "=", " or ", " and "] {
            assert!(spent_over(10, &long(operator, 200)).is_ok(), "{operator}");
            let refused = spent_over(10, &long(operator, 4_096 / (1 + operator.len())));
            assert!(matches!(refused, Err(XPathError::Unsupported(_))), "{operator}");
        }
        let deep = (0..23).fold(long("|", 170), |inner, _| format!("boolean({inner})"));
        assert!(spent_over(10, &deep).is_ok());
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(evaluate).unwrap().join().unwrap();
}
