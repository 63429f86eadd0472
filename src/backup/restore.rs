//! Bringing a backup back.
//!
//! The database comes last and in one step: until then it is empty, and all can be done again.

use std::path::Path;

use futures_util::{StreamExt, TryStreamExt};

use super::list::{self, Listed};
use super::manifest::Manifest;
use super::{AT_ONCE, BackupError, Progress, Wrong, objects_in};
use crate::config::Config;
use crate::store;
use crate::store::objects::{self, Objects};

/// Checks a backup and brings database and objects to where the settings say. What is in the object store and in no
/// backup, such as a newer checkpoint of the log, stays there.
///
/// # Errors
/// [`BackupError`] names what is wrong; then the database is as empty as it was.
pub async fn restore(config: &Config, folder: &Path, progress: Progress<'_>) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(folder)?;
    let (url, tools) = (config.database.url.expose(), &config.database.tools);
    let engine = if url.starts_with("sqlite:") { "sqlite" } else { "postgres" };
    for (of, wanted) in [(&manifest.entity, config.entity.code.as_str()), (&manifest.engine, engine)] {
        if of != wanted {
            return Err(BackupError::Other(of.clone(), wanted.to_owned()));
        }
    }
    if !manifest.log_key_included && config.proof.key.as_os_str().is_empty() {
        return Err(BackupError::NoKey);
    }
    if store::dump::holds_entries(url).await? {
        return Err(BackupError::NotEmpty);
    }
    tokio::task::block_in_place(|| manifest.database.check(folder, progress))?;
    tokio::task::block_in_place(|| manifest.list.check(folder, progress))?;
    let objects = Objects::open(&config.objects)?;
    bring_objects(&manifest, folder, &objects, progress).await?;
    progress("bringing the database back", 0, 0);
    // Somebody may have begun to work meanwhile.
    if store::dump::holds_entries(url).await? {
        return Err(BackupError::NotEmpty);
    }
    store::dump::bring_back(url, tools, &folder.join(&manifest.database.file)).await?;
    Ok(manifest)
}

async fn bring_objects(
    manifest: &Manifest,
    folder: &Path,
    to: &Objects,
    progress: Progress<'_>,
) -> Result<(), BackupError> {
    let from = &objects_in(folder)?;
    let lines = list::read(&folder.join(&manifest.list.file))?;
    let bringing = futures_util::stream::iter(lines).map(|listed| async { bring_one(from, to, &listed?).await });
    let mut bringing = bringing.buffer_unordered(AT_ONCE);
    let (mut wrong, mut done) = (Wrong::default(), 0);
    while let Some(one) = bringing.try_next().await? {
        done += 1;
        progress("bringing objects back", done, manifest.objects);
        if let Some(what) = one {
            wrong.add(what);
        }
    }
    // What was gone when the backup was made is no fault of the backup's: checking the book names it.
    if wrong.count > manifest.missing {
        return Err(BackupError::ObjectsAltered { count: wrong.count, named: wrong.named });
    }
    Ok(())
}

/// Brings an object back; what is wrong with it, if anything.
async fn bring_one(from: &Objects, to: &Objects, listed: &Listed) -> Result<Option<String>, BackupError> {
    let Listed { hash, path, .. } = listed;
    if to.hash_at(path).await? == Some(*hash) {
        return Ok(None);
    }
    match from.copy_at(to, path, *hash).await {
        Ok(Some(_)) => Ok(None),
        Ok(None) => Ok(Some(format!("{path} is not there"))),
        Err(objects::Error::Mismatch { found, .. }) => Ok(Some(format!("{path} was altered: its SHA-256 is {found}"))),
        Err(error) => Err(error.into()),
    }
}
