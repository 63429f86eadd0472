//! The elliptic curves that are known here, and what a key on each costs.
//!
//! # Why
//! A key is read by OpenSSL the moment its certificate is: a curve written out in numbers, or one that nobody uses, would
//! be computed with before anybody looked at it. So the curve is looked up first, and the point must be as long as it says.

use super::asn1::{Element, tag};
use super::oid;

/// A curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Curve {
    /// Octets of a coordinate.
    field: usize,
    /// Checking a signature value, in units of RSA with 2,048 bits.
    verification: u64,
    /// Computing the second coordinate of a point that is written without it, likewise.
    decompression: u64,
}

/// By name; what they cost is measured with OpenSSL 3, and rounded up. It has fast code for P-256 only, and the square
/// root is slow for P-224.
const CURVES: [(&[u8], Curve); 6] = [
    (oid::SECP192R1, Curve { field: 24, verification: 24, decompression: 4 }),
    (oid::SECP224R1, Curve { field: 28, verification: 32, decompression: 48 }),
    (oid::SECP256R1, Curve { field: 32, verification: 16, decompression: 4 }),
    (oid::SECP256K1, Curve { field: 32, verification: 32, decompression: 4 }),
    (oid::SECP384R1, Curve { field: 48, verification: 48, decompression: 8 }),
    (oid::SECP521R1, Curve { field: 66, verification: 64, decompression: 8 }),
];

/// Those of RFC 5639, in the order of their numbers, each followed by its twisted form.
const BRAINPOOL: [Curve; 7] = [
    Curve { field: 20, verification: 24, decompression: 4 },
    Curve { field: 24, verification: 24, decompression: 4 },
    Curve { field: 28, verification: 32, decompression: 48 },
    Curve { field: 32, verification: 32, decompression: 4 },
    Curve { field: 40, verification: 48, decompression: 8 },
    Curve { field: 48, verification: 64, decompression: 8 },
    Curve { field: 64, verification: 80, decompression: 8 },
];

impl Curve {
    /// The curve that a key's parameters name (RFC 5480 § 2.1.1), if it is known.
    #[must_use]
    pub fn named(parameters: Option<&Element<'_>>) -> Option<Self> {
        let name = parameters.filter(|element| element.tag == tag::OID)?.content;
        if let Some((_, curve)) = CURVES.iter().find(|(oid, _)| *oid == name) {
            return Some(*curve);
        }
        let &[number @ 1..=14] = name.strip_prefix(oid::BRAINPOOL)? else { return None };
        BRAINPOOL.get(usize::from(number - 1) / 2).copied()
    }

    /// What checking a signature value by the key at this point costs, the reading of the point included; none where it
    /// is no point of this curve's length (SEC 1 § 2.3.3).
    #[must_use]
    pub fn cost(self, point: &[u8]) -> Option<u64> {
        match point.split_first()? {
            (4, coordinates) if coordinates.len() == 2 * self.field => Some(self.verification),
            (2 | 3, coordinate) if coordinate.len() == self.field => Some(self.verification + self.decompression),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::asn1::Reader;

    fn named(oid: &[u8]) -> Option<Curve> {
        let der = [&[tag::OID, u8::try_from(oid.len()).unwrap()], oid].concat();
        Curve::named(Some(&Reader::new(&der).element().unwrap()))
    }

    #[test]
    fn a_point_costs_what_its_curve_does_however_it_is_written() {
        let p521 = named(oid::SECP521R1).unwrap();
        let brainpool = named(&[oid::BRAINPOOL, &[13]].concat()).unwrap();
        for curve in [p521, brainpool, named(oid::SECP224R1).unwrap()] {
            let whole = curve.cost(&[&[4][..], &vec![1; 2 * curve.field]].concat()).unwrap();
            let compressed = curve.cost(&[&[2][..], &vec![1; curve.field]].concat()).unwrap();
            assert!(compressed > whole && whole > named(oid::SECP256R1).unwrap().verification);
        }
        assert_eq!(p521.cost(&[&[2][..], &[1; 32]].concat()), None);
        assert_eq!(p521.cost(&[]), None);
    }

    #[test]
    fn what_is_no_known_curve_has_no_cost() {
        assert_eq!(named(&[oid::BRAINPOOL, &[15]].concat()), None);
        assert_eq!(named(oid::RSA), None);
        assert_eq!(Curve::named(None), None);
        let written_out = [tag::SEQUENCE, 0];
        assert_eq!(Curve::named(Some(&Reader::new(&written_out).element().unwrap())), None);
    }
}
