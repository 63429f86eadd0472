//! Timestamps from the authority that the configuration names (RFC 3161 § 3.4: over HTTP).

use openssl::rand::rand_bytes;

use super::client::{Body, FetchError};
use super::{Judge, JudgeError};
use crate::signature::{StampingError, read_timestamp, timestamp_query};

/// Bytes of an answer: a token with a long chain has some 10 kB.
const ANSWER_BYTES: usize = 256 << 10;
const NONCE_BYTES: usize = 16;

/// Why there is no timestamp. Asking again later is safe.
#[derive(Debug, thiserror::Error)]
pub enum TsaError {
    /// `signature.tsa_url` is empty.
    #[error("no time stamping authority is configured (signature.tsa_url)")]
    None,
    /// The authority did not answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Its answer is no timestamp that counts.
    #[error(transparent)]
    Answer(#[from] StampingError),
    /// OpenSSL gave no digest or no random bytes.
    #[error("OpenSSL could not make the question")]
    OpenSsl(#[from] openssl::error::ErrorStack),
    /// The judge gave up.
    #[error("the answer could not be judged")]
    Judge(#[from] JudgeError),
}

impl Judge {
    /// A timestamp token (DER) over these bytes, of now, checked in all that it says. For a signature, stamp its
    /// value and put the token in with [`crate::signature::add_timestamp`].
    ///
    /// # Errors
    /// [`TsaError`] says why there is none.
    pub async fn timestamp(&self, stamped: &[u8]) -> Result<Vec<u8>, TsaError> {
        if self.tsa_url().is_empty() {
            return Err(TsaError::None);
        }
        let mut nonce = [0; NONCE_BYTES];
        rand_bytes(&mut nonce)?;
        // A positive number that needs all of its bytes.
        nonce[0] = nonce[0] & 0x7f | 0x40;
        let body = Body { media_type: "application/timestamp-query", bytes: timestamp_query(stamped, &nonce)? };
        let answer = self.client().ask(self.tsa_url(), Some(body), ANSWER_BYTES, self.patience()).await?;
        let (stamped, now) = (stamped.to_vec(), self.now());
        let reading = self.run(move |policy| read_timestamp(&answer, &stamped, &nonce, now, policy));
        Ok(reading.await??)
    }
}
