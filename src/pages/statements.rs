//! What a public body must say of its electronic office: how accessible it is (RD 1112/2018 art. 15) and whose it is
//! (Ley 40/2015 art. 38; RD 203/2021 art. 11).

use axum::Extension;
use maud::html;

use super::layout::{Page, contact};
use super::visit::Visit;

/// How accessible the pages are, and whom to tell of what is not.
pub async fn accessibility(Extension(visit): Extension<Visit>) -> Page {
    let sede = &visit.app.config.sede;
    let has_contact = [&sede.phone, &sede.email, &sede.address].iter().any(|text| !text.is_empty());
    let body = visit.app.config.entity.name.clone();
    let content = html! {
        p .lead { (visit.tell("accessibility-lead", &[("body", &body)])) }
        h2 { (visit.say("accessibility-state")) }
        p { (visit.say("accessibility-state-text")) }
        h2 { (visit.say("accessibility-not")) }
        ul {
            li { (visit.say("accessibility-not-pdf")) }
            li { (visit.say("accessibility-not-docs")) }
        }
        h2 { (visit.say("accessibility-made")) }
        p { (visit.say("accessibility-made-text")) }
        h2 { (visit.say("accessibility-tell")) }
        p { (visit.say("accessibility-tell-text")) }
        @if has_contact { ul { (contact(&visit)) } }
        p { (visit.say("accessibility-claim")) }
    };
    Page::new(&visit, &visit.say("accessibility"), &content)
}

/// Whose electronic office it is, by which rule, and what becomes of personal data.
pub async fn legal_notice(Extension(visit): Extension<Visit>) -> Page {
    let config = &visit.app.config;
    let content = html! {
        h2 { (visit.say("legal-who")) }
        p { (visit.tell("legal-who-text", &[("body", &config.entity.name), ("code", &config.entity.code)])) }
        @if !config.sede.regulation.is_empty() {
            p { (visit.tell("legal-rule", &[("rule", &config.sede.regulation)])) }
        }
        @if !config.entity.csv_regulation.is_empty() {
            p { (visit.tell("legal-codes", &[("rule", &config.entity.csv_regulation)])) }
        }
        ul { (contact(&visit)) }
        h2 { (visit.say("legal-time")) }
        p { (visit.say("legal-time-text")) }
        h2 { (visit.say("legal-data")) }
        p { (visit.say("legal-data-text")) }
        @if !config.sede.data_protection.is_empty() {
            p { (visit.tell("legal-data-whom", &[("whom", &config.sede.data_protection)])) }
        }
        h2 { (visit.say("legal-cookies")) }
        p { (visit.say("legal-cookies-text")) }
        h2 { (visit.say("legal-proof")) }
        p { (visit.say("legal-proof-text")) " " a href=(visit.link("/api/v1/log/key")) { (visit.say("legal-key")) } }
    };
    Page::new(&visit, &visit.say("legal-notice"), &content)
}
