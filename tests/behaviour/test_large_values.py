"""Large values lie beside the calls: stored once, shared by all that use them, and gone with the last."""

import pytest
import tasks_load
from gates_and_notes import DEADLINE_SECONDS
from stage import SETUPS, STAYING

from pynenc.engine import retention
from pynenc.testing import wait_until
from pynenc.testing.apps import collected_log

MEGABYTE = 1024 * 1024
everywhere = pytest.mark.parametrize("setup", list(SETUPS.values()), ids=str)
#: What the serializer may add to a text.
MARGIN = 100


@pytest.mark.parametrize("setup", STAYING, ids=str)
def test_an_argument_shared_by_many_calls_is_stored_once(stage, setup):
    app = stage.run(setup, slots=2)
    data = "x" * (10 * MEGABYTE)
    numbers = [{"number": number} for number in range(1_000)]
    group = tasks_load.length.parallelize(numbers, common_args={"data": data})
    assert sorted(group.results) == [len(data) + number for number in range(1_000)]
    values, size = app.client_data_store.usage()
    assert values == 1
    assert len(data) <= size <= len(data) + MARGIN


@everywhere
def test_equal_values_are_stored_once_however_they_come(stage, setup):
    app = stage.run(setup)
    data = "x" * 5_000
    assert tasks_load.length(data).result == 5_000
    assert tasks_load.length(data, 1).result == 5_001
    assert tasks_load.length.parallelize([(data, 2), (data, 3)]).ordered_results == [5_002, 5_003]
    assert app.client_data_store.usage()[0] == 1
    assert tasks_load.makes(3_000).result == "y" * 3_000
    assert app.client_data_store.usage()[0] == 2, "results, too"
    assert tasks_load.length("y" * 3_000).result == 3_000
    assert app.client_data_store.usage()[0] == 2, "the argument is the result of another"
    assert tasks_load.length("small").result == 5
    assert app.client_data_store.usage()[0] == 2


@everywhere
def test_they_go_when_the_last_user_goes(stage, setup, monkeypatch):
    monkeypatch.setattr(retention, "UNUSED_SECONDS", 0.0)
    app = stage.build(setup)
    calls = [tasks_load.length("k" * 5_000), *(tasks_load.length("x" * 5_000, number) for number in range(3))]
    assert app.client_data_store.usage()[0] == 2
    runner = stage.start(app)
    wait_until(lambda: all(call.status.is_final() for call in calls), DEADLINE_SECONDS, "all of them")
    runner.stop()
    retention.purge_expired(app.engine, 1000)
    assert app.client_data_store.usage()[0] == 2, "nobody is old enough"
    assert retention.purge_expired(app.engine, -1) == 4
    assert app.client_data_store.usage() == (0, 0)
    assert app.orchestrator.count_invocations() == 0


@everywhere
def test_a_value_that_went_is_stored_again(stage, setup, monkeypatch):
    """The client has seen it, and so need not send it again; but the last that used it is gone, and it with that."""
    app = stage.run(setup)

    def purge() -> int:
        # For no longer: the runner purges too, and a value is stored a moment before it is used.
        with monkeypatch.context() as at_once:
            at_once.setattr(retention, "UNUSED_SECONDS", 0.0)
            return retention.purge_expired(app.engine, -1)

    for number in (1, 2):
        assert tasks_load.length("x" * 5_000, number).result == 5_000 + number
        assert tasks_load.makes(5_000).result == "y" * 5_000
        assert app.client_data_store.usage()[0] == 2
        wait_until(lambda: purge() == 2, DEADLINE_SECONDS, "the end of both")
        assert app.client_data_store.usage() == (0, 0)


def test_a_warning_when_they_are_very_large(stage):
    app = stage.run("memory-thread", warn_threshold=10_000)
    with collected_log(app) as log:
        assert tasks_load.length("x" * 20_000).result == 20_000
    assert any(line.startswith("WARNING") and "warn_threshold=10000" in line for line in log)


def test_the_store_can_be_switched_off(stage):
    app = stage.run("sqlite-thread", disable_client_data_store=True)
    assert tasks_load.length("x" * 20_000).result == 20_000
    assert app.client_data_store.usage() == (0, 0)
