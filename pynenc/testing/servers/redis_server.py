"""A real Redis for a test session."""

import os
import socket
from collections.abc import Sequence
from typing import ClassVar

from pynenc.testing.servers.server import Server, find_program


class RedisServer(Server):
    """Redis, or Valkey, on a private port."""

    name: ClassVar[str] = "Redis"

    def __init__(
        self,
        *,
        append_only: bool = False,
        max_memory: str | None = None,
        password: str | None = None,
        tls: bool = False,
        replica_of: "RedisServer | None" = None,
        options: Sequence[str] = (),
    ) -> None:
        """Settle what it is to be like; nothing runs before ``start``.

        ``append_only``: every write is on disk before it is answered, so that ``kill`` loses nothing; otherwise
        nothing survives. ``max_memory`` as in ``"8mb"``: writes beyond it are refused. ``replica_of``: follow another
        server, which runs. ``options``: more lines for redis.conf.
        """
        self._program = find_program("redis-server", "valkey-server", "redis-server", package="redis-server")
        super().__init__(tls=tls)
        self.password = password
        self._append_only = append_only
        self._max_memory = max_memory
        self._primary = replica_of
        self._options = tuple(options)

    @property
    def url(self) -> str:
        """Where a client finds it, with the password and without a number of a database."""
        scheme = "redis" if self.certificates is None else "rediss"
        credentials = f":{self.password}@" if self.password else ""
        return f"{scheme}://{credentials}{self.host}:{self.port}"

    def _command(self) -> Sequence[str]:
        conf = self.folder / "redis.conf"
        conf.touch(mode=0o600)
        conf.write_text("\n".join(self._lines()) + "\n", encoding="utf-8")
        return [self._program, str(conf)]

    def _lines(self) -> list[str]:
        lines = [f"bind {self.host}", f"dir {self.folder}", "daemonize no", 'save ""', "databases 64"]
        if self._append_only:
            lines += ["appendonly yes", "appendfsync always"]
        if self._max_memory is not None:
            lines += [f"maxmemory {self._max_memory}", "maxmemory-policy noeviction"]
        if self.password is not None:
            lines.append(f'requirepass "{self.password}"')
        if self._primary is not None:
            lines.append(f"replicaof {self._primary.host} {self._primary.port}")
        if self.certificates is None:
            lines.append(f"port {self.port}")
        else:
            lines += [
                "port 0",
                f"tls-port {self.port}",
                "tls-auth-clients no",
                f"tls-cert-file {self.certificates.certificate}",
                f"tls-key-file {self.certificates.key}",
                f"tls-ca-cert-file {self.certificates.authority}",
            ]
        return [*lines, *self._options]

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def _answers(self, connection: socket.socket) -> bool:
        if self.password is not None:
            secret = self.password.encode()
            connection.sendall(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%b\r\n" % (len(secret), secret))
            connection.recv(1000)
        connection.sendall(b"PING\r\n")
        # While it reads its files it says -LOADING.
        return connection.recv(1000).startswith(b"+PONG")
