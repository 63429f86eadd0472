//! What every page has around it: where one is, the official time, incidents that go on, the language, and whom to ask.

use axum::http::header::{CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::language::Language;
use super::visit::Visit;
use super::{assets, dates};

/// What a page may load: what this server gives, and nothing in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The parts of the sede, by address and the name of their words.
const PARTS: [(&str, &str); 6] = [
    ("/", "nav-home"),
    ("/cita", "nav-booking"),
    ("/verificar", "nav-verify"),
    ("/calendario", "nav-calendar"),
    ("/incidencias", "nav-incidents"),
    ("/estadisticas", "nav-figures"),
];

/// A page, ready to be sent.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    language: Language,
    html: Markup,
}

impl Page {
    /// A page with this heading and content.
    pub fn new(visit: &Visit, title: &str, content: &Markup) -> Self {
        Self { status: StatusCode::OK, language: visit.language, html: around(visit, title, content) }
    }

    /// The same with another status.
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            (CONTENT_LANGUAGE, HeaderValue::from_static(self.language.code())),
            (VARY, HeaderValue::from_static("Cookie, Accept-Language")),
        ];
        (self.status, headers, self.html.into_string()).into_response()
    }
}

fn around(visit: &Visit, title: &str, content: &Markup) -> Markup {
    let config = &visit.app.config;
    let name = &config.entity.name;
    let parts = PARTS.into_iter().filter(|(address, _)| visit.offers(address));
    html! {
        (DOCTYPE)
        html lang=(visit.language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " — " (name) }
                link rel="stylesheet" href=(visit.link(assets::address("sede.css")));
                link rel="stylesheet" href=(visit.link(&assets::colours(&config.entity)));
                link rel="icon" href="data:,";
                script src=(visit.link(assets::address("sede.js"))) defer {}
            }
            body {
                a .skip href="#content" { (visit.say("skip")) }
                header {
                    div .top {
                        div .inside {
                            p .body { a href=(visit.link("/")) { span .office { (visit.say("office")) } (name) } }
                            (languages(visit))
                        }
                    }
                    p .time { span .inside { (official_time(visit)) } }
                }
                nav .parts aria-label=(visit.say("nav-label")) {
                    ul .inside { @for (address, word) in parts { li { (part(visit, address, word)) } } }
                }
                (notice(visit))
                main #content .inside tabindex="-1" { h1 { (title) } (content) }
                (footer(visit))
            }
        }
    }
}

fn part(visit: &Visit, address: &str, word: &str) -> Markup {
    let path = visit.address.split('?').next().unwrap_or_default();
    let is_here = path == address || (address != "/" && path.starts_with(&format!("{address}/")));
    html! { a href=(visit.link(address)) aria-current=[is_here.then_some("page")] { (visit.say(word)) } }
}

fn languages(visit: &Visit) -> Markup {
    let back = utf8_percent_encode(&visit.address, NON_ALPHANUMERIC);
    html! {
        nav .languages aria-label=(visit.say("language-label")) {
            ul {
                @for language in Language::ALL {
                    @let (code, name) = (language.code(), language.name());
                    @let here = (language == visit.language).then_some("true");
                    li { a href={ (visit.link("/idioma/")) (code) "?volver=" (back) } hreflang=(code) lang=(code) aria-current=[here] { (name) } }
                }
            }
        }
    }
}

/// The incidents that go on, above everything else.
fn notice(visit: &Visit) -> Markup {
    html! {
        @if !visit.incidents.is_empty() {
            section .notice aria-label=(visit.say("notice-label")) {
                div .inside {
                    @for one in visit.incidents.iter() {
                        p {
                            strong { (visit.say("notice")) " " } (one.incident.description)
                            @if let Some(last) = one.extensions.iter().map(|extension| &extension.extended_to).max() {
                                " " (visit.tell("notice-extended", &[("day", &dates::day_of(visit.language, last))]))
                            }
                            " " a href=(visit.link("/incidencias")) { (visit.say("notice-more")) }
                        }
                    }
                }
            }
        }
    }
}

fn official_time(visit: &Visit) -> Markup {
    let (language, zone) = (visit.language, visit.zone());
    html! {
        span { (visit.say("official-time")) " " }
        time #clock datetime=(visit.at.rfc3339(zone)) data-time=(visit.link("/sede/hora")) {
            (dates::moment(language, visit.at, zone))
        }
        span { " (" (dates::zone_name(language, zone)) ")" }
    }
}

fn footer(visit: &Visit) -> Markup {
    let sede = &visit.app.config.sede;
    let has_contact = [&sede.phone, &sede.email, &sede.address].iter().any(|text| !text.is_empty());
    html! {
        footer .bottom {
            div .inside {
                @if has_contact {
                    h2 { (visit.say("help")) }
                    ul { (contact(visit)) }
                }
                ul .links {
                    li { a href=(visit.link("/accesibilidad")) { (visit.say("accessibility")) } }
                    li { a href=(visit.link("/aviso-legal")) { (visit.say("legal-notice")) } }
                    li { a href=(visit.link("/api/docs/")) { (visit.say("api")) } }
                }
            }
        }
    }
}

/// Where people are helped, as items of a list.
pub fn contact(visit: &Visit) -> Markup {
    let sede = &visit.app.config.sede;
    let digits: String = sede.phone.chars().filter(|letter| letter.is_ascii_digit() || *letter == '+').collect();
    html! {
        @if !sede.phone.is_empty() { li { (visit.say("help-phone")) " " a href={ "tel:" (digits) } { (sede.phone) } } }
        @if !sede.email.is_empty() { li { (visit.say("help-email")) " " a href={ "mailto:" (sede.email) } { (sede.email) } } }
        @if !sede.address.is_empty() { li { (visit.say("help-address")) " " (sede.address) } }
    }
}

/// A table that can be scrolled by itself, by keyboard, too, where it is wider than the page.
pub fn table(caption: &str, head: &Markup, rows: &Markup) -> Markup {
    html! {
        div .table tabindex="0" role="region" aria-label=(caption) {
            table { caption { (caption) } thead { (head) } tbody { (rows) } }
        }
    }
}
