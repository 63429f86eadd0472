//! Making a backup.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use futures_util::{StreamExt, TryStreamExt};

use super::folder::{self, Folder};
use super::list::{self, Listed};
use super::manifest::Manifest;
use super::{AT_ONCE, BackupError, Progress, Wrong, objects_in};
use crate::app::App;
use crate::registry::continuity::confirmed_head;
use crate::store::log::Log;
use crate::store::modes::Modes;
use crate::store::objects::{self, Objects};
use crate::store::{self, Store};

/// What was made.
#[derive(Debug)]
pub struct Taken {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// Objects that were copied now; the others were in the folder already.
    pub copied: u64,
    /// Objects that rows refer to and that were gone or altered, the first of them by name.
    pub missing: Vec<String>,
}

/// Makes a backup of the registry into a folder, which may hold an earlier one.
///
/// # Errors
/// [`BackupError`]; an earlier backup in the folder is as whole as it was.
pub async fn take(app: &App, folder: &Path, progress: Progress<'_>) -> Result<Taken, BackupError> {
    let mut place = Folder::open(&app.config, folder)?;
    if let Some(former) = place.former() {
        let (of, ours) = (former.log_key.as_str(), app.entity.ledger.verifier(Log::Book).to_string());
        for (of, ours) in [(former.entity.as_str(), app.entity.code.as_str()), (of, ours.as_str())] {
            if of != ours {
                let (folder, of, ours) = (folder.to_owned(), of.to_owned(), ours.to_owned());
                return Err(BackupError::FolderOfAnother { folder, of, ours });
            }
        }
    }
    tokio::task::block_in_place(|| close(folder));
    let made_at = app.clock().now().rfc3339(app.entity.zone);
    let settings = &app.config.database;

    // Whoever restores a backup relies on what it says of itself.
    if let Some(reason) = app.discontinued().await {
        return Err(BackupError::Discontinued(reason));
    }
    progress("copying the database", 0, 0);
    let (stem, extension) = match app.store() {
        Store::Sqlite { .. } => ("ventanilla", "db"),
        Store::Postgres(_) => ("ventanilla", "dump"),
    };
    let out = place.make(stem, extension)?;
    let known = app.entity.ledger.known(Log::Book);
    let (mut dump, out) = app.store().dump(settings.url.expose(), &settings.tools, out).await?;
    let tx = &mut dump.tx;
    let tree = match confirmed_head(tx, &app.entity, known).await {
        Ok(tree) => tree,
        Err(error) => {
            let broken = app.entity.ledger.broken(Log::Book);
            return Err(broken.map_or(BackupError::Store(error), BackupError::Discontinued));
        }
    };
    let (tree_size, root) = (tree.size(), tree.root());
    let (entries, documents) = store::dump::counts(tx).await?;
    let entities = store::references::entities(tx).await?;
    let list = store::dump::unnamed_file().map_err(BackupError::Staging)?;
    let referred = list::write(tx, &list).await?;
    drop(dump);

    let target = objects_in(folder)?;
    let (mut wrong, copied) = copy(app.registry.objects(), &target, &list, referred, progress).await?;
    let (others, more) = copy_others(app.registry.objects(), &target, &entities, &list, &mut wrong, progress).await?;
    let (database, list) = tokio::task::block_in_place(|| {
        let mut out_list = place.make("objects", "list")?;
        let mut list = &list;
        list.rewind().and_then(|()| std::io::copy(&mut list, &mut out_list)).map_err(BackupError::Staging)?;
        Ok::<_, BackupError>((out.finish()?, out_list.finish()?))
    })?;
    let mut manifest = Manifest {
        format: Manifest::format(),
        made_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        entity: app.entity.code.clone(),
        name: app.entity.name.clone(),
        engine: engine(app.store()).to_owned(),
        database,
        list,
        objects: referred + others,
        missing: wrong.count,
        entries,
        documents,
        tree_size,
        root,
        checkpoint: app.entity.ledger.checkpoint(&tree)?,
        log_key: app.entity.ledger.verifier(Log::Book).to_string(),
        log_key_included: app.config.proof.key.as_os_str().is_empty(),
        signature: None,
    };
    manifest.sign(&app.entity.ledger)?;
    manifest.write(folder)?;
    place.tidy(&manifest);
    Ok(Taken { manifest, copied: copied + more, missing: wrong.named })
}

/// Closes to others what earlier backups, or copies of them, left open in the folder.
fn close(folder: &Path) {
    let mut modes = Modes::default();
    modes.one(folder);
    for name in folder::names(folder).unwrap_or_default() {
        if folder::is_ours(&name) {
            modes.one(&folder.join(name));
        }
    }
    modes.tree(&folder.join("objects"));
    modes.log();
}

pub(super) const fn engine(store: &Store) -> &'static str {
    match store {
        Store::Sqlite { .. } => "sqlite",
        Store::Postgres(_) => "postgres",
    }
}

/// What became of one object.
enum Copied {
    Now,
    There,
    Missing(String),
}

/// Copies what is listed and not there yet.
async fn copy(
    from: &Objects,
    to: &Objects,
    list: &File,
    all: u64,
    progress: Progress<'_>,
) -> Result<(Wrong, u64), BackupError> {
    let lines = list::lines(list.try_clone().map_err(BackupError::Staging)?, Path::new("the list of objects"))?;
    let copying = futures_util::stream::iter(lines).map(|listed| async { copy_one(from, to, &listed?).await });
    let mut copying = copying.buffer_unordered(AT_ONCE);
    let (mut wrong, mut copied, mut done) = (Wrong::default(), 0, 0);
    while let Some(one) = copying.try_next().await? {
        done += 1;
        progress("copying objects", done, all);
        match one {
            Copied::Now => copied += 1,
            Copied::There => {}
            Copied::Missing(what) => wrong.add(what),
        }
    }
    Ok((wrong, copied))
}

async fn copy_one(from: &Objects, to: &Objects, listed: &Listed) -> Result<Copied, BackupError> {
    let Listed { hash, size, path } = listed;
    // An object is moved into its place only when its hash was right, so one of the right size is it.
    let there = match size {
        Some(size) => to.size_at(path).await? == Some(*size),
        None => to.hash_at(path).await? == Some(*hash),
    };
    if there {
        return Ok(Copied::There);
    }
    match from.copy_at(to, path, *hash).await {
        Ok(Some(_)) => Ok(Copied::Now),
        Ok(None) => Ok(Copied::Missing(format!("{path} is not in the object store"))),
        Err(objects::Error::Mismatch { found, .. }) => {
            Ok(Copied::Missing(format!("{path} was altered in the object store: its SHA-256 is {found}")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Copies what is kept beside what rows refer to, and writes it down behind it.
async fn copy_others(
    from: &Objects,
    to: &Objects,
    entities: &[String],
    mut list: &File,
    wrong: &mut Wrong,
    progress: Progress<'_>,
) -> Result<(u64, u64), BackupError> {
    list.seek(SeekFrom::End(0)).map_err(BackupError::Staging)?;
    let (mut count, mut copied) = (0, 0);
    for entity in entities {
        let mut others = from.list_others(entity);
        while let Some((path, size)) = others.try_next().await? {
            progress("copying the rest", count, count + 1);
            // By what the registry has: no row says which bytes these are, and in the folder anybody may have put others.
            // It was listed, and may have been taken away since.
            let Some(hash) = from.hash_at(&path).await? else { continue };
            let unsized_one = Listed { hash, size: None, path };
            let became = copy_one(from, to, &unsized_one).await?;
            let listed = Listed { size: Some(size), ..unsized_one };
            match became {
                Copied::Now => copied += 1,
                Copied::There => {}
                Copied::Missing(what) => {
                    wrong.add(what);
                    continue;
                }
            }
            count += 1;
            list.write_all(listed.line().as_bytes()).map_err(BackupError::Staging)?;
        }
    }
    Ok((count, copied))
}
