//! Tokens of programs and people that call: made, listed, revoked. The secret is shown once, and only its hash is kept.
//!
//! # Why
//! A token's name stands on all that is done with it, so it belongs to one role for ever, to one unit where the role acts for
//! one, and so does a name that reads like it ("Sede"): whoever reads "sede" on an entry of years ago knows what it was allowed to do. A repeat of the request that made one cannot show the secret again; it is
//! told which token it made, so that this one can be revoked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Registry;
use super::act::{Action, Actor, record_act};
use super::book::Key;
use super::caller::Entity;
use super::submission::FieldError;
use super::submission::fields::{Errors, Object, tree};
use crate::domain::{Micros, Role, Sha256, text};
use crate::store;
use crate::store::book::KeyRow;
use crate::store::directory::{self, Kind};
use crate::store::tokens::{MadeToken, TokenRow};

/// The longest name.
const NAME: usize = 80;
/// The longest life, in days.
pub const MOST_DAYS: u32 = 3650;

/// Why a token was not made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// What was said of it is wrong. Correct it and ask again.
    #[error("{}", .0.iter().map(|field| format!("{}: {}", field.pointer.trim_start_matches('/'), field.detail)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
    /// There is no such token.
    #[error("there is no such token")]
    NotFound,
    /// It was revoked before.
    #[error("the token was revoked before")]
    Revoked,
    /// The key made this token before, whose secret was shown then and is kept nowhere.
    #[error(
        "this key made the token {0} before, whose secret was shown once: revoke it, and make another with a fresh key"
    )]
    MadeBefore(Uuid),
    /// The key came with another request.
    #[error("the key was used with other content")]
    KeyReused,
    /// OpenSSL gave no random bytes.
    #[error("no random bytes")]
    Random(#[from] openssl::error::ErrorStack),
    /// The database did not answer. Nothing was changed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A token to make.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Its name: it stands on all that is done with it. A name, and what reads like it, belongs to one role for ever, and to
    /// one unit where the role acts for one.
    #[schema(example = "mostrador-1", min_length = 1, max_length = 80)]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The unit it acts for; a token of role `unit` or `agenda_manager` needs one.
    #[schema(example = "L01000000", max_length = 21)]
    pub unit: Option<String>,
    /// The office it sits in; for a clerk, the entity's first where none is said.
    #[schema(example = "O01000000", max_length = 21)]
    pub office: Option<String>,
    /// Days until it expires: 365 where nothing is said.
    #[schema(example = 365, minimum = 1, maximum = 3650)]
    pub days: Option<u32>,
}

impl TokenRequest {
    /// Reads its JSON.
    ///
    /// # Errors
    /// Everything that is wrong, with its place.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<FieldError>> {
        const KEYS: &[&str] = &["name", "role", "unit", "office", "days"];
        let (tree, mut errors) = (tree(bytes)?, Errors::default());
        let Some(object) = Object::open(&tree, "", &[KEYS], &mut errors) else { return Err(errors.into_list()) };
        let name = object.required_text("name", NAME, &mut errors);
        let role = object.required_name("role", &mut errors);
        let unit = object.text("unit", 21, &mut errors);
        let office = object.text("office", 21, &mut errors);
        let days = object.whole_number("days", 1..=i64::from(MOST_DAYS), &mut errors);
        match (name, role) {
            (Some(name), Some(role)) if errors.is_empty() => {
                Ok(Self { name, role, unit, office, days: days.and_then(|days| u32::try_from(days).ok()) })
            }
            _ => Err(errors.into_list()),
        }
    }

    /// What is wrong with it that the catalogue need not be asked for.
    fn check(&self) -> Vec<FieldError> {
        let mut errors = Errors::default();
        // It stands in logs and on entries, and must not be taken for a citizen's identifier.
        let fits = (1..=NAME).contains(&self.name.chars().count());
        let plain = !self.name.contains(|letter: char| letter == ':' || text::is_unseen(letter));
        if !fits || self.name.trim() != self.name || !plain {
            let rule = "no colon, no characters that cannot be seen, and no blanks around it";
            errors.add("/name", format!("must have 1 to {NAME} characters, {rule}"));
        }
        if matches!(self.role, Role::Unit | Role::AgendaManager) && self.unit.is_none() {
            let what = if self.role == Role::Unit { "acts for one unit" } else { "manages the agendas of one unit" };
            let how = "name it (`--unit CODE`); `ventanilla catalogue list units` and GET /units show the codes";
            errors.add("/unit", format!("is required: a token of this role {what}; {how}"));
        }
        if self.days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
            errors.add("/days", format!("must be from 1 to {MOST_DAYS}"));
        }
        errors.into_list()
    }
}

impl Registry {
    /// Makes a token; with its secret, which is kept nowhere.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn make_token(
        &self,
        of: &Entity,
        asked: TokenRequest,
        by: &Actor,
        key: Option<Key>,
    ) -> Result<(MadeToken, String), TokenError> {
        let entity = of.id;
        let mut errors = asked.check();
        let mut tx = self.store.begin().await?;
        if let Some(key) = &key
            && let Some(used) = store::book::used_key(&mut tx, entity, &key.caller, &key.key).await?
        {
            let same = used.body_sha256 == key.body_sha256;
            return Err(if same { TokenError::MadeBefore(used.subject_id) } else { TokenError::KeyReused });
        }
        let mut wrong = |pointer: &str, detail: String| errors.push(FieldError { pointer: pointer.into(), detail });
        let unit = asked.unit.as_deref();
        if let Some((role, unit)) = store::tokens::other_owner(&mut tx, entity, &asked.name, asked.role, unit).await? {
            let whose = if role == asked.role {
                format!("unit {}", unit.as_deref().unwrap_or("none"))
            } else {
                format!("role {role}")
            };
            wrong("/name", format!("belongs to tokens of {whose}, those that were revoked too: choose another"));
        }
        if let Some(unit) = &asked.unit {
            match directory::one(&mut tx, entity, Kind::Unit, unit).await? {
                None => wrong("/unit", format!("there is no unit {unit} in the catalogue")),
                Some(row) if asked.role == Role::Unit && !row.own => {
                    wrong("/unit", format!("{unit} is a unit of another body"));
                }
                Some(_) => {}
            }
        }
        let offices = directory::own_codes(&mut tx, entity, Kind::Office).await?;
        let office = match &asked.office {
            Some(office) if offices.iter().any(|(known, _)| known == office) => Some(office.clone()),
            Some(office) => {
                wrong("/office", format!("the entity has no office {office}"));
                None
            }
            None if asked.role == Role::Clerk => {
                let first = offices.into_iter().next().map(|(office, _)| office);
                if first.is_none() {
                    let how = "`ventanilla catalogue office CODE --name NAME`";
                    wrong("/office", format!("the entity has no office yet: {how}, or PUT /offices/CODE"));
                }
                first
            }
            None => None,
        };
        if !errors.is_empty() {
            return Err(TokenError::Invalid(errors));
        }
        let mut random = [0; 32];
        openssl::rand::rand_bytes(&mut random)?;
        let secret = format!("vt_{}", URL_SAFE_NO_PAD.encode(random));
        let now = self.clock.now();
        let token = TokenRow {
            id: self.clock.new_id(),
            entity_id: entity,
            name: asked.name,
            role: asked.role,
            unit: asked.unit,
            office,
            created_at: now,
            expires_at: Micros(now.0 + i64::from(asked.days.unwrap_or(365)) * 86_400_000_000),
            revoked_at: None,
        };
        let hash = Sha256(openssl::sha::sha256(secret.as_bytes()));
        store::tokens::insert(&mut tx, &token, hash).await?;
        store::tokens::made_by(&mut tx, token.id, &by.name).await?;
        if let Some(Key { caller, key, body_sha256 }) = key {
            let row = KeyRow { caller, key, body_sha256, operation: "token", subject_id: token.id };
            store::book::insert_keys(&mut tx, entity, now, &[row]).await?;
        }
        let detail = json!({
            "token": token.id,
            "role": token.role,
            "unit": token.unit,
            "office": token.office,
            "expires_at": token.expires_at.rfc3339(of.zone),
            // Of the hash that is stored: who reads the acts can try no secret with it that the table would take.
            "hash": Sha256(openssl::sha::sha256(hash.as_ref())),
        });
        record_act(&mut tx, &self.clock, of, by, (Action::TokenCreated, &token.name), &detail).await?;
        tx.commit().await?;
        Ok((MadeToken { token, created_by: by.name.clone(), revoked_by: None }, secret))
    }

    /// Tokens, the oldest first, after this one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tokens(
        &self,
        entity: i64,
        after: Option<(Micros, Uuid)>,
        limit: i64,
    ) -> store::Result<Vec<MadeToken>> {
        store::tokens::page(&mut self.store.read().await?, entity, after, limit).await
    }

    /// Revokes a token: this process heeds it at once, others within seconds.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn revoke_token(&self, of: &Entity, id: Uuid, by: &Actor) -> Result<MadeToken, TokenError> {
        let mut tx = self.store.begin().await?;
        let entity = of.id;
        let revoked = store::tokens::revoke_one(&mut tx, entity, id, self.clock.now(), &by.name).await?;
        let token = store::tokens::made(&mut tx, entity, id).await?.ok_or(TokenError::NotFound)?;
        if !revoked {
            return Err(TokenError::Revoked);
        }
        let act = (Action::TokenRevoked, token.token.name.as_str());
        record_act(&mut tx, &self.clock, of, by, act, &json!({ "token": id })).await?;
        tx.commit().await?;
        Ok(token)
    }
}
