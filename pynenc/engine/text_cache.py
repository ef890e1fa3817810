"""The large texts that a process used last, and what they mean."""

import threading
from collections import OrderedDict
from typing import Any

#: Values of these types are shared by all who ask for them, for nobody can change them.
_UNCHANGEABLE = (str, bytes)


class _Entry:
    __slots__ = ("size", "text", "value")

    def __init__(self, text: str) -> None:
        self.text = text
        self.size = len(text)
        #: None: not decoded yet, or of a type that is decoded anew for everybody.
        self.value: str | bytes | None = None


class TextCache:
    """Texts by key, bounded by their number and by their size in characters. Safe to use from many threads.

    A text that means a string or bytes is decoded once; any other is decoded anew for each user, so that no two of
    them share an object.
    """

    def __init__(self, entries: int, size: int) -> None:
        self._entries = entries
        self._size = size
        self._held = 0
        self._texts: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def get(self, key: str) -> str | None:
        """The text."""
        entry = self._used(key)
        return None if entry is None else entry.text

    def value(self, key: str) -> str | bytes | None:
        """What the text means, if it was remembered."""
        entry = self._used(key)
        return None if entry is None else entry.value

    def _used(self, key: str) -> _Entry | None:
        with self._lock:
            entry = self._texts.get(key)
            if entry is not None:
                self._texts.move_to_end(key)
            return entry

    def add(self, key: str, text: str) -> None:
        """Remember a text."""
        with self._lock:
            if key not in self._texts:
                entry = self._texts[key] = _Entry(text)
                self._held += entry.size
                self._shrink()

    def remember(self, key: str, value: Any) -> None:
        """Remember what a text means, if users can share it."""
        if type(value) not in _UNCHANGEABLE:
            return
        with self._lock:
            entry = self._texts.get(key)
            if entry is not None and entry.value is None:
                entry.value = value
                self._held += len(value)
                entry.size += len(value)
                self._shrink()

    def _shrink(self) -> None:
        while self._texts and (len(self._texts) > self._entries or self._held > self._size):
            _, dropped = self._texts.popitem(last=False)
            self._held -= dropped.size

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._texts.clear()
            self._held = 0
