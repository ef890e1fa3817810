"""Schedules where the clocks are set forwards and back, by the rule of Vixie cron."""

from datetime import UTC, datetime
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynenc.trigger.conditions import CronCondition
from pynenc.trigger.conditions.cron_times import CronTimes

HOUR = 3600.0
#: 2030-03-31 02:00 is 03:00, 2030-10-27 03:00 is 02:00 again; both at 01:00 UTC.
SPRING, AUTUMN = (3, 30), (10, 26)


def found(expression, begin, days=3.0, timezone="Europe/Berlin", *, seconds=False):
    """The times of a schedule in some days from a date (UTC) on, as day and time (UTC)."""
    first = datetime(2030, *begin, tzinfo=UTC).timestamp()
    times = CronTimes(expression, ZoneInfo(timezone), seconds=seconds).after(first)
    last = first + days * 24 * HOUR
    return [datetime.fromtimestamp(t, UTC).strftime("%d %H:%M") for t in takewhile(lambda t: t <= last, times)]


def test_a_fixed_time_that_comes_twice_counts_once():
    assert found("30 2 * * *", AUTUMN) == ["26 00:30", "27 00:30", "28 01:30"]
    assert found("0 3 * * *", AUTUMN) == ["26 01:00", "27 02:00", "28 02:00"]
    assert found("0 2,3 27 * *", AUTUMN) == ["27 00:00", "27 02:00"]


def test_a_fixed_time_that_is_left_out_counts_at_the_change():
    assert found("30 2 * * *", SPRING) == ["30 01:30", "31 01:00", "01 00:30"]
    assert found("0,20,40 2 31 * *", SPRING) == ["31 01:00"], "once for all of them"
    assert found("0 2,3 31 * *", SPRING) == ["31 01:00"]
    assert found("30 1,3 31 * *", SPRING) == ["31 00:30", "31 01:30"]


def test_other_schedules_follow_time_as_it_passes():
    assert found("*/30 1-3 27 * *", AUTUMN) == [
        *("26 23:00", "26 23:30"),
        *("27 00:00", "27 00:30", "27 01:00", "27 01:30", "27 02:00", "27 02:30"),
    ]
    assert found("*/30 1-3 31 * *", SPRING) == ["31 00:00", "31 00:30", "31 01:00", "31 01:30"]
    assert found("*/20 2 31 * *", SPRING) == []
    hours = [time for day in (SPRING, AUTUMN) for time in found("0 * * * *", day, 2)]
    assert len(hours) == 2 * 48


def test_it_goes_on_from_any_moment_of_the_hour_that_comes_twice():
    times = CronTimes("30 2 * * *", ZoneInfo("Europe/Berlin"), seconds=False)
    change = datetime(2030, 10, 27, 1, tzinfo=UTC).timestamp()
    first, tomorrow = change - HOUR / 2, change + 24.5 * HOUR
    assert next(times.after(first - 1)) == first
    for moment in (first, first + 60, change - 1, change, change + 15 * 60, change + HOUR / 2, change + HOUR):
        assert next(times.after(moment)) == tomorrow


def test_seconds_and_half_hours():
    assert found("*/30 59 1 * * *", (4, 6), 1, "Australia/Lord_Howe", seconds=True) == ["06 14:59"] * 2
    # 02:00 becomes 01:30.
    assert found("*/10 1 7 4 *", (4, 6), 1, "Australia/Lord_Howe") == [
        *(f"06 14:{minute}0" for minute in range(6)),
        *(f"06 15:{minute}0" for minute in range(3)),
    ]
    assert found("45 1 7 4 *", (4, 6), 1, "Australia/Lord_Howe") == ["06 14:45"]


def test_quarters_of_an_hour_in_a_zone_that_changes_by_half_an_hour():
    # 02:00 becomes 01:30, and half a year later 02:30.
    quarters = [f"06 {hour}:{minute:02}" for hour in (14, 15) for minute in (0, 15, 30, 45)]
    assert found("*/15 * * * *", (4, 6), 16 / 24, "Australia/Lord_Howe")[-8:] == [*quarters[1:], "06 16:00"]
    assert found("0,15,30,45 1 * * *", (4, 6), 1, "Australia/Lord_Howe") == quarters[:4]
    assert found("15 2 * * *", (10, 5), 2, "Australia/Lord_Howe") == ["05 15:30", "06 15:15"]


def test_none():
    assert found("0 0 30 2 *", AUTUMN) == []


EXPRESSIONS = ["30 2 * * *", "*/20 * * * *", "0 * * * *", "0,30 1-3 * * *", "15 0 1 * *", "* 2 * * sun"]


@given(
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]),
    st.integers(1_890_000_000, 1_925_000_000),
)
def test_times_grow_and_do_not_depend_on_where_one_begins(expression, zone, begin):
    times = CronTimes(expression, ZoneInfo(zone), seconds=False)
    sequence = [time for time, _ in zip(times.after(begin), range(8), strict=False)]
    assert sequence[0] > begin
    assert all(later > earlier for earlier, later in pairwise(sequence))
    for earlier, later in pairwise(sequence):
        assert next(times.after(earlier)) == later
        assert next(times.after((earlier + later) / 2)) == later
    backwards = [time for time, _ in zip(times.before(sequence[-1]), range(3), strict=False)]
    everything = list(takewhile(lambda t: t < sequence[-1], times.after(backwards[-1] - 1)))
    assert set(backwards) <= set(everything)


@pytest.mark.parametrize("misfire", ["all", "skip"])
def test_a_runner_that_was_away_during_the_change(misfire):
    condition = CronCondition("30 2 * * *", timezone="Europe/Berlin", misfire=misfire)
    noon = datetime(2030, 10, 27, 12, tzinfo=UTC).timestamp()
    slots, newest, upcoming = condition.due("d", noon - 36 * HOUR, noon)
    twice = [noon - 35.5 * HOUR, noon - 11.5 * HOUR]
    assert (slots, newest) == (twice if misfire == "all" else [], twice[-1])
    assert upcoming == noon + 13.5 * HOUR
