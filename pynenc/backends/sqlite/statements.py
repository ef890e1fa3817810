"""Pieces of SQL text that several statements share.

Every text is made once and stays the same, so that SQLite's cache has each statement compiled. A text names its
pieces in braces: ``{p}`` is the prefix of the application's tables, ``{ids}`` a list of ids, the others are ``PIECES``.
"""

from collections.abc import Collection, Iterator, Sequence

from pynenc.backends.sqlite.mapping import OUTCOME_COLUMNS, QUEUE_COLUMNS, RECORD_COLUMNS, RUNNER_COLUMNS
from pynenc.invocation.status import AVAILABLE, FINAL, UNSTARTED, InvocationStatus

#: Texts kept with their pieces; only listings, with their many combinations of conditions, could exceed it.
KEPT_TEXTS = 1_000

#: Most ids in one statement: far below SQLite's limit of variables (32,766), and long enough to cost little each.
LARGEST_LIST = 512


def one_of(statuses: Collection[InvocationStatus], column: str = "status") -> str:
    """The condition that a column holds one of these statuses.

    Comparisons, not IN: SQLite builds a table of the values of IN at each execution, also where it is the condition
    of an index and the statement changes a row.
    """
    return "(" + " OR ".join(f"{column} = '{status.value}'" for status in sorted(statuses)) + ")"


PIECES = {
    "{record}": RECORD_COLUMNS,
    "{outcome}": OUTCOME_COLUMNS,
    "{queue_entry}": QUEUE_COLUMNS,
    "{runner}": RUNNER_COLUMNS,
    # To use a partial index, a statement has to name its condition in the same words.
    "{is_available}": one_of(AVAILABLE),
    "{is_final}": one_of(FINAL),
    "{is_unstarted}": one_of(UNSTARTED),
    # Registration and changes of status take it; ``chains`` follows it back, for a list of ids.
    "{next_change}": "(SELECT coalesce(max(sequence), 0) + 1 FROM {p}history)",
    "{chains}": """
        WITH RECURSIVE chain(link) AS (
            SELECT last_change FROM {p}invocations WHERE invocation_id IN ({ids})
            UNION ALL
            SELECT previous FROM chain JOIN {p}history ON sequence = link WHERE previous IS NOT NULL
        )
        SELECT link FROM chain
    """,
    "{above_is_final}": one_of(FINAL, "above.status"),
    "{new_is_final}": one_of(FINAL, "NEW.status"),
    "{awaited_is_available}": one_of(AVAILABLE, "awaited.status"),
}


def with_pieces(text: str) -> str:
    """A text with its pieces in place."""
    for name, piece in PIECES.items():
        text = text.replace(name, piece)
    return text


def filled(text: str, prefix: str) -> str:
    """A text with its pieces and the prefix of an application in place."""
    return with_pieces(text).replace("{p}", prefix)


class Texts(dict[str, str]):
    """From the text of a statement to the one of an application."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def __missing__(self, text: str) -> str:
        if len(self) >= KEPT_TEXTS:
            self.clear()
        own = self[text] = filled(text, self._prefix)
        return own


class ByIds:
    """A statement over a list of ids, compiled for a few lengths of the list."""

    def __init__(self, text: str) -> None:
        self._text = with_pieces(text)
        self._of_length: dict[int, str] = {}

    def __call__(self, ids: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
        """The statements and their parameters for all these ids, in portions."""
        for start in range(0, len(ids), LARGEST_LIST):
            portion = ids[start : start + LARGEST_LIST] if len(ids) > LARGEST_LIST else ids
            # The next power of two, filled up with the last id: ten texts, not one for each length.
            length = 1 << (len(portion) - 1).bit_length()
            if length > len(portion):
                portion = [*portion, *[portion[-1]] * (length - len(portion))]
            yield self._of_length.get(length) or self._prepare(length), portion

    def _prepare(self, length: int) -> str:
        text = self._of_length[length] = self._text.replace("{ids}", ",".join("?" * length))
        return text
