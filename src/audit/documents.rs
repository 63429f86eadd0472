//! The bytes in the object store: each document, its detached signature, and what was signed, hashed again.

use futures_util::{StreamExt, TryStreamExt};

use super::{AuditError, Finding, Report};
use crate::app::App;
use crate::domain::Sha256;
use crate::store::entries::{DocumentRow, EntryRow};
use crate::store::objects::{Objects, document_path, signed_path};

/// Objects read side by side.
const AT_ONCE: usize = 8;

/// An object and what it belongs to.
struct Wanted {
    code: String,
    name: String,
    hash: Sha256,
    path: String,
}

/// Hashes what belongs to these entries.
pub async fn check(
    app: &App,
    entries: &[EntryRow],
    documents: &[DocumentRow],
    report: &mut Report,
) -> Result<(), AuditError> {
    let code_of = |id| entries.iter().find(|entry| entry.id == id).map_or_else(String::new, |entry| entry.code.clone());
    let entity = &app.entity.code;
    let mut wanted = Vec::new();
    for document in documents {
        let (code, name) = (code_of(document.entry_id), document.filename.clone());
        if let Some(hash) = document.signature_sha256 {
            let name = format!("{name} (its signature)");
            wanted.push(Wanted { code: code.clone(), name, hash, path: document_path(entity, &hash) });
        }
        let hash = document.sha256;
        wanted.push(Wanted { code, name, hash, path: document_path(entity, &hash) });
    }
    for entry in entries {
        for (hash, extension) in [(entry.submission_sha256, "json"), (entry.signature_sha256, "p7s")] {
            let Some(hash) = hash else { continue };
            let name = format!("submission.{extension}");
            let path = signed_path(entity, entry.id, extension);
            wanted.push(Wanted { code: entry.code.clone(), name, hash, path });
        }
    }
    report.objects += wanted.len() as u64;
    let objects = app.registry.objects();
    let mut checked = futures_util::stream::iter(wanted).map(|one| hash(objects, one)).buffer_unordered(AT_ONCE);
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

async fn hash(objects: &Objects, wanted: Wanted) -> Result<(Wanted, Option<Sha256>), AuditError> {
    let found = objects.hash_at(&wanted.path).await?;
    Ok((wanted, found))
}
