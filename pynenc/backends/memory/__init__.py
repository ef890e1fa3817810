"""Everything in the memory of one process: the reference implementation of the ports.

Five components and their wake-ups share one lock (``storage.MemoryUnit``), which is also the unit of work.
"""

from pynenc.backends.memory.broker import MemBroker
from pynenc.backends.memory.client_data_store import MemClientDataStore
from pynenc.backends.memory.orchestrator import MemOrchestrator
from pynenc.backends.memory.state_backend import MemStateBackend
from pynenc.backends.memory.storage import MemoryUnit
from pynenc.backends.memory.trigger import MemTrigger
from pynenc.backends.memory.wakeups import MemoryWakeups
from pynenc.ports.backend import Backend, Capabilities

__all__ = [
    "MemBroker",
    "MemClientDataStore",
    "MemOrchestrator",
    "MemStateBackend",
    "MemTrigger",
    "MemoryUnit",
    "MemoryWakeups",
    "memory_backend",
]


def memory_backend() -> Backend:
    """A new, empty store for one application in one process."""
    unit = MemoryUnit()
    return Backend(
        broker=MemBroker(unit),
        orchestrator=MemOrchestrator(unit),
        state=MemStateBackend(unit),
        trigger=MemTrigger(unit),
        client_data=MemClientDataStore(unit),
        wakeups=MemoryWakeups(),
        units=(unit,),
        capabilities=Capabilities(shared_between_processes=False, one_product=True),
    )
