//! Who gives leave for later changes: the signer in his own signature, and nobody in his place.

use rstest::rstest;
use ventanilla::signature::{Later, LaterClass};

use crate::paper::{Paper, Seal, doc_mdp};
use crate::roles::prepared;

/// What is said of the citizen's signature.
fn later(paper: &Paper) -> Later {
    let mut verdicts = paper.judged();
    let by_citizen = verdicts.remove(usize::from(verdicts.len() > 1 && paper.catalog.contains("/Earlier")));
    assert!(by_citizen.intact, "{:?}", by_citizen.detail);
    by_citizen.coverage.later.unwrap()
}

fn a_certification_in_the_catalog(paper: &mut Paper) -> Seal<'static> {
    paper.put(120, &format!("<< /Type /Sig /Filter /Adobe.PPKLite {} >>", doc_mdp(3)));
    paper.catalog += " /Perms << /DocMDP 120 0 R >>";
    paper.put_structure();
    Seal::by("citizen")
}

fn the_lock_of_the_field(_: &mut Paper) -> Seal<'static> {
    let field = "/Lock << /Type /SigFieldLock /Action /Include /Fields [] /P 3 >>".to_owned();
    Seal { field, ..Seal::by("citizen") }
}

fn another_signer(paper: &mut Paper) -> Seal<'static> {
    paper.finish();
    paper.sign(&Seal::by("citizen2").with(&doc_mdp(3)));
    paper.catalog += " /PieceInfo << /Earlier 1 >>";
    Seal::by("citizen")
}

fn a_field_that_nobody_signed(paper: &mut Paper) -> Seal<'static> {
    paper.put(121, &format!("<< /FT /Sig /T (Nadie) /V << /Type /Sig {} >> >>", doc_mdp(3)));
    paper.fields.push(121);
    paper.put_structure();
    Seal::by("citizen")
}

fn the_signer(_: &mut Paper) -> Seal<'static> {
    Seal::by("citizen").with(&doc_mdp(3))
}

/// Makes a seal for a document, and whoever gives leave in it.
type GiveLeave = fn(&mut Paper) -> Seal<'static>;

#[rstest]
#[case::a_certification_in_the_catalog(a_certification_in_the_catalog, false)]
#[case::the_lock_of_the_field(the_lock_of_the_field, false)]
#[case::another_signer(another_signer, false)]
#[case::a_field_that_nobody_signed(a_field_that_nobody_signed, false)]
#[case::the_signer(the_signer, true)]
fn only_the_signer_gives_leave(#[case] give: GiveLeave, #[case] harmless: bool) {
    let mut paper = prepared();
    let seal = give(&mut paper);
    paper.finish();
    paper.sign(&seal);

    let mut signed_over = paper.clone();
    signed_over.sign(&Seal { rectangle: "[0 0 595 842]".to_owned(), ..Seal::by("citizen2") });
    let found = later(&signed_over);
    assert_eq!((found.class, found.harmless), (LaterClass::Signatures, harmless), "{found:?}");

    let mut stamped = paper.clone();
    let (stamp, look) = (stamped.number(), stamped.number());
    stamped.put_stream(look, "/Type /XObject /Subtype /Form /BBox [0 0 595 842]", b"1 g 0 0 595 842 re f");
    stamped.put(stamp, &format!("<< /Type /Annot /Subtype /Stamp /F 4 /Rect [0 0 595 842] /AP << /N {look} 0 R >> >>"));
    stamped.annotations.push(stamp);
    stamped.put_structure();
    stamped.finish();
    let found = later(&stamped);
    assert_eq!((found.class, found.harmless), (LaterClass::Annotations, harmless), "{found:?}");
}

#[test]
fn leave_that_another_takes_back_is_none() {
    let mut paper = prepared();
    paper.put(120, &format!("<< /Type /Sig /Filter /Adobe.PPKLite {} >>", doc_mdp(2)));
    paper.catalog += " /Perms << /DocMDP 120 0 R >>";
    paper.put_structure();
    paper.finish();
    paper.sign(&Seal::by("citizen").with(&doc_mdp(3)));
    paper.sign(&Seal { rectangle: "[0 0 595 842]".to_owned(), ..Seal::by("citizen2") });
    let found = later(&paper);
    assert_eq!((found.class, found.harmless), (LaterClass::Signatures, false), "{found:?}");
}
