//! Appointments: held, booked, moved, cancelled, listed.
//!
//! # Why
//! Whoever changes which places of a service are taken holds the service's row from the first statement on, so everybody
//! does it one after the other and nobody waits in a circle. The conditional updates of slot and day, and the seat that can
//! be had once, would each keep a place from being sold twice without that.

use chrono::NaiveDate;
use utoipa::ToSchema;
use uuid::Uuid;

use super::agenda::Slot;
use super::places::{Book, Free};
use super::services::{By, Refusal, ServiceError, Services};
use crate::domain::{AppointmentStatus, BookedBy, IdType, Micros, identifier, text};
use crate::registry::book::Key;
use crate::registry::caller::Entity;
use crate::registry::submission::FieldError;
use crate::registry::submission::fields::{Errors, Object, tree};
use crate::store;
use crate::store::book::KeyRow;
use crate::store::service::appointments::{self, AppointmentRow, Wanted};
use crate::store::service::services;
use crate::store::service::slots::{self, Sitter};

/// How long a hold stands.
const HELD: i64 = 5 * 60 * 1_000_000;
/// Letters and digits that are not taken for one another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code, of five random bits each.
const CODE: usize = 20;

/// Who comes: a name, and one of id, phone and e-mail.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attendee {
    /// What kind of id.
    pub id_type: Option<IdType>,
    /// The id.
    #[schema(example = "00000000T")]
    pub id: Option<String>,
    /// The name.
    #[schema(example = "Ana García", max_length = 160)]
    pub name: String,
    /// The phone.
    #[schema(example = "600000000", max_length = 20)]
    pub phone: Option<String>,
    /// The e-mail.
    #[schema(example = "ana@example.org", max_length = 254)]
    pub email: Option<String>,
}

/// An appointment to book.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppointmentRequest {
    /// The code of the service.
    #[schema(example = "padron")]
    pub service: String,
    /// When the slot begins.
    #[schema(example = "2026-12-01T09:00:00+01:00", value_type = String)]
    pub start: Micros,
    /// The hold that keeps the place, where there is one.
    #[schema(example = json!(null))]
    pub hold: Option<Uuid>,
    /// Who comes.
    pub person: Attendee,
    /// The language in which the person is told; `es` where nothing is said.
    #[schema(example = "es", value_type = Option<String>, max_length = 8)]
    pub language: String,
    /// What staff should know.
    #[schema(example = json!(null), max_length = 500)]
    pub remarks: Option<String>,
}

impl AppointmentRequest {
    /// Reads its JSON.
    ///
    /// # Errors
    /// Everything that is wrong, with its pointer.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<FieldError>> {
        const KEYS: &[&str] = &["service", "start", "hold", "person", "language", "remarks"];
        let (tree, mut errors) = (tree(bytes)?, Errors::default());
        let read = Object::open(&tree, "", &[KEYS], &mut errors).and_then(|object| {
            let service = object.required_text("service", 40, &mut errors);
            let start = start(&object, &mut errors);
            let hold = object.parsed("hold", 36, |text| text.parse().map_err(|_| "must be a UUID"), &mut errors);
            let person = object.required("person", &mut errors);
            let person = person.and_then(|node| Attendee::read(node, &mut errors));
            let language = object.text("language", 8, &mut errors).unwrap_or_else(|| "es".into());
            let remarks = object.text("remarks", 500, &mut errors);
            Some(Self { service: service?, start: start?, hold, person: person?, language, remarks })
        });
        read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
    }
}

/// The body of a hold or a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// When the slot begins.
    #[schema(example = "2026-12-01T09:00:00+01:00", value_type = String)]
    pub start: Micros,
}

impl StartRequest {
    /// Reads its JSON.
    ///
    /// # Errors
    /// Everything that is wrong, with its pointer.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<FieldError>> {
        let (tree, mut errors) = (tree(bytes)?, Errors::default());
        let read = Object::open(&tree, "", &[&["start"]], &mut errors)
            .and_then(|object| Some(Self { start: start(&object, &mut errors)? }));
        read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
    }
}

/// The body of a cancellation.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancellationRequest {
    /// Why.
    #[schema(example = "No puedo ir", max_length = 240)]
    pub reason: Option<String>,
}

impl CancellationRequest {
    /// Reads its JSON.
    ///
    /// # Errors
    /// Everything that is wrong, with its pointer.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<FieldError>> {
        let (tree, mut errors) = (tree(bytes)?, Errors::default());
        let read = Object::open(&tree, "", &[&["reason"]], &mut errors)
            .map(|object| Self { reason: object.text("reason", 240, &mut errors) });
        read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
    }
}

fn start(object: &Object<'_>, errors: &mut Errors) -> Option<Micros> {
    object.required("start", errors)?;
    object.parsed("start", 40, Micros::parse, errors)
}

impl Attendee {
    fn read(node: &crate::registry::submission::json::Node, errors: &mut Errors) -> Option<Self> {
        const KEYS: &[&str] = &["id_type", "id", "name", "phone", "email"];
        let object = Object::open(node, "/person", &[KEYS], errors)?;
        let name = object.required_text("name", 160, errors);
        if let Some(unseen) = name.as_deref().and_then(|name| name.chars().find(|c| text::is_unseen(*c))) {
            // It stands on screens, in mails and in calendars, where it would begin a line or turn the reading round.
            errors.add("/person/name", format!("has the control character U+{:04X}", u32::from(unseen)));
        }
        let stated: Option<IdType> = object.name("id_type", errors);
        let id = object.text("id", 40, errors);
        let id_type = stated.or_else(|| id.as_deref().and_then(identifier::tell));
        let id = match (id, id_type) {
            (Some(id), Some(id_type)) => errors.keep("/person/id", identifier::normalise(id_type, &id)),
            (Some(_), None) => {
                errors.add("/person/id_type", "is required with this id");
                None
            }
            (None, _) => None,
        };
        let phone = object.parsed("phone", 20, phone, errors);
        let email = object.parsed("email", 254, email, errors);
        if errors.is_empty() && id.is_none() && phone.is_none() && email.is_none() {
            errors.add("/person", "needs one of id, phone and email");
        }
        Some(Self { id_type: id.is_some().then_some(id_type).flatten(), id, name: name?, phone, email })
    }
}

/// A phone in the one form it is kept in: digits, without Spain's prefix.
fn phone(text: &str) -> Result<String, &'static str> {
    let wrong = "must be a phone number";
    let digits: String = text.chars().filter(|letter| !" -.()".contains(*letter)).collect();
    let (plus, digits) = digits.strip_prefix('+').map_or((false, digits.as_str()), |rest| (true, rest));
    if !(6..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong);
    }
    let digits = digits.strip_prefix("0034").or(digits.strip_prefix("34").filter(|_| plus)).unwrap_or(digits);
    Ok(if plus && text.trim_start().strip_prefix("+34").is_none() { format!("+{digits}") } else { digits.to_owned() })
}

fn email(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let parts = text.split_once('@').filter(|(name, host)| !name.is_empty() && host.contains('.'));
    let clean = parts.is_some_and(|(_, host)| !host.contains('@') && !host.starts_with('.') && !host.ends_with('.'));
    let plain = text.chars().all(|letter| letter.is_ascii_graphic() && !"<>,;:\"()[]\\".contains(letter));
    if clean && plain { Ok(text.to_lowercase()) } else { Err("must be an e-mail address") }
}

/// A code as it is kept, however it was typed.
fn typed(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).take(64).collect()
}

fn fresh_code() -> Result<String, ServiceError> {
    let mut random = [0; CODE];
    openssl::rand::rand_bytes(&mut random)?;
    Ok(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
}

/// A place that is held.
#[derive(Debug, Clone, Copy)]
pub struct Hold {
    /// Its id, which a booking names.
    pub id: Uuid,
    /// Until when.
    pub expires_at: Micros,
}

/// An appointment that is booked.
#[derive(Debug, Clone)]
pub struct Booked {
    /// The appointment.
    pub row: AppointmentRow,
    /// Whether it had been before: the key was repeated.
    pub repeated: bool,
}

impl Services {
    /// The free slots of these days, and the days whose limit is reached.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the database's.
    pub async fn slots(
        &self,
        entity: &Entity,
        by: &By,
        code: &str,
        (from, to): (NaiveDate, NaiveDate),
    ) -> Result<(Vec<(Slot, i64)>, Vec<NaiveDate>), ServiceError> {
        let mut tx = self.store.read().await?;
        let service = services::by_code(&mut tx, entity.id, code).await?.ok_or(ServiceError::NotFound)?;
        let book = Book::open(&mut tx, entity, service, self.clock.now()).await?;
        let Free { slots, full_days } = book.free(&mut tx, from, to, by).await?;
        Ok((slots, full_days.into_iter().collect()))
    }

    /// Keeps a place for five minutes. `holder` is who asks, as far as it can be told; one holds as many as `most`, any
    /// number where that is 0.
    ///
    /// # Errors
    /// [`ServiceError`]; then nothing is held.
    pub async fn hold(
        &self,
        entity: &Entity,
        by: &By,
        code: &str,
        start: Micros,
        (holder, most): (&str, i64),
    ) -> Result<Hold, ServiceError> {
        let mut tx = self.store.begin().await?;
        let service = services::lock(&mut tx, entity.id, code).await?.ok_or(ServiceError::NotFound)?;
        if by.is_of_other(&service.department) {
            return Err(ServiceError::NotFound);
        }
        let book = Book::open(&mut tx, entity, service, self.clock.now()).await?;
        book.end_expired(&mut tx).await?;
        if most > 0 && slots::held(&mut tx, entity.id, holder, book.held_at).await? >= most {
            return Err(ServiceError::TooManyHolds);
        }
        let slot = match book.slot(&mut tx, start, by, false).await? {
            Ok(slot) => slot,
            Err(why) => return Err(book.refuse(tx, &self.store, why, start, by).await),
        };
        let hold = Hold { id: self.clock.new_id(), expires_at: Micros(book.held_at.0 + HELD) };
        let sitter = Sitter::Hold(hold.id, holder, hold.expires_at);
        if let Err(why) = book.take(&mut tx, &slot, *by == By::Public, sitter).await? {
            return Err(book.refuse(tx, &self.store, why, start, by).await);
        }
        tx.commit().await?;
        Ok(hold)
    }

    /// Books an appointment: when this returns, the place is taken and durable.
    ///
    /// # Errors
    /// [`ServiceError`] says whether it may have been booked all the same.
    pub async fn book(
        &self,
        entity: &Entity,
        by: &By,
        asked: AppointmentRequest,
        key: Key,
    ) -> Result<Booked, ServiceError> {
        let mut tx = self.store.begin().await?;
        let service = services::lock(&mut tx, entity.id, &asked.service).await?;
        if let Some(used) = store::book::used_key(&mut tx, entity.id, &key.caller, &key.key).await? {
            if used.body_sha256 != key.body_sha256 {
                return Err(ServiceError::KeyReused);
            }
            let row = appointments::by_id(&mut tx, entity.id, used.subject_id).await?;
            let row = row.ok_or(store::Error::Corrupt("appointment of a key"))?;
            return Ok(Booked { row, repeated: true });
        }
        let Some(service) = service else {
            let detail = "there is no such service; GET /services names them".to_owned();
            return Err(ServiceError::Invalid(vec![FieldError { pointer: "/service".into(), detail }]));
        };
        if by.is_of_other(&service.department) {
            return Err(ServiceError::NotFound);
        }
        let book = Book::open(&mut tx, entity, service, self.clock.now()).await?;
        book.end_expired(&mut tx).await?;
        let start = asked.start;
        if let Some(hold) = asked.hold
            && book.end_hold(&mut tx, hold, start).await?.is_none()
        {
            return Err(book.refuse(tx, &self.store, Refusal::HoldExpired, start, by).await);
        }
        let slot = match book.slot(&mut tx, start, by, asked.hold.is_some()).await? {
            Ok(slot) => slot,
            Err(why) => return Err(book.refuse(tx, &self.store, why, start, by).await),
        };
        let AppointmentRequest { service: code, person, language, remarks, .. } = asked;
        let id = person.id_type.zip(person.id.as_deref());
        let known_by = (id, person.phone.as_deref(), person.email.as_deref());
        let has = appointments::of_person(&mut tx, entity.id, &code, known_by, book.now).await?;
        if has >= book.service.active_per_person {
            return Err(book.refuse(tx, &self.store, Refusal::TooManyBookings, start, by).await);
        }
        let public = *by == By::Public;
        let row = AppointmentRow {
            id: self.clock.new_id(),
            service: code,
            code: fresh_code()?,
            department: book.service.department.clone(),
            start_at: slot.start,
            end_at: slot.end,
            local_date: slot.date.to_string(),
            status: AppointmentStatus::Booked,
            name: person.name,
            id_type: person.id_type,
            person_id: person.id,
            phone: person.phone,
            email: person.email,
            language,
            remarks,
            booked_by: if public { BookedBy::Public } else { BookedBy::Staff },
            booked_by_name: by.name().map(str::to_owned),
            booked_at: book.now,
            changed_at: book.now,
            reason: None,
            version: 1,
        };
        if let Err(why) = book.take(&mut tx, &slot, public, Sitter::Appointment(row.id)).await? {
            return Err(book.refuse(tx, &self.store, why, start, by).await);
        }
        appointments::insert(&mut tx, entity.id, &row).await?;
        let Key { caller, key, body_sha256 } = key;
        let key = KeyRow { caller, key, body_sha256, operation: "appointment", subject_id: row.id };
        match store::book::insert_keys(&mut tx, entity.id, book.now, &[key]).await {
            // With another body, that names another service: no lock is between the two.
            Err(error) if error.blames_one_row() => return Err(ServiceError::KeyReused),
            done => done?,
        }
        end(tx).await?;
        Ok(Booked { row, repeated: false })
    }

    /// An appointment by its code.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the database's.
    pub async fn appointment(&self, entity: i64, by: &By, code: &str) -> Result<AppointmentRow, ServiceError> {
        let row = appointments::by_code(&mut self.store.read().await?, entity, &typed(code)).await?;
        row.filter(|row| !by.is_of_other(&row.department)).ok_or(ServiceError::NotFound)
    }

    /// An appointment as it is now that its service is locked, where whoever asks can still move or cancel it.
    async fn begin_change<'e>(
        &self,
        entity: &'e Entity,
        by: &By,
        code: &str,
    ) -> Result<(store::Tx, Book<'e>, AppointmentRow), ServiceError> {
        let seen = self.appointment(entity.id, by, code).await?;
        let mut tx = self.store.begin().await?;
        let service = services::lock(&mut tx, entity.id, &seen.service).await?.ok_or(ServiceError::NotFound)?;
        let row = appointments::by_id(&mut tx, entity.id, seen.id).await?.ok_or(ServiceError::NotFound)?;
        let book = Book::open(&mut tx, entity, service, self.clock.now()).await?;
        check_changeable(&row, &book, by)?;
        Ok((tx, book, row))
    }

    /// Moves an appointment to another slot of its service. The old place is kept unless the new one is got.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn move_appointment(
        &self,
        entity: &Entity,
        by: &By,
        code: &str,
        start: Micros,
    ) -> Result<AppointmentRow, ServiceError> {
        let (mut tx, book, mut row) = self.begin_change(entity, by, code).await?;
        book.end_expired(&mut tx).await?;
        if row.status == AppointmentStatus::Broken {
            // The person may have booked another meanwhile.
            let id = row.id_type.zip(row.person_id.as_deref());
            let known_by = (id, row.phone.as_deref(), row.email.as_deref());
            let has = appointments::of_person(&mut tx, entity.id, &row.service, known_by, book.now).await?;
            if has >= book.service.active_per_person {
                return Err(book.refuse(tx, &self.store, Refusal::TooManyBookings, start, by).await);
            }
        }
        if let Some(seat) = slots::leave(&mut tx, entity.id, row.id).await? {
            slots::give_back(&mut tx, entity.id, &row.service, &seat).await?;
        }
        let slot = match book.slot(&mut tx, start, by, false).await? {
            Ok(slot) => slot,
            Err(why) => return Err(book.refuse(tx, &self.store, why, start, by).await),
        };
        if let Err(why) = book.take(&mut tx, &slot, *by == By::Public, Sitter::Appointment(row.id)).await? {
            return Err(book.refuse(tx, &self.store, why, start, by).await);
        }
        (row.start_at, row.end_at, row.local_date) = (slot.start, slot.end, slot.date.to_string());
        appointments::set_time(&mut tx, entity.id, &row, book.now).await?;
        (row.status, row.changed_at, row.version) = (AppointmentStatus::Booked, book.now, row.version + 1);
        end(tx).await?;
        Ok(row)
    }

    /// Cancels an appointment; its place is free at once.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn cancel(
        &self,
        entity: &Entity,
        by: &By,
        code: &str,
        reason: Option<String>,
    ) -> Result<AppointmentRow, ServiceError> {
        let (mut tx, book, mut row) = self.begin_change(entity, by, code).await?;
        if let Some(seat) = slots::leave(&mut tx, entity.id, row.id).await? {
            slots::give_back(&mut tx, entity.id, &row.service, &seat).await?;
        }
        let to = match by {
            By::Public => AppointmentStatus::CancelledByPerson,
            _ => AppointmentStatus::CancelledByOffice,
        };
        let (from, at) = ([row.status], book.now);
        appointments::set_status(&mut tx, entity.id, row.id, &from, to, (at, reason.as_deref())).await?;
        (row.status, row.reason, row.changed_at, row.version) = (to, reason, at, row.version + 1);
        end(tx).await?;
        Ok(row)
    }

    /// Appointments, by time; a manager's are its department's.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn appointments(
        &self,
        entity: i64,
        by: &By,
        mut wanted: Wanted,
        limit: i64,
    ) -> store::Result<Vec<AppointmentRow>> {
        if let By::Manager(_, department) = by {
            wanted.department = Some(department.clone());
        }
        if let Some(person) = &mut wanted.person {
            *person = match (phone(person), identifier::tell(person)) {
                (_, Some(_)) => identifier::compact(person),
                (Ok(phone), None) => phone,
                (Err(_), None) => person.trim().to_owned(),
            };
        }
        appointments::list(&mut self.store.read().await?, entity, &wanted, limit).await
    }
}

/// Whether an appointment can still be moved or cancelled by whoever asks.
fn check_changeable(row: &AppointmentRow, book: &Book<'_>, by: &By) -> Result<(), ServiceError> {
    if !matches!(row.status, AppointmentStatus::Booked | AppointmentStatus::Broken) {
        return Err(ServiceError::WrongState("the appointment does not stand any more; GET shows what became of it"));
    }
    let until = row.start_at.0 - book.service.cancel_until_minutes * 60_000_000;
    if *by == By::Public && row.status == AppointmentStatus::Booked && book.now.0 >= until {
        return Err(ServiceError::WrongState("it is too late to change the appointment; the office can"));
    }
    Ok(())
}

/// Commits; where the answer was lost, it may have been kept.
async fn end(tx: store::Tx) -> Result<(), ServiceError> {
    match tx.commit().await {
        Err(lost) if lost.leaves_doubt() => Err(ServiceError::Unknown),
        done => Ok(done?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("600 00 00 00", Some("600000000"))]
    #[case("+34 600000000", Some("600000000"))]
    #[case("0034600000000", Some("600000000"))]
    #[case("+351 210 000 000", Some("+351210000000"))]
    #[case("seis", None)]
    fn a_phone_is_kept_in_one_form(#[case] text: &str, #[case] kept: Option<&str>) {
        assert_eq!(phone(text).ok().as_deref(), kept);
    }

    #[rstest]
    #[case("Ana@Example.org", Some("ana@example.org"))]
    #[case("ana", None)]
    #[case("ana@example.org\r\nBcc: x@example.org", None)]
    #[case("a@b@c.d", None)]
    fn an_address_is_one_address(#[case] text: &str, #[case] kept: Option<&str>) {
        assert_eq!(email(text).ok().as_deref(), kept);
    }

    #[test]
    fn codes_are_long_and_read_however_they_are_typed() {
        let code = fresh_code().unwrap();
        assert_eq!((code.len(), typed(&code)), (CODE, code.clone()));
        assert_eq!(typed(&format!(" {}-{} ", code[..5].to_lowercase(), &code[5..])), code);
        assert_ne!(code, fresh_code().unwrap());
    }
}
