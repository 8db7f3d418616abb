//! The vector index beside the database: the same answers with and without its file, also over purges and copies.

use crate::support::{Node, everything, saying};
use jay_store::vector_index::Neighbour;
use jay_store::{Scope, StoredVector, WantedVectors};
use jay_testkit::Mixture;
use jay_types::{EntityId, Error, NamespaceId, Timestamp};
use std::path::PathBuf;

const MODEL: &str = "mixture";
const DIMENSION: usize = 48;

struct World {
    node: Node,
    ns: NamespaceId,
    mixture: Mixture,
    memories: Vec<EntityId>,
}

impl World {
    fn new(memories: usize) -> Self {
        let node = Node::new(1);
        let (ns, _) = node.namespace("team");
        let mut world = Self { node, ns, mixture: Mixture::new(3, DIMENSION, 10), memories: vec![] };
        for number in 0..memories {
            let id = world.node.remember(ns, &format!("memory {number}"));
            world.embed(id);
            world.memories.push(id);
        }
        world
    }

    fn code(&mut self) -> Vec<u8> {
        jay_models::Encoded::from_vector(&self.mixture.vector()).unwrap().to_bytes()
    }

    fn doc(&self, id: EntityId) -> i64 {
        self.node.get(id).unwrap().text_pos
    }

    fn embed(&mut self, id: EntityId) -> Vec<u8> {
        let code = self.code();
        let vector =
            StoredVector { doc: self.doc(id), chunk: 0, first: 0, last: 1, code: code.clone(), tokens: vec![] };
        self.node.memory.put_vectors(MODEL, DIMENSION, &[vector], &[]).unwrap();
        code
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.node.directory().join("index")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn nearest(node: &Node, query: &[u8], scope: &Scope, k: usize) -> Vec<Neighbour> {
    let found = node.memory.read::<_, Error>(|tx| {
        let mut current = tx.current(&everything());
        Ok(tx.nearest(MODEL, query, scope, k, &mut |doc| Ok(current.brief(doc)?.is_some()))?)
    });
    // The number of the namespace is the file's to know.
    found.unwrap().into_iter().map(|neighbour| Neighbour { namespace: 0, ..neighbour }).collect()
}

#[test]
fn with_and_without_a_file_the_answers_are_the_same() {
    let mut world = World::new(30);
    let (other, number) = world.node.namespace("other");
    let stranger = world.node.remember(other, "a memory elsewhere");
    world.embed(stranger);
    let reworded = world.memories[3];
    world.node.edit(world.ns, reworded, saying("in other words"));
    let query = world.embed(reworded);
    let forgotten = world.memories[4];
    world.node.edit(world.ns, forgotten, saying("not embedded again"));
    let answers = |node: &Node| {
        let docs: Vec<i64> = world.memories.iter().map(|id| world.doc(*id)).chain([999_999]).collect();
        let cosines = node.memory.read::<_, Error>(|tx| Ok(tx.cosines(MODEL, &query, &docs)?)).unwrap();
        assert_eq!(cosines.len(), 29, "all but the one that waits");
        let of = |scope: &Scope| nearest(node, &query, scope, 40);
        (of(&Scope::All), of(&Scope::Of(vec![number])), of(&Scope::Of(vec![])), cosines)
    };
    let (all, elsewhere, nowhere, cosines) = answers(&world.node);
    assert_eq!((all.len(), elsewhere.len(), nowhere.len()), (30, 1, 0));
    assert_eq!(all[0].doc, world.doc(reworded));
    let files = world.files();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(answers(&world.node.again()), (all.clone(), elsewhere.clone(), nowhere.clone(), cosines.clone()));

    let whole = std::fs::read(&files[0]).unwrap();
    for length in [0, 100, 9000] {
        jay_testkit::write(&files[0], &whole[..length]);
        for node in [&world.node, &world.node.again()] {
            assert_eq!(answers(node), (all.clone(), elsewhere.clone(), nowhere.clone(), cosines.clone()));
        }
    }
    std::fs::remove_file(&files[0]).unwrap();
    assert_eq!(answers(&world.node), (all.clone(), elsewhere.clone(), nowhere.clone(), cosines.clone()));
    assert!(world.files().is_empty(), "a reader makes no file (I6)");
    let checks = |node: &Node| node.memory.read::<_, Error>(|tx| Ok(tx.check_vector_indexes()?)).unwrap();
    assert_eq!(checks(&world.node)[0].fault.as_deref(), Some("there is no file"));
    world.node.memory.remake_vector_indexes().unwrap();
    assert_eq!(answers(&world.node), (all, elsewhere, nowhere, cosines));
    assert_eq!((checks(&world.node)[0].records, &checks(&world.node)[0].fault), (30, &None));
}

#[test]
fn a_writer_mends_what_it_finds_broken() {
    let mut world = World::new(5);
    let file = world.files()[0].clone();
    jay_testkit::write(&file, b"not an index");
    let id = world.node.remember(world.ns, "one more");
    let query = world.embed(id);
    let check = world.node.memory.read::<_, Error>(|tx| Ok(tx.check_vector_indexes()?)).unwrap();
    assert_eq!((check[0].records, check[0].dropped, &check[0].fault), (6, 0, &None));
    assert_eq!(nearest(&world.node, &query, &Scope::All, 1)[0].doc, world.doc(id));
}

#[test]
fn another_process_finds_what_this_one_stored_a_moment_ago() {
    let mut world = World::new(3);
    let other = world.node.again();
    let query = world.code();
    assert_eq!(nearest(&other, &query, &Scope::All, 9).len(), 3);
    let id = world.node.remember(world.ns, "fresh");
    world.embed(id);
    assert_eq!(nearest(&other, &query, &Scope::All, 9).len(), 4);
    // Inside a held group the file waits, the table answers.
    let late = world.node.remember(world.ns, "inside a group");
    let code = world.code();
    let vector = StoredVector { doc: world.doc(late), chunk: 0, first: 0, last: 1, code: code.clone(), tokens: vec![] };
    let inside = world
        .node
        .memory
        .group(|| {
            world.node.memory.put_vectors(MODEL, DIMENSION, &[vector], &[]).unwrap();
            nearest(&world.node, &code, &Scope::All, 1)
        })
        .unwrap();
    assert_eq!(inside[0].doc, world.doc(late));
    assert_eq!(nearest(&other, &code, &Scope::All, 9), nearest(&world.node, &code, &Scope::All, 9));
    let last = world.node.remember(world.ns, "and one more");
    world.embed(last);
    let check = world.node.memory.read::<_, Error>(|tx| Ok(tx.check_vector_indexes()?)).unwrap();
    assert_eq!((check[0].records, &check[0].fault), (6, &None));
}

#[test]
fn the_index_of_another_time_is_not_taken_for_this_ones() {
    let mut world = World::new(6);
    let earlier = world.node.copy(2);
    for number in 0..3 {
        let id = world.node.remember(world.ns, &format!("later {number}"));
        world.embed(id);
    }
    // The database is put back, the newer file stays; then the store goes on in another way.
    let name = |file: &PathBuf| file.file_name().unwrap().to_owned();
    let file = world.files()[0].clone();
    let target = earlier.directory().join("index").join(name(&file));
    jay_testkit::write(&target, std::fs::read(&file).unwrap());
    let query = world.code();
    assert_eq!(nearest(&earlier, &query, &Scope::All, 20).len(), 6);
    let mut other = World { node: earlier, ns: world.ns, mixture: Mixture::new(9, DIMENSION, 10), memories: vec![] };
    for number in 0..3 {
        let id = other.node.remember(other.ns, &format!("otherwise {number}"));
        other.embed(id);
    }
    let found = nearest(&other.node, &query, &Scope::All, 20);
    std::fs::remove_file(&target).unwrap();
    assert_eq!(found, nearest(&other.node, &query, &Scope::All, 20));
    assert_eq!(found.len(), 9);
}

#[test]
fn a_purge_takes_the_vector_out_of_the_file() {
    let mut world = World::new(8);
    let id = world.node.remember(world.ns, "to be purged");
    let code = world.embed(id);
    let query = world.code();
    let file = world.files()[0].clone();
    let old = std::fs::File::open(&file).unwrap();
    let holds = |bytes: &[u8]| bytes.windows(DIMENSION).any(|part| part == &code[4..]);
    assert!(holds(&std::fs::read(&file).unwrap()));
    world.node.purge(world.ns, id);
    assert_eq!(nearest(&world.node, &query, &Scope::All, 20).len(), 8, "gone from answers at once");
    assert!(world.node.memory.scrub().unwrap().done);
    for file in world.files() {
        assert!(!holds(&std::fs::read(file).unwrap()));
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut { old }, &mut bytes).unwrap();
    assert!(bytes.len() > 8192 && bytes.iter().all(|byte| *byte == 0), "nor where somebody has it open still");
    assert_eq!(nearest(&world.node, &query, &Scope::All, 20).len(), 8);
    let check = world.node.memory.read::<_, Error>(|tx| Ok(tx.check_vector_indexes()?)).unwrap();
    assert_eq!((check[0].records, check[0].dropped, &check[0].fault), (8, 0, &None));
    for id in world.memories.clone() {
        world.node.purge(world.ns, id);
    }
    assert!(world.node.memory.scrub().unwrap().done);
    assert!(world.files().is_empty(), "without vectors there is no file");
}

/// A vector that hangs on the text's length only.
fn at_once(doc: i64, text: &str) -> Vec<StoredVector> {
    let vector: Vec<f32> = (0..DIMENSION).map(|place| ((text.len() + place) % 7) as f32 - 3.0).collect();
    let code = jay_models::Encoded::from_vector(&vector).unwrap().to_bytes();
    vec![StoredVector { doc, chunk: 0, first: 0, last: 1, code, tokens: vec![] }]
}

#[test]
fn memories_that_come_one_by_one_extend_the_file_and_never_make_it_anew() {
    let wanted = WantedVectors { model: MODEL.to_owned(), dimension: DIMENSION, at_once: Some(at_once) };
    let node = Node::new(1).embedding(Some(wanted));
    let (ns, _) = node.namespace("team");
    let index = node.directory().join("index");
    let (mut first, mut behind) = (None, 0);
    for number in 0..200 {
        node.remember(ns, &format!("memory {}", "x".repeat(number)));
        node.memory.extend_vectors_if_behind().unwrap();
        let check = node.memory.read::<_, Error>(|tx| Ok(tx.check_vector_indexes()?)).unwrap();
        if check[0].fault.is_none() {
            let files: Vec<_> = std::fs::read_dir(&index).unwrap().map(|entry| entry.unwrap().path()).collect();
            let vectors = files.iter().find(|file| file.extension().is_some_and(|end| end == "vectors")).unwrap();
            let inode = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(vectors).unwrap());
            assert_eq!(*first.get_or_insert(inode), inode, "made anew after {number}");
        }
        behind = behind.max(number + 1 - check[0].records);
    }
    assert!(first.is_some() && behind < 64, "{behind} were scanned from the table");
}

#[test]
fn what_is_not_embedded_is_known_whoever_wrote_it() {
    let home = Node::new(1);
    let missing = |node: &Node, model: &str| {
        node.memory.read::<_, Error>(|tx| Ok(tx.not_embedded(model, &everything())?)).unwrap()
    };
    let waiting = |node: &Node| node.memory.read::<_, Error>(|tx| Ok(tx.jobs(None, 100)?)).unwrap();
    let one = home.wanting(Some("one"));
    let (ns, _) = one.namespace("team");
    one.remember(ns, "the first");
    assert_eq!((missing(&one, "one"), waiting(&one).len()), (1, 1), "it waits as a job");
    // Another process wants no vectors: what it writes, and the job that it drops, are missing to the first.
    let plain = home.wanting(None);
    plain.remember(ns, "the second");
    plain.memory.finish_jobs(&[waiting(&plain)[0].num]).unwrap();
    assert_eq!(missing(&one, "one"), 2);
    one.remember(ns, "the third");
    assert_eq!((missing(&one, "one"), waiting(&one).len()), (3, 1));
    one.memory.queue_missing_vectors().unwrap();
    assert_eq!((missing(&one, "one"), waiting(&one).len()), (3, 3));
    // A third one wants those of another model.
    let other = home.wanting(Some("other"));
    assert_eq!(missing(&other, "other"), 3);
    other.memory.queue_missing_vectors().unwrap();
    assert_eq!(missing(&other, "other"), 3);
}

#[test]
fn held_jobs_wait_nowhere_until_another_rule_holds() {
    let home = Node::new(1);
    let node = home.wanting_both("table", Some("far"));
    let (secret, _) = node.namespace("private/diary");
    let (open, _) = node.namespace("team");
    node.remember(secret, "dear diary");
    node.remember(open, "the port is 5433");
    let of_model = |state: Option<&str>| {
        let jobs = node.memory.read::<_, Error>(|tx| Ok(tx.jobs(None, 100)?)).unwrap();
        let wanted = |job: &jay_store::Job| job.kind == "embed_model" && state.is_none_or(|state| job.state == state);
        jobs.into_iter().filter(wanted).collect::<Vec<_>>()
    };
    let counts = || {
        let read = |tx: &jay_store::Tx<'_>| -> Result<_, Error> {
            let not_embedded = tx.not_embedded("far", &everything())?;
            Ok((
                tx.jobs_pending(Some("embed_model"))?,
                not_embedded,
                tx.held_memories(&everything())?,
                tx.held_documents()?,
            ))
        };
        node.memory.read(read).unwrap()
    };
    let of = |doc| node.memory.read::<_, Error>(|tx| Ok(tx.namespace_of_document(doc)?)).unwrap();
    let waiting = of_model(None);
    assert_eq!(counts(), (2, 2, 0, 0));
    assert_eq!(of(waiting[0].subject).map(|id| id == of(waiting[1].subject).unwrap()), Some(false));
    assert_eq!(of(999_999), None);
    node.memory.hold_jobs(&[waiting[0].num], "team only", "private").unwrap();
    assert_eq!(counts(), (1, 1, 1, 1));
    assert_eq!(of_model(Some("held"))[0].error.as_deref(), Some("private"));
    let due = node.memory.read::<_, Error>(|tx| Ok(tx.due_jobs(Timestamp(i64::MAX), 9, Some("embed"))?)).unwrap();
    assert_eq!(due.iter().map(|job| job.num).collect::<Vec<_>>(), [waiting[1].num]);
    // What is queued again for another reason stays one job; under the same rule nothing is let go.
    node.memory.queue_missing_vectors().unwrap();
    node.memory.release_jobs_but("team only").unwrap();
    assert_eq!(counts(), (1, 1, 1, 1));
    node.memory.release_jobs_but("everything").unwrap();
    assert_eq!(counts(), (2, 2, 0, 0));
    assert_eq!(of_model(Some("pending"))[0].error, None);
}

#[test]
fn two_models_are_wanted_each_with_its_own_jobs_and_one_can_be_dropped() {
    let home = Node::new(1);
    let missing = |node: &Node, model: &str| {
        node.memory.read::<_, Error>(|tx| Ok(tx.not_embedded(model, &everything())?)).unwrap()
    };
    let jobs = |node: &Node, kind: &str| node.memory.read::<_, Error>(|tx| Ok(tx.jobs_pending(Some(kind))?)).unwrap();
    let embed = |node: &Node, kind: &str, model: &str, dimension: usize| {
        let found = node.memory.read::<_, Error>(|tx| Ok(tx.jobs(None, 100)?)).unwrap();
        let found: Vec<_> = found.into_iter().filter(|job| job.kind == kind).collect();
        let code = [&1.0_f32.to_le_bytes()[..], &vec![1; dimension]].concat();
        let vector = |doc| StoredVector { doc, chunk: 0, first: 0, last: 1, code: code.clone(), tokens: vec![] };
        let vectors: Vec<_> = found.iter().map(|job| vector(job.subject)).collect();
        let nums: Vec<i64> = found.iter().map(|job| job.num).collect();
        node.memory.put_vectors(model, dimension, &vectors, &nums).unwrap();
    };
    let alone = home.wanting_both("table", None);
    let (ns, _) = alone.namespace("team");
    let id = alone.remember(ns, "the first");
    assert_eq!((jobs(&alone, "embed"), jobs(&alone, "embed_model")), (1, 0));
    let both = home.wanting_both("table", Some("large"));
    assert_eq!((missing(&both, "table"), missing(&both, "large")), (1, 1));
    both.remember(ns, "the second");
    assert_eq!((jobs(&both, "embed"), jobs(&both, "embed_model")), (2, 1));
    both.memory.queue_missing_vectors().unwrap();
    assert_eq!((jobs(&both, "embed"), jobs(&both, "embed_model")), (2, 2));
    embed(&both, "embed", "table", 48);
    embed(&both, "embed_model", "large", 64);
    assert_eq!((missing(&both, "table"), missing(&both, "large")), (0, 0));
    // Another model: the vectors of the first stay until they are dropped.
    let changed = home.wanting_both("table", Some("other"));
    changed.memory.queue_missing_vectors().unwrap();
    assert_eq!((missing(&changed, "table"), missing(&changed, "large"), missing(&changed, "other")), (0, 0, 2));
    assert_eq!((jobs(&changed, "embed"), jobs(&changed, "embed_model")), (0, 2));
    let near = |node: &Node, model: &str, dimension: usize| {
        let query = [&1.0_f32.to_le_bytes()[..], &vec![1; dimension]].concat();
        let found = node.memory.read::<_, Error>(|tx| {
            let mut questions = tx.current(&everything());
            let mut current = |doc| Ok(questions.brief(doc)?.is_some());
            Ok(tx.nearest(model, &query, &Scope::All, 9, &mut current)?)
        });
        found.unwrap().len()
    };
    assert_eq!((near(&changed, "table", 48), near(&changed, "large", 64), near(&changed, "other", 64)), (2, 2, 0));
    assert_eq!(near(&changed, "large", 48), 0, "a query of another length finds nothing");
    assert_eq!(changed.memory.drop_model("large").unwrap(), 2);
    assert_eq!((near(&changed, "table", 48), near(&changed, "large", 64)), (2, 0));
    // A purge takes the vectors and jobs of every lane.
    changed.purge(ns, id);
    assert_eq!((near(&changed, "table", 48), jobs(&changed, "embed_model")), (1, 1));
    // Whoever wants the dropped one again has it made again.
    let again = home.wanting_both("table", Some("large"));
    again.memory.queue_missing_vectors().unwrap();
    assert_eq!(missing(&again, "large"), 1);
    embed(&again, "embed_model", "large", 64);
    assert_eq!((missing(&again, "large"), near(&again, "large", 64)), (0, 1));
}
