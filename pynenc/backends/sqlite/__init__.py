"""Everything in one SQLite file: the backend of an application without configuration.

Five components share one owner of connections (``connection.SQLiteConnection``) and one transaction
(``unit.SQLiteUnit``). ``schema.sql`` says how the tables look, and why.
"""

from pynenc.backends.sqlite.broker import SQLiteBroker
from pynenc.backends.sqlite.client_data_store import SQLiteClientDataStore
from pynenc.backends.sqlite.components import Components, sqlite_components
from pynenc.backends.sqlite.connection import SQLiteConnection
from pynenc.backends.sqlite.location import default_database_path
from pynenc.backends.sqlite.orchestrator import SQLiteOrchestrator
from pynenc.backends.sqlite.state_backend import SQLiteStateBackend
from pynenc.backends.sqlite.trigger import SQLiteTrigger, SqliteTrigger
from pynenc.backends.sqlite.unit import SQLiteUnit
from pynenc.backends.sqlite.wakeups import SQLiteWakeups

__all__ = [
    "Components",
    "SQLiteBroker",
    "SQLiteClientDataStore",
    "SQLiteConnection",
    "SQLiteOrchestrator",
    "SQLiteStateBackend",
    "SQLiteTrigger",
    "SQLiteUnit",
    "SQLiteWakeups",
    "SqliteTrigger",
    "default_database_path",
    "sqlite_components",
]
