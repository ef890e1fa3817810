"""From occurrences to firings: which of them come together in the composites of a trigger. Pure.

An occurrence that satisfies a leaf makes a token there. OR passes on every token of its parts. AND keeps the tokens of
each part in line until every part has one that agrees, then passes on one made of them; so each token is used once.
Tokens agree unless they are about different invocations of the same task. What the top passes on is a firing.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from pynenc.trigger.conditions.base import TriggerCondition
from pynenc.trigger.conditions.composite import CompositeCondition, CompositeLogic

#: Tokens that wait at one part of an AND; the oldest makes room for the newest.
LONGEST_LINE = 1_000


class Token(NamedTuple):
    """Occurrences that satisfied a part of a trigger."""

    #: Pairs of the number of a leaf and the key of an occurrence.
    parts: tuple[tuple[int, str], ...]
    #: The invocation it is about, for each task among the causes.
    about: Mapping[str, str]

    def to_json(self) -> str:
        """Its stored form."""
        return json.dumps([self.parts, dict(self.about)])

    @classmethod
    def from_json(cls, text: str) -> "Token":
        """The token of a stored form."""
        parts, about = json.loads(text)
        return cls(tuple((leaf, key) for leaf, key in parts), about)

    def agrees_with(self, other: "Token") -> bool:
        """Whether no task occurs in both with different invocations."""
        return all(other.about.get(task, invocation) == invocation for task, invocation in self.about.items())

    def joined(self, other: "Token") -> "Token":
        """Both together."""
        return Token(tuple(sorted(self.parts + other.parts)), {**self.about, **other.about})


class Matching:
    """The lines of one trigger, and what new occurrences make of them.

    ``lines`` has the waiting tokens, oldest first, by the place of their part: ``/0/1`` is part 1 of part 0.
    """

    def __init__(self, condition: CompositeCondition, lines: Mapping[str, Sequence[Token]]) -> None:
        self._condition = condition
        self._lines = {place: list(tokens) for place, tokens in lines.items()}
        #: Tokens that were in line before and are not any more.
        self.consumed: list[tuple[str, Token]] = []
        #: Tokens that are in line now and were not before.
        self.added: list[tuple[str, Token]] = []

    def offer(self, key: str, leaves: Collection[int], about: tuple[str, str] | None) -> list[Token]:
        """An occurrence satisfies some leaves; the firings that follow.

        ``about``: the task and the invocation it is about.
        """
        if not leaves:
            return []
        self._numbers = iter(range(10**9))
        return list(self._pass(self._condition, "", key, leaves, dict([about]) if about else {}))

    def _pass(
        self, condition: TriggerCondition, place: str, key: str, leaves: Collection[int], about: Mapping[str, str]
    ) -> Iterator[Token]:
        if not isinstance(condition, CompositeCondition):
            number = next(self._numbers)
            if number in leaves:
                yield Token(((number, key),), about)
            return
        width = len(condition.conditions)
        for index, part in enumerate(condition.conditions):
            for token in list(self._pass(part, f"{place}/{index}", key, leaves, about)):
                if condition.logic is CompositeLogic.OR or width == 1:
                    yield token
                else:
                    yield from self._join(place, width, index, token)

    def _join(self, place: str, width: int, arrived_at: int, token: Token) -> Iterator[Token]:
        others = [f"{place}/{index}" for index in range(width) if index != arrived_at]
        chosen = self._choose(others, token)
        if chosen is None:
            self._wait(f"{place}/{arrived_at}", token)
            return
        for where, used in chosen:
            self._lines[where].remove(used)
            if (where, used) in self.added:
                self.added.remove((where, used))
            else:
                self.consumed.append((where, used))
            token = token.joined(used)
        yield token

    def _choose(self, places: Sequence[str], token: Token) -> list[tuple[str, Token]] | None:
        """The oldest tokens in these lines that agree with one another and with ``token``."""
        if not places:
            return []
        for candidate in self._lines.get(places[0], ()):
            if candidate.agrees_with(token):
                rest = self._choose(places[1:], token.joined(candidate))
                if rest is not None:
                    return [(places[0], candidate), *rest]
        return None

    def _wait(self, place: str, token: Token) -> None:
        line = self._lines.setdefault(place, [])
        line.append(token)
        self.added.append((place, token))
        if len(line) > LONGEST_LINE:
            oldest = line.pop(0)
            if (place, oldest) in self.added:
                self.added.remove((place, oldest))
            else:
                self.consumed.append((place, oldest))
