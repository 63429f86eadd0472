//! JSON receipts as the registry writes them, of every size.

use serde_json::{Value, json};
use ventanilla::receipt::pdf::{Look, render};

pub const CSV: &str = "7K2QW9ZX4M8RT1VBN6CD3FGHJ0";
pub const URL: &str = "https://sede.valdeflores.example/verificar/7K2QW9ZX4M8RT1VBN6CD3FGHJ0";

pub fn look() -> Look {
    Look { name: "Ayuntamiento de Valdeflores de la Sierra".to_owned(), colour: [17, 94, 89] }
}

pub fn hash(seed: usize) -> String {
    hex::encode(openssl::sha::sha256(&seed.to_be_bytes()))
}

pub fn document(at: usize) -> Value {
    json!({
        "id": "0199e5b2-0000-7000-8000-000000000000", "part": format!("doc{at}"),
        "filename": format!("plano-de-planta-{at:03}.pdf"), "title": format!("Plano de la planta {at}"),
        "media_type": "application/pdf", "size": 52_311 + 7919 * at, "sha256": hash(at), "validity": "copy",
        "kind": "attachment", "format_not_accepted": false, "signatures": []
    })
}

pub fn party(at: usize) -> Value {
    let name = ["Ana", "Íñigo", "Montserrat", "Xoán"][at % 4];
    let person = |id: &str, name: &str| {
        json!({
            "person_type": "natural", "id_type": "nif", "id": id, "company_name": null, "given_name": name,
            "first_surname": "García", "second_surname": "López", "email": "ana@example.org", "mobile": null,
            "landline": null, "notification_channel": "electronic", "receives_notifications": true, "address": null
        })
    };
    let mut party = person(&format!("{at:08}T"), name);
    let mut representative = person("12345678Z", "Iñaki");
    representative["authority"] = json!({"kind": "apud_acta", "reference": "2026/000345"});
    party["representative"] = if at % 3 == 1 { representative } else { Value::Null };
    party
}

pub fn verdict(covers: &str, passed: bool) -> Value {
    let (es, en) = if passed {
        ("La firma es válida.", "The signature is valid.")
    } else {
        (
            "El certificado no procede de un prestador en el que este registro confíe.",
            "The certificate does not come from a provider that this registry trusts.",
        )
    };
    json!({
        "covers": covers, "coverage": {"placement": "detached", "bytes": null}, "format": "cades", "level": "B",
        "indication": if passed { "total_passed" } else { "indeterminate" },
        "sub_indication": if passed { Value::Null } else { json!("no_certificate_chain_found") },
        "intact": true, "trusted": passed, "revocation": "good",
        "signer": {"name": "Ana García López", "id_type": "nif", "id": "00000000T", "organization": null, "qualified": true},
        "signed_at": "2026-03-02T09:29:41+01:00", "claimed_signed_at": null, "certificate_sha256": hash(9),
        "explanation": {"es": es, "en": en}
    })
}

/// A receipt with so many documents and parties.
pub fn receipt(documents: usize, parties: usize) -> Value {
    let mut verdicts = vec![verdict("submission", true)];
    if documents > 0 {
        verdicts.push(verdict("document:doc1", false));
    }
    json!({
        "version": "ventanilla-receipt-1",
        "issuer": {"code": "L01290075", "name": "Ayuntamiento de Valdeflores de la Sierra", "time_zone": "Europe/Madrid"},
        "csv": CSV,
        "entry": {
            "id": "0199e5b2-1111-7000-8000-000000000000", "book": "entrada", "kind": "incoming", "year": 2026,
            "number": 123, "code": "2026-E-000123",
            "presented_at": "2026-03-02T09:30:00.123456+01:00", "registered_at": "2026-03-02T09:30:00.131072+01:00",
            "effective_at": "2026-03-02T09:30:00.123456+01:00", "channel": "electronic",
            "authentication_method": "signature", "status": "registered", "rectified": false, "imported": false,
            "must_submit_electronically": null, "routing": "internal", "office": null, "registered_by": "sede",
            "submission_id": null, "submission_sha256": hash(0),
            "subject": "Solicitud de licencia de obra menor para la reforma de una cocina",
            "statement": "Que es propietaria de la vivienda situada en la calle Mayor, 1, y que tiene previsto reformar la cocina, sin que la obra afecte a la estructura del edificio ni a su fachada.",
            "request": "Que se le conceda la licencia de obra menor que corresponde.",
            "destination_unit": "L01290075", "external_reference": null, "file_number": "2026/17", "procedure": "203040",
            "corrects": null, "answers": null, "physical_documents": null, "transport": null, "transport_number": null,
            "remarks": null, "authentication": null,
            "interested_parties": (0..parties).map(party).collect::<Vec<_>>(),
            "documents": (1..=documents).map(document).collect::<Vec<_>>()
        },
        "signatures": verdicts,
        "statement": {
            "es": "Este recibo acredita la presentación, en la fecha y hora que constan, de la solicitud y de los documentos que se relacionan con su huella SHA-256 (artículo 16.3 de la Ley 39/2015).",
            "en": "This receipt proves the presentation, at the date and time stated, of the submission and of the documents listed with their SHA-256 (article 16.3 of Ley 39/2015)."
        }
    })
}

pub fn rendered(receipt: &Value) -> Vec<u8> {
    render(&serde_json::to_vec(receipt).unwrap(), URL, &look()).unwrap()
}
