//! That what is signed of a log continues what was signed of it before.
//!
//! # Why
//! Rows can be rewritten by whoever can write to the database, and made to agree with each other: leaves, nodes, the right
//! edge. So a process never signs a tree because the rows say so. It remembers the right edge of the tree that it signed or
//! read last, and computes the next one from that and the leaves after it. At the start, the edge is that of the checkpoint
//! kept beside the key ([`super::kept`]), whose root must come out of the rows. A smaller tree is signed where it was part of
//! what is remembered, or where a consistency proof shows it.
//!
//! Another process may have added leaves: those are read, and what it kept beside the key in the meantime must be the root of
//! as many of them. Until a process has read a leaf that another one signed on another machine, it cannot know which one that
//! was; the other one then finds that the log does not continue its own.
//!
//! A look takes the same way as an entry, so a line cannot be taken out of the access log while it is added to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::caller::Entity;
use super::ledger::{Ledger, fetch, stored_edge};
use crate::domain::Sha256;
use crate::log::proof::Plan;
use crate::log::{Checkpoint, Edge, leaf_hash, verify_consistency};
use crate::store::log::Log;
use crate::store::{self, Tx};

/// Leaves that are read together, and how many of the last ones are remembered at least.
const TOGETHER: u64 = 4096;

/// What is remembered of the trees of an entity. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Continuity(Arc<Mutex<BTreeMap<Log, Remembered>>>);

#[derive(Debug, Default)]
struct Remembered {
    tree: Option<Tree>,
    /// Why nothing of the log may be signed.
    broken: Option<String>,
}

/// A tree that continues what was signed.
#[derive(Debug)]
struct Tree {
    edge: Edge,
    /// How it came to this edge, the last steps of it.
    steps: VecDeque<Step>,
    /// What is kept beside the key, when this was last compared with it.
    note: Option<String>,
}

/// Leaves that were added together.
#[derive(Debug)]
struct Step {
    before: Edge,
    leaves: Vec<Sha256>,
}

impl Tree {
    fn new(edge: Edge, note: Option<String>) -> Self {
        Self { edge, steps: VecDeque::new(), note }
    }

    /// The root when it had so many leaves; `None` where that is too long ago.
    fn root_at(&self, size: u64) -> Option<Sha256> {
        if size == self.edge.size() {
            return Some(self.edge.root());
        }
        if size == 0 {
            return Some(Edge::default().root());
        }
        let mut steps = self.steps.iter().rev();
        let step = steps.find(|step| step.before.size() <= size).filter(|_| size < self.edge.size())?;
        let mut edge = step.before.clone();
        let count = usize::try_from(size - edge.size()).ok()?;
        step.leaves.get(..count)?.iter().try_for_each(|leaf| edge.append(*leaf).map(|_| ()).map_err(|_| ())).ok()?;
        Some(edge.root())
    }

    fn grow(&mut self, step: Step, edge: Edge) {
        if step.before != self.edge {
            self.steps.clear();
        }
        self.steps.push_back(step);
        self.edge = edge;
        let mut remembered: usize = self.steps.iter().map(|step| step.leaves.len()).sum();
        while let Some(first) = self.steps.front().map(|step| step.leaves.len())
            && remembered - first >= usize::try_from(TOGETHER).unwrap_or(usize::MAX)
        {
            self.steps.pop_front();
            remembered -= first;
        }
    }
}

/// What was known of a log before its rows are read: what is read afterwards must not be less.
#[derive(Debug)]
pub struct Known {
    log: Log,
    edge: Option<Edge>,
    /// What is kept beside the key; `None` where it is to be read when it is needed.
    note: Option<std::io::Result<Option<String>>>,
    /// What was kept there when the edge was last compared with it.
    seen: Option<String>,
}

/// A tree that continues what was signed of its log: only such a one is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    log: Log,
    size: u64,
    root: Sha256,
}

impl Confirmed {
    /// Leaves in it.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Its root.
    #[must_use]
    pub const fn root(&self) -> Sha256 {
        self.root
    }

    /// Of which log.
    #[must_use]
    pub const fn log(&self) -> Log {
        self.log
    }
}

/// A log that does not continue what was signed of it; [`Ledger::broken`] says how.
const fn discontinued() -> store::Error {
    store::Error::Corrupt("log that does not continue what was signed of it")
}

const LACKING: store::Error = store::Error::Corrupt("leaf of a log");

impl Ledger {
    fn remembered(&self) -> MutexGuard<'_, BTreeMap<Log, Remembered>> {
        self.continuity.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a log now, to be taken before the transaction begins in which its rows are read.
    #[must_use]
    pub fn known(&self, log: Log) -> Known {
        let Known { edge, seen, .. } = self.known_under_lock(log);
        Known { log, edge, seen, note: Some(self.kept().read(self.origin(log))) }
    }

    /// The same where nobody adds to the log meanwhile: what is kept beside the key is read when it is needed.
    fn known_under_lock(&self, log: Log) -> Known {
        let remembered = self.remembered();
        let tree = remembered.get(&log).and_then(|log| log.tree.as_ref());
        Known {
            log,
            edge: tree.map(|tree| tree.edge.clone()),
            seen: tree.and_then(|tree| tree.note.clone()),
            note: None,
        }
    }

    /// Whether this process remembers a tree of the log.
    #[must_use]
    pub fn remembers(&self, log: Log) -> bool {
        self.remembered().get(&log).is_some_and(|log| log.tree.is_some())
    }

    /// Why nothing of a log is signed: it does not continue what was signed of it.
    #[must_use]
    pub fn broken(&self, log: Log) -> Option<String> {
        self.remembered().get(&log).and_then(|log| log.broken.clone())
    }

    /// From now on nothing of a log is signed, for this reason, until it is found to continue.
    pub fn doubt(&self, log: Log, reason: String) {
        tracing::error!(log = log.as_str(), reason, "nothing of this log is signed");
        self.remembered().entry(log).or_default().broken = Some(reason);
    }

    /// Forgets what is remembered of a log: an administrator accepts that it is lost.
    pub fn forget(&self, log: Log) {
        self.remembered().remove(&log);
    }

    /// The tree that leaves make, added together to one that was confirmed and committed since.
    ///
    /// # Errors
    /// [`store::Error::Corrupt`] where the log is found to be another in the meantime.
    pub(super) fn advance(&self, log: Log, before: &Edge, leaves: &[Sha256], edge: &Edge) -> store::Result<Confirmed> {
        let (size, root) = (edge.size(), edge.root());
        let mut all = self.remembered();
        let remembered = all.entry(log).or_default();
        match &mut remembered.tree {
            // What followed the commit was faster, or another process was.
            Some(tree) if tree.edge.size() >= size && tree.root_at(size) != Some(root) => return Err(discontinued()),
            Some(tree) if tree.edge.size() >= size => {}
            Some(tree) => tree.grow(Step { before: before.clone(), leaves: leaves.to_vec() }, edge.clone()),
            None => {}
        }
        Ok(Confirmed { log, size, root })
    }

    /// The signed checkpoint of a tree that is committed: always the same bytes for the same tree. It is kept before it is
    /// given to anybody.
    ///
    /// # Errors
    /// When OpenSSL cannot sign; [`store::Error::Corrupt`] where the log does not continue what was signed of it.
    pub fn checkpoint(&self, tree: &Confirmed) -> store::Result<String> {
        let Confirmed { log, size, root } = *tree;
        if self.broken(log).is_some() {
            return Err(discontinued());
        }
        let note = self.sign(log, size, root)?;
        let kept = self.kept().keep(self.origin(log), size, &note, |before, text| self.continues(log, before, text));
        if !kept {
            self.doubt(log, format!("the {} log is not the one that is kept beside its key", log.as_str()));
            return Err(discontinued());
        }
        let mut all = self.remembered();
        if let Some(tree) = all.get_mut(&log).and_then(|log| log.tree.as_mut())
            && tree.edge.size() == size
        {
            tree.note = Some(note.clone());
        }
        Ok(note)
    }

    /// Whether what is remembered of a log continues what is kept beside the key; `None` where nobody knows.
    fn continues(&self, log: Log, before: &Checkpoint, text: &str) -> Option<bool> {
        let all = self.remembered();
        let tree = all.get(&log)?.tree.as_ref()?;
        match tree.root_at(before.size) {
            Some(root) => Some(root == before.root),
            None => (tree.note.as_deref() == Some(text)).then_some(true),
        }
    }

    /// The signed checkpoint of a log as it is, whatever was signed of it before: an administrator accepted that as lost, or
    /// nothing was. It goes on from there.
    ///
    /// # Errors
    /// When OpenSSL cannot sign.
    pub(crate) fn take_as_it_is(&self, log: Log, edge: Edge) -> store::Result<String> {
        let note = self.sign(log, edge.size(), edge.root())?;
        let tree = Some(Tree::new(edge, Some(note.clone())));
        self.remembered().insert(log, Remembered { tree, broken: None });
        Ok(note)
    }

    fn sign(&self, log: Log, size: u64, root: Sha256) -> store::Result<String> {
        let signed = Checkpoint::new(self.origin(log), size, root).sign(self.key(log));
        Ok(signed.map_err(|_| store::Error::Corrupt("key of the log"))?.to_string())
    }

    fn remember(&self, log: Log, found: Found, note: Option<String>) -> Edge {
        let Found { base, step, edge } = found;
        self.kept().settle(self.origin(log), true);
        let mut all = self.remembered();
        let remembered = all.entry(log).or_default();
        let tree = remembered.tree.get_or_insert_with(|| Tree::new(base, note.clone()));
        if let Some(step) = step
            && tree.edge.size() < edge.size()
        {
            tree.grow(step, edge.clone());
        }
        if note.is_some() {
            tree.note = note;
        }
        edge
    }
}

/// How a log continues what is known of it.
struct Found {
    base: Edge,
    step: Option<Step>,
    edge: Edge,
}

/// What the stored edge of a log continues; the reason where it does not.
async fn compare(tx: &mut Tx, entity: &Entity, known: &Known, stored: Edge) -> store::Result<Result<Found, String>> {
    let (ledger, log) = (&entity.ledger, known.log);
    let note = || match &known.note {
        Some(Ok(note)) => Ok(note.clone()),
        Some(Err(error)) => Err(error.to_string()),
        None => ledger.kept().read(ledger.origin(log)).map_err(|error| error.to_string()),
    };
    let opened = |text: &str| Checkpoint::of(ledger.verifier(log), text.as_bytes()).map_err(|error| error.to_string());
    let name = log.as_str();
    let unreadable = |reason: String| format!("what was signed last of the {name} log cannot be read: {reason}");
    let another = |size: u64| {
        format!(
            "the {name} does not continue the {size} leaves of it that were signed or read before: see `ventanilla verify book`"
        )
    };
    let cut = |signed: u64| {
        let leaves = stored.size();
        format!("the {name} has {leaves} leaves, but a checkpoint of {signed} was signed: see `ventanilla verify book`")
    };
    let begins = |size: u64| if size > stored.size() { Err(cut(size)) } else { Ok(()) };

    let (base, watched) = if let Some(edge) = &known.edge {
        if let Err(reason) = begins(edge.size()) {
            return Ok(Err(reason));
        }
        // Others added to it: they keep what they sign in the same file, if they are on this machine.
        let watched = if stored.size() > edge.size() {
            match note().and_then(|note| note.as_deref().map(opened).transpose()) {
                Ok(watched) => watched,
                Err(reason) => return Ok(Err(unreadable(reason))),
            }
        } else {
            None
        };
        (edge.clone(), watched)
    } else {
        match note().and_then(|note| note.as_deref().map(opened).transpose()) {
            Ok(Some(kept)) => {
                if let Err(reason) = begins(kept.size) {
                    return Ok(Err(reason));
                }
                let edge = edge_at(tx, entity.id, log, kept.size).await?;
                if edge.root() != kept.root {
                    return Ok(Err(another(kept.size)));
                }
                (edge, None)
            }
            Ok(None) => return Ok(Ok(Found { base: stored.clone(), step: None, edge: stored })),
            Err(reason) => return Ok(Err(unreadable(reason))),
        }
    };
    if let Some(kept) = watched.as_ref()
        && let Err(reason) = begins(kept.size)
    {
        return Ok(Err(reason));
    }
    let Some((edge, step)) = grown(tx, entity.id, log, &base, stored.size(), watched.as_ref()).await? else {
        return Ok(Err(another(watched.map_or(base.size(), |kept| kept.size))));
    };
    if edge == stored { Ok(Ok(Found { base, step, edge })) } else { Ok(Err(another(base.size()))) }
}

/// The edge of a tree after the leaves that the rows hold up to `size`, and its last step; `None` where it had another root
/// when it had as many leaves as what is kept.
async fn grown(
    tx: &mut Tx,
    entity: i64,
    log: Log,
    base: &Edge,
    size: u64,
    kept: Option<&Checkpoint>,
) -> store::Result<Option<(Edge, Option<Step>)>> {
    let (mut edge, mut last) = (base.clone(), None);
    while edge.size() < size {
        let count = (size - edge.size()).min(TOGETHER);
        let number = |count: u64| i64::try_from(count).map_err(|_| LACKING);
        let read = store::log::commitments(tx, entity, log, number(edge.size())?, number(count)?).await?;
        if u64::try_from(read.len()) != Ok(count) {
            return Ok(None);
        }
        let mut step = Step { before: edge.clone(), leaves: Vec::with_capacity(read.len()) };
        for commitment in &read {
            let leaf = leaf_hash(commitment.as_ref());
            edge.append(leaf).map_err(|_| LACKING)?;
            step.leaves.push(leaf);
            if kept.is_some_and(|kept| kept.size == edge.size() && kept.root != edge.root()) {
                return Ok(None);
            }
        }
        last = Some(step);
    }
    Ok(Some((edge, last)))
}

/// The edge of a log when it had `size` leaves, computed from what is stored.
async fn edge_at(tx: &mut Tx, entity: i64, log: Log, size: u64) -> store::Result<Edge> {
    let hashes = fetch(tx, entity, log, &Plan::edge(size)).await?;
    Edge::new(size, hashes).map_err(|_| store::Error::Corrupt("edge of a log"))
}

/// The stored edge of a log that is locked, where it continues what is known of the log.
///
/// # Errors
/// When the database does not answer; [`store::Error::Corrupt`] where it does not continue, and [`Ledger::broken`] says why.
pub(super) async fn confirm_locked(tx: &mut Tx, entity: &Entity, log: Log, stored: &[u8]) -> store::Result<Edge> {
    let stored = Edge::from_bytes(stored).map_err(|_| store::Error::Corrupt("edge of a log"))?;
    let known = entity.ledger.known_under_lock(log);
    confirm(tx, entity, known, stored).await
}

/// The tree of a log as it is committed, where it continues what was known of the log before.
///
/// # Errors
/// When the database does not answer; [`store::Error::Corrupt`] where it does not continue, and [`Ledger::broken`] says why.
pub async fn confirmed_head(tx: &mut Tx, entity: &Entity, known: Known) -> store::Result<Confirmed> {
    let log = known.log;
    if entity.ledger.broken(log).is_some() {
        return Err(discontinued());
    }
    let stored = stored_edge(tx, entity.id, log).await?;
    let edge = confirm(tx, entity, known, stored).await?;
    Ok(Confirmed { log, size: edge.size(), root: edge.root() })
}

async fn confirm(tx: &mut Tx, entity: &Entity, known: Known, stored: Edge) -> store::Result<Edge> {
    match compare(tx, entity, &known, stored).await? {
        Ok(found) => Ok(entity.ledger.remember(known.log, found, None)),
        Err(reason) => {
            entity.ledger.doubt(known.log, reason);
            Err(discontinued())
        }
    }
}

/// The tree of a log as it is committed, after its rows were found to continue all that is kept of it outside the database:
/// it is signed again. Where what this process remembers says otherwise, what an administrator has put beside the key since
/// then counts. The size that is not continued, where nothing does.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn confirm_again(tx: &mut Tx, entity: &Entity, known: Known) -> store::Result<Result<Confirmed, u64>> {
    let (ledger, log) = (&entity.ledger, known.log);
    let stored = stored_edge(tx, entity.id, log).await?;
    let note = known.note.as_ref().and_then(|note| note.as_ref().ok().cloned()).flatten();
    let found = match compare(tx, entity, &known, stored.clone()).await? {
        Ok(found) => found,
        Err(_) if ledger.kept().path().is_none() || known.seen != note => {
            let afresh = Known { log, edge: None, note: known.note, seen: None };
            let Ok(found) = compare(tx, entity, &afresh, stored).await? else { return Ok(Err(0)) };
            ledger.forget(log);
            found
        }
        Err(_) => return Ok(Err(known.edge.map_or(0, |edge| edge.size()))),
    };
    let edge = ledger.remember(log, found, note);
    if let Some(remembered) = ledger.remembered().get_mut(&log) {
        remembered.broken = None;
    }
    Ok(Ok(Confirmed { log, size: edge.size(), root: edge.root() }))
}

/// A tree that the log had when it was of this size, by the rows, where what was signed since continues it.
///
/// # Errors
/// When the database does not answer; [`store::Error::Corrupt`] where it is another.
pub(super) async fn confirmed_past(
    tx: &mut Tx,
    entity: &Entity,
    log: Log,
    (size, root): (u64, Sha256),
) -> store::Result<Confirmed> {
    let ledger = &entity.ledger;
    if ledger.broken(log).is_some() {
        return Err(discontinued());
    }
    let tree = Confirmed { log, size, root };
    let at = |size: u64| ledger.remembered().get(&log)?.tree.as_ref()?.root_at(size);
    let remembered = ledger.known_under_lock(log);
    if remembered.edge.as_ref().is_none_or(|edge| edge.size() < size) {
        let stored = stored_edge(tx, entity.id, log).await?;
        confirm(tx, entity, remembered, stored).await?;
    }
    if let Some(was) = at(size) {
        return if was == root { Ok(tree) } else { Err(discontinued()) };
    }
    // Too long ago to be remembered: shown by a proof, to as much as this transaction sees.
    let end = stored_edge(tx, entity.id, log)
        .await?
        .size()
        .min(ledger.known_under_lock(log).edge.map_or(0, |edge| edge.size()));
    let end_root = at(end).ok_or_else(discontinued)?;
    let plan = Plan::consistency(size, end).map_err(|_| LACKING)?;
    let proof = fetch(tx, entity.id, log, &plan).await?;
    match verify_consistency(size, &root, end, &end_root, &proof) {
        Ok(()) => Ok(tree),
        Err(_) => Err(discontinued()),
    }
}
