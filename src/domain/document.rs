//! What a submission says of each document that comes with it.

use std::fmt;
use std::str::FromStr;

use super::Metadata;
use super::code_list::{code_list, exchange_codes};

code_list! {
    /// What a document is a copy of (SICRES 3.0 `Validez_Documento`; metadata in 4.0).
    #[schema(example = "copy")]
    Validity {
        /// A plain copy.
        Copy = "copy",
        /// A copy compared with the original by an official.
        CertifiedCopy = "certified_copy",
        /// An authentic copy (Ley 39/2015 art. 27).
        AuthenticCopy = "authentic_copy",
        /// The original.
        Original = "original",
    }
}
exchange_codes! { Validity { Copy = "01", CertifiedCopy = "02", AuthenticCopy = "03", Original = "04" } }

code_list! {
    /// What a document is in its submission (SICRES 3.0 `Tipo_Documento` and 4.0 `Tipo_Anexo` in one list).
    #[schema(example = "attachment")]
    DocumentKind {
        /// The form itself.
        Form = "form",
        /// A document that comes with it.
        Attachment = "attachment",
        /// A technical file.
        Internal = "internal",
        /// A receipt of a registry.
        Receipt = "receipt",
        /// Anything else.
        Other = "other",
    }
}

impl DocumentKind {
    /// `Tipo_Anexo` of SICRES 4.0, which knows neither form nor internal file: both are `03`, other.
    #[must_use]
    pub const fn exchange_code_4(self) -> &'static str {
        match self {
            Self::Receipt => "01",
            Self::Attachment => "02",
            Self::Form | Self::Internal | Self::Other => "03",
        }
    }

    /// `Tipo_Documento` of SICRES 3.0, which knows neither receipt nor other: both are `03`, internal.
    #[must_use]
    pub const fn exchange_code_3(self) -> &'static str {
        match self {
            Self::Form => "01",
            Self::Attachment => "02",
            Self::Internal | Self::Receipt | Self::Other => "03",
        }
    }
}

/// A SHA-256: 64 lower-case hexadecimal digits in JSON, 32 bytes in the database.
#[derive(Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

/// Not a SHA-256 as the API writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a SHA-256: 64 lower-case hexadecimal digits")]
pub struct NotSha256;

impl fmt::Display for Sha256 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Sha256({self})")
    }
}

impl FromStr for Sha256 {
    type Err = NotSha256;

    fn from_str(text: &str) -> Result<Self, NotSha256> {
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(|_| NotSha256)?;
        // One hash, one spelling: signed text is compared byte for byte.
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) { Err(NotSha256) } else { Ok(Self(digest)) }
    }
}

impl TryFrom<&[u8]> for Sha256 {
    type Error = NotSha256;

    fn try_from(bytes: &[u8]) -> Result<Self, NotSha256> {
        bytes.try_into().map(Self).map_err(|_| NotSha256)
    }
}

impl AsRef<[u8]> for Sha256 {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl serde::Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Sha256 {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("A SHA-256, in lower-case hexadecimal digits."))
            .pattern(Some("^[0-9a-f]{64}$"))
            .examples(["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"])
            .into()
    }
}

impl utoipa::ToSchema for Sha256 {}

/// A document, as its submission names it before its bytes arrive.
///
/// The hash stands in the signed text, so one signature covers every document.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DocumentStatement {
    /// The multipart part that carries its bytes.
    pub part: String,
    /// SICRES `Nombre_Fichero_Anexado`, at most 80.
    pub filename: String,
    /// Of the bytes in that part.
    pub sha256: Sha256,
    /// What the sender says it is (SICRES `Tipo_MIME`, at most 80).
    pub media_type: String,
    /// A heading (SICRES annex `Resumen`, at most 160).
    pub title: Option<String>,
    /// `copy` where nothing is said.
    pub validity: Validity,
    /// `attachment` where nothing is said.
    pub kind: DocumentKind,
    /// The part that carries a detached signature of this document.
    pub signature_part: Option<String>,
    /// SICRES annex `Observaciones`, at most 160.
    pub remarks: Option<String>,
    /// SICRES annex `Codigo_Formulario`, at most 80.
    pub form_code: Option<String>,
    /// SICRES annex `Otros_Metadatos_Generales` and `Otros_Metadatos_Particulares`.
    pub metadata: Option<Metadata>,
}
