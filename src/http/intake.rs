//! A submission or counter entry on its way in: parts are hashed as they stream, documents go to the object store
//! under the hash that the submission announces.
//!
//! # Why
//! `submission` and `signature` come first, so that size, syntax and every field are checked before a document is
//! read, the signature is judged before that, too, and a document's key is known before its first byte. What does not
//! match what was announced is refused at the part where it is seen; objects stored until then are removed again
//! ([`crate::registry::discard`]).
//!
//! A request came when its last byte did. Bytes are read ahead while a document is written to the store, so that a slow
//! store moves no submission past midnight.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::HeaderMap;
use multer::{Field, Multipart};

use super::body::{PacedBody, Progress};
use super::budget::Share;
use super::multipart::{boundary, broken, part_name};
use super::problem::{Kind, Problem, Result};
use super::submissions::{self, JudgedFirst};
use crate::app::App;
use crate::domain::{DocumentStatement, Micros, Sha256};
use crate::registry::caller::Caller;
use crate::registry::discard::Unfinished;
use crate::registry::submission::{Addition, Context, FieldError, Intake, Limits, Submission};
use crate::registry::submit::StoredDocument;
use crate::signature::{FileKind, Trace};
use crate::store::objects::{self, Upload};

/// Bytes of a signature: room for a document inside it, its chain and its revocation data.
const SIGNATURE_BYTES: usize = 4 << 20;

/// What the part `submission` may be: it names the documents that follow.
pub trait Announces: Sized {
    /// Reads the exact bytes of the part.
    ///
    /// # Errors
    /// As [`Submission::parse`].
    fn parse(bytes: &[u8], context: &Context) -> std::result::Result<Self, Vec<FieldError>>;
    /// The documents, in their order.
    fn documents(&self) -> &[DocumentStatement];
    /// Judges the signature, where one came, before any document is read. Nothing where that says nothing yet.
    ///
    /// # Errors
    /// What the request will be refused with, whatever its documents are.
    fn judge_first(
        &self,
        _app: &App,
        _caller: &Caller,
        _came: Signed<'_>,
    ) -> impl Future<Output = Result<Option<JudgedFirst>>> + Send {
        async { Ok(None) }
    }
}

/// What comes before the documents.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'r> {
    /// The headers of the request.
    pub headers: &'r HeaderMap,
    /// The bytes of the part `submission`.
    pub submission: &'r [u8],
    /// The bytes of the part `signature`.
    pub signature: &'r [u8],
}

impl Announces for Submission {
    fn parse(bytes: &[u8], context: &Context) -> std::result::Result<Self, Vec<FieldError>> {
        Self::parse(bytes, context)
    }

    fn documents(&self) -> &[DocumentStatement] {
        &self.documents
    }

    async fn judge_first(&self, app: &App, caller: &Caller, came: Signed<'_>) -> Result<Option<JudgedFirst>> {
        submissions::judge_first(app, caller, self, came).await
    }
}

impl Announces for Addition {
    fn parse(bytes: &[u8], context: &Context) -> std::result::Result<Self, Vec<FieldError>> {
        Self::parse(bytes, context)
    }

    fn documents(&self) -> &[DocumentStatement] {
        &self.documents
    }
}

/// What came.
#[derive(Debug)]
pub struct Came<S = Submission> {
    /// The parsed submission.
    pub submission: S,
    /// The exact bytes of its part.
    pub submission_bytes: Vec<u8>,
    /// The bytes of the `signature` part.
    pub signature: Option<Vec<u8>>,
    /// The documents, stored, in the submission's order.
    pub documents: Vec<StoredDocument>,
    /// What was judged of the signature before the documents came.
    pub judged_first: Option<JudgedFirst>,
    /// The documents in the store: removed again with this, unless they are kept.
    pub unfinished: Arc<Unfinished>,
    /// What the request has taken, until it ends.
    pub share: Share,
    /// When the last byte had come.
    pub arrived_at: Micros,
    /// The hash of the request: its parts' names and contents.
    pub body_sha256: Sha256,
    /// What the registry knew of the sweep before the first document was stored.
    pub swept_until: Micros,
}

/// Reads a whole request.
///
/// # Errors
/// The first thing that does not match; for the fields of the submission, all of them.
pub async fn receive<S: Announces + Sync>(
    app: &App,
    caller: &Caller,
    intake: Intake,
    request: Request,
) -> Result<Came<S>> {
    let (parts, body) = request.into_parts();
    let boundary = boundary(&parts.headers)?;
    let limits = &app.config.limits;
    let share = app.budget.request(&submissions::owner(caller));
    let (body, progress) = PacedBody::timed(body, limits.submission_bytes, limits, app.clock(), &share);
    let mut reader = Reader {
        app,
        caller,
        headers: &parts.headers,
        intake,
        progress,
        swept_until: None,
        hashes: BTreeMap::new(),
        submission: None,
        signature: None,
        judged_first: None,
        stored: BTreeMap::new(),
        signatures: BTreeMap::new(),
        unfinished: app.registry.unfinished(&caller.entity),
        share,
        held: 0,
    };
    let unfinished = reader.unfinished.clone();
    let read = reader.read(&mut Multipart::new(body, boundary)).await;
    let came = read.and_then(|()| reader.finish());
    came.inspect_err(|problem| keep_after(problem, &unfinished))
}

/// What a request came to: the documents of one that was answered stay, and of one that failed for a reason of the
/// server's own. Those of one that was refused are removed.
///
/// # Errors
/// As `outcome`.
pub(super) fn settled<T>(outcome: Result<T>, unfinished: &Unfinished) -> Result<T> {
    outcome.inspect(|_| unfinished.keep()).inspect_err(|problem| keep_after(problem, unfinished))
}

fn keep_after(problem: &Problem, unfinished: &Unfinished) {
    if problem.is_of_the_server() {
        unfinished.keep();
    }
}

struct Reader<'a, S> {
    app: &'a App,
    caller: &'a Caller,
    headers: &'a HeaderMap,
    intake: Intake,
    progress: Progress,
    swept_until: Option<Micros>,
    hashes: BTreeMap<String, Sha256>,
    submission: Option<(Vec<u8>, Option<S>)>,
    signature: Option<Vec<u8>>,
    judged_first: Option<JudgedFirst>,
    stored: BTreeMap<usize, Arrived>,
    /// Of detached signatures of documents, hash and size, by the document's place.
    signatures: BTreeMap<usize, (Sha256, u64)>,
    unfinished: Arc<Unfinished>,
    share: Share,
    /// Bytes that stay in memory until the request ends.
    held: u64,
}

/// A document whose bytes have come.
struct Arrived {
    size: u64,
    accepted: bool,
    kind: FileKind,
}

/// What a part is, by its name.
enum Expected {
    Document(usize),
    DocumentSignature(usize),
}

impl<S: Announces + Sync> Reader<'_, S> {
    async fn read(&mut self, multipart: &mut Multipart<'static>) -> Result<()> {
        loop {
            self.progress.made();
            let Some(field) = multipart.next_field().await.map_err(broken)? else { break };
            self.progress.made();
            let name = part_name(&field)?;
            if self.hashes.contains_key(&name) {
                return Err(Problem::new(Kind::DocumentMismatch, format!("there are two parts named {name:?}")));
            }
            match name.as_str() {
                "submission" => {
                    self.first(&name)?;
                    let limit = self.app.config.limits.json_bytes;
                    let bytes = self.bounded(field, &name, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
                    self.held += bytes.len() as u64;
                    self.submission = Some((bytes, None));
                }
                "signature" if self.intake == Intake::Electronic => {
                    self.first(&name)?;
                    let bytes = self.bounded(field, &name, SIGNATURE_BYTES).await?;
                    self.held += bytes.len() as u64;
                    self.signature = Some(bytes);
                }
                _ => self.document(field, &name).await?,
            }
        }
        self.parsed()?;
        self.complete()
    }

    /// Refuses a part that comes after the first document.
    fn first(&self, name: &str) -> Result<()> {
        if self.stored.is_empty() && self.signatures.is_empty() {
            return Ok(());
        }
        Err(Problem::new(Kind::PartOrder, format!("the part {name:?} must come before the documents")))
    }

    /// The submission, parsed when it is first needed.
    fn parsed(&mut self) -> Result<&S> {
        let Some((bytes, parsed)) = &mut self.submission else {
            let kind = if self.hashes.is_empty() { Kind::BadRequest } else { Kind::PartOrder };
            return Err(Problem::new(kind, "the part \"submission\" must be there, and come first"));
        };
        if parsed.is_none() {
            let limits = Limits { documents: self.app.config.limits.documents, ..Limits::default() };
            let context = Context { intake: self.intake, now: self.app.clock().now(), limits };
            *parsed = Some(S::parse(bytes, &context).map_err(Problem::invalid)?);
        }
        parsed.as_ref().ok_or_else(Problem::not_found)
    }

    /// Which document, or signature of one, a part is.
    fn expected(&mut self, name: &str) -> Result<Expected> {
        if self.submission.is_none() {
            return Err(Problem::new(
                Kind::PartOrder,
                format!("the part {name:?} came before the part \"submission\", which must be first"),
            ));
        }
        let documents = self.parsed()?.documents();
        if let Some(place) = documents.iter().position(|document| document.part == name) {
            return Ok(Expected::Document(place));
        }
        if let Some(place) = documents.iter().position(|document| document.signature_part.as_deref() == Some(name)) {
            return Ok(Expected::DocumentSignature(place));
        }
        Err(Problem::new(Kind::DocumentMismatch, format!("the submission names no document for the part {name:?}")))
    }

    async fn document(&mut self, mut field: Field<'static>, name: &str) -> Result<()> {
        let place = match self.expected(name)? {
            Expected::Document(place) => place,
            Expected::DocumentSignature(place) => {
                self.before_documents().await?;
                return self.document_signature(field, name, place).await;
            }
        };
        self.before_documents().await?;
        let (declared, media_type) = {
            let document = &self.parsed()?.documents()[place];
            (document.sha256, document.media_type.clone())
        };
        let limit = self.app.config.limits.document_bytes;
        let mut upload = self.upload(declared).await?;
        let mut trace = Trace::default();
        while let Some(chunk) = field.chunk().await.map_err(broken)? {
            self.progress.made();
            if upload.size() + chunk.len() as u64 > limit {
                return Err(Problem::new(
                    Kind::TooLarge,
                    format!("a document may have {limit} bytes, and {name:?} has more"),
                ));
            }
            trace.see(&chunk);
            self.share.came(chunk.len() as u64)?;
            let holding = self.share.holds(self.held + upload.buffered() + chunk.len() as u64);
            self.progress.during(holding).await?;
            self.write(&mut upload, &chunk).await?;
        }
        if upload.size() == 0 {
            return Err(mismatch(place, "", format!("the document in the part {name:?} is empty")));
        }
        let size = self.store(upload, declared).await.map_err(|error| match error {
            objects::Error::Mismatch { declared, found } => {
                mismatch(place, "/sha256", format!("the part {name:?} has the hash {found}, and {declared} was stated"))
            }
            other => other.into(),
        })?;
        let accepted = self.app.formats.accepts(&media_type, trace.start());
        self.hashes.insert(name.to_owned(), declared);
        self.stored.insert(place, Arrived { size, accepted, kind: trace.kind() });
        Ok(())
    }

    /// Whatever the documents are, a signature that proves nothing is refused before the first of them is read.
    async fn before_documents(&mut self) -> Result<()> {
        let first = self.stored.is_empty() && self.signatures.is_empty();
        let (Some(signature), Some((submission, Some(parsed)))) = (&self.signature, &self.submission) else {
            return Ok(());
        };
        if first {
            let came = Signed { headers: self.headers, submission, signature };
            let judging = parsed.judge_first(self.app, self.caller, came);
            self.judged_first = self.progress.during(judging).await?;
        }
        Ok(())
    }

    async fn document_signature(&mut self, field: Field<'static>, name: &str, place: usize) -> Result<()> {
        let bytes = self.bounded(field, name, SIGNATURE_BYTES).await?;
        if bytes.is_empty() {
            return Err(mismatch(place, "/signature", format!("the signature in the part {name:?} is empty")));
        }
        let hash = Sha256(openssl::sha::sha256(&bytes));
        let mut upload = self.upload(hash).await?;
        self.write(&mut upload, &bytes).await?;
        let size = bytes.len() as u64;
        drop(bytes);
        self.store(upload, hash).await?;
        self.signatures.insert(place, (hash, size));
        self.share.holds(self.held).await
    }

    /// Begins to store something under this hash.
    async fn upload(&mut self, hash: Sha256) -> Result<Upload> {
        let adding = self.unfinished.add(hash);
        let added = self.progress.during(adding).await;
        added.map_err(|error| Problem::new(Kind::Unavailable, error.to_string()))?;
        // Only now: whoever removed it until now had removed it before this request stored it.
        let entity = &self.caller.entity;
        self.swept_until.get_or_insert_with(|| self.app.registry.swept_until(entity.id));
        let registry = &self.app.registry;
        let upload = registry.objects().upload(&entity.code, hash);
        let spared = registry.spared_before(entity).await?;
        let is_left = registry.is_left(entity, hash, spared);
        Ok(if self.progress.during(is_left).await? { upload.of_one_that_is_there() } else { upload })
    }

    /// Takes a turn at the store when there is something to write to it, and not while bytes are waited for.
    async fn write(&self, upload: &mut Upload, bytes: &[u8]) -> std::result::Result<(), objects::Error> {
        if !upload.would_write(bytes.len()) {
            return upload.write(bytes).await;
        }
        let writing = async {
            let _turn = self.app.uploads.acquire().await;
            upload.write(bytes).await
        };
        self.progress.during(writing).await
    }

    /// Makes a document durable. A task of its own: when the sender goes away meanwhile, what is written is known to be
    /// there, and removed.
    async fn store(&self, upload: Upload, hash: Sha256) -> std::result::Result<u64, objects::Error> {
        let (uploads, unfinished) = (self.app.uploads.clone(), self.unfinished.clone());
        let storing = tokio::spawn(async move {
            let _turn = uploads.acquire().await;
            if !upload.is_there() {
                unfinished.writes(hash);
            }
            let stored = upload.finish().await;
            drop(unfinished);
            stored
        });
        match self.progress.during(storing).await {
            Ok(stored) => stored,
            Err(error) => Err(objects::Error::Broken(error)),
        }
    }

    /// A part that is held in memory, of at most `limit` bytes.
    async fn bounded(&mut self, mut field: Field<'static>, name: &str, limit: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(broken)? {
            self.progress.made();
            if bytes.len() + chunk.len() > limit {
                return Err(Problem::new(Kind::TooLarge, format!("the part {name:?} may have {limit} bytes")));
            }
            self.share.came(chunk.len() as u64)?;
            let holding = self.share.holds(self.held + (bytes.len() + chunk.len()) as u64);
            self.progress.during(holding).await?;
            bytes.extend_from_slice(&chunk);
        }
        self.hashes.insert(name.to_owned(), Sha256(openssl::sha::sha256(&bytes)));
        Ok(bytes)
    }

    /// Refuses a request in which a part that was announced is missing.
    fn complete(&mut self) -> Result<()> {
        let stored = std::mem::take(&mut self.stored);
        let signatures = std::mem::take(&mut self.signatures);
        let documents = self.parsed()?.documents();
        let mut errors = Vec::new();
        for (place, document) in documents.iter().enumerate() {
            if !stored.contains_key(&place) {
                let detail = format!("the part {:?} is missing", document.part);
                errors.push(FieldError { pointer: format!("/documents/{place}/part"), detail });
            }
            if let Some(part) = &document.signature_part
                && !signatures.contains_key(&place)
            {
                let detail = format!("the part {part:?} is missing");
                errors.push(FieldError { pointer: format!("/documents/{place}/signature/part"), detail });
            }
        }
        (self.stored, self.signatures) = (stored, signatures);
        if errors.is_empty() {
            return Ok(());
        }
        Err(Problem::new(Kind::DocumentMismatch, "parts that the submission names did not come").with_errors(errors))
    }

    fn finish(self) -> Result<Came<S>> {
        let arrived_at = self.progress.arrived_at();
        let (Some((submission_bytes, Some(submission))), signatures) = (self.submission, self.signatures) else {
            return Err(Problem::new(Kind::BadRequest, "the part \"submission\" is missing"));
        };
        let documents = submission
            .documents()
            .iter()
            .zip(self.stored.into_values())
            .enumerate()
            .map(|(place, (statement, Arrived { size, accepted, kind }))| StoredDocument {
                statement: statement.clone(),
                size,
                format_not_accepted: !accepted,
                kind,
                signature: signatures.get(&place).copied(),
            })
            .collect();
        let mut hasher = openssl::sha::Sha256::new();
        for (name, hash) in &self.hashes {
            hasher.update(format!("{}:{name}:{hash}\n", name.len()).as_bytes());
        }
        Ok(Came {
            submission,
            submission_bytes,
            signature: self.signature,
            documents,
            judged_first: self.judged_first,
            unfinished: self.unfinished,
            share: self.share,
            arrived_at,
            body_sha256: Sha256(hasher.finish()),
            swept_until: self.swept_until.unwrap_or(Micros(0)),
        })
    }
}

fn mismatch(place: usize, field: &str, detail: String) -> Problem {
    let error = FieldError { pointer: format!("/documents/{place}{field}"), detail: detail.clone() };
    Problem::new(Kind::DocumentMismatch, detail).with_errors(vec![error])
}
