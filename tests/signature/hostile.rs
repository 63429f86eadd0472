//! Altered and hostile bytes: never passed, never a panic, never slow.

use ventanilla::signature::{self, FileKind, Format, Indication, SubIndication, detect};

use crate::pki::{NOW, TEXT, judged, openssl_cms, policy, sealed_by};

#[test]
fn no_byte_of_the_content_can_be_changed() {
    let policy = policy();
    let signature = sealed_by("citizen");
    for at in 0..TEXT.len() {
        let mut altered = TEXT.to_vec();
        altered[at] ^= 1 << (at % 8);
        let verdict = &signature::judge(&signature, Some(&altered), "submission", NOW, &policy)[0];
        assert_eq!((verdict.intact, verdict.sub_indication), (false, Some(SubIndication::HashFailure)), "byte {at}");
    }
    for other in [&TEXT[1..], &TEXT[..TEXT.len() - 1], &[TEXT, b"\n"].concat(), b""] {
        assert!(!signature::judge(&signature, Some(other), "submission", NOW, &policy)[0].intact);
    }
}

#[test]
fn no_byte_of_a_content_inside_can_be_changed() {
    let policy = policy();
    for options in [&["-outform", "DER", "-nodetach"][..], &["-outform", "DER", "-nodetach", "-stream"]] {
        let signature = openssl_cms("citizen-prime256v1", options);
        assert!(signature::judge(&signature, None, "file", NOW, &policy)[0].intact);
        let start = signature.windows(TEXT.len()).position(|window| window == TEXT).unwrap();
        for at in start..start + TEXT.len() {
            let mut altered = signature.clone();
            altered[at] ^= 1 << (at % 8);
            for verdict in signature::judge(&altered, None, "file", NOW, &policy) {
                assert_eq!(
                    (verdict.intact, verdict.sub_indication),
                    (false, Some(SubIndication::HashFailure)),
                    "byte {at}"
                );
            }
        }
    }
}

#[test]
fn no_byte_of_a_signature_can_be_changed_in_what_is_signed() {
    let policy = policy();
    for signature in [sealed_by("citizen"), openssl_cms("citizen-prime256v1", &["-outform", "DER", "-cades"])] {
        let (start, end) = signed_attributes(&signature);
        for at in 0..signature.len() {
            for bit in 0..8 {
                let mut altered = signature.clone();
                altered[at] ^= 1 << bit;
                let verdicts = signature::judge(&altered, Some(TEXT), "submission", NOW, &policy);
                if (start..end).contains(&at) {
                    let good = |verdict: &signature::Verdict| verdict.intact || verdict.passed();
                    assert!(!verdicts.iter().any(good), "byte {at}, bit {bit}");
                }
                // Elsewhere a change may be harmless (the version, an unused field), but it never becomes another signer.
                for verdict in verdicts.iter().filter(|verdict| verdict.passed()) {
                    assert_eq!(verdict.signer.as_ref().unwrap().id.as_deref(), Some("00000000T"), "byte {at}");
                }
            }
        }
    }
}

/// Where the signed attributes lie: found by the content-type attribute that begins them in a sorted set.
fn signed_attributes(signature: &[u8]) -> (usize, usize) {
    let content_type = hex::decode("301806092a864886f70d010903310b06092a864886f70d010701").unwrap();
    let start = signature.windows(content_type.len()).position(|window| window == content_type).unwrap();
    // The set is followed by the signature's algorithm; its length stands in the byte or two before the first member.
    let length = match signature[start - 2] {
        0x81 | 0xa0 => usize::from(signature[start - 1]),
        high => usize::from(high) << 8 | usize::from(signature[start - 1]),
    };
    (start, start + length)
}

#[test]
fn every_truncation_is_a_format_failure() {
    let policy = policy();
    for signature in [
        sealed_by("citizen"),
        openssl_cms("citizen", &["-outform", "DER", "-nodetach", "-stream"]),
        openssl_cms("citizen", &["-outform", "PEM"]),
    ] {
        // The last line break of PEM may go.
        for end in 0..signature.len() - 1 {
            let verdicts = signature::judge(&signature[..end], Some(TEXT), "submission", NOW, &policy);
            assert_eq!(verdicts.len(), 1);
            assert_eq!(verdicts[0].sub_indication, Some(SubIndication::FormatFailure), "{end}");
            assert_eq!((verdicts[0].format, verdicts[0].indication), (Format::Unknown, Indication::TotalFailed));
        }
    }
}

#[test]
fn hostile_structures_end_at_once() {
    let nest = |depth: usize| {
        let mut der = Vec::new();
        for _ in 0..depth {
            let mut outer = vec![0x30];
            let length: usize = der.len();
            if length < 0x80 {
                outer.push(u8::try_from(length).unwrap());
            } else {
                outer.push(0x84);
                outer.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
            }
            der.splice(0..0, outer);
        }
        der
    };
    let lying = [0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x06, 0x09];
    let hostile: [Vec<u8>; 7] = [
        nest(50_000),
        [0x30, 0x80].repeat(5_000_000),
        vec![0x24; 1_000_000],
        lying.to_vec(),
        [0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff].to_vec(),
        vec![0; 1000],
        Vec::new(),
    ];
    for bytes in hostile {
        let verdict = judged(&bytes);
        assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure));
        assert!(verdict.detail.is_some());
    }
}

#[test]
fn pem_with_anything_around_it_says_so() {
    let pem = openssl_cms("citizen", &["-outform", "PEM"]);
    let verdict = judged(&[b"hello\n", &pem[..]].concat());
    assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure));
    assert!(verdict.detail.unwrap().contains("outside the PEM block"));
}

#[test]
fn trailing_bytes_are_refused_and_padding_is_not() {
    let signature = sealed_by("citizen");
    assert!(judged(&[&signature[..], &[0; 512]].concat()).passed());
    let verdict = judged(&[&signature[..], b"x"].concat());
    assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure));
}

#[test]
fn files_are_told_by_their_first_bytes() {
    assert_eq!(detect(&sealed_by("citizen")), FileKind::Cms);
    assert_eq!(detect(&openssl_cms("citizen", &["-outform", "PEM"])), FileKind::Cms);
    assert_eq!(detect(&openssl_cms("citizen", &["-outform", "DER", "-nodetach", "-stream"])), FileKind::Cms);
    assert_eq!(detect(b"%PDF-1.7\n"), FileKind::Pdf);
    assert_eq!(detect(b"\xef\xbb\xbf <?xml version=\"1.0\"?>"), FileKind::Xml);
    assert_eq!(detect(b"hello"), FileKind::Other);
    assert_eq!(detect(b""), FileKind::Other);
}

#[test]
fn a_file_that_signs_itself_is_no_signature_over_another_content() {
    for itself in [&b"%PDF-1.7\n%%EOF\n"[..], b"<?xml version=\"1.0\"?><a/>"] {
        let verdict = &signature::judge(itself, Some(TEXT), "submission", NOW, &policy())[0];
        assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure));
        assert_eq!(verdict.format, Format::Unknown, "it is not even looked at as what it is");
    }
}
