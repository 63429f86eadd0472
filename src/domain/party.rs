//! Who submits: interested parties and those who act for them.

use super::Country;
use super::code_list::{code_list, exchange_codes};

code_list! {
    /// Whether somebody is a person or a body (SICRES 4.0 `Tipo_Persona`).
    #[schema(example = "natural")]
    PersonType {
        /// A natural person: needs given name and first surname.
        Natural = "natural",
        /// A legal person, or a body without legal personality: needs a company name.
        Legal = "legal",
    }
}
exchange_codes! { PersonType { Natural = "1", Legal = "2" } }

code_list! {
    /// What kind of identifier somebody gave (SICRES `Tipo_Documento_Identificacion`).
    #[schema(example = "nif")]
    IdType {
        /// NIF of a natural person: DNI number and letter, or K, L, M.
        Nif = "nif",
        /// NIF of a body, still called CIF by the standard.
        Cif = "cif",
        /// A passport.
        Passport = "passport",
        /// NIE, the number of a foreigner.
        Nie = "nie",
        /// Any other document.
        Other = "other",
        /// The DIR3 code of a public body.
        Dir3 = "dir3",
    }
}
exchange_codes! { IdType { Nif = "N", Cif = "C", Passport = "P", Nie = "E", Other = "X", Dir3 = "O" } }

code_list! {
    /// How somebody wants to be notified (SICRES 4.0 `Canal_Preferente_Notificacion`).
    #[schema(example = "electronic")]
    NotificationChannel {
        /// By post; refused for those who must deal electronically (Ley 39/2015 art. 14.2).
        Paper = "paper",
        /// At the electronic office.
        Electronic = "electronic",
    }
}
exchange_codes! { NotificationChannel { Paper = "1", Electronic = "2" } }

code_list! {
    /// What shows that a representative may act (Ley 39/2015 art. 5.4, RD 203/2021 arts. 32 to 35).
    #[schema(example = "apud_acta")]
    AuthorityKind {
        /// Granted before the office, in person or electronically.
        ApudActa = "apud_acta",
        /// Recorded in an electronic register of powers.
        Register = "register",
        /// A document that comes with the submission.
        Document = "document",
        /// The certificate of representation it was signed with.
        Certificate = "certificate",
    }
}

/// Somebody, as SICRES 4.0 `Datos_Persona` has them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Person {
    /// Told by the id where it can be.
    pub person_type: PersonType,
    /// Which list the id is from.
    pub id_type: IdType,
    /// The identifier, upper-case and without separators; check characters hold.
    #[schema(example = "00000000T", max_length = 256)]
    pub id: String,
    /// The country that gave the id. Absent for those that Spain gives, and where nobody stated it: then nobody is known
    /// by that id for certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "PT", nullable = false)]
    pub id_country: Option<Country>,
    /// `Razon_Social`; there for every legal person.
    #[schema(example = "Construcciones Ejemplo, S.L.", max_length = 80)]
    pub company_name: Option<String>,
    /// `Nombre`; there for every natural person.
    #[schema(example = "Ana", max_length = 30)]
    pub given_name: Option<String>,
    /// `Primer_Apellido`; there for every natural person.
    #[schema(example = "García", max_length = 30)]
    pub first_surname: Option<String>,
    /// `Segundo_Apellido`.
    #[schema(example = "López", max_length = 30)]
    pub second_surname: Option<String>,
    /// `Correo_Electronico`, for notices.
    #[schema(example = "ana@example.org", max_length = 160)]
    pub email: Option<String>,
    /// `Telefono_Movil`, for notices by SMS.
    #[schema(example = "600000000", max_length = 20)]
    pub mobile: Option<String>,
    /// `Telefono_Fijo`.
    #[schema(example = "952000000", max_length = 20)]
    pub landline: Option<String>,
    /// How they want to be notified; null when they did not say.
    pub notification_channel: Option<NotificationChannel>,
    /// `Receptor_Notificaciones`: whether notifications go to them. Where nobody says so, to the first
    /// interested party (Ley 39/2015 art. 7).
    #[schema(example = true)]
    pub receives_notifications: bool,
    /// Where they can be written to.
    pub address: Option<Address>,
    /// `Solicita_aviso_SMS`: whether they want to be told of notifications by SMS; absent where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = true, nullable = false)]
    pub sms_notice: Option<bool>,
    /// `Solicita_aviso_correo`: the same by e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = true, nullable = false)]
    pub email_notice: Option<bool>,
    /// `Codigo_Directorio_Unificado`: the code of a body in the common directory; absent where nobody stated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "L01290080", max_length = 21, nullable = false)]
    pub directory_code: Option<String>,
    /// `Observaciones`; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Firma también su cónyuge", max_length = 160, nullable = false)]
    pub remarks: Option<String>,
}

/// An interested party (Ley 39/2015 art. 4), with who acts for it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Party {
    /// The party itself; in JSON its fields stand directly in the party.
    #[serde(flatten)]
    pub person: Person,
    /// Who acts for it (art. 5).
    pub representative: Option<Box<Representative>>,
}

/// Who acts for an interested party.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Representative {
    /// The representative; in JSON its fields stand directly in the representative.
    #[serde(flatten)]
    pub person: Person,
    /// What shows that it may.
    pub authority: Option<Authority>,
}

/// What shows that a representative may act.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Authority {
    /// Which proof it is.
    pub kind: AuthorityKind,
    /// Its number or name in that register, or the part of the document.
    #[schema(example = "2026/000345", max_length = 160)]
    pub reference: Option<String>,
}

/// A postal address (SICRES 4.0 `Direccion_Postal`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Address {
    /// ISO 3166-1 numeric code; Spain is 724.
    #[schema(example = "724", pattern = "^[0-9]{3}$")]
    pub country: String,
    /// Province, INE code of two digits.
    #[schema(example = "29", max_length = 2)]
    pub province: Option<String>,
    /// Municipality, INE code of five digits, which begins with the province's.
    #[schema(example = "29007", max_length = 5)]
    pub municipality: Option<String>,
    /// Street, number, floor and door.
    #[schema(example = "Calle Mayor 1", max_length = 160)]
    pub street: Option<String>,
    /// Postcode.
    #[schema(example = "29130", max_length = 5)]
    pub postcode: Option<String>,
}

impl Person {
    /// The name to show: the company's, or given name and surnames.
    #[must_use]
    pub fn display_name(&self) -> String {
        let company = self.company_name.as_deref();
        let names = [&self.given_name, &self.first_surname, &self.second_surname];
        let natural = names.into_iter().filter_map(|name| name.as_deref()).collect::<Vec<_>>().join(" ");
        match (self.person_type, company) {
            (PersonType::Legal, Some(company)) => company.to_owned(),
            (PersonType::Natural, Some(company)) if natural.is_empty() => company.to_owned(),
            _ => natural,
        }
    }
}

/// A party is read as the person it is.
impl std::ops::Deref for Party {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.person
    }
}

/// A representative is read as the person it is.
impl std::ops::Deref for Representative {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.person
    }
}
