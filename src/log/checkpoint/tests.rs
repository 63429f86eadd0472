use super::*;
use crate::log::cosignature::cosign;
use crate::log::key::SignatureKind;
use crate::log::naive;

/// The example of C2SP tlog-checkpoint.
const C2SP: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

fn key(name: &str, kind: SignatureKind, seed: u8) -> SigningKey {
    SigningKey::from_seed(name.parse().unwrap(), kind, &[seed; 32]).unwrap()
}

#[test]
fn the_example_of_c2sp_is_read_and_written() {
    let note = Note::parse(C2SP.as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(checkpoint.root.to_string(), "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62");
    assert_eq!(checkpoint.note().unwrap().text(), note.text());
}

#[test]
fn two_checkpoints_of_one_tree_have_the_same_bytes() {
    let key = key("registro.example.org/libro", SignatureKind::Ed25519, 1);
    let checkpoint = Checkpoint::new("registro.example.org/libro", 5, naive::root(&naive::leaves(5)));
    let note = checkpoint.sign(&key).unwrap().to_string();
    assert_eq!(checkpoint.sign(&key).unwrap().to_string(), note);
    let known = [key.verifier().clone()];
    let opened = Checkpoint::open(note.as_bytes(), &known, &[]).unwrap();
    assert_eq!((opened.checkpoint, opened.log.len(), opened.witnesses.len()), (checkpoint, 1, 0));
}

#[test]
fn a_checkpoint_of_another_log_is_refused_although_one_key_signs_for_both() {
    let (log, other) = (key("log", SignatureKind::Ed25519, 1), key("log/access", SignatureKind::Ed25519, 1));
    let root = naive::root(&naive::leaves(3));
    let own = Checkpoint::new("log", 3, root);
    assert_eq!(Checkpoint::of(log.verifier(), own.sign(&log).unwrap().to_string().as_bytes()), Ok(own.clone()));
    // The signature is over the text alone: under the name of either.
    let foreign = Checkpoint::new("log/access", 3, root).sign(&log).unwrap().to_string();
    let refused = Err(CheckpointError::Origin("log/access".into()));
    assert_eq!(Checkpoint::of(log.verifier(), foreign.as_bytes()), refused);
    assert!(Checkpoint::of(log.verifier(), own.sign(&other).unwrap().to_string().as_bytes()).is_err());
}

#[test]
fn a_witness_does_not_speak_for_the_log() {
    let log = key("log", SignatureKind::Ed25519, 1);
    let witness = key("witness", SignatureKind::Cosignature, 2);
    let (logs, witnesses) = ([log.verifier().clone()], [witness.verifier().clone()]);
    let checkpoint = Checkpoint::new("log", 1, naive::root(&naive::leaves(1)));
    let mut note = checkpoint.note().unwrap();
    note.add(cosign(note.text(), &witness, 1_700_000_000).unwrap());
    let only_cosigned = note.to_string();
    let refused = Err(CheckpointError::Note(NoteError::Unknown));
    assert_eq!(Checkpoint::open(only_cosigned.as_bytes(), &logs, &witnesses), refused);
    note.sign(&log).unwrap();
    let both = note.to_string();
    let opened = Checkpoint::open(both.as_bytes(), &logs, &witnesses).unwrap();
    assert_eq!(opened.witnesses, [Verified { key: &witnesses[0], seconds: Some(1_700_000_000) }]);
    assert_eq!(Checkpoint::open(both.as_bytes(), &logs, &[]).unwrap().witnesses, []);
    // Signed for another size.
    let moved = both.replace("log\n1\n", "log\n2\n");
    assert!(Checkpoint::open(moved.as_bytes(), &logs, &[]).is_err());
}

#[test]
fn other_lines_are_kept() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let text = format!("log\n0\n{root}\nuna línea\nother = 1\n");
    let checkpoint = Checkpoint::parse(&text).unwrap();
    assert_eq!(checkpoint.extensions, ["una línea", "other = 1"]);
    assert_eq!(checkpoint.note().unwrap().text(), text);
}

#[test]
fn texts_that_are_no_checkpoint() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for text in [
        String::new(),
        "\n".into(),
        "\n\n\n".into(),
        "log\n".into(),
        "log\n1\n".into(),
        format!("log\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("log\n\n{root}\n"),
        "log\n1\n\n".into(),
        format!("log\n1\n{root}\n\n"),
        format!("log\n1\n{root}\n\nmore\n"),
        format!("log\n01\n{root}\n"),
        format!("log\n00\n{root}\n"),
        format!("log\n+1\n{root}\n"),
        format!("log\n-1\n{root}\n"),
        format!("log\n1 \n{root}\n"),
        format!("log\n18446744073709551616\n{root}\n"),
        format!("log\n1\n{}\n", &root[1..]),
        format!("log\n1\n{root}=\n"),
        format!("log\n1\n {root}\n"),
        format!("log\n1\n{}\n", root.replace("2I=", "2J=")),
        format!("log\n1\n{}\n", root.replace('+', "-").replace('/', "_")),
        "log\n1\nAAAA\n".into(),
    ] {
        assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
    }
    assert_eq!(Checkpoint::parse(&format!("log\n{}\n{root}\n", u64::MAX)).unwrap().size, u64::MAX);
    for origin in ["", "two\nlines", "tab\t"] {
        assert!(Checkpoint::new(origin, 1, naive::root(&[])).note().is_err(), "{origin:?}");
    }
    let mut lines = Checkpoint::new("log", 1, naive::root(&[]));
    lines.extensions = vec!["one\ntwo".into()];
    assert!(lines.note().is_err());
}
