"""The unit of work of an SQLite database."""

from types import TracebackType
from typing import Self

from pynenc.backends.sqlite.connection import SQLiteConnection


class SQLiteUnit:
    """One write transaction: what is written inside is committed together at the end, or undone by an exception.

    A thread may open it again inside itself; the outermost end commits. Other threads, of this process and of
    others, wait meanwhile, so nothing slow belongs inside.
    """

    __slots__ = ("connection",)

    def __init__(self, connection: SQLiteConnection) -> None:
        self.connection = connection

    def __call__(self) -> Self:
        return self

    def __enter__(self) -> None:
        self.connection.begin()

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.connection.end(error)

    def close(self) -> None:
        """Give back the connections; the next use opens them again."""
        self.connection.close()
