"""The orchestrator in SQLite: four contracts over one connection."""

from pynenc.backends.sqlite.ledger import SQLiteLedger
from pynenc.backends.sqlite.reader import SQLiteLedgerReader
from pynenc.backends.sqlite.runner_board import SQLiteRunnerBoard
from pynenc.backends.sqlite.wait_graph import SQLiteWaitGraph
from pynenc.ports.orchestrator import Orchestrator

_PURGE = (
    "DELETE FROM {p}invocations",
    # Sequence numbers go on: who follows the changes must not take new ones for those it has seen.
    "DELETE FROM {p}history WHERE sequence < (SELECT max(sequence) FROM {p}history)",
    "UPDATE {p}history SET invocation = 0",
    "DELETE FROM {p}final_counts",
    "DELETE FROM {p}waits",
    "DELETE FROM {p}runners",
    "DELETE FROM {p}duties",
)


class SQLiteOrchestrator(SQLiteLedger, SQLiteLedgerReader, SQLiteWaitGraph, SQLiteRunnerBoard, Orchestrator):
    """The ledger, its listings, the graph of waits and the board of runners."""

    def purge(self) -> None:
        with self._unit:
            for sql in _PURGE:
                self._store.write(sql)
