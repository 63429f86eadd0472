//! `/incidencias`: what did not work, and the deadlines that were extended for it (Ley 39/2015 art. 32.4).

use axum::Extension;
use maud::{Markup, html};
use serde::Deserialize;

use super::dates;
use super::layout::Page;
use super::visit::Visit;
use crate::http::incidents::{cursor_after, read_cursor};
use crate::http::params::Params;
use crate::http::problem::Result;
use crate::registry::incident::Published;

/// Incidents on a page.
const SHOWN: usize = 20;

/// Which page is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    cursor: Option<String>,
}

/// The incidents, the last that began first.
pub async fn page(Extension(visit): Extension<Visit>, Params(asked): Params<Asked>) -> Result<Page> {
    let before = asked.cursor.as_deref().map(read_cursor).transpose()?;
    let limit = i64::try_from(SHOWN + 1).unwrap_or(i64::MAX);
    let mut found = visit.app.registry.incidents(visit.app.entity.id, before, limit).await?;
    let has_more = found.len() > SHOWN;
    found.truncate(SHOWN);
    let content = html! {
        p .lead { (visit.say("incidents-text")) }
        @if found.is_empty() { p { (visit.say("incidents-none")) } }
        @for one in &found { (incident(&visit, one)) }
        @if let Some(last) = found.last().filter(|_| has_more) {
            p { a href={ (visit.link("/incidencias?cursor=")) (cursor_after(last)) } { (visit.say("incidents-older")) } }
        }
    };
    Ok(Page::new(&visit, &visit.say("nav-incidents"), &content))
}

fn incident(visit: &Visit, one: &Published) -> Markup {
    let moment = |at| dates::moment(visit.language, at, visit.zone());
    let day = |date: &str| dates::day_of(visit.language, date);
    let incident = &one.incident;
    html! {
        article .incident {
            h2 { (incident.description) }
            p {
                @match incident.ended_at {
                    Some(end) => (visit.tell("incident-ended", &[("start", &moment(incident.started_at)), ("end", &moment(end))])),
                    None => strong { (visit.tell("incident-open", &[("start", &moment(incident.started_at))])) },
                }
            }
            @for extension in &one.extensions {
                p .extension {
                    (visit.tell("incident-extended", &[
                        ("from", &day(&extension.ending_from)),
                        ("to", &day(&extension.ending_to)),
                        ("until", &day(&extension.extended_to)),
                    ]))
                    br; (visit.tell("incident-procedures", &[("procedures", &extension.procedures)]))
                    @if let Some(decision) = &extension.decision {
                        br; (visit.tell("incident-decision", &[("decision", decision)]))
                    }
                }
            }
        }
    }
}
