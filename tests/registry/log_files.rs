//! A log as files, read by a verifier of other people (`tests/python/log.py`): tiles, checkpoint, proofs, requests to
//! witnesses. What it accepts it also refuses once a single bit is another.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output};

use ventanilla::domain::Sha256;
use ventanilla::log::proof::{Plan, Run, batch_inclusion};
use ventanilla::log::tile::{Content, format_bundle};
use ventanilla::log::witness::AddCheckpoint;
use ventanilla::log::{Checkpoint, Edge, Note, SignatureKind, SigningKey, TilePath, cosignature, leaf_hash};

use crate::harness::site::root;

const ORIGIN: &str = "registro.example.org/libro";

/// Tiles of three levels, all of them partial at the right edge.
const SIZE: u64 = 65_536 + 4_464;

fn key(name: &str, kind: SignatureKind) -> SigningKey {
    SigningKey::from_seed(name.parse().unwrap(), kind, &[7; 32]).unwrap()
}

/// What the store would hold, and the right edge at each size.
struct Log {
    nodes: HashMap<(u8, u64), Sha256>,
    edges: Vec<Edge>,
}

impl Log {
    fn of(entries: &[[u8; 32]]) -> Self {
        let mut edge = Edge::default();
        let mut log = Self { nodes: HashMap::new(), edges: vec![edge.clone()] };
        for entry in entries {
            log.nodes.insert((0, edge.size()), leaf_hash(entry));
            for node in edge.append(leaf_hash(entry)).unwrap() {
                log.nodes.insert((node.level, node.index), node.hash);
            }
            log.edges.push(edge.clone());
        }
        log
    }

    fn fetch(&self, run: &Run) -> Vec<Sha256> {
        (run.start..run.start + u64::from(run.count)).map(|index| self.nodes[&(run.level, index)]).collect()
    }

    fn answer(&self, plan: &Plan) -> Vec<Sha256> {
        plan.finish(&plan.runs().iter().map(|run| self.fetch(run)).collect::<Vec<_>>()).unwrap()
    }

    fn signed(&self, size: u64) -> Note {
        let root = self.edges[usize::try_from(size).unwrap()].root();
        Checkpoint::new(ORIGIN, size, root).sign(&key(ORIGIN, SignatureKind::Ed25519)).unwrap()
    }

    fn proof(&self, index: u64, size: u64, hashes: &[Sha256]) -> String {
        let proof = serde_json::json!({
            "origin": ORIGIN, "tree_size": size, "leaf_index": index, "leaf_hash": self.nodes[&(0, index)],
            "hashes": hashes, "checkpoint": self.signed(size).to_string(),
        });
        proof.to_string()
    }
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Runs the verifier over a folder, with files beside it as `--proof name` and the like.
fn strangers(folder: &Path, vkey: &str, options: &[(&str, String)]) -> Output {
    let mut command = Command::new("python3");
    command.arg(root().join("tests/python/log.py")).arg(folder).arg(vkey);
    for (option, value) in options {
        command.arg(option).arg(value);
    }
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!said.contains("ModuleNotFoundError"), "run `tests/run`, or put its environment on the path: {said}");
    done
}

#[test]
fn a_verifier_by_other_people_accepts_the_log_and_none_that_was_tampered_with() {
    let entries: Vec<[u8; 32]> = (0..SIZE).map(|index| leaf_hash(&index.to_be_bytes()).0).collect();
    let log = Log::of(&entries);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for tile in TilePath::of_tree(SIZE) {
        let nodes = tile.nodes(SIZE).unwrap();
        write(folder, &tile.to_string(), log.fetch(&nodes).iter().flat_map(|hash| hash.0).collect::<Vec<u8>>());
        if tile.content() == (Content::Hashes { level: 0 }) {
            let start = usize::try_from(nodes.start).unwrap();
            let bundle = format_bundle(&entries[start..start + usize::from(nodes.count)]).unwrap();
            let path = TilePath::new(Content::Entries, tile.index(), tile.width()).unwrap();
            write(folder, &path.to_string(), bundle);
        }
    }
    let witness = key("testigo.example.org", SignatureKind::Cosignature);
    let mut checkpoint = log.signed(SIZE);
    checkpoint.add(cosignature::cosign(checkpoint.text(), &witness, 1_790_000_000).unwrap());
    write(folder, "checkpoint", checkpoint.to_string());

    let mut options = vec![("--witness", witness.verifier().to_string())];
    let mut beside = |option, name: &str, content: String| {
        write(folder, name, content);
        options.push((option, folder.join(name).display().to_string()));
    };
    for (index, size) in [(0, 1), (255, 256), (256, 257), (65_535, 65_536), (3, 65_537), (SIZE - 1, SIZE), (700, SIZE)]
    {
        let hashes = log.answer(&Plan::inclusion(index, size).unwrap());
        beside("--proof", &format!("{index}-{size}.json"), log.proof(index, size, &hashes));
    }
    let batch: Vec<Sha256> = entries[65_500..65_564].iter().map(|entry| leaf_hash(entry)).collect();
    let proofs = batch_inclusion(&log.edges[65_500], &batch);
    for place in [0, 35, 36, 63] {
        let index = 65_500 + place as u64;
        beside("--proof", &format!("batch-{index}.json"), log.proof(index, 65_564, &proofs[place]));
    }
    for (old, new) in [(0, 9), (1, 2), (5, 8), (255, 256), (256, 65_537), (65_535, SIZE), (65_536, SIZE), (SIZE, SIZE)]
    {
        let proof = log.answer(&Plan::consistency(old, new).unwrap());
        let request = AddCheckpoint::new(old, proof, log.signed(new)).unwrap();
        beside("--request", &format!("{old}-{new}.request"), request.to_string());
    }

    let vkey = key(ORIGIN, SignatureKind::Ed25519).verifier().to_string();
    let done = strangers(folder, &vkey, &options);
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 1 + options.len(), "{said}");

    let no = |vkey: &str, options: &[(&str, String)], what: &str| {
        let done = strangers(folder, vkey, options);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(1) && said.contains(what), "{what}: {said}");
    };
    let stranger = SigningKey::from_seed(ORIGIN.parse().unwrap(), SignatureKind::Ed25519, &[8; 32]).unwrap();
    no(&stranger.verifier().to_string(), &[], "the checkpoint is signed by the log's key");
    no(&vkey, &[("--witness", key("otro.example.org", SignatureKind::Cosignature).verifier().to_string())], "cosigned");
    let option = |name: &'static str, file: &str| vec![(name, folder.join(file).display().to_string())];
    for (file, options, what) in [
        ("tile/0/100", vec![], "node 25600 of tiles of level 0"),
        ("tile/entries/272", vec![], "node 69632 of tiles of level 0"),
        ("tile/1/000", vec![], "node 0 of tiles of level 1"),
        ("tile/2/000.p/1", vec![], "node 0 of tiles of level 2"),
        ("checkpoint", vec![], "checkpoint"),
        ("700-70000.json", option("--proof", "700-70000.json"), "leaf 700 is in 70000"),
        ("256-65537.request", option("--request", "256-65537.request"), "65537 leaves continue 256"),
    ] {
        let path = folder.join(file);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        // The last byte of the first entry or hash, wherever it stands.
        let place = match file {
            "checkpoint" => good.windows(3).position(|window| window == b"\n70").unwrap() + 1,
            "700-70000.json" => 14 + good.windows(10).position(|window| window == b"\"hashes\":[").unwrap(),
            "256-65537.request" => good.iter().position(|byte| *byte == b'\n').unwrap() + 1,
            _ => 31,
        };
        bad[place] = if bad[place] == b'5' { b'6' } else { b'5' };
        std::fs::write(&path, bad).unwrap();
        no(&vkey, &options, what);
        std::fs::write(&path, good).unwrap();
    }
}
