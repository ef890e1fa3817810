"""Of a record that is as this process left it the facts of a change travel; the server looks whether it still is so.

And a wait tells others of calls that nobody was told of.
"""

import pytest
import redis

from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import Finish, InvocationRecord, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import Backend
from pynenc.ports.steps import ClaimPlan, WaitRequest
from pynenc.testing.conformance.kit import NOW, OWNER, PLACE, call, outcome, register, register_in
from pynenc_redis.mapping import facts_of, packed_record
from pynenc_redis.shortcuts import RedisShortcuts

S = InvocationStatus


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the records of which facts were sent."""
    sent: list[str] = []

    def remembered(left: bytes, old: InvocationRecord, new: InvocationRecord) -> tuple[object, ...]:
        sent.append(old.invocation_id)
        return facts_of(left, old, new)

    monkeypatch.setattr("pynenc_redis.shortcuts.facts_of", remembered)
    return sent


def claimed(shortcuts: RedisShortcuts, *, start: int) -> InvocationRecord:
    assert shortcuts.submit([call("a", registration_key="scope")], NOW, wake=False)
    short = shortcuts.advance((), (), ClaimPlan(OWNER, [PLACE], 1, start=start), NOW)
    assert short is not None
    return short.claimed[0].record


def end(record: InvocationRecord) -> Finish:
    return Finish(Transition("a", S.SUCCESS, OWNER, record.attempt), record, outcome("a"))


def test_a_life(store: Backend, shortcuts: RedisShortcuts, facts: list[str]) -> None:
    pending = claimed(shortcuts, start=0)
    begun = shortcuts.advance((), [Transition("a", S.RUNNING, OWNER, pending.attempt)], None, NOW)
    assert begun is not None
    ended = shortcuts.advance([end(begun.changed[0])], (), None, NOW + 1)
    assert ended is not None
    assert facts == ["a", "a"]
    assert store.orchestrator.read(["a"])["a"] == ended.finished[0]
    history = store.orchestrator.history(["a"])
    assert [(each.status, each.owner) for each in history] == [
        (S.REGISTERED, None), (S.PENDING, OWNER), (S.RUNNING, OWNER), (S.SUCCESS, None),
    ]  # fmt: skip
    assert store.orchestrator.count_by(["status"], InvocationQuery()) == {("success",): 1}


def test_the_same_record_in_other_bytes(
    store: Backend, shortcuts: RedisShortcuts, facts: list[str], redis_url: str
) -> None:
    running = claimed(shortcuts, start=1)
    with redis.Redis.from_url(redis_url) as client:
        written_otherwise = packed_record(running._replace(claimed_at=NOW))
        assert client.getset(shortcuts._keys("i", "a"), written_otherwise) != written_otherwise
    ended = shortcuts.advance([end(running)], (), None, NOW + 1)
    assert ended is not None
    assert facts == ["a"]
    assert store.orchestrator.read(["a"])["a"].status is S.SUCCESS


def test_what_somebody_changed_meanwhile(store: Backend, shortcuts: RedisShortcuts, facts: list[str]) -> None:
    running = claimed(shortcuts, start=1)
    store.orchestrator.request_cancel(["a"])
    assert shortcuts.advance([end(running)], (), None, NOW + 1) is None
    assert facts == ["a"]
    present = store.orchestrator.read(["a"])["a"]
    assert (present.status, present.cancel_requested) == (S.RUNNING, True)


def test_what_was_taken_away(store: Backend, shortcuts: RedisShortcuts) -> None:
    running = claimed(shortcuts, start=1)
    store.orchestrator.transition([Transition("a", S.REROUTED, OWNER, running.attempt)], NOW)
    assert shortcuts.advance([end(running)], (), None, NOW + 1) is None
    assert store.orchestrator.read(["a"])["a"].status is S.REROUTED


@pytest.mark.parametrize(
    ("unannounced", "limit", "told"), [(0, None, False), (1, None, True), (1, 1, False), (2, 1, True)]
)
def test_a_wait_tells_of_what_it_does_not_claim(
    shortcuts: RedisShortcuts, store: Backend, unannounced: int, limit: int | None, *, told: bool
) -> None:
    waiter = register_in(store.orchestrator, "waiter", S.RUNNING)
    register(store.orchestrator, "awaited", args_id="others")
    idle = shortcuts._keys("ready")
    shortcuts._ask(("SADD", idle, "somebody"))
    request = WaitRequest(
        waiter, 0, ["awaited"], all_of_them=True, address="address", cycle_control=True, prioritise=True
    )
    plan = None if limit is None else ClaimPlan(OWNER, [PLACE], limit)
    answer = shortcuts.wait(request._replace(unannounced=unannounced), (), plan, NOW)
    assert answer is not None
    assert answer.announced
    [left] = shortcuts._ask(("EXISTS", idle))
    assert left == (not told)
