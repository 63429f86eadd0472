use super::*;
use crate::log::naive;

/// Leaves and roots of the test suite of Certificate Transparency's reference implementation (`merkle_tree_test.cc`).
const ENTRIES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn roots_are_those_of_certificate_transparency() {
    let mut edge = Edge::default();
    assert_eq!(edge.root().to_string(), ROOTS[0]);
    for (entry, root) in ENTRIES.iter().zip(&ROOTS[1..]) {
        edge.append(leaf_hash(&hex::decode(entry).unwrap())).unwrap();
        assert_eq!(edge.root().to_string(), *root, "after {entry}");
    }
}

#[test]
fn the_edge_has_the_root_of_all_leaves_and_survives_as_bytes() {
    let leaves = naive::leaves(600);
    let mut edge = Edge::default();
    for (size, leaf) in leaves.iter().enumerate() {
        assert_eq!(edge.root(), naive::root(&leaves[..size]));
        let bytes = edge.to_bytes();
        assert_eq!(bytes.len(), 8 + 32 * size.count_ones() as usize);
        assert_eq!(Edge::from_bytes(&bytes), Ok(edge.clone()));
        assert_eq!(Edge::new(edge.size(), edge.hashes().to_vec()), Ok(edge.clone()));
        edge.append(*leaf).unwrap();
    }
}

#[test]
fn every_complete_node_of_a_stored_level_is_told_once_and_no_other() {
    let leaves = naive::leaves(3 * 65_536 + 300);
    let mut edge = Edge::default();
    let mut told = Vec::new();
    for leaf in &leaves {
        told.extend(edge.append(*leaf).unwrap());
    }
    let of = |level| told.iter().filter(|node| node.level == level).copied().collect::<Vec<Node>>();
    assert_eq!((of(8).len(), of(16).len(), told.len()), (769, 3, 772));
    for (level, width) in [(8, 256), (16, 65_536)] {
        for (node, (index, under)) in of(level).iter().zip((0..).zip(leaves.chunks_exact(width))) {
            assert_eq!(*node, Node { level, index, hash: naive::root(under) });
        }
    }
}

#[test]
fn bytes_that_are_no_edge_are_refused() {
    let mut edge = Edge::default();
    for leaf in naive::leaves(7) {
        edge.append(leaf).unwrap();
    }
    let good = edge.to_bytes();
    for length in 0..good.len() {
        assert!(Edge::from_bytes(&good[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(Edge::from_bytes(&[&good[..], &[0]].concat()), Err(EdgeError::Length(good.len() + 1)));
    let long = [&good[..], &[0; 32]].concat();
    assert_eq!(Edge::from_bytes(&long), Err(EdgeError::Count { size: 7, wanted: 3, found: 4 }));
    for size in [0, 1, 6, 8, u64::MAX] {
        let mut other = good.clone();
        other[..8].copy_from_slice(&u64::to_be_bytes(size));
        assert!(Edge::from_bytes(&other).is_err(), "{size}");
    }
    assert_eq!(Edge::from_bytes(&[0; 8]), Ok(Edge::default()));
}

#[test]
fn the_largest_tree_takes_no_more_leaves_and_stays_as_it_was() {
    let mut edge = Edge::new(u64::MAX - 1, naive::leaves(63)).unwrap();
    edge.append(EMPTY_ROOT).unwrap();
    assert_eq!((edge.size(), edge.hashes().len()), (u64::MAX, 64));
    let before = edge.clone();
    assert_eq!(edge.append(EMPTY_ROOT), Err(TreeFull));
    assert_eq!(edge, before);
    assert_ne!(edge.root(), EMPTY_ROOT);
}
