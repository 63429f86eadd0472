//! An entry as everybody sees it: answers, lists, receipts and the record kept with its first event.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::attachments::covers;
use crate::domain::copy::AuthenticCopy;
use crate::domain::{
    Address, AuthenticationMethod, Authority, BookKind, Channel, CustodyItem, DocumentKind, ErasureGround, Exchange,
    Metadata, Micros, MustSubmitElectronically, Origin, Party, Person, PhysicalDocuments, PresentedAtReason,
    Quarantine, Representative, Routing, Sha256, Status, Transport, Validity,
};
use crate::signature::{Revocation, Verdict};
use crate::store;
use crate::store::entries::{Belongings, DocumentRow, EntryRow, PartyRow, VerdictRow};

/// An entry of a book (asiento registral). Times are RFC 3339 in the entity's zone.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Its id, for addresses.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01")]
    pub id: Uuid,
    /// The book's code.
    #[schema(example = "entrada")]
    pub book: String,
    /// Whether the book is of incoming or outgoing entries.
    pub kind: BookKind,
    /// The book's year: the local year of `registered_at`.
    #[schema(example = 2026)]
    pub year: i64,
    /// Its number: from 1, without gaps, per book and year; after an accepted loss it goes on above all that may have been given.
    #[schema(example = 123)]
    pub number: i64,
    /// Year, book and number in one.
    #[schema(example = "2026-E-000123", max_length = 20)]
    pub code: String,
    /// When it was presented: what the law counts (art. 16.3 Ley 39/2015).
    #[schema(example = "2026-03-02T09:30:00.123456+01:00", format = DateTime)]
    pub presented_at: String,
    /// Why the counter says so, where that is more than a day before it was registered; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub presented_at_reason: Option<PresentedAtReason>,
    /// The number of the slip, of the postal item, or of the entry in the other registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "T-2026-0042", max_length = 80, nullable = false)]
    pub presented_at_reference: Option<String>,
    /// When it was numbered; never earlier than the entry before it.
    #[schema(example = "2026-03-02T09:30:00.131072+01:00", format = DateTime)]
    pub registered_at: String,
    /// When its presentation takes effect: the same, or the first hour of the next working day (art. 31.2).
    /// Absent for an imported entry, and while `effective_at_pending`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02T09:30:00.123456+01:00", format = DateTime, nullable = false)]
    pub effective_at: Option<String>,
    /// Nobody can tell yet when it takes effect: the calendar of non-working days of a year that matters is not
    /// published. An event sets it when it is. True, or absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = true, nullable = false)]
    pub effective_at_pending: Option<bool>,
    /// The version of the calendar by which `effective_at` was computed: `ventanilla calendar show --version` shows it.
    /// Absent where it was not, and for entries from before versions were kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 3, nullable = false)]
    pub calendar_version: Option<i64>,
    /// How it came. Never changes.
    pub channel: Channel,
    /// How the will of who submits was proved; null at the counter.
    pub authentication_method: Option<AuthenticationMethod>,
    /// Whether subject, texts, parties and references were stated by whoever sent them, and not signed: so where a
    /// signed form proved the will, and what counts is what the form says.
    #[schema(example = false)]
    pub stated_not_signed: bool,
    /// What became of it.
    pub status: Status,
    /// Whether a later event rectified it.
    #[schema(example = false)]
    pub rectified: bool,
    /// Whether it was brought from an older system.
    #[schema(example = false)]
    pub imported: bool,
    /// Why its party had to submit electronically, when it came to the counter all the same (art. 68.4).
    pub must_submit_electronically: Option<MustSubmitElectronically>,
    /// Where it goes: to a unit of the entity, to another body, or not known yet.
    pub routing: Routing,
    /// The office where it was made; null for an electronic one.
    #[schema(example = "O00000000")]
    pub office: Option<String>,
    /// What the office was called then; absent where the entry has none, and in entries from before names were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Oficina de asistencia en materia de registros", nullable = false)]
    pub office_name: Option<String>,
    /// The name of the token or person that registered it.
    #[schema(example = "sede")]
    pub registered_by: String,
    /// The submission's own id.
    #[schema(example = "01999c4e-7a10-7cc3-98c4-dc0c0c07398f")]
    pub submission_id: Option<Uuid>,
    /// SHA-256 of the bytes of the `submission` part, which are what was signed.
    pub submission_sha256: Option<Sha256>,
    /// What it is about.
    #[schema(example = "Solicitud de licencia de obra menor", max_length = 240)]
    pub subject: String,
    /// The facts (expone).
    #[schema(example = "Que tiene previsto reformar la cocina.", max_length = 4000)]
    pub statement: Option<String>,
    /// What is asked for (solicita).
    #[schema(example = "Que se le conceda la licencia.", max_length = 4000)]
    pub request: Option<String>,
    /// The unit it goes to.
    #[schema(example = "L01290080", max_length = 21)]
    pub destination_unit: Option<String>,
    /// What the unit was called then; absent where the entry has none, where it was imported, and in entries from before
    /// names were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ayuntamiento de ejemplo", nullable = false)]
    pub destination_unit_name: Option<String>,
    /// The unit that was handed the entry; null until it is distributed.
    #[schema(example = "L01290080", max_length = 21)]
    pub distributed_to: Option<String>,
    /// What that unit was called then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ayuntamiento de ejemplo", nullable = false)]
    pub distributed_to_name: Option<String>,
    /// A reference of the sender's.
    #[schema(example = "REF-1", max_length = 16)]
    pub external_reference: Option<String>,
    /// The file it belongs to.
    #[schema(example = "2026/17", max_length = 80)]
    pub file_number: Option<String>,
    /// SIA code of the procedure.
    #[schema(example = "203040", max_length = 80)]
    pub procedure: Option<String>,
    /// The code of the entry that this one puts right.
    #[schema(example = "2026-E-000007", max_length = 20)]
    pub corrects: Option<String>,
    /// The code of the entry that this one answers.
    #[schema(example = "2026-S-000003", max_length = 20)]
    pub answers: Option<String>,
    /// What came on paper with it; null for an electronic one.
    pub physical_documents: Option<PhysicalDocuments>,
    /// How the paper came.
    pub transport: Option<Transport>,
    /// The carrier's number.
    #[schema(example = "CD00012345", max_length = 40)]
    pub transport_number: Option<String>,
    /// Remarks of the office.
    #[schema(example = "Sobre abierto", max_length = 160)]
    pub remarks: Option<String>,
    /// Whom an e-office vouched for, and how it knew them; null unless `authentication_method` is `eoffice_seal`.
    #[schema(value_type = Option<Object>)]
    pub authentication: Option<Box<RawValue>>,
    /// What identification did where it counted as signature (art. 10.4 Ley 39/2015): absent where something was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Identification, nullable = false)]
    pub identification: Option<Box<RawValue>>,
    /// What the destination calls the matter; absent where nobody said, as are the three that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "OBRA-MENOR", max_length = 16, nullable = false)]
    pub subject_code: Option<String>,
    /// The body that sent it, and how it stands in that body's register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub origin: Option<Origin>,
    /// Which exchange it belongs to, and who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub exchange: Option<Exchange>,
    /// Its metadata for the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub metadata: Option<Metadata>,
    /// The published incident for which its slip was filled in by hand; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a03")]
    pub incident: Option<Uuid>,
    /// Paper and objects that the office keeps, and what became of them; absent where there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custody: Vec<CustodyItem>,
    /// Since when its sender is required to send documents again in which harmful code was found (RD 203/2021 art. 39.2):
    /// the last time that one was. Absent where none is, once documents were added, and once it was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02T09:30:04.131072+01:00", format = DateTime, nullable = false)]
    pub resend_required_at: Option<String>,
    /// That its personal data were erased: then texts, parties and documents are gone, and its subject is empty. Absent
    /// otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub erased: Option<Erased>,
    /// Who submits.
    pub interested_parties: Vec<Party>,
    /// What came with it.
    pub documents: Vec<Document>,
}

/// When the personal data of an entry were erased, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Erased {
    /// When.
    #[schema(example = "2032-03-02T09:30:00.131072+01:00", format = DateTime)]
    pub at: String,
    /// On which ground.
    pub ground: ErasureGround,
}

impl Erased {
    /// Of an entry's row; `None` while nothing was erased.
    #[must_use]
    pub fn of(row: &EntryRow, zone: Tz) -> Option<Self> {
        Some(Self { at: row.erased_at?.rfc3339(zone), ground: row.erasure_ground? })
    }
}

/// What is kept of identification where it counted as signature.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Identification {
    /// The rule of the entity that let it count, as it stood then.
    #[schema(example = "Ordenanza 3/2024, art. 12")]
    pub rule: String,
    /// SHA-256 of the certificate that identified: the citizen's, or the e-office's whose seal vouched; lower-case hex.
    #[schema(example = "5d4b6a1f0c7e2d3b9a8f7e6d5c4b3a291807f6e5d4c3b2a19087f6e5d4c3b2a1", pattern = "^[0-9a-f]{64}$")]
    pub certificate_sha256: String,
    /// What was known of its revocation.
    pub revocation: Revocation,
}

/// A document of an entry.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Document {
    /// Its id, for addresses.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02")]
    pub id: Uuid,
    /// The part that carried it.
    #[schema(example = "plano")]
    pub part: String,
    /// Its file's name.
    #[schema(example = "plano.pdf", max_length = 80)]
    pub filename: String,
    /// What it is, in words.
    #[schema(example = "Plano")]
    pub title: Option<String>,
    /// Its media type, as its sender stated it.
    #[schema(example = "application/pdf", max_length = 80)]
    pub media_type: String,
    /// Bytes.
    #[schema(example = 52_311)]
    pub size: i64,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
    /// What kind of copy it is.
    pub validity: Validity,
    /// What it is for.
    pub kind: DocumentKind,
    /// Whether it was sent along with a signed form that proved the will, and not signed with it.
    #[schema(example = false)]
    pub stated_not_signed: bool,
    /// The entity does not take this format: its sender is required to mend it (RD 203/2021 art. 39.1).
    #[schema(example = false)]
    pub format_not_accepted: bool,
    /// Remarks on it; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Escaneado en blanco y negro", max_length = 160, nullable = false)]
    pub remarks: Option<String>,
    /// The code of the form that it is; absent where nobody stated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "SOL-017", max_length = 80, nullable = false)]
    pub form_code: Option<String>,
    /// Its metadata for the exchange; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub metadata: Option<Metadata>,
    /// The metadata of an authentic copy that the office made, and who made it (art. 27 Ley 39/2015); absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub eni: Option<AuthenticCopy>,
    /// That harmful code was found in it: it is kept, and handed to nobody unless it was released. Absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub quarantine: Option<Quarantine>,
    /// The verdicts on the signatures in it, or over it.
    #[schema(value_type = Vec<crate::signature::Verdict>)]
    pub signatures: Vec<Box<RawValue>>,
}

/// A stored JSON text, as it is.
fn raw(text: &str) -> store::Result<Box<RawValue>> {
    RawValue::from_string(text.to_owned()).map_err(|_| store::Error::Corrupt("JSON text"))
}

/// What a stored JSON text says, where there is one.
///
/// # Errors
/// When the database was altered.
pub fn read_json<T: serde::de::DeserializeOwned>(text: Option<&str>) -> store::Result<Option<T>> {
    text.map(|text| serde_json::from_str(text).map_err(|_| store::Error::Corrupt("JSON text"))).transpose()
}

/// What was found in a document, where anything was.
///
/// # Errors
/// When the database was altered.
pub fn quarantine_of(row: &DocumentRow) -> store::Result<Option<Quarantine>> {
    read_json(row.quarantine.as_deref())
}

/// The verdicts as they are stored.
///
/// # Errors
/// When the database was altered.
pub fn verdicts(rows: &[VerdictRow]) -> store::Result<Vec<Box<RawValue>>> {
    rows.iter().map(|row| raw(&row.verdict)).collect()
}

/// Those of an entry's verdicts that are on this document, as far as this version reads them.
#[must_use]
pub fn verdicts_on(document: &DocumentRow, rows: &[VerdictRow]) -> Vec<Verdict<String>> {
    let covers = covers(&document.part);
    let rows = rows.iter().filter(|row| row.covers == covers);
    rows.filter_map(|row| serde_json::from_str(&row.verdict).ok()).collect()
}

impl Entry {
    /// The entry that these rows hold.
    ///
    /// # Errors
    /// When the database was altered.
    pub fn of(row: &EntryRow, with: &Belongings, zone: Tz) -> store::Result<Self> {
        Ok(Self {
            id: row.id,
            book: row.book.clone(),
            kind: row.kind,
            year: row.year,
            number: row.number,
            code: row.code.clone(),
            presented_at: row.presented_at.rfc3339(zone),
            presented_at_reason: row.presented_at_reason,
            presented_at_reference: row.presented_at_reference.clone(),
            registered_at: row.registered_at.rfc3339(zone),
            effective_at: row.effective_at.map(|at| at.rfc3339(zone)),
            effective_at_pending: (row.effective_at.is_none() && !row.imported).then_some(true),
            calendar_version: row.calendar_version,
            channel: row.channel,
            authentication_method: row.authentication_method,
            stated_not_signed: by_form(row),
            status: row.status,
            rectified: row.rectified,
            imported: row.imported,
            must_submit_electronically: row.must_submit_electronically,
            routing: row.routing,
            office: row.office.clone(),
            office_name: row.office_name.clone(),
            registered_by: row.registered_by.clone(),
            submission_id: row.submission_id,
            submission_sha256: row.submission_sha256,
            subject: row.subject.clone(),
            statement: row.statement.clone(),
            request: row.request.clone(),
            destination_unit: row.destination_unit.clone(),
            destination_unit_name: row.destination_unit_name.clone(),
            distributed_to: row.distributed_to.clone(),
            distributed_to_name: row.distributed_to_name.clone(),
            external_reference: row.external_reference.clone(),
            file_number: row.file_number.clone(),
            procedure: row.procedure_code.clone(),
            corrects: row.corrects.clone(),
            answers: row.answers.clone(),
            physical_documents: row.physical_documents,
            transport: row.transport,
            transport_number: row.transport_number.clone(),
            remarks: row.remarks.clone(),
            authentication: row.authentication.as_deref().map(raw).transpose()?,
            identification: row.identification.as_deref().map(raw).transpose()?,
            subject_code: row.subject_code.clone(),
            origin: read_json(row.origin.as_deref())?,
            exchange: read_json(row.exchange.as_deref())?,
            metadata: read_json(row.metadata.as_deref())?,
            incident: row.incident,
            custody: read_json(row.custody.as_deref())?.unwrap_or_default(),
            resend_required_at: row.resend_required_at.map(|at| at.rfc3339(zone)),
            erased: Erased::of(row, zone),
            interested_parties: parties_of(&with.parties),
            documents: {
                let documents = with.documents.iter();
                documents.map(|one| Document::of(one, &with.verdicts, by_form(row))).collect::<Result<_, _>>()?
            },
        })
    }
}

/// Whether a signed form proved the will: then nothing else was signed.
fn by_form(row: &EntryRow) -> bool {
    row.authentication_method == Some(AuthenticationMethod::SignedForm)
}

impl Document {
    fn of(row: &DocumentRow, verdicts: &[VerdictRow], by_form: bool) -> store::Result<Self> {
        let covers = covers(&row.part);
        let signatures =
            verdicts.iter().filter(|verdict| verdict.covers == covers).map(|verdict| raw(&verdict.verdict));
        Ok(Self {
            id: row.id,
            part: row.part.clone(),
            filename: row.filename.clone(),
            title: row.title.clone(),
            media_type: row.media_type.clone(),
            size: row.size,
            sha256: row.sha256,
            validity: row.validity,
            kind: row.kind,
            stated_not_signed: by_form && row.kind != DocumentKind::Form,
            format_not_accepted: row.format_not_accepted,
            remarks: row.remarks.clone(),
            form_code: row.form_code.clone(),
            metadata: read_json(row.metadata.as_deref())?,
            eni: read_json(row.eni.as_deref())?,
            quarantine: quarantine_of(row)?,
            signatures: signatures.collect::<Result<_, _>>()?,
        })
    }
}

/// Rows of parties and representatives, as parties with their representatives.
#[must_use]
pub fn parties_of(rows: &[PartyRow]) -> Vec<Party> {
    let representative = |ordinal: i64| {
        rows.iter().find(|row| row.represents == Some(ordinal)).map(|row| {
            let authority =
                row.authority_kind.map(|kind| Authority { kind, reference: row.authority_reference.clone() });
            Box::new(Representative { person: person_of(row), authority })
        })
    };
    rows.iter()
        .filter(|row| row.represents.is_none())
        .map(|row| Party { person: person_of(row), representative: representative(row.ordinal) })
        .collect()
}

fn person_of(row: &PartyRow) -> Person {
    let address = row.country.clone().map(|country| Address {
        country,
        province: row.province.clone(),
        municipality: row.municipality.clone(),
        street: row.street.clone(),
        postcode: row.postcode.clone(),
    });
    Person {
        person_type: row.person_type,
        id_type: row.id_type,
        id: row.id.clone(),
        id_country: row.id_country,
        company_name: row.company_name.clone(),
        given_name: row.given_name.clone(),
        first_surname: row.first_surname.clone(),
        second_surname: row.second_surname.clone(),
        email: row.email.clone(),
        mobile: row.mobile.clone(),
        landline: row.landline.clone(),
        notification_channel: row.notification_channel,
        receives_notifications: row.receives_notifications,
        address,
        sms_notice: row.sms_notice,
        email_notice: row.email_notice,
        directory_code: row.directory_code.clone(),
        remarks: row.remarks.clone(),
    }
}

/// Parties with their representatives, as rows of an entry.
#[must_use]
pub fn party_rows(entry: Uuid, parties: &[Party]) -> Vec<PartyRow> {
    let mut rows = Vec::with_capacity(parties.len());
    for party in parties {
        let ordinal = ordinal(&rows);
        rows.push(party_row(entry, ordinal, &party.person));
        if let Some(representative) = &party.representative {
            let mut row = party_row(entry, ordinal + 1, &representative.person);
            row.represents = Some(ordinal);
            if let Some(authority) = &representative.authority {
                row.authority_kind = Some(authority.kind);
                row.authority_reference.clone_from(&authority.reference);
            }
            rows.push(row);
        }
    }
    rows
}

fn ordinal<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}

fn party_row(entry_id: Uuid, ordinal: i64, person: &Person) -> PartyRow {
    let address = person.address.clone();
    let (country, province, municipality, street, postcode) = match address {
        Some(address) => {
            (Some(address.country), address.province, address.municipality, address.street, address.postcode)
        }
        None => (None, None, None, None, None),
    };
    PartyRow {
        entry_id,
        ordinal,
        represents: None,
        authority_kind: None,
        authority_reference: None,
        person_type: person.person_type,
        id_type: person.id_type,
        id: person.id.clone(),
        id_country: person.id_country,
        company_name: person.company_name.clone(),
        given_name: person.given_name.clone(),
        first_surname: person.first_surname.clone(),
        second_surname: person.second_surname.clone(),
        email: person.email.clone(),
        mobile: person.mobile.clone(),
        landline: person.landline.clone(),
        notification_channel: person.notification_channel,
        receives_notifications: person.receives_notifications,
        country,
        province,
        municipality,
        street,
        postcode,
        sms_notice: person.sms_notice,
        email_notice: person.email_notice,
        directory_code: person.directory_code.clone(),
        remarks: person.remarks.clone(),
        // The entry has no place yet.
        registered_at: Micros(0),
        position: 0,
    }
}
