"""Tokens that wait at one part of an AND, found by what they are about.

Asked for those that agree with a given token, a line that was searched from its oldest token on would cost its whole
length where none agrees, for each new occurrence. So a line keeps its tokens by the tasks they are about, and for each
such kind, as it is asked for, an index by the invocations of the tasks that both have: an answer costs about the same
however long the line is.
"""

import heapq
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Token(NamedTuple):
    """Occurrences that satisfied a part of a trigger."""

    #: Pairs of the number of a leaf and the key of an occurrence. No other token of a line has the same.
    parts: tuple[tuple[int, str], ...]
    #: The invocation it is about, for each task among the causes.
    about: Mapping[str, str]
    #: When the first of them, and the last, happened; seconds since the epoch.
    first: float = 0.0
    last: float = 0.0

    def to_json(self) -> str:
        """Its stored form."""
        return json.dumps([self.parts, dict(self.about), self.first, self.last])

    @classmethod
    def from_json(cls, text: str) -> "Token":
        """The token of a stored form."""
        parts, about, *times = json.loads(text)
        return cls(tuple((leaf, key) for leaf, key in parts), about, *times)

    def joined(self, other: "Token") -> "Token":
        """Both together."""
        return Token(
            tuple(sorted(self.parts + other.parts)),
            {**self.about, **other.about},
            min(self.first, other.first),
            max(self.last, other.last),
        )


#: Tokens by their number in the line, oldest first.
_Numbered = dict[int, Token]


class _Kind:
    """The tokens of a line that are about the same tasks."""

    def __init__(self, tasks: tuple[str, ...]) -> None:
        self.tasks = tasks
        self.tokens: _Numbered = {}
        #: For the tasks that were asked for: their invocations -> tokens.
        self._indexes: dict[tuple[str, ...], defaultdict[tuple[str, ...], _Numbered]] = {}

    def add(self, number: int, token: Token) -> None:
        self.tokens[number] = token
        for shared, index in self._indexes.items():
            index[_invocations(shared, token.about)][number] = token

    def remove(self, number: int) -> None:
        token = self.tokens.pop(number)
        for shared, index in self._indexes.items():
            key = _invocations(shared, token.about)
            del index[key][number]
            if not index[key]:
                del index[key]

    def agreeing(self, about: Mapping[str, str]) -> _Numbered:
        """Those that have the same invocation of each task that both are about."""
        shared = tuple(task for task in self.tasks if task in about)
        if not shared:
            return self.tokens
        if shared not in self._indexes:
            index: defaultdict[tuple[str, ...], _Numbered] = defaultdict(dict)
            for number, token in self.tokens.items():
                index[_invocations(shared, token.about)][number] = token
            self._indexes[shared] = index
        return self._indexes[shared].get(_invocations(shared, about), {})


def _invocations(tasks: tuple[str, ...], about: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(about[task] for task in tasks)


class Line:
    """The tokens that wait at one part, oldest first."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, ...], _Kind] = {}
        #: parts -> (kind, number in the line).
        self._places: dict[tuple[tuple[int, str], ...], tuple[_Kind, int]] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._places)

    def add(self, token: Token) -> None:
        """Behind all others."""
        tasks = tuple(sorted(token.about))
        kind = self._kinds.setdefault(tasks, _Kind(tasks))
        kind.add(self._next, token)
        self._places[token.parts] = kind, self._next
        self._next += 1

    def remove(self, token: Token) -> None:
        """Out of the line."""
        kind, number = self._places.pop(token.parts)
        kind.remove(number)

    def tasks(self) -> frozenset[str]:
        """The tasks that tokens here are about."""
        return frozenset(task for kind in self._kinds.values() if kind.tokens for task in kind.tasks)

    def oldest(self) -> Token | None:
        """The one that has waited longest."""
        firsts = [next(iter(kind.tokens.items())) for kind in self._kinds.values() if kind.tokens]
        return min(firsts)[1] if firsts else None

    def count_agreeing(self, token: Token) -> int:
        """How many agree with a token."""
        return sum(len(kind.agreeing(token.about)) for kind in self._kinds.values())

    def agreeing(self, token: Token) -> Iterator[Token]:
        """Those that agree with a token, oldest first; the line must not change meanwhile."""
        found = [each for kind in self._kinds.values() if (each := kind.agreeing(token.about))]
        if len(found) == 1:
            return iter(found[0].values())
        return (token for _, token in heapq.merge(*(each.items() for each in found), key=lambda item: item[0]))

    def about(self, task: str, invocation: str) -> list[Token]:
        """Those that are about this invocation of a task."""
        wanted = {task: invocation}
        return [
            token for kind in self._kinds.values() if task in kind.tasks for token in kind.agreeing(wanted).values()
        ]
