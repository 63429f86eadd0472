//! `SignedData` of the Cryptographic Message Syntax (RFC 5652 § 5), read where it lies.
//!
//! This file knows the structure only; what it proves is [`super::cades`]'s business.

use super::algorithm::AlgorithmIdentifier;
use super::asn1::{Asn1Error, Element, Reader, tag};
use super::oid;

/// More signers, or certificates, than this is an attempt to make the reader work: real files have a handful, an
/// archived one some hundred certificates.
const MAX_SIGNERS: usize = 64;
const MAX_CERTIFICATES: usize = 1024;
const MAX_ATTRIBUTES: usize = 1024;

type Result<T> = std::result::Result<T, Asn1Error>;

/// A signed message, or the signature of a message kept elsewhere.
pub struct SignedData<'a> {
    /// The content octets of its version number.
    pub version: &'a [u8],
    /// The members of its list of digests, encoded.
    pub digests: &'a [u8],
    /// What kind of content was signed: `id-data`, or `id-ct-TSTInfo` in a timestamp.
    pub content_type: &'a [u8],
    /// The same with its header, as an archive timestamp covers it.
    pub content_type_raw: &'a [u8],
    /// The content, when it is inside.
    pub content: Option<&'a [u8]>,
    /// All that stands among the certificates, encoded.
    pub choices: Vec<&'a [u8]>,
    /// All that stands among the revocation data, encoded.
    pub revocation: Vec<&'a [u8]>,
    /// Certificates, encoded; attribute certificates are left out.
    pub certificates: Vec<&'a [u8]>,
    /// CRLs, encoded.
    pub crls: Vec<&'a [u8]>,
    /// OCSP answers, encoded: whole (RFC 5940 § 2.1) or the basic part alone.
    pub ocsp: Vec<&'a [u8]>,
    /// One for each signature.
    pub signers: Vec<SignerInfo<'a>>,
}

/// How a signer's certificate is told (RFC 5652 § 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignerIdentifier<'a> {
    /// By encoded issuer and the content octets of the serial number.
    IssuerAndSerial(&'a [u8], &'a [u8]),
    /// By the `subjectKeyIdentifier`.
    KeyIdentifier(&'a [u8]),
}

/// One signature.
#[derive(Debug, Clone)]
pub struct SignerInfo<'a> {
    /// The content octets of its version number.
    pub version: &'a [u8],
    /// All but the unsigned attributes, encoded, as an archive timestamp covers it.
    pub core: &'a [u8],
    /// Whose it is.
    pub identifier: SignerIdentifier<'a>,
    /// The digest of the content.
    pub digest_algorithm: AlgorithmIdentifier<'a>,
    /// What the signature value covers besides the content's digest; none: it covers the content itself.
    pub signed: Option<Attributes<'a>>,
    /// How the value was made.
    pub signature_algorithm: AlgorithmIdentifier<'a>,
    /// The value.
    pub signature: &'a [u8],
    /// What was added later: timestamps, counter-signatures, revocation data.
    pub unsigned: Attributes<'a>,
}

/// A set of attributes, with its bytes.
#[derive(Debug, Clone, Default)]
pub struct Attributes<'a> {
    /// The set as it came, under its context tag; empty when it was left out.
    pub raw: &'a [u8],
    list: Vec<Attribute<'a>>,
}

/// One attribute (RFC 5652 § 5.3).
#[derive(Debug, Clone, Copy)]
pub struct Attribute<'a> {
    /// Its type.
    pub oid: &'a [u8],
    /// The whole, encoded.
    pub raw: &'a [u8],
    values: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// The whole without its outer header, as some timestamps cover it: type and values.
    #[must_use]
    pub fn content(&self) -> &'a [u8] {
        Reader::new(self.raw).expect(tag::SEQUENCE).map_or(&[], |whole| whole.content)
    }

    /// Its values; a malformed one ends the list.
    pub fn values(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let mut reader = Reader::new(self.values);
        std::iter::from_fn(move || reader.element().ok())
    }

    /// Its values, encoded one after the other.
    #[must_use]
    pub fn encoded_values(&self) -> &'a [u8] {
        self.values
    }

    /// Its only value.
    ///
    /// # Errors
    /// [`Asn1Error::Value`] when it has none or several.
    pub fn single(&self) -> Result<Element<'a>> {
        let mut reader = Reader::new(self.values);
        let value = reader.element().map_err(|_| Asn1Error::Value("an attribute"))?;
        if reader.is_empty() { Ok(value) } else { Err(Asn1Error::Value("an attribute with one value")) }
    }
}

impl<'a> Attributes<'a> {
    fn read(set: Element<'a>) -> Result<Self> {
        let mut list = Vec::new();
        let mut reader = set.members();
        while !reader.is_empty() {
            if list.len() == MAX_ATTRIBUTES {
                return Err(Asn1Error::TooMany("attributes"));
            }
            let element = reader.expect(tag::SEQUENCE)?;
            let mut members = element.members();
            let oid = members.oid()?;
            let values = members.expect(tag::SET)?.content;
            members.finish()?;
            list.push(Attribute { oid, raw: element.raw, values });
        }
        Ok(Self { raw: set.raw, list })
    }

    /// Every attribute, in the order they came.
    #[must_use]
    pub fn all(&self) -> &[Attribute<'a>] {
        &self.list
    }

    /// The attributes of this type.
    pub fn of<'s>(&'s self, oid: &'s [u8]) -> impl Iterator<Item = Attribute<'a>> + use<'a, 's> {
        self.list.iter().filter(move |attribute| attribute.oid == oid).copied()
    }

    /// The only value of the attribute that may stand once (RFC 5652 § 11), if it is there.
    ///
    /// # Errors
    /// [`Asn1Error`] when the attribute or its value is repeated or missing.
    pub fn once(&self, oid: &[u8]) -> Result<Option<Element<'a>>> {
        let mut found = self.list.iter().filter(|attribute| attribute.oid == oid);
        let Some(attribute) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(Asn1Error::Value("a signed attribute that stands twice"));
        }
        attribute.single().map(Some)
    }
}

impl<'a> SignedData<'a> {
    /// Reads the one `ContentInfo` that the bytes hold; zeros after it are padding, as in a PDF's `/Contents`.
    ///
    /// # Errors
    /// [`Asn1Error::NotDer`] for BER, others when it is no `SignedData`.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut whole = Reader::new(bytes);
        let mut info = whole.sequence()?;
        if whole.rest().iter().any(|&byte| byte != 0) {
            return Err(Asn1Error::Trailing);
        }
        if info.oid()? != oid::SIGNED_DATA {
            return Err(Asn1Error::Value("a SignedData content type"));
        }
        let mut explicit = info.expect(tag::context_constructed(0))?.members();
        let mut fields = explicit.sequence()?;
        explicit.finish()?;
        info.finish()?;

        let version = fields.expect(tag::INTEGER)?.content;
        // The list of digests is a hint for readers in one pass; each signer names its own again.
        let digests = fields.expect(tag::SET)?.content;
        let mut encapsulated = fields.sequence()?;
        let before = encapsulated.rest();
        let content_type = encapsulated.oid()?;
        let content_type_raw = &before[..before.len() - encapsulated.rest().len()];
        let content = match encapsulated.optional(tag::context_constructed(0))? {
            Some(explicit) => {
                let mut members = explicit.members();
                let content = members.element()?.content;
                members.finish()?;
                Some(content)
            }
            None => None,
        };
        encapsulated.finish()?;
        let choices = members_of(fields.optional(tag::context_constructed(0))?)?;
        let certificates = plain(&choices);
        let revocation = members_of(fields.optional(tag::context_constructed(1))?)?;
        let (crls, ocsp) = (plain(&revocation), ocsp_of(&revocation));
        let mut infos = fields.expect(tag::SET)?.members();
        fields.finish()?;
        let mut signers = Vec::new();
        while !infos.is_empty() {
            if signers.len() == MAX_SIGNERS {
                return Err(Asn1Error::TooMany("signers"));
            }
            signers.push(SignerInfo::read(infos.expect(tag::SEQUENCE)?)?);
        }
        Ok(Self {
            version,
            digests,
            content_type,
            content_type_raw,
            content,
            choices,
            revocation,
            certificates,
            crls,
            ocsp,
            signers,
        })
    }
}

impl<'a> SignerInfo<'a> {
    /// Reads a `SignerInfo`, of a message or in a counter-signature.
    ///
    /// # Errors
    /// [`Asn1Error`] when it is none.
    pub fn read(element: Element<'a>) -> Result<Self> {
        let mut fields = element.tagged(tag::SEQUENCE)?.members();
        let whole = fields.rest();
        let version = fields.expect(tag::INTEGER)?.content;
        let identifier = match fields.optional(tag::context(0))? {
            Some(key) => SignerIdentifier::KeyIdentifier(key.content),
            None => {
                let mut both = fields.sequence()?;
                let issuer = both.expect(tag::SEQUENCE)?.raw;
                let serial = both.expect(tag::INTEGER)?.content;
                both.finish()?;
                SignerIdentifier::IssuerAndSerial(issuer, serial)
            }
        };
        let digest_algorithm = AlgorithmIdentifier::read(&mut fields)?;
        let signed = fields.optional(tag::context_constructed(0))?.map(Attributes::read).transpose()?;
        let signature_algorithm = AlgorithmIdentifier::read(&mut fields)?;
        let signature = fields.expect(tag::OCTET_STRING)?.content;
        let core = &whole[..whole.len() - fields.rest().len()];
        let unsigned = fields.optional(tag::context_constructed(1))?.map(Attributes::read).transpose()?;
        fields.finish()?;
        let unsigned = unsigned.unwrap_or_default();
        Ok(Self { version, core, identifier, digest_algorithm, signed, signature_algorithm, signature, unsigned })
    }
}

/// The members of an implicit set of choices, encoded.
fn members_of(set: Option<Element<'_>>) -> Result<Vec<&[u8]>> {
    let mut out = Vec::new();
    let Some(set) = set else { return Ok(out) };
    let mut reader = set.members();
    while !reader.is_empty() {
        let member = reader.element()?;
        if out.len() == MAX_CERTIFICATES {
            return Err(Asn1Error::TooMany("certificates"));
        }
        out.push(member.raw);
    }
    Ok(out)
}

/// The plain ones (SEQUENCEs) of such choices; attribute certificates and other revocation formats are tagged.
#[must_use]
pub fn plain<'a>(choices: &[&'a [u8]]) -> Vec<&'a [u8]> {
    choices.iter().filter(|choice| choice.first() == Some(&tag::SEQUENCE)).copied().collect()
}

/// The OCSP answers among revocation choices (`OtherRevocationInfoFormat`, RFC 5652 § 10.2.1).
#[must_use]
pub fn ocsp_of<'a>(choices: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let answer = |choice: &&'a [u8]| {
        let mut other = Reader::new(choice).expect(tag::context_constructed(1)).ok()?.members();
        // The standard's name goes with a whole answer; DSS writes the basic part under its own name.
        let known = matches!(other.oid().ok()?, oid::OCSP_IN_CMS | oid::OCSP_BASIC);
        other.element().ok().filter(|_| known).map(|answer| answer.raw)
    };
    choices.iter().filter_map(answer).collect()
}
