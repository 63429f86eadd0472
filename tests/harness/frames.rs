//! HTTP/2 frame by frame (RFC 9113), over TCP or TLS, for clients that no library would be.

use std::time::Duration;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection to a server at this address, by TLS where it is `https`; `protocol` is offered there.
pub async fn connect(url: &str, protocol: &str) -> Box<dyn Stream> {
    let (scheme, address) = url.split_once("://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    if scheme == "http" {
        return Box::new(stream);
    }
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let mut offered = vec![u8::try_from(protocol.len()).unwrap()];
    offered.extend_from_slice(protocol.as_bytes());
    connector.set_alpn_protos(&offered).unwrap();
    let ssl = connector.build().configure().unwrap().verify_hostname(false).into_ssl("localhost").unwrap();
    let mut stream = tokio_openssl::SslStream::new(ssl, stream).unwrap();
    std::pin::Pin::new(&mut stream).connect().await.unwrap();
    Box::new(stream)
}

/// Whether the other side closes within some seconds; what it says until then is read and thrown away.
pub async fn is_closed(stream: &mut (impl AsyncRead + Unpin), within: Duration) -> bool {
    let reading = async {
        let mut buffer = vec![0; 64 << 10];
        while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    };
    tokio::time::timeout(within, reading).await.is_ok()
}

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A client of HTTP/2 that has sent its preface.
pub struct Frames(Box<dyn Stream>);

impl Frames {
    pub async fn to(url: &str) -> Self {
        Self::on(connect(url, "h2").await).await
    }

    /// The same on a connection that is made already.
    pub async fn on(stream: Box<dyn Stream>) -> Self {
        let mut frames = Self(stream);
        frames.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        assert!(frames.send(SETTINGS, 0, 0, &[]).await);
        frames
    }

    /// Sends a frame; false when the other side is gone.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        self.0.write_all(&frame).await.is_ok()
    }

    /// The next frame: kind, flags, payload; none when the other side has closed.
    pub async fn next(&mut self) -> Option<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], payload))
    }

    /// A request's header, not indexed (RFC 7541 § 6.2.2): `method path`, with a token.
    pub fn header(method: &str, path: &str, who: &str) -> Vec<u8> {
        let mut block = Vec::new();
        let token = format!("Bearer test-{who}");
        for (name, value) in [
            (":method", method),
            (":scheme", "http"),
            (":authority", "registry.example"),
            (":path", path),
            ("authorization", &token),
        ] {
            block.push(0);
            for text in [name, value] {
                assert!(text.len() < 127);
                block.push(u8::try_from(text.len()).unwrap());
                block.extend_from_slice(text.as_bytes());
            }
        }
        block
    }

    /// Answers and sends PINGs, and nothing else, until the other side closes; how many bytes of answers came. None
    /// when it is still open after so long.
    pub async fn only_ping(mut self, within: Duration) -> Option<usize> {
        let mut came = 0;
        let pinging = async {
            let mut beat = tokio::time::interval(Duration::from_millis(100));
            loop {
                tokio::select! {
                    frame = self.next() => match frame {
                        None => return,
                        Some((PING, 0, payload)) => drop(self.send(PING, ACK, 0, &payload).await),
                        Some((SETTINGS, 0, _)) => drop(self.send(SETTINGS, ACK, 0, &[]).await),
                        Some((DATA, _, payload)) => came += payload.len(),
                        Some(_) => {}
                    },
                    _ = beat.tick() => if !self.send(PING, 0, 0, b"8 bytes.").await { return },
                }
            }
        };
        tokio::time::timeout(within, pinging).await.ok()?;
        Some(came)
    }
}
