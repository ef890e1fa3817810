"""What a unit knows of the server, by kind of value, with its own writes already done to it.

Up to three ways to look, which are called the same for each kind:

    read   watched: whoever changes it before the end of the unit brings the unit to nothing
    peek   not watched: for a choice that is made sure of later
    known  what was read or written here: no trip
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pynenc.invocation.record import InvocationRecord
from pynenc_redis.exchange import Exchange
from pynenc_redis.keys import Keys
from pynenc_redis.mapping import record_of
from pynenc_redis.writes import Writes


class Records:
    """Invocations."""

    __slots__ = ("_exchange", "_keys", "_known", "_writes")

    def __init__(self, exchange: Exchange, writes: Writes, keys: Keys) -> None:
        self._exchange = exchange
        self._writes = writes
        self._keys = keys
        #: None: there is none.
        self._known: dict[str, InvocationRecord | None] = {}

    def read(self, invocation_ids: Iterable[str]) -> dict[str, InvocationRecord]:
        """Those that exist."""
        ids = list(dict.fromkeys(invocation_ids))
        unread = [each for each in ids if each not in self._known]
        if unread:
            keys = [self._keys("i", each) for each in unread]
            [blobs] = self._exchange.ask(("MGET", *keys), watch=keys)
            for invocation_id, blob in zip(unread, blobs, strict=True):
                self._known[invocation_id] = None if blob is None else record_of(blob)
        found = ((each, self._known[each]) for each in ids)
        return {each: record for each, record in found if record is not None}

    def peek(self, invocation_ids: Sequence[str]) -> dict[str, InvocationRecord]:
        """Those that exist, not watched."""
        unread = [each for each in invocation_ids if each not in self._known]
        found = {each: record for each in invocation_ids if (record := self._known.get(each)) is not None}
        if unread:
            [blobs] = self._exchange.ask(("MGET", *(self._keys("i", each) for each in unread)))
            found.update((each, record_of(blob)) for each, blob in zip(unread, blobs, strict=True) if blob is not None)
        return found

    def known(self, invocation_id: str) -> InvocationRecord | None:
        """One that was read or written here."""
        return self._known.get(invocation_id)

    def change(self, record: InvocationRecord, actor: str | None) -> None:
        """Write one; ``actor`` None: its status did not change, and nothing goes into the history."""
        self._known[record.invocation_id] = record
        self._writes.record(record, actor)

    def changed(self) -> list[InvocationRecord]:
        """Those that were changed here, as they stand."""
        return list(self.read(self._writes.record_ids()).values())

    def forget(self, invocation_ids: Iterable[str]) -> None:
        """They are being dropped."""
        self._known.update(dict.fromkeys(invocation_ids))


class Sets:
    """Members of sets, by key."""

    __slots__ = ("_exchange", "_known", "_own", "_writes")

    def __init__(self, exchange: Exchange, writes: Writes) -> None:
        self._exchange = exchange
        self._writes = writes
        self._known: dict[str, set[str]] = {}
        #: What was done to sets that were not read before: which members are in them since, and which are not.
        self._own: dict[str, dict[str, bool]] = {}

    def read(self, keys: Sequence[str]) -> list[set[str]]:
        """The members; not to be changed."""
        unread = [key for key in dict.fromkeys(keys) if key not in self._known]
        if unread:
            self._known.update(self._ask(unread, watch=unread))
        return [self._known[key] for key in keys]

    def peek(self, keys: Sequence[str]) -> list[set[str]]:
        """The members, not watched; not to be changed."""
        unread = [key for key in dict.fromkeys(keys) if key not in self._known]
        found = self._ask(unread) if unread else {}
        return [self._known[key] if key in self._known else found[key] for key in keys]

    def _ask(self, keys: Sequence[str], watch: Sequence[str] = ()) -> dict[str, set[str]]:
        replies = self._exchange.ask(*(("SMEMBERS", key) for key in keys), watch=watch)
        return {key: self._with_own(key, reply) for key, reply in zip(keys, replies, strict=True)}

    def _with_own(self, key: str, stored: Iterable[bytes]) -> set[str]:
        members = {member.decode() for member in stored}
        for member, is_in in self._own.get(key, {}).items():
            (members.add if is_in else members.discard)(member)
        return members

    def add(self, key: str, *members: str) -> None:
        """Add members."""
        if members:
            self._writes.add("SADD", key, *members)
            if key in self._known:
                self._known[key].update(members)
            else:
                self._own.setdefault(key, {}).update(dict.fromkeys(members, True))

    def remove(self, key: str, *members: str) -> None:
        """Take members out."""
        if members:
            self._writes.add("SREM", key, *members)
            if key in self._known:
                self._known[key].difference_update(members)
            else:
                self._own.setdefault(key, {}).update(dict.fromkeys(members, False))

    def forget(self, key: str) -> None:
        """It is being deleted."""
        self._known[key] = set()


class Hashes:
    """Fields of hashes, by key."""

    __slots__ = ("_exchange", "_known", "_whole", "_writes")

    def __init__(self, exchange: Exchange, writes: Writes) -> None:
        self._exchange = exchange
        self._writes = writes
        #: None: it has no such field.
        self._known: dict[str, dict[str, bytes | None]] = {}
        #: Which were read as a whole.
        self._whole: set[str] = set()

    def read(self, key: str, names: Sequence[str]) -> list[bytes | None]:
        """Some fields."""
        known = self._known.setdefault(key, {})
        unread = [name for name in dict.fromkeys(names) if name not in known and key not in self._whole]
        if unread:
            [values] = self._exchange.ask(("HMGET", key, *unread), watch=[key])
            known.update(zip(unread, values, strict=True))
        return [known.get(name) for name in names]

    def read_all(self, key: str) -> dict[str, bytes]:
        """All fields."""
        if key not in self._whole:
            [reply] = self._exchange.ask(("HGETALL", key), watch=[key])
            # What was written here counts for more than what is there.
            self._known[key] = {**_fields_of(reply), **self._known.get(key, {})}
            self._whole.add(key)
        return _present(self._known[key])

    def peek(self, keys: Sequence[str], names: Sequence[str]) -> list[dict[str, bytes]]:
        """Some fields of each of these, not watched."""
        replies = self._exchange.ask(*(("HMGET", key, *names) for key in keys))
        return [
            _present(
                {name: self._known.get(key, {}).get(name, value) for name, value in zip(names, reply, strict=True)}
            )
            for key, reply in zip(keys, replies, strict=True)
        ]

    def peek_all(self, key: str) -> dict[str, bytes]:
        """All fields, not watched."""
        [reply] = self._exchange.ask(("HGETALL", key))
        return _present({**_fields_of(reply), **self._known.get(key, {})})

    def known(self, key: str, name: str) -> bytes | None:
        """A field that was read or written here."""
        return self._known.get(key, {}).get(name)

    def put(self, key: str, values: dict[str, bytes]) -> None:
        """Write fields."""
        if values:
            self._writes.add("HSET", key, *(part for item in values.items() for part in item))
            self._known.setdefault(key, {}).update(values)

    def drop(self, key: str, *names: str) -> None:
        """Remove fields."""
        if names:
            self._writes.add("HDEL", key, *names)
            self._known.setdefault(key, {}).update(dict.fromkeys(names))

    def forget(self, key: str) -> None:
        """It is being deleted."""
        self._known[key] = {}
        self._whole.add(key)


def _fields_of(reply: Sequence[Any]) -> dict[str, bytes | None]:
    """From names and values in turn."""
    return {reply[n].decode(): reply[n + 1] for n in range(0, len(reply), 2)}


def _present(fields: dict[str, bytes | None]) -> dict[str, bytes]:
    return {name: value for name, value in fields.items() if value is not None}


class Strings:
    """Values of keys."""

    __slots__ = ("_exchange", "_known", "_writes")

    def __init__(self, exchange: Exchange, writes: Writes) -> None:
        self._exchange = exchange
        self._writes = writes
        #: None: there is no such key.
        self._known: dict[str, bytes | None] = {}

    def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """Their values."""
        unread = [key for key in dict.fromkeys(keys) if key not in self._known]
        if unread:
            [values] = self._exchange.ask(("MGET", *unread), watch=unread)
            self._known.update(zip(unread, values, strict=True))
        return [self._known[key] for key in keys]

    def put(self, key: str, value: bytes) -> None:
        """Write one."""
        self._writes.add("SET", key, value)
        self._known[key] = value

    def note(self, values: dict[str, bytes]) -> None:
        """What they will be, as far as this unit is concerned: a function writes them at the end."""
        self._known.update(values)

    def forget(self, key: str) -> None:
        """It is being deleted."""
        self._known[key] = None
