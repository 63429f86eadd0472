//! What every page needs to know of a request: its language, the official time, and what is wrong just now.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;
use chrono_tz::Tz;
use serde::Serialize;

use super::language::{COOKIE_NAME, Language};
use crate::app::App;
use crate::config::public_url;
use crate::domain::Micros;
use crate::registry::incident::Published;

/// Incidents that are looked through for those that go on.
const LOOKED_AT: i64 = 20;

/// A request for a page. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The registry.
    pub app: App,
    /// In which language the page is.
    pub language: Language,
    /// The official time when it came.
    pub at: Micros,
    /// The address that was asked for, with its query: links to other languages lead back to it.
    pub address: Arc<str>,
    /// Whether there are services that may give appointments.
    pub gives_appointments: bool,
    /// The incidents that go on, and those whose extended deadlines have not passed.
    pub incidents: Arc<[Published]>,
}

impl Visit {
    /// What the request says; the incidents are read.
    pub async fn of(app: &App, request: &Parts) -> Self {
        let at = app.clock().now();
        let today = at.local_date(app.entity.zone).to_string();
        let goes_on = |one: &Published| {
            one.incident.ended_at.is_none_or(|end| end > at)
                || one.extensions.iter().any(|extension| extension.extended_to >= today)
        };
        let incidents = match app.registry.incidents(app.entity.id, None, LOOKED_AT).await {
            Ok(found) => found.into_iter().filter(goes_on).collect(),
            Err(error) => {
                // A page without the notice says more than no page.
                tracing::warn!(error = &error as &dyn std::error::Error, "the incidents are not read");
                Arc::default()
            }
        };
        // A link that leads to nothing does less harm than a page that is not there.
        let services = app.services.services(app.entity.id, "", 1).await;
        let gives_appointments = services.is_ok_and(|services| !services.is_empty());
        let address = request.uri.path_and_query().map_or("/", |address| address.as_str()).into();
        Self { app: app.clone(), language: language(&request.headers), at, address, gives_appointments, incidents }
    }

    /// The address of a page of ours for browsers: where a proxy serves the registry below a path, with that before it.
    pub fn link(&self, address: &str) -> String {
        format!("{}{address}", public_url::path(&self.app.config.entity.public_url))
    }

    /// Whether the part of the sede at this address is one of this entity's.
    pub fn offers(&self, address: &str) -> bool {
        match address {
            "/estadisticas" => self.app.config.reports.public,
            "/cita" => self.gives_appointments,
            _ => true,
        }
    }

    /// The zone of the official time.
    pub fn zone(&self) -> Tz {
        self.app.entity.zone
    }

    /// Words in the language of the page.
    pub fn say(&self, id: &str) -> String {
        self.language.say(id)
    }

    /// The same, with values for the places in them.
    pub fn tell(&self, id: &str, values: &[(&'static str, &str)]) -> String {
        self.language.tell(id, values)
    }
}

/// The one that was chosen; otherwise the one that the browser likes best, and Spanish where we have none of those.
fn language(headers: &HeaderMap) -> Language {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let chosen = pairs.find(|(name, _)| *name == COOKIE_NAME).and_then(|(_, code)| Language::of_code(code));
    let accepted = || headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).and_then(Language::accepted);
    chosen.or_else(accepted).unwrap_or_default()
}

/// The official time.
#[derive(Debug, Serialize)]
pub struct OfficialTime {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    milliseconds: i64,
    /// By how many minutes the zone is ahead of UTC.
    offset: i32,
}

/// The time for the clock on the pages: theirs is the server's, never the browser's (Ley 39/2015 art. 31.2).
pub async fn time(State(app): State<App>) -> Json<OfficialTime> {
    let now = app.clock().now();
    Json(OfficialTime { milliseconds: now.0 / 1000, offset: super::dates::offset(now, app.entity.zone) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(cookie: Option<&str>, accepted: Option<&str>) -> &'static str {
        let mut headers = HeaderMap::new();
        cookie.map(|value| headers.insert(COOKIE, value.parse().unwrap()));
        accepted.map(|value| headers.insert(ACCEPT_LANGUAGE, value.parse().unwrap()));
        language(&headers).code()
    }

    #[test]
    fn the_cookie_decides_then_the_browser_then_spanish() {
        assert_eq!(chosen(None, None), "es");
        assert_eq!(chosen(Some("a=b; idioma=eu"), Some("en")), "eu");
        assert_eq!(chosen(Some("idioma=xx"), Some("gl-ES,gl;q=0.9,es;q=0.8")), "gl");
        assert_eq!(chosen(None, Some("de-DE,de;q=0.9,ca;q=0.4,en;q=0.7")), "en");
        assert_eq!(chosen(None, Some("de,fr;q=0.5,*;q=0.1")), "es");
    }
}
