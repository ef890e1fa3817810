"""What waits in the ANDs of all triggers, as this process knows it."""

from collections import defaultdict
from typing import NamedTuple

from pynenc.engine.trigger_known import Definitions
from pynenc.ports.trigger import Trigger
from pynenc.trigger.definition import TriggerDefinition
from pynenc.trigger.lines import Token
from pynenc.trigger.matching import LONGEST_LINE, Matching


class Trouble(NamedTuple):
    """What lines that are too long led to; tokens with their places (``pynenc.trigger.matching``)."""

    definition_id: str
    crowded_out: list[tuple[str, Token]]
    not_searched: list[tuple[str, Token]]


class KnownLines:
    """Keeps the lines from one evaluation to the next, as long as nobody else has evaluated in between.

    Reading a line of a thousand tokens for each occurrence would cost more than all the rest. That nobody has, the
    number of the turn tells: it was this process that made it what it is.
    """

    def __init__(self, trigger: Trigger, longest_line: int = LONGEST_LINE) -> None:
        self._trigger = trigger
        self._longest_line = longest_line
        self._turn = -1
        #: The definitions of the evaluation in progress.
        self.known = Definitions(-1)
        self._matchings: dict[str, Matching] = {}

    def begin(self, turn: int, known: Definitions) -> None:
        """An evaluation begins that has read this turn and these definitions."""
        if turn != self._turn or known.version != self.known.version:
            self._matchings.clear()
        self.known = known
        # Until it is known that what is changed now was stored.
        self._turn = -1

    def completed(self, turn: int) -> list[Trouble]:
        """It was stored as the next turn; what too long lines led to."""
        found = [
            Trouble(name, matching.crowded_out, matching.not_searched)
            for name, matching in self._matchings.items()
            if matching.crowded_out or matching.not_searched
        ]
        for matching in self._matchings.values():
            matching.saved()
        self._turn = turn + 1
        return found

    def of(self, definition_id: str, definition: TriggerDefinition) -> Matching:
        """The lines of one trigger."""
        if definition_id not in self._matchings:
            lines: defaultdict[str, list[Token]] = defaultdict(list)
            for each in self._trigger.waiting([definition_id]):
                lines[each.place].append(Token.from_json(each.text))
            self._matchings[definition_id] = Matching(definition.condition, lines, self._longest_line)
        return self._matchings[definition_id]
