//! When two values say the same, and which entries of a dictionary neither show nor do anything.

use crate::signature::pdf::Object;

/// Keys whose numbers are lengths and places (rectangles, matrices, widths of lines): there `612` and `612.0` are one
/// number. Elsewhere a reader may ask for a whole number, and take a page with `/Rotate 90.0` for one that is upright.
const MEASURES: [&[u8]; 13] = [
    b"Rect",
    b"MediaBox",
    b"CropBox",
    b"BleedBox",
    b"TrimBox",
    b"ArtBox",
    b"BBox",
    b"Matrix",
    b"QuadPoints",
    b"C",
    b"RD",
    b"CA",
    b"ca",
];

/// Whether two values that hold no others say the same (§ 7.3).
#[must_use]
pub fn same_value(old: &Object<'_>, new: &Object<'_>, key: &[u8]) -> bool {
    match (old, new) {
        (Object::Real(old), Object::Real(new)) => same_number(old, new),
        (Object::Integer(old), Object::Real(new)) | (Object::Real(new), Object::Integer(old)) => {
            MEASURES.contains(&key) && same_number(old.to_string().as_bytes(), new)
        }
        (old, new) => old == new,
    }
}

/// Whether two numbers are equal, whatever zeros and signs they are written with; what is no number equals itself only.
fn same_number(one: &[u8], other: &[u8]) -> bool {
    one == other || matches!((decimal(one), decimal(other)), (Some(one), Some(other)) if one == other)
}

/// Sign, whole part and fraction of a number (§ 7.3.3), without zeros that mean nothing.
fn decimal(raw: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let (negative, digits) = match raw {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let point = digits.iter().position(|&byte| byte == b'.').unwrap_or(digits.len());
    let (whole, fraction) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
    let is_number = whole.len() + fraction.len() > 0 && whole.iter().chain(fraction).all(u8::is_ascii_digit);
    let whole = &whole[whole.iter().take_while(|&&digit| digit == b'0').count()..];
    let fraction = &fraction[..fraction.len() - fraction.iter().rev().take_while(|&&digit| digit == b'0').count()];
    let is_zero = whole.is_empty() && fraction.is_empty();
    is_number.then_some((negative && !is_zero, whole, fraction))
}

/// Whether an entry of the catalog, of a page or of a node of their tree shows nothing and runs nothing: private data of
/// programs (§ 14.5), metadata (§ 14.3), and the marks that producers leave. A mark is a plain value: what has entries
/// or a stream of its own is no mark.
#[must_use]
pub fn is_silent(key: &[u8], values: [Option<&Object<'_>>; 2]) -> bool {
    const MARKS: [&[u8]; 3] = [b"ITXT", b"SpiderInfo", b"FICL:Enfocus"];
    let is_plain = |value: &Object<'_>| {
        !matches!(value, Object::Reference(_) | Object::Array(_) | Object::Dictionary(_) | Object::Real(_))
    };
    match key {
        b"PieceInfo" | b"Metadata" | b"LastModified" => true,
        key => MARKS.contains(&key) && values.into_iter().flatten().all(is_plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_their_value() {
        for (one, other) in [("612", "612.0"), ("612.", "0612.000"), ("-.5", "-0.50"), ("0", "-0.0"), ("+1.0", "1.")] {
            assert!(same_number(one.as_bytes(), other.as_bytes()), "{one} {other}");
        }
        for (one, other) in
            [("612", "612.1"), ("-1.0", "1.0"), ("1..0", "1.0"), ("--1.0", "-1.0"), (".", "0"), ("", ".0")]
        {
            assert!(!same_number(one.as_bytes(), other.as_bytes()), "{one} {other}");
        }
    }

    #[test]
    fn a_whole_number_is_written_without_a_point_where_readers_ask_for_one() {
        let (whole, real) = (Object::Integer(90), Object::Real(b"90.0"));
        assert!(same_value(&whole, &real, b"MediaBox") && same_value(&real, &whole, b"Rect"));
        assert!(!same_value(&whole, &real, b"Rotate") && !same_value(&real, &whole, b"Count"));
    }

    #[test]
    fn a_mark_has_nothing_inside() {
        let name = Object::Name(b"2.1.7"[..].into());
        assert!(is_silent(b"ITXT", [None, Some(&name)]));
        assert!(!is_silent(b"ITXT", [Some(&name), Some(&Object::Array(Vec::new()))]));
        assert!(!is_silent(b"Resources", [None, Some(&name)]));
    }
}
