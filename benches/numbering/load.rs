//! A full entry with one document, and callers that register it again and again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::value::to_raw_value;
use uuid::Uuid;
use ventanilla::app::App;
use ventanilla::domain::{
    AuthenticationMethod, DocumentKind, DocumentStatement, IdType, Micros, Party, Person, PersonType, Sha256, Validity,
};
use ventanilla::registry::book::Key;
use ventanilla::registry::caller::{Caller, Who};
use ventanilla::registry::submission::Submission;
use ventanilla::registry::submit::{JudgedSignature, Received, StoredDocument};
use ventanilla::registry::will::ActsOfWill;
use ventanilla::signature::FileKind;

use crate::Figure;

/// A caller of role eoffice.
pub fn caller(app: &App) -> Caller {
    let who = Who::Token { name: "bench".into(), role: ventanilla::domain::Role::Eoffice, unit: None, office: None };
    Caller { entity: app.entity.clone(), who }
}

/// What an e-office sends: a party, a document, a verdict, a key.
pub fn received(now: Micros) -> Received {
    let person = Person {
        person_type: PersonType::Natural,
        id_type: IdType::Nif,
        id: "00000000T".into(),
        id_country: None,
        company_name: None,
        given_name: Some("Ana".into()),
        first_surname: Some("García".into()),
        second_surname: Some("López".into()),
        email: Some("ana@example.org".into()),
        mobile: None,
        landline: None,
        notification_channel: None,
        receives_notifications: true,
        address: None,
        sms_notice: None,
        email_notice: None,
        directory_code: None,
        remarks: None,
    };
    let id = Uuid::now_v7();
    let mut hash = [0; 32];
    hash[..16].copy_from_slice(id.as_bytes());
    let statement = DocumentStatement {
        part: "plano".into(),
        filename: "plano.pdf".into(),
        sha256: Sha256(hash),
        media_type: "application/pdf".into(),
        title: Some("Plano".into()),
        validity: Validity::Copy,
        kind: DocumentKind::Attachment,
        signature_part: None,
        remarks: None,
        form_code: None,
        metadata: None,
    };
    let verdict = serde_json::json!({
        "covers": "submission", "format": "cades", "level": "B", "indication": "total_passed", "sub_indication": null,
        "intact": true, "trusted": true, "revocation": "good",
        "signer": {"name": "Ana García López", "id_type": "nif", "id": "00000000T", "organization": null, "qualified": true},
        "certificate_sha256": "7c7aa7f453dd11193865314d9085f9ef8830ed8392bc9718ccc1ac4426f0d30a",
        "explanation": {"es": "La firma es válida.", "en": "The signature is valid."},
    });
    Received {
        submission: Submission {
            submission_id: Some(id),
            subject: "Solicitud de licencia de obra menor".into(),
            statement: Some(
                "Que tiene previsto reformar la cocina de su vivienda, sin afectar a la estructura.".into(),
            ),
            request: Some("Que se le conceda la licencia de obra menor que corresponde.".into()),
            destination_unit: Some("L01000000".into()),
            external_reference: None,
            file_number: None,
            procedure: None,
            corrects: None,
            answers: None,
            interested_parties: vec![Party { person, representative: None }],
            documents: vec![statement.clone()],
            authentication: None,
            counter: None,
            subject_code: None,
            origin: None,
            metadata: None,
        },
        arrived_at: now,
        documents: vec![StoredDocument {
            statement,
            size: 52_311,
            format_not_accepted: false,
            kind: FileKind::Other,
            signature: None,
        }],
        method: Some(AuthenticationMethod::Signature),
        identification: None,
        signatures: vec![JudgedSignature {
            covers: "submission".into(),
            indication: "total_passed".into(),
            verdict: to_raw_value(&verdict).unwrap(),
            try_later: false,
        }],
        acts: ActsOfWill::default(),
        signed: None,
        key: Some(Key { caller: "token:bench".into(), key: id.to_string(), body_sha256: Sha256(hash) }),
        swept_until: Micros(0),
    }
}

/// So many callers, each registering as soon as it was answered.
pub async fn register(app: &App, callers: usize, duration: Duration) -> Figure {
    let until = Instant::now() + duration;
    let caller = Arc::new(caller(app));
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (app, caller) = (app.clone(), caller.clone());
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while Instant::now() < until {
                    let received = received(app.clock().now());
                    let asked = Instant::now();
                    app.registry.submit(&caller, received).await.unwrap();
                    waits.push(asked.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    Figure::of(waits, started.elapsed())
}
