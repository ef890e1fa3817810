"""Times of a schedule."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pynenc.trigger.codec import Codec, JsonObject
from pynenc.trigger.conditions.base import ConditionContext, TriggerCondition
from pynenc.trigger.conditions.cron_times import CronTimes, expression_of, next_of

#: Where to begin to see whether an expression has any times.
_SOME_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - on the wall, in any zone
_FIELDS = 5
_FIELDS_WITH_SECONDS = 6


class MisfirePolicy(StrEnum):
    """What becomes of the times that passed while nobody looked."""

    #: They are left out, except one that is late by ``misfire_grace_seconds`` at most.
    SKIP = "skip"
    #: One run stands for all of them.
    ONCE = "once"
    #: Each is made up for, the newest ``catch_up_limit`` of them.
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class CronContext(ConditionContext):
    """A time of the schedule has come; ``timestamp`` is that time, not that of the firing."""

    #: The time before it for which it fired; None the first time.
    last_execution: datetime | None = None

    @property
    def context_id(self) -> str:
        return f"cron_{self.timestamp.isoformat()}"


class CronCondition(TriggerCondition):
    """Satisfied at each time of a schedule.

    Args:
        cron_expression: five fields (minute, hour, day, month, weekday), or with ``seconds`` six, seconds first.
        timezone: name of the IANA zone in which the fields are read (``cron_times`` says what happens when its clocks
            are set forwards or back).
        misfire: what becomes of times that passed while no runner was there.
        misfire_grace_seconds: with SKIP, how late a time may be noticed and still count.
        catch_up_limit: with ALL, most times that are made up for.
        jitter_seconds: each firing is delayed by a part of this, which depends on the time and the trigger.
        seconds: the expression has a field for seconds.
        at_registration: fire once when the trigger is new to the store.

    Raises:
        ValueError: the expression, the zone or a number cannot be used.
    """

    def __init__(
        self,
        cron_expression: str,
        *,
        timezone: str = "UTC",
        misfire: MisfirePolicy | str = MisfirePolicy.ONCE,
        misfire_grace_seconds: float = 60.0,
        catch_up_limit: int = 100,
        jitter_seconds: float = 0.0,
        seconds: bool = False,
        at_registration: bool = False,
    ) -> None:
        self.cron_expression = " ".join(cron_expression.split())
        self.seconds = seconds
        _check(self.cron_expression, seconds=seconds)
        self.timezone = timezone
        # As croniter: only for those who have schedules.
        from zoneinfo import ZoneInfo  # noqa: PLC0415

        try:
            zone = ZoneInfo(timezone)
        except (KeyError, ValueError, OSError, TypeError) as error:
            raise ValueError(
                f"Time zone {timezone!r} of cron expression {cron_expression!r} is not known here. "
                "Use a name of the IANA database, such as 'Europe/Madrid' (package tzdata brings it)."
            ) from error
        self._times = CronTimes(self.cron_expression, zone, seconds=seconds)
        if misfire not in list(MisfirePolicy):
            raise ValueError(
                f"Cron expression {cron_expression!r}: misfire={misfire!r} is unknown; there are "
                f"{', '.join(repr(each.value) for each in MisfirePolicy)}."
            )
        self.misfire = MisfirePolicy(misfire)
        # Comparisons with NaN are false.
        sensible = 0 <= misfire_grace_seconds < math.inf and 0 <= jitter_seconds < math.inf
        if catch_up_limit < 1 or not sensible:
            raise ValueError(
                f"Cron expression {cron_expression!r}: catch_up_limit must be 1 or more, misfire_grace_seconds and "
                f"jitter_seconds finite and 0 or more; got {catch_up_limit}, {misfire_grace_seconds} and "
                f"{jitter_seconds}."
            )
        self.misfire_grace_seconds = misfire_grace_seconds
        self.catch_up_limit = catch_up_limit
        self.jitter_seconds = jitter_seconds
        self.at_registration = at_registration

    def sources(self) -> frozenset[str]:
        return frozenset()

    def accepts(self, context: ConditionContext) -> bool:
        """Times are found by the scheduler, which asks the schedule; each belongs to one condition."""
        return isinstance(context, CronContext)

    def times_after(self, after: float) -> Iterator[float]:
        """The times of the schedule after one, in seconds since the epoch; ends if there are no more."""
        return self._times.after(after)

    def jitter_at(self, definition_id: str, slot: float) -> float:
        """The delay of one time, in seconds: the same wherever it is asked."""
        if not self.jitter_seconds:
            return 0.0
        digest = hashlib.sha256(f"{definition_id}:{slot}".encode()).digest()
        return self.jitter_seconds * int.from_bytes(digest[:4], "big") / 2**32

    def due(self, definition_id: str, after: float, now: float) -> tuple[list[float], float | None, float | None]:
        """What the schedule demands now.

        Returns the times to fire for; the newest time that is dealt with (None: no time came); and when to look
        again.
        """
        kept: list[float] = []
        newest: float | None = None
        upcoming: float | None = None
        most = self.catch_up_limit if self.misfire is MisfirePolicy.ALL else 1
        # Times long past count for their number only: a second cron after a month has millions of them.
        for slot in self.times_after(max(after, self._horizon(after, now, most))):
            due_at = slot + self.jitter_at(definition_id, slot)
            if due_at > now:
                upcoming = due_at
                break
            newest = slot
            kept.append(slot)
            del kept[:-most]
        if self.misfire is MisfirePolicy.SKIP:
            kept = [slot for slot in kept if now - slot <= self.misfire_grace_seconds + self.jitter_seconds]
        return kept, newest, upcoming

    def _horizon(self, after: float, now: float, most: int) -> float:
        """A time with at least ``most`` times of the schedule between it and now, if there are so many."""
        # Those within the jitter are not due yet, and count for nothing.
        found = 0
        for slot in self._times.before(now):
            found += slot <= now - self.jitter_seconds
            if found > most or slot <= after:
                return slot
        return after

    def to_json(self, codec: Codec) -> JsonObject:  # noqa: ARG002 - no value of the user's
        return {
            "kind": "cron",
            "expression": self.cron_expression,
            "timezone": self.timezone,
            "misfire": self.misfire.value,
            "misfire_grace_seconds": self.misfire_grace_seconds,
            "catch_up_limit": self.catch_up_limit,
            "jitter_seconds": self.jitter_seconds,
            "seconds": self.seconds,
            "at_registration": self.at_registration,
        }

    def __str__(self) -> str:
        return f"cron {self.cron_expression}" + ("" if self.timezone == "UTC" else f" ({self.timezone})")


def _check(expression: str, *, seconds: bool) -> None:
    fields = len(expression.split())
    wanted = _FIELDS_WITH_SECONDS if seconds else _FIELDS
    if fields == _FIELDS_WITH_SECONDS and not seconds:
        raise ValueError(
            f"Invalid cron expression {expression!r}: it has six fields, and seconds precision is not supported unless "
            "asked for. Use five fields (minute hour day month weekday), or pass seconds=True."
        )
    if fields != wanted:
        raise ValueError(
            f"Invalid cron expression {expression!r}: it has {fields} fields and needs {wanted} "
            f"({'second ' if seconds else ''}minute hour day month weekday). Example: '*/5 * * * *'."
        )
    try:
        cursor = expression_of(expression, _SOME_DAY, seconds=seconds)
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"Invalid cron expression {expression!r}: {error}. "
            "Use minute hour day month weekday, such as '0 9 * * mon-fri'."
        ) from error
    if next_of(cursor) is None:
        raise ValueError(
            f"Cron expression {expression!r} names a time that never comes, such as the 30th of February, so it would "
            "never fire. Correct its day or its month."
        )
