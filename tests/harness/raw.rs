//! Requests written byte by byte, for those that no library would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection on which anything can be said.
#[derive(Debug)]
pub struct Raw(pub TcpStream);

impl Raw {
    pub async fn to(url: &str) -> Self {
        Self(TcpStream::connect(url.split_once("://").unwrap().1).await.unwrap())
    }

    /// The head of a submission or counter entry, with a body of this length to follow.
    pub async fn begin(url: &str, path: &str, who: &str, content_type: &str, length: usize) -> Self {
        let mut raw = Self::to(url).await;
        let key = super::paper::fresh_key();
        let head = format!(
            "POST /api/v1{path} HTTP/1.1\r\nHost: town\r\nConnection: close\r\nAuthorization: Bearer test-{who}\r\n\
             Idempotency-Key: {key}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        raw.0.write_all(head.as_bytes()).await.unwrap();
        raw
    }

    /// Says something; false when the other side listens no more.
    pub async fn say(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// All that comes back until the other side closes.
    pub async fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        let reading = self.0.read_to_end(&mut heard);
        let _ = tokio::time::timeout(Duration::from_mins(1), reading).await.expect("an answer within a minute");
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Sends while it listens, as a careful client does: what comes back.
    pub async fn converse(self, body: Vec<u8>) -> String {
        let (mut from, mut to) = self.0.into_split();
        let writing = tokio::spawn(async move {
            let _ = to.write_all(&body).await;
            to
        });
        let mut heard = Vec::new();
        let _ = tokio::time::timeout(Duration::from_mins(1), from.read_to_end(&mut heard)).await.unwrap();
        writing.abort();
        String::from_utf8_lossy(&heard).into_owned()
    }
}

/// Status and slug of an answer as it came over the wire.
pub fn said(answer: &str) -> (u16, String) {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let slug = answer.split("/problems/").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    (status, slug.to_owned())
}
