"""Which waiting tokens come together with one that arrives: the oldest that agree, part by part from the left. Pure.

With n tokens in each line, an arrival costs about the same for every n where an AND has two parts. With more, three
things keep it from trying combinations:

* Parts that have no task in common do not depend on each other: each group of parts is searched for itself, and each
  choice makes the groups smaller, for a task whose invocation is chosen binds nobody any more.
* A group that was searched in vain is not searched again under the same invocations.
* It is first asked whether there is a set at all: of each two parts, then where the fewest tokens agree.

So where each part is about one task, as all but nested ANDs are, an arrival costs a look-up for each token of the
shorter line of a group at worst (two lines full of tokens that do not agree). For the rest there is a limit.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations

from pynenc.trigger.lines import Line, Token

#: Candidates looked at for one arrival. Reaching it takes nested ANDs, or clocks that differ by more than
#: ``within_seconds``, with lines full of tokens that agree in pairs and not all together.
MOST_CANDIDATES = 50_000

_PAIR = 2

Chosen = list[tuple[str, Token]]


class TooManyCandidatesError(Exception):
    """``MOST_CANDIDATES`` were looked at, and it is not known whether there are tokens that come together."""


def choose(
    lines: Mapping[str, Line], places: Sequence[str], token: Token, within_seconds: float | None
) -> Chosen | None:
    """Tokens of the lines at these places that agree with one another and with ``token``; None: there are none.

    Raises:
        TooManyCandidatesError: it was not found out.
    """
    if any(place not in lines or not len(lines[place]) for place in places):
        return None
    search = _Search(lines, places, within_seconds)
    if len(places) > 1 and search.find(places, token, quickly=True) is None:
        return None
    return search.find(places, token, quickly=False)


class _Search:
    def __init__(self, lines: Mapping[str, Line], places: Sequence[str], within_seconds: float | None) -> None:
        self._lines = lines
        self._tasks = {place: lines[place].tasks() for place in places}
        self._within = within_seconds
        self._left = MOST_CANDIDATES
        #: Places, the invocations that bind them, and where time matters from when to when.
        self._in_vain: set[tuple[object, ...]] = set()
        #: The same of pairs of places of which it is known that they agree.
        self._agree: set[tuple[object, ...]] = set()

    def find(self, places: Sequence[str], token: Token, *, quickly: bool) -> Chosen | None:
        """A choice for each place; ``quickly``: any, else the oldest from the left."""
        if self._within is not None and not quickly:
            # What one group chooses decides how old the choice of the next may be.
            return self._find_in(places, token, quickly=quickly)
        found: Chosen = []
        for group in self._groups(places, token.about):
            chosen = self._find_in(group, token, quickly=quickly)
            if chosen is None:
                return None
            found += chosen
        return found

    def _find_in(self, places: Sequence[str], token: Token, *, quickly: bool) -> Chosen | None:
        if not places:
            return []
        counts = [self._lines[place].count_agreeing(token) for place in places]
        if not all(counts):
            return None
        if len(places) == 1 and self._within is None:
            return [(places[0], next(self._lines[places[0]].agreeing(token)))]
        key = self._key(places, token)
        if key in self._in_vain or (quickly and not self._pairs_agree(places, token)):
            return None
        # Whether there are any is found out soonest where the fewest candidates are.
        place = places[counts.index(min(counts)) if quickly else 0]
        others = [each for each in places if each != place]
        for candidate in self._candidates(place, token):
            rest = self.find(others, token.joined(candidate), quickly=quickly)
            if rest is not None:
                return [(place, candidate), *rest]
        self._in_vain.add(key)
        return None

    def _pairs_agree(self, places: Sequence[str], token: Token) -> bool:
        """Whether each two of more than two places have tokens that agree; else there is no need to combine others."""
        if len(places) <= _PAIR:
            return True
        for pair in combinations(places, _PAIR):
            key = self._key(pair, token)
            if key not in self._agree:
                if self.find(pair, token, quickly=True) is None:
                    return False
                self._agree.add(key)
        return True

    def _candidates(self, place: str, token: Token) -> Iterator[Token]:
        for candidate in self._lines[place].agreeing(token):
            self._left -= 1
            if self._left < 0:
                raise TooManyCandidatesError
            if (
                self._within is None
                or max(token.last, candidate.last) - min(token.first, candidate.first) <= self._within
            ):
                yield candidate

    def _key(self, places: Sequence[str], token: Token) -> tuple[object, ...]:
        tasks = frozenset[str]().union(*(self._tasks[place] for place in places))
        bound = tuple(sorted((task, token.about[task]) for task in tasks & token.about.keys()))
        return tuple(places), bound, *((token.first, token.last) if self._within is not None else ())

    def _groups(self, places: Sequence[str], bound: Collection[str]) -> list[list[str]]:
        """The places, those together that share a task whose invocation is not chosen yet."""
        groups: list[tuple[set[str], list[str]]] = []
        for place in places:
            tasks = {task for task in self._tasks[place] if task not in bound}
            members = [place]
            apart: list[tuple[set[str], list[str]]] = []
            for others, group in groups:
                if others & tasks:
                    tasks |= others
                    members = [*group, *members]
                else:
                    apart.append((others, group))
            groups = [*apart, (tasks, members)]
        return [sorted(group, key=places.index) for _, group in groups]
