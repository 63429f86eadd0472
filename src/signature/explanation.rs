//! Each verdict in a plain sentence, Spanish and English: what a clerk reads to a citizen.
//!
//! # Why
//! The law asks the registry to tell a person why something was not taken, and how to mend it; "indeterminate /
//! `out_of_bounds_no_poe`" tells a person nothing. One sentence says what was found, one what can be done.

use super::verdict::{Cause, Explanation, SubIndication};

/// The sentence for a verdict; no reason means that the signature passed.
#[must_use]
pub fn explain(reason: Option<SubIndication>, cause: Option<Cause>) -> Explanation {
    let (es, en) = match (reason, cause) {
        (None, _) => ("La firma es válida.", "The signature is valid."),
        (Some(_), Some(Cause::OnHold)) => (
            "El certificado está suspendido por quien lo emitió: no sirve para firmar mientras dure la suspensión. Firme con un certificado vigente.",
            "The certificate is suspended by whoever issued it: it cannot be used for signing meanwhile. Please use a valid certificate.",
        ),
        (Some(_), Some(Cause::NotAsked)) => (
            "No hubo tiempo de preguntar si el certificado está revocado. Vuelva a enviarlo dentro de un momento.",
            "There was no time to ask whether the certificate is revoked. Please send it again in a moment.",
        ),
        (Some(_), Some(Cause::TooManyQuestions)) => (
            "Para comprobar esta firma habría que consultar a demasiadas autoridades. Envíe un fichero con menos firmas y sellos de tiempo.",
            "Too many authorities would have to be asked to check this signature. Please send a file with fewer signatures and timestamps.",
        ),
        (Some(_), Some(Cause::TooMuchWork)) => (
            "El fichero trae más firmas, certificados o sellos de tiempo de los que se pueden comprobar. Envíe uno con menos.",
            "The file holds more signatures, certificates or timestamps than can be checked. Please send one with fewer.",
        ),
        (Some(_), Some(Cause::StaleList)) => (
            "La lista de confianza con la que este registro comprueba al emisor del certificado está caducada: no se sabe si sigue reconocido. No depende de quien firma.",
            "The trusted list by which this registry checks the certificate's issuer is out of date: whether it is still recognised is not known. The signer cannot mend that.",
        ),
        (Some(reason), _) => sentences(reason),
    };
    Explanation { es: es.to_owned(), en: en.to_owned() }
}

fn sentences(reason: SubIndication) -> (&'static str, &'static str) {
    match reason {
        SubIndication::FormatFailure => (
            "El fichero de firma no se puede leer: está dañado o no es una firma. Vuelva a firmar y a enviar.",
            "The signature file cannot be read: it is damaged, or it is no signature. Please sign and send again.",
        ),
        SubIndication::HashFailure => (
            "El documento no es el que se firmó: ha cambiado después de la firma, o la firma es de otro documento.",
            "The document is not the one that was signed: it changed afterwards, or the signature belongs to another document.",
        ),
        SubIndication::SigCryptoFailure => (
            "La firma está alterada: no corresponde al certificado con el que dice estar hecha. Vuelva a firmar.",
            "The signature has been altered: it does not match the certificate it claims. Please sign again.",
        ),
        SubIndication::Revoked => (
            "Se firmó con un certificado que ya estaba revocado. Firme con un certificado vigente.",
            "It was signed with a certificate that had already been revoked. Please sign with a valid certificate.",
        ),
        SubIndication::Expired => (
            "Se firmó con un certificado que ya había caducado. Firme con un certificado vigente.",
            "It was signed with a certificate that had already expired. Please sign with a valid certificate.",
        ),
        SubIndication::NotYetValid => (
            "Se firmó antes de que el certificado fuera válido. Firme de nuevo con un certificado vigente.",
            "It was signed before the certificate became valid. Please sign again with a valid certificate.",
        ),
        SubIndication::SigConstraintsFailure => (
            "A la firma le falta, o incumple, un dato que debe llevar. Vuelva a firmar con otro programa de firma.",
            "The signature lacks, or breaks, something it must carry. Please sign again with another signing program.",
        ),
        SubIndication::ChainConstraintsFailure => (
            "El certificado no sirve para firmar documentos. Firme con un certificado de firma.",
            "The certificate is not meant for signing documents. Please use a signing certificate.",
        ),
        SubIndication::CertificateChainGeneralFailure => (
            "No se ha podido comprobar el certificado con el que se firmó.",
            "The certificate that was used for signing could not be checked.",
        ),
        SubIndication::CryptoConstraintsFailure | SubIndication::CryptoConstraintsFailureNoPoe => (
            "La firma usa un método o una clave que ya no se consideran seguros. Firme con un programa o certificado actual.",
            "The signature uses a method or key that is no longer considered safe. Please use a current program or certificate.",
        ),
        SubIndication::PolicyProcessingError | SubIndication::SignaturePolicyNotAvailable => (
            "La firma se remite a unas reglas (política de firma) que no se han podido consultar.",
            "The signature refers to rules (a signature policy) that could not be consulted.",
        ),
        SubIndication::TimestampOrderFailure => (
            "Los sellos de tiempo de la firma se contradicen entre sí.",
            "The timestamps of the signature contradict each other.",
        ),
        SubIndication::NoSigningCertificateFound => (
            "No se encuentra el certificado de quien firmó, o no es el que la firma indica. Vuelva a firmar incluyéndolo.",
            "The signer's certificate is missing, or is not the one the signature names. Please sign again and include it.",
        ),
        SubIndication::NoCertificateChainFound => (
            "El certificado no procede de un prestador en el que este registro confíe.",
            "The certificate does not come from a provider that this registry trusts.",
        ),
        SubIndication::RevokedNoPoe => (
            "El certificado está revocado y nada prueba que se firmara antes. Firme con un certificado vigente.",
            "The certificate is revoked and nothing proves that the signature is older. Please use a valid certificate.",
        ),
        SubIndication::RevokedCaNoPoe => (
            "La autoridad que emitió el certificado está revocada y nada prueba que se firmara antes.",
            "The authority that issued the certificate is revoked and nothing proves that the signature is older.",
        ),
        SubIndication::OutOfBoundsNotRevoked | SubIndication::OutOfBoundsNoPoe => (
            "El certificado ha caducado o aún no es válido, y nada prueba que se firmara mientras lo era.",
            "The certificate has expired or is not yet valid, and nothing proves that it was used while it was.",
        ),
        SubIndication::RevocationOutOfBoundsNoPoe => (
            "Los datos sobre la revocación del certificado proceden de un servicio cuyo certificado no está vigente.",
            "The data on the certificate's revocation come from a service whose own certificate is not valid.",
        ),
        SubIndication::NoPoe => (
            "Nada prueba que la firma existiera cuando su certificado era válido.",
            "Nothing proves that the signature existed while its certificate was valid.",
        ),
        SubIndication::TryLater => (
            "La firma está bien, pero aún no se ha podido saber si el certificado está revocado. Se comprobará más tarde.",
            "The signature is in order, but whether the certificate is revoked could not yet be learned. It will be checked later.",
        ),
        SubIndication::SignedDataNotFound => (
            "La firma está separada del documento y falta el documento que se firmó.",
            "The signature is separate from its document, and the signed document is missing.",
        ),
    }
}
