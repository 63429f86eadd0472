//! The languages of the pages, and their words (`words/*.ftl`, in Fluent).

use std::sync::LazyLock;

use axum::Extension;
use axum::extract::{Path, Query};
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use serde::Deserialize;
use unic_langid::LanguageIdentifier;

use super::visit::Visit;
use crate::http::problem::{Problem, Result};

/// The cookie that holds the code of the language that was chosen.
pub const COOKIE_NAME: &str = "idioma";

/// A language of the pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// Spanish.
    #[default]
    Spanish,
    /// Catalan and Valencian.
    Catalan,
    /// Basque.
    Basque,
    /// Galician.
    Galician,
    /// English.
    English,
}

impl Language {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::Spanish, Self::Catalan, Self::Basque, Self::Galician, Self::English];

    /// Its code (ISO 639-1).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Spanish => "es",
            Self::Catalan => "ca",
            Self::Basque => "eu",
            Self::Galician => "gl",
            Self::English => "en",
        }
    }

    /// Its name, in itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spanish => "Castellano",
            Self::Catalan => "Català",
            Self::Basque => "Euskara",
            Self::Galician => "Galego",
            Self::English => "English",
        }
    }

    /// The language of a code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The one that a header `Accept-Language` likes best of those that there are.
    pub fn accepted(header: &str) -> Option<Self> {
        let liked = header.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let code = parts.next()?.split('-').next()?.to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |text| text.parse().ok())?;
            Some((Self::of_code(&code)?, quality))
        });
        // The first of those that are liked alike.
        liked
            .fold(None, |best: Option<(Self, f32)>, next| match best {
                Some(best) if best.1 >= next.1 => Some(best),
                _ => Some(next),
            })
            .map(|(language, _)| language)
    }

    /// The words of that name.
    pub fn say(self, id: &str) -> String {
        self.tell(id, &[])
    }

    /// The words of that name, with these values in their places.
    pub fn tell(self, id: &str, values: &[(&'static str, &str)]) -> String {
        let Some(words) = WORDS.iter().find(|words| words.language == self).map(|words| &words.bundle) else {
            return id.to_owned();
        };
        let Some(pattern) = words.get_message(id).and_then(|message| message.value()) else { return id.to_owned() };
        let values: FluentArgs = values.iter().map(|(name, value)| (*name, *value)).collect();
        // What is wrong with a pattern is found by the tests; a reader gets the rest of it.
        words.format_pattern(pattern, Some(&values), &mut Vec::new()).into_owned()
    }
}

struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

static WORDS: LazyLock<[Words; 5]> = LazyLock::new(|| {
    Language::ALL.map(|language| {
        let code: LanguageIdentifier = language.code().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![code]);
        // Marks around what is put in would be read aloud by some screen readers, and all languages here go one way.
        bundle.set_use_isolating(false);
        let resource = FluentResource::try_new(text(language).to_owned()).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
        Words { language, bundle }
    })
});

const fn text(language: Language) -> &'static str {
    match language {
        Language::Spanish => include_str!("words/es.ftl"),
        Language::Catalan => include_str!("words/ca.ftl"),
        Language::Basque => include_str!("words/eu.ftl"),
        Language::Galician => include_str!("words/gl.ftl"),
        Language::English => include_str!("words/en.ftl"),
    }
}

/// Where to go on in the language that was chosen.
#[derive(Debug, Deserialize)]
pub struct Back {
    /// An address of ours, from the slash on.
    #[serde(default)]
    volver: String,
}

/// Chooses a language, for a year.
pub async fn choose(
    Extension(visit): Extension<Visit>,
    Path(code): Path<String>,
    Query(Back { volver }): Query<Back>,
) -> Result<Response> {
    let language = Language::of_code(&code).ok_or_else(Problem::not_found)?;
    // Only to a page of ours: browsers take `//host` and `/\host` for another machine.
    let is_ours = volver.starts_with('/') && !volver[1..].starts_with(['/', '\\']);
    let safe = is_ours && volver.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\');
    let mut response = Redirect::to(&visit.link(if safe { &volver } else { "/" })).into_response();
    let path = visit.link("/");
    let cookie = format!("{COOKIE_NAME}={}; Path={path}; Max-Age=31536000; SameSite=Lax; HttpOnly", language.code());
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Name and text of each message; what follows indented belongs to it.
    fn messages(language: Language) -> BTreeMap<&'static str, String> {
        let mut found: BTreeMap<&str, String> = BTreeMap::new();
        let mut last = "";
        for line in text(language).lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            if let Some(more) = line.strip_prefix(' ') {
                found.get_mut(last).unwrap().push_str(more);
                continue;
            }
            let (name, value) = line.split_once(" = ").unwrap_or_else(|| panic!("{}: {line}", language.code()));
            last = name;
            assert!(found.insert(name, value.to_owned()).is_none(), "{} twice in {}", name, language.code());
        }
        found
    }

    fn places(text: &str) -> BTreeSet<&str> {
        text.split("{ $").skip(1).filter_map(|rest| rest.split(' ').next()).collect()
    }

    #[test]
    fn every_language_has_the_same_words_with_the_same_places() {
        let spanish = messages(Language::Spanish);
        assert!(spanish.len() > 80, "{}", spanish.len());
        for language in Language::ALL {
            let code = language.code();
            assert!(FluentResource::try_new(text(language).to_owned()).is_ok(), "{code} is not Fluent");
            let there = messages(language);
            assert_eq!(there.keys().collect::<Vec<_>>(), spanish.keys().collect::<Vec<_>>(), "{code}");
            for (name, words) in &there {
                assert_eq!(places(words), places(&spanish[name]), "{name} in {code}");
                assert!(!words.trim().is_empty(), "{name} in {code}");
            }
        }
    }

    #[test]
    fn every_word_that_a_page_says_is_there_and_said_by_one() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pages");
        let mut said = BTreeSet::new();
        let mut sources = String::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push_str(std::fs::read_to_string(path).unwrap().split("#[cfg(test)]").next().unwrap());
            }
        }
        for call in ["say(\"", "tell(\"", "tell(\n            \"", "id: \""] {
            said.extend(sources.split(call).skip(1).filter_map(|rest| rest.split('"').next()));
        }
        let there = messages(Language::Spanish);
        let missing: Vec<_> = said.iter().filter(|name| !there.contains_key(**name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let unsaid: Vec<_> = there.keys().filter(|name| !sources.contains(&format!("\"{name}\""))).collect();
        assert!(unsaid.is_empty(), "{unsaid:?}");
    }
}
