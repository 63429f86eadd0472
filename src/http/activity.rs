//! What goes on in one connection, and how long it may go on.
//!
//! # Why
//! The HTTP library limits the time for a header over HTTP/1.1 and nothing else: a connection that says nothing before
//! its first request, one over HTTP/2 that only answers PINGs, and one whose client never reads would stay for ever. So
//! bytes and requests are noted where they pass, and one watcher for each connection says when its time is over:
//!
//! - without a request: `header_seconds` for the first, `idle_seconds` for the next. What is still being sent meanwhile
//!   earns more time, at the pace of `body_bytes_per_second`;
//! - while the client does not take what is sent: `stall_seconds` at once, and in all what the pace allows besides;
//! - in all: `connection_seconds`, after which no new request is taken.
//!
//! Frames of HTTP/2 that carry nothing (PING, SETTINGS, PRIORITY, `WINDOW_UPDATE`, empty DATA) cost their sender less than
//! the server, and belong to no request that could be counted. So what comes beyond requests and their bodies has a limit
//! for each connection, in proportion to these; and answers to such frames earn no time.
//!
//! How long the body of a request may take is [`super::body`]'s to say, since only the reader knows whom it waits for.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::Frame;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::pace::Pace;
use crate::config::Limits;

/// An answer is handed on in pieces of so many bytes, so that who reads nothing is seen soon, however long the answer.
const PIECE: usize = 16 << 10;

/// Bytes that a request takes while it is under way, beside its head and its body, roughly.
pub const REQUEST: u64 = 16 << 10;
/// Bytes of one answer that may wait for the connection to take them, over HTTP/2.
pub const SEND_BUFFER: usize = 4 * PIECE;
/// Answers of one connection at once, over HTTP/2.
pub const STREAMS: u32 = 100;

/// Bytes that may come beyond bodies: at first, and more with each request, for its header (64 KiB) and for what of its body
/// is on the way when it is answered ([`STREAM_WINDOW`]).
const OVERHEAD: u64 = 256 << 10;
const OVERHEAD_OF_REQUEST: u64 = 576 << 10;
/// Bytes of one request's body that a client may send before they are read, over HTTP/2.
pub const STREAM_WINDOW: u32 = 512 << 10;
/// The same for all requests of a connection.
pub const CONNECTION_WINDOW: u32 = 1 << 20;

/// Why a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// No request came.
    Idle,
    /// Its client does not read.
    Stalled,
    /// It has lasted long enough: requests under way may end.
    Aged,
}

/// How much time there is for what.
#[derive(Debug, Clone, Copy)]
struct Patience {
    first: Duration,
    idle: Duration,
    stall: Duration,
    life: Duration,
    pace: u64,
}

/// What goes on in one connection.
#[derive(Debug)]
pub struct Activity {
    patience: Patience,
    state: Mutex<State>,
    /// Bytes of requests under way and of answers that clients have not taken, of all connections together.
    unread: Arc<AtomicU64>,
}

#[derive(Debug)]
struct State {
    begun: Instant,
    aged: bool,
    /// Requests whose answer is not given yet.
    open: usize,
    /// Since when there has been none, and what was sent and heard since.
    idle_since: Instant,
    sent_idle: u64,
    heard_idle: u64,
    /// All bytes that came, those of bodies that were read, and those that may come.
    heard: u64,
    read: u64,
    allowed: u64,
    served: bool,
    writing: Waiting,
    answers: HashMap<u64, Waiting>,
    next_answer: u64,
    pace: Pace,
    authenticated: bool,
    /// Bytes of requests under way and of answers in memory, and of answers that wait for the connection to take them.
    held: u64,
    buffered: u64,
}

/// Whose memory an answer is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It is this one's alone.
    Alone,
    /// All answers of its kind share it.
    Together,
}

/// What speaks for a connection to keep its place.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Since when there has been no request; none while there is one.
    pub idle_since: Option<Instant>,
    /// Bytes a second of its bodies; none where that is not known yet.
    pub pace: Option<u64>,
    /// Whether a caller was believed on it.
    pub authenticated: bool,
}

/// What was handed to a client, and how long it was waited for.
#[derive(Debug, Default)]
struct Waiting {
    bytes: u64,
    waited: Duration,
    since: Option<Instant>,
}

impl Waiting {
    fn begin(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    fn end(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.waited += now.duration_since(since);
        }
    }

    /// When its patience ends; none where nobody is waited for.
    fn ends_at(&self, patience: &Patience) -> Option<Instant> {
        let earned = patience.stall + Duration::from_secs(self.bytes / patience.pace);
        Some(self.since? + earned.saturating_sub(self.waited).min(patience.stall))
    }
}

impl Activity {
    /// A connection that begins now, whose requests and answers are counted in `unread` until they are over and taken.
    #[must_use]
    pub fn counted(limits: &Limits, unread: Arc<AtomicU64>) -> Self {
        let seconds = |seconds: u64| Duration::from_secs(seconds.max(1));
        let patience = Patience {
            first: seconds(limits.header_seconds),
            idle: seconds(limits.idle_seconds),
            stall: seconds(limits.stall_seconds),
            life: seconds(limits.connection_seconds),
            pace: limits.body_bytes_per_second.max(1),
        };
        let now = Instant::now();
        let state = State {
            begun: now,
            aged: false,
            open: 0,
            idle_since: now,
            sent_idle: 0,
            heard_idle: 0,
            heard: 0,
            read: 0,
            allowed: OVERHEAD + u64::from(CONNECTION_WINDOW),
            served: false,
            writing: Waiting::default(),
            answers: HashMap::new(),
            next_answer: 0,
            pace: Pace::default(),
            authenticated: false,
            held: 0,
            buffered: 0,
        };
        Self { patience, state: Mutex::new(state), unread }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handshake is over: the time for the first request begins.
    pub fn ready(&self) {
        self.state().idle_since = Instant::now();
    }

    /// What speaks for it now.
    #[must_use]
    pub fn standing(&self, now: Instant) -> Standing {
        let state = self.state();
        let idle_since = (state.open == 0).then_some(state.idle_since);
        Standing { idle_since, pace: state.pace.seen(now), authenticated: state.authenticated }
    }

    /// Bytes in memory of its requests under way, and of answers that its client has not taken.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.state().unread()
    }

    /// Changes what is in memory, and counts it for all.
    fn recount(&self, state: &mut State, change: impl FnOnce(&mut State)) {
        let before = state.unread();
        change(state);
        // Wraps, and so subtracts where it has become less.
        self.unread.fetch_add(state.unread().wrapping_sub(before), Ordering::Relaxed);
    }

    /// A caller was believed, by a token or a certificate.
    pub fn authenticated(&self) {
        self.state().authenticated = true;
    }

    /// A request came, whose head has so many bytes. It lasts until what is returned is dropped.
    #[must_use]
    pub fn request(self: &Arc<Self>, head: u64) -> Request {
        let takes = REQUEST + head;
        let mut state = self.state();
        self.recount(&mut state, |state| state.held += takes);
        state.open += 1;
        state.served = true;
        state.allowed += OVERHEAD_OF_REQUEST;
        Request { activity: self.clone(), takes }
    }

    /// Waits until its time is over. [`Over::Aged`] is said once.
    pub async fn over(&self) -> Over {
        loop {
            let wait = {
                let mut state = self.state();
                let now = Instant::now();
                match state.next(&self.patience) {
                    (over, at) if at <= now => {
                        state.aged |= over == Over::Aged;
                        return over;
                    }
                    // What begins meanwhile may end before what was found now.
                    (_, at) => at.min(now + self.patience.stall.min(self.patience.idle).min(self.patience.first) / 2),
                }
            };
            tokio::time::sleep_until(wait).await;
        }
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        let left = self.state().unread();
        self.unread.fetch_sub(left, Ordering::Relaxed);
    }
}

impl State {
    /// Bytes of requests under way ([`REQUEST`] and the head of each) and of answers in memory. What waits for the connection
    /// is known by what it took, so what was to answer a request that its client gave up stays in it for a while.
    fn unread(&self) -> u64 {
        self.held + self.buffered.min(u64::from(STREAMS) * (SEND_BUFFER + PIECE) as u64)
    }

    /// What ends the connection next, and when, if nothing more happens.
    fn next(&self, patience: &Patience) -> (Over, Instant) {
        // Nothing lasts for ever; after its age was told, some far moment stands for none.
        let aged = if self.aged {
            self.begun + patience.life * 2 + Duration::from_hours(24)
        } else {
            self.begun + patience.life
        };
        let mut next = (Over::Aged, aged);
        let mut sooner = |over, at: Option<Instant>| {
            if let Some(at) = at.filter(|at| *at < next.1) {
                next = (over, at);
            }
        };
        if self.open == 0 {
            let idle = if self.served { patience.idle } else { patience.first };
            // What answers frames is no rest of an answer: as much was heard.
            let rest = self.sent_idle.saturating_sub(self.heard_idle);
            sooner(Over::Idle, Some(self.idle_since + idle + Duration::from_secs(rest / patience.pace)));
        }
        sooner(Over::Stalled, self.writing.ends_at(patience));
        for answer in self.answers.values() {
            sooner(Over::Stalled, answer.ends_at(patience));
        }
        next
    }
}

/// A request that is not answered yet.
#[derive(Debug)]
pub struct Request {
    activity: Arc<Activity>,
    /// Bytes that are counted as held in memory.
    takes: u64,
}

impl Request {
    /// The body of its answer, whose way out is watched.
    #[must_use]
    pub fn answering(self, body: Body, held: Held) -> Answer {
        // One that is made as it goes is of no size.
        let exact = http_body::Body::size_hint(&body).exact().filter(|_| held == Held::Alone).unwrap_or_default();
        let place = {
            let mut state = self.activity.state();
            state.next_answer += 1;
            let place = state.next_answer;
            state.answers.insert(place, Waiting::default());
            self.activity.recount(&mut state, |state| state.held += exact);
            place
        };
        Answer {
            body,
            rest: Bytes::new(),
            place,
            handed: None,
            held: exact,
            is_shared: held == Held::Together,
            request: self,
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        self.activity.recount(&mut state, |state| state.held -= self.takes);
        state.open -= 1;
        state.idle_since = Instant::now();
        (state.sent_idle, state.heard_idle) = (0, 0);
    }
}

/// The body of a request, whose bytes are noted when they are read.
#[derive(Debug)]
pub struct Received<B> {
    body: B,
    activity: Arc<Activity>,
    waited_for: bool,
}

impl<B> Received<B> {
    /// This body, of a request on this connection.
    #[must_use]
    pub fn new(body: B, activity: Arc<Activity>) -> Self {
        Self { body, activity, waited_for: false }
    }
}

impl<B> Drop for Received<B> {
    fn drop(&mut self) {
        if self.waited_for {
            self.activity.state().pace.end(0, Instant::now());
        }
    }
}

impl<B: http_body::Body<Data = Bytes> + Unpin> http_body::Body for Received<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let (was_waited_for, now) = (self.waited_for, Instant::now());
        self.waited_for = polled.is_pending();
        let mut state = self.activity.state();
        let Poll::Ready(frame) = polled else {
            if !was_waited_for {
                state.pace.begin(now);
            }
            return Poll::Pending;
        };
        let bytes = frame.as_ref().and_then(|frame| Some(frame.as_ref().ok()?.data_ref()?.len())).unwrap_or_default();
        state.read += bytes as u64;
        if was_waited_for {
            state.pace.end(bytes, now);
        } else {
            state.pace.moved(bytes, now);
        }
        drop(state);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, handed on piece by piece.
#[derive(Debug)]
pub struct Answer {
    body: Body,
    rest: Bytes,
    place: u64,
    /// Bytes that were handed on last, which the client is waited for to take.
    handed: Option<usize>,
    /// Bytes of it that are counted as held in memory.
    held: u64,
    is_shared: bool,
    request: Request,
}

impl Answer {
    /// So many bytes of it are in memory: what it said, or what has just been made.
    fn holds(&mut self, bytes: u64) {
        if !self.is_shared && bytes > self.held {
            let more = bytes - self.held;
            self.held = bytes;
            self.request.activity.recount(&mut self.request.activity.state(), |state| state.held += more);
        }
    }

    fn piece(&mut self) -> Frame<Bytes> {
        let piece = self.rest.split_to(PIECE.min(self.rest.len()));
        let bytes = piece.len() as u64;
        let (mut state, now) = (self.request.activity.state(), Instant::now());
        if !self.is_shared {
            let from_held = bytes.min(self.held);
            self.held -= from_held;
            self.request.activity.recount(&mut state, |state| {
                state.held -= from_held;
                state.buffered += bytes;
            });
        }
        if let Some(waiting) = state.answers.get_mut(&self.place) {
            waiting.bytes += bytes;
            waiting.begin(now);
        }
        state.pace.begin(now);
        drop(state);
        self.handed = Some(piece.len());
        Frame::data(piece)
    }

    /// What was handed on before has gone, or nearly.
    fn taken(&mut self) {
        let Some(bytes) = self.handed.take() else { return };
        let (mut state, now) = (self.request.activity.state(), Instant::now());
        if let Some(waiting) = state.answers.get_mut(&self.place) {
            waiting.end(now);
        }
        state.pace.end(bytes, now);
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // It is asked for only when what was handed on before has gone, or nearly.
        self.taken();
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.piece())));
        }
        Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => Some(Ok(match frame.into_data() {
                Ok(data) => {
                    self.holds(data.len() as u64);
                    self.rest = data;
                    self.piece()
                }
                Err(other) => other,
            })),
            other => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.taken();
        let mut state = self.request.activity.state();
        state.answers.remove(&self.place);
        self.request.activity.recount(&mut state, |state| state.held -= self.held);
    }
}

/// A connection whose bytes are noted.
#[derive(Debug)]
pub struct Noted<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S> Noted<S> {
    /// This stream, with what goes on in it.
    #[must_use]
    pub fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    /// Counts bytes that came.
    fn heard(&self, bytes: usize) -> std::io::Result<()> {
        let mut state = self.activity.state();
        state.heard += bytes as u64;
        if state.open == 0 {
            state.heard_idle += bytes as u64;
        }
        // As much again as what was read, for the frames or chunks that it came in.
        if state.heard > state.allowed + 2 * state.read {
            return Err(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "too much that is no request"));
        }
        Ok(())
    }

    fn wrote<T>(&self, polled: &Poll<std::io::Result<T>>, bytes: impl FnOnce(&T) -> usize) {
        let (mut state, now) = (self.activity.state(), Instant::now());
        match polled {
            Poll::Pending => state.writing.begin(now),
            Poll::Ready(done) => {
                state.writing.end(now);
                let bytes = done.as_ref().map_or(0, bytes) as u64;
                state.writing.bytes += bytes;
                if state.open == 0 {
                    state.sent_idle += bytes;
                }
                self.activity.recount(&mut state, |state| state.buffered = state.buffered.saturating_sub(bytes));
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(self.heard(buffer.filled().len() - before))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(&polled, |bytes| *bytes);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.wrote(&polled, |bytes| *bytes);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.wrote(&polled, |()| 0);
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.wrote(&polled, |()| 0);
        polled
    }
}
