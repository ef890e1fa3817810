"""Leaving to other runners what this one's code cannot decide: while a new version comes, they have different code.

An evaluation deals with an occurrence for all triggers at once. A runner that lacks a function of one of them would
record a failed firing, although the runner that stored the trigger has it. The same if it lacks the task.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from pynenc.engine.trigger_known import Definitions, Loaded
from pynenc.engine.user_code import contained
from pynenc.ports.trigger import Occurrence

#: How long others are given. They are told, and take milliseconds; where nobody can be told, they look every second.
PASS_ON_SECONDS = 10.0
#: Until this process looks again at what it has passed on.
LOOK_AGAIN_SECONDS = 1.0


class PassingOn:
    """What this process has left to others, and since when."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._since: dict[str, float] = {}
        #: By definition, for one version of all.
        self._able: dict[str, bool] = {}
        self._version = -1

    def look_again_in(self) -> float | None:
        """Seconds until what was passed on is to be looked at again; None: nothing was."""
        return LOOK_AGAIN_SECONDS if self._since else None

    def keep_mine(self, pending: Sequence[Occurrence], known: Definitions) -> list[Occurrence]:
        """What this process is to deal with now."""
        foreign = {
            each.key
            for each in pending
            if any(not self._can_decide(loaded, known.version) for loaded in known.watching(each.source))
        }
        if not foreign or self._engine.is_alone():
            self._since.clear()
            return list(pending)
        now: float = self._engine.clock.monotonic()
        new = foreign.difference(self._since)
        since = {key: self._since.get(key, now) for key in foreign}
        self._since = since
        if new:
            self._engine.trigger_hints.pass_on()
        left = {key for key, begun in since.items() if now - begun < PASS_ON_SECONDS}
        return [each for each in pending if each.key not in left]

    def _can_decide(self, loaded: Loaded, version: int) -> bool:
        """Whether the functions and the task of a trigger are here."""
        if version != self._version:
            self._version = version
            self._able.clear()
        name = loaded.stored.definition_id
        if name not in self._able:
            found = contained(partial(self._engine.find_task, loaded.stored.task_id))
            self._able[name] = loaded.definition is not None and found.error is None
        return self._able[name]
