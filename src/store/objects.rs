//! Documents in object storage: a local folder or S3, each object under the SHA-256 of its bytes.
//!
//! # Why
//! An object's key is its hash, so writing identical bytes again is harmless and nothing depends on put-if-absent
//! (S3's multipart uploads have none). Entities never share objects: the key begins with the entity's code. Up to
//! one chunk is held in memory, so most documents are one `put`, made only once their hash is known to be the
//! declared one; longer ones are uploaded in parts and completed only then. Whoever is told that a document is
//! stored can rely on it: local files and their folders are synced.

mod copy;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use object_store::aws::AmazonS3Builder;
use object_store::client::{CryptoProvider, DigestAlgorithm, DigestContext, HmacContext, Signer, SigningAlgorithm};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload,
    RetryConfig,
};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use uuid::Uuid;

use crate::config;
use crate::domain::Sha256;

pub use object_store::ObjectMeta;

/// The object store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, or refused. Nothing that was not there before can be read from it.
    #[error("the object store is unavailable")]
    Store(#[from] object_store::Error),
    /// The folder cannot be used.
    #[error("the folder for documents cannot be used: {0}")]
    Folder(PathBuf, #[source] std::io::Error),
    /// `objects.url` is empty.
    #[error(
        "objects.url is not set: name the settings of the registry with --config FILE (`ventanilla init` writes them), or set \
         VENTANILLA_OBJECTS__URL"
    )]
    NotSet,
    /// `objects.url` is of no kind that is known.
    #[error("objects.url must begin with file:/// or s3://, not {0:?}")]
    UnknownKind(String),
    /// What wrote to it broke down.
    #[error("writing to the object store broke down")]
    Broken(#[source] tokio::task::JoinError),
    /// The bytes are not those that were announced.
    #[error("the content's SHA-256 is {found}, not {declared}")]
    Mismatch {
        /// What was announced.
        declared: Sha256,
        /// What came.
        found: Sha256,
    },
}

/// Where a document of an entity is kept, or the detached signature over one.
#[must_use]
pub fn document_path(entity: &str, hash: &Sha256) -> String {
    let hash = hash.to_string();
    format!("{entity}/sha256/{}/{hash}", &hash[..2])
}

/// Where what was signed for an entry is kept (`json`), and the signature over it (`p7s`).
#[must_use]
pub fn signed_path(entity: &str, entry: Uuid, extension: &str) -> String {
    format!("{entity}/signed/{entry}.{extension}")
}

/// Where the PDF of a receipt is kept. Enough of its hash to keep two apart: some servers make file names of keys, and
/// these have an end.
#[must_use]
pub fn receipt_path(entity: &str, entry: Uuid, hash: &Sha256) -> String {
    let hash = hash.to_string();
    format!("{entity}/receipts/{entry}-{}.pdf", &hash[..16])
}

/// Names in a local folder that begin with this; none where there is no folder.
async fn local_names(folder: PathBuf, begins: String) -> Result<Vec<String>, Error> {
    let shown = folder.clone();
    let names = move || {
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.filter(|name| name.as_ref().map_or(true, |name: &String| name.starts_with(&begins))).collect()
    };
    let named: std::io::Result<Vec<String>> =
        tokio::task::spawn_blocking(names).await.map_err(std::io::Error::other).flatten();
    named.map_err(|error| Error::Folder(shown, error))
}

/// What is not there is no error.
fn found<T>(answer: object_store::Result<T>) -> Result<Option<T>, Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// S3 wants parts of at least 5 MiB.
const CHUNK: usize = 5 << 20;

/// Where documents live. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The local folder, where it is one.
    folder: Option<PathBuf>,
}

impl Objects {
    /// Opens the store the configuration names; a local folder is made if it is not there.
    ///
    /// # Errors
    /// [`Error::UnknownKind`], [`Error::Folder`], or what the store says.
    pub fn open(config: &config::Objects) -> Result<Self, Error> {
        if let Some(path) = config.url.strip_prefix("file://") {
            let folder = PathBuf::from(path);
            std::fs::create_dir_all(&folder).map_err(|error| Error::Folder(folder.clone(), error))?;
            let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
            return Ok(Self { store: Arc::new(store), prefix: Path::default(), folder: Some(folder) });
        }
        if config.url.is_empty() {
            return Err(Error::NotSet);
        }
        let Some(rest) = config.url.strip_prefix("s3://") else {
            return Err(Error::UnknownKind(config.url.clone()));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&config.region)
            .with_access_key_id(config.access_key_id.expose())
            .with_secret_access_key(config.secret_access_key.expose())
            .with_crypto_provider(Arc::new(OpensslProvider))
            .with_client_options(
                ClientOptions::new()
                    .with_allow_http(true)
                    .with_connect_timeout(Duration::from_secs(5))
                    .with_timeout(Duration::from_mins(1)),
            )
            .with_retry(RetryConfig {
                max_retries: 2,
                retry_timeout: Duration::from_secs(10),
                backoff: BackoffConfig { max_backoff: Duration::from_secs(1), ..BackoffConfig::default() },
            });
        if !config.endpoint.is_empty() {
            builder = builder.with_endpoint(&config.endpoint);
        }
        Ok(Self { store: Arc::new(builder.build()?), prefix: Path::from(prefix), folder: None })
    }

    /// The same over another store, such as one that fails when a test says so.
    #[must_use]
    pub fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, prefix: Path::default(), folder: None }
    }

    /// The store beneath.
    #[must_use]
    pub fn inner(&self) -> Arc<dyn ObjectStore> {
        self.store.clone()
    }

    fn folder_of(&self, entity: &str) -> Path {
        self.prefix.clone().join(entity).join("sha256")
    }

    /// A path of ours in this store.
    fn place(&self, path: &str) -> Path {
        path.split('/').fold(self.prefix.clone(), Path::join)
    }

    fn key(&self, entity: &str, hash: &Sha256) -> Path {
        self.place(&document_path(entity, hash))
    }

    async fn read(&self, path: &str) -> Result<Option<Bytes>, Error> {
        match found(self.store.get(&self.place(path)).await)? {
            Some(object) => Ok(Some(object.bytes().await?)),
            None => Ok(None),
        }
    }

    async fn write(&self, path: &str, bytes: Bytes) -> Result<(), Error> {
        self.store.put(&self.place(path), bytes.into()).await?;
        Ok(())
    }

    /// Keeps what was signed, or the signature over it, beside the documents: under the entry's id, which no other has.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn put_signed(&self, entity: &str, entry: Uuid, extension: &str, bytes: &[u8]) -> Result<(), Error> {
        self.write(&signed_path(entity, entry, extension), Bytes::copy_from_slice(bytes)).await
    }

    /// Reads back what [`Objects::put_signed`] kept; `None` when it is not there.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn get_signed(&self, entity: &str, entry: Uuid, extension: &str) -> Result<Option<Bytes>, Error> {
        self.read(&signed_path(entity, entry, extension)).await
    }

    /// Keeps something of an entity's log outside the database, over what was there before.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn put_log(&self, entity: &str, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.write(&format!("{entity}/log/{name}"), bytes.into()).await
    }

    /// Reads back what [`Objects::put_log`] kept; `None` when it is not there.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn get_log(&self, entity: &str, name: &str) -> Result<Option<Bytes>, Error> {
        self.read(&format!("{entity}/log/{name}")).await
    }

    /// Keeps the sealed PDF of a receipt, under the entry's id and its own hash.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn put_receipt(&self, entity: &str, entry: Uuid, hash: Sha256, bytes: Bytes) -> Result<(), Error> {
        self.write(&receipt_path(entity, entry, &hash), bytes).await
    }

    /// Reads back what [`Objects::put_receipt`] kept; `None` when it is not there.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn get_receipt(&self, entity: &str, entry: Uuid, hash: Sha256) -> Result<Option<Bytes>, Error> {
        self.read(&receipt_path(entity, entry, &hash)).await
    }

    /// Where the PDFs of an entry's receipts are, those that no row names among them.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn receipts_of(&self, entity: &str, entry: Uuid) -> Result<Vec<String>, Error> {
        let begins = format!("{entry}-");
        let names = match &self.folder {
            Some(folder) => local_names(folder.join(entity).join("receipts"), begins).await?,
            // Listed by name, from the entry's id on.
            None => {
                let folder = self.prefix.clone().join(entity).join("receipts");
                let listed = self.store.list_with_offset(Some(&folder), &folder.clone().join(entry.to_string()));
                let name = |meta: ObjectMeta| meta.location.filename().unwrap_or_default().to_owned();
                let is_its = |name: &String| std::future::ready(Ok(name.starts_with(&begins)));
                listed.map_ok(name).try_take_while(is_its).try_collect().await?
            }
        };
        Ok(names.into_iter().map(|name| format!("{entity}/receipts/{name}")).collect())
    }

    /// Begins to store a document of `entity` whose bytes are announced to have the hash `declared`.
    #[must_use]
    pub fn upload(&self, entity: &str, declared: Sha256) -> Upload {
        Upload {
            store: self.store.clone(),
            key: self.key(entity, &declared),
            declared,
            hasher: openssl::sha::Sha256::new(),
            size: 0,
            buffer: BytesMut::new(),
            parts: None,
            is_there: false,
        }
    }

    /// Reads an object, or a range of its bytes; `None` when it is not there.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn get(
        &self,
        entity: &str,
        hash: &Sha256,
        range: Option<Range<u64>>,
    ) -> Result<Option<BoxStream<'static, object_store::Result<Bytes>>>, Error> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let object = found(self.store.get_opts(&self.key(entity, hash), options).await)?;
        Ok(object.map(object_store::GetResult::into_stream))
    }

    /// What the store knows of an object; `None` when it is not there.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn head(&self, entity: &str, hash: &Sha256) -> Result<Option<ObjectMeta>, Error> {
        found(self.store.head(&self.key(entity, hash)).await)
    }

    /// Lists the objects of an entity, with the hash each is stored under.
    #[must_use]
    pub fn list(&self, entity: &str) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.store.list(Some(&self.folder_of(entity)))
    }

    /// Lists what was signed, and the signatures over it.
    #[must_use]
    pub fn list_signed(&self, entity: &str) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.store.list(Some(&self.prefix.clone().join(entity).join("signed")))
    }

    /// Deletes something that was signed for an entry that never came to be. Only the sweep may.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn delete_signed(&self, listed: &ObjectMeta) -> Result<(), Error> {
        match self.store.delete(&listed.location).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes what belonged to an entry whose data were erased, by its path.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn delete_at(&self, path: &str) -> Result<(), Error> {
        match self.store.delete(&self.place(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes an object that nothing refers to. Only the sweep may.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn delete(&self, entity: &str, hash: &Sha256) -> Result<(), Error> {
        match self.store.delete(&self.key(entity, hash)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The local folder, where documents live in one.
    #[must_use]
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_deref()
    }

    /// Writes and reads back a few bytes.
    ///
    /// # Errors
    /// When the store would not take a document now.
    pub async fn check(&self) -> Result<(), Error> {
        let key = self.prefix.clone().join("ready");
        self.store.put(&key, PutPayload::from_static(b"ready\n")).await?;
        self.store.get(&key).await?.bytes().await?;
        Ok(())
    }
}

/// A document on its way into the store. Dropped before [`Upload::finish`], nothing of it stays.
pub struct Upload {
    store: Arc<dyn ObjectStore>,
    key: Path,
    declared: Sha256,
    hasher: openssl::sha::Sha256,
    size: u64,
    buffer: BytesMut,
    parts: Option<Box<dyn MultipartUpload>>,
    is_there: bool,
}

impl Upload {
    /// The same of a document that is in the store, whole: its bytes are compared with the hash, and not written again.
    #[must_use]
    pub fn of_one_that_is_there(mut self) -> Self {
        self.is_there = true;
        self
    }

    /// Whether the document is in the store already, and nothing is written.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the store does not take them.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() > CHUNK {
            let chunk = self.buffer.split_to(CHUNK).freeze();
            self.put_part(chunk).await?;
        }
        Ok(())
    }

    async fn put_part(&mut self, chunk: Bytes) -> Result<(), Error> {
        if self.is_there {
            return Ok(());
        }
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => self.parts.insert(self.store.put_multipart(&self.key).await?),
        };
        parts.put_part(chunk.into()).await?;
        Ok(())
    }

    /// Bytes that are in memory, and not in the store yet.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        self.buffer.len() as u64
    }

    /// Whether so many bytes more would be written to the store, and not only kept.
    #[must_use]
    pub fn would_write(&self, more: usize) -> bool {
        self.buffer.len() + more > CHUNK
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Makes the document durable under its hash, if it is the one that was announced.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when it is not: then nothing was stored.
    pub async fn finish(mut self) -> Result<u64, Error> {
        let found = Sha256(std::mem::take(&mut self.hasher).finish());
        if found != self.declared {
            self.abort().await;
            return Err(Error::Mismatch { declared: self.declared, found });
        }
        if self.is_there {
            return Ok(self.size);
        }
        let rest = std::mem::take(&mut self.buffer).freeze();
        if self.parts.is_none() {
            self.store.put(&self.key, rest.into()).await?;
            return Ok(self.size);
        }
        if !rest.is_empty() {
            self.put_part(rest).await?;
        }
        if let Some(mut parts) = self.parts.take()
            && let Err(error) = parts.complete().await
        {
            self.parts = Some(parts);
            return Err(error.into());
        }
        Ok(self.size)
    }

    /// Gives the upload up: nothing of it stays.
    pub async fn abort(&mut self) {
        if let Some(mut parts) = self.parts.take()
            && let Err(error) = parts.abort().await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "an unfinished upload could not be aborted");
        }
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("key", &self.key).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // A sender that went away: the parts it had sent would stay on S3 for ever.
        if let Some(mut parts) = self.parts.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { parts.abort().await });
        }
    }
}

/// The digests that S3's request signatures need, by OpenSSL.
#[derive(Debug)]
struct OpensslProvider;

struct Digest(openssl::sha::Sha256, [u8; 32]);

struct Hmac(PKey<Private>, Vec<u8>, Vec<u8>);

fn crypto_error(error: openssl::error::ErrorStack) -> object_store::Error {
    object_store::Error::Generic { store: "openssl", source: Box::new(error) }
}

fn not_supported(what: &str) -> object_store::Error {
    object_store::Error::NotSupported { source: what.to_owned().into() }
}

impl CryptoProvider for OpensslProvider {
    fn digest(&self, algorithm: DigestAlgorithm) -> object_store::Result<Box<dyn DigestContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => Ok(Box::new(Digest(openssl::sha::Sha256::new(), [0; 32]))),
            _ => Err(not_supported("only SHA-256 is used")),
        }
    }

    fn hmac(&self, algorithm: DigestAlgorithm, secret: &[u8]) -> object_store::Result<Box<dyn HmacContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => {
                Ok(Box::new(Hmac(PKey::hmac(secret).map_err(crypto_error)?, Vec::new(), Vec::new())))
            }
            _ => Err(not_supported("only SHA-256 is used")),
        }
    }

    fn sign(&self, _: SigningAlgorithm, _: &[u8]) -> object_store::Result<Box<dyn Signer>> {
        Err(not_supported("S3 asks for no public-key signature"))
    }
}

impl DigestContext for Digest {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finish(&mut self) -> object_store::Result<&[u8]> {
        self.1 = std::mem::take(&mut self.0).finish();
        Ok(&self.1)
    }
}

impl HmacContext for Hmac {
    fn update(&mut self, data: &[u8]) {
        self.1.extend_from_slice(data);
    }

    fn finish(&mut self) -> object_store::Result<&[u8]> {
        let mut signer = openssl::sign::Signer::new(MessageDigest::sha256(), &self.0).map_err(crypto_error)?;
        self.2 = signer.sign_oneshot_to_vec(&self.1).map_err(crypto_error)?;
        Ok(&self.2)
    }
}
