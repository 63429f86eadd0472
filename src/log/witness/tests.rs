use super::*;
use crate::log::naive::{self, Rows};
use crate::log::proof::Plan;

const ORIGIN: &str = "registro.example.org/libro";

fn key(name: &str, kind: SignatureKind, seed: u8) -> SigningKey {
    SigningKey::from_seed(name.parse().unwrap(), kind, &[seed; 32]).unwrap()
}

fn log_key() -> SigningKey {
    key(ORIGIN, SignatureKind::Ed25519, 1)
}

fn head(size: u64) -> Head {
    Head { size, root: naive::root(&naive::leaves(size)) }
}

fn signed(head: Head) -> Note {
    Checkpoint::new(ORIGIN, head.size, head.root).sign(&log_key()).unwrap()
}

fn proof(old: u64, new: u64) -> Vec<Sha256> {
    Rows::of(&naive::leaves(new)).answer(&Plan::consistency(old, new).unwrap())
}

fn decide(old: u64, proof: Vec<Sha256>, offered: Head, last: Option<Head>) -> Result<Head, Refusal> {
    let request = AddCheckpoint::new(old, proof, signed(offered)).unwrap();
    let read = AddCheckpoint::parse(request.to_string().as_bytes()).unwrap();
    assert_eq!(read, request);
    assert_eq!(read.origin(), ORIGIN);
    read.decide(Some(&[log_key().verifier().clone()]), last)
}

#[test]
fn the_example_of_c2sp_is_read_and_written() {
    let example = "old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\njrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\nexample.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";
    let request = AddCheckpoint::parse(example.as_bytes()).unwrap();
    assert_eq!((request.old(), request.proof.len(), request.checkpoint().size), (20_852_014, 4, 20_852_163));
    assert_eq!(request.origin(), "example.com/behind-the-sofa");
    assert_eq!(request.to_string(), example);
}

#[test]
fn what_continues_is_cosigned() {
    assert_eq!(decide(0, vec![], head(7), None), Ok(head(7)), "the first");
    assert_eq!(decide(7, proof(7, 13), head(13), Some(head(7))), Ok(head(13)));
    assert_eq!(decide(13, vec![], head(13), Some(head(13))), Ok(head(13)), "again");
    assert_eq!(decide(0, vec![], head(0), None), Ok(head(0)), "no leaves yet");
    assert_eq!(decide(0, vec![], head(5), Some(head(0))), Ok(head(5)));
}

#[test]
fn what_the_witness_does_not_expect_is_answered_with_its_size() {
    for (old, new, last) in [(0, 7, Some(3)), (5, 7, Some(3)), (5, 7, None), (0, 3, Some(7))] {
        let refusal = decide(old, vec![], head(new), last.map(head)).unwrap_err();
        assert_eq!(refusal, Refusal::Stale { size: last.unwrap_or(0), fork: None });
        assert_eq!((refusal.status(), refusal.fork()), (409, None));
    }
    let refusal = decide(8, vec![], head(7), Some(head(8))).unwrap_err();
    assert_eq!((refusal.status(), refusal), (400, Refusal::Backwards));
}

#[test]
fn two_trees_of_one_size_are_a_fork_and_called_so() {
    let other = Head { size: 9, root: naive::root(&naive::leaves(10)[1..]) };
    let fork = Fork { size: 9, cosigned: head(9).root, offered: other.root };
    let refusal = decide(9, vec![], other, Some(head(9))).unwrap_err();
    assert_eq!((refusal.status(), refusal.fork()), (422, Some(fork)));
    assert!(refusal.to_string().starts_with("fork: the log has signed two trees of 9 leaves"), "{refusal}");
    // Whoever hides it behind an older size is told the size, and found out all the same.
    let hidden = decide(0, vec![], other, Some(head(9))).unwrap_err();
    assert_eq!((hidden.status(), hidden.fork()), (409, Some(fork)));
}

#[test]
fn what_does_not_continue_is_refused() {
    let mut wrong = proof(7, 13);
    wrong[0].0[0] ^= 1;
    let other = Head { size: 13, root: naive::root(&naive::leaves(14)[1..]) };
    for (proof, offered, last) in [
        (wrong, head(13), head(7)),
        (vec![], head(13), head(7)),
        (proof(8, 13), head(13), head(7)),
        (proof(7, 13), other, head(7)),
        (proof(7, 13), head(13), Head { size: 7, root: other.root }),
        (proof(1, 13), head(13), head(0)),
        (proof(7, 13), head(7), head(7)),
    ] {
        let refusal = decide(last.size, proof, offered, Some(last)).unwrap_err();
        assert!(matches!(refusal, Refusal::Proof(_)), "{refusal:?}");
        assert_eq!(refusal.status(), 422);
    }
    let full_of_nothing = Head { size: 0, root: head(1).root };
    let refusal = decide(0, vec![], full_of_nothing, None).unwrap_err();
    assert_eq!((refusal.status(), refusal), (422, Refusal::EmptyRoot));
}

#[test]
fn only_the_log_itself_is_heard() {
    let ask =
        |note: Note, keys: Option<&[VerifierKey]>| AddCheckpoint::new(0, vec![], note).unwrap().decide(keys, None);
    let keys = [log_key().verifier().clone()];
    assert_eq!(ask(signed(head(3)), None).unwrap_err().status(), 404);
    assert_eq!(ask(signed(head(3)), Some(&[])).unwrap_err().status(), 403);
    let stranger = key(ORIGIN, SignatureKind::Ed25519, 9);
    let checkpoint = Checkpoint::new(ORIGIN, 3, head(3).root);
    let refusal = ask(checkpoint.sign(&stranger).unwrap(), Some(&keys)).unwrap_err();
    assert_eq!((refusal.status(), &refusal), (403, &Refusal::NotSigned(NoteError::Unknown)));
    let forged = signed(head(3)).to_string().replace("\n3\n", "\n4\n");
    let refusal = ask(Note::parse(forged.as_bytes()).unwrap(), Some(&keys)).unwrap_err();
    assert_eq!((refusal.status(), &refusal), (403, &Refusal::NotSigned(NoteError::Bad(ORIGIN.into()))));
    // A witness's key among the log's is no log's.
    let witness = key("witness", SignatureKind::Cosignature, 2);
    let mut note = checkpoint.note().unwrap();
    note.add(cosignature::cosign(note.text(), &witness, 1).unwrap());
    assert_eq!(ask(note, Some(&[witness.verifier().clone()])).unwrap_err().status(), 403);
    // Signatures by others beside it do not matter.
    let mut both = signed(head(3));
    both.sign(&stranger).unwrap();
    assert_eq!(ask(both, Some(&keys)), Ok(head(3)));
}

#[test]
fn an_answer_is_added_to_the_checkpoint_when_it_is_good() {
    let request = AddCheckpoint::new(0, vec![], signed(head(3))).unwrap();
    let (witness, stranger) = (key("w", SignatureKind::Cosignature, 2), key("w", SignatureKind::Cosignature, 3));
    let lines = format!("{}\n{}\n", request.cosign(&witness, 1000).unwrap(), request.cosign(&stranger, 1000).unwrap());
    let known = [witness.verifier().clone()];
    let note = request.cosigned(lines.as_bytes(), &known).unwrap();
    assert_eq!(note.signatures().len(), 2, "the log's and the known witness's");
    let logs = [log_key().verifier().clone()];
    let bytes = note.to_string();
    let opened = Checkpoint::open(bytes.as_bytes(), &logs, &known).unwrap();
    assert_eq!(opened.witnesses[0].seconds, Some(1000));
    // For another checkpoint, by nobody known, and no answer at all.
    let other = AddCheckpoint::new(0, vec![], signed(head(4))).unwrap();
    assert_eq!(other.cosigned(lines.as_bytes(), &known), Err(NoteError::Bad("w".into())));
    assert_eq!(request.cosigned(lines.as_bytes(), &logs), Err(NoteError::Unknown));
    for answer in [&b""[..], b"\n", b"no\n", b"\xff\n", lines.trim_end().as_bytes()] {
        assert!(request.cosigned(answer, &known).is_err());
    }
}

#[test]
fn requests_that_are_none() {
    let note = signed(head(3)).to_string();
    let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=";
    for request in [
        String::new(),
        "old 0".into(),
        "old 0\n".into(),
        "old 0\n\n".into(),
        note.clone(),
        format!("\n\n{note}"),
        format!("old 0\n{note}"),
        format!("old 00\n\n{note}"),
        format!("old +1\n\n{note}"),
        format!("old\n\n{note}"),
        format!("old  1\n\n{note}"),
        format!("Old 1\n\n{note}"),
        format!("old 18446744073709551616\n\n{note}"),
        format!("old 1 \n\n{note}"),
        format!("old 1\r\n\r\n{note}"),
        format!("old 1\n{hash} \n\n{note}"),
        format!("old 1\n{}\n\n{note}", &hash[1..]),
        format!("old 1\n{hash}{hash}\n\n{note}"),
        format!("old 1\n\n\n{note}"),
        "old 1\n\nno checkpoint\n".into(),
        format!("old 1\n\n{}", note.replace("\n3\n", "\n03\n")),
    ] {
        assert!(AddCheckpoint::parse(request.as_bytes()).is_err(), "{request:?}");
    }
    let long = |lines: usize| format!("old 1\n{}\n{note}", format!("{hash}\n").repeat(lines));
    assert!(AddCheckpoint::parse(long(63).as_bytes()).is_ok());
    assert_eq!(AddCheckpoint::parse(long(64).as_bytes()), Err(RequestError::TooLarge));
    assert_eq!(AddCheckpoint::parse(&vec![b'\n'; MAX_BYTES + 1]), Err(RequestError::TooLarge));
    assert!(AddCheckpoint::parse(b"old 1\n\n\xff").is_err());
}

#[test]
fn a_request_with_any_byte_changed_never_panics_and_is_cosigned_only_as_it_was_signed() {
    let good = AddCheckpoint::new(3, proof(3, 5), signed(head(5))).unwrap().to_string();
    let keys = [log_key().verifier().clone()];
    let mut read = 0;
    for place in 0..good.len() {
        for byte in (0..=255).step_by(13).chain(*b"0123456789\n ") {
            let mut bytes = good.as_bytes().to_vec();
            if bytes[place] == byte {
                continue;
            }
            bytes[place] = byte;
            if let Ok(request) = AddCheckpoint::parse(&bytes) {
                read += 1;
                assert_eq!(request.to_string().as_bytes(), bytes);
                assert!(request.decide(Some(&keys), Some(head(3))).is_err(), "{place} {byte}");
            }
        }
        assert!(AddCheckpoint::parse(&good.as_bytes()[..place]).is_err());
    }
    assert!(read > 500, "only {read} were requests");
}

#[test]
fn the_size_in_an_answer() {
    assert_eq!(parse_size(b"20852014\n"), Some(20_852_014));
    for answer in [&b""[..], b"\n", b"7", b"7\n\n", b" 7\n", b"07\n", b"-7\n", b"18446744073709551616\n", b"\xff\n"] {
        assert_eq!(parse_size(answer), None);
    }
}
