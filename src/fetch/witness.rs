//! The witnesses that a log asks (C2SP tlog-witness: POST to `add-checkpoint` below the witness's address).

use std::sync::Arc;
use std::time::Duration;

use super::client::{Body, Client, FetchError, Reply};
use super::hosts::{BadHost, Hosts};

/// Bytes of an answer: a few lines.
const ANSWER_BYTES: usize = 64 << 10;
/// How long a witness may take. It writes to its disk before it answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why no witness could be asked, by the configuration.
#[derive(Debug, thiserror::Error)]
pub enum WitnessesError {
    /// An address that is none.
    #[error(transparent)]
    Host(#[from] BadHost),
    /// TLS.
    #[error("no client could be made")]
    Client(#[from] reqwest::Error),
}

/// The witnesses of the settings; nobody else is ever asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Witnesses {
    client: Client,
    addresses: Arc<Vec<String>>,
}

impl Witnesses {
    /// The witnesses at these addresses (`proof.witnesses`).
    ///
    /// # Errors
    /// [`WitnessesError`] names the one that is none.
    pub fn new(addresses: &[String]) -> Result<Self, WitnessesError> {
        let client = Client::new(Hosts::new(&[], addresses.iter().map(String::as_str))?)?;
        Ok(Self { client, addresses: Arc::new(addresses.to_vec()) })
    }

    /// Where they are.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Sends a request to one of them; whatever it answers.
    ///
    /// # Errors
    /// [`FetchError`] when it does not answer.
    pub async fn add_checkpoint(&self, address: &str, request: String) -> Result<Reply, FetchError> {
        let url = format!("{}/add-checkpoint", address.trim_end_matches('/'));
        let body = Body { media_type: "text/plain; charset=utf-8", bytes: request.into_bytes() };
        self.client.exchange(&url, Some(body), ANSWER_BYTES, PATIENCE).await
    }
}
