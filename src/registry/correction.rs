//! Entries that put others right (Ley 39/2015 art. 68).
//!
//! # Why
//! Who must submit electronically and brings paper is asked to submit it electronically, and the date of presentation is
//! then that of the electronic one (art. 68.4). The paper's entry stays as it was: what puts it right names it, so the link
//! is in the log with the later entry, and the earlier one is shown with it. Both must be of one interested party or
//! representative, or anybody could settle what another has still to do. Whoever names an entry of others hears the same
//! as for one that is not there.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Registry;
use super::caller::{Caller, Who};
use super::submission::FieldError;
use super::visibility;
use crate::domain::{BookKind, Channel, EntryCode, Identity, Party, Role, Status};
use crate::store::catalogue::BookRow;
use crate::store::entries::{EntryRow, PartyRow};
use crate::store::{self, Tx};

/// What an entry puts right, and what puts it right.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Corrections {
    /// The entry that this one puts right.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub corrects: Option<LinkedEntry>,
    /// Those that put this one right, the first registered first.
    pub corrected_by: Vec<LinkedEntry>,
    /// Whether its party must submit it electronically and has not done so yet (art. 68.4 Ley 39/2015).
    #[schema(example = false)]
    pub to_be_corrected: bool,
    /// Where its party had to submit it electronically and did: when that counts as presented, instead of its own
    /// `presented_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-09T12:00:00.123456+01:00", format = DateTime, nullable = false)]
    pub presented_electronically_at: Option<String>,
    /// When that takes effect; absent as long as nobody can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-09T12:00:00.123456+01:00", format = DateTime, nullable = false)]
    pub effective_electronically_at: Option<String>,
}

/// An entry that is linked to another.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LinkedEntry {
    /// Its id, for addresses.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a12")]
    pub id: Uuid,
    /// Its code.
    #[schema(example = "2026-E-000124", max_length = 20)]
    pub code: String,
    /// How it came.
    pub channel: Channel,
    /// What became of it: one that is annulled puts nothing right.
    pub status: Status,
    /// When it was presented.
    #[schema(example = "2026-03-09T12:00:00.123456+01:00", format = DateTime)]
    pub presented_at: String,
}

impl LinkedEntry {
    fn of(row: &EntryRow, zone: chrono_tz::Tz) -> Self {
        Self {
            id: row.id,
            code: row.code.clone(),
            channel: row.channel,
            status: row.status,
            presented_at: row.presented_at.rfc3339(zone),
        }
    }
}

/// Whether it puts right what had to be submitted electronically.
fn settles(correction: &EntryRow) -> bool {
    correction.channel == Channel::Electronic && correction.status != Status::Annulled
}

/// Whether its party had to submit it electronically.
fn is_obliged(row: &EntryRow) -> bool {
    row.must_submit_electronically.is_some() && row.kind == BookKind::Incoming && row.status != Status::Annulled
}

/// The entry of a code, by the entity's books.
///
/// # Errors
/// When the database does not answer.
pub async fn by_code(tx: &mut Tx, entity: i64, code: &str, books: &[BookRow]) -> store::Result<Option<EntryRow>> {
    let Ok(code) = code.parse::<EntryCode>() else { return Ok(None) };
    let Some(book) = books.iter().find(|book| book.prefix == code.prefix()) else { return Ok(None) };
    store::entries::by_number(tx, entity, &book.code, code.year(), code.number()).await
}

/// Who is in an entry: parties and representatives.
#[must_use]
pub fn people_of(parties: &[Party]) -> Vec<Identity> {
    let people = parties
        .iter()
        .flat_map(|party| [Some(&party.person), party.representative.as_ref().map(|other| &other.person)].into_iter());
    people.flatten().filter_map(crate::domain::Person::identity).collect()
}

impl Registry {
    /// Why an entry of these people cannot put that one right, if it cannot.
    pub(super) async fn not_theirs(
        &self,
        entity: i64,
        pointer: &str,
        code: &str,
        people: &[Identity],
        books: &[BookRow],
    ) -> store::Result<Option<FieldError>> {
        let mut tx = self.store.read().await?;
        let theirs = match by_code(&mut tx, entity, code, books).await? {
            None => false,
            Some(row) => {
                let parties = store::entries::belongings(&mut tx, row.id).await?.parties;
                let mut known = parties.iter().filter_map(PartyRow::identity);
                known.any(|one| people.iter().any(|other| one.is_certainly(other)))
            }
        };
        let detail = format!(
            "there is no entry {code:?} of one of these parties or representatives; an identifier that Spain did not give \
             tells who it is only with its id_country, in both entries"
        );
        Ok((!theirs).then(|| FieldError { pointer: pointer.into(), detail }))
    }

    /// What an entry puts right and what puts it right, as far as this caller may know; none where there is nothing. Those who work for the body see all
    /// links of an entry that they see: its date depends on them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn corrections(&self, caller: &Caller, row: &EntryRow) -> store::Result<Option<Corrections>> {
        let entity = caller.entity.id;
        let books = &self.settled(entity).await?.books;
        let zone = caller.entity.zone;
        let mut tx = self.store.read().await?;
        let correcting = store::corrections::of(&mut tx, entity, &row.code).await?;
        // Dates rest on them, whether they are shown or not.
        let belongings = store::listing::belongings(&mut tx, &correcting).await?;
        self.confirm_all(&mut tx, &caller.entity, &correcting, &belongings).await?;
        let settled = correcting.iter().find(|correction| settles(correction)).filter(|_| is_obliged(row)).cloned();
        let corrects = match &row.corrects {
            Some(code) => by_code(&mut tx, entity, code, books).await?,
            None => None,
        };
        let corrects = match corrects {
            Some(other) => Some(self.confirmed(&mut tx, &caller.entity, other).await?.row),
            None => None,
        };
        let corrects = match corrects {
            Some(other) => self.shown(&mut tx, caller, &other).await?,
            None => None,
        };
        let mut corrected_by = Vec::with_capacity(correcting.len());
        for other in &correcting {
            corrected_by.extend(self.shown(&mut tx, caller, other).await?);
        }
        let to_be_corrected = is_obliged(row) && settled.is_none();
        if corrects.is_none() && corrected_by.is_empty() && settled.is_none() && !to_be_corrected {
            return Ok(None);
        }
        Ok(Some(Corrections {
            corrects,
            corrected_by,
            to_be_corrected,
            presented_electronically_at: settled.as_ref().map(|other| other.presented_at.rfc3339(zone)),
            effective_electronically_at: settled.and_then(|other| other.effective_at).map(|at| at.rfc3339(zone)),
        }))
    }

    async fn shown(&self, tx: &mut Tx, caller: &Caller, other: &EntryRow) -> store::Result<Option<LinkedEntry>> {
        let works_here = matches!(caller.who, Who::Token { role: Role::Clerk | Role::Auditor | Role::Unit, .. });
        let may = works_here || {
            let with = store::entries::belongings(tx, other.id).await?;
            visibility::may_see(tx, caller, other, &with).await?
        };
        Ok(may.then(|| LinkedEntry::of(other, caller.entity.zone)))
    }
}
