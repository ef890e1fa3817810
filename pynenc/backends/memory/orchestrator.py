"""The orchestrator in memory: four contracts over one set of tables."""

from pynenc.backends.memory.ledger import MemLedger
from pynenc.backends.memory.ledger_reader import MemLedgerReader
from pynenc.backends.memory.runner_board import MemRunnerBoard
from pynenc.backends.memory.storage import LedgerTables
from pynenc.backends.memory.wait_graph import MemWaitGraph
from pynenc.ports.orchestrator import Orchestrator


class MemOrchestrator(MemLedger, MemLedgerReader, MemWaitGraph, MemRunnerBoard, Orchestrator):
    """The ledger, its listings, the graph of waits and the board of runners."""

    def purge(self) -> None:
        with self._lock:
            # Sequence numbers go on: who follows the changes must not take new ones for those it has seen.
            self._tables = LedgerTables(self._tables.last_sequence)
