//! Object identifiers, as the bytes that stand in a DER encoding.
//!
//! # Why
//! Comparing content bytes needs no allocation and no table look-up; the numbers stand here once, readable,
//! and are encoded when the program is compiled.
#![expect(clippy::unreadable_literal, reason = "an arc is written as every standard writes it")]

/// How many bytes the arcs take (X.690 § 8.19).
const fn encoded_len(arcs: &[u32]) -> usize {
    let mut len = 1;
    let mut i = 2;
    while i < arcs.len() {
        let mut rest = arcs[i] >> 7;
        len += 1;
        while rest > 0 {
            len += 1;
            rest >>= 7;
        }
        i += 1;
    }
    len
}

#[expect(clippy::cast_possible_truncation, reason = "each value is masked to seven bits, the first is below 128")]
const fn encode<const N: usize>(arcs: &[u32]) -> [u8; N] {
    let mut out = [0; N];
    out[0] = (arcs[0] * 40 + arcs[1]) as u8;
    let mut at = 1;
    let mut i = 2;
    while i < arcs.len() {
        let mut groups = 1;
        while groups < 5 && arcs[i] >> (7 * groups) > 0 {
            groups += 1;
        }
        while groups > 0 {
            groups -= 1;
            let more = if groups > 0 { 0x80 } else { 0 };
            out[at] = ((arcs[i] >> (7 * groups)) & 0x7f) as u8 | more;
            at += 1;
        }
        i += 1;
    }
    out
}

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $($arc:literal)+;)+) => {
        $($(#[$doc])* pub const $name: &[u8] = {
            const ARCS: &[u32] = &[$($arc),+];
            const BYTES: [u8; encoded_len(ARCS)] = encode(ARCS);
            &BYTES
        };)+
    };
}

oids! {
    // Content types, RFC 5652 § 4 and 5.1, RFC 3161 § 2.4.2.
    DATA = 1 2 840 113549 1 7 1;
    SIGNED_DATA = 1 2 840 113549 1 7 2;
    TST_INFO = 1 2 840 113549 1 9 16 1 4;

    // Signed and unsigned attributes, RFC 5652 § 11, RFC 5035, EN 319 122-1.
    CONTENT_TYPE = 1 2 840 113549 1 9 3;
    MESSAGE_DIGEST = 1 2 840 113549 1 9 4;
    SIGNING_TIME = 1 2 840 113549 1 9 5;
    COUNTER_SIGNATURE = 1 2 840 113549 1 9 6;
    ALGORITHM_PROTECTION = 1 2 840 113549 1 9 52;
    SIGNING_CERTIFICATE = 1 2 840 113549 1 9 16 2 12;
    SIGNING_CERTIFICATE_V2 = 1 2 840 113549 1 9 16 2 47;
    SIGNATURE_TIMESTAMP = 1 2 840 113549 1 9 16 2 14;
    CONTENT_TIMESTAMP = 1 2 840 113549 1 9 16 2 20;
    REVOCATION_VALUES = 1 2 840 113549 1 9 16 2 24;
    CONTENT_HINTS = 1 2 840 113549 1 9 16 2 4;
    CONTENT_IDENTIFIER = 1 2 840 113549 1 9 16 2 7;
    CONTENT_REFERENCE = 1 2 840 113549 1 9 16 2 10;
    SIGNATURE_POLICY = 1 2 840 113549 1 9 16 2 15;
    COMMITMENT_TYPE = 1 2 840 113549 1 9 16 2 16;
    SIGNER_LOCATION = 1 2 840 113549 1 9 16 2 17;
    SIGNER_ATTRIBUTES = 1 2 840 113549 1 9 16 2 18;
    CERTIFICATE_REFERENCES = 1 2 840 113549 1 9 16 2 21;
    REVOCATION_REFERENCES = 1 2 840 113549 1 9 16 2 22;
    CERTIFICATE_VALUES = 1 2 840 113549 1 9 16 2 23;
    CADES_C_TIMESTAMP = 1 2 840 113549 1 9 16 2 25;
    REFERENCES_TIMESTAMP = 1 2 840 113549 1 9 16 2 26;
    ARCHIVE_TIMESTAMP = 1 2 840 113549 1 9 16 2 27;
    ATTRIBUTE_CERTIFICATE_REFERENCES = 1 2 840 113549 1 9 16 2 44;
    ATTRIBUTE_REVOCATION_REFERENCES = 1 2 840 113549 1 9 16 2 45;
    ARCHIVE_TIMESTAMP_V2 = 1 2 840 113549 1 9 16 2 48;
    MIME_TYPE = 0 4 0 1733 2 1;
    SIGNER_ATTRIBUTES_V2 = 0 4 0 19122 1 1;
    SIGNATURE_POLICY_STORE = 0 4 0 19122 1 3;
    ARCHIVE_TIMESTAMP_V3 = 0 4 0 1733 2 4;
    ATS_HASH_INDEX = 0 4 0 1733 2 5;
    ATS_HASH_INDEX_V3 = 0 4 0 19122 1 5;
    /// Adobe's: the same values, in a signed attribute (ISO 32000-1 § 12.8.3.3.2).
    ADOBE_REVOCATION = 1 2 840 113583 1 1 8;

    // Revocation: RFC 5280 § 4.2.2.1, 5.2 and 5.3, RFC 5940 § 2.1, RFC 6960 § 4, RFC 9608, EN 319 412-1 § 5.2.
    AUTHORITY_INFORMATION = 1 3 6 1 5 5 7 1 1;
    ACCESS_OCSP = 1 3 6 1 5 5 7 48 1;
    ACCESS_ISSUERS = 1 3 6 1 5 5 7 48 2;
    OCSP_BASIC = 1 3 6 1 5 5 7 48 1 1;
    OCSP_NONCE = 1 3 6 1 5 5 7 48 1 2;
    OCSP_NO_CHECK = 1 3 6 1 5 5 7 48 1 5;
    OCSP_ARCHIVE_CUTOFF = 1 3 6 1 5 5 7 48 1 6;
    OCSP_IN_CMS = 1 3 6 1 5 5 7 16 2;
    CRL_REASON = 2 5 29 21;
    CRL_DISTRIBUTION_POINT = 2 5 29 28;
    CRL_DISTRIBUTION_POINTS = 2 5 29 31;
    CRL_DELTA = 2 5 29 27;
    CRL_NUMBER = 2 5 29 20;
    CRL_KEEPS_EXPIRED = 2 5 29 60;
    AUTHORITY_KEY_IDENTIFIER = 2 5 29 35;
    NO_REVOCATION = 2 5 29 56;
    SHORT_TERM = 0 4 0 194121 2 1;

    // Digests, RFC 3370, RFC 5754, RFC 8702 and the NIST register.
    MD5 = 1 2 840 113549 2 5;
    SHA1 = 1 3 14 3 2 26;
    SHA224 = 2 16 840 1 101 3 4 2 4;
    SHA256 = 2 16 840 1 101 3 4 2 1;
    SHA384 = 2 16 840 1 101 3 4 2 2;
    SHA512 = 2 16 840 1 101 3 4 2 3;
    SHA3_224 = 2 16 840 1 101 3 4 2 7;
    SHA3_256 = 2 16 840 1 101 3 4 2 8;
    SHA3_384 = 2 16 840 1 101 3 4 2 9;
    SHA3_512 = 2 16 840 1 101 3 4 2 10;

    // Signatures: RFC 8017 appendix C, RFC 5758, RFC 8410, BSI TR-03111, NIST.
    RSA = 1 2 840 113549 1 1 1;
    MD5_RSA = 1 2 840 113549 1 1 4;
    SHA1_RSA = 1 2 840 113549 1 1 5;
    MGF1 = 1 2 840 113549 1 1 8;
    RSA_PSS = 1 2 840 113549 1 1 10;
    SHA256_RSA = 1 2 840 113549 1 1 11;
    SHA384_RSA = 1 2 840 113549 1 1 12;
    SHA512_RSA = 1 2 840 113549 1 1 13;
    SHA224_RSA = 1 2 840 113549 1 1 14;
    SHA3_224_RSA = 2 16 840 1 101 3 4 3 13;
    SHA3_256_RSA = 2 16 840 1 101 3 4 3 14;
    SHA3_384_RSA = 2 16 840 1 101 3 4 3 15;
    SHA3_512_RSA = 2 16 840 1 101 3 4 3 16;
    /// The pre-RFC 3279 name of SHA-1 with RSA, still seen in old Windows signatures.
    SHA1_RSA_OIW = 1 3 14 3 2 29;
    EC_PUBLIC_KEY = 1 2 840 10045 2 1;
    // Curves: RFC 5480 § 2.1.1.1, SEC 2; those of RFC 5639 § 4.1 are the arc above the curve.
    SECP192R1 = 1 2 840 10045 3 1 1;
    SECP224R1 = 1 3 132 0 33;
    SECP256R1 = 1 2 840 10045 3 1 7;
    SECP256K1 = 1 3 132 0 10;
    SECP384R1 = 1 3 132 0 34;
    SECP521R1 = 1 3 132 0 35;
    BRAINPOOL = 1 3 36 3 3 2 8 1 1;
    SHA1_ECDSA = 1 2 840 10045 4 1;
    SHA224_ECDSA = 1 2 840 10045 4 3 1;
    SHA256_ECDSA = 1 2 840 10045 4 3 2;
    SHA384_ECDSA = 1 2 840 10045 4 3 3;
    SHA512_ECDSA = 1 2 840 10045 4 3 4;
    SHA3_224_ECDSA = 2 16 840 1 101 3 4 3 9;
    SHA3_256_ECDSA = 2 16 840 1 101 3 4 3 10;
    SHA3_384_ECDSA = 2 16 840 1 101 3 4 3 11;
    SHA3_512_ECDSA = 2 16 840 1 101 3 4 3 12;
    SHA1_ECDSA_PLAIN = 0 4 0 127 0 7 1 1 4 1 1;
    SHA224_ECDSA_PLAIN = 0 4 0 127 0 7 1 1 4 1 2;
    SHA256_ECDSA_PLAIN = 0 4 0 127 0 7 1 1 4 1 3;
    SHA384_ECDSA_PLAIN = 0 4 0 127 0 7 1 1 4 1 4;
    SHA512_ECDSA_PLAIN = 0 4 0 127 0 7 1 1 4 1 5;
    SHA1_DSA = 1 2 840 10040 4 3;
    SHA256_DSA = 2 16 840 1 101 3 4 3 2;
    ED25519 = 1 3 101 112;
    ED448 = 1 3 101 113;

    // Names, X.520 and EN 319 412-1 § 5.1.
    COMMON_NAME = 2 5 4 3;
    SURNAME = 2 5 4 4;
    SERIAL_NUMBER = 2 5 4 5;
    COUNTRY = 2 5 4 6;
    ORGANIZATION = 2 5 4 10;
    GIVEN_NAME = 2 5 4 42;
    PSEUDONYM = 2 5 4 65;
    ORGANIZATION_IDENTIFIER = 2 5 4 97;
    /// FNMT's names for a holder's data in `subjectAltName`: the arc above .1 (name) to .7 (entity's NIF).
    FNMT = 1 3 6 1 4 1 5734 1;
    /// The Spanish administration's profile of certificates for seals and public employees: the arc above the kind.
    SPANISH_ADMINISTRATION = 2 16 724 1 3 5;

    // Certificate extensions, RFC 5280 § 4.2, RFC 3739 § 3.2.6, EN 319 412-5.
    SUBJECT_KEY_IDENTIFIER = 2 5 29 14;
    KEY_USAGE = 2 5 29 15;
    SUBJECT_ALT_NAME = 2 5 29 17;
    BASIC_CONSTRAINTS = 2 5 29 19;
    CERTIFICATE_POLICIES = 2 5 29 32;
    ANY_POLICY = 2 5 29 32 0;
    POLICY_MAPPINGS = 2 5 29 33;
    POLICY_CONSTRAINTS = 2 5 29 36;
    INHIBIT_ANY_POLICY = 2 5 29 54;
    EXTENDED_KEY_USAGE = 2 5 29 37;
    // Purposes: RFC 5280 § 4.2.1.12, RFC 9336, TS 119 612 § 5.7.1, and two makers' of programs.
    EKU_ANY = 2 5 29 37 0;
    EKU_SERVER_AUTH = 1 3 6 1 5 5 7 3 1;
    EKU_CLIENT_AUTH = 1 3 6 1 5 5 7 3 2;
    EKU_CODE_SIGNING = 1 3 6 1 5 5 7 3 3;
    EKU_EMAIL_PROTECTION = 1 3 6 1 5 5 7 3 4;
    EKU_TIME_STAMPING = 1 3 6 1 5 5 7 3 8;
    EKU_OCSP_SIGNING = 1 3 6 1 5 5 7 3 9;
    EKU_DOCUMENT_SIGNING = 1 3 6 1 5 5 7 3 36;
    EKU_ADOBE_DOCUMENTS = 1 2 840 113583 1 1 5;
    EKU_MICROSOFT_DOCUMENTS = 1 3 6 1 4 1 311 10 3 12;
    EKU_TSL_SIGNING = 0 4 0 2231 3 0;
    EKU_MICROSOFT_LOGON = 1 3 6 1 4 1 311 20 2 2;
    EKU_MICROSOFT_FILES = 1 3 6 1 4 1 311 10 3 4;
    EKU_PKINIT_CLIENT = 1 3 6 1 5 2 3 4;
    QC_STATEMENTS = 1 3 6 1 5 5 7 1 3;
    QC_COMPLIANCE = 0 4 0 1862 1 1;
    QC_TYPE = 0 4 0 1862 1 6;
    QC_TYPE_ESIGN = 0 4 0 1862 1 6 1;
    QC_TYPE_ESEAL = 0 4 0 1862 1 6 2;
    QC_TYPE_WEB = 0 4 0 1862 1 6 3;
    // Policies of certificates for seals: EN 319 411-2 § 5.3.
    POLICY_QCP_L = 0 4 0 194112 1 1;
    POLICY_QCP_L_QSCD = 0 4 0 194112 1 3;
}

/// The usual dotted form, for messages; bytes that are no identifier come out as hex.
#[must_use]
pub fn dotted(oid: &[u8]) -> String {
    let mut arcs: Vec<u64> = Vec::new();
    let mut value: u64 = 0;
    for &byte in oid {
        if value > u64::MAX >> 8 {
            return hex::encode(oid);
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                let first = (value / 40).min(2);
                arcs.push(first);
                value -= first * 40;
            }
            arcs.push(value);
            value = 0;
        }
    }
    if arcs.is_empty() || oid.last().is_some_and(|last| last & 0x80 != 0) {
        return hex::encode(oid);
    }
    arcs.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encodings_are_those_of_the_standards() {
        assert_eq!(hex::encode(SIGNED_DATA), "2a864886f70d010702");
        assert_eq!(hex::encode(SHA256), "608648016503040201");
        assert_eq!(hex::encode(QC_TYPE_ESEAL), "04008e46010602");
        assert_eq!(hex::encode(ORGANIZATION_IDENTIFIER), "550461");
    }

    #[test]
    fn dotted_reads_back_what_was_written() {
        assert_eq!(dotted(SIGNED_DATA), "1.2.840.113549.1.7.2");
        assert_eq!(dotted(SPANISH_ADMINISTRATION), "2.16.724.1.3.5");
        assert_eq!(dotted(&[0x2a, 0x86]), "2a86");
        assert_eq!(dotted(&[0xff; 40]), hex::encode([0xff; 40]));
    }
}
