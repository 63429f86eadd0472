//! How far the import of a file has come: what is committed of it, and how it goes on.
//!
//! # Why
//! A batch and the line that it comes to are written in one transaction, so an import that is killed knows its place, and
//! nothing of it is written twice. Each batch begins by taking the import's row: two processes that import one file at
//! once take turns there, and the second finds that the line is not the one it expects.

use std::time::Duration;

use super::ImportError;
use crate::app::App;
use crate::domain::Sha256;
use crate::registry::batch::{Failure, outcome_of};
use crate::store::imports::{self, ImportRow};
use crate::store::{self, Store, Tx};

/// Longer than the 100 ms after which SQLite looks again whether it can write, at the latest: without this pause another
/// process would wait until the end of the import for its turn. PostgreSQL gives turns in the order in which they are
/// asked for.
const TURN: Duration = Duration::from_millis(110);

/// The import of a file.
pub(super) struct Import<'a> {
    app: &'a App,
    /// As it is committed.
    pub row: ImportRow,
    /// The line below which it was taken up.
    pub taken_up_at: Option<u64>,
}

/// A row of a file, and the line it begins on.
type Row<T> = (u64, T);

impl<'a> Import<'a> {
    /// The import of the file with this hash, whose row is there.
    pub fn new(app: &'a App, row: ImportRow) -> Self {
        let taken_up_at = (row.line > 0).then_some(row.line.unsigned_abs());
        Self { app, row, taken_up_at }
    }

    /// One that has written nothing yet.
    pub fn fresh(app: &'a App, file_sha256: Sha256) -> Self {
        let id = app.clock().new_id();
        Self::new(app, ImportRow { id, file_sha256, rows: 0, line: 0, same: 0, bad: 0, finished_at: None })
    }

    /// Whether the next batch is the first that goes on where an earlier process stopped.
    pub fn is_taken_up(&self) -> bool {
        self.taken_up_at == Some(self.row.line.unsigned_abs())
    }

    /// Parts rows into those that were dealt with before, and the others.
    pub fn part<T>(&self, mut rows: Vec<Row<T>>) -> (Vec<Row<T>>, Vec<Row<T>>) {
        let done = self.row.line.unsigned_abs();
        let rest = rows.split_off(rows.partition_point(|(line, _)| *line <= done));
        (rows, rest)
    }

    /// Takes the import's row. Whoever writes into the books has their lock already.
    pub async fn lock(&self, tx: &mut Tx) -> Result<(), ImportError> {
        if imports::lock(tx, self.row.id).await? == Some(self.row.line) { Ok(()) } else { Err(ImportError::Taken) }
    }

    /// Commits a batch, with what is said of the import then.
    pub async fn commit(&mut self, mut tx: Tx, row: ImportRow) -> Result<(), ImportError> {
        imports::advance(&mut tx, &row).await?;
        if let Err(lost) = tx.commit().await {
            if !lost.leaves_doubt() {
                return Err(lost.into());
            }
            outcome_of(lost, || self.was_kept(&row)).await.map_err(|failure| match failure {
                Failure::NotKept(lost) => ImportError::Store(lost),
                Failure::Unknown(lost) => ImportError::Doubt(lost),
            })?;
        }
        self.row = row;
        Ok(())
    }

    /// Whether a batch was kept, once that is certain.
    async fn was_kept(&self, row: &ImportRow) -> store::Result<bool> {
        let found = imports::settled(self.app.store().begin().await?, row.id).await?;
        Ok(found.is_some_and(|found| (found.line, found.finished_at) == (row.line, row.finished_at)))
    }

    /// Lets others write.
    pub async fn pause(&self) {
        if let Store::Sqlite { .. } = self.app.store() {
            tokio::time::sleep(TURN).await;
        }
    }

    /// Forgets an import that has written nothing.
    pub async fn forget(self) -> store::Result<()> {
        let mut tx = self.app.store().begin().await?;
        imports::forget(&mut tx, self.row.id).await?;
        tx.commit().await
    }
}
