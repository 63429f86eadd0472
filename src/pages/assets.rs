//! The style sheets and the script of the pages, from the program.

use std::sync::LazyLock;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::config::Entity;
use crate::http::problem::{Problem, Result};

const STYLE: &str = include_str!("assets/sede.css");
const SCRIPT: &str = include_str!("assets/sede.js");

/// What is at an address never changes: another content has another address.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Files that are the same for all: name, media type, content.
const FILES: [(&str, &str, &str); 2] =
    [("sede.css", "text/css; charset=utf-8", STYLE), ("sede.js", "text/javascript; charset=utf-8", SCRIPT)];

static ADDRESSES: LazyLock<[(&str, String); 2]> =
    LazyLock::new(|| FILES.map(|(name, _, content)| (name, format!("/sede/{}-{name}", digest(content)))));

/// The first digits of the hash of a content.
fn digest(content: &str) -> String {
    hex::encode(&openssl::sha::sha256(content.as_bytes())[..8])
}

/// Where a file is.
pub fn address(name: &str) -> &'static str {
    ADDRESSES.iter().find(|(known, _)| *known == name).map_or("", |(_, address)| address)
}

/// Where the entity's colours are.
pub fn colours(entity: &Entity) -> String {
    format!("/sede/{}-colours.css", digest(&palette(entity)))
}

/// The entity's colour as the style sheet uses it: dark enough to be read on white, and white on it.
fn palette(entity: &Entity) -> String {
    let [red, green, blue] = readable(entity.rgb());
    format!(":root{{--body:#{red:02x}{green:02x}{blue:02x}}}\n")
}

/// The contrast with white that text needs (WCAG 2.1, 1.4.3), with something to spare for rounding.
const CONTRAST: f64 = 4.6;

/// A colour, darkened until it can be read on white.
fn readable(mut colour: [u8; 3]) -> [u8; 3] {
    while contrast_with_white(colour) < CONTRAST {
        colour = colour.map(|part| part.saturating_sub(part / 20 + 1));
    }
    colour
}

fn contrast_with_white(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
}

/// A file, for whoever asks for what it is now.
pub async fn file(State(app): State<App>, Path(name): Path<String>) -> Result<Response> {
    let path = format!("/sede/{name}");
    let entity = &app.config.entity;
    let (media_type, content) = if path == colours(entity) {
        (FILES[0].1, palette(entity))
    } else {
        let known = FILES.iter().find(|(name, ..)| address(name) == path).ok_or_else(Problem::not_found)?;
        (known.1, known.2.to_owned())
    };
    Ok(([(CONTENT_TYPE, media_type), (CACHE_CONTROL, FOR_EVER)], content).into_response())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::dark_enough([0x1f, 0x4e, 0x79], true)]
    #[case::black([0, 0, 0], true)]
    #[case::yellow([0xff, 0xe6, 0x00], false)]
    #[case::white([0xff, 0xff, 0xff], false)]
    #[case::grey([0x77, 0x77, 0x77], false)]
    fn every_colour_can_be_read(#[case] colour: [u8; 3], #[case] stays: bool) {
        let shown = readable(colour);
        assert!(contrast_with_white(shown) >= 4.5, "{shown:?}");
        assert_eq!(shown == colour, stays, "{shown:?}");
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((contrast_with_white([0, 0, 0]) - 21.0).abs() < 1e-9);
        assert!((contrast_with_white([0x76, 0x76, 0x76]) - 4.54).abs() < 0.01);
    }
}
