"""Large values in memory."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice

from pynenc.backends.memory.storage import MemoryUnit, discard
from pynenc.ports.client_data_store import ClientDataStore


class MemClientDataStore(ClientDataStore):
    """Texts, when they were put last, and who uses them."""

    def __init__(self, unit: MemoryUnit) -> None:
        self._lock = unit.lock
        self._forget_everything()

    def _forget_everything(self) -> None:
        self._texts: dict[str, str] = {}
        self._put_at: dict[str, float] = {}
        self._bytes = 0
        self._users: defaultdict[str, set[str]] = defaultdict(set)
        self._uses: defaultdict[str, set[str]] = defaultdict(set)

    def put(self, values: Mapping[str, str], now: float) -> None:
        with self._lock:
            for key, text in values.items():
                if key not in self._texts:
                    self._texts[key] = text
                    self._bytes += _size(text)
                self._put_at[key] = now

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        with self._lock:
            return {key: self._texts[key] for key in keys if key in self._texts}

    def missing(self, keys: Sequence[str]) -> list[str]:
        with self._lock:
            return [key for key in keys if key not in self._texts]

    def link(self, uses: Sequence[tuple[str, str]]) -> None:
        with self._lock:
            for key, invocation_id in uses:
                self._users[key].add(invocation_id)
                self._uses[invocation_id].add(key)

    def unlink(self, invocation_ids: Sequence[str]) -> None:
        with self._lock:
            for invocation_id in invocation_ids:
                for key in self._uses.pop(invocation_id, ()):
                    discard(self._users, key, invocation_id)

    def collect(self, used_before: float, limit: int) -> int:
        with self._lock:
            unused = (key for key, at in self._put_at.items() if at < used_before and key not in self._users)
            collected = list(islice(unused, limit))
            for key in collected:
                self._bytes -= _size(self._texts.pop(key))
                del self._put_at[key]
            return len(collected)

    def usage(self) -> tuple[int, int]:
        with self._lock:
            return len(self._texts), self._bytes

    def purge(self) -> None:
        with self._lock:
            self._forget_everything()


def _size(text: str) -> int:
    """Bytes in UTF-8, without encoding what needs none."""
    return len(text) if text.isascii() else len(text.encode())
