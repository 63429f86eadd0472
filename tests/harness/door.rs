//! The way in: requests as a program outside sends them, and what came back.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::paper::Form;
use super::site::root;

/// A server's address, and who knocks.
#[derive(Debug, Clone)]
pub struct Door {
    client: reqwest::Client,
    url: String,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Door {
    pub fn at(url: &str) -> Self {
        Self { client: builder().build().unwrap(), url: url.to_owned() }
    }

    /// With a client certificate and its key, in PEM.
    pub fn with_certificate(url: &str, certificate: &[u8], key: &[u8]) -> Self {
        let identity = reqwest::Identity::from_pkcs8_pem(certificate, key).unwrap();
        Self { client: builder().identity(identity).build().unwrap(), url: url.to_owned() }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Without an answer there is an error: the connection could not be made, or broke.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        who: Option<&str>,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, reqwest::Error> {
        let path = if path.starts_with("/healthz")
            || path.starts_with("/readyz")
            || path.starts_with("/metrics")
            || path.starts_with("/api/")
        {
            path.to_owned()
        } else {
            format!("/api/v1{path}")
        };
        let mut request = self.client.request(method, format!("{}{path}", self.url)).body(body);
        if let Some(who) = who {
            request = request.bearer_auth(format!("test-{who}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
    }

    /// Reads something, as the holder of `test-{who}`.
    pub async fn get(&self, path: &str, who: &str) -> Answer {
        self.try_send(Method::GET, path, Some(who), &[], Vec::new()).await.unwrap()
    }

    /// Reads something as another media type.
    pub async fn get_as(&self, path: &str, who: &str, media_type: &str) -> Answer {
        self.try_send(Method::GET, path, Some(who), &[("accept", media_type)], Vec::new()).await.unwrap()
    }

    /// Sends JSON.
    pub async fn post(&self, path: &str, who: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.try_send(Method::POST, path, Some(who), &headers, body.to_string().into_bytes()).await.unwrap()
    }

    /// Sends a form with a key.
    pub async fn try_post(&self, path: &str, who: &str, form: &Form, key: &str) -> Result<Answer, reqwest::Error> {
        let content_type = form.content_type();
        let headers = [("content-type", content_type.as_str()), ("idempotency-key", key)];
        self.try_send(Method::POST, path, Some(who), &headers, form.bytes()).await
    }

    /// Submits as the e-office.
    pub async fn submit(&self, form: &Form, key: &str) -> Answer {
        self.try_post("/submissions", "eoffice", form, key).await.unwrap()
    }

    /// Registers at the counter, as its clerk.
    pub async fn register(&self, form: &Form, key: &str) -> Answer {
        self.try_post("/entries", "clerk", form, key).await.unwrap()
    }
}

/// A client that trusts the test PKI.
fn builder() -> reqwest::ClientBuilder {
    let anchor = std::fs::read(root().join("certs/test/anchors/root.test.pem")).unwrap();
    let anchor = reqwest::Certificate::from_pem(&anchor).unwrap();
    reqwest::Client::builder().no_proxy().pool_max_idle_per_host(256).add_root_certificate(anchor)
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The last part of a problem's `type`; empty for what is no problem.
    pub fn slug(&self) -> String {
        if self.header("content-type") != "application/problem+json" {
            return String::new();
        }
        self.json()["type"].as_str().unwrap().trim_start_matches("/problems/").to_owned()
    }

    /// Demands this status, and this problem (empty for none).
    #[track_caller]
    pub fn is(self, status: u16, slug: &str) -> Self {
        assert_eq!((self.status, self.slug().as_str()), (status, slug), "{}", self.text());
        self
    }

    /// Demands a registration.
    #[track_caller]
    pub fn registered(self) -> Value {
        self.is(201, "").json()
    }

    /// Where the errors of a problem point.
    pub fn pointers(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }

    /// The number of the entry in a registration.
    #[track_caller]
    pub fn number(self) -> i64 {
        self.registered()["entry"]["number"].as_i64().unwrap()
    }
}
