//! That events are leaves of the book's tree, and looks and acts leaves of the tree of looks, as these are committed: asked of
//! each that is shown.
//!
//! # Why
//! A record and its commitment stand in one row, so whoever can write it can make them agree. What they cannot make agree
//! is the leaf with the tree over it, which was signed and published. A proof of each leaf would cost a few reads and
//! hashes for every row of a list, so whole tiles are hashed instead: 256 leaves, of which the leaves of a page mostly take
//! few. The roots of complete tiles never change; they are compared with the head of the tree once and kept in memory, 32
//! bytes for 256 events.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Sha256;
use crate::log::tree::{TILE_HEIGHT, TILE_WIDTH};
use crate::log::{Edge, leaf_hash};
use crate::store::book::EventRow;
use crate::store::log::Log;
use crate::store::{self, Tx};

/// The leaves of a tile.
const WIDTH: u64 = TILE_WIDTH as u64;

/// Tiles that are read together.
const TOGETHER: u64 = 16;

/// The roots of the complete tiles of a tree, as far as they were compared with its head.
#[derive(Debug, Clone, Default)]
struct Tiles {
    roots: Arc<[Sha256]>,
    /// The edge of the tree whose leaves they are.
    edge: Edge,
}

/// The leaves of a tree, with what this process knows of its tiles.
#[derive(Debug, Clone)]
pub(super) struct Leaves {
    log: Log,
    tiles: Arc<Mutex<Tiles>>,
}

const WRONG: store::Error = store::Error::Corrupt("leaf of the log");

/// What of a head stands over complete tiles, and what over the leaves after them.
fn parts(head: &Edge) -> (&[Sha256], &[Sha256]) {
    let complete = (head.size() / WIDTH).count_ones() as usize;
    head.hashes().split_at(complete)
}

impl Leaves {
    /// Those of the tree of this log; nothing is known of its tiles yet.
    pub(super) fn of(log: Log) -> Self {
        Self { log, tiles: Arc::default() }
    }

    /// That each of these positions has this commitment as its leaf in the tree.
    ///
    /// # Errors
    /// [`store::Error::Corrupt`] where one has not; or the database does not answer.
    pub(super) async fn check(&self, tx: &mut Tx, entity: i64, leaves: &[(i64, Sha256)]) -> store::Result<()> {
        if leaves.is_empty() {
            return Ok(());
        }
        let head = store::log::edge(tx, entity, self.log).await?.ok_or(WRONG)?;
        let head = Edge::from_bytes(&head).map_err(|_| WRONG)?;
        let mut wanted = BTreeMap::<u64, Vec<(usize, Sha256)>>::new();
        for &(position, commitment) in leaves {
            let index = u64::try_from(position.saturating_sub(1)).map_err(|_| WRONG)?;
            if index >= head.size() {
                return Err(WRONG);
            }
            let place = usize::try_from(index % WIDTH).map_err(|_| WRONG)?;
            wanted.entry(index / WIDTH).or_default().push((place, commitment));
        }
        let known = self.complete_tiles(tx, entity, &head).await?;
        for run in runs(wanted.keys().copied()) {
            let (start, end) = (run.start.saturating_mul(WIDTH), run.end.saturating_mul(WIDTH).min(head.size()));
            let count = end.checked_sub(start).and_then(|count| i64::try_from(count).ok()).ok_or(WRONG)?;
            let start = i64::try_from(start).map_err(|_| WRONG)?;
            let read = store::log::commitments(tx, entity, self.log, start, count).await?;
            // Positions are unique, so as many as there must be are all of them.
            if i64::try_from(read.len()) != Ok(count) {
                return Err(WRONG);
            }
            for (tile, commitments) in run.zip(read.chunks(usize::from(TILE_WIDTH))) {
                let mut edge = Edge::default();
                for commitment in commitments {
                    edge.append(leaf_hash(commitment.as_ref())).map_err(|_| WRONG)?;
                }
                let root = usize::try_from(tile).ok().and_then(|tile| known.get(tile));
                // What is no complete tile ends the tree.
                let expected = root.map_or(parts(&head).1, std::slice::from_ref);
                let is_there = |(place, leaf): &(usize, Sha256)| commitments.get(*place) == Some(leaf);
                if edge.hashes() != expected || !wanted.get(&tile).is_some_and(|leaves| leaves.iter().all(is_there)) {
                    return Err(WRONG);
                }
            }
        }
        Ok(())
    }

    /// The roots of the tiles that are complete under this head.
    async fn complete_tiles(&self, tx: &mut Tx, entity: i64, head: &Edge) -> store::Result<Arc<[Sha256]>> {
        let complete = usize::try_from(head.size() / WIDTH).map_err(|_| WRONG)?;
        let known = self.tiles.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // An older snapshot than the one by which they were learned has fewer.
        if known.roots.len() > complete {
            return Ok(known.roots[..complete].into());
        }
        if let Some(known) = grown(tx, (entity, self.log), &known, head, complete).await? {
            return Ok(self.learn_tiles(known));
        }
        // Where a loss was accepted, the tree goes on otherwise than this process knew it.
        match grown(tx, (entity, self.log), &Tiles::default(), head, complete).await? {
            Some(known) => Ok(self.learn_tiles(known)),
            None => Err(WRONG),
        }
    }

    fn learn_tiles(&self, known: Tiles) -> Arc<[Sha256]> {
        let roots = known.roots.clone();
        *self.tiles.lock().unwrap_or_else(PoisonError::into_inner) = known;
        roots
    }
}

/// The place of each event in the tree, and what its leaf is made of.
pub(super) fn leaves(events: &[EventRow]) -> Vec<(i64, Sha256)> {
    events.iter().map(|event| (event.position, event.commitment)).collect()
}

/// What is known, and the tiles that became complete since; `None` where the head says otherwise.
async fn grown(
    tx: &mut Tx,
    (entity, log): (i64, Log),
    known: &Tiles,
    head: &Edge,
    complete: usize,
) -> store::Result<Option<Tiles>> {
    let mut edge = known.edge.clone();
    let mut roots = known.roots.clone();
    if complete > roots.len() {
        let number = |count: usize| i64::try_from(count).map_err(|_| WRONG);
        let (start, count) = (number(roots.len())?, number(complete - roots.len())?);
        let more = store::log::nodes(tx, entity, log, TILE_HEIGHT.into(), start, count).await?;
        for root in &more {
            edge.append(*root).map_err(|_| WRONG)?;
        }
        roots = roots.iter().copied().chain(more).collect();
    }
    Ok((roots.len() == complete && edge.hashes() == parts(head).0).then_some(Tiles { roots, edge }))
}

/// Tiles that stand side by side, so many at most.
fn runs(tiles: impl Iterator<Item = u64>) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for tile in tiles {
        match runs.last_mut() {
            Some(run) if run.end == tile && run.end - run.start < TOGETHER => run.end += 1,
            _ => runs.push(tile..tile + 1),
        }
    }
    runs
}
