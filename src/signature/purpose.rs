//! What a certificate's key may be used for (RFC 5280 § 4.2.1.3 and 4.2.1.12): whose may sign, and whose may call.
//!
//! # Why
//! An authority that a registry trusts issues certificates to web servers, gateways, time stamping authorities and
//! programmers as well as to persons. Each says what it is for, and none but those meant for persons and seals speaks for
//! anybody. So every purpose that a certificate states must be known to stand in those of persons and seals, and one of
//! them must be for signing; a purpose that is not known, or is a machine's, refuses the certificate whatever stands
//! beside it: web servers' and gateways' have had `clientAuth` beside theirs for decades. `anyExtendedKeyUsage` alone
//! says nothing, and stands beside others in FNMT-RCM's older seals.
//!
//! An authority below the anchor that states purposes issues for no others, as programs practise it (RFC 5280 speaks of
//! certificates of holders only): what it limits itself to, or was limited to, a certificate of its cannot widen. What an
//! anchor states limits nobody: it was chosen.

use super::asn1::{Reader, tag};
use super::certificate::Certificate;
use super::chain::Path;
use super::{identity, oid};

/// Of whom it is that a purpose stands in certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// Persons and seals, who sign by it.
    Signer,
    /// Persons, beside a purpose to sign.
    Person,
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

/// The purposes that are known. Persons' and seals' certificates of FNMT-RCM, the national identity card's for
/// authentication, ACCV, Camerfirma, Izenpe and Firmaprofesional, and the administration's profiles (Perfiles de
/// certificados electrónicos 2.0, 2016, for seals and public employees) have `clientAuth`, `emailProtection`, both, or
/// none at all (the national identity card's for signing); beside them those of a card that opens a session, and of files.
const PURPOSES: &[Purpose] = &[
    Purpose { oid: oid::EKU_CLIENT_AUTH, name: "clientAuth", holder: Holder::Signer },
    Purpose { oid: oid::EKU_EMAIL_PROTECTION, name: "emailProtection", holder: Holder::Signer },
    // RFC 9336, and what was used for the same before it.
    Purpose { oid: oid::EKU_DOCUMENT_SIGNING, name: "documentSigning", holder: Holder::Signer },
    Purpose { oid: oid::EKU_ADOBE_DOCUMENTS, name: "Adobe's authenticDocumentsTrust", holder: Holder::Signer },
    Purpose { oid: oid::EKU_MICROSOFT_DOCUMENTS, name: "Microsoft's documentSigning", holder: Holder::Signer },
    Purpose { oid: oid::EKU_ANY, name: "anyExtendedKeyUsage", holder: Holder::Person },
    Purpose { oid: oid::EKU_MICROSOFT_LOGON, name: "Microsoft's smartcardLogon", holder: Holder::Person },
    Purpose { oid: oid::EKU_MICROSOFT_FILES, name: "Microsoft's encryptedFileSystem", holder: Holder::Person },
    // RFC 4556 § 3.2.2.
    Purpose { oid: oid::EKU_PKINIT_CLIENT, name: "pkinitClientAuth", holder: Holder::Person },
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
pub fn check_signer(certificate: &Certificate<'_>, path: &Path, signed: Use) -> Result<(), String> {
    if !certificate.may_sign() {
        return Err("keyUsage has neither digitalSignature nor nonRepudiation".into());
    }
    match signed {
        Use::Documents => {}
        Use::TrustedLists => return Ok(()),
        Use::Timestamps => return check_stamper(path),
    }
    if identity::is_for_a_web_site(certificate) {
        return Err("the certificate states that it is a web site's".into());
    }
    no_host(certificate)?;
    let signs: Vec<&[u8]> =
        PURPOSES.iter().filter(|purpose| purpose.holder == Holder::Signer).map(|purpose| purpose.oid).collect();
    let Some(stated) = stated(certificate) else { return check_authorities(path, &signs) };
    only_persons(&stated)?;
    let signs: Vec<&[u8]> = signs.into_iter().filter(|purpose| stated.contains(purpose)).collect();
    if signs.is_empty() {
        return Err(format!("extendedKeyUsage has no purpose of persons or seals: it is for {}", names(&stated)));
    }
    check_authorities(path, &signs)
}

/// Whether the authorities of the path may issue to who stamps time.
///
/// # Errors
/// Why they may not.
pub fn check_stamper(path: &Path) -> Result<(), String> {
    check_authorities(path, &[oid::EKU_TIME_STAMPING])
}

/// Whether the holder's key may show who opens a TLS connection (RFC 5280 § 4.2.1.12: `clientAuth`).
///
/// # Errors
/// Why it may not.
pub fn check_client(certificate: &Certificate<'_>) -> Result<(), String> {
    if !certificate.may_authenticate() {
        return Err("keyUsage has no digitalSignature".into());
    }
    if identity::is_for_a_web_site(certificate) {
        return Err("the certificate states that it is a web site's".into());
    }
    no_host(certificate)?;
    let stated = stated(certificate).unwrap_or_default();
    only_persons(&stated)?;
    if stated.contains(&oid::EKU_CLIENT_AUTH) {
        return Ok(());
    }
    Err("extendedKeyUsage has no clientAuth".into())
}

/// Whether the authorities of the path may issue to who opens TLS connections.
///
/// # Errors
/// Why they may not.
pub fn check_client_path(path: &Path) -> Result<(), String> {
    check_authorities(path, &[oid::EKU_CLIENT_AUTH])
}

/// Whether every authority below the anchor may issue for one of these purposes, the same for all.
fn check_authorities(path: &Path, purposes: &[&[u8]]) -> Result<(), String> {
    let mut purposes = purposes.to_vec();
    for der in path.authorities() {
        let unreadable = |_| "an authority of the path cannot be read".to_owned();
        let authority = Certificate::read(&der).map_err(unreadable)?;
        let Some(stated) = stated(&authority) else { continue };
        if stated.contains(&oid::EKU_ANY) {
            continue;
        }
        purposes.retain(|purpose| stated.contains(purpose));
        if purposes.is_empty() {
            let stated = names(&stated);
            return Err(format!("an authority of the path may not issue such certificates: it is for {stated}"));
        }
    }
    Ok(())
}

/// Whether it names no host: a certificate that does is a machine's, whatever it is for.
fn no_host(certificate: &Certificate<'_>) -> Result<(), String> {
    // GeneralName (RFC 5280 § 4.2.1.6): dNSName and iPAddress.
    const HOSTS: [u8; 2] = [tag::context(2), tag::context(7)];
    let Some(extension) = certificate.extension(oid::SUBJECT_ALT_NAME) else { return Ok(()) };
    let unreadable = |_| "subjectAltName cannot be read".to_owned();
    let mut list = Reader::new(extension.value).sequence().map_err(unreadable)?;
    while !list.is_empty() {
        if HOSTS.contains(&list.element().map_err(unreadable)?.tag) {
            return Err("subjectAltName has the name of a host: the certificate is a machine's".into());
        }
    }
    Ok(())
}

fn only_persons(stated: &[&[u8]]) -> Result<(), String> {
    for oid in stated {
        match known(oid) {
            Some(Purpose { holder: Holder::Signer | Holder::Person, .. }) => {}
            Some(purpose) => {
                return Err(format!("extendedKeyUsage has {}: the certificate is a machine's", purpose.name));
            }
            None => {
                let oid = oid::dotted(oid);
                return Err(format!("extendedKeyUsage has {oid}, which stands in no certificate of persons or seals"));
            }
        }
    }
    Ok(())
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
