//! The tree against the definitions of RFC 6962 written out, and against proofs that were changed.

use super::*;
use crate::digest::{hex, leaf_hash};

/// All leaves in memory; complete subtrees hashed from them each time.
struct Leaves(Vec<Hash>);

impl Nodes for Leaves {
    type Error = std::convert::Infallible;
    fn node(&mut self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        let width = 1_usize << level;
        let from = usize::try_from(index).unwrap() * width;
        Ok(definition(&self.0[from..from + width]))
    }
}

/// MTH(D[n]) as the RFC defines it.
fn definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        more => {
            let mut k = 1;
            while k * 2 < more.len() {
                k *= 2;
            }
            node_hash(&definition(&more[..k]), &definition(&more[k..]))
        }
    }
}

fn leaves(count: u64) -> Leaves {
    Leaves((0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect())
}

#[test]
fn the_frontier_gives_the_root_of_the_definition_and_names_complete_subtrees() {
    let all = leaves(300);
    let mut frontier = Frontier::default();
    let mut seen = 0;
    for size in 0..=all.0.len() {
        assert_eq!(frontier.root(), definition(&all.0[..size]), "{size}");
        assert_eq!(Frontier::new(frontier.size(), frontier.peaks().to_vec()), Some(frontier.clone()));
        let Some(leaf) = all.0.get(size) else { break };
        frontier.push(*leaf, |level, index, hash| {
            let width = 1_usize << level;
            let from = usize::try_from(index).unwrap() * width;
            assert_eq!(*hash, definition(&all.0[from..from + width]), "{level} {index}");
            seen += 1;
        });
    }
    // 300 leaves, 150 pairs, 75 fours, 37 eights, 18, 9, 4, 2, 1.
    assert_eq!(seen, 300 + 150 + 75 + 37 + 18 + 9 + 4 + 2 + 1);
    assert_eq!(Frontier::new(3, vec![empty_root()]), None);
}

/// The eight leaves and roots that implementations of certificate transparency share as their test.
#[test]
fn known_roots() {
    let contents: [&[u8]; 8] = [
        b"",
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::default();
    assert_eq!(hex(&frontier.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (content, root) in contents.iter().zip(roots) {
        frontier.push(leaf_hash(content), |_, _, _| {});
        assert_eq!(hex(&frontier.root()), root);
    }
}

#[test]
fn inclusion_proofs_verify_and_changed_ones_do_not() {
    let mut all = leaves(70);
    for size in 1..=70_u64 {
        let root = root_at(&mut all, size).unwrap();
        assert_eq!(root, definition(&all.0[..usize::try_from(size).unwrap()]));
        for index in 0..size {
            let leaf = all.0[usize::try_from(index).unwrap()];
            let path = inclusion(&mut all, index, size).unwrap();
            assert!(verify_inclusion(&leaf, index, size, &path, &root), "{index} of {size}");
            let other = leaf_hash(b"another");
            assert!(!verify_inclusion(&other, index, size, &path, &root));
            assert!(!verify_inclusion(&leaf, index, size, &path, &other));
            for wrong in 0..size + 2 {
                assert!(wrong == index || !verify_inclusion(&leaf, wrong, size, &path, &root), "{wrong} for {index} of {size}");
            }
            for at in 0..path.len() {
                let mut changed = path.clone();
                changed[at][at % 32] ^= 1;
                assert!(!verify_inclusion(&leaf, index, size, &changed, &root));
            }
            let mut longer = path.clone();
            longer.push(root);
            assert!(!verify_inclusion(&leaf, index, size, &longer, &root));
            assert!(path.is_empty() || !verify_inclusion(&leaf, index, size, &path[1..], &root));
        }
        assert!(inclusion(&mut all, size, size).unwrap().is_empty());
    }
}

#[test]
fn consistency_proofs_verify_and_changed_ones_do_not() {
    let mut all = leaves(70);
    let roots: Vec<Hash> = (0..=70).map(|size| root_at(&mut all, size).unwrap()).collect();
    for new in 0..=70_u64 {
        for old in 0..=new {
            let (old_root, new_root) = (&roots[usize::try_from(old).unwrap()], &roots[usize::try_from(new).unwrap()]);
            let path = consistency(&mut all, old, new).unwrap();
            assert!(verify_consistency(old, new, &path, old_root, new_root), "{old} in {new}");
            let other = leaf_hash(b"another");
            assert!(!verify_consistency(old, new, &path, &other, new_root), "{old} in {new}");
            assert!(old == 0 || !verify_consistency(old, new, &path, old_root, &other), "{old} in {new}");
            assert!(old == new || !verify_consistency(new, old, &path, new_root, old_root));
            for at in 0..path.len() {
                let mut changed = path.clone();
                changed[at][at % 32] ^= 1;
                assert!(!verify_consistency(old, new, &changed, old_root, new_root), "{old} in {new}");
            }
            let mut longer = path.clone();
            longer.push(other);
            assert!(!verify_consistency(old, new, &longer, old_root, new_root), "{old} in {new}");
            assert!(path.is_empty() || !verify_consistency(old, new, &path[..path.len() - 1], old_root, new_root));
        }
    }
}
