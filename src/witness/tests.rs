use super::*;
use crate::domain::Sha256;
use crate::log::witness::parse_size;
use crate::log::{Checkpoint, Edge, Note, leaf_hash};

const ORIGIN: &str = "registro.example.org/libro";
const NOW: Micros = Micros(1_790_000_000_000_000);

fn log_key() -> SigningKey {
    SigningKey::from_seed(ORIGIN.parse().unwrap(), SignatureKind::Ed25519, &[7; 32]).unwrap()
}

fn root(size: u64, what: u8) -> Sha256 {
    let mut edge = Edge::default();
    for leaf in 0..size {
        edge.append(leaf_hash(&[what, u8::try_from(leaf).unwrap()])).unwrap();
    }
    edge.root()
}

fn request(old: u64, size: u64, what: u8, proof: Vec<Sha256>) -> String {
    let note: Note = Checkpoint::new(ORIGIN, size, root(size, what)).sign(&log_key()).unwrap();
    AddCheckpoint::new(old, proof, note).unwrap().to_string()
}

fn open(folder: &Path) -> Result<Witness, WitnessError> {
    let settings = config::Witness {
        name: "testigo.example.org".into(),
        key: folder.join("witness.key"),
        state: folder.join("state"),
        logs: vec![log_key().verifier().to_string()],
        ..config::Witness::default()
    };
    Witness::open(&settings)
}

#[test]
fn what_was_cosigned_outlives_the_witness() {
    let folder = tempfile::tempdir().unwrap();
    let key = {
        let witness = open(folder.path()).unwrap();
        let first = request(0, 1, 1, vec![]);
        let answer = witness.add_checkpoint(first.as_bytes(), NOW);
        assert_eq!(answer.status, 200, "{answer:?}");
        let asked = AddCheckpoint::parse(first.as_bytes()).unwrap();
        let key = witness.verifier().clone();
        let cosigned = asked.cosigned(answer.body.as_bytes(), std::slice::from_ref(&key)).unwrap();
        let log = [log_key().verifier().clone()];
        let opened = Checkpoint::open(cosigned.to_string().as_bytes(), &log, std::slice::from_ref(&key)).unwrap();
        assert_eq!(opened.witnesses[0].seconds, Some(1_790_000_000));
        key
    };
    let witness = open(folder.path()).unwrap();
    assert_eq!(*witness.verifier(), key, "the key is made once");
    // From nothing: the log does not know what was cosigned.
    let stale = witness.add_checkpoint(request(0, 2, 1, vec![]).as_bytes(), NOW);
    assert_eq!((stale.status, stale.media_type, parse_size(stale.body.as_bytes())), (409, SIZE_CONTENT_TYPE, Some(1)));
    let proof = vec![leaf_hash(&[1, 1])];
    assert_eq!(witness.add_checkpoint(request(1, 2, 1, proof).as_bytes(), NOW).status, 200);
    // Asked again for the same: the same tree, and another time.
    assert_eq!(witness.add_checkpoint(request(2, 2, 1, vec![]).as_bytes(), NOW).status, 200);
}

#[test]
fn a_fork_is_refused_and_both_notes_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path()).unwrap();
    assert_eq!(witness.add_checkpoint(request(0, 2, 1, vec![]).as_bytes(), NOW).status, 200);
    for _ in 0..2 {
        let answer = witness.add_checkpoint(request(2, 2, 9, vec![]).as_bytes(), NOW);
        assert_eq!(answer.status, 422, "{answer:?}");
    }
    let names: Vec<_> = std::fs::read_dir(folder.path().join("state"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("fork-2-"))
        .collect();
    assert_eq!(names.len(), 1, "kept once");
    let kept = std::fs::read_to_string(&names[0]).unwrap();
    for what in [1, 9] {
        let note = Checkpoint::new(ORIGIN, 2, root(2, what)).sign(&log_key()).unwrap().to_string();
        assert!(kept.contains(&note), "{kept}");
    }
    // What does not continue it is refused, too, and the state stays.
    assert_eq!(witness.add_checkpoint(request(2, 3, 9, vec![leaf_hash(&[9, 2])]).as_bytes(), NOW).status, 422);
    assert_eq!(witness.add_checkpoint(request(2, 3, 1, vec![leaf_hash(&[1, 2])]).as_bytes(), NOW).status, 200);
}

#[test]
fn strangers_and_nonsense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path()).unwrap();
    assert_eq!(witness.add_checkpoint(b"old 0\n", NOW).status, 400);
    let other = SigningKey::from_seed("other.example".parse().unwrap(), SignatureKind::Ed25519, &[7; 32]).unwrap();
    let note = Checkpoint::new("other.example", 1, root(1, 1)).sign(&other).unwrap();
    let unknown = AddCheckpoint::new(0, vec![], note).unwrap().to_string();
    assert_eq!(witness.add_checkpoint(unknown.as_bytes(), NOW).status, 404);
    let forged = SigningKey::from_seed(ORIGIN.parse().unwrap(), SignatureKind::Ed25519, &[8; 32]).unwrap();
    let note = Checkpoint::new(ORIGIN, 1, root(1, 1)).sign(&forged).unwrap();
    let forged = AddCheckpoint::new(0, vec![], note).unwrap().to_string();
    assert_eq!(witness.add_checkpoint(forged.as_bytes(), NOW).status, 403);
}

#[test]
fn a_witness_that_cannot_read_its_state_does_not_begin_anew() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path()).unwrap();
    assert!(matches!(open(folder.path()), Err(WitnessError::Busy(_))), "two would forget each other's");
    assert_eq!(witness.add_checkpoint(request(0, 2, 1, vec![]).as_bytes(), NOW).status, 200);
    drop(witness);
    let state = folder.path().join("state");
    let kept = std::fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().path());
    let kept = kept.into_iter().find(|path| path.extension().is_some_and(|ext| ext == "checkpoint")).unwrap();
    let whole = std::fs::read(&kept).unwrap();
    std::fs::write(&kept, &whole[..20]).unwrap();
    assert!(matches!(open(folder.path()), Err(WitnessError::State(_))));
}
