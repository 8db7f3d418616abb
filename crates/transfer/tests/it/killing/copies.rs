//! A machine that is killed between hearing of a copy of what it wrote and saying so.

use super::*;
use crate::world::saying;
use jay_store::{ALIAS_JOB, Draft, Moment};
use jay_transfer::sync::{Direction, Peer};
use jay_types::change::registry::ALIAS_OF;
use jay_types::change::{EntityKind, Op};
use jay_types::time::MINUTE;
use jay_types::{EntityId, NamespaceId};

const WORDS: &str = "d said by both";

fn say_both(room: &mut Room) -> [EntityId; 2] {
    let ns = common(&room.homes[0]);
    room.homes[1].steps.clock.advance(MINUTE);
    let ids = [0, 1].map(|at: usize| {
        room.homes[at].act(|w| {
            let id = w.new_id();
            w.draft(Draft::new(ns, EntityKind::Memory, id, Op::Create, saying(WORDS)));
            Ok(id)
        })
    });
    room.said.push(WORDS.to_owned());
    room.said.sort_unstable();
    room.homes[0].sync(&room.folder.seat(0, &room.homes[0]));
    ids
}

/// A namespace that both know.
fn common(home: &Home) -> NamespaceId {
    *home.memory.read::<_, Error>(|tx| Ok(tx.all_names()?)).unwrap().keys().next().unwrap()
}

/// How often something was said to be the same as another.
fn claims(home: &Home, id: EntityId) -> usize {
    let history = home.memory.read::<_, Error>(|tx| Ok(tx.history(tx.find_memory(&id.to_string(), None)?)?)).unwrap();
    let says =
        |body: Option<jay_types::change::Body>| body.is_some_and(|body| body.registers.contains_key(ALIAS_OF.name));
    history.into_iter().filter(|change| says(change.body.clone())).count()
}

fn reads_as(home: &Home, id: EntityId) -> EntityId {
    let row = home.memory.read::<_, Error>(|tx| {
        let num = tx.find_memory(&id.to_string(), None)?;
        Ok(tx.memory(num, Moment::Latest)?)
    });
    row.unwrap().unwrap().memory.id
}

#[test]
fn it_is_said_once_whenever_the_machine_dies() {
    let mut room = Room::new();
    let [early, late] = say_both(&mut room);
    let (mut waited, mut was_said) = (0, 0);
    for end in [End::Killed, End::KilledAtHome] {
        for step in 1.. {
            let what = format!("two copies, {end:?} at step {step}");
            let mut room = room.again(end as u64 * 1_000 + step as u64);
            let (home, seat) = (&room.homes[1], room.folder.seat(0, &room.homes[1]));
            if !end_badly(home, &seat, (end, step), |remote| sync(home, remote)) {
                assert!(step > 3, "hardly a step");
                break;
            }
            room.homes[1] = room.homes[1].next_process();
            let home = &room.homes[1];
            let jobs = home.memory.read::<_, Error>(|tx| Ok(tx.jobs_pending(Some(ALIAS_JOB))?)).unwrap();
            let said = claims(home, late);
            // The job is there until what it says is.
            assert!(jobs == 0 || said == 0, "{what}: {jobs} jobs, {said} claims");
            (waited, was_said) = (waited + usize::from(jobs > 0), was_said + said);
            room.settle(&[1, 0]);
            room.bring_in_the_third();
            room.settle(&[2, 1, 0]);
            room.compare(&what);
            for home in &room.homes {
                assert_eq!((reads_as(home, late), reads_as(home, early)), (early, early), "{what}");
                assert_eq!(claims(home, early), 1, "{what}");
            }
        }
    }
    assert!(waited > 0 && was_said > 0, "it died {waited} times before it said so, {was_said} times after");
}

#[test]
fn two_processes_that_do_the_job_at_once_say_it_once() {
    let mut room = Room::new();
    let [early, late] = say_both(&mut room);
    let home = &room.homes[1];
    let bring = Peer { after_pull: Box::new(|| Ok(())), ..home.peer() };
    let seat = room.folder.seat(0, home);
    jay_transfer::sync::sync(&bring, &seat, &config(), Direction::Pull, &mut |_, _, _| ()).unwrap();
    let jobs = || home.memory.read::<_, Error>(|tx| Ok(tx.jobs_pending(Some(ALIAS_JOB))?)).unwrap();
    assert!(jobs() > 0);
    let processes: Vec<Home> = (0..4).map(|_| home.next_process()).collect();
    std::thread::scope(|scope| {
        for process in &processes {
            scope.spawn(|| jay_core::remember::join_copies(&process.memory, process.steps.as_ref()).unwrap());
        }
    });
    assert_eq!((jobs(), claims(home, late), reads_as(home, late)), (0, 1, early));
}
