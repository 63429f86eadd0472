//! One request to another machine, held to its limits: who may be asked, how long, and how much may come.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Method, Url};

use super::hosts::Hosts;

/// Times that an answer may send elsewhere; to hosts that may be asked only.
const REDIRECTS: usize = 3;

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The administrator did not list this host. Nobody was asked.
    #[error("{0} is not among the hosts that may be asked (signature.revocation_hosts)")]
    NotListed(String),
    /// It could not be reached, or not in time.
    #[error("{host} did not answer: {reason}")]
    Silent {
        /// Whom.
        host: String,
        /// Why.
        reason: String,
    },
    /// It answered with an error.
    #[error("{host} answered with the status {status}")]
    Status {
        /// Who.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// It sent more than is taken.
    #[error("{host} sent more than {limit} bytes")]
    TooLarge {
        /// Who.
        host: String,
        /// The limit.
        limit: usize,
    },
}

/// Asks other machines. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    hosts: Hosts,
}

/// What is posted.
#[derive(Debug, Clone)]
pub struct Body {
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What came back, with whatever status.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Client {
    /// A client that asks these hosts and no others.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(hosts: Hosts) -> Result<Self, reqwest::Error> {
        let listed = hosts.clone();
        let redirects = Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS || !listed.allow(attempt.url()) {
                return attempt.error("it sends elsewhere");
            }
            attempt.follow()
        });
        let http = reqwest::Client::builder()
            .redirect(redirects)
            .dns_resolver(hosts.clone())
            // A proxy would resolve names by itself, and could be led inside.
            .no_proxy()
            .pool_max_idle_per_host(4)
            .build()?;
        Ok(Self { http, hosts })
    }

    /// Whether this address may be asked.
    ///
    /// # Errors
    /// [`FetchError::NotListed`].
    pub fn allow(&self, url: &str) -> Result<Url, FetchError> {
        let not_listed = || FetchError::NotListed(url.chars().take(200).collect());
        let url = Url::parse(url).map_err(|_| not_listed())?;
        if self.hosts.allow(&url) { Ok(url) } else { Err(not_listed()) }
    }

    /// Gets an address, or posts to it; only an answer of success counts.
    ///
    /// # Errors
    /// [`FetchError`] says why nothing came.
    pub async fn ask(
        &self,
        url: &str,
        body: Option<Body>,
        limit: usize,
        patience: Duration,
    ) -> Result<Vec<u8>, FetchError> {
        let reply = self.exchange(url, body, limit, patience).await?;
        if !(200..300).contains(&reply.status) {
            let host = self.allow(url)?.host_str().unwrap_or_default().to_owned();
            return Err(FetchError::Status { host, status: reply.status });
        }
        Ok(reply.bytes)
    }

    /// The same for whoever has a use for other answers, too.
    ///
    /// # Errors
    /// [`FetchError`] says why nothing came.
    pub async fn exchange(
        &self,
        url: &str,
        body: Option<Body>,
        limit: usize,
        patience: Duration,
    ) -> Result<Reply, FetchError> {
        let url = self.allow(url)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let silent = |error: reqwest::Error| FetchError::Silent { host: host.clone(), reason: cause(&error) };
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = self.http.request(method, url).timeout(patience);
        if let Some(body) = body {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(body.media_type))]);
            request = request.headers(headers).body(body.bytes);
        }
        let mut response = request.send().await.map_err(silent)?;
        let status = response.status().as_u16();
        let too_large = || FetchError::TooLarge { host: host.clone(), limit };
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(silent)? {
            if bytes.len() + chunk.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Reply { status, bytes })
    }
}

/// The first cause in words: what stands above it repeats the address.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
