"""Large values in SQLite: the texts, apart from when they were put and who uses them."""

from collections.abc import Mapping, Sequence

from pynenc.backends.sqlite.part import SQLitePart
from pynenc.backends.sqlite.statements import ByIds
from pynenc.ports.client_data_store import ClientDataStore

_USE_AGAIN = "UPDATE {p}client_data SET put_at = ? WHERE key = ?"
_PUT = "INSERT INTO {p}client_data VALUES (?, ?, ?)"
_PUT_TEXT = "INSERT INTO {p}client_data_texts VALUES (?, ?)"
_GET = ByIds("SELECT key, text FROM {p}client_data_texts WHERE key IN ({ids})")
_THERE = ByIds("SELECT key FROM {p}client_data WHERE key IN ({ids})")
_LINK = "INSERT INTO {p}client_data_uses VALUES (?, ?) ON CONFLICT DO NOTHING"
_UNLINK = ByIds("DELETE FROM {p}client_data_uses WHERE invocation_id IN ({ids})")
_UNUSED = """
    SELECT key FROM {p}client_data AS texts
    WHERE put_at < ? AND NOT EXISTS (SELECT 1 FROM {p}client_data_uses AS uses WHERE uses.key = texts.key)
    ORDER BY put_at LIMIT ?
"""
_FORGET = (
    ByIds("DELETE FROM {p}client_data WHERE key IN ({ids})"),
    ByIds("DELETE FROM {p}client_data_texts WHERE key IN ({ids})"),
)
_USAGE = "SELECT count(*), coalesce(sum(bytes), 0) FROM {p}client_data"
_PURGE = (
    "DELETE FROM {p}client_data",
    "DELETE FROM {p}client_data_texts",
    "DELETE FROM {p}client_data_uses",
)


class SQLiteClientDataStore(SQLitePart, ClientDataStore):
    """Texts under the digest of their content."""

    def put(self, values: Mapping[str, str], now: float) -> None:
        with self._unit:
            for key, text in values.items():
                if not self._store.write(_USE_AGAIN, (now, key)):
                    self._store.write(_PUT, (key, now, len(text.encode())))
                    self._store.write(_PUT_TEXT, (key, text))

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        return dict(self._store.rows_by_ids(_GET, keys))

    def missing(self, keys: Sequence[str]) -> list[str]:
        there = {key for [key] in self._store.rows_by_ids(_THERE, keys)}
        return [key for key in keys if key not in there]

    def link(self, uses: Sequence[tuple[str, str]]) -> None:
        with self._unit:
            self._store.write_many(_LINK, [(invocation_id, key) for key, invocation_id in uses])

    def unlink(self, invocation_ids: Sequence[str]) -> None:
        with self._unit:
            self._store.write_by_ids(_UNLINK, invocation_ids)

    def collect(self, used_before: float, limit: int) -> int:
        with self._unit:
            unused = [key for [key] in self._store.rows(_UNUSED, (used_before, limit))]
            for statement in _FORGET:
                self._store.write_by_ids(statement, unused)
            return len(unused)

    def usage(self) -> tuple[int, int]:
        [[count, size]] = self._store.rows(_USAGE)
        return count, size

    def purge(self) -> None:
        with self._unit:
            for sql in _PURGE:
                self._store.write(sql)
