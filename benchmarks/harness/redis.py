"""The few Redis commands the harness needs, over a plain socket: its own environment has no Redis client."""

import re
import socket

from benchmarks.harness.peers import REDIS_PORT

TIMEOUT_SECONDS = 5.0


def available() -> bool:
    """Tell whether a Redis answers on the private port."""
    try:
        return _command("PING").startswith("+PONG")
    except OSError:
        return False


def flush() -> None:
    """Empty the server."""
    _command("FLUSHALL")


def commands_processed() -> int:
    """Tell how many commands the server has run since it started."""
    return _info("stats", "total_commands_processed")


def process_id() -> int:
    """Name the server's process."""
    return _info("server", "process_id")


def _info(section: str, name: str) -> int:
    found = re.search(rf"^{name}:(\d+)", _command("INFO", section), re.MULTILINE)
    if not found:
        raise ValueError(f"Redis does not tell its {name}")
    return int(found[1])


def _command(*words: str) -> str:
    request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    with socket.create_connection(("127.0.0.1", REDIS_PORT), TIMEOUT_SECONDS) as connection:
        connection.sendall(request.encode())
        reply = connection.makefile("rb")
        first = reply.readline().decode()
        return reply.read(int(first[1:])).decode() if first.startswith("$") else first
