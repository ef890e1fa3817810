"""Where the time of an invocation went; times on the command line."""

import time
from datetime import datetime

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynenc.cli.output import duration, moment
from pynenc.cli.since import since
from pynenc.cli.timing import Timing, timing
from pynenc.invocation.record import HistoryEntry
from pynenc.invocation.status import FINAL, InvocationStatus

S = InvocationStatus


def history(*entries):
    """``(status, time)`` pairs as a history."""
    return [HistoryEntry(n, "i", S(status), None, None, 1, at) for n, (status, at) in enumerate(entries)]


def test_a_life():
    entries = history(
        ("registered", 100),
        ("concurrency_controlled", 101),
        ("rerouted", 103),
        ("pending", 106),
        ("running", 110),
        ("paused", 115),
        ("resumed", 121),
        ("retry", 128),
        ("pending", 136),
        ("running", 137),
        ("running_recovery", 139),
        ("rerouted", 142),
        ("pending", 146),
        ("running", 151),
        ("killed", 157),
        ("rerouted", 164),
        ("pending", 172),
        ("running", 181),
        ("success", 191),
    )
    assert timing(entries, now=1000) == Timing(
        total_seconds=91,
        waited_seconds=10,
        queued_seconds=1 + 3 + 8 + 4 + 8,
        pending_seconds=4 + 1 + 5 + 9,
        running_seconds=5 + 7 + 2 + 6 + 10,
        paused_seconds=6,
        blocked_seconds=2,
        recovering_seconds=3 + 7,
    )


def test_time_goes_on_until_it_is_final():
    entries = history(("registered", 100), ("pending", 101), ("running", 102))
    assert timing(entries, now=110) == Timing(10, 2, queued_seconds=1, pending_seconds=1, running_seconds=8)
    assert timing(entries[:1], now=110) == Timing(10, queued_seconds=10)


def test_clocks_that_disagree():
    entries = history(("registered", 100), ("pending", 90), ("running", 95), ("success", 97))
    assert timing(entries, now=200) == Timing(
        7, 0, pending_seconds=5, running_seconds=2, queued_seconds=0, clock_skew=True
    )


def test_there_is_no_invocation_without_history():
    with pytest.raises(ValueError, match="registration"):
        timing([], now=1)


@given(st.lists(st.tuples(st.sampled_from([s for s in S if s not in FINAL]), st.floats(0, 1e6)), min_size=1))
def test_the_parts_add_up(entries):
    measured = timing(history(*entries), now=2e6)
    parts = [value for name, value in measured._asdict().items() if name.endswith("_seconds")]
    assert sum(parts[2:]) == pytest.approx(measured.total_seconds)
    if not measured.clock_skew:
        assert measured.total_seconds == pytest.approx(2e6 - entries[0][1])


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("1.5m", 90), ("2h", 7200), (" 7d ", 604800), ("0s", 0)])
def test_times_ago(monkeypatch, text, seconds):
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    assert since(_CONTEXT, _OPTION, text) == 1_000_000 - seconds


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T12:00", "2026-01-31 12:00:00+02:00"])
def test_moments(text):
    assert since(_CONTEXT, _OPTION, text) == datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize("text", ["", "soon", "5w", "2026-13-01"])
def test_no_times(text):
    with pytest.raises(click.BadParameter):
        since(_CONTEXT, _OPTION, text)


def test_no_option():
    assert since(_CONTEXT, _OPTION, None) is None


_CONTEXT = click.Context(click.Command("list"))
_OPTION = click.Option(["--since"])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, None), (0, "0.0 ms"), (0.0123, "12.3 ms"), (1, "1.00 s"), (119.9, "119.90 s"), (150, "2.5 min")],
)
def test_durations_as_people_read_them(seconds, text):
    assert duration(seconds) == text


def test_moments_as_people_read_them():
    assert moment(0.5) == "1970-01-01 00:00:00.500Z"
    assert moment(None) is None
