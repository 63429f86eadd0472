//! An appointment as a file for calendars (iCalendar, RFC 5545).

use std::fmt::Write as _;

use crate::domain::{AppointmentStatus, Micros};
use crate::store::service::appointments::AppointmentRow;

/// Octets of a line, without its end (RFC 5545 §3.1).
const LINE: usize = 75;

fn utc(instant: Micros) -> String {
    let text: String = instant.rfc3339(chrono_tz::UTC).chars().take(19).collect();
    text.replace(['-', ':'], "") + "Z"
}

/// A text value (§3.3.11).
fn text(value: &str) -> String {
    let mut out = String::new();
    for letter in value.chars() {
        match letter {
            '\\' | ';' | ',' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out
}

/// Appends a line, folded where it is long.
fn line(out: &mut String, content: &str) {
    let mut room = LINE;
    for letter in content.chars() {
        if letter.len_utf8() > room {
            out.push_str("\r\n ");
            room = LINE - 1;
        }
        room -= letter.len_utf8();
        out.push(letter);
    }
    out.push_str("\r\n");
}

/// The file.
#[must_use]
pub fn write(row: &AppointmentRow, service: &str, bring: Option<&str>, entity: &str) -> String {
    let stands = matches!(
        row.status,
        AppointmentStatus::Booked
            | AppointmentStatus::CheckedIn
            | AppointmentStatus::Served
            | AppointmentStatus::Missed
    );
    let mut out = String::new();
    for content in ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Ventanilla//ES", "METHOD:PUBLISH", "BEGIN:VEVENT"] {
        line(&mut out, content);
    }
    line(&mut out, &format!("UID:{}", row.id));
    line(&mut out, &format!("SEQUENCE:{}", row.version - 1));
    line(&mut out, &format!("DTSTAMP:{}", utc(row.changed_at)));
    line(&mut out, &format!("DTSTART:{}", utc(row.start_at)));
    line(&mut out, &format!("DTEND:{}", utc(row.end_at)));
    line(&mut out, &format!("SUMMARY:{}", text(service)));
    line(&mut out, &format!("LOCATION:{}", text(entity)));
    let mut description = format!("Código: {}", row.code);
    if let Some(bring) = bring {
        let _ = write!(description, "\nTraiga: {bring}");
    }
    line(&mut out, &format!("DESCRIPTION:{}", text(&description)));
    line(&mut out, if stands { "STATUS:CONFIRMED" } else { "STATUS:CANCELLED" });
    line(&mut out, "END:VEVENT");
    line(&mut out, "END:VCALENDAR");
    out
}
