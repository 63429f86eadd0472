//! The stamp label of an entry, to be stuck on paper that came to the counter: 70 × 35 mm, black, with a barcode.
//!
//! # Why
//! It is stuck on the paper before that is scanned, and so is the mark of registration that every copy shows.

use chrono_tz::Tz;

use super::barcode;
use super::paper::PaperError;
use super::paper::face::{Colour, Face, Faces, Run, Style};
use super::paper::paint::{About, paint};
use super::paper::sheet::{Area, Mark, Sheets, count_of};
use crate::domain::Micros;

/// Points in a millimetre.
const MM: f32 = 72.0 / 25.4;
const WIDTH: f32 = 70.0 * MM;
const HEIGHT: f32 = 35.0 * MM;
const MARGIN: f32 = 3.5 * MM;
/// A dot of the label printers at most counters (203 to the inch): modules are whole dots, or readers stumble.
const DOT: f32 = 72.0 / 203.0;
const BLACK: Colour = Colour(0, 0, 0);

/// What a label says.
#[derive(Debug, Clone, Copy)]
pub struct Label<'a> {
    /// The entity's name.
    pub entity: &'a str,
    /// The book's name.
    pub book: &'a str,
    /// The office's name or code, where there is one.
    pub office: Option<&'a str>,
    /// The entry's code: at most 20 printable ASCII characters.
    pub code: &'a str,
    /// When it was registered.
    pub registered_at: Micros,
    /// The entity's zone.
    pub zone: Tz,
}

/// Renders a label as PDF of one page. The same arguments give the same bytes.
///
/// # Errors
/// [`PaperError::Code`] when the code is none that a barcode of this width can hold.
pub fn render(label: &Label<'_>) -> Result<Vec<u8>, PaperError> {
    let faces = Faces::load()?;
    let mut sheets = Sheets::new(WIDTH, HEIGHT);
    let bars = bars(label.code).ok_or_else(|| PaperError::Code(label.code.to_owned()))?;
    let local = label.registered_at.rfc3339(label.zone).parse::<chrono::DateTime<chrono::FixedOffset>>();
    let local = local.unwrap_or_default();

    let mut say = |x: f32, y: f32, run: Run| sheets.put(Mark::Text { x, y, run, says: None, node: None });
    let whole = WIDTH - 2.0 * MARGIN;
    let entity = fitting(&faces, label.entity, Style::new(Face::Bold, 8.5, BLACK), whole);
    say(MARGIN, 16.0, entity);
    let place = match label.office {
        Some(office) => format!("{} · {office}", label.book),
        None => label.book.to_owned(),
    };
    say(MARGIN, 26.0, fitting(&faces, &place, Style::new(Face::Regular, 7.0, BLACK), whole));
    let date = faces.run(&local.format("%d/%m/%Y").to_string(), Style::new(Face::Regular, 8.5, BLACK));
    let hour = faces.run(&local.format("%H:%M:%S").to_string(), Style::new(Face::Regular, 8.5, BLACK));
    let aside = date.width.max(hour.width);
    let code = fitting(&faces, label.code, Style::new(Face::Bold, 15.0, BLACK), whole - aside - 6.0);
    say(MARGIN, HEIGHT - 10.0, code);
    say(WIDTH - MARGIN - date.width, HEIGHT - 17.0, date);
    say(WIDTH - MARGIN - hour.width, HEIGHT - 7.5, hour);
    sheets.put(Mark::Fill { areas: bars, colour: BLACK, node: None });

    let title = format!("Etiqueta {}", label.code);
    let about =
        About { title: &title, subject: label.book, author: label.entity, id: label.code, at: local, archived: false };
    paint(sheets, &faces, about, None)
}

/// The bars, in the middle of the label, each module as many printer dots wide as fit.
fn bars(code: &str) -> Option<Vec<Area>> {
    const QUIET: usize = 10;
    let modules = barcode::modules(code)?;
    let count = modules.len() + 2 * QUIET;
    let module = [4.0, 3.0, 2.0].into_iter().map(|dots| dots * DOT).find(|wide| wide * count_of(count) <= WIDTH)?;
    let left = (WIDTH - module * count_of(modules.len())) / 2.0;
    let mut areas = Vec::new();
    let mut at = 0;
    for run in modules.chunk_by(|one, other| one == other) {
        if run[0] {
            let (x, width) = (left + module * count_of(at), module * count_of(run.len()));
            areas.push(Area { x, y: 32.0, width, height: 40.0 });
        }
        at += run.len();
    }
    Some(areas)
}

/// The text in one line of at most this width: smaller where it must, down to two thirds, then cut.
fn fitting(faces: &Faces, text: &str, style: Style, width: f32) -> Run {
    let run = faces.run(text, style);
    if run.width <= width {
        return run;
    }
    let share = (width / run.width).max(0.67);
    let style = Style { size: style.size * share, ..style };
    let run = faces.run(text, style);
    if run.width <= width {
        return run;
    }
    let room = width - faces.run("…", style).width;
    let kept = faces.lines(text, style, room).into_iter().next().map(|line| line.text).unwrap_or_default();
    faces.run(&format!("{}…", kept.trim_end()), style)
}
