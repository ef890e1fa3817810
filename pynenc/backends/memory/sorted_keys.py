"""Keys in order, for indexes that grow at the end and shrink at the front."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import islice
from typing import Generic, TypeVar

Key = TypeVar("Key", int, str, tuple[float, str])


class SortedKeys(Generic[Key]):
    """A set of keys that can be walked in order from any of them, in both directions.

    The idea: a sorted list, for adding at the end and bisecting are what a list does best, and ids, sequence
    numbers and times nearly always arrive in order. Taking a key out of the middle of a list costs its length,
    so a removed key is only marked; the list is rebuilt when more than half of it is not there any more.
    Adding and removing cost a constant on average, a key out of order costs a move of memory. A tree would be
    even, and slower for what nearly always happens.
    """

    __slots__ = ("_first", "_gone", "_keys")

    def __init__(self) -> None:
        self._keys: list[Key] = []
        #: What was removed and is still in the list, at or after ``_first``.
        self._gone: set[Key] = set()
        #: Everything before this position was removed: who asks for the oldest does not pass by them again.
        self._first = 0

    def add(self, key: Key) -> None:
        """Put in a key that is not there."""
        if key in self._gone:
            self._gone.remove(key)
        elif not self._keys or self._keys[-1] < key:
            self._keys.append(key)
        else:
            insort(self._keys, key, lo=self._first)

    def discard(self, key: Key) -> None:
        """Take out a key that is there."""
        keys, gone = self._keys, self._gone
        if keys[self._first] == key:
            self._first += 1
            while gone and keys[self._first] in gone:
                gone.remove(keys[self._first])
                self._first += 1
        else:
            gone.add(key)
        if (self._first + len(gone)) * 2 > len(keys):
            self._keys = [kept for kept in islice(keys, self._first, None) if kept not in gone]
            self._gone = set()
            self._first = 0

    def ascending(self, after: Key | None = None) -> Iterator[Key]:
        """The keys beyond ``after``, or all, smallest first."""
        start = self._first if after is None else bisect_right(self._keys, after, lo=self._first)
        return (key for key in islice(self._keys, start, None) if key not in self._gone)

    def descending(self, before: Key | None = None) -> Iterator[Key]:
        """The keys below ``before``, or all, largest first."""
        end = len(self._keys) if before is None else bisect_left(self._keys, before, lo=self._first)
        positions = range(end - 1, self._first - 1, -1)
        return (self._keys[at] for at in positions if self._keys[at] not in self._gone)

    def __len__(self) -> int:
        return len(self._keys) - self._first - len(self._gone)
