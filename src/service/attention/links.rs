//! What an attention was part of: a ticket of the queue, an entry, an appointment.

use uuid::Uuid;

use crate::registry::correction::by_code;
use crate::registry::submission::FieldError;
use crate::store::entries::EntryRow;
use crate::store::{self, Tx};

/// What an attention was part of; nothing of it has to be said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The id of a ticket.
    pub ticket: Option<Uuid>,
    /// An entry: its code or its id as it is said, its code once it was looked up.
    pub entry: Option<String>,
    /// The code of an appointment.
    pub appointment: Option<String>,
}

impl Links {
    /// Looks for what is named, and puts an entry's code for its id; inside, what there is not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn look_up(&mut self, tx: &mut Tx, entity: i64) -> store::Result<Result<(), FieldError>> {
        let no = |pointer: &str, detail: &str| {
            Ok(Err(FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() }))
        };
        if let Some(named) = &self.entry {
            match entry(tx, entity, named).await? {
                Some(entry) => self.entry = Some(entry.code),
                None => return no("/entry", "there is no entry of that code or id"),
            }
        }
        if let Some(code) = &self.appointment
            && store::service::appointments::by_code(tx, entity, code).await?.is_none()
        {
            return no("/appointment", "there is no appointment of that code");
        }
        Ok(Ok(()))
    }
}

/// The entry of this code or id.
async fn entry(tx: &mut Tx, entity: i64, named: &str) -> store::Result<Option<EntryRow>> {
    if let Ok(id) = named.parse::<Uuid>() {
        return store::entries::by_id(tx, entity, id).await;
    }
    let books = store::catalogue::books(tx, entity).await?;
    by_code(tx, entity, named, &books).await
}
