"""An SQLite file as a product."""

from pynenc.backends.products import Product
from pynenc.backends.sqlite.components import sqlite_components
from pynenc.backends.sqlite.location import default_database_path
from pynenc.backends.sqlite.wakeups import SQLiteWakeups
from pynenc.conf.config_sqlite import ConfigSQLite
from pynenc.conf.settings import Settings


def open_sqlite(app_id: str, settings: Settings) -> Product:
    """The file that the settings name, which is created at its first use."""
    conf = settings.build(ConfigSQLite)
    path = conf.sqlite_db_path or str(default_database_path())
    made = sqlite_components(app_id, path, conf.sqlite_synchronous)
    return Product(
        name="SQLite",
        parts={
            "broker": made.broker,
            "orchestrator": made.orchestrator,
            "state": made.state,
            "trigger": made.trigger,
            "client_data": made.client_data,
        },
        unit=made.unit,
        wakeups=SQLiteWakeups(path, app_id),
        shared_between_processes=True,
        location=path,
    )
