//! What is XML, and what is not.

use super::*;
use crate::signature::xml::NoElement;

#[test]
fn what_breaks_a_rule_of_xml_is_refused() {
    for bad in [
        "",
        " ",
        "x",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a b/>",
        "<a b=c/>",
        "<a b='c'd='e'/>",
        "<a b='<'/>",
        "<a b='1' b='2'/>",
        "<a>]]></a>",
        "<a>&b;</a>",
        "<a>&#0;</a>",
        "<a><!-- -- --></a>",
        "<a><!--->",
        "<1/>",
        "<a:b/>",
        "<a b:c=''/>",
        "<:a/>",
        "<a:/>",
        "<a:b:c xmlns:a='u'/>",
        "<a xmlns:b=''/>",
        "<a xmlns:xml='u'/>",
        "<a xmlns:xmlns='u'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns:b='u' xmlns:c='u' b:d='' c:d=''/>",
        "<a xmlns:b='u' xmlns:b='v'/>",
        "<a xmlns='u' xmlns='u'/>",
        "<a><?xml v?></a>",
        " <?xml version='1.0'?><a/>",
        "<?xml?><a/>",
        "<?xml encoding='utf-8'?><a/>",
        "<?xml version='2.0'?><a/>",
        "<?xml version='1.1'?><a/>",
        "<?xml version='1.'?><a/>",
        "<?xml version='1.00'?><a/>",
        "<?xml version='1.0' x='y'?><a/>",
        "<?xml version='1.0' standalone='maybe'?><a/>",
        "<?xml standalone='yes' version='1.0'?><a/>",
        "<a><?b:c?></a>",
        "<a><?b</a>",
        "<a><![CDATA[</a>",
        "<![CDATA[x]]><a/>",
        "<a\u{1}/>",
        "<a>\u{FFFF}</a>",
        "<!ELEMENT a ANY><a/>",
        "< a/>",
        "<a/ >",
        "<a",
    ] {
        assert!(matches!(read(bad), Err(XmlError::Malformed(..))), "{bad}");
    }
    assert_eq!(read("<!DOCTYPE a><a/>").err(), Some(XmlError::DocumentType));
}

#[test]
fn what_keeps_the_rules_is_read() {
    for good in [
        "<a/>",
        "<?xml version='1.0'?><a/>",
        "<?xml version=\"1.0\" encoding = 'utf-8' standalone='no' ?>\n<a />",
        "<a b = 'c'\n/>",
        "<ñ:ü xmlns:ñ='u'></ñ:ü >",
        "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang=''/>",
        "<a xmlns='u'><b xmlns=''/></a>",
        "<?p?><!----><a>]]&gt;]>></a><?p q?>",
        "<a b='1' xmlns:c='u' c:b='2'/>",
    ] {
        assert!(read(good).is_ok(), "{good}");
    }
}

#[test]
fn nodes_are_in_document_order_and_text_is_joined() {
    let document = read("<a>x<![CDATA[y]]>&amp;<b i='1'/>z</a>").unwrap();
    assert_eq!((document.len(), document.end(1), document.root_element()), (5, 5, 1));
    assert_eq!(document.children(1).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(document.text(2), "xy&");
    assert_eq!(document.text(1), "xy&z");
    assert_eq!(document.attribute(3, "i"), Some("1"));
}

#[test]
fn an_identifier_leads_to_one_element_or_nowhere() {
    let document = read("<a Id='x'><b ID='y' id='y'/><c xml:id='z'/><d id='z'/></a>").unwrap();
    assert_eq!(document.by_id("x"), Ok(1));
    assert_eq!(document.by_id("y"), Ok(2));
    assert_eq!(document.by_id("z"), Err(NoElement::Ambiguous));
    assert_eq!(document.by_id("w"), Err(NoElement::Missing));
    assert_eq!((document.path(3), document.path(1)), ("/a/c".to_owned(), "/a".to_owned()));
}
