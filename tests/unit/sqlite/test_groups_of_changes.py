"""A group of changes is written at once, and each member still gets the answer it would get alone."""

from pathlib import Path

import pytest

from pynenc.backends.sqlite import Components, sqlite_components
from pynenc.invocation.record import InvocationRecord, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.testing.conformance.kit import call, ids


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "db"


@pytest.fixture
def store(path: Path) -> Components:
    return sqlite_components("app", path)


@pytest.fixture
def running(store: Components) -> list[InvocationRecord]:
    new = [call(each) for each in ids(3)]
    store.orchestrator.register(new, 1.0)
    claimed = store.orchestrator.claim(ids(3), "me", 2.0)
    return [record for record in store.orchestrator.transition(to(claimed, InvocationStatus.RUNNING), 3.0) if record]


def to(records: list[InvocationRecord], status: InvocationStatus) -> list[Transition]:
    return [Transition(record.invocation_id, status, "me", record.attempt) for record in records]


def test_one_that_was_taken_away_is_refused_and_the_others_end(
    store: Components, path: Path, running: list[InvocationRecord]
) -> None:
    taken = running[1]
    other = sqlite_components("app", path)
    for status in (InvocationStatus.RUNNING_RECOVERY, InvocationStatus.REROUTED):
        other.orchestrator.transition([Transition(taken.invocation_id, status, "somebody", taken.attempt)], 4.0)

    first, refused, last = store.orchestrator.transition(to(running, InvocationStatus.SUCCESS), 5.0)

    assert refused is None
    stored = store.orchestrator.read([record.invocation_id for record in running])
    assert [first, last] == [stored[running[0].invocation_id], stored[running[2].invocation_id]]
    assert [record.status for record in stored.values()] == ["success", "rerouted", "success"]
    assert len(store.orchestrator.history([running[0].invocation_id])) == len(LIFE)


def test_one_that_was_asked_to_end_meanwhile_is_decided_as_it_stands(
    store: Components, path: Path, running: list[InvocationRecord]
) -> None:
    sqlite_components("app", path).orchestrator.request_cancel([running[2].invocation_id])

    after = store.orchestrator.transition(to(running, InvocationStatus.SUCCESS), 5.0)

    assert [record.cancel_requested for record in after if record] == [False, False, True]


def test_an_invocation_may_change_twice_in_a_group(store: Components, running: list[InvocationRecord]) -> None:
    changes = [change for status in ("killed", "rerouted") for change in to(running[:1], InvocationStatus(status))]

    after = store.orchestrator.transition(changes, 5.0)

    assert [record.status for record in after if record] == ["killed", "rerouted"]


LIFE = ("registered", "pending", "running", "success")
