"""Claims from what another product's queue gave up: only what is free is claimed, and the rest is told apart."""

from pynenc.invocation.record import Claimed, QueueEntry, Wait
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import Backend
from pynenc.ports.shortcuts import Offered, Shortened
from pynenc.ports.steps import ClaimPlan
from pynenc.testing.conformance.kit import NOW, OWNER, PLACE, STRANGER, call, register, register_in
from pynenc_redis.shortcuts import RedisShortcuts

S = InvocationStatus


def take(
    shortcuts: RedisShortcuts, *ids: str, limit: int = 10, start: int = 0, awaited_first: bool = False
) -> Shortened | None:
    entries = [QueueEntry(each, *PLACE, 7) for each in ids]
    return shortcuts.advance(
        (), (), ClaimPlan(OWNER, [PLACE], limit, start=start), NOW, Offered(entries, awaited_first=awaited_first)
    )


def ids_of(claimed: list[Claimed]) -> list[str]:
    return [each.record.invocation_id for each in claimed]


def test_calls_that_are_not_queued(store: Backend, shortcuts: RedisShortcuts) -> None:
    assert shortcuts.submit([call("a"), call("b")], NOW, wake=True, queue=False)
    assert store.broker.sizes() == {}
    assert {each.status for each in store.orchestrator.read(["a", "b"]).values()} == {S.REGISTERED}


def test_whether_somebody_follows_work(store: Backend, shortcuts: RedisShortcuts) -> None:
    before = shortcuts.submit([call("a")], NOW, wake=True, queue=False)
    store.wakeups.set_standby(True)
    store.wakeups.wake_workers(1)
    after = shortcuts.submit([call("b")], NOW, wake=True, queue=False)
    assert before is not None
    assert after is not None
    assert (before.followed, after.followed) == (False, True)


def test_only_what_is_free_is_claimed_and_once(store: Backend, shortcuts: RedisShortcuts) -> None:
    for each in ("free", "later"):
        register(store.orchestrator, each)
    register(store.orchestrator, "delayed", not_before=NOW + 60)
    register_in(store.orchestrator, "ended", S.SUCCESS)
    others = register_in(store.orchestrator, "others", S.RUNNING, owner=STRANGER)
    short = take(shortcuts, "unknown", "ended", "others", "free", "delayed", "free", "later", start=1)
    assert short is not None
    assert ids_of(list(short.claimed)) == ["free", "later"]
    assert [each.record.status for each in short.claimed] == [S.RUNNING, S.PENDING]
    assert [each.priority for each in short.claimed] == [7, 7]
    assert list(short.left) == []
    records = store.orchestrator.read(["free", "later", "delayed", "others"])
    assert [records[each].owner for each in ("free", "later", "delayed", "others")] == [OWNER, OWNER, None, STRANGER]
    assert records["others"] == others


def test_no_more_than_is_wanted_and_the_rest_is_left(store: Backend, shortcuts: RedisShortcuts) -> None:
    for each in "abc":
        register(store.orchestrator, each)
    register_in(store.orchestrator, "ended", S.SUCCESS)
    short = take(shortcuts, "a", "b", "ended", "c", limit=2)
    assert short is not None
    assert ids_of(list(short.claimed)) == ["a", "b"]
    assert list(short.left) == ["c"]


def test_an_entry_with_a_scope_means_that_nothing_is_done(store: Backend, shortcuts: RedisShortcuts) -> None:
    register(store.orchestrator, "free")
    register(store.orchestrator, "scoped", running_key="scope")
    assert take(shortcuts, "free", "scoped") is None
    assert store.orchestrator.read(["free"])["free"].status is S.REGISTERED


def test_a_stale_entry_with_a_scope_is_passed_over(store: Backend, shortcuts: RedisShortcuts) -> None:
    register(store.orchestrator, "free")
    register_in(store.orchestrator, "scoped", S.SUCCESS, running_key="scope")
    short = take(shortcuts, "scoped", "free")
    assert short is not None
    assert ids_of(list(short.claimed)) == ["free"]


def test_what_is_waited_for_goes_first_by_urgency(store: Backend, shortcuts: RedisShortcuts) -> None:
    for waiter, priority in (("urgent", 9), ("calm", 1)):
        register_in(store.orchestrator, waiter, S.RUNNING, priority=priority)
    for each in "abcd":
        register(store.orchestrator, each)
    register(store.orchestrator, "elsewhere", queue="mail")
    edges = [("calm", "b"), ("urgent", "c"), ("calm", "d"), ("urgent", "d"), ("urgent", "elsewhere")]
    store.orchestrator.add_waits([Wait(waiter, awaited, "address") for waiter, awaited in edges])
    short = take(shortcuts, "a", "b", limit=2, awaited_first=True)
    assert short is not None
    assert ids_of(list(short.claimed)) == ["d", "c"]
    assert list(short.left) == ["a", "b"]
    short = take(shortcuts, "a", "b", limit=2, awaited_first=True)
    assert short is not None
    assert sorted(ids_of(list(short.claimed))) == ["a", "b"]
    assert list(short.left) == []
