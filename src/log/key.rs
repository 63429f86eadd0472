//! Who signs: names, verifier keys as text, and signing keys (C2SP signed-note; Ed25519, RFC 8032).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::{Signer, Verifier};

/// The longest verifier key as text, in bytes, that is read. C2SP sets no bound.
const MAX_KEY: usize = 1024;

/// Why a name or a key is none.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The name is empty, or has a space, a plus sign or a control character.
    #[error("a key has a name without spaces, plus signs and control characters")]
    Name,
    /// Not `name+identifier+key`.
    #[error("a verifier key is name+identifier+key: eight lower-case hexadecimal digits, and base64")]
    Format,
    /// A kind of signature that is not spoken here.
    #[error("signatures of kind {0:#04x} are not spoken here, only Ed25519 (0x01) and its cosignatures (0x04)")]
    Kind(u8),
    /// The identifier does not follow from name and key.
    #[error("the identifier does not belong to this name and key")]
    Identifier,
    /// The key is for the other kind of signature.
    #[error("this key signs {0:?} alone")]
    Purpose(SignatureKind),
    /// The private key is for something else.
    #[error("the private key is not for Ed25519")]
    Private,
    /// OpenSSL failed.
    #[error(transparent)]
    OpenSsl(#[from] ErrorStack),
}

/// The name of a key: by custom a URL without scheme, such as `registro.example.org/libro`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyName(String);

impl FromStr for KeyName {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // Of control characters only those that no note may have: all others are a matter of taste (C2SP).
        let bad = |letter: char| letter.is_whitespace() || letter < ' ' || letter == '+';
        if text.is_empty() || text.contains(bad) { Err(KeyError::Name) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl AsRef<str> for KeyName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// What a key signs. One key signs one kind: the two would read each other's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureKind {
    /// The text of a note: what a log signs its checkpoints with.
    Ed25519,
    /// A checkpoint with a time: what a witness signs (C2SP tlog-cosignature).
    Cosignature,
}

impl SignatureKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// Four bytes that, with the name, tell which key made a signature. No hash to rely on: others can make one that collides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    fn of(name: &KeyName, kind: SignatureKind, public: &[u8; 32]) -> Self {
        let mut hash = openssl::sha::Sha256::new();
        hash.update(name.0.as_bytes());
        hash.update(&[b'\n', kind.byte()]);
        hash.update(public);
        let [first, second, third, fourth, ..] = hash.finish();
        Self([first, second, third, fourth])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// What somebody who checks signatures was given beforehand. As text a "vkey", such as
/// `example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    kind: SignatureKind,
    public: [u8; 32],
    id: KeyId,
}

impl VerifierKey {
    /// A key by its 32 bytes (RFC 8032 § 5.1.5).
    #[must_use]
    pub fn new(name: KeyName, kind: SignatureKind, public: [u8; 32]) -> Self {
        let id = KeyId::of(&name, kind, &public);
        Self { name, kind, public, id }
    }

    /// Whose it is.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// What it signs.
    #[must_use]
    pub const fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// Its identifier.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Whether these 64 bytes are its signature over the message; never for a key that is no point of the curve.
    pub(super) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        let check = || -> Result<bool, ErrorStack> {
            let key = PKey::public_key_from_raw_bytes(&self.public, Id::ED25519)?;
            Verifier::new_without_digest(&key)?.verify_oneshot(signature, message)
        };
        // An error of OpenSSL here says that the signature cannot be one, such as by its length.
        signature.len() == 64 && check().unwrap_or(false)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut material = [self.kind.byte(); 33];
        material[1..].copy_from_slice(&self.public);
        write!(out, "{}+{}+{}", self.name, self.id, STANDARD.encode(material))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_KEY {
            return Err(KeyError::Format);
        }
        // Base64 has plus signs, too: the first two part the fields.
        let mut fields = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(KeyError::Format);
        };
        let material = STANDARD.decode(material).map_err(|_| KeyError::Format)?;
        let (&kind, public) = material.split_first().ok_or(KeyError::Format)?;
        let kind = match kind {
            0x01 => SignatureKind::Ed25519,
            0x04 => SignatureKind::Cosignature,
            other => return Err(KeyError::Kind(other)),
        };
        let public = public.try_into().map_err(|_| KeyError::Format)?;
        let key = Self::new(name.parse()?, kind, public);
        if id.len() != 8 || id.bytes().any(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(KeyError::Format);
        }
        if key.id.to_string() == id { Ok(key) } else { Err(KeyError::Identifier) }
    }
}

/// A name and the private key that signs for it. Says nothing of the key when printed.
#[derive(Clone)]
pub struct SigningKey {
    verifier: VerifierKey,
    private: PKey<Private>,
}

impl SigningKey {
    /// Gives a private key a name and a purpose.
    ///
    /// # Errors
    /// When the key is not for Ed25519.
    pub fn new(name: KeyName, kind: SignatureKind, private: PKey<Private>) -> Result<Self, KeyError> {
        if private.id() != Id::ED25519 {
            return Err(KeyError::Private);
        }
        let public = private.raw_public_key()?.try_into().map_err(|_| KeyError::Private)?;
        Ok(Self { verifier: VerifierKey::new(name, kind, public), private })
    }

    /// The same from the 32 secret bytes (RFC 8032 § 5.1.5).
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn from_seed(name: KeyName, kind: SignatureKind, seed: &[u8; 32]) -> Result<Self, KeyError> {
        Self::new(name, kind, PKey::private_key_from_raw_bytes(seed, Id::ED25519)?)
    }

    /// What to give to those who check.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs, when the key is for this kind: the same message always with the same 64 bytes.
    pub(super) fn sign(&self, kind: SignatureKind, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        if self.verifier.kind != kind {
            return Err(KeyError::Purpose(self.verifier.kind));
        }
        Ok(Signer::new_without_digest(&self.private)?.sign_oneshot_to_vec(message)?)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SigningKey({})", self.verifier)
    }
}
