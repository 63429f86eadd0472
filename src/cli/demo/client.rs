//! A program that calls the registry over HTTP, as an e-office or the counter does.

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use uuid::Uuid;

use super::citizen::Signer;
use crate::clock::Clock;

/// A caller with its token.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    clock: Clock,
}

/// What is sent.
#[derive(Debug, Clone)]
pub struct Package {
    /// The key it may be repeated with.
    pub key: String,
    /// The path under `/api/v1`.
    pub path: &'static str,
    /// Name, file name and content of each part, in order.
    pub parts: Vec<(String, Option<String>, Vec<u8>)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Whether it repeats an earlier answer.
    pub replayed: bool,
    /// The body.
    pub body: Value,
}

/// What can go wrong with the demo itself.
pub type Failure = Box<dyn std::error::Error>;

impl Client {
    /// A caller of the server at `base`.
    #[must_use]
    pub fn new(base: &str, token: &str, clock: Clock) -> Self {
        Self { http: reqwest::Client::new(), base: base.to_owned(), token: token.to_owned(), clock }
    }

    /// A submission of `who`, with documents, signed by `signer`.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn submission(
        &self,
        who: &Value,
        subject: &str,
        documents: &[(&str, &str, &[u8])],
        signer: &Signer,
    ) -> Result<Package, Failure> {
        let id = self.clock.new_id();
        let mut submission = base(who, subject, documents);
        submission["submission_id"] = json!(id);
        let bytes = serde_json::to_vec(&submission)?;
        let signature = signer.sign(&bytes, self.clock.now())?;
        let mut parts = vec![
            ("submission".to_owned(), None, bytes),
            ("signature".to_owned(), Some("signature.p7s".to_owned()), signature),
        ];
        parts.extend(files(documents));
        Ok(Package { key: id.to_string(), path: "/submissions", parts })
    }

    /// What a clerk keys in; `more` are the fields that only a clerk can say.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn counter(
        &self,
        who: &Value,
        subject: &str,
        documents: &[(&str, &str, &[u8])],
        more: &Value,
    ) -> Result<Package, Failure> {
        let mut entry = base(who, subject, documents);
        if let (Value::Object(entry), Value::Object(more)) = (&mut entry, more) {
            entry.extend(more.clone());
        }
        let mut parts = vec![("submission".to_owned(), None, serde_json::to_vec(&entry)?)];
        parts.extend(files(documents));
        Ok(Package { key: Uuid::to_string(&self.clock.new_id()), path: "/entries", parts })
    }

    /// Sends a package.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(&self, package: &Package) -> Result<Answer, Failure> {
        let mut form = Form::new();
        for (name, filename, content) in &package.parts {
            let mut part = Part::bytes(content.clone());
            if let Some(filename) = filename {
                part = part.file_name(filename.clone());
            }
            form = form.part(name.clone(), part);
        }
        let response = self
            .http
            .post(format!("{}/api/v1{}", self.base, package.path))
            .bearer_auth(&self.token)
            .header("Idempotency-Key", &package.key)
            .multipart(form)
            .send()
            .await?;
        let replayed = response.headers().contains_key("idempotency-replayed");
        let status = response.status().as_u16();
        Ok(Answer { status, replayed, body: serde_json::from_slice(&response.bytes().await?)? })
    }

    /// Gets the bytes at a path.
    ///
    /// # Errors
    /// When they do not come with status 200.
    pub async fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let response = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token).send().await?;
        Ok(response.error_for_status()?.bytes().await?.to_vec())
    }
}

fn base(who: &Value, subject: &str, documents: &[(&str, &str, &[u8])]) -> Value {
    let documents: Vec<Value> = documents
        .iter()
        .map(|(part, media_type, content)| {
            json!({
                "part": part, "filename": filename(part, media_type), "media_type": media_type, "title": part,
                "sha256": hex::encode(openssl::sha::sha256(content)), "validity": "copy", "kind": "attachment",
            })
        })
        .collect();
    json!({
        "subject": subject, "destination_unit": "L01000000", "interested_parties": [who], "documents": documents,
    })
}

fn filename(part: &str, media_type: &str) -> String {
    let extension = match media_type {
        "application/pdf" => "pdf",
        "image/png" => "png",
        _ => "txt",
    };
    format!("{part}.{extension}")
}

fn files<'d>(documents: &'d [(&str, &str, &[u8])]) -> impl Iterator<Item = (String, Option<String>, Vec<u8>)> + 'd {
    documents
        .iter()
        .map(|(part, media_type, content)| ((*part).to_owned(), Some(filename(part, media_type)), content.to_vec()))
}
