"""The owner of connections: where the file lies, units, failures, checkpoints."""

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pynenc.backends.sqlite import checkpoint, default_database_path, location, sqlite_components
from pynenc.backends.sqlite.opening import PAGE_BYTES, SCHEMA_VERSION, table_prefix
from pynenc.backends.sqlite.statements import LARGEST_LIST
from pynenc.exceptions import StoreUnavailableError
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.testing.conformance.kit import NOW, OWNER, call, entry, ids, outcome, register
from pynenc.testing.conformance.races import race

DEADLINE_SECONDS = 20.0


@pytest.fixture
def db_path(tmp_path):
    return tmp_path / "state" / "pynenc.db"


@pytest.fixture
def store(db_path):
    components = sqlite_components("app", db_path)
    yield components
    components.unit.close()


def fail_after(store, write: Callable[[], object]) -> None:
    """A unit that writes and does not come to its end."""
    with store.unit():
        write()
        raise ZeroDivisionError


def queued(store) -> list[str]:
    return [each.invocation_id for each in store.broker.peek("default", 100)]


# -------------------------------------------------------------------------------------------------- where the file is


def test_making_the_components_does_not_touch_the_disk(db_path):
    sqlite_components("app", db_path).unit.close()
    assert not db_path.parent.exists()


def test_the_first_use_makes_the_folder_and_the_file(store, db_path):
    assert store.broker.sizes() == {}
    assert db_path.is_file()
    assert not (db_path.parent / ".gitignore").exists()


def test_without_a_path_the_file_lies_beside_the_nearest_pyproject(tmp_path, monkeypatch):
    inside = tmp_path / "package" / "module"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert default_database_path() == inside / ".pynenc" / "pynenc.db"
    (tmp_path / "pyproject.toml").touch()
    assert default_database_path() == tmp_path / ".pynenc" / "pynenc.db"

    store = sqlite_components("app")
    store.broker.sizes()
    store.unit.close()
    assert (tmp_path / ".pynenc" / "pynenc.db").is_file()
    assert (tmp_path / ".pynenc" / ".gitignore").read_text() == "*\n"


def test_the_file_stays_the_same_when_the_working_directory_changes(tmp_path, monkeypatch):
    store = sqlite_components("app", "relative.db")
    monkeypatch.chdir("/")
    store.broker.push([entry("inv")])
    store.unit.close()
    assert (tmp_path / "relative.db").is_file()


@pytest.mark.parametrize(
    ("app_id", "start"),
    [("my_app", "my_app_"), ("my-app", "my_app_"), ("2 apps", "_2_apps_"), ("SQLite_x", "_SQLite_x_"), ("ö", "__")],
)
def test_tables_are_named_after_the_application(tmp_path, app_id, start):
    prefix = table_prefix(app_id)
    assert prefix.startswith(start)
    assert len(prefix) == len(start) + 9
    store = sqlite_components(app_id, tmp_path / "db")
    store.broker.push([entry("inv")])
    assert queued(store) == ["inv"]
    store.unit.close()


def test_applications_in_one_file_do_not_see_each_other(db_path):
    one, other = sqlite_components("my-app", db_path), sqlite_components("my_app", db_path)
    one.broker.push([entry("inv")])
    register(one.orchestrator, "inv")
    assert queued(other) == []
    assert other.orchestrator.read(["inv"]) == {}
    other.broker.purge()
    other.orchestrator.purge()
    assert queued(one) == ["inv"]
    one.unit.close()
    other.unit.close()


# ------------------------------------------------------------------------------------------------------------- units


def test_a_unit_is_one_write_transaction(store):
    before = store.connection.write_transactions
    with store.unit():
        register(store.orchestrator, "inv")
        with store.unit():
            store.broker.push([entry("inv")])
        store.state.save_calls([call("inv")])
    assert store.connection.write_transactions == before + 1
    with store.unit():
        store.orchestrator.read(["inv"])
        store.broker.pop([("empty", "thread")], 1)
    assert store.connection.write_transactions == before + 1


def test_a_task_without_waits_takes_two_write_transactions(store):
    before = store.connection.write_transactions
    running: list[tuple[str, int]] = []
    for invocation_id in ids(10):
        with store.unit():
            register(store.orchestrator, invocation_id)
            store.state.save_calls([call(invocation_id)])
            store.broker.push([entry(invocation_id)])
        with store.unit():
            store.state.put_outcomes([outcome(*each) for each in running])
            finished = [Transition(each, InvocationStatus.SUCCESS, OWNER, attempt) for each, attempt in running]
            assert None not in store.orchestrator.transition(finished, NOW)
            store.orchestrator.release([each for each, _ in running])
            popped = [each.invocation_id for each in store.broker.pop([], 1)]
            [claimed] = store.orchestrator.claim(popped, OWNER, NOW)
            running = [(claimed.invocation_id, claimed.attempt)]
            started = Transition(claimed.invocation_id, InvocationStatus.RUNNING, OWNER, claimed.attempt)
            assert store.orchestrator.transition([started], NOW) != [None]
    assert store.connection.write_transactions == before + 20


def test_an_exception_undoes_the_unit_and_frees_the_file(store, db_path):
    with pytest.raises(ZeroDivisionError):
        fail_after(store, lambda: store.broker.push([entry("inv")]))
    other = sqlite_components("app", db_path)
    assert queued(other) == []
    other.broker.push([entry("inv")])
    assert queued(store) == ["inv"]
    other.unit.close()


def test_an_exception_that_is_caught_inside_undoes_the_unit_all_the_same(store):
    def go_on_after_a_failure(*names: str) -> None:
        with store.unit():
            with suppress(ZeroDivisionError):
                fail_after(store, lambda: store.broker.push([entry("half")]))
            for name in names:
                store.broker.push([entry(name)])

    for names in ((), ("whole",)):
        with pytest.raises(RuntimeError, match="is undone"):
            go_on_after_a_failure(*names)
    assert queued(store) == []
    store.broker.push([entry("next")])
    assert queued(store) == ["next"]


def test_a_change_undone_is_not_remembered(store):
    register(store.orchestrator, "inv")
    store.orchestrator.claim(["inv"], OWNER, NOW)
    running = Transition("inv", InvocationStatus.RUNNING, OWNER, 1)
    with pytest.raises(ZeroDivisionError):
        fail_after(store, lambda: store.orchestrator.transition([running], NOW))
    [again] = store.orchestrator.transition([running], NOW)
    assert again is not None
    assert [each.status.value for each in store.orchestrator.history(["inv"])] == ["registered", "pending", "running"]


def test_what_a_unit_writes_is_seen_inside_it_alone(store):
    seen: list[list[str]] = []
    with store.unit():
        store.broker.push([entry("inv")])
        assert queued(store) == ["inv"]
        reader = threading.Thread(target=lambda: seen.append(queued(store)))
        reader.start()
        reader.join(DEADLINE_SECONDS)
    assert seen == [[]]
    assert queued(store) == ["inv"]


def test_threads_write_in_turn(store):
    def push(number):
        for position in range(20):
            with store.unit():
                before = len(queued(store))
                store.broker.push([entry(f"{number}-{position}")])
                assert len(queued(store)) == min(before + 1, 100)

    race(push)
    assert store.broker.sizes() == {("default", "thread"): 160}


def test_more_threads_read_than_there_are_connections(store):
    store.broker.push([entry(each) for each in ids(50)])
    assert race(lambda _: [queued(store) for _ in range(20)], threads=16) == [[ids(50)] * 20] * 16


def test_closing_may_be_repeated_and_the_next_use_opens_again(store):
    store.broker.push([entry("inv")])
    store.unit.close()
    store.unit.close()
    assert queued(store) == ["inv"]


def test_a_long_list_of_ids_goes_in_portions(store):
    many = ids(3 * LARGEST_LIST + 7)
    register(store.orchestrator, *many)
    assert list(store.orchestrator.read(many)) == many
    claimed = store.orchestrator.claim(many[::-1], OWNER, NOW)
    assert [record.invocation_id for record in claimed] == many[::-1]


# ---------------------------------------------------------------------------------------------------------- failures


def refuses(store, *words: str) -> None:
    for use in (store.broker.sizes, lambda: store.broker.push([entry("inv")])):
        with pytest.raises(StoreUnavailableError) as caught:
            use()
        message = str(caught.value)
        assert str(store.connection.db_path) in message
        for word in words:
            assert word in message


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("These are my notes. " * 100)
    refuses(sqlite_components("app", path), "not a database", "sqlite_db_path")
    assert path.read_text().startswith("These are my notes.")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    refuses(sqlite_components("app", tmp_path / "file" / "pynenc.db"), "sqlite_db_path")


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    refuses(sqlite_components("app", tmp_path), "cannot be written", "sqlite_db_path")


def test_a_folder_that_cannot_be_written_is_refused(store, monkeypatch):
    # The rights of a folder do not stop root, who runs tests in containers.
    monkeypatch.setattr(os, "access", lambda *_: False)
    refuses(store, "cannot be written", "sqlite_db_path")


def test_a_network_file_system_is_refused(store, db_path, monkeypatch, tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
        f"40 22 0:52 / {str(tmp_path).replace(' ', chr(92) + '040')} rw shared:2 - nfs4 server:/home rw\n"
        f"41 22 0:53 / {tmp_path}-else rw - ext4 /dev/sdb rw\n"
    )
    monkeypatch.setattr(location, "_MOUNTS", mounts)
    assert location.file_system_of(db_path.parent) == "nfs4"
    assert location.file_system_of(Path("/somewhere")) == "ext4"
    refuses(store, "network file system (nfs4)", "local disk")


@pytest.mark.parametrize(("version", "age"), [(SCHEMA_VERSION + 1, "a newer"), (SCHEMA_VERSION - 1, "an older")])
def test_tables_of_another_version_are_refused(store, db_path, version, age):
    store.broker.sizes()
    store.unit.close()
    with sqlite3.connect(db_path) as db:
        db.execute("UPDATE pynenc_schema SET version = ?", (version,))
    db.close()
    refuses(store, f"by {age} version", f"schema {version}", "'app'")


def test_a_full_disk_undoes_the_unit_and_says_so(store):
    store.broker.push([entry("before")])
    db = store.connection._opened()
    [[pages]] = db.execute("PRAGMA page_count").fetchall()
    db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreUnavailableError, match="disk is full"):
        store.state.save_calls([call(each, arguments="x" * 10_000) for each in ids(100)])
    db.execute("PRAGMA max_page_count = 1000000")
    assert store.state.load_calls(ids(100)) == {}
    store.broker.push([entry("after")])
    assert queued(store) == ["before", "after"]


def test_a_wrong_statement_is_our_mistake_and_no_trouble_of_the_store(store):
    with pytest.raises(sqlite3.ProgrammingError), store.unit():
        store.connection.write("SELECT ?", ())
    store.broker.push([entry("inv")])
    assert queued(store) == ["inv"]


# ------------------------------------------------------------------------------------------------------- checkpoints


def test_the_log_does_not_grow_without_bound(store, db_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "DUE_FRAMES", 200)
    for number, invocation_id in enumerate(ids(300)):
        register(store.orchestrator, invocation_id)
        if number % 10 == 0:
            store.connection._checkpoints.wait()
    # Some 3,000 frames were written.
    frames = db_path.with_name(f"{db_path.name}-wal").stat().st_size / PAGE_BYTES
    assert frames < 600


def test_a_checkpoint_loses_nothing_and_stops_nobody(store, monkeypatch):
    monkeypatch.setattr(checkpoint, "DUE_FRAMES", 50)

    def write(number):
        for position in range(50):
            register(store.orchestrator, f"{number}-{position}")

    race(write, threads=4)
    assert store.orchestrator.count_by([], InvocationQuery()) == {(): 200}
