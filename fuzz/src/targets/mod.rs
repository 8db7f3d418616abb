//! The targets, one file per crate that is fuzzed.

mod changes;
mod documents;
mod indexes;
mod models;
mod sessions;
mod transfer;
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
    indexes::SEGMENTS,
    indexes::VECTORS,
    documents::DOCUMENTS,
    sessions::SESSIONS,
    sessions::PIECES,
    sessions::ROOTS,
    models::TOKENIZERS,
    models::MODEL_SETTINGS,
    transfer::CARRIED_FILES,
    transfer::CARRIED_CONTENTS,
    transfer::INVITE_CODES,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_different_and_seeds_pass() {
        let names: std::collections::BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
        assert_eq!(names.len(), TARGETS.len());
        for target in TARGETS {
            let seeds = target.seeds.all();
            assert!(!seeds.is_empty(), "{} has no seed", target.name);
            for seed in &seeds {
                (target.run)(seed);
            }
            (target.run)(b"");
            (target.run)(&[0xff; 64]);
        }
    }
}
