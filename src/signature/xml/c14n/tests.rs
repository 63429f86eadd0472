//! The examples of the recommendations, and the corners that real files turned.

use super::*;
use crate::signature::meter::Deadline;
use crate::signature::xml::read;

fn meter(left: u64) -> Meter {
    Meter::new(left, Deadline::default())
}

fn whole(text: &str, method: Method, comments: bool) -> String {
    let document = read(text).unwrap();
    let set = NodeSet::subtree(&document, 0, true);
    written(&document, &set, method, comments, &[])
}

fn written(document: &Document<'_>, set: &NodeSet, method: Method, comments: bool, prefixes: &[&str]) -> String {
    let inclusive_prefixes = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
    let rules = Canonicalization { method, comments, inclusive_prefixes };
    String::from_utf8(rules.write(document, set, &meter(1_000_000)).unwrap()).unwrap()
}

/// The canonical form of the first element with this local name.
fn part(text: &str, local: &str, method: Method, prefixes: &[&str]) -> String {
    let document = read(text).unwrap();
    let found = |&node: &NodeId| document.element(node).is_some_and(|element| element.local == local);
    let node = (0..document.len()).find(found).unwrap();
    written(&document, &NodeSet::subtree(&document, node, false), method, false, prefixes)
}

#[test]
fn comments_and_instructions_beside_the_root() {
    // C14N 1.0 § 3.1, without its document type.
    let text = "<?xml version=\"1.0\"?>\n\n<?xml-stylesheet   href=\"doc.xsl\"\n   type=\"text/xsl\"   ?>\n\n<doc>Hello, world!<!-- Comment 1 --></doc>\n\n<?pi-without-data     ?>\n\n<!-- Comment 2 -->\n";
    let plain =
        "<?xml-stylesheet href=\"doc.xsl\"\n   type=\"text/xsl\"   ?>\n<doc>Hello, world!</doc>\n<?pi-without-data?>";
    assert_eq!(whole(text, Method::Inclusive10, false), plain);
    let with = plain.replace("world!", "world!<!-- Comment 1 -->") + "\n<!-- Comment 2 -->";
    assert_eq!(whole(text, Method::Inclusive10, true), with);
}

#[test]
fn start_tags_are_ordered_and_namespaces_not_repeated() {
    // C14N 1.0 § 3.3, without its document type.
    let text = "<doc>\n   <e1   />\n   <e2   ></e2>\n   <e3   name = \"elem3\"   id=\"elem3\"   />\n   <e5 a:attr=\"out\" b:attr=\"sorted\" attr2=\"all\" attr=\"I'm\"\n      xmlns:b=\"http://www.ietf.org\"\n      xmlns:a=\"http://www.w3.org\"\n      xmlns=\"http://example.org\"/>\n   <e6 xmlns=\"\" xmlns:a=\"http://www.w3.org\">\n      <e7 xmlns=\"http://www.ietf.org\">\n         <e8 xmlns=\"\" xmlns:a=\"http://www.w3.org\">\n            <e9 xmlns=\"\" xmlns:a=\"http://www.ietf.org\"/>\n         </e8>\n      </e7>\n   </e6>\n</doc>";
    let expected = "<doc>\n   <e1></e1>\n   <e2></e2>\n   <e3 id=\"elem3\" name=\"elem3\"></e3>\n   <e5 xmlns=\"http://example.org\" xmlns:a=\"http://www.w3.org\" xmlns:b=\"http://www.ietf.org\" attr=\"I'm\" attr2=\"all\" b:attr=\"sorted\" a:attr=\"out\"></e5>\n   <e6 xmlns:a=\"http://www.w3.org\">\n      <e7 xmlns=\"http://www.ietf.org\">\n         <e8 xmlns=\"\">\n            <e9 xmlns:a=\"http://www.ietf.org\"></e9>\n         </e8>\n      </e7>\n   </e6>\n</doc>";
    assert_eq!(whole(text, Method::Inclusive10, false), expected);
}

#[test]
fn characters_are_written_one_way() {
    let text =
        "<doc a='&#9;&#10;&#13; &lt;&gt;&quot;&apos;&amp;'>\r\n&#13;&gt;<![CDATA[<&>]]>&#x20AC;<?p a\r\nb?></doc>";
    let expected = "<doc a=\"&#x9;&#xA;&#xD; &lt;>&quot;'&amp;\">\n&#xD;&gt;&lt;&amp;&gt;€<?p a\nb?></doc>";
    assert_eq!(whole(text, Method::Inclusive10, false), expected);
}

#[test]
fn a_part_takes_its_context_with_it_or_leaves_it() {
    let text = "<a:out xmlns:a='urn:a' xmlns:b='urn:b' xmlns='urn:d' xml:lang='es' xml:id='x'><in b:q='1' z='2'><b:deep/></in></a:out>";
    let with = |context: &str, more: &str| format!("<in {context} z=\"2\" b:q=\"1\"{more}><b:deep></b:deep></in>");
    let all = "xmlns=\"urn:d\" xmlns:a=\"urn:a\" xmlns:b=\"urn:b\"";
    assert_eq!(part(text, "in", Method::Inclusive10, &[]), {
        // The xml namespace sorts before urn:b.
        format!("<in {all} z=\"2\" xml:id=\"x\" xml:lang=\"es\" b:q=\"1\"><b:deep></b:deep></in>")
    });
    assert_eq!(
        part(text, "in", Method::Inclusive11, &[]),
        format!("<in {all} z=\"2\" xml:lang=\"es\" b:q=\"1\"><b:deep></b:deep></in>")
    );
    assert_eq!(part(text, "in", Method::Exclusive, &[]), with("xmlns=\"urn:d\" xmlns:b=\"urn:b\"", ""));
    assert_eq!(part(text, "in", Method::Exclusive, &["a"]), with(all, ""));
    assert_eq!(part(text, "deep", Method::Exclusive, &[]), "<b:deep xmlns:b=\"urn:b\"></b:deep>");
    assert_eq!(part(text, "deep", Method::Exclusive, &[""]), "<b:deep xmlns=\"urn:d\" xmlns:b=\"urn:b\"></b:deep>");
}

#[test]
fn a_default_namespace_is_taken_back_where_it_must() {
    let text = "<a xmlns='urn:a'><b xmlns=''><c/></b></a>";
    for method in [Method::Inclusive10, Method::Exclusive] {
        assert_eq!(whole(text, method, false), "<a xmlns=\"urn:a\"><b xmlns=\"\"><c></c></b></a>");
        assert_eq!(part(text, "b", method, &[]), "<b><c></c></b>");
    }
    // The element between is left out: the orphan answers for itself.
    let document = read(text).unwrap();
    let gap = NodeSet::of_ranges(vec![(1, 2), (3, 4)], false);
    for method in [Method::Inclusive10, Method::Exclusive] {
        assert_eq!(written(&document, &gap, method, false, &[]), "<a xmlns=\"urn:a\"><c xmlns=\"\"></c></a>");
    }
}

#[test]
fn what_may_be_written_is_bounded() {
    let document = read("<a><b>0123456789</b></a>").unwrap();
    let set = NodeSet::subtree(&document, 0, false);
    let allowance = meter(20);
    let refused = Canonicalization::DEFAULT.write(&document, &set, &allowance);
    assert_eq!(refused, Err(CanonicalError::TooMuch));
    let allowance = meter(100);
    Canonicalization::DEFAULT.write(&document, &set, &allowance).unwrap();
    // 24 bytes, four nodes, and two steps up from the element that has no written parent.
    assert_eq!(allowance.left(), 70);
}

#[test]
fn the_algorithms_are_known_by_their_names() {
    for (uri, method, comments) in [
        ("http://www.w3.org/TR/2001/REC-xml-c14n-20010315", Method::Inclusive10, false),
        ("http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments", Method::Inclusive10, true),
        ("http://www.w3.org/2006/12/xml-c14n11", Method::Inclusive11, false),
        ("http://www.w3.org/2006/12/xml-c14n11#WithComments", Method::Inclusive11, true),
        ("http://www.w3.org/2001/10/xml-exc-c14n#", Method::Exclusive, false),
        ("http://www.w3.org/2001/10/xml-exc-c14n#WithComments", Method::Exclusive, true),
    ] {
        let rules = Canonicalization::by_uri(uri).unwrap();
        assert_eq!((rules.method, rules.comments), (method, comments), "{uri}");
    }
    for unknown in ["", "#WithComments", "http://www.w3.org/2001/10/xml-exc-c14n"] {
        assert_eq!(Canonicalization::by_uri(unknown), None);
    }
}

#[test]
fn long_lists_of_prefixes_cost_what_their_bytes_cost() {
    use std::fmt::Write as _;
    // Each would be compared with each, and take minutes.
    let declared = (0..9_000).fold(String::new(), |mut out, at| {
        write!(out, " xmlns:p{at}='u'").unwrap();
        out
    });
    let text = format!("<d>{}</d>", format!("<e{declared}></e>").repeat(4));
    let document = read(&text).unwrap();
    let inclusive_prefixes = (0..100_000).map(|at| format!("q{at}")).collect();
    let rules = Canonicalization { method: Method::Exclusive, comments: false, inclusive_prefixes };
    let begun = std::time::Instant::now();
    let octets = rules.write(&document, &NodeSet::subtree(&document, 0, true), &meter(10_000_000)).unwrap();
    assert_eq!(octets, b"<d><e></e><e></e><e></e><e></e></d>");
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn many_attributes_of_the_xml_namespace_are_inherited_once_each() {
    use std::fmt::Write as _;
    let many = |from: usize| {
        (from..from + 9_000).fold(String::new(), |mut out, at| {
            write!(out, " xml:a{at}='1'").unwrap();
            out
        })
    };
    let text = format!("<a{}><b{}><c{}><d></d></c></b></a>", many(0), many(9_000), many(18_000));
    let begun = std::time::Instant::now();
    let document = read(&text).unwrap();
    let node = document.len() - 1;
    let rules = Canonicalization::DEFAULT;
    let octets = rules.write(&document, &NodeSet::subtree(&document, node, false), &meter(10_000_000)).unwrap();
    assert_eq!(octets.windows(5).filter(|window| window == b" xml:").count(), 27_000);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn room_for_the_prefixes_of_a_document_is_counted() {
    use std::fmt::Write as _;
    let declared = (0..1_000).fold(String::new(), |mut out, at| {
        write!(out, " xmlns:p{at}='u'").unwrap();
        out
    });
    let text = format!("<d{declared}></d>");
    let document = read(&text).unwrap();
    let allowance = meter(1_000);
    let set = NodeSet::of_ranges(Vec::new(), false);
    assert_eq!(Canonicalization::DEFAULT.write(&document, &set, &allowance).unwrap(), b"");
    assert!(allowance.left() <= 1_000 - 1_000 / PREFIXES_A_STEP, "{allowance:?}");
}
