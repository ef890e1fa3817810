"""What every component is made of."""

from collections.abc import Sequence
from typing import Any

from pynenc_redis.connection import Command
from pynenc_redis.functions import function_name
from pynenc_redis.unit import RedisUnit


class RedisPart:
    """A component, or one contract of it."""

    def __init__(self, unit: RedisUnit) -> None:
        self._unit = unit
        self._keys = unit.keys

    def _ask(self, *commands: Command) -> list[Any]:
        """The replies to reads that decide nothing, or to single commands: one trip."""
        return self._unit.server.ask(*commands)

    def _fcall(self, function: str, *args: Any) -> Command:
        return ("FCALL", function_name(function), 1, self._keys.prefix, *args)

    def _forget(self, kinds: Sequence[str]) -> None:
        """Remove all keys of these kinds: portions, for the server does nothing else meanwhile."""
        for kind in kinds:
            cursor = b"0"
            while True:
                [[cursor, found]] = self._ask(
                    ("SCAN", cursor, "MATCH", _literal(self._keys(kind)) + "*", "COUNT", 1000)
                )
                if found:
                    self._ask(("UNLINK", *found))
                if cursor == b"0":
                    break


def _literal(text: str) -> str:
    """A text as a pattern that only it matches."""
    return "".join(f"\\{character}" if character in "*?[]\\^" else character for character in text)
