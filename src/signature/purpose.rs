//! What a certificate's key may be used for (RFC 5280 § 4.2.1.3 and 4.2.1.12): whose may sign, and whose may call.
//!
//! # Why
//! An authority that a registry trusts issues certificates to web servers, time stamping authorities and programmers as well
//! as to persons. Each says what it is for, and none but those meant for persons and seals speaks for anybody. A purpose
//! that is a machine's refuses the certificate whatever stands beside it: no Spanish certificate of a person or a seal
//! has one, and web servers' have had `clientAuth` beside `serverAuth` for decades.

use super::asn1::Reader;
use super::certificate::Certificate;
use super::{identity, oid};

/// Of whom it is that a purpose stands in certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// Persons and seals.
    Signer,
    /// Whoever signs trusted lists.
    ListOperator,
    /// Machines and services.
    Machine,
}

struct Purpose {
    oid: &'static [u8],
    name: &'static str,
    holder: Holder,
}

/// The purposes that are known. Persons' and seals' certificates of FNMT-RCM, the national identity card's for authentication, ACCV,
/// Camerfirma, Izenpe and Firmaprofesional, and the administration's profiles (Perfiles de certificados electrónicos
/// 2.0, 2016, for seals and public employees) have `clientAuth`, `emailProtection`, both, or none at all (the national identity card's for
/// signing).
const PURPOSES: &[Purpose] = &[
    Purpose { oid: oid::EKU_ANY, name: "anyExtendedKeyUsage", holder: Holder::Signer },
    Purpose { oid: oid::EKU_CLIENT_AUTH, name: "clientAuth", holder: Holder::Signer },
    Purpose { oid: oid::EKU_EMAIL_PROTECTION, name: "emailProtection", holder: Holder::Signer },
    // RFC 9336, and what was used for the same before it.
    Purpose { oid: oid::EKU_DOCUMENT_SIGNING, name: "documentSigning", holder: Holder::Signer },
    Purpose { oid: oid::EKU_ADOBE_DOCUMENTS, name: "Adobe's authenticDocumentsTrust", holder: Holder::Signer },
    Purpose { oid: oid::EKU_MICROSOFT_DOCUMENTS, name: "Microsoft's documentSigning", holder: Holder::Signer },
    // TS 119 612 § 5.7.1.
    Purpose { oid: oid::EKU_TSL_SIGNING, name: "tslSigning", holder: Holder::ListOperator },
    Purpose { oid: oid::EKU_SERVER_AUTH, name: "serverAuth", holder: Holder::Machine },
    Purpose { oid: oid::EKU_CODE_SIGNING, name: "codeSigning", holder: Holder::Machine },
    Purpose { oid: oid::EKU_TIME_STAMPING, name: "timeStamping", holder: Holder::Machine },
    Purpose { oid: oid::EKU_OCSP_SIGNING, name: "OCSPSigning", holder: Holder::Machine },
];

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Use {
    /// Documents, by persons and seals.
    #[default]
    Documents,
    /// Trusted lists, by those who publish them: the certificates that may are chosen one by one.
    TrustedLists,
    /// Documents, by authorities that stamp their time: whether they may is asked of the token.
    Timestamps,
}

/// Whether the holder's key may sign.
///
/// # Errors
/// Why it may not.
pub fn check_signer(certificate: &Certificate<'_>, signed: Use) -> Result<(), String> {
    if !certificate.may_sign() {
        return Err("keyUsage has neither digitalSignature nor nonRepudiation".into());
    }
    if signed != Use::Documents {
        return Ok(());
    }
    if identity::is_for_a_web_site(certificate) {
        return Err("the certificate states that it is a web site's".into());
    }
    let Some(stated) = stated(certificate) else { return Ok(()) };
    let signs = stated.iter().any(|oid| known(oid).is_some_and(|purpose| purpose.holder == Holder::Signer));
    no_machine(&stated)?;
    if signs {
        return Ok(());
    }
    Err(format!("extendedKeyUsage has no purpose of persons or seals: it is for {}", names(&stated)))
}

/// Whether the holder's key may show who opens a TLS connection (RFC 5280 § 4.2.1.12: `clientAuth`).
///
/// # Errors
/// Why it may not.
pub fn check_client(certificate: &Certificate<'_>) -> Result<(), String> {
    if !certificate.may_authenticate() {
        return Err("keyUsage has no digitalSignature".into());
    }
    let stated = stated(certificate).unwrap_or_default();
    no_machine(&stated)?;
    if stated.contains(&oid::EKU_CLIENT_AUTH) {
        return Ok(());
    }
    Err("extendedKeyUsage has no clientAuth".into())
}

fn no_machine(stated: &[&[u8]]) -> Result<(), String> {
    let machine = stated.iter().find_map(|oid| known(oid).filter(|purpose| purpose.holder == Holder::Machine));
    match machine {
        Some(purpose) => Err(format!("extendedKeyUsage has {}: the certificate is a machine's", purpose.name)),
        None => Ok(()),
    }
}

fn known(oid: &[u8]) -> Option<&'static Purpose> {
    PURPOSES.iter().find(|purpose| purpose.oid == oid)
}

fn names(stated: &[&[u8]]) -> String {
    let name = |oid: &&[u8]| known(oid).map_or_else(|| oid::dotted(oid), |purpose| purpose.name.to_owned());
    stated.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The purposes that it states; none where it has no such extension, no purpose at all where that cannot be read.
fn stated<'a>(certificate: &Certificate<'a>) -> Option<Vec<&'a [u8]>> {
    let extension = certificate.extension(oid::EXTENDED_KEY_USAGE)?;
    let mut list = Reader::new(extension.value).sequence().unwrap_or(Reader::new(&[]));
    let mut stated = Vec::new();
    while !list.is_empty() {
        let Ok(purpose) = list.oid() else { return Some(Vec::new()) };
        stated.push(purpose);
    }
    Some(stated)
}
