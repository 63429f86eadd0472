use openssl::pkey::{Id, PKey};

use super::*;

/// The example of C2SP signed-note.
const C2SP_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const C2SP_NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

/// The example of Go's `golang.org/x/mod/sumdb/note`; the signing key is its kind and seed in base64.
const GO_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const GO_LINE: &str =
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

fn key(name: &str, kind: SignatureKind, seed: u8) -> SigningKey {
    SigningKey::from_seed(name.parse().unwrap(), kind, &[seed; 32]).unwrap()
}

fn go_key() -> SigningKey {
    let seed = STANDARD.decode(GO_SEED).unwrap();
    SigningKey::from_seed("PeterNeumann".parse().unwrap(), SignatureKind::Ed25519, seed[1..].try_into().unwrap())
        .unwrap()
}

#[test]
fn the_example_of_c2sp_is_good_and_any_other_text_is_not() {
    let known = [C2SP_KEY.parse().unwrap()];
    let note = Note::parse(C2SP_NOTE.as_bytes()).unwrap();
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.verify(&known).unwrap(), [Verified { key: &known[0], seconds: None }]);
    assert_eq!(note.to_string(), C2SP_NOTE);
    let other = Note::parse(C2SP_NOTE.replace("an example", "no example").as_bytes()).unwrap();
    assert_eq!(other.verify(&known), Err(NoteError::Bad("example.com/foo".into())));
}

#[test]
fn the_example_of_go_is_signed_alike_each_time() {
    let key = go_key();
    assert_eq!(key.verifier().to_string(), GO_KEY);
    for _ in 0..3 {
        let mut note = Note::new(GO_TEXT.into()).unwrap();
        note.sign(&key).unwrap();
        assert_eq!(note.to_string(), format!("{GO_TEXT}\n{GO_LINE}\n"));
    }
}

#[test]
fn a_signature_by_a_known_key_must_be_good_and_all_others_are_left_aside() {
    let (ours, theirs) = (key("ours", SignatureKind::Ed25519, 1), key("theirs", SignatureKind::Ed25519, 2));
    let mut note = Note::new("text\n".into()).unwrap();
    note.sign(&theirs).unwrap();
    let known = [ours.verifier().clone()];
    assert_eq!(note.verify(&known), Err(NoteError::Unknown));
    assert_eq!(note.verify(&[]), Err(NoteError::Unknown));
    note.sign(&ours).unwrap();
    note.sign(&ours).unwrap();
    assert_eq!(note.signatures().len(), 2, "signing again replaces");
    assert_eq!(note.verify(&known).unwrap().len(), 1);
    // The same name with another key, and the same identifier with another name, are others.
    let namesake = key("ours", SignatureKind::Ed25519, 3);
    note.sign(&namesake).unwrap();
    let mut borrowed = note.signatures()[1].clone();
    borrowed.name = "borrower".parse().unwrap();
    note.add(borrowed);
    assert_eq!(note.verify(&known).unwrap().len(), 1);
    // One good and one bad by the same key: the note is spoilt, in whatever order.
    let good = note.signatures()[1].clone();
    let mut bad = good.clone();
    bad.bytes[10] ^= 1;
    for pair in [[good.clone(), bad.clone()], [bad.clone(), good.clone()]] {
        let twice = Note { text: note.text.clone(), signatures: pair.to_vec() };
        assert_eq!(twice.verify(&known), Err(NoteError::Bad("ours".into())));
    }
    for bytes in [vec![1], vec![0; 63], vec![0; 64], vec![0; 65]] {
        let short = Note { text: note.text.clone(), signatures: vec![NoteSignature { bytes, ..good.clone() }] };
        assert_eq!(short.verify(&known), Err(NoteError::Bad("ours".into())));
    }
}

#[test]
fn keys_of_one_kind_do_not_sign_the_other() {
    let (log, witness) = (key("log", SignatureKind::Ed25519, 1), key("witness", SignatureKind::Cosignature, 2));
    let mut note = Note::new("text\n".into()).unwrap();
    assert!(matches!(note.sign(&witness), Err(KeyError::Purpose(SignatureKind::Cosignature))));
    assert!(cosignature::cosign(note.text(), &log, 1).is_err());
    assert!(cosignature::cosign(note.text(), &witness, 0).is_err());
    assert!(cosignature::cosign(note.text(), &witness, 1 << 63).is_err());
    for seconds in [1, 1_679_315_147, i64::MAX.cast_unsigned()] {
        note.add(cosignature::cosign(note.text(), &witness, seconds).unwrap());
        let known = [witness.verifier().clone()];
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(read.verify(&known).unwrap(), [Verified { key: &known[0], seconds: Some(seconds) }]);
        let mut later = note.clone();
        later.signatures[0].bytes[7] ^= 1;
        assert_eq!(later.verify(&known), Err(NoteError::Bad("witness".into())));
    }
    // The same 32 bytes as a key for notes have another identifier.
    let other = key("witness", SignatureKind::Ed25519, 2);
    assert_ne!(other.verifier().id(), witness.verifier().id());
    assert_eq!(note.verify(&[other.verifier().clone()]), Err(NoteError::Unknown));
}

#[test]
fn keys_as_text() {
    for text in [C2SP_KEY, GO_KEY] {
        assert_eq!(text.parse::<VerifierKey>().unwrap().to_string(), text);
    }
    let witness = key("witness.example/ñ", SignatureKind::Cosignature, 2);
    assert_eq!(witness.verifier().to_string().parse::<VerifierKey>().unwrap(), *witness.verifier());
    assert!(matches!(C2SP_KEY.replace("530d903a", "530d903b").parse::<VerifierKey>(), Err(KeyError::Identifier)));
    assert!(matches!(C2SP_KEY.replace("foo", "bar").parse::<VerifierKey>(), Err(KeyError::Identifier)));
    assert!(matches!(C2SP_KEY.replace("Aeky", "Auky").parse::<VerifierKey>(), Err(KeyError::Kind(2))));
    for text in [
        "",
        "+",
        "++",
        "a+b",
        "example.com/foo+530d903a+",
        "example.com/foo+530d903a+AQ==",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+0530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k=",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        "example.com foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ] {
        assert!(text.parse::<VerifierKey>().is_err(), "{text:?}");
    }
    assert!(format!("{}{C2SP_KEY}", "a".repeat(10_000)).parse::<VerifierKey>().is_err());
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\u{2003}b", "a\tb", "a\nb", "a\0b"] {
        assert!(name.parse::<KeyName>().is_err(), "{name:?}");
    }
}

#[test]
fn private_keys_of_another_kind_are_refused_and_none_is_printed() {
    let x25519 = PKey::private_key_from_raw_bytes(&[7; 32], Id::X25519).unwrap();
    let refused = SigningKey::new("a".parse().unwrap(), SignatureKind::Ed25519, x25519);
    assert!(matches!(refused, Err(KeyError::Private)));
    let shown = format!("{:?}", go_key());
    assert_eq!(shown, format!("SigningKey({GO_KEY})"));
}

#[test]
fn texts_and_notes_that_are_none() {
    for text in ["", "no end", "tab\t\n", "nul\0\n", "return\r\n"] {
        assert_eq!(Note::new(text.into()), Err(NoteError::Text), "{text:?}");
    }
    let line = GO_LINE;
    for note in [
        String::new(),
        "\n".into(),
        "\n\n".into(),
        "text\n".into(),
        "text\n\n".into(),
        "text\n\n\n".into(),
        format!("text\n{line}\n"),
        format!("text\n\n{line}"),
        format!("text\n\n{line}\n\n"),
        format!("text\n\n{line}\n "),
        format!("text\n\n {line}\n"),
        format!("text\n\n{line}\ntext\n"),
        format!("text\n\n{line}\r\n"),
        format!("text\n\n{line} \n"),
        format!("text\n\n{}\n", line.replace("— ", "- ")),
        format!("text\n\n{}\n", line.replace('=', "")),
        "text\n\n— a AAAA\n".into(),
        "text\n\n— a AAAAAA==\n".into(),
        "text\n\n— a \n".into(),
        "text\n\n—  AAAAAAA=\n".into(),
        "text\n\n— a+b AAAAAAA=\n".into(),
        "text\n\n— a AAAAAAB=\n".into(),
    ] {
        assert!(Note::parse(note.as_bytes()).is_err(), "{note:?}");
    }
    assert!(Note::parse("text\n\n— a AAAAAAA=\n".as_bytes()).is_ok());
    assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::Text));
    // The text may have empty lines, and even signatures of its own.
    let within = format!("one\n\n{line}\n\n{line}\n");
    assert_eq!(Note::parse(within.as_bytes()).unwrap().text(), format!("one\n\n{line}\n"));
}

#[test]
fn size_and_number_of_signatures_are_bounded() {
    let many = |count| format!("text\n\n{}", "— a AAAAAAA=\n".repeat(count));
    assert_eq!(Note::parse(many(MAX_SIGNATURES).as_bytes()).unwrap().signatures().len(), MAX_SIGNATURES);
    assert_eq!(Note::parse(many(MAX_SIGNATURES + 1).as_bytes()), Err(NoteError::TooLarge));
    assert_eq!(Note::parse(&vec![b'\n'; MAX_BYTES + 1]), Err(NoteError::TooLarge));
    assert_eq!(Note::parse(&vec![b'\n'; MAX_BYTES]), Err(NoteError::Signatures));
    assert_eq!(Note::new("\n".repeat(MAX_BYTES + 1)), Err(NoteError::TooLarge));
}

#[test]
fn a_note_with_any_byte_changed_is_read_alike_or_not_and_is_never_good() {
    let known = [C2SP_KEY.parse().unwrap()];
    for place in 0..C2SP_NOTE.len() {
        for byte in 0..=255 {
            let mut bytes = C2SP_NOTE.as_bytes().to_vec();
            if bytes[place] == byte {
                continue;
            }
            bytes[place] = byte;
            if let Ok(note) = Note::parse(&bytes) {
                assert_eq!(note.to_string().as_bytes(), bytes);
                assert!(note.verify(&known).is_err(), "{place} {byte}");
            }
        }
    }
}
