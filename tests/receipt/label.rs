//! The stamp label.

use ventanilla::domain::Micros;
use ventanilla::receipt::PaperError;
use ventanilla::receipt::label::{Label, render};

use crate::programs::{is_sound, kept, run, text};

fn label(code: &str) -> Label<'_> {
    Label {
        entity: "Ayuntamiento de Valdeflores de la Sierra",
        book: "Registro de entrada",
        office: Some("Oficina de asistencia, Plaza Mayor"),
        code,
        registered_at: Micros::parse("2026-03-02T09:30:00.131072+01:00").unwrap(),
        zone: chrono_tz::Europe::Madrid,
    }
}

#[test]
fn it_names_entity_number_and_time() {
    let pdf = render(&label("2026-E-000123")).unwrap();
    is_sound("label.pdf", &pdf);
    let shown = text("label.pdf", &pdf);
    for said in
        ["Ayuntamiento de Valdeflores", "2026-E-000123", "02/03/2026", "09:30:00", "Registro de entrada · Oficina"]
    {
        assert!(shown.contains(said), "{said:?} is not in {shown}");
    }
    assert_eq!(pdf, render(&label("2026-E-000123")).unwrap());
    let info = run(std::process::Command::new("pdfinfo").arg(kept("label.pdf", &pdf)));
    let info = String::from_utf8_lossy(&info.stdout);
    assert!(info.contains("198.425 x 99.2126"), "70 by 35 millimetres: {info}");
}

#[test]
fn the_longest_code_and_names_fit() {
    let long = "Mancomunidad de Municipios de la Comarca de la Sierra de las Flores y del Valle del Río Grande";
    let label = Label { entity: long, office: Some(long), ..label("2026-ABCDEFG-0000001") };
    let pdf = render(&label).unwrap();
    let shown = text("label-long.pdf", &pdf);
    assert!(shown.contains("2026-ABCDEFG-0000001"), "{shown}");
    assert!(shown.contains("Mancomunidad de Municipios") && shown.contains('…'), "{shown}");
}

#[test]
fn what_no_reader_can_say_is_refused() {
    for code in ["", "2026-Ñ-000123", "x\n"] {
        assert!(matches!(render(&label(code)), Err(PaperError::Code(_))), "{code:?}");
    }
}
