//! Where bytes of a body wait that came while the object store was slow and for which there is no memory: a file without
//! a name.
//!
//! # Why
//! What has come has come: a submission that reached the registry before midnight was presented before midnight, however
//! large it is and however slow the store. A file without a name is found by nobody, and is gone with its request, or with
//! the process. How much may be in such files is counted
//! ([`Share::spools`]); with none left, bytes wait where they are, and count from when they are read.

use std::fs::{DirBuilder, File};
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use super::budget::Share;
use crate::domain::Micros;

/// Read back at once at most.
const PIECE: u64 = 64 << 10;

/// The bytes of one body that wait on disk, in the order in which they came.
#[derive(Debug)]
pub(super) struct Spool {
    file: Option<Arc<File>>,
    /// Where those in the file begin that nobody has asked for, and where they end.
    start: u64,
    end: u64,
    /// When the last of them came.
    came_at: Micros,
    writing: Option<JoinHandle<Written>>,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    /// What could not be written: it comes after what is in the file, and nothing is written after it.
    left: Option<Bytes>,
    failed: bool,
    /// Bytes that are counted for it.
    counted: u64,
    share: Share,
}

/// What was to be written, and the file that it is in now.
type Written = (Bytes, io::Result<Arc<File>>);

impl Spool {
    /// One whose bytes this share counts.
    pub(super) fn new(share: Share) -> Self {
        Self {
            file: None,
            start: 0,
            end: 0,
            came_at: Micros(0),
            writing: None,
            reading: None,
            left: None,
            failed: false,
            counted: 0,
            share,
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end && self.writing.is_none() && self.left.is_none()
    }

    /// A turn at writing so many bytes; none where they would be too many, or the disk did not take what came before.
    pub(super) fn turn(&mut self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let turn = if self.failed { None } else { self.share.spools(bytes) };
        self.counted += turn.as_ref().map_or(0, |_| bytes);
        turn
    }

    /// Of the bytes that a turn was for so many are not written.
    pub(super) fn give_back(&mut self, bytes: u64) {
        self.share.unspools(bytes);
        self.counted -= bytes;
    }

    /// Begins to write what came; only when [`Self::poll_written`] has nothing to wait for.
    pub(super) fn write(&mut self, bytes: Bytes, came_at: Micros, turn: OwnedSemaphorePermit) {
        let (folder, file, at) = (self.share.spool_folder(), self.file.clone(), self.end);
        self.came_at = came_at;
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let written = match file {
                Some(file) => Ok(file),
                None => folder.ok_or_else(|| io::ErrorKind::NotFound.into()).and_then(|folder| nameless(&folder)),
            };
            let written = written.and_then(|file| file.write_all_at(&bytes, at).map(|()| file));
            drop(turn);
            (bytes, written)
        }));
    }

    /// Waits until what was begun to be written is.
    ///
    /// # Errors
    /// When it is lost.
    pub(super) fn poll_written(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(writing) = &mut self.writing else { return Poll::Ready(Ok(())) };
        let written = ready!(Pin::new(writing).poll(context));
        self.writing = None;
        let (bytes, written) = written.map_err(io::Error::other)?;
        match written {
            Ok(file) => {
                self.file = Some(file);
                self.end += bytes.len() as u64;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "what a client sends cannot wait on disk");
                self.failed = true;
                self.left = Some(bytes);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The next bytes that wait, and when they had come; none where nothing waits.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<(Bytes, Micros)>>> {
        ready!(self.poll_written(context))?;
        let reading = match (&mut self.reading, &self.file) {
            (Some(reading), _) => reading,
            (none, Some(file)) if self.start < self.end => {
                let (file, at) = (file.clone(), self.start);
                let length = usize::try_from(PIECE.min(self.end - self.start)).unwrap_or_default();
                none.insert(tokio::task::spawn_blocking(move || {
                    let mut piece = vec![0; length];
                    file.read_exact_at(&mut piece, at).map(|()| piece.into())
                }))
            }
            _ => return Poll::Ready(Ok(self.left.take().map(|bytes| (bytes, self.came_at)))),
        };
        let piece = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        let piece = piece.map_err(io::Error::other)??;
        self.start += piece.len() as u64;
        if self.start == self.end {
            // The disk has its room back.
            self.file = None;
            self.share.unspools(std::mem::take(&mut self.counted));
            (self.start, self.end) = (0, 0);
        }
        Poll::Ready(Ok(Some((piece, self.came_at))))
    }
}

/// A file without a name in this folder, which is made where it is not there.
fn nameless(folder: &Path) -> io::Result<Arc<File>> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    tempfile::tempfile_in(folder).map(Arc::new)
}
