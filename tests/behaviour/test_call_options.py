"""What single calls and tasks may ask for: a cached result, a later start, another queue, another place in it."""

import time

import pytest
import tasks_options
from gates_and_notes import notes, open_gate, wait_for_notes
from stage import PLAIN, SETUPS, names, wait_for_status

from pynenc.exceptions import InvalidTaskOptionsError
from pynenc.invocation import InvocationStatus, ReusedInvocation

everywhere = pytest.mark.parametrize("setup", list(SETUPS.values()), ids=str)
on_one_of_a_kind = pytest.mark.parametrize("setup", PLAIN, ids=str)


@everywhere
def test_cached_results(stage, setup, journal):
    app = stage.run(setup)
    first = tasks_options.counted(journal, 1)
    assert first.result == 2
    again = tasks_options.counted(journal, x=1)
    assert isinstance(again, ReusedInvocation)
    assert (again, again.result) == (first, 2)
    assert tasks_options.counted(journal, 2).result == 4
    group = tasks_options.counted.parallelize([(journal, 1), (journal, 3), (journal, 2)])
    assert group.ordered_results == [2, 6, 4]
    assert notes(journal) == ["1", "2", "3"]
    app.purge()
    assert tasks_options.counted(journal, 1).result == 2
    assert notes(journal) == ["1", "2", "3", "1"]


@on_one_of_a_kind
def test_failures_are_not_cached(stage, setup, journal):
    stage.run(setup)
    for _ in range(2):
        with pytest.raises(ValueError, match="-1"):
            _ = tasks_options.counted(journal, -1).result
    assert notes(journal) == ["-1", "-1"]


@everywhere
def test_a_delayed_start(stage, setup, journal):
    stage.run(setup)
    called_at = time.time()
    later = tasks_options.noted.with_options(delay_seconds=0.4)(journal, "later")
    now = tasks_options.noted(journal, "now")
    assert (now.result, later.result) == ("now", "later")
    assert notes(journal) == ["now", "later"]
    assert names(later) == ["REGISTERED", "PENDING", "RUNNING", "SUCCESS"]
    started = later.app.state_backend.get_history(later.invocation_id)[1].timestamp.timestamp()
    assert started >= called_at + 0.4


@on_one_of_a_kind
def test_a_nearer_start_overtakes_a_farther_one(stage, setup, journal):
    stage.run(setup)
    far = tasks_options.noted.with_options(delay_seconds=1000)(journal, "far")
    near = tasks_options.noted.with_options(delay_seconds=0.1)(journal, "near")
    assert near.result == "near"
    assert far.status is InvocationStatus.REGISTERED
    far.cancel()


@pytest.mark.parametrize("options", [{"priority": 101}, {"priority": -101}, {"delay_seconds": -1}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(InvalidTaskOptionsError, match=next(iter(options))):
        tasks_options.noted.with_options(**options)


@everywhere
def test_priorities(stage, setup, journal, gate):
    stage.run(setup, slots=1)
    # On RabbitMQ near ones share a level (docs/how-to/rabbitmq.md).
    more = 75 if "RabbitMq" in setup.products else 51
    holder = tasks_options.holds_the_slot(journal, gate)
    wait_for_notes(journal)
    calls = [
        tasks_options.noted(journal, "first"),
        tasks_options.noted.with_options(priority=-5)(journal, "last"),
        tasks_options.urgent(journal, "urgent"),
        tasks_options.noted(journal, "second"),
        tasks_options.noted.with_options(priority=more)(journal, "more-urgent"),
        tasks_options.urgent.with_options(priority=0)(journal, "third"),
    ]
    open_gate(gate)
    results = [call.result for call in [holder, *calls]]
    assert results[0] is None
    assert notes(journal) == ["holding", "more-urgent", "urgent", "first", "second", "third", "last"]


@pytest.mark.parametrize("setup", ["sqlite-thread", "sqlite-persistent-process"])
def test_what_many_wait_for_goes_first(stage, setup, journal):
    """Those who ask are paused in one runner; another one, which serves what they ask for, starts after that."""
    stage.run(setup, slots=1, queues=("default",))
    mailed = tasks_options.mailed.parallelize([(journal, name) for name in ("plain", "wanted", "popular", "last")])
    _, wanted, popular, _ = mailed
    asking = tasks_options.asks_for.parallelize([(journal, letter) for letter in (wanted, popular, popular)])
    for call in asking:
        wait_for_status(call, InvocationStatus.PAUSED)
    stage.start(stage.build(setup, slots=1, queues=("mail",), claim_ahead_milliseconds=0))
    assert asking.ordered_results == ["wanted", "popular", "popular"]
    assert sorted(mailed.results) == ["last", "plain", "popular", "wanted"]
    assert [line for line in notes(journal) if line != "asking"] == ["popular", "wanted", "plain", "last"]


@everywhere
def test_what_an_urgent_one_waits_for_is_urgent(stage, setup, journal, gate):
    stage.run(setup, slots=1, claim_ahead_milliseconds=0)
    holder = tasks_options.holds_the_slot(journal, gate)
    wait_for_notes(journal)
    urgent = [tasks_options.urgent(journal, f"urgent-{i}") for i in range(3)]
    humble = tasks_options.noted.with_options(priority=-100)(journal, "humble")
    asking = tasks_options.asks_for(journal, humble)
    open_gate(gate)
    for call in [holder, *urgent, asking]:
        call.result  # noqa: B018 - to have it ended
    assert notes(journal) == ["holding", "asking", "humble", "urgent-0", "urgent-1", "urgent-2"]


@everywhere
def test_a_runner_serves_its_queues_only(stage, setup, journal):
    app = stage.run(setup, queues=("default", "mail"))
    parcels = tasks_options.noted.with_options(queue="parcels")(journal, "parcel")
    letters = [tasks_options.mailed(journal, "letter"), tasks_options.noted(journal, "note")]
    assert [letter.result for letter in letters] == ["letter", "note"]
    assert parcels.status is InvocationStatus.REGISTERED
    assert app.broker.count_invocations("parcels") == 1
    parcels.cancel()


@everywhere
def test_a_waiting_task_does_not_run_what_its_runner_does_not_serve(stage, setup, journal):
    stage.run(setup, queues=("default",))
    letter = tasks_options.mailed(journal, "letter")
    asking = tasks_options.asks_for(journal, letter)
    wait_for_status(asking, InvocationStatus.PAUSED)
    assert letter.status is InvocationStatus.REGISTERED
    letter.cancel()
    with pytest.raises(Exception, match="cancelled"):
        _ = asking.result
