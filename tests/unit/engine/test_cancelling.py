"""Cancelling goes down to what was called before; what is called to clean up is left alone."""

from contextlib import closing

import pytest

from pynenc import Pynenc
from pynenc.engine.cancelling import cancel_tree
from pynenc.identifiers import new_id
from pynenc.invocation.status import InvocationStatus
from pynenc.testing.conformance.kit import call


@pytest.fixture
def engine():
    with closing(Pynenc({"app_id": "cancelling", "orchestrator_cls": "MemOrchestrator"})) as app:
        yield app.engine


def called(engine, parent_id=None):
    invocation_id = new_id()
    engine.steps.submit([call(invocation_id, parent_id=parent_id)], {}, wake=False)
    return invocation_id


def test_what_is_called_once_it_was_told_cleans_up(engine, monkeypatch):
    root = called(engine)
    child = called(engine, root)
    grandchild = called(engine, child)
    late = []
    cancel = engine.steps.cancel

    def told_at_once(ids, actor):
        found = cancel(ids, actor)
        if root in ids:
            late.append(called(engine, root))
        return found

    monkeypatch.setattr(engine.steps, "cancel", told_at_once)
    cancel_tree(engine, [root])
    records = engine.ledger.read([root, child, grandchild, *late])
    assert [records[each].status for each in (root, child, grandchild)] == [InvocationStatus.CANCELLED] * 3
    assert records[late[0]].status is InvocationStatus.REGISTERED
