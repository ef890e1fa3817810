"""Each occurrence fires once, whoever dies when."""

import json
import signal
import sys

import pytest
import trigger_tasks

from pynenc.engine.crash_points import CRASH_POINTS
from pynenc.plugin_loader import load_plugins
from pynenc.testing.apps import installed

BURST = 1_000
EVALUATION = [point for point in CRASH_POINTS if point.startswith("trigger.")]
SCHEDULE = [point for point in CRASH_POINTS if point.startswith("schedule.")]
MODULES = {"trigger_task_modules": ["trigger_tasks"], "max_events_batch_size": 50}


#: Where the triggers are kept: with everything else, in another file than all else, and in another one than the ledger.
STORES = {
    "one-product": {},
    "triggers-apart": {"trigger_cls": "SecondTrigger"},
    "ledger-apart": {
        "orchestrator_cls": "SecondOrchestrator",
        **{f"{name}_cls": f"SQLite{kind}" for name, kind in [("broker", "Broker"), ("trigger", "Trigger")]},
        "state_backend_cls": "SQLiteStateBackend",
        "client_data_store_cls": "SQLiteClientDataStore",
    },
}


@pytest.fixture(params=STORES)
def store(request, tmp_path, monkeypatch):
    """The settings that choose it; the second file is installed as a plugin is, for all processes."""
    metadata = tmp_path / "installed" / "second_file-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: second-file\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[pynenc.plugins]\nsecond = second_file\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(metadata.parent)])
    load_plugins.cache_clear()
    yield STORES[request.param]
    load_plugins.cache_clear()


@pytest.fixture
def make(make_scene):
    contexts = []

    def made(**settings):
        scene = make_scene(**MODULES, **settings)
        context = installed(scene.app, trigger_tasks)
        context.__enter__()
        contexts.append(context)
        return scene

    yield made
    for context in contexts:
        context.__exit__(None, None, None)


def results(scene, name):
    """What the invocations of a task came to, sorted."""
    app = scene.app
    ids = app.orchestrator.get_task_invocation_ids(f"trigger_tasks.{name}", limit=10 * BURST)
    return sorted(app.get_invocation(each).result for each in ids)


def settled(scene):
    trigger = scene.app.engine.backend.trigger
    scene.wait(lambda: not trigger.pending(1) and not trigger.unsettled(1), "the evaluation")


def fired(scene, count, name):
    settled(scene)
    key = f"trigger_tasks.{name}"
    scene.wait(lambda: scene.app.orchestrator.count_invocations(key) >= count, f"{count} firings of {name}")
    assert {firing.error for firing in scene.app.trigger.get_firings()} == {None}


def test_a_burst_over_two_runners_one_of_which_is_killed(make):
    scene = make()
    first, _ = scene.start_runner(), scene.start_runner()
    for number in range(BURST):
        scene.app.trigger.emit_event("burst", {"number": number})
        if number == BURST // 2:
            first.send(signal.SIGKILL)
    fired(scene, BURST, "on_burst")
    assert results(scene, "on_burst") == list(range(BURST))
    firings = [f for f in scene.app.trigger.get_firings(limit=2 * BURST) if f.task_id.endswith("on_burst")]
    assert len(firings) == BURST
    assert len({json.loads(firing.causes)[0][1] for firing in firings}) == BURST


@pytest.mark.parametrize("point", [*EVALUATION, "trigger.before_commit:3", "trigger.after_commit:3"])
def test_a_runner_dies_while_it_evaluates(make, store, point):
    scene = make(**store)
    assert scene.app.assembled.backend.capabilities.one_product is (not store)
    for number in range(120):
        scene.app.trigger.emit_event("burst", {"number": number})
    for number in range(10):
        scene.app.trigger.emit_event("left", {"number": number})
        scene.app.trigger.emit_event("right", {"number": number})
    for number in range(10):
        trigger_tasks.doubled(number)
    first = scene.start_runner(FAULTS_CRASH_SUPERVISOR=point)
    assert first.wait() == -signal.SIGKILL
    scene.start_runner()
    fired(scene, 120, "on_burst")
    fired(scene, 10, "on_doubled")
    fired(scene, 10, "on_pair")
    assert results(scene, "on_burst") == list(range(120))
    assert results(scene, "on_doubled") == [2 * number for number in range(10)]
    assert results(scene, "on_pair") == [[number, number] for number in range(10)]


@pytest.mark.parametrize("point", ["finish.before_commit", "finish.after_commit:2", "finish.before_wakeups"])
def test_a_worker_dies_while_it_records_what_a_trigger_waits_for(make, store, point):
    scene = make(**store)
    for number in range(20):
        trigger_tasks.doubled(number)
    scene.start_runner(FAULTS_CRASH_WORKER=point)
    scene.wait(lambda: "died: killed by SIGKILL" in scene.logs, "the worker to die")
    fired(scene, 20, "on_doubled")
    assert results(scene, "on_doubled") == [2 * number for number in range(20)]


@pytest.mark.parametrize("point", SCHEDULE)
def test_a_runner_dies_while_it_looks_at_the_schedule(make, store, point):
    scene = make(**store)
    first = scene.start_runner(FAULTS_CRASH_SUPERVISOR=point)
    assert first.wait() == -signal.SIGKILL
    scene.start_runner()
    fired(scene, 4, "on_second")
    times = sorted(
        float(json.loads(firing.causes)[0][1].rpartition(":")[2])
        for firing in scene.app.trigger.get_firings()
        if firing.task_id.endswith("on_second")
    )
    assert times == [times[0] + n for n in range(len(times))], "none twice, none left out"
