"""What the servers have in common: a folder, a port, one process at a time, and readiness by condition."""

import os
import random
import shutil
import socket
import ssl
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import ClassVar, Self

from pynenc.testing.servers.certificates import Certificates
from pynenc.testing.servers.guarded_process import GuardedProcess

LOOPBACK = "127.0.0.1"

#: Below the range from which systems take the ports of outgoing connections: nobody takes the port of a server that
#: is being restarted.
_PORTS = range(20_000, 32_000)

#: How long a server may take until it answers; a loaded machine is no failure.
START_SECONDS = 90.0
_TRY_SECONDS = 0.05
_STARTS_WITH_NEW_PORT = 3


class ServerMissingError(Exception):
    """The program of a server is not installed; the message says how to install it."""


def find_program(*names: str, package: str) -> str:
    """The first of these programs that exists.

    Raises:
        ServerMissingError: none does.
    """
    # Servers live in sbin, which is not on everybody's path.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/opt/homebrew/sbin"])
    for name in names:
        found = shutil.which(name, path=path)
        if found is not None:
            return found
    raise ServerMissingError(f"{names[-1]} is not installed. On Debian and Ubuntu: apt-get install {package}")


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    picked = random.Random()  # noqa: S311 - sessions must differ, not be unpredictable
    while True:
        port = picked.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port


class Server(ABC):
    """A real server on a private port and folder, reachable from this machine only.

    The program runs as a child of this process, and does not outlive it.
    """

    #: What people call it.
    name: ClassVar[str]

    def __init__(self, *, tls: bool = False) -> None:
        self._resources = ExitStack()
        parent = self._resources.enter_context(tempfile.TemporaryDirectory(prefix=f"pynenc-{self.name.lower()}-"))
        self.folder = Path(parent)
        self.log = self.folder / "log"
        self.certificates = Certificates(self.folder / "certificates") if tls else None
        self.port = 0
        self._process: GuardedProcess | None = None

    @property
    def host(self) -> str:
        """Where it listens."""
        return LOOPBACK

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._running().pid

    def start(self) -> Self:
        """Start it, on the port and with the data that it had before, if any; returns when it answers."""
        if self._process is not None:
            return self
        for left in reversed(range(1 if self.port else _STARTS_WITH_NEW_PORT)):
            self.port = self.port or free_port()
            self._process = GuardedProcess(self._command(), log=self.log, folder=self.folder, env=self._environment())
            try:
                self._wait_until_ready()
            except RuntimeError:
                self._process.kill()
                self._process = None
                self.port = 0
                if not left:
                    raise
            else:
                break
        return self

    def stop(self) -> None:
        """Have it end in order. Its data stay; ``start`` finds them again."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """``stop`` and ``start``."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Have it stand still, with its connections open, until ``resume``."""
        self._running().pause()

    def resume(self) -> None:
        """Have it go on after ``pause``."""
        self._running().resume()

    def close(self) -> None:
        """Stop it and remove its data."""
        self.kill()
        self._resources.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self, seconds: float = 5.0) -> socket.socket:
        """A connection to it, through TLS if it wants that; without any greeting."""
        plain = socket.create_connection((self.host, self.port), seconds)
        if self.certificates is None:
            return plain
        context = ssl.create_default_context(cafile=str(self.certificates.authority))
        return context.wrap_socket(plain, server_hostname=self.host)

    def log_tail(self) -> str:
        """The end of what it has logged."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """How to start it on ``self.port``, in the foreground."""

    @abstractmethod
    def _environment(self) -> dict[str, str]:
        """The environment of the process."""

    @abstractmethod
    def _answers(self, connection: socket.socket) -> bool:
        """Whether it is ready to work, asked on a new connection."""

    def _running(self) -> GuardedProcess:
        if self._process is None:
            raise RuntimeError(f"{self.name} is not running: call start() first")
        return self._process

    def _wait_until_ready(self) -> None:
        process = self._running()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with closing(self.connect()) as connection:
                    if self._answers(connection):
                        return
            except OSError:
                pass
            if process.wait(_TRY_SECONDS):
                raise RuntimeError(f"{self.name} ended while it was starting. Its log: {self.log_tail()}")
        raise RuntimeError(f"{self.name} did not answer within {START_SECONDS:.0f} s. Its log: {self.log_tail()}")
