//! What is sent: submissions and counter entries, their documents, who signs, and the multipart form around them.

use std::sync::atomic::{AtomicU64, Ordering};

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use serde_json::{Value, json};
use uuid::Uuid;
use ventanilla::clock::Clock;
use ventanilla::signature;

use super::minted::Minted;
use super::site::{ENTITY, test_certificate, test_key};

/// Somebody of the test PKI who signs.
#[derive(Debug)]
pub struct Signer {
    key: PKey<Private>,
    certificate: X509,
    above: Vec<X509>,
}

impl Signer {
    /// Such as `citizen`, `representative`, `untrusted/citizen`.
    pub fn of(name: &str) -> Self {
        let certificate = std::fs::read(test_certificate(name)).unwrap();
        let key = std::fs::read(test_key(name)).unwrap();
        Self {
            key: PKey::private_key_from_pem(&key).unwrap(),
            certificate: X509::from_pem(&certificate).unwrap(),
            above: Vec::new(),
        }
    }

    /// Somebody with a certificate of their own making, who sends along those above it.
    pub fn minted(minted: &Minted) -> Self {
        Self { key: minted.key.clone(), certificate: minted.certificate.clone(), above: minted.above.clone() }
    }

    /// A detached CAdES-B in DER.
    pub fn sign(&self, content: &[u8]) -> Vec<u8> {
        signature::seal(content, &self.key, &self.certificate, &self.above, Clock::system().now().0).unwrap()
    }
}

/// A submission or a counter entry, with its documents.
#[derive(Debug, Clone)]
pub struct Paper {
    pub json: Value,
    pub documents: Vec<(String, Vec<u8>)>,
}

pub fn ana() -> Value {
    json!({"person_type": "natural", "id_type": "nif", "id": "00000000T", "given_name": "Ana",
        "first_surname": "García", "second_surname": "López", "email": "ana@example.org"})
}

impl Paper {
    /// What Ana submits electronically.
    pub fn submission() -> Self {
        Self::of(json!({"submission_id": fresh_key(), "subject": "Solicitud de licencia de obra menor",
            "statement": "Cambio de cubierta.", "request": "Que se conceda.", "destination_unit": ENTITY,
            "interested_parties": [ana()], "documents": []}))
    }

    /// What Ana brings to the counter.
    pub fn counter() -> Self {
        Self::of(json!({"channel": "in_person", "subject": "Instancia general en papel", "destination_unit": ENTITY,
            "interested_parties": [ana()], "documents": []}))
    }

    fn of(json: Value) -> Self {
        Self { json, documents: Vec::new() }
    }

    /// With another value in a field; `null` takes it away.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.json[field] = value.into();
        if self.json[field].is_null() {
            self.json.as_object_mut().unwrap().remove(field);
        }
        self
    }

    /// With one more document, a PDF.
    pub fn document(self, part: &str, content: &[u8]) -> Self {
        self.document_as(part, &format!("{part}.pdf"), "application/pdf", content)
    }

    pub fn document_as(mut self, part: &str, filename: &str, media_type: &str, content: &[u8]) -> Self {
        let statement = json!({"part": part, "filename": filename, "media_type": media_type, "title": part,
            "sha256": hex::encode(openssl::sha::sha256(content)), "validity": "copy", "kind": "attachment"});
        self.json["documents"].as_array_mut().unwrap().push(statement);
        self.documents.push((part.to_owned(), content.to_vec()));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.json).unwrap()
    }

    /// The form without a signature.
    pub fn form(&self) -> Form {
        self.documents_after(Form::new().part("submission", &self.bytes()))
    }

    /// The form with a signature over its submission.
    pub fn signed(&self, signer: &Signer) -> Form {
        let bytes = self.bytes();
        self.documents_after(Form::new().part("submission", &bytes).part("signature", &signer.sign(&bytes)))
    }

    /// The form signed by Ana.
    pub fn signed_by_ana(&self) -> Form {
        self.signed(&Signer::of("citizen-prime256v1"))
    }

    pub fn documents_after(&self, form: Form) -> Form {
        self.documents.iter().fold(form, |form, (part, content)| form.part(part, content))
    }
}

/// A key, or an id, that nobody used before.
pub fn fresh_key() -> String {
    Clock::system().new_id().to_string()
}

pub fn fresh_id() -> Uuid {
    Clock::system().new_id()
}

/// `multipart/form-data` (RFC 7578), with whatever freedom a test needs to get it wrong.
#[derive(Debug, Clone)]
pub struct Form {
    pub boundary: String,
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone)]
pub struct Part {
    pub name: String,
    /// The header's lines after `Content-Disposition`.
    pub more_headers: String,
    pub content: Vec<u8>,
}

impl Form {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { boundary: format!("ventanilla-{number}-6f1c5e0a9b"), parts: Vec::new() }
    }

    pub fn part(self, name: &str, content: &[u8]) -> Self {
        self.part_with(name, "", content)
    }

    pub fn part_with(mut self, name: &str, more_headers: &str, content: &[u8]) -> Self {
        let (name, more_headers) = (name.to_owned(), more_headers.to_owned());
        self.parts.push(Part { name, more_headers, content: content.to_vec() });
        self
    }

    /// The same with other bytes in one part.
    pub fn replace(mut self, name: &str, content: &[u8]) -> Self {
        let part = self.parts.iter_mut().find(|part| part.name == name).unwrap();
        part.content = content.to_vec();
        self
    }

    /// The same without one part.
    pub fn without(mut self, name: &str) -> Self {
        self.parts.retain(|part| part.name != name);
        self
    }

    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for part in &self.parts {
            let head = format!(
                "--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n{}\r\n",
                self.boundary, part.name, part.more_headers
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(&part.content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        body
    }
}
