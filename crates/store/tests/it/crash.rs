//! Processes: killed in the middle of a write, without room to write, twenty at once, and those that only read (I1, I6, I8).

use crate::support::*;
use jay_store::{Moment, Store};
use jay_testkit::kill::{KillAfter, feed_and_kill};
use jay_testkit::{Random, Stopwatch, counts};
use jay_types::{EntityId, Error};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Tells the test executable that it is a child: `<what> <directory> <seed>`.
const CHILD: &str = "JAY_STORE_TEST_CHILD";

pub(crate) fn child_command(what: &str, directory: &Path, seed: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "crash::a_child_of_the_tests_below", "--nocapture", "--test-threads=1"]);
    command.env(CHILD, format!("{what} {seed} {}", directory.display()));
    command
}

pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a process is told by its environment that it is a child")]
fn a_child_of_the_tests_below() {
    let Some(task) = std::env::var_os(CHILD) else { return };
    let task = task.into_string().unwrap();
    let [what, seed, directory] = task.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let seed = seed.parse().unwrap();
    let steps = Steps::new(seed);
    let (memory, archive) = Store::pair(&options(Path::new(directory), &steps));
    match what {
        "endless" => write_for_ever(&memory, seed),
        "cramped" => write_until_refused(&memory, seed),
        "looking" => read_until_told(&memory),
        "adopting" => crate::forged::adopt_and_tell(&memory, &archive),
        _ => write_and_read(&memory, seed),
    }
}

/// Holds a snapshot until stdin ends.
fn read_until_told(store: &Store) {
    store
        .read::<_, Error>(|tx| {
            tx.latest_pos()?;
            say("looking");
            std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()).unwrap();
            Ok(())
        })
        .unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_purge_names_the_process_that_it_waits_for() {
    use std::io::BufRead as _;
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let victim = node.remember(ns, "victim");
    let mut command = child_command("looking", &node.directory(), 2);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().map(Result::unwrap).any(|line| line == "looking"));
    node.purge(ns, victim);
    let scrubbed = node.memory.scrub().unwrap();
    assert_eq!((scrubbed.done, scrubbed.waiting_for), (false, Some(format!("process {}", child.id()))));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    let scrubbed = node.memory.scrub().unwrap();
    assert_eq!((scrubbed.done, scrubbed.waiting_for), (true, None));
}

fn write_one(store: &Store, text: &str) -> Result<EntityId, Error> {
    store.write(&ann(), |w| {
        let (ns, _) = w.namespace(&path("team"))?;
        Ok(create(w, ns, saying(text)))
    })
}

fn write_for_ever(store: &Store, seed: u64) {
    let mut random = Random::new(seed);
    for n in 0_u64.. {
        // Several acts in one commit now and then, large ones too, so that a kill falls anywhere.
        let texts: Vec<String> = (0..=random.below(3)).map(|k| format!("{seed} {n} {k}")).collect();
        let padding = if n % 9 == 0 { random.letters(60_000) } else { String::new() };
        let ids = store.group(|| {
            let all = texts.iter().map(|text| write_one(store, &format!("{text} {padding}")));
            all.collect::<Result<Vec<_>, _>>().unwrap()
        });
        for (id, text) in ids.unwrap().iter().zip(&texts) {
            say(&format!("ack {id} {text}"));
        }
        store.tend().unwrap();
        if n % 5 == 3 {
            // Files of the text index are written, named and removed: a kill falls into that too.
            store.settle_index().unwrap();
        }
    }
}

fn write_until_refused(store: &Store, seed: u64) {
    let mut random = Random::new(seed);
    let mut refused = 0;
    for n in 0.. {
        let text = format!("{seed} {n}");
        match write_one(store, &format!("{text} {}", random.letters(20_000))) {
            Ok(id) => say(&format!("ack {id} {text}")),
            Err(error) => {
                say(&format!("error {}", error.code.name()));
                refused += 1;
            }
        }
        if refused == 20 || n == 1000 {
            return;
        }
    }
}

fn write_and_read(store: &Store, seed: u64) {
    let mut longest = Duration::ZERO;
    for n in 0..25 {
        let text = format!("{seed} {n}");
        let watch = Stopwatch::start();
        match write_one(store, &text) {
            Ok(id) => say(&format!("ack {id} {text}")),
            Err(error) => say(&format!("error {}: {error}", error.code.name())),
        }
        longest = longest.max(watch.elapsed());
        if n % 8 == 5
            && let Err(error) = store.settle_index()
        {
            say(&format!("error {error}"));
        }
        let read = store.read::<_, Error>(|tx| {
            Ok((tx.list(&everything(), 5, None)?, tx.search_memories(&asking("1"), &everything(), 5)?))
        });
        if let Err(error) = read {
            say(&format!("error {}: {error}", error.code.name()));
        }
    }
    say(&format!("wait {}", longest.as_millis()));
}

/// Acknowledged ids with the beginnings of their texts.
fn acknowledged(lines: &[String]) -> BTreeMap<EntityId, String> {
    let acks = lines.iter().filter_map(|line| line.strip_prefix("ack "));
    acks.map(|line| line.split_once(' ').unwrap())
        .map(|(id, text)| (EntityId::parse(id).unwrap(), text.to_owned()))
        .collect()
}

fn assert_whole(node: &Node, acknowledged: &BTreeMap<EntityId, String>) {
    for (id, text) in acknowledged {
        let row = node.get(*id).unwrap_or_else(|| panic!("{text} was acknowledged and is gone"));
        assert!(row.memory.text.starts_with(text));
    }
    let faults = node
        .memory
        .read::<_, Error>(|tx| Ok((tx.verify_journal(&mut |_| ())?, tx.integrity_faults()?, tx.text_index_faults()?)));
    assert_eq!(faults.unwrap(), (vec![], vec![], vec![]));
    assert!(node.memory.rebuild(&mut |_, _| ()).unwrap().same);
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let node = Node::new(1);
    let mut random = Random::new(5);
    let mut all = BTreeMap::new();
    for kill in 0..counts().kills() {
        let command = child_command("endless", &node.directory(), u64::from(kill) + 10);
        let pause = Duration::from_micros(random.below(20_000));
        let killed = feed_and_kill(command, [], KillAfter { answers: 1 + random.index(60), pause });
        assert!(killed.was_running);
        all.extend(acknowledged(&killed.answers));
        assert_whole(&node.again(), &all);
    }
    assert!(all.len() > counts().kills() as usize, "{} acknowledged", all.len());
    node.namespace("another");
    let nodes = node.memory.read::<_, Error>(|tx| Ok(tx.branches()?)).unwrap();
    let first = nodes[0].stream.node;
    assert!(nodes.iter().all(|branch| branch.stream.node == first), "it stays one node");
}

#[test]
fn where_there_is_no_room_errors_are_told_and_nothing_acknowledged_is_lost() {
    let node = Node::new(1);
    node.namespace("team");
    let child = child_command("cramped", &node.directory(), 7);
    let mut command = Command::new("/bin/sh");
    // No file may grow beyond 2,048 blocks of the shell's; the signal of it is ignored, so that a write fails instead.
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""])
        .arg(child.get_program())
        .args(child.get_args());
    command.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.stderr(Stdio::null()).output().unwrap();
    let lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    let errors: Vec<&String> = lines.iter().filter(|line| line.starts_with("error ")).collect();
    assert_eq!(errors.len(), 20, "{lines:?}");
    assert!(errors.iter().all(|line| *line == "error io"), "{errors:?}");
    let all = acknowledged(&lines);
    assert!(all.len() > 3, "{} acknowledged", all.len());
    let again = node.again();
    assert_whole(&again, &all);
    // What was answered with an error is not there, and with room the store goes on.
    assert_eq!(again.list().len(), all.len());
    write_one(&again.memory, "after").unwrap();
    assert_eq!(again.list().len(), all.len() + 1);
}

#[test]
fn twenty_processes_at_once_lose_nothing_and_never_find_it_locked() {
    let node = Node::new(1);
    let children: Vec<_> = (0..20)
        .map(|seed| {
            let mut command = child_command("crowd", &node.directory(), 100 + seed);
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let mut lines = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        lines.extend(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned));
    }
    let errors: Vec<&String> = lines.iter().filter(|line| line.starts_with("error ")).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let all = acknowledged(&lines);
    assert_eq!(all.len(), 500);
    let waits = lines.iter().filter_map(|line| line.strip_prefix("wait ")?.parse::<u64>().ok());
    println!("the longest of 500 writes by twenty processes took {} ms", waits.max().unwrap());
    assert_whole(&node, &all);
    let nodes = node.memory.read::<_, Error>(|tx| Ok(tx.branches()?)).unwrap();
    assert!(nodes.iter().all(|branch| Some(branch.stream.node) == node.memory.node()), "they are one node");
}

#[test]
fn reading_writes_nothing_closing_included() {
    let node = Node::new(1);
    let (ns, num) = node.namespace("team");
    let id = node.remember(ns, "some words");
    node.edit(ns, id, saying("other words"));
    node.forget(ns, id);
    let reader = node.again();
    drop(node);
    let files = || {
        let names = ["memory.db", "memory.db-wal", "node.key", "node.json", "state"];
        names.map(|name| {
            let file = reader.directory().join(name);
            let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
            (name, modified, std::fs::read(&file).unwrap_or_default())
        })
    };
    let before = files();
    std::thread::sleep(Duration::from_millis(20));
    for _ in 0..3 {
        let reader = reader.again();
        reader.list();
        reader.search("words");
        reader.get_at(id, Moment::Position(3));
        let all = |tx: &jay_store::Tx<'_>| -> Result<(), Error> {
            tx.history(tx.find_memory(&id.to_string(), None)?)?;
            tx.counts()?;
            tx.root_of(num)?;
            tx.verify_journal(&mut |_| ())?;
            tx.integrity_faults()?;
            tx.canonical_dump()?;
            tx.forgotten_text(num, "other words")?;
            Ok(())
        };
        reader.memory.read(all).unwrap();
        reader.id();
    }
    assert!(files() == before);
}
