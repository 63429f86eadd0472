//! A submission or counter entry on its way in: parts are hashed as they stream, documents go to the object store
//! under the hash that the submission announces.
//!
//! # Why
//! `submission` and `signature` come first, so that size, syntax and every field are checked before a document is
//! read, and a document's key is known before its first byte. What does not match what was announced is refused at the
//! part where it is seen; objects stored until then belong to nobody and are swept away later.

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use multer::{Field, Multipart};

use super::body::{BodyError, PacedBody, Progress};
use super::problem::{Kind, Problem, Result};
use crate::app::App;
use crate::domain::media::AcceptedFormats;
use crate::domain::{DocumentStatement, Micros, Sha256};
use crate::registry::caller::Caller;
use crate::registry::submission::{Addition, Context, FieldError, Intake, Limits, Submission};
use crate::registry::submit::StoredDocument;
use crate::signature::{FileKind, Trace};
use crate::store::objects;

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
}

impl Announces for Submission {
    fn parse(bytes: &[u8], context: &Context) -> std::result::Result<Self, Vec<FieldError>> {
        Self::parse(bytes, context)
    }

    fn documents(&self) -> &[DocumentStatement] {
        &self.documents
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
    /// Detached signatures of documents, by the document's place.
    pub document_signatures: BTreeMap<usize, Vec<u8>>,
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
pub async fn receive<S: Announces>(app: &App, caller: &Caller, intake: Intake, request: Request) -> Result<Came<S>> {
    let (parts, body) = request.into_parts();
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type)
        .map_err(|_| Problem::new(Kind::UnsupportedMediaType, "send multipart/form-data with a boundary"))?;
    let (body, progress) = PacedBody::new(body, app.config.limits.submission_bytes, &app.config.limits);
    let mut reader = Reader {
        app,
        caller,
        intake,
        progress,
        swept_until: app.registry.swept_until(caller.entity.id),
        hashes: BTreeMap::new(),
        submission: None,
        signature: None,
        stored: BTreeMap::new(),
        signatures: BTreeMap::new(),
    };
    reader.read(&mut Multipart::new(body, boundary)).await?;
    reader.finish()
}

struct Reader<'a, S> {
    app: &'a App,
    caller: &'a Caller,
    intake: Intake,
    progress: Progress,
    swept_until: Micros,
    hashes: BTreeMap<String, Sha256>,
    submission: Option<(Vec<u8>, Option<S>)>,
    signature: Option<Vec<u8>>,
    stored: BTreeMap<usize, Arrived>,
    signatures: BTreeMap<usize, Vec<u8>>,
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

impl<S: Announces> Reader<'_, S> {
    async fn read(&mut self, multipart: &mut Multipart<'static>) -> Result<()> {
        loop {
            self.progress.made();
            let Some(field) = multipart.next_field().await.map_err(broken)? else { break };
            self.progress.made();
            let name = field.name().unwrap_or_default().to_owned();
            check_headers(&field, &name)?;
            if self.hashes.contains_key(&name) {
                return Err(Problem::new(Kind::DocumentMismatch, format!("there are two parts named {name:?}")));
            }
            match name.as_str() {
                "submission" => {
                    self.first(&name)?;
                    let limit = self.app.config.limits.json_bytes;
                    let bytes = self.bounded(field, &name, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
                    self.submission = Some((bytes, None));
                }
                "signature" if self.intake == Intake::Electronic => {
                    self.first(&name)?;
                    self.signature = Some(self.bounded(field, &name, SIGNATURE_BYTES).await?);
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
            Expected::DocumentSignature(place) => return self.document_signature(field, name, place).await,
        };
        let (declared, media_type) = {
            let document = &self.parsed()?.documents()[place];
            (document.sha256, document.media_type.clone())
        };
        let limit = self.app.config.limits.document_bytes;
        let _turn = self.app.uploads.acquire().await;
        let mut upload = self.app.registry.objects().upload(&self.caller.entity.code, declared);
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
            upload.write(&chunk).await?;
        }
        if upload.size() == 0 {
            return Err(mismatch(place, "", format!("the document in the part {name:?} is empty")));
        }
        let size = upload.finish().await.map_err(|error| match error {
            objects::Error::Mismatch { declared, found } => {
                mismatch(place, "/sha256", format!("the part {name:?} has the hash {found}, and {declared} was stated"))
            }
            other => other.into(),
        })?;
        let accepted = AcceptedFormats::default().accepts(&media_type, trace.start());
        self.hashes.insert(name.to_owned(), declared);
        self.stored.insert(place, Arrived { size, accepted, kind: trace.kind() });
        Ok(())
    }

    async fn document_signature(&mut self, field: Field<'static>, name: &str, place: usize) -> Result<()> {
        let bytes = self.bounded(field, name, SIGNATURE_BYTES).await?;
        if bytes.is_empty() {
            return Err(mismatch(place, "/signature", format!("the signature in the part {name:?} is empty")));
        }
        let _turn = self.app.uploads.acquire().await;
        let hash = Sha256(openssl::sha::sha256(&bytes));
        let mut upload = self.app.registry.objects().upload(&self.caller.entity.code, hash);
        upload.write(&bytes).await?;
        upload.finish().await?;
        self.signatures.insert(place, bytes);
        Ok(())
    }

    /// A part that is held in memory, of at most `limit` bytes.
    async fn bounded(&mut self, mut field: Field<'static>, name: &str, limit: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(broken)? {
            self.progress.made();
            if bytes.len() + chunk.len() > limit {
                return Err(Problem::new(Kind::TooLarge, format!("the part {name:?} may have {limit} bytes")));
            }
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
        let arrived_at = self.app.clock().now();
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
                signature: signatures
                    .get(&place)
                    .map(|bytes| (Sha256(openssl::sha::sha256(bytes)), bytes.len() as u64)),
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
            document_signatures: signatures,
            arrived_at,
            body_sha256: Sha256(hasher.finish()),
            swept_until: self.swept_until,
        })
    }
}

fn mismatch(place: usize, field: &str, detail: String) -> Problem {
    let error = FieldError { pointer: format!("/documents/{place}{field}"), detail: detail.clone() };
    Problem::new(Kind::DocumentMismatch, detail).with_errors(vec![error])
}

/// A part has a name, and its bytes come as they are.
pub(super) fn check_headers(field: &Field<'static>, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Problem::new(Kind::BadRequest, "each part needs a name in its Content-Disposition"));
    }
    let encoding = field.headers().get("content-transfer-encoding").map(|value| value.as_bytes().to_ascii_lowercase());
    match encoding.as_deref() {
        None | Some(b"8bit" | b"binary") => Ok(()),
        Some(_) => Err(Problem::new(
            Kind::BadRequest,
            format!("the part {name:?} has a Content-Transfer-Encoding; only 8bit and binary are taken"),
        )),
    }
}

/// What the parser says of a body.
pub(super) fn broken(error: multer::Error) -> Problem {
    match error {
        multer::Error::StreamReadFailed(source) => match source.downcast_ref::<BodyError>() {
            Some(error) => error.clone().into(),
            None => BodyError::Broken.into(),
        },
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteStream => BodyError::Broken.into(),
        _ => Problem::new(Kind::BadRequest, "the body is not well-formed multipart/form-data"),
    }
}
