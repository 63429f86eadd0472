//! Officials who may make authentic copies (Ley 39/2015 art. 27.1), and the copies they make at the counter.
//!
//! # Why
//! A copy has the value of what it copies only if somebody made it who may, so a clerk's word that a scan is an authentic
//! copy counts only while an administrator has named who stands behind the clerk's token. Who it was is part of the
//! document, and does not change when somebody else takes the place.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Registry;
use super::act::{Action, Actor, record_act};
use super::caller::{Caller, Entity};
use super::submission::FieldError;
use super::submission::fields::{Errors, Object, tree};
use super::submit::StoredDocument;
use crate::domain::copy::{AuthenticCopy, DocumentOrigin};
use crate::domain::{Micros, Role, Validity};
use crate::store;
use crate::store::officials::OfficialRow;

/// The longest name, post or reference of a decision.
const TEXT: usize = 160;

/// Why no authentic copies can be made yet.
pub const NO_REGULATION: &str =
    "an authentic copy states the rule that governs verification codes: set entity.csv_regulation";

/// Who stands behind a clerk's token, and may make authentic copies.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct OfficialRequest {
    /// The official's name.
    #[schema(example = "María Ruiz Vega", min_length = 1, max_length = 160)]
    name: String,
    /// Their post.
    #[schema(example = "Auxiliar administrativa", min_length = 1, max_length = 160)]
    post: String,
    /// The decision that enabled them, such as its number and date.
    #[schema(example = "Decreto 2026/0045, de 2 de febrero", max_length = 160)]
    decision: Option<String>,
}

/// An official, as they are to be enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the request, described there")]
pub struct Official {
    pub name: String,
    pub post: String,
    pub decision: Option<String>,
}

impl Official {
    /// Reads `{"name": …, "post": …, "decision": …}`.
    ///
    /// # Errors
    /// Everything that is wrong, with its place.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<FieldError>> {
        let (tree, mut errors) = (tree(bytes)?, Errors::default());
        let read = Object::open(&tree, "", &[&["name", "post", "decision"]], &mut errors).and_then(|object| {
            let name = object.required_text("name", TEXT, &mut errors);
            let post = object.required_text("post", TEXT, &mut errors);
            let decision = object.text("decision", TEXT, &mut errors);
            Some(Self { name: name?, post: post?, decision })
        });
        read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
    }
}

/// Who makes copies now, and for whom.
#[derive(Debug, Clone)]
pub(super) struct Maker {
    official: OfficialRow,
    body: String,
    year: i32,
    captured_at: String,
    csv: String,
    csv_regulation: String,
}

impl Maker {
    /// The metadata of a copy, where the document is one.
    pub(super) fn of(&self, document: &StoredDocument, id: uuid::Uuid) -> Option<AuthenticCopy> {
        (document.statement.validity == Validity::AuthenticCopy).then(|| AuthenticCopy {
            standard: Some(AuthenticCopy::STANDARD.into()),
            identifier: AuthenticCopy::identifier(&self.body, self.year, id),
            body: self.body.clone(),
            captured_at: self.captured_at.clone(),
            origin: DocumentOrigin::Citizen,
            elaboration: AuthenticCopy::OF_PAPER.into(),
            format: AuthenticCopy::format(&document.statement.filename),
            document_type: AuthenticCopy::OTHER.into(),
            signature_type: AuthenticCopy::BY_CODE.into(),
            csv: Some(self.csv.clone()),
            csv_regulation: Some(self.csv_regulation.clone()),
            made_by: self.official.name.clone(),
            post: self.official.post.clone(),
        })
    }
}

impl Registry {
    /// Who makes the authentic copies among these documents of the counter, for an entry with this verification code, or
    /// why this clerk cannot; none where there are none.
    pub(super) async fn maker(
        &self,
        caller: &Caller,
        documents: &[StoredDocument],
        csv: Option<&str>,
    ) -> store::Result<Result<Option<Maker>, Vec<FieldError>>> {
        let copies = documents.iter().enumerate();
        let copies: Vec<usize> = copies
            .filter(|(_, document)| document.statement.validity == Validity::AuthenticCopy)
            .map(|(place, _)| place)
            .collect();
        if copies.is_empty() {
            return Ok(Ok(None));
        }
        let entity = &caller.entity;
        let mut tx = self.store.read().await?;
        let official = store::officials::enabled(&mut tx, entity.id, &caller.name()).await?;
        drop(tx);
        let refused = |detail: &str| {
            let error =
                |place| FieldError { pointer: format!("/documents/{place}/validity"), detail: detail.to_owned() };
            Ok(Err(copies.into_iter().map(error).collect()))
        };
        let Some(official) = official else {
            return refused(
                "authentic copies are made by officials whom an administrator has enabled (art. 27.1 Ley 39/2015)",
            );
        };
        let Some(csv) = csv else {
            return refused("an authentic copy is proved by a verification code, and an imported entry has none");
        };
        if self.csv_regulation.is_empty() {
            return refused(NO_REGULATION);
        }
        let now = self.clock.now();
        let year = chrono::Datelike::year(&now.local_date(entity.zone));
        let captured_at = now.rfc3339(entity.zone);
        let (body, csv_regulation) = (entity.code.clone(), self.csv_regulation.to_string());
        Ok(Ok(Some(Maker { official, body, year, captured_at, csv: csv.to_owned(), csv_regulation })))
    }

    /// Lets the clerk with this token make authentic copies as this official, in the place of whom it was before; `None` where
    /// no clerk has a token of this name.
    ///
    /// # Errors
    /// When the database does not answer; then nothing changes.
    pub async fn enable_official(
        &self,
        entity: &Entity,
        token: &str,
        official: Official,
        by: &Actor,
    ) -> store::Result<Option<OfficialRow>> {
        let mut tx = self.store.begin().await?;
        // One after the other: who comes second sees whom the first enabled.
        store::book::lock(&mut tx, entity.id).await?;
        if !store::tokens::is_in_force(&mut tx, entity.id, token, Role::Clerk).await? {
            return Ok(None);
        }
        let last = store::officials::list(&mut tx, entity.id).await?;
        let last = last.iter().filter(|row| row.token == token).map(|row| row.enabled_at.0).max().unwrap_or(i64::MIN);
        let at = Micros(self.clock.now().0.max(last.saturating_add(1)));
        store::officials::disable(&mut tx, entity.id, token, at, &by.name).await?;
        let row = OfficialRow {
            token: token.to_owned(),
            enabled_at: at,
            enabled_by: by.name.clone(),
            name: official.name,
            post: official.post,
            decision: official.decision,
            disabled_at: None,
            disabled_by: None,
        };
        store::officials::enable(&mut tx, entity.id, &row).await?;
        let detail = json!({"name": row.name, "post": row.post, "decision": row.decision,
            "enabled_at": row.enabled_at.rfc3339(entity.zone)});
        record_act(&mut tx, &self.clock, entity, by, (Action::OfficialEnabled, token), &detail).await?;
        tx.commit().await?;
        Ok(Some(row))
    }

    /// Lets nobody make authentic copies with this token any more; whether somebody might.
    ///
    /// # Errors
    /// When the database does not answer; then nothing changes.
    pub async fn disable_official(&self, entity: &Entity, token: &str, by: &Actor) -> store::Result<bool> {
        let mut tx = self.store.begin().await?;
        store::book::lock(&mut tx, entity.id).await?;
        if !store::officials::disable(&mut tx, entity.id, token, self.clock.now(), &by.name).await? {
            return Ok(false);
        }
        let detail = serde_json::Value::Null;
        record_act(&mut tx, &self.clock, entity, by, (Action::OfficialDisabled, token), &detail).await?;
        tx.commit().await?;
        Ok(true)
    }
}
