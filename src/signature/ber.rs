//! BER in, DER out: indefinite lengths, lengths written the long way, strings cut into pieces (X.690 § 8 and 10).
//!
//! # Why
//! Signers that stream write BER; everything after this file reads DER only. Two passes over the input and no
//! recursion: the first finds the DER length of each element that changes, the second writes. Time is linear, and ends at
//! the deadline; memory is what the changed elements cost, of which a file may have as many as programs that stream write.
//! The order of SET members and the content of primitive elements stay as they came: a signer hashed them so.

use std::borrow::Cow;

use super::asn1::{self, Asn1Error, Header, tag};
use super::meter::Deadline;

/// How deep elements may lie in each other. The deepest real file seen (archive timestamps within timestamps) has 28.
const MAX_DEPTH: usize = 64;

/// So many elements may change in any file: real ones have some dozens.
const MAX_CHANGES: usize = 65_536;
/// And one more for so many bytes: who cuts a content into pieces takes 1,000 bytes a piece and more.
const BYTES_A_CHANGE: usize = 256;
/// After so many elements the deadline is looked at.
const STEP: usize = 65_536;

/// An element being read.
struct Frame {
    /// Where its header begins.
    start: usize,
    /// Where its content ends; none while that waits for the end-of-contents octets.
    end: Option<usize>,
    /// The DER length of its content, as far as read.
    der_length: usize,
    /// Whether its DER form differs from its bytes.
    changed: bool,
    /// For a string written in pieces: the tag each piece must have.
    pieces_of: Option<u8>,
    /// Tag octets.
    tag_size: usize,
}

/// A place where the output differs from the input: the element there gets this DER content length.
struct Change {
    start: usize,
    der_length: usize,
}

/// The DER form of the one element that `bytes` begin with, borrowed where it is DER already. Zeros after it are
/// padding, as in a PDF's `/Contents`.
///
/// # Errors
/// [`Asn1Error::Trailing`] for other bytes after it; others when it is no BER, is cut off, is nested too deep, is written
/// in more pieces than any program writes, or takes too long.
pub fn normalise<'b>(bytes: &'b [u8], deadline: &Deadline) -> Result<Cow<'b, [u8]>, Asn1Error> {
    let (mut changes, end) = scan(bytes, deadline)?;
    let (element, rest) = bytes.split_at(end);
    if rest.iter().any(|&byte| byte != 0) {
        return Err(Asn1Error::Trailing);
    }
    if changes.is_empty() {
        return Ok(Cow::Borrowed(element));
    }
    changes.sort_unstable_by_key(|change| change.start);
    write(element, &changes).map(Cow::Owned)
}

/// Where the one element ends that `bytes` begin with.
///
/// # Errors
/// [`Asn1Error`] as [`normalise`].
pub fn end_of_element(bytes: &[u8], deadline: &Deadline) -> Result<usize, Asn1Error> {
    scan(bytes, deadline).map(|(_, end)| end)
}

/// First pass: what changes, and where the first element ends.
fn scan(bytes: &[u8], deadline: &Deadline) -> Result<(Vec<Change>, usize), Asn1Error> {
    let most = MAX_CHANGES + bytes.len() / BYTES_A_CHANGE;
    let mut looked_at: usize = 0;
    let mut stack: Vec<Frame> = Vec::new();
    let mut changes = Vec::new();
    let mut at = 0;
    loop {
        // Close what ends here, innermost first.
        while let Some(frame) = stack.last() {
            let closed = match frame.end {
                Some(end) => at == end,
                None => bytes.get(at..at + 2) == Some(&[0, 0]),
            };
            if !closed {
                break;
            }
            let Some(frame) = stack.pop() else { break };
            if frame.end.is_none() {
                at += 2;
            }
            let changed = frame.changed;
            if changed {
                changes.push(Change { start: frame.start, der_length: frame.der_length });
            }
            let Some(parent) = stack.last_mut() else { return Ok((changes, at)) };
            add(parent, frame.tag_size, frame.der_length, changed)?;
        }

        if changes.len() > most {
            return Err(Asn1Error::TooMany("elements in BER"));
        }
        if looked_at.is_multiple_of(STEP) && deadline.is_over() {
            return Err(Asn1Error::OutOfTime);
        }
        looked_at += 1;

        let header = header(&bytes[at..])?;
        let limit = stack.iter().rev().find_map(|frame| frame.end).unwrap_or(bytes.len());
        let content = at + header.size;
        let end = match header.length {
            Some(length) => Some(content.checked_add(length).filter(|&end| end <= limit).ok_or(Asn1Error::Truncated)?),
            None if content <= limit => None,
            None => return Err(Asn1Error::Truncated),
        };
        if let Some(piece) = stack.last().and_then(|frame| frame.pieces_of)
            && bytes[at] & !0x20 != piece
        {
            return Err(Asn1Error::Value("a string in pieces"));
        }
        if bytes[at] & 0x20 == 0 {
            let (Some(end), Some(length)) = (end, header.length) else {
                return Err(Asn1Error::Value("a primitive element of indefinite length"));
            };
            if !header.minimal {
                changes.push(Change { start: at, der_length: length });
            }
            let Some(parent) = stack.last_mut() else { return Ok((changes, end)) };
            add(parent, header.tag_size, length, !header.minimal)?;
            at = end;
        } else {
            if stack.len() == MAX_DEPTH {
                return Err(Asn1Error::TooDeep);
            }
            let pieces_of = string_in_pieces(bytes[at])?;
            let changed = !header.minimal || pieces_of.is_some();
            stack.push(Frame { start: at, end, der_length: 0, changed, pieces_of, tag_size: header.tag_size });
            at = content;
        }
    }
}

/// Counts a finished member into its parent. A piece of a string gives its content only.
fn add(parent: &mut Frame, tag_size: usize, length: usize, changed: bool) -> Result<(), Asn1Error> {
    let size = if parent.pieces_of.is_some() { length } else { tag_size + length_size(length) + length };
    parent.der_length = parent.der_length.checked_add(size).ok_or(Asn1Error::Unsupported)?;
    parent.changed |= changed;
    Ok(())
}

/// Second pass: the input again, with the lengths that the first found.
fn write(bytes: &[u8], changes: &[Change]) -> Result<Vec<u8>, Asn1Error> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut changes = changes.iter().peekable();
    // Ends of the open elements that changed, and whether each is a string in pieces.
    let mut stack: Vec<(Option<usize>, bool)> = Vec::new();
    let mut at = 0;
    loop {
        while let Some(&(end, _)) = stack.last() {
            match end {
                Some(end) if at == end => {}
                None if bytes.get(at..at + 2) == Some(&[0, 0]) => at += 2,
                _ => break,
            }
            stack.pop();
        }
        if at >= bytes.len() {
            return Ok(out);
        }
        let header = header(&bytes[at..])?;
        let content = at + header.size;
        let in_pieces = stack.last().is_some_and(|&(_, pieces)| pieces);
        let constructed = bytes[at] & 0x20 != 0;
        let change = changes.next_if(|change| change.start == at);
        let (Some(change), true) = (change, constructed) else {
            // Nothing inside changes (or it is primitive): copied in one go.
            let length = header.length.ok_or(Asn1Error::NotDer)?;
            let end = content.checked_add(length).filter(|&end| end <= bytes.len()).ok_or(Asn1Error::Truncated)?;
            if !in_pieces {
                out.extend_from_slice(&bytes[at..at + header.tag_size]);
                write_length(&mut out, length);
            }
            out.extend_from_slice(&bytes[content..end]);
            at = end;
            continue;
        };
        let pieces = string_in_pieces(bytes[at])?.is_some();
        if !in_pieces {
            out.push(if pieces { bytes[at] & !0x20 } else { bytes[at] });
            out.extend_from_slice(&bytes[at + 1..at + header.tag_size]);
            write_length(&mut out, change.der_length);
        }
        stack.push((header.length.map(|length| content + length), pieces));
        at = content;
    }
}

/// Tag and length, tags of several octets included: extensions nobody reads may have them.
fn header(bytes: &[u8]) -> Result<Header, Asn1Error> {
    let first = *bytes.first().ok_or(Asn1Error::Truncated)?;
    if first & 0x1f != 0x1f {
        return asn1::length_at(bytes, 1);
    }
    let more = bytes[1..].iter().take(5).take_while(|&&octet| octet & 0x80 != 0).count();
    if more == 5 { Err(Asn1Error::Unsupported) } else { asn1::length_at(bytes, more + 2) }
}

/// For a constructed universal string: the primitive tag of its pieces.
fn string_in_pieces(identifier: u8) -> Result<Option<u8>, Asn1Error> {
    match identifier & !0x20 {
        // The unused bits of a BIT STRING in pieces stand in its last piece; no signer is known to write one.
        tag::BIT_STRING => Err(Asn1Error::Unsupported),
        primitive @ (tag::OCTET_STRING | tag::UTF8_STRING | 0x12..=0x16 | 0x19..=0x1e) => Ok(Some(primitive)),
        _ => Ok(None),
    }
}

/// How many octets DER takes for a length.
pub(super) fn length_size(length: usize) -> usize {
    if length < 0x80 { 1 } else { 1 + length.to_be_bytes().len() - length.leading_zeros() as usize / 8 }
}

/// Writes a length in the DER form.
#[expect(clippy::cast_possible_truncation, reason = "a length below 128 and a count of at most eight fit an octet")]
pub(super) fn write_length(out: &mut Vec<u8>, length: usize) {
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let octets = length_size(length) - 1;
        let bytes = length.to_be_bytes();
        out.push(0x80 | octets as u8);
        out.extend_from_slice(&bytes[bytes.len() - octets..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_der(bytes: &[u8]) -> Result<Vec<u8>, Asn1Error> {
        normalise(bytes, &Deadline::default()).map(Cow::into_owned)
    }
    #[test]
    fn der_stays_as_it_is() {
        let der = hex::decode("300a0201053105040301020304030a0b0c").unwrap();
        assert!(to_der(&der).is_err(), "trailing bytes");
        let der = hex::decode("300a02010531050403010203").unwrap();
        assert!(matches!(normalise(&der, &Deadline::default()), Ok(Cow::Borrowed(same)) if same == der));
    }

    #[test]
    fn indefinite_lengths_and_pieces_are_joined() {
        let ber = hex::decode("3080a0802480040201020402030424050403050607000000000201050000").unwrap();
        assert_eq!(hex::encode(to_der(&ber).unwrap()), "300ea0090407010203040506070201 05".replace(' ', ""));
        assert_eq!(to_der(&[&ber[..], &[0; 7]].concat()), to_der(&ber), "zeros after it are padding");
    }

    #[test]
    fn long_lengths_are_shortened_and_parents_follow() {
        let ber = hex::decode("30083106048200020102").unwrap();
        assert_eq!(hex::encode(to_der(&ber).unwrap()), "3006310404020102");
        let long = [&[0x30, 0x83, 0, 0, 200][..], &[4, 0x84, 0, 0, 0, 194], &[7; 194]].concat();
        let der = to_der(&long).unwrap();
        assert_eq!(der[..6], [0x30, 0x81, 197, 4, 0x81, 194]);
    }

    #[test]
    fn a_string_of_strange_pieces_is_refused() {
        assert!(to_der(&[0x24, 0x80, 0x02, 1, 5, 0, 0]).is_err());
        assert!(to_der(&[0x23, 0x80, 0x03, 1, 0, 0, 0]).is_err());
        assert!(to_der(&[0x04, 0x80, 0, 0]).is_err());
    }

    #[test]
    fn hostile_input_ends_at_once() {
        let nested = [0x30, 0x80].repeat(50_000);
        assert_eq!(to_der(&nested), Err(Asn1Error::TooDeep));
        let ten_megabytes = [0x30, 0x80].repeat(5_000_000);
        assert_eq!(to_der(&ten_megabytes), Err(Asn1Error::TooDeep));
    }

    #[test]
    fn as_many_elements_change_as_programs_that_stream_write() {
        let of = |one: &[u8], count: usize| [&[0x30, 0x80][..], &one.repeat(count), &[0, 0]].concat();
        let (indefinite, long) = ([0x30, 0x80, 0, 0], [4, 0x81, 0]);
        for one in [&indefinite[..], &long] {
            assert_eq!(to_der(&of(one, MAX_CHANGES)).unwrap().len(), 2 * MAX_CHANGES + 5);
            assert_eq!(to_der(&of(one, 2 * MAX_CHANGES)), Err(Asn1Error::TooMany("elements in BER")));
        }
        let piece = [&[4, 0x83, 0, 1, 0x2c][..], &[7; 300]].concat();
        let content = [&[0x24, 0x80][..], &piece.repeat(66_000), &[0, 0]].concat();
        assert_eq!(to_der(&content).unwrap().len(), 19_800_006);
        assert_eq!(to_der(&of(&[5, 0], 2 * MAX_CHANGES)).unwrap().len(), 4 * MAX_CHANGES + 5, "what does not change");
    }

    #[test]
    fn reading_ends_at_the_deadline() {
        let (soon, element) = (Deadline::default(), [0x30, 0x80, 0, 0]);
        assert!(normalise(&element, &soon).is_ok() && end_of_element(&element, &soon).is_ok());
        soon.end();
        assert_eq!(normalise(&element, &soon), Err(Asn1Error::OutOfTime));
        assert_eq!(end_of_element(&element, &soon), Err(Asn1Error::OutOfTime));
    }

    #[test]
    fn every_truncation_is_refused_and_none_panics() {
        let ber =
            hex::decode("3080a080248004020102040203042405040305060700000000020105 0000".replace(' ', "")).unwrap();
        for end in 0..ber.len() {
            assert!(to_der(&ber[..end]).is_err(), "{end}");
            for value in [0, 1, 0x1f, 0x24, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut altered = ber.clone();
                altered[end] = value;
                let _ = to_der(&altered);
            }
        }
    }
}
