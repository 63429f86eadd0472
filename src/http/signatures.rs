//! `POST /signatures/validate`: what a signature is worth, without registering anything.

use axum::Json;
use axum::extract::{Request, State};
use multer::Multipart;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{PacedBody, Progress};
use super::budget::Share;
use super::multipart::{boundary, broken, part_name};
use super::problem::{Kind, Problem, Result, ValidateProblems};
use super::submissions::{not_judged, owner};
use crate::app::App;
use crate::registry::caller::Caller;
use crate::signature::{self, Verdict};

/// Bytes of a whole request: file and content are held in memory while they are judged.
const REQUEST_BYTES: u64 = 64 << 20;

/// A file whose signatures are judged.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValidateForm {
    /// The signed file, or a detached signature.
    #[schema(value_type = String, format = Binary, example = "%PDF-1.7 …")]
    pub file: Vec<u8>,
    /// What a detached signature covers.
    #[schema(value_type = Option<String>, format = Binary, example = "{\"submission_id\": …")]
    pub content: Option<Vec<u8>>,
}

/// The verdicts on a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct Signatures {
    /// One for each signature in the file; a file without any has one that says so.
    pub signatures: Vec<Verdict<String>>,
}

/// Judges the signatures of a file.
#[utoipa::path(
    post, path = "/signatures/validate", tag = "signatures", operation_id = "validate_signatures",
    summary = "Judge signatures",
    description = "Judges every signature in a file, as of now, as it would be judged on a submission. Nothing is stored.",
    request_body(content = ValidateForm, content_type = "multipart/form-data", description = "The part `file`, and the part `content` for a detached signature"),
    responses((status = 200, description = "The verdicts", body = Signatures), ValidateProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn validate(State(app): State<App>, caller: Caller, request: Request) -> Result<Json<Signatures>> {
    let owner = owner(&caller);
    let mut share = app.budget.request(&owner);
    let (file, content) = receive(&app, &mut share, request).await?;
    // When all is there, and not while it comes: a slow sender keeps nobody waiting.
    let _turn = app.judging.take(&owner).await?;
    let now = app.clock().now().0;
    let judging = app
        .judge
        .for_caller(&owner)
        .run(move |policy| signature::judge_file(&file, content.as_deref(), "file", now, policy))
        .await;
    let verdicts = judging.map_err(|error| not_judged(error.is_busy()))?;
    let zone = app.entity.zone;
    Ok(Json(Signatures { signatures: verdicts.into_iter().map(|verdict| verdict.in_zone(zone)).collect() }))
}

/// The parts `file` and `content`.
async fn receive(app: &App, share: &mut Share, request: Request) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
    let (parts, body) = request.into_parts();
    let boundary = boundary(&parts.headers)?;
    let (body, progress) = PacedBody::new(body, REQUEST_BYTES, &app.config.limits, share);
    let mut multipart = Multipart::new(body, boundary);
    let (mut file, mut content, mut held) = (None, None, 0);
    loop {
        progress.made();
        let Some(mut field) = multipart.next_field().await.map_err(broken)? else { break };
        progress.made();
        let name = part_name(&field)?;
        let slot = match name.as_str() {
            "file" => &mut file,
            "content" => &mut content,
            _ => {
                let detail = format!("there is a part {name:?}; only \"file\" and \"content\" are taken");
                return Err(Problem::new(Kind::BadRequest, detail));
            }
        };
        if slot.is_some() {
            return Err(Problem::new(Kind::BadRequest, format!("there are two parts named {name:?}")));
        }
        *slot = Some(read(&mut field, &progress, share, &mut held).await?);
    }
    let file = file.ok_or_else(|| Problem::new(Kind::BadRequest, "the part \"file\" is missing"))?;
    Ok((file, content))
}

async fn read(
    field: &mut multer::Field<'static>,
    progress: &Progress,
    share: &mut Share,
    held: &mut u64,
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        progress.made();
        *held += chunk.len() as u64;
        share.came(chunk.len() as u64)?;
        share.holds(*held).await?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
