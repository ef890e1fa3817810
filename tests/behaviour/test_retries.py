"""Run again: what asks for it, how often, and when."""

import random
from itertools import pairwise

import pytest
import tasks_options
from gates_and_notes import notes
from stage import PLAIN, SETUPS, names
from tasks_options import FlakyError

from pynenc.conf.config_task import ConfigTask
from pynenc.engine.execution import retry_delay_seconds
from pynenc.exceptions import RetryError
from pynenc.invocation import InvocationStatus

everywhere = pytest.mark.parametrize("shared_app", list(SETUPS.values()), indirect=True, ids=str, scope="module")
on_one_of_a_kind = pytest.mark.parametrize("shared_app", PLAIN, indirect=True, ids=str, scope="module")

ONE_RETRY = ["REGISTERED", "PENDING", "RUNNING", "RETRY", "PENDING", "RUNNING"]


@everywhere
def test_retried_until_it_succeeds(shared_app, journal):
    invocation = tasks_options.retried(journal, times=1)
    assert invocation.result == 2
    assert invocation.num_retries == 1
    assert names(invocation) == [*ONE_RETRY, "SUCCESS"]
    failed, succeeded = shared_app.state_backend.get_attempts(invocation.invocation_id)
    assert (failed.error_type, succeeded.error_type) == ("pynenc.exceptions.RetryError", None)


@everywhere
def test_retried_as_often_as_allowed(shared_app, journal):
    invocation = tasks_options.retried(journal, times=100)
    with pytest.raises(RetryError, match="not yet"):
        _ = invocation.result
    assert len(notes(journal)) == 4, "the first run and three retries"
    assert (invocation.num_retries, invocation.status) == (3, InvocationStatus.FAILED)
    assert names(invocation).count("RETRY") == 3


@on_one_of_a_kind
@pytest.mark.parametrize("kind", ["flaky", "key", "retry"])
def test_retried_for_these_and_what_derives_from_them(shared_app, journal, kind):
    assert tasks_options.retried_for(journal, 2, kind).result == 3


@on_one_of_a_kind
def test_not_retried_for_others(shared_app, journal):
    with pytest.raises(ValueError, match=r"^$"):
        _ = tasks_options.retried_for(journal, 2, "value").result
    assert len(notes(journal)) == 1


@on_one_of_a_kind
def test_without_retries_the_request_is_the_failure(shared_app, journal):
    with pytest.raises(RetryError, match="not yet"):
        _ = tasks_options.never_retried(journal).result
    assert len(notes(journal)) == 1


@on_one_of_a_kind
def test_the_last_failure_is_the_one_that_counts(shared_app, journal):
    with pytest.raises(FlakyError, match="flaky"):
        _ = tasks_options.retried_for(journal, 100, "flaky").result
    assert len(notes(journal)) == 3


@on_one_of_a_kind
def test_coroutines_are_retried(shared_app, journal):
    invocation = tasks_options.retried_async(journal, times=1)
    assert invocation.result == 2
    assert names(invocation) == [*ONE_RETRY, "SUCCESS"]


@on_one_of_a_kind
def test_retried_after_a_wait(shared_app, journal):
    invocation = tasks_options.retried_after_a_wait(journal)
    assert invocation.result == 2
    assert [name for name in names(invocation) if name not in ("PAUSED", "RESUMED")] == [*ONE_RETRY, "SUCCESS"]


@everywhere
def test_retried_after_a_delay(shared_app, journal):
    assert tasks_options.retried_later(journal, times=1).result == 2
    first, second = map(float, notes(journal))
    assert second - first >= 0.15


@on_one_of_a_kind
def test_retried_after_growing_delays(shared_app, journal):
    assert tasks_options.retried_later_and_later(journal, times=3).result == 4
    times = list(map(float, notes(journal)))
    pauses = [later - before for before, later in pairwise(times)]
    assert [pause >= least for pause, least in zip(pauses, (0.1, 0.2, 0.25), strict=True)] == [True] * 3


@pytest.mark.parametrize(
    ("options", "delays"),
    [
        ({}, [0, 0, 0]),
        ({"retry_delay_seconds": 3}, [3, 3, 3]),
        ({"retry_delay_seconds": 3, "retry_backoff": True}, [3, 6, 12, 24, 48, 96, 192, 384, 600, 600]),
        ({"retry_delay_seconds": 5, "retry_backoff": True, "retry_max_delay_seconds": 15}, [5, 10, 15, 15]),
        ({"retry_backoff": True}, [0, 0]),
    ],
)
def test_delays(options, delays):
    conf = ConfigTask(**options)
    assert [retry_delay_seconds(conf, retries) for retries in range(len(delays))] == delays
    assert retry_delay_seconds(conf, 100_000) == max(delays), "no number of retries is too large"


def test_jitter_spreads_delays_around_the_wanted_one(monkeypatch):
    conf = ConfigTask(retry_delay_seconds=100, retry_jitter=0.25)
    monkeypatch.setattr(random, "uniform", lambda low, _: low)
    assert retry_delay_seconds(conf, 0) == 75
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    assert retry_delay_seconds(conf, 0) == 125
