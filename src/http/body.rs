//! The body of a request, held to its limits: size, pace, and what may be held in memory at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, Sleep};

use super::problem::{Kind, Problem};
use crate::config::Limits;

/// How long a body may be silent, and what it may take before its pace counts.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most that may come without a part or a chunk of one being handed on: the headers of a part.
const UNPARSED: u64 = 64 << 10;
/// How much of a refused body is read and thrown away, so that its sender hears the answer.
const DRAIN_BYTES: u64 = 64 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Why a body was not read to its end.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BodyError {
    /// Over the limit, in bytes.
    #[error("the body is over the limit of {0} bytes")]
    TooLarge(u64),
    /// Slower than the configured pace.
    #[error("the body came too slowly")]
    TooSlow,
    /// A part's headers are too long.
    #[error("the headers of a part are too long")]
    HeadersTooLong,
    /// The connection broke, or the body ended early.
    #[error("the body ended early")]
    Broken,
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge(limit) => {
                Self::new(Kind::TooLarge, format!("the whole request may have {limit} bytes"))
            }
            BodyError::TooSlow => {
                Self::new(Kind::TooSlow, "nothing was registered; send the request again with the same key")
            }
            BodyError::HeadersTooLong => Self::new(Kind::BadRequest, "the headers of a part are too long"),
            BodyError::Broken => Self::new(Kind::BadRequest, "the body ended before it was complete"),
        }
    }
}

/// A body that keeps its limits.
///
/// One chunk is handed on for each time it is asked, however much has come: a parser that takes all it can get would
/// otherwise hold all of it.
#[derive(Debug)]
pub struct PacedBody {
    body: BodyDataStream,
    limit: u64,
    pace: u64,
    came: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    rest: bool,
    unparsed: Arc<AtomicU64>,
}

/// Tells a [`PacedBody`] that what it handed on was taken up.
#[derive(Debug, Clone)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// All that came was taken up.
    pub fn made(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl PacedBody {
    /// This body, of at most `limit` bytes.
    #[must_use]
    pub fn new(body: Body, limit: u64, limits: &Limits) -> (Self, Progress) {
        let unparsed = Arc::new(AtomicU64::new(0));
        let paced = Self {
            body: body.into_data_stream(),
            limit,
            pace: limits.body_bytes_per_second.max(1),
            came: 0,
            waited: Duration::ZERO,
            waiting_since: None,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            rest: false,
            unparsed: unparsed.clone(),
        };
        (paced, Progress(unparsed))
    }

    /// How much longer it may be silent now.
    fn patience(&self) -> Duration {
        let earned = PATIENCE + Duration::from_secs(self.came / self.pace);
        earned.saturating_sub(self.waited).min(PATIENCE)
    }

    /// Reads it whole, into memory.
    ///
    /// # Errors
    /// [`BodyError`], over the limit above all.
    pub async fn collect(mut self) -> Result<Vec<u8>, BodyError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next().await {
            bytes.extend_from_slice(&chunk?);
            self.unparsed.store(0, Ordering::Relaxed);
        }
        Ok(bytes)
    }
}

impl Stream for PacedBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rest) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.body.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(chunk))) => {
                if let Some(since) = self.waiting_since.take() {
                    self.waited += since.elapsed();
                }
                self.rest = true;
                self.came += chunk.len() as u64;
                if self.came > self.limit {
                    return Poll::Ready(Some(Err(BodyError::TooLarge(self.limit))));
                }
                let unparsed = self.unparsed.fetch_add(chunk.len() as u64, Ordering::Relaxed) + chunk.len() as u64;
                if unparsed > UNPARSED + chunk.len() as u64 {
                    return Poll::Ready(Some(Err(BodyError::HeadersTooLong)));
                }
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(BodyError::Broken))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                if self.waiting_since.is_none() {
                    let now = Instant::now();
                    let deadline = now + self.patience();
                    self.waiting_since = Some(now);
                    self.timer.as_mut().reset(deadline);
                }
                match self.timer.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(BodyError::TooSlow))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }
}

/// The body of a request that is refused before it has all come is read on and thrown away, within limits: a sender
/// that is cut off while it sends may never read the answer.
pub async fn hear_out(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // Such a sender waits for a word before it sends: it gets the refusal instead.
    let asks_first = parts.headers.contains_key(EXPECT);
    let kept = Kept { body: Arc::new(Mutex::new(body)), begun: Arc::default() };
    let response = next.run(Request::from_parts(parts, Body::new(kept.clone()))).await;
    let ended = http_body::Body::is_end_stream(&kept);
    if !ended && response.status().as_u16() >= 400 && (kept.begun.load(Ordering::Relaxed) || !asks_first) {
        let _ = tokio::time::timeout(DRAIN_TIME, drain(kept)).await;
    }
    response
}

async fn drain(body: Kept) {
    let (mut rest, mut thrown) = (Body::new(body).into_data_stream(), 0);
    while let Some(Ok(bytes)) = rest.next().await {
        thrown += bytes.len() as u64;
        if thrown > DRAIN_BYTES {
            return;
        }
    }
}

/// A body that stays when its reader has gone; they never read at the same time.
#[derive(Debug, Clone)]
struct Kept {
    body: Arc<Mutex<Body>>,
    begun: Arc<AtomicBool>,
}

impl http_body::Body for Kept {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        self.begun.store(true, Ordering::Relaxed);
        Pin::new(&mut *self.body.lock().unwrap_or_else(PoisonError::into_inner)).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
