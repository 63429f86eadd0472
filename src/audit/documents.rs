//! The bytes in the object store: each document, its detached signature, and what was signed, hashed again.

use futures_util::{StreamExt, TryStreamExt};

use super::{AuditError, Finding, Report};
use crate::app::App;
use crate::domain::Sha256;
use crate::store::entries::{DocumentRow, EntryRow};
use crate::store::objects;

/// Objects read side by side.
const AT_ONCE: usize = 8;

/// An object and what it belongs to.
struct Wanted {
    code: String,
    name: String,
    hash: Sha256,
    /// Where what was signed is kept: by the entry's id.
    signed: Option<(uuid::Uuid, &'static str)>,
}

/// Hashes what belongs to these entries.
pub async fn check(
    app: &App,
    entries: &[EntryRow],
    documents: &[DocumentRow],
    report: &mut Report,
) -> Result<(), AuditError> {
    let code_of = |id| entries.iter().find(|entry| entry.id == id).map_or_else(String::new, |entry| entry.code.clone());
    let mut wanted = Vec::new();
    for document in documents {
        let (code, name) = (code_of(document.entry_id), document.filename.clone());
        if let Some(hash) = document.signature_sha256 {
            let name = format!("{name} (its signature)");
            wanted.push(Wanted { code: code.clone(), name, hash, signed: None });
        }
        wanted.push(Wanted { code, name, hash: document.sha256, signed: None });
    }
    for entry in entries {
        for (hash, extension) in [(entry.submission_sha256, "json"), (entry.signature_sha256, "p7s")] {
            let Some(hash) = hash else { continue };
            let name = format!("submission.{extension}");
            wanted.push(Wanted { code: entry.code.clone(), name, hash, signed: Some((entry.id, extension)) });
        }
    }
    report.objects += wanted.len() as u64;
    let mut checked = futures_util::stream::iter(wanted).map(|one| hash(app, one)).buffer_unordered(AT_ONCE);
    while let Some((wanted, found)) = checked.try_next().await? {
        let Wanted { code, name, hash, .. } = wanted;
        match found {
            None => report.find(Finding::DocumentMissing { name, code }),
            Some(found) if found != hash => {
                report.find(Finding::DocumentAltered { name, code, found: found.to_string() });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

async fn hash(app: &App, wanted: Wanted) -> Result<(Wanted, Option<Sha256>), AuditError> {
    let (objects, entity) = (app.registry.objects(), &app.entity.code);
    if let Some((entry, extension)) = wanted.signed {
        let found = objects.get_signed(entity, entry, extension).await?;
        return Ok((wanted, found.map(|bytes| Sha256(openssl::sha::sha256(&bytes)))));
    }
    let Some(mut stream) = objects.get(entity, &wanted.hash, None).await? else { return Ok((wanted, None)) };
    let mut hasher = openssl::sha::Sha256::new();
    while let Some(chunk) = stream.try_next().await.map_err(objects::Error::from)? {
        hasher.update(&chunk);
    }
    Ok((wanted, Some(Sha256(hasher.finish()))))
}
