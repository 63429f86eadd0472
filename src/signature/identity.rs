//! Who signed: what a certificate's names say of a person, an organization, or both.
//!
//! # Why
//! What the names say is read by [`super::names`]. An organization's certificate is its seal only where it says so, and
//! says so on its path: the same names stand in a web server's.
//!
//! Sources: EN 319 412-1 § 5.1 (semantics of identifiers), EN 319 412-2 and -3 (natural and legal persons),
//! EN 319 412-5 (`QCStatements`), and the Spanish profiles: FNMT's older `subjectAltName`, and the administration's
//! "Perfiles de certificados" (seals and public employees, arc 2.16.724.1.3.5).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::asn1::Reader;
use super::certificate::Certificate;
use super::identifier::{self, IdType};
use super::names::Names;
use super::oid;
use super::path_policies::ValidPolicies;
use crate::domain::{self, Country, Identity};

/// Who signed, as the certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Signer {
    /// The person's name, given name first; the common name where it is not told apart; the organization's for a seal.
    #[schema(example = "Ana García López")]
    pub name: String,
    /// What kind of identifier `id` is; null where the certificate has none that is known.
    pub id_type: Option<IdType>,
    /// The identifier of the person, or of the organization for a seal.
    #[schema(example = "00000000T")]
    pub id: Option<String>,
    /// The country that gave the identifier, where it is not Spain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "PT")]
    pub id_country: Option<String>,
    /// Whom the person represents or works for, or whose seal it is.
    pub organization: Option<Organization>,
    /// Whether the certificate states that it is qualified (EN 319 412-5 § 4.2.1) and, where the registry has trusted
    /// lists, one of them confirms it for the time of signing.
    #[schema(example = true)]
    pub qualified: bool,
    /// Whether it is an organization's seal and no person's signature.
    #[serde(default)]
    #[schema(example = false)]
    pub seal: bool,
    /// The given name, where the certificate tells it apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ana")]
    pub given_name: Option<String>,
    /// The surnames, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "García López")]
    pub surnames: Option<String>,
}

/// A legal person or body that a certificate names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// Its tax identifier.
    #[schema(example = "B12345674")]
    pub id: Option<String>,
    /// The country that gave the identifier, where it is not Spain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "AT")]
    pub id_country: Option<String>,
    /// Its name.
    #[schema(example = "Obras del Sur, S. L.")]
    pub name: Option<String>,
}

impl Signer {
    /// Who it is, country and all; none where the certificate does not say, or says what no identifier is.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        let id_type = match self.id_type? {
            IdType::Nif => domain::IdType::Nif,
            IdType::Nie => domain::IdType::Nie,
            IdType::Cif => domain::IdType::Cif,
            IdType::Passport => domain::IdType::Passport,
            IdType::Other => domain::IdType::Other,
        };
        identity(id_type, self.id_country.as_deref(), self.id.as_deref()?)
    }
}

impl Organization {
    /// Who it is, country and all; none where the certificate does not say.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        let id = self.id.as_deref()?;
        let spanish = self.id_country.is_none().then(|| identifier::spanish_alone(id)).flatten();
        let id_type = match spanish.map(|found| found.id_type) {
            Some(IdType::Cif) => domain::IdType::Cif,
            // A natural person's is no organization's, whoever wrote it there.
            Some(_) => return None,
            None => domain::IdType::Other,
        };
        identity(id_type, self.id_country.as_deref(), id)
    }
}

fn identity(id_type: domain::IdType, country: Option<&str>, id: &str) -> Option<Identity> {
    let country: Country = country.map_or(Ok(Country::SPAIN), str::parse).ok()?;
    Identity::new(id_type, Some(country), id).ok()
}

/// What a certificate is for (EN 319 412-5 § 4.2.3), as itself says or a trusted list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateKind {
    /// A natural person's signatures.
    Signature,
    /// A legal person's seals.
    Seal,
    /// A web site.
    WebSite,
}

/// Reads who signed from a certificate. Never fails: what is missing stays empty.
#[must_use]
pub fn signer(certificate: &Certificate<'_>) -> Signer {
    signer_as(certificate, &ValidPolicies::Any, None)
}

/// The same for a certificate of which these policies are valid on its path, and where a trusted list says what it is for.
#[must_use]
pub fn signer_as(certificate: &Certificate<'_>, valid: &ValidPolicies, kind: Option<CertificateKind>) -> Signer {
    let names = Names::of(certificate);
    let (qualified, stated) = qualified_statements(certificate);
    let mut seal_policies = certificate.policies().filter(|policy| is_seal_policy(policy));
    let by_policy = names.administration_seal || seal_policies.any(|policy| valid.allow(policy));
    let kind = kind.or(stated).or_else(|| by_policy.then_some(CertificateKind::Seal));
    names.weigh(qualified, kind == Some(CertificateKind::Seal))
}

/// For what the certificate states that it is.
#[must_use]
pub fn kind(certificate: &Certificate<'_>) -> Option<CertificateKind> {
    qualified_statements(certificate).1
}

/// Whether the certificate states that it is a web site's and nobody's signature.
#[must_use]
pub fn is_for_a_web_site(certificate: &Certificate<'_>) -> bool {
    kind(certificate) == Some(CertificateKind::WebSite)
}

/// Whether certificates of this policy are for seals: EN 319 411-2 § 5.3 (QCP-l), and the administration's profiles
/// (Perfiles de certificados electrónicos 2.0, § 8: kinds 2, before 2016, and 6 of its arc).
fn is_seal_policy(policy: &[u8]) -> bool {
    [oid::POLICY_QCP_L, oid::POLICY_QCP_L_QSCD].contains(&policy)
        || policy.strip_prefix(oid::SPANISH_ADMINISTRATION).is_some_and(|rest| matches!(rest, [2 | 6, _]))
}

/// Whether the certificate states that it is qualified, and for what (EN 319 412-5 § 4.2.1 and 4.2.3). One that states
/// several is taken for signatures: it is nobody's seal by half.
fn qualified_statements(certificate: &Certificate<'_>) -> (bool, Option<CertificateKind>) {
    let (mut qualified, mut kinds) = (false, Vec::new());
    let Some(extension) = certificate.extension(oid::QC_STATEMENTS) else { return (false, None) };
    let Ok(mut statements) = Reader::new(extension.value).sequence() else { return (false, None) };
    while let Ok(mut statement) = statements.sequence() {
        match statement.oid() {
            Ok(oid::QC_COMPLIANCE) => qualified = true,
            Ok(oid::QC_TYPE) => {
                let mut types = statement.sequence().unwrap_or(Reader::new(&[]));
                while let Ok(name) = types.oid() {
                    kinds.extend(match name {
                        oid::QC_TYPE_ESIGN => Some(CertificateKind::Signature),
                        oid::QC_TYPE_ESEAL => Some(CertificateKind::Seal),
                        oid::QC_TYPE_WEB => Some(CertificateKind::WebSite),
                        _ => None,
                    });
                }
            }
            _ => {}
        }
    }
    kinds.dedup();
    let kind = match kinds[..] {
        [] => None,
        [only] => Some(only),
        _ => Some(CertificateKind::Signature),
    };
    (qualified, kind)
}
