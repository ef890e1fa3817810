"""Workflows that wait for events get each of them once, whoever dies when."""

import signal
from collections import Counter

import event_tasks
import pytest

from pynenc.engine.crash_points import CRASH_POINTS
from pynenc.invocation.status import InvocationStatus
from pynenc.testing.apps import installed

COUNT = 8
STAGES = ("paid", "packed", "sent")
WORKER = [
    *(f"{point}:{passage}" for point in CRASH_POINTS if point.startswith("event.") for passage in (1, 7)),
    "finish.before_commit",
    "finish.after_commit",
    "finish.after_commit:2",
    "claim.after_commit",
    "execute.before_call:10",
    "execute.after_call:10",
]
EVALUATION = ["trigger.before_commit", "trigger.after_commit", "trigger.before_commit:3", "trigger.after_commit:3"]


@pytest.fixture
def scene(make_scene):
    made = make_scene(trigger_task_modules=["event_tasks"], max_recoveries=50, max_events_batch_size=5)
    with installed(made.app, event_tasks):
        yield made


def begin(scene):
    return [scene.call(event_tasks.order, number) for number in range(COUNT)]


def emit(scene, stage, base):
    for number in reversed(range(COUNT)):
        scene.app.trigger.emit_event(stage, {"order": number, "amount": base + number})


def waiting(scene, *stages):
    """How many wait for something that has not come."""
    return len(scene.app.engine.backend.trigger.waiters([f"event:{stage}" for stage in stages]))


def check(scene, orders):
    scene.wait_for_all()
    assert [each.result for each in orders] == [[n, 100 + n, 200 + n] for n in range(COUNT)]
    trace = Counter((scene.folder / "trace").read_text().splitlines())
    assert set(trace) == {f"{n} {stage}" for n in range(COUNT) for stage in STAGES}
    # A step runs again where the kill fell between its effect and its record, which is once.
    assert sum(trace.values()) <= len(trace) + 1
    trigger = scene.app.engine.backend.trigger
    assert trigger.waiters([f"event:{stage}" for stage in STAGES]) == trigger.woken(10) == []
    scene.check()


def emit_all(scene):
    """Half of it while they wait, and half of it before they do."""
    scene.wait(lambda: waiting(scene, "paid") == COUNT, "all to wait")
    emit(scene, "packed", 100)
    emit(scene, "paid", 0)
    emit(scene, "sent", 200)


@pytest.mark.parametrize("point", WORKER)
def test_a_worker_dies_at(scene, point):
    orders = begin(scene)
    runner = scene.start_runner(FAULTS_CRASH_WORKER=point)
    emit_all(scene)
    check(scene, orders)
    assert "killed by SIGKILL" in runner.log


@pytest.mark.parametrize("point", EVALUATION)
def test_a_runner_dies_while_it_wakes_them(scene, point):
    orders = begin(scene)
    first = scene.start_runner(FAULTS_CRASH_SUPERVISOR=point)
    emit_all(scene)
    assert first.wait() == -signal.SIGKILL
    scene.start_runner()
    check(scene, orders)


def test_everything_is_killed_while_they_wait(scene):
    orders = begin(scene)
    for stage, base in (("paid", 0), ("packed", 100), ("sent", 200)):
        runner = scene.start_runner()
        scene.wait(lambda stage=stage: waiting(scene, stage) == COUNT, f"all to wait for {stage}")
        scene.kill_runner(runner)
        # Nobody is there when it comes.
        emit(scene, stage, base)
    scene.start_runner()
    check(scene, orders)


def test_everything_is_stopped_while_they_wait(scene):
    orders = begin(scene)
    late = scene.call(event_tasks.patient, 1.0)
    approved = scene.call(event_tasks.patient, 1000.0)
    runner = scene.start_runner()
    scene.wait(lambda: waiting(scene, "paid", "approved") == COUNT + 2, "all to wait")
    runner.stop()
    assert {each.status for each in (*orders, late, approved)} == {InvocationStatus.REROUTED}
    for stage, base in (("packed", 100), ("paid", 0), ("sent", 200)):
        emit(scene, stage, base)
    scene.wait(lambda: late.record.not_before < scene.app.engine.clock.now(), "its time-out")
    for by in ("you", "me", "them"):
        scene.app.trigger.emit_event("approved", {"by": by, "text": f"by {by}"})
    scene.start_runner()
    scene.wait(lambda: late.status.is_final() and approved.status.is_final(), "both")
    assert approved.result == "by me"
    assert late.status is InvocationStatus.FAILED, "what comes after its time-out is not for it"
    check(scene, orders)
