//! What a verification code opens, as a page for people: the address that a receipt prints is opened in a browser.
//!
//! # Why
//! Whoever holds a paper receipt is no program. The page says in words what the JSON says, in Spanish unless English is
//! asked for; it has no script and loads nothing, so that the code in its address goes nowhere (RD 1112/2018: a page of a
//! public body has a language, headings, and tables whose rows have headers).

use std::fmt::Write;

use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::negotiate::preferred;
use super::problem::{Kind, Problem};
use super::verify::{Resend, Since, Verified};
use crate::domain::Status;
use crate::store;

/// In which language the page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Spanish.
    Spanish,
    /// English.
    English,
}

impl Language {
    /// As `lang` says; otherwise as the browser would have it, and Spanish where that does not matter.
    #[must_use]
    pub fn of(lang: Option<&str>, headers: &HeaderMap) -> Self {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let first = accepted.split([',', ';', '-']).next().unwrap_or_default().trim().to_ascii_lowercase();
        match lang.unwrap_or(&first) {
            "en" => Self::English,
            _ => Self::Spanish,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Spanish => "es",
            Self::English => "en",
        }
    }

    fn say(self, spanish: &'static str, english: &'static str) -> &'static str {
        match self {
            Self::Spanish => spanish,
            Self::English => english,
        }
    }

    /// An instant of the API as people write it.
    fn time(self, at: &str) -> String {
        let (Some(date), Some(time)) = (at.get(..10), at.get(11..19)) else { return escaped(at) };
        let zone = at.get(at.len().saturating_sub(6)..).filter(|zone| zone.starts_with(['+', '-'])).unwrap_or("UTC");
        let shown = match self {
            Self::Spanish => format!("{}/{}/{}, {time} (UTC{zone})", &date[8..], &date[5..7], &date[..4]),
            Self::English => format!("{date}, {time} (UTC{zone})"),
        };
        format!("<time datetime=\"{}\">{}</time>", escaped(at), escaped(&shown))
    }
}

/// Whether a page is asked for: `text/html` is named, and JSON is not liked as well.
#[must_use]
pub fn is_asked(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.to_ascii_lowercase().contains("text/html")
        && preferred(accept, &["application/json", "text/html"]) == Some(1)
}

const STYLE: &str = "body{font:1.05rem/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff;margin:0 auto;max-width:46rem;\
padding:1rem}h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2rem}a{color:#0b4f9c}\
.state{border-left:.4rem solid #1d6b2f;background:#eef6ef;padding:.75rem 1rem;font-size:1.15rem}\
.state.bad{border-color:#a4161a;background:#fbeeee}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.5rem;border-bottom:1px solid #767676;overflow-wrap:anywhere}\
th{width:34%;font-weight:600;overflow-wrap:normal}code,pre{font-family:ui-monospace,monospace;font-size:.9rem;overflow-wrap:anywhere;white-space:pre-wrap}";

/// What a page may load: its own style, and nothing else.
fn policy() -> HeaderValue {
    let hash = STANDARD.encode(openssl::sha::sha256(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn page(status: StatusCode, language: Language, title: &str, main: &str) -> Response {
    let (code, title) = (language.code(), escaped(title));
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1>{main}</main></body></html>\n"
    );
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, policy());
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Language"));
    response
}

/// Why nothing is shown, in words.
#[must_use]
pub fn refused(problem: Problem, language: Language) -> Response {
    let kind = problem.kind();
    let status = problem.into_response().status();
    let (title, text) = match kind {
        Kind::NotFound => (
            language.say("No hay ningún recibo con ese código", "There is no receipt with that code"),
            language.say(
                "Compruebe que lo ha escrito entero y como figura en el recibo. Si es así, el recibo no es de este registro.",
                "Check that it is complete and as the receipt prints it. If it is, the receipt is not of this registry.",
            ),
        ),
        Kind::Altered => (
            language.say("El recibo no se puede mostrar", "The receipt cannot be shown"),
            language.say(
                "Lo que se guarda del asiento no coincide con el libro de registro. Avise a la entidad: su recibo conserva su valor.",
                "What is stored of the entry does not agree with the register. Tell the body: your receipt keeps its worth.",
            ),
        ),
        _ => (
            language.say("Ahora no se puede comprobar", "It cannot be checked now"),
            language.say("Inténtelo de nuevo dentro de unos minutos.", "Try again in some minutes."),
        ),
    };
    page(status, language, title, &format!("<p class=\"state bad\">{text}</p>"))
}

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

/// What the code opens, as a page.
///
/// # Errors
/// When the receipt, which was checked, cannot be read.
pub fn shown(verified: &Verified, code: &str, language: Language) -> Result<Response, store::Error> {
    let say = |spanish, english| language.say(spanish, english);
    let mut main = String::new();
    let (class, state) = state(verified, language);
    add(&mut main, format_args!("<p class=\"state{class}\"><strong>{state}</strong></p>"));
    resend(&mut main, verified, language);
    if let Some(erased) = &verified.erased {
        let text =
            say("Los datos personales del asiento se suprimieron el", "The personal data of the entry were erased on");
        add(&mut main, format_args!("<p>{text} {}.</p>", language.time(&erased.at)));
    }
    if let Some(receipt) = &verified.receipt {
        let receipt: Receipt = serde_json::from_str(receipt.get()).map_err(|_| store::Error::Corrupt("receipt"))?;
        registered(&mut main, &receipt, language);
        since(&mut main, verified, language);
        proof(&mut main, &receipt, code, language);
    } else {
        since(&mut main, verified, language);
    }
    Ok(page(StatusCode::OK, language, say("Comprobación de un recibo", "Checking a receipt"), &main))
}

fn add(main: &mut String, text: std::fmt::Arguments<'_>) {
    // Nothing that is written into a text can fail.
    let _ = main.write_fmt(text);
}

fn state(verified: &Verified, language: Language) -> (&'static str, &'static str) {
    if verified.status == Status::Annulled {
        let said = language.say(
            "El recibo es auténtico, pero el asiento fue anulado: ya no surte efecto.",
            "The receipt is genuine, but the entry was annulled: it has no effect any more.",
        );
        return (" bad", said);
    }
    if verified.signature_failed {
        let said = language.say(
            "El asiento consta en el registro, pero una firma que lo acompañaba no superó una comprobación posterior.",
            "The entry stands in the register, but a signature that came with it failed when it was judged again.",
        );
        return (" bad", said);
    }
    let said = if verified.rectified {
        language.say(
            "El recibo es auténtico y el asiento sigue en vigor; después se rectificó.",
            "The receipt is genuine and the entry stands; it was rectified later.",
        )
    } else if verified.receipt.is_none() {
        language.say("El asiento consta en el registro.", "The entry stands in the register.")
    } else {
        language
            .say("El recibo es auténtico y el asiento sigue en vigor.", "The receipt is genuine and the entry stands.")
    };
    ("", said)
}

/// Which documents must be sent again.
fn resend(main: &mut String, verified: &Verified, language: Language) {
    if verified.to_resend.is_empty() {
        return;
    }
    let text = language.say(
        "Se encontró código dañino en estos documentos, que no se entregan a nadie: vuelva a enviarlos. El asiento y su fecha se mantienen.",
        "Harmful code was found in these documents, which are handed to nobody: send them again. The entry and its date stand.",
    );
    add(main, format_args!("<div class=\"state bad\"><p>{text}</p><ul>"));
    for Resend { filename, sha256, since, finding } in &verified.to_resend {
        let (name, finding, since) = (escaped(filename), escaped(finding), language.time(since));
        add(main, format_args!("<li>{name} ({finding}; {since})<br>SHA-256 <code>{sha256}</code></li>"));
    }
    main.push_str("</ul></div>");
}

fn registered(main: &mut String, receipt: &Receipt, language: Language) {
    let say = |spanish, english| language.say(spanish, english);
    let entry = &receipt.entry;
    add(main, format_args!("<h2>{}</h2><table><tbody>", say("Qué se registró", "What was registered")));
    let mut row =
        |name: &str, value: &str| add(main, format_args!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>"));
    row(say("Número de registro", "Entry number"), &escaped(&entry.code));
    let issuer = format!("{} ({})", escaped(&receipt.issuer.name), escaped(&receipt.issuer.code));
    row(say("Entidad", "Body"), &issuer);
    row(say("Presentado", "Presented"), &language.time(&entry.presented_at));
    row(say("Registrado", "Registered"), &language.time(&entry.registered_at));
    if let Some(at) = &entry.effective_at {
        row(say("Surte efecto", "Takes effect"), &language.time(at));
    }
    row(say("Asunto", "Subject"), &escaped(&entry.subject));
    let names: Vec<String> = entry.interested_parties.iter().map(|party| escaped(&party.name())).collect();
    row(say("Interesados", "Interested parties"), &names.join("<br>"));
    if let Some(unit) = &entry.destination_unit_name {
        row(say("Destino", "Destination"), &escaped(unit));
    }
    let documents: Vec<String> = entry
        .documents
        .iter()
        .map(|document| {
            let (name, hash) = (escaped(&document.filename), escaped(&document.sha256));
            format!("{name}, {} bytes<br>SHA-256 <code>{hash}</code>", document.size)
        })
        .collect();
    let none = say("Ninguno", "None").to_owned();
    row(say("Documentos", "Documents"), &if documents.is_empty() { none } else { documents.join("<br>") });
    main.push_str("</tbody></table>");
}

fn since(main: &mut String, verified: &Verified, language: Language) {
    if verified.since.is_empty() {
        return;
    }
    add(main, format_args!("<h2>{}</h2><table><tbody>", language.say("Qué ocurrió después", "What happened since")));
    for Since { r#type, at, reason, .. } in &verified.since {
        let name = match r#type.as_str() {
            "annulled" => language.say("Anulado", "Annulled"),
            "rectified" => language.say("Rectificado", "Rectified"),
            "document_quarantined" => language.say("Documento en cuarentena", "Document put in quarantine"),
            "document_released" => language.say("Documento fuera de cuarentena", "Document released from quarantine"),
            "signature_judged_again" => language.say("Firma comprobada de nuevo", "Signature judged again"),
            _ => language.say("Datos suprimidos", "Data erased"),
        };
        let reason = reason.as_deref().map(|reason| format!("<br>{}", escaped(reason))).unwrap_or_default();
        add(main, format_args!("<tr><th scope=\"row\">{name}</th><td>{}{reason}</td></tr>", language.time(at)));
    }
    main.push_str("</tbody></table>");
}

fn proof(main: &mut String, receipt: &Receipt, code: &str, language: Language) {
    let say = |spanish, english| language.say(spanish, english);
    let (code, key) = (escaped(code), escaped(&receipt.log.key));
    let (leaf, size) = (receipt.proof.leaf_index + 1, receipt.proof.tree_size);
    add(main, format_args!("<h2>{}</h2>", say("La prueba", "The proof")));
    let holds = match language {
        Language::Spanish => format!(
            "Se ha comprobado ahora: el sello de la entidad es válido sobre el recibo, y el asiento es la hoja {leaf} de \
             las {size} que tenía el libro cuando se registró."
        ),
        Language::English => format!(
            "It was checked just now: the body's seal is over the receipt, and the entry is leaf {leaf} of the {size} that \
             the book had when it was registered."
        ),
    };
    add(main, format_args!("<p>{holds}</p><ul>"));
    for (file, name) in [
        ("pdf", say("El recibo en PDF, con el sello", "The receipt as PDF, with the seal")),
        ("json", say("El recibo en JSON", "The receipt as JSON")),
        ("p7s", say("El sello sobre el JSON", "The seal over the JSON")),
    ] {
        add(main, format_args!("<li><a href=\"{code}/receipt.{file}\">{name}</a></li>"));
    }
    let how = say("Cómo comprobarlo por su cuenta", "How to check it yourself");
    let text = say(
        "Descargue los dos últimos y el programa libre Ventanilla, y compare la clave con la que publica la entidad:",
        "Download the last two and the free program Ventanilla, and compare the key with the one that the body publishes:",
    );
    add(
        main,
        format_args!(
            "</ul><h2>{how}</h2><p>{text}</p><pre>openssl cms -verify -inform DER -in receipt.p7s -content receipt.json -binary\n\
             ventanilla verify receipt receipt.json --key entity.key</pre><p>{}: <code>{key}</code></p>",
            say("Clave del libro", "Key of the book")
        ),
    );
}
