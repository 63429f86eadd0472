//! All routes, each registered once for the server and for the OpenAPI document.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tracing::Instrument;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use super::activity::Held;
use super::body::hear_out;
use super::contract::Contract;
use super::entries::Sort;
use super::problem::{Kind, Problem, ProblemDetails};
use super::{
    access_log, acts, alterations, anchors, attentions, calendar, catalogue, contents, custody, documents, entries,
    erasures, examples, health, incidents, log, officials, quarantine, rate, receipts, reports, service, signatures,
    submissions, tokens, verify,
};
use crate::app::App;
use crate::domain::{Channel, Status};
use crate::registry::entry::Entry;

/// The head of the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Ventanilla",
        description = "An electronic registry for Spanish public bodies. Signed submissions and counter entries are numbered, \
            their documents stored, receipts issued, and the electronic share reported. \
            Errors are RFC 9457 problem details. Times are RFC 3339 in the entity's zone. Lists page by keyset: \
            give `next_cursor` as `cursor`."
    ),
    components(schemas(ProblemDetails, Entry, Channel, Sort, Status)),
    tags(
        (name = "submitting", description = "What e-offices and citizens send"),
        (name = "counter", description = "What clerks key in"),
        (name = "afterwards", description = "What happens to an entry later: annulled, rectified, distributed, accepted, returned, documents added"),
        (name = "looking up", description = "Entries, documents, events, who looked"),
        (name = "signatures", description = "What signatures are worth"),
        (name = "the log", description = "The book as a log that anybody can check: checkpoints, tiles, proofs"),
        (name = "receipts", description = "Proof for whoever submitted"),
        (name = "service", description = "The citizens' service: attentions, services, appointments"),
        (name = "catalogue", description = "Units, offices, books"),
        (name = "administration", description = "What an administrator keeps: units, offices, books, tokens, trust anchors, calendar. An administrator may not read entries"),
        (name = "figures", description = "The electronic share, and attentions"),
        (name = "running", description = "Whether the server is well")
    )
)]
struct Head;

/// Who may call each operation, by its id; the document says it as `x-roles`, and tests try every role on each.
const ROLES: &[(&str, &[&str])] = &[
    ("submit", &["eoffice", "citizen"]),
    ("register_at_counter", &["clerk"]),
    ("entry", &["clerk", "auditor", "unit", "eoffice", "citizen"]),
    ("entry_by_number", &["clerk", "auditor", "unit", "eoffice", "citizen"]),
    ("entry_events", &["clerk", "auditor", "unit", "eoffice", "citizen"]),
    ("document", &["clerk", "auditor", "unit", "eoffice", "citizen"]),
    ("document_content", &["clerk", "auditor", "unit", "eoffice", "citizen"]),
    ("receipt_json", &["clerk", "auditor", "unit", "eoffice", "citizen"]),
    ("receipt_signature", &["clerk", "auditor", "unit", "eoffice", "citizen"]),
    ("receipt_pdf", &["clerk", "auditor", "unit", "eoffice", "citizen"]),
    ("label", &["clerk"]),
    ("annul_entry", &["clerk"]),
    ("rectify_entry", &["clerk"]),
    ("distribute_entry", &["clerk"]),
    ("accept_entry", &["unit"]),
    ("return_entry", &["unit"]),
    ("add_documents", &["clerk"]),
    ("keep_paper", &["clerk"]),
    ("end_custody", &["clerk"]),
    ("quarantine_document", &["clerk"]),
    ("release_document", &["admin"]),
    ("erase_entry", &["admin"]),
    ("entries", &["clerk", "auditor", "unit"]),
    ("access_log", &["auditor"]),
    ("acts", &["auditor"]),
    ("report_channels", &["clerk", "auditor", "sac", "admin"]),
    ("report_entries", &["clerk", "auditor", "sac", "admin"]),
    ("record_attention", &["sac", "clerk"]),
    ("record_attention_day", &["sac", "clerk"]),
    ("attentions", &["sac", "clerk"]),
    ("attention", &["sac", "clerk"]),
    ("classify_attention", &["sac", "clerk"]),
    ("withdraw_attention", &["sac", "clerk"]),
    ("services", &[]),
    ("service", &[]),
    ("put_service", &["agenda_manager", "admin"]),
    ("agenda", &["agenda_manager", "admin", "sac", "clerk"]),
    ("put_agenda", &["agenda_manager", "admin"]),
    ("slots", &[]),
    ("hold_slot", &[]),
    ("book_appointment", &[]),
    ("appointment", &[]),
    ("move_appointment", &[]),
    ("cancel_appointment", &[]),
    ("appointments", &["sac", "clerk", "agenda_manager"]),
    ("validate_signatures", ANY),
    ("units", ANY),
    ("offices", ANY),
    ("books", ANY),
    ("unit", ANY),
    ("office", ANY),
    ("book", ANY),
    ("put_unit", &["admin"]),
    ("put_office", &["admin"]),
    ("put_book", &["admin"]),
    ("delete_book", &["admin"]),
    ("calendar", &[]),
    ("calendar_history", &["admin", "auditor"]),
    ("put_calendar", &["admin"]),
    ("incidents", &[]),
    ("incident", &[]),
    ("publish_incident", &["admin"]),
    ("end_incident", &["admin"]),
    ("extend_deadlines", &["admin"]),
    ("officials", &["admin", "auditor"]),
    ("put_official", &["admin"]),
    ("remove_official", &["admin"]),
    ("tokens", &["admin"]),
    ("create_token", &["admin"]),
    ("revoke_token", &["admin"]),
    ("trust_anchors", &["admin"]),
    ("add_trust_anchor", &["admin"]),
    ("remove_trust_anchor", &["admin"]),
    ("log_key", &[]),
    ("log_checkpoint", &[]),
    ("log_tile", &[]),
    ("log_consistency", &[]),
    ("access_checkpoint", &[]),
    ("access_tile", &[]),
    ("entry_proof", &[]),
    ("verify", &[]),
    ("verify_json", &[]),
    ("verify_signature", &[]),
    ("verify_pdf", &[]),
    ("healthz", &[]),
    ("readyz", &[]),
];

const ANY: &[&str] = &["eoffice", "clerk", "unit", "auditor", "sac", "agenda_manager", "admin", "citizen"];

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(submissions::submit))
        .routes(routes!(entries::list, submissions::register))
        .routes(routes!(entries::by_id))
        .routes(routes!(entries::by_number))
        .routes(routes!(entries::events))
        .routes(routes!(documents::document))
        .routes(routes!(contents::content))
        .routes(routes!(alterations::annul))
        .routes(routes!(alterations::rectify))
        .routes(routes!(alterations::distribute))
        .routes(routes!(alterations::accept))
        .routes(routes!(alterations::give_back))
        .routes(routes!(alterations::add_documents))
        .routes(routes!(custody::keep))
        .routes(routes!(custody::end))
        .routes(routes!(quarantine::quarantine))
        .routes(routes!(quarantine::release))
        .routes(routes!(erasures::erase))
        .routes(routes!(receipts::json))
        .routes(routes!(receipts::signature))
        .routes(routes!(receipts::pdf))
        .routes(routes!(receipts::label))
        .routes(routes!(log::proof))
        .routes(routes!(log::key))
        .routes(routes!(log::checkpoint))
        .routes(routes!(log::tile))
        .routes(routes!(log::consistency))
        .routes(routes!(log::access_checkpoint))
        .routes(routes!(log::access_tile))
        .routes(routes!(access_log::list))
        .routes(routes!(acts::list))
        .routes(routes!(signatures::validate))
        .routes(routes!(reports::channels))
        .routes(routes!(reports::entries))
        .routes(routes!(attentions::list, attentions::record))
        .routes(routes!(attentions::record_day))
        .routes(routes!(attentions::by_id, attentions::classify, attentions::withdraw))
        .routes(routes!(service::services::list))
        .routes(routes!(service::services::by_code, service::services::put))
        .routes(routes!(service::services::agenda, service::services::put_agenda))
        .routes(routes!(service::slots::list))
        .routes(routes!(service::slots::hold))
        .routes(routes!(service::appointments::list, service::appointments::book))
        .routes(routes!(service::appointments::by_code))
        .routes(routes!(service::appointments::move_to))
        .routes(routes!(service::appointments::cancel))
        .routes(routes!(catalogue::units))
        .routes(routes!(catalogue::unit, catalogue::put_unit))
        .routes(routes!(catalogue::offices))
        .routes(routes!(catalogue::office, catalogue::put_office))
        .routes(routes!(catalogue::books))
        .routes(routes!(incidents::list, incidents::publish))
        .routes(routes!(incidents::by_id))
        .routes(routes!(incidents::end))
        .routes(routes!(incidents::extend))
        .routes(routes!(officials::list))
        .routes(routes!(officials::put, officials::remove))
        .routes(routes!(calendar::published))
        .routes(routes!(calendar::history))
        .routes(routes!(calendar::put))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(anchors::list, anchors::add))
        .routes(routes!(anchors::remove))
        .routes(routes!(catalogue::book, catalogue::put_book, catalogue::delete_book))
}

/// What a verification code opens: each address may try some codes a minute.
fn codes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(verify::verify))
        .routes(routes!(verify::json))
        .routes(routes!(verify::signature))
        .routes(routes!(verify::pdf))
}

fn routes(app: Option<&App>) -> (Router<App>, OpenApi) {
    let head = OpenApiRouter::with_openapi(Head::openapi());
    let codes = match app {
        Some(app) => codes().layer(axum::middleware::from_fn_with_state(app.clone(), rate::codes)),
        None => codes(),
    };
    let (router, mut document) = head
        .nest("/api/v1", api().merge(codes))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .split_for_parts();
    finish(&mut document);
    (router, document)
}

/// The OpenAPI 3.1 document of the server.
#[must_use]
pub fn document() -> OpenApi {
    routes(None).1
}

/// Adds what the handlers cannot say of themselves: how callers are known, and who may call what.
fn finish(document: &mut OpenApi) {
    // That of the program says nothing about who may call a server that runs it.
    document.info.license = None;
    let components = document.components.get_or_insert_default();
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("token", token);
    components.add_security_scheme(
        "certificate",
        SecurityScheme::MutualTls {
            description: Some("A citizen's certificate, in the TLS handshake".into()),
            deprecated: None,
            extensions: None,
        },
    );
    // The document has no word for a parameter with slashes in it.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    for item in document.paths.paths.values_mut() {
        for operation in
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
        {
            let id = operation.operation_id.as_deref().unwrap_or_default();
            let roles = ROLES.iter().find(|(name, _)| *name == id).map_or(&[] as &[&str], |(_, roles)| roles);
            operation.extensions = Some(ExtensionsBuilder::new().add("x-roles", roles).build());
        }
    }
    examples::add(document);
}

/// The whole server with these pages, but for its listener. What no operation and no page has is answered by the fallback of
/// the pages.
pub fn router(app: App, pages: Router<App>) -> Router {
    let (router, document) = routes(Some(&app));
    let contract = Contract::new(&document);
    router
        .route(CONTRACT, get(async move |headers: HeaderMap| contract.answer(&headers)))
        .merge(SwaggerUi::new("/api/docs").config(utoipa_swagger_ui::Config::from(CONTRACT)))
        .merge(pages)
        .method_not_allowed_fallback(|| async {
            Problem::new(Kind::MethodNotAllowed, "see /api/docs for the methods of each address")
        })
        .layer(DefaultBodyLimit::disable())
        .layer(axum::middleware::from_fn(hear_out))
        .layer(axum::middleware::from_fn_with_state(app.clone(), rate::all))
        .layer(axum::middleware::from_fn_with_state(app.clone(), guarded))
        .layer(axum::middleware::from_fn_with_state(app.clone(), traced))
        .with_state(app)
}

/// Logs each request once, without what could name a person: no query, no header, no body.
async fn traced(
    axum::extract::State(app): axum::extract::State<App>,
    matched: Option<axum::extract::MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let id = app.clock().new_id();
    let path = matched.as_ref().map_or("-", |path| path.as_str());
    let span = tracing::info_span!("request", %id, method = %request.method(), path);
    let started = app.clock().monotonic();
    let mut response = next.run(request).instrument(span.clone()).await.into_response();
    let micros = app.clock().monotonic() - started;
    span.in_scope(|| tracing::info!(status = response.status().as_u16(), micros, "answered"));
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    response
}

/// Where the OpenAPI document is.
const CONTRACT: &str = "/api/v1/openapi.json";
/// What the page of the documentation may load: its own files only. Its script sets styles on elements.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// What an answer that is no page may load, should a browser take it for one.
const NO_PAGE: &str = "default-src 'none'; frame-ancestors 'none'";

/// Headers that keep answers out of caches, other pages and plain connections (ASVS 5.0 V3.4). What an answer says itself
/// stays.
async fn guarded(axum::extract::State(app): axum::extract::State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_docs = path.starts_with("/api/docs");
    // Checkpoints, tiles and keys are public and meant to be kept; all else may tell of somebody. That something is not
    // there, or went wrong, is true for a moment only.
    let is_personal = !is_docs && !path.starts_with("/api/v1/log/");
    let is_public_file = is_docs || path == CONTRACT;
    let mut response = next.run(request).await;
    if is_public_file {
        response.extensions_mut().insert(Held::Together);
    }
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(header::CONTENT_SECURITY_POLICY, if is_docs { DOCS_POLICY } else { NO_PAGE });
    say(header::REFERRER_POLICY, "no-referrer");
    if is_personal || is_error {
        say(header::CACHE_CONTROL, "private, no-store");
    }
    if !app.config.tls.certificate.as_os_str().is_empty() {
        say(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}
