//! Names of the code lists, dates and sizes in Spanish, as a person reads them on paper.

use chrono::{Datelike as _, Timelike as _};

use super::view::Time;
use crate::domain::time::MONTHS;
use crate::domain::{
    AuthenticationMethod, Authority, AuthorityKind, BookKind, Channel, DocumentKind, MustSubmitElectronically,
    PhysicalDocuments, PresentedAtReason, Transport, Validity,
};

const DAYS: [&str; 7] = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"];

/// Such as "lunes, 2 de marzo de 2026".
pub fn day(at: Time) -> String {
    let weekday = DAYS[usize::try_from(at.weekday().num_days_from_monday()).unwrap_or_default() % 7];
    let month = MONTHS[usize::try_from(at.month0()).unwrap_or_default() % 12];
    format!("{weekday}, {} de {month} de {}", at.day(), at.year())
}

/// Such as "lunes, 2 de marzo de 2026, a las 09:30:00 (UTC+01:00)". A second is what the law counts; the rest of the
/// instant stands in the attached JSON.
pub fn moment(at: Time) -> String {
    format!("{}, a las {:02}:{:02}:{:02} (UTC{})", day(at), at.hour(), at.minute(), at.second(), at.offset())
}

/// Such as "2 de marzo de 2026, a las 09:30:00 (UTC+01:00)".
pub fn short(at: Time) -> String {
    let moment = moment(at);
    moment.split_once(", ").map_or_else(|| moment.clone(), |(_, rest)| rest.to_owned())
}

/// What the paper is called.
pub const fn title(kind: BookKind) -> &'static str {
    match kind {
        BookKind::Incoming => "Recibo de presentación",
        BookKind::Outgoing => "Justificante de salida",
    }
}

/// Bytes, and what that is about: "52.311 bytes (51,1 kB)".
pub fn size(bytes: i64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let whole = grouped(bytes);
    let Ok(bytes) = u64::try_from(bytes) else { return whole + " bytes" };
    if bytes < 1024 {
        return whole + if bytes == 1 { " byte" } else { " bytes" };
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{whole} bytes ({},{} {})", tenths / 10, tenths % 10, UNITS[unit])
}

/// A whole number with a point at every thousand.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len() - at;
        if left.is_multiple_of(3) && out.ends_with(|last: char| last.is_ascii_digit()) {
            out.push('.');
        }
        out.push(digit);
    }
    out
}

pub const fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Electronic => "Electrónica, en la sede electrónica",
        Channel::InPerson => "Presencial, en una oficina de registro",
        Channel::Postal => "Postal",
        Channel::Exchange => "Intercambio con otra administración",
    }
}

/// How the will was proved (art. 10 Ley 39/2015).
pub const fn authentication(method: AuthenticationMethod) -> &'static str {
    match method {
        AuthenticationMethod::Signature => "Firma electrónica de la solicitud",
        AuthenticationMethod::SignedForm => {
            "Formulario firmado electrónicamente; lo demás consta como declarado, no firmado"
        }
        AuthenticationMethod::ClientCertificate => "Identificación con certificado electrónico",
        AuthenticationMethod::EofficeSeal => "Identificación en la sede electrónica, que la acredita con su sello",
    }
}

pub const fn must_submit_electronically(reason: MustSubmitElectronically) -> &'static str {
    match reason {
        MustSubmitElectronically::LegalPerson => "persona jurídica",
        MustSubmitElectronically::Entity => "entidad sin personalidad jurídica",
        MustSubmitElectronically::Professional => "profesional de colegiación obligatoria",
        MustSubmitElectronically::Representative => "representante de una persona obligada",
        MustSubmitElectronically::PublicEmployee => "persona empleada pública",
        MustSubmitElectronically::Regulation => "una norma lo establece",
    }
}

pub const fn physical_documents(what: PhysicalDocuments) -> &'static str {
    match what {
        PhysicalDocuments::RequiredPhysical => "Acompaña documentación física requerida",
        PhysicalDocuments::ComplementaryPhysical => "Acompaña documentación física complementaria",
        PhysicalDocuments::None => "No acompaña documentación física ni otros soportes",
    }
}

/// Why it was presented more than a day before it was registered.
pub fn presented_at_reason(reason: PresentedAtReason) -> &'static str {
    match reason {
        PresentedAtReason::ContingencySlip => "Registrado por contingencia: el registro no estaba disponible",
        PresentedAtReason::Post => "Presentado en una oficina de Correos (artículo 16.4.b de la Ley 39/2015)",
        PresentedAtReason::AnotherRegistry => "Presentado en otro registro (artículo 16.4.a de la Ley 39/2015)",
    }
}

pub const fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Messenger => "Servicio de mensajeros",
        Transport::Post => "Correo postal",
        Transport::CertifiedPost => "Correo postal certificado",
        Transport::Burofax => "Burofax",
        Transport::ByHand => "En mano",
        Transport::Fax => "Fax",
        Transport::Other => "Otro",
        Transport::OtherElectronic => "Otro medio electrónico",
    }
}

pub const fn validity(validity: Validity) -> &'static str {
    match validity {
        Validity::Copy => "copia",
        Validity::CertifiedCopy => "copia compulsada",
        Validity::AuthenticCopy => "copia auténtica",
        Validity::Original => "original",
    }
}

pub const fn kind(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Form => "formulario",
        DocumentKind::Attachment => "adjunto",
        DocumentKind::Internal => "documento interno",
        DocumentKind::Receipt => "recibo",
        DocumentKind::Other => "otro documento",
    }
}

/// By what somebody acts for another (art. 5 Ley 39/2015).
pub fn authority(authority: &Authority) -> String {
    let kind = match authority.kind {
        AuthorityKind::ApudActa => "apoderamiento apud acta",
        AuthorityKind::Register => "inscripción en el registro electrónico de apoderamientos",
        AuthorityKind::Document => "documento acreditativo",
        AuthorityKind::Certificate => "certificado electrónico de representante",
    };
    match &authority.reference {
        Some(reference) => format!("{kind} ({reference})"),
        None => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2026-03-02T09:30:00.123456+01:00", "lunes, 2 de marzo de 2026, a las 09:30:00 (UTC+01:00)")]
    #[case("2026-12-31T23:59:59+00:00", "jueves, 31 de diciembre de 2026, a las 23:59:59 (UTC+00:00)")]
    fn instants(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(moment(text.parse().unwrap()), shown);
    }

    #[rstest]
    #[case(0, "0 bytes")]
    #[case(1, "1 byte")]
    #[case(1023, "1.023 bytes")]
    #[case(52_311, "52.311 bytes (51,0 kB)")]
    #[case(123_456_789, "123.456.789 bytes (117,7 MB)")]
    #[case(i64::MAX, "9.223.372.036.854.775.807 bytes (8388607,9 TB)")]
    #[case(-1500, "-1.500 bytes")]
    fn sizes(#[case] bytes: i64, #[case] shown: &str) {
        assert_eq!(size(bytes), shown);
    }
}
