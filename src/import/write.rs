//! The rows of an import, as what the books hold: entry, party, event, and the words by which it is found.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::content::{OldEntry, Reading};
use crate::clock::Clock;
use crate::domain::{Micros, PersonType, Routing, Status};
use crate::registry::book::Recorded;
use crate::registry::caller::Entity;
use crate::registry::entry::Entry;
use crate::registry::full_text::full_text;
use crate::registry::ledger::{Growth, append};
use crate::registry::numbering::{Counted, Counts};
use crate::registry::record;
use crate::store::book::{EventRow, Lock};
use crate::store::directory::Kind;
use crate::store::entries::{Belongings, EntryRow, PartyRow};
use crate::store::{self, Tx};

/// Who registered what was imported. No token's name has a colon, so no caller is ever taken for it.
pub const IMPORTER: &str = "import:entries";
/// In which role: an import is run on the machine itself.
const ROLE: &str = "admin";

/// Writes entries, batch by batch, each under the lock of the entity's books.
pub struct Writer<'e> {
    entity: &'e Entity,
    clock: &'e Clock,
    reading: Reading,
    /// Whether a unit is the entity's own; none where the catalogue does not know it.
    units: HashMap<String, Option<bool>>,
    /// Entries written whose identifier has a check character that does not hold.
    pub unchecked_ids: u64,
    /// Units that the catalogue does not know.
    pub unknown_units: BTreeSet<String>,
}

impl<'e> Writer<'e> {
    /// A writer into the books of this entity.
    pub fn new(entity: &'e Entity, clock: &'e Clock, reading: Reading) -> Self {
        Self { entity, clock, reading, units: HashMap::new(), unchecked_ids: 0, unknown_units: BTreeSet::new() }
    }

    /// Writes some entries under this lock, and what they change together: their counters, for when the import is finished,
    /// and the place in the log.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn write(
        &mut self,
        tx: &mut Tx,
        (import, lock): (Uuid, &Lock),
        entries: Vec<OldEntry>,
    ) -> store::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        // Events never go back in time, whichever of two machines has the faster clock: neither theirs nor ours runs ahead
        // of the database.
        let now = self.clock.now();
        let at = lock.database_now.map_or(now, |database| now.min(database)).max(lock.last_registered_at);
        let mut position = lock.last_event;
        let mut growth = Growth::from(&lock.log_edge)?;
        let mut counts = Counts::default();
        let (mut rows, mut parties) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
        let (mut events, mut texts) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
        for entry in entries {
            let routing = self.routing(tx, entry.content.destination_unit.as_deref()).await?;
            self.unchecked_ids += u64::from(!entry.check_holds);
            position += 1;
            let (row, party) = self.rows(entry, routing, position)?;
            counts.add(&row, Counted::of(row.status, std::slice::from_ref(&party)));
            let belongings = Belongings { parties: vec![party.clone()], ..Belongings::default() };
            events.push(self.event(&row, &belongings, at)?);
            texts.push(full_text(&row, &belongings));
            rows.push(row);
            parties.push(party);
        }
        store::entries::insert(tx, self.entity.id, &rows).await?;
        store::entries::insert_parties(tx, self.entity.id, &parties).await?;
        append(tx, self.entity, &mut events, &mut growth).await?;
        // Nothing else follows: there is no receipt.
        store::full_text::insert(tx, self.entity.id, &texts).await?;
        store::imports::add_counts(tx, self.entity.id, import, &counts.into_rows()).await?;
        // What is registered next must not be earlier than these events.
        store::book::advance(tx, self.entity.id, growth.size(), at, &growth.edge()).await
    }

    /// Whose business it is, by the catalogue. A unit that it does not know was the entity's own once.
    async fn routing(&mut self, tx: &mut Tx, unit: Option<&str>) -> store::Result<Routing> {
        let Some(code) = unit else { return Ok(Routing::Pending) };
        let own = if let Some(own) = self.units.get(code) {
            *own
        } else {
            let own = store::directory::one(tx, self.entity.id, Kind::Unit, code).await?.map(|unit| unit.own);
            self.units.insert(code.to_owned(), own);
            own
        };
        if own.is_none() {
            self.unknown_units.insert(code.to_owned());
        }
        Ok(if own == Some(false) { Routing::Exchange } else { Routing::Internal })
    }

    fn rows(&self, entry: OldEntry, routing: Routing, position: i64) -> store::Result<(EntryRow, PartyRow)> {
        let OldEntry { book, year, number, code, content, check_holds: _ } = entry;
        let book = &self.reading.books[book];
        let registered_on = content.registered_at.local_date(self.entity.zone).to_string();
        let id = self.clock.new_id();
        let row = EntryRow {
            id,
            book: book.code.clone(),
            kind: book.kind,
            year,
            number,
            code,
            position,
            // An older system has one time. When it took effect was settled then, by its own calendar.
            presented_at: content.registered_at,
            presented_at_reason: None,
            presented_at_reference: None,
            registered_at: content.registered_at,
            effective_at: None,
            calendar_version: None,
            registered_on,
            effective_on: None,
            channel: content.channel,
            authentication_method: None,
            status: Status::Registered,
            rectified: false,
            imported: true,
            version: 1,
            must_submit_electronically: None,
            routing,
            office: None,
            registered_by: IMPORTER.into(),
            submission_id: None,
            submission_sha256: None,
            signature_sha256: None,
            csv: None,
            subject: content.subject,
            statement: None,
            request: None,
            destination_unit: content.destination_unit,
            distributed_to: None,
            external_reference: None,
            file_number: None,
            procedure_code: None,
            corrects: None,
            answers: None,
            physical_documents: None,
            transport: None,
            transport_number: None,
            remarks: None,
            authentication: None,
            // The catalogue of today does not know what it was called then.
            destination_unit_name: None,
            distributed_to_name: None,
            office_name: None,
            identification: None,
            subject_code: content.subject_code,
            origin: content.origin.as_deref().map(record::canonical).transpose()?,
            exchange: content.exchange.as_deref().map(record::canonical).transpose()?,
            metadata: None,
            incident: None,
            custody: None,
            custody_until: None,
            resend_required_at: None,
            erased_at: None,
            erasure_ground: None,
        };
        let party = PartyRow {
            entry_id: id,
            ordinal: 0,
            represents: None,
            authority_kind: None,
            authority_reference: None,
            // SICRES means natural persons by an identifier of another kind.
            person_type: content.id_type.person_type().unwrap_or(PersonType::Natural),
            id_type: content.id_type,
            id: content.id,
            id_country: content.id_country,
            company_name: Some(content.name),
            given_name: None,
            first_surname: None,
            second_surname: None,
            email: None,
            mobile: None,
            landline: None,
            notification_channel: None,
            receives_notifications: false,
            country: None,
            province: None,
            municipality: None,
            street: None,
            postcode: None,
            sms_notice: None,
            email_notice: None,
            directory_code: None,
            remarks: None,
            registered_at: row.registered_at,
            position: row.position,
        };
        Ok((row, party))
    }

    fn event(&self, row: &EntryRow, belongings: &Belongings, at: Micros) -> store::Result<EventRow> {
        let entry = Entry::of(row, belongings, self.entity.zone)?;
        Ok(EventRow {
            id: self.clock.new_id(),
            position: row.position,
            entry_id: row.id,
            r#type: "imported".into(),
            at,
            by_name: IMPORTER.into(),
            by_role: ROLE.into(),
            reason: None,
            data: record::canonical(&Recorded { entry: &entry, signatures: &[], csv: None, bound: None })?,
            ..EventRow::default()
        })
    }
}
