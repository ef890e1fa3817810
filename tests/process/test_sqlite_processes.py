"""Real processes on one SQLite file: they race, are killed, fork and come in numbers."""

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pynenc.backends import sqlite
from pynenc.backends.sqlite import sqlite_components
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.status import InvocationStatus, check_history
from pynenc.testing.conformance.kit import NOW, call, entry, ids

PROJECT = Path(sqlite.__file__).parents[3]
SCRIPT = Path(__file__).with_name("sqlite_process.py")

#: For a process to answer or to end, on a machine that does other things as well.
DEADLINE_SECONDS = 60.0


@pytest.fixture
def db_path(tmp_path):
    return tmp_path / "pynenc.db"


@pytest.fixture
def store(db_path):
    components = sqlite_components("app", db_path)
    yield components
    components.unit.close()


@contextmanager
def process(verb: str, db_path: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(SCRIPT), verb, str(db_path), *map(str, arguments)]
    started = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    with started:
        try:
            yield started
        finally:
            started.kill()


def line_of(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    line = started.stdout.readline()
    if not line and started.stderr is not None:
        pytest.fail(started.stderr.read())
    return line.strip()


def output_of(started: subprocess.Popen[str]) -> list[str]:
    """All lines it still says; it must end well."""
    said, complained = started.communicate("go\n", timeout=DEADLINE_SECONDS)
    assert started.returncode == 0, complained
    return said.splitlines()


def run(verb: str, db_path: Path, *arguments: object) -> list[str]:
    with process(verb, db_path, *arguments) as started:
        return output_of(started)


def run_at_once(count: int, verb: str, db_path: Path, *arguments: object) -> list[list[str]]:
    """What as many processes say that begin together."""

    def begin(left: int, begun: list[subprocess.Popen[str]]) -> list[list[str]]:
        if left:
            with process(verb, db_path, *arguments) as started:
                return begin(left - 1, [*begun, started])
        assert {line_of(each) for each in begun} == {"ready"}
        for each in begun:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        return [output_of(each) for each in begun]

    return begin(count, [])


def registered(store) -> list[str]:
    query = InvocationQuery(newest_first=False, limit=100_000)
    return [record.invocation_id for record in store.orchestrator.find(query)]


def check_every_history(store) -> None:
    statuses: defaultdict[str, list[InvocationStatus]] = defaultdict(list)
    for change in store.orchestrator.changes(0, 1_000_000):
        statuses[change.invocation_id].append(change.status)
    assert sorted(statuses) == sorted(registered(store))
    for history in statuses.values():
        check_history(history)


def test_of_racing_processes_one_gets_an_invocation(store, db_path):
    everything = ids(300)
    with store.unit():
        store.orchestrator.register([call(each) for each in everything], NOW)
        store.broker.push([entry(each) for each in everything])
    takings = [" ".join(lines).split() for lines in run_at_once(4, "claim_everything", db_path)]
    assert sorted(each for taking in takings for each in taking) == everything
    assert {record.attempt for record in store.orchestrator.read(everything).values()} == {1}
    check_every_history(store)


def test_sixteen_processes_that_open_an_empty_file_at_once_and_work(store, db_path):
    done = [int(line.removeprefix("done ")) for [line] in run_at_once(16, "hammer", db_path, 40)]
    assert sum(done) == 640
    assert len(registered(store)) == 640
    assert store.orchestrator.count_by(["status"], InvocationQuery()) == {("success",): 640}
    assert store.broker.sizes() == {}
    check_every_history(store)


def test_a_killed_process_leaves_nothing_half_written_and_no_lock(store, db_path):
    store.broker.push([entry("queued")])
    with process("stop_inside_a_unit", db_path) as victim:
        assert line_of(victim) == "inside"
        assert registered(store) == []
        victim.kill()
        victim.wait(DEADLINE_SECONDS)
        store.orchestrator.register([call("next")], NOW)
    assert registered(store) == ["next"]
    assert [each.invocation_id for each in store.broker.pop([], 5)] == ["queued"]
    assert store.state.load_calls(["half"]) == {}
    assert store.orchestrator.history(["half"]) == []


def test_what_a_killed_process_had_committed_is_there(store, db_path):
    with process("claim_everything", db_path) as victim:
        store.orchestrator.register([call("inv")], NOW)
        store.broker.push([entry("inv")])
        assert line_of(victim) == "ready"
        assert victim.stdin is not None
        victim.stdin.write("go\n")
        victim.stdin.flush()
        assert line_of(victim) == "inv"
        victim.kill()
    assert store.orchestrator.read(["inv"])["inv"].status is InvocationStatus.RUNNING


def test_a_forked_child_does_not_disturb_its_parent(store, db_path):
    assert run("fork", db_path) == ["child 0"]
    assert sorted(registered(store)) == ["child-1", "child-2", "parent-1", "parent-2", "parent-3"]
    [[verdict]] = store.connection.rows("PRAGMA integrity_check")
    assert verdict == "ok"


def test_a_child_forked_inside_a_unit_is_refused(store, db_path):
    [refusal] = run("fork_inside_a_unit", db_path)
    assert "forked" in refusal
    assert str(db_path) in refusal
    assert registered(store) == ["parent-1", "parent-2"]


def test_forks_beside_threads_that_write(store, db_path):
    assert run("fork_beside_busy_threads", db_path, 10) == ["child 0"] * 10
    assert {f"child-{number}" for number in range(10)} <= set(registered(store))
    check_every_history(store)


def test_two_applications_write_to_one_file(db_path):
    names = ["my-app", "my_app"]
    with process("submit_as", db_path, names[0], 100) as one, process("submit_as", db_path, names[1], 100) as other:
        assert output_of(one) == output_of(other) == []
    for name in names:
        store = sqlite_components(name, db_path)
        assert registered(store) == [f"inv-{number:04}" for number in range(100)]
        assert store.orchestrator.last_change() == 100
        store.unit.close()
