"""The few Redis commands the harness needs, over a plain socket."""

import re
import socket
from dataclasses import dataclass

TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What a server has counted since it started."""

    #: With those that functions and scripts run.
    commands: int
    #: How often it has read something from a connection. A request is read at once, however many commands are sent
    #: together and whatever a function does in it; one of more than 16 kB may be read in several pieces.
    trips: int
    #: Memory that its data take.
    data_bytes: int


class RedisProbe:
    """Looks at a server, and empties it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port

    def flush(self) -> None:
        """Empty the server."""
        self._command("FLUSHALL")

    def counters(self) -> Counters:
        """Read what the server has counted, in one request: they count, too."""
        said = self._command("INFO")
        return Counters(
            commands=_number(said, "total_commands_processed"),
            trips=_number(said, "total_reads_processed"),
            data_bytes=_number(said, "used_memory"),
        )

    def _command(self, *words: str) -> str:
        request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.create_connection(self._address, TIMEOUT_SECONDS) as connection:
            connection.sendall(request.encode())
            reply = connection.makefile("rb")
            first = reply.readline().decode()
            return reply.read(int(first[1:])).decode() if first.startswith("$") else first


def _number(said: str, name: str) -> int:
    found = re.search(rf"^{name}:(\d+)", said, re.MULTILINE)
    if not found:
        raise ValueError(f"Redis does not tell its {name}")
    return int(found[1])
