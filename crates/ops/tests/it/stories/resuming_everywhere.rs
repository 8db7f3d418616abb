//! A session goes on in any client: every fixture of every client, written for every target and read by its adapter.

use super::sessions::cli;
use super::*;
use std::collections::BTreeSet;

/// What a session and its subagents say, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    /// Texts that somebody said: what client and system put in is apart.
    conversational: u64,
    injected: u64,
    calls: u64,
    results: u64,
    failed: u64,
    reasoning: u64,
    files: u64,
    sessions: u64,
}

impl Said {
    fn take(&mut self, message: &Value) {
        for part in message["parts"].as_array().unwrap() {
            let words = |field: &str| part[field].as_str().is_some_and(|text| !text.trim().is_empty());
            match part["type"].as_str().unwrap() {
                "text" if !words("text") => {}
                "text" if part["provenance"] == "injected" || message["role"] == "system" => self.injected += 1,
                "text" => self.conversational += 1,
                "reasoning" => self.reasoning += u64::from(words("text")),
                "file" => self.files += 1,
                "tool_call" => self.calls += 1,
                "tool_result" => {
                    self.results += 1;
                    self.failed += u64::from(part["is_error"] == true);
                }
                other => panic!("part {other}"),
            }
        }
    }
}

/// Every item of what comes in pages.
fn paged(world: &World, op: &str, list: &str, mut input: Value) -> Vec<Value> {
    let mut out = Vec::new();
    loop {
        let page = world.ok(op, input.clone());
        out.extend(page[list].as_array().unwrap().clone());
        match page.get("next") {
            Some(next) => input["cursor"] = next.clone(),
            None => return out,
        }
    }
}

pub(super) fn messages(world: &World, session: &str) -> Vec<Value> {
    paged(world, "session_show", "messages", json!({"session": session, "limit": 500}))
}

pub(super) fn sessions(world: &World) -> Vec<Value> {
    paged(world, "session_list", "sessions", json!({"limit": 200}))
}

/// What the sessions say together.
fn said<'a>(world: &World, ids: impl IntoIterator<Item = &'a str>) -> Said {
    let mut said = Said::default();
    for id in ids {
        said.sessions += 1;
        messages(world, id).iter().for_each(|message| said.take(message));
    }
    said
}

/// The session and its subagents, as the archive knows them.
fn lineage(archive: &jay_store::Store, id: &str) -> Vec<String> {
    let rows = archive.read(|tx| -> Result<_, jay_store::StoreError> {
        let root = jay_store::Store::find_session(tx, id)?;
        let below = tx.subagents_of(&root)?;
        Ok(std::iter::once(root).chain(below).map(|row| row.session).collect())
    });
    rows.unwrap()
}

/// Every fixture of every client, archived. The same session under another version of a client's format is another world.
pub(super) fn archived() -> Vec<World> {
    let mut worlds: Vec<World> = vec![World::new(), World::new()];
    let laid_out = worlds[0].home.work_dir().join("fixtures");
    for adapter in jay_sessions::adapters() {
        let copy = laid_out.join(adapter.name());
        jay_testkit::foreign::lay_out(&fixtures().join(adapter.name()), &copy);
        let mut versions: Vec<_> = std::fs::read_dir(&copy).unwrap().map(|entry| entry.unwrap().path()).collect();
        versions.sort();
        for (place, version) in versions.into_iter().enumerate() {
            let world = &worlds[place % 2];
            world.by(&cli(world), "session_sync", json!({"clients": [adapter.name()], "path": version}));
        }
    }
    worlds.retain(|world| !sessions(world).is_empty());
    worlds
}

pub(super) fn targets() -> Vec<&'static str> {
    jay_sessions::write::writers().iter().map(|writer| writer.name()).collect()
}

/// A session of which somebody said something.
struct Source<'a> {
    world: &'a World,
    client: String,
    id: String,
    /// It and its subagents.
    lineage: Vec<String>,
    is_subagent: bool,
    held: Said,
}

fn all_sources(worlds: &[World]) -> Vec<Source<'_>> {
    let mut sources = Vec::new();
    for world in worlds {
        let (_, archive) = stores_of(world);
        for session in sessions(world) {
            let text = |field: &str| session[field].as_str().unwrap().to_owned();
            let (client, id) = (text("client"), text("session"));
            let lineage = lineage(&archive, &id);
            let held = said(world, lineage.iter().map(String::as_str));
            sources.push(Source { world, client, id, lineage, is_subagent: false, held });
        }
    }
    let below: Vec<String> = sources.iter().flat_map(|source| source.lineage[1..].to_vec()).collect();
    sources.iter_mut().for_each(|source| source.is_subagent = below.contains(&source.id));
    sources
}

impl Source<'_> {
    /// Whether it was read of a database, from which a client that takes files gets it anew.
    fn is_in_database(&self) -> bool {
        let (_, archive) = stores_of(self.world);
        let paths = archive.read(|tx| -> Result<_, jay_store::StoreError> {
            let row = jay_store::Store::find_session(tx, &self.id)?;
            tx.sources_of_session(row.num)
        });
        paths.unwrap().iter().any(|path| path.contains(".sqlite") || path.contains(".db#"))
    }
}

/// The sessions that were read below each of these directories.
fn read_below(world: &World, directories: &[PathBuf]) -> Vec<Vec<String>> {
    let (_, archive) = stores_of(world);
    let mut out = vec![Vec::new(); directories.len()];
    for session in sessions(world) {
        let id = session["session"].as_str().unwrap();
        let paths = archive.read(|tx| -> Result<_, jay_store::StoreError> {
            let row = jay_store::Store::find_session(tx, id)?;
            tx.sources_of_session(row.num)
        });
        for path in paths.unwrap() {
            let at = directories.iter().position(|directory| Path::new(&path).starts_with(directory)).unwrap();
            out[at].push(id.to_owned());
        }
    }
    out
}

/// Writes each source for `target`, reads all with its adapter, and tells what is not as it was; and how many were
/// replayed.
fn go_on_in(target: &str, sources: &[&Source<'_>], faults: &mut Vec<String>) -> u64 {
    let (other, originals) = (World::new(), originals(target));
    let base = other.home.work_dir().join(target);
    let mut written: Vec<(&Source<'_>, Value, PathBuf)> = Vec::new();
    for (n, source) in sources.iter().enumerate() {
        let directory = base.join(format!("at-{n}"));
        let input = json!({"session": source.id, "to": target, "path": directory, "project": "/home/mira/lantern"});
        match source.world.ask(&cli(source.world), "session_resume", input) {
            Ok(answer) => written.push((source, answer, directory)),
            Err(error) if source.held == (Said { sessions: 1, ..Said::default() }) => {
                assert_eq!(error.code, Code::BadInput, "nothing to go on with: {error:?}");
            }
            Err(error) => faults.push(format!("{} {} to {target}: {error:?}", source.client, source.id)),
        }
    }
    let synced = other.by(&cli(&other), "session_sync", json!({"clients": [target], "path": base}));
    assert_eq!((&synced["outcome"], synced["error"].as_str()), (&json!("ok"), None), "{target}: {synced}");
    let directories: Vec<PathBuf> = written.iter().map(|(.., directory)| directory.clone()).collect();
    let (_, archive) = stores_of(&other);
    let mut replayed = 0;
    for ((source, answer, _), read) in written.iter().zip(read_below(&other, &directories)) {
        let mut wrong = |what: String| faults.push(format!("{} {} to {target}: {what}", source.client, source.id));
        let id = answer["id"].as_str().unwrap();
        check(target, answer, &source.held, &said(&other, read.iter().map(String::as_str)), &mut wrong);
        if !read.iter().any(|known| known == id) || lineage(&archive, id).len() != lineages(target, &source.lineage) {
            wrong(format!("the answer names {id}, read are {read:?}"));
        }
        if answer["written_as"] != "native" {
            let is_anew = target == "generic"
                || is_documents(target)
                || OF_BEFORE.contains(&source.id.as_str())
                || source.is_in_database();
            assert!(source.client != target || is_anew, "{target} is replayed");
            continue;
        }
        replayed += 1;
        let is_own = |path: &&String| path.ends_with(".jsonl") || path.ends_with(".messages.json");
        for path in strings(&answer["files"], "path").iter().filter(is_own) {
            let bytes = std::fs::read(path).unwrap();
            let bytes = if target == "gemini-cli" { without_renewal(&bytes) } else { &bytes };
            // Of a generic file of several sessions a replay has the rows of one.
            if target != "generic" && !originals.iter().any(|held| is_all_but_torn(held, bytes)) {
                wrong(format!("{path} is not as the client wrote it"));
            }
        }
    }
    replayed
}

/// Sessions as their clients wrote them in 2025, which are written anew: a rollout that a release of Codex of today does not
/// list, and files that Gemini CLI wrote whole.
const OF_BEFORE: [&str; 3] = [
    "7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
    "8a1f0c3e-2b4d-4e6f-9a7b-0c1d2e3f4a5b",
    "9b2a1d4f-3c5e-4f70-8b8c-1d2e3f405162",
];

/// Targets that keep documents rather than lines.
fn is_documents(target: &str) -> bool {
    matches!(target, "opencode" | "cline")
}

#[test]
fn every_session_goes_on_in_every_target() {
    let worlds = archived();
    let sources = all_sources(&worlds);
    let clients: BTreeSet<&str> = sources.iter().map(|source| source.client.as_str()).collect();
    assert_eq!(clients.len(), jay_sessions::adapters().len(), "every client has a session: {clients:?}");
    let mut faults = Vec::new();
    for target in targets() {
        let mut replayed = 0;
        // What keeps its id is known already where its parent was written: a subagent by itself is read elsewhere.
        for is_subagent in [false, true] {
            let chosen: Vec<&Source<'_>> = sources.iter().filter(|source| source.is_subagent == is_subagent).collect();
            replayed += go_on_in(target, &chosen, &mut faults);
        }
        if replayed == 0 {
            faults.push(format!("no session was replayed for {target}"));
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

/// The client's own rows: without the one behind them that tells the client to keep the session.
fn without_renewal(bytes: &[u8]) -> &[u8] {
    let above = bytes.strip_suffix(b"\n").and_then(|rows| rows.iter().rposition(|byte| *byte == b'\n'));
    let (rows, last) = bytes.split_at(above.map_or(0, |end| end + 1));
    if last.starts_with(b"{\"$set\":{\"lastUpdated\":") { rows } else { bytes }
}

/// Whether `bytes` are the complete lines of a file: a torn last one waits for the next sync.
fn is_all_but_torn(file: &[u8], bytes: &[u8]) -> bool {
    file.strip_prefix(bytes).is_some_and(|torn| !bytes.is_empty() && !torn.contains(&b'\n'))
}

/// The bytes of every file of a client's fixtures.
fn originals(client: &str) -> Vec<Vec<u8>> {
    let mut waiting = vec![fixtures().join(client)];
    let mut out = Vec::new();
    while let Some(path) = waiting.pop() {
        match path.is_dir() {
            true => waiting.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path())),
            false => out.push(std::fs::read(path).unwrap()),
        }
    }
    out
}

/// How many sessions of a lineage a target's adapter knows to belong together.
fn lineages(target: &str, lineage: &[String]) -> usize {
    match target {
        // These name a parent and not why, or nothing.
        "pi" | "letta-code" => 1,
        // What a subagent does is among the rest.
        "claude-desktop" => 1,
        _ => lineage.len(),
    }
}

/// What was held is read again, or told as left out.
fn check(target: &str, answer: &Value, held: &Said, read: &Said, wrong: &mut dyn FnMut(String)) {
    let left = |kind: &str| answer["left_out"][kind].as_u64().unwrap_or(0);
    let pairs = [
        ("conversational texts", held.conversational, read.conversational),
        ("injected texts", held.injected, read.injected + left("injected texts")),
        ("calls", held.calls, read.calls + left("calls")),
        ("results", held.results, read.results + left("results")),
        // Of what was left out it is not told whether it failed.
        ("failed results", held.failed, if left("results") > 0 { held.failed } else { read.failed }),
        ("reasoning", held.reasoning, read.reasoning + left("reasoning")),
        ("files", held.files, read.files + left("files")),
        ("sessions", if target == "claude-desktop" { 1 } else { held.sessions }, read.sessions),
    ];
    for (what, held, read) in pairs {
        if held != read {
            wrong(format!("{held} {what} became {read} ({})", answer["left_out"]));
        }
    }
    let told = [("calls", held.calls), ("results", held.results), ("subagents", held.sessions - 1)];
    for (kind, count) in told {
        let told = answer["held"][kind].as_u64().unwrap();
        if count != told {
            wrong(format!("told are {told} {kind} where {count} are held"));
        }
    }
}
