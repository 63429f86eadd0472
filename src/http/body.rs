//! The body of a request, held to its limits: size, pace, and what may be held in memory at once.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, Sleep};

use super::budget::Share;
use super::problem::{Kind, Problem, Result as Answered};
use super::spool::Spool;
use crate::clock::Clock;
use crate::config::Limits;
use crate::domain::Micros;

/// The most that may come without a part or a chunk of one being handed on: the headers of a part.
const UNPARSED: u64 = 64 << 10;
/// Bytes that are read ahead of who takes them up.
const AHEAD: u64 = 8 << 20;
/// More bytes than this do not come at once.
const CHUNK: u64 = 64 << 10;
/// How long a body waits that found no room in memory nor on disk.
const RETRY: Duration = Duration::from_millis(50);
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
    /// What was received could not be kept.
    #[error("what came was lost")]
    Lost,
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
            BodyError::Lost => Self::new(Kind::Unavailable, "what came could not be kept; send the request again"),
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
pub struct PacedBody(Arc<Mutex<Arrival>>);

/// The other end of a [`PacedBody`], for whoever takes up what its parser makes of it.
#[derive(Debug)]
pub struct Progress(Arc<Mutex<Arrival>>);

/// What of a body has come, and how long it was waited for.
#[derive(Debug)]
struct Arrival {
    body: BodyDataStream,
    limit: u64,
    pace: u64,
    stall: Duration,
    total: Duration,
    came: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    rest: bool,
    unparsed: u64,
    ahead: VecDeque<Chunk>,
    /// What came after that, and had no room in memory.
    spool: Spool,
    retry: Pin<Box<Sleep>>,
    ended: Option<Result<(), BodyError>>,
    clock: Option<Clock>,
    /// When what was handed on last had come.
    arrived_at: Micros,
    /// Whose memory it is that is read ahead into.
    caller: Share,
}

/// Some bytes, when they came, and the memory that they take while nobody has asked for them.
#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    came_at: Micros,
    _memory: Option<Share>,
}

impl PacedBody {
    /// This body, of at most `limit` bytes, from the caller whose share this is: what is read ahead is counted for it,
    /// and whoever takes up the body counts what it keeps.
    #[must_use]
    pub fn new(body: Body, limit: u64, limits: &Limits, share: &Share) -> (Self, Progress) {
        let arrival = Arc::new(Mutex::new(Arrival {
            body: body.into_data_stream(),
            limit,
            pace: limits.body_bytes_per_second.max(1),
            stall: Duration::from_secs(limits.stall_seconds.max(1)),
            total: Duration::from_secs(limits.body_seconds.max(1)),
            came: 0,
            waited: Duration::ZERO,
            waiting_since: None,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            rest: false,
            unparsed: 0,
            ahead: VecDeque::new(),
            spool: Spool::new(share.another()),
            retry: Box::pin(tokio::time::sleep(Duration::ZERO)),
            ended: None,
            clock: None,
            arrived_at: Micros(0),
            caller: share.another(),
        }));
        (Self(arrival.clone()), Progress(arrival))
    }

    /// The same, with the times of its bytes by this clock.
    #[must_use]
    pub fn timed(body: Body, limit: u64, limits: &Limits, clock: &Clock, share: &Share) -> (Self, Progress) {
        let (body, progress) = Self::new(body, limit, limits, share);
        {
            let mut arrival = progress.arrival();
            arrival.arrived_at = clock.now();
            arrival.clock = Some(clock.clone());
        }
        (body, progress)
    }

    /// Reads it whole, into memory that is counted in this share.
    ///
    /// # Errors
    /// What `failed` makes of a [`BodyError`], and what [`Share`] says of too much.
    pub async fn collect(mut self, share: &mut Share, failed: fn(BodyError) -> Problem) -> Answered<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next().await {
            let chunk = chunk.map_err(failed)?;
            share.came(chunk.len() as u64)?;
            let length = bytes.len() + chunk.len();
            if length > bytes.capacity() {
                // What is counted is what is reserved, which grows by doubling up to the limit.
                let limit = usize::try_from(lock(&self.0).limit).unwrap_or(usize::MAX);
                let capacity = length.checked_next_power_of_two().unwrap_or(length).min(limit).max(length);
                share.holds(capacity as u64).await?;
                bytes.reserve_exact(capacity - bytes.len());
            }
            bytes.extend_from_slice(&chunk);
            lock(&self.0).unparsed = 0;
        }
        Ok(bytes)
    }
}

fn lock(arrival: &Mutex<Arrival>) -> MutexGuard<'_, Arrival> {
    arrival.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Progress {
    fn arrival(&self) -> MutexGuard<'_, Arrival> {
        lock(&self.0)
    }

    /// All that was handed on was taken up.
    pub fn made(&self) {
        self.arrival().unparsed = 0;
    }

    /// When what was handed on last had come; when all was, that is when the last byte came.
    #[must_use]
    pub fn arrived_at(&self) -> Micros {
        self.arrival().arrived_at
    }

    /// Does something that takes time, such as writing to a store that is slow, and reads ahead meanwhile: what has
    /// come has come, however long the registry takes to do something with it.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let done = std::future::poll_fn(|context| {
            let done = work.as_mut().poll(context);
            if done.is_pending() {
                self.arrival().read_ahead(context);
            }
            done
        });
        let done = done.await;
        // Nobody looks from now on, so nobody is waited for.
        self.arrival().came_to_rest();
        done
    }
}

impl Arrival {
    /// How much longer it may be silent now.
    fn patience(&self) -> Duration {
        let earned = (self.stall + Duration::from_secs(self.came / self.pace)).min(self.total);
        earned.saturating_sub(self.waited).min(self.stall)
    }

    fn came_to_rest(&mut self) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
    }

    /// What comes next, within all limits.
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        match &self.ended {
            Some(Ok(())) => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.clone()))),
            None => {}
        }
        let failed = match self.body.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.came_to_rest();
                self.came += chunk.len() as u64;
                if self.came <= self.limit {
                    return Poll::Ready(Some(Ok(chunk)));
                }
                BodyError::TooLarge(self.limit)
            }
            Poll::Ready(Some(Err(_))) => BodyError::Broken,
            Poll::Ready(None) => {
                self.came_to_rest();
                self.ended = Some(Ok(()));
                return Poll::Ready(None);
            }
            Poll::Pending => {
                if self.waiting_since.is_none() {
                    let now = Instant::now();
                    let deadline = now + self.patience();
                    self.waiting_since = Some(now);
                    self.timer.as_mut().reset(deadline);
                }
                if self.timer.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                BodyError::TooSlow
            }
        };
        self.ended = Some(Err(failed.clone()));
        Poll::Ready(Some(Err(failed)))
    }

    fn now(&self) -> Micros {
        self.clock.as_ref().map_or(Micros(0), Clock::now)
    }

    fn read_ahead(&mut self, context: &mut Context<'_>) {
        let mut held: u64 = self.ahead.iter().map(|chunk| chunk.bytes.len() as u64).sum();
        loop {
            match self.spool.poll_written(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.ended = Some(Err(BodyError::Lost));
                    return;
                }
                Poll::Pending => return,
            }
            // Each chunk takes as much as one may have, however small it is.
            let room = self.spool.is_empty() && held < AHEAD && (self.ahead.len() as u64) < AHEAD / CHUNK;
            if let Some(memory) = room.then(|| self.caller.ahead(CHUNK)).flatten() {
                let Poll::Ready(Some(Ok(bytes))) = self.poll_chunk(context) else { return };
                held += bytes.len() as u64;
                let came_at = self.now();
                self.ahead.push_back(Chunk { bytes, came_at, _memory: Some(memory) });
                continue;
            }
            let Some(turn) = self.spool.turn(CHUNK) else {
                // What comes waits where it is.
                self.retry.as_mut().reset(Instant::now() + RETRY);
                if self.retry.as_mut().poll(context).is_pending() {
                    return;
                }
                continue;
            };
            match self.poll_chunk(context) {
                Poll::Ready(Some(Ok(bytes))) => {
                    self.spool.give_back(CHUNK.saturating_sub(bytes.len() as u64));
                    let came_at = self.now();
                    self.spool.write(bytes, came_at, turn);
                }
                _ => {
                    self.spool.give_back(CHUNK);
                    return;
                }
            }
        }
    }

    fn hand_on(&mut self, chunk: Chunk) -> Result<Bytes, BodyError> {
        self.rest = true;
        self.arrived_at = chunk.came_at;
        let length = chunk.bytes.len() as u64;
        self.unparsed += length;
        if self.unparsed > UNPARSED + length { Err(BodyError::HeadersTooLong) } else { Ok(chunk.bytes) }
    }
}

impl Stream for PacedBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut arrival = lock(&self.0);
        if std::mem::take(&mut arrival.rest) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(chunk) = arrival.ahead.pop_front() {
            return Poll::Ready(Some(arrival.hand_on(chunk)));
        }
        match ready!(arrival.spool.poll_next(context)) {
            Ok(Some((bytes, came_at))) => {
                return Poll::Ready(Some(arrival.hand_on(Chunk { bytes, came_at, _memory: None })));
            }
            Ok(None) => {}
            Err(_) => {
                arrival.ended = Some(Err(BodyError::Lost));
                return Poll::Ready(Some(Err(BodyError::Lost)));
            }
        }
        let polled = ready!(arrival.poll_chunk(context));
        Poll::Ready(polled.map(|chunk| {
            let bytes = chunk?;
            let came_at = arrival.now();
            arrival.hand_on(Chunk { bytes, came_at, _memory: None })
        }))
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
