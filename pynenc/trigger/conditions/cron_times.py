"""The times of a cron expression in a zone whose clocks are set forwards and back.

The rule is that of Vixie cron. A schedule at fixed times (neither the minute nor the hour begins with ``*``) means
times on the wall: one that comes twice counts the first time, and one that is left out counts at the moment the clocks
are set forwards. Every other schedule follows time as it passes: through both hours when one comes twice, and not
through one that never was.

croniter is asked about times without a zone, and each answer is placed on the line of real time here.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

_DAY_SECONDS = 86_400.0
_SECOND = timedelta(seconds=1)


def expression_of(text: str, start: datetime, *, seconds: bool) -> Any:
    """A cursor over the times of an expression, on the wall.

    Raises:
        ValueError, KeyError: the expression cannot be used.
    """
    # 20 ms that applications without schedules do without.
    from croniter import croniter  # noqa: PLC0415

    return croniter(text, start, second_at_beginning=seconds)


class CronTimes:
    """The times of one schedule, in seconds since the epoch."""

    def __init__(self, expression: str, zone: tzinfo, *, seconds: bool) -> None:
        self._expression = expression
        self._zone = zone
        self._seconds = seconds
        minute, hour = expression.split()[1:3] if seconds else expression.split()[:2]
        self._fixed = not minute.startswith("*") and not hour.startswith("*")

    def after(self, time: float) -> Iterator[float]:
        """Those after a time, in order; ends if there are no more."""
        return self._fixed_after(time) if self._fixed else self._passing_after(time)

    def before(self, time: float) -> Iterator[float]:
        """Those before a time, the latest first; in the hours around a change of the clocks some may be missing."""
        cursor = self._cursor(self._wall(time))
        latest = time
        while (wall := _step(cursor.get_prev)) is not None:
            found = self._moment(wall)
            if found is not None and found < latest:
                latest = found
                yield found

    def _fixed_after(self, time: float) -> Iterator[float]:
        cursor = self._cursor(self._wall(time))
        while (wall := next_of(cursor)) is not None:
            found = self._moment(wall)
            # Else it came in the hour that is now repeated, or stands for several that were left out.
            if found is not None and found > time:
                time = found
                yield found

    def _passing_after(self, time: float) -> Iterator[float]:
        offset = self._offset(time)
        cursor = self._cursor(self._wall(time))
        while (wall := next_of(cursor)) is not None:
            found = (wall - offset).replace(tzinfo=UTC).timestamp()
            change = self._change(time, found, offset)
            if change is None:
                time = found
                yield found
            else:
                # On from there by the new clock; a time at the very moment of the change counts.
                time, offset = change, self._offset(change)
                cursor = self._cursor(self._wall(change) - _SECOND)

    def _moment(self, wall: datetime) -> float | None:
        """When the clocks show this, for the first time; None: never, and nothing stands for it."""
        moment = wall.replace(tzinfo=self._zone).timestamp()
        if self._wall(moment) == wall:
            return moment
        if not self._fixed:
            return None
        # Read by the clock from before the change it lies behind the change, read by the other one before it.
        earlier = wall.replace(tzinfo=self._zone, fold=1).timestamp()
        return self._change(earlier, moment, self._offset(earlier))

    def _change(self, after: float, until: float, offset: timedelta) -> float | None:
        """The first moment in (after, until] at which the clocks are not what they were; None: they stay."""
        low = after
        while low < until:
            high = min(low + _DAY_SECONDS, until)
            if self._offset(high) != offset:
                # Changes come on whole seconds.
                low, high = float(int(low)), float(int(high))
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
                return high
            low = high
        return None

    def _cursor(self, wall: datetime) -> Any:
        return expression_of(self._expression, wall, seconds=self._seconds)

    def _wall(self, time: float) -> datetime:
        return datetime.fromtimestamp(time, self._zone).replace(tzinfo=None, fold=0)

    def _offset(self, time: float) -> timedelta:
        return datetime.fromtimestamp(time, self._zone).utcoffset() or timedelta()


def next_of(cursor: Any) -> datetime | None:
    """The next time of a cursor, on the wall; None: there is none within what croniter searches (50 years)."""
    return _step(cursor.get_next)


def _step(step: Callable[[type[datetime]], datetime]) -> datetime | None:
    """The neighbouring time of a schedule; None: there is none within what croniter searches (50 years)."""
    from croniter import CroniterBadDateError  # noqa: PLC0415 - see above

    try:
        return step(datetime)
    except CroniterBadDateError:
        return None
