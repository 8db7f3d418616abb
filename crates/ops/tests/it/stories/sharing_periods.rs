//! What ends after some time in a vault, where the clocks that measure it are wrong: nothing breaks for good.

use super::sharing::{at_hand, machine};
use super::sharing_clocks::{Vault, YEAR, node_of};
use super::*;
use jay_types::time::{DAY, MINUTE};

#[test]
fn a_code_counts_by_the_clocks_of_both_and_another_one_helps() {
    let mut vault = Vault::with_clocks(&[0]);
    let newcomer = machine(61);
    vault.add_remote(&newcomer);
    // A day and more ahead: the code is over for it. It is told by which clocks.
    let code = vault.machines[0].ok("vault_invite", json!({}))["code"].clone();
    newcomer.steps.clock.advance(DAY + 10 * MINUTE);
    let refused = newcomer.err("vault_join", json!({"code": code}));
    assert_eq!(refused.code, Code::Refused);
    assert!(refused.message.contains("this machine's clock shows 2026-05-02"), "{}", refused.message);
    assert!(refused.hint.as_ref().unwrap().contains("clock"), "{:?}", refused.hint);
    newcomer.steps.clock.advance(-DAY - 10 * MINUTE);
    newcomer.ok("vault_join", json!({"code": code}));
    newcomer.keep(json!({"text": "from the newcomer"}));
    newcomer.ok("sync", json!({}));
    // The clock of who invited jumps before it answers: to it the code is over, and a person decides.
    vault.set_clocks(&[2 * DAY]);
    let inviter = &vault.machines[0];
    for _ in 0..2 {
        inviter.ok("sync", json!({}));
        newcomer.ok("sync", json!({}));
    }
    assert_eq!(inviter.list(json!({"all": true})), Vec::<String>::new());
    let status = inviter.ok("sync_status", json!({}));
    assert_eq!(status["remotes"][0]["asking"][0]["node"], node_of(&newcomer), "{status:#}");
    inviter.ok("vault_add", json!({"who": node_of(&newcomer)}));
    inviter.ok("sync", json!({}));
    newcomer.ok("sync", json!({}));
    assert_eq!(inviter.list(json!({"all": true})), ["from the newcomer"]);
    assert_eq!(newcomer.ok("sync_status", json!({}))["vault"]["is_member"], true);
    // A machine a year behind: its codes are over for others, and it can be let in itself.
    let third = machine(62);
    third.steps.clock.advance(-YEAR);
    vault.add_remote(&third);
    let code = newcomer.ok("vault_invite", json!({}))["code"].clone();
    third.ok("vault_join", json!({"code": code}));
    for world in [&third, &newcomer, &third] {
        world.ok("sync", json!({}));
    }
    assert_eq!(third.ok("sync_status", json!({}))["vault"]["is_member"], true);
    assert_eq!(third.list(json!({"all": true})), ["from the newcomer"]);
}

#[test]
fn what_expires_expires_by_the_clock_of_who_looks_and_is_not_gone() {
    let mut vault = Vault::with_clocks(&[0, 2 * DAY, -YEAR]);
    vault.machines[0].keep(json!({"text": "the key is under the mat", "expires_at": "2026-05-02T12:00:00Z"}));
    vault.machines[0]
        .keep(json!({"text": "the shop is closed", "valid_from": "2026-04-30", "valid_to": "2026-05-02T12:00:00Z"}));
    vault.settle();
    let seen = |vault: &Vault| -> Vec<usize> {
        let count = |world: &World| world.recall(json!({"query": "key mat", "all": true})).len();
        vault.machines.iter().map(count).collect()
    };
    assert_eq!(seen(&vault), [1, 0, 1]);
    // Nothing was written of it: by the right clock it is there again.
    vault.set_clocks(&[0, 0, 0]);
    vault.settle();
    assert_eq!(seen(&vault), [1, 1, 1]);
    assert_eq!(vault.everywhere(|world| world.list(json!({"all": true})).len()), 2);
}

#[test]
fn a_purge_and_the_periods_of_a_vault_end_whatever_the_clocks_were() {
    let mut vault = Vault::with_clocks(&[0, DAY, 0]);
    let id = vault.machines[1].keep(json!({"text": "the word is swordfish"}));
    vault.settle();
    let purger = vault.machines.remove(2);
    purger.by(&at_hand(&purger), "purge", json!({"ids": [id]}));
    purger.ok("sync", json!({}));
    // The owner had not heard of it, and shares it once more. Who stays sees that by a clock that is a year ahead, and set right again.
    vault.machines[1].ok("update", json!({"id": id, "text": "the word was swordfish"}));
    vault.machines[1].keep(json!({"text": "something else"}));
    vault.machines[1].ok("sync", json!({"push": true}));
    vault.set_clocks(&[YEAR, DAY]);
    vault.machines[0].ok("sync", json!({}));
    vault.set_clocks(&[-YEAR, DAY - YEAR]);
    let gone = vault.machines.remove(1);
    let pending = |world: &World| world.ok("sync_status", json!({}))["remotes"][0].get("purges_pending").cloned();
    vault.settle();
    assert!(pending(&vault.machines[0]).is_some(), "the owner may still come");
    // After seven days without a word of the owner this one writes its file anew.
    vault.machines[0].steps.clock.advance(8 * DAY);
    vault.settle();
    assert_eq!(pending(&vault.machines[0]), None);
    // It comes back, and has nothing to bring back.
    gone.ok("sync", json!({}));
    vault.settle();
    assert_eq!(gone.list(json!({"all": true})), ["something else"]);
    assert_eq!(vault.everywhere(|world| world.list(json!({"all": true}))), ["something else"]);
}
