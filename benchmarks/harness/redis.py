"""The few Redis commands the harness needs, over a plain socket."""

import re
import socket

TIMEOUT_SECONDS = 5.0


class RedisProbe:
    """Looks at a server, and empties it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port

    def flush(self) -> None:
        """Empty the server."""
        self._command("FLUSHALL")

    def commands_processed(self) -> int:
        """Tell how many commands the server has run since it started."""
        return self._info("stats", "total_commands_processed")

    def used_bytes(self) -> int:
        """Tell how much memory its data take."""
        return self._info("memory", "used_memory")

    def _info(self, section: str, name: str) -> int:
        found = re.search(rf"^{name}:(\d+)", self._command("INFO", section), re.MULTILINE)
        if not found:
            raise ValueError(f"Redis does not tell its {name}")
        return int(found[1])

    def _command(self, *words: str) -> str:
        request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.create_connection(self._address, TIMEOUT_SECONDS) as connection:
            connection.sendall(request.encode())
            reply = connection.makefile("rb")
            first = reply.readline().decode()
            return reply.read(int(first[1:])).decode() if first.startswith("$") else first
