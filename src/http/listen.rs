//! The public listener: TCP, TLS by OpenSSL, and the limits that one connection must keep.
//!
//! # Why
//! A handshake inside `accept` would let one silent client block all the others, so each connection is a task of its
//! own from its first byte. Connections are limited in number, in all and for each network ([`super::places`]), and
//! each phase of one in time ([`super::activity`]); a stop lets what is under way end, for at most 30 seconds.

use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use openssl::ssl::{
    AlpnError, Ssl, SslAcceptor, SslFiletype, SslMethod, SslRef, SslVerifyMode, SslVersion, select_next_proto,
};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509Ref, X509VerifyResult};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::activity::{CONNECTION_WINDOW, Held, Noted, Over, Received, SEND_BUFFER, STREAM_WINDOW, STREAMS};
use super::places::{Place, Places};
use crate::app::stamp::stamp;
use crate::config::{Limits, Tls};
use crate::registry::client_certificate::{ClientAuthorities, Shown};
use crate::signature::{Anchors, LoadError};

/// The suites of TLS 1.2: those of Mozilla's intermediate profile but for DHE, by which a client has the server compute at no
/// cost of its own (CVE-2002-20001), and which no client of today needs.
const SUITES: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
    ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/// More certificates than this, sent along with a client's, are left out: a path has three or four.
const MAX_ISSUERS: usize = 16;
/// How long a stop waits for what is under way.
const GRACE: Duration = Duration::from_secs(30);
/// How long an idle client may take to hear that its connection ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The certificate it proved to hold, issued by an authority of `tls.client_ca`.
    pub certificate: Option<Arc<Shown>>,
}

impl Peer {
    /// Somebody at this address who showed no certificate.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self { address, certificate: None }
    }

    /// The same after a handshake.
    fn shown_by(self, ssl: &SslRef, authorities: &ClientAuthorities) -> Self {
        let sent = ssl.peer_cert_chain().into_iter().flatten().take(MAX_ISSUERS);
        let issuers = Arc::new(sent.filter_map(|one| one.to_der().ok()).collect());
        let certificate = ssl.peer_certificate().and_then(|certificate| certificate.to_der().ok());
        let authorities = authorities.clone();
        let shown = certificate.map(|certificate| Arc::new(Shown { certificate, issuers, authorities }));
        Self { certificate: shown, ..self }
    }
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// OpenSSL refused the certificate, the key, or the two together.
    #[error("cannot use {what}")]
    Openssl {
        /// The setting that names the file, such as `tls.key`.
        what: &'static str,
        /// OpenSSL's words.
        source: openssl::error::ErrorStack,
    },
    /// A file cannot be read.
    #[error("cannot read {what}")]
    Read {
        /// The setting that names the file, such as `tls.key`.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The authorities of clients cannot be taken in.
    #[error("cannot use tls.client_ca")]
    Anchors(#[source] LoadError),
}

/// The server's certificate and key, which can be read again while it runs.
#[derive(Debug, Clone)]
pub struct Acceptor {
    settings: Tls,
    /// What its files were before they were read.
    stamp: u64,
    current: Arc<RwLock<Arc<AcceptorInner>>>,
    /// Who issues clients' certificates.
    authorities: ClientAuthorities,
}

struct AcceptorInner {
    ssl: SslAcceptor,
}

impl std::fmt::Debug for AcceptorInner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SslAcceptor")
    }
}

impl Acceptor {
    /// Reads the certificate and key; `None` when TLS is not configured.
    ///
    /// # Errors
    /// [`TlsError`] names the setting.
    pub fn load(settings: &Tls) -> Result<Option<Self>, TlsError> {
        if settings.certificate.as_os_str().is_empty() {
            return Ok(None);
        }
        let stamp = stamp_of(settings);
        let (built, authorities) = build(settings)?;
        let (current, authorities) = (Arc::new(RwLock::new(Arc::new(built))), ClientAuthorities::new(authorities));
        Ok(Some(Self { settings: settings.clone(), stamp, current, authorities }))
    }

    /// What the files were that were read at the start, as far as can be told without reading them.
    #[must_use]
    pub fn stamp_at_start(&self) -> u64 {
        self.stamp
    }

    /// What they are now: another number when they changed.
    #[must_use]
    pub fn stamp_now(&self) -> u64 {
        stamp_of(&self.settings)
    }

    /// Reads them again; connections made from now on use them. What clients on open connections may, is decided by the
    /// authorities as they are then.
    ///
    /// # Errors
    /// [`TlsError`]; the former ones stay in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let (fresh, authorities) = build(&self.settings)?;
        *self.current.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(fresh);
        self.authorities.change(authorities);
        Ok(())
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        peer: Peer,
    ) -> Result<(tokio_openssl::SslStream<TcpStream>, Peer), openssl::ssl::Error> {
        let current = self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let ssl = Ssl::new(current.ssl.context())?;
        let mut stream = tokio_openssl::SslStream::new(ssl, stream)?;
        Pin::new(&mut stream).accept().await?;
        let peer = peer.shown_by(stream.ssl(), &self.authorities);
        Ok((stream, peer))
    }
}

fn stamp_of(settings: &Tls) -> u64 {
    stamp(&[&settings.certificate, &settings.key, &settings.client_ca])
}

/// What shakes hands by these settings, and who issues clients' certificates; none where none is asked for.
fn build(settings: &Tls) -> Result<(AcceptorInner, Option<Anchors>), TlsError> {
    let fail = |what| move |source| TlsError::Openssl { what, source };
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(fail("TLS"))?;
    acceptor.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(fail("TLS"))?;
    acceptor.set_cipher_list(SUITES).map_err(fail("TLS"))?;
    acceptor.set_certificate_chain_file(&settings.certificate).map_err(fail("tls.certificate"))?;
    acceptor.set_private_key_file(&settings.key, SslFiletype::PEM).map_err(fail("tls.key"))?;
    acceptor.check_private_key().map_err(fail("tls.key"))?;
    let mut anchors = None;
    // Without it, a client that resumes a session with its certificate is cut off.
    acceptor.set_session_id_context(b"ventanilla").map_err(fail("TLS"))?;
    acceptor.set_alpn_select_callback(|_, offered| {
        select_next_proto(b"\x02h2\x08http/1.1", offered).ok_or(AlpnError::NOACK)
    });
    if !settings.client_ca.as_os_str().is_empty() {
        let mut store = X509StoreBuilder::new().map_err(fail("tls.client_ca"))?;
        let authorities = certificates(&settings.client_ca, "tls.client_ca")?;
        // As in the handshake, a path ends at a root; those between help to get there, and may be revoked.
        let is_root = |one: &X509| one.issued(one) == X509VerifyResult::OK;
        let (roots, between) = authorities.iter().cloned().partition(is_root);
        anchors = Some(Anchors::new(roots, between).map_err(TlsError::Anchors)?);
        for authority in authorities {
            acceptor.add_client_ca(&authority).map_err(fail("tls.client_ca"))?;
            store.add_cert(authority).map_err(fail("tls.client_ca"))?;
        }
        acceptor.set_verify_cert_store(store.build()).map_err(fail("tls.client_ca"))?;
        acceptor.set_verify(SslVerifyMode::PEER);
    }
    Ok((AcceptorInner { ssl: acceptor.build() }, anchors))
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<X509>, TlsError> {
    let pem = std::fs::read(path).map_err(|source| TlsError::Read { what, source })?;
    X509::stack_from_pem(&pem).map_err(|source| TlsError::Openssl { what, source })
}

/// Serves until `stop` is cancelled, then lets what is under way end.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Acceptor>,
    router: Router,
    limits: &Limits,
    stop: CancellationToken,
) {
    let places = Places::new(limits);
    let patience = Duration::from_secs(limits.header_seconds.max(1));
    let mut tasks = tokio::task::JoinSet::new();
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Answers that are made as they go grow later than they begin.
            _ = beat.tick() => {
                places.relieve();
                continue;
            }
            () = stop.cancelled() => break,
        };
        let Ok((stream, address)) = accepted else {
            // Out of file descriptors, most likely: give those in use a moment to come back.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        while tasks.try_join_next().is_some() {}
        let Some(place) = place_for(&places, address, limits) else { continue };
        let (tls, router, stop) = (tls.clone(), router.clone(), stop.clone());
        tasks.spawn(async move {
            let _ = stream.set_nodelay(true);
            match tls {
                None => converse(stream, Peer::at(address), router, patience, &place, stop).await,
                Some(tls) => {
                    let shaken = tokio::select! {
                        shaken = tokio::time::timeout(patience, tls.handshake(stream, Peer::at(address))) => shaken,
                        () = place.evicted() => return,
                    };
                    match shaken {
                        Ok(Ok((stream, peer))) => converse(stream, peer, router, patience, &place, stop).await,
                        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                        Err(_) => tracing::debug!("a TLS handshake took too long"),
                    }
                }
            }
        });
    }
    drop(listener);
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all_ended).await.is_err() {
        tracing::warn!("some connections had not ended and were cut");
    }
}

/// Bytes of a request's address and header.
fn head_bytes<B>(request: &hyper::Request<B>) -> u64 {
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    let address = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    (fields.sum::<usize>() + address) as u64
}

/// The place of a connection was given to another.
#[derive(Debug, thiserror::Error)]
#[error("the connection lost its place")]
struct SentAway;

/// A place for a connection of this address; none where it is sent away, at once: whoever waited here would keep all
/// others waiting.
fn place_for(places: &Places, address: SocketAddr, limits: &Limits) -> Option<Place> {
    let taken = places.take(address.ip(), limits);
    taken.inspect_err(|full| tracing::debug!(?full, "a connection was sent away")).ok()
}

/// One connection, from its first request to its last.
async fn converse<S>(stream: S, peer: Peer, router: Router, patience: Duration, place: &Place, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = place.activity().clone();
    activity.ready();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(64 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(32 << 10)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(patience);
    let noted = Noted::new(stream, activity.clone());
    let service = hyper::service::service_fn({
        let (activity, places, eviction) = (activity.clone(), place.places().clone(), place.eviction());
        move |mut request: hyper::Request<hyper::body::Incoming>| {
            let open = activity.request(head_bytes(&request));
            places.relieve();
            request.extensions_mut().insert(peer.clone());
            request.extensions_mut().insert(activity.clone());
            let received = |body| Body::new(Received::new(body, activity.clone()));
            let answering = router.clone().oneshot(Request::from(request.map(received)));
            let (places, eviction) = (places.clone(), eviction.clone());
            async move {
                let response = answering.await.unwrap_or_else(|never| match never {});
                let held = response.extensions().get().copied().unwrap_or(Held::Alone);
                let response = response.map(|body| open.answering(body, held));
                places.relieve();
                // Nothing more is kept for a connection that is about to be closed.
                if eviction.is_cancelled() { Err(SentAway) } else { Ok(response) }
            }
        }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(noted), service).into_owned());
    let (mut told, mut cut_at) = (false, None);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            () = place.evicted() => return,
            () = stop.cancelled(), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            over = activity.over(), if cut_at.is_none() => match over {
                Over::Stalled => return,
                Over::Aged => connection.as_mut().graceful_shutdown(),
                Over::Idle => {
                    connection.as_mut().graceful_shutdown();
                    cut_at = Some(Instant::now() + FAREWELL);
                }
            },
            () = tokio::time::sleep_until(cut_at.unwrap_or_else(Instant::now)), if cut_at.is_some() => return,
        }
    }
}

/// The certificate's SHA-256, as lower-case hex.
#[must_use]
pub fn fingerprint(certificate: &X509Ref) -> String {
    certificate.digest(openssl::hash::MessageDigest::sha256()).map(hex::encode).unwrap_or_default()
}
