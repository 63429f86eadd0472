//! Which bytes a signature covers: all of them, from the first to its revision's last, except its own value
//! (ISO 32000-2 § 12.8.1, EN 319 142-1 § 5.3).
//!
//! # Why
//! Every trick with `/ByteRange` (a gap that holds more than the signature, a range that ends early, a `/Contents`
//! that is not the one left out) fails on one comparison: the gap must be, to the byte, the string that the reader
//! found as `/Contents` where the cross-reference table led it.

use super::field::Signature;

/// The signed bytes of a file.
#[derive(Debug, Clone, Copy)]
pub struct Covered<'f> {
    /// Before `/Contents`, and after it.
    pub parts: [&'f [u8]; 2],
    /// Where the byte after the last one is.
    pub end: usize,
}

/// The bytes that a signature covers.
///
/// # Errors
/// What is wrong with its `/ByteRange`.
pub fn covered<'f>(file: &'f [u8], signature: &Signature) -> Result<Covered<'f>, &'static str> {
    let [start, before, after, rest] = signature.byte_range?;
    let (from, to) = signature.contents.ok_or("there is no /Contents")?;
    if start != 0 {
        return Err("/ByteRange does not begin with the first byte of the file");
    }
    if (before, after) != (from, to) {
        return Err("/ByteRange does not leave out exactly /Contents");
    }
    let end = after.checked_add(rest).filter(|&end| end <= file.len());
    let end = end.ok_or("/ByteRange reaches beyond the end of the file")?;
    Ok(Covered { parts: [&file[..before], &file[after..end]], end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_contents_may_be_left_out() {
        let file = b"0123<45>89";
        let signature = |byte_range| Signature {
            contents: Some((4, 8)),
            byte_range: Ok(byte_range),
            sub_filter: Vec::new(),
            is_timestamp: false,
            claimed_at: None,
            certificates: Vec::new(),
        };
        let good = covered(file, &signature([0, 4, 8, 2])).unwrap();
        assert_eq!((good.parts, good.end), ([&b"0123"[..], b"89"], 10));
        assert_eq!(covered(file, &signature([0, 4, 8, 1])).unwrap().end, 9);
        for bad in
            [[1, 3, 8, 2], [0, 3, 8, 2], [0, 5, 8, 2], [0, 4, 7, 3], [0, 4, 9, 1], [0, 4, 8, 3], [0, 4, 8, usize::MAX]]
        {
            assert!(covered(file, &signature(bad)).is_err(), "{bad:?}");
        }
    }
}
