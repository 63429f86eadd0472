//! The books of an entity as a log that nobody can forge: its keys, its checkpoints, its proofs.
//!
//! # Why
//! The tree grows in the numbering transaction, so a number without a leaf cannot exist. A checkpoint is signed after
//! the commit and before the answer: a root that was signed and then rolled back would be proof of a fork. Ed25519
//! signs the same root always with the same bytes, so a checkpoint need not be kept: whoever signs the committed root
//! again, after a crash or in another process, says the same.

use openssl::pkey::PKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Registry;
use super::caller::Entity;
use super::continuity::{Confirmed, Continuity, confirm_locked, confirmed_head, confirmed_past};
use super::kept::Kept;
use super::leaves::Leaves;
use super::record;
use crate::domain::Sha256;
use crate::log::proof::Plan;
use crate::log::{Edge, KeyName, Note, SignatureKind, SigningKey, VerifierKey, leaf_hash, verify_inclusion};
use crate::store::book::EventRow;
use crate::store::log::{LeafRow, Log, NodeRow};
use crate::store::{self, Tx};

/// Why a log cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The key is none that signs notes.
    #[error("not an Ed25519 private key in PEM")]
    Key(#[from] crate::log::key::KeyError),
    /// OpenSSL could not read or make it.
    #[error("not an Ed25519 private key in PEM")]
    OpenSsl(#[from] openssl::error::ErrorStack),
}

/// Who signs the checkpoints of an entity's two logs.
#[derive(Debug, Clone)]
pub struct Ledger {
    book: SigningKey,
    access: SigningKey,
    kept: Kept,
    pub(super) continuity: Continuity,
    pub(super) leaves: Leaves,
    pub(super) looks: Leaves,
}

impl Ledger {
    /// The logs `origin` and `origin/access`, both signed by this key (PEM, Ed25519).
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn new(origin: &str, pem: &str) -> Result<Self, LedgerError> {
        let key = PKey::private_key_from_pem(pem.as_bytes())?;
        let named = |name: &str| -> Result<SigningKey, LedgerError> {
            Ok(SigningKey::new(name.parse::<KeyName>()?, SignatureKind::Ed25519, key.clone())?)
        };
        Ok(Self {
            book: named(origin)?,
            access: named(&format!("{origin}/access"))?,
            kept: Kept::default(),
            continuity: Continuity::default(),
            leaves: Leaves::of(Log::Book),
            looks: Leaves::of(Log::Access),
        })
    }

    /// The same, where the last signed checkpoint of each log is kept so.
    #[must_use]
    pub fn keeping(self, kept: Kept) -> Self {
        Self { kept, ..self }
    }

    /// What is kept of the checkpoints that were signed.
    #[must_use]
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// A fresh key, as PEM.
    ///
    /// # Errors
    /// When OpenSSL cannot make one.
    pub fn new_key() -> Result<String, LedgerError> {
        let pem = PKey::generate_ed25519()?.private_key_to_pem_pkcs8()?;
        Ok(String::from_utf8_lossy(&pem).into_owned())
    }

    pub(super) fn key(&self, log: Log) -> &SigningKey {
        match log {
            Log::Book => &self.book,
            Log::Access => &self.access,
        }
    }

    /// What to give to those who check.
    #[must_use]
    pub fn verifier(&self, log: Log) -> &VerifierKey {
        self.key(log).verifier()
    }

    /// The name of a log.
    #[must_use]
    pub fn origin(&self, log: Log) -> &str {
        self.verifier(log).name().as_ref()
    }
}

/// Statements about certificates that seal for the registry, and about its backups.
impl Ledger {
    /// A signed statement that the certificate with this hash seals for the registry.
    ///
    /// # Errors
    /// When OpenSSL cannot sign.
    pub fn state_seal(&self, certificate: Sha256) -> store::Result<String> {
        let corrupt = || store::Error::Corrupt("key of the log");
        let mut note = Note::new(self.seal_text(certificate)).map_err(|_| corrupt())?;
        note.sign(&self.book).map_err(|_| corrupt())?;
        Ok(note.to_string())
    }

    /// Whether this statement says that of this certificate, and the registry made it.
    #[must_use]
    pub fn stated_seal(&self, statement: &str, certificate: Sha256) -> bool {
        let note = Note::parse(statement.as_bytes());
        note.is_ok_and(|note| {
            note.text() == self.seal_text(certificate)
                && note.verify(std::slice::from_ref(self.book.verifier())).is_ok()
        })
    }

    /// A signed statement that the backup whose manifest has this hash was made by the registry.
    ///
    /// # Errors
    /// When OpenSSL cannot sign.
    pub fn state_backup(&self, manifest: Sha256) -> store::Result<String> {
        let corrupt = || store::Error::Corrupt("key of the log");
        let mut note = Note::new(backup_text(self.origin(Log::Book), manifest)).map_err(|_| corrupt())?;
        note.sign(&self.book).map_err(|_| corrupt())?;
        Ok(note.to_string())
    }

    /// Never the text of a checkpoint, whose second line is a number.
    fn seal_text(&self, certificate: Sha256) -> String {
        format!("certificate that seals\n{}\n{certificate}\n", self.origin(Log::Book))
    }
}

/// Whether this statement says of the backup whose manifest has this hash that the owner of the key made it.
#[must_use]
pub fn stated_backup(key: &VerifierKey, statement: &str, manifest: Sha256) -> bool {
    Note::parse(statement.as_bytes()).is_ok_and(|note| {
        note.text() == backup_text(key.name().as_ref(), manifest) && note.verify(std::slice::from_ref(key)).is_ok()
    })
}

/// Never the text of a checkpoint, nor that of a statement about a seal.
fn backup_text(origin: &str, manifest: Sha256) -> String {
    format!("backup of a registry\n{origin}\n{manifest}\n")
}

/// Proof that an event stands in the book: an inclusion proof (RFC 9162 § 2.1.3) and the checkpoint it leads to.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The name of the log.
    #[schema(example = "sede.example.es/registro")]
    pub origin: String,
    /// Leaves in the tree of the checkpoint.
    #[schema(example = 4712)]
    pub tree_size: u64,
    /// Which leaf, from 0. Nothing to do with the entry's number.
    #[schema(example = 4711)]
    pub leaf_index: u64,
    /// The leaf's hash: SHA-256 of a zero byte and the commitment to the record.
    pub leaf_hash: Sha256,
    /// From the leaf up to the root.
    pub hashes: Vec<Sha256>,
    /// The signed checkpoint (C2SP tlog-checkpoint).
    #[schema(
        example = "sede.example.es/registro\n4712\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— sede.example.es/registro Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    )]
    pub checkpoint: String,
}

/// A tree while leaves are added to it in a transaction.
#[derive(Debug, Clone)]
pub struct Growth {
    before: Edge,
    edge: Edge,
    leaves: Vec<Sha256>,
    nodes: Vec<NodeRow>,
}

impl Growth {
    /// Goes on from the edge that is committed.
    ///
    /// # Errors
    /// When the database was altered.
    pub fn from(edge: &[u8]) -> store::Result<Self> {
        Edge::from_bytes(edge).map(Self::after).map_err(|_| store::Error::Corrupt("edge of a log"))
    }

    /// The same, where the edge continues what was signed of the log. Whoever does this holds its lock.
    ///
    /// # Errors
    /// When the database does not answer, or was altered: [`Ledger::broken`] says how.
    pub(super) async fn continuing(tx: &mut Tx, entity: &Entity, log: Log, edge: &[u8]) -> store::Result<Self> {
        Ok(Self::after(confirm_locked(tx, entity, log, edge).await?))
    }

    fn after(before: Edge) -> Self {
        Self { edge: before.clone(), before, leaves: Vec::new(), nodes: Vec::new() }
    }

    /// Leaves in the tree now.
    #[must_use]
    pub fn size(&self) -> i64 {
        i64::try_from(self.edge.size()).unwrap_or(i64::MAX)
    }

    /// Adds the leaf of a commitment.
    ///
    /// # Errors
    /// When the tree is full.
    pub fn add(&mut self, commitment: Sha256) -> store::Result<()> {
        let leaf = leaf_hash(commitment.as_ref());
        let nodes = self.edge.append(leaf).map_err(|_| store::Error::Corrupt("edge of a log"))?;
        self.nodes.extend(nodes.into_iter().map(|node| NodeRow {
            level: node.level.into(),
            node: i64::try_from(node.index).unwrap_or(i64::MAX),
            hash: node.hash,
        }));
        self.leaves.push(leaf);
        Ok(())
    }

    /// Nodes that became complete since the last call.
    pub fn take_nodes(&mut self) -> Vec<NodeRow> {
        std::mem::take(&mut self.nodes)
    }

    /// The edge, to be committed.
    #[must_use]
    pub fn edge(&self) -> Vec<u8> {
        self.edge.to_bytes()
    }

    /// Remembers what was added, once it is committed.
    ///
    /// # Errors
    /// [`store::Error::Corrupt`] where the log was found to be another in the meantime.
    pub(super) fn committed(&self, ledger: &Ledger, log: Log) -> store::Result<Confirmed> {
        ledger.advance(log, &self.before, &self.leaves, &self.edge)
    }

    /// The proofs of the added leaves, in their order, once they are committed.
    ///
    /// # Errors
    /// When OpenSSL cannot sign; [`store::Error::Corrupt`] where the log was found to be another in the meantime.
    pub fn proofs(&self, ledger: &Ledger) -> store::Result<Vec<Proof>> {
        if self.leaves.is_empty() {
            return Ok(Vec::new());
        }
        let (size, first) = (self.edge.size(), self.before.size());
        let checkpoint = ledger.checkpoint(&self.committed(ledger, Log::Book)?)?;
        let hashes = crate::log::proof::batch_inclusion(&self.before, &self.leaves);
        Ok((first..)
            .zip(self.leaves.iter().zip(hashes))
            .map(|(leaf_index, (leaf_hash, hashes))| Proof {
                origin: ledger.origin(Log::Book).to_owned(),
                tree_size: size,
                leaf_index,
                leaf_hash: *leaf_hash,
                hashes,
                checkpoint: checkpoint.clone(),
            })
            .collect())
    }
}

/// Makes events the next leaves of the book's tree, and writes both. Whoever does this holds the lock of the entity's
/// books and, once all is written, [advances](store::book::advance) it.
///
/// # Errors
/// When the database does not answer, OpenSSL gives no random bytes, or the tree is full.
pub async fn append(tx: &mut Tx, entity: &Entity, events: &mut [EventRow], growth: &mut Growth) -> store::Result<()> {
    record::add_leaves(&entity.code, events, growth)?;
    store::book::insert_events(tx, entity.id, events).await?;
    store::log::insert_nodes(tx, entity.id, Log::Book, &growth.take_nodes()).await
}

/// What a plan over stored nodes comes to.
///
/// # Errors
/// When the database does not answer, or lacks nodes.
pub async fn fetch(tx: &mut Tx, entity: i64, log: Log, plan: &Plan) -> store::Result<Vec<Sha256>> {
    let mut fetched = Vec::with_capacity(plan.runs().len());
    for run in plan.runs() {
        let start = i64::try_from(run.start).map_err(|_| store::Error::Corrupt("node of a log"))?;
        let count = i64::from(run.count);
        fetched.push(if run.level == 0 {
            let found = store::log::commitments(tx, entity, log, start, count).await?;
            found.iter().map(|commitment| leaf_hash(commitment.as_ref())).collect()
        } else {
            store::log::nodes(tx, entity, log, run.level.into(), start, count).await?
        });
    }
    plan.finish(&fetched).map_err(|_| store::Error::Corrupt("node of a log"))
}

/// The tree of a log as it is committed: its size and root.
///
/// # Errors
/// When the database does not answer.
pub async fn head(tx: &mut Tx, entity: i64, log: Log) -> store::Result<(u64, Sha256)> {
    let edge = stored_edge(tx, entity, log).await?;
    Ok((edge.size(), edge.root()))
}

/// The right edge of a log as it is committed.
pub(crate) async fn stored_edge(tx: &mut Tx, entity: i64, log: Log) -> store::Result<Edge> {
    let edge = store::log::edge(tx, entity, log).await?.ok_or(store::Error::Corrupt("edge of a log"))?;
    Edge::from_bytes(&edge).map_err(|_| store::Error::Corrupt("edge of a log"))
}

/// The root of a log when it had `size` leaves, computed from what is stored.
///
/// # Errors
/// When the database does not answer, or lacks nodes.
pub async fn root_of(tx: &mut Tx, entity: i64, log: Log, size: u64) -> store::Result<Sha256> {
    let root = fetch(tx, entity, log, &Plan::root(size)).await?;
    root.first().copied().ok_or(store::Error::Corrupt("root of a log"))
}

/// The proof of an event in the tree that its batch left. Nothing is proved of a record that was not committed.
///
/// # Errors
/// When the database does not answer, or has no such leaf; [`store::Error::Corrupt`] where the event was altered.
pub async fn prove(tx: &mut Tx, entity: &Entity, event: &EventRow) -> store::Result<Proof> {
    if !record::is_committed(&entity.code, event) {
        return Err(store::Error::Corrupt("event"));
    }
    let size = event.tree_size.unsigned_abs();
    let root = root_of(tx, entity.id, Log::Book, size).await?;
    let leaf = LeafRow { position: event.position, commitment: event.commitment };
    let tree = confirmed_past(tx, entity, Log::Book, (size, root)).await?;
    prove_in(tx, entity, &leaf, tree).await
}

/// The proof of a leaf in this tree.
async fn prove_in(tx: &mut Tx, entity: &Entity, leaf: &LeafRow, tree: Confirmed) -> store::Result<Proof> {
    let (size, root) = (tree.size(), tree.root());
    let index = u64::try_from(leaf.position - 1).map_err(|_| store::Error::Corrupt("position"))?;
    let plan = Plan::inclusion(index, size).map_err(|_| store::Error::Corrupt("leaf of a log"))?;
    let (leaf_hash, hashes) = (leaf_hash(leaf.commitment.as_ref()), fetch(tx, entity.id, Log::Book, &plan).await?);
    verify_inclusion(&leaf_hash, index, size, &hashes, &root).map_err(|_| store::Error::Corrupt("leaf of a log"))?;
    Ok(Proof {
        origin: entity.ledger.origin(Log::Book).to_owned(),
        tree_size: size,
        leaf_index: index,
        leaf_hash,
        hashes,
        checkpoint: entity.ledger.checkpoint(&tree)?,
    })
}

impl Registry {
    /// The newest checkpoint of a log, with what witnesses signed about it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn checkpoint(&self, entity: &Entity, log: Log) -> store::Result<String> {
        let known = entity.ledger.known(log);
        let mut tx = self.store.read().await?;
        let tree = confirmed_head(&mut tx, entity, known).await?;
        let mut checkpoint = entity.ledger.checkpoint(&tree)?;
        for line in store::log::cosignatures(&mut tx, entity.id, log, tree.size()).await? {
            checkpoint.push_str(&line);
            checkpoint.push('\n');
        }
        Ok(checkpoint)
    }

    /// The proof of an event of an entry in the book as it stands now: of this event, or of the first; `None` when there
    /// is no such event.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn proof(&self, entity: &Entity, entry: Uuid, event: Option<Uuid>) -> store::Result<Option<Proof>> {
        let known = entity.ledger.known(Log::Book);
        let mut tx = self.store.read().await?;
        let Some(leaf) = store::log::leaf(&mut tx, entity.id, entry, event).await? else { return Ok(None) };
        let tree = confirmed_head(&mut tx, entity, known).await?;
        Ok(Some(prove_in(&mut tx, entity, &leaf, tree).await?))
    }
}
