//! The receipt on paper: rendered from the JSON receipt, sealed once, kept in the object store, served from there.
//!
//! # Why
//! A PDF takes a hundred times what a number takes, so it is made after the receipt itself, one at a time and never for
//! more than a quarter of the time: whoever asks for one before its turn has it made at once. The first one that is
//! written down stays; a second, by another process or after a crash, is left behind in the object store.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ReceiptError;
use crate::app::App;
use crate::domain::{Micros, Sha256};
use crate::receipt::pdf::{self, ATTACHMENT, Look};
use crate::receipt::seal::SealError;
use crate::signature::{Kind, Prepared, Verdict, attached_file};
use crate::store::objects::receipt_path;
use crate::store::outbox::OutboxRow;
use crate::store::receipts::PaperRow;
use crate::store::{self};

/// How often the outbox is looked at.
const IDLE: Duration = Duration::from_secs(2);
/// Rows taken up together.
const BATCH: i64 = 16;
/// After each paper so many times as long as it took is left to others.
const REST: u32 = 3;

/// Why an entry has no PDF yet. It is tried later.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// There is no receipt yet.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The object store did not answer.
    #[error(transparent)]
    Objects(#[from] store::objects::Error),
    /// It could not be rendered.
    #[error(transparent)]
    Render(#[from] crate::receipt::PaperError),
    /// It could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The bytes in the object store are others than were written down.
    #[error("the PDF in the object store is not the one that was sealed")]
    Altered,
    /// The thread that rendered it gave up.
    #[error("the PDF could not be made")]
    Thread(#[from] tokio::task::JoinError),
}

impl PaperError {
    /// Whether it waits until the operator provides a seal that is in its time.
    #[must_use]
    pub fn waits_for_seal(&self) -> bool {
        match self {
            Self::Receipt(error) => error.waits_for_seal(),
            Self::Seal(error) => error.waits_for_operator(),
            _ => false,
        }
    }

    /// Whether something stored was altered by other hands: trying again gives the same.
    #[must_use]
    pub fn is_altered(&self) -> bool {
        match self {
            Self::Altered => true,
            Self::Receipt(error) => error.is_altered(),
            Self::Store(error) => error.is_altered(),
            _ => false,
        }
    }
}

impl App {
    /// Makes the papers that the outbox asks for, until `stop`.
    pub async fn make_papers(&self, stop: CancellationToken) {
        if !self.config.seal.papers_ahead {
            return;
        }
        loop {
            // An object store that does not answer must not keep the server from stopping.
            let made = tokio::select! {
                made = self.make_papers_once(&stop) => made,
                () = stop.cancelled() => return,
            };
            let made = made.unwrap_or_else(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "papers wait");
                0
            });
            let pause = if made == 0 { IDLE } else { Duration::ZERO };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn make_papers_once(&self, stop: &CancellationToken) -> Result<usize, store::Error> {
        let mut tx = self.store().read().await?;
        let rows = store::outbox::due_papers(&mut tx, self.entity.id, self.clock().now(), BATCH).await?;
        drop(tx);
        for row in &rows {
            if stop.is_cancelled() {
                return Ok(0);
            }
            let began = Instant::now();
            self.make_paper(row).await?;
            let rest = REST * began.elapsed();
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = stop.cancelled() => return Ok(0),
            }
        }
        Ok(rows.len())
    }

    async fn make_paper(&self, row: &OutboxRow) -> Result<(), store::Error> {
        let made = self.receipt_pdf(row.entry_id).await;
        let mut tx = self.store().begin().await?;
        match made {
            Ok(_) => store::outbox::done(&mut tx, row.id).await?,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, entry = %row.entry_id, "no PDF yet");
                let wait = 1_000_000 << row.attempts.clamp(0, 10);
                store::outbox::put_off(&mut tx, row.id, Micros(self.clock().now().0 + wait)).await?;
            }
        }
        tx.commit().await
    }

    /// The sealed PDF of an entry's receipt, made now if it is not there yet; `None` when the entry has no receipt.
    ///
    /// # Errors
    /// [`PaperError`]; trying again later is safe.
    pub async fn receipt_pdf(&self, entry: Uuid) -> Result<Option<Bytes>, PaperError> {
        if let Some(kept) = self.kept_pdf(entry).await? {
            return Ok(Some(kept));
        }
        let Some((json, _)) = self.receipt(entry).await? else { return Ok(None) };
        let (bytes, timestamped) = self.sealed_pdf(json).await?;
        let bytes = Bytes::from(bytes);
        let hash = Sha256(openssl::sha::sha256(&bytes));
        self.registry.objects().put_receipt(&self.entity.code, entry, hash, bytes.clone()).await?;
        let mut tx = self.store().begin().await?;
        let row = PaperRow { pdf_sha256: hash, timestamped };
        let first = store::receipts::keep_paper(&mut tx, entry, &row).await?;
        tx.commit().await?;
        // Another process may have been first: its PDF is the one that stays.
        if first {
            return Ok(Some(bytes));
        }
        let kept = self.kept_pdf(entry).await?;
        if kept.is_none() {
            // The data of the entry were erased meanwhile.
            self.registry.objects().delete_at(&receipt_path(&self.entity.code, entry, &hash)).await?;
        }
        Ok(kept)
    }

    async fn kept_pdf(&self, entry: Uuid) -> Result<Option<Bytes>, PaperError> {
        let mut tx = self.store().read().await?;
        let paper = store::receipts::paper(&mut tx, entry).await?;
        drop(tx);
        let Some(hash) = paper.map(|paper| paper.pdf_sha256) else { return Ok(None) };
        let kept = self.registry.objects().get_receipt(&self.entity.code, entry, hash).await?;
        match kept {
            // One that is not there is no more what was sealed than one with other bytes.
            Some(bytes) if openssl::sha::sha256(&bytes) == hash.0 => {
                self.check_paper(entry, bytes.clone()).await?;
                Ok(Some(bytes))
            }
            _ => Err(PaperError::Altered),
        }
    }

    /// That a PDF is that of this entry's receipt, with a seal of ours over all of it: its hash stands where whoever can write
    /// to the database writes another.
    async fn check_paper(&self, entry: Uuid, bytes: Bytes) -> Result<(), PaperError> {
        let Some((json, _)) = self.receipt(entry).await? else { return Err(PaperError::Altered) };
        let (now, policy) = (self.clock().now().0, self.judge.policy());
        let judging = tokio::task::spawn_blocking(move || {
            let is_its = attached_file(&bytes, ATTACHMENT).ok().flatten().is_some_and(|inside| inside == json);
            (is_its, crate::signature::judge_file(&bytes, None, "receipt", now, &policy))
        });
        let (is_its, verdicts) = judging.await?;
        let whole = |verdict: &Verdict| verdict.kind == Kind::Signature && verdict.covers_whole_file == Some(true);
        let sealed = verdicts.iter().all(|verdict| verdict.intact) && verdicts.iter().any(whole);
        if is_its && sealed && self.sealed_by_us(&verdicts).await? { Ok(()) } else { Err(PaperError::Altered) }
    }

    /// Renders and seals; with a timestamp (PAdES B-T) where there is an authority that answers, without (B-B) otherwise,
    /// and the seal says which.
    async fn sealed_pdf(&self, json: Vec<u8>) -> Result<(Vec<u8>, bool), PaperError> {
        self.record_seal().await?;
        let url = self.verify_url(&json);
        let look = Look { name: self.entity.name.clone(), colour: self.config.entity.rgb() };
        let rendered = tokio::task::spawn_blocking(move || pdf::render(&json, &url, &look)).await??;
        if !self.config.signature.tsa_url.is_empty() {
            let (prepared, signature) =
                self.signed_pdf(rendered.clone(), "Recibo de registro, con sello de tiempo").await?;
            if let Some(stamped) = self.stamp(&signature).await {
                return Ok((prepared.finish(&stamped).map_err(SealError::from)?, true));
            }
        }
        let (prepared, signature) = self.signed_pdf(rendered, "Recibo de registro, sin sello de tiempo").await?;
        Ok((prepared.finish(&signature).map_err(SealError::from)?, false))
    }

    async fn signed_pdf(&self, file: Vec<u8>, reason: &'static str) -> Result<(Prepared, Vec<u8>), PaperError> {
        let (seal, name, at) = (self.seal.clone(), self.entity.name.clone(), self.clock().now());
        let signing = tokio::task::spawn_blocking(move || seal.sign_pdf(&file, &name, reason, at));
        Ok(signing.await??)
    }

    /// Where the code of a receipt is looked up, for people and telephones.
    fn verify_url(&self, json: &[u8]) -> String {
        #[derive(serde::Deserialize)]
        struct Code {
            csv: String,
        }
        let code = serde_json::from_slice(json).map_or_else(|_| String::new(), |code: Code| code.csv);
        let base = self.config.entity.public_url.trim_end_matches('/');
        if base.is_empty() {
            let scheme = if self.config.tls.certificate.as_os_str().is_empty() { "http" } else { "https" };
            return format!("{scheme}://{}/api/v1/verify/{code}", self.config.listen);
        }
        format!("{base}/api/v1/verify/{code}")
    }
}
