//! `/verificar`: a code is typed, or opened by the address that a receipt prints, and what it opens is told in words.
//!
//! # Why
//! Whoever holds a paper receipt is no program. The page says what the JSON of the API says, after the same checks, and
//! leaves the same look behind. The code stands in the address, so no link carries it on (`Referrer-Policy`).

use axum::Extension;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::dates;
use super::layout::{Page, table};
use super::visit::Visit;
use crate::domain::Status;
use crate::http::params::{Params, PathParam};
use crate::http::problem::{Kind, Problem, Result};
use crate::http::verify::{Resend, Since, Verified, verified};

/// What was typed.
#[derive(Debug, Deserialize)]
pub struct Typed {
    #[serde(default)]
    codigo: String,
}

/// Asks for a code, and goes on to what it opens.
pub async fn form(Extension(visit): Extension<Visit>, Params(Typed { codigo }): Params<Typed>) -> Response {
    let code = codigo.trim();
    let is_empty_answer = code.is_empty() && visit.address.contains('?');
    if !code.is_empty() {
        return Redirect::to(&visit.link(&format!("/verificar/{}", utf8_percent_encode(code, NON_ALPHANUMERIC))))
            .into_response();
    }
    let wrong = is_empty_answer.then_some("verify-empty");
    let content = html! {
        p .lead { (visit.say("home-verify-text")) }
        (code_form(&visit, wrong))
        h2 { (visit.say("verify-where")) }
        p { (visit.say("verify-where-text")) }
    };
    let status = if is_empty_answer { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Page::new(&visit, &visit.say("home-verify"), &content).with_status(status).into_response()
}

/// The form for a code; `wrong` names what is wrong with the last one.
pub fn code_form(visit: &Visit, wrong: Option<&str>) -> Markup {
    html! {
        @if let Some(wrong) = wrong {
            div .errors role="alert" tabindex="-1" {
                h2 { (visit.say("errors")) }
                ul { li { a href="#codigo" { (visit.say(wrong)) } } }
            }
        }
        form .row action=(visit.link("/verificar")) method="get" {
            div .field {
                label for="codigo" { (visit.say("verify-code")) }
                p .hint #codigo-hint { (visit.say("verify-hint")) }
                @if let Some(wrong) = wrong { p .wrong #codigo-wrong { (visit.say(wrong)) } }
                input #codigo name="codigo" type="text" size="34" maxlength="64" autocomplete="off" autocapitalize="characters"
                    spellcheck="false" aria-describedby=(if wrong.is_some() { "codigo-hint codigo-wrong" } else { "codigo-hint" })
                    aria-invalid=[wrong.map(|_| "true")];
            }
            button type="submit" { (visit.say("verify-check")) }
        }
    }
}

/// What a code opens.
pub async fn shown(Extension(visit): Extension<Visit>, PathParam(Path(typed)): PathParam<String>) -> Result<Page> {
    let (found, code) = match verified(&visit.app, &typed).await {
        Ok(found) => found,
        Err(problem) => return Ok(refused(&visit, problem)),
    };
    let receipt: Option<Receipt> = found.read_receipt()?;
    let content = html! {
        (state(&visit, &found))
        (to_send_again(&visit, &found.to_resend))
        @if let Some(erased) = &found.erased {
            p { (visit.tell("verify-erased", &[("at", &moment(&visit, &erased.at))])) }
        }
        @if let Some(receipt) = &receipt { (registered(&visit, receipt)) }
        (since(&visit, &found.since))
        @if let Some(receipt) = &receipt { (proof(&visit, receipt, &code)) }
        p { a href=(visit.link("/verificar")) { (visit.say("verify-another")) } }
    };
    Ok(Page::new(&visit, &visit.say("verify-title"), &content))
}

/// Why nothing is shown.
fn refused(visit: &Visit, problem: Problem) -> Page {
    let (title, text) = match problem.kind() {
        Kind::NotFound => ("verify-none", "verify-none-text"),
        Kind::Altered => ("verify-altered", "verify-altered-text"),
        _ => ("verify-not-now", "verify-not-now-text"),
    };
    let status = problem.into_response().status();
    let content = html! {
        p .state.bad { (visit.say(text)) }
        (code_form(visit, None))
    };
    Page::new(visit, &visit.say(title), &content).with_status(status)
}

/// What of a receipt is shown.
#[derive(Deserialize)]
struct Receipt {
    issuer: Issuer,
    entry: Entry,
    proof: Proof,
    log: Log,
}

#[derive(Deserialize)]
struct Issuer {
    code: String,
    name: String,
}

#[derive(Deserialize)]
struct Entry {
    code: String,
    subject: String,
    presented_at: String,
    registered_at: String,
    effective_at: Option<String>,
    destination_unit_name: Option<String>,
    interested_parties: Vec<Party>,
    documents: Vec<Document>,
}

#[derive(Deserialize)]
struct Party {
    company_name: Option<String>,
    given_name: Option<String>,
    first_surname: Option<String>,
    second_surname: Option<String>,
}

impl Party {
    fn name(&self) -> String {
        let names = [&self.company_name, &self.given_name, &self.first_surname, &self.second_surname];
        names.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

#[derive(Deserialize)]
struct Document {
    filename: String,
    size: i64,
    sha256: String,
}

#[derive(Deserialize)]
struct Proof {
    leaf_index: u64,
    tree_size: u64,
}

#[derive(Deserialize)]
struct Log {
    key: String,
}

/// An instant, as people write it, in an element that says it to programs.
fn moment(visit: &Visit, at: &str) -> String {
    dates::moment_of(visit.language, at, visit.zone())
}

fn time(visit: &Visit, at: &str) -> Markup {
    html! { time datetime=(at) { (moment(visit, at)) } }
}

fn state(visit: &Visit, found: &Verified) -> Markup {
    let (is_bad, words) = if found.status == Status::Annulled {
        (true, "verify-annulled")
    } else if found.signature_failed {
        (true, "verify-signature-failed")
    } else if found.rectified {
        (false, "verify-rectified")
    } else if found.receipt.is_none() {
        (false, "verify-stands-erased")
    } else {
        (false, "verify-stands")
    };
    html! { p .state .bad[is_bad] { strong { (visit.say(words)) } } }
}

/// Which documents must be sent again.
fn to_send_again(visit: &Visit, documents: &[Resend]) -> Markup {
    html! {
        @if !documents.is_empty() {
            div .state.bad {
                p { (visit.say("verify-send-again")) }
                ul {
                    @for Resend { filename, sha256, since, finding } in documents {
                        li { (filename) " (" (finding) "; " (time(visit, since)) ")" br; "SHA-256 " code { (sha256) } }
                    }
                }
            }
        }
    }
}

fn registered(visit: &Visit, receipt: &Receipt) -> Markup {
    let entry = &receipt.entry;
    let row = |name: &str, value: &Markup| html! { tr { th scope="row" { (visit.say(name)) } td { (value) } } };
    let rows = html! {
        (row("verify-number", &html! { strong { (entry.code) } }))
        (row("verify-body", &html! { (receipt.issuer.name) " (" (receipt.issuer.code) ")" }))
        (row("verify-presented", &time(visit, &entry.presented_at)))
        (row("verify-registered", &time(visit, &entry.registered_at)))
        @if let Some(at) = &entry.effective_at { (row("verify-effective", &time(visit, at))) }
        (row("verify-subject", &html! { (entry.subject) }))
        (row("verify-parties", &html! { @for party in &entry.interested_parties { div { (party.name()) } } }))
        @if let Some(unit) = &entry.destination_unit_name { (row("verify-unit", &html! { (unit) })) }
        (row("verify-documents", &documents(visit, &entry.documents)))
    };
    html! {
        h2 { (visit.say("verify-what")) }
        (table(&visit.say("verify-what-caption"), &html! {}, &rows))
    }
}

fn documents(visit: &Visit, documents: &[Document]) -> Markup {
    html! {
        @if documents.is_empty() { (visit.say("verify-no-documents")) }
        @for Document { filename, size, sha256 } in documents {
            div { (filename) ", " (dates::count(visit.language, *size)) " bytes" br; "SHA-256 " code { (sha256) } }
        }
    }
}

fn since(visit: &Visit, events: &[Since]) -> Markup {
    let name = |kind: &str| match kind {
        "annulled" => "since-annulled",
        "rectified" => "since-rectified",
        "document_quarantined" => "since-quarantined",
        "document_released" => "since-released",
        "signature_judged_again" => "since-judged-again",
        _ => "since-erased",
    };
    let rows = html! {
        @for event in events {
            tr {
                th scope="row" { (visit.say(name(&event.r#type))) }
                td { (time(visit, &event.at)) @if let Some(reason) = &event.reason { br; (reason) } }
            }
        }
    };
    html! {
        @if !events.is_empty() {
            h2 { (visit.say("verify-since")) }
            (table(&visit.say("verify-since-caption"), &html! {}, &rows))
        }
    }
}

fn proof(visit: &Visit, receipt: &Receipt, code: &str) -> Markup {
    let (leaf, size) = (receipt.proof.leaf_index + 1, receipt.proof.tree_size);
    let files = [("pdf", "verify-pdf"), ("json", "verify-json"), ("p7s", "verify-seal")];
    html! {
        h2 { (visit.say("verify-proof")) }
        p { (visit.tell("verify-proof-text", &[("leaf", &leaf.to_string()), ("size", &size.to_string())])) }
        ul {
            @for (file, words) in files {
                li { a href={ (visit.link("/api/v1/verify/")) (code) "/receipt." (file) } { (visit.say(words)) } }
            }
        }
        h2 { (visit.say("verify-how")) }
        p { (visit.say("verify-how-text")) }
        pre tabindex="0" {
            "openssl cms -verify -inform DER -in receipt.p7s -content receipt.json -binary\n"
            "ventanilla verify receipt receipt.json --key entity.key"
        }
        p { (visit.say("verify-key")) " " code { (receipt.log.key) } }
    }
}
