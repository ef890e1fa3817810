"""What the engine asks of the world: abstract classes, and the duties of those who implement them.

The docstring of each method states, in this order: effect, atomicity, ordering, idempotence, errors. A line
that would be empty is left out. Methods take and return lists; all are synchronous; nobody but the engine
calls them.
"""

from pynenc.ports.backend import Backend, Capabilities
from pynenc.ports.broker import Broker
from pynenc.ports.client_data_store import ClientDataStore
from pynenc.ports.clock import Clock
from pynenc.ports.orchestrator import Orchestrator
from pynenc.ports.state_backend import StateBackend
from pynenc.ports.steps import Steps
from pynenc.ports.trigger import Trigger
from pynenc.ports.wakeups import Wakeups

#: Version of these contracts. A plugin names the one it implements, as a number of its own, and is refused when it is
#: another. Raised with every change of a port that a plugin written before it would not meet, which is nearly every
#: one: a new method, a field of a record, a duty that a method did not have.
#:
#: 2: triggers and workflows (``Trigger``, ``WorkflowLog``, ``Finish.awaited``, ``Steps.records_occurrences``).
#: 3: units that need not exclude each other (``UnitConflict``), shortcuts, ``Broker.expect``,
#: ``WorkflowLog.forget_entries``, definitions whose text changes.
PORTS_VERSION = 3

__all__ = [
    "PORTS_VERSION",
    "Backend",
    "Broker",
    "Capabilities",
    "ClientDataStore",
    "Clock",
    "Orchestrator",
    "StateBackend",
    "Steps",
    "Trigger",
    "Wakeups",
]
