//! The signatures in and over the documents of an entry: judged, recorded and shown, whoever made them.
//!
//! # Why
//! Nobody answers for the documents that come with a submission but who sends it, and none of them may hold up another
//! request. So each is read back only when it may hold signatures or came with one, one at a time for a request, within
//! a limit of bytes, of time and of signatures; and what all requests hold together in memory is limited too. What was
//! not judged says so in a verdict of its own, and refuses nothing.

use std::sync::Arc;

use futures_util::TryStreamExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::Registry;
use super::caller::Entity;
use crate::domain::{Identity, Micros, Sha256};
use crate::fetch::{Inquiry, Judge, JudgeError};
use crate::signature::{self, FileKind, Inside, NotJudged, Verdict};
use crate::store::{self, objects};

/// MiB of documents that all requests together hold in memory while they are judged.
pub const ROOM: usize = 256;
/// As many verdicts on documents are kept with one entry.
const MOST_VERDICTS: usize = 200;

/// What verdicts on the document of a part say that they cover.
#[must_use]
pub fn covers(part: &str) -> String {
    format!("document:{part}")
}

/// Why the documents of a request could not be judged at all.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// A document is not there, or not what it was.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A document cannot be read.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// The judge gave up.
    #[error("the signatures of a document could not be judged")]
    Judge(#[from] JudgeError),
}

/// A document that is in the object store.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// What verdicts on it say that they cover ([`covers`]).
    pub covers: String,
    /// Under which hash it is stored.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
    /// As what it may hold signatures.
    pub kind: FileKind,
    /// The detached signature that came with it, in the store as well: hash and bytes.
    pub signature: Option<(Sha256, u64)>,
}

/// The verdicts on one document. All of them cover the document; where each signature is, its coverage says.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// On the detached signature that came with it.
    pub detached: Vec<Verdict>,
    /// On the signatures inside.
    pub inside: Vec<Verdict>,
    /// That it was not judged; then nothing else is said of it.
    pub not_judged: Option<(NotJudged, Verdict)>,
}

impl Judged {
    /// All of them, in the order in which they are kept.
    pub fn all(&self) -> impl Iterator<Item = &Verdict> {
        let not_judged = self.not_judged.iter().map(|(_, verdict)| verdict);
        self.detached.iter().chain(&self.inside).chain(not_judged)
    }
}

/// A document in memory, with its share of the room there is for such.
struct Held {
    document: Attachment,
    bytes: Vec<u8>,
    signature: Option<Vec<u8>>,
    _room: OwnedSemaphorePermit,
}

impl Registry {
    /// Judges the documents of a request that came at this time, within the limits of the settings; one answer each, in
    /// their order. Those signers come first in what others are asked who are among `parties`. `first` is the place of the one that must not be left out for want of time.
    ///
    /// # Errors
    /// [`AttachmentError`]: a document cannot be read, or the judge broke down.
    pub async fn judge_attachments(
        &self,
        entity: &Entity,
        judge: &Judge,
        documents: Vec<Attachment>,
        parties: &Arc<[Identity]>,
        first: Option<usize>,
        at: Micros,
    ) -> Result<Vec<Judged>, AttachmentError> {
        let limits = judge.attachments();
        let now = Instant::now();
        let (end, inquiry) = (now + limits.time, judge.inquiry());
        let mut places: Vec<usize> = (0..documents.len()).collect();
        places.sort_by_key(|place| Some(*place) != first);
        let mut judged = vec![Judged::default(); documents.len()];
        let mut kept = 0;
        for place in places {
            let document = &documents[place];
            if document.kind == FileKind::Other && document.signature.is_none() {
                continue;
            }
            let not_judged = |why| {
                let verdict = signature::not_judged(document.kind, &document.covers, at.0, &judge.policy(), why);
                Judged { not_judged: Some((why, verdict)), ..Judged::default() }
            };
            let found = if document.size > limits.bytes {
                not_judged(NotJudged::TooLarge(limits.bytes))
            } else {
                let judging = self.judge_attachment(entity, judge, document.clone(), parties.clone(), at, &inquiry);
                match timeout_at(end, judging).await {
                    Ok(Err(AttachmentError::Judge(JudgeError::Busy))) | Err(_) => not_judged(NotJudged::TooSlow),
                    Ok(found) => found?,
                }
            };
            let more = found.detached.len() + found.inside.len();
            judged[place] = if kept + more > MOST_VERDICTS {
                not_judged(NotJudged::TooMany(MOST_VERDICTS))
            } else {
                kept += more;
                found
            };
        }
        Ok(judged)
    }

    /// Judges one document, however large. Others are asked as far as `inquiry` goes.
    ///
    /// # Errors
    /// [`AttachmentError`].
    pub async fn judge_attachment(
        &self,
        entity: &Entity,
        judge: &Judge,
        document: Attachment,
        parties: Arc<[Identity]>,
        at: Micros,
        inquiry: &Inquiry,
    ) -> Result<Judged, AttachmentError> {
        let room = self.room_for(document.size, document.signature.map(|(_, size)| size)).await?;
        let bytes = self.read_object(entity, document.sha256).await?;
        let signature = match document.signature {
            Some((hash, _)) => Some(self.read_object(entity, hash).await?),
            None => None,
        };
        // The judge holds it all: a request that waits no longer takes nothing away from those who come after.
        let held = Held { document, bytes, signature, _room: room };
        let judging = judge.run_within(inquiry, move |policy| {
            let policy = &policy.for_parties(parties.clone());
            let Held { document: Attachment { covers, kind, .. }, bytes, signature, .. } = &held;
            let detached =
                signature.as_deref().map(|one| signature::judge_file(one, Some(bytes), covers, at.0, policy));
            let inside = match kind {
                FileKind::Other => Vec::new(),
                _ => signature::judge_inside(bytes, covers, at.0, policy),
            };
            Judged { detached: detached.unwrap_or_default(), inside, not_judged: None }
        });
        Ok(judging.await?)
    }

    /// The document inside a signed document of so many bytes, as these verdicts on it let its signers speak; none where it
    /// holds no other.
    ///
    /// # Errors
    /// [`AttachmentError`].
    pub async fn content_inside(
        &self,
        entity: &Entity,
        judge: &Judge,
        (hash, size): (Sha256, u64),
        verdicts: Vec<Verdict<String>>,
    ) -> Result<Option<Inside>, AttachmentError> {
        let room = self.room_for(size, None).await?;
        let bytes = self.read_object(entity, hash).await?;
        let found = judge.run(move |policy| {
            let _room = &room;
            signature::inside(&bytes, &verdicts, &policy.deadline)
        });
        Ok(found.await?)
    }

    /// Room in memory for a document of so many bytes, and the signature beside it.
    async fn room_for(&self, size: u64, beside: Option<u64>) -> Result<OwnedSemaphorePermit, store::Error> {
        let wanted = (size >> 20) + beside.map_or(0, |size| (size >> 20) + 1) + 1;
        let wanted = u32::try_from(wanted.min(ROOM as u64)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(wanted).await;
        room.map_err(|_| store::Error::Bug("room for documents"))
    }

    /// An object as a whole, if it is what it is stored as.
    pub(super) async fn read_object(&self, entity: &Entity, hash: Sha256) -> Result<Vec<u8>, AttachmentError> {
        let found = self.objects.get(&entity.code, &hash, None).await?;
        let mut stream = found.ok_or(store::Error::Corrupt("document"))?;
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.try_next().await.map_err(objects::Error::from)? {
            bytes.extend_from_slice(&chunk);
        }
        if openssl::sha::sha256(&bytes) == hash.0 { Ok(bytes) } else { Err(store::Error::Corrupt("document").into()) }
    }
}
