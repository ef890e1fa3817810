"""The answer to a step is lost, or the step is interrupted: what was done counts once, what was not is done.

And what another client does between two trips of a unit.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError

from pynenc.exceptions import StoreUnavailableError
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import InvocationRecord, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import Backend, UnitConflict
from pynenc.ports.steps import ClaimPlan, WaitRequest
from pynenc.testing import wait_until
from pynenc.testing.conformance.kit import NOW, OWNER, PLACE, call, entry, move, register, register_in, runner
from pynenc_redis import connection as way
from pynenc_redis.conf import ConfigRedis
from pynenc_redis.connection import Command, Server
from pynenc_redis.reaching import server_of
from pynenc_redis.shortcuts import RedisShortcuts
from pynenc_redis.testing.stores import redis_store
from pynenc_redis.unit import RedisUnit

S = InvocationStatus
Exchange = Callable[[Any, Sequence[Command]], list[Any]]


@pytest.fixture
def meddle(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Do something at the first trip in which a word occurs: before the commands are sent, or after their answers."""
    exchange: Exchange = way._exchange

    def meddle(
        word: str, before: Callable[[], object] = int, after: Callable[[], object] = int, *, times: int = 1
    ) -> None:
        left = [times]

        def exchanged(connection: Any, commands: Sequence[Command]) -> list[Any]:
            if not left[0] or not any(word in str(part) for command in commands for part in command):
                return exchange(connection, commands)
            left[0] -= 1
            before()
            answers = exchange(connection, commands)
            after()
            return answers

        monkeypatch.setattr(way, "_exchange", exchanged)

    return meddle


def lost() -> None:
    raise RedisConnectionError("cut by the test")


def waiting(store: Backend, shortcuts: RedisShortcuts) -> tuple[InvocationRecord, WaitRequest]:
    """A running invocation that is about to wait for another one."""
    waiter = register_in(store.orchestrator, "waiter", S.RUNNING)
    register(store.orchestrator, "awaited", args_id="others")
    return waiter, wait_for(waiter, "awaited")


def wait_for(waiter: InvocationRecord, *awaited: str, cycle_control: bool = True) -> WaitRequest:
    return WaitRequest(
        waiter, 0, awaited, all_of_them=True, address="address", cycle_control=cycle_control, prioritise=True
    )


def test_resuming(store: Backend, shortcuts: RedisShortcuts, meddle: Callable[..., None]) -> None:
    _, request = waiting(store, shortcuts)
    answer = shortcuts.wait(request, (), None, NOW)
    assert answer is not None
    assert answer.paused is not None
    meddle("_resume", after=lost)
    resumed = shortcuts.resume(answer.paused, OWNER, NOW + 1)
    assert resumed == store.orchestrator.read(["waiter"])["waiter"]
    assert shortcuts.resume(answer.paused._replace(attempt=7), OWNER, NOW + 1) is None


def test_claiming(store: Backend, shortcuts: RedisShortcuts, meddle: Callable[..., None]) -> None:
    assert shortcuts.submit([call("a"), call("b")], NOW, wake=False)
    meddle("_advance", after=lost)
    claimed = shortcuts.advance((), (), ClaimPlan(OWNER, [PLACE], 1), NOW)
    assert claimed is not None
    assert [each.record.invocation_id for each in claimed.claimed] == ["a"]
    assert store.orchestrator.read(["b"])["b"].status is S.REGISTERED


def test_a_step_that_arrives_after_it_was_given_up(store: Backend, shortcuts: RedisShortcuts) -> None:
    """It stood in some buffer while its thread went on: it would claim for somebody who does not know."""
    assert shortcuts.submit([call("a"), call("b")], NOW, wake=False)
    sent: list[Command] = []
    ask = shortcuts._ask

    def remembering(*commands: Command) -> list[Any]:
        sent.extend(commands)
        return ask(*commands)

    shortcuts._ask = remembering  # type: ignore[method-assign]
    for _ in range(2):
        shortcuts.advance((), (), ClaimPlan(OWNER, (("another", "thread"),), 1), NOW)
    late = list(sent[0])
    late[3:4] = [shortcuts._keys.prefix]
    plan = shortcuts.advance((), (), ClaimPlan(OWNER, [PLACE], 1), NOW)
    assert plan is not None
    late[4] = sent[-1][4]
    with pytest.raises(StoreUnavailableError, match="given up"):
        ask(late)
    assert store.orchestrator.read(["b"])["b"].status is S.REGISTERED


def test_the_same_one_awaited_twice(store: Backend, shortcuts: RedisShortcuts) -> None:
    waiter, _ = waiting(store, shortcuts)
    request = wait_for(waiter, "awaited", "awaited")
    answer = shortcuts.wait(request, (), ClaimPlan(OWNER, [PLACE], 5), NOW)
    assert answer is not None
    assert [each.record.invocation_id for each in answer.claimed] == ["awaited"]
    assert len(answer.awaited) == 2
    assert [each.status for each in store.orchestrator.history(["awaited"])] == [S.REGISTERED, S.PENDING]


def test_lines_are_looked_at_without_control_of_cycles(store: Backend, shortcuts: RedisShortcuts) -> None:
    """The holder of the scope may be above the waiter: the awaited may go in now."""
    waiter = register_in(store.orchestrator, "waiter", S.RUNNING)
    register_in(store.orchestrator, "in line", S.CONCURRENCY_CONTROLLED, running_key="scope")
    request = wait_for(waiter, "in line", cycle_control=False)
    assert shortcuts.wait(request, (), None, NOW) is None


def test_what_was_popped_is_given_back_when_the_connection_is_lost(store: Backend, meddle: Callable[..., None]) -> None:
    register(store.orchestrator, "a")
    store.broker.push([entry("a")])

    def claim() -> None:
        with store.unit():
            assert store.broker.pop([PLACE], 1) == [entry("a")]
            meddle("WATCH", before=lost)
            store.orchestrator.claim(["a"], OWNER, NOW)

    with pytest.raises(UnitConflict):
        claim()
    assert store.broker.missing(["a"]) == []


def test_whoever_goes_on_after_a_lost_connection_writes_nothing(store: Backend, meddle: Callable[..., None]) -> None:
    register(store.orchestrator, "a", "b")

    def go_on() -> None:
        with store.unit():
            store.orchestrator.claim(["a"], OWNER, NOW)
            meddle("WATCH", before=lost)
            with pytest.raises(UnitConflict):
                store.orchestrator.read(["b"])
            store.orchestrator.claim(["a"], OWNER, NOW)

    with pytest.raises(UnitConflict):
        go_on()
    assert store.orchestrator.read(["a"])["a"].status is S.REGISTERED


@pytest.mark.parametrize("word", ["WATCH", "MULTI"])
def test_an_interrupt_leaves_no_answers_for_others(store: Backend, meddle: Callable[..., None], word: str) -> None:
    register(store.orchestrator, "a")
    server = _server(store)
    sent: list[Any] = []

    def send_only() -> None:
        [connection] = sent
        connection.send_packed_command(connection.pack_commands([("ECHO", "of the interrupted")]), check_health=False)
        raise KeyboardInterrupt

    take = server.take

    def taking() -> Any:
        sent[:] = [take()]
        return sent[0]

    server.take = taking  # type: ignore[method-assign]
    meddle(word, after=send_only)
    with pytest.raises(KeyboardInterrupt):
        store.orchestrator.claim(["a"], OWNER, NOW)
    assert store.orchestrator.read(["a"])["a"].invocation_id == "a"
    assert store.broker.sizes() == {}


def _server(store: Backend) -> Server:
    unit = store.units[0]
    assert isinstance(unit, RedisUnit)
    return unit.server


def refused() -> None:
    raise ReadOnlyError("You can't write against a read only replica.")


def test_a_replica_is_waited_for_and_not_stormed(
    store: Backend, meddle: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    register(store.orchestrator, "a")
    paused: list[float] = []
    monkeypatch.setattr(_server(store), "_pause", paused.append)
    meddle("MULTI", before=refused, times=5)
    store.orchestrator.claim(["a"], OWNER, NOW)
    assert len(paused) == 5
    assert min(paused) >= 0.1
    meddle("MULTI", before=refused, times=10**6)
    monkeypatch.setattr(_server(store), "_outage_seconds", 0.0)
    with pytest.raises(StoreUnavailableError, match="replica"):
        store.orchestrator.transition([Transition("a", S.RUNNING, OWNER, 1)], NOW)


def test_due_but_delayed_again_meanwhile(store: Backend, redis_url: str, meddle: Callable[..., None]) -> None:
    register(store.orchestrator, "a", not_before=NOW - 1)
    other = redis_store(redis_url)

    def run_and_retry() -> None:
        move(other.orchestrator, "a", S.PENDING, S.RUNNING)
        retry = Transition("a", S.RETRY, OWNER, None, not_before=NOW + 100)
        assert other.orchestrator.transition([retry], NOW) != [None]

    meddle("ZRANGEBYSCORE", after=run_and_retry)
    assert store.orchestrator.due(NOW, 10) == []
    assert store.orchestrator.read(["a"])["a"].not_before == NOW + 100
    other.close()


def test_an_orphan_that_found_a_home_meanwhile(store: Backend, redis_url: str, meddle: Callable[..., None]) -> None:
    ledger = store.orchestrator
    register_in(ledger, "a", S.RUNNING, owner="dead")
    ledger.save_runners([runner("alive", last_beat=NOW + 100)])
    other = redis_store(redis_url)

    def recover() -> None:
        move(other.orchestrator, "a", S.RUNNING_RECOVERY, S.REROUTED, S.PENDING, actor="alive", now=NOW + 90)

    meddle(":own:dead", after=recover)
    assert ledger.orphans(NOW + 95, 10) == []
    other.close()


def test_names_of_applications_do_not_meet(redis_url: str) -> None:
    names = ["a", "a}", "{a}", "a}:i:{b", "%7B", "{", "a*", "a[b]", "a?", "ä b"]
    stores = [redis_store(redis_url, name) for name in names]
    for store in stores:
        register(store.orchestrator, "x")
        store.broker.push([entry("x")])
    stores[-1].close()
    for number, store in enumerate(stores):
        store.orchestrator.purge()
        left = ["x" in each.orchestrator.read(["x"]) for each in stores]
        assert left == [False] * (number + 1) + [True] * (len(stores) - number - 1), names[number]
    for store in stores:
        store.close()


def test_any_number_of_connections_one_after_the_other(store: Backend) -> None:
    """A process may live for months, and each attempt of an outage is one."""
    server = _server(store)
    for _ in range(300):
        server.drop(server.connect())
    assert store.orchestrator.read(["a"]) == {}


def test_a_call_submitted_while_everything_is_purged(
    store: Backend, redis_url: str, meddle: Callable[..., None]
) -> None:
    """It is gone or it is there; not a record that nobody finds to run it."""
    register(store.orchestrator, "a")
    other = redis_store(redis_url)
    meddle("UNLINK", before=lambda: register(other.orchestrator, "b"))
    store.orchestrator.purge()
    unfinished = InvocationQuery(statuses=frozenset({S.REGISTERED}))
    found = {record.invocation_id for record in store.orchestrator.find(unfinished)}
    assert found == set(store.orchestrator.read(["a", "b"]))
    other.close()


def test_functions_removed_by_somebody(store: Backend, redis_url: str) -> None:
    """The step that they are missing in says so; the next one has brought them back."""
    register(store.orchestrator, "a", "b")
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.function_flush()
        with pytest.raises(StoreUnavailableError, match="Function not found"):
            store.orchestrator.claim(["a"], OWNER, NOW)
    assert [each.invocation_id for each in store.orchestrator.claim(["a"], OWNER, NOW)] == ["a"]


def test_a_password_among_the_parameters_is_not_told() -> None:
    server = server_of(ConfigRedis(redis_url=SecretStr("redis://ann:one@host:1/2?password=two&ssl_password=three")))
    assert server.location == "redis://host:1/2"


def test_more_records_than_are_kept(store: Backend, shortcuts: RedisShortcuts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has claimed more than it remembers leaves the step to those who read first."""
    monkeypatch.setattr("pynenc_redis.shortcuts.KEPT_RECORDS", 2)
    names = [f"{number:03}" for number in range(8)]
    assert shortcuts.submit([call(each) for each in names], NOW, wake=False)
    claimed: list[InvocationRecord] = []
    for _ in range(4):
        answer = shortcuts.advance((), (), ClaimPlan(OWNER, [PLACE], 2), NOW)
        assert answer is not None
        claimed += [each.record for each in answer.claimed]
    assert [record.invocation_id for record in claimed] == names
    starts = [Transition(each, S.RUNNING, OWNER, 1) for each in names]
    assert shortcuts.advance((), starts, None, NOW) is None
    assert None not in store.orchestrator.transition(starts, NOW)


def test_beginning_to_listen(store: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server goes after it was reached, and before it is asked for messages."""
    connect, cut = Server.connect, []

    def connected(server: Server) -> Any:
        connection = connect(server)
        if not cut:
            cut.append(connection)
            connection._sock.shutdown(socket.SHUT_RDWR)
        return connection

    monkeypatch.setattr(Server, "connect", connected)
    told = threading.Event()
    store.wakeups.listen(lambda _ids: None, told.set)
    store.wakeups.set_idle(True)
    assert store.wakeups.wake_workers(1) == 1
    assert told.wait(10)
    assert cut


def test_who_waits_for_a_server_goes_on_when_another_thread_reaches_it(
    store: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, tried = _server(store), threading.Event()
    server.give_back(server.connect())

    def away() -> Any:
        tried.set()
        raise RedisConnectionError("away")

    with monkeypatch.context() as outage:
        outage.setattr(way, "FIRST_PAUSE_SECONDS", 25.0)
        outage.setattr(server, "_connect", away)
        connected = threading.Event()
        waiting = threading.Thread(target=lambda: (server.drop(server.connect()), connected.set()), daemon=True)
        waiting.start()
        assert tried.wait(10)
        wait_until(lambda: server._away, 10, "the thread to wait")
    server.drop(server.connect())
    assert connected.wait(10)
    waiting.join(10)
