"""What the tasks of a simulation do: trees of calls, chosen by chance, with a result that is known beforehand."""

import json
import random
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any, Self

#: Calls one inside the other, at most.
DEPTH = 4
#: Running scopes of a simulation: few, so that they meet.
SCOPES = ("s", "t")


class Wait(StrEnum):
    """How a program waits for what it has called."""

    NOT = "not"
    #: One after the other.
    EACH = "each"
    ALL = "all"
    #: For the first that comes.
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One call: it calls others, waits for them or not, asks to be run again some times, and returns a number."""

    name: str
    children: tuple["Program", ...]
    wait: Wait
    failures: int
    scope: str | None
    priority: int
    delay_seconds: float

    @property
    def value(self) -> int:
        """What it returns: one, and what those return for which it waits."""
        counted = self.children if self.wait in (Wait.EACH, Wait.ALL) else ()
        return 1 + sum(child.value for child in counted)

    def to_json(self) -> str:
        """The program as text, the argument of its call."""
        return json.dumps(self._plain())

    def _plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "children": [child._plain() for child in self.children],
            "wait": self.wait,
            "failures": self.failures,
            "scope": self.scope,
            "priority": self.priority,
            "delay_seconds": self.delay_seconds,
        }

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The program of a call."""
        return cls._of(json.loads(text))

    @classmethod
    def _of(cls, plain: dict[str, Any]) -> Self:
        children = tuple(cls._of(child) for child in plain["children"])
        return cls(**{**plain, "children": children, "wait": Wait(plain["wait"])})


def make_program(chance: random.Random, names: "count[int]", depth: int = DEPTH) -> Program:
    """A program by chance; deeper ones call less."""
    children = chance.choice((0, 0, 1, 1, 2, 3)) if depth else 0
    return Program(
        # No two calls are alike: who waits for a call like its own is refused, rightly.
        name=str(next(names)),
        children=tuple(make_program(chance, names, depth - 1) for _ in range(children)),
        wait=chance.choice(tuple(Wait)) if children else Wait.NOT,
        failures=chance.choice((0, 0, 0, 1, 2)),
        scope=chance.choice((None, None, *SCOPES)),
        priority=chance.choice((0, 0, 5)),
        delay_seconds=chance.choice((0.0, 0.0, 0.0, 2.0)),
    )
