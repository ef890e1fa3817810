"""The unit of work: what is read is watched, what is written is kept back and happens at the end, or nothing.

The server has no locks that a dead client would hold. A unit reads what it needs under WATCH, decides, and sends its
writes in one transaction (MULTI, EXEC), which the server refuses if another client has changed anything of what was
read. Then the unit ends with ``UnitConflict``, and whoever opened it begins again. Inside a unit its own writes are
seen: what was read is kept here, and changed along.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from redis.exceptions import RedisError

from pynenc.exceptions import StoreUnavailableError
from pynenc.invocation.record import InvocationRecord, QueueEntry
from pynenc.ports.backend import UnitConflict
from pynenc_redis.connection import Command, Server
from pynenc_redis.failures import translated
from pynenc_redis.functions import function_name
from pynenc_redis.keys import Keys
from pynenc_redis.mapping import pack, packed_record, record_of

#: How long the server remembers the last unit of a thread: longer than any outage is waited for.
MARK_SECONDS = 600


class Session:
    """One unit: what it has read, and what it is about to write."""

    def __init__(self, server: Server, keys: Keys) -> None:
        self.keys = keys
        self._server = server
        self._connection: Any = None
        self._watched: set[str] = set()
        #: Records as they stand inside the unit.
        self.records: dict[str, InvocationRecord | None] = {}
        #: Members of sets, by key.
        self._sets: dict[str, set[str]] = {}
        #: Fields of hashes, by key; and which hashes were read as a whole.
        self._hashes: dict[str, dict[str, bytes | None]] = {}
        self._whole: set[str] = set()
        self._strings: dict[str, bytes | None] = {}
        #: Records to be written, with who did it (None: no status was written).
        self._changes: list[tuple[InvocationRecord, str | None]] = []
        self._commands: list[Command] = []
        #: Entries that the unit has put into queues.
        self.queued: list[QueueEntry] = []
        #: Arguments that the unit has stored.
        self.arguments: dict[str, str] = {}
        #: Called when nothing came of the unit.
        self.undo: list[Callable[[], None]] = []
        #: The connection is lost, and with it what was watched: nothing can come of the unit any more.
        self._failed = False

    # ---------------------------------------------------------------- reading

    def ask(self, *commands: Command, watch: Iterable[str] = ()) -> list[Any]:
        """The replies to reads, after these keys are watched."""
        if self._failed:
            raise UnitConflict
        if self._connection is None:
            self._connection = self._server.take()
        fresh = [key for key in watch if key not in self._watched]
        if fresh:
            self._watched.update(fresh)
            commands = (("WATCH", *fresh), *commands)
        try:
            replies = self._server.exchange(self._connection, commands)
        except (RedisError, OSError) as error:
            self._lose()
            self._begin_again_after(error)
        except BaseException:
            # Interrupted in the middle: nobody knows what is still to be read from it.
            self._lose()
            raise
        return self._server.checked(replies)[1 if fresh else 0 :]

    def _begin_again_after(self, error: BaseException) -> NoReturn:
        """The connection is lost, and with it what was watched; nothing has been written."""
        self._server.wait_out(error)
        raise UnitConflict from error

    def read(self, invocation_ids: Sequence[str]) -> dict[str, InvocationRecord]:
        """The records of those that exist."""
        unread = [each for each in dict.fromkeys(invocation_ids) if each not in self.records]
        if unread:
            keys = [self.keys("i", each) for each in unread]
            [blobs] = self.ask(("MGET", *keys), watch=keys)
            for invocation_id, blob in zip(unread, blobs, strict=True):
                self.records[invocation_id] = None if blob is None else record_of(blob)
        found = ((each, self.records[each]) for each in dict.fromkeys(invocation_ids))
        return {each: record for each, record in found if record is not None}

    def members(self, keys: Sequence[str]) -> list[set[str]]:
        """The members of sets; not to be changed."""
        unread = [key for key in dict.fromkeys(keys) if key not in self._sets]
        if unread:
            replies = self.ask(*(("SMEMBERS", key) for key in unread), watch=unread)
            for key, reply in zip(unread, replies, strict=True):
                self._sets[key] = self._with_own({member.decode() for member in reply}, key)
        return [self._sets[key] for key in keys]

    def glance(self, keys: Sequence[str]) -> list[set[str]]:
        """The members of sets, for a choice that is made sure of later: not watched."""
        unread = [key for key in dict.fromkeys(keys) if key not in self._sets]
        found = {key: self._sets[key] for key in keys if key in self._sets}
        if unread:
            for key, reply in zip(unread, self.ask(*(("SMEMBERS", key) for key in unread)), strict=True):
                found[key] = self._with_own({member.decode() for member in reply}, key)
        return [found[key] for key in keys]

    def peek(self, invocation_ids: Sequence[str]) -> dict[str, InvocationRecord]:
        """Records, for a choice that is made sure of later: not watched."""
        unread = [each for each in invocation_ids if each not in self.records]
        found = {each: record for each in invocation_ids if (record := self.records.get(each)) is not None}
        if unread:
            [blobs] = self.ask(("MGET", *(self.keys("i", each) for each in unread)))
            found.update((each, record_of(blob)) for each, blob in zip(unread, blobs, strict=True) if blob is not None)
        return found

    def fields(self, key: str, names: Sequence[str]) -> list[bytes | None]:
        """Fields of a hash."""
        known = self._hashes.setdefault(key, {})
        unread = [name for name in dict.fromkeys(names) if name not in known and key not in self._whole]
        if unread:
            [values] = self.ask(("HMGET", key, *unread), watch=[key])
            known.update(zip(unread, values, strict=True))
        return [known.get(name) for name in names]

    def whole(self, key: str) -> dict[str, bytes]:
        """All fields of a hash."""
        if key not in self._whole:
            [reply] = self.ask(("HGETALL", key), watch=[key])
            stored = {reply[n].decode(): reply[n + 1] for n in range(0, len(reply), 2)}
            # What was written here counts for more than what is there.
            self._hashes[key] = {**stored, **self._hashes.get(key, {})}
            self._whole.add(key)
        return {name: value for name, value in self._hashes[key].items() if value is not None}

    def glimpse(self, key: str, names: Sequence[str] | None = None) -> dict[str, bytes]:
        """Fields of a hash, or all, for a choice that is made sure of later: not watched."""
        if names is None:
            [reply] = self.ask(("HGETALL", key))
            found = {reply[n].decode(): reply[n + 1] for n in range(0, len(reply), 2)}
        else:
            [values] = self.ask(("HMGET", key, *names))
            found = dict(zip(names, values, strict=True))
        own = self._hashes.get(key, {})
        found.update((name, value) for name, value in own.items() if names is None or name in names)
        return {name: value for name, value in found.items() if value is not None}

    def own_field(self, key: str, name: str) -> bytes | None:
        """A field of a hash that this unit has written or read."""
        return self._hashes.get(key, {}).get(name)

    def strings(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values of keys."""
        unread = [key for key in dict.fromkeys(keys) if key not in self._strings]
        if unread:
            [values] = self.ask(("MGET", *unread), watch=unread)
            self._strings.update(zip(unread, values, strict=True))
        return [self._strings[key] for key in keys]

    # ---------------------------------------------------------------- writing

    def change(self, record: InvocationRecord, actor: str | None) -> None:
        """Write a record; ``actor`` None: its status did not change, and nothing goes into the history."""
        self.records[record.invocation_id] = record
        self._changes.append((record, actor))

    def changed_records(self) -> list[InvocationRecord]:
        """Those that were changed here, as they stand."""
        ids = dict.fromkeys(record.invocation_id for record, _ in self._changes)
        return list(self.read(list(ids)).values())

    def forget_records(self, invocation_ids: Sequence[str]) -> None:
        """They are being dropped."""
        self.records.update(dict.fromkeys(invocation_ids))

    def add(self, key: str, *members: str) -> None:
        """Add members to a set."""
        if members:
            self.write("SADD", key, *members)
            if key in self._sets:
                self._sets[key].update(members)

    def remove(self, key: str, *members: str) -> None:
        """Take members out of a set."""
        if members:
            self.write("SREM", key, *members)
            if key in self._sets:
                self._sets[key].difference_update(members)

    def put_fields(self, key: str, values: dict[str, bytes]) -> None:
        """Write fields of a hash."""
        if values:
            self.write("HSET", key, *(part for item in values.items() for part in item))
            self._hashes.setdefault(key, {}).update(values)

    def drop_fields(self, key: str, *names: str) -> None:
        """Remove fields of a hash."""
        if names:
            self.write("HDEL", key, *names)
            self._hashes.setdefault(key, {}).update(dict.fromkeys(names))

    def put(self, key: str, value: bytes) -> None:
        """Write a value."""
        self.write("SET", key, value)
        self._strings[key] = value

    def note(self, values: dict[str, bytes]) -> None:
        """What values of keys will be, as far as this unit is concerned: a function writes them at the end."""
        self._strings.update(values)

    def delete(self, *keys: str) -> None:
        """Remove keys of any kind."""
        if keys:
            self.write("DEL", *keys)
            for key in keys:
                self._strings[key] = None
                self._sets[key] = set()
                self._hashes[key] = {}
                self._whole.add(key)

    def write(self, *command: Any) -> None:
        """Any other write; it is not seen by reads of this unit."""
        self._commands.append(command)

    def call(self, function: str, *args: Any) -> None:
        """Call a function of the library at the end."""
        self.write("FCALL", function_name(function), 1, self.keys.prefix, *args)

    def _with_own(self, members: set[str], key: str) -> set[str]:
        """What this unit wrote to a set before it read it, done to what it read."""
        for name, of_key, *rest in self._commands:
            if of_key == key and name == "SADD":
                members.update(rest)
            elif of_key == key and name == "SREM":
                members.difference_update(rest)
        return members

    # ---------------------------------------------------------------- the end

    def commit(self) -> None:
        """Write everything.

        Raises:
            UnitConflict: nothing was written, for something that was read has changed.
            StoreUnavailableError: the server does not answer, or refuses.
        """
        if self._failed:
            # Somebody has gone on after an error: with what was read, but is not watched any more.
            self._undo()
            raise UnitConflict
        if not self._changes and not self._commands:
            self._close()
            self._server.in_order()
            return
        commands = self._all_commands()
        if self._connection is None:
            self._connection = self._server.take()
        mark = (self._mark_key(), secrets.token_hex(8).encode())
        try:
            step = [("MULTI",), *commands, ("SET", *mark, "EX", MARK_SECONDS), ("EXEC",)]
            replies = self._server.exchange(self._connection, step)
        except (RedisError, OSError) as error:
            self._server.drop(self._connection)
            self._connection = None
            self._server.close()
            [present] = self._server.ask(("GET", mark[0]))
            if present == mark[1]:
                # It was done; only the answer was lost.
                return
            self._undo()
            self._begin_again_after(error)
        except BaseException:
            self._lose()
            raise
        self._server.in_order()
        outcome = replies[-1]
        if isinstance(outcome, RedisError):
            self._lose()
            self._undo()
            refused = next((reply for reply in replies if isinstance(reply, RedisError)), outcome)
            raise translated(self._server.location, refused) from refused
        if outcome is None:
            self._close()
            self._undo()
            raise UnitConflict
        self._watched.clear()
        if any(isinstance(reply, RedisError) for reply in outcome):
            # Somebody has removed our functions, or it is an error of ours: new connections bring the functions again.
            self._lose()
            self._server.close()
        self._close()
        self._server.checked(outcome)

    def _all_commands(self) -> list[Command]:
        commands = self._commands
        if self._changes:
            items = [
                (packed_record(record),) if actor is None else (packed_record(record), actor)
                for record, actor in self._changes
            ]
            self._commands = []
            self.call("write", pack(items))
            # First: what follows may refer to it.
            commands = [*self._commands, *commands]
        return commands

    def _mark_key(self) -> str:
        """Where the server keeps which unit of this thread was the last one done."""
        return self.keys("last", f"{self._server.token}-{threading.get_ident()}")

    def _lose(self) -> None:
        """Give the connection up; what is to be undone waits for the end, for it may need a unit of its own."""
        self._failed = True
        if self._connection is not None:
            self._server.drop(self._connection)
            self._connection = None

    def rollback(self) -> None:
        """Nothing comes of it."""
        self._close()
        self._undo()

    def _undo(self) -> None:
        while self.undo:
            # Hints, which the sweep replaces.
            with suppress(StoreUnavailableError):
                self.undo.pop()()

    def _close(self) -> None:
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        if self._watched:
            self._watched.clear()
            try:
                self._server.exchange(connection, [("UNWATCH",)])
            except (RedisError, OSError):
                self._server.drop(connection)
                return
            except BaseException:
                self._server.drop(connection)
                raise
        self._server.give_back(connection)
