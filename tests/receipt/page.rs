//! What a printed receipt says, and what it is made of.

use serde_json::{Value, json};
use ventanilla::receipt::PaperError;
use ventanilla::receipt::pdf::{Look, render};

use crate::programs::{is_sound, kept, run, text};
use crate::sample::{CSV, URL, hash, look, party, receipt, rendered};

/// Text with every run of white space as one space.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn it_says_what_the_law_asks() {
    let pdf = rendered(&receipt(1, 1));
    is_sound("receipt-1.pdf", &pdf);
    let text = words(&text("receipt-1.pdf", &pdf));
    for said in [
        "Ayuntamiento de Valdeflores de la Sierra",
        "Recibo de presentación",
        "2026-E-000123",
        "lunes, 2 de marzo de 2026, a las 09:30:00 (UTC+01:00)",
        "Registro de entrada",
        "Firma electrónica de la solicitud",
        "Solicitud de licencia de obra menor",
        "Que se le conceda la licencia",
        "Ana García López · 00000000T",
        "L01290075",
        "Plano de la planta 1",
        "plano-de-planta-001.pdf · 60.230 bytes (58,8 kB) · application/pdf · adjunto, copia",
        "La firma es válida. Firmante: Ana García López · 00000000T Consta desde el 2 de marzo de 2026, a las 09:29:41",
        "El certificado no procede de un prestador en el que este registro confíe.",
        "artículo 16.3 de la Ley 39/2015",
        CSV,
        URL,
    ] {
        assert!(text.contains(said), "{said:?} is not in {text}");
    }
    assert!(text.contains(&hash(1)) && text.contains(&hash(0)), "{text}");
    assert!(text.contains("Página 1 de 2") && text.contains("Página 2 de 2"), "{text}");
}

#[test]
fn the_same_receipt_is_the_same_bytes() {
    let json = receipt(40, 5);
    assert_eq!(rendered(&json), rendered(&json));
    let mut other = json.clone();
    other["entry"]["subject"] = json!("Otra cosa");
    assert_ne!(rendered(&json), rendered(&other));
}

#[test]
fn the_json_receipt_is_inside_to_the_byte() {
    let json = serde_json::to_vec(&receipt(2, 1)).unwrap();
    let pdf = render(&json, URL, &look()).unwrap();
    let path = kept("attached.pdf", &pdf);
    let done = run(std::process::Command::new("qpdf").arg("--show-attachment=receipt.json").arg(path));
    assert_eq!(done.stdout, json);
}

#[test]
fn two_hundred_documents_and_a_hundred_parties_fit_on_pages_of_their_own() {
    let pdf = rendered(&receipt(200, 100));
    is_sound("receipt-200.pdf", &pdf);
    let text = text("receipt-200.pdf", &pdf);
    assert!(text.matches("SHA-256").count() > 200);
    let compact: String = text.split_whitespace().collect();
    for at in 1..=200 {
        assert!(compact.contains(&hash(at)), "the hash of document {at}");
    }
    for at in 0..100 {
        assert!(text.contains(party(at)["id"].as_str().unwrap()), "party {at}");
    }
    let pages = text.matches("Página ").count();
    assert!(text.contains(&format!("Página {pages} de {pages}")), "{pages}");
    assert!((15..40).contains(&pages), "{pages}");
}

#[test]
fn long_texts_go_on_over_pages_and_no_letter_breaks_it() {
    let mut json = receipt(1, 1);
    let paragraph = "L'Ajuntament de l'Hospitalet: col·legi, façana, pingüí. O Concello: señorío, avión. Udala: eskatzailea. \
                     Đorđe Šišić, Łódź, Ölçü, Ελλάδα, Україна. ";
    json["entry"]["statement"] = json!(paragraph.repeat(60));
    json["entry"]["request"] =
        json!(format!("{}\n\nRoma\u{301}n\u{301} 中文 عربي \u{202e}fdp.exe\u{200b} 😀 \t fin", "x".repeat(4000)));
    json["entry"]["subject"] = json!("\u{feff}Un título con \u{e000} y \u{0301}");
    let pdf = rendered(&json);
    is_sound("receipt-long.pdf", &pdf);
    let text = words(&text("receipt-long.pdf", &pdf));
    assert_eq!(text.matches("Ελλάδα, Україна.").count(), 60);
    assert!(
        text.contains("Romáń \u{fffd}\u{fffd} \u{fffd}"),
        "letters are composed, and those that are missing told: {text}"
    );
    assert!(text.contains("\u{fffd}fdp.exe\u{fffd}"), "the direction cannot be turned: {text}");
    assert!(text.contains("ocupa el lugar de los caracteres"), "it says that letters are missing");
}

#[test]
fn it_keeps_the_form_of_an_archive() {
    let pdf = rendered(&receipt(3, 2));
    let path = kept("receipt-3.pdf", &pdf);
    let done = run(std::process::Command::new("qpdf")
        .args(["--json=2", "--json-stream-data=inline", "--decode-level=all"])
        .arg(path));
    let all: Value = serde_json::from_slice(&done.stdout).unwrap();
    let objects = all["qpdf"][1].as_object().unwrap();
    let catalog = objects.values().find(|object| object["value"]["/Type"] == "/Catalog").unwrap();
    let catalog = &catalog["value"];
    assert_eq!(catalog["/Lang"], "u:es");
    assert_eq!(catalog["/MarkInfo"]["/Marked"], true);
    assert_eq!(catalog["/ViewerPreferences"]["/DisplayDocTitle"], true);
    assert!(catalog["/StructTreeRoot"].is_string() && catalog["/AF"].is_array(), "{catalog:#}");
    let text = String::from_utf8_lossy(&done.stdout);
    for key in ["/GTS_PDFA1", "/DestOutputProfile", "\"/AFRelationship\": \"/Data\""] {
        assert!(text.contains(key), "{key}");
    }
    assert!(!text.contains("\"/Encrypt\""));
    let metadata = catalog["/Metadata"].as_str().unwrap();
    let packet = objects[&format!("obj:{metadata}")]["stream"]["data"].as_str().unwrap();
    let packet = String::from_utf8(base64::Engine::decode(&base64::prelude::BASE64_STANDARD, packet).unwrap()).unwrap();
    for said in [
        "<pdfaid:part>3</pdfaid:part>",
        "<pdfaid:conformance>A</pdfaid:conformance>",
        "<pdfuaid:part>1</pdfuaid:part>",
        "2026-03-02T09:30:00+01:00",
    ] {
        assert!(packet.contains(said), "{said} is not in {packet}");
    }
    // Every typeface lies inside, with the letters it shows told in Unicode.
    for font in objects.values().filter(|object| object["value"]["/Type"] == "/FontDescriptor") {
        assert!(font["value"]["/FontFile2"].is_string() || font["value"]["/FontFile3"].is_string(), "{font:#}");
    }
    let composed = objects.values().filter(|object| object["value"]["/Subtype"] == "/Type0").collect::<Vec<_>>();
    assert_eq!(composed.len(), 3);
    assert!(composed.iter().all(|font| font["value"]["/ToUnicode"].is_string()));
}

#[test]
fn a_paper_entry_of_a_holiday_says_so() {
    let mut json = receipt(0, 1);
    let entry = &mut json["entry"];
    entry["channel"] = json!("in_person");
    entry["authentication_method"] = Value::Null;
    entry["office"] = json!("O00012345");
    entry["presented_at"] = json!("2026-03-01T12:00:00+01:00");
    entry["effective_at"] = json!("2026-03-02T00:00:00+01:00");
    entry["destination_unit"] = Value::Null;
    entry["must_submit_electronically"] = json!("legal_person");
    entry["physical_documents"] = json!("complementary_physical");
    json["signatures"] = json!([]);
    let text = words(&text("receipt-paper.pdf", &rendered(&json)));
    for said in [
        "Presencial, en una oficina de registro",
        "O00012345",
        "domingo, 1 de marzo de 2026, a las 12:00:00",
        "lunes, 2 de marzo de 2026, a las 00:00:00",
        "día inhábil",
        "Por determinar",
        "persona jurídica",
        "No se han aportado documentos.",
        "Acompaña documentación física complementaria",
    ] {
        assert!(text.contains(said), "{said:?} is not in {text}");
    }
    assert!(!text.contains("Firmas electrónicas"), "{text}");
}

#[test]
fn an_outgoing_entry_has_a_name_of_its_own() {
    let mut json = receipt(1, 1);
    json["entry"]["kind"] = json!("outgoing");
    json["entry"]["book"] = json!("salida");
    let text = words(&text("receipt-out.pdf", &rendered(&json)));
    assert!(text.contains("Justificante de salida") && text.contains("Registro de salida"), "{text}");
    assert!(!text.contains("Recibo de presentación"), "{text}");
}

#[test]
fn what_is_no_receipt_is_refused() {
    let refused = |json: &[u8]| render(json, URL, &look()).unwrap_err();
    assert!(matches!(refused(b"{}"), PaperError::Receipt(_)));
    assert!(matches!(refused(b"\xff"), PaperError::Receipt(_)));
    let mut json = receipt(1, 1);
    json["version"] = json!("ventanilla-receipt-9");
    assert!(
        matches!(refused(&serde_json::to_vec(&json).unwrap()), PaperError::Version(version) if version.ends_with('9'))
    );
    let long = format!("https://example.org/{}", "x".repeat(4000));
    assert!(matches!(render(&serde_json::to_vec(&receipt(0, 1)).unwrap(), &long, &look()), Err(PaperError::Code(_))));
}

#[test]
fn the_palest_colour_still_makes_readable_headings() {
    let json = serde_json::to_vec(&receipt(1, 1)).unwrap();
    let pale = Look { name: "Concello de Ría Branca".to_owned(), colour: [255, 240, 150] };
    let pdf = render(&json, URL, &pale).unwrap();
    assert!(text("receipt-pale.pdf", &pdf).contains("Concello de Ría Branca"));
}
