//! Checking what is held: every chain, hash and signature of this journal, for `jay doctor`.

use super::export::Branch;
use crate::Result;
use crate::tx::Tx;
use jay_types::change::StoredBody;
use jay_types::change::sign::verify;

/// Bytes of changes read at a time, about.
const PAGE_BYTES: usize = 4 << 20;

impl Tx<'_> {
    /// Every fault of the journal, in words; empty where it holds together. `seen` is called after each page with the
    /// number of changes checked so far.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn verify_journal(&self, seen: &mut dyn FnMut(u64)) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        let mut checked = 0;
        for branch in self.branches()? {
            self.verify_branch(&branch, &mut faults, &mut |count| {
                checked += count;
                seen(checked);
            })?;
        }
        Ok(faults)
    }

    fn verify_branch(&self, branch: &Branch, faults: &mut Vec<String>, seen: &mut dyn FnMut(u64)) -> Result<()> {
        let name = format!("stream of node {} in namespace {}", branch.stream.node, branch.stream.namespace);
        let public_key: Option<[u8; 32]> =
            self.one("SELECT public_key FROM nodes WHERE id = ?1", [branch.stream.node.0], |row| row.get(0))?.flatten();
        let Some(public_key) = public_key else {
            faults.push(format!("{name}: its public key is missing"));
            return Ok(());
        };
        let mut seq = branch.parent.map_or(0, |(_, seq)| seq);
        loop {
            let page = self.branch_acts(branch, (seq, u64::MAX), PAGE_BYTES)?;
            if page.is_empty() {
                break;
            }
            for change in &page {
                if change.header.seq != seq + 1 {
                    faults.push(format!("{name}: seq {} is missing", seq + 1));
                }
                seq = change.header.seq;
                if change.header.hash() != change.hash {
                    faults.push(format!("{name}: header {seq} is not what its hash says"));
                }
                let ends_part = change.header.index + 1 == change.header.count;
                let signed = change.signature.is_some_and(|s| verify(&change.header, &s, &public_key));
                if ends_part && !signed {
                    faults.push(format!("{name}: the signature at {seq} does not hold"));
                }
                if let Some((salt, bytes)) = &change.body {
                    let body = StoredBody { encoding: change.header.encoding, salt: *salt, bytes: bytes.clone() };
                    if body.hash() != change.header.body_hash {
                        faults.push(format!("{name}: the body of {seq} is not what its hash says"));
                    }
                }
            }
            seen(page.len() as u64);
        }
        if seq != branch.head_seq {
            faults.push(format!("{name}: it should end at {}, it ends at {seq}", branch.head_seq));
        }
        Ok(())
    }
}
