//! PEM armour around a CMS (RFC 7468 § 8 and 9), refused when there is anything else around it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why armoured text holds no signature. Each message can be shown to the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Text before the first line of dashes or after the last.
    #[error("there is text outside the PEM block; send the block alone")]
    Around,
    /// `-----BEGIN CERTIFICATE-----`, for instance.
    #[error("the PEM block is a {0}, not a CMS")]
    Label(String),
    /// No `-----END …-----` that matches.
    #[error("the PEM block has no matching END line")]
    Unfinished,
    /// Something between the lines that is no base64.
    #[error("the PEM block holds characters that are not base64")]
    Base64,
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Whether the bytes claim to be PEM: only then does [`decode`] say something useful.
#[must_use]
pub fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(BEGIN.len()).take(4096).any(|window| window == BEGIN.as_bytes())
        && !bytes.starts_with(&[super::asn1::tag::SEQUENCE])
}

/// The bytes inside the one PEM block, labelled `CMS`, `PKCS7` or `PKCS #7 SIGNED DATA`.
///
/// # Errors
/// [`PemError`] says what is wrong in words.
pub fn decode(bytes: &[u8]) -> Result<Vec<u8>, PemError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| PemError::Around)?.trim();
    let after = text.strip_prefix(BEGIN).ok_or(PemError::Around)?;
    let (label, body) = after.split_once(DASHES).ok_or(PemError::Unfinished)?;
    if !matches!(label, "CMS" | "PKCS7" | "PKCS #7 SIGNED DATA") {
        return Err(PemError::Label(label.chars().take(40).collect()));
    }
    let (body, end) = body.split_once(END).ok_or(PemError::Unfinished)?;
    let rest = end.strip_prefix(label).and_then(|end| end.strip_prefix(DASHES)).ok_or(PemError::Unfinished)?;
    if !rest.is_empty() {
        return Err(PemError::Around);
    }
    let compact: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|_| PemError::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_alone_is_read() {
        let pem = b"\n-----BEGIN CMS-----\r\nMAMC\r\nAQU=\r\n-----END CMS-----\r\n";
        assert!(is_pem(pem));
        assert_eq!(decode(pem), Ok(vec![0x30, 3, 2, 1, 5]));
        assert!(decode(b"-----BEGIN PKCS7-----\nMAMCAQU=\n-----END PKCS7-----").is_ok());
    }

    #[test]
    fn anything_else_says_what_is_wrong() {
        let cases: [(&[u8], PemError); 6] = [
            (b"hello\n-----BEGIN CMS-----\nMAMCAQU=\n-----END CMS-----\n", PemError::Around),
            (b"-----BEGIN CMS-----\nMAMCAQU=\n-----END CMS-----\nhello", PemError::Around),
            (b"-----BEGIN CERTIFICATE-----\nMAMC\n-----END CERTIFICATE-----", PemError::Label("CERTIFICATE".into())),
            (b"-----BEGIN CMS-----\nMAMCAQU=\n", PemError::Unfinished),
            (b"-----BEGIN CMS-----\nMAMCAQU=\n-----END PKCS7-----", PemError::Unfinished),
            (b"-----BEGIN CMS-----\nMAM*AQU=\n-----END CMS-----", PemError::Base64),
        ];
        for (pem, error) in cases {
            assert_eq!(decode(pem), Err(error));
        }
    }
}
