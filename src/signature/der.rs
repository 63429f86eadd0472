//! Writing DER: the few shapes that [`super::seal`] and the re-encoding of attributes need.

use super::asn1::tag;
use super::ber::{length_size, write_length};

/// One element with this tag, its content the parts in order.
#[must_use]
pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(1 + length_size(length) + length);
    out.push(tag);
    write_length(&mut out, length);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A SEQUENCE of encoded members.
#[must_use]
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(tag::SEQUENCE, parts)
}

/// An OBJECT IDENTIFIER from its content octets.
#[must_use]
pub fn oid(content: &[u8]) -> Vec<u8> {
    element(tag::OID, &[content])
}

/// A SET OF with its members in the order DER asks for (X.690 § 11.6), under the given tag.
#[must_use]
pub fn set_of<T: AsRef<[u8]> + Ord>(tag: u8, mut members: Vec<T>) -> Vec<u8> {
    members.sort_unstable();
    element(tag, &members.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

/// An `AlgorithmIdentifier`; RSA and SHA-2 want a NULL beside the name, ECDSA and `EdDSA` nothing (RFC 5754, RFC 8419).
#[must_use]
pub fn algorithm(name: &[u8], null_parameters: bool) -> Vec<u8> {
    sequence(&[&oid(name), if null_parameters { &[tag::NULL, 0] } else { &[] }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_nest_and_sets_are_sorted() {
        assert_eq!(element(4, &[&[1], &[2, 3]]), [4, 3, 1, 2, 3]);
        assert_eq!(set_of(0x31, vec![vec![2, 1, 9], vec![2, 1, 1]]), [0x31, 6, 2, 1, 1, 2, 1, 9]);
        assert_eq!(element(4, &[&[0; 300]])[..4], [4, 0x82, 1, 44]);
    }
}
