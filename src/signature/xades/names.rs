//! What the URIs of XML signatures name (XMLDSig 1.1 § 6, RFC 9231, XAdES EN 319 132-1 § 4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;

use crate::signature::algorithm::{Digest, Scheme, SignatureAlgorithm};
use crate::signature::xml::{Document, NodeId};

/// The namespace of XML signatures.
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// The namespace of what RFC 9231 § 2.3.9 adds to them.
const MORE: &str = "http://www.w3.org/2007/05/xmldsig-more#";
/// The namespace of what XMLDSig 1.1 added.
pub const DSIG11: &str = "http://www.w3.org/2009/xmldsig11#";
/// The namespace of what TS 101 903 v1.4.1 added to XAdES.
pub const XADES_141: &str = "http://uri.etsi.org/01903/v1.4.1#";
/// The namespace of exclusive canonicalization, and the rules' name.
pub const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// The transform that chooses subtrees, and the namespace of what tells which.
pub const FILTER: &str = "http://www.w3.org/2002/06/xmldsig-filter2";
/// The encoding that XML signatures name so, as transform and of an object.
pub const BASE64: &str = "http://www.w3.org/2000/09/xmldsig#base64";
/// The namespaces of XAdES from TS 101 903 v1.1.1 to EN 319 132-1.
const XADES: [&str; 3] =
    ["http://uri.etsi.org/01903/v1.3.2#", "http://uri.etsi.org/01903/v1.2.2#", "http://uri.etsi.org/01903/v1.1.1#"];

/// Types a reference may state.
pub const OBJECT: &str = "http://www.w3.org/2000/09/xmldsig#Object";
/// The target is a `Manifest`.
pub const MANIFEST: &str = "http://www.w3.org/2000/09/xmldsig#Manifest";

/// Whether a namespace is one of XAdES.
#[must_use]
pub fn is_xades(namespace: &str) -> bool {
    XADES.contains(&namespace)
}

/// Whether a reference's type says that it signs the qualifying properties: with the version in it before v1.3.2.
#[must_use]
pub fn is_signed_properties(kind: &str) -> bool {
    let prefix = kind.strip_suffix("SignedProperties");
    prefix.is_some_and(|prefix| prefix == "http://uri.etsi.org/01903#" || is_xades(prefix))
}

/// The digest a URI names.
#[must_use]
pub fn digest(uri: &str) -> Option<Digest> {
    Some(match uri {
        "http://www.w3.org/2001/04/xmlenc#sha256" => Digest::Sha256,
        "http://www.w3.org/2001/04/xmlenc#sha512" => Digest::Sha512,
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Digest::Sha384,
        "http://www.w3.org/2001/04/xmldsig-more#sha224" => Digest::Sha224,
        "http://www.w3.org/2000/09/xmldsig#sha1" => Digest::Sha1,
        "http://www.w3.org/2001/04/xmldsig-more#md5" => Digest::Md5,
        _ => by_name(uri.strip_prefix(MORE)?).filter(|digest| digest.name().starts_with("sha3"))?,
    })
}

fn by_name(name: &str) -> Option<Digest> {
    Some(match name {
        "sha1" => Digest::Sha1,
        "sha224" => Digest::Sha224,
        "sha256" => Digest::Sha256,
        "sha384" => Digest::Sha384,
        "sha512" => Digest::Sha512,
        "sha3-224" => Digest::Sha3_224,
        "sha3-256" => Digest::Sha3_256,
        "sha3-384" => Digest::Sha3_384,
        "sha3-512" => Digest::Sha3_512,
        _ => return None,
    })
}

/// How a signature value was made, by its `SignatureMethod`. MACs are none of them: whoever can check one can make it.
#[must_use]
pub fn signature_method(document: &Document<'_>, method: NodeId) -> Option<SignatureAlgorithm> {
    let uri = document.attribute(method, "Algorithm")?;
    let with = |scheme, digest| Some(SignatureAlgorithm { scheme, digest: Some(digest) });
    if let Some(name) = uri.strip_prefix("http://www.w3.org/2000/09/xmldsig#") {
        return match name {
            "rsa-sha1" => with(Scheme::RsaPkcs1, Digest::Sha1),
            "dsa-sha1" => with(Scheme::Dsa, Digest::Sha1),
            _ => None,
        };
    }
    if let Some(name) = uri.strip_prefix("http://www.w3.org/2001/04/xmldsig-more#") {
        return match name.split_once('-')? {
            ("rsa", "md5") => with(Scheme::RsaPkcs1, Digest::Md5),
            ("rsa", digest) => with(Scheme::RsaPkcs1, by_name(digest)?),
            ("ecdsa", digest) => with(Scheme::EcdsaPlain, by_name(digest)?),
            _ => None,
        };
    }
    if let Some(name) = uri.strip_prefix("http://www.w3.org/2021/04/xmldsig-more#") {
        return match name.split_once('-')? {
            ("eddsa", "ed25519" | "ed448") => Some(SignatureAlgorithm { scheme: Scheme::EdDsa, digest: None }),
            ("ecdsa", digest) => with(Scheme::EcdsaPlain, by_name(digest)?),
            _ => None,
        };
    }
    if let Some(name) = uri.strip_prefix(MORE) {
        if name == "rsa-pss" {
            return pss_parameters(document, method);
        }
        let digest = by_name(name.strip_suffix("-rsa-MGF1")?)?;
        return with(Scheme::RsaPss(digest, length(digest)), digest);
    }
    (uri == "http://www.w3.org/2009/xmldsig11#dsa-sha256").then_some(())?;
    with(Scheme::Dsa, Digest::Sha256)
}

/// `RSAPSSParams` (RFC 9231 § 2.3.9): SHA-256 throughout where nothing is said.
fn pss_parameters(document: &Document<'_>, method: NodeId) -> Option<SignatureAlgorithm> {
    let parameters = document.child(method, MORE, "RSAPSSParams");
    let inside = |parent: Option<NodeId>| {
        let stated = parent.and_then(|parent| document.child(parent, DS, "DigestMethod"));
        stated.map_or(Some(Digest::Sha256), |method| digest(document.attribute(method, "Algorithm")?))
    };
    let child = |local| parameters.and_then(|parameters| document.child(parameters, MORE, local));
    let main = inside(parameters)?;
    let mask = inside(child("MaskGenerationFunction"))?;
    let salt = match child("SaltLength") {
        Some(stated) => document.text(stated).trim().parse().ok().filter(|salt| (0..=512).contains(salt))?,
        None => length(main),
    };
    Some(SignatureAlgorithm { scheme: Scheme::RsaPss(mask, salt), digest: Some(main) })
}

fn length(digest: Digest) -> i32 {
    i32::try_from(digest.md().size()).unwrap_or_default()
}

/// A signature value as the algorithm's checker wants it: DSA comes here as two numbers side by side (XMLDSig § 6.4.1).
#[must_use]
pub fn plain_value(algorithm: &SignatureAlgorithm, value: Vec<u8>) -> Vec<u8> {
    if algorithm.scheme != Scheme::Dsa {
        return value;
    }
    let (r, s) = value.split_at(value.len() / 2);
    let joined = BigNum::from_slice(r)
        .and_then(|r| EcdsaSig::from_private_components(r, BigNum::from_slice(s)?))
        .and_then(|pair| pair.to_der());
    joined.unwrap_or_default()
}

/// The bytes of base64 text with white space in it; none when there is anything else.
#[must_use]
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).ok()
}

/// The bytes of an element's base64 text.
#[must_use]
pub fn base64_of(document: &Document<'_>, node: NodeId) -> Option<Vec<u8>> {
    base64(&document.text(node))
}
