use super::*;
use crate::log::naive::{self, Rows};
use crate::log::{verify_consistency, verify_inclusion};

/// Around what is stored and what is not.
const LARGE: [usize; 14] = [127, 128, 129, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_793, 131_329];

#[test]
fn inclusion_of_every_leaf_in_every_small_tree() {
    let leaves = naive::leaves(72);
    let rows = Rows::of(&leaves);
    for size in 1..=72 {
        let root = naive::root(&leaves[..size]);
        for index in 0..size {
            let proof = rows.answer(&Plan::inclusion(index as u64, size as u64).unwrap());
            assert_eq!(proof, naive::path(index, &leaves[..size]), "{index} in {size}");
            assert_eq!(verify_inclusion(&leaves[index], index as u64, size as u64, &proof, &root), Ok(()));
        }
    }
}

#[test]
fn consistency_of_every_pair_of_small_trees() {
    let leaves = naive::leaves(72);
    let rows = Rows::of(&leaves);
    for new in 0..=72 {
        let new_root = naive::root(&leaves[..new]);
        for old in 0..=new {
            let proof = rows.answer(&Plan::consistency(old as u64, new as u64).unwrap());
            assert_eq!(proof, naive::consistency(old, &leaves[..new]), "{old} to {new}");
            let old_root = naive::root(&leaves[..old]);
            assert_eq!(verify_consistency(old as u64, &old_root, new as u64, &new_root, &proof), Ok(()));
        }
    }
}

#[test]
fn trees_with_full_tiles_take_few_runs_each_within_a_tile() {
    let leaves = naive::leaves(131_329);
    let rows = Rows::of(&leaves);
    assert_eq!(rows.len(), 131_329 + 513 + 2);
    let mut edge = Edge::default();
    let mut roots = vec![edge.root()];
    for leaf in &leaves {
        edge.append(*leaf).unwrap();
        roots.push(edge.root());
    }
    for size in LARGE {
        let root = naive::root(&leaves[..size]);
        assert_eq!(root, roots[size]);
        assert_eq!(rows.answer(&Plan::root(size as u64)), [root]);
        let near = [0, 1, 126, 127, 128, 255, 256, 257, 300, 65_279, 65_280, 65_535, 65_536, 65_537, 65_792, size - 1];
        for index in near.into_iter().filter(|index| *index < size) {
            let plan = Plan::inclusion(index as u64, size as u64).unwrap();
            few_runs(&plan);
            let proof = rows.answer(&plan);
            let verified = verify_inclusion(&leaves[index], index as u64, size as u64, &proof, &root);
            assert_eq!(verified, Ok(()), "{index} in {size}");
        }
        for old in LARGE.into_iter().chain([1, 2, 3, 100]).filter(|old| *old <= size) {
            let plan = Plan::consistency(old as u64, size as u64).unwrap();
            few_runs(&plan);
            let proof = rows.answer(&plan);
            let verified = verify_consistency(old as u64, &roots[old], size as u64, &root, &proof);
            assert_eq!(verified, Ok(()), "{old} to {size}");
        }
    }
}

fn few_runs(plan: &Plan) {
    assert!(plan.runs().len() <= 9, "{plan:?}");
    for run in plan.runs() {
        assert_eq!(run.level % 8, 0);
        assert!((1..=256).contains(&run.count), "{run:?}");
        assert_eq!(run.start / 256, (run.start + u64::from(run.count) - 1) / 256, "{run:?} crosses tiles");
    }
    assert!(plan.runs().is_sorted());
}

#[test]
fn the_largest_trees_are_planned_without_overflow() {
    for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1, (1 << 63) - 1] {
        for index in [0, 1, size / 2, size - 2, size - 1] {
            let plan = Plan::inclusion(index, size).unwrap();
            let fetched: Vec<Vec<Sha256>> = plan.runs().iter().map(|run| naive::leaves(u64::from(run.count))).collect();
            assert!(plan.finish(&fetched).unwrap().len() <= 64);
            assert!(plan.runs().len() <= 3 * 8, "{} runs", plan.runs().len());
            let plan = Plan::consistency(index, size).unwrap();
            assert!(plan.runs().len() <= 3 * 8, "{} runs", plan.runs().len());
        }
    }
}

#[test]
fn leaves_and_sizes_that_are_not_there() {
    assert_eq!(Plan::inclusion(0, 0), Err(OutOfTree));
    assert_eq!(Plan::inclusion(7, 7), Err(OutOfTree));
    assert_eq!(Plan::inclusion(u64::MAX, u64::MAX), Err(OutOfTree));
    assert_eq!(Plan::consistency(8, 7), Err(OutOfTree));
    assert_eq!(Plan::root(0).finish(&[] as &[Vec<Sha256>]), Ok(vec![crate::log::tree::EMPTY_ROOT]));
}

#[test]
fn a_store_that_lacks_nodes_is_told_which() {
    let rows = Rows::of(&naive::leaves(300));
    let plan = Plan::inclusion(17, 300).unwrap();
    let mut fetched: Vec<Vec<Sha256>> = plan.runs().iter().map(|run| rows.fetch(*run)).collect();
    let last = fetched.pop().unwrap();
    assert_eq!(plan.finish(&fetched), Err(WrongFetch::Runs { wanted: 3, found: 2 }));
    fetched.push(last[1..].to_vec());
    let wrong = WrongFetch::Nodes { run: plan.runs()[2], found: last.len() - 1 };
    assert_eq!(plan.finish(&fetched), Err(wrong));
}

#[test]
fn a_batch_has_the_proofs_that_the_rows_would_give() {
    let leaves = naive::leaves(66_000);
    let rows = Rows::of(&leaves);
    let check = |before: &Edge, new: usize| {
        let old = usize::try_from(before.size()).unwrap();
        let proofs = batch_inclusion(before, &leaves[old..new]);
        assert_eq!(proofs.len(), new - old);
        for (index, proof) in (before.size()..).zip(&proofs) {
            let plan = Plan::inclusion(index, new as u64).unwrap();
            assert_eq!(*proof, rows.answer(&plan), "{index} of {old} to {new}");
        }
    };
    for old in 0..=66 {
        let before = Rows::of(&leaves[..old]).edge;
        for new in old..=67 {
            check(&before, new);
        }
    }
    for old in [200, 255, 256, 257, 65_530, 65_535, 65_536, 65_537] {
        let before = Rows::of(&leaves[..old]).edge;
        for count in [1, 2, 3, 63, 64, 65, 300] {
            check(&before, old + count);
        }
    }
}

#[test]
fn a_batch_at_the_end_of_the_largest_tree() {
    let size = u64::MAX - 3;
    let before = Edge::new(size, naive::leaves(u64::from(size.count_ones()))).unwrap();
    let leaves = naive::leaves(3);
    let mut after = before.clone();
    for leaf in &leaves {
        after.append(*leaf).unwrap();
    }
    for (index, (leaf, proof)) in (size..u64::MAX).zip(leaves.iter().zip(batch_inclusion(&before, &leaves))) {
        assert_eq!(verify_inclusion(leaf, index, u64::MAX, &proof, &after.root()), Ok(()));
    }
}
