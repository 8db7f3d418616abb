"""Three machines share a vault through a folder that real Syncthing carries.

    carry.py

JAY_BIN names the binary. Each machine has a data directory, a folder and a Syncthing of its own, all on loopback. They write
at random, one is away for some rounds, one Syncthing is killed; in the end all three must know the same, and the folders must
hold no word of it in the clear. JAY_TEST_LONG=1 makes more rounds, JAY_TEST_SEED repeats a run's choices.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from syncthing import Syncthing, free_ports, wait_until

ROUNDS = 30 if os.environ.get("JAY_TEST_LONG") == "1" else 3
SETTLE_S = 45
COMMAND_S = 60
NAMESPACE = "orchardplot"


class Machine:
    """A data directory, a folder and what carries it."""

    def __init__(self, place, number):
        self.number = number
        self.home = place / f"home{number}"
        self.folder = place / f"folder{number}"
        self.folder.mkdir()
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(place), "JAY_HOME": str(self.home), "JAY_LOG": "warn"}
        self.carrier = Syncthing(place / f"syncthing{number}", self.folder)
        self.is_away = False

    def jay(self, *arguments):
        """The answer of a command that must succeed."""
        done = subprocess.run(
            [os.environ["JAY_BIN"], *arguments, "--json"],
            env=self.environment,
            cwd=self.folder.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        if done.returncode != 0:
            sys.exit(f"error: machine {self.number}: jay {' '.join(arguments)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def memories(self, *arguments):
        """Every memory as `jay list` shows it, by id."""
        found, cursor = {}, []
        while True:
            page = self.jay("list", "--all", "--limit", "500", *arguments, *cursor)
            found |= {memory["id"]: memory for memory in page["memories"]}
            if not page.get("next"):
                return found
            cursor = ["--cursor", page["next"]]

    def files(self):
        """The bytes of the folder by name, without what is Syncthing's own."""
        found = {}
        for path in self.folder.rglob("*"):
            name = path.relative_to(self.folder)
            if name.parts[0] == ".stfolder" or path.name.startswith(".syncthing."):
                continue
            try:
                if path.is_file():
                    found[str(name)] = path.read_bytes()
            except FileNotFoundError:
                continue
        return found


class Writer:
    """Chooses what the machines write, and keeps what must come out of it."""

    def __init__(self, machines, choice):
        self.machines = machines
        self.choice = choice
        self.namespace = NAMESPACE
        self.words = {NAMESPACE}
        self.remembered = set()
        self.purged = set()
        self.purged_words = set()
        self.counts = {}

    def word(self):
        """A word that is nowhere else."""
        word = "zq" + "".join(self.choice.choices("bcdfghjklmnp", k=14))
        self.words.add(word)
        return word

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def remember(self, machine, *arguments):
        said = machine.jay("remember", f"they said {self.word()} here", "--namespace", self.namespace, *arguments)
        self.remembered.add(said["id"])
        self.count("remember")
        return said["id"]

    def one_of(self, machine):
        """A memory that this machine shows, or None."""
        found = sorted(machine.memories())
        return self.choice.choice(found) if found else None

    def on_one(self, machine):
        """One random operation on one machine."""
        what = self.choice.choice(["remember", "text", "tags", "untag", "forget", "unforget"])
        if what == "remember":
            self.remember(machine, "--tag", self.word(), "--title", self.word())
            return
        if what == "unforget":
            shown = machine.memories()
            gone = sorted(set(machine.memories("--include-forgotten")) - set(shown) - self.purged)
            if gone:
                machine.jay("unforget", self.choice.choice(gone))
                self.count(what)
            return
        chosen = self.one_of(machine)
        if chosen is None:
            return
        if what == "text":
            machine.jay("update", chosen, "--text", f"it is now {self.word()}")
        elif what == "tags":
            machine.jay("update", chosen, "--add-tag", self.word())
        elif what == "untag":
            tags = machine.memories()[chosen].get("tags", [])
            if not tags:
                return
            machine.jay("update", chosen, "--remove-tag", self.choice.choice(sorted(tags)))
        else:
            machine.jay("forget", chosen)
        self.count(what)

    def on_two(self):
        """The same memory and the same key on two machines, neither of which knows of the other's writing yet."""
        two = self.choice.sample(self.machines, 2)
        both = sorted(set(two[0].memories()) & set(two[1].memories()))
        if both:
            chosen = self.choice.choice(both)
            for machine in two:
                machine.jay("update", chosen, "--text", f"changed to {self.word()}", "--add-tag", self.word())
            self.count("update on two")
        key = self.word()
        for machine in two:
            self.remember(machine, "--key", key)
        self.count("key on two")

    def rename(self, number):
        new = f"{NAMESPACE}{number}"
        self.machines[0].jay("namespace", "rename", self.namespace, new)
        self.namespace = new
        self.count("rename")

    def purge(self):
        """A memory that every machine has: its words are gone from all of them in the end."""
        machine = self.choice.choice([machine for machine in self.machines if not machine.is_away])
        words = self.word()
        said = machine.jay("remember", f"this one leaves {words}", "--namespace", self.namespace)
        return machine, said["id"], words

    def finish_purge(self, begun):
        machine, chosen, words = begun
        machine.jay("purge", chosen, "--yes")
        self.purged.add(chosen)
        self.purged_words.add(words)
        self.count("purge")


def sync_all(machines):
    """How many changes went and came."""
    said = [machine.jay("sync") for machine in machines]
    return sum(answer["pushed"] + answer["pulled"] for answer in said)


def wait_for_equal_folders(machines, what):
    def equal():
        first = machines[0].files()
        return all(machine.files() == first for machine in machines[1:])

    wait_until(equal, SETTLE_S, f"{what}: the folders do not become equal")


def what_is_unequal(machine):
    """What `jay sync status` says that is not as it must be in the end."""
    status = machine.jay("sync", "status")
    remote = status["remotes"][0]
    found = [f"{node['name']} {node['node']} is not equal" for node in remote["nodes"] if not node["is_equal"]]
    found += [f"{name}: {remote[name]}" for name in ("faults", "purges_pending", "asking") if remote.get(name)]
    found += [f"{name}: {status[name]}" for name in ("deferred", "refused") if status[name]]
    members = [node for node in remote["nodes"] if node["standing"] == "member"]
    if len(members) != 3 or len(remote["nodes"]) != 3:
        found.append(f"there are not three members: {remote['nodes']}")
    return [f"machine {machine.number}: {line}" for line in found]


def settle(machines, what):
    """Carries and syncs until nothing moves any more and every machine says so."""
    until = time.monotonic() + SETTLE_S
    while True:
        wait_for_equal_folders(machines, what)
        moved = sync_all(machines)
        unequal = [line for machine in machines for line in what_is_unequal(machine)]
        before = machines[0].files()
        if moved == 0 and not unequal and all(machine.files() == before for machine in machines):
            return
        if time.monotonic() > until:
            sys.exit(f"error: {what}: not settled after {SETTLE_S} s: {moved} changes moved\n" + "\n".join(unequal))


def join(machines):
    """The vault of the first, and the others with codes, as the files arrive."""
    first = machines[0]
    made = first.jay("remote", "add", "home", str(first.folder))
    if made["vault"] != "made":
        sys.exit(f"error: no vault was made in an empty folder of Syncthing: {made}")
    first.jay("sync")
    for machine in machines[1:]:
        code = first.jay("vault", "invite", "home")["code"]
        wait_for_equal_folders(machines, "after an invitation")
        machine.jay("remote", "add", "home", str(machine.folder))
        machine.jay("vault", "join", "home", "--code", code)
        machine.jay("sync")
        wait_for_equal_folders(machines, "after a request")
        first.jay("sync")


def plant_conflicts(machine):
    """Copies under the names that Syncthing gives to what was written twice."""
    segments = sorted(path for path in (machine.folder / "nodes").glob("*/*.jay"))
    heads = sorted((machine.folder / "nodes").glob("*/head"))
    if not segments or len(heads) != 3:
        sys.exit(f"error: there are {len(segments)} segments and {len(heads)} heads in the folder of machine {machine.number}")
    planted = [(path, f"{path.stem}.sync-conflict-20260102-030405-ABCDEFG.jay") for path in segments]
    planted += [(path, "head.sync-conflict-20260102-030405-ABCDEFG") for path in heads]
    for path, name in planted:
        shutil.copyfile(path, path.with_name(name))


def play(machines, writer):
    """The rounds: the third is away in the middle of them, and the second's Syncthing is killed."""
    for number in range(1, ROUNDS + 1):
        away = machines[2]
        if number % 4 == 2:
            away.carrier.pause()
            away.is_away = True
        leaving = writer.purge()
        writer.on_two()
        for machine in machines:
            for _ in range(3):
                writer.on_one(machine)
        sync_all(machines)
        if number % 5 == 2:
            machines[1].carrier.kill()
            writer.on_one(machines[1])
            sync_all(machines)
            machines[1].carrier.start()
        present = [machine for machine in machines if not machine.is_away]
        wait_for_equal_folders(present, f"round {number}")
        sync_all(present)
        if number == 1:
            plant_conflicts(machines[0])
        # Others hold what leaves now: it has been shared and read.
        writer.finish_purge(leaving)
        if number % 3 == 1:
            writer.rename(number)
        sync_all(machines)
        if away.is_away and number % 4 != 2:
            away.carrier.resume()
            away.is_away = False
        print(f"round {number} of {ROUNDS}: {len(writer.remembered)} remembered", flush=True)
    if machines[2].is_away:
        machines[2].carrier.resume()
        machines[2].is_away = False


def holds(place, words):
    """The files below a place that hold one of the words in the clear, and which."""
    sought = [word.encode() for word in words]
    found = []
    for path in place.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found += [(str(path), word.decode()) for word in sought if word in content]
    return found


def check(machines, writer):
    """What must hold in the end."""
    for arguments in ([], ["--include-superseded", "--include-forgotten"]):
        lists = [machine.memories(*arguments) for machine in machines]
        for machine, found in zip(machines[1:], lists[1:]):
            if found != lists[0]:
                unequal = [key for key in lists[0].keys() | found.keys() if lists[0].get(key) != found.get(key)]
                shown = "\n".join(f"{lists[0].get(key)}\n{found.get(key)}" for key in unequal)
                sys.exit(f"error: machines 1 and {machine.number} do not know the same {arguments}:\n{shown}")
    everything = lists[0]
    lost = writer.remembered - everything.keys()
    if lost:
        sys.exit(f"error: acknowledged and lost: {sorted(lost)}")
    if back := writer.purged & {key for key, memory in everything.items() if memory.get("text")}:
        sys.exit(f"error: purged and still here: {sorted(back)}")
    # A search that finds nothing anywhere would prove nothing: the data directories are not sealed.
    if not holds(machines[0].home, writer.words - writer.purged_words):
        sys.exit("error: the search for words does not find what is there")
    for machine in machines:
        if found := holds(machine.folder, writer.words):
            sys.exit(f"error: in the clear in the folder of machine {machine.number}: {found}")
        if found := holds(machine.home, writer.purged_words):
            sys.exit(f"error: purged and still on machine {machine.number}: {found}")
    conflicts = [name for name in machines[0].files() if ".sync-conflict-" in name]
    if not conflicts:
        sys.exit("error: the planted conflicts are not there any more: nothing was shown about them")
    print(f"equal: {len(everything)} memories on three machines; {len(conflicts)} files of conflicts; {writer.counts}")


def main():
    seed = int(os.environ.get("JAY_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}, {ROUNDS} rounds", flush=True)
    # A time limit or an end from outside leaves by the same door as Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: ended from outside"))
    with tempfile.TemporaryDirectory() as name:
        machines = [Machine(Path(name), number) for number in (1, 2, 3)]
        carriers = [machine.carrier for machine in machines]
        holds_all = False
        try:
            free_ports(carriers)
            for carrier in carriers:
                carrier.configure(carriers)
                carrier.start()
            writer = Writer(machines, random.Random(seed))
            for _ in range(3):
                writer.remember(machines[0], "--tag", writer.word())
            join(machines)
            settle(machines, "after joining")
            play(machines, writer)
            settle(machines, "in the end")
            check(machines, writer)
            holds_all = True
        finally:
            for carrier in carriers:
                carrier.kill()
            if not holds_all:
                print(f"to repeat the choices: JAY_TEST_SEED={seed}", file=sys.stderr)
                for carrier in carriers:
                    print(carrier.last_lines(), file=sys.stderr)


if __name__ == "__main__":
    main()
