"""Tasks that kill their worker each time: given up after some deaths, and nobody else with them."""

import signal
from collections.abc import Callable
from typing import Any

import fault_tasks
import pytest
from harness import Scene

from pynenc.exceptions import InvocationLostError
from pynenc.invocation.status import InvocationStatus

S = InvocationStatus


def check_given_up(scene: Scene, poison: Any, deaths: int | None = None) -> None:
    """It ended FAILED, after so many deaths if that is certain, with an error that says so."""
    deaths = deaths or poison.record.recoveries
    with pytest.raises(InvocationLostError, match=f"{deaths} of its workers died"):
        _ = poison.result
    assert poison.status is S.FAILED
    assert scene.statuses(poison).count(S.RUNNING) == deaths
    assert scene.statuses(poison)[-2:] == [S.RUNNING_RECOVERY, S.FAILED]


@pytest.mark.parametrize("max_recoveries", [0, 2])
def test_poison_is_given_up(max_recoveries: int, make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(max_recoveries=max_recoveries)
    before = scene.call_all(fault_tasks.noop, [(number,) for number in range(50)])
    poison = scene.call(fault_tasks.poison)
    after = scene.call_all(fault_tasks.noop, [(number,) for number in range(50)])
    runner = scene.start_runner()
    scene.wait_for_all()
    check_given_up(scene, poison, max_recoveries + 1)
    assert [i.result for i in before + after] == [*range(50), *range(50)]
    assert not any(i.record.recoveries for i in before + after)
    assert f"GIVEN-UP invocation:{poison.invocation_id}" in runner.log
    scene.check()


@pytest.mark.parametrize("status", [0, 3, -signal.SIGSEGV])
def test_poison_by_other_means(status: int, make_scene: Callable[..., Scene]) -> None:
    """A task may end the process under its worker, too: nobody told that worker to end."""
    scene = make_scene(max_recoveries=1)
    poison = scene.call(fault_tasks.poison, status)
    runner = scene.start_runner()
    scene.wait_for_all()
    check_given_up(scene, poison, 2)
    assert scene.call(fault_tasks.noop, 1).result == 1
    assert runner.log.count("died:") == 2
    scene.check()


@pytest.mark.parametrize("max_recoveries", [0, 2])
def test_neighbours_in_its_group_live_on(max_recoveries: int, make_scene: Callable[..., Scene]) -> None:
    """Its task is known to be short, so it is started together with others; they executed nothing when it struck."""
    scene = make_scene(max_recoveries=max_recoveries)
    scene.start_runner()
    warm = scene.call_all(fault_tasks.maybe_poison, [(-1 - number, 100) for number in range(100)])
    assert [i.result for i in warm] == [-1 - number for number in range(100)]
    invocations = scene.call_all(fault_tasks.maybe_poison, [(number, 100) for number in range(200)])
    scene.wait_for_all()
    check_given_up(scene, invocations[100], max_recoveries + 1)
    others = invocations[:100] + invocations[101:]
    assert {i.status for i in others} == {S.SUCCESS}
    assert max(i.record.recoveries for i in others) <= 1
    scene.check()


def test_several_poisons_among_many(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(max_recoveries=1, num_processes=2)
    scene.start_runner()
    healthy = scene.call_all(fault_tasks.maybe_poison, [(number, -1) for number in range(200)])
    poisons = [scene.call(fault_tasks.maybe_poison, number, number) for number in range(4)]
    healthy += scene.call_all(fault_tasks.maybe_poison, [(number, -1) for number in range(200)])
    scene.wait_for_all()
    for poison in poisons:
        check_given_up(scene, poison, 2)
    assert {i.status for i in healthy} == {S.SUCCESS}
    scene.check()


@pytest.mark.xfail(strict=False, reason="nobody is tried apart yet")
def test_neighbours_on_the_event_loop_live_on(make_scene: Callable[..., Scene]) -> None:
    """They execute when it strikes, so each death is theirs, too; on their last chance they are tried apart."""
    scene = make_scene(max_recoveries=2)
    before = scene.call_all(fault_tasks.async_nap, [(number,) for number in range(2)])
    poison = scene.call(fault_tasks.async_poison)
    after = scene.call_all(fault_tasks.async_nap, [(number,) for number in range(2)])
    scene.start_runner()
    scene.wait_for_all()
    check_given_up(scene, poison)
    assert {i.status for i in before + after} == {S.SUCCESS}
    scene.check()


@pytest.mark.xfail(strict=False, reason="nobody is tried apart yet")
def test_neighbours_on_other_threads_live_on(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(
        max_recoveries=2, runner_cls="MultiThreadRunner", max_processes=1, min_processes=1, max_threads=4
    )
    before = scene.call_all(fault_tasks.nap, [(number,) for number in range(10)])
    poison = scene.call(fault_tasks.poison)
    after = scene.call_all(fault_tasks.nap, [(number,) for number in range(10)])
    scene.start_runner()
    scene.wait_for_all()
    check_given_up(scene, poison)
    assert {i.status for i in before + after} == {S.SUCCESS}
    scene.check()


def test_parent_that_waits_for_poison_is_given_up_in_the_end(make_scene: Callable[..., Scene]) -> None:
    """Each attempt calls the poison anew and is paused in the worker that this kills."""
    scene = make_scene(max_recoveries=1)
    parent = scene.call(fault_tasks.ask_poison)
    runner = scene.start_runner()
    scene.wait_for_all()
    with pytest.raises(InvocationLostError):
        _ = parent.result
    assert runner.log.count("died:") < 20
    scene.check()


def test_client_that_waits_hears_of_it(make_scene: Callable[..., Scene]) -> None:
    """It is woken by those who gave up, and must be able to read at that moment what came of it."""
    scene = make_scene(max_recoveries=0)
    scene.start_runner()
    for _ in range(8):
        with pytest.raises(InvocationLostError):
            _ = scene.call(fault_tasks.poison).result
    scene.check()
