//! Every error that leaves the server, as RFC 9457 problem details: the only file that knows status codes of errors.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::registry::submission::FieldError;

/// What a problem is; its slug is the last part of its `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be understood.
    BadRequest,
    /// The documents came before the `submission` or the `signature`.
    PartOrder,
    /// `Idempotency-Key` is required here.
    IdempotencyKeyMissing,
    /// There is no token, or it is not valid.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// There is no such thing, or the caller may not know.
    NotFound,
    /// The personal data of the entry were erased.
    Erased,
    /// Harmful code was found in the document: it is handed to nobody.
    Quarantined,
    /// The operation takes another method.
    MethodNotAllowed,
    /// None of the media types asked for can be given.
    NotAcceptable,
    /// The `submission_id` was used before, under another key.
    DuplicateSubmission,
    /// What is asked does not go with the state of the thing.
    WrongState,
    /// The entry is not in the version that `If-Match` names.
    EntryChanged,
    /// A body, part or document is over its limit.
    TooLarge,
    /// The body came too slowly.
    TooSlow,
    /// The request is not of the type the operation takes.
    UnsupportedMediaType,
    /// The range asked for lies outside the document.
    RangeNotSatisfiable,
    /// All places of the slot are taken.
    SlotTaken,
    /// All places of the day are taken.
    DayFull,
    /// The person has as many appointments as may stand.
    TooManyBookings,
    /// The hold does not stand any more.
    HoldExpired,
    /// The agenda has the slot no more.
    AgendaChanged,
    /// There is no such slot, or it is too soon or too far ahead.
    OutsideAgenda,
    /// One or more fields are wrong; `errors` says which.
    InvalidSubmission,
    /// The submission carries no signature and nothing else proves the will.
    SignatureRequired,
    /// The signature does not authenticate the submission; `signatures` says why.
    SignatureInvalid,
    /// What arrived is not what the submission says.
    DocumentMismatch,
    /// The key was used with another body.
    IdempotencyKeyReused,
    /// More requests than the limit allows.
    TooManyRequests,
    /// Nothing was numbered; try again.
    Unavailable,
    /// It may have been numbered or not; repeat with the same key.
    OutcomeUnknown,
    /// Something stored is not what the registry wrote: other hands altered it. Asking again gives the same.
    Altered,
    /// A fault of ours.
    Internal,
}

impl Kind {
    /// All kinds, for the documentation.
    pub const ALL: [Self; 33] = [
        Self::BadRequest,
        Self::PartOrder,
        Self::IdempotencyKeyMissing,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Erased,
        Self::Quarantined,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::DuplicateSubmission,
        Self::WrongState,
        Self::EntryChanged,
        Self::TooLarge,
        Self::TooSlow,
        Self::UnsupportedMediaType,
        Self::RangeNotSatisfiable,
        Self::SlotTaken,
        Self::DayFull,
        Self::TooManyBookings,
        Self::HoldExpired,
        Self::AgendaChanged,
        Self::OutsideAgenda,
        Self::InvalidSubmission,
        Self::SignatureRequired,
        Self::SignatureInvalid,
        Self::DocumentMismatch,
        Self::IdempotencyKeyReused,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::OutcomeUnknown,
        Self::Altered,
        Self::Internal,
    ];

    /// Status, slug and title.
    #[must_use]
    pub fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "The request cannot be understood"),
            Self::PartOrder => {
                (StatusCode::BAD_REQUEST, "part-order", "The parts submission and signature come before the documents")
            }
            Self::IdempotencyKeyMissing => {
                (StatusCode::BAD_REQUEST, "idempotency-key-missing", "The header Idempotency-Key is required")
            }
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "A valid token is required"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The caller may not do this"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::Erased => (StatusCode::GONE, "erased", "The personal data of the entry were erased"),
            Self::Quarantined => {
                (StatusCode::FORBIDDEN, "quarantined", "The document is in quarantine and must be sent again")
            }
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The operation takes another method")
            }
            Self::NotAcceptable => {
                (StatusCode::NOT_ACCEPTABLE, "not-acceptable", "None of the media types asked for can be given")
            }
            Self::DuplicateSubmission => {
                (StatusCode::CONFLICT, "duplicate-submission", "The submission was registered before")
            }
            Self::WrongState => (StatusCode::CONFLICT, "wrong-state", "What is asked does not go with the state"),
            Self::EntryChanged => {
                (StatusCode::PRECONDITION_FAILED, "entry-changed", "The entry changed since the caller saw it")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Over the limit"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too-slow", "The body came too slowly"),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The request is not of the type the operation takes",
            ),
            Self::RangeNotSatisfiable => (
                StatusCode::RANGE_NOT_SATISFIABLE,
                "range-not-satisfiable",
                "The range asked for lies outside the document",
            ),
            Self::SlotTaken => (StatusCode::CONFLICT, "slot-taken", "All places of the slot are taken"),
            Self::DayFull => (StatusCode::CONFLICT, "day-full", "All places of the day are taken"),
            Self::TooManyBookings => {
                (StatusCode::CONFLICT, "too-many-bookings", "The person has as many appointments as may stand")
            }
            Self::HoldExpired => (StatusCode::CONFLICT, "hold-expired", "The hold does not stand any more"),
            Self::AgendaChanged => (StatusCode::CONFLICT, "agenda-changed", "The agenda has the slot no more"),
            Self::OutsideAgenda => {
                (StatusCode::UNPROCESSABLE_ENTITY, "outside-agenda", "There is no such slot that can be booked")
            }
            Self::InvalidSubmission => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-submission", "Some fields are wrong")
            }
            Self::SignatureRequired => {
                (StatusCode::UNPROCESSABLE_ENTITY, "signature-required", "The submission must be signed")
            }
            Self::SignatureInvalid => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "signature-invalid",
                "The signature does not authenticate the submission",
            ),
            Self::DocumentMismatch => {
                (StatusCode::UNPROCESSABLE_ENTITY, "document-mismatch", "What arrived is not what the submission says")
            }
            Self::IdempotencyKeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The key was used with another body")
            }
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Nothing was registered; try again soon")
            }
            Self::OutcomeUnknown => (
                StatusCode::SERVICE_UNAVAILABLE,
                "outcome-unknown",
                "It may have been registered or not; repeat with the same key",
            ),
            Self::Altered => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "altered",
                "Something stored was altered; asking again does not help",
            ),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "A fault of the server"),
        }
    }
}

/// An answer that says what went wrong and what to do.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    signatures: Option<Box<RawValue>>,
    nearest: Option<Vec<String>>,
}

/// What every handler gives.
pub type Result<T> = std::result::Result<T, Problem>;

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    signatures: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<&'a [String]>,
}

impl Problem {
    /// A problem, with what happened this time and what to do about it.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), signatures: None, nearest: None }
    }

    /// Fields that are wrong.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.pointer, only.detail),
            several => format!("{} fields are wrong; see errors", several.len()),
        };
        Self { kind: Kind::InvalidSubmission, detail, errors, signatures: None, nearest: None }
    }

    /// One wrong field.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { pointer: pointer.into(), detail: detail.into() }])
    }

    /// A parameter of the address that is wrong.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let errors = vec![FieldError { pointer: format!("/{name}"), detail: detail.clone() }];
        Self { errors, ..Self::new(Kind::BadRequest, format!("{name}: {detail}")) }
    }

    /// There is no such thing, or the caller may not know.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "there is nothing here, or not for this caller")
    }

    /// Nothing was written; try again.
    pub fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "unavailable");
        Self::new(
            Kind::Unavailable,
            "the registry cannot write or read now; nothing was numbered, repeat in a few seconds",
        )
    }

    /// Something stored was altered by other hands: asking again gives the same.
    pub fn altered(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "something stored was altered");
        Self::new(
            Kind::Altered,
            "what is stored was altered and is not shown; tell whoever runs the registry: `ventanilla verify book` names it",
        )
    }

    /// A fault of ours.
    pub fn fault(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a fault of the program");
        Self::new(Kind::Internal, "the registry made a mistake; tell whoever runs it")
    }

    /// Why something made of what is stored could not be had: it was altered, or cannot be had now.
    pub fn stored(error: &(dyn std::error::Error + 'static), is_altered: bool) -> Self {
        if is_altered { Self::altered(error) } else { Self::unavailable(error) }
    }

    /// Adds the fields at fault.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Adds the verdicts that explain a refusal.
    #[must_use]
    pub fn with_signatures(mut self, signatures: Option<Box<RawValue>>) -> Self {
        self.signatures = signatures;
        self
    }

    /// Adds the free starts that are nearest to what was refused.
    #[must_use]
    pub fn with_nearest(mut self, nearest: Vec<String>) -> Self {
        self.nearest = Some(nearest);
        self
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the request may have been right, and is worth repeating.
    #[must_use]
    pub fn is_of_the_server(&self) -> bool {
        self.kind.parts().0.is_server_error()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, slug, title) = self.kind.parts();
        let body = Body {
            r#type: format!("/problems/{slug}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
            signatures: self.signatures.as_deref(),
            nearest: self.nearest.as_deref(),
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.kind {
            Kind::Unavailable | Kind::OutcomeUnknown | Kind::TooManyRequests => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            Kind::Unauthenticated => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

impl From<crate::store::Error> for Problem {
    fn from(error: crate::store::Error) -> Self {
        match error {
            crate::store::Error::Bug(_) => Self::fault(&error),
            crate::store::Error::AlteredEntry(ref code) => {
                let detail = format!(
                    "what is stored of entry {code} was altered and is not shown; tell whoever runs the registry: \
                     `ventanilla verify book` names it"
                );
                tracing::error!(error = &error as &dyn std::error::Error, "something stored was altered");
                Self::new(Kind::Altered, detail)
            }
            error => Self::stored(&error, error.is_altered()),
        }
    }
}

impl From<crate::store::objects::Error> for Problem {
    fn from(error: crate::store::objects::Error) -> Self {
        Self::unavailable(&error)
    }
}

impl From<crate::app::Busy> for Problem {
    fn from(_: crate::app::Busy) -> Self {
        Self::new(Kind::Unavailable, "too many signatures are being judged now; repeat in a few seconds")
    }
}

/// A problem, as it is sent (RFC 9457).
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDetails {
    /// What kind of problem it is.
    #[schema(example = "/problems/invalid-submission")]
    r#type: String,
    /// The kind, in words.
    #[schema(example = "Some fields are wrong")]
    title: String,
    /// The status of the answer.
    #[schema(example = 422)]
    status: u16,
    /// What happened this time, and what to do about it.
    #[schema(example = "/subject: must not be empty")]
    detail: String,
    /// The fields at fault.
    #[schema(nullable = false)]
    errors: Option<Vec<FieldError>>,
    /// The verdicts that explain a refusal.
    #[schema(nullable = false)]
    signatures: Option<Vec<crate::signature::Verdict<String>>>,
    /// The free starts that are nearest to the one that was refused.
    #[schema(nullable = false, example = json!(["2026-12-01T09:15:00+01:00"]))]
    nearest: Option<Vec<String>>,
}

/// The kinds of problem, described for the OpenAPI document.
fn described(kinds: &[Kind]) -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
    use utoipa::openapi::example::ExampleBuilder;
    use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
    let mut by_status: std::collections::BTreeMap<String, Vec<Kind>> = std::collections::BTreeMap::new();
    for kind in kinds {
        by_status.entry(kind.parts().0.as_u16().to_string()).or_default().push(*kind);
    }
    by_status
        .into_iter()
        .map(|(status, kinds)| {
            let mut content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
            let mut titles = Vec::new();
            for kind in kinds {
                let (code, slug, title) = kind.parts();
                titles.push(format!("`{slug}`: {title}"));
                let example = serde_json::json!({
                    "type": format!("/problems/{slug}"), "title": title, "status": code.as_u16(), "detail": title,
                });
                content = content.examples_from_iter([(slug, ExampleBuilder::new().value(Some(example)).build())]);
            }
            let response = ResponseBuilder::new()
                .description(titles.join("; "))
                .content("application/problem+json", content.build())
                .build();
            (status, response.into())
        })
        .collect()
}

/// `problems! { Name: [Kind, …] }`: a set of problems that an operation may answer with.
macro_rules! problems {
    ($($(#[$meta:meta])* $name:ident: [$($kind:ident),+ $(,)?]),+ $(,)?) => {
        $(
            $(#[$meta])*
            #[derive(Debug)]
            pub struct $name;

            impl utoipa::IntoResponses for $name {
                fn responses()
                -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                    described(&[$(Kind::$kind,)+ Kind::TooManyRequests, Kind::Altered])
                }
            }
        )+
    };
}

problems! {
    /// Of what only reads, for known callers.
    ReadProblems: [BadRequest, Unauthenticated, Forbidden, NotFound, Unavailable],
    /// Of what anybody may read.
    PublicProblems: [BadRequest, Unauthenticated, Unavailable],
    /// Of one thing that anybody may read, and known callers more of it.
    OpenProblems: [BadRequest, Unauthenticated, NotFound, Unavailable],
    /// Of the log, which anybody may read.
    LogProblems: [BadRequest, NotFound, Unavailable],
    /// Of a verification code.
    CodeProblems: [BadRequest, NotFound, Unavailable],
    /// Of a receipt, by its verification code.
    CodeReceiptProblems: [BadRequest, NotFound, Erased, Unavailable],
    /// Of a receipt, for known callers.
    ReceiptProblems: [BadRequest, Unauthenticated, Forbidden, NotFound, Erased, Unavailable],
    /// Of a report.
    ReportProblems: [BadRequest, Unauthenticated, Forbidden, NotAcceptable, Unavailable],
    /// Of the bytes of a document.
    DocumentProblems: [BadRequest, Unauthenticated, Quarantined, NotFound, RangeNotSatisfiable, Internal, Unavailable],
    /// Of what is inside a document.
    ContentProblems: [BadRequest, Unauthenticated, Quarantined, NotFound, Internal, Unavailable],
    /// Of a file whose signatures are judged.
    ValidateProblems: [BadRequest, Unauthenticated, TooSlow, TooLarge, UnsupportedMediaType, Internal, Unavailable],
    /// Of a submission or a counter entry.
    SubmitProblems: [
        BadRequest, PartOrder, IdempotencyKeyMissing, Unauthenticated, Forbidden, TooSlow, DuplicateSubmission, Erased,
        TooLarge, UnsupportedMediaType, InvalidSubmission, SignatureRequired, SignatureInvalid, DocumentMismatch,
        IdempotencyKeyReused, Unavailable, OutcomeUnknown,
    ],
    /// Of an attention.
    AttentionProblems: [
        BadRequest, IdempotencyKeyMissing, Unauthenticated, Forbidden, TooSlow, TooLarge, UnsupportedMediaType,
        InvalidSubmission, IdempotencyKeyReused, Unavailable, OutcomeUnknown,
    ],
    /// Of what alters an entry.
    AlterProblems: [
        BadRequest, IdempotencyKeyMissing, Unauthenticated, Forbidden, NotFound, TooSlow, WrongState, Erased,
        EntryChanged, TooLarge, UnsupportedMediaType, InvalidSubmission, IdempotencyKeyReused, Unavailable, OutcomeUnknown,
    ],
    /// Of documents that are added to an entry.
    AddProblems: [
        BadRequest, PartOrder, IdempotencyKeyMissing, Unauthenticated, Forbidden, NotFound, TooSlow, WrongState, Erased,
        EntryChanged, TooLarge, UnsupportedMediaType, InvalidSubmission, DocumentMismatch, IdempotencyKeyReused,
        Unavailable, OutcomeUnknown,
    ],
    /// Of a booking, or a change of one.
    BookingProblems: [
        BadRequest, IdempotencyKeyMissing, Unauthenticated, NotFound, TooSlow, SlotTaken, DayFull, TooManyBookings,
        HoldExpired, AgendaChanged, WrongState, TooLarge, UnsupportedMediaType, OutsideAgenda, InvalidSubmission,
        IdempotencyKeyReused, Unavailable, OutcomeUnknown,
    ],
    /// Of an agenda that is changed.
    AgendaProblems: [
        BadRequest, Unauthenticated, Forbidden, NotFound, TooSlow, EntryChanged, TooLarge, UnsupportedMediaType,
        InvalidSubmission, Unavailable,
    ],
    /// Of a token that is made.
    TokenProblems: [
        BadRequest, IdempotencyKeyMissing, Unauthenticated, Forbidden, TooSlow, WrongState, TooLarge, UnsupportedMediaType,
        InvalidSubmission, IdempotencyKeyReused, Unavailable,
    ],
    /// Of what changes a thing and takes no body.
    ChangeProblems: [BadRequest, Unauthenticated, Forbidden, NotFound, WrongState, Unavailable],
    /// Of what writes a JSON body.
    WriteProblems: [
        BadRequest, Unauthenticated, Forbidden, NotFound, TooSlow, WrongState, TooLarge, UnsupportedMediaType, InvalidSubmission,
        Unavailable, OutcomeUnknown,
    ],
}
