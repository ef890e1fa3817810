"""A second SQLite file as a product of its own, for mixtures that several processes share."""

from pynenc.backends.products import Product
from pynenc.backends.sqlite.components import sqlite_components
from pynenc.backends.sqlite.wakeups import SQLiteWakeups
from pynenc.conf.config_sqlite import ConfigSQLite
from pynenc.ports import PORTS_VERSION

PYNENC_PORTS_VERSION = PORTS_VERSION


def open_second(app_id, settings):
    """The file beside the first one."""
    conf = settings.build(ConfigSQLite)
    path = f"{conf.sqlite_db_path}-second"
    made = sqlite_components(app_id, path, conf.sqlite_synchronous)
    parts = ("broker", "orchestrator", "state", "trigger", "client_data")
    return Product(
        name="Second",
        parts={name: getattr(made, name) for name in parts},
        unit=made.unit,
        wakeups=SQLiteWakeups(path, app_id),
        shared_between_processes=True,
        location=path,
    )


PRODUCTS = {"Second": open_second}
