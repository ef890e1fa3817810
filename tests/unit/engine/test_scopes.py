"""Who has the token of a scope."""

import pytest

from pynenc.backends.memory import memory_backend
from pynenc.engine.scopes import Scope
from pynenc.invocation.status import InvocationStatus as S
from pynenc.testing.conformance.kit import NOW, move, register


@pytest.mark.parametrize("late_seconds", [-1.0, 1.0])
def test_whoever_executes_has_it_also_if_its_claim_seems_the_older_one(late_seconds):
    """Its process read the clock, and waited for its turn to write while the parent was claimed and paused."""
    ledger = memory_backend().orchestrator
    for invocation_id in ("parent", "child", "other"):
        register(ledger, invocation_id, running_key="scope")
    move(ledger, "parent", S.PENDING, S.RUNNING, S.PAUSED, now=NOW + 5)
    move(ledger, "child", S.PENDING, S.RUNNING, now=NOW + 5 + late_seconds)
    scope = Scope(ledger, "scope")
    assert scope.deepest is not None
    assert scope.deepest.invocation_id == "child"
    assert not scope.admits("other")
