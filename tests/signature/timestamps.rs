//! Timestamps over signatures: what they prove, and what proves nothing.

use ventanilla::signature::{self, Level, SubIndication, Verdict, add_timestamp};

use crate::pki::{NOW, TEXT, policy, sealed_by};
use crate::stamps::token;

/// The signature value of a sealed text is its last element: for an RSA key of 2,048 bits, 256 bytes.
fn stamped_by(authority: &str) -> Vec<u8> {
    let signature = sealed_by("citizen");
    let value = &signature[signature.len() - 256..];
    add_timestamp(&signature, &token(value, authority)).unwrap()
}

fn judged_in_2040(signature: &[u8]) -> Verdict {
    signature::judge(signature, Some(TEXT), "file", NOW + 14 * 365 * 86_400 * 1_000_000, &policy()).remove(0)
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
