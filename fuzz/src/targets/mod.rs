//! The targets, one file per crate that is fuzzed.

mod changes;
mod types;

use crate::Target;

/// Every target.
pub const TARGETS: &[Target] = &[
    types::TIMES,
    types::NAMESPACES,
    types::IDS,
    types::TEXTS,
    changes::FRAMES,
    changes::HEADERS,
    changes::BODIES,
    changes::BLOCKS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_different_and_seeds_pass() {
        let names: std::collections::BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
        assert_eq!(names.len(), TARGETS.len());
        for target in TARGETS {
            assert!(!target.seeds.is_empty(), "{} has no seed", target.name);
            for seed in target.seeds {
                (target.run)(seed);
            }
            (target.run)(b"");
            (target.run)(&[0xff; 64]);
        }
    }
}
