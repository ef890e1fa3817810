"""The component called orchestrator, on Redis."""

from pynenc.ports.orchestrator import Orchestrator
from pynenc_redis.ledger import RedisLedger
from pynenc_redis.reader import RedisLedgerReader
from pynenc_redis.runner_board import RedisRunnerBoard
from pynenc_redis.wait_graph import RedisWaitGraph

#: What its keys begin with. The records come last: one that is written meanwhile must not stay without its indexes, for
#: nobody would find it to run it. The number of the last change stays.
_KINDS = (
    *("h:", "tasks", "t:", "par:", "wf:", "st:", "own:", "owners", "fin", "count", "due", "reg:", "sh:", "sl:"),
    *("pa:", "to:", "from:", "awaited", "runners", "beats", "stopped", "duties", "changes", "i:"),
)


class RedisOrchestrator(RedisWaitGraph, RedisLedger, RedisLedgerReader, RedisRunnerBoard, Orchestrator):
    """Ledger, listings, graph of waits and board of runners of one application."""

    def purge(self) -> None:
        # The number of the last change stays, for others remember how far they have read.
        self._forget(_KINDS)
