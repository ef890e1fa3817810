"""What every component is made of."""

from pynenc.backends.sqlite.unit import SQLiteUnit


class SQLitePart:
    """A component, or one contract of it: statements over the connection, grouped by the unit.

    What a method writes is one unit, or part of the one its thread is in. A single read needs none.
    """

    def __init__(self, unit: SQLiteUnit) -> None:
        self._unit = unit
        self._store = unit.connection
