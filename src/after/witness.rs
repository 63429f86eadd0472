//! Asking the witnesses to cosign the newest checkpoint of the book (C2SP tlog-witness).
//!
//! # Why
//! A witness that has seen more leaves than the book has, or another root, is the only one to notice when the whole
//! site was brought back from an old backup, published checkpoints and all. Its word alone does not stop numbering, or
//! any witness could: it is an alarm that `/readyz` names. Only whoever brings a backup back is held by it.

use std::sync::PoisonError;

use futures_util::future::join_all;

use super::publish::{Head, PublishError};
use crate::app::App;
use crate::log::Note;
use crate::log::note::NoteError;
use crate::log::proof::Plan;
use crate::log::witness::{AddCheckpoint, RequestError, parse_size};
use crate::registry::continuity::confirmed_head;
use crate::registry::ledger::{fetch, head};
use crate::store::log::Log;
use crate::store::{self};

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// It has seen more than there is.
    #[error(
        "the witness {witness} has cosigned a book of {witnessed} leaves, this one has {found}: this database is older than \
         what was witnessed; bring back a newer backup"
    )]
    Ahead {
        /// Its address, as `proof.witnesses` has it.
        witness: String,
        /// Leaves of the book in the database.
        found: u64,
        /// Leaves that it cosigned.
        witnessed: u64,
    },
    /// It has seen another book.
    #[error("the witness {witness} says that this book does not continue the one that it cosigned: {said}")]
    Fork {
        /// Its address, as `proof.witnesses` has it.
        witness: String,
        /// What it answered: the body, 300 characters at most.
        said: String,
    },
    /// It refuses for another reason.
    #[error("the witness {witness} refuses with the status {status}: {said}")]
    Refused {
        /// Its address, as `proof.witnesses` has it.
        witness: String,
        /// The HTTP status of its answer, which C2SP tlog-witness gives no meaning here.
        status: u16,
        /// What it answered: the body, 300 characters at most.
        said: String,
    },
    /// What it answered is no cosignature by a key of `proof.witness_keys`.
    #[error("the answer of the witness {witness} does not count: {error}")]
    Answer {
        /// Its address, as `proof.witnesses` has it.
        witness: String,
        /// What is wrong with the note that it sent back.
        error: NoteError,
    },
    /// It could not be asked.
    #[error(transparent)]
    Silent(#[from] crate::fetch::client::FetchError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The request could not be written.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl App {
    /// Asks all witnesses about the newest checkpoint, keeps what they cosign, and publishes it. Gives what is wrong
    /// with the book by the word of one of them.
    ///
    /// # Errors
    /// When database or object store do not answer.
    pub async fn ask_witnesses(&self) -> Result<Option<String>, PublishError> {
        let addresses = self.witnesses.addresses();
        if addresses.is_empty() {
            return Ok(None);
        }
        let known = self.entity.ledger.known(Log::Book);
        let mut tx = self.store().read().await?;
        let tree = confirmed_head(&mut tx, &self.entity, known).await?;
        drop(tx);
        let size = tree.size();
        let signed = self.entity.ledger.checkpoint(&tree)?;
        let mut note = Note::parse(signed.as_bytes()).map_err(|_| store::Error::Corrupt("key of the log"))?;
        let (asked, mut alarm) = (&note, None);
        let answers = join_all(addresses.iter().map(|address| self.ask_witness(address, size, asked))).await;
        let mut fresh = Vec::new();
        for answer in answers {
            match answer {
                Ok(cosigned) => fresh.extend(cosigned),
                Err(error @ (WitnessError::Ahead { .. } | WitnessError::Fork { .. })) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a witness has seen another book");
                    alarm = Some(error.to_string());
                }
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "a witness did not cosign"),
            }
        }
        if fresh.is_empty() {
            return Ok(alarm);
        }
        let mut tx = self.store().begin().await?;
        let (entity, at) = (self.entity.id, self.clock().now());
        for cosigned in fresh {
            for line in cosigned.signatures() {
                if self.witness_keys.iter().any(|key| key.id() == line.id() && key.name() == line.name()) {
                    let witness = format!("{}+{}", line.name(), line.id());
                    store::log::keep_cosignature(&mut tx, entity, size, &witness, &line.to_string(), at).await?;
                    note.add(line.clone());
                }
            }
        }
        tx.commit().await?;
        // Another process may have published a later one meanwhile, which stays.
        if let Ok(Head { published, .. }) = self.continues(Log::Book).await
            && published.is_none_or(|published| published <= size)
        {
            let objects = self.registry.objects();
            objects.put_log(&self.entity.code, Log::Book.checkpoint_name(), note.to_string().into_bytes()).await?;
        }
        Ok(alarm)
    }

    /// Asks one witness; `None` when it has cosigned this already.
    async fn ask_witness(&self, address: &str, size: u64, note: &Note) -> Result<Option<Note>, WitnessError> {
        let witness = || address.to_owned();
        let known = self.witnessed.lock().unwrap_or_else(PoisonError::into_inner).get(address).copied();
        if known == Some(size) {
            return Ok(None);
        }
        // What it cosigned last is not known after a start: it says so itself.
        let mut old = known.unwrap_or(0).min(size);
        let mut again = true;
        loop {
            let mut tx = self.store().read().await?;
            let plan = Plan::consistency(old, size).map_err(|_| store::Error::Corrupt("tree"))?;
            let proof = fetch(&mut tx, self.entity.id, Log::Book, &plan).await?;
            drop(tx);
            let request = AddCheckpoint::new(old, proof, note.clone())?;
            let reply = self.witnesses.add_checkpoint(address, request.to_string()).await?;
            let said = || String::from_utf8_lossy(&reply.bytes).trim().chars().take(300).collect();
            match (reply.status, parse_size(&reply.bytes)) {
                (200, _) => {
                    let cosigned = request
                        .cosigned(&reply.bytes, &self.witness_keys)
                        .map_err(|error| WitnessError::Answer { witness: witness(), error })?;
                    self.witnessed.lock().unwrap_or_else(PoisonError::into_inner).insert(witness(), size);
                    return Ok(Some(cosigned));
                }
                (409, Some(witnessed)) if witnessed > size => {
                    // Another process may have registered more since, and asked before this one.
                    let mut tx = self.store().read().await?;
                    let (found, _) = head(&mut tx, self.entity.id, Log::Book).await?;
                    if found >= witnessed {
                        return Ok(None);
                    }
                    return Err(WitnessError::Ahead { witness: witness(), found, witnessed });
                }
                (409, Some(witnessed)) if again => (old, again) = (witnessed, false),
                (422, _) => return Err(WitnessError::Fork { witness: witness(), said: said() }),
                (status, _) => return Err(WitnessError::Refused { witness: witness(), status, said: said() }),
            }
        }
    }
}
