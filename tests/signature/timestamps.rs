//! Timestamps over signatures: what they prove, and what proves nothing.

use ventanilla::signature::{self, Level, SignatureTimestamp, SubIndication, TimestampKind, Verdict, add_timestamp};

use crate::parts::{Message, attribute, inside, oid, parts};
use crate::pki::{NOW, TEXT, policy, sealed_by};
use crate::stamps::token;

/// The signature value of a sealed text is its last element: for an RSA key of 2,048 bits, 256 bytes.
fn stamped_by(authority: &str) -> Vec<u8> {
    let signature = sealed_by("citizen");
    let value = &signature[signature.len() - 256..];
    add_timestamp(&signature, &token(value, authority)).unwrap()
}

fn in_2040() -> i64 {
    NOW + 14 * 365 * 86_400 * 1_000_000
}

fn judged_in_2040(signature: &[u8]) -> Verdict {
    signature::judge(signature, Some(TEXT), "file", in_2040(), &policy()).remove(0)
}

#[test]
fn a_trusted_timestamp_is_the_best_signature_time() {
    let verdict = judged_in_2040(&stamped_by("tsa"));
    assert!(verdict.passed(), "{:?}", verdict.detail);
    assert_eq!(verdict.level, Some(Level::T));
    let stamp = &verdict.timestamps[0];
    assert!(stamp.intact && stamp.trusted);
    assert_eq!(stamp.at, Some(verdict.signed_at));
    assert_eq!(stamp.authority.as_deref(), Some("Ventanilla TEST"));
}

#[test]
fn a_timestamp_over_something_else_proves_nothing() {
    let other = add_timestamp(&sealed_by("citizen"), &token(b"another signature", "tsa")).unwrap();
    let verdict = judged_in_2040(&other);
    assert_eq!((verdict.passed(), verdict.level), (true, Some(Level::B)));
    assert!(!verdict.timestamps[0].intact && !verdict.timestamps[0].trusted);
}

#[test]
fn garbage_in_place_of_a_timestamp_proves_nothing() {
    let verdict = judged_in_2040(&add_timestamp(&sealed_by("citizen"), &[0x30, 0]).unwrap());
    assert_eq!(
        (verdict.passed(), verdict.level, verdict.sub_indication),
        (true, Some(Level::B), None::<SubIndication>)
    );
    assert!(!verdict.timestamps[0].intact);
}

#[test]
fn no_byte_of_a_timestamp_can_be_changed_and_still_move_the_time() {
    let signature = sealed_by("citizen");
    let token = token(&signature[signature.len() - 256..], "tsa");
    let good = judged_in_2040(&add_timestamp(&signature, &token).unwrap()).signed_at;
    for at in 0..token.len() {
        let mut altered = token.clone();
        altered[at] ^= 1 << (at % 8);
        let Ok(stamped) = add_timestamp(&signature, &altered) else { continue };
        let verdicts = signature::judge(&stamped, Some(TEXT), "file", NOW + 14 * 365 * 86_400 * 1_000_000, &policy());
        for verdict in verdicts.iter().filter(|verdict| verdict.level == Some(Level::T)) {
            assert_eq!(verdict.signed_at, good, "byte {at}");
        }
    }
}

const SIGNATURE_TIMESTAMP: &str = "2a864886f70d010910020e";
const CERTIFICATE_REFERENCES: &str = "2a864886f70d0109100215";
const REVOCATION_REFERENCES: &str = "2a864886f70d0109100216";
const CADES_C_TIMESTAMP: &str = "2a864886f70d0109100219";
const REFERENCES_TIMESTAMP: &str = "2a864886f70d010910021a";

/// What is known of a timestamp: its kind, whether it is whole, and trusted.
fn worth(stamp: &SignatureTimestamp) -> (Option<TimestampKind>, bool, bool) {
    (stamp.kind, stamp.intact, stamp.trusted)
}

/// A signature with references to validation data and timestamps over them, as CAdES-X had.
fn extended() -> Message {
    let mut message = Message::of(&sealed_by("citizen"));
    let value = inside(&message.signers[0][5]).to_vec();
    let stamp = attribute(SIGNATURE_TIMESTAMP, &[&token(&value, "tsa")]);
    // An empty list each: what stands in them is nothing to the timestamps.
    let references = [CERTIFICATE_REFERENCES, REVOCATION_REFERENCES].map(|name| attribute(name, &[&[0x30, 0]]));
    let of_references = [inside(&references[0]), inside(&references[1])].concat();
    let of_all = [&value, inside(&stamp), &of_references].concat();
    let over_all = attribute(CADES_C_TIMESTAMP, &[&token(&of_all, "tsa")]);
    let over_references = attribute(REFERENCES_TIMESTAMP, &[&token(&of_references, "tsa")]);
    for one in [&stamp, &references[0], &references[1], &over_all, &over_references] {
        message.add_unsigned(0, one);
    }
    message
}

#[test]
fn timestamps_over_references_are_listed_with_what_they_are_worth() {
    use TimestampKind::{References, SignatureAndReferences};
    let message = extended();
    let verdict = judged_in_2040(&message.bytes());
    let stamps: Vec<_> = verdict.timestamps.iter().map(worth).collect();
    let all = [(None, true, true), (Some(SignatureAndReferences), true, true), (Some(References), true, true)];
    assert_eq!(stamps, all);
    assert!(verdict.passed(), "{:?}", verdict.detail);
    let shown = serde_json::to_value(verdict.in_zone(chrono_tz::UTC)).unwrap();
    assert_eq!(shown["timestamps"][1]["kind"], "signature_and_references");
    // Another list of references.
    let mut altered = message;
    let last = altered.signers[0].len() - 1;
    let unsigned = altered.signers[0][last].clone();
    let changed: Vec<Vec<u8>> = parts(&unsigned)
        .into_iter()
        .map(|one| {
            let is_it = parts(one)[0] == oid(REVOCATION_REFERENCES);
            if is_it { attribute(REVOCATION_REFERENCES, &[&[0x30, 2, 5, 0]]) } else { one.to_vec() }
        })
        .collect();
    altered.signers[0][last] = crate::parts::element(0xa1, &[&changed.concat()]);
    let verdict = judged_in_2040(&altered.bytes());
    let stamps: Vec<_> = verdict.timestamps.iter().map(worth).collect();
    let all = [(None, true, true), (Some(SignatureAndReferences), false, false), (Some(References), false, false)];
    assert_eq!(stamps, all);
    assert!(verdict.passed(), "they harm nothing");
}

#[test]
fn archive_timestamps_of_the_older_forms_are_listed_and_not_judged() {
    for older in ["2a864886f70d010910021b", "2a864886f70d0109100230"] {
        let mut message = Message::of(&sealed_by("citizen"));
        message.add_unsigned(0, &attribute(older, &[&token(b"whatever they cover", "tsa")]));
        let verdict = judged_in_2040(&message.bytes());
        let [stamp] = &verdict.timestamps[..] else { panic!("{:?}", verdict.timestamps) };
        assert!(stamp.archive && stamp.not_judged && !stamp.intact && !stamp.trusted);
        assert_eq!(stamp.authority.as_deref(), Some("Ventanilla TEST"));
        assert!(stamp.at.is_some());
        assert_eq!((verdict.level, verdict.signed_at), (Some(Level::B), in_2040()), "it proves no time");
        message.signers[0].pop();
        message.add_unsigned(0, &attribute(older, &[&[5, 0]]));
        let verdict = judged_in_2040(&message.bytes());
        assert!(verdict.timestamps[0].not_judged && verdict.timestamps[0].at.is_none());
    }
}
