//! Incidents of the electronic office and the deadlines that are extended for them, as they are published (Ley 39/2015
//! art. 32.4).
//!
//! # Why
//! Whoever could not submit in time must be able to show why years later, so what was published stays: nothing of an
//! incident is changed. Its end and the extensions are published after it, each a recorded act.

pub mod request;

use serde_json::json;
use uuid::Uuid;

use self::request::{Extension, Incident};
use super::Registry;
use super::act::{Action, Actor, record_act};
use super::caller::Entity;
use super::submission::FieldError;
use crate::domain::Micros;
use crate::store;
use crate::store::incidents::{ExtensionRow, IncidentRow};

/// An incident with its extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The incident.
    pub incident: IncidentRow,
    /// What was extended for it.
    pub extensions: Vec<ExtensionRow>,
}

/// Why something was not published.
#[derive(Debug, thiserror::Error)]
pub enum IncidentError {
    /// There is no such incident.
    #[error("there is no such incident")]
    NotFound,
    /// Its end was published before.
    #[error("its end was published before")]
    Ended,
    /// What is said does not go with the incident.
    #[error("{detail}", detail = .0.detail)]
    Invalid(FieldError),
    /// The database did not answer. Nothing was published.
    #[error(transparent)]
    Store(#[from] store::Error),
}

fn wrong(pointer: &str, detail: String) -> IncidentError {
    IncidentError::Invalid(FieldError { pointer: pointer.into(), detail })
}

impl Registry {
    /// Publishes an incident.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn publish_incident(
        &self,
        entity: &Entity,
        incident: Incident,
        by: &Actor,
    ) -> Result<Published, IncidentError> {
        let row = IncidentRow {
            id: self.clock.new_id(),
            description: incident.description,
            started_at: incident.started_at,
            published_at: self.clock.now(),
            published_by: by.name.clone(),
            ended_at: None,
            end_published_at: None,
            end_published_by: None,
        };
        let detail = json!({"description": row.description, "started_at": row.started_at.rfc3339(entity.zone),
            "published_at": row.published_at.rfc3339(entity.zone)});
        let mut tx = self.store.begin().await?;
        store::incidents::insert(&mut tx, entity.id, &row).await?;
        let act = (Action::IncidentPublished, row.id.to_string());
        record_act(&mut tx, &self.clock, entity, by, (act.0, &act.1), &detail).await?;
        tx.commit().await?;
        Ok(Published { incident: row, extensions: Vec::new() })
    }

    /// Publishes that an incident has ended.
    ///
    /// # Errors
    /// [`IncidentError`].
    pub async fn end_incident(
        &self,
        entity: &Entity,
        id: Uuid,
        ended_at: Micros,
        by: &Actor,
    ) -> Result<Published, IncidentError> {
        let mut tx = self.store.begin().await?;
        let incident = store::incidents::by_id(&mut tx, entity.id, id).await?.ok_or(IncidentError::NotFound)?;
        if ended_at < incident.started_at {
            return Err(wrong("/ended_at", "must not be before the incident began".into()));
        }
        let at = self.clock.now();
        if !store::incidents::end(&mut tx, entity.id, id, ended_at, at, &by.name).await? {
            return Err(IncidentError::Ended);
        }
        let detail = json!({"ended_at": ended_at.rfc3339(entity.zone), "published_at": at.rfc3339(entity.zone)});
        record_act(&mut tx, &self.clock, entity, by, (Action::IncidentEnded, &id.to_string()), &detail).await?;
        tx.commit().await?;
        self.incident(entity.id, id).await
    }

    /// Publishes that deadlines are extended for an incident.
    ///
    /// # Errors
    /// [`IncidentError`].
    pub async fn extend_deadlines(
        &self,
        entity: &Entity,
        id: Uuid,
        extension: Extension,
        by: &Actor,
    ) -> Result<Published, IncidentError> {
        let mut tx = self.store.begin().await?;
        let incident = store::incidents::by_id(&mut tx, entity.id, id).await?.ok_or(IncidentError::NotFound)?;
        let began = incident.started_at.local_date(entity.zone);
        if extension.ending_from < began {
            let detail = format!("must not be before {began}, when the incident began: what had ended is not extended");
            return Err(wrong("/ending_from", detail));
        }
        let row = ExtensionRow {
            id: self.clock.new_id(),
            incident_id: id,
            procedures: extension.procedures,
            ending_from: extension.ending_from.to_string(),
            ending_to: extension.ending_to.to_string(),
            extended_to: extension.extended_to.to_string(),
            decision: extension.decision,
            published_at: self.clock.now(),
            published_by: by.name.clone(),
        };
        store::incidents::extend(&mut tx, entity.id, &row).await?;
        let detail = json!({"extension": row.id, "procedures": row.procedures, "ending_from": row.ending_from,
            "ending_to": row.ending_to, "extended_to": row.extended_to, "decision": row.decision,
            "published_at": row.published_at.rfc3339(entity.zone)});
        record_act(&mut tx, &self.clock, entity, by, (Action::DeadlinesExtended, &id.to_string()), &detail).await?;
        tx.commit().await?;
        self.incident(entity.id, id).await
    }

    /// An incident with its extensions.
    ///
    /// # Errors
    /// [`IncidentError`].
    pub async fn incident(&self, entity: i64, id: Uuid) -> Result<Published, IncidentError> {
        let mut tx = self.store.read().await?;
        let incident = store::incidents::by_id(&mut tx, entity, id).await?.ok_or(IncidentError::NotFound)?;
        let extensions = store::incidents::extensions(&mut tx, entity, id).await?;
        Ok(Published { incident, extensions })
    }

    /// Incidents before that place, the last that began first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn incidents(
        &self,
        entity: i64,
        before: Option<(Micros, Uuid)>,
        limit: i64,
    ) -> store::Result<Vec<Published>> {
        let mut tx = self.store.read().await?;
        let before = before.unwrap_or((Micros(i64::MAX), Uuid::max()));
        let mut published = Vec::new();
        for incident in store::incidents::list(&mut tx, entity, before, limit).await? {
            let extensions = store::incidents::extensions(&mut tx, entity, incident.id).await?;
            published.push(Published { incident, extensions });
        }
        Ok(published)
    }
}
