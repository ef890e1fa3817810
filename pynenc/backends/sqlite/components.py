"""Making the components of an application on one database file."""

import os
from typing import NamedTuple

from pynenc.backends.sqlite.broker import SQLiteBroker
from pynenc.backends.sqlite.client_data_store import SQLiteClientDataStore
from pynenc.backends.sqlite.connection import SQLiteConnection
from pynenc.backends.sqlite.location import default_database_path
from pynenc.backends.sqlite.orchestrator import SQLiteOrchestrator
from pynenc.backends.sqlite.state_backend import SQLiteStateBackend
from pynenc.backends.sqlite.trigger import SQLiteTrigger
from pynenc.backends.sqlite.unit import SQLiteUnit


class Components(NamedTuple):
    """The five components over one file, and the unit that groups what they write."""

    broker: SQLiteBroker
    orchestrator: SQLiteOrchestrator
    state: SQLiteStateBackend
    trigger: SQLiteTrigger
    client_data: SQLiteClientDataStore
    unit: SQLiteUnit
    connection: SQLiteConnection


def sqlite_components(
    app_id: str, db_path: str | os.PathLike[str] | None = None, synchronous: str = "NORMAL"
) -> Components:
    """The components of an application; the file is opened, or created, at their first use.

    Without a path it is ``default_database_path`` of the working directory.
    """
    connection = SQLiteConnection(app_id, db_path or default_database_path(), synchronous)
    unit = SQLiteUnit(connection)
    return Components(
        broker=SQLiteBroker(unit),
        orchestrator=SQLiteOrchestrator(unit),
        state=SQLiteStateBackend(unit),
        trigger=SQLiteTrigger(unit),
        client_data=SQLiteClientDataStore(unit),
        unit=unit,
        connection=connection,
    )
