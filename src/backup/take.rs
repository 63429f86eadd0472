//! Making a backup.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use futures_util::{StreamExt, TryStreamExt};

use super::list::{self, Listed};
use super::manifest::{Fresh, Manifest};
use super::{AT_ONCE, BackupError, Progress, Wrong, failed, objects_in};
use crate::app::App;
use crate::registry::ledger::head;
use crate::store::log::Log;
use crate::store::modes::Modes;
use crate::store::objects::{self, Objects};
use crate::store::{self, Store};

/// What backups write beside the objects.
const FILES: [&str; 9] = [
    "lock",
    "backup.json",
    "backup.json.part",
    "ventanilla.db",
    "ventanilla.2.db",
    "ventanilla.dump",
    "ventanilla.2.dump",
    "objects.list",
    "objects.2.list",
];

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
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed(folder))?;
    let lock = folder.join("lock");
    let lock = OpenOptions::new().create(true).append(true).open(&lock).map_err(failed(&lock))?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => BackupError::Busy(folder.to_owned()),
        TryLockError::Error(error) => BackupError::File(folder.to_owned(), error),
    })?;
    tokio::task::block_in_place(|| close(folder));
    let former = Manifest::read(folder).ok();
    let (database, listing) = names(app.store(), former.as_ref());
    let made_at = app.clock().now().rfc3339(app.entity.zone);
    let settings = &app.config.database;

    progress("copying the database", 0, 0);
    let out = Fresh::make(folder, database)?;
    let (mut dump, out) = app.store().dump(settings.url.expose(), &settings.tools, out).await?;
    let tx = &mut dump.tx;
    let (tree_size, root) = head(tx, app.entity.id, Log::Book).await?;
    let (entries, documents) = store::dump::counts(tx).await?;
    let entities = store::references::entities(tx).await?;
    let list = store::dump::unnamed_file().map_err(BackupError::Staging)?;
    let referred = list::write(tx, &list).await?;
    drop(dump);

    let target = objects_in(folder)?;
    let (mut wrong, copied) = copy(app.registry.objects(), &target, &list, referred, progress).await?;
    let (others, more) = copy_others(app.registry.objects(), &target, &entities, &list, &mut wrong, progress).await?;
    let (database, list) = tokio::task::block_in_place(|| {
        let mut out_list = Fresh::make(folder, listing)?;
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
        checkpoint: app.entity.ledger.checkpoint(Log::Book, tree_size, root)?,
        log_key: app.entity.ledger.verifier(Log::Book).to_string(),
        log_key_included: app.config.proof.key.as_os_str().is_empty(),
        signature: None,
    };
    manifest.sign(&app.entity.ledger)?;
    manifest.write(folder)?;
    if let Some(former) = former {
        for part in [former.database, former.list] {
            // What stays behind is written over by the next backup.
            let _ = std::fs::remove_file(folder.join(part.file));
        }
    }
    Ok(Taken { manifest, copied: copied + more, missing: wrong.named })
}

/// Closes to others what earlier backups, or copies of them, left open in the folder.
fn close(folder: &Path) {
    let mut modes = Modes::default();
    modes.one(folder);
    for file in FILES {
        modes.one(&folder.join(file));
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

/// The files of a new backup: not those of the one that is there, which stays whole until the new one is.
fn names(store: &Store, former: Option<&Manifest>) -> (&'static str, &'static str) {
    let (first, second) = match store {
        Store::Sqlite { .. } => ("ventanilla.db", "ventanilla.2.db"),
        Store::Postgres(_) => ("ventanilla.dump", "ventanilla.2.dump"),
    };
    match former {
        Some(former) if former.database.file == first || former.list.file == "objects.list" => {
            (second, "objects.2.list")
        }
        _ => (first, "objects.list"),
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
