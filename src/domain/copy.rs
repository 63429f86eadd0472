//! Authentic copies that an office makes of paper (Ley 39/2015 art. 27), with the metadata that the National
//! Interoperability Scheme wants of a document (Resolution of 19 July 2011 on electronic documents, annex I), named in its
//! schemas `metadatosDocumentoEni.xsd` and `firmasEni.xsd`. Copies made by versions before these fields were kept lack
//! `VersionNTI` and those of the verification code: a record stays as it was written.

use utoipa::ToSchema;
use uuid::Uuid;

use super::code_list::{code_list, exchange_codes};

code_list! {
    /// Who a document is from (`OrigenCiudadanoAdministracion`).
    #[schema(example = "citizen")]
    DocumentOrigin {
        /// A citizen.
        Citizen = "citizen",
        /// A public body.
        Administration = "administration",
    }
}
exchange_codes! { DocumentOrigin { Citizen = "0", Administration = "1" } }

/// The minimum metadata of an authentic copy, and who made it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct AuthenticCopy {
    /// `VersionNTI`: the version of the technical standard that this metadata follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "http://administracionelectronica.gob.es/ENI/XSD/v1.0/documento-e", nullable = false)]
    pub standard: Option<String>,
    /// `Identificador`: country, body, year and thirty characters.
    #[schema(example = "ES_L01290080_2026_0000017V3K2M9Q4Z8X6B1D5F7H0J2N", max_length = 52)]
    pub identifier: String,
    /// `Organo`: the DIR3 code of the body.
    #[schema(example = "L01290080")]
    pub body: String,
    /// `FechaCaptura`: when the copy came to the registry (RFC 3339).
    #[schema(example = "2026-03-02T09:30:00.123456+01:00", format = DateTime)]
    pub captured_at: String,
    /// `OrigenCiudadanoAdministracion`: of what was copied.
    pub origin: DocumentOrigin,
    /// `EstadoElaboracion`: `EE03`, an authentic electronic copy of a document on paper.
    #[schema(example = "EE03")]
    pub elaboration: String,
    /// `NombreFormato`: the extension of the file's name.
    #[schema(example = "PDF")]
    pub format: String,
    /// `TipoDocumental`: `TD99`, other.
    #[schema(example = "TD99")]
    pub document_type: String,
    /// `TipoFirma`: `TF01`, the verification code of the entry's receipt, which the entity seals with the hash of the copy.
    #[schema(example = "TF01")]
    pub signature_type: String,
    /// `ValorCSV`: that code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "7K3M9Q4Z8X6B1D5F7H0J2N4P6R", nullable = false)]
    pub csv: Option<String>,
    /// `RegulacionGeneracionCSV`: the rule of the body that governs such codes (`entity.csv_regulation`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ordenanza 3/2024, art. 31", max_length = 160, nullable = false)]
    pub csv_regulation: Option<String>,
    /// The official who made it.
    #[schema(example = "María Ruiz Vega", max_length = 160)]
    pub made_by: String,
    /// Their post.
    #[schema(example = "Auxiliar administrativa", max_length = 160)]
    pub post: String,
}

impl AuthenticCopy {
    /// `VersionNTI`.
    pub const STANDARD: &'static str = "http://administracionelectronica.gob.es/ENI/XSD/v1.0/documento-e";
    /// `EE03`: an authentic electronic copy of paper.
    pub const OF_PAPER: &'static str = "EE03";
    /// `TD99`: other.
    pub const OTHER: &'static str = "TD99";
    /// `TF01`: a verification code.
    pub const BY_CODE: &'static str = "TF01";

    /// The identifier of a document of this body and year.
    #[must_use]
    pub fn identifier(body: &str, year: i32, document: Uuid) -> String {
        const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut rest = document.as_u128();
        let mut digits = [b'0'; 30];
        // 128 bits are 25 of them at most.
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[usize::try_from(rest % 36).unwrap_or_default()];
            rest /= 36;
        }
        format!("ES_{body}_{year}_{}", String::from_utf8_lossy(&digits))
    }

    /// The format that a file's name tells: its extension in capitals, or the name of none.
    #[must_use]
    pub fn format(filename: &str) -> String {
        let extension = filename.rsplit_once('.').map_or("", |(_, extension)| extension);
        extension.chars().take(20).collect::<String>().to_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_thirty_characters_of_its_own() {
        let identifier = AuthenticCopy::identifier("L01290075", 2026, Uuid::max());
        assert_eq!(identifier, "ES_L01290075_2026_00000F5LXX1ZZ5PNORYNQGLHZMSP33");
        let (_, own) = identifier.rsplit_once('_').unwrap();
        assert_eq!((own.len(), identifier.len()), (30, 48));
        assert_ne!(identifier, AuthenticCopy::identifier("L01290075", 2026, Uuid::nil()));
    }

    #[test]
    fn the_format_is_the_extension() {
        assert_eq!(AuthenticCopy::format("título.pdf"), "PDF");
        assert_eq!(AuthenticCopy::format("título"), "");
    }
}
