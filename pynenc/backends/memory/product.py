"""The memory of this process as a product."""

from pynenc.backends.memory import memory_backend
from pynenc.backends.products import Product
from pynenc.conf.settings import Settings


def open_memory(app_id: str, settings: Settings) -> Product:  # noqa: ARG001 - the signature of an opener
    """A new, empty store."""
    backend = memory_backend()
    return Product(
        name="Mem",
        parts={
            "broker": backend.broker,
            "orchestrator": backend.orchestrator,
            "state": backend.state,
            "trigger": backend.trigger,
            "client_data": backend.client_data,
        },
        unit=backend.units[0],
        wakeups=backend.wakeups,
        shared_between_processes=False,
        location="the memory of this process",
    )
