"""What a unit is about to write: kept back until its end."""

from typing import Any

from pynenc.invocation.record import InvocationRecord
from pynenc_redis.connection import Command
from pynenc_redis.functions import function_name
from pynenc_redis.keys import Keys
from pynenc_redis.mapping import pack, packed_record


class Writes:
    """Commands, in the order in which they are given, behind the records."""

    __slots__ = ("_commands", "_keys", "_records")

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._commands: list[Command] = []
        #: With who did it (None: no status was written).
        self._records: list[tuple[InvocationRecord, str | None]] = []

    def add(self, *command: Any) -> None:
        """A command."""
        self._commands.append(command)

    def call(self, function: str, *args: Any) -> None:
        """A call of a function of the library."""
        self._commands.append(self._function(function, *args))

    def record(self, record: InvocationRecord, actor: str | None) -> None:
        """A record; ``actor`` None: its status did not change, and nothing goes into the history."""
        self._records.append((record, actor))

    def record_ids(self) -> list[str]:
        """Whose records are written."""
        return list(dict.fromkeys(record.invocation_id for record, _ in self._records))

    def commands(self) -> list[Command]:
        """Everything. The records come first: what follows may refer to them."""
        if not self._records:
            return self._commands
        items = [
            (packed_record(record),) if actor is None else (packed_record(record), actor)
            for record, actor in self._records
        ]
        return [self._function("write", pack(items)), *self._commands]

    def _function(self, function: str, *args: Any) -> Command:
        return ("FCALL", function_name(function), 1, self._keys.prefix, *args)
