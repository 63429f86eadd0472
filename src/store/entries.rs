//! Entries, their parties, documents and verdicts.

use uuid::Uuid;

use super::bulk::insert_rows;
use super::imports::shown_entry;
use super::{Result, Tx, row, sql};
use crate::domain::{
    AuthenticationMethod, AuthorityKind, BookKind, Channel, Country, DocumentKind, ErasureGround, IdType, Identity,
    Micros, MustSubmitElectronically, NotificationChannel, PersonType, PhysicalDocuments, PresentedAtReason, Routing,
    Sha256, Status, Transport, Validity,
};

/// An entry as it is stored; `api.md`'s names but for `procedure_code`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are those of the API's entry, described there")]
pub struct EntryRow {
    pub id: Uuid,
    pub book: String,
    pub kind: BookKind,
    pub year: i64,
    pub number: i64,
    pub code: String,
    pub position: i64,
    pub presented_at: Micros,
    pub presented_at_reason: Option<PresentedAtReason>,
    pub presented_at_reference: Option<String>,
    pub registered_at: Micros,
    /// `None` for what came from an older system, and while it waits for a calendar.
    pub effective_at: Option<Micros>,
    pub calendar_version: Option<i64>,
    pub registered_on: String,
    pub effective_on: Option<String>,
    pub channel: Channel,
    pub authentication_method: Option<AuthenticationMethod>,
    pub status: Status,
    pub rectified: bool,
    pub imported: bool,
    pub version: i64,
    pub must_submit_electronically: Option<MustSubmitElectronically>,
    pub routing: Routing,
    pub office: Option<String>,
    pub registered_by: String,
    pub submission_id: Option<Uuid>,
    pub submission_sha256: Option<Sha256>,
    pub signature_sha256: Option<Sha256>,
    pub csv: Option<String>,
    pub subject: String,
    pub statement: Option<String>,
    pub request: Option<String>,
    pub destination_unit: Option<String>,
    pub distributed_to: Option<String>,
    pub external_reference: Option<String>,
    pub file_number: Option<String>,
    pub procedure_code: Option<String>,
    pub corrects: Option<String>,
    pub answers: Option<String>,
    pub physical_documents: Option<PhysicalDocuments>,
    pub transport: Option<Transport>,
    pub transport_number: Option<String>,
    pub remarks: Option<String>,
    pub authentication: Option<String>,
    pub destination_unit_name: Option<String>,
    pub distributed_to_name: Option<String>,
    pub office_name: Option<String>,
    pub identification: Option<String>,
    pub subject_code: Option<String>,
    /// The next three as canonical JSON.
    pub origin: Option<String>,
    pub exchange: Option<String>,
    pub metadata: Option<String>,
    pub incident: Option<Uuid>,
    /// As canonical JSON.
    pub custody: Option<String>,
    pub custody_until: Option<String>,
    /// Since when documents must be sent again.
    pub resend_required_at: Option<Micros>,
    /// When its personal data were erased, and on which ground.
    pub erased_at: Option<Micros>,
    pub erasure_ground: Option<ErasureGround>,
}
row! { EntryRow:
    id, book, kind, year, number, code, position, presented_at, presented_at_reason, presented_at_reference,
    registered_at, effective_at, calendar_version, registered_on, effective_on, channel, authentication_method,
    status, rectified, imported, version, must_submit_electronically, routing, office, registered_by, submission_id,
    submission_sha256, signature_sha256, csv, subject, statement, request, destination_unit, distributed_to,
    external_reference, file_number, procedure_code, corrects, answers, physical_documents, transport,
    transport_number, remarks, authentication, destination_unit_name, distributed_to_name, office_name,
    identification, subject_code, origin, exchange, metadata, custody, custody_until, incident, erased_at,
    erasure_ground, resend_required_at
}

/// A party or a representative of an entry.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are those of the API's party, described there")]
pub struct PartyRow {
    pub entry_id: Uuid,
    pub ordinal: i64,
    pub represents: Option<i64>,
    pub authority_kind: Option<AuthorityKind>,
    pub authority_reference: Option<String>,
    pub person_type: PersonType,
    pub id_type: IdType,
    pub id: String,
    pub id_country: Option<Country>,
    pub company_name: Option<String>,
    pub given_name: Option<String>,
    pub first_surname: Option<String>,
    pub second_surname: Option<String>,
    pub email: Option<String>,
    pub mobile: Option<String>,
    pub landline: Option<String>,
    pub notification_channel: Option<NotificationChannel>,
    pub receives_notifications: bool,
    pub country: Option<String>,
    pub province: Option<String>,
    pub municipality: Option<String>,
    pub street: Option<String>,
    pub postcode: Option<String>,
    pub sms_notice: Option<bool>,
    pub email_notice: Option<bool>,
    pub directory_code: Option<String>,
    pub remarks: Option<String>,
    /// Where the entry stands in lists; set when it is numbered, so that a person's entries are found in their order.
    pub registered_at: Micros,
    pub position: i64,
}
row! { PartyRow:
    entry_id, ordinal, represents, authority_kind, authority_reference, person_type, id_type, id, id_country,
    company_name, given_name, first_surname, second_surname, email, mobile, landline, notification_channel,
    receives_notifications, country, province, municipality, street, postcode, sms_notice, email_notice,
    directory_code, remarks, registered_at, position
}

impl PartyRow {
    /// The row as one of this entry, which is numbered.
    #[must_use]
    pub fn of(&self, entry: &EntryRow) -> Self {
        Self { registered_at: entry.registered_at, position: entry.position, ..self.clone() }
    }

    /// Who it is; none where the identifier is none of its kind.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        Identity::new(self.id_type, self.id_country, &self.id).ok()
    }
}

/// A document of an entry.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are those of the API's document, described there")]
pub struct DocumentRow {
    pub id: Uuid,
    pub entry_id: Uuid,
    pub ordinal: i64,
    pub part: String,
    pub filename: String,
    pub title: Option<String>,
    pub media_type: String,
    pub size: i64,
    pub sha256: Sha256,
    pub validity: Validity,
    pub kind: DocumentKind,
    pub format_not_accepted: bool,
    pub signature_sha256: Option<Sha256>,
    pub signature_size: Option<i64>,
    pub remarks: Option<String>,
    pub form_code: Option<String>,
    /// As canonical JSON.
    pub metadata: Option<String>,
    /// As canonical JSON.
    pub eni: Option<String>,
    /// As canonical JSON.
    pub quarantine: Option<String>,
}
row! { DocumentRow:
id, entry_id, ordinal, part, filename, title, media_type, size, sha256, validity, kind, format_not_accepted,
signature_sha256, signature_size, remarks, form_code, metadata, eni, quarantine }

/// A verdict on a signature that came with an entry.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct VerdictRow {
    pub entry_id: Uuid,
    pub ordinal: i64,
    pub covers: String,
    pub indication: String,
    pub verdict: String,
}
row! { VerdictRow: entry_id, ordinal, covers, indication, verdict }

/// Writes entries.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, entity: i64, entries: &[EntryRow]) -> Result<()> {
    insert_rows!(
        tx,
        "INSERT INTO entries (id, entity_id, book, kind, year, number, code, position, presented_at, presented_at_reason, presented_at_reference,
         registered_at, effective_at, calendar_version, registered_on, effective_on, channel, authentication_method, status, rectified, imported, version, must_submit_electronically, routing,
         office, registered_by, submission_id, submission_sha256, signature_sha256, csv, csv_sha256, subject, statement, request,
         destination_unit, distributed_to, external_reference, file_number, procedure_code, corrects, answers, physical_documents, transport,
         transport_number, remarks, authentication, destination_unit_name, distributed_to_name, office_name, identification,
         subject_code, origin, exchange, metadata, incident) VALUES",
        "",
        entries,
        |row| [
            row.id,
            entity,
            row.book.as_str(),
            row.kind,
            row.year,
            row.number,
            row.code.as_str(),
            row.position,
            row.presented_at,
            row.presented_at_reason,
            row.presented_at_reference.as_deref(),
            row.registered_at,
            row.effective_at,
            row.calendar_version,
            row.registered_on.as_str(),
            row.effective_on.as_deref(),
            row.channel,
            row.authentication_method,
            row.status,
            row.rectified,
            row.imported,
            row.version,
            row.must_submit_electronically,
            row.routing,
            row.office.as_deref(),
            row.registered_by.as_str(),
            row.submission_id,
            row.submission_sha256,
            row.signature_sha256,
            row.csv.as_deref(),
            row.csv.as_deref().map(hash_of),
            row.subject.as_str(),
            row.statement.as_deref(),
            row.request.as_deref(),
            row.destination_unit.as_deref(),
            row.distributed_to.as_deref(),
            row.external_reference.as_deref(),
            row.file_number.as_deref(),
            row.procedure_code.as_deref(),
            row.corrects.as_deref(),
            row.answers.as_deref(),
            row.physical_documents,
            row.transport,
            row.transport_number.as_deref(),
            row.remarks.as_deref(),
            row.authentication.as_deref(),
            row.destination_unit_name.as_deref(),
            row.distributed_to_name.as_deref(),
            row.office_name.as_deref(),
            row.identification.as_deref(),
            row.subject_code.as_deref(),
            row.origin.as_deref(),
            row.exchange.as_deref(),
            row.metadata.as_deref(),
            row.incident,
        ]
    );
    Ok(())
}

/// Writes parties.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_parties(tx: &mut Tx, entity: i64, parties: &[PartyRow]) -> Result<()> {
    insert_rows!(
        tx,
        "INSERT INTO parties (entry_id, ordinal, entity_id, represents, authority_kind, authority_reference, person_type, id_type,
         id, id_country, company_name, given_name, first_surname, second_surname, email, mobile, landline, notification_channel,
         receives_notifications, country, province, municipality, street, postcode, sms_notice, email_notice,
         directory_code, remarks, registered_at, position) VALUES",
        "",
        parties,
        |row| [
            row.entry_id,
            row.ordinal,
            entity,
            row.represents,
            row.authority_kind,
            row.authority_reference.as_deref(),
            row.person_type,
            row.id_type,
            row.id.as_str(),
            row.id_country,
            row.company_name.as_deref(),
            row.given_name.as_deref(),
            row.first_surname.as_deref(),
            row.second_surname.as_deref(),
            row.email.as_deref(),
            row.mobile.as_deref(),
            row.landline.as_deref(),
            row.notification_channel,
            row.receives_notifications,
            row.country.as_deref(),
            row.province.as_deref(),
            row.municipality.as_deref(),
            row.street.as_deref(),
            row.postcode.as_deref(),
            row.sms_notice,
            row.email_notice,
            row.directory_code.as_deref(),
            row.remarks.as_deref(),
            row.registered_at,
            row.position,
        ]
    );
    Ok(())
}

/// Writes documents.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_documents(tx: &mut Tx, entity: i64, documents: &[DocumentRow]) -> Result<()> {
    insert_rows!(
        tx,
        "INSERT INTO documents (id, entity_id, entry_id, ordinal, part, filename, title, media_type, size, sha256, validity, kind,
         format_not_accepted, signature_sha256, signature_size, remarks, form_code, metadata, eni) VALUES",
        "",
        documents,
        |row| [
            row.id,
            entity,
            row.entry_id,
            row.ordinal,
            row.part.as_str(),
            row.filename.as_str(),
            row.title.as_deref(),
            row.media_type.as_str(),
            row.size,
            row.sha256,
            row.validity,
            row.kind,
            row.format_not_accepted,
            row.signature_sha256,
            row.signature_size,
            row.remarks.as_deref(),
            row.form_code.as_deref(),
            row.metadata.as_deref(),
            row.eni.as_deref(),
        ]
    );
    Ok(())
}

/// Writes verdicts.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_verdicts(tx: &mut Tx, verdicts: &[VerdictRow]) -> Result<()> {
    insert_rows!(
        tx,
        "INSERT INTO verdicts (entry_id, ordinal, covers, indication, verdict) VALUES",
        "",
        verdicts,
        |row| [row.entry_id, row.ordinal, row.covers.as_str(), row.indication.as_str(), row.verdict.as_str()]
    );
    Ok(())
}

/// An entry whose legal date waits for a calendar.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct PendingRow {
    pub id: Uuid,
    pub position: i64,
    pub presented_at: Micros,
}
row! { PendingRow: id, position, presented_at }

/// Entries whose legal date waits for a calendar, in the order in which they were written, after that place.
///
/// # Errors
/// When the database does not answer.
pub async fn pending(tx: &mut Tx, entity: i64, after: i64, limit: i64) -> Result<Vec<PendingRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, position, presented_at FROM entries
         WHERE entity_id = $1 AND position > $2 AND effective_at IS NULL AND NOT imported ORDER BY position LIMIT $3",
        entity,
        after,
        limit
    )?)
}

/// How many entries wait for their legal date.
///
/// # Errors
/// When the database does not answer.
pub async fn count_pending(tx: &mut Tx, entity: i64) -> Result<i64> {
    let (count,): (i64,) = sql!(
        tx,
        fetch_one,
        "SELECT count(*) FROM entries WHERE entity_id = $1 AND effective_at IS NULL AND NOT imported",
        entity
    )?;
    Ok(count)
}

/// Gives an entry its next version; whether there is such an entry.
///
/// # Errors
/// When the database does not answer.
pub async fn next_version(tx: &mut Tx, entity: i64, entry: Uuid) -> Result<bool> {
    let statement = "UPDATE entries SET version = version + 1 WHERE entity_id = $1 AND id = $2";
    Ok(sql!(tx, execute, statement, entity, entry)? == 1)
}

/// The columns of [`EntryRow`], in the order of its fields; a macro, since a statement's text must be constant.
macro_rules! entry_columns {
    () => {
        "e.id, e.book, e.kind, e.year, e.number, e.code, e.position, e.presented_at, e.presented_at_reason, e.presented_at_reference,
         e.registered_at, e.effective_at, e.calendar_version, e.registered_on, e.effective_on, e.channel, e.authentication_method, e.status, e.rectified, e.imported, e.version,
         e.must_submit_electronically, e.routing, e.office, e.registered_by, e.submission_id, e.submission_sha256,
         e.signature_sha256, e.csv, e.subject, e.statement, e.request, e.destination_unit, e.distributed_to, e.external_reference, e.file_number,
         e.procedure_code, e.corrects, e.answers, e.physical_documents, e.transport, e.transport_number, e.remarks, e.authentication,
         e.destination_unit_name, e.distributed_to_name, e.office_name, e.identification, e.subject_code, e.origin, e.exchange, e.metadata,
         e.incident, e.custody, e.custody_until, e.resend_required_at, e.erased_at, e.erasure_ground"
    };
}
pub(super) use entry_columns;

/// An entry by its id; none while it belongs to an import that is not finished.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(tx: &mut Tx, entity: i64, id: Uuid) -> Result<Option<EntryRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        concat!(
            "SELECT ",
            entry_columns!(),
            " FROM entries e WHERE e.entity_id = $1 AND e.id = $2 AND ",
            shown_entry!()
        ),
        entity,
        id
    )?)
}

/// The hash by which a verification code is looked up.
fn hash_of(code: &str) -> Sha256 {
    Sha256(openssl::sha::sha256(code.as_bytes()))
}

/// An entry by the verification code of its receipt, looked up by the code's hash: compare the code itself in constant
/// time.
///
/// # Errors
/// When the database does not answer.
pub async fn by_code(tx: &mut Tx, entity: i64, code: &str) -> Result<Option<EntryRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        concat!(
            "SELECT ",
            entry_columns!(),
            " FROM entries e WHERE e.entity_id = $1 AND e.csv_sha256 = $2 AND ",
            shown_entry!()
        ),
        entity,
        hash_of(code)
    )?)
}

/// An entry by its number; none while it belongs to an import that is not finished.
///
/// # Errors
/// When the database does not answer.
pub async fn by_number(tx: &mut Tx, entity: i64, book: &str, year: i64, number: i64) -> Result<Option<EntryRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        concat!(
            "SELECT ",
            entry_columns!(),
            " FROM entries e WHERE e.entity_id = $1 AND e.book = $2 AND e.year = $3 AND e.number = $4 AND ",
            shown_entry!()
        ),
        entity,
        book,
        year,
        number
    )?)
}

/// What belongs to an entry, in its order.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each is named for what it holds")]
pub struct Belongings {
    pub parties: Vec<PartyRow>,
    pub documents: Vec<DocumentRow>,
    pub verdicts: Vec<VerdictRow>,
}

/// What belongs to an entry.
///
/// # Errors
/// When the database does not answer.
pub async fn belongings(tx: &mut Tx, entry: Uuid) -> Result<Belongings> {
    Ok(Belongings {
        parties: sql!(tx, fetch_all, "SELECT * FROM parties WHERE entry_id = $1 ORDER BY ordinal", entry)?,
        documents: sql!(tx, fetch_all, "SELECT * FROM documents WHERE entry_id = $1 ORDER BY ordinal", entry)?,
        verdicts: sql!(tx, fetch_all, "SELECT * FROM verdicts WHERE entry_id = $1 ORDER BY ordinal", entry)?,
    })
}

/// A document of an entry.
///
/// # Errors
/// When the database does not answer.
pub async fn document(tx: &mut Tx, entity: i64, entry: Uuid, id: Uuid) -> Result<Option<DocumentRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT * FROM documents WHERE entity_id = $1 AND entry_id = $2 AND id = $3",
        entity,
        entry,
        id
    )?)
}

/// The hashes of so many documents that entries refer to, in no order.
///
/// # Errors
/// When the database does not answer.
pub async fn some_documents(tx: &mut Tx, entity: i64, limit: i64) -> Result<Vec<Sha256>> {
    let found: Vec<(Sha256,)> =
        sql!(tx, fetch_all, "SELECT sha256 FROM documents WHERE entity_id = $1 LIMIT $2", entity, limit)?;
    Ok(found.into_iter().map(|(hash,)| hash).collect())
}

/// Whether any entry refers to an object.
///
/// # Errors
/// When the database does not answer.
pub async fn refers_to(tx: &mut Tx, entity: i64, hash: Sha256) -> Result<bool> {
    let found: Option<(i64,)> = sql!(
        tx,
        fetch_optional,
        "SELECT size FROM documents WHERE entity_id = $1 AND sha256 = $2
         UNION ALL SELECT size FROM documents WHERE entity_id = $1 AND signature_sha256 = $2 LIMIT 1",
        entity,
        hash
    )?;
    Ok(found.is_some())
}
