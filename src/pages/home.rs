//! `/`: what can be done here, and where to go in person.

use axum::Extension;
use maud::html;

use super::layout::{Page, contact};
use super::visit::Visit;
use crate::http::problem::Result;

/// The parts that stand on the first page: address, heading, and what it is for.
const OFFERED: [(&str, &str, &str); 4] = [
    ("/cita", "nav-booking", "home-booking"),
    ("/calendario", "nav-calendar", "home-calendar"),
    ("/incidencias", "nav-incidents", "home-incidents"),
    ("/estadisticas", "nav-figures", "home-figures"),
];

/// The first page.
pub async fn page(Extension(visit): Extension<Visit>) -> Result<Page> {
    let settled = visit.app.registry.settled(visit.app.entity.id).await?;
    let content = html! {
        p .lead { (visit.tell("home-lead", &[("body", &visit.app.config.entity.name)])) }
        section aria-labelledby="verify" {
            h2 #verify { (visit.say("home-verify")) }
            p { (visit.say("home-verify-text")) }
            (super::verify::code_form(&visit, None))
        }
        ul .cards {
            @for (address, title, text) in OFFERED {
                @if visit.offers(address) {
                    li { h2 { a href=(visit.link(address)) { (visit.say(title)) } } p { (visit.say(text)) } }
                }
            }
        }
        section aria-labelledby="person" {
            h2 #person { (visit.say("home-person")) }
            p { (visit.say("home-person-text")) }
            @if !settled.offices.is_empty() {
                ul { @for (code, name) in &settled.offices { li { (name) " " span .code { "(" (code) ")" } } } }
            }
            ul { (contact(&visit)) }
        }
    };
    Ok(Page::new(&visit, &visit.say("home"), &content))
}
