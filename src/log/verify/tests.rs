use super::*;
use crate::log::naive;

fn flipped(hash: &Sha256) -> Sha256 {
    let mut other = *hash;
    other.0[31] ^= 1;
    other
}

#[test]
fn an_inclusion_proof_holds_for_its_own_leaf_place_size_and_root_alone() {
    let leaves = naive::leaves(40);
    for size in 1..=40_usize {
        let root = naive::root(&leaves[..size]);
        for index in 0..size {
            let proof = naive::path(index, &leaves[..size]);
            let (at, of) = (index as u64, size as u64);
            let check = verify_inclusion;
            assert_eq!(check(&leaves[index], at, of, &proof, &root), Ok(()));
            assert_eq!(check(&flipped(&leaves[index]), at, of, &proof, &root), Err(ProofError::Root));
            assert_eq!(check(&leaves[index], at, of, &proof, &flipped(&root)), Err(ProofError::Root));
            for place in 0..proof.len() {
                let mut other = proof.clone();
                other[place] = flipped(&other[place]);
                assert_eq!(check(&leaves[index], at, of, &other, &root), Err(ProofError::Root));
                other.remove(place);
                assert!(check(&leaves[index], at, of, &other, &root).is_err());
            }
            let longer = [&proof[..], &[root]].concat();
            assert_eq!(check(&leaves[index], at, of, &longer, &root), Err(ProofError::Length));
            for elsewhere in (0..of + 2).filter(|other| *other != at) {
                assert!(check(&leaves[index], elsewhere, of, &proof, &root).is_err(), "{at} as {elsewhere} of {of}");
            }
        }
    }
}

#[test]
fn a_consistency_proof_holds_for_its_own_trees_alone() {
    let leaves = naive::leaves(40);
    for new in 1..=40_usize {
        let new_root = naive::root(&leaves[..new]);
        for old in 1..new {
            let old_root = naive::root(&leaves[..old]);
            let proof = naive::consistency(old, &leaves[..new]);
            let (from, to) = (old as u64, new as u64);
            let check = |proof: &[Sha256]| verify_consistency(from, &old_root, to, &new_root, proof);
            assert_eq!(check(&proof), Ok(()));
            for place in 0..proof.len() {
                let mut other = proof.clone();
                other[place] = flipped(&other[place]);
                assert_eq!(check(&other), Err(ProofError::Root), "{place} of {from} to {to}");
                other.remove(place);
                assert!(check(&other).is_err());
            }
            assert_eq!(check(&[&proof[..], &[new_root]].concat()), Err(ProofError::Length));
            assert!(verify_consistency(from, &flipped(&old_root), to, &new_root, &proof).is_err());
            assert!(verify_consistency(from, &old_root, to, &flipped(&new_root), &proof).is_err());
            // A history written anew: one old leaf is another one.
            let mut rewritten = leaves[..new].to_vec();
            rewritten[old - 1] = flipped(&rewritten[old - 1]);
            let forged = naive::consistency(old, &rewritten);
            assert!(verify_consistency(from, &old_root, to, &naive::root(&rewritten), &forged).is_err());
        }
    }
}

#[test]
fn trees_without_leaves_and_equal_ones_are_proved_by_nothing() {
    let root = naive::root(&naive::leaves(5));
    assert_eq!(verify_consistency(0, &EMPTY_ROOT, 5, &root, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &EMPTY_ROOT, 0, &EMPTY_ROOT, &[]), Ok(()));
    assert_eq!(verify_consistency(5, &root, 5, &root, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &root, 5, &root, &[]), Err(ProofError::Root));
    assert_eq!(verify_consistency(0, &root, 0, &root, &[]), Err(ProofError::Root));
    assert_eq!(verify_consistency(5, &root, 5, &flipped(&root), &[]), Err(ProofError::Root));
    assert_eq!(verify_consistency(5, &root, 5, &root, &[root]), Err(ProofError::Length));
    assert_eq!(verify_consistency(0, &EMPTY_ROOT, 5, &root, &[root]), Err(ProofError::Length));
    assert_eq!(verify_consistency(6, &root, 5, &root, &[]), Err(ProofError::OutOfTree));
    assert_eq!(verify_inclusion(&root, 0, 0, &[], &root), Err(ProofError::OutOfTree));
}

#[test]
fn no_number_and_no_length_makes_it_panic() {
    let hash = EMPTY_ROOT;
    let numbers = [0, 1, 2, 3, 255, 256, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX];
    for first in numbers {
        for second in numbers {
            for length in [0, 1, 2, 62, 63, 64, 65, 1000] {
                let proof = vec![hash; length];
                assert!(verify_inclusion(&hash, first, second, &proof, &EMPTY_ROOT).is_err() || second == 1);
                let consistent = verify_consistency(first, &hash, second, &EMPTY_ROOT, &proof).is_ok();
                assert!(!consistent || (length == 0 && (first == 0 || first == second)), "{first} {second} {length}");
            }
        }
    }
}
