//! Bringing a backup back.
//!
//! The database comes last and in one step: until then it is empty, and all can be done again. Whoever writes to the
//! backup's folder meanwhile changes nothing: what is restored is a copy, hashed while it was made.

use std::fs::File;
use std::path::Path;

use futures_util::{StreamExt, TryStreamExt};

use super::list::{self, Listed};
use super::manifest::Manifest;
use super::{AT_ONCE, BackupError, Progress, Wrong, objects_in};
use crate::app::App;
use crate::config::Config;
use crate::log::{Checkpoint, Note, VerifierKey};
use crate::registry::act::{Action, Actor, record_act};
use crate::store;
use crate::store::dump::Staged;
use crate::store::objects::{self, Objects};

/// What holds numbering on a site, beside what was published there.
pub const HELD_BY: &str = "book.held";

/// By what a backup is known to be the registry's own.
#[derive(Debug, Default)]
pub struct Proof {
    /// The public key of the log, from outside the backup.
    pub key: Option<VerifierKey>,
    /// That of the settings, with which the book would go on; none where it is kept in the database.
    pub configured: Option<VerifierKey>,
    /// Whether a backup is taken whose maker nothing proves.
    pub accept_unsigned: bool,
    /// Whether the operator named the key of the settings as that of the book, whatever the backup was signed with.
    pub is_named: bool,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// Why nothing proves who made it, where that was accepted.
    pub unproven: Option<String>,
}

/// Checks a backup and brings database and objects to where the settings say. What is in the object store and in no
/// backup, such as a newer checkpoint of the log, stays there.
///
/// # Errors
/// [`BackupError`] names what is wrong; then the database is as empty as it was.
pub async fn restore(
    config: &Config,
    folder: &Path,
    proof: &Proof,
    progress: Progress<'_>,
) -> Result<Restored, BackupError> {
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
    let unproven = manifest.check_signature(proof.key.as_ref()).err();
    if let Some(why) = &unproven
        && !proof.accept_unsigned
    {
        return Err(BackupError::Unproven(why.clone()));
    }
    if let Some(configured) = proof.configured.as_ref().filter(|_| !(proof.is_named && proof.accept_unsigned)) {
        manifest.check_key(configured)?;
    }
    if store::dump::holds_entries(url).await? {
        return Err(BackupError::NotEmpty);
    }
    let mut staged = Staged::before(url)?;
    tokio::task::block_in_place(|| manifest.database.copy_to(folder, staged.file(), progress))?;
    staged.check(url, tools).await?;
    let mut listing = store::dump::unnamed_file().map_err(BackupError::Staging)?;
    tokio::task::block_in_place(|| manifest.list.copy_to(folder, &mut listing, progress))?;
    let objects = Objects::open(&config.objects)?;
    bring_objects(&manifest, folder, listing, &objects, progress).await?;
    progress("bringing the database back", 0, 0);
    // Somebody may have begun to work meanwhile.
    if store::dump::holds_entries(url).await? {
        return Err(BackupError::NotEmpty);
    }
    // From the first moment on nothing is numbered: whoever goes on records the restoration, and takes this away again.
    let hold = Hold::before(&objects, &manifest).await?;
    if let Err(error) = staged.bring_back(url, tools).await {
        hold.end(&objects, &manifest).await;
        return Err(error.into());
    }
    Ok(Restored { manifest, unproven })
}

/// What held numbering before the restoration does.
struct Hold(Option<Vec<u8>>);

impl Hold {
    /// Holds numbering on this site while the database is brought back. Where more was published than the backup has, that holds
    /// it already, and whoever published it may be at work.
    async fn before(objects: &Objects, manifest: &Manifest) -> Result<Self, BackupError> {
        let published = objects.get_log(&manifest.entity, "book.checkpoint").await?;
        let size = published.as_deref().and_then(|note| Checkpoint::parse(Note::parse(note).ok()?.text()).ok());
        if size.is_some_and(|published| published.size > manifest.tree_size) {
            return Ok(Self(None));
        }
        let former = objects.get_log(&manifest.entity, HELD_BY).await?.map(|former| former.to_vec());
        let reason = format!(
            "a backup of {} is being restored; if that was interrupted, empty the database and restore it again",
            manifest.made_at
        );
        objects.put_log(&manifest.entity, HELD_BY, reason.into_bytes()).await?;
        Ok(Self(Some(former.unwrap_or_default())))
    }

    /// Nothing was restored.
    async fn end(self, objects: &Objects, manifest: &Manifest) {
        if let Some(former) = self.0 {
            let _ = objects.put_log(&manifest.entity, HELD_BY, former).await;
        }
    }
}

async fn bring_objects(
    manifest: &Manifest,
    folder: &Path,
    listing: File,
    to: &Objects,
    progress: Progress<'_>,
) -> Result<(), BackupError> {
    let from = &objects_in(folder)?;
    let lines = list::lines(listing, &folder.join(&manifest.list.file))?;
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

impl App {
    /// Records that an operator restored a backup although nothing proves who made it, and why nothing does.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn accept_backup(&self, manifest: &Manifest, why: &str, by: &Actor) -> store::Result<()> {
        let mut tx = self.store().begin().await?;
        let detail =
            serde_json::json!({ "why": why, "database": manifest.database.sha256, "log_key": manifest.log_key });
        let act = (Action::BackupAccepted, manifest.made_at.as_str());
        record_act(&mut tx, self.clock(), &self.entity, by, act, &detail).await?;
        tx.commit().await
    }
}
