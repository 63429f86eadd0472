//! Where a certificate says that its revocation and its issuer can be asked for (RFC 5280 § 4.2.1.13 and 4.2.2.1).

use super::asn1::{Element, Reader, tag};
use super::certificate::Certificate;
use super::oid;

/// More places of one kind than this are not asked.
const MAX_PLACES: usize = 4;
/// More distribution points than this are not looked at.
const MAX_POINTS: usize = 64;

/// Addresses, in the certificate's order; none but `http:` and `https:`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Locations<'a> {
    /// Responders.
    pub ocsp: Vec<&'a str>,
    /// CRLs.
    pub crls: Vec<&'a str>,
    /// The issuer's certificate.
    pub issuers: Vec<&'a str>,
}

impl<'a> Locations<'a> {
    /// What this certificate names.
    #[must_use]
    pub fn of(certificate: &Certificate<'a>) -> Self {
        let mut found = Self::default();
        if let Some(extension) = certificate.extension(oid::AUTHORITY_INFORMATION)
            && let Ok(mut list) = Reader::new(extension.value).sequence()
        {
            while let Ok(mut access) = list.sequence() {
                let (Ok(method), Ok(name)) = (access.oid(), access.element()) else { break };
                match method {
                    oid::ACCESS_OCSP => keep(&mut found.ocsp, name),
                    oid::ACCESS_ISSUERS => keep(&mut found.issuers, name),
                    _ => {}
                }
            }
        }
        for point in distribution_points(certificate) {
            let mut names = point.full_names();
            while let Ok(name) = names.element() {
                keep(&mut found.crls, name);
            }
        }
        found
    }
}

fn keep<'a>(list: &mut Vec<&'a str>, name: Element<'a>) {
    // `uniformResourceIdentifier` is the sixth choice of GeneralName.
    if name.tag != tag::context(6) || list.len() == MAX_PLACES {
        return;
    }
    let Ok(address) = std::str::from_utf8(name.content) else { return };
    let scheme = address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    if matches!(scheme.as_deref(), Some("http" | "https")) && !list.contains(&address) {
        list.push(address);
    }
}

/// The name of a place where a CRL is published: several equal ones, or one below the issuer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointName<'a> {
    /// The content of `GeneralNames`.
    Full(&'a [u8]),
    /// The content of a `RelativeDistinguishedName`.
    Relative(&'a [u8]),
}

impl<'a> PointName<'a> {
    /// Reads the `DistributionPointName` inside its explicit tag.
    #[must_use]
    pub fn read(explicit: Element<'a>) -> Option<Self> {
        let name = explicit.members().element().ok()?;
        match name.tag {
            found if found == tag::context_constructed(0) => Some(Self::Full(name.content)),
            found if found == tag::context_constructed(1) => Some(Self::Relative(name.content)),
            _ => None,
        }
    }

    fn full_names(self) -> Reader<'a> {
        match self {
            Self::Full(names) => Reader::new(names),
            Self::Relative(_) => Reader::new(&[]),
        }
    }

    /// Whether both name one place (RFC 5280 § 6.3.3 (b)(2)(i)).
    #[must_use]
    pub fn shares_a_name_with(self, other: Self) -> bool {
        if let (Self::Relative(one), Self::Relative(other)) = (self, other) {
            return one == other;
        }
        let mut names = self.full_names();
        while let Ok(name) = names.element() {
            let mut others = other.full_names();
            while let Ok(one) = others.element() {
                if one.raw == name.raw {
                    return true;
                }
            }
        }
        false
    }
}

/// The names of the certificate's distribution points, but those whose CRL another authority signs.
pub fn distribution_points<'a>(certificate: &Certificate<'a>) -> Vec<PointName<'a>> {
    let mut points = Vec::new();
    let Some(extension) = certificate.extension(oid::CRL_DISTRIBUTION_POINTS) else { return points };
    let Ok(mut list) = Reader::new(extension.value).sequence() else { return points };
    while let Ok(mut point) = list.sequence()
        && points.len() < MAX_POINTS
    {
        let Ok(name) = point.optional(tag::context_constructed(0)) else { break };
        let _ = point.optional(tag::context(1));
        if point.peek().is_none() {
            points.extend(name.and_then(PointName::read));
        }
    }
    points
}
