"""From occurrences to firings: which of them come together in the composites of a trigger. Pure.

An occurrence that satisfies a leaf makes a token there. OR passes on every token of its parts. AND keeps the tokens of
each part in line until every part has one that agrees, then passes on one made of them; so each token is used once.
Tokens agree unless they are about different invocations of the same task. What the top passes on is a firing.

What an occurrence costs is told in ``pynenc.trigger.choosing``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from pynenc.trigger.choosing import TooManyCandidatesError, choose
from pynenc.trigger.conditions.base import TriggerCondition
from pynenc.trigger.conditions.composite import CompositeCondition, CompositeLogic
from pynenc.trigger.lines import Line, Token
from pynenc.trigger.requirements import required_tasks

#: Tokens that wait at one part of an AND; the oldest makes room for the newest.
LONGEST_LINE = 1_000

_Parts = tuple[tuple[int, str], ...]


class Matching:
    """The lines of one trigger, and what new occurrences make of them.

    ``lines`` has the waiting tokens, oldest first, by the place of their part: ``/0/1`` is part 1 of part 0.
    """

    def __init__(
        self, condition: CompositeCondition, lines: Mapping[str, Sequence[Token]], longest_line: int = LONGEST_LINE
    ) -> None:
        self._condition = condition
        self._longest = longest_line
        self._lines: dict[str, Line] = {}
        for place, tokens in lines.items():
            line = self._lines[place] = Line()
            for token in tokens:
                line.add(token)
        self._numbers = iter(range(0))
        self.saved()

    def saved(self) -> None:
        """What changed so far is stored: from here on changes are counted anew."""
        self._consumed: dict[tuple[str, _Parts], Token] = {}
        self._added: dict[tuple[str, _Parts], Token] = {}
        #: Tokens that had to make room, with their places.
        self.crowded_out: list[tuple[str, Token]] = []
        #: Tokens that wait although something may agree with them: too much waits to find that out.
        self.not_searched: list[tuple[str, Token]] = []

    @property
    def consumed(self) -> list[tuple[str, Token]]:
        """Tokens that were in line before and are not any more, with their places."""
        return [(place, token) for (place, _), token in self._consumed.items()]

    @property
    def added(self) -> list[tuple[str, Token]]:
        """Tokens that are in line now and were not before, with their places."""
        return [(place, token) for (place, _), token in self._added.items()]

    def offer(
        self, key: str, leaves: Collection[int], about: tuple[str, str] | None = None, at: float = 0.0
    ) -> list[Token]:
        """An occurrence satisfies some leaves; the firings that follow.

        ``about``: the task and the invocation it is about; ``at``: when it happened.
        """
        if not leaves:
            return []
        self._numbers = iter(range(10**9))
        token = Token(((-1, key),), dict([about]) if about else {}, at, at)
        return list(self._pass(self._condition, "", token, leaves))

    def ended(self, task: str, invocation: str) -> None:
        """No more will be heard of an invocation: its tokens that lack one that only it could make are dropped."""
        self._bury(self._condition, "", task, invocation)

    def _pass(self, condition: TriggerCondition, place: str, token: Token, leaves: Collection[int]) -> Iterator[Token]:
        if not isinstance(condition, CompositeCondition):
            number = next(self._numbers)
            if number in leaves:
                yield token._replace(parts=((number, token.parts[0][1]),))
            return
        for index, part in enumerate(condition.conditions):
            for each in list(self._pass(part, f"{place}/{index}", token, leaves)):
                if _passes_all_on(condition):
                    yield each
                else:
                    yield from self._join(condition, place, index, each)

    def _join(self, condition: CompositeCondition, place: str, arrived_at: int, token: Token) -> Iterator[Token]:
        places = _places(condition, place)
        if condition.within_seconds is not None:
            self._expire(places, token.last - condition.within_seconds)
        others = [each for each in places if each != places[arrived_at]]
        lines = {each: self._lines[each] for each in others if each in self._lines}
        try:
            chosen = choose(lines, others, token, condition.within_seconds)
        except TooManyCandidatesError:
            # It waits, and comes together when one of the others arrives.
            self.not_searched.append((places[arrived_at], token))
            chosen = None
        if chosen is None:
            self._wait(places[arrived_at], token)
            return
        for where, used in chosen:
            self._leave(where, used)
            token = token.joined(used)
        yield token

    def _wait(self, place: str, token: Token) -> None:
        line = self._lines.setdefault(place, Line())
        line.add(token)
        self._added[place, token.parts] = token
        if len(line) > self._longest and (oldest := line.oldest()) is not None:
            self._leave(place, oldest)
            self.crowded_out.append((place, oldest))

    def _leave(self, place: str, token: Token) -> None:
        self._lines[place].remove(token)
        if self._added.pop((place, token.parts), None) is None:
            self._consumed[place, token.parts] = token

    def _expire(self, places: Sequence[str], before: float) -> None:
        """Drop what happened too long ago to come together with what happens now."""
        for place in places:
            line = self._lines.get(place)
            while line is not None and (oldest := line.oldest()) is not None and oldest.first < before:
                self._leave(place, oldest)

    def _bury(self, condition: TriggerCondition, place: str, task: str, invocation: str) -> None:
        if not isinstance(condition, CompositeCondition):
            return
        places = _places(condition, place)
        for part, where in zip(condition.conditions, places, strict=True):
            self._bury(part, where, task, invocation)
        if _passes_all_on(condition):
            return
        for part, where in zip(condition.conditions, places, strict=True):
            if task in required_tasks(part) and not any(self._of(where, task, invocation)):
                # This part can make no token about it any more, so what waits in the others waits in vain.
                for lost_at, token in [each for other in places for each in self._of(other, task, invocation)]:
                    self._leave(lost_at, token)
                return

    def _of(self, place: str, task: str, invocation: str) -> Iterator[tuple[str, Token]]:
        """Tokens about an invocation, at a place and below it."""
        for where, line in self._lines.items():
            if where == place or where.startswith(f"{place}/"):
                yield from ((where, token) for token in line.about(task, invocation))


def _passes_all_on(condition: CompositeCondition) -> bool:
    return condition.logic is CompositeLogic.OR or len(condition.conditions) == 1


def _places(condition: CompositeCondition, place: str) -> list[str]:
    return [f"{place}/{index}" for index in range(len(condition.conditions))]
