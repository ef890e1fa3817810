"""A real Redis Sentinel for a test session."""

import os
import socket
from collections.abc import Sequence
from typing import ClassVar

from pynenc.testing.servers.redis_server import RedisServer
from pynenc.testing.servers.server import Server, find_program


class RedisSentinel(Server):
    """Watches a primary and its replicas, and makes a replica the primary when the primary is gone."""

    name: ClassVar[str] = "Sentinel"

    def __init__(self, primary: RedisServer, *, service: str = "mymaster", quorum: int = 1) -> None:
        """Settle what it is to be like; nothing runs before ``start``.

        ``quorum``: how many sentinels must agree that the primary is gone.
        """
        self._program = find_program("redis-server", "valkey-server", "redis-server", package="redis-server")
        super().__init__()
        self.service = service
        self._primary = primary
        self._quorum = quorum

    @property
    def address(self) -> str:
        """As in the setting ``redis_sentinels``."""
        return f"{self.host}:{self.port}"

    def _command(self) -> Sequence[str]:
        conf = self.folder / "sentinel.conf"
        if not conf.exists():
            # Then it is its own: it writes there what it finds out.
            conf.write_text("\n".join(self._lines()) + "\n", encoding="utf-8")
        return [self._program, str(conf), "--sentinel"]

    def _lines(self) -> list[str]:
        return [
            f"bind {self.host}",
            f"port {self.port}",
            f"dir {self.folder}",
            "daemonize no",
            f"sentinel monitor {self.service} {self._primary.host} {self._primary.port} {self._quorum}",
            # Soon, so that tests are short.
            f"sentinel down-after-milliseconds {self.service} 1000",
            f"sentinel failover-timeout {self.service} 3000",
        ]

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def _answers(self, connection: socket.socket) -> bool:
        connection.sendall(b"PING\r\n")
        return connection.recv(1000).startswith(b"+PONG")
