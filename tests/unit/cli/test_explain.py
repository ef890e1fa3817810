"""Why an invocation is not finished."""

import pytest

from pynenc.cli.explain import why_unfinished
from pynenc.invocation.record import Transition, Wait
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.invocation.status import InvocationStatus

S = InvocationStatus


@pytest.fixture
def why(shop):
    """The reasons for an invocation, joined."""

    def ask(invocation):
        return "; ".join(why_unfinished(shop.app, invocation.record))

    return ask


@pytest.fixture
def runner(shop):
    """Enters a runner into the board."""

    def enter(name="r-1", *, silent_seconds=0.0, queues=()):
        now = shop.app.engine.clock.now() - silent_seconds
        shop.app.engine.ledger.save_runners([RunnerRecord(name, "R", None, "host", 1, now, now, None, queues)])

    return enter


@pytest.fixture
def take(shop):
    """Has a runner take an invocation, and go on to some statuses."""

    def claim(invocation, *statuses, owner="r-1"):
        ledger, now = shop.app.engine.ledger, shop.app.engine.clock.now()
        [record] = ledger.claim([invocation.invocation_id], owner, now)
        for status in statuses:
            assert ledger.transition([Transition(invocation.invocation_id, status, owner, record.attempt)], now)[0]

    return claim


def test_no_runner(shop, why):
    assert why(shop.add(1, 2)).startswith("no runner is alive; start one: pynenc --app=tasks.app runner start; queued")


def test_no_runner_for_its_queue(shop, why, runner):
    runner(queues=("default",))
    assert "no living runner serves the queue 'mail'; start one: pynenc --app=tasks.app runner start --queues mail" in (
        why(shop.send("ann"))
    )
    assert why(shop.add(1, 2)) == "queued, with 0 ahead of it in 'default'"


def test_it_is_due_later(shop, why, runner):
    runner()
    assert why(shop.add.with_options(delay_seconds=3600)(1, 2)).startswith("due at ")


def test_nobody_has_its_task(shop, why, runner):
    runner()
    shop.app.engine.state.publish("task", {"tasks.other": "{}"})
    assert "no runner has published the task tasks.add; deploy its code" in why(shop.add(1, 2))


def test_it_is_in_no_queue(shop, why, runner, monkeypatch):
    runner()
    invocation = shop.add(1, 2)
    shop.app.assembled.backend.broker.purge()
    assert why(invocation) == "queued a moment ago"
    now = shop.app.engine.clock.now()
    monkeypatch.setattr(shop.app.engine.clock, "now", lambda: now + 20)
    assert why(invocation) == "not in its queue; the sweep of a live runner will queue it again"


def test_many_are_ahead(shop, why, runner, monkeypatch):
    runner()
    monkeypatch.setattr("pynenc.cli.explain._LOOKED_AT", 2)
    invocations = [shop.add(n, 0) for n in range(4)]
    assert why(invocations[1]) == "queued, with 1 ahead of it in 'default'"
    assert why(invocations[3]) == "queued, with 2 or more ahead of it in 'default'"


def test_it_runs(shop, why, runner, take):
    runner()
    take(invocation := shop.add(1, 2), S.RUNNING)
    assert why(invocation).startswith("running on r-1 since ")


@pytest.mark.parametrize("silent", [True, False])
def test_its_owner_is_gone(shop, why, runner, take, silent):
    runner("other")
    if silent:
        runner("r-1", silent_seconds=100)
    take(invocation := shop.add(1, 2), S.RUNNING, S.PAUSED)
    assert why(invocation) == "its owner r-1 has fallen silent; it is recovered when a runner is alive"


def test_it_waits_for_others(shop, why, runner, take, monkeypatch):
    monkeypatch.setattr("pynenc.cli.explain._NAMED", 2)
    runner()
    take(invocation := shop.twice(1), S.RUNNING, S.PAUSED)
    assert why(invocation) == "its wait is over; it waits for a slot"
    awaited = [shop.add(n, n) for n in range(3)]
    shop.app.engine.ledger.add_waits([Wait(invocation.invocation_id, each.invocation_id, None) for each in awaited])
    names = why(invocation)
    assert names.startswith("waits for ")
    assert names.endswith(" and 1 more")
    assert names.count("(registered)") == 2


def test_it_stands_in_line(shop, why, runner):
    app = shop.app
    alone = app.get_task("tasks.add")
    alone.conf.running_concurrency = "task"
    runner()
    first, second, third = (alone(n, n) for n in range(3))
    key = first.record.running_key
    assert key is not None
    now = app.engine.clock.now()
    for each in (second, third):
        app.engine.ledger.transition([Transition(each.invocation_id, S.CONCURRENCY_CONTROLLED, "r-1", None)], now)
    assert why(third).endswith("with 1 ahead; the scope is held by nobody: the sweep will move it on")


def test_it_is_on_its_way_back(shop, why, take):
    take(invocation := shop.add(1, 2), S.KILLED)
    assert why(invocation) == (
        "on its way back into its queue; a live runner puts it there; "
        "no runner is alive, which all this takes; start one: pynenc --app=tasks.app runner start"
    )
