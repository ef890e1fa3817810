"""Trigger definitions and occurrences in SQLite."""

from pynenc.backends.sqlite.part import SQLitePart
from pynenc.ports.trigger import Trigger


class SQLiteTrigger(SQLitePart, Trigger):
    """Keeps nothing until the port asks for it."""

    def purge(self) -> None:
        """There is nothing to remove."""


#: The name that older documents use.
SqliteTrigger = SQLiteTrigger
