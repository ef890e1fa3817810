"""The stores of the products that come with Pynenc, opened without an application."""

import os

from pynenc.backends.sqlite import SQLiteWakeups, sqlite_components
from pynenc.ports.backend import Backend, Capabilities


def sqlite_store(db_path: str | os.PathLike[str], app_id: str = "conformance") -> Backend:
    """Everything of one application in one SQLite file."""
    components = sqlite_components(app_id, db_path)
    return Backend(
        broker=components.broker,
        orchestrator=components.orchestrator,
        state=components.state,
        trigger=components.trigger,
        client_data=components.client_data,
        wakeups=SQLiteWakeups(db_path, app_id),
        units=(components.unit,),
        capabilities=Capabilities(shared_between_processes=True, one_product=True),
    )
