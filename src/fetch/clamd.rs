//! A scanner for harmful code that speaks the protocol of `clamd` (clamd(8)): documents are streamed to it.
//!
//! # Why
//! `zINSTREAM\0`, then chunks, each after its length (four bytes, the highest first), then the length zero; the answer ends
//! with a NUL: `stream: OK`, `stream: NAME FOUND`, or words that end in `ERROR`. It is little enough to be written here, and
//! needs no folder that scanner and registry can both read. One connection a document, so that an answer can be no other
//! document's.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// The longest answer that is read.
const ANSWER: u64 = 4096;
/// The longest name of a finding, in characters; what is longer is cut off.
const NAME: usize = 160;
/// How long a scanner may take to say that it is there.
const PING: Duration = Duration::from_secs(3);

/// Where the scanner listens.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Unix(PathBuf),
    Tcp(String),
}

/// The address names no place that a scanner could listen at.
#[derive(Debug, thiserror::Error)]
#[error("must be unix:/path/to/the/socket or tcp://host:port, such as unix:/run/clamav/clamd.ctl")]
pub struct NotAddress;

impl FromStr for Address {
    type Err = NotAddress;

    fn from_str(text: &str) -> Result<Self, NotAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') { Ok(Self::Unix(path.into())) } else { Err(NotAddress) };
        }
        let place = text.strip_prefix("tcp://").ok_or(NotAddress)?;
        let (host, port) = place.rsplit_once(':').ok_or(NotAddress)?;
        let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
        if host.is_empty() || host.contains('/') || !is_port {
            Err(NotAddress)
        } else {
            Ok(Self::Tcp(place.to_owned()))
        }
    }
}

/// What a scanner said of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanned {
    /// It knows of nothing harmful in it.
    Clean,
    /// It found this.
    Found(String),
}

/// Why a document was not scanned. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// It cannot be reached.
    #[error("the scanner cannot be reached: {0}")]
    Unreachable(#[source] std::io::Error),
    /// It was reached, and the connection broke.
    #[error("the scanner left before it had answered: {0}")]
    Broken(#[source] std::io::Error),
    /// It took too long.
    #[error("the scanner did not answer within {0} s (documents.scanner_seconds)")]
    Late(u64),
    /// It says that it could not scan the document.
    #[error("the scanner could not scan it: {0}")]
    Refused(String),
    /// What it said is no answer.
    #[error("what the scanner said is no answer: {0:?}")]
    Garbage(String),
    /// The document could not be read.
    #[error("the document could not be read: {0}")]
    Document(#[source] std::io::Error),
}

impl ScanError {
    /// Whether the next document will hardly fare better.
    #[must_use]
    pub fn is_of_the_scanner(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Broken(_) | Self::Late(_))
    }
}

/// What became of documents, since the start.
#[derive(Debug, Default)]
struct Tally {
    clean: AtomicU64,
    found: AtomicU64,
    failed: AtomicU64,
    too_large: AtomicU64,
}

/// The same, as it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named for what it counts")]
pub struct ScanTally {
    pub clean: u64,
    pub found: u64,
    pub failed: u64,
    pub too_large: u64,
}

/// A scanner. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Scanner {
    address: Address,
    patience: Duration,
    longest: u64,
    tally: Arc<Tally>,
}

trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

impl Scanner {
    /// The scanner at an address, which may take so many seconds for a document and gets none that has more bytes.
    ///
    /// # Errors
    /// [`NotAddress`].
    pub fn at(address: &str, seconds: u64, bytes: u64) -> Result<Self, NotAddress> {
        let patience = Duration::from_secs(seconds.max(1));
        Ok(Self { address: address.parse()?, patience, longest: bytes, tally: Arc::default() })
    }

    /// Whether a document of so many bytes is too large to be scanned; one that is is counted.
    #[must_use]
    pub fn is_too_large(&self, bytes: u64) -> bool {
        let is_too_large = bytes > self.longest;
        self.tally.too_large.fetch_add(u64::from(is_too_large), Relaxed);
        is_too_large
    }

    /// What became of documents since the start.
    #[must_use]
    pub fn tally(&self) -> ScanTally {
        let Tally { clean, found, failed, too_large } = &*self.tally;
        ScanTally {
            clean: clean.load(Relaxed),
            found: found.load(Relaxed),
            failed: failed.load(Relaxed),
            too_large: too_large.load(Relaxed),
        }
    }

    /// Scans a document.
    ///
    /// # Errors
    /// [`ScanError`].
    pub async fn scan(
        &self,
        document: impl Stream<Item = std::io::Result<Bytes>> + Unpin + Send,
    ) -> Result<Scanned, ScanError> {
        let scanning = tokio::time::timeout(self.patience, self.stream(document));
        let scanned = scanning.await.unwrap_or(Err(ScanError::Late(self.patience.as_secs())));
        let counter = match &scanned {
            Ok(Scanned::Clean) => &self.tally.clean,
            Ok(Scanned::Found(_)) => &self.tally.found,
            Err(_) => &self.tally.failed,
        };
        counter.fetch_add(1, Relaxed);
        scanned
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// [`ScanError`].
    pub async fn ping(&self) -> Result<(), ScanError> {
        let pinging = async {
            let mut connection = self.connect().await.map_err(ScanError::Unreachable)?;
            connection.write_all(b"zPING\0").await.map_err(ScanError::Broken)?;
            let answer = hear(&mut connection).await.map_err(ScanError::Broken)?;
            if answer == "PONG" { Ok(()) } else { Err(ScanError::Garbage(answer)) }
        };
        tokio::time::timeout(PING, pinging).await.unwrap_or(Err(ScanError::Late(PING.as_secs())))
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Connection>> {
        Ok(match &self.address {
            Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Address::Tcp(place) => Box::new(TcpStream::connect(place.as_str()).await?),
        })
    }

    async fn stream(
        &self,
        mut document: impl Stream<Item = std::io::Result<Bytes>> + Unpin + Send,
    ) -> Result<Scanned, ScanError> {
        let mut connection = self.connect().await.map_err(ScanError::Unreachable)?;
        let mut sent = connection.write_all(b"zINSTREAM\0").await;
        while let Some(chunk) = document.next().await {
            let mut chunk = chunk.map_err(ScanError::Document)?;
            // An empty one would say that the document ends here.
            while sent.is_ok() && !chunk.is_empty() {
                let piece = chunk.split_to(chunk.len().min(PIECE));
                sent = write_piece(&mut connection, &piece).await;
            }
            if sent.is_err() {
                break;
            }
        }
        if sent.is_ok() {
            sent = connection.write_all(&[0; 4]).await;
        }
        // A scanner that takes no more says why, and then hears nothing.
        match (hear(&mut connection).await, sent) {
            (Ok(answer), sent) if !answer.is_empty() => match (read(&answer)?, sent) {
                (Scanned::Clean, Err(error)) => Err(ScanError::Broken(error)),
                (scanned, _) => Ok(scanned),
            },
            (_, Err(error)) | (Err(error), Ok(())) => Err(ScanError::Broken(error)),
            (Ok(_), Ok(())) => Err(ScanError::Garbage(String::new())),
        }
    }
}

/// Bytes of a chunk.
const PIECE: usize = 64 << 10;

async fn write_piece(connection: &mut Box<dyn Connection>, piece: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(piece.len()).map_err(std::io::Error::other)?;
    connection.write_all(&length.to_be_bytes()).await?;
    connection.write_all(piece).await
}

/// What it says, up to the NUL or the end.
async fn hear(connection: &mut Box<dyn Connection>) -> std::io::Result<String> {
    let mut said = Vec::new();
    let mut limited = connection.take(ANSWER);
    while !said.contains(&0) && limited.read_buf(&mut said).await? > 0 {}
    let end = said.iter().position(|byte| *byte == 0).unwrap_or(said.len());
    let text = String::from_utf8_lossy(&said[..end]);
    Ok(text.trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect())
}

/// What an answer says.
fn read(answer: &str) -> Result<Scanned, ScanError> {
    let cut = |text: &str| text.trim().chars().take(NAME).collect::<String>();
    if answer == "stream: OK" {
        return Ok(Scanned::Clean);
    }
    if let Some(name) = answer.strip_prefix("stream: ").and_then(|answer| answer.strip_suffix(" FOUND"))
        && !name.trim().is_empty()
    {
        return Ok(Scanned::Found(cut(name)));
    }
    Err(match answer.strip_suffix("ERROR") {
        Some(said) => ScanError::Refused(cut(said)),
        None => ScanError::Garbage(cut(answer)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_sockets_and_ports_and_nothing_else() {
        for good in ["unix:/run/clamav/clamd.ctl", "tcp://127.0.0.1:3310", "tcp://[::1]:3310", "tcp://clamav:3310"] {
            assert!(Scanner::at(good, 1, 1).is_ok(), "{good}");
        }
        for bad in
            ["", "clamd", "unix:", "unix:clamd.ctl", "tcp://", "tcp://host", "tcp://:1", "tcp://h:0", "tcp://h:x"]
        {
            assert!(Scanner::at(bad, 1, 1).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_answer_is_clean_or_a_finding_or_no_answer() {
        assert_eq!(read("stream: OK").unwrap(), Scanned::Clean);
        assert_eq!(read("stream: Eicar-Test FOUND").unwrap(), Scanned::Found("Eicar-Test".into()));
        assert!(
            matches!(read("INSTREAM size limit exceeded. ERROR"), Err(ScanError::Refused(said)) if said.contains("size"))
        );
        for garbage in ["", "OK", "stream:  FOUND", "stream: OK OK", "HTTP/1.1 400 Bad Request", "stream: Eicar-Test"] {
            assert!(matches!(read(garbage), Err(ScanError::Garbage(_))), "{garbage}");
        }
    }
}
